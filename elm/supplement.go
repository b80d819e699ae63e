package elm

import (
	"iter"
	"slices"
	"strings"
)

// Supplement is the readable view of a credential in one of [Languages] (any
// other tag is read as English), complete by Annex I of Council Recommendation
// 2022/C 243/02: sections in the order in which an employer asks. Mandatory
// elements are always there, others where the credential has them. Texts that
// have no value in lang fall back to English, then to the first language by
// tag; Value.Lang tells which it is.
//
// Concepts of the compiled-in lists carry the list's label whatever the
// credential calls them (in English some of them a plainer one). Amounts are shown as written; systems of credit are
// never converted or added up.
func Supplement(c *Credential, lang string) []Section { return new(view).supplement(c, lang) }

func (v *view) supplement(c *Credential, lang string) []Section {
	v.look(c, lang)
	if c.Profile == Other && badgeContext(c.Tree.Get("@context")) {
		return slices.DeleteFunc(v.badge(), func(s Section) bool { return len(s.Elements) == 0 })
	}
	sections := v.sections.list(11)
	copy(sections, []Section{
		v.section("who", v.learner(), v.title(), v.awardingBody(), v.issuer(), v.country(), v.issued()),
		v.section("skills", v.outcomes(), v.outcomeSource()),
		v.section("composition", v.parts()),
		v.section("workload", v.workload(), v.participation(), v.period()),
		v.section("level", v.level(), v.notADegree(), v.coded("level-proposed", TopicLevelProposed), v.coded("level-method", TopicLevelMethod)),
		v.section("assessment", v.assessment(), v.criteria(), v.supervision(), v.grade(), v.priorLearning()),
		v.section("quality", v.quality()),
		v.section("standing", v.coded("provider", TopicProvider), v.coded("award-status", TopicAwardStatus), v.legalBasis()),
		v.section("use", v.coded("award-kind", TopicAwardKind), v.stackability()),
		v.section("validity", v.validity(), v.confirmation()),
		v.section("other", v.prerequisites(), v.fields(), v.coded("national", TopicNational), v.languages(), v.stated("signatory", TopicSignatory), v.furtherInformation()),
	})
	return slices.DeleteFunc(sections, func(s Section) bool { return len(s.Elements) == 0 })
}

// mandatory are the elements of Annex I that every supplement must answer, and
// the two that the supplement of a degree programme has as well.
var mandatory = []string{"M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11", "legal-basis", "confirm"}

// statements are what the supplement of a micro-credential says besides, each in
// a coded note: ELM has no property for any of them.
var statements = []string{"provider", "award-status", "award-kind", "rpl"}

// Answers are ids of elements by how a credential answers them.
type Answers struct {
	// Of the eleven mandatory elements of Annex I, plus legal basis and
	// confirmation of validity, in the order of the Annex.
	Present, Reasoned, Missing []string
	// Unstated are those of "provider", "award-status", "award-kind" and "rpl"
	// of which nothing is said. Documents of other issuers, in whose model they
	// are not foreseen, are complete by Annex I without them; ours state all.
	Unstated []string
}

// ElementLabel is what an element of the supplement is called in one of [Languages], by
// its id; "" where there is none.
func ElementLabel(id, lang string) string { return say(lang, id) }

// Completeness says how a credential answers the elements of the supplement: by
// a value, by a coded reason in place of one, or not at all.
func Completeness(c *Credential) Answers { return CompletenessOf(Supplement(c, "en")) }

// CompletenessOf is Completeness of a credential whose supplement is at hand, in
// any language.
func CompletenessOf(supplement []Section) Answers {
	found := make([]*Element, len(asked))
	for i := range supplement {
		for k := range supplement[i].Elements {
			if e := &supplement[i].Elements[k]; asked[e.ID] > 0 {
				found[asked[e.ID]-1] = e
			}
		}
	}
	var a Answers
	for i, id := range mandatory {
		switch e := found[i]; {
		case e == nil, e.Missing: // a badge has no place for some of them
			a.Missing = append(a.Missing, id)
		case e.Reason:
			a.Reasoned = append(a.Reasoned, id)
		case a.Present == nil:
			a.Present = append(make([]string, 0, len(mandatory)), id)
		default:
			a.Present = append(a.Present, id)
		}
	}
	for i, id := range statements {
		if found[len(mandatory)+i] == nil {
			a.Unstated = append(a.Unstated, id)
		}
	}
	return a
}

