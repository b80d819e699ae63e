package issuer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"indeks/contexts"
	"indeks/elm"
	"indeks/examples"
)

// read returns one element of the supplement that readers of a draft's
// credential see.
func read(t *testing.T, d Draft, lang, id string) elm.Element {
	t.Helper()
	for _, s := range elm.Supplement(built(t, d, elm.EDC), lang) {
		for _, e := range s.Elements {
			if e.ID == id {
				return e
			}
		}
	}
	t.Fatalf("no element %s", id)
	return elm.Element{}
}

// lines are values as text, details indented by "- ", marks of language in
// brackets.
func lines(e elm.Element) string {
	var b strings.Builder
	mark := func(text, lang string) {
		b.WriteString(text)
		if lang != "" {
			b.WriteString(" [" + lang + "]")
		}
		b.WriteString("\n")
	}
	for _, v := range e.Values {
		mark(v.Text, v.Lang)
		for _, d := range v.Detail {
			mark("- "+d.Label+": "+d.Text, d.Lang)
		}
	}
	return b.String()
}

// everyDraft is a draft of each example course, and one whole case more: level
// set by decision, all of it recognised prior learning.
func everyDraft(t *testing.T) []Draft {
	t.Helper()
	var drafts []Draft
	for n := range examples.Courses() {
		d := draft(t)
		d.Course, d.Language = course(t, n), ""
		drafts = append(drafts, d)
	}
	whole := draft(t)
	whole.LevelOverride, whole.OverrideReason = 6, "Senate decision 4/2026"
	whole.RPL, whole.RPLEvidence, whole.Grade = "whole", "Portfolio of 12 June 2026", ""
	return append(drafts, whole)
}

func TestNoteDoesNotRepeatItsCode(t *testing.T) {
	for _, d := range everyDraft(t) {
		cred := built(t, d, elm.EDC)
		for _, lang := range elm.Languages() {
			for _, s := range elm.Supplement(cred, lang) {
				for _, e := range s.Elements {
					for _, v := range e.Values {
						known, _ := contexts.Lookup(v.IRI)
						for _, label := range known.Label {
							for _, detail := range v.Detail {
								if strings.HasPrefix(detail.Text, label) {
									t.Errorf("%s in %s: %s: %q below %q", d.Course.ID, lang, e.ID, detail.Text, v.Text)
								}
							}
						}
						if strings.Contains(v.Text, "..") || strings.Contains(lines(e), "..") {
							t.Errorf("%s in %s: two full stops in %q", d.Course.ID, lang, lines(e))
						}
					}
				}
			}
		}
	}
}

func TestNoWordsAreLostToReadersOfOtherLanguages(t *testing.T) {
	d := draft(t)
	d.Course, d.Language = course(t, 1), "hr" // texts in Croatian and English
	for id, want := range map[string]string{
		"outcome-source": "Delimična kvalifikacija\n- Napomena: CNC operater / CNC operaterka, razina 4.1, 12 CSVET (DK-0715-0012). " + d.Course.OutcomeSource.Note["en"] + " [en]\n",
		"award-kind":     "Dopuna programu\n- Napomena: " + d.Course.AwardKind.Programme["en"] + " [en]\n",
	} {
		if diff := cmp.Diff(want, lines(read(t, d, "sr-Latn", id))); diff != "" {
			t.Error(diff)
		}
	}
	internal := d.Course.Quality[1]
	want := "- Napomena: " + internal.Title["en"] + ". " + internal.Procedure["en"] + " Last review: 20 January 2026. Next review: 31 January 2027 [en]\n"
	if got := lines(read(t, d, "sr-Latn", "M11")); !strings.Contains(got, want) {
		t.Errorf("%s: want %s", got, want)
	}
}

func TestBothInstitutionsAreWhereTheyAre(t *testing.T) {
	d := draft(t)
	d.Course, d.Language = course(t, 1), "hr"
	want := `Hrvatska
- Ustanova koja dodjeljuje: Ustanova za obrazovanje odraslih Plavi Brijeg, Varaždin
- Adresa: Ulica lipa 7, 42000 Varaždin, Hrvatska
Srbija
- Pečatio: University of Sava, Belgrade [en]
- Regija: Beogradska oblast
- Adresa: Rečna obala 12, 11000 Beograd, Srbija
`
	if diff := cmp.Diff(want, lines(read(t, d, "hr", "M3"))); diff != "" {
		t.Error(diff)
	}
}

