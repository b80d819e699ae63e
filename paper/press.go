package paper

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Lengths are in points, 1/72 of an inch; down from the upper left corner.
const (
	mm         = 72 / 25.4
	sheetWidth = 210 * mm
	sheetHigh  = 297 * mm
)

// colour is red, green and blue, each of 0 to 255.
type colour [3]uint8

func (c colour) String() string {
	return number(float64(c[0])/255) + " " + number(float64(c[1])/255) + " " + number(float64(c[2])/255)
}

// press prints sheets: it draws text, boxes and codes, tells what each is, and
// keeps which characters its faces lack.
type press struct {
	objects
	sheets  []*sheet
	faces   []*embedded
	links   []hyperlink
	lacking []rune // shown as a box, in the order of their first use
}

// sheet is one page.
type sheet struct {
	index   int
	ref     objectID
	content bytes.Buffer
	marks   []*element // by the number of the marked content
}

// hyperlink is an annotation and the element that it belongs to.
type hyperlink struct {
	sheet   *sheet
	ref     objectID
	element *element
	box     [4]float64 // left, bottom, right, top, up from the lower edge
	to      string
	says    string
}

// embedded is a face with the characters that are used of it. Their place in
// codes, from 1, is what stands for them in the file: two characters with one
// outline stay two when the text is copied out.
type embedded struct {
	face  *typeface
	index int
	codes []rune
	code  map[rune]int
}

func (p *press) newSheet() *sheet {
	s := &sheet{index: len(p.sheets), ref: p.reserve()}
	p.sheets = append(p.sheets, s)
	return s
}

func (p *press) use(face *typeface) *embedded {
	for _, f := range p.faces {
		if f.face == face {
			return f
		}
	}
	f := &embedded{face: face, index: len(p.faces), code: map[rune]int{}}
	p.faces = append(p.faces, f)
	return f
}

func (f *embedded) codeOf(r rune) int {
	code, ok := f.code[r]
	if !ok {
		f.codes = append(f.codes, r)
		code = len(f.codes)
		f.code[r] = code
	}
	return code
}

// style is how text looks.
type style struct {
	face   *typeface
	size   float64
	ink    colour
	spaced float64 // points between letters
}

// span is text of one style.
type span struct {
	text  string
	style style
	lang  string   // where it is not the document's
	link  string   // URL that it leads to
	in    *element // what it is part of, where that is not the paragraph's element
}

// box stands for a character that no face has.
const box = '\u25a1'

// faceFor finds a face that draws a character: that of the style or another
// one. What none has becomes a box, and is kept as lacking.
func (p *press) faceFor(r rune, wanted *typeface) (rune, *typeface) {
	if wanted.has(r) {
		return r, wanted
	}
	for _, face := range []*typeface{sans(), serif(), bold()} {
		if face.has(r) {
			return r, face
		}
	}
	if !slices.Contains(p.lacking, r) {
		p.lacking = append(p.lacking, r)
	}
	return box, sans()
}

// letter is a character in its place in a line.
type letter struct {
	r       rune
	face    *typeface
	span    int
	advance float64
	kern    float64 // by which the letter before it is wider, in points
}

// line is a line of text that was broken out of a paragraph.
type line struct {
	spans   []span
	letters []letter
	width   float64 // without the space at its end
	taken   int     // characters of the paragraph, composed, with the line end that is no letter
}

// breakLines sets spans as a paragraph of lines no wider than width. It breaks
// at spaces, behind the strokes of addresses and hyphens, and anywhere in what
// is still too wide. A line keeps the space at which it was broken, so that
// words stay apart for readers that do not see lines.
func (p *press) breakLines(width float64, spans ...span) []line {
	var all []letter
	for i, s := range spans {
		var last letter
		for _, r := range norm.NFC.String(s.text) {
			if r == '\n' {
				all = append(all, letter{r: r, span: i})
				last = letter{}
				continue
			}
			drawn, face := p.faceFor(r, s.style.face)
			glyph := face.glyphs[drawn]
			it := letter{r: drawn, face: face, span: i, advance: float64(face.advances[glyph])*s.style.size/float64(face.unitsPerEm) + s.style.spaced}
			if last.face == face {
				it.kern = float64(face.kern(face.glyphs[last.r], glyph)) * s.style.size / float64(face.unitsPerEm)
			}
			all, last = append(all, it), it
		}
	}
	var lines []line
	for start := 0; start < len(all); {
		end, next := fit(all[start:], width)
		l := line{spans: spans, letters: slices.Clone(all[start : start+next]), taken: next}
		l.letters = slices.DeleteFunc(l.letters, func(it letter) bool { return it.r == '\n' })
		if len(l.letters) > 0 {
			l.letters[0].kern = 0
		}
		for _, it := range l.letters[:min(end, len(l.letters))] {
			l.width += it.advance + it.kern
		}
		lines = append(lines, l)
		start += next
	}
	return lines
}

