package verifier

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"indeks/alike"
	"indeks/elm"
	"indeks/keys"
	"indeks/paper"
)

// checkNames are the checks of every report, in order.
var checkNames = []string{
	CheckFormat, CheckSeal, CheckIssuer, CheckAccreditation, CheckRevocation, CheckExpiry, CheckSupplement, CheckOwner,
}

// required are the checks without which nothing is valid.
var required = []string{CheckFormat, CheckSeal, CheckIssuer, CheckRevocation, CheckExpiry}

// check returns the check with this name, for filling it in.
func (r *Report) check(name string) *Check {
	return &r.Checks[slices.Index(checkNames, name)]
}

func (c *Check) pass(s *Sentence, values ...any) {
	c.Result, c.Reason, c.Message = Passed, "", Message{s, values}
}

func (c *Check) fail(reason Reason, s *Sentence, values ...any) {
	c.Result, c.Reason, c.Message = Failed, reason, Message{s, values}
}

func (c *Check) notMade(reason Reason, s *Sentence, values ...any) {
	c.Result, c.Reason, c.Message = NotMade, reason, Message{s, values}
}

func (c *Check) remark(s *Sentence, values ...any) {
	c.Remarks = append(c.Remarks, Message{s, values})
}

// Verify examines a token of any form. It never fails.
//
// Nothing is fetched before the credential's issuer is confirmed, and no content
// leaves it unless the seal verified: Report.Credential, Issuer.Claimed and
// names in messages are of sealed content only. The report keeps nothing of token.
func (v *Verifier) Verify(ctx context.Context, token []byte) *Report {
	r := v.newReport()

	if paper.IsPDF(token) {
		return v.verifyPDF(ctx, r, token)
	}
	if text := bytes.TrimSpace(token); startsOffline(text) && IsOffline(string(text)) {
		return v.verifyOffline(ctx, r, string(text))
	}
	r.room = rooms.Get().(*elm.Room)

	// 1. Open: the exact payload, with seals that verify under some key.
	found := &resolver{trust: v.trust}
	_, end := v.step(ctx, "open")
	opened, err := keys.Open(ctx, token, found)
	end(nil) // a seal that does not fit is an answer
	if errors.Is(err, keys.ErrNotSealed) {
		token = bytes.Clone(token) // what is not unpacked is what is read
		if inner, extra, ok, why := enveloped(token, typeEnveloped, "application/vc+jwt"); ok && why.sentence != nil {
			r.State = Unreadable
			r.check(CheckFormat).fail("malformed", formatEnvelope, why)
			return r.conclude(v)
		} else if ok {
			// The token is what is judged, and what is shown.
			r := v.Verify(ctx, inner)
			if len(extra) > 0 {
				r.check(CheckFormat).remark(remarkBesideEnvelope, strings.Join(extra[:min(len(extra), maxRemarks)], ", "))
			}
			return r
		}
	}
	if errors.Is(err, keys.ErrNotSealed) {
		opened, err = keys.OpenProof(ctx, token, v.proofs(""), found)
	}
	if errors.Is(err, keys.ErrUnknownKey) && v.publishes(ctx, payloadUnsafe(token, found.form), found) {
		opened, err = v.open(ctx, token, found)
	}
	if errors.Is(err, keys.ErrHeader) && isWithdrawal(token) {
		return v.verifyWithdrawal(ctx, r, token)
	}
	if err != nil {
		v.unopened(r, token, err, found)
		return r.conclude(v)
	}
	r.opened(opened)

	// 2. One strict parse: what is checked from here on is what is shown later.
	cred := v.checkFormat(r, opened.Payload, opened.Form)
	if r.Concealed > 0 {
		r.check(CheckFormat).remark(remarkConcealed, r.Concealed)
	}
	if cred == nil {
		r.check(CheckSeal).notMade("", sealOfUnreadable)
		return r.conclude(v)
	}
	v.examine(ctx, r, opened, cred, found, alike.Whole(token))
	if digest, ok := cred.ExtractOf(); ok && r.Credential != nil {
		r.Extract = &Extract{hex.EncodeToString(digest)}
	}
	if r.Credential != nil {
		// 7. What informs, but does not decide.
		v.checkAccreditation(r, cred)
		r.checkSupplement(cred)
	}
	return r.conclude(v)
}

