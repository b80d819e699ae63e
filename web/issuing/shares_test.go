package issuing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"indeks/internal/markup"
	"indeks/issuer"
	"indeks/store"
)

func init() {
	pagesOnly = append(pagesOnly, "POST /h/:link/device", "POST /h/:link/report", "POST /h/:link/answers", "GET /h/:link/shares", "POST /h/:link/shares", "POST /h/:link/shares/:share/:step",
		"GET /s/:sid", "POST /s/view", "GET /p/:page", "GET /p/:page/badge.svg",
		"GET /h/:link/collection", "POST /h/:link/collection", "GET /h/:link/collection/:id", "POST /h/:link/collection/:step", "GET /h/:link/stack")
}

// issuedTo issues an award and returns the learner's link.
func issuedTo(t *testing.T, server string, records store.Store, number string) string {
	t.Helper()
	r := ask(t, "POST", server+"/api/v1/credentials", body(t, func(l map[string]string) { l["email"], l["certificate_number"] = "", number }), append([]string{"Idempotency-Key", number}, auth...)...)
	if r.status != 201 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	record, err := records.ByNumber(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return record.Link
}

// testShares is what the description says of shares and reports.
func testShares(t *testing.T, server string, records store.Store) {
	link, gone := issuedTo(t, server, records, "SHARE-1"), issuedTo(t, server, records, "SHARE-2")
	own := []string{"Authorization", "Bearer " + link, "Content-Type", "application/json"}
	do := func(method, path, body string, status int, headers ...string) string {
		t.Helper()
		got := ask(t, method, server+path, body, headers...)
		if got.status != status {
			t.Errorf("%s %s %.200s: %d, want %d: %s", method, path, body, got.status, status, got.body)
		}
		return got.body
	}
	member := func(body, name string) string {
		t.Helper()
		var doc map[string]any
		if err := json.Unmarshal([]byte(body), &doc); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		text, _ := doc[name].(string)
		return text
	}
	const shares = "/api/v1/shares"
	do("POST", shares, `{"kind": "secret"}`, 400, own...)
	do("POST", shares, `{"disclose": ["salary"]}`, 422, own...)
	do("POST", shares, `{"pin": "12345"}`, 422, own...)
	do("POST", shares, `{"label": "`+strings.Repeat("x", 1<<20)+`"}`, 413, own...)
	do("PATCH", shares+"/"+strings.Repeat("0", 64), strings.Repeat(" ", 1<<20+1), 413, own...)
	made := do("POST", shares, `{"disclose": ["name"], "pin": "246810", "label": "Job"}`, 201, own...)
	id, address := member(made, "id"), member(made, "url")
	sid := address[strings.LastIndex(address, "/")+1 : strings.Index(address, "#")]
	do("GET", shares, "", 200, own...)
	do("PATCH", shares+"/"+id, `{"expires": "`+time.Now().AddDate(0, 0, 90).UTC().Format(time.RFC3339)+`", "unlock": true}`, 200, own...)
	do("PATCH", shares+"/"+id, `{"expires": "2001-01-01T00:00:00Z"}`, 422, own...)
	do("PATCH", shares+"/"+id, `{}`, 400, own...)
	do("PATCH", shares+"/none", `{"unlock": true}`, 404, own...)

	do("POST", shares, `{"lang": "tlh"}`, 422, own...)
	do("POST", shares, `{"kind": "public", "whole": true}`, 422, own...)
	whole := do("POST", shares, `{"whole": true, "lang": "hr"}`, 201, own...)
	if !strings.Contains(whole, `?lang=hr#`) || !strings.Contains(whole, `"whole"`) {
		t.Errorf("whole: %s", whole)
	}

	open := func(pin string) string { return `{"sid": "` + sid + `", "pin": "` + pin + `"}` }
	do("POST", "/s/open", open(""), 401)
	do("POST", "/s/open", open("000000"), 401)
	do("POST", "/s/open", open("246810"), 200)
	do("POST", "/s/open", `{"id": "x"}`, 400)
	do("POST", "/s/open", `{"sid": "none"}`, 404)
	do("DELETE", shares+"/none", "", 404, own...)

	// What the page of the link asks, which has decrypted it.
	record, err := records.ByLink(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	examine := func(sid, file string) string { return `{"sid": "` + sid + `", "file": "` + file + `"}` }
	token := base64.StdEncoding.EncodeToString(record.Forms["vc2"].Token)
	do("POST", "/s/examine?lang=hr", examine(sid, token), 200)
	do("POST", "/s/examine", `{"id": "x"}`, 400)
	do("POST", "/s/examine", examine("none", token), 404)
	do("POST", "/s/examine", examine(sid, ""), 410)
	do("POST", "/s/examine", examine(sid, strings.Repeat("A", 2<<20)), 413)
	for n := 0; ; n++ {
		if got := ask(t, "POST", server+"/s/examine", examine(sid, "")); got.status == 429 {
			break
		} else if n > 1000 || got.status != 410 {
			t.Fatalf("asked %d times, then %d %s", n, got.status, got.body)
		}
	}
	do("DELETE", shares+"/"+id, "", 204, own...)
	do("POST", "/s/open", open("246810"), 410)
	do("PATCH", shares+"/"+id, `{"expires": "`+time.Now().AddDate(0, 0, 9).UTC().Format(time.RFC3339)+`"}`, 410, own...)

	open2 := member(do("POST", shares, `{}`, 201, own...), "url")
	do("PATCH", shares+"/"+member(do("POST", shares, `{}`, 201, own...), "id"), `{"unlock": true}`, 409, own...)
	often := `{"sid": "` + open2[strings.LastIndex(open2, "/")+1:strings.Index(open2, "#")] + `"}`
	for n := 0; ; n++ {
		if got := ask(t, "POST", server+"/s/open", often); got.status == 429 {
			break
		} else if n > 1000 || got.status != 200 {
			t.Fatalf("opened %d times, then %d %s", n, got.status, got.body)
		}
	}

	public := member(do("POST", shares, `{"kind": "public", "disclose": ["outcomes"]}`, 201, own...), "url")
	path := strings.TrimPrefix(public, "https://issuer.school.example") + "/credential.sd-jwt"
	if token := do("GET", path, "", 200, "Accept", "application/dc+sd-jwt"); !strings.HasSuffix(token, "~") {
		t.Errorf("token %s", token)
	}
	do("GET", "/p/NONE/credential.sd-jwt", "", 404, "Accept", "application/json")
	var list struct{ Shares []ShareView }
	if err := json.Unmarshal([]byte(do("GET", shares, "", 200, own...)), &list); err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Shares {
		if s.Kind == "private" && s.URL != "" {
			t.Errorf("the list has the address of a private share: %s", s.URL)
		}
		if s.Kind == "public" {
			do("DELETE", shares+"/"+s.ID, "", 204, own...)
		}
	}
	do("GET", path, "", 410, "Accept", "application/json")

	do("POST", "/api/v1/credentials/SHARE-2/revoke", `{"reason": "a test"}`, 200, auth...)
	do("POST", shares, `{}`, 409, "Authorization", "Bearer "+gone, "Content-Type", "application/json")

	// Two questions, of which the sums alone are shown.
	for n, answers := range []string{"hours=60&useful=5", "hours=70&useful=4", "hours=80", "hours=90&useful=4", "hours=101"} {
		if got := do("GET", "/api/v1/courses/data-stewardship/answers", "", 200, auth...); strings.Contains(got, "mean") {
			t.Errorf("of %d answers: %s", n, got)
		}
		do("POST", "/h/"+issuedTo(t, server, records, fmt.Sprint("ANSWER-", n))+"/answers", answers, 200, "Content-Type", "application/x-www-form-urlencoded") // after 303
	}
	if got := do("GET", "/api/v1/courses/data-stewardship/answers", "", 200, auth...); !strings.Contains(got, `"mean": 80`) || strings.Contains(got, "useful") {
		t.Errorf("of five hours and three marks: %s", got)
	}

	// What is wrong, and the answer to it.
	do("POST", "/h/"+link+"/report", url.Values{"text": {"My name is misspelled"}}.Encode(), 200, "Content-Type", "application/x-www-form-urlencoded") // after 303
	reports := do("GET", "/api/v1/reports?closed=true", "", 200, auth...)
	report := regexp.MustCompile(`"id": "([^"]*)"`).FindStringSubmatch(reports)
	if report == nil || !strings.Contains(reports, "misspelled") || !strings.Contains(reports, "SHARE-1") {
		t.Fatal(reports)
	}
	do("POST", "/api/v1/reports/"+report[1]+"/close", `{"answer": "`+strings.Repeat("x", 3000)+`"}`, 422, auth...)
	do("POST", "/api/v1/reports/"+report[1]+"/close", `{"reply": "x"}`, 400, auth...)
	do("POST", "/api/v1/reports/"+report[1]+"/close", `{"answer": "It is corrected"}`, 200, auth...)
	do("POST", "/api/v1/reports/"+report[1]+"/close", `{"answer": "again"}`, 409, auth...)
	do("POST", "/api/v1/reports/none/close", `{"answer": "x"}`, 404, auth...)
	if page := do("GET", "/h/"+link, "", 200); !strings.Contains(page, "It is corrected") {
		t.Error("the learner does not see the answer")
	}
}

// A whole journey, from the class list to the end of a link, leaves nothing personal
// and nothing secret in the log or in what a private link's page says to whoever has
// no key: attack cases W-share-log, -guess, -referrer, -cache, -expire and -minimal.
func TestShareJourney(t *testing.T) {
	e, records, log := newEcho(t)
	server := httptest.NewServer(markup.Held(t, e))
	defer server.Close()
	link := issuedTo(t, server.URL, records, "JOURNEY-1")
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	page := "/h/" + link

	// 0. A form that is not taken says so in the language of the page, and keeps what was chosen.
	chosen := url.Values{"kind": {"private"}, "show": {"grade"}, "days": {"90"}, "pin": {"975310"}, "opens": {"1e3"}, "label": {"Application"}, "in": {"hr"}, "download": {"1"}}
	refused := ask(t, "POST", server.URL+page+"/shares?lang=hr", chosen.Encode(), form...)
	for _, want := range []string{"Najviše otvaranja: 1–1000", `value="grade" checked`, `value="90" checked`, `value="975310"`, `value="1e3"`, `value="Application"`, `lang="hr" selected`, `name="download" value="1" checked`} {
		if !strings.Contains(refused.body, want) {
			t.Errorf("a form that is not taken lacks %s", want)
		}
	}
	if refused.status != 422 || strings.Contains(refused.body, `value="name" checked`) || strings.Contains(refused.body, "expected") {
		t.Errorf("a form that is not taken: %d", refused.status)
	}

	// 1. Shared, with a PIN and without the grade.
	made := ask(t, "POST", server.URL+page+"/shares", url.Values{"kind": {"private"}, "show": {"name"}, "days": {"7"}, "pin": {"975310"}, "label": {"Application at Canary Works"}}.Encode(), form...)
	found := regexp.MustCompile(`https://issuer\.school\.example/s/([0-9A-Z]{26})#([A-Za-z0-9_-]{43})`).FindStringSubmatch(made.body)
	if made.status != 201 || found == nil {
		t.Fatalf("%d %s", made.status, made.body)
	}
	whole, sid, key := found[0], found[1], found[2]

	// 2. The page of a link is the same for every id, and counts for nothing.
	first, unknown := ask(t, "GET", server.URL+"/s/"+sid, ""), ask(t, "GET", server.URL+"/s/"+strings.Repeat("0", 26), "")
	if first.status != 200 || unknown.status != 200 || strings.ReplaceAll(first.body, sid, "") != strings.ReplaceAll(unknown.body, strings.Repeat("0", 26), "") {
		t.Errorf("%d and %d, or another page for a link that never was", first.status, unknown.status)
	}
	for name, want := range map[string]string{
		"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex, nofollow, noarchive", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age=31536000",
	} {
		if got := first.header.Get(name); got != want && !(name == "Strict-Transport-Security" && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	policy := first.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(first.body, "og:") || regexp.MustCompile(`(src|href)="https?://`).MatchString(strings.ReplaceAll(first.body, `href="https://verify.example"`, "")) {
		t.Error("the page tells previews something, or leads elsewhere")
	}

	// 3. Opened without scripts: wrong PINs, then the right one. What was kept back is
	// nowhere on the page.
	view := func(link, pin string) answer {
		return ask(t, "POST", server.URL+"/s/view", url.Values{"link": {link}, "pin": {pin}}.Encode(), form...)
	}
	if got := view(whole, ""); got.status != 401 {
		t.Errorf("no PIN: %d", got.status)
	}
	if got := view(whole, "000000"); got.status != 401 {
		t.Errorf("wrong PIN: %d", got.status)
	}
	got := view(whole, "975310")
	if got.status != 200 || !strings.Contains(got.body, "Њежић") || !strings.Contains(got.body, "valid today") || got.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("opened: %d %s", got.status, got.body)
	}
	record, err := records.ByNumber(t.Context(), "JOURNEY-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"1999", record.Link, "Explain", sid, key} {
		if strings.Contains(got.body, hidden) {
			t.Errorf("the page of what is shared has %q", hidden)
		}
	}
	if once := ask(t, "GET", server.URL+page+"/shares", ""); !strings.Contains(once.body, "Opened 1 time, last") {
		t.Errorf("the owner's list after one opening: %s", once.body)
	}
	other := whole[:len(whole)-3] + "AAA"
	if got := view(other, "975310"); got.status != 404 {
		t.Errorf("another key: %d", got.status)
	}
	if got := view("https://issuer.school.example/s/"+sid, "975310"); got.status != 404 {
		t.Errorf("no key: %d", got.status)
	}

	// 4. Seen by its owner, and ended: gone and never having been look the same.
	list := ask(t, "GET", server.URL+page+"/shares", "")
	if !strings.Contains(list.body, "Application at Canary Works") || !strings.Contains(list.body, "Opened 2 times") || strings.Contains(list.body, sid) || strings.Contains(list.body, key) {
		t.Errorf("the owner's list: %s", list.body)
	}
	shareKey := regexp.MustCompile(`/shares/([0-9a-f]{64})/end`).FindStringSubmatch(list.body)
	if got := ask(t, "POST", server.URL+page+"/shares/"+shareKey[1]+"/end", "", form...); got.status != 200 { // after 303
		t.Errorf("ending it: %d", got.status)
	}
	numbers := regexp.MustCompile(`4(04|10)|[A-Z2-7]{26}`)
	ended, never := view(whole, "975310"), view("https://issuer.school.example/s/"+strings.Repeat("0", 26)+"#"+key, "")
	if ended.status != 410 || never.status != 404 || numbers.ReplaceAllString(ended.body, "") != numbers.ReplaceAllString(never.body, "") {
		t.Errorf("ended %d, never there %d, or not in the same words", ended.status, never.status)
	}

	// 5. A public page, its badge and its token; the name only if it was chosen.
	if made := ask(t, "POST", server.URL+page+"/shares", url.Values{"kind": {"public"}, "show": {"outcomes"}, "days": {"365"}}.Encode(), form...); made.status != 201 {
		t.Fatalf("%d %s", made.status, made.body)
	}
	list = ask(t, "GET", server.URL+page+"/shares", "")
	pid := regexp.MustCompile(`https://issuer\.school\.example(/p/[0-9A-Z]{26})`).FindStringSubmatch(list.body)
	linkedIn := regexp.MustCompile(`https://www\.linkedin\.com/profile/add\?[^"]*`).FindString(list.body)
	if pid == nil || !strings.Contains(linkedIn, "startTask=CERTIFICATION_NAME") || strings.Contains(linkedIn, url.QueryEscape("Њежић")) {
		t.Fatalf("the owner's list: %q", linkedIn)
	}
	public := ask(t, "GET", server.URL+pid[1], "")
	badge := ask(t, "GET", server.URL+pid[1]+"/badge.svg", "")
	if public.status != 200 || strings.Contains(public.body, "Њежић") || public.header.Get("X-Robots-Tag") == "" {
		t.Errorf("public page: %d", public.status)
	}
	if badge.status != 200 || badge.header.Get("Content-Type") != "image/svg+xml" || badge.header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || strings.Contains(badge.body, "Њежић") || !strings.Contains(badge.body, ", valid") {
		t.Errorf("badge: %d %s", badge.status, badge.body)
	}
	if got := ask(t, "POST", server.URL+"/api/v1/credentials/JOURNEY-1/revoke", `{"code": "misconduct", "reason": "a test"}`, auth...); got.status != 200 {
		t.Fatal(got.status)
	}
	for at, want := range map[string]string{pid[1]: "Revoked", pid[1] + "/badge.svg": ", not valid"} { // at once, although it was just looked up
		if got := ask(t, "GET", server.URL+at, ""); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s after it was revoked: %d %s", at, got.status, got.body)
		}
	}
	if got := ask(t, "GET", server.URL+page, ""); !strings.Contains(got.body, "You have the right to object") || !strings.Contains(got.body, "Reason: misconduct was established") || strings.Contains(got.body, "a test") {
		t.Error("a learner is not told why, in our words, and how to object")
	}
	ask(t, "POST", server.URL+page+"/report", url.Values{"text": {"I object, says Canary"}}.Encode(), form...)
	ask(t, "GET", server.URL+page+"/credential.jwt", "")

	// 6. The log has patterns and states, and nothing of all that.
	written := log.String()
	for _, route := range []string{"/s/:sid", "/s/view", "/h/:link/shares", "/p/:page"} {
		if !strings.Contains(written, "route="+route) {
			t.Errorf("the log has no %s", route)
		}
	}
	for _, secret := range []string{sid, key, "975310", "000000", link, pid[1], "Њежић", "Canary", shareKey[1], "127.0.0.1"} {
		if strings.Contains(written, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	for entry, err := range records.LogEntries(t.Context(), "1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(entry)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{sid, key, "975310", link, "Њежић", "Canary", shareKey[1]} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("the audit log has %q: %s", secret, raw)
			}
		}
	}
}

// Ids in addresses are drawn at random, whole and nowhere in order (W-share-enum).
func TestShareIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := issuer.NewPublicID("")
		if len(id) != 26 || seen[id[:6]] && seen[id] {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

// A PIN that is set takes as much memory as one that is tried, and waits its turn with
// those: whoever has one link could otherwise take all there is.
func TestPINsWaitTheirTurn(t *testing.T) {
	s := &server{pins: make(chan struct{}, 1)}
	req := ShareRequest{PIN: "246810"}
	if terms, err := s.terms(t.Context(), &req); err != nil || terms.PIN == "" || len(s.pins) != 0 {
		t.Fatalf("alone: %q, %v, %d hashed", terms.PIN, err, len(s.pins))
	}
	s.pins <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if terms, err := s.terms(ctx, &req); !errors.Is(err, context.Canceled) || terms.PIN != "" {
		t.Errorf("beside another: %q, %v", terms.PIN, err)
	}
}
