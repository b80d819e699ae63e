package paper

import (
	"math/bits"
	"strings"
	"sync"
)

// stamp gives the codes of texts of one length out of codes that were drawn before, in
// a twentieth of the time: issuing needs one for every credential.
//
// A code is a sum. Its modules are the bits of the text, what the code of Reed and
// Solomon makes of them, a frame that is always there, and one of eight masks, all XORed
// into places that rest on the length alone (ISO/IEC 18004, section 7). So they are a
// linear function, over the field of two elements, of the text's bits and of which mask
// it has, and codes that go-qrcode has drawn are equations of this function: where the
// bits of a text are the sum of those of other texts, its modules are the sum of theirs.
// Links differ in 26 symbols, and about 150 are drawn before there is enough to go by.
//
// Of the masks that go-qrcode has chosen for others, the best is taken, by its own
// judgement; those that it never chooses it would hardly choose now. A code that
// contradicts those before it would show that the texts are no such sum: then each is
// drawn, as if there were no stamp.
//
// The zero value is ready for use, also concurrently.
type stamp struct {
	mu        sync.RWMutex
	equations []equation
	known     unknowns       // bits that are the first of an equation
	place     [allBits]int16 // of that equation
	size      int            // modules on a side
	wrong     bool
}

// equation says that a text with these bits has these modules, or that a sum of
// texts has.
type equation struct {
	unknowns
	drawing
}

// unknowns are the bits of a text, and from firstMask on one bit for each mask.
type unknowns [allBits / 64]uint64

// drawing has the rows of a code and then its columns, the first module in the lowest bit.
type drawing [2 * maxModules]uint64

const (
	allBits   = 512
	masks     = 8
	firstMask = allBits - masks

	// maxStamped is the longest text whose bits end before firstMask, and maxModules
	// the side of a code that it fits into at level M, of version 5.
	maxStamped = 91
	maxModules = 37

	// symbols are the alphanumeric characters in the order of their values (table 5).
	symbols = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

	// maxDigits is how many digits in a row are not shorter in numeric mode, which would
	// change where all that follows stands.
	maxDigits = 6
)

// stamps are those of texts by their length.
var stamps [maxStamped + 1]stamp

// stampOf returns the bits of a text and the stamp of texts like it, nil where it is
// not coded as one run of alphanumeric characters.
func stampOf(text string) (*stamp, unknowns) {
	var u unknowns
	if len(text) > maxStamped || strings.Trim(text, "0123456789") == "" {
		return nil, u
	}
	digits := 0
	var first uint64 // of a pair
	for i := range len(text) {
		value := strings.IndexByte(symbols, text[i])
		if digits++; value > 9 {
			digits = 0
		}
		switch {
		case value < 0 || digits > maxDigits:
			return nil, u
		case i%2 == 0:
			first = uint64(value)
			if i+1 == len(text) {
				u.put(11*(i/2), first)
			}
		default:
			u.put(11*(i/2), first*uint64(len(symbols))+uint64(value))
		}
	}
	return &stamps[len(text)], u
}

// put puts a number of at most 11 bits where there are zeros.
func (u *unknowns) put(bit int, value uint64) {
	u[bit/64] |= value << (bit % 64)
	if next := bit/64 + 1; next < len(u) {
		u[next] |= value >> (64 - bit%64)
	}
}

// reduce takes equations from u, and their modules from d, until no bit of u is the
// first one of any.
func (s *stamp) reduce(u *unknowns, d *drawing) {
	for word := range u {
		for {
			first := u[word] & s.known[word]
			if first == 0 {
				break
			}
			e := &s.equations[s.place[64*word+bits.TrailingZeros64(first)]]
			for n := word; n < len(u); n++ { // nothing stands before the first bit
				u[n] ^= e.unknowns[n]
			}
			for n := range s.size {
				d[n] ^= e.drawing[n]
				d[maxModules+n] ^= e.drawing[maxModules+n]
			}
		}
	}
}

// code returns the code of a text with these bits, nil where what was drawn does not
// say it.
func (s *stamp) code(u unknowns) QR {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.wrong || len(s.equations) == 0 {
		return nil
	}
	var rest drawing
	s.reduce(&u, &rest)
	var best drawing
	least := -1
	for mask := range masks {
		one, d := u, rest
		one[len(one)-1] ^= 1 << (firstMask%64 + mask)
		if s.reduce(&one, &d); one != (unknowns{}) {
			continue
		}
		if p := d.penalty(s.size); least < 0 || p < least {
			best, least = d, p
		}
	}
	if least < 0 {
		return nil
	}
	code := make(QR, s.size)
	modules := make([]bool, s.size*s.size)
	for y := range code {
		code[y] = modules[y*s.size:][:s.size]
		for x := range code[y] {
			code[y][x] = best[y]>>x&1 != 0
		}
	}
	return code
}

// learn takes up what was drawn for a text with these bits.
func (s *stamp) learn(u unknowns, code QR) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == 0 && len(code) <= maxModules {
		s.size = len(code)
	}
	if s.size != len(code) {
		s.wrong = true
	}
	if s.wrong {
		return
	}
	var d drawing
	for y, row := range code {
		for x, dark := range row {
			if dark {
				d[y] |= 1 << x
				d[maxModules+x] |= 1 << y
			}
		}
	}
	// The mask stands beside the upper left finder, itself masked (section 7.9).
	mask := d[8] >> 2 & 7
	mask = (mask>>2|mask&2|mask<<2)&7 ^ 0b101
	u[len(u)-1] |= 1 << (firstMask%64 + mask)
	s.reduce(&u, &d)
	for word, rest := range u {
		if rest != 0 {
			first := bits.TrailingZeros64(rest)
			s.place[64*word+first] = int16(len(s.equations))
			s.known[word] |= 1 << first
			s.equations = append(s.equations, equation{u, d})
			return
		}
	}
	s.wrong = d != (drawing{})
}

// penalty is how badly a code is read, as go-qrcode has it (section 7.8.3): of masks
// the one with the least is used.
func (d *drawing) penalty(size int) int {
	points, dark := 0, 0
	for n, line := range d {
		if n%maxModules >= size {
			continue
		}
		// Bit x of same: modules x and x+1 are alike.
		same := ^(line ^ line>>1) & (1<<(size-1) - 1)
		// 1. Six or more alike in a line: the more the worse.
		five := same & (same >> 1)
		five &= five >> 2 & (same >> 4)
		points += bits.OnesCount64(five) + 3*bits.OnesCount64(five&^(five<<1))
		// 3. What looks like a finder.
		if line&^(line>>1)&(line>>2)&(line>>3)&(line>>4)&^(line>>5)&(line>>6) != 0 {
			points += 40 * finders(line, size)
		}
		if n >= size { // a column
			continue
		}
		dark += bits.OnesCount64(line)
		// 2. Squares of four alike.
		if n > 0 {
			alike := ^(line ^ d[n-1])
			points += 3 * bits.OnesCount64(same&alike&(alike>>1))
		}
	}
	// 4. More dark than light, or the other way round.
	off := size*size/2 - dark
	return points + 10*(max(off, -off)/(size*size/20))
}

// finders counts what go-qrcode takes for finder patterns with a light zone of four
// modules before or behind; past the edge all is light.
func finders(line uint64, size int) (found int) {
	last := uint64(0) // the modules up to x, the newest in the lowest bit
	for x := range size {
		last = last<<1 | line>>x&1
		if p := last & 0x7ff; p == 0x05d || p == 0x5d0 || x == size-1 && p&0x7f == 0x5d {
			found++
			last = 0xff
		}
	}
	return found
}
