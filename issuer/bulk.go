package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// Errors of bulk changes, besides those of package store.
var (
	ErrBulkCount = errors.New("the number confirmed is not the number found")
	ErrBulkState = errors.New("not possible in the state of the bulk change")
)

// BulkAction is what is done to each credential.
type BulkAction string

const (
	BulkRevoke    BulkAction = "revoke"
	BulkSuspend   BulkAction = "suspend"
	BulkReinstate BulkAction = "reinstate"
	// BulkReissue puts a new credential, with a key that is safe, in place of each that
	// was sealed with one that is not: see [Issuer.reissue].
	BulkReissue BulkAction = "reissue"
)

// from are the states of records to which an action is done.
func (a BulkAction) from() []store.State {
	switch a {
	case BulkRevoke:
		return []store.State{store.Issued, store.Suspended}
	case BulkReinstate:
		return []store.State{store.Suspended}
	}
	return []store.State{store.Issued}
}

// bulkTo are the states to which those actions lead that change a record and no more.
var bulkTo = map[BulkAction]store.State{BulkRevoke: store.Revoked, BulkSuspend: store.Suspended, BulkReinstate: store.Issued}

// Selection says which credentials are meant: those of which all holds that is set.
// One of course, batch and key is.
type Selection struct {
	Course  string    `json:"course,omitzero"`  // id
	Version string    `json:"version,omitzero"` // of the course
	Batch   string    `json:"batch,omitzero"`   // id
	Key     string    `json:"key,omitzero"`     // id of the key that sealed
	Since   time.Time `json:"since,omitzero"`   // sealed then or later
	Until   time.Time `json:"until,omitzero"`   // sealed then or before
	// Unproven leaves out those of a compromised key that the audit log proves to be
	// older than its loss.
	Unproven bool `json:"unproven,omitzero"`
}

// selected returns some of the records that are meant, the last one reserved first,
// and after which id there are more, "" where there are none. What is issued
// meanwhile comes before what was seen, so it is not met. A damaged record is not
// found: the inspection reports it, and what it says cannot be selected. proven is what
// [Issuer.provenOf] returns.
func (i *Issuer) selected(ctx context.Context, s *Selection, after string, proven map[string]uint64) (some []store.Record, next string, err error) {
	some, next, err = i.store.Search(ctx, store.Query{Course: s.Course, Version: s.Version, Batch: s.Batch, KeyID: s.Key}, after, bulkStep)
	if err != nil {
		return nil, "", fmt.Errorf("selecting credentials: %w", err)
	}
	some = slices.DeleteFunc(some, func(r store.Record) bool {
		return r.SealingTime.Before(s.Since) || !s.Until.IsZero() && r.SealingTime.After(s.Until)
	})
	known, err := i.provenIn(ctx, proven, some)
	if err != nil {
		return nil, "", err
	}
	return slices.DeleteFunc(some, func(r store.Record) bool { return known[r.ID] }), next, nil
}

// provenOf is, by log, up to where the entries go that a selection leaves out; nil: it
// leaves out none.
func (i *Issuer) provenOf(ctx context.Context, s *Selection) (map[string]uint64, error) {
	if !s.Unproven {
		return nil, nil
	}
	lost, _, err := i.keyEntry(s.Key)
	if err != nil {
		return nil, err
	}
	return i.provenBefore(ctx, s.Key, lost.Public.CompromisedAt)
}

// Bulk is one change of many credentials, each of which has its own event in the
// log. The status lists are published at the end, and twice a minute meanwhile. The
// JSON names are those of the stored form.
type Bulk struct {
	ID      string     `json:"id"` // in order of time
	Action  BulkAction `json:"action"`
	Select  Selection  `json:"select"`
	Code    string     `json:"code"`
	Reason  string     `json:"reason"`
	By      string     `json:"by"`
	AskedAt time.Time  `json:"askedAt"`
	State   BulkState  `json:"state"`

	Found   int       `json:"found"`            // when it began
	Done    int       `json:"done"`             // changed by it
	Skipped int       `json:"skipped"`          // in another state by then, or nothing to be done
	Failed  int       `json:"failed"`           // see Problems; to ask again tries them again
	After   string    `json:"after,omitzero"`   // id of the last record that was looked at
	EndedAt time.Time `json:"endedAt,omitzero"` // zero: not yet

	Problems []BulkProblem `json:"problems,omitzero"` // the first of them
}

// BulkProblem is why one credential was not changed.
type BulkProblem struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

// BulkState is where a bulk change is on its way.
type BulkState string

const (
	BulkRunning BulkState = "running"
	BulkStopped BulkState = "stopped" // by hand; goes on when asked to
	BulkDone    BulkState = "done"
)

