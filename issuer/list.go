package issuer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"indeks/mail"
)

// ReadList reads a class list: CSV (comma, semicolon or tab; UTF-8, or UTF-16 with
// a byte order mark, or one of [Encodings] that is said) or XLSX, told by content.
// All problems are returned at once as [*Problems]; drafts only when there is none
// that blocks. Warnings are returned beside the drafts. A CSV that does not tell
// its encoding is an [*EncodingError].
func ReadList(name string, data []byte, c *Course, encoding string) (drafts []Draft, warnings []Problem, err error) {
	rows, problems, err := readRows(name, data, c, ListOptions{Encoding: encoding}, maxProblems)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		drafts = append(drafts, r.Draft)
		problems = append(problems, r.Problems...)
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Row, b.Row) })
	warnings, err = split(name, problems)
	if err != nil {
		return nil, warnings, err
	}
	return drafts, warnings, nil
}

// ListOptions is what a class list does not say itself.
type ListOptions struct {
	Encoding string            // of a CSV, one of Encodings; "": as the content tells
	Defaults map[string]string // by column name, what stands for an empty cell
}

// Row is one learner of a class list.
type Row struct {
	Draft    Draft     // where a problem blocks: what could be read
	Problems []Problem // of its cells
}

// Sound reports whether the draft can be issued, as far as the list tells.
func (r *Row) Sound() bool {
	return !slices.ContainsFunc(r.Problems, func(p Problem) bool { return !p.Warn })
}

// ReadRows reads a class list as ReadList does, but for what is wrong with one
// row only that row is lost. What is wrong with the file is returned as
// [*Problems] or [*EncodingError], and so is a list in which ten thousand problems
// block; the warnings are those about the file.
func ReadRows(name string, data []byte, c *Course, o ListOptions) (rows []Row, warnings []Problem, err error) {
	rows, problems, err := readRows(name, data, c, o, 10*maxProblems)
	if err != nil {
		return nil, nil, err
	}
	warnings, err = split(name, problems)
	if err != nil {
		for _, r := range rows {
			problems = append(problems, r.Problems...)
		}
		slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Row, b.Row) })
		if warnings, err = split(name, problems); len(err.(*Problems).List) > maxProblems {
			err = &Problems{In: name, List: err.(*Problems).List[:maxProblems]}
		}
		return nil, warnings, err
	}
	return rows, warnings, nil
}

// readRows returns the rows and, beside what they hold themselves, the problems of
// the file. The error is none of the list's.
func readRows(name string, data []byte, c *Course, o ListOptions, most int) (rows []Row, problems []Problem, err error) {
	s, problems, err := openSheet(data, o.Encoding)
	if p, ok := err.(*sheetProblem); ok {
		return nil, append(problems, Problem(*p)), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", name, err)
	}
	rows, more := readSheet(s, c, o.Defaults, most)
	return rows, append(problems, more...), nil
}

// ReadDraft reads one learner given as texts by column name, with the rules and
// problems of a row of a class list; Row is 0. The problems that do not block
// are returned beside the draft, the others as [*Problems].
func ReadDraft(c *Course, cells map[string]string) (Draft, []Problem, error) {
	r := row{course: c}
	for name, value := range cells {
		i, ok := columnNames[fold(name)]
		if !ok || columns[i].name != name {
			want := "is not a column of a class list"
			if near := nearestColumn(name); near != "" {
				want += fmt.Sprintf("; did you mean %q?", near)
			}
			r.problems = append(r.problems, Problem{Field: name, Rule: "column-unknown", Want: want})
			continue
		}
		r.cells[i] = cell{text: value, given: true}
	}
	return r.alone()
}

