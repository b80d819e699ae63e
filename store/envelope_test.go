package store

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"indeks/alike"
	"indeks/strictjson"
)

// Whatever payload and token are, both come back to the byte.
func TestEnvelopeGivesBackTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 1, 300),
			rapid.Map(rapid.StringN(1, 300, -1), func(s string) []byte { return []byte(s) }),
			rapid.Map(rapid.StringMatching(`(\{"a":"č"\}){1,200}`), func(s string) []byte { return []byte(s) }),
		).Draw(t, "payload")
		around := rapid.StringN(0, 40, -1)
		inside := rapid.SampledFrom([]func() []byte{
			func() []byte { return []byte(base64.RawURLEncoding.EncodeToString(payload)) },
			func() []byte { b, _ := jsontext.AppendQuote(nil, payload); return b },
			func() []byte { return payload[:len(payload)-1] },
			func() []byte { return []byte("something else") },
			func() []byte { return nil },
		}).Draw(t, "inside")
		token := append(append([]byte(around.Draw(t, "before")), inside()...), around.Draw(t, "after")...)

		gotPayload, err := unpackPayload(packPayload(payload), nil)
		if err != nil || !bytes.Equal(gotPayload, payload) {
			t.Fatalf("payload: %v", err)
		}
		gotToken, err := unpackToken(packedToken(token, payload), payload, Base{})
		if err != nil || !bytes.Equal(gotToken, token) {
			t.Fatalf("token: %q, %v", gotToken, err)
		}
		cut := rapid.IntRange(0, len(payload)).Draw(t, "cut")
		first := rapid.IntRange(0, len(token)).Draw(t, "first")
		second := rapid.IntRange(first, len(token)).Draw(t, "second")
		parts := alike.Text{Head: token[:first], Beginning: token[first:second], Rest: token[second:]}
		packed := packParts(parts, &Sealed{Parts: alike.Text{Beginning: payload[:cut], Rest: payload[cut:]}})
		if gotToken, err = unpackToken(packed, payload, Base{}); err != nil || !bytes.Equal(gotToken, token) {
			t.Fatalf("token in parts: %q, %v", gotToken, err)
		}
	})
}

// A credential takes what its content takes, once: not twice more in its tokens.
func TestEnvelopeIsSmall(t *testing.T) {
	payload := bytes.Repeat([]byte(`{"id":"urn:epass:org:1","type":"Organisation","legalName":{"en":"University of \"Sava\""}},`), 500)
	payload = append(append([]byte(`{"all":[`), payload...), `{}]}`...)
	quoted, err := jsontext.AppendQuote(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string][]byte{
		"compact": []byte("eyJhbGciOiJFUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(payload) + ".c2lnbmF0dXJl"),
		"general": append(append([]byte(`{"payload":`), quoted...), `,"signatures":[{"protected":"e30","signature":"c2ln"}]}`...),
		"proof":   append(bytes.Clone(payload[:len(payload)-1]), `,"proof":{"proofValue":"z1"}}`...),
	} {
		if kept := len(packedToken(token, payload)); kept > 100 {
			t.Errorf("%s: %d bytes are kept of a token of %d", name, kept, len(token))
		}
		const common = 40_002
		parts := alike.Text{Beginning: payload[:common], Rest: payload[common:]}
		head, beginning := bytes.IndexByte(token, '.')+1, []byte(base64.RawURLEncoding.EncodeToString(parts.Beginning))
		if name == "general" {
			head, beginning = bytes.IndexByte(token, ':')+2, strictjson.AppendEscaped(nil, parts.Beginning)
		}
		sealed := alike.Text{Head: token[:head], Beginning: beginning, Rest: token[min(len(token), head+len(beginning)):]}
		if name == "proof" {
			sealed = alike.Whole(token)
		}
		for range 2 { // what it begins with is made into another form, and remembered
			packed := packParts(sealed, &Sealed{Parts: parts})
			if again, err := unpackToken(packed, payload, Base{}); err != nil || len(packed) > 100 || !bytes.Equal(again, token) {
				t.Errorf("%s, its payload in parts: %d bytes are kept, %v", name, len(packed), err)
			}
		}
	}
	if kept := len(packPayload(payload)); kept > len(payload)/8 {
		t.Errorf("%d bytes are kept of a payload of %d", kept, len(payload))
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(packPayload([]byte("payload")), []byte("payload"))
	f.Add(packedToken([]byte("a.cGF5bG9hZA.b"), []byte("payload")), []byte("payload"))
	f.Fuzz(func(t *testing.T, packed, payload []byte) {
		unpackPayload(packed, nil)
		unpackToken(packed, payload, Base{})
	})
}

// packedToken is how a token with a payload of no base is kept.
func packedToken(token, payload []byte) []byte {
	return packToken(token, &Sealed{Payload: payload})
}
