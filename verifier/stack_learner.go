package verifier

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"indeks/elm"
)

// sameness is whether two credentials belong to one person.
type sameness int

const (
	differs sameness = iota
	doubtful
	same
)

// learner is what a credential says of who earned it, read once: a stack
// compares everybody with everybody.
type learner struct {
	*elm.Person
	issuer      string
	birth       string // YYYY-MM-DD as written, in whatever zone, or ""
	names, bare []string
	numbers     map[string]map[string]bool // learner numbers by scheme
}

func learnerOf(i *StackItem) learner {
	l := learner{Person: i.who, issuer: i.issuer, names: namesOf(i.who), numbers: map[string]map[string]bool{}}
	l.bare = bare(l.names)
	if at, err := i.who.DateOfBirth.Time(true); err == nil {
		l.birth = at.Format(time.DateOnly)
	}
	for _, id := range i.who.Identifier {
		number := strings.TrimSpace(id.Notation)
		if number == "" {
			continue
		}
		if l.numbers[id.SchemeName] == nil {
			l.numbers[id.SchemeName] = map[string]bool{}
		}
		l.numbers[id.SchemeName][number] = true
	}
	return l
}

// onePerson compares everybody with everybody. One contradiction is enough to
// refuse. Where none is, those that are certainly the same person may vouch for
// each other in a chain: A and B share a learner number, B and C a birth date.
func onePerson(people []learner) sameness {
	group := make([]int, len(people))
	for i := range group {
		group[i] = i
	}
	for i := range people {
		for k := i + 1; k < len(people); k++ {
			switch comparePeople(&people[i], &people[k]) {
			case differs:
				return differs
			case same:
				from, to := group[k], group[i]
				for n := range group {
					if group[n] == from {
						group[n] = to
					}
				}
			}
		}
	}
	for _, g := range group {
		if g != group[0] {
			return doubtful
		}
	}
	return same
}

// comparePeople compares two learners by what both credentials say of them: a
// credential in form vc2 has the name only. Names alone never decide, because
// namesakes exist; a difference in spelling or script never refuses, because
// one person is written in several ways.
//
//	national ids of one country, or birth dates, differ       different people
//	an id in common, names alike                              the same
//	names and birth dates equal                               the same
//	an id in common, or birth date and part of the name       in doubt
//	names alike, and no birth date to compare                 in doubt
//	else                                                      different people
//
// Two learner numbers of one institution that differ put in doubt what would be
// the same: they may be two people, or one who enrolled twice.
func comparePeople(p, q *learner) sameness {
	national := doubtful
	if x, y := p.NationalID, q.NationalID; x != nil && y != nil && x.Notation != "" && y.Notation != "" &&
		x.Spatial != nil && y.Spatial != nil && x.Spatial.ID == y.Spatial.ID && x.SchemeName == y.SchemeName {
		national = differs
		if strings.TrimSpace(x.Notation) == strings.TrimSpace(y.Notation) {
			national = same
		}
	}
	number := doubtful
	if p.issuer == q.issuer {
		number = sameNumber(p.numbers, q.numbers)
	}
	birth := doubtful
	if p.birth != "" && q.birth != "" {
		birth = differs
		if p.birth == q.birth {
			birth = same
		}
	}
	if national == differs || birth == differs {
		return differs
	}
	name := compareNames(p, q)
	switch known := national == same || number == same; {
	case known && name != differs:
		return same
	case known:
		return doubtful // a name that changed, or an id that went to somebody else
	case name == same && birth == same && number != differs:
		return same
	case name != differs, birth == same && common(p.bare, q.bare) > 0:
		return doubtful
	}
	return differs
}

// sameNumber compares learner numbers under the same name of scheme.
func sameNumber(a, b map[string]map[string]bool) sameness {
	found := doubtful
	for scheme, numbers := range a {
		for number := range numbers {
			if b[scheme][number] {
				return same
			}
		}
		if len(b[scheme]) > 0 {
			found = differs
		}
	}
	return found
}

// compareNames: same for equal letters in any order of the names; doubtful where
// one is written otherwise (in the other script, without its diacritics, with a
// name less) or not there; else differs.
func compareNames(p, q *learner) sameness {
	switch {
	case len(p.names) == 0 || len(q.names) == 0:
		return doubtful
	case slices.Equal(p.names, q.names):
		return same
	}
	few := min(len(p.bare), len(q.bare))
	if few > 1 && common(p.bare, q.bare) == few || slices.Equal(p.bare, q.bare) {
		return doubtful
	}
	return differs
}

// common is how many names of the shorter of two ordered lists the other has.
func common(a, b []string) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	n := 0
	for _, name := range a {
		if _, found := slices.BinarySearch(b, name); found {
			n++
		}
	}
	return n
}

// namesOf are the names of a person, in order and without case.
func namesOf(p *elm.Person) []string {
	text := p.FullName.In("en").Text
	if text == "" {
		text = p.GivenName.In("en").Text + " " + p.FamilyName.In("en").Text
	}
	names := strings.FieldsFunc(plainName(text), func(r rune) bool { return unicode.IsSpace(r) || r == '-' })
	slices.Sort(names)
	return names
}

// plainName is a text without case and doubled or invisible space.
func plainName(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(elm.Clean(s)), " "))
}

// bare are names in Latin letters without diacritics, as machines without our
// letters write them. It is only ever good for a doubt.
func bare(names []string) []string {
	var out []string
	for _, n := range names {
		n = latin.Replace(n)
		// What is left of a letter and a combining mark is the letter.
		n = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, n)
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// latin writes small letters of the languages of the region in ASCII.
var latin = strings.NewReplacer(
	"đ", "dj", "ђ", "dj", "č", "c", "ć", "c", "ч", "c", "ћ", "c", "š", "s", "ш", "s", "ž", "z", "ж", "z",
	"а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "е", "e", "з", "z", "и", "i", "ј", "j", "к", "k", "л", "l",
	"љ", "lj", "м", "m", "н", "n", "њ", "nj", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "у", "u", "ф", "f",
	"х", "h", "ц", "c", "џ", "dz", "dž", "dz", "ѓ", "gj", "ќ", "kj", "ѕ", "dz",
	"á", "a", "à", "a", "â", "a", "ä", "a", "ă", "a", "ą", "a", "é", "e", "è", "e", "ê", "e", "ë", "e", "ę", "e", "ě", "e",
	"í", "i", "î", "i", "ï", "i", "ó", "o", "ô", "o", "ö", "o", "ő", "o", "ú", "u", "ü", "u", "ű", "u", "ý", "y",
	"ł", "l", "ń", "n", "ñ", "n", "ň", "n", "ř", "r", "ś", "s", "ș", "s", "ț", "t", "ť", "t", "ź", "z", "ż", "z", "ç", "c", "ß", "ss", "ø", "o", "å", "a",
)
