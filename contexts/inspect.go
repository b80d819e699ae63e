package contexts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"indeks/strictjson"
)

// The budget of one document. The largest sealed sample of the European
// Commission has 3 781 objects, 11 062 members and a depth of 15.
const (
	maxNodes   = 20_000 // objects
	maxMembers = 50_000 // members of objects and items of arrays
	maxDepth   = 64     // objects and arrays within each other
)

// walker carries out one inspection: JSON-LD expansion (JSON-LD 1.1 API,
// section 5.1) that keeps nothing but what it could not resolve.
type walker struct {
	set     *Set
	path    []step
	scoped  map[scoping]*active
	found   []Undefined
	inner   []innerContext
	graphs  map[string]bool // properties whose values are graphs and have a context of their own
	nodes   int
	members int
}

// step is a member name, or an array index when name is unset.
type step struct {
	name    string
	index   int
	isIndex bool
}

// scoping identifies what applying a scoped context leads to.
type scoping struct {
	on       *active
	scope    *scope
	property bool
}

// innerContext is the @context of a credential inside a presentation.
type innerContext struct {
	pointer string
	root    *root
}

// document walks a whole document and returns the root of its contexts.
func (w *walker) document(doc *strictjson.Value) (*root, *Problem) {
	w.path = make([]step, 0, 16)
	r, p := w.root(doc)
	if p != nil {
		return nil, p
	}
	return r, w.object(r.active, doc)
}

// root resolves the @context of obj, a credential or presentation.
func (w *walker) root(obj *strictjson.Value) (*root, *Problem) {
	docs, p := w.set.contextsOf(obj)
	if p != nil {
		p.Pointer = w.pointer() + "/@context"
		return nil, p
	}
	r := w.set.root(docs)
	if r.conflict != nil {
		return nil, &Problem{Pointer: w.pointer() + "/@context", Rule: "context-conflict", Detail: r.conflict.Error()}
	}
	return r, nil
}

// node walks an object that is a value of prop, below the active context a.
func (w *walker) node(a *active, prop *term, obj *strictjson.Value) *Problem {
	keyword := hasKeyword(obj) // of which an object has hardly ever one
	if keyword && obj.Has("@value") {
		return w.languageValue(prop, obj)
	}
	// A type-scoped context ends where the object it was for ends, save for a
	// mere reference (step 7).
	if a.previous != nil && !(a.hasID && len(obj.Members()) == 1 && obj.Has("id")) {
		a = a.previous
	}
	if prop != nil && prop.scope != nil && prop.container&graphContainer != 0 {
		if w.graphs == nil {
			w.graphs = make(map[string]bool)
		}
		w.graphs[prop.iri] = true
	}
	a, p := w.scope(a, prop, true)
	if p != nil {
		return p
	}
	if keyword && obj.Has("@context") {
		// VC2 resets the context for the credentials in a presentation, each of
		// which brings its own. Anywhere else a context in the middle of a
		// document would change what its terms mean.
		if !a.reset() {
			return w.problem("context-inline", "@context inside the document").at("@context")
		}
		r, p := w.root(obj)
		if p != nil {
			return p
		}
		w.inner = append(w.inner, innerContext{w.pointer(), r})
		a = r.active
	}
	return w.object(a, obj)
}

// hasKeyword reports whether a member may be a keyword of JSON-LD.
func hasKeyword(obj *strictjson.Value) bool {
	members := obj.Members()
	for i := range members {
		if name := members[i].Name; name != "" && name[0] == '@' {
			return true
		}
	}
	return false
}

// object walks the members of obj, whose @context is dealt with.
func (w *walker) object(a *active, obj *strictjson.Value) *Problem {
	if w.nodes++; w.nodes > maxNodes {
		return w.problem("budget", fmt.Sprintf("more than %d objects", maxNodes))
	}
	if p := w.spend(len(obj.Members())); p != nil {
		return p
	}

	// Type-scoped contexts are applied in the order of the types' names; the
	// types themselves are terms of the context before (steps 11 and 13.4.4).
	outer := a
	if a.hasType {
		var p *Problem
		if a, p = w.scopeTypes(a, obj.Get("type")); p != nil {
			return p
		}
	}

	members := obj.Members()
	for i := range members {
		m := &members[i]
		if m.Name == "@context" {
			continue
		}
		w.path = append(w.path, step{name: m.Name})
		if p := w.member(a, outer, m.Name, &m.Value); p != nil {
			return p
		}
		w.path = w.path[:len(w.path)-1]
	}
	return nil
}

