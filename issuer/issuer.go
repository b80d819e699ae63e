// Package issuer turns a course and a class list into sealed, recorded
// credentials, and withdraws them.
//
// Most readers want [Issuer.Issue], the one path from a draft to a credential,
// and [ReadList], which turns a spreadsheet into drafts.
package issuer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"indeks/alike"
	"indeks/keys"
	"indeks/paper"
	"indeks/store"
	"indeks/verifier"
)

// Errors of Issue, Revoke and the rest, besides those of package store.
var (
	ErrDraft   = errors.New("the draft has problems")                  // wrapped by *Problems
	ErrRefused = errors.New("our own verifier refuses what was built") // a defect or a wrong key; nothing was handed out
)

// Institution is who issues.
type Institution struct {
	DID            string            // did:web of PublicBase
	PublicBase     string            // URL of the issuer's server, no trailing slash
	VerifierBase   string            // URL of the verifier that printed codes point at
	LegalName      map[string]string // language to name
	Country        string            // ISO 3166-1 alpha-3, e.g. SRB
	Region         string            // ATU or NUTS code, optional
	Address        string
	Homepage       string
	OrganizationID string            // as in the seal certificate: VATRS-..., NTRHR-...
	Provider       string            // "hei" or "alternative"
	Register       verifier.Register // entry in the national register
	QRPrefix       string            // two symbols of the public ids
	Languages      []string          // national languages, first is the main one
	NumberRule     string            // "" means "MC-{year}-{n:5}"
	LevelMethod    string            // "majority" or "average": how courses find a level that say nothing else; "" means majority
	DataIntegrity  string            // cryptosuite of the embedded proof in one form more of each award; "": there is no such form
	OpenBadges     bool              // one form more of each award: an Open Badge 3.0
	Signatory      Signatory
}

// Signatory is who answers for the award.
type Signatory struct {
	Name   string `json:"name"`
	Office string `json:"office"`
}

// Draft is what a spreadsheet row or an API call asks for, checked for form
// only. Course is already read.
type Draft struct {
	Course     *Course
	Row        int       // 0: not from a list
	RequestKey store.Key // from an Idempotency-Key; zero: the key comes from the content
	ExternalID string    `json:",omitzero"` // of the award in another system, "": it has none
	Batch      string    `json:",omitzero"` // id of the batch that it is issued in, "": by itself
	NameCheck  *int      `json:",omitzero"` // days that the learner has to look at the name, 0: is not asked; nil: as the course says
	Approval   string    `json:",omitzero"` // id of the approval of it or of its batch, where the course asks for one

	Replaces *Replacement `json:",omitzero"` // nil: it is no correction
	Source   *Recognised  `json:",omitzero"` // what Recognition stands for; filled in when it is issued

	GivenName, FamilyName string
	DateOfBirth           string // YYYY-MM-DD
	LearnerID             string
	Email                 string
	Grade                 string
	AwardingDate          string   // YYYY-MM-DD; "" means today
	RPL                   string   // "none", "part", "whole"
	RPLOutcomes           []string // ids of outcomes of the course
	RPLEvidence           string
	Recognition           string `json:",omitzero"` // id of the recognition that the prior learning rests on
	IDVerification        string // code of the supervision list: "unsupervised", "supervised", "supervised-id", "unsupervised-id"; "" the course's
	LevelOverride         int    // EQF 1-8, 0: none
	OverrideReason        string
	OverrideBy            string `json:",omitzero"` // who decided on it; "" is not said
	Language              string // of the document; "" the institution's main one
	Number                string // certificate number; "" by rule

	// For the register alone; neither stands in the credential.
	AssessmentDate string   `json:",omitzero"` // YYYY-MM-DD, last day of assessing; "": not said
	Assessors      []string `json:",omitzero"` // names of who assessed
}

// Replacement says whose place an award takes, and why.
type Replacement struct {
	ID string // of the other record
	Why
}