// BulkCount is what a selection finds: how many the action would change, and how
// many more match it in other states.
type BulkCount struct {
	Found   int // the number to confirm
	ByState map[store.State]int
	Expired int // of those found
}

const (
	kindBulk       = "bulk"
	kindBulkClosed = "bulk-closed"

	bulkWorkers  = 32 // their writes share a flush of the disk
	bulkStep     = 500
	bulkPublish  = 30 * time.Second
	bulkProblems = 100
)

// check says what is wrong with a bulk change that is asked for. compromised tells
// whether the key is that it selects by.
func (b *Bulk) check(ring []string, compromised bool) error {
	refuse := func(field, value, want string) error {
		return &Problems{List: []Problem{{Field: field, Value: shorten(value), Rule: "bulk", Want: want}}}
	}
	s := &b.Select
	switch b.Action {
	case BulkRevoke, BulkSuspend, BulkReinstate:
		why := Why{Code: b.Code, Text: b.Reason}
		if err := why.check(bulkTo[b.Action]); err != nil {
			return err
		}
		b.Code = why.Code
		if s.Course == "" && s.Batch == "" && s.Key == "" {
			return refuse("select", "", "selects everything: expected a course, a batch or a key")
		}
	case BulkReissue:
		if b.Code != "" && b.Code != CodeKeyCompromise {
			return refuse("code", b.Code, "is not a reason for this: expected "+CodeKeyCompromise)
		}
		b.Code = CodeKeyCompromise
		if s.Key == "" {
			return refuse("select/key", "", "is missing: expected the key whose seals are replaced")
		}
	default:
		return refuse("action", string(b.Action), "is none: expected revoke, suspend, reinstate or reissue")
	}
	if s.Version != "" && s.Course == "" {
		return refuse("select/version", s.Version, "is of no course: expected select/course too")
	}
	if s.Key != "" && !slices.Contains(ring, s.Key) {
		return refuse("select/key", s.Key, "is no key of this institution: expected one that indeks keys list shows")
	}
	if s.Unproven && !compromised {
		return refuse("select/unproven", "", "is of a key that is marked as compromised: expected such a select/key")
	}
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("reason", "", "is missing: it is kept on record")
	}
	return CheckReason("reason", b.Reason)
}

func (i *Issuer) keyIDs() (ids []string) {
	for _, e := range i.ring.Entries() {
		ids = append(ids, e.Public.ID)
	}
	return ids
}

// CountBulk says how many credentials a bulk change would be about. It changes
// nothing.
func (i *Issuer) CountBulk(ctx context.Context, b Bulk) (BulkCount, error) {
	if err := b.check(i.keyIDs(), i.compromised(b.Select.Key)); err != nil {
		return BulkCount{}, err
	}
	count, _, err := i.countBulk(ctx, &b, 0)
	return count, err
}

// PreviewBulk is CountBulk with the first few that would be changed, the last one sealed
// first.
func (i *Issuer) PreviewBulk(ctx context.Context, b Bulk, few int) (BulkCount, []store.Record, error) {
	if err := b.check(i.keyIDs(), i.compromised(b.Select.Key)); err != nil {
		return BulkCount{}, nil, err
	}
	return i.countBulk(ctx, &b, few)
}

func (i *Issuer) countBulk(ctx context.Context, b *Bulk, few int) (_ BulkCount, first []store.Record, err error) {
	count := BulkCount{ByState: map[store.State]int{}}
	now := i.now()
	proven, err := i.provenOf(ctx, &b.Select)
	if err != nil {
		return BulkCount{}, nil, err
	}
	for after := ""; ; {
		some, next, err := i.selected(ctx, &b.Select, after, proven)
		if err != nil {
			return BulkCount{}, nil, err
		}
		for _, r := range some {
			count.ByState[r.State]++
			if slices.Contains(b.Action.from(), r.State) {
				if count.Found++; count.Found <= few {
					first = append(first, r)
				}
				if r.Expired(now) {
					count.Expired++
				}
			}
		}
		if after = next; next == "" {
			return count, first, nil
		}
	}
}

