package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/language"

	"indeks/contexts"
	"indeks/elm"
)

// ParseCourse reads a course strictly and completely: every problem at once,
// as [*Problems]; warnings beside it.
//
// Where the course names no national profile and no awarding body, it is judged
// by none: [Institution.ParseCourse] knows more.
func ParseCourse(name string, raw []byte) (*Course, []Problem, error) {
	return parseCourse(name, raw, nil)
}

func parseCourse(name string, raw []byte, inst *Institution) (*Course, []Problem, error) {
	// 1. Strict JSON. After a broken rule of the syntax nothing further can be
	// told with certainty, so it stands alone.
	doc, err := elm.ParseJSON(raw)
	if err != nil {
		p := Problem{Rule: "json-syntax", Want: err.Error()}
		var broken *elm.FormatError
		if errors.As(err, &broken) {
			p.Field, p.Rule, p.Want = broken.Pointer, broken.Rule, broken.Detail
		}
		return nil, nil, &Problems{In: name, List: []Problem{p}}
	}
	// 2. The published schema.
	problems := theSchema().problems(doc)
	// 3. What no schema can say, also of a course that the schema refuses, as
	// far as it can be read: a registrar wants to see everything in one go. A
	// place that is already named is not named again.
	var c Course
	err = json.Unmarshal(raw, &c)
	if err != nil && len(problems) > 0 {
		c = Course{}
		err = json.Unmarshal(withoutMisfits(raw, problems), &c)
	}
	if err == nil {
		named := map[string]bool{}
		for _, p := range problems {
			named[p.Field] = true
		}
		for _, p := range c.check(inst) {
			if !named[p.Field] {
				problems = append(problems, p)
			}
		}
	} else if len(problems) == 0 {
		// unreachable as long as schema and types agree, which a test holds
		p := Problem{Rule: "course-type", Want: err.Error()}
		var bad *json.SemanticError
		if errors.As(err, &bad) {
			p.Field = string(bad.JSONPointer)
		}
		problems = append(problems, p)
	}
	warnings, err := split(name, problems)
	if err != nil {
		return nil, warnings, err
	}
	return &c, warnings, nil
}

// checks collects problems of a course by JSON Pointer.
type checks struct{ list []Problem }

// fail adds one that blocks; figures are names and values in turn.
func (k *checks) fail(rule, field, value, want string, figures ...string) {
	k.add(Problem{Rule: rule, Field: field, Value: shorten(value), Want: want}, figures)
}

func (k *checks) warn(rule, field, value, want string, figures ...string) {
	k.add(Problem{Rule: rule, Field: field, Value: shorten(value), Want: want, Warn: true}, figures)
}

func (k *checks) add(p Problem, figures []string) {
	for i := 0; i+1 < len(figures); i += 2 {
		if p.Figures == nil {
			p.Figures = map[string]string{}
		}
		p.Figures[figures[i]] = figures[i+1]
	}
	k.list = append(k.list, p)
}

// check applies the rules that one field alone cannot show. Empty values are
// the schema's to refuse and are passed over.
// An institution that is not known is nil.
func (c *Course) check(inst *Institution) []Problem {
	var k checks
	c.checkCodes(&k)
	c.checkDates(&k)
	c.checkAward(&k)
	c.checkWorkload(&k)
	c.checkLevel(&k, inst)
	c.checkProfile(&k, inst)
	c.checkLegalBasis(&k)
	c.checkLanguages(&k, inst.profile(c))
	if c.NumberRule != "" {
		if _, err := parseNumberRule(c.NumberRule); err != nil {
			k.fail("number-rule", "/number_rule", c.NumberRule, err.Error())
		}
	}
	return k.list
}

