package issuer

import (
	"embed"
	"strings"
	"sync"
	"unicode"

	"indeks/contexts"
	"indeks/elm"
)

//go:embed locales/*.json
var locales embed.FS

// phrases are the sentences that the issuer adds of its own accord, by id, in every
// language it has words for, beside the labels of the lists. A document carries those
// of its languages.
var phrases = sync.OnceValue(func() map[string]Words {
	all := map[string]Words{}
	for lang, texts := range elm.ReadWords(locales) {
		for id, text := range texts {
			if all[id] == nil {
				all[id] = Words{}
			}
			all[id][lang] = text
		}
	}
	return all
})

// tongue is the set of languages of a document, the primary one first.
type tongue []string

// say returns a phrase in the languages of the document that it has words in,
// at least in English.
func (t tongue) say(id string) Words {
	out := Words{}
	for _, tag := range t {
		if s, ok := phrases()[id][inLatin(tag)]; ok {
			out[tag] = s
		}
	}
	return out
}

// inLatin is the tag under which words are kept: those of Bosnian, Montenegrin and
// Slovenian are in Latin script without saying so, which a course may.
func inLatin(tag string) string {
	switch tag {
	case "bs-Latn", "cnr-Latn", "sl-Latn":
		return strings.TrimSuffix(tag, "-Latn")
	}
	return tag
}

// In is the text for a reader, with its language where that is another one.
func (w Words) In(lang string) elm.Value { return text(w).In(lang) }

// text turns words into a language map.
func text(w Words) elm.Text {
	if len(w) == 0 {
		return nil
	}
	t := make(map[string][]string, len(w))
	for tag, s := range w {
		t[tag] = []string{s}
	}
	return elm.TextOf(t)
}

// join puts words behind words of the same language, without a second full
// stop. A language that only one of the two has keeps what it has.
func join(a Words, between string, b Words) Words {
	out := Words{}
	for tag, s := range a {
		if u, ok := b[tag]; ok {
			if strings.HasPrefix(between, ".") {
				s = strings.TrimRight(s, ".")
			}
			s += between + u
		}
		out[tag] = s
	}
	for tag, u := range b {
		if _, ok := a[tag]; !ok {
			out[tag] = u
		}
	}
	return out
}

// together puts words behind words in the languages that both have. Where they
// have none in common, both stand under the first language of a: nothing that
// the course says is lost.
func together(a Words, between string, b Words) Words {
	switch common := onlyIn(a, b); {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	case len(common) > 0:
		return join(onlyIn(common, a), between, common)
	}
	tag := first(a)
	return join(Words{tag: a[tag]}, between, Words{tag: b[first(b)]})
}

// first is the language to take where one must do.
func first(w Words) string {
	if _, ok := w["en"]; ok {
		return "en"
	}
	return sortedLanguages(w)[0]
}

// with appends the same text in all languages.
func with(a Words, between, s string) Words {
	out := make(Words, len(a))
	for tag, t := range a {
		out[tag] = t + between + s
	}
	return out
}

func fill(a Words, placeholder, s string) Words {
	out := make(Words, len(a))
	for tag, t := range a {
		out[tag] = strings.ReplaceAll(t, placeholder, s)
	}
	return out
}

// on returns a phrase with a day (YYYY-MM-DD) written out in each language.
func (t tongue) on(id, date string) Words {
	out := t.say(id)
	for tag, s := range out {
		out[tag] = s + " " + elm.Date(day(date), tag)
	}
	return out
}

// label is the concept's label in the languages of the document, at least in
// English.
func (t tongue) label(c contexts.Concept) elm.Text {
	out := map[string][]string{"en": {c.Label["en"]}}
	for _, tag := range t {
		if s, ok := c.Label[inLatin(tag)]; ok {
			out[tag] = []string{s}
		}
	}
	return elm.TextOf(out)
}

// forName is the language under which a name is written: the first of the
// document whose script fits, as a Cyrillic name is no text in Latin script.
func (t tongue) forName(name string) string {
	cyrillic := strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
	for _, tag := range t {
		if isCyrillic(tag) == cyrillic {
			return tag
		}
	}
	if cyrillic {
		return "und-Cyrl"
	}
	return "en"
}

func isCyrillic(tag string) bool {
	base, _, _ := strings.Cut(tag, "-")
	switch {
	case strings.Contains(tag, "-Cyrl"):
		return true
	case strings.Contains(tag, "-Latn"):
		return false
	}
	return base == "mk" || base == "bg" || base == "ru" || base == "uk" || base == "sr"
}
