package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	bolt "go.etcd.io/bbolt"
)

var (
	fromRegister = Erasure{Class: Register, At: now, Reason: "GDPR 17(1)(d)", By: "registrar", Confirmed: "officer"}
	fromDelivery = Erasure{Class: Delivery, At: now, Reason: "asked for", By: "registrar"}
)

// once is a number that no other test uses: to erase its record destroys keys that
// tests may share.
var once = func() func() int {
	n, start := 0, int(time.Now().UnixNano()%1e6)*1000
	var mu sync.Mutex
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		n++
		return 1_000_000 + start + n
	}
}()

// person is a record of somebody, of whom everything is said.
func person(n int, lists ...List) Record {
	r := canary(n, lists...)
	r.ExternalID = fmt.Sprint(canaries[4], n)
	for i := range r.Entries {
		r.Entries[i].Index = uint64(n % 100_000)
	}
	return r
}

// erase erases one record.
func erase(ctx context.Context, s Store, id string, e Erasure) (Record, error) {
	left, err := s.Erase(ctx, e, id)
	if err != nil {
		return Record{}, err
	}
	return left[0], nil
}

func testErase(run func(name string, test func(t *testing.T, s Store))) {
	run("erase from the register", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		n := once()
		given := person(n, revocation, suspension)
		issued := issue(t, s, given)
		other := issue(t, s, person(once(), revocation, suspension))
		if _, err := s.Change(t.Context(), given.ID, Change{At: now, State: Suspended, Code: "under-review", Reason: canaries[6], By: "registrar"}); err != nil {
			t.Fatal(err)
		}
		bits, _, err := s.Bits(t.Context(), suspension.ID)
		if err != nil {
			t.Fatal(err)
		}

		left, err := erase(t.Context(), s, given.ID, fromRegister)
		if err != nil {
			t.Fatal(err)
		}
		want := Record{
			ID: given.ID, Public: given.Public, Number: given.Number, Entries: given.Entries, SealingTime: given.SealingTime, KeyID: given.KeyID,
			Forms:  map[string]Sealed{"edc": {SHA256: issued.Forms["edc"].SHA256}, "vc2": {SHA256: issued.Forms["vc2"].SHA256}},
			Course: given.Course, AwardingDate: given.AwardingDate, State: Suspended,
			Changes:  []Change{{At: now, State: Suspended, Code: "under-review", By: "registrar"}},
			Erasures: []Erasure{fromRegister},
		}
		if diff := cmp.Diff(want, left, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}
		for name, find := range map[string]func() (Record, error){
			"Get":          func() (Record, error) { return s.Get(t.Context(), given.ID) },
			"ByPublic":     func() (Record, error) { return s.ByPublic(t.Context(), given.Public) },
			"ByNumber":     func() (Record, error) { return s.ByNumber(t.Context(), given.Number) },
			"ByExternalID": func() (Record, error) { return s.ByExternalID(t.Context(), given.ExternalID) },
			"Lookup":       func() (Record, error) { return s.Lookup(t.Context(), given.Key) },
			"Reserve":      func() (Record, error) { return s.Reserve(t.Context(), given) },
		} {
			got, err := find()
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); !errors.Is(err, ErrErased) || diff != "" {
				t.Errorf("%s: err = %v, want %v; (-want +got):\n%s", name, err, ErrErased, diff)
			}
		}
		if _, err := s.ByLink(t.Context(), given.Link); !errors.Is(err, ErrNotFound) {
			t.Errorf("ByLink: err = %v, want %v", err, ErrNotFound)
		}
		for q, want := range map[Query]int{
			{Number: given.Number}: 1, {State: Erased}: 1, {State: Suspended, Number: given.Number}: 1,
			{Number: given.Number, Name: given.FamilyName}: 0, {Number: given.Number, LearnerID: given.LearnerID}: 0, {ExternalID: given.ExternalID}: 0,
			{Name: given.FamilyName}: 1, // the other one
		} {
			if found, _, err := s.Search(t.Context(), q, "", 10); err != nil || len(found) != want {
				t.Errorf("%+v: %d found, want %d, %v", q, len(found), want, err)
			}
		}
		listed := 0
		for r, err := range s.Records(t.Context(), "") {
			if err != nil {
				t.Error(err)
			} else if r.ID == given.ID && cmp.Diff(want, r, cmpopts.EquateEmpty()) == "" {
				listed++
			}
		}
		if listed != 1 {
			t.Errorf("listed %d times", listed)
		}
		if got, err := s.Get(t.Context(), other.ID); err != nil || cmp.Diff(other, got) != "" {
			t.Errorf("another one changed: %v", err)
		}

		// The lists say what they said, and its state goes on.
		if now, _, err := s.Bits(t.Context(), suspension.ID); err != nil || !bytes.Equal(now.Bits(), bits.Bits()) {
			t.Errorf("the list changed: %v", err)
		}
		if again, err := erase(t.Context(), s, given.ID, fromRegister); err != nil || cmp.Diff(want, again, cmpopts.EquateEmpty()) != "" {
			t.Errorf("a second time: %+v, %v", again, err)
		}
		r, err := s.Change(t.Context(), given.ID, Change{At: now, State: Revoked, Code: "fraud", Reason: canaries[6], By: "registrar"})
		if err != nil || r.State != Revoked || r.Changes[1].Reason != "" {
			t.Errorf("revoked: %+v, %v", r, err)
		}
		if found, _, err := s.Search(t.Context(), Query{State: Revoked}, "", 10); err != nil || len(found) != 1 {
			t.Errorf("%d are found as revoked, %v", len(found), err)
		}
	})

	run("erase delivery data", func(t *testing.T, s Store) {
		given := person(once())
		issued := issue(t, s, given)
		if _, err := erase(t.Context(), s, given.ID, fromDelivery); err != nil {
			t.Fatal(err)
		}
		want := issued
		want.Link, want.Email, want.Erasures = "", "", []Erasure{fromDelivery}
		for name, find := range map[string]func() (Record, error){
			"Get":     func() (Record, error) { return s.Get(t.Context(), given.ID) },
			"Lookup":  func() (Record, error) { return s.Lookup(t.Context(), given.Key) },
			"Reserve": func() (Record, error) { return s.Reserve(t.Context(), given) },
			"Erase":   func() (Record, error) { return erase(t.Context(), s, given.ID, fromDelivery) },
		} {
			got, err := find()
			if name == "Erase" { // as Change: without payloads
				for profile, form := range want.Forms {
					got.Forms[profile] = form
				}
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
		}
		if _, err := s.ByLink(t.Context(), given.Link); !errors.Is(err, ErrNotFound) {
			t.Errorf("ByLink: err = %v, want %v", err, ErrNotFound)
		}
		for want, edit := range map[error]func(r *Record){
			ErrConflict: func(r *Record) { r.RequestHash[0]++ },
			ErrIDTaken:  func(r *Record) { r.Key[0]++ },
		} {
			r := given
			edit(&r)
			if _, err := s.Reserve(t.Context(), r); !errors.Is(err, want) {
				t.Errorf("another request: err = %v, want %v", err, want)
			}
		}
		if found, _, err := s.Search(t.Context(), Query{Name: given.FamilyName}, "", 10); err != nil || len(found) != 1 {
			t.Errorf("by name %d are found, %v", len(found), err)
		}
		if left, err := erase(t.Context(), s, given.ID, fromRegister); err != nil || !left.Erased(Register) || len(left.Erasures) != 2 {
			t.Errorf("and then all of it: %+v, %v", left, err)
		}
	})

	run("erase what is reserved", func(t *testing.T, s Store) {
		for _, e := range []Erasure{fromDelivery, fromRegister} {
			r, err := s.Reserve(t.Context(), person(once()))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := erase(t.Context(), s, r.ID, e); err != nil {
				t.Fatal(err)
			}
			var want error
			if e.Class == Register {
				want = ErrErased
			}
			if got, err := s.Commit(t.Context(), r.ID, tokens(r)); !errors.Is(err, want) || want == nil && (got.Link != "" || got.State != Issued) {
				t.Errorf("%s, then sealed: %+v, err = %v, want %v", e.Class, got, err, want)
			}
		}
		for r, err := range s.Pending(t.Context()) {
			t.Errorf("pending: %s, %v", r.ID, err)
		}
	})

	run("erase many", func(t *testing.T, s Store) {
		var ids []string
		for range 3 {
			ids = append(ids, issue(t, s, person(once())).ID)
		}
		if _, err := s.Erase(t.Context(), fromRegister, append(slices.Clone(ids), "none")...); !errors.Is(err, ErrNotFound) {
			t.Errorf("one that is not there: err = %v, want %v", err, ErrNotFound)
		}
		for _, id := range ids {
			if r, err := s.Get(t.Context(), id); err != nil || len(r.Erasures) > 0 {
				t.Errorf("refused, and yet %+v, %v", r.Erasures, err)
			}
		}
		if left, err := s.Erase(t.Context(), fromRegister, ids...); err != nil || len(left) != 3 || left[2].ID != ids[2] {
			t.Errorf("left %+v, %v", left, err)
		}
		for _, n := range []int{0, maxErased + 1} {
			if _, err := s.Erase(t.Context(), fromRegister, make([]string, n)...); !errors.Is(err, ErrInvalid) {
				t.Errorf("%d: err = %v, want %v", n, err, ErrInvalid)
			}
		}
	})

	run("who may erase", func(t *testing.T, s Store) {
		r := issue(t, s, person(once()))
		for name, edit := range map[string]func(e *Erasure){
			"one alone":       func(e *Erasure) { e.Confirmed = "" },
			"the same twice":  func(e *Erasure) { e.Confirmed = e.By },
			"nobody":          func(e *Erasure) { e.By = "" },
			"without reason":  func(e *Erasure) { e.Reason = "" },
			"without a class": func(e *Erasure) { e.Class = "" },
			"papers":          func(e *Erasure) { e.Class = Papers },
			"at no time":      func(e *Erasure) { e.At = time.Time{} },
		} {
			e := fromRegister
			edit(&e)
			if _, err := erase(t.Context(), s, r.ID, e); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: err = %v, want %v", name, err, ErrInvalid)
			}
		}
		if _, err := erase(t.Context(), s, "urn:credential:none", fromRegister); !errors.Is(err, ErrNotFound) {
			t.Errorf("what is not there: err = %v, want %v", err, ErrNotFound)
		}
		if got, err := s.Get(t.Context(), r.ID); err != nil || len(got.Erasures) > 0 {
			t.Errorf("refused, and yet %+v, %v", got.Erasures, err)
		}
	})

	run("erase one that takes the place of another", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		older, newer := person(once(), revocation, suspension), person(once(), revocation, suspension)
		issue(t, s, older)
		newer.Supersedes = &Supersession{ID: older.ID, Change: Change{At: now, State: Revoked, By: "registrar", Reason: canaries[6]}}
		issue(t, s, newer)
		for _, id := range []string{newer.ID, older.ID} {
			if _, err := erase(t.Context(), s, id, fromRegister); err != nil {
				t.Fatal(err)
			}
			CheckStore(t, s)
		}
	})

	run("erase documents", func(t *testing.T, s Store) {
		id := fmt.Sprint(once())
		docs := []Document{
			{Kind: "rows", ID: id + "/1", Body: []byte("one")}, {Kind: "rows", ID: id + "/2/3", Body: []byte("two")}, {Kind: "rows", ID: id, Body: []byte("three")},
			{Kind: "rows", ID: id + "0/1", Body: []byte("another's")}, {Kind: "row", ID: id + "/1", Body: []byte("of another kind")},
		}
		if err := s.PutDocuments(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.EraseDocuments(t.Context(), "rows", id); err != nil {
				t.Fatal(err)
			}
		}
		for i, d := range docs {
			var want error
			if i < 3 {
				want = ErrNotFound
			}
			if got, err := s.Document(t.Context(), d.Kind, d.ID); !errors.Is(err, want) || want == nil && !bytes.Equal(got.Body, d.Body) {
				t.Errorf("%s %s: %q, err = %v, want %v", d.Kind, d.ID, got.Body, err, want)
			}
		}
		if err := s.PutDocuments(t.Context(), docs[:1]); !errors.Is(err, ErrErased) {
			t.Errorf("put again: err = %v, want %v", err, ErrErased)
		}
		for _, bad := range []string{"", id + "/1", "\x00"} {
			if err := s.EraseDocuments(t.Context(), "rows", bad); !errors.Is(err, ErrInvalid) {
				t.Errorf("%q: err = %v, want %v", bad, err, ErrInvalid)
			}
		}
	})
}

