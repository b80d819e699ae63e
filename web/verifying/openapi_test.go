package verifying

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"indeks/contexts"
	"indeks/internal/contract"
	"indeks/internal/markup"
	"indeks/verifier"
	"indeks/web"
)

// pagesOnly are the routes that are for people, and what their pages load; the others are described.
var pagesOnly = []string{"GET /", "GET /proves", "GET /scan", "POST /verify", "GET /verify", "POST /verify/receipt", "POST /verify/recognition", "POST /verify/link", "GET /verify/receipt", "GET /verify/recognition", "GET /verify/link",
	"GET /r/:id", "POST /r/:id", "POST /r/:id/end", "GET /r/:id/end", "GET /bulk", "POST /bulk", "GET /bulk/:id", "GET /bulk/:id/table.csv", "GET /C/:id", "POST /C/:id", "GET /c/:id", "POST /c/:id",
	"GET /q", "GET /Q", "GET /q/worker.js", "GET /q/trust", "GET /q/list", "GET /q/dictionary/:id",
	"GET /robots.txt", "GET /static/:digest/*", "GET /api/v1/openapi.json"}

var quiet = web.Config{Log: slog.New(slog.DiscardHandler)}

func routesOf(s *Server) (routes []string) {
	for _, r := range s.Echo().Routes() {
		routes = append(routes, r.Method+" "+r.Path)
	}
	return routes
}

// described is what s answers, held to its description.
func described(t testing.TB, s *Server) http.Handler {
	t.Helper()
	reading.Do(func() {
		documents = map[bool]*contract.Document{false: contract.Read(t, description(false)), true: contract.Read(t, description(true))}
	})
	return documents[s.conformance != nil].Handler(t, s.Echo())
}

var (
	reading   sync.Once
	documents map[bool]*contract.Document
)

// TestDescription: openapi.json describes this server, all of it and nothing
// else, and what it shows is what happens.
func TestDescription(t *testing.T) {
	// What it shows, at a verifier that knows none of the issuers in it.
	trust := &verifier.Trust{Version: 1, Expires: time.Now().Add(time.Hour), Issuers: []verifier.TrustedIssuer{{ID: "did:web:orchards.example"}}}
	strict, err := verifier.New(verifier.Config{Trust: trust})
	if err != nil {
		t.Fatal(err)
	}
	open, err := verifier.New(verifier.Config{Trust: trust, Contexts: contexts.Default().Open()})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(c Config) *Server {
		c.Kit.Log = quiet.Log
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	plain := serve(Config{Verifier: strict})
	contract.Read(t, description(false)).Routes(t, routesOf(plain), pagesOnly)
	d := contract.Read(t, description(true))
	s := serve(Config{Verifier: strict, Conformance: open})
	d.Routes(t, routesOf(s), pagesOnly)
	server := httptest.NewServer(d.Handler(t, s.Echo()))
	defer server.Close()
	d.Examples(t, server.URL, "")

	// Every answer that it describes.
	const verify, receipt, bulk, stack, json = "/api/v1/verifications", "/api/v1/verifications/receipt", "/api/v1/verifications/bulk", "/api/v1/stacks", "application/json"
	link := `{"link":"https://v.example/x"}`
	for _, c := range []struct {
		name, path, contentType, body string
		err                           error
		status                        int
	}{
		{"a file", verify, "application/octet-stream", "{}", nil, 200},
		{"nothing", verify, json, "{}", nil, 400},
		{"unknown id", verify, json, link, verifier.ErrNotFound, 404},
		{"strange host", verify, json, link, verifier.ErrForbidden, 422},
		{"issuer down", verify, json, link, verifier.ErrUnavailable, 502},
		{"a fault", verify, json, link, errors.New("a fault"), 500},
		{"too slow", verify, json, link, context.DeadlineExceeded, 503},
		{"too large", verify, "application/vc+jwt", strings.Repeat("x", maxBody+1), nil, 413},
		{"a presentation", verify, json, `{"presentation":"x","challenge":"c"}`, nil, 200},
		{"a receipt", receipt, "application/octet-stream", "{}", nil, 200},
		{"a receipt of nothing", receipt, json, "{}", nil, 400},
		{"a receipt of a presentation", receipt, json, `{"presentation":"x"}`, nil, 400},
		{"a receipt with a challenge", receipt, json, `{"credential":"x","challenge":"c"}`, nil, 400},
		{"a receipt of an unknown id", receipt, json, link, verifier.ErrNotFound, 404},
		{"a receipt of a strange host", receipt, json, link, verifier.ErrForbidden, 422},
		{"a receipt, issuer down", receipt, json, link, verifier.ErrUnavailable, 502},
		{"a receipt, too large", receipt, "application/vc+jwt", strings.Repeat("x", maxBody+1), nil, 413},
		{"a file", bulk, "application/octet-stream", "{}", nil, 200},
		{"no file", bulk, "application/zip", "", nil, 400},
		{"a broken ZIP", bulk, "application/zip", "PK\x03\x04", nil, 422},
		{"too much", bulk, "application/zip", strings.Repeat("x", bulkBody+1), nil, 413},
		{"two", stack, json, `{"credentials":["x",{"a":1}],"same_person":true}`, nil, 200},
		{"none", stack, json, `{"credentials":[]}`, nil, 400},
		{"too many", stack, json, `{"credentials":["x"` + strings.Repeat(`,"x"`, maxStack) + `]}`, nil, 422},
		{"stack too large", stack, json, strings.Repeat(" ", stackBody+1), nil, 413},
	} {
		s, _ := newServer(t, &fake{report: report(t, verifier.StateValid), err: c.err})
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		if markup.Held(t, d.Handler(t, s.Echo())).ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.status, w.Body)
		}
	}

	// What can happen to every request; that it does is for Complete to say.
	bodies := map[string]string{verify: `{"credential":"x"}`, receipt: `{"credential":"x"}`, bulk: "x", stack: `{"credentials":["x"]}`,
		"/credentials/verify": `{"credential":"x"}`, "/presentations/verify": `{"presentation":"x"}`}
	everywhere := func(s *Server, body, site string) {
		for path, usual := range bodies {
			if body != "" {
				usual = body
			}
			r := httptest.NewRequest("POST", path, strings.NewReader(usual))
			r.Header.Set("Content-Type", json)
			if path == bulk {
				r.Header.Set("Content-Type", "application/zip")
			}
			r.Header.Set("Accept", json)
			r.Header.Set("Sec-Fetch-Site", site)
			d.Handler(t, s.Echo()).ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	everywhere(s, "[]", "none")
	everywhere(s, "", "cross-site")
	everywhere(s, strings.Repeat(" ", stackBody+1), "none")
	tooOften := serve(Config{Verifier: strict, Conformance: open, Kit: web.Config{Rate: web.Rate{PerSecond: 0.001, Burst: 1}}})
	everywhere(tooOften, "", "none")
	everywhere(tooOften, "", "none")
	faulty := serve(Config{Verifier: strict, Conformance: open})
	faulty.verifier, faulty.conformance = nil, nil
	everywhere(faulty, "", "none")
	full := serve(Config{Verifier: strict, Conformance: open})
	for range cap(full.queue) {
		full.queue <- struct{}{}
	}
	everywhere(full, "", "none")
	for _, path := range []string{"/openapi.json", "/readyz"} {
		if r, err := http.Get(server.URL + path); err != nil || r.StatusCode != 200 {
			t.Errorf("%s: %v %v", path, r, err)
		}
	}
	d.Complete(t, "getReady 503") // that is of a server that was told to end
}
