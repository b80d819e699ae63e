package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRefuses(t *testing.T) {
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
		{"Greek sigma", `{"σ":1,"ς":2}`, "/ς", "json-case"},
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
			_, err := parse([]byte(test.raw))
			broken, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error %v, want an Error", err)
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

func TestReads(t *testing.T) {
	raw := ` {"a":[1, -0, 0.1, 1E3, 1.50, 123456789012345, 1e22, -2.5e-7], "b":{"é":"\ud83d\ude00\u0000","A/~":null}, "c":[true,false,{},[]]} `
	got, err := parse([]byte(raw))
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
	if _, err := parse([]byte(deep)); err != nil {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
	// Names may differ in case where they are not siblings.
	if _, err := parse([]byte(`{"Name":{"name":1},"x":{"NAME":1}}`)); err != nil {
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
	_, err := parse([]byte(raw))
	runtime.ReadMemStats(&after)
	if broken, ok := errors.AsType[*Error](err); !ok || broken.Rule != "json-case" || !strings.HasSuffix(broken.Pointer, "/40000/B") {
		t.Fatalf("error %.80v", err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
		t.Errorf("%d MB for %d kB", spent>>20, len(raw)>>10)
	}
}

// parse is Parse with the tree as encoding/json would make it, and through Of
// and back.
func parse(raw []byte) (any, error) {
	v, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	again := Of(v.Any())
	return again.Any(), nil
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5e3,"\u00e9",null,true]}`, `{"a":1,"A":2}`, `{"a":1,"a":1}`, `"\ud800"`, "\"\xff\"", `1e400`, `[[[]]]`,
		`9007199254740993`, `-0.0`, ` 1 1`, `{"ſ":1,"s":2}`, `0.1000`, `1e-5`, `123456789e-30`, `{"a":1,}`, `[1,]`, `[,1]`, `{"a" :1 , "b": [ ] }`,
		`"\ud83d\ude00"`, `"\ud83d\u0041"`, `"\u00"`, `01`, `-`, `1.`, `1e`, `tru`, "\"\x01\"", `{"":0,"K":1,"\u212a":2}`,
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"l":0,"m":0,"n":0,"o":0,"p":0,"q":0,"r":0,"\u212a":0}`,
	} {
		f.Add([]byte(seed))
	}
	var room Room
	f.Fuzz(func(t *testing.T, raw []byte) {
		tree, err := parse(raw)
		housed, other := room.Parse(bytes.Clone(raw))
		if again := housed.Any(); fmt.Sprint(err) != fmt.Sprint(other) || err == nil && !reflect.DeepEqual(again, tree) {
			t.Fatalf("in a room: %v, error %v, not %v", again, other, err)
		}
		room.Clear()
		want, refused := referee(raw)
		if (err == nil) != (refused == nil) {
			t.Fatalf("error %v, of the referee %v", err, refused)
		}
		if err != nil {
			broken, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			if broken.Rule == "json-syntax" && json.Valid(raw) {
				t.Fatalf("%v, but encoding/json reads it", err)
			}
			return
		}
		if diff := cmp.Diff(want, tree); diff != "" {
			t.Fatal(diff)
		}
		checkNumbers(t, tree)
	})
}

// Documents that are cut off, or of which one byte is another, are judged as the
// referee does.
func TestEveryByteCounts(t *testing.T) {
	const doc = `{"@context":["a","\u00e9\ud83d\ude00"],"id":"x\n","Čas":-12.5e+3,"n":{"a":[],"b":{},"c":[1,{"z":null}]},"t":true,"f":false}`
	compare := func(raw []byte) {
		t.Helper()
		tree, err := parse(raw)
		want, refused := referee(raw)
		if (err == nil) != (refused == nil) {
			t.Fatalf("%q: error %v, of the referee %v", raw, err, refused)
		}
		if diff := cmp.Diff(want, tree); err == nil && diff != "" {
			t.Fatalf("%q: %s", raw, diff)
		}
	}
	for i := range len(doc) {
		compare([]byte(doc[:i]))
		compare([]byte(doc[:i] + doc[i+1:]))
		for c := range 256 {
			compare([]byte(doc[:i] + string([]byte{byte(c)}) + doc[i+1:]))
			if c < 128 {
				compare([]byte(doc[:i] + string(rune(c)) + doc[i:]))
			}
		}
	}
}

// Whatever stands beside them, the first byte that does not stand for itself and
// all that is not ASCII before it are found.
func TestOwnEnd(t *testing.T) {
	slow := func(s string, i int) (int, bool) {
		ascii := true
		for ; i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= ' '; i++ {
			ascii = ascii && s[i] < 0x80
		}
		return i, ascii
	}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SampledFrom([]byte("az ~!#[]\"\\\x00\x01\x1f\x7f\x80\x81\xa0\xa1\xa2\xdc\xff"))
		s := string(rapid.SliceOfN(rapid.OneOf(some, rapid.Just(byte('x')), rapid.Byte()), 0, 40).Draw(t, "s"))
		i := rapid.IntRange(0, len(s)).Draw(t, "i")
		at, ascii := ownEnd(s, i)
		if wantAt, wantASCII := slow(s, i); at != wantAt || ascii != wantASCII {
			t.Fatalf("%q from %d: %d, %t; want %d, %t", s, i, at, ascii, wantAt, wantASCII)
		}
	})
}

// referee reads by go-json-experiment/json, with the rules that it does not know
// looked for afterwards.
func referee(raw []byte) (any, error) {
	if len(raw) > MaxBytes {
		return nil, errors.New("too long")
	}
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	v, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	v = v.Clone()
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errors.New("more data")
	}
	count := 0
	return tree(v, &count, 0)
}

func tree(v jsontext.Value, count *int, depth int) (any, error) {
	if *count++; *count > MaxMembers+1 {
		return nil, errors.New("too many members")
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if v.Kind() != '{' && v.Kind() != '[' {
		t, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		switch t.Kind() {
		case 'n':
			return nil, nil
		case '"':
			return t.String(), nil
		case '0':
			if !exactInFloat64(t.String()) {
				return nil, errors.New("number")
			}
			return json.Number(t.String()), nil
		}
		return t.Bool(), nil
	}
	if depth == MaxDepth {
		return nil, errors.New("too deep")
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	object, array := map[string]any{}, []any{}
	for d.PeekKind() != '}' && d.PeekKind() != ']' {
		name := ""
		if v.Kind() == '{' {
			t, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			if name = t.String(); len(name) > MaxName {
				return nil, errors.New("long name")
			}
			for other := range object {
				if strings.EqualFold(other, name) {
					return nil, errors.New("case")
				}
			}
		}
		inner, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		value, err := tree(inner.Clone(), count, depth+1)
		if err != nil {
			return nil, err
		}
		object[name], array = value, append(array, value)
	}
	if v.Kind() == '{' {
		return object, nil
	}
	return array, nil
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

func BenchmarkParse(b *testing.B) {
	raw, err := os.ReadFile("../cmd/indeks/testdata/speed/award.json")
	if err != nil {
		b.Fatal(err)
	}
	doc := jsontext.Value(raw)
	if err := doc.Compact(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
