package contexts

import (
	"cmp"
	"slices"
	"strings"

	"indeks/strictjson"
)

const sh = "http://www.w3.org/ns/shacl#"

// Violation is one result of validating a document against the shapes of an
// application profile, as a SHACL engine reports it (SHACL section 3.6.2).
//
// Rules: "shape-min-count", "shape-max-count", "shape-class", "shape-datatype",
// "shape-node-kind", "shape-has-value", "shape-node" (a value is not as another
// shape wants it), "shape-or" (a value is none of several things),
// "shape-unique-lang", "shape-max-inclusive".
type Violation struct {
	// Pointer is a JSON Pointer (RFC 6901) into the document: of the value, or,
	// when it is the number of values that is wrong, of the member, which need
	// not be there, in the first object that describes the focus node.
	Pointer   string
	Term      string // the name of the member, or a compact IRI when the profile's context has no term
	Rule      string
	Focus     string // IRI of the thing that breaks the rule, or "_:" and a number for one without id
	Path      string // IRI of the property
	Component string // IRI of the SHACL constraint component
	Value     string // the wrong value: an IRI, "_:" and a number, the text of a literal; "" when the number of values is wrong
	Expected  string // what is right, in few words
	Found     string // what is there, in few words, shortened
	Message   string // an English sentence for people

	// Unmeetable is set where no document of its data model can be right: the
	// context of VCDM 2.0 has no term for the issued of VCDM 1.1, and makes
	// nodes of what the shapes want to be literals (credentialStatus and
	// termsOfUse).
	Unmeetable bool
}

// maxViolations bounds what one document can make us write.
const maxViolations = 10_000

// Validate holds a document against the shapes of
// an application profile and returns what breaks them in the order of the
// document, at most 10 000 results; without any it conforms. It refuses with a
// [*Problem] what Inspect refuses. Undefined members and types are left out,
// which is a matter of Inspect; so is membership of a vocabulary, since shapes
// look only at the scheme that a concept names.
//
// What SHACL says is what counts, so a document in which nothing has a type
// conforms to everything. All named graphs are taken as one with the default
// graph. A literal must be well-formed to have its datatype.
//
// The shapes are written for European Digital Credentials, with the contexts
// [VC1] and [EDCAP]. The ELM context gives documents of VCDM 2.0 the same IRIs,
// so that the same shapes apply; those that they cannot meet are marked as
// Unmeetable.
func (s *Set) Validate(doc strictjson.Value, shapes *Shapes) ([]Violation, error) {
	w := walker{set: s}
	root, p := w.document(&doc)
	if p != nil {
		return nil, p
	}
	g := grapher{graph: newGraph(w.nodes), w: &w}
	g.document(root, &doc)
	if g.problem != nil {
		return nil, g.problem // unreachable
	}
	g.sort()
	v := validation{graph: g.graph, vc2: isVC2(&doc)}
	v.run(shapes)
	return v.violations(), nil
}

func isVC2(doc *strictjson.Value) bool {
	named := doc.Get("@context").OneOrMany()
	first, _ := named[0].Value.Text() // not empty: it was inspected
	return first == VC2
}

// validation is one run of the shapes over a graph.
type validation struct {
	*graph
	vc2      bool
	broken   int       // constraints that are, within the shape being checked
	findings []finding // of them, those to tell
	nested   map[visit]conclusion
}

// finding is a broken constraint, yet to be put in words.
type finding struct {
	focus     int32 // -1 when it is a literal
	at        int32 // of the value, or of the first one when there is no wrong one; -1 without any
	single    bool  // value is the wrong one
	count     int   // of values, where it matters
	component component
	property  *property // nil for a constraint of the node shape
	shape     *shape
	value     value
	reason    *finding // why value does not conform to property.node
}

type component uint8

const (
	minCount component = iota
	maxCount
	classComponent
	datatypeComponent
	nodeKindComponent
	hasValue
	nodeComponent
	orComponent
	uniqueLang
	maxInclusive
)

// visit is a node checked against a shape that others refer to.
type visit struct {
	shape *shape
	node  int32
}

type conclusion struct {
	conforms bool
	reason   *finding
}

// run checks every node against the shapes that target its classes.
func (v *validation) run(shapes *Shapes) {
	for n := range v.nodes {
		classes := v.nodes[n].classes
		if classes == 0 {
			continue
		}
		for class, targeting := range shapes.targets {
			if classes.has(class) {
				for _, s := range targeting {
					if !s.off {
						v.shape(s, value{node: int32(n)})
					}
				}
			}
		}
	}
}

func (v *validation) report(f finding) {
	v.broken++
	if len(v.findings) < maxViolations {
		v.findings = append(v.findings, f)
	}
}

// shape checks a node, or a literal, against a shape.
func (v *validation) shape(s *shape, focus value) {
	if s.class != none && !v.isA(focus, s.class) {
		v.report(finding{focus: focus.node, at: -1, single: true, component: classComponent, shape: s, value: focus})
	}
	if s.or != nil && !v.any(s.or, focus) {
		v.report(finding{focus: focus.node, at: -1, single: true, component: orComponent, shape: s, value: focus})
	}
	for _, p := range s.properties {
		if !p.off {
			v.property(p, focus.node)
		}
	}
}

