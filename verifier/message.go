package verifier

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sentence is one of those that reports are made of. There are no others: a [Message]
// is made from one of them. The English text is what the API and the command line say.
// Pages have a text of their own by the code, in each language.
type Sentence struct {
	Code  string   // stable, such as "seal.exact"
	Names []string // of the values in it, in the order of the English text
	parts []string // of the English text, between the values
}

// Sentences lists all of them.
func Sentences() []*Sentence { return slices.Clone(sentences) }

var sentences []*Sentence

// say adds a sentence. A {Name} in its text is a place for a value.
func say(code, english string) *Sentence {
	s := &Sentence{Code: code}
	for {
		before, place, ok := strings.Cut(english, "{")
		s.parts = append(s.parts, before)
		if !ok {
			sentences = append(sentences, s)
			return s
		}
		name, after, _ := strings.Cut(place, "}")
		s.Names, english = append(s.Names, name), after
	}
}

// Message is a sentence with what stands in it. The zero value says nothing. What
// comes from a document is in it as [plain] leaves it, but for messages in it.
type Message struct {
	sentence *Sentence
	values   []any
}

// Of returns the message that a sentence makes with its values, in the order of Names.
// Each is a string, int, time.Time (of which the day counts), [Day], [Elements],
// *TrustedIssuer (of which the name counts), [Detail] or Message.
func (s *Sentence) Of(values ...any) Message { return Message{s, values} }

// Values that are not just what is written.
type (
	Day      string   // YYYY-MM-DD
	Elements []string // ids of elements of the supplement
	Detail   string   // what is wrong with a document by a rule of its format, for those who make such documents; in English
	quoted   string   // in quotation marks
)

// Code is that of the sentence, "" where nothing is said.
func (m Message) Code() string {
	if m.sentence == nil {
		return ""
	}
	return m.sentence.Code
}

// Values are what stands in the message by the names of the sentence: each a string, an
// int, a [Day], [Elements], a *TrustedIssuer, a [Detail] or a Message.
func (m Message) Values() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for i, value := range m.values {
			switch v := value.(type) {
			case time.Time:
				value = Day(day(v))
			case quoted:
				value = string(v)
			}
			if !yield(m.sentence.Names[i], value) {
				return
			}
		}
	}
}

// String is the message in English.
func (m Message) String() string {
	if m.sentence == nil {
		return ""
	}
	if len(m.values) == 0 {
		return m.sentence.parts[0]
	}
	var out strings.Builder
	for part := range m.english {
		out.WriteString(part)
	}
	return out.String()
}

// english are the parts of the message in English: it needs no memory for the whole.
func (m Message) english(yield func(string) bool) {
	if m.sentence == nil {
		return
	}
	for i, part := range m.sentence.parts {
		if !yield(part) || i < len(m.values) && !yield(inEnglish(m.values[i])) {
			return
		}
	}
}

func inEnglish(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case time.Time:
		return day(v)
	case Day:
		return string(v)
	case Elements:
		return strings.Join(v, ", ")
	case *TrustedIssuer:
		return v.Name("en")
	case Detail:
		return string(v)
	case quoted:
		return strconv.Quote(string(v))
	case Message:
		return plain(v.String())
	}
	return fmt.Sprint(value)
}
