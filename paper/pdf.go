package paper

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"indeks/elm"
)

// PDFDocument is what is printed for one credential.
type PDFDocument struct {
	Credential *elm.Credential // what was sealed; all that is printed of it is read from here
	Lang       string          // one of elm.Languages; "": the credential's own
	Link       string          // text of the online code, as LinkQR returns it
	Offline    *QR             // code that is checked without a network, of version 25 at most; nil: none

	Sealed []byte // the sealed European Digital Credential, which is attached
	Token  []byte // the same as vc+jwt, attached too; nil: none
}

// ErrGlyph is wrapped by the error of PDF where the fonts lack a character of
// what a certificate is worthless without: the learner's name, the title, the
// institution. What is lacking elsewhere is shown as a box, and the sheet says so.
var ErrGlyph = errors.New("the font lacks a character")

// PDF prints a credential: the certificate on one sheet of A4, the supplement
// behind it, on one more as long as its texts are of usual length and there are
// ten outcomes or fewer. The file has its sealed files attached (as PDF/A-3 has
// it), embedded fonts, and a structure for those who do not see it (PDF/UA-1).
//
// The same document gives the same bytes: the only time in it is that of issuing.
func PDF(doc PDFDocument) ([]byte, error) {
	const doing = "printing a certificate: "
	if doc.Credential == nil || len(doc.Sealed) == 0 {
		return nil, errors.New(doing + "no credential or no sealed file")
	}
	lang := doc.Lang
	if lang == "" {
		lang = Language(doc.Credential)
	}
	if !slices.Contains(elm.Languages(), lang) {
		return nil, fmt.Errorf(doing+"no words of ours in language %q", lang)
	}
	if doc.Offline != nil && !doc.Offline.printable() {
		return nil, errors.New(doing + "the offline code is larger than version 25, or no square")
	}
	online, err := modules(doc.Link)
	if err != nil {
		return nil, fmt.Errorf(doing+"%w", err)
	}
	issued, err := cmp.Or(doc.Credential.Issued, doc.Credential.IssuanceDate, doc.Credential.ValidFrom).Time(true)
	if err != nil {
		return nil, fmt.Errorf(doing+"%w", err)
	}

	c := newContent(doc.Credential, lang, doc.Link)
	for _, must := range []struct{ what, text string }{{"learner", c.learner.Text}, {"title", c.title.Text}, {"institution", c.institution.Text}} {
		if err := drawable(must.what, must.text); err != nil {
			return nil, fmt.Errorf(doing+"%w", err)
		}
	}
	p := new(press)
	root := &element{kind: "Document", entries: langEntry(lang)}
	p.certificate(c, online, doc.Offline, root)
	p.supplement(c, root)
	p.footers(c)
	file := p.finish(c, &doc, root, issued.UTC())
	if len(file) > maxFile {
		return nil, fmt.Errorf(doing+"%d bytes, where at most %d are read back", len(file), maxFile)
	}
	return file, nil
}

// maxVersion25 is how many modules wide a code of version 25 is.
const maxVersion25 = 117

func (q QR) printable() bool {
	return len(q) > 0 && len(q) <= maxVersion25 && !slices.ContainsFunc(q, func(row []bool) bool { return len(row) != len(q) })
}

// drawable refuses a text that the faces cannot draw.
func drawable(what, text string) error {
	p := new(press)
	p.breakLines(sheetWidth, span{text: text, style: style{face: serif(), size: 10}})
	if len(p.lacking) > 0 {
		return fmt.Errorf("the %s has %s: %w", what, codePoints(p.lacking), ErrGlyph)
	}
	return nil
}

func codePoints(runes []rune) string {
	var all []string
	for _, r := range runes {
		all = append(all, fmt.Sprintf("%U", r))
	}
	return strings.Join(all, ", ")
}

// Language is the language of a credential, as far as we have words in it: the
// one that the credential says it is displayed in. The EU list has one code for
// both scripts of Serbian, so the title tells which.
func Language(cred *elm.Credential) string {
	code := ""
	if d := cred.DisplayParameter; d != nil && d.PrimaryLanguage != nil {
		code = d.PrimaryLanguage.ID[strings.LastIndexByte(d.PrimaryLanguage.ID, '/')+1:]
	}
	for _, lang := range elm.Languages() {
		if base, _ := language.MustParse(lang).Base(); strings.ToUpper(base.ISO3()) != code {
			continue
		}
		for _, section := range elm.Supplement(cred, lang) {
			for _, e := range section.Elements {
				if e.ID == "M2" && len(e.Values) > 0 && e.Values[0].Lang == "" {
					return lang
				}
			}
		}
	}
	return "en"
}

