package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// What is compacted holds the same, goes on where the old one was, and the old
// one is still there.
func TestCompact(t *testing.T) {
	path := filled(t)
	s := reopen(t, path)
	if _, err := s.Numbers(t.Context(), "x", 5); err != nil {
		t.Fatal(err)
	}
	// Room that was needed once.
	for _, write := range []func(b *bolt.Bucket) error{
		func(b *bolt.Bucket) error { return b.Put([]byte("room"), make([]byte, 20<<20)) },
		func(b *bolt.Bucket) error { return b.Delete([]byte("room")) },
	} {
		if err := s.db.Update(func(tx *bolt.Tx) error { return write(tx.Bucket(bucketPublished)) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Compact(t.Context(), path, storeID, testKeys()); !errors.Is(err, ErrLocked) {
		t.Errorf("while it is used: err = %v, want %v", err, ErrLocked)
	}
	want, err := Summarize(t.Context(), s)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	before, after, err := Compact(t.Context(), path, storeID, testKeys())
	if err != nil || before != int64(len(old)) || after > before/10 {
		t.Fatalf("%d bytes of %d, %v", after, before, err)
	}
	if kept, err := os.ReadFile(path + beforeCompact); err != nil || !bytes.Equal(kept, old) {
		t.Errorf("the old file is not kept: %v", err)
	}
	s = reopen(t, path)
	CheckStore(t, s)
	if got, err := Summarize(t.Context(), s); err != nil || got.Records != want.Records {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if first, err := s.Numbers(t.Context(), "x", 1); err != nil || first != 6 {
		t.Errorf("numbers go on at %d, %v", first, err)
	}
	revocation, suspension := openLists(t, s)
	issue(t, s, draft(100, revocation, suspension)) // after all others, or it is ErrDamaged
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if _, _, err := Compact(t.Context(), path, storeID, testKeys()); err == nil {
		t.Error("the old file was replaced")
	}
	if _, _, err := Compact(t.Context(), filled(t), "other", testKeys()); !errors.Is(err, ErrForeign) {
		t.Errorf("another's: err = %v, want %v", err, ErrForeign)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".compact*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// A store with a damaged record is not compacted: it stays as it is.
func TestCompactRefusesWhatIsDamaged(t *testing.T) {
	path := filled(t)
	edit(t, path, func(tx *bolt.Tx) error { return tx.Bucket(bucketTokens).Delete(blobKey(sequenceKey(4), "edc")) })
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Compact(t.Context(), path, storeID, testKeys()); !errors.Is(err, ErrDamaged) {
		t.Errorf("err = %v, want %v", err, ErrDamaged)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, old) {
		t.Errorf("the file was changed: %v", err)
	}
	if _, err := os.Stat(path + beforeCompact); !errors.Is(err, os.ErrNotExist) {
		t.Error("it was moved away")
	}
}
