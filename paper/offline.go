package paper

import (
	"bytes"
	"compress/flate"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"

	qrcode "github.com/skip2/go-qrcode"
)

// The offline code, profile MCQR-1: a compact token as decimal digits behind the
// fragment of a verifier's page, so that every camera opens it and no server is
// sent it. docs/offline.md has the whole of it for those who read or write it
// otherwise.

// Limits of an offline code.
const (
	maxFrame    = 4 << 10  // bytes, what is packed
	maxInflated = 32 << 10 // bytes, header and payload
	maxPart     = 255      // bytes of header and of signature
)

// Errors of OfflineToken.
var (
	ErrOffline      = errors.New("not an offline code that can be read")
	ErrOfflineNewer = errors.New("an offline code of a version that is not known here")
)

// transport is the version of the text, its first digit.
const transport = '1'

// A dictionary is frozen once a code was printed with it: it is what the code is
// read with for as long as the paper lasts. New codes are written with the newest.
const newestDictionary = 1

//go:embed dictionaries
var dictionaries embed.FS

// Dictionary returns a dictionary by its id, nil for one that is not known. It
// must not be changed.
func Dictionary(id byte) []byte {
	raw, err := dictionaries.ReadFile("dictionaries/" + strconv.Itoa(int(id)))
	if err != nil {
		return nil
	}
	return raw
}

// OfflineText returns the text of an offline code for a compact token, to be opened
// on the page of the verifier at base. ErrTooLarge means that the token does not fit:
// it is of RSA, has certificates in its header, or is longer than the caps.
func OfflineText(base string, token []byte) (string, error) {
	const doing = "writing an offline code: "
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 {
		return "", errors.New(doing + "not a compact token")
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.Strict().AppendDecode(nil, part); err != nil {
			return "", errors.New(doing + "not a compact token")
		}
	}
	header, payload, signature := raw[0], raw[1], raw[2]
	if len(header) == 0 || len(header) > maxPart || len(signature) > maxPart || len(header)+len(payload) > maxInflated {
		return "", fmt.Errorf(doing+"header of %d, signature of %d and payload of %d bytes: %w", len(header), len(signature), len(payload), ErrTooLarge)
	}
	frame := bytes.NewBuffer(append([]byte{newestDictionary, byte(len(header)), byte(len(signature))}, signature...))
	packed, err := flate.NewWriterDict(frame, flate.BestCompression, Dictionary(newestDictionary))
	if err != nil {
		return "", fmt.Errorf(doing+"%w", err) // unreachable: the level is one
	}
	// A Buffer takes all writes.
	packed.Write(header)
	packed.Write(payload)
	packed.Close()
	if frame.Len() > maxFrame {
		return "", fmt.Errorf(doing+"%d bytes, where at most %d are read: %w", frame.Len(), maxFrame, ErrTooLarge)
	}
	return strings.TrimRight(base, "/") + "/q#" + string(transport) + digitsOf(frame.Bytes()), nil
}

// IsOffline reports whether text looks like that of an offline code: an address of
// any host that ends in /q, a fragment and digits, or the digits alone.
func IsOffline(text string) bool {
	return cutOffline(text) != ""
}

// cutOffline returns the digits of a text with their version; "" where it is no such
// text. The host is not looked at: anybody can print any.
func cutOffline(text string) (digits string) {
	const fewest = 100 // a signature alone has more
	text = strings.TrimSpace(text)
	if len(text) > 2*len(digitsOf(make([]byte, maxFrame))) {
		return ""
	}
	address, digits, ok := strings.Cut(text, "#")
	if !ok {
		address, digits = "", text
	}
	if len(digits) < fewest || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	if address == "" {
		return digits
	}
	scheme, rest, ok := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	path, _, _ = strings.Cut("/"+path, "?") // ?lang=
	if !ok || host == "" || !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") || !strings.HasSuffix(strings.ToLower(path), "/q") {
		return ""
	}
	return digits
}

