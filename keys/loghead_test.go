package keys

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// A key for the log seals heads of it and nothing else; a key for credentials may
// seal heads, but no credential passes for a head, nor a head for a credential.
func TestLogKey(t *testing.T) {
	r, path := newRing(t)
	seal := add(t, r, ES256, firstDay)
	if _, err := r.LogSealer(); !errors.Is(err, ErrNoKey) {
		t.Errorf("before there is one: err = %v, want %v", err, ErrNoKey)
	}
	next := func(at time.Time) Entry {
		e, err := r.AddLog(testDID, NewKey{Organization: "University of Testland", Now: at})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first := next(firstDay)
	second := next(firstDay.AddDate(0, 1, 0))
	r = reopen(t, r, path)
	if list := r.Entries(); len(list) != 1 || list[0].Public.ID != seal.Public.ID || !list[0].Active {
		t.Errorf("keys for credentials: %+v", list)
	}
	if list := r.LogEntries(); len(list) != 2 || list[0].Public.ID != second.Public.ID || !list[0].Active || list[1].Active || list[1].Public.NotAfter.IsZero() {
		t.Errorf("keys for the log: %+v", list)
	}
	if !slices.Equal(first.Public.Purposes, []string{LogPurpose}) || first.Public.Alg != EdDSA {
		t.Errorf("its public key: %+v", first.Public)
	}

	at := firstDay.AddDate(0, 2, 0)
	logSealer, err := r.LogSealer()
	if err != nil || logSealer.Public().ID != second.Public.ID {
		t.Fatal(err)
	}
	sealer, err := r.Sealer()
	if err != nil || sealer.Public().ID != seal.Public.ID {
		t.Fatal(err)
	}
	for _, form := range []Form{VCJWT, JWT, JAdES, TrustJWT} {
		if _, err := logSealer.Seal([]byte(`{"a":1}`), form, at); !errors.Is(err, ErrNoKey) {
			t.Errorf("sealing as %s: err = %v, want %v", form, err, ErrNoKey)
		}
	}
	if _, err := logSealer.AddProof([]byte(`{"@context":[]}`), EdDSARDFC2022, ProofOptions{}, at); !errors.Is(err, ErrNoKey) {
		t.Errorf("adding a proof: err = %v, want %v", err, ErrNoKey)
	}

	known := resolverFunc(func(h Header) (*PublicKey, error) {
		for _, e := range slices.Concat(r.Entries(), r.LogEntries()) {
			if e.Public.ID == h.KeyID {
				return e.Public, nil
			}
		}
		return nil, ErrUnknownKey
	})
	text := []byte("credentials.uni.example/log/1\n7\nAAAA\n")
	for _, s := range []*Sealer{sealer, logSealer} {
		head, err := s.Seal(text, LogHead, at)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := OpenLogHead(t.Context(), head, known)
		if err != nil || !bytes.Equal(opened.Payload, text) || opened.Form != LogHead || !opened.Seals[0].SealedAt.Equal(at) || opened.Seals[0].KeyID != s.Public().ID || len(opened.Seals[0].Chain) > 0 {
			t.Errorf("head: %+v, %v", opened, err)
		}
		for name, open := range map[string]func(context.Context, []byte, Resolver) (*Opened, error){"Open": Open, "OpenTrust": OpenTrust, "OpenPresentation": OpenPresentation} {
			if _, err := open(t.Context(), head, known); !errors.Is(err, ErrHeader) {
				t.Errorf("%s of a head: err = %v, want %v", name, err, ErrHeader)
			}
		}
		changed := bytes.Clone(head)
		changed[len(changed)-10] ^= 1
		if _, err := OpenLogHead(t.Context(), changed, known); err == nil {
			t.Error("a changed head opens")
		}
	}
	for _, form := range []Form{VCJWT, TrustJWT, JAdES} {
		token, err := sealer.Seal([]byte(`{"a":1}`), form, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenLogHead(t.Context(), token, known); !errors.Is(err, ErrHeader) {
			t.Errorf("a %s as a head: err = %v, want %v", form, err, ErrHeader)
		}
	}
	if err := r.Revoke(second.Public.ID, at, "lost"); err != nil {
		t.Fatal(err)
	}
	if _, err := logSealer.Seal(text, LogHead, at); !errors.Is(err, ErrNoKey) {
		t.Errorf("sealing with a revoked key: err = %v, want %v", err, ErrNoKey)
	}
}

// A seal is told by the value of its signature, in each form, as it opens and
// before.
func TestSignatureValues(t *testing.T) {
	r, _ := newRing(t)
	add(t, r, ES256, firstDay)
	s, err := r.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []Form{VCJWT, JWT, JAdES} {
		token, err := s.Seal([]byte(`{"a":1}`), form, firstDay)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := Open(t.Context(), token, resolverFunc(func(Header) (*PublicKey, error) { return s.Public(), nil }))
		if err != nil {
			t.Fatal(err)
		}
		values, err := SignaturesUnsafe(token)
		if err != nil || len(values) != 1 || len(values[0]) != 64 || !bytes.Equal(values[0], opened.Seals[0].Signature) {
			t.Errorf("%s: %x, opened %x, %v", form, values, opened.Seals[0].Signature, err)
		}
	}
	for _, text := range []string{"", "x", "{}", "[]", "a.b.c"} {
		if values, err := SignaturesUnsafe([]byte(text)); err == nil {
			t.Errorf("%q has the signatures %x", text, values)
		}
	}
}
