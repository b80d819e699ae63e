package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/alike"
	"indeks/strictjson"
)

// Selective disclosure (RFC 9901): of a sealed payload the holder shows some
// places and keeps the others back. In place of what can be kept back stands a
// digest; what it is of, a salt and the value, follows the token in a disclosure
// of its own, which the holder leaves out or not.

// maxDisclosures bounds how many may follow one token.
const maxDisclosures = 1000

// saltSize is that of a salt in octets, 128 bits (RFC 9901 section 9.3), and
// saltText how long its text is at least.
const (
	saltSize = 16
	saltText = 22
)

// Members of a payload that mean selective disclosure (RFC 9901 section 4).
const (
	memberDigests   = "_sd"
	memberAlgorithm = "_sd_alg"
	memberElement   = "..."
)

const digestAlgorithm = "sha-256"

// alwaysShown are the members at the top of a payload that decide whether it is to
// be relied on: they are never the holder's to keep back (SD-JWT VC section
// 3.2.2.2, and what stands for the same in a credential).
var alwaysShown = []string{
	"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status",
	"@context", "id", "type", "issuer", "validFrom", "validUntil", "credentialStatus", "credentialSchema", "termsOfUse",
}

// Disclosure is one place of a payload that its holder may keep back.
type Disclosure struct {
	Pointer string         // JSON Pointer into the payload with everything disclosed that the token discloses
	Value   jsontext.Value // what stands there; it may have digests in it
	text    []byte         // as it follows the token
	within  *Disclosure    // the one that it is disclosed by, nil: the payload
}

// SealDisclosable seals a JSON object in form SDJWT, with everything disclosed.
// Each place, a JSON Pointer to a member or to an element of an array, can then be
// kept back by [Present]; one within another, too. It is an error where a place is
// not there, or decides whether the payload is to be relied on. Beyond that it is
// as [Sealer.Seal].
func (s *Sealer) SealDisclosable(payload []byte, places []string, at time.Time) ([]byte, error) {
	claims, disclosures, err := conceal(payload, places)
	if err != nil {
		return nil, fmt.Errorf("sealing as %s: %w", SDJWT, err)
	}
	sealed, err := s.SealText(alike.Whole(claims), SDJWT, at)
	if err != nil {
		return nil, err
	}
	token := append(sealed.Bytes(), '~')
	for _, text := range disclosures {
		token = append(append(token, text...), '~')
	}
	if len(token) > MaxToken {
		return nil, fmt.Errorf("sealing as %s: %w", SDJWT, refuse(ErrTooLarge, "%d bytes, where at most %d are read", len(token), MaxToken))
	}
	return token, nil
}

// Disclosures are the places that a token in form SDJWT discloses, in the order of
// the payload. It checks no seal: it is for who holds the token, and has opened it.
func Disclosures(token []byte) ([]Disclosure, error) {
	jwt, texts, err := splitSDJWT(token)
	if err != nil {
		return nil, err
	}
	e, err := parseCompact(alike.Whole(jwt), credentials, nil)
	if err != nil {
		return nil, err
	}
	r, err := reveal(e.payload, texts)
	if err != nil {
		return nil, err
	}
	found := make([]Disclosure, len(r.found))
	for i, d := range r.found {
		found[i] = *d
	}
	return found, nil
}

// Present is a token in form SDJWT with those disclosures alone that show asks
// for, by their place. What lies within a place that is kept back is kept back with
// it.
func Present(token []byte, show func(pointer string) bool) ([]byte, error) {
	doing := func(err error) error { return fmt.Errorf("presenting a part of a token: %w", err) }
	jwt, _, err := splitSDJWT(token)
	if err != nil {
		return nil, doing(err)
	}
	all, err := Disclosures(token)
	if err != nil {
		return nil, doing(err)
	}
	presented := append(bytes.Clone(jwt), '~')
	for i := range all {
		shown := true
		for d := &all[i]; d != nil; d = d.within {
			shown = shown && show(d.Pointer)
		}
		if shown {
			presented = append(append(presented, all[i].text...), '~')
		}
	}
	return presented, nil
}

