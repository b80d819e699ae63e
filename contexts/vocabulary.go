package contexts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"indeks/strictjson"
)

// VocabularyProblem is a concept in a document that is not in the concept scheme
// it names, or not known to be.
//
// Rules: "vocabulary-closed" (not a member of a complete list),
// "vocabulary-misplaced" (a member of another list), "vocabulary-open" (not a
// member as far as known), "vocabulary-scheme" (a member of a list, though not of
// the unknown one it names).
type VocabularyProblem struct {
	Pointer string    // JSON Pointer (RFC 6901) of the concept
	Rule    string    // one of the above
	ID      string    // IRI of the concept, "" if it has none
	Scheme  string    // IRI of the scheme that it names
	List    string    // name of the list of that scheme, or "" if we have none
	Closed  bool      // no later edition of the lists can make it right: it fails; otherwise it warns
	Message string    // an English sentence for people
	Nearest []Concept // members that may have been meant, at most 3, the nearest first
}

const (
	maxVocabularyProblems = 1000 // bounds what one document can make us write
	maxHints              = 10   // and how often it can make us search a list
)

// Vocabulary finds the concepts in a document that are not in the scheme that they name as their inScheme: the first 1000 by
// pointer. Concepts that name no scheme, or one of which nothing is known, are
// left alone.
func Vocabulary(doc strictjson.Value) []VocabularyProblem {
	v := vocabularyCheck{where: walker{path: make([]step, 0, 16)}}
	v.object(&doc)
	slices.SortFunc(v.misfits, func(a, b misfit) int {
		return cmp.Or(strings.Compare(a.pointer, b.pointer), strings.Compare(a.scheme, b.scheme))
	})
	var problems []VocabularyProblem
	for _, m := range v.misfits[:min(len(v.misfits), maxVocabularyProblems)] {
		problems = append(problems, v.inWords(m))
	}
	return problems
}

type vocabularyCheck struct {
	where   walker // of which only the path is used
	misfits []misfit
	hints   map[string][]Concept // by list, id and label
}

// misfit is a concept that CheckMember does not confirm.
type misfit struct {
	concept    *strictjson.Value
	scheme     string
	membership Membership
	pointer    string
}

func (v *vocabularyCheck) object(obj *strictjson.Value) {
	members := obj.Members()
	for i := range members {
		m := &members[i]
		switch m.Name {
		case "@context":
			continue
		case "inScheme", "skos:inScheme", skosInScheme:
			items := m.Value.Items()
			for k := range items {
				v.concept(obj, &items[k].Value)
			}
			if m.Value.Kind() != strictjson.Array {
				v.concept(obj, &m.Value)
			}
		}
		v.member(&m.Value, step{name: m.Name})
	}
}

// concept checks a concept that names a scheme: by its IRI, or an object with it.
func (v *vocabularyCheck) concept(obj, scheme *strictjson.Value) {
	iri, _ := scheme.Text()
	if scheme.Kind() == strictjson.Object {
		iri = idOf(scheme)
	}
	if iri == "" {
		return
	}
	if m := CheckMember(idOf(obj), iri); m != Member && m != Unchecked {
		v.misfits = append(v.misfits, misfit{obj, iri, m, v.where.pointer()})
	}
}

func (v *vocabularyCheck) member(value *strictjson.Value, at step) {
	v.where.path = append(v.where.path, at)
	switch value.Kind() {
	case strictjson.Object:
		v.object(value)
	case strictjson.Array:
		items := value.Items()
		for i := range items {
			v.member(&items[i].Value, step{index: i, isIndex: true})
		}
	}
	v.where.path = v.where.path[:len(v.where.path)-1]
}

