package contexts

import (
	"crypto"
	"testing"

	"indeks/strictjson"
)

func BenchmarkInspect(b *testing.B) {
	for _, name := range []string{"own-microcredential.json", "ec/Sample-MC-Annex1-signed.jsonld", "ec-support/Sample-TranscriptOfRecords-signed.jsonld"} {
		doc := strictjson.Of(sample(b, name))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Default().Inspect(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInspectHostile walks documents at the limit of the budget that make
// each step as dear as it can be: scoped contexts on every object, side by side
// and within each other.
func BenchmarkInspectHostile(b *testing.B) {
	types := []any{"BitstringStatusList", "BitstringStatusListEntry", "DataIntegrityProof", "JsonSchema", "VerifiableCredential", "VerifiablePresentation"}
	var wide []any
	for len(wide) < maxMembers/9 {
		wide = append(wide, map[string]any{"type": types})
	}
	chain := func(leaf any) any {
		for range maxDepth - 6 {
			leaf = map[string]any{"type": "DataIntegrityProof", "proofPurpose": leaf}
		}
		return leaf
	}
	leaves := make([]any, maxMembers-1000)
	for i := range leaves {
		leaves[i] = "assertionMethod"
	}
	for name, value := range map[string]any{"wide": wide, "deep": chain(leaves)} {
		doc := strictjson.Of(map[string]any{"@context": []any{VC2}, "type": "VerifiableCredential", "evidence": value})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Default().Inspect(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExpand(b *testing.B) {
	doc := sample(b, "own-microcredential.json")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Default().Expand(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	doc := sample(b, "own-microcredential.json")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Default().Canonical(doc, crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}
