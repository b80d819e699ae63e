package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// TLS has the certificate by which a server proves whose it is: of two files, which
// may be exchanged at any time, or of an authority that is asked for one. [TLS.Run]
// keeps it current. It is safe for concurrent use; a nil one is none.
type TLS struct {
	base    *url.URL // at which the world reaches the server
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate] // with its leaf; nil: none yet

	// Of either kind the other's are nil.
	cert, key file
	manager   *autocert.Manager

	// Of Run alone.
	every    time.Duration // it looks so often
	doubt    error         // what was wrong with files that may be half exchanged
	asking   func() (*tls.Certificate, error)
	refused  int               // times in a row that the authority gave none
	examined *x509.Certificate // that was looked at last
	alarmed  bool              // that it ends was said
}

// file is a file as it was last read.
type file struct {
	path    string
	content []byte
}

// ACME is an authority that gives out certificates by RFC 8555, and who we are
// there. Whoever sets it has accepted the authority's terms.
type ACME struct {
	Directory string         // URL; "" is that of Let's Encrypt
	Roots     *x509.CertPool // that vouch for the directory's host; nil: the system's
	Email     string         // where it may write to; "": nowhere
	Cache     string         // folder of the account and the certificates, with their keys
	KeyID     string         // of an account that there is already (section 7.3.4), "": none is needed
	MACKey    []byte         // with it
}

// FileTLS reads certificate chain and key, both PEM, for the server at base. An
// error names neither file by a key of a configuration: that is the caller's.
func FileTLS(certFile, keyFile, base string, l *slog.Logger) (*TLS, error) {
	t, err := newTLS(base, l)
	if err != nil {
		return nil, err
	}
	t.cert.path, t.key.path = certFile, keyFile
	if _, err := t.read(); err != nil {
		return nil, err
	}
	t.examine(time.Now())
	return t, nil
}

// ACMETLS will ask the authority for a certificate for the host of base once
// [TLS.Run] runs. It proves that the host is ours by tls-alpn-01 at the server's own
// port, which must be 443 for the world, and by http-01 where [TLS.Handler] is
// served.
func ACMETLS(a ACME, base string, l *slog.Logger) (*TLS, error) {
	t, err := newTLS(base, l)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(a.Cache, 0o700); err != nil {
		return nil, err
	}
	client := &acme.Client{DirectoryURL: a.Directory, UserAgent: "indeks"}
	if client.DirectoryURL == "" {
		client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	if a.Roots != nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: a.Roots}
		client.HTTPClient = &http.Client{Transport: transport}
	}
	t.manager = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(a.Cache), Client: client, Email: a.Email,
		HostPolicy: autocert.HostWhitelist(t.base.Hostname()),
	}
	if a.KeyID != "" {
		t.manager.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: a.KeyID, Key: a.MACKey}
	}
	// The greeting of a client that takes ECDSA, as all do that know TLS 1.2.
	greeting := &tls.ClientHelloInfo{
		ServerName: t.base.Hostname(), CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
	}
	t.asking = func() (*tls.Certificate, error) { return t.manager.GetCertificate(greeting) }
	return t, nil
}

func newTLS(base string, l *slog.Logger) (*TLS, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if l == nil {
		l = slog.Default()
	}
	return &TLS{base: u, log: l, every: 5 * time.Second}, nil
}

// config is what a server is told. What is older than TLS 1.2 is refused.
func (t *TLS) config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: t.certificate}
	if t.manager != nil {
		c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	}
	return c
}

var errNoCertificate = errors.New("there is no certificate yet")

// certificate answers a client's greeting. No greeting makes us ask the authority
// for anything: that is for Run, so that strangers cannot use up what an authority
// gives us in a week.
func (t *TLS) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if t.manager != nil && len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto {
		return t.manager.GetCertificate(hello) // the authority, looking for its challenge
	}
	if c := t.current.Load(); c != nil {
		return c, nil
	}
	return nil, errNoCertificate
}

