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

// checkAccreditation asks of every award whether the awarding body, or the
// course, was accredited on the awarding date: by the trust file, which somebody
// other than the issuer vouches for, else by what the issuer states in the
// credential, which is said to be just that. The worst answer counts.
func (v *Verifier) checkAccreditation(r *Report, cred *elm.Credential) {
	worst := Check{Result: NotMade, Message: accreditationUndated.Of()}
	for i, a := range awards(cred) {
		answer := v.accredited(r, cred, a)
		if i == 0 || certainty(answer) < certainty(worst) {
			worst = answer
		}
	}
	c := r.check(CheckAccreditation)
	worst.Name, worst.Remarks = c.Name, c.Remarks
	*c = worst
}

// certainty orders answers, from "no" to "yes, and not by its own word".
func certainty(c Check) int {
	switch {
	case c.Result == Failed:
		return 0
	case c.Result == NotMade:
		return 1
	case c.Source == StatedByIssuer:
		return 2
	}
	return 3
}

// award is who awarded what, and when.
type award struct {
	at        time.Time // in the zone in which it is written
	body      *elm.Organisation
	specified *elm.Specification
}

// awards lists the awards of all claims that have a date, one for each awarding body.
func awards(cred *elm.Credential) []award {
	var list []award
	for i := range cred.Subject {
		for k := range cred.Subject[i].HasClaim {
			claim := &cred.Subject[i].HasClaim[k]
			if claim.AwardedBy == nil {
				continue
			}
			at, err := claim.AwardedBy.AwardingDate.Time(true)
			if err != nil {
				continue
			}
			if len(claim.AwardedBy.AwardingBody) == 0 {
				list = append(list, award{at, nil, claim.SpecifiedBy})
			}
			for b := range claim.AwardedBy.AwardingBody {
				list = append(list, award{at, &claim.AwardedBy.AwardingBody[b], claim.SpecifiedBy})
			}
		}
	}
	return list
}

// accredited answers for one award.
func (v *Verifier) accredited(r *Report, cred *elm.Credential, a award) (c Check) {
	e := r.Issuer.Trust
	on := a.at.Format(time.DateOnly)

	// 1. The trust file: of the awarding body, where it is another than the
	// issuer (sealing by mandate). Days count as they are written, first and last
	// included: whoever decides on accreditation decides on days.
	if e != nil && a.body != nil && !sameBody(a.body, &cred.Issuer, e) {
		e = v.trust.ByDID(a.body.ID)
		for _, name := range organizationNames(a.body) {
			if e == nil {
				e = v.trust.ByOrganization(name)
			}
		}
	}
	if e != nil && len(e.Accredited) > 0 {
		for _, period := range e.Accredited {
			if period.From <= on && (period.To == "" || on <= period.To) {
				c.pass(accreditedBy, e, period.By, Day(on))
				if c.Source = period.Source; c.Source == "" {
					c.Source = e.Source
				}
				return c
			}
		}
		c.fail("", accreditedNot, e, Day(on))
		c.Source = e.Source
		return c
	}

	// 2. The issuer's own statement, which is worth nothing where nobody knows
	// the issuer. It cannot satisfy an operator who requires accreditation,
	// because it is the issuer's word about itself.
	if !r.Issuer.Confirmed {
		c.notMade("", accreditationOfNobody)
		return c
	}
	for _, stated := range statements(cred, a.body, a.specified) {
		if stated.AccreditingAgent == nil || !covers(stated, on) {
			continue
		}
		if v.requireAccreditation {
			c.notMade("", accreditedOnlyByOwn)
			return c
		}
		c.pass(accreditedByOwnWord)
		c.Source = StatedByIssuer
		return c
	}
	c.notMade("", accreditationUnknown)
	return c
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

// covers reports whether an accreditation stood on a day, as far as its dates
// say. Its first and last day are included.
func covers(a elm.Accreditation, on string) bool {
	within := func(d elm.DateTime, ok func(day string) bool) bool {
		if strings.TrimSpace(string(d)) == "" {
			return true
		}
		t, err := d.Time(true)
		return err == nil && ok(t.Format(time.DateOnly))
	}
	return within(a.DateIssued, func(day string) bool { return day <= on }) &&
		within(a.ExpiryDate, func(day string) bool { return on <= day })
}
