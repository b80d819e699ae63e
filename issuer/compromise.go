package issuer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/keys"
	"indeks/store"
)

// Compromise says that a key is in wrong hands, and since when. Where the institution
// has asked for four eyes it waits for another person. The JSON names are those of the
// stored form.
type Compromise struct {
	ID      string    `json:"id"` // in order of time
	Key     string    `json:"key"`
	At      time.Time `json:"at"` // when the key became known to others
	Reason  string    `json:"reason"`
	AskedBy string    `json:"askedBy"`
	Askers  []string  `json:"askers,omitzero"` // who else could be that, as of then
	AskedAt time.Time `json:"askedAt"`
	Expires time.Time `json:"expires"`
}

const kindCompromise = "compromise"

// CompromisesWait reports whether another person confirms that a key is compromised.
func (i *Issuer) CompromisesWait() bool { return i.keyApproval }

// keyEntry is a key of the ring; log tells whether it seals the audit log.
func (i *Issuer) keyEntry(id string) (e keys.Entry, log bool, err error) {
	for _, e := range logKeys(i.ring) {
		if e.Public.ID == id {
			return e, slices.Contains(e.Public.Purposes, keys.LogPurpose), nil
		}
	}
	return keys.Entry{}, false, fmt.Errorf("looking for key %.80q: %w", id, store.ErrNotFound)
}

// checkCompromise says what is wrong with what is asked for.
func (i *Issuer) checkCompromise(q *Compromise) error {
	e, _, err := i.keyEntry(q.Key)
	if err != nil {
		return err
	}
	q.At, q.Reason = q.At.UTC().Truncate(time.Second), strings.TrimSpace(q.Reason)
	refuse := func(field, way, value, want string) error {
		p := Problem{Field: field, Case: way, Value: value, Rule: "compromise", Want: want}
		if was := e.Public.CompromisedAt; !was.IsZero() {
			p.Figures = map[string]string{"At": was.Format(time.RFC3339)}
		}
		return &Problems{List: []Problem{p}}
	}
	switch was := e.Public.CompromisedAt; {
	case q.Reason == "":
		return refuse("reason", "reason", "", "is missing: it is kept on record")
	case q.At.After(i.clock()):
		return refuse("at", "at", q.At.Format(time.RFC3339), "lies in the future")
	case !was.IsZero() && q.At.After(was):
		return refuse("at", "later", q.At.Format(time.RFC3339), "is later than what is on record, which moves back only: "+was.Format(time.RFC3339))
	}
	return CheckReason("reason", q.Reason)
}

// AskCompromise marks a key as compromised since an instant, or, with four eyes, has
// that wait, which is told by waits. Asked again for the same key it does again what a
// failure left, and may move the instant back.
//
// Errors: store.ErrNotFound where there is no such key; *Problems; those of carrying it
// out, see [Issuer.ConfirmCompromise].
func (i *Issuer) AskCompromise(ctx context.Context, key string, at time.Time, reason, by string) (waits bool, err error) {
	now := i.clock()
	q := Compromise{ID: now.Format("20060102") + "-" + NewPublicID("")[:publicSymbols/2], Key: key, At: at, Reason: reason, AskedBy: by, AskedAt: now, Expires: now.Add(i.approvalTime)}
	if err := i.checkCompromise(&q); err != nil {
		return false, err
	}
	if !i.keyApproval {
		return false, i.compromise(ctx, &q)
	}
	askers, err := i.personsOf(ctx, by)
	if err != nil {
		return false, err
	}
	if len(askers) > 1 {
		q.Askers = askers[1:]
	}
	return true, i.putCompromise(ctx, &q, 0, encode(q), store.Event{Kind: store.KindApprovalAsked, Object: q.ID, Actor: by, Result: "key compromised"})
}

// putCompromise writes one over its revision; without body it is removed.
func (i *Issuer) putCompromise(ctx context.Context, q *Compromise, revision uint64, body []byte, event store.Event) error {
	if err := i.store.PutDocuments(ctx, []store.Document{{Kind: kindCompromise, ID: q.ID, Revision: revision, Body: body}}, event); err != nil {
		return fmt.Errorf("writing that key %s is compromised: %w", q.Key, err)
	}
	return nil
}

