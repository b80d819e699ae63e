package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"filippo.io/nistec"
	"pgregory.net/rapid"
)

var (
	order = elliptic.P256().Params().N
	field = elliptic.P256().Params().P
)

// scalarBytes is d mod n as 32 bytes.
func scalarBytes(d *big.Int) []byte {
	return new(big.Int).Mod(d, order).FillBytes(make([]byte, 32))
}

// publicOf is the key of a private scalar.
func publicOf(t testing.TB, d *big.Int) *ecdsa.PublicKey {
	t.Helper()
	p, err := nistec.NewP256Point().ScalarBaseMult(scalarBytes(d))
	if err != nil {
		t.Fatal(err)
	}
	return keyAt(t, p)
}

func keyAt(t testing.TB, p *nistec.P256Point) *ecdsa.PublicKey {
	t.Helper()
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pointAt is a point as the referee has it, which refuses what is not on the curve.
func pointAt(t testing.TB, p *affine) *nistec.P256Point {
	t.Helper()
	raw := append([]byte{4}, numberOf(p.x).FillBytes(make([]byte, 32))...)
	point, err := nistec.NewP256Point().SetBytes(append(raw, numberOf(p.y).FillBytes(make([]byte, 32))...))
	if err != nil {
		t.Fatal(err)
	}
	return point
}

// private are scalars whose multiples meet those of G and one another early.
var private = sync.OnceValue(func() []*big.Int {
	list := []*big.Int{big.NewInt(1), big.NewInt(2), big.NewInt(128), big.NewInt(256), new(big.Int).Rsh(order, 1)}
	for _, d := range list[:3:3] {
		list = append(list, new(big.Int).Sub(order, d))
	}
	random, err := rand.Int(rand.Reader, new(big.Int).Sub(order, big.NewInt(1)))
	if err != nil {
		panic(err)
	}
	return append(list, random.Add(random, big.NewInt(1)))
})

// tableNow is the key with a table that did not have to be earned, nil for keys of
// other kinds.
func tableNow(key crypto.PublicKey) *PublicKey {
	k := &PublicKey{Key: key}
	if k.Precompute(); k.multiples == nil {
		return nil
	}
	k.multiples.table = newTable(k.multiples.of, keyWidth)
	return k
}

// pair is a key with its table.
type pair struct {
	d     *big.Int
	key   *ecdsa.PublicKey
	table *table
}

func pairs(t testing.TB) []pair {
	list := make([]pair, 0, len(private()))
	for _, d := range private() {
		key := publicOf(t, d)
		list = append(list, pair{d, key, newTable(key, keyWidth)})
	}
	return list
}

// verifies is the table's verdict. Numbers that have no place in a signature are refused
// before any table is asked.
func (p *pair) verifies(hash []byte, r, s *big.Int) bool {
	if r.BitLen() > 256 || s.BitLen() > 256 {
		return false
	}
	if short := 32 - len(hash); short > 0 {
		hash = append(make([]byte, short), hash...)
	}
	return p.table.verify(hash, joined(algorithms[ES256], r, s))
}

// agree checks that the table's verdict is that of crypto/ecdsa, and returns it.
func (p *pair) agree(t testing.TB, hash []byte, r, s *big.Int) bool {
	t.Helper()
	want := ecdsa.Verify(p.key, hash, r, s)
	if got := p.verifies(hash, r, s); got != want {
		t.Errorf("key %x, hash %x, r %x, s %x: verifies %v, by crypto/ecdsa %v", p.d, hash, r, s, got, want)
	}
	return want
}

// forScalars makes the hash and the signature whose check adds u1*G and u2*Q,
// nil where the sum is infinity. With s or n-s it verifies.
func (p *pair) forScalars(u1, u2 *big.Int) (hash []byte, r, s *big.Int) {
	k := new(big.Int).Mul(u2, p.d)
	R, err := nistec.NewP256Point().ScalarBaseMult(scalarBytes(k.Add(k, u1)))
	if err != nil {
		return nil, nil, nil
	}
	x, err := R.BytesX()
	if err != nil {
		return nil, nil, nil
	}
	r = new(big.Int).SetBytes(x)
	r.Mod(r, order)
	s = new(big.Int).ModInverse(new(big.Int).Mod(u2, order), order)
	s.Mul(s, r).Mod(s, order)
	return scalarBytes(new(big.Int).Mul(u1, s)), r, s
}

// Each entry of a table is the multiple that it stands for.
func TestTableHoldsMultiples(t *testing.T) {
	for _, p := range append(pairs(t)[7:], pair{big.NewInt(1), base().of, base()}) {
		q, err := p.key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		Q, err := nistec.NewP256Point().SetBytes(q)
		if err != nil {
			t.Fatal(err)
		}
		if top := new(big.Int).Lsh(big.NewInt(1), uint(p.table.width*(len(p.table.rows)-1))); top.BitLen() < 257-p.table.width || top.BitLen() > 257 {
			t.Errorf("%d rows of width %d", len(p.table.rows), p.table.width)
		}
		for i, row := range p.table.rows {
			first, err := nistec.NewP256Point().ScalarMult(Q, scalarBytes(new(big.Int).Lsh(big.NewInt(1), uint(i*p.table.width))))
			if err != nil {
				t.Fatal(err)
			}
			want := nistec.NewP256Point()
			for j := range row {
				if want.Add(want, first); pointAt(t, &row[j]).Equal(want) != 1 {
					t.Errorf("key %x, width %d: entry %d of row %d is wrong", p.d, p.table.width, j, i)
				}
			}
			if most := 1 << min(p.table.width-1, 256-i*p.table.width); len(row) != most {
				t.Errorf("width %d: row %d has %d entries, and digits are up to %d", p.table.width, i, len(row), most)
			}
		}
	}
}

// What is gathered adds up to u times the key, for numbers whose digits are at their
// bounds or carry into each other; and to something that says that it is nothing where
// that is infinity.
func TestTableAdds(t *testing.T) {
	numbers := [][32]byte{{}, {31: 1}, {0: 0x80}, {0: 0x81}, [32]byte(scalarBytes(big.NewInt(-1))), [32]byte(order.Bytes())}
	for _, b := range []byte{0x7f, 0x80, 0x81, 0xff} {
		var all, alone [32]byte
		for i := range all {
			all[i] = b
		}
		alone[16] = b
		numbers = append(numbers, all, alone)
	}
	for _, p := range append(pairs(t), pair{big.NewInt(1), base().of, base()}) {
		q, err := p.key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		Q, err := nistec.NewP256Point().SetBytes(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range numbers {
			want, err := nistec.NewP256Point().ScalarMult(Q, u[:])
			if err != nil {
				t.Fatal(err)
			}
			got := sum(p.table.gather(nil, new(scalarOf(&u))))
			if nothing := got.z == (element{}); nothing != (want.IsInfinity() == 1) {
				t.Errorf("key %x: %x·Q is nothing: %t", p.d, u, nothing)
			} else if !nothing {
				var one [1]affine
				if affines(one[:], []jacobian{got}); pointAt(t, &one[0]).Equal(want) != 1 {
					t.Errorf("key %x: %x·Q is wrong", p.d, u)
				}
			}
		}
	}
}

// A sum that meets itself, its opposite or infinity says that it is nothing, then and
// whatever is added later.
func TestSumThatSaysNothing(t *testing.T) {
	p := pairs(t)[len(private())-1]
	a, b := p.table.rows[0][4], p.table.rows[3][9]
	opposite := a
	opposite.negate()
	for name, points := range map[string][]affine{"equal": {a, a}, "opposite": {a, opposite}, "none": nil} {
		s := sum(points)
		for i := range 3 {
			if s.z != (element{}) {
				t.Errorf("%s: it says something after %d more", name, i)
			}
			s.add(&b)
			s.double()
		}
	}
	if s := sum([]affine{a, b}); s.z == (element{}) {
		t.Error("a sum of two different points says nothing")
	}
}

// All r, s and hashes at their bounds are judged as by crypto/ecdsa.
func TestBoundaries(t *testing.T) {
	one := big.NewInt(1)
	bounds := []*big.Int{
		new(big.Int), one, big.NewInt(2), big.NewInt(-1), new(big.Int).Rsh(order, 1), new(big.Int).Sub(order, one), order, new(big.Int).Add(order, one),
		new(big.Int).Sub(field, one), field, new(big.Int).Sub(new(big.Int).Lsh(one, 256), one), new(big.Int).Lsh(one, 256),
	}
	hashes := [][]byte{nil, {1}, make([]byte, 64)}
	for _, b := range bounds {
		if b.Sign() >= 0 && b.BitLen() <= 256 {
			hashes = append(hashes, b.FillBytes(make([]byte, 32)))
		}
	}
	list := pairs(t)
	if testing.Short() {
		list = list[len(list)-2:]
	}
	for _, p := range list {
		for _, r := range bounds {
			for _, s := range bounds {
				for _, hash := range hashes {
					p.agree(t, hash, r, s)
				}
			}
		}
	}
}

// A signature is good although the x-coordinate of R is not below n, and r is
// what is left of it; with r as it was before it is none.
func TestXOverOrder(t *testing.T) {
	found := 0
	for x := new(big.Int).Set(order); found < 8; x.Add(x, big.NewInt(1)) {
		R, err := nistec.NewP256Point().SetBytes(append([]byte{2}, x.FillBytes(make([]byte, 32))...))
		if err != nil {
			continue // no point of the curve
		}
		r := new(big.Int).Sub(x, order)
		if r.Sign() == 0 {
			continue
		}
		found++
		hash := sha256.Sum256(x.Bytes())
		s, err := rand.Int(rand.Reader, order)
		if err != nil {
			t.Fatal(err)
		}
		// Q = (s·R - e·G)/r is the key with which this very R comes out.
		inverse := new(big.Int).ModInverse(r, order)
		first, err := nistec.NewP256Point().ScalarMult(R, scalarBytes(new(big.Int).Mul(s, inverse)))
		if err != nil {
			t.Fatal(err)
		}
		e := new(big.Int).SetBytes(hash[:])
		second, err := nistec.NewP256Point().ScalarBaseMult(scalarBytes(e.Mul(e.Neg(e), inverse)))
		if err != nil {
			t.Fatal(err)
		}
		key := keyAt(t, first.Add(first, second))
		p := pair{new(big.Int), key, newTable(key, keyWidth)}
		if !p.agree(t, hash[:], r, s) {
			t.Errorf("x = n+%d: does not verify", r)
		}
		if p.agree(t, hash[:], x, s) {
			t.Errorf("r = n+%d verifies", r)
		}
	}
}

// Sums that double, vanish or have one part only are judged as by crypto/ecdsa:
// u1*G is u2*Q or its opposite, or nothing.
func TestSumsThatMeet(t *testing.T) {
	for _, p := range pairs(t) {
		for _, u2 := range []*big.Int{big.NewInt(1), big.NewInt(0xff), new(big.Int).Lsh(big.NewInt(0x81), 240), new(big.Int).Sub(order, big.NewInt(2)), p.d} {
			same := new(big.Int).Mul(u2, p.d)
			for _, u1 := range []*big.Int{same, new(big.Int), big.NewInt(1)} {
				hash, r, s := p.forScalars(u1, u2)
				switch {
				case hash == nil: // 1 + u2·d is n
				case !p.agree(t, hash, r, s):
					t.Errorf("key %x, u1 %x, u2 %x: does not verify", p.d, u1, u2)
				case !p.agree(t, hash, r, new(big.Int).Sub(order, s)): // -R, of the same x
					t.Errorf("key %x, u1 %x, u2 %x: does not verify with n-s", p.d, u1, u2)
				}
			}
			// u1 = -u2·d: R is infinity, whatever r is.
			r := new(big.Int).SetBytes(scalarBytes(new(big.Int).Lsh(p.d, 3)))
			s := new(big.Int).ModInverse(u2, order)
			s.Mul(s, r).Mod(s, order)
			if p.agree(t, scalarBytes(new(big.Int).Neg(new(big.Int).Mul(r, p.d))), r, s) {
				t.Errorf("key %x, u2 %x: infinity verifies", p.d, u2)
			}
		}
	}
}

// A table judges as crypto/ecdsa does: what was signed, what was changed since, and
// signatures made for chosen u1 and u2.
func TestTableAgrees(t *testing.T) {
	list := pairs(t)
	number := rapid.Custom(func(t *rapid.T) *big.Int {
		return new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "bytes"))
	})
	rapid.Check(t, func(t *rapid.T) {
		p := list[rapid.IntRange(0, len(list)-1).Draw(t, "key")]
		u1 := number.Draw(t, "u1")
		u2 := number.Filter(func(u *big.Int) bool { return new(big.Int).Mod(u, order).Sign() != 0 }).Draw(t, "u2")
		hash, r, s := p.forScalars(u1, u2)
		if hash == nil || r.Sign() == 0 {
			t.Skip("drawn anew: these scalars add up to infinity, or to x-coordinate n, and no signature has them")
		}
		if !p.verifies(hash, r, s) || !ecdsa.Verify(p.key, hash, r, s) {
			t.Fatalf("key %x, u1 %x, u2 %x: does not verify", p.d, u1, u2)
		}
		bit := rapid.IntRange(0, 255).Draw(t, "bit")
		flip := func(x *big.Int) *big.Int { return new(big.Int).SetBit(x, bit, 1-x.Bit(bit)) }
		e := new(big.Int).SetBytes(hash)
		longer := append(slices.Clone(hash), rapid.SliceOf(rapid.Byte()).Draw(t, "more")...) // cut off, as a hash of SHA-512 is
		if !p.verifies(longer, r, s) || !ecdsa.Verify(p.key, longer, r, s) {
			t.Fatalf("key %x, hash %x, r %x, s %x: does not verify", p.d, longer, r, s)
		}
		for _, c := range []struct{ e, r, s *big.Int }{{flip(e), r, s}, {e, flip(r), s}, {e, r, flip(s)}, {e, s, r}, {u1, r, s}, {u2, u1, u2}} {
			hash := c.e.FillBytes(make([]byte, 32))
			if got, want := p.verifies(hash, c.r, c.s), ecdsa.Verify(p.key, hash, c.r, c.s); got != want {
				t.Fatalf("key %x, hash %x, r %x, s %x: verifies %v, by crypto/ecdsa %v", p.d, hash, c.r, c.s, got, want)
			}
		}
	})
}

