package verifier

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/internal/reference"
)

// authorityKey is a certification authority or the holder of a seal certificate.
type authorityKey struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// certify makes a certificate under an authority, its own where that is nil.
// Its subject has each of ids as organizationIdentifier.
func (a *authorityKey) certify(t testing.TB, ca bool, from, to time.Time, qcStatements []byte, ids ...string) *authorityKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: from, NotAfter: to, BasicConstraintsValid: true, IsCA: ca,
		Subject: pkix.Name{CommonName: "Seals of Example " + serial.Text(36)}, KeyUsage: x509.KeyUsageContentCommitment,
	}
	if ca {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	for _, id := range ids {
		template.Subject.ExtraNames = append(template.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: id})
	}
	if qcStatements != nil {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: qcStatements}}
	}
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authorityKey{key, cert}
}

// seal makes a JAdES file sealed at an instant, with the certificates of chain
// behind the seal's own.
func (a *authorityKey) seal(t testing.TB, payload []byte, at time.Time, chain ...*authorityKey) []byte {
	t.Helper()
	b64 := base64.RawURLEncoding
	var x5c []string
	for _, c := range append([]*authorityKey{a}, chain...) {
		x5c = append(x5c, base64.StdEncoding.EncodeToString(c.cert.Raw))
	}
	thumbprint := sha256.Sum256(a.cert.Raw)
	header, err := json.Marshal(map[string]any{"alg": "ES256", "b64": false, "crit": []string{"b64"}, "iat": at.Unix(),
		"x5c": x5c, "x5t#S256": b64.EncodeToString(thumbprint[:])})
	if err != nil {
		t.Fatal(err)
	}
	protected := b64.EncodeToString(header)
	sum := sha256.Sum256(append([]byte(protected+"."), payload...))
	r, s, err := ecdsa.Sign(rand.Reader, a.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	token, err := json.Marshal(map[string]any{"payload": string(payload), "signatures": []any{map[string]any{"protected": protected, "signature": b64.EncodeToString(signature)}}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// digitalCredential is a European Digital Credential whose issuer has this
// identifier.
func digitalCredential(t testing.TB, notation string) []byte {
	t.Helper()
	raw := bytes.ReplaceAll(reference.Read(t, "reference", "samples", "own-microcredential.json"), []byte("VATRS-000000000"), []byte(notation))
	cred, err := elm.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	cred.Issuer.EIDASIdentifier = &elm.LegalIdentifier{Ref: elm.Ref{ID: "urn:epass:legalIdentifier:1", Type: elm.List[string]{"LegalIdentifier"}}, Notation: notation}
	cred.ExpirationDate, cred.ValidUntil = "", ""
	payload, err := cred.Encode(elm.EDC)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// A seal certificate is one for the very organisation of the trust file, by an
// authority of it, at the time of sealing. The prefix of the identifier is
// optional in the credential and nowhere else.
func TestSealCertificates(t *testing.T) {
	const id = "VATRS-100000001"
	long, year := now.AddDate(-10, 0, 0), now.AddDate(-1, 0, 0)
	next, sealed := now.AddDate(1, 0, 0), now.AddDate(0, -2, 0)
	root := (*authorityKey)(nil).certify(t, true, long, next, nil)
	between := root.certify(t, true, long, next, nil)
	over := root.certify(t, true, long, now.AddDate(0, -3, 0), nil) // an authority that had ended when it was sealed
	other := (*authorityKey)(nil).certify(t, true, long, next, nil)
	leaf := between.certify(t, false, year, next, nil, id)

	for name, c := range map[string]struct {
		notation string // in the credential
		id       string // in the trust file
		anchor   *authorityKey
		leaf     *authorityKey
		chain    []*authorityKey
		at       time.Time
		state    State
		reason   Reason
		level    string
	}{
		"in full":                       {id, id, between, leaf, nil, sealed, StateValid, "", "L3"},
		"by the root":                   {id, id, root, leaf, []*authorityKey{between}, sealed, StateValid, "", "L3"},
		"by the root, with the root":    {id, id, root, leaf, []*authorityKey{between, root}, sealed, StateValid, "", "L3"},
		"the certificate itself":        {id, id, leaf, leaf, nil, sealed, StateValid, "", "L2"},
		"VAT without prefix":            {"100000001", id, between, leaf, nil, sealed, StateValid, "", "L3"},
		"NTR without prefix":            {"080123456", "NTRHR-080123456", between, between.certify(t, false, year, next, nil, "NTRHR-080123456"), nil, sealed, StateValid, "", "L3"},
		"no prefix anywhere":            {"100000001", "100000001", between, between.certify(t, false, year, next, nil, "100000001"), nil, sealed, StateValid, "", "L3"},
		"prefix in the credential only": {id, "100000001", between, between.certify(t, false, year, next, nil, "100000001"), nil, sealed, NotValid, "issuer_mismatch", ""},
		"certificate without prefix":    {id, id, between, between.certify(t, false, year, next, nil, "100000001"), nil, sealed, NotValid, "untrusted_issuer", ""},
		"another country's prefix":      {"VATHR-100000001", id, between, leaf, nil, sealed, NotValid, "issuer_mismatch", ""},
		"another kind of number":        {"NTRRS-100000001", id, between, leaf, nil, sealed, NotValid, "issuer_mismatch", ""},
		"prefix that is not optional":   {"100000001", "PASRS-100000001", between, between.certify(t, false, year, next, nil, "PASRS-100000001"), nil, sealed, NotValid, "issuer_mismatch", ""},
		"another organisation":          {id, id, between, between.certify(t, false, year, next, nil, "VATRS-200000002"), nil, sealed, NotValid, "untrusted_issuer", ""},
		"no organisation":               {id, id, between, between.certify(t, false, year, next, nil), nil, sealed, NotValid, "untrusted_issuer", ""},
		"two organisations":             {id, id, between, between.certify(t, false, year, next, nil, id, "VATRS-200000002"), nil, sealed, NotValid, "untrusted_issuer", ""},
		"an authority nobody trusts":    {id, id, between, other.certify(t, false, year, next, nil, id), []*authorityKey{other}, sealed, NotValid, "untrusted_issuer", ""},
		"its own authority":             {id, id, between, (*authorityKey)(nil).certify(t, false, year, next, nil, id), nil, sealed, NotValid, "untrusted_issuer", ""},
		"nothing in between":            {id, id, root, leaf, nil, sealed, NotValid, "untrusted_issuer", ""},
		"ended now, valid then":         {id, id, between, between.certify(t, false, year, now.AddDate(0, -1, 0), nil, id), nil, sealed, StateValid, "", "L3"},
		"sealed after its end":          {id, id, between, between.certify(t, false, year, now.AddDate(0, -3, 0), nil, id), nil, sealed, NotValid, "key_not_allowed", ""},
		"sealed before its beginning":   {id, id, between, between.certify(t, false, now.AddDate(0, -1, 0), next, nil, id), nil, sealed, NotValid, "key_not_allowed", ""},
		"its authority had ended":       {id, id, root, over.certify(t, false, year, next, nil, id), []*authorityKey{over}, sealed, NotValid, "key_not_allowed", ""},
		"an authority that seals":       {id, id, root, root.certify(t, true, year, next, nil, id), nil, sealed, NotValid, "key_not_allowed", ""},
	} {
		trust := trusting(TrustedIssuer{OrganizationID: c.id, Anchors: []*x509.Certificate{c.anchor.cert}})
		r := newVerifier(t, Config{Trust: trust}).Verify(t.Context(), c.leaf.seal(t, digitalCredential(t, c.notation), c.at, c.chain...))
		coherent(t, r)
		if r.State != c.state || r.Reason != c.reason || c.level != "" && r.Issuer.Level != c.level {
			t.Errorf("%s: state %s, reason %s, level %s: %+v", name, r.State, r.Reason, r.Issuer.Level, r.check(CheckSeal))
		}
		if said := strings.Contains(allOf(r.check(CheckSeal).Remarks), "certificate expired on 2026-09-01"); said != (name == "ended now, valid then") {
			t.Errorf("%s: remarks %q", name, r.check(CheckSeal).Remarks)
		}
	}
}

// What a certificate states of being qualified is shown as its own word, unless
// the operator says that the authority stood on a trusted list on that day.
func TestQualifiedSeals(t *testing.T) {
	const id = "VATRS-100000001"
	const (
		compliance = "3008060604008e460101"
		device     = "3008060604008e460104"
		forSeals   = "3013060604008e4601063009060704008e46010602"
		forPeople  = "3013060604008e4601063009060704008e46010601"
		serbia     = "300e060604008e460107300413025253"
	)
	root := (*authorityKey)(nil).certify(t, true, now.AddDate(-10, 0, 0), now.AddDate(1, 0, 0), nil)
	sum := sha256.Sum256(root.cert.Raw)
	granted := func(from, to string) []Granted {
		return []Granted{{Anchor: hex.EncodeToString(sum[:]), From: from, To: to, Source: "https://list.example/tsl.xml", Checked: "2026-09-01"}}
	}
	stated := []string{EvidencePlain, EvidenceCertificate, EvidenceQualified}
	less := []string{EvidencePlain, EvidenceCertificate, EvidenceStatements}
	for name, c := range map[string]struct {
		statements string
		granted    []Granted
		level      string
		kinds      []string
	}{
		"states nothing":              {"", granted("2020-01-01", ""), "L3", []string{EvidencePlain, EvidenceCertificate}},
		"states all":                  {compliance + device + forSeals, nil, "L4", stated},
		"and its authority was there": {compliance + device + forSeals, granted("2026-08-01", "2026-08-01"), "L4", append(slices.Clone(stated), EvidenceGranted)},
		"but only later":              {compliance + device + forSeals, granted("2026-08-02", ""), "L4", stated},
		"but no longer":               {compliance + device + forSeals, granted("2020-01-01", "2026-07-31"), "L4", stated},
		"another authority was there": {compliance + device + forSeals, []Granted{{Anchor: strings.Repeat("00", 32), From: "2020-01-01"}}, "L4", stated},
		"without a device":            {compliance + forSeals, granted("2020-01-01", ""), "L3", less},
		"for people":                  {compliance + device + forPeople, granted("2020-01-01", ""), "L3", less},
		"by another law":              {compliance + device + forSeals + serbia, granted("2020-01-01", ""), "L3", less},
		"broken":                      {compliance + compliance + device + forSeals, granted("2020-01-01", ""), "L3", []string{EvidencePlain, EvidenceCertificate}},
	} {
		var extension []byte
		if body, err := hex.DecodeString(c.statements); err != nil {
			t.Fatal(err)
		} else if len(body) > 0 {
			extension = append([]byte{0x30, byte(len(body))}, body...)
		}
		leaf := root.certify(t, false, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), extension, id)
		trust := trusting(TrustedIssuer{OrganizationID: id, Anchors: []*x509.Certificate{root.cert}, Granted: c.granted})
		r := newVerifier(t, Config{Trust: trust}).Verify(t.Context(), leaf.seal(t, digitalCredential(t, id), time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)))
		coherent(t, r)
		var kinds []string
		for _, fact := range r.Issuer.Evidence {
			kinds = append(kinds, fact.Kind)
			if fact.Source == "" || !slices.Contains(EvidenceKinds, fact.Kind) {
				t.Errorf("%s: %+v", name, fact)
			}
			if asked := strings.Contains(fact.Fact, "was not asked"); asked != (fact.Kind == EvidenceQualified) {
				t.Errorf("%s: %s", name, fact.Fact)
			}
		}
		if r.State != StateValid || r.Issuer.Level != c.level || !slices.Equal(kinds, c.kinds) {
			t.Errorf("%s: state %s, level %s: %v", name, r.State, r.Issuer.Level, kinds)
		}
		if wire := r.Wire("en").Issuer; wire.Level != c.level || len(wire.Evidence) != len(c.kinds) || wire.Evidence[1].Kind != EvidenceCertificate {
			t.Errorf("%s: wire %+v", name, wire)
		}
	}
}
