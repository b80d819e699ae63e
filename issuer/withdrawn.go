package issuer

import (
	"context"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json"

	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// Withdrawal is our word on why a credential was revoked, sealed for verifiers,
// or store.ErrNotFound where the public is told nothing: see [PublicReason].
func (i *Issuer) Withdrawal(ctx context.Context, r store.Record) ([]byte, error) {
	code := PublicReason(r)
	if code == "" || r.Course == "" {
		return nil, fmt.Errorf("telling why %s was revoked: %w", r.ID, store.ErrNotFound)
	}
	sealer, err := i.ring.Sealer()
	if err != nil {
		return nil, fmt.Errorf("taking the active key: %w", err)
	}
	// What is said never changes, so it is sealed once with each key.
	key := sealer.Public().ID + " " + r.ID
	if token, ok := i.words.get(key); ok {
		return token, nil
	}
	at := r.Changes[len(r.Changes)-1].At.UTC()
	payload, err := json.Marshal(verifier.Withdrawal{Issuer: i.inst.DID, Credential: r.ID, Public: r.Public, Code: code, At: at})
	if err != nil {
		return nil, fmt.Errorf("telling why %s was revoked: %w", r.ID, err)
	}
	token, err := i.signed(func() ([]byte, error) { return sealer.Seal(payload, keys.Withdrawal, i.clock()) })
	if err != nil {
		return nil, fmt.Errorf("telling why %s was revoked: %w", r.ID, err)
	}
	i.words.put(key, token)
	return token, nil
}

// words are withdrawals that were sealed, some at least. The zero value is ready
// for use.
type words struct {
	mu    sync.Mutex
	known map[string][]byte
}

func (w *words) get(key string) ([]byte, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	token, ok := w.known[key]
	return token, ok
}

func (w *words) put(key string, token []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil || len(w.known) >= 4096 { // begin anew rather than keep count of use
		w.known = map[string][]byte{}
	}
	w.known[key] = token
}
