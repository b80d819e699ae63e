package keys

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"software.sslmate.com/src/go-pkcs12"
)

var (
	passphrase = []byte("correct horse battery staple")
	firstDay   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func newRing(t testing.TB) (*Ring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.age")
	r, err := CreateRing(path, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return r, path
}

func add(t testing.TB, r *Ring, alg Algorithm, now time.Time) Entry {
	t.Helper()
	e, err := r.Add(testDID, NewKey{Alg: alg, Organization: "University of Testland", CommonName: "Registrar", Country: "RS", OrgID: "VATRS-100000001", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// reopen reads the ring again and checks that the file says what memory says.
func reopen(t testing.TB, r *Ring, path string) *Ring {
	t.Helper()
	again, err := OpenRing(path, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Entries(), again.Entries(), cmp.Comparer((*x509.Certificate).Equal), cmpopts.IgnoreUnexported(PublicKey{})); diff != "" {
		t.Errorf("memory and file differ: %s", diff)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files beside the ring: %v, %v", left, err)
	}
	return again
}

// The demonstration certificate says what it is and carries the organization
// identifier.
func TestAddCertificate(t *testing.T) {
	r, path := newRing(t)
	e := add(t, r, "", firstDay.Add(time.Millisecond))
	c := e.Public.Certificate
	if e.Public.Alg != ES256 || !e.Active || e.Source != "generated" || e.Public.ID != testDID+"#"+e.Public.Thumbprint() {
		t.Errorf("entry %+v", e)
	}
	for want, got := range map[string][]string{
		"Self-signed demo seal - not a qualified certificate": c.Subject.OrganizationalUnit,
		"Registrar (demo seal, not qualified)":                {c.Subject.CommonName},
		"University of Testland":                              c.Subject.Organization,
		"RS":                                                  c.Subject.Country,
	} {
		if !slices.Equal(got, []string{want}) {
			t.Errorf("subject has %q, want %q", got, want)
		}
	}
	if OrganizationIdentifier(c) != "VATRS-100000001" || !SelfSigned(c) || c.IsCA || !c.BasicConstraintsValid || len(c.PolicyIdentifiers) != 0 {
		t.Errorf("certificate %+v", c.Subject)
	}
	if c.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment || c.SerialNumber.Sign() <= 0 {
		t.Errorf("key usage %b, serial %s", c.KeyUsage, c.SerialNumber)
	}
	if !c.NotBefore.Equal(firstDay) || c.NotAfter.Sub(c.NotBefore) != 3*365*24*time.Hour {
		t.Errorf("valid from %s to %s", c.NotBefore, c.NotAfter)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c)
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: firstDay, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("not usable as its own anchor: %v", err)
	}
	reopen(t, r, path)

	for _, n := range []NewKey{
		{},
		{Organization: "U", Country: "Serbia"},
		{Organization: "U", OrgID: "100000001"},
		{Organization: "U", Alg: "HS256"},
	} {
		if _, err := r.Add(testDID, n); err == nil {
			t.Errorf("accepted %+v", n)
		}
	}
	if _, err := r.Add("uni.example", NewKey{Organization: "U"}); err == nil {
		t.Error("accepted what is not a DID")
	}
	if len(reopen(t, r, path).Entries()) != 1 {
		t.Error("something refused was written")
	}
}

// A new key seals, the old one stays published, and what was reserved before
// the rotation is finished with the old one.
func TestRotation(t *testing.T) {
	r, path := newRing(t)
	if _, err := r.Sealer(); !errors.Is(err, ErrNoKey) {
		t.Errorf("an empty ring seals: %v", err)
	}
	old := add(t, r, ES256, firstDay)
	handedOut, err := r.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	rotation := firstDay.AddDate(0, 6, 0)
	fresh := add(t, r, EdDSA, rotation)

	r = reopen(t, r, path)
	entries := r.Entries()
	if len(entries) != 2 || entries[0].Public.ID != fresh.Public.ID || !entries[0].Active || entries[1].Active {
		t.Fatalf("entries %+v", entries)
	}
	if !entries[1].Public.NotAfter.Equal(rotation) || !entries[0].Public.NotAfter.IsZero() || !entries[0].Public.NotBefore.Equal(rotation) {
		t.Errorf("periods %+v", entries)
	}
	active, err := r.Sealer()
	if err != nil || active.Public().ID != fresh.Public.ID {
		t.Fatalf("%v, %v", active, err)
	}

	before, after := rotation.AddDate(0, 0, -1), rotation.AddDate(0, 0, 1)
	reserved, err := r.SealerFor(old.Public.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Sealer{reserved, handedOut} {
		token, err := s.Seal([]byte(vcPayload), VCJWT, before)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := Open(context.Background(), token, oneKey(old.Public)); err != nil || o.Seals[0].KeyID != old.Public.ID {
			t.Errorf("%+v, %v", o, err)
		}
	}
	if _, err := reserved.Seal([]byte(vcPayload), VCJWT, rotation.Add(900*time.Millisecond)); err != nil {
		t.Errorf("the second of the rotation: %v", err)
	}
	if _, err := reserved.Seal([]byte(vcPayload), VCJWT, after); err == nil {
		t.Error("a retired key sealed something dated later")
	}
	if _, err := active.Seal([]byte(vcPayload), VCJWT, before); err == nil {
		t.Error("a key sealed something dated before it was there")
	}
	if _, err := r.SealerFor(testDID + "#other"); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}

	if err := r.Retire(fresh.Public.ID, after); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sealer(); !errors.Is(err, ErrNoKey) {
		t.Errorf("a retired key is active: %v", err)
	}
	if err := r.Retire(fresh.Public.ID, after); err == nil {
		t.Error("retired twice")
	}
	if err := r.Retire("x", after); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
	reopen(t, r, path)
}

// Sealers work on while keys change.
func TestSealerIsConcurrent(t *testing.T) {
	r, path := newRing(t)
	old := add(t, r, ES256, firstDay)
	s, err := r.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				if _, err := s.Seal([]byte(vcPayload), JAdES, firstDay); err != nil {
					t.Error(err)
				}
			}
		})
	}
	add(t, r, ES256, firstDay.AddDate(0, 1, 0))
	group.Wait()
	if s.Public().ID != old.Public.ID || len(reopen(t, r, path).Entries()) != 2 {
		t.Error("the sealer changed its key")
	}
}

