package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
)

var base64URL = base64.RawURLEncoding.Strict()

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// characterPairs are the two characters of twelve bits, the first in the lower byte.
var characterPairs = func() (pairs [1 << 12]uint16) {
	for bits := range pairs {
		pairs[bits] = uint16(base64Alphabet[bits>>6]) | uint16(base64Alphabet[bits&63])<<8
	}
	return pairs
}()

// appendBase64URL appends base64url without padding, in a quarter of the time that
// encoding/base64 takes, to which a fuzz target holds it.
func appendBase64URL(dst, raw []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, base64URL.EncodedLen(len(raw)))[:n+base64URL.EncodedLen(len(raw))]
	text, p := dst[n:], &characterPairs
	for len(raw) >= 8 { // of which six are taken
		x := binary.BigEndian.Uint64(raw)
		eight := uint64(p[x>>52]) | uint64(p[x>>40&0xfff])<<16 | uint64(p[x>>28&0xfff])<<32 | uint64(p[x>>16&0xfff])<<48
		binary.LittleEndian.PutUint64(text, eight)
		raw, text = raw[6:], text[8:]
	}
	base64URL.Encode(text, raw)
	return dst
}

var (
	errLineBreak = errors.New("line break inside base64url")
	errBase64URL = errors.New("not canonical base64url without padding")
)

// decodeBase64URL decodes base64url without padding. Every octet string has
// exactly one text: encoding/base64 alone would skip CR and LF, and takes twice as
// long. A test and a fuzz target hold the two to the same answers.
func decodeBase64URL(text []byte) ([]byte, error) {
	raw := make([]byte, base64URL.DecodedLen(len(text)))
	if !decodeSextets(raw, text) {
		if bytes.ContainsAny(text, "\r\n") {
			return nil, errLineBreak
		}
		return nil, errBase64URL
	}
	return raw, nil
}

// noSextet marks what is no character of base64url.
const noSextet = 1 << 31

// sextets are the values of a character at each of four places, so that four of
// them need only be put together.
var sextets = func() (at [4][256]uint32) {
	for i := range at {
		for c := range at[i] {
			at[i][c] = noSextet
		}
		for value, c := range []byte(base64Alphabet) {
			at[i][c] = uint32(value) << (18 - 6*i)
		}
	}
	return at
}()

// decodeSextets fills raw, which is as long as text needs, and reports whether text
// is canonical.
func decodeSextets(raw, text []byte) bool {
	first, second, third, fourth := &sextets[0], &sextets[1], &sextets[2], &sextets[3]
	var seen uint32
	for len(text) >= 8 && len(raw) >= 8 { // eight bytes are written, six of them for good
		t := text[:8]
		a := first[t[0]] | second[t[1]] | third[t[2]] | fourth[t[3]]
		b := first[t[4]] | second[t[5]] | third[t[6]] | fourth[t[7]]
		seen |= a | b
		binary.BigEndian.PutUint64(raw, uint64(a)<<40|uint64(b)<<16)
		text, raw = text[8:], raw[6:]
	}
	for len(text) >= 4 {
		a := first[text[0]] | second[text[1]] | third[text[2]] | fourth[text[3]]
		seen |= a
		raw[0], raw[1], raw[2] = byte(a>>16), byte(a>>8), byte(a)
		text, raw = text[4:], raw[3:]
	}
	switch len(text) {
	case 1:
		return false
	case 2:
		a := first[text[0]] | second[text[1]]
		seen |= a
		raw[0] = byte(a >> 16)
		if a&0xffff != 0 { // bits that say nothing must be 0
			return false
		}
	case 3:
		a := first[text[0]] | second[text[1]] | third[text[2]]
		seen |= a
		raw[0], raw[1] = byte(a>>16), byte(a>>8)
		if a&0xff != 0 { // bits that say nothing must be 0
			return false
		}
	}
	return seen&noSextet == 0
}

// isBase64URL reports whether text is the base64url of raw.
func isBase64URL(text, raw []byte) bool {
	if len(text) != base64URL.EncodedLen(len(raw)) {
		return false
	}
	var piece [3072]byte
	for len(raw) > 0 {
		n := min(len(raw), len(piece))
		encoded := base64URL.EncodedLen(n)
		if !decodeSextets(piece[:n], text[:encoded]) || !bytes.Equal(piece[:n], raw[:n]) {
			return false
		}
		raw, text = raw[n:], text[encoded:]
	}
	return true
}
