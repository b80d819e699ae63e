package issuer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"indeks/store"
)

// check tries a chunk of rows without issuing any.
func (b *Batches) check(ctx context.Context, batch Batch) error {
	courses, now, changed, err := b.courses(ctx, &batch)
	if err != nil {
		return err
	}
	if changed {
		_, err := b.change(ctx, batch.ID, func(batch *Batch) error {
			if batch.State != BatchChecking {
				return errStale
			}
			batch.Courses, batch.Next, batch.Counts = now, 0, Counts{Rows: batch.Counts.Rows}
			return nil
		})
		return err
	}
	var results []Result
	var docs []store.Document
	var sum [32]byte
	if batch.Next > 0 {
		sum = batch.Digest
	}
	if batch.Next < batch.Chunks {
		rows, revision, err := b.rows(ctx, &batch, batch.Next, courses)
		if err != nil {
			return err
		}
		before, resultsRevision, err := b.results(ctx, &batch, batch.Next)
		if err != nil {
			return err
		}
		texts := courseTexts{}
		for i := range rows {
			texts.of(rows[i].Draft.Course)
		}
		results = make([]Result, len(rows))
		found := make([]error, len(rows))
		var next int
		var turn sync.Mutex
		var workers sync.WaitGroup
		for range cap(b.pace) {
			workers.Go(func() {
				for {
					turn.Lock()
					i := next
					next++
					turn.Unlock()
					if i >= len(rows) || ctx.Err() != nil {
						return
					}
					results[i], found[i] = b.judge(withPace(ctx, b.pace), &batch, &rows[i], texts[rows[i].Draft.Course])
				}
			})
		}
		workers.Wait()
		if err := errors.Join(append(found, ctx.Err())...); err != nil {
			return err
		}
		for i := range rows {
			if results[i].State != RowProblem {
				sum = b.addDigest(sum, &rows[i].Draft, texts.of(rows[i].Draft.Course))
			}
			rows[i].Draft.Course, rows[i].Draft.Batch, rows[i].Draft.Approval = nil, "", ""
		}
		docs = append(docs, store.Document{Kind: kindRows, ID: partID(&batch, batch.Next), Revision: revision, Body: encode(rows)})
		if before == nil || !slices.Equal(before, results) {
			docs = append(docs, store.Document{Kind: kindResults, ID: partID(&batch, batch.Next), Revision: resultsRevision, Body: encode(results)})
		}
	}
	at := batch.Next
	_, err = b.change(ctx, batch.ID, func(batch *Batch) error {
		if batch.State != BatchChecking || batch.Next != at {
			return errStale
		}
		c := &batch.Counts
		for _, r := range results {
			c.Checked++
			*c.of(r.State)++
		}
		batch.Next++
		batch.Digest = sum
		b.sign(batch)
		if batch.Next >= batch.Chunks {
			batch.State, batch.Changed, batch.Next, batch.Marks = BatchReady, b.c.Issuer.clock(), 0, nil
		}
		return nil
	}, docs...)
	return err
}

// of is the count of a state.
func (c *Counts) of(s RowState) *int {
	switch s {
	case RowProblem:
		return &c.Bad
	case RowKnown:
		return &c.Known
	case RowIssued:
		return &c.Issued
	case RowFailed:
		return &c.Failed
	default:
		return &c.Sound
	}
}

// judge says what would become of a row, and adds what stands in its way to its
// problems. An error is none of the row's.
func (b *Batches) judge(ctx context.Context, batch *Batch, r *batchRow, course *courseText) (Result, error) {
	result := Result{Row: r.Draft.Row, State: RowSound}
	first := func() *Problem {
		for i := range r.Problems {
			if !r.Problems[i].Warn {
				return &r.Problems[i]
			}
		}
		return nil
	}
	if c := r.Draft.Course; first() == nil && batch.Drafts && c != nil {
		// An approval is of the rows of one course.
		switch needed, err := b.c.Issuer.NeedsApproval(ctx, c); {
		case err != nil:
			return Result{}, err
		case needed:
			r.Problems = append(r.Problems, Problem{Row: r.Draft.Row, Field: "course_id", Value: shorten(c.ID), Rule: "needs-approval", Want: "asks for another person's approval: expected a class list, or fewer drafts at once"})
		}
	}
	if first() == nil {
		known, err := b.c.Issuer.try(ctx, r.Draft, course)
		var list *Problems
		switch {
		case errors.As(err, &list):
			for _, p := range list.List {
				p.Row = r.Draft.Row
				r.Problems = append(r.Problems, p)
			}
		case errors.Is(err, ErrRefused):
			r.Problems = append(r.Problems, Problem{Row: r.Draft.Row, Rule: "refused", Want: err.Error()})
		case err != nil:
			return Result{}, err
		case known != nil:
			result.State, result.Number, result.ID = RowKnown, known.Number, known.ID
			if known.Batch == r.Draft.Batch {
				result.State = RowIssued
			}
		}
	}
	if p := first(); p != nil {
		result.State = RowProblem
		result.say(p)
	}
	return result, nil
}

