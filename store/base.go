package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"indeks/alike"
	"indeks/strictjson"
)

// The payloads of one class differ in a few strings. What they have in common, a
// base, is kept once, and of a payload only what stands between the pieces of its
// base: a tenth of what deflating leaves, and found by comparing bytes. As with all
// that is packed, the hash in the record proves what was put together again.
//
// All payloads of a class rest on their base. So it is kept twice, and never
// removed; it holds nothing of any learner, and goes wherever documents go.

// Kinds of the documents that are a base, by the digest of their body.
const (
	kindBase     = "payload-base"
	kindBaseCopy = "payload-base-copy"
)

// BaseKinds are the kinds of documents without which payloads cannot be read.
var BaseKinds = []string{kindBase, kindBaseCopy}

// Base is the digest of what payloads have in common; zero: of nothing.
type Base [sha256.Size]byte

// PutBase keeps pieces of text that payloads have in common, in order, and returns
// the digest by which [Sealed.Base] names them in this store; zero, with which payloads
// are kept by themselves, where one of the two copies that are there is damaged. Nothing
// personal may stand in them: no erasure reaches them.
func PutBase(ctx context.Context, s Store, pieces [][]byte) (Base, error) {
	var body []byte
	for _, piece := range pieces {
		body = append(binary.AppendUvarint(body, uint64(len(piece))), piece...)
	}
	base := Base(sha256.Sum256(body))
	err := s.PutDocuments(ctx, []Document{{Kind: kindBase, ID: base.String(), Body: body}, {Kind: kindBaseCopy, ID: base.String(), Body: body}})
	if errors.Is(err, ErrRevision) || errors.Is(err, ErrDamaged) { // it is there, and never changes
		if err = wholeBase(ctx, s, base.String()); errors.Is(err, ErrDamaged) {
			return Base{}, nil // as Check says
		}
	}
	if err != nil {
		return Base{}, fmt.Errorf("keeping what payloads have in common: %w", err)
	}
	bases.put(base, pieces)
	return base, nil
}

func isBase(kind string) bool { return kind == kindBase || kind == kindBaseCopy }

// keepsBase is ErrInvalid for a document that would change or remove a base, or be none
// under the kind of one: the payloads of a whole class rest on it.
func (d *Document) keepsBase() error {
	if isBase(d.Kind) && (d.Revision != 0 || !d.Expires.IsZero() || Base(sha256.Sum256(d.Body)).String() != d.ID) {
		return fmt.Errorf("%w: what payloads have in common is put by its digest, and stays", ErrInvalid)
	}
	return nil
}

