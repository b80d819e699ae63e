package issuer

import (
	"bufio"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// Book says which lines of the protocol book are wanted. The zero value is all.
type Book struct {
	Course string // id; "": any
	From   string // first awarding date, YYYY-MM-DD
	Until  string // last awarding date
	Now    time.Time
	Mark   bool // begin with a byte order mark, by which Excel tells UTF-8
}

var bookHead = []string{"certificate_number", "awarding_date", "sealed_at", "course", "version", "title", "family_name", "given_name", "learner_id", "result", "assessed_on", "assessors",
	"prior_learning", "decision", "signatory", "state", "changes", "external_id", "batch", "credential", "sha256"}

// WriteBook writes the protocol book as CSV (RFC 4180, UTF-8): a line for each
// certificate number on record, in the order of numbers; one that was drawn and put
// on no record has none. One that was never sealed and one that is erased have their
// lines, which say so. A record that cannot be read is an error: a book with a line
// less would be no book.
func WriteBook(ctx context.Context, w io.Writer, s store.Store, b Book) (lines int, err error) {
	for _, day := range []string{b.From, b.Until} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return 0, fmt.Errorf("writing the protocol book: %w: %.20q is no date YYYY-MM-DD", store.ErrInvalid, day)
		}
	}
	type line struct{ number, cells string }
	var all []line
	for r, err := range s.Records(ctx, "") {
		if err != nil {
			return 0, fmt.Errorf("writing the protocol book: %w", err)
		}
		if b.Course != "" && r.Course != b.Course || b.From != "" && r.AwardingDate < b.From || b.Until != "" && (r.AwardingDate > b.Until || r.AwardingDate == "") {
			continue
		}
		all = append(all, line{r.Number, bookLine(bookCells(&r, b.Now))})
	}
	slices.SortStableFunc(all, func(a, b line) int { return compareNumbers(a.number, b.number) })

	out := bufio.NewWriter(w)
	if b.Mark {
		out.WriteString("\uFEFF")
	}
	out.WriteString(bookLine(bookHead))
	for _, l := range all {
		out.WriteString(l.cells)
	}
	if err := out.Flush(); err != nil {
		return 0, fmt.Errorf("writing the protocol book: %w", err)
	}
	return len(all), nil
}

func bookLine(cells []string) string {
	quoted := make([]string, len(cells))
	for i, cell := range cells {
		quoted[i] = AsCSV(cell)
	}
	return strings.Join(quoted, ",") + "\r\n"
}

// bookCells is the line of a record, under bookHead.
func bookCells(r *store.Record, now time.Time) []string {
	state := string(r.State)
	if r.Expired(now) {
		state = string(store.Expired)
	}
	if r.Erased(store.Register) {
		state += ", erased"
	}
	a := Assessed(r)
	var changes, hashes []string
	for _, c := range r.Changes {
		change := c.At.UTC().Format(time.RFC3339) + " " + string(c.State)
		if c.Code != "" {
			change += " (" + c.Code + ")"
		}
		if c.Successor != "" {
			change += ", replaced by " + c.Successor
		}
		changes = append(changes, change)
	}
	for _, e := range r.Erasures {
		change := e.At.UTC().Format(time.RFC3339) + " erased " + string(e.Class)
		if e.Reason != "" {
			change += " (" + e.Reason + ")"
		}
		changes = append(changes, change)
	}
	if r.Supersedes != nil {
		changes = append(changes, "takes the place of "+r.Supersedes.ID)
	}
	for _, form := range slices.Sorted(maps.Keys(r.Forms)) {
		if sum := r.Forms[form].SHA256; sum != [32]byte{} {
			hashes = append(hashes, form+" "+hex.EncodeToString(sum[:]))
		}
	}
	return []string{r.Number, r.AwardingDate, r.SealingTime.UTC().Format(time.RFC3339), r.Course, r.CourseVersion, r.Title, r.FamilyName, r.GivenName, r.LearnerID, a.Result, a.Date, strings.Join(a.Assessors, "; "),
		priorLearningWords(&a), r.Decision, r.Signatory, state, strings.Join(changes, "; "), r.ExternalID, r.Batch, r.ID, strings.Join(hashes, "; ")}
}

// Assessed is how the learner of a record came to the award. An earlier version put it
// nowhere but into what the award was drawn up from; what neither tells is empty.
func Assessed(r *store.Record) store.Assessment {
	if r.Assessment != nil {
		return *r.Assessment
	}
	var d Draft
	if json.Unmarshal(r.Draft, &d) != nil {
		return store.Assessment{} // of a statement that others wrote, or of nothing
	}
	return *d.assessment()
}

// priorLearningWords is the decision on prior learning in one cell.
func priorLearningWords(a *store.Assessment) string {
	words := a.PriorLearning
	for _, more := range []struct{ name, text string }{{"outcomes", strings.Join(a.Outcomes, ", ")}, {"evidence", a.Evidence}, {"recognition", a.Recognition}} {
		if more.text != "" {
			words += "; " + more.name + ": " + more.text
		}
	}
	return words
}

// compareNumbers orders certificate numbers as people do: MC-2026-99999 comes before
// MC-2026-100000.
func compareNumbers(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
		if c := cmp.Or(cmp.Compare(len(m), len(n)), strings.Compare(m, n), cmp.Compare(x, y)); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many digits a text begins with.
func digits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}
