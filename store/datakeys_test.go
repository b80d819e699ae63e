package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"indeks/status"
)

// The tree forgets what it is told to and nothing else, and is the same when it
// was written and read.
func TestKeyTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few months and names, so that places are often close.
		some := rapid.Custom(func(t *rapid.T) keyPath {
			p := place{
				rapid.SampledFrom([]Class{Register, Delivery}).Draw(t, "class"),
				rapid.SampledFrom([]string{"", "1970-01", "2026-06", "2026-07", "2311-03"}).Draw(t, "month"),
				rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name"),
			}
			path, err := p.path()
			if err != nil {
				t.Fatal(err)
			}
			return path
		})
		tree := newKeyTree()
		secrets := map[keyPath][32]byte{}
		for _, path := range rapid.SliceOfN(some, 1, 8).Draw(t, "places") {
			secrets[path], _ = tree.secret(path)
		}
		var gone []keyPath
		for range rapid.IntRange(0, 12).Draw(t, "forgotten") {
			path := some.Draw(t, "path")
			path.length = uint8(rapid.IntRange(0, placeBits).Draw(t, "of it"))
			for n := int(path.length); n < placeBits; n++ {
				path.set(n, 0)
			}
			left := false
			for other := range secrets {
				_, there := tree.secret(other)
				left = left || there && path.above(&other)
			}
			if forgot := tree.forget(path); left && !forgot {
				t.Fatal("it is said that nothing was left")
			}
			if tree.forget(path) {
				t.Fatal("something was left")
			}
			gone = append(gone, path)
		}
		read, err := decodeKeyTree(tree.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tree.nodes, read.nodes, cmp.AllowUnexported(keyNode{}, keyPath{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		keys := &DataKeys{tree: read, months: map[keyPath]keyNode{}}
		for path, want := range secrets {
			got, ok := read.secret(path)
			for range 2 { // by the way to its month, and then without it
				if key, there := keys.key(path); key != got || there != ok {
					t.Fatalf("path %v: a key %t, the secret %t, the same %t", path, there, ok, key == got)
				}
			}
			forgotten := slices.ContainsFunc(gone, func(g keyPath) bool { return g.above(&path) })
			if ok == forgotten || ok && got != want {
				t.Fatalf("path %v: forgotten %t, a secret %t, the same %t", path, forgotten, ok, got == want)
			}
		}
		for i, n := range tree.nodes { // no secret that is kept leads to what is forgotten
			for _, g := range gone {
				if n.path.above(&g) {
					t.Fatalf("node %d is above what is forgotten", i)
				}
			}
		}
	})
}

func FuzzDecodeKeyTree(f *testing.F) {
	tree := newKeyTree()
	f.Add(tree.encode())
	path, _ := place{Register, "2026-06", "a"}.path()
	tree.forget(path)
	f.Add(tree.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := decodeKeyTree(b)
		if err == nil && !bytes.Equal(tree.encode(), b) {
			t.Error("it reads as another tree")
		}
	})
}

func TestPlaces(t *testing.T) {
	for _, p := range []place{{"other", "2026-06", "a"}, {Register, "2026", "a"}, {Register, "1969-12", "a"}, {Register, "2400-01", "a"}} {
		if _, err := p.path(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: err = %v, want %v", p, err, ErrInvalid)
		}
	}
	seen := map[keyPath]place{}
	for _, class := range []Class{Register, Delivery, Papers} {
		for _, month := range []string{"", "1970-01", "2026-06", "2026-07", "2311-03"} {
			for _, name := range []string{"", "a", "b"} {
				p := place{class, month, name}
				path, err := p.path()
				if other, twice := seen[path]; twice || err != nil {
					t.Errorf("%v shares its path with %v, %v", p, other, err)
				}
				seen[path] = p
			}
		}
	}
	// They never change: what was kept years ago lies there, bound to that.
	for p, want := range map[place]string{
		{Register, "", ""}:                               "00000000000000000000 14",
		{Papers, "2026-06", ""}:                          "8a980000000000000000 14",
		{Delivery, "1970-01", "urn:8674665223082153551"}: "40045d9947aaa48b2a18 78",
		{Register, "2311-03", "urn:4037200794235010051"}: "3ffcf77717a56a1709bc 78",
	} {
		path, err := p.path()
		if got := fmt.Sprintf("%x %d", path.bits, path.length); got != want || err != nil {
			t.Errorf("%v is at %s, %v, want %s", p, got, err, want)
		}
	}
	if got := string(place{Delivery, "2026-06", "urn:1"}.bound("payload edc")); got != "delivery 2026-06 payload edc urn:1" {
		t.Errorf("what is sealed is bound to %q", got)
	}
}