// inWords puts a misfit in words.
func (v *vocabularyCheck) inWords(m misfit) VocabularyProblem {
	iri, scheme, membership := idOf(m.concept), m.scheme, m.membership
	label := labelOf(m.concept)
	p := VocabularyProblem{Pointer: m.pointer, ID: iri, Scheme: scheme}
	l := vocabulary().schemes[scheme]
	there := "the scheme " + quoted(scheme)
	if l != nil {
		p.List, there = l.name, "the list of "+l.title
		p.Nearest = v.nearest(l, p.ID, label, membership != Misplaced)
	}
	what := "The concept " + quoted(iri)
	switch {
	case iri == "" && label != "":
		what = "The concept " + quoted(label) + ", which has no id,"
	case iri == "":
		what = "A concept without id"
	case label != "":
		what = fmt.Sprintf("The concept %s (%s)", quoted(label), quoted(iri))
	}
	switch membership {
	case NotMember:
		p.Rule, p.Closed = "vocabulary-closed", true
		p.Message = fmt.Sprintf("%s is not in %s, which it names as its scheme; that list is complete.", what, there)
	case Unlisted:
		p.Rule = "vocabulary-open"
		p.Message = fmt.Sprintf("%s is not in %s as far as it is known here; it may have been added since.", what, there)
		if base := absent[scheme]; base != "" {
			p.Message = fmt.Sprintf("%s names %s, whose concepts have ids that begin with %s.", what, there, base)
		}
	case Misplaced:
		_, home, _ := lookup(iri)
		p.Rule, p.Closed = "vocabulary-misplaced", true
		p.Message = fmt.Sprintf("%s is in the list of %s, but names %s as its scheme.", what, home.title, there)
	case UnknownScheme:
		c, home, _ := lookup(iri)
		p.Rule = "vocabulary-scheme"
		p.Message = fmt.Sprintf("%s is in the list of %s, but names %s, which is not known here; the scheme of that list is %s.", what, home.title, there, c.Scheme)
	}
	if len(p.Nearest) > 0 {
		var hints []string
		for _, c := range p.Nearest {
			hints = append(hints, fmt.Sprintf("%s (%s)", c.In("en"), c.ID))
		}
		p.Message += " Perhaps meant: " + strings.Join(hints, ", ") + "."
	}
	return p
}

// nearest returns the members with the label of a concept, or else, if similar,
// those whose code differs from its code by few letters.
func (v *vocabularyCheck) nearest(l *list, iri, label string, similar bool) []Concept {
	key := l.name + "\x00" + iri + "\x00" + label
	if hint, ok := v.hints[key]; ok || len(v.hints) == maxHints {
		return hint
	}
	var found []Concept
	if label != "" && len(label) < 200 {
		for _, c := range Search(l.name, label, "en", 0) {
			if slices.ContainsFunc(slices.Collect(maps.Values(c.Label)), func(s string) bool { return fold(s) == fold(label) }) {
				found = append(found, c)
			}
		}
	}
	code := (Concept{ID: iri}).Code()
	if similar && len(found) == 0 && code != "" && len(code) < 40 {
		type near struct {
			Concept
			edits, step int
		}
		var all []near
		for _, c := range List(l.name) {
			if edits, step := distance(fold(code), fold(c.Code())); edits <= 1+len(code)/8 {
				all = append(all, near{c, edits, step})
			}
		}
		slices.SortStableFunc(all, func(a, b near) int { return cmp.Or(a.edits-b.edits, a.step-b.step) })
		for _, n := range all {
			if n.edits == all[0].edits {
				found = append(found, n.Concept)
			}
		}
	}
	found = found[:min(3, len(found))]
	if v.hints == nil {
		v.hints = make(map[string][]Concept)
	}
	v.hints[key] = found
	return found
}

// distance returns how many bytes must be put in, taken out or changed to make b
// of a (Levenshtein), and how far apart the first two that differ are, so that
// level 8 is nearer to level 9 than level 1 is.
func distance(a, b string) (edits, step int) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			step = max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
			break
		}
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)], step
}

// skosInScheme names a scheme, and so do its short forms.
const skosInScheme = "http://www.w3.org/2004/02/skos/core#inScheme"

func idOf(obj *strictjson.Value) string {
	for _, name := range []string{"id", "@id"} {
		if id, ok := obj.Get(name).Text(); ok {
			return id
		}
	}
	return ""
}

// labelOf returns the preferred label of a concept, in English if there is one.
func labelOf(obj *strictjson.Value) string {
	labels := obj.Get("prefLabel")
	if label := labelIn(labels.Get("en")); label != "" {
		return label
	}
	members := labels.Members()
	for i := range members {
		if label := labelIn(&members[i].Value); label != "" {
			return label
		}
	}
	return ""
}

// labelIn returns the first label in one language.
func labelIn(value *strictjson.Value) string {
	if items := value.Items(); len(items) > 0 {
		value = &items[0].Value
	}
	label, _ := value.Text()
	return label
}
