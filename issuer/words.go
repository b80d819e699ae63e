package issuer

import (
	"strings"
	"unicode"

	"indeks/contexts"
	"indeks/elm"
)

// The sentences that the issuer adds of its own accord, in every language it
// has words for, beside the labels of the lists. A document carries those of
// its languages.
var phrases = map[string]Words{
	"microcredential": {
		"en": "Micro-credential", "hr": "Mikrokvalifikacija", "sr-Latn": "Mikrokredencijal", "sr-Cyrl": "Микрокреденцијал"},
	"earned": {
		"en": "has earned the micro-credential", "hr": "je stekao/stekla mikrokvalifikaciju",
		"sr-Latn": "je stekao/stekla mikrokredencijal", "sr-Cyrl": "је стекао/стекла микрокреденцијал"},
	"verify": {
		"en": "Verify this credential", "hr": "Provjerite ovu ispravu", "sr-Latn": "Proverite ovu ispravu", "sr-Cyrl": "Проверите ову исправу"},
	"catalogue": {
		"en": "Course description in the catalogue", "hr": "Opis programa u katalogu", "sr-Latn": "Opis kursa u katalogu", "sr-Cyrl": "Опис курса у каталогу"},
	"not-a-degree": {
		"en":      "Level {level} describes what was learnt. This is not a short-cycle, bachelor's, master's or doctoral degree.",
		"hr":      "Razina {level} opisuje ono što je naučeno. Ovo nije kratki, prijediplomski, diplomski ni doktorski stupanj.",
		"sr-Latn": "Nivo {level} opisuje ono što je naučeno. Ovo nije diploma kratkog programa, osnovnih, master ni doktorskih studija.",
		"sr-Cyrl": "Ниво {level} описује оно што је научено. Ово није диплома кратког програма, основних, мастер ни докторских студија."},
	"outcomes": {
		"en": "Outcomes", "hr": "Ishodi", "sr-Latn": "Ishodi", "sr-Cyrl": "Исходи"},
	"criteria": {
		"en": "Assessment criteria", "hr": "Kriteriji vrednovanja", "sr-Latn": "Kriterijumi ocenjivanja", "sr-Cyrl": "Критеријуми оцењивања"},
	"evidence": {
		"en": "Evidence", "hr": "Dokazi", "sr-Latn": "Dokazi", "sr-Cyrl": "Докази"},
	"recognised": {
		"en": "Recognised credential", "hr": "Priznata isprava", "sr-Latn": "Priznata isprava", "sr-Cyrl": "Призната исправа"},
	"decision-of": {
		"en": "Decision of", "hr": "Odluka od", "sr-Latn": "Odluka od", "sr-Cyrl": "Одлука од"},
	"eqar": {
		"en": "The agency was registered with EQAR on the date of the decision.", "hr": "Agencija je na dan odluke bila upisana u EQAR.",
		"sr-Latn": "Agencija je na dan odluke bila upisana u EQAR.", "sr-Cyrl": "Агенција је на дан одлуке била уписана у EQAR."},
	"reviewed": {
		"en": "Last review:", "hr": "Posljednje preispitivanje:", "sr-Latn": "Poslednje preispitivanje:", "sr-Cyrl": "Последње преиспитивање:"},
	"next-review": {
		"en": "Next review:", "hr": "Sljedeće preispitivanje:", "sr-Latn": "Sledeće preispitivanje:", "sr-Cyrl": "Следеће преиспитивање:"},
	"decided-by": {
		"en": "Decided by", "hr": "Odluku donosi", "sr-Latn": "Odluku donosi", "sr-Cyrl": "Одлуку доноси"},
	"tie": {
		"en": "No level has a majority of the outcomes", "hr": "Nijedna razina nema većinu ishoda",
		"sr-Latn": "Nijedan nivo nema većinu ishoda", "sr-Cyrl": "Ниједан ниво нема већину исхода"},
	"in-force-until": {
		"en": "In force until", "hr": "Na snazi do", "sr-Latn": "Na snazi do", "sr-Cyrl": "На снази до"},
	"in-force": {
		"en": "In force from", "hr": "Na snazi od", "sr-Latn": "Na snazi od", "sr-Cyrl": "На снази од"},
	"assessment": {
		"en": "Overall assessment", "hr": "Ukupna ocjena", "sr-Latn": "Ukupna ocena", "sr-Cyrl": "Укупна оцена"},
	"course": {
		"en": "The whole course", "hr": "Cijeli program", "sr-Latn": "Ceo kurs", "sr-Cyrl": "Цео курс"},
}

// tongue is the set of languages of a document, the primary one first.
type tongue []string

// say returns a phrase in the languages of the document that it has words in,
// at least in English.
func (t tongue) say(id string) Words {
	out := Words{}
	for _, tag := range t {
		if s, ok := phrases[id][tag]; ok {
			out[tag] = s
		}
	}
	return out
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
		if s, ok := c.Label[tag]; ok {
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
