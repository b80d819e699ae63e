package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
	"indeks/status"
)

// Import makes a store of what an archive holds, in a new file that is of no use
// before Close returned nil: a copy as of the archive's instant, under whatever data
// keys. To take the place of a store that is lost it goes through [Restore], as any
// copy does, for the same dangers are in it.
//
// What is added is written in steps, and the memory that it takes does not grow with
// the records. Nothing is looked at that [Check] finds: whoever uses the store calls it.
// It is used by one goroutine.
type Import struct {
	path string
	keys *DataKeys
	db   *bolt.DB
	tx   *bolt.Tx
	size int // bytes put since the last step

	source string // id of the data keys of the archive's store
	lists  map[string]*listBits
	log    string // the one whose entries are being added
	open   []Log  // that take entries
}

// listBits are the bits of a list as its records call for them.
type listBits struct {
	purpose string
	bits    *status.List
}

// importStep is how much is written in one transaction, in bytes.
const importStep = 16 << 20

// NewImport begins a store at path, where no file is.
func NewImport(path, storeID string, keys *DataKeys, c Counters) (m *Import, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("importing into %s: %w", path, err)
		}
	}()
	if keys == nil {
		return nil, ErrDataKeys
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, ErrExists
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType, NoFreelistSync: true, NoSync: true})
	if err != nil {
		return nil, err
	}
	m = &Import{path: path, keys: keys, db: db, source: c.DataKeys, lists: map[string]*listBits{}}
	if m.tx, err = db.Begin(true); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for _, name := range buckets {
		if _, err := m.tx.CreateBucket(name); err != nil {
			return nil, errors.Join(err, m.Abandon())
		}
	}
	err = putJSON(m.tx, bucketMeta, identityKey, identity{storeID, keys.ID(), schema})
	if err == nil && c.Mark != "" {
		err = putJSON(m.tx, bucketMeta, epochKey, epoch{c.Mark, c.Restored, c.Skipped})
	}
	for name, last := range c.Series {
		err = errors.Join(err, put(m.tx, bucketSeries, []byte(name), binary.BigEndian.AppendUint64(nil, last)))
	}
	if err != nil {
		return nil, errors.Join(err, m.Abandon())
	}
	return m, nil
}

// Abandon removes what was made; after Close it does nothing.
func (m *Import) Abandon() error {
	if m.db == nil {
		return nil
	}
	db := m.db
	m.db = nil
	if m.tx != nil {
		m.tx.Rollback()
	}
	return errors.Join(db.Close(), os.Remove(m.path))
}

// step counts what was put and ends the transaction where it has become large.
func (m *Import) step(size int) error {
	if m.size += size; m.size < importStep {
		return nil
	}
	return m.flush()
}

func (m *Import) flush() (err error) {
	if m.log != "" {
		if err := grow(m.tx); err != nil {
			return err
		}
	}
	tx := m.tx
	m.tx, m.size = nil, 0
	if err := tx.Commit(); err != nil {
		return err
	}
	m.tx, err = m.db.Begin(true)
	return err
}

// Course adds a version of a course.
func (m *Import) Course(c Course) error {
	key := courseKey(c.ID, c.Version)
	err := c.validate()
	if err == nil && (c.Number < 1 || sha256.Sum256(c.JSON) != c.SHA256 || m.tx.Bucket(bucketCourses).Get(key) != nil) {
		err = fmt.Errorf("%w: its hash or number is wrong, or it is there twice", ErrInvalid)
	}
	if err == nil {
		err = errors.Join(m.tx.Bucket(bucketCourseTexts).Put(key, packPayload(c.JSON)), putJSON(m.tx, bucketCourses, key, c))
	}
	if err != nil {
		return fmt.Errorf("importing course %.100q, version %.100q: %w", c.ID, c.Version, err)
	}
	return m.step(len(c.JSON))
}

