package accounts

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"indeks/store"
)

// Errors of passkeys.
var (
	ErrPasskey     = errors.New("the passkey was not set up")
	ErrPasskeyName = errors.New("a passkey's name has 1 to 60 characters")
	ErrLastPasskey = errors.New("the account has no other way to sign in")
	ErrNoPasskeys  = errors.New("passkeys need a public address with https and a name")
)

// Passkey is a pair of keys of W3C Web Authentication, level 3: the private one is with
// its owner's device, which asks who they are before it signs. The JSON names are those
// of the stored form.
type Passkey struct {
	Name       string    `json:"name"` // what its owner calls it
	ID         []byte    `json:"id"`
	Key        []byte    `json:"key"`             // public, a COSE_Key of RFC 9052
	Count      uint32    `json:"count,omitzero"`  // of signatures; 0 for ever with what counts none
	Synced     bool      `json:"synced,omitzero"` // it may be on several devices of its owner
	Transports []string  `json:"transports,omitzero"`
	Created    time.Time `json:"created"`
	Used       time.Time `json:"used,omitzero"`
	Copied     time.Time `json:"copied,omitzero"` // when its count went back, so that there may be two of it: it is not taken since
}

// Short names a passkey in forms and in the log, where its owner's name for it must not
// stand.
func (p *Passkey) Short() string {
	sum := sha256.Sum256(p.ID)
	return hex.EncodeToString(sum[:8])
}

const (
	mostPasskeys   = 20
	kindPasskey    = "passkey"          // under the hash of its id: whose it is
	kindCeremony   = "passkey-ceremony" // under the hash of its challenge
	ceremonyTime   = 5 * time.Minute
	mostCredential = 64 << 10 // bytes of what a browser answers
)

// ceremony is a challenge that was given out. It is used once, by the browser that
// asked for it, for what it asked it for.
type ceremony struct {
	For     string `json:"for"`
	Browser string `json:"browser"` // place of the secret in its cookie
	Account string `json:"account,omitzero"`
	Handle  []byte `json:"handle,omitzero"` // of the account, which it has from its first passkey on
}

// What a challenge is for.
const (
	forSigningIn = "sign-in"
	forProving   = "prove"
	forAdding    = "add"
)

// party is this server as passkeys know it: the origin that people see, and its host.
// A passkey made for another name is of no use here, nor ours there.
func (a *Accounts) party() (*webauthn.WebAuthn, error) {
	u, err := url.Parse(a.Origin)
	if err != nil || u.Scheme != "https" && u.Hostname() != "localhost" || net.ParseIP(u.Hostname()) != nil || u.Host == "" {
		return nil, ErrNoPasskeys
	}
	return webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: "Indeks " + u.Hostname(), RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference:  protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: new(true), UserVerification: protocol.VerificationRequired}})
}

// Passkeys reports whether this server can take passkeys: not without https and a name.
func (a *Accounts) Passkeys() bool {
	_, err := a.party()
	return err == nil
}

// passkeyAlgorithms are those that a passkey may sign by, the preferred first.
var passkeyAlgorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// owner is an account as the library sees it.
type owner struct {
	*Account
	handle []byte
}

func (o owner) WebAuthnID() []byte          { return o.handle }
func (o owner) WebAuthnName() string        { return o.Name }
func (o owner) WebAuthnDisplayName() string { return o.Display() }
func (o owner) WebAuthnCredentials() (list []webauthn.Credential) {
	for _, p := range o.Account.Passkeys {
		c := webauthn.Credential{ID: p.ID, PublicKey: p.Key, Authenticator: webauthn.Authenticator{SignCount: p.Count}}
		c.Flags.BackupEligible = p.Synced
		for _, t := range p.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		list = append(list, c)
	}
	return list
}

// beginCeremony puts a challenge on record.
func (a *Accounts) beginCeremony(ctx context.Context, challenge string, c ceremony) error {
	body, err := json.Marshal(c)
	if err == nil {
		err = a.Store.PutDocuments(ctx, []store.Document{{Kind: kindCeremony, ID: place(challenge), Expires: a.now().Add(ceremonyTime), Body: body}})
	}
	if err != nil {
		return fmt.Errorf("beginning with a passkey: %w", err)
	}
	return nil
}

// endCeremony takes a challenge back, which is over with this; ErrFlow where it is none
// that this browser was given for this.
func (a *Accounts) endCeremony(ctx context.Context, challenge, purpose, browser string) (c ceremony, err error) {
	d, err := a.Store.Document(ctx, kindCeremony, place(challenge))
	if err == nil {
		err = a.Store.PutDocuments(ctx, []store.Document{{Kind: kindCeremony, ID: d.ID, Revision: d.Revision}})
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrRevision) {
		return c, ErrFlow
	}
	if err == nil {
		err = json.Unmarshal(d.Body, &c)
	}
	if err != nil {
		return c, fmt.Errorf("ending with a passkey: %w", err)
	}
	if !a.now().Before(d.Expires) || c.For != purpose || c.Browser != place(browser) {
		return c, ErrFlow
	}
	return c, nil
}

