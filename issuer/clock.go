package issuer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
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

// CheckClock is ErrClock where nothing is signed because of the clock.
func (i *Issuer) CheckClock(ctx context.Context) error { return i.checkClock(ctx, i.clock()) }

// checkClock compares an instant that is about to be signed with the newest status
// list. A running issuer signs one each hour, and seals nothing without one that
// is valid, so that no record is younger by more than a day. A store without a
// list contradicts no clock.
func (i *Issuer) checkClock(ctx context.Context, at time.Time) error {
	i.recorded.mu.Lock()
	defer i.recorded.mu.Unlock()
	fits := func() bool { return at.Sub(i.recorded.newest).Abs() <= i.jump }
	if !fits() { // by what was read last, which another process may have gone beyond
		lists, err := i.store.Lists(ctx)
		if err != nil {
			return fmt.Errorf("reading status lists: %w", err)
		}
		i.recorded.newest = time.Time{}
		for _, l := range lists {
			if l.ValidFrom.After(i.recorded.newest) {
				i.recorded.newest = l.ValidFrom
			}
		}
	}
	newest := i.recorded.newest
	if newest.IsZero() || fits() {
		i.recorded.doubtful = false
		return nil
	}
	if !i.recorded.doubtful {
		i.recorded.doubtful = true
		i.warn("ALARM: the clock is far from what is on record, nothing is signed; if it is right, confirm it with indeks lists resign", "clock", at, "newest", newest)
	}
	return fmt.Errorf("%w: it says %s, the newest status list is of %s; if it is right, confirm it with indeks lists resign", ErrClock, at.Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
}
