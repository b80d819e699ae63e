package contexts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"indeks/internal/reference"
)

var references = map[string]string{
	VC1:             "reference/w3c/credentials-v1.jsonld",
	VC2:             "reference/w3c/credentials-v2.jsonld",
	StatusV1:        "reference/w3c/status-list-v1.jsonld",
	Status2021:      "reference/w3c/status-list-2021-v1.jsonld",
	DataIntegrityV1: "reference/w3c/data-integrity-v1.jsonld",
	DataIntegrityV2: "reference/w3c/data-integrity-v2.jsonld",
	EDCAP:           "reference/elm/edc-ap-context.jsonld",
}

// Each compiled-in context is the same JSON value as the published file, and
// that file is the one whose digests are written down.
func TestContextsEqualPublication(t *testing.T) {
	for url, name := range references {
		t.Run(url, func(t *testing.T) {
			data := reference.Read(t, name)
			var want, got any
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(Default().docs[url].bytes, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("context differs (-published +ours):\n%s", diff)
			}
			if diff := cmp.Diff(digestsOf(data), Default().docs[url].digests); diff != "" {
				t.Errorf("digests differ (-published +ours):\n%s", diff)
			}
			sum := sha256.Sum256(data)
			if got := PublishedDigest(url); got != hex.EncodeToString(sum[:]) {
				t.Errorf("PublishedDigest = %s", got)
			}
		})
	}
}

// The bytes of our documents never change unseen. A new digest of the ELM
// context is a new context, under another path: sealed credentials carry the
// old one for decades.
func TestDocumentsArePinned(t *testing.T) {
	for url, want := range map[string]string{
		VC1:             "f475dda0e4f595042116557c97641f8f21336be74c473160c4bcf7ea84e3f968",
		VC2:             "f6106266329a63f4f91c780f8c0945c9821e1d2c0cfec42ddc0bae24ea17af88",
		StatusV1:        "91df9c4a55954cf4c9a2de1874abaae35f72a39824eb84810324b37cf08c6718",
		Status2021:      "d790b61e7205991276a58c73cf61391e4fe05c947ed76ad9995d0bfa5ff79795",
		DataIntegrityV1: "d22c51c514986c5791981b5813eddb459ba9cbdacc4ae6d009ae9778d290302f",
		DataIntegrityV2: "3cad7a39abc2c01f84dd630c0a134453a073daf447100ff1504ecc5c71392290",
		EDCAP:           "1d71c17a4d4d50795f94b1678cefdabca3cf1154072195c7d7353f487f791d96",
		OB302:           "f297912738664b73f76a77b15cb4860742071ef54ea64f5e7b90affcc2a44a92",
		OB303:           "290e25fed942c605e40f615d0875cc299e72d8a2baa046505f0e6f7dc51b67c8",
	} {
		if got := sha256Hex(string(Default().docs[url].bytes)); got != want {
			t.Errorf("%s has digest %s, want %s", url, got, want)
		}
	}
	const elm = "sha384-IoFLZBiikULQGXxXYGWWQxeceGj55SYgfJqbEcUA290QqG7rEdq0qLDnOK2MXHB/"
	if got := ELMDigestSRI(); got != elm {
		t.Errorf("the ELM context has digest %s, want %s", got, elm)
	}
}

// Our ELM context has the terms of the EDC application profile under the same
// IRIs, with the differences that ownTerms lists, and stands beside VC2.
func TestELMContext(t *testing.T) {
	resolved := func(docs ...*document) *active {
		t.Helper()
		r := Default().root(docs)
		if r.conflict != nil {
			t.Fatal(r.conflict)
		}
		return r.active
	}
	edc := resolved(Default().docs[EDCAP])
	own := resolved(Default().docs[VC2], Default().elm)
	for name, want := range edc.terms {
		got := own.lookup(name)
		switch {
		case prefixes()[name] != nil:
			if got != nil {
				t.Errorf("%s, a prefix, is %s", name, got.iri)
			}
		case name == "description":
			got = own.lookup("elmDescription")
			if got == nil || got.iri != want.iri || got.container != want.container {
				t.Errorf("elmDescription is %+v, want %+v", got, want)
			}
		case got == nil || got.iri != want.iri || got.container != want.container:
			t.Errorf("%s is %+v, want %+v", name, got, want)
		case got.coercion != want.coercion && !mistyped[got.iri]:
			t.Errorf("%s is coerced to %s, want %s", name, got.coercion, want.coercion)
		}
	}
	for name := range Default().elm.local.terms {
		if edc.lookup(name) == nil && name != "elmDescription" && name != "id" && name != "type" {
			t.Errorf("%s is not of the EDC application profile", name)
		}
		if !own.lookup(name).protected {
			t.Errorf("%s is not protected", name)
		}
	}
	if got := own.lookup("description"); got.iri != "https://schema.org/description" {
		t.Errorf("description is %s", got.iri)
	}

	doc := ELMDocument()
	doc[0] = 'x' // the caller's own copy
	if ELMDocument()[0] != '{' {
		t.Error("ELMDocument returns its own bytes")
	}
}

