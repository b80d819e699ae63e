package contexts

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// Concept is a member of a controlled vocabulary. Its maps are shared: do not
// change them.
type Concept struct {
	ID       string            // IRI
	Scheme   string            // IRI of the concept scheme
	Notation string            // the ISCED-F code, or the abbreviation of a credit system; else ""
	Label    map[string]string // language tag to label; has "en" unless it is empty
}

// In returns the label in a language, else in English, else the code.
func (c Concept) In(lang string) string {
	return cmp.Or(c.Label[lang], c.Label["en"], c.Code())
}

// Code returns what tells the concept from the others of its list: the end of
// its id, after the last slash, or all of the id where it has none.
func (c Concept) Code() string { return c.ID[strings.LastIndexByte(c.ID, '/')+1:] }

// Lookup returns the concept with this IRI from the compiled-in lists, if they
// have a label for it. Of some languages and administrative units the EU has
// published the code only; those are known to List and CheckMember alone.
func Lookup(iri string) (Concept, bool) {
	c, _, ok := lookup(iri)
	return c, ok && len(c.Label) > 0
}

// Lists names the compiled-in lists: "eqf", "nqf", "credit", "assessment",
// "mode", "supervision", "accreditation", "learning-activity",
// "learning-opportunity", "learning-setting", "skill-type", "skill-reuse",
// "entitlement", "entitlement-status", "isced-f", "country", "region",
// "language", "credential-type", "file-type", "encoding", "qf-ehea",
// "verification", "verification-status", "learning-schedule", "target-group",
// "atu", "currency", "human-sex", "evidence-type", "presentation-type",
// "note-topic".
//
// They are the EU vocabularies under their IRIs, with the members published by
// 2023 and those that credentials of the EU have used since; "region" is NUTS,
// whose labels are the names in the country itself, except for RS, ME and HR. Of
// "verification", "verification-status", "human-sex", "evidence-type" and
// "presentation-type" only some members are known, and of "credential-type" some
// added since 2023. Concepts of our own have ids that begin with urn:indeks: the
// cycles of "qf-ehea", the credit systems CSVET, CSPK and SCQF, and the topics
// and codes of "note-topic", where a code's scheme is its topic.
//
// Lists that people see in a supplement have labels in "hr", "sr-Latn", "sr-Cyrl", "sl",
// "bs", "cnr", "de", "mk" and "sq" beside "en". In "country" and "language" those of Europe
// have, in "nqf" the levels and not the frameworks, in "region" those of Croatia, Montenegro
// and Serbia in their languages and, but for the states themselves, not in "sl", "de", "mk"
// and "sq"; in "atu", "currency" and "file-type" none.
func Lists() []string {
	names := make([]string, len(lists))
	for i, l := range lists {
		names[i] = l.name
	}
	return names
}

// List returns the members of a list, or nil. Those of Europe or of its south-east come
// first, in our order, then the others by code; of "nqf" by label.
func List(name string) []Concept {
	if l := named(name); l != nil {
		return l.members(nil)
	}
	return nil
}

// ListInfo says what a list is.
type ListInfo struct {
	Title  string // what it is a list of, in English: "countries and territories"
	Scheme string // IRI of the concept scheme
	Base   string // what the IRI of a member has before its code, except for concepts of our own; may be ""
	Closed bool   // it is complete, see CheckMember
}

// About describes a list of Lists.
func About(name string) (ListInfo, bool) {
	l := named(name)
	if l == nil {
		return ListInfo{}, false
	}
	return ListInfo{Title: l.title, Scheme: l.scheme, Base: l.base, Closed: l.extent == closed}, true
}

func named(name string) *list {
	if i := slices.IndexFunc(lists, func(l list) bool { return l.name == name }); i >= 0 {
		return &lists[i]
	}
	return nil
}

