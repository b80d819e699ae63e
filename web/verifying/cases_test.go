package verifying

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"indeks/contexts"
	"indeks/internal/reference"
	"indeks/verifier"
)

// TestCasesOnThePage posts every token file of the attack manifest to the real
// verifier and reads the page: green for valid only, no case a problem, and
// what the manifest's render checks say. INDEKS_CASES names another manifest.
func TestCasesOnThePage(t *testing.T) {
	cases := reference.LoadCases(t)
	set, err := contexts.Default().With(cases.Contexts(t))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := verifier.ParseTrust(cases.TrustFile(t))
	if err != nil {
		t.Fatal(err)
	}
	web := cases.Web()
	web.Hasty = true
	v, err := verifier.New(verifier.Config{Trust: trust, Contexts: set, Skew: cases.Skew, Now: func() time.Time { return cases.Now },
		Fetch: &http.Client{Transport: web}})
	if err != nil {
		t.Fatal(err)
	}
	s, logs := newServer(t, v)

	tag := regexp.MustCompile(`<[^>]*>`)
	for _, c := range cases.Cases {
		token := cases.Token(t, c)
		r, page := ask(t, s, "POST", "/api/v1/verifications", string(token), "Content-Type", "application/octet-stream")
		if refused := map[bool]int{len(token) == 0: http.StatusBadRequest, len(token) > maxBody: http.StatusRequestEntityTooLarge}[true]; refused != 0 {
			if r.StatusCode != refused {
				t.Errorf("%s: API %d, want %d", c.ID, r.StatusCode, refused)
			}
			continue // nothing to judge, or too much
		}
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: API %d %s", c.ID, r.StatusCode, page)
			continue
		}
		verdict := decode(t, page)["verdict"]
		body, contentType := multipartFile(t, token)
		r, page = ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
		if r.StatusCode != http.StatusOK || !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%s: page %d %.300s", c.ID, r.StatusCode, page)
			continue
		}
		if green := strings.Contains(page, `<section class="verdict good"`); green != (verdict == "valid") {
			t.Errorf("%s: verdict %v, green %v", c.ID, verdict, green)
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "<svg") || strings.Contains(page, " style=") {
			t.Errorf("%s: the page holds what the policy forbids", c.ID)
		}
		text := html.UnescapeString(tag.ReplaceAllString(page, " "))
		for _, no := range append(c.Render.HTMLMustNotContain, c.Render.MustNotContain...) {
			if strings.Contains(page, no) {
				t.Errorf("%s: the page's HTML holds %q", c.ID, no)
			}
		}
		for _, yes := range c.Render.MustContain {
			if verdict == "valid" && !strings.Contains(text, yes) {
				t.Errorf("%s: the page lacks %q", c.ID, yes)
			}
		}
	}
	if strings.Contains(logs.String(), `"level":"ERROR"`) {
		t.Errorf("errors in the log: %.2000s", logs)
	}
}
