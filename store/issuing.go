package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	bolt "go.etcd.io/bbolt"

	"indeks/alike"
	"indeks/merkle"
	"indeks/status"
)

// Limits on what Reserve takes, in bytes: those of keys hold for an index, of
// texts for what a person wrote, of blobs for one payload or token.
const (
	maxKey   = 256
	maxText  = 4096
	maxDraft = 64 << 10
	maxBlob  = 16 << 20
)

// validate says with ErrInvalid why a record cannot be reserved.
func (r *Record) validate() error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("reserving %.100q: %w: %s", r.ID, ErrInvalid, fmt.Sprintf(format, args...))
	}
	for _, key := range []struct{ name, s string }{{"id", r.ID}, {"public id", r.Public}, {"link", r.Link}, {"number", r.Number}} {
		if key.s == "" || len(key.s) > maxKey || strings.ContainsRune(key.s, 0) {
			return invalid("%s of %d bytes, not 1 to %d without NUL", key.name, len(key.s), maxKey)
		}
	}
	for _, s := range append([]string{
		r.ID, r.Public, r.Link, r.Number, r.KeyID, r.Course, r.CourseVersion, r.Title, r.FamilyName,
		r.GivenName, r.LearnerID, r.Email, r.AwardingDate, r.Decision, r.Signatory, r.ExternalID, r.Batch,
	}, r.Assessment.texts()...) {
		if err := validText(s); err != nil {
			return fmt.Errorf("reserving %.100q: %w", r.ID, err)
		}
	}
	if len(r.ExternalID) > maxKey || strings.ContainsRune(r.ExternalID, 0) {
		return invalid("external id of %d bytes, more than %d or with NUL", len(r.ExternalID), maxKey)
	}
	if r.Key == (Key{}) {
		return invalid("no key")
	}
	if r.SealingTime.IsZero() || !r.SealingTime.Equal(r.SealingTime.Truncate(time.Second)) || r.SealingTime.Location() != time.UTC {
		return invalid("sealing time %v is not in whole seconds of UTC", r.SealingTime)
	}
	if len(r.Draft) > maxDraft {
		return invalid("draft of %d bytes", len(r.Draft))
	}
	if end := r.ValidUntil; !end.IsZero() && (!end.Equal(end.Truncate(time.Second)) || end.Location() != time.UTC) {
		return invalid("end %v is not in whole seconds of UTC", end)
	}
	if err := r.Supersedes.validate(); err != nil {
		return fmt.Errorf("reserving %.100q: %w", r.ID, err)
	}
	if len(r.Forms) == 0 {
		return invalid("no form")
	}
	for profile, form := range r.Forms {
		if profile == "" || len(profile) > maxKey || !utf8.ValidString(profile) || strings.ContainsRune(profile, 0) {
			return invalid("profile %.40q", profile)
		}
		if n := form.Text().Len(); n == 0 || n > maxBlob || len(form.Parts.Head) > 0 || len(form.Payload) > 0 && form.Parts.Len() > 0 {
			return invalid("payload %s of %d bytes, with a head, or given twice", profile, n)
		}
		if form.Token != nil || form.SHA256 != [32]byte{} {
			return invalid("form %s has a token already", profile)
		}
	}
	for i, e := range r.Entries {
		if e.Index >= status.MinSize {
			return invalid("index %d of list %.40q", e.Index, e.List)
		}
		for _, other := range r.Entries[:i] {
			if other.List == e.List && other.Index == e.Index {
				return fmt.Errorf("reserving %s: list %s, index %d twice: %w", r.ID, e.List, e.Index, ErrIndexTaken)
			}
			if other.Purpose == e.Purpose {
				return invalid("two entries for %s", e.Purpose)
			}
		}
	}
	if r.CourseSHA256 != [32]byte{} {
		if err := validCourseKey(r.Course, r.CourseVersion); err != nil {
			return fmt.Errorf("reserving %.100q: %w", r.ID, err)
		}
	}
	if len(r.Changes)+len(r.Erasures) > 0 || r.State != "" && r.State != Reserved {
		return invalid("it has been changed already")
	}
	return nil
}

func validText(s string) error {
	if len(s) > maxText || !utf8.ValidString(s) {
		return fmt.Errorf("%w: a text is over %d bytes or not UTF-8: %.40q", ErrInvalid, maxText, s)
	}
	return nil
}

