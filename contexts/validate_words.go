package contexts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// components are the rules by what broke them: our id, and SHACL's name.
var components = [...]struct{ rule, name string }{
	minCount:          {"shape-min-count", "MinCount"},
	maxCount:          {"shape-max-count", "MaxCount"},
	classComponent:    {"shape-class", "Class"},
	datatypeComponent: {"shape-datatype", "Datatype"},
	nodeKindComponent: {"shape-node-kind", "NodeKind"},
	hasValue:          {"shape-has-value", "HasValue"},
	nodeComponent:     {"shape-node", "Node"},
	orComponent:       {"shape-or", "Or"},
	uniqueLang:        {"shape-unique-lang", "UniqueLang"},
	maxInclusive:      {"shape-max-inclusive", "MaxInclusive"},
}

// violations puts the findings in words, in the order of the document.
func (v *validation) violations() []Violation {
	where := func(f finding) int32 {
		if f.at < 0 {
			return v.nodes[f.focus].place
		}
		return f.at
	}
	slices.SortStableFunc(v.findings, func(a, b finding) int { return int(where(a)) - int(where(b)) })
	var all []Violation
	for _, f := range v.findings {
		all = append(all, v.violation(f))
	}
	return all
}

func (v *validation) violation(f finding) Violation {
	c := components[f.component]
	found := Violation{
		Pointer:   v.pointer(v.nodes[f.focus].place),
		Term:      f.property.term,
		Rule:      c.rule,
		Focus:     v.name(f.focus),
		Path:      f.property.path,
		Component: sh + c.name + "ConstraintComponent",
		Expected:  f.expected(),
		Found:     v.found(f),
	}
	if f.at >= 0 {
		found.Term = v.places[v.member(f.at)].name
	}
	switch {
	case f.single:
		found.Pointer = v.pointer(f.at)
		if found.Value = f.value.text; !f.value.isLiteral() {
			found.Value = v.name(f.value.node)
		}
	case f.at >= 0:
		found.Pointer = v.pointer(v.member(f.at))
	default:
		found.Pointer += "/" + pointerEscapes.Replace(found.Term)
	}
	found.Message = v.sentence(f, "the "+spaced(compiledShapes().names[f.shape.target]))
	found.Unmeetable = v.vc2 && f.unmeetable()
	return found
}

// unmeetable reports whether a document of VCDM 2.0 cannot be right.
func (f finding) unmeetable() bool {
	switch f.property.term {
	case "issued":
		return f.component == minCount
	case "credentialStatus", "termsOfUse":
		return f.component == datatypeComponent && !f.value.isLiteral()
	}
	return false
}

func (v *validation) name(n int32) string {
	if iri := v.nodes[n].iri; iri != "" {
		return iri
	}
	return "_:" + strconv.Itoa(int(n))
}

// expected says in few words what a constraint wants.
func (f finding) expected() string {
	p := f.property
	switch f.component {
	case minCount, maxCount:
		switch {
		case p.min == 1 && p.max == 1:
			return "exactly 1"
		case f.component == minCount:
			return "at least " + strconv.Itoa(p.min)
		}
		return "at most " + strconv.Itoa(p.max)
	case classComponent:
		return compiledShapes().names[f.class()]
	case orComponent:
		return alternatives(f.or(), func(name string) string { return name })
	case datatypeComponent:
		return datatypesByIRI[p.datatype].words
	case nodeKindComponent:
		if p.nodeKind == literalKind {
			return "a literal"
		}
		return "an IRI"
	case hasValue:
		return p.hasValue
	case nodeComponent:
		if f.reason != nil && f.reason.property != nil {
			return f.reason.property.term + ": " + f.reason.expected()
		} else if f.reason != nil {
			return f.reason.expected()
		}
	case uniqueLang:
		return "1 for each language"
	case maxInclusive:
		return "at most " + p.maxInclusive
	}
	return ""
}

// class and or are those of the property, or of the node shape itself.
func (f finding) class() int {
	if f.property == nil {
		return f.shape.class
	}
	return f.property.class
}

func (f finding) or() []alternative {
	if f.property == nil {
		return f.shape.or
	}
	return f.property.or
}

// found says in few words what is there instead.
func (v *validation) found(f finding) string {
	switch f.component {
	case minCount, maxCount:
		return strconv.Itoa(f.count)
	case hasValue:
		values := v.values(f.focus, f.property.path)
		if len(values) == 0 {
			return "nothing"
		}
		return v.text(values[0].value)
	case uniqueLang:
		return fmt.Sprintf("%d in %q", f.count, f.value.language)
	case nodeComponent:
		if f.reason != nil {
			return v.found(*f.reason)
		}
	}
	return v.kind(f.value)
}

// text returns a literal in quotation marks, or the name of a node.
func (v *validation) text(x value) string {
	if x.isLiteral() {
		return quoted(x.text)
	}
	return clipped(v.name(x.node))
}

// kind says what a value is: its classes, or itself when they are not known.
func (v *validation) kind(x value) string {
	if x.isLiteral() {
		return v.text(x)
	}
	var classes []string
	types := v.values(x.node, rdfType)
	for _, t := range types[:min(len(types), 4)] {
		iri := v.nodes[t.value.node].iri
		name := shortIRI(iri)
		if class, ok := compiledShapes().classes[iri]; ok {
			name = compiledShapes().names[class]
		}
		classes = append(classes, clipped(name))
	}
	switch {
	case classes != nil:
		return strings.Join(classes, ", ")
	case v.nodes[x.node].iri == "":
		return "no type"
	}
	return v.text(x)
}