// StartBulk puts a bulk change on record, which [Issuer.RunBulk] then carries out;
// confirmed is the number that CountBulk has found: ErrBulkCount where it is another
// one by now. What is issued from now on is not touched.
func (i *Issuer) StartBulk(ctx context.Context, b Bulk, confirmed int) (Bulk, error) {
	if err := b.check(i.keyIDs(), i.compromised(b.Select.Key)); err != nil {
		return Bulk{}, err
	}
	if b.Action == BulkReissue {
		if err := i.mayReissue(b.Select.Key); err != nil {
			return Bulk{}, err
		}
	}
	b.AskedAt = i.clock()
	if b.Select.Until.IsZero() || b.Select.Until.After(b.AskedAt) {
		b.Select.Until = b.AskedAt
	}
	count, _, err := i.countBulk(ctx, &b, 0)
	if err != nil {
		return Bulk{}, err
	}
	if count.Found != confirmed {
		return Bulk{}, fmt.Errorf("changing many: %w: confirmed %d, found %d", ErrBulkCount, confirmed, count.Found)
	}
	b.ID, b.State, b.Found = b.AskedAt.Format("20060102-150405-")+NewPublicID("")[:8], BulkRunning, count.Found
	b.Done, b.Skipped, b.Failed, b.After, b.EndedAt, b.Problems = 0, 0, 0, "", time.Time{}, nil
	if err := i.putBulk(ctx, &b, 0, store.Event{Kind: store.KindJobStarted, Actor: b.By, Object: b.ID, Result: fmt.Sprintf("%s of %d", b.Action, b.Found)}); err != nil {
		return Bulk{}, err
	}
	return b, nil
}

// Bulk returns a bulk change, or store.ErrNotFound.
func (i *Issuer) Bulk(ctx context.Context, id string) (Bulk, error) {
	b, _, err := i.bulk(ctx, id)
	return b, err
}

// bulk also returns the revision, 0 for one that has ended.
func (i *Issuer) bulk(ctx context.Context, id string) (b Bulk, revision uint64, err error) {
	if id == "" || len(id) > 64 {
		return Bulk{}, 0, fmt.Errorf("looking for bulk change %.64q: %w", id, store.ErrNotFound)
	}
	doc, err := i.store.Document(ctx, kindBulk, id)
	if errors.Is(err, store.ErrNotFound) {
		if doc, err = i.store.Document(ctx, kindBulkClosed, id); err == nil {
			doc.Revision = 0
		}
	}
	if err != nil {
		return Bulk{}, 0, fmt.Errorf("looking for bulk change %s: %w", id, err)
	}
	if err := json.Unmarshal(doc.Body, &b, json.RejectUnknownMembers(true)); err != nil {
		return Bulk{}, 0, fmt.Errorf("reading bulk change %s: %w", id, err)
	}
	return b, doc.Revision, nil
}

// Bulks returns those that have not ended, then the others, each in order of time.
func (i *Issuer) Bulks(ctx context.Context) (all []Bulk, err error) {
	for _, kind := range []string{kindBulk, kindBulkClosed} {
		for doc, err := range i.store.Documents(ctx, kind, "", "") {
			var b Bulk
			if err == nil {
				err = json.Unmarshal(doc.Body, &b, json.RejectUnknownMembers(true))
			}
			if err != nil {
				return nil, fmt.Errorf("reading bulk changes: %w", err)
			}
			all = append(all, b)
		}
	}
	return all, nil
}

// StopBulk stops a bulk change between two credentials, ContinueBulk has it go on.
// ErrBulkState where it has ended.
func (i *Issuer) StopBulk(ctx context.Context, id string) (Bulk, error) {
	return i.moveBulk(ctx, id, BulkStopped)
}

// ContinueBulk has a bulk change go on that was stopped.
func (i *Issuer) ContinueBulk(ctx context.Context, id string) (Bulk, error) {
	return i.moveBulk(ctx, id, BulkRunning)
}

func (i *Issuer) moveBulk(ctx context.Context, id string, to BulkState) (Bulk, error) {
	for {
		b, revision, err := i.bulk(ctx, id)
		switch {
		case err != nil:
			return Bulk{}, err
		case revision == 0:
			return Bulk{}, fmt.Errorf("bulk change %s: %w: it is %s", id, ErrBulkState, b.State)
		case b.State == to:
			return b, nil
		}
		b.State = to
		event := store.Event{Kind: store.KindJobStarted, Object: b.ID, Result: "goes on"}
		if to == BulkStopped {
			event = store.Event{Kind: store.KindJobPaused, Object: b.ID, Result: "stopped"}
		}
		err = i.putBulk(ctx, &b, revision, event)
		if !errors.Is(err, store.ErrRevision) { // else it has got further meanwhile
			return b, err
		}
	}
}

func (i *Issuer) putBulk(ctx context.Context, b *Bulk, revision uint64, events ...store.Event) error {
	raw, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("writing bulk change %s: %w", b.ID, err)
	}
	docs := []store.Document{{Kind: kindBulk, ID: b.ID, Revision: revision, Body: raw}}
	if b.State == BulkDone {
		docs = []store.Document{{Kind: kindBulk, ID: b.ID, Revision: revision}, {Kind: kindBulkClosed, ID: b.ID, Body: raw}}
	}
	if err := i.store.PutDocuments(ctx, docs, events...); err != nil {
		return fmt.Errorf("writing bulk change %s: %w", b.ID, err)
	}
	return nil
}

