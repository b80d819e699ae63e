package verifier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"indeks/keys"
)

// document is the DID document of an issuer, in which members of its one
// verification method may be replaced.
func (i *testIssuer) document(t testing.TB, id string, change map[string]any) []byte {
	t.Helper()
	method := map[string]any{"id": i.kid, "type": "JsonWebKey", "controller": i.did,
		"publicKeyJwk": json.RawMessage((&keys.PublicKey{Key: &i.key.PublicKey}).JWK())}
	maps.Copy(method, change)
	raw, err := json.Marshal(map[string]any{"id": id, "verificationMethod": []any{method}, "assertionMethod": []any{i.kid}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const strangersDocument = "https://stranger.example/.well-known/did.json"

// What the host of a stranger says of its keys is asked for where the operator
// wants it, and confirms nobody.
func TestAStrangersHostConfirmsNobody(t *testing.T) {
	uni, stranger, other := newIssuer(t, "uni.example"), newIssuer(t, "stranger.example"), newIssuer(t, "stranger.example")
	token := stranger.seal(t, stranger.credential(nil, nil))
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	good := stranger.document(t, stranger.did, nil)
	forAuthentication := bytes.Replace(good, []byte(`"assertionMethod"`), []byte(`"authentication"`), 1)

	for name, c := range map[string]struct {
		off   bool
		token []byte
		body  any
		asked int
		state State
		level string
		want  string // in the remarks on the issuer
	}{
		"not wanted":             {true, token, good, 0, IssuerUnknown, "", ""},
		"published":              {false, token, good, 1, IssuerUnknown, "L1", ""},
		"published, for a proof": {false, stranger.proving().seal(t, stranger.credential(nil, nil)), good, 1, IssuerUnknown, "L1", ""},
		"another key":            {false, token, other.document(t, stranger.did, nil), 1, NotValid, "", ""},
		"sealed by another":      {false, other.seal(t, stranger.credential(nil, nil)), good, 1, NotValid, "", ""},
		"of another DID":         {false, token, stranger.document(t, uni.did, nil), 1, IssuerUnknown, "", "could not get the keys"},
		"of another controller":  {false, token, stranger.document(t, stranger.did, map[string]any{"controller": uni.did}), 1, IssuerUnknown, "", "does not publish this key"},
		"another name":           {false, token, stranger.document(t, stranger.did, map[string]any{"id": stranger.did + "#2"}), 1, IssuerUnknown, "", "does not publish this key"},
		"for another use":        {false, token, forAuthentication, 1, NotValid, "", ""},
		"of another type":        {false, token, stranger.document(t, stranger.did, map[string]any{"type": "Other"}), 1, IssuerUnknown, "", "does not publish this key"},
		"expired since":          {false, token, stranger.document(t, stranger.did, map[string]any{"expires": at(-time.Hour)}), 1, IssuerUnknown, "L1", ""},
		"expired before":         {false, token, stranger.document(t, stranger.did, map[string]any{"expires": "2026-01-01T00:00:00Z"}), 1, NotValid, "", ""},
		"revoked before":         {false, token, stranger.document(t, stranger.did, map[string]any{"revoked": "2026-01-01T00:00:00Z"}), 1, NotValid, "", ""},
		"revoked since":          {false, token, stranger.document(t, stranger.did, map[string]any{"revoked": at(-time.Hour)}), 1, IssuerUnknown, "", ""},
		"redirected":             {false, token, 302, 1, IssuerUnknown, "", "could not get the keys"},
		"gone":                   {false, token, 404, 1, IssuerUnknown, "", "status 404"},
		"unreachable":            {false, token, errNetwork, 1, IssuerUnknown, "", "no answer"},
		"too large":              {false, token, append(bytes.Repeat([]byte(" "), keys.MaxDIDDocument), good...), 1, IssuerUnknown, "", "too large"},
		"compressed":             {false, token, []byte("\x1f\x8b\x08"), 1, IssuerUnknown, "", "could not get the keys"},
		"repeated member":        {false, token, append([]byte(`{"id":"x",`), good[1:]...), 1, IssuerUnknown, "", "could not get the keys"},
		"key of somebody else":   {false, stranger.seal(t, uni.credential(nil, map[string]any{"issuer": "did:web:else.example"})), good, 0, IssuerUnknown, "", ""},
		"key of one in the list": {false, stranger.seal(t, uni.credential(nil, nil)), good, 0, NotValid, "", ""},
		"a document that breaks": {false, stranger.seal(t, stranger.credential(nil, map[string]any{"credentialSubject": nil})), good, 0, NotValid, "", ""},
	} {
		served := &answers{}
		served.set(strangersDocument, c.body)
		v := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client(), ResolveDIDWeb: !c.off})
		r := v.Verify(t.Context(), c.token)
		coherent(t, r)
		if r.State != c.state || served.count() != c.asked || r.Issuer.Level != c.level && c.level != "" || r.Issuer.Confirmed {
			t.Errorf("%s: state %s, reason %s, level %q after %q: %+v", name, r.State, r.Reason, r.Issuer.Level, served.asked, r.Checks[1:3])
		}
		if remarks := allOf(r.check(CheckIssuer).Remarks); !strings.Contains(remarks, c.want) {
			t.Errorf("%s: %q", name, remarks)
		}
		if c.level == "L1" {
			fact := r.Issuer.Evidence[0]
			if len(r.Issuer.Evidence) != 1 || fact.Kind != EvidenceDomain || fact.With["Host"] != "stranger.example" || fact.Checked != "2026-10-01" || r.Issuer.DID == "" && r.Issuer.Name != "" {
				t.Errorf("%s: %+v", name, r.Issuer)
			}
		}
	}
}

// An institution of the trust file is believed by the keys there alone: whoever
// takes over its host can add none.
func TestTheTrustFileGoesBeforeTheHost(t *testing.T) {
	uni, thief := newIssuer(t, "uni.example"), newIssuer(t, "uni.example")
	thief.kid = uni.did + "#2"
	for state, token := range map[State][]byte{
		StateValid: uni.seal(t, uni.credential(nil, nil)),
		NotValid:   thief.seal(t, uni.credential(nil, nil)),
	} {
		served := &answers{}
		served.set("https://uni.example/.well-known/did.json", thief.document(t, uni.did, nil))
		r := newVerifier(t, Config{Trust: trusting(uni.entry()), Fetch: served.client(), ResolveDIDWeb: true}).Verify(t.Context(), token)
		coherent(t, r)
		if served.count() != 0 || r.State != state {
			t.Errorf("state %s, not %s, after %q", r.State, state, served.asked)
		}
	}
}

func TestDIDDocumentsAreAskedForOnce(t *testing.T) {
	stranger := newIssuer(t, "stranger.example")
	token := stranger.seal(t, stranger.credential(nil, nil))
	served := &answers{delay: 20 * time.Millisecond}
	served.set(strangersDocument, stranger.document(t, stranger.did, nil))
	at := now
	v := newVerifier(t, Config{Fetch: served.client(), ResolveDIDWeb: true, Now: func() time.Time { return at }})
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if r := v.Verify(t.Context(), token); r.Issuer.Level != "L1" {
				t.Errorf("level %s: %+v", r.Issuer.Level, r.check(CheckIssuer))
			}
		})
	}
	wait.Wait()
	if served.count() != 1 {
		t.Errorf("%d requests for one document", served.count())
	}
	at = at.Add(didAge)
	if v.Verify(t.Context(), token); served.count() != 2 {
		t.Errorf("%d requests after its time", served.count())
	}

	// Whoever sends many names does not make us ask many hosts at once.
	v.dids.known = make(map[string]*didAnswer)
	for i := range maxDIDFlights {
		v.dids.known[fmt.Sprint(i)] = &didAnswer{flying: true, until: at.Add(didAge)}
	}
	if r := v.Verify(t.Context(), token); served.count() != 2 || !strings.Contains(allOf(r.check(CheckIssuer).Remarks), "too many") {
		t.Errorf("%d requests: %+v", served.count(), r.check(CheckIssuer))
	}
}