// VerifyContentUnchecked is Verify for whoever made the token: it does not judge
// what the token says. Whether content breaks a rule, and whether it is what the payload
// says, is for the caller to know; a token that seals anything but the payload fails the
// check of the format. Everything else is asked as always, but for what only informs; the
// report has no digest. Its Valid is therefore worth what the caller knows of content,
// and nothing for what others give.
func (v *Verifier) VerifyContentUnchecked(ctx context.Context, token, payload alike.Text, content *elm.Credential) *Report {
	r := v.newReport()
	found := &resolver{trust: v.trust}
	opened, err := keys.OpenKnown(ctx, token, payload, found)
	if errors.Is(err, keys.ErrOtherPayload) {
		r.check(CheckFormat).fail("malformed", formatNotAsMade)
		return r.conclude(v)
	}
	if err != nil {
		v.unopened(r, token.Bytes(), err, found)
		return r.conclude(v)
	}
	r.Form = opened.Form
	r.check(CheckFormat).pass(formatAsMade)
	v.examine(ctx, r, opened, content, found, token)
	return r.conclude(v)
}

// newReport is a report in which nothing was looked at.
func (v *Verifier) newReport() *Report {
	r := &Report{CheckedAt: v.now().UTC(), Checks: make([]Check, len(checkNames))}
	for i, name := range checkNames {
		r.Checks[i] = Check{Name: name, Result: NotMade, Message: notReached.Of()}
	}
	r.check(CheckOwner).Message = ownerNotPresented.Of()
	return r
}

func (r *Report) opened(opened *keys.Opened) {
	r.Form, r.Concealed = opened.Form, opened.Concealed
	digest := opened.SHA256()
	r.SHA256 = hex.EncodeToString(digest[:])
}

// examine makes the checks that need the issuer: whose seal it is, who vouches for
// the issuer, whether it was withdrawn, and its period. Report.Credential is set
// where the seal passed.
func (v *Verifier) examine(ctx context.Context, r *Report, opened *keys.Opened, cred *elm.Credential, found *resolver, token alike.Text) {
	r.Profile, r.ID = cred.Profile, cred.ID

	// 3. The seal belongs to the issuer the credential names (trap 4), and its
	// key was allowed at the time of sealing.
	entry := v.checkSeal(r, opened, cred, found, token)
	if opened.Form == keys.DataIntegrity {
		if id := twoPlaces(cred); id != "" {
			r.check(CheckSeal).fail("claims_invalid", sealTwoPlaces, plain(id))
		}
	}

	// 4. Who vouches for the issuer.
	v.checkIssuer(r, cred, entry)
	if r.lost != nil && r.check(CheckSeal).Result == NotMade && r.check(CheckIssuer).Result == Passed {
		asking, end := v.step(ctx, "log")
		v.checkLog(asking, r, cred, entry)
		end(nil)
	}
	if r.check(CheckSeal).Result != Passed {
		return
	}
	r.Credential = cred

	// 5. Withdrawn? Asked only in the name of an issuer that is confirmed, and
	// never for a document that breaks a rule.
	asking, end := v.step(ctx, "status")
	v.checkRevocation(asking, r, cred)
	end(nil)

	// 6. Inside its period?
	v.checkExpiry(r, cred)
}

// verifyPDF examines the sealed file that a PDF carries. The pages beside it are
// not looked at: what they show may be anything.
func (v *Verifier) verifyPDF(ctx context.Context, r *Report, pdf []byte) *Report {
	sealed, err := paper.Attachment(pdf)
	if err != nil { // why exactly is of no use to whoever was given it
		r.State = Unreadable
		r.check(CheckFormat).fail("malformed", formatNoneInPDF)
		return r.conclude(v)
	}
	if paper.IsPDF(sealed) {
		r.State = Unreadable
		r.check(CheckFormat).fail("malformed", formatPDFInPDF)
		return r.conclude(v)
	}
	r = v.Verify(ctx, sealed)
	r.InPDF = true
	r.check(CheckFormat).remark(remarkInPDF)
	return r
}

// IsOffline reports whether text is that of an offline code, which Verify reads.
func IsOffline(text string) bool { return paper.IsOffline(text) }

