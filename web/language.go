package web

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"indeks/elm"
)

//go:embed locales/*.json
var kitTexts embed.FS

// tongue is a language that the kit has texts for.
type tongue struct {
	tag, name string // the name in the language's own words
	date      string // how it writes a day in figures, as [time.Time.Format] has it
	birthday  string // the same without the year
	rules     string // the language whose rules of plurals it has, "" for its own
}

// tongues are in the order of their names, behind English. Serbian has two scripts with
// texts of their own: a text is never turned from one script into the other, because
// that goes wrong in names and loans.
var tongues = []tongue{
	{tag: "en", name: "English", date: "2 January 2006", birthday: "2 January"},
	{tag: "bs", name: "Bosanski", date: "2. 1. 2006.", birthday: "2. 1."},
	{tag: "cnr", name: "Crnogorski", date: "2. 1. 2006.", birthday: "2. 1.", rules: "sr-Latn"},
	{tag: "de", name: "Deutsch", date: "2.1.2006", birthday: "2.1."},
	{tag: "hr", name: "Hrvatski", date: "2. 1. 2006.", birthday: "2. 1."},
	{tag: "mk", name: "Македонски", date: "2.1.2006", birthday: "2.1."},
	{tag: "sq", name: "Shqip", date: "2.1.2006", birthday: "2.1."},
	{tag: "sl", name: "Slovenščina", date: "2. 1. 2006", birthday: "2. 1."},
	{tag: "sr-Latn", name: "Srpski", date: "2. 1. 2006.", birthday: "2. 1."},
	{tag: "sr-Cyrl", name: "Српски", date: "2. 1. 2006.", birthday: "2. 1."},
}

// tongueOf is the language with a tag, else English.
func tongueOf(tag string) tongue {
	for _, t := range tongues {
		if t.tag == tag {
			return t
		}
	}
	return tongues[0]
}

// Languages lists the tags that the kit has texts for.
func Languages() []string {
	var tags []string
	for _, t := range tongues {
		tags = append(tags, t.tag)
	}
	return tags
}

// LanguageName is what a language calls itself, or its tag where the kit has no texts
// for it.
func LanguageName(tag string) string {
	if t := tongueOf(tag); t.tag == tag {
		return t.name
	}
	return tag
}

// Date writes the day of an instant, in UTC, as people of a language do.
func Date(lang string, t time.Time) string { return t.UTC().Format(tongueOf(lang).date) }

// Instant writes a day and the minute, in UTC.
func Instant(lang string, t time.Time) string { return Date(lang, t) + t.UTC().Format(", 15:04 UTC") }