// eraseHouse is a store with data keys of its own.
func eraseHouse(t *testing.T) (s *boltStore, path string, vault Vault) {
	dir := t.TempDir()
	path, vault = filepath.Join(dir, "store.db"), VaultFile(filepath.Join(dir, "keys"))
	keys, err := CreateDataKeys(t.Context(), vault, [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	if err := InitBolt(path, storeID, keys); err != nil {
		t.Fatal(err)
	}
	return reopenWith(t, path, keys), path, vault
}

// A backup from before an erasure is put back: nobody can read any more what was
// erased, the restored store knows it, and its status is verified as before.
func TestErasureReachesOldBackups(t *testing.T) {
	s, path, vault := eraseHouse(t)
	revocation, suspension := openLists(t, s)
	for n := range 6 {
		issue(t, s, person(n, revocation, suspension))
	}
	papers := Document{Kind: "rows", ID: "b/1", Body: []byte(canaries[1])}
	waits := Document{Kind: "draft", ID: "a", Under: "2026-05/a.1", Body: []byte(canaries[1])}
	if err := s.PutDocuments(t.Context(), []Document{papers, waits}); err != nil {
		t.Fatal(err)
	}
	early, revision, err := vault.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moveTo(t, s, 1, Suspended)
	publication(t, s, revocation.ID, now)
	publication(t, s, suspension.ID, now)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := Copy(t.Context(), s, backup); err != nil {
		t.Fatal(err)
	}

	// 1. Erased, and one that was revoked besides.
	moveTo(t, s, 2, Revoked)
	for _, n := range []int{1, 2} {
		if _, err := erase(t.Context(), s, draft(n).ID, fromRegister); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := erase(t.Context(), s, draft(3).ID, fromDelivery); err != nil {
		t.Fatal(err)
	}
	if err := s.EraseDocuments(t.Context(), "rows", "b"); err != nil {
		t.Fatal(err)
	}
	over, err := Forgotten(waits.Under, now)
	if err == nil {
		err = s.PutDocuments(t.Context(), []Document{over, {Kind: waits.Kind, ID: waits.ID, Revision: 1}})
	}
	if err == nil {
		err = Forget(t.Context(), s, now, waits.Under)
	}
	if err != nil {
		t.Fatal(err)
	}
	CheckStore(t, s)

	// Another node, with a copy of the data keys from before, learns of it from the store.
	copied := filepath.Join(t.TempDir(), "copied")
	if err := os.WriteFile(copied, append(binary.BigEndian.AppendUint64(nil, revision), early...), 0o600); err != nil {
		t.Fatal(err)
	}
	others, err := OpenDataKeys(t.Context(), VaultFile(copied), [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []error{nil, ErrErased} {
		for _, d := range []Document{papers, waits} {
			if _, err := others.seal(d.place(), "part", nil); !errors.Is(err, want) {
				t.Errorf("%s, settled %d times: %v, want %v", d.Kind, n, err, want)
			}
		}
		if err := settlePapers(t.Context(), s, others); err != nil {
			t.Fatal(err)
		}
	}
	lists := []Publication{publication(t, s, revocation.ID, now.Add(time.Hour)), publication(t, s, suspension.ID, now.Add(time.Hour))}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// 2. The backup alone, with the data keys as they are now, gives nothing of them
	// away; its pages and blind index neither.
	keys, err := OpenDataKeys(t.Context(), vault, [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	old := reopenWith(t, backup, keys)
	if _, err := old.Document(t.Context(), waits.Kind, waits.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("what waited, in the backup: err = %v, want %v", err, ErrNotFound)
	}
	for n, want := range []error{nil, ErrErased, ErrErased, nil} {
		r, err := old.Get(t.Context(), draft(n).ID)
		if !errors.Is(err, want) || want != nil && (r.FamilyName != "" || r.Forms["edc"].Payload != nil) {
			t.Errorf("record %d in the backup: %+v, err = %v, want %v", n, r, err, want)
		}
	}
	if _, err := old.Document(t.Context(), papers.Kind, papers.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("papers in the backup: err = %v, want %v", err, ErrNotFound)
	}
	if found := Check(t.Context(), old); len(found) != 5 || !errors.Is(errors.Join(found...), errKeyDestroyed) {
		t.Errorf("check of the backup: %v", found)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(canaries, draft(1).Link, draft(3).Link) {
		if bytes.Contains(raw, []byte(text)) {
			t.Errorf("%q is in the backup", text)
		}
	}

	// 3. Restored: they are erased, as when and by whom they were.
	done, err := Restore(t.Context(), backup, storeID, keys, Restoration{At: restoredAt, Lists: lists})
	if err != nil || done.Erased != 3 || len(done.Revoked) != 1 {
		t.Fatalf("restored %+v, %v", done, err)
	}
	back := reopenWith(t, backup, keys)
	CheckStore(t, back)
	for n, want := range []State{Issued, Suspended, Revoked, Issued} {
		r, err := back.Get(t.Context(), draft(n).ID)
		if err != nil && !errors.Is(err, ErrErased) || r.State != want || (err != nil) != (n == 1 || n == 2) {
			t.Errorf("record %d is %s, %v", n, r.State, err)
		}
		if n == 1 && (len(r.Erasures) != 1 || r.Erasures[0].Confirmed != "officer" || !r.Erasures[0].At.Equal(now)) {
			t.Errorf("record %d has erasures %+v", n, r.Erasures)
		}
	}
	if _, err := back.ByLink(t.Context(), draft(3).Link); !errors.Is(err, ErrNotFound) {
		t.Errorf("the erased link: err = %v, want %v", err, ErrNotFound)
	}
	for _, list := range lists {
		if bits, _, err := back.Bits(t.Context(), list.ID); err != nil || !bits.Covers(list.Bits) {
			t.Errorf("list %s lost a bit: %v", list.ID, err)
		}
	}
	_ = path
}

// An older copy of the data keys is put back: the store destroys again what it
// knows to be erased. So it does after a power cut between the two steps.
func TestErasedAgainWhenOpened(t *testing.T) {
	s, path, vault := eraseHouse(t)
	issue(t, s, person(0))
	issue(t, s, person(1))
	if _, err := erase(t.Context(), s, draft(0).ID, fromDelivery); err != nil {
		t.Fatal(err)
	}
	before, _, err := vault.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1} {
		if _, err := erase(t.Context(), s, draft(n).ID, fromRegister); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := vault.(*vaultFile).path
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := PutBack(t.Context(), file, before); err != nil {
		t.Fatal(err)
	}
	keys, err := OpenDataKeys(t.Context(), vault, [32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := ReadBolt(path, storeID, keys)
	if err != nil {
		t.Fatal(err)
	}
	if found := Check(t.Context(), seen); len(found) != 2 || !strings.Contains(found[0].Error(), "still there") {
		t.Errorf("check: %v", found)
	}
	if err := seen.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopenWith(t, path, keys)
	CheckStore(t, s)
	if _, err := keys.cipher(place{Register, "2026-06", draft(1).ID}); !errors.Is(err, ErrErased) {
		t.Errorf("err = %v, want %v", err, ErrErased)
	}
	if got := len(keys.Erasures()); got != 3 {
		t.Errorf("%d erasures", got)
	}
}

// failingVault fails a replacement, before or after it is done.
type failingVault struct {
	Vault
	done bool
	fail error
}

func (v *failingVault) Replace(ctx context.Context, revision uint64, sealed []byte) error {
	if v.fail == nil {
		return v.Vault.Replace(ctx, revision, sealed)
	}
	err := v.fail
	v.fail = nil
	if v.done {
		err = errors.Join(v.Vault.Replace(ctx, revision, sealed), err)
	}
	return err
}

// When the vault fails, the outcome is unknown and asking again completes it.
func TestErasureWhenTheVaultFails(t *testing.T) {
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprint("done ", done), func(t *testing.T) {
			vault := &failingVault{Vault: VaultFile(filepath.Join(t.TempDir(), "keys")), done: done}
			keys, err := CreateDataKeys(t.Context(), vault, [32]byte{})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "store.db")
			if err := InitBolt(path, storeID, keys); err != nil {
				t.Fatal(err)
			}
			s := reopenWith(t, path, keys)
			issue(t, s, person(1))
			vault.fail = errors.New("disk on fire")
			if _, err := erase(t.Context(), s, draft(1).ID, fromRegister); !errors.Is(err, vault.fail) && !strings.Contains(fmt.Sprint(err), "outcome unknown") {
				t.Errorf("err = %v", err)
			}
			if _, err := s.Get(t.Context(), draft(1).ID); !errors.Is(err, ErrErased) {
				t.Errorf("err = %v, want %v", err, ErrErased)
			}
			if _, err := erase(t.Context(), s, draft(1).ID, fromRegister); err != nil {
				t.Fatal(err)
			}
			CheckStore(t, s)
			if got := len(keys.Erasures()); got != 1 {
				t.Errorf("%d erasures", got)
			}
		})
	}
}

// Once all records of a month are erased, their keys are given up as one, and the
// data keys are small again; a backup from before is erased as before.
func TestForgetMonth(t *testing.T) {
	s, _, vault := eraseHouse(t)
	var ids []string
	for n := range 40 {
		ids = append(ids, issue(t, s, person(n)).ID)
	}
	other := person(100)
	other.SealingTime = now.AddDate(0, 1, 0)
	issue(t, s, other)
	size := func() int {
		sealed, _, err := vault.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(sealed)
	}
	small := size()
	if _, err := s.Erase(t.Context(), fromDelivery, ids[1:]...); err != nil {
		t.Fatal(err)
	}
	if err := ForgetMonth(t.Context(), s, Delivery, "2026-06"); !errors.Is(err, ErrState) {
		t.Errorf("one is left: err = %v, want %v", err, ErrState)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := Copy(t.Context(), s, backup); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(t.Context(), fromDelivery, ids[0]); err != nil {
		t.Fatal(err)
	}
	large := size()
	if err := ForgetMonth(t.Context(), s, Delivery, "2026-06"); err != nil {
		t.Fatal(err)
	}
	if after := size(); large < small+50_000 || after > small+2_000 {
		t.Errorf("data keys of %d bytes, then %d, then %d", small, large, after)
	}
	CheckStore(t, s)
	if r, err := s.Get(t.Context(), other.ID); err != nil || r.Email == "" {
		t.Errorf("another month: %+v, %v", r, err)
	}
	if err := ForgetMonth(t.Context(), s, Delivery, "2020-01"); err != nil {
		t.Errorf("a month without records: %v", err)
	}
	done, err := Restore(t.Context(), backup, storeID, s.keys, Restoration{At: restoredAt, Forget: true})
	if err != nil || done.Erased != 1 {
		t.Errorf("restored %+v, %v", done, err)
	}
	CheckStore(t, reopenWith(t, backup, s.keys))
}

// A record that a version without data keys has put on record is erased too.
func TestEraseInTheClear(t *testing.T) {
	s, _, _ := eraseHouse(t)
	revocation, _ := openLists(t, s)
	for n := range 3 {
		issue(t, s, person(n, revocation))
	}
	if err := s.db.Update(func(tx *bolt.Tx) error {
		return errors.Join(inTheClear(tx, s.keys, sequenceKey(1)), inTheClear(tx, s.keys, sequenceKey(2)))
	}); err != nil {
		t.Fatal(err)
	}
	CheckStore(t, s)
	if _, err := erase(t.Context(), s, draft(0).ID, fromRegister); err != nil {
		t.Fatal(err)
	}
	if r, err := erase(t.Context(), s, draft(1).ID, fromDelivery); err != nil || r.FamilyName != canaries[0] || r.Email != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	CheckStore(t, s)
	if _, err := s.Lookup(t.Context(), draft(0).Key); !errors.Is(err, ErrErased) {
		t.Errorf("err = %v, want %v", err, ErrErased)
	}
}

// What an erasure leaves of a record is decided member by member, also of one that
// comes later: this says which are left.
func TestWhatIsLeft(t *testing.T) {
	full := issuedRecord()
	full.Erasures = []Erasure{fromRegister}
	var left, facts Record
	copyLeft(&left, &full)
	copyFacts(&facts, &full)
	isLeft := []string{"ID", "Public", "Number", "Entries", "SealingTime", "KeyID", "Forms", "Course", "CourseVersion", "CourseSHA256", "AwardingDate", "ValidUntil", "State", "Changes", "Erasures"}
	isFact := append(slices.Clone(isLeft), "Title", "Decision", "Signatory", "Batch")
	for name, has := range membersOf(left) {
		if has != slices.Contains(isLeft, name) {
			t.Errorf("%s is left: %t", name, has)
		}
	}
	for name, has := range membersOf(facts) {
		if has != slices.Contains(isFact, name) {
			t.Errorf("%s is in the clear: %t", name, has)
		}
	}
	for name, has := range membersOf(full) {
		if !has {
			t.Errorf("the test's record has no %s", name)
		}
	}
	if left.Changes[0].Reason != "" {
		t.Error("the reason of a change is left")
	}
}

// membersOf says which members of a record are set.
func membersOf(r Record) map[string]bool {
	set := map[string]bool{}
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		set[v.Type().Field(i).Name] = !v.Field(i).IsZero()
	}
	return set
}