// A compromised key never seals again, not even through a sealer that was
// handed out before.
func TestRevoke(t *testing.T) {
	r, path := newRing(t)
	e := add(t, r, ES256, firstDay)
	handedOut, err := r.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	stolen := firstDay.AddDate(0, 1, 0)
	if err := r.Revoke(e.Public.ID, stolen, "laptop stolen"); err != nil {
		t.Fatal(err)
	}
	if _, err := handedOut.Seal([]byte(vcPayload), VCJWT, firstDay); !errors.Is(err, ErrNoKey) {
		t.Errorf("sealed after revocation: %v", err)
	}
	r = reopen(t, r, path)
	if _, err := r.SealerFor(e.Public.ID); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if _, err := r.Sealer(); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if err := r.Revoke(e.Public.ID, stolen.AddDate(0, 0, 1), "later"); err == nil {
		t.Error("the compromise was moved to a later time")
	}
	if err := r.Revoke(e.Public.ID, stolen.AddDate(0, 0, -1), "seen in the logs"); err != nil {
		t.Error(err)
	}
	got := reopen(t, r, path).Entries()[0]
	if !got.Public.CompromisedAt.Equal(stolen.AddDate(0, 0, -1)) || got.Reason != "seen in the logs" || got.Active {
		t.Errorf("%+v", got)
	}
	if err := r.Revoke("x", stolen, ""); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
}

// A ring is not opened with another passphrase, and a damaged file is told from
// a wrong passphrase.
func TestOpenRingErrors(t *testing.T) {
	r, path := newRing(t)
	add(t, r, ES256, firstDay)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	_, err = OpenRing(path, []byte("wrong"))
	if !errors.Is(err, ErrPassphrase) || !strings.Contains(err.Error(), path) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if _, err = OpenRing(path, nil); err == nil || errors.Is(err, ErrPassphrase) {
		t.Errorf("empty passphrase: %v", err)
	}
	if _, err = OpenRing(path+"x", passphrase); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err = CreateRing(path, passphrase); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created over an existing ring: %v", err)
	}
	for name, content := range map[string][]byte{
		"empty":   nil,
		"cut":     whole[:len(whole)-10],
		"changed": append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1),
		"foreign": []byte("SQLite format 3\x00"),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenRing(path, passphrase)
		if err == nil || errors.Is(err, ErrPassphrase) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The secret of a ring stays what it is, differs by purpose, and is made for a ring
