package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"indeks/status"
)

var (
	million     = flag.Int("million", 0, "number of records that TestMillion fills a store with; 0: it is skipped")
	millionSize = flag.Int("million-payload", 0, "bytes of each of their two payloads; 0: a few")
	millionDir  = flag.String("million-dir", "", "where the store is made; a folder of its own below it is removed at the end")
	millionKept = flag.String("million-kept", "", "folder of a store that an earlier run has filled, or that this one fills and keeps")
)

// TestMillion fills a store with synthetic records and says what it costs to open,
// to search and to check: see make bench-million.
func TestMillion(t *testing.T) {
	if *million == 0 {
		t.Skip("takes minutes; make bench-million runs it, -million says with how many records")
	}
	dir := *millionKept
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp(*millionDir, "million-"); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
	}
	path, vault := filepath.Join(dir, "store.db"), VaultFile(filepath.Join(dir, "keys"))

	// 1. Filled, without waiting for the disk at each step.
	keys, err := OpenDataKeys(t.Context(), vault, [32]byte{})
	if errors.Is(err, os.ErrNotExist) {
		if keys, err = CreateDataKeys(t.Context(), vault, [32]byte{}); err == nil {
			err = InitBolt(path, storeID, keys)
		}
		if err == nil {
			began := time.Now()
			fillMillion(t, reopenWith(t, path, keys), *million, *millionSize)
			t.Logf("filled: %d records in %s", *million, time.Since(began).Round(time.Second))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d records, %d MB", *million, info.Size()>>20)
	debug.FreeOSMemory()

	// 2. Opened, until the first record is read: closed in peace, as after a kill, and
	// as after a start of the machine, where nothing of the file is in its memory.
	var s *boltStore
	for _, how := range []string{"closed in peace", "killed", "killed, read from disk"} {
		if how != "closed in peace" {
			s.whole = math.MaxInt64 // Close leaves no list of free pages
		}
		if s != nil {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if how == "killed, read from disk" {
			coldFile(t, path)
		}
		began, worked := time.Now(), processorTime()
		if s, err = openBolt(path, storeID, keys, boltLimits{lock: lockTimeout}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), draft(*million/2).ID); err != nil {
			t.Fatal(err)
		}
		t.Logf("opened, %s: %s, processor %s", how, time.Since(began).Round(time.Millisecond), (processorTime() - worked).Round(time.Millisecond))
		if worked = processorTime() - worked; worked > 2*time.Second {
			t.Errorf("opening took %s of a processor", worked)
		}
	}
	defer s.Close()
	t.Logf("memory: %s", resident(t))

	began, worked := time.Now(), processorTime()
	e, err := Examine(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("all pages examined: %s, processor %s, %d pages, %d of them unused", time.Since(began).Round(time.Millisecond), (processorTime() - worked).Round(time.Millisecond), e.Pages, e.Unused)

	// 3. Searched, once what a server reads after its start is read.
	began, worked = time.Now(), processorTime()
	if err := FillSearch(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	t.Logf("rows for searches read: %s, processor %s", time.Since(began).Round(time.Millisecond), (processorTime() - worked).Round(time.Millisecond))
	for name, query := range map[string]func(n int) Query{
		"number":          func(n int) Query { return Query{Number: fmt.Sprintf("MC-2026-%05d", n)} },
		"rare name":       func(n int) Query { return Query{Name: millionName(n)} },
		"frequent name":   func(int) Query { return Query{Name: "ana"} },
		"name and course": func(n int) Query { return Query{Name: "jovanovic", Course: fmt.Sprint("course-", n%40)} },
		"course and one month": func(n int) Query {
			return Query{Course: fmt.Sprint("course-", n%40), From: "2024-03-01", Until: "2024-03-31"}
		},
		"batch":   func(n int) Query { return Query{Batch: fmt.Sprint("batch-", n/500)} },
		"revoked": func(int) Query { return Query{State: Revoked} },
		"nobody":  func(int) Query { return Query{Name: "xylander quux"} },
	} {
		var took []time.Duration
		for range 40 {
			q := query(mathrand.IntN(*million))
			q.Now = now
			began := time.Now()
			if _, _, err := s.Search(t.Context(), q, "", 50); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("search %-22s p50 %s, p99 %s", name, took[len(took)/2].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond))
	}
	t.Logf("memory: %s", resident(t))

	// 4. Checked.
	began, worked = time.Now(), processorTime()
	if found := Check(t.Context(), s); len(found) > 0 {
		t.Errorf("check: %d findings, %v", len(found), found[0])
	}
	took := time.Since(began)
	worked = processorTime() - worked
	t.Logf("checked: %s, %.0f records a second, processor %s, %.0f records a second of two", took.Round(time.Millisecond), float64(*million)/took.Seconds(), worked.Round(time.Millisecond), 2*float64(*million)/worked.Seconds())
	t.Logf("memory: %s", resident(t))
}

// millionName is a name that few of a million have.
func millionName(n int) string {
	var b strings.Builder
	for rest := n / 3; ; rest /= 18 {
		b.WriteString([]string{"ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "ze", "zi"}[rest%18])
		if rest < 18 {
			return b.String() + "vic"
		}
	}
}

// processorTime is what this process has used of processors, in user and system.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// coldFile has the system forget what it has of a file in memory.
func coldFile(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("dd", "of="+path, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func fillMillion(t *testing.T, s *boltStore, n, size int) {
	s.db.NoSync = true
	defer func() {
		if err := s.db.Sync(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	// About a tenth of a payload is its own: what is packed is an eighth.
	filling := make([]byte, size/10)
	rand.Read(filling)
	same := bytes.Repeat([]byte(`{"type":"LearningOutcome","title":"same in all"},`), size/50+1)[:size-size/10]
	var next atomic.Int64
	var lists sync.Mutex
	list := List{}
	var workers sync.WaitGroup
	for range maxGroup { // as many as share a transaction
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || t.Failed() {
					return
				}
				lists.Lock()
				if i%(ListLimit-1000) == 0 || list.ID == "" {
					list, _ = s.OpenList(context.Background(), status.Revocation, now)
				}
				of := list
				lists.Unlock()
				r := draft(i)
				if of.ID != "" && i%100 == 0 { // few have a place, so that lists need not be opened by the dozen
					r.Entries = []Entry{{List: of.ID, Index: uint64(i/100) % status.MinSize, Purpose: of.Purpose}}
				}
				r.GivenName, r.FamilyName = []string{"Ana", "Marko", "Željka", "Đorđe", "Ивана"}[i%5], []string{millionName(i), "Jovanović", millionName(i)}[i%3]
				r.Course, r.Batch = fmt.Sprint("course-", i%40), fmt.Sprint("batch-", i/500)
				r.AwardingDate = now.AddDate(0, 0, -i%1500).Format(time.DateOnly)
				if size > 0 {
					own := fmt.Appendf(nil, "%d", i)
					payload := slices.Concat(own, same, filling)
					r.Forms = map[string]Sealed{"edc": {Payload: payload}, "vc2": {Payload: payload}}
				}
				if _, err := s.Reserve(context.Background(), r); err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Commit(context.Background(), r.ID, tokens(r)); err != nil {
					t.Error(err)
					return
				}
				if len(r.Entries) > 0 && i%1000 == 0 {
					if _, err := s.Change(context.Background(), r.ID, Change{At: now, State: Revoked}); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	workers.Wait()
}

// resident is the memory of this process, without and with what is mapped of files.
func resident(t *testing.T) string {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "not told by this system"
	}
	var said []string
	for _, line := range strings.Split(string(raw), "\n") {
		if strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "RssFile") {
			said = append(said, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(said, ", ")
}
