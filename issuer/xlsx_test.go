package issuer

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// parts are those of a small XLSX file, written by hand: what a spreadsheet
// library writes is what it thinks right.
func parts(sheetData string) map[string]string {
	return map[string]string{
		"_rels/.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml": `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
			`<sheets><sheet name="Popis" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
			`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>` +
			`<Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>`,
		"xl/styles.xml": `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="164" formatCode="0000000000"/></numFmts>` +
			`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="9"/><xf numFmtId="2"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml":     `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>given_name</t></si><si><t>family_name</t></si><si><t>date_of_birth</t></si><si><r><t>An</t></r><r><rPr><b/></rPr><t>ić</t></r><rPh sb="0" eb="1"><t>read aloud</t></rPh></si></sst>`,
		"xl/worksheets/sheet1.xml": `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` + sheetData + `</worksheet>`,
	}
}

// packed is an archive of parts.
func packed(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(parts[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	sheetHead = `<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c><c r="D1" t="inlineStr"><is><t>learner_id</t></is></c><c r="E1" t="inlineStr"><is><t>grade</t></is></c></row>`
	sheetRow  = `<row r="3"><c r="A3" t="inlineStr"><is><t>Ana</t></is></c><c r="B3" t="s"><v>3</v></c><c r="C3" s="1"><v>36964</v></c>%s</row></sheetData>`
)

// TestCellsAreReadAsTheyAreShown: zeros in front, dates of both systems, and what
// a spreadsheet made of what was typed.
func TestCellsAreReadAsTheyAreShown(t *testing.T) {
	c := course(t, 0)
	for name, in := range map[string]struct {
		cells string // D3 and E3
		edit  map[string]func(string) string
		want  string // learner id and grade, or the rule and the cell of each problem
	}{
		"text":                        {`<c r="D3" t="inlineStr"><is><t>007</t></is></c>`, nil, `"007" ""`},
		"number":                      {`<c r="D3"><v>7</v></c><c r="E3"><v>9.4000000000000004</v></c>`, nil, `"7" "9.4"`},
		"zeros in front by format":    {`<c r="D3" s="2"><v>36512345</v></c>`, nil, `"0036512345" ""`},
		"two decimals by format":      {`<c r="E3" s="4"><v>9.5</v></c>`, nil, `"" "9.50"`},
		"decimals hidden by format":   {`<c r="E3" s="4"><v>9.4567</v></c>`, nil, "number-format E3"},
		"percentage":                  {`<c r="E3" s="3"><v>0.95</v></c>`, nil, "number-format E3"},
		"truth":                       {`<c r="E3" t="b"><v>1</v></c>`, nil, `"" "TRUE"`},
		"error":                       {`<c r="E3" t="e"><v>#REF!</v></c>`, nil, "cell-error E3"},
		"too many digits":             {`<c r="D3"><v>2.0210123456789123E+18</v></c>`, nil, "number-rounded D3"},
		"typed 5/10, kept as a day":   {`<c r="E3" s="1"><v>46150</v></c>`, nil, "cell-date E3"},
		"formula with a value":        {`<c r="E3"><f>VLOOKUP(A3,[1]old!A:B,2,0)</f><v>9</v></c>`, nil, "formula E3"},
		"formula with a text":         {`<c r="E3" t="str"><f>A3&amp;"x"</f><v>Anax</v></c>`, nil, "formula E3"},
		"formula without a value":     {`<c r="E3"><f>A3</f></c>`, nil, "formula E3"},
		"formula, not read":           {`<c r="F3"><f>A3</f><v>9</v></c>`, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace("</c></row><row", `</c><c r="F1" t="inlineStr"><is><t>points</t></is></c></row><row`)}, `"" ""`},
		"characters written out":      {`<c r="D3" t="inlineStr"><is><t>_x0041__x005F_x</t></is></c>`, nil, `"A_x" ""`},
		"line break written out":      {`<c r="D3" t="inlineStr"><is><t>a_x000D_b</t></is></c>`, nil, "control-character D3"},
		"cells without places":        {`<c t="inlineStr"><is><t>7</t></is></c><c><v>9</v></c>`, nil, `"7" "9"`},
		"strict namespaces and kind":  {`<c r="D3"><v>7</v></c>`, map[string]func(string) string{"xl/_rels/workbook.xml.rels": replace("http://schemas.openxmlformats.org/officeDocument/2006/relationships/", "http://purl.oclc.org/ooxml/officeDocument/relationships/")}, `"7" ""`},
		"day as text of the standard": {`<c r="D3"><v>7</v></c>`, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`<c r="C3" s="1"><v>36964</v></c>`, `<c r="C3" t="d"><v>2001-03-14T00:00:00</v></c>`)}, `"7" ""`},
		"day with a time":             {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`36964`, `36964.5`)}, "date-form C3"},
		"day as a bare number":        {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`<c r="C3" s="1"><v>36964</v></c>`, `<c r="C3"><v>36964</v></c>`)}, "date-form C3"},
		"year alone":                  {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`<c r="C3" s="1"><v>36964</v></c>`, `<c r="C3"><v>2001</v></c>`)}, "date-form C3"},
		"day as people write it":      {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`<c r="C3" s="1"><v>36964</v></c>`, `<c r="C3" t="inlineStr"><is><t>14. 3. 2001.</t></is></c>`)}, "date-form C3"},
		"counted from 1904":           {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`36964`, `35502`), "xl/workbook.xml": replace("<sheets>", `<workbookPr date1904="1"/><sheets>`)}, `"" ""`},
		"day that never was":          {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`36964`, `60`)}, "date-form C3"},
		"hidden row":                  {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`<row r="3">`, `<row r="3" hidden="1">`)}, "row-hidden "},
		"merged cells":                {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`</sheetData>`, `</sheetData><mergeCells><mergeCell ref="D3:E3"/></mergeCells>`)}, "cells-merged D3:E3"},
		"merged cells, many rows":     {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`</sheetData>`, `</sheetData><mergeCells><mergeCell ref="D3:D3000"/></mergeCells>`)}, "cells-merged D3:D3000"},
		"merged headers":              {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`</sheetData>`, `</sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells>`)}, "cells-merged A1:B1"},
		"merged cells, not read":      {``, map[string]func(string) string{"xl/worksheets/sheet1.xml": replace(`</sheetData>`, `</sheetData><mergeCells><mergeCell ref="G3:H3"/></mergeCells>`)}, `"" ""`},
	} {
		p := parts(sheetHead + fmt.Sprintf(sheetRow, in.cells))
		for part, edit := range in.edit {
			p[part] = edit(p[part])
		}
		rows, warnings, err := ReadRows("list.xlsx", packed(t, p), c, ListOptions{})
		got := ""
		if list, ok := err.(*Problems); ok {
			for _, p := range list.List {
				got += p.Rule + " " + p.Cell
			}
		} else if err != nil || len(rows) != 1 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
			continue
		} else if r := rows[0]; r.Sound() {
			got = fmt.Sprintf("%q %q", r.Draft.LearnerID, r.Draft.Grade)
			if r.Draft.GivenName != "Ana" || r.Draft.FamilyName != "Anić" || r.Draft.DateOfBirth != "2001-03-14" || r.Draft.Row != 3 {
				t.Errorf("%s: %+v", name, r.Draft)
			}
		} else {
			for _, p := range r.Problems {
				got += p.Rule + " " + p.Cell
			}
		}
		if got != in.want {
			t.Errorf("%s: %s, want %s", name, got, in.want)
		}
		for _, w := range warnings {
			if w.Rule != "column-unknown" {
				t.Errorf("%s: %s", name, w)
			}
		}
	}
}

