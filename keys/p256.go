package keys

import "math/bits"

// The arithmetic of P-256 that checking seals needs (FIPS 186-5, SP 800-186 section
// 3.2.1.3), and nothing more. All that comes in is public, so nothing here takes
// constant time: it must never be used with a private key or to sign.

// element is a number x below the field's prime
//
//	p = 2^256 - 2^224 + 2^192 + 2^96 - 1
//
// as x·2^256 mod p (Montgomery's form), in four words, the lowest first. It is always
// below p, so that equal numbers are equal words.
type element [4]uint64

// The words of p that are neither 0 nor all ones.
const (
	prime1 = 1<<32 - 1
	prime3 = 1<<64 - 1<<32 + 1
)

var (
	elementOne = element{1, 1<<64 - 1<<32, 1<<64 - 1, 1<<32 - 2}             // 1: 2^256 mod p
	intoForm   = element{3, 1<<64 - 1<<34 - 1, 1<<64 - 2, 1<<34 + 1<<32 - 3} // 2^512 mod p, times which a number is an element
)

// setBytes sets z to a number below p, the highest byte first.
func (z *element) setBytes(b *[32]byte) *element {
	*z = element(scalarOf(b))
	return z.mul(z, &intoForm)
}

// mul sets z to x·y, which in this form is x·y/2^256: for each word b of y, b·x is
// added to a sum t of five words, and a multiple m·p that makes the lowest word 0, so
// that it can be taken off. As p is -1 modulo 2^64, m is the lowest word itself, and
//
//	m·p = -m + m·2^96 + m·(2^64-2^32+1)·2^192.
//
// With x, y < p the sum stays below 2p after each word: (2p + (2^64-1)(p + p))/2^64.
// Before the lowest word is taken off it may reach into a sixth.
func (z *element) mul(x, y *element) *element {
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	var t0, t1, t2, t3, t4, t5, c uint64

	b := y[0]
	h0, l0 := bits.Mul64(x0, b)
	h1, l1 := bits.Mul64(x1, b)
	h2, l2 := bits.Mul64(x2, b)
	h3, l3 := bits.Mul64(x3, b)
	t0 = l0
	t1, c = bits.Add64(l1, h0, 0)
	t2, c = bits.Add64(l2, h1, c)
	t3, c = bits.Add64(l3, h2, c)
	t4 = h3 + c
	m := t0
	hi, lo := bits.Mul64(m, prime3)
	t0, c = bits.Add64(t1, m<<32, 0)
	t1, c = bits.Add64(t2, m>>32, c)
	t2, c = bits.Add64(t3, lo, c)
	t3, c = bits.Add64(t4, hi, c)
	t4 = c

	// The same for the other words, written out: as a loop it takes a tenth longer.
	b = y[1]
	h0, l0 = bits.Mul64(x0, b)
	h1, l1 = bits.Mul64(x1, b)
	h2, l2 = bits.Mul64(x2, b)
	h3, l3 = bits.Mul64(x3, b)
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, l1, c)
	t2, c = bits.Add64(t2, l2, c)
	t3, c = bits.Add64(t3, l3, c)
	t4 += c
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, h1, c)
	t3, c = bits.Add64(t3, h2, c)
	t4, t5 = bits.Add64(t4, h3, c)
	m = t0
	hi, lo = bits.Mul64(m, prime3)
	t0, c = bits.Add64(t1, m<<32, 0)
	t1, c = bits.Add64(t2, m>>32, c)
	t2, c = bits.Add64(t3, lo, c)
	t3, c = bits.Add64(t4, hi, c)
	t4 = t5 + c

	b = y[2]
	h0, l0 = bits.Mul64(x0, b)
	h1, l1 = bits.Mul64(x1, b)
	h2, l2 = bits.Mul64(x2, b)
	h3, l3 = bits.Mul64(x3, b)
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, l1, c)
	t2, c = bits.Add64(t2, l2, c)
	t3, c = bits.Add64(t3, l3, c)
	t4 += c
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, h1, c)
	t3, c = bits.Add64(t3, h2, c)
	t4, t5 = bits.Add64(t4, h3, c)
	m = t0
	hi, lo = bits.Mul64(m, prime3)
	t0, c = bits.Add64(t1, m<<32, 0)
	t1, c = bits.Add64(t2, m>>32, c)
	t2, c = bits.Add64(t3, lo, c)
	t3, c = bits.Add64(t4, hi, c)
	t4 = t5 + c

	b = y[3]
	h0, l0 = bits.Mul64(x0, b)
	h1, l1 = bits.Mul64(x1, b)
	h2, l2 = bits.Mul64(x2, b)
	h3, l3 = bits.Mul64(x3, b)
	t0, c = bits.Add64(t0, l0, 0)
	t1, c = bits.Add64(t1, l1, c)
	t2, c = bits.Add64(t2, l2, c)
	t3, c = bits.Add64(t3, l3, c)
	t4 += c
	t1, c = bits.Add64(t1, h0, 0)
	t2, c = bits.Add64(t2, h1, c)
	t3, c = bits.Add64(t3, h2, c)
	t4, t5 = bits.Add64(t4, h3, c)
	m = t0
	hi, lo = bits.Mul64(m, prime3)
	t0, c = bits.Add64(t1, m<<32, 0)
	t1, c = bits.Add64(t2, m>>32, c)
	t2, c = bits.Add64(t3, lo, c)
	t3, c = bits.Add64(t4, hi, c)
	t4 = t5 + c
	return z.reduce(t0, t1, t2, t3, t4)
}

