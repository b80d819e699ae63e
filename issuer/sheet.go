package issuer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
)

// Limits of a class list.
const (
	maxList     = 32 << 20  // bytes
	maxExpanded = 100 << 20 // bytes of an XLSX, unpacked
	maxRows     = 50_000    // learners
	maxColumns  = 200
	maxCell     = 2_000 // characters
	maxProblems = 1_000 // that are listed
)

// line is one row of a sheet: its number as a spreadsheet shows it, and its
// cells as text.
type line struct {
	number int
	cells  []string
}

// sheet is a table of text, whatever file it came in.
type sheet struct {
	lines iter.Seq2[line, error]
	// serials tells that a bare number in a column of dates is a day counted as
	// spreadsheets count; date1904 from which day.
	serials, date1904 bool
}

// sheetProblem is why a file cannot be read as a table, at a row if known.
type sheetProblem Problem

func (p *sheetProblem) Error() string { return Problem(*p).String() }

func sheetError(rule string, row int, want string) error {
	return &sheetProblem{Rule: rule, Row: row, Want: want}
}

// openSheet tells by content what the file is.
func openSheet(data []byte, encoding string) (sheet, []Problem, error) {
	switch {
	case len(data) > maxList:
		return sheet{}, nil, sheetError("list-size", 0, fmt.Sprintf("the file has %d bytes: expected at most %d", len(data), maxList))
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return openXLSX(data)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return sheet{}, nil, sheetError("list-format", 0, "this is an old .xls or a password-protected file: save it as .xlsx without a password, or as CSV")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return sheet{}, nil, sheetError("list-encoding", 0, `this is text in UTF-16: save it as "CSV UTF-8" or as .xlsx`)
	case len(bytes.TrimSpace(data)) == 0:
		return sheet{}, nil, sheetError("list-empty", 0, "the file is empty: expected a row of headers and a row for each learner")
	}
	return openCSV(data, encoding)
}

func openCSV(data []byte, encoding string) (sheet, []Problem, error) {
	text, warnings, err := decodeText(data, encoding)
	if err != nil {
		return sheet{}, nil, err
	}
	lines := func(yield func(line, error) bool) {
		r := csv.NewReader(strings.NewReader(text))
		r.Comma, r.FieldsPerRecord = separator(text), -1
		for {
			cells, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if bad, ok := errors.AsType[*csv.ParseError](err); ok {
				yield(line{}, sheetError("list-quotes", bad.StartLine, `has quotation marks that are not closed or stand inside a cell: expected a cell in quotation marks with inner ones doubled ("")`))
				return
			}
			if err != nil {
				yield(line{}, fmt.Errorf("reading CSV: %w", err)) // unreachable: a string does not fail
				return
			}
			number, _ := r.FieldPos(0)
			if !yield(line{number, cells}, nil) {
				return
			}
		}
	}
	return sheet{lines: lines}, warnings, nil
}

