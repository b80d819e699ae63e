package elm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// normal brings a tree to one form among those that JSON-LD takes for the same:
// one value is as good as an array of it, and a reference as good as an object
// of which only the id is given.
func normal(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		if id, ok := tree["id"].(string); ok && len(tree) == 1 {
			return id
		}
		object := make(map[string]any, len(tree))
		for name, value := range tree {
			object[name] = normal(value)
		}
		return object
	case []any:
		if len(tree) == 1 {
			return normal(tree[0])
		}
		array := make([]any, len(tree))
		for i, item := range tree {
			array[i] = normal(item)
		}
		return array
	}
	return tree
}

func TestEverySampleKeepsItsContent(t *testing.T) {
	for name, raw := range samples(t) {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if string(c.Raw) != string(raw) {
				t.Error("Raw is not the bytes that were parsed")
			}
			if c.Profile != EDC {
				return
			}
			encoded, err := c.Encode(EDC)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse(encoded)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(normal(c.Tree.Any()), normal(again.Tree.Any())); diff != "" {
				t.Errorf("content changed (-read +written):\n%s", diff)
			}
			twice, err := again.Encode(EDC)
			if err != nil {
				t.Fatal(err)
			}
			if string(twice) != string(encoded) {
				t.Error("encoding what was encoded gives other bytes")
			}
			err = c.Validate()
			t.Log(err)
		})
	}
}

func parse(t testing.TB, raw string) *Credential {
	t.Helper()
	c, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
