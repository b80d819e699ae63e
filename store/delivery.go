package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	bolt "go.etcd.io/bbolt"
)

// validDelivery says with ErrInvalid why nothing is delivered so.
func validDelivery(email, link string) error {
	if link == "" || len(link) > maxKey || strings.ContainsRune(link, 0) {
		return fmt.Errorf("%w: link of %d bytes, not 1 to %d without NUL", ErrInvalid, len(link), maxKey)
	}
	return errors.Join(validText(email), validText(link))
}

// deliver puts another address and another link into a record that is kept under
// keys, and says what the log is told; "" where nothing changes.
func (doc *recordDoc) deliver(keys *DataKeys, email, link string) (said string, err error) {
	if doc.Erased(Delivery) {
		return "", ErrErased
	}
	if doc.State == Reserved {
		return "", fmt.Errorf("%w: it is %s", ErrState, doc.State)
	}
	r, err := doc.open(keys)
	switch {
	case err != nil:
		return "", err
	case r.Link == link && r.Email == email:
		return "", nil
	case r.Link == link:
		said = "address"
	case r.Email == email:
		said = "link"
	default:
		said = "address and link"
	}
	sealed, err := keys.sealJSON(doc.place(Delivery), partDelivery, &delivery{link, email})
	if err != nil {
		return "", err
	}
	p, blind := *doc.Personal, map[string][]byte{}
	for kind, entry := range doc.Blind {
		blind[kind] = entry
	}
	p.Delivery, blind[byLink.kind] = sealed, keys.blind(byLink.kind, link)
	doc.Personal, doc.Blind = &p, blind
	return said, nil
}

func (s *boltStore) PutDelivery(ctx context.Context, id, email, link string, with ...Document) (Record, error) {
	err := validDelivery(email, link)
	var beside []keptDocument
	if err == nil {
		beside, err = s.keys.beside(with)
	}
	if err != nil {
		return Record{}, fmt.Errorf("putting where %.100q is delivered: %w", id, err)
	}
	var stored recordDoc
	by := s.author(ctx)
	err = s.write(ctx, func(tx *bolt.Tx) (err error) {
		stored, err = deliver(tx, by, s.keys, id, email, link, beside)
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("putting where %.100q is delivered: %w", id, err)
	}
	return stored.open(s.keys)
}

func deliver(tx *bolt.Tx, by author, keys *DataKeys, id, email, link string, beside []keptDocument) (recordDoc, error) {
	// 1. All checks come before the first change: see write. A record in the clear is
	// encrypted first, which makes of it what is judged then.
	doc, key, err := byID.at(tx, []byte(id))
	if err != nil {
		return recordDoc{}, err
	}
	if doc.State == Reserved {
		return recordDoc{}, fmt.Errorf("%w: it is %s", ErrState, doc.State)
	}
	if other, _, err := byLink.find(tx, keys, []byte(link)); err == nil && other.ID != id {
		return recordDoc{}, fmt.Errorf("its link: %w", ErrIDTaken)
	} else if err != nil && !errors.Is(err, ErrNotFound) {
		return recordDoc{}, err
	}
	if doc.clear() {
		if err := encryptRecord(tx, keys, key); err != nil {
			return recordDoc{}, fmt.Errorf("encrypting what is in the clear: %v", err) // no sentinel: see write
		}
		if doc, err = getDoc(tx, key); err != nil {
			return recordDoc{}, err
		}
	}
	was := byLink.entry(&doc)
	said, err := doc.deliver(keys, email, link)
	if err != nil || said == "" {
		return doc, err
	}

	// 2. The record, what leads to it, and what comes with it.
	if now := byLink.entry(&doc); !bytes.Equal(was, now) {
		if err := errors.Join(tx.Bucket(byLink.bucket).Delete(was), tx.Bucket(byLink.bucket).Put(now, key)); err != nil {
			return recordDoc{}, err
		}
	}
	if err := putJSON(tx, bucketRecords, key, &doc); err != nil {
		return recordDoc{}, err
	}
	if err := putBeside(tx, beside); err != nil {
		return recordDoc{}, err
	}
	_, err = by.logged(tx, Event{Kind: KindReaddressed, Object: id, Result: said})
	return doc, err
}

func (s *postgresStore) PutDelivery(ctx context.Context, id, email, link string, with ...Document) (Record, error) {
	err := validDelivery(email, link)
	var beside []keptDocument
	if err == nil {
		beside, err = s.keys.beside(with)
	}
	if err == nil && s.keys == nil {
		err = ErrDataKeys
	}
	if err != nil {
		return Record{}, fmt.Errorf("putting where %.100q is delivered: %w", id, err)
	}
	var sequence int64
	var doc recordDoc
	var taken bool
	other := recordDoc{Blind: map[string][]byte{byLink.kind: s.keys.blind(byLink.kind, link)}}
	d := &deed{uses: []string{"record " + id, "link " + other.blindText(byLink)}}
	d.look = func(b *pgx.Batch) {
		queueLocked(b, id, &sequence, &doc)
		b.Queue("SELECT EXISTS (SELECT 1 FROM records WHERE link = $1 AND id <> $2)", other.blindText(byLink), id).QueryRow(func(row pgx.Row) error { return row.Scan(&taken) })
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		switch {
		case sequence < 0:
			return ErrNotFound
		case taken:
			return fmt.Errorf("its link: %w", ErrIDTaken)
		}
		said, err := doc.deliver(s.keys, email, link)
		if err != nil || said == "" {
			return err
		}
		sealed, err := sealJSON(bucketRecords, sequenceKey(uint64(sequence)), &doc)
		if err != nil {
			return err
		}
		b.Queue("UPDATE records SET link = $2, doc = $3 WHERE sequence = $1", sequence, doc.blindText(byLink), sealed)
		queueBeside(b, beside)
		_, err = log.enter(d.by, Event{Kind: KindReaddressed, Object: id, Result: said}, nil, nil)
		return err
	}
	if err := s.do(ctx, d); err != nil {
		return Record{}, fmt.Errorf("putting where %.100q is delivered: %w", id, err)
	}
	return doc.open(s.keys)
}
