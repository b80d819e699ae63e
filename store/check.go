package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"

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
	type numbered struct {
		id string
		n  uint64
	}
	ids := make(chan numbered)
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for at := range ids {
				r, err := s.Get(ctx, at.id)
				if errors.Is(err, ErrErased) && r.Erased(Register) {
					add(r, traces.check(ctx, s, &r, at.n))
					continue
				}
				if errors.Is(err, ErrErased) {
					traces.seen(at.id)
					add(r, []error{fmt.Errorf("record %s: %w", at.id, errKeyDestroyed)})
					continue
				}
				if err != nil {
					traces.seen(at.id)
					add(Record{}, []error{fmt.Errorf("record %s: %w", at.id, err)})
					continue
				}
				add(r, append(checkRecord(r, each), traces.check(ctx, s, &r, at.n)...))
			}
		})
	}
	n, legible := uint64(0), true
	records := s.Records(ctx, "")
	if in != nil {
		records = in.facts(ctx) // what is personal is read with the rest
	}
	for listed, err := range records {
		if err != nil {
			legible = false
			add(Record{}, []error{err})
		} else {
			ids <- numbered{listed.ID, n}
		}
		n++
	}
	close(ids)
	readers.Wait()
	if legible && ctx.Err() == nil {
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
		found = append(found, in.checkIndexes(ctx, traces)...)
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
	checkIndexes(ctx context.Context, traces *traces) []error
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

// checkIndexes compares the index entries with the records: each record has all
// of its own, and there are no others.
func (s *boltStore) checkIndexes(ctx context.Context, traces *traces) (found []error) {
	report := func(format string, args ...any) {
		found = append(found, fmt.Errorf(format, args...))
	}
	err := s.view(ctx, func(tx *bolt.Tx) error {
		expected := map[string]int{} // entries by bucket
		awarded := map[string]bool{} // keys in bucketAwarded
		err := tx.Bucket(bucketRecords).ForEach(func(key, _ []byte) error {
			doc, err := getDoc(tx, key)
			if err != nil {
				report("%w", err)
				return nil
			}
			for _, x := range indexes {
				property := x.entry(&doc)
				if len(property) == 0 {
					continue
				}
				expected[string(x.bucket)]++
				if !bytes.Equal(tx.Bucket(x.bucket).Get(property), key) {
					report("record %s is not where %q leads", doc.ID, x.bucket)
				}
			}
			for _, e := range doc.Entries {
				expected[string(bucketEntries)]++
				if !bytes.Equal(tx.Bucket(bucketEntries).Get(entryKey(e.List, e.Index)), key) {
					report("record %s is not where list %s, index %d leads", doc.ID, e.List, e.Index)
				}
			}
			if told := traces.issuedAt(doc.ID); (told == nil) != (doc.Logged == nil) || told != nil && *told != *doc.Logged {
				report("record %s: %w: it is not where the log has it", doc.ID, ErrDamaged)
			}
			if course := doc.awardedKey(); course != nil {
				awarded[string(course)] = true
			}
			for _, state := range doc.listedStates() {
				expected[string(bucketStates)]++
				if tx.Bucket(bucketStates).Get(stateKey(state, key)) == nil {
					report("record %s is %s and not among those", doc.ID, state)
				}
			}
			if err := doc.fitsBlinds(s.keys); err != nil {
				report("record %s: %w", doc.ID, err)
			}
			switch {
			case doc.Erased(Register):
			case doc.State != Reserved:
				expected[string(bucketPayloads)] += len(doc.Forms)
				expected[string(bucketTokens)] += len(doc.Forms)
			default:
				expected[string(bucketPayloads)] += len(doc.Forms)
				expected[string(bucketPending)]++
			}
			if s.keys != nil && len(doc.due(s.keys)) > 0 {
				report("record %s is erased, and its data key is still there", doc.ID)
			}
			if doc.lacksKey(s.keys) && !doc.Erased(Register) {
				if _, err := doc.open(s.keys); err == nil { // or it was said already
					report("record %s: %w", doc.ID, errKeyDestroyed)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, bucket := range [][]byte{
			bucketIDs, bucketKeys, bucketPublics, bucketLinks, bucketNumbers, bucketExternals, bucketEntries, bucketPayloads, bucketTokens, bucketPending,
			bucketStates,
		} {
			n := 0
			if err := tx.Bucket(bucket).ForEach(func(_, _ []byte) error { n++; return nil }); err != nil {
				return err
			}
			if n != expected[string(bucket)] {
				report("%q has %d entries, the records call for %d", bucket, n, expected[string(bucket)])
			}
		}
		if err := checkDocuments(tx, s.keys, report); err != nil {
			return err
		}
		if err := checkOpenLog(tx); err != nil {
			report("%w", err)
		}
		if err := checkCourses(tx, awarded, report); err != nil {
			return err
		}
		for key := range awarded {
			report("%q was awarded by a record and is not marked", key)
		}
		return nil
	})
	if err != nil {
		report("%w", err)
	}
	return found
}