// alone is the draft of a row that is of no list.
func (r *row) alone() (Draft, []Problem, error) {
	d := r.draft()
	slices.SortFunc(r.problems, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
	warnings, err := split("", r.problems)
	if err != nil {
		return Draft{}, warnings, err
	}
	return d, warnings, nil
}

// readSheet reads header and rows until more than most problems block; those that
// are no row's are returned beside the rows. The header is the first row with a
// cell.
func readSheet(s sheet, c *Course, defaults map[string]string, most int) (rows []Row, problems []Problem) {
	var head *header
	blocking := 0
	byKey := map[[32]byte]int{}  // row of the first learner with this key
	byNumber := map[string]int{} // row of the first use of a number
	for l, err := range s.lines {
		if err != nil {
			p, ok := err.(*sheetProblem)
			if !ok {
				p = &sheetProblem{Rule: "list-format", Want: err.Error()} // unreachable: sheets fail with problems
			}
			return rows, append(problems, Problem(*p))
		}
		if !slices.ContainsFunc(l.cells, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			continue
		}
		if head == nil {
			var more []Problem
			head, more = readHeader(l, s.facts)
			problems = append(problems, more...)
			if len(l.cells) > maxColumns {
				return nil, problems
			}
			for _, p := range more {
				if !p.Warn {
					blocking++
				}
			}
			continue
		}
		if len(rows) == maxRows {
			return nil, append(problems, Problem{Row: l.number, Rule: "list-size", Case: "rows", Want: fmt.Sprintf("is one row too many: expected at most %d learners in a list", maxRows),
				Figures: map[string]string{"Most": strconv.Itoa(maxRows)}})
		}
		if blocking >= most {
			return rows, append(problems, Problem{Row: l.number, Rule: "list-problems", Want: fmt.Sprintf("and the rows after it were not looked at: there are %d problems already", blocking)})
		}
		r := row{course: c, number: l.number, defaults: defaults}
		r.fill(head, l)
		d := r.draft()
		if (&Row{Problems: r.problems}).Sound() {
			key := d.Key("")
			if first, ok := byKey[key]; ok {
				r.problems = append(r.problems, Problem{Row: l.number, Rule: "row-duplicate",
					Want: fmt.Sprintf("is the same learner and awarding date as row %d: expected each learner once", first)})
			} else {
				byKey[key] = l.number
			}
		}
		if d.Number != "" {
			if first, ok := byNumber[d.Number]; ok {
				r.fail(columnCertificateNumber, "number-duplicate", fmt.Sprintf("is the number of row %d too: expected another", first))
			} else {
				byNumber[d.Number] = l.number
			}
		}
		for _, p := range r.problems {
			if !p.Warn {
				blocking++
			}
		}
		rows = append(rows, Row{d, r.problems})
	}
	if s.facts != nil && head != nil {
		for _, m := range s.facts.merged {
			problems = append(problems, head.merged(m, rows)...)
		}
	}
	if head == nil {
		problems = append(problems, Problem{Rule: "list-empty", Case: "file", Want: "the list is empty: expected a row of headers and a row for each learner"})
	} else if len(rows) == 0 {
		problems = append(problems, Problem{Rule: "list-empty", Want: "the list contains no learners: expected a row for each learner below the headers"})
	}
	return rows, problems
}

// header says where the columns stand.
type header struct {
	number int
	at     [len(columns)]int // 0-based place in the sheet, -1: absent
	texts  []string          // as written
}

func readHeader(l line, facts *sheetFacts) (*header, []Problem) {
	var problems []Problem
	h := &header{number: l.number, texts: l.cells}
	for i := range h.at {
		h.at[i] = -1
	}
	if len(l.cells) > maxColumns {
		return h, []Problem{{Row: l.number, Rule: "list-size", Case: "columns", Want: fmt.Sprintf("has %d columns: expected at most %d", len(l.cells), maxColumns),
			Figures: map[string]string{"Columns": strconv.Itoa(len(l.cells)), "Most": strconv.Itoa(maxColumns)}}}
	}
	for place, text := range l.cells {
		p := Problem{Row: l.number, Column: shorten(text), Cell: cellName(place, l.number)}
		if strings.TrimSpace(text) == "" {
			continue
		}
		i, ok := columnNames[fold(text)]
		switch {
		case !ok:
			p.Rule, p.Warn, p.Want = "column-unknown", true, "is not a known column and will not be read"
			if near := nearestColumn(text); near != "" {
				p.Field = near
				p.Want += fmt.Sprintf("; did you mean %q?", near)
			}
			problems = append(problems, p)
		case h.at[i] >= 0:
			p.Rule, p.Case, p.Field = "column-duplicate", "after", columns[i].name
			p.Figures = map[string]string{"Cell": cellName(h.at[i], l.number)}
			p.Want = fmt.Sprintf("is the column %q a second time, after cell %s: expected it once", columns[i].name, cellName(h.at[i], l.number))
			problems = append(problems, p)
		default:
			h.at[i] = place
			if facts != nil && slices.ContainsFunc(facts.hidden, func(r cellRange) bool { return r.left <= place && place <= r.right }) {
				p.Rule, p.Field, p.Warn, p.Want = "column-hidden", columns[i].name, true, "is hidden in the spreadsheet, but will be read"
				problems = append(problems, p)
			}
		}
	}
	for i, c := range columns {
		if c.required && h.at[i] < 0 {
			problems = append(problems, Problem{Row: l.number, Field: c.name, Rule: "column-missing",
				Want: fmt.Sprintf("column %q is missing: expected it, or one of %s, with %s in each row", c.name, strings.Join(c.aliases, ", "), c.want)})
		}
	}
	return h, problems
}

// merged names the rows that a block of merged cells reaches into: which of them
// its one value is for is not said. Blocks of columns that are not read do not
// matter.
func (h *header) merged(m cellRange, rows []Row) []Problem {
	if m.bottom < h.number || !slices.ContainsFunc(h.at[:], func(place int) bool { return m.left <= place && place <= m.right }) {
		return nil
	}
	p := Problem{Row: max(m.top, h.number), Cell: cellName(m.left, m.top) + ":" + cellName(m.right, m.bottom), Rule: "cells-merged"}
	p.Want = "has the merged cells " + p.Cell + ": split them, and enter in each cell what it is to hold"
	const most = 100
	if m.top <= h.number || m.bottom-m.top > most {
		return []Problem{p}
	}
	first, _ := slices.BinarySearchFunc(rows, m.top, func(r Row, n int) int { return cmp.Compare(r.Draft.Row, n) })
	for i := first; i < len(rows) && rows[i].Draft.Row <= m.bottom; i++ {
		p.Row = rows[i].Draft.Row
		rows[i].Problems = append(rows[i].Problems, p)
	}
	return nil
}

// cell is what a row has in a column.
type cell struct {
	text  string // as written, composed and without spaces around it
	kind  cellKind
	head  string // header as written
	name  string // "C15"
	given bool   // the list has the column
}

// row is one learner on the way to a draft.
type row struct {
	course   *Course
	number   int
	defaults map[string]string // by column name
	cells    [len(columns)]cell
	problems []Problem
}

func (r *row) fill(h *header, l line) {
	if l.hidden {
		r.problems = append(r.problems, Problem{Row: l.number, Rule: "row-hidden",
			Want: "is hidden in the spreadsheet, by hand or by a filter: show it, or take it out of the list"})
	}
	for i, place := range h.at {
		if place >= 0 {
			r.cells[i] = cell{head: shorten(h.texts[place]), name: cellName(place, l.number), given: true}
			if place < len(l.cells) {
				r.cells[i].text, r.cells[i].kind = l.cells[place], l.kind(place)
			}
		}
	}
	for place, text := range l.cells {
		if strings.TrimSpace(text) != "" && (place >= len(h.texts) || strings.TrimSpace(h.texts[place]) == "") {
			r.problems = append(r.problems, Problem{Row: l.number, Cell: cellName(place, l.number), Value: shorten(text),
				Rule: "cell-extra", Want: "stands at " + cellName(place, l.number) + " in a column without a header: expected as many cells as headers (quotation marks around text with separators)"})
			return
		}
	}
}

// fail adds a problem of a column that blocks.
func (r *row) fail(column int, rule, want string) { r.problem(column, rule, want, false) }

func (r *row) problem(column int, rule, want string, warn bool) {
	c := &r.cells[column]
	r.problems = append(r.problems, Problem{Row: r.number, Column: c.head, Cell: c.name, Field: columns[column].name, Value: shorten(c.text), Want: want, Rule: rule, Warn: warn})
}

var (
	spreadsheetNumber = regexp.MustCompile(`^[0-9](\.[0-9]+)?E\+?[0-9]+$`)
	certificateNumber = regexp.MustCompile(`^[\pL\pN][\pL\pN ./_-]{0,59}$`)
	outcomeSeparators = regexp.MustCompile(`[,;\s]+`)
)

// draft reads all cells; what is wrong is in r.problems.
func (r *row) draft() Draft {
	d := Draft{Course: r.course, Row: r.number}
	for i := range r.cells {
		c := &r.cells[i]
		if value := r.defaults[columns[i].name]; value != "" && strings.TrimSpace(c.text) == "" {
			c.text = value
		}
		c.text = strings.TrimSpace(strings.ReplaceAll(norm.NFC.String(c.text), "\u00a0", " "))
		r.checkText(i)
	}
	text := func(column int) string { return r.cells[column].text }

	d.GivenName, d.FamilyName = r.personName(columnGivenName), r.personName(columnFamilyName)
	d.DateOfBirth, d.AwardingDate = r.day(columnDateOfBirth, true), r.day(columnAwardingDate, false)
	if d.DateOfBirth != "" && d.AwardingDate != "" && d.DateOfBirth >= d.AwardingDate {
		r.fail(columnDateOfBirth, "date-order", "is not before the awarding date "+d.AwardingDate)
	}
	if d.DateOfBirth != "" && d.DateOfBirth < "1900-01-01" {
		r.fail(columnDateOfBirth, "date-range", "is before 1900: expected YYYY-MM-DD")
	}
	awarded := d.AwardingDate
	if awarded == "" {
		awarded = time.Now().Format(time.DateOnly)
	}
	for _, p := range r.course.notInForce(awarded) {
		r.problem(columnAwardingDate, p.Rule, p.Want, true)
	}
	if d.AssessmentDate = r.day(columnAssessmentDate, false); d.AssessmentDate != "" {
		switch {
		case d.AwardingDate != "" && d.AssessmentDate > d.AwardingDate:
			r.fail(columnAssessmentDate, "date-order", "is after the awarding date "+d.AwardingDate)
		case d.DateOfBirth >= d.AssessmentDate:
			r.fail(columnAssessmentDate, "date-order", "is not after the date of birth")
		}
	}
	d.Assessors = r.names(columnAssessors)
	d.LearnerID, d.Grade = text(columnLearnerID), text(columnGrade)
	if spreadsheetNumber.MatchString(d.LearnerID) && r.cells[columnLearnerID].kind != cellRounded {
		r.fail(columnLearnerID, "number-rounded", "was shortened by the spreadsheet: format the column as text and enter the number again")
	}
	if d.Email = text(columnEmail); d.Email != "" {
		if _, err := mail.ParseAddress(d.Email); err != nil {
			r.fail(columnEmail, "email", "is not an email address, expected one such as name@school.example")
		}
	}
	r.priorLearning(&d, text)
	if code := strings.ToLower(text(columnIDVerification)); code != "" {
		if _, ok := supervisions[code]; !ok {
			r.fail(columnIDVerification, "code", "is not in the list: expected unsupervised, supervised, supervised-id or unsupervised-id")
		}
		d.IDVerification = code
	}
	r.level(&d, text)
	if d.Language = text(columnLanguage); d.Language != "" {
		if _, ok := r.course.Title[d.Language]; !ok {
			r.fail(columnLanguage, "language", "is not a language of the course: expected "+strings.Join(sortedLanguages(r.course.Title), ", "))
		}
	}
	if d.Number = text(columnCertificateNumber); d.Number != "" && !certificateNumber.MatchString(d.Number) {
		r.fail(columnCertificateNumber, "number-form", "is not a certificate number, expected letters, digits, spaces and . / _ - only, at most 60")
	}
	return d
}

// checkText refuses what no cell may hold, whatever its column.
func (r *row) checkText(column int) {
	col, c := &columns[column], &r.cells[column]
	switch {
	case c.kind == cellFormula:
		// What it would give today, and from what, is not known here.
		r.fail(column, "formula", "is the result of a formula, expected "+col.want+": copy the column and paste it as values")
	case c.kind == cellError:
		r.fail(column, "cell-error", "is a spreadsheet error, expected "+col.want)
	case c.kind == cellRounded:
		r.fail(column, "number-rounded", "was shortened by the spreadsheet: format the column as text and enter the number again")
	case c.kind == cellFormat:
		r.fail(column, "number-format", "is a number that the spreadsheet displays differently, expected "+col.want+": format the column as text and enter what it shows")
	case c.kind == cellDate && !col.date:
		r.fail(column, "cell-date", "was turned into a date by the spreadsheet, expected "+col.want+": format the column as text and enter it again")
	case strings.ContainsFunc(c.text, func(x rune) bool {
		return unicode.IsControl(x) || unicode.Is(unicode.Cf, x) || x == unicode.ReplacementChar || x == '\u2028' || x == '\u2029'
	}) || !utf8.ValidString(c.text):
		r.fail(column, "control-character", "contains a line break or a character that is invisible or cannot be read: expected "+col.want)
	case utf8.RuneCountInString(c.text) > maxCell:
		r.fail(column, "cell-size", fmt.Sprintf("is longer than %d characters: expected %s", maxCell, col.want))
	case strings.HasPrefix(c.text, "=") || strings.HasPrefix(c.text, "@"):
		// A spreadsheet that opens an export of this text would run it.
		r.fail(column, "formula", "is a formula, expected "+col.want)
	}
}

func (r *row) personName(column int) string {
	c := &r.cells[column]
	const most = 150
	switch {
	case !c.given && r.number > 0:
		// The missing column was named once, at the header.
	case c.text == "":
		r.fail(column, "empty", "the cell is empty, expected "+columns[column].want)
	case strings.ContainsAny(c.text[:1], "+-"):
		r.fail(column, "formula", "starts like a formula, expected a name")
	case !strings.ContainsFunc(c.text, unicode.IsLetter):
		r.fail(column, "name", "has no letter, expected a name")
	case utf8.RuneCountInString(c.text) > most:
		r.fail(column, "cell-size", fmt.Sprintf("is longer than %d characters, expected a name", most))
	case strings.ContainsFunc(c.text, unicode.IsDigit):
		r.problem(column, "name", "has a digit in it", true)
	}
	return c.text
}

// names reads a column of names with semicolons between them.
func (r *row) names(column int) (list []string) {
	const most = 20
	for one := range strings.SplitSeq(r.cells[column].text, ";") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		if !strings.ContainsFunc(one, unicode.IsLetter) {
			r.fail(column, "name", "has no letter, expected "+columns[column].want)
			return nil
		}
		list = append(list, one)
	}
	if len(list) > most {
		r.fail(column, "names", fmt.Sprintf("has more than %d names", most))
	}
	return list
}

