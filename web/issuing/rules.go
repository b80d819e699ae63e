package issuing

import (
	"regexp"
	"strings"
	"time"

	"indeks/elm"
	"indeks/issuer"
	"indeks/web"
)

// What a rule says that a course, a class list or a form breaks, to people. Package issuer
// says it in English, with all particulars; in other languages there is a text of each
// rule, some of them for one place of a course alone.

// ruleText is what is wrong in a language that is not English, "" where it has no text.
func (s *server) ruleText(lang string, p issuer.Problem) string { return ruleText(s.kit, lang, p) }

// fieldOf is a problem as a field of an answer, for programs and for people.
func fieldOf(p issuer.Problem, f web.Field) web.Field {
	f.Detail = p.String()
	f.Say = func(k *web.Kit, lang string) string {
		text := ruleText(k, lang, p)
		if lang == "en" {
			text = p.Want
		}
		if text != "" && p.Value != "" {
			text = `"` + p.Value + `" ` + text
		}
		if text != "" && p.Row > 0 && p.Column == "" && p.Field != "" {
			text = p.Field + ": " + text
		}
		return text
	}
	return f
}

func ruleText(k *web.Kit, lang string, p issuer.Problem) string {
	if lang == "en" {
		return ""
	}
	for _, id := range ruleTexts(p) {
		if k.HasText(id) {
			args := map[string]any{}
			for name, value := range p.Figures {
				args[name] = spanOf(lang, value)
				if at, err := time.Parse(time.RFC3339, value); err == nil {
					args[name] = at
				}
			}
			return k.T(lang, id, args)
		}
	}
	return ""
}

// place is a part of a JSON Pointer that counts.
var place = regexp.MustCompile(`/[0-9]+`)

// ruleTexts are the ids of the texts for a problem, the closest first: of the way in
// which the rule is broken, of the rule at its place, of the rule, of the family of rules.
func ruleTexts(p issuer.Problem) []string {
	at := strings.ReplaceAll(strings.ReplaceAll(place.ReplaceAllString(p.Field, ""), "_", "-"), "/", ".")
	var ids []string
	if p.Case != "" {
		ids = []string{"cell." + p.Rule + "." + p.Case, "rule." + p.Rule + "." + p.Case}
	}
	ids = append(ids, "cell."+p.Rule, "rule."+p.Rule+at, "rule."+p.Rule)
	for family, text := range map[string]string{"json-": "rule.json", "workload-": "rule.workload-credits", "annex-i-": "rule.annex-i"} {
		if strings.HasPrefix(p.Rule, family) {
			ids = append(ids, text)
		}
	}
	return ids
}

// spanOf writes a decimal, or two with a dash between them, in a language.
func spanOf(lang, span string) string {
	ends := strings.Split(span, "–")
	for i := range ends {
		ends[i] = elm.Number(lang, ends[i])
	}
	return strings.Join(ends, "–")
}

// ruleFault is a problem in the language of the page where it has a text for it, else in
// English, and whether it is. Where the page has no label for its place it names none.
func (s *server) ruleFault(lang string, p issuer.Problem, label string) fault {
	text := s.ruleText(lang, p)
	if text == "" {
		return fault{Text: p.String(), Lang: "en"}
	}
	if p.Value != "" {
		text = `"` + p.Value + `" ` + text
	}
	if label != "" {
		text = label + ": " + text
	}
	return fault{Text: text, Lang: lang}
}

// faults are the problems that block, or the warnings, a line each.
func (s *server) faults(lang string, list []issuer.Problem, warnings bool) (lines []fault) {
	for _, p := range list {
		if p.Warn == warnings {
			lines = append(lines, s.ruleFault(lang, p, s.placeName(lang, p.Field)))
		}
	}
	return lines
}

// placeName is how the desk calls the place of a problem outside of courses, "" for none:
// a column of class lists, or a field of a decision on recognition.
func (s *server) placeName(lang, field string) string {
	name := strings.ReplaceAll(strings.TrimPrefix(place.ReplaceAllString(field, ""), "/"), "/", ".")
	for _, folder := range []string{"desk.column.", "desk.recognitions.", "desk.form."} {
		if name != "" && s.kit.HasText(folder+name) {
			return s.kit.T(lang, folder+name, nil)
		}
	}
	return ""
}
