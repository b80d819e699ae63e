package issuer

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"indeks/elm"
	"indeks/store"
	"indeks/verifier"
)

// Bounds of what is shared.
const (
	ShareDays    = 30  // if nothing is said
	MaxShareDays = 365 // from the day on which it is said
	MinPIN       = 6   // digits
	MaxPIN       = 12
	PINTries     = 5 // wrong ones, until the owner unlocks it
	MaxOpens     = 1000
	maxLabel     = 120 // characters
	sharesHourly = 60  // that are made of one award: each takes a seal
)

// Errors of opening a share. What was never there is store.ErrNotFound.
var (
	ErrShareEnded = errors.New("the link leads to nothing any more")
	ErrPIN        = errors.New("the PIN is wrong or missing")
)

// PINError is a wrong PIN, or none where one is asked for. It wraps ErrPIN.
type PINError struct {
	Given bool // there was one
	Left  int  // tries; 0: locked until the owner unlocks it
}

func (e *PINError) Error() string { return fmt.Sprintf("%v: %d tries are left", ErrPIN, e.Left) }
func (e *PINError) Unwrap() error { return ErrPIN }

// WaitError says when to try again.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string { return fmt.Sprintf("too many requests: wait %v", e.Wait) }

// take counts one more of a key, at all nodes together: a [*WaitError] where there were
// limit in a window of time.
func (i *Issuer) take(ctx context.Context, key string, limit int, window time.Duration) error {
	wait, err := i.store.Take(ctx, key, limit, window)
	if err == nil && wait > 0 {
		err = &WaitError{wait}
	}
	return err
}

// ShareTerms are what the learner decides of a share.
type ShareTerms struct {
	Public   bool      // a page for everybody who finds it, without key and PIN
	Show     []Part    // beyond what is always shown
	Expires  time.Time // zero: after ShareDays
	PIN      string    // how a PIN is hashed that ValidPIN has accepted; "": none is asked for
	MaxOpens int       // 0: not limited
	Download bool      // the page offers what is shown as a file
	Notify   bool      // the owner is told by e-mail when it is opened first
	Label    string    // what the owner calls it
	Purpose  string    // what the owner shares it for
	Lang     string    // of the page at first, and of the certificate; "": the reader's, and the award's own

	// Whole adds to all parts the sealed file and the certificate, which have more in
	// them than can be chosen. Of is a credential of another issuer in place of the
	// award, as it is: only who has sealed it could seal a part of it.
	Whole bool
	Of    *Collected
}

// ValidPIN reports whether a PIN is one: digits, so that it can be said on the telephone.
func ValidPIN(pin string) bool {
	return len(pin) >= MinPIN && len(pin) <= MaxPIN && strings.Trim(pin, "0123456789") == ""
}

// ShareLink is what a link has in it and the records have not.
type ShareLink struct {
	ID   string // 26 symbols, 128 bits at random
	Key  []byte // of a private share: 256 bits at random, for the part of the address that is not sent
	Lang string // in which it is shown at first, "" the reader's
}

// Path is the link at the issuer's address.
func (l ShareLink) Path() string {
	query := ""
	if l.Lang != "" {
		query = "?lang=" + url.QueryEscape(l.Lang)
	}
	if l.Key == nil {
		return "/p/" + l.ID + query
	}
	return "/s/" + l.ID + query + "#" + base64.RawURLEncoding.EncodeToString(l.Key)
}

// Shown is what a share shows. Its JSON is read in the browser, too.
type Shown struct {
	Version  int          `json:"v"`              // 2; 1 where there are no Files
	Token    string       `json:"token,omitzero"` // dc+sd-jwt, of what is shown and nothing else; "": Files has what another issuer has sealed
	Download bool         `json:"download"`
	Page     string       `json:"page,omitzero"` // id of a public page, which is no secret
	Files    []SharedFile `json:"files,omitzero"`
}

// SharedFile is a file that is shared as it is.
type SharedFile struct {
	Name string `json:"name"`
	Type string `json:"type"` // media type
	Data []byte `json:"data"`
}

// Sealed is what a verifier examines of what is shown.
func (s *Shown) Sealed() []byte {
	if s.Token == "" && len(s.Files) > 0 {
		return s.Files[0].Data
	}
	return []byte(s.Token)
}

// PublicPage is the path of a public page, "" of what is none or has ended.
func PublicPage(s store.Share) string {
	var c Shown
	if !s.Public || s.Content == nil || json.Unmarshal(s.Content, &c) != nil || c.Page == "" {
		return ""
	}
	return ShareLink{ID: c.Page, Lang: s.Lang}.Path()
}

