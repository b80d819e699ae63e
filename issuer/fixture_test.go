package issuer

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/examples"
	"indeks/internal/keyfile"
	"indeks/internal/postgres"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// noon is when the tests take place.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

const (
	testDID  = "did:web:issuer.school.example"
	testBase = "https://issuer.school.example"
)

// institution is that of the examples.
func institution(t testing.TB) Institution {
	t.Helper()
	var facts struct {
		LegalName      map[string]string `json:"legal_name"`
		Country        string            `json:"country"`
		Region         string            `json:"region"`
		Address        string            `json:"address"`
		Homepage       string            `json:"homepage"`
		OrganizationID string            `json:"organization_id"`
		Provider       string            `json:"provider"`
		Register       struct {
			Name   string `json:"name"`
			Number string `json:"number"`
			From   string `json:"from"`
		} `json:"register"`
		QRPrefix  string    `json:"qr_prefix"`
		Languages []string  `json:"languages"`
		Signatory Signatory `json:"signatory"`
	}
	if err := json.Unmarshal(examples.Institution(), &facts); err != nil {
		t.Fatal(err)
	}
	return Institution{
		DID: testDID, PublicBase: testBase, VerifierBase: "https://verify.example",
		LegalName: facts.LegalName, Country: facts.Country, Region: facts.Region, Address: facts.Address, Homepage: facts.Homepage,
		OrganizationID: facts.OrganizationID, Provider: facts.Provider,
		Register: verifier.Register{Name: facts.Register.Name, Number: facts.Register.Number, From: facts.Register.From},
		QRPrefix: facts.QRPrefix, Languages: facts.Languages, Signatory: facts.Signatory,
	}
}

// house is an issuer with everything it works with.
type house struct {
	*Issuer
	store    store.Store
	learners *store.DataKeys
	ring     *keys.Ring
	now      time.Time
	warns    []string
	c        Config
}

// opener opens a fresh store.
type opener func(t testing.TB, learners *store.DataKeys) store.Store

// newHouse opens an issuer over a fresh store and ring. wrap may put itself
// before the store.
func newHouse(t testing.TB, wrap func(store.Store) store.Store) *house {
	t.Helper()
	return newHouseIn(t, boltStore, wrap)
}

// boltStore is a store in a file.
func boltStore(t testing.TB, learners *store.DataKeys) store.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.db")
	if err := store.InitBolt(path, testDID, learners); err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenBolt(path, testDID, learners)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// storeIn is a store in a database of a server.
func storeIn(t testing.TB, server *postgres.Server, learners *store.DataKeys) store.Store {
	t.Helper()
	return nodesIn(t, server, learners, "one")[0]
}

// nodesIn is a store in a database of a server, as each of the nodes has it.
func nodesIn(t testing.TB, server *postgres.Server, learners *store.DataKeys, names ...string) (nodes []store.Store) {
	t.Helper()
	c := store.PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: testDID, Keys: learners}
	for n, name := range names {
		c.Node = name
		if n == 0 {
			if err := store.InitPostgres(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		s, err := store.OpenPostgres(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		nodes = append(nodes, s)
	}
	return nodes
}

// newHouseIn is newHouse over another store.
func newHouseIn(t testing.TB, open opener, wrap func(store.Store) store.Store) *house {
	t.Helper()
	learners, err := store.CreateDataKeys(t.Context(), store.VaultFile(filepath.Join(t.TempDir(), "learners.keys")), [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, learners)
	h := &house{store: s, learners: learners, ring: sharedRing(t), now: noon}
	if wrap != nil {
		s = wrap(s)
	}
	h.c = Config{
		Institution: institution(t), Store: s, Ring: h.ring,
		Now:  func() time.Time { return h.now },
		Warn: func(msg string, _ ...any) { h.warns = append(h.warns, msg) },
	}
	h.open(t)
	return h
}

// ownRing gives the house a ring of its own, for tests that change it.
func (h *house) ownRing(t testing.TB) {
	t.Helper()
	h.ring = newRing(t, t.TempDir())
	h.c.Ring = h.ring
	h.open(t)
}

// open is a restart.
func (h *house) open(t testing.TB) {
	t.Helper()
	i, err := New(context.Background(), h.c)
	if err != nil {
		t.Fatal(err)
	}
	h.Issuer = i
}

var theRing struct {
	sync.Once
	*keys.Ring
}

// sharedRing is a ring with one key, for tests that do not change it.
func sharedRing(t testing.TB) *keys.Ring {
	t.Helper()
	theRing.Do(func() {
		dir, err := os.MkdirTemp("", "indeks-ring")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir) // the ring stays in memory
		theRing.Ring = newRing(t, dir)
	})
	if theRing.Ring == nil {
		t.Fatal("the shared ring could not be made")
	}
	return theRing.Ring
}

func newRing(t testing.TB, dir string) *keys.Ring {
	t.Helper()
	ring := emptyRing(t, dir)
	addKey(t, ring, noon.Add(-time.Hour))
	return ring
}

var ringPassphrase = []byte("correct horse battery staple")

// emptyKeyFile is the file of a ring without keys, which opens at once.
var emptyKeyFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "indeks-ring")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keys.age")
	if _, err := keys.CreateRing(path, ringPassphrase); err != nil {
		return nil, err
	}
	if err := keyfile.Lighten(path, ringPassphrase); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// emptyRing is a ring without keys, in a folder.
func emptyRing(t testing.TB, dir string) *keys.Ring {
	t.Helper()
	raw, err := emptyKeyFile()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keys.age")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := keys.OpenRing(path, ringPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func addKey(t testing.TB, ring *keys.Ring, at time.Time) keys.Entry {
	t.Helper()
	e, err := ring.Add(testDID, keys.NewKey{Organization: "University of Sava", Country: "RS", OrgID: institution(t).OrganizationID, Now: at})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// course reads example n.
func course(t testing.TB, n int) *Course {
	t.Helper()
	e := examples.Courses()[n]
	c, _, err := ParseCourse(e.Name, e.CourseJSON)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func draft(t testing.TB) Draft {
	return Draft{
		Course: course(t, 0), GivenName: "Đorđe", FamilyName: "Šćepanović", DateOfBirth: "1999-12-31", LearnerID: "2021/0123",
		Email: "djordje@students.example", Grade: "9 (nine)", AwardingDate: "2026-06-30", Language: "sr-Latn",
	}
}

// verify examines a token as somebody who trusts the institution and gets the
// status lists from it.
func (h *house) verify(t testing.TB, token []byte) *verifier.Report {
	t.Helper()
	v, _, err := h.verifiers()
	if err != nil {
		t.Fatal(err)
	}
	return v.Verify(context.Background(), token)
}
