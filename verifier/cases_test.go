package verifier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"indeks/contexts"
	"indeks/internal/reference"
)

func read(t testing.TB, elem ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// manifest is a set of cases in format credential-verifier-cases/1.
type manifest struct {
	Format   string    `json:"format"`
	Now      time.Time `json:"now"`
	Contexts []string  `json:"contexts_allowed"`
	Trust    []struct {
		ID             string            `json:"id"`
		Name           string            `json:"name"`
		Keys           []json.RawMessage `json:"keys"`
		OrganizationID string            `json:"x5c_organization_identifier"`
		RootFiles      []string          `json:"x5c_root_files"`
		StatusIssuers  []string          `json:"status_list_issuers"`
	} `json:"trust"`
	Fixtures map[string]fixture `json:"fixtures"`
	Cases    []struct {
		ID             string   `json:"id"`
		Profile        string   `json:"profile"`
		File           string   `json:"file"`
		Verdict        string   `json:"verdict"`
		AcceptVerdicts []string `json:"accept_verdicts"`
		Reason         string   `json:"reason"`
		AlsoReasons    []string `json:"also_reasons"`
		MustNotFetch   []string `json:"must_not_fetch"`
		MaxMS          float64  `json:"max_ms"`
		SameIdentityAs string   `json:"same_identity_as"`
	} `json:"cases"`
}

type fixture struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	File        string `json:"file"`
	Location    string `json:"location"`
	DelayMS     int    `json:"delay_ms"`
}