// A context of the reference data can be pinned, unless it uses what is not
// implemented; then With says so instead of reading it by halves.
func TestWith(t *testing.T) {
	for file, want := range map[string]string{
		"credentials-examples-v2":        "@vocab",
		"credentials-undefined-terms-v2": "@vocab",
		"status-list-2021-v1":            "",
		"jws-2020-v1":                    "",
		"data-integrity-v1":              "",
		"data-integrity-v2":              "",
		"multikey-v1":                    "",
		"ed25519-signature-2020-v1":      "",
	} {
		data := reference.Read(t, "reference/w3c/"+file+".jsonld")
		checkWith(t, file, "https://x.example/"+file, string(data), want)
	}
	checkWith(t, "Open Badges", "https://x.example/ob", string(reference.Read(t, "reference/w3c/openbadges-3.0.3.json")), "")
	checkWith(t, "VC2 as published", VC2, string(reference.Read(t, references[VC2])), "")
}

func TestWithRefuses(t *testing.T) {
	for _, test := range []struct{ name, url, doc, want string }{
		{"other content", VC2, `{"@context": {}}`, "pinned with another content"},
		{"no JSON", "https://x.example/v1", `{`, "reading context"},
		{"repeated name", "https://x.example/v1", `{"@context": {}, "@context": {}}`, "duplicate"},
		{"no context", "https://x.example/v1", `{}`, "no @context"},
		{"relative URL", "v1", `{"@context": {}}`, "not a URL"},
		{"array", "https://x.example/v1", `{"@context": [{}]}`, "one object"},
		{"import", "https://x.example/v1", `{"@context": {"@import": "https://y.example"}}`, "@import"},
		{"base", "https://x.example/v1", `{"@context": {"@base": "https://y.example"}}`, "@base"},
		{"language", "https://x.example/v1", `{"@context": {"@language": "en"}}`, "@language"},
		{"propagate", "https://x.example/v1", `{"@context": {"@propagate": false}}`, "@propagate"},
		{"version", "https://x.example/v1", `{"@context": {"@version": 1.0}}`, "@version"},
		{"protected", "https://x.example/v1", `{"@context": {"@protected": 1}}`, "@protected"},
		{"alias", "https://x.example/v1", `{"@context": {"identifier": "@id"}}`, "alias"},
		{"crossed alias", "https://x.example/v1", `{"@context": {"id": "@type"}}`, "alias"},
		{"graph alias", "https://x.example/v1", `{"@context": {"graph": "@graph"}}`, "alias"},
		{"reverse", "https://x.example/v1", `{"@context": {"p": {"@reverse": "https://x.example/p"}}}`, "@reverse"},
		{"nest", "https://x.example/v1", `{"@context": {"p": {"@id": "https://x.example/p", "@nest": "q"}}}`, "@nest"},
		{"index", "https://x.example/v1", `{"@context": {"p": {"@id": "https://x.example/p", "@container": "@index"}}}`, "@index"},
		{"type container", "https://x.example/v1", `{"@context": {"p": {"@id": "https://x.example/p", "@container": ["@type", "@set"]}}}`, "@type"},
		{"no IRI", "https://x.example/v1", `{"@context": {"p": "p"}}`, "not an absolute IRI"},
		{"no id", "https://x.example/v1", `{"@context": {"p": {"@type": "@id"}}}`, "@id is missing"},
		{"relative type", "https://x.example/v1", `{"@context": {"p": {"@id": "https://x.example/p", "@type": "date"}}}`, "not an absolute IRI"},
		{"cycle", "https://x.example/v1", `{"@context": {"a": "b:x", "b": "a:x"}}`, "itself"},
		{"blank node", "https://x.example/v1", `{"@context": {"p": "_:p"}}`, "not an absolute IRI"},
		{"IRI as term", "https://x.example/v1", `{"@context": {"x:y": "https://x.example/p"}}`, "as a term"},
		{"scoped URL", "https://x.example/v1", `{"@context": {"T": {"@id": "https://x.example/T", "@context": "https://y.example"}}}`, "one object"},
		{"scoped vocab", "https://x.example/v1", `{"@context": {"T": {"@id": "https://x.example/T", "@context": {"@vocab": "https://y.example/"}}}}`, "@vocab"},
		{"scoped relative", "https://x.example/v1", `{"@context": {"T": {"@id": "https://x.example/T", "@context": {"p": "q"}}}}`, "context of T"},
	} {
		checkWith(t, test.name, test.url, test.doc, test.want)
	}
}

func checkWith(t *testing.T, name, url, doc, want string) {
	t.Helper()
	_, err := Default().With(map[string][]byte{url: []byte(doc)})
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want an error with %q", name, err, want)
	}
}

func TestLoaderKnowsOnlyTheSet(t *testing.T) {
	s, err := Default().With(map[string][]byte{"https://x.example/v1": []byte(`{"@context": {"p": "https://x.example/p"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{VC1, VC2, StatusV1, Status2021, DataIntegrityV1, DataIntegrityV2, EDCAP, "https://x.example/v1"} {
		remote, err := s.Loader().LoadDocument(url)
		if err != nil {
			t.Fatal(err)
		}
		remote.Document.(map[string]any)["@context"] = nil // the caller's own copy
		if s.docs[url].value["@context"] == nil {
			t.Errorf("%s can be changed through the loader", url)
		}
	}
	for _, url := range []string{"", "https://y.example/v1", "/etc/hostname", "documents.go", VC2 + "/", "https://issuer.example" + ELMPath} {
		if _, err := s.Loader().LoadDocument(url); err == nil {
			t.Errorf("%s was loaded", url)
		}
	}
	if _, err := Default().Loader().LoadDocument("https://x.example/v1"); err == nil {
		t.Error("With changed the set it was called on")
	}
}