func replace(old, new string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, old) {
			panic("nothing to replace: " + old)
		}
		return strings.ReplaceAll(s, old, new)
	}
}

// TestHiddenSheetsAndColumnsAreNamed: what a registrar does not see is not read,
// or is said to be.
func TestHiddenSheetsAndColumnsAreNamed(t *testing.T) {
	p := parts(`<cols><col min="2" max="3" width="9"/><col min="5" max="7" hidden="1"/></cols>` + sheetHead + fmt.Sprintf(sheetRow, `<c r="E3"><v>9</v></c>`))
	p["xl/workbook.xml"] = strings.Replace(p["xl/workbook.xml"], "<sheets>", `<sheets><sheet name="Stari popis" sheetId="2" state="hidden" r:id="rId1"/>`, 1)
	p["xl/workbook.xml"] = strings.Replace(p["xl/workbook.xml"], "</sheets>", `<sheet name="Ispisani" sheetId="3" r:id="rId1"/></sheets>`, 1)
	rows, warnings, err := ReadRows("list.xlsx", packed(t, p), course(t, 0), ListOptions{})
	if err != nil || len(rows) != 1 || rows[0].Draft.Grade != "9" {
		t.Fatalf("%+v, %v", rows, err)
	}
	want := `  list-sheets: "Popis" is the first visible sheet and the only one that is read; not read: "Stari popis" (hidden), "Ispisani" (warning)
  column-hidden: row 1, column "grade" (cell E1): is hidden in the spreadsheet, but will be read (warning)
`
	if diff := cmp.Diff(want, listed(warnings, nil)); diff != "" {
		t.Error(diff)
	}
}

