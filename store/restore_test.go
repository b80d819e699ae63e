package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// lost is a store with a copy of it, and what happened after the copy: records
// 0 to 9 stand in both. In the copy 0 is suspended, 1 revoked, and 9 reserved.
// Since then 2 was revoked, 3 suspended, 4 suspended and revoked, 9 issued and
// revoked; 10 was issued, and 11 issued and revoked.
func lost(t *testing.T) (copied string, published []Publication, numbers uint64) {
	t.Helper()
	s := reopen(t, initStore(t))
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
	copied = filepath.Join(t.TempDir(), "copy.db")
	if err := Copy(t.Context(), s, copied); err != nil {
		t.Fatal(err)
	}

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

func TestRestore(t *testing.T) {
	path, published, lastNumber := lost(t)
	got, err := Restore(t.Context(), path, storeID, testKeys(), Restoration{At: restoredAt, Lists: published, Numbers: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Closed, []string{"r1", "s1"}) || !slices.Equal(got.Added, []string{"r2"}) || got.Strange != 3 ||
		len(got.Revoked) != 2 || len(got.Suspended) != 2 {
		t.Errorf("restored %+v", got)
	}
	s := reopen(t, path)
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
	again := filepath.Join(t.TempDir(), "again.db")
	if err := Copy(t.Context(), s, again); err != nil {
		t.Fatal(err)
	}
	second, err := Restore(t.Context(), again, storeID, testKeys(), Restoration{At: restoredAt.Add(time.Second), Forget: true, Numbers: 1000})
	if err != nil || second.Epoch == got.Epoch {
		t.Fatalf("again: %+v, %v", second, err)
	}
	s = reopen(t, again)
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
func TestRestoreRefuses(t *testing.T) {
	copied, published, _ := lost(t)
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
			data, err := os.ReadFile(copied)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "store.db")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			before := sha256.Sum256(data)
			tt.how.At = restoredAt
			if _, err := Restore(t.Context(), path, storeID, testKeys(), tt.how); !errors.Is(err, tt.want) {
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			after, err := os.ReadFile(path)
			if changed := sha256.Sum256(after) != before; err != nil || tt.want != nil && changed {
				t.Errorf("the file was changed: %v, %v", changed, err)
			}
		})
	}
	if _, err := Restore(t.Context(), copied, "other", testKeys(), Restoration{Forget: true, At: restoredAt}); !errors.Is(err, ErrForeign) {
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
			path, published, _ := lost(t)
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
	path, published, _ := lost(t)
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
