package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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

// A running issuer makes backups by itself and when an admin asks, archives when one
// asks, and nobody else may ask; what it publishes of its audit log is verified without
// its records.
func TestBackupOfARunningIssuer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uni")
	said := indeks(t, "init", dir, "--institution", "../../examples/institution.json")
	t.Setenv("INDEKS_API_KEY", regexp.MustCompile(`indeks_\w+`).FindString(said))
	identity := filepath.Join(t.TempDir(), "key")
	recipient := strings.TrimSpace(indeks(t, "keys", "backup", identity))
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
	if said := indeks(t, "export", "archive", "--server", base); !regexp.MustCompile(`indeks-archive-[0-9TZ]+\.tar\.gz\.age: 0 records`).MatchString(said) {
		t.Errorf("said %q", said)
	}
	if made, err = filepath.Glob(filepath.Join(dir, "backups", archivesFolder, "*.age")); err != nil || len(made) != 1 {
		t.Fatalf("made %q, %v", made, err)
	}
	trust := filepath.Join(dir, "trust.json")
	if said := indeks(t, "archive", "verify", made[0], "--identity", identity, "--trust", trust); !strings.Contains(said, "Nothing contradicts") {
		t.Errorf("said %q", said)
	}

	// The log, as somebody sees it who has a head of it; and what somebody serves who
	// has changed it.
	head := filepath.Join(dir, headsFolder, "1.head")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(head); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if said := indeks(t, "audit", "verify", "--server", base, "--trust", trust, "--head", head); !regexp.MustCompile(`Log 1: \d+ leaves .*; \d+ events fit`).MatchString(said) || !strings.Contains(said, "Compared 1 heads") {
		t.Errorf("said %q", said)
	}
	for name, change := range map[string]func(path string, body []byte) []byte{
		"another leaf": func(path string, body []byte) []byte {
			if strings.Contains(path, "/tile/") {
				body[3] ^= 1
			}
			return body
		},
		"a leaf less": func(path string, body []byte) []byte {
			if strings.Contains(path, "/tile/") {
				body = body[:len(body)-32]
			}
			return body
		},
		"no such log": func(path string, body []byte) []byte {
			if path == "/log" {
				body = []byte(`{"logs": []}`)
			}
			return body
		},
		"another event": func(path string, body []byte) []byte {
			if strings.Contains(path, "/audit") {
				body = bytes.Replace(body, []byte(`"leaf": "`), []byte(`"leaf": "AAAA`), 1)
			}
			return body
		},
		"an event less": func(path string, body []byte) []byte {
			if strings.Contains(path, "/audit") {
				body = bytes.Replace(body, []byte(`"index": 2,`), []byte(`"index": 3,`), 1)
			}
			return body
		},
	} {
		target, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.ModifyResponse = func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			body = change(r.Request.URL.Path, body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		}
		liar := httptest.NewServer(proxy)
		log := new(output)
		if code := run(t.Context(), []string{"audit", "verify", "--server", liar.URL, "--trust", trust, "--head", head}, console{strings.NewReader(""), log, log}); code != exitInvalid {
			t.Errorf("%s: code %d, %s", name, code, log)
		}
		liar.Close()
	}

	t.Setenv("INDEKS_API_KEY", "guessed")
	log := new(output)
	if code := run(t.Context(), []string{"backup", "--server", base}, console{strings.NewReader(""), log, log}); code != exitInvalid || !strings.Contains(log.String(), "API key needed") {
		t.Errorf("with a wrong key: code %d, %s", code, log)
	}
}