// Document adds a document with the revision that it has, unless it was erased since.
// What payloads have in common goes before the records.
func (m *Import) Document(d Document) error {
	key := documentKey(d.Kind, d.ID)
	err := d.validate()
	if err == nil && isBase(d.Kind) && Base(sha256.Sum256(d.Body)).String() != d.ID {
		err = fmt.Errorf("%w: it does not fit its digest", ErrInvalid)
	}
	if err == nil && (d.Revision == 0 || d.Body == nil || m.tx.Bucket(bucketDocuments).Get(key) != nil) {
		err = fmt.Errorf("%w: it has no revision or no body, or is there twice", ErrInvalid)
	}
	var sealed []byte
	if err == nil {
		sealed, err = d.sealed(m.keys)
	}
	if errors.Is(err, ErrErased) {
		return nil
	}
	if err == nil {
		err = m.tx.Bucket(bucketDocuments).Put(key, sealed)
	}
	if err == nil && isBase(d.Kind) {
		base := Base(sha256.Sum256(d.Body))
		var pieces [][]byte
		if pieces, err = basePieces(d.Body, base); err == nil {
			bases.put(base, pieces)
		}
	}
	if err != nil {
		return fmt.Errorf("importing %.40s %.60q: %w", d.Kind, d.ID, err)
	}
	return m.step(len(sealed))
}

// List adds a status list, before the records that have places in it. kept are the
// bits that no record calls for.
func (m *Import) List(l List, kept *status.List) error {
	_, err := listLetter(l.Purpose)
	if err == nil && (l.ID == "" || m.lists[l.ID] != nil || (l.Sequence == 0) != (l.Published == nil)) {
		err = fmt.Errorf("%w: it has no id, is there twice, or lacks what was published", ErrInvalid)
	}
	doc := listDoc{List: l}
	if err == nil && l.Published != nil {
		doc.SHA256 = sha256.Sum256(l.Published)
		err = m.tx.Bucket(bucketPublished).Put([]byte(l.ID), l.Published)
	}
	if err == nil {
		err = putJSON(m.tx, bucketLists, []byte(l.ID), &doc)
	}
	if err == nil && !slices.Equal(kept.Bits(), status.New().Bits()) {
		err = put(m.tx, bucketKept, []byte(l.ID), kept.Bits())
	}
	var bits *status.List
	if err == nil {
		bits, err = status.FromBits(slices.Clone(kept.Bits()))
	}
	if err != nil {
		return fmt.Errorf("importing status list %.40q: %w", l.ID, err)
	}
	m.lists[l.ID] = &listBits{l.Purpose, bits}
	return nil
}

// gone stands in the place of what is under a data key that was destroyed since the
// archive was made: Restore erases it again, and until then nothing reads it.
var gone = []byte{0}

// Record adds the next record.
func (m *Import) Record(a Archived) error {
	if err := m.record(a); err != nil {
		return fmt.Errorf("importing record %.100q: %w", a.ID, err)
	}
	size := 4096
	for _, form := range a.Forms {
		size += len(form.Payload) / 4
	}
	return m.step(size)
}

