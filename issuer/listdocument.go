package issuer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"indeks/contexts"
	"indeks/keys"
)

// listDocuments holds published lists with a proof, by id: each is made once and
// served until the next is published.
type listDocuments struct {
	mu   sync.Mutex
	kept map[string]listDocument // guarded by mu
}

type listDocument struct {
	token string // that it was made of
	doc   []byte
}

// StatusListDocument is StatusList as plain JSON: what is published as vc+jwt,
// with an embedded proof of the same key and time. doc is nil where the key serves
// no cryptosuite.
func (i *Issuer) StatusListDocument(ctx context.Context, list string) (doc []byte, validFrom time.Time, err error) {
	token, validFrom, err := i.StatusList(ctx, list)
	if err != nil {
		return nil, time.Time{}, err
	}
	i.documents.mu.Lock()
	defer i.documents.mu.Unlock()
	if kept := i.documents.kept[list]; kept.token == string(token) {
		return kept.doc, validFrom, nil
	}
	opened, err := keys.Open(ctx, token, ownKeys(i.ring.Entries()))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("opening status list %s: %w", list, err)
	}
	sealer, err := i.ring.SealerFor(opened.Seals[0].Key.ID)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("taking the key of status list %s: %w", list, err)
	}
	if suite := sealer.Cryptosuite(); suite != "" {
		doc, err = sealer.AddProof(opened.Payload, suite, keys.ProofOptions{Canonicalize: contexts.Default().Canonicalize}, validFrom)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("adding a proof to status list %s: %w", list, err)
		}
	}
	if i.documents.kept == nil {
		i.documents.kept = make(map[string]listDocument)
	}
	i.documents.kept[list] = listDocument{string(token), doc}
	return doc, validFrom, nil
}
