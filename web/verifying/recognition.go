package verifying

import (
	"net/http"
	"slices"

	"indeks/elm"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// National is what a country says of micro-credentials. Texts are by language tag.
type National struct {
	Name             map[string]string
	Term, Definition map[string]string // its word for a micro-credential, and what that is
	Credits          []NationalCredits
	Degree           string // whether they count towards a degree: "yes", "no" or "limited"
	DegreeNote       map[string]string
	DegreeSource     string
	Acts             []NationalAct

	Standing        string // how binding that is: "law", "rulebook", "recommendation" or "proposal"
	Source, Checked string // Checked as YYYY-MM-DD
}

// NationalCredits is a credit system as a country uses it. Amounts are decimals, ""
// where there is no bound or no figure.
type NationalCredits struct {
	Name               map[string]string
	Min, Max           string // of a micro-credential
	HoursMin, HoursMax string // of work for one credit
	Standing, Source   string // of the bounds; "" where they are those of the country
}

// NationalAct is a legal act in force, or one that was.
type NationalAct struct {
	Title       map[string]string
	URL         string
	From, Until string // days, or as much of one as is known
}

// recognitionView is what recognition.html shows.
type recognitionView struct {
	result
	Questions []question
}

// question is one that a recognition officer asks, with what is known of it.
type question struct {
	ID, Label string
	Answers   []answer
}

// answer is some facts with where they stand.
type answer struct {
	Elements []elm.Element
	Source   string
	Claim    bool // stated by the credential where a list could have confirmed it
}

// recognition shows the same facts as a result in the order of the questions of those
// who recognise: admission offices and ENIC-NARIC centres. Where a result shows no
// facts, there is nothing to recognise, and it is that result.
func (s *Server) recognition(c echo.Context) error {
	report, g, err := s.reexamine(c)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	p := recognitionView{result: s.resultOf(report, lang, true)}
	if !p.Facts {
		return s.renderResult(c, report, shown{full: true, again: g.again(g.token), file: digest(g.token)})
	}
	p.FileSHA256 = digest(g.token)
	p.Questions = s.questions(&p.result, lang)
	return s.kit.Render(c, http.StatusOK, "recognition", web.Page{Lang: lang, Tone: p.Tone, NoStore: true, Again: g.again(g.token), Data: p})
}

// recognitionQuestions are asked in this order.
var recognitionQuestions = []string{"learner", "provider", "country", "level", "workload", "outcomes", "assessment", "prior", "access", "legal", "quality"}

// questions puts what is known in order.
func (s *Server) questions(r *result, lang string) []question {
	t := func(id string, args map[string]any) string { return s.kit.T(lang, id, args) }
	sealed := t("recognition.source.credential", nil)
	if r.SealedAt != "" {
		sealed = t("recognition.source.sealed", map[string]any{"Date": r.SealedAt})
	}
	listed := r.Issuer.Source
	if r.Issuer.CheckedOn != "" {
		listed += " (" + t("issuer.checked", map[string]any{"Date": r.Issuer.CheckedOn}) + ")"
	}
	told := func(ids ...string) (a answer) { // by the credential, in the order of ids
		a.Source = sealed
		for _, id := range ids {
			for _, section := range r.Supplement {
				for _, e := range section.Elements {
					if e.ID == id && !e.Missing {
						a.Elements = append(a.Elements, e)
					}
				}
			}
		}
		return a
	}
	ours := func(source string, elements ...elm.Element) answer {
		return answer{Source: source, Elements: slices.DeleteFunc(elements, func(e elm.Element) bool { return len(e.Values) == 0 })}
	}
	is := func(label string, values ...elm.Value) elm.Element {
		return elm.Element{Label: t(label, nil), Values: slices.DeleteFunc(values, func(v elm.Value) bool { return v.Text == "" })}
	}

	// 1. The provider, by the list where it knows it; what the credential says stands apart.
	var provider []answer
	if i := r.Issuer; i.Confirmed {
		register := elm.Value{}
		if i.Register != nil {
			register = elm.Value{Text: i.Register.Name + ", " + i.Register.Number}
			if i.Register.Period != "" {
				register.Detail = []elm.Line{{Text: i.Register.Period}}
			}
		}
		provider = append(provider, ours(listed, is("issuer.name", elm.Value{Text: i.Name, Lang: i.NameLang}), is("issuer.provider", elm.Value{Text: i.Provider}), is("issuer.register", register)))
		for _, a := range i.Accredited {
			v := elm.Value{Text: a.By, Link: a.URL}
			if a.Period != "" {
				v.Detail = []elm.Line{{Text: a.Period}}
			}
			provider = append(provider, ours(a.Source, is("issuer.accredited", v)))
		}
	}
	said := told("M4", "issuer", "provider", "award-status", "award-kind")
	said.Claim = true
	provider = append(provider, said)

	// 2. The country, and what it says of micro-credentials.
	country := []answer{told("M3")}
	if r.Issuer.Confirmed && !r.Issuer.Mandate {
		country = append([]answer{ours(listed, is("recognition.country", elm.Value{Text: r.Issuer.Country}))}, country...)
	}
	country = append(country, s.profileOf(r, lang))

	level := told("M8", "not-a-degree", "level-method", "level-proposed")
	if len(level.Elements) > 0 {
		if by := first(r.Supplement, "M4"); by != nil {
			level.Elements = append(level.Elements, is("recognition.level.by", elm.Value{Text: by.Text, Lang: by.Lang, Detail: []elm.Line{{Text: t("recognition.level.stated", nil)}}}))
		}
	}
	quality := []answer{told("M11")}
	for _, check := range r.Checks {
		if check.Name == "accreditation" {
			v := elm.Value{Text: check.Outcome, Detail: []elm.Line{{Text: check.Sentence}}}
			quality = append(quality, ours(elm.Clean(check.Source), is("check.accreditation", v)))
		}
	}

	answers := map[string][]answer{
		"learner": {told("M1", "M2", "M5")}, "provider": provider, "country": country, "level": {level}, "workload": {told("M7", "M10", "period")},
		"outcomes": {told("M6", "outcome-source")}, "assessment": {told("M9", "criteria", "O2", "O3")}, "prior": {told("rpl")},
		"access": {told("O4", "O1")}, "legal": {told("legal-basis", "national")}, "quality": quality,
	}
	var all []question
	for _, id := range recognitionQuestions {
		all = append(all, question{ID: id, Label: t("recognition.q."+id, nil),
			Answers: slices.DeleteFunc(answers[id], func(a answer) bool { return len(a.Elements) == 0 })})
	}
	return all
}

// profileOf is what the country of the award says of micro-credentials.
func (s *Server) profileOf(r *result, lang string) answer {
	t := func(id string, args map[string]any) string { return s.kit.T(lang, id, args) }
	code := r.Issuer.Country
	if m3 := first(r.Supplement, "M3"); (code == "" || r.Issuer.Mandate) && m3 != nil { // the awarding body's comes first
		code = m3.IRI[max(0, len(m3.IRI)-3):]
	}
	if code == "" || s.national == nil {
		return answer{}
	}
	n := s.national(code)
	if n == nil {
		return answer{}
	}
	standing := t("recognition.standing."+n.Standing, nil)
	is := func(label string, v elm.Value) elm.Element {
		return elm.Element{Label: t(label, nil), Values: []elm.Value{v}}
	}
	term := in(lang, n.Term)
	term.Detail = []elm.Line{{Text: in(lang, n.Definition).Text, Lang: in(lang, n.Definition).Lang}, {Text: standing}}
	name := in(lang, n.Name)
	a := answer{Source: n.Source + " (" + t("issuer.checked", map[string]any{"Date": day(lang, n.Checked)}) + ")",
		Elements: []elm.Element{is("recognition.national.country", name), is("recognition.national.term", term)}}
	volume := elm.Element{Label: t("recognition.national.volume", nil)}
	for _, c := range n.Credits {
		v := in(lang, c.Name)
		if size := span(c.Min, c.Max); size != "" {
			v.Text += ": " + size
			if c.Standing != "" {
				v.Detail = append(v.Detail, elm.Line{Text: t("recognition.standing."+c.Standing, nil)})
			}
		}
		if hours := span(c.HoursMin, c.HoursMax); hours != "" {
			v.Detail = append(v.Detail, elm.Line{Text: t("recognition.national.hours", map[string]any{"Hours": hours})})
		}
		if c.Source != "" {
			v.Detail = append(v.Detail, elm.Line{Label: t("checks.source", nil), Text: c.Source})
		}
		volume.Values = append(volume.Values, v)
	}
	if len(volume.Values) > 0 {
		a.Elements = append(a.Elements, volume)
	}
	degree := elm.Value{Text: t("recognition.degree."+n.Degree, nil)}
	if note := in(lang, n.DegreeNote); note.Text != "" {
		degree.Detail = []elm.Line{{Text: note.Text, Lang: note.Lang}}
	}
	if n.DegreeSource != "" {
		degree.Detail = append(degree.Detail, elm.Line{Label: t("checks.source", nil), Text: n.DegreeSource})
	}
	a.Elements = append(a.Elements, is("recognition.national.degree", degree))
	acts := elm.Element{Label: t("recognition.national.acts", nil)}
	for _, act := range n.Acts {
		v := in(lang, act.Title)
		v.Link = act.URL
		if period := s.period(lang, act.From, act.Until); period != "" {
			v.Detail = []elm.Line{{Text: period}}
		}
		acts.Values = append(acts.Values, v)
	}
	if len(acts.Values) > 0 {
		a.Elements = append(a.Elements, acts)
	}
	return a
}

// in is a text in a language, else in English, else in the first language by tag.
func in(lang string, texts map[string]string) elm.Value {
	if text := texts[lang]; text != "" {
		return elm.Value{Text: text}
	}
	if text := texts["en"]; text != "" {
		return elm.Value{Text: text, Lang: "en"}
	}
	var tag string
	for known := range texts {
		if tag == "" || known < tag {
			tag = known
		}
	}
	return elm.Value{Text: texts[tag], Lang: tag}
}

// span is a pair of bounds, of which either may be missing.
func span(from, to string) string {
	switch {
	case from == to, to == "":
		return from
	case from == "":
		return "≤ " + to
	}
	return from + "–" + to
}
