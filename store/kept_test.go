package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testKept is the contract of credentials that learners keep.
func testKept(run func(name string, test func(t *testing.T, s Store))) {
	keptOf := func(t *testing.T, s Store, r Record) []Kept {
		t.Helper()
		all, err := KeptOf(t.Context(), s, r)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}

	run("kept credentials", func(t *testing.T, s Store) {
		r, other := issue(t, s, person(once())), issue(t, s, person(once()))
		second := Kept{ID: "A", Added: now.Add(time.Minute), Content: []byte("sealed 2")}
		first := Kept{ID: "B", Added: now, Content: []byte("sealed 1")}
		for _, k := range []Kept{second, first} {
			if err := PutKept(t.Context(), s, r, k); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]Kept{first, second}, keptOf(t, s, r)); diff != "" {
			t.Error(diff)
		}
		if got := keptOf(t, s, other); len(got) != 0 {
			t.Errorf("another's page has %d", len(got))
		}
		if err := PutKept(t.Context(), s, r, first); !errors.Is(err, ErrRevision) {
			t.Errorf("the same id again: err = %v", err)
		}
		for range 2 { // a second time it is no error
			if err := errors.Join(DropKept(t.Context(), s, r, first.ID), DropKept(t.Context(), s, other, second.ID)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]Kept{second}, keptOf(t, s, r)); diff != "" {
			t.Error(diff)
		}
	})

	run("kept credentials go with their record's delivery data", func(t *testing.T, s Store) {
		for _, e := range []Erasure{fromDelivery, fromRegister} {
			r, other := issue(t, s, person(once())), issue(t, s, person(once()))
			for _, of := range []Record{r, other} {
				if err := PutKept(t.Context(), s, of, Kept{ID: "A", Added: now, Content: []byte("sealed")}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Erase(t.Context(), e, r.ID); err != nil {
				t.Fatal(err)
			}
			if got := keptOf(t, s, r); len(got) != 0 {
				t.Errorf("%s: %d are left", e.Class, len(got))
			}
			if err := PutKept(t.Context(), s, r, Kept{ID: "B", Added: now, Content: []byte("sealed")}); !errors.Is(err, ErrErased) {
				t.Errorf("%s: a new one: err = %v", e.Class, err)
			}
			if got := keptOf(t, s, other); len(got) != 1 {
				t.Errorf("%s: another's page has %d", e.Class, len(got))
			}
		}
	})

	// A letter may be about what is no record yet: it lies apart and is removed by hand.
	run("letters before there is a record", func(t *testing.T, s Store) {
		before := Record{ID: "urn:name-check:" + fmt.Sprint(once()), SealingTime: now}
		d := Document{Kind: LetterKind, ID: before.DeliveryID() + "/letter", Body: []byte("to somebody")}
		if err := s.PutDocuments(t.Context(), []Document{d}); err != nil {
			t.Fatal(err)
		}
		got, err := s.Document(t.Context(), d.Kind, d.ID)
		if err != nil || string(got.Body) != "to somebody" {
			t.Fatalf("%q, %v", got.Body, err)
		}
		got.Body = nil
		if err := s.PutDocuments(t.Context(), []Document{got}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Document(t.Context(), d.Kind, d.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("removed: err = %v", err)
		}
	})

	run("kept credentials are limited", func(t *testing.T, s Store) {
		r := issue(t, s, person(once()))
		large := bytes.Repeat([]byte("x"), MaxKeptBytes/4) // in base64 still one document
		for n := range 4 {
			if err := PutKept(t.Context(), s, r, Kept{ID: fmt.Sprint(n), Added: now, Content: large}); err != nil {
				t.Fatal(err)
			}
		}
		if err := PutKept(t.Context(), s, r, Kept{ID: "more", Added: now, Content: []byte("x")}); !errors.Is(err, ErrTooMany) {
			t.Errorf("more than %d bytes: err = %v", MaxKeptBytes, err)
		}
		many := issue(t, s, person(once()))
		var docs []Document
		for n := range MaxKept {
			docs = append(docs, Document{Kind: KeptKind, ID: many.keptID(fmt.Sprint(n)), Body: []byte(`{"added":"2026-07-01T12:00:00Z","content":"eA=="}`)})
		}
		if err := s.PutDocuments(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
		if err := PutKept(t.Context(), s, many, Kept{ID: "more", Added: now, Content: []byte("x")}); !errors.Is(err, ErrTooMany) {
			t.Errorf("more than %d: err = %v", MaxKept, err)
		}
	})
}

// What a learner keeps survives a restart, and a restoration: nobody else can read it.
func TestKeptStays(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	r := issue(t, s, draft(1))
	if err := errors.Join(PutKept(t.Context(), s, r, Kept{ID: "A", Added: now, Content: []byte("sealed")}), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	before, err := KeptOf(t.Context(), s, r)
	if err := errors.Join(err, s.Close()); err != nil || len(before) != 1 {
		t.Fatalf("after a restart: %v, %v", before, err)
	}
	if _, err := Restore(t.Context(), path, storeID, testKeys(), Restoration{At: restoredAt, Forget: true}); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	defer s.Close()
	if after, err := KeptOf(t.Context(), s, r); err != nil || cmp.Diff(before, after) != "" {
		t.Errorf("after a restoration: %v, %v", after, err)
	}
}
