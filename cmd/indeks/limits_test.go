package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limitsOf reads a configuration that says no more than this of limits.
func limitsOf(t *testing.T, yaml string) (Limits, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), configName)
	if err := os.WriteFile(path, []byte("verifier:\n  listen: localhost:0\n"+yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(path)
	if err != nil {
		return Limits{}, err
	}
	return c.Limits, nil
}

func TestLimitsOfTheConfiguration(t *testing.T) {
	// What is left out is as by default, and init writes what is read.
	l, err := limitsOf(t, "")
	if diff := cmp.Diff(defaultLimits, l); err != nil || diff != "" {
		t.Error(err, diff)
	}
	written, err := (&Config{Limits: defaultLimits}).yaml()
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := bytes.Cut(written, []byte("\nlimits:"))
	l, err = limitsOf(t, "limits:"+string(block))
	if diff := cmp.Diff(defaultLimits, l); err != nil || diff != "" {
		t.Error(err, diff)
	}

	// 0 is off, for each by itself.
	l, err = limitsOf(t, "limits:\n  connections: 0\n  read_seconds: 0\n  request_seconds: 0\n  verify_body_kib: 0\n  queue: 0\n  verify_per_second: 0\n  reverse_proxies: [10.0.0.7, \"fd00::/64\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	server, kit := l.connections(), l.kit(l.verifyRate())
	if server.Connections != 0 || server.ConnectionsPerAddress != 50 || server.Read != 0 || server.ReadHeader != 5*time.Second || server.Header != 16<<10 {
		t.Errorf("%+v", server)
	}
	if len(server.Proxies) != 2 || server.Proxies[0].String() != "10.0.0.7/32" || kit.Timeout < time.Hour || kit.Rate.PerSecond != 0 {
		t.Errorf("%+v %+v", server, kit)
	}
	if l.VerifyBody.orNone() != math.MaxInt64 || l.Body.orNone() != 1<<20 || l.queue() < 1<<16 {
		t.Errorf("%+v", l)
	}

	for _, c := range []struct{ yaml, want string }{
		{"limits:\n  connection: 5\n", "unknown field"},
		{"limits:\n  queue: -1\n", "limits.queue: -1 is no limit"},
		{"limits:\n  verify_per_second: .nan\n", "limits.verify_per_second"},
		{"limits:\n  reverse_proxies: [proxy.example]\n", `limits.reverse_proxies: "proxy.example" is neither`},
	} {
		if _, err := limitsOf(t, c.yaml); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.yaml, err, c.want)
		}
	}
	if total := memory(); total < 0 || total > 1<<50 {
		t.Errorf("%d bytes of memory", total)
	}
}
