package elm

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func elementOf(t *testing.T, c *Credential, lang, id string) Element {
	t.Helper()
	for _, section := range Supplement(c, lang) {
		for _, e := range section.Elements {
			if e.ID == id {
				return e
			}
		}
	}
	t.Fatalf("no element %s", id)
	return Element{}
}

// outline is a table of parts as text, a row a line.
func outline(p *Parts) []string {
	var out []string
	for _, row := range p.Rows {
		cells := []string{strings.Repeat("  ", row.Depth) + row.Title.Text}
		if row.Inside != "" {
			cells[0] += " (" + row.Inside + ")"
		}
		for _, list := range [][]Value{row.Credits, row.Grades, {row.When}, row.Bodies} {
			var texts []string
			for _, v := range list {
				texts = append(texts, v.Text)
			}
			cells = append(cells, strings.Join(texts, ", "))
		}
		out = append(out, strings.TrimRight(strings.Join(cells, " | "), " |"))
	}
	return out
}

// TestASampleTranscriptAndAJointDegreeReadWell: facts of the EU's samples, not
// their texts.
func TestASampleTranscriptAndAJointDegreeReadWell(t *testing.T) {
	files := samples(t)
	for _, c := range []struct {
		file   string
		bodies int
		parts  int
		column bool // parts are awarded by others than the whole
	}{
		{"samples/ec-support/Sample-TranscriptOfRecords-signed.jsonld", 1, 10, false},
		{"samples/ec-support/Sample-JointDegree-signed.jsonld", 2, 10, true},
	} {
		cred, err := Parse(files[c.file])
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range Languages() {
			if n := len(elementOf(t, cred, lang, "M4").Values); n != c.bodies {
				t.Errorf("%s: %d awarding bodies", c.file, n)
			}
			e := elementOf(t, cred, lang, "parts")
			if e.Parts == nil || len(e.Parts.Rows) != c.parts || len(e.Values) != c.parts+1 {
				t.Fatalf("%s: %+v", c.file, e)
			}
			if (e.Parts.Body != "") != c.column || e.Parts.Credits == "" || e.Parts.Grade == "" || e.Parts.When == "" {
				t.Errorf("%s: columns %+v", c.file, *e.Parts)
			}
			sum := new(big.Rat)
			for _, row := range e.Parts.Rows {
				if row.Title.Text == "" || len(row.Credits) != 1 || len(row.Grades) != 1 || row.When.Text == "" || len(row.Bodies) == 0 {
					t.Errorf("%s: %+v", c.file, row)
				}
				points, _, _ := strings.Cut(row.Credits[0].Text, " ")
				value, ok := new(big.Rat).SetString(strings.ReplaceAll(points, ",", "."))
				if !ok {
					t.Fatalf("%s: %q", c.file, row.Credits[0].Text)
				}
				sum.Add(sum, value)
			}
			if sum.Cmp(big.NewRat(60, 1)) != 0 {
				t.Errorf("%s: the parts have %v credits", c.file, sum)
			}
			if label := elementOf(t, cred, lang, "M2").Label; strings.Contains(label, "micro") || strings.Contains(label, "mikro") || strings.Contains(label, "микро") {
				t.Errorf("%s: a degree is called %q", c.file, label)
			}
			for _, section := range Supplement(cred, lang) {
				for _, e := range section.Elements {
					if e.ID == "not-a-degree" {
						t.Errorf("%s: a degree is said to be none", c.file)
					}
					for _, v := range e.Values {
						if len(v.Detail) > 8 {
							t.Errorf("%s %s: %d details of %q", c.file, e.ID, len(v.Detail), v.Text)
						}
					}
				}
			}
		}
		awards := Awards(&cred.Subject[0], cred.Profile)
		if len(awards) != 1 || len(awards[0].Bodies) != c.bodies || len(awards[0].Parts) != c.parts || awards[0].Credits[0].Point != "60" || LevelName(awards[0].Level, "en") != "Level 7 (EQF)" {
			t.Errorf("%s: %+v", c.file, awards)
		}
	}
	// The smallest sample has no parts, and says so by silence.
	cred, err := Parse(files["samples/ec/credential-sample.jsonld"])
	if err != nil {
		t.Fatal(err)
	}
	if len(elementOf(t, cred, "en", "M4").Values) != 1 || len(elementOf(t, cred, "en", "M2").Values) != 1 {
		t.Error("the awarding body or the title is missing")
	}
	for _, section := range Supplement(cred, "en") {
		if section.ID == "composition" {
			t.Error("parts of an award that has none")
		}
	}
}