// day reads a column of dates: YYYY-MM-DD, or in a spreadsheet a date cell.
func (r *row) day(column int, required bool) string {
	c := &r.cells[column]
	switch {
	case c.text == "" && required && (c.given || r.number == 0):
		r.fail(column, "empty", "the cell is empty, expected YYYY-MM-DD")
	case c.text == "":
	case c.kind == cellFormula, c.kind == cellError, c.kind == cellRounded, c.kind == cellFormat: // named as such
	case c.kind == cellDate && !isDayForm(c.text):
		r.fail(column, "date-form", "is not a date, expected a date cell without a time, or YYYY-MM-DD")
	case c.kind == cellNumber:
		// A year, or a day whose cell lost its format: nobody can tell.
		r.fail(column, "date-form", "is a number, not a date: expected a date cell, or YYYY-MM-DD")
	case !isDayForm(c.text):
		r.fail(column, "date-form", "is not a date in the right format, expected YYYY-MM-DD")
	case !isDay(c.text):
		r.fail(column, "date", "is not a real date, expected YYYY-MM-DD")
	default:
		return c.text
	}
	return ""
}

func isDayForm(s string) bool {
	return len(s) == 10 && s[4] == '-' && s[7] == '-' && strings.Trim(s[:4]+s[5:7]+s[8:], "0123456789") == ""
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && isDayForm(s)
}

