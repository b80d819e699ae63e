package elm

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"indeks/contexts"
	"indeks/strictjson"
)

// view is a credential sorted by what the supplement asks for. The elements
// read it; they hold no rule of their own about where ELM puts things.
type view struct {
	c     *Credential
	lang  string
	words map[string]string // in lang; nil: not yet asked for

	achievements, activities, assessments, entitlements []claim
	foreseen                                            []claim           // assessments that stand in S.provenBy only
	notes                                               map[string][]note // by topic
	known                                               map[string]bool   // notes that were filed, by key
	key                                                 []byte            // of the last
	schemes                                             map[string]bool   // of the assessments foreseen, as text

	awarding []*Organisation // the awarding bodies
	mandate  bool            // the issuer sealed what others awarded

	// Of these a supplement has many, and mostly one in a place.
	values   shelf[Value]
	lines    shelf[Line]
	elements shelf[Element]
	sections shelf[Section]
	noted    shelf[note]
}

// What is shown of one element. Documents that say more are hardly honest, and
// nobody reads that much; whatever grows faster than its document stays within
// these.
const (
	maxValues   = 500
	maxLines    = 50
	maxLineText = 1000 // bytes
)

// claim is a claim, its kind, and whether it is a part (hasPart) of another
// one. What belongs to a part is a part as well.
type claim struct {
	*Claim
	kind   string
	part   bool
	within *Claim // the innermost part that it is, or belongs to
}

// note is a note with the topic and code of its subject. A note about nothing
// that we know has topic "".
type note struct {
	*Note
	topic, code string
	concept     *Concept
}

// look turns the view to a credential.
func (v *view) look(c *Credential, lang string) {
	if lang == "sr" {
		lang = "sr-Latn"
	}
	if !slices.Contains(languages, lang) {
		lang = "en"
	}
	if v.notes == nil { // the first
		v.values.want, v.noted.want, v.lines.want = few, few, few
		v.elements.want = 41 // as many as a supplement asks for
	}
	v.forget()
	v.c, v.lang = c, lang
	for i := range c.Subject {
		v.sort(c.Subject[i].HasClaim, false, "LearningAchievement", nil)
	}
	v.remember(c.Issuer.AdditionalNote)
	v.foresee()
	v.awarding = slices.Clip(v.awardingBodies())
	v.mandate = v.mandated()
}

// forget takes away what was found out about a credential. What supplements are
// made of remains.
func (v *view) forget() {
	v.c, v.words, v.awarding, v.mandate = nil, nil, nil, false
	if len(v.known)+len(v.notes)+len(v.schemes) > maxShelf { // a map never becomes smaller
		v.notes, v.known, v.schemes = nil, nil, nil
	}
	if v.notes == nil {
		v.notes, v.known, v.schemes = map[string][]note{}, map[string]bool{}, map[string]bool{}
	}
	clear(v.notes)
	clear(v.known)
	clear(v.schemes)
	v.noted.clear()
	for _, list := range []*[]claim{&v.achievements, &v.activities, &v.assessments, &v.entitlements, &v.foreseen} {
		if cap(*list) > maxShelf {
			*list = nil
		}
		clear(*list)
		*list = (*list)[:0]
	}
}

func (v *view) clear() {
	v.forget()
	v.values.clear()
	v.lines.clear()
	v.elements.clear()
	v.sections.clear()
}

// sort files claims and all that they contain by kind. Kind is what a claim is
// taken for where its type does not say.
func (v *view) sort(claims List[Claim], part bool, kind string, within *Claim) {
	for i := range claims {
		own := kindOf(&claims[i], kind)
		it := claim{&claims[i], own, part, within}
		if part && (within == nil || own == "LearningAchievement") {
			it.within = it.Claim
		}
		switch own {
		case "LearningActivity":
			v.activities = append(v.activities, it)
		case "LearningAssessment":
			v.assessments = append(v.assessments, it)
		case "LearningEntitlement":
			v.entitlements = append(v.entitlements, it)
		default:
			v.achievements = append(v.achievements, it)
		}
		v.remember(it.AdditionalNote)
		if it.SpecifiedBy != nil {
			v.remember(it.SpecifiedBy.AdditionalNote)
		}
		if it.AwardedBy != nil {
			v.remember(it.AwardedBy.AdditionalNote)
			for _, body := range it.AwardedBy.AwardingBody {
				v.remember(body.AdditionalNote)
			}
		}
		v.sort(it.HasPart, true, own, it.within)
		v.sort(it.InfluencedBy, part, "LearningActivity", it.within)
		v.sort(it.ProvenBy, part, "LearningAssessment", it.within)
		v.sort(it.EntitlesTo, part, "LearningEntitlement", it.within)
	}
}

