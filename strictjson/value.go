// Package strictjson reads JSON so that nobody can read it in another way: no
// member twice, nor twice but for case, no number that a float64 would change,
// no invalid UTF-8. What is sealed is read once, by [Parse], and everything that
// is checked and shown comes from that one [Value].
package strictjson

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unsafe"
)

// Kind is the type of a JSON value. The zero Kind is that of a value that is not
// there.
type Kind uint8

const (
	Absent Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// Value is a JSON value as it was read. It is not changed, and is safe for
// concurrent use.
//
// It is a slice of members rather than a map: documents of credentials have
// objects of a few members, of which there are many, and a map for each cost
// more than all that was looked up in it.
//
// What it holds is told by kind: the bytes of a string, un-escaped, or of a number,
// as written; the members of an object, in the order of the document, or the items
// of an array, without names. That they share a pointer and a length halves a Value,
// and with it the most of what reading a document costs; only text, list, textOf and
// listOf touch the two.
type Value struct {
	at   unsafe.Pointer
	n    uint32
	kind Kind
}

func textOf(kind Kind, text string) Value {
	return Value{unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)), kind}
}

func listOf(kind Kind, members []Member) Value {
	return Value{unsafe.Pointer(unsafe.SliceData(members)), uint32(len(members)), kind}
}

// text is for a String or Number alone.
func (v *Value) text() string { return unsafe.String((*byte)(v.at), v.n) }

// list is for an Object or Array alone.
func (v *Value) list() []Member { return unsafe.Slice((*Member)(v.at), v.n) }

// Member is a member of an object, or an item of an array.
type Member struct {
	Name  string // "" for an item
	Value Value
}

// Kind is the type of the value.
func (v *Value) Kind() Kind { return v.kind }

// Text is a string's text; "" and false for what is no string.
func (v *Value) Text() (string, bool) {
	if v.kind != String {
		return "", false
	}
	return v.text(), true
}

// Number is a number as it was written; "" and false for what is no number.
func (v *Value) Number() (string, bool) {
	if v.kind != Number {
		return "", false
	}
	return v.text(), true
}

// Members are those of an object, in the order of the document; none for what is
// no object. They must not be changed.
func (v *Value) Members() []Member {
	if v.kind != Object {
		return nil
	}
	return v.list()
}

// Items are those of an array; none for what is no array. They must not be
// changed.
func (v *Value) Items() []Member {
	if v.kind != Array {
		return nil
	}
	return v.list()
}

// OneOrMany are the items of an array, or the value itself where it is none, as
// JSON-LD takes one value for a list of it; none for what is not there.
func (v *Value) OneOrMany() []Member {
	switch v.kind {
	case Absent:
		return nil
	case Array:
		return v.list()
	}
	return []Member{{Value: *v}}
}

// Get returns a member of an object, or an absent value.
func (v *Value) Get(name string) *Value {
	members := v.Members()
	for i := range members {
		if members[i].Name == name {
			return &members[i].Value
		}
	}
	return &absent
}

// Has reports whether an object has a member.
func (v *Value) Has(name string) bool { return v.Get(name).kind != Absent }

var absent Value

// Any returns the value as map[string]any, []any, string, json.Number, bool or
// nil, in memory of its own.
func (v *Value) Any() any {
	switch v.kind {
	case Object:
		members := v.list()
		object := make(map[string]any, len(members))
		for i := range members {
			object[members[i].Name] = members[i].Value.Any()
		}
		return object
	case Array:
		items := v.list()
		array := make([]any, len(items))
		for i := range items {
			array[i] = items[i].Value.Any()
		}
		return array
	case String:
		return v.text()
	case Number:
		return json.Number(v.text())
	case True, False:
		return v.kind == True
	}
	return nil
}

// Of returns what Any gave as a value again, the members of objects in the order
// of their names. A type that Any does not give is an absent value.
func Of(tree any) Value {
	switch tree := tree.(type) {
	case nil:
		return Value{kind: Null}
	case map[string]any:
		members := make([]Member, 0, len(tree))
		for _, name := range slices.Sorted(maps.Keys(tree)) {
			members = append(members, Member{name, Of(tree[name])})
		}
		return listOf(Object, members)
	case []any:
		items := make([]Member, len(tree))
		for i, item := range tree {
			items[i].Value = Of(item)
		}
		return listOf(Array, items)
	case string:
		return textOf(String, tree)
	case json.Number:
		return textOf(Number, string(tree))
	case float64:
		return textOf(Number, strconv.FormatFloat(tree, 'g', -1, 64))
	case bool:
		if tree {
			return Value{kind: True}
		}
		return Value{kind: False}
	}
	return absent
}
