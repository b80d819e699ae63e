package verifying

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"strings"
	"sync"
	"testing"

	"indeks/elm"
	"indeks/verifier"
	"indeks/web"
)

// several is a verifier with an answer per token; what it does not know is not
// a credential.
type several struct {
	fake
	mu      sync.Mutex
	reports map[string]*verifier.Report
	seen    []string
}

func (v *several) Verify(_ context.Context, token []byte) *verifier.Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = append(v.seen, string(token))
	if r := v.reports[string(token)]; r != nil {
		return r
	}
	return &verifier.Report{Verdict: verifier.Invalid, State: verifier.Unreadable, Reason: "malformed"}
}

func (v *several) Rows(ctx context.Context, file verifier.File, _ verifier.PresentationOptions, lang string) []verifier.Row {
	token, _ := file.Read()
	return []verifier.Row{v.Verify(ctx, token).Row(file.Name, lang)}
}

// earned is a valid credential with a title and ECTS credits.
func earned(t testing.TB, title, points string) *verifier.Report {
	t.Helper()
	r := report(t, verifier.StateValid)
	r.ID, r.SHA256 = "urn:uuid:"+title, hex.EncodeToString([]byte(title))
	r.Issuer.Trust.ID = "did:web:orchards.example"
	claim := &r.Credential.Subject[0].HasClaim[0]
	claim.Title = elm.TextOf(map[string][]string{"en": {title}})
	claim.CreditReceived = elm.List[elm.CreditPoint]{{Framework: &elm.Concept{Ref: elm.Ref{ID: "http://data.europa.eu/snb/education-credit/6fcec5c5af"}}, Point: points}}
	claim.SpecifiedBy.EQFLevel = &elm.Concept{Ref: elm.Ref{ID: "http://data.europa.eu/snb/eqf/6"}}
	claim.SpecifiedBy.IsPartOf = elm.List[elm.Specification]{{Title: elm.TextOf(map[string][]string{"en": {"Diploma in Orchards"}})}}
	return r
}

func files(t testing.TB, names ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range names {
		part, err := w.CreateFormFile("file", "x.jwt")
		if err != nil {
			t.Fatal(err)
		}
		part.Write([]byte(name))
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

func TestStacksAPI(t *testing.T) {
	many := func(n int) string {
		return `{"credentials":[` + strings.TrimSuffix(strings.Repeat(`"one",`, n), ",") + `]}`
	}
	for _, c := range []struct {
		name, body string
		status     int
		seen       int
	}{
		{"strings and objects", `{"credentials":["one",{"a":1,"a":2}],"same_person":true}`, 200, 2},
		{"members in another order", `{"same_person":false,"credentials":["one"]}`, 200, 1},
		{"fifty", many(50), 200, 50},
		{"fifty-one", many(51), 422, 0},
		{"none", `{"credentials":[]}`, 400, 0},
		{"no credentials", `{"same_person":true}`, 400, 0},
		{"an empty one", `{"credentials":["one",""]}`, 400, 0},
		{"a number", `{"credentials":[1]}`, 400, 0},
		{"no array", `{"credentials":"one"}`, 400, 0},
		{"twice", `{"credentials":["one"],"credentials":["two"]}`, 400, 0},
		{"unknown member", `{"credentials":["one"],"samePerson":true}`, 400, 0},
		{"an answer that is none", `{"credentials":["one"],"same_person":"yes"}`, 400, 0},
		{"something behind", `{"credentials":["one"]} {}`, 400, 0},
		{"cut off", `{"credentials":["one"`, 400, 0},
		{"empty", ``, 400, 0},
		{"too large", `{"credentials":["` + strings.Repeat("x", stackBody) + `"]}`, 413, 0},
	} {
		v := &several{reports: map[string]*verifier.Report{"one": earned(t, "One", "3")}}
		s, _ := newServer(t, v)
		r, body := ask(t, s, "POST", "/api/v1/stacks", c.body, "Content-Type", "application/json", "Accept-Language", "hr")
		if r.StatusCode != c.status || len(v.seen) != c.seen {
			t.Errorf("%s: %d, %d examined: %.300s", c.name, r.StatusCode, len(v.seen), body)
			continue
		}
		if r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: may be kept", c.name)
		}
		got := decode(t, body)
		if c.status != 200 {
			if r.Header.Get("Content-Type") != "application/problem+json" || got["status"] != float64(c.status) {
				t.Errorf("%s: %s", c.name, body)
			}
			continue
		}
		if n := len(got["reports"].([]any)); n != c.seen || !strings.Contains(body, "Ovaj je zbroj račun") {
			t.Errorf("%s: %d reports: %s", c.name, n, body)
		}
	}
}

func TestReportsComeInTheOrderAsked(t *testing.T) {
	v := &several{reports: map[string]*verifier.Report{}}
	var tokens []string
	for i := range 20 {
		name := fmt.Sprint("t", i)
		tokens = append(tokens, name)
		v.reports[name] = earned(t, name, "0.1")
	}
	s, _ := newServer(t, v)
	raw, err := json.Marshal(map[string]any{"credentials": tokens})
	if err != nil {
		t.Fatal(err)
	}
	_, body := ask(t, s, "POST", "/api/v1/stacks", string(raw))
	got := decode(t, body)
	for i, r := range got["reports"].([]any) {
		if id := r.(map[string]any)["credential"].(map[string]any)["id"]; id != fmt.Sprint("urn:uuid:t", i) {
			t.Errorf("%d: %v", i, id)
		}
	}
	sums := got["stack"].(map[string]any)["sums"].([]any)
	if len(sums) != 1 || sums[0].(map[string]any)["total"] != "2" {
		t.Error(sums)
	}
}

func TestAFullQueueRefusesTheStack(t *testing.T) {
	v := &several{}
	s, _ := newServer(t, v)
	for range cap(s.queue) {
		s.queue <- struct{}{}
	}
	if r, body := ask(t, s, "POST", "/api/v1/stacks", `{"credentials":["one","two"]}`); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.StatusCode, body)
	}
}

