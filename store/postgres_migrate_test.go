package store

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"indeks/internal/postgres"
)

// Everything that a file holds is in the database, also what a restoration and an
// erasure have left, and work goes on there as it would have gone on here.
func TestBoltToPostgres(t *testing.T) {
	server := postgres.Shared(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	keys, err := CreateDataKeys(t.Context(), VaultFile(filepath.Join(dir, "keys")), [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	if err := InitBolt(path, storeID, keys); err != nil {
		t.Fatal(err)
	}
	s := reopenWith(t, path, keys)
	revocation, suspension := openLists(t, s)
	if _, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte("{}"), Published: true, Changed: now}); err != nil {
		t.Fatal(err)
	}
	base, err := PutBase(t.Context(), s, [][]byte{[]byte("every "), []byte(" has this")})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 8 {
		r := person(n, revocation, suspension)
		switch n {
		case 1:
			r.Forms["edc"] = Sealed{Payload: []byte("every 1 has this"), Base: base}
		case 5:
			awardUnder(&r, "c", "1", "{}")
		case 6:
			awardUnder(&r, "outside", "2", "{}")
		case 7:
			r.ExternalID = "external"
		}
		issue(t, s, r)
	}
	if _, err := s.Reserve(t.Context(), person(9, revocation, suspension)); err != nil {
		t.Fatal(err)
	}
	moveTo(t, s, 1, Suspended)
	moveTo(t, s, 2, Revoked)
	_, err1 := s.Erase(t.Context(), fromRegister, draft(3).ID)
	_, err2 := s.Erase(t.Context(), fromDelivery, draft(4).ID)
	_, err3 := s.Numbers(t.Context(), "MC", 7)
	err4 := s.PutDocuments(t.Context(), []Document{{Kind: "job", ID: "a", Body: []byte("x")}})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	published := []Publication{publication(t, s, revocation.ID, now), publication(t, s, suspension.ID, now)}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	extra := published[0].Bits // revoked after the backup, and nobody's
	if err := extra.Set(777, true); err != nil {
		t.Fatal(err)
	}
	published[0].ValidFrom = now.Add(time.Minute)
	if _, err := Restore(t.Context(), path, storeID, keys, Restoration{At: restoredAt, Lists: published, Numbers: 10}); err != nil {
		t.Fatal(err)
	}
	s = reopenWith(t, path, keys)
	if err := s.PutDocuments(t.Context(), []Document{{Kind: "session", ID: "a", Body: []byte("x"), Expires: now}}); err != nil { // none outlasts a restoration
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	c := PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: storeID, Keys: keys, Node: "one"}
	taken := c
	taken.Node = "1-"
	if _, err := BoltToPostgres(t.Context(), path, taken); !errors.Is(err, ErrInvalid) {
		t.Errorf("a name that is none: err = %v", err)
	}
	taken.Node = "1"
	if _, err := BoltToPostgres(t.Context(), path, taken); !errors.Is(err, ErrInvalid) {
		t.Errorf("the name of a log: err = %v", err)
	}
	sum, err := BoltToPostgres(t.Context(), path, c)
	if err != nil || sum.Records != 9 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if _, err := BoltToPostgres(t.Context(), path, c); !errors.Is(err, ErrExists) {
		t.Errorf("again: err = %v, want %v", err, ErrExists)
	}
	old, moved := reopenWith(t, path, keys), openDatabase(t, c)
	CheckStore(t, moved)
	for name, of := range map[string]func(s Store) (any, error){
		"lists":     func(s Store) (any, error) { return s.Lists(t.Context()) },
		"courses":   func(s Store) (any, error) { return s.Courses(t.Context()) },
		"course":    func(s Store) (any, error) { return s.Course(t.Context(), "c", "") },
		"document":  func(s Store) (any, error) { return s.Document(t.Context(), "job", "a") },
		"session":   func(s Store) (any, error) { return s.Document(t.Context(), "session", "a") },
		"number":    func(s Store) (any, error) { return s.Numbers(t.Context(), "MC", 1) },
		"series":    func(s Store) (any, error) { return s.Numbers(t.Context(), "new", 1) },
		"open list": func(s Store) (any, error) { l, err := s.OpenList(t.Context(), "revocation", now); return l.ID, err },
		"external":  func(s Store) (any, error) { return s.ByExternalID(t.Context(), "external") },
		"found": func(s Store) (any, error) {
			found, _, err := s.Search(t.Context(), Query{Now: now}, "", 100)
			return found, err
		},
		"bits": func(s Store) (any, error) { bits, _, err := s.Bits(t.Context(), "r1"); return bits.Bits(), err },
	} {
		want, err1 := of(old)
		got, err2 := of(moved)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, err2, want, err1)
		}
	}
	if _, err := moved.Commit(t.Context(), draft(9).ID, tokens(person(9))); err != nil {
		t.Error(err)
	}
	list, err := moved.OpenList(t.Context(), "revocation", now)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, moved, person(20, list))
	CheckStore(t, moved)

	// What the file lacks, the copy is not given: nothing is left of it.
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bolt.Tx) error { return tx.Bucket(bucketTokens).Delete(blobKey(sequenceKey(1), "edc")) })
	c.URL = server.URL(server.Database(t, ""))
	if _, err := BoltToPostgres(t.Context(), path, c); err == nil {
		t.Error("a damaged file was copied")
	}
	if _, err := OpenPostgres(t.Context(), c); !errors.Is(err, ErrMissing) {
		t.Errorf("after it: err = %v, want %v", err, ErrMissing)
	}
}
