package issuing

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

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// What the log says is said in the language of the page, with its numbers and dates.
func TestEventsAreSaid(t *testing.T) {
	kit, err := web.New(web.Config{}, mustPages(t), pageFuncs)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{kit: kit}
	for _, kind := range store.Kinds {
		if !kit.HasText("event.kind." + string(kind)) {
			t.Errorf("kind %s has no text", kind)
		}
	}
	for _, form := range slices.Concat(eventResults, eventNames) {
		if !kit.HasText(form.text) {
			t.Errorf("%q: there is no text %s", form.form, form.text)
		}
	}
	for _, c := range []struct{ kind, words, want, detail string }{
		{"key-made", "generated, assertionMethod, on 2026-06-01T12:00:00Z", "hier erzeugt, am 1.6.2026, 12:00 UTC: Siegel der Nachweise", ""},
		{"course-put", "version 2025.2, not published", "Fassung 2025.2, nicht veröffentlicht", ""},
		{"list-published", "sequence 12345", "Folge 12345", ""},
		{"revoked", "error-in-data", "er enthielt einen Fehler", ""},
		{"logged-in", "provider, again; roles: registrar admin", "Identität noch einmal gezeigt, mit der Anmeldung der Einrichtung; Rollen jetzt: Prüfungsamt, Verwaltung", ""},
		{"log-in-refused", "50 more from 2026-06-01T09:00:41Z to 2026-06-01T09:59:30Z; no such account: 50", "außerdem abgelehnt: 50, zwischen 1.6.2026, 09:00 UTC und 1.6.2026, 09:59 UTC", "no such account: 50"},
		{"log-in-refused", "passkey: its count went back", "der Zähler des Passkeys ist zurückgesprungen", ""},
		{"log-in-refused", "the sign-in of the provider could not be used: the id_token: oidc: malformed jwt", "was die Anmeldung der Einrichtung geantwortet hat, war nicht verwendbar", "the id_token: oidc: malformed jwt"},
		{"exported", "12000 records, 2 recipients, with private keys", "Einträge: 12.000, Empfänger: 2, mit privaten Schlüsseln", ""},
		{"approval-given", "name check released", "Blick auf den Namen: freigegeben", ""},
		{"approval-refused", "expired", "niemand hat rechtzeitig entschieden", ""},
		{"approval-refused", "pogrešna osoba", "„pogrešna osoba“", ""},
		{"job-paused", "course-changed", "Der Kurs wurde im Katalog geändert, seit die Liste geprüft wurde. Wenn Sie fortfahren, wird sie noch einmal geprüft.", ""},
		{"job-ended", "done: 5 issued, 0 known, 1 failed, 0 left", "Fertig. Ausgestellt: 5, schon früher ausgestellt: 0, fehlgeschlagen: 1, übrig: 0", ""},
		{"job-started", "reissue of 7", "Neu ausstellen: 7", ""},
		{"sent", "claim", "die Seite des Nachweises", ""},
		{"sent", "claim queued", "die Seite des Nachweises: wartet", ""},
		{"sent", "claim refused 550 5.1.1", "die Seite des Nachweises: abgelehnt (550 5.1.1)", ""},
		{"sent", "claim 250 2.0.0", "die Seite des Nachweises: gesendet (250 2.0.0)", ""},
	} {
		if got := s.saidOf("de", c.kind, c.words); !got.Known || got.Text != c.want || got.Detail != c.detail {
			t.Errorf("%s, %q: %+v, want %q", c.kind, c.words, got, c.want)
		}
	}
	// Of another version of the program may stand what this one does not know.
	for _, words := range []string{"something new", "made: Royal", "99999999999999999999 rows"} {
		if got := s.saidOf("de", "job-uploaded", words); got != (said{Text: words}) {
			t.Errorf("%q: %+v", words, got)
		}
	}
	for words, want := range map[string]named{
		"learner": {Text: "event.who.learner"}, "office-2": {Name: "office-2"}, issuer.ByRetention: {Text: "event.who.retention"},
		"account office-2": {"event.who.account", "office-2", "", ""}, "command keys revoke, uid 1000": {"event.who.command", "keys revoke", "1000", ""}, "office-2, bulk 20260601-abc": {"event.who.bulk", "office-2", "", "20260601-abc"},
	} {
		if got := namedBy("who", words); got != want {
			t.Errorf("%q: %+v, want %+v", words, got, want)
		}
	}
}

// Each text that the source gives to the log as the result of an event has a form here.
func TestEventResultsHaveForms(t *testing.T) {
	verb := regexp.MustCompile(`%[0-9.]*[a-z]`)
	// words is what an expression says, with a star for what is not in the source.
	var words func(e ast.Expr) string
	words = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			text, _ := strconv.Unquote(e.Value)
			return verb.ReplaceAllString(text, "*")
		case *ast.BinaryExpr:
			return words(e.X) + words(e.Y)
		case *ast.CallExpr:
			if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
				return words(e.Args[0])
			}
		}
		return "*"
	}
	// Which argument of a function is the result of an event.
	functions := map[string]int{"accounts.refuse": 2, "issuer.tell": 1, "issuer.event": 1, "issuer.putRecognition": 3}
	found := map[string]string{} // to the file
	for _, folder := range []string{"store", "accounts", "issuer", "cmd/indeks", "web/issuing"} {
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
				switch n := n.(type) {
				case *ast.CompositeLit:
					kind := ""
					switch of := n.Type.(type) {
					case *ast.Ident:
						kind = of.Name
					case *ast.SelectorExpr:
						kind = of.Sel.Name
					}
					for _, element := range n.Elts {
						member, ok := element.(*ast.KeyValueExpr)
						if !ok {
							continue
						}
						if key, ok := member.Key.(*ast.Ident); ok && key.Name == "Result" && (kind == "Event" || kind == "") {
							found[words(member.Value)] = name
						}
					}
				case *ast.CallExpr:
					called := ""
					switch f := n.Fun.(type) {
					case *ast.Ident:
						called = f.Name
					case *ast.SelectorExpr:
						called = f.Sel.Name
					}
					if i, ok := functions[folder+"."+called]; ok && i < len(n.Args) {
						found[words(n.Args[i])] = name
					}
				}
				return true
			})
		}
	}
	place := regexp.MustCompile(`\{[^}]*\}`)
	n := 0
	for text, file := range found {
		if strings.Trim(text, "* ") == "" {
			continue
		}
		n++
		like := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*") + "$")
		if !slices.ContainsFunc(eventResults, func(r eventResult) bool {
			return like.MatchString(place.ReplaceAllString(r.form, "*")) || r.form == "name check {State:desk.names.}" && strings.HasPrefix(text, "name check ")
		}) {
			t.Errorf("%s: %q has no form", file, text)
		}
	}
	if n < 50 {
		t.Errorf("only %d results are in the source", n)
	}
}