func (s *boltStore) Reserve(ctx context.Context, r Record) (Record, error) {
	if err := r.validate(); err != nil {
		return Record{}, err
	}
	if err := r.hasBases(ctx, s, &s.bases); err != nil {
		return Record{}, err
	}
	doc, payloads, err := s.keys.protect(r) // before all others have to wait
	if errors.Is(err, ErrErased) {
		known, err := s.Lookup(ctx, r.Key)
		return known, r.sameRequest(known, err)
	}
	if err != nil {
		return Record{}, fmt.Errorf("reserving %s: %w", r.ID, err)
	}
	kept, err := marshal(sha256.Size, &doc)
	if err != nil {
		return Record{}, fmt.Errorf("reserving %s: %w", r.ID, err)
	}
	var stored Record
	var sequence uint64
	by := s.author(ctx)
	err = s.write(ctx, func(tx *bolt.Tx) (err error) {
		stored, sequence, err = s.reserve(tx, by, r, doc, kept, payloads)
		return err
	})
	if err == nil && sequence > 0 {
		s.fresh.put(&freshRecord{stored, doc, sequenceKey(sequence), kept, payloads})
		row := s.keys.newRow(sequence, &r)
		s.rows.put(sequence, &row)
	}
	if errors.Is(err, ErrErased) {
		return stored, fmt.Errorf("reserving %s: %w", r.ID, err)
	}
	if err != nil {
		return Record{}, fmt.Errorf("reserving %s: %w", r.ID, err)
	}
	return stored, nil
}

// sameRequest is what Reserve answers for a record of whose id a data key is
// destroyed, where Lookup of its key has found known with err.
func (r *Record) sameRequest(known Record, err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		err = ErrIDTaken
	case err == nil && known.RequestHash != r.RequestHash:
		err = ErrConflict
	case err == nil:
		return nil
	}
	return fmt.Errorf("reserving %s: %w", r.ID, err)
}

// reserve is the first of the two transactions of issuing. doc is how r is kept, kept
// the JSON of it behind room for a checksum, which it puts there, and payloads are how
// its payloads are, by profile. It returns the sequence of a record that is new.
func (s *boltStore) reserve(tx *bolt.Tx, by author, r Record, doc recordDoc, kept []byte, payloads map[string][]byte) (Record, uint64, error) {
	// 1. The same key is the same record for ever.
	known, key, err := byKey.find(tx, s.keys, r.Key[:])
	if err == nil {
		stored, err := known.open(s.keys)
		switch {
		case err != nil:
			return stored, 0, err
		case stored.RequestHash != r.RequestHash:
			return Record{}, 0, ErrConflict
		}
		stored, err = known.inBolt(tx, s.keys, key)
		return stored, 0, err
	}
	if !errors.Is(err, ErrNotFound) {
		return Record{}, 0, err
	}

	// 2. Everything is used once. All checks come before the first change: see write.
	for _, x := range []struct {
		index
		taken error
	}{{byID, ErrIDTaken}, {byPublic, ErrIDTaken}, {byLink, ErrIDTaken}, {byNumber, ErrNumberTaken}, {byExternalID, ErrExternalTaken}} {
		if x.has(tx, &r, &doc) {
			return Record{}, 0, fmt.Errorf("looking in %q: %w", x.bucket, x.taken)
		}
	}
	lists := map[string]listDoc{}
	for _, e := range r.Entries {
		list, err := s.counted.list(tx, e.List)
		switch {
		case errors.Is(err, ErrNotFound):
			return Record{}, 0, fmt.Errorf("%w: no list %q", ErrInvalid, e.List)
		case err != nil:
			return Record{}, 0, err
		case list.Purpose != e.Purpose:
			return Record{}, 0, fmt.Errorf("%w: list %s is for %s, not %q", ErrInvalid, e.List, list.Purpose, e.Purpose)
		case list.Closed:
			return Record{}, 0, fmt.Errorf("list %s: %w", e.List, ErrListFull)
		case tx.Bucket(bucketEntries).Get(entryKey(e.List, e.Index)) != nil:
			return Record{}, 0, fmt.Errorf("list %s, index %d: %w", e.List, e.Index, ErrIndexTaken)
		}
		lists[e.List] = list
	}
	if err := fitsCatalogue(tx, &r); err != nil {
		return Record{}, 0, err
	}
	if err := supersedable(tx, r.Supersedes); err != nil {
		return Record{}, 0, err
	}
	records := tx.Bucket(bucketRecords)
	sequence := records.Sequence() + 1
	key = sequenceKey(sequence)
	if records.Get(key) != nil {
		return Record{}, 0, fmt.Errorf("%w: its counter has gone back to a record that is there", ErrDamaged)
	}

	// 3. The record, with the payloads beside it.
	if err := records.SetSequence(sequence); err != nil {
		return Record{}, 0, err
	}
	for profile, payload := range payloads {
		if err := tx.Bucket(bucketPayloads).Put(blobKey(key, profile), payload); err != nil {
			return Record{}, 0, err
		}
	}
	sealInPlace(bucketRecords, key, kept)
	if err := records.Put(key, kept); err != nil {
		return Record{}, 0, err
	}
	if err := tx.Bucket(bucketPending).Put(key, nil); err != nil {
		return Record{}, 0, err
	}

	// 4. What leads to it.
	for _, x := range indexes {
		if property := x.entry(&doc); len(property) > 0 {
			if err := tx.Bucket(x.bucket).Put(property, key); err != nil {
				return Record{}, 0, err
			}
		}
	}
	for _, e := range r.Entries {
		if err := tx.Bucket(bucketEntries).Put(entryKey(e.List, e.Index), key); err != nil {
			return Record{}, 0, err
		}
	}
	if key, awarded := r.awardedKey(), tx.Bucket(bucketAwarded); key != nil && awarded.Get(key) == nil {
		if err := awarded.Put(key, []byte{}); err != nil { // not nil, which Get would have for none
			return Record{}, 0, err
		}
	}
	for id, list := range lists {
		list.Used++ // a record has one entry for each purpose, so one in each list
		list.Closed = list.Used >= ListLimit
		s.counted[id] = list
	}

	// 5. The log says that it is to be sealed, before it is.
	if _, err := by.logged(tx, Event{Kind: KindIntent, Object: r.ID}); err != nil {
		return Record{}, 0, err
	}
	r.State = Reserved
	return r, sequence, nil
}

