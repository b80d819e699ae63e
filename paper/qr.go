// Package paper prints: certificates as PDF, and QR codes. [PDF] prints what was
// sealed, with the sealed file attached; [Attachment] takes it out again. [LinkQR]
// gives the text of the code that every certificate carries; [PNG] and [SVG] draw it.
//
// Links are drawn in 10 µs. Other texts take long for what they yield, up to 25 ms the
// longest, and a certificate as much, so callers do it when asked.
package paper

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	qrcode "github.com/skip2/go-qrcode"
)

// LinkQR returns the text of the online QR code: the verifier's base URL, "/C/"
// and the public id, all upper-case so that it is coded in alphanumeric mode:
// 49 characters then fit into version 3 at level M, 29 modules wide, which a
// telephone reads from 15 mm. Scheme and host are case-insensitive (RFC 3986,
// section 6.2.2.1). base must have no path, or one that is case-insensitive.
func LinkQR(base, public string) string {
	return strings.ToUpper(strings.TrimRight(base, "/") + "/C/" + public)
}

// quietZone is the light border that ISO/IEC 18004 asks for, in modules.
const quietZone = 4

// maxScale bounds the work of one drawing: the largest symbol is 185 modules wide
// with its border, so 35 million pixels.
const maxScale = 32

// QR is a code as rows of modules, true for dark, without its quiet zone.
type QR [][]bool

// modules draws text at level M.
func modules(text string) (QR, error) {
	if code := linkCode(text); code != nil {
		return code, nil
	}
	return draw(text)
}

// draw is modules by go-qrcode.
func draw(text string) (QR, error) {
	// A code is made afresh each time: Bitmap changes what it is called on.
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("drawing a QR code of %d bytes: %w", len(text), err)
	}
	code.DisableBorder = true
	return code.Bitmap(), nil
}

// Version is 1 to 40, ISO/IEC 18004: how large the code is.
func (q QR) Version() int { return (len(q) - 17) / 4 }

// LinkSymbol draws the text of an online code as certificates carry it.
func LinkSymbol(text string) (Symbol, error) {
	code, err := modules(text)
	if err != nil {
		return Symbol{}, err
	}
	return Symbol{code, code.Version(), "M"}, nil
}

// framed are the rows of modules with the quiet zone.
func (q QR) framed() [][]bool {
	rows := make([][]bool, len(q)+2*quietZone)
	for y := range rows {
		rows[y] = make([]bool, len(rows))
		if i := y - quietZone; i >= 0 && i < len(q) {
			copy(rows[y][quietZone:], q[i])
		}
	}
	return rows
}

// symbol draws text as rows of modules at level M, true for dark, with the quiet zone.
func symbol(text string) ([][]bool, error) {
	inner, err := modules(text)
	if err != nil {
		return nil, err
	}
	return inner.framed(), nil
}

// svgScale is the size of a module in an SVG's own width and height, in CSS
// pixels: 6 of them are 1.6 mm on paper, and any other size is as sharp.
const svgScale = 6

// SVG renders text as a self-contained SVG with width and height: level M, a
// quiet zone of 4 modules, the text as its title. It needs neither script,
// style nor another file, and so passes any Content-Security-Policy.
func SVG(text string) ([]byte, error) {
	code, err := modules(text)
	if err != nil {
		return nil, err
	}
	return code.SVG(text), nil
}

// SVG renders a code like the function of that name, with a title of its own.
func (q QR) SVG(title string) []byte {
	rows := q.framed()
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" shape-rendering="crispEdges"><title>`,
		len(rows)*svgScale, len(rows)*svgScale, len(rows), len(rows))
	xml.EscapeText(&out, []byte(title)) // a Buffer takes all writes
	fmt.Fprintf(&out, `</title><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, len(rows), len(rows))
	for y, row := range rows {
		// One rectangle for each run of dark modules: one for each module would
		// show hairlines between them on some printers.
		for x := 0; x < len(row); x++ {
			start := x
			for x < len(row) && row[x] {
				x++
			}
			if x > start {
				fmt.Fprintf(&out, "M%d %dh%dv1h-%dz", start, y, x-start, x-start)
			}
		}
	}
	out.WriteString("\"/></svg>\n")
	return out.Bytes()
}

// Terminal renders text with half blocks, dark on light: two rows of modules to
// a line, in colours of its own, because a terminal's may be the other way
// round and not every camera reads that. Each line ends with a reset and "\n".
func Terminal(text string) (string, error) {
	const (
		colours = "\x1b[38;5;16;48;5;231m" // black on white of the fixed part of the palette
		reset   = "\x1b[0m\n"
	)
	rows, err := symbol(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for y := 0; y < len(rows); y += 2 {
		out.WriteString(colours)
		for x, upper := range rows[y] {
			lower := y+1 < len(rows) && rows[y+1][x]
			switch {
			case upper && lower:
				out.WriteString("█")
			case upper:
				out.WriteString("▀")
			case lower:
				out.WriteString("▄")
			default:
				out.WriteString(" ")
			}
		}
		out.WriteString(reset)
	}
	return out.String(), nil
}
