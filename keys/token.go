package keys

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/alike"
	"indeks/strictjson"
)

// envelope is a token taken apart: its structure and every header rule hold,
// but no signature has been checked.
type envelope struct {
	form    Form
	payload []byte     // what was sealed, of an SDJWT with what is disclosed of it; nil where compared
	input   alike.Text // the payload as the signatures see it: base64url text, or payload itself where b64=false
	seals   []envelopeSeal

	compared bool // with the payload that the caller has

	concealed int // see Opened
}

type envelopeSeal struct {
	header    Header
	protected []byte // base64url text, the first part of the signing input
	signature []byte
	etsiU     jsontext.Value // nil where there is none
}

// refuse returns an OpenError with one of the sentinels.
func refuse(sentinel error, format string, args ...any) error {
	return &OpenError{Err: sentinel, Detail: fmt.Sprintf(format, args...)}
}

const whiteSpace = " \t\r\n"

// parse takes a token of a kind apart. Where the caller has the payload, known, it is
// not taken out of what has it where all do that are sealed here.
//
// White space after the token is cut off, because a file ends in a newline.
// In front of a compact token, or inside it, none is tolerated.
func parse(token alike.Text, kind kind, known *alike.Text) (*envelope, error) {
	if token.Len() > MaxToken {
		return nil, refuse(ErrTooLarge, "%d bytes, where at most %d are read", token.Len(), MaxToken)
	}
	if known == nil || len(token.Head) == 0 || len(token.Rest) == 0 {
		token = alike.Whole(token.Bytes())
	}
	if token.Rest = bytes.TrimRight(token.Rest, whiteSpace); token.Len() == 0 {
		return nil, refuse(ErrFormat, "the input is empty")
	}
	first := token.Head
	if len(first) == 0 {
		first = token.Rest
	}
	if bytes.HasPrefix(bytes.TrimLeft(first, whiteSpace), []byte("{")) {
		return parseJSON(token, kind, known)
	}
	if bytes.IndexByte(token.Head, '~') >= 0 || bytes.IndexByte(token.Rest, '~') >= 0 {
		return parseSDJWT(token.Bytes(), kind)
	}
	e, err := parseCompact(token, kind, known)
	if err == nil && e.form == SDJWT {
		return nil, refuse(ErrFormat, "a token with selective disclosure ends with ~")
	}
	return e, err
}

// parseCompact takes apart the JWS Compact Serialization (RFC 7515 section 7.1).
func parseCompact(token alike.Text, kind kind, known *alike.Text) (*envelope, error) {
	protected, after, ok := cutHeader(token)
	rest, signature, ends := bytes.Cut(after.Rest, dot)
	if !ok || !ends || bytes.IndexByte(signature, '.') >= 0 {
		return nil, refuse(ErrFormat, "a compact token has three parts, not %d", bytes.Count(token.Bytes(), dot)+1)
	}
	input := alike.Text{Beginning: after.Beginning, Rest: rest}

	header, err := headerOf(protected, true, known)
	if err != nil {
		return nil, err
	}
	if err := kind.holds(header); err != nil {
		return nil, err
	}
	e := &envelope{form: header.Form}
	if err := e.read(input, known); err != nil {
		return nil, err
	}
	sig, err := decodeBase64URL(signature)
	if err != nil {
		return nil, refuse(ErrFormat, "signature: %v", err)
	}
	e.seals = []envelopeSeal{{header: header, protected: protected, signature: sig}}
	return e, nil
}

// cutHeader returns the header of a compact token, and what follows its dot.
func cutHeader(token alike.Text) (protected []byte, after alike.Text, ok bool) {
	if protected, ok = bytes.CutSuffix(token.Head, dot); ok && bytes.IndexByte(protected, '.') < 0 {
		return protected, alike.Text{Beginning: token.Beginning, Rest: token.Rest}, true
	}
	protected, rest, ok := bytes.Cut(token.Bytes(), dot)
	return protected, alike.Whole(rest), ok
}

// Members of the JWS JSON Serialization (RFC 7515 section 7.2).
var (
	jwsMembers       = []string{"payload", "signatures", "protected", "header", "signature"}
	signatureMembers = jwsMembers[2:]
)

