package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

const kindSession = "session"

// shared begins the ids of what has one data key together: sessions are many, and
// hold no more of a person than the name of the account.
const shared = "all/"

// idSize is that of the ids of sessions and sign-ins, 256 bits. The store has their
// hash alone, so that who reads it is nobody.
const idSize = 32

func newID() string {
	id := make([]byte, idSize)
	rand.Read(id)
	return base64.RawURLEncoding.EncodeToString(id)
}

// place is where something is kept under its id.
func place(id string) string {
	sum := sha256.Sum256([]byte(id))
	return shared + hex.EncodeToString(sum[:])
}

// Session is somebody who has signed in.
type Session struct {
	Account   Account
	ID        string // for the cookie; nobody else may have it
	Enrolling bool   // may do nothing before a password and one-time codes are set up
	Secret    []byte // of the codes that are being set up
	Proved    time.Time

	doc  store.Document
	held held
}

// held is a session as it is stored.
type held struct {
	Account    string    `json:"account"`
	Generation int       `json:"generation"`
	Began      time.Time `json:"began"`
	Seen       time.Time `json:"seen"`
	Proved     time.Time `json:"proved"`
	Enrolling  bool      `json:"enrolling,omitzero"`
	Secret     []byte    `json:"secret,omitzero"`
}

// Token proves that a form was on a page of this session. It tells nothing of the
// session's id.
func (s *Session) Token() string { return FormToken(s.ID) }

// FormToken is the token of forms for whoever has a secret in a cookie.
func FormToken(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("indeks form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// SoundToken reports whether a token is that of a secret.
func SoundToken(secret, token string) bool {
	return secret != "" && subtle.ConstantTimeCompare([]byte(FormToken(secret)), []byte(token)) == 1
}

// NewSecret is for a cookie that ties a form to a browser before anybody has signed
// in.
func NewSecret() string { return newID() }

// begin makes a session, whose id nobody knew before.
func (a *Accounts) begin(account *Account) (Session, error) {
	s := Session{Account: *account, ID: newID(), Enrolling: account.Local() && !account.CodeUnset && (account.Secret == nil && len(account.Passkeys) == 0 || !account.Temporary.IsZero())}
	now := a.now()
	s.Proved = now
	s.held = held{Account: account.Name, Generation: account.Generation, Began: now, Seen: now, Proved: now, Enrolling: s.Enrolling}
	if s.Enrolling {
		s.Secret = newSecret()
		s.held.Secret = s.Secret
	}
	s.doc = store.Document{Kind: kindSession, ID: place(s.ID), Expires: now.Add(a.End)}
	var err error
	s.doc.Body, err = json.Marshal(s.held, json.Deterministic(true))
	return s, err
}

// put stores what a session is now.
func (a *Accounts) putSession(ctx context.Context, s *Session, events ...store.Event) error {
	var err error
	if s.doc.Body, err = json.Marshal(s.held, json.Deterministic(true)); err != nil {
		return err
	}
	return a.Store.PutDocuments(ctx, []store.Document{s.doc}, events...)
}

// seenEvery is how often it is put on record that a session is used.
const seenEvery = time.Minute

// Session returns the session of an id, and has it last: ErrSignedOut where there is
// none, it was not used for too long, it is over, or its account is closed.
func (a *Accounts) Session(ctx context.Context, id string) (Session, error) {
	if raw, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(raw) != idSize {
		return Session{}, ErrSignedOut
	}
	d, err := a.Store.Document(ctx, kindSession, place(id))
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, ErrSignedOut
	}
	s := Session{ID: id, doc: d}
	if err == nil {
		err = json.Unmarshal(d.Body, &s.held)
	}
	if err == nil {
		s.Account, _, err = a.get(ctx, s.held.Account)
	}
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, ErrSignedOut
	}
	if err != nil {
		return Session{}, fmt.Errorf("reading a session: %w", err)
	}
	now := a.now()
	if !now.Before(d.Expires) || now.Sub(s.held.Seen) >= a.Idle || !s.Account.Closed.IsZero() || s.held.Generation != s.Account.Generation {
		return Session{}, ErrSignedOut
	}
	s.Enrolling, s.Secret, s.Proved = s.held.Enrolling, s.held.Secret, s.held.Proved
	if now.Sub(s.held.Seen) >= seenEvery {
		s.held.Seen = now
		switch err := a.putSession(ctx, &s); {
		case err == nil:
			s.doc.Revision++
		case errors.Is(err, store.ErrRevision): // another request of it did the same
			if s.doc, err = a.Store.Document(ctx, kindSession, place(id)); err != nil {
				return Session{}, ErrSignedOut // or signed out
			}
		case !errors.Is(err, store.ErrReadOnly): // where nothing is written it is over after Idle
			return Session{}, fmt.Errorf("keeping a session: %w", err)
		}
	}
	return s, nil
}

