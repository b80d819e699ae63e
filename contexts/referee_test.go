package contexts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/piprate/json-gold/ld"
	"pgregory.net/rapid"

	"indeks/strictjson"
)

// expandStrictly is json-gold's safe mode, which fails on undefined members.
func expandStrictly(doc map[string]any, o *ld.JsonLdOptions) ([]any, error) {
	strict := *o
	strict.SafeMode = true
	return ld.NewJsonLdProcessor().Expand(doc, &strict)
}

// without returns doc less the places of found, in the plainest way.
func without(t testing.TB, doc map[string]any, found []Undefined) map[string]any {
	t.Helper()
	doc = ld.CloneDocument(doc).(map[string]any)
	for _, u := range slices.Backward(found) { // later items of an array first
		path := strings.Split(u.Pointer, "/")[1:]
		remove(t, doc, path)
	}
	return doc
}

func remove(t testing.TB, value any, path []string) any {
	t.Helper()
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch value := value.(type) {
	case map[string]any:
		if _, ok := value[name]; !ok {
			t.Fatalf("no member %q", name)
		}
		if len(path) == 1 {
			delete(value, name)
		} else {
			value[name] = remove(t, value[name], path[1:])
		}
		return value
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i >= len(value) {
			t.Fatalf("no item %q", name)
		}
		if len(path) == 1 {
			return slices.Delete(value, i, i+1)
		}
		value[i] = remove(t, value[i], path[1:])
		return value
	}
	t.Fatalf("nothing below %v", value)
	return nil
}

// absolute returns an expanded value without the types and references that are
// relative IRIs, which json-gold keeps in expansion and drops from the graph.
func absolute(value any) any {
	switch value := value.(type) {
	case []any:
		kept := []any{}
		for _, item := range value {
			if item = absolute(item); item != nil {
				kept = append(kept, item)
			}
		}
		return kept
	case map[string]any:
		kept := map[string]any{}
		for name, inner := range value {
			if name == "@type" {
				types, ok := inner.([]any)
				if ok {
					inner = slices.DeleteFunc(slices.Clone(types), func(t any) bool { return !absoluteIRI(t.(string)) })
				}
				if ok && len(inner.([]any)) == 0 {
					continue
				}
				kept[name] = inner
				continue
			}
			inner = absolute(inner)
			if list, ok := inner.([]any); ok && len(list) == 0 {
				continue
			}
			kept[name] = inner
		}
		if id, ok := kept["@id"].(string); ok && !absoluteIRI(id) {
			return nil
		}
		return kept
	}
	return value
}