// There is one address for a DID, and one DID for an address.
func TestAddressesOfDIDDocuments(t *testing.T) {
	open, loopback := newVerifier(t, Config{}), newVerifier(t, Config{Policy: FetchPolicy{AllowLoopback: true}})
	for did, want := range map[string]string{
		"did:web:uni.example":                 "https://uni.example/.well-known/did.json",
		"did:web:uni.example:mc":              "https://uni.example/mc/did.json",
		"did:web:uni.example:a:b":             "https://uni.example/a/b/did.json",
		"did:web:uni.example%3A443":           "https://uni.example:443/.well-known/did.json",
		"did:web:uni.example%3A8443":          "", // a port to knock at
		"did:web:uni.example%3a443":           "",
		"did:web:Uni.example":                 "",
		"did:web:uni.example%2Fx":             "",
		"did:web:uni.example:..:x":            "",
		"did:web:uni.example::x":              "",
		"did:web:uni.example?x":               "",
		"did:web:a@uni.example":               "",
		"did:web:10.0.0.1":                    "",
		"did:web:":                            "",
		"did:key:z6Mk":                        "",
		"did:web:localhost%3A8080":            "",
		"did:web:uni.example:a\\b":            "",
		"did:web:uni.example:x#y":             "",
		"did:web:uni.example:%2e%2e:x":        "",
		"did:web:uni.example%3A443%3A443:x":   "",
		"did:web:uni.example:\u202ex":         "",
		"did:web:uni.example:.well-known:foo": "https://uni.example/.well-known/foo/did.json",
	} {
		u, err := open.didWebURL(did)
		if want == "" && err == nil || want != "" && (err != nil || u.String() != want) {
			t.Errorf("%s: %v, %v", did, u, err)
		}
	}
	if u, err := loopback.didWebURL("did:web:localhost%3A8080"); err != nil || u.String() != "http://localhost:8080/.well-known/did.json" {
		t.Errorf("%v, %v", u, err)
	}
}