func (r *row) priorLearning(d *Draft, text func(column int) string) {
	code, ok := priorLearning[fold(text(columnRPL))]
	if !ok {
		r.fail(columnRPL, "code", "is not in the list: expected none, part or whole")
		return
	}
	d.RPL, d.RPLEvidence, d.Recognition = code, text(columnRPLEvidence), text(columnRecognition)
	ids := text(columnRPLOutcomes)
	if ids != "" {
		d.RPLOutcomes = slices.Compact(slices.DeleteFunc(outcomeSeparators.Split(ids, -1), func(s string) bool { return s == "" }))
	}
	for _, id := range d.RPLOutcomes {
		if !slices.ContainsFunc(r.course.Outcomes, func(o Outcome) bool { return o.ID == id }) {
			r.fail(columnRPLOutcomes, "outcome", fmt.Sprintf("names the outcome %q, which the course does not have: expected ids from %s", shorten(id), outcomeIDs(r.course)))
		}
	}
	switch {
	case code == "none" && (ids != "" || d.RPLEvidence != "" || d.Recognition != ""):
		r.fail(columnRPL, "rpl-contradiction", "contradicts rpl_outcomes, rpl_evidence or recognition: expected part or whole")
	case code == "part" && len(d.RPLOutcomes) == 0:
		r.fail(columnRPLOutcomes, "rpl-outcomes", "is empty, although rpl is part: expected ids from "+outcomeIDs(r.course))
	case code == "part" && len(d.RPLOutcomes) == len(r.course.Outcomes):
		r.problem(columnRPLOutcomes, "rpl-outcomes", "names every outcome of the course though rpl is part: whole would say so", true)
	case code == "whole" && ids != "" && len(d.RPLOutcomes) < len(r.course.Outcomes):
		r.fail(columnRPLOutcomes, "rpl-outcomes", "names some outcomes though rpl is whole: leave it empty, or say part")
	}
	if code != "none" && d.RPLEvidence == "" && d.Recognition == "" {
		r.problem(columnRPLEvidence, "rpl-evidence", "is empty: readers will ask what evidence the recognition of prior learning is based on", true)
	}
}

