package store

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// What writes its JSON itself writes what json.Marshal does, to the byte, whatever its
// members are, and fails where that fails: those that are added are filled here too.
func TestJSONWriter(t *testing.T) {
	for _, v := range []any{&Record{}, &recordDoc{}, &delivery{}, &listDoc{}, &entryDoc{}} {
		kind := reflect.TypeOf(v).Elem()
		t.Run(kind.Name(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				v := reflect.New(kind)
				fill(t, v.Elem(), rapid.IntRange(0, 4).Draw(t, "broken") == 0)
				want, wantErr := json.Marshal(v.Interface(), json.Deterministic(true))
				got, err := marshal(6, v.Interface())
				if wantErr != nil || err != nil {
					if (wantErr == nil) != (err == nil) {
						t.Fatalf("%v, and json.Marshal says %v", err, wantErr)
					}
					return
				}
				if string(got) != string(make([]byte, 6))+string(want) {
					t.Fatalf("got  %s\nwant %s", got, want)
				}
			})
		})
	}
}

// fill fills v with what may stand there, nothing among it; where it is broken, also
// with texts and times that JSON does not have.
func fill(t *rapid.T, v reflect.Value, broken bool) {
	if rapid.IntRange(0, 3).Draw(t, "zero") == 0 {
		return
	}
	some := func() int { return rapid.IntRange(0, 3).Draw(t, "some") }
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		years, zones := int64(1<<37), []*time.Location{time.UTC, time.FixedZone("", 3600)}
		if broken {
			years, zones = 1<<38, append(zones, time.FixedZone("", 25*3600)) // beyond 9999
		}
		at := time.Unix(rapid.Int64Range(-1<<35, years).Draw(t, "seconds"), rapid.SampledFrom([]int64{0, 1, 120_000_000}).Draw(t, "ns"))
		v.Set(reflect.ValueOf(at.In(rapid.SampledFrom(zones).Draw(t, "zone"))))
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field, broken)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), broken)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), some(), 3))
		for i := range v.Len() {
			fill(t, v.Index(i), broken)
		}
	case v.Kind() == reflect.Array:
		fill(t, v.Index(some()), broken)
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range some() {
			value := reflect.New(v.Type().Elem()).Elem()
			fill(t, value, broken)
			v.SetMapIndex(reflect.ValueOf(rapid.String().Draw(t, "name")), value)
		}
	case v.Kind() == reflect.String:
		texts := []string{"\"\\/\b\f\n\r\t\x00\x1f\x7f<>&", "\u2028\u2029 Žņ 🎓"}
		if broken {
			texts = append(texts, "\xff", "\xed\xa0\x80")
		}
		v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom(texts)).Draw(t, "text"))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(some()))
	case v.CanUint():
		v.SetUint(rapid.Uint64().Draw(t, "number") & (1<<v.Type().Bits() - 1))
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}
