package issuer

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/paper"
	"indeks/store"
)

// errNotReissued is why one credential was not issued again: it is to be looked at
// by hand.
var errNotReissued = errors.New("not issued again")

// mayReissue says why what a key has sealed cannot be sealed anew.
func (i *Issuer) mayReissue(key string) error {
	sealer, err := i.ring.Sealer()
	if err != nil {
		return fmt.Errorf("taking the active key: %w", err)
	}
	if sealer.Public().ID == key {
		return &Problems{List: []Problem{{Field: "select/key", Value: shorten(key), Rule: "bulk", Want: "still seals: make a new key and revoke this one first"}}}
	}
	return nil
}

// reissue puts a new credential in place of one whose key is no longer safe: word
// for word the same award, with ids, a number and places in the status lists of its
// own, sealed now and with the active key. Nothing is drawn up anew, so it says
// what the old one said even where course or institution have changed since. The
// lists are not published.
//
// Asked again for the same credential with the same key, it is the same record.
func (i *Issuer) reissue(ctx context.Context, id string, why Why) (store.Record, error) {
	// 1. The old one: in force, an award, and exactly what was sealed. A thief's forgery
	// is on no record, and a record that was changed does not fit its seals.
	old, err := i.store.Get(ctx, id)
	switch {
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrErased):
		return store.Record{}, fmt.Errorf("%w: %w", errNotReissued, err)
	case err != nil:
		return store.Record{}, err
	case old.State != store.Issued:
		return store.Record{}, fmt.Errorf("issuing %s again: %w: it is %s", id, store.ErrState, old.State)
	case old.Course == "":
		return store.Record{}, fmt.Errorf("%w: it is no award, a client wrote it: ask the client", errNotReissued)
	}
	if err := NewSeals(i.ring.Entries(), 1).Check(old); err != nil {
		return store.Record{}, fmt.Errorf("%w: %w", errNotReissued, err)
	}
	sealer, err := i.ring.Sealer()
	if err != nil {
		return store.Record{}, fmt.Errorf("taking the active key: %w", err)
	}
	key := digest([]string{"reissue", i.inst.DID, old.ID, sealer.Public().ID})
	switch known, err := i.store.Lookup(ctx, key); {
	case err == nil:
		return i.seal(ctx, known, nil)
	case !errors.Is(err, store.ErrNotFound):
		return store.Record{}, fmt.Errorf("looking up what is issued again: %w", err)
	}
	course, err := i.courseOf(ctx, old)
	if err != nil {
		course = &Course{} // the institution's rule numbers it, then
	}

	i.custody.using.RLock()
	defer i.custody.using.RUnlock()
	for range maxDraws {
		// 2. Draw what is its own.
		at, keyID, err := i.sealingTime(ctx)
		if err != nil {
			return store.Record{}, err
		}
		entries, err := i.drawEntries(ctx, at)
		if err != nil {
			return store.Record{}, err
		}
		rule := i.numberRule(course)
		n, err := i.store.Numbers(ctx, rule.series(at.Year()), 1)
		if err != nil {
			return store.Record{}, fmt.Errorf("drawing a certificate number: %w", err)
		}
		r := old
		r.ID, r.Public, r.Link, r.Number = credentialPrefix+newUUID(), NewPublicID(i.inst.QRPrefix), NewPublicID(""), rule.number(at.Year(), n)
		r.Key, r.RequestHash, r.ExternalID = key, digest([]string{"reissue", old.ID}), ""
		r.Entries, r.SealingTime, r.KeyID = entries, at, keyID
		r.State, r.Changes, r.Erasures = store.Reserved, nil, nil
		r.Supersedes = &store.Supersession{ID: old.ID, Change: store.Change{At: at, State: store.Revoked, Code: why.Code, Reason: why.Text, By: why.By}}

		// 3. The same words.
		if r.Forms, err = paced(ctx, func() (map[string]store.Sealed, error) { return i.renewed(&old, &r, sealer.Cryptosuite()) }); err != nil {
			return store.Record{}, fmt.Errorf("%w: %w", errNotReissued, err)
		}

		// 4. From here on as when issuing.
		reserved, err := i.reserve(ctx, r)
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

// renewed are the payloads of a record, each that of the old record but for what
// is its own. A form that the new key cannot seal is left out.
func (i *Issuer) renewed(old, r *store.Record, cryptosuite string) (map[string]store.Sealed, error) {
	forms := map[string]store.Sealed{}
	for name, was := range old.Forms {
		var payload []byte
		var err error
		switch profile := elm.Profile(name); profile {
		case elm.EDC, elm.VC2:
			payload, err = i.renewedAward(old, r, profile, was.Payload)
		case OpenBadge:
			payload, err = i.renewedBadge(old, r, was.Payload)
		case ProvedAward:
			if cryptosuite == "" {
				continue
			}
			payload, err = i.renewedAward(old, r, elm.VC2, was.Payload)
		default:
			err = fmt.Errorf("form %s is not known", name)
		}
		if err != nil {
			return nil, fmt.Errorf("writing form %s anew: %w", name, err)
		}
		for _, own := range []string{old.ID, old.Public, i.LearnerURL(*old)} {
			if bytes.Contains(payload, []byte(own)) {
				return nil, fmt.Errorf("writing form %s anew: it would still name its predecessor", name)
			}
		}
		forms[name] = store.Sealed{Payload: payload}
	}
	return forms, nil
}

// sameDocument reports whether two texts say the same in JSON, where the order of members
// has no meaning: versions of this program differ in it.
func sameDocument(a, b []byte) bool {
	x, y := jsontext.Value(bytes.Clone(a)), jsontext.Value(bytes.Clone(b))
	return x.Canonicalize() == nil && y.Canonicalize() == nil && bytes.Equal(x, y)
}

// renewedAward reads an award back, holds that reading and writing it changes
// nothing, and writes it with what is the new record's own.
func (i *Issuer) renewedAward(old, r *store.Record, profile elm.Profile, was []byte) ([]byte, error) {
	cred, err := elm.Parse(was)
	if err != nil {
		return nil, err
	}
	if again, err := cred.Encode(profile); err != nil || !sameDocument(again, was) {
		return nil, fmt.Errorf("an earlier version of this program wrote it otherwise: correct it instead (%v)", err)
	}
	// Every place that says one of these, or the new one would lead to the old one.
	cred.ID = r.ID
	cred.ValidFrom = elm.At(r.SealingTime)
	entries := i.inst.statusEntries(r.Entries)
	if profile == elm.EDC {
		cred.IssuanceDate, cred.Issued = cred.ValidFrom, cred.ValidFrom
		cred.Status = entries
	} else {
		cred.CredentialStatus = entries
	}
	numbered, shown, linked := false, false, false
	for n := range cred.Identifier {
		if id := &cred.Identifier[n]; id.SchemeName == certificateScheme && id.Notation == old.Number {
			id.Notation, numbered = r.Number, true
		}
	}
	png, err := paper.PNG(i.VerifyURL(*r), pictureScale)
	if err != nil {
		return nil, fmt.Errorf("drawing the QR code: %w", err)
	}
	if d := cred.DisplayParameter; d != nil && len(d.IndividualDisplay) > 0 && len(d.IndividualDisplay[0].DisplayDetail) > 0 {
		if image := d.IndividualDisplay[0].DisplayDetail[0].Image; image != nil {
			image.Content, shown = base64.StdEncoding.EncodeToString(png), true
		}
	}
	for p := range cred.Subject {
		for c := range cred.Subject[p].HasClaim {
			for n := range cred.Subject[p].HasClaim[c].SupplementaryDocument {
				if doc := &cred.Subject[p].HasClaim[c].SupplementaryDocument[n]; strings.HasSuffix(doc.ContentURL, "/C/"+old.Public) {
					doc.ContentURL, linked = strings.TrimSuffix(doc.ContentURL, old.Public)+r.Public, true
				}
			}
		}
	}
	if !numbered || !shown || !linked {
		return nil, errors.New("it lacks the number, the code or the link that awards have: correct it instead")
	}
	return i.payload(&Draft{}, cred, profile)
}

// renewedBadge does the same to an Open Badge.
func (i *Issuer) renewedBadge(old, r *store.Record, was []byte) ([]byte, error) {
	var b badge
	if err := json.Unmarshal(was, &b, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if again, err := json.Marshal(b, json.Deterministic(true)); err != nil || !bytes.Equal(again, was) {
		return nil, fmt.Errorf("an earlier version of this program wrote it otherwise: correct it instead (%v)", err)
	}
	own := func(id string) string {
		if rest, ok := strings.CutPrefix(id, old.ID); ok {
			return r.ID + rest
		}
		return id
	}
	b.ID, b.Jti, b.Sub, b.Subject.ID, b.Subject.Achievement.ID = own(b.ID), own(b.Jti), own(b.Sub), own(b.Subject.ID), own(b.Subject.Achievement.ID)
	b.ValidFrom, b.Nbf = elm.At(r.SealingTime), r.SealingTime.Unix()
	b.Status = badgeStatus(i.inst.statusEntries(r.Entries))
	raw, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return raw, checkBadge(raw)
}
