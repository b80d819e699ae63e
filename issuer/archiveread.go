package issuer

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/keys"
	"indeks/status"
	"indeks/store"
	"indeks/verifier"
)

// ErrArchive is returned for an archive that is cut, was changed, or never was one.
var ErrArchive = errors.New("the archive is damaged, or is none")

// ArchiveReading says how an archive is read.
type ArchiveReading struct {
	// Trust says whom to believe; nil: the keys that the archive itself brings, which shows
	// that nothing was changed and not by whom it was made.
	Trust *verifier.Trust
	// Begin returns the store that the archive is read into.
	Begin func(about *ArchiveAbout) (*store.Import, error)
	// Record, unless nil, is given each record.
	Record func(ArchivedTokens) error
	// Sums is a folder for a temporary file of names and hashes; "": that of the system.
	Sums string
}

// ArchivedTokens is a record of an archive, with the keys that it is to be opened with.
type ArchivedTokens struct {
	store.Archived
	Trust *verifier.Trust
}

// ArchiveRead is what was found in an archive.
type ArchiveRead struct {
	About   ArchiveAbout
	Files   int
	KeyID   string // that it is sealed with
	Sealed  time.Time
	Trust   *verifier.Trust // by which it was opened
	Lists   []store.Publication
	Heads   [][]byte // last head of each audit log
	Private map[string][]byte
}

// Limits on what an archive holds: of one file, which is also that of all files that
// stand in memory until another one says what they are.
const (
	maxArchiveFile = 64 << 20
	maxArchiveName = 300
)

// sections are the parts of an archive in their order.
var sections = []string{aboutFile, readmeFile, "keys/", "contexts/", "shapes/", "vocabularies/", "courses/", "documents/", "lists/", credentials, "book/", logFolder, "private/", sumsFile, sealFile}

// archiveReader reads one archive.
type archiveReader struct {
	ArchiveReading
	ctx   context.Context
	found ArchiveRead
	inst  Institution
	own   trustedKeys
	store *store.Import

	section int
	sums    *bufio.Writer
	course  []byte
	tokens  map[string][]byte // files of the folder of a record
	folder  string
	held    int    // bytes of tokens, or of private files
	list    []byte // token of the next list

	log     logFile // whose files follow
	inLog   bool
	heads   []store.Head
	tiles   [32]byte // running hash of names and bodies
	check   []byte   // checkpoint
	records int
	docs    map[string]int
	courses int
}

// ReadArchive reads an archive as a stream into the store that c.Begin makes, and compares
// all of it with its hashes and their seal. On an error the store is of no use; on nil it
// is to be closed and checked.
func ReadArchive(ctx context.Context, from io.Reader, c ArchiveReading) (found ArchiveRead, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading the archive: %w", err)
		}
	}()
	r := &archiveReader{ArchiveReading: c, ctx: ctx, tokens: map[string][]byte{}, docs: map[string]int{}}
	r.found.Private = map[string][]byte{}
	spool, err := os.CreateTemp(c.Sums, "indeks-sums-*")
	if err != nil {
		return found, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	r.sums = bufio.NewWriter(spool)

	zip, err := gzip.NewReader(from)
	if err != nil {
		return found, fmt.Errorf("%w: it is not packed by gzip", ErrArchive)
	}
	t := tar.NewReader(zip)
	sum := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		head, err := t.Next()
		if err != nil { // also io.EOF: the last file is not reached
			return found, fmt.Errorf("%w: it ends before its seal: %v", ErrArchive, err)
		}
		if err := r.place(head); err != nil {
			return found, err
		}
		switch {
		case head.Name == sumsFile:
			if err := errors.Join(r.endLog(), r.sums.Flush(), sameSums(io.TeeReader(t, sum), spool)); err != nil {
				return found, err
			}
			continue
		case head.Name == sealFile:
			token, err := io.ReadAll(io.LimitReader(t, keys.MaxToken))
			if err == nil {
				err = r.opens(token, [32]byte(sum.Sum(nil)))
			}
			if err == nil {
				err = r.counted()
			}
			if err != nil {
				return found, err
			}
			if _, err := t.Next(); !errors.Is(err, io.EOF) {
				return found, fmt.Errorf("%w: something follows its seal", ErrArchive)
			}
			return r.found, padding(zip)
		case head.Size > maxArchiveFile:
			return found, fmt.Errorf("%w: %s has %d bytes", ErrArchive, head.Name, head.Size)
		}
		body, err := io.ReadAll(t)
		if err != nil {
			return found, fmt.Errorf("%w: %s: %v", ErrArchive, head.Name, err)
		}
		r.found.Files++
		fmt.Fprintf(r.sums, "%x  %s\n", sha256.Sum256(body), head.Name)
		if err := r.file(head.Name, body); err != nil {
			return found, fmt.Errorf("%s: %w", head.Name, err)
		}
	}
}

