package issuer

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/elm"
	"indeks/store"
	"indeks/verifier"
)

// A learner's page also keeps what other issuers have sealed. The records have it
// encrypted under a secret of the learner's own, which stands in the part of a link
// that is not sent, or in a cookie of a device; the server has it in memory while a
// page is made, and never in the records, whoever holds their keys.

// Bounds of what is collected.
const (
	MaxCollectedFile = 1 << 20 // bytes
	collectedHourly  = 60      // that are examined for one page: each may ask other hosts
	stackedByMinute  = 30      // how often all of a page are examined together
	maxPredecessors  = 20      // awards that one took the place of, one after the other
)

// ErrNotCollected is what cannot be kept: no sealed credential, or one that was changed.
var ErrNotCollected = errors.New("not kept: it is no sealed credential, or its seal does not fit")

// Collected is a credential on a learner's page, with what the verifier said of it when
// it was added. The JSON names are those of the encrypted form.
type Collected struct {
	ID      string    `json:"-"`
	Added   time.Time `json:"-"`
	Version int       `json:"v"`    // 1
	File    []byte    `json:"file"` // as it was given

	Title   string           `json:"title,omitzero"`
	Lang    string           `json:"lang,omitzero"` // of Title, where it is not that of the page then
	Issuer  string           `json:"issuer,omitzero"`
	State   verifier.State   `json:"state"`
	Verdict verifier.Verdict `json:"verdict"`
}

// NewCollectionSecret draws the secret of a collection: 256 bits at random.
func NewCollectionSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	return secret
}

// CollectionPart is a secret as it stands in a link, behind #.
func CollectionPart(secret []byte) string { return base64.RawURLEncoding.EncodeToString(secret) }

// ReadCollectionPart reads a secret from a link, or from what stands behind its #.
func ReadCollectionPart(text string) (secret []byte, ok bool) {
	text = strings.TrimSpace(text)
	secret, err := base64.RawURLEncoding.DecodeString(text[strings.LastIndexByte(text, '#')+1:])
	return secret, err == nil && len(secret) == 32
}

// collectionKey is the key of one credential of a collection. Each has its own, so
// that each key encrypts once, as those of shares do.
func collectionKey(secret []byte, id string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "indeks collection 1 "+id, 32)
	if err != nil {
		panic(err) // unreachable: the length is one that SHA-256 gives
	}
	return key
}

// Collect keeps a credential on the page of an award, encrypted under secret. find says
// which file it is, and what the verifier found in it; it is asked only where there may
// be one more. What is there already is not kept again.
//
// Errors: those of find; [ErrNotCollected]; a [*WaitError] where too many were tried;
// store.ErrTooMany; store.ErrErased.
func (i *Issuer) Collect(ctx context.Context, r store.Record, secret []byte, lang string, find func(context.Context) ([]byte, *verifier.Report, error)) (Collected, error) {
	doing := func(err error) error { return fmt.Errorf("keeping a credential on a page: %w", err) }
	if err := i.take(ctx, "collected/"+r.ID, collectedHourly, time.Hour); err != nil {
		return Collected{}, doing(err)
	}
	file, report, err := find(ctx)
	if err != nil {
		return Collected{}, err
	}
	if len(file) > MaxCollectedFile || report.Credential == nil || report.State == verifier.NotValid {
		return Collected{}, doing(ErrNotCollected)
	}
	have, _, err := i.Collection(ctx, r, secret)
	if err != nil {
		return Collected{}, err
	}
	for _, c := range have {
		if bytes.Equal(c.File, file) {
			return c, nil
		}
	}
	c := Collected{ID: NewPublicID(""), Added: i.clock(), Version: 1, File: file, Issuer: report.Issuer.Name, State: report.State, Verdict: report.Verdict}
	for _, section := range elm.Supplement(report.Credential, lang) {
		for _, e := range section.Elements {
			if e.ID == "M2" && len(e.Values) > 0 {
				c.Title, c.Lang = e.Values[0].Text, e.Values[0].Lang
			}
		}
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return Collected{}, doing(err)
	}
	content := shareCipher(collectionKey(secret, c.ID)).Seal(nil, nil, raw, nil) // whose key is bound to the id
	return c, store.PutKept(ctx, i.store, r, store.Kept{ID: c.ID, Added: c.Added, Content: content})
}

// MayStack is a [*WaitError] where all that is on a page was examined too often in too
// short a time: what others have sealed may be as large as it takes long, and 50 of it.
func (i *Issuer) MayStack(ctx context.Context, r store.Record) error {
	err := i.take(ctx, "stack/"+r.ID, stackedByMinute, time.Minute)
	if errors.Is(err, store.ErrReadOnly) {
		return nil
	}
	return err
}

// Collection is what opens under a secret of what is kept on the page of an award, and
// of those that it took the place of, in the order in which it was added; closed are
// the others.
func (i *Issuer) Collection(ctx context.Context, r store.Record, secret []byte) (open []Collected, closed int, err error) {
	for _, page := range i.pages(ctx, r) {
		kept, err := store.KeptOf(ctx, i.store, page)
		if err != nil {
			return nil, 0, fmt.Errorf("reading what is kept on a page: %w", err)
		}
		for _, k := range kept {
			c, ok := openCollected(k, secret)
			if !ok {
				closed++
				continue
			}
			open = append(open, c)
		}
	}
	return open, closed, nil
}

func openCollected(k store.Kept, secret []byte) (c Collected, ok bool) {
	if len(secret) != 32 {
		return c, false
	}
	raw, err := shareCipher(collectionKey(secret, k.ID)).Open(nil, nil, k.Content, nil)
	if err != nil || json.Unmarshal(raw, &c, json.RejectUnknownMembers(true)) != nil || c.Version != 1 {
		return Collected{}, false
	}
	c.ID, c.Added = k.ID, k.Added
	return c, true
}

// Uncollect removes one credential from the page of an award at once; nobody needs the
// secret for that.
func (i *Issuer) Uncollect(ctx context.Context, r store.Record, id string) error {
	for _, page := range i.pages(ctx, r) {
		if err := store.DropKept(ctx, i.store, page, id); err != nil {
			return err
		}
	}
	return nil
}

// UncollectClosed removes what does not open under a secret, which may be nil.
func (i *Issuer) UncollectClosed(ctx context.Context, r store.Record, secret []byte) error {
	for _, page := range i.pages(ctx, r) {
		kept, err := store.KeptOf(ctx, i.store, page)
		if err != nil {
			return fmt.Errorf("reading what is kept on a page: %w", err)
		}
		for _, k := range kept {
			if _, ok := openCollected(k, secret); ok {
				continue
			}
			if err := store.DropKept(ctx, i.store, page, k.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// pages are an award and those that it took the place of, as far as they can be read:
// a correction of the award is no reason to lose what others have sealed.
func (i *Issuer) pages(ctx context.Context, r store.Record) []store.Record {
	pages := []store.Record{r}
	for r.Supersedes != nil && len(pages) <= maxPredecessors {
		old, err := i.store.Get(ctx, r.Supersedes.ID)
		if err != nil {
			break
		}
		pages, r = append(pages, old), old
	}
	return pages
}
