package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"indeks/keys"
	"indeks/store"
)

const (
	lookForBatches = 2 * time.Second  // that another node or nobody has told of
	retryBatch     = 10 * time.Second // one that cannot go on
	sweepBatches   = time.Hour
	nodeGone       = time.Minute // without a sign of the node that works on a batch
	maxMarks       = 10
)

// errStale is returned for work that somebody else has done or stopped meanwhile.
var errStale = errors.New("the batch has moved on")

// Run works on batches until ctx ends, and returns nil then: it checks what was
// uploaded, issues what was started, goes on with what an earlier process left,
// and removes what has been kept long enough. An error of one batch is reported to Warn, and tried again.
//
// Work goes chunk by chunk, and each chunk ends with one transaction that puts
// its results and where to go on. What a crash leaves of a chunk is done again:
// each row is its key, so what was issued of it is found, not issued twice.
func (b *Batches) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	var swept time.Time
	for {
		if time.Since(swept) > sweepBatches {
			swept = time.Now()
			if err := b.sweep(ctx); err != nil && ctx.Err() == nil {
				b.c.Issuer.warn("old batches are not removed", "error", err)
			}
		}
		if err := b.dispatch(ctx, &working); err != nil && ctx.Err() == nil {
			b.c.Issuer.warn("batches cannot be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		case <-time.After(lookForBatches):
		}
	}
}

