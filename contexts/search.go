package contexts

import (
	"slices"
	"strings"
	"unicode"
)

// Search returns the members of a list in whose labels or code all words of text
// occur, whatever their case and accents, or whose IRI it is: at most limit of
// them, or all if limit is 0. Labels in every language are searched. Those that
// match in lang, or without a label in lang in English, come first, and of them
// those whose label or code is the text, then those that begin with it, then
// those in which a word does; among equals the order is that of List. Without
// text it returns the first members, and nil if there is no such list.
func Search(list, text, lang string, limit int) []Concept {
	l := named(list)
	if l == nil {
		return nil
	}
	var found []Concept
	if words := strings.Fields(fold(strings.TrimPrefix(text, l.base))); len(words) > 0 {
		found = l.search(words, lang)
	} else {
		found = l.members(nil)
	}
	if limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	return found
}

func (l *list) search(words []string, lang string) []Concept {
	filter := func(line string) bool { return match(fold(line), words) < unmatched }
	type hit struct {
		Concept
		rank int
	}
	var hits []hit
	for _, c := range l.members(filter) {
		if r := rank(c, words, lang); r < unmatched {
			hits = append(hits, hit{c, r})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.rank - b.rank })
	var found []Concept
	for _, h := range hits {
		found = append(found, h.Concept)
	}
	return found
}

// Ranks of a match. One in a language that is not shown is otherLanguage worse.
const (
	whole = iota
	beginning
	beginningOfWord
	within
	otherLanguage
	unmatched = 2 * otherLanguage
)

// rank says how well a concept matches, less being better.
func rank(c Concept, words []string, lang string) int {
	best := min(match(fold(c.Code()), words), match(fold(c.Notation), words))
	shown := c.In(lang)
	for _, label := range c.Label {
		r := match(fold(label), words)
		if label != shown {
			r += otherLanguage
		}
		best = min(best, r)
	}
	return best
}

// match tells how all words occur in s.
func match(s string, words []string) int {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return unmatched
		}
	}
	text := strings.Join(words, " ")
	switch {
	case s == text:
		return whole
	case strings.HasPrefix(s, text):
		return beginning
	case slices.ContainsFunc(strings.FieldsFunc(s, notAlphanumeric), func(word string) bool { return strings.HasPrefix(word, words[0]) }):
		return beginningOfWord
	}
	return within
}

func notAlphanumeric(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }

// plain gives the letters of European Latin alphabets without their marks: the
// last letter of a group for the others.
var plain = func() map[rune]string {
	letters := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "th", '’': "'"}
	for _, group := range []string{
		"àáâãäåāăąǎa", "çćĉċčc", "ďđðd", "èéêëēĕėęěe", "ĝğġģg", "ĥħh", "ìíîïĩīĭįıi", "ĵj", "ķk", "ĺļľŀłl",
		"ñńņňŉn", "òóôõöøōŏőơo", "ŕŗřr", "śŝşšșs", "ţťŧțt", "ùúûüũūŭůűųưu", "ŵẁẃẅw", "ýÿŷỳy", "źżžz",
	} {
		marked := []rune(group)
		for _, r := range marked[:len(marked)-1] {
			letters[r] = string(marked[len(marked)-1])
		}
	}
	return letters
}()

// fold writes text in small letters without accents.
func fold(text string) string {
	ascii := true
	for i := range len(text) {
		ascii = ascii && text[i] < 0x80
	}
	if ascii {
		return strings.ToLower(text)
	}
	var b strings.Builder
	for _, r := range text {
		r = unicode.ToLower(r)
		if s, ok := plain[r]; ok {
			b.WriteString(s)
		} else if !unicode.Is(unicode.Mn, r) { // combining marks
			b.WriteRune(r)
		}
	}
	return b.String()
}
