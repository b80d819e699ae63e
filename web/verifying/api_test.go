package verifying

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"indeks/verifier"
	"indeks/web"
)

func TestVerificationsAPI(t *testing.T) {
	const object = `{"payload" : "x","signatures":[1.0e2]}`
	v := &fake{}
	s, _ := newServer(t, v)
	for _, c := range []struct {
		name, contentType, body string
		err                     error
		status                  int
		token                   string
		asked                   []string
	}{
		{"raw token", "application/vc+jwt", "eyJ.x.y", nil, 200, "eyJ.x.y", nil},
		{"no content type", "", "eyJ.x.y", nil, 200, "eyJ.x.y", nil},
		{"raw file keeps its white space", "application/octet-stream", " {}\n", nil, 200, " {}\n", nil},
		{"raw JSON-LD", "application/ld+json", "{}", nil, 200, "{}", nil},
		{"form type is raw too", form, "text=1", nil, 200, "text=1", nil},
		{"credential is a string", "application/json", `{"credential":"eyJ.x.y"}`, nil, 200, "eyJ.x.y", nil},
		{"credential is an object, byte for byte", "application/json; charset=utf-8", `{"credential": ` + object + `}`, nil, 200, object, nil},
		{"members repeated inside are for the report", "application/json", `{"credential":{"a":1,"a":2}}`, nil, 200, `{"a":1,"a":2}`, nil},
		{"link", "application/json", `{"link":"https://v.example/C/X"}`, nil, 200, "fetched", []string{"link https://v.example/C/X"}},
		{"id as link", "application/json", `{"link":"` + someID + `"}`, nil, 200, "looked up", []string{"id " + someID}},
		{"empty", "application/vc+jwt", "", nil, 400, "", nil},
		{"empty JSON", "application/json", "", nil, 400, "", nil},
		{"neither", "application/json", `{}`, nil, 400, "", nil},
		{"both", "application/json", `{"credential":"x","link":"y"}`, nil, 400, "", nil},
		{"empty string", "application/json", `{"credential":""}`, nil, 400, "", nil},
		{"empty link", "application/json", `{"link":""}`, nil, 400, "", nil},
		{"null", "application/json", `{"credential":null}`, nil, 400, "", nil},
		{"number", "application/json", `{"credential":7}`, nil, 400, "", nil},
		{"repeated member", "application/json", `{"credential":"x","credential":"y"}`, nil, 400, "", nil},
		{"credential and presentation", "application/json", `{"credential":"x","presentation":"y"}`, nil, 400, "", nil},
		{"a challenge alone", "application/json", `{"challenge":"x"}`, nil, 400, "", nil},
		{"a challenge that is none", "application/json", `{"presentation":"x","challenge":{}}`, nil, 400, "", nil},
		{"unknown member", "application/json", `{"credentials":"x"}`, nil, 400, "", nil},
		{"other case", "application/json", `{"Credential":"x"}`, nil, 400, "", nil},
		{"something behind", "application/json", `{"credential":"x"} {}`, nil, 400, "", nil},
		{"no JSON", "application/json", `eyJ.x.y`, nil, 400, "", nil},
		{"unknown id", "application/json", `{"link":"` + someID + `"}`, verifier.ErrNotFound, 404, "", []string{"id " + someID}},
		{"issuer down", "application/json", `{"link":"https://v.example/x"}`, verifier.ErrUnavailable, 502, "", []string{"link https://v.example/x"}},
		{"strange host", "application/json", `{"link":"https://evil.example/x"}`, verifier.ErrForbidden, 422, "", []string{"link https://evil.example/x"}},
		{"too large", "application/vc+jwt", strings.Repeat("x", maxBody+1), nil, 413, "", nil},
	} {
		*v = fake{report: report(t, verifier.StateValid), err: c.err}
		header := []string{"Accept-Language", "hr"}
		if c.contentType != "" {
			header = append(header, "Content-Type", c.contentType)
		}
		r, body := ask(t, s, "POST", "/api/v1/verifications", c.body, header...)
		if r.StatusCode != c.status || string(v.token) != c.token || !slices.Equal(v.asked, c.asked) {
			t.Errorf("%s: %d, token %.60q, asked %v: %s", c.name, r.StatusCode, v.token, v.asked, body)
			continue
		}
		got := decode(t, body)
		if c.status != 200 {
			if r.Header.Get("Content-Type") != "application/problem+json" || got["status"] != float64(c.status) || got["type"] == "" || got["title"] == "" {
				t.Errorf("%s: %s", c.name, body)
			}
			continue
		}
		if got["verdict"] != "valid" || got["state"] != "valid" || r.Header.Get("Cache-Control") != "private, no-store" || r.Header.Get("Content-Language") != "hr" {
			t.Errorf("%s: %v %s", c.name, r.Header, body)
		}
		if !strings.Contains(body, "Cijepljenje voćaka") {
			t.Errorf("%s: the supplement is not in the language asked for", c.name)
		}
	}
}

