package keys

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// wordsOf is the number that the words of an element are, and numberOf the one that
// it stands for.
func wordsOf(e element) *big.Int {
	z := new(big.Int)
	for i := 3; i >= 0; i-- {
		z.Lsh(z, 64).Or(z, new(big.Int).SetUint64(e[i]))
	}
	return z
}

func numberOf(e element) *big.Int {
	return wordsOf(*e.mul(&e, &element{1}))
}

func elementOf(n *big.Int) (e element) {
	n = new(big.Int).Mod(n, field)
	e.setBytes((*[32]byte)(n.FillBytes(make([]byte, 32))))
	return e
}

// checkElements holds the operations on two elements to big.Int. All of a and b are
// taken for words of elements, so that each carry can be reached.
func checkElements(t *testing.T, a, b element) {
	t.Helper()
	if wordsOf(a).Cmp(field) >= 0 || wordsOf(b).Cmp(field) >= 0 {
		return
	}
	x, y := wordsOf(a), wordsOf(b)
	shift := new(big.Int).Lsh(big.NewInt(1), 256)
	product := new(big.Int).Mul(x, y)
	product.Mul(product, new(big.Int).ModInverse(shift, field))
	for name, c := range map[string]struct {
		got  *element
		want *big.Int
	}{
		"a·b": {new(element).mul(&a, &b), product},
		"b·a": {new(element).mul(&b, &a), product},
		"a+b": {new(element).add(&a, &b), new(big.Int).Add(x, y)},
		"a-b": {new(element).sub(&a, &b), new(big.Int).Sub(x, y)},
	} {
		if want := new(big.Int).Mod(c.want, field); wordsOf(*c.got).Cmp(want) != 0 {
			t.Fatalf("%x, %x: %s is %x, not %x", a, b, name, *c.got, want)
		}
	}
	same := a
	if same.mul(&same, &same); same != *new(element).mul(&a, &a) {
		t.Fatalf("%x: the square in its own place is another", a)
	}
}

// bounds are words at which carries begin and end.
var bounds = []uint64{0, 1, 2, prime1 - 1, prime1, prime1 + 1, prime1 + 2, 1 << 63, 1<<64 - 1<<32 - 1, 1<<64 - 1<<32, prime3 - 1, prime3, prime3 + 1, 1<<64 - 2, 1<<64 - 1}

func TestElement(t *testing.T) {
	shift := new(big.Int).Lsh(big.NewInt(1), 256)
	if elementOf(big.NewInt(1)) != elementOne || wordsOf(elementOne).Cmp(new(big.Int).Mod(shift, field)) != 0 ||
		wordsOf(intoForm).Cmp(new(big.Int).Mod(new(big.Int).Mul(shift, shift), field)) != 0 {
		t.Error("a constant is wrong")
	}
	draw := rand.New(rand.NewPCG(1, 2))
	word := func() uint64 {
		if draw.IntN(4) == 0 {
			return draw.Uint64()
		}
		return bounds[draw.IntN(len(bounds))]
	}
	for range 20_000 {
		checkElements(t, element{word(), word(), word(), word()}, element{word(), word(), word(), word()})
	}
	// Products, sums and differences that are just below and
	// just over the prime.
	for range 200 {
		var raw [32]byte
		for i := range raw {
			raw[i] = byte(draw.Uint32())
		}
		a := new(big.Int).SetBytes(raw[:])
		inverse := new(big.Int).ModInverse(a, field)
		for near := int64(-3); near <= 3; near++ {
			n := big.NewInt(near)
			checkElements(t, elementOf(a), elementOf(new(big.Int).Mul(inverse, n)))
			checkElements(t, elementOf(a), elementOf(new(big.Int).Sub(n, a)))
			checkElements(t, elementOf(a), elementOf(new(big.Int).Add(n, a)))
		}
		got := elementOf(a)
		if got.invert(&got); numberOf(got).Cmp(inverse) != 0 {
			t.Fatalf("1/%x is %x, not %x", a, numberOf(got), inverse)
		}
	}
	if zero := (element{}); *zero.invert(&zero) != (element{}) {
		t.Error("1/0 is not 0")
	}
}

func FuzzElement(f *testing.F) {
	for _, w := range bounds {
		f.Add(w, w, w, w, uint64(1), uint64(0), w, uint64(0))
		f.Add(uint64(0), w, uint64(0), w, w, w, w, w)
	}
	f.Fuzz(func(t *testing.T, a0, a1, a2, a3, b0, b1, b2, b3 uint64) {
		checkElements(t, element{a0, a1, a2, a3}, element{b0, b1, b2, b3})
	})
}
