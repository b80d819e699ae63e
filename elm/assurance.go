package elm

import (
	"cmp"
	"slices"
	"strings"
)

// The elements that say how the learning was assessed, by whom it is assured,
// what it rests on and what it leads to.

// M9: P.specifiedBy.dcType, S.provenBy.dcType; titles where no type is given.
func (v *view) assessment() Element {
	typed := v.collect(v.assessments, func(c claim) []Value {
		return []Value{v.assessmentType(c.SpecifiedBy, v.titleOf(c))}
	})
	titles := v.collect(v.assessments, func(c claim) []Value { return []Value{v.titleOf(c)} })
	for _, c := range main(v.achievements) {
		if c.SpecifiedBy == nil {
			continue
		}
		for i := range c.SpecifiedBy.ProvenBy {
			s := &c.SpecifiedBy.ProvenBy[i]
			typed = add(typed, v.assessmentType(s, v.text(s.Title)))
			titles = add(titles, v.text(s.Title))
		}
	}
	if len(typed) == 0 {
		typed = titles
	}
	return Element{ID: "M9", Values: typed}
}

func (v *view) assessmentType(s *Specification, title Value) Value {
	if s == nil || len(s.DCType) == 0 {
		return Value{}
	}
	value := v.concept(&s.DCType[0])
	if title.Text != value.Text {
		value.Detail = line(nil, v.say("line:assessment"), title.Text)
	}
	for _, mode := range v.concepts(s.Mode) {
		value.Detail = line(value.Detail, v.say("line:mode"), mode.Text)
	}
	return value
}

// O2: P.idVerification.
func (v *view) supervision() Element {
	return Element{ID: "O2", Values: v.collect(v.assessments, func(c claim) []Value {
		return []Value{v.concept(c.IDVerification)}
	})}
}

// O3: P.grade, P.specifiedBy.gradingScheme.
func (v *view) grade() Element {
	return Element{ID: "O3", Values: v.collect(v.assessments, func(c claim) []Value {
		value := v.noteText(c.Grade)
		value.Detail = line(value.Detail, v.say("line:assessment"), v.titleOf(c).Text)
		if c.SpecifiedBy != nil && c.SpecifiedBy.GradingScheme != nil {
			scheme := c.SpecifiedBy.GradingScheme
			value.Detail = line(value.Detail, v.say("line:scheme"), v.text(scheme.Title).Text)
			value.Detail = line(value.Detail, v.say("line:scheme"), v.text(scheme.Description).Text)
		}
		for i := range c.AssessedBy {
			value.Detail = line(value.Detail, v.say("line:assessor"), v.organisation(&c.AssessedBy[i]).Text)
		}
		return []Value{value}
	})}
}

// M11: S.accreditation, awardingBody.accreditation, issuer.accreditation, notes
// on quality assurance.
func (v *view) quality() Element {
	var values []Value
	accreditations := func(list List[Accreditation]) {
		for i := range list {
			values = add(values, v.accreditation(&list[i]))
		}
	}
	for _, c := range v.achievements {
		if c.SpecifiedBy != nil {
			accreditations(c.SpecifiedBy.Accreditation)
		}
	}
	for _, body := range v.awardingBodies() {
		accreditations(body.Accreditation)
	}
	accreditations(v.c.Issuer.Accreditation)
	for _, topic := range []string{TopicQuality, TopicQAProcedure} {
		for _, n := range v.about(topic) {
			values = add(values, v.codedValue(n))
		}
	}
	return Element{ID: "M11", Values: values}
}

func (v *view) accreditation(a *Accreditation) Value {
	kind := v.concept(a.DCType)
	value := v.text(a.Title)
	if value.Text == "" {
		value = kind
	} else if kind.Text != value.Text {
		value.Detail = line(value.Detail, v.say("line:type"), kind.Text)
	}
	value.Detail = line(value.Detail, v.say("line:description"), v.text(a.Description).Text)
	value.Detail = line(value.Detail, v.say("line:agency"), v.organisation(a.AccreditingAgent).Text)
	value.Detail = line(value.Detail, v.say("line:decision"), v.concept(a.Decision).Text)
	value.Detail = line(value.Detail, v.say("line:decided"), v.day(a.DateIssued))
	value.Detail = line(value.Detail, v.say("line:until"), v.day(a.ExpiryDate))
	value.Detail = line(value.Detail, v.say("line:review"), v.day(a.ReviewDate))
	for i := range a.AdditionalNote {
		value.Detail = line(value.Detail, v.say("line:note"), v.noteText(&a.AdditionalNote[i]).Text)
	}
	if a.Report != nil {
		value.Link = link(a.Report.ContentURL)
		value.Detail = line(value.Detail, v.say("line:report"), cmp.Or(a.Report.ContentURL, v.text(a.Report.Title).Text))
	}
	for i := range a.LandingPage {
		value.Link = cmp.Or(value.Link, link(a.LandingPage[i].ContentURL))
		value.Detail = line(value.Detail, v.say("line:page"), a.LandingPage[i].ContentURL)
	}
	return value
}

