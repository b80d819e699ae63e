package verifier

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"indeks/elm"
	"indeks/paper"
)

// printed is a PDF that carries a file.
func printed(t testing.TB, payload, sealed []byte) []byte {
	t.Helper()
	cred, err := elm.Parse(payload)
	if err != nil {
		t.Fatal(err)
	}
	file, err := paper.PDF(paper.PDFDocument{Credential: cred, Lang: "en", Link: "https://verify.example/C/ABCDEFGHJKMNPQRSTVWXYZ0123", Sealed: sealed})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Of a PDF the sealed file inside is judged, whatever the pages say, and the
// report says that nobody compared them.
func TestPDF(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	v := newVerifier(t, Config{Trust: trusting(uni.entry())})
	payload := microCredential(t, uni)
	token := uni.seal(t, payload)
	plain := v.Verify(t.Context(), token)
	if plain.State != StateValid || plain.InPDF {
		t.Fatalf("%s, in a PDF: %t", plain.State, plain.InPDF)
	}
	parts, other := bytes.Split(token, []byte(".")), bytes.Split(uni.seal(t, uni.credential(nil, nil)), []byte("."))
	forged := bytes.Join([][]byte{parts[0], parts[1], other[2]}, []byte("."))
	whole := printed(t, payload, token)
	for name, tt := range map[string]struct {
		file  []byte
		state State
		inPDF bool
	}{
		"as issued":             {whole, StateValid, true},
		"other pages":           {printed(t, bytes.ReplaceAll(payload, []byte("EQF"), []byte("XXX")), token), StateValid, true},
		"forged inside":         {printed(t, payload, forged), NotValid, true},
		"not sealed":            {printed(t, payload, payload), NoSeal, true},
		"nothing inside":        {printed(t, payload, []byte("nothing")), Unreadable, true},
		"a PDF inside":          {printed(t, payload, whole), Unreadable, false},
		"saved anew":            {append(bytes.Clone(whole), "%%EOF\n"...), Unreadable, false},
		"of another program":    {[]byte("%PDF-1.4\n%%EOF\n"), Unreadable, false},
		"a token behind a mark": {append([]byte("%PDF-1.7\n"), token...), Unreadable, false},
	} {
		r := v.Verify(t.Context(), tt.file)
		said := slices.ContainsFunc(r.check(CheckFormat).Remarks, func(m Message) bool { return strings.Contains(m.String(), "did not compare it") })
		if r.State != tt.state || r.InPDF != tt.inPDF || said != tt.inPDF {
			t.Errorf("%s: %s, in a PDF: %t, said: %t (%s)", name, r.State, r.InPDF, said, r.check(CheckFormat).Message.String())
		}
	}
	if r := v.Verify(t.Context(), whole); r.SHA256 != plain.SHA256 || r.ID != plain.ID {
		t.Error("it is another credential than the token is")
	}
	if rows := v.Rows(t.Context(), NamedFile("a.pdf", whole), PresentationOptions{}, "en"); len(rows) != 1 || rows[0].State != StateValid {
		t.Errorf("in a table: %+v", rows)
	}
}
