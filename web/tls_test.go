package web

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

const secureBase = "https://credentials.uni.example"

// pair writes a new certificate for a host and its key into two files, and returns
// the certificate.
func pair(t *testing.T, certFile, keyFile, host string, until time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	// The certificate comes last and whole, so whoever has none yet sees no half pair.
	for _, f := range []struct {
		path  string
		block *pem.Block
	}{{keyFile, &pem.Block{Type: "PRIVATE KEY", Bytes: secret}}, {certFile, &pem.Block{Type: "CERTIFICATE", Bytes: der}}} {
		if f.path == "" {
			continue
		}
		part := f.path + ".part"
		if err := errors.Join(os.WriteFile(part, pem.EncodeToMemory(f.block), 0o600), os.Rename(part, f.path)); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// logBuffer is a log that may be read while it is written to.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// secured is a certificate in files that Run keeps current, what it logs, and a
// client that takes that one and knows the server at addr by its name.
type secured struct {
	*TLS
	cert, key string
	log       logBuffer
	roots     *x509.CertPool
}

func newSecured(t *testing.T, until time.Time) *secured {
	t.Helper()
	dir := t.TempDir()
	s := &secured{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), roots: x509.NewCertPool()}
	s.roots.AddCert(pair(t, s.cert, s.key, "credentials.uni.example", until))
	var err error
	if s.TLS, err = FileTLS(s.cert, s.key, secureBase, slog.New(slog.NewJSONHandler(&s.log, nil))); err != nil {
		t.Fatal(err)
	}
	s.every = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// client speaks the protocols named, "h2" alone or "http/1.1" alone.
func (s *secured) client(t *testing.T, addr, protocol string) *http.Client {
	t.Helper()
	var only http.Protocols
	only.SetHTTP1(protocol == "http/1.1")
	only.SetHTTP2(protocol == "h2")
	transport := &http.Transport{
		Protocols: &only, TLSClientConfig: &tls.Config{RootCAs: s.roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// handshake returns the certificate that a server shows now.
func handshake(addr string, c *tls.Config) (*x509.Certificate, error) {
	c.InsecureSkipVerify, c.ServerName = true, "credentials.uni.example"
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// eventually asks for something until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func year() time.Time { return time.Now().AddDate(1, 0, 0) }

// Both versions of HTTP are spoken over TLS 1.2 and later, and nothing else.
func TestTLSHandshake(t *testing.T) {
	s := newSecured(t, year())
	addr := serveTLS(t, s.TLS, Limits{ReadHeader: 5 * time.Second}, ok)
	for protocol, major := range map[string]int{"http/1.1": 1, "h2": 2} {
		r, err := s.client(t, addr, protocol).Get(secureBase)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, r); r.StatusCode != 200 || got != "ok" || r.ProtoMajor != major || r.TLS.Version != tls.VersionTLS13 {
			t.Errorf("%s: %s %d, %s, TLS %x", protocol, r.Proto, r.StatusCode, got, r.TLS.Version)
		}
		r.Body.Close()
	}
	for version, taken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		_, err := handshake(addr, &tls.Config{MinVersion: version, MaxVersion: version})
		if (err == nil) != taken {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	// Whoever speaks in the clear is told so.
	if got := status(t, dial(t, "127.0.0.1", addr, wholeRequest)); got != 400 {
		t.Errorf("in the clear: %d", got)
	}
	if strings.Contains(s.log.String(), "127.0.0.1") {
		t.Errorf("the log names a client: %s", s.log.String())
	}
}

// Certificate and key are exchanged on disk while the server serves: new
// connections see them, the old ones stay, and no half of a pair is ever in use.
func TestCertificateIsExchangedWhileServing(t *testing.T) {
	s := newSecured(t, year())
	addr := serveTLS(t, s.TLS, Limits{}, ok)
	shown := func() *x509.Certificate {
		t.Helper()
		c, err := handshake(addr, &tls.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := s.client(t, addr, "http/1.1")
	get := func(c *http.Client) {
		t.Helper()
		r, err := c.Get(secureBase)
		if err != nil {
			t.Fatal(err)
		}
		text(t, r)
		r.Body.Close()
	}
	get(old)
	first := shown()

	// Only the certificate is new, then nothing is one, then a file is gone.
	pair(t, s.cert, "", "credentials.uni.example", year())
	eventually(t, "an alarm for a half pair", func() bool { return strings.Count(s.log.String(), "ALARM") == 1 })
	if err := os.WriteFile(s.key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an alarm for no key", func() bool { return strings.Count(s.log.String(), "ALARM") == 2 })
	if err := os.Remove(s.cert); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an alarm for no file", func() bool { return strings.Count(s.log.String(), "ALARM") == 3 })
	if !shown().Equal(first) {
		t.Error("the old certificate is not shown any more")
	}

	// Both are new.
	until := time.Now().AddDate(0, 6, 0).UTC().Truncate(time.Second)
	second := pair(t, s.cert, s.key, "credentials.uni.example", until)
	eventually(t, "the new certificate", func() bool { return shown().Equal(second) })
	if !s.Until().Equal(until) || !s.Condition(time.Now()).Holds || s.Condition(until.Add(time.Second)).Holds {
		t.Errorf("until %v, %+v", s.Until(), s.Condition(time.Now()))
	}
	get(old) // over its old connection, since it does not trust the new one
	if strings.Count(s.log.String(), "ALARM") != 3 || !strings.Contains(s.log.String(), "read anew") {
		t.Error(s.log.String())
	}
}

// What is wrong with the files at the start is an error, and of what is unwise an
// operator is told.
func TestCertificateFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key, other := filepath.Join(dir, "cert"), filepath.Join(dir, "key"), filepath.Join(dir, "other")
	pair(t, "", other, "credentials.uni.example", year())
	pair(t, cert, key, "credentials.uni.example", year())
	for name, files := range map[string][2]string{
		"no certificate": {filepath.Join(dir, "none"), key}, "no key": {cert, filepath.Join(dir, "none")}, "another's key": {cert, other}, "swapped": {key, cert},
	} {
		if _, err := FileTLS(files[0], files[1], secureBase, nil); err == nil || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, c := range map[string]struct {
		host  string
		until time.Time
	}{
		"ends soon":            {"credentials.uni.example", time.Now().Add(time.Minute)},
		"another host":         {"www.uni.example", year()},
		"there is no other":    {"credentials.uni.example", time.Now().Add(-time.Minute)},
		"":                     {"credentials.uni.example", year()},
		`"level":"WARN","msg"`: {"www.uni.example", year()},
	} {
		pair(t, cert, key, c.host, c.until)
		var log logBuffer
		s, err := FileTLS(cert, key, secureBase, slog.New(slog.NewJSONHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		s.examine(time.Now())
		if got := log.String(); !strings.Contains(got, want) || want == "" && got != "" || strings.Count(got, "\n") > 1 {
			t.Errorf("%s: %s", want, got)
		}
	}
}

// A connection counts from its first byte, also while it makes no handshake, and a
// handshake has as long as a header.
func TestTLSWithinLimits(t *testing.T) {
	s := newSecured(t, year())
	addr := serveTLS(t, s.TLS, Limits{ReadHeader: 200 * time.Millisecond, ConnectionsPerAddress: 2}, ok)
	slow := dial(t, "127.0.0.2", addr, "\x16\x03\x01")
	dial(t, "127.0.0.2", addr, "")
	if _, err := (&tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}, Config: &tls.Config{InsecureSkipVerify: true}}).Dial("tcp", addr); err == nil {
		t.Error("a third connection of one address")
	}
	if _, err := handshake(addr, &tls.Config{}); err != nil {
		t.Errorf("another address: %v", err)
	}
	start := time.Now()
	slow.SetReadDeadline(start.Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, slow); err != nil && strings.Contains(err.Error(), "timeout") || time.Since(start) > 5*time.Second {
		t.Errorf("a handshake that does not come: %v after %v", err, time.Since(start))
	}
}

// One connection of HTTP/2 has so many requests at once and no more: the client is
// told, and what it opens beyond them is refused.
func TestHTTP2Streams(t *testing.T) {
	s := newSecured(t, year())
	leave := make(chan bool)
	var running atomic.Int64
	addr := serveTLS(t, s.TLS, Limits{Streams: 7}, func(e *echo.Echo) {
		e.GET("/", func(c echo.Context) error {
			running.Add(1)
			<-leave
			return c.NoContent(http.StatusNoContent)
		})
	})
	c := s.raw(t, addr)
	told := false
	// HEADERS of GET https / by the static table, authority "x", on ten streams.
	for n := range 10 {
		io.WriteString(c, "\x00\x00\x06\x01\x05\x00\x00\x00"+string(byte(2*n+1))+"\x82\x87\x84\x41\x01x")
	}
	refused, answered := 0, 0
	for header := make([]byte, 9); refused+answered < 10; {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(c, header); err != nil {
			t.Fatalf("%v, %d refused, %d answered", err, refused, answered)
		}
		payload := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			t.Fatal(err)
		}
		switch header[3] {
		case 4: // SETTINGS
			for ; len(payload) >= 6; payload = payload[6:] {
				told = told || bytes.Equal(payload[:6], []byte{0, 3, 0, 0, 0, 7}) // MAX_CONCURRENT_STREAMS
			}
		case 3: // RST_STREAM, REFUSED_STREAM
			if refused++; payload[3] != 7 {
				t.Errorf("reset with %x", payload)
			}
			if refused == 3 {
				eventually(t, "7 requests at once", func() bool { return running.Load() == 7 })
				close(leave)
			}
		case 1: // HEADERS
			answered++
		case 7:
			t.Fatalf("GOAWAY %x", payload)
		}
	}
	if !told || refused != 3 || running.Load() != 7 {
		t.Errorf("told: %t, %d refused, %d answered, %d ran", told, refused, answered, running.Load())
	}
}

// raw is a connection of HTTP/2 on which nothing but preface and empty settings was
// sent.
func (s *secured) raw(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: s.roots, ServerName: "credentials.uni.example", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	return c
}

// Over HTTP/2 a header and a body have the same bounds as over HTTP/1.1, and a
// connection that sends half a header does not stay.
func TestHTTP2Limits(t *testing.T) {
	s := newSecured(t, year())
	addr := serveTLS(t, s.TLS, Limits{Header: 16 << 10, Read: 300 * time.Millisecond, Idle: 300 * time.Millisecond}, ok)
	client := s.client(t, addr, "h2")
	for size, want := range map[int]int{8 << 10: 200, 16 << 10: 431} {
		r, err := http.NewRequest("GET", secureBase, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X", strings.Repeat("x", size))
		got, err := client.Do(r)
		if err != nil {
			if want == 431 { // the server may close the connection as well
				continue
			}
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != want {
			t.Errorf("header of %d bytes: %d, want %d", size, got.StatusCode, want)
		}
	}
	body, write := io.Pipe()
	defer write.Close()
	start := time.Now()
	r, err := client.Post(secureBase, "text/plain", body)
	if err == nil {
		r.Body.Close()
		if r.StatusCode == 200 {
			t.Error("a body that does not come was answered 200")
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("a body that does not come: %v after %v", err, took)
	}

	raw := s.raw(t, addr)
	io.WriteString(raw, "\x00\x00\x10\x01\x04\x00\x00\x00\x01\x82") // HEADERS of 16 bytes, of which one comes
	start = time.Now()
	raw.SetReadDeadline(start.Add(10 * time.Second))
	io.Copy(io.Discard, raw)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("half a header stayed for %v", took)
	}
}

// A connection of HTTP/2 on which one request is answered and another is not makes
// no room for others; one that lets us wait for a body does.
func TestHTTP2MakesRoom(t *testing.T) {
	s := newSecured(t, year())
	entered, leave := make(chan bool), make(chan bool)
	addr := serveTLS(t, s.TLS, Limits{Connections: 2}, func(e *echo.Echo) {
		ok(e)
		e.GET("/busy", func(c echo.Context) error {
			entered <- true
			<-leave
			return c.String(200, "done")
		})
	})
	busy := s.client(t, addr, "h2")
	answer := make(chan error, 1)
	go func() {
		r, err := busy.Get(secureBase + "/busy")
		if err == nil {
			r.Body.Close()
		}
		answer <- err
	}()
	<-entered
	r, err := busy.Get(secureBase) // on the same connection, and ends
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()

	body, write := io.Pipe()
	defer write.Close()
	waits := make(chan error, 1)
	go func() {
		r, err := s.client(t, addr, "h2").Post(secureBase, "text/plain", body)
		if err == nil {
			r.Body.Close()
		}
		waits <- err
	}()
	write.Write([]byte("x")) // returns when it is being sent
	time.Sleep(50 * time.Millisecond)
	if r, err = s.client(t, addr, "http/1.1").Get(secureBase); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if err := <-waits; err == nil {
		t.Error("who let us wait was answered")
	}
	close(leave)
	if err := <-answer; err != nil {
		t.Errorf("the request that was being served: %v", err)
	}
}

// A server that is told to end finishes what is open over HTTP/2, and says in
// /readyz that it ends.
func TestHTTP2Drains(t *testing.T) {
	s := newSecured(t, year())
	k, _ := newKit(t, Config{TLS: s.TLS})
	e := k.Echo()
	entered, leave := make(chan bool), make(chan bool)
	e.GET("/", func(c echo.Context) error {
		close(entered)
		<-leave
		return c.String(200, "done")
	})
	e.GET("/readyz", k.Ready(func(context.Context) []Condition { return nil }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, e, Limits{DrainWait: 300 * time.Millisecond}, s.TLS) }()
	client := s.client(t, l.Addr().String(), "h2")
	ready := func() (int, string) {
		t.Helper()
		r, err := client.Get(secureBase + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		return r.StatusCode, text(t, r)
	}
	if status, body := ready(); status != 200 || !strings.Contains(body, `{"name":"tls","holds":true,"needed":false,"detail":"certificate until `) {
		t.Error(status, body)
	}
	answer := make(chan string, 1)
	go func() {
		r, err := client.Get(secureBase)
		if err != nil {
			answer <- err.Error()
			return
		}
		raw, _ := io.ReadAll(r.Body)
		answer <- string(raw)
	}()
	<-entered
	cancel()
	eventually(t, "draining", func() bool {
		status, body := ready()
		return status == 503 && strings.Contains(body, `"draining"`)
	})
	select {
	case err := <-served:
		t.Fatalf("ended with a request open: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
		c.Close()
		t.Error("connections are taken after the wait")
	}
	close(leave)
	if got := <-answer; got != "done" {
		t.Errorf("got %q", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// Long answers at once on one connection of HTTP/2 are each their own.
func TestHTTP2AnswersAreNotMixed(t *testing.T) {
	s := newSecured(t, year())
	addr := serveTLS(t, s.TLS, Limits{}, func(e *echo.Echo) {
		e.GET("/:x", func(c echo.Context) error {
			return Blob(c, 200, "text/plain", bytes.Repeat([]byte(c.Param("x")), 20_000))
		})
	})
	client := s.client(t, addr, "h2")
	var all sync.WaitGroup
	for n := range 64 {
		all.Go(func() {
			x := string(rune('A' + n%26))
			r, err := client.Get(secureBase + "/" + x)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if got, err := io.ReadAll(r.Body); err != nil || string(got) != strings.Repeat(x, 20_000) {
				t.Errorf("%s: %d bytes, %v", x, len(got), err)
			}
		})
	}
	all.Wait()
}

// The server in the clear leads readers to the secure one, and nobody else.
func TestRedirectToTLS(t *testing.T) {
	s := newSecured(t, year())
	h := s.Handler()
	for _, c := range []struct {
		method, target, to string
		status             int
	}{
		{"GET", "/h/ABC?lang=sr", secureBase + "/h/ABC?lang=sr", 308},
		{"HEAD", "/", secureBase + "/", 308},
		{"GET", "//evil.example/x", secureBase + "//evil.example/x", 308},
		{"GET", "http://evil.example/a%2fb", secureBase + "/a%2fb", 308},
		{"POST", "/api/v1/credentials", "", 426},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Host = "evil.example"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Location") != c.to {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.target, w.Code, w.Header().Get("Location"), c.status, c.to)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.Opaque, r.URL.Path = ".evil.example/x", ""
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Location"); got != secureBase && got != secureBase+"/" {
		t.Errorf("led to %q", got)
	}
}