// property checks the values that a focus node has for a property.
func (v *validation) property(p *property, focus int32) {
	values := v.values(focus, p.path)
	whole := finding{focus: focus, at: -1, property: p, shape: p.shape, count: len(values)}
	if len(values) > 0 {
		whole.at = values[0].place
		for _, t := range values {
			whole.at = min(whole.at, t.place)
		}
	}
	tell := func(c component) {
		f := whole
		f.component = c
		v.report(f)
	}
	if len(values) < p.min {
		tell(minCount)
	}
	if p.max >= 0 && len(values) > p.max {
		tell(maxCount)
	}
	if p.hasValue != "" {
		wanted, ok := v.byIRI[p.hasValue]
		if !ok || !slices.ContainsFunc(values, func(t triple) bool { return t.value.node == wanted }) {
			tell(hasValue)
		}
	}
	if p.uniqueLang && len(values) > 1 {
		v.languages(values, whole)
	}
	for _, t := range values {
		tell := func(c component) {
			f := whole
			f.component, f.at, f.single, f.value = c, t.place, true, t.value
			v.report(f)
		}
		if p.class != none && !v.isA(t.value, p.class) {
			tell(classComponent)
		}
		if p.or != nil && !v.any(p.or, t.value) {
			tell(orComponent)
		}
		if p.datatype != "" && !t.value.hasDatatype(p.datatype) {
			tell(datatypeComponent)
		}
		if p.nodeKind != anyKind && !v.isKind(t.value, p.nodeKind) {
			tell(nodeKindComponent)
		}
		if p.maxInclusive != "" && !atMost(t.value, p.maxInclusive) {
			tell(maxInclusive)
		}
		if p.node != nil {
			if c := v.conforms(p.node, t.value); !c.conforms {
				f := whole
				f.component, f.at, f.single, f.value, f.reason = nodeComponent, t.place, true, t.value, c.reason
				v.report(f)
			}
		}
	}
}

// languages reports each language in which there are several values.
func (v *validation) languages(values []triple, whole finding) {
	var tags []string
	for _, t := range values {
		if t.value.language != "" {
			tags = append(tags, t.value.language)
		}
	}
	slices.Sort(tags)
	for len(tags) > 0 {
		next := 1
		for next < len(tags) && tags[next] == tags[0] {
			next++
		}
		if next > 1 {
			f := whole
			f.component, f.count, f.value.language = uniqueLang, next, tags[0]
			v.report(f)
		}
		tags = tags[next:]
	}
}

func (v *validation) isA(x value, class int) bool {
	return !x.isLiteral() && v.nodes[x.node].classes.has(class)
}

func (v *validation) any(alternatives []alternative, x value) bool {
	return slices.ContainsFunc(alternatives, func(a alternative) bool {
		if a.node != nil {
			return v.conforms(a.node, x).conforms
		}
		return v.isA(x, a.class)
	})
}

func (v *validation) isKind(x value, kind nodeKind) bool {
	if kind == literalKind {
		return x.isLiteral()
	}
	return !x.isLiteral() && v.nodes[x.node].iri != ""
}

func (x value) hasDatatype(iri string) bool {
	if !x.isLiteral() || x.datatype != iri {
		return false
	}
	wellFormed := datatypesByIRI[iri].wellFormed
	return wellFormed == nil || wellFormed(x.text)
}

// conforms checks a value against a shape that another refers to (sections
// 4.7.1 and 4.6.3). It remembers what it finds, lest documents whose nodes all
// refer to each other take long.
func (v *validation) conforms(s *shape, x value) conclusion {
	key := visit{s, x.node}
	if c, ok := v.nested[key]; ok && !x.isLiteral() {
		return c
	}
	broken, told := v.broken, len(v.findings)
	v.shape(s, x)
	c := conclusion{conforms: v.broken == broken}
	if told < len(v.findings) {
		reason := v.findings[told]
		c.reason = &reason
	}
	v.broken, v.findings = broken, v.findings[:told]
	if !x.isLiteral() {
		if v.nested == nil {
			v.nested = make(map[visit]conclusion)
		}
		v.nested[key] = c
	}
	return c
}

// atMost compares a number with a bound as the engines do that the verdicts
// come from: by the whole number that the text begins with. What is no number
// cannot be compared, so it is not at most anything (section 4.3.4).
func atMost(x value, bound string) bool {
	switch x.datatype {
	case xsdInteger, xsd + "positiveInteger", xsd + "decimal", xsdDouble:
	default:
		return false
	}
	text := strings.TrimSpace(x.text)
	text, negative := strings.CutPrefix(text, "-")
	if !negative {
		text = strings.TrimPrefix(text, "+")
	}
	end := 0
	for end < len(text) && isDigit(text[end]) {
		end++
	}
	digits := strings.TrimLeft(text[:end], "0")
	return end > 0 && (negative || cmp.Or(cmp.Compare(len(digits), len(bound)), strings.Compare(digits, bound)) <= 0)
}
