package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// While a store is read-only by intent, all is read and published, what was
// reserved is finished, and nothing else is written.
func TestGuardReadOnly(t *testing.T) {
	real := reopen(t, initStore(t))
	revocation, suspension := openLists(t, real)
	issue(t, real, draft(1, revocation, suspension))
	if _, err := real.Reserve(t.Context(), draft(2, revocation, suspension)); err != nil {
		t.Fatal(err)
	}
	s := Guard(real, true, nil)
	for name, write := range map[string]func() error{
		"Reserve":  func() error { _, err := s.Reserve(t.Context(), draft(3, revocation)); return err },
		"OpenList": func() error { _, err := s.OpenList(t.Context(), "revocation", now); return err },
		"Numbers":  func() error { _, err := s.Numbers(t.Context(), "x", 1); return err },
		"Change": func() error {
			_, err := s.Change(t.Context(), draft(1).ID, Change{At: now, State: Revoked})
			return err
		},
		"PutCourse": func() error {
			_, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte("{}"), Changed: now})
			return err
		},
		"Writable": s.Writable,
	} {
		if err := write(); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: err = %v, want %v", name, err, ErrReadOnly)
		}
	}
	if r, err := s.Get(t.Context(), draft(1).ID); err != nil || r.State != Issued {
		t.Errorf("record: %s, %v", r.State, err)
	}
	if _, err := s.Commit(t.Context(), draft(2).ID, tokens(draft(2))); err != nil {
		t.Errorf("finishing what is reserved: %v", err)
	}
	if err := s.Publish(t.Context(), revocation.ID, 1, []byte("token"), now); err != nil {
		t.Errorf("publishing: %v", err)
	}
	CheckStore(t, s)
	if found := Check(t.Context(), s); len(found) > 0 {
		t.Error(found)
	}
}

// guardedDisk is a store on a disk that has as much room as the test says.
func guardedDisk(t *testing.T) (s Store, d *Disk, free *int64, warned *[]string) {
	t.Helper()
	path := initStore(t)
	free, warned = new(int64), new([]string)
	*free = 100 << 20
	d = &Disk{Dir: filepath.Dir(path), WarnPercent: 20, StopPercent: 10, StopBytes: 4 << 20, Reserve: 1 << 20,
		Warn:  func(msg string, _ ...any) { *warned = append(*warned, msg) },
		space: func(string) (int64, int64, error) { return *free, 100 << 20, nil }}
	if err := d.Hold(); err != nil {
		t.Fatal(err)
	}
	return Guard(reopen(t, path), false, d), d, free, warned
}

func TestDiskGuard(t *testing.T) {
	s, d, free, warned := guardedDisk(t)
	revocation, _ := openLists(t, s)
	n := 0
	reserve := func() error { n++; _, err := s.Reserve(t.Context(), draft(n, revocation)); return err }
	for _, tt := range []struct {
		percent int64
		want    error
		room    Room
	}{
		{50, nil, RoomPlenty}, {20, nil, RoomPlenty}, {19, nil, RoomLittle}, {19, nil, RoomLittle}, {10, nil, RoomLittle},
		{9, ErrDiskLow, RoomNone}, {0, ErrDiskLow, RoomNone}, {15, nil, RoomLittle}, {60, nil, RoomPlenty},
	} {
		*free = tt.percent << 20
		if err := reserve(); !errors.Is(err, tt.want) {
			t.Errorf("with %d %%: err = %v, want %v", tt.percent, err, tt.want)
		}
		if err := s.Writable(); !errors.Is(err, tt.want) {
			t.Errorf("with %d %%: Writable: %v, want %v", tt.percent, err, tt.want)
		}
		if room, percent := d.Room(); room != tt.room || percent != int(tt.percent) {
			t.Errorf("with %d %%: %v, %d", tt.percent, room, percent)
		}
	}
	want := []string{"filling up", "nothing is issued", "reserve is given up", "filling up", "has room again"}
	if !slices.EqualFunc(*warned, want, strings.Contains) {
		t.Errorf("said %q, want %q", *warned, want)
	}

	// Where the percentage is enough, the bytes may not be.
	d.StopPercent, *free = 0, 4<<20-1
	if err := reserve(); !errors.Is(err, ErrDiskLow) {
		t.Errorf("under StopBytes: err = %v, want %v", err, ErrDiskLow)
	}
	// Without limits, and where nobody knows how much room there is, all goes on.
	d.StopBytes, d.WarnPercent, *free = 0, 0, 0
	if err := reserve(); err != nil {
		t.Errorf("without limits: %v", err)
	}
	d.StopBytes, d.space = 1<<40, func(string) (int64, int64, error) { return 0, 0, errors.ErrUnsupported }
	if err := reserve(); err != nil {
		t.Errorf("on an unknown disk: %v", err)
	}
}