// Fresh reports whether who is signed in has shown who they are lately.
func (a *Accounts) Fresh(s *Session) bool { return a.now().Sub(s.Proved) < a.Proof }

// SignOut ends a session.
func (a *Accounts) SignOut(ctx context.Context, s *Session) error {
	gone := store.Document{Kind: kindSession, ID: s.doc.ID, Revision: s.doc.Revision}
	for {
		err := a.Store.PutDocuments(ctx, []store.Document{gone}, store.Event{Kind: store.KindLoggedOut, Actor: s.Account.Actor()})
		if !errors.Is(err, store.ErrRevision) {
			return err
		}
		d, err := a.Store.Document(ctx, kindSession, gone.ID) // it was used meanwhile
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		gone.Revision = d.Revision
	}
}

// SignOutEverywhere ends all sessions of an account, on every node at once.
func (a *Accounts) SignOutEverywhere(ctx context.Context, name string) error {
	return a.change(ctx, name, func(account *Account) (store.Event, error) {
		account.Generation++
		return store.Event{Kind: store.KindLoggedOut, Actor: account.Actor(), Result: "everywhere"}, nil
	})
}

// SignIn takes name, password and, where it is set up, the one-time code to a
// session: ErrRefused, which never says which of them was wrong. Who signs in for the
// first time is Enrolling then. from is the address that it comes from, which with the
// name bounds how often may be tried: *TooManyError.
func (a *Accounts) SignIn(ctx context.Context, name, password, code, from string) (Session, error) {
	account, d, err := a.check(ctx, name, password, code, from)
	if err != nil {
		return Session{}, err
	}
	s, err := a.begin(&account)
	if err == nil {
		err = a.put(ctx, d, &account, store.Event{Kind: store.KindLoggedIn, Actor: account.Actor(), Result: how(&account)}, s.doc)
	}
	if errors.Is(err, store.ErrRevision) { // the same code at the same time: one of them wins
		return Session{}, a.refuse(ctx, account.Actor(), "used twice")
	}
	if err != nil {
		return Session{}, fmt.Errorf("signing in: %w", err)
	}
	s.doc.Revision++
	return s, nil
}

// how says by what somebody signed in.
func how(account *Account) string {
	switch {
	case account.CodeUnset:
		return "password alone"
	case account.Secret == nil:
		return "first password"
	}
	return "password and code"
}

// How often may be tried to sign in, from one address a minute and with one name an
// hour: an office is one address, and whoever tries a name from many addresses must
// not keep its owner out for long.
const (
	attemptsByAddress = 20
	attemptsByName    = 100
)

// TooManyError says when may be tried again.
type TooManyError struct{ Wait time.Duration }

func (e *TooManyError) Error() string { return "too many attempts to sign in" }

// Attempt counts an attempt to sign in from an address: *TooManyError.
func (a *Accounts) Attempt(ctx context.Context, from string) error {
	return a.take(ctx, "sign-in from "+from, attemptsByAddress, time.Minute)
}

func (a *Accounts) take(ctx context.Context, key string, limit int, window time.Duration) error {
	wait, err := a.Store.Take(ctx, key, limit, window)
	if err != nil {
		return fmt.Errorf("counting attempts: %w", err)
	}
	if wait > 0 {
		return &TooManyError{wait}
	}
	return nil
}

