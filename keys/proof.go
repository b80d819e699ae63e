package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Cryptosuites of Data Integrity (VC Data Integrity EdDSA 1.0 section 3.2, ECDSA
// 1.0 section 3.2). There is one list for adding and opening proofs.
const (
	EdDSARDFC2022 = "eddsa-rdfc-2022" // Ed25519
	ECDSARDFC2019 = "ecdsa-rdfc-2019" // P-256 with SHA-256, P-384 with SHA-384
)

// MaxProofDocument is the size in bytes of the largest document with an embedded
// proof that is read. It is less than MaxToken because every byte of such a
// document is worked on, not only hashed.
const MaxProofDocument = 512 << 10

// ProofOptions say what a proof must say, or will say.
type ProofOptions struct {
	Purpose   string // proofPurpose, "" means "assertionMethod"
	Challenge string // "": any or none when opening, none when adding
	Domain    string // the same; when opening it must be one of the proof's
	// Canonicalize returns the canonical N-Quads (RDFC-1.0 with this hash) of a
	// JSON-LD document. It must refuse what it would leave out, and bound its work.
	Canonicalize func(doc []byte, hash crypto.Hash) ([]byte, error)
}

func (o *ProofOptions) purpose() string {
	if o.Purpose == "" {
		return "assertionMethod"
	}
	return o.Purpose
}

// proofMembers are those a proof may have (VC Data Integrity 1.0 section 2.1). A
// member of another name would be sealed and never looked at.
var proofMembers = []string{
	"id", "type", "cryptosuite", "created", "expires", "verificationMethod", "proofPurpose",
	"domain", "challenge", "nonce", "previousProof", "proofValue",
}

// proof is one embedded proof, its members checked but for the signature.
type proof struct {
	header    Header
	id        string
	previous  []string
	raw       jsontext.Value // as it stands in the document
	options   []byte         // without proofValue, under the document's @context
	signature []byte
}

// OpenProof verifies every proof embedded in a JSON-LD document (VC Data
// Integrity 1.0 section 4.4 and 4.5) and returns the document without them, its
// other bytes unchanged. The proofs are sealed as [Open] has it: one that is
// wrong spoils the document. Header has what a proof says in place of a JWS
// header: KeyID is verificationMethod, SealedAt created, Expires expires.
//
// What is sealed is the meaning of the document, not its bytes: the order of
// members and of most arrays, white space and the names of contexts are not.
//
// The error is an [*OpenError], of which [ErrNotSealed] where there is no proof,
// but for errors of r, as with Open, and those of o.Canonicalize, which are
// returned wrapped. Whether a proof has expired or a key was in its period, and
// whose it is, is not judged here.
func OpenProof(ctx context.Context, doc []byte, o ProofOptions, r Resolver) (*Opened, error) {
	// 1. Structure and rules of all proofs, before any key is sought.
	bare, proofs, err := parseProofs(doc, &o)
	if err != nil {
		return nil, err
	}

	// 2. Each proof must hold. What is sealed is worked out once for all proofs of
	// one hash that do not build on others.
	opened := &Opened{Payload: bare, Form: DataIntegrity}
	documents := make(map[crypto.Hash][]byte)
	for _, p := range proofs {
		key, err := resolve(ctx, r, p.header)
		if err != nil {
			return nil, err
		}
		if p.header.Alg, err = suiteAlgorithm(p.header.Cryptosuite, key.Key); err != nil {
			return nil, refuse(ErrKeyPolicy, "key %.80q: %v", key.ID, err)
		}
		if err := permit(p.header.Alg, key, o.purpose()); err != nil {
			return nil, err
		}
		hash := proofHash(p.header.Alg)
		sealed := documents[hash]
		switch {
		case len(p.previous) > 0:
			if sealed, err = canonicalChain(bare, p, proofs, hash, &o); err != nil {
				return nil, err
			}
		case sealed == nil:
			if sealed, err = o.Canonicalize(bare, hash); err != nil {
				return nil, fmt.Errorf("canonicalizing the document: %w", err)
			}
			documents[hash] = sealed
		}
		options, err := o.Canonicalize(p.options, hash)
		if err != nil {
			return nil, fmt.Errorf("canonicalizing the options of a proof: %w", err)
		}
		if !verify(p.header.Alg, key, p.signature, hashData(hash, options, sealed)) {
			return nil, refuse(ErrSignature, "document or proof was changed, or another key was used")
		}
		opened.Seals = append(opened.Seals, Seal{Header: p.header, Key: key, Signature: p.signature})
	}
	return opened, nil
}

// DocumentUnsafe returns a document without its proofs, none of which it checks.
// It is to OpenProof what [PayloadUnsafe] is to Open.
func DocumentUnsafe(doc []byte) ([]byte, error) {
	if _, err := readObject(doc); err != nil {
		return nil, refuse(ErrFormat, "%v", err)
	}
	bare, err := withoutMember(doc, "proof")
	if err != nil {
		return nil, refuse(ErrFormat, "%v", err) // unreachable: readObject has read it
	}
	return bare, nil
}

// suiteAlgorithm is the algorithm that a cryptosuite uses with a key.
func suiteAlgorithm(cryptosuite string, key crypto.PublicKey) (Algorithm, error) {
	switch key := key.(type) {
	case ed25519.PublicKey:
		if cryptosuite == EdDSARDFC2022 {
			return EdDSA, nil
		}
	case *ecdsa.PublicKey:
		if cryptosuite == ECDSARDFC2019 && key.Curve == elliptic.P384() {
			return ES384, nil
		}
		if cryptosuite == ECDSARDFC2019 && key.Curve == elliptic.P256() {
			return ES256, nil
		}
	}
	return "", fmt.Errorf("%s is not used with keys of type %T", cryptosuite, key)
}

// proofHash is the one hash of a proof: of canonicalization, of what was
// canonicalized, and of ECDSA (ECDSA section 3.2). Ed25519 has its own beside it.
func proofHash(alg Algorithm) crypto.Hash {
	if alg == ES384 {
		return crypto.SHA384
	}
	return crypto.SHA256
}

// hashData joins the hashes of proof options and document, which is what is
// signed (EdDSA section 3.2.4, ECDSA section 3.2.4).
func hashData(h crypto.Hash, options, document []byte) []byte {
	return append(digest(h, options), digest(h, document)...)
}

// canonicalChain canonicalizes what a proof with previousProof seals: the
// document with the proofs that it names (VC Data Integrity 1.0 section 4.5).
func canonicalChain(bare []byte, p *proof, all []*proof, hash crypto.Hash, o *ProofOptions) ([]byte, error) {
	var previous []jsontext.Value
	for _, id := range p.previous {
		i := slices.IndexFunc(all, func(other *proof) bool { return other.id == id && other != p })
		if i < 0 {
			return nil, refuse(ErrHeader, "a proof builds on %.80q, which is not there", id)
		}
		previous = append(previous, all[i].raw)
	}
	list, err := json.Marshal(previous)
	if err != nil {
		return nil, err // unreachable: each was read before
	}
	document, err := o.Canonicalize(appendMember(bare, "proof", list), hash)
	if err != nil {
		return nil, fmt.Errorf("canonicalizing the document with earlier proofs: %w", err)
	}
	return document, nil
}

// appendMember adds a member to the end of a JSON object that has members.
func appendMember(object []byte, name string, value []byte) []byte {
	object = bytes.TrimRight(object, whiteSpace)
	object = append(bytes.Clone(object[:len(object)-1]), `,"`...)
	object = append(append(object, name...), `":`...)
	return append(append(object, value...), '}')
}

// parseProofs takes the proofs out of a document.
func parseProofs(doc []byte, o *ProofOptions) ([]byte, []*proof, error) {
	if len(doc) > MaxToken {
		return nil, nil, refuse(ErrTooLarge, "%d bytes, where at most %d are read", len(doc), MaxToken)
	}
	members, err := readObject(doc)
	if err != nil {
		return nil, nil, refuse(ErrFormat, "%v", err)
	}
	if name := nearMiss(members, []string{"proof", "@context"}); name != "" {
		return nil, nil, refuse(ErrFormat, "%q differs only in case from a member of a sealed document", name)
	}
	raw, ok := members["proof"]
	if !ok {
		return nil, nil, refuse(ErrNotSealed, "the document carries no proof")
	}
	if len(doc) > MaxProofDocument {
		return nil, nil, refuse(ErrTooLarge, "%d bytes with a proof, where at most %d are read", len(doc), MaxProofDocument)
	}
	list := []jsontext.Value{raw}
	if raw.Kind() == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, nil, refuse(ErrFormat, "proof: %v", err) // unreachable: readObject has read it
		}
	}
	switch {
	case len(list) == 0:
		return nil, nil, refuse(ErrNotSealed, "the list of proofs is empty")
	case len(list) > MaxSignatures:
		return nil, nil, refuse(ErrTooLarge, "%d proofs, where at most %d are read", len(list), MaxSignatures)
	case members["@context"] == nil:
		return nil, nil, refuse(ErrHeader, "a proof without any @context")
	}
	var proofs []*proof
	for _, one := range list {
		p, err := readProof(one, members["@context"], o)
		if err != nil {
			return nil, nil, err
		}
		if p.id != "" && slices.ContainsFunc(proofs, func(other *proof) bool { return other.id == p.id }) {
			return nil, nil, refuse(ErrHeader, "two proofs have the id %.80q", p.id)
		}
		proofs = append(proofs, p)
	}
	bare, err := withoutMember(doc, "proof")
	if err != nil {
		return nil, nil, refuse(ErrFormat, "%v", err) // unreachable: readObject has read it
	}
	return bare, proofs, nil
}

