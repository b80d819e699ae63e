// Package accounts says who may sign in at the issuer's server, and who has: local
// accounts with a password and one-time codes, people of an OpenID Connect
// provider, and their sessions. What somebody may do then is the server's to say;
// here a role is a word.
//
// Most readers want [Accounts.SignIn], the way in with a local account,
// [Accounts.Return], that with a provider's word, and [Accounts.Session], which says
// whose request it is.
package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// Errors that callers branch on.
var (
	ErrRefused   = errors.New("name, password and code do not belong together") // never says which of them
	ErrSignedOut = errors.New("there is no such session, or it is over")
	ErrFlow      = errors.New("the answer does not belong to a sign-in that was begun here")
	ErrNoRole    = errors.New("the account has no role")
	ErrProvider  = errors.New("the sign-in of the provider could not be used")
	ErrTaken     = errors.New("there is an account of this name already")
	ErrPassword  = errors.New("a password has 12 to 128 characters and is not the name")
	ErrCode      = errors.New("the one-time code is not the present one")
	ErrName      = errors.New("a name has 1 to 32 of a to z, 0 to 9, hyphen and full stop, and begins with a letter")
)

// Account is one that may sign in. The JSON names are those of the stored form.
type Account struct {
	Name  string   `json:"name"` // stands in the audit log for ever, so it is a function's or an internal one
	Shown string   `json:"shown,omitzero"`
	Roles []string `json:"roles"`

	Password  string    `json:"password,omitzero"`  // its hash, in the PHC string format; "" for a provider's
	Temporary time.Time `json:"temporary,omitzero"` // until when the password lasts, which somebody else gave; zero: it is the person's own
	Secret    []byte    `json:"secret,omitzero"`    // of the one-time codes; nil until they are set up
	Step      int64     `json:"step,omitzero"`      // of the last code: none is taken twice
	CodeUnset bool      `json:"codeUnset,omitzero"` // never asked for a code: for trying out only

	Handle      []byte    `json:"handle,omitzero"` // by which passkeys know the account
	Passkeys    []Passkey `json:"passkeys,omitzero"`
	PasswordToo bool      `json:"passwordToo,omitzero"` // a passkey alone lets nobody in

	Issuer  string `json:"issuer,omitzero"` // of the provider, with Subject; "" for a local account
	Subject string `json:"subject,omitzero"`

	GivenBy     string    `json:"givenBy,omitzero"`   // who gave it the password that it began, or began anew, with: see Persons
	Confirmed   string    `json:"confirmed,omitzero"` // who says that it is another person than GivenBy
	ConfirmedAt time.Time `json:"confirmedAt,omitzero"`

	Created    time.Time `json:"created"`
	Closed     time.Time `json:"closed,omitzero"`     // zero: open
	Generation int       `json:"generation,omitzero"` // sessions of an earlier one are over
}

// Actor is what the audit log calls what the account does.
func (a *Account) Actor() string { return accountActor + a.Name }

// Local reports whether it signs in with a password.
func (a *Account) Local() bool { return a.Issuer == "" }

// State is "open", "closed", or of a local account "first password" as long as it is not
// set up.
func (a *Account) State() string {
	switch {
	case !a.Closed.IsZero():
		return "closed"
	case !a.Temporary.IsZero():
		return "first password"
	}
	return "open"
}

// Display is what pages call the person.
func (a *Account) Display() string { return cmp.Or(a.Shown, a.Name) }

// Config is what Accounts work with. Zero values mean the defaults.
type Config struct {
	Store    store.Store
	Provider *Provider        // nil: local accounts alone
	Origin   string           // https://host that people see, for passkeys; "": there are none
	Idle     time.Duration    // after which a session that is not used is over; 0: 30 minutes
	End      time.Duration    // after which it is over in any case; 0: 12 hours
	Proof    time.Duration    // for which it is enough to have shown who one is; 0: 10 minutes
	Cost     Cost             // of new passwords; zero: DefaultCost
	Now      func() time.Time // nil: time.Now
}

