package issuing

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/contexts"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
)

const ownDID = "did:web:issuer.school.example"

// document is a credential with the members of change in place of its own; "-"
// leaves one out.
func document(t *testing.T, change string) string {
	t.Helper()
	doc := map[string]jsontext.Value{
		"@context":          jsontext.Value(`["https://www.w3.org/ns/credentials/v2"]`),
		"type":              jsontext.Value(`["VerifiableCredential"]`),
		"issuer":            jsontext.Value(`"` + ownDID + `"`),
		"credentialSubject": jsontext.Value(`{"id":"did:key:zSomebody","name":"Somebody"}`),
	}
	var edits map[string]jsontext.Value
	if err := json.Unmarshal([]byte("{"+change+"}"), &edits); err != nil {
		t.Fatalf("%s: %v", change, err)
	}
	for name, value := range edits {
		if doc[name] = value; string(value) == `"-"` {
			delete(doc, name)
		}
	}
	raw, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

const (
	examplesContext = `"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"]`
	digestOfV2      = "sha256-WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ="
	bitstringEntry  = `"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://lists.example/1"`
)

// conformance is what VCDM 2.0 allows and forbids, section by section: a change
// to a credential, and where the problem is, "" for none.
var conformance = []struct{ name, change, problem string }{
	// Section 4.3, contexts.
	{"only the base context", ``, ""},
	{"base context as text", `"@context":"https://www.w3.org/ns/credentials/v2"`, "/@context"},
	{"no context", `"@context":"-"`, "/@context"},
	{"empty context", `"@context":[]`, "/@context"},
	{"context is null", `"@context":null`, "/@context"},
	{"context is an object", `"@context":{"a":"https://a.example/"}`, "/@context"},
	{"base context last", `"@context":["https://www.w3.org/ns/credentials/examples/v2","https://www.w3.org/ns/credentials/v2"]`, "/@context"},
	{"base context missing", `"@context":["https://www.w3.org/ns/credentials/examples/v2"]`, "/@context"},
	{"base context of version 1.1", `"@context":["https://www.w3.org/2018/credentials/v1"]`, "/@context"},
	{"both base contexts", `"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/2018/credentials/v1"]`, "/@context"},
	{"base context over http", `"@context":["http://www.w3.org/ns/credentials/v2"]`, "/@context"},
	{"base context with a slash", `"@context":["https://www.w3.org/ns/credentials/v2/"]`, "/@context"},
	{"the examples' context", examplesContext + `,"credentialSubject":{"colour":"red"}`, ""},
	{"the context for trying out", `"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/undefined-terms/v2"],"credentialSubject":{"colour":"red"}`, ""},
	{"a context in the document", `"@context":["https://www.w3.org/ns/credentials/v2",{"colour":"https://a.example/#colour"}],"credentialSubject":{"colour":"red"}`, ""},
	{"two contexts in the document", `"@context":["https://www.w3.org/ns/credentials/v2",{"a":"https://a.example/#"},{"colour":"a:colour"}],"credentialSubject":{"colour":"red"}`, ""},
	{"a context that nobody knows", `"@context":["https://www.w3.org/ns/credentials/v2","https://contexts.example/1"]`, "/@context"},
	{"a number among the contexts", `"@context":["https://www.w3.org/ns/credentials/v2",1]`, "/@context"},
	{"null among the contexts", `"@context":["https://www.w3.org/ns/credentials/v2",null]`, "/@context"},
	{"a list among the contexts", `"@context":["https://www.w3.org/ns/credentials/v2",["https://www.w3.org/ns/credentials/examples/v2"]]`, "/@context"},
	{"a relative context", `"@context":["https://www.w3.org/ns/credentials/v2","v3"]`, "/@context"},
	{"id redefined", `"@context":["https://www.w3.org/ns/credentials/v2",{"id":"https://a.example/id"}]`, "/@context"},
	{"type redefined", `"@context":["https://www.w3.org/ns/credentials/v2",{"type":"https://a.example/type"}]`, "/@context"},
	{"VerifiableCredential redefined", `"@context":["https://www.w3.org/ns/credentials/v2",{"VerifiableCredential":"https://a.example/VC"}]`, "/@context"},
	{"VerifiablePresentation set to null", `"@context":["https://www.w3.org/ns/credentials/v2",{"VerifiablePresentation":null}]`, "/@context"},
	{"name redefined", `"@context":["https://www.w3.org/ns/credentials/v2",{"name":"https://a.example/name"}]`, "/@context"},
	{"BitstringStatusListEntry redefined", `"@context":["https://www.w3.org/ns/credentials/v2",{"BitstringStatusListEntry":"https://a.example/entry"}]`, "/@context"},
	{"a term that is no URL", `"@context":["https://www.w3.org/ns/credentials/v2",{"colour":"colour"}]`, "/@context"},
	{"a context in the middle", `"credentialSubject":{"@context":{"colour":"https://a.example/#colour"},"colour":"red"}`, "/credentialSubject/@context"},

	// Section 4.4, identifiers.
	{"no id", ``, ""},
	{"URN", `"id":"urn:uuid:8d4b1b62-2c1e-4e87-9b5f-0f3f9f6d2d1a"`, ""},
	{"DID", `"id":"did:example:abc"`, ""},
	{"https URL", `"id":"https://a.example/credentials/1?x=1#y"`, ""},
	{"id is not a URL", `"id":"not a URL"`, "/id"},
	{"id is relative", `"id":"/credentials/1"`, "/id"},
	{"id is empty", `"id":""`, "/id"},
	{"id is null", `"id":null`, "/id"},
	{"id is a number", `"id":7`, "/id"},
	{"id is an object", `"id":{"a":"urn:a:1"}`, "/id"},
	{"two ids", `"id":["urn:a:1","urn:a:2"]`, "/id"},
	{"blank node", `"id":"_:b0"`, "/id"},
	{"id of the subject is not a URL", `"credentialSubject":{"id":"somebody","name":"x"}`, "/credentialSubject/id"},
	{"two ids of the subject", `"credentialSubject":{"id":["urn:a:1","urn:a:2"],"name":"x"}`, "/credentialSubject/id"},
	{"id further in is not a URL", examplesContext + `,"credentialSubject":{"knows":{"id":"somebody"}}`, "/credentialSubject/knows/id"},

	// Section 4.5, types.
	{"type as text", `"type":"VerifiableCredential"`, ""},
	{"two types", examplesContext + `,"type":["VerifiableCredential","ExampleCredential"]`, ""},
	{"in the other order", examplesContext + `,"type":["ExampleCredential","VerifiableCredential"]`, ""},
	{"type as URL", `"type":["VerifiableCredential","https://a.example/Credential"]`, ""},
	{"type mapped in the document", `"@context":["https://www.w3.org/ns/credentials/v2",{"A":"https://a.example/#A"}],"type":["VerifiableCredential","A"]`, ""},
	{"type mapped to what is no URL", `"@context":["https://www.w3.org/ns/credentials/v2",{"A":"A"}],"type":["VerifiableCredential","A"]`, "/@context"},
	{"no type", `"type":"-"`, "/type"},
	{"no types", `"type":[]`, "/type"},
	{"type is null", `"type":null`, "/type"},
	{"type is a number", `"type":[7,"VerifiableCredential"]`, "/type"},
	{"type VerifiableCredential missing", examplesContext + `,"type":["ExampleCredential"]`, "/type"},
	{"type unmapped", `"type":["VerifiableCredential","ExampleCredential"]`, "/type/1"},
	{"type relative", `"type":["VerifiableCredential","./Credential"]`, "/type/1"},
	{"type relative under the examples' context", examplesContext + `,"type":["VerifiableCredential","./Credential"]`, "/type/1"},
	{"type of a presentation", `"type":["VerifiableCredential","VerifiablePresentation"]`, "/type"},
	{"type of the subject unmapped", `"credentialSubject":{"type":"Somebody","name":"x"}`, "/credentialSubject/type"},

	// Section 4.6, names and descriptions.
	{"name", `"name":"A name","description":"A description"`, ""},
	{"name in a language", `"name":{"@value":"Ime","@language":"hr"}`, ""},
	{"in a language and direction", `"name":{"@value":"שם","@language":"he","@direction":"rtl"},"description":{"@value":"x","@direction":"ltr"}`, ""},
	{"in several languages", `"name":[{"@value":"Name","@language":"en"},{"@value":"Ime","@language":"sr-Latn"}]`, ""},
	{"text and language objects", `"description":["Text",{"@value":"Tekst","@language":"hr"}]`, ""},
	{"name is a number", `"name":7`, "/name"},
	{"name has another member", `"name":{"@value":"x","colour":"red"}`, "/name"},
	{"name is a language map", `"name":{"en":"x"}`, "/name"},
	{"name has no value", `"name":{"@language":"en"}`, "/name"},
	{"value is a number", `"name":{"@value":7}`, "/name"},
	{"name is in no language", `"name":{"@value":"x","@language":"no language"}`, "/name"},
	{"language is a number", `"name":{"@value":"x","@language":7}`, "/name"},
	{"name is in no direction", `"name":{"@value":"x","@direction":"up"}`, "/name"},
	{"one of several is wrong", `"name":["x",{"@value":"y","@direction":"up"}]`, "/name"},
	{"description is an object", `"description":{}`, "/description"},
	{"description has another member", `"description":{"@value":"x","@index":"1"}`, "/description"},
	{"name of the issuer", `"issuer":{"id":"` + ownDID + `","name":{"@value":"Škola","@language":"hr"}}`, ""},
	{"name of the issuer has another member", `"issuer":{"id":"` + ownDID + `","name":{"@value":"x","@type":"y"}}`, "/issuer/name"},

	// Section 4.7, issuer.
	{"issuer as object", `"issuer":{"id":"` + ownDID + `"}`, ""},
	{"no issuer", `"issuer":"-"`, "/issuer"},
	{"issuer is null", `"issuer":null`, "/issuer"},
	{"issuer is not a URL", `"issuer":"the school"`, "/issuer"},
	{"issuer without id", `"issuer":{"name":"The school"}`, "/issuer"},
	{"id of the issuer is null", `"issuer":{"id":null}`, "/issuer"},
	{"id of the issuer is not a URL", `"issuer":{"id":"the school"}`, "/issuer"},
	{"two issuers", `"issuer":["` + ownDID + `","did:example:b"]`, "/issuer"},
	{"issuer is somebody else", `"issuer":"did:web:other.example"`, "/issuer"},

	// Section 4.8, subject.
	{"subject without id", `"credentialSubject":{"name":"x"}`, ""},
	{"two subjects", `"credentialSubject":[{"name":"x"},{"name":"y"}]`, ""},
	{"no subject", `"credentialSubject":"-"`, "/credentialSubject"},
	{"subject is null", `"credentialSubject":null`, "/credentialSubject"},
	{"no subjects", `"credentialSubject":[]`, "/credentialSubject"},
	{"empty subject", `"credentialSubject":{}`, "/credentialSubject"},
	{"nothing is claimed of the subject", `"credentialSubject":{"id":"did:example:a"}`, "/credentialSubject"},
	{"one of two subjects is empty", `"credentialSubject":[{"name":"x"},{}]`, "/credentialSubject/1"},
	{"subject is text", `"credentialSubject":"did:example:a"`, "/credentialSubject"},
	{"subject with a term that nobody defined", `"credentialSubject":{"colour":"red"}`, "/credentialSubject/colour"},

	// Section 4.9, validity.
	{"period", `"validFrom":"2024-01-01T00:00:00Z","validUntil":"2044-01-01T00:00:00Z"`, ""},
	{"period in the past", `"validFrom":"2004-01-01T00:00:00Z","validUntil":"2005-01-01T00:00:00Z"`, ""},
	{"period in the future", `"validFrom":"2104-01-01T00:00:00Z"`, ""},
	{"offset and fraction", `"validFrom":"2024-01-01T00:00:00.123+05:30"`, ""},
	{"from and until are the same", `"validFrom":"2024-01-01T00:00:00Z","validUntil":"2024-01-01T01:00:00+01:00"`, ""},
	{"until before from", `"validFrom":"2024-01-01T00:00:00Z","validUntil":"2023-12-31T23:59:59Z"`, "/validUntil"},
	{"a day", `"validFrom":"2024-01-01"`, "/validFrom"},
	{"no zone", `"validFrom":"2024-01-01T00:00:00"`, "/validFrom"},
	{"not in the calendar", `"validFrom":"2024-02-30T00:00:00Z"`, "/validFrom"},
	{"offset that there is not", `"validUntil":"2024-01-01T00:00:00+15:00"`, "/validUntil"},
	{"from is a number", `"validFrom":1704067200`, "/validFrom"},
	{"until is in words", `"validUntil":"next year"`, "/validUntil"},
	{"space in place of T", `"validFrom":"2024-01-01 00:00:00Z"`, "/validFrom"},

	// Section 4.10, status.
	{"status", `"credentialStatus":{` + bitstringEntry + `}`, ""},
	{"two statuses", `"credentialStatus":[{` + bitstringEntry + `},{"id":"https://lists.example/1#8","type":"BitstringStatusListEntry","statusPurpose":"suspension","statusListIndex":"8","statusListCredential":"https://lists.example/2"}]`, ""},
	{"status of another type", `"credentialStatus":{"id":"https://a.example/1","type":"https://a.example/Status"}`, ""},
	{"status without type", `"credentialStatus":{"id":"https://a.example/1"}`, "/credentialStatus/type"},
	{"id of the status is not a URL", `"credentialStatus":{"id":"1",` + bitstringEntry + `}`, "/credentialStatus/id"},
	{"status is text", `"credentialStatus":"https://a.example/1"`, "/credentialStatus"},
	{"type of the status unmapped", `"credentialStatus":{"type":"Status"}`, "/credentialStatus/type"},
	{"index is a number", `"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":7,"statusListCredential":"https://lists.example/1"}`, "/credentialStatus/statusListIndex"},
	{"index is negative", `"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"-7","statusListCredential":"https://lists.example/1"}`, "/credentialStatus/statusListIndex"},
	{"no purpose", `"credentialStatus":{"type":"BitstringStatusListEntry","statusListIndex":"7","statusListCredential":"https://lists.example/1"}`, "/credentialStatus/statusPurpose"},
	{"no list", `"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7"}`, "/credentialStatus/statusListCredential"},
	{"the entry's id is that of its list", `"credentialStatus":{"id":"https://lists.example/1",` + bitstringEntry + `}`, "/credentialStatus/id"},
	{"status of two bits with its messages", `"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"message","statusListIndex":"7","statusListCredential":"https://lists.example/1","statusSize":2,"statusMessage":[{"status":"0x0","message":"a"},{"status":"0x1","message":"b"},{"status":"0x2","message":"c"},{"status":"0x3","message":"d"}]}`, ""},
	{"status of two bits without", `"credentialStatus":{"statusSize":2,` + bitstringEntry + `}`, "/credentialStatus/statusMessage"},
	{"status of no bits", `"credentialStatus":{"statusSize":0,` + bitstringEntry + `}`, "/credentialStatus/statusSize"},
	{"a place in our own list", `"credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","statusListIndex":"7","statusListCredential":"https://issuer.school.example/status/r1"}`, "/credentialStatus"},

	// Section 4.11, schemas.
	{"schema", `"credentialSchema":{"id":"https://a.example/schema","type":"JsonSchema"}`, ""},
	{"two schemas", `"credentialSchema":[{"id":"https://a.example/1","type":"JsonSchema"},{"id":"https://a.example/2","type":"JsonSchemaCredential"}]`, ""},
	{"schema without type", `"credentialSchema":{"id":"https://a.example/schema"}`, "/credentialSchema/type"},
	{"schema without id", `"credentialSchema":{"type":"JsonSchema"}`, "/credentialSchema/id"},
	{"id of the schema is not a URL", `"credentialSchema":{"id":"schema","type":"JsonSchema"}`, "/credentialSchema/id"},
	{"one of two schemas without id", `"credentialSchema":[{"id":"https://a.example/1","type":"JsonSchema"},{"type":"JsonSchema"}]`, "/credentialSchema/1/id"},
	{"schema is text", `"credentialSchema":"https://a.example/schema"`, "/credentialSchema"},

	// Sections 5.4 to 5.7 and 4.14, what has a type.
	{"evidence", examplesContext + `,"evidence":[{"id":"https://a.example/1","type":["Evidence"]},{"type":"Other"}]`, ""},
	{"evidence without type", examplesContext + `,"evidence":{"id":"https://a.example/1"}`, "/evidence/type"},
	{"evidence is text", `"evidence":"https://a.example/1"`, "/evidence"},
	{"terms of use", examplesContext + `,"termsOfUse":{"type":"Terms","id":"https://a.example/1"}`, ""},
	{"terms of use without type", `"termsOfUse":{"id":"https://a.example/1"}`, "/termsOfUse/type"},
	{"one of two terms of use without type", examplesContext + `,"termsOfUse":[{"type":"Terms"},{"id":"https://a.example/1"}]`, "/termsOfUse/1/type"},
	{"refresh service", examplesContext + `,"refreshService":{"type":"Refresh","id":"https://a.example/1"}`, ""},
	{"refresh service without type", `"refreshService":{"id":"https://a.example/1"}`, "/refreshService/type"},
	{"render method", examplesContext + `,"renderMethod":{"type":"Template"}`, ""},
	{"render method without type", `"renderMethod":{"id":"https://a.example/1"}`, "/renderMethod/type"},
	{"confidence method", examplesContext + `,"confidenceMethod":[{"type":"Confidence"}]`, ""},
	{"confidence method without type", `"confidenceMethod":[{"id":"https://a.example/1"}]`, "/confidenceMethod/0/type"},
	{"proof without type", `"proof":{"created":"2024-01-01T00:00:00Z"}`, "/proof/type"},
	{"proof is text", `"proof":"x"`, "/proof"},

	// Section 5.3, related resources.
	{"resource", `"relatedResource":{"id":"https://a.example/1","digestSRI":"sha384-aGFzaA==","mediaType":"image/png"}`, ""},
	{"two resources", `"relatedResource":[{"id":"https://a.example/1","digestSRI":"sha384-aGFzaA=="},{"id":"https://a.example/2","digestMultibase":"uEiAB"}]`, ""},
	{"the base context", `"relatedResource":{"id":"https://www.w3.org/ns/credentials/v2","digestSRI":"` + digestOfV2 + `"}`, ""},
	{"the base context with another digest", `"relatedResource":{"id":"https://www.w3.org/ns/credentials/v2","digestSRI":"sha256-` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}`, "/@context"},
	{"resource without id", `"relatedResource":{"digestSRI":"sha384-aGFzaA=="}`, "/relatedResource/id"},
	{"resource without digest", `"relatedResource":{"id":"https://a.example/1"}`, "/relatedResource"},
	{"resource twice", `"relatedResource":[{"id":"https://a.example/1","digestSRI":"sha384-aGFzaA=="},{"id":"https://a.example/1","digestSRI":"sha384-aGFzaA=="}]`, "/relatedResource/1/id"},
	{"resource is text", `"relatedResource":["https://a.example/1"]`, "/relatedResource/0"},
	{"digest that is none", `"relatedResource":{"id":"https://a.example/1","digestSRI":"hash"}`, "/relatedResource/digestSRI"},
	{"media type that is none", `"relatedResource":{"id":"https://a.example/1","digestSRI":"sha384-aGFzaA==","mediaType":"picture"}`, "/relatedResource/mediaType"},

	// Section 6, syntax.
	{"a keyword", `"@id":"urn:a:1"`, "/@id"},
	{"a full IRI as a name", `"https://schema.org/name":"x"`, "/https:~1~1schema.org~1name"},
	{"a term that nobody defined", `"colour":"red"`, "/colour"},
	{"a claim of version 1.1", `"vc":{"type":"VerifiableCredential"}`, "/vc"},
	{"another spelling", `"Issuer":"did:example:a"`, "/issuer"},
}

func TestVCAPIIssuesWhatTheDataModelAllows(t *testing.T) {
	if n := len(conformance); n < 120 {
		t.Errorf("only %d documents", n)
	}
	base, log := newServer(t, func(c *Config) { c.VCAPI = true })
	for _, form := range []string{"EnvelopedVerifiableCredential", "DataIntegrityProof"} {
		for _, c := range conformance {
			a := ask(t, "POST", base+"/credentials/issue", `{"credential":`+document(t, c.change)+`,"options":{"type":"`+form+`"}}`, "Authorization", "Bearer "+apiKey, "Content-Type", "application/json")
			if c.problem == "" {
				if wrong := notSealed(form, a); wrong != "" {
					t.Errorf("%s, %s: %s: %d %s", form, c.name, wrong, a.status, a.body)
				}
				continue
			}
			var got struct {
				Type   string `json:"type"`
				Errors []struct {
					Pointer string `json:"pointer"`
				} `json:"errors"`
			}
			if err := json.Unmarshal([]byte(a.body), &got); a.status != http.StatusBadRequest || err != nil || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s, %s: %d %s", form, c.name, a.status, a.body)
				continue
			}
			at := false
			for _, e := range got.Errors {
				at = at || strings.HasPrefix(e.Pointer, "/credential"+c.problem)
			}
			if !at || !strings.HasPrefix(got.Type, "https://www.w3.org/TR/vc-data-model#") {
				t.Errorf("%s, %s: want a problem at %s: %s", form, c.name, c.problem, a.body)
			}
		}
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("errors in the log: %.2000s", log)
	}
}

// notSealed says what an answer lacks to be a credential that was sealed in a
// form. That the seal holds, the issuer has asked its own verifier.
func notSealed(form string, a answer) string {
	var got struct {
		Credential jsontext.Value `json:"verifiableCredential"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); a.status != http.StatusCreated || err != nil {
		return "not issued"
	}
	if form == "DataIntegrityProof" {
		var doc struct {
			Proof map[string]string `json:"proof"`
		}
		if json.Unmarshal(got.Credential, &doc) != nil || doc.Proof["cryptosuite"] != "ecdsa-rdfc-2019" || doc.Proof["proofPurpose"] != "assertionMethod" ||
			!strings.HasPrefix(doc.Proof["verificationMethod"], ownDID+"#zDn") || !strings.HasPrefix(doc.Proof["proofValue"], "z") {
			return "no proof"
		}
		return ""
	}
	var envelope enveloped
	if json.Unmarshal(got.Credential, &envelope) != nil || envelope.Context != contexts.VC2 || envelope.Type != "EnvelopedVerifiableCredential" {
		return "no envelope"
	}
	if token, ok := strings.CutPrefix(envelope.ID, "data:application/vc+jwt,"); !ok || strings.Count(token, ".") != 2 {
		return "no token"
	}
	return ""
}

