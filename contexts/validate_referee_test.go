package contexts

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/piprate/json-gold/ld"
	"pgregory.net/rapid"

	"indeks/strictjson"
)

// ourGraph returns our graph of a document, or nil for one that Inspect refuses.
func ourGraph(s *Set, doc map[string]any) *graph {
	w := walker{set: s}
	tree := strictjson.Of(doc)
	root, p := w.document(&tree)
	if p != nil {
		return nil
	}
	g := grapher{graph: newGraph(w.nodes), w: &w}
	g.document(root, &tree)
	if g.problem != nil {
		panic(g.problem)
	}
	g.sort()
	return g.graph
}

// gold returns the graph that json-gold makes of a document.
func gold(t rapid.TB, s *Set, doc map[string]any) *graph {
	t.Helper()
	expanded, _, err := s.Expand(doc)
	if err != nil {
		t.Fatal(err)
	}
	dataset, err := ld.NewJsonLdApi().ToRDF(expanded, s.options())
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(0)
	blanks := map[string]int32{}
	object := func(n ld.Node) value {
		switch n := n.(type) {
		case ld.IRI:
			return value{node: g.named(n.Value)}
		case ld.BlankNode:
			if _, ok := blanks[n.Attribute]; !ok {
				blanks[n.Attribute] = g.blank()
			}
			return value{node: blanks[n.Attribute]}
		case ld.Literal:
			return value{-1, n.Value, n.Datatype, n.Language}
		}
		t.Fatalf("%T in a quad", n)
		return value{}
	}
	g.places = []place{{parent: -1, index: atMember}}
	for _, quads := range dataset.Graphs {
		for _, q := range quads {
			g.add(object(q.Subject).node, q.Predicate.GetValue(), object(q.Object), 0)
		}
	}
	for n := range g.nodes {
		g.nodes[n].place = 0
	}
	g.sort()
	return g
}

// quads returns the canonical N-Quads of a graph.
func (g *graph) quads(t rapid.TB) string {
	t.Helper()
	dataset := ld.NewRDFDataset()
	object := func(n int32) ld.Node {
		if iri := g.nodes[n].iri; iri != "" {
			return ld.NewIRI(iri)
		}
		return ld.NewBlankNode("_:b" + strconv.Itoa(int(n)))
	}
	for _, q := range g.triples {
		var o ld.Node = ld.NewLiteral(q.value.text, q.value.datatype, q.value.language)
		if !q.value.isLiteral() {
			o = object(q.value.node)
		}
		dataset.Graphs["@default"] = append(dataset.Graphs["@default"], ld.NewQuad(object(q.subject), ld.NewIRI(q.property), o, ""))
	}
	options := Default().options()
	options.Format = "application/n-quads"
	text, err := ld.NewJsonLdApi().Normalize(dataset, options)
	if err != nil {
		t.Fatal(err)
	}
	return text.(string)
}

// verdicts returns the results over a graph, all blank nodes alike.
func (g *graph) verdicts(shapes *Shapes) []result {
	v := validation{graph: g}
	v.run(shapes)
	all := results(v.violations())
	for i := range all {
		for _, s := range []*string{&all[i].FocusNode, &all[i].Value} {
			if strings.HasPrefix(*s, "_:") {
				*s = "_:"
			}
		}
	}
	return sorted(all)
}

// judge compares our graph and its verdicts with those of json-gold.
func judge(t rapid.TB, s *Set, doc map[string]any) {
	t.Helper()
	ours, theirs := ourGraph(s, doc), gold(t, s, doc)
	if diff := gocmp.Diff(strings.SplitAfter(theirs.quads(t), "\n"), strings.SplitAfter(ours.quads(t), "\n")); diff != "" {
		t.Fatalf("graphs differ (-json-gold +ours):\n%s", diff)
	}
	for _, name := range []string{"diploma-supplement", "issued-by-mandate"} {
		shapes := profile(t, name)
		if diff := gocmp.Diff(theirs.verdicts(shapes), ours.verdicts(shapes)); diff != "" {
			t.Fatalf("%s (-json-gold +ours):\n%s", name, diff)
		}
	}
}

