package issuer

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"indeks/alike"
	"indeks/status"
	"indeks/store"
)

// bitsOf are the bits of a published list.
func (h *house) bitsOf(t testing.TB, token []byte) *status.List {
	t.Helper()
	bits, _, err := h.readList(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return bits
}

// Many revoke, suspend and reinstate at once while others fetch the lists: no bit
// is lost, a revocation never goes back, and those who change at the same time
// share a publication. INDEKS_REVOKES is how many records there are.
func TestNoBitIsLost(t *testing.T) {
	n := 150
	if text := os.Getenv("INDEKS_REVOKES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	h := newHouse(t, nil)
	records := h.class(t, 2, n, "b")
	before := h.sequence(t, status.Revocation) + h.sequence(t, status.Suspension)
	lists := []string{records[0].Entries[0].List, records[0].Entries[1].List}

	// 1. Who fetches sees each list grow.
	watching, stop := context.WithCancel(t.Context())
	var watchers sync.WaitGroup
	var fetched atomic.Int64
	for range 2 {
		watchers.Go(func() {
			var last *status.List
			var from time.Time
			for watching.Err() == nil {
				token, validFrom, err := h.StatusList(t.Context(), lists[0])
				if err != nil {
					t.Error(err)
					return
				}
				bits := h.bitsOf(t, token)
				if last != nil && !bits.Covers(last) {
					t.Error("a published list lacks a revocation of an earlier one")
				}
				if validFrom.Before(from) {
					t.Error("an older list was given out after a newer one")
				}
				last, from = bits, validFrom
				fetched.Add(1)
				time.Sleep(2 * time.Millisecond)
			}
		})
	}

	// 2. Everything at once: of three records one is revoked, one suspended, one
	// suspended and reinstated.
	var all sync.WaitGroup
	work := make(chan int)
	for range 64 {
		all.Go(func() {
			for k := range work {
				id, why := records[k].ID, Why{By: "registrar"}
				var err error
				switch k % 3 {
				case 0:
					_, err = h.Revoke(t.Context(), id, why)
				case 1:
					_, err = h.Suspend(t.Context(), id, why)
				case 2:
					if _, err = h.Suspend(t.Context(), id, why); err == nil {
						_, err = h.Reinstate(t.Context(), id, why)
					}
				}
				if err != nil {
					t.Error(err)
				}
				// 3. What was answered is in the list that is given out.
				token, _, err := h.StatusList(t.Context(), lists[min(k%3, 1)])
				if err != nil {
					t.Error(err)
					continue
				}
				if on, err := h.bitsOf(t, token).Get(records[k].Entries[0].Index); err != nil || on != (k%3 != 2) {
					t.Errorf("record %d: answered, and its bit is %t, %v", k, on, err)
				}
			}
		})
	}
	for k := range records {
		work <- k
	}
	close(work)
	all.Wait()
	stop()
	watchers.Wait()

	// 4. In the end the published lists say what the records do, all of it.
	for k, id := range lists {
		bits, l, err := h.store.Bits(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		published := h.bitsOf(t, l.Published)
		if !bytes.Equal(bits.Bits(), published.Bits()) {
			t.Errorf("list %s says something else than the records", id)
		}
		for m, r := range records {
			if on, err := published.Get(r.Entries[k].Index); err != nil || on != (m%3 == k) {
				t.Errorf("list %s, record %d: %t, %v", id, m, on, err)
			}
		}
	}
	changes := uint64(n + n/3)
	times := h.sequence(t, status.Revocation) + h.sequence(t, status.Suspension) - before
	if times >= changes {
		t.Errorf("%d changes, published %d times", changes, times)
	}
	t.Logf("%d changes, published %d times, fetched %d times", changes, times, fetched.Load())
	h.checkStore(t)
}

// A publisher ends between signing and storing, or after storing and before it
// says so: the next one says everything, and never less than what the mirror was given.
func TestPublisherEndsAtTheWorstMoment(t *testing.T) {
	for _, done := range []bool{false, true} {
		f := &faulty{done: done, failAt: -1}
		h := newHouse(t, func(s store.Store) store.Store { f.Store = s; return f })
		var mirrored [][]byte
		h.c.Mirror = func(_ string, token []byte) error {
			mirrored = append(mirrored, bytes.Clone(token))
			return nil
		}
		h.open(t)
		r, err := h.Issue(t.Context(), draft(t))
		if err != nil {
			t.Fatal(err)
		}
		list := r.Entries[0].List
		first, _, err := h.StatusList(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		h.now = h.now.Add(time.Minute)
		// The calls are Change, Bits and Publish of the list of revocations.
		f.calls, f.failAt = 0, 3
		mirrored = nil
		if _, err := h.Revoke(t.Context(), r.ID, Why{}); !errors.Is(err, errFault) {
			t.Fatalf("revoking: %v after %d calls", err, f.calls)
		}
		f.failAt = -1
		if len(mirrored) != 1 {
			t.Fatalf("%d lists were mirrored before the end", len(mirrored))
		}
		seen := h.bitsOf(t, mirrored[0])
		if now, _, err := h.StatusList(t.Context(), list); err != nil || !done && !bytes.Equal(now, first) || done && bytes.Equal(now, first) {
			t.Errorf("done=%t: the list given out meanwhile, %v", done, err)
		}
		h.now = h.now.Add(time.Minute)
		h.open(t)
		token, _, err := h.StatusList(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		bits := h.bitsOf(t, token)
		if on, err := bits.Get(r.Entries[0].Index); err != nil || !on || !bits.Covers(seen) || !bits.Covers(h.bitsOf(t, first)) {
			t.Errorf("done=%t: after the start the bit is %t, %v", done, on, err)
		}
		h.checkStore(t)
	}
}

// What could not be published when it was changed is published within a minute,
// by itself.
func TestPublishedWithinAMinute(t *testing.T) {
	var list string
	var id string
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.c.Now = func() time.Time { return noon.Add(time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))) }
		fails := false
		h.c.sign = func(use func() (alike.Text, error)) (alike.Text, error) {
			if fails {
				return alike.Text{}, errFault
			}
			return use()
		}
		h.open(t)
		r, err := h.Issue(t.Context(), draft(t))
		if err != nil {
			t.Fatal(err)
		}
		id, list = r.ID, r.Entries[0].List
		ctx, stop := context.WithCancel(t.Context())
		var loop sync.WaitGroup
		loop.Go(func() {
			if err := h.RunStatusLists(ctx); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(10 * time.Minute)
		fails = true
		if _, err := h.Revoke(t.Context(), id, Why{}); !errors.Is(err, errFault) {
			t.Fatalf("revoking: %v", err)
		}
		time.Sleep(30 * time.Second)
		if token, _, err := h.StatusList(t.Context(), list); err != nil {
			t.Fatal(err)
		} else if on, _ := h.bitsOf(t, token).Get(r.Entries[0].Index); on {
			t.Fatal("published without a signature")
		}
		fails = false
		time.Sleep(time.Minute)
		token, _, err := h.StatusList(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		if on, err := h.bitsOf(t, token).Get(r.Entries[0].Index); err != nil || !on {
			t.Errorf("a minute later the bit is %t, %v", on, err)
		}
		stop()
		loop.Wait()
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
}
