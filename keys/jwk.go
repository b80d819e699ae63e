package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jwkMembers are the members that a public JWK is read from (RFC 7517 section
// 4, RFC 7518 section 6, RFC 8037 section 2); others are ignored.
var jwkMembers = []string{"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg", "key_ops"}

// privateMembers hold secrets (RFC 7518 section 6.2.2, 6.3.2, 6.4.1). Where one
// of them is published, the key is lost.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}

// ParseJWK reads a public JWK strictly. It refuses private members, use other
// than "sig", RSA under 2048 bits, and kinds, curves and algorithms that are not
// on the list.
//
// Errors wrap [ErrFormat] where raw is no JWK and [ErrKeyPolicy] where the key
// is not allowed. Alg is "" where the JWK binds the key to no algorithm;
// Purposes and periods are not part of a JWK.
func ParseJWK(raw []byte) (*PublicKey, error) {
	members, err := readObject(raw)
	if err != nil {
		return nil, refuse(ErrFormat, "JWK: %v", err)
	}
	if name := nearMiss(members, jwkMembers); name != "" {
		return nil, refuse(ErrFormat, "JWK: %q differs only in case from a member", name)
	}
	for _, name := range privateMembers {
		if members[name] != nil {
			return nil, refuse(ErrKeyPolicy, "JWK with private member %q", name)
		}
	}
	text := make(map[string]string)
	for _, name := range jwkMembers {
		v, ok := members[name]
		if !ok || name == "key_ops" {
			continue
		}
		s, ok := readString(v)
		if !ok || len(s) == 0 {
			return nil, refuse(ErrFormat, "JWK: %s is not a string with content", name)
		}
		text[name] = string(s)
	}

	k := &PublicKey{ID: text["kid"], Alg: Algorithm(text["alg"])}
	if use := text["use"]; use != "" && use != "sig" {
		return nil, refuse(ErrKeyPolicy, "JWK %q of use %q", k.ID, use)
	}
	if v := members["key_ops"]; v != nil {
		var ops []string
		if json.Unmarshal(v, &ops) != nil || !slices.Contains(ops, "verify") {
			return nil, refuse(ErrKeyPolicy, "JWK %q whose key_ops lack verify", k.ID)
		}
	}
	switch kty, crv := text["kty"], text["crv"]; {
	case kty == "EC" && curves[crv] != nil, kty == "OKP" && crv == "Ed25519", kty == "RSA" && crv == "":
	default:
		return nil, refuse(ErrKeyPolicy, "JWK %q of kind %q, curve %q", k.ID, kty, crv)
	}
	if k.Key, err = jwkKey(text); err != nil {
		return nil, refuse(ErrFormat, "JWK %q: %v", k.ID, err)
	}
	if k.Alg != "" {
		if _, ok := algorithms[k.Alg]; !ok {
			return nil, refuse(ErrKeyPolicy, "JWK %q of algorithm %q", k.ID, k.Alg)
		}
		if err := fits(k.Alg, k.Key); err != nil {
			return nil, refuse(ErrKeyPolicy, "JWK %q: %v", k.ID, err)
		}
		return k, nil
	}
	if _, err := defaultAlgorithm(k.Key); err != nil {
		return nil, refuse(ErrKeyPolicy, "JWK %q: %v", k.ID, err)
	}
	return k, nil
}

// jwkKey builds the key from the members of a JWK.
func jwkKey(text map[string]string) (crypto.PublicKey, error) {
	var broken error
	octets := func(name string) []byte {
		raw, err := decodeBase64URL([]byte(text[name]))
		if err != nil || len(raw) == 0 {
			broken = fmt.Errorf("%s is missing or not base64url", name)
		}
		return raw
	}
	switch text["kty"] {
	case "EC":
		curve, ok := curves[text["crv"]]
		if !ok {
			return nil, fmt.Errorf("curve %q", text["crv"])
		}
		x, y := octets("x"), octets("y")
		if broken != nil {
			return nil, broken
		}
		if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
			return nil, errors.New("coordinates are not of full length") // RFC 7518 section 6.2.1.2
		}
		return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	case "OKP":
		x := octets("x")
		if broken != nil {
			return nil, broken
		}
		if text["crv"] != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("not an Ed25519 key")
		}
		return ed25519.PublicKey(x), nil
	case "RSA":
		n, e := octets("n"), octets("e")
		if broken != nil {
			return nil, broken
		}
		if n[0] == 0 || e[0] == 0 { // RFC 7518 section 2, Base64urlUInt
			return nil, errors.New("integer with leading zeros")
		}
		exponent := new(big.Int).SetBytes(e)
		if !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > 1<<31-1 || exponent.Bit(0) == 0 {
			return nil, errors.New("public exponent out of range")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
	}
	return nil, fmt.Errorf("kty %q", text["kty"])
}

// defaultAlgorithm is the algorithm that goes with a key. For RSA it is RS256,
// with which European seals are made.
func defaultAlgorithm(key crypto.PublicKey) (Algorithm, error) {
	alg := RS256
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if alg = ES256; key.Curve == elliptic.P384() {
			alg = ES384
		}
	case ed25519.PublicKey:
		alg = EdDSA
	}
	return alg, fits(alg, key)
}

// JWK returns the key as a public JWK with kid, alg and use, members sorted.
// It is nil for a key of a kind that is not on the list.
func (k *PublicKey) JWK() []byte {
	if _, err := defaultAlgorithm(k.Key); err != nil {
		return nil
	}
	raw, err := (&jose.JSONWebKey{Key: k.Key, KeyID: k.ID, Algorithm: string(k.Alg), Use: "sig"}).MarshalJSON()
	if err != nil {
		return nil // unreachable: the kind of key was checked
	}
	sorted := jsontext.Value(raw)
	if err := sorted.Canonicalize(); err != nil {
		return nil // unreachable: raw is well-formed
	}
	return sorted
}

// Thumbprint is the RFC 7638 SHA-256 thumbprint, base64url. It is "" for a key
// of a kind that is not on the list.
func (k *PublicKey) Thumbprint() string {
	sum, err := (&jose.JSONWebKey{Key: k.Key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64URL.EncodeToString(sum)
}