// Share shares an award under terms: what is shown is sealed anew and, unless for
// everybody, encrypted under a key that only the link has. A [*Problems] for terms that
// cannot be, store.ErrState for an award that is not in force or on hold.
func (i *Issuer) Share(ctx context.Context, r store.Record, t ShareTerms) (store.Share, ShareLink, error) {
	now := i.clock()
	if t.Expires.IsZero() {
		t.Expires = now.AddDate(0, 0, ShareDays)
	}
	if err := t.check(now); err != nil {
		return store.Share{}, ShareLink{}, err
	}
	if err := i.take(ctx, "shares/"+r.ID, sharesHourly, time.Hour); err != nil {
		return store.Share{}, ShareLink{}, err
	}
	shows, shown, err := i.shows(ctx, r, &t)
	if err != nil {
		return store.Share{}, ShareLink{}, err
	}
	link := ShareLink{ID: NewPublicID(""), Lang: t.Lang}
	if t.Public {
		shows.Page = link.ID
	}
	content, err := json.Marshal(shows)
	if err != nil {
		return store.Share{}, ShareLink{}, err
	}
	if !t.Public {
		link.Key = make([]byte, 32)
		rand.Read(link.Key) // never fails (crypto/rand)
		content = shareCipher(link.Key).Seal(nil, nil, content, shareBound(link.ID))
	}
	share := store.Share{
		Key: store.ShareKey(link.ID), Credential: r.ID, Public: t.Public, Content: content, Created: now, Expires: t.Expires.UTC().Truncate(time.Second),
		Download: shows.Download, PIN: t.PIN, MaxOpens: t.MaxOpens, Notify: t.Notify && !t.Public, Label: t.Label, Purpose: t.Purpose, Lang: t.Lang, Shown: shown,
	}
	if t.PIN != "" {
		share.PINLeft = PINTries
	}
	return share, link, store.PutShare(ctx, i.store, r, share)
}

// What is shared whole, beside parts, as a share names it for its owner.
const (
	ShownWhole = "whole"
	ShownOther = "other" // a credential of another issuer
)

// shows is what a share is to show, and what of it its owner is told.
func (i *Issuer) shows(ctx context.Context, r store.Record, t *ShareTerms) (s Shown, shown []string, err error) {
	if t.Of != nil {
		name, media := FileKind(t.Of.File)
		return Shown{Version: 2, Download: true, Files: []SharedFile{{name, media, t.Of.File}}}, []string{ShownOther}, nil
	}
	if t.Whole {
		t.Show, shown = Parts(), []string{ShownWhole}
	}
	token, err := i.Shared(ctx, r, t.Show)
	if err != nil {
		return Shown{}, nil, err
	}
	s = Shown{Version: 1, Token: string(token), Download: t.Download || t.Whole}
	if !t.Whole {
		for _, part := range t.Show {
			shown = append(shown, string(part))
		}
		return s, shown, nil
	}
	printed, err := i.Certificate(ctx, r, t.Lang)
	if err != nil {
		return Shown{}, nil, err
	}
	s.Version, s.Files = 2, []SharedFile{
		{"certificate.pdf", "application/pdf", printed.PDF},
		{"credential.jsonld", "application/ld+json", r.Forms[string(elm.EDC)].Token},
	}
	return s, shown, nil
}

// FileKind names a sealed file by what it looks like, with its media type.
func FileKind(file []byte) (name, media string) {
	switch file = bytes.TrimSpace(file); {
	case bytes.HasPrefix(file, []byte("%PDF-")):
		return "credential.pdf", "application/pdf"
	case bytes.HasPrefix(file, []byte("{")):
		return "credential.jsonld", "application/ld+json"
	case bytes.Contains(file, []byte("~")):
		return "credential.sd-jwt", "application/dc+sd-jwt"
	}
	return "credential.jwt", "application/vc+jwt"
}

// check says with Problems why terms cannot be.
func (t *ShareTerms) check(now time.Time) error {
	var list []Problem
	wrong := func(field, value, rule, want string) {
		list = append(list, Problem{Field: field, Value: shorten(value), Rule: rule, Want: want})
	}
	if p := shareEnd(now, t.Expires); p != nil {
		list = append(list, *p)
	}
	if t.Public && (t.Whole || t.Of != nil) {
		wrong("/whole", "", "share-public", "a public page shows parts of an award, never the whole file")
	}
	if t.Lang != "" && !slices.Contains(elm.Languages(), t.Lang) {
		wrong("/lang", t.Lang, "share-language", fmt.Sprintf("expected one of %s", elm.Languages()))
	}
	for _, part := range t.Show {
		if !slices.Contains(Parts(), part) {
			wrong("/show", string(part), "share-part", fmt.Sprintf("is no part, expected some of %s", Parts()))
		}
	}
	if t.Public && (t.PIN != "" || t.MaxOpens != 0) {
		wrong("/pin", "", "share-public", "a public page has neither a PIN nor a number of openings")
	}
	if t.MaxOpens < 0 || t.MaxOpens > MaxOpens {
		wrong("/max_opens", strconv.Itoa(t.MaxOpens), "share-opens", fmt.Sprintf("expected 0 to %d", MaxOpens))
	}
	for field, text := range map[string]string{"/label": t.Label, "/purpose": t.Purpose} {
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxLabel || strings.ContainsRune(text, 0) {
			wrong(field, text, "share-text", fmt.Sprintf("is longer than %d characters, or no text", maxLabel))
		}
	}
	if len(list) > 0 {
		return &Problems{List: list}
	}
	return nil
}

