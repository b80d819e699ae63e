package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	workFactor = 8 // opening a ring is slow by intent
	os.Exit(m.Run())
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// resolverFunc lets a function stand as Resolver.
type resolverFunc func(Header) (*PublicKey, error)

func (f resolverFunc) Resolve(_ context.Context, h Header) (*PublicKey, error) { return f(h) }

// leafResolver trusts whatever certificate a token carries.
var leafResolver = resolverFunc(func(h Header) (*PublicKey, error) {
	if len(h.Chain) == 0 {
		return nil, fmt.Errorf("%w: no x5c", ErrUnknownKey)
	}
	return &PublicKey{ID: h.KeyID, Key: h.Chain[0].PublicKey, Certificate: h.Chain[0]}, nil
})

// oneKey resolves every header to the same key.
func oneKey(k *PublicKey) Resolver {
	return resolverFunc(func(Header) (*PublicKey, error) { return k, nil })
}

const testDID = "did:web:uni.example"

var (
	sealedAt = time.Date(2026, 7, 1, 8, 0, 5, 0, time.UTC)
	allAlgs  = []Algorithm{ES256, ES384, EdDSA, PS256, RS256}
)

// privateKey returns one key for each algorithm, made once. RSA keys are of
// 2048 bits, since making longer ones takes seconds.
func privateKey(t testing.TB, alg Algorithm) crypto.Signer {
	t.Helper()
	k, err := privateKeys[alg]()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var privateKeys = map[Algorithm]func() (crypto.Signer, error){
	ES256: sync.OnceValues(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }),
	ES384: sync.OnceValues(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }),
	EdDSA: sync.OnceValues(func() (crypto.Signer, error) {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	}),
	PS256: rsaKey,
	RS256: rsaKey,
}

var rsaKey = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// sealer returns a sealer whose ring is in memory only, with a self-signed
// certificate.
func sealer(t testing.TB, alg Algorithm) *Sealer {
	t.Helper()
	key := privateKey(t, alg)
	from := sealedAt.AddDate(0, -1, 0)
	c, err := selfSign(NewKey{
		Organization: "University of Testland", Country: "RS", OrgID: "VATRS-100000001",
		ValidFor: 365 * 24 * time.Hour, Now: from,
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	k := &ringKey{did: testDID, alg: alg, private: key, chain: []*x509.Certificate{c}, source: "generated", created: from, active: true}
	k.kid = testDID + "#" + k.public().Thumbprint()
	return &Sealer{ring: &Ring{keys: []*ringKey{k}}, kid: k.kid}
}

// compact signs a compact token with exactly this header.
func compact(t testing.TB, alg Algorithm, header string, payload []byte) []byte {
	t.Helper()
	protected := base64URL.AppendEncode(nil, []byte(header))
	input := base64URL.AppendEncode(nil, payload)
	sig, err := sign(alg, privateKey(t, alg), protected, []byte("."), input)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, "%s.%s.%s", protected, input, base64URL.EncodeToString(sig))
}

// entry signs text as it stands (a base64url payload or, with b64=false, a clear
// one) and returns an entry of signatures; unprotected is added verbatim.
func entry(t testing.TB, alg Algorithm, header, unprotected, text string) string {
	t.Helper()
	protected := base64URL.EncodeToString([]byte(header))
	sig, err := sign(alg, privateKey(t, alg), []byte(protected), []byte("."), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if unprotected != "" {
		unprotected = `"header":` + unprotected + `,`
	}
	return fmt.Sprintf(`{%s"protected":"%s","signature":"%s"}`, unprotected, protected, base64URL.EncodeToString(sig))
}

func quote(s string) string { return strconv.Quote(s) }
