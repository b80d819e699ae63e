package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"indeks/keys"
	"indeks/store"
)

// Seals opens the tokens of records with the keys that an institution publishes.
// It is safe for concurrent use.
type Seals struct {
	own    ownKeys
	every  int64
	seen   atomic.Int64 // records
	opened atomic.Int64 // tokens
}

// NewSeals opens those of each every-th record it is shown; 1 is all, 0 none.
func NewSeals(entries []keys.Entry, every int) *Seals {
	return &Seals{own: entries, every: int64(every)}
}

// Opened is the number of tokens that opened.
func (s *Seals) Opened() int { return int(s.opened.Load()) }

// Check is for [store.Check]: every token of the record opens, and holds the
// payload that is on record. It says nothing about revocation, nor whether a key
// was in use at the time: that is for verifiers.
func (s *Seals) Check(r store.Record) error {
	if s.every == 0 || (s.seen.Add(1)-1)%s.every != 0 || r.State == store.Reserved {
		return nil
	}
	var wrong []error
	for profile, form := range r.Forms {
		var opened *keys.Opened
		var err error
		if proved(profile) {
			opened, err = keys.OpenProof(context.Background(), form.Token, keys.ProofOptions{Canonicalize: openContexts().Canonicalize}, s.own)
		} else {
			opened, err = keys.Open(context.Background(), form.Token, s.own)
		}
		if err == nil && !bytes.Equal(opened.Payload, form.Payload) {
			err = errors.New("the sealed bytes are others than those on record")
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("opening token %s: %w", profile, err))
			continue
		}
		s.opened.Add(1)
	}
	return errors.Join(wrong...)
}

// proved reports whether what stands under a profile is sealed by an embedded proof.
func proved(profile string) bool {
	return slices.ContainsFunc(allForms, func(f profileForm) bool {
		return string(f.profile) == profile && f.form == keys.DataIntegrity
	})
}

// Inspection is what going through the records in the background has found.
type Inspection struct {
	Began   time.Time // zero: not yet
	Ended   time.Time // zero: under way
	Pages   uint64    // of the file that were examined, 0: none yet, or the records are in a database
	Records int       // read
	Seals   int       // tokens opened
	Damaged int       // records that cannot be read or do not open, and once the pages that do not hang together
}

// What inspecting costs and how often it is done. A disk loses data without
// saying so; the sooner it is known, the more backups hold what was lost.
const (
	inspectionEvery = 24 * time.Hour
	inspectionShare = 10  // one tenth of one processor
	inspectionStep  = 64  // records between two rests
	inspectionSeals = 100 // of each hundredth record the tokens are opened
)

// Inspection returns how far the present inspection is, or how the last one ended.
func (i *Issuer) Inspection() Inspection {
	if now := i.inspection.Load(); now != nil {
		return *now
	}
	return Inspection{}
}

// RunInspection goes through the pages of the records' file once a day, which after a
// start nobody may have done yet ([store.Examine]). Then it reads every record, compares it with its hashes and
// opens some of the tokens, until ctx ends; it returns nil then. It rests nine
// times as long as it works. What is damaged is reported to Warn, each record by
// its id; the store refuses to give it out in any case.
//
// Unlike [store.Check] it looks at records one by one, so that it can run while
// others write: whether they add up is not looked at.
func (i *Issuer) RunInspection(ctx context.Context) error {
	for {
		i.inspect(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(inspectionEvery):
		}
	}
}

func (i *Issuer) inspect(ctx context.Context) {
	seals := NewSeals(i.ring.Entries(), inspectionSeals)
	now := Inspection{Began: i.clock()}
	show := func() {
		now.Seals = seals.Opened()
		shown := now
		i.inspection.Store(&shown)
	}
	show()
	damaged := func(what string, args ...any) {
		now.Damaged++
		i.warn(what, args...)
	}
	switch pages, err := store.Examine(ctx, i.store); {
	case ctx.Err() != nil:
		return
	case err != nil:
		damaged("ALARM: the file of records is damaged: nothing is written any more; keep it as it is, and restore the last backup beside it", "error", err)
	default:
		if now.Pages = pages.Pages; pages.Unused > pages.Pages/4 {
			i.warn("more than a quarter of the file of records is unused, since the program was killed; indeks compact gives it back", "pages", pages.Pages, "unused", pages.Unused)
		}
	}
	show()
	worked := time.Now()
	for listed, err := range i.store.Records(ctx, "") {
		if ctx.Err() != nil {
			return
		}
		now.Records++
		if err != nil {
			damaged("ALARM: a record is damaged", "error", err)
			continue
		}
		r, err := i.store.Get(ctx, listed.ID)
		if errors.Is(err, store.ErrErased) {
			err = nil
		} else if err == nil {
			err = seals.Check(r)
		}
		if err != nil && ctx.Err() == nil {
			damaged("ALARM: a record is damaged", "id", listed.ID, "error", err)
		}
		if now.Records%inspectionStep == 0 {
			show()
			select {
			case <-ctx.Done():
				return
			case <-time.After((inspectionShare - 1) * time.Since(worked)):
			}
			worked = time.Now()
		}
	}
	now.Ended = i.clock()
	show()
}
