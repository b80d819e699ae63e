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
	graded := slices.ContainsFunc(v.assessments, func(c claim) bool { return v.noteText(c.Grade).Text != "" })
	typed := v.collect(v.examined(), func(c claim) []Value {
		s := c.SpecifiedBy
		if s == nil || len(s.DCType) == 0 {
			return nil
		}
		value := v.concept(&s.DCType[0])
		if title := v.titleOf(c); !alike(title.Text, value.Text) {
			value.Detail = v.lineOf(nil, "line:assessment", title)
		}
		for _, mode := range v.concepts(s.Mode) {
			value.Detail = v.lineOf(value.Detail, "line:mode", mode)
		}
		if !graded { // else it stands with the grade
			value.Detail = v.gradingScheme(value.Detail, c)
		}
		return v.values.add(nil, value)
	})
	if len(typed) == 0 {
		typed = v.collect(v.examined(), func(c claim) []Value { return v.values.add(nil, v.titleOf(c)) })
	}
	return Element{ID: "M9", Values: typed}
}

// criteria are coded notes, those of P.specifiedBy and S.provenBy with the
// assessment where there are several.
func (v *view) criteria() Element {
	e := Element{ID: "criteria", Values: v.collect(v.examined(), func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		var values []Value
		for i := range c.SpecifiedBy.AdditionalNote {
			if !statesCriteria(c.SpecifiedBy.AdditionalNote[i]) {
				continue
			}
			value := v.noteText(&c.SpecifiedBy.AdditionalNote[i])
			if v.several() {
				value.Detail = v.lineOf(nil, "line:assessment", v.titleOf(c))
			}
			for _, page := range c.SpecifiedBy.SupplementaryDocument {
				value.Link = cmp.Or(value.Link, link(page.ContentURL))
			}
			values = v.add(values, value)
		}
		return values
	})}
	for _, n := range v.about(TopicCriteria) {
		text := v.noteText(n.Note)
		if !slices.ContainsFunc(e.Values, func(known Value) bool { return known.Text == text.Text }) {
			e.Values = v.add(e.Values, text)
		}
	}
	return e
}

func statesCriteria(n Note) bool {
	return slices.ContainsFunc(n.Subject, func(s Concept) bool { return strings.HasPrefix(s.ID, TopicCriteria+":") })
}

// O2: P.idVerification; for S.provenBy the note on its supervision. Each comes
// with its assessment unless all are alike.
func (v *view) supervision() Element {
	values := v.collect(v.examined(), func(c claim) []Value {
		value := v.concept(c.IDVerification)
		value.Detail = v.lineOf(nil, "line:assessment", v.titleOf(c))
		return v.values.add(nil, value)
	})
	if len(values) > 0 && !slices.ContainsFunc(values, func(value Value) bool { return value.Text != values[0].Text }) {
		values = values[:1]
		values[0].Detail = nil
	}
	return Element{ID: "O2", Values: values}
}

// O3: P.grade, P.specifiedBy.gradingScheme. A grade for all assessments together
// has the schemes of those foreseen.
func (v *view) grade() Element {
	graded := func(part bool) bool {
		return slices.ContainsFunc(v.assessments, func(c claim) bool { return c.part == part && v.noteText(c.Grade).Text != "" })
	}
	if graded(true) && !graded(false) && len(v.achievements) > 0 {
		e := Element{ID: "O3", Values: []Value{v.ours("grades of parts")}} // a list of them without the parts says nothing
		for _, c := range v.assessments {
			e.Values[0].Detail = v.gradingScheme(e.Values[0].Detail, c)
		}
		return e
	}
	var foreseen []Line
	for _, c := range v.foreseen[:min(len(v.foreseen), maxLines+1)] {
		foreseen = v.gradingScheme(foreseen, c)
	}
	return Element{ID: "O3", Values: v.collect(v.assessments, func(c claim) []Value {
		value := v.noteText(c.Grade)
		if v.several() {
			value.Detail = v.lineOf(nil, "line:assessment", v.titleOf(c))
		}
		if c.SpecifiedBy == nil {
			value.Detail = append(value.Detail, foreseen...)
		} else {
			value.Detail = v.gradingScheme(value.Detail, c)
		}
		for i := range c.AssessedBy {
			value.Detail = v.lineOf(value.Detail, "line:assessor", v.organisation(&c.AssessedBy[i]))
		}
		return v.values.add(nil, value)
	})}
}

// gradingScheme adds the grading scheme of an assessment, with the assessment
// where another one has another scheme.
func (v *view) gradingScheme(lines []Line, c claim) []Line {
	own, label := v.schemeOf(c.Claim), v.say("line:scheme")
	if len(v.schemes) > 1 || len(v.schemes) == 1 && !v.schemes[own.Text] {
		label += " (" + v.titleOf(c).Text + ")"
	}
	return lineOf(lines, label, own)
}