// kindOf is the kind that the type of a claim tells, else the one it is taken
// for.
func kindOf(c *Claim, kind string) string {
	for _, t := range c.Type {
		switch t {
		case "LearningAchievement", "LearningActivity", "LearningAssessment", "LearningEntitlement":
			kind = t
		}
	}
	return kind
}

// foresee reads the assessments that only the specification of an achievement
// names (S.provenBy) as claims: there a document without grades has them. What
// supervises them has no property there and is a note on its concept.
func (v *view) foresee() {
	held := map[string]bool{}
	for _, a := range v.assessments {
		if a.SpecifiedBy != nil {
			held[a.SpecifiedBy.ID] = true
		}
	}
	for _, c := range main(v.achievements) {
		if c.SpecifiedBy == nil {
			continue
		}
		for i := range c.SpecifiedBy.ProvenBy {
			s := &c.SpecifiedBy.ProvenBy[i]
			if s.ID != "" && held[s.ID] {
				continue
			}
			assessment := &Claim{Title: s.Title, SpecifiedBy: s}
			for _, n := range s.AdditionalNote {
				for j := range n.Subject {
					if strings.HasPrefix(n.Subject[j].ID, supervisionScheme) {
						assessment.IDVerification = &n.Subject[j]
					}
				}
			}
			v.foreseen = append(v.foreseen, claim{assessment, "LearningAssessment", c.part, c.within})
			v.schemes[v.schemeOf(assessment).Text] = true
		}
	}
}

// supervisionScheme begins the ids of the EU list of supervision and identity
// checks.
const supervisionScheme = "http://data.europa.eu/snb/supervision-verification/"

// examined are all assessments, held or foreseen.
func (v *view) examined() []claim { return slices.Concat(v.assessments, v.foreseen) }

// several reports whether it must be told of which assessment something is said.
func (v *view) several() bool { return len(v.assessments)+len(v.foreseen) > 1 }

// remember files notes by topic. Copies of one note, which ELM repeats with
// each object that has it, count once.
func (v *view) remember(notes List[Note]) {
	for i := range notes {
		n := note{Note: &notes[i]}
		for j := range n.Subject {
			if topic, code := topicOf(&n.Subject[j]); topic != "" || n.concept == nil {
				n.topic, n.code, n.concept = topic, code, &n.Subject[j]
			}
		}
		v.key = n.appendKey(v.key[:0])
		if !v.known[string(v.key)] && len(v.notes[n.topic]) <= maxValues {
			v.known[string(v.key)] = true
			v.notes[n.topic] = v.noted.add(v.notes[n.topic], n)
		}
	}
}

// appendKey appends what is the same for notes of the same content.
func (n *note) appendKey(key []byte) []byte {
	key = append(key, n.topic...)
	key = append(append(key, 0), n.code...)
	for _, text := range n.NoteLiteral.sorted() {
		key = append(append(key, 0), text.Tag...)
		for _, value := range text.Values {
			key = append(strconv.AppendInt(append(key, 0), int64(len(value)), 10), value...)
		}
	}
	return key
}

// section builds a section from those elements that have something to show.
func (v *view) section(id string, elements ...Element) Section {
	s := Section{ID: id, Label: v.say(id), Elements: v.elements.list(len(elements))[:0]}
	for _, e := range elements {
		if len(e.Values) == 0 {
			if place := asked[e.ID]; place == 0 || place > len(mandatory) {
				continue
			}
			e.Missing = true
		}
		if len(e.Values) > maxValues && e.Parts == nil { // parts are one line each
			e.Values = append(e.Values[:maxValues:maxValues], v.ours("more than %s", strconv.Itoa(maxValues)))
		}
		e.Label = cmp.Or(e.Label, v.say(e.ID))
		s.Elements = append(s.Elements, e)
	}
	return s
}

func (v *view) say(id string, values ...string) string {
	if v.words == nil {
		v.words = wordsIn(v.lang)
	}
	return fill(v.words[id], values)
}

// ours is a value in our own words.
func (v *view) ours(id string, values ...string) Value {
	return Value{Text: v.say(id, values...), Ours: true}
}

// text is a language map for this reader; the zero value if it has nothing to
// show.
func (v *view) text(t Text) Value {
	values, tag := choose(t, v.lang)
	if len(values) == 0 {
		return Value{}
	}
	return v.tagged(strings.Join(values, "; "), tag)
}

// tagged is a text in a language.
func (v *view) tagged(text, tag string) Value {
	value := shown(strings.TrimSpace(text))
	// Figures alone, such as a grade, are in no language.
	if tag != v.lang && !strings.EqualFold(tag, v.lang) && strings.ContainsFunc(value.Text, unicode.IsLetter) {
		value.Lang = tag
	}
	return value
}

