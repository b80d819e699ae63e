package keys

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"indeks/alike"
	"indeks/internal/reference"
	"indeks/strictjson"
)

// vcPayload stands for a credential in most tests.
const vcPayload = `{"@context":["https://www.w3.org/ns/credentials/v2"],"name":"Žaneta \"Đ\" ∆\u2028"}`

// What is sealed is opened to the same bytes, in both forms and with every
// algorithm; go-jose, as a second opinion, accepts the compact form.
func TestSealOpen(t *testing.T) {
	for _, alg := range allAlgs {
		for _, form := range []Form{VCJWT, JAdES} {
			t.Run(fmt.Sprintf("%s/%s", alg, form), func(t *testing.T) {
				s := sealer(t, alg)
				rapid.Check(t, func(t *rapid.T) {
					payload := []byte(rapid.StringN(1, 300, -1).Draw(t, "payload"))
					token, err := s.Seal(payload, form, sealedAt.Add(900*time.Millisecond))
					if err != nil {
						t.Fatal(err)
					}
					opened, err := Open(context.Background(), token, oneKey(s.Public()))
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(opened.Payload, payload) || opened.Form != form {
						t.Fatalf("got %s %q", opened.Form, opened.Payload)
					}
					h := opened.Seals[0].Header
					if h.Alg != alg || !h.SealedAt.Equal(sealedAt) || h.Form != form {
						t.Fatalf("header %+v", h)
					}
					unsafe, err := PayloadUnsafe(token)
					if err != nil || !bytes.Equal(unsafe, payload) {
						t.Fatalf("PayloadUnsafe: %q, %v", unsafe, err)
					}
					known, err := OpenKnown(context.Background(), alike.Whole(token), alike.Whole(payload), oneKey(s.Public()))
					if err != nil || !reflect.DeepEqual(opened.Seals[0].Header, known.Seals[0].Header) || known.Payload != nil || known.SHA256() != sha256.Sum256(payload) {
						t.Fatalf("OpenKnown: %+v, %v", known, err)
					}
					for _, other := range [][]byte{append(bytes.Clone(payload), '}'), payload[:len(payload)-1], append([]byte{payload[0] ^ 1}, payload[1:]...)} {
						if _, err := OpenKnown(context.Background(), alike.Whole(token), alike.Whole(other), oneKey(s.Public())); !errors.Is(err, ErrOtherPayload) {
							t.Fatalf("OpenKnown of %q: %v", other, err)
						}
					}
					if form == VCJWT {
						if h.KeyID != s.Public().ID {
							t.Fatalf("kid %q", h.KeyID)
						}
						jws, err := jose.ParseSignedCompact(string(token), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
						if err != nil {
							t.Fatal(err)
						}
						if _, err := jws.Verify(s.Public().Key); err != nil {
							t.Fatal(err)
						}
					}
				})
			})
		}
	}
}

// go-jose writes the same compact token, but for the signature where that is random.
func TestCompactIsAsGoJoseWritesIt(t *testing.T) {
	for _, alg := range allAlgs {
		s := sealer(t, alg)
		for form, typ := range map[Form]jose.ContentType{VCJWT: "vc+jwt", JWT: "JWT", TrustJWT: "trust+jwt", LogHead: "log-head+jwt", Withdrawal: "withdrawal+jwt"} {
			options := (&jose.SignerOptions{}).WithType(typ).WithHeader("kid", s.Public().ID).WithHeader("iat", sealedAt.Unix())
			if form == TrustJWT {
				options.WithHeader("x5c", s.ring.key(s.kid).x5c())
			}
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: privateKey(t, alg)}, options)
			if err != nil {
				t.Fatal(err)
			}
			jws, err := signer.Sign([]byte(vcPayload))
			if err != nil {
				t.Fatal(err)
			}
			want, err := jws.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Seal([]byte(vcPayload), form, sealedAt)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(withoutSignature(got), withoutSignature([]byte(want))) || alg == EdDSA && string(got) != want {
				t.Errorf("%s/%s:\n%s\n%s", alg, form, got, want)
			}
		}
	}
}

