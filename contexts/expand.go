package contexts

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/piprate/json-gold/ld"
)

// loader serves the documents of a set, and nothing else.
type loader struct{ set *Set }

// LoadDocument returns a copy that the caller may change.
func (l loader) LoadDocument(url string) (*ld.RemoteDocument, error) {
	doc := l.set.docs[url]
	if doc == nil {
		return nil, ld.NewJsonLdError(ld.LoadingDocumentFailed, fmt.Errorf("%w: %s", ErrUnknownContext, url))
	}
	return &ld.RemoteDocument{DocumentURL: url, Document: ld.CloneDocument(doc.value)}, nil
}

// Loader returns a document loader over the set; every other URL fails. It
// does not serve the ELM context, which has no URL of its own: [Set.With] adds
// it under one.
func (s *Set) Loader() ld.DocumentLoader { return loader{s} }

func (s *Set) options() *ld.JsonLdOptions {
	o := ld.NewJsonLdOptions("")
	o.DocumentLoader = s.Loader()
	o.Algorithm = ld.AlgorithmURDNA2015
	return o
}

// Expand is Inspect followed by JSON-LD 1.1 expansion with json-gold.
// Undefined members and types are dropped from the result.
func (s *Set) Expand(doc map[string]any) ([]any, []Undefined, error) {
	w := walker{set: s}
	root, p := w.document(doc)
	if p != nil {
		return nil, nil, p
	}

	// json-gold parses contexts at each call, which takes longer than all the
	// rest: hand it the parsed ones and a document that names none.
	active, err := root.expander()
	if err != nil {
		return nil, nil, fmt.Errorf("parsing contexts: %w", err)
	}
	edits := &edit{members: map[string]*edit{"@context": {drop: true}}}
	for _, u := range w.found {
		edits.at(u.Pointer).drop = true
	}
	for _, in := range w.inner {
		edits.at(in.pointer + "/@context").value = in.root.values
	}
	expanded, err := ld.NewJsonLdApi().Expand(active, "", edits.apply(doc), s.options(), false, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("expanding: %w", err)
	}
	switch expanded := expanded.(type) {
	case []any:
		return expanded, w.found, nil
	case map[string]any:
		return []any{expanded}, w.found, nil
	}
	return []any{}, w.found, nil
}

// edit is a change to a document, as a tree of places.
type edit struct {
	drop    bool
	value   any // put in place of the old one when not nil
	members map[string]*edit
}

// at returns the edit of the place that a JSON Pointer leads to.
func (e *edit) at(pointer string) *edit {
	for name := range strings.SplitSeq(pointer[1:], "/") {
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
		if e.members == nil {
			e.members = make(map[string]*edit)
		}
		if e.members[name] == nil {
			e.members[name] = new(edit)
		}
		e = e.members[name]
	}
	return e
}

// apply returns value with the edits made, sharing what they do not touch.
func (e *edit) apply(value any) any {
	switch value := value.(type) {
	case map[string]any:
		value = maps.Clone(value)
		for name, inner := range e.members {
			switch {
			case inner.drop:
				delete(value, name)
			case inner.value != nil:
				value[name] = inner.value
			default:
				value[name] = inner.apply(value[name])
			}
		}
		return value
	case []any:
		kept := make([]any, 0, len(value))
		for i, item := range value {
			inner := e.members[strconv.Itoa(i)]
			switch {
			case inner == nil:
				kept = append(kept, item)
			case !inner.drop:
				kept = append(kept, inner.apply(item))
			}
		}
		return kept
	}
	return value
}

// The bounds of canonicalization. Since Inspect refuses labels, blank nodes
// form trees, and a blank node below a named one costs the same however many
// its like there are. Only alike blank nodes below alike blank nodes are tried
// in every order: of trees with 12 nested ones the worst, 6 below each of 2,
// takes 20 ms; with 14 (7 below each of 2) it takes 0.3 s, with 16 it takes 3 s.
// The samples of the Commission and MyNextID have 2, none of them nested.
const (
	maxBlankNodes       = 64
	maxNestedBlankNodes = 12
)

// blankNodes counts the blank nodes that an expanded value becomes in RDF, and
// those of them that hang below another one.
func blankNodes(value any, below bool) (all, nested int) {
	count := func(value any, below bool) {
		a, n := blankNodes(value, below)
		all, nested = all+a, nested+n
	}
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			count(item, below)
		}
	case map[string]any:
		if _, ok := value["@value"]; ok {
			return 0, 0
		}
		if list, ok := value["@list"].([]any); ok { // a chain of blank nodes
			all, nested = len(list), len(list)
			count(list, true)
			return all, nested
		}
		_, named := value["@id"]
		if !named {
			all++
			if below {
				nested++
			}
		}
		for name, inner := range value {
			if name != "@id" && name != "@type" {
				count(inner, !named)
			}
		}
	}
	return all, nested
}

// Canonical returns the RDFC-1.0 canonical N-Quads of what Expand returns. Only
// for documents of one's own: a hostile graph makes canonicalization explode,
// so it refuses, with a [*Problem] of rule "budget", documents with more than
// 64 blank nodes or more than 12 that hang below other blank nodes.
func (s *Set) Canonical(doc map[string]any) (string, error) {
	expanded, _, err := s.Expand(doc)
	if err != nil {
		return "", err
	}
	all, nested := blankNodes(expanded, false)
	if all > maxBlankNodes || nested > maxNestedBlankNodes {
		return "", &Problem{Rule: "budget", Detail: fmt.Sprintf(
			"%d blank nodes, %d of them below others, are more than can be canonicalized safely", all, nested)}
	}
	options := s.options()
	options.Format = "application/n-quads"
	api := ld.NewJsonLdApi()
	dataset, err := api.ToRDF(expanded, options)
	if err != nil {
		return "", fmt.Errorf("converting to RDF: %w", err)
	}
	quads, err := api.Normalize(dataset, options)
	if err != nil {
		return "", fmt.Errorf("canonicalizing: %w", err)
	}
	text, ok := quads.(string)
	if !ok {
		return "", errors.New("canonicalizing: no N-Quads") // unreachable: Format asks for them
	}
	return text, nil
}
