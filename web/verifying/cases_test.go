package verifying

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"indeks/contexts"
	"indeks/internal/reference"
	"indeks/verifier"
)

type fixture struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
	File        string `json:"file"`
	DelayMS     int    `json:"delay_ms"`
}

// fixtures answer what a verifier asks for. What would be slow is unreachable
// here, so that no test waits.
type fixtures struct {
	dir   string
	files map[string]fixture
}

func (f fixtures) RoundTrip(r *http.Request) (*http.Response, error) {
	file, ok := f.files[r.URL.String()]
	if !ok || file.DelayMS > 0 {
		return nil, errors.New("unreachable")
	}
	var body []byte
	if file.File != "" {
		var err error
		if body, err = os.ReadFile(filepath.Join(f.dir, file.File)); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: file.Status, Header: http.Header{"Content-Type": {file.ContentType}},
		Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// TestCasesOnThePage posts every token file of the attack manifest to the real
// verifier and reads the page: green for valid only, no case a problem, and
// what the manifest's render checks say.
func TestCasesOnThePage(t *testing.T) {
	dir := reference.Path(t, "attacks")
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var m struct {
		Now      time.Time `json:"now"`
		Contexts []string  `json:"contexts_allowed"`
		Trust    []struct {
			ID             string            `json:"id"`
			Name           string            `json:"name"`
			Keys           []json.RawMessage `json:"keys"`
			OrganizationID string            `json:"x5c_organization_identifier"`
			RootFiles      []string          `json:"x5c_root_files"`
		} `json:"trust"`
		Fixtures map[string]fixture `json:"fixtures"`
		Cases    []struct {
			ID     string `json:"id"`
			File   string `json:"file"`
			Render struct {
				HTMLMustNotContain []string `json:"html_must_not_contain"`
				MustNotContain     []string `json:"must_not_contain"`
				MustContain        []string `json:"must_contain"`
			} `json:"render"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(read("manifest.json"), &m); err != nil {
		t.Fatal(err)
	}

	pinned := map[string][]byte{}
	for _, url := range m.Contexts {
		if f, ok := m.Fixtures[url]; ok {
			pinned[url] = read(f.File)
		}
	}
	set, err := contexts.Default().With(pinned)
	if err != nil {
		t.Fatal(err)
	}
	var issuers []any
	for _, e := range m.Trust {
		var anchors []string
		for _, name := range e.RootFiles {
			anchors = append(anchors, string(read(name)))
		}
		issuers = append(issuers, map[string]any{
			"id": e.ID, "legal_name": map[string]string{"en": e.Name}, "keys": e.Keys,
			"x5c_organization_identifier": e.OrganizationID, "x5c_anchors": anchors,
			"source": "manifest", "checked": m.Now.Format(time.DateOnly),
		})
	}
	file, err := json.Marshal(map[string]any{"version": 1, "issued": m.Now.AddDate(0, -1, 0), "expires": m.Now.AddDate(1, 0, 0), "issuers": issuers})
	if err != nil {
		t.Fatal(err)
	}
	trust, err := verifier.ParseTrust(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.New(verifier.Config{Trust: trust, Contexts: set, Now: func() time.Time { return m.Now },
		Fetch: &http.Client{Transport: fixtures{dir, m.Fixtures}}})
	if err != nil {
		t.Fatal(err)
	}
	s, logs := newServer(t, v)

	tag, rendered := regexp.MustCompile(`<[^>]*>`), 0
	for _, c := range m.Cases {
		token := read(c.File)
		r, page := ask(t, s, "POST", "/api/v1/verifications", string(token), "Content-Type", "application/octet-stream")
		if refused := map[bool]int{len(token) == 0: http.StatusBadRequest, len(token) > maxBody: http.StatusRequestEntityTooLarge}[true]; refused != 0 {
			if r.StatusCode != refused {
				t.Errorf("%s: API %d, want %d", c.ID, r.StatusCode, refused)
			}
			continue // nothing to judge, or too much
		}
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: API %d %s", c.ID, r.StatusCode, page)
			continue
		}
		verdict := decode(t, page)["verdict"]
		body, contentType := multipartFile(t, token)
		r, page = ask(t, s, "POST", "/verify", body, "Content-Type", contentType)
		if r.StatusCode != http.StatusOK || !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%s: page %d %.300s", c.ID, r.StatusCode, page)
			continue
		}
		if green := strings.Contains(page, `<section class="verdict good"`); green != (verdict == "valid") {
			t.Errorf("%s: verdict %v, green %v", c.ID, verdict, green)
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "<svg") || strings.Contains(page, " style=") {
			t.Errorf("%s: the page holds what the policy forbids", c.ID)
		}
		text := html.UnescapeString(tag.ReplaceAllString(page, " "))
		for _, no := range c.Render.HTMLMustNotContain {
			rendered++
			if strings.Contains(page, no) {
				t.Errorf("%s: the page's HTML holds %q", c.ID, no)
			}
		}
		for _, no := range c.Render.MustNotContain {
			if strings.Contains(text, no) {
				t.Errorf("%s: the page holds %q", c.ID, no)
			}
		}
		for _, yes := range c.Render.MustContain {
			if verdict == "valid" && !strings.Contains(text, yes) {
				t.Errorf("%s: the page lacks %q", c.ID, yes)
			}
		}
	}
	if rendered == 0 {
		t.Error("the manifest has no render checks")
	}
	if strings.Contains(logs.String(), `"level":"ERROR"`) {
		t.Errorf("errors in the log: %.2000s", logs)
	}
}