// parseJSON takes apart the general and the flattened JWS JSON Serialization,
// with b64 true (RFC 7515) or false (RFC 7797, JAdES).
func parseJSON(token alike.Text, kind kind, known *alike.Text) (*envelope, error) {
	// 1. One object. A payload that is known and stands first, as all that is sealed here
	// has it, need not be read.
	rest, first := withoutPayload(token, known)
	if protected, signature, plain := plainSeal(rest); first && plain {
		s := envelopeSeal{protected: protected}
		if err := s.read(signature, known); err != nil {
			return nil, err
		}
		if s.header.Form != JWS {
			if err := kind.holds(s.header); err != nil {
				return nil, err
			}
			return &envelope{form: s.header.Form, input: *known, compared: true, seals: []envelopeSeal{s}}, nil
		}
	}
	if !first {
		rest = token.Bytes()
	}
	members, err := readObject(rest)
	if err != nil {
		return nil, refuse(ErrFormat, "%v", err)
	}
	if first && members["payload"] != nil {
		return nil, refuse(ErrFormat, "payload is there twice")
	}
	if name := nearMiss(members, jwsMembers); name != "" {
		return nil, refuse(ErrFormat, "%q differs only in case from a member of a JWS", name)
	}
	signatures, general := members["signatures"]
	_, flattened := members["signature"]
	quoted, hasPayload := members["payload"]
	hasPayload = hasPayload || first
	switch {
	case !general && !flattened && !hasPayload && (members["@context"] != nil || members["credentialSubject"] != nil):
		return nil, refuse(ErrNotSealed, "the document carries no signature")
	case !general && !flattened:
		return nil, refuse(ErrFormat, "neither signatures nor signature is there")
	case !hasPayload:
		return nil, refuse(ErrFormat, "payload is missing")
	}

	// 2. Its signatures: general or flattened, never both (section 7.2.2).
	entries := []map[string]jsontext.Value{members}
	if general {
		for _, name := range signatureMembers {
			if members[name] != nil {
				return nil, refuse(ErrFormat, "%s stands beside signatures", name)
			}
		}
		if entries, err = readSignatures(signatures); err != nil {
			return nil, err
		}
	}

	// 3. Header and signature of each.
	e := &envelope{}
	for i, entry := range entries {
		s, err := readSignature(entry, known)
		if err != nil {
			return nil, err
		}
		if i > 0 && s.header.Form != e.form {
			return nil, refuse(ErrHeader, "b64 differs between signatures") // RFC 7797 section 3
		}
		if err := kind.holds(s.header); err != nil {
			return nil, err
		}
		e.form = s.header.Form
		e.seals = append(e.seals, s)
	}

	// 4. The payload, un-escaped once and, where b64 is true, decoded.
	if first && e.form != JWS {
		e.input, e.compared = *known, true
		return e, nil
	}
	var text []byte
	if first {
		text = known.Bytes()
	} else {
		var ok bool
		if text, ok = readString(quoted); !ok {
			return nil, refuse(ErrFormat, "payload is not a string")
		}
	}
	if e.form == JWS {
		if err := e.read(alike.Whole(text), known); err != nil {
			return nil, err
		}
		return e, nil
	}
	e.input, e.payload = alike.Whole(text), text
	if len(e.payload) == 0 {
		return nil, refuse(ErrFormat, "the payload is empty")
	}
	return e, nil
}

// withoutPayload takes a payload that is known out of a token of which it is the first
// member.
func withoutPayload(token alike.Text, known *alike.Text) (rest []byte, ok bool) {
	if known == nil {
		return nil, false
	}
	if token, ok = token.CutPrefix([]byte(jadesPayload)); !ok {
		return nil, false
	}
	if form := openedLately.quoted.Known(known.Beginning); form != nil {
		if token, ok = token.CutPrefix(form); !ok {
			return nil, false
		}
		rest = token.Bytes()
	} else {
		whole := token.Bytes()
		if rest, ok = strictjson.CutEscaped(whole, known.Beginning); !ok {
			return nil, false
		}
		openedLately.quoted.Put(known.Beginning, whole[:len(whole)-len(rest)])
	}
	if rest, ok = strictjson.CutEscaped(rest, known.Rest); !ok || !bytes.HasPrefix(rest, []byte(`",`)) {
		return nil, false
	}
	return slices.Concat([]byte("{"), rest[2:]), true
}

