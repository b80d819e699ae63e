package elm

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"indeks/contexts"
)

// topics are the schemes of coded notes.
var topics = []string{
	TopicProvider, TopicAwardStatus, TopicAwardKind, TopicStackability, TopicPriorLearning, TopicNotADegree,
	TopicLevelMethod, TopicSource, TopicCriteria, TopicQAProcedure, TopicSignatory, TopicFurther,
	TopicLevelProposed, TopicNational, TopicRecognised,
}

// labelledTopics are subjects that other issuers name in words only.
var labelledTopics = map[string]string{
	"legal basis":                         TopicLegalBasis,
	"regulations and certificates":        TopicLegalBasis,
	"quality assurance":                   TopicQuality,
	"accreditation and quality assurance": TopicQuality,
	"stackability":                        TopicStackability,
	"cycle":                               SchemeCycle,
	"further information":                 TopicFurther,
}

// topicOf returns what a note's subject is about, and the code if it is one of
// ours. The topic of a reason is TopicReasonPrefix and the element's id.
func topicOf(c *Concept) (topic, code string) {
	if c.ID == TopicLegalBasis || c.ID == TopicQuality {
		return c.ID, ""
	}
	if i := strings.LastIndexByte(c.ID, ':'); i > 0 {
		topic, code = c.ID[:i], c.ID[i+1:]
		if slices.Contains(topics, topic) || strings.HasPrefix(topic, TopicReasonPrefix) {
			return topic, code
		}
	}
	for _, label := range c.PrefLabel.Get("en") {
		if topic := labelledTopics[strings.ToLower(strings.TrimSpace(label))]; topic != "" {
			return topic, ""
		}
	}
	return "", ""
}

// about returns the notes on a topic.
func (v *view) about(topic string) []note { return v.notes[topic] }

// coded is an element that stands in coded notes.
func (v *view) coded(id, topic string) Element {
	e := Element{ID: id}
	for _, n := range v.about(topic) {
		e.Values = v.add(e.Values, v.codedValue(n))
	}
	return e
}

// codedValue is the meaning of a note's code and, below it, the issuer's own
// words.
func (v *view) codedValue(n note) Value {
	own := v.noteText(n.Note)
	if n.code == "" {
		return own
	}
	value := v.concept(n.concept)
	own.Text = beyondLabel(own.Text, n.concept.ID)
	value.Detail = v.lineOf(nil, "line:note", own)
	return value
}

// Label is the label of a concept of the compiled-in lists in a language of
// [Languages], or "". In English it is a plainer word than the list's where there is
// one. The text of a coded note that begins with the label of its
// code, alone or followed by a colon or full stop, is shown without it.
func Label(id, lang string) string {
	c, _ := contexts.Lookup(id)
	if plain := plainer[id]; plain != "" && lang == "en" {
		return plain
	}
	return c.Label[lang]
}

// beyondLabel is what a note says that the label of its code does not.
func beyondLabel(text, id string) string {
	c, _ := contexts.Lookup(id)
	for _, lang := range languages {
		label := c.Label[lang]
		if label == "" {
			continue
		}
		if alike(text, label) {
			return ""
		}
		if own, ok := strings.CutPrefix(text, label); ok && (strings.HasPrefix(own, ": ") || strings.HasPrefix(own, ". ")) {
			return own[len(": "):]
		}
	}
	return text
}

// alike reports whether two texts have the same letters and digits.
func alike(a, b string) bool {
	if a == b {
		return true
	}
	for {
		var x, y rune
		x, a = nextLetter(a)
		if y, b = nextLetter(b); x != y {
			return false
		}
		if x == 0 {
			return true
		}
	}
}

// nextLetter returns the first letter or digit of s, in lower case, and what
// follows it; 0 where there is none.
func nextLetter(s string) (letter rune, rest string) {
	for i, r := range s {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r, s[i+1:]
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r), s[i+utf8.RuneLen(r):]
		}
	}
	return 0, ""
}

// priorLearning is what of the award rests on it, and the credential that was
// recognised, with the digest of its file.
func (v *view) priorLearning() Element {
	e := v.coded("rpl", TopicPriorLearning)
	for _, n := range v.about(TopicRecognised) {
		value := v.noteText(n.Note)
		value.Detail = line(value.Detail, v.say("line:digest"), n.code)
		e.Values = v.add(e.Values, value)
	}
	return e
}

// stated is an element whose notes are the issuer's words only.
func (v *view) stated(id, topic string) Element {
	e := Element{ID: id}
	for _, n := range v.about(topic) {
		e.Values = v.add(e.Values, v.noteText(n.Note))
	}
	return e
}

// orReason answers an element without values by the coded reason for it. A
// reason beside values is shown after them.
func (v *view) orReason(e Element, element string) Element {
	e.Reason = len(e.Values) == 0
	for _, n := range v.about(TopicReasonPrefix + element) {
		e.Values = v.add(e.Values, v.codedValue(n))
	}
	e.Reason = e.Reason && len(e.Values) > 0
	return e
}
