package elm

import (
	"strconv"

	"indeks/strictjson"
)

// reading fills the model from a document.
type reading struct {
	profile Profile

	// odd is set where a member that the model knows holds what the model cannot
	// hold, a date that is none, or a duration that is none. Where it is not set,
	// Validate need not look for any of these.
	odd bool

	// Of these a document has many, and mostly one in a place.
	credentials    shelf[Credential]
	words          shelf[string] // values of texts
	texts          shelf[Tagged]
	concepts       shelf[Concept]
	schemes        shelf[ConceptScheme]
	notes          shelf[Note]
	claims         shelf[Claim]
	specifications shelf[Specification]
	processes      shelf[AwardingProcess]
	organisations  shelf[Organisation]
	persons        shelf[Person]
	locations      shelf[Location]
	addresses      shelf[Address]
	outcomes       shelf[LearningOutcome]
	points         shelf[CreditPoint]
	identifiers    shelf[Identifier]
	legal          shelf[LegalIdentifier]
	pages          shelf[WebResource]
	entries        shelf[StatusEntry]
	resources      shelf[RelatedResource]
	accreditations shelf[Accreditation]
}

// few is how many of small types are put on a shelf at once.
const few = 16

func newReading() reading {
	return reading{words: shelf[string]{want: few}, texts: shelf[Tagged]{want: few}, concepts: shelf[Concept]{want: few}, schemes: shelf[ConceptScheme]{want: few}}
}

// clear takes everything off the shelves.
func (r *reading) clear() {
	r.credentials.clear()
	r.words.clear()
	r.texts.clear()
	r.concepts.clear()
	r.schemes.clear()
	r.notes.clear()
	r.claims.clear()
	r.specifications.clear()
	r.processes.clear()
	r.organisations.clear()
	r.persons.clear()
	r.locations.clear()
	r.addresses.clear()
	r.outcomes.clear()
	r.points.clear()
	r.identifiers.clear()
	r.legal.clear()
	r.pages.clear()
	r.entries.clear()
	r.resources.clear()
	r.accreditations.clear()
}

// alone is a list of one value.
func (r *reading) alone(s string) []string {
	list := r.words.list(1)
	list[0] = s
	return list
}

// object is a struct of the model.
type object interface {
	member(r *reading, name string, v *strictjson.Value) outcome
	ref() *Ref // nil where a bare string is no reference
	extra() *Extra
}

type objectOf[T any] interface {
	*T
	object
	shelf(r *reading) *shelf[T] // nil where there is none for the type
}

// outcome is what came of a member.
type outcome uint8

const (
	unknown outcome = iota // the model does not know it
	misfit                 // the model cannot hold it so that writing it gives the same again
	held
)

func outcomeOf(ok bool) outcome {
	if ok {
		return held
	}
	return misfit
}

// fill fills o from an object or from the id that stands for it, and reports
// false for anything else. What the model does not know or cannot hold is kept
// in Extra.
func (r *reading) fill(o object, v *strictjson.Value) bool {
	if v.Kind() != strictjson.Object {
		id, _ := v.Text()
		ref := o.ref()
		if id == "" || ref == nil {
			return false
		}
		ref.ID = id
		return true
	}
	members := v.Members()
	for i := range members {
		m := &members[i]
		of := o.member(r, modelled(m.Name, r.profile), &m.Value)
		if of == held {
			continue
		}
		r.odd = r.odd || of == misfit
		extra := o.extra()
		if *extra == nil {
			*extra = make(Extra)
		}
		(*extra)[m.Name] = m.Value.Any()
	}
	return true
}

// single unwraps an array of one value, which JSON-LD takes for that value.
func single(v *strictjson.Value) *strictjson.Value {
	if items := v.Items(); len(items) == 1 {
		return &items[0].Value
	}
	return v
}

func only[T any, P objectOf[T]](r *reading, field *T, v *strictjson.Value) outcome {
	return outcomeOf(r.fill(P(field), single(v)))
}

func one[T any, P objectOf[T]](r *reading, field **T, v *strictjson.Value) outcome {
	target := &P(nil).shelf(r).list(1)[0]
	if !r.fill(P(target), single(v)) {
		return misfit
	}
	*field = target
	return held
}

