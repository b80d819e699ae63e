package issuer

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"indeks/alike"
	"indeks/contexts"
	"indeks/elm"
	"indeks/keys"
	"indeks/status"
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
		if _, plain := i.inst.mouldKey(&d, &x, course.sum); !plain && whole != nil {
			select { // and once, even where it is drawn again
			case whole <- struct{}{}:
				defer func(w chan struct{}) { <-w }(whole)
				whole = nil
			case <-ctx.Done():
				return store.Record{}, ctx.Err()
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

// draw makes a record of everything about a new credential but its content.
func (i *Issuer) draw(ctx context.Context, d *Draft, number string) (store.Record, error) {
	at, keyID, err := i.sealingTime(ctx)
	if err != nil {
		return store.Record{}, err
	}
	entries, err := i.drawEntries(ctx, at)
	if err != nil {
		return store.Record{}, err
	}
	if d.Number != "" {
		number = d.Number
	}
	if number == "" {
		rule := i.numberRule(d.Course)
		n, err := i.store.Numbers(ctx, rule.series(at.Year()), 1)
		if err != nil {
			return store.Record{}, fmt.Errorf("drawing a certificate number: %w", err)
		}
		number = rule.number(at.Year(), n)
	}
	r := store.Record{
		ID:            credentialPrefix + newUUID(),
		Public:        NewPublicID(i.inst.QRPrefix),
		Link:          NewPublicID(""),
		Number:        number,
		Entries:       entries,
		SealingTime:   at,
		KeyID:         keyID,
		State:         store.Reserved,
		Course:        d.Course.ID,
		CourseVersion: d.Course.Version,
		Title:         d.Course.Title["en"],
		FamilyName:    d.FamilyName,
		GivenName:     d.GivenName,
		LearnerID:     d.LearnerID,
		Email:         d.Email,
		AwardingDate:  d.AwardingDate,
		Decision:      d.Course.Decision,
		ExternalID:    d.ExternalID,
		Batch:         d.Batch,
	}
	if r.Title == "" {
		r.Title = d.Course.Title[sortedLanguages(d.Course.Title)[0]]
	}
	if r.AwardingDate == "" {
		r.AwardingDate = at.Format(time.DateOnly)
	}
	r.ValidUntil, r.Draft, r.Assessment = d.validUntil(at), d.rest(), d.assessment()
	if o := d.Replaces; o != nil {
		r.Supersedes = &store.Supersession{ID: o.ID, Change: store.Change{At: at, State: store.Revoked, Code: o.Code, Reason: o.Text, By: o.By}}
	}
	if s := signatory(&i.inst, d.Course); s != nil {
		r.Signatory = s.Name + ", " + s.Office
	}
	return r, nil
}

// sealingTime chooses the time of sealing and a key that was in use at it. A
// rotation between the two look-ups would pair a time with a key that was
// retired before, so the key is looked up on both sides of the clock. A time that
// the key cannot bear, or that the records contradict, is refused here: once on
// record it could never be sealed.
func (i *Issuer) sealingTime(ctx context.Context) (time.Time, string, error) {
	for {
		before, err := i.ring.Sealer()
		if err != nil {
			return time.Time{}, "", fmt.Errorf("taking the active key: %w", err)
		}
		at := i.clock()
		after, err := i.ring.Sealer()
		if err != nil {
			return time.Time{}, "", fmt.Errorf("taking the active key: %w", err)
		}
		if key := after.Public(); key.ID == before.Public().ID {
			if err := mayDate(key, at); err != nil {
				return time.Time{}, "", err
			}
			return at, key.ID, i.checkClock(ctx, at, tolerated)
		}
	}
}

// listPurposes are those that each credential has an entry for.
var listPurposes = [...]string{status.Revocation, status.Suspension}

// openLists are the ids of the lists that were open when last asked for, nil: not asked.
// Reserve takes no entry of a list that was closed since, and then it is asked again.
type openLists [len(listPurposes)]atomic.Pointer[string]

func (l *openLists) forget() {
	for n := range l {
		l[n].Store(nil)
	}
}

// drawEntries draws the place in the open lists of both purposes. One index
// serves for both: it says nothing more about the learner, and lists that are
// opened and filled in step collide less often (see maxDraws).
func (i *Issuer) drawEntries(ctx context.Context, at time.Time) ([]store.Entry, error) {
	index, err := rand.Int(rand.Reader, big.NewInt(status.MinSize))
	if err != nil {
		return nil, fmt.Errorf("drawing an index: %w", err)
	}
	entries := make([]store.Entry, 0, len(listPurposes))
	for n, purpose := range listPurposes {
		known := i.openLists[n].Load()
		if known == nil {
			list, err := i.store.OpenList(ctx, purpose, at)
			if err != nil {
				return nil, fmt.Errorf("taking the open %s list: %w", purpose, err)
			}
			known = &list.ID
			i.openLists[n].Store(known)
		}
		entries = append(entries, store.Entry{List: *known, Index: index.Uint64(), Purpose: purpose})
	}
	return entries, nil
}

// numberRule is the course's rule, else the institution's, else the default.
// All of them were checked when course and institution were read.
func (i *Issuer) numberRule(c *Course) numberRule {
	for _, text := range []string{c.NumberRule, i.inst.NumberRule} {
		if rule, err := parseNumberRule(text); err == nil {
			return rule
		}
	}
	rule, _ := parseNumberRule(defaultNumberRule)
	return rule
}

// unsealed is a payload that is to be sealed.
type unsealed struct {
	payload alike.Text
	read    *elm.Credential // what it says where a mould gave it, else nil
	base    store.Base      // what it has in common with others, or zero
	between [][]byte        // what stands between the pieces of base
}

// forms builds and checks the payloads of an award in all its forms.
func (i *Issuer) forms(ctx context.Context, d *Draft, x drawn, course [32]byte) (map[string]unsealed, error) {
	forms, cred, err := i.awards(ctx, d, &x, course)
	if err != nil {
		return nil, err
	}
	if i.inst.DataIntegrity != "" {
		proved := forms[string(elm.VC2)].payload.Bytes()
		if _, err := openContexts().Canonicalize(proved, crypto.SHA256); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		forms[string(ProvedAward)] = unsealed{payload: alike.Whole(proved)}
	}
	if i.inst.OpenBadges {
		if cred == nil {
			if cred, err = i.inst.credential(d, x); err != nil {
				return nil, err
			}
		}
		payload, err := i.inst.badge(cred, d, x)
		if err != nil {
			return nil, err
		}
		forms[string(OpenBadge)] = unsealed{payload: alike.Whole(payload)}
	}
	return forms, nil
}

// awards are the two forms that each award has: out of moulds where there are
// some (see mould), else built, checked in full and made into moulds; only then
// the credential is returned too.
func (i *Issuer) awards(ctx context.Context, d *Draft, x *drawn, course [32]byte) (map[string]unsealed, *elm.Credential, error) {
	key, plain := i.inst.mouldKey(d, x, course)
	var known map[elm.Profile]*mould
	var moulded func()
	if plain {
		if known, moulded = i.moulds.await(ctx, key); moulded != nil {
			defer moulded()
		}
	}
	made := map[string]unsealed{}
	if len(known) > 0 {
		picture, err := i.inst.picture(x.Public)
		if err != nil {
			return nil, nil, err
		}
		texts := own(d, x, picture)
		parts := quoted(texts)
		for profile, m := range known {
			payload, between := m.payload(parts)
			made[string(profile)] = unsealed{payload, m.read(texts), m.base, between}
		}
		return made, nil, nil
	}

	cred, err := i.inst.credential(d, *x)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range forms {
		payload, err := i.payload(d, cred, f.profile)
		if err != nil {
			return nil, nil, err
		}
		made[string(f.profile)] = unsealed{payload: alike.Whole(payload)}
	}
	if moulded != nil {
		if err := i.mould(ctx, key, d, x, made); err != nil {
			return nil, nil, err
		}
	}
	return made, cred, nil
}

// mould keeps moulds of payloads that were built and checked. Where one does not
// give what was built, there are none for such documents.
func (i *Issuer) mould(ctx context.Context, key mouldKey, d *Draft, x *drawn, made map[string]unsealed) error {
	picture, err := i.inst.picture(x.Public)
	if err != nil {
		return err
	}
	texts := quoted(own(d, x, picture))
	moulds := map[elm.Profile]*mould{}
	for _, f := range forms {
		payload := made[string(f.profile)].payload.Bytes()
		m, err := i.inst.newMould(d, x, f.profile)
		if err != nil {
			return err
		}
		if m == nil || !m.gives(texts, payload) {
			i.moulds.add(key, map[elm.Profile]*mould{})
			return nil
		}
		if err := m.learn(payload); err != nil {
			return err
		}
		moulds[f.profile] = m
	}
	for _, m := range moulds {
		if len(x.Entries) == 0 { // only tried, see [Issuer.try]: nothing will rest on it
			break
		}
		if m.base, err = store.PutBase(ctx, i.store, m.pieces); err != nil {
			return err
		}
	}
	i.moulds.add(key, moulds)
	return nil
}

// payload writes one form and has it checked in full.
func (i *Issuer) payload(d *Draft, cred *elm.Credential, profile elm.Profile) ([]byte, error) {
	raw, err := cred.Encode(profile)
	if err != nil {
		return nil, fmt.Errorf("writing profile %s: %w", profile, err)
	}
	return raw, check(d, raw, profile)
}

// check judges a payload as a verifier would: strict format, data model, no term
// that the contexts do not define; the edc form by the shapes of its application
// profile; every concept in the list it names; Annex I complete.
//
// A trial seal with a throw-away key would add nothing to this: seal and trust
// are judged in step 6, with the real key, before anything is handed out; what
// can fail because of the content is found here, before ids are used.
func check(d *Draft, raw []byte, profile elm.Profile) error {
	read, err := elm.Parse(raw)
	if err != nil {
		return fmt.Errorf("%w: reading profile %s back: %w", ErrRefused, profile, err)
	}
	if err := read.Validate(); err != nil {
		return fmt.Errorf("%w: checking profile %s: %w", ErrRefused, profile, err)
	}
	undefined, err := contexts.Default().Inspect(read.Tree)
	if err != nil {
		return fmt.Errorf("%w: checking the contexts of profile %s: %w", ErrRefused, profile, err)
	}
	if len(undefined) > 0 {
		return fmt.Errorf("%w: profile %s has the undefined term %q at %s", ErrRefused, profile, undefined[0].Name, undefined[0].Pointer)
	}
	if profile == elm.EDC {
		shapes, err := contexts.ProfileShapes(edcProfile, contexts.ShapesVersion)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
		violations, err := contexts.Default().Validate(read.Tree, shapes)
		if err != nil {
			return fmt.Errorf("%w: checking the shapes of profile %s: %w", ErrRefused, profile, err)
		}
		if len(violations) > 0 {
			return fmt.Errorf("%w: %s: %s", ErrRefused, violations[0].Pointer, violations[0].Message)
		}
		return nil // its lists and Annex I are those of VC2, which carries less
	}
	for _, p := range contexts.Vocabulary(read.Tree) {
		if p.Closed {
			return fmt.Errorf("%w: %s: %s", ErrRefused, p.Pointer, p.Message)
		}
	}
	answers := elm.Completeness(read)
	var problems []Problem
	for _, id := range answers.Missing {
		problems = append(problems, Problem{Row: d.Row, Field: elementFields[id], Rule: "annex-i-" + id, Want: "is missing: element " + id + " of Annex I is mandatory"})
	}
	for _, id := range answers.Unstated {
		problems = append(problems, Problem{Row: d.Row, Field: elementFields[id], Rule: "annex-i-" + id, Want: "is missing: every supplement states it"})
	}
	if len(problems) > 0 {
		return &Problems{List: problems}
	}
	return nil
}

// edcProfile is the application profile that our edc form declares.
const edcProfile = "generic-full"

// elementFields are the fields that mandatory elements of the supplement come
// from.
var elementFields = map[string]string{
	"M1": "given_name", "M2": "/title", "M3": "country of the institution", "M4": "legal name of the institution", "M5": "awarding_date",
	"M6": "/outcomes", "M7": "/hours", "M8": "/level", "M9": "/assessment", "M10": "/mode", "M11": "/quality_assurance",
	"legal-basis": "/legal_basis", "confirm": "address of the verifier",
	"provider": "provider of the institution", "award-status": "/award_status", "award-kind": "/award_kind", "rpl": "rpl",
}

// Preview builds the credential of a draft in a profile without recording or
// sealing anything. Its id, number and link are placeholders, and it has no
// status entries.
func (i *Issuer) Preview(d Draft, profile string) ([]byte, error) {
	if err := i.checkDraft(&d, nil); err != nil {
		return nil, err
	}
	cred, err := i.inst.credential(&d, i.placeholder(&d))
	if err != nil {
		return nil, err
	}
	return i.payload(&d, cred, elm.Profile(profile))
}

// placeholder stands for what is drawn for a credential.
func (i *Issuer) placeholder(d *Draft) drawn {
	at := i.clock()
	number := d.Number
	if number == "" {
		number = i.numberRule(d.Course).number(at.Year(), 0)
	}
	return drawn{
		ID:     credentialPrefix + "00000000-0000-4000-8000-000000000000",
		Public: i.inst.QRPrefix + strings.Repeat("0", publicSymbols-len(i.inst.QRPrefix)),
		Number: number,
		At:     at,
	}
}

// publicSymbols is the length of public ids and links: 26 symbols of 5 bits.
const publicSymbols = 26

// NewPublicID draws a public id: prefix, and 26 symbols in all.
func NewPublicID(prefix string) string {
	random := make([]byte, publicSymbols-len(prefix))
	rand.Read(random) // never fails (crypto/rand)
	for n, b := range random {
		random[n] = publicAlphabet[b&31] // 256 is a multiple of 32: no symbol is likelier
	}
	return prefix + string(random)
}

// newUUID draws a UUID of version 4 (RFC 9562, section 5.4).
func newUUID() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	x := hex.EncodeToString(u[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
