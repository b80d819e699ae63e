package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
	"indeks/status"
)

// testLogs is the part of the contract about the audit log.
func testLogs(run func(name string, test func(t *testing.T, s Store))) {
	run("every change is logged", func(t *testing.T, s Store) {
		ctx := Acting(t.Context(), Actor{"API registry", "REQ1"})
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.OpenList(ctx, status.Revocation, now)
		must(err)
		other, err := s.OpenList(t.Context(), status.Suspension, now)
		must(err)
		r := draft(1, list, other)
		r.GivenName = "Vasilisa" // which no hash spells by chance
		for range 2 {            // what changes nothing is no event
			_, err := s.OpenList(ctx, status.Revocation, now)
			must(err)
			_, err = s.Reserve(ctx, r)
			must(err)
		}
		if _, err := s.Reserve(ctx, draft(2, list)); err != nil {
			t.Fatal(err)
		}
		taken := draft(3, list)
		taken.Number = r.Number
		if _, err := s.Reserve(ctx, taken); !errors.Is(err, ErrNumberTaken) {
			t.Fatal(err)
		}
		for range 2 {
			_, err := s.Commit(Acting(ctx, Actor{"API registry", "REQ2"}), r.ID, tokens(r))
			must(err)
		}
		for _, to := range []State{Suspended, Suspended, Issued, Revoked, Revoked} {
			_, err := s.Change(ctx, r.ID, Change{At: now, State: to, Reason: "Petar Petrović asked", By: "Vera Primer"})
			must(err)
		}
		if _, err := s.Change(ctx, r.ID, Change{At: now, State: Issued}); !errors.Is(err, ErrState) {
			t.Fatal(err)
		}
		must(s.Publish(ctx, list.ID, 1, []byte("token"), now))
		for range 2 {
			_, err := s.PutCourse(ctx, Course{ID: "c", Version: "2", JSON: []byte("{}"), Published: true, Changed: now})
			must(err)
		}
		must(s.PutDocuments(ctx, []Document{{Kind: "job", ID: "7", Body: []byte("x")}}, Event{Kind: KindJobStarted, Object: "7"}))
		if err := s.PutDocuments(ctx, []Document{{Kind: "job", ID: "7", Body: []byte("x")}}, Event{Kind: KindJobEnded, Object: "7"}); !errors.Is(err, ErrRevision) {
			t.Fatal(err)
		}
		must(s.Append(t.Context(), Event{Kind: KindLoggedIn, Actor: "person 12", At: now, Object: "person 12", Result: "second factor", Digest: merkle.Hash{9}}, Event{Kind: KindExported}))
		_, err = s.Numbers(ctx, "MC", 3)
		must(err)
		must(s.PutDocuments(ctx, []Document{{Kind: "job", ID: "7", Revision: 1, Body: []byte("y")}}))

		type seen struct {
			Kind                           Kind
			Object, Result, Actor, Request string
		}
		want := []seen{
			{KindListOpened, "r1", "revocation", "API registry", "REQ1"},
			{KindListOpened, "s1", "suspension", "indeks", ""},
			{KindIntent, r.ID, "", "API registry", "REQ1"},
			{KindIntent, draft(2).ID, "", "API registry", "REQ1"},
			{KindIssued, r.ID, "", "API registry", "REQ2"},
			{KindSuspended, r.ID, "", "API registry", "REQ1"},
			{KindReinstated, r.ID, "", "API registry", "REQ1"},
			{KindRevoked, r.ID, "", "API registry", "REQ1"},
			{KindListPublished, "r1", "sequence 1", "API registry", "REQ1"},
			{KindCoursePut, "c", "version 2, published", "API registry", "REQ1"},
			{KindJobStarted, "7", "", "API registry", "REQ1"},
			{KindLoggedIn, "person 12", "second factor", "person 12", ""},
			{KindExported, "", "", "indeks", ""},
		}
		var got []seen
		for e := range entries(t, s) {
			if e.Kind == KindLogOpened {
				continue
			}
			if e.Program == "" || e.At.IsZero() || (e.Kind == KindLoggedIn) != e.At.Equal(now) {
				t.Errorf("entry %+v", e)
			}
			got = append(got, seen{e.Kind, e.Object, e.Result, e.Actor, e.Request})
			if text := fmt.Sprintf("%+v", e); strings.Contains(text, "Primer") || strings.Contains(text, "Petar") || strings.Contains(text, r.GivenName) {
				t.Errorf("somebody is named in %s", text)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})

	run("events that are none", func(t *testing.T, s Store) {
		long := strings.Repeat("x", 257)
		for name, ev := range map[string]Event{
			"no kind":      {},
			"unknown kind": {Kind: "lunch"},
			"derived":      {Kind: KindIssued},
			"long object":  {Kind: KindLoggedIn, Object: long},
			"long result":  {Kind: KindLoggedIn, Result: long},
			"long actor":   {Kind: KindLoggedIn, Actor: long},
			"not UTF-8":    {Kind: KindLoggedIn, Request: "\xff"},
		} {
			if err := s.Append(t.Context(), Event{Kind: KindLoggedIn}, ev); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: err = %v, want %v", name, err, ErrInvalid)
			}
		}
		for e := range entries(t, s) {
			if e.Kind != KindLogOpened {
				t.Errorf("logged all the same: %+v", e)
			}
		}
	})

	run("a credential is proved to be on the log", func(t *testing.T, s Store) {
		for i := range 5 {
			issue(t, s, draft(i))
		}
		place, err := s.Logged(t.Context(), draft(3).ID)
		if err != nil {
			t.Fatal(err)
		}
		size, read := tree(t, s, place.Log)
		root, err := merkle.Root(size, read)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.LogEntry(t.Context(), place.Log, place.Index)
		if err != nil || e.Kind != KindIssued || e.Object != draft(3).ID {
			t.Fatalf("%+v, %v", e, err)
		}
		for form, sealed := range draft(3).Forms {
			p := e.Proof(form)
			p.Size = size
			if p.Hashes, err = merkle.Inclusion(size, place.Index, read); err != nil {
				t.Fatal(err)
			}
			said, err := p.Check(root, sha256.Sum256(sealed.Payload))
			if err != nil || said.Credential != draft(3).ID || said.KeyID != draft(3).KeyID || !said.At.Equal(now) {
				t.Errorf("%s: %+v, %v", form, said, err)
			}
			for other, sealed := range draft(3).Forms {
				if _, err := p.Check(root, sha256.Sum256(sealed.Payload)); other != form && !errors.Is(err, merkle.ErrProof) {
					t.Errorf("the proof of %s serves for %s: %v", form, other, err)
				}
			}
		}
		if _, err := s.Reserve(t.Context(), draft(9)); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{draft(9).ID, "urn:credential:none"} {
			if _, err := s.Logged(t.Context(), id); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: err = %v, want %v", id, err, ErrNotFound)
			}
		}
		some, err := s.Places(t.Context(), []string{draft(9).ID, draft(3).ID, "urn:credential:none", "", "\x00", draft(3).ID})
		if want := map[string]Place{draft(3).ID: place}; err != nil || !maps.Equal(some, want) {
			t.Errorf("places %v, want %v: %v", some, want, err)
		}
		if some, err := s.Places(t.Context(), nil); err != nil || len(some) > 0 {
			t.Errorf("places of none: %v, %v", some, err)
		}
		for log, index := range map[string]uint64{place.Log: 1 << 40, "none": 0} {
			if _, err := s.LogEntry(t.Context(), log, index); !errors.Is(err, ErrNotFound) {
				t.Errorf("entry %d of log %s: err = %v, want %v", index, log, err, ErrNotFound)
			}
		}
	})

	run("heads", func(t *testing.T, s Store) {
		for i := range 3 {
			issue(t, s, draft(i))
		}
		place, err := s.Logged(t.Context(), draft(2).ID)
		if err != nil {
			t.Fatal(err)
		}
		log := place.Log
		if _, err := s.LastHead(t.Context(), log); !errors.Is(err, ErrNotFound) {
			t.Errorf("before any: %v", err)
		}
		size, read := tree(t, s, log)
		head := func(size uint64, token string) Head {
			root, err := merkle.Root(size, read)
			if err != nil {
				t.Fatal(err)
			}
			return Head{Log: log, Size: size, Root: root, At: now, KeyID: "key", Token: []byte(token)}
		}
		var want []Head
		for _, n := range []uint64{2, size - 1, size} {
			for _, token := range []string{"first", "second"} {
				got, err := s.PutHead(t.Context(), head(n, token))
				if err != nil || string(got.Token) != "first" {
					t.Errorf("size %d: %s, %v", n, got.Token, err)
				}
			}
			want = append(want, head(n, "first"))
		}
		var got []Head
		for h, err := range s.Heads(t.Context(), log, 0) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, h)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("heads (-want +got):\n%s", diff)
		}
		for h, err := range s.Heads(t.Context(), log, 3) {
			if err != nil || h.Size != size-1 {
				t.Errorf("the first of 3 entries or more has %d, %v", h.Size, err)
			}
			break
		}
		if last, err := s.LastHead(t.Context(), log); err != nil || last.Size != size {
			t.Errorf("last head %+v, %v", last, err)
		}
		other, larger, none := head(3, "t"), head(size, "t"), head(3, "t")
		other.Root[0]++
		larger.Size = size + 1
		none.Log = "none"
		for name, tt := range map[string]struct {
			h    Head
			want error
		}{"another root": {other, ErrForked}, "larger": {larger, ErrForked}, "another log": {none, ErrNotFound}, "empty": {Head{Log: log}, ErrInvalid}} {
			if _, err := s.PutHead(t.Context(), tt.h); !errors.Is(err, tt.want) {
				t.Errorf("%s: err = %v, want %v", name, err, tt.want)
			}
		}
		if n := entryCount(t, s); n != size {
			t.Errorf("heads are entries: %d, were %d", n, size)
		}
	})
}

