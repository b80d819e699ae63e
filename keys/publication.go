package keys

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Publication is the public face of a ring: three views of one set of keys.
// Keys of another controller than DID are left out.
type Publication struct {
	DID       string // did:web of the issuer
	IssuerURL string // https base for jwt-vc-issuer
	Keys      []Entry
}

// verificationMethod is defined in Controlled Identifiers 1.0 section 2.2.
type verificationMethod struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Controller   string         `json:"controller"`
	Expires      time.Time      `json:"expires,omitzero"`
	Revoked      time.Time      `json:"revoked,omitzero"`
	PublicKeyJWK jsontext.Value `json:"publicKeyJwk,omitzero"`
	Multikey     string         `json:"publicKeyMultibase,omitzero"`
}

// DIDDocument returns did.json (DID Core, Controlled Identifiers 1.0: expires and
// revoked per verification method). Each key is there as JsonWebKey, which tokens
// name, and, but for RSA, once more as Multikey, which Data Integrity proofs name.
//
// Retired and revoked keys stay in it, also under assertionMethod: what they
// sealed in their time must stay verifiable.
func (p Publication) DIDDocument() ([]byte, error) {
	if p.DID == "" {
		return nil, errors.New("writing the DID document: the DID is missing")
	}
	document := struct {
		Context            []string             `json:"@context"`
		ID                 string               `json:"id"`
		VerificationMethod []verificationMethod `json:"verificationMethod"`
		AssertionMethod    []string             `json:"assertionMethod"`
	}{
		Context: []string{"https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1", "https://w3id.org/security/multikey/v1"},
		ID:      p.DID,
	}
	for _, entry := range p.Keys {
		k := entry.Public
		if k.Controller != p.DID {
			continue
		}
		method := verificationMethod{
			ID: k.ID, Type: "JsonWebKey", Controller: p.DID,
			Expires: k.NotAfter, Revoked: k.CompromisedAt, PublicKeyJWK: k.JWK(),
		}
		methods := []verificationMethod{method}
		if multikey := k.Multikey(); multikey != "" {
			method.ID, method.Type, method.PublicKeyJWK, method.Multikey = k.MultikeyID(), "Multikey", nil, multikey
			methods = append(methods, method)
		}
		for _, m := range methods {
			document.VerificationMethod = append(document.VerificationMethod, m)
			document.AssertionMethod = append(document.AssertionMethod, m.ID)
		}
	}
	return json.Marshal(document)
}

// jwks is a JWK Set (RFC 7517 section 5).
type jwks struct {
	Keys []jsontext.Value `json:"keys"`
}

// set returns the keys that may be trusted without looking at a period. A JWK
// has no member that says "compromised", so such keys are only in did.json.
func (p Publication) set() jwks {
	var set jwks
	for _, entry := range p.Keys {
		if k := entry.Public; k.Controller == p.DID && k.CompromisedAt.IsZero() {
			set.Keys = append(set.Keys, k.JWK())
		}
	}
	return set
}

// JWKS returns /.well-known/jwks.json. Compromised keys are not in it.
func (p Publication) JWKS() ([]byte, error) {
	return json.Marshal(p.set())
}

// JWTVCIssuer returns /.well-known/jwt-vc-issuer: issuer and jwks. Compromised
// keys are not in it.
func (p Publication) JWTVCIssuer() ([]byte, error) {
	if _, err := DIDWeb(p.IssuerURL); err != nil {
		return nil, fmt.Errorf("writing the issuer metadata: %w", err)
	}
	return json.Marshal(struct {
		Issuer string `json:"issuer"`
		JWKS   jwks   `json:"jwks"`
	}{p.IssuerURL, p.set()})
}

// DIDWeb returns the did:web whose document is served under a base URL:
// https://uni.example/mc is did:web:uni.example:mc, with did.json in that
// folder; without a path it is /.well-known/did.json. http is allowed on
// loopback only: http://localhost:8080 is did:web:localhost%3A8080.
func DIDWeb(baseURL string) (string, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return "", fmt.Errorf("reading base URL: %w", err)
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	loopback := host == "localhost" || ip.IsLoopback()
	switch {
	case host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("reading base URL %q: only host, port and path are allowed", baseURL)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback):
		return "", fmt.Errorf("reading base URL %q: only https is allowed, or http on loopback", baseURL)
	case ip != nil && (!loopback || ip.To4() == nil):
		return "", fmt.Errorf("reading base URL %q: did:web needs a host name", baseURL)
	}
	did := "did:web:" + strings.ToLower(host)
	if u.Port() != "" {
		did += "%3A" + u.Port()
	}
	if path := strings.Trim(u.EscapedPath(), "/"); path != "" {
		for segment := range strings.SplitSeq(path, "/") {
			if segment == "" || segment == "." || segment == ".." {
				return "", fmt.Errorf("reading base URL %q: its path has an empty or dotted segment", baseURL)
			}
			did += ":" + strings.ReplaceAll(segment, ":", "%3A")
		}
	}
	return did, nil
}
