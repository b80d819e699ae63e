package contexts

import (
	"cmp"
	"encoding/json"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// result is what the reference engines report of a violation.
type result struct{ FocusNode, Path, Component, Value string }

func profile(t rapid.TB, name string) *Shapes {
	t.Helper()
	shapes, err := ProfileShapes(name, ShapesVersion)
	if err != nil {
		t.Fatal(err)
	}
	return shapes
}

func validate(t testing.TB, doc map[string]any, name string) []Violation {
	t.Helper()
	found, err := Default().Validate(doc, profile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func results(found []Violation) []result {
	all := []result{}
	for _, v := range found {
		all = append(all, result{v.Focus, v.Path, v.Component, v.Value})
	}
	return sorted(all)
}

func sorted(all []result) []result {
	slices.SortFunc(all, func(a, b result) int {
		return cmp.Or(cmp.Compare(a.FocusNode, b.FocusNode), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Component, b.Component), cmp.Compare(a.Value, b.Value))
	})
	return all
}

// Every sample breaks the rules that two other engines say it breaks.
func TestValidateSamples(t *testing.T) {
	var expected struct {
		Documents []struct {
			File                string
			ConformsGenericFull bool
			ConformsAccredited  *bool
			Results             []result
		}
	}
	if err := json.Unmarshal(readShared(t, "reference/samples/expected-shacl.json"), &expected); err != nil {
		t.Fatal(err)
	}
	for _, want := range expected.Documents {
		t.Run(want.File, func(t *testing.T) {
			doc := sample(t, want.File)
			got := results(validate(t, doc, "generic-full"))
			if diff := gocmp.Diff(sorted(want.Results), got); diff != "" || want.ConformsGenericFull != (len(got) == 0) {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if want.ConformsAccredited != nil {
				if got := validate(t, doc, "accredited"); *want.ConformsAccredited != (len(got) == 0) {
					t.Errorf("accredited: %v", got)
				}
			}
		})
	}
}

func TestValidateCases(t *testing.T) {
	var expected struct {
		Cases []struct {
			File     string
			Conforms bool
			Results  []result
		}
	}
	if err := json.Unmarshal(readShared(t, "reference/shacl-cases/verdicts.json"), &expected); err != nil {
		t.Fatal(err)
	}
	for _, want := range expected.Cases {
		t.Run(want.File, func(t *testing.T) {
			got := results(validate(t, sample(t, "../shacl-cases/"+want.File), "generic-full"))
			if diff := gocmp.Diff(sorted(want.Results), got); diff != "" || want.Conforms != (len(got) == 0) {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}
