package verifier

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"indeks/keys"
)

func pinned(t testing.TB, texts ...string) []TrustKey {
	t.Helper()
	var list []TrustKey
	for _, text := range texts {
		k, err := ParseTrustKey(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	return list
}

// With a pinned key, a trust file is believed that this key sealed, and no other.
func TestSealedTrustFiles(t *testing.T) {
	plain := read(t, "testdata", "trust.json")
	ours, theirs := newIssuer(t, "operator.example"), newIssuer(t, "other.example")
	certificate := (*authorityKey)(nil).certify(t, false, now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0), nil) // long over: the key is what is pinned
	ours.key = certificate.key
	public := keys.PublicKey{ID: ours.kid, Key: &ours.key.PublicKey}
	thumbprint, jwk := public.Thumbprint(), string(public.JWK())
	other := (&keys.PublicKey{Key: &theirs.key.PublicKey}).Thumbprint()
	at := now.Add(-time.Hour)
	header := func(typ string) map[string]any {
		return map[string]any{"alg": "ES256", "typ": typ, "kid": ours.kid, "iat": at.Unix()}
	}
	x5c := func(c *x509.Certificate) map[string]any {
		h := header("trust+jwt")
		h["x5c"] = []string{base64.StdEncoding.EncodeToString(c.Raw)}
		return h
	}
	sealed, bare := ours.sealWith(t, x5c(certificate.cert), plain), ours.sealWith(t, header("trust+jwt"), plain)
	parts := strings.Split(string(sealed), ".")
	parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(plain, []byte(`"version": 3`), []byte(`"version": 4`), 1))
	stranger := (*authorityKey)(nil).certify(t, false, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), nil)

	for name, c := range map[string]struct {
		file []byte
		pins []TrustKey
		want string // part of the error, "" for none
	}{
		"plain, nothing pinned":       {plain, nil, ""},
		"by thumbprint":               {sealed, pinned(t, thumbprint), ""},
		"by JWK":                      {sealed, pinned(t, jwk), ""},
		"by did:jwk":                  {sealed, pinned(t, "did:jwk:"+base64.RawURLEncoding.EncodeToString([]byte(jwk))), ""},
		"by the JWK's name":           {bare, pinned(t, jwk), ""},
		"the second of two":           {sealed, pinned(t, other, " "+thumbprint+"\n"), ""},
		"with a newline":              {append(sealed[:len(sealed):len(sealed)], '\n'), pinned(t, thumbprint), ""},
		"not sealed, but pinned":      {plain, pinned(t, thumbprint), ErrTrustUnsealed.Error()},
		"sealed, nothing pinned":      {sealed, nil, ErrTrustUnpinned.Error()},
		"no certificate, no JWK":      {bare, pinned(t, thumbprint), "another key than those pinned"},
		"sealed by another":           {theirs.sealWith(t, header("trust+jwt"), plain), pinned(t, thumbprint, jwk), "does not verify"},
		"another's certificate":       {ours.sealWith(t, x5c(stranger.cert), plain), pinned(t, thumbprint, jwk), "another key than those pinned"},
		"our certificate, their seal": {theirs.sealWith(t, x5c(certificate.cert), plain), pinned(t, thumbprint, jwk), "does not verify"},
		"changed":                     {[]byte(strings.Join(parts, ".")), pinned(t, thumbprint), "does not verify"},
		"a credential of that key":    {ours.sealWith(t, header("vc+jwt"), plain), pinned(t, jwk), "is not that of a trust file"},
		"another kind of token":       {ours.sealWith(t, header("at+jwt"), plain), pinned(t, jwk), "typ"},
		"sealed, but no trust file":   {ours.sealWith(t, x5c(certificate.cert), []byte(`{"version":1}`)), pinned(t, thumbprint), "at /issued"},
		"sealed with unknown members": {ours.sealWith(t, x5c(certificate.cert), bytes.Replace(plain, []byte(`"country"`), []byte(`"counrty"`), 1)), pinned(t, thumbprint), "/issuers/0/counrty"},
		"nothing":                     {nil, pinned(t, thumbprint), "malformed"},
	} {
		trust, err := OpenTrust(c.file, c.pins)
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) || trust != nil {
				t.Errorf("%s: %v, not %q", name, err, c.want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case (trust.Sealed != nil) != (c.pins != nil) || trust.Version != 3:
			t.Errorf("%s: %+v", name, trust)
		case trust.Sealed != nil && (trust.Sealed.Key != ours.kid || !trust.Sealed.At.Equal(at) || len(trust.Sealed.SHA256) != 64):
			t.Errorf("%s: %+v", name, trust.Sealed)
		}
	}

	// It is no credential, also for somebody who trusts that key for credentials.
	r := newVerifier(t, Config{Trust: trusting(ours.entry())}).Verify(t.Context(), sealed)
	coherent(t, r)
	if r.State != NotValid || r.Reason != "header_invalid" {
		t.Errorf("a trust file as credential: state %s, reason %s", r.State, r.Reason)
	}
}

