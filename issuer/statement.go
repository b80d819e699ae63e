package issuer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"indeks/contexts"
	"indeks/elm"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
	"indeks/strictjson"
)

// Statement is a credential that a client of ours wrote, about whatever it
// likes, to be sealed as it is: no course stands behind it, and nothing but VCDM
// 2.0 is asked of it.
type Statement struct {
	Credential []byte    // JSON
	Form       keys.Form // VCJWT or DataIntegrity, "": VCJWT
	// Purposes are those of the status entries that are added where the credential
	// has no credentialStatus of its own; nil: revocation.
	Purposes   []string
	RequestKey store.Key // from an Idempotency-Key; zero: every call is another credential
}

// Limits on statements.
const (
	maxStatementID = 200   // bytes of a credential's own id, which is the key of its record
	maxCopies      = 1_000 // credentials under one id
)

// IssueStatement seals a statement and records it: like Issue, it returns the
// record only when it is durable, and a crash on the way is finished by New.
//
// The record stands under the credential's id, so that it can be withdrawn by
// it. A credential without id is given one. VCDM 2.0 lets an issuer use an id
// again, for a renewed credential: the record of the second then stands under
// the id, a space and "2", which no id can be, and so on. Public and Link of the
// record lead nowhere, and Number is Public: the store asks for them.
//
// Errors: [*elm.FormatError] and [*elm.ValidationError] for what VCDM 2.0
// forbids, an issuer that is not this one, or a place in our status lists that
// was not drawn here; the rest is as with Issue.
func (i *Issuer) IssueStatement(ctx context.Context, s Statement) (store.Record, error) {
	// 1. Does it conform, and does it speak in our name?
	cred, err := elm.Conform(s.Credential)
	if err != nil {
		return store.Record{}, err
	}
	if err := i.ours(cred); err != nil {
		return store.Record{}, err
	}
	profile, err := i.statementProfile(&s, cred)
	if err != nil {
		return store.Record{}, err
	}
	purposes := s.Purposes
	if purposes == nil {
		purposes = []string{status.Revocation}
	}

	// 2. Is it known?
	key, hash := s.RequestKey, sha256.Sum256(fmt.Appendf(nil, "%s:%q:%s", profile, purposes, s.Credential))
	if key == (store.Key{}) {
		rand.Read(key[:]) // never fails (crypto/rand)
	}
	known, err := i.store.Lookup(ctx, key)
	switch {
	case err == nil && known.RequestHash != hash:
		return store.Record{}, fmt.Errorf("issuing again as %s: %w", known.ID, store.ErrConflict)
	case err == nil:
		return i.seal(ctx, known, nil)
	case !errors.Is(err, store.ErrNotFound):
		return store.Record{}, fmt.Errorf("looking up the statement: %w", err)
	}
	i.custody.using.RLock()
	defer i.custody.using.RUnlock()
	for range maxDraws {
		// 3. Draw what goes on record before it is used.
		at, keyID, err := i.sealingTime(ctx)
		if err != nil {
			return store.Record{}, err
		}
		r := store.Record{
			Key: key, RequestHash: hash, Public: NewPublicID(i.inst.QRPrefix), Link: NewPublicID(""),
			SealingTime: at, KeyID: keyID, State: store.Reserved, Title: strings.Join(otherTypes(cred), ", "),
		}
		r.Number = r.Public
		payload := bytes.TrimSpace(s.Credential)
		if cred.ID == "" {
			r.ID = credentialPrefix + newUUID()
			payload = withMember(payload, "id", r.ID)
		} else if r.ID, err = i.freeID(ctx, cred.ID); err != nil {
			return store.Record{}, err
		}
		if cred.Tree.Get("credentialStatus").Kind() <= strictjson.Null && len(purposes) > 0 {
			entries, err := i.drawEntries(ctx, at)
			if err != nil {
				return store.Record{}, err
			}
			r.Entries = slices.DeleteFunc(entries, func(e store.Entry) bool { return !slices.Contains(purposes, e.Purpose) })
			payload = withMember(payload, "credentialStatus", i.statementStatus(r.Entries))
		}
		if _, err := elm.Conform(payload); err != nil {
			return store.Record{}, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		r.Forms = map[string]store.Sealed{string(profile): {Payload: payload}}

		// 4. The intent goes on record, then it is sealed like any other.
		reserving, end := i.step(ctx, "reserve")
		reserved, err := i.reserve(reserving, r)
		end(err)
		switch {
		case errors.Is(err, store.ErrIndexTaken), errors.Is(err, store.ErrListFull), errors.Is(err, store.ErrIDTaken), errors.Is(err, store.ErrNumberTaken):
			continue
		case err != nil:
			return store.Record{}, fmt.Errorf("reserving: %w", err)
		}
		return i.seal(ctx, reserved, nil)
	}
	return store.Record{}, fmt.Errorf("reserving: %d draws of a place in the status lists were taken: %w", maxDraws, store.ErrIndexTaken)
}

// statementProfile is under which profile a statement is on record. What is to be
// sealed by a proof must have a meaning that can be worked out, and a key that
// serves a cryptosuite.
func (i *Issuer) statementProfile(s *Statement, cred *elm.Credential) (elm.Profile, error) {
	if s.Form != keys.DataIntegrity {
		return elm.Other, nil
	}
	sealer, err := i.ring.Sealer()
	if err != nil {
		return "", fmt.Errorf("taking the active key: %w", err)
	}
	if sealer.Cryptosuite() == "" {
		return "", ErrNoCryptosuite
	}
	if cred.Tree.Has("proof") {
		return "", refuseStatement("/proof", "vc-proof", "a proof is added here; there is one already")
	}
	if _, err := openContexts().Canonicalize(s.Credential, crypto.SHA256); err != nil {
		if p, ok := errors.AsType[*contexts.Problem](err); ok {
			return "", refuseStatement(p.Pointer, p.Rule, p.Detail)
		}
		return "", refuseStatement("", "budget", err.Error())
	}
	return otherProof, nil
}

// Cryptosuite is the one that proofs of statements have at present, "" where the
// active key serves none.
func (i *Issuer) Cryptosuite() string {
	sealer, err := i.ring.Sealer()
	if err != nil {
		return ""
	}
	return sealer.Cryptosuite()
}

// ErrNoCryptosuite is returned where a statement cannot have a proof.
var ErrNoCryptosuite = errors.New("the active key serves no cryptosuite of Data Integrity")

func refuseStatement(pointer, rule, detail string) error {
	return &elm.ValidationError{Broken: []elm.FormatError{{Pointer: pointer, Rule: rule, Detail: detail}}}
}

// ours refuses what would be sealed in another's name, or would stand in for a
// status list of ours.
func (i *Issuer) ours(cred *elm.Credential) error {
	lists := i.inst.listURL("")
	switch {
	case cred.Issuer.ID != i.inst.DID:
		return refuseStatement("/issuer", "vc-issuer", "credentials of this issuer name "+i.inst.DID+" as issuer")
	case len(cred.ID) > maxStatementID:
		return refuseStatement("/id", "vc-id", fmt.Sprintf("an id of more than %d bytes cannot be recorded", maxStatementID))
	case strings.HasPrefix(cred.ID, lists):
		return refuseStatement("/id", "vc-id", "status lists are published, not issued")
	}
	for _, entry := range cred.StatusEntries() {
		if strings.HasPrefix(entry.StatusListCredential, lists) {
			return refuseStatement("/credentialStatus", "vc-status", "places in the lists of this issuer are drawn, not chosen; leave the status out and one is added")
		}
	}
	return nil
}

// otherTypes are the types of a credential beside the one that all have.
func otherTypes(cred *elm.Credential) []string {
	return slices.DeleteFunc(slices.Clone(cred.Type), func(t string) bool { return t == "VerifiableCredential" })
}

// copyID is the id of the record of the nth credential under an id.
func copyID(id string, n int) string {
	if n == 1 {
		return id
	}
	return id + " " + strconv.Itoa(n)
}

// freeID is the first of an id's records that is not there yet. Who takes it at
// the same time makes Reserve refuse it.
func (i *Issuer) freeID(ctx context.Context, id string) (string, error) {
	for n := 1; n <= maxCopies; n++ {
		_, err := i.store.Get(ctx, copyID(id, n))
		if errors.Is(err, store.ErrNotFound) {
			return copyID(id, n), nil
		}
		if err != nil && !errors.Is(err, store.ErrErased) {
			return "", fmt.Errorf("looking for credentials of the same id: %w", err)
		}
	}
	return "", fmt.Errorf("issuing under an id for more than %d times: %w", maxCopies, store.ErrIDTaken)
}

// ChangeStatement revokes, suspends or reinstates every credential that
// IssueStatement made under an id: whoever withdraws an id means it, whichever
// copy is shown. on says whether the status of purpose is set or cleared.
// store.ErrNotFound, and store.ErrState as with Revoke.
func (i *Issuer) ChangeStatement(ctx context.Context, id, purpose string, on bool, by string) error {
	to := map[string]map[bool]store.State{
		status.Revocation: {true: store.Revoked},
		status.Suspension: {true: store.Suspended, false: store.Issued},
	}[purpose][on]
	if to == "" {
		return fmt.Errorf("%w: a revocation is final, and there are no statuses but revocation and suspension", store.ErrState)
	}
	for n := 1; n <= maxCopies; n++ {
		r, err := i.store.Get(ctx, copyID(id, n))
		switch {
		case n > 1 && errors.Is(err, store.ErrNotFound):
			return nil
		case errors.Is(err, store.ErrErased): // of which the lists still tell
		case err != nil:
			return fmt.Errorf("finding a credential: %w", err)
		case r.Forms[string(elm.Other)].Payload == nil && r.Forms[string(otherProof)].Payload == nil:
			return fmt.Errorf("%w: it is an award, with addresses of its own for this", store.ErrState)
		}
		if _, err := i.change(ctx, r.ID, to, Why{By: by}); err != nil {
			return err
		}
	}
	return nil
}

// statementStatus is the value of credentialStatus, an object where there is one
// entry, as readers of the field expect it.
func (i *Issuer) statementStatus(entries []store.Entry) any {
	type entry struct {
		Type                 string `json:"type"`
		StatusPurpose        string `json:"statusPurpose"`
		StatusListIndex      string `json:"statusListIndex"`
		StatusListCredential string `json:"statusListCredential"`
	}
	var list []entry
	for _, e := range entries {
		list = append(list, entry{"BitstringStatusListEntry", e.Purpose, strconv.FormatUint(e.Index, 10), i.inst.listURL(e.List)})
	}
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// withMember adds a member to the end of a JSON object that has members.
func withMember(object []byte, name string, value any) []byte {
	added, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		panic(err) // unreachable: text and entries
	}
	return slices.Concat(object[:len(object)-1], []byte(","), added[1:])
}
