package paper

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"indeks/elm"
)

// Receipt is the record of one verification, as it is printed. Its texts are those
// of whoever verified, in Lang; paper adds none.
type Receipt struct {
	Lang string    // one of elm.Languages
	At   time.Time // of the verification, and the only time of the file

	Title string    // of the sheet: what it is
	Is    string    // what it is and what it is not, below the title
	Tone  string    // of the answer: "good", "warn", "bad", "none"
	Word  elm.Value // the answer
	Says  []string  // about the answer, a sentence each

	// Sections are what was checked, by whom, and how. Of their elements label,
	// values and details are printed; those without a label take the whole width.
	Sections []elm.Section

	Foot string // at the foot of every sheet
}

// tones are the colours of an answer, all dark enough for white text.
var tones = map[string]colour{
	"good": {0x14, 0x67, 0x3c}, "warn": {0x8a, 0x53, 0x00}, "bad": {0xa3, 0x1d, 0x21}, "none": {0x51, 0x60, 0x73},
}

// PDFReceipt prints a record of a verification, on as many sheets as it takes. The
// same record gives the same bytes. It is never read back as a credential:
// nothing is attached to it.
func PDFReceipt(r Receipt) ([]byte, error) {
	const doing = "printing a receipt: "
	if !slices.Contains(elm.Languages(), r.Lang) {
		return nil, fmt.Errorf(doing+"no words of ours in language %q", r.Lang)
	}
	if r.Title == "" || r.Word.Text == "" || r.At.IsZero() {
		return nil, errors.New(doing + "no title, no answer or no time")
	}
	p := new(press)
	root := &element{kind: "Document", entries: langEntry(r.Lang)}
	p.receipt(&r, root)
	content := sha256.New()
	for _, s := range p.sheets {
		content.Write(s.content.Bytes())
	}
	return p.write(root, about{title: r.Title + " – " + r.Word.Text, author: producer, lang: r.Lang, at: r.At.UTC(), id: content.Sum(nil)[:16]}), nil
}

// receipt draws the sheets of a record.
func (p *press) receipt(r *Receipt, root *element) {
	const (
		labels = 48 * mm // width of the labels' column
		values = measure - labels
		bottom = foot - 8*mm
	)
	sect := under(root, "Sect")
	fine := style{face: sans(), size: 9, ink: quiet}
	text := style{face: sans(), size: 9.5, ink: ink}
	paper := colour{0xff, 0xff, 0xff}

	// 1. What this sheet is, before what it says.
	s := p.newSheet()
	s.fill(margin, 18*mm, measure, 1.4, accent)
	y := p.display(s, 21*mm, 1, []float64{18, 15}, under(sect, "H1"), elm.Value{Text: r.Title}, style{face: serif(), ink: ink})
	y = p.paragraph(s, margin, y+3, measure, 12.5, under(sect, "P"), span{text: r.Is, style: fine}) + 4*mm

	// 2. The answer.
	ground, known := tones[r.Tone]
	if !known {
		ground = tones["none"]
	}
	const pad = 4 * mm
	word := span{text: r.Word.Text, lang: r.Word.Lang, style: style{face: serif(), size: 17, ink: paper}}
	says := span{text: strings.Join(r.Says, " "), style: style{face: sans(), size: 9.5, ink: paper}}
	high := 2*pad + 21*float64(len(p.breakLines(measure-2*pad, word))) + 13*float64(len(p.breakLines(measure-2*pad, says)))
	s.fill(margin, y, measure, high, ground)
	end := p.paragraph(s, margin+pad, y+pad-2, measure-2*pad, 21, under(sect, "H2"), word)
	p.paragraph(s, margin+pad, end+2, measure-2*pad, 13, under(sect, "P"), says)
	y += high + 3*mm

	// 3. What was checked, and how.
	turn := func(need float64) {
		if y+need > bottom {
			s, y = p.newSheet(), 20*mm
		}
	}
	for _, section := range r.Sections {
		turn(40)
		if y > 20*mm {
			y += 2 * mm
		}
		y = p.paragraph(s, margin, y, measure, 14, under(sect, "H3"), span{text: section.Label, style: style{face: bold(), size: 10.5, ink: accent}}) + 1
		s.fill(margin, y, measure, 0.6, hair)
		y += 4
		list := under(sect, "L")
		for _, e := range section.Elements {
			x, across := margin+labels, values
			if e.Label == "" {
				x, across = margin, measure
			}
			label := p.breakLines(labels-3*mm, span{text: e.Label, style: style{face: bold(), size: 8.5, ink: quiet}})
			var rows []setLines
			for _, v := range e.Values {
				rows = append(rows, setLines{lines: p.breakLines(across, span{text: v.Text, lang: v.Lang, style: text})})
				for _, d := range v.Detail {
					line := d.Text
					if d.Label != "" {
						line = d.Label + ": " + d.Text
					}
					rows = append(rows, setLines{lines: p.breakLines(across, span{text: line, lang: d.Lang, style: fine})})
				}
			}
			// A label stands with two lines of its values at least.
			turn(12 * float64(max(len(label), 2)))
			began, item := s, under(list, "LI")
			inner := map[int]*element{}
			name := under(item, "Lbl")
			for i, l := range label {
				p.draw(s, margin, y+9.2+11.5*float64(i), l, name, inner)
			}
			below := y + 11.5*float64(len(label))
			body := under(item, "LBody")
			for _, row := range rows {
				inner := map[int]*element{}
				for _, l := range row.lines {
					turn(12)
					p.draw(s, x, y+9.5, l, body, inner)
					y += 12
				}
			}
			if s == began { // else its label stands on a sheet before this one
				y = max(y, below)
			}
			y += 3.5
		}
	}
	if len(p.lacking) > 0 {
		turn(24)
		p.paragraph(s, margin, y+4, measure, 11, under(sect, "P"), span{text: "□ = " + codePoints(p.lacking), style: fine})
	}

	// 4. At the foot of every sheet, which sheet it is of what.
	st := style{face: sans(), size: 7.5, ink: quiet}
	for i, s := range p.sheets {
		if left := p.breakLines(measure-20*mm, span{text: r.Foot, style: st}); len(left) > 0 {
			p.artifact(s, margin, foot, left[0])
		}
		right := p.breakLines(measure, span{text: fmt.Sprintf("%d / %d", i+1, len(p.sheets)), style: st})
		p.artifact(s, margin+measure-right[0].width, foot, right[0])
	}
}