// web answers from fixtures and records every URL that was asked for.
type web struct {
	dir      string
	fixtures map[string]fixture

	mu      sync.Mutex
	fetched []string
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.fetched = append(w.fetched, r.URL.String())
	w.mu.Unlock()
	f, ok := w.fixtures[r.URL.String()]
	if !ok {
		return nil, fmt.Errorf("%s is unreachable", r.URL.Host)
	}
	select {
	case <-time.After(time.Duration(f.DelayMS) * time.Millisecond):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	var body []byte
	if f.File != "" {
		var err error
		if body, err = os.ReadFile(filepath.Join(w.dir, f.File)); err != nil {
			return nil, err
		}
	}
	header := http.Header{"Content-Type": {f.ContentType}}
	if f.Location != "" {
		header.Set("Location", f.Location)
	}
	return &http.Response{StatusCode: f.Status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// config builds a verifier's configuration from a manifest, by way of a trust
// file, so that its reader is tested with it.
func (m *manifest) config(t *testing.T, dir string) Config {
	t.Helper()
	docs := make(map[string][]byte)
	for _, url := range m.Contexts {
		if f, ok := m.Fixtures[url]; ok {
			docs[url] = read(t, dir, f.File)
		}
	}
	set, err := contexts.Default().With(docs)
	if err != nil {
		t.Fatal(err)
	}
	file := map[string]any{"version": 1, "issued": m.Now.AddDate(0, -1, 0), "expires": m.Now.AddDate(1, 0, 0)}
	var issuers []any
	for _, e := range m.Trust {
		var anchors []string
		for _, name := range e.RootFiles {
			anchors = append(anchors, string(read(t, dir, name)))
		}
		issuers = append(issuers, map[string]any{
			"id": e.ID, "legal_name": map[string]string{"en": e.Name}, "keys": e.Keys,
			"x5c_organization_identifier": e.OrganizationID, "x5c_anchors": anchors,
			"status_delegates": slices.DeleteFunc(e.StatusIssuers, func(id string) bool { return id == e.ID }),
			"source":           "manifest", "checked": m.Now.Format(time.DateOnly),
		})
	}
	file["issuers"] = issuers
	raw, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := ParseTrust(raw)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Trust: trust, Contexts: set, Now: func() time.Time { return m.Now }}
}

type caseResult struct {
	Verdict  Verdict  `json:"verdict"`
	Reason   Reason   `json:"reason"`
	MS       float64  `json:"ms"`
	Fetched  []string `json:"fetched"`
	Identity string   `json:"identity"`
	Crash    bool     `json:"crash"`
}

// TestCases runs a manifest of token files with exact verdicts. INDEKS_CASES
// names another manifest, INDEKS_RESULTS a file for the results.
func TestCases(t *testing.T) {
	path := reference.FromRoot(t, os.Getenv("INDEKS_CASES"))
	if path == "" {
		path = reference.Path(t, "attacks", "manifest.json")
	}
	dir := filepath.Dir(path)
	var m manifest
	if err := json.Unmarshal(read(t, path), &m); err != nil {
		t.Fatal(err)
	}
	if m.Format != "credential-verifier-cases/1" || len(m.Cases) == 0 {
		t.Fatalf("format %q with %d cases", m.Format, len(m.Cases))
	}
	config := m.config(t, dir)
	results := make(map[string]caseResult)
	if name := reference.FromRoot(t, os.Getenv("INDEKS_RESULTS")); name != "" {
		defer func() { writeResults(t, name, results) }() // whatever one case may do to the rest
	}
	for _, c := range m.Cases {
		token, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		var got caseResult
		began := time.Now()
		// In a bubble an answer that takes a minute takes no time; the time
		// that the verifier would have waited counts nevertheless.
		synctest.Test(t, func(t *testing.T) {
			waited := time.Now()
			got = run(t, config, &web{dir: dir, fixtures: m.Fixtures}, token)
			got.MS = ms(time.Since(waited))
		})
		got.MS += ms(time.Since(began))
		results[c.ID] = got
	}
	for _, c := range m.Cases {
		got, ok := results[c.ID]
		switch {
		case !ok:
			continue
		case got.Crash:
			t.Errorf("%s: crash", c.ID)
			continue
		}
		if accepted := append(c.AcceptVerdicts, c.Verdict); !slices.Contains(accepted, string(got.Verdict)) {
			t.Errorf("%s: %s (%s), accepted %v (%s)", c.ID, got.Verdict, got.Reason, accepted, c.Reason)
		}
		for _, url := range got.Fetched {
			if slices.ContainsFunc(c.MustNotFetch, func(prefix string) bool { return strings.HasPrefix(url, prefix) }) {
				t.Errorf("%s: fetched %s", c.ID, url)
			}
		}
		if c.MaxMS > 0 && got.MS > c.MaxMS {
			t.Errorf("%s: took %.0f ms, allowed %.0f", c.ID, got.MS, c.MaxMS)
		}
		if same := c.SameIdentityAs; same != "" && got.Verdict == Valid && got.Identity != results[same].Identity {
			t.Errorf("%s: identity %s, that of %s is %s", c.ID, got.Identity, same, results[same].Identity)
		}
		if got.Verdict != Valid && string(got.Reason) != c.Reason && !slices.Contains(c.AlsoReasons, string(got.Reason)) {
			t.Logf("%s: reason %s, expected %s or %v", c.ID, got.Reason, c.Reason, c.AlsoReasons)
		}
	}
}

func writeResults(t *testing.T, name string, results map[string]caseResult) {
	raw, err := json.MarshalIndent(results, "", " ")
	if err == nil {
		err = os.WriteFile(name, raw, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

func run(t *testing.T, config Config, w *web, token []byte) (got caseResult) {
	defer func() {
		if p := recover(); p != nil {
			t.Logf("panic: %v", p)
			got.Crash = true
		}
	}()
	config.Fetch = &http.Client{Transport: w}
	v, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	report := v.Verify(t.Context(), token)
	coherent(t, report)
	got = caseResult{Verdict: report.Verdict, Reason: report.Reason, Fetched: append([]string{}, w.fetched...)}
	if report.SHA256 != "" {
		got.Identity = report.ID + " " + report.SHA256
	}
	return got
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// coherent checks what must hold of every report.
func coherent(t testing.TB, r *Report) {
	t.Helper()
	if len(r.Checks) != len(checkNames) {
		t.Fatalf("%d checks", len(r.Checks))
	}
	good := true
	for i, c := range r.Checks {
		if c.Name != checkNames[i] {
			t.Errorf("check %d is %s, not %s", i, c.Name, checkNames[i])
		}
		if c.Message == "" || c.Result != Passed && c.Result != Failed && c.Result != NotMade {
			t.Errorf("check %s: result %q, message %q", c.Name, c.Result, c.Message)
		}
		if c.Result == Passed && c.Reason != "" {
			t.Errorf("check %s passed with reason %s", c.Name, c.Reason)
		}
		good = good && (c.Result == Passed || !slices.Contains(required, c.Name))
	}
	if (r.Verdict == Valid) != (r.State == StateValid) || r.Verdict == Valid && (!good || r.Reason != "" || !r.Issuer.Confirmed) {
		t.Errorf("verdict %s, state %s, reason %s, all required passed: %t", r.Verdict, r.State, r.Reason, good)
	}
	if r.Verdict != Valid && r.Verdict != Invalid && r.Verdict != Indeterminate {
		t.Errorf("verdict %q", r.Verdict)
	}
	if r.Verdict != Valid && r.Reason == "" {
		t.Errorf("state %s without a reason", r.State)
	}
	if r.Credential != nil && r.check(CheckSeal).Result != Passed {
		t.Errorf("content without a good seal")
	}
	if r.Issuer.Confirmed != (r.Issuer.Trust != nil) || r.Issuer.Confirmed != (r.check(CheckIssuer).Result == Passed) {
		t.Errorf("issuer confirmed %t, check %s", r.Issuer.Confirmed, r.check(CheckIssuer).Result)
	}
	w := r.Wire("en")
	if shown := w.Credential != nil || len(w.Supplement) > 0; shown && (r.State == NotValid || r.State == NoSeal || r.State == Unreadable) {
		t.Errorf("content on the wire in state %s", r.State)
	}
}
