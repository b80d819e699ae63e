package keys

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDIDDocument is the size in bytes of the largest DID document that is read,
// and maxMethods how many verification methods it may have.
const (
	MaxDIDDocument = 256 << 10
	maxMethods     = 64
)

// ownPurposes are the relationships of a DID that is nothing but a key
// (did:key section 3.1.2, did:jwk section "Read").
var ownPurposes = []string{"assertionMethod", "authentication"}

// ResolveDID returns the key that a did:key or did:jwk URL is made of; nothing
// is fetched. The URL may be the DID alone or name its one verification method.
// Controller is the DID, so the key proves nothing but that the same party
// speaks twice.
//
// Errors wrap [ErrUnknownKey] for any other method and for a fragment that the
// DID does not have, else [ErrFormat] or [ErrKeyPolicy].
func ResolveDID(didURL string) (*PublicKey, error) {
	did, fragment, named := strings.Cut(didURL, "#")
	var key crypto.PublicKey
	var only string // the one fragment
	var err error
	switch {
	case strings.HasPrefix(did, "did:key:"):
		only = strings.TrimPrefix(did, "did:key:")
		key, err = parseDIDKey(only)
	case strings.HasPrefix(did, "did:jwk:"):
		only = "0"
		var raw []byte
		if len(did) > MaxHeader {
			return nil, refuse(ErrTooLarge, "a did:jwk of %d bytes", len(did))
		}
		if raw, err = decodeBase64URL([]byte(strings.TrimPrefix(did, "did:jwk:"))); err != nil {
			return nil, refuse(ErrFormat, "did:jwk: %v", err)
		}
		key, err = parsePlainJWK(raw)
	default:
		return nil, refuse(ErrUnknownKey, "%.80q is neither did:key nor did:jwk", didURL)
	}
	if err != nil {
		return nil, err
	}
	if named && fragment != only {
		return nil, refuse(ErrUnknownKey, "%.80q has no verification method %.80q", did, fragment)
	}
	k := &PublicKey{ID: did + "#" + only, Controller: did, Key: key, Purposes: ownPurposes}
	if k.Alg, err = defaultAlgorithm(key); err != nil {
		return nil, refuse(ErrKeyPolicy, "%.80q: %v", did, err)
	}
	return k, nil
}

// parseDIDKey reads what follows did:key: a multikey, or a JWK in canonical JSON
// (jwk_jcs-pub), as the people of EBSI have it.
func parseDIDKey(text string) (crypto.PublicKey, error) {
	raw, err := decodeMultibase(text)
	if err != nil {
		return nil, refuse(ErrFormat, "did:key: %v", err)
	}
	jwk, ok := bytes.CutPrefix(raw, codecJWK)
	if !ok {
		return ParseMultikey(text)
	}
	canonical := jsontext.Value(bytes.Clone(jwk))
	if canonical.Canonicalize() != nil || !bytes.Equal(canonical, jwk) {
		return nil, refuse(ErrFormat, "did:key: a JWK that is not canonical JSON")
	}
	return parsePlainJWK(jwk)
}

// parsePlainJWK reads a JWK for its key alone. An RSA key keeps no algorithm:
// which one was meant is not known.
func parsePlainJWK(raw []byte) (crypto.PublicKey, error) {
	k, err := ParseJWK(raw)
	if err != nil {
		return nil, err
	}
	return k.Key, nil
}

// relationships of a DID document to its verification methods (Controlled
// Identifiers 1.0 section 2.3).
var relationships = []string{"assertionMethod", "authentication", "keyAgreement", "capabilityInvocation", "capabilityDelegation"}

