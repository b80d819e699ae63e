package web

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/labstack/echo/v4"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var kitTexts embed.FS

// languageNames are the languages that the kit has texts for, in their own
// words. Serbian has two scripts with texts of their own: a text is never turned
// from one script into the other, because that goes wrong in names and loans.
var languageNames = []struct{ tag, name string }{
	{"en", "English"},
	{"hr", "Hrvatski"},
	{"sr-Latn", "Srpski"},
	{"sr-Cyrl", "Српски"},
}

// Languages lists the tags that the kit has texts for.
func Languages() []string {
	var tags []string
	for _, l := range languageNames {
		tags = append(tags, l.tag)
	}
	return tags
}

// LanguageName is what a language calls itself, or its tag where the kit has no texts
// for it.
func LanguageName(tag string) string {
	for _, l := range languageNames {
		if l.tag == tag {
			return l.name
		}
	}
	return tag
}

// maxAcceptLanguage is the longest Accept-Language header that is looked at.
const maxAcceptLanguage = 256

// readTexts loads the kit's texts and those of pages, and holds that every
// language has the same ids.
func (k *Kit) readTexts(pages fs.FS) error {
	k.languages = k.config.Languages
	if k.languages == nil {
		k.languages = Languages()
	}
	var tags []language.Tag
	for _, l := range k.languages {
		tag, err := language.Parse(l)
		if err != nil || !slices.Contains(Languages(), l) {
			return fmt.Errorf("language %q is not one of %v", l, Languages())
		}
		tags = append(tags, tag)
	}
	k.matcher = language.NewMatcher(tags)
	bundle := i18n.NewBundle(tags[0])
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	k.localizer = map[string]*i18n.Localizer{}
	k.ids = map[string]map[string]bool{}
	for _, l := range k.languages {
		k.ids[l] = map[string]bool{}
		for i, from := range []fs.FS{kitTexts, pages} {
			name := "locales/" + l + ".json"
			raw, err := fs.ReadFile(from, name)
			if errors.Is(err, fs.ErrNotExist) && i > 0 {
				continue // a server may have no texts of its own; what it lacks shows below
			}
			if err != nil {
				return err
			}
			file, err := bundle.ParseMessageFileBytes(raw, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for _, m := range file.Messages {
				if k.ids[l][m.ID] {
					return fmt.Errorf("%s: text %q is there twice", name, m.ID)
				}
				k.ids[l][m.ID] = true
			}
		}
		k.localizer[l] = i18n.NewLocalizer(bundle, l)
	}
	all := map[string]bool{}
	for _, ids := range k.ids {
		maps.Copy(all, ids)
	}
	var missing []error
	for _, id := range slices.Sorted(maps.Keys(all)) {
		for _, l := range k.languages {
			if !k.ids[l][id] {
				missing = append(missing, fmt.Errorf("language %s has no text %q", l, id))
			}
		}
	}
	return errors.Join(missing...)
}

// Lang is the language of a request: ?lang=, else the best match of
// Accept-Language, else the default. No cookie remembers it; links carry it on
// where it was chosen.
func (k *Kit) Lang(c echo.Context) string {
	if c.Request().URL.RawQuery != "" {
		if l := c.QueryParam("lang"); slices.Contains(k.languages, l) {
			return l
		}
	}
	header := c.Request().Header.Get("Accept-Language")
	if header == "" || len(header) > maxAcceptLanguage {
		return k.languages[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return k.languages[0]
	}
	_, i, confidence := k.matcher.Match(wanted...)
	if confidence == language.No {
		return k.languages[0]
	}
	return k.languages[i]
}

// Languages lists the languages that the kit offers, the default first.
func (k *Kit) Languages() []string { return slices.Clone(k.languages) }

// HasText reports whether an id has a text. As every language has the same
// ids, it does not ask for one.
func (k *Kit) HasText(id string) bool { return k.ids[k.languages[0]][id] }

// TextIDs lists the ids that have a text, sorted.
func (k *Kit) TextIDs() []string { return slices.Sorted(maps.Keys(k.ids[k.languages[0]])) }

// T returns the text with this id in a language, with arguments by name. The
// argument Count, a whole number, chooses the plural form. An id that has no
// text is returned as it is and logged.
func (k *Kit) T(lang, id string, args map[string]any) string {
	l, ok := k.localizer[lang]
	if !ok {
		l = k.localizer[k.languages[0]]
	}
	text, err := l.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: args, PluralCount: args["Count"]})
	if err != nil {
		k.log.Error("text missing", "id", id, "lang", lang)
		return id
	}
	return text
}
