package issuer

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed course.schema.json
var courseSchema []byte

// CourseSchema is the JSON Schema (2020-12) of a course, as published. What it
// refuses [ParseCourse] refuses, in the words of its descriptions; what no
// schema can say (membership in long lists, one field against another) is
// checked after it.
func CourseSchema() []byte { return bytes.Clone(courseSchema) }

// schema is the compiled schema and its tree, from which the words for what is
// expected are read.
type schema struct {
	compiled *jsonschema.Schema
	tree     any
}

const schemaURL = "urn:indeks:schema:course"

var theSchema = sync.OnceValue(func() schema {
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(courseSchema))
	if err != nil {
		panic(err) // unreachable: embedded, and read by every test
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.AssertFormat()
	if err := c.AddResource(schemaURL, tree); err != nil {
		panic(err) // unreachable, as above
	}
	return schema{compiled: c.MustCompile(schemaURL), tree: tree}
})

// noLoader keeps the compiler from reading files or the network.
type noLoader struct{}

func (noLoader) Load(address string) (any, error) {
	return nil, fmt.Errorf("schema %s is not compiled in", address)
}

// problems validates a document, as elm.ParseJSON leaves it, and returns every
// broken rule with its JSON Pointer.
func (s schema) problems(doc any) []Problem {
	err := s.compiled.Validate(doc)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []Problem{{Rule: "course-schema", Want: err.Error()}} // unreachable: Validate returns nothing else
	}
	problems := slices.Collect(func(yield func(Problem) bool) { s.leaves(doc, invalid, yield) })
	// The library goes over members in the order of a map.
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Want, b.Want))
	})
	return problems
}

// leaves yields a problem for each keyword that failed. A place that broke two
// keywords of one subschema (a pattern and a format) is named once.
func (s schema) leaves(doc any, e *jsonschema.ValidationError, yield func(Problem) bool) bool {
	at := pointer(e.InstanceLocation)
	p := Problem{Field: at, Value: found(doc, e.InstanceLocation), Want: "is not allowed: expected " + s.description(e.SchemaURL)}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			if !yield(Problem{Field: at + "/" + escape(name), Rule: "course-required", Want: "is missing: expected " + s.description(e.SchemaURL+"/properties/"+escape(name))}) {
				return false
			}
		}
		return true
	case *kind.AdditionalProperties:
		node, _ := s.node(e.SchemaURL)
		for _, name := range k.Properties {
			rule, want := "course-unknown", "is not a member that a course has here"
			if _, ok := node["patternProperties"]; ok {
				rule, want = "course-language", `is not a language tag (BCP 47): expected one such as "en", "hr", "sr-Latn" or "sr-Cyrl"`
			} else if near := s.nearest(e.SchemaURL, name); near != "" {
				want += fmt.Sprintf("; did you mean %q?", near)
			}
			if !yield(Problem{Field: at + "/" + escape(name), Rule: rule, Want: want}) {
				return false
			}
		}
		return true
	case *kind.AnyOf:
		p.Value, p.Rule, p.Want = "", "course-required", "is incomplete: expected "+s.description(e.SchemaURL)
		// Where each alternative only wants a member, the first is where it would go.
		for _, cause := range e.Causes {
			if required, ok := cause.ErrorKind.(*kind.Required); ok && p.Field == at {
				p.Field = at + "/" + escape(required.Missing[0])
			}
		}
		return yield(p)
	case *kind.Type:
		p.Rule = "course-type"
	case *kind.Enum:
		p.Rule = "course-code"
	case *kind.Format:
		p.Rule = "course-form"
		if k.Want == "date" {
			p.Rule, p.Want = "course-date", "is not a real date, expected YYYY-MM-DD"
		}
	case *kind.Pattern:
		p.Rule = "course-form"
		if strings.TrimSpace(k.Got) == "" {
			p.Rule, p.Value = "course-empty", ""
			p.Want = strings.Replace(p.Want, "is not allowed", "is empty", 1)
		}
	case *kind.MinLength, *kind.MinItems, *kind.MinProperties:
		p.Rule, p.Value = "course-empty", ""
		p.Want = strings.Replace(p.Want, "is not allowed", "is empty", 1)
	case *kind.Minimum, *kind.Maximum:
		p.Rule = "course-range"
	case *kind.MaxLength, *kind.MaxItems, *kind.MaxProperties, *kind.UniqueItems:
		p.Rule = "course-size"
	default:
		for _, cause := range e.Causes {
			if !s.leaves(doc, cause, yield) {
				return false
			}
		}
		return true
	}
	return yield(p)
}

// description returns the words of the subschema at a location of our schema,
// following one reference.
func (s schema) description(location string) string {
	node, ok := s.node(location)
	if !ok {
		return "another value"
	}
	if ref, ok := node["$ref"].(string); ok {
		if node, ok = s.node(schemaURL + ref); !ok {
			return "another value"
		}
	}
	text, _ := node["description"].(string)
	return text
}

func (s schema) node(location string) (map[string]any, bool) {
	_, fragment, _ := strings.Cut(location, "#")
	if unescaped, err := url.PathUnescape(fragment); err == nil {
		fragment = unescaped
	}
	if strings.HasPrefix(location, schemaURL+"/") {
		fragment = strings.TrimPrefix(location, schemaURL)
	}
	at := s.tree
	for part := range strings.SplitSeq(strings.TrimPrefix(fragment, "/"), "/") {
		if part == "" {
			continue
		}
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			var i int
			if _, err := fmt.Sscanf(part, "%d", &i); err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			at = v[i]
		default:
			return nil, false
		}
	}
	node, ok := at.(map[string]any)
	return node, ok
}

// nearest is the member of the object schema that a misspelt name may mean.
func (s schema) nearest(location, name string) string {
	node, _ := s.node(location)
	properties, _ := node["properties"].(map[string]any)
	names := make([]string, 0, len(properties))
	for n := range properties {
		names = append(names, n)
	}
	return nearest(name, names)
}

// found renders the value at a place of the document, where it is a scalar.
func found(doc any, location []string) string {
	for _, part := range location {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[part]
		case []any:
			var i int
			if _, err := fmt.Sscanf(part, "%d", &i); err != nil || i >= len(v) {
				return ""
			}
			doc = v[i]
		}
	}
	switch v := doc.(type) {
	case string:
		return shorten(v)
	case json.Number, bool:
		return fmt.Sprint(v)
	}
	return ""
}

func pointer(location []string) string {
	var b strings.Builder
	for _, part := range location {
		b.WriteString("/" + escape(part))
	}
	return b.String()
}

// escape writes a member name as a reference token (RFC 6901, section 3).
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// nearest returns the name that is at most two edits away from s, or "".
func nearest(s string, names []string) string {
	best, least := "", 3
	slices.Sort(names)
	for _, name := range names {
		if d := distance(s, name); d < least && d < len([]rune(name)) {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with
// the next one.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if d := len(s) - len(t); d > 3 || d < -3 {
		return 4
	}
	older, old, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(s); i++ {
		older, old, row = old, row, older
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(t)]
}
