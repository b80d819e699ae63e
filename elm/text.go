package elm

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Clean returns s as it may be shown: without bidirectional controls,
// zero-width and other invisible characters, NUL and control characters, which
// can make a name or a sentence read as another one. Line ends become "\n",
// tabs become spaces. Everything else stays, right-to-left scripts and
// combining marks included.
func Clean(s string) string {
	if plainASCII(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\u2028', r == '\u2029', r == '\u0085':
			return '\n'
		case r == '\t':
			return ' '
		case unicode.IsControl(r),
			unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r),
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return -1
		}
		return r
	}, s)
}

// plainASCII reports whether there is nothing in s but ASCII that is shown.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i]-' ' > '~'-' ' {
			return false
		}
	}
	return true
}

// lineEnds are the characters that Clean replaces without loss; a text that
// holds nothing worse was not tampered with.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n", "\t", " ")

// shown returns a value with the text as it may be shown.
func shown(text string) Value {
	clean := Clean(text)
	return Value{Text: clean, Cleaned: clean != text && clean != lineEnds.Replace(text)}
}

// link returns s if it is an http or https URL with a host, and "" otherwise.
func link(s string) string {
	if !absoluteURL(s) || Clean(s) != s {
		return ""
	}
	if scheme, rest, _ := strings.Cut(s, ":"); plainAddress(scheme, rest) {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return s
}

// tagForm is what a language tag (BCP 47) looks like; anything else in the
// place of a tag is never shown.
var tagForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// fallbacks are the tags tried for a reader of one of our languages, in order.
// Readers of Serbian read both scripts; readers of Bosnian and Montenegrin read the
// languages beside theirs before English.
var fallbacks = map[string][]string{
	"en":      {"en"},
	"hr":      {"hr", "en"},
	"sr-Latn": {"sr-Latn", "sr", "sr-Cyrl", "en"},
	"sr-Cyrl": {"sr-Cyrl", "sr", "sr-Latn", "en"},
	"bs":      {"bs-Latn", "bs", "hr", "sr-Latn", "cnr", "sr", "en"},
	"cnr":     {"cnr-Latn", "cnr", "sr-Latn", "sr", "bs", "hr", "en"},
}

// Reads are the tags of the texts that a reader of lang, one of [Languages], is shown:
// of those that there are, the first.
func Reads(lang string) []string {
	if tags, ok := fallbacks[lang]; ok {
		return slices.Clone(tags)
	}
	return []string{lang, "en"}
}

// TextOf makes a text of values by tag.
func TextOf(values map[string][]string) Text {
	text := make(Text, 0, len(values))
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		text = append(text, Tagged{tag, values[tag]})
	}
	return text
}

// Get returns the values that stand under a tag, nil where there are none.
func (t Text) Get(tag string) []string {
	for i := range t {
		if t[i].Tag == tag {
			return t[i].Values
		}
	}
	return nil
}

// has reports whether a tag is there, with values or without.
func (t Text) has(tag string) bool {
	return slices.ContainsFunc(t, func(one Tagged) bool { return one.Tag == tag })
}

// same reports whether two texts say the same, in whatever order of languages.
func (t Text) same(other Text) bool {
	return len(t) == len(other) && !slices.ContainsFunc(t, func(one Tagged) bool {
		return !other.has(one.Tag) || !slices.Equal(one.Values, other.Get(one.Tag))
	})
}

// sorted is the text in the order of its tags.
func (t Text) sorted() Text {
	byTag := func(a, b Tagged) int { return strings.Compare(a.Tag, b.Tag) }
	if slices.IsSortedFunc(t, byTag) {
		return t
	}
	t = slices.Clone(t)
	slices.SortFunc(t, byTag)
	return t
}

// choose returns the values of a text that suit a reader best, and their tag, as
// tagFor finds it.
func choose(text Text, lang string) (values []string, tag string) {
	if len(text) == 1 && text[0].Tag == lang {
		return text[0].Values, lang
	}
	var few [8]string
	tags := few[:0]
	for i := range text {
		if len(text[i].Values) > 0 {
			tags = append(tags, text[i].Tag)
		}
	}
	at, tag := tagFor(tags, lang)
	return text.Get(at), tag
}

// tagFor finds among tags, which it sorts, the one that suits a reader best: the
// language itself, one of its fallbacks (also with a region or script), a text
// without a language, or the first by tag. tag is what to call it, "" for no
// language and "und" for a tag that is none.
func tagFor(tags []string, lang string) (at, tag string) {
	slices.Sort(tags)
	wanted, ok := fallbacks[lang]
	if !ok {
		wanted = []string{lang, "en"}
	}
	for _, wanted := range wanted {
		for _, tag := range tags {
			if strings.EqualFold(tag, wanted) || len(tag) > len(wanted) && strings.EqualFold(tag[:len(wanted)], wanted) && tag[len(wanted)] == '-' && tagForm.MatchString(tag) {
				return tag, tag
			}
		}
	}
	for _, tag := range []string{"", "@none"} {
		if slices.Contains(tags, tag) {
			return tag, ""
		}
	}
	for _, tag := range tags {
		if tagForm.MatchString(tag) {
			return tag, tag
		}
	}
	if len(tags) > 0 {
		return tags[0], "und"
	}
	return "", ""
}
