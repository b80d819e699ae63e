package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Document is something that is kept beside the records and changes as a whole:
// a job, an approval that is waited for, a share. The store looks at its place
// and its revision, never into its body.
type Document struct {
	Kind     string    // what it is, e.g. "job"
	ID       string    // among those of its kind
	Revision uint64    // 1 when it is first put, one more with each change; 0: not there
	Expires  time.Time // whole seconds, UTC; from then on nobody should heed it; zero: never
	Body     []byte    // nil, when put: it is removed

	// Under names the data key that the body lies under, where that is to be destroyed
	// when this document is over (see [Forget]): a month, YYYY-MM, a slash and a name
	// that nothing else has. "": the key that the documents of its kind share whose ids
	// begin with the same word.
	Under string
}

// maxUnder bounds Document.Under, in bytes.
const maxUnder = 128

// validUnder reports whether a text can be Document.Under.
func validUnder(under string) bool {
	month, name, _ := strings.Cut(under, "/")
	_, err := time.Parse("2006-01", month)
	return err == nil && name != "" && len(under) <= maxUnder && validText(under) == nil
}

// DataKey names the data key that the body lies under, as [Forget] takes it; "" for
// delivery data of a record and for what payloads have in common.
func (d *Document) DataKey() string {
	p := d.place()
	switch {
	case p.class != Papers || isBase(d.Kind):
		return ""
	case d.Under != "":
		return d.Under
	}
	return p.name
}

// validate says with ErrInvalid why a document cannot be put.
func (d *Document) validate() error {
	if err := validDocumentKey(d.Kind, d.ID); err != nil {
		return err
	}
	if _, _, err := d.delivers(); err != nil {
		return err
	}
	switch {
	case d.Under != "" && (!validUnder(d.Under) || isBase(d.Kind)):
		return fmt.Errorf("%w: data key %.60q of a document of kind %.40q", ErrInvalid, d.Under, d.Kind)
	case d.Body != nil && len(d.Body) == 0, len(d.Body) > maxBlob:
		return fmt.Errorf("%w: body of %d bytes", ErrInvalid, len(d.Body))
	case d.Body == nil && d.Revision == 0:
		return fmt.Errorf("%w: what is not there cannot be removed", ErrInvalid)
	case !d.Expires.IsZero() && (!d.Expires.Equal(d.Expires.Truncate(time.Second)) || d.Expires.Location() != time.UTC || d.Expires.Unix() <= 0):
		return fmt.Errorf("%w: end %v is not in whole seconds of UTC", ErrInvalid, d.Expires)
	}
	return nil
}

// over is ErrRevision where another revision than that of d is stored.
func (d *Document) over(stored uint64) error {
	if stored == d.Revision {
		return nil
	}
	return fmt.Errorf("putting %s %q over revision %d: %w: it is at %d", d.Kind, d.ID, d.Revision, ErrRevision, stored)
}

// validDocumentKey holds what documentKey needs to be unambiguous.
func validDocumentKey(kind, id string) error {
	for _, s := range []string{kind, id} {
		if err := validText(s); err != nil {
			return err
		}
		if s == "" || len(s) > maxKey || strings.ContainsRune(s, 0) {
			return fmt.Errorf("%w: document %.40q, %.40q: not 1 to %d bytes without NUL", ErrInvalid, kind, id, maxKey)
		}
	}
	return nil
}

// documentKey is the place of a document; without an id, the prefix of its kind.
func documentKey(kind, id string) []byte {
	return append(append([]byte(kind), 0), id...)
}

// documentHead is the length of what stands before the body: revision and end,
// the latter in seconds of Unix time or 0, each eight bytes big-endian. With underBit in
// the end, a byte that is the length of Document.Under follows, and then that.
const (
	documentHead = 16
	underBit     = 1 << 63
)

// deliveryKinds are the kinds of documents that are delivery data of a record: what
// was sent to somebody, and where to, what the learner shares, and keeps of others. They
// lie under the record's own key of class Delivery, and Erase takes them with it.
var deliveryKinds = []string{LetterKind, ShareKind, DeviceKind, ReportKind, KeptKind}

// LetterKind is that of letters, whose ids begin with [Record.DeliveryID].
const LetterKind = "letter"

// DeviceKind is that of what is known of the devices that open the learner's page,
// and ReportKind that of what the learner reports; both are named as letters are.
const (
	DeviceKind = "device"
	ReportKind = "report"
)

