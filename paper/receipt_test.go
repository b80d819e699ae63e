package paper

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"indeks/elm"
	"indeks/internal/reference"
)

// record is a receipt in a language with so many checks.
func record(lang string, checks int) Receipt {
	r := Receipt{
		Lang: lang, At: time.Date(2026, 9, 1, 14, 5, 6, 0, time.UTC), Title: "Record / Запис", Is: "A record of one moment.",
		Tone: "good", Word: elm.Value{Text: "VALID"}, Says: []string{"Sealed and unchanged.", "And more."}, Foot: "Record, 1 September 2026",
		Sections: []elm.Section{
			{Label: "What", Elements: []elm.Element{
				{Label: "Title", Values: []elm.Value{{Text: "Grafting of Fruit Trees", Lang: "en", Detail: []elm.Line{{Label: "Claimed", Text: "Institute"}}}}},
				{Label: "SHA-256", Values: []elm.Value{{Text: strings.Repeat("0123456789abcdef", 4)}}},
			}},
			{Label: "Checks"},
			{Label: "Not proven", Elements: []elm.Element{{Values: []elm.Value{{Text: "who it is"}, {Text: "how good it was"}}}}},
		},
	}
	for i := range checks {
		r.Sections[1].Elements = append(r.Sections[1].Elements, elm.Element{Label: fmt.Sprintf("Check %d, with a label of two lines", i),
			Values: []elm.Value{{Text: strings.Repeat("what was found, ", 12), Detail: []elm.Line{{Text: fmt.Sprintf("detail-%d", i)}}}}})
	}
	return r
}

func receipt(t *testing.T, r Receipt) []byte {
	t.Helper()
	file, err := PDFReceipt(r)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReceiptSaysAllOfIt(t *testing.T) {
	for _, checks := range []int{8, 60} {
		file := receipt(t, record("sr-Cyrl", checks))
		if !bytes.Equal(file, receipt(t, record("sr-Cyrl", checks))) {
			t.Error("printed twice, it differs")
		}
		if sheets := pages(t, file); (checks == 8) != (sheets == "1") {
			t.Errorf("%d checks: %s sheets", checks, sheets)
		}
		text := squeezed(textOf(t, file))
		for _, want := range []string{"Record / Запис", "A record of one moment.", "VALID", "Sealed and unchanged. And more.", "Grafting of Fruit Trees", "Claimed: Institute",
			strings.Repeat("0123456789abcdef", 4), "detail-0", fmt.Sprintf("detail-%d", checks-1), "how good it was", "Record, 1 September 2026"} {
			if !strings.Contains(text, want) {
				t.Errorf("%d checks: no %q in %s", checks, want, text)
			}
		}
		path := saved(t, file)
		if check := reference.Run(t, "qpdf", "qpdf", "--check", path); !strings.Contains(check, "No syntax or stream encoding errors found") {
			t.Errorf("qpdf: %s", check)
		}
		info := poppler(t, "pdfinfo", path)
		for _, want := range []string{"Tagged:          yes", "CreationDate:    Tue Sep  1 14:05:06 2026"} {
			if !strings.Contains(info, want) {
				t.Errorf("pdfinfo does not say %q:\n%s", want, info)
			}
		}
		if tree := poppler(t, "pdfinfo", "-struct-text", path); !strings.Contains(tree, "H1 (block)") || !strings.Contains(tree, "LBody") {
			t.Errorf("structure: %.300s", tree)
		}
	}
}

// What is no credential must not be taken for one when somebody uploads it.
func TestReceiptIsNoCredential(t *testing.T) {
	if _, err := Attachment(receipt(t, record("en", 8))); err == nil {
		t.Error("something is attached to a receipt")
	}
}

func TestReceiptsThatAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Receipt){
		"no language": func(r *Receipt) { r.Lang = "xx" },
		"no answer":   func(r *Receipt) { r.Word.Text = "" },
		"no title":    func(r *Receipt) { r.Title = "" },
		"no time":     func(r *Receipt) { r.At = time.Time{} },
	} {
		r := record("en", 1)
		spoil(&r)
		if _, err := PDFReceipt(r); err == nil {
			t.Errorf("%s: printed", name)
		}
	}
}

// Whatever a credential says, its record can be printed.
func FuzzReceipt(f *testing.F) {
	f.Add("Title", "a text", "another one", uint8(3))
	f.Add("", "a\nb\u202e\x00", strings.Repeat("W", 900), uint8(9))
	f.Fuzz(func(t *testing.T, label, text, detail string, n uint8) {
		r := record("en", 0)
		for range n % 20 {
			r.Sections[1].Elements = append(r.Sections[1].Elements, elm.Element{Label: label, Values: []elm.Value{{Text: text, Detail: []elm.Line{{Label: label, Text: detail}}}}})
		}
		r.Word.Text, r.Is, r.Foot = "x"+text, detail, text
		if _, err := PDFReceipt(r); err != nil {
			t.Error(err)
		}
	})
}
