package elm

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// The model's struct tags say how ELM objects look in JSON. This file reads
// them once per type; filling a struct from a tree, writing it and checking a
// tree against it all follow the same shape, so that they cannot disagree.

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
		case field.Anonymous || name == "-":
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

// fill sets v, a field or element of the model, from its value in a tree of
// profile p. It reports false and leaves v alone if the model cannot hold the
// value so that writing it gives the same value again: another JSON type, null,
// or an empty string, array or text. Such a value stays in Extra.
func fill(v reflect.Value, tree any, p Profile) bool {
	if v.Type() == textType {
		text, ok := textFrom(tree)
		if ok {
			v.Set(reflect.ValueOf(text))
		}
		return ok
	}
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Interface {
		tree = single(tree)
	}
	switch v.Kind() {
	case reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		if !fill(target.Elem(), tree, p) {
			return false
		}
		v.Set(target)
		return true
	case reflect.Slice:
		items, ok := tree.([]any)
		if !ok {
			items = []any{tree}
		}
		list := reflect.MakeSlice(v.Type(), len(items), len(items))
		for i, item := range items {
			if !fill(list.Index(i), item, p) {
				return false
			}
		}
		if len(items) > 0 {
			v.Set(list)
		}
		return len(items) > 0
	case reflect.Struct:
		return fillStruct(v, tree, p)
	case reflect.Interface:
		if tree != nil {
			v.Set(reflect.ValueOf(tree))
		}
		return tree != nil
	case reflect.String:
		s, _ := tree.(string)
		v.SetString(s)
		return s != ""
	case reflect.Bool:
		b, ok := tree.(bool)
		v.SetBool(b)
		return ok
	default: // int
		number, _ := tree.(json.Number)
		n, err := strconv.Atoi(string(number))
		if err != nil || strconv.Itoa(n) != string(number) {
			return false
		}
		v.SetInt(int64(n))
		return n != 0
	}
}

func fillStruct(v reflect.Value, tree any, p Profile) bool {
	s := shapeOf(v.Type())
	object, ok := tree.(map[string]any)
	if !ok {
		id, _ := tree.(string)
		if id == "" || s.id == nil {
			return false
		}
		v.FieldByIndex(s.id).SetString(id)
		return true
	}
	var extra Extra
	for name, value := range object {
		if m, ok := s.byName[modelled(name, p)]; ok {
			if field := v.FieldByIndex(m.index); fill(field, value, p) && !field.IsZero() {
				continue
			}
		}
		if extra == nil {
			extra = make(Extra)
		}
		extra[name] = value
	}
	if extra != nil {
		v.FieldByIndex(s.extra).Set(reflect.ValueOf(extra))
	}
	return true
}

// single unwraps an array of one value, which JSON-LD takes for that value.
func single(tree any) any {
	if array, ok := tree.([]any); ok && len(array) == 1 {
		return array[0]
	}
	return tree
}

// textFrom reads a language map, or a string or array of strings without
// language, which Text holds under "".
func textFrom(tree any) (Text, bool) {
	object, ok := tree.(map[string]any)
	if !ok {
		values, ok := stringsFrom(tree)
		return Text{"": values}, ok
	}
	text := make(Text, len(object))
	for language, value := range object {
		values, ok := stringsFrom(value)
		if !ok || language == "" || language[0] == '@' && language != "@none" {
			return nil, false
		}
		text[language] = values
	}
	return text, len(text) > 0
}

func stringsFrom(tree any) ([]string, bool) {
	switch tree := tree.(type) {
	case string:
		return []string{tree}, true
	case []any:
		values := make([]string, len(tree))
		for i, item := range tree {
			var ok bool
			if values[i], ok = item.(string); !ok {
				return nil, false
			}
		}
		return values, len(values) > 0
	}
	return nil, false
}