// padding holds what follows the end of a tar file to be nothing, and to unpack.
func padding(zip io.Reader) error {
	b := make([]byte, 4096)
	for {
		n, err := zip.Read(b)
		switch {
		case len(bytes.Trim(b[:n], "\x00")) > 0:
			return fmt.Errorf("%w: something follows its end", ErrArchive)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%w: %v", ErrArchive, err)
		}
	}
}

// place holds a file to be one, with a name that is none of another folder's, in the
// order of an archive.
func (r *archiveReader) place(head *tar.Header) error {
	name := head.Name
	if head.Typeflag != tar.TypeReg || len(name) > maxArchiveName || name != path.Clean(name) || strings.ContainsAny(name, "\n\\") || !filepath.IsLocal(name) {
		return fmt.Errorf("%w: %.300q is no file of it", ErrArchive, name)
	}
	for n := r.section; n < len(sections); n++ {
		if s := sections[n]; name == s || strings.HasSuffix(s, "/") && strings.HasPrefix(name, s) {
			r.section = n
			return nil
		}
	}
	return fmt.Errorf("%w: %.300q does not belong there", ErrArchive, name)
}

// sameSums compares SHA256SUMS with what was read.
func sameSums(sums io.Reader, spool *os.File) error {
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	said, is := bufio.NewScanner(sums), bufio.NewScanner(spool)
	for {
		more, have := said.Scan(), is.Scan()
		if err := errors.Join(said.Err(), is.Err()); err != nil {
			return fmt.Errorf("%w: %s: %v", ErrArchive, sumsFile, err)
		}
		if more != have || !bytes.Equal(said.Bytes(), is.Bytes()) {
			return fmt.Errorf("%w: %s says %.200q, and the file is %.200q", ErrArchive, sumsFile, said.Text(), is.Text())
		}
		if !more {
			return nil
		}
	}
}

// opens opens the institution's word on the hashes.
func (r *archiveReader) opens(token []byte, sum [32]byte) error {
	opened, err := keys.OpenArchiveSeal(r.ctx, bytes.TrimSpace(token), r.own)
	if err != nil {
		return fmt.Errorf("%w: its seal: %w", ErrArchive, err)
	}
	var said archiveSeal
	if err := json.Unmarshal(opened.Payload, &said, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%w: what is sealed of it is no such word", ErrArchive)
	}
	if said.SHA256 != hex.EncodeToString(sum[:]) || said.Files != r.found.Files || said.Issuer != r.found.About.Issuer || !said.At.Equal(r.found.About.At) {
		return fmt.Errorf("%w: what is sealed is another one", ErrArchive)
	}
	r.found.KeyID, r.found.Sealed = opened.Seals[0].KeyID, opened.Seals[0].SealedAt
	return nil
}

// counted compares what was read with what the archive says that it has.
func (r *archiveReader) counted() error {
	a := &r.found.About
	if r.records != a.Records || r.courses != a.Courses || !maps.Equal(r.docs, a.Documents) {
		return fmt.Errorf("%w: it has %d records, %d courses and documents %v, and says %d, %d and %v", ErrArchive, r.records, r.courses, r.docs, a.Records, a.Courses, a.Documents)
	}
	return nil
}

func readJSON(body []byte, into any) error {
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return nil
}

