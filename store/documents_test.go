package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

// testDocuments is the contract of documents.
func testDocuments(run func(name string, test func(t *testing.T, s Store))) {
	ids := func(t *testing.T, s Store, kind, prefix, after string) (ids []string) {
		for d, err := range s.Documents(t.Context(), kind, prefix, after) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, d.ID)
		}
		return ids
	}
	put := func(t *testing.T, s Store, docs ...Document) {
		t.Helper()
		if err := s.PutDocuments(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
	}

	run("documents", func(t *testing.T, s Store) {
		if _, err := s.Document(t.Context(), "job", "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("before: err = %v", err)
		}
		end := now.Add(time.Hour)
		put(t, s, Document{Kind: "job", ID: "a", Body: []byte("1")}, Document{Kind: "use", ID: "a", Body: []byte("2"), Expires: end})
		put(t, s, Document{Kind: "job", ID: "a", Revision: 1, Body: []byte("3")})
		for _, want := range []Document{
			{Kind: "job", ID: "a", Revision: 2, Body: []byte("3")},
			{Kind: "use", ID: "a", Revision: 1, Body: []byte("2"), Expires: end},
		} {
			if got, err := s.Document(t.Context(), want.Kind, want.ID); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%s (-want +got): %v\n%s", want.Kind, err, cmp.Diff(want, got))
			}
		}
		put(t, s, Document{Kind: "job", ID: "a", Revision: 2}, Document{Kind: "job", ID: "b", Body: []byte("4")})
		if _, err := s.Document(t.Context(), "job", "a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("removed: err = %v", err)
		}
		put(t, s, Document{Kind: "job", ID: "a", Body: []byte("again")})
	})

	run("documents under data keys of their own", func(t *testing.T, s Store) {
		at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
		a := Document{Kind: "draft", ID: "a", Under: "2026-03/a.1", Expires: now.Add(time.Hour), Body: []byte("Ana")}
		put(t, s, a, Document{Kind: "draft", ID: "b", Under: "2026-03/b.1", Body: []byte("Branko")}, Document{Kind: "draft", ID: "c", Under: "2026-06/c.1", Body: []byte("Ceca")})
		a.Revision = 1
		if got, err := s.Document(t.Context(), "draft", "a"); err != nil || cmp.Diff(a, got) != "" || got.DataKey() != a.Under {
			t.Errorf("(-want +got): %v\n%s", err, cmp.Diff(a, got))
		}
		a.Under, a.Body = "2026-03/a.2", []byte("Ana again")
		over, err := Forgotten("2026-03/a.1", at)
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, a, over)
		forget := func(keys ...string) {
			t.Helper()
			if err := Forget(t.Context(), s, at, keys...); err != nil {
				t.Fatal(err)
			}
		}
		forget("2026-03/a.1")
		if got, err := s.Document(t.Context(), "draft", "a"); err != nil || string(got.Body) != "Ana again" || got.Under != a.Under {
			t.Errorf("under another key: %+v, %v", got, err)
		}

		// What is over can be read nowhere, and nothing is put there any more.
		forget("2026-03/b.1")
		if got := ids(t, s, "draft", "", ""); len(got) != 2 || got[0] != "a" || got[1] != "c" {
			t.Errorf("left: %q", got)
		}
		if _, err := s.Document(t.Context(), "draft", "b"); !errors.Is(err, ErrNotFound) {
			t.Errorf("forgotten: %v", err)
		}
		if err := s.PutDocuments(t.Context(), []Document{{Kind: "draft", ID: "d", Under: "2026-03/b.1", Body: []byte("x")}}); !errors.Is(err, ErrErased) {
			t.Errorf("under a key that was destroyed: %v", err)
		}
		put(t, s, Document{Kind: "draft", ID: "b", Revision: 1})

		// Months are given up as one, but for those of which something is to be read.
		over, _ = Forgotten("2026-03/b.1", at)
		put(t, s, over)
		for n, but := range []map[string]bool{{"2026-03": true}, nil, nil} {
			if err := ForgetMonthsOfPapers(t.Context(), s, at, "2026-05", but); err != nil {
				t.Fatal(err)
			}
			want := [][]string{{"2026-03/under/a.1", "2026-03/under/b.1"}, {"2026-03"}, {"2026-03"}}[n]
			if got := ids(t, s, forgottenKind, "", ""); cmp.Diff(want, got) != "" {
				t.Errorf("%d: remembered: %q, want %q", n, got, want)
			}
			if _, err := s.Document(t.Context(), "draft", "a"); errors.Is(err, ErrNotFound) != (n > 0) {
				t.Errorf("%d: of the month: %v", n, err)
			}
		}
		if got, err := s.Document(t.Context(), "draft", "c"); err != nil || string(got.Body) != "Ceca" {
			t.Errorf("of a later month: %+v, %v", got, err)
		}
		put(t, s, Document{Kind: "draft", ID: "a", Revision: 2})
		for _, under := range []string{"2026-03", "2026-03/", "2026-13/a", "/a", "a/b", "2026-03/" + strings.Repeat("x", maxUnder)} {
			if err := s.PutDocuments(t.Context(), []Document{{Kind: "draft", ID: "e", Under: under, Body: []byte("x")}}); !errors.Is(err, ErrInvalid) {
				t.Errorf("under %.20q: %v", under, err)
			}
		}
	})

	run("documents: one of many changes is lost, or none is written", func(t *testing.T, s Store) {
		put(t, s, Document{Kind: "code", ID: "once", Body: []byte("unused")})
		var won atomic.Int32
		var running sync.WaitGroup
		for n := range 50 {
			running.Go(func() {
				err := s.PutDocuments(t.Context(), []Document{
					{Kind: "code", ID: "once", Revision: 1, Body: []byte("used")},
					{Kind: "use", ID: fmt.Sprint(n), Body: []byte("by this one")},
				})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, ErrRevision):
					t.Error(err)
				}
			})
		}
		running.Wait()
		if n := won.Load(); n != 1 {
			t.Errorf("used %d times", n)
		}
		if got := ids(t, s, "use", "", ""); len(got) != 1 {
			t.Errorf("written with it: %q", got)
		}
		if err := s.PutDocuments(t.Context(), []Document{{Kind: "code", ID: "other", Revision: 1, Body: []byte("x")}}); !errors.Is(err, ErrRevision) {
			t.Errorf("over a revision that is not there: err = %v", err)
		}
	})

	run("documents in order", func(t *testing.T, s Store) {
		var docs []Document
		var want []string
		for n := range 3 * stepDocuments {
			id := fmt.Sprintf("x/%04d", n)
			docs, want = append(docs, Document{Kind: "row", ID: id, Body: []byte(id)}), append(want, id)
		}
		put(t, s, docs...)
		put(t, s, Document{Kind: "row", ID: "w", Body: []byte("w")}, Document{Kind: "row", ID: "y", Body: []byte("y")},
			Document{Kind: "ro", ID: "x/0", Body: []byte("z")}, Document{Kind: "rows", ID: "x/0", Body: []byte("z")})
		for _, x := range []struct {
			prefix, after string
			want          []string
		}{
			{"x/", "", want}, {"x/", want[299], want[300:]}, {"x/", "w", want}, {"x/", "y", nil}, {"x/", want[len(want)-1], nil},
			{"x/0001", "", want[1:2]}, {"z", "", nil}, {"", want[len(want)-1], []string{"y"}},
		} {
			if diff := cmp.Diff(x.want, ids(t, s, "row", x.prefix, x.after)); diff != "" {
				t.Errorf("prefix %q after %q (-want +got):\n%s", x.prefix, x.after, diff)
			}
		}
		if got := ids(t, s, "row", "", ""); len(got) != len(want)+2 {
			t.Errorf("all: %d", len(got))
		}
		for range s.Documents(t.Context(), "row", "", "") {
			break // and leave nothing locked
		}
	})

	run("documents that are none", func(t *testing.T, s Store) {
		long := strings.Repeat("k", maxKey+1)
		one := Document{Kind: "job", ID: "a", Body: []byte("1")}
		for name, docs := range map[string][]Document{
			"no kind":         {{ID: "a", Body: []byte("1")}},
			"no id":           {{Kind: "job", Body: []byte("1")}},
			"NUL in the kind": {{Kind: "job\x00a", ID: "b", Body: []byte("1")}},
			"long id":         {{Kind: "job", ID: long, Body: []byte("1")}},
			"no text":         {{Kind: "job", ID: "\xff", Body: []byte("1")}},
			"empty body":      {{Kind: "job", ID: "a", Body: []byte{}}},
			"large body":      {{Kind: "job", ID: "a", Body: make([]byte, maxBlob+1)}},
			"nothing removed": {{Kind: "job", ID: "a"}},
			"half seconds":    {{Kind: "job", ID: "a", Body: []byte("1"), Expires: now.Add(time.Second / 2)}},
			"twice":           {one, one},
		} {
			if err := s.PutDocuments(t.Context(), docs); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: err = %v, want %v", name, err, ErrInvalid)
			}
		}
		if got := ids(t, s, "job", "", ""); got != nil {
			t.Errorf("written: %q", got)
		}
	})
}

// One flipped byte of a document is noticed, by itself and by Check, and the
// others are still there.
func TestDamagedDocument(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	if err := s.PutDocuments(t.Context(), []Document{{Kind: "job", ID: "a", Body: []byte("sound")}, {Kind: "job", ID: "b", Body: []byte("whole")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bolt.Tx) error {
		b, key := tx.Bucket(bucketDocuments), documentKey("job", "a")
		stored := bytes.Clone(b.Get(key))
		stored[len(stored)-1] ^= 1
		return b.Put(key, stored)
	})
	s = reopen(t, path)
	defer s.Close()
	if _, err := s.Document(t.Context(), "job", "a"); !errors.Is(err, ErrDamaged) {
		t.Errorf("err = %v, want %v", err, ErrDamaged)
	}
	var found []string
	for d, err := range s.Documents(t.Context(), "job", "", "") {
		found = append(found, fmt.Sprint(d.ID, errors.Is(err, ErrDamaged)))
	}
	if diff := cmp.Diff([]string{"true", "bfalse"}, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if found := Check(context.Background(), s); len(found) != 1 || !errors.Is(found[0], ErrDamaged) {
		t.Errorf("check: %v", found)
	}
}
