package contexts

import (
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
	Label    map[string]string // language tag to label; always has "en"
}

// Lookup returns the concept with this IRI from the compiled-in lists.
func Lookup(iri string) (Concept, bool) {
	c, ok := vocabulary().byID[iri]
	return c, ok
}

// Lists names the compiled-in lists: "eqf", "nqf", "credit", "assessment",
// "mode", "supervision", "accreditation", "learning-activity",
// "learning-opportunity", "learning-setting", "skill-type", "skill-reuse",
// "entitlement", "entitlement-status", "isced-f", "country", "region",
// "language", "credential-type", "file-type", "encoding", "qf-ehea",
// "verification", "verification-status", "note-topic".
//
// They hold what a micro-credential needs, under the IRIs of the EU
// vocabularies: "nqf" only the frameworks of RS, HR, SI, ME, BA, MK, AL, XK,
// GB-SCT, IE, AT, DE and IT, "region" those of RS and HR, "language" some 45 of
// Europe, "file-type" what can be attached. Concepts of our own have ids that
// begin with urn:indeks: the cycles of "qf-ehea", the credit systems CSVET, CSPK
// and SCQF, and the topics and codes of "note-topic", where a code's scheme is
// its topic.
//
// Lists that people see in a supplement have labels in "hr", "sr-Latn" and
// "sr-Cyrl" beside "en"; in "country" those of the Union and its neighbours
// have, in "isced-f" none.
func Lists() []string {
	names := make([]string, len(lists))
	for i, l := range lists {
		names[i] = l.name
	}
	return names
}

// List returns the members of a list in its own order, or nil.
func List(name string) []Concept { return slices.Clone(vocabulary().byList[name]) }

// list is a vocabulary as lists.go writes it: one concept a line, or several
// separated by semicolons. A concept is
//
//	code [notation] = en [| hr | sr-Latn | sr-Cyrl]
//
// Its id is the code below base, or the code itself when that is an IRI; its
// scheme is scheme, or for urn:indeks codes whatever precedes the last colon.
type list struct {
	name, scheme, base string
	concepts           string
}

var labelLanguages = []string{"en", "hr", "sr-Latn", "sr-Cyrl"}

type concepts struct {
	byID   map[string]Concept
	byList map[string][]Concept
}

var vocabulary = sync.OnceValue(func() concepts {
	all := concepts{byID: make(map[string]Concept), byList: make(map[string][]Concept)}
	for _, l := range lists {
		for line := range strings.FieldsFuncSeq(l.concepts, func(r rune) bool { return r == '\n' || r == ';' }) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			c := l.concept(line)
			all.byID[c.ID] = c
			all.byList[l.name] = append(all.byList[l.name], c)
		}
	}
	return all
})

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
