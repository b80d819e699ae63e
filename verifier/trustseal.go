package verifier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"indeks/keys"
)

// TrustSeal says who sealed a trust file.
type TrustSeal struct {
	Key    string    `json:"key"`    // kid, as the pinned key's owner wrote it
	At     time.Time `json:"at"`     // by the seal's own word
	SHA256 string    `json:"sha256"` // of what was sealed, hex
}

// TrustKey pins the key of somebody who may seal a trust file.
type TrustKey struct {
	thumbprint string
	key        *keys.PublicKey // nil where only the thumbprint is known
}

// thumbprintForm is an RFC 7638 thumbprint with SHA-256.
var thumbprintForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// ParseTrustKey reads a pinned key: a public JWK, a did:jwk, or the RFC 7638
// thumbprint of one, with which a key id of `indeks keys list` ends.
func ParseTrustKey(text string) (TrustKey, error) {
	text = strings.TrimSpace(text)
	if thumbprintForm.MatchString(text) {
		return TrustKey{thumbprint: text}, nil
	}
	var k *keys.PublicKey
	var err error
	switch {
	case strings.HasPrefix(text, "{"):
		k, err = keys.ParseJWK([]byte(text))
	case strings.HasPrefix(text, "did:jwk:"):
		k, err = keys.ResolveDID(text)
	default:
		err = errors.New("neither a JWK, nor a did:jwk, nor a thumbprint of 43 symbols")
	}
	if err != nil {
		return TrustKey{}, fmt.Errorf("reading pinned key: %w", err)
	}
	return TrustKey{thumbprint: k.Thumbprint(), key: k}, nil
}

// Errors of OpenTrust, which an operator resolves by configuring, not by repairing a file.
var (
	ErrTrustUnsealed = errors.New("the trust file is not sealed, and a key is pinned")
	ErrTrustUnpinned = errors.New("the trust file is sealed, and no key is pinned that says by whom it should be")
)

// IsSealedTrust reports whether raw is not a plain trust file, which starts with
// a brace, but a sealed one.
func IsSealedTrust(raw []byte) bool {
	return !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}

// OpenTrust reads a trust file. Without pinned keys it must be plain, and
// whoever may write it decides who is trusted. With them it must be a
// [keys.TrustJWT] that one of them sealed; ErrTrustUnsealed, ErrTrustUnpinned
// where it is otherwise.
//
// An older file with a good seal is a good file: that the version does not go
// back is for the caller, who has a place to remember it.
func OpenTrust(raw []byte, pinned []TrustKey) (*Trust, error) {
	sealed := IsSealedTrust(raw)
	switch {
	case !sealed && len(pinned) == 0:
		t, err := ParseTrust(raw)
		if err != nil {
			return nil, err
		}
		t.raw = raw
		return t, nil
	case !sealed:
		return nil, ErrTrustUnsealed
	case len(pinned) == 0:
		return nil, ErrTrustUnpinned
	}
	opened, err := keys.OpenTrust(context.Background(), raw, trustKeys(pinned))
	if errors.Is(err, keys.ErrUnknownKey) {
		return nil, fmt.Errorf("opening trust file: sealed with another key than those pinned: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening trust file: %w", err)
	}
	t, err := ParseTrust(opened.Payload)
	if err != nil {
		return nil, err
	}
	t.raw, t.sealer = raw, opened.Seals[0].Key
	digest := sha256.Sum256(opened.Payload)
	t.Sealed = &TrustSeal{Key: plain(opened.Seals[0].KeyID), At: opened.Seals[0].SealedAt, SHA256: hex.EncodeToString(digest[:])}
	return t, nil
}

// trustKeys finds the pinned key of a seal: by the certificate that it brings,
// whose key must have the thumbprint, else by name.
type trustKeys []TrustKey

func (list trustKeys) Resolve(_ context.Context, h keys.Header) (*keys.PublicKey, error) {
	for _, pin := range list {
		if len(h.Chain) > 0 {
			k := &keys.PublicKey{ID: h.KeyID, Key: h.Chain[0].PublicKey}
			if k.Thumbprint() != pin.thumbprint {
				continue
			}
			if pin.key != nil {
				k = pin.key // with the algorithm that the JWK binds it to
			}
			return k, nil
		}
		if pin.key != nil && h.KeyID != "" && (h.KeyID == pin.key.ID || strings.HasSuffix("#"+h.KeyID, "#"+pin.thumbprint)) {
			return pin.key, nil
		}
	}
	return nil, keys.ErrUnknownKey
}
