package strictjson

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of a document.
const (
	MaxBytes   = 2 << 20
	MaxDepth   = 64     // objects and arrays within each other
	MaxMembers = 50_000 // members of objects and items of arrays
	MaxName    = 1 << 10
)

// Error is why a document was refused. Pointer is the JSON Pointer (RFC 6901) of
// the place.
//
// Rules: "json-syntax", "json-duplicate", "json-case", "json-number",
// "json-utf8", "json-depth", "json-members", "json-name", "json-size".
type Error struct{ Pointer, Rule, Detail string }

func (e *Error) Error() string {
	at := e.Pointer
	if at == "" {
		at = "document"
	}
	return at + ": " + e.Detail + " (" + e.Rule + ")"
}

// Parse reads a JSON document (RFC 8259) strictly and within the limits. Every
// error is an [*Error].
func Parse(raw []byte) (Value, error) {
	if len(raw) > MaxBytes {
		return Value{}, tooLarge(raw)
	}
	p := parsers.Get().(*parser)
	defer p.release()
	return p.document(string(raw))
}

func tooLarge(raw []byte) *Error {
	return &Error{Rule: "json-size", Detail: fmt.Sprintf("%d bytes, at most %d are read", len(raw), MaxBytes)}
}

func (p *parser) document(src string) (Value, error) {
	p.src = src
	p.space()
	if p.pos == len(p.src) {
		return Value{}, &Error{Rule: "json-syntax", Detail: "no document"}
	}
	v, e := p.value()
	if e != nil {
		return Value{}, e
	}
	if p.space(); p.pos < len(p.src) {
		return Value{}, p.syntax("data after the end of the document")
	}
	return v, nil
}

// parser reads one document. Strings of the result are parts of src where
// nothing in them was escaped.
type parser struct {
	src   string
	pos   int
	depth int
	count int // members and items so far

	// Members of the objects and arrays that are being read, innermost last; with
	// each the hash of its name. Where an object ends, its own are copied to a slab.
	open   []Member
	hashes []uint32
	slab   []Member
}

// parsers keeps the room for what is open, of which every document needs about
// the same.
var parsers = sync.Pool{New: func() any { return new(parser) }}

func (p *parser) release() {
	clear(p.open) // nothing of one document is kept for the next
	*p = parser{open: p.open[:0], hashes: p.hashes[:0]}
	if cap(p.open) <= 1024 {
		parsers.Put(p)
	}
}

func (p *parser) refuse(rule, format string, args ...any) *Error {
	return &Error{Rule: rule, Detail: fmt.Sprintf(format, args...)}
}

func (p *parser) syntax(detail string) *Error {
	return p.refuse("json-syntax", "%s at byte %d", detail, p.pos)
}

