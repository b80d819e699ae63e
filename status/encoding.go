package status

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// multibase is base64url without padding; its letter is "u" (Controlled
// Identifiers 1.0, section 2.4). Strict: bits left over in the last symbol must
// be zero, so that a list has one spelling.
var multibase = base64.RawURLEncoding.Strict()

// maxRatio is more than deflate can reach (1032 to 1, RFC 1951): what claims to
// grow further lies about its size.
const maxRatio = 1040

// Encode returns "u" + base64url(gzip(bits)) without padding. Equal lists
// encode equally: the gzip header carries neither time nor name.
func (l *List) Encode() string {
	var packed bytes.Buffer
	// The default level: the best one saves 13 % of a list with 1 000 bits and
	// takes twenty times as long.
	w := gzip.NewWriter(&packed)
	w.Write(l.bits) // a Buffer takes all writes
	w.Close()
	return "u" + multibase.EncodeToString(packed.Bytes())
}

// Decode reads an encodedList within the limits. It refuses another multibase
// letter, padding, a second gzip member, trailing bytes and a wrong checksum
// with ErrEncoding, and a list under MinSize with ErrLength. Time and memory
// are bounded by the limits, whatever the text claims.
func Decode(encoded string) (*List, error) {
	text, ok := strings.CutPrefix(encoded, "u")
	if !ok {
		return nil, fmt.Errorf("%w: multibase letter is not u", ErrEncoding)
	}
	return unpack(text)
}

// Decode2021 reads the encodedList of a Status List 2021, which has no multibase
// letter. That draft says base64 and shows base64url, so both alphabets are in
// use, with and without padding. Otherwise it is Decode.
func Decode2021(encoded string) (*List, error) {
	text := strings.TrimRight(encoded, "=")
	if len(text) < len(encoded) && len(encoded)%4 != 0 {
		return nil, fmt.Errorf("%w: wrong padding", ErrEncoding)
	}
	if !strings.ContainsAny(text, "-_") {
		text = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	}
	return unpack(text)
}

// unpack reads gzip in base64url without padding.
func unpack(text string) (*List, error) {
	// 1. The alphabet. The decoder of the standard library skips line ends, which
	// are not in it.
	if multibase.DecodedLen(len(text)) > MaxPacked {
		return nil, fmt.Errorf("%w: over %d bytes", ErrEncoding, MaxPacked)
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%w: line end in base64url", ErrEncoding)
	}
	packed, err := multibase.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}

	// 2. The size that the last four bytes of the member state (RFC 1952,
	// section 2.3.1), so that too much is refused before it is unpacked and just
	// enough is allocated.
	if len(packed) < 4 {
		return nil, fmt.Errorf("%w: %d bytes are no gzip member", ErrEncoding, len(packed))
	}
	size := int64(binary.LittleEndian.Uint32(packed[len(packed)-4:]))
	if most := min(MaxUnpacked, maxRatio*int64(len(packed))); size > most {
		return nil, fmt.Errorf("%w: unpacks to over %d bytes", ErrEncoding, most)
	}

	// 3. One gzip member and nothing after it.
	in := bytes.NewReader(packed)
	r, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	r.Multistream(false)
	bits := make([]byte, size)
	if _, err := io.ReadFull(r, bits); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	// The next read must be the end: only there is the checksum compared, and a
	// member that holds more than it states is cut off after one byte.
	var more [1]byte
	switch n, err := io.ReadFull(r, more[:]); {
	case n > 0:
		return nil, fmt.Errorf("%w: unpacks to more than it states", ErrEncoding)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	case in.Len() > 0:
		return nil, fmt.Errorf("%w: %d bytes after the gzip member", ErrEncoding, in.Len())
	}

	// 4. Long enough to hide one learner among the others (section 3.2).
	if len(bits) < MinSize/8 {
		return nil, fmt.Errorf("%w: %d of %d entries", ErrLength, len(bits)*8, MinSize)
	}
	return &List{bits: bits}, nil
}
