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
// after the payload. A token that holds it in no known way is kept whole. head and rest are
// the token, one after the other.
func packToken(token []byte, form *Sealed) (packed, head []byte, rest alike.Text) {
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
		*buffer = inside.Rest
		sought := inside.Beginning
		if len(sought) == 0 {
			sought = inside.Rest
		}
		at := bytes.Index(token, sought)
		if at < 0 || !bytes.HasPrefix(token[at+len(inside.Beginning):], inside.Rest) {
			continue
		}
		head, rest = token[:at], alike.Text{Beginning: inside.Beginning, Rest: token[at+len(inside.Beginning):]}
		after := rest.Rest[len(inside.Rest):]
		packed = make([]byte, 0, 1+binary.MaxVarintLen32+len(head)+len(after))
		packed = binary.AppendUvarint(append(packed, kind), uint64(len(head)))
		return append(append(packed, head...), after...), head, rest
	}
	return append([]byte{kindRaw}, token...), nil, alike.Whole(token)
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
	text, err := insideToken((*buffer)[:0], packed[0], &Sealed{Payload: payload, Base: base})
	if err != nil {
		return nil, err
	}
	inside := text.Rest // all of it, as no beginning was given
	*buffer = inside
	length, n := binary.Uvarint(packed[1:])
	if n <= 0 || length > uint64(len(packed)-1-n) {
		return nil, errEnvelope
	}
	around := packed[1+n:]
	token := make([]byte, 0, len(around)+len(inside))
	return append(append(append(token, around[:length]...), inside...), around[length:]...), nil
}

// insideToken is the payload of form as it stands in a token of this kind, of which Rest is
// appended to dst.
func insideToken(dst []byte, kind byte, form *Sealed) (inside alike.Text, err error) {
	payload := form.Text()
	switch kind {
	case kindBase64URL:
		payload = payload.Cut(len(payload.Beginning) / 3 * 3) // four characters each
		if inside.Beginning = base64Forms.Of(payload.Beginning, base64.RawURLEncoding.AppendEncode); inside.Beginning == nil {
			payload = alike.Whole(payload.Bytes())
		}
		inside.Rest = base64.RawURLEncoding.AppendEncode(dst, payload.Rest)
	case kindQuoted:
		if inside.Beginning = quotedForms.Of(payload.Beginning, appendOpened); inside.Beginning == nil {
			inside.Rest = appendQuoted(dst, payload.Bytes(), form.Base)
		} else {
			inside.Rest = append(strictjson.AppendEscaped(dst, payload.Rest), '"')
		}
	case kindOpened:
		whole := payload.Bytes()
		n := len(whole) - 1
		if n <= 0 || whole[n] != '}' {
			return alike.Text{}, errEnvelope
		}
		inside.Rest = append(dst, whole[:n]...)
	default:
		return alike.Text{}, errEnvelope
	}
	return inside, nil
}

// appendOpened appends the beginning of a JSON string.
func appendOpened(dst, text []byte) []byte { return strictjson.AppendEscaped(append(dst, '"'), text) }
