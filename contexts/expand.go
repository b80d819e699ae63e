package contexts

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/piprate/json-gold/ld"

	"indeks/strictjson"
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
	tree := strictjson.Of(doc)
	root, p := w.document(&tree)
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
	if w.graphs != nil {
		wrapGraphs(expanded, w.graphs)
	}
	switch expanded := expanded.(type) {
	case []any:
		return expanded, w.found, nil
	case map[string]any:
		return []any{expanded}, w.found, nil
	}
	return []any{}, w.found, nil
}

// wrapGraphs makes graphs of the values of properties that hold graphs. json-gold
// looks for the container of a property in the context that is scoped to it,
// where VC2 has none, and so would merge the credentials of a presentation with
// it (JSON-LD 1.1 API section 5.1.2, step 13.4: the active context).
func wrapGraphs(value any, graphs map[string]bool) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			wrapGraphs(item, graphs)
		}
	case map[string]any:
		for name, inner := range value {
			wrapGraphs(inner, graphs)
			items, ok := inner.([]any)
			if !ok || !graphs[name] {
				continue
			}
			for i, item := range items {
				if node, ok := item.(map[string]any); ok && node["@graph"] == nil {
					items[i] = map[string]any{"@graph": []any{item}}
				}
			}
		}
	}
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
