package issuer

import (
	"slices"
	"strings"

	"indeks/elm"
)

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
	if s := b.draft.Source; s != nil {
		p.AdditionalNote = append(p.AdditionalNote, b.recognised(s))
	}
	if s := signatory(b.inst, c); s != nil {
		p.AdditionalNote = append(p.AdditionalNote, b.note(Words{b.forName(s.Name): s.Name + ", " + s.Office}, elm.TopicSignatory, "stated"))
	}
	for _, l := range c.LegalBasis {
		l = l.resolved()
		w := l.Text
		if l.From != "" {
			w = join(w, ". ", onlyIn(w, b.on("in-force", l.From)))
		}
		if l.Until != "" {
			w = join(w, ". ", onlyIn(w, b.on("in-force-until", l.Until)))
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
	w := b.meaning(elm.TopicPriorLearning, d.RPL)
	if d.RPL == "part" {
		titles := b.outcomeTitles(d.RPLOutcomes)
		w = together(w, ". ", join(onlyIn(titles, b.say("outcomes")), ": ", titles))
	}
	if d.RPLEvidence != "" {
		w = together(w, ". ", with(b.say("evidence"), ": ", d.RPLEvidence))
	}
	if d.RPL != "none" {
		p.Description = text(w)
	}
	return b.note(w, elm.TopicPriorLearning, d.RPL)
}

// recognised names the credential on which prior learning rests: its id and who
// sealed it in the text, the digest of the file in the subject, where programs find
// it in either form.
func (b *document) recognised(s *Recognised) elm.Note {
	what := s.Title
	for _, more := range []string{s.Issuer, s.Credential} {
		if more != "" && what != "" {
			what += ", "
		}
		what += more
	}
	w := join(with(b.say("recognised"), ": ", what), ". ", b.on("decision-of", s.Date))
	note := elm.Note{Ref: b.ref("Note"), NoteLiteral: text(w), Subject: elm.List[elm.Concept]{{
		Ref:      elm.Ref{ID: elm.TopicRecognised + ":" + s.SHA256, Type: elm.List[string]{"Concept"}},
		InScheme: scheme(elm.TopicRecognised), PrefLabel: text(b.say("recognised")),
	}}}
	return note
}

// outcomeTitles names outcomes by their titles, in the languages that all have.
func (b *document) outcomeTitles(ids []string) Words {
	var w Words
	for _, o := range b.course.Outcomes {
		if slices.Contains(ids, o.ID) {
			w = together(w, "; ", o.Title)
		}
	}
	return w
}