// All of a token but its signature follows from payload, form, time and key.
func TestSealIsDeterministic(t *testing.T) {
	s := sealer(t, ES256)
	for _, form := range []Form{VCJWT, JAdES} {
		a, err := s.Seal([]byte(vcPayload), form, sealedAt)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := s.Seal([]byte(vcPayload), form, sealedAt)
		if bytes.Equal(a, b) {
			t.Errorf("%s: ECDSA signatures ought to differ", form)
		}
		if !bytes.Equal(withoutSignature(a), withoutSignature(b)) {
			t.Errorf("%s:\n%s\n%s", form, a, b)
		}
	}
	token, _ := s.Seal([]byte(vcPayload), JAdES, sealedAt)
	if !bytes.HasPrefix(token, []byte(`{"payload":"{\"@context\":`)) {
		t.Errorf("payload is not the first member: %.40s", token)
	}
	var j struct {
		Signatures []struct {
			Protected string `json:"protected"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(token, &j); err != nil {
		t.Fatal(err)
	}
	header, err := base64URL.DecodeString(j.Signatures[0].Protected)
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, name := range []string{"alg", "cty", "kid", "x5t#S256", "x5c", "typ", "b64", "iat", "crit"} {
		next := bytes.Index(header, []byte(`"`+name+`":`))
		if next <= at {
			t.Errorf("%s is not where European Digital Credentials have it: %s", name, header)
		}
		at = next
	}
	if !bytes.HasSuffix(header, fmt.Appendf(nil, `"typ":"jose+json","b64":false,"iat":%d,"crit":["b64"]}`, sealedAt.Unix())) {
		t.Errorf("header %s", header)
	}
}

func withoutSignature(token []byte) []byte {
	if i := bytes.LastIndex(token, []byte(`"signature":"`)); i >= 0 {
		return token[:i]
	}
	return token[:bytes.LastIndexByte(token, '.')]
}

type sampleSignature struct {
	File          string   `json:"file"`
	PayloadSHA256 string   `json:"payloadSha256"`
	Alg           string   `json:"alg"`
	Crit          []string `json:"crit"`
	SigT          string   `json:"sigT"`
	X5CCount      int      `json:"x5cCount"`
	Certificate   []string `json:"certificate"`
	EtsiU         []string `json:"etsiU"`
}

func samples(t testing.TB) []sampleSignature {
	t.Helper()
	var expected struct {
		Files []sampleSignature `json:"files"`
	}
	if err := json.Unmarshal(reference.Read(t, "reference", "samples", "expected-signatures.json"), &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected.Files) == 0 {
		t.Fatal("no sample files are listed")
	}
	return expected.Files
}