// Config is what an issuer works with.
type Config struct {
	Institution Institution
	Store       store.Store
	Ring        *keys.Ring
	Now         func() time.Time // nil: time.Now
	// ClockJump is how far the clock may be from the newest status list before
	// nothing is signed any more ([ErrClock]); 0: 7 days.
	ClockJump time.Duration
	// ClockConfirmed says that the clock is right, whatever is on record: New signs
	// all status lists anew as of now, also those that are dated later.
	ClockConfirmed bool
	// Mirror is given each status list before it is published, so that it has every
	// revocation that was acknowledged; nil: there is none. Its error is reported to
	// Warn and stops nothing.
	Mirror func(list string, token []byte) error
	// ApprovalTime is how long a draft waits for another person's approval; 0: 30 days.
	ApprovalTime time.Duration
	// KeyApproval says that another person confirms that a key is compromised.
	KeyApproval bool
	// NewKey is what a key is made of that takes the place of a compromised one, but for
	// algorithm and time; without an organisation none is made.
	NewKey keys.NewKey
	// TrustChanged is given the institution's entry for trust files when its keys have
	// changed; nil: nobody is told.
	TrustChanged func(verifier.TrustedIssuer) error
	// Anchor is given each head of the audit log that was signed, to keep it where it
	// outlives this machine; nil: nowhere. Its error is reported to Warn and stops nothing.
	Anchor func(h store.Head) error
	// Anchored are heads that were kept: New refuses a store that contradicts one.
	Anchored [][]byte
	// KeysChanged is called when data keys were destroyed, to copy those that are left to
	// where a restoration finds them; nil: nowhere.
	KeysChanged func(ctx context.Context) error
	// Persons names all who could be whoever acts under a name, that name first: among
	// them is nobody who decides on what was asked for under it. nil: the name alone.
	Persons func(ctx context.Context, name string) ([]string, error)
	// Post is how letters to learners go out; nil: none do.
	Post *Post
	// Settings is a digest of the configuration, for the audit log; zero: not told.
	Settings [sha256.Size]byte
	// Step, unless nil, is told when a step of issuing begins, "forms", "reserve",
	// "seal", "check", "commit", or that of a status list, "publish", and returns what
	// is called when it ends.
	Step func(ctx context.Context, name string) (inner context.Context, end func(error))
	// Warn receives what an operator should know, constant messages with key-value pairs. nil: dropped.
	Warn func(msg string, args ...any)

	// sign runs one use of a key, nil: and nothing else. Tests put failures in its place.
	sign func(use func() (alike.Text, error)) (alike.Text, error)
}

// Issuer issues credentials. It is safe for concurrent use.
type Issuer struct {
	inst  Institution
	store store.Store
	ring  *keys.Ring
	now   func() time.Time
	warn  func(msg string, args ...any)
	sign  func(use func() (alike.Text, error)) (alike.Text, error)
	jump  time.Duration
	step  func(ctx context.Context, name string) (inner context.Context, end func(error))

	keyApproval  bool
	newKey       keys.NewKey
	trustChanged func(verifier.TrustedIssuer) error
	approvalTime time.Duration
	persons      func(ctx context.Context, name string) ([]string, error)
	keysChanged  func(ctx context.Context) error

	mirror     func(list string, token []byte) error
	anchor     func(h store.Head) error
	publishing sync.Mutex // one publication at a time; the store's sequence stops another process
	stopped    sync.Map   // ids of lists, see ListsStopped
	self       selfCheck
	documents  listDocuments
	moulds     moulds
	openLists  openLists
	rules      approvalRules
	kept       sync.Map   // hashes of courses that are kept, see keepCourse
	keeping    sync.Mutex // one of them is being put
	words      words
	custody    custody
	inspection atomic.Pointer[Inspection]

	post       *Post
	letterWake chan struct{}
	holding    holding

	recorded recorded
}

