package paper

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sameAsDrawn reports whether a text has a link code, which must be what go-qrcode draws,
// module for module, and its mask.
func sameAsDrawn(t *testing.T, text string) (mask int, coded bool) {
	t.Helper()
	got := linkCode(text)
	if got == nil {
		return 0, false
	}
	want, err := draw(text)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(want, got, slices.Equal) {
		t.Fatalf("%q (-go-qrcode +ours):\n%s", text, cmp.Diff(want, got))
	}
	for _, dark := range got[8][2:5] { // beside the upper left finder, itself masked
		if mask <<= 1; dark {
			mask++
		}
	}
	return mask ^ 0b101, true
}

// Texts of every length, of any alphanumeric characters, and links: what go-qrcode draws,
// with each of the masks.
func TestLinkCode(t *testing.T) {
	var texts []string
	longest := 0
	for size := 1; linkCode(strings.Repeat("A", size)) != nil; size++ {
		longest = size
		for range 2 {
			text := make([]byte, size)
			for n := range text {
				text[n] = symbols[mathrand.IntN(len(symbols))]
			}
			texts = append(texts, string(text))
		}
	}
	if longest != 122 { // table 7, version 5-M
		t.Errorf("the longest has %d characters", longest)
	}
	for _, base := range []string{"HTTPS://V.EXAMPLE/C/", "HTTP://LOCALHOST:8081/C/", "HTTPS://VERIFY.UNIVERSITY-OF-A-LONG-NAME.EXAMPLE/VERIFY/C/"} {
		for range 60 {
			texts = append(texts, base+rand.Text())
		}
	}
	for size := range 12 { // digits in a row are as short in alphanumeric mode
		texts = append(texts, "HTTPS://V.EXAMPLE/C/"+strings.Repeat("7", size)+"A", strings.Repeat("7", min(size, 6))+"A"+strings.Repeat("7", size)+"AB"+strings.Repeat("7", min(size, 6)))
	}
	var had [8]int
	coded := 0
	for _, text := range texts {
		if mask, ok := sameAsDrawn(t, text); ok {
			had[mask]++
			coded++
		}
	}
	if slices.Contains(had[:], 0) || coded < len(texts)*9/10 { // a few begin or end with seven digits
		t.Errorf("of %d texts %d were drawn by ourselves, with the masks %v", len(texts), coded, had)
	}
}

// What is not one run of alphanumeric characters, or is longer, go-qrcode draws.
func TestNoLinkCode(t *testing.T) {
	for _, text := range []string{
		"https://v.example/c/ABC", "HTTPS://V.EXAMPLE/C/1234567", "HTTPS://V.EXAMPLE/C/123456789012A", "HTTPS://V.EXAMPLE/C/Ж", "1234567HTTPS", "123", "", "HTTPS://V.EXAMPLE/?A=B", strings.Repeat("A", 123),
	} {
		if linkCode(text) != nil {
			t.Errorf("%s is drawn by ourselves", text)
		}
	}
	for _, text := range []string{"HTTPS://V.EXAMPLE/C/12345678901A123456", "123456A"} {
		if linkCode(text) == nil {
			t.Errorf("%s: the digits are no segment of their own, and yet it is not drawn by ourselves", text)
		}
	}
}

// FuzzLinkCode holds every text that has a link code to what go-qrcode draws; of one that
// has none there is nothing to hold.
func FuzzLinkCode(f *testing.F) {
	f.Add("HTTPS://V.EXAMPLE/C/0123456789")
	f.Add("A")
	f.Add("1")
	f.Add("$%*+-./: 000000A000000B")
	f.Fuzz(func(t *testing.T, text string) {
		sameAsDrawn(t, text)
	})
}

func BenchmarkLinkCode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		linkCode(link)
	}
}
