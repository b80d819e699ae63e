package contexts

import (
	"testing"
)

func BenchmarkInspect(b *testing.B) {
	for _, name := range []string{"own-microcredential.json", "ec/Sample-MC-Annex1-signed.jsonld", "ec-support/Sample-TranscriptOfRecords-signed.jsonld"} {
		doc := sample(b, name)
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
		if _, err := Default().Canonical(doc); err != nil {
			b.Fatal(err)
		}
	}
}
