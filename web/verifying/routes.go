package verifying

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/web"
)

// routes has every URL of the verifier's server.
func (s *Server) routes() {
	e, rate, body := s.echo, s.kit.LimitRate(nil), s.kit.LimitBody(s.body)
	stack, bulk := s.kit.LimitBody(s.stackBody), s.kit.LimitBody(s.bulkBody)

	// pages
	e.GET("/", s.start)
	e.GET("/proves", s.proves)
	e.GET("/scan", s.scan)
	e.POST("/verify", s.verify, rate, stack) // several files may come
	for _, path := range []string{"/verify/receipt", "/verify/recognition", "/verify/link", "/r/:id/end"} {
		e.GET(path, s.backToStart)
	}
	e.GET("/verify", s.backToStart) // language links and reloads of a result end here

	// what can be done with a result that is on the page
	e.POST("/verify/receipt", s.receipt, rate, stack)
	e.POST("/verify/recognition", s.recognition, rate, stack)
	e.POST("/verify/link", s.postLink, rate, stack)
	e.GET("/r/:id", s.resultByLink, rate)
	e.POST("/r/:id", s.resultByLinkInFull, rate)
	e.POST("/r/:id/end", s.endLink, rate)

	e.GET("/bulk", s.bulk)
	e.POST("/bulk", s.postBulk, rate, bulk)
	e.GET("/bulk/:id", s.bulkTable)
	e.GET("/bulk/:id/table.csv", s.bulkCSV)

	// what a printed QR code opens; /c/ for those who type it
	for _, path := range []string{"/C/:id", "/c/:id"} {
		e.GET(path, s.landing, rate)
		e.POST(path, s.holder, rate)
	}

	// offline codes; the page verifies by itself, and is given what it needs for that
	e.GET("/q", s.offline)
	e.GET("/Q", s.offline)
	e.GET("/q/worker.js", s.offlineWorker)
	e.GET("/q/trust", s.offlineTrust)
	e.GET("/q/list", s.offlineList, rate)
	e.GET("/q/dictionary/:id", s.offlineDictionary)

	// programs
	e.POST("/api/v1/verifications", s.postVerification, rate, body)
	e.POST("/api/v1/verifications/receipt", s.postReceipt, rate, body)
	e.POST("/api/v1/verifications/bulk", s.postBulkVerification, rate, bulk)
	e.POST("/api/v1/stacks", s.postStack, rate, stack)
	e.GET("/openapi.json", s.openAPI)
	e.GET("/api/v1/openapi.json", func(c echo.Context) error { return c.Redirect(http.StatusPermanentRedirect, "/openapi.json") }) // where it was once

	// VC-API (W3C Credentials Community Group)
	if s.conformance != nil {
		e.POST("/credentials/verify", s.postCredentialConformity, web.ForPrograms, rate, body)
		e.POST("/presentations/verify", s.postPresentationConformity, web.ForPrograms, rate, body)
	}

	// operation
	e.GET("/healthz", text("ok\n"))
	e.GET("/readyz", s.kit.Ready(s.conditions))
	e.GET("/robots.txt", text("User-agent: *\nDisallow: /\n"))
}

// conditions tells of the trust file. A verifier without one, or with one that
// ended, is of use: it says that it cannot confirm anybody.
func (s *Server) conditions(context.Context) []web.Condition {
	trust := web.Condition{Name: "trust file", Detail: "none, so nobody is vouched for"}
	if t := s.trust; t != nil {
		trust.Holds = web.Clock().Before(t.Expires)
		trust.Detail = fmt.Sprintf("version %d, until %s", t.Version, t.Expires.UTC().Format(time.DateOnly))
	}
	return []web.Condition{trust}
}

func text(body string) echo.HandlerFunc {
	return func(c echo.Context) error { return c.String(http.StatusOK, body) }
}
