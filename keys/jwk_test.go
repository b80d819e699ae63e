package keys

import (
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Every key of the list survives JWK and ParseJWK, its members are sorted, and
// go-jose reads the same key.
func TestJWKRoundTrip(t *testing.T) {
	for _, alg := range allAlgs {
		t.Run(string(alg), func(t *testing.T) {
			want := &PublicKey{ID: "did:web:uni.example#1", Alg: alg, Key: privateKey(t, alg).Public()}
			raw := want.JWK()
			got, err := ParseJWK(raw)
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(PublicKey{})); diff != "" {
				t.Error(diff)
			}
			var names []string
			for part := range strings.SplitSeq(strings.Trim(string(raw), "{}"), ",") {
				names = append(names, part[:strings.IndexByte(part, ':')])
			}
			if !slices.IsSorted(names) || !strings.Contains(string(raw), `"use":"sig"`) {
				t.Errorf("members %s", raw)
			}
			var second jose.JSONWebKey
			if err := json.Unmarshal(raw, &second); err != nil || !second.IsPublic() || second.KeyID != want.ID {
				t.Errorf("go-jose: %+v, %v", second, err)
			}
		})
	}
}

// The thumbprint of RFC 7638 section 3.1.
func TestThumbprint(t *testing.T) {
	k, err := ParseJWK([]byte(`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := k.Thumbprint(); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Error(got)
	}
}

func TestParseJWKRefuses(t *testing.T) {
	ec := string((&PublicKey{Key: privateKey(t, ES256).Public()}).JWK())
	rsaJWK := string((&PublicKey{Key: privateKey(t, RS256).Public()}).JWK())
	okp := string((&PublicKey{Key: privateKey(t, EdDSA).Public()}).JWK())
	with := func(jwk, members string) string { return strings.TrimSuffix(jwk, "}") + "," + members + "}" }
	replace := func(jwk, name, value string) string {
		i := strings.Index(jwk, `"`+name+`":"`) + len(name) + 4
		return jwk[:i] + value + jwk[i+strings.IndexByte(jwk[i:], '"'):]
	}
	b64 := base64URL.EncodeToString
	point, err := privateKey(t, ES256).Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, jwk string
		want      error
	}{
		{"nothing more", ec, nil},
		{"unknown member", with(ec, `"nbf":1`), nil},
		{"key_ops verify", with(ec, `"key_ops":["verify"]`), nil},
		{"not JSON", "{", ErrFormat},
		{"null", "null", ErrFormat},
		{"member twice", with(ec, `"kty":"EC"`), ErrFormat},
		{"Alg", with(ec, `"Alg":"ES256"`), ErrFormat},
		{"kid number", with(ec, `"kid":1`), ErrFormat},
		{"trailing data", ec + "{}", ErrFormat},
		{"EC private", with(ec, `"d":"AA"`), ErrKeyPolicy},
		{"RSA private", with(rsaJWK, `"dp":"AA"`), ErrKeyPolicy},
		{"symmetric", `{"kty":"oct","k":"AAAA"}`, ErrKeyPolicy},
		{"use enc", replace(ec, "use", "enc"), ErrKeyPolicy},
		{"key_ops deriveKey", with(ec, `"key_ops":["deriveKey"]`), ErrKeyPolicy},
		{"alg ECDH-ES", with(ec, `"alg":"ECDH-ES"`), ErrKeyPolicy},
		{"alg none", with(ec, `"alg":"none"`), ErrKeyPolicy},
		{"alg of another curve", with(ec, `"alg":"ES384"`), ErrKeyPolicy},
		{"alg of another type", with(okp, `"alg":"ES256"`), ErrKeyPolicy},
		{"not on the curve", replace(ec, "x", b64(slices.Repeat([]byte{1}, 32))), ErrFormat},
		{"short coordinate", replace(ec, "x", b64(slices.Repeat([]byte{1}, 31))), ErrFormat},
		{"coordinates divided elsewhere", replace(replace(ec, "x", b64(point[1:34])), "y", b64(point[34:])), ErrFormat},
		{"line break in a coordinate", replace(ec, "y", `AA\nAA`), ErrFormat},
		{"standard alphabet", replace(okp, "x", base64.RawStdEncoding.EncodeToString(slices.Repeat([]byte{0xfb}, 32))), ErrFormat},
		{"P-521", replace(ec, "crv", "P-521"), ErrKeyPolicy},
		{"secp256k1", replace(ec, "crv", "secp256k1"), ErrKeyPolicy},
		{"Ed448", replace(okp, "crv", "Ed448"), ErrKeyPolicy},
		{"RSA 1024", replace(rsaJWK, "n", b64(slices.Repeat([]byte{0xff}, 128))), ErrKeyPolicy},
		{"RSA 16384", replace(rsaJWK, "n", b64(slices.Repeat([]byte{0xff}, 2048))), ErrKeyPolicy},
		{"RSA of a broken generator", replace(rsaJWK, "n", b64(guessableModulus().Bytes())), ErrKeyPolicy},
		{"RSA exponent 1", replace(rsaJWK, "e", "AQ"), ErrFormat},
		{"RSA exponent even", replace(rsaJWK, "e", "BA"), ErrFormat},
		{"RSA exponent huge", replace(rsaJWK, "e", b64(slices.Repeat([]byte{0xff}, 9))), ErrFormat},
		{"RSA leading zero", replace(rsaJWK, "e", "AAEAAQ"), ErrFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, err := ParseJWK([]byte(tt.jwk))
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || (k == nil) == (err == nil) {
				t.Errorf("%s\ngot %v, %v, want %v", tt.jwk, k, err, tt.want)
			}
		})
	}
}

func FuzzParseJWK(f *testing.F) {
	for _, alg := range allAlgs {
		f.Add((&PublicKey{ID: "k", Alg: alg, Key: privateKey(f, alg).Public()}).JWK())
	}
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"","y":"","key_ops":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := ParseJWK(raw)
		if err != nil {
			return
		}
		again, err := ParseJWK(k.JWK())
		if err != nil {
			t.Fatalf("our own JWK %s: %v", k.JWK(), err)
		}
		if again.Thumbprint() != k.Thumbprint() || k.Thumbprint() == "" {
			t.Fatalf("thumbprints differ: %s", raw)
		}
	})
}

// A key of a kind that is not on the list has no JWK and no thumbprint.
func TestJWKOfForeignKey(t *testing.T) {
	k := &PublicKey{Key: "key"}
	if k.JWK() != nil || k.Thumbprint() != "" {
		t.Errorf("got %s, %q", k.JWK(), k.Thumbprint())
	}
}

// guessableModulus is a number of 2048 bits with the mark of CVE-2017-15361.
func guessableModulus() *big.Int {
	m := big.NewInt(2)
	for _, p := range smallPrimes {
		m.Mul(m, big.NewInt(p))
	}
	n := new(big.Int).Exp(big.NewInt(65537), big.NewInt(12345), m)
	return n.Add(n, m.Lsh(m, uint(2048-m.BitLen())))
}
