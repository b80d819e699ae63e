package store

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

// maxTaken bounds what a key may have at once.
const maxTaken = 1_000_000

// validTake says with ErrInvalid why nothing can be counted so, and else how much
// time one of limit takes up.
func validTake(key string, limit int, window time.Duration) (step time.Duration, err error) {
	if key == "" || limit < 1 || limit > maxTaken || window < time.Duration(limit)*time.Microsecond {
		return 0, fmt.Errorf("counting: %w: a key of %d bytes, %d in %v", ErrInvalid, len(key), limit, window)
	}
	return window / time.Duration(limit), nil
}

// counterKey is what is kept of a key, which may be the name or the address of a
// person.
func (k *DataKeys) counterKey(key string) ([32]byte, error) {
	if k == nil {
		return [32]byte{}, fmt.Errorf("counting: %w", ErrDataKeys)
	}
	return [32]byte(k.blind("counter", key)), nil
}

// counters are those of a store that one process has to itself: of each key, until
// when what was taken is used up (the generic cell rate algorithm, ITU-T I.371).
type counters struct {
	mu    sync.Mutex
	until map[[32]byte]time.Time
	sweep int // how many there may be before those that are used up are forgotten
}

// minSweep is how many counters are kept without looking which are used up.
const minSweep = 4096

func (c *counters) take(key [32]byte, step, window time.Duration, now time.Time) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.until[key]
	if until.Before(now) {
		until = now
	}
	until = until.Add(step)
	if wait := until.Sub(now.Add(window)); wait > 0 {
		return wait
	}
	if c.until == nil {
		c.until, c.sweep = map[[32]byte]time.Time{}, minSweep
	}
	c.until[key] = until
	if len(c.until) > c.sweep {
		maps.DeleteFunc(c.until, func(_ [32]byte, until time.Time) bool { return until.Before(now) })
		c.sweep = max(minSweep, 2*len(c.until))
	}
	return 0
}

func (c *counters) clear(key [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.until, key)
}

func (s *boltStore) Take(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error) {
	step, err := validTake(key, limit, window)
	if err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	kept, err := s.keys.counterKey(key)
	if err != nil {
		return 0, err
	}
	return s.counters.take(kept, step, window, s.now()), nil
}

func (s *boltStore) Clear(ctx context.Context, key string) error {
	kept, err := s.keys.counterKey(key)
	if err != nil {
		return err
	}
	s.counters.clear(kept)
	return ctx.Err()
}