// Birthday writes a day without its year.
func Birthday(lang string, t time.Time) string { return t.Format(tongueOf(lang).birthday) }

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
	k.localizer = map[string]*i18n.Localizer{}
	k.ids = map[string]map[string]bool{}
	values := map[string]string{} // of each text of the first language
	for i, l := range k.languages {
		k.ids[l] = map[string]bool{}
		rules := language.MustParse(cmp.Or(tongueOf(l).rules, l))
		bundle := i18n.NewBundle(rules)
		for j, from := range []fs.FS{kitTexts, pages} {
			name := "locales/" + l + ".json"
			raw, err := fs.ReadFile(from, name)
			if errors.Is(err, fs.ErrNotExist) && j > 0 {
				continue // a server may have no texts of its own; what it lacks shows below
			}
			if err != nil {
				return err
			}
			file, err := i18n.ParseMessageFileBytes(raw, name, map[string]i18n.UnmarshalFunc{"json": json.Unmarshal})
			if err == nil {
				err = bundle.AddMessages(rules, file.Messages...)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for _, m := range file.Messages {
				if k.ids[l][m.ID] {
					return fmt.Errorf("%s: text %q is there twice", name, m.ID)
				}
				k.ids[l][m.ID] = true
				switch named := namedIn(m); {
				case i == 0:
					values[m.ID] = named
				case k.ids[k.languages[0]][m.ID] && named != values[m.ID]:
					return fmt.Errorf("%s: text %q names the values %q, and not %q", name, m.ID, named, values[m.ID])
				}
			}
		}
		k.localizer[l] = i18n.NewLocalizer(bundle, rules.String())
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

var valueName = regexp.MustCompile(`\{\{[^}]*?\.([A-Z]\w*)`)

// namedIn are the values that a text has places for, in whichever of its forms, sorted.
func namedIn(m *i18n.Message) string {
	names := map[string]bool{}
	for _, form := range []string{m.Zero, m.One, m.Two, m.Few, m.Many, m.Other} {
		for _, found := range valueName.FindAllStringSubmatch(form, -1) {
			names[found[1]] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), " ")
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
	_, i, confidence := k.matcher.Match(meant(wanted)...)
	if confidence == language.No {
		return k.languages[0]
	}
	return k.languages[i]
}

var (
	montenegrin     = language.MustParse("cnr")
	serbianLatin    = language.MustParse("sr-Latn")
	serbianCyrillic = language.MustParse("sr-Cyrl")
)

// meant adds what readers mean where the table of languages does not know: most
// browsers have no Montenegrin and offer Serbian of Montenegro in its place, and who
// reads Bosnian or Montenegrin in Cyrillic script finds that script in Serbian alone.
func meant(wanted []language.Tag) []language.Tag {
	tags := make([]language.Tag, 0, 2*len(wanted))
	for _, tag := range wanted {
		base, _ := tag.Base()
		script, _ := tag.Script()
		region, _ := tag.Region()
		switch family := base.String(); {
		case (family == "bs" || family == "cnr") && script.String() == "Cyrl":
			tags = append(tags, serbianCyrillic)
		case family == "sr" && region.String() == "ME" && script.String() == "Latn":
			tags = append(tags, montenegrin)
		}
		tags = append(tags, tag)
		if base.String() == "cnr" {
			tags = append(tags, serbianLatin) // where a server has no Montenegrin
		}
	}
	return tags
}

// Languages lists the languages that the kit offers, the default first.
func (k *Kit) Languages() []string { return slices.Clone(k.languages) }

// HasText reports whether an id has a text. As every language has the same
// ids, it does not ask for one.
func (k *Kit) HasText(id string) bool { return k.ids[k.languages[0]][id] }

// TextIDs lists the ids that have a text, sorted.
func (k *Kit) TextIDs() []string { return slices.Sorted(maps.Keys(k.ids[k.languages[0]])) }

// Number writes a number as people of a language do: one of Go's, or a decimal as text
// (see [elm.Number]). Anything else is written as it is.
func Number(lang string, n any) string {
	if f, ok := n.(float64); ok {
		return elm.Number(lang, strconv.FormatFloat(f, 'f', -1, 64))
	}
	return elm.Number(lang, fmt.Sprint(n))
}

// written are the arguments of a text as people of its language write them. Texts stay as
// they are, for they may be names: a number that is no amount is given as text.
func written(lang string, args map[string]any) map[string]any {
	out := make(map[string]any, len(args))
	for name, value := range args {
		switch at := value.(type) {
		case int, int64, uint64, float64:
			value = Number(lang, value)
		case time.Time:
			value = Instant(lang, at)
		}
		out[name] = value
	}
	return out
}

// T returns the text with this id in a language, with arguments by name. The
// argument Count, a whole number, chooses the plural form. Numbers and instants are
// written as the language does. An id that has no text is returned as it is and logged.
func (k *Kit) T(lang, id string, args map[string]any) string {
	l, ok := k.localizer[lang]
	if !ok {
		l = k.localizer[k.languages[0]]
	}
	text, err := l.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: written(lang, args), PluralCount: args["Count"]})
	if err != nil {
		k.log.Error("text missing", "id", id, "lang", lang)
		return id
	}
	return text
}
