package web

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what clients take of a server before any handler sees them. What
// is 0 is not limited.
type Limits struct {
	ReadHeader time.Duration // until the header is complete
	Read       time.Duration // until the body is complete
	Write      time.Duration // until the answer is read; a stream sets its own deadline
	Idle       time.Duration // between two requests
	Header     int           // bytes of request line and header; over it the answer is 431

	Connections           int // at once
	ConnectionsPerAddress int // at once; of IPv6, from one /64

	Streams int // requests at once on one connection of HTTP/2; 0: as many as net/http permits

	DrainWait time.Duration // between being told to end and taking no more connections; see Serve

	Proxies []netip.Prefix // the reverse proxies in front; they may open any number
}

// gate is a listener that holds connections to limits. Where there are as many
// as may be, the one whose client has kept us waiting longest makes room for a
// new one: slow senders then crowd out each other and nobody else.
type gate struct {
	net.Listener
	limits Limits
	secure bool // by TLS, so that nobody understands us before a handshake

	mu        sync.Mutex
	open      map[*connection]bool
	addresses map[netip.Prefix]int // open ones

	refusals chan struct{} // those that are being told so
}

// connection knows whose turn it is. On one of HTTP/2 it is ours as long as any of
// its requests waits for us.
type connection struct {
	net.Conn
	gate    *gate
	address netip.Prefix

	mu      sync.Mutex
	ours    int          // requests that wait for us, guarded by mu
	waiting atomic.Int64 // since when we wait for the client, in ns since 1970; 0: it waits for us

	held *[]byte // what is written goes there; nil: it goes out. Only the handler's goroutine writes
}

func newGate(l net.Listener, limits Limits, secure bool) *gate {
	return &gate{Listener: l, limits: limits, secure: secure, open: map[*connection]bool{}, addresses: map[netip.Prefix]int{}, refusals: make(chan struct{}, 64)}
}

// Accept returns the next connection that may be served.
func (g *gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: raw, gate: g}
		if from, err := netip.ParseAddrPort(raw.RemoteAddr().String()); err == nil {
			c.address = block(from.Addr())
		}
		c.waiting.Store(time.Now().UnixNano())
		if g.admit(c) {
			return c, nil
		}
		select {
		case g.refusals <- struct{}{}:
			go func() {
				defer func() { <-g.refusals }()
				if g.secure {
					raw.Close()
					return
				}
				refuse(raw)
			}()
		default:
			raw.Close()
		}
	}
}

// admit takes a connection in, in place of another where there must be room.
func (g *gate) admit(c *connection) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	proxy := slices.ContainsFunc(g.limits.Proxies, func(p netip.Prefix) bool { return p.Contains(c.address.Addr()) })
	if most := g.limits.ConnectionsPerAddress; most > 0 && !proxy && g.addresses[c.address] >= most {
		return false
	}
	if most := g.limits.Connections; most > 0 && len(g.open) >= most {
		var slowest *connection
		for other := range g.open {
			if since := other.waiting.Load(); since > 0 && (slowest == nil || since < slowest.waiting.Load()) {
				slowest = other
			}
		}
		if slowest == nil {
			return false
		}
		g.forget(slowest)
		slowest.Conn.Close()
	}
	g.open[c] = true
	g.addresses[c.address]++
	return true
}

// forget strikes off a connection, once. The caller holds the lock.
func (g *gate) forget(c *connection) {
	if !g.open[c] {
		return
	}
	delete(g.open, c)
	if g.addresses[c.address]--; g.addresses[c.address] == 0 {
		delete(g.addresses, c.address)
	}
}

func (c *connection) Close() error {
	c.gate.mu.Lock()
	c.gate.forget(c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// ourTurn and theirTurn are for one request, in turn.
func (c *connection) ourTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ours++
	c.waiting.Store(0)
}

func (c *connection) theirTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ours--; c.ours == 0 {
		c.waiting.Store(time.Now().UnixNano())
	}
}

// refuse tells a client that there are too many connections. It reads a little
// of what comes, because an answer is lost where data is left unread.
func refuse(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		io.Copy(io.Discard, io.LimitReader(c, 64<<10))
	}
}

type connectionKey struct{}

// withConnection is the ConnContext of a server behind a gate.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// takingTurns keeps the connection's mark of whose turn it is: ours while a
// handler runs, but for the time in which it waits for the body.
func takingTurns(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		c.ourTurn()
		body := &awaitedBody{ReadCloser: r.Body, from: c}
		defer func() {
			if !body.awaited {
				c.theirTurn()
			}
		}()
		r.Body = body
		next.ServeHTTP(w, r)
	})
}

// awaitedBody is a body that counts as waited for from the first read to the
// end, so that a byte now and then does not look like haste.
type awaitedBody struct {
	io.ReadCloser
	from    *connection
	started bool
	awaited bool // it is the client's turn
}

func (b *awaitedBody) Read(p []byte) (int, error) {
	if !b.started {
		b.started, b.awaited = true, true
		b.from.theirTurn()
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && b.awaited {
		b.awaited = false
		b.from.ourTurn()
	}
	return n, err
}

// block is what counts as one address: of IPv6 a /64, which is what one
// subscriber has.
func block(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero prefix for the zero address
	return p
}
