package issuer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/keys"
	"indeks/store"
)

// known is what the records know of the keys and the configuration: what the audit log
// was last told, and which keys are compromised, whoever has said so.
type known struct {
	Settings string               `json:"settings,omitzero"` // SHA-256, hexadecimal
	Keys     map[string]knownKey  `json:"keys"`
	Lost     map[string]lostSince `json:"lost,omitzero"` // only added to, and moved back in time
}

type knownKey struct {
	Active      bool      `json:"active,omitzero"`
	Retired     time.Time `json:"retired,omitzero"`
	Compromised time.Time `json:"compromised,omitzero"`
}

type lostSince struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitzero"`
}

const (
	knownKind = "audit"
	knownID   = "known"
)

// readKnown returns it with the document that it stands in.
func (i *Issuer) readKnown(ctx context.Context) (k known, doc store.Document, err error) {
	doc, err = i.store.Document(ctx, knownKind, knownID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return known{}, store.Document{Kind: knownKind, ID: knownID}, nil
	case err != nil:
		return known{}, doc, err
	}
	if err := json.Unmarshal(doc.Body, &k); err != nil {
		return known{}, doc, fmt.Errorf("reading what the audit log was told of: %w", err)
	}
	return k, doc, nil
}

// marks are the keys that the records know to be compromised.
func (k *known) marks() (marks []keys.Mark) {
	for id, lost := range k.Lost {
		marks = append(marks, keys.Mark{Key: id, At: lost.At, Reason: lost.Reason})
	}
	return marks
}

// lacks reports whether a mark says more than k does.
func (k *known) lacks(m keys.Mark) bool {
	lost, ok := k.Lost[m.Key]
	return !ok || m.At.Before(lost.At)
}

// maxTold bounds how often what others write at the same time is read again.
const maxTold = 5

// logChanges appends what has changed of the keys, and of the configuration unless it is
// nil, since the log was told of it: neither is kept in the store, so neither can be
// logged as it changes. It puts on record which keys are compromised, for other nodes.
func (i *Issuer) logChanges(ctx context.Context, settings *[sha256.Size]byte) error {
	for n := 0; ; n++ {
		was, doc, err := i.readKnown(ctx)
		if err != nil {
			return err
		}
		is, events := i.changes(&was, settings)
		if len(events) == 0 && len(is.Lost) == len(was.Lost) && !slices.ContainsFunc(is.marks(), was.lacks) {
			return nil
		}
		if doc.Body, err = json.Marshal(is, json.Deterministic(true)); err != nil {
			return err
		}
		err = i.store.PutDocuments(ctx, []store.Document{doc}, events...)
		switch {
		case errors.Is(err, store.ErrReadOnly): // another process does it
			return nil
		case errors.Is(err, store.ErrRevision) && n < maxTold:
			continue
		}
		return err
	}
}

// changes is what is known now, with the events that lead to it.
func (i *Issuer) changes(was *known, settings *[sha256.Size]byte) (is known, events []store.Event) {
	is = known{Settings: was.Settings, Keys: map[string]knownKey{}, Lost: map[string]lostSince{}}
	if settings != nil {
		if is.Settings = ""; *settings != [sha256.Size]byte{} {
			is.Settings = fmt.Sprintf("%x", *settings)
		}
		if is.Settings != was.Settings {
			events = append(events, store.Event{Kind: store.KindConfigured, Digest: *settings})
		}
	}
	for id, lost := range was.Lost {
		is.Lost[id] = lost
	}
	for _, m := range i.ring.Marks() {
		if was.lacks(m) {
			is.Lost[m.Key] = lostSince{m.At, m.Reason}
		}
	}
	for _, e := range slices.Backward(logKeys(i.ring)) {
		k := e.Public
		now := knownKey{e.Active, k.NotAfter, k.CompromisedAt}
		event := func(kind store.Kind, result string) {
			events = append(events, store.Event{Kind: kind, Object: k.ID, Result: result})
		}
		before, ok := was.Keys[k.ID]
		if now.Retired.IsZero() {
			now.Retired = before.Retired // by another node, whose file is younger
		}
		is.Keys[k.ID] = now
		if !ok {
			event(store.KindKeyMade, fmt.Sprintf("%s, %s, on %s", e.Source, strings.Join(k.Purposes, " "), e.Created.Format(time.RFC3339)))
		}
		if now.Active && !before.Active {
			event(store.KindKeyActivated, "")
		}
		if !now.Retired.Equal(before.Retired) {
			event(store.KindKeyRetired, "as of "+now.Retired.Format(time.RFC3339))
		}
		if !now.Compromised.Equal(before.Compromised) {
			event(store.KindKeyRevoked, "compromised on "+now.Compromised.Format(time.RFC3339))
		}
	}
	for id, before := range was.Keys {
		if _, ok := is.Keys[id]; ok {
			continue
		}
		if settings == nil { // a running issuer loses no key: another node has one more
			is.Keys[id] = before
		} else {
			events = append(events, store.Event{Kind: store.KindKeyDestroyed, Object: id})
		}
	}
	return is, events
}

