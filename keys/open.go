package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/alike"
	"indeks/strictjson"
)

// Open parses a token of any form strictly, finds the key of every seal by r,
// and verifies every signature. It refuses what libraries let through: white
// space inside tokens, loose base64url tails, an empty or unknown crit,
// b64=false without crit, alg or kid in the unprotected header, keys of another
// use, RSA under 2048 bits, signature beside signatures.
//
// The error is an [*OpenError], unless r returns an error that is none of the
// sentinels: that one is returned wrapped, so that "could not ask" does not
// turn into "unknown".
//
// An ECDSA signature (r, n-s) verifies if (r, s) does, so two different tokens
// can hold the same seal: what tells credentials apart is the payload, never
// the token's text. Whether a key was in its period, and whose it is, is not
// judged here.
func Open(ctx context.Context, token []byte, r Resolver) (*Opened, error) {
	return credentials.open(ctx, alike.Whole(token), nil, r)
}

// OpenKnown is [Open] for whoever has the payload that is to be in the token: it is
// compared there instead of being taken out, so that Opened has none, and the error is
// ErrOtherPayload where it is another one. Its beginning is remembered, and must not
// change.
func OpenKnown(ctx context.Context, token, known alike.Text, r Resolver) (*Opened, error) {
	if known.Len() == 0 {
		return nil, refuse(ErrOtherPayload, "no token has an empty one")
	}
	if len(known.Head) > 0 { // as SealText
		known = alike.Whole(known.Bytes())
	}
	return credentials.open(ctx, token, &known, r)
}

// OpenPresentation is [Open] for presentations: a compact JWS of typ vp+jwt
// (VC-JOSE-COSE section 3.1.2) or JWT (VC Data Model 1.1 section 6.3.1). A key
// that states purposes must be for authentication. What the presentation holds is
// still sealed, or not, on its own.
func OpenPresentation(ctx context.Context, token []byte, r Resolver) (*Opened, error) {
	return presentations.open(ctx, alike.Whole(token), nil, r)
}

// OpenTrust is [Open] for a sealed trust file, which is a [TrustJWT] and nothing
// else: a credential that the same key sealed is refused with ErrHeader.
func OpenTrust(ctx context.Context, token []byte, r Resolver) (*Opened, error) {
	return trustFiles.open(ctx, alike.Whole(token), nil, r)
}

// LogPurpose is the purpose of a key that seals heads of an audit log and nothing
// else, so that who gets hold of a key for credentials cannot seal heads.
const LogPurpose = "log"

// OpenLogHead is [Open] for the head of an audit log, which is a [LogHead] and
// nothing else. A key for credentials may have sealed it, too: how much it is
// worth then is for the caller to judge.
func OpenLogHead(ctx context.Context, token []byte, r Resolver) (*Opened, error) {
	return logHeads.open(ctx, alike.Whole(token), nil, r)
}

// OpenWithdrawal is [Open] for an issuer's word on why a credential was withdrawn,
// which is a [Withdrawal] and nothing else.
func OpenWithdrawal(ctx context.Context, token []byte, r Resolver) (*Opened, error) {
	return withdrawals.open(ctx, alike.Whole(token), nil, r)
}

// OpenArchiveSeal is [Open] for an institution's word on the files of an archive,
// which is an [ArchiveSeal] and nothing else.
func OpenArchiveSeal(ctx context.Context, token []byte, r Resolver) (*Opened, error) {
	return archiveSeals.open(ctx, alike.Whole(token), nil, r)
}

// kind is what is opened: by its forms, and the purposes of keys that seal it.
type kind struct {
	name     string
	purposes []string
	forms    []Form
}

// No token is of two kinds, but for form JWT: whether such a one holds a
// credential or a presentation, its payload tells.
var (
	credentials   = kind{"credential", []string{"assertionMethod"}, []Form{VCJWT, JWT, JAdES, JWS, SDJWT}}
	presentations = kind{"presentation", []string{"authentication"}, []Form{VPJWT, JWT}}
	trustFiles    = kind{"trust file", []string{"assertionMethod"}, []Form{TrustJWT}}
	logHeads      = kind{"head of a log", []string{LogPurpose, "assertionMethod"}, []Form{LogHead}}
	withdrawals   = kind{"withdrawal", []string{"assertionMethod"}, []Form{Withdrawal}}
	archiveSeals  = kind{"seal of an archive", []string{"assertionMethod"}, []Form{ArchiveSeal}}
)

// holds returns an error for a token of another kind.
func (k kind) holds(h Header) error {
	if !slices.Contains(k.forms, h.Form) {
		return refuse(ErrHeader, "typ %.40q is not that of a %s", h.Typ, k.name)
	}
	return nil
}

