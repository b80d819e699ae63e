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
}

// validate says with ErrInvalid why a document cannot be put.
func (d *Document) validate() error {
	if err := validDocumentKey(d.Kind, d.ID); err != nil {
		return err
	}
	switch {
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
// the latter in seconds of Unix time or 0, each eight bytes big-endian.
const documentHead = 16

// sealed is a document as it is stored.
func (d *Document) sealed() []byte {
	value := make([]byte, 0, documentHead+len(d.Body))
	value = binary.BigEndian.AppendUint64(value, d.Revision)
	var end uint64
	if !d.Expires.IsZero() {
		end = uint64(d.Expires.Unix())
	}
	value = binary.BigEndian.AppendUint64(value, end)
	return seal(bucketDocuments, documentKey(d.Kind, d.ID), append(value, d.Body...))
}

// openDocument reads what sealed made, at a key.
func openDocument(key, stored []byte) (Document, error) {
	value, err := open(bucketDocuments, key, stored)
	if err != nil {
		return Document{}, err
	}
	kind, id, ok := bytes.Cut(key, []byte{0})
	if !ok || len(value) <= documentHead {
		return Document{}, fmt.Errorf("%w: the document %q has no body", ErrDamaged, key) // unreachable: its checksum fits
	}
	d := Document{Kind: string(kind), ID: string(id), Revision: binary.BigEndian.Uint64(value), Body: bytes.Clone(value[documentHead:])}
	if end := binary.BigEndian.Uint64(value[8:]); end != 0 {
		d.Expires = time.Unix(int64(end), 0).UTC()
	}
	return d, nil
}

// getDocument returns the document that is there, expired or not, or ErrNotFound.
func getDocument(tx *bolt.Tx, kind, id string) (Document, error) {
	key := documentKey(kind, id)
	stored := tx.Bucket(bucketDocuments).Get(key)
	if stored == nil {
		return Document{}, ErrNotFound
	}
	return openDocument(key, stored)
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
	return s.write(ctx, func(tx *bolt.Tx) error {
		for _, d := range docs {
			known, err := getDocument(tx, d.Kind, d.ID)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			if err := d.over(known.Revision); err != nil {
				return err
			}
		}
		// All checks are made: see write.
		for _, d := range docs {
			if d.Body == nil {
				if err := tx.Bucket(bucketDocuments).Delete(documentKey(d.Kind, d.ID)); err != nil {
					return err
				}
				continue
			}
			d.Revision++
			if err := tx.Bucket(bucketDocuments).Put(documentKey(d.Kind, d.ID), d.sealed()); err != nil {
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

func (s *boltStore) Document(ctx context.Context, kind, id string) (d Document, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		d, err = getDocument(tx, kind, id)
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
					d, err := openDocument(k, v)
					found, size, last = append(found, result{d, err}), size+len(v), bytes.Clone(k)
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

// checkDocuments reads every document once.
func checkDocuments(tx *bolt.Tx, report func(format string, args ...any)) error {
	return tx.Bucket(bucketDocuments).ForEach(func(key, stored []byte) error {
		d, err := openDocument(key, stored)
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
