package keys

import (
	"encoding/binary"
	"math/bits"
)

// The arithmetic modulo n, the order of P-256, that checking seals needs. As in p256.go
// all that comes in is public, and nothing takes constant time. math/big does the same
// in sixteen pieces of memory for each check, and takes 2 µs longer.

// scalar is a number of 256 bits in four words, the lowest first.
type scalar [4]uint64

var (
	groupOrder   = scalar{0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}
	orderSquared = scalar{0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59, 0x66e12d94f3d95620} // 2^512 mod n
)

// fieldOverOrder is p-n.
var fieldOverOrder = scalar{0xc46353d039cdaae, 0x4319055358e8617b}

// orderInverse is -1/n mod 2^64.
const orderInverse = 0xccd1c8aaee00bc4f

// scalarOf reads 32 bytes, the highest first.
func scalarOf(b *[32]byte) (z scalar) {
	for i := range z {
		z[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return z
}

// below reports whether z < x.
func (z *scalar) below(x *scalar) bool {
	var b uint64
	for i := range z {
		_, b = bits.Sub64(z[i], x[i], b)
	}
	return b == 1
}

// multiply returns a·b + c + d, which fits into two words.
func multiply(a, b, c, d uint64) (high, low uint64) {
	var carry uint64
	high, low = bits.Mul64(a, b)
	low, carry = bits.Add64(low, c, 0)
	high += carry
	low, carry = bits.Add64(low, d, 0)
	return high + carry, low
}

// mul sets z to x·y/2^256 mod n, below n, for any x and for y < n: for each word b of x,
// b·y is added to a sum t, and the multiple of n that makes its lowest word 0, which is
// then taken off. So t stays below 2n.
func (z *scalar) mul(x, y *scalar) *scalar {
	var t scalar
	var top uint64 // the fifth word of t
	for _, b := range x {
		var high, first, second uint64
		for i := range t {
			high, t[i] = multiply(b, y[i], t[i], high)
		}
		top, first = bits.Add64(top, high, 0)
		m := t[0] * orderInverse
		high, _ = multiply(m, groupOrder[0], t[0], 0)
		for i := range t[1:] {
			high, t[i] = multiply(m, groupOrder[i+1], t[i+1], high)
		}
		t[3], second = bits.Add64(top, high, 0)
		top = first + second
	}
	if top != 0 || !t.below(&groupOrder) {
		t.sub(&t, &groupOrder)
	}
	*z = t
	return z
}

// add sets z to x+y mod 2^256.
func (z *scalar) add(x, y *scalar) *scalar {
	var c uint64
	for i := range z {
		z[i], c = bits.Add64(x[i], y[i], c)
	}
	return z
}

// sub sets z to x-y mod 2^256.
func (z *scalar) sub(x, y *scalar) {
	var b uint64
	for i := range z {
		z[i], b = bits.Sub64(x[i], y[i], b)
	}
}

// sumOf is b·x + d·y, which the caller knows to be below 2^256.
func sumOf(b uint64, x *scalar, d uint64, y *scalar) (z scalar) {
	var low, other, first, second, carry uint64
	for i := range z {
		first, low = multiply(b, x[i], first, 0)
		second, other = multiply(d, y[i], second, 0)
		z[i], carry = bits.Add64(low, other, carry)
	}
	return z
}

// differenceOf is b·x - d·y, which the caller knows to be from 0 to 2^256-1.
func differenceOf(b uint64, x *scalar, d uint64, y *scalar) (z scalar) {
	var low, other, first, second, borrow uint64
	for i := range z {
		first, low = multiply(b, x[i], first, 0)
		second, other = multiply(d, y[i], second, 0)
		z[i], borrow = bits.Sub64(low, other, borrow)
	}
	return z
}

// inverse returns 2^256/s mod n, for which [scalar.mul] makes a product into a quotient by
// s, and whether it found one: it looks whether it is right, so how it was found is
// nothing that a verdict rests on. For s from 1 to n-1 it is found but for one in 2^30.
func (s *scalar) inverse() (w scalar, ok bool) {
	w = s.euclid()
	w.mul(&w, &orderSquared)
	var one scalar
	one.mul(s, &w)
	return w, one == scalar{1}
}

// euclid is Euclid's algorithm for n and s in Lehmer's way: the quotients are found by the
// highest 64 bits of two numbers a > b, some eighteen at a time, as long as Collins'
// condition shows that the bits below cannot change them, and a and b then make all these
// steps at once (Knuth, The Art of Computer Programming 2, section 4.5.2; math/big does
// the same for numbers of any length). Meanwhile
//
//	a = ∓ua·s mod n    and    b = ±ub·s mod n,
//
// with the upper signs after an even number of steps.
func (s *scalar) euclid() scalar {
	a, b := groupOrder, *s
	ua, ub := scalar{}, scalar{1}
	odd := false // the number of steps so far
	for top := 3; ; {
		for top > 0 && a[top] == 0 {
			top--
		}
		if top == 0 {
			break
		}
		shift := bits.LeadingZeros64(a[top])
		high, low := a[top]<<shift|a[top-1]>>(64-shift), b[top]<<shift|b[top-1]>>(64-shift)
		// The numbers after these steps are u·a-v·b or v·b-u·a: those of the last but one,
		// the last, and the next.
		u0, u1, u2 := uint64(0), uint64(1), uint64(0)
		v0, v1, v2 := uint64(0), uint64(0), uint64(1)
		even := false
		for low >= v2 && high-low >= v1+v2 {
			q := high / low
			high, low = low, high-q*low
			u0, u1, u2 = u1, u2, u1+q*u2
			v0, v1, v2 = v1, v2, v1+q*v2
			even = !even
		}
		if v0 == 0 { // one of the first two quotients has 32 bits and more
			return scalar{}
		}
		if even {
			a, b = differenceOf(u0, &a, v0, &b), differenceOf(v1, &b, u1, &a)
		} else {
			a, b = differenceOf(v0, &b, u0, &a), differenceOf(u1, &a, v1, &b)
			odd = !odd
		}
		ua, ub = sumOf(u0, &ua, v0, &ub), sumOf(u1, &ua, v1, &ub)
	}
	u0, u1 := uint64(1), uint64(0)
	v0, v1 := uint64(0), uint64(1)
	for x, y := a[0], b[0]; y != 0; odd = !odd {
		q := x / y
		x, y = y, x-q*y
		u0, u1 = u1, u0+q*u1
		v0, v1 = v1, v0+q*v1
	}
	w := sumOf(u0, &ua, v0, &ub)
	if !odd {
		w.sub(&groupOrder, &w)
	}
	return w
}