// RunBulks carries out what is asked for, one after the other, until ctx ends, and
// returns nil then. After a crash it goes on where it was.
func (i *Issuer) RunBulks(ctx context.Context) error {
	for {
		for doc, err := range i.store.Documents(ctx, kindBulk, "", "") {
			var b Bulk
			if err == nil {
				err = json.Unmarshal(doc.Body, &b)
			}
			if err == nil && b.State == BulkRunning {
				err = i.RunBulk(ctx, b.ID, nil)
			}
			if err != nil && ctx.Err() == nil {
				i.warn("a bulk change is not finished", "id", doc.ID, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// RunBulk carries out one bulk change until it is done or stopped. progress, unless
// nil, is told how far it is.
func (i *Issuer) RunBulk(ctx context.Context, id string, progress func(Bulk)) error {
	b, revision, err := i.bulk(ctx, id)
	if err != nil || b.State != BulkRunning {
		return err
	}
	proven, err := i.provenOf(ctx, &b.Select)
	if err != nil {
		return err
	}
	published := time.Now()
	for {
		// 1. The next of them.
		step, next, err := i.selected(ctx, &b.Select, b.After, proven)
		if err != nil {
			return err
		}
		ended := next == ""

		// 2. Each of them, many at a time. What was done before a crash is seen by who did it.
		if err := i.bulkStep(ctx, &b, step); err != nil {
			return err
		}
		b.After = next
		if ended || time.Since(published) > bulkPublish {
			if err := i.publishChanged(ctx); err != nil {
				return err
			}
			published = time.Now()
		}

		// 3. How far it is goes on record; who stopped it meanwhile wins.
		var events []store.Event
		if ended {
			b.State, b.EndedAt = BulkDone, i.clock()
			events = append(events, store.Event{Kind: store.KindJobEnded, Actor: b.By, Object: b.ID, Result: fmt.Sprintf("%d done, %d skipped, %d failed", b.Done, b.Skipped, b.Failed)})
		}
		err = i.putBulk(ctx, &b, revision, events...)
		if errors.Is(err, store.ErrRevision) {
			var now Bulk
			if now, revision, err = i.bulk(ctx, b.ID); err == nil {
				if revision == 0 || now.State == BulkDone {
					return nil // another process has done it
				}
				if !ended {
					b.State = now.State
				}
				err = i.putBulk(ctx, &b, revision, events...)
			}
		}
		if err != nil {
			return err
		}
		revision++
		if progress != nil {
			progress(b)
		}
		if b.State != BulkRunning {
			return nil
		}
	}
}

// mark is the name under which a bulk change does what it does.
func (b *Bulk) mark() string { return b.By + ", bulk " + b.ID }

// bulkStep changes some records. An error is one that is about none of them alone:
// the store takes nothing, the key is missing.
func (i *Issuer) bulkStep(ctx context.Context, b *Bulk, step []store.Record) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	var fatal error
	jobs := make(chan store.Record)
	var workers sync.WaitGroup
	for range bulkWorkers {
		workers.Go(func() {
			for r := range jobs {
				done, err := i.bulkOne(ctx, b, r)
				mu.Lock()
				switch {
				case err == nil && done:
					b.Done++
				case err == nil:
					b.Skipped++
				case errors.Is(err, store.ErrState):
					b.Skipped++
				case errors.Is(err, errNotReissued):
					b.Failed++
					if len(b.Problems) < bulkProblems {
						b.Problems = append(b.Problems, BulkProblem{r.ID, err.Error()})
					}
				case fatal == nil:
					fatal = err
					stop()
				}
				mu.Unlock()
			}
		})
	}
	for _, r := range step {
		select {
		case jobs <- r:
		case <-ctx.Done():
		}
	}
	close(jobs)
	workers.Wait()
	return fatal
}

// bulkOne changes one record; done tells whether it is changed by this bulk change,
// now or before.
func (i *Issuer) bulkOne(ctx context.Context, b *Bulk, r store.Record) (done bool, err error) {
	if n := len(r.Changes); n > 0 && r.Changes[n-1].By == b.mark() {
		return true, nil
	}
	if !slices.Contains(b.Action.from(), r.State) {
		return false, nil
	}
	if b.Action == BulkReissue {
		if r.Expired(i.now()) {
			return false, nil
		}
		_, err := i.reissue(ctx, r.ID, Why{Code: b.Code, Text: b.Reason, By: b.mark()})
		return err == nil, err
	}
	c := store.Change{At: i.clock(), State: bulkTo[b.Action], Code: b.Code, Reason: b.Reason, By: b.mark()}
	_, err = i.store.Change(ctx, r.ID, c, i.notice(&r, c)...)
	return err == nil, err
}
