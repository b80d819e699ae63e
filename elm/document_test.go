package elm

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStrictJSONRefuses(t *testing.T) {
	for _, test := range []struct{ name, raw, pointer, rule string }{
		{"nothing", "", "", "json-syntax"},
		{"only space", " \n", "", "json-syntax"},
		{"cut off", `{"a":`, "/a", "json-syntax"},
		{"trailing comma", `{"a":1,}`, "", "json-syntax"},
		{"comment", `{"a":/* */1}`, "/a", "json-syntax"},
		{"NaN", `{"a":[1,NaN]}`, "/a/1", "json-syntax"},
		{"data after the end", `{} {}`, "", "json-syntax"},
		{"byte order mark", "\uFEFF{}", "", "json-syntax"},
		{"repeated member", `{"a":{"b":1,"b":1}}`, "/a/b", "json-duplicate"},
		{"repeated by escape", `{"issuer":1,"iss\u0075er":2}`, "/issuer", "json-duplicate"},
		{"case", `{"x":[{"Name":1,"name":2}]}`, "/x/0/name", "json-case"},
		{"long s", `{"subject":1,"` + "\u017f" + `ubject":2}`, "/\u017fubject", "json-case"},
		{"Kelvin sign", `{"kid":1,"` + "\u212a" + `id":2}`, "/\u212aid", "json-case"},
		{"Greek sigma", `{"σ":1,"ς":2}`, "/σ", "json-case"},
		{"too large", `{"a":1e400}`, "/a", "json-number"},
		{"too small", `{"a":1e-400}`, "/a", "json-number"},
		{"too long an integer", `{"a":9007199254740993}`, "/a", "json-number"},
		{"too long a fraction", `[0.12345678901234567890]`, "/0", "json-number"},
		{"lone surrogate", `{"a":"\ud800"}`, "/a", "json-utf8"},
		{"surrogates swapped", `{"a":"\udc00\ud800"}`, "/a", "json-utf8"},
		{"lone surrogate in a name", `{"\ud800":1}`, "", "json-utf8"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "/a", "json-utf8"},
		{"overlong UTF-8", "[\"\xc0\x80\"]", "/0", "json-utf8"},
		{"too deep", strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), strings.Repeat("/0", MaxDepth), "json-depth"},
		{"far too deep", strings.Repeat(`{"a":`, 100_000), strings.Repeat("/a", MaxDepth), "json-depth"},
		{"too many elements", "[" + strings.Repeat("0,", MaxMembers) + "0]", "", "json-members"},
		{"too long a name", `{"a":{"` + strings.Repeat("x", MaxName+1) + `":1}}`, "/a/" + strings.Repeat("x", MaxName+1), "json-name"},
		{"too long", `"` + strings.Repeat("x", MaxBytes) + `"`, "", "json-size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseJSON([]byte(test.raw))
			broken, ok := errors.AsType[*FormatError](err)
			if !ok || !errors.Is(err, ErrFormat) {
				t.Fatalf("error %v, want a FormatError", err)
			}
			if broken.Rule != test.rule {
				t.Errorf("rule %s, want %s (%v)", broken.Rule, test.rule, err)
			}
			if test.rule != "json-members" && broken.Pointer != test.pointer {
				t.Errorf("pointer %q, want %q (%v)", broken.Pointer, test.pointer, err)
			}
		})
	}
}

func TestStrictJSONReads(t *testing.T) {
	raw := ` {"a":[1, -0, 0.1, 1E3, 1.50, 123456789012345, 1e22, -2.5e-7], "b":{"é":"\ud83d\ude00\u0000","A/~":null}, "c":[true,false,{},[]]} `
	got, err := ParseJSON([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{json.Number("1"), json.Number("-0"), json.Number("0.1"), json.Number("1E3"), json.Number("1.50"), json.Number("123456789012345"), json.Number("1e22"), json.Number("-2.5e-7")},
		"b": map[string]any{"é": "😀\x00", "A/~": nil},
		"c": []any{true, false, map[string]any{}, []any{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	if _, err := ParseJSON([]byte(deep)); err != nil {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
	// Names may differ in case where they are not siblings.
	if _, err := ParseJSON([]byte(`{"Name":{"name":1},"x":{"NAME":1}}`)); err != nil {
		t.Error(err)
	}
}

// The place of what is wrong must not be written down for every member on the
// way: below a long path, two spellings of a name once made a megabyte of JSON
// cost gigabytes and half a minute.
func TestLongPathsAreCheap(t *testing.T) {
	path := strings.Repeat(`{"`+strings.Repeat("x", MaxName)+`":`, 60)
	raw := `[{"a":1},{"A":2},` + path + "[" + strings.Repeat("{},", 40_000) + `{"b":1,"B":2}]` + strings.Repeat("}", 60) + "]"
	if len(raw) > MaxBytes {
		t.Fatal("the document is not read at all")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ParseJSON([]byte(raw))
	runtime.ReadMemStats(&after)
	if broken, ok := errors.AsType[*FormatError](err); !ok || broken.Rule != "json-case" || !strings.HasSuffix(broken.Pointer, "/40000/b") {
		t.Fatalf("error %.80v", err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
		t.Errorf("%d MB for %d kB", spent>>20, len(raw)>>10)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5e3,"\u00e9",null,true]}`, `{"a":1,"A":2}`, `{"a":1,"a":1}`, `"\ud800"`, "\"\xff\"", `1e400`, `[[[]]]`,
		`9007199254740993`, `-0.0`, ` 1 1`, `{"ſ":1,"s":2}`, `0.1000`, `1e-5`, `123456789e-30`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tree, err := ParseJSON(raw)
		if err != nil {
			broken, ok := errors.AsType[*FormatError](err)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			if broken.Rule == "json-syntax" && json.Valid(raw) {
				t.Fatalf("%v, but encoding/json reads it", err)
			}
			return
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Fatal("encoding/json sees more data")
		}
		if diff := cmp.Diff(want, tree); diff != "" {
			t.Fatal(diff)
		}
		checkNumbers(t, tree)
	})
}

// checkNumbers fails for an integer that other software, which reads numbers
// as float64 and writes the shortest that reads the same, would change.
func checkNumbers(t *testing.T, tree any) {
	switch tree := tree.(type) {
	case map[string]any:
		for _, value := range tree {
			checkNumbers(t, value)
		}
	case []any:
		for _, value := range tree {
			checkNumbers(t, value)
		}
	case json.Number:
		f, err := tree.Float64()
		if err != nil {
			t.Fatal(err)
		}
		if back := strconv.FormatFloat(f, 'f', -1, 64); strings.Trim(string(tree), "0123456789") == "" && back != string(tree) {
			t.Fatalf("%s became %s", tree, back)
		}
	}
}

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
