package main

import (
	"context"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The key for credentials gets into wrong hands. What the log proves
// to be older stays valid, in file and token, for verifiers who have a key that
// could not be lost with it, or a head that they saw in time; the rest does not.
func TestALostKeyTakesNothingWithItThatWasLogged(t *testing.T) {
	d := startDemo(t)
	d.stop()
	config := []string{"--config", d.dir}
	command := func(args ...string) (int, string) {
		t.Helper()
		out := new(output)
		code := run(t.Context(), append(args, config...), console{strings.NewReader(""), out, out})
		return code, out.String()
	}
	must := func(args ...string) string {
		t.Helper()
		code, out := command(args...)
		if code != 0 {
			t.Fatalf("%s: code %d\n%s", args, code, out)
		}
		return out
	}
	keyOf := func(state string) string {
		t.Helper()
		for line := range strings.Lines(must("keys", "list")) {
			if strings.Contains(line, state) {
				return strings.Fields(line)[0]
			}
		}
		t.Fatalf("no key %s", state)
		return ""
	}

	// 1. A verifier's operator sees the log; then the key is lost, and another one
	// seals from now on.
	head := filepath.Join(t.TempDir(), "head.jwt")
	if err := os.WriteFile(head, []byte(lastLine(must("audit", "head"))), 0o600); err != nil {
		t.Fatal(err)
	}
	seal, log := keyOf("seals"), keyOf("signs the log")
	must("trust", "head", head)
	at := time.Now().Truncate(time.Second).Add(time.Second)
	time.Sleep(time.Until(at))
	lost := at.UTC().Format(time.RFC3339)
	must("keys", "new")
	must("keys", "revoke", seal, "--at", lost, "--reason", "stolen")

	// 2. The issuer answers for its log.
	address := strings.TrimPrefix(d.issuer, "http://")
	serve := func() (stop func()) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		out, done := new(output), make(chan int, 1)
		go func() {
			done <- run(ctx, append([]string{"issuer", "--listen", address}, config...), console{strings.NewReader(""), out, out})
		}()
		for range 500 {
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				return func() {
					cancel()
					if code := <-done; code != 0 {
						t.Errorf("the issuer ended with code %d:\n%s", code, out)
					}
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("the issuer does not answer on %s:\n%s", address, out)
		return nil
	}
	sealed := filepath.Join(d.dir, "sealed", path.Base(d.scan["valid"][0])) // others may be on hold or revoked
	check := func(when string, want int, says string) {
		t.Helper()
		for _, file := range []string{sealed + ".jsonld", sealed + ".vc.jwt"} {
			if code, out := command("verify", file); code != want || !strings.Contains(out, says) {
				t.Errorf("%s, %s: code %d, want %d and %q:\n%s", when, filepath.Base(file), code, want, says, out)
			}
		}
	}
	stop := serve()
	check("the log answers", exitOK, "was in the issuer's log")
	stop()
	check("the log does not answer", exitIndeterminate, "Cannot be confirmed")

	// 3. The key of the log is lost, too: but who saw its head before needs none.
	must("keys", "revoke", log, "--at", lost, "--reason", "stolen")
	must("keys", "log")
	stop = serve()
	check("a head was seen", exitOK, "The operator saw the head of log")
	stop()
}

// lastLine is what a command prints that also says something.
func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}