// DeliveryID is what the ids of documents begin with that are delivery data of the
// record; a slash and more follow.
func (r *Record) DeliveryID() string { return r.SealingTime.Format("2006-01") + "/" + r.ID }

// delivers returns where the data of class Delivery lie that a document belongs to;
// ok is false for a document that is no delivery data.
func (d *Document) delivers() (p place, ok bool, err error) {
	if !slices.Contains(deliveryKinds, d.Kind) {
		return place{}, false, nil
	}
	month, rest, _ := strings.Cut(d.ID, "/")
	record, own, _ := strings.Cut(rest, "/")
	p = place{Delivery, month, record}
	if _, err := p.path(); err != nil || month == "" || record == "" || own == "" {
		return place{}, true, fmt.Errorf("%w: %s %.60q is not named by a month, a record and more", ErrInvalid, d.Kind, d.ID)
	}
	return p, true, nil
}

// place is that of the data key of a document: one of its own where it names one, that of
// its record where it is delivery data, and else one that those of a kind share whose ids
// begin with the same word before a slash.
func (d *Document) place() place {
	if month, name, ok := strings.Cut(d.Under, "/"); ok {
		return place{Papers, month, "under/" + name}
	}
	if p, ok, err := d.delivers(); ok && err == nil {
		return p
	}
	first, _, _ := strings.Cut(d.ID, "/")
	return place{Papers, "", d.Kind + "/" + first}
}

// partBody is the one part of a document that is encrypted.
const partBody = "body"

// sealed is a document as it is stored: its body, where there is one, under its data key.
func (d *Document) sealed(keys *DataKeys) ([]byte, error) {
	body, err := keys.seal(d.place(), partBody, d.Body)
	if err != nil {
		return nil, fmt.Errorf("putting %s %q: %w", d.Kind, d.ID, err)
	}
	value := make([]byte, 0, documentHead+1+len(d.Under)+len(body))
	value = binary.BigEndian.AppendUint64(value, d.Revision)
	var end uint64
	if !d.Expires.IsZero() {
		end = uint64(d.Expires.Unix())
	}
	if d.Under != "" {
		end |= underBit
	}
	value = binary.BigEndian.AppendUint64(value, end)
	if d.Under != "" {
		value = append(append(value, byte(len(d.Under))), d.Under...)
	}
	return seal(bucketDocuments, documentKey(d.Kind, d.ID), append(value, body...)), nil
}

// openDocument reads what sealed made, at a key. ErrNotFound where it is erased.
func (k *DataKeys) openDocument(key, stored []byte) (Document, error) {
	d, err := readDocumentHead(key, stored)
	if err != nil {
		return Document{}, err
	}
	d.Body, err = k.unseal(d.place(), partBody, d.Body)
	if errors.Is(err, ErrErased) {
		err = ErrNotFound
	}
	if err != nil {
		return Document{}, fmt.Errorf("the document %q: %w", key, err)
	}
	return d, nil
}

// readDocumentHead is openDocument without decrypting the body.
func readDocumentHead(key, stored []byte) (Document, error) {
	value, err := open(bucketDocuments, key, stored)
	if err != nil {
		return Document{}, err
	}
	kind, id, ok := bytes.Cut(key, []byte{0})
	if !ok || len(value) <= documentHead {
		return Document{}, fmt.Errorf("%w: the document %q has no body", ErrDamaged, key) // unreachable: its checksum fits
	}
	d := Document{Kind: string(kind), ID: string(id), Revision: binary.BigEndian.Uint64(value), Body: value[documentHead:]}
	end := binary.BigEndian.Uint64(value[8:])
	if end&underBit != 0 {
		n := int(d.Body[0])
		if len(d.Body) <= 1+n {
			return Document{}, fmt.Errorf("%w: the document %q has no body", ErrDamaged, key) // unreachable: its checksum fits
		}
		d.Under, d.Body = string(d.Body[1:1+n]), d.Body[1+n:]
	}
	if end &^= underBit; end != 0 {
		d.Expires = time.Unix(int64(end), 0).UTC()
	}
	return d, nil
}

