package issuer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/keys"
	"indeks/store"
)

// Manifest says what a backup is. It lies beside it, under the backup's name and
// ".json", and holds no personal data.
type Manifest struct {
	Version int       `json:"version"` // of the manifest: 1
	Program string    `json:"program"` // that made it
	At      time.Time `json:"at"`
	store.Summary
	Checked string `json:"checked"` // "records": all of store.Check; "pages": those, the counts and the seals
	Seals   int    `json:"seals"`   // tokens that opened with the published keys

	File       string   `json:"file"`
	Bytes      int64    `json:"bytes"`
	SHA256     string   `json:"sha256"`     // of the file, hexadecimal
	Recipients []string `json:"recipients"` // empty: not encrypted
	Plain      Plain    `json:"plain"`
	// DataKeys is the file beside it without which what is personal cannot be read. All
	// backups of a store have one and the same.
	DataKeys string `json:"data_keys"`
}

// Event tells the audit log of a backup.
func (m *Manifest) Event() store.Event {
	ev := store.Event{Kind: store.KindBackedUp, Object: fmt.Sprintf("%.200s", m.File), Result: fmt.Sprintf("%d records, checked by %s", m.Records, m.Checked)}
	hex.Decode(ev.Digest[:], []byte(m.SHA256))
	return ev
}

// Plain is the store inside a backup.
type Plain struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// What is said of a backup in Manifest.Checked.
const (
	checkedRecords = "records"
	checkedPages   = "pages"
)

// backupSeals is about how many records of a backup have their tokens opened.
const backupSeals = 100

const manifestSuffix = ".json"

// Backup says what is to be copied and how.
type Backup struct {
	Store      store.Store
	Learners   *store.DataKeys // under which what is personal in it is
	Keys       []keys.Entry    // published keys, which must open what is copied; nil: no token is opened
	Work       string          // file beside the store for the unencrypted copy; what an earlier run left there is removed
	StoreID    string
	Recipients []string // none: the backup is not encrypted
	Program    string
	Whole      bool                     // look at every record, not at a sample
	Each       func(store.Record) error // as for store.Check, of those that are looked at
	Now        func() time.Time
}

// Name is what a backup of an instant is called.
func (b *Backup) Name(at time.Time) string {
	name := "indeks-" + at.UTC().Format("20060102T150405.000Z") + ".db"
	if len(b.Recipients) > 0 {
		name += ".age"
	}
	return name
}

// Make writes a backup to path. It is there in full, proven and with its
// manifest, or not at all. Signing keys are never in it: they are not in the
// store. Nor are the data keys: their latest copy takes the place of the one that
// lay beside the backups.
func (b *Backup) Make(ctx context.Context, path string) (m Manifest, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("backing up to %s: %w", path, err)
		}
	}()
	for _, taken := range []string{path, path + manifestSuffix} {
		if _, err := os.Lstat(taken); err == nil {
			return Manifest{}, fmt.Errorf("%s is there already", taken)
		}
	}
	m = Manifest{Version: 1, Program: b.Program, At: b.Now().UTC().Truncate(time.Second), File: filepath.Base(path), Recipients: slices.Clone(b.Recipients)}
	if m.Recipients == nil {
		m.Recipients = []string{}
	}

	// 1. A copy as of one instant, on this machine's disk.
	if err := os.Remove(b.Work); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Manifest{}, err
	}
	if err := store.Copy(ctx, b.Store, b.Work); err != nil {
		return Manifest{}, err
	}
	defer os.Remove(b.Work)

	// 2. The copy must be good before it is called a backup.
	if err := b.prove(ctx, &m); err != nil {
		return Manifest{}, err
	}

	// 3. Encrypted, under another name until it is whole and on disk.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Manifest{}, err
	}
	part := path + ".part"
	defer os.Remove(part)
	if err := b.seal(ctx, part, &m); err != nil {
		return Manifest{}, err
	}
	if err := os.Rename(part, path); err != nil {
		return Manifest{}, err
	}

	// 4. The data keys that it takes to read it.
	if m.DataKeys, err = b.CopyKeys(ctx, filepath.Dir(path)); err != nil {
		os.Remove(path)
		return Manifest{}, err
	}

	// 5. The manifest, without which a backup is no backup.
	raw, err := json.Marshal(m, jsontext.Multiline(true), json.Deterministic(true))
	if err == nil {
		err = writeSynced(part, append(raw, '\n'))
	}
	if err == nil {
		err = os.Rename(part, path+manifestSuffix)
	}
	if err != nil {
		os.Remove(path)
		return Manifest{}, fmt.Errorf("writing the manifest: %w", err)
	}
	return m, syncDir(filepath.Dir(path))
}

// CopyKeys replaces the copy of the data keys in a folder of backups by one of now,
// as every erasure does at once: an older one has the keys of what is erased. It
// returns its name.
func (b *Backup) CopyKeys(ctx context.Context, dir string) (name string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("copying the data keys: %w", err)
		}
	}()
	sealed, err := b.Learners.Sealed(ctx)
	if err != nil {
		return "", err
	}
	name = "data-" + b.Learners.ID() + ".keys"
	var raw bytes.Buffer
	if len(b.Recipients) == 0 {
		raw.Write(sealed)
	} else {
		name += ".age"
		w, err := keys.EncryptBackup(&raw, b.Recipients)
		if err != nil {
			return "", err
		}
		if _, err := w.Write(sealed); err != nil {
			return "", err
		}
		if err := w.Close(); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, name)
	defer os.Remove(path + ".part") // nothing is left to remove after the rename
	if err := writeSynced(path+".part", raw.Bytes()); err != nil {
		return "", err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return "", err
	}
	return name, syncDir(dir)
}

