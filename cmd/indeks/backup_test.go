package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// serveIssuer runs the issuer of an institution's folder on a free port until
// stop is called; it returns its address.
func serveIssuer(t *testing.T, dir string) (base string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, log, done := new(output), new(output), make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"issuer", "--config", dir, "--listen", "127.0.0.1:0"}, console{strings.NewReader(""), out, log})
	}()
	for !strings.Contains(out.String(), "Ctrl-C") {
		select {
		case code := <-done:
			t.Fatalf("the issuer ended with code %d:\n%s%s", code, out, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).FindString(out.String()), func() {
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("the issuer ended with code %d:\n%s", code, log)
		}
	}
}

// indeks runs a command that works, and returns what it says.
func indeks(t *testing.T, args ...string) string {
	t.Helper()
	out, log := new(output), new(output)
	if code := run(t.Context(), args, console{strings.NewReader(""), out, log}); code != 0 {
		t.Fatalf("indeks %s: code %d\n%s%s", strings.Join(args, " "), code, out, log)
	}
	return out.String()
}

// A running issuer makes backups by itself and when an admin asks, and nobody
// else may ask.
func TestBackupOfARunningIssuer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uni")
	said := indeks(t, "init", dir, "--institution", "../../examples/institution.json")
	t.Setenv("INDEKS_API_KEY", regexp.MustCompile(`indeks_\w+`).FindString(said))
	recipient := strings.TrimSpace(indeks(t, "keys", "backup", filepath.Join(t.TempDir(), "key")))
	config, err := os.OpenFile(filepath.Join(dir, configName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(config, "backup: {dir: backups, recipients: ["+recipient+"]}\n"); err != nil {
		t.Fatal(err)
	}
	if err := config.Close(); err != nil {
		t.Fatal(err)
	}

	base, stop := serveIssuer(t, dir)
	defer stop()
	if said := indeks(t, "backup", "--server", base); !regexp.MustCompile(`indeks-[0-9TZ.]+\.db\.age: 0 records`).MatchString(said) {
		t.Errorf("said %q", said)
	}
	made, err := filepath.Glob(filepath.Join(dir, "backups", "*.age"))
	if err != nil || len(made) == 0 {
		t.Errorf("made %q, %v", made, err)
	}
	t.Setenv("INDEKS_API_KEY", "guessed")
	log := new(output)
	if code := run(t.Context(), []string{"backup", "--server", base}, console{strings.NewReader(""), log, log}); code != exitInvalid || !strings.Contains(log.String(), "API key needed") {
		t.Errorf("with a wrong key: code %d, %s", code, log)
	}
}
