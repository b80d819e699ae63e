package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	bolt "go.etcd.io/bbolt"
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
func Compact(ctx context.Context, path, storeID string) (before, after int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("compacting: %w", err)
		}
	}()
	if _, err := os.Lstat(path + beforeCompact); err == nil {
		return 0, 0, fmt.Errorf("%s is there from an earlier time; remove it if it is of no more use", path+beforeCompact)
	}

	// 1. The old store, held until the new one is in its place.
	old, err := openBolt(path, storeID, boltLimits{lock: lockTimeout})
	if err != nil {
		return 0, 0, err
	}
	defer old.Close()

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

// equal says why the file at path is not as good as the store it was made of.
func equal(ctx context.Context, old *boltStore, path, storeID string) error {
	made, err := openBolt(path, storeID, boltLimits{lock: lockTimeout, read: true})
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