// named is the text of a member that only other profiles use, such as name: a
// string or a language map.
func (v *view) named(extra Extra, member string) Value {
	if extra[member] == nil {
		return Value{}
	}
	given := strictjson.Of(extra[member])
	text, ok := new(reading).textFrom(&given)
	if !ok {
		return Value{}
	}
	return v.text(text)
}

// concept is the label of a concept: the list's, if a compiled-in list has it,
// else the credential's own.
func (v *view) concept(c *Concept) Value {
	if c == nil {
		return Value{}
	}
	if known, ok := contexts.Lookup(c.ID); ok {
		label, at := known.Label[v.lang], v.lang
		value := Value{Text: label} // as the lists have it, there is nothing to clean
		if label == "" {
			var few [8]string
			tags := few[:0]
			for tag := range known.Label {
				tags = append(tags, tag)
			}
			var tag string
			at, tag = tagFor(tags, v.lang)
			value = v.tagged(known.Label[at], tag)
		}
		if at == "en" {
			value.Text = cmp.Or(plainer[c.ID], value.Text)
		}
		value.Text = capital(value.Text) // the lists begin some labels with a small letter
		value.IRI, value.Ours = c.ID, true
		return value
	}
	value := v.text(c.PrefLabel)
	if value.Text == "" {
		value = shown(cmp.Or(c.Notation, c.ID))
	}
	if absoluteURL(c.ID) {
		value.IRI = c.ID
	}
	return value
}

// plainer are English words for concepts whose label in the EU list says little
// to people who do not know the list. Credentials carry the list's.
var plainer = map[string]string{
	"http://data.europa.eu/snb/learning-assessment/9191af2ed9": "In person",                // Presential
	"http://data.europa.eu/snb/learning-assessment/729f3bed4b": "Work-based",               // Workbased
	"http://data.europa.eu/snb/learning-assessment/7813801c77": "Project-based",            // Project based
	"http://data.europa.eu/snb/learning-assessment/ed4c557045": "In a research laboratory", // Research-Lab based
}