// diffJSON compares deep values as text: cmp takes exponential time for them.
func diffJSON(t testing.TB, want, got any) string {
	t.Helper()
	lines := func(value any) []string {
		text, err := json.MarshalIndent(value, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(string(text), "\n")
	}
	return cmp.Diff(lines(want), lines(got))
}

// json-gold is the referee: what is reported as undefined it drops, and nothing
// else.
func TestUndefinedIsWhatJSONLDDrops(t *testing.T) {
	docs := map[string]map[string]any{
		"vc2": credential2(t, `{"odd": 1, "credentialSubject": {"type": ["Person", "Wizard"], "a/b": {}, "fullName": {"en": "A"}}}`),
		"edc": credential1(t, `{"odd": 1, "credentialStatus": {"type": "StatusList2021Entry", "statusPurpose": "x"}}`),
	}
	for _, e := range expectations(t) {
		docs[e.File] = sample(t, e.File)
	}
	// Our ELM context has no URL of its own: pin it under the issuer's.
	s, err := Default().With(map[string][]byte{ownContext: ELMDocument()})
	if err != nil {
		t.Fatal(err)
	}
	o := options(s.Loader())
	for name, doc := range docs {
		t.Run(name, func(t *testing.T) {
			found, err := s.Inspect(strictjson.Of(doc))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := expandStrictly(doc, o); err == nil && slices.ContainsFunc(found, func(u Undefined) bool {
				return !u.Type && u.Name != "dateModified"
			}) {
				t.Errorf("json-gold defines all of %v", found)
			}
			rest := without(t, doc, found)
			if again, err := s.Inspect(strictjson.Of(rest)); err != nil || again != nil {
				t.Errorf("after removal: %v, %v", again, err)
			}
			got, err := expandStrictly(rest, o)
			if err != nil {
				t.Fatalf("after removal, in safe mode: %v", err)
			}
			want, err := ld.NewJsonLdProcessor().Expand(doc, o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := diffJSON(t, absolute(want), absolute(got)); diff != "" {
				t.Errorf("expansion differs (-whole +removed):\n%s", diff)
			}
			ours, _, err := s.Expand(doc)
			if err != nil {
				t.Fatal(err)
			}
			if diff := diffJSON(t, absolute(got), absolute(ours)); diff != "" {
				t.Errorf("Expand differs (-json-gold +ours):\n%s", diff)
			}
		})
	}
}

// nodes visits the objects of a European Digital Credential that are no
// language maps.
func nodes(value any, pointer string, visit func(pointer string, node map[string]any)) {
	terms := Default().root([]*document{Default().docs[VC1], Default().docs[EDCAP]}).active
	switch value := value.(type) {
	case map[string]any:
		visit(pointer, value)
		for name, inner := range value {
			if t := terms.lookup(name); t == nil || t.container&languageContainer == 0 {
				nodes(inner, pointer+"/"+pointerEscapes.Replace(name), visit)
			}
		}
	case []any:
		for i, inner := range value {
			nodes(inner, pointer+"/"+strconv.Itoa(i), visit)
		}
	}
}

// Wherever undefined members and types stand, exactly they are reported.
func TestRandomUndefined(t *testing.T) {
	original := sample(t, "own-microcredential.json")
	names := rapid.OneOf(
		rapid.StringMatching(`x[A-Za-z0-9/~ _.-]{1,12}`),
		rapid.SampledFrom([]string{"dc:title", "https://x.example/p", "Title", "ID", "TYPE", "élan", "name", "0"}),
	)
	values := rapid.SampledFrom([]any{nil, true, "text", json.Number("7"), []any{"a"}, map[string]any{"@id": "_:b"}, map[string]any{"title": map[string]any{"en": "x"}}})
	types := rapid.SampledFrom([]string{"Wizard", "persona", "x/y", "Qualification ", ""})
	rapid.Check(t, func(t *rapid.T) {
		doc := ld.CloneDocument(original).(map[string]any)
		places := map[string]map[string]any{}
		nodes(doc, "", func(pointer string, node map[string]any) { places[pointer] = node })
		order := slices.Sorted(maps.Keys(places))

		var want []Undefined
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			pointer := rapid.SampledFrom(order).Draw(t, "place")
			node := places[pointer]
			if rapid.Bool().Draw(t, "type") {
				list, ok := node["type"].([]any)
				if !ok {
					list = []any{node["type"]}
				}
				name := types.Draw(t, "name")
				node["type"] = append(slices.Clone(list), name)
				want = append(want, Undefined{fmt.Sprintf("%s/type/%d", pointer, len(list)), name, true})
				continue
			}
			name := names.Draw(t, "name")
			if _, ok := node[name]; ok {
				continue
			}
			node[name] = values.Draw(t, "value")
			want = append(want, Undefined{pointer + "/" + pointerEscapes.Replace(name), name, false})
		}
		got, err := Default().Inspect(strictjson.Of(doc))
		if err != nil {
			t.Fatal(err)
		}
		byPointer := func(a, b Undefined) int { return strings.Compare(a.Pointer, b.Pointer) }
		slices.SortFunc(got, byPointer)
		slices.SortFunc(want, byPointer)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("undefined (-want +got):\n%s", diff)
		}
	})
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte(`{"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "issuer": "https://x.example", "name": {"@value": "A", "@language": "en"}}`))
	f.Add([]byte(`{"@context": "https://www.w3.org/ns/credentials/v2", "type": "VerifiablePresentation", "verifiableCredential": [{"@context": ["https://www.w3.org/ns/credentials/v2"], "id": "urn:x:1", "type": "VerifiableCredential", "odd": 1}]}`))
	f.Add([]byte(`{"@context": ["https://www.w3.org/ns/credentials/v2"], "proof": {"type": "DataIntegrityProof", "proofPurpose": "assertionMethod", "created": "x", "_sd": [1]}}`))
	f.Add([]byte(`{"@context": ["https://www.w3.org/2018/credentials/v1", "http://data.europa.eu/snb/model/context/edc-ap"], "id": "urn:x:1", "type": ["VerifiableCredential", "Wizard"], "title": {"en": ["a", null]}, "hasClaim": [[{"dateModified": "2024"}], 7], "dc:title": 1}`))
	f.Add([]byte(`{"@context": ["https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/status/v1"], "status": {"type": ["BitstringStatusListEntry", "VerifiableCredential"], "statusMessage": {"message": "x", "id": "_:b"}}}`))
	f.Add([]byte(`{"@context": ["https://www.w3.org/ns/credentials/v2", "http://data.europa.eu/snb/model/context/edc-ap"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc map[string]any
		if json.Unmarshal(data, &doc) != nil {
			return
		}
		found, err := Default().Inspect(strictjson.Of(doc))
		again, errAgain := Default().Inspect(strictjson.Of(doc))
		if diff := cmp.Diff(found, again); diff != "" || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Fatalf("two answers: %v and %v, %v and %v", found, again, err, errAgain)
		}
		if err != nil {
			return
		}
		if _, _, err := Default().Expand(doc); err != nil {
			t.Fatalf("accepted, then: %v", err)
		}
		rest := without(t, doc, found)
		if left, err := Default().Inspect(strictjson.Of(rest)); err != nil || left != nil {
			t.Fatalf("after removing %v: %v, %v", found, left, err)
		}
		if _, err := expandStrictly(rest, options(Default().Loader())); err != nil {
			t.Fatalf("json-gold's safe mode, after removing %v: %v", found, err)
		}
	})
}
