package issuer

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	utf16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxRecord is how many bytes of a CSV one row may have: all columns, full.
const maxRecord = maxColumns * maxCell * utf8.UTFMax

func openCSV(data []byte, encoding string) (sheet, error) {
	text, err := decodeText(data, encoding)
	if err != nil {
		return sheet{}, err
	}
	start := make([]byte, 64<<10)
	n, err := io.ReadFull(text(), start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return sheet{}, fmt.Errorf("reading CSV: %w", err) // unreachable: bytes in memory do not fail
	}
	lines := func(yield func(line, error) bool) {
		r := csv.NewReader(&recordGuard{from: text()})
		r.Comma, r.FieldsPerRecord = separator(string(start[:n])), -1
		// csv counts lines of the file and skips empty ones; a spreadsheet counts
		// rows, of which one may have several lines.
		number, end := 0, 0
		for {
			cells, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if bad, ok := errors.AsType[*csv.ParseError](err); ok {
				yield(line{}, sheetError("list-quotes", "", number+bad.StartLine-end, `has quotation marks that are not closed or stand inside a cell: expected a cell in quotation marks with inner ones doubled ("")`))
				return
			}
			if errors.Is(err, errRecordSize) {
				yield(line{}, sheetError("list-size", "row", number+1, fmt.Sprintf("and what follows it has no end of the row in %d bytes: expected one row for each learner", maxRecord)))
				return
			}
			if err != nil {
				yield(line{}, fmt.Errorf("reading CSV: %w", err)) // unreachable: bytes in memory do not fail
				return
			}
			first, _ := r.FieldPos(0)
			last, _ := r.FieldPos(len(cells) - 1)
			number += first - end
			end = last + strings.Count(cells[len(cells)-1], "\n")
			if !yield(line{number: number, cells: cells}, nil) {
				return
			}
		}
	}
	return sheet{lines: lines}, nil
}

var errRecordSize = errors.New("row too long")

// recordGuard passes on a CSV while its rows are no longer than maxRecord: csv
// would hold the whole of one.
type recordGuard struct {
	from   io.Reader
	length int
	quoted bool
}

func (g *recordGuard) Read(p []byte) (int, error) {
	n, err := g.from.Read(p)
	for _, b := range p[:n] {
		g.length++
		switch {
		case b == '"':
			g.quoted = !g.quoted
		case b == '\n' && !g.quoted:
			g.length = 0
		}
		if g.length > maxRecord {
			return 0, errRecordSize
		}
	}
	return n, err
}

// EncodingChoice is how a text reads in one of the encodings that it may be in.
type EncodingChoice struct {
	Encoding string   `json:"encoding"`
	Samples  []string `json:"samples"` // cells with letters that tell
	Likely   bool     `json:"likely,omitzero"`
}

// An EncodingError is returned for a class list that does not say which encoding it is in:
// that is for a person to say, who sees which of the names are right.
type EncodingError struct {
	Choices []EncodingChoice // the likely one first, if any is
}

func (e *EncodingError) Error() string {
	var reads []string
	for _, c := range e.Choices {
		reads = append(reads, fmt.Sprintf("%q in %s", strings.Join(c.Samples, ", "), c.Encoding))
	}
	return `the list is not UTF-8 and does not say in which encoding it is; it reads ` + strings.Join(reads, ", ") + `: name the encoding in which the names are right, or save the list as "CSV UTF-8"`
}

// codePages are the encodings of texts that have no mark of their own, the most
// used ones first.
var codePages = []struct {
	name string
	page *charmap.Charmap
	home string // its letters beyond ASCII that names of its languages are full of
}{
	{"windows-1250", charmap.Windows1250, "ČčĆćĐđŠšŽžÁáÉéÍíÓóÖöŐőÚúÜüŰűÝýĚěŘřŮůŇňŤťĎďĽľĹĺŔŕĄąĘęŁłŃńŚśŹźŻżĂăÂâÎîŞşŢţÄäÔôßÇçË"},
	{"windows-1251", charmap.Windows1251, ""}, // Cyrillic, told otherwise
	{"windows-1252", charmap.Windows1252, "ÀàÂâÄäÇçÈèÉéÊêËëÎîÏïÑñÔôÖöÙùÛûÜüßŒœÅåÆæØøÁáÍíÓóÚúÃãÕõŠšŽž"},
}

// Encodings are the names of encodings that a class list may be said to be in.
func Encodings() []string {
	names := []string{"utf-8"}
	for _, p := range codePages {
		names = append(names, p.name)
	}
	return names
}

