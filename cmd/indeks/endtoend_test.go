package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/internal/reference"
	"indeks/verifier"
	"indeks/web/verifying"
)

// output collects what a running command prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// demo is a running demo with what it printed.
type demo struct {
	dir, issuer, verifier string
	scan, learner         map[string][]string // by state: links of employers and learners
	log                   *output
	stop                  func() // ends it and waits
}

// startDemo runs the demo on free ports.
func startDemo(t *testing.T) *demo {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &demo{dir: filepath.Join(t.TempDir(), "demo"), log: new(output), scan: map[string][]string{}, learner: map[string][]string{}}
	out, done := new(output), make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"demo", "--dir", d.dir, "--listen", "127.0.0.1:0", "--verifier-listen", "127.0.0.1:0"}, console{strings.NewReader(""), out, d.log})
	}()
	var once sync.Once
	d.stop = func() {
		once.Do(func() {
			cancel()
			if code := <-done; code != 0 {
				t.Errorf("the demo ended with code %d:\n%s", code, d.log)
			}
		})
	}
	t.Cleanup(d.stop)
	for !strings.Contains(out.String(), "Serving") {
		select {
		case code := <-done:
			done <- code
			t.Fatalf("the demo ended with code %d:\n%s%s", code, out, d.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^(valid|revoked|on hold) .*(HTTP://\S+) +(http://\S+)$`).FindAllStringSubmatch(out.String(), -1) {
		d.scan[m[1]] = append(d.scan[m[1]], m[2])
		d.learner[m[1]] = append(d.learner[m[1]], m[3])
	}
	d.issuer = regexp.MustCompile(`(?m)^START HERE +(\S+)`).FindStringSubmatch(out.String())[1]
	d.verifier = regexp.MustCompile(`(?m)^Verifier +(\S+)`).FindStringSubmatch(out.String())[1]
	if len(d.scan["valid"]) != 3 || len(d.scan["revoked"]) != 1 || len(d.scan["on hold"]) != 1 {
		t.Fatalf("links in\n%s", out)
	}
	return d
}

func request(t *testing.T, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(raw)
}

// verdictOf is the word on a page of the verifier.
func verdictOf(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`<h1 id="verdict">([^<]*)</h1>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no verdict on the page:\n%s", page)
	}
	return m[1]
}

// What the main job is, done as its users do it: the learner downloads file and
// code, the employer scans, reads, and asks the API; then the institution
// withdraws one.
func TestLearnerEmployerRegistrar(t *testing.T) {
	d := startDemo(t)

	// The learner's page leads to the files; the code on it opens the verifier.
	page := d.learner["valid"][0]
	status, header, html := request(t, "GET", page, "")
	if status != 200 || !strings.Contains(header.Get("Cache-Control"), "no-store") {
		t.Fatalf("learner's page: %d %v", status, header)
	}
	if !strings.Contains(html, "credential.jsonld") {
		t.Errorf("learner's page:\n%s", html)
	}
	for _, code := range []string{"qr.png", "qr.svg"} {
		if got := scanCode(t, page+"/"+code); got != d.scan["valid"][0] {
			t.Errorf("%s reads %q, the verifier's link is %q", code, got, d.scan["valid"][0])
		}
	}

	// The employer scans: verdict at once, no name before the click.
	status, _, html = request(t, "GET", d.scan["valid"][0], "")
	if got := verdictOf(t, html); status != 200 || got != "VALID" {
		t.Errorf("scan: %d %q", status, got)
	}
	if strings.Contains(html, "Vukajlović") {
		t.Errorf("the holder's name stands on the page before the click")
	}
	status, _, html = request(t, "POST", d.scan["valid"][0], "")
	for _, want := range []string{"Vukajlović", "ECTS", "Level 7", "Blended", "oral defence", "Learning outcomes", "Quality assurance", "Legal basis", "How to confirm validity", "Stackable", "not a short-cycle"} {
		if !strings.Contains(html, want) {
			t.Errorf("after the click the page (%d) lacks %q", status, want)
		}
	}
	for state, want := range map[string]string{"revoked": "REVOKED", "on hold": "On hold"} {
		if _, _, html = request(t, "GET", d.scan[state][0], ""); !strings.HasPrefix(verdictOf(t, html), want) {
			t.Errorf("%s: the page says %q", state, verdictOf(t, html))
		}
	}

	// The API says the same of the file, from the file itself.
	_, header, file := request(t, "GET", page+"/credential.jsonld", "")
	if !strings.HasPrefix(file, `{"payload":`) || !strings.Contains(header.Get("Content-Disposition"), "attachment") {
		t.Errorf("credential.jsonld starts %.40q, %v", file, header)
	}
	var report verifier.Wire
	status, _, body := request(t, "POST", d.verifier+"/api/v1/verifications", file, "Content-Type", "application/ld+json")
	if err := json.Unmarshal([]byte(body), &report); err != nil || status != 200 || report.Verdict != verifier.Valid {
		t.Fatalf("API: %d %v %s", status, err, body)
	}
	elements := map[string]bool{}
	for _, e := range report.Supplement {
		elements[e.ID] = len(e.Values) > 0
	}
	for n := 1; n <= 11; n++ {
		if id := fmt.Sprintf("M%d", n); !elements[id] {
			t.Errorf("the API's supplement lacks %s", id)
		}
	}
	status, _, body = request(t, "POST", d.verifier+"/api/v1/verifications", strings.Replace(file, "Steward", "Stewart", 1))
	if err := json.Unmarshal([]byte(body), &report); err != nil || status != 200 || report.Verdict != verifier.Invalid {
		t.Errorf("API on a changed file: %d %v %s", status, err, body)
	}

	// The registrar withdraws it; whoever has not yet asked within the list's ttl sees it.
	rawKey, err := os.ReadFile(filepath.Join(d.dir, "api-key"))
	if err != nil {
		t.Fatal(err)
	}
	key := "Bearer " + strings.TrimSpace(string(rawKey))
	id := d.scan["valid"][0][strings.LastIndex(d.scan["valid"][0], "/")+1:]
	if status, _, body = request(t, "POST", d.issuer+"/api/v1/credentials/"+id+"/revoke", `{"reason":"test"}`); status != 401 {
		t.Errorf("revoking without a key: %d %s", status, body)
	}
	if status, _, body = request(t, "POST", d.issuer+"/api/v1/credentials/"+id+"/revoke", `{"reason":"test"}`, "Authorization", key); status != 200 {
		t.Fatalf("revoking: %d %s", status, body)
	}
	fresh := anotherVerifier(t, d.dir)
	if _, _, html = request(t, "GET", fresh+"/C/"+id, ""); verdictOf(t, html) != "REVOKED" {
		t.Errorf("after revoking the page says %q", verdictOf(t, html))
	}

	// Requests that fail, with what is personal or secret wherever it can stand.
	const canary = "canary-of-a-name"
	for _, c := range [][]string{
		{"GET", d.issuer + "/h/" + canary, ""}, {"GET", page + "/" + canary, ""}, {"GET", d.issuer + "/credentials/" + canary + "?name=" + canary, ""},
		{"GET", d.issuer + "/api/v1/credentials/" + canary, "", "Authorization", "Bearer " + canary},
		{"GET", d.issuer + "/api/v1/credentials/" + canary, "", "Authorization", key},
		{"POST", d.issuer + "/api/v1/credentials", `{"learner":{"given_name":"` + canary + `"`, "Authorization", key, "Idempotency-Key", canary},
		{"POST", d.issuer + "/api/v1/credentials", `{"course_id":"` + canary + `","learner":{"given_name":"` + canary + `"}}`, "Authorization", key, "Idempotency-Key", canary},
		{"POST", d.issuer + "/api/v1/credentials", strings.Repeat(canary, 1<<17), "Authorization", key, "Idempotency-Key", canary},
		{"POST", d.issuer + "/api/v1/credentials/" + canary + "/revoke", `{"reason":"` + canary + `"}`, "Authorization", key},
		{"GET", d.verifier + "/C/" + canary + "?x=" + canary, "", "Referer", "https://" + canary + ".example", "User-Agent", canary, "X-Forwarded-For", canary, "Accept-Language", canary},
		{"POST", d.verifier + "/C/" + canary, ""},
		{"POST", d.verifier + "/api/v1/verifications", `{"link":"https://` + canary + `.example/` + canary + `"}`, "Content-Type", "application/json"},
		{"POST", d.verifier + "/api/v1/verifications", `{"` + canary + `":1}`, "Content-Type", "application/json"},
		{"POST", d.verifier + "/api/v1/verifications", canary, "Content-Type", "text/" + canary},
		{"POST", d.verifier + "/api/v1/stacks", `{"credentials":["` + canary + `",` + "1]}", "Content-Type", "application/json"},
		{"POST", d.verifier + "/verify", "link=https://" + canary + ".example/", "Content-Type", "application/x-www-form-urlencoded"},
		{"POST", d.verifier + "/verify", "%zz=" + canary, "Content-Type", "application/x-www-form-urlencoded"},
		{"POST", d.verifier + "/verify", "text=" + canary, "Content-Type", "multipart/form-data; boundary=" + canary},
		{"DELETE", d.verifier + "/" + canary, ""}, {canary, d.verifier + "/", ""}, {canary, d.issuer + "/", ""},
		{"GET", d.verifier + "/static/" + canary + "/" + canary, ""},
	} {
		request(t, c[0], c[1], c[2], c[3:]...)
	}

	// With the issuer gone nothing is green.
	d.stop()
	status, _, body = request(t, "POST", anotherVerifier(t, d.dir)+"/api/v1/verifications", file)
	if err := json.Unmarshal([]byte(body), &report); err != nil || report.State != verifier.StatusUnchecked {
		t.Errorf("with the issuer stopped: %d %s", status, body)
	}

	// Nothing personal is in the logs.
	for _, secret := range []string{"Vukajlović", "Teodora", canary, "127.0.0.1", file[:40], file[len(file)/2:][:40], id, page[strings.LastIndex(page, "/")+1:], strings.TrimSpace(string(rawKey)), "MC-20"} {
		if strings.Contains(d.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// anotherVerifier serves a verifier that has asked for nothing yet.
func anotherVerifier(t *testing.T, dir string) string {
	t.Helper()
	c, err := readConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.newVerifier()
	if err != nil {
		t.Fatal(err)
	}
	server, err := verifying.New(verifying.Config{Verifier: v, Base: c.Verifier.PublicBase})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server.Echo())
	t.Cleanup(s.Close)
	return s.URL
}

// scanCode reads a QR code as a phone would, with an outside program.
func scanCode(t *testing.T, url string) string {
	t.Helper()
	_, _, body := request(t, "GET", url, "")
	path := filepath.Join(t.TempDir(), filepath.Base(url))
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".svg") {
		reference.Run(t, "librsvg2-bin", "rsvg-convert", "-o", path+".png", path)
		path += ".png"
	}
	return strings.TrimSpace(reference.Run(t, "zbar-tools", "zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", path))
}
