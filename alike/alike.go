// Package alike is for long texts that begin alike, as the credentials of one class
// do: a [Text] keeps what they have in common apart from what each has of its own,
// [Hashes] gives their SHA-256, and [Forms] what a beginning is in another form, without
// going through what they have in common each time.
//
// What is given is what crypto/sha256, or writing the text, would give. A beginning is
// compared to the byte with the one that was worked on before, which takes no time where
// both are the same memory.
//
// A beginning stays in memory for as long as it is in use and longer. So no bytes that
// say something of one person may be counted to it.
package alike

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"slices"
	"sync"
)

// Text is a text in three parts, one after the other.
type Text struct {
	Head      []byte // short, and the same for many who begin alike
	Beginning []byte // others begin with it, too; nobody changes it any more, since it is remembered
	Rest      []byte
}

// Whole is a text of which nothing is known that others have.
func Whole(text []byte) Text { return Text{Rest: text} }

// Len is its length in bytes.
func (t Text) Len() int { return len(t.Head) + len(t.Beginning) + len(t.Rest) }

// Bytes are all of it, which are Rest itself where nothing stands before it.
func (t Text) Bytes() []byte {
	if len(t.Head)+len(t.Beginning) == 0 {
		return t.Rest
	}
	return bytes.Join([][]byte{t.Head, t.Beginning, t.Rest}, nil) // which clears no memory before it is written
}

// Cut is the same text with the first n bytes of its beginning, or less, as its beginning.
func (t Text) Cut(n int) Text {
	if n >= len(t.Beginning) {
		return t
	}
	return Text{t.Head, t.Beginning[:n:n], slices.Concat(t.Beginning[n:], t.Rest)}
}

// CutPrefix returns what follows a prefix, where the text begins with it.
func (t Text) CutPrefix(prefix []byte) (after Text, ok bool) {
	after = t
	for _, part := range []*[]byte{&after.Head, &after.Beginning, &after.Rest} {
		n := min(len(prefix), len(*part))
		if !bytes.Equal((*part)[:n], prefix[:n]) {
			return t, false
		}
		*part, prefix = (*part)[n:], prefix[n:]
	}
	if len(prefix) > 0 {
		return t, false
	}
	return after, true
}

// Equal reports whether both say the same, in whichever parts.
func (t Text) Equal(other Text) bool {
	if t.Len() != other.Len() {
		return false
	}
	for _, part := range [][]byte{other.Head, other.Beginning, other.Rest} {
		var ok bool
		if t, ok = t.CutPrefix(part); !ok {
			return false
		}
	}
	return true
}

// kept is how many beginnings are remembered of each kind: courses that are issued at a
// time, with the header of the second before each of them.
const kept = 16

// least is the length of a beginning that is worth it, in bytes.
const least = 1024

// Hashes gives SHA-256 (FIPS 180-4), which takes a text block by block: its state after
// a beginning is kept. The zero value is ready for use, also concurrently.
type Hashes struct{ states memory[hash.Cloner] }

// Sum256 returns the SHA-256 of a text.
func (m *Hashes) Sum256(t Text) (sum [sha256.Size]byte) {
	h, done := m.after(t.Head, t.Beginning)
	h.Write(t.Beginning[done:])
	h.Write(t.Rest)
	h.Sum(sum[:0])
	return sum
}

// after returns the state of the hash after head and the first bytes of beginning, and
// how many these are: as many as fill whole blocks, where that is worth it, else none.
func (m *Hashes) after(head, beginning []byte) (h hash.Hash, done int) {
	fresh := sha256.New()
	if len(beginning) < least {
		fresh.Write(head)
		return fresh, 0
	}
	done = len(beginning) - (len(head)+len(beginning))%sha256.BlockSize
	if known, ok := m.states.get(head, beginning); ok {
		if state, err := known.Clone(); err == nil {
			return state, done
		}
	}
	fresh.Write(head)
	fresh.Write(beginning[:done])
	if state, ok := fresh.(hash.Cloner); ok { // not in the validated module of FIPS 140-3 (GOFIPS140=v1.0.0)
		if copied, err := state.Clone(); err == nil {
			m.states.put(head, beginning, copied)
		}
	}
	return fresh, done
}

// Forms remembers what beginnings are in another form, such as base64. The zero value
// is ready for use, also concurrently.
type Forms struct{ forms memory[[]byte] }

// Of returns the form of a beginning, which nobody may change, as made appends it where
// it is not known; nil for one that is too short to be worth it.
func (m *Forms) Of(beginning []byte, made func(dst, beginning []byte) []byte) []byte {
	form := m.Known(beginning)
	if form == nil && len(beginning) >= least {
		form = made(nil, beginning)
		m.forms.put(nil, beginning, form)
	}
	return form
}

// Known returns the form of a beginning, which nobody may change, nil where it is not known.
func (m *Forms) Known(beginning []byte) []byte {
	if len(beginning) < least {
		return nil
	}
	form, _ := m.forms.get(nil, beginning)
	return form
}

// Is reports whether form is what made makes of a beginning. Where it is, it is what is
// remembered, and nobody may change it any more: asked again with the same memory, the
// answer takes no time.
func (m *Forms) Is(beginning, form []byte, made func(dst, beginning []byte) []byte) bool {
	known := m.Of(beginning, made)
	if known == nil || !bytes.Equal(known, form) {
		return false
	}
	if &known[0] != &form[0] {
		m.forms.renew(nil, beginning, form)
	}
	return true
}

// Put remembers the form of a beginning; it keeps a copy, and returns it.
func (m *Forms) Put(beginning, form []byte) []byte {
	form = bytes.Clone(form)
	if len(beginning) >= least {
		m.forms.put(nil, beginning, form)
	}
	return form
}

// memory is of the latest beginnings, each behind a head, with what is known of them.
type memory[T any] struct {
	mu    sync.RWMutex
	known []entry[T]
	next  int // is given up next
}

type entry[T any] struct {
	head, beginning []byte
	value           T
}

// is reports whether the entry is of this head and beginning. Two that are the same
// memory are not gone through.
func (e *entry[T]) is(head, beginning []byte) bool {
	return bytes.Equal(e.head, head) && bytes.Equal(e.beginning, beginning)
}

func (m *memory[T]) get(head, beginning []byte) (value T, ok bool) {
	same := true
	m.mu.RLock()
	for i := range m.known {
		if e := &m.known[i]; e.is(head, beginning) {
			value, ok, same = e.value, true, &e.beginning[0] == &beginning[0]
			break
		}
	}
	m.mu.RUnlock()
	if !same {
		m.renew(head, beginning, value)
	}
	return value, ok
}

// renew keeps a beginning that is known, and its value, in the memory of who asks now: the
// next one of the class asks with the same.
func (m *memory[T]) renew(head, beginning []byte, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.known {
		if e := &m.known[i]; e.is(head, beginning) {
			e.beginning, e.value = beginning[:len(beginning):len(beginning)], value
		}
	}
}

// put keeps the beginning itself, and a copy of the head.
func (m *memory[T]) put(head, beginning []byte, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.known {
		if m.known[i].is(head, beginning) { // several began with it at the same time
			return
		}
	}
	e := entry[T]{bytes.Clone(head), beginning[:len(beginning):len(beginning)], value}
	if len(m.known) < kept {
		m.known = append(m.known, e)
		return
	}
	m.known[m.next] = e
	m.next = (m.next + 1) % kept
}
