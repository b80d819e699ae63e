package web

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Form is a sentence that a part of the program writes in English, because programs
// read it, or because it is kept and must not change, with the text by which pages say
// it. Places in Words are {Name} for any words, {Name:word} for one, {Name:number} for a whole number,
// {Name:time} for an instant (RFC 3339), {Name:prefix.} for a word that has a text with
// this prefix, and {Name:prefix.*} for such words with spaces between them. They are
// arguments of the text; {Detail} is none, and is given back as it stands.
type Form struct {
	Words string
	Text  string // id
}

// Forms are forms that are looked through in their order.
type Forms []form

type form struct {
	text    string
	pattern *regexp.Regexp
	names   []string
	types   []string
}

var formPlace = regexp.MustCompile(`\{(\w+)(?::([\w.*-]+))?\}`)

// NewForms readies forms for reading.
func NewForms(list []Form) (forms Forms) {
	for _, f := range list {
		made := form{text: f.Text}
		var b strings.Builder
		end := 0
		for _, at := range formPlace.FindAllStringSubmatchIndex(f.Words, -1) {
			kind := ""
			if at[4] >= 0 {
				kind = f.Words[at[4]:at[5]]
			}
			accepts := ".+"
			switch {
			case kind == "number":
				accepts = "[0-9]+"
			case kind == "time" || kind == "word":
				accepts = `\S+`
			case strings.HasSuffix(kind, "*"):
				accepts = "[A-Za-z -]+"
			case kind != "":
				accepts = "[a-z-]+"
			}
			b.WriteString(regexp.QuoteMeta(f.Words[end:at[0]]) + "(" + accepts + ")")
			made.names, made.types, end = append(made.names, f.Words[at[2]:at[3]]), append(made.types, kind), at[1]
		}
		b.WriteString(regexp.QuoteMeta(f.Words[end:]))
		made.pattern = regexp.MustCompile("^(?s:" + b.String() + ")$")
		forms = append(forms, made)
	}
	return forms
}

// Find returns the id of the text of the first form that words have, and what stands at
// its places; "" where they have none.
func (f Forms) Find(words string) (text string, values map[string]string) {
	for _, form := range f {
		if found := form.pattern.FindStringSubmatch(words); found != nil {
			values = map[string]string{}
			for i, name := range form.names {
				values[name] = found[i+1]
			}
			return form.text, values
		}
	}
	return "", nil
}

// Say says words in a language, and returns what stands at {Detail} beside it; ok is
// false where no form fits.
func (k *Kit) Say(lang string, f Forms, words string) (text, detail string, ok bool) {
forms:
	for _, form := range f {
		found := form.pattern.FindStringSubmatch(words)
		if found == nil {
			continue
		}
		args := map[string]any{}
		detail = ""
		for i, value := range found[1:] {
			name, kind := form.names[i], form.types[i]
			switch prefix, list := strings.CutSuffix(kind, "*"); {
			case kind == "number":
				n, err := strconv.ParseUint(value, 10, 64)
				if err != nil {
					continue forms
				}
				args[name] = n
			case kind == "time":
				at, err := time.Parse(time.RFC3339, value)
				if err != nil {
					continue forms
				}
				args[name] = at
			case list:
				var said []string
				for _, word := range strings.Fields(value) {
					if k.HasText(prefix + word) {
						word = k.T(lang, prefix+word, nil)
					}
					said = append(said, word)
				}
				args[name] = strings.Join(said, ", ")
			case kind == "word":
				args[name] = value
			case kind != "":
				if !k.HasText(kind + value) {
					continue forms
				}
				args[name] = k.T(lang, kind+value, nil)
			case name == "Detail":
				detail = value
			default:
				args[name] = value
			}
		}
		return k.T(lang, form.text, args), detail, true
	}
	return "", "", false
}
