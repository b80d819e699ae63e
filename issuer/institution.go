package issuer

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"indeks/contexts"
	"indeks/keys"
	"indeks/verifier"
)

// publicAlphabet is base32 without letters that are read as others (I, L, O) or
// spell words (U): what a person types from a printed code.
const publicAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var organizationIdentifier = regexp.MustCompile(`^[A-Z]{3}[A-Z]{2}-[A-Za-z0-9/._-]{1,50}$`)

// Validate says everything that is wrong with an institution's facts at once,
// as [*Problems] with our member names as fields.
func (i Institution) Validate() error {
	var k checks
	if !strings.HasPrefix(i.DID, "did:web:") {
		k.fail("institution-did", "did", i.DID, "is not a did:web identifier")
	}
	base := func(field, s string) {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(s, "/") {
			k.fail("institution-url", field, s, "is not a base address, expected one such as https://issuer.school.example without a final slash")
		}
	}
	base("public_base", i.PublicBase)
	base("verifier_base", i.VerifierBase)
	if strings.TrimSpace(i.LegalName["en"]) == "" {
		k.fail("institution-name", "legal_name/en", "", "is missing: expected the legal name in English")
	}
	for tag, name := range i.LegalName {
		if strings.TrimSpace(name) == "" {
			k.fail("institution-name", "legal_name/"+tag, "", "is empty: expected the legal name")
		}
	}
	if _, ok := contexts.Lookup(countries + i.Country); !ok || i.Country == "" {
		k.fail("institution-country", "country", i.Country, `is not in the list: expected an ISO 3166-1 alpha-3 code, such as "SRB"`)
	}
	if !organizationIdentifier.MatchString(i.OrganizationID) {
		k.fail("institution-organization", "organization_id", i.OrganizationID, `is not an identifier as in a seal certificate, expected one such as "VATRS-123456789" or "NTRHR-12345678901"`)
	}
	if i.Provider != "hei" && i.Provider != "alternative" {
		k.fail("institution-provider", "provider", i.Provider, `is not in the list: expected "hei" or "alternative"`)
	}
	if len(i.QRPrefix) != 2 || strings.Trim(i.QRPrefix, publicAlphabet) != "" {
		k.fail("institution-prefix", "qr_prefix", i.QRPrefix, "is not two symbols out of "+publicAlphabet)
	}
	if i.Homepage != "" {
		if u, err := url.Parse(i.Homepage); err != nil || u.Scheme != "https" || u.Host == "" {
			k.fail("institution-url", "homepage", i.Homepage, "is not an address that starts with https://")
		}
	}
	if i.NumberRule != "" {
		if _, err := parseNumberRule(i.NumberRule); err != nil {
			k.fail("number-rule", "number_rule", i.NumberRule, err.Error())
		}
	}
	if m := i.LevelMethod; m != "" && m != "majority" && m != "average" {
		k.fail("institution-level", "level_method", m, `is not in the list: expected "majority" or "average"`)
	}
	if s := i.DataIntegrity; s != "" && s != keys.EdDSARDFC2022 && s != keys.ECDSARDFC2019 {
		k.fail("institution-proof", "data_integrity", s, "is not in the list: expected "+keys.EdDSARDFC2022+" or "+keys.ECDSARDFC2019)
	}
	if i.Signatory.Name == "" || i.Signatory.Office == "" {
		k.fail("institution-signatory", "signatory", i.Signatory.Name, "is incomplete: expected name and office of who answers for awards")
	}
	_, err := split("institution", k.list)
	return err
}

// listURL is the address of a status list.
func (i *Institution) listURL(list string) string { return i.PublicBase + "/status/" + list }

// TrustEntry is an institution's entry for a trust file: its keys with their
// periods, the seal certificates themselves as anchors, and where it is asked.
func TrustEntry(inst Institution, ring *keys.Ring) verifier.TrustedIssuer {
	return trustEntry(&inst, ring, time.Now())
}

func trustEntry(inst *Institution, ring *keys.Ring, now time.Time) verifier.TrustedIssuer {
	e := verifier.TrustedIssuer{
		ID:             inst.DID,
		LegalName:      inst.LegalName,
		Country:        inst.Country,
		Provider:       inst.Provider,
		OrganizationID: inst.OrganizationID,
		CredentialsURL: inst.PublicBase + "/credentials",
		QRPrefix:       inst.QRPrefix,
		Source:         inst.PublicBase,
		Checked:        now.UTC().Format(time.DateOnly),
	}
	if u, err := url.Parse(inst.PublicBase); err == nil {
		e.Domains = []string{u.Hostname()}
	}
	if inst.Register.Number != "" {
		register := inst.Register
		e.NationalRegister = &register
	}
	for _, entry := range ring.Entries() {
		if entry.Public.Controller != inst.DID {
			continue
		}
		e.Keys = append(e.Keys, *entry.Public)
		if entry.Public.Certificate != nil {
			// The certificate itself, not who issued it: trust in an issuer is not
			// trust in everything its certification authority signs.
			e.Anchors = append(e.Anchors, entry.Public.Certificate)
		}
	}
	for _, entry := range ring.LogEntries() {
		if entry.Public.Controller == inst.DID {
			e.Keys = append(e.Keys, *entry.Public)
		}
	}
	return e
}