// reduce sets z to a number below 2p, of which t4 is the fifth word, less p where it is
// not below p.
func (z *element) reduce(t0, t1, t2, t3, t4 uint64) *element {
	r0, b := bits.Sub64(t0, 1<<64-1, 0)
	r1, b := bits.Sub64(t1, prime1, b)
	r2, b := bits.Sub64(t2, 0, b)
	r3, b := bits.Sub64(t3, prime3, b)
	_, b = bits.Sub64(t4, 0, b)
	keep := -b // all ones where it was below p
	z[0] = r0 ^ (r0^t0)&keep
	z[1] = r1 ^ (r1^t1)&keep
	z[2] = r2 ^ (r2^t2)&keep
	z[3] = r3 ^ (r3^t3)&keep
	return z
}

func (z *element) add(x, y *element) *element {
	t0, c := bits.Add64(x[0], y[0], 0)
	t1, c := bits.Add64(x[1], y[1], c)
	t2, c := bits.Add64(x[2], y[2], c)
	t3, c := bits.Add64(x[3], y[3], c)
	return z.reduce(t0, t1, t2, t3, c)
}

func (z *element) sub(x, y *element) *element {
	t0, b := bits.Sub64(x[0], y[0], 0)
	t1, b := bits.Sub64(x[1], y[1], b)
	t2, b := bits.Sub64(x[2], y[2], b)
	t3, b := bits.Sub64(x[3], y[3], b)
	below := -b // all ones where p must be added
	var c uint64
	z[0], c = bits.Add64(t0, below, 0)
	z[1], c = bits.Add64(t1, prime1&below, c)
	z[2], c = bits.Add64(t2, 0, c)
	z[3], _ = bits.Add64(t3, prime3&below, c)
	return z
}

// invert sets z to 1/x = x^(p-2), and to 0 for 0.
func (z *element) invert(x *element) *element {
	power, base := elementOne, *x
	for _, word := range [...]uint64{1<<64 - 3, prime1, 0, prime3} { // p-2
		for range 64 {
			if word&1 == 1 {
				power.mul(&power, &base)
			}
			base.mul(&base, &base)
			word >>= 1
		}
	}
	*z = power
	return z
}

// affine is a point of the curve y² = x³ - 3x + b other than infinity.
type affine struct{ x, y element }

// negate sets p to -p.
func (p *affine) negate() { p.y.sub(&element{}, &p.y) }

// jacobian is the point (x/z², y/z³).
type jacobian struct{ x, y, z element }

// add adds a point of which it is known that it is neither s nor -s, to s, of which it
// is known that it is not infinity. Where one of these does not hold, s.z becomes 0, and
// stays so whatever is added later: it is multiplied by 0 each time. So s is right if
// s.z is not 0, and says nothing if it is.
func (s *jacobian) add(p *affine) {
	var zz, u, w, h, hh, hhh, v, r element
	zz.mul(&s.z, &s.z)
	u.mul(&p.x, &zz)
	w.mul(&p.y, zz.mul(&zz, &s.z))
	h.sub(&u, &s.x)
	r.sub(&w, &s.y)
	hh.mul(&h, &h)
	hhh.mul(&hh, &h)
	v.mul(&s.x, &hh)
	s.x.mul(&r, &r)
	s.x.sub(&s.x, &hhh)
	s.x.sub(&s.x, &v)
	s.x.sub(&s.x, &v)
	v.sub(&v, &s.x)
	w.mul(&s.y, &hhh)
	s.y.mul(&r, &v)
	s.y.sub(&s.y, &w)
	s.z.mul(&s.z, &h)
}

// double sets s to s + s. As no point of P-256 is its own opposite, there are no
// exceptions but infinity, which stays what it is.
func (s *jacobian) double() {
	var delta, gamma, beta, alpha, t element
	delta.mul(&s.z, &s.z)
	gamma.mul(&s.y, &s.y)
	beta.mul(&s.x, &gamma)
	t.add(&s.x, &delta)
	alpha.sub(&s.x, &delta)
	alpha.mul(&alpha, &t)
	t.add(&alpha, &alpha)
	alpha.add(&alpha, &t) // 3(x-z²)(x+z²)
	s.z.add(&s.y, &s.z)
	s.z.mul(&s.z, &s.z)
	s.z.sub(&s.z, &gamma)
	s.z.sub(&s.z, &delta) // 2yz
	beta.add(&beta, &beta)
	beta.add(&beta, &beta) // 4xy²
	s.x.mul(&alpha, &alpha)
	s.x.sub(&s.x, &beta)
	s.x.sub(&s.x, &beta)
	beta.sub(&beta, &s.x)
	gamma.mul(&gamma, &gamma)
	gamma.add(&gamma, &gamma)
	gamma.add(&gamma, &gamma)
	gamma.add(&gamma, &gamma) // 8y⁴
	s.y.mul(&alpha, &beta)
	s.y.sub(&s.y, &gamma)
}

// affines sets to[i] to the point from[i], none of which is infinity, by one inversion
// for all.
func affines(to []affine, from []jacobian) {
	products := make([]element, len(from)) // of all z before
	product := elementOne
	for i := range from {
		products[i] = product
		product.mul(&product, &from[i].z)
	}
	product.invert(&product)
	for i := len(from) - 1; i >= 0; i-- {
		var inverse, square element
		inverse.mul(&product, &products[i])
		product.mul(&product, &from[i].z)
		square.mul(&inverse, &inverse)
		to[i].x.mul(&from[i].x, &square)
		to[i].y.mul(&from[i].y, square.mul(&square, &inverse))
	}
}
