package issuing

import (
	"encoding/json"
	"strings"
	"testing"

	"indeks/verifier"
)

// A learner chooses what the code tells, and is told how large it became; a registrar
// gets the same one as text.
func TestOfflineCode(t *testing.T) {
	base, log := newServer(t)
	auth := []string{"Authorization", "Bearer " + apiKey, "Idempotency-Key", "row-1"}
	issued := ask(t, "POST", base+"/api/v1/credentials", body(t, nil), auth...)
	var record struct {
		ID, Number string
		Links      map[string]string `json:"links"`
	}
	if err := json.Unmarshal([]byte(issued.body), &record); err != nil {
		t.Fatal(err)
	}
	page := base + strings.TrimPrefix(record.Links["page"], "https://issuer.school.example")
	if got := ask(t, "GET", page+"?lang=hr", ""); !strings.Contains(got.body, `/offline?lang=hr"`) {
		t.Errorf("the learner's page does not lead there: %s", got.body)
	}
	for query, want := range map[string]struct{ tells, not []string }{
		"?lang=en":                         {[]string{`name="outcomes" value="1" checked`, "offline/svg?chosen=1&amp;outcomes=1"}, []string{`name="birth" value="1" checked`, `name="grade" value="1" checked`}},
		"?lang=en&chosen=1&birth=1":        {[]string{`name="birth" value="1" checked`, "offline/svg?birth=1&amp;chosen=1"}, []string{`name="outcomes" value="1" checked`}},
		"?lang=en&chosen=1&texts=%22%3E<b": {nil, []string{`"><b`}},
	} {
		got := ask(t, "GET", page+"/offline"+query, "")
		if got.status != 200 || !strings.Contains(got.header.Get("Cache-Control"), "no-store") || !strings.Contains(got.body, "mm wide") {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
		for _, text := range want.tells {
			if !strings.Contains(got.body, text) {
				t.Errorf("%s: no %s in %s", query, text, got.body)
			}
		}
		for _, text := range want.not {
			if strings.Contains(got.body, text) {
				t.Errorf("%s: %s", query, text)
			}
		}
	}
	for kind, contentType := range map[string]string{"svg": "image/svg+xml", "png": "image/png"} {
		if got := ask(t, "GET", page+"/offline/"+kind+"?chosen=1", ""); got.status != 200 || got.header.Get("Content-Type") != contentType || !strings.Contains(got.header.Get("Cache-Control"), "no-store") {
			t.Errorf("%s: %d %v", kind, got.status, got.header)
		}
	}

	var code struct {
		Text, Token string
		Version     int
		Told        map[string]bool
	}
	got := ask(t, "GET", base+"/api/v1/credentials/"+record.Number+"/offline?chosen=1&grade=1", "", auth...)
	if err := json.Unmarshal([]byte(got.body), &code); err != nil || got.status != 200 || code.Told["birth"] || code.Version < 10 || code.Version > 25 {
		t.Fatalf("%d, %v: %s", got.status, err, got.body)
	}
	v, err := verifier.New(verifier.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{code.Text, code.Token} { // nobody is trusted here
		if r := v.Verify(t.Context(), []byte(given)); r.State != verifier.IssuerUnknown {
			t.Errorf("%.60s: %s", given, r.State)
		}
	}

	// What is withdrawn has none, and the page says so.
	ask(t, "POST", base+"/api/v1/credentials/"+record.Number+"/suspend", `{"reason":"a test"}`, auth...)
	if got := ask(t, "GET", page+"/offline?lang=en", ""); got.status != 200 || !strings.Contains(got.body, "There is no code of this kind") || strings.Contains(got.body, "<img src=\"/h/") {
		t.Errorf("on hold: %d %s", got.status, got.body)
	}
	if got := ask(t, "GET", page+"/offline/svg", ""); got.status != 409 {
		t.Errorf("the picture of what is on hold: %d", got.status)
	}
	for _, secret := range []string{"Њежић", record.Number, page[len(page)-26:], code.Text[len(code.Text)-40:]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