// entries yields the entries of all logs.
func entries(t testing.TB, s Store) func(yield func(LogEntry) bool) {
	return func(yield func(LogEntry) bool) {
		logs, err := s.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, log := range logs {
			for e, err := range s.LogEntries(t.Context(), log.Name, 0) {
				if err != nil {
					t.Fatal(err)
				}
				if !yield(e) {
					return
				}
			}
		}
	}
}

func entryCount(t testing.TB, s Store) (n uint64) {
	for range entries(t, s) {
		n++
	}
	return n
}

// tree is the tree of a log.
func tree(t testing.TB, s Store, name string) (size uint64, read merkle.Reader) {
	t.Helper()
	logs, err := s.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range logs {
		if log.Name == name {
			return log.Size, func(places []int64) ([]merkle.Hash, error) { return s.LogHashes(t.Context(), name, places) }
		}
	}
	t.Fatalf("no log %q", name)
	return 0, nil
}

// onRecord is what a store holds beside its log.
func onRecord(t testing.TB, s Store) (all struct {
	States    map[string]State
	Lists     []List
	Courses   []Course
	Documents []Document
}) {
	t.Helper()
	all.States = map[string]State{}
	for r, err := range s.Records(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all.States[r.ID] = r.State
	}
	for d, err := range s.Documents(t.Context(), "a", "", "") {
		if err != nil {
			t.Fatal(err)
		}
		all.Documents = append(all.Documents, d)
	}
	var err1, err2 error
	all.Lists, err1 = s.Lists(t.Context())
	all.Courses, err2 = s.Courses(t.Context())
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return all
}

