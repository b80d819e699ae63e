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

// onePerson compares everybody with everybody. One contradiction is enough to
// refuse. Where none is, those that are certainly the same person may vouch for
// each other in a chain: A and B share a learner number, B and C a birth date.
func onePerson(items []*StackItem) sameness {
	group := make([]int, len(items))
	for i := range group {
		group[i] = i
	}
	for i, a := range items {
		for k := i + 1; k < len(items); k++ {
			switch comparePeople(a, items[k]) {
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
func comparePeople(a, b *StackItem) sameness {
	p, q := a.who, b.who
	national := doubtful
	if x, y := p.NationalID, q.NationalID; x != nil && y != nil && x.Notation != "" && y.Notation != "" &&
		x.Spatial != nil && y.Spatial != nil && x.Spatial.ID == y.Spatial.ID && x.SchemeName == y.SchemeName {
		national = differs
		if sameNotation(x.Notation, y.Notation) {
			national = same
		}
	}
	number := doubtful
	if a.issuer == b.issuer {
		number = sameNumber(p.Identifier, q.Identifier)
	}
	birth := doubtful
	if x, errX := p.DateOfBirth.Time(true); errX == nil {
		if y, errY := q.DateOfBirth.Time(true); errY == nil {
			birth = differs
			if x.Format(time.DateOnly) == y.Format(time.DateOnly) { // the day as written, in whatever zone
				birth = same
			}
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
	case name != differs, birth == same && shareName(p, q):
		return doubtful
	}
	return differs
}

// sameNumber compares learner numbers under the same name of scheme.
func sameNumber(a, b []elm.Identifier) sameness {
	found := doubtful
	for _, x := range a {
		for _, y := range b {
			switch {
			case x.SchemeName != y.SchemeName, x.Notation == "", y.Notation == "":
			case sameNotation(x.Notation, y.Notation):
				return same
			default:
				found = differs
			}
		}
	}
	return found
}

func sameNotation(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }

// compareNames: same for equal letters in any order of the names; doubtful where
// one is written otherwise (in the other script, without its diacritics, with a
// name less) or not there; else differs.
func compareNames(p, q *elm.Person) sameness {
	a, b := namesOf(p), namesOf(q)
	switch {
	case len(a) == 0 || len(b) == 0:
		return doubtful
	case slices.Equal(a, b):
		return same
	}
	a, b = bare(a), bare(b)
	within := func(few, many []string) bool {
		return !slices.ContainsFunc(few, func(n string) bool { return !slices.Contains(many, n) })
	}
	if min(len(a), len(b)) > 1 && (within(a, b) || within(b, a)) || slices.Equal(a, b) {
		return doubtful
	}
	return differs
}

func shareName(p, q *elm.Person) bool {
	b := bare(namesOf(q))
	return slices.ContainsFunc(bare(namesOf(p)), func(n string) bool { return slices.Contains(b, n) })
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
