package contexts

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"indeks/internal/reference"

	"indeks/strictjson"
)

// published is where the reference keeps the shapes of a profile.
var publishedShapes = map[string]string{
	"generic-no-cv":      "EDC-generic-no-cv",
	"generic-full":       "EDC-generic-full",
	"accredited":         "EDC-accredited",
	"converted":          "EDC-converted",
	"issued-by-mandate":  "EDC-issuedByMandate",
	"diploma-supplement": "EDC-diplomaSupplement",
}

// turtle is a graph of N-Triples: subject, predicate, objects.
type turtle map[string]map[string][]string

func readTriples(t *testing.T, data []byte) turtle {
	g := make(turtle)
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		subject, rest, _ := strings.Cut(lines.Text(), " ")
		predicate, object, ok := strings.Cut(rest, " ")
		if !ok {
			t.Fatalf("no triple: %s", lines.Text())
		}
		object = strings.TrimSuffix(object, " .")
		predicate = strings.Trim(predicate, "<>")
		if g[subject] == nil {
			g[subject] = make(map[string][]string)
		}
		if !slices.Contains(g[subject][predicate], object) {
			g[subject][predicate] = append(g[subject][predicate], object)
		}
	}
	return g
}

// The published features that say nothing about a document: what shapes are
// called, and one misspelt sh:nodekind, which no engine knows.
var speechless = []string{sh + "name", sh + "description", sh + "message", sh + "nodekind"}

func (g turtle) mentions(object string) bool {
	for _, properties := range g {
		for _, objects := range properties {
			if slices.Contains(objects, object) {
				return true
			}
		}
	}
	return false
}

// describe writes what a published shape demands, in one form for all ways to
// write it, and fails on features that the compact form has no words for.
func (g turtle) describe(t *testing.T, s string) string {
	var parts []string
	for predicate, objects := range g[s] {
		name, isSHACL := strings.CutPrefix(predicate, sh)
		if !isSHACL || slices.Contains(speechless, predicate) || name == "property" || name == "targetClass" {
			continue
		}
		for _, object := range objects {
			value, _, _ := strings.Cut(strings.Trim(object, `<>"`), `"^^`)
			switch name {
			case "severity":
				if value != sh+"Violation" {
					t.Errorf("%s: severity %s", s, value)
				}
				continue
			case "uniqueLang", "deactivated":
				if value != "true" {
					t.Errorf("%s: %s %s", s, name, value)
				}
			case "or":
				var all []string
				for object != "<"+rdf+"nil>" {
					all = append(all, g.describe(t, g[object][rdfFirst][0]))
					object = g[object][rdf+"rest"][0]
				}
				value = strings.Join(all, " | ")
			case "node":
				value = g.describe(t, object)
			case "path", "class", "datatype", "nodeKind", "hasValue", "minCount", "maxCount", "maxInclusive":
			default:
				t.Errorf("%s: the compact form has no %s", s, name)
			}
			parts = append(parts, name+" "+value)
		}
	}
	for _, property := range g[s][sh+"property"] {
		parts = append(parts, g.describe(t, property))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, "; ") + "}"
}

// describe writes what a compact shape demands, in the same form.
func (s *shape) describe() string {
	var parts []string
	if s.off {
		parts = append(parts, "deactivated true")
	}
	parts = append(parts, describeValue(s.class, s.or)...)
	for _, p := range s.properties {
		parts = append(parts, p.describe())
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, "; ") + "}"
}

func (p *property) describe() string {
	parts := append(describeValue(p.class, p.or), "path "+p.path)
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("datatype", p.datatype)
	add("hasValue", p.hasValue)
	add("maxInclusive", p.maxInclusive)
	add("nodeKind", map[nodeKind]string{iriKind: sh + "IRI", literalKind: sh + "Literal"}[p.nodeKind])
	if p.node != nil {
		add("node", p.node.describe())
	}
	if p.min > 0 {
		add("minCount", strconv.Itoa(p.min))
	}
	if p.max >= 0 {
		add("maxCount", strconv.Itoa(p.max))
	}
	if p.uniqueLang {
		add("uniqueLang", "true")
	}
	if p.off {
		add("deactivated", "true")
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, "; ") + "}"
}

