package keys

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"math/big"
	"slices"
	"sync"

	"filippo.io/nistec"
)

// An ECDSA signature (r, s) over P-256 holds for a hash e and a key Q, where r and
// s are from 1 to n-1, if
//
//	R = u1·G + u2·Q    with u1 = e/s and u2 = r/s mod n
//
// is not the point at infinity and its x-coordinate is r mod n (FIPS 186-5 section
// 6.4.2, whose names are used here). Most of the work of crypto/ecdsa is u2·Q, with
// some 250 doublings. For a key that checks seal after seal they are made once:
//
//   - table.rows[i][j] is (j+1)·256^i·Q, for i from 0 to 31 and j from 0 to 127, and
//     table.last is 256^32·Q.
//   - u2, of 32 bytes, is written to base 256 with digits from -127 to 128: a byte
//     over 128 becomes byte-256 and carries one to the next. After the 32 digits
//     the last carry, 0 or 1, is that of 256^32.
//   - So R is u1·G and at most 33 entries or their negatives, added up.
//
// It is right because the table is: each entry of a row is the one before it and
// the row's first, added; the first of the next row is 2·128 times the first of
// this one. And because P256Point.Add is defined for all pairs of points, also for
// equal and opposite ones and for infinity, in assembly (which tells the three
// cases apart) and without (complete formulas). No sum can go wrong, whatever
// digits come.
//
// Who sends a token chooses r, s and e, so which entries are added, in which order
// sums become equal, opposite or infinite, and how long it takes. All of this is
// public: checking involves no secret, so nothing here takes constant time. He
// does not choose Q: tables are made for keys that [PublicKey.Precompute] was
// called for, and each is used for the very key it was made of and no other.
//
// The group's operations are those of Go's crypto/internal/fips140/nistec, which
// filippo.io/nistec exports. It is no validated module: in FIPS 140-3 mode no table
// is made, and crypto/ecdsa checks everything.

// A table takes 385 KiB and as long to make as 25 checks by crypto/ecdsa; a check
// with it takes four tenths of the time. With digits of 6 bits it would be 130 KiB
// and the check a sixth longer, with 10 bits 1.2 MiB and a tenth shorter.
const (
	digits   = 32
	maxDigit = 128

	// maxTables bounds what the tables of a process take to 25 MiB.
	maxTables = 64

	// usesBefore is how many checks a key makes without a table, which would by
	// then have saved what it takes to make. So no order in which keys come can
	// cost twice what the best use of tables would.
	usesBefore = 40
)

// table is the multiples of one key. It is not changed once it is made.
type table struct {
	rows [digits][maxDigit]nistec.P256Point
	last nistec.P256Point
}

// newTable makes the table of a key, nil where the key is not a point of P-256.
// Infinity has no encoding of the length that Bytes returns.
func newTable(key *ecdsa.PublicKey) *table {
	q, err := key.Bytes()
	if err != nil {
		return nil
	}
	first, err := nistec.NewP256Point().SetBytes(q)
	if err != nil {
		return nil
	}
	t := new(table)
	for i := range t.rows {
		row := &t.rows[i]
		row[0].Set(first)
		for j := 1; j < maxDigit; j++ {
			row[j].Add(&row[j-1], &row[0])
		}
		first.Double(&row[maxDigit-1])
	}
	t.last.Set(first)
	return t
}

// add adds u·Q to sum, where u is a number of 32 bytes, the highest first.
//
// The entries are fetched before the first is added. They lie all over the table,
// which the processor's nearest cache does not hold, and one addition waits for the
// other: so they come while nothing waits for them.
func (t *table) add(sum *nistec.P256Point, u *[digits]byte) {
	var entries [digits + 1]nistec.P256Point
	n, carry := 0, 0
	var negative uint64 // bit n: that of entry n
	for i := range t.rows {
		digit := int(u[digits-1-i]) + carry
		carry = 0
		if digit > maxDigit {
			digit, carry = digit-256, 1
		}
		switch {
		case digit > 0:
			entries[n] = t.rows[i][digit-1]
			n++
		case digit < 0:
			entries[n] = t.rows[i][-digit-1]
			negative |= 1 << n
			n++
		}
	}
	if carry == 1 {
		entries[n] = t.last
		n++
	}
	for i := range entries[:n] {
		entry := &entries[i]
		if negative>>i&1 == 1 {
			entry.Negate(entry)
		}
		sum.Add(sum, entry)
	}
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

	sum, err := nistec.NewP256Point().ScalarBaseMult(u1[:])
	if err != nil {
		return false // unreachable: u1 is of 32 bytes
	}
	t.add(sum, &u2)
	x, err := sum.BytesX()
	if err != nil {
		return false // infinity
	}
	v := new(big.Int).SetBytes(x) // below the field's prime, which is more than n
	return v.Mod(v, n).Cmp(r) == 0
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
// them: from then on multiples of it are kept in memory (385 KiB a key, 64 keys of
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
