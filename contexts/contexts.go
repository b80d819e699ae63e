// Package contexts holds the JSON-LD contexts and controlled vocabularies that
// Indeks understands, compiled in and pinned by digest. Nothing here ever
// reaches the network.
//
// Most readers want [Set.Inspect], which walks a parsed document once and
// reports every term and type that its contexts do not define, and
// [Set.Expand], which adds the expanded form.
package contexts

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/piprate/json-gold/ld"

	"indeks/strictjson"
)

// The contexts that are compiled in, by the URL under which documents name them.
const (
	VC1             = "https://www.w3.org/2018/credentials/v1"
	VC2             = "https://www.w3.org/ns/credentials/v2"
	StatusV1        = "https://www.w3.org/ns/credentials/status/v1"
	Status2021      = "https://w3id.org/vc/status-list/2021/v1"
	DataIntegrityV1 = "https://w3id.org/security/data-integrity/v1"
	DataIntegrityV2 = "https://w3id.org/security/data-integrity/v2"
	EDCAP           = "http://data.europa.eu/snb/model/context/edc-ap"

	// OB3Prefix begins the URLs of all versions of Open Badges 3.0.
	OB3Prefix = "https://purl.imsglobal.org/spec/ob/v3p0/context-"
	OB302     = OB3Prefix + "3.0.2.json"
	OB303     = OB3Prefix + "3.0.3.json"
)

// ELMPath is where every issuer serves the ELM context for VCDM 2.0 below its
// public base. A document names it by the issuer's own URL and binds it by a
// relatedResource entry with [ELMDigestSRI].
const ELMPath = "/contexts/elm/v1"

// ErrUnknownContext is returned, wrapped in a [*Problem], for a context URL
// that is not pinned.
var ErrUnknownContext = errors.New("unknown context")

// Problem is a document that must not be expanded: Pointer is the JSON Pointer
// (RFC 6901) of the place, Rule a stable id, Detail a sentence for people.
//
// Rules: "context-unknown", "context-inline", "context-missing",
// "context-order", "context-conflict" (Detail "context conflict: NAME"),
// "context-digest", "keyword" (@vocab, @base, @included, @graph, @reverse,
// @id, @type ... used as a member), "relative-iri", "blank-node" (a label such
// as _:b0), "language-tag", "malformed" (a value of a kind that JSON-LD does
// not allow there), "budget".
type Problem struct {
	Pointer, Rule, Detail string
	Err                   error // ErrUnknownContext or nil
}

// Error returns place and detail.
func (p *Problem) Error() string {
	if p.Pointer == "" {
		return p.Detail
	}
	return p.Pointer + ": " + p.Detail
}

// Unwrap returns Err.
func (p *Problem) Unwrap() error { return p.Err }

// Undefined is a member or type name that no context of the document defines.
// A member named by an IRI, compact or absolute, counts as undefined; a type
// named by an absolute IRI does not. So does a literal where the EDC
// application profile's context wrongly demands an IRI (dateModified,
// descriptionHtml): sealed files carry it, and it means nothing.
type Undefined struct {
	Pointer string // of the member, or of the type value
	Name    string
	Type    bool // a value of type, not a member
}

// Set is a closed set of pinned contexts. It is safe for concurrent use.
type Set struct {
	docs map[string]*document // by URL
	elm  *document
	open bool // see Open

	mu    sync.Mutex
	roots map[string]*root // by the documents' names; guarded by mu
}

// document is a pinned context.
type document struct {
	name    string // its URL, or ELMPath; "" for one that a document wrote itself
	bytes   []byte
	value   map[string]any // the parsed bytes; never changed
	local   *local
	digests digests // of the published file
}

// maxRoots bounds what combinations of contexts are kept ready.
const maxRoots = 256

// root is a combination of contexts, as documents name it.
type root struct {
	active   *active // nil when there is a conflict
	conflict error
	values   []any                       // the documents as parsed JSON
	expander func() (*ld.Context, error) // the same for json-gold, parsed at first use
}

func newDocument(name string, ctx map[string]any, d digests) *document {
	doc := &document{name: name, bytes: encode(ctx), value: map[string]any{"@context": ctx}, digests: d}
	var err error
	if doc.local, err = parseLocal(ctx, false); err == nil {
		err = doc.local.check(new(active))
	}
	if err != nil {
		panic(fmt.Sprintf("compiled-in context %s: %v", name, err)) // unreachable: tests build all of them
	}
	if doc.digests == nil {
		doc.digests = digestsOf(doc.bytes)
	}
	return doc
}

// Default returns the compiled-in contexts.
func Default() *Set { return compiledIn() }

