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
//   - table.rows[i][j] is (j+1)·256^i·Q, for i from 0 to 31 and j from 0 to 127, and
//     table.last is 256^32·Q.
//   - u2, of 32 bytes, is written to base 256 with digits from -127 to 128: a byte
//     over 128 becomes byte-256 and carries one to the next. After the 32 digits
//     the last carry, 0 or 1, is that of 256^32.
//   - So R is at most 66 entries of two tables or their negatives, added up.
//
// It is right because the table is: each entry of a row is the one before it and
// the row's first, added; the first of the next row is 2·128 times the first of
// this one. And because of how the entries are added: the sum of two points that are
// equal or opposite, or of which one is infinity, needs another formula, and where one
// would be needed, or R is infinity, it shows in the end ([jacobian.add]). Then
// crypto/ecdsa decides. That happens to nobody who did not look for it.
//
// Who sends a token chooses r, s and e, so which entries are added, in which order
// sums become equal, opposite or infinite, and how long it takes. All of this is
// public: checking involves no secret, so nothing here takes constant time. He
// does not choose Q: tables are made for keys that [PublicKey.Precompute] was
// called for, and each is used for the very key it was made of and no other.
//
// The arithmetic is in p256.go. That of crypto/ecdsa and of filippo.io/nistec, which
// exports it, doubles with each addition in order to take constant time, and has no
// addition to an affine point that others can call: a check by it takes twice as long.
// Tests hold every entry and every verdict to it. It is no validated module: in FIPS
// 140-3 mode no table is made, and crypto/ecdsa checks everything.

// A table takes 256 KiB and as long to make as 25 checks by crypto/ecdsa; a check
// with it takes a quarter of the time.
const (
	digits   = 32
	maxDigit = 128

	// maxTables bounds what the tables of a process take to 16 MiB.
	maxTables = 64

	// usesBefore is how many checks a key makes without a table, which would by
	// then have saved what it takes to make. So no order in which keys come can
	// cost twice what the best use of tables would.
	usesBefore = 40
)

// table is the multiples of one key. It is not changed once it is made.
type table struct {
	of   *ecdsa.PublicKey
	rows [digits][maxDigit]affine
	last affine
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
	return newTable(key)
})

// newTable makes the table of a key, nil where the key is not a point of P-256.
// Infinity has no encoding of the length that Bytes returns.
func newTable(key *ecdsa.PublicKey) *table {
	q, err := key.Bytes()
	if err != nil {
		return nil
	}
	first := jacobian{z: elementOne}
	first.x.setBytes((*[32]byte)(q[1:33]))
	first.y.setBytes((*[32]byte)(q[33:65]))
	t := &table{of: key}
	var row [maxDigit + 1]jacobian // and 256 times the first, which begins the next
	for i := range t.rows {
		to := &t.rows[i]
		affines(to[:1], []jacobian{first})
		row[0] = jacobian{to[0].x, to[0].y, elementOne}
		row[1] = row[0]
		row[1].double()
		for j := 2; j < maxDigit; j++ { // neither equal nor opposite: the order is a prime above 2^255
			row[j] = row[j-1]
			row[j].add(&to[0])
		}
		row[maxDigit] = row[maxDigit-1]
		row[maxDigit].double()
		affines(to[:], row[:maxDigit])
		first = row[maxDigit]
	}
	var last [1]affine
	affines(last[:], []jacobian{first})
	t.last = last[0]
	return t
}

// gather appends the entries that add up to u·Q, where u is a number of 32 bytes, the
// highest first. They lie all over the table, which the processor's nearest cache does
// not hold; gathered first, they come while none waits for the other.
func (t *table) gather(entries []affine, u *[digits]byte) []affine {
	carry := 0
	for i := range t.rows {
		digit := int(u[digits-1-i]) + carry
		carry = 0
		if digit > maxDigit {
			digit, carry = digit-256, 1
		}
		switch {
		case digit > 0:
			entries = append(entries, t.rows[i][digit-1])
		case digit < 0:
			entries = append(entries, t.rows[i][-digit-1])
			entries[len(entries)-1].negate()
		}
	}
	if carry == 1 {
		entries = append(entries, t.last)
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

// verify is [ecdsa.Verify] for the key of the table.
func (t *table) verify(hash []byte, r, s *big.Int) bool {
	n := elliptic.P256().Params().N
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return false
	}
	e := new(big.Int).SetBytes(hash[:min(len(hash), 32)])
	w := new(big.Int).ModInverse(s, n) // exists: n is prime
	var u1, u2 [32]byte
	e.Mul(e, w).Mod(e, n).FillBytes(u1[:])
	w.Mul(r, w).Mod(w, n).FillBytes(u2[:])

	var room [2 * (digits + 1)]affine
	R := sum(t.gather(base().gather(room[:0], &u1), &u2))
	if R.z == (element{}) {
		return ecdsa.Verify(t.of, hash, r, s)
	}
	if R.hasX(r) {
		return true
	}
	w.Add(r, n) // x may be between n and p
	return w.Cmp(elliptic.P256().Params().P) < 0 && R.hasX(w)
}

// hasX reports whether x, which is below p, is the x-coordinate of s, which is not
// infinity.
func (s *jacobian) hasX(x *big.Int) bool {
	var raw [32]byte
	var want, zz element
	want.setBytes((*[32]byte)(x.FillBytes(raw[:])))
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
// them: from then on multiples of it are kept in memory (256 KiB a key, 64 keys of
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
	t = newTable(m.of)
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