// decodeText returns what reads data as UTF-8, from the start each time.
// Without an encoding said, a byte order mark or text that is UTF-8 tells; a
// code page cannot be told from another by looking at it.
func decodeText(data []byte, encoding string) (func() io.Reader, error) {
	from := func(data []byte, t transform.Transformer) func() io.Reader {
		return func() io.Reader {
			return transform.NewReader(bytes.NewReader(data), t) // which resets t
		}
	}
	plain, bom := bytes.CutPrefix(data, []byte("\xef\xbb\xbf"))
	wide := bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
	name := strings.ToLower(strings.TrimSpace(encoding))
	if number, ok := strings.CutPrefix(name, "cp"); ok {
		name = "windows-" + number
	}
	if name == "" && (bom || utf8.Valid(plain)) || name == "utf8" {
		name = "utf-8"
	}
	switch {
	case name == "" && wide:
		return from(data, utf16.UTF16(utf16.LittleEndian, utf16.UseBOM).NewDecoder()), nil
	case bytes.IndexByte(data, 0) >= 0:
		row := 1 + bytes.Count(data[:bytes.IndexByte(data, 0)], []byte("\n"))
		return nil, sheetError("list-encoding", "zero", row, `has a zero byte: this is no text, or one in UTF-16 without a mark that says so: save the list as "CSV UTF-8" or as .xlsx`)
	case name == "":
		if choices := encodingChoices(data); len(choices) > 0 {
			return nil, &EncodingError{choices}
		}
		return nil, sheetError("list-encoding", "none", 0, `the list is neither UTF-8 nor in an encoding that is read here: save it as "CSV UTF-8"`)
	case name == "utf-8":
		if at := invalidUTF8(plain); at >= 0 {
			return nil, sheetError("list-encoding", "utf-8", 1+bytes.Count(plain[:at], []byte("\n")), `is not UTF-8: save the list as "CSV UTF-8", or name its encoding`)
		}
		return func() io.Reader { return bytes.NewReader(plain) }, nil
	}
	for _, p := range codePages {
		if p.name == name {
			if at := undefined(data, p.page); at >= 0 {
				return nil, sheetError("list-encoding", "page", 1+bytes.Count(data[:at], []byte("\n")), "has a byte that "+p.name+` does not know: save the list as "CSV UTF-8", or name another encoding`, "Encoding", p.name)
			}
			return from(data, p.page.NewDecoder()), nil
		}
	}
	expected := strings.Join(Encodings(), ", ")
	return nil, &sheetProblem{Rule: "list-encoding", Case: "unknown", Value: shorten(encoding), Want: "is not an encoding that can be read here: expected one of " + expected, Figures: map[string]string{"Encodings": expected}}
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

// undefined is the place of the first byte that a code page has no letter for.
func undefined(b []byte, page *charmap.Charmap) int {
	var none [256]bool
	for n := range none {
		none[n] = page.DecodeByte(byte(n)) == utf8.RuneError
	}
	return slices.IndexFunc(b, func(b byte) bool { return none[b] })
}

// encodingChoices lists the code pages that data may be in, by how many words
// make sense in them.
func encodingChoices(data []byte) []EncodingChoice {
	// The first rows tell; all of them must be letters of the code page.
	head := data[:min(len(data), 64<<10)]
	type choice struct {
		EncodingChoice
		score int
	}
	var found []choice
	for _, p := range codePages {
		if undefined(data, p.page) >= 0 {
			continue
		}
		text, err := p.page.NewDecoder().Bytes(head)
		if err != nil {
			continue // unreachable: every byte decodes
		}
		c := choice{EncodingChoice: EncodingChoice{Encoding: p.name, Samples: samples(string(text), 3)}}
		for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
			var latin, cyrillic, home, other int
			for _, r := range word {
				switch {
				case r < utf8.RuneSelf:
					latin++
				case unicode.Is(unicode.Cyrillic, r):
					cyrillic++
				case strings.ContainsRune(p.home, r):
					home++
				default:
					other++
				}
			}
			switch {
			case cyrillic+home+other == 0: // says nothing
			case p.home == "" && cyrillic > 0 && latin == 0 && other == 0, p.home != "" && other == 0 && home <= latin+1:
				c.score++
			default:
				c.score--
			}
		}
		found = append(found, c)
	}
	slices.SortStableFunc(found, func(a, b choice) int { return cmp.Compare(b.score, a.score) })
	var choices []EncodingChoice
	for n, c := range found {
		c.Likely = n == 0 && c.score > 0 && (len(found) == 1 || found[1].score < c.score)
		choices = append(choices, c.EncodingChoice)
	}
	return choices
}

// samples are the first cells with a letter outside ASCII.
func samples(text string, most int) (cells []string) {
	edge := func(r rune) bool { return strings.ContainsRune(",;\t\r\n\"", r) }
	for len(cells) < most {
		i := strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
		if i < 0 {
			break
		}
		from := strings.LastIndexFunc(text[:i], edge) + 1
		to := strings.IndexFunc(text[i:], edge)
		if to < 0 {
			to = len(text) - i
		}
		if cell := shorten(text[from : i+to]); !slices.Contains(cells, cell) {
			cells = append(cells, cell)
		}
		text = text[i+to:]
	}
	return cells
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

// AsCSV is a text as a cell of a CSV that a spreadsheet opens: one that it would
// take for a formula gets an apostrophe in front, and quotation marks are doubled.
func AsCSV(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0]) {
		text = "'" + text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
