package verifying

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"indeks/verifier"
	"indeks/web"
)

// What exactly is wrong is said in the language of the page, with its place; what has no
// words here stands in English.
func TestParticularsAreSaid(t *testing.T) {
	s, logs := newServer(t, &fake{})
	for _, c := range []struct {
		m                  verifier.Message
		lang               string
		why, place, detail string
	}{
		{sentence("rule.vc-date").Of(verifier.Detail(`/validFrom: "2026-06-15" is not a date and time like 2026-06-15T10:00:00Z`)), "de", "„2026-06-15“ ist kein Datum mit Uhrzeit, wie etwa 2026-06-15T10:00:00Z.", "/validFrom", ""},
		{sentence("rule.vc-date").Of(verifier.Detail(`/validFrom: the number 5 is not a date and time`)), "de", "", "/validFrom", "the number 5 is not a date and time"},
		{sentence("rule.json-duplicate").Of(verifier.Detail("/credentialSubject/id: member repeated")), "mk", "На ова место истиот назив стои двапати.", "/credentialSubject/id", ""},
		{sentence("seal.algorithm").Of(verifier.Detail(`"HS256"`)), "sq", "Metoda quhet „HS256”.", "", ""},
		{sentence("seal.header").Of(verifier.Detail(`certificate 2 of x5c: x509: malformed certificate`)), "sr-Cyrl", "Сертификат број 2 који печат доноси не може да се прочита.", "", "x509: malformed certificate"},
		{sentence("too-large").Of(verifier.Detail("2097153 bytes, where at most 2097152 are read")), "de", "Es hat 2.097.153 Bytes, gelesen werden höchstens 2.097.152.", "", ""},
		{sentence("rule.shape-min-count").Of(verifier.Detail(`/credentialSubject/hasClaim/awardedBy: The awarding process has no "awarding body" and needs at least one.`)), "hr", "Nedostaje „awarding body”: potreban je barem jedan podatak.", "/credentialSubject/hasClaim/awardedBy", ""},
	} {
		if got := s.say(c.lang, c.m); got.Why != c.why || got.At != c.place || got.Detail != c.detail {
			t.Errorf("%s in %s: %+v", c.m, c.lang, got)
		}
	}
	if logs.Len() > 0 {
		t.Error(logs)
	}
}

// Each form is one that the packages below write, and has a text.
func TestParticularsAreWritten(t *testing.T) {
	verb := regexp.MustCompile(`%[0-9.]*[a-z]`)
	like := func(words string) *regexp.Regexp {
		return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(words), `\*`, ".*") + "$")
	}
	type text struct {
		words string
		like  *regexp.Regexp
	}
	var written []text
	for _, folder := range []string{"keys", "elm", "contexts", "strictjson"} {
		files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					value, _ := strconv.Unquote(lit.Value)
					if words := verb.ReplaceAllString(value, "*"); len(strings.Trim(words, "* :")) > 4 {
						written = append(written, text{words, like(words)})
					}
				}
				return true
			})
		}
	}
	writes := func(words string) bool {
		form := like(words)
		return slices.ContainsFunc(written, func(t text) bool { return form.MatchString(t.words) || t.like.MatchString(words) })
	}
	if writes("words that stand in no sentence") {
		t.Error("whatever it is, it is written")
	}
	place := regexp.MustCompile(`"?\{[^}]*\}"?`)
	s, _ := newServer(t, &fake{})
	for _, form := range particularForms {
		if !s.kit.HasText(form.Text) {
			t.Errorf("%q: there is no text %s", form.Words, form.Text)
		}
		if form.Text == "why.alg" { // the value alone
			continue
		}
		words := strings.TrimSuffix(place.ReplaceAllString(form.Words, "*"), ".")
		if before, after, ok := strings.Cut(words, ": "); !writes(words) && !(ok && writes(before+": *") && writes(after)) {
			t.Errorf("nothing writes %q", form.Words)
		}
	}
	if len(particularForms) < 70 || len(web.Languages()) != 10 {
		t.Error("too few forms")
	}
}