func outcomeIDs(c *Course) string {
	ids := make([]string, len(c.Outcomes))
	for i, o := range c.Outcomes {
		ids[i] = o.ID
	}
	return strings.Join(ids, ", ")
}

func (r *row) level(d *Draft, text func(column int) string) {
	level, reason := text(columnLevelOverride), text(columnOverrideReason)
	d.OverrideReason, d.OverrideBy = reason, text(columnOverrideBy)
	if level == "" {
		if reason != "" {
			r.fail(columnLevelOverride, "level-override", "is empty, although override_reason is given: expected an EQF level from 1 to 8")
		} else if d.OverrideBy != "" {
			r.fail(columnLevelOverride, "level-override", "is empty, although override_by is given: expected an EQF level from 1 to 8")
		}
		return
	}
	n, err := strconv.Atoi(level)
	if err != nil || n < 1 || n > 8 {
		r.fail(columnLevelOverride, "level", "is not a level of the European Qualifications Framework, expected a whole number from 1 to 8")
		return
	}
	d.LevelOverride = n
	if reason == "" {
		r.fail(columnOverrideReason, "override-reason", "is empty, although level_override is given: expected "+columns[columnOverrideReason].want)
	}
	if r.course.Level == nil {
		r.fail(columnLevelOverride, "level-override", "overrides a level that the course does not have: expected an empty cell")
	}
}
