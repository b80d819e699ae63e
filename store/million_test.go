package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"indeks/status"
)

var (
	million     = flag.Int("million", 0, "number of records that TestMillion fills a store with; 0: it is skipped")
	millionSize = flag.Int("million-payload", 0, "bytes of each of their two payloads; 0: a few")
	millionDir  = flag.String("million-dir", "", "where the store is made; a folder of its own below it is removed at the end")
)

// TestMillion fills a store with synthetic records and says what it costs to open,
// to search and to check: see make bench-million.
func TestMillion(t *testing.T) {
	if *million == 0 {
		t.Skip("takes minutes; make bench-million runs it, -million says with how many records")
	}
	dir, err := os.MkdirTemp(*millionDir, "million-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "store.db")
	if err := InitBolt(path, storeID, testKeys()); err != nil {
		t.Fatal(err)
	}

	// 1. Filled, without waiting for the disk at each step.
	began := time.Now()
	fillMillion(t, path, *million, *millionSize)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("filled: %d records in %s, %d MB", *million, time.Since(began).Round(time.Second), info.Size()>>20)
	debug.FreeOSMemory()

	// 2. Opened, until the first record is read.
	began = time.Now()
	s, err := OpenBolt(path, storeID, testKeys())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Get(t.Context(), draft(*million/2).ID); err != nil {
		t.Fatal(err)
	}
	t.Logf("opened: %s", time.Since(began).Round(time.Millisecond))

	// 3. Searched.
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
	began = time.Now()
	if found := Check(t.Context(), s); len(found) > 0 {
		t.Errorf("check: %d findings, %v", len(found), found[0])
	}
	took := time.Since(began)
	t.Logf("checked: %s, %.0f records a second", took.Round(time.Millisecond), float64(*million)/took.Seconds())
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

func fillMillion(t *testing.T, path string, n, size int) {
	s := reopen(t, path)
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
	for range 4 * runtime.GOMAXPROCS(0) {
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