// Compromises yields what waits for another person, oldest first.
func (i *Issuer) Compromises(ctx context.Context) iter.Seq2[Compromise, error] {
	return func(yield func(Compromise, error) bool) {
		for doc, err := range i.store.Documents(ctx, kindCompromise, "", "") {
			var q Compromise
			if err == nil {
				err = json.Unmarshal(doc.Body, &q, json.RejectUnknownMembers(true))
			}
			if err == nil && i.now().After(q.Expires) {
				continue // as if it were refused: whoever asks again asks anew
			}
			if !yield(q, err) {
				return
			}
		}
	}
}

// waiting returns what waits, for somebody who may decide on it, with its revision.
func (i *Issuer) waitingCompromise(ctx context.Context, id, by string) (q Compromise, revision uint64, err error) {
	err = store.ErrNotFound
	var doc store.Document
	if id != "" && len(id) <= 2*publicSymbols {
		doc, err = i.store.Document(ctx, kindCompromise, id)
	}
	if err == nil {
		err = json.Unmarshal(doc.Body, &q, json.RejectUnknownMembers(true))
	}
	if err == nil && i.now().After(q.Expires) {
		err = ErrApprovalEnded
	}
	if err == nil {
		err = i.logRefused(ctx, id, by, i.MayConfirmCompromise(ctx, q, by))
	}
	if err != nil {
		return Compromise{}, 0, fmt.Errorf("deciding on %.40q: %w", id, err)
	}
	return q, doc.Revision, nil
}

// MayConfirmCompromise says whether somebody may confirm it: [ErrSameActor], of which
// [*OnePersonError] is a kind.
func (i *Issuer) MayConfirmCompromise(ctx context.Context, q Compromise, by string) error {
	return i.apart(ctx, q.AskedBy, q.Askers, by)
}

// ConfirmCompromise marks the key that another one has asked for.
//
// Errors: store.ErrNotFound; [ErrSameActor], [ErrApprovalEnded]; *Problems; whatever kept
// the key file from being written, among it [keys.ErrRingChanged]. An error may also be
// of what follows the mark, which is then done all the same: confirming again does the rest.
func (i *Issuer) ConfirmCompromise(ctx context.Context, id, by string) error {
	q, revision, err := i.waitingCompromise(ctx, id, by)
	if err != nil {
		return err
	}
	if err := i.checkCompromise(&q); err != nil {
		return err
	}
	if err := i.compromise(ctx, &q); err != nil {
		return err
	}
	return i.putCompromise(ctx, &q, revision, nil, store.Event{Kind: store.KindApprovalGiven, Object: q.ID, Actor: by, Result: "key compromised"})
}

// RefuseCompromise ends what waits. Whoever has asked may do so too.
func (i *Issuer) RefuseCompromise(ctx context.Context, id, reason, by string) error {
	if err := CheckReason("reason", reason); err != nil {
		return err
	}
	q, revision, err := i.waitingCompromise(ctx, id, by)
	if errors.Is(err, ErrSameActor) {
		doc, read := i.store.Document(ctx, kindCompromise, id)
		q, revision, err = Compromise{ID: id}, doc.Revision, read
	}
	if err != nil {
		return err
	}
	return i.putCompromise(ctx, &q, revision, nil, store.Event{Kind: store.KindApprovalRefused, Object: id, Actor: by, Result: fmt.Sprintf("%.100s", reason)})
}

