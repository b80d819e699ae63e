package verifier

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// nameServer answers DNS questions from a table, so that a test decides what a second
// look-up says.
type nameServer struct {
	mu      sync.Mutex
	records map[string][]string
}

func (n *nameServer) next(host string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.records[host]
}

// resolver returns a resolver that asks n and nobody else.
func (n *nameServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				// DNS over a stream: two bytes of length, then the message.
				var length uint16
				if binary.Read(server, binary.BigEndian, &length) != nil {
					return
				}
				question := make([]byte, length)
				if _, err := io.ReadFull(server, question); err != nil {
					return
				}
				answer := n.answer(question)
				if binary.Write(server, binary.BigEndian, uint16(len(answer))) != nil {
					return
				}
				if _, err := server.Write(answer); err != nil {
					return
				}
			}
		}()
		return client, nil
	}}
}

// answer builds a DNS response (RFC 1035 section 4) with all addresses of the
// type that was asked for.
func (n *nameServer) answer(question []byte) []byte {
	var labels []string
	at := 12
	for question[at] != 0 {
		size := int(question[at])
		labels = append(labels, string(question[at+1:at+1+size]))
		at += 1 + size
	}
	kind := binary.BigEndian.Uint16(question[at+1:])
	end := at + 5
	response := append([]byte(nil), question[:end]...)
	response[2], response[3] = 0x85, 0x80
	binary.BigEndian.PutUint16(response[6:], 0)
	binary.BigEndian.PutUint16(response[8:], 0)
	binary.BigEndian.PutUint16(response[10:], 0)
	count := uint16(0)
	for _, text := range n.next(strings.ToLower(strings.Join(labels, ".")) + ".") {
		ip := netip.MustParseAddr(text)
		if ip.Is4() != (kind == 1) || kind != 1 && kind != 28 {
			continue
		}
		response = append(response, 0xc0, 12)
		response = binary.BigEndian.AppendUint16(response, kind)
		response = append(response, 0, 1, 0, 0, 0, 0)
		raw := ip.AsSlice()
		response = binary.BigEndian.AppendUint16(response, uint16(len(raw)))
		response = append(response, raw...)
		count++
	}
	binary.BigEndian.PutUint16(response[6:], count)
	return response
}

var errRecorded = errors.New("recorded and not dialled")

// recorder is a dialer that never connects and remembers where it would have.
type recorder struct {
	mu     sync.Mutex
	dialed []string
}

func (d *recorder) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dialed = append(d.dialed, address)
	return errRecorded
}

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	dns := &nameServer{records: map[string][]string{
		"public.example.":    {"93.184.215.14"},
		"public6.example.":   {"2606:2800:21f:cb07:6820:80da:af6b:8b2c"},
		"loopback.example.":  {"127.0.0.1"},
		"private.example.":   {"10.0.0.5"},
		"metadata.example.":  {"169.254.169.254"},
		"mixed.example.":     {"10.0.0.5", "93.184.215.14"},
		"mapped.example.":    {"::ffff:10.0.0.1"},
		"nat64.example.":     {"64:ff9b::7f00:1"},
		"cgnat.example.":     {"100.64.0.1"},
		"localhost.":         {"127.0.0.1", "::1"},
		"2130706433.":        {"127.0.0.1"},
		"0x7f.1.":            {"127.0.0.1"},
		"127.1.":             {"127.0.0.1"},
		"0177.0.0.1.":        {"127.0.0.1"},
		"localtest.example.": {"127.0.0.1"},
	}}
	type row struct {
		url    string
		dialed string // "" where nothing may be dialled
	}
	rows := []row{
		{"https://public.example/", "93.184.215.14:443"},
		{"https://public.example:8443/x", "93.184.215.14:8443"},
		{"https://PUBLIC.example./", "93.184.215.14:443"},
		{"https://public6.example/", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:443"},
		{"https://mixed.example/", "93.184.215.14:443"},
		{"https://93.184.215.14/", "93.184.215.14:443"},
		{"http://public.example/", ""},
		{"ftp://public.example/", ""},
		{"file:///etc/passwd", ""},
		{"gopher://public.example/", ""},
		{"https://user@public.example/", ""},
		{"https://user:secret@public.example/", ""},
		{"https:///path", ""},
	}
	for _, host := range []string{
		"loopback.example", "private.example", "metadata.example", "mapped.example", "nat64.example", "cgnat.example",
		"localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localtest.example",
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "100.127.255.255", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"[::1]", "[::]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]",
		"[::127.0.0.1]", "[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001:0:53aa:64c::1]", "[2001:db8::1]", "[fe80::1%25eth0]",
	} {
		rows = append(rows, row{"https://" + host + "/", ""})
	}
	for _, policy := range []FetchPolicy{{}, {AllowLoopback: true}} {
		for _, row := range rows {
			want := row.dialed
			r := &recorder{}
			client := fetchClient(policy, &net.Dialer{Timeout: time.Second, Resolver: dns.resolver(), ControlContext: r.control})
			res, err := client.Get(row.url)
			if err == nil {
				res.Body.Close()
				t.Fatalf("%s: answered", row.url)
			}
			if policy.AllowLoopback {
				switch row.url { // names and addresses that say themselves that they are loopback
				case "https://localhost/", "https://127.0.0.1/", "https://[::ffff:127.0.0.1]/":
					want = "127.0.0.1:443"
				case "https://127.255.255.254/":
					want = "127.255.255.254:443"
				case "https://[::1]/":
					want = "[::1]:443"
				}
			}
			switch {
			case want == "" && len(r.dialed) > 0:
				t.Errorf("%+v %s: would have connected to %v", policy, row.url, r.dialed)
			case want != "" && (len(r.dialed) == 0 || r.dialed[0] != want):
				t.Errorf("%+v %s: dialled %v, not %s (%v)", policy, row.url, r.dialed, want, err)
			}
		}
	}
}

