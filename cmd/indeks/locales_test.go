package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"indeks/elm"
	"indeks/web"
)

// values are the places that a text has for values: %s, {name}, {{.Name}}.
var values = regexp.MustCompile(`%[a-z]|\{[a-z]+\}|\.[A-Z]\w*`)

var dateThenPoint = regexp.MustCompile(`\{(\{\.(Date|Issued|From|Until|To|Lost|Head)\}|date)\}\.`)

// TestEachKeyOfTheTexts holds that every folder of texts has every language, every
// language every text, and every text the places for values that the English one has: a
// translation that lost one would say less, or "%!s(MISSING)".
func TestEachKeyOfTheTexts(t *testing.T) {
	folders, err := filepath.Glob("../../*/locales")
	if err != nil {
		t.Fatal(err)
	}
	further, err := filepath.Glob("../../*/*/locales")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob("../../*/*/*/locales")
	if err != nil {
		t.Fatal(err)
	}
	folders = slices.Concat(folders, further, deeper)
	if len(folders) < 8 {
		t.Errorf("only %d folders of texts: %v", len(folders), folders)
	}
	languages := web.Languages()
	if ours := elm.Languages(); !slices.Equal(slices.Sorted(slices.Values(languages)), slices.Sorted(slices.Values(ours))) {
		t.Errorf("pages are in %v, supplements in %v", languages, ours)
	}
	for _, folder := range folders {
		files, err := filepath.Glob(folder + "/*.json")
		if err != nil || len(files) != len(languages) {
			t.Errorf("%s: %d files for %d languages (%v)", folder, len(files), len(languages), err)
		}
		english := textsIn(t, folder, "en")
		for _, lang := range languages {
			texts := textsIn(t, folder, lang)
			for id, forms := range texts {
				if english[id] == nil {
					t.Errorf("%s, %s: %q is no text in English", folder, lang, id)
				}
				for _, text := range forms {
					if strings.TrimSpace(text) != text || text == "" || strings.Contains(text, "  ") {
						t.Errorf("%s, %s: %s is %q", folder, lang, id, text)
					}
					// A date may end with a point of its own. What the page of offline codes
					// says is put together in the browser, which sees to that itself.
					if strings.HasSuffix(web.Date(lang, time.Now()), ".") && !strings.HasPrefix(id, "offline.") && dateThenPoint.MatchString(text) {
						t.Errorf("%s, %s: %s ends a sentence twice in %q", folder, lang, id, text)
					}
					if where := foreignLetter(lang, text); where != "" {
						t.Errorf("%s, %s: %s has a letter of another script in %q", folder, lang, id, where)
					}
				}
			}
			for id, forms := range english {
				if got, want := placesIn(texts[id]), placesIn(forms); texts[id] == nil || got != want {
					t.Errorf("%s, %s: %s has places for %q, and in English for %q", folder, lang, id, got, want)
				}
			}
		}
	}
}

// textsIn are the texts of a language by id, those with forms by count in all of them.
func textsIn(t *testing.T, folder, lang string) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, lang+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatalf("%s, %s: %v", folder, lang, err)
	}
	texts := map[string][]string{}
	for id, value := range read {
		switch value := value.(type) {
		case string:
			texts[id] = []string{value}
		case map[string]any:
			for _, form := range value {
				texts[id] = append(texts[id], form.(string))
			}
		}
	}
	return texts
}

// placesIn are the places for values of a text, each of a form as often as it is there.
func placesIn(forms []string) string {
	var all []string
	for _, form := range forms {
		for _, place := range values.FindAllString(form, -1) {
			if place[0] == '%' || !slices.Contains(all, place) {
				all = append(all, place)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// foreignLetter finds a word that mixes Latin and Cyrillic letters, or, in a language
// that is written in Latin script, has a Cyrillic one: they look alike and read wrong.
func foreignLetter(lang, text string) string {
	cyrillic := lang == "sr-Cyrl" || lang == "mk"
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		has := strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
		if has && (!cyrillic || strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(unicode.Latin, r) })) {
			return word
		}
	}
	return ""
}
