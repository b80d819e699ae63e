package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/internal/postgres"
	"indeks/status"
)

// publication is what is published of a list now.
func publication(t testing.TB, s Store, id string, at time.Time) Publication {
	t.Helper()
	bits, list, err := s.Bits(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	token := []byte("token of " + id + " at " + at.String())
	if err := s.Publish(t.Context(), id, list.Sequence+1, token, at); err != nil {
		t.Fatal(err)
	}
	return Publication{ID: id, Purpose: list.Purpose, Bits: bits, Token: token, ValidFrom: at}
}

func moveTo(t testing.TB, s Store, n int, to State) {
	t.Helper()
	if _, err := s.Change(t.Context(), draft(n).ID, Change{At: now, State: to}); err != nil {
		t.Fatal(err)
	}
}

// backedUp is how a kind of store is copied and brought back in these tests.
type backedUp struct {
	fresh func(t *testing.T) Store
	// copied makes a copy, which reopened opens; s goes on as what is returned.
	copied      func(t *testing.T, s Store) (copied string, again Store)
	duplicate   func(t *testing.T, copied string) string
	restore     func(t *testing.T, copied, storeID string, how Restoration) (Restored, error)
	reopened    func(t *testing.T, copied string) Store
	fingerprint func(t *testing.T, copied string) string // of all that is in it
}

var boltBackedUp = backedUp{
	fresh: func(t *testing.T) Store { return reopen(t, initStore(t)) },
	copied: func(t *testing.T, s Store) (string, Store) {
		copied := filepath.Join(t.TempDir(), "copy.db")
		if err := Copy(t.Context(), s, copied); err != nil {
			t.Fatal(err)
		}
		return copied, s
	},
	duplicate: func(t *testing.T, copied string) string {
		data, err := os.ReadFile(copied)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "store.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	},
	restore: func(t *testing.T, copied, storeID string, how Restoration) (Restored, error) {
		return Restore(t.Context(), copied, storeID, testKeys(), how)
	},
	reopened: func(t *testing.T, copied string) Store { return reopen(t, copied) },
	fingerprint: func(t *testing.T, copied string) string {
		data, err := os.ReadFile(copied)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", sha256.Sum256(data))
	},
}

// postgresBackedUp copies databases, for which nobody may be connected to them: what
// pg_basebackup does with a cluster.
var postgresBackedUp = backedUp{
	fresh: func(t *testing.T) Store { return openDatabase(t, newDatabase(t)) },
	copied: func(t *testing.T, s Store) (string, Store) {
		c := s.(*postgresStore).config
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		copied := postgres.Shared(t).Database(t, c.database(t))
		return copied, openDatabase(t, c)
	},
	duplicate: func(t *testing.T, copied string) string { return postgres.Shared(t).Database(t, copied) },
	restore: func(t *testing.T, copied, storeID string, how Restoration) (Restored, error) {
		return RestorePostgres(t.Context(), PostgresConfig{URL: postgres.Shared(t).URL(copied), StoreID: storeID, Keys: testKeys(), Node: "one"}, how)
	},
	reopened: func(t *testing.T, copied string) Store {
		return openDatabase(t, PostgresConfig{URL: postgres.Shared(t).URL(copied), StoreID: storeID, Keys: testKeys(), Node: "one", MaxConns: 8})
	},
	fingerprint: func(t *testing.T, copied string) string {
		server := postgres.Shared(t)
		all := ""
		for table := range strings.FieldsSeq(server.Query(t, copied, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1")) {
			all += "SELECT '" + table + "', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM " + table + " t;"
		}
		return server.Query(t, copied, all)
	},
}

// eachBackedUp runs a test over both kinds of stores.
func eachBackedUp(t *testing.T, test func(t *testing.T, k backedUp)) {
	t.Run("bbolt", func(t *testing.T) { test(t, boltBackedUp) })
	t.Run("postgres", func(t *testing.T) {
		test(t, postgresBackedUp)
	})
}

// lost is a store with a copy of it, and what happened after the copy: records
// 0 to 9 stand in both. In the copy 0 is suspended, 1 revoked, and 9 reserved.
// Since then 2 was revoked, 3 suspended, 4 suspended and revoked, 9 issued and
// revoked; 10 was issued, and 11 issued and revoked.
func lost(t *testing.T, k backedUp) (copied string, published []Publication, numbers uint64) {
	t.Helper()
	s := k.fresh(t)
	revocation, suspension := openLists(t, s)
	for n := range 9 {
		issue(t, s, draft(n, revocation, suspension))
	}
	if _, err := s.Reserve(t.Context(), draft(9, revocation, suspension)); err != nil {
		t.Fatal(err)
	}
	moveTo(t, s, 0, Suspended)
	moveTo(t, s, 1, Revoked)
	if _, err := s.Numbers(t.Context(), "old", 5); err != nil {
		t.Fatal(err)
	}
	publication(t, s, revocation.ID, now)
	publication(t, s, suspension.ID, now)
	copied, s = k.copied(t, s)

	if _, err := s.Commit(t.Context(), draft(9).ID, tokens(draft(9))); err != nil {
		t.Fatal(err)
	}
	issue(t, s, draft(10, revocation, suspension))
	issue(t, s, draft(11, revocation, suspension))
	for _, n := range []int{2, 9, 11} {
		moveTo(t, s, n, Revoked)
	}
	moveTo(t, s, 3, Suspended)
	moveTo(t, s, 4, Suspended)
	moveTo(t, s, 4, Revoked)
	if numbers, _ = s.Numbers(t.Context(), "old", 100); numbers != 6 {
		t.Fatalf("drawn from %d", numbers)
	}
	later := now.Add(time.Hour)
	published = []Publication{publication(t, s, revocation.ID, later), publication(t, s, suspension.ID, later)}

	// Lists that the copy has never seen.
	full := status.New()
	if err := full.Set(77, true); err != nil {
		t.Fatal(err)
	}
	published = append(published, Publication{"r2", status.Revocation, full, []byte("token of r2"), later})
	return copied, published, numbers + 99
}

var restoredAt = now.Add(2 * time.Hour)

func TestRestore(t *testing.T) { eachBackedUp(t, testRestore) }

func testRestore(t *testing.T, k backedUp) {
	path, published, lastNumber := lost(t, k)
	got, err := k.restore(t, path, storeID, Restoration{At: restoredAt, Lists: published, Numbers: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Closed, []string{"r1", "s1"}) || !slices.Equal(got.Added, []string{"r2"}) || got.Strange != 3 ||
		len(got.Revoked) != 2 || len(got.Suspended) != 2 {
		t.Errorf("restored %+v", got)
	}
	s := k.reopened(t, path)
	CheckStore(t, s)

	// (a) No place in a list and no number is given out a second time.
	revocation, suspension := openLists(t, s)
	for _, list := range []List{revocation, suspension} {
		if !strings.HasSuffix(list.ID, "-"+got.Epoch) || list.Used != 0 {
			t.Errorf("list %+v is opened", list)
		}
	}
	lists, err := s.Lists(t.Context())
	if err != nil || len(lists) != 5 {
		t.Fatalf("%d lists, %v", len(lists), err)
	}
	for _, list := range lists {
		if list.ID == revocation.ID || list.ID == suspension.ID {
			continue
		}
		if _, err := s.Reserve(t.Context(), draft(50, list)); !errors.Is(err, ErrListFull) {
			t.Errorf("a place in %s: err = %v, want %v", list.ID, err, ErrListFull)
		}
	}
	issue(t, s, draft(10, revocation, suspension))
	for _, series := range []string{"old", "begun after the copy"} {
		if first, err := s.Numbers(t.Context(), series, 1); err != nil || series == "old" && first <= lastNumber || first <= 1000 {
			t.Errorf("series %s goes on at %d, %v", series, first, err)
		}
	}

	// (b) What was revoked is revoked, also where its record is lost, and the next
	// publication must cover the last one.
	for n, want := range map[int]State{0: Suspended, 1: Revoked, 2: Revoked, 3: Suspended, 4: Revoked, 5: Issued, 9: Reserved} {
		if r, err := s.Get(t.Context(), draft(n).ID); err != nil || r.State != want {
			t.Errorf("record %d is %s, %v; want %s", n, r.State, err, want)
		}
	}
	for _, p := range published {
		bits, list, err := s.Bits(t.Context(), p.ID)
		if err != nil || !bits.Covers(p.Bits) {
			t.Errorf("list %s forgets, %v", p.ID, err)
		}
		if !bytes.Equal(list.Published, p.Token) || !list.ValidFrom.Equal(p.ValidFrom) {
			t.Errorf("list %s was last published at %v", p.ID, list.ValidFrom)
		}
	}
	// The crash finishes what was reserved, and its bit stays.
	if _, err := s.Commit(t.Context(), draft(9).ID, tokens(draft(9))); err != nil {
		t.Error(err)
	}
	moveTo(t, s, 9, Suspended)
	moveTo(t, s, 9, Issued)
	bits, _, err := s.Bits(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if on, err := bits.Get(draft(9, revocation).Entries[0].Index); !on || err != nil {
		t.Errorf("the bit of a lost revocation: %v, %v", on, err)
	}
	CheckStore(t, s)

	// A backup of what was restored can be restored in its turn, into other lists.
	again, _ := k.copied(t, s)
	second, err := k.restore(t, again, storeID, Restoration{At: restoredAt.Add(time.Second), Forget: true, Numbers: 1000})
	if err != nil || second.Epoch == got.Epoch {
		t.Fatalf("again: %+v, %v", second, err)
	}
	s = k.reopened(t, again)
	if list, _ := openLists(t, s); !strings.HasSuffix(list.ID, "-"+second.Epoch) {
		t.Errorf("list %s is opened", list.ID)
	}
	if first, err := s.Numbers(t.Context(), "begun after the second copy", 1); err != nil || first != 2001 {
		t.Errorf("a series begins at %d, %v", first, err)
	}
	CheckStore(t, s)
}

// Without the last publications, or with older ones, with those of another
// purpose or with damaged records nothing is restored, unless it is asked for.
func TestRestoreRefuses(t *testing.T) { eachBackedUp(t, testRestoreRefuses) }

func testRestoreRefuses(t *testing.T, k backedUp) {
	copied, published, _ := lost(t, k)
	old := slices.Clone(published)
	old[0].ValidFrom = now.Add(-time.Hour)
	swapped := slices.Clone(published)
	swapped[0].Purpose, swapped[1].Purpose = swapped[1].Purpose, swapped[0].Purpose
	nothing := slices.Clone(published)
	nothing[2].Purpose = "message"
	for _, tt := range []struct {
		name string
		how  Restoration
		want error
	}{
		{"no lists", Restoration{}, ErrListMissing},
		{"a list missing", Restoration{Lists: published[1:]}, ErrListMissing},
		{"an older list", Restoration{Lists: old}, ErrListOld},
		{"lists of another purpose", Restoration{Lists: swapped}, ErrInvalid},
		{"a purpose that is none", Restoration{Lists: nothing}, ErrInvalid},
		{"no lists, and that is known", Restoration{Forget: true}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := k.duplicate(t, copied)
			before := k.fingerprint(t, path)
			tt.how.At = restoredAt
			if _, err := k.restore(t, path, storeID, tt.how); !errors.Is(err, tt.want) {
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			if changed := k.fingerprint(t, path) != before; tt.want != nil && changed {
				t.Error("the store was changed")
			}
		})
	}
	if _, err := k.restore(t, copied, "other", Restoration{Forget: true, At: restoredAt}); !errors.Is(err, ErrForeign) {
		t.Errorf("another institution's: err = %v, want %v", err, ErrForeign)
	}
}

// Where the copy has lists that a wrong clock dated ahead, those that were
// published after them and are dated before them are taken, unless they lack
// what the copy knows to be revoked.
func TestRestoreAfterAWrongClock(t *testing.T) {
	at := now.Add(-time.Hour) // by the right clock; the copy's lists are of now
	for name, stale := range map[string]bool{"newer": false, "from before the copy": true} {
		t.Run(name, func(t *testing.T) {
			path, published, _ := lost(t, boltBackedUp)
			for n := range published {
				published[n].ValidFrom = at.Add(-time.Minute)
			}
			if stale {
				bits := status.New()
				bits.Add(published[0].Bits)
				if err := bits.Set(draft(1, List{ID: "r1", Purpose: status.Revocation}).Entries[0].Index, false); err != nil {
					t.Fatal(err)
				}
				published[0].Bits = bits
			}
			how := Restoration{At: at, Lists: published}
			_, err := Restore(t.Context(), path, storeID, testKeys(), how)
			if stale {
				if !errors.Is(err, ErrListOld) {
					t.Errorf("err = %v, want %v", err, ErrListOld)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s := reopen(t, path)
			CheckStore(t, s)
			for _, p := range published {
				if _, list, err := s.Bits(t.Context(), p.ID); err != nil || !bytes.Equal(list.Published, p.Token) {
					t.Errorf("list %s was last published at %v, %v", p.ID, list.ValidFrom, err)
				}
			}
			if r, err := s.Get(t.Context(), draft(2).ID); err != nil || r.State != Revoked {
				t.Errorf("record 2 is %s, %v", r.State, err)
			}
		})
	}
	// Given both, neither is left out.
	path, published, _ := lost(t, boltBackedUp)
	ahead, early := published[0], published[0]
	early.ValidFrom, early.Bits, early.Token = at.Add(-time.Minute), status.New(), []byte("an early one")
	if err := early.Bits.Set(draft(1, List{ID: "r1", Purpose: status.Revocation}).Entries[0].Index, true); err != nil {
		t.Fatal(err)
	}
	for _, lists := range [][]Publication{{ahead, early, published[1]}, {early, ahead, published[1]}} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(copied, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), copied, storeID, testKeys(), Restoration{At: at, Lists: lists}); err != nil {
			t.Fatal(err)
		}
		s := reopen(t, copied)
		if bits, list, err := s.Bits(t.Context(), "r1"); err != nil || !bits.Covers(ahead.Bits) || !bytes.Equal(list.Published, early.Token) {
			t.Errorf("published last %q, covers %t, %v", list.Published, bits.Covers(ahead.Bits), err)
		}
	}
}

// A copy made beside writers is a store of one instant; one that is broken off
// leaves nothing.
func TestCopy(t *testing.T) {
	s := reopen(t, filled(t))
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := Copy(t.Context(), s, path); err != nil {
		t.Fatal(err)
	}
	if err := Copy(t.Context(), s, path); err == nil {
		t.Error("a file was replaced")
	}
	copied := reopen(t, path)
	CheckStore(t, copied)
	want, err1 := Summarize(t.Context(), s)
	got, err2 := Summarize(t.Context(), copied)
	if err1 != nil || err2 != nil || got.Records != want.Records || got.Records != 40 || got.States[Revoked] != 1 || got.Store != storeID {
		t.Errorf("%+v, %v; want %+v, %v", got, err2, want, err1)
	}
}

// Of two nodes one may have signed the later list without having seen what the other
// had published: what either says to be revoked is.
func TestRestoreTakesAllRevocations(t *testing.T) {
	path, published, _ := lost(t, boltBackedUp)
	later := published[0]
	later.Bits, later.Token, later.ValidFrom = status.New(), []byte("later, and stale"), later.ValidFrom.Add(time.Minute)
	later.Bits.Add(published[0].Bits)
	if err := later.Bits.Set(draft(2, List{ID: "r1", Purpose: status.Revocation}).Entries[0].Index, false); err != nil {
		t.Fatal(err)
	}
	for _, lists := range [][]Publication{{later, published[0]}, {published[0], later}} {
		copied := boltBackedUp.duplicate(t, path)
		if _, err := Restore(t.Context(), copied, storeID, testKeys(), Restoration{At: restoredAt, Lists: append(lists, published[1:]...)}); err != nil {
			t.Fatal(err)
		}
		s := reopen(t, copied)
		if r, err := s.Get(t.Context(), draft(2).ID); err != nil || r.State != Revoked {
			t.Errorf("record 2 is %s, %v", r.State, err)
		}
		if _, list, err := s.Bits(t.Context(), "r1"); err != nil || !bytes.Equal(list.Published, later.Token) {
			t.Errorf("published last %q, %v", list.Published, err)
		}
	}
}

// While a node is connected nothing is restored. After it, each node goes on with a
// log of its own, and those of before are closed.
func TestRestorePostgresNodes(t *testing.T) {
	c := newDatabase(t)
	two := c
	two.Node = "two"
	for _, c := range []PostgresConfig{c, two} {
		s := openDatabase(t, c)
		if err := s.Append(t.Context(), Event{Kind: KindLoggedIn}); err != nil {
			t.Fatal(err)
		}
		c.lock = time.Millisecond
		if _, err := RestorePostgres(t.Context(), c, Restoration{At: restoredAt, Forget: true}); !errors.Is(err, ErrLocked) {
			t.Errorf("beside a node: err = %v, want %v", err, ErrLocked)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	done, err := RestorePostgres(t.Context(), c, Restoration{At: restoredAt, Forget: true})
	if err != nil || done.Log != "one-"+done.Epoch {
		t.Fatalf("%+v, %v", done, err)
	}
	s := openDatabase(t, two)
	if err := s.Append(t.Context(), Event{Kind: KindLoggedIn}); err != nil {
		t.Fatal(err)
	}
	logs, err := s.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, log := range logs {
		got = append(got, fmt.Sprintf("%s %t", strings.ReplaceAll(log.Name, done.Epoch, "E"), log.Closed.IsZero()))
	}
	slices.Sort(got)
	if want := []string{"one false", "one-E true", "two false", "two-E true"}; !slices.Equal(got, want) {
		t.Errorf("logs %q, want %q", got, want)
	}
	CheckStore(t, s)
}

// What was erased after a database was backed up is erased when it comes back.
func TestRestorePostgresErases(t *testing.T) {
	server := postgres.Shared(t)
	keys, err := CreateDataKeys(t.Context(), VaultFile(filepath.Join(t.TempDir(), "keys")), [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	c := PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: storeID, Keys: keys, Node: "one"}
	if err := InitPostgres(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s := openDatabase(t, c)
	for n := range 4 {
		issue(t, s, person(n))
	}
	papers := Document{Kind: "rows", ID: "b/1", Body: []byte(canaries[1])}
	if err := s.PutDocuments(t.Context(), []Document{papers}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	copied := c
	copied.URL = server.URL(server.Database(t, c.database(t)))
	s = openDatabase(t, c)
	_, err1 := s.Erase(t.Context(), fromRegister, draft(1).ID)
	_, err2 := s.Erase(t.Context(), fromDelivery, draft(2).ID)
	if err := errors.Join(err1, err2, s.EraseDocuments(t.Context(), "rows", "b")); err != nil {
		t.Fatal(err)
	}

	done, err := RestorePostgres(t.Context(), copied, Restoration{At: restoredAt})
	if err != nil || done.Erased != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	s = openDatabase(t, copied)
	CheckStore(t, s)
	if r, err := s.Get(t.Context(), draft(1).ID); !errors.Is(err, ErrErased) || len(r.Erasures) != 1 {
		t.Errorf("erased: %+v, %v", r, err)
	}
	if r, err := s.Get(t.Context(), draft(2).ID); err != nil || r.Link != "" || r.FamilyName == "" {
		t.Errorf("delivery erased: %+v, %v", r, err)
	}
	if _, err := s.Document(t.Context(), papers.Kind, papers.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("papers: %v", err)
	}
}
