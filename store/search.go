package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Expired and Erased are states that a search knows besides those of a record: one
// that has ended by itself, and one whose data of class Register are erased.
const (
	Expired State = "expired"
	Erased  State = "erased"
)

// Query says which records are looked for: those that fulfil all that is not zero.
// Of what is erased nothing can be found that is erased with it.
type Query struct {
	Number     string    // certificate number, or how it begins
	Name       string    // words of the name, or how each of them begins, in any order; see foldName
	LearnerID  string    // the whole
	ExternalID string    // the whole
	Course     string    // id
	Version    string    // of the course
	From       string    // first awarding date, YYYY-MM-DD
	Until      string    // last awarding date
	Batch      string    // id
	KeyID      string    // of the key that it is sealed with
	State      State     // Issued: and not expired
	Now        time.Time // when a record counts as expired
}

// maxFound bounds one answer of Search.
const maxFound = 1000

// validate says with ErrInvalid why nothing can be looked for.
func (q *Query) validate(limit int) error {
	for _, s := range []string{q.Number, q.Name, q.LearnerID, q.ExternalID, q.Course, q.Version, q.Batch, q.KeyID} {
		if err := validText(s); err != nil || len(s) > maxKey {
			return fmt.Errorf("searching: %w: %.40q is no text of at most %d bytes", ErrInvalid, s, maxKey)
		}
	}
	for _, day := range []string{q.From, q.Until} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return fmt.Errorf("searching: %w: %.20q is no date YYYY-MM-DD", ErrInvalid, day)
		}
	}
	if q.Name != "" && len(nameWords(q.Name)) == 0 {
		return fmt.Errorf("searching: %w: %.40q has no letter to look for", ErrInvalid, q.Name)
	}
	if q.State != "" && !slices.Contains([]State{Reserved, Issued, Suspended, Revoked, Expired, Erased}, q.State) {
		return fmt.Errorf("searching: %w: state %.40q", ErrInvalid, q.State)
	}
	if limit < 1 || limit > maxFound {
		return fmt.Errorf("searching: %w: %d records, not 1 to %d", ErrInvalid, limit, maxFound)
	}
	return nil
}

// matches reports whether a record is one that is looked for. What an index says is
// never believed without it.
func (q *Query) matches(r *Record) bool {
	is := func(wanted, has string) bool { return wanted == "" || wanted == has }
	if !strings.HasPrefix(r.Number, q.Number) || !is(q.LearnerID, r.LearnerID) || !is(q.ExternalID, r.ExternalID) ||
		!is(q.Course, r.Course) || !is(q.Version, r.CourseVersion) || !is(q.Batch, r.Batch) || !is(q.KeyID, r.KeyID) ||
		q.From != "" && r.AwardingDate < q.From || q.Until != "" && (r.AwardingDate > q.Until || r.AwardingDate == "") {
		return false
	}
	switch erased := r.Erased(Register); q.State {
	case "":
	case Erased:
		return erased
	case Expired:
		if !r.Expired(q.Now) {
			return false
		}
	case Issued:
		if r.State != Issued || r.Expired(q.Now) {
			return false
		}
	default:
		if r.State != q.State {
			return false
		}
	}
	names := nameWords(r.GivenName + " " + r.FamilyName)
	for _, word := range nameWords(q.Name) {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, word) }) {
			return false
		}
	}
	return true
}

// folded are the letters of the Cyrillic alphabets of Serbian, Montenegrin and
// Macedonian and some Latin ones that decomposition leaves, in plain Latin letters,
// and the ways in which letters are written that a keyboard lacks.
var folded = strings.NewReplacer(
	"а", "a", "б", "b", "в", "v", "г", "g", "д", "d", "ђ", "d", "е", "e", "ж", "z", "з", "z", "ѕ", "dz", "и", "i", "ј", "j", "к", "k", "л", "l",
	"љ", "lj", "м", "m", "н", "n", "њ", "nj", "о", "o", "п", "p", "р", "r", "с", "s", "т", "t", "ћ", "c", "у", "u", "ф", "f", "х", "h", "ц", "c",
	"ч", "c", "џ", "dz", "ш", "s",
	"đ", "d", "ł", "l", "ø", "o", "ı", "i", "ß", "ss", "æ", "ae", "œ", "oe", "þ", "th", "ð", "d")

// digraphs are how đ, ѓ and ќ are written by whoever has no such letter.
var digraphs = strings.NewReplacer("dj", "d", "gj", "g", "kj", "k")

// foldName makes names comparable that people take for the same: small letters
// without marks, Serbian, Montenegrin and Macedonian in Latin. It serves to
// compare; names are never shown so.
func foldName(s string) string {
	return digraphs.Replace(folded.Replace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))))
}

// nameWords are the words of a name, folded.
func nameWords(s string) []string {
	return strings.FieldsFunc(foldName(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// longestStem is how many letters of a word the index has; what is longer is found
// by its beginning, so it is longer than what many family names have in common.
const longestStem = 12

// stem is the beginning of a word, of so many letters.
func stem(word string, letters int) (beginning string, shorter bool) {
	n := 0
	for i := range word {
		if n == letters {
			return word[:i], true
		}
		n++
	}
	return word, false
}

// searchToken stands in an index for what is personal, as nothing to whoever lacks
// the data keys. It is short: what it leads to is compared.
type searchToken uint64

func (k *DataKeys) searchToken(kind, value string) searchToken {
	sum := k.blindSum(kind, value)
	return searchToken(binary.BigEndian.Uint64(sum[:]))
}

const (
	tokenName    = "search name"
	tokenLearner = "search learner"
	tokenAward   = "search award" // in another system
)

// searchTokens are those by which a record is found.
func (k *DataKeys) searchTokens(r *Record) []searchToken {
	var room [32]string
	seen := room[:0]
	tokens := make([]searchToken, 0, len(room))
	for _, word := range nameWords(r.GivenName + " " + r.FamilyName) {
		for n := 1; n <= longestStem; n++ {
			beginning, more := stem(word, n)
			if !slices.Contains(seen, beginning) {
				seen = append(seen, beginning)
				tokens = append(tokens, k.searchToken(tokenName, beginning))
			}
			if !more {
				break
			}
		}
	}
	if r.LearnerID != "" {
		tokens = append(tokens, k.searchToken(tokenLearner, r.LearnerID))
	}
	if r.ExternalID != "" {
		tokens = append(tokens, k.searchToken(tokenAward, r.ExternalID))
	}
	return tokens
}

// tokens are those that a record must have to be looked for.
func (q *Query) tokens(k *DataKeys) []searchToken {
	var tokens []searchToken
	for _, word := range nameWords(q.Name) {
		beginning, _ := stem(word, longestStem)
		tokens = append(tokens, k.searchToken(tokenName, beginning))
	}
	if q.LearnerID != "" {
		tokens = append(tokens, k.searchToken(tokenLearner, q.LearnerID))
	}
	if q.ExternalID != "" {
		tokens = append(tokens, k.searchToken(tokenAward, q.ExternalID))
	}
	return tokens
}