var compiledIn = sync.OnceValue(func() *Set {
	s := &Set{docs: make(map[string]*document), roots: make(map[string]*root)}
	for url, ctx := range map[string]map[string]any{
		VC1:             parseTerms(vc1Terms),
		VC2:             parseTerms(vc2Terms),
		StatusV1:        parseTerms(statusTerms),
		Status2021:      parseTerms(status2021Terms),
		DataIntegrityV1: parseTerms(dataIntegrity1Terms),
		DataIntegrityV2: parseTerms(dataIntegrity2Terms),
		EDCAP:           edcTerms(),
		OB302:           badgeTerms(OB302),
		OB303:           badgeTerms(OB303),
	} {
		s.docs[url] = newDocument(url, ctx, publishedDigests(url))
	}
	s.elm = newDocument(ELMPath, ownTerms(), nil)
	return s
})

// Documents returns the contexts of the set as JSON, by the URL under which documents
// name them; that of ELM by ELMPath.
func (s *Set) Documents() map[string][]byte {
	docs := map[string][]byte{ELMPath: bytes.Clone(s.elm.bytes)}
	for url, d := range s.docs {
		docs[url] = bytes.Clone(d.bytes)
	}
	return docs
}

// ShapesText is the text of the shapes of the application profiles that are
// compiled in, as this package restates them.
func ShapesText() string { return profileShapes }

// With returns a set that also holds docs (URL to JSON-LD context document).
// It reports an error for a document that is not a context, uses what this
// package does not implement (@vocab, @import, @propagate, aliases of keywords
// other than id and type, among others), or redefines a URL that s holds.
func (s *Set) With(docs map[string][]byte) (*Set, error) {
	next := &Set{docs: maps.Clone(s.docs), elm: s.elm, open: s.open, roots: make(map[string]*root)}
	for url, data := range docs {
		doc, err := parseDocument(url, data)
		if err != nil {
			return nil, fmt.Errorf("reading context %s: %w", url, err)
		}
		if known := s.docs[url]; known == nil {
			next.docs[url] = doc
		} else if !reflect.DeepEqual(known.value["@context"], doc.value["@context"]) {
			return nil, fmt.Errorf("reading context %s: it is pinned with another content", url)
		}
	}
	return next, nil
}

func parseDocument(url string, data []byte) (*document, error) {
	doc := &document{name: url, bytes: data, digests: digestsOf(data)}
	if !absoluteIRI(url) {
		return nil, errors.New("its name is not a URL")
	}
	if err := json.Unmarshal(data, &doc.value); err != nil {
		return nil, err
	}
	ctx, ok := doc.value["@context"]
	if !ok {
		return nil, errors.New("there is no @context")
	}
	var err error
	if doc.local, err = parseLocal(ctx, false); err != nil {
		return nil, err
	}
	return doc, doc.local.check(new(active))
}

// root returns the combination of docs, which it makes at first use.
func (s *Set) root(docs []*document) *root {
	var key strings.Builder
	for _, doc := range docs {
		if doc.name == "" { // written in one document, and kept no longer
			return s.newRoot(docs)
		}
		key.WriteString(doc.name)
		key.WriteByte('\n')
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.roots[key.String()]
	if r == nil {
		r = s.newRoot(docs)
		if len(s.roots) < maxRoots {
			s.roots[key.String()] = r
		}
	}
	return r
}

func (s *Set) newRoot(docs []*document) *root {
	a := new(active)
	values := make([]any, len(docs))
	for i, doc := range docs {
		next, err := a.apply(doc.local, false)
		if err != nil {
			return &root{conflict: err}
		}
		a, values[i] = next, doc.value
	}
	return &root{active: a.flat(), values: values, expander: sync.OnceValues(func() (*ld.Context, error) {
		return ld.NewContext(nil, s.options()).Parse(values)
	})}
}

// Inspect walks a document under its contexts and reports what they do not
// define, in the order of the document. It returns a [*Problem] for
// whatever must never be expanded: contexts that are not pinned, not bound or
// in conflict, keywords, relative IRIs, labels of blank nodes, and documents of
// more than 20 000 objects, 50 000 members or a depth of 64.
//
// Members within an undefined member or a value of type @json are not looked
// at. A credential inside a VC2 presentation is walked under its own @context.
func (s *Set) Inspect(doc strictjson.Value) ([]Undefined, error) {
	w := walker{set: s}
	if _, p := w.document(&doc); p != nil {
		return nil, p
	}
	return w.found, nil
}

// ELMDocument returns the ELM context for VCDM 2.0, exactly as served.
func ELMDocument() []byte { return bytes.Clone(Default().elm.bytes) }

// ELMDigestSRI returns the digest of [ELMDocument] as "sha384-" and base64.
func ELMDigestSRI() string {
	return "sha384-" + base64.StdEncoding.EncodeToString(Default().elm.digests["sha384"])
}