// below moves the place of an error into the member or item called name. The
// pointer is put together on the way back: made on the way in, one long name
// would be copied for everything below it.
func (e *Error) below(name string) *Error {
	e.Pointer = "/" + pointerEscapes.Replace(name) + e.Pointer
	return e
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func (p *parser) space() {
	for p.pos < len(p.src) {
		switch p.src[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

// next is the next byte that is no white space, 0 at the end.
func (p *parser) next() byte {
	if p.pos < len(p.src) && p.src[p.pos] > ' ' {
		return p.src[p.pos]
	}
	if p.space(); p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

// value reads the value at pos, where no white space stands.
func (p *parser) value() (Value, *Error) {
	if p.pos == len(p.src) {
		return Value{}, p.syntax("unexpected end")
	}
	switch c := p.src[p.pos]; {
	case c == '"':
		text, _, e := p.text()
		return textOf(String, text), e
	case c == '{':
		members, e := p.object()
		return listOf(Object, members), e
	case c == '[':
		members, e := p.array()
		return listOf(Array, members), e
	case c == '-' || '0' <= c && c <= '9':
		number, e := p.number()
		return textOf(Number, number), e
	}
	for _, literal := range [...]struct {
		text string
		kind Kind
	}{{"true", True}, {"false", False}, {"null", Null}} {
		if strings.HasPrefix(p.src[p.pos:], literal.text) {
			p.pos += len(literal.text)
			return Value{kind: literal.kind}, nil
		}
	}
	return Value{}, p.syntax("no value")
}

func (p *parser) enter() *Error {
	if p.depth++; p.depth > MaxDepth {
		return p.refuse("json-depth", "more than %d levels deep", MaxDepth)
	}
	return nil
}

func (p *parser) spend() *Error {
	if p.count++; p.count > MaxMembers {
		return p.refuse("json-members", "more than %d members", MaxMembers)
	}
	return nil
}

// push adds a member that was read to those that are open.
func (p *parser) push(name string, hash uint32, value Value) {
	p.open = append(p.open, Member{name, value})
	p.hashes = append(p.hashes, hash)
}

// close takes the members from start off those that are open.
func (p *parser) close(start int) []Member {
	n := len(p.open) - start
	if n > cap(p.slab)-len(p.slab) {
		// The first slab is measured for what the rest of a document of this size
		// usually holds; later ones grow with it.
		p.slab = make([]Member, 0, max(n, 16, min((len(p.src)-p.pos)/16, 1024)))
	}
	first := len(p.slab)
	p.slab = append(p.slab, p.open[start:]...)
	clear(p.open[start:])
	p.open, p.hashes = p.open[:start], p.hashes[:start]
	p.depth--
	return p.slab[first:len(p.slab):len(p.slab)]
}

func (p *parser) object() ([]Member, *Error) {
	if e := p.enter(); e != nil {
		return nil, e
	}
	p.pos++
	start := len(p.open)
	var names map[string]string // folded name to name, once there are many
	for c := p.next(); c != '}' || len(p.open) > start; c = p.next() {
		// 1. The name, which no other member of the object may have.
		if c != '"' {
			return nil, p.syntax("no member name")
		}
		name, ascii, e := p.text()
		if e != nil {
			return nil, e
		}
		hash := foldedHash(name, ascii)
		if names == nil && len(p.open)-start >= manyMembers {
			names = make(map[string]string)
			for i := start; i < len(p.open); i++ {
				names[fold(p.open[i].Name)] = p.open[i].Name
			}
		}
		if names != nil {
			folded := fold(name)
			if other, ok := names[folded]; ok {
				return nil, twice(name, other)
			}
			names[folded] = name
		} else {
			for i := start; i < len(p.open); i++ {
				if other := p.open[i].Name; p.hashes[i] == hash && strings.EqualFold(other, name) {
					return nil, twice(name, other)
				}
			}
		}
		if len(name) > MaxName {
			return nil, p.refuse("json-name", "a member name of %d bytes, at most %d are read", len(name), MaxName).below(name)
		}
		if e := p.spend(); e != nil {
			return nil, e
		}

		// 2. Its value.
		if p.next() != ':' {
			return nil, p.syntax("no colon after a member name")
		}
		p.pos++
		p.space()
		value, e := p.value()
		if e != nil {
			return nil, e.below(name)
		}
		p.push(name, hash, value)

		// 3. What follows.
		switch p.next() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return p.close(start), nil
		default:
			return nil, p.syntax("neither comma nor brace after a member")
		}
	}
	p.pos++
	return p.close(start), nil
}

// twice refuses a member whose name another member of the object has, or has but
// for case: other readers take the two for one.
func twice(name, other string) *Error {
	if name == other {
		return (&Error{Rule: "json-duplicate", Detail: "member repeated"}).below(name)
	}
	return (&Error{Rule: "json-case", Detail: fmt.Sprintf("same name as %q except for case", other)}).below(name)
}

func (p *parser) array() ([]Member, *Error) {
	if e := p.enter(); e != nil {
		return nil, e
	}
	p.pos++
	start := len(p.open)
	for c := p.next(); c != ']' || len(p.open) > start; c = p.next() {
		if e := p.spend(); e != nil {
			return nil, e
		}
		at := len(p.open) - start
		item, e := p.value()
		if e != nil {
			return nil, e.below(strconv.Itoa(at))
		}
		p.push("", 0, item)
		switch p.next() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return p.close(start), nil
		default:
			return nil, p.syntax("neither comma nor bracket after an item")
		}
	}
	p.pos++
	return p.close(start), nil
}

// text reads the string at pos, and says whether it is known to be ASCII.
func (p *parser) text() (text string, ascii bool, e *Error) {
	start := p.pos + 1
	i, ascii := ownEnd(p.src, start)
	if i == len(p.src) {
		p.pos = i
		return "", false, p.syntax("string without an end")
	}
	switch p.src[i] {
	case '"':
		if text = p.src[start:i]; !ascii && !utf8.ValidString(text) {
			return "", false, p.refuse("json-utf8", "invalid UTF-8 in the string at byte %d", p.pos)
		}
		p.pos = i + 1
		return text, ascii, nil
	case '\\':
		text, e = p.escaped(start, i)
		return text, false, e
	}
	p.pos = i
	return "", false, p.syntax("control character in a string")
}

// ownEnd returns the place of the first byte from i on that does not stand for
// itself in a string (quotation mark, backslash, control character), or len(s),
// and whether all before it are ASCII.
//
// It looks at eight bytes at once, since most of a document is strings. Of a word,
// c - 0x20 borrows where a byte is a control character, and (c ^ x) - 1 where it is
// x; what is not ASCII is masked out. A borrow can spoil the bytes above it, never
// those below, and the lowest is the one that is asked for.
func ownEnd(s string, i int) (end int, ascii bool) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		c := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		found := ((c - ' '*ones) | ((c ^ '"'*ones) - ones) | ((c ^ '\\'*ones) - ones)) &^ c & tops
		if found != 0 {
			before := bits.TrailingZeros64(found) &^ 7
			return i + before/8, (seen|c&(1<<before-1))&tops == 0
		}
		seen |= c
	}
	ascii = seen&tops == 0
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"', c == '\\', c < ' ':
			return i, ascii
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return i, ascii
}

// escaped reads on from the first backslash, at i, of the string that begins at
// start.
func (p *parser) escaped(start, i int) (string, *Error) {
	text := append(make([]byte, 0, 2*(i-start)+16), p.src[start:i]...)
	for i < len(p.src) {
		c := p.src[i]
		switch {
		case c == '"':
			p.pos = i + 1
			if !utf8.Valid(text) {
				return "", p.refuse("json-utf8", "invalid UTF-8 in the string at byte %d", start-1)
			}
			return string(text), nil
		case c < ' ':
			p.pos = i
			return "", p.syntax("control character in a string")
		case c != '\\':
			text = append(text, c)
			i++
			continue
		}
		p.pos = i
		if i++; i == len(p.src) {
			break
		}
		if at := strings.IndexByte(`"\/bfnrt`, p.src[i]); at >= 0 {
			text = append(text, "\"\\/\b\f\n\r\t"[at])
			i++
			continue
		}
		r, ok := p.unit(i)
		if !ok {
			return "", p.syntax("no such escape")
		}
		i += 5
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if i+1 < len(p.src) && p.src[i] == '\\' {
				low, ok = p.unit(i + 1)
			}
			if r = utf16.DecodeRune(r, low); !ok || r == unicode.ReplacementChar {
				return "", p.refuse("json-utf8", "half of a surrogate pair at byte %d", p.pos)
			}
			i += 6
		}
		text = utf8.AppendRune(text, r)
	}
	p.pos = len(p.src)
	return "", p.syntax("string without an end")
}

