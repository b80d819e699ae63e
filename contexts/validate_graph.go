package contexts

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/strictjson"
)

// graph is a document as a set of RDF triples: what JSON-LD expansion and
// conversion to RDF (JSON-LD 1.1 API, sections 5.1 and 8.1) make of it, the
// named graphs (of proofs, of the credentials in a presentation) merged with
// the default one.
type graph struct {
	nodes   []node
	byIRI   map[string]int32
	triples []triple // by subject, property and value, each once, once sorted
	places  []place
}

// node is an IRI or a blank node.
type node struct {
	iri         string // "" for a blank node
	classes     classSet
	place       int32 // of the first object that has its type, or of the first one; -1 when there is none
	first, last int32 // its triples
}

type triple struct {
	subject  int32
	place    int32 // of the value
	property string
	value    value
}

// value is the object of a triple: a node, or a literal when node is -1.
type value struct {
	node                     int32
	text, datatype, language string
}

func (v value) isLiteral() bool { return v.node < 0 }

func (v value) compare(w value) int {
	return cmp.Or(cmp.Compare(v.node, w.node), strings.Compare(v.text, w.text),
		strings.Compare(v.datatype, w.datatype), strings.Compare(v.language, w.language))
}

// place is where something stands in the document.
type place struct {
	parent int32 // -1 for the document
	index  int32 // of an array item, or one of the two below
	name   string
}

const (
	atMember = -1 // a member of an object
	atTag    = -2 // a member of a language map
)

// pointer returns the JSON Pointer of a place.
func (g *graph) pointer(at int32) string {
	if at <= 0 {
		return ""
	}
	p := g.places[at]
	if p.index >= 0 {
		return g.pointer(p.parent) + "/" + strconv.Itoa(int(p.index))
	}
	return g.pointer(p.parent) + "/" + pointerEscapes.Replace(p.name)
}

// member returns the place of the member that something is a value of.
func (g *graph) member(at int32) int32 {
	for g.places[at].index != atMember {
		at = g.places[at].parent
	}
	return at
}

// values returns the triples of a node with the given property.
func (g *graph) values(n int32, property string) []triple {
	if n < 0 {
		return nil
	}
	of := g.triples[g.nodes[n].first:g.nodes[n].last]
	start, _ := slices.BinarySearchFunc(of, property, func(t triple, property string) int {
		return strings.Compare(t.property, property)
	})
	end, _ := slices.BinarySearchFunc(of[start:], property, func(t triple, property string) int {
		if t.property == property {
			return -1
		}
		return 1
	})
	return of[start : start+end]
}

func newGraph(size int) *graph {
	return &graph{byIRI: make(map[string]int32, size), nodes: make([]node, 0, size), triples: make([]triple, 0, 4*size)}
}

func (g *graph) blank() int32 {
	g.nodes = append(g.nodes, node{place: -1})
	return int32(len(g.nodes) - 1)
}

func (g *graph) named(iri string) int32 {
	n, ok := g.byIRI[iri]
	if !ok {
		n = g.blank()
		g.nodes[n].iri = iri
		g.byIRI[iri] = n
	}
	return n
}

func (g *graph) add(subject int32, property string, v value, at int32) {
	g.triples = append(g.triples, triple{subject, at, property, v})
	if property == rdfType && !v.isLiteral() {
		if class, ok := compiledShapes().classes[g.nodes[v.node].iri]; ok {
			g.nodes[subject].classes |= 1 << class
		}
	}
}

// sort makes a set of the triples, those of each node together.
func (g *graph) sort() {
	slices.SortFunc(g.triples, func(a, b triple) int {
		if a.subject != b.subject {
			return cmp.Compare(a.subject, b.subject)
		}
		if c := strings.Compare(a.property, b.property); c != 0 {
			return c
		}
		if c := a.value.compare(b.value); c != 0 {
			return c
		}
		return cmp.Compare(a.place, b.place)
	})
	g.triples = slices.CompactFunc(g.triples, func(a, b triple) bool {
		return a.subject == b.subject && a.property == b.property && a.value == b.value
	})
	for i, t := range g.triples {
		n := &g.nodes[t.subject]
		if n.last == 0 {
			n.first = int32(i)
		}
		n.last = int32(i) + 1
	}
}

// grapher builds the graph of a document that a walker has walked without a
// problem: it need not look for what Inspect refuses, and drops what Inspect
// reports as undefined. It resolves terms just as the walker does.
type grapher struct {
	*graph
	w       *walker
	problem *Problem
}

