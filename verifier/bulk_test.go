package verifier

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"indeks/keys"
)

type packed struct{ name, content string }

func zipOf(t testing.TB, files ...packed) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		entry, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is in a ZIP is listed as if it had come alone; what systems add and ZIPs
// inside are named and left closed; no name leads anywhere or hides anything.
func TestReadBulk(t *testing.T) {
	inner := zipOf(t, packed{"x.jwt", "x"})
	archive := zipOf(t, packed{"folder/", ""}, packed{"folder/a.jwt", "A"}, packed{"../../etc/passwd", "B"}, packed{`C:\temp\b.jwt`, "C"},
		packed{".DS_Store", "x"}, packed{"__MACOSX/a.jwt", "x"}, packed{"folder/.hidden/a.jwt", "x"}, packed{"more.ZIP", string(inner)},
		packed{"gpj.\u202etwj", "D"}, packed{"two\nlines", "E"})
	files, skipped, err := ReadBulk([]File{NamedFile("one.jwt", []byte("1")), NamedFile("all.zip", archive), NamedFile("", nil)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		content, err := f.Read()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f.Name+"="+string(content))
	}
	if want := "one.jwt=1 folder/a.jwt=A etc/passwd=B C:/temp/b.jwt=C gpj.twj=D two lines=E unnamed="; strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if want := ".DS_Store __MACOSX/a.jwt folder/.hidden/a.jwt more.ZIP"; strings.Join(skipped, " ") != want {
		t.Errorf("skipped %s", skipped)
	}
}

// An archive made to burst is refused before anything of it is unpacked.
func TestBulkBombs(t *testing.T) {
	many := func(n int) (files []packed) {
		for i := range n {
			files = append(files, packed{fmt.Sprintf("%d.jwt", i), "x"})
		}
		return files
	}
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"one that grows":     {zipOf(t, packed{"a.jwt", strings.Repeat("0", 8<<20)}), "times its size"},
		"500 files":          {zipOf(t, many(500)...), ""},
		"501 files":          {zipOf(t, many(501)...), "at most 500"},
		"too many entries":   {zipOf(t, many(2001)...), "entries"},
		"cut short":          {zipOf(t, many(3)...)[:100], "cannot be read"},
		"empty":              {zipOf(t), ""},
		"a wrong total size": {bytes.ReplaceAll(zipOf(t, packed{"a", "x"}), []byte("PK\x01\x02"), []byte("PK\x01\x03")), "cannot be read"},
	} {
		_, _, err := ReadBulk([]File{NamedFile("all.zip", c.archive)})
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrBulk) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What is too large as a token comes out of an archive one byte too large.
	var noise bytes.Buffer
	for i := 0; noise.Len() <= keys.MaxToken+1000; i++ {
		fmt.Fprintf(&noise, "%d %x;", i, i*i*7919)
	}
	files, _, err := ReadBulk([]File{NamedFile("all.zip", zipOf(t, packed{"a.jwt", noise.String()}))})
	if err != nil {
		t.Fatal(err)
	}
	if content, err := files[0].Read(); err != nil || len(content) != keys.MaxToken+1 {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

// A cell that a spreadsheet would run is text.
func TestCSVRunsNothing(t *testing.T) {
	var b bytes.Buffer
	table := Table{Rows: []Row{{File: `=HYPERLINK("https://evil.example")`, Verdict: Valid, Title: "+1", Issuer: "-1", Awarded: "@SUM(1)", Detail: "\uff1dSUM(1)", Reason: "plain, \"quoted\""}}}
	err := table.WriteCSV(&b)
	want := "file,verdict,state,issuer,title,awarded,reason,detail\r\n" +
		`"'=HYPERLINK(""https://evil.example"")",valid,,'-1,'+1,'@SUM(1),"plain, ""quoted""",'` + "\uff1dSUM(1)\r\n"
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, b.String(), want)
	}
}

// A row says what the report says, and nothing of content that is not shown.
func TestRows(t *testing.T) {
	uni, ana := newIssuer(t, "uni.example"), newWallet(t)
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	badge := uni.badge(map[string]any{"name": "Careful Engineering"})
	if row := v.Verify(t.Context(), uni.seal(t, badge)).Row("a.jwt", "en"); row.Verdict != Valid || row.Issuer != "University of uni.example" || row.Title == "" || row.Reason != "" {
		t.Errorf("%+v", row)
	}
	token := uni.seal(t, badge)
	row := v.Verify(t.Context(), append(token[:len(token)-2], "AA"...)).Row("a.jwt", "en")
	if row.Verdict != Invalid || row.Title+row.Issuer+row.Awarded != "" || row.Reason != "signature_invalid" || row.Detail == "" {
		t.Errorf("%+v", row)
	}
	if row := v.Verify(t.Context(), []byte("%PDF-1.7\n")).Row("a.pdf", "en"); row.State != Unreadable || !strings.Contains(row.Detail, "This PDF does not contain a sealed file") {
		t.Errorf("%+v", row)
	}
	own := envelopeOf(uni.issuedTo(t, ana.did, nil))
	other := envelopeOf(uni.issuedTo(t, ana.did, map[string]any{"id": "urn:uuid:2"}))
	p := v.VerifyPresentation(t.Context(), ana.present(t, ana.presentation(nil, own, other)), asked)
	if rows := p.Rows("p.jwt", "en"); len(rows) != 2 || rows[1].File != "p.jwt (2)" || rows[1].Verdict != Valid {
		t.Errorf("%+v", rows)
	}
	p = v.VerifyPresentation(t.Context(), ana.present(t, ana.presentation(nil, own, other)), PresentationOptions{Challenge: "n-2"})
	if rows := p.Rows("p.jwt", "en"); len(rows) != 1 || rows[0].Reason != "challenge_mismatch" {
		t.Errorf("%+v", rows)
	}
}

func FuzzReadBulk(f *testing.F) {
	f.Add("a.jwt", []byte("x"), zipOf(f, packed{"../a", "x"}))
	f.Add(`..\..\a`, []byte{}, zipOf(f, packed{"\u202e", "x"}, packed{"a/b/", ""}, packed{strings.Repeat("é", 200), "x"}))
	f.Add("\x00\n/", []byte("PK\x03\x04"), []byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, name string, content, archive []byte) {
		for _, given := range [][]File{
			{NamedFile(name, content), NamedFile("all.zip", archive)},
			{NamedFile("named.zip", zipOf(t, packed{name + "x", string(content)}))},
		} {
			files, skipped, err := ReadBulk(given)
			if err != nil {
				continue
			}
			if len(files) > MaxBulkFiles {
				t.Fatal("more files than are examined")
			}
			for _, f := range files {
				skipped = append(skipped, f.Name)
				if content, err := f.Read(); err == nil && f.entry != nil && len(content) > keys.MaxToken+1 {
					t.Fatal("more unpacked than is read")
				}
			}
			for _, shown := range skipped {
				if shown == "" || strings.HasPrefix(shown, "/") || strings.HasPrefix(shown, "../") || strings.Contains(shown, "/../") ||
					strings.ContainsAny(shown, "\x00\r\n\t\u202e\u200b") || len([]rune(shown)) > maxFileName {
					t.Fatalf("name %q", shown)
				}
			}
		}
	})
}