// startsOffline reports whether the first byte lets text be that of an offline code.
// It spares all other forms a copy.
func startsOffline(text []byte) bool {
	const most = 32 << 10
	return len(text) > 0 && len(text) < most && (text[0] == 'h' || text[0] == 'H' || '0' <= text[0] && text[0] <= '9')
}

// verifyOffline examines the token that an offline code carries. The host that its
// text names is not looked at: anybody can print any.
func (v *Verifier) verifyOffline(ctx context.Context, r *Report, text string) *Report {
	token, err := paper.OfflineToken(text)
	if err != nil {
		r.State = Unreadable
		c := r.check(CheckFormat)
		c.fail("malformed", formatDigits)
		if errors.Is(err, paper.ErrOfflineNewer) {
			c.fail("malformed", formatNewerCode)
		}
		return r.conclude(v)
	}
	return v.Verify(ctx, token)
}

// unopened fills in what can be said of a token that keys.Open refused.
func (v *Verifier) unopened(r *Report, token []byte, err error, found *resolver) {
	seal := r.check(CheckSeal)
	var detail Detail
	if open, ok := errors.AsType[*keys.OpenError](err); ok {
		detail = Detail(plain(open.Detail))
	}
	switch {
	case errors.Is(err, keys.ErrNotSealed):
		// Whoever wrote it, the format can still be judged.
		v.checkFormat(r, token, "")
		seal.fail("no_seal", sealNone)
		r.State = NoSeal
		return
	case errors.Is(err, keys.ErrFormat):
		r.State = Unreadable
		r.check(CheckFormat).fail("malformed", formatNoCredential, detail)
		return
	case errors.Is(err, keys.ErrTooLarge):
		r.State = Unreadable
		r.check(CheckFormat).fail("too_large", tooLargeToRead, detail)
		return
	case errors.Is(err, keys.ErrHeader):
		seal.fail("header_invalid", sealHeader, detail)
	case errors.Is(err, keys.ErrAlgorithm):
		seal.fail("alg_not_allowed", sealAlgorithm, detail)
	case errors.Is(err, keys.ErrKeyPolicy):
		seal.fail("key_not_allowed", sealKeyPolicy, detail)
	case errors.Is(err, keys.ErrSignature):
		seal.fail("signature_invalid", sealChanged)
	case errors.Is(err, keys.ErrUnknownKey):
		// 1b. Nobody knows the key. Whether that is a forgery or a stranger is
		// told by the issuer that the unverified payload names, and by nothing
		// else of it.
		cred := v.checkFormat(r, payloadUnsafe(token, found.form), found.form)
		switch {
		case cred == nil:
			seal.notMade("key_not_found", sealUnknownKey)
		case v.named(cred) != nil:
			seal.fail("key_not_found", sealNotByNamed)
		default:
			seal.notMade("key_not_found", sealUncheckable)
			issuer := r.check(CheckIssuer)
			issuer.fail("untrusted_issuer", issuerKeyOfNobody)
			v.trustAge(issuer, r.CheckedAt)
			if found.unpublished.sentence != nil {
				issuer.Remarks = append(issuer.Remarks, found.unpublished)
			}
		}
	default: // the resolver has no other errors, so it is one of Canonicalize
		v.notCanonical(r, token, err)
	}
	if format := r.check(CheckFormat); format.Result == NotMade {
		format.notMade("", formatUnopened)
	}
}

