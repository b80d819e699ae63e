package strictjson

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// What is read into a room is what Parse reads, whatever was in it before, and two
// documents can be there at once.
func TestRoom(t *testing.T) {
	var documents [][]byte
	for _, n := range []int{0, 1, 3, 40, 400, 5000, 17, 400, 41} {
		documents = append(documents, []byte("{"+strings.TrimSuffix(members(n), ",")+"}"))
	}
	documents = append(documents, []byte(`{"a":[1,{"b":2}],"a":3}`), []byte(`[[[[]]]]`), []byte(`"text"`), []byte(`{"a":`), nil, bytes.Repeat([]byte("["), 100), make([]byte, MaxBytes+1))
	var room Room
	for round := range 3 {
		for i := range documents {
			pair := [][]byte{documents[i], documents[(i+1+round)%len(documents)]}
			var trees [2]Value
			var errs [2]error
			for k, raw := range pair {
				trees[k], errs[k] = room.Parse(bytes.Clone(raw))
			}
			for k, raw := range pair {
				want, err := Parse(raw)
				if fmt.Sprint(err) != fmt.Sprint(errs[k]) || !reflect.DeepEqual(trees[k].Any(), want.Any()) {
					t.Fatalf("%.60q: %v, not %v", raw, errs[k], err)
				}
			}
			room.Clear()
			for _, m := range room.slab[:cap(room.slab)] {
				if m != (Member{}) {
					t.Fatal("something is left in a room that was cleared")
				}
			}
			if cap(room.slab) > maxKept {
				t.Fatalf("room for %d members is kept", cap(room.slab))
			}
		}
	}
}

// Once a room has seen a document, the next of its size is read into the same memory.
func TestRoomIsUsedAgain(t *testing.T) {
	raw := []byte(`{"a":[` + strings.Repeat(`{"b":{"c":1},"d":[true]},`, 100) + `null]}`)
	var room Room
	var first *Member
	for i := range 5 {
		if _, err := room.Parse(raw); err != nil {
			t.Fatal(err)
		}
		room.Clear()
		if i == 2 {
			first = unsafe.SliceData(room.slab)
		}
	}
	if first == nil || first != unsafe.SliceData(room.slab) {
		t.Error("other memory for each document")
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"member %d":{"of":[%d]},`, i, i)
	}
	return b.String()
}
