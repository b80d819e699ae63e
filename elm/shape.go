package elm

import (
	"reflect"
	"strings"
	"sync"
)

// The model's struct tags say how ELM objects look in JSON. This file reads
// them once per type; writing a struct and checking a document against it follow
// the same shape, so that they cannot disagree, and a test holds the reading of
// members to it.

// shape is what the tags of one struct type say.
type shape struct {
	members []member // in the order in which they are written
	byName  map[string]*member
	extra   []int // index of the field Extra
	id      []int // index of Ref.ID, or nil: then a bare string is no reference
}

// member is one modelled member of an object.
type member struct {
	name     string
	index    []int
	typ      reflect.Type
	array    bool // written as an array even with one value
	duration bool // an xsd:duration
}

var (
	textType     = reflect.TypeFor[Text]()
	extraType    = reflect.TypeFor[Extra]()
	dateTimeType = reflect.TypeFor[DateTime]()

	shapes sync.Map // reflect.Type to *shape
)

// shapeOf returns the shape of a struct type of the model.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Type == extraType:
			s.extra = field.Index
		case field.Anonymous || name == "-" || !field.IsExported():
		default:
			if name == "id" && len(field.Index) > 1 {
				s.id = field.Index
			}
			option := field.Tag.Get("elm")
			s.members = append(s.members, member{name, field.Index, field.Type, option == "array", option == "duration"})
		}
	}
	s.byName = make(map[string]*member, len(s.members))
	for i := range s.members {
		s.byName[s.members[i].name] = &s.members[i]
	}
	shapes.Store(t, s)
	return s
}

// modelled returns the name under which the model knows a member of a document
// of profile p, or "" for a member that it does not know. Only VC2 differs:
// ELM's description is elmDescription there, because the VCDM 2.0 context
// protects its own description.
func modelled(name string, p Profile) string {
	if p == VC2 {
		switch name {
		case "elmDescription":
			return "description"
		case "description":
			return ""
		}
	}
	return name
}