// prove opens the copy as a store, which reads all its pages, counts what is in
// it and compares records with their hashes and seals.
func (b *Backup) prove(ctx context.Context, m *Manifest) error {
	copied, err := store.ReadBolt(b.Work, b.StoreID, b.Learners)
	if err != nil {
		return err
	}
	defer copied.Close()
	if m.Summary, err = store.Summarize(ctx, copied); err != nil {
		return err
	}
	seals := NewSeals(b.Keys, 1)
	each := []func(store.Record) error{}
	if b.Each != nil {
		each = append(each, b.Each)
	}
	every := max(1, m.Records/backupSeals)
	if b.Whole {
		m.Checked = checkedRecords
		if b.Keys != nil {
			seals = NewSeals(b.Keys, every)
			each = append(each, seals.Check)
		}
		found := store.Check(ctx, copied, each...)
		if err := errors.Join(ctx.Err(), errors.Join(found[:min(len(found), 20)]...)); err != nil {
			return fmt.Errorf("checking the copy, %d findings: %w", len(found), err)
		}
	} else {
		m.Checked = checkedPages
		if b.Keys != nil {
			each = append(each, seals.Check)
		}
		n := 0
		for listed, err := range copied.Records(ctx, "") {
			if n++; err == nil && n%every == 0 {
				err = examineOne(ctx, copied, listed.ID, each)
			}
			if err != nil {
				return fmt.Errorf("checking the copy: %w", err)
			}
		}
	}
	m.Seals = seals.Opened()
	return nil
}

func examineOne(ctx context.Context, s store.Store, id string, each []func(store.Record) error) error {
	r, err := s.Get(ctx, id)
	if errors.Is(err, store.ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, check := range each {
		if err := check(r); err != nil {
			return fmt.Errorf("record %s: %w", id, err)
		}
	}
	return nil
}

// seal writes the copy to path, encrypted where there are recipients, and says
// in m what it wrote.
func (b *Backup) seal(ctx context.Context, path string, m *Manifest) error {
	in, err := os.Open(b.Work)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	plain, sealed := sha256.New(), sha256.New()
	var to io.WriteCloser = unclosed{io.MultiWriter(out, sealed)}
	if len(b.Recipients) > 0 {
		if to, err = keys.EncryptBackup(io.MultiWriter(out, sealed), b.Recipients); err != nil {
			return err
		}
	}
	if m.Plain.Bytes, err = io.Copy(io.MultiWriter(to, plain), reading{ctx, in}); err != nil {
		return err
	}
	if err := errors.Join(to.Close(), out.Sync()); err != nil {
		return err
	}
	info, err := out.Stat()
	if err != nil {
		return err
	}
	m.Bytes = info.Size()
	m.SHA256, m.Plain.SHA256 = hex.EncodeToString(sealed.Sum(nil)), hex.EncodeToString(plain.Sum(nil))
	return out.Close()
}

type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// reading reads until ctx ends.
type reading struct {
	ctx context.Context
	r   io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func writeSynced(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ReadManifest reads the manifest of the backup at path; os.ErrNotExist where
// there is none.
func ReadManifest(path string) (Manifest, error) {
	raw, err := os.ReadFile(path + manifestSuffix)
	if err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest %s: %w", path+manifestSuffix, err)
	}
	if m.Version != 1 {
		return Manifest{}, fmt.Errorf("reading the manifest %s: it is of version %d, this program reads 1", path+manifestSuffix, m.Version)
	}
	return m, nil
}

// Backups returns the manifests of the backups of a store in a folder, newest first. What is
// something else is passed over.
func Backups(dir, storeID string) ([]Manifest, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("looking for backups: %w", err)
	}
	found := []Manifest{}
	for _, file := range files {
		name, ok := strings.CutSuffix(file.Name(), manifestSuffix)
		if !ok || !strings.HasPrefix(name, "indeks-") {
			continue
		}
		m, err := ReadManifest(filepath.Join(dir, name))
		if err == nil && m.Store == storeID && m.File == name {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b Manifest) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.File, a.File)) })
	return found, nil
}

// Keep is how long backups are kept: all of the last hours, then the last of
// each day, then the last of each month. All zero: for ever.
type Keep struct {
	Hours  int `yaml:"hours"`
	Days   int `yaml:"days"`
	Months int `yaml:"months"`
}

// expired are those that need not be kept of backups sorted newest first. The
// newest is never among them.
func (k Keep) expired(all []Manifest, now time.Time) []Manifest {
	if k == (Keep{}) {
		return nil
	}
	var old []Manifest
	days, months := map[string]bool{}, map[string]bool{}
	for n, m := range all {
		at := m.At.UTC()
		day, month := at.Format(time.DateOnly), at.Format("2006-01")
		keep := n == 0 ||
			now.Sub(at) < time.Duration(k.Hours)*time.Hour ||
			!days[day] && at.After(now.AddDate(0, 0, -k.Days)) ||
			!months[month] && at.After(now.AddDate(0, -k.Months, 0))
		days[day], months[month] = true, true
		if !keep {
			old = append(old, m)
		}
	}
	return old
}
