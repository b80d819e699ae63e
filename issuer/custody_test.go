package issuer

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"indeks/alike"
	"indeks/internal/postgres"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// keyFolder is a house whose key file another process may write, in a folder.
func keyFolder(t *testing.T, open opener, change func(*Config)) (h *house, dir string) {
	t.Helper()
	dir = t.TempDir()
	h = newHouseIn(t, open, nil)
	h.ring = newRing(t, dir)
	h.c.Ring = h.ring
	h.c.NewKey = keys.NewKey{Organization: "University of Sava", Country: "RS", OrgID: h.c.Institution.OrganizationID}
	change(&h.c)
	h.open(t)
	return h, dir
}

// ringIn opens the key file of a folder, as another process does.
func ringIn(t *testing.T, dir string) *keys.Ring {
	t.Helper()
	ring, err := keys.OpenRing(filepath.Join(dir, "keys.age"), ringPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// copyKeys brings the key file of one node to another.
func copyKeys(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(from, "keys.age"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "keys.age"), raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// told counts what the audit logs say, of all nodes.
func (h *house) told(t *testing.T) map[store.Kind]int {
	t.Helper()
	told := map[store.Kind]int{}
	logs, err := h.store.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range logs {
		for e, err := range h.store.LogEntries(t.Context(), log.Name, 0) {
			if err != nil {
				t.Fatal(err)
			}
			told[e.Kind]++
		}
	}
	return told
}

// A key that one node marks is learnt by the others from the records: they finish what
// they have begun with it, seal nothing more, and go on, without a start, with the key
// file that is brought to them.
func TestNodesLearnOfCompromise(t *testing.T) {
	t.Run("bbolt", func(t *testing.T) {
		testNodesLearn(t, boltStore, func(one store.Store) store.Store { return one })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server := postgres.Shared(t)
		var nodes []store.Store
		testNodesLearn(t, func(t testing.TB, learners *store.DataKeys) store.Store {
			nodes = nodesIn(t, server, learners, "one", "two")
			return nodes[0]
		}, func(store.Store) store.Store { return nodes[1] })
	})
}

func testNodesLearn(t *testing.T, open opener, beside func(one store.Store) store.Store) {
	one, home := keyFolder(t, open, func(*Config) {})
	lost := one.class(t, 0, 1, "a")[0].KeyID
	away := t.TempDir()
	copyKeys(t, home, away)
	var trusted verifier.TrustedIssuer
	refuse := false
	c := one.c
	c.Ring, c.Store = ringIn(t, away), beside(c.Store)
	c.TrustChanged = func(e verifier.TrustedIssuer) error { trusted = e; return nil }
	c.sign = func(use func() (alike.Text, error)) (alike.Text, error) {
		if refuse {
			return alike.Text{}, errors.New("no hand is free")
		}
		return use()
	}
	other, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.refreshKeys(t.Context(), false); err != nil {
		t.Fatal(err)
	}

	if _, err := one.AskCompromise(t.Context(), lost, noon, "stolen", "admin"); err != nil {
		t.Fatal(err)
	}
	begun := draft(t)
	begun.LearnerID, refuse = "begun elsewhere", true
	if _, err := other.Issue(t.Context(), begun); err == nil {
		t.Fatal("it was sealed")
	}
	refuse = false
	before := one.told(t)
	for range 2 {
		if err := other.refreshKeys(t.Context(), false); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("with no key left: %v", err)
		}
	}
	if _, err := other.Issue(t.Context(), begun); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("what was begun, and cannot be checked beside lists of the new key: %v", err)
	}
	next := draft(t)
	next.LearnerID = "the next"
	if _, err := other.Issue(t.Context(), next); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("the next one: %v", err)
	}
	if len(trusted.Keys) != 1 || trusted.Keys[0].CompromisedAt.IsZero() || !other.Publication().Keys[0].Public.CompromisedAt.Equal(noon) {
		t.Errorf("its trust file and pages: %+v", trusted.Keys)
	}
	c.Ring = ringIn(t, away)
	if _, err := New(t.Context(), c); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("started with the key file of before: %v", err)
	}

	copyKeys(t, home, away)
	if err := other.refreshKeys(t.Context(), false); err != nil {
		t.Error(err)
	}
	for _, d := range []Draft{next, begun} { // with the file of the first
		r, err := other.Issue(t.Context(), d)
		if err != nil || r.KeyID != one.Publication().Keys[0].Public.ID {
			t.Errorf("%s: with %s, %v", d.LearnerID, r.KeyID, err)
		}
		if again, err := one.Issue(t.Context(), d); err != nil || again.ID != r.ID {
			t.Errorf("%s: asked for again, it is %s, %v", d.LearnerID, again.ID, err)
		}
	}
	after := one.told(t)
	for _, of := range []map[store.Kind]int{before, after} {
		delete(of, store.KindIntent)
		delete(of, store.KindIssued)
	}
	if after[store.KindKeyRevoked] != 1 || !maps.Equal(before, after) {
		t.Errorf("the log says %v, and said %v", after, before)
	}
}

