package issuing

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"indeks/accounts"
	"indeks/internal/authenticator"
)

const deskOrigin = "https://issuer.school.example"

// offer asks for a challenge as the script on a page does.
func (b *browser) offer(page, to string) []byte {
	b.t.Helper()
	w := b.post(page, to)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
		b.t.Fatalf("%s: %d %s", to, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// Whoever has a first password makes a passkey in place of one of their own, signs in
// with it, makes another, and removes the first.
func TestDeskTakesPasskeys(t *testing.T) {
	e, records, log := newEcho(t)
	people := accounts.New(accounts.Config{Store: records, Cost: accounts.Cost{Memory: 8, Passes: 1, Threads: 1}})
	first, err := people.Add(t.Context(), accounts.Account{Name: "ana", Roles: []string{"registrar"}})
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, e)
	b.post("/desk/sign-in", "/desk/sign-in", "name", "ana", "password", first)
	w := b.do(http.MethodGet, "/desk/set-up", "")
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") || !strings.Contains(w.Body.String(), "passkey.js") {
		t.Errorf("no script on the page: %s", policy)
	}
	passkey, answer := authenticator.Create(t, deskOrigin, b.offer("/desk/set-up", "/desk/passkeys/offer"), authenticator.Wrong{})
	if w := b.post("/desk/set-up", "/desk/passkeys/add", "name", " ", "passkey", string(answer)); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "1 to 60") {
		t.Errorf("without a name: %d", w.Code)
	}
	before := b.cookies["__Host-desk"].Value
	if w := b.post("/desk/set-up", "/desk/passkeys/add", "name", "Laptop", "passkey", string(answer)); w.Header().Get("Location") != "/desk" || b.cookies["__Host-desk"].Value == before {
		t.Fatalf("set up: %d to %q %s", w.Code, w.Header().Get("Location"), w.Body)
	}

	// Signing in: the form without the script's answer, one of another site, and the right one.
	b = newBrowser(t, e)
	offer := "/desk/sign-in/passkey/offer"
	if w := b.do(http.MethodPost, offer, ""); w.Code != http.StatusForbidden {
		t.Errorf("a challenge without a form: %d", w.Code)
	}
	sign := func(wrong authenticator.Wrong) string {
		return string(passkey.Sign(t, deskOrigin, b.offer("/desk/sign-in", offer), wrong))
	}
	for name, value := range map[string]string{"nothing": "", "a page of another site": sign(authenticator.Wrong{Origin: "https://evil.example"})} {
		if w := b.post("/desk/sign-in", "/desk/sign-in/passkey", "passkey", value); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "The passkey was not accepted") {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	value := sign(authenticator.Wrong{})
	if w := b.post("/desk/sign-in", "/desk/sign-in/passkey", "passkey", value, "next", "/desk/records"); w.Header().Get("Location") != "/desk/records" {
		t.Fatalf("signing in: %d %s", w.Code, w.Body)
	}
	if w := newBrowser(t, e).post("/desk/sign-in", "/desk/sign-in/passkey", "passkey", value); w.Code != http.StatusUnauthorized {
		t.Errorf("the same answer again: %d", w.Code)
	}

	// Once more who it is; another one; the first is removed, the last stays.
	if w := b.post("/desk/again", "/desk/again", "passkey", string(passkey.Sign(t, deskOrigin, b.offer("/desk/again", "/desk/again/offer"), authenticator.Wrong{})), "next", "/desk/issue"); w.Header().Get("Location") != "/desk/issue" {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	_, answer = authenticator.Create(t, deskOrigin, b.offer("/desk/passkeys", "/desk/passkeys/offer"), authenticator.Wrong{Synced: true})
	if w := b.post("/desk/passkeys", "/desk/passkeys/add", "name", "Phone <i>", "passkey", string(answer)); w.Header().Get("Location") != "/desk/passkeys?done=passkey-add" {
		t.Errorf("another: %d %s", w.Code, w.Body)
	}
	page := b.get("/desk/passkeys")
	keys := regexp.MustCompile(`name="key" value="([0-9a-f]{16})"`).FindAllStringSubmatch(page, -1)
	if len(keys) != 2 || !strings.Contains(page, "Phone &lt;i&gt;") || !strings.Contains(page, "several of your devices") {
		t.Fatalf("%d on the page", len(keys))
	}
	for i, want := range []string{"/desk/passkeys?done=passkey-remove", ""} {
		if w := b.post("/desk/passkeys", "/desk/passkeys/remove", "key", keys[i][1]); w.Header().Get("Location") != want {
			t.Errorf("removing %d: %d", i, w.Code)
		}
	}
	if w := b.post("/desk/passkeys", "/desk/passkeys/password", "too", "true"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a password that there is not: %d", w.Code)
	}
	if strings.Contains(log.String(), "Laptop") || strings.Contains(log.String(), url.QueryEscape(value)) {
		t.Error("the log has what it should not")
	}
}

// Where only the institution says who somebody is, no passkey does.
func TestNoPasskeysWhereNoPasswords(t *testing.T) {
	e, _, _ := newEcho(t, func(c *Config) { c.NoPasswords = true })
	b := newBrowser(t, e)
	page := b.do(http.MethodGet, "/desk/sign-in", "")
	if strings.Contains(page.Body.String(), "passkey") || strings.Contains(page.Header().Get("Content-Security-Policy"), "script-src") {
		t.Error("the page offers one")
	}
	before := b.cookies["__Host-before"].Value
	for _, to := range []string{"/desk/sign-in/passkey/offer", "/desk/sign-in/passkey"} {
		if w := b.do(http.MethodPost, to, "passkey={}&token="+url.QueryEscape(accounts.FormToken(before))); w.Code != http.StatusConflict && w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", to, w.Code)
		}
	}
}