// withoutMember cuts a member out of a JSON object, where it has it, and leaves
// every other byte.
func withoutMember(object []byte, name string) ([]byte, error) {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		if d.PeekKind() == '}' {
			return object, nil
		}
		before := d.InputOffset() // behind the last value, or the opening brace
		t, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		found := t.String() == name
		if err := d.SkipValue(); err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		after := d.InputOffset()
		if first { // then the comma to go is the one behind
			rest := bytes.TrimLeft(object[after:], whiteSpace)
			rest = bytes.TrimPrefix(rest, []byte(","))
			return slices.Concat(object[:before], rest), nil
		}
		return slices.Concat(object[:before], object[after:]), nil
	}
}

// readProof reads one proof and holds it to every rule that needs no key.
func readProof(raw, context jsontext.Value, o *ProofOptions) (*proof, error) {
	members, err := readObject(raw)
	if err != nil {
		return nil, refuse(ErrFormat, "proof: %v", err)
	}
	p := &proof{raw: raw, header: Header{Form: DataIntegrity}}

	// 1. Which proof: an unknown kind is named as that, whatever else it holds.
	text := make(map[string]string)
	for _, name := range []string{"type", "cryptosuite", "id", "created", "expires", "verificationMethod", "proofPurpose", "challenge", "nonce", "proofValue"} {
		v, ok := members[name]
		if !ok {
			continue
		}
		s, ok := readString(v)
		if !ok || len(s) == 0 {
			return nil, refuse(ErrHeader, "proof: %s is not a string with content", name)
		}
		text[name] = string(s)
	}
	if text["type"] == "" {
		return nil, refuse(ErrHeader, "proof: type is missing")
	}
	if p.header.Cryptosuite = text["cryptosuite"]; text["type"] != "DataIntegrityProof" || p.header.Cryptosuite != EdDSARDFC2022 && p.header.Cryptosuite != ECDSARDFC2019 {
		return nil, refuse(ErrAlgorithm, "proof of type %.40q, cryptosuite %.40q", text["type"], p.header.Cryptosuite)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) { // told the same each time
		if !slices.Contains(proofMembers, name) {
			return nil, refuse(ErrHeader, "proof: %.40q is not a member of a proof", name)
		}
	}

	// 2. What it is for, and for whom.
	if text["proofPurpose"] != o.purpose() {
		return nil, refuse(ErrHeader, "proof: proofPurpose is %.40q, not %q", text["proofPurpose"], o.purpose())
	}
	if o.Challenge != "" && text["challenge"] != o.Challenge {
		return nil, refuse(ErrHeader, "proof: challenge is not the one that was given")
	}
	p.header.Challenge = text["challenge"]
	if p.header.Domains, err = oneOrMore(members["domain"]); err != nil {
		return nil, refuse(ErrHeader, "proof: domain %v", err)
	}
	if o.Domain != "" && !slices.Contains(p.header.Domains, o.Domain) {
		return nil, refuse(ErrHeader, "proof: domain is not %.80q", o.Domain)
	}

	// 3. Times.
	for _, m := range []struct {
		name string
		into *time.Time
	}{{"created", &p.header.SealedAt}, {"expires", &p.header.Expires}} {
		if s, ok := text[m.name]; ok {
			if *m.into, err = parseDateTimeStamp(s); err != nil {
				return nil, refuse(ErrHeader, "proof: %s %v", m.name, err)
			}
		}
	}

	// 4. The key, by its URL; the proofs it builds on.
	p.header.KeyID, p.id = text["verificationMethod"], text["id"]
	if u, err := url.Parse(p.header.KeyID); err != nil || !u.IsAbs() {
		return nil, refuse(ErrHeader, "proof: verificationMethod is not a URL")
	}
	if p.previous, err = oneOrMore(members["previousProof"]); err != nil {
		return nil, refuse(ErrHeader, "proof: previousProof %v", err)
	}

	// 5. The signature, and what else of the proof is signed. r and s, or an
	// Ed25519 signature, are of full length: 64 bytes, with P-384 96.
	if p.signature, err = decodeMultibase(text["proofValue"]); err != nil {
		return nil, refuse(ErrHeader, "proof: proofValue: %v", err)
	}
	if n := len(p.signature); n != 64 && (n != 96 || p.header.Cryptosuite != ECDSARDFC2019) {
		return nil, refuse(ErrHeader, "proof: proofValue of %d bytes", n)
	}
	if p.options, err = withoutMember(raw, "proofValue"); err != nil {
		return nil, refuse(ErrFormat, "proof: %v", err) // unreachable: read above
	}
	p.options = appendMember(p.options, "@context", context)
	return p, nil
}

