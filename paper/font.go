package paper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"unicode"

	"github.com/go-fonts/dejavu/dejavusanscondensed"
	"github.com/go-fonts/dejavu/dejavusanscondensedbold"
	"github.com/go-fonts/dejavu/dejavuserifcondensed"
)

// typeface is a TrueType font with outlines in glyf, as far as drawing lines of
// Latin, Cyrillic and Greek needs it: characters to glyphs, widths, kerning, and
// a subset to be embedded.
type typeface struct {
	name       string // PostScript name
	tables     map[string][]byte
	unitsPerEm int
	bounds     [4]int // of all glyphs, in thousandths of the size as all below
	ascent     int
	descent    int // negative
	capHeight  int
	glyphs     map[rune]uint16
	advances   []uint16 // in font units, by glyph
	loca       []uint32
	kerning    map[[2]uint16]int16 // in font units
}

// The faces are read when the first document is printed: milliseconds that
// programs which print nothing do not spend.
var (
	serif = sync.OnceValue(func() *typeface { return mustFace("DejaVuSerifCondensed", dejavuserifcondensed.TTF) })
	sans  = sync.OnceValue(func() *typeface { return mustFace("DejaVuSansCondensed", dejavusanscondensed.TTF) })
	bold  = sync.OnceValue(func() *typeface { return mustFace("DejaVuSansCondensed-Bold", dejavusanscondensedbold.TTF) })
)

// mustFace reads a face that is compiled in.
func mustFace(name string, data []byte) *typeface {
	f, err := readFace(name, data)
	if err != nil {
		panic(err)
	}
	return f
}

var errFont = errors.New("not a TrueType font of the kind expected")

// readFace reads a font of ours. It does not defend against hostile ones: what
// is read is compiled in.
func readFace(name string, data []byte) (*typeface, error) {
	be := binary.BigEndian
	f := &typeface{name: name, tables: map[string][]byte{}, glyphs: map[rune]uint16{}, kerning: map[[2]uint16]int16{}}
	for i := range int(be.Uint16(data[4:])) {
		entry := data[12+16*i:]
		at, size := be.Uint32(entry[8:]), be.Uint32(entry[12:])
		f.tables[string(entry[:4])] = data[at : at+size]
	}
	for _, table := range []string{"head", "hhea", "hmtx", "maxp", "cmap", "loca", "glyf", "OS/2"} {
		if f.tables[table] == nil {
			return nil, fmt.Errorf("reading %s: %w: no table %s", name, errFont, table)
		}
	}
	head, hhea, hmtx := f.tables["head"], f.tables["hhea"], f.tables["hmtx"]
	f.unitsPerEm = int(be.Uint16(head[18:]))
	for i := range f.bounds {
		f.bounds[i] = f.thousandths(int(int16(be.Uint16(head[36+2*i:]))))
	}
	f.ascent, f.descent = f.thousandths(int(int16(be.Uint16(hhea[4:])))), f.thousandths(int(int16(be.Uint16(hhea[6:]))))

	count, metrics := int(be.Uint16(f.tables["maxp"][4:])), int(be.Uint16(hhea[34:]))
	f.advances = make([]uint16, count)
	for i := range f.advances {
		f.advances[i] = be.Uint16(hmtx[4*min(i, metrics-1):])
	}
	f.loca = make([]uint32, count+1)
	for i := range f.loca {
		if be.Uint16(head[50:]) == 0 {
			f.loca[i] = 2 * uint32(be.Uint16(f.tables["loca"][2*i:]))
		} else {
			f.loca[i] = be.Uint32(f.tables["loca"][4*i:])
		}
	}
	if err := f.readCharacters(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	f.readKerning()
	f.capHeight = f.top(f.glyphs['H'])
	return f, nil
}

// readCharacters reads format 4 of cmap, which holds the basic plane.
func (f *typeface) readCharacters() error {
	be, cmap := binary.BigEndian, f.tables["cmap"]
	for i := range int(be.Uint16(cmap[2:])) {
		entry := cmap[4+8*i:]
		sub := cmap[be.Uint32(entry[4:]):]
		if be.Uint16(entry) != 3 || be.Uint16(entry[2:]) != 1 || be.Uint16(sub) != 4 {
			continue
		}
		segments := int(be.Uint16(sub[6:])) / 2
		ends, starts := sub[14:], sub[16+2*segments:]
		deltas, offsets := starts[2*segments:], starts[4*segments:]
		for s := range segments {
			start, end, delta := be.Uint16(starts[2*s:]), be.Uint16(ends[2*s:]), be.Uint16(deltas[2*s:])
			offset := int(be.Uint16(offsets[2*s:]))
			for c := int(start); c <= int(end) && c != 0xffff; c++ {
				glyph := uint16(c) + delta
				if offset != 0 {
					if glyph = be.Uint16(offsets[2*s+offset+2*(c-int(start)):]); glyph != 0 {
						glyph += delta
					}
				}
				if glyph != 0 {
					f.glyphs[rune(c)] = glyph
				}
			}
		}
		return nil
	}
	return fmt.Errorf("%w: no characters of the basic plane", errFont)
}

// readKerning reads format 0 of kern: pairs.
func (f *typeface) readKerning() {
	be, kern := binary.BigEndian, f.tables["kern"]
	if len(kern) < 18 || be.Uint16(kern) != 0 || be.Uint16(kern[8:])&0xff01 != 1 {
		return
	}
	for i := range int(be.Uint16(kern[10:])) {
		pair := kern[18+6*i:]
		f.kerning[[2]uint16{be.Uint16(pair), be.Uint16(pair[2:])}] = int16(be.Uint16(pair[4:]))
	}
}

func (f *typeface) thousandths(units int) int { return units * 1000 / f.unitsPerEm }

// top is the upper edge of a glyph.
func (f *typeface) top(glyph uint16) int {
	return f.thousandths(int(int16(binary.BigEndian.Uint16(f.tables["glyf"][f.loca[glyph]+8:]))))
}

// scripts are those whose letters stand one behind the other from left to right,
// which is all that is done here. The font has letters of others, such as
// Arabic, which must be joined to be read.
var scripts = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Georgian, unicode.Common, unicode.Inherited}