// dispatch begins to work on the batches whose turn it is, the oldest first. A
// list is checked beside those that are issued: nobody waits an hour for a dry run.
func (b *Batches) dispatch(ctx context.Context, working *sync.WaitGroup) error {
	var waiting []Batch
	for batch, err := range b.opened(ctx) {
		if errors.Is(err, store.ErrNotFound) {
			continue // it has just ended
		}
		if err != nil {
			return err
		}
		waiting = append(waiting, batch)
	}
	slices.SortStableFunc(waiting, func(x, y Batch) int {
		return cmp.Or(cmp.Compare(order(x.State), order(y.State)), x.Changed.Compare(y.Changed))
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	issuing, checking := 0, 0
	for _, batch := range waiting {
		switch {
		case !b.working[batch.ID]:
		case batch.State == BatchChecking:
			checking++
		case batch.State == BatchApproval, batch.State == BatchReady:
		default:
			issuing++
		}
	}
	for _, batch := range waiting {
		if b.working[batch.ID] || !b.mine(&batch) {
			continue
		}
		switch batch.State {
		case BatchChecking:
			if checking++; checking > 1 {
				continue
			}
		case BatchApproval:
		case BatchReady:
			if !batch.Start {
				continue
			}
		case BatchQueued, BatchRunning:
			if issuing++; issuing > b.c.Running {
				continue
			}
		default:
			continue
		}
		b.working[batch.ID] = true
		working.Go(func() {
			b.work(ctx, batch.ID)
			b.mu.Lock()
			delete(b.working, batch.ID)
			delete(b.stuck, batch.ID)
			b.mu.Unlock()
			b.rouse() // it may be another's turn
		})
	}
	return nil
}

// order puts what runs before what waits to run.
func order(s BatchState) int {
	if s == BatchRunning {
		return 0
	}
	return 1
}

// mine reports whether no other node works on a batch.
func (b *Batches) mine(batch *Batch) bool {
	return batch.Node == b.c.Node || b.c.Issuer.clock().Sub(batch.Seen) > nodeGone
}

// work takes a batch on, chunk by chunk, until it is not its turn any more.
func (b *Batches) work(ctx context.Context, id string) {
	proven := false
	for ctx.Err() == nil {
		batch, err := b.Get(ctx, id)
		if err == nil && !b.mine(&batch) {
			return
		}
		if err == nil {
			actor := store.Acting(ctx, store.Actor{Name: batch.By, Request: id})
			switch batch.State {
			case BatchChecking:
				err = b.check(actor, batch)
			case BatchApproval:
				var decided bool
				if decided, err = b.approved(actor, batch); err == nil && !decided {
					return
				}
			case BatchReady:
				if !batch.Start {
					return
				}
				_, err = b.Start(actor, id, true)
			case BatchQueued:
				_, err = b.change(actor, id, func(batch *Batch) error {
					if batch.State != BatchQueued || !b.mine(batch) {
						return errStale
					}
					batch.State, batch.Marks = BatchRunning, nil
					b.sign(batch)
					return nil
				})
			case BatchRunning:
				if !proven {
					err = b.checkDigest(actor, &batch)
				}
				if proven = err == nil; proven {
					err = b.issue(actor, batch)
				} else if errors.Is(err, ErrOtherDraft) {
					err = b.pause(actor, id, WhyOther)
				}
			default:
				return
			}
		}
		why := ""
		switch {
		case err == nil, errors.Is(err, errStale), ctx.Err() != nil:
		case errors.Is(err, store.ErrReadOnly):
			why = "read-only"
		case errors.Is(err, store.ErrDiskLow):
			why = "disk"
		case errors.Is(err, ErrClock):
			why = "clock"
		default:
			why = "error"
		}
		b.mu.Lock()
		before := b.stuck[id]
		b.stuck[id] = why
		b.mu.Unlock()
		if why == "" {
			continue
		}
		if why != before {
			b.c.Issuer.warn("a batch cannot go on for now", "batch", id, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryBatch):
		}
	}
}

// approved goes on with a batch that another person has decided on.
func (b *Batches) approved(ctx context.Context, batch Batch) (decided bool, err error) {
	a, err := b.c.Issuer.Approval(ctx, batch.Approval)
	if err != nil || a.State == Waiting {
		return false, err
	}
	_, err = b.change(ctx, batch.ID, func(batch *Batch) error {
		switch {
		case batch.State != BatchApproval:
			return errStale
		case a.State == Approved:
			batch.State = BatchQueued
		default:
			batch.State, batch.Why, batch.Ended = BatchCancelled, WhyRejected, b.c.Issuer.clock()
		}
		batch.Changed = b.c.Issuer.clock()
		return nil
	})
	return true, err
}

// sign is this node's sign that it works on a batch.
func (b *Batches) sign(batch *Batch) {
	now := b.c.Issuer.clock()
	batch.Node, batch.Seen = b.c.Node, now
	batch.Marks = append(batch.Marks, Mark{b.c.Issuer.now().UTC(), batch.worked()})
	batch.Marks = batch.Marks[max(0, len(batch.Marks)-maxMarks):]
}

// courses reads those of a batch; changed tells that one is another now than it
// was when the rows were checked.
func (b *Batches) courses(ctx context.Context, batch *Batch) (courses []*Course, now []BatchCourse, changed bool, err error) {
	for _, k := range batch.Courses {
		o, err := b.catalogue.Offer(ctx, k.ID, k.Version)
		if err != nil {
			return nil, nil, false, fmt.Errorf("looking for the course of batch %s: %w", batch.ID, err)
		}
		changed = changed || o.SHA256 != k.SHA256
		courses, now = append(courses, o.Content), append(now, BatchCourse{k.ID, k.Version, o.SHA256})
	}
	return courses, now, changed, nil
}

// issue issues a chunk of rows.
func (b *Batches) issue(ctx context.Context, batch Batch) error {
	courses, _, changed, err := b.courses(ctx, &batch)
	if err != nil {
		return err
	}
	if changed {
		return b.pause(ctx, batch.ID, WhyCourse)
	}

	// 1. The next chunk with something to do. In a chunk that is not behind us, what
	// has failed has failed before the batch was started again.
	var results []Result
	var todo []int
	var revision uint64
	at := batch.Next
	for ; at < batch.Chunks && len(todo) == 0; at++ {
		if results, revision, err = b.results(ctx, &batch, at); err != nil {
			return err
		}
		for i, r := range results {
			if r.State == RowSound || r.State == RowFailed {
				todo = append(todo, i)
			}
		}
	}

	// 2. Issue it, with a key of which nobody has said by now that it is compromised. A
	// node that is left without one leaves the batch to another.
	refused := false
	var docs []store.Document
	if len(todo) > 0 {
		if err := b.c.Issuer.refreshKeys(ctx, false); errors.Is(err, keys.ErrNoKey) {
			return err
		}
		rows, _, err := b.rows(ctx, &batch, at-1, courses)
		if err != nil {
			return err
		}
		drafts := make([]Draft, len(todo))
		for n, i := range todo {
			drafts[n] = rows[i].Draft
		}
		done := 0
		for record, err := range b.c.Issuer.IssueAll(withPace(ctx, b.pace), drafts) {
			r := &results[todo[done]]
			done++
			*r = Result{Row: r.Row, State: RowIssued, Number: record.Number, ID: record.ID}
			var check NameCheck
			if errors.Is(err, ErrNeedsNameCheck) { // what cannot be asked is as what cannot be issued
				var cannot error
				if check, cannot = b.c.Issuer.AskName(ctx, drafts[done-1], batch.By); cannot != nil {
					err = cannot
				}
			}
			if _, none := b.c.Issuer.ring.Sealer(); none != nil && errors.Is(err, keys.ErrNoKey) {
				return err
			}
			var list *Problems
			switch {
			case err == nil:
				if record.Batch != batch.ID {
					r.State = RowKnown
				}
				continue
			case errors.As(err, &list):
				r.say(&list.List[0])
			case errors.Is(err, store.ErrConflict):
				r.Rule, r.Error = "row-conflict", "was issued, or waits for the learner, with other content"
			case errors.Is(err, store.ErrExternalTaken):
				r.Rule, r.Column, r.Error = "external-taken", "external_id", "was used before for another award, expected another id"
			case check.State == NameFailed:
				r.Rule, r.Error = "name-failed", "could not be issued when the learner had looked at the name: "+check.Reason
			case errors.Is(err, ErrNeedsNameCheck):
				r.Rule, r.Error = "name-check", "is waiting for the learner to check the name; try again then"
			case errors.Is(err, ErrRefused), errors.Is(err, keys.ErrNoKey):
				r.Rule, r.Error, refused = "refused", err.Error(), true
			default:
				return err
			}
			r.State, r.Number, r.ID = RowFailed, "", ""
		}
		if done < len(todo) {
			return cmp.Or(ctx.Err(), errStale)
		}
		docs = append(docs, store.Document{Kind: kindResults, ID: partID(&batch, at-1), Revision: revision, Body: encode(results)})
	}

	// 3. What became of it, and where to go on.
	from := batch.Next
	_, err = b.change(ctx, batch.ID, func(batch *Batch) error {
		if batch.Next != from || batch.State.Ended() && batch.State != BatchCancelled || !b.mine(batch) {
			return errStale
		}
		for _, i := range todo {
			batch.Counts.Sound--
			*batch.Counts.of(results[i].State)++
		}
		batch.Next = at
		b.sign(batch)
		// Paused or cancelled meanwhile, it stays so.
		if batch.State == BatchRunning {
			switch {
			case at >= batch.Chunks:
				batch.State, batch.Ended = BatchDone, b.c.Issuer.clock()
			case refused:
				batch.State, batch.Why, batch.Changed = BatchPaused, WhyRefused, b.c.Issuer.clock()
			}
		}
		return nil
	}, docs...)
	return err
}

// pause stops a batch by itself.
func (b *Batches) pause(ctx context.Context, id, why string) error {
	_, err := b.change(ctx, id, func(batch *Batch) error {
		if batch.State != BatchRunning && batch.State != BatchQueued {
			return errStale
		}
		batch.State, batch.Why, batch.Changed = BatchPaused, why, b.c.Issuer.clock()
		return nil
	})
	return err
}

// sweep ends what nobody started or went on with, and removes the rows of what
// has ended, each after the time for which rows are kept.
func (b *Batches) sweep(ctx context.Context) error {
	now := b.c.Issuer.clock()
	var old []Batch
	for d, err := range b.c.Issuer.store.Documents(ctx, kindLink, "", "") {
		if err != nil {
			return err
		}
		batch, err := b.Get(ctx, string(d.Body))
		if err != nil {
			return err
		}
		old = append(old, batch)
	}
	for _, batch := range old {
		var err error
		switch batch.State {
		case BatchNew, BatchUnread, BatchReady, BatchApproval, BatchPaused:
			if now.Sub(batch.Changed) > b.c.Keep {
				batch, err = b.move(ctx, batch.ID, func(batch *Batch) error {
					batch.State, batch.Why, batch.Ended = BatchCancelled, WhyOld, now
					return nil
				})
				if err == nil {
					err = b.remove(ctx, batch, now)
				}
			}
		case BatchCancelled, BatchDone:
			if now.Sub(batch.Ended) > b.c.Keep {
				err = b.remove(ctx, batch, now)
			}
		}
		if err != nil && !errors.Is(err, ErrBatchState) {
			return err
		}
	}
	return nil
}
