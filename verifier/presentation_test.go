package verifier

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"indeks/contexts"
	"indeks/keys"
)

// wallet is a holder whose DID is its key (did:jwk).
type wallet struct{ testIssuer }

func newWallet(t testing.TB) *wallet {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := &keys.PublicKey{Key: &key.PublicKey}
	did := "did:jwk:" + base64.RawURLEncoding.EncodeToString(public.JWK())
	return &wallet{testIssuer{did: did, key: key, kid: did + "#0"}}
}

func envelopeOf(token []byte) map[string]any {
	return map[string]any{"@context": contexts.VC2, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt," + string(token)}
}

// presentation is the payload of a vp+jwt with these credentials, in which
// members may be replaced; nil takes one away.
func (w *wallet) presentation(change map[string]any, credentials ...any) map[string]any {
	doc := map[string]any{
		"@context": []any{contexts.VC2}, "type": []any{"VerifiablePresentation"}, "holder": w.did,
		"nonce": "n-1", "aud": "https://verifier.example", "verifiableCredential": credentials,
	}
	maps.Copy(doc, change)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
	return doc
}

func (w *wallet) present(t testing.TB, payload any) []byte {
	return w.sealAs(t, payload, map[string]any{"typ": "vp+jwt"})
}

// issuedTo makes a credential for a subject, sealed.
func (i *testIssuer) issuedTo(t testing.TB, subject string, change map[string]any) []byte {
	doc := i.credential(nil, change)
	if subject != "" {
		doc["credentialSubject"] = map[string]any{"id": subject, "name": "Ana"}
	}
	return i.seal(t, doc)
}

var asked = PresentationOptions{Challenge: "n-1", Domain: "https://verifier.example"}

func TestPresentations(t *testing.T) {
	uni, ana, eve := newIssuer(t, "uni.example"), newWallet(t), newWallet(t)
	stranger := newIssuer(t, "stranger.example")
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	own := envelopeOf(uni.issuedTo(t, ana.did, nil))
	second := envelopeOf(uni.issuedTo(t, ana.did, map[string]any{"id": "urn:uuid:0b6f6a8e-0000-4000-8000-000000000002"}))
	jwk := json.RawMessage((&keys.PublicKey{Key: &ana.key.PublicKey}).JWK())
	bound := envelopeOf(uni.issuedTo(t, "", map[string]any{"cnf": map[string]any{"jwk": jwk}}))
	many := make([]any, 51)
	for i := range many {
		many[i] = own
	}
	forged := *ana // Ana's name, Eve's key
	forged.key = eve.key
	vp1 := func(change map[string]any, credentials ...any) []byte {
		claims := map[string]any{"iss": ana.did, "nonce": "n-1", "aud": []any{"https://other.example", "https://verifier.example"}, "vp": map[string]any{
			"@context": []any{contexts.VC1}, "type": "VerifiablePresentation", "verifiableCredential": credentials,
		}}
		maps.Copy(claims, change)
		return ana.sealAs(t, claims, map[string]any{"typ": "JWT"})
	}
	token := string(uni.issuedTo(t, ana.did, nil))
	for name, c := range map[string]struct {
		token   []byte
		asked   PresentationOptions
		verdict Verdict
		reason  Reason
		owners  string // outcomes of the owner checks, by first letters
	}{
		"her own":                        {ana.present(t, ana.presentation(nil, own)), asked, Valid, "", "p"},
		"two of her own":                 {ana.present(t, ana.presentation(nil, own, second)), asked, Valid, "", "pp"},
		"bound by cnf":                   {ana.present(t, ana.presentation(nil, bound)), asked, Valid, "", "p"},
		"holder not named":               {ana.present(t, ana.presentation(map[string]any{"holder": nil}, own)), asked, Valid, "", "p"},
		"holder as iss":                  {ana.present(t, ana.presentation(map[string]any{"holder": nil, "iss": ana.did}, own)), asked, Valid, "", "p"},
		"for nobody's wallet":            {ana.present(t, ana.presentation(nil, envelopeOf(uni.issuedTo(t, "urn:person:1", nil)))), asked, Valid, "", "n"},
		"version 1.1":                    {vp1(nil, token), asked, Valid, "", "p"},
		"1.1 with one credential":        {vp1(map[string]any{"vp": map[string]any{"@context": contexts.VC1, "type": "VerifiablePresentation", "verifiableCredential": token}}), asked, Valid, "", "p"},
		"nothing asked":                  {ana.present(t, ana.presentation(nil, own)), PresentationOptions{}, Valid, "", "n"},
		"none in it":                     {ana.present(t, ana.presentation(nil)), asked, Indeterminate, "no_credential", ""},
		"the same twice":                 {ana.present(t, ana.presentation(nil, own, own, second, own)), asked, Valid, "", "pp"},
		"a stranger's credential":        {ana.present(t, ana.presentation(nil, envelopeOf(stranger.issuedTo(t, ana.did, nil)))), asked, Indeterminate, "untrusted_issuer", "n"},
		"another's credential":           {eve.present(t, eve.presentation(nil, own)), asked, Indeterminate, "holder_mismatch", "f"},
		"another's, bound by cnf":        {eve.present(t, eve.presentation(nil, bound)), asked, Indeterminate, "holder_mismatch", "f"},
		"another's among her own":        {ana.present(t, ana.presentation(nil, own, envelopeOf(uni.issuedTo(t, eve.did, nil)))), asked, Indeterminate, "holder_mismatch", "pf"},
		"another named as holder":        {eve.present(t, eve.presentation(map[string]any{"holder": ana.did}, own)), asked, Invalid, "holder_mismatch", "n"},
		"iss differs from holder":        {ana.present(t, ana.presentation(map[string]any{"iss": eve.did}, own)), asked, Invalid, "claims_invalid", ""},
		"another's key":                  {forged.present(t, ana.presentation(nil, own)), asked, Invalid, "signature_invalid", ""},
		"replayed, another nonce":        {ana.present(t, ana.presentation(nil, own)), PresentationOptions{Challenge: "n-2"}, Invalid, "challenge_mismatch", "f"},
		"replayed, no nonce":             {ana.present(t, ana.presentation(map[string]any{"nonce": nil}, own)), asked, Invalid, "challenge_mismatch", "f"},
		"for another verifier":           {ana.present(t, ana.presentation(nil, own)), PresentationOptions{Challenge: "n-1", Domain: "https://evil.example"}, Invalid, "domain_mismatch", "f"},
		"over":                           {ana.present(t, ana.presentation(map[string]any{"exp": now.Unix() - 100}, own)), asked, Invalid, "expired", "f"},
		"unsealed":                       {mustJSON(t, ana.presentation(map[string]any{"nonce": nil, "aud": nil}, own)), asked, Indeterminate, "no_seal", "n"},
		"a holder nobody can resolve":    {uni.sealAs(t, ana.presentation(nil, own), map[string]any{"typ": "vp+jwt"}), asked, Indeterminate, "key_not_found", "n"},
		"a bad credential":               {ana.present(t, ana.presentation(nil, own, envelopeOf([]byte(token[:len(token)-2]+"AA")))), asked, Invalid, "signature_invalid", "pn"},
		"an unsealed credential":         {ana.present(t, ana.presentation(nil, uni.credential(nil, nil))), asked, Invalid, "no_seal", "n"},
		"a token in 2.0":                 {ana.present(t, ana.presentation(nil, token)), asked, Invalid, "claims_invalid", ""},
		"51 of them":                     {ana.present(t, ana.presentation(nil, many...)), asked, Invalid, "too_large", ""},
		"10000 of them":                  {ana.present(t, ana.presentation(nil, slices.Repeat([]any{"a"}, 10_000)...)), asked, Invalid, "too_large", ""},
		"too large":                      {ana.present(t, ana.presentation(nil, strings.Repeat("a", keys.MaxToken))), asked, Invalid, "too_large", ""},
		"nested":                         {ana.present(t, ana.presentation(nil, ana.presentation(nil, own))), asked, Invalid, "claims_invalid", ""},
		"nested in an envelope":          {ana.present(t, ana.presentation(nil, map[string]any{"@context": contexts.VC2, "type": "EnvelopedVerifiablePresentation", "id": "data:application/vp+jwt,x"})), asked, Invalid, "claims_invalid", ""},
		"nested as a credential's token": {ana.present(t, ana.presentation(nil, envelopeOf(ana.present(t, ana.presentation(nil, own))))), asked, Invalid, "header_invalid", "n"},
		"claim vp in 2.0":                {ana.present(t, ana.presentation(map[string]any{"vp": map[string]any{}}, own)), asked, Invalid, "claims_invalid", ""},
		"version 1.1 as vp+jwt":          {ana.present(t, ana.presentation(map[string]any{"@context": []any{contexts.VC1}}, own)), asked, Invalid, "context_not_allowed", ""},
		"2.0 in claim vp":                {vp1(map[string]any{"vp": ana.presentation(map[string]any{"nonce": nil, "aud": nil}, own)}), asked, Invalid, "context_not_allowed", ""},
		"members beside claim vp":        {vp1(map[string]any{"verifiableCredential": []any{token}}), asked, Invalid, "claims_invalid", ""},
		"an unknown context":             {ana.present(t, ana.presentation(map[string]any{"@context": []any{contexts.VC2, "https://evil.example/v1"}}, own)), asked, Invalid, "context_not_allowed", ""},
		"an undefined term":              {ana.present(t, ana.presentation(map[string]any{"odd": 1}, own)), asked, Invalid, "undefined_term", ""},
		"a credential":                   {uni.issuedTo(t, ana.did, nil), asked, Invalid, "header_invalid", ""},
		"nothing":                        {nil, asked, Invalid, "malformed", ""},
		"a member twice":                 {ana.present(t, []byte(`{"holder":"a","holder":"b"}`)), asked, Invalid, "malformed", ""},
		"an envelope": {mustJSON(t, map[string]any{"@context": []any{contexts.VC2}, "type": "EnvelopedVerifiablePresentation",
			"id": "data:application/vp+jwt," + string(ana.present(t, ana.presentation(nil, own)))}), asked, Valid, "", "p"},
		"an envelope of a credential": {mustJSON(t, map[string]any{"@context": []any{contexts.VC2}, "type": "EnvelopedVerifiablePresentation",
			"id": "data:application/vc+jwt," + token}), asked, Invalid, "malformed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := v.VerifyPresentation(t.Context(), c.token, c.asked)
			owners := ""
			for _, r := range p.Credentials {
				owners += string(r.check(CheckOwner).Result[0])
			}
			if p.Verdict != c.verdict || p.Reason != c.reason || owners != c.owners {
				t.Errorf("%s %s, owners %q: %+v", p.Verdict, p.Reason, owners, p.Checks)
			}
			for _, check := range p.Checks {
				if check.Result == "" || check.Message.String() == "" || (check.Result == Passed) != (check.Reason == "") && check.Result != NotMade {
					t.Errorf("%+v", check)
				}
			}
		})
	}
}

