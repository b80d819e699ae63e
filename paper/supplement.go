package paper

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"indeks/elm"
)

// The supplement stands in two columns. Its texts are as large as lets it fit on
// one sheet; where even the smallest size does not, it flows on in a larger one.
// Those with more than ten outcomes need not fit, and are not made as small.
var (
	supplementSizes = []float64{9, 8.5, 8, 7.5, 7.2, 6.9, 6.6, 6.3}
	longSizes       = supplementSizes[:4]
)

const (
	flowing     = 7.5
	fewOutcomes = 10

	edge   = 15 * mm
	gap    = 8 * mm
	width  = (sheetWidth - 2*edge - gap) / 2
	bottom = foot - 5*mm
)

// block is what stands together: a heading, or an element with its values.
type block struct {
	heading    bool
	paragraphs []setLines
}

// setLines is a paragraph that was broken into lines, and what it is.
type setLines struct {
	lines   []line
	element *element
	indent  float64 // of the lines behind the first one of the block
}

// settings are the measures that a size gives.
type settings struct{ size, leading, between, above float64 }

func settingsOf(size float64) settings {
	return settings{size, 1.25 * size, 0.42 * size, 0.9 * size}
}

// columns says where the next line goes.
type columns struct {
	sheet *sheet
	right bool
	top   float64 // of both columns of the sheet
	y     float64
}

func (at *columns) x() float64 {
	if at.right {
		return edge + width + gap
	}
	return edge
}

// next goes to the next column, on a new sheet behind the second one.
func (at *columns) next(p *press) {
	if at.right && p != nil {
		at.sheet = p.newSheet()
		at.top = edge
	}
	at.right, at.y = !at.right, at.top
}

// supplement draws the view that pages and API have too, on as many sheets as it
// takes.
func (p *press) supplement(c *content, root *element) {
	s := p.newSheet()
	at := columns{sheet: s}
	sect := &element{kind: "Sect", parent: root}
	at.top = p.supplementHead(s, c, sect)
	at.y = at.top
	sizes := supplementSizes
	if len(c.elements["M6"].Values) > fewOutcomes {
		sizes = longSizes
	}
	for i, size := range append(slices.Clone(sizes), flowing) {
		body := &element{kind: "Sect", parent: sect}
		set := settingsOf(size)
		blocks := p.setSupplement(c, set, body)
		if tried := at; p.flow(blocks, set, &tried, false) || i == len(sizes) {
			p.flow(blocks, set, &at, true)
			under(sect, "Sect").kids = body.kids
			break
		}
	}
	root.kids = append(root.kids, kid{element: sect})
}

// flow puts blocks into columns, and draws them if told to. It reports whether
// they fit on the sheet.
func (p *press) flow(blocks []block, set settings, at *columns, draws bool) bool {
	fits := true
	turn := func() {
		if at.right {
			fits = false
		}
		if draws {
			at.next(p)
		} else {
			at.next(nil)
		}
	}
	for i, b := range blocks {
		// A heading stands with two lines of what follows it.
		need := set.leading
		if b.heading {
			need = set.above + 3*set.leading
		}
		if at.y+need > bottom && i > 0 {
			turn()
		}
		if b.heading && at.y > at.top {
			at.y += set.above
		}
		if b.heading && draws {
			at.sheet.fill(at.x(), at.y, width, 0.5, hair)
		}
		if b.heading {
			at.y += 0.25 * set.size
		}
		first := true
		for k, paragraph := range b.paragraphs {
			if k > 1 {
				at.y += 0.15 * set.size
			}
			inner := map[int]*element{}
			for n, l := range paragraph.lines {
				need := set.leading
				left := len(paragraph.lines) - n - 1
				if k == 0 && len(b.paragraphs) > 1 {
					left += len(b.paragraphs[1].lines) // which goes on where the first line, as wide as the column, ends
				}
				if left == 1 {
					need *= 2 // the last line does not go to the next column alone
				}
				if at.y+need > bottom {
					turn()
				}
				indent := paragraph.indent
				if first {
					indent, first = 0, false
				}
				if draws {
					p.draw(at.sheet, at.x()+indent, at.y+0.8*set.leading, l, paragraph.element, inner)
				}
				at.y += set.leading
			}
		}
		at.y += set.between
	}
	return fits
}

// supplementHead tells a sheet apart that was taken away from its certificate.
func (p *press) supplementHead(s *sheet, c *content, sect *element) float64 {
	s.fill(edge, 12*mm, sheetWidth-2*edge, 1.4, accent)
	title := []span{{text: c.say("supplement"), style: style{face: serif(), size: 15, ink: ink}}}
	if c.number != "" {
		title = append(title, span{text: "  " + c.say("supplement.to", c.number), style: style{face: sans(), size: 9.5, ink: quiet}})
	}
	return p.paragraph(s, edge, 14.5*mm, sheetWidth-2*edge, 18, under(sect, "H2"), title...) + 2*mm
}

