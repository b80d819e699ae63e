package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"indeks/status"
)

// Check reads the whole of a store and returns everything in it that breaks a
// promise: each record can be read and fits its hashes, tokens are there exactly
// when it is sealed, an index of a list is used once, the lists count and show
// what the records say, what was superseded and what supersedes it name each other, a course of the catalogue is what was
// awarded under it, what payloads have in common is there twice, the index entries lead to their records and to nothing else;
// each entry of the audit log is in its tree, the tree has the heads that were signed,
// and logs and records tell the same. It may run beside other work only if that writes nothing meanwhile.
//
// each is called with every record that could be read, payloads and tokens
// among it; what it returns is reported with the record. Records are read by
// several goroutines, so each must be safe for concurrent use.
func Check(ctx context.Context, s Store, each ...func(Record) error) []error {
	var found []error
	report := func(format string, args ...any) {
		found = append(found, fmt.Errorf(format, args...))
	}

	in := insideOf(s)

	// 1. The logs, the lists, and what the records will have to add up to.
	type count struct {
		List
		used         uint64
		given, shown *status.List // indexes used, bits that the records' states call for
	}
	traces := checkLogs(ctx, s, report)
	lists := map[string]*count{}
	all, err := s.Lists(ctx)
	if err != nil {
		report("%w", err)
	}
	for _, list := range all {
		lists[list.ID] = &count{List: list, given: status.New(), shown: status.New()}
	}

	// 2. The records. To read one is the work; to add it up is little.
	reserved, erased := map[string]bool{}, map[string]bool{}
	used := map[Base]bool{}
	successors, predecessors := map[string]string{}, map[string]string{} // by the older, by the newer record
	var adding sync.Mutex
	add := func(r Record, wrong []error) {
		adding.Lock()
		defer adding.Unlock()
		found = append(found, wrong...)
		if r.Erased(Register) {
			erased[r.ID] = true
		} else if r.State == Reserved {
			reserved[r.ID] = true
		} else if r.Supersedes != nil {
			predecessors[r.ID] = r.Supersedes.ID
		}
		for _, form := range r.Forms {
			if form.Base != (Base{}) {
				used[form.Base] = true
			}
		}
		if n := len(r.Changes); n > 0 && r.Changes[n-1].Successor != "" {
			successors[r.ID] = r.Changes[n-1].Successor
		}
		for _, e := range r.Entries {
			list := lists[e.List]
			if list == nil || list.Purpose != e.Purpose {
				report("record %s: no %s list %s", r.ID, e.Purpose, e.List)
				continue
			}
			if taken, err := list.given.Get(e.Index); taken || err != nil {
				report("record %s: list %s, index %d is used twice or outside it", r.ID, e.List, e.Index)
				continue
			}
			list.used++
			if err := errors.Join(list.given.Set(e.Index, true), list.shown.Set(e.Index, r.Bit(e.Purpose))); err != nil {
				report("record %s: %w", r.ID, err)
			}
		}
	}
	var legible atomic.Bool
	legible.Store(true)
	judge := func(c checked) {
		switch {
		case c.left():
			add(c.record, append(c.wrong, traces.check(ctx, s, &c)...))
		case c.err == nil:
			wrong := append(checkRecord(c.record, each), c.wrong...)
			add(c.record, append(wrong, traces.check(ctx, s, &c)...))
		case c.id == "":
			legible.Store(false)
			add(Record{}, []error{c.err})
		case errors.Is(c.err, ErrErased): // what is left of it counts
			traces.seen(c.id)
			add(c.record, append(c.wrong, fmt.Errorf("record %s: %w", c.id, errKeyDestroyed)))
		default:
			traces.seen(c.id)
			add(Record{}, append(c.wrong, fmt.Errorf("record %s: %w", c.id, c.err)))
		}
	}
	sum := newTally(traces)
	if in == nil {
		everything(ctx, s, judge)
	} else if err := in.everything(ctx, sum, judge); err != nil {
		legible.Store(false)
		report("%w", err)
	}
	if legible.Load() && ctx.Err() == nil {
		traces.rest(report)
	}
	for r, err := range s.Pending(ctx) {
		if err != nil {
			report("%w", err)
		} else if !reserved[r.ID] {
			report("record %s is %s and yet pending", r.ID, r.State)
		}
		delete(reserved, r.ID)
	}
	for id := range reserved {
		report("record %s is reserved and not among the pending", id)
	}

	for older, newer := range successors {
		if predecessors[newer] != older && !erased[newer] {
			report("record %s was superseded by %s, which says otherwise", older, newer)
		}
		delete(predecessors, newer)
	}
	for newer, older := range predecessors {
		report("record %s supersedes %s, which says otherwise", newer, older)
	}

	checkBases(ctx, s, used, report)

	// 3. The lists against the records.
	for id, list := range lists {
		bits, _, err := s.Bits(ctx, id)
		if err != nil {
			report("%w", err)
			continue
		}
		if in != nil {
			if kept, err := in.keptBits(ctx, id); err != nil {
				report("the bits of list %s that no record calls for: %w", id, err)
			} else {
				list.shown.Add(kept)
			}
		}
		if !bytes.Equal(bits.Bits(), list.shown.Bits()) {
			report("the bits of list %s are not what the records say", id)
		}
		if list.Used != list.used {
			report("list %s counts %d indexes given out, the records have %d", id, list.Used, list.used)
		}
		if list.Used >= ListLimit && !list.Closed {
			report("list %s is full and open", id)
		}
		if (list.Sequence == 0) != (list.Published == nil) {
			report("list %s: published %d times, token of %d bytes", id, list.Sequence, len(list.Published))
		}
	}

	// 4. What only the implementation sees.
	if b, ok := asBolt(s); ok && b.frame { // or opening it has done so
		if _, err := b.examine(ctx); err != nil {
			report("its pages: %w", err)
		}
	}
	if in != nil {
		found = append(found, in.checkIndexes(ctx, sum)...)
	}
	return found
}