func TestGraphIsThatOfJSONGold(t *testing.T) {
	t.Run("vc2", func(t *testing.T) {
		judge(t, Default(), credential2(t, `{"name": [{"@value": "A", "@language": "EN"}, "b"]}`))
	})
	t.Run("edc", func(t *testing.T) {
		judge(t, Default(), credential1(t, `{"odd": 1, "proof": {"type": "x:y", "id": "urn:p"}, "dateModified": ["x", "dc:x"],
			"title": {"EN": ["a", null, "a"], "sr-Latn": null}, "credentialSubject": [[{"type": "elm:Person", "id": "elm:p",
			"dateOfBirth": [1, 2.5, -0.0, 1e-7, 12345678901, true, null, "x"], "notation": [1, 0.1, false, "1"],
			"hasClaim": [[7, {"fullName": [{"en": "x"}, "y"]}], {"id": "urn:epass:org:1", "altLabel": {"en": "z"}}]}]]}`))
	})
	for _, e := range expectations(t) {
		t.Run(e.File, func(t *testing.T) { judge(t, Default(), sample(t, e.File)) })
	}
}

// mutator changes a document at random places.
type mutator struct {
	t       *rapid.T
	objects []map[string]any
	values  []any
}

func (m *mutator) collect(value any) {
	switch value := value.(type) {
	case map[string]any:
		m.objects = append(m.objects, value)
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if name != "@context" {
				m.values = append(m.values, value[name])
				m.collect(value[name])
			}
		}
	case []any:
		for _, item := range value {
			m.collect(item)
		}
	}
}

var (
	mutantText = []any{"", "x", "2026-06-15", "2026-06-15T24:00:00Z", "2026-13-01T00:00:00", "2024-02-30T10:00:00.5+14:00", "PT", "P1Y2M3DT4H5M6.7S", "-P1D",
		"75 hours", "+5", "007", "101", "50abc", "-1", "1.", ".5", "+-1", "true", "1", "urn:x:1", "elm:x", "https://x.example/a", "\uFFFF", "😀",
		json.Number("7"), json.Number("2.5"), json.Number("101"), json.Number("0"), json.Number("-3"), json.Number("1e3"), true, false, nil, map[string]any{}, []any{}}
	mutantTypes = []any{"Person", "Organisation", "Concept", "ConceptScheme", "Note", "Claim", "Qualification", "LearningAchievement", "LegalIdentifier", "Identifier",
		"Evidence", "elm:Accreditation", "http://data.europa.eu/snb/model/elm/Grant", "Wizard", "EuropeanDigitalPresentation", "VerifiablePresentation", "VerifiableCredential", "urn:x:type"}
	mutantTags  = []string{"en", "EN", "sr", "sr-Latn", "hr"}
	mutantNames = []string{"title", "description", "dcType", "hasClaim", "identifier", "inScheme", "levelOfCompletion", "value", "count", "notation",
		"isPartialQualification", "creator", "evidence", "fullName", "odd", "language", "dateModified", "descriptionHtml", "credentialStatus", "termsOfUse", "holder"}
)

