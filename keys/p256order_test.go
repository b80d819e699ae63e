package keys

import (
	"encoding/binary"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func (z scalar) big() *big.Int {
	var b [32]byte
	for i, word := range z {
		binary.BigEndian.PutUint64(b[24-8*i:], word)
	}
	return new(big.Int).SetBytes(b[:])
}

func scalarAt(x *big.Int) scalar { return scalarOf((*[32]byte)(x.FillBytes(make([]byte, 32)))) }

// edges are numbers at which carries run through all words, or none do.
func edges() []*big.Int {
	list := []*big.Int{new(big.Int), field, order}
	for _, bits := range []uint{0, 1, 31, 32, 63, 64, 65, 96, 127, 128, 129, 191, 192, 224, 255, 256} {
		list = append(list, new(big.Int).Lsh(big.NewInt(1), bits))
	}
	for _, x := range list[1:len(list):len(list)] {
		list = append(list, new(big.Int).Sub(x, big.NewInt(1)), new(big.Int).Add(x, big.NewInt(1)), new(big.Int).Rsh(x, 1))
	}
	kept := list[:0]
	for _, x := range list {
		if x.BitLen() <= 256 {
			kept = append(kept, x)
		}
	}
	return kept
}

func TestScalarConstants(t *testing.T) {
	word := new(big.Int).Lsh(big.NewInt(1), 64)
	if groupOrder.big().Cmp(order) != 0 ||
		orderSquared.big().Cmp(new(big.Int).Exp(big.NewInt(2), big.NewInt(512), order)) != 0 ||
		fieldOverOrder.big().Cmp(new(big.Int).Sub(field, order)) != 0 ||
		new(big.Int).Mod(new(big.Int).Mul(order, new(big.Int).SetUint64(orderInverse)), word).Cmp(new(big.Int).Sub(word, big.NewInt(1))) != 0 {
		t.Error("a constant is wrong")
	}
}

// Products and inverses are those of math/big, for numbers drawn and at edges.
func TestScalars(t *testing.T) {
	shift := new(big.Int).Lsh(big.NewInt(1), 256)
	back := new(big.Int).ModInverse(shift, order)
	product := func(t rapid.TB, x, y *big.Int) {
		if y.Cmp(order) >= 0 {
			return
		}
		a, b := scalarAt(x), scalarAt(y)
		want := new(big.Int).Mul(x, y)
		want.Mul(want, back).Mod(want, order)
		var got scalar
		if got.mul(&a, &b).big().Cmp(want) != 0 {
			t.Errorf("%x·%x: %x, want %x", x, y, got.big(), want)
		}
		if a.below(&b) != (x.Cmp(y) < 0) {
			t.Errorf("%x below %x: %t", x, y, a.below(&b))
		}
	}
	inverse := func(t rapid.TB, x *big.Int) bool {
		s := scalarAt(x)
		got, ok := s.inverse()
		if want := new(big.Int).ModInverse(x, order); ok && want.Mul(want, shift).Mod(want, order).Cmp(got.big()) != 0 {
			t.Errorf("1/%x: %x, want %x", x, got.big(), want)
		}
		return ok
	}
	for _, x := range edges() {
		for _, y := range edges() {
			product(t, x, y)
		}
		if x.Sign() > 0 && x.Cmp(order) < 0 {
			inverse(t, x)
		}
	}
	number := rapid.Custom(func(t *rapid.T) *big.Int {
		return new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "bytes"))
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y := number.Draw(t, "x"), number.Draw(t, "y")
		product(t, x, y)
		if x.Mod(x, order); x.Sign() > 0 {
			inverse(t, x)
		}
	})
	// Of those that nobody chose all but a few in a thousand million are found.
	x := new(big.Int).Rsh(field, 3)
	for range 2000 {
		if x.Mul(x, x).Mod(x, order); !inverse(t, x) {
			t.Errorf("1/%x was not found", x)
		}
	}
	for _, s := range []scalar{{}, groupOrder} {
		if _, ok := s.inverse(); ok {
			t.Errorf("%x has an inverse", s.big())
		}
	}
}
