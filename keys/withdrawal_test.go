package keys

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// A word on a withdrawal, or on an archive, is no credential, presentation, trust file
// or head of a log, and none of them is one.
func TestWithdrawalIsItsOwnKind(t *testing.T) {
	testOwnKind(t, Withdrawal, OpenWithdrawal, OpenArchiveSeal)
	testOwnKind(t, ArchiveSeal, OpenArchiveSeal, OpenWithdrawal)
}

type opens func(context.Context, []byte, Resolver) (*Opened, error)

func testOwnKind(t *testing.T, own Form, openOwn, openOther opens) {
	r, _ := newRing(t)
	add(t, r, ES256, firstDay)
	s, err := r.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	known := resolverFunc(func(Header) (*PublicKey, error) { return s.Public(), nil })
	payload := []byte(`{"sub":"urn:credential:1"}`)
	token, err := s.Seal(payload, own, firstDay)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := openOwn(t.Context(), token, known)
	if err != nil || !bytes.Equal(opened.Payload, payload) || opened.Form != own || !opened.Seals[0].SealedAt.Equal(firstDay) {
		t.Errorf("%+v, %v", opened, err)
	}
	for name, open := range map[string]opens{
		"Open": Open, "OpenTrust": OpenTrust, "OpenPresentation": OpenPresentation, "OpenLogHead": OpenLogHead, "the other": openOther,
	} {
		if _, err := open(t.Context(), token, known); !errors.Is(err, ErrHeader) {
			t.Errorf("%s: err = %v, want %v", name, err, ErrHeader)
		}
	}
	for _, form := range []Form{VCJWT, JWT, JAdES, TrustJWT, LogHead} {
		token, err := s.Seal(payload, form, firstDay)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := openOwn(t.Context(), token, known); !errors.Is(err, ErrHeader) {
			t.Errorf("a %s: err = %v, want %v", form, err, ErrHeader)
		}
	}
}
