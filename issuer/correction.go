package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// A correction is a new award that takes the place of another: drawn up from what
// the other one was drawn up from, but for what is changed, and issued by [Issuer.Issue]
// like any other. The new credential names no predecessor. The old one is revoked
// in the step in which the new one is issued (store.Commit): a crash before it
// leaves the old one in force, and the next start finishes both.

// ErrNoCorrection is returned for what cannot be corrected: a credential that a
// client wrote itself, or one whose course is no longer known.
var ErrNoCorrection = errors.New("no new award can be drawn up from it")

// correctionCodes are the reasons for which a new credential takes the place of
// another by a correction.
var correctionCodes = []string{CodeErrorInData, CodeNameChange, "holder-request", CodeSuperseded, CodeOther}

// CorrectionCodes are the codes of reasons for a correction; the first is meant
// where none is given.
func CorrectionCodes() []string { return slices.Clone(correctionCodes) }

// Correction draws up the award that takes the place of another one. changed are
// columns of a class list with what they are to say; "" takes away what a column
// said. The certificate number is a new one, by rule unless given. c is the course
// where it is another version, nil for the one of the award.
//
// Whether the award is still in force is looked at when the draft is issued.
//
// Errors: [*Problems]; [ErrNoCorrection].
func (i *Issuer) Correction(ctx context.Context, r store.Record, changed map[string]string, c *Course, why Why) (Draft, error) {
	// 1. May it be?
	if err := CheckReason("reason", why.Text); err != nil {
		return Draft{}, err
	}
	if why.Code == "" {
		why.Code = correctionCodes[0]
	}
	problem := func(field, value, rule, want string) error {
		return &Problems{List: []Problem{{Field: field, Value: shorten(value), Rule: rule, Want: want}}}
	}
	names := 0
	for _, column := range []string{"given_name", "family_name"} {
		if _, ok := changed[column]; ok {
			names++
		}
	}
	switch {
	case !slices.Contains(correctionCodes, why.Code):
		return Draft{}, problem("code", why.Code, "reason-code", "is not a reason for this: expected one of "+strings.Join(correctionCodes, ", "))
	case why.Code == CodeNameChange && names == 0:
		return Draft{}, problem("code", why.Code, "reason-code", "changes no name: expected given_name or family_name among what is changed")
	case len(changed) == 0 && c == nil:
		return Draft{}, problem("learner", "", "correction", "changes nothing: expected the columns that are to say something else")
	case r.Course == "":
		return Draft{}, fmt.Errorf("correcting %s: %w: it is no award", r.ID, ErrNoCorrection)
	}

	// 2. What it was drawn up from.
	if c == nil {
		var err error
		if c, err = i.courseOf(ctx, r); err != nil {
			return Draft{}, err
		}
	}
	cells, err := Cells(r)
	if err != nil {
		return Draft{}, err
	}
	maps.Copy(cells, changed)

	// 3. The new one, by the rules of a class list.
	d, _, err := ReadDraft(c, cells)
	if err != nil {
		return Draft{}, err
	}
	d.Replaces = &Replacement{ID: r.ID, Why: why}
	return d, nil
}

// checkReplaces returns store.ErrState where what a draft is to take the place of is
// not in force. Reserve and Commit look again; here nothing is used up yet.
func (i *Issuer) checkReplaces(ctx context.Context, d *Draft) error {
	if d.Replaces == nil {
		return nil
	}
	old, err := i.store.Get(ctx, d.Replaces.ID)
	if err == nil && old.State != store.Issued {
		err = fmt.Errorf("%w: it is %s", store.ErrState, old.State)
	}
	if err != nil {
		return fmt.Errorf("taking the place of %s: %w", d.Replaces.ID, err)
	}
	return nil
}

// Cells are the columns of a class list that would read as what a record
// was drawn up from, without the certificate number, which is used once.
func Cells(r store.Record) (map[string]string, error) {
	var d Draft
	if r.Draft != nil {
		if err := json.Unmarshal(r.Draft, &d, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("reading what %s was drawn up from: %w", r.ID, err)
		}
	}
	d.GivenName, d.FamilyName, d.LearnerID, d.Email, d.AwardingDate = r.GivenName, r.FamilyName, r.LearnerID, r.Email, r.AwardingDate
	cells := d.cells()
	for name, text := range cells {
		if text == "" {
			delete(cells, name)
		}
	}
	return cells, nil
}

// kindCourse are documents that hold a course, by the hash that records have of
// it: of those that are not in the catalogue.
const kindCourse = "course"

// keepCourse keeps a course that is awarded and not in the catalogue, so that the
// award can be corrected and issued again decades later.
func (i *Issuer) keepCourse(ctx context.Context, c *Course, hash [sha256.Size]byte) error {
	if _, ok := i.kept.Load(hash); ok {
		return nil
	}
	// A class begins with many at once: they wait for the first, rather than all put it.
	i.keeping.Lock()
	defer i.keeping.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, ok := i.kept.Load(hash); ok {
		return nil
	}
	err := i.store.PutDocuments(ctx, []store.Document{{Kind: kindCourse, ID: hex.EncodeToString(hash[:]), Body: c.kept()}})
	if err != nil && !errors.Is(err, store.ErrRevision) { // it is there
		return fmt.Errorf("keeping the course: %w", err)
	}
	i.kept.Store(hash, nil)
	return nil
}

// courseOf is the course that a record was awarded under.
func (i *Issuer) courseOf(ctx context.Context, r store.Record) (*Course, error) {
	raw, err := i.courseText(ctx, r)
	if err != nil {
		return nil, err
	}
	c := new(Course)
	if err := json.Unmarshal(raw, c, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("reading the course of %s: %w", r.ID, err)
	}
	return c, nil
}

func (i *Issuer) courseText(ctx context.Context, r store.Record) ([]byte, error) {
	c, err := i.store.Course(ctx, r.Course, r.CourseVersion)
	if err == nil && c.SHA256 == r.CourseSHA256 {
		return c.JSON, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("looking for the course of %s: %w", r.ID, err)
	}
	doc, err := i.store.Document(ctx, kindCourse, hex.EncodeToString(r.CourseSHA256[:]))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("looking for the course of %s: %w: version %s of %s is not kept; put it into the catalogue", r.ID, ErrNoCorrection, r.CourseVersion, r.Course)
	case err != nil:
		return nil, fmt.Errorf("looking for the course of %s: %w", r.ID, err)
	case sha256.Sum256(doc.Body) != r.CourseSHA256:
		return nil, fmt.Errorf("looking for the course of %s: %w: what is kept is another one", r.ID, store.ErrDamaged)
	}
	return doc.Body, nil
}

// Replaced reports whether another credential took the place of this one.
func Replaced(r store.Record) bool {
	n := len(r.Changes)
	return r.State == store.Revoked && n > 0 && r.Changes[n-1].Successor != ""
}
