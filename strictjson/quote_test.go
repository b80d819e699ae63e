package strictjson

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzQuoted holds how strings are written and compared to what jsontext writes.
func FuzzQuoted(f *testing.F) {
	f.Add([]byte(`{"name":"Đorđe \"Đoka\"","note":"a\\b"}`), 3)
	f.Add([]byte("\x00\x1f\b\f\n\r\t\"\\\x7f\u2028<>&'"), 0)
	f.Add([]byte("not \xff UTF-8"), 4)
	f.Add([]byte("\xef"), 0)
	f.Add(bytes.Repeat([]byte("Универзитет у Београду \" "), 300), 4000)
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		quoted, err := jsontext.AppendQuote(nil, text)
		if utf8.Valid(text) {
			if got := AppendQuoted(nil, text); err != nil || !bytes.Equal(got, quoted) {
				t.Fatalf("%q is quoted as %q, want %q", text, got, quoted)
			}
			if rest, ok := CutEscaped(append(bytes.Clone(quoted[1:]), "rest"...), text); !ok || string(rest) != `"rest` {
				t.Fatalf("%q is not found as %q", text, quoted)
			}
			// What is no UTF-8 is quoted as other bytes, with which it may begin.
			if _, ok := CutEscaped(quoted[1:max(1, len(quoted)-2)], text); ok && len(text) > 0 {
				t.Fatalf("%q is found where its end is missing", text)
			}
		}
		// One byte is another.
		if len(text) == 0 {
			return
		}
		other := bytes.Clone(text)
		other[uint(at)%uint(len(text))] ^= 1
		if rest, ok := CutEscaped(quoted[1:], other); ok && len(rest) == 1 && utf8.Valid(text) {
			t.Fatalf("%q is taken for %q as a string", other, text)
		}
	})
}

func BenchmarkQuoted(b *testing.B) {
	text := bytes.Repeat([]byte(`{"type":"Note","noteLiteral":{"sr":"Универзитет у Сави","en":"University of Sava"}},`), 500)
	quoted := AppendQuoted(nil, text)
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			quoted = AppendQuoted(quoted[:0], text)
		}
	})
	b.Run("cut", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, ok := CutEscaped(quoted[1:], text); !ok {
				b.Fatal("it is not there")
			}
		}
	})
	b.Run("jsontext", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			quoted, _ = jsontext.AppendQuote(quoted[:0], text)
		}
	})
}
