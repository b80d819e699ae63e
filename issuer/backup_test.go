package issuer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"indeks/keys"
	"indeks/store"
)

// backup is how the house is copied.
func (h *house) backup(t testing.TB) Backup {
	return Backup{Store: h.store, Learners: h.learners, Keys: h.ring.Entries(), Work: filepath.Join(t.TempDir(), "copy"), StoreID: testDID,
		Program: "test", Whole: true, Now: func() time.Time { return h.now }}
}

func backupKey(t testing.TB) (identity []byte, recipient string) {
	t.Helper()
	identity, recipient, err := keys.NewBackupKey()
	if err != nil {
		t.Fatal(err)
	}
	return identity, recipient
}

// A backup made while credentials are issued is a whole store as of one instant,
// opens for its recipient alone, and is what its manifest says.
func TestBackupWhileIssuing(t *testing.T) {
	h := newHouse(t, nil)
	identity, recipient := backupKey(t)
	other, _ := backupKey(t)
	for n := range 3 {
		d := draft(t)
		d.LearnerID = fmt.Sprint("before/", n)
		if _, err := h.Issue(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			d := draft(t)
			d.LearnerID = fmt.Sprint("meanwhile/", n)
			if _, err := h.Issue(context.Background(), d); err != nil {
				stopped <- err
				return
			}
		}
	}()
	b := h.backup(t)
	b.Recipients = []string{recipient}
	path := filepath.Join(t.TempDir(), "new", b.Name(noon))
	m, err := b.Make(t.Context(), path)
	close(stop)
	if err := errors.Join(err, <-stopped); err != nil {
		t.Fatal(err)
	}

	if m.Records < 3 || m.Seals < 6 || m.Checked != "records" || len(m.Lists) != 2 || m.Store != testDID {
		t.Errorf("manifest %+v", m)
	}
	if read, err := ReadManifest(path); err != nil || read.SHA256 != m.SHA256 || read.States[store.Issued] != m.States[store.Issued] {
		t.Errorf("read %+v, %v", read, err)
	}
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(sealed); hex.EncodeToString(sum[:]) != m.SHA256 || int64(len(sealed)) != m.Bytes {
		t.Error("the file is not what the manifest says")
	}
	if bytes.Contains(sealed, []byte("meanwhile/")) {
		t.Error("it can be read without a key")
	}
	if _, err := keys.DecryptBackup(bytes.NewReader(sealed), other); !errors.Is(err, keys.ErrIdentity) {
		t.Errorf("with another's key: %v", err)
	}
	clear, err := keys.DecryptBackup(bytes.NewReader(sealed), identity)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(clear)
	if sum := sha256.Sum256(plain); err != nil || hex.EncodeToString(sum[:]) != m.Plain.SHA256 {
		t.Errorf("what is in it is not what the manifest says: %v", err)
	}
	if _, err := os.Stat(b.Work); !errors.Is(err, os.ErrNotExist) {
		t.Error("the unencrypted copy is still there")
	}
	if _, err := b.Make(t.Context(), path); err == nil {
		t.Error("a backup was replaced")
	}
}

// What does not pass is no backup: nothing is left of it, and what was there stays.
func TestBackupRefusesWhatIsDamaged(t *testing.T) {
	h := newHouse(t, nil)
	if _, err := h.Issue(t.Context(), draft(t)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Backup){
		"a seal that no key opens":    func(b *Backup) { b.Keys = []keys.Entry{} },
		"the same, not whole":         func(b *Backup) { b.Keys, b.Whole = []keys.Entry{}, false },
		"another institution's store": func(b *Backup) { b.StoreID = "did:web:other.example" },
		"a recipient that is none":    func(b *Backup) { b.Recipients = []string{"age1nobody"} },
		"broken off":                  func(b *Backup) { b.Each = func(store.Record) error { return context.Canceled } },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := h.backup(t)
			change(&b)
			if _, err := b.Make(t.Context(), filepath.Join(dir, "x.db")); err == nil {
				t.Error("no error")
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if _, err := os.Stat(b.Work); !errors.Is(err, os.ErrNotExist) {
				t.Error("the unencrypted copy is still there")
			}
		})
	}
}

