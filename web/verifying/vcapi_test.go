package verifying

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/keys"
	"indeks/verifier"
)

const sealedBy = "did:web:orchards.example"

// sealer seals as vc+jwt with a key of its own.
type sealer struct {
	t   testing.TB
	kid string
	key *ecdsa.PrivateKey
}

func newSealer(t testing.TB, did string) *sealer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &sealer{t, did + "#1", key}
}

func (s *sealer) seal(payload string) string {
	s.t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(fmt.Appendf(nil, `{"alg":"ES256","typ":"vc+jwt","kid":%q}`, s.kid)) + "." + encode([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	r, w, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return input + "." + encode(append(r.FillBytes(make([]byte, 32)), w.FillBytes(make([]byte, 32))...))
}

// unreachable stands in for the network.
type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in tests")
}

// newVCAPI serves the VC-API over two verifiers that trust one issuer.
func newVCAPI(t testing.TB) (*Server, *sealer) {
	t.Helper()
	own := newSealer(t, sealedBy)
	now := time.Now().UTC().Truncate(time.Second)
	file, err := json.Marshal(map[string]any{"version": 1, "issued": now.Add(-time.Hour), "expires": now.Add(time.Hour), "issuers": []any{map[string]any{
		"id": sealedBy, "legal_name": map[string]string{"en": issuerName}, "source": "test", "checked": now.Format(time.DateOnly),
		"keys": []any{map[string]any{"jwk": jsontext.Value((&keys.PublicKey{ID: own.kid, Alg: keys.ES256, Key: &own.key.PublicKey}).JWK()), "purposes": []string{"assertionMethod"}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	trust, err := verifier.ParseTrust(file)
	if err != nil {
		t.Fatal(err)
	}
	c := verifier.Config{Trust: trust, Fetch: &http.Client{Transport: unreachable{}}}
	strict, err := verifier.New(c)
	if err != nil {
		t.Fatal(err)
	}
	c.Contexts = contexts.Default().Open()
	open, err := verifier.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Verifier: strict, Conformance: open, Kit: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return s, own
}

// credential is one of the issuer, with members added.
func credential(members string) string {
	return `{"@context":["https://www.w3.org/ns/credentials/v2",{"colour":"https://a.example/#colour"}],"id":"urn:a:1","type":["VerifiableCredential"],"issuer":"` + sealedBy +
		`","credentialSubject":{"colour":"red"}` + members + `}`
}

func envelope(token string) string {
	return `{"@context":"https://www.w3.org/ns/credentials/v2","type":"EnvelopedVerifiableCredential","id":"data:application/vc+jwt,` + token + `"}`
}

// conformityOf asks and reads the answer.
func conformityOf(t testing.TB, s *Server, path, body string) (int, conformity) {
	t.Helper()
	r, raw := ask(t, s, "POST", path, body, "Content-Type", "application/json")
	var a conformity
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		t.Fatalf("%s: %d %s", path, r.StatusCode, raw)
	}
	if r.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%s: Cache-Control %q", path, r.Header.Get("Cache-Control"))
	}
	if len(a.Errors) != len(a.Problems) || a.Verified != (len(a.Problems) == 0) || a.Verified != (r.StatusCode == 200) {
		t.Errorf("%s: %d, verified %v, %d problems: %s", path, r.StatusCode, a.Verified, len(a.Problems), raw)
	}
	return r.StatusCode, a
}

func types(list []conformityProblem) string {
	var names []string
	for _, p := range list {
		names = append(names, p.Type[strings.LastIndexAny(p.Type, "#:")+1:])
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

func TestCredentialConformity(t *testing.T) {
	s, own := newVCAPI(t)
	stranger := newSealer(t, "did:web:stranger.example")
	good := own.seal(credential(""))
	entry := `,"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://orchards.example/status/1"}`
	quoted := func(token string) string { return `{"verifiableCredential":"` + token + `"}` }
	with := func(token, options string) string {
		return `{"verifiableCredential":` + envelope(token) + `,"options":` + options + `}`
	}
	for _, c := range []struct {
		name, body         string
		problems, warnings string
		checks             string
	}{
		{"a token", quoted(good), "", "", "dataModel proof"},
		{"an envelope", with(good, `{}`), "", "", "dataModel proof"},
		{"under its other name", `{"credential":"` + good + `"}`, "", "", "dataModel proof"},
		{"proof alone", with(own.seal(credential(entry)), `{"checks":["proof"]}`), "", "not-checked", "dataModel proof"},
		{"a list that cannot be had", with(own.seal(credential(entry)), `{}`), "STATUS_RETRIEVAL_ERROR", "", "dataModel proof"},
		{"a list that cannot be had, and is demanded", with(own.seal(credential(entry)), `{"checks":["proof","credentialStatus"]}`), "STATUS_RETRIEVAL_ERROR", "", "dataModel proof"},
		{"changed", quoted(good[:len(good)-4] + "AAAA"), "CRYPTOGRAPHIC_SECURITY_ERROR", "", ""},
		{"changed, and nobody asked for the proof", with(good[:len(good)-4]+"AAAA", `{"checks":[]}`), "CRYPTOGRAPHIC_SECURITY_ERROR", "", ""},
		{"not sealed", `{"verifiableCredential":` + credential("") + `}`, "CRYPTOGRAPHIC_SECURITY_ERROR", "", "dataModel"},
		{"not sealed, and nobody asked for the proof", `{"verifiableCredential":` + credential("") + `,"options":{"checks":[]}}`, "", "not-checked", "dataModel"},
		{"not sealed, against the model", `{"verifiableCredential":` + credential(`,"validFrom":"today"`) + `,"options":{"checks":[]}}`, "MALFORMED_VALUE_ERROR", "not-checked", "dataModel"},
		{"another's key", quoted((&sealer{t, own.kid, stranger.key}).seal(credential(""))), "CRYPTOGRAPHIC_SECURITY_ERROR", "", ""},
		{"a key that nobody knows", quoted(stranger.seal(strings.Replace(credential(""), sealedBy, "did:web:stranger.example", 1))), "CRYPTOGRAPHIC_SECURITY_ERROR", "", "dataModel"},
		{"in another's name", quoted(own.seal(strings.Replace(credential(""), sealedBy, "did:web:stranger.example", 1))), "CRYPTOGRAPHIC_SECURITY_ERROR", "", "dataModel"},
		{"a term that nobody defined", quoted(own.seal(credential(`,"shade":"light"`))), "MALFORMED_VALUE_ERROR", "", "dataModel proof"},
		{"expired", quoted(own.seal(credential(`,"validUntil":"2001-01-01T00:00:00Z"`))), "RANGE_ERROR", "", "dataModel proof"},
		{"not valid yet", quoted(own.seal(credential(`,"validFrom":"2901-01-01T00:00:00Z"`))), "RANGE_ERROR", "", "dataModel proof"},
		{"an entry against the rules", quoted(own.seal(credential(strings.Replace(entry, `"7"`, `"-7"`, 1)))), "MALFORMED_VALUE_ERROR", "", "dataModel proof"},
		{"not JSON inside", quoted(own.seal("x")), "PARSING_ERROR", "", ""},
		{"not a token", quoted("x"), "PARSING_ERROR", "", ""},
		{"an envelope of another type", `{"verifiableCredential":` + strings.Replace(envelope(good), "vc+jwt", "pdf", 1) + `}`, "PARSING_ERROR", "", ""},
		{"an empty envelope", `{"verifiableCredential":` + envelope("") + `}`, "PARSING_ERROR", "", ""},
	} {
		_, a := conformityOf(t, s, "/credentials/verify", c.body)
		if types(a.Problems) != c.problems || types(a.Warnings) != c.warnings || strings.Join(a.Checks, " ") != c.checks {
			t.Errorf("%s: problems %q, warnings %q, checks %q; want %q, %q, %q", c.name, types(a.Problems), types(a.Warnings), a.Checks, c.problems, c.warnings, c.checks)
		}
	}
}

func TestConformityIsNotTrust(t *testing.T) {
	s, own := newVCAPI(t)
	plain := strings.Replace(credential(""), `,{"colour":"https://a.example/#colour"}`, "", 1)
	plain = strings.Replace(plain, "colour", "name", 1)
	for _, c := range []struct {
		name, token string
		verdict     verifier.Verdict
		issuer      string
	}{
		{"an issuer of the trust file", own.seal(plain), verifier.Valid, issuerName},
		// For the standard it may say what its terms mean; for people it may not.
		{"with a context of its own", own.seal(credential("")), verifier.Invalid, issuerName},
	} {
		status, a := conformityOf(t, s, "/credentials/verify", `{"verifiableCredential":`+envelope(c.token)+`}`)
		if status != 200 || a.Indeks.Verdict != c.verdict || a.Indeks.Issuer != c.issuer {
			t.Errorf("%s: %d %+v", c.name, status, a.Indeks)
		}
	}
}

// TestSoundIsNotKnown: whoever has a key can seal soundly, in the name of the key.
func TestSoundIsNotKnown(t *testing.T) {
	s, _ := newVCAPI(t)
	stranger := newSealer(t, "")
	multikey := (&keys.PublicKey{Key: &stranger.key.PublicKey}).Multikey()
	did := "did:key:" + multikey
	stranger.kid = did + "#" + multikey
	own := strings.Replace(credential(""), sealedBy, did, 1)
	entry := `,"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://orchards.example/status/1"}}`
	for _, c := range []struct {
		name, token, options string
		status               int
		warnings             string
	}{
		{"in its own name", stranger.seal(own), `{}`, 200, "issuer-unknown"},
		{"in another's", stranger.seal(credential("")), `{}`, 400, ""},
		{"with a status, which nobody asks for on a stranger's word", stranger.seal(own[:len(own)-1] + entry), `{}`, 400, "issuer-unknown"},
		{"with a status that nobody asks for", stranger.seal(own[:len(own)-1] + entry), `{"checks":["proof"]}`, 200, "issuer-unknown not-checked"},
		{"with a status that is demanded", stranger.seal(own[:len(own)-1] + entry), `{"checks":["proof","credentialStatus"]}`, 400, "issuer-unknown"},
	} {
		status, a := conformityOf(t, s, "/credentials/verify", `{"verifiableCredential":`+envelope(c.token)+`,"options":`+c.options+`}`)
		if status != c.status || types(a.Warnings) != c.warnings || a.Indeks.Verdict == verifier.Valid || a.Indeks.Issuer != "" {
			t.Errorf("%s: %d, warnings %q, %+v: %+v", c.name, status, types(a.Warnings), a.Indeks, a.Problems)
		}
	}
}

func TestPresentationConformity(t *testing.T) {
	s, own := newVCAPI(t)
	good := envelope(own.seal(credential("")))
	const context = `"@context":["https://www.w3.org/ns/credentials/v2"]`
	for _, c := range []struct {
		name, members string // of the presentation
		problems      string
	}{
		{"nothing presented", ``, ""},
		{"one credential", `,"verifiableCredential":` + good, ""},
		{"two credentials", `,"verifiableCredential":[` + good + `,` + envelope(own.seal(credential(`,"name":"x"`))) + `]`, ""},
		{"none in a list", `,"verifiableCredential":[]`, ""},
		{"id", `,"id":"urn:a:1"`, ""},
		{"id is not a URL", `,"id":"one"`, "MALFORMED_VALUE_ERROR"},
		{"two ids", `,"id":["urn:a:1","urn:a:2"]`, "MALFORMED_VALUE_ERROR"},
		{"holder", `,"holder":"did:example:a"`, ""},
		{"holder as object", `,"holder":{"id":"did:example:a"}`, ""},
		{"holder is not a URL", `,"holder":"somebody"`, "MALFORMED_VALUE_ERROR"},
		{"holder without id", `,"holder":{"name":"somebody"}`, "MALFORMED_VALUE_ERROR"},
		{"terms of use", `,"termsOfUse":{"type":"https://a.example/Terms"}`, ""},
		{"terms of use without type", `,"termsOfUse":{"id":"urn:a:1"}`, "MALFORMED_VALUE_ERROR"},
		{"a token", `,"verifiableCredential":"eyJ"`, "MALFORMED_VALUE_ERROR"},
		{"a URL", `,"verifiableCredential":["https://a.example/1"]`, "MALFORMED_VALUE_ERROR"},
		{"a number", `,"verifiableCredential":7`, "MALFORMED_VALUE_ERROR"},
		{"null among the credentials", `,"verifiableCredential":[null]`, "MALFORMED_VALUE_ERROR"},
		{"a presentation", `,"verifiableCredential":{` + context + `,"type":"VerifiablePresentation"}`, "MALFORMED_VALUE_ERROR"},
		{"a credential against the model", `,"verifiableCredential":` + strings.Replace(credential(""), `"issuer"`, `"name"`, 1), "MALFORMED_VALUE_ERROR"},
		{"an envelope without context", `,"verifiableCredential":` + strings.Replace(good, `"@context":"https://www.w3.org/ns/credentials/v2",`, "", 1), "MALFORMED_VALUE_ERROR"},
		{"an envelope of another context", `,"verifiableCredential":` + strings.Replace(good, `credentials/v2`, "credentials/examples/v2", 1), "MALFORMED_VALUE_ERROR"},
		{"an envelope without type", `,"verifiableCredential":` + strings.Replace(good, `"type":"EnvelopedVerifiableCredential",`, "", 1), "MALFORMED_VALUE_ERROR"},
		{"an envelope of another type", `,"verifiableCredential":` + strings.Replace(good, `EnvelopedVerifiableCredential`, "Envelope", 1), "MALFORMED_VALUE_ERROR"},
		{"an envelope of another media type", `,"verifiableCredential":` + strings.Replace(good, `application/vc+jwt`, "application/jwt", 1), "MALFORMED_VALUE_ERROR"},
		{"an envelope without data", `,"verifiableCredential":` + strings.Replace(good, `data:application/vc+jwt,`, "https://a.example/", 1), "MALFORMED_VALUE_ERROR"},
		{"an envelope without id", `,"verifiableCredential":{` + context + `,"type":"EnvelopedVerifiableCredential"}`, "MALFORMED_VALUE_ERROR"},
		{"a term that nobody defined", `,"colour":"red"`, "MALFORMED_VALUE_ERROR"},
		{"a claim of version 1.1", `,"vp":{}`, "MALFORMED_VALUE_ERROR"},
	} {
		body := `{"presentation":{` + context + `,"type":["VerifiablePresentation"]` + c.members + `},"options":{"checks":[]}}`
		if _, a := conformityOf(t, s, "/presentations/verify", body); types(a.Problems) != c.problems {
			t.Errorf("%s: problems %q, want %q: %+v", c.name, types(a.Problems), c.problems, a.Problems)
		}
	}
	for _, c := range []struct{ name, presentation, problems string }{
		{"no context", `{"type":"VerifiablePresentation"}`, "MALFORMED_VALUE_ERROR"},
		{"of version 1.1", `{"@context":["https://www.w3.org/2018/credentials/v1"],"type":"VerifiablePresentation"}`, "MALFORMED_VALUE_ERROR"},
		{"no type", `{` + context + `}`, "MALFORMED_VALUE_ERROR"},
		{"type unmapped", `{` + context + `,"type":["VerifiablePresentation","Show"]}`, "MALFORMED_VALUE_ERROR"},
		{"a member twice", `{` + context + `,"type":"VerifiablePresentation","id":"urn:a:1","id":"urn:a:2"}`, "PARSING_ERROR"},
	} {
		if _, a := conformityOf(t, s, "/presentations/verify", `{"presentation":`+c.presentation+`}`); types(a.Problems) != c.problems {
			t.Errorf("%s: problems %q, want %q", c.name, types(a.Problems), c.problems)
		}
	}
}

func TestPresentationsAreSealedUnlessTheyNeedNotBe(t *testing.T) {
	s, own := newVCAPI(t)
	presentation := func(credential string) string {
		return `{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"],"verifiableCredential":` + credential + `}`
	}
	good, changed := own.seal(credential("")), own.seal(credential(""))
	changed = changed[:len(changed)-4] + "AAAA"
	for _, c := range []struct{ name, body, problems string }{
		{"one that says it is sealed", `{"verifiablePresentation":` + presentation(envelope(good)) + `}`, "CRYPTOGRAPHIC_SECURITY_ERROR"},
		{"one that does not", `{"presentation":` + presentation(envelope(good)) + `}`, ""},
		{"with a credential that was changed", `{"presentation":` + presentation(envelope(changed)) + `}`, "CRYPTOGRAPHIC_SECURITY_ERROR"},
		{"with a credential that nobody sealed", `{"presentation":` + presentation(credential("")) + `}`, "CRYPTOGRAPHIC_SECURITY_ERROR"},
		{"that nobody sealed, with a challenge", `{"presentation":` + presentation(envelope(good)) + `,"options":{"challenge":"x","domain":"y"}}`, "INVALID_CHALLENGE_ERROR INVALID_DOMAIN_ERROR"},
	} {
		if _, a := conformityOf(t, s, "/presentations/verify", c.body); types(a.Problems) != c.problems {
			t.Errorf("%s: problems %q, want %q", c.name, types(a.Problems), c.problems)
		}
	}
}

func TestConformityRequests(t *testing.T) {
	s, own := newVCAPI(t)
	good := `"` + own.seal(credential("")) + `"`
	for _, c := range []struct {
		name, path, body string
		status           int
	}{
		{"options that nobody here knows", "credentials", `{"verifiableCredential":` + good + `,"options":{"colour":"red"},"more":[]}`, 200},
		{"options are null", "credentials", `{"verifiableCredential":` + good + `,"options":null}`, 200},
		{"options are text", "credentials", `{"verifiableCredential":` + good + `,"options":"x"}`, 400},
		{"checks are text", "credentials", `{"verifiableCredential":` + good + `,"options":{"checks":"proof"}}`, 400},
		{"both names", "credentials", `{"verifiableCredential":` + good + `,"credential":` + good + `}`, 400},
		{"a member twice", "credentials", `{"verifiableCredential":` + good + `,"verifiableCredential":` + good + `}`, 400},
		{"nothing", "credentials", ``, 400},
		{"an array", "credentials", `[]`, 400},
		{"no credential", "credentials", `{}`, 400},
		{"credential is empty", "credentials", `{"verifiableCredential":""}`, 400},
		{"credential is a number", "credentials", `{"verifiableCredential":7}`, 400},
		{"something behind", "credentials", `{"verifiableCredential":` + good + `}{}`, 400},
		{"cut", "credentials", `{"verifiableCredential":`, 400},
		{"no presentation", "presentations", `{"verifiableCredential":` + good + `}`, 400},
		{"too large", "credentials", `{"verifiableCredential":"` + strings.Repeat("x", maxBody) + `"}`, 413},
	} {
		r, body := ask(t, s, "POST", "/"+c.path+"/verify", c.body, "Content-Type", "application/json")
		if r.StatusCode != c.status || !strings.Contains(r.Header.Get("Content-Type"), "json") || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: %d %v %s", c.name, r.StatusCode, r.Header, body)
		}
	}
	off, err := New(Config{Verifier: s.verifier.(counted).examiner.(*verifier.Verifier), Kit: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/credentials/verify", "/presentations/verify"} {
		if r, _ := ask(t, off, "POST", path, `{"verifiableCredential":`+good+`}`, "Content-Type", "application/json"); r.StatusCode != 404 {
			t.Errorf("%s, though it is off: %d", path, r.StatusCode)
		}
	}
}