// transcript is an award of terms, each with courses.
func transcript(terms, courses int) *Credential {
	body := Organisation{Ref: Ref{ID: "urn:epass:org:1"}, LegalName: TextOf(map[string][]string{"en": {"University of Pears"}})}
	other := Organisation{Ref: Ref{ID: "urn:epass:org:2"}, LegalName: TextOf(map[string][]string{"en": {"College of Plums"}})}
	by := func(o Organisation, d DateTime) *AwardingProcess {
		return &AwardingProcess{AwardingBody: List[Organisation]{o}, AwardingDate: d}
	}
	kind := Ref{Type: List[string]{"LearningAchievement"}}
	whole := Claim{Ref: kind, Title: TextOf(map[string][]string{"en": {"Transcript"}}), AwardedBy: by(body, ""), SpecifiedBy: &Specification{}}
	for n := range terms {
		term := Claim{Ref: kind, Title: TextOf(map[string][]string{"en": {fmt.Sprint("Term ", n+1)}})}
		for k := range courses {
			course := Claim{Ref: kind, Title: TextOf(map[string][]string{"en": {fmt.Sprintf("Course %d.%d", n+1, k+1)}}), AwardedBy: by(body, Day(2026, time.January, 1+k%28)),
				SpecifiedBy: &Specification{CreditPoint: List[CreditPoint]{{Framework: &Concept{Ref: Ref{ID: frameworkECTS}}, Point: "3"}}, Mode: List[Concept]{{Ref: Ref{ID: "http://data.europa.eu/snb/learning-assessment/920fbb3cbe"}}}},
				ProvenBy: List[Claim]{{Ref: Ref{Type: List[string]{"LearningAssessment"}}, Title: TextOf(map[string][]string{"en": {"Exam"}}), Grade: &Note{NoteLiteral: TextOf(map[string][]string{"en": {fmt.Sprint(6 + k%5)}})},
					SpecifiedBy: &Specification{DCType: List[Concept]{{Ref: Ref{ID: "http://data.europa.eu/snb/assessment/6e6cb2cc78"}}}}}}}
			if k == 1 {
				course.AwardedBy = by(other, "")
			}
			term.HasPart = append(term.HasPart, course)
		}
		whole.HasPart = append(whole.HasPart, term)
	}
	return &Credential{Issuer: body, Subject: List[Person]{{HasClaim: List[Claim]{whole}}}}
}

func TestPartsInsideParts(t *testing.T) {
	e := elementOf(t, transcript(2, 2), "en", "parts")
	want := []string{
		"Term 1 (2 parts)",
		"  Course 1.1 | 3 ECTS | 6 | 1 January 2026 | University of Pears", "  Course 1.2 | 3 ECTS | 7 |  | College of Plums",
		"Term 2 (2 parts)",
		"  Course 2.1 | 3 ECTS | 6 | 1 January 2026 | University of Pears", "  Course 2.2 | 3 ECTS | 7 |  | College of Plums",
	}
	if diff := cmp.Diff(want, outline(e.Parts)); diff != "" {
		t.Error(diff)
	}
	if e.Values[0].Text != "6 parts" || e.Parts.Long() || len(e.Parts.Outline()) != 2 {
		t.Errorf("%+v", e)
	}
}

// TestALongTranscriptFloodsNobody: what all parts say alike is said once.
func TestALongTranscriptFloodsNobody(t *testing.T) {
	c := transcript(6, 12)
	for _, lang := range Languages() {
		e := elementOf(t, c, lang, "parts")
		if !e.Parts.Long() || len(e.Parts.Outline()) != 6 || len(e.Parts.Rows) != 78 {
			t.Errorf("%d rows", len(e.Parts.Rows))
		}
		for _, section := range Supplement(c, lang) {
			for _, other := range section.Elements {
				if other.ID != "parts" && len(other.Values) > 2 {
					t.Errorf("%s %s: %d values", lang, other.ID, len(other.Values))
				}
			}
		}
	}
	if m9 := elementOf(t, c, "en", "M9").Values; len(m9) != 1 || !slices.Contains(m9[0].Detail, Line{Label: "Parts", Text: "72"}) {
		t.Errorf("%+v", m9)
	}
	if o3 := elementOf(t, c, "en", "O3").Values; len(o3) != 1 || !strings.Contains(o3[0].Text, "Each part") {
		t.Errorf("%+v", o3)
	}
}

func TestSeconds(t *testing.T) {
	for in, want := range map[string]string{
		"PT60H": "216000", "PT1H30M": "5400", "PT0.1S": "1/10", "PT010H": "36000", "PT08M": "480",
		"P60M": "", "P1D": "", "P1DT1H": "", "-PT1H": "", "PT": "", "P": "", "60": "", "": "",
		"PT" + strings.Repeat("9", 40) + "H": "",
	} {
		got, ok := Seconds(in)
		if ok != (want != "") || ok && got.RatString() != want {
			t.Errorf("%q: %v %v", in, got, ok)
		}
	}
}
