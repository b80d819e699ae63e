package strictjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// AppendQuoted appends UTF-8 as a JSON string with as few escapes as there can be,
// as jsontext.AppendQuote does.
func AppendQuoted(dst, text []byte) []byte {
	return append(AppendEscaped(append(dst, '"'), text), '"')
}

// AppendEscaped appends what AppendQuoted puts between the quotation marks.
func AppendEscaped(dst, text []byte) []byte {
	for {
		n := plainLen(text)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return dst
		}
		var escape [6]byte
		dst = append(dst, escape[:escaped(&escape, text[n])]...)
		text = text[n+1:]
	}
}

// CutEscaped returns what follows the text as it stands between the quotation marks that
// AppendQuoted writes of UTF-8, where token begins with it.
func CutEscaped(token, text []byte) (rest []byte, ok bool) {
	for {
		n := plainLen(text)
		if len(token) < n || !bytes.Equal(token[:n], text[:n]) {
			return nil, false
		}
		token = token[n:]
		if n == len(text) {
			return token, true
		}
		var escape [6]byte
		if token, ok = bytes.CutPrefix(token, escape[:escaped(&escape, text[n])]); !ok {
			return nil, false
		}
		text = text[n+1:]
	}
}

// plainLen is how many bytes stand before the first one that a JSON string escapes.
func plainLen(text []byte) int {
	const each, top = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(text); n += 8 {
		// The lowest of the top bits that are set is that of the first such byte: a
		// byte is 0 where one is borrowed from its top bit, which it does not have.
		x := binary.LittleEndian.Uint64(text[n:])
		quote, slash := x^each*'"', x^each*'\\'
		if found := ((quote-each)&^quote | (slash-each)&^slash | (x-each*' ')&^x) & top; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(text); n++ {
		if c := text[n]; c == '"' || c == '\\' || c < ' ' {
			return n
		}
	}
	return n
}

// escaped writes the escape of a byte that plainLen stops at, and returns its length
// (RFC 8259 section 7).
func escaped(escape *[6]byte, c byte) int {
	escape[0] = '\\'
	switch c {
	case '"', '\\':
		escape[1] = c
	case '\b':
		escape[1] = 'b'
	case '\f':
		escape[1] = 'f'
	case '\n':
		escape[1] = 'n'
	case '\r':
		escape[1] = 'r'
	case '\t':
		escape[1] = 't'
	default:
		const hex = "0123456789abcdef"
		escape[1], escape[2], escape[3], escape[4], escape[5] = 'u', '0', '0', hex[c>>4], hex[c&15]
		return 6
	}
	return 2
}
