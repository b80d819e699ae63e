package keys

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"math/big"
	"slices"
	"sync"
)

// An ECDSA signature (r, s) over P-256 holds for a hash e and a key Q, where r and
// s are from 1 to n-1, if
//
//	R = u1·G + u2·Q    with u1 = e/s and u2 = r/s mod n
//
// is not the point at infinity and its x-coordinate is r mod n (FIPS 186-5 section
// 6.4.2, whose names are used here). Most of the work of crypto/ecdsa is u2·Q, with
// some 250 doublings. For a key that checks seal after seal, and for G, they are made
// once:
//
//   - row i of a table of width w holds 1 to 2^(w-1) times 2^(w·i)·Q.
//   - u2 is written to base 2^w with digits from 1-2^(w-1) to 2^(w-1): w bits that are
//     over 2^(w-1) become that less 2^w, and carry one to the next digit. The last
//     digit, of fewer than w bits, cannot.
//   - So R is at most one entry of each row of two tables or its negative, added up: 24
//     of G, whose table is the wider because there is one for all keys, and 29 of Q.
//
// It is right because the table is: each entry of a row is the one before it and
// the row's first, added; the first of the next row is twice the last of this one. And
// because of how the entries are added: the sum of two points that are equal or
// opposite, or of which one is infinity, needs another formula, and where one would be
// needed, or R is infinity, it shows in the end ([jacobian.add]). And 1/s is looked at
// before it is used ([scalar.inverse]). Where one of these does not hold, crypto/ecdsa
// decides. That happens to nobody who did not look for it.
//
// Who sends a token chooses r, s and e, so which entries are added, in which order
// sums become equal, opposite or infinite, and how long it takes. All of this is
// public: checking involves no secret, so nothing here takes constant time. He
// does not choose Q: tables are made for keys that [PublicKey.Precompute] was
// called for, and each is used for the very key it was made of and no other.
//
// The arithmetic is in p256.go, and modulo n in p256order.go. That of crypto/ecdsa and
// of filippo.io/nistec, which exports it, doubles with each addition in order to take
// constant time, and has no addition to an affine point that others can call: a check by
// it takes twice as long.
// Tests hold every entry and every verdict to it. It is no validated module: in FIPS
// 140-3 mode no table is made, and crypto/ecdsa checks everything.

// A table of keyWidth takes 450 KiB and as long to make as 50 checks by crypto/ecdsa; a check
// with it takes a fifth of the time. That of G takes 1.5 MiB.
const (
	keyWidth  = 9
	baseWidth = 11

	// maxTables bounds what the tables of a process take to 30 MiB.
	maxTables = 64

	// usesBefore is how many checks a key makes without a table, which would by
	// then have saved what it takes to make. So no order in which keys come can
	// cost twice what the best use of tables would.
	usesBefore = 60
)

// table is the multiples of one key. It is not changed once it is made.
type table struct {
	of    *ecdsa.PublicKey
	width int
	rows  [][]affine // the last is as long as its digits are large
}

// base is the table of G, whose private key is 1.
var base = sync.OnceValue(func() *table {
	g := elliptic.P256().Params()
	encoded := make([]byte, 65)
	encoded[0] = 4 // uncompressed (SEC 1, section 2.3.3)
	g.Gx.FillBytes(encoded[1:33])
	g.Gy.FillBytes(encoded[33:])
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), encoded)
	if err != nil {
		panic(err) // G is a point of P-256
	}
	return newTable(key, baseWidth)
})

// newTable makes the table of a key, nil where the key is not a point of P-256.
// Infinity has no encoding of the length that Bytes returns.
func newTable(key *ecdsa.PublicKey, width int) *table {
	q, err := key.Bytes()
	if err != nil {
		return nil
	}
	first := jacobian{z: elementOne}
	first.x.setBytes((*[32]byte)(q[1:33]))
	first.y.setBytes((*[32]byte)(q[33:65]))
	t := &table{of: key, width: width, rows: make([][]affine, 256/width+1)}
	all := make([]affine, 256/width<<(width-1)+1<<(256%width)) // next to each other
	row := make([]jacobian, 1<<(width-1))
	for i := range t.rows {
		if i == len(t.rows)-1 {
			row = row[:len(all)]
		}
		to := all[:len(row)]
		t.rows[i], all = to, all[len(row):]
		affines(to[:1], []jacobian{first})
		row[0] = jacobian{to[0].x, to[0].y, elementOne}
		for j := 1; j < len(row); j++ {
			row[j] = row[j-1]
			if j == 1 {
				row[j].double()
			} else {
				row[j].add(&to[0]) // neither equal nor opposite: the order is a prime above 2^255
			}
		}
		affines(to, row)
		first = row[len(row)-1]
		first.double()
	}
	return t
}

// gather appends the entries that add up to u·Q. They lie all over the table, which the
// processor's nearest cache does not hold; gathered first, they come while none waits for
// the other.
func (t *table) gather(entries []affine, u *scalar) []affine {
	var words [6]uint64 // and two to shift from
	copy(words[:], u[:])
	largest := 1 << (t.width - 1)
	carry := 0
	for i, row := range t.rows {
		at := i * t.width
		bits := words[at/64]>>(at%64) | words[at/64+1]<<(64-at%64) // by 64 and more, a shift gives 0
		digit := int(bits&(1<<t.width-1)) + carry
		carry = 0
		if digit > largest {
			digit, carry = digit-2*largest, 1
		}
		switch {
		case digit > 0:
			entries = append(entries, row[digit-1])
		case digit < 0:
			entries = append(entries, row[-digit-1])
			entries[len(entries)-1].negate()
		}
	}
	return entries
}

