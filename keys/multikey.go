package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// base58 is the alphabet of base58btc.
const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// maxMultibase bounds what is decoded: base58 takes time with the square of the
// length. A jwk_jcs-pub of RSA 8192, the longest key allowed, has 1 970 symbols.
const maxMultibase = 2048

// decodeMultibase decodes base58btc with its prefix "z", the only base of
// Data Integrity with these cryptosuites (Controlled Identifiers 1.0 section 2.4).
func decodeMultibase(text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, "z")
	switch {
	case !ok:
		return nil, errors.New("not base58btc, which begins with z")
	case digits == "":
		return nil, errors.New("an empty value")
	case len(digits) > maxMultibase:
		return nil, fmt.Errorf("more than %d symbols of base58", maxMultibase)
	}
	var number []byte // little-endian
	for i := range len(digits) {
		carry := strings.IndexByte(base58, digits[i])
		if carry < 0 {
			return nil, fmt.Errorf("symbol %d is not one of base58", i+2)
		}
		for j, b := range number {
			carry += int(b) * 58
			number[j], carry = byte(carry), carry>>8
		}
		for ; carry > 0; carry >>= 8 {
			number = append(number, byte(carry))
		}
	}
	zeros := len(digits) - len(strings.TrimLeft(digits, base58[:1]))
	number = append(number, make([]byte, zeros)...)
	slices.Reverse(number)
	return number, nil
}

// encodeMultibase is the reverse of decodeMultibase.
func encodeMultibase(raw []byte) string {
	var digits []byte // little-endian
	for _, b := range raw {
		carry := int(b)
		for j, d := range digits {
			carry += int(d) << 8
			digits[j], carry = byte(carry%58), carry/58
		}
		for ; carry > 0; carry /= 58 {
			digits = append(digits, byte(carry%58))
		}
	}
	zeros := len(raw) - len(bytes.TrimLeft(raw, "\x00"))
	text := make([]byte, 0, 1+zeros+len(digits))
	text = append(text, 'z')
	text = append(text, strings.Repeat(base58[:1], zeros)...)
	for _, d := range slices.Backward(digits) {
		text = append(text, base58[d])
	}
	return string(text)
}

// Multicodec prefixes of public keys (Controlled Identifiers 1.0 section 2.2.2;
// jwk_jcs-pub by the multicodec table), as unsigned varints.
var (
	codecEd25519 = []byte{0xed, 0x01}
	codecP256    = []byte{0x80, 0x24} // 0x1200
	codecP384    = []byte{0x81, 0x24} // 0x1201
	codecJWK     = []byte{0xd1, 0xd6, 0x03}
)

// ParseMultikey reads a public key as publicKeyMultibase and did:key have it:
// Ed25519 (z6Mk), P-256 (zDn) or P-384 (z82). Errors wrap [ErrFormat] or
// [ErrKeyPolicy].
func ParseMultikey(text string) (crypto.PublicKey, error) {
	raw, err := decodeMultibase(text)
	if err != nil {
		return nil, refuse(ErrFormat, "multikey: %v", err)
	}
	if point, ok := bytes.CutPrefix(raw, codecEd25519); ok {
		if len(point) != ed25519.PublicKeySize {
			return nil, refuse(ErrFormat, "multikey: an Ed25519 key of %d bytes", len(point))
		}
		return ed25519.PublicKey(point), nil
	}
	for _, c := range []struct {
		codec []byte
		curve elliptic.Curve
	}{{codecP256, elliptic.P256()}, {codecP384, elliptic.P384()}} {
		point, ok := bytes.CutPrefix(raw, c.codec)
		if !ok {
			continue
		}
		x, y := elliptic.UnmarshalCompressed(c.curve, point)
		if x == nil {
			return nil, refuse(ErrFormat, "multikey: not a compressed point of %s", c.curve.Params().Name)
		}
		size := len(point) - 1
		full := append([]byte{4}, make([]byte, 2*size)...)
		x.FillBytes(full[1 : 1+size])
		y.FillBytes(full[1+size:])
		return ecdsa.ParseUncompressedPublicKey(c.curve, full)
	}
	return nil, refuse(ErrKeyPolicy, "multikey: a kind of key that is not on the list")
}

// Multikey returns the key as publicKeyMultibase, "" for RSA, which has none.
func (k *PublicKey) Multikey() string {
	switch key := k.Key.(type) {
	case ed25519.PublicKey:
		return encodeMultibase(slices.Concat(codecEd25519, key))
	case *ecdsa.PublicKey:
		codec := codecP256
		if key.Curve == elliptic.P384() {
			codec = codecP384
		}
		full, err := key.Bytes() // 4, x, y
		if err != nil {
			return ""
		}
		half := len(full) / 2
		full[0] = 2 | full[len(full)-1]&1 // SEC 1 section 2.3.3
		return encodeMultibase(slices.Concat(codec, full[:1+half]))
	}
	return ""
}

// MultikeyID is the URL of the key as Multikey in its controller's DID document,
// where the JsonWebKey has the URL ID: DID, "#", multikey. "" for RSA and for a
// key without a controller.
func (k *PublicKey) MultikeyID() string {
	multikey := k.Multikey()
	if multikey == "" || k.Controller == "" {
		return ""
	}
	return k.Controller + "#" + multikey
}
