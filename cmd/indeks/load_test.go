//go:build load

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"indeks/internal/reference"
)

// These tests start the real program and press it: `make load` runs them, and
// docs/benchmarks.md has their figures.

// startVerifier builds and starts a verifier as it is set up by default, but for
// the rate, and returns its address and process.
func startVerifier(t *testing.T) (addr string, pid int) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "indeks")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	config := "verifier:\n  listen: " + addr + "\n  public_base: http://localhost\nlimits:\n  verify_per_second: 0\n"
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "verifier", "--config", dir)
	cmd.Stderr = io.Discard // a line for each request
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + addr + "/readyz"); err == nil {
			r.Body.Close()
			return addr, cmd.Process.Pid
		}
		if time.Now().After(end) {
			t.Fatal("the verifier does not answer")
		}
	}
}

// clientFrom is a client with an address of this machine; 127.0.0.0/8 has many.
func clientFrom(ip string) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext, MaxIdleConnsPerHost: 50}}
}

// peak is the most memory that a process has had resident, in MB.
func peak(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("the verifier is gone: %v", err)
	}
	var kb int
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	fmt.Sscanf(rest, "%d kB", &kb)
	return kb / 1000
}

// p99 asks n times, 20 times a second, and says how long 99 of 100 took at most.
func p99(t *testing.T, c *http.Client, addr string, n int) time.Duration {
	t.Helper()
	token := []byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:web:a.example","credentialSubject":{"id":"urn:x:1"}}`)
	var took []time.Duration
	for range n {
		start := time.Now()
		r, err := c.Post("http://"+addr+"/api/v1/verifications", "application/vc", bytes.NewReader(token))
		if err != nil {
			t.Errorf("a normal request: %v", err)
			took = append(took, time.Since(start)+time.Hour)
			continue
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("a normal request: %s", r.Status)
		}
		took = append(took, time.Since(start))
		time.Sleep(max(0, 50*time.Millisecond-time.Since(start)))
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// 2 000 slow senders, half of them in the header and half in the body, that come
// back whenever they are cut off, leave others their answers.
func TestSlowSenders(t *testing.T) {
	addr, pid := startVerifier(t)
	alone := p99(t, clientFrom("127.0.0.1"), addr, 200)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	var group sync.WaitGroup
	var connected, cut atomic.Int64
	for i := range 2000 {
		group.Go(func() {
			from := &net.TCPAddr{IP: net.IPv4(127, 1, byte(i/40), 1)}
			begin := "GET / HTTP/1.1\r\nHost: localhost\r\nX: "
			if i%2 == 1 {
				begin = "POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\n"
			}
			for ctx.Err() == nil {
				c, err := (&net.Dialer{LocalAddr: from}).DialContext(ctx, "tcp", addr)
				if err != nil {
					time.Sleep(100 * time.Millisecond)
					continue
				}
				connected.Add(1)
				_, err = io.WriteString(c, begin)
				for err == nil && ctx.Err() == nil {
					time.Sleep(time.Second)
					_, err = io.WriteString(c, "x")
				}
				if err != nil {
					cut.Add(1)
				}
				c.Close()
			}
		})
	}
	time.Sleep(2 * time.Second)
	keptAlive := p99(t, clientFrom("127.0.0.1"), addr, 300)
	fresh := clientFrom("127.0.0.2")
	fresh.Transport.(*http.Transport).DisableKeepAlives = true
	anew := p99(t, fresh, addr, 300)
	cancel()
	group.Wait()
	t.Logf("p99 of normal requests: %v alone; beside 2 000 slow senders %v with keep-alive, %v with a connection each; %d connections, %d cut off; peak %d MB",
		alone, keptAlive, anew, connected.Load(), cut.Load(), peak(t, pid))
	if keptAlive > 500*time.Millisecond || anew > 500*time.Millisecond {
		t.Error("over 500 ms")
	}
}

// 100 copies at once of each of the worst files there are leave the memory under
// 512 MB, and the verifier running.
func TestBombs(t *testing.T) {
	addr, pid := startVerifier(t)
	dir := reference.Path(t, "attacks")
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Cases []struct {
			File string `json:"file"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	clients := []*http.Client{clientFrom("127.0.0.1"), clientFrom("127.0.0.2"), clientFrom("127.0.0.3")}

	// The worst are the largest, and those that take longest alone.
	type bomb struct {
		name string
		body []byte
		took time.Duration
	}
	var bombs []bomb
	for _, c := range m.Cases {
		body, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		post(t, clients[0], addr, body)
		bombs = append(bombs, bomb{c.File, body, time.Since(start)})
	}
	slices.SortFunc(bombs, func(a, b bomb) int { return len(b.body) - len(a.body) })
	worst := slices.Clone(bombs[:8])
	slices.SortFunc(bombs, func(a, b bomb) int { return int(b.took - a.took) })
	worst = append(worst, bombs[:8]...)
	worst = append(worst,
		bomb{"3 MiB of {", bytes.Repeat([]byte("{"), 3<<20), 0},
		bomb{"2 MiB of text", slices.Concat([]byte(`{"payload":"`), bytes.Repeat([]byte("x"), 2<<20-100), []byte(`"}`)), 0},
		bomb{"50 000 members", wide(50_000), 0})
	before := peak(t, pid)
	for _, b := range worst {
		var group sync.WaitGroup
		var mu sync.Mutex
		answers := map[int]int{}
		start := time.Now()
		for i := range 100 {
			group.Go(func() {
				status := post(t, clients[i%len(clients)], addr, b.body)
				mu.Lock()
				answers[status]++
				mu.Unlock()
			})
		}
		group.Wait()
		t.Logf("%-40s %8d bytes, 100 at once in %v: %v; peak %d MB", b.name, len(b.body), time.Since(start).Round(time.Millisecond), answers, peak(t, pid))
	}
	t.Logf("peak %d MB before, %d MB after", before, peak(t, pid))
	if peak(t, pid) > 512 {
		t.Error("over 512 MB")
	}
}

// wide is an unsealed credential of very many members.
func wide(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],"issuer":"did:web:a.example","credentialSubject":{"id":"urn:x:1"`)
	for i := range n - 20 {
		fmt.Fprintf(&b, `,"m%d":"%d"`, i, i)
	}
	b.WriteString("}}")
	return b.Bytes()
}

// post sends a body to be judged and returns the status, 0 where there was no answer.
func post(t *testing.T, c *http.Client, addr string, body []byte) int {
	r, err := c.Post("http://"+addr+"/api/v1/verifications", "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	io.Copy(io.Discard, r.Body)
	return r.StatusCode
}
