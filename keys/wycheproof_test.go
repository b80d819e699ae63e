package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// vectors is what these tests read of a file of Project Wycheproof.
type vectors struct {
	Groups []struct {
		Comment string         `json:"comment"`
		Public  jsontext.Value `json:"public"`
		Private jsontext.Value `json:"private"` // where the key is a shared one
		JWK     jsontext.Value `json:"publicKeyJwk"`
		KeyJWK  jsontext.Value `json:"keyJwk"`
		DER     string         `json:"publicKeyDer"`
		Tests   []struct {
			ID      int            `json:"tcId"`
			Comment string         `json:"comment"`
			Result  string         `json:"result"` // valid, invalid or acceptable: either is right
			JWS     jsontext.Value `json:"jws"`
			Msg     string         `json:"msg"`
			Sig     string         `json:"sig"`
		} `json:"tests"`
	} `json:"testGroups"`
}

func readVectors(t *testing.T, name string) vectors {
	t.Helper()
	raw, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// allowAll puts the asymmetric algorithms that credentials may not use on the
// list, so that all vectors go the way of tokens. Tests that use it must not be
// parallel.
func allowAll(t *testing.T) {
	listed, listedCurves := maps.Clone(algorithms), maps.Clone(curves)
	t.Cleanup(func() { algorithms, curves = listed, listedCurves })
	maps.Copy(algorithms, map[Algorithm]algorithm{
		"ES512": {hash: crypto.SHA512, curve: elliptic.P521()},
		"RS384": {hash: crypto.SHA384, rsa: pkcs1},
		"RS512": {hash: crypto.SHA512, rsa: pkcs1},
		"PS384": {hash: crypto.SHA384, rsa: pss},
		"PS512": {hash: crypto.SHA512, rsa: pss},

		// Not of JOSE: hashes and curves that do not belong together there.
		"P-256 with SHA-512": {hash: crypto.SHA512, curve: elliptic.P256()},
		"P-384 with SHA-512": {hash: crypto.SHA512, curve: elliptic.P384()},
	})
	curves["P-521"] = elliptic.P521()
}

// Every bare signature of the vectors is judged as they say, without exception;
// those of P-256 also by a table.
func TestWycheproofSignatures(t *testing.T) {
	allowAll(t)
	for name, alg := range map[string]Algorithm{
		"ecdsa_secp256r1_sha256_p1363": ES256,
		"ecdsa_secp256r1_sha512_p1363": "P-256 with SHA-512",
		"ecdsa_secp384r1_sha384_p1363": ES384,
		"ecdsa_secp384r1_sha512_p1363": "P-384 with SHA-512",
		"ecdsa_secp521r1_sha512_p1363": "ES512",
		"ed25519":                      EdDSA,
		"rsa_signature_2048_sha256":    RS256,
		"rsa_signature_3072_sha256":    RS256,
		"rsa_signature_4096_sha256":    RS256,
		"rsa_signature_8192_sha256":    RS256,
		"rsa_signature_2048_sha384":    "RS384",
		"rsa_signature_3072_sha384":    "RS384",
		"rsa_signature_4096_sha384":    "RS384",
		"rsa_signature_2048_sha512":    "RS512",
		"rsa_signature_3072_sha512":    "RS512",
		"rsa_signature_4096_sha512":    "RS512",
		"rsa_pss_2048_sha256_mgf1_32":  PS256,
		"rsa_pss_3072_sha256_mgf1_32":  PS256,
		"rsa_pss_4096_sha256_mgf1_32":  PS256,
		"rsa_pss_2048_sha384_mgf1_48":  "PS384",
		"rsa_pss_4096_sha384_mgf1_48":  "PS384",
		"rsa_pss_4096_sha512_mgf1_64":  "PS512",
	} {
		t.Run(name, func(t *testing.T) {
			cases, tabled := 0, 0
			for _, g := range readVectors(t, name+"_test.json").Groups {
				key, refused := vectorKey(alg, g.JWK, g.KeyJWK, g.DER)
				k, precomputed := &PublicKey{Key: key}, tableNow(key)
				for _, c := range g.Tests {
					cases++
					message, err := hex.DecodeString(c.Msg)
					if err != nil {
						t.Fatal(err)
					}
					signature, err := hex.DecodeString(c.Sig)
					if err != nil {
						t.Fatal(err)
					}
					// Split, as a signing input is.
					cut := len(message) / 2
					got := refused == nil && verify(alg, k, signature, message[:cut], message[cut:])
					if c.Result != "acceptable" && got != (c.Result == "valid") {
						t.Errorf("%d, %s, %s: verifies %v (key: %v)", c.ID, c.Comment, c.Result, got, refused)
					}
					if precomputed != nil {
						tabled++
						if byTable := verify(alg, precomputed, signature, message[:cut], message[cut:]); refused == nil && byTable != got {
							t.Errorf("%d, %s, %s: verifies %v by the table", c.ID, c.Comment, c.Result, byTable)
						}
					}
				}
			}
			if cases == 0 || algorithms[alg].curve == elliptic.P256() && tabled == 0 && !fips140.Enabled() {
				t.Errorf("%d vectors, %d by tables", cases, tabled)
			}
		})
	}
}

// vectorKey is the key of a group, read from a JWK where there is one.
func vectorKey(alg Algorithm, publicJWK, keyJWK jsontext.Value, der string) (crypto.PublicKey, error) {
	for _, raw := range []jsontext.Value{publicJWK, keyJWK} {
		if raw == nil {
			continue
		}
		var members map[string]jsontext.Value
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
		members["alg"] = jsontext.Value(strconv.Quote(string(alg))) // some name another; the file is about this one
		raw, err := json.Marshal(members)
		if err != nil {
			return nil, err
		}
		key, err := ParseJWK(raw)
		if err != nil {
			return nil, err
		}
		return key.Key, permit(alg, key, "assertionMethod")
	}
	raw, err := hex.DecodeString(der)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(raw)
	if err != nil {
		return nil, err
	}
	return key, fits(alg, key)
}

// faultyVectors are the tokens that the vectors call valid and that no strict
// reader can take.
var faultyVectors = map[string]string{
	"json_web_signature 346": "the key's alg binds it to PS256, the token is PS384",
	"json_web_signature 350": "the key's alg binds it to PS256, the token is PS384",
	"json_web_signature 347": "the key's alg is ES521, which does not exist; the token is ES512",
	"json_web_signature 351": "the key's alg is ES521, which does not exist; the token is ES512",
	"json_web_signature 372": "a question mark stands in the base64url of the header",
	"json_web_signature 373": "a question mark stands in the base64url of the payload",
}

// No token that the vectors call invalid opens. Those they call valid open, but
// for shared keys (HS256 and its kin, never allowed here), empty payloads (no
// credential is one) and faultyVectors.
func TestWycheproofTokens(t *testing.T) {
	allowAll(t)
	opened, shared, empty := 0, 0, 0
	for _, file := range []string{"json_web_signature", "json_web_key", "json_web_crypto"} {
		for _, g := range readVectors(t, file+"_test.json").Groups {
			set := g.Public
			if set == nil {
				set = g.Private
			}
			for _, c := range g.Tests {
				if c.JWS == nil {
					continue // encryption
				}
				id := fmt.Sprintf("%s %d", file, c.ID)
				token := []byte(c.JWS)
				if text, ok := readString(c.JWS); ok {
					token = text
				}
				_, err := Open(context.Background(), token, vectorSet(set))
				switch {
				case err == nil && c.Result == "valid":
					opened++
				case err == nil && c.Result == "invalid":
					t.Errorf("%s, %s, %s: opened", id, g.Comment, c.Comment)
				case err == nil || c.Result != "valid" || faultyVectors[id] != "":
				case errors.Is(err, ErrAlgorithm) && bytes.Contains(set, []byte(`"oct"`)):
					shared++
				case c.Comment == "emptyPayload" && errors.Is(err, ErrFormat):
					empty++
					verifyEmpty(t, id, token, set)
				default:
					t.Errorf("%s, %s, %s: valid, but %v", id, g.Comment, c.Comment, err)
				}
			}
		}
	}
	if opened != 29 || shared != 14 || empty != 6 {
		t.Errorf("%d opened, %d of shared keys, %d empty", opened, shared, empty)
	}
}

// verifyEmpty shows that it is the emptiness alone that was refused.
func verifyEmpty(t *testing.T, id string, token []byte, set jsontext.Value) {
	t.Helper()
	parts := bytes.Split(token, []byte("."))
	header, err := readProtected(parts[0], true)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	key, err := vectorSet(set).Resolve(context.Background(), header)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	signature, err := decodeBase64URL(parts[2])
	if err != nil || permit(header.Alg, key, "assertionMethod") != nil || !verify(header.Alg, key, signature, parts[0], []byte("."), nil) {
		t.Errorf("%s: the signature over nothing does not verify (%v)", id, err)
	}
}

// vectorSet resolves by a JWK or a set of them: by kid, or the only one.
func vectorSet(set jsontext.Value) Resolver {
	return resolverFunc(func(h Header) (*PublicKey, error) {
		var many struct {
			Keys []jsontext.Value `json:"keys"`
		}
		if err := json.Unmarshal(set, &many); err != nil {
			return nil, err
		}
		if many.Keys == nil {
			many.Keys = []jsontext.Value{set}
		}
		for _, raw := range many.Keys {
			var named struct {
				KID string `json:"kid"`
			}
			if err := json.Unmarshal(raw, &named); err != nil {
				return nil, err
			}
			if named.KID == h.KeyID || h.KeyID == "" && len(many.Keys) == 1 {
				return ParseJWK(raw)
			}
		}
		return nil, ErrUnknownKey
	})
}
