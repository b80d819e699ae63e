package issuer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"indeks/contexts"
	"indeks/elm"
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
	Page    string    // of the course in the catalogue, or ""
}

// credential builds what is to be sealed for a draft. It is a pure function:
// everything that the document says comes from the arguments, so building it
// twice gives the same bytes.
func (inst *Institution) credential(d *Draft, x drawn) (*elm.Credential, error) {
	b := &document{inst: inst, draft: d, course: d.Course, profile: inst.profile(d.Course), drawn: x, count: map[string]int{}}
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
	if end := d.validUntil(x.At); !end.IsZero() {
		cred.ValidUntil, cred.ExpirationDate = elm.At(end), elm.At(end)
	}
	cred.CredentialStatus = inst.statusEntries(x.Entries)
	return cred, nil
}

// statusEntries are places in our lists as a credential names them.
func (inst *Institution) statusEntries(entries []store.Entry) (named elm.List[elm.StatusEntry]) {
	for _, e := range entries {
		list := inst.listURL(e.List)
		named = append(named, elm.StatusEntry{
			Ref:                  elm.Ref{ID: list + "#" + strconv.FormatUint(e.Index, 10), Type: elm.List[string]{"BitstringStatusListEntry"}},
			StatusPurpose:        e.Purpose,
			StatusListIndex:      strconv.FormatUint(e.Index, 10),
			StatusListCredential: list,
		})
	}
	return named
}

// validUntil is the end of the validity: that of the award, so it counts from
// the awarding date whenever the document is made, and the last day counts
// whole. Zero means for ever.
func (d *Draft) validUntil(at time.Time) time.Time {
	if d.Course.ValidMonths == 0 {
		return time.Time{}
	}
	awarded, err := time.Parse(time.DateOnly, d.AwardingDate)
	if err != nil { // left open: today
		awarded = at.UTC().Truncate(24 * time.Hour)
	}
	last := awarded.AddDate(0, d.Course.ValidMonths, 0)
	if last.Day() != awarded.Day() { // 31 January and a month is the end of February
		last = last.AddDate(0, 0, -last.Day())
	}
	return last.Add(24*time.Hour - time.Second)
}

// document is a credential on its way. Things that occur in several places are
// made once and copied: RDF merges all copies of one id, so they must not say
// different things, and readers of the JSON do not follow ids.
type document struct {
	inst    *Institution
	draft   *Draft
	course  *Course
	profile *Profile // nil where the course names one that is not known
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
// would read as a whole one. The supplement knows the label and shows the rest.
func (b *document) fact(topic, code string, free ...Words) elm.Note {
	var own Words
	for _, f := range free {
		own = together(own, ". ", f)
	}
	label := b.meaning(topic, code)
	if len(own) > 0 {
		label = join(onlyIn(own, label), ": ", own)
	}
	return b.note(label, topic, code)
}

// meaning is the label of a code in the languages of the document.
func (b *document) meaning(topic, code string) Words {
	w := Words{}
	for _, tag := range b.tongue {
		if label := elm.Label(topic+":"+code, tag); label != "" {
			w[tag] = label
		}
	}
	return w
}

// euNote is a note on a topic of the EU list.
func (b *document) euNote(w Words, topic, label string) elm.Note {
	list, _, _ := strings.Cut(topic, "#")
	return elm.Note{Ref: b.ref("Note"), NoteLiteral: text(w), Subject: elm.List[elm.Concept]{{
		Ref:       elm.Ref{ID: topic, Type: elm.List[string]{"Concept"}},
		InScheme:  scheme(list),
		PrefLabel: elm.TextOf(map[string][]string{"en": {label}}),
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

const (
	certificateScheme = "Certificate number"
	pictureScale      = 4 // pixels of a module of the code that is embedded
)

func (b *document) identifiers() elm.List[elm.Identifier] {
	list := elm.List[elm.Identifier]{{Ref: b.ref("Identifier"), SchemeName: certificateScheme, Notation: b.Number}}
	if b.course.Decision != "" {
		list = append(list, elm.Identifier{Ref: b.ref("Identifier"), SchemeName: "Decision number", Notation: b.course.Decision})
	}
	return list
}

// picture is the QR code as PNG: the profile demands an embedded picture, and
// this one leads to the verdict.
func (b *document) picture() (*elm.MediaObject, error) {
	png, err := b.inst.picture(b.Public)
	if err != nil {
		return nil, err
	}
	return &elm.MediaObject{
		Ref:             b.ref("MediaObject"),
		Content:         png,
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
		Title:           text(join(onlyIn(b.course.Title, b.microcredential()), ": ", b.course.Title)),
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
	name := func(s string) elm.Text { return elm.TextOf(map[string][]string{tag: {s}}) }
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
