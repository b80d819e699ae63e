package verifying

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"indeks/internal/markup"
	"indeks/verifier"
)

// sent is a form with files of these names, each with its name as content.
func sent(t testing.TB, names ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range names {
		part, err := w.CreateFormFile("file", name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write([]byte(name))
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

func packed(t testing.TB, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write([]byte(name))
	}
	w.Close()
	return b.String()
}

// TestBulkAnswers: a row for each file in the order in which they came, as JSON
// or CSV, and what was not opened.
func TestBulkAnswers(t *testing.T) {
	good := earned(t, "=Grafting", "5")
	s, _ := newServer(t, &several{fake: fake{report: good}, reports: map[string]*verifier.Report{"a.jwt": good}})
	body, contentType := sent(t, "b.jwt", "a.jwt", "c.jwt", "d.jwt", "e.jwt", "f.jwt")
	r, answer := ask(t, s, "POST", "/api/v1/verifications/bulk", body, "Content-Type", contentType)
	table := decode(t, answer)
	rows := table["rows"].([]any)
	if r.StatusCode != 200 || len(rows) != 6 || r.Header.Get("Cache-Control") != "private, no-store" {
		t.Fatalf("%d %s", r.StatusCode, answer)
	}
	if first, second := rows[0].(map[string]any), rows[1].(map[string]any); first["file"] != "b.jwt" || first["state"] != "unreadable" ||
		second["file"] != "a.jwt" || second["verdict"] != "valid" || second["title"] != "=Grafting" || second["awarded"] != "2026-04-01" || second["issuer"] != issuerName {
		t.Errorf("%s", answer)
	}
	r, answer = ask(t, s, "POST", "/api/v1/verifications/bulk", packed(t, "x/a.jwt", ".hidden", "x/"), "Content-Type", "application/zip", "Accept", "text/csv")
	if want := "x/a.jwt,invalid,unreadable"; r.StatusCode != 200 || !strings.Contains(answer, want) || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("%d %s", r.StatusCode, answer)
	}
	_, answer = ask(t, s, "POST", "/api/v1/verifications/bulk", packed(t, "a.jwt", ".hidden"), "Content-Type", "application/zip", "Accept", "text/csv")
	if !strings.Contains(answer, ",'=Grafting,") {
		t.Errorf("a formula: %s", answer)
	}
	if _, answer = ask(t, s, "POST", "/api/v1/verifications/bulk", packed(t, "a.jwt", ".hidden"), "Content-Type", "application/zip"); !strings.Contains(answer, `"skipped":[".hidden"]`) {
		t.Errorf("what was skipped: %s", answer)
	}
	// A presentation nobody asked for is examined without a challenge.
	if r, answer := ask(t, s, "POST", "/api/v1/verifications", `{"presentation":{"a":1},"challenge":"c","domain":"d"}`, "Content-Type", "application/json"); r.StatusCode != 200 || decode(t, answer)["credentials"] == nil {
		t.Errorf("%d %s", r.StatusCode, answer)
	}
	if o := s.verifier.(*several).options; o != (verifier.PresentationOptions{Challenge: "c", Domain: "d"}) {
		t.Errorf("asked %+v", o)
	}
}

// TestABulkPage: the table is made after the answer, the page says how far it is,
// and nobody reads it who does not know its address, or later than is said.
func TestABulkPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowly{several{reports: map[string]*verifier.Report{"a.jwt": earned(t, "Grafting <b>", "5")}}}
		s, _ := newServer(t, slow)
		body, contentType := sent(t, "a.jwt", "b.jwt", "c.jwt", "d.jwt", "e.jwt")
		r, _ := ask(t, s, "POST", "/bulk", body, "Content-Type", contentType)
		at := r.Header.Get("Location")
		if r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at, "/bulk/") || len(at) < len("/bulk/")+26 {
			t.Fatalf("%d, leads to %q", r.StatusCode, at)
		}
		time.Sleep(1500 * time.Millisecond)
		_, page := ask(t, s, "GET", at, "")
		if !strings.Contains(page, `data-every="1"`) || !strings.Contains(page, "live.js") || !strings.Contains(page, "4 of 5 examined") {
			t.Errorf("on its way: %s", page)
		}
		if r, _ := ask(t, s, "GET", at+"/table.csv", ""); r.StatusCode != 404 {
			t.Errorf("half a table: %d", r.StatusCode)
		}
		time.Sleep(time.Second)
		r, page = ask(t, s, "GET", at, "")
		if strings.Contains(page, "data-every") || strings.Contains(page, "<script") || r.Header.Get("Cache-Control") != "private, no-store" || !strings.Contains(page, "Grafting &lt;b&gt;") || !strings.Contains(page, "e.jwt") || !strings.Contains(page, "Not a credential: 4") {
			t.Errorf("made: %s", page)
		}
		if r, table := ask(t, s, "GET", at+"/table.csv", ""); r.StatusCode != 200 || strings.Count(table, "\r\n") != 6 {
			t.Errorf("CSV: %d %s", r.StatusCode, table)
		}
		if r, _ := ask(t, s, "GET", "/bulk/AAAAAAAAAAAAAAAAAAAAAAAAAA", ""); r.StatusCode != 404 {
			t.Errorf("a guess: %d", r.StatusCode)
		}
		time.Sleep(jobLife)
		if r, _ := ask(t, s, "GET", at, ""); r.StatusCode != 404 {
			t.Errorf("after its time: %d", r.StatusCode)
		}
	})
}

