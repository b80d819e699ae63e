package verifier

import (
	"strings"
	"time"

	"indeks/elm"
	"indeks/keys"
)

// checkIssuer says who vouches for the issuer. entry answers for the seal's key,
// nil where nobody does. Without a good seal nothing is said of the issuer but
// that: whom the credential names is then anybody's word.
func (v *Verifier) checkIssuer(r *Report, cred *elm.Credential, entry *TrustedIssuer) {
	c := r.check(CheckIssuer)
	sealed := sealingTime(keys.Seal{Header: keys.Header{SealedAt: r.SealedAt}}, cred, r.CheckedAt)
	switch seal := r.check(CheckSeal); {
	case entry != nil && v.trustAge(c, r.CheckedAt):
		// Expired: whoever stood on it may have been taken off since.
	case entry != nil && entry.endedBefore(sealed):
		c.notMade("untrusted_issuer", issuerEnded, entry, Day(entry.Ended))
		c.Source = entry.Source
	case entry != nil:
		c.pass(issuerKnown, entry)
		c.Source = entry.Source
		v.confirm(r, cred, entry, r.Issuer.Evidence)
		return
	case seal.Result != Passed:
		c.notMade("untrusted_issuer", issuerSealNotGood)
		return
	default:
		c.fail("untrusted_issuer", issuerOfNobody)
		v.trustAge(c, r.CheckedAt)
	}
	facts := []Evidence{{Level: "L0", Kind: EvidenceKey, Fact: "The seal fits a key. Nobody here vouches for whose it is."}}
	if entry == nil && len(r.Issuer.Evidence) > 0 {
		facts = r.Issuer.Evidence // from the seal: L1
	}
	r.Issuer = Issuer{Level: facts[0].Level, Evidence: facts}
	if r.check(CheckSeal).Result == Passed {
		r.Issuer.Name, r.Issuer.DID = claimedName(cred), cred.Issuer.DID
	}
}

// clockSlack is by how much a trust file may seem to be of the future. It tells a
// clock that is some minutes late from one that starts anew at every boot.
const clockSlack = 24 * time.Hour

// trustAge marks an issuer check as not made where there is no trust file that
// could confirm anybody, and reports whether it did.
func (v *Verifier) trustAge(c *Check, now time.Time) bool {
	switch {
	case v.trust == nil || len(v.trust.Issuers) == 0:
		c.notMade("untrusted_issuer", issuerNoTrust)
	case v.trust.Issued.After(now.Add(clockSlack)):
		// Either way nothing can be said of any period of validity.
		c.notMade("untrusted_issuer", issuerTrustToCome, v.trust.Issued)
	case now.After(v.trust.Expires):
		c.notMade("untrusted_issuer", issuerTrustEnded, v.trust.Expires)
	default:
		return false
	}
	return true
}

// endedBefore reports whether the institution had ended before an instant. The
// day of its end counts until it is over everywhere on earth.
func (t *TrustedIssuer) endedBefore(at time.Time) bool {
	if t.Ended == "" { // as nearly always
		return false
	}
	day, err := time.Parse(time.DateOnly, t.Ended)
	return err == nil && at.After(day.Add(36*time.Hour))
}

// confirm fills in an issuer for whom the trust file vouches. chain is what the
// seal's certificate adds.
func (v *Verifier) confirm(r *Report, cred *elm.Credential, e *TrustedIssuer, chain []Evidence) {
	r.Issuer = Issuer{
		Name: e.Name("en"), Confirmed: true, DID: e.ID, Country: e.Country, Provider: e.Provider, Trust: e,
	}
	r.Issuer.Evidence = append(v.standing(e).facts, chain...)
	for _, fact := range r.Issuer.Evidence {
		r.Issuer.Level = max(r.Issuer.Level, fact.Level)
	}
	if claimed := claimedName(cred); claimed != "" && !e.called(claimed) {
		r.Issuer.Claimed = claimed
	}
	c := r.check(CheckIssuer)
	if r.Issuer.Claimed != "" {
		c.remark(remarkCalled, quoted(r.Issuer.Claimed))
	}
	if e.Ended != "" {
		c.remark(remarkEnded, Day(e.Ended))
		if e.Successor != "" {
			c.remark(remarkSuccessor, e.Successor)
		}
		if e.Custodian != "" {
			c.remark(remarkCustodian, e.Custodian)
		}
	}
}

// called reports whether name is a legal name of the entry in some language.
func (t *TrustedIssuer) called(name string) bool {
	for _, own := range t.LegalName {
		if strings.EqualFold(own, name) {
			return true
		}
	}
	return false
}
