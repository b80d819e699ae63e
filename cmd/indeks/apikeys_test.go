package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"indeks/store"
)

// A key that is added or taken away in the file counts without a start; while the file is
// not legible, the keys are those that were.
func TestAPIKeysAreTakenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api-keys")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, first := newAPIKey("first", nil)
	_, second := newAPIKey("second", []string{"auditor"})
	write(first)
	logged := 0
	k, err := openAPIKeys(path, func(_ context.Context, events ...store.Event) error { logged += len(events); return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		file, names string
		logged      int
	}{
		{first, "first", 0},
		{first + second, "first second", 1},
		{"first nonsense\n", "first second", 1},
		{"", "", 2},
		{second, "second", 3},
	} {
		write(step.file)
		k.look(t.Context())
		var names []string
		for _, key := range k.now() {
			names = append(names, key.Name)
		}
		if got := strings.Join(names, " "); got != step.names || logged != step.logged {
			t.Errorf("after %q: keys %q, %d events; want %q, %d", step.file, got, logged, step.names, step.logged)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if k.look(t.Context()); len(k.now()) != 1 {
		t.Errorf("without the file: %d keys, want the one that was", len(k.now()))
	}
	write(second) // as it was: what goes wrong next is to be said anew
	if k.look(t.Context()); k.wrong || logged != 3 {
		t.Errorf("the file is back: not legible %v, %d events", k.wrong, logged)
	}
}
