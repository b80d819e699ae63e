package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Share is what a learner shows of a credential to whoever has a link. The link's id
// is nowhere in the store, and of a private one neither is the key of its content:
// without the link nobody can read it, who operates the store included.
//
// It is delivery data of its record: under the record's own data key, so that Erase
// takes it away at once, in every copy. A restoration ends all shares, since a copy
// does not know which were ended after it was made.
type Share struct {
	Key        [32]byte  `json:"key"` // [ShareKey] of the id in its link
	Credential string    `json:"credential"`
	Public     bool      `json:"public,omitzero"`
	Content    []byte    `json:"content,omitzero"` // of a private one encrypted under the key in its link; nil: ended
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"` // whole seconds, UTC
	Ended      time.Time `json:"ended,omitzero"`
	Download   bool      `json:"download,omitzero"` // what is shown may be had as a file
	Notify     bool      `json:"notify,omitzero"`   // the owner is told of the first opening

	PIN      string `json:"pin,omitzero"`     // how it is hashed, as package issuer writes it; "": none
	PINLeft  int    `json:"pinLeft,omitzero"` // tries
	Opens    int    `json:"opens,omitzero"`
	MaxOpens int    `json:"maxOpens,omitzero"` // 0: not limited
	LastDay  string `json:"lastDay,omitzero"`  // YYYY-MM-DD when it was opened last, and no more of it

	// For its owner alone.
	Label   string   `json:"label,omitzero"`
	Purpose string   `json:"purpose,omitzero"`
	Shown   []string `json:"shown,omitzero"` // parts, as package issuer names them
	Lang    string   `json:"lang,omitzero"`  // of its page at first

	revision uint64
	at       string // id of its document
}

// ShareKey is what a share is kept by.
func ShareKey(id string) [32]byte { return sha256.Sum256([]byte(id)) }

// ShareKind is that of shares, which are delivery data; a document of kind
// sharePlaceKind leads from the key of one to it.
const (
	ShareKind      = "share"
	sharePlaceKind = "share-place"
)

// maxShares bounds how many one credential has at a time.
const maxShares = 100

// maxShareTries is how often a change of a share is begun anew that another overtook.
const maxShareTries = 20

// keptEnded is how long an ended share is remembered, with nothing in it.
const keptEnded = 90 * 24 * time.Hour

// ErrTooMany is returned where no more is kept of something.
var ErrTooMany = errors.New("there are too many of them")

func (r *Record) shareID(key [32]byte) string {
	return r.DeliveryID() + "/" + hex.EncodeToString(key[:])
}

// document is the share as it is kept.
func (s *Share) document() (Document, error) {
	body, err := json.Marshal(s, json.Deterministic(true))
	return Document{Kind: ShareKind, ID: s.at, Revision: s.revision, Expires: s.Expires, Body: body}, err
}

func readShare(d Document) (s Share, err error) {
	if err := json.Unmarshal(d.Body, &s, json.RejectUnknownMembers(true)); err != nil {
		return Share{}, fmt.Errorf("%w: %s %.60q cannot be read", ErrDamaged, d.Kind, d.ID) // err could quote it
	}
	s.revision, s.at = d.Revision, d.ID
	return s, nil
}

// PutShare puts a new share of a record. ErrTooMany where the record has as many as
// one can have, ErrErased where its delivery data are.
func PutShare(ctx context.Context, s Store, r Record, share Share) error {
	doing := func(err error) error { return fmt.Errorf("putting a share of %s: %w", r.ID, err) }
	have, err := Shares(ctx, s, r)
	if err != nil {
		return doing(err)
	}
	if len(have) >= maxShares {
		return doing(ErrTooMany)
	}
	share.Credential, share.at = r.ID, r.shareID(share.Key)
	d, err := share.document()
	if err != nil {
		return doing(err)
	}
	place := Document{Kind: sharePlaceKind, ID: hex.EncodeToString(share.Key[:]), Body: []byte(d.ID)}
	return s.PutDocuments(ctx, []Document{d, place}, Event{Kind: KindShared, Object: r.ID})
}

