package issuer

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
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
