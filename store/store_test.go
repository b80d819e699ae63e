package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"indeks/alike"
	"indeks/status"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// CheckStore is called at the end of each test with the store it worked on.
func CheckStore(t interface {
	Helper()
	Errorf(string, ...any)
}, s Store) {
	t.Helper()
	ctx := context.Background()
	for _, err := range Check(ctx, s) {
		t.Errorf("check: %v", err)
	}
	for r, err := range s.Records(ctx, "") {
		if err != nil {
			continue // Check has said so
		}
		for name, find := range map[string]func() (Record, error){
			"Get":      func() (Record, error) { return s.Get(ctx, r.ID) },
			"Lookup":   func() (Record, error) { return s.Lookup(ctx, r.Key) },
			"ByPublic": func() (Record, error) { return s.ByPublic(ctx, r.Public) },
			"ByLink":   func() (Record, error) { return s.ByLink(ctx, r.Link) },
			"ByNumber": func() (Record, error) { return s.ByNumber(ctx, r.Number) },
			"ByExternalID": func() (Record, error) {
				if r.ExternalID == "" {
					return r, nil
				}
				return s.ByExternalID(ctx, r.ExternalID)
			},
		} {
			if name == "Lookup" && r.Key == (Key{}) || name == "ByLink" && r.Link == "" {
				continue // it is erased
			}
			got, err := find()
			if r.Erased(Register) && errors.Is(err, ErrErased) {
				err = nil
			}
			if err != nil || got.ID != r.ID {
				t.Errorf("%s of record %s: %s, %v", name, r.ID, got.ID, err)
			}
		}
	}
}

// draft makes the n-th record of a test, with entries in the lists given.
func draft(n int, lists ...List) Record {
	r := Record{
		ID:          fmt.Sprintf("urn:credential:%08d", n),
		Key:         sha256.Sum256(fmt.Appendf(nil, "key %d", n)),
		RequestHash: sha256.Sum256(fmt.Appendf(nil, "request %d", n)),
		Public:      fmt.Sprintf("PUBLIC%020d", n),
		Link:        fmt.Sprintf("LINK%022d", n),
		Number:      fmt.Sprintf("MC-2026-%05d", n),
		SealingTime: now,
		KeyID:       "did:web:uni.example#key",
		Forms: map[string]Sealed{
			"edc": {Payload: fmt.Appendf(nil, `{"edc":%d}`, n)},
			"vc2": {Payload: fmt.Appendf(nil, `{"vc2":%d}`, n)},
		},
		Course:       "data-stewardship",
		Title:        "Управљање подацима",
		FamilyName:   "Primer",
		GivenName:    "Ana",
		AwardingDate: "2026-05-30",
		Assessment:   &Assessment{Result: fmt.Sprint(5 + n%6), PriorLearning: "none"},
	}
	for _, list := range lists {
		r.Entries = append(r.Entries, Entry{List: list.ID, Index: uint64(n), Purpose: list.Purpose})
	}
	return r
}

func tokens(r Record) map[string]alike.Text {
	m := map[string]alike.Text{}
	for profile, form := range r.Forms {
		m[profile] = alike.Whole(append([]byte("sealed "+rand.Text()+" "), form.Payload...))
	}
	return m
}

func openLists(t testing.TB, s Store) (revocation, suspension List) {
	t.Helper()
	revocation, err := s.OpenList(t.Context(), status.Revocation, now)
	if err != nil {
		t.Fatal(err)
	}
	suspension, err = s.OpenList(t.Context(), status.Suspension, now)
	if err != nil {
		t.Fatal(err)
	}
	return revocation, suspension
}