func (m *Import) record(a Archived) error {
	// 1. How it is kept.
	seal := func(p place, part string, text []byte) ([]byte, error) {
		sealed, err := m.keys.seal(p, part, text)
		if errors.Is(err, ErrErased) {
			return gone, nil
		}
		return sealed, err
	}
	var doc recordDoc
	var payloads map[string][]byte
	tokens := map[string][]byte{}
	if a.Erased(Register) {
		doc = recordDoc{Payloads: a.Payloads, Blind: maps.Clone(a.Blind)}
		copyLeft(&doc.Record, &a.Record)
		if m.keys.ID() != m.source || doc.Blind[byKey.kind] == nil { // under other keys its request is another one
			doc.Blind = map[string][]byte{byKey.kind: m.keys.blind(byKey.kind, "erased "+a.ID)}
		}
	} else {
		given := a.Record
		given.Changes, given.Erasures, given.State = nil, nil, Reserved
		given.Link = given.orPlaceholder(a.Erased(Delivery))
		given.Forms = map[string]Sealed{}
		for profile, form := range a.Forms {
			given.Forms[profile] = Sealed{Payload: form.Payload, Base: form.Base}
		}
		if err := given.validate(); err != nil {
			return err
		}
		r := a.Record
		r.Forms = given.Forms
		var err error
		if doc, payloads, err = m.keys.protectWith(r, seal); err != nil {
			return err
		}
		for profile, form := range a.Forms {
			if doc.Payloads[profile] != a.Payloads[profile] {
				return fmt.Errorf("%w: payload %s does not fit its hash", ErrDamaged, profile)
			}
			if a.State == Reserved {
				continue
			}
			if form.SHA256 != sha256.Sum256(form.Token) || len(form.Token) == 0 {
				return fmt.Errorf("%w: token %s does not fit its hash", ErrDamaged, profile)
			}
			envelope := packToken(form.Token, &form)
			if tokens[profile], err = seal(a.place(Register), partToken+profile, envelope); err != nil {
				return err
			}
			doc.Forms[profile] = Sealed{SHA256: form.SHA256}
		}
		for _, c := range a.Changes {
			if err := m.keys.addChange(&doc.Record, doc.Personal, c); err != nil {
				return err
			}
		}
	}
	doc.State, doc.Erasures, doc.Logged = a.State, a.Erasures, a.Logged

	// 2. Everything is used once.
	for _, x := range indexes {
		if entry := x.entry(&doc); len(entry) > 0 && m.tx.Bucket(x.bucket).Get(entry) != nil {
			return fmt.Errorf("%w: what stands in %q is used twice", ErrInvalid, x.bucket)
		}
	}
	for _, e := range doc.Entries {
		list := m.lists[e.List]
		if list == nil || list.purpose != e.Purpose || e.Index >= status.MinSize || m.tx.Bucket(bucketEntries).Get(entryKey(e.List, e.Index)) != nil {
			return fmt.Errorf("%w: list %.40q, index %d is used twice or is none", ErrInvalid, e.List, e.Index)
		}
		if doc.Bit(e.Purpose) {
			if err := list.bits.Set(e.Index, true); err != nil {
				return err
			}
		}
	}

	// 3. The record and what leads to it, as reserve and commit write it.
	sequence, err := m.tx.Bucket(bucketRecords).NextSequence()
	if err != nil {
		return err
	}
	key := sequenceKey(sequence)
	failed := []error{putJSON(m.tx, bucketRecords, key, &doc), listStates(m.tx, key, nil, &doc.Record)}
	for profile, payload := range payloads {
		failed = append(failed, m.tx.Bucket(bucketPayloads).Put(blobKey(key, profile), payload))
	}
	for profile, token := range tokens {
		failed = append(failed, m.tx.Bucket(bucketTokens).Put(blobKey(key, profile), token))
	}
	for _, x := range indexes {
		if entry := x.entry(&doc); len(entry) > 0 {
			failed = append(failed, m.tx.Bucket(x.bucket).Put(entry, key))
		}
	}
	for _, e := range doc.Entries {
		failed = append(failed, m.tx.Bucket(bucketEntries).Put(entryKey(e.List, e.Index), key))
	}
	if awarded := doc.awardedKey(); awarded != nil {
		failed = append(failed, m.tx.Bucket(bucketAwarded).Put(awarded, nil))
	}
	if doc.State == Reserved && !doc.Erased(Register) {
		failed = append(failed, m.tx.Bucket(bucketPending).Put(key, nil))
	}
	return errors.Join(failed...)
}

// orPlaceholder is the link of a record, or where that is erased something in its place,
// for what only looks at whether there is one.
func (r *Record) orPlaceholder(erased bool) string {
	if erased {
		return "erased"
	}
	return r.Link
}

// Log begins an audit log; its entries follow, then its heads.
func (m *Import) Log(l Log) error {
	err := validDocumentKey("log", l.Name)
	if err == nil && (m.log != "" || m.tx.Bucket(bucketLogs).Get([]byte(l.Name)) != nil) {
		err = fmt.Errorf("%w: it is there twice, or within another one", ErrInvalid)
	}
	if err == nil {
		err = errors.Join(put(m.tx, bucketMeta, logKey, []byte(l.Name)),
			putJSON(m.tx, bucketLogs, []byte(l.Name), Log{Name: l.Name, Opened: l.Opened, Before: l.Before}),
			m.tx.Bucket(bucketLogEntries).SetSequence(0))
	}
	if err != nil {
		return fmt.Errorf("importing log %.40q: %w", l.Name, err)
	}
	m.log = l.Name
	return nil
}

