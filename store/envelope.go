package store

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"indeks/alike"
	"indeks/strictjson"
)

// A credential of 50 KB would take 200 KB on disk: two payloads and two tokens
// that hold them once more. So payloads are deflated (JSON-LD repeats itself:
// to about an eighth), and of a token only the envelope around its payload is
// kept. Both are proven by the hashes in the record after they are put together
// again, so nothing rests on this being right.

// How a blob is kept: its first byte.
const (
	kindRaw       = 'r' // as it is
	kindDeflated  = 'd' // RFC 1951
	kindBetween   = 'm' // payload: what stands between the pieces of its base
	kindBase64URL = 'b' // token: prefix, payload in base64url, suffix
	kindQuoted    = 'q' // token: prefix, payload as a JSON string, suffix
	kindOpened    = 'o' // token: prefix, payload without its last byte, suffix: an object with one member more
)

var errEnvelope = errors.New("not a blob of this store")

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is valid
	return w
}}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// packPayload is how a payload is kept.
func packPayload(payload []byte) []byte {
	var b bytes.Buffer
	b.WriteByte(kindDeflated)
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&b)
	w.Write(payload) // a bytes.Buffer takes everything
	w.Close()
	if b.Len() > len(payload) {
		return append([]byte{kindRaw}, payload...)
	}
	return b.Bytes()
}

// unpackPayload is the inverse of packPayload, and with the pieces of its base, of
// packBetween.
func unpackPayload(packed []byte, pieces [][]byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, errEnvelope
	}
	switch packed[0] {
	case kindBetween:
		return unpackBetween(packed, pieces)
	case kindRaw:
		return bytes.Clone(packed[1:]), nil
	case kindDeflated:
		r := inflaters.Get().(io.ReadCloser)
		defer inflaters.Put(r)
		if err := r.(flate.Resetter).Reset(bytes.NewReader(packed[1:]), nil); err != nil {
			return nil, err
		}
		payload := bytes.NewBuffer(make([]byte, 0, min(10*len(packed), maxBlob))) // seldom grows
		_, err := payload.ReadFrom(io.LimitReader(r, maxBlob+1))
		if err == nil && payload.Len() > maxBlob {
			err = errEnvelope
		}
		return payload.Bytes(), err
	}
	return nil, errEnvelope
}

// insides are buffers for payloads as they stand in tokens.
var insides = sync.Pool{New: func() any { return new([]byte) }}

// What is remembered of payloads and tokens that begin alike.
var (
	payloadHashes, tokenHashes alike.Hashes
	base64Forms, quotedForms   alike.Forms
)

// packToken is how a token is kept that holds the payload of form: what stands before and
// after the payload. A token that holds it in no known way is kept whole.
func packToken(token []byte, form *Sealed) []byte {
	buffer := insides.Get().(*[]byte)
	defer insides.Put(buffer)
	kinds := []byte{kindBase64URL, kindQuoted, kindOpened}
	if bytes.HasPrefix(token, []byte("{")) {
		kinds = []byte{kindQuoted, kindOpened, kindBase64URL}
	}
	for _, kind := range kinds {
		inside, err := insideToken((*buffer)[:0], kind, form)
		if err != nil {
			continue
		}
		*buffer = inside
		if before, after, ok := bytes.Cut(token, inside); ok {
			return around(kind, before, after)
		}
	}
	return append([]byte{kindRaw}, token...)
}

// around is how a token is kept, by what stands before and after the payload.
func around(kind byte, before, after []byte) []byte {
	packed := make([]byte, 0, 1+binary.MaxVarintLen32+len(before)+len(after))
	packed = binary.AppendUvarint(append(packed, kind), uint64(len(before)))
	return append(append(packed, before...), after...)
}

// packParts is packToken for a token that has the payload where it is sealed here: what
// they have in common need not be written again.
func packParts(token alike.Text, form *Sealed) []byte {
	payload := form.Text()
	if len(token.Beginning) > 0 && bytes.HasPrefix(token.Head, []byte("{")) {
		before, quoted := bytes.CutSuffix(token.Head, []byte(`"`))
		after, ok := strictjson.CutEscaped(token.Rest, payload.Rest)
		if ok && quoted && bytes.HasPrefix(after, []byte(`"`)) && quotedForms.Is(payload.Beginning, token.Beginning, strictjson.AppendEscaped) {
			return around(kindQuoted, before, after[1:])
		}
	} else if len(token.Beginning) > 0 {
		payload = payload.Cut(len(payload.Beginning) / 3 * 3) // four characters each
		buffer := insides.Get().(*[]byte)
		defer insides.Put(buffer)
		*buffer = base64.RawURLEncoding.AppendEncode((*buffer)[:0], payload.Rest)
		after, ok := bytes.CutPrefix(token.Rest, *buffer)
		if ok && base64Forms.Is(payload.Beginning, token.Beginning, base64.RawURLEncoding.AppendEncode) {
			return around(kindBase64URL, token.Head, after)
		}
	}
	return packToken(token.Bytes(), &Sealed{Payload: payload.Bytes(), Base: form.Base})
}

// unpackToken is the inverse of packToken.
func unpackToken(packed, payload []byte, base Base) ([]byte, error) {
	if len(packed) == 0 {
		return nil, errEnvelope
	}
	if packed[0] == kindRaw {
		return bytes.Clone(packed[1:]), nil
	}
	buffer := insides.Get().(*[]byte)
	defer insides.Put(buffer)
	inside, err := insideToken((*buffer)[:0], packed[0], &Sealed{Payload: payload, Base: base})
	if err != nil {
		return nil, err
	}
	*buffer = inside
	length, n := binary.Uvarint(packed[1:])
	if n <= 0 || length > uint64(len(packed)-1-n) {
		return nil, errEnvelope
	}
	around := packed[1+n:]
	token := make([]byte, 0, len(around)+len(inside))
	return append(append(append(token, around[:length]...), inside...), around[length:]...), nil
}

// insideToken appends the payload of form as it stands in a token of this kind.
func insideToken(dst []byte, kind byte, form *Sealed) ([]byte, error) {
	switch payload := form.Payload; kind {
	case kindBase64URL:
		return base64.RawURLEncoding.AppendEncode(dst, payload), nil
	case kindQuoted:
		return appendQuoted(dst, payload, form.Base), nil
	case kindOpened:
		if n := len(payload) - 1; n > 0 && payload[n] == '}' {
			return append(dst, payload[:n]...), nil
		}
	}
	return nil, errEnvelope
}
