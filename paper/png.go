package paper

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"
)

// PNG renders text as a QR code of level M with modules of scale pixels (1 to
// 32) and a quiet zone of 4 modules. The image has one bit for each pixel.
func PNG(text string, scale int) ([]byte, error) {
	code, err := modules(text)
	if err != nil {
		return nil, err
	}
	return code.PNG(scale)
}

// PNG renders a code like the function of that name.
func (q QR) PNG(scale int) ([]byte, error) {
	if scale < 1 || scale > maxScale {
		return nil, fmt.Errorf("drawing a QR code: scale %d is not between 1 and %d", scale, maxScale)
	}
	// The file is written here, since image/png takes a byte for each pixel, and longer
	// to pack them than all else takes (PNG third edition, sections 5 and 11).
	size := (len(q) + 2*quietZone) * scale
	width := 1 + (size+7)/8 // of a line of pixels in bytes, behind the filter, which is none
	lines := make([]byte, width*(len(q)+2*quietZone))
	step, dots := 1, byte(0x80)
	if scale%4 == 0 {
		step, dots = 4, 0xf0
	}
	for y, row := range q {
		line := lines[width*(y+quietZone):][:width]
		for x, dark := range row {
			if dark {
				for i := (x + quietZone) * scale; i < (x+quietZone+1)*scale; i += step {
					line[1+i/8] |= dots >> (i % 8)
				}
			}
		}
	}
	file := append(make([]byte, 0, 256+len(lines)), "\x89PNG\r\n\x1a\n"...)
	header := binary.BigEndian.AppendUint32(nil, uint32(size))
	header = binary.BigEndian.AppendUint32(header, uint32(size))
	file = chunk(file, "IHDR", append(header, 1, 3, 0, 0, 0))              // a bit for each pixel, which is a place in the palette
	file = chunk(file, "PLTE", []byte{0xff, 0xff, 0xff, 0x00, 0x00, 0x00}) // light, dark
	file = chunk(file, "IDAT", packLines(lines, width, scale))
	return chunk(file, "IEND", nil), nil
}

// chunk appends a chunk of a PNG.
func chunk(file []byte, kind string, data []byte) []byte {
	file = binary.BigEndian.AppendUint32(file, uint32(len(data)))
	begin := len(file)
	file = append(append(file, kind...), data...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(file[begin:]))
}

// packLines is the zlib stream (RFC 1950) of lines of width bytes, of which each stands
// there a number of times.
func packLines(lines []byte, width, times int) []byte {
	if times%4 > 0 {
		var out bytes.Buffer
		packer := zlib.NewWriter(&out)
		for line := range slices.Chunk(lines, width) {
			for range times {
				packer.Write(line) // a Buffer takes all writes
			}
		}
		packer.Close()
		return out.Bytes()
	}
	b := bitStream{file: append(make([]byte, 0, 64+len(lines)), 0x78, 0x01)}
	b.deflate(lines, width, times)
	return binary.BigEndian.AppendUint32(b.file, adler32(lines, width, times))
}

// adler32 is the checksum (RFC 1950, section 8.2) of lines of width bytes, of which each
// stands there a number of times, and is looked at once.
func adler32(lines []byte, width, times int) uint32 {
	const prime = 65521
	first, second := uint64(1), uint64(0)
	for line := range slices.Chunk(lines, width) {
		sum, sums := uint64(0), uint64(0) // what the line adds to both if they are 0
		for _, one := range line {
			sum += uint64(one)
			sums += sum
		}
		for range times {
			second = (second + uint64(width)*first + sums) % prime
			first = (first + sum) % prime
		}
	}
	return uint32(second<<16 | first)
}

// bitStream is a stream of bits, the first of each byte in its lowest bit.
type bitStream struct {
	file []byte
	bits uint64
	n    int // of bits, under 32 between calls
}

// put appends the lowest n bits of value, at most 32.
func (b *bitStream) put(value uint64, n int) {
	b.bits |= value << b.n
	if b.n += n; b.n >= 32 {
		b.file = binary.LittleEndian.AppendUint32(b.file, uint32(b.bits))
		b.bits >>= 32
		b.n -= 32
	}
}

