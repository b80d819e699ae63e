package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/contexts"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
)

// ListValidity is how long a signed status list lives. It only keeps old lists from
// being played back: a verifier asks again after the ttl, so that a withdrawal
// shows within a minute.
const ListValidity = 24 * time.Hour

const (
	listTTL     = 30 * time.Second
	listRenewal = time.Hour        // RunStatusLists signs anew what is older
	listLook    = 20 * time.Second // and looks for what is not published yet
)

// ErrLostRevocation is returned where a list that was to be published lacks a
// revocation of the last one: the store was restored or damaged. Nothing is
// published then.
var ErrLostRevocation = errors.New("a revocation that was published is missing from the store")

// Revoke withdraws a credential for good, Suspend puts it on hold and Reinstate
// ends that. They publish the status lists anew before they return. [*Problems]
// for a reason that does not lead there; store.ErrState where the record's state
// does not allow it. After another error the change may be on record and not yet
// published: asking again completes it.
func (i *Issuer) Revoke(ctx context.Context, id string, why Why) (store.Record, error) {
	return i.change(ctx, id, store.Revoked, why)
}

// Suspend puts a credential on hold; see [Issuer.Revoke].
func (i *Issuer) Suspend(ctx context.Context, id string, why Why) (store.Record, error) {
	return i.change(ctx, id, store.Suspended, why)
}

// Reinstate ends a suspension; see [Issuer.Revoke].
func (i *Issuer) Reinstate(ctx context.Context, id string, why Why) (store.Record, error) {
	return i.change(ctx, id, store.Issued, why)
}

func (i *Issuer) change(ctx context.Context, id string, to store.State, why Why) (store.Record, error) {
	if err := why.check(to); err != nil {
		return store.Record{}, err
	}
	c := store.Change{At: i.clock(), State: to, Code: why.Code, Reason: why.Text, By: why.By}
	notice, err := i.changeNotice(ctx, id, c)
	if err != nil {
		return store.Record{}, fmt.Errorf("changing %s to %s: %w", id, to, err)
	}
	r, err := i.store.Change(ctx, id, c, notice...)
	if err != nil {
		return store.Record{}, fmt.Errorf("changing %s to %s: %w", id, to, err)
	}
	i.rouseLetters()
	return r, i.publishEntries(ctx, r)
}

// publishEntries publishes the lists that show the state of a record.
func (i *Issuer) publishEntries(ctx context.Context, r store.Record) error {
	for _, e := range r.Entries {
		if _, err := i.publish(ctx, e.List, listRenewal, false); err != nil {
			return err
		}
	}
	return nil
}

// StatusList returns the published list as vc+jwt and when it was signed. It
// publishes first where nothing was published yet or half of the validity is
// over. store.ErrNotFound for a list that there is not.
func (i *Issuer) StatusList(ctx context.Context, list string) (token []byte, validFrom time.Time, err error) {
	_, l, err := i.store.Bits(ctx, list)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading status list: %w", err)
	}
	if age := i.clock().Sub(l.ValidFrom); l.Sequence == 0 || age > ListValidity/2 {
		renewed, err := i.publish(ctx, list, ListValidity/2, false)
		switch {
		case err == nil:
			l = renewed
		case l.Sequence == 0 || age > ListValidity || errors.Is(err, ErrLostRevocation):
			return nil, time.Time{}, err
		default:
			// Still valid: an old list is better than none, if somebody is told.
			i.warn("status list is not renewed", "list", list, "signed", l.ValidFrom, "error", err)
		}
	}
	return l.Published, l.ValidFrom, nil
}

// ListsUntil is when the first of the published status lists ends, zero where
// none is published.
func (i *Issuer) ListsUntil(ctx context.Context) (time.Time, error) {
	lists, err := i.store.Lists(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading status lists: %w", err)
	}
	var first time.Time
	for _, l := range lists {
		if until := l.ValidFrom.Add(ListValidity); l.Sequence > 0 && (first.IsZero() || until.Before(first)) {
			first = until
		}
	}
	return first, nil
}

