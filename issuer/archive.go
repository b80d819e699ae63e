package issuer

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/keys"
	"indeks/store"
)

// Archive says what is to be archived. An archive is a tar file, packed by gzip, of
// everything that it takes to read, verify and take over a register without this
// program: README.md in it is written for whoever has nothing else. It is a stream in one
// order, so that the memory that it takes does not grow with the records, and two of
// one instant differ in nothing but the seal.
type Archive struct {
	Institution Institution
	Ring        *keys.Ring
	Store       store.Store // which does not change meanwhile: a copy, or one opened to be read
	Program     string
	At          time.Time // of the archive, whole seconds
	// Private are files with secrets by name, such as the encrypted key file.
	Private map[string][]byte
	// Sums is a folder for a temporary file of names and hashes; "": that of the system.
	Sums string
	// Each, unless nil, is called after each record.
	Each func(store.Record) error

	ended map[string]bool // ids of batches that are archived
}

// archiveVersion is that of the form of archives. A new one is for what older programs
// would read wrong.
const archiveVersion = 1

const archiveFormat = "indeks-archive"

// ArchiveAbout is what an archive says of itself, archive.json.
type ArchiveAbout struct {
	Format       string            `json:"format"`
	Version      int               `json:"version"`
	Program      string            `json:"program"`
	At           time.Time         `json:"at"`
	Issuer       string            `json:"issuer"` // DID
	PublicBase   string            `json:"public_base"`
	VerifierBase string            `json:"verifier_base"`
	LegalName    map[string]string `json:"legal_name"`
	store.Summary
	Courses   int            `json:"courses"`   // versions
	Documents map[string]int `json:"documents"` // by kind
	Counters  store.Counters `json:"counters"`
	Private   []string       `json:"private"` // names of files with secrets
}

// Names of files and folders in an archive.
const (
	aboutFile    = "archive.json"
	readmeFile   = "README.md"
	sumsFile     = "SHA256SUMS"
	sealFile     = "SHA256SUMS.jws"
	trustFile    = "keys/trust.json"
	credentials  = "credentials/"
	recordSuffix = "/record.json"
	logFolder    = "log/"
)

// archivedKinds are the documents that are part of the register. What serves somebody at
// the moment is in no archive: accounts, sessions, codes, shares, letters, and batches
// that have not ended.
var archivedKinds = slices.Concat(store.BaseKinds, []string{knownKind, kindCourse, kindBatch, kindLink, kindRows, kindResults,
	kindApproval, kindApprovalClosed, kindNameCheckClosed, kindRecognition, kindRecognitionErased, kindErasure, kindRetention, kindBulk, kindBulkClosed})

// recordFile is record.json.
type recordFile struct {
	Record   store.Record      `json:"record"`
	Logged   *store.Place      `json:"logged,omitzero"`
	Payloads map[string]string `json:"payload_sha256"`  // hexadecimal, by form
	Bases    map[string]string `json:"bases,omitzero"`  // document of kind payload-base, by form
	Tokens   map[string]string `json:"tokens,omitzero"` // file beside, by form
	Blind    map[string][]byte `json:"blind,omitzero"`
}

// listFile is lists/ID.json.
type listFile struct {
	store.List
	Kept string `json:"kept"` // bits that no record calls for, as in an encodedList
}

// documentFile is a line of documents/KIND/N.jsonl.
type documentFile struct {
	ID       string    `json:"id"`
	Revision uint64    `json:"revision"`
	Expires  time.Time `json:"expires,omitzero"`
	Under    string    `json:"under,omitzero"` // the data key of its own that it is kept under
	Body     []byte    `json:"body"`           // base64
	Read     any       `json:"read,omitempty"` // the same where it is JSON, for people
}

// Sizes of files that hold many of something.
const (
	linesOfFile = 10_000
	bytesOfFile = 8 << 20
)

//go:embed archive.md
var archiveReadme string

// archiveWriter writes the files of an archive and remembers their hashes.
type archiveWriter struct {
	tar  *tar.Writer
	sums *bufio.Writer
	sum  io.Writer // of what goes into sums
	at   time.Time
	n    int
}

func (w *archiveWriter) file(name string, body []byte) error {
	if err := w.put(name, body); err != nil {
		return err
	}
	w.n++
	_, err := fmt.Fprintf(io.MultiWriter(w.sums, w.sum), "%x  %s\n", sha256.Sum256(body), name)
	return err
}

func (w *archiveWriter) head(name string, size int64) error {
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.at, Format: tar.FormatPAX})
}

func (w *archiveWriter) put(name string, body []byte) error {
	err := w.head(name, int64(len(body)))
	if err == nil {
		_, err = w.tar.Write(body)
	}
	return err
}

func (w *archiveWriter) json(name string, v any) error {
	raw, err := json.Marshal(v, json.Deterministic(true), jsontext.Multiline(true))
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return w.file(name, append(raw, '\n'))
}