// The European Commission's and others' sealed files open as two outside
// programs found them.
func TestOpenSamples(t *testing.T) {
	for _, want := range samples(t) {
		t.Run(want.File, func(t *testing.T) {
			token := reference.Read(t, "reference", "samples", want.File)
			opened, err := Open(context.Background(), token, leafResolver)
			if err != nil {
				t.Fatal(err)
			}
			if opened.Form != JAdES || len(opened.Seals) != 1 {
				t.Fatalf("form %s, %d seals", opened.Form, len(opened.Seals))
			}
			s := opened.Seals[0]
			sum := sha256.Sum256(opened.Payload)
			got := sampleSignature{
				File: want.File, PayloadSHA256: hex.EncodeToString(sum[:]),
				Alg: string(s.Alg), Crit: want.Crit, SigT: s.SealedAt.Format(time.RFC3339),
				X5CCount: len(s.Chain), Certificate: want.Certificate, EtsiU: s.Unsigned,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			orgID := OrganizationIdentifier(s.Chain[0])
			if orgID == "" || !strings.Contains(want.Certificate[0], "organizationIdentifier="+orgID+",") {
				t.Errorf("organization identifier %q of %s", orgID, want.Certificate[0])
			}
			if kid, err := issuerSerial(s.Chain[0]); err != nil || base64.StdEncoding.EncodeToString(kid) != s.KeyID {
				t.Errorf("kid %q is not the IssuerSerial that we would write (%v)", s.KeyID, err)
			}
			if SelfSigned(s.Chain[0]) {
				t.Error("taken for self-signed")
			}
			if slices.Contains(want.EtsiU, "xVals") != (len(Intermediates(token)) > 0) {
				t.Errorf("%d intermediates, unsigned %v", len(Intermediates(token)), want.EtsiU)
			}
		})
	}
}

// The certificate that issued a sample's seal certificate is among its xVals.
func TestIntermediates(t *testing.T) {
	for _, f := range []string{"ec-support/Sample-JointDegree-signed.jsonld", "mynextid/edc-mc-signed.jsonld"} {
		token := reference.Read(t, "reference", "samples", f)
		opened, err := Open(context.Background(), token, leafResolver)
		if err != nil {
			t.Fatal(err)
		}
		leaf := opened.Seals[0].Chain[0]
		if !slices.ContainsFunc(Intermediates(token), func(c *x509.Certificate) bool { return leaf.CheckSignatureFrom(c) == nil }) {
			t.Errorf("%s: nothing in xVals issued the seal certificate", f)
		}
	}
	if got := Intermediates([]byte("nonsense")); got != nil {
		t.Errorf("got %v from nonsense", got)
	}
}

// A certificate whose key makes a verifier work for the sender is not looked at,
// wherever it stands: whoever sends a token may claim that it issued the seal's.
func TestCostlyCertificates(t *testing.T) {
	s := sealer(t, ES256)
	for bits, costly := range map[uint]bool{4096: false, maxRSABits + 8: true} {
		modulus := new(big.Int).Lsh(big.NewInt(1), bits-1)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
		signer := privateKey(t, ES256)
		der, err := x509.CreateCertificate(cryptorand.Reader, template, template, &rsa.PublicKey{N: modulus.SetBit(modulus, 0, 1), E: 65537}, signer)
		if err != nil {
			t.Fatal(err)
		}
		val := base64.StdEncoding.EncodeToString(der)
		header := fmt.Sprintf(`{"alg":"ES256","x5c":[%q,%q]}`, base64.StdEncoding.EncodeToString(s.Public().Certificate.Raw), val)
		_, err = Open(context.Background(), compact(t, ES256, header, []byte(vcPayload)), oneKey(s.Public()))
		if errors.Is(err, ErrKeyPolicy) != costly {
			t.Errorf("x5c with %d bits: %v", bits, err)
		}
		token, err := s.Seal([]byte(vcPayload), JAdES, sealedAt)
		if err != nil {
			t.Fatal(err)
		}
		xVals := base64URL.EncodeToString(fmt.Appendf(nil, `{"xVals":[{"x509Cert":{"val":%q}}]}`, val))
		token = bytes.Replace(token, []byte(`"signature":`), fmt.Appendf(nil, `"header":{"etsiU":[%q]},"signature":`, xVals), 1)
		if got := Intermediates(token); (len(got) == 0) != costly {
			t.Errorf("xVals with %d bits: %d certificates", bits, len(got))
		}
	}
}

// No single byte can be changed.
//
// In a compact token that holds for each byte. In the JSON forms it holds for
// the values of payload, protected and signature: a change there is refused or,
// where it leaves the signed bytes as they are (the case of a hexadecimal digit
// in a \u escape of the payload), opens to the same payload. White space, and
// the unprotected header, which nothing relies on, are not signed.
func TestEveryByteCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	flip := func(t *testing.T, token []byte, i int, r Resolver) {
		t.Helper()
		changed := bytes.Clone(token)
		for changed[i] == token[i] {
			changed[i] = byte(random.UintN(256))
			if random.UintN(2) == 0 { // a plausible character more often than chance would have it
				changed[i] = `ABCxyz019-_.+/="\ {}`[random.IntN(20)]
			}
		}
		opened, err := Open(context.Background(), changed, r)
		if err == nil {
			before, _ := PayloadUnsafe(token)
			hexDigit := strings.ContainsRune("abcdefABCDEF", rune(token[i])) && changed[i] == token[i]^0x20
			if !hexDigit || opened.Form == VCJWT || !bytes.Equal(before, opened.Payload) {
				t.Fatalf("byte %d from %q to %q went unnoticed", i, token[i], changed[i])
			}
		} else if _, ok := errors.AsType[*OpenError](err); !ok {
			t.Fatalf("byte %d: %v is not an OpenError", i, err)
		}
	}

	for _, alg := range allAlgs {
		s := sealer(t, alg)
		for _, form := range []Form{VCJWT, JAdES} {
			t.Run(fmt.Sprintf("%s/%s", alg, form), func(t *testing.T) {
				token, err := s.Seal([]byte(vcPayload), form, sealedAt)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range signedBytes(t, token, form) {
					flip(t, token, i, oneKey(s.Public()))
				}
			})
		}
	}
	t.Run("samples", func(t *testing.T) {
		for _, f := range samples(t) {
			token := reference.Read(t, "reference", "samples", f.File)
			positions := signedBytes(t, token, JAdES)
			for range 15 {
				flip(t, token, positions[random.IntN(len(positions))], leafResolver)
			}
		}
	})
}

// signedBytes returns the positions of a token that are part of payload,
// protected header or signature.
func signedBytes(t *testing.T, token []byte, form Form) []int {
	t.Helper()
	var positions []int
	if form == VCJWT {
		for i := range token {
			positions = append(positions, i)
		}
		return positions
	}
	for _, name := range []string{`"payload":"`, `"protected":"`, `"signature":"`} {
		start := bytes.LastIndex(token, []byte(name))
		if name == `"payload":"` {
			start = bytes.Index(token, []byte(name))
		}
		if start < 0 {
			t.Fatalf("no %s", name)
		}
		for i := start + len(name); token[i] != '"'; i++ {
			positions = append(positions, i)
			if token[i] == '\\' {
				i++
				positions = append(positions, i)
			}
		}
	}
	return positions
}

