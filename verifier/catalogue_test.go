package verifier

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"indeks/internal/reference"
)

// answeredAreas are what is answered for here of the catalogue, by its side; nil
// is all of a side.
var answeredAreas = map[string][]string{
	"verifier": nil,
	"web":      nil,
	"api":      {"http", "errors", "json", "exposure", "cors", "csrf", "ssrf", "oidc", "session"},
	"issuer":   {"status", "status-index"},
}

// Each case of the attack catalogue is held by a token file of the manifest, by a
// test, or by a reason why there is none: testdata/cases.txt.
func TestCatalogueIsAnswered(t *testing.T) {
	answers := make(map[string]string)
	for line := range strings.Lines(string(read(t, "testdata", "cases.txt"))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, answer, _ := strings.Cut(line, " ")
		if answer = strings.TrimSpace(answer); answer == "" || answers[id] != "" {
			t.Errorf("%s: answered twice or not at all", id)
		}
		answers[id] = answer
	}

	// 1. The tests that are named exist.
	name := regexp.MustCompile(`^([a-z/]+)\.((?:Test|Fuzz)\w+)(?:/(.+))?$`)
	sources := make(map[string]string)
	for id, answer := range answers {
		if strings.HasPrefix(answer, "- ") {
			continue
		}
		for test := range strings.SplitSeq(answer, ";") {
			m := name.FindStringSubmatch(strings.TrimSpace(test))
			if m == nil {
				t.Errorf("%s: %q is no name of a test", id, test)
				continue
			}
			if _, ok := sources[m[1]]; !ok {
				sources[m[1]] = testsIn(t, m[1])
			}
			_, body, ok := strings.Cut(sources[m[1]], "\nfunc "+m[2]+"(")
			if body, _, _ = strings.Cut(body, "\nfunc "); !ok || m[3] != "" && !strings.Contains(body, `"`+m[3]+`"`) {
				t.Errorf("%s: there is no %s", id, strings.TrimSpace(test))
			}
		}
	}

	// 2. Nothing is left out, and nothing answered that nobody asked.
	var catalogue struct {
		Cases []struct{ ID, Side, Area, Generated string }
	}
	var manifest struct{ Cases []reference.Case }
	for file, into := range map[string]any{"catalogue.json": &catalogue, "manifest.json": &manifest} {
		if err := json.Unmarshal(reference.Read(t, "attacks", file), into); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range catalogue.Cases {
		areas, ours := answeredAreas[c.Side]
		answered := answers[c.ID] != ""
		delete(answers, c.ID)
		switch {
		case c.Generated != "" && !slices.ContainsFunc(manifest.Cases, func(m reference.Case) bool { return m.ID == c.Generated }):
			t.Errorf("%s: the manifest has no %s", c.ID, c.Generated)
		case c.Generated == "" && ours && (areas == nil || slices.Contains(areas, c.Area)) && !answered:
			t.Errorf("%s: not answered", c.ID)
		}
	}
	for id := range answers {
		t.Errorf("%s is not in the catalogue", id)
	}
}

// testsIn are the tests of a folder of this project, as text.
func testsIn(t *testing.T, folder string) string {
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("no tests in %s: %v", folder, err)
	}
	var all strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	return all.String()
}
