package elm

import (
	"cmp"
	"slices"
	"strings"

	"indeks/strictjson"
)

// Each function here is one element of the supplement. Its ELM paths are in
// the comment; A is a learning achievement, S what specifies it, P an
// assessment, L an activity.

// M1: the learner. fullName, or givenName and familyName.
func (v *view) learner() Element {
	var values []Value
	for i := range v.c.Subject {
		p := &v.c.Subject[i]
		value := v.text(p.FullName)
		if value.Text == "" {
			given, family := v.text(p.GivenName), v.text(p.FamilyName)
			value = Value{
				Text:    strings.TrimSpace(given.Text + " " + family.Text),
				Lang:    cmp.Or(given.Lang, family.Lang),
				Cleaned: given.Cleaned || family.Cleaned,
			}
		}
		if value.Text == "" {
			value = v.named(p.Extra, "name")
		}
		value.Detail = v.line(value.Detail, "line:birth", v.day(p.DateOfBirth))
		for _, identifier := range p.Identifier {
			value.Detail = line(value.Detail, cmp.Or(Clean(v.scheme(identifier.SchemeName)), v.say("line:identifier")), identifier.Notation)
		}
		if p.NationalID != nil {
			value.Detail = v.line(value.Detail, "line:national-id", p.NationalID.Notation)
		}
		values = v.add(values, value)
	}
	return Element{ID: "M1", Values: values}
}

// M2: A.title, S.title, displayParameter.title, name.
func (v *view) title() Element {
	var values []Value
	for _, claims := range [][]claim{v.achievements, v.activities, v.assessments, v.entitlements} {
		if len(values) > 0 {
			break // the activities and assessments of an achievement are not what was awarded
		}
		for _, c := range main(claims) {
			value := v.titleOf(c)
			value.Detail = v.lineOf(value.Detail, "line:description", v.text(c.Description))
			values = v.add(values, value)
		}
	}
	if len(values) == 0 && v.c.DisplayParameter != nil {
		values = v.add(values, v.text(v.c.DisplayParameter.Title))
	}
	if len(values) == 0 {
		values = v.add(values, v.named(v.c.Extra, "name"))
	}
	e := Element{ID: "M2", Values: values}
	if slices.ContainsFunc(main(v.achievements), func(c claim) bool { return c.SpecifiedBy != nil && ofProgramme(c.SpecifiedBy) }) {
		e.Label = v.say("title of an award") // a degree is no micro-credential
	}
	return e
}

// awardingBodies are the organisations in awardedBy.awardingBody of what the
// credential itself claims, or, where that names none, of its parts.
func (v *view) awardingBodies() []*Organisation {
	var bodies []*Organisation
	for _, claims := range [][]claim{main(v.achievements), main(v.activities), main(v.assessments), main(v.entitlements), v.achievements} {
		for _, c := range claims {
			if c.AwardedBy == nil {
				continue
			}
			for i := range c.AwardedBy.AwardingBody {
				bodies = append(bodies, &c.AwardedBy.AwardingBody[i])
			}
		}
		if len(bodies) > 0 {
			break
		}
	}
	return bodies
}

// M4: A.awardedBy.awardingBody; the issuer where no claim names one. An id tells
// a reader nothing, so an organisation without a name does not count.
func (v *view) awardingBody() Element {
	var values []Value
	for _, body := range append(v.awarding, &v.c.Issuer) {
		if body == &v.c.Issuer && len(values) > 0 {
			break
		}
		if value := v.organisation(body); value.Text != shown(body.ID).Text {
			values = v.add(values, value)
		}
	}
	return Element{ID: "M4", Values: values}
}

// issuer is shown where another than the awarding body sealed the credential.
func (v *view) issuer() Element {
	e := Element{ID: "issuer"}
	if v.mandate {
		e.Values = v.add(nil, v.organisation(&v.c.Issuer))
	}
	return e
}

