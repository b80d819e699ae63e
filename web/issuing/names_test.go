package issuing

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"indeks/accounts"
	"indeks/internal/markup"
	"indeks/internal/postbox"
	"indeks/issuer"
	"indeks/store"
)

func init() { pagesOnly = append(pagesOnly, "GET /n/:link", "POST /n/:link/:answer") }

// askedFor asks for an award whose learner is to look at the name, and returns the check.
func askedFor(t *testing.T, server, number string) (v NameCheckView) {
	t.Helper()
	text := body(t, func(l map[string]string) { l["certificate_number"], l["email"] = number, "ana@mail.example" })
	text = strings.Replace(text, `{"course": {`, `{"course": {"name_check_days": 14,`, 1)
	got := ask(t, "POST", server+"/api/v1/credentials", text, append([]string{"Idempotency-Key", number}, auth...)...)
	if err := json.Unmarshal([]byte(got.body), &v); err != nil || got.status != 202 || got.header.Get("Location") != "/api/v1/name-checks/"+v.ID {
		t.Fatalf("%d %v %s", got.status, err, got.body)
	}
	return v
}

// testNames is what the description says of checks of names.
func testNames(t *testing.T, server string) {
	do := func(method, path, body string, status int) string {
		t.Helper()
		got := ask(t, method, server+path, body, auth...)
		if got.status != status {
			t.Errorf("%s %s %s: %d, want %d: %s", method, path, body, got.status, status, got.body)
		}
		return got.body
	}
	const checks = "/api/v1/name-checks"
	first, second := askedFor(t, server, "NAME-1"), askedFor(t, server, "NAME-2")
	if got := do("GET", checks, "", 200); !strings.Contains(got, first.ID) || !strings.Contains(got, "Њежић") {
		t.Errorf("open: %s", got)
	}
	do("GET", checks+"?state=lately", "", 400)
	do("GET", checks+"/"+first.ID, "", 200)
	do("GET", checks+"/none", "", 404)
	do("POST", checks+"/"+first.ID+"/drop", `{}`, 400)
	do("POST", checks+"/none/drop", `{"reason": "a test"}`, 404)
	do("POST", checks+"/none/release", "", 404)
	do("POST", checks+"/"+first.ID+"/drop", `{"reason": "a test"}`, 200)
	do("POST", checks+"/"+first.ID+"/drop", `{"reason": "a test"}`, 409)
	if got := do("POST", checks+"/"+second.ID+"/release", "", 200); !strings.Contains(got, `"state": "issued"`) {
		t.Errorf("released: %s", got)
	}
	do("POST", checks+"/"+second.ID+"/release", "", 409)
	if got := do("GET", checks+"?state=closed", "", 200); !strings.Contains(got, first.ID) || strings.Contains(got, "Њежић") {
		t.Errorf("closed: %s", got)
	}
}

// A learner looks at the name by a link, says what is wrong, and that it is right; and
// the registrar sees at the desk where it stands.
func TestNamePages(t *testing.T) {
	var iss *issuer.Issuer
	e, records, log := newEcho(t, withMail(t, postbox.Start(t, postbox.Options{})), func(c *Config) { iss = c.Issuer })
	server := httptest.NewServer(markup.Held(t, e))
	defer server.Close()
	v := askedFor(t, server.URL, "NAME-1")
	n, err := iss.NameCheck(t.Context(), v.ID)
	if err != nil {
		t.Fatal(err)
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	page := server.URL + "/n/" + n.Link
	shown := ask(t, "GET", page, "")
	if shown.status != 200 || !strings.Contains(shown.body, "Иван") || !strings.Contains(shown.body, "Њежић") || shown.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%d %s", shown.status, shown.body)
	}
	for _, secret := range []string{"2001", "ana@mail.example", "NAME-1", v.ID} {
		if strings.Contains(shown.body, secret) {
			t.Errorf("the page has %q", secret)
		}
	}
	if got := ask(t, "GET", server.URL+"/n/"+strings.Repeat("0", 26), ""); got.status != 404 {
		t.Errorf("a link that never was: %d", got.status)
	}
	if got := ask(t, "POST", page+"/wrong", url.Values{"text": {" "}}.Encode(), form...); got.status != 422 || !strings.Contains(got.body, "Њежић") {
		t.Errorf("nothing said: %d", got.status)
	}
	if got := ask(t, "POST", page+"/perhaps", "", form...); got.status != 404 {
		t.Errorf("another answer: %d", got.status)
	}
	if got := ask(t, "POST", page+"/wrong", url.Values{"text": {"Without a ж, says Canary"}}.Encode(), form...); got.status != 200 {
		t.Errorf("reported: %d", got.status)
	}
	if _, err := records.ByNumber(t.Context(), "NAME-1"); err == nil {
		t.Error("issued, although the name is wrong")
	}
	desk := signInAs(t, e, accounts.New(accounts.Config{Store: records, Cost: accounts.Cost{Memory: 8, Passes: 1, Threads: 1}}), Registrar)
	if got := desk.get("/desk/names"); !strings.Contains(got, "Without a ж, says Canary") || !strings.Contains(got, "reported as wrong") || !strings.Contains(got, "Њежић") {
		t.Errorf("desk: %s", got)
	}
	if got := ask(t, "POST", page+"/right", "", form...); got.status != 200 || !strings.Contains(got.body, "Thank you") {
		t.Errorf("confirmed: %d %s", got.status, got.body)
	}
	if r, err := records.ByNumber(t.Context(), "NAME-1"); err != nil || r.State != store.Issued {
		t.Errorf("%s, %v", r.State, err)
	}
	if got := ask(t, "GET", page, ""); got.status != 404 {
		t.Errorf("afterwards: %d", got.status)
	}
	if got := desk.get("/desk/names"); strings.Contains(got, "Canary") || strings.Contains(got, "Њежић") || !strings.Contains(got, "issued") {
		t.Errorf("desk, afterwards: %s", got)
	}
	for _, secret := range []string{n.Link, "Canary", "Њежић", "ana@mail.example"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
