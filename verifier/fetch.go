package verifier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Limits of one request. What is fetched is a token at most, so the cap is that
// of a token.
const (
	connectTimeout = 3 * time.Second
	fetchTimeout   = 10 * time.Second
	maxFetched     = 2 << 20
)

var errTooMuch = errors.New("the answer was too large")

// FetchPolicy bounds outgoing requests.
type FetchPolicy struct {
	AllowLoopback bool // http on loopback hosts, for demos and tests only
}

// NewFetchClient returns the one client through which anything is fetched:
// addresses are checked in the dialer after resolution, no redirects, no
// proxy, caps on size and time.
//
// It keeps no connection open: lists are asked for every half minute at most,
// and what is not kept leaks nothing.
func NewFetchClient(p FetchPolicy) *http.Client {
	return fetchClient(p, &net.Dialer{Timeout: connectTimeout})
}

// fetchClient builds the client around a dialer, whose Control is set here.
func fetchClient(p FetchPolicy, d *net.Dialer) *http.Client {
	public, loopback := *d, *d
	public.ControlContext = permitAddress(d.ControlContext, isPublic)
	loopback.ControlContext = permitAddress(d.ControlContext, netip.Addr.IsLoopback)
	return &http.Client{
		Transport:     &gate{policy: p, public: transport(&public), loopback: transport(&loopback)},
		CheckRedirect: noRedirect,
		Timeout:       fetchTimeout,
	}
}

// noRedirect hands out the redirect itself, which no caller takes for content:
// its target is chosen by whoever answers (attack 6).
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func transport(d *net.Dialer) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // HTTP_PROXY would undo the address check
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		DisableKeepAlives:      true,
		DisableCompression:     true, // so that the cap counts what arrives
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// gate lets a request out by its URL: https, or http to a loopback host where
// policy allows it. Two dialers stand behind it, so that a public name that
// resolves to a loopback address is refused in demos as well.
type gate struct {
	policy           FetchPolicy
	public, loopback http.RoundTripper
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.policy.allows(r.URL); err != nil {
		return nil, err
	}
	if g.policy.AllowLoopback && isLoopbackHost(r.URL.Hostname()) {
		return g.loopback.RoundTrip(r)
	}
	return g.public.RoundTrip(r)
}

// allows says whether a URL may be asked for at all.
func (p FetchPolicy) allows(u *url.URL) error {
	switch {
	case u.User != nil:
		return fmt.Errorf("%w: user name in the address", ErrForbidden)
	case u.Hostname() == "":
		return fmt.Errorf("%w: no host", ErrForbidden)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && p.AllowLoopback && isLoopbackHost(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: not https", ErrForbidden)
}

// isLoopbackHost goes by the name alone: RFC 6761 section 6.3 keeps localhost
// for this, and the dialer checks what it resolves to.
func isLoopbackHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// parseURL reads an absolute http or https URL without user, fragment or
// anything else that two readers may understand in two ways.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsAny(text, "\\\t\r\n "):
		return nil, errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("not an https URL")
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("URL with user name or fragment")
	}
	return u, nil
}

// permitAddress returns a dialer hook that lets only addresses through for which
// ok holds. It runs after name resolution and for every address that is tried,
// so that what was checked is what is connected to, whatever a second look-up
// would say (DNS rebinding).
func permitAddress(next func(context.Context, string, string, syscall.RawConn) error, ok func(netip.Addr) bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(ctx context.Context, network, address string, c syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" || !ok(to.Addr()) {
			return fmt.Errorf("%w: %s", ErrForbidden, address)
		}
		if next == nil {
			return nil
		}
		return next(ctx, network, address, c)
	}
}

// notPublic are the address blocks that lead elsewhere than to a public host:
// the special-purpose registries of RFC 6890 and whatever wraps an IPv4 address
// in an IPv6 one, behind which any of them may hide.
var notPublic = func() []netip.Prefix {
	var blocks []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared by carriers (CGNAT)
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, metadata services
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarking
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast

		"::/96",         // unspecified, loopback, IPv4-compatible
		"::ffff:0:0/96", // IPv4-mapped
		"64:ff9b::/96",  // NAT64
		"64:ff9b:1::/48",
		"100::/64",      // discard
		"2001::/23",     // protocol assignments, Teredo among them
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4
		"3fff::/20",     // documentation
		"5f00::/16",     // segment routing
		"fc00::/7",      // unique local
		"fe80::/10",     // link-local
		"fec0::/10",     // site-local
		"ff00::/8",      // multicast
	} {
		blocks = append(blocks, netip.MustParsePrefix(text))
	}
	return blocks
}()

// isPublic reports whether an address is that of a host on the public internet.
// Embedded and zoned forms are refused as they stand, never unwrapped.
func isPublic(a netip.Addr) bool {
	return a.IsValid() && a.Zone() == "" && a.IsGlobalUnicast() &&
		!slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}

// answerError is an HTTP status other than 200.
type answerError int

func (e answerError) Error() string { return fmt.Sprintf("the answer had status %d", int(e)) }

// isGone reports whether err is an answer that there is nothing.
func isGone(err error) bool {
	answer, ok := errors.AsType[answerError](err)
	return ok && (answer == http.StatusNotFound || answer == http.StatusGone)
}

// publicly is what a report may say of an error of get. The error itself names
// addresses behind host names, and the name server that was asked.
func publicly(err error) Message {
	if answer, ok := errors.AsType[answerError](err); ok {
		return fetchStatus.Of(int(answer))
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, ErrForbidden):
		return fetchAddress.Of()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), ok && timeout.Timeout():
		return fetchLate.Of()
	}
	return fetchNone.Of()
}

// get fetches a body. The caller has made sure that the host belongs to an
// issuer of the trust file. An answer that is not 200 is an answerError.
func (v *Verifier) get(ctx context.Context, u *url.URL, accept string) ([]byte, error) {
	return v.getAtMost(ctx, u, accept, maxFetched)
}

// getAtMost is get for bodies of at most limit bytes.
func (v *Verifier) getAtMost(ctx context.Context, u *url.URL, accept string, limit int64) (body []byte, err error) {
	ctx, end := v.step(ctx, "fetch")
	defer func() { end(err) }()
	if err := v.policy.allows(u); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "indeks-verifier")
	res, err := v.fetch.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, answerError(res.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, errTooMuch
	}
	return body, nil
}