// ECDSA signatures can be turned into another one that holds as well. That is a
// property of ECDSA, so tokens are never told apart by their text.
func TestMalleableSignatureOpens(t *testing.T) {
	s := sealer(t, ES256)
	token, err := s.Seal([]byte(vcPayload), VCJWT, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.LastIndexByte(token, '.') + 1
	sig, _ := base64URL.DecodeString(string(token[i:]))
	n := algorithms[ES256].curve.Params().N
	new(big.Int).Sub(n, new(big.Int).SetBytes(sig[32:])).FillBytes(sig[32:])
	other := base64URL.AppendEncode(bytes.Clone(token[:i]), sig)
	if _, err := Open(context.Background(), other, oneKey(s.Public())); err != nil {
		t.Error(err)
	}
}

// Each rule on the structure and the header of a token, and the sentinel that
// says which one was broken. All tokens are properly signed.
func TestOpenRules(t *testing.T) {
	chain := sealer(t, ES256).ring.keys[0].chain
	key := &PublicKey{ID: "k", Key: privateKey(t, ES256).Public()}
	c := func(header string) []byte { return compact(t, ES256, header, []byte(vcPayload)) }
	b64 := base64URL.EncodeToString([]byte(vcPayload))
	general := func(payload string, entries ...string) []byte {
		return fmt.Appendf(nil, `{"payload":%s,"signatures":[%s]}`, payload, strings.Join(entries, ","))
	}
	jws := func(header, unprotected string) []byte {
		return general(quote(b64), entry(t, ES256, header, unprotected, b64))
	}
	x5c := fmt.Sprintf(`"x5c":["%s"]`, base64.StdEncoding.EncodeToString(chain[0].Raw))
	x5t := fmt.Sprintf(`"x5t#S256":"%s"`, certificateThumbprint(chain[0]))
	jadesHeader := func(members string) string { return `{"alg":"ES256",` + x5t + `,"b64":false` + members + `}` }
	jades := func(header, unprotected string) []byte {
		return general(`"{\"a\":\"\u00e9\"}"`, entry(t, ES256, header, unprotected, `{"a":"é"}`))
	}
	good := entry(t, ES256, `{"alg":"ES256"}`, "", b64)
	flat := strings.Trim(good, "{}")
	plain := c(`{"alg":"ES256"}`)

	for _, tt := range []struct {
		name  string
		token []byte
		want  error
	}{
		{"compact", plain, nil},
		{"newline after the token", append(bytes.Clone(plain), '\n'), nil},
		{"all members", c(`{"alg":"ES256","typ":"application/vc+jwt","cty":"application/vc","kid":"k","iss":"did:web:a","iat":1,"b64":true,` + x5c + `,` + x5t + `,"unknown":{}}`), nil},
		{"empty", nil, ErrFormat},
		{"space before", append([]byte(" "), plain...), ErrFormat},
		{"byte order mark", append([]byte("\xef\xbb\xbf"), plain...), ErrFormat},
		{"four parts", append(bytes.Clone(plain), ".x"...), ErrFormat},
		{"line break inside", bytes.Replace(plain, []byte("."), []byte(".\r\n"), 1), ErrFormat},
		{"loose tail", append(bytes.Clone(plain[:len(plain)-1]), looseTail(plain[len(plain)-1])), ErrFormat},
		{"padding", append(bytes.Clone(plain), '='), ErrFormat},
		{"detached payload", compact(t, ES256, `{"alg":"ES256"}`, nil), ErrFormat},
		{"array", []byte(`[` + string(plain) + `]`), ErrFormat},
		{"over the limit", bytes.Repeat([]byte("A"), MaxToken+1), ErrTooLarge},
		{"header over the limit", c(`{"alg":"ES256","x":"` + strings.Repeat("a", MaxHeader) + `"}`), ErrTooLarge},

		{"header twice alg", c(`{"alg":"ES256","alg":"ES256"}`), ErrFormat},
		{"header twice alg by escape", c(`{"alg":"ES256","\u0061lg":"ES256"}`), ErrFormat},
		{"header invalid UTF-8", c("{\"alg\":\"ES256\",\"x\":\"\xff\"}"), ErrFormat},
		{"header lone surrogate", c(`{"alg":"ES256","x":"\ud800"}`), ErrFormat},
		{"header trailing data", c(`{"alg":"ES256"}{}`), ErrFormat},
		{"header array", c(`["alg","ES256"]`), ErrFormat},
		{"header null", c(`null`), ErrFormat},
		{"Alg beside alg", c(`{"alg":"ES256","Alg":"none"}`), ErrHeader},
		{"Kelvin sign in kid", c(`{"alg":"ES256","\u212aid":"k"}`), ErrHeader},
		{"no alg", c(`{"typ":"vc+jwt"}`), ErrAlgorithm},
		{"alg none", c(`{"alg":"none"}`), ErrAlgorithm},
		{"alg HS256", c(`{"alg":"HS256"}`), ErrAlgorithm},
		{"alg es256", c(`{"alg":"es256"}`), ErrAlgorithm},
		{"alg array", c(`{"alg":["ES256"]}`), ErrAlgorithm},
		{"alg of another key type", c(`{"alg":"EdDSA"}`), ErrKeyPolicy},
		{"alg of another curve", c(`{"alg":"ES384"}`), ErrKeyPolicy},
		{"alg RSA on EC", c(`{"alg":"RS256"}`), ErrKeyPolicy},

		{"crit unknown", c(`{"alg":"ES256","crit":["exp"],"exp":1}`), ErrHeader},
		{"crit b64 in compact", c(`{"alg":"ES256","crit":["b64"],"b64":true}`), ErrHeader},
		{"crit null", c(`{"alg":"ES256","crit":null}`), ErrHeader},
		{"crit empty", c(`{"alg":"ES256","crit":[]}`), ErrHeader},
		{"b64 false in compact", c(`{"alg":"ES256","b64":false,"crit":["b64"]}`), ErrHeader},
		{"b64 a string", c(`{"alg":"ES256","b64":"false"}`), ErrHeader},
		{"zip", c(`{"alg":"ES256","zip":"DEF"}`), ErrHeader},
		{"typ at+jwt", c(`{"alg":"ES256","typ":"at+jwt"}`), ErrHeader},
		{"typ JWT", c(`{"alg":"ES256","typ":"JWT"}`), nil}, // of form JWT, which is for the payload to fit
		{"typ jwt", c(`{"alg":"ES256","typ":"jwt"}`), ErrHeader},
		{"typ vp+jwt", c(`{"alg":"ES256","typ":"vp+jwt"}`), ErrHeader},
		{"typ jose+json in compact", c(`{"alg":"ES256","typ":"jose+json"}`), ErrHeader},
		{"typ empty", c(`{"alg":"ES256","typ":""}`), ErrHeader},
		{"cty JWT", c(`{"alg":"ES256","cty":"JWT"}`), ErrHeader},
		{"kid number", c(`{"alg":"ES256","kid":7}`), ErrHeader},
		{"iss null", c(`{"alg":"ES256","iss":null}`), ErrHeader},
		{"iat fraction", c(`{"alg":"ES256","iat":1.5}`), ErrHeader},
		{"iat text", c(`{"alg":"ES256","iat":"1"}`), ErrHeader},
		{"iat far", c(`{"alg":"ES256","iat":253402300800}`), ErrHeader},
		{"x5c text", c(`{"alg":"ES256","x5c":"AAAA"}`), ErrHeader},
		{"x5c empty", c(`{"alg":"ES256","x5c":[]}`), ErrHeader},
		{"x5c not DER", c(`{"alg":"ES256","x5c":["AAAA"]}`), ErrHeader},
		{"x5c with a line break", c(`{"alg":"ES256",` + strings.Replace(x5c, `["MII`, `["MI\nI`, 1) + `}`), ErrHeader},
		{"x5c of eleven", c(`{"alg":"ES256","x5c":[` + strings.Repeat(`"AAAA",`, 10) + `"AAAA"]}`), ErrTooLarge},
		{"x5t of another", c(`{"alg":"ES256",` + x5c + `,"x5t#S256":"` + base64URL.EncodeToString(make([]byte, 32)) + `"}`), ErrHeader},
		{"x5t short", c(`{"alg":"ES256","x5t#S256":"AAAA"}`), ErrHeader},

		{"general", jws(`{"alg":"ES256","typ":"jose+json"}`, ""), nil},
		{"flattened", fmt.Appendf(nil, `{"payload":%q,%s}`, b64, flat), nil},
		{"unknown member is ignored", fmt.Appendf(nil, `{"payload":%q,"x":1,%s}`, b64, flat), nil},
		{"two signatures", general(quote(b64), good, good), nil},
		{"b64 true and critical", jws(`{"alg":"ES256","b64":true,"crit":["b64"]}`, ""), nil},
		{"five signatures", general(quote(b64), good, good, good, good, good), ErrTooLarge},
		{"no signatures", general(quote(b64)), ErrFormat},
		{"signatures null", fmt.Appendf(nil, `{"payload":%q,"signatures":null}`, b64), ErrFormat},
		{"signature beside signatures", fmt.Appendf(nil, `{"payload":%q,"signatures":[%s],%s}`, b64, good, flat), ErrFormat},
		{"Payload beside payload", fmt.Appendf(nil, `{"payload":%q,"Payload":"x",%s}`, b64, flat), ErrFormat},
		{"payload twice", fmt.Appendf(nil, `{"payload":%q,"payload":%q,%s}`, b64, b64, flat), ErrFormat},
		{"payload an object", general(`{}`, good), ErrFormat},
		{"trailing object", append(general(quote(b64), good), "{}"...), ErrFormat},
		{"no protected header", general(quote(b64), `{"signature":""}`), ErrHeader},
		{"kid unprotected", jws(`{"alg":"ES256"}`, `{"kid":"k"}`), ErrHeader},
		{"alg unprotected", jws(`{"typ":"vc+jwt"}`, `{"alg":"ES256"}`), ErrHeader},
		{"unknown unprotected", jws(`{"alg":"ES256"}`, `{"x":1}`), ErrHeader},
		{"unprotected an array", jws(`{"alg":"ES256"}`, `[]`), ErrFormat},
		{"second signature broken", general(quote(b64), good, strings.Replace(good, `"signature":"`, `"signature":"AA`, 1)), ErrSignature},

		{"JAdES iat", jades(jadesHeader(`,"iat":1,"crit":["b64"]`), ""), nil},
		{"JAdES sigT", jades(jadesHeader(`,"sigT":"2026-07-01T08:00:05Z","crit":["b64","sigT"]`), ""), nil},
		{"JAdES etsiU nonsense", jades(jadesHeader(`,"iat":1,"crit":["b64"]`), `{"etsiU":[7,"!",{}]}`), nil},
		{"JAdES adoTst critical", jades(jadesHeader(`,"iat":1,"adoTst":{},"crit":["b64","adoTst"]`), ""), nil},
		{"JAdES x5t#o", jades(`{"alg":"ES256","x5t#o":{"digAlg":"S512","digVal":"`+base64URL.EncodeToString(make([]byte, 64))+`"},"b64":false,"iat":1,"crit":["b64"]}`, ""), nil},
		{"JAdES x5t#o of another", jades(`{"alg":"ES256",`+x5c+`,"x5t#o":{"digAlg":"S512","digVal":"`+base64URL.EncodeToString(make([]byte, 64))+`"},"b64":false,"iat":1,"crit":["b64"]}`, ""), ErrHeader},
		{"JAdES x5t#o of unknown digest", jades(`{"alg":"ES256","x5t#o":{"digAlg":"MD5","digVal":"AAAA"},"b64":false,"iat":1,"crit":["b64"]}`, ""), ErrHeader},
		{"JAdES iat and sigT", jades(jadesHeader(`,"iat":1,"sigT":"2026-07-01T08:00:05Z","crit":["b64","sigT"]`), ""), ErrHeader},
		{"JAdES without time", jades(jadesHeader(`,"crit":["b64"]`), ""), ErrHeader},
		{"JAdES sigT of year 1", jades(jadesHeader(`,"sigT":"0001-01-01T00:00:00Z","crit":["b64"]`), ""), ErrHeader},
		{"JAdES sigT with fraction", jades(jadesHeader(`,"sigT":"2026-07-01T08:00:05.5Z","crit":["b64"]`), ""), ErrHeader},
		{"JAdES without crit", jades(jadesHeader(`,"iat":1`), ""), ErrHeader},
		{"JAdES crit without b64", jades(jadesHeader(`,"iat":1,"sigPId":{},"crit":["iat"]`), ""), ErrHeader},
		{"JAdES crit of something absent", jades(jadesHeader(`,"iat":1,"crit":["b64","sigT"]`), ""), ErrHeader},
		{"JAdES crit twice", jades(jadesHeader(`,"iat":1,"crit":["b64","b64"]`), ""), ErrHeader},
		{"JAdES crit not understood", jades(jadesHeader(`,"iat":1,"sigPId":{},"crit":["b64","sigPId"]`), ""), ErrHeader},
		{"JAdES sigD", jades(jadesHeader(`,"iat":1,"sigD":{},"crit":["b64"]`), ""), ErrHeader},
		{"JAdES without certificate digest", jades(`{"alg":"ES256","b64":false,"iat":1,"crit":["b64"]}`, ""), ErrHeader},
		{"JAdES sigT unprotected", jades(jadesHeader(`,"crit":["b64"]`), `{"sigT":"2026-07-01T08:00:05Z"}`), ErrHeader},
		{"JAdES beside b64 true", general(quote(b64), good, entry(t, ES256, jadesHeader(`,"iat":1,"crit":["b64"]`), "", b64)), ErrHeader},
		{"JAdES lone surrogate", general(`"\ud800"`, entry(t, ES256, jadesHeader(`,"iat":1,"crit":["b64"]`), "", "\ufffd")), ErrFormat},
		{"JAdES empty payload", general(`""`, entry(t, ES256, jadesHeader(`,"iat":1,"crit":["b64"]`), "", "")), ErrFormat},

		{"credential without seal", []byte(vcPayload), ErrNotSealed},
		{"only a subject", []byte(`{"credentialSubject":{}}`), ErrNotSealed},
		{"any object", []byte(`{"a":1}`), ErrFormat},
		{"payload and no signature", fmt.Appendf(nil, `{"@context":[],"payload":%q}`, b64), ErrFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opened, err := Open(context.Background(), tt.token, oneKey(key))
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if (opened == nil) == (err == nil) {
				t.Error("a result and an error, or neither")
			}
			sameKnown(t, tt.token, oneKey(key))
		})
	}
}