// The address that is checked is the one that is connected to, whatever a
// second look-up says.
func TestRebindingIsSeen(t *testing.T) {
	dns := &nameServer{records: map[string][]string{"rebind.example.": {"93.184.215.14"}}}
	r := &recorder{}
	client := fetchClient(FetchPolicy{}, &net.Dialer{Timeout: time.Second, Resolver: dns.resolver(), ControlContext: r.control})
	get := func() error {
		_, err := client.Get("https://rebind.example/")
		return err
	}
	if err := get(); !errors.Is(err, errRecorded) {
		t.Fatal(err)
	}
	dns.mu.Lock()
	dns.records["rebind.example."] = []string{"127.0.0.1"}
	dns.mu.Unlock()
	if err := get(); !errors.Is(err, ErrForbidden) {
		t.Fatal(err)
	}
	if len(r.dialed) != 1 {
		t.Errorf("dialled %v", r.dialed)
	}
}

func TestLoopbackIsForDemosOnly(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			http.Redirect(w, r, "/here", http.StatusFound)
		}
	}))
	defer server.Close()
	if res, err := NewFetchClient(FetchPolicy{}).Get(server.URL); err == nil {
		res.Body.Close()
		t.Error("http on loopback without leave")
	}
	res, err := NewFetchClient(FetchPolicy{AllowLoopback: true}).Get(server.URL + "/there")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusFound {
		t.Errorf("redirect was followed: %d", res.StatusCode)
	}
}

// Whatever a host sends, little of it is read and not for long.
func TestWhatAHostSendsIsBounded(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request, chunk []byte, pause time.Duration) {
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		most   time.Duration
		sent   int64 // at most, in bytes
		want   string
	}{
		"endless, in pieces": {func(w http.ResponseWriter, r *http.Request) { endless(w, r, make([]byte, 64<<10), 0) }, 0, maxFetched + 1<<20, "too large"},
		"a claim of 1 GiB": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1073741824")
			endless(w, r, make([]byte, 64<<10), 0)
		}, 0, maxFetched + 1<<20, "too large"},
		"a byte each second": {func(w http.ResponseWriter, r *http.Request) { endless(w, r, []byte("x"), time.Second) }, fetchTimeout, 20, "deadline"},
		"nothing, for ever":  {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fetchTimeout, 0, "deadline"},
		"endless headers":    {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, 0, 64 << 10, "header"},
		"a body that is packed": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("\x1f\x8b\x08packed"))
		}, 0, 10, ""},
		"another place": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://uni.example/other", http.StatusPermanentRedirect)
		}, 0, 200, "308"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				var sent atomic.Int64
				server := http.Server{Handler: c.answer, ErrorLog: log.New(io.Discard, "", 0)}
				listener := &oneConn{conn: counted{there, &sent}, closed: make(chan struct{})}
				go server.Serve(listener)
				transport := transport(new(net.Dialer))
				dials := 0
				transport.DialTLSContext = func(context.Context, string, string) (net.Conn, error) { dials++; return here, nil }
				v := newVerifier(t, Config{Fetch: &http.Client{Transport: transport}})
				began := time.Now()
				body, err := v.get(t.Context(), &url.URL{Scheme: "https", Host: "uni.example", Path: "/"}, "x/y")
				if took := time.Since(began); took != c.most {
					t.Errorf("took %s", took)
				}
				switch {
				case c.want == "" && (err != nil || string(body) != "\x1f\x8b\x08packed"):
					t.Errorf("%q, %v", body, err) // as it came: nothing is unpacked
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("%d bytes, %v", len(body), err)
				}
				here.Close()
				server.Close()
				time.Sleep(2 * time.Second) // until the last handler has seen that nobody is there
				if n := sent.Load(); n > c.sent+4<<10 || dials != 1 {
					t.Errorf("%d bytes were taken, %d connections", n, dials)
				}
			})
		})
	}
}

