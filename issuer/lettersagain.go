package issuer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"indeks/mail"
	"indeks/store"
)

// Letters that did not arrive: which they are, and sending them again, many in one step.

// LetterTrouble is a letter that was refused or came back, and that nobody has sent
// again.
type LetterTrouble struct {
	Letter
	Number        string // of the certificate
	Course, Batch string // ids, of its record
	Again         bool   // see [Issuer.SendAllAgain]
}

// troubles are all of them, the newest first, each with its record, of which nothing is
// known where it is erased or damaged.
func (i *Issuer) troubles(ctx context.Context) iter.Seq2[LetterTrouble, error] {
	return func(yield func(LetterTrouble, error) bool) {
		var marks []store.Document
		for d, err := range i.store.Documents(ctx, kindTrouble, "", "") {
			if err != nil {
				yield(LetterTrouble{}, err)
				return
			}
			marks = append(marks, d)
		}
		for _, mark := range slices.Backward(marks) {
			d, err := i.store.Document(ctx, store.LetterKind, string(mark.Body))
			if errors.Is(err, store.ErrNotFound) {
				// Erased since: nothing leads there any more.
				mark.Body = nil
				err = i.store.PutDocuments(ctx, []store.Document{mark})
				if err == nil || errors.Is(err, store.ErrRevision) || errors.Is(err, store.ErrReadOnly) {
					continue
				}
			}
			var l Letter
			if err == nil {
				l, err = readLetter(d)
			}
			if errors.Is(err, store.ErrDamaged) {
				continue // the inspection reports it
			}
			if err == nil && strings.HasPrefix(l.Record, nameCheckRecord) {
				continue // of which the check itself tells
			}
			var r store.Record
			if err == nil {
				r, err = i.store.Get(ctx, l.Record)
			}
			switch {
			case errors.Is(err, store.ErrErased), errors.Is(err, store.ErrDamaged):
				r, err = store.Record{Number: r.Number}, nil
			case err != nil:
				yield(LetterTrouble{}, err)
				return
			}
			if !yield(LetterTrouble{l, r.Number, r.Course, r.Batch, i.sendable(&l, &r)}, nil) {
				return
			}
		}
	}
}

// sendable reports whether what a letter did not tell can be told again. A one-time
// code is asked for anew by who needs one, and that a share was opened is no news by
// then.
func (i *Issuer) sendable(l *Letter, r *store.Record) bool {
	return i.post != nil && l.Kind != mail.Code && l.Kind != mail.Opened && r.Email != "" && r.Course != "" && !r.Erased(store.Delivery) &&
		r.State != store.Reserved && !Replaced(*r)
}

// LetterTroubles returns the newest of them, at most so many.
func (i *Issuer) LetterTroubles(ctx context.Context, most int) ([]LetterTrouble, error) {
	list := []LetterTrouble{}
	for trouble, err := range i.troubles(ctx) {
		if err != nil {
			return nil, fmt.Errorf("listing letters that did not arrive: %w", err)
		}
		if len(list) == most {
			break
		}
		list = append(list, trouble)
	}
	return list, nil
}

// Undelivered says which letters that did not arrive are meant: those of which all holds
// that is set.
type Undelivered struct {
	Course string // id
	Batch  string // id
}

// Undelivered returns those of them that can be sent again, the newest first; of each
// credential the last one, since one letter says how it is.
func (i *Issuer) Undelivered(ctx context.Context, of Undelivered) ([]LetterTrouble, error) {
	list, seen := []LetterTrouble{}, map[string]bool{}
	for trouble, err := range i.troubles(ctx) {
		if err != nil {
			return nil, fmt.Errorf("listing letters that did not arrive: %w", err)
		}
		if !trouble.Again || seen[trouble.Record] || of.Course != "" && trouble.Course != of.Course || of.Batch != "" && trouble.Batch != of.Batch {
			continue
		}
		seen[trouble.Record] = true
		list = append(list, trouble)
	}
	return list, nil
}

// lettersAtOnce is how many letters are queued in one transaction.
const lettersAtOnce = 20

// SendAllAgain does what [Issuer.SendAgain] does for each credential of what
// [Issuer.Undelivered] returns, and returns for how many. confirmed is their number:
// [ErrBulkCount] where it is another one by now, and nothing is done. Each is on record
// and in the log for itself; where it ends in the middle, what is left is still listed.
// [ErrNoPost].
func (i *Issuer) SendAllAgain(ctx context.Context, of Undelivered, confirmed int, by, note string) (queued int, err error) {
	if i.post == nil {
		return 0, ErrNoPost
	}
	if err := CheckReason("note", note); err != nil {
		return 0, err
	}
	list, err := i.Undelivered(ctx, of)
	if err != nil {
		return 0, err
	}
	if len(list) != confirmed {
		return 0, fmt.Errorf("sending letters again: %w: confirmed %d, found %d", ErrBulkCount, confirmed, len(list))
	}
	defer i.rouseLetters()
	slices.Reverse(list) // who waits longest first
	for some := range slices.Chunk(list, lettersAtOnce) {
		n, err := i.queueAgain(ctx, some, by, note)
		if errors.Is(err, store.ErrRevision) { // somebody sends one of them meanwhile: the others go on
			err = nil
			for one := range slices.Chunk(some, 1) {
				m, failed := i.queueAgain(ctx, one, by, note)
				if n += m; failed != nil && !errors.Is(failed, store.ErrRevision) {
					err = failed
					break
				}
			}
		}
		if queued += n; err != nil {
			return queued, fmt.Errorf("sending letters again, after %d: %w", queued, err)
		}
	}
	return queued, nil
}

// queueAgain queues some of them, all or none, and returns how many are new: where such a
// letter waits already, that is the one, and what changed since it was listed is left.
func (i *Issuer) queueAgain(ctx context.Context, some []LetterTrouble, by, note string) (queued int, err error) {
	var docs []store.Document
	var events []store.Event
	for _, trouble := range some {
		r, err := i.store.Get(ctx, trouble.Record)
		var l Letter
		var with []store.Document
		if err == nil {
			l, with, err = i.againAsItIs(ctx, &r, by, note)
		}
		switch {
		case errors.Is(err, store.ErrErased), errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrState), errors.Is(err, ErrNoAddress):
			continue
		case err != nil:
			return 0, err
		case with == nil:
			continue
		}
		docs, events, queued = append(docs, with...), append(events, l.asked()), queued+1
	}
	if queued == 0 {
		return 0, nil
	}
	if err := i.store.PutDocuments(ctx, docs, events...); err != nil {
		return 0, err
	}
	return queued, nil
}
