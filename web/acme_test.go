package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// authority is an ACME server that validates for real: it asks a name server where
// a host is, and the host for the challenge.
type authority struct {
	ACME
	root *x509.Certificate // of what it gives out

	mu    sync.Mutex
	asked map[string]bool // names that were looked up, guarded by mu
}

// newAuthority looks for challenges at these ports of loopback, where all names are.
// Where key is not "", it takes only who has it.
func newAuthority(t *testing.T, httpPort, tlsPort int, key string) *authority {
	t.Helper()
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"} {
		t.Setenv(name, value)
	}
	a := &authority{asked: map[string]bool{}}
	names, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	resolver := &dns.Server{Listener: names, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg).SetReply(q)
		a.mu.Lock()
		a.asked[q.Question[0].Name] = true
		a.mu.Unlock()
		if q.Question[0].Qtype == dns.TypeA {
			answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		w.WriteMsg(answer)
	})}
	go resolver.ActivateAndServe()
	t.Cleanup(func() { resolver.Shutdown() })

	quiet, records := log.New(io.Discard, "", 0), db.NewMemoryStore()
	if key != "" {
		if err := records.AddExternalAccountKeyByID("uni", key); err != nil {
			t.Fatal(err)
		}
	}
	signs := ca.New(quiet, records, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the default", ValidityPeriod: 90 * 24 * 3600}})
	front := wfe.New(quiet, records, va.New(quiet, httpPort, tlsPort, true, names.Addr().String(), records), signs, nil, true, key != "", 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	if a.root, err = x509.ParseCertificate(signs.GetRootCert(0).DER); err != nil {
		t.Fatal(err)
	}
	a.Directory, a.Roots, a.Cache = server.URL+wfe.DirectoryPath, x509.NewCertPool(), t.TempDir()+"/made/by/us"
	a.Roots.AddCert(server.Certificate())
	return a
}

// served serves with a certificate that the authority is asked for.
func (a *authority) served(t *testing.T, l, plain net.Listener) (*TLS, *logBuffer) {
	t.Helper()
	var logs logBuffer
	secure, err := ACMETLS(a.ACME, secureBase, slog.New(slog.NewJSONHandler(&logs, nil)))
	if err != nil {
		t.Fatal(err)
	}
	secure.every = 10 * time.Millisecond
	k, _ := newKit(t, Config{TLS: secure})
	e := k.Echo()
	ok(e)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	loops := []func() error{func() error { return Serve(ctx, l, e, Limits{}, secure) }, func() error { return secure.Run(ctx) }}
	if plain != nil {
		redirect := secure.Handler()
		atPort80 := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host, _, _ = strings.Cut(r.Host, ":") // where nobody names the port
			redirect.ServeHTTP(w, r)
		})
		loops = append(loops, func() error { return Serve(ctx, plain, atPort80, Limits{}, nil) })
	}
	for _, loop := range loops {
		go func() { ended <- loop() }()
	}
	t.Cleanup(func() {
		cancel()
		for range loops {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	return secure, &logs
}

func listener(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, l.Addr().(*net.TCPAddr).Port
}

// The authority validates by either challenge and gives a certificate that clients
// take; the next start finds it in the folder; strangers make us ask for nothing.
func TestACME(t *testing.T) {
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	mac, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		alpn, http bool
		key        string
	}{"tls-alpn-01": {true, false, ""}, "http-01": {false, true, ""}, "tls-alpn-01 with an account of the authority": {true, false, key}} {
		t.Run(name, func(t *testing.T) {
			l, tlsPort := listener(t)
			plain, httpPort := listener(t)
			closed, nowhere := listener(t)
			closed.Close()
			if !c.alpn {
				tlsPort = nowhere
			}
			if !c.http {
				httpPort = nowhere
				plain.Close()
				plain = nil
			}
			a := newAuthority(t, httpPort, tlsPort, c.key)
			a.Email = "operator@uni.example"
			if c.key != "" {
				a.KeyID, a.MACKey = "uni", mac
			}
			secure, logs := a.served(t, l, plain)

			// Strangers ask for other names.
			(&tls.Dialer{Config: &tls.Config{ServerName: "other.example", InsecureSkipVerify: true}}).Dial("tcp", l.Addr().String())
			eventually(t, "a certificate", func() bool { return !secure.Until().IsZero() })
			trusting := &secured{roots: x509.NewCertPool()}
			trusting.roots.AddCert(a.root)
			for _, protocol := range []string{"h2", "http/1.1"} {
				r, err := trusting.client(t, l.Addr().String(), protocol).Get(secureBase)
				if err != nil {
					t.Fatal(err)
				}
				if got := text(t, r); got != "ok" {
					t.Errorf("%s: %d %q", protocol, r.StatusCode, got)
				}
				r.Body.Close()
			}
			if plain != nil {
				no := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
				r, err := no.Get("http://" + plain.Addr().String() + "/h/X")
				if err != nil || r.StatusCode != 308 || r.Header.Get("Location") != secureBase+"/h/X" {
					t.Errorf("in the clear: %v, %v", r, err)
				}
			}
			a.mu.Lock()
			if len(a.asked) != 1 || !a.asked["credentials.uni.example."] {
				t.Errorf("looked up: %v", a.asked)
			}
			a.mu.Unlock()
			if left := time.Until(secure.Until()); left < 80*24*time.Hour || !secure.Condition(time.Now()).Holds || strings.Contains(logs.String(), "ALARM") || !strings.Contains(logs.String(), "certificate given") {
				t.Errorf("%v left, %s", left, logs.String())
			}
			if info, err := os.Stat(a.Cache); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("folder: %v, %v", info, err)
			}

			// The next start needs no authority.
			a.Directory = "https://127.0.0.1:1/"
			again, err := ACMETLS(a.ACME, secureBase, slog.New(slog.NewJSONHandler(logs, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if again.ask(t.Context()); !again.Until().Equal(secure.Until()) {
				t.Errorf("another certificate: %v, %s", again.Until(), logs.String())
			}
		})
	}
}

// Who cannot show that the host is theirs gets none, nor does who has no account
// where one is needed; the server says so, and asks less and less often.
func TestACMERefuses(t *testing.T) {
	l, _ := listener(t)
	closed, nowhere := listener(t)
	closed.Close()
	for name, a := range map[string]*authority{"nobody there": newAuthority(t, nowhere, nowhere, ""), "no account": newAuthority(t, nowhere, nowhere, "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")} {
		secure, logs := a.served(t, l, nil)
		eventually(t, name, func() bool { return strings.Contains(logs.String(), "ALARM: no TLS certificate is given") })
		if c := secure.Condition(time.Now()); c.Holds || c.Detail != "no certificate yet" {
			t.Errorf("%s: %+v", name, c)
		}
		if _, err := handshake(l.Addr().String(), &tls.Config{}); err == nil {
			t.Errorf("%s: a handshake without a certificate", name)
		}
		l, _ = listener(t)
	}
	l.Close()

	var logs logBuffer
	secure, err := ACMETLS(ACME{Cache: t.TempDir()}, secureBase, slog.New(slog.NewJSONHandler(&logs, nil)))
	if err != nil {
		t.Fatal(err)
	}
	secure.asking = func() (*tls.Certificate, error) { return nil, errors.New("too many") }
	var all, last time.Duration
	for range 12 {
		wait := secure.ask(t.Context())
		if wait < last || wait > time.Hour {
			t.Errorf("again in %v after %v", wait, last)
		}
		last, all = wait, all+wait
	}
	if all < 5*time.Hour {
		t.Errorf("12 refusals in %v", all)
	}
	if _, err := ACMETLS(ACME{Cache: "/dev/null/x"}, secureBase, nil); err == nil {
		t.Error("a folder that cannot be")
	}
}
