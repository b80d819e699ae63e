package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
)

// onePage is the smallest server: one page that shows its data.
func onePage() fstest.MapFS {
	return fstest.MapFS{"page.html": {Data: []byte(`{{define "title"}}T{{end}}{{define "main"}}<p>{{.Data}}</p>{{end}}`)}}
}

// newKit returns a kit with onePage, and what it logs.
func newKit(t *testing.T, c Config) (*Kit, *bytes.Buffer) {
	t.Helper()
	var logs bytes.Buffer
	c.Log = slog.New(slog.NewJSONHandler(&logs, nil))
	k, err := New(c, onePage(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k, &logs
}

// Scripts run where a page asks for them and nowhere else, and reach this server alone.
func TestScriptsAreAskedFor(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	e.GET("/plain", func(c echo.Context) error { return k.Render(c, http.StatusOK, "page", Page{Data: "x"}) })
	e.GET("/lively", func(c echo.Context) error {
		return k.Render(c, http.StatusOK, "page", Page{Data: "x", Scripts: []string{"kit.css"}, Camera: true})
	})
	for path, want := range map[string]struct {
		script bool
		camera string
	}{"/plain": {false, "camera=()"}, "/lively": {true, "camera=(self)"}} {
		answer := ask(e, "GET", "http://localhost"+path, "")
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, contentPolicy) || strings.Contains(policy, "script-src 'self'; connect-src 'self'") != want.script {
			t.Errorf("%s: policy %q", path, policy)
		}
		if got := answer.Header.Get("Permissions-Policy"); !strings.Contains(got, want.camera) {
			t.Errorf("%s: %q, want %s", path, got, want.camera)
		}
		if body := text(t, answer); strings.Contains(body, `<script type="module" src="`+k.static.url("kit.css")+`"></script>`) != want.script || strings.Contains(body, "<script") != want.script {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// ask sends one request; header is name, value, name, value ...
func ask(e *echo.Echo, method, target, body string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestEveryAnswerIsLockedDown(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	e.GET("/page", func(c echo.Context) error { return k.Render(c, http.StatusOK, "page", Page{Data: "x"}) })
	e.GET("/api/v1/x", func(c echo.Context) error { return errors.New("broken") })
	every := map[string]string{
		"Content-Security-Policy":      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Strict-Transport-Security":    "",
		"Access-Control-Allow-Origin":  "",
		"Set-Cookie":                   "",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	documents := map[string]string{
		"Cross-Origin-Opener-Policy": "same-origin",
		"Referrer-Policy":            "no-referrer",
		"X-Frame-Options":            "DENY",
		"Permissions-Policy":         "camera=(), geolocation=(), microphone=()",
	}
	for path, wanted := range map[string][]map[string]string{
		"/page":                 {every, documents},
		"/nowhere":              {every, documents},
		"/api/v1/nowhere":       {every, documents}, // no route of its own
		"/api/v1/x":             {every},
		k.static.url("kit.css"): {every, documents},
	} {
		h := ask(e, "GET", "http://localhost"+path, "").Header
		for _, headers := range wanted {
			for name, want := range headers {
				if got := h.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", path, name, got, want)
				}
			}
		}
	}
	k, _ = newKit(t, Config{HTTPS: true})
	if got := ask(k.Echo(), "GET", "/", "").Header.Get("Strict-Transport-Security"); got == "" {
		t.Error("served over https without Strict-Transport-Security")
	}
}

// TestFormsWorkOnALocalNetwork: a browser on plain http beyond loopback sends no
// Sec-Fetch-Site, and under no-referrer an Origin of null.
func TestFormsWorkOnALocalNetwork(t *testing.T) {
	for _, c := range []struct {
		host  string
		https bool
		want  string
	}{
		{"192.168.1.7:8081", false, "same-origin"},
		{"[fd00::7]:8081", false, "same-origin"},
		{"registry.lan:8081", false, "same-origin"},
		{"127.0.0.1:8081", false, "no-referrer"},
		{"[::1]", false, "no-referrer"},
		{"localhost:8081", false, "no-referrer"},
		{"verify.example", true, "no-referrer"},
	} {
		if got := referrerPolicy(&http.Request{Host: c.host}, c.https); got[0] != c.want {
			t.Errorf("%s: %s, want %s", c.host, got, c.want)
		}
	}
}

func TestLanguageOfARequest(t *testing.T) {
	k, _ := newKit(t, Config{})
	for _, c := range []struct{ query, header, want string }{
		{"", "", "en"},
		{"", "hr", "hr"},
		{"", "hr-HR,hr;q=0.9,en;q=0.8", "hr"},
		{"", "de-AT,en;q=0.5", "de"},
		{"", "mk-MK,sr;q=0.8", "mk"},
		{"", "sq-XK", "sq"},
		{"", "sr", "sr-Cyrl"},
		{"", "sr-Latn-RS", "sr-Latn"},
		{"", "sr-Cyrl-ME", "sr-Cyrl"},
		{"", "cnr", "cnr"},
		{"", "cnr-ME,sr;q=0.8,en;q=0.5", "cnr"},
		{"", "sr-ME", "cnr"},
		{"", "sr-Latn-ME,en;q=0.5", "cnr"},
		{"", "sr-RS,sr-ME;q=0.5", "sr-Cyrl"},
		{"", "cnr-Cyrl-ME", "sr-Cyrl"},
		{"", "bs", "bs"},
		{"", "bs-BA,hr;q=0.5", "bs"},
		{"", "bs-Latn-BA", "bs"},
		{"", "bs-Cyrl-BA", "sr-Cyrl"},
		{"", "hr-BA", "hr"},
		{"", "sl-SI,sl;q=0.9,en;q=0.5", "sl"},
		{"", "sh", "sr-Latn"},
		{"", "sr-Cyrl-BA", "sr-Cyrl"},
		{"", "ja,ko;q=0.5", "en"},
		{"", "../../etc/passwd", "en"},
		{"", strings.Repeat("hr,", 40_000) + "hr", "en"},
		{"hr", "sr", "hr"},
		{"xx", "sr-Latn", "sr-Latn"},
	} {
		r := httptest.NewRequest("GET", "/?lang="+c.query, nil)
		r.Header.Set("Accept-Language", c.header)
		if got := k.Lang(echo.New().NewContext(r, nil)); got != c.want {
			t.Errorf("lang=%q Accept-Language %.40q: %s, want %s", c.query, c.header, got, c.want)
		}
	}
}

// What a language is taken for is told only where the server has it; else the nearest is.
func TestLanguageOfAServerWithFew(t *testing.T) {
	k, _ := newKit(t, Config{Languages: []string{"en", "sr-Latn"}})
	for _, header := range []string{"cnr", "cnr-ME,en;q=0.5", "sr-ME", "sr-Latn-ME,en;q=0.5", "sr-Latn"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", header)
		if got := k.Lang(echo.New().NewContext(r, nil)); got != "sr-Latn" {
			t.Errorf("Accept-Language %s: %s", header, got)
		}
	}
}

// The answer to a POST can be had in another language only where the page says how to
// ask for it again; a link would lose what was filled in.
func TestLanguagesOfAnAnswerToAPost(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	e.Any("/x", func(c echo.Context) error {
		p := Page{Data: "x"}
		if c.QueryParam("again") != "" {
			p.Again = map[string]string{"text": "<kept>"}
		}
		return k.Render(c, http.StatusOK, "page", p)
	})
	for _, c := range []struct{ method, target, yes, no string }{
		{"GET", "/x?a=1", `<a href="?a=1&amp;lang=hr" hreflang="hr" lang="hr">Hrvatski</a>`, "<form"},
		{"POST", "/x", "<p>x</p>", `class="languages"`},
		{"POST", "/x?again=1", `<input type="hidden" name="text" value="&lt;kept&gt;">`, "<a href=\"?"},
		{"POST", "/x?again=1&lang=hr", `formaction="/x?lang=hr" lang="hr" aria-current="true">Hrvatski</button>`, "<a href=\"?"},
	} {
		if body := text(t, ask(e, c.method, c.target, "")); !strings.Contains(body, c.yes) || strings.Contains(body, c.no) {
			t.Errorf("%s %s: %s", c.method, c.target, body)
		}
	}
	for _, target := range []string{"/nowhere", "/x?lang=hr"} {
		if body := text(t, ask(e, "GET", target, "", "Accept-Language", "hr")); !strings.Contains(body, `<span lang="hr">Hrvatski</span>`) {
			t.Errorf("%s: %s", target, body)
		}
	}
}

// Each language writes counts in the forms that it has.
func TestCounts(t *testing.T) {
	pages := onePage()
	for _, l := range Languages() {
		pages["locales/"+l+".json"] = &fstest.MapFile{Data: []byte(`{"n":{"one":"one","two":"two","few":"few","other":"other"}}`)}
	}
	k, err := New(Config{Log: slog.New(slog.DiscardHandler)}, pages, nil)
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{ // of 0, 1, 2, 3, 5, 11, 21, 22, 101, 102, 103
		"en":      "other one other other other other other other other other other",
		"bs":      "other one few few other other one few one few few",
		"cnr":     "other one few few other other one few one few few",
		"hr":      "other one few few other other one few one few few",
		"sl":      "other one two few other other other other one two few",
		"sr-Latn": "other one few few other other one few one few few",
		"sr-Cyrl": "other one few few other other one few one few few",
		"de":      "other one other other other other other other other other other",
		"mk":      "other one other other other other one other one other other",
		"sq":      "other one other other other other other other other other other",
	} {
		var got []string
		for _, n := range []int{0, 1, 2, 3, 5, 11, 21, 22, 101, 102, 103} {
			got = append(got, k.T(lang, "n", map[string]any{"Count": n}))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s", lang, got)
		}
	}
}

func TestGapsInTextsAreErrorsAtStart(t *testing.T) {
	with := func(pairs ...string) fs.FS {
		pages := onePage()
		for i := 0; i < len(pairs); i += 2 {
			pages[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		}
		return pages
	}
	for _, c := range []struct {
		name  string
		pages fs.FS
		want  string
	}{
		{"one language only", with("locales/en.json", `{"greeting":"Hello"}`), `language hr has no text "greeting"`},
		{"id in a template", with("other.html", `{{define "title"}}{{end}}{{define "main"}}{{if .Data}}{{range .Data}}{{t "nowhere" "A" (t "kit.skip")}}{{end}}{{end}}{{end}}`), `no language has a text "nowhere"`},
		{"id inside an argument", with("other.html", `{{define "title"}}{{end}}{{define "main"}}{{t "problem.row" "Row" (t "inside")}}{{end}}`), `no language has a text "inside"`},
		{"a value that one language does not say", with("locales/en.json", `{"greeting":"Hello {{.Name}}"}`, "locales/hr.json", `{"greeting":"Dobar dan"}`), `hr.json: text "greeting" names the values "", and not "Name"`},
		{"a text of the kit again", with("locales/en.json", `{"kit.skip":"x"}`), `is there twice`},
		{"no main", with("other.html", `{{define "title"}}{{end}}`), `does not define "main"`},
	} {
		if _, err := New(Config{}, c.pages, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := New(Config{Languages: []string{"tlh"}}, onePage(), nil); err == nil {
		t.Error("a language without texts was accepted")
	}
}

func TestTextsAreIn(t *testing.T) {
	k, logs := newKit(t, Config{})
	if got := k.T("hr", "problem.row", map[string]any{"Row": 7}); got != "Redak 7" {
		t.Errorf("got %q", got)
	}
	if got := k.T("hr", "no.such", nil); got != "no.such" || !strings.Contains(logs.String(), "no.such") {
		t.Errorf("got %q, log %s", got, logs)
	}
	// Numbers and instants are those of the language, and texts their writer's.
	for _, test := range []struct {
		lang, want string
		value      any
	}{
		{"de", "Zeile 12.345", 12345}, {"en", "Row 12,345", uint64(12345)}, {"hr", "Redak 2,5", 2.5}, {"de", "Zeile 12345", "12345"},
		{"hr", "Redak 4. 1. 2026., 05:06 UTC", time.Date(2026, 1, 4, 6, 6, 7, 0, time.FixedZone("", 3600))},
	} {
		if got := k.T(test.lang, "problem.row", map[string]any{"Row": test.value}); got != test.want {
			t.Errorf("%v is %q, want %q", test.value, got, test.want)
		}
	}
	for _, lang := range k.Languages() {
		for _, id := range k.TextIDs() {
			if got := k.T(lang, id, map[string]any{"Row": 1, "Number": 1, "Counted": 1, "Languages": "English", "Until": time.Time{}}); got == "" || got == id || strings.Contains(got, "<no value>") {
				t.Errorf("%s: %s is %q", lang, id, got)
			}
		}
	}
}

func TestProblems(t *testing.T) {
	errThere := errors.New("the drawer is shut")
	var page bytes.Buffer
	for _, c := range []struct {
		name string
		err  error
		want Problem
	}{
		{"a row of the table", fmt.Errorf("opening: %w", errThere), Problem{Type: "urn:shut", Title: "Shut", Status: 409, Detail: "the drawer is shut"}},
		{"a problem", &Problem{Status: 422, Title: "Rows", Fields: []Field{{Row: 3, Column: "email", Detail: "not an address"}}}, Problem{Type: "about:blank", Title: "Rows", Status: 422, Fields: []Field{{Row: 3, Column: "email", Detail: "not an address"}}}},
		{"too large", fmt.Errorf("reading: %w", &http.MaxBytesError{Limit: 10}), Problem{Type: "about:blank", Title: "Request too large", Status: 413, Detail: "at most 10 bytes are read"}},
		{"unknown", errors.New("secret detail"), Problem{Type: "about:blank", Title: "Internal Server Error", Status: 500}},
		{"too long", context.DeadlineExceeded, Problem{Type: "about:blank", Title: "Took too long", Status: 503, Detail: "context deadline exceeded"}},
	} {
		k, _ := newKit(t, Config{})
		k.Map(Row{Is: errThere, Status: 409, Type: "urn:shut", Title: "Shut"})
		e := k.Echo()
		e.GET("/api/v1/x", func(echo.Context) error { return c.err })
		e.GET("/x", func(echo.Context) error { return c.err })

		r := ask(e, "GET", "/api/v1/x", "")
		if got := r.Header.Get("Content-Type"); got != "application/problem+json" || r.StatusCode != c.want.Status || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: %d %s, headers %v", c.name, r.StatusCode, got, r.Header)
		}
		var got struct {
			Type, Title, Detail string
			Status              int
			Errors              []Field
		}
		if err := json.Unmarshal([]byte(text(t, r)), &got); err != nil {
			t.Fatal(err)
		}
		want := got
		want.Type, want.Title, want.Detail, want.Status, want.Errors = c.want.Type, c.want.Title, c.want.Detail, c.want.Status, c.want.Fields
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}

		r = ask(e, "GET", "/x", "", "Accept-Language", "hr")
		body := text(t, r)
		if r.StatusCode != c.want.Status || !strings.Contains(body, `<html lang="hr">`) || strings.Contains(body, "secret detail") {
			t.Errorf("%s: page %d %s", c.name, r.StatusCode, body)
		}
		page.WriteString(body)
	}
	if !strings.Contains(page.String(), "Redak 3, <code>email</code>: <span lang=\"en\">not an address</span>") {
		t.Error("the page does not name the row, and say in which language what is wrong with it")
	}
}

// A bound that holds is no fault of the server: its line in the log is no error.
func TestRefusalIsAWarning(t *testing.T) {
	for _, c := range []struct {
		err   error
		level string
	}{
		{&Problem{Status: 503, Title: "Busy", Retry: 2}, "WARN"},
		{&Problem{Status: 503, Title: "No room", Retry: 300, Err: errors.New("the disk is low")}, "WARN"},
		{&Problem{Status: 503, Title: "Stopped", Err: errors.New("disk")}, "ERROR"},
		{context.DeadlineExceeded, "ERROR"},
		{errors.New("a fault"), "ERROR"},
		{&Problem{Status: 429, Title: "Too many"}, "INFO"},
	} {
		k, log := newKit(t, Config{})
		e := k.Echo()
		e.GET("/x", func(echo.Context) error { return c.err })
		ask(e, "GET", "/x", "")
		if !strings.Contains(log.String(), `"level":"`+c.level+`"`) {
			t.Errorf("%v: %s", c.err, log)
		}
	}
}

func TestATemplateErrorLeavesNoHalfPage(t *testing.T) {
	pages := onePage()
	pages["bad.html"] = &fstest.MapFile{Data: []byte(`{{define "title"}}T{{end}}{{define "main"}}<p>half</p>{{.Data.Nothing}}{{end}}`)}
	k, err := New(Config{Log: slog.New(slog.DiscardHandler)}, pages, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := k.Echo()
	e.GET("/", func(c echo.Context) error { return k.Render(c, http.StatusOK, "bad", Page{Data: 1}) })
	r := ask(e, "GET", "/", "")
	if body := text(t, r); r.StatusCode != 500 || strings.Contains(body, "half") || !strings.HasSuffix(body, "</html>\n") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
}

func TestIssuersTextIsEscaped(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	e.GET("/", func(c echo.Context) error {
		return k.Render(c, http.StatusOK, "page", Page{Data: `<script>alert(1)</script>`})
	})
	if body := text(t, ask(e, "GET", "/", "")); strings.Contains(body, "<script") {
		t.Error(body)
	}
}

// TestLogNamesNobody sends a canary by every way in and looks for it in the log.
func TestLogNamesNobody(t *testing.T) {
	const canary = "Canary-7f3a"
	k, logs := newKit(t, Config{})
	e := k.Echo()
	e.POST("/c/:id", func(c echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		switch c.QueryParam("how") {
		case "error":
			return fmt.Errorf("asking: %w", &url.Error{Op: "Get", URL: "https://issuer.example/" + c.Param("id"), Err: errors.New("refused")})
		case "panic":
			panic(c.Param("id"))
		case "unknown":
			return &Problem{Status: 404, Detail: c.Param("id")}
		}
		return c.NoContent(http.StatusNoContent)
	})
	for _, how := range []string{"", "error", "panic", "unknown"} {
		ask(e, "POST", "/c/"+canary+"?how="+how+"&name="+canary, canary, "X-Forwarded-For", "203.0.113.9", "Referer", "https://"+canary+".example", "User-Agent", canary)
	}
	ask(e, "GET", "/"+canary, "")
	got := logs.String()
	for _, no := range []string{canary, "203.0.113.9", "192.0.2.1"} {
		if strings.Contains(got, no) {
			t.Errorf("the log holds %s:\n%s", no, got)
		}
	}
	for _, yes := range []string{`"route":"/c/:id"`, `"status":500`, `"status":404`, `"err":"Get: refused"`, `"request":"`, `"msg":"panic"`} {
		if !strings.Contains(got, yes) {
			t.Errorf("the log lacks %s:\n%s", yes, got)
		}
	}
}

func TestLimits(t *testing.T) {
	k, _ := newKit(t, Config{BodyLimit: 10, Rate: Rate{PerSecond: 0.001, Burst: 2}})
	e := k.Echo()
	read := func(c echo.Context) error {
		raw, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, string(raw))
	}
	e.POST("/small", read)
	e.POST("/large", read, k.LimitBody(20))
	e.GET("/rated", read, k.LimitRate(nil))
	for _, c := range []struct {
		path string
		size int
		want int
	}{{"/small", 10, 200}, {"/small", 11, 413}, {"/large", 20, 200}, {"/large", 21, 413}} {
		if got := ask(e, "POST", c.path, strings.Repeat("x", c.size)).StatusCode; got != c.want {
			t.Errorf("%s with %d bytes: %d, want %d", c.path, c.size, got, c.want)
		}
	}
	for i, want := range []int{200, 200, 429} {
		// A forwarded address is anybody's word and buys no bucket of its own.
		r := ask(e, "GET", "/rated", "", "X-Forwarded-For", fmt.Sprint("198.51.100.", i))
		if r.StatusCode != want {
			t.Errorf("request %d: %d, want %d", i, r.StatusCode, want)
		}
		if want == 429 && r.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	e.POST("/", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	for _, c := range []struct {
		header []string
		want   int
	}{
		{nil, 204}, // a program
		{[]string{"Sec-Fetch-Site", "same-origin"}, 204},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Origin", "http://example.com"}, 204},
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
	} {
		if got := ask(e, "POST", "http://example.com/", "", c.header...).StatusCode; got != c.want {
			t.Errorf("%v: %d, want %d", c.header, got, c.want)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	r := ask(e, "GET", k.static.url("kit.css"), "")
	css := text(t, r)
	if got := r.Header.Get("Cache-Control"); r.StatusCode != 200 || !strings.Contains(got, "immutable") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/css") {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if got := ask(e, "GET", "/static/0000000000000000/kit.css", "").Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("under an old digest: %q", got)
	}
	for _, path := range []string{k.static.url("none.css"), k.static.url("../web.go"), "/static/"} {
		if got := ask(e, "GET", path, "").StatusCode; got != 404 {
			t.Errorf("%s: %d", path, got)
		}
	}
	for rest := css; ; {
		_, after, found := strings.Cut(rest, "url(")
		if !found {
			break
		}
		name, _, _ := strings.Cut(after, ")")
		if k.static.content[name] == nil {
			t.Errorf("the stylesheet asks for %s", name)
		}
		rest = after
	}
	for name, raw := range k.static.content {
		if filepath.Ext(name) == ".svg" && bytes.Contains(raw, []byte("<script")) {
			t.Errorf("%s holds a script", name)
		}
	}
}

// What is packed is the same file, and comes to those alone who take it.
func TestStaticFilesArePacked(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	for accept, want := range map[string]bool{"gzip": true, "br, GZip;q=0.5, *": true, "deflate,gzip": true, "gzip;q=0.1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.000": false, "xgzip": false} {
		r := ask(e, "GET", k.static.url("kit.css"), "", "Accept-Encoding", accept)
		body := text(t, r)
		if packed := r.Header.Get("Content-Encoding") == "gzip"; packed != want || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", accept, r.Header)
		} else if packed {
			unpacked, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(unpacked)
			if body = string(raw); err != nil {
				t.Fatal(err)
			}
		}
		if body != string(k.static.content["kit.css"]) {
			t.Errorf("%q: another file", accept)
		}
	}
}

func TestAPortInUseIsSaidPlainly(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(l.Addr().String())
	want := "listening on " + l.Addr().String() + ": the port is in use by another program"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// A server that is told to end says so where a load balancer looks, and answers
// as before until that has had time to notice.
func TestADrainingServerSaysSoFirst(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	holds := true
	e.GET("/readyz", k.Ready(func(context.Context) []Condition {
		return []Condition{{Name: "a", Holds: holds, Needed: true}, {Name: "b", Detail: "of use without it"}}
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := func() (int, string) {
		t.Helper()
		r, err := http.Get("http://" + l.Addr().String() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		return r.StatusCode, text(t, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, e, Limits{DrainWait: 500 * time.Millisecond}, nil) }()
	if status, body := ready(); status != 200 || body != `{"status":"ready","conditions":[{"name":"a","holds":true,"needed":true},{"name":"b","holds":false,"needed":false,"detail":"of use without it"}]}`+"\n" {
		t.Error(status, body)
	}
	holds = false
	if status, body := ready(); status != 503 || !strings.Contains(body, `"not ready"`) {
		t.Error(status, body)
	}
	holds = true
	cancel()
	for { // cancel is heard a moment later
		status, body := ready()
		if status == 503 && strings.Contains(body, `"draining"`) {
			break
		}
		if status != 200 {
			t.Fatal(status, body)
		}
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("connections are taken after the end")
	}
}

func TestServeLetsRequestsEnd(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	entered, leave := make(chan bool), make(chan bool)
	e.GET("/", func(c echo.Context) error {
		close(entered)
		<-leave
		return c.String(http.StatusOK, "done")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, e, Limits{}, nil) }()
	answer := make(chan string, 1)
	go func() {
		r, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		raw, _ := io.ReadAll(r.Body)
		answer <- string(raw)
	}()
	<-entered
	cancel()
	select {
	case err := <-served:
		t.Fatalf("ended with a request open: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	if got := <-answer; got != "done" {
		t.Errorf("got %q", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// What is around a handler costs so much, without traces and with them.
func BenchmarkAround(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	for name, traces := range map[string]*Traces{"untraced": nil, "traced": NewTraces(TracesConfig{Endpoint: collector.URL, Share: 1, Service: "benchmark"})} {
		b.Run(name, func(b *testing.B) {
			k, err := New(Config{Log: slog.New(slog.DiscardHandler), Traces: traces}, onePage(), nil)
			if err != nil {
				b.Fatal(err)
			}
			e := k.Echo()
			e.GET("/:id", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
			h, r := traces.Handler(e), httptest.NewRequest("GET", "/x", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
		traces.Close()
	}
}

// Pages for everybody are packed where they are long; personal ones never, however
// long.
func TestLongPagesArePacked(t *testing.T) {
	k, _ := newKit(t, Config{})
	e := k.Echo()
	long := strings.Repeat("a page for everybody ", 1000)
	page := func(noStore bool) echo.HandlerFunc {
		return func(c echo.Context) error {
			return k.Render(c, http.StatusOK, "problem", Page{NoStore: noStore, Data: struct {
				Text, Request string
				Status        int
				Fields        []Field
			}{Text: "problem.404", Request: long}})
		}
	}
	e.GET("/public", page(false))
	e.GET("/personal", page(true))
	r := ask(e, "GET", "/public", "", "Accept-Encoding", "gzip")
	unpacked, err := gzip.NewReader(strings.NewReader(text(t, r)))
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Vary") != "Accept-Language, Accept-Encoding" {
		t.Fatalf("%v %v", err, r.Header)
	}
	raw, err := io.ReadAll(unpacked)
	plain := ask(e, "GET", "/public", "")
	if body := text(t, plain); err != nil || string(raw) != body || !strings.Contains(body, long) || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v: packed and plain differ", err)
	}
	if plain.Header.Get("ETag") == r.Header.Get("ETag") {
		t.Error("one tag for two forms")
	}
	if again := ask(e, "GET", "/public", "", "Accept-Encoding", "gzip", "If-None-Match", r.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", again.StatusCode)
	}
	if r := ask(e, "GET", "/personal", "", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" || !strings.Contains(text(t, r), long) {
		t.Errorf("a personal page: %v", r.Header)
	}
}

// However many ask at once for a page that nobody has read yet, all get it in the language
// they asked for. It is told by the race detector as well.
func TestPagesAreReadByManyAtOnce(t *testing.T) {
	pages := onePage()
	pages["partials/part.html"] = &fstest.MapFile{Data: []byte(`{{define "part"}}{{.Lang}} {{t "greeting"}}{{end}}`)}
	for _, name := range []string{"first", "second"} {
		pages[name+".html"] = &fstest.MapFile{Data: []byte(`{{define "title"}}` + name + `{{end}}{{define "main"}}<p>{{template "part" .}}</p>{{end}}`)}
	}
	for _, l := range Languages() {
		pages["locales/"+l+".json"] = &fstest.MapFile{Data: []byte(`{"greeting":"in ` + l + `"}`)}
	}
	k, err := New(Config{Log: slog.New(slog.DiscardHandler)}, pages, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := k.Echo()
	e.GET("/:page", func(c echo.Context) error { return k.Render(c, http.StatusOK, c.Param("page"), Page{}) })
	var all sync.WaitGroup
	begin := make(chan struct{})
	for _, lang := range Languages() {
		for i := range 4 {
			name := []string{"first", "second"}[i%2]
			all.Go(func() {
				<-begin
				body := text(t, ask(e, "GET", "/"+name+"?lang="+lang, ""))
				if !strings.Contains(body, "<title>"+name+" ") || !strings.Contains(body, "<p>"+lang+" in "+lang+"</p>") {
					t.Errorf("%s in %s: %s", name, lang, body)
				}
			})
		}
	}
	close(begin)
	all.Wait()
}