// What is sealed opens in its place alone, until its key is destroyed; keys that
// are opened again know of it.
func TestDataKeys(t *testing.T) {
	vault := VaultFile(filepath.Join(t.TempDir(), "keys"))
	secret := [32]byte{7}
	keys, err := CreateDataKeys(t.Context(), vault, secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateDataKeys(t.Context(), vault, secret); err == nil {
		t.Error("data keys were made in place of others")
	}
	p := place{Register, "2026-06", "a"}
	sealed, err := keys.seal(p, "part", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := keys.seal(p, "part", []byte("text")); err != nil || bytes.Equal(sealed, again) {
		t.Errorf("the same text is sealed the same: %v", err)
	}
	for name, tt := range map[string]struct {
		place place
		part  string
	}{
		"another class":  {place{Delivery, p.month, p.name}, "part"},
		"another month":  {place{Register, "2026-07", p.name}, "part"},
		"another record": {place{Register, p.month, "b"}, "part"},
		"another part":   {p, "other"},
	} {
		if _, err := keys.unseal(tt.place, tt.part, sealed); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: err = %v, want %v", name, err, ErrDamaged)
		}
	}

	again, err := OpenDataKeys(t.Context(), vault, secret)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := again.unseal(p, "part", sealed); err != nil || string(text) != "text" {
		t.Errorf("opened again: %q, %v", text, err)
	}
	if again.ID() != keys.ID() || !bytes.Equal(again.blind("k", "v"), keys.blind("k", "v")) || bytes.Equal(keys.blind("k", "v"), keys.blind("k", "w")) || bytes.Equal(keys.blind("k", "v"), keys.blind("l", "v")) {
		t.Error("the blind index is not what it was, or is blind to differences")
	}
	if _, err := OpenDataKeys(t.Context(), vault, [32]byte{8}); !errors.Is(err, ErrDataKeys) {
		t.Errorf("with another secret: err = %v, want %v", err, ErrDataKeys)
	}
	if _, err := OpenDataKeys(t.Context(), VaultFile(filepath.Join(t.TempDir(), "none")), secret); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: err = %v", err)
	}
	if _, err := (*DataKeys)(nil).seal(p, "part", nil); !errors.Is(err, ErrDataKeys) {
		t.Errorf("without keys: err = %v, want %v", err, ErrDataKeys)
	}

	// Two processes destroy, each other things; both end with all of it.
	var both sync.WaitGroup
	for n, k := range []*DataKeys{keys, again} {
		both.Go(func() {
			for i := range 5 {
				if err := k.destroy(context.Background(), []Erasure{{ID: fmt.Sprint(n, i), Class: Register, Month: "2026-06", At: now}, {ID: "a", Class: Register, Month: "2026-06", At: now}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	for name, k := range map[string]*DataKeys{"one": keys, "other": again} {
		if err := k.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(k.Erasures()); got != 11 {
			t.Errorf("%s: %d erasures, want 11", name, got)
		}
		if _, err := k.unseal(p, "part", sealed); !errors.Is(err, ErrErased) {
			t.Errorf("%s: err = %v, want %v", name, err, ErrErased)
		}
		if _, err := k.seal(place{Delivery, "2026-06", "a"}, "part", nil); !errors.Is(err, ErrErased) {
			t.Errorf("%s: delivery data of what is erased: err = %v, want %v", name, err, ErrErased)
		}
		if _, err := k.seal(place{Register, "2026-06", "z"}, "part", nil); err != nil {
			t.Errorf("%s: of what is not erased: %v", name, err)
		}
	}
}

// A vault is replaced whole, over the revision that was read, and one flipped byte
// of it is noticed.
func TestVaultFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	keys, err := CreateDataKeys(t.Context(), VaultFile(path), [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(path) // what is on the disk of the old file
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := VaultFile(path).Replace(t.Context(), 7, []byte("x")); !errors.Is(err, ErrRevision) {
		t.Errorf("err = %v, want %v", err, ErrRevision)
	}
	if err := keys.destroy(t.Context(), []Erasure{{ID: "a", Class: Delivery, Month: "2026-06"}}); err != nil {
		t.Fatal(err)
	}
	old := make([]byte, len(before))
	if _, err := held.ReadAt(old, 0); err != nil || !bytes.Equal(old, make([]byte, len(before))) {
		t.Errorf("the old file is not written over: %v", err)
	}
	now, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 8; at < len(now); at += 7 {
		flipped := bytes.Clone(now)
		flipped[at] ^= 4
		other := filepath.Join(t.TempDir(), "flipped")
		if err := os.WriteFile(other, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenDataKeys(t.Context(), VaultFile(other), [32]byte{}); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrDataKeys) {
			t.Fatalf("byte %d: err = %v", at, err)
		}
	}

	// A copy is put back where there is none, and only there.
	sealed, err := keys.Sealed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := PutBack(t.Context(), path, sealed); err == nil {
		t.Error("a copy was put over what is there")
	}
	back := filepath.Join(t.TempDir(), "back")
	if err := PutBack(t.Context(), back, []byte("nothing")); err == nil {
		t.Error("something else was put back")
	}
	if err := PutBack(t.Context(), back, sealed); err != nil {
		t.Fatal(err)
	}
	if k, err := OpenDataKeys(t.Context(), VaultFile(back), [32]byte{}); err != nil || k.ID() != keys.ID() || len(k.Erasures()) != 1 {
		t.Errorf("put back: %v", err)
	}
}

// canaries stand for everything about a person that a record may say.
var canaries = []string{"Zlatoustova", "Nadezhda-Canary", "canary/2026/77", "canary@mail.example", "EXAM-CANARY-1", "2001-09-09", "found out by Canary"}

func canary(n int, lists ...List) Record {
	r := draft(n, lists...)
	r.FamilyName, r.GivenName, r.LearnerID, r.Email, r.ExternalID = canaries[0], canaries[1], canaries[2], canaries[3], canaries[4]
	r.Draft = []byte(canaries[5])
	for profile := range r.Forms {
		r.Forms[profile] = Sealed{Payload: []byte(strings.Join(canaries, " ") + profile)}
	}
	return r
}

// Nothing personal can be found in the file, be it in a record, an index, the log or
// a page no longer used.
func TestNothingPersonalInTheFile(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	revocation, suspension := openLists(t, s)
	r := canary(1, revocation, suspension)
	issue(t, s, r)
	if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Suspended, Reason: canaries[6]}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), r.ID)
	if err != nil || got.FamilyName != r.FamilyName || got.Email != r.Email || got.Changes[0].Reason != canaries[6] || got.Key != r.Key {
		t.Errorf("read %+v, %v", got, err)
	}
	CheckStore(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append([]string{r.Link, string(r.Key[:]), string(r.RequestHash[:])}, canaries...) {
		if bytes.Contains(file, []byte(text)) {
			t.Errorf("%q is in the file", text)
		}
	}
	if !bytes.Contains(file, []byte(r.Number)) {
		t.Error("not even the number is: this test looks in the wrong place")
	}
}

// Without data keys, or with those of another store, nothing personal is read or
// written; what is of no person goes on.
func TestWithoutDataKeys(t *testing.T) {
	path := filled(t)
	if _, err := OpenBolt(path, storeID, freshKeys(t)); !errors.Is(err, ErrDataKeys) || !strings.Contains(err.Error(), "put back") {
		t.Errorf("with those of another store: err = %v, want %v with a hint", err, ErrDataKeys)
	}
	s := reopenWith(t, path, nil)
	defer s.Close()
	r := draft(3)
	for name, get := range map[string]func() error{
		"Get":     func() error { _, err := s.Get(t.Context(), r.ID); return err },
		"ByLink":  func() error { _, err := s.ByLink(t.Context(), r.Link); return err },
		"Lookup":  func() error { _, err := s.Lookup(t.Context(), r.Key); return err },
		"Reserve": func() error { _, err := s.Reserve(t.Context(), draft(99)); return err },
		"Change": func() error {
			_, err := s.Change(t.Context(), r.ID, Change{At: now, State: Revoked, Reason: "why"})
			return err
		},
		"Records": func() error {
			for _, err := range s.Records(t.Context(), "") {
				return err
			}
			return nil
		},
	} {
		if err := get(); !errors.Is(err, ErrDataKeys) {
			t.Errorf("%s: err = %v, want %v", name, err, ErrDataKeys)
		}
	}
	if sum, err := Summarize(t.Context(), s); err != nil || sum.Records != 40 {
		t.Errorf("counted %d, %v", sum.Records, err)
	}
	if _, err := s.PutCourse(t.Context(), Course{ID: "d", Version: "1", JSON: []byte("{}"), Changed: now}); err != nil {
		t.Error(err)
	}
	if _, err := s.Change(t.Context(), r.ID, Change{At: now, State: Revoked}); err != nil {
		t.Error(err)
	}
}

// inTheClear makes of a record one that a version without data keys has put on record.
func inTheClear(tx *bolt.Tx, keys *DataKeys, key []byte) error {
	doc, err := getDoc(tx, key)
	if err != nil {
		return err
	}
	r, err := doc.inBolt(tx, keys, key)
	if err != nil {
		return err
	}
	for _, x := range indexes {
		if before := x.entry(&doc); len(before) > 0 {
			if err := tx.Bucket(x.bucket).Delete(before); err != nil {
				return err
			}
		}
	}
	doc.Record, doc.Blind, doc.Personal = r, nil, nil
	for profile, form := range r.Forms {
		if err := tx.Bucket(bucketPayloads).Put(blobKey(key, profile), packPayload(form.Payload)); err != nil {
			return err
		}
		if form.Token != nil {
			if err := tx.Bucket(bucketTokens).Put(blobKey(key, profile), packedToken(form.Token, form.Payload)); err != nil {
				return err
			}
		}
	}
	for _, x := range indexes {
		if after := x.entry(&doc); len(after) > 0 {
			if err := tx.Bucket(x.bucket).Put(after, key); err != nil {
				return err
			}
		}
	}
	return putJSON(tx, bucketRecords, key, doc)
}

// A store of a version that had no data keys is read, and goes on: its records stay
// in the clear until Compact has put them under keys, and are the same then.
func TestRecordsInTheClear(t *testing.T) {
	path, keys := initStore(t), testKeys()
	s := reopen(t, path)
	revocation, suspension := openLists(t, s)
	const n = 40 // more than one step
	for i := range n {
		r := canary(i, revocation, suspension)
		r.ExternalID = fmt.Sprint(canaries[4], i)
		if i == 7 {
			if _, err := s.Reserve(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			continue
		}
		issue(t, s, r)
	}
	if _, err := s.Change(t.Context(), draft(0).ID, Change{At: now, State: Suspended, Reason: canaries[6]}); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(func(tx *bolt.Tx) error {
		for i := range n {
			if err := inTheClear(tx, keys, sequenceKey(uint64(i+1))); err != nil {
				return err
			}
		}
		return putJSON(tx, bucketMeta, identityKey, identity{Store: storeID, Schema: schema})
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if under, err := UnderDataKeys(path, storeID); err != nil || under {
		t.Errorf("under data keys: %t, %v", under, err)
	}

	// 1. Read, changed and sealed, beside one that is under keys.
	s = reopen(t, path)
	CheckStore(t, s)
	all := func() map[string]Record {
		records := map[string]Record{}
		for i := range n + 1 {
			r, err := s.ByLink(t.Context(), draft(i).Link)
			if err != nil {
				t.Fatal(err)
			}
			records[r.ID] = r
		}
		return records
	}
	issue(t, s, canary(n, revocation, suspension))
	reserved := canary(7, revocation, suspension)
	if again, err := s.Reserve(t.Context(), reserved); err != nil || again.State != Reserved {
		t.Errorf("reserving again: %s, %v", again.State, err)
	}
	if _, err := s.Commit(t.Context(), reserved.ID, tokens(reserved)); err != nil {
		t.Error(err)
	}
	if _, err := s.Change(t.Context(), draft(3).ID, Change{At: now, State: Revoked, Reason: canaries[6]}); err != nil {
		t.Error(err)
	}
	taken := canary(50, revocation, suspension)
	taken.ExternalID, taken.Entries = fmt.Sprint(canaries[4], 5), nil
	if _, err := s.Reserve(t.Context(), taken); !errors.Is(err, ErrExternalTaken) {
		t.Errorf("what a record in the clear has used: err = %v, want %v", err, ErrExternalTaken)
	}
	CheckStore(t, s)
	want := all()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// 2. Put under keys.
	if _, _, err := Compact(t.Context(), path, storeID, keys); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	CheckStore(t, s)
	if diff := cmp.Diff(want, all()); diff != "" {
		t.Errorf("after Compact (-want +got):\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append([]string{draft(3).Link, draft(7).Link}, canaries...) {
		if bytes.Contains(file, []byte(text)) {
			t.Errorf("%q is in the compacted file", text)
		}
	}
	if under, err := UnderDataKeys(path, storeID); err != nil || !under {
		t.Errorf("under data keys: %t, %v", under, err)
	}
}

// Deriving a key, sealing and opening the small parts of a record.
func BenchmarkProtect(b *testing.B) {
	keys := freshKeys(b)
	r := draft(1, List{ID: "r1", Purpose: status.Revocation})
	r.Forms = nil
	for n := 0; b.Loop(); n++ {
		sum := sha256.Sum256(fmt.Append(nil, n))
		r.ID = string(sum[:])
		doc, _, err := keys.protect(r)
		if err == nil {
			_, err = doc.open(keys)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