// FuzzTable looks for a hash and signature that a table judges otherwise than
// crypto/ecdsa. Where asked, the two numbers are u1 and u2, and the signature the
// one that verifies with them.
func FuzzTable(f *testing.F) {
	list := pairs(f)
	for i := range list {
		f.Add(byte(i), true, []byte{}, []byte{1}, []byte{2})
		f.Add(byte(i), false, []byte{1}, order.Bytes(), []byte{1})
		hash, r, s := list[i].forScalars(list[i].d, big.NewInt(1))
		f.Add(byte(i), false, hash, r.Bytes(), s.Bytes())
	}
	f.Fuzz(func(t *testing.T, which byte, good bool, hash, a, b []byte) {
		p := list[int(which)%len(list)]
		r, s := new(big.Int).SetBytes(a), new(big.Int).SetBytes(b)
		if !good {
			p.agree(t, hash, r, s)
			return
		}
		if new(big.Int).Mod(s, order).Sign() == 0 {
			return
		}
		if hash, r, s := p.forScalars(r, s); hash != nil && p.agree(t, hash, r, s) != (r.Sign() != 0) {
			t.Errorf("key %x, hash %x, r %x, s %x: does not verify", p.d, hash, r, s)
		}
	})
}

// needTables skips a test of keys that get tables where none does.
func needTables(t *testing.T) {
	t.Helper()
	if fips140.Enabled() {
		t.Skip("in FIPS 140-3 mode no tables are made")
	}
}