func (m *mutator) mutate(doc map[string]any) {
	m.objects, m.values = nil, nil
	m.collect(doc)
	object := rapid.SampledFrom(m.objects).Draw(m.t, "object")
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(object)), func(name string) bool { return name == "@context" })
	name := rapid.SampledFrom(append(names, mutantNames...)).Draw(m.t, "name")
	switch rapid.IntRange(0, 8).Draw(m.t, "change") {
	case 0:
		delete(object, name)
	case 1: // a value from elsewhere
		object[name] = ld.CloneDocument(rapid.SampledFrom(m.values).Draw(m.t, "from"))
	case 2:
		object[name] = ld.CloneDocument(rapid.SampledFrom(mutantText).Draw(m.t, "value"))
	case 3:
		object["type"] = rapid.SampledFrom(mutantTypes).Draw(m.t, "type")
	case 4:
		object["type"] = []any{object["type"], rapid.SampledFrom(mutantTypes).Draw(m.t, "type")}
		if object["type"].([]any)[0] == nil {
			delete(object, "type")
		}
	case 5: // several values, maybe the same ones
		object[name] = []any{object[name], ld.CloneDocument(rapid.SampledFrom(append(m.values, mutantText...)).Draw(m.t, "other")), ld.CloneDocument(object[name])}
	case 6: // two things become one, or one two
		if other, ok := rapid.SampledFrom(m.objects).Draw(m.t, "same")["id"]; ok {
			object["id"] = ld.CloneDocument(other) // the other thing may hold this one
		} else {
			delete(object, "id")
		}
	case 7:
		texts := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(m.t, "languages") {
			texts[rapid.SampledFrom(mutantTags).Draw(m.t, "tag")] = rapid.SampledFrom([]any{"x", "y", []any{"x", "z"}, []any{"x", "x"}, nil}).Draw(m.t, "text")
		}
		object[name] = texts
	case 8:
		object[name] = map[string]any{"type": rapid.SampledFrom(mutantTypes).Draw(m.t, "type"), "prefLabel": map[string]any{"en": "A"}}
	}
}

// However a document is changed, our graph and its verdicts are those of
// json-gold, and every pointer leads somewhere.
func TestRandomMutations(t *testing.T) {
	for name, original := range map[string]func(t *testing.T) map[string]any{
		"edc":    func(t *testing.T) map[string]any { return credential1(t, `{}`) },
		"vc2":    func(t *testing.T) map[string]any { return credential2(t, `{}`) },
		"whole":  func(t *testing.T) map[string]any { return sample(t, "own-microcredential.json") },
		"annex1": func(t *testing.T) map[string]any { return sample(t, "ec/Sample-MC-Annex1-unsigned.jsonld") },
	} {
		t.Run(name, func(t *testing.T) {
			original := original(t)
			drawn, judged := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				drawn++
				doc := ld.CloneDocument(original).(map[string]any)
				m := &mutator{t: t}
				for range rapid.IntRange(1, 8).Draw(t, "changes") {
					m.mutate(doc)
				}
				found, err := Default().Validate(strictjson.Of(doc), profile(t, "diploma-supplement"))
				if _, inspectErr := Default().Inspect(strictjson.Of(doc)); (err == nil) != (inspectErr == nil) {
					t.Fatalf("%v, but Inspect: %v", err, inspectErr)
				}
				if err != nil {
					return
				}
				judged++
				judge(t, Default(), doc)
				for _, v := range found {
					checkPointer(t, doc, v)
				}
			})
			if judged*20 < drawn { // four in ten are; how many are drawn is for -short to say
				t.Errorf("only %d of %d documents could be judged", judged, drawn)
			}
		})
	}
}

// checkPointer fails unless the pointer of a violation leads to a place of the
// document, or to a missing member of one.
func checkPointer(t rapid.TB, doc any, v Violation) {
	t.Helper()
	if v.Message == "" || v.Rule == "" || v.Path == "" || v.Term == "" || v.Focus == "" {
		t.Fatalf("incomplete: %+v", v)
	}
	steps := strings.Split(v.Pointer, "/")[1:]
	for i, step := range steps {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch value := doc.(type) {
		case map[string]any:
			inner, ok := value[step]
			if !ok && (i < len(steps)-1 || v.Rule != "shape-min-count") {
				t.Fatalf("nothing at %s: %+v", v.Pointer, v)
			}
			doc = inner
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(value) {
				t.Fatalf("no item at %s: %+v", v.Pointer, v)
			}
			doc = value[n]
		default:
			t.Fatalf("nothing below %s: %+v", v.Pointer, v)
		}
	}
}