func (c *Course) checkCodes(k *checks) {
	concept := func(field, prefix, code, want string) {
		if _, ok := contexts.Lookup(prefix + code); code != "" && !ok {
			k.fail("course-code", field, code, "is not in the list: expected "+want)
		}
	}
	for i, code := range c.Languages {
		concept(fmt.Sprintf("/languages/%d", i), languages, code, `a language code of the EU list, such as "ENG"`)
	}
	for i, code := range c.Fields {
		concept(fmt.Sprintf("/fields/%d", i), iscedFields, code, `an ISCED-F 2013 code, such as "0613"`)
	}
	body := func(field string, b *Body) {
		if b != nil {
			concept(field+"/country", countries, b.Country, `an ISO 3166-1 alpha-3 code, such as "HRV"`)
		}
	}
	body("/awarding_body", c.AwardingBody)
	for i, q := range c.Quality {
		body(fmt.Sprintf("/quality_assurance/%d/agency", i), q.Agency)
	}
	if c.Level != nil && strings.HasPrefix(c.Level.NQF, "http") {
		concept("/level/nqf", "", c.Level.NQF, "the IRI of a national level in the EU list")
	}
	listed := func(field, list, code string) {
		if _, ok := byCode(list, code); code != "" && !ok {
			want := "is not in the list: expected one of " + strings.Join(slices.Sorted(maps.Keys(codes()[list])), ", ")
			k.fail("course-code", field, code, want)
		}
	}
	for i, a := range c.Assessment {
		listed(fmt.Sprintf("/assessment/%d/type", i), "assessment", a.Type)
	}
	for i, a := range c.Activities {
		listed(fmt.Sprintf("/activities/%d/type", i), "learning-activity", a.Type)
	}
	seen := map[string]int{}
	for i, o := range c.Outcomes {
		if first, ok := seen[o.ID]; ok {
			k.fail("course-duplicate", fmt.Sprintf("/outcomes/%d/id", i), o.ID, fmt.Sprintf("is the id of outcome /outcomes/%d too: expected another", first))
		} else {
			seen[o.ID] = i
		}
	}
}

func (c *Course) checkDates(k *checks) {
	// Days in the form YYYY-MM-DD compare as text.
	order := func(field, from, to, what string) {
		if from != "" && to != "" && to < from {
			k.fail("course-order", field, to, "is before "+from+": expected a day on or after "+what)
		}
	}
	for i, a := range c.Activities {
		order(fmt.Sprintf("/activities/%d/to", i), a.From, a.To, `"from"`)
	}
	for i, q := range c.Quality {
		order(fmt.Sprintf("/quality_assurance/%d/until", i), q.Decided, q.Until, `"decided"`)
		order(fmt.Sprintf("/quality_assurance/%d/next_review", i), q.Decided, q.Review, `"decided"`)
	}
}

func (c *Course) checkAward(k *checks) {
	if c.AwardKind.Kind == "within-programme" && len(c.AwardKind.Programme) == 0 {
		k.fail("course-required", "/award_kind/programme", "", `is missing: expected the name of the programme, as kind is "within-programme"`)
	}
	switch c.Stackability.Kind {
	case "part-of-programme", "stackable":
		if len(c.Stackability.Towards) == 0 {
			k.fail("course-required", "/stackability/towards", "", fmt.Sprintf("is missing: expected what the award counts towards, as kind is %q", c.Stackability.Kind))
		}
	case "stand-alone":
		if len(c.Stackability.Towards) > 0 {
			k.fail("course-contradiction", "/stackability/towards", "", `contradicts kind "stand-alone": leave it out, or say "stackable"`)
		}
	}
	if c.AwardKind.Kind == "within-programme" && c.Stackability.Kind == "stand-alone" {
		k.warn("course-contradiction", "/stackability/kind", "stand-alone", "is unusual for an award within a programme: expected part-of-programme or stackable")
	}
	for i, q := range c.Quality {
		at := fmt.Sprintf("/quality_assurance/%d", i)
		if q.Kind == "internal" && q.EQAR {
			k.fail("course-contradiction", at+"/eqar", "true", "contradicts kind \"internal\": only an agency can be registered with EQAR")
		}
		if q.Kind == "internal" && q.Agency != nil {
			k.fail("course-contradiction", at+"/agency", "", "contradicts kind \"internal\": leave it out, the institution answers itself")
		}
		if q.Kind != "internal" && q.Kind != "" && q.Agency == nil {
			k.fail("course-required", at+"/agency", "", fmt.Sprintf("is missing: expected the agency or authority, as kind is %q", q.Kind))
		}
	}
	either := func(field string, value, reason bool) {
		if value && reason {
			k.fail("course-contradiction", field, "", "contradicts the value that is given: a reason stands instead of a value")
		}
	}
	either("/level_reason", c.Level != nil, c.LevelReason != nil)
	either("/legal_basis_reason", len(c.LegalBasis) > 0, c.LegalReason != nil)
	ects := slices.ContainsFunc(c.Credits, func(p Credit) bool { return p.System == "ECTS" })
	either("/credits_reason", ects, c.CreditsReason != nil)
	if len(c.Credits) > 0 && !ects && c.CreditsReason == nil {
		// Annex I asks for ECTS where possible: another system says why.
		k.fail("course-required", "/credits_reason", "", `is missing: expected why there are no ECTS credits, such as code "national-credits" with a text`)
	}
}

