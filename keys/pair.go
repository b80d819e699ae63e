package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Pair is a key as other programs hand it over: with its private part, or
// without. It belongs to no institution and to no ring; test suites bring such
// keys along.
type Pair struct {
	Public  *PublicKey
	private crypto.Signer // nil where only the public part was given
}

// Pairs are the keys of one file. As a Resolver they are asked by kid; a key
// that has none answers to any.
type Pairs []Pair

// maxPairs bounds the keys of one file.
const maxPairs = 100

// ParsePairs reads a JWK, a JWK set, a verification method (publicKeyJwk,
// privateKeyJwk, publicKeyMultibase, secretKeyMultibase), or a document with
// verificationMethod. Keys of kinds that are not on the list are left out.
// Errors wrap [ErrFormat], and [ErrKeyPolicy] where no key is left.
func ParsePairs(raw []byte) (Pairs, error) {
	members, err := readObject(raw)
	if err != nil {
		return nil, refuse(ErrFormat, "key file: %v", err)
	}
	list := []jsontext.Value{raw}
	for _, name := range []string{"keys", "verificationMethod"} {
		if v, ok := members[name]; ok && v.Kind() == '[' {
			if err := json.Unmarshal(v, &list); err != nil || len(list) > maxPairs {
				return nil, refuse(ErrFormat, "key file: %s is not an array of at most %d keys", name, maxPairs)
			}
		}
	}
	var pairs Pairs
	var last error
	for _, one := range list {
		p, err := parsePair(one)
		if err != nil {
			last = err
			continue
		}
		pairs = append(pairs, p)
	}
	if len(pairs) == 0 {
		if last == nil {
			last = refuse(ErrKeyPolicy, "key file without a key")
		}
		return nil, last
	}
	return pairs, nil
}

// parsePair reads a JWK or a verification method.
func parsePair(raw []byte) (Pair, error) {
	members, err := readObject(raw)
	if err != nil {
		return Pair{}, refuse(ErrFormat, "key: %v", err)
	}
	text := func(name string) string { s, _ := readString(members[name]); return string(s) }
	var p Pair
	switch {
	case members["kty"] != nil:
		p, err = parseJWKPair(raw)
	case members["privateKeyJwk"] != nil:
		p, err = parseJWKPair(members["privateKeyJwk"])
	case members["publicKeyJwk"] != nil:
		p, err = parseJWKPair(members["publicKeyJwk"])
	case members["secretKeyMultibase"] != nil:
		if p.private, err = parseSecretMultikey(text("secretKeyMultibase")); err == nil {
			p.Public = &PublicKey{Key: p.private.Public()}
		}
	default:
		var key crypto.PublicKey
		if key, err = ParseMultikey(text("publicKeyMultibase")); err == nil {
			p.Public = &PublicKey{Key: key}
		}
	}
	if err != nil {
		return Pair{}, err
	}
	if id := text("id"); id != "" {
		p.Public.ID = id
	}
	p.Public.Controller = text("controller")
	return p, nil
}

// parseJWKPair reads a JWK that may have private members.
func parseJWKPair(raw []byte) (Pair, error) {
	members, err := readObject(raw)
	if err != nil {
		return Pair{}, refuse(ErrFormat, "JWK: %v", err)
	}
	var private crypto.Signer
	if members["d"] != nil {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err != nil {
			return Pair{}, refuse(ErrFormat, "private JWK: %v", err)
		}
		var ok bool
		if private, ok = key.Key.(crypto.Signer); !ok {
			return Pair{}, refuse(ErrKeyPolicy, "private JWK of a kind that does not sign")
		}
		delete(members, "key_ops") // those of the private key
	}
	for _, name := range privateMembers {
		delete(members, name)
	}
	public, err := json.Marshal(members)
	if err != nil {
		return Pair{}, err // unreachable: they were read from JSON
	}
	k, err := ParseJWK(public)
	return Pair{k, private}, err
}

// parseSecretMultikey reads a private key as secretKeyMultibase has it
// (Controlled Identifiers 1.0 section 2.2.2).
func parseSecretMultikey(text string) (crypto.Signer, error) {
	raw, err := decodeMultibase(text)
	if err != nil {
		return nil, refuse(ErrFormat, "multikey: %v", err)
	}
	if len(raw) > 2 {
		switch codec, secret := [2]byte(raw), raw[2:]; {
		case codec == [2]byte{0x80, 0x26} && len(secret) == ed25519.SeedSize:
			return ed25519.NewKeyFromSeed(secret), nil
		case codec == [2]byte{0x86, 0x26}:
			return parseScalar(elliptic.P256(), secret)
		case codec == [2]byte{0x87, 0x26}:
			return parseScalar(elliptic.P384(), secret)
		}
	}
	return nil, refuse(ErrKeyPolicy, "multikey: a kind of private key that is not on the list")
}

func parseScalar(curve elliptic.Curve, secret []byte) (crypto.Signer, error) {
	key, err := ecdsa.ParseRawPrivateKey(curve, secret)
	if err != nil {
		return nil, refuse(ErrFormat, "multikey: %v", err)
	}
	return key, nil
}

// Seal seals payload as VCJWT or VPJWT with the first of the keys that has its
// private part. kid is the key's id, where it has one.
func (p Pairs) Seal(payload []byte, form Form) ([]byte, error) {
	for _, pair := range p {
		if pair.private == nil {
			continue
		}
		alg := pair.Public.Alg
		if alg == "" {
			var err error
			if alg, err = defaultAlgorithm(pair.Public.Key); err != nil {
				return nil, err
			}
		}
		options := (&jose.SignerOptions{}).WithType(jose.ContentType(form))
		if pair.Public.ID != "" {
			options.WithHeader("kid", pair.Public.ID)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: pair.private}, options)
		if err != nil {
			return nil, fmt.Errorf("sealing as %s: %w", form, err)
		}
		jws, err := signer.Sign(payload)
		if err != nil {
			return nil, fmt.Errorf("sealing as %s: %w", form, err)
		}
		token, err := jws.CompactSerialize()
		return []byte(token), err
	}
	return nil, errors.New("sealing without a private key")
}

// Resolve finds the key that a header names by kid, or by the fragment of it.
func (p Pairs) Resolve(_ context.Context, h Header) (*PublicKey, error) {
	_, fragment, _ := strings.Cut(h.KeyID, "#")
	for _, pair := range p {
		if id := pair.Public.ID; id == "" || h.KeyID == "" || id == h.KeyID || id == fragment {
			return pair.Public, nil
		}
	}
	return nil, fmt.Errorf("%w: named by the header", ErrUnknownKey)
}
