package reference

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// Cases is a set of token files with exact verdicts: a manifest of format
// credential-verifier-cases/1, with the keys, contexts, clock and answers of the
// web that it brings along.
type Cases struct {
	Now   time.Time
	Skew  time.Duration // tolerated clock difference, 0 where none is named
	Cases []Case

	dir      string
	contexts []string
	trust    []caseIssuer
	fixtures map[string]caseFixture
}

// Case is one file with what must be found of it. A verdict is right if it is
// Verdict or among AcceptVerdicts.
type Case struct {
	ID             string   `json:"id"`
	Profile        string   `json:"profile"`
	File           string   `json:"file"`
	Verdict        string   `json:"verdict"`
	AcceptVerdicts []string `json:"accept_verdicts"`
	Reason         string   `json:"reason"`
	AlsoReasons    []string `json:"also_reasons"`
	MustNotFetch   []string `json:"must_not_fetch"` // prefixes of URLs
	MaxMS          float64  `json:"max_ms"`         // 0: no limit
	SameIdentityAs string   `json:"same_identity_as"`
	Render         Render   `json:"render"`
}

// Render is what the result page must and must not hold: in its HTML as sent, or
// in its text.
type Render struct {
	HTMLMustNotContain []string `json:"html_must_not_contain"`
	MustNotContain     []string `json:"must_not_contain"` // in the HTML as well
	MustContain        []string `json:"must_contain"`     // in the text
}

type caseIssuer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Keys []struct {
		JWK           json.RawMessage `json:"jwk"`
		Purposes      []string        `json:"purposes,omitempty"`
		NotBefore     *time.Time      `json:"not_before,omitempty"`
		NotAfter      *time.Time      `json:"not_after,omitempty"`
		CompromisedAt *time.Time      `json:"compromised_at,omitempty"`
	} `json:"keys"`
	OrganizationID string   `json:"x5c_organization_identifier"`
	RootFiles      []string `json:"x5c_root_files"`
	StatusIssuers  []string `json:"status_list_issuers"`
}

type caseFixture struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	File        string `json:"file"`
	Location    string `json:"location"`
	DelayMS     int    `json:"delay_ms"`
}

// LoadCases reads the manifest that the environment variable INDEKS_CASES names,
// else that of the reference documents.
func LoadCases(t testing.TB) *Cases {
	t.Helper()
	path := FromRoot(t, os.Getenv("INDEKS_CASES"))
	if path == "" {
		path = Path(t, "attacks", "manifest.json")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Format string    `json:"format"`
		Now    time.Time `json:"now"`
		Policy struct {
			Skew int `json:"clock_skew_seconds"`
		} `json:"policy"`
		Contexts []string               `json:"contexts_allowed"`
		Trust    []caseIssuer           `json:"trust"`
		Fixtures map[string]caseFixture `json:"fixtures"`
		Cases    []Case                 `json:"cases"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if m.Format != "credential-verifier-cases/1" || len(m.Cases) == 0 {
		t.Fatalf("%s: format %q with %d cases", path, m.Format, len(m.Cases))
	}
	return &Cases{
		Now: m.Now, Skew: time.Duration(m.Policy.Skew) * time.Second, Cases: m.Cases,
		dir: filepath.Dir(path), contexts: m.Contexts, trust: m.Trust, fixtures: m.Fixtures,
	}
}

// Token reads the file of a case.
func (c *Cases) Token(t testing.TB, of Case) []byte { return c.read(t, of.File) }

func (c *Cases) read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Contexts are the documents of the allowed contexts that the manifest brings
// along, by URL.
func (c *Cases) Contexts(t testing.TB) map[string][]byte {
	t.Helper()
	docs := make(map[string][]byte)
	for _, url := range c.contexts {
		if f, ok := c.fixtures[url]; ok {
			docs[url] = c.read(t, f.File)
		}
	}
	return docs
}

// TrustFile is the trust of the manifest as a trust file of Indeks, so that the
// reader of those is tested with it.
func (c *Cases) TrustFile(t testing.TB) []byte {
	t.Helper()
	var issuers []any
	for _, e := range c.trust {
		issuer := map[string]any{
			"legal_name": map[string]string{"en": e.Name}, "source": "manifest", "checked": c.Now.Format(time.DateOnly),
			"status_delegates": slices.DeleteFunc(slices.Clone(e.StatusIssuers), func(id string) bool { return id == e.ID }),
		}
		if len(e.Keys) > 0 {
			issuer["keys"] = e.Keys
		}
		if e.ID != "" {
			issuer["id"] = e.ID
		}
		if e.OrganizationID != "" {
			issuer["x5c_organization_identifier"] = e.OrganizationID
			issuer["x5c_anchors"] = c.anchors(t, e.RootFiles)
		}
		issuers = append(issuers, issuer)
	}
	raw, err := json.Marshal(map[string]any{
		"version": 1, "issued": c.Now.AddDate(0, -1, 0), "expires": c.Now.AddDate(1, 0, 0), "issuers": issuers,
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// anchors reads certificates, several in a PEM file or one as DER.
func (c *Cases) anchors(t testing.TB, files []string) []string {
	t.Helper()
	found := []string{}
	for _, name := range files {
		raw := c.read(t, name)
		block, rest := pem.Decode(raw)
		if block == nil {
			block, rest = &pem.Block{Type: "CERTIFICATE", Bytes: raw}, nil
		}
		for ; block != nil; block, rest = pem.Decode(rest) {
			found = append(found, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})))
		}
	}
	return found
}

// Web answers as the manifest says and records every URL that was asked for.
// Whatever the manifest does not name is unreachable.
type Web struct {
	// Hasty takes what answers late for unreachable, for tests with a real clock.
	Hasty bool

	cases   *Cases
	mu      sync.Mutex
	fetched []string
}

// Web returns a web that nobody has asked yet.
func (c *Cases) Web() *Web { return &Web{cases: c} }

// Fetched returns the URLs that were asked for, in order; never nil.
func (w *Web) Fetched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.fetched...)
}

// RoundTrip answers a request.
func (w *Web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.fetched = append(w.fetched, r.URL.String())
	w.mu.Unlock()
	f, ok := w.cases.fixtures[r.URL.String()]
	if !ok || w.Hasty && f.DelayMS > 0 {
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
		if body, err = os.ReadFile(filepath.Join(w.cases.dir, f.File)); err != nil {
			return nil, err
		}
	}
	header := http.Header{"Content-Type": {f.ContentType}}
	if f.Location != "" {
		header.Set("Location", f.Location)
	}
	return &http.Response{StatusCode: f.Status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}