// sameKnown holds OpenKnown, for the payload of a token, to what Open says of it.
func sameKnown(t *testing.T, token []byte, r Resolver) {
	t.Helper()
	payload, err := PayloadUnsafe(token)
	if err != nil { // and so it must not be opened whatever is known
		payload = []byte(vcPayload)
	}
	opened, want := Open(t.Context(), token, r)
	for _, common := range []int{0, len(payload) / 2, len(payload)} {
		known, got := OpenKnown(t.Context(), alike.Whole(token), alike.Text{Beginning: payload[:common], Rest: payload[common:]}, r)
		if known != nil && opened != nil && known.Payload == nil && known.SHA256() == opened.SHA256() {
			known.Payload, known.known = opened.Payload, nil
		}
		if !reflect.DeepEqual(known, opened) || (got == nil) != (want == nil) {
			t.Errorf("OpenKnown, %d bytes in common: %+v, %v; Open: %+v, %v", common, known, got, opened, want)
		}
	}
}

// In which parts a payload is given changes neither a token nor a verdict, whatever was sealed
// and opened before.
func TestPayloadsThatBeginAlike(t *testing.T) {
	s := sealer(t, ES256)
	r := oneKey(s.Public())
	class := bytes.Repeat([]byte(`{"title":"Управљање \"подацима\"","level":6},`), 100)
	payloads := make([][]byte, 4)
	for i := range payloads {
		payloads[i] = fmt.Appendf(bytes.Clone(class), `{"learner":%d}`, i)
	}
	payloads[3][20]++ // one begins in another way, whatever is said
	for _, form := range []Form{VCJWT, JAdES} {
		for _, common := range []int{0, 1, 1023, 1024, 2001, len(class), len(class) + 3} {
			for i, payload := range payloads {
				parts := alike.Text{Beginning: payload[:common], Rest: payload[common:]}
				plain, err := s.Seal(payload, form, sealedAt)
				if err != nil {
					t.Fatal(err)
				}
				sealed, err := s.SealText(parts, form, sealedAt)
				token := sealed.Bytes()
				headed, err2 := s.SealText(alike.Text{Head: payload[:19], Beginning: payload[19:max(19, common)], Rest: payload[max(19, common):]}, form, sealedAt)
				if err2 != nil || headed.Len() != len(plain) {
					t.Fatalf("%s: a payload with a head: %d bytes, want %d, %v", form, headed.Len(), len(plain), err2)
				}
				if _, err := OpenKnown(t.Context(), headed, alike.Text{Head: payload[:19], Rest: payload[19:]}, r); err != nil {
					t.Fatalf("%s: a payload with a head: %v", form, err)
				}
				if signature := 90; err != nil || len(token) != len(plain) || !bytes.Equal(token[:len(token)-signature-5], plain[:len(token)-signature-5]) {
					t.Fatalf("%s, %d bytes in common, %d: another token, %v", form, common, i, err)
				}
				for j, other := range payloads {
					for _, given := range []alike.Text{alike.Whole(token), sealed, {Head: sealed.Head, Rest: token[len(sealed.Head):]}, {Head: token[:7], Beginning: token[7:2000], Rest: token[2000:]}} {
						opened, err := OpenKnown(t.Context(), given, alike.Text{Beginning: other[:common], Rest: other[common:]}, r)
						if i == j && (err != nil || opened.SHA256() != sha256.Sum256(payload)) || i != j && !errors.Is(err, ErrOtherPayload) {
							t.Fatalf("%s, %d bytes in common, %d opened as %d: %v", form, common, i, j, err)
						}
					}
				}
				if _, err := Open(t.Context(), token, r); err != nil {
					t.Fatalf("%s, %d bytes in common, %d: %v", form, common, i, err)
				}
				for at := 0; at < len(token); at += 1 + len(token)/7 {
					head, beginning := len(sealed.Head), len(sealed.Head)+len(sealed.Beginning)
					other := bytes.Clone(token)
					other[at] ^= 1
					altered := alike.Text{Head: other[:head], Beginning: other[head:beginning], Rest: other[beginning:]}
					if opened, err := OpenKnown(t.Context(), altered, parts, r); err == nil {
						t.Fatalf("%s, %d bytes in common, byte %d altered: %+v", form, common, at, opened)
					}
				}
				at := bytes.LastIndexByte(token, '.')
				if form == JAdES {
					at = bytes.LastIndex(token, []byte(`"signature":"`)) + len(`"signature":`)
				}
				token[at+1] ^= 1 // of the signature
				sealed.Rest = token[len(token)-len(sealed.Rest):]
				if _, err := OpenKnown(t.Context(), sealed, parts, r); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrFormat) {
					t.Fatalf("%s, %d bytes in common, another signature in parts: %v", form, common, err)
				}
				if _, err := OpenKnown(t.Context(), alike.Whole(token), parts, r); !errors.Is(err, ErrSignature) && !errors.Is(err, ErrFormat) {
					t.Fatalf("%s, %d bytes in common, another signature: %v", form, common, err)
				}
			}
		}
	}
}