// oneConn is a listener of one connection.
type oneConn struct {
	conn   net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *oneConn) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = l.conn })
	if conn == nil {
		<-l.closed
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }

// counted is a connection that counts what is taken from it.
type counted struct {
	net.Conn
	sent *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

// A host is who its certificate says, today; there is no other way to it.
func TestCertificatesOfHosts(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate := func(host string, from, to time.Time) tls.Certificate {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	at := time.Now()
	for name, c := range map[string]struct {
		certificate tls.Certificate
		trusted     bool
		good        bool
	}{
		"good":        {certificate("localhost", at.Add(-time.Hour), at.Add(time.Hour)), true, true},
		"self-signed": {certificate("localhost", at.Add(-time.Hour), at.Add(time.Hour)), false, false},
		"over":        {certificate("localhost", at.Add(-time.Hour), at.Add(-time.Minute)), true, false},
		"to come":     {certificate("localhost", at.Add(time.Hour), at.Add(2*time.Hour)), true, false},
		"of another":  {certificate("other.localhost", at.Add(-time.Hour), at.Add(time.Hour)), true, false},
	} {
		asked := 0
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}}
		server.StartTLS()
		policy := FetchPolicy{AllowLoopback: true}
		client := NewFetchClient(policy)
		if c.trusted {
			leaf, err := x509.ParseCertificate(c.certificate.Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			roots.AddCert(leaf)
			client.Transport.(*gate).loopback.(*http.Transport).TLSClientConfig.RootCAs = roots
		}
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		_, err := newVerifier(t, Config{Fetch: client, Policy: policy}).get(t.Context(), &url.URL{Scheme: "https", Host: "localhost:" + port, Path: "/"}, "x/y")
		if (err == nil) != c.good || (asked == 1) != c.good {
			t.Errorf("%s: %v after %d requests", name, err, asked)
		}
		server.Close()
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	r := &recorder{}
	client := fetchClient(FetchPolicy{}, &net.Dialer{ControlContext: r.control})
	if _, err := client.Get("https://93.184.215.14/"); !errors.Is(err, errRecorded) {
		t.Errorf("%v, dialled %v", err, r.dialed)
	}
}

// A report is public: it says why a list could not be fetched, and nothing of
// the network from which it was asked for.
func TestReportsDoNotTellOfTheNetwork(t *testing.T) {
	for want, err := range map[string]error{
		"there was no answer":         &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "uni.example", Server: "10.96.0.10:53"}},
		"there was no answer in time": &net.OpError{Op: "dial", Err: context.DeadlineExceeded},
		"the address is not allowed":  fmt.Errorf("dialing: %w: 10.0.0.5:443", ErrForbidden),
		"the answer had status 503":   fmt.Errorf("fetching: %w", answerError(503)),
	} {
		uni, served := newIssuer(t, "uni.example"), &answers{}
		served.set(uni.listURL("1"), err)
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client()})
		r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil)))
		if got := r.check(CheckRevocation).Remarks; len(got) != 1 || got[0].String() != "revocation: the list could not be fetched: "+want {
			t.Errorf("%v: %q", err, got)
		}
	}
}