// TestFormatsOfNumbers: codes as spreadsheets of several countries write them.
func TestFormatsOfNumbers(t *testing.T) {
	for code, want := range map[string]string{
		"General": "36964 number", "@": "36964 number", "0": "36964 number", "#,##0": "36964 number", "# ##0": "36964 format",
		"0000000": "0036964 number", "000-000": "36964 format", `"br. "0`: "36964 format", "0.00": "36964.00 number", "0.##": "36964 number",
		"0%": "36964 format", "0.00E+00": "36964 format", "[Red]0;[Blue]-0": "36964 number", `[$-41A]d. mmmm yyyy.;@`: "2001-03-14 date", `dd\.mm\.yyyy`: "2001-03-14 date",
		"yyyy-mm-dd": "2001-03-14 date", "m/d/yy h:mm": "2001-03-14 date", "[h]:mm": "2001-03-14 date", `dd"."mm"."yyyy"."`: "2001-03-14 date", "_-* #,##0_-": "36964 number",
		`"`: "36964 format", "[": "36964 format", "": "36964 number",
	} {
		text, kind := readFormat(code).write(36964, false)
		if got := text + " " + map[cellKind]string{cellNumber: "number", cellDate: "date", cellFormat: "format"}[kind]; got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
	for n, want := range map[float64]string{1: "1900-01-01", 59: "1900-02-28", 61: "1900-03-01", 36964: "2001-03-14", 2_958_465: "9999-12-31", 60: "", 0: "", 2_958_466: "", 1.5: "", -1: ""} {
		if got, _ := serialDay(n, false); got != want {
			t.Errorf("day %v is %q, want %q", n, got, want)
		}
	}
}

// TestReadAsExcelizeDoes: what another implementation writes and reads, in both date systems.
func TestReadAsExcelizeDoes(t *testing.T) {
	raw := xlsxOf(t, table, "Datum rođenja", "Datum dodjele")
	f, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := f.GetRows("Sheet1", excelize.Options{ShortDatePattern: "yyyy-mm-dd"})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := openSheet(raw, "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for l, err := range s.lines {
		if err != nil {
			t.Fatal(err)
		}
		for i, cell := range l.cells {
			if l.kinds[i] != cellDate && cell != want[l.number-1][i] {
				t.Errorf("row %d, cell %d: %q, want %q", l.number, i, cell, want[l.number-1][i])
			}
			n++
		}
	}
	if n < 30 {
		t.Errorf("%d cells", n)
	}
}

// TestHostileWorkbooks: none of them is read, and none takes long or much memory.
func TestHostileWorkbooks(t *testing.T) {
	c := course(t, 0)
	good := parts(sheetHead + fmt.Sprintf(sheetRow, ""))
	if _, _, err := ReadList("list.xlsx", packed(t, good), c, ""); err != nil {
		t.Fatal(err)
	}
	with := func(change func(p map[string]string)) []byte {
		p := maps.Clone(good)
		change(p)
		return packed(t, p)
	}
	twice := func() []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, name := range append(slices.Sorted(maps.Keys(good)), "XL/worksheets/sheet1.xml") {
			f, err := w.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Write([]byte(good[strings.ToLower(name)]))
		}
		w.Close()
		return b.Bytes()
	}
	const sheet = "xl/worksheets/sheet1.xml"
	for name, in := range map[string]struct {
		data []byte
		want string
	}{
		"a bomb of spaces": {with(func(p map[string]string) { p[sheet] += strings.Repeat(" ", 4<<20) }), "it unpacks to more than"},
		"a bomb beside":    {with(func(p map[string]string) { p["xl/media/image1.bmp"] = strings.Repeat("\x00", 4<<20) }), "it unpacks to more than"},
		"a bomb of rows": {with(func(p map[string]string) {
			p[sheet] = strings.Replace(p[sheet], "</sheetData>", strings.Repeat("<row/>", 1<<20)+"</sheetData>", 1)
		}), "it unpacks to more than"},
		"a bomb of shared strings": {with(func(p map[string]string) {
			p["xl/sharedStrings.xml"] = "<sst>" + strings.Repeat("<si><t>a</t></si>", 1<<18) + "</sst>"
		}), "it unpacks to more than"},
		"a size that is not true": {lying(t, with(func(p map[string]string) { p[sheet] += strings.Repeat(" ", 4<<20) })), ""},
		"ten thousand parts": {with(func(p map[string]string) {
			for n := range 10_000 {
				p[fmt.Sprint("x/", n)] = ""
			}
		}), "parts"},
		"a way out":               {with(func(p map[string]string) { p["../../etc/passwd"] = "" }), "leads out of it"},
		"a way out in the middle": {with(func(p map[string]string) { p["xl/../../a"] = "" }), "leads out of it"},
		"a root":                  {with(func(p map[string]string) { p["/etc/passwd"] = "" }), "leads out of it"},
		"another way to write it": {with(func(p map[string]string) { p[`xl\a`] = "" }), "leads out of it"},
		"a part twice":            {twice(), "there twice"},
		"entities": {with(func(p map[string]string) {
			p[sheet] = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>` + p[sheet]
		}), "declares a document type"},
		"a file as an entity": {with(func(p map[string]string) {
			p["xl/sharedStrings.xml"] = `<!DOCTYPE x SYSTEM "file:///etc/passwd"><sst><si><t>&x;</t></si></sst>`
		}), "declares a document type"},
		"an entity out of nowhere": {with(func(p map[string]string) { p["xl/sharedStrings.xml"] = `<sst><si><t>&x;</t></si></sst>` }), "reading its part"},
		"deep nesting":             {with(func(p map[string]string) { p[sheet] = strings.Repeat("<a>", 100_000) }), "nested too deep"},
		"one long text": {with(func(p map[string]string) {
			p["xl/sharedStrings.xml"] = "<sst><si><t>" + noise(2<<20) + "</t></si></sst>"
		}), "a text or a tag"},
		"one long tag":             {with(func(p map[string]string) { p[sheet] = `<worksheet a="` + noise(2<<20) + `"/>` }), "a text or a tag"},
		"another encoding":         {with(func(p map[string]string) { p[sheet] = `<?xml version="1.0" encoding="UTF-7"?>` + p[sheet] }), "reading its part"},
		"rows out of order":        {with(func(p map[string]string) { p[sheet] = strings.Replace(p[sheet], `<row r="3">`, `<row r="1">`, 1) }), "not in order"},
		"cells out of order":       {with(func(p map[string]string) { p[sheet] = strings.Replace(p[sheet], `r="B3"`, `r="A3"`, 1) }), "not in order"},
		"a cell without a place":   {with(func(p map[string]string) { p[sheet] = strings.Replace(p[sheet], `r="B3"`, `r="ZZZZZZ3"`, 1) }), "not in order"},
		"a text that is not there": {with(func(p map[string]string) { p[sheet] = strings.Replace(p[sheet], `<v>3</v>`, `<v>-3</v>`, 1) }), "refers to a text"},
		"a number that is none":    {with(func(p map[string]string) { p[sheet] = strings.Replace(p[sheet], `36964`, `NaN`, 1) }), "holds something else"},
		"hidden sheets only": {with(func(p map[string]string) {
			p["xl/workbook.xml"] = strings.Replace(p["xl/workbook.xml"], "<sheet ", `<sheet state="veryHidden" `, 1)
		}), "no visible sheet"},
		"a sheet somewhere else": {with(func(p map[string]string) {
			p["xl/_rels/workbook.xml.rels"] = strings.Replace(p["xl/_rels/workbook.xml.rels"], `Target="worksheets/sheet1.xml"`, `TargetMode="External" Target="https://other.example/sheet1.xml"`, 1)
		}), "no visible sheet"},
		"a sheet that is not there": {with(func(p map[string]string) { delete(p, sheet) }), "no part"},
		"no workbook":               {with(func(p map[string]string) { delete(p, "xl/workbook.xml") }), "no part"},
		"cut":                       {packed(t, good)[:700], "no readable XLSX"},
	} {
		_, _, err := ReadList("list.xlsx", in.data, c, "")
		list, ok := err.(*Problems)
		if !ok || list.List[0].Rule != "list-format" || !strings.Contains(err.Error(), in.want) {
			t.Errorf("%s (%d bytes): %.300v", name, len(in.data), err)
		}
	}
	// Rows without a cell are none, as many as there may be in a sheet.
	p := maps.Clone(good)
	var rows strings.Builder
	for n := range 1 << 20 {
		if n%8 == 0 {
			fmt.Fprintf(&rows, `<row r="%d" ht="%d"/>`, n+4, n*7919%97)
		}
	}
	p[sheet] = strings.Replace(p[sheet], "</sheetData>", rows.String()+"</sheetData>", 1)
	if drafts, _, err := ReadList("list.xlsx", packed(t, p), c, ""); err != nil || len(drafts) != 1 {
		t.Errorf("empty rows: %d drafts, %v", len(drafts), err)
	}
}

// noise is text that hardly packs.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = "abcdefghijklmnopqrstuvwxyz012345"[x>>27]
	}
	return string(b)
}

// lying says in the archive's directory that the large part is small.
func lying(t *testing.T, archive []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if f.UncompressedSize64 > 1<<20 {
			size := fmt.Appendf(nil, "%c%c%c%c", 0, 0, 0, 0)
			for i := range size {
				size[i] = byte(f.UncompressedSize64 >> (8 * i))
			}
			at := bytes.LastIndex(archive, size)
			if at < 0 {
				t.Fatal("no size in the directory")
			}
			copy(archive[at:], []byte{0, 4, 0, 0})
		}
	}
	return archive
}

// FuzzWorkbook changes what is inside an archive, where FuzzReadList breaks its
// checksums.
func FuzzWorkbook(f *testing.F) {
	p := parts(sheetHead + fmt.Sprintf(sheetRow, `<c r="D3" s="2"><v>7</v></c>`))
	f.Add(p["xl/worksheets/sheet1.xml"], p["xl/sharedStrings.xml"], p["xl/styles.xml"])
	f.Add(p["xl/worksheets/sheet1.xml"]+`<cols><col min="1" max="3" hidden="1"/></cols><mergeCells><mergeCell ref="A1:C9"/></mergeCells>`, p["xl/sharedStrings.xml"], p["xl/styles.xml"])
	c := course(f, 0)
	f.Fuzz(func(t *testing.T, sheet, strings, styles string) {
		p := maps.Clone(p)
		p["xl/worksheets/sheet1.xml"], p["xl/sharedStrings.xml"], p["xl/styles.xml"] = sheet, strings, styles
		rows, _, err := ReadRows("list.xlsx", packed(t, p), c, ListOptions{})
		if (rows == nil) == (err == nil) {
			t.Fatalf("%d rows with %v", len(rows), err)
		}
		for n, r := range rows {
			if n > 0 && rows[n-1].Draft.Row >= r.Draft.Row {
				t.Fatalf("row %d after row %d", r.Draft.Row, rows[n-1].Draft.Row)
			}
			if err := r.Draft.check(); r.Sound() && err != nil {
				t.Fatalf("a draft that was read is refused: %v", err)
			}
		}
	})
}
