package issuer

import (
	"math/big"
	"strconv"
	"time"

	"indeks/elm"
)

func (b *document) achievement() elm.Claim {
	c := b.course
	a := elm.Claim{
		Ref:                   b.ref("LearningAchievement"),
		Title:                 text(c.Title),
		Description:           text(c.Description),
		AwardedBy:             b.award,
		CreditReceived:        b.credits(),
		SupplementaryDocument: elm.List[elm.WebResource]{b.page(b.say("verify"), b.inst.VerifierBase+"/C/"+b.Public)},
	}
	if len(c.Further) > 0 {
		a.AdditionalNote = append(a.AdditionalNote, b.note(c.Further, elm.TopicFurther, "stated"))
	}
	a.SpecifiedBy = b.qualification()
	a.InfluencedBy = b.activities()
	b.assessments(&a)
	if c.Stackability.Kind == "stackable" {
		a.EntitlesTo = elm.List[elm.Claim]{{
			Ref:       b.ref("LearningEntitlement"),
			Title:     text(c.Stackability.Towards),
			AwardedBy: b.conferral,
			SpecifiedBy: &elm.Specification{
				Ref:               b.ref("LearningEntitlementSpecification"),
				Title:             text(c.Stackability.Towards),
				DCType:            b.concepts(entitlementOffer),
				EntitlementStatus: b.concept(entitlementFuture),
			},
		}}
	}
	return a
}

func (b *document) credits() elm.List[elm.CreditPoint] {
	var list elm.List[elm.CreditPoint]
	for _, p := range b.course.Credits {
		point := elm.CreditPoint{Ref: b.ref("CreditPoint"), Framework: b.concept(creditFrameworks[p.System]), Point: p.Points}
		list = append(list, point)
	}
	return list
}

func (b *document) qualification() *elm.Specification {
	c := b.course
	s := &elm.Specification{
		Ref:              b.ref("Qualification"),
		Title:            text(c.Title),
		Description:      text(c.Description),
		DCType:           b.concepts(opportunityShort),
		Homepage:         b.pages(c.Homepage),
		CreditPoint:      b.credits(),
		VolumeOfLearning: duration(c.Hours),
		Mode:             b.concepts(modes[c.Mode]),
		LearningSetting:  b.concept(settings[c.Setting]),
		EntryRequirement: b.plainNote(c.Prerequisites),
	}
	for _, code := range c.Fields {
		s.ThematicArea = append(s.ThematicArea, *b.concept(iscedFields + code))
	}
	for _, code := range c.Languages {
		s.Language = append(s.Language, *b.concept(languages + code))
	}
	for _, o := range c.Outcomes {
		s.LearningOutcome = append(s.LearningOutcome, b.outcome(o))
	}
	b.addLevel(s)
	if r := c.CreditsReason; r != nil {
		s.AdditionalNote = append(s.AdditionalNote, b.note(r.Text, elm.TopicReasonPrefix+"credits", r.Code))
	}
	b.addSource(s)
	b.addNational(s)
	b.addStackability(s)
	for _, q := range c.Quality {
		b.addQuality(s, q)
	}
	if b.Page != "" {
		s.SupplementaryDocument = append(s.SupplementaryDocument, b.page(b.say("catalogue"), b.Page))
	}
	for _, l := range c.LegalBasis {
		l = l.resolved()
		if l.URL != "" {
			s.SupplementaryDocument = append(s.SupplementaryDocument, b.page(l.Text, l.URL))
		}
	}
	return s
}

func (b *document) addLevel(s *elm.Specification) {
	taken := b.draft.taken(b.inst)
	if r := b.course.LevelReason; r != nil {
		s.AdditionalNote = append(s.AdditionalNote, b.note(r.Text, elm.TopicReasonPrefix+"level", r.Code))
	}
	if taken.EQF == 0 {
		return
	}
	level := strconv.Itoa(taken.EQF)
	s.EQFLevel = b.concept(eqfLevels + level)
	if taken.EQF == b.course.Level.EQF {
		// National level and cycle belong to the level of the course: beside
		// another EQF level they would contradict it.
		if iri := b.nationalLevel(); iri != "" {
			s.NQFLevel = b.concepts(iri)
		}
		if cycle := b.course.Level.Cycle; cycle != "" {
			s.EducationLevel = b.concepts(elm.SchemeCycle + ":" + cycle)
		}
	}
	// How it came about: the method, or what was proposed by which method, what
	// was taken instead, why, and who decided on it.
	var tie Words
	if taken.Proposed.Tie {
		tie = onlyIn(b.course.Title, with(b.say("tie"), ": ", taken.Proposed.counts()))
	}
	switch taken.Method {
	case "":
	case "override":
		if p := taken.Proposed; p.Level != 0 {
			how := onlyIn(b.course.Title, b.meaning(elm.TopicLevelMethod, p.Method))
			s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicLevelProposed, strconv.Itoa(p.Level), how, tie))
		}
		var by Words
		if taken.By != "" {
			by = onlyIn(b.course.Title, with(b.say("decided-by"), ": ", taken.By))
		}
		s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicLevelMethod, taken.Method, taken.Reason, by))
	default:
		s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicLevelMethod, taken.Method, tie))
	}
	s.AdditionalNote = append(s.AdditionalNote, b.note(fill(b.say("not-a-degree"), "{level}", level), elm.TopicNotADegree, "stated"))
}

