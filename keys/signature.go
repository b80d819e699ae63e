package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // hashes of algorithms and x5t#o
	_ "crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"indeks/alike"
)

// RSA moduli outside these bounds are refused: shorter ones are weak, longer
// ones make a verifier work for an attacker.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// algorithm is what JWA (RFC 7518 section 3) and RFC 8037 say of an Algorithm.
type algorithm struct {
	hash  crypto.Hash    // 0: the message itself is signed
	curve elliptic.Curve // ECDSA only
	rsa   padding        // RSA only
}

type padding int

const (
	noRSA padding = iota
	pkcs1
	pss // the salt as long as the hash (RFC 7518 section 3.5)
)

// algorithms is the one list for sealing and opening.
var algorithms = map[Algorithm]algorithm{
	ES256: {hash: crypto.SHA256, curve: elliptic.P256()},
	ES384: {hash: crypto.SHA384, curve: elliptic.P384()},
	EdDSA: {},
	PS256: {hash: crypto.SHA256, rsa: pss},
	RS256: {hash: crypto.SHA256, rsa: pkcs1},
}

// permit says whether a key may be used with alg to check what is sealed for a
// purpose.
func permit(alg Algorithm, k *PublicKey, purposes ...string) error {
	if k.Alg != "" && k.Alg != alg {
		return refuse(ErrKeyPolicy, "key %q is for %s, not %s", k.ID, k.Alg, alg)
	}
	if k.Purposes != nil && !slices.ContainsFunc(purposes, func(p string) bool { return slices.Contains(k.Purposes, p) }) {
		return refuse(ErrKeyPolicy, "key %q is not for this (%s)", k.ID, strings.Join(purposes, ", "))
	}
	if err := fits(alg, k.Key); err != nil {
		return refuse(ErrKeyPolicy, "key %q: %v", k.ID, err)
	}
	return nil
}

// fits says whether key is of the type, curve and size that alg demands.
func fits(alg Algorithm, key crypto.PublicKey) error {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if curve := algorithms[alg].curve; curve == nil || key.Curve != curve {
			return fmt.Errorf("%s is not used with curve %s", alg, key.Curve.Params().Name)
		}
	case ed25519.PublicKey:
		if alg != EdDSA || len(key) != ed25519.PublicKeySize {
			return fmt.Errorf("%s is not used with Ed25519", alg)
		}
	case *rsa.PublicKey:
		if algorithms[alg].rsa == noRSA {
			return fmt.Errorf("%s is not used with RSA", alg)
		}
		if n := key.N.BitLen(); n < minRSABits || n > maxRSABits {
			return fmt.Errorf("RSA of %d bits, where %d to %d are allowed", n, minRSABits, maxRSABits)
		}
		if guessable(key.N) {
			return errors.New("RSA key of a generator that is broken (CVE-2017-15361)")
		}
	default:
		return fmt.Errorf("keys of type %T are not allowed", key)
	}
	return nil
}

// guessable recognizes RSA keys whose primes an Infineon library of 2012 to 2017
// chose as k*M + (65537^a mod M), M being the product of small primes ("The Return
// of Coppersmith's Attack", 2017, section 3.3). Seal keys on smart cards were among
// them. A sound modulus is in all these subgroups once in 2^27 times.
func guessable(n *big.Int) bool {
	for _, p := range smallPrimes {
		residue := new(big.Int).Mod(n, big.NewInt(p)).Int64()
		power := int64(1)
		for power != residue {
			if power = power * 65537 % p; power == 1 {
				return false // residue is no power of 65537
			}
		}
	}
	return true
}

var smallPrimes = []int64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
	89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// digest hashes the parts of a signing input, which are never joined: the
// payload may be large.
func digest(h crypto.Hash, input ...[]byte) []byte {
	sum := h.New()
	for _, part := range input {
		sum.Write(part)
	}
	return sum.Sum(nil)
}

// hasher hashes the parts of a signing input, as digest does.
type hasher func(h crypto.Hash, input ...[]byte) []byte

// hasherIn is digest for an input of header, dot and the two parts of a text that may
// begin like others in a memory.
func hasherIn(memory *alike.Hashes) hasher {
	return func(h crypto.Hash, input ...[]byte) []byte {
		if h != crypto.SHA256 || len(input) != 4 {
			return digest(h, input...)
		}
		sum := memory.Sum256(alike.Text{Head: slices.Concat(input[0], input[1]), Beginning: input[2], Rest: input[3]})
		return sum[:]
	}
}

// verify checks a signature over the parts of a signing input. The key must
// have passed permit.
//
// All forms are verified here and not by go-jose: it cannot read JAdES, two
// ways to verify could differ, and it parses the header a second time, loosely.
func verify(alg Algorithm, k *PublicKey, signature []byte, input ...[]byte) bool {
	return verifyWith(digest, alg, k, signature, input...)
}

func verifyWith(digest hasher, alg Algorithm, k *PublicKey, signature []byte, input ...[]byte) bool {
	a := algorithms[alg]
	switch key := k.Key.(type) {
	case *ecdsa.PublicKey:
		size := (a.curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size { // RFC 7518 section 3.4: r and s, each of full length
			return false
		}
		hash := digest(a.hash, input...)
		if t := k.multiples.tableFor(key); t != nil {
			return t.verify(hash, signature)
		}
		return ecdsa.Verify(key, hash, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
	case ed25519.PublicKey:
		return ed25519.Verify(key, bytes.Join(input, nil), signature)
	case *rsa.PublicKey:
		if a.rsa == pss {
			return rsa.VerifyPSS(key, a.hash, digest(a.hash, input...), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(key, a.hash, digest(a.hash, input...), signature) == nil
	}
	return false // unreachable: permit has refused the key
}

// signer signs the parts of a signing input, as digest hashes them, with a key that fits alg.
type signer func(digest hasher, alg Algorithm, key crypto.Signer, input ...[]byte) ([]byte, error)

// signAgain signs the same input the same way each time, but for PS256: ECDSA by
// RFC 6979.
func signAgain(digest hasher, alg Algorithm, key crypto.Signer, input ...[]byte) ([]byte, error) {
	a := algorithms[alg]
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return signWith(digest, alg, key, input...)
	}
	der, err := private.Sign(nil, digest(a.hash, input...), a.hash)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		return nil, err // unreachable: it was just written
	}
	return joined(a, pair.R, pair.S), nil
}

// joined is r and s, each of full length (RFC 7518 section 3.4).
func joined(a algorithm, r, s *big.Int) []byte {
	size := (a.curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	r.FillBytes(signature[:size])
	s.FillBytes(signature[size:])
	return signature
}

func sign(alg Algorithm, key crypto.Signer, input ...[]byte) ([]byte, error) {
	return signWith(digest, alg, key, input...)
}

func signWith(digest hasher, alg Algorithm, key crypto.Signer, input ...[]byte) ([]byte, error) {
	a := algorithms[alg]
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest(a.hash, input...))
		if err != nil {
			return nil, err
		}
		return joined(a, r, s), nil
	case ed25519.PrivateKey:
		return ed25519.Sign(key, bytes.Join(input, nil)), nil
	case *rsa.PrivateKey:
		if a.rsa == pss {
			return rsa.SignPSS(rand.Reader, key, a.hash, digest(a.hash, input...), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(nil, key, a.hash, digest(a.hash, input...))
	}
	return nil, fmt.Errorf("keys of type %T are not allowed", key)
}