// inside is what the implementations show of themselves beyond the contract.
type inside interface {
	identity(ctx context.Context) (identity, error)
	facts(ctx context.Context) iter.Seq2[Record, error] // Records without what is personal
	dataKeys() *DataKeys
	settle(ctx context.Context) error                                // see Settle
	fillSearch(ctx context.Context) error                            // see FillSearch
	keptBits(ctx context.Context, list string) (*status.List, error) // see Restore
	everything(ctx context.Context, t *tally, each func(checked)) error
	checkIndexes(ctx context.Context, t *tally) []error
	// What an archive takes beside: see Archive.
	series(ctx context.Context) (map[string]uint64, error)
	restored(ctx context.Context) (epoch, error)
	docOf(ctx context.Context, id string) (recordDoc, error)
}

// insideOf is the implementation behind s, or nil where it is one of somebody else.
func insideOf(s Store) inside {
	if g, ok := s.(*guarded); ok {
		s = g.Store
	}
	in, _ := s.(inside)
	return in
}

var (
	_ inside = (*boltStore)(nil)
	_ inside = (*postgresStore)(nil)
)

func (s *boltStore) dataKeys() *DataKeys     { return s.keys }
func (s *postgresStore) dataKeys() *DataKeys { return s.keys }

func (s *boltStore) keptBits(ctx context.Context, list string) (kept *status.List, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		kept, err = getKept(tx, list)
		return err
	})
	return kept, err
}

func (s *boltStore) identity(ctx context.Context) (id identity, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error { return getJSON(tx, bucketMeta, identityKey, &id) })
	return id, err
}

// checkRecord says what is wrong with one record by itself.
func checkRecord(r Record, each []func(Record) error) (wrong []error) {
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if n := len(r.Changes); n > 0 && r.Changes[n-1].State != r.State {
		report("record %s is %s, its last change says %s", r.ID, r.State, r.Changes[n-1].State)
	}
	for profile, form := range r.Forms {
		if len(form.Payload) == 0 {
			report("record %s has no payload %s", r.ID, profile)
		}
		sealed := form.SHA256 != [sha256.Size]byte{} && len(form.Token) > 0 // and they fit, or Get had not given it
		if sealed != (r.State != Reserved) {
			report("record %s is %s, but its token %s is not so", r.ID, r.State, profile)
		}
	}
	for _, check := range each {
		if err := check(r); err != nil {
			report("record %s: %w", r.ID, err)
		}
	}
	return wrong
}