// Run keeps the certificate current until ctx ends, and returns nil then: it reads
// files anew within seconds after they were exchanged, or has the authority renew
// it. What goes wrong is logged, and the certificate that there is stays in use.
func (t *TLS) Run(ctx context.Context) error {
	if t == nil {
		return nil
	}
	for {
		wait := t.every
		if t.manager != nil {
			wait = t.ask(ctx)
		} else {
			t.look()
		}
		t.examine(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// look takes over files that were exchanged. That a pair does not fit is said if
// it is still so when it is looked at again: they are not written at one instant.
func (t *TLS) look() {
	switch changed, err := t.read(); {
	case err != nil && changed:
		t.doubt = err
	case changed:
		t.doubt = nil
		t.log.Info("TLS certificate read anew", "until", t.Until())
	case t.doubt != nil:
		t.log.Error("ALARM: the new TLS certificate is not usable, the old one stays", "error", t.doubt)
		t.doubt = nil
	}
}

// read reads both files and reports whether either has changed. A pair that does
// not fit is not used.
func (t *TLS) read() (changed bool, err error) {
	cert, err := os.ReadFile(t.cert.path)
	if err != nil {
		return t.forget(err)
	}
	key, err := os.ReadFile(t.key.path)
	if err != nil {
		return t.forget(err)
	}
	if bytes.Equal(cert, t.cert.content) && bytes.Equal(key, t.key.content) {
		return false, nil
	}
	t.cert.content, t.key.content = cert, key
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return true, fmt.Errorf("reading %s and %s: %w", t.cert.path, t.key.path, err)
	}
	t.current.Store(&pair)
	return true, nil
}

// forget takes a file that is not legible for one that was emptied.
func (t *TLS) forget(err error) (changed bool, _ error) {
	changed = t.cert.content != nil
	t.cert.content, t.key.content = nil, nil
	return changed, err
}

// How long after a refusal the authority is asked again: it counts them. The manager
// keeps a refusal for a minute and repeats it until then.
const (
	firstRefusal = 2 * time.Minute
	mostRefusals = time.Hour
)

// ask takes over what the manager has, which renews in its own time, or asks the
// authority for the first one. It does not wait for that beyond ctx.
func (t *TLS) ask(ctx context.Context) (wait time.Duration) {
	type answer struct {
		cert *tls.Certificate
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		cert, err := t.asking()
		answered <- answer{cert, err}
	}()
	var a answer
	select {
	case <-ctx.Done():
		return 0
	case a = <-answered:
	}
	if a.err != nil {
		wait = min(firstRefusal<<min(t.refused, 5), mostRefusals)
		t.refused++
		t.log.Error("ALARM: no TLS certificate is given", "host", t.base.Hostname(), "error", a.err, "again_in", wait.String())
		return wait
	}
	t.refused = 0
	if last := t.current.Swap(a.cert); last == nil || !last.Leaf.Equal(a.cert.Leaf) {
		t.log.Info("TLS certificate given", "host", t.base.Hostname(), "until", t.Until())
	}
	return t.every
}

// examine says once of each certificate what is the matter with it: that it is for
// another host, or that it ends soon and no other is there.
func (t *TLS) examine(now time.Time) {
	c := t.current.Load()
	if c == nil {
		return
	}
	if !c.Leaf.Equal(t.examined) {
		t.examined, t.alarmed = c.Leaf, false
		if c.Leaf.VerifyHostname(t.base.Hostname()) != nil {
			t.log.Warn("the TLS certificate is for another host than public_base", "host", t.base.Hostname())
		}
	}
	left, all := c.Leaf.NotAfter.Sub(now), c.Leaf.NotAfter.Sub(c.Leaf.NotBefore)
	if left < min(14*24*time.Hour, all/6) && !t.alarmed {
		t.alarmed = true
		t.log.Error("ALARM: the TLS certificate ends soon, and there is no other", "until", c.Leaf.NotAfter)
	}
}

// Until is when the certificate ends, zero where there is none yet.
func (t *TLS) Until() time.Time {
	if t == nil {
		return time.Time{}
	}
	if c := t.current.Load(); c != nil {
		return c.Leaf.NotAfter
	}
	return time.Time{}
}

// mostEnding is from when on before the end of a certificate it wants attention; of one
// that lasts less, from the last quarter of its life on, since it is renewed before that.
const mostEnding = 21 * 24 * time.Hour

// Ending reports whether the certificate should have been renewed by now.
func (t *TLS) Ending(now time.Time) bool {
	if t == nil {
		return false
	}
	c := t.current.Load()
	return c != nil && c.Leaf.NotAfter.Sub(now) < min(mostEnding, c.Leaf.NotAfter.Sub(c.Leaf.NotBefore)/4)
}

// Condition is what /readyz says of it.
func (t *TLS) Condition(now time.Time) Condition {
	until := t.Until()
	one := Condition{Name: "tls", Holds: now.Before(until)}
	if until.IsZero() {
		one.Say("no certificate yet", "tls.none", nil)
	} else {
		one.Say("certificate until "+until.UTC().Format(time.RFC3339), "tls.until", map[string]any{"Until": until})
	}
	return one
}

// Handler is for a server without TLS, at port 80, and is called before Run: it answers the authority's
// http-01, and leads whoever else reads something to the same place at base. What
// is sent to it in the clear, a key of an API perhaps, is not led on.
func (t *TLS) Handler() http.Handler {
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "Use "+t.base.String(), http.StatusUpgradeRequired)
			return
		}
		to := url.URL{Scheme: t.base.Scheme, Host: t.base.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
	}))
	if t.manager != nil {
		h = t.manager.HTTPHandler(h)
	}
	return h
}
