// Package alike is for long texts that begin alike, as the credentials of one class
// do: [Hashes] gives their SHA-256, and [Forms] what such a text is in another form,
// without going through what they have in common each time.
//
// Nothing rests on a text being like another. How many bytes it shares is a hint,
// every beginning is compared to the byte with the one that was worked on before, and
// what is given is what crypto/sha256, or writing the text, would give.
//
// A beginning stays in memory for as long as it is in use and longer. So no bytes that
// say something of one person may be counted to it.
package alike

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"sync"
)

// kept is how many beginnings are remembered of each kind: courses that are issued at a
// time, with the header of the second before each of them.
const kept = 16

// least is the length of a beginning that is worth it, in bytes.
const least = 1024

// Hashes gives SHA-256 (FIPS 180-4), which takes a text block by block: its state after
// a beginning is kept. The zero value is ready for use, also concurrently.
type Hashes struct{ states memory[hash.Cloner] }

// Sum256 returns the SHA-256 of the parts, one after another. The first common bytes of
// all of them are those of other texts, too, as far as is known.
func (m *Hashes) Sum256(common int, parts ...[]byte) (sum [sha256.Size]byte) {
	h, done := m.after(common-common%sha256.BlockSize, parts)
	for _, part := range parts {
		n := min(done, len(part))
		h.Write(part[n:])
		done -= n
	}
	h.Sum(sum[:0])
	return sum
}

// after returns the state of the hash after the first n bytes of the parts, which are
// whole blocks, or after none.
func (m *Hashes) after(n int, parts [][]byte) (h hash.Hash, done int) {
	fresh := sha256.New()
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	if n < least || n > length {
		return fresh, 0
	}
	if known, ok := m.states.get(n, parts); ok {
		if state, err := known.Clone(); err == nil {
			return state, n
		}
	}
	beginning := make([]byte, 0, n)
	for _, part := range parts {
		beginning = append(beginning, part[:min(len(part), n-len(beginning))]...)
	}
	state, ok := fresh.(hash.Cloner) // not in the validated module of FIPS 140-3 (GOFIPS140=v1.0.0)
	if !ok {
		return fresh, 0
	}
	state.Write(beginning)
	if copied, err := state.Clone(); err == nil {
		m.states.put(beginning, copied)
	}
	return state, n
}

// Forms remembers what beginnings are in another form, such as base64. The zero value
// is ready for use, also concurrently.
type Forms struct{ forms memory[[]byte] }

// Of returns the form of a beginning, which nobody may change, nil where it is not known.
func (m *Forms) Of(beginning []byte) []byte {
	if len(beginning) < least {
		return nil
	}
	form, _ := m.forms.get(len(beginning), [][]byte{beginning})
	return form
}

// Put remembers the form of a beginning, neither of which it keeps.
func (m *Forms) Put(beginning, form []byte) {
	if len(beginning) >= least {
		m.forms.put(bytes.Clone(beginning), bytes.Clone(form))
	}
}

// memory is of the latest beginnings, with what is known of each.
type memory[T any] struct {
	mu    sync.RWMutex
	known []entry[T]
	next  int // is given up next
}

type entry[T any] struct {
	beginning []byte
	value     T
}

// get returns what is known of the first n bytes of the parts, one after another.
func (m *memory[T]) get(n int, parts [][]byte) (value T, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, e := range m.known {
		if len(e.beginning) == n && begins(parts, e.beginning) {
			return e.value, true
		}
	}
	return value, false
}

func (m *memory[T]) put(beginning []byte, value T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.known {
		if bytes.Equal(e.beginning, beginning) { // several began with it at the same time
			return
		}
	}
	if len(m.known) < kept {
		m.known = append(m.known, entry[T]{beginning, value})
		return
	}
	m.known[m.next] = entry[T]{beginning, value}
	m.next = (m.next + 1) % kept
}

// begins reports whether the parts, one after another, begin with a text.
func begins(parts [][]byte, text []byte) bool {
	for _, part := range parts {
		n := min(len(part), len(text))
		if !bytes.Equal(part[:n], text[:n]) {
			return false
		}
		text = text[n:]
	}
	return len(text) == 0
}
