// Package verifying is the verifier's server: pages and an API that examine
// credentials. It holds no secret, opens no store and never reaches the issuer's
// code; what it knows of issuers is the verifier's trust file.
//
// Most readers want [New]; routes.go has every URL.
package verifying

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"time"

	"indeks/paper"
	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

//go:embed *.html partials/*.html locales/*.json
var pages embed.FS

// maxBody is the largest body of a verification where the configuration does not
// say otherwise: a token of 2 MiB and what a form adds to it.
const maxBody = 3 << 20

// Config is what the server works with. Verifier is required.
type Config struct {
	Kit      web.Config
	Verifier *verifier.Verifier
	Base     string // public URL of this server, its host is what printed codes name; "" leaves it out

	// Program is this program with its version, as receipts name it; "" leaves it out.
	Program string

	// National is what a country says of micro-credentials, by its code (ISO 3166-1,
	// alpha-2 or alpha-3), nil where nothing is known of it. Where the function is nil, nothing is.
	National func(country string) *National

	// Body is the largest body of a verification, in bytes; 0 means 3 MiB.
	Body int64

	// Workers verify at once; 0 means twice as many as there are processors. Queue
	// is how many verifications wait at most for one of them; 0 means 64. Whoever
	// comes then is told to come again.
	Workers, Queue int

	// Conformance, where it is set, serves the VC-API: a verifier like Verifier
	// whose contexts are open (contexts.Set.Open).
	Conformance *verifier.Verifier

	// StackBody is the largest body, in bytes, with several credentials to be
	// added up; 0 means 8 MiB.
	StackBody int64

	// BulkBody is the largest body, in bytes, with many files or a ZIP; 0 means
	// 32 MiB.
	BulkBody int64
}

// examiner is what the server relies on, and *verifier.Verifier is: Verify,
// VerifyPresentation and Rows never fail, LookUp and FetchLink return a token unverified, StatusList one that is verified, or one of
// verifier.ErrNotFound, ErrUnavailable, ErrForbidden.
type examiner interface {
	Verify(ctx context.Context, token []byte) *verifier.Report
	VerifyPresentation(ctx context.Context, token []byte, o verifier.PresentationOptions) *verifier.PresentationReport
	Rows(ctx context.Context, f verifier.File, o verifier.PresentationOptions, lang string) []verifier.Row
	LookUp(ctx context.Context, public string) ([]byte, error)
	FetchLink(ctx context.Context, link string) ([]byte, error)
	StatusList(ctx context.Context, issuer, address string) (token []byte, age time.Duration, err error)
}

// Server is the verifier's server. It is safe for concurrent use.
type Server struct {
	kit      *web.Kit
	echo     *echo.Echo
	trust    *verifier.Trust // nil: nobody is vouched for
	verifier examiner
	base     string // public URL, "" where none is configured
	host     string // of it
	program  string
	national func(country string) *National

	conformance conformer // of the VC-API; nil: it is off
	description []byte    // openapi.json

	body, stackBody, bulkBody int64
	jobs                      jobs
	kept                      keptResults

	queue   chan struct{} // those that run and those that wait
	workers chan struct{} // those that run

	photoQueue chan struct{} // pictures that are read or wait
	photos     chan struct{} // the picture that is read
}