func TestSeveralFilesAreAddedUp(t *testing.T) {
	v := &several{reports: map[string]*verifier.Report{"one": earned(t, "One & only", "3"), "two": earned(t, "Two", "2.5"), "bad": report(t, verifier.NotValid)}}
	s, logs := newServer(t, v)
	body, contentType := files(t, "one", "two", "bad", "scribble", "one")
	for _, lang := range web.Languages() {
		r, page := ask(t, s, "POST", "/verify?lang="+lang, body, "Content-Type", contentType)
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Fatalf("%d %s", r.StatusCode, page)
		}
		ects := cmp.Or(map[string]string{"mk": "ЕКТС", "sr-Latn": "ESPB", "sr-Cyrl": "ЕСПБ"}[lang], "ECTS")
		sum := "5,5 "
		if lang == "en" {
			sum = "5.5 "
		}
		for _, yes := range []string{sum + ects, "One &amp; only", "Diploma in Orchards", holderName, verifier.Stack(nil, false).Wire(lang).Sentence, `formaction="/verify?lang=hr"`} {
			if !strings.Contains(page, yes) {
				t.Errorf("%s: no %q", lang, yes)
			}
		}
		for _, no := range []string{"1999", "Canary-National", "<script", " style=", courseName, "stack.", ">17"} {
			if strings.Contains(page, no) {
				t.Errorf("%s: %q", lang, no)
			}
		}
		if !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%s: half a page", lang)
		}
	}
	if strings.Contains(logs.String(), "Canary") {
		t.Error("the log names somebody")
	}
}

// TestTheQuestionIsAsked, and answered by the same files.
func TestTheQuestionIsAsked(t *testing.T) {
	one, two := earned(t, "One", "3"), earned(t, "Two", "2.5")
	two.Credential.Subject[0].DateOfBirth = ""
	two.Credential.Subject[0].NationalID = nil
	v := &several{reports: map[string]*verifier.Report{"one": one, "two": two}}
	s, _ := newServer(t, v)
	body, contentType := files(t, "one", "two")
	_, page := ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
	again := base64.RawURLEncoding.EncodeToString([]byte("one")) + "." + base64.RawURLEncoding.EncodeToString([]byte("two"))
	if strings.Contains(page, "5.5 ECTS") || !strings.Contains(page, "same_person") || !strings.Contains(page, `value="`+again+`"`) || !strings.Contains(page, "17 October") {
		t.Fatal(page)
	}
	_, page = ask(t, s, "POST", "/verify", "same_person=1&again="+again, "Content-Type", form)
	if !strings.Contains(page, "5.5 ECTS") || !strings.Contains(page, `<input type="hidden" name="same_person" value="1">`) {
		t.Error("the answer is not taken, or lost with the language")
	}
	// What is too large to carry along is asked for again.
	large := strings.Repeat("x", maxAgainStack)
	v.reports[large] = two
	body, contentType = files(t, "one", large)
	_, page = ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
	if strings.Contains(page, `name="again"`) || !strings.Contains(page, `type="file" id="file" name="file" multiple`) || !strings.Contains(page, "same_person") {
		t.Error("nothing asks for the files again")
	}

	two.Credential.Subject[0].DateOfBirth = "1980-01-01T00:00:00Z"
	body, contentType = files(t, "one", "two")
	_, page = ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
	if strings.Contains(page, "ECTS</td>") && strings.Contains(page, "5.5") || !strings.Contains(page, "different people") || strings.Contains(page, "same_person") {
		t.Error("different people are added up, or may be")
	}
}

func TestTooManyFiles(t *testing.T) {
	v := &several{}
	s, _ := newServer(t, v)
	names := make([]string, maxStack+1)
	for i := range names {
		names[i] = fmt.Sprint("file ", i)
	}
	body, contentType := files(t, names...)
	if r, page := ask(t, s, "POST", "/verify", body, "Content-Type", contentType); r.StatusCode != 422 || !strings.Contains(page, "up to 50") || v.seen != nil {
		t.Errorf("%d %s", r.StatusCode, page)
	}
}

// FuzzReadStackRequest: whatever is sent, it is credentials or a problem of the
// request.
func FuzzReadStackRequest(f *testing.F) {
	for _, seed := range []string{`{"credentials":["eyJ.x.y",{"a":1e400}],"same_person":true}`, `{"credentials":[null]}`, `{"credentials":["\ud800"]}`,
		`{"credentials":[[]]}`, `{"credentials":1}`, `{"credentials":[""]}`, `{"credentials":["x"],"credentials":[]}`, `[`, "{\"credentials\":[\"\xff\"]}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tokens, _, err := readStackRequest(body)
		if err != nil {
			if p, ok := errors.AsType[*web.Problem](err); !ok || p.Status != 400 && p.Status != 422 || tokens != nil || strings.Contains(err.Error(), "%!") {
				t.Fatalf("%q: %v with %q", body, err, tokens)
			}
			return
		}
		if len(tokens) == 0 || len(tokens) > maxStack {
			t.Fatalf("%q: %d tokens", body, len(tokens))
		}
		for _, token := range tokens {
			if len(token) == 0 {
				t.Fatalf("%q: an empty token", body)
			}
		}
	})
}
