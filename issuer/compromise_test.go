package issuer

import (
	"errors"
	"slices"
	"testing"
	"time"

	"indeks/alike"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// lose is a house with a key for credentials and one for the log, of whose four
// credentials the log proves two to be older than the time it returns, at which the
// first key was lost.
func lose(t *testing.T, change func(*Config)) (h *house, class []store.Record, lost string, at time.Time) {
	t.Helper()
	h = newHouse(t, nil)
	n := keys.NewKey{Organization: "University of Sava", Country: "RS", OrgID: h.c.Institution.OrganizationID, Now: noon.Add(-time.Hour)}
	h.ring = newRing(t, t.TempDir())
	if _, err := h.ring.AddLog(testDID, n); err != nil {
		t.Fatal(err)
	}
	n.Now = time.Time{}
	h.c.Ring, h.c.NewKey = h.ring, n
	change(&h.c)
	h.open(t)
	class = h.class(t, 0, 2, "b")
	if err := h.SignHeads(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(10 * time.Minute)
	class = append(class, h.class(t, 1, 1, "c")...)
	at = h.now.Add(time.Minute)
	h.now = h.now.Add(2 * time.Minute)
	if err := h.SignHeads(t.Context()); err != nil { // too late to prove anything
		t.Fatal(err)
	}
	class = append(class, h.class(t, 2, 1, "d")...)
	return h, class, class[0].KeyID, at
}

// A key that is marked never seals again, another one does at once, also what was
// under way; the log, the lists and the trust file say so. What the log proves to be
// older needs no new issue, the rest gets one, and verifiers say the same of each.
func TestCompromise(t *testing.T) {
	var told verifier.TrustedIssuer
	refuse := false
	h, class, lost, at := lose(t, func(c *Config) {
		c.TrustChanged = func(e verifier.TrustedIssuer) error { told = e; return nil }
		c.sign = func(use func() (alike.Text, error)) (alike.Text, error) {
			if refuse {
				return alike.Text{}, errors.New("no hand is free")
			}
			return use()
		}
	})
	one := draft(t)
	one.LearnerID = "under way"
	refuse = true
	if _, err := h.Issue(t.Context(), one); err == nil {
		t.Fatal("it was sealed")
	}
	refuse = false

	want := SealCount{Before: 3, After: 1, Proven: 2, InForce: 4, Unproven: 2}
	if n, err := h.CountSeals(t.Context(), lost, at); err != nil || n != want {
		t.Errorf("before it is marked: %+v %v", n, err)
	}
	for name, err := range map[string]error{
		"no reason": second(h.AskCompromise(t.Context(), lost, at, " ", "admin")), "no key": second(h.AskCompromise(t.Context(), "did:web:x#1", at, "stolen", "admin")),
		"the future": second(h.AskCompromise(t.Context(), lost, h.now.Add(time.Minute), "stolen", "admin")),
	} {
		if !errors.Is(err, ErrDraft) && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	unproven := Bulk{Action: BulkReissue, Select: Selection{Key: lost, Unproven: true}, Reason: "stolen", By: "admin"}
	if _, err := h.CountBulk(t.Context(), unproven); !errors.Is(err, ErrDraft) {
		t.Errorf("what is unproven of a key that is not marked: %v", err)
	}
	if waits, err := h.AskCompromise(t.Context(), lost, at, "stolen", "admin"); err != nil || waits {
		t.Fatal(waits, err)
	}

	sealer, err := h.ring.Sealer()
	if err != nil || sealer.Public().ID == lost || sealer.Public().Alg != keys.ES256 || len(told.Keys) != 3 {
		t.Errorf("%v, and the trust file is told %+v", err, told)
	}
	finished, err := h.Issue(t.Context(), one)
	if err != nil || finished.KeyID != lost {
		t.Errorf("what was under way: %s %v", finished.KeyID, err)
	}
	one.LearnerID = "the next"
	if next, err := h.Issue(t.Context(), one); err != nil || next.KeyID == lost {
		t.Errorf("the next one: %s %v", next.KeyID, err)
	}
	lists, err := h.store.Lists(t.Context())
	if err != nil || len(lists) == 0 {
		t.Fatal(err)
	}
	for _, l := range lists {
		opened, err := keys.Open(t.Context(), l.Published, ownKeys(h.ring.Entries()))
		if err != nil || opened.Seals[0].Key.ID == lost {
			t.Errorf("list %s is sealed with the lost key, %v", l.ID, err)
		}
	}
	var logged []store.Kind
	for e, err := range h.store.LogEntries(t.Context(), "1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Object == lost {
			logged = append(logged, e.Kind)
		}
	}
	if !slices.Contains(logged, store.KindKeyRevoked) || !slices.Contains(logged, store.KindKeyRetired) {
		t.Errorf("the log says %v", logged)
	}

	// What is issued again is exactly what verifiers do not confirm any more.
	want.After, want.InForce, want.Unproven = 2, 5, 3
	if n, err := h.CountSeals(t.Context(), lost, at); err != nil || n != want {
		t.Errorf("%+v %v", n, err)
	}
	count, err := h.CountBulk(t.Context(), unproven)
	if err != nil || count.Found != 3 {
		t.Fatalf("%+v %v", count, err)
	}
	if unproven, err = h.StartBulk(t.Context(), unproven, 3); err != nil {
		t.Fatal(err)
	}
	if err := h.RunBulk(t.Context(), unproven.ID, nil); err != nil {
		t.Fatal(err)
	}
	if done, err := h.Bulk(t.Context(), unproven.ID); err != nil || done.Done != 3 || done.Failed+done.Skipped != 0 {
		t.Errorf("%+v %v", done, err)
	}
	for n, r := range class {
		now, err := h.store.Get(t.Context(), r.ID)
		if err != nil || Replaced(now) != (n >= 2) {
			t.Errorf("%d is replaced: %t %v", n, Replaced(now), err)
		}
	}

	// The instant moves back, and with it what is proven; it does not move on.
	if _, err := h.AskCompromise(t.Context(), lost, noon.Add(-time.Minute), "earlier still", "admin"); err != nil {
		t.Fatal(err)
	}
	if n, err := h.CountSeals(t.Context(), lost, noon.Add(-time.Minute)); err != nil || n.Proven != 0 || n.Unproven != 2 {
		t.Errorf("%+v %v", n, err)
	}
	if _, err := h.AskCompromise(t.Context(), lost, at, "later", "admin"); !errors.Is(err, ErrDraft) {
		t.Errorf("later: %v", err)
	}
}

// Where the institution asks for four eyes, a key is marked once another person says
// so, and whoever asked may take it back.
func TestCompromiseTakesTwo(t *testing.T) {
	h, _, lost, at := lose(t, func(c *Config) { c.KeyApproval = true })
	ask := func() string {
		t.Helper()
		if waits, err := h.AskCompromise(t.Context(), lost, at, "stolen", "one"); err != nil || !waits {
			t.Fatal(waits, err)
		}
		for q, err := range h.Compromises(t.Context()) {
			if err != nil || q.Key != lost || !q.At.Equal(at) || q.Reason != "stolen" {
				t.Fatal(q, err)
			}
			return q.ID
		}
		t.Fatal("nothing waits")
		return ""
	}
	marked := func() bool { return h.compromised(lost) }
	id := ask()
	if err := h.ConfirmCompromise(t.Context(), id, "one"); !errors.Is(err, ErrSameActor) || marked() {
		t.Errorf("by the same person: %v", err)
	}
	if err := h.RefuseCompromise(t.Context(), id, "found again", "one"); err != nil {
		t.Error(err)
	}
	if err := h.ConfirmCompromise(t.Context(), id, "two"); !errors.Is(err, store.ErrNotFound) || marked() {
		t.Errorf("what was taken back: %v", err)
	}
	id = ask()
	h.now = h.now.Add(31 * 24 * time.Hour)
	if err := h.ConfirmCompromise(t.Context(), id, "two"); !errors.Is(err, ErrApprovalEnded) || marked() {
		t.Errorf("too late: %v", err)
	}
	h.now = h.now.Add(-31 * 24 * time.Hour)
	if err := h.ConfirmCompromise(t.Context(), id, "two"); err != nil || !marked() {
		t.Errorf("by another person: %v", err)
	}
	for q, err := range h.Compromises(t.Context()) {
		t.Errorf("%+v waits, %v", q, err)
	}
}

func second[T any](_ T, err error) error { return err }
