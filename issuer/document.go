package issuer

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"indeks/contexts"
	"indeks/elm"
	"indeks/paper"
	"indeks/store"
)

// drawn is what a credential says beyond draft and institution: what was drawn
// at random, counted or read from the clock for it.
type drawn struct {
	ID      string // urn:credential:<uuid>
	Public  string // 26 symbols of the QR code
	Number  string
	Entries []store.Entry
	At      time.Time // of sealing, whole seconds UTC
}

// credential builds what is to be sealed for a draft. It is a pure function:
// everything that the document says comes from the arguments, so building it
// twice gives the same bytes.
func (inst *Institution) credential(d *Draft, x drawn) (*elm.Credential, error) {
	b := &document{inst: inst, draft: d, course: d.Course, drawn: x, count: map[string]int{}}
	b.languages()
	b.institution = b.issuer()
	b.awarding = b.awardingBody()
	b.award = b.awardingProcess()
	picture, err := b.picture()
	if err != nil {
		return nil, err
	}
	cred := &elm.Credential{
		ELMContext:         inst.PublicBase + contexts.ELMPath,
		ID:                 x.ID,
		Type:               elm.List[string]{"VerifiableCredential", "EuropeanDigitalCredential"},
		CredentialProfiles: b.concepts(profileGeneric),
		DisplayParameter:   b.display(picture),
		Identifier:         b.identifiers(),
		IssuanceDate:       elm.At(x.At),
		Issued:             elm.At(x.At),
		ValidFrom:          elm.At(x.At),
		Issuer:             b.institution,
		Subject:            elm.List[elm.Person]{b.person()},
	}
	if b.course.ValidMonths > 0 {
		until := elm.At(x.At.AddDate(0, b.course.ValidMonths, 0))
		cred.ValidUntil, cred.ExpirationDate = until, until
	}
	for _, e := range x.Entries {
		list := inst.listURL(e.List)
		cred.CredentialStatus = append(cred.CredentialStatus, elm.StatusEntry{
			Ref:                  elm.Ref{ID: list + "#" + strconv.FormatUint(e.Index, 10), Type: elm.List[string]{"BitstringStatusListEntry"}},
			StatusPurpose:        e.Purpose,
			StatusListIndex:      strconv.FormatUint(e.Index, 10),
			StatusListCredential: list,
		})
	}
	return cred, nil
}

// document is a credential on its way. Things that occur in several places are
// made once and copied: RDF merges all copies of one id, so they must not say
// different things, and readers of the JSON do not follow ids.
type document struct {
	inst   *Institution
	draft  *Draft
	course *Course
	drawn
	tongue
	primary     string // language of the document
	count       map[string]int
	institution elm.Organisation
	awarding    elm.Organisation
	award       *elm.AwardingProcess // with what the award is and rests on
	conferral   *elm.AwardingProcess // body and day only, for the parts
}

// ref numbers the things of a class: "urn:epass:note:3".
func (b *document) ref(class string) elm.Ref {
	b.count[class]++
	return elm.Ref{
		ID:   fmt.Sprintf("urn:epass:%s%s:%d", strings.ToLower(class[:1]), class[1:], b.count[class]),
		Type: elm.List[string]{class},
	}
}

// languages decides in which languages the document speaks: its own first,
// those of the course, those of the institution, English.
func (b *document) languages() {
	b.primary = b.draft.Language
	for _, tag := range b.inst.Languages {
		if _, ok := b.course.Title[tag]; ok && b.primary == "" {
			b.primary = tag
		}
	}
	if _, ok := b.course.Title["en"]; ok && b.primary == "" {
		b.primary = "en"
	}
	if b.primary == "" {
		b.primary = sortedLanguages(b.course.Title)[0]
	}
	for _, tag := range slices.Concat([]string{b.primary}, sortedLanguages(b.course.Title), b.inst.Languages, []string{"en"}) {
		if !slices.Contains(b.tongue, tag) {
			b.tongue = append(b.tongue, tag)
		}
	}
}

// Concepts.