// endsWithRestoration reports whether a document serves somebody for a time, as shares,
// sessions and one-time codes do, or leads to a share: it may have ended since the copy.
func (d *Document) endsWithRestoration() bool {
	return !d.Expires.IsZero() || d.Kind == ShareKind || d.Kind == sharePlaceKind
}

// ShareByKey returns one share, ended or not, or ErrNotFound.
func ShareByKey(ctx context.Context, s Store, key [32]byte) (Share, error) {
	place, err := s.Document(ctx, sharePlaceKind, hex.EncodeToString(key[:]))
	if err != nil {
		return Share{}, err
	}
	d, err := s.Document(ctx, ShareKind, string(place.Body))
	if err != nil {
		return Share{}, err
	}
	return readShare(d)
}

// Shares are those of a record, the newest first.
func Shares(ctx context.Context, s Store, r Record) (all []Share, err error) {
	for d, err := range s.Documents(ctx, ShareKind, r.DeliveryID()+"/", "") {
		if err != nil {
			return nil, err
		}
		share, err := readShare(d)
		if err != nil {
			return nil, err
		}
		all = append(all, share)
	}
	slices.SortStableFunc(all, func(a, b Share) int { return b.Created.Compare(a.Created) })
	return all, nil
}

// ChangeShare changes a share by a function, which may run several times, each time
// on what is stored then: of two at once neither is lost. Its error is returned, and
// nothing changed. One without content is logged as ended.
func ChangeShare(ctx context.Context, s Store, key [32]byte, change func(*Share) error) (Share, error) {
	for n := 0; ; n++ {
		share, err := ShareByKey(ctx, s, key)
		if err != nil {
			return Share{}, err
		}
		had := share.Content != nil
		if err := change(&share); err != nil {
			return share, err
		}
		d, err := share.document()
		if err != nil {
			return Share{}, fmt.Errorf("changing a share of %s: %w", share.Credential, err)
		}
		var events []Event
		if had && share.Content == nil {
			events = append(events, Event{Kind: KindShareEnded, Object: share.Credential})
		}
		err = s.PutDocuments(ctx, []Document{d}, events...)
		if errors.Is(err, ErrRevision) && n < maxShareTries {
			continue
		}
		if err != nil {
			return Share{}, fmt.Errorf("changing a share of %s: %w", share.Credential, err)
		}
		share.revision++
		return share, nil
	}
}

// EndShare takes away at once what is shown, and the PIN. That there was a share is
// remembered for a while, so that its link is answered as one that has ended.
func EndShare(ctx context.Context, s Store, key [32]byte, at time.Time) (Share, error) {
	return ChangeShare(ctx, s, key, func(share *Share) error {
		if share.Ended.IsZero() {
			share.Ended = at.UTC().Truncate(time.Second)
		}
		share.Content, share.PIN, share.PINLeft, share.Label, share.Purpose, share.Shown = nil, "", 0, "", "", nil
		return nil
	})
}

// PurgeShares removes the content of what has ended by itself, and what ended 90
// days ago altogether, and returns how many of both.
func PurgeShares(ctx context.Context, s Store, now time.Time) (n int, err error) {
	for place, err := range s.Documents(ctx, sharePlaceKind, "", "") {
		if err != nil {
			return n, fmt.Errorf("removing shares: %w", err)
		}
		key, err := hex.DecodeString(place.ID)
		if err != nil || len(key) != sha256.Size {
			return n, fmt.Errorf("removing shares: %w: %s %.70q is no key", ErrDamaged, place.Kind, place.ID)
		}
		place.Body = nil
		share, err := ShareByKey(ctx, s, [32]byte(key))
		switch over := share.Ended; {
		case errors.Is(err, ErrNotFound): // erased with its record
			err = s.PutDocuments(ctx, []Document{place})
			n++
		case err != nil:
		case over.IsZero() && now.After(share.Expires) && share.Content != nil:
			_, err = EndShare(ctx, s, share.Key, share.Expires)
			n++
		case !over.IsZero() && now.Sub(over) > keptEnded:
			err = s.PutDocuments(ctx, []Document{place, {Kind: ShareKind, ID: share.at, Revision: share.revision}})
			n++
		}
		if err != nil && !errors.Is(err, ErrRevision) { // another does it
			return n, fmt.Errorf("removing shares: %w", err)
		}
	}
	return n, nil
}
