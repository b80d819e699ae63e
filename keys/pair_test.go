package keys

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// privateJWK is a key as JWK with its private part.
func privateJWK(t testing.TB, kid string, key any) string {
	t.Helper()
	raw, err := (&jose.JSONWebKey{Key: key, KeyID: kid}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestPairsSealAndOpen(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := p256.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	scalar384, err := p384.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"JWK":                       privateJWK(t, "", p256),
		"JWK with kid":              privateJWK(t, "did:example:a#1", p384),
		"JWK for signing":           strings.Replace(privateJWK(t, "k", ed), "{", `{"key_ops":["sign"],`, 1),
		"RSA":                       privateJWK(t, "k", rsaKey),
		"JWK set":                   `{"keys":[` + privateJWK(t, "k", ed) + `]}`,
		"with keys of other kinds":  `{"keys":[{"kty":"oct","k":"AA"},{"kty":"EC","crv":"P-521"},` + privateJWK(t, "k", ed) + `]}`,
		"verification method":       `{"id":"did:example:a#1","type":"JsonWebKey","controller":"did:example:a","privateKeyJwk":` + privateJWK(t, "", p256) + `}`,
		"document":                  `{"id":"did:example:a","verificationMethod":[{"id":"did:example:a#1","type":"JsonWebKey","privateKeyJwk":` + privateJWK(t, "", p256) + `}]}`,
		"secret multikey, Ed25519":  `{"id":"did:example:a#1","type":"Multikey","secretKeyMultibase":"` + encodeMultibase(append([]byte{0x80, 0x26}, ed.Seed()...)) + `"}`,
		"secret multikey, P-256":    `{"type":"Multikey","secretKeyMultibase":"` + encodeMultibase(append([]byte{0x86, 0x26}, scalar...)) + `"}`,
		"secret multikey, P-384":    `{"type":"Multikey","secretKeyMultibase":"` + encodeMultibase(append([]byte{0x87, 0x26}, scalar384...)) + `"}`,
		"public ones before it too": fmt.Sprintf(`{"keys":[%s,%s]}`, (&PublicKey{ID: "other", Alg: ES256, Key: &p256.PublicKey}).JWK(), privateJWK(t, "k", ed)),
	} {
		pairs, err := ParsePairs([]byte(file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for form, open := range map[Form]func(context.Context, []byte, Resolver) (*Opened, error){VCJWT: Open, VPJWT: OpenPresentation} {
			token, err := pairs.Seal([]byte(`{"a":1}`), form)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			opened, err := open(context.Background(), token, pairs)
			if err != nil || string(opened.Payload) != `{"a":1}` || opened.Form != form {
				t.Errorf("%s: %v", name, err)
			}
			changed := slices.Clone(token)
			changed[len(changed)-10] ^= 1
			if _, err := open(context.Background(), changed, pairs); err == nil {
				t.Errorf("%s: changed, it opens", name)
			}
		}
	}
}

func TestPairsThatAreNone(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for file, want := range map[string]error{
		``:                                 ErrFormat,
		`[]`:                               ErrFormat,
		`{}`:                               ErrFormat,
		`{"keys":[]}`:                      ErrKeyPolicy,
		`{"keys":[7]}`:                     ErrFormat,
		`{"kty":"oct","k":"AA"}`:           ErrKeyPolicy,
		`{"kty":"EC","crv":"P-256"}`:       ErrFormat,
		`{"kty":"EC","crv":"P-256","d":7}`: ErrFormat,
		`{"secretKeyMultibase":"z42t"}`:    ErrKeyPolicy,
		`{"publicKeyMultibase":"x"}`:       ErrFormat,
	} {
		if _, err := ParsePairs([]byte(file)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", file, err, want)
		}
	}
	public, err := ParsePairs((&PublicKey{ID: "k", Alg: ES256, Key: &p256.PublicKey}).JWK())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := public.Seal([]byte("x"), VCJWT); err == nil {
		t.Error("a public key seals")
	}
	if _, err := public.Resolve(context.Background(), Header{KeyID: "did:example:a#other"}); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another key: %v", err)
	}
}