// One person with two accounts is one: an admin who makes an account and uses it cannot
// approve what they asked for, until somebody else confirms that it is another person's.
func TestDeskNeedsTwoPersons(t *testing.T) {
	admin, e, records, people := newDesk(t, Admin)
	withCourses(t, records)
	id := "data-stewardship"
	page, _, _ := strings.Cut(admin.post("/desk/issue?course="+id, "/desk/issue", append([]string{"course", id, "version", "2026.1", "step", "issue"}, learner...)...).Header().Get("Location"), "?")
	made := admin.post("/desk/accounts", "/desk/accounts/add", "name", "puppet", "role", "approver").Body.String()
	first := regexp.MustCompile(`[a-z2-7]{5}(-[a-z2-7]{5}){3}`).FindString(made)
	puppet := newBrowser(t, e)
	puppet.post("/desk/sign-in", "/desk/sign-in", "name", "puppet", "password", first)
	confirm := func(b *browser) *http.Response {
		return b.post("/desk/approvals", "/desk/approvals/people", "name", "puppet").Result()
	}
	if got := confirm(admin); got.StatusCode != http.StatusConflict {
		t.Errorf("an account with its first password: %d", got.StatusCode)
	}
	_, answer := authenticator.Create(t, deskOrigin, puppet.offer("/desk/set-up", "/desk/passkeys/offer"), authenticator.Wrong{})
	puppet.post("/desk/set-up", "/desk/passkeys/add", "name", "Key", "passkey", string(answer))

	if got := puppet.get(page); !strings.Contains(got, "account admin gave one of the two accounts its password") || strings.Contains(got, "/approve") {
		t.Error("the puppet may decide")
	}
	digest := regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`)
	approver := signInAs(t, e, people, Approver)
	sum := digest.FindStringSubmatch(approver.get(page))[1]
	if w := puppet.post("/desk/passkeys", page+"/approve", "digest", sum); w.Code != http.StatusForbidden {
		t.Errorf("the puppet decides: %d", w.Code)
	}
	for name, b := range map[string]*browser{"the admin": admin, "the puppet": puppet} {
		if got := confirm(b); got.StatusCode != http.StatusConflict {
			t.Errorf("%s confirms it: %d", name, got.StatusCode)
		}
	}
	if !strings.Contains(admin.get("/desk/accounts"), "not yet confirmed") {
		t.Error("the accounts do not say so")
	}
	if got := confirm(approver); got.Header.Get("Location") != "/desk/approvals?done=confirmed" || !strings.Contains(admin.get("/desk/accounts"), "confirmed by account approver") {
		t.Errorf("another one confirms it: %d", got.StatusCode)
	}
	if w := puppet.post(page, page+"/approve", "digest", sum); w.Header().Get("Location") != page+"?done=approved" {
		t.Errorf("then it decides: %d %s", w.Code, w.Body)
	}
	lines := ""
	logs, err := records.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for entry, err := range records.LogEntries(t.Context(), logs[0].Name, 0) {
		if err != nil {
			t.Fatal(err)
		}
		lines += string(entry.Kind) + " " + entry.Actor + " " + entry.Object + " " + entry.Result + "\n"
	}
	for _, want := range []string{"approval-refused account puppet", "role-changed account approver account puppet confirmed: another person than account admin"} {
		if !strings.Contains(lines, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}
