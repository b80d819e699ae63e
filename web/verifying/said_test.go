package verifying

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"indeks/elm"
	"indeks/verifier"
	"indeks/web"
)

// TestEachSentenceHasATextInEachLanguage, of all that the verifier can say: its
// messages are made of no others. The text has a place for each value, but for a detail,
// which stands beside it.
func TestEachSentenceHasATextInEachLanguage(t *testing.T) {
	s, logs := newServer(t, &fake{})
	for _, sentence := range verifier.Sentences() {
		id := "said." + sentence.Code
		if !s.kit.HasText(id) {
			t.Errorf("there is no text %s", id)
			continue
		}
		for _, lang := range web.Languages() {
			// Each number that a count may have: it chooses the form of the words.
			for count := range 6 {
				values, marks := make([]any, len(sentence.Names)), map[string]string{}
				for i, name := range sentence.Names {
					marks[name] = "«" + name + "»"
					values[i] = marks[name]
					switch name {
					case "Count":
						values[i], marks[name] = count, strconv.Itoa(count)
					case "Detail":
						values[i] = verifier.Detail(marks[name])
					}
				}
				got := s.say(lang, sentence.Of(values...))
				for name, mark := range marks {
					in := got.Text
					if name == "Detail" {
						in = got.Detail
					}
					if !strings.Contains(in, mark) {
						t.Errorf("%s, %s: %q has no place for %s", lang, id, in, name)
					}
				}
				if got.Text == "" || strings.ContainsAny(got.Text, "{}<>") {
					t.Errorf("%s: %s is %q", lang, id, got.Text)
				}
				if _, counted := marks["Count"]; !counted {
					break
				}
			}
		}
	}
	if logs.Len() > 0 {
		t.Error(logs)
	}
}

func TestSaid(t *testing.T) {
	s, _ := newServer(t, &fake{})
	by := &verifier.TrustedIssuer{LegalName: map[string]string{"en": "University of Exampletown", "de": "Universität Beispielstadt"}}
	for _, c := range []struct {
		m          verifier.Message
		lang, text string
		detail     string
	}{
		{verifier.Message{}, "de", "", ""},
		{sentence("expiry.until").Of(verifier.Day("2026-12-24")), "de", "Gültig bis 24.12.2026.", ""},
		{sentence("expiry.until").Of(verifier.Day("2026-12-24")), "hr", "Vrijedi do 24. 12. 2026.", ""},
		{sentence("seal.exact").Of(by, "ES256"), "de", "Genau das, was Universität Beispielstadt gesiegelt hat (ES256).", ""},
		{sentence("seal.exact").Of(by, "ES256"), "sq", "Pikërisht ajo që vulosi University of Exampletown (ES256).", ""},
		{sentence("supplement.which-missing").Of(verifier.Elements{"M1", "M11"}), "de", "Es fehlt: Lernende Person; Qualitätssicherung.", ""},
		{sentence("supplement.missing").Of(1, 13), "de", "Von 13 Pflichtangaben nach Anhang I fehlt 1.", ""},
		{sentence("rule.vc-id").Of(verifier.Detail("/id: is \u202enot an IRI")), "sr-Cyrl", "Ознака није исправно наведена.", "/id: is not an IRI"},
		{sentence("revocation.purpose").Of("revocation", sentence("list.seal-of-nobody").Of(sentence("seal.not-by-named").Of())), "de",
			"Widerruf: die Liste ist nicht von einem Aussteller der Vertrauensliste gesiegelt (Genannt ist ein Aussteller der Vertrauensliste, gesiegelt ist aber nicht mit einem Schlüssel dieses Ausstellers).", ""},
		{sentence("revocation.purpose").Of("message", sentence("entry.index").Of(verifier.Detail("wrong"))), "mk", "Порака: бројот во записот за состојбата не може да се прочита.", "wrong"},
		{sentence("revocation.purpose").Of("of a stranger\u202e", sentence("entry.other-purpose").Of()), "en", "of a stranger: a purpose that is not known here.", ""},
	} {
		if got := s.say(c.lang, c.m); got.Text != c.text || strings.TrimSpace(got.At+": "+got.Detail) != strings.TrimSpace(c.detail) && got.Detail != c.detail {
			t.Errorf("%s, %s: %+v", c.m, c.lang, got)
		}
	}
	missing := elm.Completeness(&elm.Credential{})
	for _, id := range slices.Concat(missing.Missing, missing.Unstated) {
		for _, lang := range web.Languages() {
			if elm.ElementLabel(id, lang) == "" {
				t.Errorf("%s has no name in %s", id, lang)
			}
		}
	}
}
