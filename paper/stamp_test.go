package paper

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stampable is a random link that has a stamp: one in ten thousand has seven digits in a
// row, and none.
func stampable(base string) string {
	for {
		text := base + rand.Text()
		if s, _ := stampOf(text); s != nil {
			return text
		}
	}
}

// drawnBefore gives a stamp the codes of random links until it has those of others.
func drawnBefore(t testing.TB, base string) (s *stamp, drawn int) {
	t.Helper()
	s = new(stamp)
	for {
		_, bits := stampOf(stampable(base))
		if s.code(bits) != nil {
			return s, drawn
		}
		text := stampable(base)
		code, err := draw(text)
		if err != nil {
			t.Fatal(err)
		}
		_, bits = stampOf(text)
		s.learn(bits, code)
		if drawn++; drawn > allBits {
			t.Fatalf("%d codes of links that begin with %s are not enough", drawn, base)
		}
	}
}

// Whatever the base and the version: module for module what go-qrcode draws, unless that
// has a mask which no code had before.
func TestStamped(t *testing.T) {
	for _, base := range []string{"HTTPS://V.EXAMPLE/C/", "HTTP://LOCALHOST:8081/C/", "HTTPS://VERIFY.UNIVERSITY-OF-A-LONG-NAME.EXAMPLE/VERIFY/C/"} {
		s, drawn := drawnBefore(t, base)
		same := 0
		for range 60 {
			text := stampable(base)
			want, err := draw(text)
			if err != nil {
				t.Fatal(err)
			}
			_, bits := stampOf(text)
			got, equations := s.code(bits), len(s.equations)
			s.learn(bits, want)
			switch {
			case s.wrong:
				t.Fatalf("%s, after %d that were drawn, is no sum of theirs", text, drawn)
			case slices.EqualFunc(want, got, slices.Equal):
				same++
			case len(s.equations) == equations:
				t.Fatalf("%s, after %d that were drawn:\n%s", text, drawn, cmp.Diff(want, got))
			}
		}
		if same < 30 {
			t.Errorf("%s: only %d of 60 were stamped after %d that were drawn", base, same, drawn)
		}
	}
}

// What is not one run of alphanumeric characters has other places for its bits.
func TestNotStamped(t *testing.T) {
	for _, text := range []string{
		"https://v.example/c/ABC", "HTTPS://V.EXAMPLE/C/1234567", "HTTPS://V.EXAMPLE/C/Ж", "1234567HTTPS", "123", "", "HTTPS://V.EXAMPLE/?A=B", strings.Repeat("A", maxStamped+1),
	} {
		if s, _ := stampOf(text); s != nil {
			t.Errorf("%s has a stamp", text)
		}
	}
	if s, _ := stampOf("HTTPS://V.EXAMPLE/C/123456A123456"); s == nil {
		t.Error("six digits in a row are no segment of their own, and yet have no stamp")
	}
}

// One code that is no sum of the others, and nothing is stamped any more.
func TestStampContradicted(t *testing.T) {
	const base = "HTTPS://V.EXAMPLE/C/"
	s, _ := drawnBefore(t, base)
	text := stampable(base)
	code, err := draw(text)
	if err != nil {
		t.Fatal(err)
	}
	_, bits := stampOf(text)
	s.learn(bits, code)
	code[len(code)-1][len(code)-1] = !code[len(code)-1][len(code)-1]
	s.learn(bits, code)
	if s.code(bits) != nil {
		t.Error("it goes on with what contradicts itself")
	}
}

// FuzzStamped holds every text that has a stamp to what go-qrcode draws.
func FuzzStamped(f *testing.F) {
	f.Add("HTTPS://V.EXAMPLE/C/0123456789")
	f.Add("A")
	f.Add("1")
	f.Add("$%*+-./: 000000A000000B")
	f.Fuzz(func(t *testing.T, text string) {
		s, bits := stampOf(text)
		if s == nil {
			t.Skip("a text that has no stamp: go-qrcode draws it")
		}
		want, err := draw(text)
		if err != nil {
			t.Fatal(err)
		}
		got, equations := s.code(bits), len(s.equations)
		s.learn(bits, want)
		if s.wrong || got != nil && len(s.equations) == equations && !slices.EqualFunc(want, got, slices.Equal) {
			t.Fatalf("%q is stamped as another code", text)
		}
	})
}

func BenchmarkStamped(b *testing.B) {
	const base = "HTTPS://V.EXAMPLE/C/"
	s, _ := drawnBefore(b, base)
	b.ReportAllocs()
	for b.Loop() {
		_, bits := stampOf(stampable(base))
		s.code(bits)
	}
}
