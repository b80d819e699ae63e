package elm

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// What is read into a room is what Parse and Supplement make of it, whatever was in it
// before, and nothing is left when it is cleared.
func TestRoom(t *testing.T) {
	documents := map[string][]byte{"broken": []byte(`{"id":`), "no object": []byte(`[]`)}
	for _, p := range []Profile{EDC, VC2} {
		documents[string(p)] = []byte(encoded(t, fixture(), p))
	}
	for name, raw := range samples(t) {
		documents[name] = document(t, raw)
	}
	var room Room
	for range 2 {
		for name, raw := range documents {
			got, err := room.Parse(bytes.Clone(raw))
			want, refused := Parse(raw)
			if (err == nil) != (refused == nil) || err != nil && err.Error() != refused.Error() {
				t.Fatalf("%s: %v, not %v", name, err, refused)
			}
			if err == nil {
				for _, lang := range []string{"en", "hr", "sr"} {
					if !reflect.DeepEqual(room.Supplement(got, lang), Supplement(want, lang)) {
						t.Errorf("%s: another supplement (%s) in a room", name, lang)
					}
				}
				sameContent(t, name, *got, *want)
			}
			room.Clear()
			for _, of := range []reflect.Value{reflect.ValueOf(room.reading), reflect.ValueOf(room.view)} {
				checkCleared(t, name, of)
			}
		}
	}
}

// sameContent compares two credentials. Their trees lie in different places.
func sameContent(t *testing.T, name string, a, b Credential) {
	t.Helper()
	if !reflect.DeepEqual(a.Tree.Any(), b.Tree.Any()) {
		t.Errorf("%s: another tree in a room", name)
	}
	a.Tree = b.Tree
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: another credential in a room", name)
	}
}

// checkCleared holds every shelf, list and map of a struct to be empty, and what is
// kept to be zero.
func checkCleared(t *testing.T, name string, of reflect.Value) {
	t.Helper()
	for i := range of.NumField() {
		field, at := of.Field(i), name+": "+of.Type().Field(i).Name
		switch {
		case strings.HasPrefix(field.Type().Name(), "shelf"):
			piece := field.FieldByName("piece")
			if piece.Len() > maxShelf || field.FieldByName("given").Int() != 0 || field.FieldByName("left").Len() != piece.Len() {
				t.Errorf("%s: %d kept", at, piece.Len())
			}
			for k := range piece.Len() {
				if !piece.Index(k).IsZero() {
					t.Fatalf("%s: something is left", at)
				}
			}
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() != reflect.Uint8: // v.key is bytes alone
			for k := range field.Cap() {
				if field.Len() > 0 || !field.Slice(0, field.Cap()).Index(k).IsZero() {
					t.Fatalf("%s: something is left", at)
				}
			}
		case field.Kind() == reflect.Map && field.Len() > 0, field.Kind() == reflect.Pointer && !field.IsNil():
			t.Errorf("%s: something is left", at)
		}
	}
}

// A shelf that is cleared keeps what it takes to give out as much again, within its
// bound.
func TestShelf(t *testing.T) {
	for _, lists := range [][]int{{}, {0}, {1, 1, 1}, {20}, {3, 40, 1, 0, 7}, {maxShelf}, {maxShelf, 1}, {10 * maxShelf}} {
		for _, want := range []int{0, few} {
			s := shelf[int]{want: want}
			for round := range 4 {
				var given [][]int
				all := 0
				for _, n := range lists {
					list := s.list(n)
					if len(list) != n || cap(list) != n {
						t.Fatalf("%v: list of %d, room for %d", lists, len(list), cap(list))
					}
					for i := range list {
						if list[i] != 0 {
							t.Fatalf("%v, round %d: something is left", lists, round)
						}
						list[i] = len(given) + 1
					}
					given, all = append(given, list), all+n
				}
				for i, list := range given {
					for _, item := range list {
						if item != i+1 {
							t.Fatalf("%v: two lists share an item", lists)
						}
					}
				}
				s.clear()
				if round > 1 && all <= maxShelf && len(s.piece) < all || len(s.piece) > maxShelf {
					t.Errorf("%v: %d kept", lists, len(s.piece))
				}
			}
		}
	}
}
