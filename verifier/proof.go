package verifier

import (
	"context"
	"errors"
	"strings"

	"indeks/contexts"
	"indeks/elm"
	"indeks/keys"
	"indeks/strictjson"
)

// open opens a token of any form, or a document with embedded proofs.
func (v *Verifier) open(ctx context.Context, token []byte, r keys.Resolver) (*keys.Opened, error) {
	opened, err := keys.Open(ctx, token, r)
	if errors.Is(err, keys.ErrNotSealed) {
		return keys.OpenProof(ctx, token, v.proofs(""), r)
	}
	return opened, err
}

// proofs are the options to open proofs for a purpose.
func (v *Verifier) proofs(purpose string) keys.ProofOptions {
	return keys.ProofOptions{Purpose: purpose, Canonicalize: v.contexts.Canonicalize}
}

// payloadUnsafe returns what was sealed in a form, without any check of the seal.
func payloadUnsafe(token []byte, form keys.Form) []byte {
	read := keys.PayloadUnsafe
	if form == keys.DataIntegrity {
		read = keys.DocumentUnsafe
	}
	payload, err := read(token)
	if err != nil {
		return nil
	}
	return payload
}

// notCanonical fills in what can be said of a document whose meaning, which a
// proof would seal, could not be worked out.
func (v *Verifier) notCanonical(r *Report, token []byte, err error) {
	format, seal := r.check(CheckFormat), r.check(CheckSeal)
	if errors.Is(err, contexts.ErrBudget) {
		format.fail("too_large", formatTooCostly)
		return
	}
	detail := Detail(err.Error())
	if problem, ok := errors.AsType[*contexts.Problem](err); ok {
		detail = where(problem.Pointer, problem.Detail)
	}
	// The document is at fault, or else its contexts do not define the proof.
	if v.checkFormat(r, payloadUnsafe(token, keys.DataIntegrity), keys.DataIntegrity); format.Result != Failed {
		seal.fail("undefined_term", sealNotCanonical, Detail(plain(string(detail))))
	}
}

// ownKey finds the key that a DID URL itself holds: a did:key or did:jwk, or a
// Multikey in the DID document of an issuer of the trust file. One that the trust
// file lists is its key, with its periods, under whatever name.
func (f *resolver) ownKey(url string) (*TrustedIssuer, *keys.PublicKey, error) {
	key, err := keys.ResolveDID(url)
	if errors.Is(err, keys.ErrUnknownKey) {
		did, fragment, _ := strings.Cut(url, "#")
		public, broken := keys.ParseMultikey(fragment)
		if broken != nil {
			return nil, nil, err
		}
		entry, listed := f.trust.byKey(public)
		if entry == nil || entry.ID != did {
			return nil, nil, err
		}
		return entry, listed, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if entry, listed := f.trust.byKey(key.Key); entry != nil {
		return entry, listed, nil
	}
	return nil, key, nil
}

// twoPlaces returns an id of the document that stands in two places with
// different members, if what it names decides on the verdict: the credential
// itself, and its status entries. A proof seals which members a thing has, but
// not in which of the places that name it they stand. So whoever passes a
// credential on can move the members of one copy to another, where a reader by
// places, as this one is, does not look for them: its status entry, its end.
func twoPlaces(cred *elm.Credential) string {
	decisive := make(map[string]int)
	if id, ok := cred.Tree.Get("id").Text(); ok {
		decisive[id] = 0
	}
	for _, entry := range cred.Tree.Get("credentialStatus").OneOrMany() {
		if id, ok := entry.Value.Get("id").Text(); ok {
			decisive[id] = 0
		}
	}
	var walk func(*strictjson.Value) string
	walk = func(value *strictjson.Value) string {
		if id, ok := value.Get("id").Text(); ok && len(value.Members()) > 1 { // else it is a reference, and says nothing
			if n, ok := decisive[id]; ok {
				if decisive[id] = n + 1; n > 0 {
					return id
				}
			}
		}
		for _, list := range [2][]strictjson.Member{value.Members(), value.Items()} {
			for i := range list {
				if id := walk(&list[i].Value); id != "" {
					return id
				}
			}
		}
		return ""
	}
	return walk(&cred.Tree)
}