// that had none.
func TestRingSecret(t *testing.T) {
	r, path := newRing(t)
	want, err := r.Secret("records")
	if err != nil {
		t.Fatal(err)
	}
	add(t, r, ES256, firstDay)
	for purpose, same := range map[string]bool{"records": true, "record": false} {
		if got, err := reopen(t, r, path).Secret(purpose); err != nil || (got == want) != same {
			t.Errorf("secret for %s: the same as of records %t, %v", purpose, got == want, err)
		}
	}

	r.file.secret = nil // as in a file of an earlier version
	if err := r.file.write(r.keys); err != nil {
		t.Fatal(err)
	}
	old := reopen(t, r, path)
	got, err := old.Secret("records")
	if err != nil || got == want {
		t.Errorf("no other secret is made, %v", err)
	}
	reread := reopen(t, old, path)
	if again, err := reread.Secret("records"); err != nil || again != got || len(reread.Entries()) != 1 {
		t.Errorf("another secret after it was written, or keys lost: %v", err)
	}
}

// What opening the file takes is what it took before, whoever has changed its keys.
func TestRingKeepsItsCost(t *testing.T) {
	r, path := newRing(t)
	made := workFactor
	defer func() { workFactor = made }()
	workFactor += 2 // what a new file takes
	reopened := reopen(t, r, path)
	add(t, reopened, ES256, firstDay)
	if n := workFactorOf(read(t, path)); n != made {
		t.Errorf("written with %d, not with %d", n, made)
	}
	reopen(t, reopened, path)
}

// A change on top of what another process wrote is refused, and changes nothing.
func TestRingChangedElsewhere(t *testing.T) {
	r, path := newRing(t)
	other := reopen(t, r, path)
	add(t, other, ES256, firstDay)
	if _, err := r.Add(testDID, NewKey{Organization: "U", Now: firstDay}); err == nil {
		t.Error("the key of another process was overwritten")
	}
	if len(r.Entries()) != 0 || len(reopen(t, other, path).Entries()) != 1 {
		t.Error("a refused change left a trace")
	}
}

