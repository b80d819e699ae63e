// Package keys seals payloads with an institution's key and opens sealed
// payloads with the keys that institutions publish.
//
// Most readers want [Sealer.Seal] and [Open]. Open is the only way to a
// payload: there is no function that reads one without checking its seal, but
// for [PayloadUnsafe], which says so.
package keys

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"time"

	"indeks/alike"
)

// Algorithm is a JWS algorithm (RFC 7518, RFC 8037). There is one list for
// sealing and opening.
type Algorithm string

const (
	ES256 Algorithm = "ES256" // default
	ES384 Algorithm = "ES384"
	EdDSA Algorithm = "EdDSA" // Ed25519
	PS256 Algorithm = "PS256" // RSA of at least 2048 bits
	RS256 Algorithm = "RS256" // RSA of at least 2048 bits
)

// Form is a sealed form.
type Form string

const (
	VCJWT         Form = "vc+jwt"         // compact JWS (VC-JOSE-COSE), Seal and Open
	JAdES         Form = "jades"          // general JSON, b64=false (European Digital Credential), Seal and Open
	JWS           Form = "jws-json"       // general or flattened JSON, b64=true, Open only
	DataIntegrity Form = "data-integrity" // JSON-LD with an embedded proof, AddProof and OpenProof
	JWT           Form = "jwt"            // compact JWS of typ JWT (VC Data Model 1.1 section 6.3.1, Open Badges 3.0), Seal and Open
	VPJWT         Form = "vp+jwt"         // compact JWS of a presentation (VC-JOSE-COSE), OpenPresentation only

	// SDJWT is a credential whose holder chose what to show: a compact JWS of this typ
	// (RFC 9901, SD-JWT VC), followed by disclosures. SealDisclosable and Open.
	SDJWT Form = "dc+sd-jwt"

	// TrustJWT is the form of a sealed trust file: a compact JWS of this typ, by
	// Seal and OpenTrust. No credential passes for one, and it for no credential.
	TrustJWT Form = "trust+jwt"

	// LogHead is the form of a head of an audit log: a compact JWS of this typ, by Seal
	// and OpenLogHead. It passes for nothing else, and nothing else for it.
	LogHead Form = "log-head+jwt"

	// ArchiveSeal is the form of an institution's word on the files of an archive: a
	// compact JWS of this typ, by Seal and OpenArchiveSeal. It passes for nothing else,
	// and nothing else for it.
	ArchiveSeal Form = "archive+jwt"

	// Withdrawal is the form of an issuer's word on why a credential was withdrawn: a
	// compact JWS of this typ, by Seal and OpenWithdrawal. It passes for nothing else, and
	// nothing else for it.
	Withdrawal Form = "withdrawal+jwt"
)

// Limits on what Open reads.
const (
	MaxToken        = 2 << 20
	MaxHeader       = 64 << 10
	MaxSignatures   = 4
	MaxCertificates = 10
)

// Errors of Open, each wrapped in a [*OpenError] that says more.
var (
	ErrFormat     = errors.New("malformed token") // not a token at all, or not well-formed
	ErrTooLarge   = errors.New("token over a limit")
	ErrNotSealed  = errors.New("not sealed")         // a credential, but without any seal
	ErrHeader     = errors.New("header rule broken") // crit, b64, typ, cty, x5c form, placement
	ErrAlgorithm  = errors.New("algorithm not allowed")
	ErrUnknownKey = errors.New("unknown key")                  // returned by a Resolver
	ErrKeyPolicy  = errors.New("key not allowed for this use") // wrong use, purpose, algorithm, size
	ErrSignature  = errors.New("signature does not verify")

	ErrOtherPayload = errors.New("another payload") // than OpenKnown was given
)

// OpenError is why a token could not be opened; Err is one of the sentinels.
type OpenError struct {
	Err    error
	Detail string // a sentence for people, without secrets
}

func (e *OpenError) Error() string { return e.Err.Error() + ": " + e.Detail }
func (e *OpenError) Unwrap() error { return e.Err }

// Header is what one seal says of itself. It comes from the protected header, or
// the members of a proof, alone; nothing in it is to be believed before the signature has verified.
type Header struct {
	Form     Form
	Alg      Algorithm
	KeyID    string              // kid, "" where absent
	Typ      string              // without "application/"
	Chain    []*x509.Certificate // x5c, leaf first
	Issuer   string              // iss of the header, "" where absent
	SealedAt time.Time           // sigT or iat of the header; zero where absent
	HasJWK   bool                // a jwk member was there; it is never used as a key

	// Of a Data Integrity proof only.
	Cryptosuite string
	Expires     time.Time // zero where absent
	Challenge   string
	Domains     []string
}

// PublicKey is a key that an institution publishes, with what may be done with it.
type PublicKey struct {
	ID            string // kid
	Controller    string // DID of whom it belongs to, "" for a certificate nobody vouches for
	Alg           Algorithm
	Key           crypto.PublicKey
	Purposes      []string          // "assertionMethod", "authentication", "keyAgreement", LogPurpose; nil: none stated, as by a certificate
	NotBefore     time.Time         // zero: no limit
	NotAfter      time.Time         // the last instant of use; zero: still in use
	CompromisedAt time.Time         // zero: never
	Certificate   *x509.Certificate // seal certificate, or nil

	multiples *multiples // set by Precompute
}

// Resolver finds the key that a header names.
//
// Resolve returns ErrUnknownKey, wrapped, where there is none. It may return a
// key that nobody vouches for (the leaf of x5c, a did:key): whether the key
// belongs to the issuer is for the caller of Open to judge. It is called once
// per seal, before the signature is checked, and may block; it must not fetch
// anything that only the header names.
type Resolver interface {
	Resolve(ctx context.Context, h Header) (*PublicKey, error)
}

// Seal is one verified seal.
type Seal struct {
	Header
	Key       *PublicKey
	Signature []byte   // its value, which an ECDSA seal can have in two forms: see Open
	Unsigned  []string // names of the unsigned JAdES properties (etsiU) that were seen; none is evaluated
}

// Opened is a payload with the seals under which it stood, all verified.
type Opened struct {
	Payload []byte // exactly the signed bytes, not checked to be JSON; of DataIntegrity the document whose meaning is signed; of SDJWT what is signed and shown; nil of OpenKnown
	Form    Form
	Seals   []Seal // at least one

	// Concealed is how many places of an SDJWT are signed and not shown. Some may be
	// decoys, which stand for nothing.
	Concealed int

	known *alike.Text // of OpenKnown, else nil
}

// SHA256 is the SHA-256 of the payload.
func (o *Opened) SHA256() [sha256.Size]byte {
	if o.known != nil {
		return openedLately.hashes.Sum256(*o.known)
	}
	return sha256.Sum256(o.Payload)
}
