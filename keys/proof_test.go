package keys

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jcs stands for the canonicalization of RDF: like it, it does not see the order
// of members. The real one is tried in package verifier.
func jcs(doc []byte, _ crypto.Hash) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(doc))
	return v, v.Canonicalize()
}

var proofOptions = ProofOptions{Canonicalize: jcs}

const proofDoc = `{"@context": ["https://www.w3.org/ns/credentials/v2"], "id": "urn:x:1", "name": "Žaneta"}`

var suites = map[Algorithm]string{EdDSA: EdDSARDFC2022, ES256: ECDSARDFC2019, ES384: ECDSARDFC2019}

func addProof(t testing.TB, alg Algorithm, doc string, o ProofOptions) []byte {
	t.Helper()
	sealed, err := sealer(t, alg).AddProof([]byte(doc), suites[alg], o, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func openedAs(err error) error {
	if open, ok := errors.AsType[*OpenError](err); ok {
		return open.Err
	}
	return err
}

// What gets a proof opens to the same bytes, however its members are put in
// order; whatever else changes, it opens no more.
func TestProof(t *testing.T) {
	for alg, suite := range suites {
		t.Run(string(alg), func(t *testing.T) {
			public := sealer(t, alg).Public()
			o := ProofOptions{Canonicalize: jcs, Purpose: "assertionMethod", Challenge: "c1", Domain: "uni.example"}
			sealed := addProof(t, alg, proofDoc, o)
			for name, doc := range map[string][]byte{"as sealed": sealed, "spaced": append(append([]byte("\n "), sealed...), '\n')} {
				opened, err := OpenProof(context.Background(), doc, o, oneKey(public))
				if err != nil {
					t.Fatal(name, err)
				}
				if s := opened.Seals[0]; strings.TrimSpace(string(opened.Payload)) != proofDoc || opened.Form != DataIntegrity || !s.SealedAt.Equal(sealedAt) ||
					s.Alg != alg || s.Cryptosuite != suite || s.KeyID != testDID+"#"+public.Multikey() || !s.Expires.IsZero() {
					t.Errorf("%s: %s %+v", name, opened.Payload, s)
				}
			}
			sorted, err := jcs(sealed, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := OpenProof(context.Background(), sorted, o, oneKey(public)); err != nil {
				t.Error("members in another order:", err)
			}
			if _, err := OpenProof(context.Background(), sealed, proofOptions, oneKey(public)); err != nil {
				t.Error("challenge and domain not asked for:", err)
			}

			for name, change := range map[string][2]string{
				"document":  {"Žaneta", "Zaneta"},
				"created":   {"2026-07-01", "2026-07-02"},
				"challenge": {`"challenge":"c1",`, ""},
				"nonce":     {`"challenge":"c1"`, `"challenge":"c1","nonce":"n"`},
				"@context":  {"credentials/v2", "credentials/v3"},
				"symbol":    {`"proofValue":"z`, `"proofValue":"z1`},
			} {
				other := bytes.Replace(sealed, []byte(change[0]), []byte(change[1]), 1)
				if bytes.Equal(other, sealed) {
					t.Fatal(name, "is not in", string(sealed))
				}
				if _, err := OpenProof(context.Background(), other, proofOptions, oneKey(public)); err == nil {
					t.Error(name, "changed, and it opened")
				}
			}
			for other := range suites {
				if other != alg {
					if _, err := OpenProof(context.Background(), sealed, o, oneKey(sealer(t, other).Public())); err == nil {
						t.Errorf("opened with a key of %s", other)
					}
				}
			}
		})
	}
}

// Every rule for proofs (VC Data Integrity 1.0 section 2.1 and 4.4), with the
// error that names it.
func TestProofRules(t *testing.T) {
	sealed := string(addProof(t, EdDSA, proofDoc, ProofOptions{Canonicalize: jcs, Challenge: "c1", Domain: "uni.example"}))
	public := sealer(t, EdDSA).Public()
	authentication := *public
	authentication.Purposes = []string{"authentication"}
	for name, test := range map[string]struct {
		from, to string
		o        ProofOptions
		key      *PublicKey
		want     error
	}{
		"no proof":           {`"proof"`, `"prof"`, ProofOptions{}, nil, ErrNotSealed},
		"proof in caps":      {`"proof"`, `"Proof"`, ProofOptions{}, nil, ErrFormat},
		"list of none":       {sealed[strings.Index(sealed, `"proof":`):], `"proof":[]}`, ProofOptions{}, nil, ErrNotSealed},
		"null":               {sealed[strings.Index(sealed, `"proof":`):], `"proof":null}`, ProofOptions{}, nil, ErrFormat},
		"text":               {sealed[strings.Index(sealed, `"proof":`):], `"proof":"z"}`, ProofOptions{}, nil, ErrFormat},
		"twice":              {`"id": "urn:x:1"`, `"id": "urn:x:1", "proof": {}`, ProofOptions{}, nil, ErrFormat},
		"no @context":        {`"@context"`, `"context"`, ProofOptions{}, nil, ErrHeader},
		"no type":            {`"type":"DataIntegrityProof",`, ``, ProofOptions{}, nil, ErrHeader},
		"another type":       {`DataIntegrityProof`, `Ed25519Signature2020`, ProofOptions{}, nil, ErrAlgorithm},
		"type of number":     {`"DataIntegrityProof"`, `1`, ProofOptions{}, nil, ErrHeader},
		"no cryptosuite":     {`"cryptosuite":"eddsa-rdfc-2022",`, ``, ProofOptions{}, nil, ErrAlgorithm},
		"other cryptosuite":  {`eddsa-rdfc-2022`, `eddsa-jcs-2022`, ProofOptions{}, nil, ErrAlgorithm},
		"suite of other key": {`eddsa-rdfc-2022`, `ecdsa-rdfc-2019`, ProofOptions{}, nil, ErrKeyPolicy},
		"no purpose":         {`,"proofPurpose":"assertionMethod"`, ``, ProofOptions{}, nil, ErrHeader},
		"other purpose":      {`"assertionMethod"`, `"authentication"`, ProofOptions{}, nil, ErrHeader},
		"purpose asked for":  {``, ``, ProofOptions{Purpose: "authentication"}, nil, ErrHeader},
		"key for another":    {``, ``, ProofOptions{}, &authentication, ErrKeyPolicy},
		"challenge":          {``, ``, ProofOptions{Challenge: "c2"}, nil, ErrHeader},
		"no challenge":       {`"challenge":"c1",`, ``, ProofOptions{Challenge: "c1"}, nil, ErrHeader},
		"domain":             {``, ``, ProofOptions{Domain: "other.example"}, nil, ErrHeader},
		"domain of number":   {`"uni.example"`, `7`, ProofOptions{}, nil, ErrHeader},
		"no method":          {`"verificationMethod"`, `"nonce"`, ProofOptions{}, nil, ErrHeader},
		"method no URL":      {`"did:web:uni.example#`, `"uni.example#`, ProofOptions{}, nil, ErrHeader},
		"method an object":   {`"verificationMethod":"`, `"verificationMethod":{},"nonce":"`, ProofOptions{}, nil, ErrHeader},
		"created no time":    {sealedAt.Format(time.RFC3339), `2026-07-01`, ProofOptions{}, nil, ErrHeader},
		"created no offset":  {sealedAt.Format(time.RFC3339), `2026-07-01T08:00:05`, ProofOptions{}, nil, ErrHeader},
		"created far offset": {sealedAt.Format(time.RFC3339), `2026-07-01T08:00:05+15:00`, ProofOptions{}, nil, ErrHeader},
		"created comma":      {sealedAt.Format(time.RFC3339), `2026-07-01T08:00:05,5Z`, ProofOptions{}, nil, ErrHeader},
		"created one digit":  {sealedAt.Format(time.RFC3339), `2026-07-01T8:00:05Z`, ProofOptions{}, nil, ErrHeader},
		"created no day":     {sealedAt.Format(time.RFC3339), `2026-02-30T08:00:05Z`, ProofOptions{}, nil, ErrHeader},
		"expires no time":    {`"created"`, `"expires":"soon","created"`, ProofOptions{}, nil, ErrHeader},
		"expires added":      {`"created"`, `"expires":"2036-07-01T08:00:05Z","created"`, ProofOptions{}, nil, ErrSignature},
		"no value":           {`"proofValue"`, `"nonce"`, ProofOptions{}, nil, ErrHeader},
		"value of base64url": {`"proofValue":"z`, `"proofValue":"u`, ProofOptions{}, nil, ErrHeader},
		"value without base": {`"proofValue":"z`, `"proofValue":"`, ProofOptions{}, nil, ErrHeader},
		"value with 0":       {`"proofValue":"z`, `"proofValue":"z0`, ProofOptions{}, nil, ErrHeader},
		"value too long":     {`"proofValue":"z`, `"proofValue":"z1`, ProofOptions{}, nil, ErrHeader},
		"value much longer":  {`"proofValue":"z`, `"proofValue":"z` + strings.Repeat("2", 5000), ProofOptions{}, nil, ErrHeader},
		"unknown member":     {`"created"`, `"jws":"x","created"`, ProofOptions{}, nil, ErrHeader},
		"@context in it":     {`"created"`, `"@context":"https://www.w3.org/ns/credentials/v2","created"`, ProofOptions{}, nil, ErrHeader},
		"proof in proof":     {`"created"`, `"proof":{},"created"`, ProofOptions{}, nil, ErrHeader},
		"member twice":       {`"created"`, `"created":"2026-07-01T08:00:05Z","created"`, ProofOptions{}, nil, ErrFormat},
		"previous not there": {`"created"`, `"previousProof":"urn:x:9","created"`, ProofOptions{}, nil, ErrHeader},
		"previous of number": {`"created"`, `"previousProof":[7],"created"`, ProofOptions{}, nil, ErrHeader},
		"too large":          {`Žaneta`, strings.Repeat("a", MaxProofDocument), ProofOptions{}, nil, ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(sealed, test.from) {
				t.Fatalf("%q is not in %s", test.from, sealed)
			}
			test.o.Canonicalize = jcs
			if test.key == nil {
				test.key = public
			}
			_, err := OpenProof(context.Background(), []byte(strings.Replace(sealed, test.from, test.to, 1)), test.o, oneKey(test.key))
			if openedAs(err) != test.want {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// withProofs replaces proof by a list.
func withProofs(t testing.TB, docs ...[]byte) []byte {
	t.Helper()
	bare, err := withoutMember(docs[0], "proof")
	if err != nil {
		t.Fatal(err)
	}
	var list []jsontext.Value
	for _, doc := range docs {
		members, err := readObject(doc)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, members["proof"])
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return appendMember(bare, "proof", raw)
}

// Each proof of a set must hold.
func TestProofSet(t *testing.T) {
	byMethod := resolverFunc(func(h Header) (*PublicKey, error) {
		for alg := range suites {
			if k := sealer(t, alg).Public(); strings.HasSuffix(h.KeyID, "#"+k.Multikey()) {
				return k, nil
			}
		}
		return nil, fmt.Errorf("%w: %s", ErrUnknownKey, h.KeyID)
	})
	first, second := addProof(t, EdDSA, proofDoc, proofOptions), addProof(t, ES384, proofDoc, proofOptions)
	opened, err := OpenProof(context.Background(), withProofs(t, first, second), proofOptions, byMethod)
	if err != nil || len(opened.Seals) != 2 || string(opened.Payload) != proofDoc {
		t.Fatalf("%+v, %v", opened, err)
	}
	other := addProof(t, ES256, strings.Replace(proofDoc, "Žaneta", "Zaneta", 1), proofOptions)
	if _, err := OpenProof(context.Background(), withProofs(t, first, other), proofOptions, byMethod); openedAs(err) != ErrSignature {
		t.Error("one of another document:", err)
	}
	if _, err := OpenProof(context.Background(), withProofs(t, first, first, first, first, first), proofOptions, byMethod); openedAs(err) != ErrTooLarge {
		t.Error("five proofs:", err)
	}
}

// A proof that builds on another seals it too (section 4.5).
func TestProofChain(t *testing.T) {
	first := bytes.Replace(addProof(t, EdDSA, proofDoc, proofOptions), []byte(`"proof":{`), []byte(`"proof":{"id":"urn:x:p1",`), 1)
	members, err := readObject(first)
	if err != nil {
		t.Fatal(err)
	}
	// The first proof was made without an id: it is bad, but what the second says
	// of it must hold on its own.
	s := sealer(t, ES256)
	options := fmt.Sprintf(`{"type":"DataIntegrityProof","cryptosuite":%q,"verificationMethod":%q,"proofPurpose":"assertionMethod","previousProof":"urn:x:p1"}`, ECDSARDFC2019, s.Public().ID)
	second := func(previous []byte) *proof {
		canonicalOptions, _ := jcs(appendMember([]byte(options), "@context", members["@context"]), 0)
		document, _ := jcs(appendMember([]byte(proofDoc), "proof", previous), 0)
		signature, err := sign(ES256, privateKey(t, ES256), hashData(crypto.SHA256, canonicalOptions, document))
		if err != nil {
			t.Fatal(err)
		}
		raw := appendMember([]byte(options), "proofValue", []byte(`"`+encodeMultibase(signature)+`"`))
		p, err := readProof(raw, members["@context"], &proofOptions)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, err := readProof(members["proof"], members["@context"], &proofOptions)
	if err != nil {
		t.Fatal(err)
	}
	holds := func(p *proof) bool {
		document, err := canonicalChain([]byte(proofDoc), p, []*proof{one, p}, crypto.SHA256, &proofOptions)
		if err != nil {
			t.Fatal(err)
		}
		canonicalOptions, _ := jcs(p.options, 0)
		return verify(ES256, s.Public(), p.signature, hashData(crypto.SHA256, canonicalOptions, document))
	}
	if !holds(second([]byte(`[` + string(members["proof"]) + `]`))) {
		t.Error("does not hold")
	}
	if holds(second([]byte(`[]`))) {
		t.Error("holds without the proof it builds on")
	}
}

// A document that cannot be canonicalized gives that error.
func TestProofNotCanonical(t *testing.T) {
	cause := errors.New("too many blank nodes")
	o := ProofOptions{Canonicalize: func([]byte, crypto.Hash) ([]byte, error) { return nil, cause }}
	if _, err := OpenProof(context.Background(), addProof(t, EdDSA, proofDoc, proofOptions), o, oneKey(sealer(t, EdDSA).Public())); !errors.Is(err, cause) {
		t.Error(err)
	}
	if _, err := sealer(t, EdDSA).AddProof([]byte(proofDoc), EdDSARDFC2022, o, sealedAt); !errors.Is(err, cause) {
		t.Error(err)
	}
}

// A proof is not made that nobody would accept.
func TestAddProofRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		alg        Algorithm
		suite, doc string
		at         time.Time
	}{
		"key of another suite": {ES256, EdDSARDFC2022, proofDoc, sealedAt},
		"RSA":                  {RS256, ECDSARDFC2019, proofDoc, sealedAt},
		"unknown suite":        {EdDSA, "eddsa-jcs-2022", proofDoc, sealedAt},
		"before the key":       {EdDSA, EdDSARDFC2022, proofDoc, sealedAt.AddDate(-1, 0, 0)},
		"has a proof":          {EdDSA, EdDSARDFC2022, `{"@context":[],"proof":{}}`, sealedAt},
		"no context":           {EdDSA, EdDSARDFC2022, `{"id":"urn:x:1"}`, sealedAt},
		"no object":            {EdDSA, EdDSARDFC2022, `[]`, sealedAt},
	} {
		if _, err := sealer(t, test.alg).AddProof([]byte(test.doc), test.suite, proofOptions, test.at); err == nil {
			t.Error(name)
		}
	}
}

// The document without its proof has all its other bytes.
func TestWithoutMember(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1}`:                             `{"a":1}`,
		`{}`:                                  `{}`,
		`{"proof":1}`:                         `{}`,
		` { "proof" : {"proof":2} , "a": 1 }`: ` { "a": 1 }`,
		`{"a":{"proof":1}, "proof":[1] , "b" : 2}`: `{"a":{"proof":1} , "b" : 2}`,
		`{"a":1,"pr\u006fof":1}`:                   `{"a":1}`,
	} {
		got, err := withoutMember([]byte(in), "proof")
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
}

func FuzzOpenProof(f *testing.F) {
	for alg := range suites {
		f.Add(addProof(f, alg, proofDoc, ProofOptions{Canonicalize: jcs, Challenge: "c", Domain: "d"}))
	}
	f.Add([]byte(`{"@context":"x","proof":[{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","proofPurpose":"assertionMethod","verificationMethod":"did:key:z6Mk#z6Mk","domain":["a","b"],"previousProof":["urn:x:1"],"id":"urn:x:2","expires":"2026-01-01T00:00:00.5+01:00","nonce":"n","proofValue":"z1"}]}`))
	keys := oneKey(sealer(f, EdDSA).Public())
	f.Fuzz(func(t *testing.T, doc []byte) {
		opened, err := OpenProof(context.Background(), doc, proofOptions, keys)
		if err != nil {
			return
		}
		members, err := readObject(opened.Payload)
		if err != nil || members["proof"] != nil {
			t.Fatalf("payload %s, %v", opened.Payload, err)
		}
		if got, _ := jcs(opened.Payload, 0); !bytes.Equal(got, mustJCS(t, proofDoc)) {
			t.Fatalf("opened what was never sealed: %s", doc)
		}
	})
}

func mustJCS(t testing.TB, doc string) []byte {
	t.Helper()
	out, err := jcs([]byte(doc), 0)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
