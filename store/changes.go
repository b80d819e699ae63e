package store

import (
	"context"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
	"indeks/status"
)

func (s *boltStore) Change(ctx context.Context, id string, c Change) (Record, error) {
	if err := c.validate(); err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	var stored Record
	by := s.author(ctx)
	err := s.write(ctx, func(tx *bolt.Tx) (err error) {
		stored, err = change(tx, by, id, c)
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	return stored, nil
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
	doc, _, err := byID.find(tx, []byte(s.ID))
	switch {
	case err != nil:
		return fmt.Errorf("looking for what is superseded: %w", err)
	case doc.State != Issued:
		return fmt.Errorf("superseding %s: %w: it is %s", s.ID, ErrState, doc.State)
	}
	return nil
}

// supersede revokes what a record supersedes.
func supersede(tx *bolt.Tx, by author, r *Record) error {
	if r.Supersedes == nil {
		return nil
	}
	if err := supersedable(tx, r.Supersedes); err != nil {
		return err
	}
	c := r.Supersedes.Change
	c.Successor = r.ID
	if _, err := change(tx, by, r.Supersedes.ID, c); err != nil {
		return err
	}
	_, err := by.logged(tx, Event{Kind: KindCorrected, Object: r.Supersedes.ID, Result: r.ID})
	return err
}

// change moves a record to another state and its bits with it, in one
// transaction: a state that the next status list would not show is none.
func change(tx *bolt.Tx, by author, id string, c Change) (Record, error) {
	doc, key, err := byID.find(tx, []byte(id))
	if err != nil {
		return Record{}, err
	}

	// 1. Reserved is nothing yet that could change, and revoked is final.
	if doc.State == c.State {
		return doc.Record, nil
	}
	if doc.State == Reserved || doc.State == Revoked {
		return Record{}, fmt.Errorf("%w: it is %s", ErrState, doc.State)
	}
	c.At = c.At.UTC().Round(0)
	doc.Changes = append(doc.Changes, c)
	doc.State = c.State

	// 2. The bits. A state needs a list that shows it.
	changed := map[string]*status.List{}
	shown := c.State == Issued
	for _, e := range doc.Entries {
		shown = shown || c.State == Revoked && e.Purpose == status.Revocation || c.State == Suspended && e.Purpose == status.Suspension
		bits, err := getBits(tx, e.List)
		if err != nil {
			return Record{}, err
		}
		was, err := bits.Get(e.Index)
		if err != nil {
			return Record{}, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		on := doc.Bit(e.Purpose)
		if was == on || was && e.Purpose == status.Revocation { // which is never cleared, whoever set it
			continue
		}
		if err := bits.Set(e.Index, on); err != nil {
			return Record{}, fmt.Errorf("%w: %w", ErrDamaged, err) // unreachable: Get has taken the index
		}
		changed[e.List] = bits
	}
	if !shown {
		return Record{}, fmt.Errorf("%w: no status list of it shows %s", ErrState, c.State)
	}

	// 3. All checks are made: see write.
	for list, bits := range changed {
		if err := put(tx, bucketBits, []byte(list), bits.Bits()); err != nil {
			return Record{}, err
		}
	}
	if err := putJSON(tx, bucketRecords, key, doc); err != nil {
		return Record{}, err
	}
	_, err = by.loggedWith(tx, Event{Kind: changeKinds[c.State], Object: id, Result: fmt.Sprintf("%.100s", c.Code)}, nil, func(secret []byte) (merkle.Hash, error) { return changeDigest(secret, c) })
	return doc.Record, err
}
