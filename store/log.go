package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
)

// ErrForked is returned by PutHead for a head that is not one of the log here:
// two trees of one size must never be signed.
var ErrForked = errors.New("the audit log has another history")

// Log is one audit log of a store: entries in order, each a leaf of a tree that
// only grows. Its name stands in every head that is signed of it, so it is never
// used for another tree: a store that comes back from a backup goes on with a new
// log, and the nodes of a database have one each.
type Log struct {
	Name   string    `json:"name"`
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed,omitzero"` // zero: it takes entries
	Size   uint64    `json:"size"`
	Before uint64    `json:"before,omitzero"` // records that were reserved before there was any log
}

// Head is a head of a log as it was signed.
type Head struct {
	Log   string      `json:"log"`
	Size  uint64      `json:"size"`
	Root  merkle.Hash `json:"root"`
	At    time.Time   `json:"at"` // whole seconds, UTC: of signing
	KeyID string      `json:"keyID"`
	Token []byte      `json:"token"`
}

// Place is where in the logs a credential was logged as issued.
type Place struct {
	Log   string `json:"log"`
	Index uint64 `json:"index"`
}

// author is on whose behalf a transaction writes, and when it began.
type author struct {
	Actor
	at time.Time
}

func (s *boltStore) author(ctx context.Context) author {
	return author{ActorOf(ctx), s.now().UTC().Truncate(time.Millisecond)}
}

// logged appends an event to the log that is open and returns its place. The tree
// grows by it when the transaction ends: see grow.
func (by author) logged(tx *bolt.Tx, ev Event) (Place, error) {
	return by.loggedWith(tx, ev, nil, nil)
}

// loggedWith is logged for what depends on the secret of the entry, see newEntry.
//
// Its error is never a sentinel: what the event tells of is written already, so
// the whole transaction must fail, see write.
func (by author) loggedWith(tx *bolt.Tx, ev Event, seal func(secret []byte) (*merkle.Sealing, error), digest func(secret []byte) (merkle.Hash, error)) (Place, error) {
	place, err := by.enter(tx, ev, seal, digest)
	if err != nil {
		return Place{}, fmt.Errorf("appending to the audit log: %v", err)
	}
	return place, nil
}

func (by author) enter(tx *bolt.Tx, ev Event, seal func(secret []byte) (*merkle.Sealing, error), digest func(secret []byte) (merkle.Hash, error)) (Place, error) {
	name, err := get(tx, bucketMeta, logKey)
	if err != nil {
		return Place{}, err
	}
	entries := tx.Bucket(bucketLogEntries)
	place := Place{string(name), entries.Sequence()}
	key := entryKey(place.Log, place.Index)
	if entries.Get(key) != nil {
		return Place{}, fmt.Errorf("%w: the counter of log %s has gone back to an entry that is there", ErrDamaged, name)
	}
	e, doc, err := newEntry(place.Index, by.complete(ev), seal, digest)
	if err != nil {
		return Place{}, err
	}
	if err := put(tx, bucketLogEntries, key, e.value(doc)); err != nil {
		return Place{}, err
	}
	return place, entries.SetSequence(place.Index + 1)
}

// complete adds to an event who brought it about, when, and by which program.
func (by author) complete(ev Event) Event {
	if ev.At.IsZero() {
		ev.At = by.at
	}
	ev.At = ev.At.UTC().Round(0)
	ev.Actor, ev.Request, ev.Program = cmp.Or(ev.Actor, by.Name), cmp.Or(ev.Request, by.Request), program()
	return ev
}

// value is what an entry is kept as; doc is what newEntry has made.
func (e *LogEntry) value(doc []byte) []byte {
	value := binary.AppendUvarint(make([]byte, 0, len(e.said)+len(doc)+4), uint64(len(e.said)))
	return append(append(value, e.said...), doc...)
}

// openEntry reads what was stored at a key.
func openEntry(key, stored []byte) (LogEntry, error) {
	value, err := open(bucketLogEntries, key, stored)
	if err != nil {
		return LogEntry{}, err
	}
	said, doc, err := entryParts(bytes.Clone(value))
	if err != nil {
		return LogEntry{}, fmt.Errorf("entry %x: %w", key, err)
	}
	return readEntry(binary.BigEndian.Uint64(key[len(key)-8:]), doc, said)
}

