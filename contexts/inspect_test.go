package contexts

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/piprate/json-gold/ld"

	"indeks/internal/reference"

	"indeks/strictjson"
)

const (
	ownContext = "https://issuer.example" + ELMPath
	digestV2   = "sha256-WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ="
)

// credential2 returns a credential of the data model 2.0 with ELM content, its
// members overlaid with those of extra.
func credential2(t testing.TB, extra string) map[string]any {
	t.Helper()
	doc := parse(t, fmt.Appendf(nil, `{
		"@context": [%q, %q],
		"id": "urn:credential:1",
		"type": ["VerifiableCredential", "EuropeanDigitalCredential"],
		"issuer": {"id": "did:web:issuer.example", "type": "Organisation", "legalName": {"en": "A school"}},
		"validFrom": "2026-01-01T00:00:00Z",
		"relatedResource": {"id": %q, "type": "Evidence", "digestSRI": %q},
		"credentialStatus": {"type": "BitstringStatusListEntry", "statusPurpose": "revocation",
			"statusListIndex": "7", "statusListCredential": "https://issuer.example/status/1"},
		"credentialSubject": {"id": "urn:epass:person:1", "type": "Person", "fullName": {"sr-Latn": "Ana", "en": ["Ana"]},
			"hasClaim": [{"id": "urn:epass:learningAchievement:1", "type": "LearningAchievement",
				"title": {"en": "A title"}, "elmDescription": {"en": "A text"}, "description": "Another text"}]}
	}`, VC2, ownContext, ownContext, ELMDigestSRI()))
	overlay(doc, parse(t, []byte(extra)))
	return doc
}

// credential1 returns a European Digital Credential, likewise.
func credential1(t testing.TB, extra string) map[string]any {
	t.Helper()
	doc := parse(t, fmt.Appendf(nil, `{
		"@context": [%q, %q, %q],
		"id": "urn:credential:1",
		"type": ["VerifiableCredential", "EuropeanDigitalCredential"],
		"issuer": {"id": "urn:epass:org:1", "type": "Organisation", "legalName": {"en": "A school"}},
		"issuanceDate": "2026-01-01T00:00:00Z",
		"status": {"id": "urn:status:1", "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
			"statusListIndex": "7", "statusListCredential": "https://issuer.example/status/1"},
		"credentialSubject": {"id": "urn:epass:person:1", "type": "Person", "fullName": {"en": "Ana"}}
	}`, VC1, EDCAP, StatusV1))
	overlay(doc, parse(t, []byte(extra)))
	return doc
}

func overlay(doc, extra map[string]any) {
	for name, value := range extra {
		doc[name] = value
	}
}

// problem returns what makes a document unreadable, or nil.
func problem(t testing.TB, err error) *Problem {
	t.Helper()
	var p *Problem
	if err != nil && !errors.As(err, &p) {
		t.Fatalf("%v is not a Problem", err)
	}
	return p
}

