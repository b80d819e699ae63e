package issuer

import (
	"context"
	"crypto"
	"fmt"
	"strings"

	"indeks/alike"
	"indeks/contexts"
	"indeks/elm"
	"indeks/store"
)

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
