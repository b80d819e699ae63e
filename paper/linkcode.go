package paper

import (
	"math/bits"
	"strings"
	"sync"
)

// linkCode is what draw gives for a text of alphanumeric characters, as links are, in a
// fiftieth of the time: issuing needs one for every credential. It is nil for texts
// that are not coded as one run of them or need more than version 5: go-qrcode draws
// those, and is the judge of the others in tests.
//
// Sections and tables are those of ISO/IEC 18004.
func linkCode(text string) QR {
	// 1. The bits of the text, and as many others as the version has (sections 7.4.4, 7.4.9
	// and 7.4.10).
	data, l := dataOf(text)
	if l == nil {
		return nil
	}
	// 2. What corrects them, for each block; bits of all blocks in turn (sections 7.5 and 7.6).
	var d drawing
	var corrections [maxBlocks][]byte
	for n := range l.blocks {
		corrections[n] = l.correct(data[n*l.data:][:l.data])
	}
	at := 0
	put := func(codeword byte) {
		for bit := 7; bit >= 0; bit-- {
			p, one := l.places[at], uint64(codeword>>bit&1)
			d[p.y] |= one << p.x
			d[maxModules+int(p.x)] |= one << p.y
			at++
		}
	}
	for n := range l.data {
		for block := range l.blocks {
			put(data[block*l.data+n])
		}
	}
	for n := range l.correction {
		for block := range l.blocks {
			put(corrections[block][n])
		}
	}
	// 3. The mask that makes it easiest to read (section 7.8).
	best, least := 0, -1
	for mask := range l.frames {
		masked := d.with(&l.frames[mask], l.size)
		if p := masked.penalty(l.size); least < 0 || p < least {
			best, least = mask, p
		}
	}
	code := make(QR, l.size)
	modules := make([]bool, l.size*l.size)
	for y := range code {
		code[y] = modules[y*l.size:][:l.size]
		line := d[y] ^ l.frames[best][y]
		for x := range code[y] {
			code[y][x] = line>>x&1 != 0
		}
	}
	return code
}

const (
	// symbols are the alphanumeric characters in the order of their values (table 5).
	symbols = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

	// maxDigits is how many digits in a row are not shorter in numeric mode where the text
	// begins or ends with them, and maxInner elsewhere, where alphanumeric mode begins
	// anew behind them.
	maxDigits = 6
	maxInner  = 11
)

// valueOf is the value of an alphanumeric character; -1: it is none.
var valueOf = func() (values [256]int8) {
	for n := range values {
		values[n] = int8(strings.IndexByte(symbols, byte(n)))
	}
	return values
}()

// dataOf returns the codewords of a text and the layout that they fit into, nil where
// there is none.
func dataOf(text string) ([]byte, *layout) {
	if strings.Trim(text, "0123456789") == "" {
		return nil, nil
	}
	size := 4 + 9 + 11*(len(text)/2) + 6*(len(text)%2) // bits of mode, count and pairs
	var l *layout
	for _, l = range layouts() {
		if size <= 8*l.blocks*l.data {
			break
		}
	}
	room := l.blocks * l.data
	if 8*room < size {
		return nil, nil
	}
	data := make([]byte, 0, room)
	var waiting uint64 // the last bits of data, of which fewer than 8 do not stand there yet
	n := 0             // how many
	put := func(value uint64, bits int) {
		waiting = waiting<<bits | value
		for n += bits; n >= 8; n -= 8 {
			data = append(data, byte(waiting>>(n-8)))
		}
	}
	put(0b0010, 4)
	put(uint64(len(text)), 9)
	var first, digits int
	for i := range len(text) {
		value := int(valueOf[text[i]])
		if digits++; value > 9 {
			digits = 0
		}
		most := maxInner
		if digits == i+1 || i+1 == len(text) {
			most = maxDigits
		}
		switch {
		case value < 0 || digits > most:
			return nil, nil
		case i%2 == 1:
			put(uint64(first*len(symbols)+value), 11)
		case i+1 == len(text):
			put(uint64(value), 6)
		default:
			first = value
		}
	}
	put(0, min(4, 8*room-size)) // the end
	put(0, (8-n)%8)
	for pad := byte(0xec); len(data) < room; pad ^= 0xec ^ 0x11 {
		data = append(data, pad)
	}
	return data, l
}

