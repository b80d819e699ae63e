package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Kept is a credential, of whatever issuer, that a learner keeps on the page of one of
// ours. Its content is encrypted under a key that only the learner's own link has, so
// nothing here says what it is, or of whom.
//
// It is delivery data of the record whose page it is on, as a share is, and goes with
// it. A restoration leaves it as the copy has it: nobody but the learner can read it.
type Kept struct {
	ID      string    `json:"-"` // at random, without a slash
	Added   time.Time `json:"added"`
	Content []byte    `json:"content"`
}

// KeptKind is that of credentials that learners keep, which are delivery data.
const KeptKind = "kept"

// What one record's page keeps at most. Two that add at once may get a little over it.
const (
	MaxKept      = 50
	MaxKeptBytes = 8 << 20 // of all contents together
)

// PutKept keeps a credential on the page of a record. ErrTooMany where there are as
// many as there can be, or as much; ErrErased where the delivery data are; ErrRevision
// for an id that is there.
func PutKept(ctx context.Context, s Store, r Record, k Kept) error {
	doing := func(err error) error { return fmt.Errorf("keeping a credential beside %s: %w", r.ID, err) }
	have, err := KeptOf(ctx, s, r)
	if err != nil {
		return doing(err)
	}
	size := len(k.Content)
	for _, other := range have {
		size += len(other.Content)
	}
	if len(have) >= MaxKept || size > MaxKeptBytes {
		return doing(ErrTooMany)
	}
	body, err := json.Marshal(k)
	if err == nil {
		err = s.PutDocuments(ctx, []Document{{Kind: KeptKind, ID: r.keptID(k.ID), Body: body}})
	}
	if err != nil {
		return doing(err)
	}
	return nil
}

// KeptOf is what is kept on the page of a record, in the order in which it came.
func KeptOf(ctx context.Context, s Store, r Record) (all []Kept, err error) {
	prefix := r.keptID("")
	for d, err := range s.Documents(ctx, KeptKind, prefix, "") {
		if err != nil {
			return nil, err
		}
		k := Kept{ID: d.ID[len(prefix):]}
		if err := json.Unmarshal(d.Body, &k, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("%w: %s %.60q cannot be read", ErrDamaged, d.Kind, d.ID) // err could quote it
		}
		all = append(all, k)
	}
	slices.SortStableFunc(all, func(a, b Kept) int { return a.Added.Compare(b.Added) })
	return all, nil
}

// DropKept removes what is kept under an id at once. What is not there is no error.
func DropKept(ctx context.Context, s Store, r Record, id string) error {
	d, err := s.Document(ctx, KeptKind, r.keptID(id))
	if err == nil {
		d.Body = nil
		err = s.PutDocuments(ctx, []Document{d})
	}
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrRevision) { // another removed it: it never changes otherwise
		return fmt.Errorf("removing a credential beside %s: %w", r.ID, err)
	}
	return nil
}

func (r *Record) keptID(id string) string { return r.DeliveryID() + "/" + id }