// has reports whether the face draws a character so that it can be read.
func (f *typeface) has(r rune) bool { return f.glyphs[r] != 0 && unicode.In(r, scripts...) }

// kern is by how much, in font units, the second glyph moves towards the first.
func (f *typeface) kern(first, second uint16) int { return int(f.kerning[[2]uint16{first, second}]) }

// subset returns the font with the outlines of these glyphs and those that they
// are composed of, under their own numbers, for CIDFontType2 (ISO 32000-1,
// 9.9: glyf, head, hhea, hmtx, loca, maxp, and the hints in cvt, fpgm, prep).
func (f *typeface) subset(glyphs []uint16) []byte {
	be := binary.BigEndian
	keep := map[uint16]bool{0: true}
	for queue := slices.Clone(glyphs); len(queue) > 0; queue = queue[1:] {
		if keep[queue[0]] {
			continue
		}
		keep[queue[0]] = true
		queue = append(queue, f.components(queue[0])...)
	}
	var glyf []byte
	loca := make([]byte, 4*len(f.loca))
	hmtx := slices.Clone(f.tables["hmtx"])
	metrics := int(be.Uint16(f.tables["hhea"][34:]))
	for i := range f.advances {
		be.PutUint32(loca[4*i:], uint32(len(glyf)))
		if keep[uint16(i)] {
			glyf = append(glyf, f.tables["glyf"][f.loca[i]:f.loca[i+1]]...)
			for len(glyf)%4 != 0 {
				glyf = append(glyf, 0)
			}
		} else if i < metrics {
			clear(hmtx[4*i : 4*i+4]) // what is not there needs no room in the file
		}
	}
	be.PutUint32(loca[4*len(f.advances):], uint32(len(glyf)))
	head := slices.Clone(f.tables["head"])
	be.PutUint16(head[50:], 1) // long offsets in loca

	tables := map[string][]byte{"glyf": glyf, "loca": loca, "hmtx": hmtx, "head": head}
	for _, name := range []string{"hhea", "maxp", "cvt ", "fpgm", "prep"} {
		if f.tables[name] != nil {
			tables[name] = f.tables[name]
		}
	}
	return assemble(tables)
}

// components are the glyphs that a glyph is composed of: accents, mostly.
func (f *typeface) components(glyph uint16) (parts []uint16) {
	const (
		words    = 1 << 0 // arguments are of two bytes
		scale    = 1 << 3
		more     = 1 << 5
		twoScale = 1 << 6
		matrix   = 1 << 7
	)
	be := binary.BigEndian
	outline := f.tables["glyf"][f.loca[glyph]:f.loca[glyph+1]]
	if len(outline) == 0 || int16(be.Uint16(outline)) >= 0 {
		return nil
	}
	for rest := outline[10:]; ; {
		flags := be.Uint16(rest)
		parts = append(parts, be.Uint16(rest[2:]))
		size := 6
		for _, extra := range []struct {
			flag uint16
			size int
		}{{words, 2}, {scale, 2}, {twoScale, 4}, {matrix, 8}} {
			if flags&extra.flag != 0 {
				size += extra.size
			}
		}
		if flags&more == 0 {
			return parts
		}
		rest = rest[size:]
	}
}

// assemble writes a font file of tables.
func assemble(tables map[string][]byte) []byte {
	be := binary.BigEndian
	var names []string
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	entry := 0
	for 2<<entry <= len(names) {
		entry++
	}
	file := be.AppendUint32(nil, 0x00010000)
	for _, v := range []int{len(names), 16 << entry, entry, 16 * (len(names) - 1<<entry)} {
		file = be.AppendUint16(file, uint16(v))
	}
	at := 12 + 16*len(names)
	var body []byte
	for _, name := range names {
		table := tables[name]
		if name == "head" {
			be.PutUint32(table[8:], 0)
		}
		file = append(file, name...)
		file = be.AppendUint32(file, checksum(table))
		file = be.AppendUint32(file, uint32(at+len(body)))
		file = be.AppendUint32(file, uint32(len(table)))
		for body = append(body, table...); len(body)%4 != 0; {
			body = append(body, 0)
		}
	}
	file = append(file, body...)
	for i, name := range names {
		if name == "head" {
			be.PutUint32(file[be.Uint32(file[12+16*i+8:])+8:], 0xb1b0afba-checksum(file))
		}
	}
	return file
}

func checksum(table []byte) (sum uint32) {
	for len(table) > 0 {
		var word [4]byte
		table = table[copy(word[:], table):]
		sum += binary.BigEndian.Uint32(word[:])
	}
	return sum
}
