package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"indeks/examples"
)

// While the server runs it holds the records: the command asks it, where it is told to and where it finds
// them held.
func TestBatchAsksTheServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uni")
	said := indeks(t, "init", dir, "--institution", "../../examples/institution.json", "--listen", "127.0.0.1:0", "--public-base", "http://127.0.0.1:1")
	list := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(list, examples.Courses()[0].List, 0o600); err != nil {
		t.Fatal(err)
	}
	indeks(t, "course", "put", "../../examples/data-stewardship/course.json", "--config", dir)
	base, stop := serveIssuer(t, dir)
	defer stop()

	fails := func(want string, args ...string) {
		t.Helper()
		log := new(output)
		if code := run(t.Context(), args, console{strings.NewReader(""), log, log}); code != exitInvalid || !strings.Contains(log.String(), want) {
			t.Errorf("indeks %s: code %d\n%s", strings.Join(args, " "), code, log)
		}
	}
	t.Setenv("INDEKS_API_KEY", "")
	fails("INDEKS_API_KEY", "batch", "list", "--config", dir)
	t.Setenv("INDEKS_API_KEY", regexp.MustCompile(`indeks_\w+`).FindString(said))
	fails("asking the issuer's server", "batch", "list", "--config", dir) // at the public address, which leads nowhere here

	said = indeks(t, "batch", "put", "data-stewardship", list, "--server", base)
	id := regexp.MustCompile(`[0-9]{8}-[0-9A-Z]{6}`).FindString(said)
	if !strings.Contains(said, "is ready") || id == "" {
		t.Fatalf("said %q", said)
	}
	indeks(t, "batch", "start", id, "--server", base)
	if said := indeks(t, "batch", "show", id, "--wait", "--server", base); !strings.Contains(said, "is done") || !strings.Contains(said, "3 issued, 0 failed") {
		t.Errorf("said %q", said)
	}
	if said := indeks(t, "batch", "results", id, "--bom", "--server", base); !strings.HasPrefix(said, "\ufeff\"row\"") || strings.Count(said, `"issued"`) != 3 {
		t.Errorf("said %q", said)
	}
	fails("No such batch", "batch", "pause", "none", "--server", base)
}
