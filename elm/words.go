package elm

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"indeks/contexts"
)

// Languages lists the tags that Supplement has labels for, English first.
func Languages() []string { return slices.Clone(languages) }

var languages = []string{"en", "bs", "cnr", "de", "hr", "mk", "sq", "sl", "sr-Latn", "sr-Cyrl"}

//go:embed locales/*.json
var locales embed.FS

// words are labels, fixed sentences and the names of codes, by language and id:
// sections, elements (by id), lines, sentences, units (in the forms of
// [view.counted]), how a date is written, months. A %s stands for a value. The names
// of concepts are those of package contexts.
var words = sync.OnceValue(func() map[string]map[string]string { return ReadWords(locales) })

// ReadWords returns the texts of a package by language, of which locales/LANGUAGE.json has
// those of one, by id. They are compiled in: a language of [Languages] that is missing, or
// cannot be read, is a panic.
func ReadWords(files fs.FS) map[string]map[string]string {
	all := make(map[string]map[string]string, len(languages))
	for _, lang := range languages {
		texts := map[string]string{}
		raw, err := fs.ReadFile(files, "locales/"+lang+".json")
		if err == nil {
			err = json.Unmarshal(raw, &texts)
		}
		if err != nil {
			panic(fmt.Sprintf("reading the words of %s: %v", lang, err))
		}
		all[lang] = texts
	}
	return all
}

// say returns one of our own words, in English where the language is none of ours, or
// "" for an id that has none. Values stand where the words have %s.
func say(lang, id string, values ...string) string { return fill(wordsIn(lang)[id], values) }

// wordsIn are our own words in a language, in English where it is none of ours.
func wordsIn(lang string) map[string]string {
	texts, ok := words()[lang]
	if !ok {
		texts = words()["en"]
	}
	return texts
}

// fill puts values where a word has %s.
func fill(word string, values []string) string {
	if len(values) == 0 {
		return word
	}
	var few [128]byte
	said := few[:0]
	for _, value := range values {
		before, after, _ := strings.Cut(word, "%s")
		said, word = append(append(said, before...), value...), after
	}
	return string(append(said, word...))
}

// scheme is the name of an identifier's scheme: ours where it is one of the
// English names that our issuer writes, else as the credential has it.
func (v *view) scheme(name string) string {
	return cmp.Or(v.say("scheme:"+strings.ToLower(name)), name)
}

// LanguageName is what a language is called in another one, which is one of [Languages]:
// by our own words or by the European list, else its tag.
func LanguageName(tag, lang string) string {
	if name := say(lang, "language:"+tag); name != "" {
		return name
	}
	parsed, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	base, _ := parsed.Base()
	if name := say(lang, "language:"+base.String()); name != "" {
		return name
	}
	known, _ := contexts.Lookup("http://publications.europa.eu/resource/authority/language/" + strings.ToUpper(base.ISO3()))
	return cmp.Or(known.In(lang), tag)
}