// Where the audit log cannot be written, nothing is issued, revoked or changed.
func TestNothingWithoutItsEvent(t *testing.T) {
	const tries = 100
	for name, breaks := range map[string]func(tx *bolt.Tx) error{
		"its name is lost":           func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Delete(logKey) },
		"it is lost":                 func(tx *bolt.Tx) error { return tx.Bucket(bucketLogs).Delete([]byte(firstLog)) },
		"an entry stands in the way": func(tx *bolt.Tx) error { return tx.Bucket(bucketLogEntries).SetSequence(3) },
		"its tree is damaged": func(tx *bolt.Tx) error {
			bucket := tx.Bucket(bucketLogHashes)
			return bucket.ForEach(func(k, v []byte) error {
				damaged := bytes.Clone(v)
				damaged[len(damaged)-1]++
				return bucket.Put(bytes.Clone(k), damaged)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := reopen(t, initStore(t))
			list, suspension := openLists(t, s)
			issue(t, s, draft(0, list, suspension))
			if _, err := s.Reserve(t.Context(), draft(1, list)); err != nil {
				t.Fatal(err)
			}
			before := onRecord(t, s)
			if err := s.db.Update(breaks); err != nil {
				t.Fatal(err)
			}
			for i := range tries {
				for what, do := range map[string]func() error{
					"Reserve": func() error { _, err := s.Reserve(t.Context(), draft(10+i, list)); return err },
					"Commit":  func() error { _, err := s.Commit(t.Context(), draft(1).ID, tokens(draft(1))); return err },
					"Revoke": func() error {
						_, err := s.Change(t.Context(), draft(0).ID, Change{At: now, State: Revoked})
						return err
					},
					"Suspend": func() error {
						_, err := s.Change(t.Context(), draft(0).ID, Change{At: now, State: Suspended})
						return err
					},
					"Publish": func() error { return s.Publish(t.Context(), list.ID, 1, []byte("t"), now) },
					"PutCourse": func() error {
						_, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte("{}"), Changed: now})
						return err
					},
					"PutDocuments": func() error {
						return s.PutDocuments(t.Context(), []Document{{Kind: "a", ID: "b", Body: []byte("x")}}, Event{Kind: KindJobStarted})
					},
					"PutDelivery": func() error {
						_, err := s.PutDelivery(t.Context(), draft(0).ID, "a@b.example", "another")
						return err
					},
					"Append": func() error { return s.Append(t.Context(), Event{Kind: KindLoggedIn}) },
				} {
					if err := do(); err == nil || isSentinel(err) {
						t.Fatalf("%s: err = %v, want one that says that the outcome is unknown", what, err)
					}
					if err := s.Writable(); !errors.Is(err, ErrReadOnly) {
						t.Fatalf("after %s the store is still written: %v", what, err)
					}
					s.failed = nil // as if it were opened anew
				}
			}
			if diff := cmp.Diff(before, onRecord(t, s)); diff != "" {
				t.Errorf("something was written (-before +after):\n%s", diff)
			}
			if len(Check(t.Context(), s)) == 0 {
				t.Error("Check finds nothing")
			}
		})
	}
}
