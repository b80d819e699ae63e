package contexts

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// This file implements context processing (JSON-LD 1.1 API, sections 4.1 and
// 4.2) as far as contexts of credentials use it. What it does not implement,
// parseLocal refuses, so that a pinned context never means less here than it
// does elsewhere.

// term is a term definition in an active context.
type term struct {
	iri       string // IRI, or the keyword that id and type stand for; "" when the term is defined as null
	coercion  string // @id, @vocab, @json, @none, a datatype's IRI, or ""
	container container
	prefix    bool // usable in compact IRIs
	protected bool
	scope     *scope // nil when the term has no scoped context
}

type container uint8

const (
	languageContainer container = 1 << iota
	graphContainer
	setContainer
	listContainer
)

var containers = map[string]container{
	"@language": languageContainer,
	"@graph":    graphContainer,
	"@set":      setContainer,
	"@list":     listContainer,
}

// same reports whether two definitions differ in nothing but protection, so
// that one may replace a protected other (section 4.2.2, step 27).
func (t *term) same(u *term) bool {
	return t.iri == u.iri && t.coercion == u.coercion && t.container == u.container &&
		t.prefix == u.prefix && (t.scope == u.scope ||
		t.scope != nil && u.scope != nil && reflect.DeepEqual(t.scope.source, u.scope.source))
}

// scope is a term's scoped context: local is nil for null.
type scope struct {
	local  *local
	source any
}

// local is a local context, read but not yet processed: what it means depends
// on the active context it is applied to.
type local struct {
	names []string // sorted, so that the conflict reported is always the same one
	terms map[string]localTerm
	vocab string // @vocab, "" where there is none; in open sets only
}

type localTerm struct {
	id        string // "" for null
	coercion  string
	container container
	prefix    bool // asked for explicitly
	simple    bool // written as a string, which makes it a prefix if its IRI can be one
	protected bool
	scope     *scope
}

// parseLocal reads a context, which must be an object. What an open set reads
// beyond that of others stands with [Set.Open].
func parseLocal(source any, open bool) (*local, error) {
	ctx, ok := source.(map[string]any)
	if !ok {
		return nil, errors.New("a context must be one object")
	}
	protected := false
	l := &local{names: slices.Sorted(maps.Keys(ctx)), terms: make(map[string]localTerm, len(ctx))}
	for _, name := range l.names {
		value := ctx[name]
		switch {
		case name == "@version":
			if fmt.Sprint(value) != "1.1" { // a float64 or, in a document, a json.Number
				return nil, fmt.Errorf("@version is %v", value)
			}
		case name == "@vocab" && open:
			if l.vocab, ok = value.(string); !ok || !absoluteIRI(l.vocab) {
				return nil, errors.New("@vocab is not an absolute IRI")
			}
		case name == "@protected":
			if protected, ok = value.(bool); !ok {
				return nil, errors.New("@protected is not a boolean")
			}
		case strings.HasPrefix(name, "@"):
			return nil, fmt.Errorf("%s in a context is not supported", name)
		case name == "" || strings.ContainsAny(name, ":/"):
			return nil, fmt.Errorf("%q as a term is not supported", name)
		}
	}
	l.names = slices.DeleteFunc(l.names, func(name string) bool { return name[0] == '@' })
	for _, name := range l.names {
		t, err := parseTerm(name, ctx[name], protected, open)
		if err != nil {
			return nil, fmt.Errorf("term %s: %w", name, err)
		}
		l.terms[name] = t
	}
	return l, nil
}