// sum adds points up. Where z of it is 0 it says nothing, see [jacobian.add].
func sum(points []affine) (s jacobian) {
	if len(points) == 0 {
		return s
	}
	s = jacobian{points[0].x, points[0].y, elementOne}
	for i := range points[1:] {
		s.add(&points[1+i])
	}
	return s
}

// verify is [ecdsa.Verify] for the key of the table and a signature as RFC 7518 section
// 3.4 has it, of 64 bytes. The hash is one of 32 bytes or more.
func (t *table) verify(hash, signature []byte) bool {
	r, s := scalarOf((*[32]byte)(signature)), scalarOf((*[32]byte)(signature[32:]))
	if r == (scalar{}) || s == (scalar{}) || !r.below(&groupOrder) || !s.below(&groupOrder) {
		return false
	}
	w, ok := s.inverse()
	if !ok {
		return t.verifyPlainly(hash, signature)
	}
	e := scalarOf((*[32]byte)(hash))
	var u1, u2 scalar
	u1.mul(&e, &w)
	u2.mul(&r, &w)

	var room [256/baseWidth + 1 + 256/keyWidth + 1]affine
	R := sum(t.gather(base().gather(room[:0], &u1), &u2))
	if R.z == (element{}) {
		return t.verifyPlainly(hash, signature)
	}
	if R.hasX(&r) {
		return true
	}
	// x may be between n and p: r+n, where that is below p.
	return r.below(&fieldOverOrder) && R.hasX(r.add(&r, &groupOrder))
}

func (t *table) verifyPlainly(hash, signature []byte) bool {
	return ecdsa.Verify(t.of, hash, new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// hasX reports whether x, which is below p, is the x-coordinate of s, which is not
// infinity.
func (s *jacobian) hasX(x *scalar) bool {
	var want, zz element
	want.mul((*element)(x), &intoForm)
	return *want.mul(&want, zz.mul(&s.z, &s.z)) == s.x
}

// multiples is the table of a key, or the prospect of one. All copies of a
// PublicKey share it.
type multiples struct {
	of *ecdsa.PublicKey // a copy of the key, which nobody changes

	// Guarded by tables.
	table  *table // nil: none yet, or given up
	making bool
	uses   int   // without a table
	since  int64 // the check that was the first of uses
	latest int64 // the latest check
}

// tables are those of the whole process.
var tables struct {
	sync.Mutex
	checks int64        // with keys that have a table or may get one
	made   []*multiples // at most maxTables, those being made included
}

// Precompute lets checks with the key become cheaper once it has made some tens of
// them: from then on multiples of it are kept in memory (450 KiB a key, 64 keys of
// a process, those that are in use). It is for P-256 keys of institutions that
// whoever runs the program has chosen, and does nothing for other kinds, nor in
// FIPS 140-3 mode. Never call it for a key that comes with what it seals: anybody
// can make up thousands of those.
//
// It must not be called while others use k. Copies of k made later share what is
// precomputed; all may be used concurrently.
func (k *PublicKey) Precompute() {
	key, ok := k.Key.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() || fips140.Enabled() || k.multiples != nil && key.Equal(k.multiples.of) {
		return
	}
	raw, err := key.Bytes()
	if err != nil {
		return // not a point of the curve: nothing verifies with it
	}
	of, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return // unreachable: Bytes has looked
	}
	k.multiples = &multiples{of: of}
}

// PrecomputeAs lets checks with k use what was precomputed for another description of
// the same key, as a certificate is of one that a trust file lists; of another key it is of
// no use.
func (k *PublicKey) PrecomputeAs(other *PublicKey) { k.multiples = other.multiples }

// tableFor returns the table for a check with key, nil where there is none. It
// makes it when the key has been used often enough and there is room, or a key
// with a table has not been used since this one began to be: tables do not change
// hands between keys that are all in use.
func (m *multiples) tableFor(key *ecdsa.PublicKey) *table {
	if m == nil || !key.Equal(m.of) {
		return nil
	}
	t, mine := m.use()
	if !mine {
		return t
	}
	t = newTable(m.of, keyWidth)
	tables.Lock()
	defer tables.Unlock()
	m.making, m.table = false, t
	return t
}

// use counts a check. It returns the table, or that it is the caller's to make.
func (m *multiples) use() (t *table, mine bool) {
	tables.Lock()
	defer tables.Unlock()
	tables.checks++
	m.latest = tables.checks
	if m.table != nil || m.making {
		return m.table, false
	}
	if m.uses == 0 {
		m.since = tables.checks
	}
	if m.uses++; m.uses <= usesBefore {
		return nil, false
	}
	m.uses = 0
	if len(tables.made) == maxTables {
		oldest := slices.MinFunc(tables.made, func(a, b *multiples) int { return cmp.Compare(a.latest, b.latest) })
		if oldest.making || oldest.latest > m.since {
			return nil, false
		}
		oldest.table = nil
		tables.made = slices.DeleteFunc(tables.made, func(o *multiples) bool { return o == oldest })
	}
	tables.made = append(tables.made, m)
	m.making = true
	return nil, true
}
