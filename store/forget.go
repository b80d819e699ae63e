package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// forgottenKind is the kind of the documents by which a store remembers, without a name of
// anybody, which data keys of documents were destroyed: nodes that share a database have
// each a copy of the keys, and so may whoever comes back from a backup.
const forgottenKind = "forgotten"

// anyMonth is in the id of one where there is no month; it stands behind all months.
const anyMonth = "any"

// forgottenDocument remembers the erasure of documents.
func forgottenDocument(e Erasure) Document {
	body, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		panic(err) // unreachable: texts and a time
	}
	return Document{Kind: forgottenKind, ID: cmp.Or(e.Month, anyMonth) + "/" + e.ID, Body: body}
}

// forgetting is the erasure of what lies under a data key that [Document.DataKey] names.
func forgetting(key string, at time.Time) (Erasure, error) {
	e := Erasure{ID: key, Class: Papers, At: at.UTC().Truncate(time.Second)}
	if validUnder(key) {
		e.Month, e.ID, _ = strings.Cut(key, "/")
		e.ID = "under/" + e.ID
		return e, nil
	}
	kind, id, _ := strings.Cut(key, "/")
	_, err := papers(kind, id)
	return e, err
}

// Forgotten is the document that goes into the store in the step in which what lies under
// a data key is over; it is new, and stays. [Forget] destroys the key after that step, or
// [Settle] does.
func Forgotten(key string, at time.Time) (Document, error) {
	e, err := forgetting(key, at)
	if err != nil {
		return Document{}, fmt.Errorf("forgetting %.100q: %w", key, err)
	}
	return forgottenDocument(e), nil
}

// Forget destroys data keys that [Document.DataKey] names, and with them all that was ever
// put under them, in every copy. What is put under them later is ErrErased.
func Forget(ctx context.Context, s Store, at time.Time, keys ...string) error {
	in := insideOf(s)
	if in == nil || len(keys) == 0 {
		return nil
	}
	var list []Erasure
	for _, key := range keys {
		e, err := forgetting(key, at)
		if err != nil {
			return fmt.Errorf("forgetting %.100q: %w", key, err)
		}
		list = append(list, e)
	}
	if err := in.dataKeys().destroy(ctx, list); err != nil {
		return fmt.Errorf("forgetting what documents lay under: %w", err)
	}
	return nil
}

// ForgetMonthsOfPapers destroys, at the price of one, all data keys of each month before
// one (YYYY-MM) of which some that documents name by [Document.Under] were destroyed, but
// for those months of which there are documents still to be read. What is put under them
// later is ErrErased.
func ForgetMonthsOfPapers(ctx context.Context, s Store, at time.Time, before string, but map[string]bool) error {
	doing := func(err error) error { return fmt.Errorf("forgetting the months before %s: %w", before, err) }
	docs := map[string][]Document{} // by month: to be removed
	for d, err := range s.Documents(ctx, forgottenKind, "", "") {
		if err != nil {
			return doing(err)
		}
		month, _, single := strings.Cut(d.ID, "/")
		if single && month < before && month != anyMonth && !but[month] && len(docs[month]) < stepDocuments { // the others are for the next time
			d.Body = nil
			docs[month] = append(docs[month], d)
		}
	}
	for month, docs := range docs {
		all := Erasure{Class: Papers, Month: month, At: at.UTC().Truncate(time.Second)}
		whole := forgottenDocument(all)
		if whole.ID = month; !exists(ctx, s, whole) {
			docs = append(docs, whole)
		}
		if err := s.PutDocuments(ctx, docs); err != nil && !errors.Is(err, ErrRevision) { // another node does it
			return doing(err)
		}
		if in := insideOf(s); in != nil {
			if err := in.dataKeys().destroy(ctx, []Erasure{all}); err != nil {
				return doing(err)
			}
		}
	}
	return nil
}

func exists(ctx context.Context, s Store, d Document) bool {
	_, err := s.Document(ctx, d.Kind, d.ID)
	return err == nil
}

// settlePapers destroys the data keys of documents that the store knows to be forgotten.
func settlePapers(ctx context.Context, s Store, keys *DataKeys) error {
	var due []Erasure
	for d, err := range s.Documents(ctx, forgottenKind, "", "") {
		if err != nil {
			return err
		}
		var e Erasure
		if err := json.Unmarshal(d.Body, &e, json.RejectUnknownMembers(true)); err != nil || e.Class != Papers {
			return fmt.Errorf("%w: what is kept of the erasure of documents as %.100q", ErrDamaged, d.ID)
		}
		left, err := keys.has(e)
		if err != nil {
			return err
		}
		if left {
			due = append(due, e)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return keys.destroy(ctx, due)
}
