package issuer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"indeks/store"
)

// Why says why a credential changes its state. The register keeps all of it.
type Why struct {
	Code string // of [ReasonCodes]; "" means "other"
	Text string // in words
	By   string // who asked
}

// Codes of reasons that this program gives by itself.
const (
	CodeOther         = "other"
	CodeErrorInData   = "error-in-data"
	CodeNameChange    = "name-change"
	CodeKeyCompromise = "key-compromise"
	CodeSuperseded    = "superseded"
)

// reasonCode is one reason: to which states it may lead, and whether the public
// is told of it. Told is what says nothing of the learner; of everything else the
// public hears that it was withdrawn, and no more.
type reasonCode struct {
	code   string
	to     []store.State
	public bool
}

var reasonCodes = []reasonCode{
	{CodeErrorInData, []store.State{store.Revoked}, true},
	{"awarded-in-error", []store.State{store.Revoked}, false},
	{"misconduct", []store.State{store.Revoked, store.Suspended}, false},
	{"holder-request", []store.State{store.Revoked, store.Suspended, store.Issued}, false},
	{CodeKeyCompromise, []store.State{store.Revoked}, true},
	{CodeSuperseded, []store.State{store.Revoked}, true},
	{CodeNameChange, nil, false}, // comes with a new credential alone, and the public is told that it was replaced
	{"under-review", []store.State{store.Suspended}, false},
	{"review-ended", []store.State{store.Issued}, false},
	{CodeOther, []store.State{store.Revoked, store.Suspended, store.Issued}, false},
}

// ReasonCodes are the codes of reasons that may lead to a state.
func ReasonCodes(to store.State) (codes []string) {
	for _, c := range reasonCodes {
		if slices.Contains(c.to, to) {
			codes = append(codes, c.code)
		}
	}
	return codes
}

// MaxReason is how many characters a reason, or a note of who asked and why, has at
// most. They are kept for as long as what they are of.
const MaxReason = 1000

// CheckReason refuses a reason that is longer, or no text, as *Problems; field is where
// it was given.
func CheckReason(field, text string) error {
	var k checks
	k.text(field, text, MaxReason)
	_, err := split("", k.list)
	return err
}

// text refuses what is longer than most characters, or no text that can be kept. A
// browser sends an end of a line, which it counts once, as two.
func (k *checks) text(field, text string, most int) {
	if utf8.RuneCountInString(strings.ReplaceAll(text, "\r\n", "\n")) > most || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		k.fail("text-size", field, "", fmt.Sprintf("is longer than %d characters, or no text", most), "Most", strconv.Itoa(most))
	}
}

// check fills in the code that stands for none, and refuses one that does not
// lead to the state, and words that are too many.
func (w *Why) check(to store.State) error {
	if err := CheckReason("reason", w.Text); err != nil {
		return err
	}
	if w.Code == "" {
		w.Code = CodeOther
	}
	if codes := ReasonCodes(to); !slices.Contains(codes, w.Code) {
		return &Problems{List: []Problem{{Field: "code", Value: shorten(w.Code), Rule: "reason-code", Want: "is not a reason for this: expected one of " + strings.Join(codes, ", ")}}}
	}
	return nil
}

// PublicReason is what anybody may be told of why a credential was revoked:
// "superseded", "error-in-data", "key-compromise", or "" for nothing. Whatever
// another one took the place of was superseded: whether a name was changed or a
// date put right is its holder's to tell.
func PublicReason(r store.Record) string {
	n := len(r.Changes)
	if r.State != store.Revoked || n == 0 {
		return ""
	}
	last := r.Changes[n-1]
	if last.Successor != "" {
		return CodeSuperseded
	}
	for _, c := range reasonCodes {
		if c.code == last.Code && c.public {
			return c.code
		}
	}
	return ""
}