// members returns the members in the order of List, leaving out those of the
// table whose code and English label do not pass a filter.
func (l *list) members(filter func(line string) bool) []Concept {
	ours := vocabulary().byList[l.name]
	all := slices.Clone(ours)
	for line := range strings.Lines(l.table) {
		if filter != nil && !filter(line) {
			continue
		}
		code, label, _ := strings.Cut(line[:len(line)-1], "\t")
		if _, ok := vocabulary().byID[l.base+code]; !ok {
			all = append(all, l.tabled(code, label))
		}
	}
	if l.name == "nqf" {
		slices.SortFunc(all[len(ours):], func(a, b Concept) int { return natural(a.Label["en"], b.Label["en"]) })
	}
	return all
}

// list is a vocabulary as lists.go writes it: one concept a line, or several
// separated by semicolons. A concept is
//
//	code [notation] = en [| hr | sr-Latn | sr-Cyrl]
//
// Its id is the code below base, or the code itself when that is an IRI; its
// scheme is scheme, or for urn:indeks codes whatever precedes the last colon.
// The members that are not written so are in table.
type list struct {
	name     string
	title    string // what it is a list of, in English
	extent   extent
	table    string
	scheme   string
	base     string
	concepts string
}

var labelLanguages = []string{"en", "hr", "sr-Latn", "sr-Cyrl"}

type member struct {
	Concept
	list *list
}

type concepts struct {
	byID    map[string]member // without those of tables
	byList  map[string][]Concept
	schemes map[string]*list
}

var vocabulary = sync.OnceValue(func() concepts {
	all := concepts{byID: make(map[string]member), byList: make(map[string][]Concept), schemes: make(map[string]*list)}
	for i := range lists {
		l := &lists[i]
		all.schemes[l.scheme] = l
		for line := range strings.FieldsFuncSeq(l.concepts, func(r rune) bool { return r == '\n' || r == ';' }) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			c := l.concept(line)
			all.byID[c.ID] = member{c, l}
			all.byList[l.name] = append(all.byList[l.name], c)
			all.schemes[c.Scheme] = l
		}
	}
	for _, lang := range furtherLanguages {
		addLabels(all.byID, lang)
	}
	fieldLabels(all.byList["isced-f"])
	regionLabels(all.byList["region"], all.byID)
	return all
})

// lookup returns a concept and its list.
func lookup(iri string) (Concept, *list, bool) {
	if m, ok := vocabulary().byID[iri]; ok {
		return m.Concept, m.list, true
	}
	for i := range lists {
		l := &lists[i]
		if l.table == "" {
			continue
		}
		if code, ok := strings.CutPrefix(iri, l.base); ok {
			label, ok := find(l.table, code)
			return l.tabled(code, label), l, ok
		}
	}
	return Concept{}, nil, false
}

func (l *list) concept(line string) Concept {
	left, right, _ := strings.Cut(line, "=")
	code, notation, _ := strings.Cut(strings.TrimSpace(left), " ")
	c := Concept{ID: l.base + code, Scheme: l.scheme, Notation: notation, Label: make(map[string]string)}
	if strings.HasPrefix(code, "urn:indeks:") {
		c.ID, c.Scheme = code, code[:strings.LastIndexByte(code, ':')]
	}
	for i, label := range strings.Split(right, "|") {
		c.Label[labelLanguages[i]] = strings.TrimSpace(label)
	}
	if l.name == "nqf" {
		levelLabels(c.Label)
	}
	return c
}

// tabled is a concept of the table.
func (l *list) tabled(code, label string) Concept {
	c := Concept{ID: l.base + code, Scheme: l.scheme}
	if label != "" {
		c.Label = map[string]string{"en": label}
		if l.name == "nqf" {
			levelLabels(c.Label)
		}
	}
	return c
}

// natural orders labels so that level 10 comes after level 9.
func natural(a, b string) int {
	digits := func(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }
	for a != "" && b != "" {
		m, n := digits(a), digits(b)
		if m != "" && n != "" && m != n {
			return cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n))
		}
		if a[0] != b[0] {
			break
		}
		a, b = a[1:], b[1:]
	}
	return strings.Compare(a, b)
}