// document adds the triples of a whole document, whose contexts are r.
func (g *grapher) document(r *root, doc *strictjson.Value) {
	g.places = append(g.places, place{parent: -1, index: atMember})
	g.object(r.active, doc, 0)
}

// scope is that of the walker, which has met every scope already.
func (g *grapher) scope(a *active, t *term, isProperty bool) *active {
	next, p := g.w.scope(a, t, isProperty)
	if p != nil { // unreachable
		g.problem = p
		return a
	}
	return next
}

// at returns the place of a member; index is atMember or atTag.
func (g *grapher) at(parent, index int32, name string) int32 {
	g.places = append(g.places, place{parent, index, name})
	return int32(len(g.places) - 1)
}

func (g *grapher) item(parent int32, i int) int32 { return g.at(parent, int32(i), "") }

// node is walker.node: it returns the value that obj is for prop.
func (g *grapher) node(a *active, prop *term, obj *strictjson.Value, at int32) value {
	if text, ok := obj.Get("@value").Text(); ok {
		if tag, ok := obj.Get("@language").Text(); ok {
			return value{-1, text, rdfLangString, strings.ToLower(tag)}
		}
		return value{-1, text, xsdString, ""}
	}
	if a.previous != nil && !(a.hasID && len(obj.Members()) == 1 && obj.Has("id")) {
		a = a.previous
	}
	a = g.scope(a, prop, true)
	if obj.Has("@context") {
		r, p := g.w.root(obj)
		if p != nil { // unreachable
			g.problem = p
			return value{node: g.blank()}
		}
		a = r.active
	}
	return value{node: g.object(a, obj, at)}
}

// object adds the triples of obj and returns its node.
func (g *grapher) object(a *active, obj *strictjson.Value, at int32) int32 {
	outer := a
	if a.hasType {
		var p *Problem
		if a, p = g.w.scopeTypes(a, obj.Get("type")); p != nil { // unreachable
			g.problem = p
			return g.blank()
		}
	}
	n := int32(-1)
	if id, ok := obj.Get("id").Text(); ok && a.hasID {
		n = g.named(iri(a, id, false))
	} else {
		n = g.blank()
	}
	if seen := &g.nodes[n]; seen.place < 0 || seen.classes == 0 && obj.Get("type").Kind() > strictjson.Null {
		seen.place = at
	}

	members := obj.Members()
	for i := range members {
		name, v := members[i].Name, &members[i].Value
		switch {
		case name == "@context", name == "id" && a.hasID:
		case name == "type" && a.hasType:
			g.types(n, outer, v, g.at(at, atMember, name))
		default:
			if t := a.lookup(name); t != nil && t.iri != "" {
				g.property(n, a, t, name, v, g.at(at, atMember, name))
			}
		}
	}
	return n
}

func (g *grapher) types(n int32, outer *active, types *strictjson.Value, at int32) {
	items := types.Items()
	for i := range items {
		g.types(n, outer, &items[i].Value, g.item(at, i))
	}
	if text, ok := types.Text(); ok {
		if name := iri(outer, text, true); absoluteIRI(name) {
			g.add(n, rdfType, value{node: g.named(name)}, at)
		}
	}
}

// property adds the triples of a member (section 5.1, step 13).
func (g *grapher) property(n int32, a *active, t *term, name string, v *strictjson.Value, at int32) {
	if t.coercion == "@json" {
		g.add(n, t.iri, value{-1, canonicalJSON(v.Any()), rdfJSON, ""}, at)
		return
	}
	// Scalars and containers are read under the context that is scoped to the
	// property, in which it may be another term or none.
	inner, within := t, a
	if t.scope != nil {
		within = g.scope(a, t, true)
		if inner = within.lookup(name); inner == nil {
			inner = new(term)
		}
	}
	switch {
	case inner.container&languageContainer != 0:
		if v.Kind() == strictjson.Object {
			g.languageMap(n, t.iri, v, at)
			return
		}
	case inner.container&listContainer != 0:
		if v.Kind() != strictjson.Null {
			g.add(n, t.iri, g.list(a, t, within, inner, v, at), at)
		}
		return
	}
	g.each(v, at, func(v *strictjson.Value, at int32) {
		object, ok := g.value(a, t, within, inner, v, at)
		switch {
		case !ok:
		case inner.container&graphContainer != 0: // what it holds is in a graph of its own
			g.add(n, t.iri, value{node: g.blank()}, at)
		default:
			g.add(n, t.iri, object, at)
		}
	})
}