// check finds out whether name, password and code belong together. What is used of
// the account is for the caller to put on record.
func (a *Accounts) check(ctx context.Context, name, password, code, from string) (Account, store.Document, error) {
	none := func(err error) (Account, store.Document, error) { return Account{}, store.Document{}, err }
	if err := a.Attempt(ctx, from); err != nil {
		return none(err)
	}
	byName := "sign-in of " + name[:min(len(name), 64)]
	if err := a.take(ctx, byName, attemptsByName, time.Hour); err != nil {
		return none(err)
	}
	account, d, err := Account{}, store.Document{}, store.ErrNotFound
	if validName.MatchString(name) {
		account, d, err = a.get(ctx, name)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return none(fmt.Errorf("signing in: %w", err))
	}
	hash := account.Password
	slow := hash == "" || account.CodeUnset || !account.Temporary.IsZero()
	if hash == "" { // nobody's, or a provider's
		hash = "none"
	}
	if len(password) > 512 {
		password = ""
	}
	var sound bool
	if err := a.compute(ctx, func() {
		sound = matches(hash, password)
		if slow { // it takes as long as with a password of a person's own, so that nobody learns which accounts there are
			matches(a.nobody(), password)
		}
	}); err != nil {
		return none(err)
	}
	now := a.now()
	switch {
	case account.Name == "": // what was typed is not logged: it may be a password
		return none(a.refuse(ctx, "", "no such account"))
	case !sound || account.Password == "":
		return none(a.refuse(ctx, account.Actor(), "password"))
	case !account.Closed.IsZero():
		return none(a.refuse(ctx, account.Actor(), "closed"))
	case !account.Temporary.IsZero() && !now.Before(account.Temporary):
		return none(a.refuse(ctx, account.Actor(), "first password ended"))
	}
	if account.Secret != nil {
		step := stepOf(account.Secret, code, now, account.Step)
		if step == 0 {
			return none(a.refuse(ctx, account.Actor(), "code"))
		}
		account.Step = step
	}
	if err := a.Store.Clear(ctx, byName); err != nil {
		return none(fmt.Errorf("signing in: %w", err))
	}
	return account, d, nil
}

// compute runs what takes the memory of a password, while few others do.
func (a *Accounts) compute(ctx context.Context, do func()) error {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
		do()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refuse logs an attempt that is refused, and is ErrRefused.
func (a *Accounts) refuse(ctx context.Context, object, why string) error {
	if err := a.logRefused(ctx, object, why); err != nil {
		return fmt.Errorf("%w; it is not logged: %w", ErrRefused, err)
	}
	return ErrRefused
}

// Enrol sets the person's own password and the one-time codes, of which the app shows
// code, and returns another session: who enrolled by a first password that others
// knew is nobody any more. ErrPassword, ErrCode.
func (a *Accounts) Enrol(ctx context.Context, s Session, password, code string) (Session, error) {
	if !s.Enrolling {
		return Session{}, ErrSignedOut
	}
	if err := soundPassword(password, s.Account.Name); err != nil {
		return Session{}, err
	}
	step := stepOf(s.Secret, code, a.now(), 0)
	if step == 0 {
		return Session{}, ErrCode
	}
	account, d, err := a.get(ctx, s.Account.Name)
	if err != nil {
		return Session{}, fmt.Errorf("setting up an account: %w", err)
	}
	if account.Generation != s.held.Generation {
		return Session{}, ErrSignedOut
	}
	if matches(account.Password, password) {
		return Session{}, ErrPassword // others know it
	}
	if err := a.compute(ctx, func() { account.Password = a.Cost.hash(password) }); err != nil {
		return Session{}, err
	}
	account.Temporary = time.Time{}
	account.Secret, account.Step = s.Secret, step
	account.Generation++
	next, err := a.begin(&account)
	if err == nil {
		gone := store.Document{Kind: kindSession, ID: s.doc.ID, Revision: s.doc.Revision}
		err = a.put(ctx, d, &account, store.Event{Kind: store.KindLoggedIn, Actor: account.Actor(), Result: "own password and codes set up"}, next.doc, gone)
	}
	if errors.Is(err, store.ErrRevision) {
		return Session{}, ErrSignedOut
	}
	if err != nil {
		return Session{}, fmt.Errorf("setting up an account: %w", err)
	}
	next.doc.Revision++
	return next, nil
}

// Prove shows once more who is signed in, and returns another session in place of
// this one. ErrRefused as SignIn.
func (a *Accounts) Prove(ctx context.Context, s Session, password, code, from string) (Session, error) {
	account, d, err := a.check(ctx, s.Account.Name, password, code, from)
	if err != nil {
		return Session{}, err
	}
	return a.again(ctx, &s, &account, d, "again")
}

// again puts another session in place of s, of who has shown once more who they are.
func (a *Accounts) again(ctx context.Context, s *Session, account *Account, d store.Document, result string) (Session, error) {
	next, err := a.begin(account)
	if err == nil {
		next.doc.Expires = s.doc.Expires // it lasts no longer
		gone := store.Document{Kind: kindSession, ID: s.doc.ID, Revision: s.doc.Revision}
		err = a.put(ctx, d, account, store.Event{Kind: store.KindLoggedIn, Actor: account.Actor(), Result: result}, next.doc, gone)
	}
	if errors.Is(err, store.ErrRevision) {
		return Session{}, a.refuse(ctx, account.Actor(), "used twice")
	}
	if err != nil {
		return Session{}, fmt.Errorf("signing in again: %w", err)
	}
	next.doc.Revision++
	return next, nil
}
