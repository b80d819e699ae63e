package issuer

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"indeks/store"
	"indeks/verifier"
)

// What is kept opens under its own secret alone, each once, and goes with the page.
func TestCollect(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	d.LearnerID = "another"
	other, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	find := func(file []byte) func(context.Context) ([]byte, *verifier.Report, error) {
		return func(ctx context.Context) ([]byte, *verifier.Report, error) {
			return file, h.verify(t, file), nil
		}
	}
	mine, lost := NewCollectionSecret(), NewCollectionSecret()
	file := other.Forms["edc"].Token
	first, err := h.Collect(t.Context(), r, mine, "en", find(file))
	if err != nil || first.State != verifier.StateValid || first.Title == "" || first.Issuer == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := h.Collect(t.Context(), r, mine, "en", find(file)); err != nil || again.ID != first.ID {
		t.Errorf("the same again: %s, %v", again.ID, err)
	}
	if _, err := h.Collect(t.Context(), r, lost, "en", find(file)); err != nil {
		t.Error(err)
	}
	refused := errors.New("refused")
	if _, err := h.Collect(t.Context(), r, mine, "en", func(context.Context) ([]byte, *verifier.Report, error) { return nil, nil, refused }); !errors.Is(err, refused) {
		t.Errorf("err = %v", err)
	}
	for name, wrong := range map[string][]byte{"no credential": []byte("{}"), "changed": bytes.Replace(file, []byte("A"), []byte("B"), 1), "too large": append(bytes.Repeat([]byte(" "), MaxCollectedFile), file...)} {
		if _, err := h.Collect(t.Context(), r, mine, "en", find(wrong)); !errors.Is(err, ErrNotCollected) {
			t.Errorf("%s: err = %v", name, err)
		}
	}

	has := func(secret []byte, open, closed int) {
		t.Helper()
		got, others, err := h.Collection(t.Context(), r, secret)
		if err != nil || len(got) != open || others != closed {
			t.Errorf("%d open, %d closed, %v; want %d and %d", len(got), others, err, open, closed)
		}
		for _, c := range got {
			if !bytes.Equal(c.File, file) {
				t.Error("another file than was added")
			}
		}
	}
	has(mine, 1, 1)
	has(lost, 1, 1)
	has(nil, 0, 2)
	has(NewCollectionSecret(), 0, 2)

	// Moved to another id it does not open.
	kept, err := store.KeptOf(t.Context(), h.store, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := openCollected(store.Kept{ID: kept[1].ID, Content: kept[0].Content}, mine); ok {
		t.Error("opens under the id of another one")
	}

	// A correction takes the collection along.
	correction, err := h.Correction(t.Context(), r, map[string]string{"given_name": "Ivan"}, nil, Why{Code: "error-in-data", Text: "a test", By: "registrar"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = h.Issue(t.Context(), correction); err != nil {
		t.Fatal(err)
	}
	has(mine, 1, 1)
	if err := h.UncollectClosed(t.Context(), r, mine); err != nil {
		t.Fatal(err)
	}
	has(mine, 1, 0)
	if err := errors.Join(h.Uncollect(t.Context(), r, first.ID), h.Uncollect(t.Context(), r, "none")); err != nil {
		t.Fatal(err)
	}
	has(mine, 0, 0)

	// However often somebody tries, not more than that.
	if _, err := h.store.Take(t.Context(), "collected/"+r.ID, 2, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Collect(t.Context(), r, mine, "en", find(file)); !isWait(err) {
		t.Errorf("too often: err = %v", err)
	}
}

// What takes long each time it is asked for is not asked for without end.
func TestStacksAreCounted(t *testing.T) {
	h := newHouse(t, nil)
	r := store.Record{ID: "urn:x:1"}
	n := 0
	for ; n < 10*stackedByMinute; n++ { // time goes on meanwhile
		if _, many := errors.AsType[*WaitError](h.MayStack(t.Context(), r)); many {
			break
		}
	}
	if n < stackedByMinute || n == 10*stackedByMinute {
		t.Errorf("%d at once", n)
	}
}
