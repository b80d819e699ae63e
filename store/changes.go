package store

import (
	"context"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"indeks/status"
)

func (s *boltStore) Change(ctx context.Context, id string, c Change) (Record, error) {
	if err := c.validate(); err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	var stored Record
	err := s.write(ctx, func(tx *bolt.Tx) (err error) {
		stored, err = change(tx, id, c)
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
	for _, text := range []string{c.Reason, c.By} {
		if err := validText(text); err != nil {
			return err
		}
	}
	return nil
}

// change moves a record to another state and its bits with it, in one
// transaction: a state that the next status list would not show is none.
func change(tx *bolt.Tx, id string, c Change) (Record, error) {
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
	return doc.Record, nil
}