// Write writes the archive, and returns what it says of itself.
func (a *Archive) Write(ctx context.Context, to io.Writer) (about ArchiveAbout, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("archiving: %w", err)
		}
	}()
	sums, err := os.CreateTemp(a.Sums, "indeks-sums-*")
	if err != nil {
		return about, err
	}
	defer os.Remove(sums.Name())
	defer sums.Close()
	zip, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return about, err
	}
	sum := sha256.New()
	w := &archiveWriter{tar: tar.NewWriter(zip), sums: bufio.NewWriter(sums), sum: sum, at: a.At}

	// 1. What it is, and what it takes to read it.
	if about, err = a.about(ctx); err != nil {
		return about, err
	}
	for _, step := range []func(context.Context, *archiveWriter) error{
		func(context.Context, *archiveWriter) error { return w.json(aboutFile, about) },
		func(context.Context, *archiveWriter) error { return w.file(readmeFile, []byte(archiveReadme)) },
		a.keys, a.words, a.courses, a.documents, a.lists,
		// 2. What was awarded, and what became of it.
		a.records, a.book, a.logs, a.private,
	} {
		if err := step(ctx, w); err != nil {
			return about, err
		}
	}

	// 3. The hashes of it all, and the institution's word on them.
	if err := w.sums.Flush(); err != nil {
		return about, err
	}
	size, err := sums.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = sums.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = w.head(sumsFile, size)
	}
	if err == nil {
		_, err = io.Copy(w.tar, sums)
	}
	if err != nil {
		return about, err
	}
	token, err := a.seal([32]byte(sum.Sum(nil)), w.n)
	if err == nil {
		err = w.put(sealFile, token)
	}
	return about, errors.Join(err, w.tar.Close(), zip.Close())
}

// archiveSeal is what is sealed of an archive.
type archiveSeal struct {
	Issuer string    `json:"issuer"`
	At     time.Time `json:"at"`
	Files  int       `json:"files"`
	SHA256 string    `json:"sha256"` // of SHA256SUMS, hexadecimal
}

func (a *Archive) seal(sum [32]byte, files int) ([]byte, error) {
	sealer, err := a.Ring.Sealer()
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(archiveSeal{a.Institution.DID, a.At, files, hex.EncodeToString(sum[:])})
	if err != nil {
		return nil, err
	}
	return sealer.Seal(payload, keys.ArchiveSeal, a.At)
}

func (a *Archive) about(ctx context.Context) (about ArchiveAbout, err error) {
	about = ArchiveAbout{Format: archiveFormat, Version: archiveVersion, Program: a.Program, At: a.At, Issuer: a.Institution.DID,
		PublicBase: a.Institution.PublicBase, VerifierBase: a.Institution.VerifierBase, LegalName: a.Institution.LegalName,
		Documents: map[string]int{}, Private: slices.Sorted(maps.Keys(a.Private))}
	if about.Private == nil {
		about.Private = []string{}
	}
	if about.Summary, err = store.Summarize(ctx, a.Store); err != nil {
		return about, err
	}
	if about.Counters, err = store.CountersOf(ctx, a.Store); err != nil {
		return about, err
	}
	versions, err := a.Store.Courses(ctx)
	if err != nil {
		return about, err
	}
	about.Courses = len(versions)
	a.ended = map[string]bool{}
	for _, kind := range archivedKinds {
		for d, err := range a.archivedDocuments(ctx, kind) {
			if err != nil {
				return about, err
			}
			about.Documents[d.Kind]++
		}
	}
	return about, nil
}

func (a *Archive) courses(ctx context.Context, w *archiveWriter) error {
	versions, err := a.Store.Courses(ctx)
	if err != nil {
		return err
	}
	for n, v := range versions {
		c, err := a.Store.Course(ctx, v.ID, v.Version)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("courses/%05d-%s", n+1, fileName(c.ID+" "+c.Version))
		if err := errors.Join(w.file(name+".course.json", c.JSON), w.json(name+".json", c)); err != nil {
			return err
		}
	}
	return nil
}

