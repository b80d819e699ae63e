package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
)

const drainTime = 10 * time.Second

// contentPolicy: nothing but our own stylesheet and pictures, no script at all.
const contentPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// scriptPolicy is added for pages with scripts: our own modules, which ask this server
// alone, and write no markup. A service worker is the one thing that needs a policy of
// trusted types, and that one names its address.
const scriptPolicy = "; script-src 'self'; connect-src 'self'; worker-src 'self'; require-trusted-types-for 'script'; trusted-types indeks"

var errCrossOrigin = errors.New("the request comes from a page of another site")

// observe gives a request its id and deadline, turns errors and panics into
// answers, and writes the one line of the log: pattern, never path, query, body
// or address, because these name learners and employers.
func (k *Kit) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		start, id := time.Now(), rand.Text()
		ctx := &request{deadline: deadline{parent: c.Request().Context(), at: start.Add(k.config.Timeout)}, id: id}
		defer ctx.cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		c.Response().Header()[requestIDHeader] = []string{id}
		method := knownMethod(c.Request().Method)
		traced := k.config.Traces.route(ctx, method, c.Path())

		err = recovered(next, c, k.log)
		if err != nil {
			k.answerError(err, c)
		}

		status, took := c.Response().Status, time.Since(start)
		k.config.Metrics.request(method, c.Path(), status, took)
		level := slog.LevelInfo
		failed := err != nil && status >= 500
		if failed {
			level = slog.LevelError
			if k.problemOf(err).refuses() {
				level = slog.LevelWarn
			}
		}
		to := k.log.Handler()
		if !to.Enabled(ctx, level) {
			return nil
		}
		// Not by the logger, which finds out from where it was called: that takes as long
		// as writing the line, and says the same of every request.
		line := slog.NewRecord(start.Add(took), level, requestLine, 0)
		line.AddAttrs(slog.String("method", method), slog.String("route", c.Path()), slog.Int("status", status),
			slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("request", id))
		if traced != "" {
			line.AddAttrs(slog.String("trace", traced))
		}
		if failed {
			line.AddAttrs(slog.String("err", logged(err)))
		}
		to.Handle(ctx, line)
		return nil
	}
}

// knownMethod is a method that routes have, or other: clients may make up any, and
// write into it what they like.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// requestIDHeader is [echo.HeaderXRequestID] as net/http spells it.
const requestIDHeader = "X-Request-Id"

// request is the context of a request, and what the kit knows of it: echo keeps what it
// is told in a map that each request would have to make.
type request struct {
	deadline
	id   string
	body io.ReadCloser // without limit
}

type requestKey struct{}

func (r *request) Value(key any) any {
	if key == (requestKey{}) {
		return r
	}
	return r.deadline.Value(key)
}

// requestOf is nil where the kit has not seen the request.
func requestOf(c echo.Context) *request {
	r, _ := c.Request().Context().Value(requestKey{}).(*request)
	return r
}

// RequestID is the id of a request, as in its answer and in the log.
func RequestID(c echo.Context) string {
	if r := requestOf(c); r != nil {
		return r.id
	}
	return ""
}

// recovered runs a handler and turns a panic into an error. The stack goes to
// the log, the value does not: it may quote what was being read.
func recovered(next echo.HandlerFunc, c echo.Context, l *slog.Logger) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			l.Error("panic", "request", RequestID(c), "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = fmt.Errorf("handling %s: panic", c.Path())
		}
	}()
	return next(c)
}

// ofAPI reports whether a request is for a route that programs ask. What they get is no
// document: it opens nothing, stands in no frame, leads nowhere, and no search engine
// finds it. So it goes without the headers for that, which take as long to write as the
// checks of an issuer.
func ofAPI(c echo.Context) bool { return strings.HasPrefix(c.Path(), "/api/") }

// headers puts the headers of every answer in place.
func (k *Kit) headers() echo.MiddlewareFunc {
	// echo puts its middleware together for each request, so what is the same for all
	// is made here, once.
	every, documents := http.Header{}, http.Header{}
	every.Set("Content-Security-Policy", contentPolicy)
	every.Set("Cross-Origin-Resource-Policy", "same-origin")
	every.Set("X-Content-Type-Options", "nosniff")
	if k.config.HTTPS {
		every.Set("Strict-Transport-Security", "max-age=31536000")
	}
	documents.Set("Cross-Origin-Opener-Policy", "same-origin")
	documents.Set("X-Frame-Options", "DENY")
	documents.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			maps.Copy(h, every)
			if !ofAPI(c) {
				maps.Copy(h, documents)
				h["Referrer-Policy"] = referrerPolicy(c.Request(), k.config.HTTPS)
			}
			return next(c)
		}
	}
}