func many[T any, P objectOf[T]](r *reading, field *List[T], v *strictjson.Value) outcome {
	list := P(nil).shelf(r).list(count(v))
	if v.Kind() != strictjson.Array {
		if !r.fill(P(&list[0]), v) {
			return misfit
		}
		*field = list
		return held
	}
	items := v.Items()
	for i := range items {
		if !r.fill(P(&list[i]), single(&items[i].Value)) {
			return misfit
		}
	}
	if len(list) == 0 {
		return misfit
	}
	*field = list
	return held
}

// count is how many values stand in a place.
func count(v *strictjson.Value) int {
	if v.Kind() != strictjson.Array {
		return 1
	}
	return len(v.Items())
}

func (r *reading) string(field *string, v *strictjson.Value) outcome {
	*field, _ = single(v).Text()
	return outcomeOf(*field != "")
}

func (r *reading) strings(field *List[string], v *strictjson.Value) outcome {
	if s, ok := v.Text(); ok {
		if s == "" {
			return misfit
		}
		*field = r.alone(s)
		return held
	}
	items := v.Items()
	list := make(List[string], len(items))
	for i := range items {
		if list[i], _ = single(&items[i].Value).Text(); list[i] == "" {
			return misfit
		}
	}
	if len(list) == 0 {
		return misfit
	}
	*field = list
	return held
}

// values reads a list of values of any type but null.
func (r *reading) values(field *List[any], v *strictjson.Value) outcome {
	var list List[any]
	for _, item := range v.OneOrMany() {
		if item.Value.Kind() == strictjson.Null {
			return misfit
		}
		list = append(list, item.Value.Any())
	}
	if list == nil {
		return misfit
	}
	*field = list
	return held
}

func (r *reading) text(field *Text, v *strictjson.Value) outcome {
	text, ok := r.textFrom(v)
	if ok {
		*field = text
	}
	return outcomeOf(ok)
}

func (r *reading) date(field *DateTime, v *strictjson.Value) outcome {
	s, _ := single(v).Text()
	if *field = DateTime(s); s == "" {
		return misfit
	}
	if !r.odd {
		_, err := field.Time(r.profile == EDC)
		r.odd = err != nil
	}
	return held
}

// duration reads an xsd:duration.
func (r *reading) duration(field *string, v *strictjson.Value) outcome {
	of := r.string(field, v)
	r.odd = r.odd || !isDuration(*field)
	return of
}

func (r *reading) boolean(field **bool, v *strictjson.Value) outcome {
	switch single(v).Kind() {
	case strictjson.True, strictjson.False:
		value := single(v).Kind() == strictjson.True
		*field = &value
		return held
	}
	return misfit
}

func (r *reading) integer(field *int, v *strictjson.Value) outcome {
	number, _ := single(v).Number()
	n, err := strconv.Atoi(number)
	if err != nil || n == 0 || strconv.Itoa(n) != number {
		return misfit
	}
	*field = n
	return held
}

// textFrom reads a language map, or a string or array of strings without
// language, which Text holds under "".
func (r *reading) textFrom(v *strictjson.Value) (Text, bool) {
	if v.Kind() != strictjson.Object {
		values, ok := stringsFrom(v)
		return Text{{"", values}}, ok
	}
	members := v.Members()
	text := Text(r.texts.list(len(members)))
	for i := range members {
		language := members[i].Name
		var values []string
		s, ok := members[i].Value.Text()
		if ok {
			values = r.alone(s)
		} else {
			values, ok = stringsFrom(&members[i].Value)
		}
		if !ok || language == "" || language[0] == '@' && language != "@none" {
			return nil, false
		}
		text[i] = Tagged{language, values}
	}
	return text, len(text) > 0
}

// stringsFrom reads a string or an array of strings.
func stringsFrom(v *strictjson.Value) ([]string, bool) {
	if s, ok := v.Text(); ok {
		return []string{s}, true
	}
	items := v.Items()
	values := make([]string, len(items))
	for i := range items {
		var ok bool
		if values[i], ok = items[i].Value.Text(); !ok {
			return nil, false
		}
	}
	return values, len(values) > 0
}