// oneOrMore reads a string or a list of strings, nil where it is absent.
func oneOrMore(raw jsontext.Value) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	list := make([]string, 1)
	var err error
	if raw.Kind() == '[' {
		err = json.Unmarshal(raw, &list)
	} else {
		err = json.Unmarshal(raw, &list[0])
	}
	if err != nil || len(list) == 0 || raw.Kind() == 'n' || slices.Contains(list, "") {
		return nil, errors.New("is neither a string nor a list of strings")
	}
	return list, nil
}

// dateTimeStamp is the form of XML Schema dateTimeStamp: a date and time with
// its offset (XSD 1.1 part 2, section 3.4.28), in the years 0000 to 9999.
// time.Parse alone would take a comma and hours of one digit.
var dateTimeStamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)$`)

func parseDateTimeStamp(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !dateTimeStamp.MatchString(text) || at.IsZero() {
		return at, errors.New("is not a time with an offset")
	}
	return at.UTC(), nil
}

// Cryptosuite is the cryptosuite that this sealer's key serves, "" for RSA.
func (s *Sealer) Cryptosuite() string {
	switch s.Public().Alg {
	case EdDSA:
		return EdDSARDFC2022
	case ES256, ES384:
		return ECDSARDFC2019
	}
	return ""
}

// AddProof seals a JSON-LD document with an embedded proof; at is the time of
// sealing (whole seconds) and stands in it as created. doc has no proof yet and
// stays as it is, byte for byte, in front of the proof. verificationMethod is the
// key's Multikey in the DID document.
//
// Everything but the signature is a function of doc, cryptosuite, o, at and the
// key. Errors are those of [Sealer.Seal], and those of o.Canonicalize, wrapped.
func (s *Sealer) AddProof(doc []byte, cryptosuite string, o ProofOptions, at time.Time) ([]byte, error) {
	k := s.ring.key(s.kid)
	at = at.Truncate(time.Second).UTC()
	if err := errors.Join(k.maySeal(at), k.mayBe(DataIntegrity)); err != nil {
		return nil, fmt.Errorf("sealing with key %s: %w", k.kid, err)
	}
	alg, err := suiteAlgorithm(cryptosuite, k.private.Public())
	if err != nil {
		return nil, fmt.Errorf("sealing with key %s: %w", k.kid, err)
	}
	members, err := readObject(doc)
	if err != nil {
		return nil, fmt.Errorf("adding a proof: %w", err)
	}
	if members["proof"] != nil || members["@context"] == nil {
		return nil, errors.New("adding a proof: the document has one, or has no @context")
	}

	options, err := json.Marshal(struct {
		Type               string `json:"type"`
		Cryptosuite        string `json:"cryptosuite"`
		Created            string `json:"created"`
		VerificationMethod string `json:"verificationMethod"`
		ProofPurpose       string `json:"proofPurpose"`
		Challenge          string `json:"challenge,omitempty"`
		Domain             string `json:"domain,omitempty"`
	}{"DataIntegrityProof", cryptosuite, at.Format(time.RFC3339), k.public().MultikeyID(), o.purpose(), o.Challenge, o.Domain})
	if err != nil {
		return nil, fmt.Errorf("adding a proof: %w", err)
	}
	hash := proofHash(alg)
	document, err := o.Canonicalize(doc, hash)
	if err != nil {
		return nil, fmt.Errorf("canonicalizing the document: %w", err)
	}
	canonical, err := o.Canonicalize(appendMember(options, "@context", members["@context"]), hash)
	if err != nil {
		return nil, fmt.Errorf("canonicalizing the options of the proof: %w", err)
	}
	signature, err := sign(alg, k.private, hashData(hash, canonical, document))
	if err != nil {
		return nil, fmt.Errorf("adding a proof: %w", err)
	}
	return appendMember(doc, "proof", appendMember(options, "proofValue", []byte(`"`+encodeMultibase(signature)+`"`))), nil
}