func TestTheConfigurationDecidesTheFormWhereTheRequestDoesNot(t *testing.T) {
	base, _ := newServer(t, func(c *Config) { c.VCAPI, c.VCAPIForm = true, keys.DataIntegrity })
	for options, want := range map[string]string{
		``: "DataIntegrityProof", `"cryptosuite":"ecdsa-rdfc-2019"`: "DataIntegrityProof", `"type":"ecdsa-rdfc-2019"`: "DataIntegrityProof",
		`"type":"DataIntegrityProof","cryptosuite":"ecdsa-rdfc-2019"`: "DataIntegrityProof", `"type":"vc+jwt"`: "EnvelopedVerifiableCredential",
		`"cryptosuite":"eddsa-rdfc-2022"`: "", `"type":"eddsa-rdfc-2022"`: "", `"type":"vc+jwt","cryptosuite":"ecdsa-rdfc-2019"`: "",
	} {
		a := ask(t, "POST", base+"/credentials/issue", `{"credential":`+document(t, "")+`,"options":{`+options+`}}`, "Authorization", "Bearer "+apiKey)
		if wrong := notSealed(want, a); want != "" && wrong != "" || want == "" && a.status != http.StatusBadRequest {
			t.Errorf("%s: %s: %d %s", options, wrong, a.status, a.body)
		}
	}
	// What has a proof already would have two, of which nobody checked one.
	a := ask(t, "POST", base+"/credentials/issue", `{"credential":`+document(t, `"proof":{"type":"DataIntegrityProof"}`)+`}`, "Authorization", "Bearer "+apiKey)
	if a.status != http.StatusBadRequest || !strings.Contains(a.body, "/credential/proof") {
		t.Errorf("a proof that is there: %d %s", a.status, a.body)
	}
}