// entryParts takes apart a value of bucketLogEntries.
func entryParts(value []byte) (said, doc []byte, err error) {
	size, n := binary.Uvarint(value)
	if n <= 0 || size > uint64(len(value)-n) {
		return nil, nil, fmt.Errorf("%w: it has no parts", ErrDamaged)
	}
	value = value[n:]
	return value[:size:size], value[size:], nil
}

// leafOf is the hash of the leaf of an entry that this transaction has stored.
func leafOf(stored []byte) (merkle.Hash, error) {
	if len(stored) < sha256.Size {
		return merkle.Hash{}, fmt.Errorf("%w: an entry of the log is missing", ErrDamaged)
	}
	said, doc, err := entryParts(stored[sha256.Size:])
	return merkle.LeafHash(merkle.Leaf(sha256.Sum256(doc), said)), err
}

var logKey = []byte("log") // in bucketMeta: name of the log that is open

// firstLog is the name of the log that a store begins with.
const firstLog = "1"

// openLog begins a log.
func (by author) openLog(tx *bolt.Tx, name string, before uint64) error {
	if tx.Bucket(bucketLogs).Get([]byte(name)) != nil {
		return fmt.Errorf("opening log %s: %w: there was one of that name", name, ErrInvalid)
	}
	if err := errors.Join(
		put(tx, bucketMeta, logKey, []byte(name)),
		putJSON(tx, bucketLogs, []byte(name), Log{Name: name, Opened: by.at, Before: before}),
		tx.Bucket(bucketLogEntries).SetSequence(0),
	); err != nil {
		return err
	}
	log := Log{Name: name, Before: before}
	_, err := by.logged(tx, log.opened())
	return err
}

// opened is the event with which a log begins.
func (l *Log) opened() Event {
	return Event{Kind: KindLogOpened, Object: l.Name, Result: openedResult(l.Before)}
}

func openedResult(before uint64) string { return fmt.Sprintf("%d records before", before) }

// checkOpenLog says why the log that takes entries could not take another one.
func checkOpenLog(tx *bolt.Tx) error {
	name, err := get(tx, bucketMeta, logKey)
	var log Log
	if err == nil {
		err = getJSON(tx, bucketLogs, name, &log)
	}
	if err == nil && (!log.Closed.IsZero() || tx.Bucket(bucketLogEntries).Sequence() != log.Size) {
		err = fmt.Errorf("%w: log %s is closed, or its counter has moved", ErrDamaged, name)
	}
	if err != nil {
		return fmt.Errorf("looking for the log that is open: %w", err)
	}
	return nil
}

// maxRun is how many hashes are kept together.
const maxRun = 256

