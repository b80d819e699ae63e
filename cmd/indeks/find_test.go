package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a search says of a record is the same from the records and from the server that
// holds them, also of one of which the names are erased.
func TestFind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uni")
	said := indeks(t, "init", dir, "--institution", "../../examples/institution.json", "--listen", "127.0.0.1:0")
	t.Setenv("INDEKS_API_KEY", regexp.MustCompile(`indeks_\w+`).FindString(said))
	approver := strings.TrimSpace(indeks(t, "keys", "api", "vera", "--role", "approver", "--config", dir))
	indeks(t, "issue", "../../examples/data-stewardship/course.json", "../../examples/data-stewardship/list.csv", "--config", dir)
	indeks(t, "revoke", "MC-2026-00001", "--reason", "a test", "--config", dir)

	base, stop := serveIssuer(t, dir)
	q := regexp.MustCompile(`^\S+`).FindString(indeks(t, "erase", "ask", "--credential", "MC-2026-00003", "--reason", "a test", "--server", base))

	t.Setenv("INDEKS_API_KEY", approver)
	indeks(t, "erase", "confirm", q, "--count", "1", "--verification-ends", "--server", base)
	asked := indeks(t, "find", "--server", base)
	for number, want := range map[string]string{"MC-2026-00001": "without an offline code", "MC-2026-00002": "Offline code: version "} {
		file, out, log := filepath.Join(t.TempDir(), "x.pdf"), new(output), new(output)
		if code := run(t.Context(), []string{"pdf", number, "--out", file, "--server", base}, console{strings.NewReader(""), out, log}); code != 0 || !strings.Contains(log.String(), want) {
			t.Errorf("the certificate of %s: code %d, %s", number, code, log)
		}
	}
	stop()

	for _, want := range []string{`MC-2026-00001 +Teodora Vukajlović +data-stewardship +2026\.1 +10 +- +none +2026-06-30 +revoked`,
		`MC-2026-00002 +Lazar Đurašević +data-stewardship +2026\.1 +8 +- +none +2026-06-30 +issued`, `MC-2026-00003 +data-stewardship +2026\.1 +\? +\? +\? +2026-06-30 +issued, erased`} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(asked) {
			t.Errorf("the server: %s", asked)
		}
	}
	if read := indeks(t, "find", "--config", dir); read != asked {
		t.Errorf("the records: %s", read)
	}
	if read := indeks(t, "find", "djurasevic", "--state", "issued", "--config", dir); !strings.Contains(read, "MC-2026-00002") || strings.Contains(read, "MC-2026-00001") {
		t.Errorf("by name and state: %s", read)
	}
}
