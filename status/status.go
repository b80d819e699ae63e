// Package status is the bitstring of a Bitstring Status List (W3C, v1.0): one
// bit for each credential, index 0 the leftmost. [List] is the whole of it:
// the issuer sets bits and calls [List.Encode], the verifier calls [Decode]
// and [List.Get].
//
// The package knows bits only. Which credential a list belongs to, who signed
// it, its purpose and how old it is are questions for its callers. A list with
// statusSize over 1 is one of Len/statusSize entries; Indeks issues size 1.
package status

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// MinSize is the least number of entries a list may have (section 3.2), and
// the size of every list that Indeks opens.
const MinSize = 131_072

// Limits on what Decode reads, in bytes: of the gzip stream, and of the bits
// that come out of it. 200 MB of zeros fit into 194 KB of gzip, so a limit on
// what is received says nothing about what it grows to.
const (
	MaxPacked   = 2 << 20
	MaxUnpacked = 16 << 20
)

// Purposes of a list (section 2.1).
const (
	Revocation = "revocation" // final
	Suspension = "suspension" // may be lifted
)

// ErrRange is returned for an index outside the list; ErrEncoding for an
// encodedList or statusListIndex that breaks a rule; ErrLength for a list under
// MinSize.
var (
	ErrRange    = errors.New("index outside the status list")
	ErrEncoding = errors.New("encoded status list breaks a rule")
	ErrLength   = errors.New("status list is too short")
)

// List is a bitstring. The zero value is not usable. A List may be read by
// several goroutines at once, as long as none of them calls Set.
type List struct{ bits []byte }

// New returns an empty list of MinSize entries.
func New() *List { return &List{bits: make([]byte, MinSize/8)} }

// FromBits returns a list over a copy of bits, index 0 being the highest bit of
// the first byte. It is what [List.Bits] gave.
func FromBits(bits []byte) (*List, error) {
	if len(bits) < MinSize/8 {
		return nil, fmt.Errorf("%w: %d of %d entries", ErrLength, len(bits)*8, MinSize)
	}
	return &List{bits: slices.Clone(bits)}, nil
}

// Bits returns a copy of the bits, eight to the byte, for keeping them as they are.
func (l *List) Bits() []byte { return slices.Clone(l.bits) }

// Len is the number of bits.
func (l *List) Len() int { return len(l.bits) * 8 }

// Get reports whether the bit at index is set, or ErrRange.
func (l *List) Get(index uint64) (bool, error) {
	i, mask, err := l.place(index)
	if err != nil {
		return false, err
	}
	return l.bits[i]&mask != 0, nil
}

// Set sets or clears the bit at index, or returns ErrRange.
func (l *List) Set(index uint64, on bool) error {
	i, mask, err := l.place(index)
	if err != nil {
		return err
	}
	if on {
		l.bits[i] |= mask
	} else {
		l.bits[i] &^= mask
	}
	return nil
}

// Add sets every bit that other has. Bits of other beyond the list are left out.
func (l *List) Add(other *List) {
	for i := range min(len(l.bits), len(other.bits)) {
		l.bits[i] |= other.bits[i]
	}
}

// place returns the byte and the bit in it of an index. Index 0 is the leftmost
// bit (section 2.2): the IETF's Token Status List counts from the other end of
// each byte, and a reader that mixes them up sees other people's revocations.
func (l *List) place(index uint64) (i int, mask byte, err error) {
	if index >= uint64(l.Len()) {
		return 0, 0, fmt.Errorf("%w: %d of %d", ErrRange, index, l.Len())
	}
	return int(index >> 3), 0x80 >> (index & 7), nil
}

// Covers reports whether l has every bit that older has: what a revocation
// list must never lose.
func (l *List) Covers(older *List) bool {
	for i, was := range older.bits {
		var is byte
		if i < len(l.bits) {
			is = l.bits[i]
		}
		if was&^is != 0 {
			return false
		}
	}
	return true
}

// ParseIndex reads a statusListIndex: a decimal string without sign or leading
// zeros (but "0"), within 64 bits. Anything else is ErrEncoding. That the index
// lies in the list is for [List.Get] to say.
func ParseIndex(s string) (uint64, error) {
	// FormatUint gives each number one spelling, so the way back catches a plus
	// sign, leading zeros and whatever else ParseUint may take.
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%w: statusListIndex %.24q", ErrEncoding, s)
	}
	return n, nil
}