// New checks that the active key's certificate fits the institution and that
// what it seals opens again, and finishes what was left reserved, with the same
// code that issues. It starts nothing.
//
// A reservation that cannot be finished (its key was revoked since, our own
// verifier refuses it, or what it was to take the place of was withdrawn) stays reserved for ever and is reported to Warn: its
// number and its places in the status lists are never used again. One that cannot
// be finished because of the clock waits for the next start.
func New(ctx context.Context, c Config) (*Issuer, error) {
	i := &Issuer{inst: c.Institution, store: c.Store, ring: c.Ring, now: c.Now, warn: c.Warn, mirror: c.Mirror, anchor: c.Anchor, sign: c.sign, jump: cmp.Or(c.ClockJump, clockJump), step: c.Step,
		post: c.Post, letterWake: make(chan struct{}, 1)}
	if i.now == nil {
		i.now = time.Now
	}
	i.persons, i.keyApproval, i.newKey = c.Persons, c.KeyApproval, c.NewKey
	if i.trustChanged = c.TrustChanged; i.trustChanged == nil {
		i.trustChanged = func(verifier.TrustedIssuer) error { return nil }
	}
	if i.approvalTime = c.ApprovalTime; i.approvalTime == 0 {
		i.approvalTime = approvalTime
	}
	if i.mirror == nil {
		i.mirror = func(string, []byte) error { return nil }
	}
	if i.keysChanged = c.KeysChanged; i.keysChanged == nil {
		i.keysChanged = func(context.Context) error { return nil }
	}
	if i.anchor == nil {
		i.anchor = func(store.Head) error { return nil }
	}
	if i.warn == nil {
		i.warn = func(string, ...any) {}
	}
	if i.step == nil {
		i.step = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	if i.sign == nil {
		i.sign = func(use func() (alike.Text, error)) (alike.Text, error) { return use() }
	}

	// 1. The institution's facts.
	if err := i.inst.Validate(); err != nil {
		return nil, fmt.Errorf("checking the institution: %w", err)
	}
	if i.inst.Provider == "hei" && i.inst.Register.Number == "" {
		i.warn("institution has no entry in the national register of higher-education institutions")
	}

	// 2. The key: not one that the records, or another node's, know to be compromised,
	// ours by its certificate, and what it seals opens.
	if err := i.takeMarks(ctx); err != nil {
		return nil, err
	}
	if err := i.checkKey(ctx); err != nil {
		return nil, err
	}

	// 3. The records: those that were left, and not an older state of them. The log is
	// told of what changed beside it.
	if err := i.checkAnchored(ctx, c.Anchored); err != nil {
		return nil, err
	}
	if err := i.logChanges(ctx, &c.Settings); err != nil {
		return nil, fmt.Errorf("telling the audit log of keys and configuration: %w", err)
	}
	if _, err := i.ring.LogSealer(); errors.Is(err, keys.ErrNoKey) {
		i.warn("no key of its own seals the audit log: what it proves ends with the key for credentials; indeks keys log makes one")
	}

	// 4. Status lists that another key sealed, or that are due: a revoked key
	// must not stand behind them.
	if c.ClockConfirmed {
		if err := i.confirmClock(ctx); err != nil {
			return nil, err
		}
	} else if err := i.renew(ctx, false); err != nil {
		i.warn("status lists are not renewed", "error", err)
	}

	// 5. What an earlier process reserved and did not finish.
	var pending []store.Record
	for r, err := range i.store.Pending(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading pending issuances: %w", err)
		}
		pending = append(pending, r)
	}
	for _, r := range pending {
		switch _, err := i.seal(ctx, r, nil); {
		case errors.Is(err, keys.ErrNoKey), errors.Is(err, ErrRefused), errors.Is(err, ErrClock), errors.Is(err, store.ErrState):
			i.warn("issuance cannot be finished", "id", r.ID, "number", r.Number, "key", r.KeyID, "error", err)
		case err != nil:
			return nil, fmt.Errorf("finishing %s: %w", r.ID, err)
		case r.Supersedes != nil:
			if err := i.publishChanged(ctx); err != nil {
				i.warn("status lists do not say what the records do", "error", err)
			}
		}
	}

	// 6. What was approved and is not issued yet.
	if err := i.finishApprovals(ctx); err != nil {
		i.warn("approvals are not finished", "error", err)
	}
	if err := i.finishNameChecks(ctx); err != nil {
		i.warn("checks of names are not finished", "error", err)
	}
	if err := i.forgetDecided(ctx); err != nil {
		i.warn("ALARM: the data keys of what was decided on are still there", "error", err)
	}

	// 7. What was to be erased and is not yet.
	if err := i.finishErasures(ctx); err != nil {
		i.warn("ALARM: erasures are not finished", "error", err)
	}
	return i, nil
}

// checkKey seals a probe with the active key and opens it again.
func (i *Issuer) checkKey(ctx context.Context) error {
	sealer, err := i.ring.Sealer()
	if err != nil {
		return fmt.Errorf("taking the active key: %w", err)
	}
	now, public := i.clock(), sealer.Public()
	certificate := public.Certificate
	switch {
	case public.Controller != i.inst.DID:
		return fmt.Errorf("checking key %s: it belongs to %s, expected %s", public.ID, public.Controller, i.inst.DID)
	case certificate == nil:
		return fmt.Errorf("checking key %s: it has no seal certificate", public.ID)
	case keys.OrganizationIdentifier(certificate) != i.inst.OrganizationID:
		return fmt.Errorf("checking key %s: its certificate is for %q, expected %q", public.ID, keys.OrganizationIdentifier(certificate), i.inst.OrganizationID)
	}
	if err := mayDate(public, now); err != nil {
		return err
	}
	if suite := i.inst.DataIntegrity; suite != "" && suite != sealer.Cryptosuite() {
		return fmt.Errorf("checking key %s: with an %s key no proof of %s is made; make one with another algorithm, or choose another data_integrity", public.ID, public.Alg, suite)
	}
	probe := []byte(`{"probe":"` + public.ID + `"}`)
	for _, form := range []keys.Form{keys.VCJWT, keys.JAdES} {
		token, err := sealer.Seal(probe, form, now)
		if err != nil {
			return fmt.Errorf("sealing a probe: %w", err)
		}
		if err := i.open(ctx, token, probe); err != nil {
			return fmt.Errorf("opening a sealed probe: %w", err)
		}
	}
	return nil
}

