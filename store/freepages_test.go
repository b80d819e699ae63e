package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// byFrame opens a store as a large one is opened.
var byFrame = boltLimits{lock: 100 * time.Millisecond, whole: 1}

// frees puts documents of some pages, and takes them away again.
func frees(t *testing.T, s Store, id string) {
	t.Helper()
	d := Document{Kind: "test", ID: id, Body: bytes.Repeat([]byte("x"), 300<<10)}
	if err := s.PutDocuments(t.Context(), []Document{d}); err != nil {
		t.Fatal(err)
	}
	d.Revision, d.Body = 1, nil
	if err := s.PutDocuments(t.Context(), []Document{d}); err != nil {
		t.Fatal(err)
	}
}

// boltSays is what bbolt itself finds wrong with a file, but for pages that hold
// nothing and are not free; how many these are.
func boltSays(t *testing.T, path string) (unused int) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			if !strings.Contains(err.Error(), "unreachable unfreed") {
				t.Errorf("bbolt: %v", err)
			}
			unused++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return unused
}

// A large file opens with the pages that its last user left free; after a kill with
// none, and then nothing in use is overwritten either.
func TestFreePages(t *testing.T) {
	path := filled(t)
	killed := filepath.Join(t.TempDir(), "store.db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	s := reopenAs(t, path, testKeys(), boltLimits{lock: byFrame.lock, whole: info.Size()}) // it becomes a large one
	frees(t, s, "a")
	frees(t, s, "b")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(killed, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if unused := boltSays(t, path); unused > 0 {
		t.Errorf("closed in peace: %d pages are neither used nor free", unused)
	}
	closed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	// 1. In peace: its free pages are used before it grows.
	s = reopenAs(t, path, testKeys(), byFrame)
	if free := s.db.Stats().FreePageN; free < 75 {
		t.Errorf("closed in peace: opened with %d free pages", free)
	}
	issue(t, s, draft(100))
	frees(t, s, "c")
	CheckStore(t, s)
	if e, err := Examine(t.Context(), s); err != nil || e.Unused != 0 {
		t.Errorf("closed in peace: %+v, %v", e, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if unused := boltSays(t, path); unused > 0 {
		t.Errorf("closed in peace again: %d pages are neither used nor free", unused)
	}

	// 2. Killed: no page is taken for free.
	s = reopenAs(t, killed, testKeys(), byFrame)
	if free := s.db.Stats().FreePageN; free != 0 {
		t.Errorf("killed: opened with %d free pages", free)
	}
	issue(t, s, draft(100))
	frees(t, s, "c")
	CheckStore(t, s)
	e, err := Examine(t.Context(), s)
	if err != nil || e.Unused < 75 {
		t.Errorf("killed: %+v, %v; more pages were free", e, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if unused := boltSays(t, killed); unused != int(e.Unused) {
		t.Errorf("killed: %d pages are neither used nor free, Examine has found %d", unused, e.Unused)
	}
	if _, _, err := Compact(t.Context(), killed, storeID, testKeys()); err != nil {
		t.Fatal(err)
	}
	if unused := boltSays(t, killed); unused > 0 {
		t.Errorf("compacted: %d pages are neither used nor free", unused)
	}

	// 3. A list that is not as it was left is not believed.
	found, err := examinePages(closed, true)
	if err != nil || !found.free {
		t.Fatalf("closed in peace: %+v, %v", found, err)
	}
	at := int(found.meta.free) * found.meta.pageSize
	for _, flip := range []int{8 /* flags */, 10 /* count */, 24, 40} {
		b := bytes.Clone(closed)
		b[at+flip] ^= 4
		if found, err := examinePages(b, true); err == nil && found.free {
			t.Errorf("with byte %d of its page flipped, it is believed", flip)
		}
	}
	b := slices.Clone(closed) // a page in use is said to be free, and all others are examined
	order.PutUint64(b[at+pageHeader:], found.meta.root)
	if _, err := examinePages(b, false); !errors.Is(err, ErrDamaged) {
		t.Errorf("the root is said to be free: %v", err)
	}
}

// More free pages than a page has room to count.
func TestManyFreePages(t *testing.T) {
	path := filled(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, err := examine(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	const many = 70_000
	m := found.meta
	var ids []uint64
	for id := m.pages; id < m.pages+many; id++ {
		ids = append(ids, id)
	}
	m.pages += many
	if err := commitFree(f, m, ids); err != nil {
		t.Fatal(err)
	}
	s := reopenAs(t, path, testKeys(), byFrame)
	if free := s.db.Stats().FreePageN; free != many {
		t.Errorf("opened with %d free pages, not %d", free, many)
	}
	issue(t, s, draft(100))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := reopenAs(t, path, testKeys(), byFrame); again.db.Stats().FreePageN < many/2 {
		t.Errorf("opened again with %d free pages", again.db.Stats().FreePageN)
	}
}

// What the frame does not show is found by Examine, and nothing is written then; and
// whoever comes to it before is refused, and not the process ended.
func TestExamine(t *testing.T) {
	path := filled(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, err := examinePages(data, true)
	if err != nil {
		t.Fatal(err)
	}
	w := newWalk(data, found.meta, false)
	if err := w.tree(found.meta.root, all); err != nil {
		t.Fatal(err)
	}
	hit := 0
	for id := uint64(2); id < found.meta.pages; id++ {
		p, err := w.header(id)
		if w.seen[id/8]&(1<<(id%8)) == 0 || err != nil || p.flags() != pageLeaf {
			continue
		}
		b := bytes.Clone(data)
		clear(b[int(id)*found.meta.pageSize+8:][:pageHeader+elementSize])
		if _, err := examinePages(b, true); err != nil {
			continue // at the edge
		}
		hit++
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := reopenAs(t, path, testKeys(), byFrame)
		for i := range 40 {
			if _, err := s.Get(t.Context(), draft(i).ID); err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound) {
				t.Errorf("page %d, record %d: %v", id, i, err)
			}
		}
		if err := s.Writable(); err != nil {
			t.Errorf("page %d, before it is found: %v", id, err)
		}
		if _, err := Examine(t.Context(), s); !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: Examine finds %v", id, err)
		}
		if err := s.Writable(); !errors.Is(err, ErrReadOnly) || !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d, after it is found: %v", id, err)
		}
		if len(Check(t.Context(), s)) == 0 {
			t.Errorf("page %d: Check finds nothing", id)
		}
		s.Close()
		if again, err := openBolt(path, storeID, testKeys(), byFrame); !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: opened again: %v", id, err)
			again.Close()
		}
		if err := os.WriteFile(path, data, 0o600); err != nil { // put right
			t.Fatal(err)
		}
		reopenAs(t, path, testKeys(), byFrame).Close()
		if _, err := os.Lstat(path + damagedSuffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("page %d: put right, and still said to be damaged: %v", id, err)
		}
	}
	if hit == 0 {
		t.Error("no page is beyond the frame")
	}
}