// TestTheAPIJudgesWhateverItIsGiven: what is wrong with a credential is no
// problem of the request.
func TestTheAPIJudgesWhateverItIsGiven(t *testing.T) {
	v := &fake{}
	s, _ := newServer(t, v)
	for _, state := range states {
		v.report = report(t, state)
		r, body := ask(t, s, "POST", "/api/v1/verifications", "x")
		if r.StatusCode != 200 || decode(t, body)["state"] != string(state) {
			t.Errorf("%s: %d %s", state, r.StatusCode, body)
		}
	}
}

// TestAFullQueueIsSaidAtOnce, and what is queued is still answered.
func TestAFullQueueIsSaidAtOnce(t *testing.T) {
	v := &fake{report: report(t, verifier.StateValid)}
	s, _ := newServer(t, v)
	for range cap(s.queue) {
		s.queue <- struct{}{}
	}
	r, _ := ask(t, s, "POST", "/api/v1/verifications", "x")
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || v.token != nil {
		t.Errorf("%d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	<-s.queue
	if r, _ := ask(t, s, "POST", "/api/v1/verifications", "x"); r.StatusCode != 200 {
		t.Errorf("with a free place: %d", r.StatusCode)
	}
}

// FuzzReadRequest: whatever is sent, it is either one thing to judge, taken from
// the body as it is, or a problem of the request.
func FuzzReadRequest(f *testing.F) {
	for _, seed := range []string{`{"credential":"eyJ.x.y"}`, `{"credential":{"a":1e400}}`, `{"presentation":{},"challenge":"c","domain":"d"}`, `{"link":"https://v.example/C/X"}`,
		`{"credential":"x","credential":"y"}`, `{"presentation":{},"challenge":"c","domain":"d"}`, `{"challenge":"c"}`, `{"link":"a","presentation":"b"}`, `{"link":null}`, `[]`, `{`, "{\"credential\":\"\xff\"}", `{"credential":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		asked, err := readRequest(body)
		token, link := asked.token, asked.link
		if err != nil {
			p, ok := errors.AsType[*web.Problem](err)
			if !ok || p.Status != 400 || token != nil || link != "" {
				t.Fatalf("%q: %v with token %q, link %q", body, err, token, link)
			}
			return
		}
		if token != nil && link != "" {
			t.Fatalf("%q: both %q and %q", body, token, link)
		}
		if len(token) > 0 && token[0] == '{' && !bytes.Contains(body, token) && !bytes.Contains(body, []byte(`"{`)) {
			t.Fatalf("%q: token %q is not what was sent", body, token)
		}
	})
}

// BenchmarkResultPage is what a page costs on top of the verification.
func BenchmarkResultPage(b *testing.B) {
	s, _ := newServer(b, &fake{report: report(b, verifier.StateValid)})
	for b.Loop() {
		if r, _ := ask(b, s, "POST", "/verify", "text=x", "Content-Type", form); r.StatusCode != 200 {
			b.Fatal(r.StatusCode)
		}
	}
}