// asked are the places of the elements that Completeness asks for, from 1.
var asked = func() map[string]int {
	places := make(map[string]int)
	for i, id := range slices.Concat(mandatory, statements) {
		places[id] = i + 1
	}
	return places
}()

// Section groups the elements of the supplement under one question.
type Section struct {
	ID       string // "who", "skills", "composition", "workload", "level", "assessment", "quality", "standing", "use", "validity", "other"
	Label    string
	Elements []Element
}

// Element is one element of the supplement.
type Element struct {
	// ID is "M1" to "M11" and "O1" to "O5" of Annex I, or one of "issuer",
	// "outcome-source", "parts", "period", "not-a-degree", "level-proposed", "level-method", "national",
	// "criteria", "creator", "alignment", "evidence", "rpl", "provider", "award-status", "legal-basis",
	// "award-kind", "valid", "confirm", "field", "language", "signatory".
	ID      string
	Label   string
	Values  []Value
	Parts   *Parts // of "parts" only: what Values say line by line, as a table
	Reason  bool   // answered by a coded reason instead of a value
	Missing bool   // mandatory and absent: Values is empty
}

// Value is one line of an element. Text is plain text that came from the
// credential or from our own labels; it is never markup.
type Value struct {
	Text    string
	Lang    string // language of Text where it is not the one asked for; "und" if the credential names none that exists
	Detail  []Line // further lines that belong to it
	Link    string // https or http URL, already checked, or empty
	IRI     string // concept behind the text, or empty
	Ours    bool   // our own words (a label, a fixed sentence), not the issuer's
	Cleaned bool   // invisible or control characters were taken out of Text; see Clean
}

// Line is a labelled detail of a value.
type Line struct {
	Label, Text string
	Lang        string // of Text, as Value.Lang
	Cleaned     bool   // as Value.Cleaned
}

// OtherLanguages are the tags of the languages that texts of a supplement in lang stand
// in where they do not exist in lang, in the order in which they come. A region or script
// more is no other language, and how a learner is called is in none that a reader must
// know.
func OtherLanguages(sections []Section, lang string) (tags []string) {
	add := func(tag string) {
		if tag != "" && tag != "und" && !strings.HasPrefix(tag+"-", lang+"-") && !strings.HasPrefix(lang+"-", tag+"-") && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	for i := range sections {
		for j := range sections[i].Elements {
			e := &sections[i].Elements[j]
			for k := range e.Values {
				if e.ID != "M1" {
					add(e.Values[k].Lang)
				}
				for l := range e.Values[k].Detail {
					add(e.Values[k].Detail[l].Lang)
				}
			}
		}
	}
	return tags
}

// Parts are what a value and its details are in one line, put together. The link
// is one of them where none of the others tells it; it holds no space, so it
// cannot stand half in a label and half in the text behind it.
func (v *Value) Parts() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(v.Text) {
			return
		}
		told := strings.Contains(v.Text, v.Link)
		for i := range v.Detail {
			d := &v.Detail[i]
			if !yield("; ") || d.Label != "" && (!yield(d.Label) || !yield(": ")) || !yield(d.Text) {
				return
			}
			told = told || strings.Contains(d.Label, v.Link) || strings.Contains(d.Text, v.Link)
		}
		if v.Link != "" && !told {
			_ = yield("; ") && yield(v.Link)
		}
	}
}

// Line is a value with its details in one line.
func (v *Value) Line() string { return strings.Join(slices.Collect(v.Parts()), "") }
