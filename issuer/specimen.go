package issuer

import (
	"strings"
	"time"

	"indeks/elm"
)

// Specimen builds the credential that a course would give an invented learner
// of an invented institution, so that a course can be judged before anybody
// issues it. It has no place in a status list.
func Specimen(c *Course, at time.Time) (*elm.Credential, error) {
	inst := Institution{
		DID: "did:web:issuer.example", PublicBase: "https://issuer.example", VerifierBase: "https://verify.example",
		LegalName: map[string]string{"en": "Specimen Institution"}, Country: "SRB", Address: "Specimen Street 1",
		OrganizationID: "VATRS-000000000", Provider: "hei", QRPrefix: "00",
		Signatory: Signatory{Name: "Specimen Signatory", Office: "Rector"},
	}
	at = at.UTC().Truncate(time.Second)
	d := Draft{Course: c, GivenName: "Specimen", FamilyName: "Learner", DateOfBirth: "2000-01-01", AwardingDate: at.Format(time.DateOnly), Grade: "10"}
	d.normalise()
	return inst.credential(&d, drawn{
		ID:     credentialPrefix + "00000000-0000-4000-8000-000000000000",
		Public: inst.QRPrefix + strings.Repeat("0", publicSymbols-len(inst.QRPrefix)),
		Number: "SPECIMEN-1",
		At:     at,
	})
}