// mayDate says why no seal of a key may be dated at an instant.
func mayDate(key *keys.PublicKey, at time.Time) error {
	certificate := key.Certificate
	switch {
	case at.Before(key.NotBefore):
		return fmt.Errorf("checking key %s: %s is before its first use on %s; is the clock right?", key.ID, at.Format(time.RFC3339), key.NotBefore.Format(time.RFC3339))
	case certificate != nil && (at.Before(certificate.NotBefore) || at.After(certificate.NotAfter)):
		return fmt.Errorf("checking key %s: its certificate is valid from %s to %s only", key.ID, certificate.NotBefore.UTC().Format(time.DateOnly), certificate.NotAfter.UTC().Format(time.DateOnly))
	}
	return nil
}

// SealsUntil is when the certificate of the key that seals ends.
func (i *Issuer) SealsUntil() (time.Time, error) {
	sealer, err := i.ring.Sealer()
	if err != nil {
		return time.Time{}, fmt.Errorf("taking the active key: %w", err)
	}
	return sealer.Public().Certificate.NotAfter, nil // New saw that there is one
}

// open opens a token with our own keys and compares what was sealed.
func (i *Issuer) open(ctx context.Context, token, payload []byte) error {
	opened, err := keys.Open(ctx, token, ownKeys(i.ring.Entries()))
	if err != nil {
		return err
	}
	if !bytes.Equal(opened.Payload, payload) {
		return errors.New("the sealed bytes are others than those given")
	}
	return nil
}

// ownKeys resolves the keys of our ring: by kid, by the Multikey that a proof
// names, or by the certificate in the header of a form whose kid names a certificate.
type ownKeys []keys.Entry

func (own ownKeys) Resolve(_ context.Context, h keys.Header) (*keys.PublicKey, error) {
	for _, e := range own {
		if h.KeyID == e.Public.ID || h.KeyID == e.Public.MultikeyID() || len(h.Chain) > 0 && e.Public.Certificate != nil && h.Chain[0].Equal(e.Public.Certificate) {
			return e.Public, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", keys.ErrUnknownKey, h.KeyID)
}

// clock is the time in whole seconds, as tokens carry it.
func (i *Issuer) clock() time.Time { return i.now().UTC().Truncate(time.Second) }

// Find returns the record with a certificate number, a credential id (whole, or
// its UUID) or a public id in any case, or store.ErrNotFound. Ids of statements
// are taken whole.
func (i *Issuer) Find(ctx context.Context, what string) (store.Record, error) {
	what = strings.TrimSpace(what)
	id := what
	if !strings.HasPrefix(id, credentialPrefix) {
		id = credentialPrefix + strings.ToLower(what)
	}
	for _, look := range []struct {
		by func(context.Context, string) (store.Record, error)
		at string
	}{{i.store.ByNumber, what}, {i.store.Get, id}, {i.store.Get, what}, {i.store.ByPublic, strings.ToUpper(what)}} {
		r, err := look.by(ctx, look.at)
		if !errors.Is(err, store.ErrNotFound) {
			return r, err
		}
	}
	return store.Record{}, fmt.Errorf("finding %.60q: %w", what, store.ErrNotFound)
}

// LearnerURL is the learner's own page.
func (i *Issuer) LearnerURL(r store.Record) string { return i.inst.PublicBase + "/h/" + r.Link }

// VerifyURL is what the printed QR code holds.
func (i *Issuer) VerifyURL(r store.Record) string {
	return paper.LinkQR(i.inst.VerifierBase, r.Public)
}

// TrustEntry is the institution's own entry for a trust file.
func (i *Issuer) TrustEntry() verifier.TrustedIssuer {
	return trustEntry(&i.inst, i.ring, i.now())
}

// Publication is the public face of the ring.
func (i *Issuer) Publication() keys.Publication {
	return keys.Publication{DID: i.inst.DID, IssuerURL: i.inst.PublicBase, Keys: i.ring.Entries()}
}
