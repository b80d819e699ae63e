package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// pgNow is the clock that all nodes share, in microseconds of Unix time.
const pgNow = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

// sweepEvery is after how many takings, on average, the counters that are used up
// are deleted, and sweepRows how many of them at a time.
const (
	sweepEvery = 256
	sweepRows  = 4 * sweepEvery
)

func (s *postgresStore) Take(ctx context.Context, key string, limit int, window time.Duration) (wait time.Duration, err error) {
	step, err := validTake(key, limit, window)
	if err == nil {
		err = s.mayWrite()
	}
	if err != nil {
		return 0, err
	}
	kept, err := s.keys.counterKey(key)
	if err != nil {
		return 0, err
	}
	if rand.IntN(sweepEvery) == 0 {
		if err := s.sweepCounters(ctx); err != nil {
			return 0, err
		}
	}
	// Where the connection is lost, it may be taken twice: that lets nobody have more.
	err = s.read(ctx, func(q querier) error {
		// In one statement, so that nodes that take at once wait for each other at the row.
		var until int64
		err := q.QueryRow(ctx, `INSERT INTO counters AS c (key, until) VALUES ($1, `+pgNow+` + $2)
			ON CONFLICT (key) DO UPDATE SET until = greatest(c.until, EXCLUDED.until - $2) + $2
			WHERE greatest(c.until, EXCLUDED.until - $2) + $2 <= EXCLUDED.until - $2 + $3
			RETURNING until`, kept[:], step.Microseconds(), window.Microseconds()).Scan(&until)
		wait = 0
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var left int64
		err = q.QueryRow(ctx, "SELECT until + $2 - $3 - "+pgNow+" FROM counters WHERE key = $1", kept[:], step.Microseconds(), window.Microseconds()).Scan(&left)
		if errors.Is(err, pgx.ErrNoRows) { // cleared since
			left, err = 0, nil
		}
		wait = max(time.Duration(left)*time.Microsecond, time.Microsecond)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting: %w", err)
	}
	return wait, nil
}

func (s *postgresStore) Clear(ctx context.Context, key string) error {
	if err := s.mayWrite(); err != nil {
		return err
	}
	kept, err := s.keys.counterKey(key)
	if err != nil {
		return err
	}
	return s.deleteCounters(ctx, "key = $1", kept[:])
}

// sweepCounters deletes some of those that are used up.
func (s *postgresStore) sweepCounters(ctx context.Context) error {
	return s.deleteCounters(ctx, fmt.Sprintf("key IN (SELECT key FROM counters WHERE until < %s ORDER BY until LIMIT %d FOR UPDATE SKIP LOCKED)", pgNow, sweepRows))
}

func (s *postgresStore) deleteCounters(ctx context.Context, which string, args ...any) error {
	err := s.read(ctx, func(q querier) error {
		b := &pgx.Batch{}
		b.Queue("DELETE FROM counters WHERE "+which, args...)
		return q.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return fmt.Errorf("forgetting what was counted: %w", err)
	}
	return nil
}
