package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func shareOf(id string) Share {
	return Share{Key: ShareKey(id), Content: []byte("sealed " + canaries[3]), Created: now, Expires: now.Add(30 * 24 * time.Hour), PIN: "hash", PINLeft: 5, Label: "job", Shown: []string{"name"}}
}

// testShares is the contract of shares.
func testShares(run func(name string, test func(t *testing.T, s Store))) {
	put := func(t *testing.T, s Store, r Record, share Share) Share {
		t.Helper()
		if err := PutShare(t.Context(), s, r, share); err != nil {
			t.Fatal(err)
		}
		share.Credential = r.ID
		return share
	}
	alike := cmpopts.IgnoreUnexported(Share{})

	run("shares", func(t *testing.T, s Store) {
		r, other := issue(t, s, person(once())), issue(t, s, person(once()))
		if _, err := ShareByKey(t.Context(), s, ShareKey("none")); !errors.Is(err, ErrNotFound) {
			t.Errorf("none: err = %v", err)
		}
		first, second := shareOf(r.ID+"1"), shareOf(r.ID+"2")
		second.Created = now.Add(time.Minute)
		first, second = put(t, s, r, first), put(t, s, r, second)
		put(t, s, other, shareOf(other.ID))
		if got, err := Shares(t.Context(), s, r); err != nil || cmp.Diff([]Share{second, first}, got, alike) != "" {
			t.Errorf("of the record: %v\n%s", err, cmp.Diff([]Share{second, first}, got, alike))
		}
		if err := PutShare(t.Context(), s, r, first); !errors.Is(err, ErrRevision) {
			t.Errorf("the same id again: err = %v", err)
		}

		// Of openings at once none is lost.
		var group sync.WaitGroup
		for range 12 {
			group.Go(func() {
				if _, err := ChangeShare(t.Context(), s, first.Key, func(s *Share) error { s.Opens++; return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got, err := ShareByKey(t.Context(), s, first.Key); err != nil || got.Opens != 12 {
			t.Errorf("opened %d times, %v", got.Opens, err)
		}
		refused := errors.New("refused")
		if _, err := ChangeShare(t.Context(), s, first.Key, func(s *Share) error { s.Opens = 0; return refused }); !errors.Is(err, refused) {
			t.Errorf("err = %v", err)
		}
		if got, _ := ShareByKey(t.Context(), s, first.Key); got.Opens != 12 {
			t.Error("changed, although the function refused")
		}

		// Ended: nothing of what was shown is left.
		if _, err := EndShare(t.Context(), s, first.Key, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		want := Share{Key: first.Key, Credential: r.ID, Created: now, Expires: first.Expires, Ended: now.Add(time.Hour), Opens: 12}
		if got, err := ShareByKey(t.Context(), s, first.Key); err != nil || cmp.Diff(want, got, alike) != "" {
			t.Errorf("ended: %v\n%s", err, cmp.Diff(want, got, alike))
		}
	})

	run("shares go with their record's delivery data", func(t *testing.T, s Store) {
		for _, e := range []Erasure{fromDelivery, fromRegister} {
			r, other := issue(t, s, person(once())), issue(t, s, person(once()))
			mine, theirs := put(t, s, r, shareOf(r.ID)), put(t, s, other, shareOf(other.ID))
			if _, err := s.Erase(t.Context(), e, r.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := ShareByKey(t.Context(), s, mine.Key); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: err = %v", e.Class, err)
			}
			if err := PutShare(t.Context(), s, r, shareOf(r.ID+"again")); !errors.Is(err, ErrErased) {
				t.Errorf("%s: a new one: err = %v", e.Class, err)
			}
			if _, err := ShareByKey(t.Context(), s, theirs.Key); err != nil {
				t.Errorf("%s: another's: %v", e.Class, err)
			}
		}
	})

	run("shares are purged", func(t *testing.T, s Store) {
		r, erased := issue(t, s, person(once())), issue(t, s, person(once()))
		over, ended := put(t, s, r, shareOf(r.ID+"over")), put(t, s, r, shareOf(r.ID+"ended"))
		put(t, s, erased, shareOf(erased.ID))
		if _, err := EndShare(t.Context(), s, ended.Key, now); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Erase(t.Context(), fromDelivery, erased.ID); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			at          time.Time
			n           int
			over, ended error
			content     bool
		}{
			{now.Add(time.Hour), 1, nil, nil, true}, // what leads to the erased one
			{over.Expires.Add(time.Second), 1, nil, nil, false},
			{now.Add(keptEnded + time.Hour), 1, nil, ErrNotFound, false},
			{over.Expires.Add(keptEnded + time.Hour), 1, ErrNotFound, ErrNotFound, false},
			{over.Expires.Add(keptEnded + time.Hour), 0, ErrNotFound, ErrNotFound, false},
		} {
			n, err := PurgeShares(t.Context(), s, step.at)
			if err != nil || n != step.n {
				t.Errorf("%v: %d, %v", step.at, n, err)
			}
			got, err1 := ShareByKey(t.Context(), s, over.Key)
			_, err2 := ShareByKey(t.Context(), s, ended.Key)
			if !errors.Is(err1, step.over) || !errors.Is(err2, step.ended) || (got.Content != nil) != step.content {
				t.Errorf("%v: %v, %v, content %q", step.at, err1, err2, got.Content)
			}
		}
	})

	run("shares are limited", func(t *testing.T, s Store) {
		r := issue(t, s, person(once()))
		var docs []Document
		for n := range maxShares {
			share := shareOf(fmt.Sprint(r.ID, n))
			share.at = r.shareID(share.Key)
			d, err := share.document()
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, d)
		}
		if err := s.PutDocuments(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
		if err := PutShare(t.Context(), s, r, shareOf(r.ID+"more")); !errors.Is(err, ErrTooMany) {
			t.Errorf("err = %v", err)
		}
	})
}

// A copy does not know what a learner ended after it was made, nor who signed out, so
// nothing that was shared comes back with it, and nobody is signed in.
func TestRestoreEndsShares(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	r := issue(t, s, draft(1))
	share := shareOf("id")
	err1 := PutShare(t.Context(), s, r, share)
	err2 := s.PutDocuments(t.Context(), []Document{{Kind: "job", ID: "a", Body: []byte("x")}, {Kind: "session", ID: "a", Expires: restoredAt.Add(time.Hour).Truncate(time.Second).UTC(), Body: []byte("x")}})
	if err := errors.Join(err1, err2, s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), path, storeID, testKeys(), Restoration{At: restoredAt, Forget: true}); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	defer s.Close()
	if _, err := ShareByKey(t.Context(), s, share.Key); !errors.Is(err, ErrNotFound) {
		t.Errorf("err = %v", err)
	}
	if all, err := Shares(t.Context(), s, r); err != nil || len(all) != 0 {
		t.Errorf("%d shares, %v", len(all), err)
	}
	if _, err := s.Document(t.Context(), "job", "a"); err != nil {
		t.Error(err)
	}
	if _, err := s.Document(t.Context(), "session", "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a session: err = %v", err)
	}
}
