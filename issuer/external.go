package issuer

import (
	"context"
	"crypto/sha256"
	"iter"
	"slices"
	"unicode"
	"unicode/utf8"

	"indeks/store"
)

// maxExternalID is how many characters the id of an award in another system has
// at most.
const maxExternalID = 200

// ValidExternalID reports whether a text may be the id of an award in another system.
func ValidExternalID(id string) bool {
	return id != "" && utf8.ValidString(id) && utf8.RuneCountInString(id) <= maxExternalID && len(id) <= 250 &&
		!slices.ContainsFunc([]rune(id), func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}

// ExternalKey is the key of what a client asks for under an id of its own: the
// same id is the same award for ever.
func ExternalKey(client, id string) store.Key {
	return digest([]string{"external", client, id})
}

// ByExternalID returns the record with the id of another system, or store.ErrNotFound.
func (i *Issuer) ByExternalID(ctx context.Context, id string) (store.Record, error) {
	return i.store.ByExternalID(ctx, id)
}

// Differences are the columns, course_id and course_version among them, in which
// a draft differs from what a record was issued from; "content" where that cannot be told.
func Differences(r store.Record, d Draft) (different []string) {
	was, err := Cells(r)
	if err != nil || r.Draft == nil {
		return []string{"content"}
	}
	if d.Course.ID != r.Course {
		different = append(different, "course_id")
	}
	if d.Course.Version != r.CourseVersion || r.CourseSHA256 != [32]byte{} && r.CourseSHA256 != sha256.Sum256(d.Course.kept()) {
		different = append(different, "course_version")
	}
	d.normalise()
	is := d.cells()
	was["certificate_number"] = r.Number
	for _, c := range columns {
		switch {
		case c.name == "email", is[c.name] == was[c.name]:
		case is[c.name] == "" && (c.name == "awarding_date" || c.name == "certificate_number"): // left open, it was filled in then
		default:
			different = append(different, c.name)
		}
	}
	if different == nil {
		return []string{"content"}
	}
	return different
}

// Try says what issuing a draft would return, without recording anything: the
// record, where it was issued before.
func (i *Issuer) Try(ctx context.Context, d Draft) (*store.Record, error) { return i.try(ctx, d, nil) }

// IssueMany is IssueAll at the pace of batches: for those who send many drafts at
// once, beside those who wait for one answer. Its records are in parts, too.
func (b *Batches) IssueMany(ctx context.Context, drafts []Draft) iter.Seq2[store.Record, error] {
	return b.c.Issuer.IssueAll(withPace(ctx, b.pace), drafts)
}