// TestBulkIsBounded: no more jobs at once than are said, of one client one, none kept for ever.
func TestBulkIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newServer(t, &slowly{})
		body, contentType := sent(t, "a.jwt")
		var codes []string
		for _, from := range []string{"[2001:db8:1:2::7]:1", "[2001:db8:1:2:ffff::8]:1", "198.51.100.1:1", "198.51.100.1:2", "198.51.100.2:1"} {
			r := httptest.NewRequest("POST", "/bulk", strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			r.RemoteAddr = from
			w := httptest.NewRecorder()
			markup.Held(t, described(t, s)).ServeHTTP(w, r)
			codes = append(codes, fmt.Sprint(w.Code))
			if w.Code == 429 && (w.Header().Get("Retry-After") != "10" || !strings.Contains(w.Body.String(), "Only one table at a time")) {
				t.Errorf("a second one of %s: Retry-After %q, %s", from, w.Header().Get("Retry-After"), w.Body)
			}
		}
		if got := strings.Join(codes, " "); got != "303 429 303 429 503" {
			t.Errorf("at once: %s", got)
		}
		time.Sleep(2 * time.Second)
		first := s.jobs.list[0].id
		for range 40 { // of one client, as long as the first is kept
			time.Sleep(20 * time.Second)
			ask(t, s, "POST", "/bulk", body, "Content-Type", contentType)
		}
		if _, err := s.jobs.find(first, time.Now()); err != nil {
			t.Errorf("one client has pushed out a table: %d are kept", len(s.jobs.list))
		}
		for range maxJobs + 3 {
			s.jobs.add(&job{made: time.Now(), over: true})
		}
		if n := len(s.jobs.list); n != maxJobs {
			t.Errorf("%d jobs are kept", n)
		}
		time.Sleep(2 * time.Second)
	})
	for name, c := range map[string]struct {
		names []string
		zip   string
		code  int
	}{
		"nothing":    {nil, "", 400},
		"501 files":  {make([]string, 501), "", 422},
		"a cut ZIP":  {nil, packed(t, "a", "b")[:40], 422},
		"folders":    {nil, packed(t, "a/", "b/"), 400},
		"500 in ZIP": {nil, packed(t, strings.Fields(strings.Repeat("a ", 500))...), 303},
	} {
		for i := range c.names {
			c.names[i] = fmt.Sprint(i)
		}
		s, _ := newServer(t, &fake{report: report(t, verifier.StateValid)}) // of its own, for no other table to be under way
		body, contentType := sent(t, c.names...)
		if c.zip != "" {
			body, contentType = multipartFile(t, []byte(c.zip))
		}
		if r, page := ask(t, s, "POST", "/bulk", body, "Content-Type", contentType); r.StatusCode != c.code {
			t.Errorf("%s: %d %s", name, r.StatusCode, page)
		}
	}
}

// slowly is a verifier that takes a second.
type slowly struct{ several }

func (v *slowly) Rows(ctx context.Context, f verifier.File, o verifier.PresentationOptions, lang string) []verifier.Row {
	time.Sleep(time.Second)
	return v.several.Rows(ctx, f, o, lang)
}

// TestPresentationPages: one credential has its own page with the owner check,
// several have a table, and what is wrong with the presentation is on top.
func TestPresentationPages(t *testing.T) {
	const token = `{"type":"VerifiablePresentation"}`
	one, two := earned(t, "Grafting", "5"), report(t, verifier.Revoked)
	v := &presented{}
	s, _ := newServer(t, v)
	page := func() string {
		t.Helper()
		r, page := ask(t, s, "POST", "/verify", "text="+token, "Content-Type", form)
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Fatalf("%d", r.StatusCode)
		}
		return page
	}
	v.p = verifier.PresentationReport{Verdict: verifier.Valid, Credentials: []*verifier.Report{one}}
	if got := page(); !strings.Contains(got, ">VALID<") || !strings.Contains(got, "Grafting") || strings.Contains(got, "Credentials in it") {
		t.Error(got)
	}
	v.p = verifier.PresentationReport{Verdict: verifier.Invalid, Holder: "did:jwk:\u202eabc", Credentials: []*verifier.Report{one, two},
		Checks: []verifier.Check{{Name: verifier.CheckSeal, Result: verifier.Passed}, {Name: verifier.CheckChallenge, Result: verifier.NotMade, Message: sentence("challenge.unasked").Of()}}}
	got := page()
	for _, want := range []string{"Not everything is valid", "did:jwk:abc", "Number 1", "Number 2", "REVOKED", "The wallet was not asked anything"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q: %s", want, got)
		}
	}
	v.p = verifier.PresentationReport{Verdict: verifier.Invalid, Checks: []verifier.Check{{Name: verifier.CheckFormat, Result: verifier.Failed, Message: sentence("presentation.too-large").Of(), Reason: "too_large"}}}
	if got := page(); !strings.Contains(got, "Too large") || strings.Contains(got, "<table") {
		t.Error(got)
	}
}

// presented is a verifier with one answer for every presentation.
type presented struct {
	fake
	p verifier.PresentationReport
}

func (v *presented) VerifyPresentation(context.Context, []byte, verifier.PresentationOptions) *verifier.PresentationReport {
	return &v.p
}
