package issuer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"indeks/keys"
	"indeks/store"
)

// rotten is a store that gives out one record with another's payload.
type rotten struct {
	store.Store
	id string
}

func (s *rotten) Get(ctx context.Context, id string) (store.Record, error) {
	r, err := s.Store.Get(ctx, id)
	if id == s.id {
		for profile, form := range r.Forms {
			form.Payload = append([]byte(" "), form.Payload...)
			r.Forms[profile] = form
		}
	}
	return r, err
}

// Whatever was sealed opens with the published keys, in each form, and holds
// what is on record; if not, the record is named.
func TestInspection(t *testing.T) {
	s := &rotten{}
	h := newHouse(t, func(real store.Store) store.Store { s.Store = real; return s })
	award, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	issueStatement(t, h, statement(""))
	embedded := statement("")
	embedded.Form = keys.DataIntegrity
	proof := issueStatement(t, h, embedded)
	if got := h.Inspection(); !got.Began.IsZero() {
		t.Errorf("before: %+v", got)
	}

	all := NewSeals(h.ring.Entries(), 1)
	for _, err := range store.Check(t.Context(), s, all.Check) {
		t.Error(err)
	}
	if all.Opened() != 4 {
		t.Errorf("%d tokens opened, want the award's two and one of each statement", all.Opened())
	}
	h.inspect(t.Context())
	if got, want := h.Inspection(), (Inspection{Began: noon, Ended: noon, Records: 3, Seals: 2}); got != want {
		t.Errorf("found %+v, want %+v", got, want)
	}

	strangers := NewSeals(nil, 1)
	if found := store.Check(t.Context(), s, strangers.Check); len(found) != 3 || strangers.Opened() != 0 {
		t.Errorf("with no key %d tokens open, found %v", strangers.Opened(), found)
	}
	for _, id := range []string{award.ID, proof.ID} {
		s.id = id
		found := store.Check(t.Context(), s, NewSeals(h.ring.Entries(), 1).Check)
		if text := errors.Join(found...).Error(); len(found) != 2 || strings.Count(text, id) != 2 || !strings.Contains(text, "are others than those on record") || !strings.Contains(text, "not the one that was logged") {
			t.Errorf("found %v", found)
		}
	}
	s.id = award.ID // the first record, whose seals are always opened
	h.inspect(t.Context())
	if got := h.Inspection(); got.Damaged != 1 || !slices.ContainsFunc(h.warns, func(w string) bool { return strings.HasPrefix(w, "ALARM") }) {
		t.Errorf("found %+v, said %q", got, h.warns)
	}
}

// Pages that no longer hang together are reported at once, and nothing is built on them.
func TestInspectionOfPages(t *testing.T) {
	var path string
	h := newHouseIn(t, func(t testing.TB, learners *store.DataKeys) store.Store {
		path = filepath.Join(t.TempDir(), "records.db")
		if err := store.InitBolt(path, testDID, learners); err != nil {
			t.Fatal(err)
		}
		s, err := store.OpenBolt(path, testDID, learners)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}, nil)
	if _, err := h.Issue(t.Context(), draft(t)); err != nil {
		t.Fatal(err)
	}
	h.inspect(t.Context())
	if got := h.Inspection(); got.Pages == 0 || got.Damaged != 0 {
		t.Errorf("whole: %+v", got)
	}

	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 1<<20), int64(2*os.Getpagesize())); err != nil { // all but the first two pages
		t.Fatal(err)
	}
	h.inspect(t.Context())
	if got := h.Inspection(); got.Damaged == 0 || !slices.ContainsFunc(h.warns, func(w string) bool { return strings.HasPrefix(w, "ALARM: the file of records is damaged") }) {
		t.Errorf("damaged: %+v, said %q", got, h.warns)
	}
	if _, err := h.Issue(t.Context(), draft(t)); err == nil || h.store.Writable() == nil {
		t.Errorf("damaged, and yet it is written: %v", err)
	}
}