// each calls yield for each value in v, however deep in arrays.
func (g *grapher) each(v *strictjson.Value, at int32, yield func(v *strictjson.Value, at int32)) {
	if v.Kind() != strictjson.Array {
		yield(v, at)
		return
	}
	items := v.Items()
	for i := range items {
		g.each(&items[i].Value, g.item(at, i), yield)
	}
}

// list adds a list, whose order and ends no shape looks at: its cells are one
// node here.
func (g *grapher) list(a *active, t *term, within *active, inner *term, v *strictjson.Value, at int32) value {
	cell := int32(-1)
	for i, item := range v.OneOrMany() {
		at, object, ok := g.item(at, i), value{}, false
		if item.Value.Kind() == strictjson.Array {
			object = g.list(a, t, within, inner, &item.Value, at)
		} else if object, ok = g.value(a, t, within, inner, &item.Value, at); !ok {
			continue
		}
		if cell < 0 {
			cell = g.blank()
		}
		g.add(cell, rdfFirst, object, at)
	}
	if cell < 0 {
		cell = g.named(rdfNil)
	}
	return value{node: cell}
}

// value returns what v, which is no array, becomes as a value of the property
// t (sections 5.3 and 8.2.2), and whether it becomes anything.
func (g *grapher) value(a *active, t *term, within *active, inner *term, v *strictjson.Value, at int32) (value, bool) {
	switch v.Kind() {
	case strictjson.Object:
		return g.node(a, t, v, at), true
	case strictjson.String:
		v, _ := v.Text()
		switch inner.coercion {
		case "", "@none":
			return value{-1, v, xsdString, ""}, true
		case "@id", "@vocab":
			if v = iri(within, v, inner.coercion == "@vocab"); !absoluteIRI(v) {
				return value{}, false
			}
			return value{node: g.named(v)}, true
		}
		return value{-1, v, inner.coercion, ""}, true
	case strictjson.True, strictjson.False:
		return value{-1, strconv.FormatBool(v.Kind() == strictjson.True), inner.literalType(xsdBoolean), ""}, true
	case strictjson.Number:
		number, _ := v.Number()
		f, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return value{-1, number, inner.literalType(xsdDouble), ""}, true
		}
		// Adding 0 takes the sign from -0.
		if integer := strconv.FormatFloat(f+0, 'f', -1, 64); !strings.Contains(integer, ".") && -1e21 < f && f < 1e21 && inner.coercion != xsdDouble {
			return value{-1, integer, inner.literalType(xsdInteger), ""}, true
		}
		return value{-1, canonicalDouble(f), inner.literalType(xsdDouble), ""}, true
	}
	return value{}, false
}

// literalType returns the datatype of a native value.
func (t *term) literalType(native string) string {
	if t.coercion == "" || t.coercion[0] == '@' {
		return native
	}
	return t.coercion
}

func (g *grapher) languageMap(n int32, property string, tagged *strictjson.Value, at int32) {
	members := tagged.Members()
	for i := range members {
		tag := members[i].Name
		g.each(&members[i].Value, g.at(at, atTag, tag), func(v *strictjson.Value, at int32) {
			if text, ok := v.Text(); ok {
				g.add(n, property, value{-1, text, rdfLangString, strings.ToLower(tag)}, at)
			}
		})
	}
}

// iri expands an IRI (section 5.2).
func iri(a *active, name string, vocab bool) string {
	if vocab {
		if t := a.lookup(name); t != nil {
			return t.iri
		}
	}
	if prefix, suffix, ok := strings.Cut(name, ":"); ok && !strings.HasPrefix(suffix, "//") {
		if t := a.lookup(prefix); t != nil && t.prefix {
			return t.iri + suffix
		}
	}
	return name
}

// canonicalDouble returns the canonical lexical form of xsd:double
// (section 8.6): one digit before the point, at least one behind it.
func canonicalDouble(f float64) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', 15, 64), "E")
	if mantissa = strings.TrimRight(mantissa, "0"); strings.HasSuffix(mantissa, ".") {
		mantissa += "0"
	}
	sign := strings.TrimSuffix(exponent[:1], "+")
	if exponent = strings.TrimLeft(exponent[1:], "0"); exponent == "" {
		return mantissa + "E0"
	}
	return mantissa + "E" + sign + exponent
}

// canonicalJSON returns a JSON value in the form of RFC 8785.
func canonicalJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	canonical := jsontext.Value(text)
	if err := canonical.Canonicalize(); err != nil {
		return ""
	}
	return string(canonical)
}
