package issuer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Keeper makes the backups of a running issuer, on time and when asked, one at a
// time: who runs the store holds it, so nobody else can copy it.
type Keeper struct {
	Backup Backup
	Dir    string
	Every  time.Duration // 0: only when asked
	Keep   Keep
	Warn   func(msg string, args ...any)

	once  sync.Once
	asked chan struct{}

	mu      sync.Mutex
	waiting bool // asked for, or being made
	failed  error
}

// retryBackup is when a backup that failed is tried again.
const retryBackup = 10 * time.Minute

func (k *Keeper) ask() chan struct{} {
	k.once.Do(func() { k.asked = make(chan struct{}, 1) })
	return k.asked
}

// Ask has a backup made now; while one is being made it is that one. Run must
// be running.
func (k *Keeper) Ask() {
	asked := k.ask()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting {
		return
	}
	k.waiting = true
	asked <- struct{}{}
}

// State reports whether a backup is being made, why the last one failed, and
// which there are, newest first.
func (k *Keeper) State() (running bool, failed error, made []Manifest, err error) {
	k.mu.Lock()
	running, failed = k.waiting, k.failed
	k.mu.Unlock()
	made, err = Backups(k.Dir, k.Backup.StoreID)
	return running, failed, made, err
}

// Run makes backups until ctx ends, and returns nil then. What fails is reported
// to Warn, and no older backup is removed then.
func (k *Keeper) Run(ctx context.Context) error {
	asked := k.ask()
	for {
		var due <-chan time.Time
		if wait, ok := k.next(); ok {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-due:
		case <-asked:
		}
		k.mu.Lock()
		k.waiting = true
		k.mu.Unlock()
		err := k.make(ctx)
		if err != nil && ctx.Err() == nil {
			k.Warn("ALARM: no backup was made", "error", err)
		}
		k.mu.Lock()
		k.waiting, k.failed = false, err
		k.mu.Unlock()
		select { // who asked while it was being made has it
		case <-asked:
		default:
		}
	}
}

// next is how long it is until the next backup; ok is false where none is due
// by itself.
func (k *Keeper) next() (wait time.Duration, ok bool) {
	if k.Every <= 0 {
		return 0, false
	}
	_, failed, made, err := k.State()
	switch {
	case failed != nil || err != nil:
		return min(retryBackup, k.Every), true
	case len(made) == 0:
		return 0, true
	}
	return max(0, k.Every-k.Backup.Now().Sub(made[0].At)), true
}

// make makes one backup and removes those that need not be kept. The first of a
// day has all its records looked at.
func (k *Keeper) make(ctx context.Context) error {
	made, err := Backups(k.Dir, k.Backup.StoreID)
	if err != nil {
		return err
	}
	b := k.Backup
	now := b.Now()
	b.Whole = true
	for _, m := range made {
		if m.Checked == checkedRecords && m.At.UTC().Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
			b.Whole = false
		}
	}
	m, err := b.Make(ctx, filepath.Join(k.Dir, b.Name(now)))
	if err != nil {
		return err
	}
	if err := b.Store.Append(ctx, m.Event()); err != nil {
		return fmt.Errorf("logging the backup %s, which was made: %w", m.File, err)
	}
	// The manifest goes last: a backup that lacks its manifest would stay for ever.
	var failed []error
	for _, old := range k.Keep.expired(append([]Manifest{m}, made...), now) {
		path := filepath.Join(k.Dir, old.File)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, os.Remove(path+manifestSuffix))
	}
	if err := errors.Join(failed...); err != nil {
		k.Warn("old backups are not removed", "error", err)
	}
	return nil
}
