package verifier

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"indeks/contexts"
	"indeks/elm"
	"indeks/internal/reference"
	"indeks/keys"
	"indeks/status"
)

// testIssuer is an institution that seals by hand, so that it can break any rule.
type testIssuer struct {
	did, host string
	key       *ecdsa.PrivateKey
	kid       string
}

func newIssuer(t testing.TB, host string) *testIssuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	did := "did:web:" + host
	return &testIssuer{did: did, host: host, key: key, kid: did + "#1"}
}

// entry is the issuer's entry of the trust file.
func (i *testIssuer) entry() TrustedIssuer {
	return TrustedIssuer{
		ID: i.did, LegalName: map[string]string{"en": "University of " + i.host}, CredentialsURL: "https://" + i.host + "/c",
		Keys: []keys.PublicKey{{
			ID: i.kid, Controller: i.did, Alg: keys.ES256, Key: &i.key.PublicKey,
			Purposes: []string{"assertionMethod"}, NotBefore: now.AddDate(-2, 0, 0),
		}},
	}
}

// seal makes a vc+jwt of whatever payload is.
func (i *testIssuer) seal(t testing.TB, payload any) []byte {
	t.Helper()
	return i.sealWith(t, map[string]any{"alg": "ES256", "kid": i.kid, "typ": "vc+jwt"}, payload)
}

// sealAs makes a compact token with these members in the header beside alg and
// kid.
func (i *testIssuer) sealAs(t testing.TB, payload any, header map[string]any) []byte {
	t.Helper()
	members := map[string]any{"alg": "ES256", "kid": i.kid}
	maps.Copy(members, header)
	return i.sealWith(t, members, payload)
}

// sealWith makes a compact token with this header.
func (i *testIssuer) sealWith(t testing.TB, members map[string]any, payload any) []byte {
	t.Helper()
	raw, ok := payload.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(payload); err != nil {
			t.Fatal(err)
		}
	}
	header, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding
	input := append(b64.AppendEncode(nil, header), '.')
	input = b64.AppendEncode(input, raw)
	sum := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return b64.AppendEncode(append(input, '.'), signature)
}

// credential is a small but complete credential with the given status entries,
// in which members may be replaced; nil takes one away.
func (i *testIssuer) credential(status []any, change map[string]any) map[string]any {
	doc := map[string]any{
		"@context":  []any{contexts.VC2},
		"id":        "urn:uuid:6a1f0c3e-52a4-4f5e-9d0b-0d8a6e1b7c11",
		"type":      []any{"VerifiableCredential"},
		"issuer":    i.did,
		"validFrom": "2026-06-15T10:00:00Z",
		"credentialSubject": map[string]any{
			"id": "did:example:learner", "name": "Ana",
		},
	}
	if status != nil {
		doc["credentialStatus"] = status
	}
	maps.Copy(doc, change)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
	return doc
}

func (i *testIssuer) listURL(name string) string { return "https://" + i.host + "/status/" + name }

// statusEntry points to index in one of the issuer's lists.
func (i *testIssuer) statusEntry(list, purpose, index string, change ...any) map[string]any {
	entry := map[string]any{
		"type": "BitstringStatusListEntry", "statusPurpose": purpose,
		"statusListIndex": index, "statusListCredential": i.listURL(list),
	}
	for k := 0; k < len(change); k += 2 {
		entry[change[k].(string)] = change[k+1]
	}
	return entry
}

// list is a status list with these bits set, in which members of the document
// and of its subject may be replaced.
func (i *testIssuer) list(t testing.TB, name, purpose string, set []uint64, document, subject map[string]any) map[string]any {
	t.Helper()
	bits := status.New()
	for _, index := range set {
		if err := bits.Set(index, true); err != nil {
			t.Fatal(err)
		}
	}
	about := map[string]any{
		"id": i.listURL(name) + "#list", "type": "BitstringStatusList",
		"statusPurpose": purpose, "encodedList": bits.Encode(),
	}
	maps.Copy(about, subject)
	doc := map[string]any{
		"@context": []any{contexts.VC2}, "id": i.listURL(name),
		"type": []any{"VerifiableCredential", "BitstringStatusListCredential"}, "issuer": i.did,
		"validFrom": "2026-10-01T08:00:00Z", "validUntil": "2026-10-08T08:00:00Z", "credentialSubject": about,
	}
	maps.Copy(doc, document)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
	return doc
}

// answers serves bodies by URL, or an error, and counts requests.
type answers struct {
	mu     sync.Mutex
	bodies map[string]any // []byte, int (status) or error
	asked  []string
	delay  time.Duration
}

func (a *answers) set(url string, body any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bodies == nil {
		a.bodies = make(map[string]any)
	}
	a.bodies[url] = body
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.String())
	body, delay := a.bodies[r.URL.String()], a.delay
	a.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	res := &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: http.NoBody}
	switch body := body.(type) {
	case []byte:
		res.Body = io.NopCloser(bytes.NewReader(body))
	case int:
		res.StatusCode = body
		res.Header.Set("Location", "https://elsewhere.example/")
	case error:
		return nil, body
	default:
		res.StatusCode = 404
	}
	return res, nil
}

func (a *answers) client() *http.Client { return &http.Client{Transport: a} }

var errNetwork = errors.New("network is down")

