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

// FuzzHashes holds a hash to that of crypto/sha256, in whichever parts its text is given,
// and whichever texts came before.
func FuzzHashes(f *testing.F) {
	var m Hashes
	f.Add([]byte("a"), 5000, 3000, []byte("and the rest"))
	f.Add([]byte{}, 0, -1, []byte{})
	f.Add([]byte("header."), 1017, 1024, []byte("x"))
	f.Add([]byte("short"), 2, 1<<40, []byte("beyond the end"))
	f.Fuzz(func(t *testing.T, head []byte, long, cut int, last []byte) {
		text := slices.Concat(bytes.Repeat([]byte{'-'}, max(0, long)%(1<<16)), last)
		cut = max(0, min(cut, len(text)))
		parts := Text{head, text[:cut], text[cut:]}
		for range 2 { // made, and remembered
			if got := m.Sum256(parts); got != sha256.Sum256(slices.Concat(head, text)) {
				t.Fatalf("%d bytes, cut at %d: another hash", len(text), cut)
			}
		}
	})
}

// A text says the same in whichever parts it is given, and another one does not.
func TestTextsInParts(t *testing.T) {
	const text = "what all have in common, and the rest"
	for cut := range len(text) + 1 {
		head := cut / 3
		parts := Text{[]byte(text[:head]), []byte(text[head:cut]), []byte(text[cut:])}
		for n := range len(text) + 2 {
			again := parts.Cut(n)
			if len(again.Beginning) != min(n, cut-head) || again.Len() != len(text) || string(again.Bytes()) != text || !again.Equal(parts) || !parts.Equal(again) {
				t.Fatalf("%q cut to %d: %q", parts, n, again)
			}
			after, ok := parts.CutPrefix([]byte(text[:min(n, len(text))]))
			if !ok || string(after.Bytes()) != text[min(n, len(text)):] {
				t.Fatalf("after %d bytes of %q: %q", n, parts, after)
			}
			if _, ok := parts.CutPrefix([]byte(text[:min(n, len(text))] + "?")); ok {
				t.Fatalf("%q begins with something else after %d bytes", parts, n)
			}
			changed := []byte(text)
			changed[n%len(text)]++
			other := Text{changed[:head], changed[head:cut], changed[cut:]}
			if parts.Equal(other) || other.Equal(parts) || parts.Equal(Whole([]byte(text+"!"))) {
				t.Fatalf("%q equals %q", parts, other)
			}
		}
	}
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
				own[common-1] ^= byte(n)
				if m.Sum256(Text{Beginning: own[:common], Rest: own[common:]}) != sha256.Sum256(own) {
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
		m.Put(bytes.Clone(text), []byte("form"))
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
		if got := m.Known(tt.beginning); string(got) != tt.want {
			t.Errorf("of %d bytes: %q, want %q", len(tt.beginning), got, tt.want)
		}
	}
	made := func(dst, beginning []byte) []byte { return append(dst, "made"...) }
	m.Of(other, made)
	if got := m.Of(bytes.Clone(other), func(dst, _ []byte) []byte { return append(dst, "made again"...) }); string(got) != "made" {
		t.Errorf("%q is not what was made first", got)
	}
	form := []byte("made")
	if !m.Is(other, form, made) || &m.Known(other)[0] != &form[0] || m.Is(other, []byte("mads"), made) || m.Is(text[:least-1], form, made) {
		t.Error("a form is not told from another")
	}
	if got := m.Of(text[:least-1], made); got != nil {
		t.Errorf("%q of one that is too short", got)
	}
	for n := range 2 * kept {
		m.Put(fmt.Appendf(bytes.Clone(text), "%d", n), []byte("another"))
	}
	if m.Known(text) != nil || len(m.forms.known) != kept {
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
				m.Sum256(Text{Beginning: text[:common], Rest: text[common:]})
			}
		})
	}
}
