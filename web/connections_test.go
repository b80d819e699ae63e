package web

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// serve serves handlers on loopback within limits until the test ends.
func serve(t *testing.T, limits Limits, routes func(*echo.Echo)) string {
	t.Helper()
	return serveTLS(t, nil, limits, routes)
}

// serveTLS is the same with a certificate.
func serveTLS(t *testing.T, secure *TLS, limits Limits, routes func(*echo.Echo)) string {
	t.Helper()
	k, _ := newKit(t, Config{})
	e := k.Echo()
	routes(e)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, e, limits, secure) }()
	t.Cleanup(func() {
		cancel()
		<-served
	})
	return l.Addr().String()
}

func ok(e *echo.Echo) {
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "ok") })
	e.POST("/", func(c echo.Context) error {
		_, err := io.Copy(io.Discard, c.Request().Body)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, "ok")
	})
}

// dial connects from an address of this machine and sends what a client begins with.
func dial(t *testing.T, from, to, begin string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, begin); err != nil {
		t.Fatal(err)
	}
	return c
}

// status reads the status of an answer; 0 where the connection was closed.
func status(t *testing.T, c net.Conn) int {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Fatal("no answer")
		}
		return 0
	}
	return r.StatusCode
}

const wholeRequest = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

// Header and line together may have the limit's bytes, and not more.
func TestHeaderLimit(t *testing.T) {
	addr := serve(t, Limits{Header: 16 << 10}, ok)
	for size, want := range map[int]int{16<<10 - 100: 200, 16<<10 + 100: 431} {
		head := "GET / HTTP/1.1\r\nHost: localhost\r\nX: "
		head += strings.Repeat("x", size-len(head)-4) + "\r\n\r\n"
		if got := status(t, dial(t, "127.0.0.1", addr, head)); got != want {
			t.Errorf("%d bytes: %d, want %d", size, got, want)
		}
	}
}

func TestSlowHeaderIsCutOff(t *testing.T) {
	addr := serve(t, Limits{ReadHeader: 50 * time.Millisecond}, ok)
	c := dial(t, "127.0.0.1", addr, "GET / HTTP/1.1\r\nHost: local")
	start := time.Now()
	if got := status(t, c); got == 200 || time.Since(start) > 5*time.Second {
		t.Errorf("status %d after %v", got, time.Since(start))
	}
}

// A body that ends early, never comes or is none is the client's fault, and no address of
// a client comes into the log by it.
func TestBodyThatIsNotWhole(t *testing.T) {
	k, logs := newKit(t, Config{})
	e := k.Echo()
	ok(e)
	server := httptest.NewServer(e)
	for body, want := range map[string]int{
		"Content-Length: 9\r\n\r\nhalf":               400,
		"Transfer-Encoding: chunked\r\n\r\nzz\r\n":    400,
		"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf": 400,
		"Content-Length: 4\r\n\r\nbody":               200,
	} {
		c := dial(t, "127.0.0.1", server.Listener.Addr().String(), "POST / HTTP/1.1\r\nHost: localhost\r\n"+body)
		c.(*net.TCPConn).CloseWrite()
		if got := status(t, c); got != want {
			t.Errorf("%q: %d, want %d", body, got, want)
		}
	}
	server.Close()
	if text := logs.String(); strings.Contains(text, "ERROR") || strings.Contains(text, "127.0.0.1") {
		t.Error(text)
	}
	late := &net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP("203.0.113.9")}, Err: os.ErrDeadlineExceeded}
	if p := k.Problem(unfinished(late)); p.Status != http.StatusRequestTimeout || strings.Contains(p.Error(), "203.0.113.9") {
		t.Errorf("too late: %d %v", p.Status, p)
	}
}

// One address has so many connections and no more; others are not touched, and a
// place becomes free when a connection ends. A reverse proxy may open any number.
func TestConnectionsPerAddress(t *testing.T) {
	addr := serve(t, Limits{ConnectionsPerAddress: 2, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.9.0/24")}}, ok)
	first := dial(t, "127.0.0.2", addr, wholeRequest)
	second := dial(t, "127.0.0.2", addr, wholeRequest)
	for _, c := range []net.Conn{first, second} {
		if got := status(t, c); got != 200 {
			t.Errorf("within the limit: %d", got)
		}
	}
	refused := dial(t, "127.0.0.2", addr, wholeRequest)
	refused.SetReadDeadline(time.Now().Add(10 * time.Second))
	r, err := http.ReadResponse(bufio.NewReader(refused), nil)
	if err != nil || r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %v, %v", r, err)
	}
	if got := status(t, dial(t, "127.0.0.3", addr, wholeRequest)); got != 200 {
		t.Errorf("another address: %d", got)
	}
	for range 5 {
		if got := status(t, dial(t, "127.0.9.1", addr, wholeRequest)); got != 200 {
			t.Errorf("a proxy: %d", got)
		}
	}
	first.Close()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if status(t, dial(t, "127.0.0.2", addr, wholeRequest)) == 200 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the place of a connection that ended is not given again")
		}
	}
}

