package elm

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"indeks/contexts"
)

// ExtractOptions says what an extract tells beyond what every one tells. The zero
// value is the least.
type ExtractOptions struct {
	Languages []string // of texts, the first counts most; nil: all that there are
	Outcomes  bool     // the learning outcomes
	Grade     bool
	Birth     DateTime // date of birth, "" leaves it out: no vc2 credential has it
}

// Extract is what of a credential of profile VC2 fits into a printed code: who
// earned what from whom, when, how much of it, at which level, in which form, and
// where to ask whether it was withdrawn. It is a credential of the same id, profile
// and period; relatedResource binds the whole, under that id, by the SHA-256 of its
// exact bytes.
//
// Ids of nodes and labels of concepts that every reader has are left out, since
// neither says anything. Where there is no text in the languages asked for, the
// first of it is taken.
func (c *Credential) Extract(o ExtractOptions) ([]byte, error) {
	if c.Profile != VC2 || len(c.Raw) == 0 || c.ID == "" || len(c.Subject) == 0 {
		return nil, errors.New("making an extract: not a credential of profile vc2 that was read, with id and subject")
	}
	digest := sha256.Sum256(c.Raw)
	x := extract{o.Languages, c.Issuer.ID}
	learner := c.Subject[0]
	short := Credential{
		Profile: VC2, Context: c.Context, ID: c.ID, Type: ownTypes,
		RelatedResource: List[RelatedResource]{{ID: c.ID, DigestSRI: "sha256-" + base64.StdEncoding.EncodeToString(digest[:])}},
		ValidFrom:       c.ValidFrom, ValidUntil: c.ValidUntil,
		Issuer: x.organisation(c.Issuer),
	}
	for _, resource := range c.RelatedResource {
		if resource.ID == c.ELMContext { // what the whole means by its terms
			resource.MediaType = ""
			short.RelatedResource = append(List[RelatedResource]{resource}, short.RelatedResource...)
		}
	}
	for _, identifier := range c.Identifier {
		if identifier.SchemeName == "Certificate number" {
			short.Identifier = List[Identifier]{{Ref: Ref{Type: List[string]{"Identifier"}}, Notation: identifier.Notation, SchemeName: identifier.SchemeName}}
		}
	}
	for _, entry := range c.CredentialStatus {
		entry.ID = "" // list and index say the same
		short.CredentialStatus = append(short.CredentialStatus, entry)
	}
	person := Person{Ref: Ref{Type: List[string]{"Person"}}, FullName: learner.FullName, DateOfBirth: o.Birth}
	if len(person.FullName) == 0 {
		person.GivenName, person.FamilyName = learner.GivenName, learner.FamilyName
	}
	for i := range learner.HasClaim {
		if claim := &learner.HasClaim[i]; kindOf(claim, "LearningAchievement") == "LearningAchievement" {
			person.HasClaim = List[Claim]{x.achievement(claim, o)}
			break
		}
	}
	short.Subject = List[Person]{person}
	return short.EncodeWhole()
}

// ExtractOf returns the SHA-256 of the whole credential of which this is an
// extract, and whether it is one. Its word for it is part of what was sealed.
func (c *Credential) ExtractOf() (digest []byte, ok bool) {
	for _, resource := range c.RelatedResource {
		text, sha256 := strings.CutPrefix(resource.DigestSRI, "sha256-")
		if resource.ID == c.ID && c.ID != "" && sha256 {
			digest, err := base64.StdEncoding.DecodeString(text)
			return digest, err == nil
		}
	}
	return nil, false
}

// extract keeps what is told of each kind of thing.
type extract struct {
	languages []string
	issuer    string // id
}

func (x extract) achievement(c *Claim, o ExtractOptions) Claim {
	short := Claim{
		Ref: Ref{Type: List[string]{"LearningAchievement"}}, Title: x.text(c.Title),
		CreditReceived: x.credits(creditsOf(c, VC2)),
	}
	if a := c.AwardedBy; a != nil {
		short.AwardedBy = &AwardingProcess{Ref: Ref{Type: List[string]{"AwardingProcess"}}, AwardingDate: a.AwardingDate}
		for _, body := range a.AwardingBody {
			if body.ID != x.issuer { // who seals for itself is named already
				body.ID = ""
				short.AwardedBy.AwardingBody = append(short.AwardedBy.AwardingBody, x.organisation(body))
			}
		}
	}
	if s := c.SpecifiedBy; s != nil {
		q := &Specification{
			Ref: Ref{Type: List[string]{"Qualification"}}, EQFLevel: x.concept(s.EQFLevel), VolumeOfLearning: s.VolumeOfLearning,
		}
		modes := s.Mode
		for _, a := range c.InfluencedBy {
			q.VolumeOfLearning = cmp.Or(q.VolumeOfLearning, a.Workload)
			if a.SpecifiedBy != nil && len(s.Mode) == 0 {
				modes = append(modes, a.SpecifiedBy.Mode...)
			}
		}
		q.Mode = x.concepts(modes)
		if o.Outcomes {
			for _, outcome := range s.LearningOutcome {
				q.LearningOutcome = append(q.LearningOutcome, LearningOutcome{Ref: Ref{Type: List[string]{"LearningOutcome"}}, Title: x.text(outcome.Title)})
			}
		}
		short.SpecifiedBy = q
	}
	for _, a := range c.ProvenBy {
		if o.Grade && a.Grade != nil {
			short.ProvenBy = append(short.ProvenBy, Claim{
				Ref:   Ref{Type: List[string]{"LearningAssessment"}},
				Title: x.text(a.Title),
				Grade: &Note{Ref: Ref{Type: List[string]{"Note"}}, NoteLiteral: x.text(a.Grade.NoteLiteral)},
			})
		}
	}
	return short
}

func (x extract) organisation(o Organisation) Organisation {
	name := x.text(o.LegalName)
	return Organisation{Ref: Ref{ID: o.ID, Type: List[string]{"Organisation"}}, DID: o.DID, LegalName: name[:min(len(name), 1)]}
}

func (x extract) credits(list []CreditPoint) (short List[CreditPoint]) {
	for _, p := range list {
		short = append(short, CreditPoint{Ref: Ref{Type: List[string]{"CreditPoint"}}, Framework: x.concept(p.Framework), Point: p.Point})
	}
	return short
}

func (x extract) concepts(list List[Concept]) (short List[Concept]) {
	for i := range list {
		if c := x.concept(&list[i]); !slices.ContainsFunc(short, func(o Concept) bool { return o.ID == c.ID && c.ID != "" }) {
			short = append(short, *c)
		}
	}
	return short
}

func (x extract) concept(c *Concept) *Concept {
	if c == nil {
		return nil
	}
	short := &Concept{Ref: Ref{ID: c.ID, Type: List[string]{"Concept"}}}
	if _, known := contexts.Lookup(c.ID); !known {
		short.PrefLabel, short.Notation = x.text(c.PrefLabel), c.Notation
	}
	return short
}

func (x extract) text(t Text) (short Text) {
	for _, lang := range x.languages {
		for _, one := range t {
			if one.Tag == lang {
				short = append(short, one)
			}
		}
	}
	if short == nil && x.languages != nil {
		return t[:min(len(t), 1)]
	}
	if x.languages == nil {
		return t
	}
	return short
}