// shareEnd is what is wrong with the end of a share, nil for nothing.
func shareEnd(now, end time.Time) *Problem {
	if end.After(now) && !end.After(now.AddDate(0, 0, MaxShareDays+1)) {
		return nil
	}
	return &Problem{Field: "/expires", Value: end.UTC().Format(time.RFC3339), Rule: "share-end", Want: fmt.Sprintf("expected a time to come, within %d days", MaxShareDays),
		Figures: map[string]string{"Most": strconv.Itoa(MaxShareDays)}}
}

// shareCipher is AES-256-GCM with a nonce at random before the text: each key
// encrypts once.
func shareCipher(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // unreachable: the key has 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // unreachable: the block has 16 bytes
	}
	return aead
}

// shareBound binds what is encrypted to the id in the link, so that it is shown
// under no other one. Its end is not bound: the learner may change it, and only the
// link has the key.
func shareBound(id string) []byte { return []byte("indeks share 1 " + id) }

// Examine examines a token as everybody does who trusts this institution and nobody
// else, and by the status lists as they are at this moment: what is revoked is shown
// as revoked at once.
func (i *Issuer) Examine(ctx context.Context, token []byte) (*verifier.Report, error) {
	if _, _, err := i.verifiers(); err != nil {
		return nil, err
	}
	i.self.mu.Lock()
	today := i.self.today
	i.self.mu.Unlock()
	return today.Verify(ctx, token), nil
}

// Shares are the shares of an award, the newest first.
func (i *Issuer) Shares(ctx context.Context, r store.Record) ([]store.Share, error) {
	return store.Shares(ctx, i.store, r)
}

// ExtendShare gives a share of an award another end, earlier or later.
func (i *Issuer) ExtendShare(ctx context.Context, r store.Record, key [32]byte, end time.Time) (store.Share, error) {
	if p := shareEnd(i.clock(), end); p != nil {
		return store.Share{}, &Problems{List: []Problem{*p}}
	}
	return i.changeShare(ctx, r, key, func(s *store.Share) error {
		if s.Content == nil || !s.Ended.IsZero() {
			return ErrShareEnded
		}
		s.Expires = end.UTC().Truncate(time.Second)
		return nil
	})
}

// UnlockShare gives back all tries of a PIN.
func (i *Issuer) UnlockShare(ctx context.Context, r store.Record, key [32]byte) (store.Share, error) {
	return i.changeShare(ctx, r, key, func(s *store.Share) error {
		if s.PIN == "" {
			return store.ErrState
		}
		s.PINLeft = PINTries
		return nil
	})
}

// EndShare ends a share of an award at once, on all nodes.
func (i *Issuer) EndShare(ctx context.Context, r store.Record, key [32]byte) (store.Share, error) {
	if err := i.ownShare(ctx, r, key); err != nil {
		return store.Share{}, err
	}
	return store.EndShare(ctx, i.store, key, i.clock())
}

func (i *Issuer) changeShare(ctx context.Context, r store.Record, key [32]byte, change func(*store.Share) error) (store.Share, error) {
	if err := i.ownShare(ctx, r, key); err != nil {
		return store.Share{}, err
	}
	return store.ChangeShare(ctx, i.store, key, change)
}

// ownShare is store.ErrNotFound for a share of another award.
func (i *Issuer) ownShare(ctx context.Context, r store.Record, key [32]byte) error {
	share, err := store.ShareByKey(ctx, i.store, key)
	if err == nil && share.Credential != r.ID {
		err = store.ErrNotFound
	}
	return err
}

// purgeEvery is how often what has ended is removed.
const purgeEvery = time.Hour

// RunShares removes what was shared and has ended, until ctx ends.
func (i *Issuer) RunShares(ctx context.Context) error {
	for {
		if _, err := store.PurgeShares(ctx, i.store, i.now()); err != nil && ctx.Err() == nil {
			i.warn("shares that have ended are not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(purgeEvery):
		}
	}
}