// splitSDJWT takes an SD-JWT apart: the token, and the disclosures that follow it
// (RFC 9901 section 4). A proof of key binding, which would come last, is not read.
func splitSDJWT(token []byte) (jwt []byte, disclosures [][]byte, err error) {
	parts := bytes.Split(bytes.TrimRight(token, whiteSpace), []byte("~"))
	last := len(parts) - 1
	switch {
	case last == 0:
		return nil, nil, refuse(ErrFormat, "a token with selective disclosure ends with ~")
	case len(parts[last]) > 0 && bytes.IndexByte(parts[last], '.') >= 0:
		return nil, nil, refuse(ErrFormat, "a proof of key binding follows the token, which is not read here")
	case len(parts[last]) > 0:
		return nil, nil, refuse(ErrFormat, "no ~ follows the last disclosure")
	case last-1 > maxDisclosures:
		return nil, nil, refuse(ErrTooLarge, "%d disclosures, where at most %d are read", last-1, maxDisclosures)
	}
	return parts[0], parts[1:last], nil
}

// parseSDJWT takes apart a token that has a ~ in it.
func parseSDJWT(token []byte, kind kind) (*envelope, error) {
	jwt, texts, err := splitSDJWT(token)
	if err != nil {
		return nil, err
	}
	e, err := parseCompact(alike.Whole(jwt), kind, nil)
	if err != nil {
		return nil, err
	}
	if e.form != SDJWT {
		return nil, refuse(ErrHeader, "disclosures follow a token of typ %.40q, which has none", e.seals[0].header.Typ)
	}
	r, err := reveal(e.payload, texts)
	if err != nil {
		return nil, err
	}
	e.payload, e.concealed = r.payload, r.concealed
	return e, nil
}

// revealing puts what is disclosed in the place of its digest (RFC 9901 section
// 7.1). Each digest and each disclosure is used once, so the work is that of
// reading both once.
type revealing struct {
	given map[string]*Disclosure // that were not used yet, by digest
	seen  map[string]bool        // digests

	payload   []byte // with everything disclosed
	concealed int    // digests without a disclosure: kept back, or decoys
	found     []*Disclosure
	enc       *jsontext.Encoder
}

// disclosed is what a disclosure says: of a member, or with no name of an element.
func readDisclosure(text []byte) (name *string, value jsontext.Value, err error) {
	raw, err := decodeBase64URL(text)
	if err != nil {
		return nil, nil, refuse(ErrFormat, "disclosure: %v", err)
	}
	var parts []jsontext.Value
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != 2 && len(parts) != 3 {
		return nil, nil, refuse(ErrFormat, "a disclosure is no array of a salt, a name and a value, or of a salt and a value")
	}
	if salt, ok := readString(parts[0]); !ok || len(salt) < saltText {
		return nil, nil, refuse(ErrFormat, "the salt of a disclosure is no text of 128 bits")
	}
	if len(parts) == 2 {
		return nil, parts[1], nil
	}
	unquoted, ok := readString(parts[1])
	if !ok {
		return nil, nil, refuse(ErrFormat, "the name in a disclosure is not a string")
	}
	member := string(unquoted)
	if member == memberDigests || member == memberAlgorithm || member == memberElement {
		return nil, nil, refuse(ErrFormat, "a disclosure discloses %s", member)
	}
	return &member, parts[2], nil
}

// reveal returns a payload with what texts disclose.
func reveal(payload []byte, texts [][]byte) (*revealing, error) {
	r := &revealing{given: make(map[string]*Disclosure, len(texts)), seen: map[string]bool{}}
	for _, text := range texts {
		digest := digestOf(text)
		if r.given[digest] != nil {
			return nil, refuse(ErrFormat, "a disclosure is given twice")
		}
		r.given[digest] = &Disclosure{text: text}
	}
	var out bytes.Buffer
	r.enc = jsontext.NewEncoder(&out)
	d := jsontext.NewDecoder(bytes.NewReader(payload))
	if d.PeekKind() != '{' {
		return nil, refuse(ErrFormat, "the payload is not a JSON object")
	}
	err := r.value(d, nil, 0)
	if err == nil {
		if _, end := d.ReadToken(); !errors.Is(end, io.EOF) {
			err = refuse(ErrFormat, "something follows the payload")
		}
	}
	if err != nil {
		if _, ok := errors.AsType[*OpenError](err); !ok { // of reading or writing JSON
			err = refuse(ErrFormat, "the payload, with what is disclosed, is not well-formed JSON")
		}
		return nil, err
	}
	if n := len(r.given); n > 0 {
		return nil, refuse(ErrFormat, "%d disclosures belong to nothing in the payload", n)
	}
	r.payload = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return r, nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return base64URL.EncodeToString(sum[:])
}