func (s *boltStore) Commit(ctx context.Context, id string, tokens map[string]alike.Text, with ...Document) (Record, error) {
	if err := validTokens(id, tokens); err != nil {
		return Record{}, err
	}
	beside, err := s.keys.beside(with)
	if err != nil {
		return Record{}, fmt.Errorf("committing %.100q: %w", id, err)
	}
	if err := s.Writable(); err != nil {
		return Record{}, fmt.Errorf("committing %.100q: %w", id, err)
	}
	// What was reserved does not change any more but by this, so it may be read
	// before all others have to wait, or known: then the transaction compares it. With
	// damaged payloads, what was sealed is not on record.
	r, fresh, clear, err := s.reserved(ctx, id)
	if err != nil {
		return Record{}, fmt.Errorf("committing %.100q: %w", id, err)
	}
	if r.State != Reserved {
		return r, nil // the first writer wins
	}
	envelopes, err := r.seal(s.keys, clear, tokens)
	if err != nil {
		return Record{}, err
	}

	var stored Record
	stale := false
	by := s.author(ctx)
	err = s.write(ctx, func(tx *bolt.Tx) (err error) {
		if stale = fresh != nil && !fresh.unchanged(tx); stale {
			return nil
		}
		stored, err = commit(tx, by, s.keys, r, fresh, envelopes, beside)
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("committing %s: %w", id, err)
	}
	if stale { // it is read now
		return s.Commit(ctx, id, tokens, with...)
	}
	return stored, nil
}

// freshRecord is what Reserve has just put on record, and how it is kept.
type freshRecord struct {
	Record
	doc      recordDoc
	key      []byte // of its sequence
	kept     []byte // doc in bucketRecords
	payloads map[string][]byte
}

// unchanged reports whether the record and its payloads are kept to the byte as Reserve
// has put them.
func (f *freshRecord) unchanged(tx *bolt.Tx) bool {
	same := bytes.Equal(tx.Bucket(bucketIDs).Get([]byte(f.ID)), f.key) && bytes.Equal(tx.Bucket(bucketRecords).Get(f.key), f.kept)
	for profile, payload := range f.payloads {
		same = same && bytes.Equal(tx.Bucket(bucketPayloads).Get(blobKey(f.key, profile)), payload)
	}
	return same
}

// fresh are records that were reserved lately: most are committed within milliseconds,
// and whether what is on record is what was put there is told by comparing bytes, for a
// tenth of the price of reading it. The zero value is ready for use, also concurrently.
type fresh struct {
	mu   sync.Mutex
	byID map[string]*freshRecord
}

// maxFresh bounds them, of 20 KB each, and of 100 KB where they have nothing in common
// with others. More than are under way at a time, of two class lists and of those who ask
// for one.
const maxFresh = 1280

func (f *fresh) put(r *freshRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil || len(f.byID) >= maxFresh {
		f.byID = map[string]*freshRecord{}
	}
	f.byID[r.ID] = r
}

// take returns a record, nil where it is not a fresh one any more.
func (f *fresh) take(id string) *freshRecord {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.byID[id]
	delete(f.byID, id)
	return r
}

// clear forgets all: what is erased must not stay in memory.
func (f *fresh) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byID = nil
}

