package paper

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestAttachmentIsWhatWasGiven(t *testing.T) {
	for name, change := range map[string]func(*PDFDocument){
		"both forms": func(*PDFDocument) {},
		"no token":   func(d *PDFDocument) { d.Token = nil },
		"one byte":   func(d *PDFDocument) { d.Sealed = []byte("x") },
		"looks like a": func(d *PDFDocument) {
			d.Sealed = []byte("endstream\nendobj\nxref\n0 1\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n")
		},
	} {
		doc := document("en", "Ana Andromeda", "Measuring", 3)
		change(&doc)
		file := print(t, doc)
		for _, end := range []string{"", "\n", "\r\n"} {
			got, err := Attachment(append(bytes.Clone(file), end...))
			if err != nil || !bytes.Equal(got, doc.Sealed) {
				t.Errorf("%s, ending in %q: %d bytes, %v", name, end, len(got), err)
			}
		}
	}
}

// made is a file of ours with an attachment that a test made up.
func made(af, filespec, stream string, data []byte) []byte {
	var o objects
	o.add("<</Type/Catalog/AF%s>>", af)
	o.add("%s", filespec)
	o.bodies = append(o.bodies, append(fmt.Appendf(nil, "<<%s/Length %d>>\nstream\n", stream, len(data)), append(bytes.Clone(data), "\nendstream"...)...))
	o.add("<<>>")
	return o.file(1, 4, []byte("0123456789abcdef"))
}

func packed(data []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(data)
	w.Close()
	return out.Bytes()
}

const (
	goodSpec   = "<</Type/Filespec/F<63726564656E7469616C2E6A736F6E6C64>/AFRelationship/Source/EF<</F 3 0 R>>>>"
	goodStream = "/Type/EmbeddedFile/Params<</Size 5>>/Filter/FlateDecode"
)

func TestRefusedPDFs(t *testing.T) {
	if got, err := Attachment(made("[2 0 R]", goodSpec, goodStream, packed([]byte("hello")))); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
	bomb := packed(make([]byte, 64<<20))
	whole := print(t, document("en", "Ana Andromeda", "Measuring", 1))
	for name, file := range map[string][]byte{
		"nothing":              nil,
		"header alone":         []byte(header),
		"of another program":   []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF"),
		"cut":                  whole[:len(whole)/2],
		"end alone is missing": whole[:len(whole)-8],
		"changed afterwards":   append(bytes.Clone(whole), "1 0 obj\n<<>>\nendobj\nxref\n1 1\n0000000000 00000 n \ntrailer\n<</Prev 5>>\nstartxref\n9\n%%EOF\n"...),
		"too large":            append(bytes.Clone(whole), make([]byte, maxFile)...),
		"no file":              made("[]", goodSpec, goodStream, packed([]byte("hello"))),
		"itself":               made("[1 0 R]", goodSpec, goodStream, packed([]byte("hello"))),
		"long file":            made("[2 0 R]", goodSpec[:len(goodSpec)-2]+"/X["+strings.Repeat("1 ", maxText/2)+"]>>", goodStream, packed([]byte("hello"))),
		"two files":            made("[2 0 R 2 0 R]", goodSpec, goodStream, packed([]byte("hello"))),
		"number not there":     made("[99 0 R]", goodSpec, goodStream, packed([]byte("hello"))),
		"negative number":      made("[-2 0 R]", goodSpec, goodStream, packed([]byte("hello"))),
		"other relation":       made("[2 0 R]", strings.ReplaceAll(goodSpec, "Source", "Data"), goodStream, packed([]byte("hello"))),
		"other name":           made("[2 0 R]", strings.ReplaceAll(goodSpec, "<63", "<64"), goodStream, packed([]byte("hello"))),
		"member twice":         made("[2 0 R]", strings.ReplaceAll(goodSpec, "/Type", "/EF 4 0 R/Type"), goodStream, packed([]byte("hello"))),
		"not packed":           made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "/Filter/FlateDecode", ""), []byte("hello")),
		"packed twice":         made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "/FlateDecode", "[/FlateDecode/FlateDecode]"), packed(packed([]byte("hello")))),
		"size is less":         made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "Size 5", "Size 4"), packed([]byte("hello"))),
		"size is more":         made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "Size 5", "Size 6"), packed([]byte("hello"))),
		"size is negative":     made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "Size 5", "Size -5"), packed([]byte("hello"))),
		"bomb":                 made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "Size 5", "Size 5"), bomb),
		"bomb that says so":    made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "Size 5", "Size 67108864"), bomb),
		"bomb up to the limit": made("[2 0 R]", goodSpec, strings.ReplaceAll(goodStream, "Size 5", "Size 2097152"), bomb),
		"packed wrongly":       made("[2 0 R]", goodSpec, goodStream, []byte("hello")),
		"deep":                 made(strings.Repeat("[", 100_000), goodSpec, goodStream, nil),
		"wide":                 made("["+strings.Repeat("2 0 R ", 100_000)+"]", goodSpec, goodStream, packed([]byte("hello"))),
		"wide, of large files": made("["+strings.Repeat("2 0 R ", 499)+"]", "<</X["+strings.Repeat("["+strings.Repeat("[] ", 400)+"]", 400)+"]>>", goodStream, packed([]byte("hello"))),
		"open":                 made("[<<", "(", goodStream, nil),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := Attachment(file)
		runtime.ReadMemStats(&after)
		if err == nil || !errors.Is(err, ErrNoAttachment) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		// What is read makes values, so that the memory tells the work, whatever else the
		// machine does meanwhile. The most is what is unpacked up to the limit, in a buffer
		// that grows.
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 8*maxFile {
			t.Errorf("%s: %d kB of memory for %d kB", name, spent>>10, len(file)>>10)
		}
	}
}

// Whatever is changed in a file, what comes out is no larger than it may be, and
// nothing panics.
func FuzzAttachment(f *testing.F) {
	doc := document("en", "Ana Andromeda", "Measuring", 1)
	doc.Sealed = []byte(`{"payload":"e30"}`)
	f.Add(print(f, doc))
	f.Add(made("[2 0 R]", goodSpec, goodStream, packed([]byte("hello"))))
	f.Add(made("[<</AFRelationship/Source/F(credential.jsonld)/EF<</F 3 0 R>>>>]", "<<>>", goodStream, packed([]byte("hello"))))
	f.Fuzz(func(t *testing.T, file []byte) {
		sealed, err := Attachment(file)
		if err != nil && !errors.Is(err, ErrNoAttachment) {
			t.Errorf("an error of another kind: %v", err)
		}
		if len(sealed) > maxFile || err != nil && sealed != nil {
			t.Errorf("%d bytes, %v", len(sealed), err)
		}
	})
}

func BenchmarkAttachment(b *testing.B) {
	file := print(b, document("en", "Ana Andromeda", "Measuring", 10))
	for b.Loop() {
		if _, err := Attachment(file); err != nil {
			b.Fatal(err)
		}
	}
}
