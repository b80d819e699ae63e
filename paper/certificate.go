package paper

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"indeks/elm"
)

// The measures of both kinds of sheet.
const (
	margin  = 20 * mm
	measure = sheetWidth - 2*margin
	foot    = sheetHigh - 14*mm // where page numbers stand
)

var (
	ink    = colour{0x17, 0x21, 0x2f}
	quiet  = colour{0x51, 0x60, 0x73}
	accent = colour{0x1f, 0x4a, 0x78}
	hair   = colour{0xc9, 0xd2, 0xdd}
	tint   = colour{0xf2, 0xf5, 0xf9}
)

// paragraph draws spans as lines of one element below y, and returns where the
// next may begin.
func (p *press) paragraph(s *sheet, x, y, width, leading float64, e *element, spans ...span) float64 {
	inner := map[int]*element{}
	for _, l := range p.breakLines(width, spans...) {
		p.draw(s, x, y+0.8*leading, l, e, inner)
		y += leading
	}
	return y
}

// display draws a text as large as it fits into so many lines; what does not fit
// in the smallest size ends in an ellipsis there, and stands whole in the
// supplement.
func (p *press) display(s *sheet, y float64, lines int, sizes []float64, e *element, v elm.Value, st style) float64 {
	for i, size := range sizes {
		st.size = size
		sp := span{text: v.Text, style: st, lang: v.Lang}
		broken := p.breakLines(measure, sp)
		if i == len(sizes)-1 && len(broken) > lines+4 {
			letters := 0
			for _, l := range broken[:lines+4] {
				letters += l.taken
			}
			sp.text = string([]rune(norm.NFC.String(v.Text))[:letters-2]) + "…"
			broken = p.breakLines(measure, sp)
		} else if len(broken) > lines && i < len(sizes)-1 {
			continue
		}
		inner := map[int]*element{}
		for _, l := range broken {
			p.draw(s, margin, y+0.85*size, l, e, inner)
			y += 1.2 * size
		}
		break
	}
	return y
}

// certificate draws the first sheet: who earned what from whom, and how to check
// that.
func (p *press) certificate(c *content, online QR, offline *QR, root *element) {
	s := p.newSheet()
	sect := under(root, "Sect")
	label := style{face: bold(), size: 7.5, ink: quiet, spaced: 0.3}
	small := style{face: sans(), size: 10.5, ink: quiet}

	// 1. The institution.
	s.fill(margin, 20*mm, measure, 2.2, accent)
	y := p.display(s, 25*mm, 2, []float64{16, 13.5, 11.5}, under(sect, "P"), c.institution, style{face: serif(), ink: ink})
	if place := c.texts("M3", 1); place != nil {
		place[0].style = style{face: sans(), size: 9, ink: quiet}
		y = p.paragraph(s, margin, y+1, measure, 13, under(sect, "P"), place...)
	}

	// 2. The award. Short ones stand lower, so that the sheet is balanced.
	y = max(y+9*mm, 56*mm)
	kicker := under(sect, "H1")
	y = p.paragraph(s, margin, y, measure, 14, kicker, span{text: strings.ToUpper(c.say("certificate")), style: style{face: bold(), size: 11, ink: accent, spaced: 3}})
	y = p.paragraph(s, margin, y+5*mm, measure, 14, under(sect, "P"), span{text: c.say("issued-to"), style: small})
	y = p.display(s, y+5, 1, []float64{30, 25, 20, 16}, under(sect, "P"), c.learner, style{face: serif(), ink: ink})
	y = p.paragraph(s, margin, y+3*mm, measure, 14, under(sect, "P"), span{text: c.say("earned"), style: small})
	y = p.display(s, y+4, 2, []float64{23, 19, 15.5, 12.5}, under(sect, "H2"), c.title, style{face: serif(), ink: accent})

	// 3. The facts, three to a row.
	y += 6 * mm
	s.fill(margin, y, measure, 0.5, hair)
	y += 4 * mm
	facts := []struct {
		label string
		texts []span
	}{
		{c.elements["M5"].Label, c.texts("M5", 1)},
		{c.elements["M7"].Label, c.texts("M7", 2)},
		{c.elements["M8"].Label, c.texts("M8", 2)},
		{c.elements["M9"].Label, c.texts("M9", 2)},
		{c.elements["M10"].Label, c.texts("M10", 2)},
		{c.say("number"), []span{{text: c.number}}},
	}
	list := under(sect, "L")
	column, below := 0, y
	width := (measure - 2*6*mm) / 3
	for _, fact := range facts {
		if len(fact.texts) == 0 || fact.texts[0].text == "" {
			continue
		}
		x := margin + float64(column)*(width+6*mm)
		item := under(list, "LI")
		end := p.paragraph(s, x, y, width, 11, under(item, "Lbl"), span{text: fact.label, style: label})
		for i := range fact.texts {
			fact.texts[i].style = style{face: sans(), size: 10.5, ink: ink}
		}
		end = p.paragraph(s, x, end+1, width, 13, under(item, "LBody"), fact.texts...)
		below = max(below, end)
		if column++; column == 3 {
			column, y = 0, below+3.5*mm
		}
	}
	y = below + 4.5*mm

	// 4. That a level is no degree.
	for _, v := range c.elements["not-a-degree"].Values {
		end := p.paragraph(s, margin+4*mm, y, measure-4*mm, 12.5, under(sect, "P"), span{text: v.Text, lang: v.Lang, style: style{face: sans(), size: 9.5, ink: ink}})
		s.fill(margin, y, 1.6, end-y, accent)
		y = end + 2*mm
	}

	// 5. How to check it, at the foot; who answers for it, above that.
	panel := p.panel(s, c, online, offline, sect)
	p.signature(s, c, max(y+3*mm, panel-30*mm), sect)
}