// drawing has the rows of a code and then its columns, the first module in the lowest bit.
type drawing [2 * maxModules]uint64

func (d *drawing) set(x, y int) {
	d[y] |= 1 << x
	d[maxModules+x] |= 1 << y
}

// with is the sum of two drawings.
func (d *drawing) with(other *drawing, size int) (sum drawing) {
	for n := range size {
		sum[n] = d[n] ^ other[n]
		sum[maxModules+n] = d[maxModules+n] ^ other[maxModules+n]
	}
	return sum
}

const (
	masks      = 8
	maxBlocks  = 2
	maxModules = 37 // on a side, of version 5

	maxCorrection = 26 // codewords in a block, of version 3
)

// layout is what all codes of a version have in common.
type layout struct {
	size                     int            // modules on a side
	blocks, data, correction int            // codewords in each block (table 9)
	places                   []position     // of the bits of all codewords
	frames                   [masks]drawing // all else, with each mask where bits go
	// remainders are those of each codeword, by the generator polynomial.
	remainders [256][maxCorrection]byte
}

type position struct{ x, y uint8 }

// layouts are those of versions 1 to 5 at level M.
var layouts = sync.OnceValue(func() []*layout {
	all := []*layout{
		{size: 21, blocks: 1, data: 16, correction: 10}, {size: 25, blocks: 1, data: 28, correction: 16}, {size: 29, blocks: 1, data: 44, correction: 26},
		{size: 33, blocks: 2, data: 32, correction: 18}, {size: 37, blocks: 2, data: 43, correction: 24},
	}
	for _, l := range all {
		l.layOut()
		l.generate()
	}
	return all
})

// layOut says where everything stands.
func (l *layout) layOut() {
	var taken, frame drawing
	set := func(x, y int, dark bool) {
		if taken.set(x, y); dark {
			frame.set(x, y)
		}
	}
	// 1. Rings around a centre: finders with what separates them, and the alignment
	// pattern (sections 6.3.3 to 6.3.6).
	rings := func(atX, atY int, dark ...bool) {
		far := len(dark) - 1
		for y := max(0, atY-far); y <= min(l.size-1, atY+far); y++ {
			for x := max(0, atX-far); x <= min(l.size-1, atX+far); x++ {
				set(x, y, dark[max(x-atX, atX-x, y-atY, atY-y)])
			}
		}
	}
	last := l.size - 1
	for _, centre := range []position{{3, 3}, {uint8(last - 3), 3}, {3, uint8(last - 3)}} {
		rings(int(centre.x), int(centre.y), true, true, false, true, false)
	}
	if l.size > 21 {
		rings(last-6, last-6, true, false, true)
	}
	for n := 8; n < l.size-8; n++ { // timing
		set(6, n, n%2 == 0)
		set(n, 6, n%2 == 0)
	}
	// 2. The format, twice, which tells the mask (section 7.9).
	set(8, last-7, true)
	format := func(bits int, set func(x, y int, dark bool)) {
		for n := range 15 {
			dark := bits>>n&1 > 0
			switch {
			case n < 6:
				set(8, n, dark)
			case n < 8:
				set(8, n+1, dark)
			case n == 8:
				set(7, 8, dark)
			default:
				set(14-n, 8, dark)
			}
			if n < 8 {
				set(last-n, 8, dark)
			} else {
				set(8, last-14+n, dark)
			}
		}
	}
	format(0, set)
	// 3. Bits of codewords go up and down two columns at a time (section 7.7.3).
	for right, up := last, true; right > 0; right, up = right-2, !up {
		if right == 6 {
			right-- // no bit stands in the column of timing
		}
		for n := range l.size {
			y := n
			if up {
				y = last - n
			}
			for x := right; x > right-2; x-- {
				if taken[y]>>x&1 == 0 {
					l.places = append(l.places, position{uint8(x), uint8(y)})
				}
			}
		}
	}
	// 4. The masks (table 10).
	for mask := range l.frames {
		l.frames[mask] = frame
		rest := mask << 10 // by the polynomial of section 7.9.1; level M is 00
		for n := 4; n >= 0; n-- {
			rest ^= rest >> (10 + n) & 1 * 0b10100110111 << n
		}
		format((mask<<10|rest)^0b101010000010010, func(x, y int, dark bool) {
			if dark {
				l.frames[mask].set(x, y)
			}
		})
		for _, p := range l.places {
			x, y := int(p.x), int(p.y)
			if [masks]int{(x + y) % 2, y % 2, x % 3, (x + y) % 3, (y/2 + x/3) % 2, x*y%2 + x*y%3, (x*y%2 + x*y%3) % 2, ((x+y)%2 + x*y%3) % 2}[mask] == 0 {
				l.frames[mask].set(x, y)
			}
		}
	}
}