// Who sealed the list, and which version it is, is part of what is known.
func TestTheListIsEvidence(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	entry := uni.entry()
	entry.ETERID, entry.DEQARID = "RS0000", "DEQARINST0000"
	entry.NationalRegister = &Register{Name: "Register of institutions", Number: "42"}
	trust := trusting(entry)
	trust.Version = 7
	token := uni.seal(t, uni.credential(nil, nil))
	for want, seal := range map[string]*TrustSeal{
		"Listed in the operator's trust file, version 7 of 2025-10-01, which is not sealed":                                 {},
		"Listed in the operator's trust file, version 7 of 2025-10-01, sealed with key did:web:operator.example#thumbprint": {Key: "did:web:operator.example#thumbprint"},
	} {
		if trust.Sealed = seal; seal.Key == "" {
			trust.Sealed = nil
		}
		evidence := newVerifier(t, Config{Trust: trust}).Verify(t.Context(), token).Wire("en").Issuer.Evidence
		if len(evidence) != 4 || evidence[0].Fact != want || evidence[0].Level != "L2" || evidence[0].Source != "test" || evidence[0].Checked != "2026-01-01" {
			t.Errorf("%+v", evidence)
		}
		if evidence[1].Kind != EvidenceRegister || evidence[2].Kind != EvidenceETER || evidence[3].Kind != EvidenceDEQAR {
			t.Errorf("%+v", evidence)
		}
	}
}

func TestPinnedKeysAreReadStrictly(t *testing.T) {
	for _, text := range []string{"", "x", "did:web:uni.example", strings.Repeat("A", 42), strings.Repeat("A", 44), "{}", "did:jwk:e30", `{"kty":"oct","k":"AAAA"}`} {
		if k, err := ParseTrustKey(text); err == nil {
			t.Errorf("%q: %+v", text, k)
		}
	}
	if IsSealedTrust([]byte(" \n{}")) || !IsSealedTrust([]byte("eyJ")) {
		t.Error("what is sealed?")
	}
}

// An institution that ended is vouched for until its last day is over everywhere.
func TestEndedInstitutions(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	for at, state := range map[string]State{
		"2026-06-15T10:00:00Z": StateValid,
		"2026-06-30T23:59:59Z": StateValid,
		"2026-07-01T11:59:00Z": StateValid, // still 30 June, far in the west
		"2026-07-01T12:00:01Z": IssuerUnknown,
		"2026-09-01T00:00:00Z": IssuerUnknown,
	} {
		sealed, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		entry := uni.entry()
		entry.Ended, entry.Successor, entry.Custodian = "2026-06-30", "University of Elsewhere", "State archive"
		r := newVerifier(t, Config{Trust: trusting(entry)}).Verify(t.Context(), uni.seal(t, uni.credential(nil, map[string]any{"iat": sealed.Unix()})))
		coherent(t, r)
		c := r.check(CheckIssuer)
		if r.State != state {
			t.Errorf("%s: state %s: %+v", at, r.State, c)
		}
		if state == StateValid {
			if said := allOf(c.Remarks); !strings.Contains(said, "closed on 2026-06-30") || !strings.Contains(said, "University of Elsewhere") || !strings.Contains(said, "State archive") {
				t.Errorf("%s: %q", at, said)
			}
		} else if c.Result != NotMade || !strings.Contains(c.Message.String(), "only until 2026-06-30") || r.Issuer.Confirmed {
			t.Errorf("%s: %+v", at, c)
		}
	}
}
