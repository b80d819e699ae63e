package issuer

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

// What an XLSX file may be, besides the limits of any class list. It is read
// here and not by a spreadsheet library, because a library gives values and not
// what a person has to be told of: that a cell holds a formula, that a row is
// hidden, that a number is shown with zeros in front.
const (
	maxParts = 1_000   // files in the archive
	maxRatio = 100     // of what is packed to what it was
	maxRun   = 1 << 20 // bytes of XML without a tag, or of one tag
	maxDepth = 64      // of XML
)

// cellKind is what a spreadsheet says of a cell beyond its text.
type cellKind byte

const (
	cellText    cellKind = iota
	cellNumber           // shown as its text
	cellDate             // text is YYYY-MM-DD, or the number where it is no day
	cellRounded          // a number with more digits than the spreadsheet kept
	cellFormat           // a number that is shown otherwise than it is kept
	cellFormula          // text is the value it had when the file was saved
	cellError            // such as #REF!
)

// cellRange is a block of cells, places and rows included.
type cellRange struct{ left, right, top, bottom int }

// workbook is an XLSX file on the way to one sheet.
type workbook struct {
	parts    map[string]*zip.File
	left     int64 // bytes that may still be unpacked
	strings  []string
	formats  []numberFormat // by style
	date1904 bool
}

// errBomb is what unpacks into too much.
var errBomb = fmt.Errorf("it unpacks to more than %d MiB, or to more than %d times its size", maxExpanded>>20, maxRatio)

