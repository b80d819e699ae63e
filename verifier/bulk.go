package verifier

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"indeks/elm"
	"indeks/keys"
)

// Limits of what is examined at once. A ZIP is packed by a stranger, so what it
// says of itself is judged before anything is unpacked, and nothing more than
// that comes out of it.
const (
	MaxBulkFiles = 500
	maxUnpacked  = 256 << 20 // bytes, in all
	maxEntries   = 4 * MaxBulkFiles
	maxRatio     = 100 // of one entry; sealed files pack to a tenth
	maxFileName  = 120 // runes that are shown
	maxCell      = 200 // the same, of a title or a name
)

// ErrBulk is wrapped by the errors of ReadBulk; a sentence for people follows.
var ErrBulk = errors.New("reading several files")

// File is one of several that are examined at once. One out of a ZIP is unpacked
// when it is read, and not kept, so that many hold little more than was sent.
type File struct {
	Name    string // cleaned: no way out of a folder, nothing that does not show
	content []byte
	entry   *zip.File
}

// NamedFile returns a file as it was given.
func NamedFile(name string, content []byte) File {
	return File{Name: cleanName(name), content: content}
}

// Packed reports whether the file is a ZIP.
func (f File) Packed() bool { return isZip(f.content) }

// Read returns the content. Of what a ZIP holds it is at most one byte more than
// a token may have: the verifier itself says that it is too large.
func (f File) Read() ([]byte, error) {
	if f.entry == nil {
		return f.content, nil
	}
	r, err := f.entry.Open()
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", f.Name, err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, keys.MaxToken+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", f.Name, err)
	}
	return content, nil
}

// ReadBulk lists the files that were given, and those in a ZIP in its place. A
// ZIP inside is not opened; it is skipped, as hidden files are, and skipped has
// their names. The error, which wraps [ErrBulk], is that nothing is examined:
// more than MaxBulkFiles files, or an archive that is broken or made to burst.
func ReadBulk(given []File) (files []File, skipped []string, err error) {
	refuse := func(format string, args ...any) ([]File, []string, error) {
		return nil, nil, fmt.Errorf("%w: %s", ErrBulk, fmt.Sprintf(format, args...))
	}
	var unpacked uint64
	for _, f := range given {
		if !isZip(f.content) {
			files = append(files, f)
			continue
		}
		// The reader of the directory takes memory for each entry before anybody
		// can count them, so their marks are counted first.
		if n := bytes.Count(f.content, []byte("PK\x01\x02")); n > maxEntries {
			return refuse("%s holds more than %d entries", f.Name, maxEntries)
		}
		archive, err := zip.NewReader(bytes.NewReader(f.content), int64(len(f.content)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			return refuse("%s is a ZIP that cannot be read", f.Name)
		}
		for _, entry := range archive.File {
			name := cleanName(entry.Name)
			ratio := entry.UncompressedSize64 / max(entry.CompressedSize64, 1)
			unpacked += min(entry.UncompressedSize64, maxUnpacked)
			switch {
			case strings.HasSuffix(entry.Name, "/"):
				continue // a folder; what is in it is listed itself
			case hidden(entry.Name) || strings.EqualFold(path.Ext(name), ".zip"):
				skipped = append(skipped, name)
				continue
			case ratio > maxRatio:
				return refuse("%s in %s would grow to %d times its size", name, f.Name, ratio)
			case unpacked > maxUnpacked:
				return refuse("%s holds more than %d MiB", f.Name, maxUnpacked>>20)
			}
			files = append(files, File{Name: name, entry: entry})
		}
	}
	if len(files) > MaxBulkFiles {
		return refuse("%d files, where at most %d are examined at once", len(files), MaxBulkFiles)
	}
	return files, skipped, nil
}

// isZip reports whether content is an archive, by how one begins.
func isZip(content []byte) bool {
	return bytes.HasPrefix(content, []byte("PK\x03\x04")) || bytes.HasPrefix(content, []byte("PK\x05\x06"))
}

// hidden reports whether a file is one of those that systems add on their own.
func hidden(name string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if part == "__MACOSX" || strings.HasPrefix(part, ".") && part != "." && part != ".." || part == "Thumbs.db" || part == "desktop.ini" {
			return true
		}
	}
	return false
}

