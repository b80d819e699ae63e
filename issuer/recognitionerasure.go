package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// withRecognitions adds to a request, whose records are in order, the recognitions that
// some of its records rest on, and no other record of the same learner does.
func (i *Issuer) withRecognitions(ctx context.Context, q *ErasureRequest, records []store.Record) error {
	for _, r := range records {
		if r.Assessment == nil || r.Assessment.Recognition == "" || r.LearnerID == "" {
			continue
		}
		id := r.Assessment.Recognition
		if slices.Contains(q.Recognitions, id) {
			continue
		}
		all, err := i.searchAll(ctx, store.Query{LearnerID: r.LearnerID})
		if err != nil {
			return fmt.Errorf("looking for what else rests on recognition %s: %w", id, err)
		}
		stays := slices.ContainsFunc(all, func(other store.Record) bool {
			_, asked := slices.BinarySearch(q.Records, other.ID)
			return !asked && other.Assessment != nil && other.Assessment.Recognition == id
		})
		_, err = i.store.Document(ctx, kindRecognition, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && stays {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for recognition %s: %w", id, err)
		}
		q.Recognitions = append(q.Recognitions, id)
	}
	slices.Sort(q.Recognitions)
	q.Recognitions = slices.Compact(q.Recognitions)
	return nil
}

// eraseRecognition leaves of a recognition what names nobody, and destroys the data key
// of all that was ever written of it. Of one that is gone already only the key is
// destroyed, which a crash may have left.
func (i *Issuer) eraseRecognition(ctx context.Context, id string, e store.Erasure) error {
	doing := func(err error) error { return fmt.Errorf("erasing recognition %s: %w", id, err) }
	was, err := i.store.Document(ctx, kindRecognition, id)
	key := (&store.Document{Kind: kindRecognition, ID: id}).DataKey()
	switch {
	case err == nil:
		var r Recognition
		if err := json.Unmarshal(was.Body, &r, json.RejectUnknownMembers(true)); err != nil {
			return doing(err)
		}
		// 1. What is left, and that the key is gone, in one step.
		left := Recognition{ID: r.ID, State: RecognitionErased, Created: r.Created, By: r.By, SHA256: r.SHA256, Size: r.Size, Verdict: r.Verdict, Standing: r.Standing, Erasure: &e}
		docs := []store.Document{{Kind: kindRecognition, ID: id, Revision: was.Revision}, {Kind: kindRecognitionErased, ID: id, Body: encode(left)}}
		if docs, err = forgotten(docs, key, e.At); err == nil {
			err = i.store.PutDocuments(ctx, docs, store.Event{Kind: store.KindErased, Object: id, Actor: e.By, Result: kindRecognition})
		}
		if err != nil {
			return doing(err)
		}
	case !errors.Is(err, store.ErrNotFound):
		return doing(err)
	}

	// 2. The key. store.Settle does it where this cannot.
	if err := store.Forget(ctx, i.store, e.At, key); err != nil {
		return doing(err)
	}
	return nil
}
