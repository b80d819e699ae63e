package issuer

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"indeks/contexts"
	"indeks/elm"
	"indeks/examples"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// listed renders what a parser said, one line for each problem.
func listed(warnings []Problem, err error) string {
	var b strings.Builder
	if p, ok := err.(*Problems); ok {
		for _, q := range p.List {
			fmt.Fprintf(&b, "  %s: %s\n", q.Rule, q)
		}
	} else if err != nil {
		fmt.Fprintf(&b, "  error: %v\n", err)
	}
	for _, q := range warnings {
		fmt.Fprintf(&b, "  %s: %s\n", q.Rule, q)
	}
	if b.Len() == 0 {
		return "  nothing\n"
	}
	return b.String()
}

// edit is one change of an example course: the value at a path, nil to remove.
type edit struct {
	path  string
	value any
}

// brokenCourses are the mistakes that ParseCourse names. schema tells that the
// published schema refuses them too; the others no schema can see.
var brokenCourses = []struct {
	name   string
	schema bool
	edits  []edit
}{
	{"as it is", false, nil},
	{"unknown EQF level", true, []edit{{"level/eqf", 9}}},
	{"EQF level as text", true, []edit{{"level/eqf", "7"}}},
	{"EQF level with a fraction", true, []edit{{"level/eqf", 6.5}}},
	{"empty title", true, []edit{{"title/en", "  "}}},
	{"title without a language", true, []edit{{"title", map[string]any{}}}},
	{"title as text", true, []edit{{"title", "Data"}}},
	{"no title", true, []edit{{"title", nil}}},
	{"misspelt member", true, []edit{{"activties", []any{}}}},
	{"misspelt member inside", true, []edit{{"assessment/0/supervison", "supervised"}}},
	{"language tag", true, []edit{{"title/Serbian", "Podaci"}}},
	{"id with capitals", true, []edit{{"id", "Data Stewardship"}}},
	{"mode", true, []edit{{"mode", "by post"}}},
	{"supervision", true, []edit{{"assessment/0/supervision", "proctored"}}},
	{"31 February", true, []edit{{"activities/0/from", "2026-02-31"}}},
	{"local date", true, []edit{{"quality_assurance/0/decided", "15. 1. 2024."}}},
	{"decimal comma", true, []edit{{"hours", "75,5"}}},
	{"hours as number", true, []edit{{"hours", 75}}},
	{"no hours", true, []edit{{"hours", "0"}}},
	{"http address", true, []edit{{"homepage", "http://course.example/"}}},
	{"no outcomes", true, []edit{{"outcomes", []any{}}}},
	{"no assessment, no quality assurance", true, []edit{{"assessment", nil}, {"quality_assurance", nil}}},
	{"no credits, no reason", true, []edit{{"credits", nil}}},
	{"no level, no reason", true, []edit{{"level", nil}}},
	{"no legal basis, no reason", true, []edit{{"legal_basis", nil}}},
	{"reason without text", true, []edit{{"level", nil}, {"level_reason", map[string]any{"code": "not-assigned"}}}},
	{"control character", true, []edit{{"title/en", "Data\u0007"}}},
	{"six mistakes at once", true, []edit{{"level/eqf", 0}, {"mode", ""}, {"title/en", ""}, {"hours", "x"}, {"fields/0", "9999"}, {"stackability/towards", nil}}},

	{"assessment type", false, []edit{{"assessment/0/type", "essay"}}},
	{"activity type", false, []edit{{"activities/0/type", "lecture"}}},
	{"field of education", false, []edit{{"fields/0", "5555"}}},
	{"language of instruction", false, []edit{{"languages/0", "XXQ"}}},
	{"country of agency", false, []edit{{"quality_assurance/0/agency/country", "YUG"}}},
	{"national level", false, []edit{{"level/nqf", "http://data.europa.eu/snb/qdr/c_0"}}},
	{"outcome twice", false, []edit{{"outcomes/1/id", "1"}}},
	{"ends before it begins", false, []edit{{"activities/0/to", "2020-01-01"}}},
	{"within no programme", false, []edit{{"award_kind/programme", nil}}},
	{"stackable towards nothing", false, []edit{{"stackability/towards", nil}}},
	{"stand-alone towards something", false, []edit{{"stackability/kind", "stand-alone"}}},
	{"standard without a name", false, []edit{{"outcome_source", map[string]any{"kind": "qualification-standard"}}}},
	{"accreditation without agency", false, []edit{{"quality_assurance/0/agency", nil}}},
	{"internal and EQAR", false, []edit{{"quality_assurance/1/eqar", true}}},
	{"level and reason", false, []edit{{"level_reason", map[string]any{"code": "not-assigned", "text": map[string]any{"en": "No"}}}}},
	{"national credits without reason", false, []edit{{"credits/0/system", "CSVET"}}},
	{"system twice", false, []edit{{"credits", []any{map[string]any{"system": "ECTS", "points": "3"}, map[string]any{"system": "ECTS", "points": "2"}}}}},
	{"contact hours over the total", false, []edit{{"contact_hours", "500"}}},
	{"number rule without counter", false, []edit{{"number_rule", "MC-{year}"}}},

	{"warns: hours against credits", false, []edit{{"hours", "300"}}},
	{"warns: activities over the total", false, []edit{{"activities/0/hours", "79"}}},
	{"warns: level against outcomes", false, []edit{{"level/eqf", 6}}},
	{"level against outcomes, with the reason", false, []edit{{"level/eqf", 6}, {"level/nqf", "6.2"}, {"profile", "rs"}, {"level/cycle", "first"},
		{"level/reason", map[string]any{"en": "The outcomes are weighted", "sr-Latn": "Ishodi su ponderisani"}}, {"level/decided_by", "Senate"}}},
	{"decided without a reason", false, []edit{{"level/decided_by", "Senate"}}},
	{"warns: a tie", false, []edit{{"outcomes/0/level", 6}, {"outcomes/1/level", nil}}},
	{"warns: level outside higher education", false, []edit{{"level/eqf", 4}, {"level/cycle", nil}}},
	{"warns: no English", false, []edit{{"title/en", nil}}},
	{"warns: English only", false, []edit{{"title", map[string]any{"en": "Data"}}}},
}