// New returns the server with all its routes. It starts nothing.
func New(c Config) (*Server, error) {
	base, err := url.Parse(c.Base)
	if err != nil {
		return nil, fmt.Errorf("reading the verifier's base address: %w", err)
	}
	c.Kit.HTTPS = c.Kit.HTTPS || base.Scheme == "https"
	kit, err := web.New(c.Kit, pages, nil)
	if err != nil {
		return nil, err
	}
	kit.Map(
		web.Row{Is: verifier.ErrNotFound, Status: http.StatusNotFound, Type: "urn:indeks:problem:unknown-id", Title: "Unknown id", Text: "unknown-id"},
		web.Row{Is: verifier.ErrUnavailable, Status: http.StatusBadGateway, Type: "urn:indeks:problem:issuer-unreachable", Title: "Issuer not reachable", Text: "unreachable"},
		web.Row{Is: verifier.ErrBulk, Status: http.StatusUnprocessableEntity, Type: "urn:indeks:problem:bulk", Title: "Not read as several files", Text: "many-files"},
		web.Row{Is: errNoJob, Status: http.StatusNotFound, Type: "urn:indeks:problem:no-job", Title: "No such table", Text: "no-job"},
		web.Row{Is: paper.ErrNoCode, Status: http.StatusUnprocessableEntity, Type: "urn:indeks:problem:no-code", Title: "No QR code in the picture", Text: "no-code"},
		web.Row{Is: paper.ErrPicture, Status: http.StatusUnprocessableEntity, Type: "urn:indeks:problem:no-picture", Title: "Picture not read", Text: "no-picture"},
		web.Row{Is: errNoResult, Status: http.StatusNotFound, Type: "urn:indeks:problem:no-result", Title: "No such result", Text: "no-result"},
		web.Row{Is: verifier.ErrForbidden, Status: http.StatusUnprocessableEntity, Type: "urn:indeks:problem:address-not-allowed", Title: "Address not allowed", Text: "forbidden-link"},
	)
	workers := cmp.Or(c.Workers, 2*runtime.GOMAXPROCS(0))
	s := &Server{
		kit:      kit,
		echo:     kit.Echo(),
		verifier: counted{c.Verifier, c.Kit.Metrics.Counter("indeks_verifications_total", "Credentials examined, by what was found.", "state")},
		base:     c.Base,
		host:     base.Host,
		program:  c.Program,
		national: c.National,

		body:      cmp.Or(c.Body, maxBody),
		stackBody: cmp.Or(c.StackBody, stackBody),
		bulkBody:  cmp.Or(c.BulkBody, bulkBody),

		queue:   make(chan struct{}, workers+cmp.Or(c.Queue, 64)),
		workers: make(chan struct{}, workers),

		photoQueue: make(chan struct{}, maxPhotos),
		photos:     make(chan struct{}, 1),
	}
	s.kept.rate, s.jobs.rate = web.NewLimiter(keptRate), web.NewLimiter(tableRate)
	if c.Conformance != nil {
		s.conformance = c.Conformance
	}
	s.description = description(s.conformance != nil)
	if c.Verifier != nil {
		s.trust = c.Verifier.Trust()
	}
	s.gauges(c.Kit.Metrics)
	s.routes()
	return s, nil
}

// Echo returns the router, for [web.Serve].
func (s *Server) Echo() *echo.Echo { return s.echo }

// examine runs Verify on one of the workers.
func (s *Server) examine(ctx context.Context, token []byte) (report *verifier.Report, err error) {
	err = s.work(ctx, func(ctx context.Context) { report = s.verifier.Verify(ctx, token) })
	return report, err
}

// work does f on one of the workers. Where the queue is full it is a problem at
// once: a late answer helps nobody who stands at a counter.
func (s *Server) work(ctx context.Context, f func(context.Context)) error {
	leave, err := join(s.queue)
	if err != nil {
		return err
	}
	defer leave()
	select {
	case s.workers <- struct{}{}:
	default: // only who waits needs to know how long he may
		select {
		case s.workers <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { <-s.workers }()
	return unpanicked(func() { f(ctx) })
}

// join takes a place in a queue.
func join(queue chan struct{}) (leave func(), err error) {
	select {
	case queue <- struct{}{}:
		return func() { <-queue }, nil
	default:
		return nil, &web.Problem{Status: http.StatusServiceUnavailable, Title: "Busy", Retry: 2}
	}
}

// unpanicked does f. A panic is an error, because several credentials are examined
// beside the request's own goroutine, where nobody else would catch it; its value
// is left out, since it may quote the token.
func unpanicked(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("examining a credential: panic of type %T\n%s", v, debug.Stack())
		}
	}()
	f()
	return nil
}
