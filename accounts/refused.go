package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// The audit log is for ever, and everybody may type a wrong password. So of the
// attempts that are refused with one account, or with none, the first of an hour stand
// in the log each, and the others as how many they were, why, and from when to when.

const (
	kindRefused   = "refused"
	refusedSingly = 10        // in refusedTime
	refusedTime   = time.Hour // since the first
	refusedWhys   = 16        // that are told apart
)

// refusals are those with one account, or with none, in an hour.
type refusals struct {
	Object string         `json:"object,omitzero"`
	Began  time.Time      `json:"began"`
	Singly int            `json:"singly"`
	More   int            `json:"more,omitzero"` // that are not in the log yet
	First  time.Time      `json:"first,omitzero"`
	Last   time.Time      `json:"last,omitzero"`
	Whys   map[string]int `json:"whys,omitzero"`
}

// rest is the event that tells of those that are not in the log yet, nil where all are.
func (r *refusals) rest() []store.Event {
	if r.More == 0 {
		return nil
	}
	var whys []string
	for _, why := range slices.Sorted(maps.Keys(r.Whys)) {
		whys = append(whys, fmt.Sprintf("%s: %d", why, r.Whys[why]))
	}
	return []store.Event{{Kind: store.KindLogInRefused, Actor: "nobody", Object: r.Object, Result: fmt.Sprintf("%d more from %s to %s; %s", r.More, r.First.Format(time.RFC3339), r.Last.Format(time.RFC3339), strings.Join(whys, ", "))}}
}

// add counts one more, and returns what the log is told.
func (r *refusals) add(now time.Time, why string) (events []store.Event) {
	if now.Sub(r.Began) >= refusedTime || now.Before(r.Began) {
		events = r.rest()
		*r = refusals{Object: r.Object, Began: now}
	}
	if r.Singly < refusedSingly {
		r.Singly++
		return append(events, store.Event{Kind: store.KindLogInRefused, Actor: "nobody", Object: r.Object, Result: why})
	}
	if r.More == 0 {
		r.First, r.Whys = now, map[string]int{}
	}
	if _, known := r.Whys[why]; !known && len(r.Whys) >= refusedWhys {
		why = "other"
	}
	r.More, r.Last = r.More+1, now
	r.Whys[why]++
	return events
}

// refusedOf reads those with an account.
func (a *Accounts) refusedOf(ctx context.Context, object string) (r refusals, d store.Document, err error) {
	d, err = a.Store.Document(ctx, kindRefused, place(object))
	if errors.Is(err, store.ErrNotFound) {
		return refusals{Object: object}, store.Document{Kind: kindRefused, ID: place(object)}, nil
	}
	if err == nil {
		err = json.Unmarshal(d.Body, &r)
	}
	return r, d, err
}

// logRefused logs an attempt that is refused, with an account or, as "", with none, or
// counts it among those that are told of together.
func (a *Accounts) logRefused(ctx context.Context, object, why string) error {
	a.refusing.Lock()
	defer a.refusing.Unlock()
	for {
		r, d, err := a.refusedOf(ctx, object)
		if err != nil {
			return err
		}
		events := r.add(a.now(), why)
		if d.Body, err = json.Marshal(r, json.Deterministic(true)); err != nil {
			return err
		}
		if err := a.Store.PutDocuments(ctx, []store.Document{d}, events...); !errors.Is(err, store.ErrRevision) { // at another node
			return err
		}
	}
}

// tellRefused has the log say now how many more were refused with an account whose
// owner has signed in.
func (a *Accounts) tellRefused(ctx context.Context, object string) error {
	a.refusing.Lock()
	defer a.refusing.Unlock()
	for {
		r, d, err := a.refusedOf(ctx, object)
		if err != nil || r.More == 0 {
			return err
		}
		events := r.rest()
		r.More, r.Whys = 0, nil
		if d.Body, err = json.Marshal(r, json.Deterministic(true)); err != nil {
			return err
		}
		if err := a.Store.PutDocuments(ctx, []store.Document{d}, events...); !errors.Is(err, store.ErrRevision) {
			return err
		}
	}
}

// endRefused has the log say how many more there were in the hours that are over.
func (a *Accounts) endRefused(ctx context.Context) error {
	for d, err := range a.Store.Documents(ctx, kindRefused, shared, "") {
		var r refusals
		if err == nil {
			err = json.Unmarshal(d.Body, &r)
		}
		if err != nil {
			return err
		}
		if a.now().Sub(r.Began) < refusedTime {
			continue
		}
		gone := store.Document{Kind: kindRefused, ID: d.ID, Revision: d.Revision}
		if err := a.Store.PutDocuments(ctx, []store.Document{gone}, r.rest()...); err != nil && !errors.Is(err, store.ErrRevision) { // one more meanwhile, which has told
			return err
		}
	}
	return nil
}
