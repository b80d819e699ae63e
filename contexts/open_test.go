package contexts

import (
	"fmt"
	"strings"
	"testing"

	"indeks/strictjson"
)

func TestOpenSetsReadWhatTheDataModelLetsDocumentsSay(t *testing.T) {
	open := Default().Open()
	for _, c := range []struct {
		name, context, members string
		rule                   string   // of the problem, "" for none
		undefined              []string // names
	}{
		{"nothing but the base", `[]`, ``, "", nil},
		{"a name that nobody defined", `[]`, `,"colour":"red"`, "", []string{"colour"}},
		{"a context in the document", `[{"colour":"https://a.example/colour"}]`, `,"colour":"red"`, "", nil},
		{"with an object as definition", `[{"colour":{"@id":"https://a.example/colour","@type":"@id"}}]`, `,"colour":"https://red.example"`, "", nil},
		{"whose values are links", `[{"colour":{"@id":"https://a.example/colour","@type":"@id"}}]`, `,"colour":"red"`, "relative-iri", nil},
		{"@vocab", `[{"@vocab":"https://a.example/#"}]`, `,"colour":{"type":"Red"}`, "", nil},
		{"@vocab and a definition without id", `[{"@vocab":"https://a.example/#","colour":{"@type":"@id"}}]`, `,"colour":"red"`, "relative-iri", nil},
		{"a definition without id and without @vocab", `[{"colour":{"@type":"@id"}}]`, ``, "context-conflict", nil},
		{"the examples' context", `["` + ExamplesV2 + `"]`, `,"colour":{"type":"Red"}`, "", nil},
		{"the context for trying out", `["` + UndefinedV2 + `"]`, `,"colour":"red"`, "", nil},
		{"@vocab makes no IRI of a path", `["` + ExamplesV2 + `"]`, `,"evidence":{"type":"./Red"}`, "", []string{"./Red"}},
		{"@vocab makes none of a keyword", `["` + ExamplesV2 + `"]`, `,"@colour":"red"`, "keyword", nil},
		{"prefix", `[{"a":"https://a.example/#","colour":"a:colour"}]`, `,"colour":"red"`, "", nil},
		{"scoped", `[{"Red":{"@id":"https://a.example/Red","@context":{"shade":"https://a.example/shade"}}}]`, `,"evidence":{"type":"Red","shade":"light"}`, "", nil},
		{"scoped, elsewhere", `[{"Red":{"@id":"https://a.example/Red","@context":{"shade":"https://a.example/shade"}}}]`, `,"evidence":{"type":"Evidence","shade":"light"}`, "", []string{"shade", "Evidence"}},
		{"@version", `[{"@version":1.1,"colour":"https://a.example/colour"}]`, `,"colour":"red"`, "", nil},
		{"another version", `[{"@version":1.0}]`, ``, "context-inline", nil},
		{"protected type", `[{"VerifiableCredential":"https://a.example/VC"}]`, ``, "context-conflict", nil},
		{"protected keyword", `[{"type":"https://a.example/type"}]`, ``, "context-conflict", nil},
		{"protected term", `[{"JsonSchema":"https://a.example/JsonSchema"}]`, ``, "context-conflict", nil},
		{"protected term as null", `[{"id":null}]`, ``, "context-conflict", nil},
		{"a credential's own term, which its type defines anew", `[{"issuer":"https://a.example/issuer"}]`, `,"issuer":"https://b.example"`, "", nil},
		{"the same, protected", `[{"@protected":true,"issuer":"https://a.example/issuer"}]`, ``, "context-conflict", nil},
		{"not an IRI", `[{"colour":"red"}]`, ``, "context-conflict", nil},
		{"@base", `[{"@base":"https://a.example/"}]`, ``, "context-inline", nil},
		{"@import", `[{"@import":"https://a.example/"}]`, ``, "context-inline", nil},
		{"alias of a keyword", `[{"graph":"@graph"}]`, ``, "context-inline", nil},
		{"null", `[null]`, ``, "context-inline", nil},
		{"a number", `[7]`, ``, "context-inline", nil},
		{"unknown URL", `["https://a.example/context"]`, ``, "context-unknown", nil},
		{"many terms", `[{` + manyTerms(maxWritten+1) + `}]`, ``, "budget", nil},
		{"in the middle of the document", `[]`, `,"evidence":{"@context":{"Red":"https://a.example/Red"},"type":"Red"}`, "context-inline", nil},
	} {
		contexts := strings.Replace(c.context, "[", `["`+VC2+`",`, 1)
		contexts = strings.Replace(contexts, ",]", "]", 1)
		doc := parse(t, fmt.Appendf(nil, `{"@context":%s,"type":"VerifiableCredential"%s}`, contexts, c.members))
		undefined, err := open.Inspect(strictjson.Of(doc))
		var names []string
		for _, u := range undefined {
			names = append(names, u.Name)
		}
		rule := ""
		if p := problem(t, err); p != nil {
			rule = p.Rule
		}
		if rule != c.rule || strings.Join(names, " ") != strings.Join(c.undefined, " ") {
			t.Errorf("%s: %q %v, undefined %q; want %q, %q", c.name, rule, err, names, c.rule, c.undefined)
		}
		if c.rule != "" || len(names) > 0 || strings.HasPrefix(c.name, "a context") {
			continue
		}
		if _, _, err := open.Expand(doc); err != nil {
			t.Errorf("%s: json-gold: %v", c.name, err)
		}
	}
}

func manyTerms(n int) string {
	terms := make([]string, n)
	for i := range terms {
		terms[i] = fmt.Sprintf(`"t%d":"https://a.example/%d"`, i, i)
	}
	return strings.Join(terms, ",")
}

func TestClosedSetsStayClosed(t *testing.T) {
	_ = Default().Open()
	for _, ctx := range []string{`{"@vocab":"https://a.example/#"}`, `{"colour":"https://a.example/colour"}`, `"` + ExamplesV2 + `"`} {
		doc := parse(t, fmt.Appendf(nil, `{"@context":[%q,%s],"type":"VerifiableCredential"}`, VC2, ctx))
		if _, err := Default().Inspect(strictjson.Of(doc)); err == nil {
			t.Errorf("%s is taken", ctx)
		}
	}
}

func TestOpenSetsKeepNothingOfADocument(t *testing.T) {
	open := Default().Open()
	for i := range 3 {
		doc := parse(t, fmt.Appendf(nil, `{"@context":[%q,{"t%d":"https://a.example/t"}],"type":"VerifiableCredential"}`, VC2, i))
		if _, err := open.Inspect(strictjson.Of(doc)); err != nil {
			t.Fatal(err)
		}
	}
	if len(open.roots) != 0 {
		t.Errorf("%d roots are kept", len(open.roots))
	}
}
