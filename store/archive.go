package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	bolt "go.etcd.io/bbolt"

	"indeks/status"
)

// An archive is made of what [Store] shows, and of what stands here, which no other
// reader needs. [Import] is its inverse.

// Archived is a record with what else an archive must have of it.
type Archived struct {
	Record
	// Logged is where the audit log says that it was issued; nil: it is not, or was
	// before there was a log.
	Logged *Place
	// Payloads are SHA-256 by profile, also of what is erased.
	Payloads map[string][sha256.Size]byte
	// Blind is what is left of the request of a record that is erased: by it the same
	// request is known again. It says nothing to whoever lacks the data keys.
	Blind map[string][]byte
}

// Counters are what a store goes on from.
type Counters struct {
	DataKeys string            `json:"data_keys"` // id of the data keys of the store
	Series   map[string]uint64 `json:"series"`    // last certificate number that was drawn
	// Of the last restoration, zero where there was none.
	Mark     string    `json:"mark,omitzero"`
	Restored time.Time `json:"restored,omitzero"`
	Skipped  uint64    `json:"skipped,omitzero"`
}

// CountersOf reads the counters of a store.
func CountersOf(ctx context.Context, s Store) (Counters, error) {
	in := insideOf(s)
	if in == nil || in.dataKeys() == nil {
		return Counters{}, fmt.Errorf("reading the counters: %w", ErrDataKeys)
	}
	series, err1 := in.series(ctx)
	restored, err2 := in.restored(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return Counters{}, fmt.Errorf("reading the counters: %w", err)
	}
	return Counters{in.dataKeys().ID(), series, restored.Mark, restored.At, restored.Numbers}, nil
}

// KeptBits are the bits of a list that no record calls for, see [Restore].
func KeptBits(ctx context.Context, s Store, list string) (*status.List, error) {
	in := insideOf(s)
	if in == nil {
		return status.New(), nil
	}
	kept, err := in.keptBits(ctx, list)
	if err != nil {
		return nil, fmt.Errorf("reading the bits of list %.40q that no record calls for: %w", list, err)
	}
	return kept, nil
}

// Archive yields all records whole, in order of reservation. What is damaged ends it:
// an archive with a record less would be none.
func Archive(ctx context.Context, s Store) iter.Seq2[Archived, error] {
	return func(yield func(Archived, error) bool) {
		in := insideOf(s)
		if in == nil {
			yield(Archived{}, fmt.Errorf("archiving: %w", ErrInvalid))
			return
		}
		for listed, err := range in.facts(ctx) {
			var a Archived
			if err == nil {
				a, err = archived(ctx, s, in, listed.ID)
			}
			if err != nil {
				yield(Archived{}, fmt.Errorf("archiving: %w", err))
				return
			}
			if !yield(a, nil) {
				return
			}
		}
	}
}

func archived(ctx context.Context, s Store, in inside, id string) (Archived, error) {
	r, err := s.Get(ctx, id)
	if errors.Is(err, ErrErased) && r.Erased(Register) {
		err = nil
	}
	if err != nil {
		return Archived{}, err
	}
	doc, err := in.docOf(ctx, id)
	if err != nil {
		return Archived{}, err
	}
	a := Archived{Record: r, Logged: doc.Logged, Payloads: doc.Payloads}
	if r.Erased(Register) {
		a.Blind = maps.Clone(doc.Blind)
	}
	return a, nil
}

// Kept is an entry as it is kept: the event with its secret, and what verifiers may
// know of it or nothing, each as the bytes that its leaf is made of.
func (e *LogEntry) Kept() (event, said []byte) { return e.doc, e.said }

func (s *boltStore) series(ctx context.Context) (map[string]uint64, error) {
	all := map[string]uint64{}
	err := s.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket(bucketSeries).ForEach(func(name, stored []byte) error {
			value, err := open(bucketSeries, name, stored)
			if err == nil {
				all[string(name)] = binary.BigEndian.Uint64(value)
			}
			return err
		})
	})
	return all, err
}

func (s *boltStore) restored(ctx context.Context) (e epoch, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		e, err = getEpoch(tx)
		return err
	})
	return e, err
}

func (s *boltStore) docOf(ctx context.Context, id string) (doc recordDoc, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		doc, _, err = byID.at(tx, []byte(id))
		return err
	})
	return doc, err
}

func (s *postgresStore) series(ctx context.Context) (map[string]uint64, error) {
	all := map[string]uint64{}
	err := s.read(ctx, func(q querier) error {
		rows, err := q.Query(ctx, "SELECT name, last FROM series")
		if err != nil {
			return err
		}
		var name string
		var last int64
		_, err = pgx.ForEachRow(rows, []any{&name, &last}, func() error { all[name] = uint64(last); return nil })
		return err
	})
	return all, err
}

func (s *postgresStore) restored(ctx context.Context) (e epoch, err error) {
	err = s.read(ctx, func(q querier) error {
		b := &pgx.Batch{}
		queueEpoch(b, &e)
		return q.SendBatch(ctx, b).Close()
	})
	return e, err
}

func (s *postgresStore) docOf(ctx context.Context, id string) (doc recordDoc, err error) {
	var row pgRow
	err = s.read(ctx, func(q querier) error {
		return q.QueryRow(ctx, "SELECT sequence, state, doc FROM records WHERE id = $1", id).Scan(&row.sequence, &row.state, &row.doc)
	})
	if err != nil {
		return recordDoc{}, err
	}
	return openRecord(row.sequence, row.state, row.doc)
}
