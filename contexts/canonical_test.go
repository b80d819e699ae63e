package contexts

import (
	"crypto"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/piprate/json-gold/ld"
	"pgregory.net/rapid"

	"indeks/internal/processor"
)

// refereeCanonical has json-gold canonicalize quads.
func refereeCanonical(t interface{ Fatal(...any) }, quads []quad) string {
	var text strings.Builder
	for _, q := range quads {
		text.WriteString(q.line(func(id string) string { return strings.Replace(id, "_:", "_:n", 1) }))
	}
	dataset, err := ld.ParseNQuads(text.String())
	if err != nil {
		t.Fatal(err)
	}
	o := ld.NewJsonLdOptions("")
	o.Algorithm, o.Format = ld.AlgorithmURDNA2015, "application/n-quads"
	canonical, err := ld.NewJsonLdApi().Normalize(dataset, o)
	if err != nil {
		t.Fatal(err)
	}
	return canonical.(string)
}

// Two canonicalizers, one result: for any graph, under any names and in any
// order. Left out are statements in which one blank node stands twice, which
// json-gold hashes twice; a document without labels never has them.
func TestCanonicalizeAsJSONGold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blank := rapid.IntRange(1, 5).Draw(t, "blank nodes")
		term := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("_:%d", rapid.IntRange(1, blank).Draw(t, "blank"))
		})
		subject := rapid.OneOf(term, term, rapid.SampledFrom([]string{"<urn:a>", "<urn:b>"}))
		object := rapid.OneOf(term, term, rapid.SampledFrom([]string{"<urn:a>", `"text"`, `"zwölf\n"@de`, `"1"^^<urn:int>`}))
		graph := rapid.OneOf(rapid.Just(""), rapid.Just(""), rapid.Just("<urn:g>"), term)
		quads := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) quad {
			return quad{
				subject.Draw(t, "subject"), rapid.SampledFrom([]string{"<urn:p>", "<urn:q>"}).Draw(t, "predicate"),
				object.Draw(t, "object"), graph.Draw(t, "graph"),
			}
		}).Filter(func(q quad) bool {
			terms := []string{q.subject, q.object, q.graph}
			return !(isBlank(q.subject) && slices.Contains(terms[1:], q.subject) || isBlank(q.object) && q.object == q.graph)
		}), 1, 14).Draw(t, "quads")
		want := refereeCanonical(t, quads)

		// The same graph under other names, in another order.
		shift := rapid.IntRange(0, blank).Draw(t, "shift")
		renamed := func(term string) string {
			if !isBlank(term) {
				return term
			}
			var n int
			fmt.Sscanf(term, "_:%d", &n)
			return fmt.Sprintf("_:x%d", (n*7+shift)%101)
		}
		other := make([]quad, len(quads))
		for i, q := range quads {
			other[i] = quad{renamed(q.subject), q.predicate, renamed(q.object), renamed(q.graph)}
		}
		rand.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		for _, given := range [][]quad{other, quads} {
			got, err := canonicalize(given, crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Fatalf("(-json-gold +ours):\n%s", diff)
			}
		}
	})
}

