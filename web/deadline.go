package web

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a time, as that of [context.WithDeadline] is, but
// that has a timer only once somebody waits for it, as for hardly any request anybody
// does: one that is judged from what is at hand asks nobody.
type deadline struct {
	parent context.Context // of which no deadline is expected
	at     time.Time

	mu    sync.Mutex
	inner context.Context // with the timer; nil: nobody has waited yet
	end   context.CancelFunc
	ended bool
}

// cancel must be called when the context is no longer used.
func (d *deadline) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.end != nil {
		d.end()
	}
}

// timed is the context with the timer.
func (d *deadline) timed() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		d.inner, d.end = context.WithDeadline(d.parent, d.at)
		if d.ended {
			d.end()
		}
	}
	return d.inner
}

func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

func (d *deadline) Done() <-chan struct{} { return d.timed().Done() }

func (d *deadline) Err() error {
	d.mu.Lock()
	waiting, ended := d.inner != nil, d.ended
	d.mu.Unlock()
	if !waiting && !ended && d.parent.Err() == nil && time.Now().Before(d.at) {
		return nil
	}
	return d.timed().Err()
}

// Value is that of the context with the timer where there is one: by it contexts find
// the one that ends them.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	inner := d.inner
	d.mu.Unlock()
	if inner == nil {
		return d.parent.Value(key)
	}
	return inner.Value(key)
}