// mandated reports whether the issuer sealed what others awarded.
func (v *view) mandated() bool {
	bodies := v.awarding
	issuer := v.organisation(&v.c.Issuer)
	return len(bodies) > 0 && !slices.ContainsFunc(bodies, func(o *Organisation) bool {
		return o.ID != "" && o.ID == v.c.Issuer.ID || v.organisation(o).Text == issuer.Text
	})
}

// M3: issuer.location, awardingBody.location, A.awardedBy.location, else the
// country that gave the issuer's identifiers. Where one institution awards and
// another one seals, both countries are shown, each with the institution.
func (v *view) country() Element {
	var values []Value
	var of []Line // whose locations they are
	locations := func(list List[Location]) {
		for i := range list {
			for j := range list[i].Address {
				value := v.concept(list[i].Address[j].CountryCode)
				value.Detail = slices.Clone(of)
				if len(list[i].SpatialCode) > 0 {
					for _, region := range v.concepts(list[i].SpatialCode) {
						value.Detail = v.lineOf(value.Detail, "line:region", region)
					}
				}
				value.Detail = v.lineOf(value.Detail, "line:address", v.noteText(list[i].Address[j].FullAddress))
				values = v.add(values, value)
			}
			if len(list[i].Address) == 0 {
				for _, region := range v.concepts(list[i].SpatialCode) {
					values = v.add(values, region)
				}
			}
		}
	}
	if v.mandate {
		for _, body := range v.awarding {
			of = v.lineOf(nil, "M4", v.organisation(body))
			locations(body.Location)
		}
		of = v.lineOf(nil, "issuer", v.organisation(&v.c.Issuer))
	}
	locations(v.c.Issuer.Location)
	of = nil
	if len(values) == 0 {
		for _, body := range v.awarding {
			locations(body.Location)
		}
	}
	if len(values) == 0 {
		for _, c := range main(v.achievements) {
			if c.AwardedBy != nil {
				locations(c.AwardedBy.Location)
			}
		}
	}
	if id := v.c.Issuer.EIDASIdentifier; len(values) == 0 && id != nil {
		values = v.add(values, v.concept(id.Spatial))
	}
	for _, id := range v.c.Issuer.Registration {
		if len(values) == 0 {
			values = v.add(values, v.concept(id.Spatial))
		}
	}
	return Element{ID: "M3", Values: values}
}

// M5: A.awardedBy.awardingDate; the date of the document where it is another
// day, or the only one.
func (v *view) issued() Element {
	document := v.day(cmp.Or(v.c.Issued, v.c.IssuanceDate, v.c.ValidFrom))
	awarded := func(c claim) []Value {
		if c.AwardedBy == nil {
			return nil
		}
		value := shown(v.day(c.AwardedBy.AwardingDate))
		if document != value.Text {
			value.Detail = v.line(nil, "line:document", document)
		}
		return v.values.add(nil, value)
	}
	values := v.collect(main(v.achievements), awarded)
	if len(values) == 0 {
		values = v.collect(main(v.activities), awarded)
	}
	if len(values) == 0 {
		values = v.add(nil, shown(document))
	}
	return Element{ID: "M5", Values: values}
}

// M6: S.learningOutcome, S.learningOutcomeSummary.
func (v *view) outcomes() Element {
	specified := func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		var values []Value
		for i := range c.SpecifiedBy.LearningOutcome {
			o := &c.SpecifiedBy.LearningOutcome[i]
			value := v.text(o.Title)
			value.Detail = v.lineOf(value.Detail, "line:type", v.concept(o.DCType))
			value.Detail = v.lineOf(value.Detail, "line:reuse", v.concept(o.ReusabilityLevel))
			value.Detail = append(value.Detail, v.skills(append(v.concepts(o.RelatedESCOSkill), v.concepts(o.RelatedSkill)...))...)
			for j := range o.AdditionalNote {
				value.Detail = v.lineOf(value.Detail, "line:note", v.noteText(&o.AdditionalNote[j]))
			}
			values = v.add(values, value)
		}
		return v.add(values, v.noteText(c.SpecifiedBy.LearningOutcomeSummary))
	}
	values := v.collect(v.achievements, specified)
	if len(values) == 0 {
		values = v.collect(v.activities, specified)
	}
	return Element{ID: "M6", Values: values}
}

