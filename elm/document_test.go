package elm

import (
	"strings"
	"testing"
)

// sized returns a document like those we seal, about as long as asked.
func sized(tb testing.TB, length int) []byte {
	tb.Helper()
	c := fixture()
	padding := length
	if raw, err := c.Encode(EDC); err != nil {
		tb.Fatal(err)
	} else {
		padding -= len(raw)
	}
	c.DisplayParameter.IndividualDisplay[0].DisplayDetail[0].Image.Content += strings.Repeat("A", max(0, padding))
	raw, err := c.Encode(EDC)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func BenchmarkParseJSON(b *testing.B) {
	for name, raw := range map[string][]byte{"25KB": sized(b, 25_000), "150KB": sized(b, 150_000)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseJSON(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for name, raw := range map[string][]byte{"25KB": sized(b, 25_000), "150KB": sized(b, 150_000)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
