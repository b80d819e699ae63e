package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

func (s *boltStore) Search(ctx context.Context, q Query, after string, limit int) (found []Record, next string, err error) {
	if err := q.validate(limit); err != nil {
		return nil, "", err
	}
	if s.keys == nil {
		return nil, "", fmt.Errorf("searching: %w", ErrDataKeys)
	}
	var more bool
	err = s.walk(ctx, &q, after, func(r *Record) bool {
		if len(found) == limit {
			more = true
			return false
		}
		found = append(found, *r)
		return true
	})
	if err != nil {
		return nil, "", fmt.Errorf("searching: %w", err)
	}
	if more {
		next = found[limit-1].ID
	}
	return found, next, nil
}

// walk calls each with the records that are looked for, the last one reserved first,
// from before the record with id after, until each returns false.
func (s *boltStore) walk(ctx context.Context, q *Query, after string, each func(r *Record) bool) error {
	// 1. Where to begin, and what other indexes say.
	var top uint64 // the next sequence to look at
	var among sequences
	err := s.view(ctx, func(tx *bolt.Tx) (err error) {
		last := tx.Bucket(bucketRecords).Sequence()
		top = last
		if after != "" {
			_, key, err := byID.at(tx, []byte(after))
			if err != nil {
				return fmt.Errorf("going on after %.100q: %w", after, err)
			}
			top = binary.BigEndian.Uint64(key) - 1
		}
		among = q.among(tx, last)
		return nil
	})
	if err != nil {
		return err
	}

	// 2. The rows, from the last one on; those that fit say which records to read.
	a := s.keys.asked(q)
	room := make([]byte, stepRows*rowSize)
	for going := true; going && top > 0; {
		first := uint64(1)
		if top > stepRows {
			first = top - stepRows + 1
		}
		if !among.hasAny(first, top) {
			top = first - 1
			continue
		}
		rows := room[:(top-first+1)*rowSize]
		s.rows.fill(rows, first)
		err := s.view(ctx, func(tx *bolt.Tx) error {
			for n := top; n >= first && going; n-- {
				if !among.has(n) {
					continue
				}
				may, missing := a.mayBe(n, (*searchRow)(rows[(n-first)*rowSize:]))
				if !may {
					continue
				}
				doc, err := getDoc(tx, sequenceKey(n))
				if err != nil {
					continue // it is damaged, as whoever reads it is told
				}
				r, err := doc.open(s.keys)
				if err != nil && !errors.Is(err, ErrErased) {
					continue
				}
				if missing {
					row := s.keys.newRow(n, &r)
					s.rows.put(n, &row)
				}
				if q.matches(&r) {
					going = each(&r)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		top = first - 1
	}
	return nil
}

// rowsHead is whose rows those of this store are: it has others after it came back
// from a backup, and under other data keys.
func (s *boltStore) rowsHead(tx *bolt.Tx) (head searchRow, err error) {
	e, err := getEpoch(tx)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", s.keys.ID(), e.Mark))
	copy(head[:], "indeks search 1\n")
	copy(head[16:], sum[:])
	return head, err
}

// among are the records that a query is confined to by what the indexes say that
// are a part of the store, nil for all. Whether they really are is for their records
// to say.
func (q *Query) among(tx *bolt.Tx, last uint64) sequences {
	var among sequences
	confine := func(bucket, prefix []byte, sequence func(k, v []byte) []byte) {
		set := make(sequences, last/64+1)
		n := 0
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			if at := sequence(k, v); len(at) == 8 && binary.BigEndian.Uint64(at) <= last {
				set.add(binary.BigEndian.Uint64(at))
			}
			if n++; n > maxAmong {
				return
			}
		}
		if among == nil {
			among = set
			return
		}
		for i := range among {
			among[i] &= set[i]
		}
	}
	if q.Number != "" {
		confine(bucketNumbers, []byte(q.Number), func(_, v []byte) []byte { return v })
	}
	switch q.State {
	case Suspended, Revoked, Erased:
		prefix := append([]byte(q.State), 0)
		confine(bucketStates, prefix, func(k, _ []byte) []byte { return k[len(prefix):] })
	case Reserved:
		confine(bucketPending, nil, func(k, _ []byte) []byte { return k })
	}
	return among
}

// maxAmong is how many records an index may confine a query to: where it is more,
// as many of all records fit, and they are soon found without it.
const maxAmong = 300_000

// fillSearch writes the rows that are missing.
func (s *boltStore) fillSearch(ctx context.Context) error {
	if s.keys == nil {
		return ErrDataKeys
	}
	nobody := Query{From: "9999-12-31", Until: "9999-12-31"}
	return s.walk(ctx, &nobody, "", func(*Record) bool { return true })
}

// FillSearch sees to it that Search finds what it looks for fast: after an earlier
// version has written the records, or after a restoration. Others may read and write
// meanwhile.
func FillSearch(ctx context.Context, s Store) error {
	in := insideOf(s)
	if in == nil {
		return nil
	}
	if err := in.fillSearch(ctx); err != nil {
		return fmt.Errorf("filling the index for searches: %w", err)
	}
	return nil
}
