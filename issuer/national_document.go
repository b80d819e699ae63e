package issuer

import (
	"strings"

	"indeks/elm"
)

// nationalLevel is the IRI of the course's national level, which may be written
// as its name in the framework of the profile.
func (b *document) nationalLevel() string {
	nqf := b.course.Level.NQF
	if b.profile != nil {
		if l, ok := b.profile.level(nqf); ok {
			return l.IRI
		}
	}
	return nqf
}

// microcredential is what the thing is called: in national languages by the word
// of its country, in English by the one that readers abroad know.
func (b *document) microcredential() Words {
	w := b.say("microcredential")
	if b.profile == nil {
		return w
	}
	for _, tag := range b.tongue {
		if term, ok := b.profile.term(tag); ok && tag != "en" {
			w[tag] = term
		}
	}
	return w
}

// everywhere is one text in every language of the course: names and numbers,
// which are in none.
func (b *document) everywhere(s string) Words {
	w := make(Words, len(b.course.Title))
	for tag := range b.course.Title {
		w[tag] = s
	}
	return w
}

// addSource states where the outcomes were taken from: the standards with their
// numbers, and which outcomes of each.
func (b *document) addSource(s *elm.Specification) {
	o := b.course.OutcomeSource
	if o == nil {
		return
	}
	var from []Words
	if o.Standard != "" {
		from = append(from, b.everywhere(strings.TrimSpace(o.Standard+" "+bracketed(o.Code))))
	}
	for _, standard := range o.Standards {
		w := b.everywhere(standard.ID)
		if len(standard.Title) > 0 {
			w = with(standard.Title, " ", bracketed(standard.ID))
		}
		if len(standard.Outcomes) > 0 {
			w = together(w, ", ", with(onlyIn(b.course.Title, b.say("outcomes")), ": ", strings.Join(standard.Outcomes, ", ")))
		}
		from = append(from, w)
	}
	s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicSource, o.Kind, append(from, o.Note)...))
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// addNational states what the registers of the country ask for.
func (b *document) addNational(s *elm.Specification) {
	c := b.course
	fact := func(code string, w Words) {
		if len(w) > 0 {
			s.AdditionalNote = append(s.AdditionalNote, b.fact(elm.TopicNational, code, w))
		}
	}
	number := func(code, id string) {
		if id != "" {
			fact(code, b.everywhere(id))
		}
	}
	fact("sector", c.Sector)
	number("class-nqfs", c.ClassNQFS)
	for _, o := range c.Occupations {
		fact("occupation", with(o.Title, " ", bracketed(o.Code)))
	}
	if len(c.OnwardLevels) > 0 {
		label := ""
		if b.profile != nil {
			label = b.profile.Levels.Label["en"] + " "
		}
		number("onward-levels", label+strings.Join(c.OnwardLevels, ", "))
	}
	number("proaea-number", c.PROAEA)
}
