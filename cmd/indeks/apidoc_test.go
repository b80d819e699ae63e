package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"indeks/internal/reference"
)

// TestAPIDocument runs the commands of docs/api.md in their order, as a reader
// of it would, with the demo's own addresses. A line "# 200 text" below a command
// says which status its answer has, and what stands in it.
func TestAPIDocument(t *testing.T) {
	reference.Run(t, "curl", "curl", "--version")
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	d := startDemo(t)
	key, err := os.ReadFile(filepath.Join(d.dir, "api-key"))
	if err != nil {
		t.Fatal(err)
	}
	approver, err := os.ReadFile(filepath.Join(d.dir, "approver-key"))
	if err != nil {
		t.Fatal(err)
	}
	// Whoever reads sees the answer; the status is for the test.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".curlrc"), []byte("silent\nwrite-out = \"\\n%{http_code}\\n\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := func(base string) string {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		return u.Host
	}
	addresses := strings.NewReplacer("localhost:8080", host(d.issuer), "localhost:8081", host(d.verifier))

	blocks := strings.Split(string(raw), "```curl\n")[1:]
	if len(blocks) < 10 {
		t.Fatalf("%d commands", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		command, want, ok := strings.Cut(block, "\n# ")
		status, text, _ := strings.Cut(strings.TrimSpace(want), " ")
		if !ok || status == "" {
			t.Errorf("no answer is shown below\n%s", block)
			continue
		}
		sh := exec.CommandContext(t.Context(), "sh", "-c", addresses.Replace(command))
		sh.Dir = dir
		sh.Env = append(os.Environ(), "CURL_HOME="+dir, "KEY="+strings.TrimSpace(string(key)), "APPROVER="+strings.TrimSpace(string(approver)), "LEARNER="+d.learner["valid"][0], "SCAN="+d.scan["valid"][0])
		out, err := sh.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "\n"+status+"\n") || !strings.Contains(string(out), text) {
			t.Errorf("%v, want %s with %s\n%s\n%.1500s", err, status, text, command, out)
		}
	}
}