// wholeBase says why a base is not there twice: ErrDamaged, unless it could not be read.
func wholeBase(ctx context.Context, s Store, id string) error {
	for _, kind := range []string{kindBase, kindBaseCopy} {
		d, err := s.Document(ctx, kind, id)
		if errors.Is(err, ErrNotFound) {
			err = fmt.Errorf("%w: %s %s is missing", ErrDamaged, kind, id)
		} else if err == nil && Base(sha256.Sum256(d.Body)).String() != id {
			err = fmt.Errorf("%w: %s %s does not fit its digest", ErrDamaged, kind, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBases says which bases are not there twice, of those that the store has or that
// payloads rest on. It asks the store: what was read lately is no proof that it is there.
func checkBases(ctx context.Context, s Store, used map[Base]bool, report func(format string, args ...any)) {
	ids := map[string]bool{}
	for base := range used {
		ids[base.String()] = true
	}
	for _, kind := range []string{kindBase, kindBaseCopy} {
		for d, err := range s.Documents(ctx, kind, "", "") {
			if err == nil { // or it is said with the documents
				ids[d.ID] = true
			}
		}
	}
	for id := range ids {
		if err := wholeBase(ctx, s, id); err != nil {
			report("what payloads have in common: %w", err)
		}
	}
}

func (b Base) String() string { return hex.EncodeToString(b[:]) }

// basePieces reads the body of a base.
func basePieces(body []byte, base Base) (pieces [][]byte, err error) {
	if sha256.Sum256(body) != base {
		return nil, fmt.Errorf("%w: base %s does not fit its digest", ErrDamaged, base)
	}
	for len(body) > 0 {
		length, n := binary.Uvarint(body)
		if n <= 0 || length > uint64(len(body)-n) {
			return nil, fmt.Errorf("%w: base %s: %w", ErrDamaged, base, errEnvelope) // unreachable: its digest fits
		}
		pieces, body = append(pieces, body[n:n+int(length)]), body[n+int(length):]
	}
	return pieces, nil
}

// bases are those of all stores of the process that were used lately. Their digests
// say what they are, whichever store they are of.
var bases baseCache

const maxBases = 256

type baseCache struct {
	mu    sync.RWMutex
	known map[Base]basePair
}

// basePair are the pieces of a base, and how each stands in a JSON string.
type basePair struct{ pieces, quoted [][]byte }

func (c *baseCache) put(base Base, pieces [][]byte) {
	pair := basePair{pieces: pieces}
	for _, piece := range pieces {
		quoted := strictjson.AppendQuoted(nil, piece)
		pair.quoted = append(pair.quoted, quoted[1:len(quoted)-1])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxBases {
		c.known = map[Base]basePair{}
	}
	c.known[base] = pair
}

// lately returns the pieces of a base that was put or read lately, else nil.
func (c *baseCache) lately(base Base) [][]byte { return c.pair(base).pieces }

func (c *baseCache) pair(base Base) basePair {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.known[base]
}

// appendQuoted appends a payload as a JSON string, of which only what stands between
// the pieces of its base need be written anew.
func appendQuoted(dst, payload []byte, base Base) []byte {
	pair := bases.pair(base)
	quoted := append(dst, '"')
	rest := payload
	for n, piece := range pair.pieces {
		at := 0
		if n > 0 {
			at = bytes.Index(rest, piece)
		}
		if at < 0 || !bytes.HasPrefix(rest[at:], piece) {
			return strictjson.AppendQuoted(dst, payload) // it is not of the base
		}
		if at > 0 {
			between := strictjson.AppendQuoted(nil, rest[:at])
			quoted = append(quoted, between[1:len(between)-1]...)
		}
		quoted, rest = append(quoted, pair.quoted[n]...), rest[at+len(piece):]
	}
	tail := strictjson.AppendQuoted(nil, rest)
	return append(quoted, tail[1:]...)
}

// get returns a base, read by document where it is not known: ErrDamaged, unless it
// could not be read.
func (c *baseCache) get(base Base, document func(kind, id string) (Document, error)) ([][]byte, error) {
	pieces := c.lately(base)
	if pieces != nil {
		return pieces, nil
	}
	var err error
	for _, kind := range []string{kindBase, kindBaseCopy} {
		var d Document
		if d, err = document(kind, base.String()); err == nil {
			pieces, err = basePieces(d.Body, base)
		}
		switch {
		case err == nil:
			c.put(base, pieces)
			return pieces, nil
		case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDamaged):
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: neither copy of base %s: %v", ErrDamaged, base, err) // and not ErrNotFound: the record is there
}

// hasBases is ErrInvalid where a form of a record names a base that was not put in
// the store; known are those that were seen there, whole, which none ever leaves.
func (r *Record) hasBases(ctx context.Context, s Store, known *sync.Map) error {
	for profile, form := range r.Forms {
		if _, ok := known.Load(form.Base); ok || form.Base == (Base{}) {
			continue
		}
		switch err := wholeBase(ctx, s, form.Base.String()); {
		case errors.Is(err, ErrDamaged):
			return fmt.Errorf("reserving %s: %w: payload %s: %v", r.ID, ErrInvalid, profile, err)
		case err != nil:
			return fmt.Errorf("reserving %s: %w", r.ID, err)
		}
		known.Store(form.Base, true)
	}
	return nil
}

// packBetween is how a payload is kept that has a base: its digest, and what stands
// between the pieces. A payload that is not of the base has no such form.
func packBetween(form *Sealed, pieces [][]byte) (packed []byte, ok bool) {
	if len(pieces) < 2 {
		return nil, false
	}
	packed = append([]byte{kindBetween}, form.Base[:]...)
	if len(form.Between) == len(pieces)-1 {
		if packed, ok := packKnown(packed, form.Text(), form.Between, pieces); ok {
			return packed, true
		}
	}
	rest, ok := bytes.CutPrefix(form.Text().Bytes(), pieces[0])
	if !ok {
		return nil, false
	}
	last := len(pieces) - 1
	for n, piece := range pieces[1:] {
		at := bytes.Index(rest, piece)
		if n+1 == last {
			at = len(rest) - len(piece)
			ok = bytes.HasSuffix(rest, piece)
		} else {
			ok = at >= 0
		}
		if !ok {
			return nil, false
		}
		packed = append(binary.AppendUvarint(packed, uint64(at)), rest[:at]...)
		rest = rest[at+len(piece):]
	}
	return packed, true
}

// packKnown appends what stands between the pieces, where it does.
func packKnown(packed []byte, payload alike.Text, between, pieces [][]byte) (_ []byte, ok bool) {
	for n, piece := range pieces {
		if payload, ok = payload.CutPrefix(piece); !ok {
			return nil, false
		}
		if n == len(between) {
			break
		}
		if payload, ok = payload.CutPrefix(between[n]); !ok {
			return nil, false
		}
		packed = append(binary.AppendUvarint(packed, uint64(len(between[n]))), between[n]...)
	}
	return packed, payload.Len() == 0
}

// baseOf returns the base that a packed payload names.
func baseOf(packed []byte) (base Base, ok bool) {
	if len(packed) < 1+len(base) || packed[0] != kindBetween {
		return Base{}, false
	}
	return Base(packed[1:]), true
}

// unpackBetween is the inverse of packBetween.
func unpackBetween(packed []byte, pieces [][]byte) ([]byte, error) {
	if _, ok := baseOf(packed); !ok {
		return nil, errEnvelope
	}
	packed = packed[1+sha256.Size:]
	size := len(packed)
	for _, piece := range pieces {
		size += len(piece)
	}
	if len(pieces) == 0 || size > maxBlob+len(packed) {
		return nil, errEnvelope
	}
	payload := append(make([]byte, 0, size), pieces[0]...)
	for _, piece := range pieces[1:] {
		length, n := binary.Uvarint(packed)
		if n <= 0 || length > uint64(len(packed)-n) {
			return nil, errEnvelope
		}
		payload = append(append(payload, packed[n:n+int(length)]...), piece...)
		packed = packed[n+int(length):]
	}
	if len(packed) > 0 {
		return nil, errEnvelope
	}
	return payload, nil
}
