package issuer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"indeks/store"
)

// ErrClock is returned for what would be dated where the clock and the records
// contradict each other. What was dated by a wrong clock cannot be taken back: a
// list of years ahead is refused by everybody until then, and a credential that is
// reserved for then is never sealed. Nothing is signed until the clock is right
// again, or somebody who has looked at another one says that it is
// ([Config.ClockConfirmed]).
var ErrClock = errors.New("the clock contradicts what is on record")

// clockJump is how far the clock may be from what is on record, if the
// configuration does not say.
const clockJump = 7 * 24 * time.Hour

// recorded is what is known of the times on record.
type recorded struct {
	mu       sync.Mutex // guards both
	newest   time.Time  // date of the newest status list when it was last read, zero where there was none
	doubtful bool       // somebody was told
}

// tolerated is how far ahead of the clock a list may be dated for our own verifier
// to take it.
const tolerated = time.Minute

// confirmClock signs all lists by the clock, whatever is on record, and logs that
// somebody said so.
func (i *Issuer) confirmClock(ctx context.Context) error {
	if err := i.renew(ctx, true); err != nil {
		return fmt.Errorf("signing the status lists anew: %w", err)
	}
	if err := i.store.Append(ctx, store.Event{Kind: store.KindClockJumped, Result: "confirmed, and the status lists signed by it"}); err != nil {
		return fmt.Errorf("logging that the clock is confirmed: %w", err)
	}
	return nil
}

// CheckClock is ErrClock where nothing is issued because of the clock.
func (i *Issuer) CheckClock(ctx context.Context) error {
	return i.checkClock(ctx, i.clock(), tolerated)
}

// checkClock compares an instant that is about to be signed with the newest status
// list, of which it may be behind by so much. A running issuer signs one each hour,
// and seals nothing without one that is valid, so that no record is younger by more
// than a day. A store without a list contradicts no clock.
func (i *Issuer) checkClock(ctx context.Context, at time.Time, behind time.Duration) error {
	i.recorded.mu.Lock()
	defer i.recorded.mu.Unlock()
	fits := func(behind time.Duration) bool {
		ahead := at.Sub(i.recorded.newest)
		return ahead <= i.jump && -ahead <= min(behind, i.jump)
	}
	if !fits(behind) { // by what was read last, which another process may have gone beyond
		lists, err := i.store.Lists(ctx)
		if err != nil {
			return fmt.Errorf("reading status lists: %w", err)
		}
		i.recorded.newest = time.Time{}
		for _, l := range lists {
			i.recorded.dated(l.ValidFrom)
		}
	}
	newest := i.recorded.newest
	if newest.IsZero() || fits(tolerated) {
		i.recorded.doubtful = false
		return nil
	}
	if fits(behind) {
		return nil
	}
	if !i.recorded.doubtful {
		i.recorded.doubtful = true
		i.warn("ALARM: the clock contradicts what is on record, nothing is issued; if it is right, confirm it with indeks lists resign", "clock", at, "newest", newest)
	}
	return fmt.Errorf("%w: it says %s, the newest status list is of %s; if it is right, confirm it with indeks lists resign", ErrClock, at.Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
}

// published is told of a list of ours. Where the clock is confirmed the newest may be
// older than the one before.
func (r *recorded) published(at time.Time, confirmed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if confirmed {
		r.newest = time.Time{}
	} else {
		r.dated(at)
	}
}

// dated is told of a list. The caller holds the lock.
func (r *recorded) dated(at time.Time) {
	if at.After(r.newest) {
		r.newest = at
	}
}
