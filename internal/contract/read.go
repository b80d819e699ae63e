package contract

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// prepare closes the objects of a document's schemas, and tells the order of its
// operations, in which its examples follow from one another.
func prepare(raw []byte) (closed []byte, order []operation, err error) {
	var doc struct {
		Paths jsontext.Value `json:"paths"`
	}
	var whole map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, nil, err
	}
	err = members(doc.Paths, func(path string, item jsontext.Value) error {
		return members(item, func(method string, _ jsontext.Value) error {
			order = append(order, operation{path: path, method: strings.ToUpper(method)})
			return nil
		})
	})
	if err != nil {
		return nil, nil, err
	}
	closeObjects(whole)
	closed, err = json.Marshal(whole)
	return closed, order, err
}

// members calls each for the members of an object in their order.
func members(object jsontext.Value, each func(name string, value jsontext.Value) error) error {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		text := name.String() // the token is valid until the next is read
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := each(text, value.Clone()); err != nil {
			return err
		}
	}
	return nil
}

// closeObjects says of each schema that lists members of an object, and nothing
// of others, that there are no others. Parts of a composed schema each see only
// some of the members, so they are left.
func closeObjects(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			closeObjects(e)
		}
	case map[string]any:
		_, lists := v["properties"].(map[string]any)
		_, says := v["additionalProperties"]
		if lists && !says && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for name, e := range v {
			switch name {
			case "allOf", "anyOf", "oneOf", "example", "examples":
			default:
				closeObjects(e)
			}
		}
	}
}

// layout is JSON as text, one value on a line.
func layout(v any) string {
	raw, err := json.Marshal(v, jsontext.WithIndent(" "), json.Deterministic(true))
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
