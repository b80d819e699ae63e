package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"indeks/alike"
	"indeks/strictjson"
)

// Sealer seals in the institution's name with one key. It is safe for
// concurrent use.
type Sealer struct {
	ring *Ring
	kid  string
}

// Public returns the key that verifies what this sealer seals.
func (s *Sealer) Public() *PublicKey {
	return s.ring.key(s.kid).public() // keys are never deleted
}

// Seal seals payload in form VCJWT, JWT, JAdES, SDJWT with nothing that can be kept back, TrustJWT, LogHead, Withdrawal or ArchiveSeal; at is the time of sealing
// (whole seconds) and stands in the header as iat. For VCJWT kid is the key's ID
// and typ "vc+jwt"; x5c is added where a certification authority vouches for the
// key. TrustJWT always has x5c, so that the key's thumbprint is all that somebody
// who opens it needs to know. JAdES is baseline B-B (ETSI TS 119 182-1), needs a key with a
// certificate, and seals UTF-8 only.
//
// Everything but the signature is a function of payload, form, at and the key.
// Seal returns ErrNoKey for a key that has been revoked meanwhile, and an error
// where at lies outside the period of the key or its certificate, since no
// verifier would accept the token.
func (s *Sealer) Seal(payload []byte, form Form, at time.Time) ([]byte, error) {
	if form == SDJWT {
		return s.SealDisclosable(payload, nil, at)
	}
	token, err := s.SealText(alike.Whole(payload), form, at)
	return token.Bytes(), err
}

// beginnings are what is remembered of payloads that begin alike.
type beginnings struct {
	hashes alike.Hashes // of signing inputs
	texts  alike.Forms  // base64url
	quoted alike.Forms  // JSON strings without quotation marks
}

// What was sealed and what was opened are remembered apart from each other, so that
// what checks a seal rests on nothing that made it.
var sealedLately, openedLately beginnings

// SealText is Seal for whoever knows what others begin with, too, which need not be hashed
// and encoded for each; in form SDJWT it is without what follows the token.
func (s *Sealer) SealText(payload alike.Text, form Form, at time.Time) (token alike.Text, err error) {
	k := s.ring.key(s.kid)
	at = at.Truncate(time.Second)
	if err := errors.Join(k.maySeal(at), k.mayBe(form)); err != nil {
		return alike.Text{}, fmt.Errorf("sealing with key %s: %w", k.kid, err)
	}
	if payload.Len() == 0 {
		return alike.Text{}, errors.New("sealing an empty payload")
	}
	if len(payload.Head) > 0 { // a payload begins with what others begin with, or it is whole
		payload = alike.Whole(payload.Bytes())
	}
	switch form {
	case VCJWT, JWT, SDJWT, TrustJWT, LogHead, Withdrawal, ArchiveSeal:
		token, err = k.sealCompact(payload, form, at, signWith)
	case JAdES:
		token, err = k.sealJAdES(payload, at)
	default:
		err = errors.New("this form is not sealed, only opened")
	}
	if err == nil && token.Len() > MaxToken {
		err = refuse(ErrTooLarge, "%d bytes, where at most %d are read", token.Len(), MaxToken)
	}
	if err != nil {
		return alike.Text{}, fmt.Errorf("sealing as %s: %w", form, err)
	}
	return token, nil
}

// SealExtract is Seal in form VCJWT for what is printed as a code: it leaves x5c out,
// so only those can check it who know the key, and an ES256, ES384 or EdDSA key gives
// the same token each time (RFC 6979), so that what is printed again is the same.
func (s *Sealer) SealExtract(payload []byte, at time.Time) ([]byte, error) {
	k := s.ring.key(s.kid)
	at = at.Truncate(time.Second)
	if err := errors.Join(k.maySeal(at), k.mayBe(VCJWT)); err != nil {
		return nil, fmt.Errorf("sealing an extract with key %s: %w", k.kid, err)
	}
	if len(payload) == 0 {
		return nil, errors.New("sealing an empty extract")
	}
	token, err := k.sealCompact(alike.Whole(payload), short, at, signAgain)
	if err != nil {
		return nil, fmt.Errorf("sealing an extract: %w", err)
	}
	return token.Bytes(), nil
}

// short is VCJWT without x5c.
const short Form = "short " + VCJWT

// compactHeader is the protected header of a compact token.
type compactHeader struct {
	Alg Algorithm `json:"alg"`
	IAT int64     `json:"iat"`
	KID string    `json:"kid"`
	Typ string    `json:"typ"`
	X5C []string  `json:"x5c,omitempty"`
}

