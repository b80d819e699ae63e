package paper

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"indeks/elm"
	"indeks/internal/reference"
)

// sealedBytes stand for a sealed file: package paper does not look into it.
var sealedBytes = []byte(`{"payload":"` + strings.Repeat("what was sealed ", 3000) + `"}`)

func word(tag, s string) elm.Text { return elm.Text{{Tag: tag, Values: []string{s}}} }

func concept(id, tag, label string) *elm.Concept {
	return &elm.Concept{Ref: elm.Ref{ID: id}, PrefLabel: word(tag, label)}
}

func note(tag, s, subject string) elm.Note {
	return elm.Note{NoteLiteral: word(tag, s), Subject: elm.List[elm.Concept]{{Ref: elm.Ref{ID: subject}}}}
}

// document is a certificate of nobody, in a language, with so many outcomes of a
// usual length.
func document(tag, learner, title string, outcomes int) PDFDocument {
	s := &elm.Specification{
		Title:            word(tag, title),
		VolumeOfLearning: "PT75H",
		EQFLevel:         concept("http://data.europa.eu/snb/eqf/6", tag, "6"),
		CreditPoint:      elm.List[elm.CreditPoint]{{Framework: concept("http://data.europa.eu/snb/education-credit/6fcec5c5af", tag, "ECTS"), Point: "3"}},
		Mode:             elm.List[elm.Concept]{*concept("http://data.europa.eu/snb/learning-assessment/e92d221e4d", tag, "Blended")},
	}
	for i := range outcomes {
		s.LearningOutcome = append(s.LearningOutcome, elm.LearningOutcome{
			Title:  word(tag, fmt.Sprintf("Outcome %d: %s plans, measures and explains what was measured, with the tools of the field and within its rules", i+1, title)),
			DCType: concept("http://data.europa.eu/snb/skill-type/skill", tag, "Skill"),
		})
	}
	body := elm.Organisation{LegalName: word(tag, "University of Nowhere / Универзитет Нигде"), Homepage: elm.List[elm.WebResource]{{ContentURL: "https://nowhere.example/"}}}
	long := strings.Repeat("a text as long as offices write them, with dates and numbers; ", 4)
	return PDFDocument{
		Link:   LinkQR("https://verify.nowhere.example", public),
		Lang:   tag,
		Sealed: sealedBytes,
		Token:  []byte("header.payload.seal"),
		Credential: &elm.Credential{
			Identifier: elm.List[elm.Identifier]{{SchemeName: "Certificate number", Notation: "MC-2026-00042"}},
			Issued:     "2026-06-30T10:11:12Z",
			Issuer:     body,
			Subject: elm.List[elm.Person]{{FullName: word(tag, learner), DateOfBirth: "1999-02-03T00:00:00Z", HasClaim: elm.List[elm.Claim]{{
				Title:       word(tag, title),
				SpecifiedBy: s,
				AwardedBy: &elm.AwardingProcess{AwardingBody: elm.List[elm.Organisation]{body}, AwardingDate: "2026-06-15T00:00:00Z", AdditionalNote: elm.List[elm.Note]{
					note(tag, "Nada Nigdić, Rector", elm.TopicSignatory+":stated"),
					note(tag, long, elm.TopicLegalBasis),
					note(tag, long, elm.TopicQuality),
					note(tag, long, elm.TopicFurther+":stated"),
				}},
			}}}},
		},
	}
}

