package mail

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"
	"time"

	"indeks/elm"
)

// Kind is what a letter is about.
type Kind string

const (
	Claim      Kind = "claim"      // a credential was issued: its page
	Replaced   Kind = "replaced"   // a new one took the place of an earlier one: its page
	Revoked    Kind = "revoked"    // and why, and how to object; so the next two
	Suspended  Kind = "suspended"  //
	Reinstated Kind = "reinstated" //
	Code       Kind = "code"       // one-time code of a new device
	Opened     Kind = "opened"     // a share link was opened for the first time
	NameCheck  Kind = "name-check" // is the name right? before it is sealed: the page that asks
	Test       Kind = "test"       // of the mail server
)

// Kinds are all of them.
var Kinds = []Kind{Claim, Replaced, Revoked, Suspended, Reinstated, Code, Opened, NameCheck, Test}

// Letter is what is said to one learner. Of the credential it has the title and the
// issuer, and nothing else.
type Letter struct {
	Kind        Kind
	Lang        string    // of [elm.Languages]
	Institution string    // name in that language
	Contact     string    // address to write back to
	Title       string    // of the credential; of the kinds Code and Test: not said
	Link        string    // of the learner's page, where the kind has a button; whoever has it can open the page
	At          time.Time // when it happened
	Reason      string    // code of the reason, of the kinds Replaced to Reinstated
	Objection   string    // what the institution adds on how to object, ""; in that language
	Code        string    // of kind Code
	Until       time.Time // of the kinds Code and NameCheck: until when it can be used, or answered
	Label       string    // of kind Opened: what the learner named the share, ""
}

// Written is a letter in words.
type Written struct{ Subject, Text, HTML string }

//go:embed locales/*.json letter.html
var files embed.FS

// texts are our own by language and id.
var texts = sync.OnceValue(func() map[string]map[string]string { return elm.ReadWords(files) })

var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(files, "letter.html"))
})

// paragraph is one part of a letter, of the one kind that is set.
type paragraph struct {
	Text        string
	Label, Said string // a label before what is said, which may be a person's own words
	Code        string
	Button      string // leads to the letter's link
	Small       bool   // of Text: in small print
}

// Language is the language to write a letter in: the first of those wanted that
// there are texts in, else English.
func Language(wanted ...string) string {
	for _, lang := range wanted {
		if slices.Contains(elm.Languages(), lang) {
			return lang
		}
	}
	return "en"
}

// HasReason reports whether letters have words for a code of a reason.
func HasReason(code string) bool { return texts()["en"]["reason."+code] != "" }

// Reason is what letters say of a code of a reason, with the label before it.
func Reason(lang, code string) (label, said string) {
	words := texts()[Language(lang)]
	if said = words["reason."+code]; said == "" {
		said = words["reason.other"]
	}
	return words["reason"], said
}

// Write puts a letter into words. What comes from outside is shown as [elm.Clean]
// has it, and is text in whichever form.
func (l *Letter) Write() (Written, error) {
	words, ok := texts()[l.Lang]
	if !ok || !slices.Contains(Kinds, l.Kind) {
		return Written{}, fmt.Errorf("writing a letter: no text of kind %q in %q", l.Kind, l.Lang)
	}
	one := func(s string) string { return strings.Join(strings.Fields(elm.Clean(s)), " ") }
	fill := strings.NewReplacer(
		"{title}", one(l.Title), "{institution}", one(l.Institution), "{contact}", one(l.Contact),
		"{date}", elm.Date(elm.At(l.At), l.Lang), "{time}", elm.Date(elm.At(l.Until), l.Lang)+l.Until.UTC().Format(", 15:04 UTC"))
	say := func(id string) string { return fill.Replace(words[id]) }

	// 1. What it says, in order.
	var body []paragraph
	add := func(id string) { body = append(body, paragraph{Text: say(id)}) }
	add(string(l.Kind) + ".text")
	needsLink, explains := false, false
	switch l.Kind {
	case Claim:
		add("claim.what")
		needsLink = true
	case NameCheck:
		add("name-check.until")
		needsLink = true
	case Replaced, Revoked, Suspended, Reinstated:
		needsLink, explains = true, true
	case Opened:
		if label := one(l.Label); label != "" {
			body = append(body, paragraph{Label: say("opened.label"), Said: label})
		}
		add("opened.end")
		needsLink = true
	case Code:
		if l.Code == "" {
			return Written{}, errors.New("writing a letter: it is to bring a code, and there is none")
		}
		body = append(body, paragraph{Code: one(l.Code)})
		add("code.until")
		add("code.not-you")
	}
	if explains {
		label, reason := Reason(l.Lang, l.Reason)
		body = append(body, paragraph{Label: label, Said: reason})
	}
	if needsLink {
		if l.Link == "" {
			return Written{}, errors.New("writing a letter: it is to bring a link, and there is none")
		}
		button := "open"
		if l.Kind == NameCheck {
			button = "name-check.open"
		}
		body = append(body, paragraph{Button: say(button)})
	}
	if explains {
		add("object")
		if objection := one(l.Objection); objection != "" {
			body = append(body, paragraph{Text: objection})
		}
	}
	if needsLink {
		private := "private"
		if l.Kind == NameCheck {
			private = "name-check.private"
		}
		body = append(body, paragraph{Text: say(private), Small: true})
	}
	if l.Kind != Test {
		body = append(body, paragraph{Text: say("footer"), Small: true})
	}

	// 2. Twice the same.
	w := Written{Subject: say(string(l.Kind) + ".subject")}
	heading := say(string(l.Kind) + ".heading")
	w.Text = plain(heading, body, l.Link)
	var b strings.Builder
	err := page().Execute(&b, struct {
		*Letter
		From, Subject, Heading, Copy string
		Body                         []paragraph
	}{l, one(l.Institution), w.Subject, heading, say("link"), body})
	if err != nil {
		return Written{}, fmt.Errorf("writing a letter of kind %s: %w", l.Kind, err)
	}
	w.HTML = b.String()
	return w, nil
}

// textWidth is that of the plain text, in characters.
const textWidth = 72

// plain is a letter as plain text.
func plain(heading string, body []paragraph, link string) string {
	var b strings.Builder
	wrap(&b, heading)
	ruled := false
	for _, p := range body {
		b.WriteByte('\n')
		switch {
		case p.Button != "":
			wrap(&b, p.Button+":")
			b.WriteString("\n    " + link + "\n") // whole: it is copied
		case p.Code != "":
			b.WriteString("    " + p.Code + "\n")
		case p.Label != "":
			wrap(&b, p.Label+" "+p.Said)
		default:
			if p.Small && !ruled {
				b.WriteString("--\n") // not "-- ", behind which some readers hide what follows
				ruled = true
			}
			wrap(&b, p.Text)
		}
	}
	return b.String()
}

// wrap writes a text in lines of textWidth, where it has spaces.
func wrap(b *strings.Builder, text string) {
	length := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case length == 0:
		case length+1+n > textWidth:
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += n
	}
	b.WriteByte('\n')
}
