package verifier

import (
	"context"
	"net/url"
	"sync"
	"time"
)

const (
	// defaultListAge is how long a list is used at most, where nothing else is
	// configured: a revocation shows within a minute everywhere.
	defaultListAge = 30 * time.Second
	// maxListBits bounds all lists that are kept, in bits: 64 MiB, or 4 000 lists
	// of the usual size.
	maxListBits = 8 * 64 << 20
	// maxListsKnown bounds the lists of which something is remembered.
	maxListsKnown = 8 << 10
)

// listKey tells lists apart: what is a good list in one issuer's name need not
// be one in another's. Addresses are compared as they are written, query and all.
type listKey struct{ id, organization, address string }

// listCache holds what was last learnt of each list. A list is used until its
// ttl ends, and its age is kept beyond, to refuse an older one later. It is
// memory of this process: after a restart an older list passes once, if its
// validUntil lets it.
type listCache struct {
	mu      sync.Mutex // guards all below
	known   map[listKey]*knownList
	flights map[listKey]*flight
}

// knownList is the answer between asked and until; nil and nil where there is none
// any more. Before asked it is none either: the clock was set back since, and
// until may be far off.
type knownList struct {
	list         *statusList
	err          error
	asked, until time.Time
	seen         time.Time // validFrom of the newest list that was ever read
}

// flight is one fetch that several callers wait for; the fields are set before
// done is closed. Where the answer was known, done is nil.
type flight struct {
	done     chan struct{}
	list     *statusList
	err      error
	panicked any
}

// ask returns the flight that brings the list at u in the name of e: what is
// known of it, or a fetch that all share who ask meanwhile. Nobody who leaves
// takes it along, for it has its own time limit.
func (l *listCache) ask(ctx context.Context, v *Verifier, e *TrustedIssuer, u *url.URL, address string) *flight {
	key := listKey{e.ID, e.OrganizationID, address}
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.known[key]
	if now := v.now(); known != nil && !now.Before(known.asked) && now.Before(known.until) {
		return &flight{list: known.list, err: known.err}
	}
	f := l.flights[key]
	if f != nil {
		return f
	}
	if l.flights == nil {
		l.flights, l.known = make(map[listKey]*flight), make(map[listKey]*knownList)
	}
	f = &flight{done: make(chan struct{})}
	l.flights[key] = f
	var seen time.Time
	if known != nil {
		seen = known.seen
	}
	go l.fly(context.WithoutCancel(ctx), v, e, u, key, seen, f)
	return f
}

// fly fetches for all who wait. Whatever happens, they are let go.
func (l *listCache) fly(ctx context.Context, v *Verifier, e *TrustedIssuer, u *url.URL, key listKey, seen time.Time, f *flight) {
	known := &knownList{seen: seen}
	defer func() {
		// A panic here would end the process; it belongs to those who asked.
		f.panicked = recover()
		l.mu.Lock()
		delete(l.flights, key)
		if f.panicked == nil {
			l.keep(key, known)
		}
		l.mu.Unlock()
		close(f.done)
	}()
	asked := v.now()
	f.list, f.err = v.fetchList(ctx, e, u, key.address, seen)
	known.list, known.err, known.asked = f.list, f.err, asked
	if f.err != nil {
		// A failure is remembered for as long as it took, so that a server that
		// does not answer holds up one caller in a while, and not everybody who
		// comes.
		failed := v.now()
		known.until = failed.Add(min(failed.Sub(asked), fetchTimeout))
		return
	}
	known.until, known.seen = f.list.freshTill, f.list.validFrom
}

// wait returns the list, or a *statusError that says why there is none.
func (f *flight) wait(ctx context.Context) (*statusList, error) {
	if f.done != nil {
		select {
		case <-ctx.Done():
			return nil, &statusError{nil, statusRetrieval, listNotFetched.Of(publicly(ctx.Err()))}
		case <-f.done:
		}
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f.list, f.err
}

// keep remembers what was learnt. Where all lists together are too large, it
// forgets those that ended first, but not how old they were.
func (l *listCache) keep(key listKey, known *knownList) {
	l.known[key] = known
	for len(l.known) > maxListsKnown {
		delete(l.known, l.oldest(func(*knownList) bool { return true }))
	}
	bits := 0
	for _, k := range l.known {
		bits += k.bits()
	}
	for bits > maxListBits {
		oldest := l.known[l.oldest(func(k *knownList) bool { return k.list != nil })]
		bits -= oldest.bits()
		oldest.list, oldest.err, oldest.until = nil, nil, time.Time{}
	}
}

func (l *listCache) oldest(among func(*knownList) bool) (oldest listKey) {
	var until time.Time
	for key, known := range l.known {
		if among(known) && (oldest == listKey{} || known.until.Before(until)) {
			oldest, until = key, known.until
		}
	}
	return oldest
}

func (k *knownList) bits() int {
	if k.list == nil {
		return 0
	}
	return k.list.bits.Len() + 8*len(k.list.token)
}
