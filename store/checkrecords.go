package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// checked is a record as Check has read it.
type checked struct {
	number uint64 // in order of reservation, from 0
	id     string // "" where not even that can be read
	record Record // as Get returns it, with err
	err    error
	wrong  []error // what beside the record does not fit it

	issued *LogEntry // which tells that it was issued, where that was read with it
}

// tally is what the records call for beside them.
type tally struct {
	traces *traces

	mu       sync.Mutex
	expected map[string]int64 // entries by bucket or table
	awarded  map[string]bool  // courses that one was awarded under, as in bucketAwarded
}

func newTally(t *traces) *tally {
	return &tally{traces: t, expected: map[string]int64{}, awarded: map[string]bool{}}
}

// count adds what one record calls for.
func (t *tally) count(doc *recordDoc, entries map[string]int64) {
	course := doc.awardedKey()
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range entries {
		t.expected[name] += n
	}
	if course != nil {
		t.awarded[string(course)] = true
	}
}

// readers is how many records are read at a time: to read one is work for a processor.
func readers() int { return runtime.GOMAXPROCS(0) }

// everything reads any store through its methods.
func everything(ctx context.Context, s Store, each func(checked)) {
	list := make(chan checked)
	var group sync.WaitGroup
	for range readers() {
		group.Go(func() {
			for c := range list {
				if c.err == nil {
					c.record, c.err = s.Get(ctx, c.id)
				}
				each(c)
			}
		})
	}
	number := uint64(0)
	for listed, err := range s.Records(ctx, "") {
		list <- checked{number: number, id: listed.ID, err: err}
		number++
	}
	close(list)
	group.Wait()
}

// everything calls each with every record, several at a time, and counts what it calls for.
func (s *boltStore) everything(ctx context.Context, t *tally, each func(checked)) error {
	type step struct {
		first uint64
		keys  [][]byte
	}
	steps := make(chan step)
	var group sync.WaitGroup
	for range readers() {
		group.Go(func() {
			for at := range steps {
				for i, key := range at.keys {
					var c checked
					err := s.view(ctx, func(tx *bolt.Tx) error {
						c = s.check(tx, t, key)
						return nil
					})
					if err != nil {
						c = checked{err: err}
					}
					c.number = at.first + uint64(i)
					each(c)
				}
			}
		})
	}
	defer group.Wait()
	defer close(steps)
	var last []byte
	for first := uint64(0); ; {
		var keys [][]byte
		err := s.view(ctx, func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketRecords).Cursor()
			for k, _ := c.Seek(append(bytes.Clone(last), 0)); k != nil && len(keys) < stepDocs; k, _ = c.Next() {
				last = bytes.Clone(k)
				keys = append(keys, last)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("going through %q: %w", bucketRecords, err)
		}
		if len(keys) == 0 {
			return nil
		}
		steps <- step{first, keys}
		first += uint64(len(keys))
	}
}

// check reads a record and compares it with all that leads to it.
func (s *boltStore) check(tx *bolt.Tx, t *tally, key []byte) (c checked) {
	doc, err := getDoc(tx, key)
	if err != nil {
		return checked{err: err}
	}
	c.id = doc.ID
	c.record, c.err = doc.inBolt(tx, s.keys, key)
	report := func(format string, args ...any) {
		c.wrong = append(c.wrong, fmt.Errorf("record %s"+format, append([]any{doc.ID}, args...)...))
	}
	doc.check(s.keys, t, &c, report)
	entries := map[string]int64{}
	for _, x := range indexes {
		property := x.entry(&doc)
		if len(property) == 0 {
			continue
		}
		entries[string(x.bucket)]++
		if !bytes.Equal(tx.Bucket(x.bucket).Get(property), key) {
			report(" is not where %q leads", x.bucket)
		}
	}
	for _, e := range doc.Entries {
		entries[string(bucketEntries)]++
		if !bytes.Equal(tx.Bucket(bucketEntries).Get(entryKey(e.List, e.Index)), key) {
			report(" is not where list %s, index %d leads", e.List, e.Index)
		}
	}
	for _, state := range doc.listedStates() {
		entries[string(bucketStates)]++
		if tx.Bucket(bucketStates).Get(stateKey(state, key)) == nil {
			report(" is %s and not among those", state)
		}
	}
	forms := int64(len(doc.Forms))
	switch {
	case doc.Erased(Register):
	case doc.State != Reserved:
		entries[string(bucketPayloads)], entries[string(bucketTokens)] = forms, forms
	default:
		entries[string(bucketPayloads)], entries[string(bucketPending)] = forms, 1
	}
	t.count(&doc, entries)
	return c
}

// check compares a record with the data keys and with where the log has it, wherever
// it is kept; c has it as it was read.
func (doc *recordDoc) check(keys *DataKeys, t *tally, c *checked, report func(format string, args ...any)) {
	if told := t.traces.issuedAt(doc.ID); (told == nil) != (doc.Logged == nil) || told != nil && *told != *doc.Logged {
		report(": %w: it is not where the log has it", ErrDamaged)
	}
	if c.err == nil {
		if err := doc.fitsBlinds(keys, &c.record); err != nil {
			report(": %w", err)
		}
		if doc.lacksKey(keys) && !doc.Erased(Register) {
			report(": %w", errKeyDestroyed)
		}
	}
	if keys != nil && len(doc.due(keys)) > 0 {
		report(" is erased, and its data key is still there")
	}
}

// checkIndexes compares what lies beside the records with what they call for: that
// each has all that is its own was looked at, and here that there is nothing else.
func (s *boltStore) checkIndexes(ctx context.Context, t *tally) (found []error) {
	report := func(format string, args ...any) {
		found = append(found, fmt.Errorf(format, args...))
	}
	for _, bucket := range [][]byte{
		bucketIDs, bucketKeys, bucketPublics, bucketLinks, bucketNumbers, bucketExternals, bucketEntries, bucketPayloads, bucketTokens, bucketPending,
		bucketStates,
	} {
		n, err := s.count(ctx, bucket)
		if err != nil {
			report("%w", err)
		} else if n != t.expected[string(bucket)] {
			report("%q has %d entries, the records call for %d", bucket, n, t.expected[string(bucket)])
		}
	}
	err := s.view(ctx, func(tx *bolt.Tx) error {
		if err := checkDocuments(tx, s.keys, report); err != nil {
			return err
		}
		if err := checkOpenLog(tx); err != nil {
			report("%w", err)
		}
		if err := checkCourses(tx, t.awarded, report); err != nil {
			return err
		}
		for key := range t.awarded {
			report("%q was awarded by a record and is not marked", key)
		}
		return nil
	})
	if err != nil {
		report("%w", err)
	}
	return found
}

// stepCount is how many entries are counted between two looks at the context.
const stepCount = 1 << 12

// count counts the entries of a bucket.
func (s *boltStore) count(ctx context.Context, bucket []byte) (n int64, err error) {
	var next []byte
	for begun := false; !begun || next != nil; begun = true {
		err := s.view(ctx, func(tx *bolt.Tx) error {
			c := tx.Bucket(bucket).Cursor()
			k, _ := c.Seek(next)
			for range stepCount {
				if k == nil {
					break
				}
				n++
				k, _ = c.Next()
			}
			next = bytes.Clone(k)
			return nil
		})
		if err != nil {
			return n, fmt.Errorf("counting %q: %w", bucket, err)
		}
	}
	return n, nil
}

// left is a record of which only what erasing leaves can be read.
func (c *checked) left() bool { return errors.Is(c.err, ErrErased) && c.record.Erased(Register) }
