package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"indeks/alike"
	"indeks/elm"
	"indeks/keys"
	"indeks/store"
)

const credentialPrefix = "urn:credential:"

// forms are the profiles of an award with the form in which each is sealed.
var forms = []profileForm{{elm.EDC, keys.JAdES}, {elm.VC2, keys.VCJWT}}

// allForms are those, what an institution may add, and what a [Statement] is
// sealed as. A record has some of them.
var allForms = append(slices.Clone(forms), profileForm{ProvedAward, keys.DataIntegrity}, profileForm{OpenBadge, keys.JWT}, profileForm{elm.Other, keys.VCJWT}, profileForm{otherProof, keys.DataIntegrity})

// ProvedAward and otherProof are in records what elm.VC2 and elm.Other are, sealed
// by an embedded proof.
const (
	ProvedAward = elm.VC2 + "-proof"
	otherProof  = elm.Other + "-proof"
)

type profileForm struct {
	profile elm.Profile
	form    keys.Form
}

// maxDraws bounds how often an issuance draws anew. Both entries of a credential
// have the same index in lists that fill in step and close at 70 %, so a draw
// hits a used one with probability 0.7 at worst, and 32 in a row with 0.00001.
const maxDraws = 32

// Issue takes a draft to a sealed, recorded credential: it returns the record
// only when it is durable. Repeating it with the same draft returns the same
// record. A draft with problems is a [*Problems].
//
// Errors: [*Problems] for a draft that breaks a rule, store.ErrConflict where
// its key stands for another content, [ErrNeedsNameCheck] and [ErrNeedsApproval] where
// the course asks for the learner's word or another person's approval and there is none,
// keys.ErrNoKey where the key to seal with is missing or was revoked in between (asked
// again, it is sealed with another, unless the draft names a number or an external id of
// its own, which the burned reservation keeps), [ErrRefused]. After any other error the
// outcome is unknown; the same draft may be issued again.
//
// Where the draft takes the place of another award ([Issuer.Correction]), that one
// is revoked in the step that makes the new one durable, and the status lists are
// published before Issue returns: store.ErrState where it is no longer in force.
func (i *Issuer) Issue(ctx context.Context, d Draft) (store.Record, error) {
	r, err := i.issue(ctx, d, "", nil, nil)
	r.Join()
	if err != nil || r.Supersedes == nil {
		return r, err
	}
	return r, i.publishSuperseded(ctx, r)
}

// publishSuperseded publishes the lists that show that a record took another's place.
func (i *Issuer) publishSuperseded(ctx context.Context, r store.Record) error {
	old, err := i.store.Get(ctx, r.Supersedes.ID)
	if err == nil || errors.Is(err, store.ErrErased) {
		err = i.publishEntries(ctx, old)
	}
	if err != nil {
		return fmt.Errorf("publishing that %s is superseded: %w", r.Supersedes.ID, err)
	}
	return nil
}