// setSupplement sets all elements, and what must be said of them, below body.
func (p *press) setSupplement(c *content, set settings, body *element) (blocks []block) {
	cleaned := false
	for _, section := range c.sections {
		head := under(body, "H3")
		blocks = append(blocks, block{heading: true, paragraphs: []setLines{{
			lines:   p.breakLines(width, span{text: section.Label, style: style{face: bold(), size: set.size, ink: accent}}),
			element: head,
		}}})
		list := under(body, "L")
		for i := range section.Elements {
			blocks = append(blocks, p.setElement(c, &section.Elements[i], set, list))
			for _, v := range section.Elements[i].Values {
				cleaned = cleaned || v.Cleaned
				for _, l := range v.Detail {
					cleaned = cleaned || l.Cleaned
				}
			}
		}
	}
	var notes []string
	if others := elm.OtherLanguages(c.sections, c.lang); len(others) > 0 {
		for i, tag := range others {
			others[i] = elm.LanguageName(tag, c.lang)
		}
		notes = append(notes, c.say("other-language", strings.Join(others, ", ")))
	}
	if cleaned {
		notes = append(notes, c.say("cleaned"))
	}
	if len(p.lacking) > 0 {
		notes = append(notes, c.say("lacking", codePoints(p.lacking)))
	}
	if notes != nil {
		lines := p.breakLines(width, span{text: strings.Join(notes, " "), style: style{face: sans(), size: set.size, ink: quiet}})
		blocks = append(blocks, block{paragraphs: []setLines{{lines: lines, element: under(body, "P")}}})
	}
	return blocks
}

// setElement sets an element: its label, and behind it its values. What is long
// or has details begins a line of its own.
func (p *press) setElement(c *content, e *elm.Element, set settings, list *element) block {
	text, fine := style{face: sans(), size: set.size, ink: ink}, style{face: sans(), size: set.size, ink: quiet}
	item := under(list, "LI")
	label, values := under(item, "Lbl"), under(item, "LBody")
	line := []span{{text: e.Label + "  ", style: style{face: bold(), size: set.size, ink: ink}, in: label}}
	var b block
	indent := 1.1 * set.size
	end := func() {
		w := width
		if len(b.paragraphs) > 0 {
			w -= indent
		} else if lines := p.breakLines(width, line...); len(lines) > 1 {
			// The first line is as wide as the column, and the others stand in.
			n := lines[0].taken
			b.paragraphs = append(b.paragraphs, setLines{lines: lines[:1], element: values, indent: indent})
			line = behind(line, n)
			w -= indent
		}
		if len(line) > 0 {
			b.paragraphs = append(b.paragraphs, setLines{lines: p.breakLines(w, line...), element: values, indent: indent})
		}
		line = nil
	}
	if e.Missing {
		line = append(line, span{text: c.say("missing"), style: fine, in: values})
	}
	for n, v := range e.Values {
		short := len(v.Detail) == 0 && v.Link == "" && utf8.RuneCountInString(v.Text) <= 44
		numbered := e.ID == "M6" && len(e.Values) > 1
		switch {
		case numbered:
			end()
			line = append(line, span{text: fmt.Sprintf("%d. ", n+1), style: fine, in: values})
		case n > 0 && short && len(e.Values[n-1].Detail) == 0:
			line = append(line, span{text: " · ", style: fine, in: values})
		case n > 0:
			end()
		}
		line = append(line, span{text: v.Text, style: text, lang: v.Lang, in: values})
		told := strings.Contains(v.Text, v.Link)
		for _, d := range v.Detail {
			joint := "; "
			if last := line[len(line)-1].text; strings.HasSuffix(last, ".") {
				joint = " "
			}
			if d.Label != "" {
				joint += d.Label + ": "
			}
			line = append(line, span{text: joint, style: fine, in: values}, span{text: d.Text, style: fine, lang: d.Lang, in: values})
			told = told || strings.Contains(d.Text, v.Link)
		}
		if v.Link != "" && !told {
			joint := "; "
			if last := line[len(line)-1].text; strings.HasSuffix(last, ".") {
				joint = " "
			}
			line = append(line, span{text: joint, style: fine, in: values}, span{text: v.Link, style: fine, link: v.Link, in: values})
		}
	}
	end()
	return b
}

// behind are spans without their first n characters, as breakLines counts them.
func behind(spans []span, n int) (rest []span) {
	for _, s := range spans {
		runes := []rune(norm.NFC.String(s.text))
		if n >= len(runes) {
			n -= len(runes)
			continue
		}
		s.text = string(runes[n:])
		n = 0
		rest = append(rest, s)
	}
	return rest
}

// footers number the sheets, which is no part of what they say.
func (p *press) footers(c *content) {
	st := style{face: sans(), size: 7.5, ink: quiet}
	for i, s := range p.sheets {
		side := edge
		if i == 0 {
			side = margin
		}
		left := p.breakLines(measure, span{text: strings.Trim(c.number+" · "+c.learner.Text, " ·"), style: st})
		p.artifact(s, side, foot, left[0])
		right := p.breakLines(measure, span{text: fmt.Sprintf("%d / %d", i+1, len(p.sheets)), style: st})
		p.artifact(s, sheetWidth-side-right[0].width, foot, right[0])
	}
}

// artifact draws a line that is no part of what a sheet says.
func (p *press) artifact(s *sheet, x, y float64, l line) {
	fmt.Fprintf(&s.content, "/Artifact<</Type/Pagination>>BDC BT %s rg\n", l.spans[0].style.ink)
	for i := 0; i < len(l.letters); {
		i, x = p.piece(s, x, y, l, i, l.spans[0].style)
	}
	s.content.WriteString("ET EMC\n")
}
