package contexts

import "fmt"

// Contexts without terms of their own, which only an open set holds: that of the
// examples in VCDM 2.0, and the one for trying terms out (VCDM 2.0 section
// B.2). All they do is to set @vocab.
const (
	ExamplesV2  = "https://www.w3.org/ns/credentials/examples/v2"
	UndefinedV2 = "https://www.w3.org/ns/credentials/undefined-terms/v2"
)

var vocabularies = map[string]string{
	ExamplesV2:  "https://www.w3.org/ns/credentials/examples#",
	UndefinedV2: "https://www.w3.org/ns/credentials/undefined-term#",
}

// maxWritten bounds the terms of the contexts that one document writes itself,
// scoped ones counted with them: applying a context costs time for each.
const maxWritten = 200

// Open returns a set that reads whatever VCDM 2.0 lets a document say (section
// 4.3): besides URLs also contexts that the document writes itself, and @vocab,
// which gives a meaning to names that nobody defined. It is there to say whether
// a document conforms. What such a document means is decided by whoever wrote
// it, so no verdict for people may rest on it. Protected terms stay protected,
// and nothing is fetched.
//
// @base, @import, @language, @direction and @propagate are refused, and names
// with a colon or slash as terms.
func (s *Set) Open() *Set {
	open, _ := s.With(nil) // never fails without documents
	open.open = true
	for url, vocab := range vocabularies {
		if open.docs[url] == nil {
			doc, p := writtenContext(map[string]any{"@vocab": vocab})
			if p != nil {
				panic(p) // unreachable: the table above
			}
			doc.name = url
			open.docs[url] = doc
		}
	}
	return open
}

// writtenContext reads a context that stands in a document.
func writtenContext(source map[string]any) (*document, *Problem) {
	if countTerms(source) > maxWritten {
		return nil, &Problem{Rule: "budget", Detail: fmt.Sprintf("a context in the document has more than %d terms", maxWritten)}
	}
	l, err := parseLocal(source, true)
	if err != nil {
		return nil, &Problem{Rule: "context-inline", Detail: fmt.Sprintf("a context in the document cannot be used: %v", err)}
	}
	// Whether its terms become IRIs and contradict no context before it shows when
	// it is applied.
	return &document{value: map[string]any{"@context": withoutVersion(source)}, local: l}, nil
}

// withoutVersion leaves out @version, which says 1.1, as everybody assumes: in a
// document it is a json.Number, in which json-gold does not recognize it.
func withoutVersion(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	out := make(map[string]any, len(object))
	for name, inner := range object {
		if name != "@version" {
			out[name] = withoutVersion(inner)
		}
	}
	return out
}

// countTerms counts the members of a context and of those within it.
func countTerms(value any) int {
	n := 0
	switch value := value.(type) {
	case map[string]any:
		n = len(value)
		for _, inner := range value {
			n += countTerms(inner)
		}
	case []any:
		n = len(value)
		for _, inner := range value {
			n += countTerms(inner)
		}
	}
	return n
}
