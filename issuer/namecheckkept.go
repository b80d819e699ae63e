package issuer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// NameCheck returns one, open or closed, or store.ErrNotFound.
func (i *Issuer) NameCheck(ctx context.Context, id string) (NameCheck, error) {
	n, _, err := i.nameCheck(ctx, id)
	return n, err
}

// nameCheck also returns the documents that it is in now.
func (i *Issuer) nameCheck(ctx context.Context, id string) (NameCheck, []store.Document, error) {
	if id == "" || len(id) > 2*publicSymbols {
		return NameCheck{}, nil, fmt.Errorf("looking for name check %.60q: %w", id, store.ErrNotFound)
	}
	for _, kind := range []string{kindNameCheck, kindNameCheckClosed} {
		doc, err := i.store.Document(ctx, kind, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		var n NameCheck
		if err == nil {
			n, err = i.readNameCheck(doc)
		}
		if err != nil {
			return NameCheck{}, nil, fmt.Errorf("reading name check %s: %w", id, err)
		}
		return n, []store.Document{doc}, nil
	}
	return NameCheck{}, nil, fmt.Errorf("looking for name check %s: %w", id, store.ErrNotFound)
}

func (i *Issuer) readNameCheck(doc store.Document) (n NameCheck, err error) {
	if err := json.Unmarshal(doc.Body, &n, json.RejectUnknownMembers(true)); err != nil {
		return NameCheck{}, fmt.Errorf("%w: %s %s cannot be read", store.ErrDamaged, doc.Kind, doc.ID) // err could quote it
	}
	if (n.State == NameWaiting || n.State == NameReported) && i.now().After(n.Expires) {
		n.State = NameLapsed
	}
	n.under = doc.Under
	return n, nil
}

// NameCheckByLink returns the one whose page has a link, while it is open, else
// store.ErrNotFound.
func (i *Issuer) NameCheckByLink(ctx context.Context, link string) (NameCheck, error) {
	doc, err := i.store.Document(ctx, kindNameCheckLink, nameCheckLink(link))
	if err != nil {
		return NameCheck{}, err
	}
	return i.NameCheck(ctx, string(doc.Body))
}

func nameCheckLink(link string) string {
	sum := sha256.Sum256([]byte("name check " + strings.ToUpper(link)))
	return hex.EncodeToString(sum[:])
}

// NameChecks yields those that are open, in no order of time, or those that are closed,
// starting after the id after.
func (i *Issuer) NameChecks(ctx context.Context, closed bool, after string) iter.Seq2[NameCheck, error] {
	kind := kindNameCheck
	if closed {
		kind = kindNameCheckClosed
	}
	return func(yield func(NameCheck, error) bool) {
		for doc, err := range i.store.Documents(ctx, kind, "", after) {
			var n NameCheck
			if err == nil {
				n, err = i.readNameCheck(doc)
			}
			if !yield(n, err) {
				return
			}
		}
	}
}

// putNameCheck writes a check in place of the documents that it was in, nil for a new
// one, with what comes beside it. One that is closed keeps nothing personal, and its
// link leads nowhere.
func (i *Issuer) putNameCheck(ctx context.Context, n NameCheck, was []store.Document, event store.Event, with ...store.Document) error {
	kind, link := kindNameCheck, n.Link
	if !n.State.open() {
		kind, n.Draft, n.Said, n.Link = kindNameCheckClosed, nil, "", ""
	}
	raw, err := json.Marshal(n, json.Deterministic(true))
	if err != nil {
		return err
	}
	doc := store.Document{Kind: kind, ID: n.ID, Body: raw}
	if n.State.open() {
		doc.Under = cmp.Or(n.under, waitingKey(n.ID, i.clock()))
	}
	over := "" // data key that is over
	docs := with
	for n := range docs {
		if docs[n].Kind == store.LetterKind { // which goes with it
			docs[n].Under = doc.Under
		}
	}
	if !n.State.open() { // nor is it kept where the letter went
		r := n.record()
		for letter, err := range i.store.Documents(ctx, store.LetterKind, r.DeliveryID()+"/", "") {
			if err != nil {
				return err
			}
			letter.Body = nil
			docs = append(docs, letter)
		}
	}
	for _, old := range was {
		if key := old.DataKey(); old.Kind == kindNameCheck && key != doc.Under {
			over = key
		}
		if old.Kind == kind {
			doc.Revision = old.Revision
			continue
		}
		docs = append(docs, store.Document{Kind: old.Kind, ID: old.ID, Revision: old.Revision})
	}
	docs = append(docs, doc)
	place := store.Document{Kind: kindNameCheckLink, ID: nameCheckLink(link)}
	switch old, err := i.store.Document(ctx, place.Kind, place.ID); {
	case errors.Is(err, store.ErrNotFound) && n.State.open() && link != "":
		place.Body = []byte(n.ID)
		docs = append(docs, place)
	case err == nil && !n.State.open():
		place.Revision = old.Revision
		docs = append(docs, place)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	var events []store.Event
	if event.Kind != "" {
		events = append(events, event)
	}
	if docs, err = forgotten(docs, over, i.clock()); err == nil {
		err = i.store.PutDocuments(ctx, docs, events...)
	}
	if err == nil {
		i.forget(ctx, over)
	}
	return err
}