// file takes one file.
func (r *archiveReader) file(name string, body []byte) error {
	if r.store == nil && name != aboutFile {
		return fmt.Errorf("%w: %s is missing", ErrArchive, aboutFile)
	}
	if r.own == nil && r.section > slices.Index(sections, "keys/") {
		return fmt.Errorf("%w: %s is missing", ErrArchive, trustFile)
	}
	switch section := sections[r.section]; section {
	case aboutFile:
		a := &r.found.About
		if err := readJSON(body, a); err != nil {
			return err
		}
		if a.Format != archiveFormat || a.Version != archiveVersion {
			return fmt.Errorf("%w: it is %.40q of version %d, this program reads %d", ErrArchive, a.Format, a.Version, archiveVersion)
		}
		r.inst = Institution{DID: a.Issuer, PublicBase: a.PublicBase}
		var err error
		r.store, err = r.Begin(a)
		return err
	case "keys/":
		return r.key(name, body)
	case "courses/":
		return r.takeCourse(name, body)
	case "documents/":
		return r.documents(name, body)
	case "lists/":
		return r.takeList(name, body)
	case credentials:
		return r.credential(name, body)
	case logFolder:
		return r.takeLog(name, body)
	case "private/":
		if err := r.endLog(); err != nil {
			return err
		}
		if r.held += len(body); r.held > maxArchiveFile {
			return fmt.Errorf("%w: it has more than %d bytes of private files", ErrArchive, maxArchiveFile)
		}
		r.found.Private[strings.TrimPrefix(name, section)] = body
	}
	return nil
}

// trustedKeys resolves the keys of an institution that a trust file names.
type trustedKeys []keys.PublicKey

