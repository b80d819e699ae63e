package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// recordDoc is a record as it is stored: without payloads and tokens, which lie
// in buckets of their own so that going through the records does not read them,
// but with their hashes, which prove them.
type recordDoc struct {
	Record
	Payloads map[string][sha256.Size]byte `json:"payloads"`        // SHA-256 by profile
	Logged   *Place                       `json:"logged,omitzero"` // where the audit log says that it was issued
}

// getDoc returns the record at a sequence, without payloads and tokens.
func getDoc(tx *bolt.Tx, key []byte) (recordDoc, error) {
	var doc recordDoc
	err := getJSON(tx, bucketRecords, key, &doc)
	if errors.Is(err, ErrNotFound) { // whatever led here says that there is one
		err = fmt.Errorf("%w: record %x is missing", ErrDamaged, key)
	}
	return doc, err
}

// inBolt returns the whole of a record that stands in the buckets.
func (doc recordDoc) inBolt(tx *bolt.Tx, key []byte) (Record, error) {
	return doc.record(func(profile string) (payload, token []byte) {
		blob := blobKey(key, profile)
		return tx.Bucket(bucketPayloads).Get(blob), tx.Bucket(bucketTokens).Get(blob)
	})
}

// record returns the whole of a record: doc with its payloads and tokens, which
// packed gives as they are kept, each compared with its hash.
func (doc recordDoc) record(packed func(profile string) (payload, token []byte)) (Record, error) {
	r := doc.Record
	for profile, form := range doc.Forms {
		packedPayload, packedToken := packed(profile)
		payload, err := unpackPayload(packedPayload)
		if form.Payload, err = proven(payload, err, doc.Payloads[profile]); err != nil {
			return Record{}, fmt.Errorf("reading record %s: payload %s: %w", r.ID, profile, err)
		}
		if r.State != Reserved {
			token, err := unpackToken(packedToken, form.Payload)
			if form.Token, err = proven(token, err, form.SHA256); err != nil {
				return Record{}, fmt.Errorf("reading record %s: token %s: %w", r.ID, profile, err)
			}
		}
		doc.Forms[profile] = form
	}
	return r, nil
}

// proven passes on what was unpacked if it has the hash that is on record.
func proven(blob []byte, err error, sum [sha256.Size]byte) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if sha256.Sum256(blob) != sum {
		return nil, fmt.Errorf("%w: it does not fit its hash", ErrDamaged)
	}
	return blob, nil
}

func blobKey(key []byte, profile string) []byte {
	return append(slices.Clone(key), profile...)
}

// index names a bucket that leads from a property to the record that has it. A
// record without the property is not in it.
type index struct {
	bucket []byte
	of     func(*Record) []byte
}

var (
	byID     = index{bucketIDs, func(r *Record) []byte { return []byte(r.ID) }}
	byKey    = index{bucketKeys, func(r *Record) []byte { return r.Key[:] }}
	byPublic = index{bucketPublics, func(r *Record) []byte { return []byte(r.Public) }}
	byLink   = index{bucketLinks, func(r *Record) []byte { return []byte(r.Link) }}
	byNumber = index{bucketNumbers, func(r *Record) []byte { return []byte(r.Number) }}

	byExternalID = index{bucketExternals, func(r *Record) []byte { return []byte(r.ExternalID) }}

	indexes = []index{byID, byKey, byPublic, byLink, byNumber, byExternalID}
)

// find returns the record with a property and its sequence key, or ErrNotFound.
// Index entries have no checksum: the record itself must agree.
func (x index) find(tx *bolt.Tx, property []byte) (recordDoc, []byte, error) {
	if len(property) == 0 {
		return recordDoc{}, nil, ErrNotFound
	}
	key := tx.Bucket(x.bucket).Get(property)
	if key == nil {
		return recordDoc{}, nil, ErrNotFound
	}
	key = bytes.Clone(key)
	doc, err := getDoc(tx, key)
	if err == nil && !bytes.Equal(x.of(&doc.Record), property) {
		err = fmt.Errorf("%w: the index %q leads to another record", ErrDamaged, x.bucket)
	}
	return doc, key, err
}

// read returns the whole record with a property.
func (s *boltStore) read(ctx context.Context, x index, property []byte) (r Record, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		doc, key, err := x.find(tx, property)
		if err != nil {
			return err
		}
		r, err = doc.inBolt(tx, key)
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("looking in %q: %w", x.bucket, err)
	}
	return r, nil
}

func (s *boltStore) Lookup(ctx context.Context, key Key) (Record, error) {
	return s.read(ctx, byKey, key[:])
}

func (s *boltStore) Get(ctx context.Context, id string) (Record, error) {
	return s.read(ctx, byID, []byte(id))
}

func (s *boltStore) ByPublic(ctx context.Context, public string) (Record, error) {
	return s.read(ctx, byPublic, []byte(public))
}

func (s *boltStore) ByLink(ctx context.Context, link string) (Record, error) {
	return s.read(ctx, byLink, []byte(link))
}

func (s *boltStore) ByNumber(ctx context.Context, number string) (Record, error) {
	return s.read(ctx, byNumber, []byte(number))
}

func (s *boltStore) ByExternalID(ctx context.Context, external string) (Record, error) {
	return s.read(ctx, byExternalID, []byte(external))
}

// Sizes of the steps in which records are gone through: each is one read
// transaction, between which nothing is locked. Whole records are large.
const (
	stepDocs    = 128
	stepRecords = 16
)

func (s *boltStore) Records(ctx context.Context, after string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var last []byte
		if after != "" {
			err := s.view(ctx, func(tx *bolt.Tx) (err error) {
				_, last, err = byID.find(tx, []byte(after))
				return err
			})
			if err != nil {
				yield(Record{}, fmt.Errorf("going on after %s: %w", after, err))
				return
			}
		}
		s.each(ctx, bucketRecords, last, stepDocs, yield, func(_ *bolt.Tx, key, stored []byte) (Record, error) {
			value, err := open(bucketRecords, key, stored)
			if err != nil {
				return Record{}, err
			}
			var doc recordDoc
			err = decode(bucketRecords, key, value, &doc)
			return doc.Record, err
		})
	}
}

func (s *boltStore) Pending(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s.each(ctx, bucketPending, nil, stepRecords, yield, func(tx *bolt.Tx, key, _ []byte) (Record, error) {
			doc, err := getDoc(tx, key)
			if err != nil {
				return Record{}, err
			}
			return doc.inBolt(tx, key)
		})
	}
}

// each yields what read makes of each entry of a bucket with a key after last.
func (s *boltStore) each(ctx context.Context, bucket, last []byte, step int, yield func(Record, error) bool,
	read func(tx *bolt.Tx, key, stored []byte) (Record, error)) {
	type result struct {
		record Record
		err    error
	}
	for {
		var found []result
		err := s.view(ctx, func(tx *bolt.Tx) error {
			c := tx.Bucket(bucket).Cursor()
			// The key that follows last in order is last with a zero byte.
			for k, v := c.Seek(append(slices.Clone(last), 0)); k != nil && len(found) < step; k, v = c.Next() {
				r, err := read(tx, k, v)
				found = append(found, result{r, err})
				last = bytes.Clone(k)
			}
			return nil
		})
		if err != nil {
			yield(Record{}, fmt.Errorf("going through %q: %w", bucket, err))
			return
		}
		for _, f := range found {
			if !yield(f.record, f.err) {
				return
			}
		}
		if len(found) < step {
			return
		}
	}
}

// entryKey is the place of an entry in bucketEntries: a list id has no zero byte.
func entryKey(list string, index uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(list), 0), index)
}
