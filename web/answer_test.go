package web

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/labstack/echo/v4"
)

// counter counts the writes to the connections of a listener.
type counter struct {
	net.Listener
	writes atomic.Int64
}

func (c *counter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	return &countedConn{conn, c}, err
}

type countedConn struct {
	net.Conn
	counter *counter
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.counter.writes.Add(1)
	return c.Conn.Write(p)
}

// An answer goes out whole in one write, whatever its length and whatever came
// before it on the connection; 100 Continue does not wait for it.
func TestBlobIsOneWrite(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	body := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
	handler := func(c echo.Context) error {
		if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
			return err
		}
		n, _ := strconv.Atoi(c.Param("n"))
		return Blob(c, http.StatusOK, "text/plain", body[:n])
	}
	e.GET("/:n", handler)
	e.HEAD("/:n", handler)
	e.POST("/:n", handler)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &counter{Listener: tcp}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, e, Limits{}, nil) }()
	defer func() {
		cancel()
		<-served
	}()
	conn := dial(t, "127.0.0.1", tcp.Addr().String(), "")
	in := bufio.NewReader(conn)
	for _, method := range []string{"GET", "POST", "HEAD"} {
		for _, n := range []int{0, 1, 2048, 4096, 8192, 10_000, mostHeld, mostHeld + 1, 2 * mostHeld} {
			before := l.writes.Load()
			request := method + " /" + strconv.Itoa(n) + " HTTP/1.1\r\nHost: localhost\r\n"
			want := int64(1)
			if method == "POST" {
				request += "Expect: 100-continue\r\nContent-Length: 3\r\n"
				want = 2
			}
			io.WriteString(conn, request+"\r\n")
			if method == "POST" {
				if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
					t.Fatalf("%q, %v", line, err)
				}
				in.ReadString('\n')
				io.WriteString(conn, "abc")
			}
			r, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r.Body)
			if err != nil || r.ContentLength != int64(n) || method != "HEAD" && !bytes.Equal(got, body[:n]) {
				t.Errorf("%s %d: %d bytes, Content-Length %d, %v", method, n, len(got), r.ContentLength, err)
			}
			if writes := l.writes.Load() - before; writes != want && (n <= mostHeld || writes > want+1) {
				t.Errorf("%s %d: %d writes, want %d", method, n, writes, want)
			}
		}
	}
}
