package elm

import (
	"reflect"
	"testing"

	"indeks/strictjson"
)

// Every member that a struct tag names is read into its own field and into no
// other, so that what is written can be read again.
func TestEveryMemberIsRead(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of == reflect.TypeFor[Tagged]() || seen[of] {
			return
		}
		seen[of] = true
		for _, m := range shapeOf(of).members {
			o := reflect.New(of)
			value := strictjson.Of(valueFor(m.typ))
			if got := o.Interface().(object).member(&reading{profile: EDC}, m.name, &value); got != held {
				t.Errorf("%s of %s: outcome %d", m.name, of.Name(), got)
			}
			for _, other := range shapeOf(of).members {
				if o.Elem().FieldByIndex(other.index).IsZero() == (other.name == m.name) {
					t.Errorf("%s of %s: field for %s is %v", m.name, of.Name(), other.name, o.Elem().FieldByIndex(other.index))
				}
			}
			look(m.typ)
		}
	}
	look(reflect.TypeFor[Credential]())
	if len(seen) < 20 {
		t.Errorf("only %d types", len(seen))
	}
}

// valueFor is a document's value that a field of type t can hold.
func valueFor(t reflect.Type) any {
	if t == textType {
		return "x"
	}
	switch t.Kind() {
	case reflect.Bool:
		return true
	case reflect.Int:
		return 7.0
	case reflect.Slice, reflect.Pointer:
		return valueFor(t.Elem())
	case reflect.Struct:
		return map[string]any{"id": "urn:a:1"}
	}
	return "x"
}