// schemeOf is the grading scheme of an assessment.
func (v *view) schemeOf(c *Claim) Value {
	if c.SpecifiedBy == nil || c.SpecifiedBy.GradingScheme == nil {
		return Value{}
	}
	title, description := v.text(c.SpecifiedBy.GradingScheme.Title), v.text(c.SpecifiedBy.GradingScheme.Description)
	if title.Text == "" || description.Text == "" || title.Lang != description.Lang {
		return Value{Text: title.Text + description.Text, Lang: cmp.Or(title.Lang, description.Lang)}
	}
	return Value{Text: strings.TrimRight(title.Text, ".") + ". " + description.Text, Lang: title.Lang}
}

// M11: S.accreditation, awardingBody.accreditation, issuer.accreditation, notes
// on quality assurance.
func (v *view) quality() Element {
	var values []Value
	accreditations := func(list List[Accreditation]) {
		for i := range list {
			values = v.add(values, v.accreditation(&list[i]))
		}
	}
	for _, c := range v.achievements {
		if c.SpecifiedBy != nil {
			accreditations(c.SpecifiedBy.Accreditation)
		}
	}
	for _, body := range v.awarding {
		accreditations(body.Accreditation)
	}
	accreditations(v.c.Issuer.Accreditation)
	for _, topic := range []string{TopicQuality, TopicQAProcedure} {
		for _, n := range v.about(topic) {
			values = v.add(values, v.codedValue(n))
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
		value.Detail = v.lineOf(value.Detail, "line:type", kind)
	}
	value.Detail = v.lineOf(value.Detail, "line:description", v.text(a.Description))
	value.Detail = v.lineOf(value.Detail, "line:agency", v.organisation(a.AccreditingAgent))
	value.Detail = v.lineOf(value.Detail, "line:decision", v.concept(a.Decision))
	value.Detail = v.line(value.Detail, "line:decided", v.day(a.DateIssued))
	value.Detail = v.line(value.Detail, "line:until", v.day(a.ExpiryDate))
	value.Detail = v.line(value.Detail, "line:review", v.day(a.ReviewDate))
	for i := range a.AdditionalNote {
		note := v.noteText(&a.AdditionalNote[i])
		for j := range a.AdditionalNote[i].Subject {
			subject := &a.AdditionalNote[i].Subject[j]
			if own := beyondLabel(note.Text, subject.ID); own != "" {
				note.Text = own
			} else {
				note = v.concept(subject)
			}
		}
		value.Detail = v.lineOf(value.Detail, "line:note", note)
	}
	if a.Report != nil {
		value.Link = link(a.Report.ContentURL)
		value.Detail = v.line(value.Detail, "line:report", cmp.Or(a.Report.ContentURL, v.text(a.Report.Title).Text))
	}
	for i := range a.LandingPage {
		value.Link = cmp.Or(value.Link, link(a.LandingPage[i].ContentURL))
		value.Detail = v.line(value.Detail, "line:page", a.LandingPage[i].ContentURL)
	}
	return value
}

// legalBasis: notes on regulations, of A.awardedBy, S or A.
func (v *view) legalBasis() Element {
	e := Element{ID: "legal-basis"}
	for _, n := range v.about(TopicLegalBasis) {
		value := v.noteText(n.Note)
		for _, c := range main(v.achievements) {
			for _, w := range pagesOf(c) {
				if begins(n.NoteLiteral, w.Title) {
					value.Link = cmp.Or(value.Link, link(w.ContentURL))
				}
			}
		}
		e.Values = v.add(e.Values, value)
	}
	return v.orReason(e, "legal-basis")
}

// pagesOf are the supplementary documents of a claim and its specification.
func pagesOf(c claim) []*WebResource {
	var pages []*WebResource
	for i := range c.SupplementaryDocument {
		pages = append(pages, &c.SupplementaryDocument[i])
	}
	if s := c.SpecifiedBy; s != nil {
		for i := range s.SupplementaryDocument {
			pages = append(pages, &s.SupplementaryDocument[i])
		}
	}
	return pages
}

// begins reports whether a text begins with a title, in any language: ELM links
// no note to a page, but a legal act's page has the act's name.
func begins(text, title Text) bool {
	return slices.ContainsFunc(title, func(t Tagged) bool {
		own := text.Get(t.Tag)
		return len(t.Values) > 0 && t.Values[0] != "" && len(own) > 0 && strings.HasPrefix(own[0], t.Values[0])
	})
}

// isAct reports whether a page is that of a legal act shown as legal basis.
func (v *view) isAct(w *WebResource) bool {
	return link(w.ContentURL) != "" && slices.ContainsFunc(v.about(TopicLegalBasis), func(n note) bool { return begins(n.NoteLiteral, w.Title) })
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
				e.Values = v.add(e.Values, v.ours("partial true"))
			} else {
				e.Values = v.add(e.Values, v.ours("partial false"))
			}
		}
		for i := range s.IsPartOf {
			e.Values = v.add(e.Values, v.text(s.IsPartOf[i].Title))
		}
	}
	for _, c := range main(v.entitlements) {
		value := v.titleOf(c)
		if s := c.SpecifiedBy; s != nil {
			for _, kind := range v.concepts(s.DCType) {
				value.Detail = v.lineOf(value.Detail, "line:type", kind)
			}
			for i := range s.LimitOrganisation {
				value.Detail = v.lineOf(value.Detail, "line:where", v.organisation(&s.LimitOrganisation[i]))
			}
		}
		e.Values = v.add(e.Values, value)
	}
	return e
}

