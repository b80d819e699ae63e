package verifier

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	cases := reference.LoadCases(t)
	trust, err := ParseTrust(cases.TrustFile(t))
	if err != nil {
		t.Fatal(err)
	}
	set, err := contexts.Default().With(cases.Contexts(t))
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Trust: trust, Contexts: set, Skew: cases.Skew, Now: func() time.Time { return cases.Now }}
	results := make(map[string]caseResult)
	if name := reference.FromRoot(t, os.Getenv("INDEKS_RESULTS")); name != "" {
		defer func() { writeResults(t, name, results) }() // whatever one case may do to the rest
	}
	for _, c := range cases.Cases {
		token := cases.Token(t, c)
		var got caseResult
		began := time.Now()
		// In a bubble an answer that takes a minute takes no time; the time
		// that the verifier would have waited counts nevertheless.
		synctest.Test(t, func(t *testing.T) {
			waited := time.Now()
			got = run(t, config, cases.Web(), token)
			got.MS = ms(time.Since(waited))
		})
		got.MS += ms(time.Since(began))
		results[c.ID] = got
	}
	profiles := make(map[string]int)
	for _, c := range cases.Cases {
		profiles[c.Profile]++
		got := results[c.ID]
		if got.Crash {
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
	t.Logf("cases by profile: %v", profiles)
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

func run(t *testing.T, config Config, w *reference.Web, token []byte) (got caseResult) {
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
	got = caseResult{Verdict: report.Verdict, Reason: report.Reason, Fetched: w.Fetched()}
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
		if c.Message.String() == "" || c.Result != Passed && c.Result != Failed && c.Result != NotMade {
			t.Errorf("check %s: result %q, message %q", c.Name, c.Result, c.Message.String())
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
