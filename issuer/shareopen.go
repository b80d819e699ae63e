package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
	"indeks/verifier"
)

// Openings of one share, tries of a PIN among them.
const (
	shareOpens  = 30
	shareWindow = time.Minute
)

// DecryptShare is what a private share shows, for whoever has the link.
func DecryptShare(l ShareLink, content []byte) (Shown, error) {
	if len(l.Key) != 32 {
		return Shown{}, store.ErrNotFound
	}
	raw, err := shareCipher(l.Key).Open(nil, nil, content, shareBound(l.ID))
	if err != nil {
		return Shown{}, store.ErrNotFound // another key: as if there were none
	}
	return readShown(raw)
}

func readShown(raw []byte) (s Shown, err error) {
	if err := json.Unmarshal(raw, &s, json.RejectUnknownMembers(true)); err != nil || s.Version != 1 && s.Version != 2 {
		return Shown{}, fmt.Errorf("reading a share: %w", store.ErrDamaged) // err could quote it
	}
	return s, nil
}

// OpenShare returns a private share with its content, which whoever has the link
// decrypts, and counts that it was opened. matches compares the PIN that was given with
// one that is hashed; it is nil where none was.
//
// Errors: store.ErrNotFound; ErrShareEnded for one that has expired, was ended or
// opened as often as it may be, or whose award was replaced or erased; a [*PINError]; a
// [*WaitError] where it is opened too often in too short a time.
func (i *Issuer) OpenShare(ctx context.Context, id string, matches func(hash string) bool) (store.Share, error) {
	key := store.ShareKey(id)
	// 1. However many guess at once, and at whichever node.
	if err := i.take(ctx, shareCounter(key), shareOpens, shareWindow); err != nil && !errors.Is(err, store.ErrReadOnly) {
		return store.Share{}, err
	}

	// 2. Is there anything to be opened?
	share, err := store.ShareByKey(ctx, i.store, key)
	if err == nil && share.Public {
		err = store.ErrNotFound
	}
	var record store.Record
	if err == nil {
		record, err = i.shared(ctx, &share)
	}
	if err != nil {
		return store.Share{}, err
	}

	// 3. The PIN. A try is used up before it is looked at, so that no crash and no
	// other node gives it back.
	if share.PIN != "" {
		if matches == nil {
			return store.Share{}, &PINError{Left: share.PINLeft}
		}
		tried, err := store.ChangeShare(ctx, i.store, key, func(s *store.Share) error {
			if s.PINLeft <= 0 {
				return &PINError{Given: true}
			}
			s.PINLeft--
			return nil
		})
		if err != nil {
			return store.Share{}, err
		}
		if tried.PIN != share.PIN || !matches(share.PIN) {
			return store.Share{}, &PINError{Given: true, Left: tried.PINLeft}
		}
	}

	// 4. It counts.
	day := i.clock().Format(time.DateOnly)
	shown := share
	share, err = store.ChangeShare(ctx, i.store, key, func(s *store.Share) error {
		if err := i.stillShared(s); err != nil {
			return err
		}
		if s.PIN != "" {
			s.PINLeft = PINTries
		}
		s.Opens++
		s.LastDay = day
		return nil
	})
	if errors.Is(err, store.ErrReadOnly) && shown.PIN == "" && shown.MaxOpens == 0 {
		return shown, nil // nothing depends on the count, and what is read-only goes on showing
	}
	if err == nil && share.Notify && share.Opens == 1 {
		if err := i.SendOpened(ctx, record, share.Label); err != nil {
			i.warn("a learner is not told that a share was opened", "credential", record.ID, "error", err)
		}
	}
	return share, err
}

func shareCounter(key [32]byte) string {
	return "share/" + base64.RawStdEncoding.EncodeToString(key[:])
}

// IsShared is nil for the id of a private share that is not over, and counts nothing: for
// what its reader asks beside it. Errors are those of OpenShare but for a PIN.
func (i *Issuer) IsShared(ctx context.Context, id string) error {
	key := store.ShareKey(id)
	if err := i.take(ctx, "beside "+shareCounter(key), shareOpens, shareWindow); err != nil && !errors.Is(err, store.ErrReadOnly) {
		return err
	}
	share, err := store.ShareByKey(ctx, i.store, key)
	if err == nil && share.Public {
		err = store.ErrNotFound
	}
	if err != nil {
		return err
	}
	// One that opened for the last time is being read.
	share.MaxOpens = 0
	_, err = i.shared(ctx, &share)
	return err
}

// stillShared is ErrShareEnded for a share that is over.
func (i *Issuer) stillShared(s *store.Share) error {
	if s.Content == nil || !s.Ended.IsZero() || i.now().After(s.Expires) || s.MaxOpens > 0 && s.Opens >= s.MaxOpens {
		return ErrShareEnded
	}
	return nil
}

// shared is the award behind a share that is not over.
func (i *Issuer) shared(ctx context.Context, s *store.Share) (store.Record, error) {
	if err := i.stillShared(s); err != nil {
		return store.Record{}, err
	}
	r, err := i.store.Get(ctx, s.Credential)
	if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrNotFound) || err == nil && Replaced(r) {
		err = ErrShareEnded
	}
	return r, err
}

// PublicShare returns what a public page shows, with the award behind it and what the
// verifier says of it now. Errors are those of OpenShare but for a PIN.
func (i *Issuer) PublicShare(ctx context.Context, id string) (store.Record, []byte, *verifier.Report, error) {
	share, err := store.ShareByKey(ctx, i.store, store.ShareKey(id))
	if err == nil && !share.Public {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Record{}, nil, nil, err
	}
	r, err := i.shared(ctx, &share)
	if err != nil {
		return store.Record{}, nil, nil, err
	}
	shown, err := readShown(share.Content)
	if err != nil {
		return store.Record{}, nil, nil, err
	}
	report, err := i.Examine(ctx, shown.Sealed())
	return r, shown.Sealed(), report, err
}