func (own trustedKeys) Resolve(_ context.Context, h keys.Header) (*keys.PublicKey, error) {
	for i := range own {
		if k := &own[i]; h.KeyID == k.ID || h.KeyID == k.MultikeyID() {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", keys.ErrUnknownKey, h.KeyID)
}

// OpenTrustedHead opens a head of an audit log with the keys that a trust file has of
// whoever keeps it.
func OpenTrustedHead(ctx context.Context, e *verifier.TrustedIssuer, token []byte) (store.Head, error) {
	inst := Institution{DID: e.ID, PublicBase: strings.TrimSuffix(e.CredentialsURL, "/credentials")}
	return inst.openHead(ctx, trustedKeys(e.Keys), token)
}

func (r *archiveReader) key(name string, body []byte) error {
	if name != trustFile {
		return nil
	}
	r.found.Trust = r.Trust
	if r.found.Trust == nil {
		t, err := verifier.ParseTrust(body)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		r.found.Trust = t
	}
	e := r.found.Trust.ByDID(r.found.About.Issuer)
	if e == nil {
		return fmt.Errorf("nobody vouches for %s in the trust that is given", r.found.About.Issuer)
	}
	r.own = e.Keys
	return nil
}

func (r *archiveReader) takeCourse(name string, body []byte) error {
	if strings.HasSuffix(name, ".course.json") {
		r.course = body
		return nil
	}
	var c store.Course
	if err := readJSON(body, &c); err != nil {
		return err
	}
	c.JSON, r.course = r.course, nil
	r.courses++
	return r.store.Course(c)
}

// eachLine gives each line of a file to do.
func eachLine(body []byte, do func(line []byte) error) error {
	for line := range bytes.Lines(body) {
		if err := do(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
	return nil
}

func (r *archiveReader) documents(name string, body []byte) error {
	kind, _, _ := strings.Cut(strings.TrimPrefix(name, "documents/"), "/")
	if !slices.Contains(archivedKinds, kind) {
		return fmt.Errorf("%w: documents of kind %.40q", ErrArchive, kind)
	}
	return eachLine(body, func(line []byte) error {
		var d documentFile
		if err := readJSON(line, &d); err != nil {
			return err
		}
		r.docs[kind]++
		return r.store.Document(store.Document{Kind: kind, ID: d.ID, Revision: d.Revision, Expires: d.Expires, Under: d.Under, Body: d.Body})
	})
}

func (r *archiveReader) takeList(name string, body []byte) error {
	if strings.HasSuffix(name, ".jwt") {
		r.list = body
		return nil
	}
	var l listFile
	if err := readJSON(body, &l); err != nil {
		return err
	}
	l.Published, r.list = r.list, nil
	if l.Published != nil {
		p, err := r.inst.publication(r.ctx, r.own, l.Published)
		if err != nil {
			return err
		}
		if p.ID != l.ID || p.Purpose != l.Purpose || !p.ValidFrom.Equal(l.ValidFrom) {
			return fmt.Errorf("%w: what is sealed is another list", ErrArchive)
		}
		r.found.Lists = append(r.found.Lists, p)
	}
	kept, err := status.Decode(l.Kept)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return r.store.List(l.List, kept)
}

func (r *archiveReader) credential(name string, body []byte) error {
	folder, file := path.Split(name)
	if folder != r.folder {
		if len(r.tokens) > 0 {
			return fmt.Errorf("%w: %s has no record", ErrArchive, r.folder)
		}
		r.folder = folder
	}
	if "/"+file != recordSuffix {
		if r.held += len(body); r.held > maxArchiveFile {
			return fmt.Errorf("%w: %s has more than %d bytes", ErrArchive, folder, maxArchiveFile)
		}
		r.tokens[file] = body
		return nil
	}
	r.held = 0
	var f recordFile
	if err := readJSON(body, &f); err != nil {
		return err
	}
	a := store.Archived{Record: f.Record, Logged: f.Logged, Blind: f.Blind, Payloads: map[string][sha256.Size]byte{}}
	for profile, text := range f.Payloads {
		sum, err := hex.DecodeString(text)
		if err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("%w: hash of payload %.40q", ErrArchive, profile)
		}
		a.Payloads[profile] = [sha256.Size]byte(sum)
	}
	for profile, form := range a.Forms {
		if a.Erased(store.Register) {
			continue
		}
		if name := f.Tokens[profile]; name != "" {
			form.Token = r.tokens[name]
			delete(r.tokens, name)
		}
		if payload, ok := r.tokens[profile+payloadSuffix]; ok {
			form.Payload = payload
			delete(r.tokens, profile+payloadSuffix)
		} else {
			form.Payload, _ = keys.PayloadUnsafe(form.Token) // or it does not fit its hash
		}
		if text := f.Bases[profile]; text != "" {
			base, err := hex.DecodeString(text)
			if err != nil || len(base) != len(form.Base) {
				return fmt.Errorf("%w: base of payload %.40q", ErrArchive, profile)
			}
			form.Base = store.Base(base)
		}
		a.Forms[profile] = form
	}
	if len(r.tokens) > 0 {
		return fmt.Errorf("%w: %d files beside it that it does not name", ErrArchive, len(r.tokens))
	}
	r.records++
	if err := r.store.Record(a); err != nil {
		return err
	}
	if r.Record == nil {
		return nil
	}
	return r.Record(ArchivedTokens{a, r.found.Trust})
}

// ArchiveName is what an archive of an instant is called.
func ArchiveName(at time.Time, encrypted bool) string {
	return "indeks-archive-" + at.UTC().Format("20060102T150405Z") + ".tar.gz" + map[bool]string{true: ".age"}[encrypted]
}

// OpenArchive opens the file of an archive for ReadArchive, decrypted where it is
// encrypted. The file is the caller's to close.
func OpenArchive(f io.Reader, identity []byte) (io.Reader, error) {
	in := bufio.NewReaderSize(f, 1<<20)
	start, err := in.Peek(64)
	if err != nil {
		return nil, fmt.Errorf("opening the archive: %w: it has %d bytes", ErrArchive, len(start))
	}
	if !keys.IsEncrypted(start) {
		return in, nil
	}
	if identity == nil {
		return nil, errors.New("opening the archive: it is encrypted, and no identity is given")
	}
	clear, err := keys.DecryptBackup(in, identity)
	if err != nil {
		return nil, fmt.Errorf("opening the archive: %w", err)
	}
	return clear, nil
}
