package verifier

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"indeks/alike"
	"indeks/elm"
	"indeks/keys"
)

// resolver finds the keys of one token: those of the trust file by their exact
// kid or as a Multikey, and those that certificates in the header or the name of
// the key bring along. It fetches nothing. That it found a key says nothing about whose key it is.
type resolver struct {
	trust *Trust
	known map[*keys.PublicKey]*TrustedIssuer // keys of the trust file that were handed out
	form  keys.Form                          // of the token whose key was sought
	kid   string                             // that was sought last

	published   *keys.PublicKey // what the host of a stranger publishes, nil where it was not asked
	unpublished Message         // why there is none, where it was
}

func (f *resolver) Resolve(_ context.Context, h keys.Header) (*keys.PublicKey, error) {
	f.form, f.kid = h.Form, h.KeyID
	entry, key, refused := f.trust.key(h.KeyID)
	if refused != nil {
		return nil, refused.Why
	}
	if len(h.Chain) > 0 {
		// A certificate beside the kid of a trusted key must be for that very
		// key. Otherwise one of the two is there to deceive.
		leaf := h.Chain[0]
		if key == nil {
			key := &keys.PublicKey{ID: certificateName(leaf), Key: leaf.PublicKey, Certificate: leaf}
			if _, listed := f.trust.byKey(leaf.PublicKey); listed != nil {
				key.PrecomputeAs(listed)
			}
			return key, nil
		}
		if !equalKeys(key.Key, leaf.PublicKey) {
			return nil, fmt.Errorf("%w: the certificate is for another key than the one named", keys.ErrUnknownKey)
		}
	}
	if key == nil && f.published != nil && f.published.ID == h.KeyID {
		return f.published, nil
	}
	if key == nil {
		var err error
		if entry, key, err = f.ownKey(h.KeyID); err != nil {
			return nil, err
		}
	}
	if f.known == nil {
		f.known = make(map[*keys.PublicKey]*TrustedIssuer)
	}
	f.known[key] = entry
	return key, nil
}

func certificateName(c *x509.Certificate) string {
	return "certificate " + c.SerialNumber.Text(16)
}

