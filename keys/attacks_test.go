package keys

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/internal/reference"
)

func otherRSA(t testing.TB) crypto.PublicKey {
	t.Helper()
	k, err := otherRSAKey()
	if err != nil {
		t.Fatal(err)
	}
	return k.Public()
}

var otherRSAKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// manifest is what these tests read of the catalogue of attacks.
type manifest struct {
	Now   time.Time `json:"now"`
	Trust []struct {
		ID   string `json:"id"`
		Keys []struct {
			JWK      jsontext.Value `json:"jwk"`
			Purposes []string       `json:"purposes"`
		} `json:"keys"`
		OrganizationIdentifier string   `json:"x5c_organization_identifier"`
		Roots                  []string `json:"x5c_root_files"`
	} `json:"trust"`
	Cases []struct {
		ID          string   `json:"id"`
		File        string   `json:"file"`
		Verdict     string   `json:"verdict"`
		Accept      []string `json:"accept_verdicts"`
		Reason      string   `json:"reason"`
		AlsoReasons []string `json:"also_reasons"`
	} `json:"cases"`
}

// catalogueResolver knows the keys and the roots of a manifest: by x5c where
// there is one, else by kid.
type catalogueResolver struct {
	now   time.Time
	keys  map[string]func() (*PublicKey, error)
	roots map[string]*x509.CertPool // by organization identifier
}

func newCatalogueResolver(t *testing.T, dir string, m manifest) *catalogueResolver {
	t.Helper()
	r := &catalogueResolver{m.Now, make(map[string]func() (*PublicKey, error)), make(map[string]*x509.CertPool)}
	for _, issuer := range m.Trust {
		for _, k := range issuer.Keys {
			var named struct {
				KID string `json:"kid"`
			}
			if err := json.Unmarshal(k.JWK, &named); err != nil {
				t.Fatal(err)
			}
			r.keys[named.KID] = func() (*PublicKey, error) {
				key, err := ParseJWK(k.JWK)
				if err == nil {
					key.Controller, key.Purposes = issuer.ID, k.Purposes
				}
				return key, err
			}
		}
		pool := x509.NewCertPool()
		for _, root := range issuer.Roots {
			block, _ := pem.Decode(read(t, dir, root))
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			pool.AddCert(c)
		}
		r.roots[issuer.OrganizationIdentifier] = pool
	}
	return r
}

func (r *catalogueResolver) Resolve(_ context.Context, h Header) (*PublicKey, error) {
	if len(h.Chain) == 0 {
		if find, ok := r.keys[h.KeyID]; ok {
			return find()
		}
		return nil, fmt.Errorf("%w: %q", ErrUnknownKey, h.KeyID)
	}
	leaf := h.Chain[0]
	options := x509.VerifyOptions{
		Roots: r.roots[OrganizationIdentifier(leaf)], Intermediates: x509.NewCertPool(),
		CurrentTime: h.SealedAt, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	if h.SealedAt.IsZero() {
		options.CurrentTime = r.now
	}
	for _, c := range h.Chain[1:] {
		options.Intermediates.AddCert(c)
	}
	if options.Roots == nil {
		return nil, fmt.Errorf("%w: nobody vouches for %s", ErrUnknownKey, leaf.Subject)
	}
	if _, err := leaf.Verify(options); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknownKey, err)
	}
	return &PublicKey{Key: leaf.PublicKey, Certificate: leaf}, nil
}

// sentinels are the errors of Open for the reasons of the catalogue.
var sentinels = map[string]error{
	"malformed":         ErrFormat,
	"too_large":         ErrTooLarge,
	"header_invalid":    ErrHeader,
	"alg_not_allowed":   ErrAlgorithm,
	"key_not_found":     ErrUnknownKey,
	"untrusted_issuer":  ErrUnknownKey,
	"key_not_allowed":   ErrKeyPolicy,
	"signature_invalid": ErrSignature,
}

// opensAnyway are invalid cases whose seal is sound: what is wrong with them is
// for the caller of Open to see.
var opensAnyway = map[string]string{
	"jades-payload-dup":        "payload",
	"jades-sigT-future":        "time of sealing",
	"key-compromised":          "period of the key",
	"key-next-year":            "period of the key",
	"key-retired-used-later":   "period of the key",
	"key-other-trusted-issuer": "whose key it is",
	"ser-other-issuer-cosign":  "whose key it is",
}

// Every token of the catalogue is opened, or refused for one of the reasons
// that the catalogue gives.
func TestOpenAttacks(t *testing.T) {
	dir := reference.Path(t) + "/attacks"
	var m manifest
	if err := json.Unmarshal(read(t, dir, "manifest.json"), &m); err != nil {
		t.Fatal(err)
	}
	r := newCatalogueResolver(t, dir, m)
	refused := 0
	for _, c := range m.Cases {
		token := read(t, dir, c.File)
		t.Run(c.ID, func(t *testing.T) {
			_, err := Open(context.Background(), token, r)
			if err == nil {
				area, _, _ := strings.Cut(c.ID, "-")
				payloadArea := slices.Contains([]string{"json", "ctx", "disp", "dm", "st", "term", "time"}, area)
				if c.Verdict != "valid" && opensAnyway[c.ID] == "" && !payloadArea {
					t.Errorf("opened, want %s", c.Reason)
				}
				return
			}
			refused++
			if c.Verdict == "valid" && !slices.Contains(c.Accept, "invalid") || opensAnyway[c.ID] != "" {
				t.Fatalf("want it opened: %v", err)
			}
			if c.Verdict == "valid" {
				return // either will do
			}
			for _, reason := range append(c.AlsoReasons, c.Reason) {
				if sentinel := sentinels[reason]; sentinel != nil && errors.Is(err, sentinel) {
					return
				}
			}
			t.Errorf("refused by %v, want %s (or %v)", err, c.Reason, c.AlsoReasons)
		})
	}
	if refused < 50 {
		t.Errorf("only %d of %d cases were refused", refused, len(m.Cases))
	}
}
