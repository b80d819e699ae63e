package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"indeks/alike"
	"indeks/status"
)

const storeID = "uni-4f2a"

// initStore makes a store in a new folder.
func initStore(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "data", "store.db")
	if err := InitBolt(path, storeID, testKeys()); err != nil {
		t.Fatal(err)
	}
	return path
}

// freshKeys makes data keys that no other test destroys.
func freshKeys(t testing.TB) *DataKeys {
	t.Helper()
	keys, err := CreateDataKeys(t.Context(), VaultFile(filepath.Join(t.TempDir(), "keys")), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// testKeys are those of all stores that have none of their own, in the file testVault.
var (
	testVault string
	testKeys  = sync.OnceValue(func() *DataKeys {
		keys, err := OpenDataKeys(context.Background(), VaultFile(testVault), [32]byte{})
		if errors.Is(err, os.ErrNotExist) {
			keys, err = CreateDataKeys(context.Background(), VaultFile(testVault), [32]byte{})
		}
		if err != nil {
			panic(err)
		}
		return keys
	})
)

// reopen opens a store that waits for nobody.
func reopen(t testing.TB, path string) *boltStore {
	t.Helper()
	return reopenWith(t, path, testKeys())
}

func reopenWith(t testing.TB, path string, keys *DataKeys) *boltStore {
	t.Helper()
	return reopenAs(t, path, keys, boltLimits{lock: 100 * time.Millisecond})
}

func reopenAs(t testing.TB, path string, keys *DataKeys, limits boltLimits) *boltStore {
	t.Helper()
	s, err := openBolt(path, storeID, keys, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestBolt(t *testing.T) {
	testStore(t, func(t *testing.T) Store {
		keys, path := freshKeys(t), filepath.Join(t.TempDir(), "store.db")
		if err := InitBolt(path, storeID, keys); err != nil {
			t.Fatal(err)
		}
		s, err := OpenBolt(path, storeID, keys)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}

func TestInitNeverReplaces(t *testing.T) {
	path := initStore(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"the same": storeID, "another": "other-1"} {
		if err := InitBolt(path, id, testKeys()); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s institution: err = %v, want %v with the path", name, err, ErrExists)
		}
	}
	empty := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := InitBolt(empty, storeID, testKeys()); !errors.Is(err, ErrExists) {
		t.Errorf("empty file: err = %v, want %v", err, ErrExists)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the store was touched: %v", err)
	}
	if err := InitBolt(filepath.Join(t.TempDir(), "store.db"), "", testKeys()); err == nil {
		t.Error("a store without an owner")
	}

	// Of many at once, one makes it.
	dir := t.TempDir()
	var made atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			err := InitBolt(filepath.Join(dir, "store.db"), storeID, testKeys())
			if err == nil {
				made.Add(1)
			} else if !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	files, _ := os.ReadDir(dir)
	if made.Load() != 1 || len(files) != 1 {
		t.Errorf("made %d times, %d files left", made.Load(), len(files))
	}
}

func TestInitPermissions(t *testing.T) {
	path := initStore(t)
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

// filled makes a store with a few records and returns its path.
func filled(t testing.TB) string {
	t.Helper()
	build.Do(func() { buildFilled(t) })
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, filledStore, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	build       sync.Once
	filledStore []byte
)

func buildFilled(t testing.TB) {
	path := initStore(t)
	s := reopen(t, path)
	revocation, suspension := openLists(t, s)
	if _, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte("{}"), Changed: now}); err != nil {
		t.Fatal(err)
	}
	base, err := PutBase(t.Context(), s, [][]byte{[]byte("every "), []byte(" has this")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		r := draft(i, revocation, suspension)
		if i%2 == 0 {
			r.Forms["vc2"] = Sealed{Payload: fmt.Appendf(nil, "every %d has this", i), Base: base}
		}
		if i == 5 {
			awardUnder(&r, "c", "1", "{}")
		}
		r.Forms["edc"] = Sealed{Payload: bytes.Repeat(fmt.Appendf(nil, "payload of %d. ", i), 400)}
		issue(t, s, r)
	}
	for i, to := range []State{Suspended, Revoked} {
		if _, err := s.Change(t.Context(), draft(i).ID, Change{At: now, State: to}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Publish(t.Context(), revocation.ID, 1, []byte("published token"), now); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	filledStore = data[:used(t, data)]
}

// used is the size of the pages in use: the file grows ahead of them.
func used(t testing.TB, file []byte) int {
	t.Helper()
	first, ok1 := readMeta(file, 0)
	second, ok2 := readMeta(file, first.pageSize)
	if !ok1 || !ok2 {
		t.Fatal("a meta page is not valid")
	}
	return int(max(first.pages, second.pages)) * first.pageSize
}

// edit changes a file through bbolt itself.
func edit(t *testing.T, path string, fn func(tx *bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// eachExamined runs a test with all pages examined at opening, and with the frame alone.
func eachExamined(t *testing.T, name string, test func(t *testing.T, limits boltLimits)) {
	for how, whole := range map[string]int64{"whole": 0, "frame": 1} {
		t.Run(name+"/"+how, func(t *testing.T) { test(t, boltLimits{lock: 100 * time.Millisecond, whole: whole}) })
	}
}

// What cannot be opened is refused with a sentence that names the file and what
// to do, and is left as it was.
func TestOpenRefuses(t *testing.T) {
	whole := filled(t)
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	garbage := make([]byte, 1<<16)
	rand.Read(garbage)
	torn := bytes.Clone(data) // both meta pages
	torn[64]++
	torn[os.Getpagesize()+64]++
	copyOf := func(change func(tx *bolt.Tx) error) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			write(data)(t, path)
			edit(t, path, change)
		}
	}

	for _, tt := range []struct {
		name  string
		id    string
		build func(t *testing.T, path string)
		want  error
		hint  string
	}{
		{"whole", storeID, write(data), nil, ""},
		{"missing", storeID, func(*testing.T, string) {}, ErrMissing, "indeks init"},
		{"empty", storeID, write(nil), ErrEmpty, "restore"},
		{"half", storeID, write(data[:len(data)/2/os.Getpagesize()*os.Getpagesize()]), ErrDamaged, "restore"},
		{"last page missing", storeID, write(data[:len(data)-os.Getpagesize()]), ErrDamaged, "restore"},
		{"with space to grow", storeID, write(append(bytes.Clone(data), make([]byte, 1<<20)...)), nil, ""},
		{"first two pages", storeID, write(data[:2*os.Getpagesize()]), ErrDamaged, "restore"},
		{"first page", storeID, write(data[:os.Getpagesize()]), ErrDamaged, "restore"},
		{"not whole pages", storeID, write(data[:len(data)-100]), ErrDamaged, "restore"},
		{"garbage", storeID, write(garbage), ErrDamaged, "restore"},
		{"ten bytes", storeID, write(garbage[:10]), ErrDamaged, "restore"},
		{"both meta pages torn", storeID, write(torn), ErrDamaged, "restore"},
		{"of another institution", "other-1", write(data), ErrForeign, "configuration"},
		{"another program's", storeID, func(t *testing.T, path string) {
			edit(t, path, func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("b")); return err })
		}, ErrForeign, "configuration"},
		{"newer schema", storeID, copyOf(func(tx *bolt.Tx) error {
			return putJSON(tx, bucketMeta, identityKey, identity{Store: storeID, Schema: schema + 1})
		}), ErrNewer, "use the program"},
		{"identity damaged", storeID, copyOf(func(tx *bolt.Tx) error {
			return tx.Bucket(bucketMeta).Put(identityKey, []byte("no"))
		}), ErrDamaged, "restore"},
		{"a bucket missing", storeID, copyOf(func(tx *bolt.Tx) error {
			return tx.DeleteBucket(bucketNumbers)
		}), ErrDamaged, "restore"},
		{"folder", storeID, func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, syscall.EISDIR, ""},
		{"held by another process", storeID, func(t *testing.T, path string) {
			write(data)(t, path)
			reopen(t, path)
		}, ErrLocked, "stop the other"},
	} {
		eachExamined(t, tt.name, func(t *testing.T, limits boltLimits) {
			path := filepath.Join(t.TempDir(), "store.db")
			tt.build(t, path)
			before, _ := os.ReadFile(path)
			s, err := openBolt(path, tt.id, testKeys(), limits)
			if err == nil {
				CheckStore(t, s)
				s.Close()
			}
			if !errors.Is(err, tt.want) {
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), tt.hint) || strings.Contains(err.Error(), "\n") {
				t.Errorf("message %q does not name %q and a hint like %q in a line", err, path, tt.hint)
			}
			after, _ := os.ReadFile(path)
			if !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

// ReadBolt reads beside others, writes nothing, and refuses a store that would
// have to be brought up to date.
func TestReadBolt(t *testing.T) {
	path := filled(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // both at once
		s, err := ReadBolt(path, storeID, testKeys())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		CheckStore(t, s)
		if _, err := s.Reserve(t.Context(), draft(99)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Reserve: err = %v, want %v", err, ErrReadOnly)
		}
		if err := s.Writable(); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Writable: err = %v, want %v", err, ErrReadOnly)
		}
	}
	if _, err := openBolt(path, storeID, testKeys(), boltLimits{lock: time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("to write, beside those who read: err = %v, want %v", err, ErrLocked)
	}
	old := filled(t)
	edit(t, old, func(tx *bolt.Tx) error {
		return putJSON(tx, bucketMeta, identityKey, identity{Store: storeID, Schema: schema - 1})
	})
	if _, err := ReadBolt(old, storeID, testKeys()); !errors.Is(err, ErrOlder) {
		t.Errorf("an older one: err = %v, want %v", err, ErrOlder)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

// Who waited for the lock of a file that is no longer the store does not open it.
func TestOpenReplaced(t *testing.T) {
	path := filled(t)
	s := reopen(t, path)
	opened := make(chan error)
	go func() {
		_, err := openBolt(path, storeID, testKeys(), boltLimits{lock: time.Minute})
		opened <- err
	}()
	time.Sleep(100 * time.Millisecond) // it has the file, or else will open the new one
	if err := os.Rename(filled(t), path); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil && !errors.Is(err, ErrLocked) {
		t.Errorf("err = %v, want none or %v", err, ErrLocked)
	}
}

// A power cut in the middle of the last commit tears one meta page. The store
// opens with the transaction before it.
func TestOpenWithOneTornMeta(t *testing.T) {
	whole := filled(t)
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []int{0, 1} {
		path := filepath.Join(t.TempDir(), "store.db")
		torn := bytes.Clone(data)
		torn[page*os.Getpagesize()+64]++
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		CheckStore(t, reopen(t, path))
	}
}

// One flipped byte anywhere in the file: refused, or found by Check, or in a
// place that nothing rests on; never a crash, and never another answer than the
// right one or an error.
func TestFlippedByte(t *testing.T) { eachExamined(t, "", testFlippedByte) }

func testFlippedByte(t *testing.T, limits boltLimits) {
	whole := filled(t)
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	s := reopen(t, whole)
	want := map[string]Record{}
	for r := range s.Records(t.Context(), "") {
		if want[r.ID], err = s.Get(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()

	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	refused, found, silent := 0, 0, 0
	for range 100 {
		at, bit := mathrand.Int64N(int64(len(data))), byte(1)<<mathrand.IntN(8)
		f.WriteAt([]byte{data[at] ^ bit}, at)

		s, err := openBolt(path, storeID, testKeys(), limits)
		if err != nil {
			refused++
		} else {
			for id, r := range want {
				got, err := s.Get(t.Context(), id)
				if err == nil && !reflect.DeepEqual(r, got) { // cmp.Diff takes its time
					t.Errorf("byte %d, bit %#x: another record is read:\n%s", at, bit, cmp.Diff(r, got))
				}
			}
			if len(Check(t.Context(), s)) > 0 {
				found++
			} else {
				silent++
			}
			s.Close()
		}
		f.WriteAt(data, 0) // opening by the frame, and closing, write to the file
	}
	t.Logf("refused at opening %d, found by Check %d, in unused places %d", refused, found, silent)
}

// Whatever the pages hold, examining them ends in an answer.
func FuzzExamine(f *testing.F) {
	build.Do(func() { buildFilled(f) })
	f.Add(uint32(0), []byte{})
	f.Add(uint32(2*os.Getpagesize()), []byte{2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 255, 255})
	f.Add(uint32(3*os.Getpagesize()+pageHeader), bytes.Repeat([]byte{255}, 64))
	f.Add(uint32(len(filledStore)-os.Getpagesize()), bytes.Repeat([]byte{0}, 64))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		file := bytes.Clone(filledStore)
		copy(file[int(at)%len(file):], patch)
		for _, frame := range []bool{false, true} {
			if _, err := examinePages(file, frame); err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("err = %v", err)
			}
		}
	})
}

// A flipped byte in one record damages that record, and no other.
func TestDamagedRecord(t *testing.T) {
	for _, tt := range []struct {
		name string
		find func(tx *bolt.Tx) []byte // what is damaged
	}{
		{"record", func(*bolt.Tx) []byte { return []byte(`"MC-2026-00017"`) }},
		{"payload", func(tx *bolt.Tx) []byte { return tx.Bucket(bucketPayloads).Get(blobKey(sequenceKey(18), "edc")) }},
		{"token", func(tx *bolt.Tx) []byte { return tx.Bucket(bucketTokens).Get(blobKey(sequenceKey(18), "vc2")) }},
	} {
		eachExamined(t, tt.name, func(t *testing.T, limits boltLimits) {
			path := filled(t)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var find []byte
			edit(t, path, func(tx *bolt.Tx) error {
				find = bytes.Clone(tt.find(tx))
				return nil
			})
			changed := bytes.Clone(find)
			changed[len(changed)/2] ^= 1
			// Copies of older transactions lie about in the file: all are hit.
			damaged := bytes.ReplaceAll(data, find, changed)
			if len(find) == 0 || bytes.Equal(damaged, data) {
				t.Fatalf("%q is not in the file", find)
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}

			s := reopenAs(t, path, testKeys(), limits)
			for i := range 40 {
				var want error
				if i == 17 {
					want = ErrDamaged
				}
				if _, err := s.Get(t.Context(), draft(i).ID); !errors.Is(err, want) {
					t.Errorf("record %d: err = %v, want %v", i, err, want)
				}
			}
			yielded, failed := 0, 0
			for _, err := range s.Records(t.Context(), "") {
				if err != nil {
					failed++
				} else {
					yielded++
				}
			}
			if yielded+failed != 40 || tt.name == "record" && failed != 1 || tt.name != "record" && failed != 0 {
				t.Errorf("%d records, %d errors", yielded, failed)
			}
			if found := Check(t.Context(), s); len(found) == 0 {
				t.Error("Check finds nothing")
			}

			// Work goes on, and what is illegible can still be revoked.
			issue(t, s, draft(100, List{ID: "r1", Purpose: status.Revocation}))
			if tt.name != "record" {
				if _, err := s.Change(t.Context(), draft(17).ID, Change{At: now, State: Revoked}); err != nil {
					t.Errorf("revoking: %v", err)
				}
			}
		})
	}
}

// Check finds what a flipped byte cannot be: entries that contradict each other.
func TestCheckFinds(t *testing.T) {
	record := func(tx *bolt.Tx, n int, change func(*recordDoc)) error {
		doc, key, err := byID.at(tx, []byte(draft(n).ID))
		if err != nil {
			return err
		}
		change(&doc)
		return putJSON(tx, bucketRecords, key, doc)
	}
	for name, change := range map[string]func(tx *bolt.Tx) error{
		"index entry lost": func(tx *bolt.Tx) error {
			return tx.Bucket(bucketLinks).Delete(testKeys().blind(byLink.kind, draft(3).Link))
		},
		"index entry of none":    func(tx *bolt.Tx) error { return tx.Bucket(bucketPublics).Put([]byte("X"), sequenceKey(1)) },
		"index entry of another": func(tx *bolt.Tx) error { return tx.Bucket(bucketNumbers).Put([]byte(draft(3).Number), sequenceKey(1)) },
		"index of a list lost":   func(tx *bolt.Tx) error { return tx.Bucket(bucketEntries).Delete(entryKey("r1", 3)) },
		"bit lost":               func(tx *bolt.Tx) error { return put(tx, bucketBits, []byte("r1"), status.New().Bits()) },
		"token lost":             func(tx *bolt.Tx) error { return tx.Bucket(bucketTokens).Delete(blobKey(sequenceKey(4), "edc")) },
		"payload left over": func(tx *bolt.Tx) error {
			return tx.Bucket(bucketPayloads).Put(blobKey(sequenceKey(4), "x"), []byte("x"))
		},
		"pending and issued":       func(tx *bolt.Tx) error { return tx.Bucket(bucketPending).Put(sequenceKey(4), nil) },
		"reserved, not pending":    func(tx *bolt.Tx) error { return record(tx, 3, func(d *recordDoc) { d.State = Reserved }) },
		"suspended, not so listed": func(tx *bolt.Tx) error { return tx.Bucket(bucketStates).Delete(stateKey("suspended", sequenceKey(1))) },
		"listed as revoked":        func(tx *bolt.Tx) error { return tx.Bucket(bucketStates).Put(stateKey("revoked", sequenceKey(4)), nil) },
		"data of another": func(tx *bolt.Tx) error {
			other, err := getDoc(tx, sequenceKey(5))
			return errors.Join(err, record(tx, 3, func(d *recordDoc) { d.Personal = other.Personal }))
		},
		"link of another": func(tx *bolt.Tx) error { // both ways agree with one another
			b := testKeys().blind(byLink.kind, "other")
			return errors.Join(record(tx, 3, func(d *recordDoc) { d.Blind[byLink.kind] = b }),
				tx.Bucket(bucketLinks).Delete(testKeys().blind(byLink.kind, draft(3).Link)), tx.Bucket(bucketLinks).Put(b, sequenceKey(4)))
		},
		"revoked without a bit": func(tx *bolt.Tx) error { return record(tx, 3, func(d *recordDoc) { d.State = Revoked }) },
		"index used twice":      func(tx *bolt.Tx) error { return record(tx, 3, func(d *recordDoc) { d.Entries[0].Index = 4 }) },
		"wrong count": func(tx *bolt.Tx) error {
			list, err := getList(tx, "r1")
			list.Used--
			return errors.Join(err, putJSON(tx, bucketLists, []byte("r1"), list))
		},
		"course text lost": func(tx *bolt.Tx) error { return tx.Bucket(bucketCourseTexts).Delete(courseKey("c", "1")) },
		"course text of none": func(tx *bolt.Tx) error {
			return tx.Bucket(bucketCourseTexts).Put(courseKey("c", "2"), packPayload([]byte("{}")))
		},
		"use of a course lost": func(tx *bolt.Tx) error {
			r := draft(5)
			awardUnder(&r, "c", "1", "{}")
			return tx.Bucket(bucketAwarded).Delete(r.awardedKey())
		},
		"course is not what was awarded": func(tx *bolt.Tx) error {
			text := []byte(`{"a":1}`)
			c := Course{ID: "c", Version: "1", Number: 1, Changed: now, SHA256: sha256.Sum256(text)}
			return errors.Join(putJSON(tx, bucketCourses, courseKey("c", "1"), c), tx.Bucket(bucketCourseTexts).Put(courseKey("c", "1"), packPayload(text)))
		},
		"a successor that knows nothing of it": func(tx *bolt.Tx) error {
			return record(tx, 4, func(d *recordDoc) {
				d.Changes = []Change{{At: now, State: Issued, Successor: draft(3).ID}}
			})
		},
		"what it supersedes knows nothing of it": func(tx *bolt.Tx) error {
			return record(tx, 4, func(d *recordDoc) {
				r := draft(4)
				r.Supersedes = &Supersession{ID: draft(3).ID}
				kept, _, _ := testKeys().protect(r)
				d.Personal.Record = kept.Personal.Record
			})
		},
		"published list lost": func(tx *bolt.Tx) error { return tx.Bucket(bucketPublished).Delete([]byte("r1")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := reopen(t, filled(t))
			CheckStore(t, s)
			if err := s.db.Update(change); err != nil {
				t.Fatal(err)
			}
			if len(Check(t.Context(), s)) == 0 {
				t.Error("Check finds nothing")
			}
		})
	}
}

// A list closes at 70 %, and the next one opens.
func TestListCloses(t *testing.T) {
	s := reopen(t, initStore(t))
	list, _ := openLists(t, s)
	// As if all but one index had been given out.
	setUsed := func(used uint64) {
		if err := s.db.Update(func(tx *bolt.Tx) error {
			doc, err := getList(tx, list.ID)
			doc.Used = used
			return errors.Join(err, putJSON(tx, bucketLists, []byte(list.ID), doc))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if ListLimit != 91_750 {
		t.Errorf("ListLimit = %d", ListLimit)
	}
	setUsed(ListLimit - 1)
	issue(t, s, draft(1, list))
	if _, err := s.Reserve(t.Context(), draft(2, list)); !errors.Is(err, ErrListFull) {
		t.Errorf("closed list: err = %v, want %v", err, ErrListFull)
	}
	next, err := s.OpenList(t.Context(), status.Revocation, now)
	if err != nil || next.ID != "r2" {
		t.Fatalf("next list %s, %v", next.ID, err)
	}
	issue(t, s, draft(2, next))
	if _, err := s.Change(t.Context(), draft(1).ID, Change{At: now, State: Revoked}); err != nil {
		t.Errorf("revoking in a closed list: %v", err)
	}
	setUsed(1)
	if found := Check(t.Context(), s); len(found) > 0 {
		t.Error(found)
	}
}

// After a write whose outcome is unknown nothing more is written, be it on disk
// or not; opened again, the store tells which, and repeating the call is safe.
func TestFailedWrite(t *testing.T) {
	broken := errors.New("input/output error")
	for name, fail := range map[string]func(update func() error) error{
		"not written": func(func() error) error { return broken },
		"written":     func(update func() error) error { return errors.Join(update(), broken) },
		"panic":       func(func() error) error { panic("assertion failed") },
	} {
		for _, step := range []string{"Reserve", "Commit", "Change", "Numbers", "Publish", "OpenList", "PutCourse"} {
			t.Run(name+"/"+step, func(t *testing.T) {
				path := initStore(t)
				s := reopen(t, path)
				list, err := s.OpenList(t.Context(), status.Revocation, now)
				if err != nil {
					t.Fatal(err)
				}
				work := []struct {
					name string
					do   func(s Store) error
				}{
					{"OpenList", func(s Store) error { _, err := s.OpenList(t.Context(), status.Suspension, now); return err }},
					{"Reserve", func(s Store) error { _, err := s.Reserve(t.Context(), draft(1, list)); return err }},
					{"Commit", func(s Store) error { _, err := s.Commit(t.Context(), draft(1).ID, tokens(draft(1))); return err }},
					{"Change", func(s Store) error {
						_, err := s.Change(t.Context(), draft(1).ID, Change{At: now, State: Revoked})
						return err
					}},
					{"Numbers", func(s Store) error { _, err := s.Numbers(t.Context(), "MC", 1); return err }},
					{"Publish", func(s Store) error {
						err := s.Publish(t.Context(), list.ID, 1, []byte("t"), now)
						if errors.Is(err, ErrSequence) { // it was written: what a publisher finds out
							return nil
						}
						return err
					}},
					{"PutCourse", func(s Store) error {
						_, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte("{}"), Changed: now})
						return err
					}},
				}
				for _, w := range work {
					if w.name == step {
						s.commit = fail
						err := w.do(s)
						if err == nil || isSentinel(err) || errors.Is(err, ErrReadOnly) {
							t.Fatalf("err = %v, want none of the sentinels", err)
						}
						if !strings.Contains(err.Error(), path) {
							t.Errorf("message %q does not name the store", err)
						}
						s.commit = func(update func() error) error { return update() }
						for _, other := range work {
							if err := other.do(s); other.name != "OpenList" && !errors.Is(err, ErrReadOnly) {
								t.Errorf("%s after it: err = %v, want %v", other.name, err, ErrReadOnly)
							}
						}
						if err := s.Writable(); !errors.Is(err, ErrReadOnly) {
							t.Errorf("Writable after it: err = %v, want %v", err, ErrReadOnly)
						}
						if _, err := s.Lists(t.Context()); err != nil {
							t.Errorf("reading after it: %v", err)
						}
						CheckStore(t, s)
						s.Close()
						s = reopen(t, path)
						CheckStore(t, s)
					}
					if err := w.do(s); err != nil {
						t.Fatalf("%s: %v", w.name, err)
					}
				}
				CheckStore(t, s)
			})
		}
	}
}

// What was reserved a moment ago is on record to the byte, or it is read: a token of what
// is damaged meanwhile is not put on record, and what another sealed meanwhile stays.
func TestCommitOfChanged(t *testing.T) {
	key := sequenceKey(1)
	flip := func(bucket, key []byte) func(t *testing.T, s *boltStore) {
		return func(t *testing.T, s *boltStore) {
			if err := s.db.Update(func(tx *bolt.Tx) error {
				stored := bytes.Clone(tx.Bucket(bucket).Get(key))
				stored[len(stored)/2] ^= 1
				return tx.Bucket(bucket).Put(key, stored)
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		meanwhile func(t *testing.T, s *boltStore)
		want      error
	}{
		"nothing":            {func(*testing.T, *boltStore) {}, nil},
		"the record":         {flip(bucketRecords, key), ErrDamaged},
		"a payload":          {flip(bucketPayloads, blobKey(key, "edc")), ErrDamaged},
		"where its id leads": {flip(bucketIDs, []byte(draft(1).ID)), ErrDamaged},
		"it is sealed":       {func(t *testing.T, s *boltStore) { issue(t, s, draft(1)) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := reopen(t, initStore(t))
			r, err := s.Reserve(t.Context(), draft(1))
			if err != nil {
				t.Fatal(err)
			}
			fresh := s.fresh.take(r.ID)
			tt.meanwhile(t, s)
			s.fresh.put(fresh)
			got, err := s.Commit(t.Context(), r.ID, tokens(r))
			if !errors.Is(err, tt.want) {
				t.Fatalf("err = %v, want %v", err, tt.want)
			}
			if err == nil {
				if known, err := s.Get(t.Context(), r.ID); err != nil || !reflect.DeepEqual(got, known) {
					t.Errorf("it is committed as %+v, and on record is %+v, %v", got, known, err)
				}
				return
			}
			if err := s.view(t.Context(), func(tx *bolt.Tx) error {
				if n := tx.Bucket(bucketTokens).Stats().KeyN; n > 0 {
					t.Errorf("%d tokens are on record", n)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Of callers that share a transaction, one's conflict is its own; a failure is
// everybody's; and who publishes a list between those who take its places loses none.
func TestGroup(t *testing.T) {
	s := reopen(t, initStore(t))
	list, _ := openLists(t, s)
	issue(t, s, draft(0, list))
	const callers = 64
	together := func() (errs [callers]error) {
		// The turn is held until all have queued up.
		s.turn <- struct{}{}
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				if i == callers/2 {
					errs[i] = s.Publish(t.Context(), list.ID, 1, []byte("token"), time.Now())
					return
				}
				r := draft(i+1, list)
				if i%2 == 0 {
					r.Entries[0].Index = 0 // taken
				}
				_, errs[i] = s.Reserve(t.Context(), r)
			})
		}
		for {
			s.mu.Lock()
			n := len(s.queue)
			s.mu.Unlock()
			if n == callers {
				break
			}
			time.Sleep(time.Millisecond)
		}
		<-s.turn
		group.Wait()
		return errs
	}

	transactions := 0
	s.commit = func(update func() error) error { transactions++; return update() }
	for i, err := range together() {
		var want error
		if i%2 == 0 && i != callers/2 {
			want = ErrIndexTaken
		}
		if !errors.Is(err, want) {
			t.Errorf("caller %d: err = %v, want %v", i, err, want)
		}
	}
	if transactions != 1 {
		t.Errorf("%d transactions for %d callers", transactions, callers)
	}
	if _, got, err := s.Bits(t.Context(), list.ID); err != nil || got.Used != 1+callers/2 || got.Sequence != 1 {
		t.Errorf("%d places are counted, sequence %d, %v", got.Used, got.Sequence, err)
	}
	CheckStore(t, s)

	s.commit = func(update func() error) error { return errors.New("input/output error") }
	for i, err := range together() {
		if err == nil || isSentinel(err) {
			t.Errorf("caller %d: err = %v, want an unknown outcome", i, err)
		}
	}
	CheckStore(t, s)
}

// What is acknowledged is on disk: nothing is lost when the file may not grow.
func testFull(t *testing.T, path string, limit int) {
	s, err := openBolt(path, storeID, testKeys(), boltLimits{lock: time.Second, size: limit})
	if err != nil {
		t.Fatal(err)
	}
	list, _ := openLists(t, s)
	payload := make([]byte, 100_000)
	rand.Read(payload)
	n := 0
	for {
		r := draft(n, list)
		r.Forms = map[string]Sealed{"edc": {Payload: payload}}
		if _, err = s.Reserve(t.Context(), r); err != nil {
			break
		}
		if n++; n > 2000 {
			t.Fatal("the disk does not fill")
		}
	}
	t.Logf("%d records, then: %v", n, err)
	if isSentinel(err) || !strings.Contains(err.Error(), path) {
		t.Errorf("err = %v, want an unknown outcome with the path", err)
	}
	if _, err := s.Reserve(t.Context(), draft(n+1, list)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("next: err = %v, want %v", err, ErrReadOnly)
	}
	CheckStore(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	CheckStore(t, s)
	if _, err := s.Get(t.Context(), draft(n-1).ID); err != nil {
		t.Errorf("the last one acknowledged: %v", err)
	}
	s.Close()
}

func TestSizeLimit(t *testing.T) { testFull(t, initStore(t), 24<<20) }

func TestDiskFull(t *testing.T) {
	dir := smallVolume(t, 4)
	path := filepath.Join(dir, "store.db")
	if err := InitBolt(path, storeID, testKeys()); err != nil {
		t.Fatal(err)
	}
	testFull(t, path, 0)

	// No room for a store at all: an error, and nothing half made.
	if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 4<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	other := filepath.Join(dir, "other.db")
	if err := InitBolt(other, storeID, testKeys()); err == nil {
		t.Error("a store on a full disk")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*other*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestClosed(t *testing.T) {
	s := reopen(t, initStore(t))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reserve(t.Context(), draft(1)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Reserve: err = %v, want %v", err, ErrReadOnly)
	}
	if err := s.Writable(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Writable: err = %v, want %v", err, ErrReadOnly)
	}
	if _, err := s.Get(t.Context(), "x"); err == nil {
		t.Error("Get: no error")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

var (
	killed = flag.String("killed", "", "store in which this process issues until it is killed: see TestKill")
	vault  = flag.String("vault", "", "its data keys")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *killed != "" {
		testVault = *vault
		issueForEver(*killed)
	}
	if *asNode != "" {
		testVault = *vault
		os.Exit(runNode(*asNode))
	}
	dir, err := os.MkdirTemp("", "store-test-")
	if err != nil {
		panic(err)
	}
	testVault = filepath.Join(dir, "keys")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// issueForEver issues with several callers and prints the id of each record
// after it is committed.
func issueForEver(path string) {
	s, err := OpenBolt(path, storeID, testKeys())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx := context.Background()
	list, err := s.OpenList(ctx, status.Revocation, now)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	first, err := s.Numbers(ctx, "n", 10_000) // each life its own numbers
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var next atomic.Uint64
	next.Store(first)
	var out sync.Mutex
	for range 4 {
		go func() {
			for {
				r, err := s.Reserve(ctx, draft(int(next.Add(1)), list))
				if err == nil {
					r, err = s.Commit(ctx, r.ID, tokens(r))
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(r.ID)
				out.Unlock()
			}
		}()
	}
	select {}
}

// A process is killed again and again while it issues. All that it acknowledged
// is there, and nothing is half there.
func TestKill(t *testing.T) {
	path := initStore(t)
	acknowledged := map[string]bool{}
	for range 10 {
		child := exec.Command(os.Args[0], "-killed", path, "-vault", testVault)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		alive := time.AfterFunc(time.Hour, func() { child.Process.Kill() })
		for n := 0; lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
			if n == 0 { // up and issuing: the end is near
				alive.Reset(time.Duration(mathrand.IntN(60_000)) * time.Microsecond)
			}
		}
		if err := child.Wait(); err == nil || child.ProcessState.Exited() {
			t.Fatalf("the child ended by itself: %v", err)
		}

		s := reopen(t, path)
		CheckStore(t, s)
		for id := range acknowledged {
			if r, err := s.Get(t.Context(), id); err != nil || r.State != Issued {
				t.Errorf("acknowledged record %s: %s, %v", id, r.State, err)
			}
		}
		s.Close()
	}
	t.Logf("%d records acknowledged", len(acknowledged))
}

// What is on disk today is read by the next version too: to change the stored
// form is to change schema.
func TestStoredForm(t *testing.T) {
	record := issuedRecord()
	doc := storedForm(t, record)
	older := record
	older.Assessment = nil
	for name, v := range map[string]any{
		"record.json":     doc,
		"personal.json":   jsontext.Value(doc.Personal.Record),
		"delivery.json":   jsontext.Value(doc.Personal.Delivery),
		"change.json":     jsontext.Value(doc.Personal.Changes[0]),
		"inTheClear.json": recordDoc{Record: older, Payloads: doc.Payloads}, // until schema 4
		"list.json": listDoc{List: List{
			ID: "r1", Purpose: status.Revocation, Opened: now, Used: 2, Sequence: 1, ValidFrom: now,
		}, SHA256: [32]byte{5}},
		"identity.json": identity{storeID, "KEYS", schema},
	} {
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "record.json" { // what is encrypted differs each time
			doc.Personal = &personal{Record: []byte("record"), Delivery: []byte("delivery"), Changes: [][]byte{[]byte("change")}}
			v = doc
		}
		got, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, text := range []string{
		`{"store":"a","schema":1,"more":1}`,
		`{"store":"a","store":"b","schema":1}`,
		`{"Store":"a","schema":1}`,
	} {
		if err := decode(bucketMeta, identityKey, []byte(text), new(identity)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: err = %v, want %v", text, err, ErrDamaged)
		}
	}
}

// storedForm is how a record is kept, with what is encrypted as its text.
func storedForm(t *testing.T, r Record) recordDoc {
	keys := freshKeys(t)
	doc, _, err := keys.protect(r)
	for _, c := range r.Changes {
		err = errors.Join(err, keys.addChange(&doc.Record, doc.Personal, c))
	}
	if err != nil {
		t.Fatal(err)
	}
	decrypt := func(c Class, part string, sealed []byte) []byte {
		text, err := keys.unseal(r.place(c), part, sealed)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	doc.Personal.Record = decrypt(Register, partRecord, doc.Personal.Record)
	doc.Personal.Delivery = decrypt(Delivery, partDelivery, doc.Personal.Delivery)
	doc.Personal.Changes[0] = decrypt(Register, partChange+"0", doc.Personal.Changes[0])
	doc.State, doc.Forms, doc.Payloads = r.State, r.Forms, map[string][32]byte{"edc": {3}, "vc2": {4}}
	doc.Blind = map[string][]byte{"key": []byte("key"), "link": []byte("link"), "externalID": []byte("external")}
	return doc
}

// issuedRecord has something in each member.
func issuedRecord() Record {
	r := draft(7, List{ID: "r1", Purpose: status.Revocation})
	r.Forms = map[string]Sealed{"edc": {SHA256: [32]byte{1}}, "vc2": {SHA256: [32]byte{2}}}
	r.CourseSHA256 = [32]byte{6}
	r.CourseVersion, r.LearnerID, r.Email = "2", "2026/0007", "ana@uni.example"
	r.Decision, r.Signatory = "06-12/7", "Vera Primer, Dean"
	r.ExternalID, r.Batch = "exam/2026/0007", "20260601-ABCDEF"
	r.State = Suspended
	r.ValidUntil, r.Draft = now.AddDate(2, 0, 0), []byte(`{"DateOfBirth":"2001-02-03"}`)
	r.Assessment = &Assessment{Result: "10 (ten)", Date: "2026-05-20", Assessors: []string{"Vera Primer"}, PriorLearning: "part", Outcomes: []string{"2"}, Evidence: "a portfolio", Recognition: "RC-7"}
	r.Supersedes = &Supersession{ID: draft(6).ID, Change: Change{At: now, State: Revoked, Code: "superseded", Reason: "the date was wrong", By: "registrar"}}
	r.Changes = []Change{{At: now, State: Suspended, Code: "under-review", Reason: "appeal", By: "registrar", Successor: draft(8).ID}}
	return r
}

// benchmarkIssue is Reserve and Commit of two payloads of 30 KB.
func benchmarkIssue(b *testing.B, s Store, callers int) {
	list, err := s.OpenList(b.Context(), status.Revocation, now)
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 30_000)
	rand.Read(payload)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range callers {
		group.Go(func() {
			for {
				n := int(next.Add(1))
				if n > b.N {
					return
				}
				r := draft(n, list)
				if r.Entries[0].Index = uint64(n); n >= ListLimit {
					r.Entries = nil
				}
				r.Forms = map[string]Sealed{"edc": {Payload: payload}, "vc2": {Payload: payload}}
				_, err := s.Reserve(b.Context(), r)
				if err == nil {
					_, err = s.Commit(b.Context(), r.ID, map[string]alike.Text{"edc": alike.Whole(payload), "vc2": alike.Whole(payload)})
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "issued/s")
}

func BenchmarkIssue1(b *testing.B)  { benchmarkIssue(b, reopen(b, initStore(b)), 1) }
func BenchmarkIssue32(b *testing.B) { benchmarkIssue(b, reopen(b, initStore(b)), 32) }

func BenchmarkGet(b *testing.B) {
	s := reopen(b, filled(b))
	id := draft(17).ID
	for b.Loop() {
		if _, err := s.Get(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBits(b *testing.B) {
	s := reopen(b, filled(b))
	for b.Loop() {
		if _, _, err := s.Bits(b.Context(), "r1"); err != nil {
			b.Fatal(err)
		}
	}
}