// decodeText turns bytes into text. Windows-1250 cannot be told from its
// cousins by looking at it, so what is not UTF-8 is taken as that with a
// warning that shows a piece of the text.
func decodeText(data []byte, encoding string) (string, []Problem, error) {
	plain, bom := bytes.CutPrefix(data, []byte("\xef\xbb\xbf"))
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(encoding)) {
	case "":
		if bom || utf8.Valid(plain) {
			return decodeText(data, "utf-8")
		}
		text, _, err := decodeText(data, "windows-1250")
		if err != nil {
			return "", nil, err
		}
		return text, []Problem{{
			Rule: "list-encoding", Value: sample(text), Warn: true,
			Want: `is how the text reads in Windows-1250, which it was taken for as it is not UTF-8: if letters are wrong, save the list as "CSV UTF-8"`,
		}}, nil
	case "utf8":
		if at := invalidUTF8(plain); at >= 0 {
			row := 1 + bytes.Count(plain[:at], []byte("\n"))
			return "", nil, sheetError("list-encoding", row, `is not UTF-8: save the list as "CSV UTF-8", or name its encoding`)
		}
		return string(plain), nil, nil
	case "windows1250", "cp1250":
		text, err := charmap.Windows1250.NewDecoder().String(string(data))
		if err != nil {
			return "", nil, fmt.Errorf("decoding Windows-1250: %w", err) // unreachable: every byte decodes
		}
		if before, _, found := strings.Cut(text, "\ufffd"); found {
			return "", nil, sheetError("list-encoding", 1+strings.Count(before, "\n"), `has bytes that are neither UTF-8 nor Windows-1250: save the list as "CSV UTF-8"`)
		}
		return text, nil, nil
	}
	return "", nil, &sheetProblem{Rule: "list-encoding", Value: shorten(encoding), Want: `is not an encoding that is read here: expected "utf-8" or "windows-1250"`}
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// sample is the first cell with a letter outside ASCII.
func sample(text string) string {
	i := strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	if i < 0 {
		return ""
	}
	edge := func(r rune) bool { return strings.ContainsRune(",;\t\r\n\"", r) }
	from := strings.LastIndexFunc(text[:i], edge) + 1
	to := strings.IndexFunc(text[i:], edge)
	if to < 0 {
		to = len(text) - i
	}
	return shorten(text[from : i+to])
}

// separator is the one of comma, semicolon and tab that the header has most
// of, outside quotation marks.
func separator(text string) rune {
	count := map[rune]int{}
	quoted := false
	for _, r := range strings.TrimLeft(text, "\r\n") {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted && (r == '\n' || r == '\r') {
			break
		}
		if !quoted {
			count[r]++
		}
	}
	return slices.MaxFunc([]rune{',', ';', '\t'}, func(a, b rune) int { return count[a] - count[b] })
}

func openXLSX(data []byte) (sheet, []Problem, error) {
	unreadable := func(err error) error {
		return sheetError("list-format", 0, fmt.Sprintf("this is no readable XLSX file (%v): save it anew from the spreadsheet program, or as CSV", err))
	}
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxExpanded, UnzipXMLSizeLimit: maxExpanded, // all in memory: names stay out of temporary files
	})
	if err != nil {
		return sheet{}, nil, unreadable(err)
	}
	names := f.GetSheetList()
	if len(names) == 0 {
		return sheet{}, nil, unreadable(errors.New("no sheet"))
	}
	props, err := f.GetWorkbookProps()
	if err != nil {
		return sheet{}, nil, unreadable(err)
	}
	var warnings []Problem
	if len(names) > 1 {
		warnings = append(warnings, Problem{Rule: "list-sheets", Value: shorten(names[0]), Warn: true, Want: "is the first sheet and the only one that is read"})
	}
	lines := func(yield func(line, error) bool) {
		defer f.Close()
		rows, err := f.Rows(names[0])
		if err != nil {
			yield(line{}, unreadable(err))
			return
		}
		defer rows.Close()
		for number := 1; rows.Next(); number++ {
			cells, err := rows.Columns(excelize.Options{RawCellValue: true})
			if err != nil {
				yield(line{}, unreadable(err))
				return
			}
			if len(cells) > 0 && !yield(line{number, cells}, nil) {
				return
			}
		}
		if err := rows.Error(); err != nil {
			yield(line{}, unreadable(err))
		}
	}
	return sheet{lines: lines, serials: true, date1904: props.Date1904 != nil && *props.Date1904}, warnings, nil
}

// serialDay reads a cell of a column of dates that a spreadsheet keeps as a
// number of days.
func serialDay(cell string, date1904 bool) (string, bool) {
	const last = 2_958_465 // 31 December 9999
	n, err := strconv.Atoi(cell)
	if err != nil || n < 1 || n > last {
		return "", false
	}
	day, err := excelize.ExcelDateToTime(float64(n), date1904)
	if err != nil {
		return "", false
	}
	return day.Format("2006-01-02"), true
}
