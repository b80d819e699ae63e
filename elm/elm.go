// Package elm is what an issuer claims about a learner, in the words of the
// European Learning Model (ELM 3.1, application profile EDC 1.1.0).
//
// Most readers want [Parse], which reads a credential strictly, and
// [Supplement], the one readable view that page, PDF and API share. The package
// knows no key, no store and no HTTP.
package elm

import (
	"errors"
	"fmt"

	"indeks/strictjson"
)

// Profile is an application profile: how the same content is written down.
// It is decided by the contexts, never by the envelope.
type Profile string

const (
	EDC   Profile = "edc"   // VCDM 1.1 with the edc-ap context, sealed as JAdES
	VC2   Profile = "vc2"   // VCDM 2.0 with our ELM context, sealed as vc+jwt
	Other Profile = "other" // any other contexts; read, never written
)

// Limits of a document.
const (
	MaxBytes   = strictjson.MaxBytes
	MaxDepth   = strictjson.MaxDepth
	MaxMembers = strictjson.MaxMembers
	MaxName    = strictjson.MaxName // bytes of a member name
)

// ErrFormat is matched by every error of [Parse].
var ErrFormat = errors.New("not a well-formed credential")

// FormatError names one broken rule of a document. Pointer is the JSON Pointer
// (RFC 6901) of the place.
//
// Rules of strict JSON: "json-syntax", "json-duplicate", "json-case",
// "json-number", "json-utf8", "json-depth", "json-members", "json-name",
// "json-size"; and "vc-object" for a document that is no object. The other
// rules that start with "vc-" and "elm-" are those of [Credential.Validate].
type FormatError struct{ Pointer, Rule, Detail string }

func (e *FormatError) Error() string {
	at := e.Pointer
	if at == "" {
		at = "document"
	}
	return at + ": " + e.Detail + " (" + e.Rule + ")"
}

func (e *FormatError) Is(target error) bool { return target == ErrFormat }

// ValidationError is every broken rule of a credential, ordered by pointer; of
// a document that breaks more than 500, it is 500 of them.
type ValidationError struct{ Broken []FormatError }

func (e *ValidationError) Error() string {
	switch n := len(e.Broken); n {
	case 0:
		return "no rule broken" // unreachable: Validate returns nil then
	case 1:
		return e.Broken[0].Error()
	default:
		return fmt.Sprintf("%v, and %d more", &e.Broken[0], n-1)
	}
}
