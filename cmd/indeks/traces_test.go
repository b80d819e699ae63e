package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/verifier"
)

// receiver is a collector that keeps all that it is sent.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	all   bytes.Buffer
	spans []span
}

type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Start                               string `json:"startTimeUnixNano"`
	End                                 string `json:"endTimeUnixNano"`
	Attributes                          []struct {
		Key   string
		Value map[string]string
	}
	Status struct{ Code int }
	of     string // service
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil || q.Method != "POST" || q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/json" || q.Header.Get("X-Key") != "of the collector" {
			t.Errorf("%s %s %v %v", q.Method, q.URL, q.Header, err)
		}
		var sent struct {
			ResourceSpans []struct {
				Resource struct {
					Attributes []struct {
						Key   string
						Value struct{ StringValue string }
					}
				}
				ScopeSpans []struct{ Spans []span }
			}
		}
		if err := json.Unmarshal(body, &sent, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		fmt.Fprintln(&r.all, q.URL, q.Header, string(body))
		for _, s := range sent.ResourceSpans[0].ScopeSpans[0].Spans {
			s.of = sent.ResourceSpans[0].Resource.Attributes[0].Value.StringValue
			r.spans = append(r.spans, s)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// What both servers do is traced by patterns of routes and names of steps; and in
// nothing that is sent is a person, a link, a credential, a key, or what a client
// wrote.
func TestTracesNameNobody(t *testing.T) {
	collector := newReceiver(t)
	port := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}
	at := map[string]string{"issuer": port(), "verifier": port()}
	issuing, verifying := "http://localhost:"+at["issuer"], "http://localhost:"+at["verifier"]
	dir := filepath.Join(t.TempDir(), "uni")
	key := regexp.MustCompile(`indeks_\w+`).FindString(indeks(t, "init", dir, "--institution", "../../examples/institution.json",
		"--public-base", issuing, "--verifier-base", verifying, "--listen", "127.0.0.1:"+at["issuer"], "--verifier-listen", "127.0.0.1:"+at["verifier"]))
	config, err := os.OpenFile(filepath.Join(dir, configName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(config, "traces: {endpoint: %s/v1/traces, headers_file: collector}\n", collector.URL)
	config.Close()
	if err := os.WriteFile(filepath.Join(dir, "collector"), []byte("\nX-Key: of the collector\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	logs := new(output)
	var stop []func()
	for name := range at {
		ctx, cancel := context.WithCancel(t.Context())
		out, done := new(output), make(chan int, 1)
		go func() { done <- run(ctx, []string{name, "--config", dir}, console{strings.NewReader(""), out, logs}) }()
		for !strings.Contains(out.String(), "Ctrl-C") {
			select {
			case code := <-done:
				t.Fatalf("%s ended with code %d:\n%s%s", name, code, out, logs)
			case <-time.After(20 * time.Millisecond):
			}
		}
		stop = append(stop, func() {
			cancel()
			if code := <-done; code != 0 {
				t.Errorf("%s ended with code %d:\n%s", name, code, logs)
			}
		})
	}

	// One is issued, kept, verified in each way, and revoked.
	const canary = "canaryofaname"
	course, err := os.ReadFile("../../examples/data-stewardship/course.json")
	if err != nil {
		t.Fatal(err)
	}
	auth := []string{"Authorization", "Bearer " + key, "Idempotency-Key", canary, "User-Agent", canary, "Referer", "https://" + canary + ".example/",
		"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate", canary + "=" + canary, "Baggage", canary + "=" + canary, "X-Forwarded-For", "198.51.100.7"}
	status, _, body := request(t, "POST", issuing+"/api/v1/credentials",
		`{"course":`+string(course)+`,"learner":{"given_name":"`+canary+`","family_name":"Vukajlović","date_of_birth":"2001-02-03","awarding_date":"2026-06-30","grade":"9 (nine)","email":"`+canary+`@learner.example"}}`, auth...)
	if status != http.StatusCreated {
		t.Fatalf("issuing: %d %s", status, body)
	}
	var issued struct{ ID, Number, Public, Link, Page string }
	if err := json.Unmarshal([]byte(body), &issued, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	page := regexp.MustCompile(regexp.QuoteMeta(issuing) + `/h/[0-9A-Z]{26}`).FindString(body)
	scan := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(verifying) + `/C/[0-9A-Z]{26}`).FindString(body)
	if page == "" || scan == "" || issued.Number == "" {
		t.Fatalf("answer %s", body)
	}
	scan = verifying + scan[strings.LastIndex(scan, "/C/"):]
	request(t, "GET", page, "", auth...)
	_, _, file := request(t, "GET", page+"/credential.jsonld", "")
	request(t, "GET", scan, "", auth...)
	var report verifier.Wire
	_, _, answer := request(t, "POST", verifying+"/api/v1/verifications", file, auth...)
	if err := json.Unmarshal([]byte(answer), &report); err != nil || report.Verdict != verifier.Valid {
		t.Fatalf("%s %v", answer, err)
	}
	request(t, "POST", verifying+"/api/v1/verifications", `{"link":"`+page+`/credential.jsonld"}`, "Content-Type", "application/json")
	request(t, "POST", issuing+"/api/v1/credentials/"+issued.Number+"/revoke", `{"reason":"`+canary+`"}`, auth...)
	for _, base := range []string{issuing, verifying} {
		request(t, "GET", base+"/"+canary+"/"+canary+"?"+canary, "", auth...)
		request(t, strings.ToUpper(canary), base+"/", "", auth...)
		request(t, "POST", base+"/", canary, auth...)
	}
	for _, end := range stop {
		end() // what is left is sent
	}

	// 1. It is traced, and steps are part of their request.
	collector.mu.Lock()
	defer collector.mu.Unlock()
	names, ids := map[string]int{}, map[string]span{}
	for _, s := range collector.spans {
		names[s.of+" "+s.Name]++
		ids[s.SpanID] = s
		if len(s.TraceID) != 32 || len(s.SpanID) != 16 || len(s.Start) != 19 || len(s.End) != 19 || s.End < s.Start {
			t.Errorf("span %+v", s)
		}
		for _, a := range s.Attributes {
			if !slices.Contains([]string{"http.request.method", "http.route", "http.response.status_code", "network.protocol.version", "url.scheme"}, a.Key) {
				t.Errorf("attribute %s of %s: %v", a.Key, s.Name, a.Value)
			}
		}
	}
	for _, want := range []string{"indeks-issuer POST /api/v1/credentials", "indeks-issuer forms", "indeks-issuer reserve", "indeks-issuer seal", "indeks-issuer check", "indeks-issuer commit", "indeks-issuer publish",
		"indeks-issuer GET /h/:link", "indeks-issuer GET /h/:link/:file", "indeks-issuer POST /api/v1/credentials/:id/revoke", "indeks-issuer other /", "indeks-issuer GET /status/:list",
		"indeks-verifier open", "indeks-verifier status", "indeks-verifier fetch", "indeks-verifier POST /api/v1/verifications", "indeks-verifier other /"} {
		if names[want] == 0 {
			t.Errorf("no span %q among %v", want, names)
		}
	}
	for _, s := range collector.spans {
		switch parent := ids[s.ParentSpanID]; {
		case s.Name == "commit" && (parent.Name != "POST /api/v1/credentials" || parent.TraceID != s.TraceID || s.Kind != 1 || parent.Kind != 2):
			t.Errorf("commit %+v below %+v", s, parent)
		case strings.HasPrefix(s.Name, "POST ") && s.ParentSpanID != "":
			t.Errorf("a client made %q a part of something", s.Name)
		}
	}
	if !strings.Contains(logs.String(), "trace=") {
		t.Error("the log does not say which trace is whose")
	}

	// 2. It names nobody, nor does the log.
	secrets := []string{canary, strings.ToUpper(canary), "Vukajlovi", "2001-02-03", key, issued.Number, page[strings.LastIndex(page, "/")+1:], scan[strings.LastIndex(scan, "/")+1:],
		"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "198.51.100.7", file[:40], file[len(file)/2:][:40], "urn:credential", "//localhost"}
	for _, secret := range append(secrets, "localhost", "127.0.0.1:"+at["issuer"], "127.0.0.1:"+at["verifier"]) {
		if strings.Contains(collector.all.String(), secret) {
			t.Errorf("what was sent holds %q", secret)
		}
	}
	for _, secret := range append(secrets, "127.0.0.1", "of the collector") {
		if strings.Contains(logs.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, logs)
		}
	}
}

// A collector that is not there, or takes nothing, costs no request and one line of
// the log.
func TestTracesWithoutACollector(t *testing.T) {
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	for name, endpoint := range map[string]string{"gone": "http://127.0.0.1:1/v1/traces", "refusing": refusing.URL} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configName), []byte("verifier: {listen: \"127.0.0.1:0\", public_base: \"http://localhost:8081\"}\ntraces: {endpoint: \""+endpoint+"\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out, log, done := new(output), new(output), make(chan int, 1)
		go func() {
			done <- run(ctx, []string{"verifier", "--config", dir}, console{strings.NewReader(""), out, log})
		}()
		for !strings.Contains(out.String(), "Ctrl-C") {
			time.Sleep(20 * time.Millisecond)
		}
		base := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).FindString(out.String())
		for range 10 {
			if status, _, _ := request(t, "GET", base+"/healthz", ""); status != 200 {
				t.Errorf("%s: %d", name, status)
			}
		}
		cancel()
		if code := <-done; code != 0 || strings.Count(log.String(), "traces are not taken") != 1 {
			t.Errorf("%s: code %d\n%s", name, code, log)
		}
	}
}

func TestTracesMisconfigured(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, configName)
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte("secret without a name\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for traces, want := range map[string]string{
		"{endpoint: \"127.0.0.1:4318\"}":                       "traces.endpoint",
		"{endpoint: \"grpc://127.0.0.1:4317\"}":                "traces.endpoint",
		"{endpoint: \"http://key:secret@collector.example/\"}": "traces.endpoint",
		"{endpoint: \"http://127.0.0.1:4318/\", share: 2}":     "traces.share",
		"{endpoint: \"http://127.0.0.1:4318/\", share: -0.1}":  "traces.share",
		"{share: .nan}":        "traces.share",
		"{headers_file: text}": "traces.headers_file",
		"{endpoint: \"http://127.0.0.1:4318/\", headers_file: none}": "traces.headers_file",
		"{endpoint: \"http://127.0.0.1:4318/\", headers_file: text}": "traces.headers_file",
		"{endpoint: \"http://127.0.0.1:4318/\", headers_fil: text}":  "headers_fil",
	} {
		if err := os.WriteFile(path, []byte("verifier: {listen: \"127.0.0.1:0\", public_base: \"http://localhost:8081\"}\ntraces: "+traces+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var log output
		if code := run(t.Context(), []string{"verifier", "--config", dir}, console{strings.NewReader(""), io.Discard, &log}); code == 0 || !strings.Contains(log.String(), want) || strings.Contains(log.String(), "key:secret") || strings.Contains(log.String(), "without a name") {
			t.Errorf("%s: code %d, %s", traces, code, log.String())
		}
	}
}
