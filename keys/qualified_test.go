package keys

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"indeks/alike"
	"indeks/internal/reference"
)

// Statements in DER, written by hand (ETSI EN 319 412-5 annex B has such).
const (
	qcCompliance = "3008" + "0606" + "04008e460101"
	qcDevice     = "3008" + "0606" + "04008e460104"
	qcSeal       = "3013" + "0606" + "04008e460106" + "3009" + "0607" + "04008e46010602"
	qcSignature  = "3013" + "0606" + "04008e460106" + "3009" + "0607" + "04008e46010601"
	qcSerbia     = "300e" + "0606" + "04008e460107" + "3004" + "1302" + "5253"
	qcOther      = "300a" + "0608" + "2b06010505070b02"
)

// sequence wraps statements, each of at most 127 bytes in all.
func sequence(t testing.TB, statements ...string) []byte {
	t.Helper()
	body, err := hex.DecodeString(strings.Join(statements, ""))
	if err != nil || len(body) > 127 {
		t.Fatalf("%d bytes: %v", len(body), err)
	}
	return append([]byte{0x30, byte(len(body))}, body...)
}

func TestQCStatements(t *testing.T) {
	for name, c := range map[string]struct {
		statements []string
		want       QCStatements
		forSeals   bool
	}{
		"none":                 {nil, QCStatements{}, false},
		"a qualified seal":     {[]string{qcOther, qcCompliance, qcDevice, qcSeal}, QCStatements{Qualified: true, Device: true, Types: []string{"eseal"}}, true},
		"in another order":     {[]string{qcSeal, qcDevice, qcCompliance}, QCStatements{Qualified: true, Device: true, Types: []string{"eseal"}}, true},
		"without a device":     {[]string{qcCompliance, qcSeal}, QCStatements{Qualified: true, Types: []string{"eseal"}}, false},
		"not qualified":        {[]string{qcDevice, qcSeal}, QCStatements{Device: true, Types: []string{"eseal"}}, false},
		"a person's signature": {[]string{qcCompliance, qcDevice, qcSignature}, QCStatements{Qualified: true, Device: true, Types: []string{"esign"}}, false},
		"by the law of Serbia": {[]string{qcCompliance, qcDevice, qcSeal, qcSerbia}, QCStatements{Qualified: true, Device: true, Types: []string{"eseal"}, Laws: []string{"RS"}}, true},
	} {
		got, err := parseQCStatements(sequence(t, c.statements...))
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" || got.ForSeals() != c.forSeals {
			t.Errorf("%s: %v, for seals %t %s", name, err, got.ForSeals(), diff)
		}
	}
}

// Of an extension with an error nothing is believed, also not what stands before it.
func TestQCStatementsAreReadStrictly(t *testing.T) {
	good := sequence(t, qcCompliance, qcDevice, qcSeal)
	for name, der := range map[string][]byte{
		"nothing":             nil,
		"no sequence":         {0x05, 0x00},
		"something after":     append(bytes.Clone(good), 0x05, 0x00),
		"cut off":             good[:len(good)-1],
		"length not shortest": append([]byte{0x30, 0x81, byte(len(good) - 2)}, good[2:]...),
		"a statement twice":   sequence(t, qcCompliance, qcCompliance),
		"no statement":        sequence(t, qcCompliance, "0500"),
		"no identifier":       sequence(t, qcCompliance, "30020500"),
		"empty statement":     sequence(t, "3000"),
		"compliance with more": sequence(t,
			"300a"+"0606"+"04008e460101"+"0500"),
		"type without content": sequence(t, "3008"+"0606"+"04008e460106"),
		"type no list":         sequence(t, "3011"+"0606"+"04008e460106"+"0607"+"04008e46010602"),
		"type and more":        sequence(t, qcCompliance, "3015"+"0606"+"04008e460106"+"3009"+"0607"+"04008e46010602"+"0500"),
		"law of nowhere":       sequence(t, qcCompliance, "300a"+"0606"+"04008e460107"+"3000"),
		"law in small letters": sequence(t, qcCompliance, "300e"+"0606"+"04008e460107"+"3004"+"1302"+"7273"),
		"law in UTF-8":         sequence(t, qcCompliance, "300e"+"0606"+"04008e460107"+"3004"+"0c02"+"5253"),
	} {
		if got, err := parseQCStatements(der); err == nil || !cmp.Equal(got, QCStatements{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// certificateWith makes a certificate with this extension qcStatements.
func certificateWith(t testing.TB, value []byte) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Seal"}}
	if value != nil {
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: value}}
	}
	key := privateKey(t, ES256)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestQCStatementsOfCertificates(t *testing.T) {
	if q, err := ReadQCStatements(certificateWith(t, nil)); err != nil || !cmp.Equal(q, QCStatements{}) {
		t.Errorf("without the extension: %+v, %v", q, err)
	}
	if q, err := ReadQCStatements(certificateWith(t, sequence(t, qcCompliance, qcDevice, qcSeal))); err != nil || !q.ForSeals() {
		t.Errorf("a qualified seal: %+v, %v", q, err)
	}
	if q, err := ReadQCStatements(certificateWith(t, sequence(t, qcCompliance, "0500"))); err == nil || !cmp.Equal(q, QCStatements{}) {
		t.Errorf("broken: %+v, %v", q, err)
	}

	// Certificates of real authorities can be read, whatever they state.
	stating := 0
	for _, s := range samples(t) {
		token := reference.Read(t, "reference", "samples", s.File)
		e, err := parse(alike.Whole(token), credentials, nil)
		if err != nil {
			continue // of 2022, or not sealed well
		}
		q, err := ReadQCStatements(e.seals[0].header.Chain[0])
		if err != nil {
			t.Errorf("%s: %v", s.File, err)
		}
		if q.Qualified && len(q.Types) == 1 && q.Types[0] == "eseal" {
			stating++
		}
	}
	if stating == 0 {
		t.Error("no sample's certificate states that it is qualified")
	}
}

func FuzzQCStatements(f *testing.F) {
	f.Add(sequence(f, qcCompliance, qcDevice, qcSeal, qcSerbia))
	f.Add(sequence(f, qcOther))
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		q, err := parseQCStatements(der)
		if err != nil {
			return
		}
		// Nothing is claimed that does not stand there.
		for last, claimed := range map[string]bool{"01": q.Qualified, "04": q.Device, "06": q.Types != nil, "07": q.Laws != nil} {
			if claimed && !strings.Contains(hex.EncodeToString(der), "060604008e4601"+last) {
				t.Errorf("%+v of %x", q, der)
			}
		}
	})
}