func parseTerm(name string, value any, protected, open bool) (localTerm, error) {
	t := localTerm{protected: protected}
	def, ok := value.(map[string]any)
	switch {
	case value == nil:
		return t, nil
	case !ok:
		t.simple = true
		def = map[string]any{"@id": value}
	}
	for _, key := range slices.Sorted(maps.Keys(def)) {
		var err error
		switch value := def[key]; key {
		case "@id":
			if value != nil {
				t.id, err = oneString(value)
			}
		case "@type":
			t.coercion, err = oneString(value)
		case "@container":
			t.container, err = parseContainer(value)
		case "@prefix":
			t.prefix, ok = value.(bool)
			if !ok {
				err = errors.New("not a boolean")
			}
		case "@protected":
			t.protected, ok = value.(bool)
			if !ok {
				err = errors.New("not a boolean")
			}
		case "@context":
			t.scope = &scope{source: value}
			if value != nil {
				t.scope.local, err = parseLocal(value, open)
			}
		default:
			err = errors.New("not supported")
		}
		if err != nil {
			return localTerm{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, ok := def["@id"]; !ok {
		if !open {
			return localTerm{}, errors.New("@id is missing")
		}
		t.id = name // within @vocab, where there is one (section 4.2.2, step 17)
	}
	// A second name for a keyword would make a document ambiguous to readers
	// that know only one (VCDM 2.0 section 4.4 and 4.5 define id and type).
	if strings.HasPrefix(t.id, "@") && !(t.id == "@"+name && (name == "id" || name == "type")) {
		return localTerm{}, fmt.Errorf("%s as an alias of %s is not supported", name, t.id)
	}
	return t, nil
}

func oneString(value any) (string, error) {
	s, ok := value.(string)
	if !ok || s == "" {
		return "", errors.New("not a string")
	}
	return s, nil
}

func parseContainer(value any) (container, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var c container
	for _, value := range list {
		name, _ := value.(string)
		bit, ok := containers[name]
		if !ok {
			return 0, fmt.Errorf("%v is not supported", value)
		}
		c |= bit
	}
	return c, nil
}

// active is an active context: the terms it adds, and below them those of the
// contexts it was made from. It does not change once it is made.
type active struct {
	terms    map[string]*term
	index    nameIndex // of terms, in those that are kept; else empty
	parent   *active
	previous *active // what a nested node returns to; set below a type-scoped context
	vocab    string  // what makes IRIs of names that no context defines, or ""
	hasID    bool    // id stands for @id
	hasType  bool    // type stands for @type

	// What scoped contexts make of this one, by *scope: those of properties, and
	// of types. Only roots keep them: what scopes within scopes lead to has no end.
	kept *[2]sync.Map
}

func (a *active) lookup(name string) *term {
	hash := nameHash(name)
	for layer := a; layer != nil; layer = layer.parent {
		if layer.index != nil {
			if t := layer.index.find(name, hash); t != nil {
				return t
			}
		} else if t, ok := layer.terms[name]; ok {
			return t
		}
	}
	if a != nil && a.vocab != "" && plainName(name) {
		return &term{iri: a.vocab + name}
	}
	return nil
}

// plainName reports whether a name may be completed by @vocab: letters, digits
// and signs that make no IRI, path or keyword of it.
func plainName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && !isDigit(c) && c != '_' && (i == 0 || c != '-' && c != '.') {
			return false
		}
	}
	return name != ""
}

// reset reports whether a is the empty context that a null leaves.
func (a *active) reset() bool { return a.parent == nil && len(a.terms) == 0 }

// conflictError is a protected term that a later context defines anew.
type conflictError struct{ name string }

func (e *conflictError) Error() string { return "context conflict: " + e.name }

// apply returns a with l applied to it. Unless override is set, as it is for
// property-scoped contexts, it returns a *conflictError for a protected term
// that l defines differently. It returns other errors only for contexts that
// With has not seen.
func (a *active) apply(l *local, override bool) (*active, error) {
	next := &active{
		terms:    make(map[string]*term, len(l.names)),
		parent:   a,
		previous: a.previous,
		vocab:    cmp.Or(l.vocab, a.vocab),
	}
	for _, name := range l.names {
		if err := next.define(l, name, override, 0); err != nil {
			return nil, err
		}
	}
	next.note()
	return next, nil
}

// scoped returns a with a scoped context applied to it, as that of a property
// or of a type (section 5.1, steps 8 and 11.2).
func (a *active) scoped(s *scope, property bool) (*active, error) {
	if s.local == nil {
		if !property {
			return nil, &conflictError{"null for a type"} // every base context protects terms
		}
		return new(active), nil
	}
	next, err := a.apply(s.local, property)
	if err != nil {
		return nil, err
	}
	if !property && next.previous == nil {
		next.previous = a
	}
	return next, nil
}

// flat returns a with all terms in one map, for faster look-up.
func (a *active) flat() *active {
	terms := make(map[string]*term)
	for layer := a; layer != nil; layer = layer.parent {
		for name, t := range layer.terms {
			if _, ok := terms[name]; !ok {
				terms[name] = t
			}
		}
	}
	return &active{terms: terms, index: newNameIndex(terms), vocab: a.vocab, hasID: a.hasID, hasType: a.hasType, kept: new([2]sync.Map)}
}

func (a *active) note() {
	id, typ := a.lookup("id"), a.lookup("type")
	a.hasID = id != nil && id.iri == "@id"
	a.hasType = typ != nil && typ.iri == "@type"
}

// define creates the term definition of name (section 4.2).
func (a *active) define(l *local, name string, override bool, depth int) error {
	if _, done := a.terms[name]; done {
		return nil
	}
	if depth > len(l.names) {
		return fmt.Errorf("term %s is defined by itself", name)
	}
	raw := l.terms[name]
	t := &term{
		container: raw.container,
		protected: raw.protected,
		scope:     raw.scope,
	}
	if raw.id != "" {
		var err error
		if t.iri, err = a.expand(l, raw.id, name, override, depth); err != nil {
			return fmt.Errorf("term %s: %w", name, err)
		}
		t.prefix = raw.prefix || raw.simple && endsLikePrefix(t.iri)
	}
	switch raw.coercion {
	case "", "@id", "@vocab", "@json", "@none":
		t.coercion = raw.coercion
	default:
		var err error
		if t.coercion, err = a.expand(l, raw.coercion, name, override, depth); err != nil {
			return fmt.Errorf("type of term %s: %w", name, err)
		}
	}
	if before := a.parent.lookup(name); before != nil && before.protected && !override {
		if !before.same(t) {
			return &conflictError{name}
		}
		t.protected = true
	}
	a.terms[name] = t
	return nil
}

// endsLikePrefix reports whether an IRI ends in a delimiter, without which a
// term is no prefix.
func endsLikePrefix(iri string) bool {
	return iri != "" && strings.IndexByte(":/?#[]@", iri[len(iri)-1]) >= 0
}

// expand expands an IRI within a local context (section 5.2).
func (a *active) expand(l *local, value, within string, override bool, depth int) (string, error) {
	if value == "@id" || value == "@type" {
		return value, nil
	}
	if _, ok := l.terms[value]; ok && value != within {
		if err := a.define(l, value, override, depth+1); err != nil {
			return "", err
		}
	}
	if value != within {
		if t := a.lookup(value); t != nil && t.iri != "" && t.iri[0] != '@' {
			return t.iri, nil
		}
	} else if a.vocab != "" && plainName(value) {
		return a.vocab + value, nil
	}
	if prefix, suffix, ok := strings.Cut(value, ":"); ok && !strings.HasPrefix(suffix, "//") {
		if _, ok := l.terms[prefix]; ok {
			if err := a.define(l, prefix, override, depth+1); err != nil {
				return "", err
			}
		}
		if t := a.lookup(prefix); t != nil && t.prefix {
			return t.iri + suffix, nil
		}
	}
	if !absoluteIRI(value) {
		return "", fmt.Errorf("%q is not an absolute IRI", value)
	}
	return value, nil
}

// check applies l and every context scoped within it to a, which finds whatever
// could go wrong later except a conflict with another context.
func (l *local) check(a *active) error {
	a, err := a.apply(l, true)
	if err != nil {
		return err
	}
	for _, name := range l.names {
		if s := l.terms[name].scope; s != nil && s.local != nil {
			if err := s.local.check(a); err != nil {
				return fmt.Errorf("context of %s: %w", name, err)
			}
		}
	}
	return nil
}

// absoluteIRI reports whether s has a scheme and none of the characters that
// no IRI may hold (RFC 3987), one of which would break out of N-Quads. Blank
// node identifiers are not IRIs.
func absoluteIRI(s string) bool {
	colon := strings.IndexByte(s, ':')
	if colon < 1 || colon == len(s)-1 || !isLetter(s[0]) {
		return false
	}
	for i := 1; i < colon; i++ {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	for i := colon + 1; i < len(s); i++ {
		if !notInIRI[s[i]] {
			continue
		}
		if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
	}
	return true
}

// notInIRI are the bytes that no IRI may hold, and the percent sign, which needs
// two digits behind it.
var notInIRI = func() (forbidden [256]bool) {
	for c := range ' ' + 1 {
		forbidden[c] = true
	}
	for _, c := range []byte("\x7f<>\"{}|\\^`%") {
		forbidden[c] = true
	}
	return forbidden
}()

// languageTag reports whether s has the form of a BCP 47 language tag.
func languageTag(s string) bool {
	part := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '-':
			if part == 0 {
				return false
			}
			part = 0
			continue
		case isLetter(c), isDigit(c) && i > part: // no digit in the first part
			part++
		default:
			return false
		}
		if part > 8 {
			return false
		}
	}
	return part > 0
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
