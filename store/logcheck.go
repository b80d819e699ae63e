package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"sync"

	"indeks/merkle"
)

// traces is what the audit logs say of the records of a store.
type traces struct {
	logs   []Log
	before uint64 // records that are older than any log

	mu      sync.Mutex
	of      map[[16]byte]trace      // by shortened hash of the id
	changes map[[16]byte][]LogEntry // few records change
}

// trace is what the logs say of one record.
type trace struct {
	intents, issued uint8
	erased, found   bool
	log             uint16
	index           uint64 // of issued
}

func traceKey(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

// checkLogs reads the audit logs from their first entry to their last: each has its
// leaf, the leaves make the tree, the tree has the heads that were signed.
func checkLogs(ctx context.Context, s Store, report func(format string, args ...any)) *traces {
	t := &traces{of: map[[16]byte]trace{}, changes: map[[16]byte][]LogEntry{}}
	var err error
	if t.logs, err = s.Logs(ctx); err != nil {
		report("%w", err)
	}
	if len(t.logs) == 0 {
		report("%w: there is no audit log", ErrDamaged)
	}
	for n, log := range t.logs {
		t.before = max(t.before, log.Before)
		t.checkLog(ctx, s, uint16(n), log, report)
	}
	return t
}

func (t *traces) checkLog(ctx context.Context, s Store, n uint16, log Log, report func(format string, args ...any)) {
	wrong := func(format string, args ...any) { report("log %s: "+format, append([]any{log.Name}, args...)...) }

	// 1. The heads, which are few beside the entries.
	heads := map[uint64]Head{}
	for h, err := range s.Heads(ctx, log.Name, 0) {
		if err != nil {
			wrong("%w", err)
			break
		}
		heads[h.Size] = h
	}

	// 2. The entries make the tree that is kept.
	var tree merkle.Builder
	var made []merkle.Hash
	compare := func() {
		places := make([]int64, len(made))
		first := merkle.Places(tree.Size()) - uint64(len(made))
		for i := range places {
			places[i] = int64(first) + int64(i)
		}
		kept, err := s.LogHashes(ctx, log.Name, places)
		if err != nil {
			wrong("%w", err)
		} else if !slices.Equal(kept, made) {
			wrong("%w: the entries before %d are not those of the tree", ErrDamaged, tree.Size())
		}
		made = made[:0]
	}
	for e, err := range ahead(s.LogEntries(ctx, log.Name, 0)) {
		if err != nil {
			wrong("%w", err)
			continue
		}
		if e.Index != tree.Size() {
			wrong("%w: entry %d follows entry %d", ErrDamaged, e.Index, tree.Size())
			return
		}
		if made = append(made, tree.Add(e.Leaf)...); len(made) >= maxRun {
			compare()
		}
		if h, ok := heads[tree.Size()]; ok {
			if h.Root != tree.Root() {
				wrong("%w: the head of size %d that was signed is not that of the entries", ErrForked, h.Size)
			}
			delete(heads, h.Size)
		}
		t.note(n, &log, &e, wrong)
	}
	if len(made) > 0 {
		compare()
	}
	if tree.Size() != log.Size {
		wrong("%w: it has %d entries and should have %d", ErrDamaged, tree.Size(), log.Size)
	}
	for size := range heads {
		wrong("%w: a head of size %d was signed, and there are %d entries", ErrForked, size, tree.Size())
	}
}

// ahead yields what seq does, which goes on meanwhile in a goroutine of its own.
func ahead[V any](seq iter.Seq2[V, error]) iter.Seq2[V, error] {
	type result struct {
		value V
		err   error
	}
	return func(yield func(V, error) bool) {
		results, ended := make(chan []result, 4), make(chan struct{})
		var reading sync.WaitGroup
		defer reading.Wait()
		defer close(ended)
		reading.Go(func() {
			defer close(results)
			var some []result
			send := func() bool {
				select {
				case results <- some:
					some = nil
					return true
				case <-ended:
					return false
				}
			}
			for value, err := range seq {
				if some = append(some, result{value, err}); len(some) == stepEntries && !send() {
					return
				}
			}
			send()
		})
		for some := range results {
			for _, r := range some {
				if !yield(r.value, r.err) {
					return
				}
			}
		}
	}
}

// note keeps what an entry says of a record.
func (t *traces) note(n uint16, log *Log, e *LogEntry, wrong func(format string, args ...any)) {
	key := traceKey(e.Object)
	switch e.Kind {
	case KindLogOpened:
		if want := openedResult(log.Before); e.Index != 0 || e.Object != log.Name || e.Result != want {
			wrong("%w: entry %d does not open it", ErrDamaged, e.Index)
		}
	case KindIntent:
		of := t.of[key]
		of.intents++
		t.of[key] = of
	case KindIssued:
		of := t.of[key]
		of.issued++
		of.log, of.index = n, e.Index
		t.of[key] = of
	case KindErased:
		if of, ok := t.of[key]; ok && e.Result == "" { // as a whole
			of.erased = true
			t.of[key] = of
		}
	case KindRevoked, KindSuspended, KindReinstated:
		t.changes[key] = append(t.changes[key], *e)
	}
}

// check compares a record with what the logs say of it. It is safe for concurrent use.
func (t *traces) check(ctx context.Context, s Store, c *checked) (wrong []error) {
	r := &c.record
	report := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("record %s: "+format, append([]any{r.ID}, args...)...))
	}
	key := traceKey(r.ID)
	t.mu.Lock()
	of := t.of[key]
	of.found = true
	t.of[key] = of
	of.erased = of.erased || r.Erased(Register)
	told := t.changes[key]
	delete(t.changes, key)
	t.mu.Unlock()

	// 1. It was logged when it was reserved, and when it was sealed.
	old := c.number < t.before
	issued := r.State != Reserved
	if (of.intents != 1) != old || of.issued > 1 || (of.issued == 1) != issued && !(old && issued) {
		report("it is %s, and was logged %d times as to be sealed, %d times as sealed", r.State, of.intents, of.issued)
	}
	if of.issued == 1 && !of.erased {
		e, err := c.issued, error(nil)
		if e == nil {
			var read LogEntry
			read, err = s.LogEntry(ctx, t.logs[of.log].Name, of.index)
			e = &read
		}
		if err == nil {
			err = e.Sealed(r)
		}
		if err != nil {
			report("%w", err)
		}
	}

	// 2. So was each change of it.
	changes := slices.Clone(r.Changes)
	for _, e := range told {
		i := slices.IndexFunc(changes, e.Changed)
		switch {
		case i >= 0:
			changes = slices.Delete(changes, i, i+1)
		case !of.erased:
			report("%w: it was logged as %s on %s, and the record has no such change", ErrDamaged, e.Kind, e.At.Format("2006-01-02T15:04:05Z"))
		}
	}
	if len(changes) > 0 && !old && !of.erased {
		report("%w: of its changes %d are not logged", ErrDamaged, len(changes))
	}
	return wrong
}