// grow puts the leaves of the entries that a transaction has appended into the
// tree. It is the last step of every transaction that appends, so that there is
// no entry without its leaf; all that a transaction brings is kept in one place.
func grow(tx *bolt.Tx) error {
	name, err := get(tx, bucketMeta, logKey)
	if err != nil {
		return err
	}
	var log Log
	if err := getJSON(tx, bucketLogs, name, &log); err != nil {
		return err
	}
	size := tx.Bucket(bucketLogEntries).Sequence()
	if size == log.Size {
		return nil
	}
	tree, err := merkle.Resume(log.Size, logHashes(tx, log.Name))
	if err != nil {
		return err
	}
	place := merkle.Places(log.Size)
	var run []byte
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		err := put(tx, bucketLogHashes, entryKey(log.Name, place), run)
		place, run = place+uint64(len(run)/len(merkle.Hash{})), nil
		return err
	}
	for index := log.Size; index < size; index++ {
		leaf, err := leafOf(tx.Bucket(bucketLogEntries).Get(entryKey(log.Name, index)))
		if err != nil {
			return err
		}
		for _, h := range tree.Add(leaf) {
			if run = append(run, h[:]...); len(run) == maxRun*len(h) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	log.Size = size
	return putJSON(tx, bucketLogs, name, log)
}

// logHashes reads the hashes of a log's tree.
func logHashes(tx *bolt.Tx, log string) merkle.Reader {
	return func(places []int64) ([]merkle.Hash, error) {
		found := make([]merkle.Hash, len(places))
		cursor := tx.Bucket(bucketLogHashes).Cursor()
		var first, end int64 // of the run at hand
		var run []byte
		for i, place := range places {
			if run == nil || place < first || place >= end {
				want := entryKey(log, uint64(place))
				key, stored := cursor.Seek(want)
				if !bytes.Equal(key, want) {
					if key == nil {
						key, stored = cursor.Last()
					} else {
						key, stored = cursor.Prev()
					}
				}
				if len(key) != len(want) || !bytes.HasPrefix(key, want[:len(want)-8]) {
					return nil, fmt.Errorf("%w: log %s has no hash at place %d", ErrDamaged, log, place)
				}
				value, err := open(bucketLogHashes, key, stored)
				if err != nil {
					return nil, err
				}
				run, first = value, int64(binary.BigEndian.Uint64(key[len(key)-8:]))
				end = first + int64(len(run)/len(merkle.Hash{}))
			}
			if place >= end {
				return nil, fmt.Errorf("%w: log %s has no hash at place %d", ErrDamaged, log, place)
			}
			copy(found[i][:], run[(place-first)*int64(len(merkle.Hash{})):])
		}
		return found, nil
	}
}

func (s *boltStore) Append(ctx context.Context, events ...Event) error {
	return s.PutDocuments(ctx, nil, events...)
}

func (s *boltStore) Logs(ctx context.Context) (logs []Log, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket(bucketLogs).ForEach(func(name, _ []byte) error {
			var log Log
			err := getJSON(tx, bucketLogs, name, &log)
			logs = append(logs, log)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the logs: %w", err)
	}
	slices.SortStableFunc(logs, func(a, b Log) int { return a.Opened.Compare(b.Opened) })
	return logs, nil
}

func (s *boltStore) LogEntry(ctx context.Context, log string, index uint64) (e LogEntry, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		key := entryKey(log, index)
		stored := tx.Bucket(bucketLogEntries).Get(key)
		if stored == nil {
			return ErrNotFound
		}
		e, err = openEntry(key, stored)
		return err
	})
	if err != nil {
		return LogEntry{}, fmt.Errorf("reading entry %d of log %.40q: %w", index, log, err)
	}
	return e, nil
}

// stepEntries bounds one step of LogEntries.
const stepEntries = 512

func (s *boltStore) LogEntries(ctx context.Context, log string, from uint64) iter.Seq2[LogEntry, error] {
	return func(yield func(LogEntry, error) bool) {
		for {
			type result struct {
				entry LogEntry
				err   error
			}
			var found []result
			err := s.view(ctx, func(tx *bolt.Tx) error {
				first := entryKey(log, from)
				c := tx.Bucket(bucketLogEntries).Cursor()
				for k, v := c.Seek(first); k != nil && len(k) == len(first) && bytes.HasPrefix(k, first[:len(first)-8]) && len(found) < stepEntries; k, v = c.Next() {
					e, err := openEntry(k, v)
					found = append(found, result{e, err})
					from = binary.BigEndian.Uint64(k[len(k)-8:]) + 1
				}
				return nil
			})
			if err != nil {
				yield(LogEntry{}, fmt.Errorf("going through log %.40q: %w", log, err))
				return
			}
			for _, f := range found {
				if !yield(f.entry, f.err) {
					return
				}
			}
			if len(found) < stepEntries {
				return
			}
		}
	}
}

func (s *boltStore) LogHashes(ctx context.Context, log string, places []int64) (hashes []merkle.Hash, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		hashes, err = logHashes(tx, log)(places)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree of log %.40q: %w", log, err)
	}
	return hashes, nil
}

func (s *boltStore) Logged(ctx context.Context, id string) (p Place, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		doc, _, err := byID.at(tx, []byte(id))
		if err == nil && doc.Logged == nil {
			err = ErrNotFound
		}
		if err == nil {
			p = *doc.Logged
		}
		return err
	})
	if err != nil {
		return Place{}, fmt.Errorf("looking for %.100q in the logs: %w", id, err)
	}
	return p, nil
}