// validity is validFrom and the end of the credential.
func (v *view) validity() Element {
	return Element{ID: "valid", Values: v.add(nil, v.between(v.c.ValidFrom, cmp.Or(v.c.ValidUntil, v.c.ExpirationDate)))}
}

// confirmation: identifier of the document and of A, A.supplementaryDocument
// that offers verification, status entries.
func (v *view) confirmation() Element {
	e := Element{ID: "confirm"}
	for _, c := range main(v.achievements) {
		for i := range c.SupplementaryDocument {
			if w := &c.SupplementaryDocument[i]; offersVerification(w) {
				value := v.page(w)
				if value.Lang != "" { // a title that this reader may not understand
					value.Text, value.Lang, value.Ours = v.say("verify"), "", true
				}
				// On paper there is no link to follow.
				value.Detail = v.line(value.Detail, "line:page", w.ContentURL)
				e.Values = v.add(e.Values, value)
			}
		}
	}
	if len(v.c.CredentialStatus)+len(v.c.Status) > 0 {
		e.Values = v.add(e.Values, v.ours("status"))
	}
	identifiers := slices.Clip(v.c.Identifier)
	for _, c := range main(v.achievements) {
		identifiers = append(identifiers, c.Identifier...)
	}
	for _, identifier := range identifiers {
		e.Values = v.add(e.Values, shown(identified(v.scheme(identifier.SchemeName), identifier.Notation)))
	}
	return e
}

// offersVerification tells the document that leads to a verifier from others.
// ELM has no property for it; the English title does.
func offersVerification(w *WebResource) bool {
	return slices.ContainsFunc(w.Title.Get("en"), func(title string) bool {
		return strings.Contains(strings.ToLower(title), "verify")
	})
}

// O1: S.entryRequirement.
func (v *view) prerequisites() Element {
	return Element{ID: "O1", Values: v.collect(main(v.achievements), func(c claim) []Value {
		if c.SpecifiedBy == nil {
			return nil
		}
		return v.values.add(nil, v.noteText(c.SpecifiedBy.EntryRequirement))
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

// told reports whether a note on a topic says the same text.
func (v *view) told(topic string, text Text) bool {
	return slices.ContainsFunc(v.about(topic), func(n note) bool { return n.NoteLiteral.same(text) })
}

// O5: notes about nothing that has an element of its own, A.awardedBy.description
// and S.description where they say more, supplementaryDocument, homepage.
func (v *view) furtherInformation() Element {
	var values []Value
	for _, topic := range []string{TopicFurther, ""} {
		for _, n := range v.about(topic) {
			value := v.noteText(n.Note)
			if topic == "" && n.concept != nil {
				value.Detail = v.lineOf(value.Detail, "line:note", v.concept(n.concept))
			}
			values = v.add(values, value)
		}
	}
	for _, c := range append(main(v.achievements), main(v.activities)...) {
		if c.AwardedBy != nil && !v.told(TopicPriorLearning, c.AwardedBy.Description) {
			values = v.add(values, v.text(c.AwardedBy.Description))
		}
		s := c.SpecifiedBy
		if s != nil && v.text(s.Description).Text != v.text(c.Description).Text {
			values = v.add(values, v.text(s.Description))
		}
		for _, w := range pagesOf(c) {
			if !offersVerification(w) && !v.isAct(w) {
				values = v.add(values, v.page(w))
			}
		}
		if s != nil {
			for i := range s.Homepage {
				values = v.add(values, v.page(&s.Homepage[i]))
			}
		}
	}
	for _, c := range v.examined() {
		if c.SpecifiedBy == nil || slices.ContainsFunc(c.SpecifiedBy.AdditionalNote, statesCriteria) {
			continue // the page is the link of the criteria
		}
		for i := range c.SpecifiedBy.SupplementaryDocument {
			values = v.add(values, v.page(&c.SpecifiedBy.SupplementaryDocument[i]))
		}
	}
	return Element{ID: "O5", Values: values}
}