// RunStatusLists signs all lists anew every hour, and those that no longer say what
// the records do within half a minute, until ctx ends; it returns nil then. Who
// withdraws publishes by themselves: what is found here is what they could not
// publish, or did not come to before a crash of another process. What fails is
// reported to Warn and tried again.
func (i *Issuer) RunStatusLists(ctx context.Context) error {
	due := time.Now()
	for {
		if _, err := i.ring.Sealer(); err != nil {
			// RunKeys has said so; a node that has a key publishes meanwhile.
		} else if time.Now().Before(due) {
			if err := i.publishChanged(ctx); err != nil && ctx.Err() == nil {
				i.warn("status lists do not say what the records do", "error", err)
			}
		} else {
			due = time.Now().Add(listRenewal)
			if err := i.renew(ctx, false); err != nil && ctx.Err() == nil {
				i.warn("status lists are not renewed", "error", err)
				due = time.Now().Add(time.Minute)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listLook):
		}
	}
}

// publishChanged publishes the lists whose last publication says something else
// than the records.
func (i *Issuer) publishChanged(ctx context.Context) error {
	lists, err := i.store.Lists(ctx)
	if err != nil {
		return fmt.Errorf("reading status lists: %w", err)
	}
	var failed []error
	for _, l := range lists {
		if l.Sequence == 0 {
			continue // whoever asks for it first has it published
		}
		bits, now, err := i.store.Bits(ctx, l.ID)
		if err == nil {
			var last *status.List
			if last, _, err = i.readList(ctx, now.Published); err == nil && bytes.Equal(bits.Bits(), last.Bits()) {
				continue
			}
		}
		if err == nil {
			_, err = i.publish(ctx, l.ID, listRenewal, false)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("status list %s: %w", l.ID, err))
		}
	}
	return errors.Join(failed...)
}