// Where all places are taken by those who let us wait, in header or body, the
// one that does so longest goes, and whoever is being served stays.
func TestSlowestMakesRoom(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	addr := serve(t, Limits{Connections: 4}, func(e *echo.Echo) {
		ok(e)
		e.GET("/busy", func(c echo.Context) error {
			close(entered)
			<-leave
			return c.String(http.StatusOK, "done")
		})
	})
	busy := dial(t, "127.0.0.1", addr, "GET /busy HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-entered
	var slow []net.Conn
	for i, begin := range []string{"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx", ""} {
		slow = append(slow, dial(t, fmt.Sprint("127.0.1.", i+1), addr, begin))
		time.Sleep(20 * time.Millisecond) // in this order
	}
	for i, c := range slow {
		// A byte now and then is no haste.
		io.WriteString(slow[1], "x")
		fresh := dial(t, "127.0.0.9", addr, wholeRequest)
		if got := status(t, fresh); got != 200 {
			t.Fatalf("newcomer %d: %d", i, got)
		}
		if got := status(t, c); got != 0 {
			t.Errorf("slow sender %d was answered %d", i, got)
		}
	}
	close(leave)
	if got := status(t, busy); got != 200 {
		t.Errorf("the request that was being served: %d", got)
	}
}

// Behind a proxy the client is who the proxy says; from elsewhere the header is
// anybody's word.
func TestClientBehindAProxy(t *testing.T) {
	k, _ := newKit(t, Config{Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	e := k.Echo()
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, Address(c)) })
	// httptest's requests come from 192.0.2.1.
	for header, want := range map[string]string{
		"198.51.100.7":              "198.51.100.7/32",
		"203.0.113.1, 198.51.100.7": "198.51.100.7/32", // what was there before the proxy is the client's word
		"2001:db8:1:2:3:4:5:6":      "2001:db8:1:2::/64",
	} {
		if got := text(t, ask(e, "GET", "/", "", "X-Forwarded-For", header)); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
	k, _ = newKit(t, Config{})
	e = k.Echo()
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, Address(c)) })
	if got := text(t, ask(e, "GET", "/", "", "X-Forwarded-For", "198.51.100.7")); got != "192.0.2.1/32" {
		t.Errorf("without a proxy: %s", got)
	}
}

// A limiter that many come to holds all of them, and does not grow without end.
func TestLimiterIsBounded(t *testing.T) {
	l := NewLimiter(Rate{PerSecond: 0.001, Burst: 1})
	if l.Take("a") != nil || l.Take("a") == nil || l.Take("b") != nil {
		t.Error("callers share a bucket, or have none")
	}
	refused := 0
	for i := range 2 * maxBuckets {
		if l.Take(fmt.Sprint(i)) != nil {
			refused++
		}
	}
	if len(l.buckets) > maxBuckets || refused == 0 {
		t.Errorf("%d buckets, %d refused", len(l.buckets), refused)
	}
	if NewLimiter(Rate{}).Take("a") != nil {
		t.Error("a rate of 0 limits")
	}
	p, ok := NewLimiter(Rate{PerSecond: 1, Burst: 1}).retry(t)
	if !ok || p.Retry != 1 {
		t.Errorf("%+v", p)
	}
}

func (l *Limiter) retry(t *testing.T) (*Problem, bool) {
	t.Helper()
	l.Take("x")
	p, ok := l.Take("x").(*Problem)
	return p, ok
}

// A body in gzip is not unpacked: it is as many bytes as were sent.
func TestNothingIsUnpacked(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	e.POST("/", func(c echo.Context) error {
		raw, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "application/octet-stream", raw)
	})
	packed := "\x1f\x8b\x08 not unpacked"
	if got := text(t, ask(e, "POST", "/", packed, "Content-Encoding", "gzip")); !bytes.Equal([]byte(got), []byte(packed)) {
		t.Errorf("%q", got)
	}
}

// Of all bodies together no more is held than may be; small ones still go through,
// and what was held is free again when a request ends.
func TestBodyMemory(t *testing.T) {
	k, _ := newKit(t, Config{BodyMemory: 100_000})
	e := k.Echo()
	holding, leave := make(chan bool), make(chan bool)
	e.POST("/", func(c echo.Context) error {
		raw, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		if raw[0] == 'h' {
			holding <- true
			<-leave
		}
		return c.NoContent(http.StatusNoContent)
	})
	large := strings.Repeat("x", smallBody+60_000)
	done := make(chan int)
	go func() { done <- ask(e, "POST", "/", "h"+large).StatusCode }()
	<-holding
	r := ask(e, "POST", "/", large)
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a second large body: %d", r.StatusCode)
	}
	if got := ask(e, "POST", "/", "small").StatusCode; got != 204 {
		t.Errorf("a small body: %d", got)
	}
	close(leave)
	if got := <-done; got != 204 {
		t.Errorf("the first: %d", got)
	}
	if got := ask(e, "POST", "/", large).StatusCode; got != 204 || k.bodies.Load() != 0 {
		t.Errorf("after it: %d, %d bytes held", got, k.bodies.Load())
	}
}