// looseTail returns a last character that decodes to the same octets where the
// unused bits, four after a signature of 64 octets, are not looked at.
func looseTail(last byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, last)|1]
}

// What a key may be used for is checked before its signature.
func TestOpenKeyPolicy(t *testing.T) {
	token := compact(t, RS256, `{"alg":"RS256","kid":"k"}`, []byte(vcPayload))
	key := privateKey(t, RS256).Public()
	elsewhere := errors.New("registry is down")
	for _, tt := range []struct {
		name string
		r    Resolver
		want error
	}{
		{"bound to nothing", oneKey(&PublicKey{Key: key}), nil},
		{"bound to it", oneKey(&PublicKey{Key: key, Alg: RS256, Purposes: []string{"authentication", "assertionMethod"}}), nil},
		{"bound to another algorithm", oneKey(&PublicKey{Key: key, Alg: PS256}), ErrKeyPolicy},
		{"for authentication", oneKey(&PublicKey{Key: key, Purposes: []string{"authentication"}}), ErrKeyPolicy},
		{"for no purpose", oneKey(&PublicKey{Key: key, Purposes: []string{}}), ErrKeyPolicy},
		{"of no known type", oneKey(&PublicKey{Key: "key"}), ErrKeyPolicy},
		{"another key", oneKey(&PublicKey{Key: otherRSA(t)}), ErrSignature},
		{"not found", resolverFunc(func(h Header) (*PublicKey, error) { return nil, fmt.Errorf("%w: %s", ErrUnknownKey, h.KeyID) }), ErrUnknownKey},
		{"nothing at all", oneKey(nil), ErrUnknownKey},
		{"not to be asked", resolverFunc(func(Header) (*PublicKey, error) { return nil, elsewhere }), elsewhere},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(context.Background(), token, tt.r)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// A header says what the resolver needs, and that a jwk member was there, which
// is no key.
func TestHeaderForResolver(t *testing.T) {
	token := compact(t, ES256, `{"alg":"ES256","typ":"application/vc+jwt","kid":"k","iss":"did:web:a","jwk":{"kty":"EC"},"iat":1782892805}`, []byte(vcPayload))
	want := Header{Form: VCJWT, Alg: ES256, KeyID: "k", Typ: "vc+jwt", Issuer: "did:web:a", HasJWK: true, SealedAt: time.Unix(1782892805, 0).UTC()}
	_, err := Open(context.Background(), token, resolverFunc(func(h Header) (*PublicKey, error) {
		if diff := cmp.Diff(want, h); diff != "" {
			t.Error(diff)
		}
		return nil, ErrUnknownKey
	}))
	if !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f, ES256)
	for _, form := range []Form{VCJWT, JAdES} {
		token, err := s.Seal([]byte(vcPayload), form, sealedAt)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(token)
	}
	f.Add([]byte(`{"payload":"e30","protected":"e30","signature":"","header":{"etsiU":["eyJ4VmFscyI6W119"]}}`))
	f.Add([]byte(vcPayload))
	f.Add([]byte(`{"payload":` + string(strictjson.AppendQuoted(nil, []byte(vcPayload))) + `,"payload":"","signatures":[]}`))
	f.Fuzz(func(t *testing.T, token []byte) {
		Intermediates(token)
		sameKnown(t, token, oneKey(s.Public()))
		opened, err := Open(context.Background(), token, oneKey(s.Public()))
		if err != nil {
			if _, ok := errors.AsType[*OpenError](err); !ok || opened != nil {
				t.Fatalf("%v, %v", opened, err)
			}
			return
		}
		if string(opened.Payload) != vcPayload {
			t.Fatalf("forged: %q", opened.Payload)
		}
	})
}

// A header that is taken has an algorithm of the list, and one form only is made
// of it whether it stands in a compact token or in JSON.
func FuzzHeader(f *testing.F) {
	for _, header := range []string{
		`{"alg":"ES256","kid":"did:web:a#1","typ":"vc+jwt","cty":"vc","iss":"did:web:a","iat":1782892805}`,
		`{"alg":"RS256","b64":false,"crit":["b64"],"x5t#S256":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","sigT":"2026-07-01T00:00:00Z"}`,
		`{"alg":"none"}`, `{"alg":"ES256","alg":"none"}`, `{"Alg":"ES256"}`, `{"alg":"ES256","crit":[]}`, `{"alg":"ES256","crit":["exp"],"exp":1}`,
		`{"alg":"ES256","x5c":["MIIB"]}`, `{"alg":"ES256","jwk":{"kty":"oct","k":""}}`, `{"alg":"ES256","zip":"DEF"}`, `{"alg":"ES256","x5t#o":{"digAlg":"S512","digVal":""}}`, `[]`, `null`,
	} {
		f.Add([]byte(header))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := []byte(base64URL.EncodeToString(raw))
		for _, compact := range []bool{true, false} {
			h, err := readProtected(text, compact)
			if err != nil {
				if _, ok := errors.AsType[*OpenError](err); !ok {
					t.Fatal(err)
				}
				continue
			}
			if _, ok := algorithms[h.Alg]; !ok || compact != (h.Form == VCJWT) || len(h.Chain) > MaxCertificates || h.SealedAt.Year() > 9999 {
				t.Fatalf("%+v of %q", h, raw)
			}
		}
	})
}