// plainSeal takes header and signature out of the rest of a token that has no other member
// and no white space, as all do that are sealed here: there is but one way to read it.
func plainSeal(rest []byte) (protected, signature []byte, plain bool) {
	protected, begins := bytes.CutPrefix(rest, []byte(`{"signatures":[{"protected":"`))
	protected, signature, parts := bytes.Cut(protected, []byte(jadesSignature))
	signature, ends := bytes.CutSuffix(signature, []byte(jadesEnd))
	escaped := bytes.ContainsAny(protected, `"\`) || bytes.ContainsAny(signature, `"\`)
	return protected, signature, begins && parts && ends && !escaped
}

// readSignatures reads the members of each entry of signatures.
func readSignatures(raw jsontext.Value) ([]map[string]jsontext.Value, error) {
	var list []jsontext.Value
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return nil, refuse(ErrFormat, "signatures is not an array")
	}
	if len(list) == 0 {
		return nil, refuse(ErrFormat, "signatures is empty")
	}
	if len(list) > MaxSignatures {
		return nil, refuse(ErrTooLarge, "%d signatures, where at most %d are read", len(list), MaxSignatures)
	}
	entries := make([]map[string]jsontext.Value, len(list))
	for i, one := range list {
		var err error
		if entries[i], err = readObject(one); err != nil {
			return nil, refuse(ErrFormat, "signature %d: %v", i+1, err)
		}
		if name := nearMiss(entries[i], signatureMembers); name != "" {
			return nil, refuse(ErrFormat, "%q differs only in case from a member of a signature", name)
		}
		if entries[i]["signature"] == nil {
			return nil, refuse(ErrFormat, "signature %d has no signature member", i+1)
		}
	}
	return entries, nil
}

// readSignature reads the headers and the signature of one entry. The
// unprotected header is not signed, so anybody may have written it: all that it
// may hold is etsiU, which nothing here relies on.
func readSignature(entry map[string]jsontext.Value, known *alike.Text) (envelopeSeal, error) {
	var s envelopeSeal
	if raw, ok := entry["header"]; ok {
		unprotected, err := readObject(raw)
		if err != nil {
			return s, refuse(ErrFormat, "unprotected header: %v", err)
		}
		for _, name := range slices.Sorted(maps.Keys(unprotected)) { // told the same each time
			if name != "etsiU" {
				return s, refuse(ErrHeader, "%.40q stands in the unprotected header, which is not sealed", name)
			}
		}
		s.etsiU = unprotected["etsiU"]
	}

	raw, ok := entry["protected"]
	if !ok {
		return s, refuse(ErrHeader, "a signature has no protected header")
	}
	if s.protected, ok = readString(raw); !ok {
		return s, refuse(ErrFormat, "protected is not a string")
	}
	text, ok := readString(entry["signature"])
	if !ok {
		return s, refuse(ErrFormat, "signature is not a string")
	}
	return s, s.read(text, known)
}

// read reads the header, which is there, and a signature in base64url.
func (s *envelopeSeal) read(signature []byte, known *alike.Text) (err error) {
	if s.header, err = headerOf(s.protected, false, known); err != nil {
		return err
	}
	if s.signature, err = decodeBase64URL(signature); err != nil {
		return refuse(ErrFormat, "signature: %v", err)
	}
	return nil
}

// read decodes a payload with b64 true, or compares it with the one that is known. An
// empty one is refused: it would be a detached signature (RFC 7515 appendix F), which
// seals something that is not in the token.
func (e *envelope) read(text alike.Text, known *alike.Text) (err error) {
	if known != nil {
		if e.input, e.compared = encoded(text, *known); !e.compared {
			return refuse(ErrOtherPayload, "it is not the one that is known")
		}
		return nil
	}
	e.input = alike.Whole(text.Bytes())
	if e.payload, err = decodeBase64URL(e.input.Rest); err != nil {
		return refuse(ErrFormat, "payload: %v", err)
	}
	if len(e.payload) == 0 {
		return refuse(ErrFormat, "the payload is empty")
	}
	return nil
}

