package issuer

import (
	"context"
	"fmt"
	"slices"

	"indeks/store"
)

// OnePersonError is ErrSameActor where who asks and who decides are two by name, and
// somebody could be both: who gave one of them, or both, the password that they sign in
// with.
type OnePersonError struct{ Name string } // as the log names them

func (e *OnePersonError) Error() string {
	return e.Name + " could be both who asked for it and who decides on it"
}

func (e *OnePersonError) Is(target error) bool { return target == ErrSameActor }

// personsOf returns all who could be whoever acts under a name.
func (i *Issuer) personsOf(ctx context.Context, name string) ([]string, error) {
	if i.persons == nil {
		return []string{name}, nil
	}
	all, err := i.persons(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("finding out who %s could be: %w", name, err)
	}
	return all, nil
}

// apart returns ErrSameActor where by asked, or *OnePersonError where somebody could be
// by and be, or have been when it was asked for, one of askers.
func (i *Issuer) apart(ctx context.Context, askedBy string, askers []string, by string) error {
	if askedBy == by {
		return ErrSameActor
	}
	deciders, err := i.personsOf(ctx, by)
	if err != nil {
		return err
	}
	now, err := i.personsOf(ctx, askedBy)
	if err != nil {
		return err
	}
	for _, name := range deciders {
		if slices.Contains(askers, name) || slices.Contains(now, name) {
			return &OnePersonError{name}
		}
	}
	return nil
}

// logRefused logs that somebody wanted to decide on what they may not.
func (i *Issuer) logRefused(ctx context.Context, object, by string, why error) error {
	if _, ok := why.(*OnePersonError); !ok {
		return why
	}
	if err := i.store.Append(ctx, store.Event{Kind: store.KindApprovalRefused, Actor: by, Object: object, Result: fmt.Sprintf("not decided: %.150s", why)}); err != nil {
		return fmt.Errorf("%w; it is not logged: %w", why, err)
	}
	return why
}

// MayDecide says whether somebody may decide on what waits: ErrSameActor, of which
// *OnePersonError is a kind.
func (i *Issuer) MayDecide(ctx context.Context, a Approval, by string) error {
	return i.apart(ctx, a.AskedBy, a.Askers, by)
}

// MayConfirm says so of an erasure.
func (i *Issuer) MayConfirm(ctx context.Context, q ErasureRequest, by string) error {
	return i.apart(ctx, q.AskedBy, q.Askers, by)
}
