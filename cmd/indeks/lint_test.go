package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"

	"indeks/internal/reference"
)

// verdict is what two reference engines said of a document.
type verdict struct {
	File                string           `json:"file"`
	Conforms            *bool            `json:"conforms"`
	ConformsGenericFull *bool            `json:"conformsGenericFull"`
	Results             []map[string]any `json:"results"`
}

// lint says of every reference document what the reference engines say, and of
// the complete one nothing.
func TestLintAgreesWithReferenceEngines(t *testing.T) {
	base := reference.Path(t, "reference")
	for list, dir := range map[string]string{filepath.Join("samples", "expected-shacl.json"): "samples", filepath.Join("shacl-cases", "verdicts.json"): "shacl-cases"} {
		raw, err := os.ReadFile(filepath.Join(base, list))
		if err != nil {
			t.Fatal(err)
		}
		var expected struct {
			Documents []verdict `json:"documents"`
			Cases     []verdict `json:"cases"`
		}
		if err := json.Unmarshal(raw, &expected); err != nil {
			t.Fatal(err)
		}
		for _, want := range append(expected.Documents, expected.Cases...) {
			t.Run(want.File, func(t *testing.T) {
				raw, err := os.ReadFile(filepath.Join(base, dir, want.File))
				if err != nil {
					t.Fatal(err)
				}
				got, err := (&lintCmd{Profile: "generic-full"}).lint(raw)
				if err != nil {
					t.Fatal(err)
				}
				conforms := want.Conforms
				if conforms == nil {
					conforms = want.ConformsGenericFull
				}
				if got.Shapes.Conforms != *conforms || got.Shapes.Results != len(want.Results) {
					t.Errorf("conforms %v with %d results, want %v with %d", got.Shapes.Conforms, got.Shapes.Results, *conforms, len(want.Results))
				}
				for i, v := range got.Shapes.Violations {
					if i < len(want.Results) && len(want.Results) == 1 && v.Path != want.Results[i]["path"] {
						t.Errorf("path %s, want %s", v.Path, want.Results[i]["path"])
					}
				}
				if want.File == "own-microcredential.json" && (got.failed() || len(got.Strict)+len(got.Vocabularies)+len(got.Annex.Missing) > 0) {
					t.Errorf("the complete document has problems: %+v", got)
				}
			})
		}
	}
}