// end fills the last byte with zeros.
func (b *bitStream) end() {
	for ; b.n > 0; b.n -= 8 {
		b.file = append(b.file, byte(b.bits))
		b.bits >>= 8
	}
}

// code is a Huffman code as it is put, its first bit the lowest.
type code struct {
	value uint64
	n     int
}

// Codes of the one block that deflate writes: of the bytes that there are, the end, and
// the one length and the one distance of all repetitions.
var (
	byteCodes    = [256]code{0x00: {0b00, 2}, 0xff: {0b10, 2}, 0x0f: {0b001, 3}, 0xf0: {0b101, 3}}
	endCode      = code{0b011, 3}
	lengthCode   = code{0b111, 3}
	distanceCode = code{0b0, 1}
)

// deflate writes lines of which each stands there times times, a multiple of 4, so that
// all bytes are of two halves, each light or dark, as a block of RFC 1951 with codes of its own (section 3.2.7). compress/flate takes ten times
// as long to find out what is known here.
func (b *bitStream) deflate(lines []byte, width, times int) {
	// 1. All repetitions are of one length, which goes into those of a line.
	again := (times - 1) * width
	length := min(again, 257)
	for again%length > 0 { // until times-1 at the latest
		length--
	}
	lengthSymbol, lengthRest, lengthBits := symbolOf(length-3, 2)
	lengthSymbol += 257
	distance, distanceRest, distanceBits := symbolOf(width-1, 1)

	// 2. The lengths of the codes, which are themselves coded: 0 and 3 and a long run of
	// zeros in two bits, 2 in three, 1 and a short run in four.
	const order = "\x10\x11\x12\x00\x08\x07\x09\x06\x0a\x05\x0b\x04\x0c\x03\x0d\x02\x0e\x01"
	sizes := [...]uint64{0: 2, 3: 2, 18: 2, 2: 3, 1: 4, 17: 4}
	b.put(0b101, 3) // the last block, of codes of its own
	b.put(uint64(lengthSymbol-256), 5)
	b.put(uint64(distance), 5)
	b.put(uint64(len(order)-4), 4)
	for _, symbol := range order {
		b.put(sizes[symbol], 3)
	}
	next := 0
	for _, at := range []struct {
		symbol int
		code
	}{{0x00, code{0b011, 3}}, {0x0f, code{0b10, 2}}, {0xf0, code{0b10, 2}}, {0xff, code{0b011, 3}}, {256, code{0b10, 2}},
		{lengthSymbol, code{0b10, 2}}, {lengthSymbol + 1 + distance, code{0b0111, 4}}} {
		for zeros := at.symbol - next; zeros > 0; {
			switch run := min(zeros, 138); {
			case run >= 11:
				b.put(0b01, 2)
				b.put(uint64(run-11), 7)
				zeros -= run
			case run >= 3:
				b.put(0b1111, 4)
				b.put(uint64(run-3), 3)
				zeros -= run
			default:
				b.put(0b00, 2)
				zeros--
			}
		}
		b.put(at.value, at.n)
		next = at.symbol + 1
	}

	// 3. Each line, and that it is repeated.
	for line := range slices.Chunk(lines, width) {
		for _, one := range line {
			b.put(byteCodes[one].value, byteCodes[one].n)
		}
		for range again / length {
			b.put(lengthCode.value, lengthCode.n)
			b.put(lengthRest, lengthBits)
			b.put(distanceCode.value, distanceCode.n)
			b.put(distanceRest, distanceBits)
		}
	}
	b.put(endCode.value, endCode.n)
	b.end()
}

// symbolOf returns the symbol of a length less 3, under 255, or of a distance less 1
// (section 3.2.5), and the bits that follow it. Its first bits stand in the symbol: 2 of
// a length, 1 of a distance, behind the highest.
func symbolOf(value, first int) (symbol int, rest uint64, n int) {
	n = max(0, bits.Len(uint(value))-1-first)
	return n<<first + value>>n, uint64(value & (1<<n - 1)), n
}
