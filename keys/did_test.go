package keys

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Base58 by the examples of its Internet draft, and back.
func TestMultibase(t *testing.T) {
	for raw, text := range map[string]string{
		"48656c6c6f20576f726c6421": "z2NEpo7TZRRrLZSi2U",
		"0000287fb4cd":             "z11233QC4",
		"00":                       "z1",
	} {
		want, err := hex.DecodeString(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeMultibase(text)
		if err != nil || !bytes.Equal(got, want) || encodeMultibase(want) != text {
			t.Errorf("%s: %x, %v; %s", text, got, err, encodeMultibase(want))
		}
	}
	for _, text := range []string{"", "z", "2NEpo7TZRRrLZSi2U", "z0", "zO", "zI", "zl", "z2 ", "zč", "uAQ", "z" + strings.Repeat("2", maxMultibase+1)} {
		if raw, err := decodeMultibase(text); err == nil {
			t.Errorf("%.20q: %x", text, raw)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "raw")
		back, err := decodeMultibase(encodeMultibase(raw))
		if err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("%x came back as %x, %v", raw, back, err)
		}
	})
}

// A key is the same in a multikey, a did:key and a did:jwk.
func TestResolveDID(t *testing.T) {
	prefixes := map[Algorithm]string{EdDSA: "z6Mk", ES256: "zDn", ES384: "z82"}
	for _, alg := range allAlgs {
		public := sealer(t, alg).Public()
		plain := PublicKey{Key: public.Key}
		multikey := public.Multikey()
		if !strings.HasPrefix(multikey, prefixes[alg]) || (multikey == "") != (alg == PS256 || alg == RS256) {
			t.Errorf("%s: multikey %s", alg, multikey)
		}
		jwk := plain.JWK()
		dids := map[string]string{
			"did:jwk:" + base64URL.EncodeToString(jwk):                          "0",
			"did:key:" + encodeMultibase(append(bytes.Clone(codecJWK), jwk...)): encodeMultibase(append(bytes.Clone(codecJWK), jwk...)),
		}
		if multikey != "" {
			dids["did:key:"+multikey] = multikey
		}
		for did, fragment := range dids {
			for _, u := range []string{did, did + "#" + fragment} {
				k, err := ResolveDID(u)
				if err != nil {
					t.Fatalf("%s: %v", u, err)
				}
				if k.ID != did+"#"+fragment || k.Controller != did || k.Thumbprint() != public.Thumbprint() || !slices.Equal(k.Purposes, ownPurposes) {
					t.Errorf("%s: %+v", u, k)
				}
			}
			if _, err := ResolveDID(did + "#other"); !errors.Is(err, ErrUnknownKey) {
				t.Errorf("%s with another fragment: %v", did, err)
			}
		}
	}
	private := base64URL.EncodeToString([]byte(`{"crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	for did, want := range map[string]error{
		"did:web:uni.example#1": ErrUnknownKey,
		"did:key:":              ErrFormat,
		"did:key:z":             ErrFormat,
		"did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme":                                                          ErrKeyPolicy, // secp256k1
		"did:key:" + encodeMultibase(append(bytes.Clone(codecEd25519), 1, 2)):                                                ErrFormat,
		"did:key:" + encodeMultibase(append(bytes.Clone(codecP256), make([]byte, 33)...)):                                    ErrFormat,
		"did:key:" + encodeMultibase(append(bytes.Clone(codecP256), append([]byte{2}, bytes.Repeat([]byte{255}, 32)...)...)): ErrFormat, // no point
		"did:key:" + encodeMultibase(append(bytes.Clone(codecJWK), ` {"kty":"OKP"}`...)):                                     ErrFormat,
		"did:jwk:e30":        ErrKeyPolicy,
		"did:jwk:" + private: ErrKeyPolicy,
		"did:jwk:e30=":       ErrFormat,
		"did:jwk:" + strings.Repeat("A", MaxHeader): ErrTooLarge,
	} {
		if k, err := ResolveDID(did); !errors.Is(err, want) {
			t.Errorf("%.60s: %v, %v, want %v", did, k, err, want)
		}
	}
}

// didDoc is a DID document with every kind of method; %s is for more members.
func didDoc(t testing.TB) string {
	jwk := func(alg Algorithm) string { return string((&PublicKey{Key: sealer(t, alg).Public().Key}).JWK()) }
	return fmt.Sprintf(`{
"@context": ["https://www.w3.org/ns/did/v1"],
"id": "did:web:uni.example",
"alsoKnownAs": ["https://uni.example"],
"verificationMethod": [
 {"id": "did:web:uni.example#a", "type": "Multikey", "controller": "did:web:uni.example", "publicKeyMultibase": %q, "expires": "2027-01-01T00:00:00Z"},
 {"id": "#b", "type": "JsonWebKey2020", "controller": "did:web:uni.example", "publicKeyJwk": %s, "revoked": "2026-05-01T00:00:00+02:00"},
 {"id": "did:web:uni.example#c", "type": "JsonWebKey", "controller": "did:web:uni.example", "publicKeyJwk": %s},
 {"id": "did:web:uni.example#d", "type": "Multikey", "controller": "did:web:other.example", "publicKeyMultibase": %[1]q},
 {"id": "did:web:other.example#e", "type": "Multikey", "controller": "did:web:uni.example", "publicKeyMultibase": %[1]q},
 {"id": "did:web:uni.example#f", "type": "X25519KeyAgreementKey2020", "controller": "did:web:uni.example", "publicKeyMultibase": "z6LS"},
 {"id": "did:web:uni.example#g", "type": "Multikey", "controller": "did:web:uni.example", "publicKeyMultibase": "zOops"}
],
"assertionMethod": ["#a", "did:web:uni.example#b", "did:web:uni.example#b", "did:web:uni.example#d", "#h", "#none"],
"authentication": [{"id": "#h", "type": "Multikey", "controller": "did:web:uni.example", "publicKeyMultibase": %[4]q}, "did:web:uni.example#a"],
"service": [{"id": "#s", "type": "X", "serviceEndpoint": "https://uni.example"}]
}`, sealer(t, EdDSA).Public().Multikey(), jwk(ES256), jwk(RS256), sealer(t, ES384).Public().Multikey())
}

// What a DID document says of its keys, and no more.
func TestParseDIDDocument(t *testing.T) {
	got, err := ParseDIDDocument([]byte(didDoc(t)), testDID)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, k := range got {
		said = append(said, fmt.Sprintf("%s %s until %s, lost %s", strings.TrimPrefix(k.ID, testDID), k.Purposes, k.NotAfter.Format(time.DateOnly), k.CompromisedAt.Format(time.DateOnly)))
	}
	want := []string{
		"#a [assertionMethod authentication] until 2027-01-01, lost 0001-01-01",
		"#b [assertionMethod] until 0001-01-01, lost 2026-04-30",
		"#c [] until 0001-01-01, lost 0001-01-01",
		"#h [assertionMethod authentication] until 0001-01-01, lost 0001-01-01",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, alg := range []Algorithm{EdDSA, ES256, RS256, ES384} {
		if k := sealer(t, alg).Public(); k.Thumbprint() != got[i].Thumbprint() || got[i].Controller != testDID {
			t.Errorf("key %d differs", i)
		}
	}

	for name, change := range map[string][2]string{
		"of another":      {`"id": "did:web:uni.example",`, `"id": "did:web:other.example",`},
		"without id":      {`"id": "did:web:uni.example",`, ``},
		"no array":        {`"assertionMethod": [`, `"assertionMethod": {}, "x": [`},
		"null":            {`"assertionMethod": [`, `"assertionMethod": null, "x": [`},
		"in caps":         {`"assertionMethod"`, `"AssertionMethod"`},
		"twice":           {`#b"`, `#a"`},
		"expires no time": {`2027-01-01T00:00:00Z`, `2027-01-01`},
		"method no text":  {`"type": "Multikey"`, `"type": 7`},
		"a number in it":  {`"#none"`, `7`},
		"cut off":         {`"service"`, ``},
		"too long":        {`"service"`, `"` + strings.Repeat("x", MaxDIDDocument) + `"`},
		"too many":        {`"#none"`, `"#none"` + strings.Repeat(`,"#a"`, 1000)},
	} {
		doc := strings.Replace(didDoc(t), change[0], change[1], 1)
		if doc == didDoc(t) {
			t.Fatal(name, "is not there")
		}
		if name == "twice" {
			doc = strings.Replace(didDoc(t), `"id": "#b"`, `"id": "#a"`, 1)
		}
		if _, err := ParseDIDDocument([]byte(doc), testDID); !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseDIDDocument(f *testing.F) {
	f.Add([]byte(didDoc(f)))
	f.Add([]byte(`{"id":"did:web:uni.example","verificationMethod":[{}],"keyAgreement":[{"id":"#1"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := ParseDIDDocument(raw, testDID)
		if err != nil && list != nil {
			t.Fatal("keys and an error")
		}
		for _, k := range list {
			if k.Controller != testDID || !strings.HasPrefix(k.ID, testDID+"#") || k.Key == nil || k.Purposes == nil {
				t.Fatalf("%+v", k)
			}
		}
	})
}

func FuzzMultikey(f *testing.F) {
	for _, alg := range []Algorithm{EdDSA, ES256, ES384} {
		f.Add(sealer(f, alg).Public().Multikey())
	}
	f.Add("z11111")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseMultikey(text)
		if err != nil {
			return
		}
		if again := (&PublicKey{Key: key}).Multikey(); again != text {
			t.Fatalf("%s is written %s", text, again)
		}
	})
}