// What cannot be written is not in memory either.
func TestRingNotWritable(t *testing.T) {
	r, path := newRing(t)
	e := add(t, r, ES256, firstDay)
	whole := read(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.Revoke(e.Public.ID, firstDay, ""); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if !reopen(t, r, path).Entries()[0].Active {
		t.Error("the key is revoked in the file")
	}
}

// A ring whose keys, names and certificates do not belong together is refused.
func TestDecodeKeysRefuses(t *testing.T) {
	a, b := sealer(t, ES256).ring.keys[0], sealer(t, EdDSA).ring.keys[0]
	with := func(change func(k *ringKey)) []*ringKey {
		k := *a
		change(&k)
		return []*ringKey{&k}
	}
	for name, list := range map[string][]*ringKey{
		"another certificate": with(func(k *ringKey) { k.chain = b.chain }),
		"no certificate":      with(func(k *ringKey) { k.chain = nil }),
		"another name":        with(func(k *ringKey) { k.kid = b.kid }),
		"another algorithm":   with(func(k *ringKey) { k.alg = ES384 }),
		"two active keys":     {a, b},
	} {
		raw, err := encodeKeys(list, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := decodeKeys(raw); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, raw := range []string{``, `{}`, `{"version":2,"keys":[]}`, `{"version":2,"keys":[],"secret":"AAAA"}`, `{"version":1,"keys":[],"secret":"AAAA"}`, `{"version":3,"keys":[]}`, `{"version":1,"keys":[],"x":1}`, `{"version":1,"version":1,"keys":[]}`} {
		if _, _, err := decodeKeys([]byte(raw)); err == nil {
			t.Errorf("accepted %s", raw)
		}
	}
}

// authority is an invented certification authority with an intermediate.
func authority(t testing.TB) (root, intermediate *x509.Certificate) {
	t.Helper()
	issue := func(name string, parent *x509.Certificate) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: firstDay, NotAfter: firstDay.AddDate(9, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		key := privateKey(t, ES384)
		if parent == nil {
			parent = template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	root = issue("Test Root", nil)
	return root, issue("Test Seal CA", root)
}

// A key of a trust service provider is imported with its chain, seals in both
// forms, and the root stays out of x5c.
func TestImport(t *testing.T) {
	root, intermediate := authority(t)
	for _, alg := range []Algorithm{RS256, ES256, EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			key := privateKey(t, alg)
			template := &x509.Certificate{
				SerialNumber: big.NewInt(77), NotBefore: firstDay, NotAfter: firstDay.AddDate(2, 0, 0),
				KeyUsage: x509.KeyUsageContentCommitment,
				Subject: pkix.Name{Organization: []string{"U"}, ExtraNames: []pkix.AttributeTypeAndValue{
					{Type: oidOrganizationIdentifier, Value: "NTRRS-07000001"}}},
			}
			der, err := x509.CreateCertificate(rand.Reader, template, intermediate, key.Public(), privateKey(t, ES384))
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			p12, err := pkcs12.Modern.WithIterations(1).Encode(key, leaf, []*x509.Certificate{root, intermediate}, "secret")
			if err != nil {
				t.Fatal(err)
			}

			r, path := newRing(t)
			if _, err := r.Import(testDID, p12, "wrong", sealedAt); !errors.Is(err, ErrPassphrase) {
				t.Errorf("wrong passphrase: %v", err)
			}
			if _, err := r.Import(testDID, p12[:50], "secret", sealedAt); err == nil || errors.Is(err, ErrPassphrase) {
				t.Errorf("cut file: %v", err)
			}
			if _, err := r.Import(testDID, p12, "secret", firstDay.AddDate(3, 0, 0)); err == nil {
				t.Error("expired certificate was accepted")
			}
			e, err := r.Import(testDID, p12, "secret", sealedAt)
			if err != nil {
				t.Fatal(err)
			}
			if e.Public.Alg != alg || e.Source != "pkcs12" || !e.Active || OrganizationIdentifier(e.Public.Certificate) != "NTRRS-07000001" {
				t.Errorf("entry %+v", e)
			}
			if len(e.Chain) != 2 || !e.Chain[1].Equal(intermediate) {
				t.Errorf("chain %v", e.Chain)
			}
			if _, err := r.Import(testDID, p12, "secret", sealedAt); err == nil {
				t.Error("imported twice")
			}

			s, err := reopen(t, r, path).Sealer()
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []Form{VCJWT, JAdES} {
				token, err := s.Seal([]byte(vcPayload), form, sealedAt)
				if err != nil {
					t.Fatal(err)
				}
				o, err := Open(context.Background(), token, leafResolver)
				if err != nil {
					t.Fatal(err)
				}
				if chain := o.Seals[0].Chain; len(chain) != 2 || !chain[0].Equal(leaf) || !chain[1].Equal(intermediate) {
					t.Errorf("%s: chain %v", form, chain)
				}
			}
			if _, err := s.Seal([]byte(vcPayload), JAdES, firstDay.AddDate(5, 0, 0)); err == nil {
				t.Error("sealed with an expired certificate")
			}
		})
	}
}

// What Seal does not seal.
func TestSealRefuses(t *testing.T) {
	s := sealer(t, ES256)
	for _, tt := range []struct {
		name    string
		payload string
		form    Form
	}{
		{"empty payload", "", VCJWT},
		{"a form that is only opened", vcPayload, JWS},
		{"JAdES of invalid UTF-8", "\xff", JAdES},
		{"over the limit of Open", strings.Repeat("a", MaxToken), JAdES},
	} {
		if token, err := s.Seal([]byte(tt.payload), tt.form, sealedAt); err == nil || token != nil {
			t.Errorf("%s: sealed", tt.name)
		}
	}
}