// skills are skills in a line, one for each language that they are named in:
// transcripts relate a dozen to every outcome.
func (v *view) skills(list []Value) []Line {
	var lines []Line
	at := map[string]int{}         // by language
	names := map[string][]string{} // likewise
	for _, skill := range list {
		if _, ok := at[skill.Lang]; !ok {
			n := len(lines)
			if lines = v.lineOf(lines, "line:skill", skill); len(lines) > n {
				at[skill.Lang] = n
			}
		}
		names[skill.Lang] = append(names[skill.Lang], skill.Text)
	}
	for lang, i := range at {
		if len(list) > maxValues {
			names[lang] = append(names[lang], "…")
		}
		lines[i].Text = strings.Join(names[lang], "; ")
	}
	return lines
}

// outcomeSource is the coded note about where the outcomes were taken from.
func (v *view) outcomeSource() Element { return v.coded("outcome-source", TopicSource) }

// M7: S.creditPoint, A.creditReceived, S.volumeOfLearning, L.workload,
// L.specifiedBy.contactHour.
func (v *view) workload() Element {
	values := v.collect(v.achievements, v.credits)
	hours := v.collect(v.achievements, func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		return v.contact(v.duration(cmp.Or(c.SpecifiedBy.VolumeOfLearning, c.Workload)), c.SpecifiedBy)
	})
	if len(hours) == 0 {
		hours = v.collect(v.activities, func(c claim) []Value {
			value := v.duration(c.Workload)
			if c.SpecifiedBy == nil {
				return v.values.add(nil, value)
			}
			if value.Text == "" {
				value = v.duration(c.SpecifiedBy.VolumeOfLearning)
			}
			if len(v.activities) > 1 {
				value.Detail = v.lineOf(value.Detail, "line:activity", v.titleOf(c))
			}
			return v.contact(value, c.SpecifiedBy)
		})
	}
	for _, c := range main(v.activities) {
		if len(hours) > 0 && c.SpecifiedBy != nil && c.SpecifiedBy.ContactHour != "" {
			hours[0].Detail = v.line(hours[0].Detail, "line:contact", v.counted(c.SpecifiedBy.ContactHour, "hour"))
		}
	}
	return v.orReason(Element{ID: "M7", Values: append(values, hours...)}, "credits")
}

// contact adds the contact hours of a specification, alone if need be.
func (v *view) contact(value Value, s *Specification) []Value {
	if hours := literal(s.ContactHour, s.Extra, "contactHour"); hours != "" {
		amount := v.counted(hours, "hour")
		if value.Text == "" {
			value = shown(v.say("line:contact") + ": " + amount)
		} else {
			value.Detail = v.line(value.Detail, "line:contact", amount)
		}
	}
	return v.values.add(nil, value)
}

// credits are the points of a claim, each in its own system. Points received
// are told apart only where they differ from those of the specification.
func (v *view) credits(c claim) []Value {
	offered := c.CreditReceived
	if c.SpecifiedBy != nil && len(c.SpecifiedBy.CreditPoint) > 0 {
		offered = c.SpecifiedBy.CreditPoint
	} else if len(offered) == 0 {
		// Documents of other profiles put the points on the claim itself.
		given := strictjson.Of(c.Extra["creditPoint"])
		many(&reading{profile: Other}, &offered, &given)
	}
	var values []Value
	for i := range offered {
		values = v.add(values, v.points(&offered[i]))
	}
	for i := range c.CreditReceived {
		value := v.points(&c.CreditReceived[i])
		if slices.ContainsFunc(values, func(known Value) bool { return known.Text == value.Text }) {
			continue
		}
		value.Detail = v.lineOf(value.Detail, "line:earned", value)
		values = v.add(values, value)
	}
	return values
}

