package issuing

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/internal/contract"
	"indeks/store"
)

// testKeys marks keys by API, held to its description: at once, and where the institution
// asks for four eyes by another person; what is done stands in the audit log with who did it.
func testKeys(t *testing.T, d *contract.Document, change func(*Config)) {
	t.Helper()
	dir := t.TempDir()
	start := func(approval bool, dir string) (string, store.Store) {
		var e *echo.Echo
		e, records, _ := newEcho(t, change, func(c *Config) {
			if c.Issuer != nil {
				c.Issuer = withKeysIn(t, c, approval, dir)
			}
		})
		server := httptest.NewServer(d.Handler(t, e))
		t.Cleanup(server.Close)
		return server.URL + "/api/v1", records
	}
	approver, registrar := []string{"Authorization", "Bearer the key of an approver"}, []string{"Authorization", "Bearer the key of a registrar"}
	say := func(name, method, address, body string, status int, who ...string) string {
		t.Helper()
		if who == nil {
			who = auth
		}
		got := ask(t, method, address, body, who...)
		if got.status != status {
			t.Errorf("%s: %d, want %d: %s", name, got.status, status, got.body)
		}
		return got.body
	}
	key := func(base string) string {
		t.Helper()
		return regexp.MustCompile(`"key": "([^"]+)"`).FindStringSubmatch(say("the keys", "GET", base+"/keys", "", 200))[1]
	}
	const dry, meant = `{"at": "2026-01-31T09:30:00Z", "dry_run": true}`, `{"at": "2026-01-31T09:30:00Z", "reason": "laptop stolen", "never_seals_again": true}`

	base, records := start(false, dir)
	mark := base + "/keys/" + key(base) + "/compromise"
	if got := say("counted", "POST", mark, dry, 200); !strings.Contains(got, `"unproven": 0`) {
		t.Error(got)
	}
	say("no such key", "POST", base+"/keys/none/compromise", dry, 404)
	say("no time", "POST", mark, `{"dry_run": true}`, 400)
	say("not meant", "POST", mark, strings.Replace(meant, "true", "false", 1), 400)
	say("no reason", "POST", mark, strings.Replace(meant, "laptop stolen", " ", 1), 422)
	say("tomorrow", "POST", mark, strings.Replace(meant, "2026-01-31T09:30:00Z", time.Now().AddDate(0, 0, 1).Format(time.RFC3339), 1), 422)
	say("a registrar", "POST", mark, meant, 403, registrar...)
	if got := say("the keys", "GET", base+"/keys", "", 200); strings.Contains(got, "compromised") {
		t.Errorf("marked already: %s", got)
	}
	if got := say("marked", "POST", mark, meant, 201); !strings.Contains(got, `"state": "compromised"`) || !strings.Contains(got, `"compromised_at": "2026-01-31T09:30:00Z"`) {
		t.Error(got)
	}
	if got := say("the keys", "GET", base+"/keys", "", 200); strings.Count(got, `"active"`) != 2 || !strings.Contains(got, "laptop stolen") {
		t.Errorf("no other one seals: %s", got)
	}
	logged := false
	for e, err := range records.LogEntries(t.Context(), "1", 0) {
		logged = logged || err == nil && e.Kind == store.KindKeyRevoked && e.Actor == "API test"
	}
	if !logged {
		t.Error("the audit log does not say who")
	}
	if err := os.WriteFile(filepath.Join(dir, "keys.age"), []byte("by another program"), 0o600); err != nil {
		t.Fatal(err)
	}
	say("beside a file that cannot be taken up", "POST", base+"/keys/"+key(base)+"/compromise", meant, 409)

	base, _ = start(true, t.TempDir())
	mark = base + "/keys/" + key(base) + "/compromise"
	waiting := func() string {
		t.Helper()
		say("asked", "POST", mark, meant, 202)
		return base + "/compromises/" + regexp.MustCompile(`"id": "([^"]+)"`).FindStringSubmatch(say("what waits", "GET", base+"/compromises", "", 200))[1]
	}
	one := waiting()
	const sure, why = `{"never_seals_again": true}`, `{"reason": "found again"}`
	say("by the same person", "POST", one+"/confirm", sure, 403)
	say("not meant", "POST", one+"/confirm", strings.Replace(sure, "true", "false", 1), 400, approver...)
	say("by a registrar", "POST", one+"/confirm", sure, 403, registrar...)
	say("refused by a registrar", "POST", one+"/refuse", why, 403, registrar...)
	say("refused without a reason", "POST", one+"/refuse", `{}`, 400, approver...)
	say("taken back", "POST", one+"/refuse", why, 204)
	say("confirmed then", "POST", one+"/confirm", sure, 404, approver...)
	say("refused again", "POST", one+"/refuse", why, 404, approver...)
	one = waiting()
	say("confirmed", "POST", one+"/confirm", sure, 204, approver...)
	if got := say("the keys", "GET", base+"/keys", "", 200); !strings.Contains(got, `"compromised"`) {
		t.Errorf("it is not marked: %s", got)
	}
}