// content is what is printed, as the supplement has it.
type content struct {
	lang        string
	sections    []elm.Section
	elements    map[string]elm.Element
	learner     elm.Value
	title       elm.Value
	institution elm.Value
	number      string
	link        string // to be typed: scheme and host in small letters
}

func newContent(cred *elm.Credential, lang, link string) *content {
	c := &content{lang: lang, sections: elm.Supplement(cred, lang), elements: map[string]elm.Element{}}
	for _, section := range c.sections {
		for _, e := range section.Elements {
			c.elements[e.ID] = e
		}
	}
	c.learner, c.title, c.institution = c.first("M1"), c.first("M2"), c.first("M4")
	if c.institution.Text == "" {
		c.institution = c.first("issuer")
	}
	for _, identifier := range cred.Identifier {
		if identifier.SchemeName == "Certificate number" {
			c.number = elm.Clean(identifier.Notation)
		}
	}
	at := strings.LastIndexByte(link, '/') + 1
	c.link = strings.ToLower(link[:at]) + link[at:]
	return c
}

// first is the first value of an element.
func (c *content) first(id string) elm.Value {
	if values := c.elements[id].Values; len(values) > 0 {
		return values[0]
	}
	return elm.Value{}
}

// texts are the values of an element without their details, at most n.
func (c *content) texts(id string, n int) (list []span) {
	for i, v := range c.elements[id].Values {
		if i == n {
			break
		}
		if i > 0 {
			list = append(list, span{text: " · "})
		}
		list = append(list, span{text: v.Text, lang: v.Lang})
	}
	return list
}

func (c *content) say(id string, values ...any) string { return say(c.lang, id, values...) }

// finish writes what a file has besides its sheets.
func (p *press) finish(c *content, doc *PDFDocument, root *element, issued time.Time) []byte {
	title := c.title.Text + " – " + c.learner.Text
	attached := func(name, relation, mime, says string, data []byte) objectID {
		file := p.stream(fmt.Sprintf("/Type/EmbeddedFile/Subtype/%s/Params<</Size %d/ModDate%s>>", strings.ReplaceAll(strings.ReplaceAll(mime, "/", "#2F"), "+", "#2B"), len(data), asciiString(pdfTime(issued))), data)
		return p.add("<</Type/Filespec/F%s/UF%s/AFRelationship/%s/Desc%s/EF<</F %s/UF %[5]s>>>>", asciiString(name), textString(name), relation, textString(says), file)
	}
	names, files := "", ""
	add := func(name string, file objectID) {
		names += asciiString(name) + file.String()
		files += file.String() + " "
	}
	add(sealedName, attached(sealedName, sealedRelation, "application/ld+json", c.say("attached.sealed"), doc.Sealed))
	if doc.Token != nil { // names of a tree are sorted, and ".jsonld" comes before ".jwt"
		add("credential.jwt", attached("credential.jwt", "Alternative", "application/vc+jwt", c.say("attached.token"), doc.Token))
	}

	// What tells the file from others is what was sealed and the language.
	id := sha256.Sum256(append([]byte(c.lang+"\n"), doc.Sealed...))
	return p.write(root, about{title: title, author: c.institution.Text, lang: c.lang, at: issued, id: id[:16],
		entries: fmt.Sprintf("/Names<</EmbeddedFiles<</Names[%s]>>>>/AF[%s]/PageMode/UseNone", names, files)})
}

// about is what a file says of itself.
type about struct {
	title, author, lang string
	at                  time.Time // in UTC
	id                  []byte
	entries             string // of the catalog, besides those of every file
}

// producer is the program that made a file.
const producer = "Indeks"

func pdfTime(at time.Time) string { return at.Format("D:20060102150405Z") }

// write writes the file with the sheets that were drawn.
func (p *press) write(root *element, a about) []byte {
	pages := p.writeSheets()
	structure := p.writeStructure(root)
	metadata := p.plainStream("/Type/Metadata/Subtype/XML", xmp(a.title, a.author, producer, a.lang, a.at))
	profile := p.stream("/N 3", sRGB())
	info := p.add("<</Title%s/Author%s/Producer%s/Creator%[3]s/CreationDate%s/ModDate%[4]s>>", textString(a.title), textString(a.author), textString(producer), asciiString(pdfTime(a.at)))
	catalog := p.add("<</Type/Catalog/Pages %s/Lang%s/MarkInfo<</Marked true>>/StructTreeRoot %s/ViewerPreferences<</DisplayDocTitle true>>/Metadata %s"+
		"/OutputIntents[<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB)/DestOutputProfile %s>>]%s>>",
		pages, asciiString(a.lang), structure, metadata, profile, a.entries)
	return p.file(catalog, info, a.id)
}