// edited applies edits to the first example.
func edited(t testing.TB, edits []edit) []byte {
	t.Helper()
	var doc any
	if err := json.Unmarshal(examples.Courses()[0].CourseJSON, &doc); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		parts := strings.Split(e.path, "/")
		at := doc
		for _, part := range parts[:len(parts)-1] {
			if list, ok := at.([]any); ok {
				at = list[part[0]-'0']
			} else {
				at = at.(map[string]any)[part]
			}
		}
		last := parts[len(parts)-1]
		if list, ok := at.([]any); ok {
			list[last[0]-'0'] = e.value
		} else if e.value == nil {
			delete(at.(map[string]any), last)
		} else {
			at.(map[string]any)[last] = e.value
		}
	}
	raw, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEachMistakeInACourseIsNamed(t *testing.T) {
	var b strings.Builder
	for _, c := range brokenCourses {
		_, warnings, err := ParseCourse("course.json", edited(t, c.edits))
		fmt.Fprintf(&b, "%s\n%s", c.name, listed(warnings, err))
	}
	for _, raw := range []string{`{"id": `, `[]`, `{"id":"a","id":"b"}`, `{"id":"a","ID":"b"}`, ``} {
		_, warnings, err := ParseCourse("course.json", []byte(raw))
		fmt.Fprintf(&b, "text %s\n%s", raw, listed(warnings, err))
	}
	golden(t, "courses.golden", b.String())
}