// seen counts a record that cannot be compared.
func (t *traces) seen(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := traceKey(id)
	of := t.of[key]
	of.found = true
	t.of[key] = of
	delete(t.changes, key)
}

// issuedAt is where a credential was logged as issued, nil if it was not.
func (t *traces) issuedAt(id string) *Place {
	t.mu.Lock()
	of := t.of[traceKey(id)]
	t.mu.Unlock()
	if of.issued == 0 {
		return nil
	}
	return &Place{t.logs[of.log].Name, of.index}
}

// rest says which records the logs tell of and nobody has compared.
func (t *traces) rest(report func(format string, args ...any)) {
	for _, of := range t.of {
		if of.found {
			continue
		}
		if of.issued > 0 {
			report("%w: entry %d of log %s tells of a credential that there is no record of", ErrDamaged, of.index, t.logs[of.log].Name)
		} else {
			report("%w: the logs tell of a reservation that there is no record of", ErrDamaged)
		}
	}
	for _, told := range t.changes {
		report("%w: the logs tell of a change of %s that there is no record of", ErrDamaged, told[0].Object)
	}
}

// Holds returns ErrForked unless the log with a name has, at a size, this root. Of a
// log that was closed by [Restore] more may have been signed than came back with the backup: that
// is no contradiction.
func Holds(ctx context.Context, s Store, name string, size uint64, root merkle.Hash) error {
	logs, err := s.Logs(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(logs, func(l Log) bool { return l.Name == name })
	switch {
	case i < 0:
		return fmt.Errorf("%w: there is no log %.40q", ErrForked, name)
	case size > logs[i].Size && !logs[i].Closed.IsZero():
		return nil
	case size > logs[i].Size:
		return fmt.Errorf("%w: a head of size %d was signed of log %s, which has %d entries", ErrForked, size, name, logs[i].Size)
	}
	have, err := merkle.Root(size, func(places []int64) ([]merkle.Hash, error) { return s.LogHashes(ctx, name, places) })
	if err != nil {
		return fmt.Errorf("reading the tree of log %s: %w", name, err)
	}
	if have != root {
		return fmt.Errorf("%w: at size %d of log %s its root is not the one that was signed", ErrForked, size, name)
	}
	return nil
}
