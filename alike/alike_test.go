package alike

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// FuzzHashes holds a hash to that of crypto/sha256, whatever is said of its text, and
// whichever texts came before.
func FuzzHashes(f *testing.F) {
	var m Hashes
	f.Add([]byte("a"), 5000, 3000, 64, []byte("and the rest"))
	f.Add([]byte{}, 0, -1, 0, []byte{})
	f.Add([]byte("header."), 1017, 1024, 7, []byte("x"))
	f.Add([]byte("short"), 2, 1<<40, 1<<40, []byte("hint beyond the end"))
	f.Fuzz(func(t *testing.T, first []byte, long, common, cut int, last []byte) {
		text := slices.Concat(first, bytes.Repeat([]byte{'-'}, max(0, long)%(1<<16)), last)
		cut = max(0, min(cut, len(text)))
		for range 2 { // made, and remembered
			if got := m.Sum256(common, text[:cut], nil, text[cut:]); got != sha256.Sum256(text) {
				t.Fatalf("%d bytes, %d in common, cut at %d: another hash", len(text), common, cut)
			}
		}
	})
}

// More texts than are remembered, by several at a time, and texts that differ in the
// last byte of what is said to be common.
func TestHashesOfManyAtATime(t *testing.T) {
	var m Hashes
	text := make([]byte, 5000)
	rand.Read(text)
	var running sync.WaitGroup
	for n := range 4 * kept {
		running.Go(func() {
			for _, common := range []int{2048, 3000, 2048, 4999} {
				own := bytes.Clone(text)
				own[common/64*64-1] ^= byte(n)
				if m.Sum256(common, own) != sha256.Sum256(own) {
					t.Errorf("%d: another hash", n)
				}
			}
		})
	}
	running.Wait()
	if len(m.states.known) != kept {
		t.Errorf("%d beginnings are kept, want %d", len(m.states.known), kept)
	}
}

func TestFormsAreOfTheVeryBeginning(t *testing.T) {
	var m Forms
	text := bytes.Repeat([]byte("course "), least)
	for range 2 { // by two at the same time, both of whom found none
		m.Put(text, []byte("form"))
	}
	if len(m.forms.known) != 1 {
		t.Errorf("a beginning is kept %d times", len(m.forms.known))
	}
	m.Put(text[:least-1], []byte("too short to be worth it"))
	other := bytes.Clone(text)
	other[len(other)-1]++
	for _, tt := range []struct {
		beginning []byte
		want      string
	}{{text, "form"}, {other, ""}, {text[1:], ""}, {text[:len(text)-1], ""}, {text[:least-1], ""}, {nil, ""}} {
		if got := m.Of(tt.beginning); string(got) != tt.want {
			t.Errorf("of %d bytes: %q, want %q", len(tt.beginning), got, tt.want)
		}
	}
	text[0]++
	if m.Of(text) != nil {
		t.Error("the memory changes with the text it was given")
	}
	for n := range 2 * kept {
		m.Put(fmt.Appendf(bytes.Clone(text), "%d", n), []byte("another"))
	}
	if text[0]--; m.Of(text) != nil || len(m.forms.known) != kept {
		t.Errorf("more are kept than %d", kept)
	}
}

func BenchmarkSum256(b *testing.B) {
	var m Hashes
	text := make([]byte, 50_000)
	rand.Read(text)
	for _, common := range []int{0, 45_000} {
		b.Run(fmt.Sprint(common), func(b *testing.B) {
			for b.Loop() {
				m.Sum256(common, text)
			}
		})
	}
}