// The reserve takes real room, is there once, and is given up for revoking alone
// and only when there is nothing else.
func TestReserveFile(t *testing.T) {
	s, d, free, _ := guardedDisk(t)
	revocation, suspension := openLists(t, s)
	issue(t, s, draft(1, revocation, suspension))
	held := func() bool { info, err := os.Stat(d.reserve()); return err == nil && info.Size() == d.Reserve }
	if !held() {
		t.Fatal("no room is kept")
	}
	*free = d.Reserve / 4
	moveTo(t, s, 1, Suspended)
	if !held() {
		t.Error("the reserve is given up while there is room")
	}
	*free--
	moveTo(t, s, 1, Revoked)
	if held() {
		t.Error("the reserve is not given up")
	}
	if err := d.Hold(); err != nil || held() {
		t.Errorf("room is kept on a full disk: %v", err)
	}
	*free = 50 << 20
	if err := d.Hold(); err != nil || !held() {
		t.Errorf("no room is kept again: %v", err)
	}
}

// On a real disk that is full to the last byte nobody can issue, and everybody
// can be revoked.
func TestRevokingOnAFullDisk(t *testing.T) {
	dir := smallVolume(t, 48)
	path := filepath.Join(dir, "store.db")
	if err := InitBolt(path, storeID, testKeys()); err != nil {
		t.Fatal(err)
	}
	real, err := openBolt(path, storeID, testKeys(), boltLimits{lock: time.Second, size: volumeShare(path)})
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	d := &Disk{Dir: dir, StopPercent: 50, Reserve: 16 << 20, Warn: func(string, ...any) {}}
	if err := d.Hold(); err != nil {
		t.Fatal(err)
	}
	s := Guard(real, false, d)
	revocation, suspension := openLists(t, s)
	n := 0
	for ; ; n++ {
		r := draft(n, revocation, suspension)
		r.Forms["edc"] = Sealed{Payload: make([]byte, 1000)}
		if _, err = s.Reserve(t.Context(), r); err != nil {
			break
		}
		if _, err := s.Commit(t.Context(), r.ID, tokens(r)); err != nil {
			t.Fatal(err)
		}
		if n == 50 { // somebody else's file
			if err := os.WriteFile(filepath.Join(dir, "log"), make([]byte, 64<<20), 0o600); err == nil {
				t.Fatal("the disk is not full")
			}
		}
	}
	if !errors.Is(err, ErrDiskLow) {
		t.Fatalf("after %d: err = %v, want %v", n, err, ErrDiskLow)
	}
	for i := range n {
		if _, err := s.Change(t.Context(), draft(i).ID, Change{At: now, State: Revoked}); err != nil {
			t.Fatalf("revoking %d of %d: %v", i, n, err)
		}
	}
	CheckStore(t, s)
}

// smallVolume is a folder on a file system of its own, of so many MiB.
func smallVolume(t *testing.T, size int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", size), "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a file system of %d MiB cannot be mounted (it takes root): %v: %s", size, err, out)
	}
	t.Cleanup(func() {
		if err := exec.Command("umount", "-l", dir).Run(); err != nil {
			t.Error(err)
		}
	})
	return dir
}
