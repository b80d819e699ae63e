package issuer

import (
	"fmt"
	"strings"
	"unicode"
)

// Problem is one mistake in a course, a class list or a draft, named so that
// a registrar finds the cell.
type Problem struct {
	Row    int    // 1-based line of the spreadsheet including the header; 0: not from a list
	Column string // header as written in the list, or ""
	Cell   string // "C15" where known
	Field  string // JSON Pointer in the course, or our column name
	Value  string // what was found, shortened
	Want   string // what is expected
	Rule   string // stable id
	Warn   bool   // does not block

	// Case is in which of its ways the rule is broken, where Want tells them apart, for
	// texts in other languages; "": there is one, or the most usual.
	Case string `json:"-"`

	// Figures are what Want says beside Value, by name, for texts in other languages:
	// codes, decimals, and two decimals with an en dash between them.
	Figures map[string]string `json:"-"`
}

// String is one line for people: the place, what stands there, what is expected.
func (p Problem) String() string {
	var place []string
	if p.Row > 0 {
		place = append(place, fmt.Sprintf("row %d", p.Row))
	}
	switch {
	case p.Column != "" && p.Cell != "":
		place = append(place, fmt.Sprintf("column %q (cell %s)", p.Column, p.Cell))
	case p.Column != "":
		place = append(place, fmt.Sprintf("column %q", p.Column))
	case p.Field != "":
		place = append(place, p.Field)
	}
	var b strings.Builder
	if len(place) > 0 {
		b.WriteString(strings.Join(place, ", "))
		b.WriteString(": ")
	}
	if p.Value != "" {
		fmt.Fprintf(&b, "%q ", p.Value)
	}
	b.WriteString(p.Want)
	if p.Warn {
		b.WriteString(" (warning)")
	}
	return b.String()
}

// Problems is all of them at once. It wraps [ErrDraft].
type Problems struct {
	In   string // name of the file
	List []Problem
}

func (p *Problems) Error() string {
	var b strings.Builder
	switch {
	case p.In != "" && len(p.List) == 1:
		fmt.Fprintf(&b, "%s: 1 problem", p.In)
	case p.In != "":
		fmt.Fprintf(&b, "%s: %d problems", p.In, len(p.List))
	case len(p.List) == 1:
		return ErrDraft.Error() + ": " + p.List[0].String()
	default:
		fmt.Fprintf(&b, "%v: %d", ErrDraft, len(p.List))
	}
	for _, q := range p.List {
		b.WriteString("\n  ")
		b.WriteString(q.String())
	}
	return b.String()
}

func (p *Problems) Unwrap() error { return ErrDraft }

// split parts problems that block from warnings. The error is nil where none
// blocks.
func split(in string, all []Problem) (warnings []Problem, err error) {
	var blocking []Problem
	for _, p := range all {
		if p.Warn {
			warnings = append(warnings, p)
		} else {
			blocking = append(blocking, p)
		}
	}
	if len(blocking) > 0 {
		return warnings, &Problems{In: in, List: blocking}
	}
	return warnings, nil
}

// shorten makes a found value fit into a line: control and format characters
// shown as a question mark, at most 60 characters.
func shorten(s string) string {
	const most = 60
	var b strings.Builder
	for n, r := range []rune(s[:min(len(s), 4*most+4)]) {
		if n == most {
			b.WriteString("...")
			break
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}