// open opens a token; known is what is to be in it where the caller has that, else nil.
func (k kind) open(ctx context.Context, token alike.Text, known *alike.Text, r Resolver) (*Opened, error) {
	// 1. Structure and header rules of the whole token, before any key is sought.
	e, err := parse(token, k, known)
	if err != nil {
		return nil, err
	}
	if known != nil && !e.compared && !known.Equal(alike.Whole(e.payload)) {
		return nil, refuse(ErrOtherPayload, "it is not the one that is known")
	}

	// 2. Each seal must hold: one bad signature spoils the token.
	opened := &Opened{Payload: e.payload, Form: e.form, Concealed: e.concealed, known: known}
	if known != nil {
		opened.Payload = nil
	}
	for _, s := range e.seals {
		key, err := resolve(ctx, r, s.header)
		if err != nil {
			return nil, err
		}
		if err := permit(s.header.Alg, key, k.purposes...); err != nil {
			return nil, err
		}
		if !verifyWith(hasherIn(&openedLately.hashes), s.header.Alg, key, s.signature, s.protected, dot, e.input.Beginning, e.input.Rest) {
			return nil, refuse(ErrSignature, "payload, header or signature was changed, or another key was used")
		}
		opened.Seals = append(opened.Seals, Seal{Header: s.header, Key: key, Signature: s.signature, Unsigned: unsignedNames(s.etsiU)})
	}
	return opened, nil
}

// resolve asks r for a key. What r says of an unknown or a forbidden key becomes
// an OpenError; any other error of it is passed on.
func resolve(ctx context.Context, r Resolver, h Header) (*PublicKey, error) {
	key, err := r.Resolve(ctx, h)
	for _, sentinel := range []error{ErrUnknownKey, ErrKeyPolicy} {
		if errors.Is(err, sentinel) {
			if own, ok := errors.AsType[*OpenError](err); ok {
				return nil, own
			}
			return nil, refuse(sentinel, "key %.80q: %s", h.KeyID, strings.TrimPrefix(err.Error(), sentinel.Error()+": "))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("resolving key %.80q: %w", h.KeyID, err)
	}
	if key == nil {
		return nil, refuse(ErrUnknownKey, "key %.80q", h.KeyID)
	}
	return key, nil
}

// PayloadUnsafe returns the payload without checking any seal. It exists to
// tell which issuer a token claims when no key was found; never show its result
// as fact. Structure and header rules are held as by [Open].
func PayloadUnsafe(token []byte) ([]byte, error) {
	e, err := parse(alike.Whole(token), credentials, nil)
	if err != nil {
		return nil, err
	}
	return e.payload, nil
}

// PresentationUnsafe is [PayloadUnsafe] for presentations. It exists to tell a
// presentation from a credential, and to find the credentials in one whose
// holder is not known.
func PresentationUnsafe(token []byte) ([]byte, error) {
	e, err := parse(alike.Whole(token), presentations, nil)
	if err != nil {
		return nil, err
	}
	return e.payload, nil
}

// SignaturesUnsafe returns the values of the signatures of a sealed credential of
// any form, none of which it checks. It exists to tell two seals apart.
func SignaturesUnsafe(token []byte) (values [][]byte, err error) {
	e, err := parse(alike.Whole(token), credentials, nil)
	if errors.Is(err, ErrNotSealed) {
		_, proofs, err := parseProofs(token, &ProofOptions{})
		for _, p := range proofs {
			values = append(values, p.signature)
		}
		return values, err
	}
	if err != nil {
		return nil, err
	}
	for _, s := range e.seals {
		values = append(values, s.signature)
	}
	return values, nil
}

// TypUnsafe returns the typ of a compact token, without "application/", whose
// other rules it does not look at; "" where there is none that can be read.
func TypUnsafe(token []byte) string {
	protected, _, _ := bytes.Cut(token[:min(len(token), MaxHeader)], []byte("."))
	raw, err := decodeBase64URL(protected)
	if err != nil {
		return ""
	}
	var typ string
	if !plainMembers(raw, func(name string, value jsontext.Value) {
		if name == "typ" && value.Kind() == '"' {
			typ = string(value[1 : len(value)-1])
		}
	}) {
		header, err := strictjson.Parse(raw)
		if err != nil {
			return ""
		}
		typ, _ = header.Get("typ").Text()
	}
	return strings.TrimPrefix(typ, "application/")
}

// maxUnsigned is how many unsigned properties are looked at.
const maxUnsigned = 64

// unsignedProperties returns the entries of etsiU, nothing where it is nonsense:
// it is not signed, so it must not be able to spoil a seal.
func unsignedProperties(etsiU jsontext.Value) []jsontext.Value {
	var items []jsontext.Value
	if etsiU == nil || json.Unmarshal(etsiU, &items) != nil {
		return nil
	}
	return items[:min(len(items), maxUnsigned)]
}

// unsignedNames lists the names of the unsigned properties.
func unsignedNames(etsiU jsontext.Value) []string {
	var names []string
	for _, item := range unsignedProperties(etsiU) {
		if name := unsignedName(item); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// unsignedName returns the name of an unsigned property, which is an object of
// one member, clear or base64url (ETSI TS 119 182-1 section 5.3.1). Time stamps
// and revocation lists are long, so only the beginning is decoded.
func unsignedName(item jsontext.Value) string {
	object := []byte(item)
	if text, ok := readString(item); ok {
		head, err := decodeBase64URL(text[:min(len(text), 64)])
		if err != nil {
			return ""
		}
		object = head
	}
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return ""
	}
	t, err := d.ReadToken()
	if err != nil || t.Kind() != '"' {
		return ""
	}
	return t.String()
}