func (w *walker) member(a, outer *active, name string, value *strictjson.Value) *Problem {
	switch {
	case strings.HasPrefix(name, "@"):
		return w.problem("keyword", fmt.Sprintf("%s must not be used as a member", name))
	case name == "id" && a.hasID:
		id, ok := value.Text()
		if !ok {
			return w.problem("malformed", "id is not a string")
		}
		return w.reference(nil, name, id)
	case name == "type" && a.hasType:
		return w.types(outer, value)
	}
	// A compact or absolute IRI as a member name is undefined too: it would
	// hide a property from everybody who reads the document by its terms.
	t := a.lookup(name)
	if t == nil || t.iri == "" {
		w.undefined(name, false)
		return nil
	}
	switch {
	case t.coercion == "@json":
		return nil
	case t.container&languageContainer != 0:
		if value.Kind() == strictjson.Object {
			return w.languageMap(value)
		}
	}
	return w.value(a, t, name, value)
}

// value walks a value of the property t, called name.
func (w *walker) value(a *active, t *term, name string, value *strictjson.Value) *Problem {
	switch value.Kind() {
	case strictjson.Object:
		return w.node(a, t, value)
	case strictjson.Array:
		if p := w.spend(len(value.Items())); p != nil {
			return p
		}
		items := value.Items()
		for i := range items {
			w.path = append(w.path, step{index: i, isIndex: true})
			if p := w.value(a, t, name, &items[i].Value); p != nil {
				return p
			}
			w.path = w.path[:len(w.path)-1]
		}
	case strictjson.String:
		value, _ := value.Text()
		switch t.coercion {
		case "@vocab":
			a, p := w.scope(a, t, true)
			if p != nil {
				return p
			}
			if v := a.lookup(value); v != nil && v.iri != "" {
				return nil
			}
			return w.reference(t, name, value)
		case "@id":
			return w.reference(t, name, value)
		}
	}
	return nil
}

// mistyped are the properties that the EDC application profile coerces to
// links though its own shapes want literals. Sealed files carry literals.
var mistyped = map[string]bool{
	"http://purl.org/dc/terms/modified":                   true,
	"http://data.europa.eu/snb/model/elm/descriptionHtml": true,
}

// reference checks an IRI: the value of id, or of a property t coerced to one.
func (w *walker) reference(t *term, name, iri string) *Problem {
	switch {
	case strings.HasPrefix(iri, "_:"):
		// With no labels a document is a tree, whose graph is cheap to
		// canonicalize; with them it may be any graph.
		return w.problem("blank-node", "a blank node is referred to by a label")
	case absoluteIRI(iri):
	case t != nil && mistyped[t.iri]:
		w.undefined(name, false)
	default:
		return w.problem("relative-iri", fmt.Sprintf("%s is not an absolute IRI", name))
	}
	return nil
}

// types checks the values of type against the context outside the object.
func (w *walker) types(outer *active, value *strictjson.Value) *Problem {
	if value.Kind() != strictjson.Array {
		return w.oneType(outer, value)
	}
	if p := w.spend(len(value.Items())); p != nil {
		return p
	}
	items := value.Items()
	for i := range items {
		w.path = append(w.path, step{index: i, isIndex: true})
		if p := w.oneType(outer, &items[i].Value); p != nil {
			return p
		}
		w.path = w.path[:len(w.path)-1]
	}
	return nil
}

func (w *walker) oneType(outer *active, value *strictjson.Value) *Problem {
	name, ok := value.Text()
	if !ok {
		return w.problem("malformed", "type is neither a string nor an array of strings")
	}
	t := outer.lookup(name)
	switch {
	case strings.HasPrefix(name, "@") || t != nil && strings.HasPrefix(t.iri, "@"):
		return w.problem("keyword", fmt.Sprintf("%s must not be used as a type", name))
	case strings.HasPrefix(name, "_:"):
		return w.problem("blank-node", "a blank node is used as a type")
	case t != nil && t.iri != "":
	case t != nil || !absoluteIRI(name):
		w.undefined(name, true)
	}
	return nil
}

// scopeTypes applies the contexts scoped to the types of an object. Values that
// are no types are reported by types, later.
func (w *walker) scopeTypes(a *active, value *strictjson.Value) (*active, *Problem) {
	switch value.Kind() {
	case strictjson.String:
		name, _ := value.Text()
		return w.scope(a, a.lookup(name), false)
	case strictjson.Array:
		var names []string
		outer := a
		items := value.Items()
		for i := range items {
			if name, ok := items[i].Value.Text(); ok {
				if t := outer.lookup(name); t != nil && t.scope != nil {
					names = append(names, name)
				}
			}
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			var p *Problem
			if a, p = w.scope(a, outer.lookup(name), false); p != nil {
				return nil, p
			}
		}
	}
	return a, nil
}

