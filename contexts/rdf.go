package contexts

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// i18n holds the datatypes of text with a base direction (JSON-LD 1.1 section 10.3).
const i18n = "https://www.w3.org/ns/i18n#"

// quad is one statement of RDF, its terms as canonical N-Quads write them
// (RDF 1.1 N-Quads, RDFC-1.0 section A). A term that begins with "_:" is a blank
// node; graph is "" for the default graph.
type quad struct{ subject, predicate, object, graph string }

// flattener turns an expanded document into quads (JSON-LD 1.1 API, section 8).
// json-gold's own conversion leaves out, without a word, what it takes for
// invalid: an IRI of 2 083 characters, a host it does not know the form of, a
// base direction. What is left out is not sealed, so here everything becomes a
// quad or an error.
type flattener struct {
	quads []quad
	blank int
}

// toRDF converts what Expand returns.
func toRDF(expanded []any) ([]quad, error) {
	var f flattener
	for _, item := range expanded {
		node, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("converting to RDF: %T at the top of the document", item) // unreachable: Expand makes objects
		}
		if _, err := f.node(node, ""); err != nil {
			return nil, err
		}
	}
	return f.quads, nil
}

func (f *flattener) emit(q quad) { f.quads = append(f.quads, q) }

func (f *flattener) newBlank() string {
	f.blank++
	return "_:" + strconv.Itoa(f.blank)
}

// node writes what a node object says and returns the term that stands for it.
// No label of a blank node occurs in a document (see walker.reference), so each
// object without an @id is a blank node of its own.
func (f *flattener) node(node map[string]any, graph string) (string, error) {
	subject := ""
	if id, ok := node["@id"]; ok {
		var err error
		if subject, err = iriTerm(id); err != nil {
			return "", err
		}
	} else {
		subject = f.newBlank()
	}
	for _, property := range slices.Sorted(maps.Keys(node)) {
		if property == "@id" {
			continue
		}
		values, ok := node[property].([]any)
		switch {
		case !ok:
			return "", fmt.Errorf("converting to RDF: %T as the values of %s", node[property], property) // unreachable: Expand makes arrays
		case property == "@type":
			for _, value := range values {
				class, err := iriTerm(value)
				if err != nil {
					return "", err
				}
				f.emit(quad{subject, "<" + rdfType + ">", class, graph})
			}
		case property == "@graph":
			for _, value := range values {
				inner, ok := value.(map[string]any)
				if !ok {
					return "", fmt.Errorf("converting to RDF: %T in a graph", value)
				}
				if _, err := f.node(inner, subject); err != nil {
					return "", err
				}
			}
		case strings.HasPrefix(property, "@"):
			return "", fmt.Errorf("converting to RDF: %s in an object", property)
		default:
			predicate, err := iriTerm(property)
			if err != nil {
				return "", err
			}
			for _, value := range values {
				object, err := f.object(value, graph)
				if err != nil {
					return "", err
				}
				f.emit(quad{subject, predicate, object, graph})
			}
		}
	}
	return subject, nil
}

// object returns the term for a value of a property (sections 8.1.2 and 8.3.2).
func (f *flattener) object(value any, graph string) (string, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return "", fmt.Errorf("converting to RDF: %T as a value", value)
	}
	if _, ok := object["@value"]; ok {
		return literal(object)
	}
	items, ok := object["@list"].([]any)
	if !ok {
		return f.node(object, graph)
	}
	rest := "<" + rdf + "nil>"
	for _, item := range slices.Backward(items) {
		first, err := f.object(item, graph)
		if err != nil {
			return "", err
		}
		cell := f.newBlank()
		f.emit(quad{cell, "<" + rdf + "first>", first, graph})
		f.emit(quad{cell, "<" + rdf + "rest>", rest, graph})
		rest = cell
	}
	return rest, nil
}

func iriTerm(value any) (string, error) {
	text, ok := value.(string)
	if !ok || !absoluteIRI(text) {
		return "", fmt.Errorf("converting to RDF: %.80q is not an absolute IRI", fmt.Sprint(value))
	}
	return "<" + text + ">", nil
}

// literal writes a value object (JSON-LD 1.1 API section 8.2.2), with base
// direction as a datatype, as cryptosuites of Data Integrity have it
// (rdfDirection i18n-datatype).
func literal(object map[string]any) (string, error) {
	var datatype string
	if t, ok := object["@type"].(string); ok {
		datatype = t
	}
	value := object["@value"]
	if number, ok := value.(json.Number); ok {
		float, err := number.Float64()
		if err != nil {
			return "", fmt.Errorf("converting to RDF: number %.40s: %w", number, err)
		}
		value = float
	}
	var text, native string
	switch v := value.(type) {
	case string:
		text = v
	case bool:
		text, native = strconv.FormatBool(v), xsdBoolean
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e21 && datatype != xsdDouble {
			text, native = strconv.FormatFloat(v+0, 'f', 0, 64), xsdInteger // adding 0 takes the sign from -0
		} else {
			text, native = canonicalDouble(v), xsdDouble
		}
	}
	if datatype == "" {
		datatype = native
	}
	language, hasLanguage := object["@language"].(string)
	direction, hasDirection := object["@direction"].(string)
	switch {
	case datatype == "@json":
		text, datatype = canonicalJSON(object["@value"]), rdf+"JSON"
	case value == nil:
		return "", fmt.Errorf("converting to RDF: null as a value")
	case hasDirection:
		datatype = i18n + strings.ToLower(language) + "_" + direction
	case hasLanguage:
		return quote(text) + "@" + language, nil
	}
	if datatype == "" || datatype == xsdString {
		return quote(text), nil
	}
	typed, err := iriTerm(datatype)
	if err != nil {
		return "", err
	}
	return quote(text) + "^^" + typed, nil
}

// quote writes a string as canonical N-Quads do (RDFC-1.0 section A).
func quote(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == '\\' }) < 0 {
		return `"` + s + `"`
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\f':
			b.WriteString(`\f`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ', r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