func (b *document) concept(iri string) *elm.Concept {
	c, ok := contexts.Lookup(iri)
	if !ok {
		// A member of a list that is not compiled in, or not in full: the code
		// itself is the label.
		i := strings.LastIndexByte(iri, '/')
		c = contexts.Concept{ID: iri, Scheme: iri[:i], Label: map[string]string{"en": iri[i+1:]}}
	}
	return &elm.Concept{
		Ref:       elm.Ref{ID: c.ID, Type: elm.List[string]{"Concept"}},
		InScheme:  scheme(c.Scheme),
		Notation:  c.Notation,
		PrefLabel: b.label(c),
	}
}

func scheme(id string) *elm.ConceptScheme {
	return &elm.ConceptScheme{Ref: elm.Ref{ID: id, Type: elm.List[string]{"ConceptScheme"}}}
}

func (b *document) concepts(iris ...string) elm.List[elm.Concept] {
	var list elm.List[elm.Concept]
	for _, iri := range iris {
		list = append(list, *b.concept(iri))
	}
	return list
}

// note is a text whose subject tells a machine what it is about.
func (b *document) note(w Words, topic, code string) elm.Note {
	return elm.Note{Ref: b.ref("Note"), NoteLiteral: text(w), Subject: b.concepts(topic + ":" + code)}
}

// fact is a note on a code: its label, and behind it what the course says in
// its own words. Those decide the languages, since a text that is half there
// would read as a whole one; only where they have none in common is all said.
func (b *document) fact(topic, code string, free ...Words) elm.Note {
	w := Words{}
	if c, ok := contexts.Lookup(topic + ":" + code); ok {
		for tag, label := range b.label(c) {
			w[tag] = label[0]
		}
	}
	between := ": "
	for _, f := range free {
		if len(f) == 0 {
			continue
		}
		common := onlyIn(f, w)
		switch {
		case between == ": ":
			w = join(common, between, f)
		case len(common) > 0:
			w = join(common, between, onlyIn(common, f))
		default:
			w = join(w, between, f)
		}
		between = ". "
	}
	return b.note(w, topic, code)
}

// euNote is a note on a topic of the EU list.
func (b *document) euNote(w Words, topic, label string) elm.Note {
	list, _, _ := strings.Cut(topic, "#")
	return elm.Note{Ref: b.ref("Note"), NoteLiteral: text(w), Subject: elm.List[elm.Concept]{{
		Ref:       elm.Ref{ID: topic, Type: elm.List[string]{"Concept"}},
		InScheme:  scheme(list),
		PrefLabel: elm.Text{"en": {label}},
	}}}
}

func (b *document) plainNote(w Words) *elm.Note {
	if len(w) == 0 {
		return nil
	}
	return &elm.Note{Ref: b.ref("Note"), NoteLiteral: text(w)}
}

func (b *document) page(title Words, url string) elm.WebResource {
	return elm.WebResource{Ref: b.ref("WebResource"), Title: text(title), ContentURL: url}
}

func (b *document) pages(url string) elm.List[elm.WebResource] {
	if url == "" {
		return nil
	}
	return elm.List[elm.WebResource]{b.page(nil, url)}
}

// Organisations.

func (b *document) issuer() elm.Organisation {
	i := b.inst
	o := b.organisation(&Body{LegalName: i.LegalName, Country: i.Country, Address: i.Address, OrganizationID: i.OrganizationID, Homepage: i.Homepage})
	o.DID = i.DID
	if i.Region != "" {
		o.Location[0].SpatialCode = elm.List[elm.Concept]{*b.region(i.Region)}
	}
	if r := i.Register; r.Number != "" {
		o.Registration = elm.List[elm.LegalIdentifier]{{
			Ref: b.ref("LegalIdentifier"), Notation: r.Number, SchemeName: r.Name, Spatial: b.concept(countries + i.Country)}}
	}
	return o
}

// region tells a NUTS code from a code of the EU's list of administrative
// units, which has an underscore after the country.
func (b *document) region(code string) *elm.Concept {
	if strings.Contains(code, "_") {
		return b.concept(authority + "atu/" + code)
	}
	c := b.concept("http://data.europa.eu/nuts/code/" + code)
	c.InScheme = scheme("http://data.europa.eu/nuts") // its members are one level deeper
	return c
}

