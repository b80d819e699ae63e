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

	"indeks/internal/contract"
	"indeks/verifier"
	"indeks/web"
)

// pagesOnly are the routes that are for people; the others are described.
var pagesOnly = []string{"GET /", "GET /proves", "POST /verify", "GET /verify", "GET /C/:id", "POST /C/:id", "GET /c/:id", "POST /c/:id",
	"GET /robots.txt", "GET /static/:digest/*", "GET /api/v1/openapi.json"}

var quiet = web.Config{Log: slog.New(slog.DiscardHandler)}

func routesOf(s *Server) (routes []string) {
	for _, r := range s.Echo().Routes() {
		routes = append(routes, r.Method+" "+r.Path)
	}
	return routes
}

// described is h, held to openapi.json.
func described(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	reading.Do(func() { description = contract.Read(t, openAPIDocument) })
	return description.Handler(t, h)
}

var (
	reading     sync.Once
	description *contract.Document
)

// TestDescription: openapi.json describes this server, all of it and nothing
// else, and what it shows is what happens.
func TestDescription(t *testing.T) {
	d := contract.Read(t, openAPIDocument)

	// What it shows, at a verifier that knows none of the issuers in it.
	real, err := verifier.New(verifier.Config{Trust: &verifier.Trust{Version: 1, Expires: time.Now().Add(time.Hour), Issuers: []verifier.TrustedIssuer{{ID: "did:web:orchards.example"}}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Verifier: real, Kit: quiet})
	if err != nil {
		t.Fatal(err)
	}
	d.Routes(t, routesOf(s), pagesOnly)
	server := httptest.NewServer(d.Handler(t, s.Echo()))
	defer server.Close()
	d.Examples(t, server.URL, "")

	// Every answer that it describes.
	const verify, stack, json = "/api/v1/verifications", "/api/v1/stacks", "application/json"
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
		{"two", stack, json, `{"credentials":["x",{"a":1}],"same_person":true}`, nil, 200},
		{"none", stack, json, `{"credentials":[]}`, nil, 400},
		{"too many", stack, json, `{"credentials":["x"` + strings.Repeat(`,"x"`, maxStack) + `]}`, nil, 422},
		{"stack too large", stack, json, strings.Repeat(" ", stackBody+1), nil, 413},
	} {
		s, _ := newServer(t, &fake{report: report(t, verifier.StateValid), err: c.err})
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		if d.Handler(t, s.Echo()).ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.status, w.Body)
		}
	}

	// Those that do not depend on what is asked.
	for _, path := range []string{verify, stack} {
		for _, c := range []struct {
			name   string
			make   func() *Server
			header string
			status int
		}{
			{"of another site", func() *Server { s, _ := newServer(t, &fake{}); return s }, "cross-site", 403},
			{"a panic", func() *Server { s, _ := newServer(t, nil); return s }, "none", 500},
			{"no worker is free", func() *Server {
				s, _ := newServer(t, &fake{})
				for range cap(s.queue) {
					s.queue <- struct{}{}
				}
				return s
			}, "none", 503},
			{"too often", func() *Server {
				s, err := New(Config{Verifier: real, Kit: web.Config{Log: quiet.Log, Rate: web.Rate{PerSecond: 0.001, Burst: 1}}})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}, "none", 429},
		} {
			h := d.Handler(t, c.make().Echo())
			var w *httptest.ResponseRecorder
			for range 2 { // the second is the one that is too often
				w = httptest.NewRecorder()
				r := httptest.NewRequest("POST", path, strings.NewReader(`{"credential`+map[string]string{verify: `":"x"}`, stack: `s":["x"]}`}[path]))
				r.Header.Set("Content-Type", json)
				r.Header.Set("Sec-Fetch-Site", c.header)
				h.ServeHTTP(w, r)
			}
			if w.Code != c.status {
				t.Errorf("%s %s: %d, want %d: %s", path, c.name, w.Code, c.status, w.Body)
			}
		}
	}
	if r, err := http.Get(server.URL + "/openapi.json"); err != nil || r.StatusCode != 200 {
		t.Errorf("the description: %v %v", r, err)
	}
	d.Complete(t)
}