// legalBasis: notes on regulations, of A.awardedBy, S or A.
func (v *view) legalBasis() Element {
	e := Element{ID: "legal-basis"}
	for _, n := range v.about(TopicLegalBasis) {
		e.Values = add(e.Values, v.noteText(n.Note))
	}
	return v.orReason(e, "legal-basis")
}

// O4: coded notes, S.isPartialQualification, S.isPartOf, A.entitlesTo.
func (v *view) stackability() Element {
	e := v.coded("O4", TopicStackability)
	for _, c := range main(v.achievements) {
		s := c.SpecifiedBy
		if s == nil {
			continue
		}
		if s.IsPartialQualification != nil && len(e.Values) == 0 {
			if *s.IsPartialQualification {
				e.Values = add(e.Values, v.ours("partial true"))
			} else {
				e.Values = add(e.Values, v.ours("partial false"))
			}
		}
		for i := range s.IsPartOf {
			e.Values = add(e.Values, v.text(s.IsPartOf[i].Title))
		}
	}
	for _, c := range main(v.entitlements) {
		value := v.titleOf(c)
		if s := c.SpecifiedBy; s != nil {
			for _, kind := range v.concepts(s.DCType) {
				value.Detail = line(value.Detail, v.say("line:type"), kind.Text)
			}
			for i := range s.LimitOrganisation {
				value.Detail = line(value.Detail, v.say("line:where"), v.organisation(&s.LimitOrganisation[i]).Text)
			}
		}
		e.Values = add(e.Values, value)
	}
	return e
}

// validity is validFrom and the end of the credential.
func (v *view) validity() Element {
	return Element{ID: "valid", Values: add(nil, v.between(v.c.ValidFrom, cmp.Or(v.c.ValidUntil, v.c.ExpirationDate)))}
}

// confirmation: identifier of the document and of A, A.supplementaryDocument
// that offers verification, status entries.
func (v *view) confirmation() Element {
	e := Element{ID: "confirm"}
	for _, c := range main(v.achievements) {
		for i := range c.SupplementaryDocument {
			if w := &c.SupplementaryDocument[i]; offersVerification(w) {
				e.Values = add(e.Values, v.page(w))
			}
		}
	}
	if len(v.c.StatusEntries()) > 0 {
		e.Values = add(e.Values, v.ours("status"))
	}
	identifiers := slices.Clip(v.c.Identifier)
	for _, c := range main(v.achievements) {
		identifiers = append(identifiers, c.Identifier...)
	}
	for _, identifier := range identifiers {
		e.Values = add(e.Values, shown(identified(identifier.SchemeName, identifier.Notation)))
	}
	return e
}

// offersVerification tells the document that leads to a verifier from others.
// ELM has no property for it; the English title does.
func offersVerification(w *WebResource) bool {
	return slices.ContainsFunc(w.Title["en"], func(title string) bool {
		return strings.Contains(strings.ToLower(title), "verify")
	})
}

// O1: S.entryRequirement.
func (v *view) prerequisites() Element {
	return Element{ID: "O1", Values: v.collect(main(v.achievements), func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		return []Value{v.noteText(c.SpecifiedBy.EntryRequirement)}
	})}
}

// fields is S.thematicArea.
func (v *view) fields() Element {
	return Element{ID: "field", Values: v.collect(v.achievements, func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		return v.concepts(c.SpecifiedBy.ThematicArea)
	})}
}

// languages is S.language, L.specifiedBy.language.
func (v *view) languages() Element {
	read := func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		return v.concepts(c.SpecifiedBy.Language)
	}
	values := v.collect(v.achievements, read)
	if len(values) == 0 {
		values = v.collect(v.activities, read)
	}
	return Element{ID: "language", Values: values}
}

// O5: notes about nothing that has an element of its own, S.description,
// supplementaryDocument, homepage.
func (v *view) furtherInformation() Element {
	var values []Value
	for _, topic := range []string{TopicFurther, ""} {
		for _, n := range v.about(topic) {
			value := v.noteText(n.Note)
			if topic == "" && n.concept != nil {
				value.Detail = line(value.Detail, v.say("line:note"), v.concept(n.concept).Text)
			}
			values = add(values, value)
		}
	}
	for _, c := range append(main(v.achievements), main(v.activities)...) {
		if c.AwardedBy != nil {
			values = add(values, v.text(c.AwardedBy.Description))
		}
		for i := range c.SupplementaryDocument {
			if w := &c.SupplementaryDocument[i]; !offersVerification(w) {
				values = add(values, v.page(w))
			}
		}
		if s := c.SpecifiedBy; s != nil {
			if own := v.text(s.Description); own.Text != v.text(c.Description).Text {
				values = add(values, own)
			}
			for _, pages := range []List[WebResource]{s.SupplementaryDocument, s.Homepage} {
				for i := range pages {
					values = add(values, v.page(&pages[i]))
				}
			}
		}
	}
	return Element{ID: "O5", Values: values}
}