func TestVCAPIIsOffUnlessSwitchedOn(t *testing.T) {
	base, _ := newServer(t)
	for _, path := range []string{"/credentials/issue", "/credentials/status"} {
		if a := ask(t, "POST", base+path, `{}`, "Authorization", "Bearer "+apiKey); a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestVCAPIRequests(t *testing.T) {
	base, _ := newServer(t, func(c *Config) { c.VCAPI = true })
	auth := []string{"Authorization", "Bearer " + apiKey}
	good := document(t, "")
	for _, c := range []struct {
		name, path, body string
		headers          []string
		status           int
		want             string // in the answer
	}{
		{"no key", "issue", `{"credential":` + good + `}`, nil, 401, "API key"},
		{"wrong key", "status", `{}`, []string{"Authorization", "Bearer x"}, 401, "API key"},
		{"no options", "issue", `{"credential":` + good + `}`, auth, 201, "EnvelopedVerifiableCredential"},
		{"options that nobody here knows", "issue", `{"credential":` + good + `,"options":{"colour":"red"},"more":1}`, auth, 201, "Enveloped"},
		{"no JSON", "issue", `credential`, auth, 400, "PARSING_ERROR"},
		{"nothing", "issue", ``, auth, 400, "PARSING_ERROR"},
		{"no credential", "issue", `{}`, auth, 400, "MALFORMED_VALUE_ERROR"},
		{"credential is text", "issue", `{"credential":"x"}`, auth, 400, "MALFORMED_VALUE_ERROR"},
		{"a member twice", "issue", strings.Replace(`{"credential":`+good+`}`, `"type":`, `"type":"x","type":`, 1), auth, 400, "PARSING_ERROR"},
		{"unknown form", "issue", `{"credential":` + good + `,"options":{"type":"seal"}}`, auth, 400, "/options/type"},
		{"unknown status", "issue", `{"credential":` + good + `,"options":{"statusPurposes":["refresh"]}}`, auth, 400, "/options/statusPurposes"},
		{"too large", "issue", `{"credential":"` + strings.Repeat("x", 2<<20) + `"}`, auth, 413, ""},
		{"status of nothing", "status", `{}`, auth, 400, "/credentialId"},
		{"status of what there is not", "status", `{"credentialId":"urn:a:none","credentialStatus":[{"type":"BitstringStatusList","status":"1"}]}`, auth, 404, "No such credential"},
		{"no status", "status", `{"credentialId":"urn:a:none"}`, auth, 400, "/credentialStatus"},
		{"status of another type", "status", `{"credentialId":"urn:a:none","credentialStatus":[{"type":"Other","status":"1"}]}`, auth, 400, "/credentialStatus/0/type"},
		{"status without value", "status", `{"credentialId":"urn:a:none","credentialStatus":{"type":"BitstringStatusList"}}`, auth, 400, "/credentialStatus/0/status"},
	} {
		a := ask(t, "POST", base+"/credentials/"+c.path, c.body, c.headers...)
		if a.status != c.status || !strings.Contains(a.body, c.want) || !strings.Contains(a.header.Get("Cache-Control"), "no-store") || !strings.Contains(a.header.Get("Content-Type"), "json") {
			t.Errorf("%s: %d %v %s", c.name, a.status, a.header, a.body)
		}
	}
}

func TestVCAPIWithdraws(t *testing.T) {
	base, _ := newServer(t, func(c *Config) { c.VCAPI = true })
	auth := []string{"Authorization", "Bearer " + apiKey, "Idempotency-Key", "one"}
	request := `{"credential":` + document(t, `"id":"https://a.example/1"`) + `,"options":{"statusPurposes":["revocation","suspension"]}}`
	first := ask(t, "POST", base+"/credentials/issue", request, auth...)
	if again := ask(t, "POST", base+"/credentials/issue", request, auth...); first.status != 201 || again.body != first.body {
		t.Fatalf("%d %s, again %s", first.status, first.body, again.body)
	}
	var got struct {
		Credential enveloped `json:"verifiableCredential"`
	}
	if err := json.Unmarshal([]byte(first.body), &got); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(got.Credential.ID, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var cred struct {
		Status []struct {
			Type    string `json:"type"`
			Purpose string `json:"statusPurpose"`
			Index   string `json:"statusListIndex"`
			List    string `json:"statusListCredential"`
		} `json:"credentialStatus"`
	}
	if err := json.Unmarshal(payload, &cred); err != nil || len(cred.Status) != 2 {
		t.Fatalf("%v: %s", err, payload)
	}
	state := func() store.State {
		var view struct {
			State store.State `json:"state"`
		}
		a := ask(t, "GET", base+"/api/v1/credentials/https:%2F%2Fa.example%2F1", "", auth...)
		if err := json.Unmarshal([]byte(a.body), &view); err != nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return view.State
	}
	for _, c := range []struct {
		change string
		status int
		want   store.State
	}{
		{`[{"type":"BitstringStatusList","statusPurpose":"suspension","status":"1"}]`, 200, store.Suspended},
		{`{"type":"BitstringStatusListEntry","statusPurpose":"suspension","status":false}`, 200, store.Issued},
		{`[{"type":"BitstringStatusList","status":"0"}]`, 400, store.Issued},
		{`[{"type":"BitstringStatusList","statusPurpose":"revocation","status":true}]`, 200, store.Revoked},
		{`[{"type":"BitstringStatusList","statusPurpose":"revocation","status":"1"}]`, 200, store.Revoked},
	} {
		a := ask(t, "POST", base+"/credentials/status", `{"credentialId":"https://a.example/1","credentialStatus":`+c.change+`}`, auth...)
		if a.status != c.status || state() != c.want {
			t.Errorf("%s: %d %s, state %s", c.change, a.status, a.body, state())
		}
	}
}

func TestStatusListsComeAsTheyAreAskedFor(t *testing.T) {
	base, _ := newServer(t, func(c *Config) { c.VCAPI = true })
	if a := ask(t, "POST", base+"/credentials/issue", `{"credential":`+document(t, "")+`}`, "Authorization", "Bearer "+apiKey); a.status != 201 {
		t.Fatal(a.body)
	}
	for accept, want := range map[string]string{
		"": "application/vc+jwt", "*/*": "application/vc+jwt", "application/vc+jwt": "application/vc+jwt", "application/vc+jwt, application/json": "application/vc+jwt",
		"application/json": "application/json", "application/vc": "application/vc", "application/ld+json, application/json": "application/json",
	} {
		a := ask(t, "GET", base+"/status/r1", "", "Accept", accept)
		if a.status != 200 || a.header.Get("Content-Type") != want || a.header.Get("Vary") != "Accept" {
			t.Errorf("%q: %d %v", accept, a.status, a.header)
		}
		if want != "application/vc+jwt" && !strings.Contains(a.body, `"cryptosuite":"ecdsa-rdfc-2019"`) {
			t.Errorf("%q: no proof: %.300s", accept, a.body)
		}
		if again := ask(t, "GET", base+"/status/r1", "", "Accept", accept); again.body != a.body {
			t.Errorf("%q: it comes as another", accept)
		}
		if isToken := strings.HasPrefix(a.body, "eyJ"); isToken != (want == "application/vc+jwt") {
			t.Errorf("%q: %.80s", accept, a.body)
		}
	}
}

// TestWhatIsPublishedIsABitstringStatusList holds entries and lists to Bitstring
// Status List v1.0, rule by rule.
func TestWhatIsPublishedIsABitstringStatusList(t *testing.T) {
	base, _ := newServer(t, func(c *Config) { c.VCAPI, c.VCAPIForm = true, keys.DataIntegrity })
	auth := []string{"Authorization", "Bearer " + apiKey}
	type entry struct {
		ID      *string        `json:"id"`
		Type    string         `json:"type"`
		Purpose string         `json:"statusPurpose"`
		Index   jsontext.Value `json:"statusListIndex"`
		List    string         `json:"statusListCredential"`
		Size    *int           `json:"statusSize"`
	}
	type list struct {
		Context    []string       `json:"@context"`
		ID         string         `json:"id"`
		Type       []string       `json:"type"`
		Issuer     string         `json:"issuer"`
		ValidFrom  time.Time      `json:"validFrom"`
		ValidUntil time.Time      `json:"validUntil"`
		Status     jsontext.Value `json:"credentialStatus"`
		Proof      struct {
			Suite   string `json:"cryptosuite"`
			Purpose string `json:"proofPurpose"`
			Method  string `json:"verificationMethod"`
		} `json:"proof"`
		Subject struct {
			ID      string `json:"id"`
			Type    string `json:"type"`
			Purpose string `json:"statusPurpose"`
			Encoded string `json:"encodedList"`
			TTL     int    `json:"ttl"`
		} `json:"credentialSubject"`
	}
	var issued struct {
		Credential struct {
			Status []entry `json:"credentialStatus"`
			Proof  struct {
				Suite string `json:"cryptosuite"`
			} `json:"proof"`
		} `json:"verifiableCredential"`
	}
	a := ask(t, "POST", base+"/credentials/issue", `{"credential":`+document(t, `"id":"urn:a:1"`)+`,"options":{"statusPurposes":["revocation","suspension"]}}`, auth...)
	if err := json.Unmarshal([]byte(a.body), &issued); err != nil || len(issued.Credential.Status) != 2 {
		t.Fatalf("%v: %s", err, a.body)
	}
	rule := func(ok bool, name string) {
		t.Helper()
		if !ok {
			t.Error(name)
		}
	}
	read := func(e entry) (list, answer) {
		t.Helper()
		a := ask(t, "GET", strings.Replace(e.List, "https://issuer.school.example", base, 1), "", "Accept", "application/json")
		var l list
		if err := json.Unmarshal([]byte(a.body), &l); err != nil || a.status != http.StatusOK {
			t.Fatalf("%v: %d %s", err, a.status, a.body)
		}
		return l, a
	}
	bit := func(e entry, l list) bool {
		t.Helper()
		text := strings.Trim(string(e.Index), `"`)
		index, err := status.ParseIndex(text)
		if err != nil {
			t.Fatal(err)
		}
		bits, err := status.Decode(l.Subject.Encoded)
		if err != nil {
			t.Fatal(err)
		}
		rule(bits.Len() >= 131_072, "3.2: a list has at least 131 072 entries")
		on, err := bits.Get(index)
		rule(err == nil, "3.2: the index lies in the list")
		return on
	}
	seen := map[string]bool{}
	for _, e := range issued.Credential.Status {
		rule(e.Type == "BitstringStatusListEntry", "2.1: type of the entry")
		rule(e.Purpose == status.Revocation || e.Purpose == status.Suspension, "2.1: a purpose")
		rule(e.Index.Kind() == '"', "2.1: the index is a string")
		rule(strings.HasPrefix(e.List, "https://issuer.school.example/status/"), "2.1: the list has a URL")
		rule(e.ID == nil || *e.ID != e.List, "2.1: the entry's id is not that of the list")
		rule(e.Size == nil, "2.1: of one bit, which is the default")
		rule(!seen[e.List], "2.1: a purpose has a list of its own")
		seen[e.List] = true

		l, a := read(e)
		rule(l.Context[0] == contexts.VC2, "2.2: the base context is first")
		rule(l.ID == e.List, "2.2: the list's id is its URL")
		rule(strings.Join(l.Type, " ") == "VerifiableCredential BitstringStatusListCredential", "2.2: types of the list")
		rule(l.Issuer == ownDID, "2.2: of the same issuer")
		rule(l.Subject.Type == "BitstringStatusList", "2.2: type of the subject")
		rule(l.Subject.ID != "" && l.Subject.ID != l.ID, "2.2: id of the subject")
		rule(l.Subject.Purpose == e.Purpose, "2.2: the purpose is that of the entry")
		rule(strings.HasPrefix(l.Subject.Encoded, "u") && !strings.ContainsAny(l.Subject.Encoded, "=+/"), "2.2: multibase, base64url without padding")
		rule(l.Subject.TTL > 0, "2.2: a ttl in milliseconds")
		rule(l.Status == nil, "2.2: a list has no status of its own")
		rule(!l.ValidFrom.IsZero() && l.ValidUntil.Sub(l.ValidFrom) > time.Duration(l.Subject.TTL)*time.Millisecond, "2.2: validity is longer than the ttl")
		rule(l.Proof.Suite == issued.Credential.Proof.Suite && l.Proof.Purpose == "assertionMethod" && strings.HasPrefix(l.Proof.Method, ownDID+"#"), "3.2: secured as the credential is")
		rule(a.header.Get("Cache-Control") == "public, max-age=30" && l.Subject.TTL == 30_000, "2.2: caches keep it for the ttl")
		rule(a.header.Get("Access-Control-Allow-Origin") == "*", "4: anybody may read it")
		rule(!bit(e, l), "3.2: not set")
	}
	for _, on := range []bool{true, false} {
		ask(t, "POST", base+"/credentials/status", fmt.Sprintf(`{"credentialId":"urn:a:1","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"suspension","status":%v}}`, on), auth...)
		for _, e := range issued.Credential.Status {
			l, _ := read(e)
			rule(bit(e, l) == (on && e.Purpose == status.Suspension), fmt.Sprintf("3.1: suspended %v, in the %s list", on, e.Purpose))
		}
	}
	ask(t, "POST", base+"/credentials/status", `{"credentialId":"urn:a:1","credentialStatus":{"type":"BitstringStatusListEntry","statusPurpose":"revocation","status":true}}`, auth...)
	for _, e := range issued.Credential.Status {
		l, _ := read(e)
		rule(bit(e, l) == (e.Purpose == status.Revocation), "3.1: revoked, in the "+e.Purpose+" list")
	}
}
