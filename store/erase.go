package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// maxErased is how many records are erased at a time.
const maxErased = 1000

// validate says with ErrInvalid why records cannot be erased so.
func (e *Erasure) validate(ids []string) error {
	err := e.valid()
	if n := len(ids); err == nil && (n == 0 || n > maxErased) {
		err = fmt.Errorf("%w: %d records, not 1 to %d", ErrInvalid, n, maxErased)
	}
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

func (e *Erasure) valid() error {
	for _, text := range []string{e.Reason, e.By, e.Confirmed} {
		if err := validText(text); err != nil {
			return err
		}
	}
	switch {
	case e.Class != Register && e.Class != Delivery:
		return fmt.Errorf("%w: class %.40q", ErrInvalid, e.Class)
	case e.At.IsZero():
		return fmt.Errorf("%w: no time", ErrInvalid)
	case e.By == "":
		return fmt.Errorf("%w: nobody asks for it", ErrInvalid)
	case e.Class == Register && (e.Reason == "" || e.Confirmed == "" || e.Confirmed == e.By):
		return fmt.Errorf("%w: data of the register are erased by two, with a legal reason", ErrInvalid)
	}
	return nil
}

// erase makes of a record what is left of it, and reports whether anything was
// there to be erased.
func (doc *recordDoc) erase(e Erasure) bool {
	if doc.Erased(e.Class) {
		return false
	}
	e.ID, e.Month, e.At = "", "", e.At.UTC().Truncate(time.Second)
	doc.Blind = maps.Clone(doc.Blind)
	delete(doc.Blind, byLink.kind)
	if doc.Personal != nil {
		doc.Personal.Delivery = nil
	}
	if e.Class == Register {
		doc.Personal = nil
		left := doc.Record
		doc.Record = Record{}
		copyLeft(&doc.Record, &left)
	}
	doc.Erasures = append(doc.Erasures, e)
	return true
}

// copyLeft copies what is left of a record that is erased: what its place in the
// lists, its index entries and the course it was awarded under rest on.
func copyLeft(to, from *Record) {
	to.ID, to.Public, to.Number = from.ID, from.Public, from.Number
	to.Entries, to.SealingTime, to.KeyID, to.Forms = from.Entries, from.SealingTime, from.KeyID, from.Forms
	to.Course, to.CourseVersion, to.CourseSHA256 = from.Course, from.CourseVersion, from.CourseSHA256
	to.AwardingDate, to.ValidUntil, to.State, to.Erasures = from.AwardingDate, from.ValidUntil, from.State, from.Erasures
	for _, c := range from.Changes {
		var left Change
		left.copyFacts(&c)
		to.Changes = append(to.Changes, left)
	}
}

// erasure is what the data keys are told of one.
func (r *Record) erasure(e Erasure) Erasure {
	e.ID, e.Month, e.At = r.ID, r.place(e.Class).month, e.At.UTC().Truncate(time.Second)
	return e
}

// event is what the log is told of it. That a record is erased as a whole, it says
// in no more than the kind.
func (e *Erasure) event(id string) Event {
	ev := Event{Kind: KindErased, Object: id}
	if e.Class != Register {
		ev.Result = string(e.Class)
	}
	return ev
}

func (s *boltStore) Erase(ctx context.Context, e Erasure, ids ...string) ([]Record, error) {
	if err := e.validate(ids); err != nil {
		return nil, err
	}
	if s.keys == nil {
		return nil, fmt.Errorf("erasing: %w", ErrDataKeys)
	}
	if err := s.keys.room(len(ids)); err != nil {
		return nil, fmt.Errorf("erasing %d records: %w", len(ids), err)
	}
	defer s.fresh.clear()
	// 1. What is there: a record whose data key is destroyed reads as erased whatever
	// comes, so that goes last. After a power cut in between, settle does it.
	left := make([]recordDoc, len(ids))
	at := make([]uint64, len(ids))
	by := s.author(ctx)
	err := s.write(ctx, func(tx *bolt.Tx) error {
		for _, id := range ids {
			if _, _, err := byID.at(tx, []byte(id)); err != nil {
				return fmt.Errorf("%.100q: %w", id, err)
			}
		}
		for i, id := range ids { // they are there: see write
			doc, key, err := eraseRecord(tx, by, s.keys, id, e)
			if err != nil {
				return fmt.Errorf("%.100q: %w", id, err)
			}
			left[i], at[i] = doc, sequenceOfKey(key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("erasing: %w", err)
	}
	for i, doc := range left {
		if e.Class == Register {
			row := s.keys.newRow(at[i], &doc.Record)
			s.rows.put(at[i], &row)
		}
	}

	// 2. Their keys, and with them every copy.
	return s.keys.destroyOf(ctx, left, e)
}

// destroyOf destroys the keys of records that are erased, and returns what is left
// of them.
func (k *DataKeys) destroyOf(ctx context.Context, docs []recordDoc, e Erasure) ([]Record, error) {
	var list []Erasure
	for i := range docs {
		list = append(list, docs[i].erasure(e))
	}
	if err := k.destroy(ctx, list); err != nil {
		return nil, fmt.Errorf("erasing: destroying the data keys: outcome unknown: %w", err)
	}
	var left []Record
	for i := range docs {
		r, err := docs[i].open(k)
		if err != nil && !errors.Is(err, ErrErased) {
			r = docs[i].Record // it is erased, and need not be legible for that
		}
		left = append(left, r)
	}
	return left, nil
}

// eraseRecord erases one record in the store.
func eraseRecord(tx *bolt.Tx, by author, keys *DataKeys, id string, e Erasure) (doc recordDoc, key []byte, err error) {
	doc, key, err = byID.at(tx, []byte(id))
	if err != nil {
		return recordDoc{}, nil, err
	}
	if doc.clear() {
		if err := encryptRecord(tx, keys, key); err != nil {
			return recordDoc{}, nil, fmt.Errorf("encrypting what is in the clear: %v", err) // no sentinel: see write
		}
		if doc, err = getDoc(tx, key); err != nil {
			return recordDoc{}, nil, err
		}
	}
	was, listed := doc, doc.listedStates()
	if !doc.erase(e) {
		return doc, key, nil
	}
	// All checks are made: see write.
	for _, x := range indexes {
		before, after := x.entry(&was), x.entry(&doc)
		if string(before) == string(after) {
			continue
		}
		if len(before) > 0 {
			if err := tx.Bucket(x.bucket).Delete(before); err != nil {
				return recordDoc{}, nil, err
			}
		}
		if len(after) > 0 {
			if err := tx.Bucket(x.bucket).Put(after, key); err != nil {
				return recordDoc{}, nil, err
			}
		}
	}
	if err := dropDelivered(tx, &doc.Record); err != nil {
		return recordDoc{}, nil, err
	}
	if doc.Erased(Register) {
		for profile := range doc.Forms {
			for _, bucket := range [][]byte{bucketPayloads, bucketTokens} {
				if err := tx.Bucket(bucket).Delete(blobKey(key, profile)); err != nil {
					return recordDoc{}, nil, err
				}
			}
		}
		if err := tx.Bucket(bucketPending).Delete(key); err != nil {
			return recordDoc{}, nil, err
		}
	}
	if err := listStates(tx, key, listed, &doc.Record); err != nil {
		return recordDoc{}, nil, err
	}
	if err := putJSON(tx, bucketRecords, key, &doc); err != nil {
		return recordDoc{}, nil, err
	}
	_, err = by.logged(tx, e.event(id))
	return doc, key, err
}

// settle destroys the keys of what the store knows to be erased: after a power cut
// between the two steps of Erase, after an older copy of the data keys was put back,
// and behind a database after another node has erased something.
func (s *boltStore) settle(ctx context.Context) error {
	var due []Erasure
	err := s.view(ctx, func(tx *bolt.Tx) error {
		for _, listed := range erasedStates {
			prefix := stateKey(listed, nil)
			c := tx.Bucket(bucketStates).Cursor()
			for k, _ := c.Seek(prefix); k != nil && strings.HasPrefix(string(k), string(prefix)); k, _ = c.Next() {
				doc, err := getDoc(tx, k[len(prefix):])
				if err != nil {
					return err
				}
				due = append(due, doc.due(s.keys)...)
			}
		}
		return nil
	})
	if err != nil || len(due) == 0 {
		return err
	}
	s.fresh.clear()
	return s.keys.destroy(ctx, due)
}

// erasedStates are those of listedStates under which something is erased.
var erasedStates = []string{string(Erased), undeliverable}

// undeliverable lists records whose data of class Delivery alone are erased.
const undeliverable = "undeliverable"

// due are the erasures of a record whose keys are still there.
func (r *Record) due(keys *DataKeys) (due []Erasure) {
	for _, e := range r.Erasures {
		e = r.erasure(e)
		if slices.ContainsFunc(e.places(), func(p place) bool { _, err := keys.cipher(p); return err == nil }) {
			due = append(due, e)
		}
	}
	return due
}

// Settle destroys the data keys that this process has of what the store knows to be
// erased. Nodes that share a database have each a copy of the keys, and call it from
// time to time.
func Settle(ctx context.Context, s Store) error {
	in := insideOf(s)
	if in == nil {
		return nil
	}
	err := in.settle(ctx)
	if err == nil {
		err = settlePapers(ctx, s, in.dataKeys())
	}
	if err != nil {
		return fmt.Errorf("destroying the data keys of what is erased: %w", err)
	}
	return nil
}

// errKeyDestroyed is what Check finds in a copy that is older than an erasure.
var errKeyDestroyed = errors.New("its data key is destroyed: it was erased after this copy was made, and the copy does not know it")

// ForgetMonth destroys the keys of a class of all records that were sealed in a month
// (YYYY-MM), once that class of each of them is erased, else ErrState: the keys of a
// month are given up at the price of one, and the data keys grow small again.
func ForgetMonth(ctx context.Context, s Store, c Class, month string) error {
	doing := func(err error) error { return fmt.Errorf("forgetting the data keys of %s: %w", month, err) }
	in := insideOf(s)
	if in == nil || in.dataKeys() == nil {
		return doing(ErrDataKeys)
	}
	var last Erasure
	for r, err := range in.facts(ctx) {
		switch {
		case err != nil:
			return doing(err)
		case r.place(c).month != month:
			continue
		case !r.Erased(c):
			return doing(fmt.Errorf("%w: %s is not erased", ErrState, r.ID))
		}
		last = r.Erasures[len(r.Erasures)-1]
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if last.Class == "" {
		return nil // there is none
	}
	last.ID, last.Class, last.Month = "", c, month
	if err := in.dataKeys().destroy(ctx, []Erasure{last}); err != nil {
		return doing(err)
	}
	return nil
}

// eraseAgain erases in a copy what was erased after it was made, as the data keys
// tell, and returns of how many records.
func eraseAgain(r restoring, keys *DataKeys) (n int, err error) {
	told, months := map[string][]Erasure{}, map[string][]Erasure{}
	for _, e := range keys.Erasures() {
		if e.Class == Papers { // which are dropped
			continue
		}
		if e.ID == "" {
			months[e.Month] = append(months[e.Month], e)
		} else {
			told[e.ID] = append(told[e.ID], e)
		}
	}
	if err := r.dropDocuments(); err != nil {
		return 0, err
	}
	lacking, err := r.lackingKeys()
	if err != nil {
		return 0, err
	}
	for _, doc := range lacking {
		for _, e := range append(told[doc.ID], months[doc.place(Register).month]...) {
			if err := r.erase(doc.ID, e); err != nil {
				return 0, fmt.Errorf("erasing %s again: %w", doc.ID, err)
			}
		}
	}
	return len(lacking), nil
}

func (r boltRestoring) lackingKeys() (docs []recordDoc, err error) {
	err = r.tx.Bucket(bucketRecords).ForEach(func(key, _ []byte) error {
		doc, err := getDoc(r.tx, key)
		if err == nil && doc.lacksKey(r.keys) {
			docs = append(docs, doc)
		}
		return err
	})
	return docs, err
}

func (r boltRestoring) dropDocuments() error {
	var papers [][]byte
	err := r.tx.Bucket(bucketDocuments).ForEach(func(key, stored []byte) error {
		if d, err := r.keys.openDocument(key, stored); errors.Is(err, ErrNotFound) || d.endsWithRestoration() {
			papers = append(papers, bytes.Clone(key))
		}
		return nil
	})
	for _, key := range papers {
		err = errors.Join(err, r.tx.Bucket(bucketDocuments).Delete(key))
	}
	return err
}

func (r boltRestoring) erase(id string, e Erasure) error {
	_, _, err := eraseRecord(r.tx, r.by, r.keys, id, e)
	return err
}

// lacksKey reports whether a key of what the record says is destroyed.
func (doc *recordDoc) lacksKey(keys *DataKeys) bool {
	if doc.clear() || keys == nil {
		return false
	}
	for _, c := range []Class{Register, Delivery} {
		if _, err := keys.cipher(doc.place(c)); errors.Is(err, ErrErased) && !doc.Erased(c) {
			return true
		}
	}
	return false
}