func (b *document) addStackability(s *elm.Specification) {
	k := b.course.Stackability
	part := k.Kind == "part-of-programme"
	fromPart := b.course.OutcomeSource != nil && b.course.OutcomeSource.Kind == "partial-qualification"
	if b.course.belowPartial(b.profile) {
		// The amount of credit says what it is, also within a programme.
		no := false
		s.IsPartialQualification = &no
	} else if part || k.Kind == "stand-alone" || fromPart {
		// Outcomes taken from a partial qualification do not make the award one.
		s.IsPartialQualification = &part
	}
	if part {
		s.IsPartOf = elm.List[elm.Specification]{{Ref: b.ref("Qualification"), Title: text(k.Towards)}}
	}
	note := k.Note
	if b.profile != nil && b.profile.Stacking.TowardsDegree == "no" {
		note = together(note, ". ", onlyIn(b.course.Title, b.profile.Stacking.Note))
	}
	s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicStackability, k.Kind, note))
}

// addQuality states one fact of quality assurance. The EU list of kinds has no
// internal one, and no decision stands behind it, so that is a note; everything
// that somebody else decided is an accreditation, wherever it applies.
func (b *document) addQuality(s *elm.Specification, q Quality) {
	var scope []elm.Note
	if q.Scope != "" {
		scope = append(scope, b.fact(elm.TopicQAProcedure, q.Scope))
	}
	if q.Kind == "internal" {
		free := []Words{q.Title, q.Procedure}
		if q.Decided != "" {
			free = append(free, onlyIn(q.Title, b.on("reviewed", q.Decided)))
		}
		if q.Review != "" {
			free = append(free, onlyIn(q.Title, b.on("next-review", q.Review)))
		}
		s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicQAProcedure, "internal", free...))
		s.AdditionalNote = append(s.AdditionalNote, scope...)
		return
	}
	agency := b.organisation(q.Agency)
	a := elm.Accreditation{
		Ref:              b.ref("Accreditation"),
		Title:            text(q.Title),
		DCType:           b.concept(accreditations[q.Kind]),
		AccreditingAgent: &agency,
		Organisation:     elm.List[elm.Organisation]{brief(b.awarding)},
		DateIssued:       day(q.Decided),
		ExpiryDate:       day(q.Until),
		ReviewDate:       day(q.Review),
		AdditionalNote:   scope,
	}
	var eqar Words
	if q.EQAR {
		eqar = onlyIn(q.Title, b.say("eqar"))
	}
	if len(q.Procedure) > 0 || q.EQAR {
		a.AdditionalNote = append(a.AdditionalNote, b.fact(elm.TopicQAProcedure, "external", q.Procedure, eqar))
	}
	if q.Report != "" {
		report := b.page(nil, q.Report)
		a.Report = &report
	}
	s.Accreditation = append(s.Accreditation, a)
}

func (b *document) outcome(o Outcome) elm.LearningOutcome {
	out := elm.LearningOutcome{Ref: b.ref("LearningOutcome"), Title: text(o.Title)}
	if o.Type != "" {
		out.DCType = b.concept(skillTypes + o.Type)
	}
	if o.Reuse != "" {
		out.ReusabilityLevel = b.concept(reuseLevels + o.Reuse)
	}
	for _, skill := range o.ESCO {
		out.RelatedESCOSkill = append(out.RelatedESCOSkill, elm.Concept{
			Ref: elm.Ref{ID: skill.ID, Type: elm.List[string]{"Concept"}}, InScheme: scheme(escoSkills), PrefLabel: text(skill.Label)})
	}
	return out
}

// activities are what the learner did. Where the whole award rests on prior
// learning the learner took part in none of them, and nothing is claimed.
func (b *document) activities() elm.List[elm.Claim] {
	c := b.course
	if b.draft.RPL == "whole" {
		return nil
	}
	var list elm.List[elm.Claim]
	for _, a := range c.Activities {
		list = append(list, b.activity(a))
	}
	switch {
	case c.ContactHours == "":
	case len(list) == 1:
		list[0].SpecifiedBy.ContactHour = c.ContactHours
	default:
		// Contact hours are stated for the course, not for one of its activities.
		whole := b.activity(Activity{Title: b.say("course"), Mode: c.Mode, Hours: c.Hours})
		whole.SpecifiedBy.ContactHour = c.ContactHours
		whole.HasPart = list
		list = elm.List[elm.Claim]{whole}
	}
	return list
}