// issue is Issue with a certificate number that was drawn for a draft that was not known, or
// "", and with the text of the course where that was written already, else nil. whole
// bounds how many of a class are built and under way that no mould gives; nil: none of a class.
func (i *Issuer) issue(ctx context.Context, d Draft, number string, course *courseText, whole chan struct{}) (store.Record, error) {
	// 1. Is it known? Then the answer is on record, or the reservation is. Where it was not
	// when its number was drawn, Reserve says whether it is now.
	if err := i.checkDraft(&d, course); err != nil {
		return store.Record{}, err
	}
	if course == nil {
		course = textOf(d.Course)
	}
	key, hash := d.Key(i.inst.DID), d.requestHash(course)
	for number == "" {
		known, err := i.known(ctx, key, hash)
		if err != nil {
			return store.Record{}, err
		}
		if known == nil {
			break
		}
		if known.State != store.Reserved || !i.compromised(known.KeyID) {
			return i.seal(ctx, *known, nil)
		}
		// It was reserved for a key that is compromised since, so it is never sealed: what
		// takes its place is found under a key that follows from both.
		key = digest([]string{"again", fmt.Sprintf("%x", key), known.KeyID})
	}
	if err := i.checkReplaces(ctx, &d); err != nil {
		return store.Record{}, err
	}
	if err := i.resolveRecognition(ctx, &d); err != nil {
		return store.Record{}, err
	}
	// Readers of the credential are led to the version in the catalogue, so it
	// must be the one that is awarded.
	page, inCatalogue, err := i.courseInCatalogue(ctx, &d, course.sum)
	if err != nil {
		return store.Record{}, err
	}
	// The learner has looked at the name, where the course asks for it.
	if err := i.checkName(ctx, &d); err != nil {
		return store.Record{}, err
	}
	// Nor does anybody award alone what takes two.
	if err := i.checkApproval(ctx, &d); err != nil {
		return store.Record{}, err
	}
	if !inCatalogue {
		if err := i.keepCourse(ctx, d.Course, course.sum); err != nil {
			return store.Record{}, err
		}
	}
	// From the choice of a key until it has sealed, whoever ends that key waits, so that a
	// mark burns only what a crash has left (see finishWith).
	i.custody.using.RLock()
	defer i.custody.using.RUnlock()
	for range maxDraws {
		// 2. Draw ids, places in the status lists and the number, choose the
		// sealing time and the key; all of it goes on record before it is used.
		r, err := i.draw(ctx, &d, number)
		if err != nil {
			return store.Record{}, err
		}
		r.Key, r.RequestHash, r.CourseSHA256 = key, hash, course.sum
		// 3. Build the payloads of all forms and check them.
		x := drawn{ID: r.ID, Public: r.Public, Number: r.Number, Entries: r.Entries, At: r.SealingTime, Page: page}
		if whole != nil {
			if _, plain := i.inst.mouldKey(&d, &x, course.sum); !plain {
				select { // and once, even where it is drawn again
				case whole <- struct{}{}:
					defer func(w chan struct{}) { <-w }(whole)
					whole = nil
				case <-ctx.Done():
					return store.Record{}, ctx.Err()
				}
			}
		}
		_, end := i.step(ctx, "forms")
		forms, err := paced(ctx, func() (map[string]unsealed, error) { return i.forms(ctx, &d, x, course.sum) })
		end(err)
		if err != nil {
			return store.Record{}, err
		}
		r.Forms = map[string]store.Sealed{}
		for profile, form := range forms {
			r.Forms[profile] = store.Sealed{Parts: form.payload, Between: form.between, Base: form.base}
		}
		// 4. The intent goes on record: the point after which the ids are used.
		reserving, end := i.step(ctx, "reserve")
		reserved, err := i.reserve(reserving, r)
		end(err)
		switch {
		case errors.Is(err, store.ErrConflict): // with what was put since
			if _, conflict := i.known(ctx, key, hash); conflict != nil {
				err = conflict
			}
			return store.Record{}, fmt.Errorf("reserving: %w", err)
		case errors.Is(err, store.ErrNumberTaken) && d.Number != "":
			return store.Record{}, &Problems{List: []Problem{{Row: d.Row, Field: "certificate_number", Value: shorten(d.Number), Rule: "number-taken", Want: "has already been used, expected another number"}}}
		case errors.Is(err, store.ErrCourseDiffers): // put since it was looked for
			return store.Record{}, otherVersion(&d)
		case errors.Is(err, store.ErrNumberTaken):
			number = "" // given in a row once before the rule came to it
			continue
		case errors.Is(err, store.ErrIndexTaken), errors.Is(err, store.ErrListFull), errors.Is(err, store.ErrIDTaken):
			continue
		case err != nil:
			return store.Record{}, fmt.Errorf("reserving: %w", err)
		}
		// 5. to 7. Another process may have reserved this key in the meantime:
		// what is sealed is what the store answered, never what was built here.
		return i.seal(ctx, reserved, forms)
	}
	return store.Record{}, fmt.Errorf("reserving: %d draws of a place in the status lists were taken: %w", maxDraws, store.ErrIndexTaken)
}

// known returns the record with a key, nil where there is none, or store.ErrConflict where
// its request was another.
func (i *Issuer) known(ctx context.Context, key store.Key, hash [32]byte) (*store.Record, error) {
	r, err := i.store.Lookup(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up the draft: %w", err)
	case r.RequestHash != hash:
		return nil, fmt.Errorf("issuing again as %s, number %s: %w", r.ID, r.Number, store.ErrConflict)
	}
	return &r, nil
}

// reserve puts a record on record, and forgets which lists are open where one is not.
func (i *Issuer) reserve(ctx context.Context, r store.Record) (store.Record, error) {
	reserved, err := i.store.Reserve(ctx, r)
	if errors.Is(err, store.ErrListFull) {
		i.openLists.forget()
	}
	return reserved, err
}

