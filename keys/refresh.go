package keys

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Mark is word from elsewhere that a key of the ring is compromised: from another node
// with a key file of its own, or from records that are younger than the file.
type Mark struct {
	Key    string // its id; one that the ring does not have is passed over
	At     time.Time
	Reason string
}

// Marks are the keys of the ring, of either kind, that are compromised.
func (r *Ring) Marks() (marks []Mark) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if !k.compromised.IsZero() {
			marks = append(marks, Mark{k.kid, k.compromised, k.reason})
		}
	}
	return marks
}

// Refresh takes up marks, and the file where another process has written it and it
// marks a key that is not marked here, or brings a key to seal with where there is none.
// Other changes, those of a rotation, wait for the ring to be opened again, unless whole
// asks for them: verifiers are to learn of a new key before it seals. changed tells
// whether the ring in memory is another one since.
//
// A mark is never lost by it, and moves back in time only, also where the file does not
// have it; it gets into the file with the next change of the ring, not by itself.
//
// finish, unless nil, is called for each key that seals no more, while the ring can
// still finish what is reserved for it and gives it to nobody who asks for a sealer; a
// mark holds when finish returns. It must not change the ring.
//
// A file that cannot be opened, or that lacks a key or the secret of the ring in memory
// ([ErrRingOlder]), is refused, with the same error until it is another one, and the keys
// stay those they were; marks hold all the same. Nothing is decrypted twice.
func (r *Ring) Refresh(marks []Mark, whole bool, finish func(kid string)) (changed bool, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()

	// 1. What holds here, and what the file says.
	marks = append(slices.Clone(marks), r.Marks()...)
	list, changed := marked(r.keys, marks)
	switch next, err := r.reread(list, whole); {
	case err != nil:
		return changed, r.turn(list, finish, fmt.Errorf("reading key file %s again: %w", r.file.path, err))
	case next != nil:
		list, _ = marked(next, marks)
		changed = true
	}
	return changed, r.turn(list, finish, nil)
}

// marked is a list with marks, each in the place of a later one; more tells whether the
// list did not have them all.
func marked(list []*ringKey, marks []Mark) (with []*ringKey, more bool) {
	with = slices.Clone(list)
	for n, k := range list {
		for _, m := range marks {
			at := m.At.UTC().Truncate(time.Second)
			if m.Key == k.kid && !m.At.IsZero() && (k.compromised.IsZero() || at.Before(k.compromised)) {
				lost := *k
				lost.compromised, lost.reason, lost.active = at, m.Reason, false
				k, with[n], more = &lost, &lost, true
			}
		}
	}
	return with, more
}

// turn has a list be the ring, after what the keys have begun that seal no more is
// finished, and returns err. The caller holds changing.
func (r *Ring) turn(list []*ringKey, finish func(kid string), err error) error {
	ending := slices.Clone(list)
	var ends []string
	for n, k := range list {
		if was := r.key(k.kid); was != nil && (was.active && !k.active || was.compromised.IsZero() && !k.compromised.IsZero()) {
			last := *was // what it has begun is dated by that
			last.active = false
			ending[n], ends = &last, append(ends, k.kid)
		}
	}
	if finish != nil && len(ends) > 0 {
		r.use(ending)
		for _, kid := range ends {
			finish(kid)
		}
	}
	r.use(list)
	return err
}

// reread is what the file holds, nil where nothing of it is to be taken up. now is the
// ring as it is without it. The caller holds changing.
func (r *Ring) reread(now []*ringKey, whole bool) ([]*ringKey, error) {
	sealed, err := readBounded(r.file.path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(sealed)
	if sum == r.file.sum {
		return nil, nil
	}
	if sum != r.seen.sum {
		r.seen = seenFile{sum: sum}
		if r.seen.keys, r.seen.secret, r.seen.err = r.file.decrypt(sealed); r.seen.err == nil {
			r.seen.err = r.follows(r.seen.keys, r.seen.secret)
		}
	}
	if r.seen.err != nil || !whole && !wanted(r.seen.keys, now) {
		return nil, r.seen.err
	}
	list := slices.Clone(r.seen.keys)
	for n, k := range list {
		if was := r.key(k.kid); was != nil { // what it has precomputed is kept
			next := *k
			next.multiples, next.headers = was.multiples, was.headers
			list[n] = &next
		}
	}
	r.file.took(sealed, r.seen.secret)
	r.seen = seenFile{}
	return list, nil
}

// seenFile is a file that another process has written, as far as it is not in use.
type seenFile struct {
	sum    [sha256.Size]byte
	keys   []*ringKey
	secret []byte
	err    error // why it is refused
}

// follows says why a file is none that the ring in memory may become.
func (r *Ring) follows(list []*ringKey, secret []byte) error {
	if r.file.secret != nil && !slices.Equal(secret, r.file.secret) {
		return fmt.Errorf("%w: its secret is another", ErrRingOlder)
	}
	for _, k := range r.keys {
		if !slices.ContainsFunc(list, func(n *ringKey) bool { return n.kid == k.kid && n.log == k.log }) {
			return fmt.Errorf("%w: it lacks key %s", ErrRingOlder, k.kid)
		}
	}
	return nil
}

// wanted reports whether a file has what cannot wait: a mark, or a key in place of none.
func wanted(list, now []*ringKey) bool {
	for _, k := range list {
		i := slices.IndexFunc(now, func(n *ringKey) bool { return n.kid == k.kid })
		if i >= 0 && !k.compromised.IsZero() && (now[i].compromised.IsZero() || k.compromised.Before(now[i].compromised)) {
			return true
		}
		if k.active && !slices.ContainsFunc(now, func(n *ringKey) bool { return n.active && n.log == k.log }) {
			return true
		}
	}
	return false
}
