package store

import (
	"errors"
	"path/filepath"
	"testing"

	"indeks/internal/postgres"
)

// Once a month is over, the data keys keep of it what leads to a record, and no more;
// whatever is on record is read as before.
func TestForgetUnused(t *testing.T) {
	t.Run("bbolt", func(t *testing.T) {
		s, _, vault := eraseHouse(t)
		testForgetUnused(t, s, vault)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server, vault := postgres.Shared(t), VaultFile(filepath.Join(t.TempDir(), "keys"))
		keys, err := CreateDataKeys(t.Context(), vault, [32]byte{3})
		if err != nil {
			t.Fatal(err)
		}
		c := PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: storeID, Keys: keys, Node: "one"}
		if err := InitPostgres(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		testForgetUnused(t, openDatabase(t, c), vault)
	})
}

// What would make the data keys larger than can be read is not begun.
func TestNoRoomToErase(t *testing.T) {
	s, _, _ := eraseHouse(t)
	given := issue(t, s, person(1))
	many := make([]string, 30_000)
	for i := range many {
		many[i] = given.ID
	}
	if _, err := s.Erase(t.Context(), fromRegister, many...); err == nil {
		t.Error("it was begun")
	}
	if r, err := s.Get(t.Context(), given.ID); err != nil || r.Erasures != nil {
		t.Errorf("%+v, %v", r.Erasures, err)
	}
	if _, err := s.Erase(t.Context(), fromRegister, given.ID); err != nil {
		t.Error(err)
	}
}

func testForgetUnused(t *testing.T, s Store, vault Vault) {
	var ids []string
	for n := range 24 {
		ids = append(ids, issue(t, s, person(n)).ID)
	}
	other := person(100)
	other.SealingTime = now.AddDate(0, 1, 0)
	issue(t, s, other)
	kept, err := s.Get(t.Context(), ids[20])
	if err != nil {
		t.Fatal(err)
	}
	// What is delivery data of somebody who has no record, as long as a name is checked.
	letters := []Document{{Kind: LetterKind, ID: kept.DeliveryID() + "/1", Body: []byte("to Ana")}, {Kind: LetterKind, ID: "2026-06/nobody/1", Body: []byte("to Branko")}}
	if err := s.PutDocuments(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(t.Context(), fromRegister, ids[:16]...); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(t.Context(), fromDelivery, ids[16:20]...); err != nil {
		t.Fatal(err)
	}
	if _, err := erase(t.Context(), s, other.ID, fromDelivery); err != nil {
		t.Fatal(err)
	}
	in := insideOf(s)
	keys := in.dataKeys()
	nodes := func() int { return len(keys.tree.nodes) }
	large := nodes()
	for before, crowd := range map[string]int{"2026-06": 1, "2026-07": crowd} { // nothing is so old, or so much
		if err := forgetUnused(t.Context(), s, in, before, crowd); err != nil || nodes() != large {
			t.Fatalf("before %s, above %d: %d secrets of %d, %v", before, crowd, nodes(), large, err)
		}
	}
	if err := forgetUnused(t.Context(), s, in, "2026-07", 1); err != nil {
		t.Fatal(err)
	}
	// At most one for each place in use of June; the rest is of July and of the way to them.
	if july := 2 * placeBits; large < 1000 || nodes() > 8+4+1+july {
		t.Errorf("%d secrets, then %d", large, nodes())
	}
	if err := forgetUnused(t.Context(), s, in, "2026-07", 1); err != nil {
		t.Errorf("again: %v", err)
	}

	again, err := OpenDataKeys(t.Context(), vault, [32]byte{3})
	if err != nil || len(again.tree.nodes) != nodes() {
		t.Errorf("%v; %d secrets are in the vault, %d here", err, len(again.tree.nodes), nodes())
	}
	CheckStore(t, s)
	for n, id := range append(ids, other.ID) {
		r, err := s.Get(t.Context(), id)
		if register := n < 16; errors.Is(err, ErrErased) != register || !register && (err != nil || r.FamilyName == "" || (r.Email == "") != (n < 20 || id == other.ID)) {
			t.Errorf("record %d: %+v, %v", n, r, err)
		}
	}
	for _, d := range letters {
		if got, err := s.Document(t.Context(), d.Kind, d.ID); err != nil || string(got.Body) != string(d.Body) {
			t.Errorf("%s: %q, %v", d.ID, got.Body, err)
		}
	}
	if _, err := s.Reserve(t.Context(), person(50)); !errors.Is(err, ErrIDTaken) {
		t.Errorf("what comes too late: %v", err)
	}
	late := person(51)
	late.SealingTime = now.AddDate(0, 2, 0)
	issue(t, s, late)
}