func (b *document) organisation(body *Body) elm.Organisation {
	o := elm.Organisation{Ref: b.ref("Organisation"), LegalName: text(body.LegalName), Homepage: b.pages(body.Homepage)}
	// Ids of organisations are "urn:epass:org:n" in the EU's own documents.
	o.ID = strings.Replace(o.ID, ":organisation:", ":org:", 1)
	address := elm.Address{Ref: b.ref("Address"), CountryCode: b.concept(countries + body.Country)}
	if body.Address != "" {
		address.FullAddress = b.plainNote(Words{b.forName(body.Address): body.Address})
	}
	o.Location = elm.List[elm.Location]{{Ref: b.ref("Location"), Address: elm.List[elm.Address]{address}}}
	if body.OrganizationID != "" {
		o.EIDASIdentifier = &elm.LegalIdentifier{Ref: b.ref("LegalIdentifier"), Notation: body.OrganizationID, Spatial: b.concept(countries + body.Country)}
	}
	return o
}

func (b *document) awardingBody() elm.Organisation {
	if b.course.AwardingBody != nil {
		return b.organisation(b.course.AwardingBody)
	}
	return b.institution
}

// brief is a copy of an organisation with what every mention must have. It
// repeats nothing otherwise than the full copy does, so the two merge.
func brief(o elm.Organisation) elm.Organisation {
	return elm.Organisation{Ref: o.Ref, DID: o.DID, LegalName: o.LegalName, Location: o.Location}
}

// Award.

func (b *document) awardingDate() elm.DateTime {
	if b.draft.AwardingDate == "" {
		return elm.Day(b.At.Date())
	}
	return day(b.draft.AwardingDate)
}

func (b *document) awardingProcess() *elm.AwardingProcess {
	process := func(body elm.Organisation) *elm.AwardingProcess {
		return &elm.AwardingProcess{
			Ref:          b.ref("AwardingProcess"),
			AwardingBody: elm.List[elm.Organisation]{body},
			AwardingDate: b.awardingDate(),
		}
	}
	p := process(b.awarding)
	p.Location = b.awarding.Location
	// Activities, assessments and entitlements name who and when only: the notes
	// below are facts of the award, and would be repeated in each of them.
	b.conferral = process(brief(b.awarding))

	c := b.course
	provider := c.Provider
	if provider == "" {
		provider = b.inst.Provider
	}
	p.AdditionalNote = append(p.AdditionalNote,
		b.fact(elm.TopicProvider, provider),
		b.fact(elm.TopicAwardStatus, c.AwardStatus),
		b.fact(elm.TopicAwardKind, c.AwardKind.Kind, c.AwardKind.Programme),
		b.priorLearning(p),
	)
	if s := signatory(b.inst, c); s != nil {
		p.AdditionalNote = append(p.AdditionalNote, b.note(Words{b.forName(s.Name): s.Name + ", " + s.Office}, elm.TopicSignatory, "stated"))
	}
	for _, l := range c.LegalBasis {
		w := l.Text
		if l.From != "" {
			w = join(w, ". ", onlyIn(w, with(b.say("in-force"), ": ", l.From)))
		}
		p.AdditionalNote = append(p.AdditionalNote, b.euNote(w, elm.TopicLegalBasis, "Legal basis"))
	}
	if r := c.LegalReason; r != nil {
		p.AdditionalNote = append(p.AdditionalNote, b.note(r.Text, elm.TopicReasonPrefix+"legal-basis", r.Code))
	}
	return p
}

// onlyIn keeps the words in the languages that a has.
func onlyIn(a, words Words) Words {
	out := Words{}
	for tag := range a {
		if s, ok := words[tag]; ok {
			out[tag] = s
		}
	}
	return out
}

// signatory is who answers for the award. The institution's own signs for the
// institution's awards only, never in the name of another awarding body.
func signatory(inst *Institution, c *Course) *Signatory {
	switch {
	case c.Signatory != nil:
		return c.Signatory
	case c.AwardingBody == nil:
		return &inst.Signatory
	}
	return nil
}