// microCredential is a complete micro-credential of ours in profile VC2.
func microCredential(t testing.TB, i *testIssuer) []byte {
	t.Helper()
	cred, err := elm.Parse(read(t, reference.Path(t, "reference", "samples", "own-microcredential.json")))
	if err != nil {
		t.Fatal(err)
	}
	cred.Issuer.DID, cred.ELMContext = i.did, "https://"+i.host+contexts.ELMPath
	cred.ExpirationDate, cred.ValidUntil = "", ""
	raw, err := cred.Encode(elm.VC2)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The file and the token of one award, sealed by our own ring, are both valid.
func TestOwnSealsAreValid(t *testing.T) {
	ring, err := keys.CreateRing(filepath.Join(t.TempDir(), "keys.age"), []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	const did = "did:web:uni.example"
	made, err := ring.Add(did, keys.NewKey{Organization: "University of Example", Country: "RS", OrgID: "VATRS-100000001", Now: now.AddDate(0, -1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := ring.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	cred, err := elm.Parse(reference.Read(t, "reference", "samples", "own-microcredential.json"))
	if err != nil {
		t.Fatal(err)
	}
	cred.Issuer.DID, cred.ELMContext = did, "https://uni.example"+contexts.ELMPath
	cred.Issuer.EIDASIdentifier = &elm.LegalIdentifier{Ref: elm.Ref{ID: "urn:epass:legalIdentifier:1", Type: elm.List[string]{"LegalIdentifier"}}, Notation: "VATRS-100000001"}
	cred.ExpirationDate, cred.ValidUntil = "", ""
	file, err := cred.Encode(elm.EDC)
	if err != nil {
		t.Fatal(err)
	}
	token, err := cred.Encode(elm.VC2)
	if err != nil {
		t.Fatal(err)
	}

	// One institution has one number, wherever it is named.
	ours := func(payload []byte) []byte {
		return bytes.ReplaceAll(payload, []byte("VATRS-000000000"), []byte("VATRS-100000001"))
	}
	file, token = ours(file), ours(token)

	known := TrustedIssuer{
		ID: did, LegalName: map[string]string{"en": "University of Example"},
		Keys: []keys.PublicKey{*made.Public}, OrganizationID: "VATRS-100000001",
		Anchors:    []*x509.Certificate{made.Public.Certificate},
		Accredited: []Accredited{{By: "Agency", From: "2020-01-01", Source: "register"}},
	}
	v := newVerifier(t, Config{Trust: trusting(known)})
	for form, payload := range map[keys.Form][]byte{keys.JAdES: file, keys.VCJWT: token} {
		sealed, err := sealer.Seal(payload, form, now.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		r := v.Verify(t.Context(), sealed)
		coherent(t, r)
		if r.State != StateValid {
			t.Errorf("%s: state %s: %+v", form, r.State, r.Checks)
		}
		if c := r.check(CheckSupplement); c.Result == NotMade {
			t.Errorf("%s: supplement %+v", form, c)
		}
		if r.Issuer.Level != "L2" {
			t.Errorf("%s: a self-signed certificate gave level %s", form, r.Issuer.Level)
		}
		w := r.Wire("en")
		if w.Credential == nil || len(w.Supplement) < 11 || w.Checks[0].Outcome != outcomeScheme+"9895008394" {
			t.Errorf("%s: wire %+v", form, w)
		}
	}

	// A file that breaks rules of ELM alone is not taken for forged.
	odd, err := sealer.Seal(bytes.Replace(file, []byte(`"awardingDate":"2026-06-15T00:00:00Z"`), []byte(`"awardingDate":"15 June"`), 1), keys.JAdES, now)
	if err != nil {
		t.Fatal(err)
	}
	r := v.Verify(t.Context(), odd)
	coherent(t, r)
	if r.State != NotConforming || r.Verdict != Indeterminate || len(r.check(CheckFormat).Remarks) != 2 {
		t.Errorf("odd file: state %s: %+v", r.State, r.Checks)
	}

	// Whoever is trusted may seal in no other trusted institution's name, not
	// even beside its own.
	both := *cred
	both.Issuer.Identifier = append(both.Issuer.Identifier, elm.Identifier{Ref: elm.Ref{ID: "urn:epass:identifier:9", Type: elm.List[string]{"Identifier"}}, Notation: "VATRS-200000002"})
	twoNames, err := both.Encode(elm.EDC)
	if err != nil {
		t.Fatal(err)
	}
	inBoth, err := sealer.Seal(ours(twoNames), keys.JAdES, now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	other := TrustedIssuer{LegalName: map[string]string{"en": "Another"}, OrganizationID: "VATRS-200000002"}
	if r := v.Verify(t.Context(), inBoth); r.State != StateValid {
		t.Errorf("a number that nobody has: state %s: %+v", r.State, r.Checks)
	}
	if r := newVerifier(t, Config{Trust: trusting(known, other)}).Verify(t.Context(), inBoth); r.State != NotValid || r.Reason != "issuer_mismatch" {
		t.Errorf("two institutions: state %s: %+v", r.State, r.Checks)
	}

	// The same institution, known by its certificates alone.
	byCertificate := known
	byCertificate.ID, byCertificate.Keys = "", nil
	sealed, err := sealer.Seal(file, keys.JAdES, now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if r := newVerifier(t, Config{Trust: trusting(byCertificate)}).Verify(context.Background(), sealed); r.State != StateValid {
		t.Errorf("by certificate: state %s: %+v", r.State, r.Checks)
	}
}
