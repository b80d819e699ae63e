package keys

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// sameAsStandard holds decodeBase64URL to encoding/base64, but for the line breaks
// that it skips.
func sameAsStandard(t *testing.T, text []byte) {
	t.Helper()
	want, err := base64URL.AppendDecode(nil, text)
	refused := err != nil || bytes.ContainsAny(text, "\r\n")
	got, err := decodeBase64URL(text)
	if (err != nil) != refused {
		t.Fatalf("%q: error %v, refused by encoding/base64 or with a line break: %t", text, err, refused)
	}
	if again := appendBase64URL(nil, text); !bytes.Equal(again, base64URL.AppendEncode(nil, text)) {
		t.Fatalf("%q encoded: %q", text, again)
	}
	if !refused && !bytes.Equal(got, want) {
		t.Fatalf("%q: %x, not %x", text, got, want)
	}
}

// Every character at every place of a group, in texts of each length up to three
// groups of eight, is read or refused as encoding/base64 does.
func TestDecodeBase64URL(t *testing.T) {
	for n := range 25 {
		text := []byte(strings.Repeat("A", n))
		sameAsStandard(t, text)
		for i := range text {
			for c := range 256 {
				text[i] = byte(c)
				sameAsStandard(t, text)
			}
			text[i] = 'A'
		}
	}
	random := rand.NewChaCha8([32]byte{})
	for n := range 200 {
		raw := make([]byte, n)
		random.Read(raw)
		text := base64URL.AppendEncode(nil, raw)
		if got := appendBase64URL([]byte("before "), raw); string(got) != "before "+string(text) {
			t.Fatalf("%x: %q, want %q", raw, got, text)
		}
		if got, err := decodeBase64URL(text); err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%x: %x, %v", raw, got, err)
		}
	}
	for text, want := range map[string]error{"AA\nA": errLineBreak, "A": errBase64URL, "AB": errBase64URL, "AAB": errBase64URL, "AA==": errBase64URL, "A+A/": errBase64URL} {
		if _, err := decodeBase64URL([]byte(text)); err != want {
			t.Errorf("%q: %v, not %v", text, err, want)
		}
	}
}

func FuzzDecodeBase64URL(f *testing.F) {
	for _, seed := range []string{"", "A", "AA", "AB", "AAA", "AAAA", "AAAAAAAAAAAB", "AAAA\nAAAA", "_-8", "AA=="} {
		f.Add([]byte(seed))
	}
	f.Fuzz(sameAsStandard)
}