// seal takes a record from reserved to issued. It is the only code that seals
// credentials: for new ones, for what a crash left behind, for repeated requests.
// built is what was built of the record just now, nil where it was not.
func (i *Issuer) seal(ctx context.Context, r store.Record, built map[string]unsealed) (store.Record, error) {
	if r.State != store.Reserved {
		return r, nil
	}
	// 5. Seal the payloads of the record, as of its sealing time and with the
	// key it names. A revoked key seals no more: such a reservation is burned,
	// since no other key was in use at its sealing time, and who asks again gets another.
	sealer, err := i.ring.SealerFor(r.KeyID)
	if err != nil {
		return store.Record{}, fmt.Errorf("sealing %s: %w", r.ID, err)
	}
	tokens, err := paced(ctx, func() (map[string]alike.Text, error) {
		tokens := make(map[string]alike.Text, len(r.Forms))
		for _, f := range allForms {
			form, is := r.Forms[string(f.profile)]
			if !is {
				continue
			}
			payload := form.Text()
			_, end := i.step(ctx, "seal")
			token, err := i.sign(func() (alike.Text, error) {
				if f.form == keys.DataIntegrity { // of the suite that the key serves, whatever was chosen since
					proved, err := sealer.AddProof(payload.Bytes(), sealer.Cryptosuite(), keys.ProofOptions{Canonicalize: openContexts().Canonicalize}, r.SealingTime)
					return alike.Whole(proved), err
				}
				return sealer.SealText(payload, f.form, r.SealingTime)
			})
			end(err)
			if err != nil {
				return nil, fmt.Errorf("sealing %s as %s: %w", r.ID, f.profile, err)
			}
			// 6. Check what was sealed with the verifier that everybody uses.
			checking, end := i.step(ctx, "check")
			err = i.checkSealed(checking, &r, f.profile, payload, token, built[string(f.profile)])
			end(err)
			if err != nil {
				return nil, fmt.Errorf("checking %s as %s: %w", r.ID, f.profile, err)
			}
			tokens[string(f.profile)] = token
		}
		return tokens, nil
	})
	if err != nil {
		return store.Record{}, err
	}
	// 7. Commit, and with it the letter that brings the link. The first writer wins; what
	// it wrote is the answer.
	committing, end := i.step(ctx, "commit")
	sealed, err := i.store.Commit(committing, r.ID, tokens, i.issuedLetter(&r)...)
	end(err)
	if err != nil {
		return store.Record{}, fmt.Errorf("committing: %w", err)
	}
	i.rouseLetters()
	return sealed, nil
}

// signed runs one use of a key for what has nothing in common with others.
func (i *Issuer) signed(use func() ([]byte, error)) ([]byte, error) {
	token, err := i.sign(func() (alike.Text, error) {
		whole, err := use()
		return alike.Whole(whole), err
	})
	return token.Bytes(), err
}

// checkDraft judges a draft and brings its texts into one form. course is the text of its
// course, nil where it was not written yet.
func (i *Issuer) checkDraft(d *Draft, course *courseText) error {
	if d.Course == nil {
		return &Problems{List: []Problem{{Row: d.Row, Field: "course", Rule: "course", Want: "the course is missing"}}}
	}
	d.normalise()
	if err := d.check(); err != nil {
		return err
	}
	if err := course.check(&i.inst, d.Course); err != nil {
		return err
	}
	// A day ahead is today somewhere.
	tomorrow := i.clock().AddDate(0, 0, 1).Format(time.DateOnly)
	if d.AwardingDate > tomorrow {
		return &Problems{List: []Problem{{Row: d.Row, Field: "awarding_date", Value: d.AwardingDate, Rule: "date-future", Want: "is in the future, expected today or an earlier date"}}}
	}
	if d.AssessmentDate > tomorrow {
		return &Problems{List: []Problem{{Row: d.Row, Field: "assessment_date", Value: d.AssessmentDate, Rule: "date-future", Want: "is in the future, expected today or an earlier date"}}}
	}
	if end := d.validUntil(i.clock()); !end.IsZero() && end.Before(i.clock()) {
		return &Problems{List: []Problem{{Row: d.Row, Field: "awarding_date", Value: d.AwardingDate, Rule: "date-expired",
			Want: "is so long ago that the award ended on " + end.Format(time.DateOnly) + ": expected one that is still valid"}}}
	}
	return nil
}