// In FIPS 140-3 mode only the validated module checks.
func TestNoTablesInFIPSMode(t *testing.T) {
	if !fips140.Enabled() {
		c := exec.Command(os.Args[0], "-test.run=^TestNoTablesInFIPSMode$", "-test.v")
		c.Env = append(os.Environ(), "GODEBUG=fips140=on")
		out, err := c.CombinedOutput()
		if bytes.HasPrefix(out, []byte("panic: fips140: FIPS 140-3 mode is")) { // as with the tag purego
			line, _, _ := bytes.Cut(out, []byte("\n"))
			t.Skipf("this build has no FIPS 140-3 mode: %s", line)
		}
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestNoTablesInFIPSMode")) {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	k := newSigned(t)
	if k.multiples != nil {
		t.Error("it precomputes")
	}
	k.check(t, usesBefore)
}

// signed is a key that was told to precompute, with a message that it signed.
type signed struct {
	*PublicKey
	message, signature []byte
}

func newSigned(t testing.TB) signed {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := signed{PublicKey: &PublicKey{Alg: ES256, Key: key.Public()}, message: []byte("payload")}
	k.Precompute()
	if k.signature, err = sign(ES256, key, k.message); err != nil {
		t.Fatal(err)
	}
	return k
}

// check checks the signature n times.
func (k signed) check(t testing.TB, n int) {
	t.Helper()
	for range n {
		if !verify(ES256, k.PublicKey, k.signature, k.message) || verify(ES256, k.PublicKey, k.signature, []byte("paylaod")) {
			t.Fatal("the wrong verdict")
		}
	}
}

// use is n checks as far as tables are concerned.
func (k signed) use(n int) {
	for range n {
		k.multiples.tableFor(k.Key.(*ecdsa.PublicKey))
	}
}

func (k signed) hasTable() bool {
	tables.Lock()
	defer tables.Unlock()
	return k.multiples.table != nil
}

// A table is made for a key that is used again and again, and for no other; there
// are never more than maxTables, and a key that is in use keeps its own.
func TestTablesAreBounded(t *testing.T) {
	needTables(t)
	used := make([]signed, maxTables+20)
	for i := range used {
		used[i] = newSigned(t)
		if used[i].use(usesBefore); used[i].hasTable() {
			t.Fatalf("a table after %d checks", usesBefore)
		}
	}
	// All in turn, so that none is idle while another gets its uses together.
	inTurn := func() (with, without []signed) {
		for _, k := range used {
			k.use(1)
		}
		for _, k := range used {
			if k.hasTable() {
				with = append(with, k)
			} else {
				without = append(without, k)
			}
		}
		return with, without
	}
	with, without := inTurn()
	for range 2 * usesBefore {
		again, _ := inTurn()
		if len(again) != maxTables || len(tables.made) != maxTables {
			t.Fatalf("%d keys with a table, %d tables", len(again), len(tables.made))
		}
		if !slices.EqualFunc(with, again, func(a, b signed) bool { return a.PublicKey == b.PublicKey }) {
			t.Fatal("tables change hands between keys that are all in use")
		}
	}

	// Others now use theirs, but with[0].
	for range 2 * usesBefore {
		for _, k := range with[1:] {
			k.use(1)
		}
		without[0].use(1)
	}
	if with[0].hasTable() || !without[0].hasTable() {
		t.Error("a key in use has not taken over from one that is not")
	}
	for _, k := range with[1:] {
		if !k.hasTable() {
			t.Error("a key in use has lost its table")
		}
	}
	if len(tables.made) != maxTables {
		t.Errorf("%d tables", len(tables.made))
	}
	for _, k := range used {
		k.check(t, 1)
	}
}

// While one makes a table, nobody else makes it, too, and it is not given away.
func TestTableIsMadeOnce(t *testing.T) {
	needTables(t)
	m := newSigned(t).multiples
	for n := 1; ; n++ {
		if _, mine := m.use(); mine {
			break
		}
		if n > usesBefore {
			t.Fatalf("no table after %d uses", n)
		}
	}
	defer func() { m.making = false }()
	for range 2 * usesBefore {
		if made, mine := m.use(); made != nil || mine {
			t.Fatalf("a second maker, or a table before it is made: %v", made)
		}
	}
	for range maxTables + 1 {
		newSigned(t).use(usesBefore + 1)
	}
	if n := len(tables.made); n != maxTables || !slices.Contains(tables.made, m) {
		t.Errorf("%d tables, and that which is being made has lost its place", n)
	}
}

// A table serves copies of its key, and no other key that is put in its place.
func TestTableIsOfItsKey(t *testing.T) {
	needTables(t)
	k, other := newSigned(t), newSigned(t)
	shared := *k.PublicKey
	signed{&shared, k.message, k.signature}.check(t, usesBefore)
	if !k.hasTable() {
		t.Fatal("no table")
	}
	k.check(t, 1)
	exchanged := *k.PublicKey
	exchanged.Key = other.Key
	if verify(ES256, &exchanged, k.signature, k.message) {
		t.Error("the key that was exchanged still verifies")
	}
	signed{&exchanged, other.message, other.signature}.check(t, 1)
	// Of another description of the key, and of a stranger's key that is said to be it.
	described, stranger := PublicKey{Key: k.Key}, PublicKey{Key: other.Key}
	described.PrecomputeAs(k.PublicKey)
	stranger.PrecomputeAs(k.PublicKey)
	if described.multiples.tableFor(k.Key.(*ecdsa.PublicKey)) == nil || stranger.multiples.tableFor(other.Key.(*ecdsa.PublicKey)) != nil {
		t.Error("the table is not that of the key which is described, or it is of another one")
	}
	signed{&described, k.message, k.signature}.check(t, 1)
	signed{&stranger, other.message, other.signature}.check(t, 1)
	exchanged.Precompute()
	if exchanged.multiples == k.multiples || k.multiples.of.Equal(other.Key) {
		t.Error("the table is that of the key before")
	}
}

// Keys of other kinds, and what is no point of the curve, get none.
func TestPrecomputeOnlyP256(t *testing.T) {
	off := *publicOf(t, big.NewInt(5))
	//lint:ignore SA1019 there is no other way to such a key, and that is well
	off.Y = new(big.Int).Add(off.Y, big.NewInt(1))
	for _, k := range []*PublicKey{
		{Key: privateKey(t, ES384).Public()}, {Key: privateKey(t, EdDSA).Public()}, {Key: privateKey(t, RS256).Public()}, {},
		{Key: &off},
	} {
		if k.Precompute(); k.multiples != nil {
			t.Errorf("%T: precomputes", k.Key)
		}
	}
	if newTable(&off, keyWidth) != nil {
		t.Error("a table of what is no point of the curve")
	}
}

// Many check at once with more keys than there are tables.
func TestTablesConcurrently(t *testing.T) {
	needTables(t)
	used := make([]signed, maxTables+8)
	for i := range used {
		used[i] = newSigned(t)
	}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range used {
				used[(j+i)%len(used)].check(t, usesBefore/2)
			}
		})
	}
	group.Wait()
	made := 0
	for _, k := range used {
		if k.hasTable() {
			made++
		}
	}
	if made == 0 || made > maxTables || len(tables.made) > maxTables {
		t.Errorf("%d keys with a table, %d tables", made, len(tables.made))
	}
}
