package issuer

import (
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
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/keys"
	"indeks/store"
)

// ArchiveFile says what the file of an archive is. It holds no personal data.
type ArchiveFile struct {
	File       string    `json:"file"`
	At         time.Time `json:"at"`
	Records    int       `json:"records"`
	Bytes      int64     `json:"bytes"`
	SHA256     string    `json:"sha256"`     // of the file, hexadecimal
	Recipients []string  `json:"recipients"` // empty: not encrypted
	Private    []string  `json:"private"`    // names of files with secrets in it
}

// Make writes an archive to a file at path, for its owner alone, encrypted where there
// are recipients. Under its name it is there in full and on disk, or not at all: log
// is told of it first, so that nothing leaves the house that the audit log does not
// tell of. Secrets are written only to recipients.
func (a *Archive) Make(ctx context.Context, path string, recipients []string, log func(ctx context.Context, ev store.Event) error) (m ArchiveFile, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("archiving to %s: %w", path, err)
		}
	}()
	if len(recipients) == 0 && len(a.Private) > 0 {
		return m, errors.New("private keys are written to an age recipient only")
	}
	if _, err := os.Lstat(path); err == nil {
		return m, os.ErrExist
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return m, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	sum := sha256.New()
	var to io.WriteCloser = unclosed{io.MultiWriter(writing{ctx, file}, sum)}
	if len(recipients) > 0 {
		if to, err = keys.EncryptBackup(io.MultiWriter(writing{ctx, file}, sum), recipients); err != nil {
			return m, err
		}
	}
	if a.Sums == "" {
		a.Sums = filepath.Dir(path)
	}
	about, err := a.Write(ctx, to)
	if err == nil {
		err = errors.Join(to.Close(), file.Sync())
	}
	if err != nil {
		return m, err
	}
	info, err := file.Stat()
	if err != nil {
		return m, err
	}
	m = ArchiveFile{filepath.Base(path), a.At, about.Records, info.Size(), hex.EncodeToString(sum.Sum(nil)), recipients, about.Private}
	ev := store.Event{Kind: store.KindExported, Object: "archive", Result: fmt.Sprintf("%d records, %d recipients", m.Records, len(recipients))}
	if len(m.Private) > 0 {
		ev.Result += ", with private keys"
	}
	hex.Decode(ev.Digest[:], []byte(m.SHA256))
	if err := log(ctx, ev); err != nil {
		return m, err
	}
	// Link gives the name only if it is free.
	return m, errors.Join(file.Close(), os.Link(file.Name(), path), syncDir(filepath.Dir(path)))
}

// writing writes until ctx ends.
type writing struct {
	ctx context.Context
	w   io.Writer
}

func (w writing) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

// ArchiveKeeper makes archives of a running issuer when it is asked to, one at a time.
type ArchiveKeeper struct {
	// Open returns the records as they are at an instant, and what ends their use.
	Open       func(ctx context.Context) (records store.Store, close func() error, err error)
	Archive    Archive // but for Store and At
	Log        func(ctx context.Context, ev store.Event) error
	Dir        string
	Recipients []string // at least one
	Now        func() time.Time
	Warn       func(msg string, args ...any)

	once  sync.Once
	asked chan store.Actor

	mu      sync.Mutex
	waiting bool
	failed  error
}

func (k *ArchiveKeeper) ask() chan store.Actor {
	k.once.Do(func() { k.asked = make(chan store.Actor, 1) })
	return k.asked
}

// Ask has an archive made now, on behalf of the actor of ctx; while one is being made it
// is that one. Run must be running.
func (k *ArchiveKeeper) Ask(ctx context.Context) {
	asked := k.ask()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.waiting {
		k.waiting = true
		asked <- store.ActorOf(ctx)
	}
}

// State reports whether an archive is being made, which there are, newest first, and
// why the last one failed.
func (k *ArchiveKeeper) State() (running bool, made []ArchiveFile, failed error) {
	k.mu.Lock()
	running, failed = k.waiting, k.failed
	k.mu.Unlock()
	files, _ := filepath.Glob(filepath.Join(k.Dir, "indeks-archive-*"+manifestSuffix)) // the pattern is sound
	made = []ArchiveFile{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		var m ArchiveFile
		if err == nil {
			err = json.Unmarshal(raw, &m)
		}
		if err == nil && m.File == strings.TrimSuffix(filepath.Base(file), manifestSuffix) {
			made = append(made, m)
		}
	}
	slices.SortFunc(made, func(a, b ArchiveFile) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.File, a.File)) })
	return running, made, failed
}

// Run makes archives until ctx ends, and returns nil then.
func (k *ArchiveKeeper) Run(ctx context.Context) error {
	asked := k.ask()
	for {
		var by store.Actor
		select {
		case <-ctx.Done():
			return nil
		case by = <-asked:
		}
		err := k.make(store.Acting(ctx, by))
		if err != nil && ctx.Err() == nil {
			k.Warn("no archive was made", "error", err)
		}
		k.mu.Lock()
		k.waiting, k.failed = false, err
		k.mu.Unlock()
	}
}

func (k *ArchiveKeeper) make(ctx context.Context) error {
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return err
	}
	records, end, err := k.Open(ctx)
	if err != nil {
		return err
	}
	a := k.Archive
	a.Store, a.At = records, k.Now().UTC().Truncate(time.Second)
	path := filepath.Join(k.Dir, ArchiveName(a.At, true))
	m, err := a.Make(ctx, path, k.Recipients, k.Log)
	if err := errors.Join(err, end()); err != nil {
		return err
	}
	raw, err := json.Marshal(m, json.Deterministic(true), jsontext.Multiline(true))
	if err != nil {
		return err
	}
	return errors.Join(writeSynced(path+manifestSuffix, append(raw, '\n')), syncDir(k.Dir))
}