// OfferPasskey returns, as JSON, what a browser needs to make a passkey for whoever is
// signed in, for navigator.credentials.create.
func (a *Accounts) OfferPasskey(ctx context.Context, s *Session) ([]byte, error) {
	party, err := a.party()
	if err != nil {
		return nil, err
	}
	if !s.Account.Local() {
		return nil, ErrNoPasskeys
	}
	c := ceremony{For: forAdding, Browser: place(s.ID), Account: s.Account.Name, Handle: s.Account.Handle}
	if c.Handle == nil {
		c.Handle = make([]byte, 32)
		rand.Read(c.Handle)
	}
	var known []protocol.CredentialDescriptor
	who := owner{&s.Account, c.Handle}
	for _, credential := range who.WebAuthnCredentials() {
		known = append(known, credential.Descriptor())
	}
	options, session, err := party.BeginRegistration(who, webauthn.WithCredentialParameters(passkeyAlgorithms), webauthn.WithExclusions(known))
	if err != nil {
		return nil, fmt.Errorf("offering a passkey: %w", err)
	}
	if err := a.beginCeremony(ctx, session.Challenge, c); err != nil {
		return nil, err
	}
	return json.Marshal(options.Response)
}

// AddPasskey takes what the browser made of an offer. For who is Enrolling it is in
// place of a password and codes, and another session is returned; any other session
// goes on. Errors: ErrPasskey, ErrPasskeyName, ErrSignedOut.
func (a *Accounts) AddPasskey(ctx context.Context, s Session, name string, answer []byte) (Session, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > 60 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return Session{}, ErrPasskeyName
	}
	party, err := a.party()
	if err != nil {
		return Session{}, err
	}

	// 1. What was made, for a challenge of this session.
	if len(answer) > mostCredential {
		return Session{}, ErrPasskey
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	challenge := parsed.Response.CollectedClientData.Challenge
	c, err := a.endCeremony(ctx, challenge, forAdding, s.ID)
	if err == nil && c.Account != s.Account.Name {
		err = ErrFlow // unreachable: a session is of one account
	}
	if errors.Is(err, ErrFlow) {
		return Session{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	if err != nil {
		return Session{}, err
	}

	// 2. WebAuthn section 7.1: for our name and origin, by who was asked who they are.
	made, err := party.CreateCredential(owner{&s.Account, c.Handle}, webauthn.SessionData{Challenge: challenge, UserID: c.Handle, UserVerification: protocol.VerificationRequired, CredParams: passkeyAlgorithms}, parsed)
	if err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	passkey := Passkey{Name: name, ID: made.ID, Key: made.PublicKey, Count: made.Authenticator.SignCount, Synced: made.Flags.BackupEligible, Created: a.now()}
	for _, t := range made.Transport {
		passkey.Transports = append(passkey.Transports, string(t))
	}

	// 3. On record, with whose it is: an id is of one account alone.
	account, d, err := a.get(ctx, s.Account.Name)
	switch {
	case err != nil:
		return Session{}, fmt.Errorf("setting up a passkey: %w", err)
	case account.Generation != s.held.Generation || !account.Closed.IsZero():
		return Session{}, ErrSignedOut
	case account.Handle != nil && !bytes.Equal(account.Handle, c.Handle), len(account.Passkeys) >= mostPasskeys:
		return Session{}, ErrPasskey
	}
	account.Handle, account.Passkeys = c.Handle, append(account.Passkeys, passkey)
	with := []store.Document{{Kind: kindPasskey, ID: place(string(passkey.ID)), Body: []byte(`"` + account.Name + `"`)}}
	event := store.Event{Kind: store.KindRoleChanged, Actor: account.Actor(), Object: account.Actor(), Result: "passkey " + passkey.Short() + " added"}
	next := s
	if s.Enrolling {
		if !account.Temporary.IsZero() && !a.now().Before(account.Temporary) {
			return Session{}, ErrSignedOut
		}
		account.Password, account.Temporary, account.Secret, account.Step = "", time.Time{}, nil, 0
		account.Generation++
		if next, err = a.begin(&account); err != nil {
			return Session{}, fmt.Errorf("setting up a passkey: %w", err)
		}
		with = append(with, next.doc, store.Document{Kind: kindSession, ID: s.doc.ID, Revision: s.doc.Revision})
		event.Kind, event.Result = store.KindLoggedIn, event.Result+" in place of the first password"
	}
	if err := a.put(ctx, d, &account, event, with...); errors.Is(err, store.ErrRevision) {
		return Session{}, ErrPasskey // another has this id, or the account was changed meanwhile
	} else if err != nil {
		return Session{}, fmt.Errorf("setting up a passkey: %w", err)
	}
	if s.Enrolling {
		next.doc.Revision++
	}
	return next, nil
}

// ways reports whether an account has another way to sign in than some passkeys.
func (a *Account) ways(without int) bool {
	sound := 0
	for i, p := range a.Passkeys {
		if i != without && p.Copied.IsZero() {
			sound++
		}
	}
	return a.CodeUnset || a.Password != "" && (a.Secret != nil || sound > 0) || sound > 0 && !a.PasswordToo
}

// RemovePasskey removes a passkey by its Short name. ErrLastPasskey where nothing else
// lets its owner in; store.ErrNotFound.
func (a *Accounts) RemovePasskey(ctx context.Context, name, short string) error {
	for {
		account, d, err := a.get(ctx, name)
		if err != nil {
			return fmt.Errorf("removing a passkey: %w", err)
		}
		at := slices.IndexFunc(account.Passkeys, func(p Passkey) bool { return p.Short() == short })
		if at < 0 {
			return fmt.Errorf("removing a passkey: %w", store.ErrNotFound)
		}
		if !account.ways(at) {
			return ErrLastPasskey
		}
		gone, err := a.forget(ctx, account.Passkeys[at:at+1])
		if err != nil {
			return err
		}
		account.Passkeys = slices.Delete(account.Passkeys, at, at+1)
		event := store.Event{Kind: store.KindRoleChanged, Actor: account.Actor(), Object: account.Actor(), Result: "passkey " + short + " removed"}
		if err = a.put(ctx, d, &account, event, gone...); !errors.Is(err, store.ErrRevision) {
			return err
		}
	}
}

// forget are the documents that say whose passkeys are, to be removed.
func (a *Accounts) forget(ctx context.Context, passkeys []Passkey) (gone []store.Document, err error) {
	for _, p := range passkeys {
		switch d, err := a.Store.Document(ctx, kindPasskey, place(string(p.ID))); {
		case err == nil:
			gone = append(gone, store.Document{Kind: kindPasskey, ID: d.ID, Revision: d.Revision})
		case !errors.Is(err, store.ErrNotFound):
			return nil, fmt.Errorf("removing a passkey: %w", err)
		}
	}
	return gone, nil
}

// WantPassword says whether a passkey of the account lets in together with its password
// alone. ErrLastPasskey where there is no password.
func (a *Accounts) WantPassword(ctx context.Context, name string, want bool) error {
	return a.change(ctx, name, func(account *Account) (store.Event, error) {
		if want && account.Password == "" {
			return store.Event{}, ErrLastPasskey
		}
		account.PasswordToo = want
		result := "a passkey is enough"
		if want {
			result = "a passkey wants the password too"
		}
		return store.Event{Kind: store.KindRoleChanged, Actor: account.Actor(), Result: result}, nil
	})
}

// AskPasskey returns, as JSON, what a browser needs to sign with a passkey, for
// navigator.credentials.get: to sign in, where again is nil, or to show once more who is
// signed in. It names no passkeys, so that nobody learns whose there are. browser is a
// secret in the browser's cookie; from bounds how often may be asked, as with SignIn.
func (a *Accounts) AskPasskey(ctx context.Context, browser, from string, again *Session) ([]byte, error) {
	party, err := a.party()
	if err != nil {
		return nil, err
	}
	if err := a.Attempt(ctx, from); err != nil {
		return nil, err
	}
	options, session, err := party.BeginDiscoverableLogin()
	if err != nil {
		return nil, fmt.Errorf("asking for a passkey: %w", err)
	}
	c := ceremony{For: forSigningIn, Browser: place(browser)}
	if again != nil {
		c = ceremony{For: forProving, Browser: place(again.ID), Account: again.Account.Name}
	}
	if err := a.beginCeremony(ctx, session.Challenge, c); err != nil {
		return nil, err
	}
	return json.Marshal(options.Response)
}

// SignInByPasskey takes what a passkey signed to a session. It stands for password and
// code; where the account wants its password too, or one is given, that must be right as
// well. Errors are those of SignIn.
func (a *Accounts) SignInByPasskey(ctx context.Context, browser, password string, answer []byte, from string) (Session, error) {
	account, d, err := a.checkPasskey(ctx, forSigningIn, browser, password, answer, from)
	if err != nil {
		return Session{}, err
	}
	s, err := a.begin(&account)
	if err == nil {
		result := "passkey"
		if password != "" {
			result = "password and passkey"
		}
		err = a.put(ctx, d, &account, store.Event{Kind: store.KindLoggedIn, Actor: account.Actor(), Result: result}, s.doc)
	}
	if errors.Is(err, store.ErrRevision) {
		return Session{}, a.refuse(ctx, account.Actor(), "used twice")
	}
	if err != nil {
		return Session{}, fmt.Errorf("signing in: %w", err)
	}
	s.doc.Revision++
	return s, nil
}

// ProveByPasskey is Prove by what a passkey signed.
func (a *Accounts) ProveByPasskey(ctx context.Context, s Session, password string, answer []byte, from string) (Session, error) {
	account, d, err := a.checkPasskey(ctx, forProving, s.ID, password, answer, from)
	if err != nil {
		return Session{}, err
	}
	return a.again(ctx, &s, &account, d, "passkey, again")
}

// checkPasskey finds out whose passkey has signed, WebAuthn section 7.2. What is used
// of the account is for the caller to put on record.
func (a *Accounts) checkPasskey(ctx context.Context, purpose, browser, password string, answer []byte, from string) (Account, store.Document, error) {
	none := func(err error) (Account, store.Document, error) { return Account{}, store.Document{}, err }
	party, err := a.party()
	if err != nil {
		return none(err)
	}
	if err := a.Attempt(ctx, from); err != nil {
		return none(err)
	}

	// 1. The challenge, which is over with this.
	var parsed *protocol.ParsedCredentialAssertionData
	err = ErrFlow
	if len(answer) <= mostCredential {
		parsed, err = protocol.ParseCredentialRequestResponseBytes(answer)
	}
	if err != nil {
		return none(a.refuse(ctx, "", "passkey: no answer of one"))
	}
	challenge := parsed.Response.CollectedClientData.Challenge
	c, err := a.endCeremony(ctx, challenge, purpose, browser)
	if errors.Is(err, ErrFlow) {
		return none(a.refuse(ctx, "", "passkey: no such challenge"))
	}
	if err != nil {
		return none(err)
	}

	// 2. Whose the passkey is.
	var account Account
	var d store.Document
	var of string
	at, err := a.Store.Document(ctx, kindPasskey, place(string(parsed.RawID)))
	if err == nil {
		err = json.Unmarshal(at.Body, &of)
	}
	if err == nil {
		account, d, err = a.get(ctx, of)
	}
	if errors.Is(err, store.ErrNotFound) {
		return none(a.refuse(ctx, "", "passkey: nobody's"))
	}
	if err != nil {
		return none(fmt.Errorf("signing in: %w", err))
	}

	// 3. The signature: over our challenge, for our name and origin, by who was asked
	// who they are.
	refused := func(why string) (Account, store.Document, error) {
		return none(a.refuse(ctx, account.Actor(), "passkey: "+why))
	}
	_, used, err := party.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return owner{&account, account.Handle}, nil },
		webauthn.SessionData{Challenge: challenge, UserVerification: protocol.VerificationRequired}, parsed)
	if err != nil {
		return refused("signature")
	}
	i := slices.IndexFunc(account.Passkeys, func(p Passkey) bool { return bytes.Equal(p.ID, used.ID) })
	if i < 0 {
		return refused("removed") // unreachable: the signature was by its key
	}
	passkey := &account.Passkeys[i]
	switch {
	case !account.Closed.IsZero():
		return refused("closed")
	case c.Account != "" && c.Account != account.Name:
		return refused("another account's")
	case !passkey.Copied.IsZero():
		return refused("its count went back")
	case used.Authenticator.CloneWarning: // section 6.1.1: there may be two of it
		passkey.Copied = a.now()
		err := a.put(ctx, d, &account, store.Event{Kind: store.KindLogInRefused, Actor: "nobody", Object: account.Actor(), Result: "passkey " + passkey.Short() + ": its count went back, it is not taken any more"})
		if err != nil && !errors.Is(err, store.ErrRevision) {
			return none(fmt.Errorf("signing in: %w", err))
		}
		return none(ErrRefused)
	}

	// 4. The password, where it is wanted too.
	if account.PasswordToo || password != "" {
		byName := "sign-in of " + account.Name
		if err := a.take(ctx, byName, attemptsByName, time.Hour); err != nil {
			return none(err)
		}
		sound := false
		if err := a.compute(ctx, func() { sound = len(password) <= 512 && matches(account.Password, password) }); err != nil {
			return none(err)
		}
		if !sound || !account.Temporary.IsZero() {
			return refused("password")
		}
		if err := a.Store.Clear(ctx, byName); err != nil {
			return none(fmt.Errorf("signing in: %w", err))
		}
	}
	passkey.Count, passkey.Used = used.Authenticator.SignCount, a.now()
	return account, d, nil
}
