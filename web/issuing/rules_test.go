package issuing

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"indeks/examples"
	"indeks/issuer"
	"indeks/web"
)

// Every rule that a class list can break, as the tests of package issuer show them, says
// in each language what is wrong.
func TestRulesOfListsHaveTexts(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("..", "..", "issuer", "testdata", "lists.golden"))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := os.ReadFile(filepath.Join("pages", "locales", "en.json")) // that the others have the same ids, the kit sees to
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+): `).FindAllStringSubmatch(string(golden), -1) {
		if m[1] == "error" { // no rule: what the whole came to
			continue
		}
		n++
		if !strings.Contains(string(texts), `"cell.`+m[1]+`": `) {
			t.Errorf("rule %s has no text", m[1])
		}
	}
	if n < 30 {
		t.Errorf("only %d problems are in the golden file", n)
	}
}

// So does every rule that a course can break, as the tests of package issuer show them.
func TestRulesOfCoursesHaveTexts(t *testing.T) {
	kit, err := web.New(web.Config{}, mustPages(t), pageFuncs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range []string{"courses.golden", "national.golden"} {
		golden, err := os.ReadFile(filepath.Join("..", "..", "issuer", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+): (/[^:]*)?`).FindAllStringSubmatch(string(golden), -1) {
			n++
			if p := (issuer.Problem{Rule: m[1], Field: m[2]}); m[1] != "error" && !slices.ContainsFunc(ruleTexts(p), kit.HasText) {
				t.Errorf("rule %s at %q has no text", m[1], m[2])
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d problems are in the golden files", n)
	}
}

// What a text says of a course beside the value stands in the problem.
func TestRuleTextsHaveTheirFigures(t *testing.T) {
	kit, err := web.New(web.Config{}, mustPages(t), pageFuncs)
	if err != nil {
		t.Fatal(err)
	}
	s, seen := &server{kit: kit}, map[string]bool{}
	for _, c := range []struct {
		country string
		change  map[string]string // member to its JSON
	}{
		{"SRB", map[string]string{"hours": `"10"`, "level": `{"eqf": 4, "cycle": "first", "decided_by": "Board"}`, "quality_assurance": `[{"kind": "programme", "title": {"en": "x"}}]`, "number_rule": `"{x}"`}},
		{"SRB", map[string]string{"credits": `[{"system": "ECTS", "points": "250"}]`, "hours": `"40.5"`, "contact_hours": `"2,5"`, "level": `{"eqf": 7, "reason": {"en": "x"}}`}},
		{"HRV", map[string]string{"credits": `[{"system": "CSVET", "points": "99"}]`, "level": `{"eqf": 8}`, "hours": `"4"`, "title": `{"sr": "x"}`}},
		{"AUT", map[string]string{"level": `{"eqf": 5}`, "legal_basis": `[{"act": "none"}]`, "stackability": `{"kind": "stackable"}`}},
		{"SVN", map[string]string{"hours": `"1"`, "stackability": `{"kind": "part-of-programme", "towards": {"en": "x"}}`}},
	} {
		for _, example := range examples.Courses() {
			var doc map[string]any
			if err := json.Unmarshal(example.CourseJSON, &doc); err != nil {
				t.Fatal(err)
			}
			for member, raw := range c.change {
				var value any
				if err := json.Unmarshal([]byte(raw), &value); err != nil {
					t.Fatal(err)
				}
				doc[member] = value
			}
			raw, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			inst := issuer.Institution{Country: c.country, Provider: "hei", PublicBase: "https://issuer.school.example"}
			for _, p := range inst.Sketch(raw, "en").Problems {
				seen[p.Rule] = true
				for _, lang := range kit.Languages() {
					if is := s.ruleFault(lang, p, ""); is.Lang != lang || strings.Contains(is.Text, "<no value>") {
						t.Errorf("%v in %s: %+v", p, lang, is)
					}
				}
			}
		}
	}
	for _, rule := range []string{"workload", "workload-ects", "level-outcomes", "level-cycle", "level-higher-education", "profile-credits", "profile-level", "course-form", "course-required", "legal-act", "number-rule"} {
		if !seen[rule] {
			t.Errorf("rule %s was not broken; of those: %v", rule, slices.Sorted(maps.Keys(seen)))
		}
	}
	p := issuer.Problem{Rule: "workload-ects", Field: "/hours", Value: "40.5", Want: "hours do not fit", Figures: map[string]string{"Points": "2.5", "System": "ECTS", "Each": "25–30", "Span": "62.5–75"}}
	for lang, want := range map[string]string{"en": `/hours: "40.5" hours do not fit`, "de": `Stunden: "40.5" passt nicht zu 2,5 ECTS: Erwartet werden 25–30 Stunden je Leistungspunkt, 62,5–75`} {
		if is := s.ruleFault(lang, p, "Stunden"); is.Text != want {
			t.Errorf("in %s: %q, want %q", lang, is.Text, want)
		}
	}
}
