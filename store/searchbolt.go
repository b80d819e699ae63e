package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

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
	going := true
	for block := top / blockRows; going; block-- {
		here := among.in(block)
		if here != (rowSet{}) {
			fit, missing := s.rows.mayBe(block, &a)
			for i := range here {
				here[i] &= fit[i]
			}
			here.keep(func(n int) bool { at := block*blockRows + uint64(n); return at > 0 && at <= top })
			if here != (rowSet{}) {
				err = s.view(ctx, func(tx *bolt.Tx) error {
					going = s.readRows(tx, q, block, &here, &missing, each)
					return nil
				})
			} else {
				err = ctx.Err()
			}
		}
		if err != nil || block == 0 {
			return err
		}
	}
	return nil
}

// readRows calls each with the records of a block that are looked for, the last one
// first, until it returns false.
func (s *boltStore) readRows(tx *bolt.Tx, q *Query, block uint64, rows, missing *rowSet, each func(r *Record) bool) bool {
	for i := len(rows) - 1; i >= 0; i-- {
		for word := rows[i]; word != 0; {
			bit := bits.Len64(word) - 1
			word &^= 1 << bit
			n := block*blockRows + uint64(64*i+bit)
			doc, err := getDoc(tx, sequenceKey(n))
			if err != nil {
				continue // it is damaged, as whoever reads it is told
			}
			r, err := doc.open(s.keys)
			if err != nil && !errors.Is(err, ErrErased) {
				continue
			}
			if missing[i]&(1<<bit) != 0 {
				row := s.keys.newRow(n, &r)
				s.rows.put(n, &row)
			}
			if q.matches(&r) && !each(&r) {
				return false
			}
		}
	}
	return true
}

// rowsHead is whose rows those of this store are: it has others after it came back
// from a backup, and under other data keys.
func (s *boltStore) rowsHead(tx *bolt.Tx) (head searchRow, err error) {
	e, err := getEpoch(tx)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", s.keys.ID(), e.Mark))
	copy(head[:], "indeks search 2\n")
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
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			if at := sequence(k, v); len(at) == 8 && binary.BigEndian.Uint64(at) <= last {
				set.add(binary.BigEndian.Uint64(at))
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
