package issuer

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
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

var (
	errEncrypted = errors.New("it is encrypted")
	errNoSheet   = errors.New("it has no visible sheet")
)

// xlsxWays are the ways in which an XLSX file cannot be read that a person can mend
// otherwise than by saving it anew.
var xlsxWays = []struct {
	is  error
	way string
}{{errBomb, "bomb"}, {errRun, "text-size"}, {errEncrypted, "encrypted"}, {errNoSheet, "no-sheet"}}

func openXLSX(data []byte) (sheet, []Problem, error) {
	unreadable := func(err error) error {
		way := "damaged"
		for _, known := range xlsxWays {
			if errors.Is(err, known.is) {
				way = known.way
			}
		}
		return sheetError("list-format", way, 0, fmt.Sprintf("this is no readable XLSX file (%v): save it anew from the spreadsheet program, or as CSV", err), "Most", strconv.Itoa(maxExpanded>>20), "Times", strconv.Itoa(maxRatio))
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
			err = errEncrypted
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
		err = errNoSheet
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
