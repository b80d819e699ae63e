package keys

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// All keys stay in did.json with their periods; a compromised one is in no key
// set, where nothing could say so.
func TestPublication(t *testing.T) {
	r, _ := newRing(t)
	compromised := add(t, r, ES256, firstDay)
	retired := add(t, r, ES384, firstDay.AddDate(0, 1, 0))
	active := add(t, r, EdDSA, firstDay.AddDate(0, 2, 0))
	if err := r.Revoke(compromised.Public.ID, firstDay.AddDate(0, 0, 9), ""); err != nil {
		t.Fatal(err)
	}
	foreign, err := r.Add("did:web:other.example", NewKey{Organization: "U", Now: firstDay.AddDate(0, 3, 0)})
	if err != nil {
		t.Fatal(err)
	}
	p := Publication{DID: testDID, IssuerURL: "https://uni.example", Keys: r.Entries()}

	raw, err := p.DIDDocument()
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Context            []string `json:"@context"`
		ID                 string   `json:"id"`
		VerificationMethod []struct {
			ID, Type, Controller string
			Expires, Revoked     time.Time
			PublicKeyJwk         map[string]string
			PublicKeyMultibase   string
		} `json:"verificationMethod"`
		AssertionMethod []string `json:"assertionMethod"`
	}
	if err := json.Unmarshal(raw, &document, json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	var ids []string // each key in both forms
	for _, e := range []Entry{active, retired, compromised} {
		ids = append(ids, e.Public.ID, e.Public.MultikeyID())
	}
	if diff := cmp.Diff(ids, document.AssertionMethod); diff != "" || document.ID != testDID || document.Context[0] != "https://www.w3.org/ns/did/v1" {
		t.Errorf("%s %s", diff, raw)
	}
	for i, m := range document.VerificationMethod {
		asJWK := m.Type == "JsonWebKey" && m.PublicKeyJwk["kid"] == ids[i] && m.PublicKeyJwk["d"] == "" && m.PublicKeyMultibase == ""
		asMultikey := m.Type == "Multikey" && m.ID == testDID+"#"+m.PublicKeyMultibase && m.PublicKeyJwk == nil
		if m.ID != ids[i] || m.Controller != testDID || i%2 == 0 && !asJWK || i%2 == 1 && !asMultikey {
			t.Errorf("method %+v", m)
		}
	}
	now, old, stolen := document.VerificationMethod[1], document.VerificationMethod[3], document.VerificationMethod[5]
	if !old.Expires.Equal(active.Created) || !old.Revoked.IsZero() || !stolen.Revoked.Equal(firstDay.AddDate(0, 0, 9)) {
		t.Errorf("periods in %s", raw)
	}
	if !now.Expires.Equal(foreign.Created) || !now.Revoked.IsZero() {
		t.Errorf("periods in %s", raw)
	}

	// What is written is read back.
	list, err := ParseDIDDocument(raw, testDID)
	if err != nil || len(list) != len(ids) {
		t.Fatalf("%d keys, %v", len(list), err)
	}
	for i, k := range list {
		m := document.VerificationMethod[i]
		if k.ID != ids[i] || k.Thumbprint() != list[i&^1].Thumbprint() || !k.NotAfter.Equal(m.Expires) || !k.CompromisedAt.Equal(m.Revoked) || !slices.Equal(k.Purposes, []string{"assertionMethod"}) {
			t.Errorf("read back as %+v", k)
		}
	}

	raw, err = p.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || len(set.Key(active.Public.ID)) != 1 || len(set.Key(retired.Public.ID)) != 1 {
		t.Errorf("key set %s", raw)
	}

	metadata, err := p.JWTVCIssuer()
	if err != nil || string(metadata) != `{"issuer":"https://uni.example","jwks":`+string(raw)+`}` {
		t.Errorf("%s, %v", metadata, err)
	}

	if _, err := (Publication{}).DIDDocument(); err == nil {
		t.Error("a document without a DID")
	}
	if _, err := (Publication{IssuerURL: "http://uni.example"}).JWTVCIssuer(); err == nil {
		t.Error("an issuer over http")
	}
	if raw, err := (Publication{DID: testDID}).JWKS(); err != nil || string(raw) != `{"keys":[]}` {
		t.Errorf("no keys: %s, %v", raw, err)
	}
}

func TestDIDWeb(t *testing.T) {
	for base, want := range map[string]string{
		"https://uni.example":               "did:web:uni.example",
		"https://Uni.example/":              "did:web:uni.example",
		"https://uni.example:8443":          "did:web:uni.example%3A8443",
		"https://uni.example/mc/2026/":      "did:web:uni.example:mc:2026",
		"https://uni.example/a:b":           "did:web:uni.example:a%3Ab",
		"http://localhost:8080":             "did:web:localhost%3A8080",
		"http://127.0.0.1:8080":             "did:web:127.0.0.1%3A8080",
		"http://uni.example":                "",
		"https://10.0.0.1":                  "",
		"http://[::1]:8080":                 "",
		"https://u:p@uni.example":           "",
		"https://uni.example?x":             "",
		"https://uni.example/#x":            "",
		"https://uni.example/a//b":          "",
		"https://uni.example/../x":          "",
		"https://":                          "",
		"uni.example":                       "",
		"ftp://uni.example":                 "",
		"https://uni.example/\x7f":          "",
		"https://xn--" + "e1awd7f.example/": "did:web:xn--e1awd7f.example",
	} {
		got, err := DIDWeb(base)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", base, got, err, want)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "reading base URL") {
			t.Errorf("%s: %v", base, err)
		}
	}
}