// OfflineToken rebuilds the compact token of an offline code, byte for byte. The
// error wraps ErrOffline or ErrOfflineNewer. What is sealed is not looked at.
func OfflineToken(text string) ([]byte, error) {
	wrong := func(format string, args ...any) ([]byte, error) {
		return nil, fmt.Errorf("%w: %s", ErrOffline, fmt.Sprintf(format, args...))
	}
	digits := cutOffline(text)
	if digits == "" {
		return wrong("not an address with digits behind it")
	}
	if digits[0] != transport {
		return nil, fmt.Errorf("%w: version %c", ErrOfflineNewer, digits[0])
	}
	frame, ok := fromDigits(digits[1:])
	if !ok || len(frame) > maxFrame {
		return wrong("the digits do not stand for bytes, or for too many")
	}
	if len(frame) < 3 || len(frame) < 3+int(frame[2]) || frame[1] == 0 {
		return wrong("it ends too early")
	}
	dictionary := Dictionary(frame[0])
	if dictionary == nil {
		return nil, fmt.Errorf("%w: dictionary %d", ErrOfflineNewer, frame[0])
	}
	signature, packed := frame[3:3+frame[2]], bytes.NewReader(frame[3+int(frame[2]):])
	// A bytes.Reader is read byte by byte, so that what stands behind the end is seen.
	inflated, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(packed, dictionary), maxInflated+1))
	switch {
	case err != nil:
		return wrong("it does not unpack")
	case len(inflated) > maxInflated:
		return wrong("it unpacks to more than %d bytes", maxInflated)
	case packed.Len() > 0:
		return wrong("something stands behind its end")
	case len(inflated) <= int(frame[1]):
		return wrong("there is no payload")
	}
	header, payload := inflated[:frame[1]], inflated[frame[1]:]
	token := base64.RawURLEncoding.AppendEncode(nil, header)
	token = base64.RawURLEncoding.AppendEncode(append(token, '.'), payload)
	return base64.RawURLEncoding.AppendEncode(append(token, '.'), signature), nil
}

// digitsFor is how many digits stand for a block of 0 to 11 bytes: as few as hold
// every value of it, and for no two lengths the same.
var digitsFor = [...]int{0, 3, 5, 8, 10, 13, 15, 17, 20, 22, 25, 27}

const blockBytes, blockDigits = 11, 27

// digitsOf writes bytes as digits: blocks of 11 as big-endian numbers of 27 digits,
// the rest by digitsFor.
func digitsOf(data []byte) string {
	out := make([]byte, 0, (len(data)/blockBytes+1)*blockDigits)
	for len(data) > 0 {
		block := data[:min(len(data), blockBytes)]
		data = data[len(block):]
		var hi, lo uint64
		for _, b := range block {
			hi, lo = hi<<8|lo>>56, lo<<8|uint64(b)
		}
		n := digitsFor[len(block)]
		out = append(out, make([]byte, n)...)
		for i := range n {
			var rest uint64
			hi, rest = hi/10, hi%10
			lo, rest = bits.Div64(rest, lo, 10)
			out[len(out)-1-i] = '0' + byte(rest)
		}
	}
	return string(out)
}

// fromDigits is the other way. Bytes have one text only: a number that is too large
// for its block is refused.
func fromDigits(digits string) (data []byte, ok bool) {
	for len(digits) > 0 {
		block := digits[:min(len(digits), blockDigits)]
		digits = digits[len(block):]
		n := -1
		for bytes, length := range digitsFor {
			if length == len(block) {
				n = bytes
			}
		}
		if n < 0 {
			return nil, false
		}
		var hi, lo uint64
		for i := range len(block) {
			high, low := bits.Mul64(lo, 10)
			var carry uint64
			lo, carry = bits.Add64(low, uint64(block[i]-'0'), 0)
			hi = hi*10 + high + carry // below 10^27, and so below 2^90
		}
		if n < 8 && (hi > 0 || lo>>(8*n) > 0) || n >= 8 && hi>>(8*(n-8)) > 0 {
			return nil, false
		}
		for i := n - 1; i >= 0; i-- {
			if i >= 8 {
				data = append(data, byte(hi>>(8*(i-8))))
			} else {
				data = append(data, byte(lo>>(8*i)))
			}
		}
	}
	return data, true
}

// Symbol is a drawn code with its size: Version is 1 to 40, Level the error
// correction, "M" or "L".
type Symbol struct {
	QR
	Version int
	Level   string
}

// What telephones still read from paper: level M up to version 22, else L, and
// nothing above version 25.
const (
	mostAtM = 22
	mostAtL = 25
)

// ErrTooLarge means that a text makes a code which telephones would not read.
var ErrTooLarge = errors.New("the code would be too large to be read")

// OfflineSymbol draws the text of an offline code, at level M where that makes a
// code of version 22 at most, else at level L up to version 25, else ErrTooLarge.
func OfflineSymbol(text string) (Symbol, error) {
	for _, try := range []struct {
		level qrcode.RecoveryLevel
		name  string
		most  int
	}{{qrcode.Medium, "M", mostAtM}, {qrcode.Low, "L", mostAtL}} {
		code, err := qrcode.New(text, try.level)
		if err == nil && code.VersionNumber <= try.most {
			code.DisableBorder = true
			return Symbol{code.Bitmap(), code.VersionNumber, try.name}, nil
		}
	}
	return Symbol{}, fmt.Errorf("drawing an offline code of %d characters: %w", len(text), ErrTooLarge)
}