func (b *document) activity(a Activity) elm.Claim {
	spec := &elm.Specification{Ref: b.ref("LearningActivitySpecification"), Title: text(a.Title), VolumeOfLearning: duration(a.Hours)}
	if a.Type != "" {
		c, _ := byCode("learning-activity", a.Type)
		spec.DCType = b.concepts(c.ID)
	}
	if a.Mode != "" {
		spec.Mode = b.concepts(modes[a.Mode])
	}
	claim := elm.Claim{Ref: b.ref("LearningActivity"), Title: text(a.Title), AwardedBy: b.conferral, Workload: duration(a.Hours), SpecifiedBy: spec}
	if a.From != "" || a.To != "" {
		claim.Temporal = elm.List[elm.PeriodOfTime]{{Ref: b.ref("PeriodOfTime"), StartDate: day(a.From), EndDate: day(a.To)}}
	}
	return claim
}

// assessments states how the outcomes were shown.
//
// A LearningAssessment has exactly one grade. So an assessment with a grade is
// one that proved the achievement, with supervision and identity check. Without
// a grade nothing may be invented ("pass" is a grade too, and not ours to
// give): the assessments are then specified at the qualification, and the
// supervision, which has no property there, is a note whose subject is the
// concept of the EU list. Where the course has several assessments, the list's
// one grade belongs to none of them but to all together, and is stated so.
func (b *document) assessments(a *elm.Claim) {
	c, d := b.course, b.draft
	if d.Grade != "" && len(c.Assessment) == 1 {
		only := c.Assessment[0]
		a.ProvenBy = elm.List[elm.Claim]{b.graded(only.Title, b.supervision(only), b.assessmentSpec(only))}
		return
	}
	same := true
	for _, one := range c.Assessment {
		spec := b.assessmentSpec(one)
		iri := b.supervision(one)
		same = same && iri == b.supervision(c.Assessment[0])
		subject := b.concept(iri)
		words := Words{}
		for _, label := range subject.PrefLabel {
			words[label.Tag] = label.Values[0]
		}
		spec.AdditionalNote = append(spec.AdditionalNote, elm.Note{Ref: b.ref("Note"), NoteLiteral: text(words), Subject: elm.List[elm.Concept]{*subject}})
		a.SpecifiedBy.ProvenBy = append(a.SpecifiedBy.ProvenBy, *spec)
	}
	if d.Grade != "" {
		iri := ""
		if same {
			iri = b.supervision(c.Assessment[0])
		}
		a.ProvenBy = elm.List[elm.Claim]{b.graded(b.say("assessment"), iri, nil)}
	}
}

func (b *document) supervision(a Assessment) string {
	if b.draft.IDVerification != "" {
		return supervisions[b.draft.IDVerification]
	}
	return supervisions[a.Supervision]
}

func (b *document) graded(title Words, supervision string, spec *elm.Specification) elm.Claim {
	claim := elm.Claim{
		Ref:         b.ref("LearningAssessment"),
		Title:       text(title),
		AwardedBy:   b.conferral,
		Grade:       b.plainNote(Words{b.forName(b.draft.Grade): b.draft.Grade}),
		SpecifiedBy: spec,
	}
	if supervision != "" {
		claim.IDVerification = b.concept(supervision)
	}
	return claim
}

func (b *document) assessmentSpec(a Assessment) *elm.Specification {
	kind, _ := byCode("assessment", a.Type)
	spec := &elm.Specification{
		Ref:    b.ref("LearningAssessmentSpecification"),
		Title:  text(a.Title),
		DCType: b.concepts(kind.ID),
		Mode:   b.concepts(modes[a.Mode]),
	}
	if g := a.Grading; g != nil {
		spec.GradingScheme = &elm.GradingScheme{Ref: b.ref("GradingScheme"), Title: text(g.Title), Description: text(g.Description)}
	}
	if len(a.Criteria) > 0 {
		spec.AdditionalNote = append(spec.AdditionalNote, b.note(a.Criteria, elm.TopicCriteria, "stated"))
	}
	if a.CriteriaURL != "" {
		spec.SupplementaryDocument = append(spec.SupplementaryDocument, b.page(onlyIn(a.Title, b.say("criteria")), a.CriteriaURL))
	}
	return spec
}

// day turns YYYY-MM-DD into ELM's form of a day.
func day(s string) elm.DateTime {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return "" // no day was given: drafts and courses are checked before
	}
	return elm.Day(t.Date())
}

// duration turns decimal hours into an xsd:duration, which allows a fraction
// of seconds only: "2.5" is PT2H30M.
func duration(hours string) string {
	h := decimal(hours)
	if h == nil {
		return ""
	}
	seconds := new(big.Rat).Mul(h, big.NewRat(3600, 1))
	whole := new(big.Int).Quo(seconds.Num(), seconds.Denom()).Int64()
	out := "PT"
	for _, part := range []struct {
		n    int64
		unit string
	}{{whole / 3600, "H"}, {whole / 60 % 60, "M"}, {whole % 60, "S"}} {
		if part.n > 0 {
			out += strconv.FormatInt(part.n, 10) + part.unit
		}
	}
	return out
}