// A sealed trust file opens as that alone, with nothing known but the thumbprint
// of the key; no credential passes for one, and it passes for no credential.
func TestTrustFilesAndCredentialsAreKeptApart(t *testing.T) {
	s := sealer(t, ES256)
	trust, err := s.Seal([]byte(`{"version":1}`), TrustJWT, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	pinned := resolverFunc(func(h Header) (*PublicKey, error) {
		k := &PublicKey{ID: h.KeyID, Key: h.Chain[0].PublicKey}
		if k.Thumbprint() != s.Public().Thumbprint() {
			return nil, ErrUnknownKey
		}
		return k, nil
	})
	opened, err := OpenTrust(context.Background(), trust, pinned)
	if err != nil || string(opened.Payload) != `{"version":1}` || opened.Form != TrustJWT || !opened.Seals[0].SealedAt.Equal(sealedAt) {
		t.Errorf("%+v, %v", opened, err)
	}
	any := oneKey(s.Public())
	if _, err := Open(context.Background(), trust, any); !errors.Is(err, ErrHeader) {
		t.Errorf("opened as a credential: %v", err)
	}
	if payload, err := PayloadUnsafe(trust); !errors.Is(err, ErrHeader) {
		t.Errorf("read as a credential: %q, %v", payload, err)
	}
	for _, form := range []Form{VCJWT, JAdES} {
		token, err := s.Seal([]byte(vcPayload), form, sealedAt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenTrust(context.Background(), token, any); !errors.Is(err, ErrHeader) {
			t.Errorf("%s opened as a trust file: %v", form, err)
		}
	}
	b64 := base64URL.EncodeToString([]byte(`{"version":1}`))
	for name, token := range map[string][]byte{
		"no typ":           compact(t, ES256, `{"alg":"ES256"}`, []byte(`{}`)),
		"typ of a vc":      compact(t, ES256, `{"alg":"ES256","typ":"vc+jwt"}`, []byte(`{}`)),
		"cty of a vc":      compact(t, ES256, `{"alg":"ES256","typ":"trust+jwt","cty":"vc"}`, []byte(`{}`)),
		"JSON":             fmt.Appendf(nil, `{"payload":%q,"signatures":[%s]}`, b64, entry(t, ES256, `{"alg":"ES256","typ":"trust+jwt"}`, "", b64)),
		"another's key":    compact(t, ES384, `{"alg":"ES384","typ":"trust+jwt"}`, []byte(`{}`)),
		"crit":             compact(t, ES256, `{"alg":"ES256","typ":"trust+jwt","crit":["exp"],"exp":1}`, []byte(`{}`)),
		"not sealed":       []byte(`{"version":1,"issuers":[]}`),
		"changed":          append(bytes.Clone(trust[:len(trust)-4]), "AAAA"...),
		"nothing":          nil,
		"credential plain": []byte(vcPayload),
	} {
		if opened, err := OpenTrust(context.Background(), token, any); err == nil {
			t.Errorf("%s: %s", name, opened.Payload)
		}
	}
}