// unit reads the u and four hexadecimal digits at i.
func (p *parser) unit(i int) (rune, bool) {
	if i+5 > len(p.src) || p.src[i] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.src[i+1 : i+5]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads the number at pos (RFC 8259 section 6).
func (p *parser) number() (string, *Error) {
	start := p.pos
	digits := func() int {
		from := p.pos
		for p.pos < len(p.src) && '0' <= p.src[p.pos] && p.src[p.pos] <= '9' {
			p.pos++
		}
		return p.pos - from
	}
	accept := func(c byte) bool {
		if p.pos < len(p.src) && p.src[p.pos] == c {
			p.pos++
			return true
		}
		return false
	}

	accept('-')
	whole := digits()
	integer := true
	switch {
	case whole == 0, whole > 1 && p.src[p.pos-whole] == '0':
		return "", p.syntax("no such number")
	}
	if accept('.') {
		if integer = false; digits() == 0 {
			return "", p.syntax("no digit after the point")
		}
	}
	if accept('e') || accept('E') {
		integer = false
		if !accept('+') {
			accept('-')
		}
		if digits() == 0 {
			return "", p.syntax("no digit in the exponent")
		}
	}
	text := p.src[start:p.pos]
	if integer && whole <= 15 { // below 2^53
		return text, nil
	}
	if !exactInFloat64(text) {
		return "", p.refuse("json-number", "number %s does not keep its value in other software; write it as a string", shorten(text))
	}
	return text, nil
}

// manyMembers is from when on names are looked up rather than compared one by
// one.
const manyMembers = 16

// foldedHash is equal for names that are equal but for case. Few others in an
// object share it: it is made of the length and three letters.
func foldedHash(name string, ascii bool) uint32 {
	if !ascii {
		name = fold(name) // some of it may become ASCII (the Kelvin sign, the long s)
	}
	n := len(name)
	if n == 0 {
		return 0
	}
	return uint32(n) | uint32(name[0]|0x20)<<8 | uint32(name[n/2]|0x20)<<16 | uint32(name[n-1]|0x20)<<24
}

// fold maps s to one representative of all strings that are equal to it under
// Unicode simple case folding, as strings.EqualFold compares.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// exactInFloat64 reports whether a JSON number has the same decimal value after
// it went through a float64, as it does in most JSON software.
func exactInFloat64(literal string) bool {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return false // too large
	}
	digits, exponent, ok := decimal(literal)
	back, backExponent, _ := decimal(strconv.FormatFloat(f, 'e', -1, 64))
	return ok && digits == back && exponent == backExponent
}

// decimal splits a JSON number into its sign and significant digits and the
// exponent of the last digit. It reports false if the exponent is out of range
// of an int, which no float64 has.
func decimal(literal string) (digits string, exponent int, ok bool) {
	mantissa := literal
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(literal[i+1:]); err != nil {
			return "", 0, false
		}
		mantissa = literal[:i]
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0", 0, true
	}
	exponent += len(digits) - len(trimmed) - len(fraction)
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed, exponent, true
}

// shorten keeps an error message readable whatever the document holds.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
