package contexts

import (
	"testing"

	"indeks/strictjson"
)

// BenchmarkValidate walks, builds the graph and checks the shapes; parts shows
// what the walk, the graph and the shapes take of it.
func BenchmarkValidate(b *testing.B) {
	shapes := profile(b, "generic-full")
	for _, name := range []string{"own-microcredential.json", "ec/Sample-MC-Annex1-signed.jsonld", "mynextid/edc-mc-signed.jsonld", "ec-support/Sample-JointDegree-signed.jsonld"} {
		doc := strictjson.Of(sample(b, name))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Default().Validate(doc, shapes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	doc := sample(b, "own-microcredential.json")
	b.Run("parts/graph", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ourGraph(Default(), doc)
		}
	})
	g := ourGraph(Default(), doc)
	b.Run("parts/shapes", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v := validation{graph: g}
			v.run(shapes)
		}
	})
}
