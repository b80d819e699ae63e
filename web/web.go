// Package web is the page kit of both servers: layout and rendering, problems,
// languages, static files, and an HTTP server with its limits set. It decides
// nothing; web/issuing and web/verifying translate between HTTP and what they
// serve.
//
// Most readers want [New], which reads the pages of a server, and [Kit.Echo],
// which returns the router with everything around a handler that no handler
// should have to think of.
package web

import (
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Config is what both servers have in common. The zero value works.
type Config struct {
	Log        *slog.Logger   // nil: slog.Default(); writes route patterns, never paths, queries, bodies or addresses
	Languages  []string       // offered, first is the default; nil: all that the kit has texts for
	BodyLimit  int64          // of a request, in bytes; 0: 1 MiB. [Kit.LimitBody] sets another for a route
	BodyMemory int64          // bytes that are held of the bodies of all requests, beyond the first 64 KiB of each; 0: 64 MiB
	Timeout    time.Duration  // of a request's context; 0: 55 s. Below Limits.Write, so that there is an answer
	Rate       Rate           // of requests per caller to routes under [Kit.LimitRate]; zero: off
	Proxies    []netip.Prefix // whose X-Forwarded-For names the client; nil: the client is who connects
	Metrics    *Metrics       // counts requests; nil: nobody does
	Traces     *Traces        // names what is traced; nil: nothing is
	TLS        *TLS           // /readyz says how long its certificate lasts; nil: a proxy has one
	HTTPS      bool           // the public address is https: answers carry Strict-Transport-Security
}

// Kit renders pages. It is safe for concurrent use once the servers' rows are
// in ([Kit.Map]).
type Kit struct {
	config Config
	log    *slog.Logger
	rows   Statuses
	bodies atomic.Int64 // bytes held; see heldBody

	languages []string
	matcher   language.Matcher
	localizer map[string]*i18n.Localizer
	ids       map[string]map[string]bool // language to ids that have a text

	static *files
	pages  map[string]map[string]page // by language, then name
}

// New returns a kit with the layout and the templates of pages (*.html in the
// root of pages; each defines "title" and "main"). Templates of the folder
// partials are known to all pages, as is the kit's "supplement", which shows
// .Data.Supplement ([]elm.Section) and calls it a claim where .Data.Claim;
// locales/*.json has the texts of pages, beside the kit's own. funcs are added
// to the kit's own.
//
// A text that one of the offered languages lacks, and an id in a template that
// no language has, are errors here rather than gaps on a page later.
func New(c Config, pages fs.FS, funcs template.FuncMap) (*Kit, error) {
	k := &Kit{config: c, log: c.Log, rows: kitRows()}
	if k.log == nil {
		k.log = slog.Default()
	}
	if k.config.BodyLimit == 0 {
		k.config.BodyLimit = 1 << 20
	}
	if k.config.BodyMemory == 0 {
		k.config.BodyMemory = 64 << 20
	}
	if k.config.Timeout == 0 {
		k.config.Timeout = 55 * time.Second
	}
	if err := k.readTexts(pages); err != nil {
		return nil, fmt.Errorf("reading texts: %w", err)
	}
	k.static = kitFiles()
	if err := k.readPages(pages, funcs); err != nil {
		return nil, fmt.Errorf("reading pages: %w", err)
	}
	return k, nil
}

// Echo returns an echo instance with the kit's error handler, security headers
// (strict CSP, no external host, frame-ancestors 'none', no-referrer, nosniff),
// request ids, logging, recovery, body limit, CrossOriginProtection, and the
// static files under /static/ (fingerprinted, immutable).
func (k *Kit) Echo() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = clientAddress(k.config.Proxies)
	e.HTTPErrorHandler = k.answerError
	e.Use(k.observe, k.headers(), k.limitBody, refuseCrossOrigin())
	e.GET("/static/:digest/*", k.static.serve)
	return e
}

// clientAddress finds out who asks. Echo's default believes X-Forwarded-For of
// everybody, and anybody can write it.
func clientAddress(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// Clock is the time on pages; tests set it.
var Clock = time.Now
