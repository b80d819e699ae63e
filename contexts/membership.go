package contexts

import "strings"

// extent says what the absence of a concept from one of our lists means.
type extent uint8

const (
	// open lists grow from year to year: states, languages and currencies, their
	// regions, the frameworks of countries that were not yet there, file types.
	// Ours are those of 2023, so that an unknown member may be right.
	open extent = iota

	// closed lists are complete. Some rest on an act or a standard: the eight
	// levels of the European Qualifications Framework, the fields of ISCED-F 2013,
	// the learning settings and the kinds of learning outcome of which the shapes
	// demand that scheme and no other. The rest answer Annex I of the Council
	// Recommendation in few codes that verifiers in all countries must know:
	// assessment, mode, supervision, accreditation, credit system, kinds of
	// activity, opportunity and entitlement. Closing these hinders nobody, as no
	// shape demands their scheme: who has another kind of assessment names
	// another scheme, as samples of the EU do. Of accreditation, where the
	// scheme is demanded, the kind added since 2023 is among ours.
	closed

	// partial lists are known to us by some of their members only.
	partial
)

// absent are the schemes that the application profiles name and of which we have
// no list, with what the ids of their members begin with.
var absent = map[string]string{
	esco + "concept-scheme/skills":         esco + "skill/",
	esco + "concept-scheme/occupations":    esco + "occupation/",
	snb + "dcf/25831c2":                    snb + "dcf/",
	snb + "claim-type/25831c2":             snb + "claim-type/",
	snb + "grade-status/25831c2":           snb + "grade-status/",
	snb + "accreditation-decision/25831c2": snb + "accreditation-decision/",
	snb + "education-level/25831c2":        snb + "education-level/",
}

const esco = "http://data.europa.eu/esco/"

// Membership is how a concept stands to the concept scheme that it names.
type Membership uint8

const (
	Unchecked     Membership = iota // neither scheme nor concept is compiled in, so that nothing can be said
	Member                          // the concept is in the scheme
	Unlisted                        // it is not in what is known of an open scheme
	NotMember                       // it is not in a closed scheme
	Misplaced                       // it is in another scheme than the known one it names
	UnknownScheme                   // it is in a known scheme, and names one that is not known
)

// CheckMember tells whether the concept with this IRI is in the concept scheme
// with that IRI, as concepts in credentials claim by their inScheme. SHACL looks
// at the IRI of the scheme alone.
//
// Of ESCO and some other schemes no list is compiled in; their concepts are
// Unchecked if their IRIs have the form of that scheme, else Unlisted.
func CheckMember(iri, scheme string) Membership {
	c, _, known := lookup(iri)
	l := vocabulary().schemes[scheme]
	base, isAbsent := absent[scheme]
	switch {
	case known && c.Scheme == scheme:
		return Member
	case known && (l != nil || isAbsent):
		return Misplaced
	case known:
		return UnknownScheme
	case isAbsent && !strings.HasPrefix(iri, base):
		return Unlisted
	case l == nil:
		return Unchecked
	case l.extent == closed && l.scheme == scheme: // rather than one of our own within it
		return NotMember
	}
	return Unlisted
}
