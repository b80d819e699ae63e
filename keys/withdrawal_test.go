package keys

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// A word on a withdrawal is no credential, presentation, trust file or head of a
// log, and none of them is one.
func TestWithdrawalIsItsOwnKind(t *testing.T) {
	r, _ := newRing(t)
	add(t, r, ES256, firstDay)
	s, err := r.Sealer()
	if err != nil {
		t.Fatal(err)
	}
	known := resolverFunc(func(Header) (*PublicKey, error) { return s.Public(), nil })
	payload := []byte(`{"sub":"urn:credential:1"}`)
	token, err := s.Seal(payload, Withdrawal, firstDay)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenWithdrawal(t.Context(), token, known)
	if err != nil || !bytes.Equal(opened.Payload, payload) || opened.Form != Withdrawal || !opened.Seals[0].SealedAt.Equal(firstDay) {
		t.Errorf("%+v, %v", opened, err)
	}
	for name, open := range map[string]func(context.Context, []byte, Resolver) (*Opened, error){
		"Open": Open, "OpenTrust": OpenTrust, "OpenPresentation": OpenPresentation, "OpenLogHead": OpenLogHead,
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
		if _, err := OpenWithdrawal(t.Context(), token, known); !errors.Is(err, ErrHeader) {
			t.Errorf("a %s: err = %v, want %v", form, err, ErrHeader)
		}
	}
}