// signature is who answers for the award, with room to sign, and who sealed it.
func (p *press) signature(s *sheet, c *content, y float64, sect *element) {
	issuer := c.first("issuer")
	if issuer.Text == "" {
		issuer = c.institution
	}
	day := c.first("M5")
	sealed := day.Text
	if len(day.Detail) > 0 { // the document is of another day than the award
		sealed = day.Detail[0].Text
	}
	half := (measure - 10*mm) / 2
	fine := style{face: sans(), size: 8.5, ink: quiet}
	line := y + 11*mm
	if v := c.first("signatory"); v.Text != "" {
		name, office, _ := strings.Cut(v.Text, ", ")
		s.fill(margin, line, half, 0.6, quiet)
		e := under(sect, "P")
		at := p.paragraph(s, margin, line+1.5*mm, half, 13, e, span{text: name + " ", lang: v.Lang, style: style{face: bold(), size: 10, ink: ink}})
		p.paragraph(s, margin, at, half, 11, e, span{text: office, lang: v.Lang, style: fine})
	}
	p.paragraph(s, margin+half+10*mm, line+1.5*mm, half, 11, under(sect, "P"), span{text: c.say("sealed", sealed, issuer.Text), style: fine})
}

// panel draws the codes and what they are for at the foot of the sheet, and
// returns its upper edge.
func (p *press) panel(s *sheet, c *content, online QR, offline *QR, sect *element) float64 {
	const pad = 4 * mm
	head := style{face: bold(), size: 9, ink: accent}
	text := style{face: sans(), size: 8, ink: ink}
	fine := style{face: sans(), size: 7.2, ink: quiet}

	// A code is read from 0.38 mm a module; the online one is as large as it was
	// always printed, the other one up to 45 mm without its quiet zone.
	module := 25 * mm / float64(len(online))
	left := module * float64(len(online)+2*quietZone)
	right, offModule := 0.0, 0.0
	if offline != nil {
		offModule = min(44.5*mm/float64(len(*offline)), 0.5*mm)
		right = offModule*float64(len(*offline)+2*quietZone) + pad
	}
	host, id := c.link, ""
	if i := strings.LastIndexByte(c.link, '/'); i >= 0 {
		host, id = c.link[:i+1], c.link[i+1:]
	}
	origin := strings.TrimSuffix(host, "c/")
	_, typed, _ := strings.Cut(host, "://")

	x, width := margin+pad+left+pad, measure-3*pad-left-right
	high := max(left+2*pad, 46*mm)
	if offline != nil {
		high = max(high, right-pad+2*pad+10)
	}
	paragraphs := []span{
		{text: c.say("check.host", origin), style: text},
		{text: c.say("check.file"), style: text},
		{text: c.say("check.proves"), style: fine},
	}
	need := 2*pad + 14 + 11 + 12 + 12
	for _, sp := range paragraphs {
		need += float64(len(p.breakLines(width, sp)))*sp.style.size*1.28 + 3
	}
	high = max(high, need-3)
	top := foot - 7*mm - high
	s.fill(margin, top, measure, high, tint)

	box := under(sect, "Sect")
	y := p.paragraph(s, x, top+pad-1, width, 14, under(box, "H3"), span{text: c.say("check"), style: head})
	s.code(margin+pad, top+(high-left)/2, module, online, under(box, "Figure", "/Alt", textString(c.say("qr.online", c.link))))
	y = p.paragraph(s, x, y, width, 11, under(box, "P"), span{text: c.say("check.scan"), style: text})
	address := under(box, "P")
	y = p.paragraph(s, x, y, width, 12, address, span{text: typed, style: style{face: bold(), size: 9, ink: ink}, link: c.link})
	y = p.paragraph(s, x, y, width, 12, address, span{text: id, style: style{face: bold(), size: 9, ink: ink, spaced: 0.4}, link: c.link}) + 3
	for _, sp := range paragraphs {
		y = p.paragraph(s, x, y, width, sp.style.size*1.28, under(box, "P"), sp) + 3
	}
	if offline != nil {
		side := right - pad
		ox, oy := margin+measure-pad-side, top+(high-side-10)/2
		s.code(ox, oy, offModule, *offline, under(box, "Figure", "/Alt", textString(c.say("qr.offline"))))
		p.paragraph(s, ox, oy+side+1, side, 9, under(box, "P"), span{text: c.say("check.offline"), style: fine})
	}
	return top
}
