package elm

import (
	"math/big"
	"regexp"
	"slices"
	"strings"

	"indeks/strictjson"
)

// Award is one achievement as arithmetic over several credentials needs it: in
// codes and amounts as written, where [Supplement] has words.
type Award struct {
	// Codes name the qualification wherever it occurs: its id, where that is
	// more than a number within the document, and its identifiers with their
	// scheme. They may be missing.
	Codes   []string
	Title   Text
	Bodies  []*Organisation
	Awarded DateTime
	Credits []CreditPoint // received, else those of the specification
	Volume  string        // xsd:duration, S.volumeOfLearning
	Level   *Concept      // of the EQF, else the first national one, else the cycle, else nil

	// Codes of coded notes, without their topic; "" where the credential says
	// nothing or contradicts itself.
	Provider, Status, Stackability string

	Towards []Target
	Parts   []Award
}

// Target is a named award towards which another one leads.
type Target struct {
	Codes []string
	Title Text
	Needs []CreditPoint // in all, where the credential says so
}

// Awards are the achievements that a credential awards a learner, in its order.
// Achievements inside them are their Parts; activities, assessments and
// entitlements alone are no award.
func Awards(p *Person, profile Profile) []Award { return awards(p.HasClaim, profile) }

func awards(claims List[Claim], profile Profile) []Award {
	var found []Award
	for i := range claims {
		c := &claims[i]
		switch kindOf(c, "LearningAchievement") {
		case "LearningActivity", "LearningAssessment", "LearningEntitlement":
			continue
		}
		a := Award{Title: c.Title, Credits: creditsOf(c, profile), Parts: awards(c.HasPart, profile)}
		notes := [][]Note{c.AdditionalNote}
		if by := c.AwardedBy; by != nil {
			a.Awarded = by.AwardingDate
			notes = append(notes, by.AdditionalNote)
			for k := range by.AwardingBody {
				a.Bodies = append(a.Bodies, &by.AwardingBody[k])
				notes = append(notes, by.AwardingBody[k].AdditionalNote)
			}
		}
		if s := c.SpecifiedBy; s != nil {
			notes = append(notes, s.AdditionalNote)
			a.Codes, a.Volume, a.Level = codesOf(s), s.VolumeOfLearning, levelOf(s)
			if len(a.Title) == 0 {
				a.Title = s.Title
			}
			for k := range s.IsPartOf {
				a.Towards = append(a.Towards, Target{codesOf(&s.IsPartOf[k]), s.IsPartOf[k].Title, s.IsPartOf[k].CreditPoint})
			}
		}
		for k := range c.EntitlesTo {
			to := Target{Title: c.EntitlesTo[k].Title}
			if s := c.EntitlesTo[k].SpecifiedBy; s != nil {
				to.Codes, to.Needs = codesOf(s), s.CreditPoint
				if len(to.Title) == 0 {
					to.Title = s.Title
				}
			}
			a.Towards = append(a.Towards, to)
		}
		a.Towards = slices.DeleteFunc(a.Towards, func(to Target) bool { return len(to.Title) == 0 })
		a.Provider, a.Status, a.Stackability = codeOf(notes, TopicProvider), codeOf(notes, TopicAwardStatus), codeOf(notes, TopicStackability)
		found = append(found, a)
	}
	return found
}

// creditsOf are the points that the learner received, else those that the
// specification offers, else those that documents of other profiles put on the
// claim itself.
func creditsOf(c *Claim, profile Profile) []CreditPoint {
	points := c.CreditReceived
	if len(points) == 0 && c.SpecifiedBy != nil {
		points = c.SpecifiedBy.CreditPoint
	}
	if len(points) == 0 {
		given := strictjson.Of(c.Extra["creditPoint"])
		many(&reading{profile: profile}, &points, &given)
	}
	points = slices.Clone(points)
	for i := range points {
		points[i].Point = literal(points[i].Point, points[i].Extra, "point")
	}
	return points
}

// levelOf is the level of a qualification by which its credits are told apart.
func levelOf(s *Specification) *Concept {
	switch {
	case eqfNumber(s.EQFLevel) != "":
		return s.EQFLevel
	case len(s.NQFLevel) > 0:
		return &s.NQFLevel[0]
	case len(s.EducationLevel) > 0:
		return &s.EducationLevel[0]
	}
	return s.EQFLevel
}

// codesOf are the names by which a qualification is the same one in another
// document. Ids like urn:epass:qualification:1 number the objects of one
// document and mean nothing outside it.
func codesOf(s *Specification) []string {
	var codes []string
	if link(s.ID) != "" || uuidTail.MatchString(s.ID) {
		codes = append(codes, s.ID)
	}
	for _, id := range s.Identifier {
		if id.SchemeName != "" && id.Notation != "" {
			codes = append(codes, id.SchemeName+": "+id.Notation)
		}
	}
	return codes
}

var uuidTail = regexp.MustCompile(`:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// codeOf is the code that notes state on a topic; "" where they state none, or
// two that differ.
func codeOf(notes [][]Note, topic string) string {
	var stated string
	for _, list := range notes {
		for i := range list {
			for k := range list[i].Subject {
				of, code := topicOf(&list[i].Subject[k])
				if of != topic || code == "" || code == stated {
					continue
				}
				if stated != "" {
					return ""
				}
				stated = code
			}
		}
	}
	return stated
}

// Seconds is the exact length of an xsd:duration that is written in hours,
// minutes and seconds. Days of learning have no agreed number of hours, so
// longer units are not turned into any, and are false.
func Seconds(duration string) (*big.Rat, bool) {
	negative, parts, ok := durationParts(duration)
	if !ok || negative || len(duration) > 32 || parts[0]+parts[1]+parts[2] != "" {
		return nil, false
	}
	sum := new(big.Rat)
	for i, unit := range []int64{3600, 60, 1} {
		amount, ok := new(big.Rat).SetString("0" + parts[3+i])
		if !ok {
			return nil, false // unreachable: the form has digits only
		}
		sum.Add(sum, amount.Mul(amount, big.NewRat(unit, 1)))
	}
	return sum, true
}

// The functions below say in one of [Languages] what Award and its parts hold,
// in the words of the supplement.

// In is the text for a reader, with its language where that is another one.
func (t Text) In(lang string) Value { return (&view{lang: lang}).text(t) }

// NameOf is the name of an organisation as the supplement shows it.
func NameOf(o *Organisation, lang string) Value {
	value := (&view{lang: lang}).organisation(o)
	value.Detail = nil
	return value
}

// LevelName is a level in words: "Level 6 (EQF)", or the label of a national
// level or cycle; "" for nil.
func LevelName(c *Concept, lang string) string {
	v := &view{lang: lang}
	if c == nil {
		return ""
	}
	if eqfNumber(c) != "" {
		return v.eqf(c).Text
	}
	return v.cycle(c).Text
}

// SystemName is the name of a system of credit: "ECTS", "CSVET".
func SystemName(c *Concept, lang string) string {
	name := (&view{lang: lang}).points(&CreditPoint{Framework: c, Point: "0"}).Text
	return strings.TrimSpace(strings.TrimPrefix(name, "0"))
}

// Duration is an xsd:duration in words.
func Duration(duration, lang string) string { return (&view{lang: lang}).duration(duration).Text }