// fit returns how many letters a line takes, without and with the space or line
// end behind them.
func fit(letters []letter, width float64) (end, next int) {
	used := 0.0
	for i, it := range letters {
		if it.r == '\n' {
			return i, i + 1
		}
		if it.r == ' ' {
			end, next = i, i+1
		}
		if used += it.advance + it.kern; used > width && it.r != ' ' && i > 0 {
			if next == 0 {
				return i, i
			}
			return end, next
		}
		// A number such as MC-2026-00007 or 47/2020 stays whole, and so does "https://".
		whole := i == 0 || i+1 < len(letters) && (unicode.IsDigit(letters[i+1].r) || it.r == '/' && (letters[i+1].r == '/' || letters[i-1].r == '/'))
		if strings.ContainsRune("/-–—_&?=", it.r) && !whole {
			end, next = i+1, i+1
		}
	}
	return len(letters), len(letters)
}

// draw draws a line with its foot at y and marks it as part of an element, or of
// that of the span. What is in another language, or a link, becomes an element
// below it; inner holds those of the paragraph, by span.
func (p *press) draw(s *sheet, x, y float64, l line, e *element, inner map[int]*element) {
	for i := 0; i < len(l.letters); {
		first := l.letters[i]
		sp := l.spans[first.span]
		target := e
		if sp.in != nil {
			target = sp.in
		}
		if sp.lang != "" || sp.link != "" {
			if inner[first.span] == nil {
				kind, entries := "Span", ""
				if sp.link != "" {
					kind = "Link"
				}
				if sp.lang != "" {
					entries = langEntry(sp.lang)
				}
				inner[first.span] = under(target, kind, entries)
			}
			target = inner[first.span]
		}
		// All that follows in the same span is one piece of marked content.
		begin, mark := x, len(s.marks)
		s.marks = append(s.marks, target)
		target.kids = append(target.kids, kid{sheet: s, mark: mark})
		fmt.Fprintf(&s.content, "/%s<</MCID %d>>BDC BT %s rg\n", target.kind, mark, sp.style.ink)
		for i < len(l.letters) && l.letters[i].span == first.span {
			i, x = p.piece(s, x, y, l, i, sp.style)
		}
		s.content.WriteString("ET EMC\n")
		if sp.link != "" {
			p.annotate(s, target, [4]float64{begin, sheetHigh - y - 0.3*sp.style.size, x, sheetHigh - y + sp.style.size}, sp.link, sp.text)
		}
	}
}

// piece shows the letters from i on that have one face and span, and returns
// what follows them and where.
func (p *press) piece(s *sheet, x, y float64, l line, i int, st style) (int, float64) {
	face := l.letters[i].face
	font := p.use(face)
	fmt.Fprintf(&s.content, "/F%d %s Tf %s Tc 1 0 0 1 %s %s Tm [<", font.index, number(st.size), number(st.spaced), number(x+l.letters[i].kern), number(sheetHigh-y))
	for first, span := i, l.letters[i].span; i < len(l.letters) && l.letters[i].face == face && l.letters[i].span == span; i++ {
		it := l.letters[i]
		if it.kern != 0 && i > first {
			fmt.Fprintf(&s.content, ">%s<", number(-it.kern*1000/st.size))
		}
		fmt.Fprintf(&s.content, "%04X", font.codeOf(it.r))
		x += it.advance + it.kern
	}
	s.content.WriteString(">] TJ\n")
	return i, x
}

// annotate makes a box on a sheet a link.
func (p *press) annotate(s *sheet, e *element, at [4]float64, to, says string) {
	r := p.reserve()
	p.links = append(p.links, hyperlink{s, r, e, at, to, says})
	e.kids = append(e.kids, kid{sheet: s, annotation: r})
}

// fill draws a box that means nothing by itself.
func (s *sheet) fill(x, y, width, height float64, c colour) {
	fmt.Fprintf(&s.content, "/Artifact BMC %s rg %s %s %s %s re f EMC\n", c, number(x), number(sheetHigh-y-height), number(width), number(height))
}