// encoded reports whether text is the base64url of a payload, and returns it in the two
// parts that the payload has.
func encoded(text, payload alike.Text) (parts alike.Text, ok bool) {
	payload = payload.Cut(len(payload.Beginning) / 3 * 3) // four characters each
	n := base64URL.EncodedLen(len(payload.Beginning))
	if text.Len() != base64URL.EncodedLen(payload.Len()) {
		return alike.Text{}, false
	}
	if len(text.Beginning) != n {
		whole := text.Bytes()
		text = alike.Text{Beginning: whole[:n], Rest: whole[n:]}
	}
	parts.Rest = text.Rest
	if parts.Beginning = openedLately.texts.Known(payload.Beginning); parts.Beginning != nil {
		ok = bytes.Equal(text.Beginning, parts.Beginning)
	} else if ok = isBase64URL(text.Beginning, payload.Beginning); ok {
		parts.Beginning = openedLately.texts.Put(payload.Beginning, text.Beginning)
	}
	return parts, ok && isBase64URL(text.Rest, payload.Rest)
}

// readObject reads one JSON object strictly: nothing after it, no member twice,
// valid UTF-8, no lone surrogates.
func readObject(raw []byte) (map[string]jsontext.Value, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return nil, fmt.Errorf("not well-formed JSON: %w at byte %d", syntax.Err, syntax.ByteOffset)
		}
		return nil, errors.New("not a JSON object")
	}
	if members == nil {
		return nil, errors.New("null in place of a JSON object")
	}
	return members, nil
}

// nearMiss returns a member whose name equals one of known but for case: other
// readers take it for that member. "" where there is none.
func nearMiss(members map[string]jsontext.Value, known []string) string {
	for _, name := range slices.Sorted(maps.Keys(members)) { // told the same each time
		for _, k := range known {
			if name != k && strings.EqualFold(name, k) {
				return name
			}
		}
	}
	return ""
}

// plainObject reads an object as headers nearly always are: each member one of
// headerNames, once, its value a string of ASCII without escapes, a whole number or a
// boolean, and no white space. It reports false for everything else, which may be as
// well-formed and is for readObject.
func plainObject(raw []byte) (map[string]jsontext.Value, bool) {
	members := make(map[string]jsontext.Value, 8)
	ok := plainMembers(raw, func(name string, value jsontext.Value) { members[name] = value })
	return members, ok
}

// plainMembers tells of the members of a plainObject, one after another. Where it
// reports false, those that it told of count for nothing.
func plainMembers(raw []byte, tell func(name string, value jsontext.Value)) bool {
	if len(raw) < 2 || raw[0] != '{' {
		return false
	}
	var seen uint64     // of headerNames
	for raw[0] != '}' { // at the brace or comma before a member
		text, rest, ok := plainText(raw[1:])
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		at := slices.IndexFunc(headerNames, func(name string) bool { return name == string(text[1:len(text)-1]) })
		if at < 0 || seen>>at&1 == 1 {
			return false
		}
		seen |= 1 << at
		value, rest, ok := plainValue(rest[1:])
		if !ok || len(rest) == 0 || rest[0] != ',' && rest[0] != '}' {
			return false
		}
		tell(headerNames[at], value)
		raw = rest
	}
	return len(raw) == 1
}

// plainText cuts off the string at the beginning of raw, with its quotation marks.
func plainText(raw []byte) (text, rest []byte, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			return raw[:i+1], raw[i+1:], true
		case c < ' ' || c == '\\' || c >= utf8.RuneSelf:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// plainValue cuts off the value at the beginning of raw. Numbers are those that every
// reader reads alike.
func plainValue(raw []byte) (value jsontext.Value, rest []byte, ok bool) {
	for _, literal := range []string{"true", "false"} {
		if bytes.HasPrefix(raw, []byte(literal)) {
			return raw[:len(literal)], raw[len(literal):], true
		}
	}
	n := 0
	for n < len(raw) && '0' <= raw[n] && raw[n] <= '9' {
		n++
	}
	if n == 0 {
		return plainText(raw)
	}
	return raw[:n], raw[n:], raw[0] != '0' && n <= 15
}

// readString un-escapes a JSON string.
func readString(raw jsontext.Value) ([]byte, bool) {
	if raw.Kind() != '"' {
		return nil, false
	}
	if text, rest, ok := plainText(raw); ok && len(rest) == 0 {
		return bytes.Clone(text[1 : len(text)-1]), true
	}
	text, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw)
	return text, err == nil
}