// generate works out what the generator polynomial makes of each codeword (section 7.5.2).
func (l *layout) generate() {
	generator := []byte{1} // the highest power first
	for root := byte(1); len(generator) <= l.correction; root = times(root, 2) {
		generator = append(generator, 0)
		for n := len(generator) - 1; n > 0; n-- { // by x + root
			generator[n] ^= times(generator[n-1], root)
		}
	}
	for codeword := range l.remainders {
		for n, one := range generator[1:] {
			l.remainders[codeword][n] = times(one, byte(codeword))
		}
	}
}

// times multiplies in the field of 256 elements of section 7.5.2.
func times(a, b byte) (product byte) {
	for ; b > 0; b >>= 1 {
		product ^= b & 1 * a
		a = a<<1 ^ a>>7*0b11101
	}
	return product
}

// correct returns the codewords that correct a block: what is left of it divided by the
// generator polynomial.
func (l *layout) correct(block []byte) []byte {
	rest := make([]byte, l.correction+1) // the last is always 0
	for _, codeword := range block {
		for n, part := range l.remainders[codeword^rest[0]][:l.correction] {
			rest[n] = rest[n+1] ^ part
		}
	}
	return rest[:l.correction]
}

// penalty is how badly a code is read, as go-qrcode has it (section 7.8.3): of masks
// the one with the least is used.
func (d *drawing) penalty(size int) int {
	points, dark := 0, 0
	for n, line := range d[:maxModules+size] {
		if n >= size && n < maxModules {
			continue
		}
		// Bit x of same: modules x and x+1 are alike.
		same := ^(line ^ line>>1) & (1<<(size-1) - 1)
		// 1. Six or more alike in a line: the more the worse.
		five := same & (same >> 1)
		if five &= five >> 2 & (same >> 4); five != 0 {
			points += bits.OnesCount64(five) + 3*bits.OnesCount64(five&^(five<<1))
		}
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
// modules before or behind; past the edge all is light. One that was counted hides all
// modules up to the last that was looked at, which are then taken for dark.
func finders(line uint64, size int) (found int) {
	all, hidden := uint64(1)<<size-1, uint64(0)
	for {
		line |= hidden
		// Bit x of those below: the pattern ends there, and has its light zone; or the zone
		// behind it ends there.
		ends := line &^ (line << 1) & (line << 2) & (line << 3) & (line << 4) &^ (line << 5) & (line << 6)
		two := line | line<<1 // bit x: one of modules x and x-1 is dark
		four := two | two<<2
		counted := (ends&^(four<<7) | ends<<4&^four | ends&(1<<(size-1))) & all &^ hidden
		if counted == 0 {
			return found
		}
		found++
		hidden = counted ^ (counted - 1) // up to the first
	}
}
