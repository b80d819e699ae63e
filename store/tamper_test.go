package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
)

// Of 100 000 entries one is taken out, changed, exchanged with another, or the last
// are cut off, by somebody who can write the file and knows how: the checksums fit
// again, and in the last case the tree, too. Each is found; where he has made the tree anew,
// by the heads that were signed, and where he has taken those away, by one elsewhere.
func TestTamperedLog(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 3_000
	}
	path := initStore(t)
	s := reopen(t, path)
	for done := 1; done < n; { // one is there
		events := make([]Event, min(2000, n-done))
		for i := range events {
			events[i] = Event{Kind: KindLoggedIn, Actor: "person 1", Object: fmt.Sprint(done + i)}
		}
		if err := s.Append(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
		done += len(events)
	}
	size, read := tree(t, s, firstLog)
	root, err := merkle.Root(size, read)
	if err != nil || size != uint64(n) {
		t.Fatalf("%d entries, %v", size, err)
	}
	head := Head{Log: firstLog, Size: size, Root: root, At: now, KeyID: "key", Token: []byte("t")}
	if _, err := s.PutHead(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	CheckStore(t, s)
	if err := errors.Join(Holds(t.Context(), s, firstLog, size, root), s.Close()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	at := uint64(n / 3)
	value := func(tx *bolt.Tx, index uint64) []byte {
		key := entryKey(firstLog, index)
		v, err := open(bucketLogEntries, key, tx.Bucket(bucketLogEntries).Get(key))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(v)
	}
	set := func(tx *bolt.Tx, index uint64, v []byte) error {
		return put(tx, bucketLogEntries, entryKey(firstLog, index), v)
	}
	// again makes the tree anew from the entries, with as many as there are.
	again := func(tx *bolt.Tx, size uint64) error {
		hashes := tx.Bucket(bucketLogHashes)
		var keys [][]byte
		if err := hashes.ForEach(func(k, _ []byte) error { keys = append(keys, bytes.Clone(k)); return nil }); err != nil {
			return err
		}
		for _, k := range keys {
			if err := hashes.Delete(k); err != nil {
				return err
			}
		}
		log := Log{Name: firstLog, Opened: now}
		return errors.Join(putJSON(tx, bucketLogs, []byte(firstLog), log), tx.Bucket(bucketLogEntries).SetSequence(size), grow(tx))
	}
	forgetHeads := func(tx *bolt.Tx) error { return tx.Bucket(bucketLogHeads).Delete(entryKey(firstLog, size)) }
	changed := func(tx *bolt.Tx) error {
		v := bytes.Replace(value(tx, at), []byte("person 1"), []byte("person 2"), 1)
		return set(tx, at, v)
	}
	cut := func(tx *bolt.Tx) error {
		for index := size - 10; index < size; index++ {
			if err := tx.Bucket(bucketLogEntries).Delete(entryKey(firstLog, index)); err != nil {
				return err
			}
		}
		return nil
	}
	for name, tt := range map[string]struct {
		change func(tx *bolt.Tx) error
		itself bool // found without a head from elsewhere
	}{
		"taken out": {func(tx *bolt.Tx) error { return tx.Bucket(bucketLogEntries).Delete(entryKey(firstLog, at)) }, true},
		"taken out, the rest moved up": {func(tx *bolt.Tx) error {
			for index := at; index+1 < size; index++ {
				if err := set(tx, index, value(tx, index+1)); err != nil {
					return err
				}
			}
			return errors.Join(tx.Bucket(bucketLogEntries).Delete(entryKey(firstLog, size-1)), again(tx, size-1))
		}, true},
		"changed":                    {changed, true},
		"changed, with its tree":     {func(tx *bolt.Tx) error { return errors.Join(changed(tx), again(tx, size)) }, true},
		"changed, tree and no heads": {func(tx *bolt.Tx) error { return errors.Join(changed(tx), again(tx, size), forgetHeads(tx)) }, false},
		"exchanged": {func(tx *bolt.Tx) error {
			a, b := value(tx, at), value(tx, at+1)
			return errors.Join(set(tx, at, b), set(tx, at+1, a))
		}, true},
		"cut off":                    {cut, true},
		"cut off, with its tree":     {func(tx *bolt.Tx) error { return errors.Join(cut(tx), again(tx, size-10)) }, true},
		"cut off, tree and no heads": {func(tx *bolt.Tx) error { return errors.Join(cut(tx), again(tx, size-10), forgetHeads(tx)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			s := reopen(t, path)
			defer s.Close()
			if err := s.db.Update(tt.change); err != nil {
				t.Fatal(err)
			}
			found := Check(t.Context(), s)
			if (len(found) > 0) != tt.itself {
				t.Errorf("Check finds %v, want it to find something: %t", found, tt.itself)
			}
			if err := Holds(t.Context(), s, firstLog, size, root); err == nil && !tt.itself {
				t.Error("a head from elsewhere does not contradict it")
			}
		})
	}
}
