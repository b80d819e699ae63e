package issuing

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"indeks/issuer"
)

// Many are changed at once after they were counted and named and their number typed in;
// each change is on the record's page, and one of many can be put on hold and back.
func TestDeskChangesMany(t *testing.T) {
	var iss *issuer.Issuer
	b, _, records, _ := newDesk(t, Admin, func(c *Config) {
		if c.Issuer != nil {
			iss = c.Issuer
		}
	})
	withCourses(t, records)
	page := award(t, b)
	award(t, b, "given_name", "Iva")
	form := []string{"what", "suspend under-review", "course", "community-first-aid", "reason", "an appeal"}
	run := func(path string) {
		t.Helper()
		if err := iss.RunBulk(t.Context(), strings.TrimPrefix(path, "/desk/bulk/"), nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, wrong := range map[string][]string{"no reason": form[:4], "everything": {"what", form[1], "reason", "x"}, "no action": {"course", form[3], "reason", "x"}, "an action of another page": {"what", "reissue key-compromise", "course", form[3], "reason", "x"},
		"a reason for another action": {"what", "reinstate misconduct", "course", form[3], "reason", "x"}, "no day": append([]string{"since", "yesterday"}, form...)} {
		if w := b.post("/desk/bulk", "/desk/bulk", wrong...); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := b.post("/desk/bulk", "/desk/bulk", append([]string{"until", "2020-01-01"}, form...)...); !strings.Contains(w.Body.String(), "Will be changed: 0") {
		t.Errorf("until long ago: %d", w.Code)
	}
	w := b.post("/desk/bulk", "/desk/bulk", append([]string{"step", "check"}, form...)...)
	if got := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(got, "Will be changed: 2") || !strings.Contains(got, "Ana Primjerić") || !strings.Contains(got, "Iva Primjerić") {
		t.Fatalf("counted: %d %s", w.Code, failures(got))
	}
	for _, count := range []string{"", "1", "3", "two", "-2"} {
		if w := b.post("/desk/bulk", "/desk/bulk", append([]string{"step", "start", "count", count}, form...)...); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Nothing was changed") {
			t.Errorf("typed %q: %d", count, w.Code)
		}
	}
	to := b.post("/desk/bulk", "/desk/bulk", append([]string{"step", "start", "count", "2"}, form...)...).Header().Get("Location")
	if !regexp.MustCompile(`^/desk/bulk/[0-9a-zA-Z-]+$`).MatchString(to) || !strings.Contains(b.get(to), "data-every=\"3\"") {
		t.Fatalf("begun: %q", to)
	}
	if w := b.post(to, to+"/stop"); w.Header().Get("Location") != to || !strings.Contains(b.get(to), "stopped") {
		t.Errorf("stopped: %d", w.Code)
	}
	b.post(to, to+"/continue")
	run(to)
	if got := b.get(to); strings.Contains(got, "data-every") || !strings.Contains(got, ">2</dd>") || !strings.Contains(b.get(page), "on hold") {
		t.Error("it is not done")
	}
	if w := b.post(to, to+"/stop"); w.Code != http.StatusConflict {
		t.Errorf("stopped when done: %d", w.Code)
	}
	back := []string{"what", "reinstate review-ended", "course", "community-first-aid", "reason", "dismissed", "step", "start", "count", "2"}
	to = b.post("/desk/bulk", "/desk/bulk", back...).Header().Get("Location")
	run(to)
	if got := b.get(page); !strings.Contains(got, "dismissed") || !strings.Contains(got, "the review has ended") {
		t.Error("not reinstated")
	}
	if got := b.get("/desk/bulk"); strings.Count(got, `href="/desk/bulk/2`) != 2 {
		t.Error("the list of changes")
	}
	if got := b.get("/desk/log"); !strings.Contains(got, "<td>Job paused") || !strings.Contains(got, "Put on hold: 2") {
		t.Error("the log does not tell")
	}
}

// A backup or an archive is downloaded only if it is encrypted, and verified against what
// was written; the log tells of both.
func TestDeskHandsOutAndVerifiesCopies(t *testing.T) {
	dir := t.TempDir()
	put := func(name, content string, recipients string) {
		sum := sha256.Sum256([]byte(content))
		manifest := `{"file": "` + name + `", "at": "2026-06-01T09:00:00Z", "records": 1, "bytes": 7, "sha256": "` + hex.EncodeToString(sum[:]) + `", "recipients": [` + recipients + `], "private": []}`
		for path, raw := range map[string]string{name: content, name + ".json": manifest} {
			if err := os.WriteFile(filepath.Join(dir, path), []byte(raw), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("indeks-archive-20260601-090000.tar.age", "content", `"age1x"`)
	put("indeks-archive-20260602-090000.tar", "content", "")
	b, e, _, people := newDesk(t, Admin, func(c *Config) {
		c.Archives = &issuer.ArchiveKeeper{Dir: dir}
	})
	sound := "/desk/copies/indeks-archive-20260601-090000.tar.age"
	w := b.do(http.MethodGet, sound, "")
	if w.Code != 200 || w.Body.String() != "content" || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	for path, want := range map[string]int{"/desk/copies/indeks-archive-20260602-090000.tar": 409, "/desk/copies/indeks-archive-20260601-090000.tar.age.json": 404, "/desk/copies/..%2fkeys.age": 404, "/desk/copies/none": 404} {
		if w := b.do(http.MethodGet, path, ""); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	verify := func() string {
		return b.post("/desk/settings", "/desk/copies/verify", "file", "indeks-archive-20260601-090000.tar.age").Body.String()
	}
	if got := verify(); !strings.Contains(got, "byte for byte") {
		t.Errorf("sound: %s", failures(got))
	}
	if err := os.WriteFile(filepath.Join(dir, "indeks-archive-20260601-090000.tar.age"), []byte("contenT"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := verify(); !strings.Contains(got, "has changed since it was written") {
		t.Error("a byte that was changed is not found")
	}
	if got := b.get("/desk/log"); !strings.Contains(got, "downloaded, encrypted") || !strings.Contains(got, "not as it was written") {
		t.Error("the log does not tell")
	}
	auditor := signInAs(t, e, people, Auditor)
	if got := auditor.get("/desk/settings"); !strings.Contains(got, "indeks-archive-20260601") || strings.Contains(got, "/desk/copies/") {
		t.Error("an auditor sees something else")
	}
}
