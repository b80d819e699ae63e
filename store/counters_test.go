package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// testCounters is the contract of rates and attempts.
func testCounters(run func(name string, test func(t *testing.T, s Store))) {
	take := func(t *testing.T, s Store, key string, limit int, window time.Duration) time.Duration {
		t.Helper()
		wait, err := s.Take(t.Context(), key, limit, window)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}

	run("counters: no more than the limit, by however many at once", func(t *testing.T, s Store) {
		var taken atomic.Int32
		var group sync.WaitGroup
		for range 40 {
			group.Go(func() {
				if wait, err := s.Take(t.Context(), "pin/a", 5, 24*time.Hour); err != nil {
					t.Error(err)
				} else if wait == 0 {
					taken.Add(1)
				}
			})
		}
		group.Wait()
		if n := taken.Load(); n != 5 {
			t.Errorf("taken %d times, want 5", n)
		}
		if wait := take(t, s, "pin/a", 5, 24*time.Hour); wait <= 4*time.Hour || wait > 24*time.Hour/5 {
			t.Errorf("the next one in %v, want a little less than a fifth of the day", wait)
		}
		if wait := take(t, s, "pin/b", 1, time.Hour); wait != 0 {
			t.Errorf("another key: %v", wait)
		}
		if err := s.Clear(t.Context(), "pin/a"); err != nil {
			t.Fatal(err)
		}
		for n := range 6 {
			if wait := take(t, s, "pin/a", 5, 24*time.Hour); (wait == 0) != (n < 5) {
				t.Errorf("after Clear, number %d: %v", n+1, wait)
			}
		}
		if err := s.Clear(t.Context(), "of this nothing is known"); err != nil {
			t.Error(err)
		}
	})

	run("counters: there is one again after the time that was told", func(t *testing.T, s Store) {
		const window = 50 * time.Millisecond
		take(t, s, "api", 1, window)
		for until := time.Now().Add(time.Minute); ; {
			wait := take(t, s, "api", 1, window)
			if wait == 0 {
				break
			}
			if wait > window || time.Now().After(until) {
				t.Fatalf("to wait: %v", wait)
			}
			time.Sleep(wait)
		}
	})

	run("counters that are none", func(t *testing.T, s Store) {
		for _, c := range []struct {
			key    string
			limit  int
			window time.Duration
		}{{"", 1, time.Second}, {"a", 0, time.Second}, {"a", -1, time.Second}, {"a", maxTaken + 1, time.Hour}, {"a", 1, 0}, {"a", 5, time.Microsecond}} {
			if _, err := s.Take(t.Context(), c.key, c.limit, c.window); !errors.Is(err, ErrInvalid) {
				t.Errorf("%+v: err = %v, want %v", c, err, ErrInvalid)
			}
		}
	})
}

// What is used up takes no memory, however many keys an attacker makes up.
func TestCountersForget(t *testing.T) {
	var c counters
	at := now
	for n := range 20 * minSweep {
		at = at.Add(time.Millisecond)
		if wait := c.take([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}, time.Second, time.Second, at); wait != 0 {
			t.Fatal(wait)
		}
	}
	if n := len(c.until); n > 2*minSweep {
		t.Errorf("%d counters, of which 1000 are not used up", n)
	}
}

// Of two nodes none takes what the other has, and what is used up is deleted.
func TestPostgresCounters(t *testing.T) {
	c := newDatabase(t)
	one := openDatabase(t, c)
	c.Node = "two"
	two := openDatabase(t, c)
	for n, s := range []Store{one, two, two, one} {
		if wait, err := s.Take(t.Context(), "login/ana", 3, time.Hour); err != nil || (wait == 0) != (n < 3) {
			t.Errorf("number %d: %v, %v", n+1, wait, err)
		}
	}
	for n := range 3 {
		if _, err := one.Take(t.Context(), fmt.Sprint("address/", n), 1, time.Microsecond); err != nil {
			t.Fatal(err)
		}
	}
	if err := two.sweepCounters(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left, names int
	if err := one.pool.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE encode(key, 'escape') LIKE '%ana%') FROM counters").Scan(&left, &names); err != nil || left != 1 || names > 0 {
		t.Errorf("%d are left, want 1, %d with a name: %v", left, names, err)
	}
}