// priorLearning states as a fact of the award, not of the course, what rests on
// prior learning: which outcomes and on what evidence.
func (b *document) priorLearning(p *elm.AwardingProcess) elm.Note {
	d := b.draft
	w := b.say("prior-learning:" + d.RPL)
	if d.RPL == "part" {
		w = join(w, ": ", b.outcomeTitles(d.RPLOutcomes, w))
	}
	if d.RPL != "none" {
		if d.RPLEvidence != "" {
			w = join(w, ". ", with(b.say("evidence"), ": ", d.RPLEvidence))
		}
		p.Description = text(w)
	}
	return b.note(w, elm.TopicPriorLearning, d.RPL)
}

// outcomeTitles names outcomes by id and title in each language that w has: a
// reader sees titles, not ids.
func (b *document) outcomeTitles(ids []string, w Words) Words {
	out := Words{}
	for tag := range w {
		var titles []string
		for _, o := range b.course.Outcomes {
			if !slices.Contains(ids, o.ID) {
				continue
			}
			title, ok := o.Title[tag]
			if !ok {
				title = o.Title[sortedLanguages(o.Title)[0]]
			}
			titles = append(titles, o.ID+" ("+strings.TrimRight(title, ".")+")")
		}
		out[tag] = strings.Join(titles, "; ")
	}
	return out
}

// Document.

func (b *document) identifiers() elm.List[elm.Identifier] {
	list := elm.List[elm.Identifier]{{Ref: b.ref("Identifier"), SchemeName: "Certificate number", Notation: b.Number}}
	if b.course.Decision != "" {
		list = append(list, elm.Identifier{Ref: b.ref("Identifier"), SchemeName: "Decision number", Notation: b.course.Decision})
	}
	return list
}

// picture is the QR code as PNG: the profile demands an embedded picture, and
// this one leads to the verdict.
func (b *document) picture() (*elm.MediaObject, error) {
	png, err := paper.PNG(paper.LinkQR(b.inst.VerifierBase, b.Public), 4)
	if err != nil {
		return nil, fmt.Errorf("drawing the QR code: %w", err)
	}
	return &elm.MediaObject{
		Ref:             b.ref("MediaObject"),
		Content:         base64.StdEncoding.EncodeToString(png),
		ContentEncoding: b.concept(encodingBase64),
		ContentType:     b.concept(filePNG),
	}, nil
}

func (b *document) display(picture *elm.MediaObject) *elm.DisplayParameter {
	primary := b.languageConcept(b.primary)
	list := elm.List[elm.Concept]{*primary}
	for _, tag := range sortedLanguages(b.course.Title) {
		c := b.languageConcept(tag)
		if !slices.ContainsFunc(list, func(have elm.Concept) bool { return have.ID == c.ID }) {
			list = append(list, *c)
		}
	}
	return &elm.DisplayParameter{
		Ref:             b.ref("DisplayParameter"),
		Title:           text(join(onlyIn(b.course.Title, b.say("microcredential")), ": ", b.course.Title)),
		Description:     text(b.say("earned")),
		PrimaryLanguage: primary,
		Language:        list,
		IndividualDisplay: elm.List[elm.IndividualDisplay]{{
			Ref:           b.ref("IndividualDisplay"),
			Language:      primary,
			DisplayDetail: elm.List[elm.DisplayDetail]{{Ref: b.ref("DisplayDetail"), Page: 1, Image: picture}},
		}},
	}
}

// languageConcept is the concept of a language tag in the EU list, whose codes
// are ISO 639-3; both scripts of Serbian are one language there.
func (b *document) languageConcept(tag string) *elm.Concept {
	code := "ENG"
	if t, err := language.Parse(tag); err == nil {
		base, _ := t.Base()
		code = strings.ToUpper(base.ISO3())
	}
	return b.concept(languages + code)
}