// ParseDIDDocument reads the keys of a DID document or controlled identifier
// document, whose id must be did. Each key has in Purposes the relationships
// that name it, by reference or by holding it, and has its expires as NotAfter
// and its revoked as CompromisedAt.
//
// Verification methods of other types, with keys that are not allowed, or of
// another controller are left out. Errors wrap [ErrFormat] or [ErrTooLarge]: a
// document that is not understood as a whole vouches for no key.
func ParseDIDDocument(raw []byte, did string) ([]PublicKey, error) {
	if len(raw) > MaxDIDDocument {
		return nil, refuse(ErrTooLarge, "a DID document of %d bytes, where at most %d are read", len(raw), MaxDIDDocument)
	}
	document, err := readObject(raw)
	if err != nil {
		return nil, refuse(ErrFormat, "DID document: %v", err)
	}
	if name := nearMiss(document, append([]string{"id", "verificationMethod"}, relationships...)); name != "" {
		return nil, refuse(ErrFormat, "DID document: %q differs only in case from a member", name)
	}
	if id, ok := readString(document["id"]); !ok || string(id) != did {
		return nil, refuse(ErrFormat, "the DID document is not that of %.80q", did)
	}

	// 1. The methods, wherever they stand.
	d := didDocument{did: did, at: make(map[string]int)}
	methods, err := d.list(document["verificationMethod"])
	if err != nil {
		return nil, refuse(ErrFormat, "DID document: verificationMethod: %v", err)
	}
	for _, method := range methods {
		if _, err := d.method(method); err != nil {
			return nil, err
		}
	}

	// 2. What each is for. A reference may come before the method that another
	// relationship holds.
	type reference struct{ purpose, id string }
	var references []reference
	for _, purpose := range relationships {
		items, err := d.list(document[purpose])
		if err != nil {
			return nil, refuse(ErrFormat, "DID document: %s: %v", purpose, err)
		}
		for _, item := range items {
			if text, ok := readString(item); ok {
				references = append(references, reference{purpose, d.absolute(string(text))})
				continue
			}
			id, err := d.method(item)
			if err != nil {
				return nil, err
			}
			references = append(references, reference{purpose, id})
		}
	}
	for _, r := range references {
		if i, ok := d.at[r.id]; ok && i >= 0 && !slices.Contains(d.keys[i].Purposes, r.purpose) {
			d.keys[i].Purposes = append(d.keys[i].Purposes, r.purpose)
		}
	}
	return d.keys, nil
}

// didDocument is a DID document being read.
type didDocument struct {
	did   string
	keys  []PublicKey
	at    map[string]int // id of a method to its key, -1 where it was left out
	items int
}

// list reads an array, nil where it is absent.
func (d *didDocument) list(raw jsontext.Value) ([]jsontext.Value, error) {
	if raw == nil {
		return nil, nil
	}
	var items []jsontext.Value
	if err := json.Unmarshal(raw, &items); err != nil || items == nil {
		return nil, fmt.Errorf("not an array")
	}
	if d.items += len(items); d.items > maxMethods*(1+len(relationships)) {
		return nil, fmt.Errorf("more than %d verification methods", maxMethods)
	}
	return items, nil
}

// absolute resolves a DID URL that is only a fragment.
func (d *didDocument) absolute(id string) string {
	if strings.HasPrefix(id, "#") {
		return d.did + id
	}
	return id
}

// method reads a verification method (Controlled Identifiers 1.0 section 2.2)
// and returns its id.
func (d *didDocument) method(raw jsontext.Value) (string, error) {
	members, err := readObject(raw)
	if err != nil {
		return "", refuse(ErrFormat, "verification method: %v", err)
	}
	text := make(map[string]string)
	for _, name := range []string{"id", "type", "controller", "expires", "revoked", "publicKeyMultibase"} {
		v, ok := members[name]
		if !ok {
			continue
		}
		s, ok := readString(v)
		if !ok || len(s) == 0 {
			return "", refuse(ErrFormat, "verification method: %s is not a string with content", name)
		}
		text[name] = string(s)
	}

	// 1. Which, and whose.
	id := d.absolute(text["id"])
	if _, twice := d.at[id]; twice {
		return "", refuse(ErrFormat, "verification method %.80q stands twice", id)
	}
	if len(d.at) == maxMethods {
		return "", refuse(ErrTooLarge, "more than %d verification methods", maxMethods)
	}
	d.at[id] = -1
	fragment, own := strings.CutPrefix(id, d.did+"#")
	if !own || fragment == "" || text["controller"] != d.did {
		return id, nil
	}

	// 2. Until when.
	k := PublicKey{ID: id, Controller: d.did, Purposes: []string{}}
	for name, into := range map[string]*time.Time{"expires": &k.NotAfter, "revoked": &k.CompromisedAt} {
		if s, ok := text[name]; ok {
			if *into, err = parseDateTimeStamp(s); err != nil {
				return "", refuse(ErrFormat, "verification method %.80q: %s %v", id, name, err)
			}
		}
	}

	// 3. The key: exactly one, in the form that the type says.
	jwk, hasJWK := members["publicKeyJwk"]
	multikey, hasMultikey := text["publicKeyMultibase"]
	switch {
	case hasJWK && hasMultikey:
		return id, nil
	case text["type"] == "Multikey" && hasMultikey:
		k.Key, err = ParseMultikey(multikey)
	case (text["type"] == "JsonWebKey" || text["type"] == "JsonWebKey2020") && hasJWK:
		var parsed *PublicKey
		if parsed, err = ParseJWK(jwk); err == nil {
			k.Key, k.Alg = parsed.Key, parsed.Alg
		}
	default:
		return id, nil
	}
	if err != nil {
		return id, nil
	}
	d.at[id] = len(d.keys)
	d.keys = append(d.keys, k)
	return id, nil
}
