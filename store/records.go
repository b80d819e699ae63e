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

// recordDoc is a record as it is stored: its facts, and encrypted what else it says.
// Payloads and tokens lie in buckets of their own, so that going through the
// records does not read them, but their hashes are here, which prove them.
type recordDoc struct {
	Record
	Payloads map[string][sha256.Size]byte `json:"payloads"`        // SHA-256 by profile
	Logged   *Place                       `json:"logged,omitzero"` // where the audit log says that it was issued
	// Blind is nil where a version without data keys put the record here, all of it in
	// the clear.
	Blind    map[string][]byte `json:"blind,omitzero"`    // by kind of index
	Personal *personal         `json:"personal,omitzero"` // nil where it is in the clear or erased
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
func (doc recordDoc) inBolt(tx *bolt.Tx, keys *DataKeys, key []byte) (Record, error) {
	document := func(kind, id string) (Document, error) { return getDocument(tx, keys, kind, id) }
	return doc.record(keys, document, func(profile string) (payload, token []byte) {
		blob := blobKey(key, profile)
		return tx.Bucket(bucketPayloads).Get(blob), tx.Bucket(bucketTokens).Get(blob)
	})
}

// record returns the whole of a record: doc with what is personal, its payloads and
// its tokens, which packed gives as they are kept, each compared with its hash;
// document reads what was put beside the records. Of what is erased it returns the
// facts with ErrErased.
func (doc recordDoc) record(keys *DataKeys, document func(kind, id string) (Document, error), packed func(profile string) (payload, token []byte)) (Record, error) {
	r, err := doc.open(keys)
	if errors.Is(err, ErrErased) {
		return r, err
	}
	if err != nil {
		return Record{}, fmt.Errorf("reading record %s: %w", doc.ID, err)
	}
	unseal := func(part string, sealed []byte) ([]byte, error) {
		if doc.clear() {
			return sealed, nil
		}
		return keys.unseal(r.place(Register), part, sealed)
	}
	for profile, form := range doc.Forms {
		packedPayload, packedToken := packed(profile)
		payload, err := unseal(partPayload+profile, packedPayload)
		if err == nil {
			var pieces [][]byte
			if form.Base, _ = baseOf(payload); form.Base != (Base{}) {
				if pieces, err = bases.get(form.Base, document); err != nil {
					return Record{}, fmt.Errorf("reading record %s: payload %s: %w", r.ID, profile, err)
				}
			}
			payload, err = unpackPayload(payload, pieces)
		}
		if form.Payload, err = proven(payload, err, doc.Payloads[profile]); err != nil {
			return Record{}, fmt.Errorf("reading record %s: payload %s: %w", r.ID, profile, err)
		}
		if r.State != Reserved {
			token, err := unseal(partToken+profile, packedToken)
			if err == nil {
				token, err = unpackToken(token, form.Payload, form.Base)
			}
			if form.Token, err = proven(token, err, form.SHA256); err != nil {
				return Record{}, fmt.Errorf("reading record %s: token %s: %w", r.ID, profile, err)
			}
		}
		r.Forms[profile] = form
	}
	return r, nil
}

// fitsBlinds says where the indexes have a record under other values than it says.
func (doc *recordDoc) fitsBlinds(keys *DataKeys, r *Record) error {
	if doc.clear() || keys == nil {
		return nil
	}
	for _, x := range indexes {
		if entry, value := doc.Blind[x.kind], x.of(r); entry != nil && len(value) > 0 && !bytes.Equal(entry, keys.blind(x.kind, string(value))) {
			return fmt.Errorf("%w: its blind %s is of another value", ErrDamaged, x.kind)
		}
	}
	return nil
}

// clear reports whether a version without data keys put the record here, in the clear.
func (doc *recordDoc) clear() bool { return doc.Blind == nil }

// open returns the record with what is personal, without payloads and tokens;
// ErrErased with the facts only.
func (doc *recordDoc) open(keys *DataKeys) (Record, error) {
	if doc.clear() {
		return doc.Record, nil
	}
	return keys.open(doc.Record, doc.Personal)
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
	return append(append(make([]byte, 0, len(key)+len(profile)), key...), profile...)
}

// index names a bucket that leads from a property to the record that has it. A
// record without the property is not in it. What is personal stands in an index as
// [DataKeys.blind] of it; of a record that is kept in the clear, as it is.
type index struct {
	bucket []byte
	kind   string // of the blind index, "": the property is not personal
	of     func(*Record) []byte
}

var (
	byID         = index{bucketIDs, "", func(r *Record) []byte { return []byte(r.ID) }}
	byKey        = index{bucketKeys, "key", func(r *Record) []byte { return r.Key[:] }}
	byPublic     = index{bucketPublics, "", func(r *Record) []byte { return []byte(r.Public) }}
	byLink       = index{bucketLinks, "link", func(r *Record) []byte { return []byte(r.Link) }}
	byNumber     = index{bucketNumbers, "", func(r *Record) []byte { return []byte(r.Number) }}
	byExternalID = index{bucketExternals, "externalID", func(r *Record) []byte { return []byte(r.ExternalID) }}

	indexes = []index{byID, byKey, byPublic, byLink, byNumber, byExternalID}
)

// entry is what stands in the index for a record.
func (x index) entry(doc *recordDoc) []byte {
	if x.kind == "" || doc.clear() {
		return x.of(&doc.Record)
	}
	return doc.Blind[x.kind]
}

// has reports whether the value of a record that is new stands in the index.
func (x index) has(tx *bolt.Tx, r *Record, doc *recordDoc) bool {
	there := func(entry []byte) bool { return len(entry) > 0 && tx.Bucket(x.bucket).Get(entry) != nil }
	return there(x.entry(doc)) || x.kind != "" && there(x.of(r)) // the latter of a record in the clear
}

// find returns the record with a value and its sequence key, or ErrNotFound. It may
// be one that is kept in the clear.
func (x index) find(tx *bolt.Tx, keys *DataKeys, value []byte) (recordDoc, []byte, error) {
	if x.kind == "" || len(value) == 0 {
		return x.at(tx, value)
	}
	doc, key, err := x.at(tx, keys.blind(x.kind, string(value)))
	if errors.Is(err, ErrNotFound) {
		doc, key, err = x.at(tx, value)
	}
	return doc, key, err
}

// at returns the record that an entry leads to and its sequence key, or ErrNotFound.
// Index entries have no checksum: the record itself must agree.
func (x index) at(tx *bolt.Tx, property []byte) (recordDoc, []byte, error) {
	if len(property) == 0 {
		return recordDoc{}, nil, ErrNotFound
	}
	key := tx.Bucket(x.bucket).Get(property)
	if key == nil {
		return recordDoc{}, nil, ErrNotFound
	}
	key = bytes.Clone(key)
	doc, err := getDoc(tx, key)
	if err == nil && !bytes.Equal(x.entry(&doc), property) {
		err = fmt.Errorf("%w: the index %q leads to another record", ErrDamaged, x.bucket)
	}
	return doc, key, err
}

// read returns the whole record with a value.
func (s *boltStore) read(ctx context.Context, x index, value []byte) (Record, error) {
	r, _, err := s.load(ctx, x, value)
	if err != nil {
		err = fmt.Errorf("looking in %q: %w", x.bucket, err)
	}
	return r, err
}

// load is read, and tells whether the record is kept in the clear.
func (s *boltStore) load(ctx context.Context, x index, value []byte) (r Record, clear bool, err error) {
	if x.kind != "" && s.keys == nil {
		return Record{}, false, ErrDataKeys
	}
	err = s.view(ctx, func(tx *bolt.Tx) error {
		doc, key, err := x.find(tx, s.keys, value)
		if err != nil {
			return err
		}
		clear = doc.clear()
		r, err = doc.inBolt(tx, s.keys, key)
		return err
	})
	if err != nil && !errors.Is(err, ErrErased) {
		r = Record{}
	}
	return r, clear, err
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
				_, last, err = byID.at(tx, []byte(after))
				return err
			})
			if err != nil {
				yield(Record{}, fmt.Errorf("going on after %s: %w", after, err))
				return
			}
		}
		s.each(ctx, bucketRecords, last, stepDocs, yield, func(_ *bolt.Tx, key, stored []byte) (Record, error) {
			var doc recordDoc
			if err := openJSON(bucketRecords, key, stored, &doc); err != nil {
				return Record{}, err
			}
			r, err := doc.open(s.keys)
			if errors.Is(err, ErrErased) {
				err = nil
			}
			return r, err
		})
	}
}

// facts is Records without what is personal, which takes its time.
func (s *boltStore) facts(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s.each(ctx, bucketRecords, nil, stepDocs, yield, func(_ *bolt.Tx, key, stored []byte) (Record, error) {
			var doc recordDoc
			err := openJSON(bucketRecords, key, stored, &doc)
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
			return doc.inBolt(tx, s.keys, key)
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
	return binary.BigEndian.AppendUint64(append(append(make([]byte, 0, len(list)+9), list...), 0), index)
}