func (s *boltStore) Places(ctx context.Context, ids []string) (map[string]Place, error) {
	places := map[string]Place{}
	err := s.view(ctx, func(tx *bolt.Tx) error {
		for _, id := range ids {
			doc, _, err := byID.at(tx, []byte(id))
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				return fmt.Errorf("%.100q: %w", id, err)
			case doc.Logged != nil:
				places[id] = *doc.Logged
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for %d credentials in the logs: %w", len(ids), err)
	}
	return places, nil
}

// validate says with ErrInvalid why a head cannot be put.
func (h *Head) validate() error {
	if h.Size == 0 || len(h.Token) == 0 || len(h.Token) > maxBlob || h.At.IsZero() || h.At.Location() != time.UTC || !h.At.Equal(h.At.Truncate(time.Second)) {
		return fmt.Errorf("putting a head of log %.40q: %w", h.Log, ErrInvalid)
	}
	return nil
}

// of says with ErrForked why a head is not one of a log.
func (h *Head) of(log Log, read merkle.Reader) error {
	if h.Size > log.Size {
		return fmt.Errorf("%w: size %d, and the log has %d entries", ErrForked, h.Size, log.Size)
	}
	root, err := merkle.Root(h.Size, read)
	if err == nil && root != h.Root {
		err = fmt.Errorf("%w: the root of size %d is another one", ErrForked, h.Size)
	}
	return err
}

func (s *boltStore) PutHead(ctx context.Context, h Head) (Head, error) {
	if err := h.validate(); err != nil {
		return Head{}, err
	}
	key := entryKey(h.Log, h.Size)
	err := s.write(ctx, func(tx *bolt.Tx) error {
		var log Log
		if err := getJSON(tx, bucketLogs, []byte(h.Log), &log); err != nil {
			return err
		}
		if err := h.of(log, logHashes(tx, h.Log)); err != nil {
			return err
		}
		var known Head
		switch err := getJSON(tx, bucketLogHeads, key, &known); {
		case err == nil:
			h = known
			return nil
		case !errors.Is(err, ErrNotFound):
			return err
		}
		return putJSON(tx, bucketLogHeads, key, h)
	})
	if err != nil {
		return Head{}, fmt.Errorf("putting a head of log %.40q: %w", h.Log, err)
	}
	return h, nil
}

func (s *boltStore) Heads(ctx context.Context, log string, from uint64) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		for {
			var found []Head
			err := s.view(ctx, func(tx *bolt.Tx) error {
				first := entryKey(log, from)
				c := tx.Bucket(bucketLogHeads).Cursor()
				for k, v := c.Seek(first); k != nil && len(k) == len(first) && bytes.HasPrefix(k, first[:len(first)-8]) && len(found) < stepEntries; k, v = c.Next() {
					value, err := open(bucketLogHeads, k, v)
					if err != nil {
						return err
					}
					var h Head
					if err := decode(bucketLogHeads, k, value, &h); err != nil {
						return err
					}
					found, from = append(found, h), h.Size+1
				}
				return nil
			})
			if err != nil {
				yield(Head{}, fmt.Errorf("going through the heads of log %.40q: %w", log, err))
				return
			}
			for _, h := range found {
				if !yield(h, nil) {
					return
				}
			}
			if len(found) < stepEntries {
				return
			}
		}
	}
}

func (s *boltStore) LastHead(ctx context.Context, log string) (h Head, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		end := entryKey(log, 1<<63)
		c := tx.Bucket(bucketLogHeads).Cursor()
		last := c.Prev
		if k, _ := c.Seek(end); k == nil {
			last = c.Last
		}
		k, v := last()
		if len(k) != len(end) || !bytes.HasPrefix(k, end[:len(end)-8]) {
			return ErrNotFound
		}
		value, err := open(bucketLogHeads, k, v)
		if err != nil {
			return err
		}
		return decode(bucketLogHeads, k, value, &h)
	})
	if err != nil {
		return Head{}, fmt.Errorf("reading the last head of log %.40q: %w", log, err)
	}
	return h, nil
}