// A statement about itself counts once (RDFC-1.0 section 4.4.3, step 2.1); the
// order is what another implementation (rdf-canonize 5) answered.
func TestCanonicalizeLoop(t *testing.T) {
	got, err := canonicalize([]quad{{"_:x", "<urn:p>", "_:x", ""}, {"_:y", "<urn:p>", "<urn:a>", ""}}, crypto.SHA256)
	const want = "_:c14n0 <urn:p> <urn:a> .\n_:c14n1 <urn:p> _:c14n1 .\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}

// tree is a blank node with alike ones below it, level by level.
func tree(shape []int) map[string]any {
	node := map[string]any{"type": "LearningAchievement"}
	if len(shape) > 0 {
		var parts []any
		for range shape[0] {
			parts = append(parts, tree(shape[1:]))
		}
		node["hasPart"] = parts
	}
	return node
}

// A graph is canonicalized only where that is cheap, however it is shaped, and
// what is refused is refused soon.
func TestCanonicalBudget(t *testing.T) {
	for _, test := range []struct {
		shape []int // children of each node, level by level, below a named one
		ok    bool
	}{
		{[]int{maxCanonical - 1}, true}, // alike, but each hangs on a name
		{[]int{maxCanonical}, false},
		{[]int{2, 6}, true},
		{[]int{2, 9}, false}, // would take minutes
		{[]int{1, 13}, true}, // alike, below one that is not
		{[]int{6, 1, 1}, true},
		{[]int{100, 3}, true},
		{[]int{2, 2, 2, 2}, true},
		{[]int{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, false},
		{[]int{1, 500}, true},
		{[]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, true},
	} {
		doc := tree(test.shape)
		doc["id"] = "urn:x:1"
		doc["@context"] = []any{VC1, EDCAP}
		start := processor.Time()
		_, err := Default().Canonical(doc, crypto.SHA256)
		if test.ok != (err == nil) || err != nil && !errors.Is(err, ErrBudget) {
			t.Errorf("%v: %v", test.shape, err)
		}
		if took := processor.Time() - start; took > 2*time.Second {
			t.Errorf("%v took %v", test.shape, took)
		}
	}
}

// Complete graphs of blank nodes are the worst: json-gold needs a second for
// seven nodes and twelve times as long for each one more.
func TestCanonicalCompleteGraph(t *testing.T) {
	for n := 2; n < 40; n++ {
		var quads []quad
		for i := range n {
			for j := range n {
				if i != j {
					quads = append(quads, quad{fmt.Sprintf("_:%d", i), "<urn:p>", fmt.Sprintf("_:%d", j), ""})
				}
			}
		}
		start := processor.Time()
		_, err := canonicalize(quads, crypto.SHA256)
		if err != nil && !errors.Is(err, ErrBudget) || n > 8 && err == nil {
			t.Errorf("%d nodes: %v", n, err)
		}
		if took := processor.Time() - start; took > 2*time.Second {
			t.Errorf("%d nodes took %v", n, took)
		}
	}
}

// What would be missing in the graph is an error, never left out.
func TestCanonicalLeavesNothingOut(t *testing.T) {
	const long = "https://uni.example/"
	for name, test := range map[string]struct {
		member string
		want   string // in the quads, or "" for an error
	}{
		"direction":            {`"name": {"@value": "a", "@language": "AR", "@direction": "rtl"}`, `"a"^^<https://www.w3.org/ns/i18n#ar_rtl>`},
		"direction alone":      {`"name": {"@value": "a", "@direction": "ltr"}`, `"a"^^<https://www.w3.org/ns/i18n#_ltr>`},
		"language":             {`"name": {"@value": "a", "@language": "sr-Cyrl"}`, `"a"@sr-cyrl`},
		"long link":            {`"evidence": {"type": "VerifiableCredential", "id": "` + long + strings.Repeat("a", 3000) + `"}`, long},
		"odd host":             {`"evidence": {"type": "VerifiableCredential", "id": "https://uni_.example:99999/"}`, "<https://uni_.example:99999/>"},
		"escapes":              {`"name": "a\tb\"\\\u0001\u007f\u000b\nč"`, `"a\tb\"\\\u0001\u007F\u000B\nč"`},
		"undefined term":       {`"naem": "a"`, ""},
		"undefined type":       {`"evidence": {"type": "Wizard"}`, ""},
		"relative id":          {`"evidence": {"id": "x", "type": "VerifiableCredential"}`, ""},
		"label":                {`"evidence": {"id": "_:b", "type": "VerifiableCredential"}`, ""},
		"breaking out":         {`"evidence": {"id": "urn:x> <urn:y", "type": "VerifiableCredential"}`, ""},
		"@graph":               {`"@graph": []`, ""},
		"repeated":             {`"name": "a", "name": "b"`, ""},
		"number with fraction": {`"credentialStatus": {"type": "BitstringStatusListEntry", "statusIndex": 1}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			doc := `{"@context": "` + VC2 + `", "id": "urn:x:1", "type": "VerifiableCredential", ` + test.member + `}`
			got, err := Default().Canonicalize([]byte(doc), crypto.SHA256)
			if test.want == "" {
				if err == nil {
					t.Errorf("no error, but\n%s", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(got), test.want) {
				t.Errorf("%s is not in\n%s", test.want, got)
			}
		})
	}
}

const presentedQuads = `<urn:x:1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiableCredential> _:c14n5 .
<urn:x:1> <https://w3id.org/security#proof> _:c14n0 _:c14n5 .
<urn:x:1> <https://w3id.org/security#proof> _:c14n1 _:c14n5 .
<urn:x:1> <https://www.w3.org/2018/credentials#issuer> <urn:x:issuer> _:c14n5 .
_:c14n2 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/security#DataIntegrityProof> _:c14n1 .
_:c14n2 <https://w3id.org/security#nonce> "n" _:c14n1 .
_:c14n3 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://www.w3.org/2018/credentials#VerifiablePresentation> .
_:c14n3 <https://www.w3.org/2018/credentials#verifiableCredential> _:c14n5 .
_:c14n4 <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/security#DataIntegrityProof> _:c14n0 .
_:c14n4 <https://w3id.org/security#cryptosuite> "eddsa-rdfc-2022"^^<https://w3id.org/security#cryptosuiteString> _:c14n0 .
`

// Proofs and presented credentials stand in graphs of their own. The statements
// are what another implementation (jsonld 9, rdf-canonize 5) answered.
func TestCanonicalGraphs(t *testing.T) {
	doc := `{"@context": ["` + VC2 + `"], "type": ["VerifiablePresentation"], "verifiableCredential": [{
		"@context": ["` + VC2 + `"], "id": "urn:x:1", "type": ["VerifiableCredential"], "issuer": "urn:x:issuer",
		"proof": [{"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"}, {"type": "DataIntegrityProof", "nonce": "n"}]}]}`
	got, err := Default().Canonicalize([]byte(doc), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(presentedQuads, string(got)); diff != "" {
		t.Errorf("(-theirs +ours):\n%s", diff)
	}
}

// Whatever a document holds, it is canonicalized within the budget, to statements
// that are read back as the same set.
func FuzzCanonicalize(f *testing.F) {
	f.Add([]byte(`{"@context": "https://www.w3.org/ns/credentials/v2", "id": "urn:x:1", "type": ["VerifiableCredential"], "issuer": "https://x.example", "name": {"@value": "A", "@language": "en", "@direction": "ltr"}, "credentialSubject": [{"type": "VerifiableCredential"}, {"type": "VerifiableCredential"}]}`))
	f.Add([]byte(`{"@context": ["https://www.w3.org/ns/credentials/v2", {"list": {"@id": "urn:x:list", "@container": "@list"}, "json": {"@id": "urn:x:json", "@type": "@json"}, "n": "urn:x:n"}], "type": "VerifiablePresentation", "list": [1, 1.5e300, true, "č\t"], "json": {"b": [1.0], "a": null}, "n": -0.0}`))
	f.Add([]byte(`{"@context": ["https://www.w3.org/2018/credentials/v1", "https://w3id.org/security/data-integrity/v2"], "type": "VerifiableCredential", "proof": {"type": "DataIntegrityProof", "cryptosuite": "x"}}`))
	set := Default().Open()
	f.Fuzz(func(t *testing.T, doc []byte) {
		start := processor.Time()
		text, err := set.Canonicalize(doc, crypto.SHA256)
		if took := processor.Time() - start; took > 10*time.Second {
			t.Fatalf("took %v", took)
		}
		if err != nil {
			return
		}
		dataset, err := ld.ParseNQuads(string(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		read := 0
		for _, quads := range dataset.Graphs {
			read += len(quads)
		}
		if lines := strings.Count(string(text), "\n"); read != lines {
			t.Fatalf("%d statements in %d lines:\n%s", read, lines, text)
		}
	})
}
