package issuer

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"indeks/contexts"
	"indeks/elm"
)

// Filter says which offers a reader looks for; the zero value: all of them.
type Filter struct {
	Text     string // words that all must occur, in any language and script of the course
	Level    int    // EQF, 0: any
	System   string // of credit, "": any
	Min, Max string // credits in System, or in any system, decimal; "": open
	Field    string // ISCED-F code, or the beginning of one
	Language string // of instruction
	Mode     string
	Kind     string // of award
}

// Matches reports whether a version is one that the reader looks for.
func (f *Filter) Matches(o *Offer) bool {
	c := o.Content
	for word := range strings.FieldsSeq(foldText(f.Text)) {
		if !strings.Contains(o.content.words, word) {
			return false
		}
	}
	has := func(list []string, wanted string) bool {
		return wanted == "" || slices.ContainsFunc(list, func(code string) bool { return strings.HasPrefix(code, wanted) })
	}
	return (f.Level == 0 || c.Level != nil && c.Level.EQF == f.Level) &&
		(f.System == "" && f.Min == "" && f.Max == "" || slices.ContainsFunc(c.Credits, f.credit)) &&
		has(c.Fields, f.Field) && has(c.Languages, f.Language) &&
		(f.Mode == "" || c.Mode == f.Mode) && (f.Kind == "" || c.AwardKind.Kind == f.Kind)
}

func (f *Filter) credit(p Credit) bool {
	points, low, high := decimal(p.Points), decimal(f.Min), decimal(f.Max)
	return (f.System == "" || p.System == f.System) && points != nil &&
		(low == nil || points.Cmp(low) >= 0) && (high == nil || points.Cmp(high) <= 0)
}

// searchWords are the texts of a course that people search, folded.
func searchWords(c *Course) string {
	var b strings.Builder
	add := func(w Words) {
		for _, tag := range sortedLanguages(w) {
			b.WriteString(foldText(w[tag]) + "\n")
		}
	}
	b.WriteString(foldText(c.ID) + "\n")
	add(c.Title)
	add(c.Description)
	for _, o := range c.Outcomes {
		add(o.Title)
		for _, skill := range o.ESCO {
			add(skill.Label)
		}
	}
	for _, code := range c.Fields {
		if field, ok := contexts.Lookup(iscedFields + code); ok {
			add(field.Label)
		}
	}
	if c.AwardingBody != nil {
		add(c.AwardingBody.LegalName)
	}
	return b.String()
}

// latin are the letters of the Cyrillic alphabets of Serbian, Montenegrin and
// Macedonian, and what decomposition leaves of the Latin ones, in plain Latin
// letters. It serves to compare: texts are never shown so.
var latin = strings.NewReplacer(
	"а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "ђ", "d", "е", "e", "ж", "z", "з", "z", "ѕ", "dz", "и", "i", "ј", "j", "к", "k", "л", "l",
	"љ", "lj", "м", "m", "н", "n", "њ", "nj", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "ћ", "c", "у", "u", "ф", "f", "х", "h", "ц", "c",
	"ч", "c", "џ", "dz", "ш", "s", "đ", "d")

// foldText makes texts comparable that readers of both scripts, or without a
// local keyboard, take for the same: small letters without marks, in Latin.
func foldText(s string) string {
	return latin.Replace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s)))
}

// CodeLabel is what a code of a course means in a language, in English where
// there is no other, or the code itself. list is "field", "language", "mode",
// "award-kind", "credit" or "system", which is "credit" by its abbreviation.
func CodeLabel(list, code, lang string) string {
	if framework := creditFrameworks[code]; list == "system" && framework != "" {
		return elm.SystemName(&elm.Concept{Ref: elm.Ref{ID: framework}}, lang)
	}
	iri := map[string]string{"field": iscedFields + code, "language": languages + code, "mode": modes[code],
		"award-kind": "urn:indeks:award-kind:" + code, "credit": creditFrameworks[code]}[list]
	c, _ := contexts.Lookup(iri)
	for _, tag := range []string{lang, "en"} {
		if label := c.Label[tag]; label != "" {
			return label
		}
	}
	return code
}