// compromise carries it out. Whatever was done of it before is not done again.
func (i *Issuer) compromise(ctx context.Context, q *Compromise) error {
	doing := func(err error) error { return fmt.Errorf("marking key %s as compromised: %w", q.Key, err) }
	// On top of what others have done to the keys; what stands against that shows below.
	if err := i.refreshKeys(ctx, true); err != nil {
		i.warn("the keys are not what others say of them", "error", err)
	}
	lost, log, err := i.keyEntry(q.Key)
	if err != nil {
		return doing(err)
	}

	// 1. Another one takes its place, or nothing would be sealed and no list published.
	if lost.Active {
		if i.newKey.Organization == "" {
			return doing(fmt.Errorf("%w: and there is nothing to make another one of", keys.ErrNoKey))
		}
		n := i.newKey
		n.Alg, n.Now = lost.Public.Alg, i.clock()
		add := i.ring.Add
		if log {
			add = i.ring.AddLog
		}
		if _, err := add(i.inst.DID, n); err != nil {
			return doing(err)
		}
	}

	// 2. What is reserved for it and under way is finished with it.
	if !log {
		if err := i.finishWith(ctx, q.Key); err != nil {
			return doing(err)
		}
	}

	// 3. The mark. It is durable from here on, and what follows says so to others.
	if was := lost.Public.CompromisedAt; was.IsZero() || q.At.Before(was) {
		if err := i.ring.Revoke(q.Key, q.At, q.Reason); err != nil {
			return doing(err)
		}
	}
	doing = func(err error) error {
		return fmt.Errorf("key %s is marked as compromised, but what follows is not all done, ask for it again: %w", q.Key, err)
	}
	if err := i.followKeys(ctx); err != nil {
		return doing(err)
	}
	return nil
}

// SealCount says of a key that became known to others at a time what it has sealed.
type SealCount struct {
	Before, After int // credentials by the time on their seal, that of the loss among the latter
	Proven        int // of Before: the audit log proves that they are older, so verifiers confirm them for good
	InForce       int // neither withdrawn, on hold nor expired
	Unproven      int // of InForce: verifiers confirm them only by a new issue
}

// CountSeals counts what a key has sealed, were it or is it compromised since an
// instant. It changes nothing. store.ErrNotFound where there is no such key.
func (i *Issuer) CountSeals(ctx context.Context, key string, at time.Time) (n SealCount, err error) {
	if _, _, err := i.keyEntry(key); err != nil {
		return n, err
	}
	at = at.UTC().Truncate(time.Second)
	proven, err := i.provenBefore(ctx, key, at)
	if err != nil {
		return n, err
	}
	now := i.now()
	for after := ""; ; {
		some, next, err := i.selected(ctx, &Selection{Key: key}, after, nil)
		if err != nil {
			return n, err
		}
		known, err := i.provenIn(ctx, proven, some)
		if err != nil {
			return n, err
		}
		for _, r := range some {
			if r.State == store.Reserved {
				continue
			}
			known := known[r.ID]
			if r.SealingTime.Before(at) {
				n.Before++
			} else {
				n.After++
				known = false
			}
			if known {
				n.Proven++
			}
			if r.State == store.Issued && !r.Expired(now) {
				n.InForce++
				if !known {
					n.Unproven++
				}
			}
		}
		if after = next; next == "" {
			return n, nil
		}
	}
}

// provenBefore returns, by log, of how many entries a head proves to others that they
// are older than the loss of a key: the largest that was sealed before, with another
// key, which is not compromised. What operators of verifiers have seen themselves is
// not known here, and proves more. It goes by the rule of [verifier.Verifier].
func (i *Issuer) provenBefore(ctx context.Context, key string, at time.Time) (map[string]uint64, error) {
	proven := map[string]uint64{}
	logs, err := i.store.Logs(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	for _, log := range logs {
		for h, err := range i.store.Heads(ctx, log.Name, 0) {
			if err != nil {
				return nil, fmt.Errorf("reading the heads of audit log %s: %w", log.Name, err)
			}
			if !h.At.Before(at) {
				break // those that follow are no older, see signHead
			}
			if h.KeyID != key && !i.compromised(h.KeyID) {
				proven[log.Name] = h.Size
			}
		}
	}
	return proven, nil
}

// provenIn says which of some records are among the entries that are proven.
func (i *Issuer) provenIn(ctx context.Context, proven map[string]uint64, some []store.Record) (map[string]bool, error) {
	known := map[string]bool{}
	if len(proven) == 0 || len(some) == 0 {
		return known, nil
	}
	ids := make([]string, 0, len(some))
	for _, r := range some {
		ids = append(ids, r.ID)
	}
	places, err := i.store.Places(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("looking for credentials in the audit log: %w", err)
	}
	for id, place := range places {
		known[id] = place.Index < proven[place.Log]
	}
	return known, nil
}