func classIRI(class int) string {
	for iri, number := range compiledShapes().classes {
		if number == class {
			return iri
		}
	}
	return ""
}

func describeValue(class int, or []alternative) []string {
	var parts, all []string
	if class != none {
		parts = append(parts, "class "+classIRI(class))
	}
	for _, a := range or {
		if a.node != nil {
			all = append(all, "{node "+a.node.describe()+"}")
		} else {
			all = append(all, "{class "+classIRI(a.class)+"}")
		}
	}
	if all != nil {
		parts = append(parts, "or "+strings.Join(all, " | "))
	}
	return parts
}

// The compact shapes are the published ones: every target of every profile with
// every constraint, and nothing else.
func TestShapesEqualPublication(t *testing.T) {
	inherited := map[string][]string{}
	var idle []string
	for _, name := range []string{"generic-no-cv", "generic-full", "accredited", "converted", "issued-by-mandate", "diploma-supplement"} {
		g := readTriples(t, reference.Read(t, "reference/elm/shapes-nt/"+publishedShapes[name]+".nt"))
		shapes := profile(t, name)
		if imports := g["<"+shapes.IRI()+">"]["http://www.w3.org/2002/07/owl#imports"]; imports != nil {
			inherited[name] = slices.Clone(inherited[strings.TrimPrefix(strings.Trim(imports[0], "<>"), profileIRI)])
		}
		if got := g["<"+shapes.IRI()+">"]["http://www.w3.org/2002/07/owl#versionInfo"]; len(got) != 1 || !strings.Contains(got[0], ShapesVersion) {
			t.Errorf("%s: published version %v", name, got)
		}
		for _, s := range slices.Sorted(maps.Keys(g)) {
			if slices.Contains(g[s][rdfType], "<"+sh+"NodeShape>") && g[s][sh+"targetClass"] == nil && !g.mentions(s) {
				idle = append(idle, s)
			}
			for _, class := range g[s][sh+"targetClass"] {
				inherited[name] = append(inherited[name], fmt.Sprintf("%s %s", strings.Trim(class, "<>"), g.describe(t, s)))
			}
		}
		var got []string
		for class, targeting := range shapes.targets {
			for _, s := range targeting {
				got = append(got, fmt.Sprintf("%s %s", classIRI(class), s.describe()))
			}
		}
		want := slices.Clone(inherited[name])
		slices.Sort(want)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%s (-published +compact):\n%s", name, diff)
		}
	}
	if len(idle) != 1 || !strings.HasSuffix(idle[0], "/SpecificationNodeShape>") {
		t.Errorf("shapes without any effect: %v", idle)
	}
}

func TestProfileShapes(t *testing.T) {
	for name := range publishedShapes {
		byName, byIRI := profile(t, name), profile(t, profileIRI+name)
		if byName != byIRI || byName.Name() != name || byName.IRI() != profileIRI+name {
			t.Errorf("%s: %v, %v", name, byName.Name(), byIRI.IRI())
		}
	}
	for _, test := range []struct{ name, version string }{
		{"generic", ShapesVersion}, {"", ShapesVersion}, {"generic-full", "1.3.0"}, {"generic-full", ""},
	} {
		if _, err := ProfileShapes(test.name, test.version); !errors.Is(err, ErrUnknownProfile) {
			t.Errorf("%v: %v", test, err)
		}
	}
}

func TestDeclaredProfiles(t *testing.T) {
	const full, other = profileIRI + "generic-full", "https://x.example/p"
	for _, test := range []struct {
		schema string
		want   []string
	}{
		{`null`, nil},
		{`7`, nil},
		{`{"id": "` + full + `", "type": "ShaclValidator2017"}`, []string{full}},
		{`[{"id": "` + other + `"}, {"type": "x"}, "` + full + `"]`, []string{other, full}},
	} {
		doc := parse(t, []byte(`{"credentialSchema": `+test.schema+`}`))
		if diff := gocmp.Diff(test.want, DeclaredProfiles(strictjson.Of(doc))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.schema, diff)
		}
	}
}