// Accounts are those of one institution, in its store, so that they are the same on
// each of its nodes. It is safe for concurrent use.
type Accounts struct {
	Config
	refusing sync.Mutex    // one refusal is counted at a time, so that only other nodes are in its way
	hashing  chan struct{} // holds how many passwords are computed at a time, each in 64 MiB
	nobody   func() string // hash that is compared where there is no account, so that it takes as long
}

// New returns the accounts in a store. It starts nothing.
func New(c Config) *Accounts {
	c.Idle, c.End, c.Proof = cmp.Or(c.Idle, 30*time.Minute), cmp.Or(c.End, 12*time.Hour), cmp.Or(c.Proof, 10*time.Minute)
	c.Cost = cmp.Or(c.Cost, DefaultCost)
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Accounts{Config: c, hashing: make(chan struct{}, 2), nobody: sync.OnceValue(func() string { return c.Cost.hash("nobody's") })}
}

// now is in whole seconds, as documents end.
func (a *Accounts) now() time.Time { return a.Now().UTC().Truncate(time.Second) }

const kindAccount = "account"

var validName = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,31}$`)

// temporary is how long a password lasts that somebody else gave.
const temporary = 7 * 24 * time.Hour

// Add makes a local account, whose password, which is returned, lasts a week: at the
// first sign-in the person chooses another one and sets up one-time codes. Of
// account Name, Shown, Roles and CodeUnset are heeded.
func (a *Accounts) Add(ctx context.Context, account Account) (password string, err error) {
	doing := func(err error) (string, error) { return "", fmt.Errorf("making an account: %w", err) }
	if !validName.MatchString(account.Name) {
		return doing(ErrName)
	}
	if len(account.Roles) == 0 {
		return doing(ErrNoRole)
	}
	made := Account{Name: account.Name, Shown: account.Shown, Roles: account.Roles, CodeUnset: account.CodeUnset, Created: a.now()}
	password = a.give(ctx, &made)
	err = a.put(ctx, store.Document{}, &made, store.Event{Kind: store.KindRoleChanged, Object: made.Actor(), Result: "made: " + strings.Join(made.Roles, " ")})
	if errors.Is(err, store.ErrRevision) {
		err = fmt.Errorf("%w: %s", ErrTaken, made.Name)
	}
	if err != nil {
		return doing(err)
	}
	return password, nil
}

// give gives an account a new password, which ends.
func (a *Accounts) give(ctx context.Context, account *Account) (password string) {
	password = newPassword()
	account.GivenBy, account.Confirmed, account.ConfirmedAt = store.ActorOf(ctx).Name, "", time.Time{}
	account.Password, account.Temporary = drawn.hash(password), a.now().Add(temporary)
	if account.CodeUnset {
		account.Temporary = time.Time{}
	}
	return password
}

// Reset gives a local account a new password as Add does, forgets its one-time codes
// and passkeys and ends its sessions: for who has lost one of them, once somebody knows
// who they are.
func (a *Accounts) Reset(ctx context.Context, name string) (password string, err error) {
	var forgotten []Passkey
	err = a.change(ctx, name, func(account *Account) (store.Event, error) {
		if !account.Local() {
			return store.Event{}, fmt.Errorf("%s signs in with the provider, which has its password", name)
		}
		password = a.give(ctx, account)
		account.Secret, account.Step, account.Closed = nil, 0, time.Time{}
		forgotten, account.Passkeys, account.PasswordToo = account.Passkeys, nil, false
		account.Generation++
		return store.Event{Kind: store.KindRoleChanged, Result: "password reset"}, nil
	})
	if err == nil { // what is left of them after a crash finds no passkey in the account
		var gone []store.Document
		if gone, err = a.forget(ctx, forgotten); err == nil && len(gone) > 0 {
			err = a.Store.PutDocuments(ctx, gone)
		}
	}
	if err != nil {
		return "", fmt.Errorf("resetting an account: %w", err)
	}
	return password, nil
}

// SetRoles gives an account other roles; without any it is closed, and its sessions
// are over.
func (a *Accounts) SetRoles(ctx context.Context, name string, roles []string) error {
	err := a.change(ctx, name, func(account *Account) (store.Event, error) {
		account.Roles, account.Closed = roles, time.Time{}
		result := "roles: " + strings.Join(roles, " ")
		if len(roles) == 0 {
			account.Closed, result = a.now(), "closed"
			account.Generation++
		}
		return store.Event{Kind: store.KindRoleChanged, Result: result}, nil
	})
	if err != nil {
		return fmt.Errorf("changing the roles of an account: %w", err)
	}
	return nil
}

// List returns all accounts by name.
func (a *Accounts) List(ctx context.Context) (list []Account, err error) {
	for d, err := range a.Store.Documents(ctx, kindAccount, "", "") {
		if err != nil {
			return nil, fmt.Errorf("listing the accounts: %w", err)
		}
		var account Account
		if err := json.Unmarshal(d.Body, &account); err != nil {
			return nil, fmt.Errorf("listing the accounts: reading %s: %w", d.ID, err)
		}
		list = append(list, account)
	}
	return list, nil
}

// get reads an account with its place in the store; store.ErrNotFound.
func (a *Accounts) get(ctx context.Context, name string) (Account, store.Document, error) {
	d, err := a.Store.Document(ctx, kindAccount, name)
	if err != nil {
		return Account{}, d, err
	}
	var account Account
	if err := json.Unmarshal(d.Body, &account); err != nil {
		return Account{}, d, fmt.Errorf("reading account %s: %w", name, err)
	}
	return account, d, nil
}

// put writes an account over what d is, or anew, with other documents that change
// with it.
func (a *Accounts) put(ctx context.Context, d store.Document, account *Account, event store.Event, with ...store.Document) error {
	body, err := json.Marshal(account, json.Deterministic(true))
	if err != nil {
		return err
	}
	d.Kind, d.ID, d.Body = kindAccount, account.Name, body
	if event.Kind == store.KindLoggedIn {
		if err := a.tellRefused(ctx, account.Actor()); err != nil {
			return err
		}
	}
	return a.Store.PutDocuments(ctx, append(with, d), event)
}

// change changes an account, whoever else does at the same time; the event is about it.
func (a *Accounts) change(ctx context.Context, name string, how func(*Account) (store.Event, error)) error {
	for {
		account, d, err := a.get(ctx, name)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid) {
			return fmt.Errorf("there is no account %.40q: %w", name, store.ErrNotFound)
		}
		if err != nil {
			return err
		}
		event, err := how(&account)
		if err != nil {
			return err
		}
		event.Object = account.Actor()
		if err = a.put(ctx, d, &account, event); !errors.Is(err, store.ErrRevision) {
			return err
		}
	}
}

// Run removes sessions and begun sign-ins that are over, and has the log say how many
// were refused, until ctx ends, and returns nil then.
func (a *Accounts) Run(ctx context.Context) error {
	for {
		if err := a.sweep(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrReadOnly) {
			slog.Warn("sessions that are over are not removed", "error", err)
		}
		if err := a.endRefused(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrReadOnly) {
			slog.Warn("how often it was refused to sign in is not logged", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(10 * time.Minute):
		}
	}
}

func (a *Accounts) sweep(ctx context.Context) error {
	for _, kind := range []string{kindSession, kindFlow, kindCeremony} {
		var over []store.Document
		for d, err := range a.Store.Documents(ctx, kind, shared, "") {
			if err != nil {
				return err
			}
			if !d.Expires.After(a.now()) {
				over = append(over, store.Document{Kind: kind, ID: d.ID, Revision: d.Revision})
			}
		}
		for some := range slices.Chunk(over, 100) {
			if err := a.Store.PutDocuments(ctx, some); err != nil && !errors.Is(err, store.ErrRevision) { // used meanwhile: next time
				return err
			}
		}
	}
	return nil
}
