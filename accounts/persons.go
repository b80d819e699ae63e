package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"indeks/store"
)

// Errors of confirming that an account is a person's own.
var (
	ErrNotApart = errors.New("who confirms it could be that person, or who gave it its password")
	ErrNotSetUp = errors.New("nobody has set up the account with a password or passkey of their own")
)

// accountActor begins the names under which accounts act.
const accountActor = "account "

// Persons returns all who could be whoever acts under a name, that name first. An
// account could be whoever gave it its first password, who could be whoever gave them
// theirs, and so on, until somebody else has confirmed that it is another person. What
// the command line gives is given by whoever has the server itself, which no rule at a
// desk holds; a provider's people are who the provider says.
func (a *Accounts) Persons(ctx context.Context, actor string) (all []string, err error) {
	for next := actor; ; {
		all = append(all, next)
		name, local := strings.CutPrefix(next, accountActor)
		if !local || !validName.MatchString(name) {
			return all, nil
		}
		account, _, err := a.get(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading account %s: %w", name, err)
		}
		next = account.GivenBy
		if account.Confirmed != "" || !strings.HasPrefix(next, accountActor) || slices.Contains(all, next) {
			return all, nil
		}
	}
}

// Unconfirmed reports whether somebody at a desk has given an account its password, and
// nobody has confirmed that it is another person.
func (a *Account) Unconfirmed() bool {
	return a.Local() && a.Closed.IsZero() && a.Confirmed == "" && strings.HasPrefix(a.GivenBy, accountActor)
}

// Confirm puts on record that the account is of another person than the one who gave it
// its password. Who says so is neither of them, nor could be: ErrNotApart. ErrNotSetUp
// while its password is still the one that was given; store.ErrNotFound.
func (a *Accounts) Confirm(ctx context.Context, name, by string) error {
	err := a.change(ctx, name, func(account *Account) (store.Event, error) {
		switch {
		case !account.Unconfirmed():
			return store.Event{}, store.ErrNotFound
		case account.State() != "open" || account.CodeUnset:
			return store.Event{}, ErrNotSetUp
		}
		theirs, err := a.Persons(ctx, account.Actor())
		if err != nil {
			return store.Event{}, err
		}
		ours, err := a.Persons(ctx, by)
		if err != nil {
			return store.Event{}, err
		}
		if slices.ContainsFunc(ours, func(one string) bool { return slices.Contains(theirs, one) }) {
			return store.Event{}, ErrNotApart
		}
		account.Confirmed, account.ConfirmedAt = by, a.now()
		return store.Event{Kind: store.KindRoleChanged, Actor: by, Result: "confirmed: another person than " + account.GivenBy}, nil
	})
	if err != nil {
		return fmt.Errorf("confirming an account: %w", err)
	}
	return nil
}