func (b *document) person() elm.Person {
	d := b.draft
	full := d.GivenName + " " + d.FamilyName
	// One language for all three names: the profile allows one value each.
	tag := b.forName(full)
	name := func(s string) elm.Text { return elm.Text{tag: {s}} }
	p := elm.Person{
		Ref:         b.ref("Person"),
		FullName:    name(full),
		GivenName:   name(d.GivenName),
		FamilyName:  name(d.FamilyName),
		DateOfBirth: day(d.DateOfBirth),
	}
	if d.LearnerID != "" {
		p.Identifier = elm.List[elm.Identifier]{{Ref: b.ref("Identifier"), SchemeName: "Learner number", Notation: d.LearnerID}}
	}
	p.HasClaim = elm.List[elm.Claim]{b.achievement()}
	return p
}

// Achievement.

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

// level is the level of the award and how it came about.
func (b *document) level() (eqf int, method string) {
	l := b.course.Level
	switch {
	case l == nil:
		return 0, ""
	case b.draft.LevelOverride != 0 && b.draft.LevelOverride != l.EQF:
		return b.draft.LevelOverride, "override"
	}
	if _, by, ok := proposedLevel(b.course.Outcomes, l.Method); ok {
		return l.EQF, by
	}
	return l.EQF, ""
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
	if o := c.OutcomeSource; o != nil {
		var standard Words
		if o.Standard != "" {
			standard = with(c.Title, "", "")
			for tag := range standard {
				standard[tag] = strings.TrimSpace(o.Standard + " " + bracketed(o.Code))
			}
		}
		s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicSource, o.Kind, standard, o.Note))
	}
	b.addStackability(s)
	for _, q := range c.Quality {
		b.addQuality(s, q)
	}
	for _, l := range c.LegalBasis {
		if l.URL != "" {
			s.SupplementaryDocument = append(s.SupplementaryDocument, b.page(l.Text, l.URL))
		}
	}
	return s
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func (b *document) addLevel(s *elm.Specification) {
	eqf, method := b.level()
	if r := b.course.LevelReason; r != nil {
		s.AdditionalNote = append(s.AdditionalNote, b.note(r.Text, elm.TopicReasonPrefix+"level", r.Code))
	}
	if eqf == 0 {
		return
	}
	level := strconv.Itoa(eqf)
	s.EQFLevel = b.concept(eqfLevels + level)
	if method != "override" {
		// National level and cycle belong to the level of the course: beside
		// another EQF level they would contradict it.
		if iri := b.course.Level.NQF; iri != "" {
			s.NQFLevel = b.concepts(iri)
		}
		if cycle := b.course.Level.Cycle; cycle != "" {
			s.EducationLevel = b.concepts(elm.SchemeCycle + ":" + cycle)
		}
	}
	if method != "" {
		w := b.say("level-method:" + method)
		if method == "override" {
			w = with(w, ": ", b.draft.OverrideReason)
		}
		s.AdditionalNote = append(s.AdditionalNote, b.note(w, elm.TopicLevelMethod, method))
	}
	s.AdditionalNote = append(s.AdditionalNote, b.note(fill(b.say("not-a-degree"), "{level}", level), elm.TopicNotADegree, "stated"))
}

func (b *document) addStackability(s *elm.Specification) {
	k := b.course.Stackability
	part := k.Kind == "part-of-programme"
	fromPart := b.course.OutcomeSource != nil && b.course.OutcomeSource.Kind == "partial-qualification"
	if part || k.Kind == "stand-alone" || fromPart {
		// Outcomes taken from a partial qualification do not make the award one.
		s.IsPartialQualification = &part
	}
	if part {
		s.IsPartOf = elm.List[elm.Specification]{{Ref: b.ref("Qualification"), Title: text(k.Towards)}}
	}
	s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicStackability, k.Kind, k.Towards, k.Note))
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
			free = append(free, onlyIn(q.Title, with(b.say("reviewed"), ": ", q.Decided)))
		}
		if q.Review != "" {
			free = append(free, onlyIn(q.Title, with(b.say("next-review"), ": ", q.Review)))
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
		for tag, label := range subject.PrefLabel {
			words[tag] = label[0]
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
		spec.SupplementaryDocument = append(spec.SupplementaryDocument, b.page(nil, a.CriteriaURL))
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