// take is the disclosure of a digest that stands in the payload, nil where there is
// none. A digest stands in one place only.
func (r *revealing) take(digest string, within *Disclosure) (*Disclosure, error) {
	if r.seen[digest] {
		return nil, refuse(ErrFormat, "a digest stands in two places")
	}
	r.seen[digest] = true
	d := r.given[digest]
	if d == nil {
		r.concealed++
		return nil, nil
	}
	delete(r.given, digest)
	d.within = within
	r.found = append(r.found, d)
	return d, nil
}

// value copies the next value. within is the disclosure that it is in.
func (r *revealing) value(d *jsontext.Decoder, within *Disclosure, depth int) error {
	if depth > strictjson.MaxDepth {
		return refuse(ErrTooLarge, "more than %d levels deep", strictjson.MaxDepth)
	}
	switch d.PeekKind() {
	case '{':
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		return r.object(d, within, depth, "", false)
	case '[':
		return r.array(d, within, depth)
	}
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	return r.enc.WriteValue(v)
}

// object copies an object whose beginning was read, and its first name where begun
// says so. What is disclosed of it stands where its digests stood; a name that is
// there already is refused by the encoder.
func (r *revealing) object(d *jsontext.Decoder, within *Disclosure, depth int, name string, begun bool) error {
	if err := r.enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for begun || d.PeekKind() != '}' {
		if !begun {
			t, err := d.ReadToken()
			if err != nil {
				return err
			}
			name = t.String()
		}
		begun = false
		switch name {
		case memberDigests:
			if err := r.members(d, within, depth); err != nil {
				return err
			}
		case memberAlgorithm:
			v, err := d.ReadValue()
			if err != nil {
				return err
			}
			if alg, _ := readString(v); depth > 0 || within != nil || string(alg) != digestAlgorithm {
				return refuse(ErrFormat, "%s is not %s at the top of the payload", memberAlgorithm, digestAlgorithm)
			}
		case memberElement:
			return refuse(ErrFormat, "%s is not alone in an element of an array", memberElement)
		default:
			if err := r.enc.WriteToken(jsontext.String(name)); err != nil {
				return err
			}
			if err := r.value(d, within, depth+1); err != nil {
				return err
			}
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	return r.enc.WriteToken(jsontext.EndObject)
}

// members puts those members in that are disclosed of an object, by its digests.
func (r *revealing) members(d *jsontext.Decoder, within *Disclosure, depth int) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	var digests []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &digests) != nil {
		return refuse(ErrFormat, "%s is not an array", memberDigests)
	}
	for _, quoted := range digests {
		digest, ok := readString(quoted)
		if !ok {
			return refuse(ErrFormat, "a digest is not a string")
		}
		found, err := r.take(string(digest), within)
		if err != nil {
			return err
		}
		if found == nil {
			continue
		}
		name, value, err := readDisclosure(found.text)
		switch {
		case err != nil:
			return err
		case name == nil:
			return refuse(ErrFormat, "a disclosure of an element stands for a member")
		case depth == 0 && slices.Contains(alwaysShown, *name):
			return refuse(ErrFormat, "%s is selectively disclosed", *name)
		}
		if err := r.enc.WriteToken(jsontext.String(*name)); err != nil {
			return err
		}
		if err := r.disclosed(found, value, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// disclosed writes the value of a disclosure, whose name, if any, was written.
func (r *revealing) disclosed(found *Disclosure, value jsontext.Value, depth int) error {
	found.Value = value
	if err := r.value(jsontext.NewDecoder(bytes.NewReader(value)), found, depth); err != nil {
		return err
	}
	found.Pointer = string(r.enc.StackPointer())
	return nil
}

// array copies an array. An element that is kept back leaves no gap.
func (r *revealing) array(d *jsontext.Decoder, within *Disclosure, depth int) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if err := r.enc.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if d.PeekKind() != '{' {
			if err := r.value(d, within, depth+1); err != nil {
				return err
			}
			continue
		}
		if depth+1 > strictjson.MaxDepth {
			return refuse(ErrTooLarge, "more than %d levels deep", strictjson.MaxDepth)
		}
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		name := ""
		begun := d.PeekKind() == '"'
		if begun {
			t, err := d.ReadToken()
			if err != nil {
				return err
			}
			name = t.String()
		}
		var err error
		if begun && name == memberElement {
			err = r.element(d, within, depth+1)
		} else {
			err = r.object(d, within, depth+1, name, begun)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	return r.enc.WriteToken(jsontext.EndArray)
}

// element puts an element in the place of its digest, of whose object the name was
// read.
func (r *revealing) element(d *jsontext.Decoder, within *Disclosure, depth int) error {
	quoted, err := d.ReadValue()
	if err != nil {
		return err
	}
	digest, ok := readString(quoted)
	if !ok || d.PeekKind() != '}' {
		return refuse(ErrFormat, "%s is not alone in an element of an array, with a digest", memberElement)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	found, err := r.take(string(digest), within)
	if err != nil || found == nil {
		return err
	}
	name, value, err := readDisclosure(found.text)
	if err != nil {
		return err
	}
	if name != nil {
		return refuse(ErrFormat, "a disclosure of a member stands for an element")
	}
	return r.disclosed(found, value, depth)
}

// concealing makes the payload of an SD-JWT.
type concealing struct {
	places      map[string]bool // that were not met yet
	disclosures [][]byte
}

// conceal puts digests in the places of a payload, and returns what they are of.
func conceal(payload []byte, places []string) (claims []byte, disclosures [][]byte, err error) {
	c := &concealing{places: map[string]bool{}}
	for _, p := range places {
		if c.places[p] = true; len(c.places) > maxDisclosures {
			return nil, nil, fmt.Errorf("concealing more than %d places", maxDisclosures)
		}
		if slices.Contains(alwaysShown, jsontext.Pointer(p).LastToken()) && jsontext.Pointer(p).Parent() == "" {
			return nil, nil, fmt.Errorf("concealing %s: it decides whether the rest is to be relied on", p)
		}
	}
	if v := jsontext.Value(payload); v.Kind() != '{' || !v.IsValid() {
		return nil, nil, errors.New("concealing a part of what is not a JSON object")
	}
	if claims, err = c.value(payload, ""); err != nil {
		return nil, nil, err
	}
	for p := range c.places {
		return nil, nil, fmt.Errorf("concealing %s: it is not there", p)
	}
	return claims, c.disclosures, nil
}

func (c *concealing) value(raw jsontext.Value, at jsontext.Pointer) (jsontext.Value, error) {
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	kind := d.PeekKind()
	if kind != '{' && kind != '[' {
		return raw, nil
	}
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	if err := enc.WriteToken(t); err != nil {
		return nil, err
	}
	var digests []string
	for n := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; n++ {
		name := strconv.Itoa(n)
		if kind == '{' {
			t, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			name = t.String()
			if name == memberDigests || name == memberAlgorithm || name == memberElement {
				return nil, fmt.Errorf("concealing what has a member %s", name)
			}
		}
		inner, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		place := at.AppendToken(name)
		inner, err = c.value(inner.Clone(), place)
		if err != nil {
			return nil, err
		}
		hidden := c.places[string(place)]
		delete(c.places, string(place))
		switch {
		case hidden && kind == '{':
			digest, err := c.disclosure(name, inner)
			if err != nil {
				return nil, err
			}
			digests = append(digests, digest)
			continue
		case hidden:
			digest, err := c.disclosure(inner)
			if err != nil {
				return nil, err
			}
			inner = jsontext.Value(`{"` + memberElement + `":"` + digest + `"}`)
		case kind == '{':
			if err := enc.WriteToken(jsontext.String(name)); err != nil {
				return nil, err
			}
		}
		if err := enc.WriteValue(inner); err != nil {
			return nil, err
		}
	}
	slices.Sort(digests) // so that their order does not tell which is which (RFC 9901 section 4.2.4.1)
	if digests != nil {
		if err := errors.Join(enc.WriteToken(jsontext.String(memberDigests)), json.MarshalEncode(enc, digests)); err != nil {
			return nil, err
		}
	}
	if at == "" {
		if err := errors.Join(enc.WriteToken(jsontext.String(memberAlgorithm)), enc.WriteToken(jsontext.String(digestAlgorithm))); err != nil {
			return nil, err
		}
	}
	if t, err = d.ReadToken(); err == nil {
		err = enc.WriteToken(t)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// disclosure adds one of a name, unless of an element, and a value, under a salt
// that is drawn for it, and returns its digest.
func (c *concealing) disclosure(parts ...any) (digest string, err error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails (crypto/rand)
	raw, err := json.Marshal(append([]any{base64URL.EncodeToString(salt)}, parts...))
	if err != nil {
		return "", err
	}
	text := base64URL.AppendEncode(nil, raw)
	c.disclosures = append(c.disclosures, text)
	return digestOf(text), nil
}
