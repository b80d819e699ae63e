package verifier

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// allOf is what several messages say in English, in one line.
func allOf(messages []Message) string {
	all := make([]string, len(messages))
	for i, m := range messages {
		all[i] = m.String()
	}
	return strings.Join(all, " ")
}

func TestMessageInEnglish(t *testing.T) {
	four := say("test.four", "{Who} did {Count} of it until {Date}: {Why}.")
	sentences = sentences[:len(sentences)-1] // nobody says it
	e := &TrustedIssuer{LegalName: map[string]string{"en": "University", "de": "Universität"}}
	until := time.Date(2026, 12, 24, 23, 0, 0, 0, time.FixedZone("", -3600))
	for want, m := range map[string]Message{
		"":                        {},
		"Valid with no end date.": periodOpen.Of(),
		`University did 3 of it until 2026-12-25: "a" is \n.`: four.Of(e, 3, until, Message{&Sentence{parts: []string{"", " is ", ""}, Names: []string{"A", "B"}}, []any{quoted("a"), "\n"}}),
		"x did -1 of it until 2026-01-02: M1, M2.":            four.Of("x", -1, Day("2026-01-02"), Elements{"M1", "M2"}),
	} {
		if got := m.String(); got != want {
			t.Errorf("%s, and not %s", got, want)
		}
		if got := string(message(nil, m)); got != string(inString(nil, want)) {
			t.Errorf("as JSON %s", got)
		}
	}
	for name, value := range four.Of(e, 3, until, Detail("d")).Values() {
		want := map[string]any{"Who": e, "Count": 3, "Date": Day("2026-12-25"), "Why": Detail("d")}[name]
		if value != want {
			t.Errorf("%s is %v", name, value)
		}
	}
}

// TestEachSentenceHasItsValues holds that no message is made with a value too few or too
// many, and that there is no sentence that nobody says.
func TestEachSentenceHasItsValues(t *testing.T) {
	codes := map[string]bool{}
	for _, s := range Sentences() {
		if codes[s.Code] || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?$`).MatchString(s.Code) {
			t.Errorf("%s is no code, or one that is there twice", s.Code)
		}
		codes[s.Code] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		one, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, one)
	}

	// 1. The sentences, by the names of their variables.
	values, said := map[string]int{}, map[string]bool{}
	for _, file := range parsed {
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) != 1 {
					continue
				}
				if call, ok := v.Values[0].(*ast.CallExpr); ok && name(call.Fun) == "say" {
					english, err := strconv.Unquote(call.Args[1].(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					values[v.Names[0].Name] = strings.Count(english, "{")
				}
			}
		}
	}
	if len(values)+len(brokenRules) != len(codes) {
		t.Errorf("%d sentences in the files, and %d in the program", len(values)+len(brokenRules), len(codes))
	}

	// 2. What stands beside them where they are said. Elsewhere they are kept in a
	// variable first, and then there is none.
	later := map[string]bool{"supplementMissing": true, "supplementNotShown": true, "revokedReplaced": true, "revokedForError": true, "revokedForKey": true, "remarkBroken": true}
	place := map[string]int{"pass": 0, "remark": 0, "wrong": 0, "malformed": 0, "fail": 1, "notMade": 1, "refuse": 1}
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				sentence, given := "", len(n.Args)
				if at, ok := place[name(n.Fun)]; ok && at < len(n.Args) {
					sentence, given = name(n.Args[at]), len(n.Args)-at-1
				} else if of, ok := n.Fun.(*ast.SelectorExpr); ok && of.Sel.Name == "Of" {
					sentence = name(of.X)
				}
				if want, ok := values[sentence]; ok && given != want {
					t.Errorf("%s is said with %d values, and has %d", sentence, given, want)
				} else if ok {
					said[sentence] = true
				}
			case *ast.AssignStmt:
				for _, value := range n.Rhs {
					said[name(value)] = said[name(value)] || values[name(value)] == 0 || later[name(value)]
				}
			case *ast.ReturnStmt:
				for _, value := range n.Results {
					said[name(value)] = said[name(value)] || later[name(value)]
				}
			case *ast.KeyValueExpr:
				said[name(n.Value)] = said[name(n.Value)] || values[name(n.Value)] == 0 || later[name(n.Value)]
			}
			return true
		})
	}
	for sentence := range values {
		if !said[sentence] {
			t.Errorf("%s is never said, or without its values", sentence)
		}
	}
}

// TestEachRuleHasASentence, of those that a credential can break: all that elm and
// contexts name, but for what only presentations or what is yet to be sealed can break, and
// for what is told, but breaks nothing.
func TestEachRuleHasASentence(t *testing.T) {
	named := map[string]*regexp.Regexp{
		"../elm/*.go":      regexp.MustCompile(`"((?:json|vc|elm)-[a-z0-9-]+)"`),
		"../contexts/*.go": regexp.MustCompile(`(?:Rule: |problem\(|Closed = |^\t\w+: +\{)"([a-z-]+)"`),
	}
	found := map[string]bool{}
	for pattern, rule := range named {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || filepath.Base(file) == "conformance.go" {
				continue
			}
			for line := range strings.Lines(string(read(t, file))) {
				for _, m := range rule.FindAllStringSubmatch(line, -1) {
					found[m[1]] = true
				}
			}
		}
	}
	delete(found, "undefined") // of contexts.Set.Canonicalize alone
	for rule := range found {
		if brokenRules[rule] == nil {
			t.Errorf("there is no sentence for rule %s", rule)
		}
	}
	for rule := range brokenRules {
		if !found[rule] {
			t.Errorf("there is a sentence for rule %s, and no such rule", rule)
		}
	}
}

// name is the last part of the name that an expression is, else "".
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
