package issuing

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
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

// A class list that cannot be read at all says why on the page in each language, each of
// the reasons that a person can mend otherwise in words of its own.
func TestListsThatCannotBeReadAreSaid(t *testing.T) {
	kit, err := web.New(web.Config{}, mustPages(t), pageFuncs)
	if err != nil {
		t.Fatal(err)
	}
	course, _, err := issuer.ParseCourse("course.json", examples.Courses()[0].CourseJSON)
	if err != nil {
		t.Fatal(err)
	}
	const header = "given_name,family_name,date_of_birth"
	archive := func(flags uint16, name, content string) string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		part, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Flags: flags})
		if err == nil {
			_, err = part.Write([]byte(content))
		}
		if err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, c := range []struct{ content, encoding, want, german string }{
		{"\xd0\xcf\x11\xe0", "", "list-format.old", "das ist eine alte .xls-Datei oder eine mit Passwort: Speichern Sie sie als .xlsx ohne Passwort oder als CSV"},
		{"PK\x03\x04 and no more", "", "list-format.damaged", ""},
		{archive(0, "xl/workbook.xml", strings.Repeat(" ", 101<<20)), "", "list-format.bomb", "die Datei ergibt entpackt mehr als 100 MiB oder mehr als das 100-Fache ihrer Größe: Speichern Sie sie neu, mit der Teilnahmeliste allein"},
		{archive(1, "xl/workbook.xml", "x"), "", "list-format.encrypted", ""},
		{"", "", "list-empty.file", ""},
		{" ,\n,\n", "", "list-empty.file", ""},
		{header + "\n", "", "list-empty", "die Liste enthält keine Lernenden: Erwartet wird unter den Überschriften eine Zeile für jede lernende Person"},
		{header + "\nIva\x00", "", "list-encoding.zero", ""},
		{header + "\n\x81\x8d\x98", "", "list-encoding.none", ""},
		{header + "\n\xe8\xe6", "utf-8", "list-encoding.utf-8", "ist nicht UTF-8: Speichern Sie die Liste als „CSV UTF-8“ oder wählen Sie ihre Kodierung"},
		{header + "\n\x98", "cp1251", "list-encoding.page", "enthält ein Zeichen, das windows-1251 nicht kennt: Speichern Sie die Liste als „CSV UTF-8“ oder wählen Sie eine andere Kodierung"},
		{header + "\nIva", "ebcdic", "list-encoding.unknown", "\"ebcdic\" ist keine Kodierung, die hier gelesen wird: Erwartet wird eine von utf-8, windows-1250, windows-1251, windows-1252"},
		{header + "\nIva,\"K", "", "list-quotes", ""},
		{header + strings.Repeat(",", 300) + "\n", "", "list-size.columns", "hat 303 Spalten: Erwartet werden höchstens 200"},
		{header + "," + "given_name\nIva,Kanarinac,2001-02-03,Iva\n", "", "column-duplicate.after", "ist dieselbe Spalte ein zweites Mal, nach Zelle A1: Erwartet wird sie einmal"},
		{"given_name,family_name\nIva,Kanarinac\n", "", "column-missing", "date_of_birth: die erforderliche Spalte fehlt"},
	} {
		_, _, err := issuer.ReadRows("class", []byte(c.content), course, issuer.ListOptions{Encoding: c.encoding})
		found, ok := errors.AsType[*issuer.Problems](err)
		if !ok {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		p := found.List[0]
		if got := strings.TrimSuffix(p.Rule+"."+p.Case, "."); got != c.want {
			t.Errorf("%s is found to be %s: %v", c.want, got, p)
		}
		texts := map[string]bool{}
		for _, lang := range kit.Languages() {
			text := fieldOf(p, web.Field{}).Say(kit, lang)
			if text == "" || strings.Contains(text, "<no value>") {
				t.Errorf("%s in %s: %q", c.want, lang, text)
			}
			texts[text] = true
			if lang == "de" && c.german != "" && text != c.german {
				t.Errorf("%s: %q, want %q", c.want, text, c.german)
			}
		}
		if len(texts) < 7 {
			t.Errorf("%s is said in %d ways alone", c.want, len(texts))
		}
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