func (c *Course) checkWorkload(k *checks) {
	hours := decimal(c.Hours)
	if contact := decimal(c.ContactHours); contact != nil && hours != nil && contact.Cmp(hours) > 0 {
		k.fail("course-contradiction", "/contact_hours", c.ContactHours, "is more than the total of "+c.Hours+" hours")
	}
	sum := new(big.Rat)
	for _, a := range c.Activities {
		if h := decimal(a.Hours); h != nil {
			sum.Add(sum, h)
		}
	}
	if hours != nil && sum.Cmp(hours) > 0 {
		k.warn("workload", "/activities", sum.FloatString(1), "hours in the activities are more than the total of "+c.Hours, "Hours", c.Hours)
	}
	seen := map[string]bool{}
	for i, p := range c.Credits {
		at := fmt.Sprintf("/credits/%d", i)
		if seen[p.System] {
			k.fail("course-duplicate", at+"/system", p.System, "is given twice: expected each system once")
		}
		seen[p.System] = true
	}
}

// withoutMisfits takes the values of a wrong JSON type out of a course that the
// schema refuses, so that one of them does not hide what is wrong elsewhere.
func withoutMisfits(raw []byte, problems []Problem) []byte {
	fitting := jsontext.Value(bytes.Clone(raw))
	for _, p := range problems {
		if p.Rule == "course-type" {
			fitting = without(fitting, strings.Split(strings.TrimPrefix(p.Field, "/"), "/"))
		}
	}
	return fitting
}

// without returns value with null, which is no value, where path leads to.
func without(value jsontext.Value, path []string) jsontext.Value {
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	replace := func(inner jsontext.Value) jsontext.Value {
		if len(path) == 1 || inner == nil {
			return jsontext.Value("null")
		}
		return without(inner, path[1:])
	}
	switch value.Kind() {
	case '{':
		var members map[string]jsontext.Value
		if json.Unmarshal(value, &members) == nil && members[name] != nil {
			members[name] = replace(members[name])
			if out, err := json.Marshal(members); err == nil {
				return out
			}
		}
	case '[':
		var items []jsontext.Value
		if i, err := strconv.Atoi(name); err == nil && json.Unmarshal(value, &items) == nil && i < len(items) {
			items[i] = replace(items[i])
			if out, err := json.Marshal(items); err == nil {
				return out
			}
		}
	}
	return value
}

// checkLanguages asks for English and a national language, so that an employer
// abroad and one at home can read the supplement. Which languages are national is
// for the profile to say; without one any second language will do.
func (c *Course) checkLanguages(k *checks, p *Profile) {
	var national []string
	if p != nil {
		national = slices.Sorted(maps.Keys(p.Terms))
		national = slices.DeleteFunc(national, func(tag string) bool { return tag == "en" })
	}
	isNational := func(tag string) bool {
		return slices.ContainsFunc(national, func(n string) bool { return primary(n) == primary(tag) })
	}
	both := func(field string, w Words) {
		if len(w) == 0 {
			return
		}
		if _, ok := w["en"]; !ok {
			k.warn("language-english", field, "", "has no English text")
		}
		switch tags := slices.Collect(maps.Keys(w)); {
		case len(national) == 0 && len(w) == 1 && w["en"] != "":
			k.warn("language-national", field, "", "has no text in a national language")
		case len(national) > 0 && !slices.ContainsFunc(tags, isNational):
			k.warn("language-national", field, "", "has no text in a national language: expected one of "+strings.Join(national, ", "))
		}
		for _, tag := range slices.Sorted(maps.Keys(w)) {
			// "rs" for "sr" is a slip that the form of a tag does not show. Montenegrin
			// is younger than the table behind Parse.
			if _, err := language.Parse(tag); err != nil && primary(tag) != "cnr" {
				k.warn("language-tag", field+"/"+tag, tag, "is not a known language: expected a tag such as en, hr, sr-Latn")
			}
		}
	}
	both("/title", c.Title)
	for i, o := range c.Outcomes {
		both(fmt.Sprintf("/outcomes/%d/title", i), o.Title)
	}
	for i, a := range c.Assessment {
		both(fmt.Sprintf("/assessment/%d/title", i), a.Title)
	}
}

// primary is the primary language subtag (RFC 5646 section 2.2.1).
func primary(tag string) string {
	p, _, _ := strings.Cut(tag, "-")
	return strings.ToLower(p)
}

// decimal reads a decimal of the schema's form, or returns nil.
func decimal(s string) *big.Rat {
	if s == "" || len(s) > 40 || strings.Trim(s, "0123456789.") != "" {
		return nil
	}
	if r, ok := new(big.Rat).SetString(s); ok {
		return r
	}
	return nil
}

func trimmed(r *big.Rat) string {
	s := r.FloatString(2)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// canonical is the course as it enters a request's hash: members in a fixed
// order, so that equal courses are equal bytes however their files are laid out.
func (c *Course) canonical() []byte {
	raw, err := json.Marshal(c, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(err) // unreachable: strings, numbers and maps of strings
	}
	return raw
}