// reserved returns the record with an id, also as a fresh one where it is that, and
// tells whether it is kept in the clear.
func (s *boltStore) reserved(ctx context.Context, id string) (r Record, fresh *freshRecord, clear bool, err error) {
	if fresh = s.fresh.take(id); fresh != nil {
		r = fresh.Record
		r.Forms = maps.Clone(r.Forms)
		return r, fresh, false, nil
	}
	r, clear, err = s.load(ctx, byID, []byte(id))
	return r, nil, clear, err
}

// validTokens says with ErrInvalid why tokens cannot be committed.
func validTokens(id string, tokens map[string]alike.Text) error {
	for profile, token := range tokens {
		if token.Len() == 0 || token.Len() > maxBlob {
			return fmt.Errorf("committing %.100q: %w: token %.40s of %d bytes", id, ErrInvalid, profile, token.Len())
		}
	}
	return nil
}

// seal makes of a reserved record one that is issued, and returns its tokens as
// they are kept: under its data key, unless the record is in the clear.
func (r *Record) seal(keys *DataKeys, clear bool, tokens map[string]alike.Text) (envelopes map[string][]byte, err error) {
	fits := len(tokens) == len(r.Forms)
	for profile := range tokens {
		_, reserved := r.Forms[profile]
		fits = fits && reserved
	}
	if !fits {
		reserved, given := slices.Sorted(maps.Keys(r.Forms)), slices.Sorted(maps.Keys(tokens))
		return nil, fmt.Errorf("committing %s: %w: tokens for %q, forms reserved %q", r.ID, ErrInvalid, given, reserved)
	}
	envelopes = map[string][]byte{}
	for profile, token := range tokens {
		form := r.Forms[profile]
		envelopes[profile] = packParts(token, &form)
		form.TokenParts, form.SHA256 = token, tokenHashes.Sum256(token)
		if form.Parts.Len() == 0 {
			form.join()
		}
		r.Forms[profile] = form
		if clear {
			continue
		}
		if envelopes[profile], err = keys.seal(r.place(Register), partToken+profile, envelopes[profile]); err != nil {
			return nil, fmt.Errorf("committing %s: %w", r.ID, err)
		}
	}
	r.State = Issued
	return envelopes, nil
}

// sealing is what verifiers may know of a record that is sealed, given the secret
// of its entry in the log.
func (doc *recordDoc) sealing(secret []byte) (*merkle.Sealing, error) {
	s := &merkle.Sealing{Credential: doc.ID, KeyID: doc.KeyID, At: doc.SealingTime, Forms: map[string]merkle.Hash{}}
	for profile, payload := range doc.Payloads {
		s.Forms[profile] = merkle.Commit(merkle.Salt(secret, profile), payload)
	}
	return s, nil
}

// commit is the second of the two transactions of issuing: r is the record as it
// is to be, envelopes are its tokens as they are kept, beside what comes with it; fresh
// is how it was reserved and is kept, nil where that has to be read.
func commit(tx *bolt.Tx, by author, keys *DataKeys, r Record, fresh *freshRecord, envelopes map[string][]byte, beside []keptDocument) (Record, error) {
	// 1. The first writer wins.
	var doc recordDoc
	var key []byte
	var err error
	if fresh != nil {
		doc, key = fresh.doc, fresh.key
	} else if doc, key, err = byID.at(tx, []byte(r.ID)); err != nil {
		return Record{}, err
	}
	if doc.State != Reserved || doc.Erased(Register) {
		return doc.inBolt(tx, keys, key)
	}

	// 2. What it takes the place of, which makes checks of its own: see write.
	if err := supersede(tx, by, keys, &r); err != nil {
		return Record{}, err
	}

	// 3. The log says that these payloads are sealed.
	logged, err := by.loggedWith(tx, Event{Kind: KindIssued, Object: r.ID}, doc.sealing, nil)
	if err != nil {
		return Record{}, err
	}

	// 4. The tokens, and with their hashes the record.
	for profile, envelope := range envelopes {
		if err := tx.Bucket(bucketTokens).Put(blobKey(key, profile), envelope); err != nil {
			return Record{}, err
		}
	}
	doc.State, doc.Forms, doc.Logged = r.State, r.Forms, &logged
	if err := putJSON(tx, bucketRecords, key, &doc); err != nil {
		return Record{}, err
	}
	if err := tx.Bucket(bucketPending).Delete(key); err != nil {
		return Record{}, err
	}
	return r, putBeside(tx, beside)
}