// scope applies the scoped context of t, if it has one, to a: as that of a
// property, or of a type.
func (w *walker) scope(a *active, t *term, property bool) (*active, *Problem) {
	if t == nil || t.scope == nil {
		return a, nil
	}
	var kept *sync.Map
	if a.kept != nil {
		kept = &a.kept[0]
		if !property {
			kept = &a.kept[1]
		}
		if next, ok := kept.Load(t.scope); ok {
			return next.(*active), nil
		}
	}
	key := scoping{a, t.scope, property}
	if next := w.scoped[key]; next != nil {
		return next, nil
	}
	next, err := a.scoped(t.scope, property)
	if err != nil {
		return nil, w.problem("context-conflict", err.Error())
	}
	if kept != nil {
		next.index = newNameIndex(next.terms)
		first, _ := kept.LoadOrStore(t.scope, next) // one for all, as the walker tells contexts apart by pointer
		return first.(*active), nil
	}
	if w.scoped == nil {
		w.scoped = make(map[scoping]*active)
	}
	w.scoped[key] = next
	return next, nil
}

func (w *walker) languageMap(tagged *strictjson.Value) *Problem {
	if p := w.spend(len(tagged.Members())); p != nil {
		return p
	}
	members := tagged.Members()
	for i := range members {
		tag, value := members[i].Name, &members[i].Value
		switch {
		case !languageTag(tag):
			return w.problem("language-tag", "a key of a language map is not a language tag").at(tag)
		case !texts(value):
			return w.problem("malformed", "a value of a language map is not text").at(tag)
		}
		if p := w.spend(len(value.Items())); p != nil {
			return p
		}
	}
	return nil
}

// texts reports whether value may stand in a language map.
func texts(value *strictjson.Value) bool {
	switch value.Kind() {
	case strictjson.Null, strictjson.String:
		return true
	case strictjson.Array:
		return !slices.ContainsFunc(value.Items(), func(item strictjson.Member) bool {
			return item.Value.Kind() != strictjson.Null && item.Value.Kind() != strictjson.String
		})
	}
	return false
}

// described are the properties whose value may be a language value object
// (VCDM 2.0 section 11.1), the one place for @value in a credential.
var described = map[string]bool{
	"https://schema.org/name":        true,
	"https://schema.org/description": true,
}

func (w *walker) languageValue(prop *term, obj *strictjson.Value) *Problem {
	if w.nodes++; w.nodes > maxNodes {
		return w.problem("budget", fmt.Sprintf("more than %d objects", maxNodes))
	}
	if prop == nil || !described[prop.iri] {
		return w.problem("keyword", "@value must not be used as a member").at("@value")
	}
	members := obj.Members()
	for i := range members {
		name := members[i].Name
		text, ok := members[i].Value.Text()
		switch {
		case name != "@value" && name != "@language" && name != "@direction":
			return w.problem("keyword", fmt.Sprintf("%s must not be used beside @value", name)).at(name)
		case !ok:
			return w.problem("malformed", fmt.Sprintf("%s is not a string", name)).at(name)
		case name == "@language" && !languageTag(text):
			return w.problem("language-tag", "@language is not a language tag").at(name)
		case name == "@direction" && text != "ltr" && text != "rtl":
			return w.problem("malformed", "@direction is neither ltr nor rtl").at(name)
		}
	}
	return nil
}

// spend counts members or items of the object or array that the path leads to.
func (w *walker) spend(n int) *Problem {
	w.members += n
	switch {
	case len(w.path) >= maxDepth:
		return w.problem("budget", fmt.Sprintf("nested more than %d deep", maxDepth))
	case w.members > maxMembers:
		return w.problem("budget", fmt.Sprintf("more than %d members", maxMembers))
	}
	return nil
}

func (w *walker) undefined(name string, isType bool) {
	w.found = append(w.found, Undefined{Pointer: w.pointer(), Name: name, Type: isType})
}

func (w *walker) problem(rule, detail string) *Problem {
	return &Problem{Pointer: w.pointer(), Rule: rule, Detail: detail}
}

// at moves the problem to a member of the object it was found in.
func (p *Problem) at(name string) *Problem {
	p.Pointer += "/" + pointerEscapes.Replace(name)
	return p
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1") // RFC 6901 section 3

func (w *walker) pointer() string {
	var b strings.Builder
	for _, s := range w.path {
		b.WriteByte('/')
		if s.isIndex {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(pointerEscapes.Replace(s.name))
		}
	}
	return b.String()
}
