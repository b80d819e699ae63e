package verifier

import (
	"slices"
	"strings"
	"time"

	"indeks/elm"
)

// StatedByIssuer is the source of a check that passed by the issuer's own word
// in the credential. Whoever shows such a check must not show it as fact.
const StatedByIssuer = "stated by the issuer in the credential"

// checkAccreditation asks whether the awarding body, or the course, was
// accredited on the awarding date: by the trust file, which somebody other than
// the issuer vouches for, else by what the issuer states in the credential,
// which is said to be just that.
func (v *Verifier) checkAccreditation(r *Report, cred *elm.Credential) {
	c := r.check(CheckAccreditation)
	e := r.Issuer.Trust
	award, body, specified := awardOf(cred)
	if award.IsZero() {
		c.notMade("", "The credential has no awarding date for which accreditation could be looked up.")
		return
	}

	// 1. The trust file: of the awarding body, where it is another than the
	// issuer (sealing by mandate).
	if e != nil && body != nil && !sameBody(body, &cred.Issuer, e) {
		e = v.trust.ByDID(body.ID)
		for _, name := range organizationNames(body) {
			if e == nil {
				e = v.trust.ByOrganization(name)
			}
		}
	}
	if e != nil && len(e.Accredited) > 0 {
		on := award.Format(time.DateOnly)
		for _, a := range e.Accredited {
			if a.From <= on && (a.To == "" || on <= a.To) {
				c.pass("%s was accredited by %s on the day of the award, %s.", e.Name("en"), a.By, on)
				if c.Source = a.Source; c.Source == "" {
					c.Source = e.Source
				}
				return
			}
		}
		c.fail("", "%s was not accredited on the day of the award, %s, by the trust file.", e.Name("en"), on)
		c.Source = e.Source
		return
	}

	// 2. The issuer's own statement, which is worth nothing where nobody knows
	// the issuer. It cannot satisfy an operator who requires accreditation,
	// because it is the issuer's word about itself.
	if !r.Issuer.Confirmed {
		c.notMade("", "Not looked up, because the issuer is not confirmed.")
		return
	}
	for _, a := range statements(cred, body, specified) {
		if a.AccreditingAgent == nil || !covers(a, award) {
			continue
		}
		if v.requireAccreditation {
			c.notMade("", "The issuer states an accreditation in the credential; the trust file knows of none.")
			return
		}
		c.pass("The issuer itself states in the credential that there was an accreditation on the day of the award. Nobody else has confirmed that here.")
		c.Source = StatedByIssuer
		return
	}
	c.notMade("", "Neither the trust file nor the credential says anything about accreditation on the day of the award.")
}

// awardOf finds the award of the first claim that has one.
func awardOf(cred *elm.Credential) (at time.Time, body *elm.Organisation, specified *elm.Specification) {
	for i := range cred.Subject {
		for k := range cred.Subject[i].HasClaim {
			claim := &cred.Subject[i].HasClaim[k]
			if claim.AwardedBy == nil || claim.AwardedBy.AwardingDate == "" {
				continue
			}
			t, err := claim.AwardedBy.AwardingDate.Time(true)
			if err != nil {
				continue
			}
			if len(claim.AwardedBy.AwardingBody) > 0 {
				body = &claim.AwardedBy.AwardingBody[0]
			}
			return t, body, claim.SpecifiedBy
		}
	}
	return time.Time{}, nil, nil
}

// sameBody reports whether an awarding body is the issuer itself.
func sameBody(body, issuer *elm.Organisation, e *TrustedIssuer) bool {
	if body.ID != "" && body.ID == issuer.ID || e.ID != "" && body.ID == e.ID {
		return true
	}
	return slices.ContainsFunc(organizationNames(body), func(n string) bool { return sameOrganization(e.OrganizationID, n) })
}

// statements lists the accreditations that a credential speaks of.
func statements(cred *elm.Credential, body *elm.Organisation, specified *elm.Specification) []elm.Accreditation {
	var found []elm.Accreditation
	if specified != nil {
		found = append(found, specified.Accreditation...)
	}
	if body != nil {
		found = append(found, body.Accreditation...)
	}
	return append(found, cred.Issuer.Accreditation...)
}

// covers reports whether an accreditation stood at an instant, as far as its
// dates say.
func covers(a elm.Accreditation, at time.Time) bool {
	within := func(d elm.DateTime, ok func(time.Time) bool) bool {
		if strings.TrimSpace(string(d)) == "" {
			return true
		}
		t, err := d.Time(true)
		return err == nil && ok(t)
	}
	return within(a.DateIssued, func(t time.Time) bool { return !t.After(at) }) &&
		within(a.ExpiryDate, func(t time.Time) bool { return !t.Before(at) })
}