// issue reserves and commits a record.
func issue(t testing.TB, s Store, r Record) Record {
	t.Helper()
	r, err := s.Reserve(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r, err = s.Commit(t.Context(), r.ID, tokens(r))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// testStore is the contract: what every Store must pass. open gives an empty one.
func testStore(t *testing.T, open func(t *testing.T) Store) {
	run := func(name string, test func(t *testing.T, s Store)) {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if err := s.Writable(); err != nil {
				t.Error(err)
			}
			test(t, s)
			CheckStore(t, s)
		})
	}

	run("issue", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		given := draft(1, revocation, suspension)
		given.ExternalID, given.Batch = "exam/2026/0001", "20260601-ABCDEF"
		reserved, err := s.Reserve(t.Context(), given)
		if err != nil {
			t.Fatal(err)
		}
		want := given
		want.State = Reserved
		if diff := cmp.Diff(want, reserved); diff != "" {
			t.Errorf("reserved record (-want +got):\n%s", diff)
		}
		if got, err := s.Get(t.Context(), given.ID); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("reserved and read (-want +got): %v\n%s", err, cmp.Diff(want, got))
		}

		sealed := tokens(given)
		issued, err := s.Commit(t.Context(), given.ID, sealed)
		if err != nil {
			t.Fatal(err)
		}
		want.State = Issued
		want.Forms = map[string]Sealed{}
		for profile, form := range given.Forms {
			want.Forms[profile] = Sealed{Payload: form.Payload, Token: sealed[profile].Rest, SHA256: sha256.Sum256(sealed[profile].Rest)}
		}
		if diff := cmp.Diff(want, issued); diff != "" {
			t.Errorf("issued record (-want +got):\n%s", diff)
		}
		for name, find := range map[string]func() (Record, error){
			"Get":          func() (Record, error) { return s.Get(t.Context(), given.ID) },
			"Lookup":       func() (Record, error) { return s.Lookup(t.Context(), given.Key) },
			"ByPublic":     func() (Record, error) { return s.ByPublic(t.Context(), given.Public) },
			"ByLink":       func() (Record, error) { return s.ByLink(t.Context(), given.Link) },
			"ByNumber":     func() (Record, error) { return s.ByNumber(t.Context(), given.Number) },
			"ByExternalID": func() (Record, error) { return s.ByExternalID(t.Context(), given.ExternalID) },
		} {
			got, err := find()
			if err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%s (-want +got): %v\n%s", name, err, cmp.Diff(want, got))
			}
		}
	})

	run("not found", func(t *testing.T, s Store) {
		issue(t, s, draft(1))
		for name, find := range map[string]func() (Record, error){
			"Get":               func() (Record, error) { return s.Get(t.Context(), "urn:credential:2") },
			"Get none":          func() (Record, error) { return s.Get(t.Context(), "") },
			"Lookup":            func() (Record, error) { return s.Lookup(t.Context(), Key{2}) },
			"ByPublic":          func() (Record, error) { return s.ByPublic(t.Context(), "PUBLIC") },
			"ByLink":            func() (Record, error) { return s.ByLink(t.Context(), "") },
			"ByNumber":          func() (Record, error) { return s.ByNumber(t.Context(), "MC-2026-1") },
			"ByExternalID":      func() (Record, error) { return s.ByExternalID(t.Context(), "none") },
			"ByExternalID none": func() (Record, error) { return s.ByExternalID(t.Context(), "") },
			"Commit": func() (Record, error) {
				return s.Commit(t.Context(), "no", map[string]alike.Text{"edc": alike.Whole([]byte{1})})
			},
			"Change": func() (Record, error) { return s.Change(t.Context(), "no", Change{At: now, State: Revoked}) },
			"Records": func() (Record, error) {
				for _, err := range s.Records(t.Context(), "no") {
					return Record{}, err
				}
				return Record{}, nil
			},
			"Bits":    func() (Record, error) { _, _, err := s.Bits(t.Context(), "r9"); return Record{}, err },
			"Publish": func() (Record, error) { return Record{}, s.Publish(t.Context(), "r9", 1, []byte("t"), now) },
		} {
			if _, err := find(); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: err = %v, want %v", name, err, ErrNotFound)
			}
		}
	})

	run("same key", func(t *testing.T, s Store) {
		revocation, _ := openLists(t, s)
		first := draft(1, revocation)
		if _, err := s.Reserve(t.Context(), first); err != nil {
			t.Fatal(err)
		}

		// Still reserved: taken over with its own payloads, whatever the second brought.
		second := draft(2, revocation)
		second.Key, second.RequestHash = first.Key, first.RequestHash
		got, err := s.Reserve(t.Context(), second)
		if err != nil || got.ID != first.ID || got.State != Reserved || !bytes.Equal(got.Forms["vc2"].Payload, first.Forms["vc2"].Payload) {
			t.Fatalf("taken over: %+v, %v", got, err)
		}

		// Sealed: returned with its tokens; the first tokens count.
		sealed, err := s.Commit(t.Context(), first.ID, tokens(first))
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Commit(t.Context(), first.ID, tokens(first))
		if err != nil || cmp.Diff(sealed, again) != "" {
			t.Errorf("second Commit (-first +second): %v\n%s", err, cmp.Diff(sealed, again))
		}
		got, err = s.Reserve(t.Context(), second)
		if err != nil || cmp.Diff(sealed, got) != "" {
			t.Errorf("Reserve of what is sealed (-sealed +got): %v\n%s", err, cmp.Diff(sealed, got))
		}

		second.RequestHash[0]++
		if _, err := s.Reserve(t.Context(), second); !errors.Is(err, ErrConflict) {
			t.Errorf("another request with the same key: err = %v, want %v", err, ErrConflict)
		}
		if _, err := s.Get(t.Context(), second.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the loser is on record: %v", err)
		}
	})

	run("used once", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		first := draft(1, revocation, suspension)
		first.ExternalID = "exam/1"
		issue(t, s, first)
		for name, tt := range map[string]struct {
			edit func(*Record)
			want error
		}{
			"id":                {func(r *Record) { r.ID = first.ID }, ErrIDTaken},
			"public":            {func(r *Record) { r.Public = first.Public }, ErrIDTaken},
			"link":              {func(r *Record) { r.Link = first.Link }, ErrIDTaken},
			"number":            {func(r *Record) { r.Number = first.Number }, ErrNumberTaken},
			"external id":       {func(r *Record) { r.ExternalID = first.ExternalID }, ErrExternalTaken},
			"long external id":  {func(r *Record) { r.ExternalID = strings.Repeat("x", maxKey+1) }, ErrInvalid},
			"revocation index":  {func(r *Record) { r.Entries[0].Index = 1 }, ErrIndexTaken},
			"suspension index":  {func(r *Record) { r.Entries[1].Index = 1 }, ErrIndexTaken},
			"index of its own":  {func(r *Record) { r.Entries[1] = r.Entries[0] }, ErrIndexTaken},
			"another purpose":   {func(r *Record) { r.Entries = r.Entries[:1]; r.Entries[0].Purpose = status.Suspension }, ErrInvalid},
			"unknown list":      {func(r *Record) { r.Entries[0].List = "r9" }, ErrInvalid},
			"no list":           {func(r *Record) { r.Entries[0].List = "" }, ErrInvalid},
			"index outside":     {func(r *Record) { r.Entries[0].Index = status.MinSize }, ErrInvalid},
			"purpose twice":     {func(r *Record) { r.Entries[1] = r.Entries[0]; r.Entries[1].Index++ }, ErrInvalid},
			"no id":             {func(r *Record) { r.ID = "" }, ErrInvalid},
			"no number":         {func(r *Record) { r.Number = "" }, ErrInvalid},
			"no key":            {func(r *Record) { r.Key = Key{} }, ErrInvalid},
			"no form":           {func(r *Record) { r.Forms = nil }, ErrInvalid},
			"no payload":        {func(r *Record) { r.Forms = map[string]Sealed{"edc": {}} }, ErrInvalid},
			"token":             {func(r *Record) { r.Forms = map[string]Sealed{"edc": {Payload: []byte("p"), Token: []byte("t")}} }, ErrInvalid},
			"not UTF-8":         {func(r *Record) { r.FamilyName = "Primer\xff" }, ErrInvalid},
			"parts of a second": {func(r *Record) { r.SealingTime = now.Add(time.Millisecond) }, ErrInvalid},
			"local time":        {func(r *Record) { r.SealingTime = now.In(time.FixedZone("", 3600)) }, ErrInvalid},
			"no sealing time":   {func(r *Record) { r.SealingTime = time.Time{} }, ErrInvalid},
			"revoked":           {func(r *Record) { r.State = Revoked }, ErrInvalid},
			"changed":           {func(r *Record) { r.Changes = []Change{{At: now, State: Revoked}} }, ErrInvalid},
		} {
			r := draft(2, revocation, suspension)
			tt.edit(&r)
			if _, err := s.Reserve(t.Context(), r); !errors.Is(err, tt.want) {
				t.Errorf("%s: err = %v, want %v", name, err, tt.want)
			}
			if _, err := s.Lookup(t.Context(), r.Key); r.Key != (Key{}) && !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: refused, and yet on record: %v", name, err)
			}
		}
		issue(t, s, draft(2, revocation, suspension)) // nothing of it was used up
	})

	run("tokens cover the forms", func(t *testing.T, s Store) {
		r, err := s.Reserve(t.Context(), draft(1))
		if err != nil {
			t.Fatal(err)
		}
		one := alike.Whole([]byte("t"))
		for name, given := range map[string]map[string]alike.Text{
			"none":    nil,
			"one":     {"edc": one},
			"another": {"edc": one, "vc3": one},
			"more":    {"edc": one, "vc2": one, "vc3": one},
			"empty":   {"edc": one, "vc2": {}},
		} {
			if _, err := s.Commit(t.Context(), r.ID, given); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: err = %v, want %v", name, err, ErrInvalid)
			}
		}
		if got, err := s.Get(t.Context(), r.ID); err != nil || got.State != Reserved {
			t.Errorf("state %s, %v", got.State, err)
		}
	})

	run("records in order", func(t *testing.T, s Store) {
		const n = 300 // more than one step
		var want []string
		for i := range n {
			r, err := s.Reserve(t.Context(), draft(n-i))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, r.ID)
			if i%3 != 0 {
				if _, err := s.Commit(t.Context(), r.ID, tokens(r)); err != nil {
					t.Fatal(err)
				}
			}
		}
		ids := func(after string) (ids []string) {
			for r, err := range s.Records(t.Context(), after) {
				if err != nil {
					t.Fatal(err)
				}
				for profile, form := range r.Forms {
					if form.Payload != nil || form.Token != nil {
						t.Fatalf("%s of %s is read", profile, r.ID)
					}
				}
				ids = append(ids, r.ID)
			}
			return ids
		}
		if diff := cmp.Diff(want, ids("")); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want[130:], ids(want[129])); diff != "" {
			t.Errorf("after the 130th (-want +got):\n%s", diff)
		}
		if got := ids(want[n-1]); got != nil {
			t.Errorf("after the last: %q", got)
		}
		var pending []string
		for r, err := range s.Pending(t.Context()) {
			if err != nil || r.State != Reserved || len(r.Forms["edc"].Payload) == 0 {
				t.Fatalf("pending %+v, %v", r, err)
			}
			pending = append(pending, r.ID)
		}
		if len(pending) != n/3 {
			t.Errorf("%d pending, want %d", len(pending), n/3)
		}

		// No lock between steps: what one pass sees may be changed by it.
		for r, err := range s.Pending(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), r.ID, tokens(r)); err != nil {
				t.Fatal(err)
			}
		}
		for r := range s.Pending(t.Context()) {
			t.Errorf("%s is still pending", r.ID)
		}
	})

	run("numbers", func(t *testing.T, s Store) {
		for _, tt := range []struct {
			series string
			n      int
			want   uint64
		}{{"MC-2026", 1, 1}, {"MC-2026", 250, 2}, {"MC-2026", 1, 252}, {"MC-2027", 3, 1}, {"MC-2026", 1_000_000, 253}, {"MC-2026", 1, 1_000_253}} {
			if got, err := s.Numbers(t.Context(), tt.series, tt.n); got != tt.want || err != nil {
				t.Errorf("Numbers(%s, %d) = %d, %v, want %d", tt.series, tt.n, got, err, tt.want)
			}
		}
		for _, n := range []int{0, -1, 1_000_001} {
			if _, err := s.Numbers(t.Context(), "MC-2026", n); !errors.Is(err, ErrInvalid) {
				t.Errorf("Numbers(%d): err = %v, want %v", n, err, ErrInvalid)
			}
		}
	})

	run("states", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		r, err := s.Reserve(t.Context(), draft(1, revocation, suspension))
		if err != nil {
			t.Fatal(err)
		}
		bits := func() (revoked, suspended bool) {
			for id, on := range map[string]*bool{revocation.ID: &revoked, suspension.ID: &suspended} {
				list, _, err := s.Bits(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if *on, err = list.Get(1); err != nil {
					t.Fatal(err)
				}
			}
			return revoked, suspended
		}
		if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Revoked}); !errors.Is(err, ErrState) {
			t.Errorf("revoking what is reserved: err = %v", err)
		}
		if _, err := s.Commit(t.Context(), r.ID, tokens(r)); err != nil {
			t.Fatal(err)
		}
		for i, step := range []struct {
			to                 State
			want               error
			changes            int
			revoked, suspended bool
		}{
			{Issued, nil, 0, false, false},
			{Suspended, nil, 1, false, true},
			{Suspended, nil, 1, false, true},
			{Issued, nil, 2, false, false},
			{Reserved, ErrInvalid, 2, false, false},
			{"lost", ErrInvalid, 2, false, false},
			{Suspended, nil, 3, false, true},
			{Revoked, nil, 4, true, true}, // the suspension was never lifted
			{Revoked, nil, 4, true, true},
			{Issued, ErrState, 4, true, true},
			{Suspended, ErrState, 4, true, true},
		} {
			c := Change{At: now.Add(time.Duration(i) * time.Hour), State: step.to, Reason: "decision 7", By: "registrar"}
			if _, err := s.Change(t.Context(), r.ID, c); !errors.Is(err, step.want) {
				t.Errorf("step %d to %s: err = %v, want %v", i, step.to, err, step.want)
			}
			got, err := s.Get(t.Context(), r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Changes) != step.changes {
				t.Errorf("step %d to %s: %d changes, want %d", i, step.to, len(got.Changes), step.changes)
			} else if step.want == nil && step.changes > 0 && got.State != step.to {
				t.Errorf("step %d to %s: state %s", i, step.to, got.State)
			}
			if revoked, suspended := bits(); revoked != step.revoked || suspended != step.suspended {
				t.Errorf("step %d to %s: bits %t %t, want %t %t", i, step.to, revoked, suspended, step.revoked, step.suspended)
			}
		}
		for _, c := range []Change{{State: Revoked}, {At: now, State: Revoked, Reason: "\xff"}} {
			if _, err := s.Change(t.Context(), r.ID, c); !errors.Is(err, ErrInvalid) {
				t.Errorf("%+v: err = %v, want %v", c, err, ErrInvalid)
			}
		}

		// What no list can show is no state.
		bare := issue(t, s, draft(2))
		for _, to := range []State{Suspended, Revoked} {
			if _, err := s.Change(t.Context(), bare.ID, Change{At: now, State: to}); !errors.Is(err, ErrState) {
				t.Errorf("%s without an entry: err = %v, want %v", to, err, ErrState)
			}
		}
	})

	run("superseding", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		instead := func(n int, of string, change Change) Record {
			r := draft(n, revocation, suspension)
			r.Supersedes = &Supersession{ID: of, Change: change}
			return r
		}
		why := Change{At: now, State: Revoked, Code: "error-in-data", Reason: "the date was wrong", By: "registrar"}
		state := func(id string, want State) Record {
			t.Helper()
			r, err := s.Get(t.Context(), id)
			if err != nil || r.State != want {
				t.Errorf("%s is %s, want %s: %v", id, r.State, want, err)
			}
			return r
		}

		// Nothing changes while the new one is but an intent; then both change at once.
		old := issue(t, s, draft(1, revocation, suspension))
		first, err := s.Reserve(t.Context(), instead(2, old.ID, why))
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.Reserve(t.Context(), instead(3, old.ID, why))
		if err != nil {
			t.Fatal(err)
		}
		state(old.ID, Issued)
		for range 2 { // the second time changes nothing
			if _, err := s.Commit(t.Context(), first.ID, tokens(first)); err != nil {
				t.Fatal(err)
			}
			want := why
			want.Successor = first.ID
			if got := state(old.ID, Revoked); cmp.Diff([]Change{want}, got.Changes) != "" {
				t.Errorf("changes (-want +got):\n%s", cmp.Diff([]Change{want}, got.Changes))
			}
			if got := state(first.ID, Issued); cmp.Diff(&Supersession{old.ID, why}, got.Supersedes) != "" {
				t.Errorf("supersedes %+v", got.Supersedes)
			}
		}
		if bits, _, err := s.Bits(t.Context(), revocation.ID); err != nil {
			t.Error(err)
		} else if on, _ := bits.Get(1); !on {
			t.Error("the bit of what was superseded is not set")
		}

		// One successor, and none for what is withdrawn, on hold, reserved or unknown.
		if _, err := s.Commit(t.Context(), second.ID, tokens(second)); !errors.Is(err, ErrState) {
			t.Errorf("a second successor: err = %v, want %v", err, ErrState)
		}
		state(second.ID, Reserved)
		held := issue(t, s, draft(4, revocation, suspension))
		third, err := s.Reserve(t.Context(), instead(5, held.ID, why))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Change(t.Context(), held.ID, Change{At: now, State: Suspended}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), third.ID, tokens(third)); !errors.Is(err, ErrState) {
			t.Errorf("a successor of what was put on hold meanwhile: err = %v, want %v", err, ErrState)
		}
		state(held.ID, Suspended)
		for n, c := range []struct {
			of     string
			change Change
			want   error
		}{
			{old.ID, why, ErrState}, {held.ID, why, ErrState}, {second.ID, why, ErrState}, {"urn:credential:none", why, ErrNotFound},
			{"", why, ErrInvalid}, {first.ID, Change{At: now, State: Suspended}, ErrInvalid}, {first.ID, Change{State: Revoked}, ErrInvalid},
			{first.ID, Change{At: now, State: Revoked, Successor: "urn:credential:other"}, ErrInvalid},
		} {
			if _, err := s.Reserve(t.Context(), instead(10+n, c.of, c.change)); !errors.Is(err, c.want) {
				t.Errorf("superseding %q by %+v: err = %v, want %v", c.of, c.change, err, c.want)
			}
			if _, err := s.Get(t.Context(), draft(10+n).ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("superseding %q: the refused record is there: %v", c.of, err)
			}
		}
		if _, err := s.Change(t.Context(), first.ID, Change{At: now, State: Revoked, Successor: second.ID}); !errors.Is(err, ErrInvalid) {
			t.Errorf("a successor without its record: err = %v, want %v", err, ErrInvalid)
		}

		// Many take the place of one at the same time: one does.
		contested := issue(t, s, draft(30, revocation, suspension))
		var won sync.Map
		var group sync.WaitGroup
		for n := range 8 {
			group.Go(func() {
				r, err := s.Reserve(t.Context(), instead(40+n, contested.ID, why))
				if err == nil {
					_, err = s.Commit(t.Context(), r.ID, tokens(r))
				}
				if err == nil {
					won.Store(r.ID, nil)
				} else if !errors.Is(err, ErrState) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		winners := 0
		won.Range(func(id, _ any) bool {
			winners++
			if got := state(contested.ID, Revoked); got.Changes[0].Successor != id {
				t.Errorf("successor %s, won by %s", got.Changes[0].Successor, id)
			}
			return true
		})
		if winners != 1 {
			t.Errorf("%d records took the place of one", winners)
		}
	})

	run("publishing", func(t *testing.T, s Store) {
		list, _ := openLists(t, s)
		if list.ID != "r1" || list.Sequence != 0 || list.Published != nil {
			t.Errorf("new list %+v", list)
		}
		publish := func(sequence uint64, token string, want error) {
			t.Helper()
			if err := s.Publish(t.Context(), list.ID, sequence, []byte(token), now.Add(time.Minute)); !errors.Is(err, want) {
				t.Errorf("Publish(%d): err = %v, want %v", sequence, err, want)
			}
		}
		publish(0, "t", ErrSequence)
		publish(2, "t", ErrSequence)
		publish(1, "first", nil)
		publish(1, "late", ErrSequence)
		publish(2, "second", nil)
		publish(2, "late", ErrSequence)
		publish(4, "early", ErrSequence)
		publish(3, "", ErrInvalid)
		_, got, err := s.Bits(t.Context(), list.ID)
		want := List{ID: "r1", Purpose: status.Revocation, Opened: now, Sequence: 2, Published: []byte("second"), ValidFrom: now.Add(time.Minute)}
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("list (-want +got): %v\n%s", err, cmp.Diff(want, got))
		}
		lists, err := s.Lists(t.Context())
		if err != nil || len(lists) != 2 || cmp.Diff(want, lists[0]) != "" || lists[1].ID != "s1" {
			t.Errorf("lists %+v, %v", lists, err)
		}
		if again, err := s.OpenList(t.Context(), status.Revocation, now.Add(time.Hour)); err != nil || cmp.Diff(want, again) != "" {
			t.Errorf("open list (-want +got): %v\n%s", err, cmp.Diff(want, again))
		}
		if _, err := s.OpenList(t.Context(), "message", now); !errors.Is(err, ErrInvalid) {
			t.Errorf("purpose message: err = %v", err)
		}
	})

	run("one key, many callers", func(t *testing.T, s Store) {
		revocation, _ := openLists(t, s)
		const callers = 32
		var group sync.WaitGroup
		var got [callers]Record
		for i := range callers {
			group.Go(func() {
				r := draft(i, revocation)
				r.Key, r.RequestHash = Key{1}, [32]byte{1}
				r, err := s.Reserve(t.Context(), r)
				if err != nil {
					t.Errorf("caller %d: %v", i, err)
					return
				}
				got[i], err = s.Commit(t.Context(), r.ID, tokens(r))
				if err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		group.Wait()
		for i := range got {
			if diff := cmp.Diff(got[0], got[i]); diff != "" {
				t.Fatalf("callers 0 and %d have different records:\n%s", i, diff)
			}
		}
		n := 0
		for range s.Records(t.Context(), "") {
			n++
		}
		if n != 1 {
			t.Errorf("%d records, want 1", n)
		}
	})

	run("one index, number and list, many callers", func(t *testing.T, s Store) {
		const callers = 32
		var group sync.WaitGroup
		var mu sync.Mutex
		won, drawn := 0, map[uint64]bool{}
		for i := range callers {
			group.Go(func() {
				list, err := s.OpenList(t.Context(), status.Revocation, now)
				if err != nil {
					t.Error(err)
					return
				}
				r := draft(i, list)
				r.Entries[0].Index = 4242
				_, err = s.Reserve(t.Context(), r)
				first, errNumbers := s.Numbers(t.Context(), "MC", 5)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !errors.Is(err, ErrIndexTaken) {
					t.Error(err)
				}
				if errNumbers != nil || drawn[first] || first%5 != 1 {
					t.Errorf("numbers from %d: %v", first, errNumbers)
				}
				drawn[first] = true
			})
		}
		group.Wait()
		lists, err := s.Lists(t.Context())
		if won != 1 || len(lists) != 1 || err != nil {
			t.Errorf("%d callers have the index, %d lists, %v", won, len(lists), err)
		}
	})

	run("ended context", func(t *testing.T, s Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Reserve(ctx, draft(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("Reserve: err = %v", err)
		}
		if _, err := s.Get(ctx, "no"); !errors.Is(err, context.Canceled) {
			t.Errorf("Get: err = %v", err)
		}
		issue(t, s, draft(1)) // nothing written, nothing broken
	})

	testCourses(run)
	testDocuments(run)
	testCounters(run)
	testShares(run)
	testKept(run)
	testBases(run)
	testSearch(run)
	testErase(run)
	testDelivery(run)
	testLogs(run)

	run("state machine", func(t *testing.T, s Store) {
		base := 0
		revocation, suspension := openLists(t, s)
		rapid.Check(t, func(rt *rapid.T) {
			base += 100
			machine(rt, s, base, revocation, suspension)
		})
	})
}

// machine drives a store and a map side by side.
func machine(t *rapid.T, s Store, base int, revocation, suspension List) {
	ctx := context.Background()
	model := map[int]*Record{}
	pick := rapid.IntRange(0, 4)
	t.Repeat(map[string]func(*rapid.T){
		"reserve": func(t *rapid.T) {
			n := pick.Draw(t, "n")
			r, err := s.Reserve(ctx, draft(base+n, revocation, suspension))
			if err != nil {
				t.Fatal(err)
			}
			if model[n] == nil {
				model[n] = &Record{State: Reserved}
			}
			if r.State != model[n].State {
				t.Fatalf("state %s, want %s", r.State, model[n].State)
			}
		},
		"commit": func(t *rapid.T) {
			n := pick.Draw(t, "n")
			r := draft(base + n)
			got, err := s.Commit(ctx, r.ID, tokens(r))
			if m := model[n]; m == nil {
				if !errors.Is(err, ErrNotFound) {
					t.Fatalf("err = %v, want %v", err, ErrNotFound)
				}
				return
			} else if m.State == Reserved {
				m.State, m.Forms = Issued, got.Forms
			}
			if err != nil || got.State != model[n].State || !maps.EqualFunc(got.Forms, model[n].Forms, func(a, b Sealed) bool { return bytes.Equal(a.Token, b.Token) }) {
				t.Fatalf("committed: %s, %v", got.State, err)
			}
		},
		"change": func(t *rapid.T) {
			n, to := pick.Draw(t, "n"), rapid.SampledFrom([]State{Issued, Suspended, Revoked}).Draw(t, "to")
			_, err := s.Change(ctx, draft(base+n).ID, Change{At: now, State: to})
			m := model[n]
			switch {
			case m == nil:
				if !errors.Is(err, ErrNotFound) {
					t.Fatalf("err = %v, want %v", err, ErrNotFound)
				}
			case m.State == to:
				if err != nil {
					t.Fatal(err)
				}
			case m.State == Reserved || m.State == Revoked:
				if !errors.Is(err, ErrState) {
					t.Fatalf("%s to %s: err = %v, want %v", m.State, to, err, ErrState)
				}
			default:
				if err != nil {
					t.Fatal(err)
				}
				m.State = to
				m.Changes = append(m.Changes, Change{At: now, State: to})
			}
		},
		"": func(t *rapid.T) {
			revoked, _, err1 := s.Bits(ctx, revocation.ID)
			suspended, _, err2 := s.Bits(ctx, suspension.ID)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			for n, m := range model {
				got, err := s.Get(ctx, draft(base+n).ID)
				if err != nil || got.State != m.State || cmp.Diff(m.Changes, got.Changes) != "" {
					t.Fatalf("record %d: %s, %v; model %s\n%s", n, got.State, err, m.State, cmp.Diff(m.Changes, got.Changes))
				}
				r, _ := revoked.Get(uint64(base + n))
				u, _ := suspended.Get(uint64(base + n))
				wasSuspended := m.State == Suspended || m.State == Revoked && slices.ContainsFunc(m.Changes, func(c Change) bool { return c.State == Suspended }) &&
					m.Changes[len(m.Changes)-2].State == Suspended
				if r != (m.State == Revoked) || u != wasSuspended {
					t.Fatalf("record %d is %s; bits: revoked %t, suspended %t", n, m.State, r, u)
				}
			}
		},
	})
}
