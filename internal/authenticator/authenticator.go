// Package authenticator plays a browser with an authenticator of W3C Web Authentication
// for tests: it makes passkeys and signs with them as a device does, and wrongly where a
// test wants that.
package authenticator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// Passkey is one of its pairs of keys.
type Passkey struct {
	ID, Handle []byte
	Key        *ecdsa.PrivateKey
	Count      uint32
}

// Wrong changes what is made or signed. The zero value changes nothing.
type Wrong struct {
	Origin, RPID, Type, Challenge string // in place of the right one
	Unverified, Absent            bool   // the person was not asked who they are, or was not there
	CrossOrigin                   bool
	Handle                        []byte
	Key                           *ecdsa.PrivateKey // that signs
	Synced                        bool
}

// Flags of authenticator data, section 6.1.
const (
	present  = 1 << 0
	verified = 1 << 2
	eligible = 1 << 3
	attested = 1 << 6
)

type options struct {
	Challenge string
	RPID      string
	RP        struct{ ID string }
	User      struct{ ID string }
}

func read(t *testing.T, offered []byte) (o options) {
	t.Helper()
	if err := json.Unmarshal(offered, &o); err != nil || o.Challenge == "" {
		t.Fatalf("options %s: %v", offered, err)
	}
	return o
}

func text(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

// clientData is what the browser says of the page that asked, section 5.8.1.
func clientData(kind, origin, challenge string, wrong Wrong) []byte {
	raw, _ := json.Marshal(map[string]any{"type": or(wrong.Type, kind), "challenge": or(wrong.Challenge, challenge), "origin": or(wrong.Origin, origin), "crossOrigin": wrong.CrossOrigin})
	return raw
}

// data is authenticator data, section 6.1.
func data(rpID string, flags byte, count uint32, wrong Wrong) []byte {
	sum := sha256.Sum256([]byte(or(wrong.RPID, rpID)))
	if !wrong.Absent {
		flags |= present
	}
	if !wrong.Unverified {
		flags |= verified
	}
	if wrong.Synced {
		flags |= eligible
	}
	return binary.BigEndian.AppendUint32(append(sum[:], flags), count)
}

// Create makes a passkey as navigator.credentials.create does on a page of origin, and
// returns it with what the browser answers.
func Create(t *testing.T, origin string, offered []byte, wrong Wrong) (*Passkey, []byte) {
	t.Helper()
	o := read(t, offered)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Passkey{ID: make([]byte, 32), Key: key}
	rand.Read(p.ID)
	if p.Handle, err = base64.RawURLEncoding.DecodeString(o.User.ID); err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	// CBOR, RFC 8949: {1: 2, 3: -7, -1: 1, -2: x, -3: y}, a COSE_Key of RFC 9053.
	cose := append([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 0x20), point[33:]...)
	auth := data(o.RP.ID, attested, 0, wrong)
	auth = append(auth, make([]byte, 16)...) // AAGUID
	auth = append(binary.BigEndian.AppendUint16(auth, uint16(len(p.ID))), p.ID...)
	auth = append(auth, cose...)
	// {"fmt": "none", "attStmt": {}, "authData": auth}
	object := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt\xa0\x68authData"...)
	object = append(append(object, 0x58, byte(len(auth))), auth...)
	answer, _ := json.Marshal(map[string]any{"id": text(p.ID), "rawId": text(p.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": text(clientData("webauthn.create", origin, o.Challenge, wrong)), "attestationObject": text(object), "transports": []string{"internal"}}})
	return p, answer
}

// Sign signs as navigator.credentials.get does on a page of origin, and returns what the
// browser answers.
func (p *Passkey) Sign(t *testing.T, origin string, offered []byte, wrong Wrong) []byte {
	t.Helper()
	o := read(t, offered)
	if p.Count > 0 {
		p.Count++
	}
	auth, client := data(o.RPID, 0, p.Count, wrong), clientData("webauthn.get", origin, o.Challenge, wrong)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, auth...), sum[:]...))
	key, handle := p.Key, p.Handle
	if wrong.Key != nil {
		key = wrong.Key
	}
	if wrong.Handle != nil {
		handle = wrong.Handle
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := json.Marshal(map[string]any{"id": text(p.ID), "rawId": text(p.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": text(client), "authenticatorData": text(auth), "signature": text(signature), "userHandle": text(handle)}})
	return answer
}
