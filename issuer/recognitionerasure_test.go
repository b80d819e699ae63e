package issuer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"indeks/internal/postgres"
	"indeks/store"
)

// What a recognition says of a learner goes with the last of the records that rest on
// it, or when two people ask for it, in old backups too; what is left names nobody.
func TestRecognitionIsErased(t *testing.T) {
	t.Run("bbolt", func(t *testing.T) { testRecognitionErased(t, boltStore) })
	t.Run("PostgreSQL", func(t *testing.T) {
		server := postgres.Shared(t)
		testRecognitionErased(t, func(t testing.TB, learners *store.DataKeys) store.Store { return storeIn(t, server, learners) })
	})
}

func testRecognitionErased(t *testing.T, open opener) {
	h := newHouseIn(t, open, nil)
	ctx := t.Context()
	c := course(t, 1)
	if _, _, _, err := NewCatalogue(h.c.Institution, h.store, nil).Put(ctx, "course", c.canonical(), Terms{Published: true}); err != nil {
		t.Fatal(err)
	}
	token, v := provider(t, true)
	report := v.Verify(ctx, token)
	var ids []string
	for range 2 {
		r, err := h.Recognise(ctx, token, report, "API vera")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	decision := Decision{Date: "2026-06-30", Decided: "Board", Procedure: "Rules", Reason: "Equivalent.", Course: c.ID,
		Outcomes: []OutcomeDecision{{Source: "x", Outcome: c.Outcomes[0].ID, Recognised: true}, {Source: "y", Outcome: c.Outcomes[1].ID, Recognised: true}}}
	was, err := h.Decide(ctx, ids[0], decision, 0, "API vera")
	if err != nil || !strings.Contains(string(was.Report), draft(t).FamilyName) {
		t.Fatalf("the report does not name the learner: %v", err)
	}
	// Two awards of one learner rest on the first; nothing rests on the second.
	d := draft(t)
	d.Course, d.Language, d.RPL, d.Recognition = c, "", "part", ids[0]
	var awards []string
	for n := range 2 {
		d.RPLOutcomes, d.AssessmentDate = []string{c.Outcomes[n].ID}, []string{"2026-05-01", "2026-05-02"}[n]
		d.ExternalID = []string{"first", "second"}[n]
		d.AwardingDate = []string{"2026-06-01", "2026-06-02"}[n]
		r, err := h.Issue(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		awards = append(awards, r.ID)
	}
	docs := []store.Document{{Kind: kindRecognition, ID: ids[0]}, {Kind: kindRecognition, ID: ids[1]}}
	there := func() []bool { return nil }
	if strings.HasSuffix(t.Name(), "/bbolt") { // whose backups are opened here
		backup := h.backUp(t)
		there = func() []bool { return h.inBackup(t, backup, docs...) }
		if got := there(); !slices.Equal(got, []bool{true, true}) {
			t.Fatalf("before: %t", got)
		}
	}

	erase := func(w ErasureWish, recognitions ...string) {
		t.Helper()
		w.Reason = "GDPR 17"
		q, err := h.AskErasure(ctx, w, "API vera")
		if err != nil || !slices.Equal(q.Recognitions, recognitions) {
			t.Fatalf("%+v, %v: want recognitions %q", q, err, recognitions)
		}
		if err := h.ConfirmErasure(ctx, q.ID, q.Count(), "API ivo"); err != nil {
			t.Fatal(err)
		}
	}
	gone := func(want ...bool) {
		t.Helper()
		for n, id := range ids {
			r, err := h.Recognition(ctx, id)
			if err != nil || (r.State == RecognitionErased) != want[n] || (r.Report == nil) != want[n] {
				t.Errorf("recognition %d: %+v, %v, want erased %t", n, r, err, want[n])
			}
			if got := there(); got != nil && got[n] == want[n] {
				t.Errorf("recognition %d in the backup: %t", n, got[n])
			}
		}
	}
	erase(ErasureWish{Records: awards[:1]})
	gone(false, false)
	erase(ErasureWish{Records: awards[1:]}, ids[0])
	gone(true, false)
	erase(ErasureWish{Recognitions: ids[1:]}, ids[1])
	gone(true, true)

	left, err := h.Recognition(ctx, ids[0])
	if err != nil || left.SHA256 != was.SHA256 || left.Title != "" || left.Credential != "" || left.Decisions != nil || left.Erasure == nil || left.Erasure.Confirmed != "API ivo" {
		t.Errorf("left is %+v, %v", left, err)
	}
	if _, err := h.Decide(ctx, ids[0], decision, 0, "API vera"); !errors.Is(err, store.ErrErased) {
		t.Errorf("deciding on it: %v", err)
	}
	d.LearnerID = "another"
	if _, err := h.Issue(ctx, d); !errors.Is(err, ErrDraft) {
		t.Errorf("an award that rests on it: %v", err)
	}
	for r, err := range h.Recognitions(ctx, "") {
		t.Errorf("in the list: %s %v", r.ID, err)
	}
	if _, err := h.AskErasure(ctx, ErasureWish{Recognitions: []string{"none"}, Reason: "x"}, "API vera"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that is not: %v", err)
	}
	// A crash between the two steps leaves the key to whoever goes on.
	if err := h.eraseRecognition(ctx, ids[0], store.Erasure{Class: store.Register, At: h.now, Reason: "x", By: "a", Confirmed: "b"}); err != nil {
		t.Errorf("again: %v", err)
	}
	if found := store.Check(ctx, h.store); len(found) > 0 {
		t.Error(found)
	}
}