// sentence says what is wrong with a subject, such as "the qualification".
func (v *validation) sentence(f finding, subject string) string {
	text := v.clause(f, subject) + "."
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

func (v *validation) clause(f finding, subject string) string {
	p := f.property
	if p == nil { // a value that is not of the right class
		return fmt.Sprintf("%s is not %s, but %s", subject, f.wanted(), v.instead(f.value))
	}
	name := spaced(p.term)
	switch f.component {
	case minCount:
		if p.max == 1 {
			return fmt.Sprintf("%s has no %q and needs exactly one", subject, name)
		}
		return fmt.Sprintf("%s has no %q and needs at least one", subject, name)
	case maxCount:
		if p.datatype == rdfLangString {
			return fmt.Sprintf("%s has %d values for %q and may have only one, in one language", subject, f.count, name)
		}
		return fmt.Sprintf("%s has %d values for %q and may have only one", subject, f.count, name)
	case uniqueLang:
		return fmt.Sprintf("%s has %d values for %q in the language %q and may have only one for each language",
			subject, f.count, name, f.value.language)
	case hasValue:
		return fmt.Sprintf("%s does not have %s for its %q, but %s", subject, p.hasValue, name, v.found(f))
	case nodeComponent:
		if f.reason == nil {
			return fmt.Sprintf("%q of %s is not as this profile wants it", name, subject)
		}
		return fmt.Sprintf("%q of %s is not as this profile wants it: %s", name, subject, v.clause(*f.reason, "it"))
	}
	return fmt.Sprintf("%q of %s must be %s, but it is %s", name, subject, f.wanted(), v.instead(f.value))
}

// wanted says what a value must be.
func (f finding) wanted() string {
	switch f.component {
	case classComponent:
		return article(spaced(compiledShapes().names[f.class()]))
	case orComponent:
		return alternatives(f.or(), func(name string) string { return article(spaced(name)) })
	case datatypeComponent:
		return datatypesByIRI[f.property.datatype].words
	case nodeKindComponent:
		if f.property.nodeKind == literalKind {
			return "text"
		}
		return "a thing with an id"
	case maxInclusive:
		return "a number of at most " + f.property.maxInclusive
	}
	return "" // unreachable: the others have sentences of their own
}

// instead says what a value is, within a sentence.
func (v *validation) instead(x value) string {
	switch {
	case x.isLiteral() && x.datatype == rdfLangString:
		return fmt.Sprintf("%s in the language %q", quoted(x.text), x.language)
	case x.isLiteral():
		return quoted(x.text)
	case len(v.values(x.node, rdfType)) == 0 && v.nodes[x.node].iri != "":
		return fmt.Sprintf("%s, of which the document does not say what it is", clipped(v.nodes[x.node].iri))
	case len(v.values(x.node, rdfType)) == 0:
		return "something without a type"
	case v.nodes[x.node].iri == "":
		return fmt.Sprintf("of type %s, without an id", v.kind(x))
	}
	return "of type " + v.kind(x)
}

// alternatives joins the names of alternatives: "a, b or c".
func alternatives(list []alternative, name func(string) string) string {
	var b strings.Builder
	for i, a := range list {
		switch {
		case i > 0 && i == len(list)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		if a.node != nil {
			b.WriteString(name(a.node.name))
		} else {
			b.WriteString(name(compiledShapes().names[a.class]))
		}
	}
	return b.String()
}

// spelled are the terms whose words are not told by their capitals.
var spelled = map[string]string{
	"dcType": "type", "elmSubject": "subject", "eqfLevel": "EQF level", "nqfLevel": "NQF level",
	"eIDASIdentifier": "eIDAS identifier", "EuropeanDigitalCredential": "European digital credential",
	"EuropeanDigitalPresentation": "European digital presentation", "ShaclValidator2017": "ShaclValidator2017",
	"thematicArea": "thematic area (ISCED-F)", "validFrom": "valid from", "specifiedBy": "specified by",
}

// spaced writes a term as words: "awardedBy" as "awarded by".
func spaced(term string) string {
	if words, ok := spelled[term]; ok {
		return words
	}
	if _, local, ok := strings.Cut(term, ":"); ok {
		term = local
	}
	var b strings.Builder
	for i := range len(term) {
		c := term[i]
		upper := 'A' <= c && c <= 'Z'
		lowerNext := i+1 < len(term) && term[i+1] >= 'a'
		lowerBefore := i > 0 && term[i-1] >= 'a'
		if upper && i > 0 && (lowerNext || lowerBefore) {
			b.WriteByte(' ')
		}
		if upper && lowerNext {
			c |= 0x20
		}
		b.WriteByte(c)
	}
	return b.String()
}

func article(words string) string {
	if strings.HasPrefix(words, "European") || strings.IndexByte("aeiouAEIOU", words[0]) < 0 {
		return "a " + words
	}
	return "an " + words
}

// shortIRI returns what follows the last / or # of an IRI.
func shortIRI(iri string) string { return iri[strings.LastIndexAny(iri, "/#")+1:] }

// quoted returns text in quotation marks, shortened: it comes from strangers
// and goes to screens.
func quoted(text string) string { return strconv.Quote(clipped(text)) }

func clipped(text string) string {
	const most = 80
	for i := range text {
		if i >= most {
			return text[:i] + "..."
		}
	}
	return text
}
