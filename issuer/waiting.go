package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"indeks/store"
)

// What waits for somebody's decision is about a learner of whom there is no record yet,
// and may never be one. It lies under a data key of its own, which is destroyed when it is
// over: then no backup has it any more.

// waitingKey is a data key, as store.Document names it, for what waits from a time on.
func waitingKey(id string, at time.Time) string {
	return at.UTC().Format("2006-01") + "/" + id + "." + rand.Text()
}

// forgotten adds the document by which the store remembers that a data key is destroyed, ""
// for none.
func forgotten(docs []store.Document, key string, at time.Time) ([]store.Document, error) {
	if key == "" {
		return docs, nil
	}
	d, err := store.Forgotten(key, at)
	return append(docs, d), err
}

// forget destroys a data key, "" for none, after the step in which the store remembers it.
// Where that is not possible now, it is done when the store is opened again, and by
// store.Settle.
func (i *Issuer) forget(ctx context.Context, key string) {
	if key == "" {
		return
	}
	if err := store.Forget(ctx, i.store, i.clock(), key); err != nil && ctx.Err() == nil {
		i.warn("ALARM: the data key of what was decided on is still there", "error", err)
	}
}

// putWaiting puts a document that an earlier version has put, which gave it no data key of
// its own, under one.
func (i *Issuer) putWaiting(ctx context.Context, doc store.Document) error {
	over := doc.DataKey()
	doc.Under = waitingKey(doc.ID, i.clock())
	docs, err := forgotten([]store.Document{doc}, over, i.clock())
	if err == nil {
		err = i.store.PutDocuments(ctx, docs)
	}
	if err == nil {
		i.forget(ctx, over)
	}
	return err
}

// kindDone is that of what is done once in the life of a store, by name.
const kindDone = "done"

// forgetDecided destroys, once, the data keys of what an earlier version has kept until it
// was decided: backups have it.
func (i *Issuer) forgetDecided(ctx context.Context) error {
	done := store.Document{Kind: kindDone, ID: "forget-decided", Body: []byte("1")}
	_, err := i.store.Document(ctx, done.Kind, done.ID)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return err
	}
	var docs []store.Document
	put := func() error {
		if err := i.store.PutDocuments(ctx, docs); err != nil {
			return fmt.Errorf("remembering what was decided: %w", err)
		}
		docs = nil
		return nil
	}
	for closed, open := range map[string]string{kindApprovalClosed: kindApproval, kindNameCheckClosed: kindNameCheck} {
		for old, err := range i.store.Documents(ctx, closed, "", "") {
			if err != nil {
				return err
			}
			key := (&store.Document{Kind: open, ID: old.ID}).DataKey()
			d, err := store.Forgotten(key, i.clock())
			if err != nil {
				return err
			}
			if _, err := i.store.Document(ctx, d.Kind, d.ID); errors.Is(err, store.ErrNotFound) {
				docs = append(docs, d)
			} else if err != nil {
				return err
			}
			if len(docs) == 200 {
				if err := put(); err != nil {
					return err
				}
			}
		}
	}
	docs = append(docs, done)
	if err := put(); err != nil {
		if errors.Is(err, store.ErrReadOnly) || errors.Is(err, store.ErrRevision) { // for another start, or node
			return nil
		}
		return err
	}
	return store.Settle(ctx, i.store)
}

// waitingMonths is after how many months the data keys of what was begun in a month, and is
// over, are given up as one: each that was destroyed alone takes 3 KB of the data keys.
const waitingMonths = 3

// forgetMonthsOfWaiting gives up as one the data keys of months of which nothing waits.
func (i *Issuer) forgetMonthsOfWaiting(ctx context.Context) error {
	open := map[string]bool{}
	for _, kind := range []string{kindApproval, kindNameCheck} {
		for d, err := range i.store.Documents(ctx, kind, "", "") {
			if err != nil {
				return err
			}
			open[d.Under[:min(len(d.Under), len("2006-01"))]] = true
		}
	}
	return store.ForgetMonthsOfPapers(ctx, i.store, i.clock(), i.clock().AddDate(0, -waitingMonths, 0).Format("2006-01"), open)
}
