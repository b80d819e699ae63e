package issuing

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"indeks/internal/keyfile"
	"indeks/issuer"
	"indeks/keys"
)

// withOwnKeys gives a server an issuer with keys of its own, one for credentials and one for
// the log, which a test may change.
func withOwnKeys(t *testing.T, c *Config, approval bool) *issuer.Issuer {
	t.Helper()
	return withKeysIn(t, c, approval, t.TempDir())
}

// withKeysIn is withOwnKeys in a folder.
func withKeysIn(t *testing.T, c *Config, approval bool, dir string) *issuer.Issuer {
	t.Helper()
	path, passphrase := filepath.Join(dir, "keys.age"), []byte("passphrase")
	if _, err := keys.CreateRing(path, passphrase); err != nil {
		t.Fatal(err)
	}
	if err := keyfile.Lighten(path, passphrase); err != nil {
		t.Fatal(err)
	}
	ring, err := keys.OpenRing(path, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	n := keys.NewKey{Organization: "School of Sava", Country: "RS", OrgID: c.Institution.OrganizationID}
	for _, add := range []func(string, keys.NewKey) (keys.Entry, error){ring.Add, ring.AddLog} {
		if _, err := add(c.Institution.DID, n); err != nil {
			t.Fatal(err)
		}
	}
	iss, err := issuer.New(t.Context(), issuer.Config{Institution: c.Institution, Store: c.Store, Ring: ring, NewKey: n, KeyApproval: approval, Persons: c.Accounts.Persons})
	if err != nil {
		t.Fatal(err)
	}
	return iss
}

// keyPage is where the desk has pages of the key in use.
func keyPage(t *testing.T, b *browser) string {
	t.Helper()
	found := regexp.MustCompile(`/desk/keys/[A-Za-z0-9_-]+/compromise`).FindString(b.get("/desk/keys"))
	if found == "" {
		t.Fatal("the keys lead nowhere")
	}
	return strings.TrimSuffix(found, "/compromise")
}

// An admin says since when a key is in wrong hands, sees what it sealed, marks it, and has
// what is not proven issued again: counted, named, the number typed in, as a job.
func TestDeskMarksKeyAndIssuesAgain(t *testing.T) {
	var iss *issuer.Issuer
	b, e, records, people := newDesk(t, Admin, func(c *Config) {
		if c.Issuer != nil {
			iss = withOwnKeys(t, c, false)
			c.Issuer = iss
		}
	})
	withCourses(t, records)
	page := award(t, b)
	key := keyPage(t, b)
	mark, again := key+"/compromise", key+"/reissue"
	if w := b.do(http.MethodGet, again, ""); w.Code != http.StatusConflict {
		t.Errorf("issued again while the key is good: %d", w.Code)
	}
	if w := b.do(http.MethodGet, "/desk/keys/nothing/compromise", ""); w.Code != http.StatusNotFound {
		t.Errorf("no such key: %d", w.Code)
	}
	at := time.Now().UTC().Add(-time.Minute)
	since := []string{"day", at.Format(time.DateOnly), "time", at.Format("15:04")}
	for name, wrong := range map[string][]string{
		"no reason": since, "no time": {"day", since[1], "reason", "stolen"}, "tomorrow": {"day", at.AddDate(0, 0, 1).Format(time.DateOnly), "time", "12:00", "reason", "stolen"},
		"not said to be meant": append([]string{"reason", "stolen", "step", "mark"}, since...),
	} {
		if w := b.post(mark, mark, wrong...); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	form := append([]string{"reason", "laptop stolen"}, since...)
	w := b.post(mark, mark, form...)
	if got := w.Body.String(); w.Code != http.StatusOK || !regexp.MustCompile(`valid, but not proven</dt><dd>1</dd>`).MatchString(got) || strings.Contains(b.get("/desk/keys"), "compromised</span>") {
		t.Fatalf("counted: %d %s", w.Code, failures(got))
	}
	if to := b.post(mark, mark, append([]string{"step", "mark", "sure", "true"}, form...)...).Header().Get("Location"); to != again+"?done=compromise" {
		t.Fatalf("marked: %q", to)
	}
	if got := b.get("/desk/keys"); !strings.Contains(got, "compromised</span>") || !strings.Contains(got, "laptop stolen") || strings.Count(got, "in use</span>") != 2 {
		t.Error("the keys do not say so")
	}
	if got := b.get(again); !strings.Contains(got, `value="laptop stolen"`) || !strings.Contains(got, "does not prove: 1") {
		t.Errorf("what is issued again: %s", failures(got))
	}
	w = b.post(again, again, "reason", "laptop stolen", "step", "check")
	if got := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(got, "Will be issued again: 1") || !strings.Contains(got, "Ana Primjerić") {
		t.Fatalf("counted: %d %s", w.Code, failures(got))
	}
	for _, count := range []string{"", "2", "all"} {
		if w := b.post(again, again, "reason", "x", "step", "start", "count", count); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("typed %q: %d", count, w.Code)
		}
	}
	to := b.post(again, again, "reason", "laptop stolen", "which", "unproven", "step", "start", "count", "1").Header().Get("Location")
	if err := iss.RunBulk(t.Context(), strings.TrimPrefix(to, "/desk/bulk/"), nil); err != nil {
		t.Fatalf("%q: %v", to, err)
	}
	if got := b.get(to); !strings.Contains(got, "Issue again: 1") || !strings.Contains(got, "is no longer safe") || !strings.Contains(got, `max="1" value="1"`) {
		t.Error("it is not done")
	}
	if got := b.get(page); !strings.Contains(got, "is no longer safe") || !strings.Contains(got, "revoked") {
		t.Error("the old one is still in force")
	}
	auditor := signInAs(t, e, people, Auditor)
	if got := auditor.get("/desk/log"); !strings.Contains(got, "<td>Key marked as compromised") || !strings.Contains(got, "Issue again: 1") {
		t.Error("the log does not tell")
	}
	if strings.Contains(auditor.get("/desk/keys"), key) {
		t.Error("an auditor is led to it")
	}
}

// Where the institution asks for four eyes another person marks the key.
func TestDeskMarksKeyByTwo(t *testing.T) {
	b, e, _, people := newDesk(t, Admin, func(c *Config) {
		if c.Issuer != nil {
			c.Issuer = withOwnKeys(t, c, true)
		}
	})
	mark := keyPage(t, b) + "/compromise"
	ask := func() string {
		t.Helper()
		if to := b.post(mark, mark, "day", "2026-01-31", "time", "10:00:01", "reason", "stolen", "step", "mark", "sure", "true").Header().Get("Location"); to != "/desk/keys?done=compromise-asked" {
			t.Fatalf("asked: %q", to)
		}
		if got := b.get("/desk/keys"); !strings.Contains(got, "/refuse") || strings.Contains(got, "/confirm") || strings.Contains(got, "compromised</span>") {
			t.Error("who asked may confirm, or not take back")
		}
		return regexp.MustCompile(`/desk/keys/waiting/[^/"]+`).FindString(b.get("/desk/keys"))
	}
	waiting := ask()
	if w := b.post("/desk/keys", waiting+"/confirm"); w.Code != http.StatusForbidden {
		t.Errorf("confirmed by the same person: %d", w.Code)
	}
	if to := b.post("/desk/keys", waiting+"/refuse", "reason", "found again").Header().Get("Location"); to != "/desk/keys?done=compromise-refuse" {
		t.Errorf("taken back: %q", to)
	}
	waiting = ask()
	approver := signInAs(t, e, people, Approver)
	if got := approver.get("/desk/keys"); !strings.Contains(got, waiting+"/confirm") {
		t.Error("the approver cannot confirm")
	}
	if to := approver.post("/desk/keys", waiting+"/confirm").Header().Get("Location"); to != "/desk/keys?done=compromise" || !strings.Contains(approver.get("/desk/keys"), "compromised</span>") {
		t.Errorf("confirmed: %q", to)
	}
}
