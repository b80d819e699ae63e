package contexts

import (
	"fmt"
	"testing"
)

// An index finds the terms of a map, and nothing else.
func TestNameIndex(t *testing.T) {
	names := []string{"", "x", "id", "type", "identifie", "identifiers", "a name that ends alike", "b name that ends alike", "\xff", "é"}
	for _, doc := range Default().docs {
		terms := map[string]*term{}
		for name := range doc.local.terms {
			terms[name] = &term{iri: name}
			names = append(names, name, name+"x", name[1:])
		}
		x := newNameIndex(terms)
		if free := len(x) - len(terms); free < len(terms) {
			t.Errorf("%s: %d of %d places are free", doc.name, free, len(x))
		}
		for _, name := range names {
			if got := x.find(name, nameHash(name)); got != terms[name] {
				t.Errorf("%s: %q is %v, not %v", doc.name, name, got, terms[name])
			}
		}
	}
	many := map[string]*term{}
	for i := range 1000 {
		many[fmt.Sprint("name", i)] = new(term)
	}
	x := newNameIndex(many)
	for name, want := range many {
		if got := x.find(name, nameHash(name)); got != want {
			t.Errorf("%q is not found", name)
		}
	}
	if got := newNameIndex(nil).find("id", nameHash("id")); got != nil {
		t.Error("something is found in nothing")
	}
}

// The names of the largest contexts stand where they are looked for, or hardly beside.
func TestNameHashSpreads(t *testing.T) {
	for _, url := range []string{EDCAP, VC2} {
		terms := map[string]*term{}
		for name := range Default().docs[url].local.terms {
			terms[name] = new(term)
		}
		x := newNameIndex(terms)
		looks := 0
		for name := range terms {
			at, home := x.place(name, nameHash(name)), int(nameHash(name))&(len(x)-1)
			looks += (at-home)&(len(x)-1) + 1
		}
		if 10*looks > 16*len(terms) {
			t.Errorf("%s: %d names take %d looks", url, len(terms), looks)
		}
	}
}
