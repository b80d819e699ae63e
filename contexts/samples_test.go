package contexts

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/piprate/json-gold/ld"

	"indeks/internal/reference"

	"indeks/strictjson"
)

// parse reads JSON as elm.Parse leaves it.
func parse(t testing.TB, data []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// sample reads a document of the reference samples: the file itself, the
// payload of a sealed file, or the credential of the form for uploading, which
// leaves the contexts out.
func sample(t testing.TB, name string) map[string]any {
	t.Helper()
	doc := parse(t, reference.Read(t, "reference/samples/"+name))
	if payload, ok := doc["payload"].(string); ok {
		return parse(t, []byte(payload))
	}
	if inner, ok := doc["credential"].(map[string]any); ok {
		doc = inner
	}
	if doc["@context"] == nil {
		doc["@context"] = []any{VC1, EDCAP}
	}
	return doc
}

type expectation struct {
	File         string
	Quads        int
	RDFC10SHA256 string
	StrictJSONLD bool
}

func expectations(t testing.TB) []expectation {
	var all struct{ Documents []expectation }
	if err := json.Unmarshal(reference.Read(t, "reference/samples/expected-shacl.json"), &all); err != nil {
		t.Fatal(err)
	}
	return all.Documents
}

// referee returns json-gold with the published contexts.
func referee(t testing.TB) *ld.JsonLdOptions {
	t.Helper()
	docs := make(map[string]any)
	for url, name := range references {
		var doc any
		if err := json.Unmarshal(reference.Read(t, name), &doc); err != nil {
			t.Fatal(err)
		}
		docs[url] = doc
	}
	return options(publishedLoader(docs))
}

type publishedLoader map[string]any

func (l publishedLoader) LoadDocument(url string) (*ld.RemoteDocument, error) {
	doc, ok := l[url]
	if !ok {
		return nil, ld.NewJsonLdError(ld.LoadingDocumentFailed, url)
	}
	return &ld.RemoteDocument{DocumentURL: url, Document: doc}, nil
}

func options(loader ld.DocumentLoader) *ld.JsonLdOptions {
	o := ld.NewJsonLdOptions("")
	o.DocumentLoader = loader
	o.Algorithm = ld.AlgorithmURDNA2015
	o.Format = "application/n-quads"
	return o
}

func canonical(t testing.TB, doc map[string]any, o *ld.JsonLdOptions) string {
	t.Helper()
	quads, err := ld.NewJsonLdProcessor().Normalize(doc, o)
	if err != nil {
		t.Fatal(err)
	}
	return quads.(string)
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Every sample means the same under our contexts as under the published ones,
// and as a processor of another make says.
func TestSamplesCanonical(t *testing.T) {
	for _, want := range expectations(t) {
		t.Run(want.File, func(t *testing.T) {
			doc := sample(t, want.File)
			undefined, err := Default().Inspect(strictjson.Of(doc))
			if err != nil {
				t.Fatal(err)
			}
			quads, err := Default().Canonical(without(t, doc, undefined), crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			got := string(quads)
			if n := strings.Count(got, "\n"); n != want.Quads || sha256Hex(got) != want.RDFC10SHA256 {
				t.Errorf("%d quads with hash %s, want %d with %s", n, sha256Hex(got), want.Quads, want.RDFC10SHA256)
			}

			// json-gold keeps an undefined type as a relative IRI, in one quad
			// for each of the two status entries of a MyNextID file.
			published := strings.SplitAfter(canonical(t, doc, referee(t)), "\n")
			extra := 0
			published = slices.DeleteFunc(published, func(quad string) bool {
				if !strings.HasSuffix(quad, " <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <StatusList2021Entry> .\n") {
					return false
				}
				extra++
				return true
			})
			wantExtra := 0
			if strings.HasPrefix(want.File, "mynextid/") {
				wantExtra = 2
			}
			if extra != wantExtra {
				t.Errorf("json-gold wrote %d quads with a relative type, want %d", extra, wantExtra)
			}
			if diff := cmp.Diff(strings.Join(published, ""), got); diff != "" {
				t.Errorf("quads differ (-published contexts +ours):\n%s", diff)
			}
			if sha256Hex(canonical(t, doc, options(Default().Loader()))) != sha256Hex(canonical(t, doc, referee(t))) {
				t.Error("json-gold gives another graph with our loader than with the published contexts")
			}
		})
	}
}
