package verifying

import (
	"strings"

	"indeks/elm"
	"indeks/verifier"
)

// said is a message of the verifier in the language of a page. Why is what exactly is
// wrong, and At the place of the document, a JSON Pointer; Detail is that, or what is
// left of it, in English: it is meant for those who make such documents.
type said struct{ Text, Why, At, Detail string }

// say writes a message in a language. Each of the verifier's sentences has a text,
// said.CODE, with its values by name.
func (s *Server) say(lang string, m verifier.Message) (out said) {
	if m.Code() == "" {
		return out
	}
	args := map[string]any{}
	for name, value := range m.Values() {
		switch v := value.(type) {
		case verifier.Day:
			value = day(lang, string(v))
		case verifier.Elements:
			labels := make([]string, len(v))
			for i, id := range v {
				labels[i] = elm.ElementLabel(id, lang)
			}
			value = strings.Join(labels, "; ")
		case *verifier.TrustedIssuer:
			value = v.Name(lang)
		case verifier.Detail:
			out.Why, out.At, out.Detail = s.particular(lang, brief(string(v)))
			continue
		case verifier.Message:
			why := s.say(lang, v)
			value, out.Why, out.At, out.Detail = strings.TrimSuffix(why.Text, "."), why.Why, why.At, why.Detail
		case string:
			value = brief(v)
			if id := "purpose." + v; name == "Purpose" && s.kit.HasText(id) {
				value = s.kit.T(lang, id, nil)
			}
		}
		args[name] = value
	}
	out.Text = s.kit.T(lang, "said."+m.Code(), args)
	return out
}
