package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"indeks/elm"
	"indeks/keys"
	"indeks/paper"
	"indeks/store"
	"indeks/verifier"
)

// ErrNoExtract means that there is no offline code for a credential: it is not in
// force, our key is not of a kind whose seals fit into one, or what must be told does
// not fit.
var ErrNoExtract = errors.New("there is no offline code for this credential")

// ExtractChoice says what an extract should tell beyond what every one does: id,
// issuer, period, status, name, title, awarding date, credits, level, workload and
// form. Who photographs a code has all of it, so the rest is the learner's choice.
type ExtractChoice struct {
	Lang     string // of texts; "": the credential's own
	Second   bool   // a second language beside it: English, or the institution's main one
	Outcomes bool
	Grade    bool
	Birth    bool
}

// PrintedChoice is what the code on a certificate tells where it fits.
var PrintedChoice = ExtractChoice{Outcomes: true}

// Extract is a sealed extract with the code that carries it.
type Extract struct {
	Token []byte
	Text  string // of the code
	paper.Symbol
	Told ExtractChoice // what it tells: where the code would be too large, less than was asked
}

// Extract seals an extract of a credential and draws its code. Where that would be
// too large for telephones, it leaves out the second language, then the outcomes,
// and then it is ErrNoExtract.
//
// It is made when it is asked for: only then is it known what the learner wants to
// show, and most are never asked for. It says nothing that was not sealed and
// recorded when the credential was issued, so it is dated then, or on the first use
// of the key that seals it where that is younger; and as long as that key is the
// active one it is the same bytes each time. It is not in the audit log, so that
// verifiers no longer confirm it once the key is reported lost.
func (i *Issuer) Extract(ctx context.Context, r store.Record, choice ExtractChoice) (*Extract, error) {
	doing := func(err error) (*Extract, error) { return nil, fmt.Errorf("making an extract: %w", err) }

	// 1. Of what is on record and in force.
	whole := r.Forms[string(elm.VC2)]
	if whole.Token == nil || r.Course == "" {
		return doing(store.ErrNotFound)
	}
	if r.State != store.Issued {
		return doing(fmt.Errorf("%w: it is %s", ErrNoExtract, r.State))
	}
	cred, err := elm.Parse(whole.Payload)
	if err != nil {
		return doing(err)
	}
	told := elm.ExtractOptions{Grade: choice.Grade}
	if choice.Birth {
		file, err := elm.Parse(r.Forms[string(elm.EDC)].Payload) // the other form has no birth date
		if err != nil {
			return doing(err)
		}
		if len(file.Subject) > 0 {
			told.Birth = file.Subject[0].DateOfBirth
		}
		choice.Birth = told.Birth != ""
	}

	// 2. With the key that seals today.
	sealer, err := i.ring.Sealer()
	if errors.Is(err, keys.ErrNoKey) {
		return doing(fmt.Errorf("%w: %w", ErrNoExtract, err))
	}
	if err != nil {
		return doing(err)
	}
	at, public := r.SealingTime, sealer.Public()
	if at.Before(public.NotBefore) {
		at = public.NotBefore
	}
	if err := mayDate(public, at); err != nil {
		return doing(err)
	}

	// 3. As much as fits of what was asked for.
	languages := i.extractLanguages(cred, choice.Lang)
	if len(languages) < 2 {
		choice.Second = false
	}
	for {
		told.Outcomes, told.Languages = choice.Outcomes, languages[:1]
		if choice.Second {
			told.Languages = languages
		}
		payload, err := cred.Extract(told)
		if err != nil {
			return doing(err)
		}
		token, err := i.signed(func() ([]byte, error) { return sealer.SealExtract(payload, at) })
		if err != nil {
			return doing(err)
		}
		x := &Extract{Token: token, Told: choice}
		if x.Text, err = paper.OfflineText(i.inst.VerifierBase, token); err == nil {
			x.Symbol, err = paper.OfflineSymbol(x.Text)
		}
		switch {
		case err == nil:
			if err := i.checkExtract(ctx, &r, x, payload); err != nil {
				return nil, err
			}
			return x, nil
		case !errors.Is(err, paper.ErrTooLarge):
			return doing(err)
		case choice.Second:
			choice.Second = false
		case choice.Outcomes:
			choice.Outcomes = false
		default:
			return doing(fmt.Errorf("%w: %w", ErrNoExtract, err))
		}
	}
}

// extractLanguages are the languages of a credential in which an extract may speak:
// the one asked for, else its own, and another one.
func (i *Issuer) extractLanguages(cred *elm.Credential, lang string) (languages []string) {
	var title elm.Text
	if len(cred.Subject) > 0 && len(cred.Subject[0].HasClaim) > 0 {
		title = cred.Subject[0].HasClaim[0].Title
	}
	own := paper.Language(cred)
	for _, tag := range slices.Concat([]string{lang, own, "en"}, i.inst.Languages) {
		if len(languages) < 2 && !slices.Contains(languages, tag) && len(title.Get(tag)) > 0 {
			languages = append(languages, tag)
		}
	}
	if len(languages) == 0 {
		return []string{own}
	}
	return languages
}

// checkExtract asks of what the code holds what an employer will ask, before anybody
// is given it.
func (i *Issuer) checkExtract(ctx context.Context, r *store.Record, x *Extract, payload []byte) error {
	v, _, err := i.verifiers()
	if err != nil {
		return err
	}
	report := v.Verify(ctx, []byte(x.Text))
	if report.State == verifier.StatusUnchecked {
		if err := i.unlisted(r.Entries); err != nil {
			return fmt.Errorf("checking an extract: %w", err)
		}
	}
	switch {
	case report.State != verifier.StateValid && report.State != verifier.Expired:
		return fmt.Errorf("checking an extract: %w", refused(report))
	case report.Extract == nil || report.ID != r.ID || !bytes.Equal(report.Credential.Raw, payload):
		return fmt.Errorf("checking an extract: %w: the code does not hold what was sealed", ErrRefused)
	}
	return nil
}