func TestInspectReportsUndefined(t *testing.T) {
	micro, err := Default().With(map[string][]byte{
		"https://extra.example/v1": []byte(`{"@context": {"hidden": null, "Hidden": null,
			"Box": {"@id": "https://extra.example/Box", "@context": {"inner": "https://extra.example/inner"}},
			"lid": {"@id": "https://extra.example/lid", "@context": {"handle": "https://extra.example/handle"}},
			"list": {"@id": "https://extra.example/list", "@container": "@list"},
			"raw": {"@id": "https://extra.example/raw", "@type": "@json"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	extra := func(members string) map[string]any {
		return parse(t, fmt.Appendf(nil, `{"@context": [%q, "https://extra.example/v1"], %s}`, VC2, members))
	}
	for _, test := range []struct {
		name string
		doc  map[string]any
		want []Undefined
	}{
		{"vc2", credential2(t, `{}`), nil},
		{"edc", credential1(t, `{}`), nil},
		{"VC2 with status v1", credential2(t, `{"@context": ["`+VC2+`", "`+StatusV1+`", "`+ownContext+`"]}`), nil},
		{"status message", credential2(t, `{"credentialStatus": {"type": "BitstringStatusListEntry", "statusSize": 2,
			"statusMessage": [{"status": "0x0", "message": "ok", "odd": 1}]}}`), []Undefined{{"/credentialStatus/statusMessage/0/odd", "odd", false}}},
		{"member", credential2(t, `{"zzz": 1, "approvedBy": {"id": "x"}}`), []Undefined{{"/approvedBy", "approvedBy", false}, {"/zzz", "zzz", false}}},
		{"empty name", credential2(t, `{"": 1}`), []Undefined{{"/", "", false}}},
		{"escaped name", credential2(t, `{"a/b~c": 1}`), []Undefined{{"/a~1b~0c", "a/b~c", false}}},
		{"case", credential2(t, `{"Issuer": "https://x.example", "credential\u017fubject": {}}`), []Undefined{
			{"/Issuer", "Issuer", false}, {"/credential\u017fubject", "credential\u017fubject", false}}},
		{"absolute IRI as member", credential2(t, `{"https://x.example/p": 1}`), []Undefined{{"/https:~1~1x.example~1p", "https://x.example/p", false}}},
		{"compact IRI as member", credential1(t, `{"dc:title": {"en": "Another title"}}`), []Undefined{{"/dc:title", "dc:title", false}}},
		{"type", credential2(t, `{"credentialSubject": {"type": ["Person", "Wizard"], "birthName": {"en": "A"}}}`), []Undefined{{"/credentialSubject/type/1", "Wizard", true}}},
		{"single type", credential2(t, `{"credentialSubject": {"type": "Wizard"}}`), []Undefined{{"/credentialSubject/type", "Wizard", true}}},
		{"type by IRI", credential2(t, `{"credentialSubject": {"type": "https://x.example/Wizard"}}`), nil},
		{"nothing below an undefined member", credential2(t, `{"odd": {"@id": "_:b0", "@context": {}, "other": 1}}`), []Undefined{{"/odd", "odd", false}}},
		{"arrays of arrays", credential2(t, `{"credentialSubject": [[{"type": "Person", "odd": 1}]]}`), []Undefined{{"/credentialSubject/0/0/odd", "odd", false}}},
		{"language map in an array is a node", credential2(t, `{"credentialSubject": {"type": "Person", "fullName": [{"en": "Ana"}]}}`), []Undefined{{"/credentialSubject/fullName/0/en", "en", false}}},

		// Type-scoped contexts reach the members of the object, no further.
		{"not a credential", parse(t, fmt.Appendf(nil, `{"@context": [%q], "type": "JsonSchema", "issuer": "https://x.example"}`, VC2)), []Undefined{{"/issuer", "issuer", false}}},
		{"below a credential", credential2(t, `{"credentialSubject": {"type": "Person", "issuer": "https://x.example"}}`), []Undefined{{"/credentialSubject/issuer", "issuer", false}}},
		{"status term without its type", credential2(t, `{"credentialStatus": {"statusPurpose": "revocation"}}`), []Undefined{{"/credentialStatus/statusPurpose", "statusPurpose", false}}},
		{"edc has no elmDescription", credential1(t, `{"elmDescription": {"en": "A"}}`), []Undefined{{"/elmDescription", "elmDescription", false}}},
		{"date that the context types as a link", credential1(t, `{"dateModified": "2024-09-22T05:21:31Z"}`), []Undefined{{"/dateModified", "dateModified", false}}},
		{"one of several", credential1(t, `{"dateModified": ["urn:x:1", "2024-09-22T05:21:31Z"]}`), []Undefined{{"/dateModified/1", "dateModified", false}}},
		{"the same in our context", credential2(t, `{"dateModified": "2024-09-22T05:21:31Z"}`), nil},
		{"null member", extra(`"hidden": 1, "type": ["Hidden"]`), []Undefined{{"/hidden", "hidden", false}, {"/type/0", "Hidden", true}}},
		{"type-scoped", extra(`"type": "Box", "inner": 1, "lid": {"inner": 1}`), []Undefined{{"/lid/inner", "inner", false}}},
		{"property-scoped", extra(`"handle": 1, "lid": {"handle": 1, "lid": {"handle": 1}}`), []Undefined{{"/handle", "handle", false}}},
		{"property-scoped goes on", extra(`"lid": {"list": {"handle": 1}}`), nil},
		{"list", extra(`"list": [[1], {"odd": 1}]`), []Undefined{{"/list/1/odd", "odd", false}}},
		{"json", extra(`"raw": {"odd": {"@id": 1}}`), nil},
		{"JWT claims", credential2(t, `{"iat": 1, "cnf": {"jwk": {"kty": "EC"}, "odd": 1}, "vc": {}}`), []Undefined{{"/cnf/odd", "odd", false}, {"/vc", "vc", false}}},
		{"language value object", credential2(t, `{"name": [{"@value": "A", "@language": "ar", "@direction": "rtl"}, {"@value": "B"}]}`), nil},
		{"proof", credential2(t, `{"proof": {"type": "DataIntegrityProof", "proofPurpose": "assertionMethod", "proofValue": "z", "odd": 1}}`), []Undefined{{"/proof/odd", "odd", false}}},
		{"presentation", parse(t, fmt.Appendf(nil, `{"@context": [%q], "type": "VerifiablePresentation", "verifiableCredential": [
			{"@context": [%q], "type": ["VerifiableCredential"], "issuer": "https://x.example", "odd": 1},
			{"@context": %q, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,x"},
			{"id": "urn:x:1"}]}`, VC2, VC2, VC2)), []Undefined{{"/verifiableCredential/0/odd", "odd", false}, {"/verifiableCredential/2/id", "id", false}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 3 { // maps have no order, reports have
				got, err := micro.Inspect(strictjson.Of(test.doc))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Fatalf("undefined (-want +got):\n%s", diff)
				}
			}
			if _, _, err := micro.Expand(test.doc); err != nil {
				t.Errorf("Expand: %v", err)
			}
		})
	}
}

func TestInspectRefuses(t *testing.T) {
	nested := func(open, closing string, n int) string { return strings.Repeat(open, n) + strings.Repeat(closing, n) }
	deep := func(n int) string { return `{"credentialSubject": {"hasClaim": ` + nested("[", "]", n) + `}}` }
	withContext := func(ctx string) map[string]any { return credential2(t, `{"@context": `+ctx+`}`) }
	subject := func(member string) map[string]any {
		return credential2(t, `{"credentialSubject": {"type": "Person", `+member+`}}`)
	}
	for _, test := range []struct {
		name          string
		doc           map[string]any
		rule, pointer string
	}{
		{"no context", withContext(`null`), "context-missing", "/@context"},
		{"empty context", withContext(`[]`), "context-missing", "/@context"},
		{"inline context", withContext(`{"@vocab": "https://x.example/"}`), "context-inline", "/@context"},
		{"inline context in the list", withContext(`["` + VC2 + `", {}]`), "context-inline", "/@context"},
		{"number as context", withContext(`7`), "context-inline", "/@context"},
		{"unknown context", withContext(`["` + VC2 + `", "https://x.example/v1"]`), "context-unknown", "/@context"},
		{"trailing slash", withContext(`["` + VC2 + `/"]`), "context-unknown", "/@context"},
		{"file", withContext(`["` + VC2 + `", "file:///etc/passwd"]`), "context-unknown", "/@context"},
		{"many contexts", withContext(`["` + VC2 + `"` + strings.Repeat(`, "`+VC2+`"`, maxContexts) + `]`), "budget", "/@context"},
		{"VC2 second", withContext(`["` + StatusV1 + `", "` + VC2 + `"]`), "context-order", "/@context"},
		{"VC1 second", withContext(`["` + EDCAP + `", "` + VC1 + `"]`), "context-order", "/@context"},
		{"edc-ap alone", withContext(`["` + EDCAP + `"]`), "context-order", "/@context"},
		{"VC2 with edc-ap", withContext(`["` + VC2 + `", "` + EDCAP + `"]`), "context-conflict", "/@context"},
		{"VC2 with VC1", withContext(`["` + VC2 + `", "` + VC1 + `"]`), "context-conflict", "/@context"},
		{"our context twice the same, then edc-ap", withContext(`["` + VC2 + `", "` + ownContext + `", "` + ownContext + `", "` + EDCAP + `"]`), "context-conflict", "/@context"},
		{"context in the subject", subject(`"@context": {"fullName": null}`), "context-inline", "/credentialSubject/@context"},
		{"context in a VC1 presentation", parse(t, fmt.Appendf(nil, `{"@context": [%q], "type": "VerifiablePresentation",
			"verifiableCredential": {"@context": [%q], "type": "VerifiableCredential"}}`, VC1, VC1)), "context-inline", "/verifiableCredential/@context"},
		{"bad context in a presentation", parse(t, fmt.Appendf(nil, `{"@context": [%q], "type": "VerifiablePresentation",
			"verifiableCredential": {"@context": [%q, %q], "type": "VerifiableCredential"}}`, VC2, VC2, EDCAP)), "context-conflict", "/verifiableCredential/@context"},

		{"@id", subject(`"@id": "did:example:mallory"`), "keyword", "/credentialSubject/@id"},
		{"@type", subject(`"@type": "Person"`), "keyword", "/credentialSubject/@type"},
		{"@graph", credential2(t, `{"@graph": [{"id": "did:example:mallory"}]}`), "keyword", "/@graph"},
		{"@included", credential2(t, `{"@included": []}`), "keyword", "/@included"},
		{"@reverse", subject(`"@reverse": {}`), "keyword", "/credentialSubject/@reverse"},
		{"@vocab", credential2(t, `{"@vocab": "https://x.example/"}`), "keyword", "/@vocab"},
		{"@base", credential2(t, `{"@base": "https://x.example/"}`), "keyword", "/@base"},
		{"@foo", credential2(t, `{"@foo": 1}`), "keyword", "/@foo"},
		{"@list", subject(`"hasClaim": {"@list": []}`), "keyword", "/credentialSubject/hasClaim/@list"},
		{"@set", subject(`"hasClaim": {"@set": []}`), "keyword", "/credentialSubject/hasClaim/@set"},
		{"@value", subject(`"hasClaim": {"@value": "x"}`), "keyword", "/credentialSubject/hasClaim/@value"},
		{"@value at the top", credential2(t, `{"@value": "x"}`), "keyword", "/@value"},
		{"@type in a value object", credential2(t, `{"name": {"@value": "A", "@type": "@json"}}`), "keyword", "/name/@type"},
		{"number in a value object", credential2(t, `{"name": {"@value": 1}}`), "malformed", "/name/@value"},
		{"bad language in a value object", credential2(t, `{"name": {"@value": "A", "@language": "<b>"}}`), "language-tag", "/name/@language"},
		{"bad direction in a value object", credential2(t, `{"name": {"@value": "A", "@direction": "up"}}`), "malformed", "/name/@direction"},
		{"keyword as type", subject(`"type": "@json"`), "keyword", "/credentialSubject/type"},
		{"alias as type", subject(`"type": ["Person", "id"]`), "keyword", "/credentialSubject/type/1"},

		{"relative id", subject(`"id": "ana"`), "relative-iri", "/credentialSubject/id"},
		{"empty id", subject(`"id": ""`), "relative-iri", "/credentialSubject/id"},
		{"id with a space", subject(`"id": "https://x.example/a b"`), "relative-iri", "/credentialSubject/id"},
		{"id that would break out of a quad", subject(`"id": "https://x.example/> <urn:x"`), "relative-iri", "/credentialSubject/id"},
		{"relative reference", subject(`"hasClaim": ["urn:x:1", "claim/1"]`), "relative-iri", "/credentialSubject/hasClaim/1"},
		{"relative vocabulary value", credential2(t, `{"proof": {"type": "DataIntegrityProof", "proofPurpose": "nonsense"}}`), "relative-iri", "/proof/proofPurpose"},
		{"labelled node", subject(`"id": "_:b0"`), "blank-node", "/credentialSubject/id"},
		{"reference to a label", subject(`"hasClaim": "_:b0"`), "blank-node", "/credentialSubject/hasClaim"},
		{"label as type", subject(`"type": "_:b0"`), "blank-node", "/credentialSubject/type"},

		{"markup as language", subject(`"fullName": {"<img src=x>": "Ana"}`), "language-tag", "/credentialSubject/fullName/<img src=x>"},
		{"keyword as language", subject(`"fullName": {"@none": "Ana"}`), "language-tag", "/credentialSubject/fullName/@none"},
		{"long language", subject(`"fullName": {"abcdefghi": "Ana"}`), "language-tag", "/credentialSubject/fullName/abcdefghi"},
		{"first bad language", subject(`"fullName": {"en": "Ana", "z/": "", "b~": "", "c ": ""}`), "language-tag", "/credentialSubject/fullName/b~0"},
		{"number in a language map", subject(`"fullName": {"en": 7}`), "malformed", "/credentialSubject/fullName/en"},
		{"number in a list of texts", subject(`"fullName": {"en": ["a", ["b"]]}`), "malformed", "/credentialSubject/fullName/en"},
		{"number as id", subject(`"id": 7`), "malformed", "/credentialSubject/id"},
		{"null as id", subject(`"id": null`), "malformed", "/credentialSubject/id"},
		{"number as type", subject(`"type": 7`), "malformed", "/credentialSubject/type"},
		{"types in types", subject(`"type": [["Person"]]`), "malformed", "/credentialSubject/type/0"},

		{"too deep", credential2(t, deep(maxDepth)), "budget", "/credentialSubject/hasClaim" + strings.Repeat("/0", maxDepth-2)},
		{"too many objects", subject(`"hasClaim": [{}` + strings.Repeat(`,{}`, maxNodes) + `]`), "budget", "/credentialSubject/hasClaim/19997"},
		{"too many members", subject(`"hasClaim": [1` + strings.Repeat(`,1`, maxMembers) + `]`), "budget", "/credentialSubject/hasClaim"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Default().Inspect(strictjson.Of(test.doc))
			p := problem(t, err)
			if p == nil {
				t.Fatalf("accepted, with %v undefined", got)
			}
			if p.Rule != test.rule || p.Pointer != test.pointer {
				t.Errorf("%s at %s (%s), want %s at %s", p.Rule, p.Pointer, p.Detail, test.rule, test.pointer)
			}
			if errors.Is(err, ErrUnknownContext) != (test.rule == "context-unknown") {
				t.Errorf("errors.Is(%v, ErrUnknownContext) is wrong", err)
			}
			if p.Detail == "" || got != nil {
				t.Errorf("detail %q, undefined %v", p.Detail, got)
			}
		})
	}
	if _, err := Default().Inspect(strictjson.Of(credential2(t, deep(maxDepth-2)))); err != nil {
		t.Errorf("a depth of %d: %v", maxDepth, err)
	}
}

// The contexts that EBSI's examples combine contradict each other, and the
// report names the term.
func TestConflictByName(t *testing.T) {
	entries, err := os.ReadDir(reference.Path(t, "reference/ebsi-elm32/examples"))
	if err != nil || len(entries) == 0 {
		t.Fatal("no examples: ", err)
	}
	for _, e := range entries {
		doc := parse(t, reference.Read(t, "reference/ebsi-elm32/examples/"+e.Name()))
		_, err := Default().Inspect(strictjson.Of(doc))
		if p := problem(t, err); p == nil || p.Rule != "context-conflict" || p.Detail != "context conflict: description" {
			t.Errorf("%s: %v", e.Name(), err)
		}
		if _, err := ld.NewJsonLdProcessor().Expand(doc, referee(t)); err == nil {
			t.Errorf("%s: json-gold sees no conflict", e.Name())
		}
	}
}

func TestScopedConflict(t *testing.T) {
	s, err := Default().With(map[string][]byte{
		"https://a.example/v1": []byte(`{"@context": {"@protected": true, "issuer": "https://a.example/issuer"}}`),
		"https://b.example/v1": []byte(`{"@context": {"statusPurpose": {"@id": "https://b.example/p", "@protected": true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ context, members, pointer, name string }{
		{"https://a.example/v1", `"type": "VerifiableCredential"`, "", "issuer"},
		{"https://b.example/v1", `"type": "VerifiableCredential", "credentialStatus": {"type": "BitstringStatusListEntry"}`, "/credentialStatus", "statusPurpose"},
	} {
		doc := parse(t, fmt.Appendf(nil, `{"@context": [%q, %q], %s}`, VC2, test.context, test.members))
		_, err := s.Inspect(strictjson.Of(doc))
		if p := problem(t, err); p == nil || p.Rule != "context-conflict" || p.Pointer != test.pointer || p.Detail != "context conflict: "+test.name {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, err := ld.NewJsonLdProcessor().Expand(doc, options(s.Loader())); err == nil {
			t.Errorf("%s: json-gold sees no conflict", test.name)
		}
	}
}

// attack reads a case of the shared attacks.
type attack struct{ ID, Profile, File, Verdict string }

func attacks(t testing.TB) ([]attack, *Set) {
	t.Helper()
	var manifest struct{ Cases []attack }
	if err := json.Unmarshal(reference.Read(t, "attacks/manifest.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	s, err := Default().With(map[string][]byte{
		"https://contexts-3f6d4e.example/micro/v1": reference.Read(t, "attacks/fixtures/context-micro-v1.jsonld"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Cases, s
}

func payload(t testing.TB, a attack) map[string]any {
	t.Helper()
	parts := strings.Split(string(reference.Read(t, "attacks/"+a.File)), ".")
	if len(parts) != 3 {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data)
}

func TestAttacks(t *testing.T) {
	want := map[string]string{ // rule, or the pointer of the one undefined member
		"ctx-file-url":        "context-unknown",
		"ctx-http-scheme":     "context-unknown",
		"ctx-inline-vocab":    "context-inline",
		"ctx-lookalike":       "context-unknown",
		"ctx-not-first":       "context-order",
		"ctx-remote-internal": "context-unknown",
		"ctx-scoped":          "context-inline",
		"term-at-id":          "keyword",
		"term-bnode-poison":   "blank-node",
		"term-graph":          "keyword",
		"term-undefined-top":  "/approvedBy",
		"disp-lang-key":       "language-tag",
		"json-case-kelvin":    "/credential\u017fubject",
		"json-case-variant":   "/ISSUER",
	}
	cases, s := attacks(t)
	for _, a := range cases {
		rule, known := want[a.ID]
		if !known {
			if strings.HasPrefix(a.ID, "ctx-") || strings.HasPrefix(a.ID, "term-") {
				t.Errorf("%s: no expectation", a.ID)
			}
			// What is valid is fully understood.
			if a.Verdict == "valid" && a.Profile == "vc+jwt" {
				if doc := payload(t, a); doc != nil {
					if got, err := s.Inspect(strictjson.Of(doc)); err != nil || got != nil {
						t.Errorf("%s: %v, %v", a.ID, got, err)
					}
				}
			}
			continue
		}
		delete(want, a.ID)
		t.Run(a.ID, func(t *testing.T) {
			got, err := s.Inspect(strictjson.Of(payload(t, a)))
			if pointer, isPointer := strings.CutPrefix(rule, "/"); isPointer {
				if err != nil || len(got) != 1 || got[0].Pointer != "/"+pointer {
					t.Errorf("%v, %v, want %s undefined", got, err, rule)
				}
				return
			}
			if p := problem(t, err); p == nil || p.Rule != rule {
				t.Errorf("%v, %v, want %s", got, err, rule)
			}
		})
	}
	if len(want) != 0 {
		t.Errorf("cases not there: %v", want)
	}
}

func TestConcurrentUse(t *testing.T) {
	s, err := Default().With(nil) // with no combination ready
	if err != nil {
		t.Fatal(err)
	}
	docs := []map[string]any{
		credential1(t, `{"odd": 1}`),
		credential2(t, `{"odd": 1}`),
		parse(t, fmt.Appendf(nil, `{"@context": [%q], "type": "VerifiablePresentation", "odd": 1,
			"verifiableCredential": {"@context": [%q], "type": "VerifiableCredential"}}`, VC2, VC2)),
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			got, err := s.Inspect(strictjson.Of(docs[i%3]))
			if err != nil || len(got) != 1 {
				t.Errorf("Inspect: %v, %v", got, err)
			}
			if _, got, err := s.Expand(docs[i%3]); err != nil || len(got) != 1 {
				t.Errorf("Expand: %v, %v", got, err)
			}
		})
	}
	wg.Wait()
}