func print(t testing.TB, doc PDFDocument) []byte {
	t.Helper()
	file, err := PDF(doc)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// saved is a file on disk, for other programs.
func saved(t testing.TB, file []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "certificate.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// poppler runs a program of poppler's.
func poppler(t testing.TB, program string, args ...string) string {
	t.Helper()
	return reference.Run(t, "poppler-utils", program, args...)
}

// textOf is the text of all sheets, in the order of the file.
func textOf(t testing.TB, file []byte) string {
	t.Helper()
	return poppler(t, "pdftotext", "-raw", "-enc", "UTF-8", saved(t, file), "-")
}

var pageCount = regexp.MustCompile(`/Type/Pages/Count (\d+)`)

func pages(t testing.TB, file []byte) string {
	t.Helper()
	found := pageCount.FindSubmatch(file)
	if found == nil {
		t.Fatal("no page tree")
	}
	return string(found[1])
}

// squeezed is text without line ends, as which programs break lines differs.
func squeezed(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestPagesOfCertificates(t *testing.T) {
	for _, tt := range []struct {
		name  string
		doc   PDFDocument
		pages string
	}{
		{"one outcome", document("en", "Ana Andromeda", "Measuring", 1), "2"},
		{"ten outcomes", document("en", "Ana Andromeda", "Measuring Rivers and Lakes", 10), "2"},
		{"ten in Cyrillic", document("sr-Cyrl", "Љубица Њежић-Џаџић", "Мерење река и језера", 10), "2"},
		{"ten in German", document("de", "Friederike Großmann-Mühlenbrock", "Gewässervermessung und Feststoffuntersuchung", 10), "2"},
		{"ten in Macedonian", document("mk", "Ѓорѓи Ќурчиев-Ѕвездовски", "Мерење на реките и езерата", 10), "2"},
		{"ten in Albanian", document("sq", "Njëmendësi Çelësi", "Matja e lumenjve dhe e liqeneve", 10), "2"},
		{"thirty outcomes", document("en", "Ana Andromeda", strings.Repeat("Measuring Rivers and Lakes ", 4), 30), "3"},
		{"endless title", document("en", "Ana Andromeda", strings.Repeat("Measuring ", 200), 2), "2"},
		{"endless word", document("en", strings.Repeat("Wwwww", 40), strings.Repeat("M", 300), 2), "2"},
	} {
		if got := pages(t, print(t, tt.doc)); got != tt.pages {
			t.Errorf("%s: %s pages, want %s", tt.name, got, tt.pages)
		}
	}
}

// All that the supplement says stands on the sheets, in its own characters.
func TestNothingIsLeftOut(t *testing.T) {
	for _, doc := range []PDFDocument{
		document("en", "Ana Andromeda", "Measuring Rivers", 10),
		document("sr-Cyrl", "Љубица Њежић-Џаџић", "Мерење река и језера", 30),
		document("en", "Ωμέγα Ἀλεξίου", "Μέτρηση ποταμών", 3),
		document("mk", "Ѓорѓи Ќурчиев-Ѕвездовски, Љупчо Његолов-Џамбазов", "Сѐ за реките и за езерата, со ѝ", 3),
		document("hr", "Đurđica Šćepanović", strings.Repeat("Mjerenje rijeka i jezera ", 60), 2),
	} {
		text := squeezed(textOf(t, print(t, doc)))
		for _, section := range elm.Supplement(doc.Credential, doc.Lang) {
			said := []string{section.Label}
			for _, e := range section.Elements {
				said = append(said, e.Label)
				for _, v := range e.Values {
					said = append(said, v.Text)
					for _, d := range v.Detail {
						said = append(said, d.Text)
					}
				}
			}
			for _, s := range said {
				if !strings.Contains(text, squeezed(s)) {
					t.Errorf("%s: %q is not on the sheets", doc.Lang, s)
				}
			}
		}
		for _, s := range []string{say(doc.Lang, "certificate"), say(doc.Lang, "check"), "verify.nowhere.example/c/", public, "MC-2026-00042", "Nada Nigdić"} {
			if !strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
				t.Errorf("%s: %q is not on the sheets", doc.Lang, s)
			}
		}
	}
}

func TestSameDocumentSameBytes(t *testing.T) {
	doc := document("sr-Latn", "Željka Čačinović", "Merenje reka", 7)
	first := print(t, doc)
	synctest.Test(t, func(t *testing.T) { // where it is another year
		if !bytes.Equal(first, print(t, doc)) {
			t.Error("printed twice, it differs")
		}
	})
	doc.Lang = "en"
	if bytes.Equal(first, print(t, doc)) {
		t.Error("the language makes no difference")
	}
}

func TestCharactersThatTheFontLacks(t *testing.T) {
	for what, doc := range map[string]PDFDocument{
		"learner": document("en", "山田 Hanako", "Measuring", 1),
		"title":   document("en", "Ana Andromeda", "قياس", 1),
	} {
		if _, err := PDF(doc); !errors.Is(err, ErrGlyph) || !strings.Contains(err.Error(), "the "+what+" has U+") {
			t.Errorf("%s: %v", what, err)
		}
	}
	doc := document("en", "Ana Andromeda", "Measuring", 1)
	doc.Credential.Subject[0].HasClaim[0].AwardedBy.AdditionalNote[3].NoteLiteral = word("en", "measured in 東 and 🏔")
	text := squeezed(textOf(t, print(t, doc)))
	for _, want := range []string{"measured in □ and □", "U+6771, U+1F3D4"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the sheets", want)
		}
	}
	if text := textOf(t, print(t, document("en", "Ana Andromeda", "Measuring", 1))); strings.Contains(text, "U+") {
		t.Error("a character is said to be lacking that is not")
	}
}

// Letters that are written with marks of their own are the same letters.
func TestDecomposedLetters(t *testing.T) {
	text := squeezed(textOf(t, print(t, document("en", "Z\u030celjka C\u030ca\u0107inovic\u0301", "Measuring", 1))))
	if !strings.Contains(text, "Željka Čaćinović") {
		t.Errorf("%.300s", text)
	}
	doc := document("en", "Ana Andromeda", "Measuring", 1)
	said := ""
	for i := range 60 {
		said += fmt.Sprintf("c\u030c%d\n z\u030c%d ", i, i)
	}
	doc.Credential.Subject[0].HasClaim[0].AwardedBy.AdditionalNote[3].NoteLiteral = word("en", said)
	text = squeezed(textOf(t, print(t, doc)))
	for i := range 60 {
		if want := fmt.Sprintf("č%d ž%d", i, i); !strings.Contains(text, want) {
			t.Errorf("%q is not on the sheets", want)
		}
	}
}

func TestLanguageOfTheCredential(t *testing.T) {
	doc := document("sr-Cyrl", "Ана Андромеда", "Мерење", 1)
	doc.Lang = ""
	doc.Credential.DisplayParameter = &elm.DisplayParameter{PrimaryLanguage: concept("http://publications.europa.eu/resource/authority/language/SRP", "en", "Serbian")}
	if text := textOf(t, print(t, doc)); !strings.Contains(text, "Додатак") {
		t.Errorf("%.300s", text)
	}
	doc.Credential.DisplayParameter.PrimaryLanguage = concept("http://publications.europa.eu/resource/authority/language/GLE", "en", "Irish")
	if text := textOf(t, print(t, doc)); !strings.Contains(text, "Supplement") || !strings.Contains(text, "Serbian (Cyrillic)") {
		t.Errorf("%.300s", text)
	}
}

func TestEveryLanguageHasEveryWord(t *testing.T) {
	for _, lang := range elm.Languages() {
		for id := range words()["en"] {
			if say(lang, id) == "" || strings.Count(say(lang, id), "%s") != strings.Count(say("en", id), "%s") {
				t.Errorf("%s: %q", lang, id)
			}
		}
		if len(words()[lang]) != len(words()["en"]) {
			t.Errorf("%s: %d words, and %d in English", lang, len(words()[lang]), len(words()["en"]))
		}
		if name := elm.LanguageName(lang, "en"); name == lang {
			t.Errorf("%s has no name", lang)
		}
	}
}

func TestOtherProgramsReadIt(t *testing.T) {
	doc := document("hr", "Đurđica Šćepanović", "Mjerenje rijeka", 10)
	path := saved(t, print(t, doc))
	info := poppler(t, "pdfinfo", path)
	for _, want := range []string{"Title:           Mjerenje rijeka – Đurđica Šćepanović", "Tagged:          yes", "JavaScript:      no", "Encrypted:       no", "(A4)", "PDF version:     1.7", "Pages:           2"} {
		if !strings.Contains(info, want) {
			t.Errorf("pdfinfo does not say %q:\n%s", want, info)
		}
	}
	fonts := strings.Split(strings.TrimSpace(poppler(t, "pdffonts", path)), "\n")[2:]
	if len(fonts) != 3 {
		t.Errorf("%d fonts, want 3", len(fonts))
	}
	for _, font := range fonts {
		if !strings.Contains(font, "yes yes yes") { // embedded, a subset, with characters
			t.Errorf("font: %s", font)
		}
	}
	tree := poppler(t, "pdfinfo", "-struct-text", path)
	for _, want := range []string{"Document", "H1 (block)", "LBody", "Figure", "Link"} {
		if !strings.Contains(tree, want) {
			t.Errorf("the structure has no %s", want)
		}
	}
	if check := reference.Run(t, "qpdf", "qpdf", "--check", path); !strings.Contains(check, "No syntax or stream encoding errors found") {
		t.Errorf("qpdf: %s", check)
	}

	dir := t.TempDir()
	poppler(t, "pdfdetach", "-saveall", "-o", dir, path)
	for name, want := range map[string][]byte{sealedName: doc.Sealed, "credential.jwt": doc.Token} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what was attached: %v", name, err)
		}
	}
}