func TestEachAssessmentIsExplained(t *testing.T) {
	d := draft(t)
	c := *course(t, 1)
	c.Assessment = append([]Assessment(nil), c.Assessment...)
	c.Assessment[1].Supervision = "unsupervised"
	c.Assessment[1].Grading = &Grading{Title: Words{"en": "Passed or failed"}}
	d.Course, d.Language, d.Grade = &c, "hr", "5"
	one, two := c.Assessment[0], c.Assessment[1]
	for id, want := range map[string]string{
		"M9": "Practical assessment\n- Assessment: " + one.Title["en"] + "\n- Form: In person\n" +
			"Written examination\n- Assessment: " + two.Title["en"] + "\n- Form: In person\n",
		"criteria": one.Criteria["en"] + "\n- Assessment: " + one.Title["en"] + "\n" + two.Criteria["en"] + "\n- Assessment: " + two.Title["en"] + "\n",
		"O2": "Supervised with ID Verification\n- Assessment: " + one.Title["en"] + "\n" +
			"Unsupervised without ID Verification\n- Assessment: " + two.Title["en"] + "\n",
		"O3": "5\n- Assessment: Overall assessment\n- Grading scheme (" + one.Title["en"] + "): Grades 1 to 5. 5 is the best grade, 2 is the lowest pass, 1 is a fail.\n" +
			"- Grading scheme (" + two.Title["en"] + "): Passed or failed\n",
	} {
		if diff := cmp.Diff(want, lines(read(t, d, "en", id))); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
	if got := read(t, d, "en", "criteria").Values[0].Link; got != one.CriteriaURL {
		t.Errorf("criteria are linked to %q, want %q", got, one.CriteriaURL)
	}
	// Without a grade the schemes stand with the assessments.
	d.Grade = ""
	if got := lines(read(t, d, "en", "M9")); !strings.Contains(got, "): Passed or failed\n") || !strings.Contains(got, "): Grades 1 to 5. 5 is") {
		t.Errorf("schemes are missing: %s", got)
	}
}

func TestDecisionAndPriorLearningAreRead(t *testing.T) {
	d := everyDraft(t)[3]
	for id, want := range map[string]string{
		"M8":           "Ниво 6 (EQF)\n",
		"level-method": "Одређен одлуком уместо предложеног нивоа\n- Напомена: Senate decision 4/2026\n",
		"rpl":          "У целости се заснива на претходном учењу\n- Напомена: Докази: Portfolio of 12 June 2026\n",
	} {
		if diff := cmp.Diff(want, lines(read(t, d, "sr-Cyrl", id))); diff != "" {
			t.Error(diff)
		}
	}
	d.RPL, d.RPLOutcomes = "part", []string{"2"}
	want := "Dio se temelji na prethodnom učenju\n- Napomena: Outcomes: " + d.Course.Outcomes[1].Title["en"] + ". Evidence: Portfolio of 12 June 2026 [en]\n"
	if diff := cmp.Diff(want, lines(read(t, d, "hr", "rpl"))); diff != "" {
		t.Error(diff)
	}
}

// What has an element of its own is no further information as well.
func TestFurtherInformationRepeatsNothing(t *testing.T) {
	d := everyDraft(t)[3]
	d.RPL, d.RPLOutcomes = "part", []string{"2"}
	c := d.Course
	want := c.Further["en"] + "\n" + c.Homepage + "\n"
	if diff := cmp.Diff(want, lines(read(t, d, "en", "O5"))); diff != "" {
		t.Error(diff)
	}
	linked := 0
	for n, v := range read(t, d, "en", "legal-basis").Values {
		if v.Link != c.LegalBasis[n].URL {
			t.Errorf("%s leads to %q, want %q", v.Text, v.Link, c.LegalBasis[n].URL)
		}
		if v.Link != "" {
			linked++
		}
	}
	if linked == 0 {
		t.Error("no act has an address")
	}
}

func TestValidityIsThatOfTheAward(t *testing.T) {
	c := *course(t, 2)
	for _, tt := range []struct {
		awarded string
		months  int
		want    string
	}{
		{"2026-05-17", 36, "2029-05-17T23:59:59Z"},
		{"2026-01-31", 1, "2026-02-28T23:59:59Z"},
		{"2024-02-29", 12, "2025-02-28T23:59:59Z"},
		{"", 12, "2027-07-01T23:59:59Z"},
		{"2026-05-17", 0, "0001-01-01T00:00:00Z"},
	} {
		c.ValidMonths = tt.months
		d := Draft{Course: &c, AwardingDate: tt.awarded}
		if got := d.validUntil(noon).Format(time.RFC3339); got != tt.want {
			t.Errorf("%s and %d months: %s, want %s", tt.awarded, tt.months, got, tt.want)
		}
	}
	h := newHouse(t, nil)
	c.ValidMonths = 1
	d := draft(t)
	d.Course, d.AwardingDate = &c, "2026-05-17"
	if err := h.checkDraft(&d, nil); err == nil || !strings.Contains(err.Error(), "ended on 2026-06-17") {
		t.Errorf("an award that has ended: %v", err)
	}
}

// The headers that docs/class-list.md promises are those that are read.
func TestDocumentedHeadersAreRead(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "docs", "class-list.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(raw), "| column | also |\n|---|---|\n")
	if !ok {
		t.Fatal("the table of headers is gone")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var want strings.Builder
	for n, c := range columns {
		if n > 0 {
			want.WriteString("\n")
		}
		want.WriteString("| `" + c.name + "` | " + strings.Join(c.aliases, ", ") + " |")
	}
	if diff := cmp.Diff(want.String(), table); diff != "" {
		t.Errorf("docs/class-list.md (-columns.go +docs):\n%s", diff)
	}
}