// What the command line does to the key file of a running issuer is in use before its
// next look ends, and with the next part of a batch; other nodes learn of it from there.
func TestIssuerFollowsKeyFile(t *testing.T) {
	h, dir := keyFolder(t, boltStore, func(*Config) {})
	lost := h.class(t, 0, 1, "a")[0].KeyID
	if _, _, err := h.StatusList(t.Context(), h.sole(t)); err != nil {
		t.Fatal(err)
	}
	b := newBatches(t, h, BatchConfig{})
	stop := b.run(t)
	batch := b.put(t, classList("x", 12))
	elsewhere := ringIn(t, dir)
	next := addKey(t, elsewhere, noon.Add(-1))
	if err := h.refreshKeys(t.Context(), false); err != nil || h.class(t, 0, 1, "b")[0].KeyID != lost {
		t.Errorf("a rotation does not wait for the next start: %v", err)
	}
	if err := elsewhere.Revoke(lost, noon, "stolen"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
		t.Fatal(err)
	}
	b.wait(t, batch.ID, BatchDone)
	stop()
	for _, r := range b.results(t, batch.ID) {
		if got, err := h.store.Get(t.Context(), r.ID); err != nil || got.KeyID != next.Public.ID {
			t.Errorf("row %d is sealed with %s, %v", r.Row, got.KeyID, err)
		}
	}
	list, _, err := h.StatusList(t.Context(), h.sole(t))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := keys.Open(t.Context(), list, ownKeys(h.ring.Entries())); err != nil || opened.Seals[0].Key.ID != next.Public.ID {
		t.Errorf("the list is not sealed anew: %v", err)
	}
	on, _, err := h.readKnown(t.Context())
	if err != nil || len(on.marks()) != 1 || on.Lost[lost].Reason != "stolen" || h.told(t)[store.KindKeyRevoked] != 1 {
		t.Errorf("on record is %+v, %v", on, err)
	}

	// A key file from before, brought back beside records that know better.
	older := emptyRing(t, t.TempDir())
	h.c.Ring = older
	if _, err := New(t.Context(), h.c); !errors.Is(err, keys.ErrNoKey) {
		t.Error(err)
	}

	// At the desk, on top of a rotation that the issuer has not taken up.
	addKey(t, ringIn(t, dir), noon)
	if _, err := h.AskCompromise(t.Context(), next.Public.ID, noon, "also stolen", "admin"); err != nil {
		t.Error(err)
	}
	if len(h.ring.Entries()) != 3 {
		t.Errorf("%d keys", len(h.ring.Entries()))
	}
}

// sole is the id of the list of revocations.
func (h *house) sole(t *testing.T) string {
	t.Helper()
	lists, err := h.store.Lists(t.Context())
	i := slices.IndexFunc(lists, func(l store.List) bool { return l.Purpose == "revocation" })
	if err != nil || i < 0 {
		t.Fatal(err)
	}
	return lists[i].ID
}