// conclude decides verdict, state and reason by the checks: the first row of the
// table of states that applies.
func (r *Report) conclude(v *Verifier) *Report {
	format, seal, issuer := r.check(CheckFormat), r.check(CheckSeal), r.check(CheckIssuer)
	revocation, expiry, accreditation := r.check(CheckRevocation), r.check(CheckExpiry), r.check(CheckAccreditation)
	decide := func(s State, verdict Verdict, because *Check) *Report {
		r.State, r.Verdict = s, verdict
		if because != nil {
			r.Reason = because.Reason
		}
		if s != Expired {
			r.Since = time.Time{}
		}
		if s == Revoked { // since when, a status list does not say
			r.Since = r.withdrawnAt
		} else {
			r.Withdrawal = ""
		}
		return r
	}
	switch {
	case r.State == Unreadable:
		return decide(Unreadable, Invalid, format)
	case r.State == NoSeal:
		return decide(NoSeal, Invalid, seal)
	case seal.Result == Failed:
		return decide(NotValid, Invalid, seal)
	case format.Result == Failed && r.State != NotConforming:
		return decide(NotValid, Invalid, format)
	case revocation.Result == Failed && revocation.Reason == "status_invalid":
		return decide(NotValid, Invalid, revocation)
	case revocation.Result == Failed && revocation.Reason == "revoked":
		return decide(Revoked, Invalid, revocation)
	case issuer.Result != Passed:
		return decide(IssuerUnknown, Indeterminate, issuer)
	case seal.Result != Passed:
		return decide(Unconfirmable, Indeterminate, seal)
	case v.requireAccreditation && accreditation.Result != Passed:
		return decide(Unconfirmable, Indeterminate, accreditation)
	case revocation.Result == Failed:
		return decide(Suspended, Invalid, revocation)
	case format.Result != Passed:
		return decide(NotConforming, Indeterminate, format)
	case revocation.Result != Passed:
		return decide(StatusUnchecked, Indeterminate, revocation)
	case expiry.Result == Failed && expiry.Reason == "expired":
		return decide(Expired, Invalid, expiry)
	case expiry.Result == Failed:
		return decide(NotYetValid, Invalid, expiry)
	}
	// Green is what is left, and only if each check says so itself.
	for _, name := range required {
		if c := r.check(name); c.Result != Passed {
			return decide(Unconfirmable, Indeterminate, c)
		}
	}
	return decide(StateValid, Valid, nil)
}

// period is when a credential or a status list holds: the claims exp and nbf
// speak of its seal, and the narrower of both counts. The zero time is no limit.
func period(cred *elm.Credential) (from, until time.Time, err error) {
	from, until, err = cred.Period()
	if err != nil {
		return from, until, err
	}
	exp, nbf, _, err := cred.JWTClaims()
	if nbf.After(from) {
		from = nbf
	}
	if !exp.IsZero() && (until.IsZero() || exp.Before(until)) {
		until = exp
	}
	return from, until, err
}

// checkExpiry compares the period of validity with the clock, as instants.
func (v *Verifier) checkExpiry(r *Report, cred *elm.Credential) {
	c := r.check(CheckExpiry)
	from, until, err := period(cred)
	if err != nil {
		c.notMade("claims_invalid", periodUnreadable)
		return
	}
	if !r.sealEnds.IsZero() && (until.IsZero() || r.sealEnds.Before(until)) {
		until = r.sealEnds
	}
	now := r.CheckedAt
	switch {
	case !until.IsZero() && now.Add(-v.skew).After(until):
		c.fail("expired", periodEnded, until)
		r.Since = until.UTC()
	case from.After(now.Add(v.skew)):
		c.fail("not_yet_valid", periodToCome, from)
	case until.IsZero():
		c.pass(periodOpen)
	default:
		c.pass(periodUntil, until)
	}
}

// checkSupplement says which elements of Annex I are missing or answered by a
// reason. It informs and never blocks.
func (r *Report) checkSupplement(cred *elm.Credential) {
	c := r.check(CheckSupplement)
	if cred.Profile == elm.Other {
		c.notMade("", supplementOther)
		return
	}
	if r.room == nil {
		r.supplement = elm.Supplement(cred, "en")
	} else {
		r.supplement = r.room.Supplement(cred, "en")
	}
	if r.Extract != nil {
		c.notMade("", supplementOfExtract)
		return
	}
	answers := elm.CompletenessOf(r.supplement)
	all := len(answers.Present) + len(answers.Reasoned) + len(answers.Missing)
	if len(answers.Missing) > 0 {
		missing := supplementMissing
		if r.Concealed > 0 {
			missing = supplementNotShown
		}
		c.fail("", missing, len(answers.Missing), all)
		c.remark(remarkMissing, Elements(answers.Missing))
	} else {
		c.pass(supplementComplete, all)
	}
	if len(answers.Reasoned) > 0 {
		c.remark(remarkReasoned, Elements(answers.Reasoned))
	}
	if len(answers.Unstated) > 0 {
		c.remark(remarkUnstated, Elements(answers.Unstated))
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