func equalKeys(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// names are what an issuer is called in a credential: its id, and in a European
// Digital Credential the identifiers of the organisation. Legal names prove
// nothing.
func names(cred *elm.Credential) (id string, organizations []string) {
	if cred.Profile == elm.EDC {
		organizations = organizationNames(&cred.Issuer)
	}
	return cred.Issuer.ID, organizations
}

func organizationNames(o *elm.Organisation) []string {
	var found []string
	if o.EIDASIdentifier != nil {
		found = append(found, o.EIDASIdentifier.Notation)
	}
	for _, list := range []elm.List[elm.LegalIdentifier]{o.Registration, o.VATIdentifier} {
		for _, id := range list {
			found = append(found, id.Notation)
		}
	}
	for _, id := range o.Identifier {
		found = append(found, id.Notation)
	}
	return slices.DeleteFunc(found, func(s string) bool { return s == "" })
}

// named finds the entry of the trust file that a credential names as its
// issuer, nil where it names none.
func (v *Verifier) named(cred *elm.Credential) *TrustedIssuer {
	id, organizations := names(cred)
	if e := v.trust.ByDID(id); e != nil {
		return e
	}
	for _, organization := range organizations {
		if e := v.trust.ByOrganization(organization); e != nil {
			return e
		}
	}
	return nil
}

// namedBy reports whether a credential names this entry as its issuer.
func (e *TrustedIssuer) namedBy(cred *elm.Credential) bool {
	id, organizations := names(cred)
	return e.ID != "" && e.ID == id ||
		slices.ContainsFunc(organizations, func(n string) bool { return sameOrganization(e.OrganizationID, n) })
}

// namesOther reports whether a credential names, besides e, another entry of the
// trust file. An organisation's numbers count only in full for that: without
// its prefix a number may be that of a stranger in another country.
func (v *Verifier) namesOther(cred *elm.Credential, e *TrustedIssuer) bool {
	id, organizations := names(cred)
	return slices.ContainsFunc(v.trust.Issuers, func(other TrustedIssuer) bool {
		if other.ID == e.ID && other.OrganizationID == e.OrganizationID {
			return false
		}
		return other.ID != "" && other.ID == id ||
			other.OrganizationID != "" && slices.Contains(organizations, other.OrganizationID)
	})
}

// judgement is what one seal is worth.
type judgement struct {
	entry         *TrustedIssuer // who answers for the key, nil: nobody
	reason        Reason         // "" where the seal is good as far as it goes
	message       *Sentence
	values        []any               // of it
	remark        *Sentence           // nil: none
	unconfirmable bool                // it may be good, but nobody can tell
	lost          *keys.PublicKey     // because this key became known to others later
	anchors       []*x509.Certificate // where the paths of the seal's certificate ended; it is not one itself
}

// checkSeal judges the seals of an opened token. Every signature has verified;
// one seal of the issuer that the credential names must be good. It returns the
// entry that answers for that seal, nil where nobody does.
func (v *Verifier) checkSeal(r *Report, opened *keys.Opened, cred *elm.Credential, found *resolver, token alike.Text) *TrustedIssuer {
	c := r.check(CheckSeal)
	var between []*x509.Certificate // of all seals, and the token is taken apart again only where there are some
	if slices.ContainsFunc(opened.Seals, func(s keys.Seal) bool { return slices.Contains(s.Unsigned, "xVals") }) {
		between = keys.Intermediates(token.Bytes())
	}
	var best judgement
	var seal keys.Seal
	for i, s := range opened.Seals {
		j := v.judge(s, cred, found, between, r.CheckedAt)
		if i == 0 || rank(j) > rank(best) {
			best, seal = j, s
		}
	}
	r.SealedAt, r.sealEnds = seal.SealedAt, seal.Expires
	switch {
	case best.unconfirmable:
		c.notMade(best.reason, best.message)
		r.lost = &lost{seal, best.lost, sealingTime(seal, cred, r.CheckedAt), opened.SHA256()}
	case best.reason != "":
		c.fail(best.reason, best.message, best.values...)
		if best.remark != nil {
			c.remark(best.remark)
		}
		return nil
	case best.entry != nil:
		c.pass(sealExact, best.entry, string(seal.Alg))
	default:
		c.pass(sealExactByStranger, string(seal.Alg))
	}
	if n := len(opened.Seals); n > 1 {
		c.remark(remarkSeals, n)
	}
	if len(seal.Chain) > 0 {
		c.remark(remarkCertificateUnasked)
	}
	if len(seal.Chain) > 0 && r.CheckedAt.After(seal.Chain[0].NotAfter) {
		c.remark(remarkCertificateEnded, seal.Chain[0].NotAfter)
	}
	if key := seal.Key; key == found.published && best.entry == nil {
		r.Issuer.Evidence = []Evidence{domain(key.Controller, r.CheckedAt)}
	}
	if len(best.anchors) > 0 {
		r.Issuer.Evidence = best.entry.certified(seal.Chain[0], best.anchors, sealingTime(seal, cred, r.CheckedAt))
	}
	return best.entry
}

// rank orders judgements: a seal of the named issuer over any other.
func rank(j judgement) int {
	switch {
	case j.reason == "" && j.entry != nil:
		return 3
	case j.unconfirmable:
		return 2
	case j.reason == "":
		return 1
	}
	return 0
}

// judge decides whose seal this is and whether its key was allowed when it was
// made. between are certificates to build paths with.
func (v *Verifier) judge(s keys.Seal, cred *elm.Credential, found *resolver, between []*x509.Certificate, now time.Time) judgement {
	refuse := func(reason Reason, message *Sentence, values ...any) judgement {
		return judgement{reason: reason, message: message, values: values}
	}

	// 1. When was it made? The seal's own word; no trusted time is evaluated.
	at := sealingTime(s, cred, now)
	if at.After(now.Add(v.skew)) {
		return refuse("not_yet_valid", sealInFuture)
	}
	id, organizations := names(cred)
	if s.Issuer != "" && s.Issuer != id {
		return refuse("issuer_mismatch", sealHeaderIssuer)
	}

	// 2. Who answers for the key: the trust file itself, or an anchor in it.
	key, j := s.Key, judgement{entry: found.known[s.Key]}
	if leaf := key.Certificate; leaf != nil && j.entry == nil {
		if e, listed := v.trust.byKey(leaf.PublicKey); e != nil {
			j.entry, key = e, listed // so the trust file's periods hold for it
		}
		if !forSeals(leaf) {
			return refuse("key_not_allowed", sealCertificateUse)
		}
	}
	if len(s.Chain) > 0 {
		e := j.entry
		if e == nil {
			e = v.trust.byCertificate(s.Chain[0])
		}
		switch anchors, err := v.leadsTo(e, s.Chain, between, at); {
		case err == nil && slices.ContainsFunc(anchors, s.Chain[0].Equal):
			j.entry = e // the operator names this very certificate
		case err == nil:
			j.entry, j.anchors = e, anchors
		case j.entry == nil && errors.Is(err, errOutOfPeriod) && e.namedBy(cred):
			return refuse("key_not_allowed", sealCertificateThen)
		}
	}

	// 3. Is it the issuer whom the credential names?
	named := v.named(cred)
	switch {
	case j.entry != nil && (!j.entry.namedBy(cred) || v.namesOther(cred, j.entry)):
		return refuse("issuer_mismatch", sealByOther, j.entry)
	case j.entry == nil && named != nil:
		j = refuse("untrusted_issuer", sealNotByNamed)
		if len(s.Chain) > 0 {
			j.remark = remarkNoPath
		}
		return j
	case j.entry == nil && key == found.published: // asked for in the name of the credential's issuer
	case j.entry == nil && len(s.Chain) == 0: // a DID that is its own key
		if key.Controller != id {
			return refuse("issuer_mismatch", sealKeyOfOther)
		}
		return j
	case j.entry == nil:
		if own := keys.OrganizationIdentifier(s.Chain[0]); own != "" && len(organizations) > 0 &&
			!slices.ContainsFunc(organizations, func(n string) bool { return sameOrganization(own, n) }) {
			return refuse("issuer_mismatch", sealCertificateOf)
		}
		return j // nobody answers for the key, so there are no periods to hold it to
	}

	// 4. Was the key allowed at that time? Skew, because seals are made to the
	// second and keys are not.
	switch {
	case !key.CompromisedAt.IsZero() && !at.Before(key.CompromisedAt):
		return refuse("key_not_allowed", sealKeyLost)
	case key.Purposes != nil && !slices.Contains(key.Purposes, "assertionMethod"):
		return refuse("key_not_allowed", sealKeyPurpose)
	case at.Add(v.skew).Before(key.NotBefore):
		return refuse("key_not_allowed", sealKeyTooEarly)
	case !key.NotAfter.IsZero() && at.Add(-v.skew).After(key.NotAfter):
		return refuse("key_not_allowed", sealKeyTooLate)
	case !key.CompromisedAt.IsZero():
		// Whoever has the key can write any date (attack 16). checkLog asks for more.
		return judgement{entry: j.entry, reason: "key_not_allowed", unconfirmable: true, lost: key,
			message: sealKeyLostLater}
	}
	return j
}

// sealingTime is the time at which a seal claims to have been made: that of its
// header, else of claim iat, else the day from which the credential is valid or
// was issued. A day to come cannot be the last.
func sealingTime(s keys.Seal, cred *elm.Credential, now time.Time) time.Time {
	if !s.SealedAt.IsZero() {
		return s.SealedAt
	}
	if _, _, iat, err := cred.JWTClaims(); err == nil && !iat.IsZero() {
		return iat
	}
	if at, err := cred.IssuanceDate.Time(true); err == nil && at.Before(now) {
		return at
	}
	if from, _, err := cred.Period(); err == nil && !from.IsZero() && from.Before(now) {
		return from
	}
	return now
}

var (
	errNoAnchor    = errors.New("no anchor of the trust file vouches for the certificate")
	errOutOfPeriod = errors.New("a certificate was not valid at the time of sealing")
)

// forSeals reports whether a certificate may be used to seal. Extended key
// usage says nothing here: real certificates for seals are marked for web
// servers, too.
func forSeals(c *x509.Certificate) bool {
	const sealing = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	return !c.IsCA && (c.KeyUsage == 0 || c.KeyUsage&sealing != 0)
}

// vouched is where the chain of a seal leads at an instant, which rests on nothing else.
type vouched struct {
	entry   *TrustedIssuer
	chain   []*x509.Certificate
	at      time.Time
	anchors []*x509.Certificate
	err     error
}

// leadsTo is [leadsTo], asked again at once for the seals that one key makes in a second.
func (v *Verifier) leadsTo(e *TrustedIssuer, chain, unsealed []*x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	if len(unsealed) > 0 {
		return leadsTo(e, chain, unsealed, at)
	}
	last := v.vouched.Load()
	if last == nil || last.entry != e || !last.at.Equal(at) || !slices.Equal(last.chain, chain) {
		anchors, err := leadsTo(e, chain, nil, at)
		last = &vouched{e, chain, at, anchors, err}
		v.vouched.Store(last)
	}
	return last.anchors, last.err
}

// leadsTo builds a path from a seal certificate to the anchors of an entry, as
// of the time of sealing, and compares the organization. Certificates in between
// come from the header and from unsigned xVals (unsealed); what they claim is worth
// nothing until the path ends at an anchor. The anchors at which paths end come back.
func leadsTo(e *TrustedIssuer, chain, unsealed []*x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	if e == nil || len(e.Anchors) == 0 || keys.OrganizationIdentifier(chain[0]) != e.OrganizationID {
		return nil, errNoAnchor
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range e.Anchors {
		roots.AddCert(c)
	}
	for _, c := range slices.Concat(chain[1:], unsealed) {
		between.AddCert(c)
	}
	paths, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return nil, errOutOfPeriod
	}
	if err != nil {
		return nil, errNoAnchor
	}
	anchors := make([]*x509.Certificate, len(paths))
	for i, path := range paths {
		anchors[i] = path[len(path)-1]
	}
	return anchors, nil
}

// claimedName is the name that a credential gives its issuer.
func claimedName(cred *elm.Credential) string {
	e := TrustedIssuer{LegalName: map[string]string{}}
	for _, name := range cred.Issuer.LegalName {
		e.LegalName[name.Tag] = strings.Join(name.Values, " / ")
	}
	return plain(e.Name("en"))
}