// TestSchemaAndParserAgree holds that the published schema, as any other
// software would apply it, refuses nothing that ParseCourse takes, and what it
// can see.
func TestSchemaAndParserAgree(t *testing.T) {
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(CourseSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("https://issuer.example/course.schema.json", tree); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("https://issuer.example/course.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	refuses := func(raw []byte) bool {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(doc) != nil
	}
	for _, e := range examples.Courses() {
		if refuses(e.CourseJSON) {
			t.Errorf("the schema refuses %s", e.Name)
		}
	}
	for _, c := range brokenCourses {
		raw := edited(t, c.edits)
		_, _, err := ParseCourse("course.json", raw)
		if got := refuses(raw); got != c.schema {
			t.Errorf("%s: schema refuses %v, want %v", c.name, got, c.schema)
		} else if got && err == nil {
			t.Errorf("%s: the schema refuses what ParseCourse takes", c.name)
		}
	}
}

var reasons = []string{"outside-framework", "not-assigned", "national-credits", "hours-only", "no-specific-act", "not-applicable"}

// TestSchemaCodesAreInTheLists holds tables, schema and EU lists together.
func TestSchemaCodesAreInTheLists(t *testing.T) {
	for name, table := range map[string]map[string]string{"mode": modes, "supervision": supervisions, "accreditation": accreditations, "learning-setting": settings} {
		list := contexts.List(name)
		for code, iri := range table {
			if !slices.ContainsFunc(list, func(c contexts.Concept) bool { return c.ID == iri }) {
				t.Errorf("%s: %s is not in the list", name, code)
			}
		}
	}
	for name, iri := range map[string]string{"credit": frameworkECTS, "learning-opportunity": opportunityShort, "credential-type": profileGeneric,
		"encoding": encodingBase64, "file-type": filePNG, "entitlement": entitlementOffer, "entitlement-status": entitlementFuture} {
		if !slices.ContainsFunc(contexts.List(name), func(c contexts.Concept) bool { return c.ID == iri }) {
			t.Errorf("%s is not in the list %s", iri, name)
		}
	}
	for _, level := range []string{"1", "8"} {
		if _, ok := contexts.Lookup(eqfLevels + level); !ok {
			t.Errorf("EQF level %s is not in the list", level)
		}
	}
	for topic, codes := range map[string][]string{
		elm.TopicProvider: {"hei", "alternative"}, elm.TopicAwardStatus: {"formal-system", "hei-outside", "vocational-adult"},
		elm.TopicAwardKind: {"within-programme", "supplementary", "stand-alone"}, elm.TopicStackability: {"stand-alone", "part-of-programme", "stackable"},
		elm.TopicPriorLearning: {"none", "part", "whole"}, elm.TopicNotADegree: {"stated"}, elm.TopicLevelMethod: {"majority", "average", "override"},
		elm.TopicSource:   {"partial-qualification", "qualification-standard", "several-standards", "outside-standards", "informal"},
		elm.TopicCriteria: {"stated"}, elm.TopicQAProcedure: {"internal", "external", "as-degree-programmes", "adapted"},
		elm.TopicSignatory: {"stated"}, elm.TopicFurther: {"stated"}, elm.SchemeCycle: {"short", "first", "second", "third"},
		elm.TopicReasonPrefix + "level": reasons, elm.TopicReasonPrefix + "credits": reasons, elm.TopicReasonPrefix + "legal-basis": reasons,
	} {
		for _, code := range codes {
			if _, ok := contexts.Lookup(topic + ":" + code); !ok {
				t.Errorf("%s:%s is in no list", topic, code)
			}
		}
	}
	for system, iri := range creditFrameworks {
		if _, ok := contexts.Lookup(iri); !ok {
			t.Errorf("credit system %s is in no list", system)
		}
	}
	for _, code := range []string{"written-examination", "practical-assessment", "project-work"} {
		if _, ok := byCode("assessment", code); !ok {
			t.Errorf("assessment %s is not in the list", code)
		}
	}
}

func TestProposedLevel(t *testing.T) {
	for _, c := range []struct {
		levels []int
		method string
		want   int
		by     string
	}{
		{[]int{7, 7, 6}, "", 7, "majority"},
		{[]int{7, 7, 6, 6}, "", 7, "average"},
		{[]int{7, 6, 5}, "majority", 6, "average"},
		{[]int{7, 7, 4}, "average", 6, "average"},
		{[]int{0, 0, 5}, "", 5, "majority"},
		{[]int{0}, "", 0, ""},
	} {
		var outcomes []Outcome
		for _, l := range c.levels {
			outcomes = append(outcomes, Outcome{Level: l})
		}
		if p, _ := propose(outcomes, c.method); p.Level != c.want || p.Method != c.by {
			t.Errorf("%v by %q: %d by %q, want %d by %q", c.levels, c.method, p.Level, p.Method, c.want, c.by)
		}
	}
}

func TestNumberRule(t *testing.T) {
	for rule, want := range map[string]string{
		"MC-{year}-{n:5}": "MC-2026-00042",
		"{n}/{year}":      "42/2026",
		"VU {n:3}":        "VU 042",
	} {
		r, err := parseNumberRule(rule)
		if err != nil || r.number(2026, 42) != want {
			t.Errorf("%s: %q, %v; want %q", rule, r.number(2026, 42), err, want)
		}
	}
	for _, rule := range []string{"", "MC", "{n}{n}", "{year}-{year}-{n}", "{n:x}", "{m}-{n}"} {
		if _, err := parseNumberRule(rule); err == nil {
			t.Errorf("%q is taken for a rule", rule)
		}
	}
}

func TestDuration(t *testing.T) {
	for hours, want := range map[string]string{"75": "PT75H", "2.5": "PT2H30M", "0.25": "PT15M", "0.01": "PT36S", "": ""} {
		if got := duration(hours); got != want {
			t.Errorf("%s hours: %s, want %s", hours, got, want)
		}
	}
}

func FuzzParseCourse(f *testing.F) {
	for _, e := range examples.Courses() {
		f.Add(e.CourseJSON)
	}
	for _, c := range brokenCourses {
		f.Add(edited(f, c.edits))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, warnings, err := ParseCourse("course.json", raw)
		if (c == nil) == (err == nil) {
			t.Fatal("neither course nor error, or both")
		}
		for _, w := range warnings {
			if !w.Warn {
				t.Fatalf("a problem that blocks among the warnings: %s", w)
			}
		}
		if err == nil {
			again, _, err := ParseCourse("course.json", c.canonical())
			if err != nil {
				t.Fatalf("written and read again: %v", err)
			}
			if diff := cmp.Diff(c, again); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