func capital(s string) string {
	if s != "" && 'A' <= s[0] && s[0] <= 'Z' {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

func (v *view) concepts(list List[Concept]) []Value {
	var values []Value
	for i := range list {
		values = v.add(values, v.concept(&list[i]))
	}
	return values
}

func (v *view) noteText(n *Note) Value {
	if n == nil {
		return Value{}
	}
	return v.text(n.NoteLiteral)
}

// organisation is an organisation by name, with what identifies it.
func (v *view) organisation(o *Organisation) Value {
	if o == nil {
		return Value{}
	}
	value := v.text(o.LegalName)
	if value.Text == "" {
		value = v.text(o.AltLabel)
	}
	if value.Text == "" {
		value = v.named(o.Extra, "name")
	}
	if value.Text == "" {
		value = shown(o.ID)
	}
	if value.Text == "" {
		return Value{}
	}
	for _, identifier := range o.Registration {
		value.Detail = v.line(value.Detail, "line:register", identified(identifier.SchemeName, identifier.Notation))
	}
	for _, identifier := range o.VATIdentifier {
		value.Detail = v.line(value.Detail, "line:vat", identified(identifier.SchemeName, identifier.Notation))
	}
	if o.EIDASIdentifier != nil {
		value.Detail = v.line(value.Detail, "line:organisation-id", identified(o.EIDASIdentifier.SchemeName, o.EIDASIdentifier.Notation))
	}
	for _, identifier := range o.Identifier {
		value.Detail = v.line(value.Detail, "line:identifier", identified(identifier.SchemeName, identifier.Notation))
	}
	for _, page := range o.Homepage {
		if value.Link == "" {
			value.Link = link(page.ContentURL)
		}
	}
	return value
}

// page is a document on the web: its title as a link, or its address as text
// where that is not one.
func (v *view) page(w *WebResource) Value {
	address := cmp.Or(w.ContentURL, w.ID)
	if strings.HasPrefix(address, "urn:") {
		address = ""
	}
	value := v.text(w.Title)
	value.Link = link(address)
	if value.Text == "" {
		clean := shown(address)
		value.Text, value.Cleaned = clean.Text, clean.Cleaned
	} else if value.Link == "" && address != "" {
		value.Detail = v.line(value.Detail, "line:page", address)
	}
	return value
}

func (v *view) titleOf(c claim) Value {
	value := v.text(c.Title)
	if value.Text == "" && c.SpecifiedBy != nil {
		value = v.text(c.SpecifiedBy.Title)
	}
	if value.Text == "" {
		value = v.named(c.Extra, "name")
	}
	return value
}

// main returns the claims that the credential makes itself.
func main(claims []claim) []claim {
	if !slices.ContainsFunc(claims, func(c claim) bool { return c.part }) {
		return slices.Clip(claims)
	}
	var found []claim
	for _, c := range claims {
		if !c.part {
			found = append(found, c)
		}
	}
	return found
}

// collect gathers what the credential's own claims say, or, where they say
// nothing, what their parts say: equal values once, with the parts' names, or
// their number where they are many.
func (v *view) collect(claims []claim, read func(claim) []Value) []Value {
	type said struct {
		value Value
		names []Value         // of parts that say it, as many as are shown
		by    map[string]bool // all of their names
	}
	var own []Value
	var parts []said
	var name Value // of part
	var part *Claim
	for _, c := range claims {
		for _, value := range read(c) {
			switch {
			case !c.part:
				own = v.add(own, value)
			case value.Text != "":
				at := slices.IndexFunc(parts, func(known said) bool { return same(&known.value, &value) })
				if at < 0 {
					if at = len(parts); at > maxValues {
						continue
					}
					parts = append(parts, said{value: value, by: map[string]bool{}})
				}
				if c.within != part {
					part, name = c.within, v.titleOf(claim{Claim: c.within})
				}
				if p := &parts[at]; name.Text != "" && !p.by[name.Text] {
					p.by[name.Text] = true
					if len(p.names) < manyParts {
						p.names = append(p.names, name)
					}
				}
			}
		}
	}
	if len(own) > 0 {
		return own
	}
	values := make([]Value, len(parts))
	for i, p := range parts {
		values[i] = p.value
		detail := slices.Clip(p.value.Detail)
		if len(p.by) > manyParts {
			detail = v.line(detail, "parts", strconv.Itoa(len(p.by)))
		} else {
			for _, name := range p.names {
				detail = v.lineOf(detail, "line:part", name)
			}
		}
		values[i].Detail = detail
	}
	return values
}

// manyParts is how many parts are still named.
const manyParts = 3

// add appends a value that says something and is not there yet. Of more than
// maxValues it keeps one, by which [view.section] sees that there were more.
func (v *view) add(values []Value, value Value) []Value {
	if value.Text == "" || len(values) > maxValues {
		return values
	}
	for i := range values {
		if same(&values[i], &value) {
			return values
		}
	}
	return v.values.add(values, value)
}

// same reports whether two values are equal.
func same(a, b *Value) bool {
	return a.Text == b.Text && a.Lang == b.Lang && a.Link == b.Link && a.IRI == b.IRI && a.Ours == b.Ours && a.Cleaned == b.Cleaned &&
		slices.Equal(a.Detail, b.Detail)
}

// line appends a detail that says something and is not there yet. What is too
// much, of lines or of text, ends in an ellipsis.
func line(lines []Line, label, text string) []Line {
	if len(text) > maxLineText {
		text = strings.ToValidUTF8(text[:maxLineText], "") + "…"
	}
	value := shown(text)
	detail := Line{Label: label, Text: value.Text, Cleaned: value.Cleaned}
	if detail.Text == "" && len(lines) == 0 {
		return nil
	}
	if detail.Text == "" || len(lines) > maxLines || slices.ContainsFunc(lines, func(known Line) bool { return known.Label == label && known.Text == detail.Text }) {
		return lines
	}
	if len(lines) == maxLines {
		detail.Text = "…"
	}
	return append(lines, detail)
}

// line is line with one of our labels, which is looked up only where there is a
// text: most of what is asked for is not there.
func (v *view) line(lines []Line, label, text string) []Line {
	if text == "" {
		return lines
	}
	return line(v.begun(lines), v.say(label), text)
}

func (v *view) lineOf(lines []Line, label string, value Value) []Line {
	if value.Text == "" {
		return lines
	}
	return lineOf(v.begun(lines), v.say(label), value)
}

// begun is lines, or the beginning of a list on the shelf.
func (v *view) begun(lines []Line) []Line {
	if lines == nil {
		return v.lines.list(1)[:0]
	}
	return lines
}

// lineOf appends a value as a detail of another one.
func lineOf(lines []Line, label string, value Value) []Line {
	n := len(lines)
	if lines = line(lines, label, value.Text); len(lines) > n {
		lines[n].Lang, lines[n].Cleaned = value.Lang, value.Cleaned || lines[n].Cleaned
	}
	return lines
}

// identified is an identifier with its scheme.
func identified(scheme, notation string) string {
	if scheme == "" || notation == "" {
		return notation
	}
	return scheme + ": " + notation
}

// literal is a value that a document of another profile writes as a number
// where ELM has a string, exactly as written.
func literal(s string, extra Extra, member string) string {
	if s == "" {
		if number, ok := extra[member].(json.Number); ok {
			return string(number)
		}
	}
	return s
}