// Entry adds the next entry of the log, as [LogEntry.Kept] gives it.
func (m *Import) Entry(event, said []byte) error {
	entries := m.tx.Bucket(bucketLogEntries)
	index := entries.Sequence()
	e, err := readEntry(index, event, said)
	if err == nil {
		err = put(m.tx, bucketLogEntries, entryKey(m.log, index), e.value(event))
	}
	if err == nil {
		err = entries.SetSequence(index + 1)
	}
	if err != nil {
		return fmt.Errorf("importing entry %d of log %.40q: %w", index, m.log, err)
	}
	return m.step(len(event) + len(said) + 256)
}

// EndLog ends the log that was begun, which must have become l: by its size, its root
// and its heads.
func (m *Import) EndLog(l Log, root merkle.Hash, heads []Head) error {
	doing := func(err error) error { return fmt.Errorf("importing log %.40q: %w", l.Name, err) }
	if err := grow(m.tx); err != nil {
		return doing(err)
	}
	var made Log
	if err := getJSON(m.tx, bucketLogs, []byte(m.log), &made); err != nil {
		return doing(err)
	}
	if m.log != l.Name || made.Size != l.Size {
		return doing(fmt.Errorf("%w: it has %d entries of %d", ErrDamaged, made.Size, l.Size))
	}
	if l.Size > 0 {
		if is, err := merkle.Root(l.Size, logHashes(m.tx, l.Name)); err != nil || is != root {
			return doing(errors.Join(fmt.Errorf("%w: its entries make another tree", ErrDamaged), err))
		}
	}
	for _, h := range heads {
		err := h.validate()
		if err == nil {
			err = h.of(made, logHashes(m.tx, l.Name))
		}
		if err == nil {
			err = putJSON(m.tx, bucketLogHeads, entryKey(l.Name, h.Size), h)
		}
		if err != nil {
			return doing(err)
		}
	}
	made.Closed = l.Closed
	if err := putJSON(m.tx, bucketLogs, []byte(l.Name), made); err != nil {
		return doing(err)
	}
	if made.Closed.IsZero() {
		m.open = append(m.open, made)
	}
	m.log = ""
	return m.step(len(heads) * 1024)
}

// Tile is a tile of a log that has ended, see [merkle.Tile].
func (m *Import) Tile(log, path string) ([]byte, error) {
	var l Log
	if err := getJSON(m.tx, bucketLogs, []byte(log), &l); err != nil {
		return nil, fmt.Errorf("reading log %.40q: %w", log, err)
	}
	return merkle.Tile(path, l.Size, logHashes(m.tx, log))
}

// Close ends the store: the bits of its lists, and one audit log that takes entries. Of
// several, which the nodes of a database had, the last one opened is left open.
func (m *Import) Close() (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("importing into %s: %w", m.path, err)
		}
	}()
	if len(m.open) == 0 || m.log != "" {
		return fmt.Errorf("%w: no audit log of it takes entries, or one has no end", ErrInvalid)
	}
	slices.SortStableFunc(m.open, func(a, b Log) int { return a.Opened.Compare(b.Opened) })
	last := len(m.open) - 1
	for _, l := range m.open[:last] {
		l.Closed = time.Now().UTC().Truncate(time.Millisecond)
		if err := putJSON(m.tx, bucketLogs, []byte(l.Name), l); err != nil {
			return err
		}
	}
	err = errors.Join(put(m.tx, bucketMeta, logKey, []byte(m.open[last].Name)), m.tx.Bucket(bucketLogEntries).SetSequence(m.open[last].Size))
	for id, list := range m.lists {
		err = errors.Join(err, put(m.tx, bucketBits, []byte(id), list.bits.Bits()))
	}
	if err != nil {
		return err
	}
	tx := m.tx
	m.tx = nil
	if err := tx.Commit(); err != nil {
		return err
	}
	db := m.db
	m.db = nil
	return errors.Join(db.Sync(), db.Close(), syncPath(m.path))
}

// CheckImport checks the whole of a store that was imported and is not restored. It
// does not know what was erased since the archive was made.
func CheckImport(ctx context.Context, s Store, each ...func(Record) error) []error {
	return slices.DeleteFunc(Check(ctx, s, each...), func(err error) bool { return errors.Is(err, errKeyDestroyed) })
}