// archivedDocuments are those of a kind that are part of an archive.
func (a *Archive) archivedDocuments(ctx context.Context, kind string) iter.Seq2[store.Document, error] {
	return func(yield func(store.Document, error) bool) {
		for d, err := range a.Store.Documents(ctx, kind, "", "") {
			if err == nil {
				var of string // id of the batch that it is part of
				switch kind {
				case kindBatch:
					var b Batch
					if b, err = readBatch(d); err == nil && b.State.Ended() {
						a.ended[b.ID] = true
					}
					of = b.ID
				case kindRows, kindResults:
					of, _, _ = strings.Cut(d.ID, "/")
				case kindLink:
					of = string(d.Body)
				}
				if err == nil && of != "" && !a.ended[of] {
					continue
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

func (a *Archive) documents(ctx context.Context, w *archiveWriter) error {
	for _, kind := range archivedKinds {
		var lines []byte
		n := 0
		flush := func() error {
			if len(lines) == 0 {
				return nil
			}
			n++
			body := lines
			lines = nil
			return w.file(fmt.Sprintf("documents/%s/%06d.jsonl", kind, n), body)
		}
		for d, err := range a.archivedDocuments(ctx, kind) {
			if err != nil {
				return err
			}
			line := documentFile{ID: d.ID, Revision: d.Revision, Expires: d.Expires, Under: d.Under, Body: d.Body}
			if v := jsontext.Value(d.Body); v.IsValid() {
				line.Read = v
			}
			raw, err := json.Marshal(line, json.Deterministic(true))
			if err != nil {
				return err
			}
			lines = append(append(lines, raw...), '\n')
			if len(lines) > bytesOfFile {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return nil
}

func (a *Archive) lists(ctx context.Context, w *archiveWriter) error {
	lists, err := a.Store.Lists(ctx)
	if err != nil {
		return err
	}
	for _, l := range lists {
		kept, err := store.KeptBits(ctx, a.Store, l.ID)
		if err != nil {
			return err
		}
		if l.Published != nil {
			if err := w.file("lists/"+l.ID+".jwt", l.Published); err != nil {
				return err
			}
		}
		if err := w.json("lists/"+l.ID+".json", listFile{l, kept.Encode()}); err != nil {
			return err
		}
	}
	return nil
}

// extensions of tokens, by their form.
var extensions = map[keys.Form]string{keys.JAdES: ".jsonld", keys.DataIntegrity: ".json"}

func tokenName(profile string) string {
	for _, f := range allForms {
		if string(f.profile) == profile {
			return profile + cmp.Or(extensions[f.form], ".jwt")
		}
	}
	return profile + ".token"
}

func (a *Archive) records(ctx context.Context, w *archiveWriter) error {
	n := 0
	for r, err := range store.Archive(ctx, a.Store) {
		if err != nil {
			return err
		}
		n++
		folder := fmt.Sprintf("%s%05d/%08d-%s", credentials, n/1000, n, fileName(r.Number))
		file := recordFile{Record: r.Record, Logged: r.Logged, Payloads: map[string]string{}, Bases: map[string]string{}, Tokens: map[string]string{}, Blind: r.Blind}
		for profile, sum := range r.Payloads {
			file.Payloads[profile] = hex.EncodeToString(sum[:])
		}
		for _, profile := range slices.Sorted(maps.Keys(r.Forms)) {
			form := r.Forms[profile]
			if form.Base != (store.Base{}) {
				file.Bases[profile] = form.Base.String()
			}
			inside := []byte(nil)
			if form.Token != nil {
				name := tokenName(profile)
				file.Tokens[profile] = name
				if err := w.file(folder+"/"+name, form.Token); err != nil {
					return err
				}
				inside, _ = keys.PayloadUnsafe(form.Token) // or it is beside it
			}
			if form.Payload != nil && !bytes.Equal(inside, form.Payload) {
				if err := w.file(folder+"/"+profile+payloadSuffix, form.Payload); err != nil {
					return err
				}
			}
		}
		if err := w.json(folder+recordSuffix, file); err != nil {
			return err
		}
		if a.Each != nil {
			if err := a.Each(r.Record); err != nil {
				return err
			}
		}
	}
	return nil
}

// payloadSuffix names what is sealed and cannot simply be cut out of the token.
const payloadSuffix = ".payload.json"

// book is the protocol book in the order of reservation, for eyes.
func (a *Archive) book(ctx context.Context, w *archiveWriter) error {
	var lines bytes.Buffer
	n, in := 0, 0
	flush := func() error {
		n++
		name := fmt.Sprintf("book/%06d.csv", n)
		body := bytes.Clone(lines.Bytes())
		lines.Reset()
		lines.WriteString(bookLine(bookHead))
		in = 0
		return w.file(name, body)
	}
	lines.WriteString(bookLine(bookHead))
	for r, err := range a.Store.Records(ctx, "") {
		if err != nil {
			return err
		}
		lines.WriteString(bookLine(bookCells(&r, a.At)))
		if in++; in == linesOfFile {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if in > 0 || n == 0 {
		return flush()
	}
	return nil
}

func (a *Archive) private(_ context.Context, w *archiveWriter) error {
	for _, name := range slices.Sorted(maps.Keys(a.Private)) {
		if err := w.file("private/"+name, a.Private[name]); err != nil {
			return err
		}
	}
	return nil
}

// fileName makes a text fit to stand in a file's name everywhere, in few characters.
func fileName(text string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' || r == '.' || r == '_'):
			return r
		}
		return '_'
	}, text)
	return safe[:min(len(safe), 60)]
}