// sealCompact makes a compact JWS (VC-JOSE-COSE section 3.1.1), whose typ is the
// form. The time of sealing is in the header, because the payload is what is
// sealed and nothing else. It is written here and not by go-jose, which copies the
// payload several times; go-jose reads it in tests.
func (k *ringKey) sealCompact(payload alike.Text, form Form, at time.Time, sign signer) (token alike.Text, err error) {
	protected, err := k.protected(form, at, func() (any, error) {
		h := compactHeader{Alg: k.alg, IAT: at.Unix(), KID: k.kid, Typ: string(form)}
		switch form {
		case JWT:
			h.Typ = "JWT" // RFC 7519 section 5.1 recommends capitals
		case short:
			h.Typ = string(VCJWT)
		}
		if leaf := k.chain[0]; form == short {
			// Nobody who reads a code needs a certificate whose key is known by its id.
		} else if form == TrustJWT || form != LogHead && !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
			h.X5C = k.x5c()
		}
		return h, nil
	})
	if err != nil {
		return alike.Text{}, err
	}
	payload = payload.Cut(len(payload.Beginning) / 3 * 3) // four characters each
	beginning := sealedLately.texts.Of(payload.Beginning, appendBase64URL)
	if beginning == nil {
		payload = alike.Whole(payload.Bytes())
	}
	rest := appendBase64URL(make([]byte, 0, base64URL.EncodedLen(len(payload.Rest))+roomForSignature), payload.Rest)
	signature, err := sign(hasherIn(&sealedLately.hashes), k.alg, k.private, protected, dot, beginning, rest)
	if err != nil {
		return alike.Text{}, err
	}
	return alike.Text{Head: slices.Concat(protected, dot), Beginning: beginning, Rest: appendBase64URL(append(rest, '.'), signature)}, nil
}

// roomForSignature is what the usual signatures take in base64url, of ECDSA and EdDSA.
const roomForSignature = 132

// dot stands between the parts of a compact token, and of what is signed.
var dot = []byte(".")

// jadesHeader is the protected header of a baseline B-B signature. Its members
// stand in the order in which European Digital Credentials have them.
type jadesHeader struct {
	Alg  Algorithm `json:"alg"`
	Cty  string    `json:"cty"`
	KID  []byte    `json:"kid"` // base64 of DER IssuerSerial
	X5T  string    `json:"x5t#S256"`
	X5C  []string  `json:"x5c"`
	Typ  string    `json:"typ"`
	B64  bool      `json:"b64"`
	IAT  int64     `json:"iat"`
	Crit []string  `json:"crit"`
}

// sealJAdES makes a JAdES baseline B-B signature in the general JSON
// serialization with b64=false, as European Digital Credentials have it:
// payload is the first member, a string.
func (k *ringKey) sealJAdES(payload alike.Text, at time.Time) (token alike.Text, err error) {
	escaped := sealedLately.quoted.Known(payload.Beginning) // then it is valid
	if escaped == nil && utf8.Valid(payload.Beginning) {    // and does not end within a character
		escaped = sealedLately.quoted.Of(payload.Beginning, strictjson.AppendEscaped)
	}
	if escaped == nil {
		payload = alike.Whole(payload.Bytes())
	}
	if !utf8.Valid(payload.Rest) {
		return alike.Text{}, errors.New("the payload is not valid UTF-8")
	}
	protected, err := k.protected(JAdES, at, func() (any, error) {
		leaf := k.chain[0]
		if err := checkSealCertificate(leaf, k.private.Public(), at); err != nil {
			return nil, err
		}
		kid, err := issuerSerial(leaf)
		return jadesHeader{
			Alg: k.alg, Cty: "octet-stream", KID: kid, X5T: certificateThumbprint(leaf), X5C: k.x5c(),
			Typ: "jose+json", B64: false, IAT: at.Unix(), Crit: []string{"b64"},
		}, err
	})
	if err != nil {
		return alike.Text{}, err
	}
	signature, err := signWith(hasherIn(&sealedLately.hashes), k.alg, k.private, protected, dot, payload.Beginning, payload.Rest)
	if err != nil {
		return alike.Text{}, err
	}
	n := len(payload.Rest)
	rest := strictjson.AppendEscaped(make([]byte, 0, n+n/4+len(jadesProtected)+len(protected)+len(jadesSignature)+roomForSignature+len(jadesEnd)), payload.Rest)
	rest = append(append(append(rest, jadesProtected...), protected...), jadesSignature...)
	rest = append(appendBase64URL(rest, signature), jadesEnd...)
	return alike.Text{Head: []byte(jadesPayload), Beginning: escaped, Rest: rest}, nil
}

// What stands between payload, header and signature of a JAdES token that is sealed here.
const (
	jadesPayload   = `{"payload":"`
	jadesProtected = `","signatures":[{"protected":"`
	jadesSignature = `","signature":"`
	jadesEnd       = `"}]}`
)

// protectedHeader is one as a token has it, of seals that are made at an instant.
type protectedHeader struct {
	at   time.Time
	text []byte // base64url of JSON
}

// headers are those of the last seal in each form: they rest on the key, the form and
// the second alone, and a class has hundreds in a second.
type headers struct {
	mu   sync.Mutex
	made map[Form]protectedHeader
}

// protected returns the header of a seal, as made makes it.
func (k *ringKey) protected(form Form, at time.Time, made func() (any, error)) ([]byte, error) {
	if k.headers != nil {
		k.headers.mu.Lock()
		defer k.headers.mu.Unlock()
		if last := k.headers.made[form]; last.text != nil && last.at.Equal(at) {
			return last.text, nil
		}
	}
	h, err := made()
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	text := appendBase64URL(nil, header)
	if k.headers != nil {
		k.headers.made[form] = protectedHeader{at, text}
	}
	return text, nil
}

// x5c is the chain as the header parameter of that name has it: standard
// base64, leaf first, without the root.
func (k *ringKey) x5c() []string {
	list := make([]string, len(k.chain))
	for i, c := range k.chain {
		list[i] = base64.StdEncoding.EncodeToString(c.Raw)
	}
	return list
}
