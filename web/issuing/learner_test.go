package issuing

import (
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"indeks/internal/markup"
	"indeks/internal/postbox"
	"indeks/issuer"
	"indeks/mail"
)

// Where letters are sent, the link alone opens the learner's page on the first device
// and on no other one, and none of the addresses below it.
func TestDeviceAsksForCode(t *testing.T) {
	var iss *issuer.Issuer
	e, records, log := newEcho(t, withMail(t, postbox.Start(t, postbox.Options{})), func(c *Config) { iss = c.Issuer })
	server := httptest.NewServer(markup.Held(t, e))
	defer server.Close()
	if r := ask(t, "POST", server.URL+"/api/v1/credentials", body(t, func(l map[string]string) { l["email"], l["certificate_number"] = "ana@mail.example", "DEVICE-1" }), append([]string{"Idempotency-Key", "device-1"}, auth...)...); r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	record, err := records.ByNumber(t.Context(), "DEVICE-1")
	if err != nil {
		t.Fatal(err)
	}
	page := "/h/" + record.Link
	below := []string{"", "/shares", "/credential.jsonld", "/credential.jwt", "/certificate.pdf", "/qr.svg", "/offline", "/offline/png"}
	// post sends a form and returns the cookie of a device, where there is one.
	post := func(values url.Values) (status int, cookie string) {
		t.Helper()
		r := httptest.NewRequest("POST", page+"/device", strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		markup.Held(t, e).ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			if c.Path != page || !c.HttpOnly || !c.Secure || c.SameSite == 0 {
				t.Errorf("cookie %+v", c)
			}
			cookie = c.Name + "=" + c.Value
		}
		return w.Code, cookie
	}
	closed := func(cookie string) {
		t.Helper()
		for _, path := range below {
			got := ask(t, "GET", server.URL+page+path, "", "Cookie", cookie)
			if got.status != 401 || strings.Contains(got.body, "Њежић") || strings.Contains(got.body, "ana@mail.example") {
				t.Errorf("%q with cookie %.12q: %d", path, cookie, got.status)
			}
		}
		if got := ask(t, "GET", server.URL+"/api/v1/shares", "", "Authorization", "Bearer "+record.Link, "Cookie", cookie); got.status != 401 || !strings.Contains(got.body, "urn:indeks:new-device") {
			t.Errorf("the API: %d %s", got.status, got.body)
		}
		for _, path := range []string{"/report", "/answers", "/shares"} {
			if got := ask(t, "POST", server.URL+page+path, "text=x&hours=1", "Content-Type", "application/x-www-form-urlencoded", "Cookie", cookie); got.status != 401 {
				t.Errorf("POST %s: %d", path, got.status)
			}
		}
	}
	open := func(cookie string) {
		t.Helper()
		for _, path := range below {
			if got := ask(t, "GET", server.URL+page+path, "", "Cookie", cookie); got.status != 200 {
				t.Errorf("%q of a known device: %d", path, got.status)
			}
		}
		if got := ask(t, "GET", server.URL+"/api/v1/shares", "", "Authorization", "Bearer "+record.Link, "Cookie", cookie); got.status != 200 {
			t.Errorf("the API of a known device: %d %s", got.status, got.body)
		}
	}

	// 1. The first device, by a button and by no preview.
	closed("")
	if got := ask(t, "GET", server.URL+page, ""); !strings.Contains(got.body, `value="first"`) {
		t.Errorf("the first device is not let in: %s", got.body)
	}
	status, first := post(url.Values{"do": {"first"}})
	if status != 303 || first == "" {
		t.Fatalf("%d, cookie %q", status, first)
	}
	open(first)

	// 2. Another one, by a code.
	closed("")
	closed("device=AAAA")
	if _, cookie := post(url.Values{"do": {"first"}}); cookie != "" {
		t.Error("a second device is first")
	}
	if status, _ := post(url.Values{"do": {"ask"}}); status != 303 {
		t.Errorf("asking for a code: %d", status)
	}
	if got := ask(t, "GET", server.URL+page+"?code=sent", ""); !strings.Contains(got.body, "a•••@mail.example") || !strings.Contains(got.body, `name="code"`) {
		t.Errorf("the page for the code: %s", got.body)
	}
	letters, err := iss.LettersOf(t.Context(), record)
	if err != nil {
		t.Fatal(err)
	}
	code := ""
	for _, l := range letters {
		if l.Kind == mail.Code {
			code = l.Code
		}
	}
	if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(code) {
		t.Fatalf("code %q", code)
	}
	if status, cookie := post(url.Values{"code": {"x" + code}}); status != 401 || cookie != "" {
		t.Errorf("a wrong code: %d", status)
	}
	status, second := post(url.Values{"code": {" " + code + " "}})
	if status != 303 || second == "" {
		t.Fatalf("the code: %d", status)
	}
	open(second)
	if status, cookie := post(url.Values{"code": {code}}); status != 401 || cookie != "" {
		t.Errorf("the code again: %d", status)
	}

	// 3. Who has tried too often is told when, and what else there is.
	for range 10 {
		if status, _ = post(url.Values{"do": {"ask"}}); status != 303 {
			t.Fatalf("asking for a code: %d", status)
		}
		for range 5 {
			if status, _ = post(url.Values{"code": {"x"}}); status == 429 {
				break
			}
		}
		if status == 429 {
			break
		}
		if err := records.Clear(t.Context(), "code/"+record.ID); err != nil { // the hour is over
			t.Fatal(err)
		}
	}
	if got := ask(t, "POST", server.URL+page+"/device", "code=x", "Content-Type", "application/x-www-form-urlencoded"); got.status != 429 || got.header.Get("Retry-After") == "" || !regexp.MustCompile(`in [1-5][0-9] min\.`).MatchString(got.body) || !strings.Contains(got.body, "will send you a new link") || strings.Contains(got.body, `name="code"`) {
		t.Errorf("tried too often: %d %s", got.status, got.body)
	}
	open(first)
	for _, secret := range []string{code, record.Link, strings.TrimPrefix(first, "device="), "ana@mail.example", "a•••"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
