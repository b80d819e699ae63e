package store

import (
	"context"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
	"indeks/status"
)

func (s *boltStore) Change(ctx context.Context, id string, c Change, with ...Document) (Record, error) {
	err := c.validate()
	var beside []keptDocument
	if err == nil {
		beside, err = s.keys.beside(with)
	}
	if err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	var stored recordDoc
	by := s.author(ctx)
	err = s.write(ctx, func(tx *bolt.Tx) (err error) {
		var moved bool
		if stored, moved, err = change(tx, by, s.keys, id, c); err != nil || !moved {
			return err
		}
		return putBeside(tx, beside)
	})
	if err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	if r, err := stored.open(s.keys); err == nil {
		return r, nil
	}
	return stored.Record, nil // it is changed, and need not be legible for that
}

func (c *Change) validate() error {
	if !slices.Contains([]State{Issued, Suspended, Revoked}, c.State) {
		return fmt.Errorf("%w: no change leads to state %.40q", ErrInvalid, c.State)
	}
	if c.At.IsZero() {
		return fmt.Errorf("%w: no time", ErrInvalid)
	}
	if c.Successor != "" {
		return fmt.Errorf("%w: a successor is not named, it comes with its own record", ErrInvalid)
	}
	for _, text := range []string{c.Code, c.Reason, c.By} {
		if err := validText(text); err != nil {
			return err
		}
	}
	return nil
}

// validate says with ErrInvalid why a record cannot supersede as said.
func (s *Supersession) validate() error {
	switch {
	case s == nil:
		return nil
	case s.ID == "" || len(s.ID) > maxKey:
		return fmt.Errorf("%w: it supersedes an id of %d bytes", ErrInvalid, len(s.ID))
	case s.Change.State != Revoked:
		return fmt.Errorf("%w: what is superseded is revoked, not %.40q", ErrInvalid, s.Change.State)
	}
	return s.Change.validate()
}

// supersedable returns ErrState unless the record that another is to supersede
// is issued.
func supersedable(tx *bolt.Tx, s *Supersession) error {
	if s == nil {
		return nil
	}
	doc, _, err := byID.at(tx, []byte(s.ID))
	return s.fits(doc.State, err)
}

// fits is ErrState unless the other record, found with err, is issued.
func (s *Supersession) fits(other State, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("looking for what is superseded: %w", err)
	case other != Issued:
		return fmt.Errorf("superseding %s: %w: it is %s", s.ID, ErrState, other)
	}
	return nil
}

// supersession is the change of what a record supersedes.
func (r *Record) supersession() Change {
	c := r.Supersedes.Change
	c.At = c.At.UTC().Round(0)
	c.Successor = r.ID
	return c
}

// supersede revokes what a record supersedes.
func supersede(tx *bolt.Tx, by author, keys *DataKeys, r *Record) error {
	if r.Supersedes == nil {
		return nil
	}
	if err := supersedable(tx, r.Supersedes); err != nil {
		return err
	}
	if _, _, err := change(tx, by, keys, r.Supersedes.ID, r.supersession()); err != nil {
		return err
	}
	_, err := by.logged(tx, Event{Kind: KindCorrected, Object: r.Supersedes.ID, Result: r.ID})
	return err
}

// move takes a record to another state, or says with ErrState why it cannot get
// there; moved is false where it is there already.
func (doc *recordDoc) move(keys *DataKeys, c Change) (moved bool, err error) {
	// Reserved is nothing yet that could change, and revoked is final.
	if doc.State == c.State {
		return false, nil
	}
	if doc.State == Reserved || doc.State == Revoked {
		return false, fmt.Errorf("%w: it is %s", ErrState, doc.State)
	}
	// A state needs a list that shows it.
	shown := c.State == Issued || slices.ContainsFunc(doc.Entries, func(e Entry) bool {
		return c.State == Revoked && e.Purpose == status.Revocation || c.State == Suspended && e.Purpose == status.Suspension
	})
	if !shown {
		return false, fmt.Errorf("%w: no status list of it shows %s", ErrState, c.State)
	}
	if doc.clear() {
		doc.Changes = append(doc.Changes, c)
	} else if err := keys.addChange(&doc.Record, doc.Personal, c); err != nil {
		return false, err
	}
	doc.State = c.State
	return true, nil
}

// changed is what the log is told of a change of a record.
func (doc *recordDoc) changed(c Change) (Event, func(secret []byte) (merkle.Hash, error)) {
	return Event{Kind: changeKinds[c.State], Object: doc.ID, Result: fmt.Sprintf("%.100s", c.Code)}, func(secret []byte) (merkle.Hash, error) { return changeDigest(secret, c) }
}

// change moves a record to another state and its bits with it, in one
// transaction: a state that the next status list would not show is none. moved is
// false where it was there already.
func change(tx *bolt.Tx, by author, keys *DataKeys, id string, c Change) (doc recordDoc, moved bool, err error) {
	doc, key, err := byID.at(tx, []byte(id))
	if err != nil {
		return recordDoc{}, false, err
	}

	c.At = c.At.UTC().Round(0)
	before := doc.listedStates()
	if moved, err = doc.move(keys, c); err != nil || !moved {
		return doc, false, err
	}

	// 1. The bits.
	changed := map[string]*status.List{}
	for _, e := range doc.Entries {
		bits, err := getBits(tx, e.List)
		if err != nil {
			return recordDoc{}, false, err
		}
		was, err := bits.Get(e.Index)
		if err != nil {
			return recordDoc{}, false, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		on := doc.Bit(e.Purpose)
		if was == on || was && e.Purpose == status.Revocation { // which is never cleared, whoever set it
			continue
		}
		if err := bits.Set(e.Index, on); err != nil {
			return recordDoc{}, false, fmt.Errorf("%w: %w", ErrDamaged, err) // unreachable: Get has taken the index
		}
		changed[e.List] = bits
	}

	// 2. All checks are made: see write.
	for list, bits := range changed {
		if err := put(tx, bucketBits, []byte(list), bits.Bits()); err != nil {
			return recordDoc{}, false, err
		}
	}
	if err := putJSON(tx, bucketRecords, key, &doc); err != nil {
		return recordDoc{}, false, err
	}
	if err := listStates(tx, key, before, &doc.Record); err != nil {
		return recordDoc{}, false, err
	}
	ev, digest := doc.changed(c)
	_, err = by.loggedWith(tx, ev, nil, digest)
	return doc, true, err
}