// code draws a QR code, its quiet zone included, with its upper left corner at x
// and y.
func (s *sheet) code(x, y, module float64, q QR, e *element) {
	side := float64(len(q)+2*quietZone) * module
	e.entries += fmt.Sprintf("/A<</O/Layout/Placement/Block/BBox[%s %s %s %s]>>", number(x), number(sheetHigh-y-side), number(x+side), number(sheetHigh-y))
	mark := len(s.marks)
	s.marks = append(s.marks, e)
	e.kids = append(e.kids, kid{sheet: s, mark: mark})
	fmt.Fprintf(&s.content, "/Figure<</MCID %d>>BDC 1 1 1 rg %s %s %s %s re f 0 0 0 rg\n", mark, number(x), number(sheetHigh-y-side), number(side), number(side))
	// Modules are whole units of a grid, so that no edge is rounded away.
	fmt.Fprintf(&s.content, "q %.5f 0 0 -%.5f %s %s cm\n", module, module, number(x+quietZone*module), number(sheetHigh-y-quietZone*module))
	for row, modules := range q {
		for i := 0; i < len(modules); i++ {
			start := i
			for i < len(modules) && modules[i] {
				i++
			}
			if i > start {
				fmt.Fprintf(&s.content, "%d %d %d 1 re\n", start, row, i-start)
			}
		}
	}
	s.content.WriteString("f Q EMC\n")
}

// writeSheets writes pages, links and fonts, and returns the page tree.
func (p *press) writeSheets() objectID {
	pages := p.reserve()
	var fonts strings.Builder
	for _, f := range p.faces {
		fmt.Fprintf(&fonts, "/F%d %s", f.index, p.writeFont(f))
	}
	var kids []string
	for _, s := range p.sheets {
		var annotations []string
		for i, l := range p.links {
			if l.sheet == s {
				p.set(l.ref, "<</Type/Annot/Subtype/Link/Rect[%s %s %s %s]/Border[0 0 0]/F 4/StructParent %d/Contents%s/P %s/A<</S/URI/URI%s>>>>",
					number(l.box[0]), number(l.box[1]), number(l.box[2]), number(l.box[3]), len(p.sheets)+i, textString(l.says), s.ref, asciiString(l.to))
				annotations = append(annotations, l.ref.String())
			}
		}
		entries := ""
		if annotations != nil {
			entries = "/Annots[" + strings.Join(annotations, " ") + "]"
		}
		p.set(s.ref, "<</Type/Page/Parent %s/MediaBox[0 0 %s %s]/Resources<</Font<<%s>>>>/Contents %s/StructParents %d/Tabs/S%s>>",
			pages, number(sheetWidth), number(sheetHigh), fonts.String(), p.stream("", s.content.Bytes()), s.index, entries)
		kids = append(kids, s.ref.String())
	}
	p.set(pages, "<</Type/Pages/Count %d/Kids[%s]>>", len(kids), strings.Join(kids, " "))
	return pages
}

// writeFont embeds a face with the characters that were used.
func (p *press) writeFont(f *embedded) objectID {
	face := f.face
	glyphs := make([]uint16, len(f.codes))
	toGlyph := make([]byte, 2, 2*len(f.codes)+2) // code 0 is nothing
	var widths, unicodes strings.Builder
	for i, r := range f.codes {
		glyphs[i] = face.glyphs[r]
		toGlyph = append(toGlyph, byte(glyphs[i]>>8), byte(glyphs[i]))
		fmt.Fprintf(&widths, "%s ", number(float64(face.advances[glyphs[i]])*1000/float64(face.unitsPerEm)))
		if i%100 == 0 {
			if i > 0 {
				unicodes.WriteString("endbfchar\n")
			}
			fmt.Fprintf(&unicodes, "%d beginbfchar\n", min(100, len(f.codes)-i))
		}
		fmt.Fprintf(&unicodes, "<%04X><%04X>\n", i+1, r) // the basic plane alone is in a face
	}
	// The name begins with six letters that tell subsets apart (9.6.4).
	name := fmt.Sprintf("INDEK%c+%s", 'A'+f.index, face.name)
	data := face.subset(glyphs)
	file := p.stream(fmt.Sprintf("/Length1 %d", len(data)), data)
	descriptor := p.add("<</Type/FontDescriptor/FontName/%s/Flags 4/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent %d/Descent %d/CapHeight %d/StemV 80/FontFile2 %s>>",
		name, face.bounds[0], face.bounds[1], face.bounds[2], face.bounds[3], face.ascent, face.descent, face.capHeight, file)
	descendant := p.add("<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor %s/W[1[%s]]/CIDToGIDMap %s>>",
		name, descriptor, widths.String(), p.stream("", toGlyph))
	unicode := p.stream("", []byte("/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"+
		"/CIDSystemInfo <</Registry (Adobe)/Ordering (UCS)/Supplement 0>> def /CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"+
		"1 begincodespacerange <0000><FFFF> endcodespacerange\n"+unicodes.String()+"endbfchar\n"+
		"endcmap CMapName currentdict /CMap defineresource pop end end"))
	return p.add("<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%s]/ToUnicode %s>>", name, descendant, unicode)
}