// The keeper makes a backup when it is asked to and when it is time, looks at
// every record once a day, and keeps older ones when it fails.
func TestKeeper(t *testing.T) {
	h := newHouse(t, nil)
	if _, err := h.Issue(t.Context(), draft(t)); err != nil {
		t.Fatal(err)
	}
	var warned []string
	k := &Keeper{Backup: h.backup(t), Dir: t.TempDir(), Keep: Keep{Hours: 2}, Warn: func(msg string, _ ...any) { warned = append(warned, msg) }}
	step := func() error {
		err := k.make(t.Context())
		h.now = h.now.Add(time.Hour)
		return err
	}
	if _, ok := k.next(); ok {
		t.Error("one is due, and nobody wants it")
	}
	k.Every = time.Hour
	if wait, ok := k.next(); !ok || wait != 0 {
		t.Errorf("the first is due in %v", wait)
	}
	for n := range 4 {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		_, _, made, err := k.State()
		if err != nil || len(made) != min(n+1, 2) {
			t.Fatalf("after %d: %d, %v", n+1, len(made), err)
		}
		if whole := made[0].Checked == "records"; whole != (n == 0 || n == 3) { // the whole one of n == 0 is gone by then
			t.Errorf("backup %d: checked %s", n, made[0].Checked)
		}
	}
	if wait, _ := k.next(); wait != 0 {
		t.Errorf("the next after an hour is due in %v", wait)
	}
	k.Backup.StoreID = "did:web:other.example"
	k.Dir += "/below"
	if err := os.WriteFile(k.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := step(); err == nil {
		t.Error("a backup of another's store")
	}

	k.Dir, k.Backup.StoreID, k.Every = t.TempDir(), testDID, 0
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	k.Ask()
	k.Ask()
	for running := true; running; running, _, _, _ = k.State() {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, failed, made, err := k.State(); failed != nil || err != nil || len(made) != 1 {
		t.Errorf("asked twice: %d backups, %v, %v", len(made), failed, err)
	}
	if len(warned) > 0 {
		t.Errorf("said %q", warned)
	}
}

// Hour by hour for two years: what is there covers the last 48 hours, 35 days
// and 12 months, and no more than that.
func TestKeep(t *testing.T) {
	keep := Keep{Hours: 48, Days: 35, Months: 12}
	rapid.Check(t, func(t *rapid.T) {
		start := noon.Add(time.Duration(rapid.IntRange(0, 365*24).Draw(t, "start")) * time.Hour)
		gap := rapid.IntRange(1, 30).Draw(t, "hours between")
		hours := rapid.IntRange(1, 500*24).Draw(t, "hours")
		var there []Manifest
		now := start
		for ; now.Before(start.Add(time.Duration(hours) * time.Hour)); now = now.Add(time.Duration(gap) * time.Hour) {
			there = append([]Manifest{{At: now, File: now.Format(time.RFC3339)}}, there...)
			gone := map[string]bool{}
			for _, m := range keep.expired(there, now) {
				gone[m.File] = true
			}
			var left []Manifest
			for _, m := range there {
				if !gone[m.File] {
					left = append(left, m)
				}
			}
			there = left
		}
		now = there[0].At
		have := func(layout string, at time.Time) bool {
			for _, m := range there {
				if m.At.Format(layout) == at.Format(layout) {
					return true
				}
			}
			return false
		}
		for at := now; at.After(start); at = at.Add(-time.Duration(gap) * time.Hour) {
			switch age := now.Sub(at); {
			case age < 48*time.Hour && !have("2006-01-02T15", at),
				age < 34*24*time.Hour && !have(time.DateOnly, at),
				age < 330*24*time.Hour && !have("2006-01", at):
				t.Fatalf("nothing of %v at %v", at, now)
			}
		}
		if most := 48/gap + 1 + 36 + 13; len(there) > most {
			t.Fatalf("%d are kept, want at most %d", len(there), most)
		}
	})
	if (Keep{}).expired([]Manifest{{At: noon}, {At: noon.AddDate(-9, 0, 0)}}, noon) != nil {
		t.Error("kept for ever, and yet removed")
	}
}