// say says what is wrong with a row without what stands in it.
func (r *Result) say(p *Problem) {
	r.Rule, r.Column, r.Error = p.Rule, cmp.Or(p.Column, p.Field), p.Want
}

// try does all of issuing a draft that can be done without recording anything: it
// returns the record, where the draft was issued before, and the problems and
// errors that issuing it would return. course is the text of its course, nil where it was not written yet.
func (i *Issuer) try(ctx context.Context, d Draft, course *courseText) (*store.Record, error) {
	if err := i.checkDraft(&d, course); err != nil {
		return nil, err
	}
	if course == nil {
		course = textOf(d.Course)
	}
	refuse := func(field, value, rule, want string) error {
		return &Problems{List: []Problem{{Row: d.Row, Field: field, Value: shorten(value), Rule: rule, Want: want}}}
	}
	known, err := i.store.Lookup(ctx, d.Key(i.inst.DID))
	switch {
	case err == nil && known.RequestHash != d.requestHash(course):
		return nil, refuse("", "", "row-conflict", "was issued as "+known.Number+" with other content: correct that credential, or leave the row out")
	case err == nil && known.State == store.Reserved:
		return nil, nil // what a crash left: issuing finishes it
	case err == nil:
		return &known, nil
	case !errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("looking up the draft: %w", err)
	}
	for _, taken := range []struct {
		field, value, rule, want string
		by                       func(context.Context, string) (store.Record, error)
	}{
		{"certificate_number", d.Number, "number-taken", "has already been used, expected another number", i.store.ByNumber},
		{"external_id", d.ExternalID, "external-taken", "was used before for another award, expected another id", i.store.ByExternalID},
	} {
		if taken.value == "" {
			continue
		}
		if _, err := taken.by(ctx, taken.value); err == nil {
			return nil, refuse(taken.field, taken.value, taken.rule, taken.want)
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	if err := i.resolveRecognition(ctx, &d); err != nil {
		return nil, err
	}
	x := i.placeholder(&d)
	if x.Page, _, err = i.courseInCatalogue(ctx, &d, course.sum); err != nil {
		return nil, err
	}
	_, err = paced(ctx, func() (map[string]unsealed, error) { return i.forms(ctx, &d, x, course.sum) })
	return nil, err
}

// addDigest adds a row to the digest of a batch.
func (b *Batches) addDigest(sum [32]byte, d *Draft, course *courseText) [32]byte {
	key, hash := d.Key(b.c.Issuer.inst.DID), d.requestHash(course)
	return sha256.Sum256(slices.Concat(sum[:], key[:], hash[:]))
}

// checkDigest says why what would be issued is not what was approved.
func (b *Batches) checkDigest(ctx context.Context, batch *Batch) error {
	if batch.Approval == "" {
		return nil
	}
	courses, _, _, err := b.courses(ctx, batch)
	if err != nil {
		return err
	}
	var sum [32]byte
	texts := courseTexts{}
	for chunk := range batch.Chunks {
		rows, _, err := b.rows(ctx, batch, chunk, courses)
		if err != nil {
			return err
		}
		results, _, err := b.results(ctx, batch, chunk)
		if err != nil {
			return err
		}
		for i, r := range results {
			if r.State != RowProblem {
				sum = b.addDigest(sum, &rows[i].Draft, texts.of(rows[i].Draft.Course))
			}
		}
	}
	a, err := b.c.Issuer.Approval(ctx, batch.Approval)
	if err == nil && (sum != batch.Digest || a.Digest != hex.EncodeToString(sum[:])) {
		err = ErrOtherDraft
	}
	return err
}