// Both codes are read from a picture of the sheet at the resolution of a cheap
// scanner, and the larger one is never drawn below 0.38 mm a module.
func TestPrintedCodesAreRead(t *testing.T) {
	doc := document("en", "Ana Andromeda", "Measuring", 10)
	offline, err := modules("https://verify.nowhere.example/q#1" + strings.Repeat("0123456789", 225)) // version 25 at level M
	if err != nil {
		t.Fatal(err)
	}
	if len(offline) != maxVersion25 {
		t.Fatalf("%d modules, want a code of version 25", len(offline))
	}
	doc.Offline = &offline
	file := print(t, doc)
	module := regexp.MustCompile(`q ([0-9.]+) 0 0 -`)
	p := new(press)
	online, _ := modules(doc.Link)
	p.certificate(newContent(doc.Credential, "en", doc.Link), online, &offline, &element{kind: "Document"})
	found := module.FindAllStringSubmatch(p.sheets[0].content.String(), -1)
	if len(found) != 2 {
		t.Fatalf("%d codes are drawn", len(found))
	}
	for _, m := range found {
		var size float64
		fmt.Sscan(m[1], &size)
		if size/mm < 0.38 {
			t.Errorf("a module of %.3f mm", size/mm)
		}
	}

	dir := t.TempDir()
	poppler(t, "pdftoppm", "-r", "300", "-f", "1", "-l", "1", "-gray", "-png", "-singlefile", saved(t, file), filepath.Join(dir, "sheet"))
	got := reference.Run(t, "zbar-tools", "zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", filepath.Join(dir, "sheet.png"))
	for _, want := range []string{doc.Link, "https://verify.nowhere.example/q#1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%.40s is not read", want)
		}
	}
}

func TestRefusedDocuments(t *testing.T) {
	large := QR(grid(121))
	oblong := QR(grid(21)[:20])
	for name, change := range map[string]func(*PDFDocument){
		"no credential":    func(d *PDFDocument) { d.Credential = nil },
		"no sealed file":   func(d *PDFDocument) { d.Sealed = nil },
		"unknown language": func(d *PDFDocument) { d.Lang = "tlh" },
		"large code":       func(d *PDFDocument) { d.Offline = &large },
		"oblong code":      func(d *PDFDocument) { d.Offline = &oblong },
		"no link":          func(d *PDFDocument) { d.Link = "" },
		"no date":          func(d *PDFDocument) { d.Credential.Issued = "" },
	} {
		doc := document("en", "Ana Andromeda", "Measuring", 1)
		change(&doc)
		if _, err := PDF(doc); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkPDF(b *testing.B) {
	doc := document("en", "Ana Andromeda", "Measuring Rivers and Lakes", 10)
	for b.Loop() {
		print(b, doc)
	}
}