// cleanName is a file's name as it may be shown: a path below nothing, of one
// line, without what does not show.
func cleanName(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "\ufffd"), `\`, "/")
	name = strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(elm.Clean(name), "\n", " ")), "/")
	if runes := []rune(name); len(runes) > maxFileName {
		name = "..." + string(runes[len(runes)-maxFileName+3:])
	}
	if name == "" {
		return "unnamed"
	}
	return name
}

// Table is what is said of many.
type Table struct {
	Rows    []Row    `json:"rows"`
	Skipped []string `json:"skipped"` // files that were not opened
}

// Row is what a table says of one credential.
type Row struct {
	File    string  `json:"file"`
	Verdict Verdict `json:"verdict"`
	State   State   `json:"state"`
	Issuer  string  `json:"issuer,omitempty"`  // by the trust file
	Title   string  `json:"title,omitempty"`   // as Awarded, where the content may be shown as fact
	Awarded string  `json:"awarded,omitempty"` // YYYY-MM-DD
	Reason  Reason  `json:"reason,omitempty"`
	Detail  string  `json:"detail,omitempty"` // Message in English

	Message               Message `json:"-"` // of the check that decided
	IssuerLang, TitleLang string  `json:"-"` // where it is not the language that was asked for
}

// Row is the line of this report in a table; lang is the language of the title.
func (r *Report) Row(file, lang string) Row {
	row := Row{File: file, Verdict: r.Verdict, State: r.State, Reason: r.Reason}
	for _, c := range r.Checks {
		if r.Reason != "" && c.Reason == r.Reason && row.Message.sentence == nil {
			row.Message, row.Detail = c.Message, c.Message.String()
		}
	}
	if !r.Issuer.Confirmed || !r.showsContent() {
		return row
	}
	row.Issuer, row.Awarded = short(r.Issuer.Name), awardedOn(r.Credential)
	if t := r.Issuer.Trust; t != nil {
		if name := t.LegalName[lang]; name != "" {
			row.Issuer = short(name)
		} else if lang != "en" && t.LegalName["en"] == r.Issuer.Name {
			row.IssuerLang = "en"
		}
	}
	for _, section := range elm.Supplement(r.Credential, lang) {
		for _, element := range section.Elements {
			if element.ID == "M2" && len(element.Values) > 0 {
				row.Title, row.TitleLang = short(element.Values[0].Text), element.Values[0].Lang
			}
		}
	}
	return row
}

// awardedOn is the day of the first award that has one, else that of the document.
func awardedOn(cred *elm.Credential) string {
	days := []elm.DateTime{}
	for i := range cred.Subject {
		for _, award := range elm.Awards(&cred.Subject[i], cred.Profile) {
			days = append(days, award.Awarded)
		}
	}
	for _, at := range append(days, cred.Issued, cred.IssuanceDate, cred.ValidFrom) {
		if t, err := at.Time(true); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return ""
}

// short keeps a cell to what fits in one: tables are kept in memory for a while.
func short(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if runes := []rune(text); len(runes) > maxCell {
		return string(runes[:maxCell-3]) + "..."
	}
	return text
}

// Rows are the lines of the credentials in a presentation, or one line for it
// where it broke a rule itself or holds none.
func (p *PresentationReport) Rows(file, lang string) []Row {
	var rows []Row
	for _, c := range p.Checks {
		if c.Result == Failed {
			return []Row{{File: file, Verdict: Invalid, State: NotValid, Reason: c.Reason, Message: c.Message, Detail: c.Message.String()}}
		}
	}
	for i, r := range p.Credentials {
		name := file
		if len(p.Credentials) > 1 {
			name = fmt.Sprintf("%s (%d)", file, i+1)
		}
		rows = append(rows, r.Row(name, lang))
	}
	if len(rows) == 0 {
		rows = []Row{{File: file, Verdict: p.Verdict, State: Unreadable, Reason: p.Reason, Message: presentationEmpty.Of(), Detail: presentationEmpty.Of().String()}}
	}
	return rows
}

// Rows examines a file and returns its lines in a table: one, or as many as a
// presentation holds credentials.
func (v *Verifier) Rows(ctx context.Context, f File, o PresentationOptions, lang string) []Row {
	token, err := f.Read()
	switch {
	case err != nil:
		return []Row{{File: f.Name, Verdict: Invalid, State: Unreadable, Reason: "malformed", Message: fileNotUnpacked.Of(), Detail: fileNotUnpacked.Of().String()}}
	case IsPresentation(token):
		return v.VerifyPresentation(ctx, token, o).Rows(f.Name, lang)
	}
	return []Row{v.Verify(ctx, token).Row(f.Name, lang)}
}

// WriteCSV writes a table as RFC 4180 has it. Spreadsheets run cells that
// look like formulas, and names of files and titles come from strangers: such a
// cell gets an apostrophe in front, which makes it text.
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	table := [][]string{{"file", "verdict", "state", "issuer", "title", "awarded", "reason", "detail"}}
	for _, r := range t.Rows {
		table = append(table, []string{r.File, string(r.Verdict), string(r.State), r.Issuer, r.Title, r.Awarded, string(r.Reason), r.Detail})
	}
	for _, cells := range table {
		for i, cell := range cells {
			if strings.ContainsRune("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20", firstRune(cell)) {
				cells[i] = "'" + cell
			}
		}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// firstRune is the first character of a text, a letter where there is none.
func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 'x'
}
