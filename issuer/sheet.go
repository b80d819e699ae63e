package issuer

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
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
	kinds  []cellKind // of the cells; nil: all are text
	hidden bool
}

// kind is what a cell is.
func (l *line) kind(place int) cellKind {
	if place < len(l.kinds) {
		return l.kinds[place]
	}
	return cellText
}

// sheet is a table of text, whatever file it came in.
type sheet struct {
	lines iter.Seq2[line, error]
	facts *sheetFacts // nil: there are none
}

// sheetFacts is what a spreadsheet shows beside its cells. Columns that are
// hidden are known with the first line, merged cells after the last.
type sheetFacts struct {
	hidden []cellRange // columns
	merged []cellRange
}

// sheetProblem is why a file cannot be read as a table, at a row if known.
type sheetProblem Problem

func (p *sheetProblem) Error() string { return Problem(*p).String() }

// sheetError breaks a rule in one of its ways; figures are as in Problem, in pairs.
func sheetError(rule, way string, row int, want string, figures ...string) error {
	p := &sheetProblem{Rule: rule, Case: way, Row: row, Want: want}
	for i := 0; i < len(figures); i += 2 {
		p.add(figures[i], figures[i+1])
	}
	return p
}

func (p *sheetProblem) add(name, figure string) {
	if p.Figures == nil {
		p.Figures = map[string]string{}
	}
	p.Figures[name] = figure
}

// openSheet tells by content what the file is.
func openSheet(data []byte, encoding string) (sheet, []Problem, error) {
	switch {
	case len(data) > maxList:
		return sheet{}, nil, sheetError("list-size", "file", 0, fmt.Sprintf("the file has %d bytes: expected at most %d", len(data), maxList), "Most", strconv.Itoa(maxList>>20))
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return openXLSX(data)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return sheet{}, nil, sheetError("list-format", "old", 0, "this is an old .xls or a password-protected file: save it as .xlsx without a password, or as CSV")
	case len(bytes.TrimSpace(data)) == 0:
		return sheet{}, nil, sheetError("list-empty", "file", 0, "the file is empty: expected a row of headers and a row for each learner")
	}
	s, err := openCSV(data, encoding)
	return s, nil, err
}