// A check that was not asked for is not made, and never passed.
func TestUnaskedIsNotChecked(t *testing.T) {
	uni, ana := newIssuer(t, "uni.example"), newWallet(t)
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	p := v.VerifyPresentation(t.Context(), ana.present(t, ana.presentation(nil, envelopeOf(uni.issuedTo(t, ana.did, nil)))), PresentationOptions{})
	for _, name := range []string{CheckChallenge, CheckDomain} {
		if got := p.check(name).Result; got != NotMade {
			t.Errorf("%s %s", name, got)
		}
	}
}

// What a presentation is, its content tells; a credential under its header is
// none, and is refused as a credential.
func TestIsPresentation(t *testing.T) {
	uni, ana := newIssuer(t, "uni.example"), newWallet(t)
	own := envelopeOf(uni.issuedTo(t, ana.did, nil))
	for name, c := range map[string]struct {
		token []byte
		want  bool
	}{
		"vp+jwt":                            {ana.present(t, ana.presentation(nil, own)), true},
		"1.1":                               {ana.sealAs(t, map[string]any{"vp": 1}, map[string]any{"typ": "JWT"}), true},
		"1.1 credential":                    {ana.sealAs(t, map[string]any{"vc": map[string]any{}}, map[string]any{"typ": "JWT"}), false},
		"unsealed":                          {mustJSON(t, ana.presentation(nil, own)), true},
		"credential":                        {uni.issuedTo(t, ana.did, nil), false},
		"credential, presentation's header": {ana.present(t, uni.credential(nil, nil)), false},
		"presentation, credential's header": {ana.seal(t, ana.presentation(nil, own)), false},
		"envelope of a credential":          {mustJSON(t, own), false},
		"text":                              {[]byte("VerifiablePresentation"), false},
		"array":                             {[]byte(`["VerifiablePresentation"]`), false},
	} {
		if got := IsPresentation(c.token); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzPresentation(f *testing.F) {
	uni, ana := newIssuer(f, "uni.example"), newWallet(f)
	own := envelopeOf(uni.issuedTo(f, ana.did, nil))
	f.Add([]byte(mustJSON(f, ana.presentation(nil, own))), false)
	f.Add([]byte(mustJSON(f, map[string]any{"iss": ana.did, "vp": ana.presentation(map[string]any{"@context": contexts.VC1}, "a.b.c")})), true)
	f.Add([]byte(`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":"VerifiablePresentation","verifiableCredential":{"type":["VerifiablePresentation"]}}`), false)
	v := newVerifier(f, Config{Trust: trusting(uni.entry())})
	f.Fuzz(func(t *testing.T, payload []byte, old bool) {
		typ := "vp+jwt"
		if old {
			typ = "JWT"
		}
		for _, token := range [][]byte{payload, ana.sealAs(t, payload, map[string]any{"typ": typ})} {
			p := v.VerifyPresentation(t.Context(), token, asked)
			if len(p.Credentials) > maxPresented {
				t.Fatal("more credentials than are examined")
			}
			if p.Verdict == Valid && (p.Holder != ana.did || len(p.Credentials) == 0) {
				t.Fatalf("valid without a holder: %+v", p)
			}
			for _, r := range p.Credentials {
				coherent(t, r)
			}
		}
	})
}

func mustJSON(t testing.TB, value any) []byte {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// proved adds an ecdsa-rdfc-2019 proof of the wallet to a presentation (ECDSA
// Cryptosuites 1.0 section 3.2), made by hand.
func (w *wallet) proved(t testing.TB, doc map[string]any, proof map[string]any) []byte {
	t.Helper()
	options := map[string]any{
		"type": "DataIntegrityProof", "cryptosuite": "ecdsa-rdfc-2019", "verificationMethod": w.kid,
		"proofPurpose": "authentication", "created": "2026-06-20T10:00:00Z", "challenge": "n-1", "domain": "https://verifier.example",
	}
	maps.Copy(options, proof)
	digest := func(doc map[string]any) []byte {
		quads, err := contexts.Default().Canonicalize(mustJSON(t, doc), crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(quads)
		return sum[:]
	}
	config := maps.Clone(options)
	config["@context"] = doc["@context"]
	sum := sha256.Sum256(append(digest(config), digest(doc)...))
	r, s, err := ecdsa.Sign(rand.Reader, w.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	var text []byte
	for n, base, digit := new(big.Int).SetBytes(signature), big.NewInt(58), new(big.Int); n.Sign() > 0; {
		n.DivMod(n, base, digit)
		text = append(text, alphabet[digit.Int64()])
	}
	for i := 0; signature[i] == 0; i++ {
		text = append(text, '1')
	}
	slices.Reverse(text)
	options["proofValue"] = "z" + string(text)
	sealed := maps.Clone(doc)
	sealed["proof"] = options
	return mustJSON(t, sealed)
}

// A presentation as JSON-LD is held to the same rules by its proof.
func TestPresentationsWithAProof(t *testing.T) {
	uni, ana, eve := newIssuer(t, "uni.example"), newWallet(t), newWallet(t)
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	own := envelopeOf(uni.issuedTo(t, ana.did, nil))
	plain := func(w *wallet, change map[string]any) map[string]any {
		doc := w.presentation(map[string]any{"nonce": nil, "aud": nil}, own)
		maps.Copy(doc, change)
		return doc
	}
	forged := *ana
	forged.key = eve.key
	for name, c := range map[string]struct {
		token   []byte
		verdict Verdict
		reason  Reason
		owners  string
	}{
		"her own":               {ana.proved(t, plain(ana, nil), nil), Valid, "", "p"},
		"another's credential":  {eve.proved(t, plain(eve, nil), nil), Indeterminate, "holder_mismatch", "f"},
		"another's key":         {forged.proved(t, plain(ana, nil), nil), Invalid, "signature_invalid", ""},
		"changed":               {bytes.Replace(ana.proved(t, plain(ana, nil), nil), []byte(`"n-1"`), []byte(`"n-2"`), 1), Invalid, "signature_invalid", ""},
		"another challenge":     {ana.proved(t, plain(ana, nil), map[string]any{"challenge": "n-2"}), Invalid, "challenge_mismatch", "f"},
		"another domain":        {ana.proved(t, plain(ana, nil), map[string]any{"domain": "https://evil.example"}), Invalid, "domain_mismatch", "f"},
		"for another purpose":   {ana.proved(t, plain(ana, nil), map[string]any{"proofPurpose": "assertionMethod"}), Invalid, "header_invalid", ""},
		"over":                  {ana.proved(t, plain(ana, nil), map[string]any{"expires": "2026-06-20T10:00:01Z"}), Invalid, "expired", "f"},
		"an undefined term":     {bytes.Replace(ana.proved(t, plain(ana, nil), nil), []byte(`"holder"`), []byte(`"odd":1,"holder"`), 1), Invalid, "undefined_term", ""},
		"a key nobody resolves": {bytes.ReplaceAll(ana.proved(t, plain(ana, nil), nil), []byte(ana.did), []byte("did:web:ana.example")), Indeterminate, "key_not_found", "n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := v.VerifyPresentation(t.Context(), c.token, asked)
			owners := ""
			for _, r := range p.Credentials {
				owners += string(r.check(CheckOwner).Result[0])
			}
			if p.Verdict != c.verdict || p.Reason != c.reason || owners != c.owners {
				t.Errorf("%s %s, owners %q: %+v", p.Verdict, p.Reason, owners, p.Checks)
			}
		})
	}
}