// keysEvery is how often a running issuer looks for what others have said of its keys.
const keysEvery = 15 * time.Second

// custody is what an issuer does about what others say of its keys.
type custody struct {
	mu     sync.Mutex   // one at a time
	behind bool         // guarded by mu: something that follows a change is still to be done
	using  sync.RWMutex // read while something is reserved for a key and sealed, see finishWith
}

// RunKeys takes up, until ctx ends, that a key is compromised, within [keysEvery]: by the
// key file, where another process has marked one, and by the records, where another node
// has. What fails is reported to Warn once, and tried again.
func (i *Issuer) RunKeys(ctx context.Context) error {
	said := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(keysEvery):
		}
		err := i.refreshKeys(ctx, false)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && err.Error() != said {
			i.warn("ALARM: the keys are not what others say of them", "error", err)
		}
		if said = ""; err != nil {
			said = err.Error()
		}
	}
}

// takeMarks takes up which keys the records know to be compromised, before anything is
// sealed: a file of the keys may be older.
func (i *Issuer) takeMarks(ctx context.Context) error {
	on, _, err := i.readKnown(ctx)
	if err != nil {
		return err
	}
	had := i.ring.Marks()
	i.ring.Refresh(on.marks(), false, nil) // of a file that it refuses RunKeys tells
	if marks := i.ring.Marks(); len(marks) > len(had) {
		i.warn("a key is compromised by the records, and not by the key file: bring the file in which it was marked", "key", marks[len(marks)-1].Key)
	}
	if _, err := i.ring.Sealer(); err != nil {
		return fmt.Errorf("taking the active key: %w: bring the key file of the node where the last one was marked as compromised, or make another one with indeks keys new", err)
	}
	return nil
}

// refreshKeys takes up which keys are compromised, and does what follows, as
// [Issuer.compromise] does; what else has changed of them is taken up with it, or where
// whole asks for it. keys.ErrNoKey where no key is left to seal with.
func (i *Issuer) refreshKeys(ctx context.Context, whole bool) error {
	i.custody.mu.Lock()
	defer i.custody.mu.Unlock()
	doing := func(err error) error { return fmt.Errorf("taking up what others say of the keys: %w", err) }
	on, _, err := i.readKnown(ctx)
	if err != nil {
		return doing(err)
	}
	changed, refused := i.ring.Refresh(on.marks(), whole, func(key string) {
		if err := i.finishWith(ctx, key); err != nil {
			i.warn("issuances under way are not finished", "key", key, "error", err)
		}
	})
	if changed {
		i.custody.behind = true
		i.warn("the keys have changed: one was marked as compromised, or another one seals", "compromised", len(i.ring.Marks()))
	}
	if i.custody.behind || slices.ContainsFunc(i.ring.Marks(), on.lacks) {
		if err := i.followKeys(ctx); err != nil {
			return doing(err)
		}
		i.custody.behind = false
	}
	if refused != nil {
		return doing(refused)
	}
	if _, err := i.ring.Sealer(); err != nil {
		return fmt.Errorf("%w: bring the key file of the node where the last one was marked, or make another one with indeks keys new", err)
	}
	return nil
}

// followKeys tells the log, the lists and the trust file what the keys have become.
func (i *Issuer) followKeys(ctx context.Context) error {
	if err := i.logChanges(ctx, nil); err != nil {
		return fmt.Errorf("telling the audit log of keys: %w", err)
	}
	if _, err := i.ring.Sealer(); err == nil { // else another node does it
		if err := i.renew(ctx, false); err != nil {
			return err
		}
	}
	if err := i.trustChanged(i.TrustEntry()); err != nil {
		return fmt.Errorf("writing the trust file: %w", err)
	}
	return nil
}

// finishWith finishes what is reserved for a key that is given to nobody any more: once
// it is marked, such a reservation is burned, and whoever asked for it asks again.
func (i *Issuer) finishWith(ctx context.Context, key string) error {
	i.custody.settle()
	for r, err := range i.store.Pending(ctx) {
		if err != nil {
			return fmt.Errorf("reading pending issuances: %w", err)
		}
		if r.KeyID != key {
			continue
		}
		if _, err := i.seal(ctx, r, nil); err != nil {
			i.warn("issuance cannot be finished", "id", r.ID, "number", r.Number, "key", r.KeyID, "error", err)
		}
	}
	return nil
}

// settle returns when whatever had chosen a key before has reserved and sealed with it.
func (c *custody) settle() {
	c.using.Lock()
	defer c.using.Unlock()
}
