package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	bolt "go.etcd.io/bbolt"

	"indeks/alike"
)

// compactStep is how much is copied in one transaction, in bytes.
const compactStep = 16 << 20

// beforeCompact is behind the name of the file that Compact took away.
const beforeCompact = ".before-compact"

// Compact writes a store anew without the room that it once needed and that no
// file of bbolt ever gives back, and puts it in place of the old one, which stays
// beside it as path.before-compact. Nobody may use the store meanwhile (ErrLocked).
// The new one is checked and counted first; whatever happens, a whole store
// stands under path. It returns the sizes of both files.
//
// What an earlier version kept in the clear is put under keys first. Of that the old
// file has traces, and so has every backup from before.
func Compact(ctx context.Context, path, storeID string, keys *DataKeys) (before, after int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("compacting: %w", err)
		}
	}()
	if _, err := os.Lstat(path + beforeCompact); err == nil {
		return 0, 0, fmt.Errorf("%s is there from an earlier time; remove it if it is of no more use", path+beforeCompact)
	}

	// 1. The old store, held until the new one is in its place.
	old, err := openBolt(path, storeID, keys, boltLimits{lock: lockTimeout})
	if err != nil {
		return 0, 0, err
	}
	defer old.Close()
	if keys != nil {
		if err := old.encrypt(ctx); err != nil {
			return 0, 0, err
		}
	}

	// 2. The new one, under another name.
	temp := filepath.Join(filepath.Dir(path), ".compact-"+filepath.Base(path))
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, 0, err
	}
	defer os.Remove(temp)
	db, err := bolt.Open(temp, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType, NoFreelistSync: true, NoSync: true})
	if err != nil {
		return 0, 0, err
	}
	err = guard(func() error { return bolt.Compact(db, old.db, compactStep) })
	if err := errors.Join(err, db.Close(), syncPath(temp)); err != nil {
		return 0, 0, err
	}
	if err := equal(ctx, old, temp, storeID); err != nil {
		return 0, 0, err
	}

	// 3. The name: it leads to the old store until it leads to the new one.
	if err := os.Link(path, path+beforeCompact); err != nil {
		return 0, 0, err
	}
	if err := os.Rename(temp, path); err != nil {
		return 0, 0, err
	}
	if err := syncPath(filepath.Dir(path)); err != nil {
		return 0, 0, err
	}
	was, err1 := os.Stat(path + beforeCompact)
	is, err2 := os.Stat(path)
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, err
	}
	return was.Size(), is.Size(), nil
}

// encrypt puts records that are kept in the clear under data keys, in steps: after a
// power cut some are, and the rest at the next time.
func (s *boltStore) encrypt(ctx context.Context) error {
	var last []byte
	for {
		var found [][]byte
		err := s.view(ctx, func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketRecords).Cursor()
			for k, _ := c.Seek(append(slices.Clone(last), 0)); k != nil && len(found) < stepRecords; k, _ = c.Next() {
				last = bytes.Clone(k)
				doc, err := getDoc(tx, k)
				if err != nil {
					return err
				}
				if doc.clear() {
					found = append(found, last)
				}
			}
			return nil
		})
		if err == nil && len(found) == 0 {
			return nil
		}
		if err == nil {
			err = guard(func() error {
				return s.db.Update(func(tx *bolt.Tx) error {
					for _, key := range found {
						if err := encryptRecord(tx, s.keys, key); err != nil {
							return err
						}
					}
					return nil
				})
			})
		}
		if err != nil {
			return fmt.Errorf("encrypting records: %w", err)
		}
	}
}

func encryptRecord(tx *bolt.Tx, keys *DataKeys, key []byte) error {
	doc, err := getDoc(tx, key)
	if err != nil {
		return err
	}
	was := doc
	r, err := doc.inBolt(tx, keys, key)
	if err != nil {
		return err
	}
	doc, payloads, err := keys.protect(r)
	if err != nil {
		return fmt.Errorf("record %s: %w", r.ID, err)
	}
	doc.Logged = was.Logged
	for _, c := range r.Changes {
		if err := keys.addChange(&doc.Record, doc.Personal, c); err != nil {
			return fmt.Errorf("record %s: %w", r.ID, err)
		}
	}
	if r.State != Reserved {
		tokens := map[string]alike.Text{}
		for profile, form := range r.Forms {
			tokens[profile] = alike.Whole(form.Token)
		}
		envelopes, err := r.seal(keys, false, tokens)
		if err != nil {
			return err
		}
		for profile, envelope := range envelopes {
			if err := tx.Bucket(bucketTokens).Put(blobKey(key, profile), envelope); err != nil {
				return err
			}
		}
		doc.Forms = r.Forms
	}
	doc.State = was.State
	for profile, payload := range payloads {
		if err := tx.Bucket(bucketPayloads).Put(blobKey(key, profile), payload); err != nil {
			return err
		}
	}
	for _, x := range indexes {
		if before := x.entry(&was); len(before) > 0 {
			if err := tx.Bucket(x.bucket).Delete(before); err != nil {
				return err
			}
		}
		if after := x.entry(&doc); len(after) > 0 {
			if err := tx.Bucket(x.bucket).Put(after, key); err != nil {
				return err
			}
		}
	}
	return putJSON(tx, bucketRecords, key, &doc)
}

// equal says why the file at path is not as good as the store it was made of.
func equal(ctx context.Context, old *boltStore, path, storeID string) error {
	made, err := openBolt(path, storeID, old.keys, boltLimits{lock: lockTimeout, read: true})
	if err != nil {
		return err
	}
	defer made.Close()
	if found := Check(ctx, made); len(found) > 0 {
		return fmt.Errorf("checking the new file, %d findings: %w", len(found), errors.Join(found[:min(len(found), 20)]...))
	}
	want, err1 := Summarize(ctx, old)
	got, err2 := Summarize(ctx, made)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the new file holds %+v, the old one %+v", got, want)
	}
	return nil
}