// renew signs all lists anew that are due, or each of them where the clock is
// confirmed.
func (i *Issuer) renew(ctx context.Context, confirmed bool) error {
	lists, err := i.store.Lists(ctx)
	if err != nil {
		return fmt.Errorf("reading status lists: %w", err)
	}
	var failed []error
	for _, l := range lists {
		// A little less than the interval, so that no round is missed by a second.
		if _, err := i.publish(ctx, l.ID, listRenewal-time.Minute, confirmed); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// publish signs the present bits of a list and publishes them, unless the last
// publication says the same and is younger than maxAge. Where the clock is
// confirmed, it dates them by the clock and by nothing else.
func (i *Issuer) publish(ctx context.Context, id string, maxAge time.Duration, confirmed bool) (store.List, error) {
	i.publishing.Lock()
	defer i.publishing.Unlock()
	for {
		publishing, end := i.step(ctx, "publish")
		l, err := i.publishOnce(publishing, id, maxAge, confirmed)
		end(err)
		if errors.Is(err, store.ErrSequence) {
			continue // another process published since the bits were read: look again
		}
		if err != nil {
			return store.List{}, fmt.Errorf("publishing status list %s: %w", id, err)
		}
		return l, nil
	}
}

func (i *Issuer) publishOnce(ctx context.Context, id string, maxAge time.Duration, confirmed bool) (store.List, error) {
	// 1. What is to be said, and what was said last.
	sealer, err := i.ring.Sealer()
	if err != nil {
		return store.List{}, fmt.Errorf("taking the active key: %w", err)
	}
	bits, l, err := i.store.Bits(ctx, id)
	if err != nil {
		return store.List{}, err
	}
	now := i.clock()
	if !confirmed {
		if err := i.checkClock(ctx, now, i.jump); err != nil {
			return store.List{}, err
		}
	}
	if l.Sequence > 0 {
		last, sealedWith, err := i.readList(ctx, l.Published)
		if err != nil {
			return store.List{}, fmt.Errorf("reading the last publication: %w", err)
		}
		// 2. A revocation is final. A list that forgets one would turn a revoked
		// credential valid, so it never leaves the house.
		if l.Purpose == status.Revocation && !bits.Covers(last) {
			i.warn("ALARM: status list would lose a revocation, nothing is published", "list", id, "sequence", l.Sequence)
			i.stopped.Store(id, nil)
			return store.List{}, ErrLostRevocation
		}
		// A list that another key sealed is sealed anew at once: that key may have
		// been revoked.
		if !confirmed && bytes.Equal(bits.Bits(), last.Bits()) && now.Sub(l.ValidFrom) < maxAge && sealedWith == sealer.Public().ID {
			i.toMirror(id, l.Published) // which may be newer than this list, or have lost it
			return l, nil
		}
		// Verifiers refuse a list that is older than one they have seen, also
		// where our clock was set back. A list that lies in the future for them they
		// have not seen, so that one of now may follow where the clock is confirmed.
		if now.Before(l.ValidFrom) && !confirmed {
			if l.ValidFrom.Sub(now) > time.Minute {
				i.warn("the clock is behind the last status list, which dates the next one", "clock", now, "list", id, "signed", l.ValidFrom)
			}
			now = l.ValidFrom
		}
	}
	// 3. Sign, read back, publish by compare and set.
	payload, err := i.listPayload(l, bits, now)
	if err != nil {
		return store.List{}, err
	}
	token, err := i.signed(func() ([]byte, error) { return sealer.Seal(payload, keys.VCJWT, now) })
	if err != nil {
		return store.List{}, fmt.Errorf("sealing: %w", err)
	}
	if err := i.open(ctx, token, payload); err != nil {
		return store.List{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	i.toMirror(id, token)
	if err := i.store.Publish(ctx, id, l.Sequence+1, token, now); err != nil {
		return store.List{}, err
	}
	i.recorded.published(now, confirmed)
	l.Sequence, l.Published, l.ValidFrom = l.Sequence+1, token, now
	i.stopped.Delete(id)
	return l, nil
}

// ListsStopped are the lists that are not published any more, because they would
// lose a revocation. Once the last publication ends, verifiers say of none of their
// credentials that it is valid.
func (i *Issuer) ListsStopped() (ids []string) {
	i.stopped.Range(func(id, _ any) bool {
		ids = append(ids, id.(string))
		return true
	})
	slices.Sort(ids)
	return ids
}

func (i *Issuer) toMirror(id string, token []byte) {
	if err := i.mirror(id, token); err != nil {
		i.warn("status list is not mirrored", "list", id, "error", err)
	}
}

// statusCredential is a BitstringStatusListCredential (section 2.2).
type statusCredential struct {
	Context    []string      `json:"@context"`
	ID         string        `json:"id"`
	Type       []string      `json:"type"`
	Issuer     string        `json:"issuer"`
	ValidFrom  time.Time     `json:"validFrom"`
	ValidUntil time.Time     `json:"validUntil"`
	Subject    statusSubject `json:"credentialSubject"`
}

type statusSubject struct {
	ID            string `json:"id"`
	Type          string `json:"type"`
	StatusPurpose string `json:"statusPurpose"`
	EncodedList   string `json:"encodedList"`
	TTL           int64  `json:"ttl"` // milliseconds
}

func (i *Issuer) listPayload(l store.List, bits *status.List, from time.Time) ([]byte, error) {
	id := i.inst.listURL(l.ID)
	payload, err := json.Marshal(statusCredential{
		Context:    []string{contexts.VC2},
		ID:         id,
		Type:       []string{"VerifiableCredential", "BitstringStatusListCredential"},
		Issuer:     i.inst.DID,
		ValidFrom:  from,
		ValidUntil: from.Add(ListValidity),
		Subject: statusSubject{
			ID: id + "#list", Type: "BitstringStatusList", StatusPurpose: l.Purpose,
			EncodedList: bits.Encode(), TTL: listTTL.Milliseconds(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the list: %w", err)
	}
	return payload, nil
}

// readList opens a list of ours and says which key sealed it.
func (i *Issuer) readList(ctx context.Context, token []byte) (bits *status.List, keyID string, err error) {
	opened, err := keys.Open(ctx, token, ownKeys(i.ring.Entries()))
	if err != nil {
		return nil, "", err
	}
	var cred statusCredential
	if err := json.Unmarshal(opened.Payload, &cred); err != nil {
		return nil, "", err
	}
	bits, err = status.Decode(cred.Subject.EncodedList)
	return bits, opened.Seals[0].Key.ID, err
}