// getDocument returns the document that is there, expired or not, or ErrNotFound.
func getDocument(tx *bolt.Tx, keys *DataKeys, kind, id string) (Document, error) {
	key := documentKey(kind, id)
	stored := tx.Bucket(bucketDocuments).Get(key)
	if stored == nil {
		return Document{}, ErrNotFound
	}
	return keys.openDocument(key, stored)
}

// validDocuments says with ErrInvalid why documents and events cannot be put.
func validDocuments(docs []Document, events []Event) error {
	for i := range events {
		if err := events[i].validate(); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, d := range docs {
		err := d.validate()
		if err == nil {
			err = d.keepsBase()
		}
		if key := string(documentKey(d.Kind, d.ID)); err == nil && seen[key] {
			err = fmt.Errorf("%w: given twice", ErrInvalid)
		} else {
			seen[key] = true
		}
		if err != nil {
			return fmt.Errorf("putting %.40s %.60q: %w", d.Kind, d.ID, err)
		}
	}
	return nil
}

func (s *boltStore) PutDocuments(ctx context.Context, docs []Document, events ...Event) error {
	if err := validDocuments(docs, events); err != nil {
		return err
	}
	by := s.author(ctx)
	sealed := make([][]byte, len(docs)) // before all others have to wait
	for i, d := range docs {
		if d.Body != nil {
			d.Revision++
			var err error
			if sealed[i], err = d.sealed(s.keys); err != nil {
				return err
			}
		}
	}
	return s.write(ctx, func(tx *bolt.Tx) error {
		for _, d := range docs {
			var known Document
			key := documentKey(d.Kind, d.ID)
			if stored := tx.Bucket(bucketDocuments).Get(key); stored != nil {
				var err error
				if known, err = readDocumentHead(key, stored); err != nil {
					return err
				}
			}
			if err := d.over(known.Revision); err != nil {
				return err
			}
		}
		// All checks are made: see write.
		for i, d := range docs {
			if d.Body == nil {
				if err := tx.Bucket(bucketDocuments).Delete(documentKey(d.Kind, d.ID)); err != nil {
					return err
				}
				continue
			}
			if err := tx.Bucket(bucketDocuments).Put(documentKey(d.Kind, d.ID), sealed[i]); err != nil {
				return err
			}
		}
		for _, ev := range events {
			if _, err := by.logged(tx, ev); err != nil {
				return err
			}
		}
		return nil
	})
}

// keptDocument is a document as it is stored, at its key.
type keptDocument struct {
	Document
	key, value []byte
}

// beside returns documents that come with a change of a record as they are stored;
// what is delivery data of a record that has none any more is left out. ErrInvalid
// for one that cannot be new.
func (k *DataKeys) beside(docs []Document) (kept []keptDocument, err error) {
	if err := validDocuments(docs, nil); err != nil {
		return nil, err
	}
	for _, d := range docs {
		if d.Revision != 0 {
			return nil, fmt.Errorf("putting %.40s %.60q: %w: revision %d of what is to be new", d.Kind, d.ID, ErrInvalid, d.Revision)
		}
		d.Revision = 1
		value, err := d.sealed(k)
		if errors.Is(err, ErrErased) {
			continue
		}
		if err != nil {
			return nil, err
		}
		kept = append(kept, keptDocument{d, documentKey(d.Kind, d.ID), value})
	}
	return kept, nil
}

// putBeside puts those that are not there yet.
func putBeside(tx *bolt.Tx, kept []keptDocument) error {
	for _, d := range kept {
		if tx.Bucket(bucketDocuments).Get(d.key) != nil {
			continue
		}
		if err := tx.Bucket(bucketDocuments).Put(d.key, d.value); err != nil {
			return err
		}
	}
	return nil
}

// dropDelivered removes the documents that are delivery data of a record.
func dropDelivered(tx *bolt.Tx, r *Record) error {
	for _, kind := range deliveryKinds {
		var keys [][]byte
		first := documentKey(kind, r.DeliveryID()+"/")
		c := tx.Bucket(bucketDocuments).Cursor()
		for k, _ := c.Seek(first); k != nil && bytes.HasPrefix(k, first); k, _ = c.Next() {
			keys = append(keys, bytes.Clone(k))
		}
		for _, k := range keys {
			if err := tx.Bucket(bucketDocuments).Delete(k); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *boltStore) Document(ctx context.Context, kind, id string) (d Document, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		d, err = getDocument(tx, s.keys, kind, id)
		return err
	})
	if err != nil {
		return Document{}, fmt.Errorf("reading %.40s %.60q: %w", kind, id, err)
	}
	return d, nil
}

// stepDocuments bounds one step of Documents, and stepBytes what it holds.
const (
	stepDocuments = 256
	stepBytes     = 4 << 20
)

func (s *boltStore) Documents(ctx context.Context, kind, prefix, after string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		first := documentKey(kind, prefix)
		last := documentKey(kind, after)
		if after == "" {
			last = nil
		}
		for {
			type result struct {
				document Document
				err      error
			}
			var found []result
			size, more := 0, false
			err := s.view(ctx, func(tx *bolt.Tx) error {
				c := tx.Bucket(bucketDocuments).Cursor()
				from := first
				if next := append(slices.Clone(last), 0); bytes.Compare(last, first) >= 0 && last != nil {
					from = next // the key that follows last in order
				}
				for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, first); k, v = c.Next() {
					if len(found) == stepDocuments || size >= stepBytes {
						more = true
						return nil
					}
					d, err := s.keys.openDocument(k, v)
					if !errors.Is(err, ErrNotFound) { // or erased
						found = append(found, result{d, err})
					}
					size, last = size+len(v), bytes.Clone(k)
				}
				return nil
			})
			if err != nil {
				yield(Document{}, fmt.Errorf("going through the documents of kind %.40q: %w", kind, err))
				return
			}
			for _, f := range found {
				if !yield(f.document, f.err) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

func (s *boltStore) EraseDocuments(ctx context.Context, kind, id string) error {
	e, err := papers(kind, id)
	if err != nil {
		return err
	}
	if s.keys == nil {
		return fmt.Errorf("erasing documents of kind %.40q: %w", kind, ErrDataKeys)
	}
	by := s.author(ctx)
	forgotten, err := s.keys.beside([]Document{forgottenDocument(e)})
	if err != nil {
		return fmt.Errorf("erasing documents of kind %.40q: %w", kind, err)
	}
	err = s.write(ctx, func(tx *bolt.Tx) error {
		var keys [][]byte
		first := documentKey(kind, id)
		c := tx.Bucket(bucketDocuments).Cursor()
		for k, _ := c.Seek(first); k != nil && bytes.HasPrefix(k, first); k, _ = c.Next() {
			if rest := k[len(first):]; len(rest) == 0 || rest[0] == '/' {
				keys = append(keys, bytes.Clone(k))
			}
		}
		for _, k := range keys {
			if err := tx.Bucket(bucketDocuments).Delete(k); err != nil {
				return err
			}
		}
		if len(keys) == 0 {
			return nil
		}
		if err := putBeside(tx, forgotten); err != nil {
			return err
		}
		_, err := by.logged(tx, e.event(id))
		return err
	})
	if err == nil {
		err = s.keys.destroy(ctx, []Erasure{e})
	}
	if err != nil {
		return fmt.Errorf("erasing documents of kind %.40q: %w", kind, err)
	}
	return nil
}

// papers is the erasure of the documents of a kind that share a data key.
func papers(kind, id string) (Erasure, error) {
	err := validDocumentKey(kind, id)
	if err == nil && strings.Contains(id, "/") {
		err = fmt.Errorf("%w: %.60q goes beyond what shares a data key", ErrInvalid, id)
	}
	if isBase(kind) {
		err = fmt.Errorf("%w: payloads rest on it", ErrInvalid)
	}
	if slices.Contains(deliveryKinds, kind) {
		err = fmt.Errorf("%w: it is erased with its record's delivery data", ErrInvalid)
	}
	return Erasure{ID: kind + "/" + id, Class: Papers, At: time.Now().UTC().Truncate(time.Second)}, err
}

// checkDocuments reads every document once.
func checkDocuments(tx *bolt.Tx, keys *DataKeys, report func(format string, args ...any)) error {
	return tx.Bucket(bucketDocuments).ForEach(func(key, stored []byte) error {
		d, err := keys.openDocument(key, stored)
		if errors.Is(err, ErrNotFound) {
			err = errKeyDestroyed
		}
		if err == nil {
			err = d.validate()
		}
		if err == nil && d.Revision == 0 {
			err = fmt.Errorf("%w: revision 0", ErrDamaged)
		}
		if err != nil {
			report("document %q: %w", key, err)
		}
		return nil
	})
}