func openXLSX(data []byte) (sheet, []Problem, error) {
	unreadable := func(err error) error {
		return sheetError("list-format", 0, fmt.Sprintf("this is no readable XLSX file (%v): save it anew from the spreadsheet program, or as CSV", err))
	}
	// 1. The archive. Nothing of it is written anywhere, whatever its files are called.
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return sheet{}, nil, unreadable(err)
	}
	w := &workbook{parts: map[string]*zip.File{}, left: min(maxExpanded, max(int64(len(data)), 1<<20)*maxRatio)}
	var expanded uint64
	for _, f := range archive.File {
		expanded += min(f.UncompressedSize64, maxExpanded+1)
		name := strings.ToLower(f.Name)
		switch {
		case len(archive.File) > maxParts:
			err = fmt.Errorf("it has %d parts", len(archive.File))
		case expanded > uint64(w.left):
			err = errBomb
		case f.UncompressedSize64 > 1<<20 && f.UncompressedSize64/maxRatio > f.CompressedSize64:
			err = errBomb
		case !path.IsAbs("/"+f.Name) || path.Clean("/"+f.Name) != strings.TrimSuffix("/"+f.Name, "/") || strings.Contains(f.Name, `\`):
			err = errors.New("a part has a name that leads out of it")
		case w.parts[name] != nil:
			err = errors.New("a part is there twice")
		case f.Flags&1 != 0:
			err = errors.New("it is encrypted")
		}
		if err != nil {
			return sheet{}, nil, unreadable(err)
		}
		w.parts[name] = f
	}
	// 2. The workbook: its first visible sheet, and what the cells refer to.
	main := "xl/workbook.xml"
	if root, err := w.relations(""); err == nil {
		if r, ok := root.of("/officeDocument"); ok {
			main = r
		}
	}
	rels, err := w.relations(main)
	if err != nil {
		return sheet{}, nil, unreadable(err)
	}
	part, warnings, err := w.readWorkbook(main, rels)
	if err != nil {
		return sheet{}, nil, unreadable(err)
	}
	if name, ok := rels.of("/styles"); ok {
		if err := w.readStyles(name); err != nil {
			return sheet{}, nil, unreadable(err)
		}
	}
	if name, ok := rels.of("/sharedStrings"); ok {
		if err := w.readStrings(name); err != nil {
			return sheet{}, nil, unreadable(err)
		}
	}
	// 3. Its rows, as they are asked for.
	facts := new(sheetFacts)
	return sheet{facts: facts, lines: func(yield func(line, error) bool) {
		err := w.readSheet(part, facts, func(l line) bool { return yield(l, nil) })
		if err != nil && err != errStopped {
			yield(line{}, unreadable(err))
		}
	}}, warnings, nil
}

// read goes through the tags of a part. enter is called with each start tag and
// leave with each end tag; text with what stands between them. An error of
// theirs ends it.
func (w *workbook) read(part string, enter func(xml.StartElement) error, leave func(name string) error, text func(xml.CharData)) error {
	f := w.parts[strings.ToLower(part)]
	if f == nil {
		return fmt.Errorf("it has no part %.60q", part)
	}
	packed, err := f.Open()
	if err != nil {
		return err
	}
	defer packed.Close()
	d := xml.NewDecoder(&partGuard{from: packed, left: &w.left})
	for depth := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, errBomb) || errors.Is(err, errRun) {
			return err
		}
		if err != nil {
			return fmt.Errorf("reading its part %s: %w", path.Base(part), err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("it declares a document type")
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return errors.New("it is nested too deep")
			}
			err = enter(t)
		case xml.EndElement:
			depth--
			if leave != nil {
				err = leave(t.Name.Local)
			}
		case xml.CharData:
			if text != nil {
				text(t)
			}
		}
		if err != nil {
			return err
		}
	}
}

var errRun = fmt.Errorf("a text or a tag in it has more than %d bytes", maxRun)

// partGuard passes on an unpacked part while there is not too much of it, in all
// and between two tags: the XML decoder would hold the whole of a text.
type partGuard struct {
	from io.Reader
	left *int64
	run  int
}

func (g *partGuard) Read(p []byte) (int, error) {
	n, err := g.from.Read(p)
	if *g.left -= int64(n); *g.left < 0 {
		return 0, errBomb
	}
	for rest := p[:n]; ; {
		next := bytes.IndexAny(rest, "<>")
		if next < 0 {
			g.run += len(rest)
			break
		}
		if g.run += next; g.run > maxRun {
			break
		}
		g.run, rest = 0, rest[next+1:]
	}
	if g.run > maxRun {
		return 0, errRun
	}
	return n, err
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func isTrue(s string) bool { return s == "1" || s == "true" }

// relation is where a part leads.
type relation struct{ id, kind, target string }

type relations []relation

// of returns the part of a kind, which is told by the end of its type: the
// standard has two families of them.
func (rs relations) of(kind string) (string, bool) {
	for _, r := range rs {
		if strings.HasSuffix(r.kind, kind) {
			return r.target, true
		}
	}
	return "", false
}

// relations are those of a part, "" for the whole. What lies outside the file is none.
func (w *workbook) relations(part string) (rs relations, err error) {
	dir, base := path.Split(part)
	err = w.read(dir+"_rels/"+base+".rels", func(t xml.StartElement) error {
		if t.Name.Local == "Relationship" && !strings.EqualFold(attribute(t, "TargetMode"), "External") {
			target := attribute(t, "Target")
			if !path.IsAbs(target) {
				target = path.Join("/", dir, target)
			}
			rs = append(rs, relation{attribute(t, "Id"), attribute(t, "Type"), strings.TrimPrefix(path.Clean(target), "/")})
		}
		return nil
	}, nil, nil)
	return rs, err
}

// readWorkbook returns the part of the first visible sheet, with a warning about the others.
func (w *workbook) readWorkbook(main string, rels relations) (part string, warnings []Problem, err error) {
	var name string
	var others []string
	err = w.read(main, func(t xml.StartElement) error {
		switch t.Name.Local {
		case "workbookPr":
			w.date1904 = isTrue(attribute(t, "date1904"))
		case "sheet":
			title := shorten(attribute(t, "name"))
			for _, r := range rels {
				if r.id != attribute(t, "id") || !strings.HasSuffix(r.kind, "/worksheet") {
					continue
				}
				switch state := attribute(t, "state"); {
				case state == "hidden" || state == "veryHidden":
					others = append(others, fmt.Sprintf("%q (hidden)", title))
				case part == "":
					part, name = r.target, title
				default:
					others = append(others, strconv.Quote(title))
				}
			}
		}
		return nil
	}, nil, nil)
	if err == nil && part == "" {
		err = errors.New("it has no visible sheet")
	}
	if len(others) > 0 {
		more := ""
		if len(others) > 5 {
			others, more = others[:5], " and more"
		}
		warnings = append(warnings, Problem{Rule: "list-sheets", Value: name, Warn: true,
			Want: "is the first visible sheet and the only one that is read; not read: " + strings.Join(others, ", ") + more})
	}
	return part, warnings, err
}

// readStyles reads in which format each style shows numbers.
func (w *workbook) readStyles(part string) error {
	custom := map[int]string{}
	inside := false
	return w.read(part, func(t xml.StartElement) error {
		switch t.Name.Local {
		case "numFmt":
			if id, err := strconv.Atoi(attribute(t, "numFmtId")); err == nil {
				custom[id] = attribute(t, "formatCode")
			}
		case "cellXfs":
			inside = true
		case "xf":
			if inside {
				id, _ := strconv.Atoi(attribute(t, "numFmtId"))
				code, ok := custom[id]
				if !ok {
					code = builtinFormat(id)
				}
				w.formats = append(w.formats, readFormat(code))
			}
		}
		return nil
	}, func(name string) error {
		inside = inside && name != "cellXfs"
		return nil
	}, nil)
}

// readStrings reads the texts that cells refer to.
func (w *workbook) readStrings(part string) error {
	var text richText
	return w.read(part, func(t xml.StartElement) error {
		if t.Name.Local == "si" {
			text = richText{}
		}
		text.enter(t.Name.Local)
		return nil
	}, func(name string) error {
		text.leave(name)
		if name == "si" {
			w.strings = append(w.strings, text.text())
		}
		return nil
	}, func(s xml.CharData) { text.add(s) })
}

// richText collects the text of a cell out of runs, without what tells how to
// read it aloud (rPh).
type richText struct {
	b            strings.Builder
	inside, skip bool
}

func (r *richText) enter(name string) {
	switch name {
	case "t":
		r.inside = true
	case "rPh":
		r.skip = true
	}
}

func (r *richText) leave(name string) {
	switch name {
	case "t":
		r.inside = false
	case "rPh":
		r.skip = false
	}
}

// add keeps as much of a text as tells that it is too long.
func (r *richText) add(s []byte) {
	if room := 4*maxCell + 4 - r.b.Len(); r.inside && !r.skip && room > 0 {
		r.b.Write(s[:min(len(s), room)])
	}
}

// text is the whole, with characters that XML cannot hold written out (_x000D_).
func (r *richText) text() string {
	s := r.b.String()
	if !strings.Contains(s, "_x") {
		return strings.ToValidUTF8(s, "") // a long one may be cut inside a character
	}
	var b strings.Builder
	for len(s) > 0 {
		if len(s) >= 7 && s[0] == '_' && s[1] == 'x' && s[6] == '_' {
			if n, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
				b.WriteRune(rune(n))
				s = s[7:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return strings.ToValidUTF8(b.String(), "")
}

var errStopped = errors.New("no more rows are wanted")

// readSheet passes on the rows of a sheet that have a cell. facts is whole when
// it returns; what it says of columns, before the first row.
func (w *workbook) readSheet(part string, facts *sheetFacts, each func(line) bool) error {
	var l line
	var c struct {
		place       int
		kind, style string
		formula     bool
		value       richText
	}
	row, place, inRows, valued := 0, 0, false, false
	return w.read(part, func(t xml.StartElement) (err error) {
		switch t.Name.Local {
		case "sheetData":
			inRows = true
		case "col":
			if isTrue(attribute(t, "hidden")) {
				first, err1 := strconv.Atoi(attribute(t, "min"))
				last, err2 := strconv.Atoi(attribute(t, "max"))
				if err1 == nil && err2 == nil {
					facts.hidden = append(facts.hidden, cellRange{left: first - 1, right: last - 1})
				}
			}
		case "mergeCell":
			block, ok := readRange(attribute(t, "ref"))
			if !ok {
				return errors.New("a block of merged cells has no place")
			}
			facts.merged = append(facts.merged, block)
		case "row":
			before := row
			row++
			if r := attribute(t, "r"); r != "" {
				row, err = strconv.Atoi(r)
			}
			if err != nil || row <= before {
				return errors.New("its rows are not in order")
			}
			l, place = line{number: row, hidden: isTrue(attribute(t, "hidden"))}, -1
		case "c":
			before := place
			place++
			if r := attribute(t, "r"); r != "" {
				at, ok := readRange(r)
				if !ok || at.left <= before {
					return errors.New("its cells are not in order")
				}
				place = at.left
			}
			c.place, c.kind, c.style, c.formula, c.value = place, attribute(t, "t"), attribute(t, "s"), false, richText{}
		case "f":
			c.formula = true
		case "v":
			valued, c.value = true, richText{inside: true}
		default:
			c.value.enter(t.Name.Local)
		}
		return nil
	}, func(name string) error {
		switch name {
		case "v":
			valued, c.value.inside = false, false
		case "c":
			if !inRows || c.place < 0 {
				return nil
			}
			text, kind, err := w.cell(c.kind, c.style, c.value.text())
			if err != nil {
				return err
			}
			if c.formula {
				kind = cellFormula
			}
			if text == "" && kind != cellFormula {
				return nil
			}
			at := min(c.place, maxColumns) // one more than there may be tells enough
			for len(l.cells) <= at {
				l.cells, l.kinds = append(l.cells, ""), append(l.kinds, cellText)
			}
			l.cells[at], l.kinds[at] = text, kind
		case "row":
			if len(l.cells) > 0 && !each(l) {
				return errStopped
			}
		case "sheetData":
			inRows = false
		default:
			if !valued {
				c.value.leave(name)
			}
		}
		return nil
	}, func(s xml.CharData) { c.value.add(s) })
}

// cell is the text of a cell as the spreadsheet shows it, and what it is.
func (w *workbook) cell(kind, style, value string) (string, cellKind, error) {
	switch kind {
	case "s":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n >= len(w.strings) {
			return "", 0, errors.New("a cell refers to a text that is not there")
		}
		return w.strings[n], cellText, nil
	case "inlineStr", "str":
		return value, cellText, nil
	case "b":
		return map[bool]string{true: "TRUE", false: "FALSE"}[isTrue(value)], cellText, nil
	case "e":
		return value, cellError, nil
	case "d":
		day, time, _ := strings.Cut(value, "T")
		if strings.Trim(time, "0:.Z") != "" {
			return value, cellDate, nil
		}
		return day, cellDate, nil
	}
	if value == "" {
		return "", cellText, nil
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return "", 0, errors.New("a cell of numbers holds something else")
	}
	var format numberFormat
	if at, err := strconv.Atoi(style); err == nil && at >= 0 && at < len(w.formats) {
		format = w.formats[at]
	}
	text, shown := format.write(n, w.date1904)
	return text, shown, nil
}

// readRange reads "B2" or "B2:C5"; top is 0 for a column alone.
func readRange(ref string) (r cellRange, ok bool) {
	first, last, two := strings.Cut(ref, ":")
	if !two {
		last = first
	}
	read := func(s string) (place, row int, ok bool) {
		s = strings.ReplaceAll(s, "$", "")
		for len(s) > 0 && s[0] >= 'A' && s[0] <= 'Z' && place < 1<<15 {
			place, s = 26*place+int(s[0]-'A')+1, s[1:]
		}
		row, err := strconv.Atoi(s)
		return place - 1, row, err == nil && row > 0 && place > 0 && place <= 1<<14
	}
	var ok1, ok2 bool
	r.left, r.top, ok1 = read(first)
	r.right, r.bottom, ok2 = read(last)
	return r, ok1 && ok2 && r.left <= r.right && r.top <= r.bottom
}

// cellName is what a spreadsheet calls a cell; place counts from 0, row from 1.
func cellName(place, row int) string {
	if place < 0 || place >= 1<<14 || row < 1 || row > 1<<20 {
		return "" // beyond what a spreadsheet can show
	}
	name := ""
	for n := place + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name + strconv.Itoa(row)
}

// numberFormat is how a spreadsheet shows a number (ECMA-376 part 1, 18.8.30 and
// 18.8.31).
type numberFormat struct {
	date     bool
	digits   int  // at least so many before the point
	decimals int  // so many after it
	fixed    bool // decimals are meant
	other    bool // shown in a way that is not written here
}

// builtinFormat is the code of a format that files do not spell out. What
// depends on the country is a day where it is one anywhere.
func builtinFormat(id int) string {
	switch {
	case id >= 14 && id <= 22 || id >= 27 && id <= 36 || id >= 45 && id <= 47 || id >= 50 && id <= 58:
		return "yyyy-mm-dd"
	case id == 1:
		return "0"
	case id == 2:
		return "0.00"
	case id == 3 || id >= 37 && id <= 38:
		return "#,##0"
	case id == 4 || id >= 39 && id <= 44:
		return "#,##0.00"
	case id == 9 || id == 10:
		return "0%"
	case id >= 11 && id <= 13 || id == 48:
		return "# ?/?"
	}
	return "General"
}

func readFormat(code string) numberFormat {
	// Colours, conditions and texts say nothing about the digits.
	var b strings.Builder
	literal := false
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case c == '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				return numberFormat{other: true}
			}
			literal = literal || end > 0
			i += 1 + end
		case c == '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return numberFormat{other: true}
			}
			if inside := strings.ToLower(code[i+1 : i+end]); inside != "" && strings.Trim(inside, "hms") == "" {
				b.WriteString("h") // elapsed time
			}
			i += end
		case c == '\\':
			literal = true
			i++
		case c == '_' || c == '*':
			i++
		case c == ';':
			i = len(code) // numbers below zero, zero, texts
		default:
			b.WriteByte(c)
		}
	}
	shown := strings.TrimSpace(strings.ToLower(b.String()))
	if shown == "" || shown == "general" || shown == "@" {
		return numberFormat{other: literal}
	}
	if !strings.Contains(shown, "general") && strings.ContainsAny(shown, "ymdhs") && !strings.ContainsAny(shown, "#0?") || strings.Contains(shown, "yy") {
		return numberFormat{date: true}
	}
	whole, part, _ := strings.Cut(shown, ".")
	if literal || strings.Trim(whole, "#,0") != "" || strings.Trim(part, "#0") != "" {
		return numberFormat{other: true}
	}
	return numberFormat{digits: strings.Count(whole, "0"), decimals: len(part), fixed: !strings.Contains(part, "#")}
}

// write is a number as a person sees it, or the nearest to it.
func (f numberFormat) write(n float64, date1904 bool) (string, cellKind) {
	plain := strconv.FormatFloat(n, 'f', -1, 64)
	switch {
	case f.date:
		if day, ok := serialDay(n, date1904); ok {
			return day, cellDate
		}
		return plain, cellDate
	case math.Abs(n) >= 1e15:
		return strconv.FormatFloat(n, 'E', -1, 64), cellRounded
	case f.other:
		return plain, cellFormat
	}
	text := plain
	if f.fixed && f.decimals > 0 {
		// Where the format hides decimals, the number is another than the shown one.
		if text = strconv.FormatFloat(n, 'f', f.decimals, 64); len(plain) > len(text) {
			return plain, cellFormat
		}
	}
	if whole, _, _ := strings.Cut(text, "."); n >= 0 && len(whole) < f.digits {
		text = strings.Repeat("0", f.digits-len(whole)) + text
	}
	return text, cellNumber
}

// serialDay is the day that a spreadsheet keeps as a number. Counted from 1900
// there is a 29 February 1900 that never was, and all before it is one off.
func serialDay(n float64, date1904 bool) (string, bool) {
	const last = 2_958_465 // 31 December 9999
	if n != math.Trunc(n) || n < 1 || n > last {
		return "", false
	}
	from := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case date1904:
		from = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case n == 60:
		return "", false
	case n < 60:
		from = from.AddDate(0, 0, 1)
	}
	day := from.AddDate(0, 0, int(n))
	return day.Format(time.DateOnly), day.Year() <= 9999
}
