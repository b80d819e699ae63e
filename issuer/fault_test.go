package issuer

import (
	"context"
	"errors"
	"testing"
	"time"

	"indeks/status"
	"indeks/store"
)

var errFault = errors.New("injected fault")

// faulty fails the nth call to the store: without doing it, or after doing it.
type faulty struct {
	store.Store
	calls, failAt int
	done          bool // fail although it is done
	failCommit    bool
}

// call counts and says whether to fail before, and what to return after.
func (f *faulty) call() (before, after error) {
	f.calls++
	if f.calls != f.failAt {
		return nil, nil
	}
	if f.done {
		return nil, errFault
	}
	return errFault, nil
}

func (f *faulty) Lookup(ctx context.Context, k store.Key) (store.Record, error) {
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Lookup(ctx, k)
	return r, errors.Join(err, after)
}

func (f *faulty) Reserve(ctx context.Context, r store.Record) (store.Record, error) {
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Reserve(ctx, r)
	return r, errors.Join(err, after)
}

func (f *faulty) Commit(ctx context.Context, id string, tokens map[string][]byte) (store.Record, error) {
	if f.failCommit {
		return store.Record{}, errFault
	}
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Commit(ctx, id, tokens)
	return r, errors.Join(err, after)
}

func (f *faulty) Numbers(ctx context.Context, series string, n int) (uint64, error) {
	before, after := f.call()
	if before != nil {
		return 0, before
	}
	first, err := f.Store.Numbers(ctx, series, n)
	return first, errors.Join(err, after)
}

func (f *faulty) OpenList(ctx context.Context, purpose string, now time.Time) (store.List, error) {
	before, after := f.call()
	if before != nil {
		return store.List{}, before
	}
	l, err := f.Store.OpenList(ctx, purpose, now)
	return l, errors.Join(err, after)
}

func (f *faulty) Bits(ctx context.Context, id string) (*status.List, store.List, error) {
	before, after := f.call()
	if before != nil {
		return nil, store.List{}, before
	}
	bits, l, err := f.Store.Bits(ctx, id)
	return bits, l, errors.Join(err, after)
}

func (f *faulty) Publish(ctx context.Context, id string, sequence uint64, token []byte, validFrom time.Time) error {
	before, after := f.call()
	if before != nil {
		return before
	}
	return errors.Join(f.Store.Publish(ctx, id, sequence, token, validFrom), after)
}

func (f *faulty) Change(ctx context.Context, id string, c store.Change) (store.Record, error) {
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Change(ctx, id, c)
	return r, errors.Join(err, after)
}

// TestEveryFault fails each call of an issuance and a revocation in turn, both
// ways, until a run passes without a fault.
func TestEveryFault(t *testing.T) {
	for _, done := range []bool{false, true} {
		clean := false
		for n := 1; !clean; n++ {
			if n > 100 {
				t.Fatal("no run without a fault")
			}
			f := &faulty{done: done}
			h := newHouse(t, func(s store.Store) store.Store { f.Store = s; return f })
			f.calls, f.failAt = 0, n
			d := draft(t)
			r, err := h.Issue(t.Context(), d)
			if err == nil {
				_, err = h.Revoke(t.Context(), r.ID, "fraud", "registrar")
			}
			clean = err == nil && f.calls < n
			f.failAt = -1

			// Whatever happened: at most one record, and a sealed one is right.
			issued, reserved := h.checkStore(t)
			if issued+reserved > 1 {
				t.Fatalf("fault %d (done %v): %d issued, %d reserved", n, done, issued, reserved)
			}
			var before store.Record
			for before, err = range h.store.Records(t.Context(), "") {
				if err != nil {
					t.Fatal(err)
				}
			}
			// A restart finishes what was reserved, or the same draft does.
			if n%2 == 0 {
				h.open(t)
				if _, reserved := h.checkStore(t); reserved != 0 {
					t.Errorf("fault %d (done %v): New left %d reserved", n, done, reserved)
				}
			}
			r, err = h.Issue(t.Context(), d)
			if err != nil {
				t.Fatalf("fault %d (done %v), same draft again: %v", n, done, err)
			}
			if before.ID != "" && before.ID != r.ID {
				t.Errorf("fault %d (done %v): a second record for one draft", n, done)
			}
			if issued, reserved := h.checkStore(t); issued != 1 || reserved != 0 {
				t.Errorf("fault %d (done %v): %d issued, %d reserved in the end", n, done, issued, reserved)
			}
			if r, err = h.Revoke(t.Context(), r.ID, "fraud", "registrar"); err != nil || r.State != store.Revoked {
				t.Errorf("fault %d (done %v): revoking: %v", n, done, err)
			}
		}
	}
}