// M10: S.mode, L.specifiedBy.mode; activity types where no mode is given.
func (v *view) participation() Element {
	mode := func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		return v.concepts(c.SpecifiedBy.Mode)
	}
	values := v.collect(v.achievements, mode)
	if len(values) == 0 {
		values = v.collect(v.activities, mode)
	}
	return Element{ID: "M10", Values: values}
}

// period is L.temporal. Those of parts stand with the parts.
func (v *view) period() Element {
	activities := v.activities
	if len(main(v.achievements)) < len(v.achievements) {
		activities = main(activities)
	}
	return Element{ID: "period", Values: v.collect(activities, func(c claim) []Value {
		var values []Value
		for _, p := range c.Temporal {
			values = v.add(values, v.between(p.StartDate, p.EndDate))
		}
		return values
	})}
}

// M8: S.eqfLevel, S.nqfLevel, S.educationLevel.
func (v *view) level() Element {
	e := Element{ID: "M8", Values: v.collect(v.achievements, func(c claim) []Value {
		s := c.SpecifiedBy
		if s == nil {
			return nil
		}
		values := v.add(nil, v.eqf(s.EQFLevel))
		for _, level := range v.concepts(s.NQFLevel) {
			values = v.add(values, level)
		}
		for i := range s.EducationLevel {
			values = v.add(values, v.cycle(&s.EducationLevel[i]))
		}
		return values
	})}
	for _, n := range v.about(SchemeCycle) {
		e.Values = v.add(e.Values, v.noteText(n.Note))
	}
	e = v.orReason(e, "level")
	if !e.Reason {
		for _, n := range v.about(TopicReasonPrefix + "cycle") {
			value := v.codedValue(n)
			value.Text = v.say("cycle %s", value.Text)
			e.Values = v.add(e.Values, value)
		}
	}
	return e
}

// eqf is an EQF level in our words. What is not on the list is shown as the
// credential's own label, and said not to be on it.
func (v *view) eqf(c *Concept) Value {
	if c == nil {
		return Value{}
	}
	if n := eqfNumber(c); n != "" {
		value := v.ours("eqf %s", n)
		value.IRI = c.ID
		return value
	}
	value := v.concept(c)
	value.Detail = line(value.Detail, "EQF", v.say("line:unlisted"))
	return value
}

// eqfNumber returns "1" to "8", or "" for what is no level of the EQF.
func eqfNumber(c *Concept) string {
	if c == nil {
		return ""
	}
	n, ok := strings.CutPrefix(c.ID, "http://data.europa.eu/snb/eqf/")
	if !ok || len(n) != 1 || n < "1" || n > "8" {
		return ""
	}
	return n
}

func (v *view) cycle(c *Concept) Value {
	value := v.concept(c)
	if strings.HasPrefix(c.ID, SchemeCycle+":") {
		value.Text = v.say("cycle %s", value.Text)
	}
	return value
}

// programme is the type of a learning opportunity that is a whole degree.
const programme = "http://data.europa.eu/snb/learning-opportunity/79343569f3"

func ofProgramme(s *Specification) bool {
	return slices.ContainsFunc(s.DCType, func(t Concept) bool { return t.ID == programme })
}

// notADegree is the fixed sentence that stands wherever a level is shown. Only
// a credential that says that it is a whole educational programme goes without.
func (v *view) notADegree() Element {
	e := Element{ID: "not-a-degree"}
	for _, c := range main(v.achievements) {
		s := c.SpecifiedBy
		if s == nil || ofProgramme(s) {
			continue
		}
		if n := eqfNumber(s.EQFLevel); n != "" {
			e.Values = v.add(e.Values, v.ours("not-a-degree %s", v.say("level %s", n)))
			continue
		}
		for _, level := range append(v.concepts(s.NQFLevel), v.concepts(s.EducationLevel)...) {
			e.Values = v.add(e.Values, v.ours("not-a-degree %s", level.Text))
			break
		}
	}
	for _, n := range v.about(TopicNotADegree) {
		if len(e.Values) == 0 {
			e.Values = v.add(e.Values, v.noteText(n.Note))
		}
	}
	return e
}