// referrerPolicy is no-referrer, but for plain http beyond loopback, as in a
// trial on a local network: there browsers send no Sec-Fetch-Site, and under
// no-referrer they send "Origin: null", so that our own forms would look like
// those of another site. same-origin tells other sites as little.
func referrerPolicy(r *http.Request, https bool) []string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	if https || host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback() {
		return noReferrer
	}
	return sameOrigin
}

// Values of headers that nobody changes, so that each answer need not have its own.
var (
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}
	noStore    = []string{"private, no-store"}
	noRobots   = []string{"noindex, nofollow, noarchive"}
)

func (k *Kit) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		body := &heldBody{ReadCloser: r.Body, all: &k.bodies, most: k.config.BodyMemory}
		defer body.release()
		requestOf(c).body = body
		r.Body = http.MaxBytesReader(c.Response(), body, k.config.BodyLimit)
		return next(c)
	}
}

// smallBody is what of each body is not counted as held, so that large ones that
// are held for long do not keep out the small ones, which nearly all are.
const smallBody = 64 << 10

// heldBody counts what is held of all bodies while their requests last.
type heldBody struct {
	io.ReadCloser
	all        *atomic.Int64
	most       int64
	read, held int64
}

func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if more := b.read - smallBody - b.held; more > 0 {
		b.held += more
		if b.all.Add(more) > b.most {
			return n, &Problem{Status: http.StatusServiceUnavailable, Title: "Busy", Retry: 2}
		}
	}
	return n, unfinished(err)
}

// unfinished makes of an error of reading a body what it is: the client's, who stopped
// before its end, or sent none. That of the connection is not kept, as it has the
// client's address in it.
func unfinished(err error) error {
	if err == nil || err == io.EOF || errors.Is(err, http.ErrBodyReadAfterClose) {
		return err
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return &Problem{Status: http.StatusRequestTimeout, Title: "The body of the request did not come in time"}
	}
	return &Problem{Status: http.StatusBadRequest, Title: "The body of the request is not whole"}
}

func (b *heldBody) release() { b.all.Add(-b.held) }

// LimitBody sets the limit of a request's body for a route, in place of
// [Config].BodyLimit.
func (k *Kit) LimitBody(bytes int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Request().Body = http.MaxBytesReader(c.Response(), requestOf(c).body, bytes)
			return next(c)
		}
	}
}

// refuseCrossOrigin refuses unsafe requests that a browser sends for a page of
// another site.
func refuseCrossOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if protection.Check(c.Request()) != nil {
				return errCrossOrigin
			}
			return next(c)
		}
	}
}

// Listen opens a TCP listener and says clearly when the port is in use.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listening on %s: the port is in use by another program: %w", addr, syscall.EADDRINUSE)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	return l, nil
}

// Serve serves e within limits until ctx ends. Then /readyz says so while all is
// served for limits.DrainWait more, so that a load balancer stops sending; then no
// connection is taken any more, and open requests have 10 s to end.
//
// It speaks HTTP/1.1 in the clear, for a proxy in front, or with TLS, unless that is
// nil, HTTP/1.1 and HTTP/2.
func Serve(ctx context.Context, l net.Listener, h http.Handler, limits Limits, t *TLS) error {
	var told atomic.Bool
	server := &http.Server{
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), drainingKey{}, &told)
		},
		Handler:           takingTurns(h),
		ConnContext:       withConnection,
		ReadHeaderTimeout: limits.ReadHeader,
		ReadTimeout:       limits.Read,
		WriteTimeout:      limits.Write,
		IdleTimeout:       limits.Idle,
		MaxHeaderBytes:    headerBytes(limits.Header),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: limits.Streams,
			// What is held of bodies that no handler reads, and of one frame. The defaults, 1 MiB
			// of each, are gigabytes for all connections together.
			MaxReceiveBufferPerConnection: 256 << 10, MaxReceiveBufferPerStream: 256 << 10, MaxReadFrameSize: 16 << 10,
			WriteByteTimeout: limits.Write,
		},
		// net/http writes clients' addresses there and nothing that observe does not see.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	done := make(chan error, 1)
	go func() {
		if t == nil {
			done <- server.Serve(newGate(l, limits, false))
			return
		}
		server.TLSConfig = t.config()
		done <- server.ServeTLS(newGate(l, limits, true), "", "")
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serving on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	told.Store(true)
	select {
	case err := <-done:
		return fmt.Errorf("serving on %s: %w", l.Addr(), err)
	case <-time.After(limits.DrainWait):
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		server.Close()
		return fmt.Errorf("draining %s: %w", l.Addr(), err)
	}
	return nil
}

// headerBytes is what net/http has to be told, which reads 4096 bytes more than
// that before it answers 431.
func headerBytes(limit int) int {
	if limit == 0 {
		return math.MaxInt32
	}
	return max(limit-4096, 1)
}
