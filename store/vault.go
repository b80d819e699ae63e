package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// VaultFile is a vault in a file, for one process at a time, as the store that it
// belongs to.
func VaultFile(path string) Vault { return &vaultFile{path: path} }

type vaultFile struct {
	path string
	mu   sync.Mutex
}

// maxVault bounds what is read, and written: the keys of some 40 000 erasures lately.
const maxVault = 256 << 20

// A file has its revision, eight bytes big-endian, before what is sealed.
func (f *vaultFile) Load(context.Context) ([]byte, uint64, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxVault+1))
	if err != nil {
		return nil, 0, fmt.Errorf("reading %s: %w", f.path, err)
	}
	if len(raw) < 8 || len(raw) > maxVault {
		return nil, 0, fmt.Errorf("reading %s: %w: %d bytes", f.path, ErrDamaged, len(raw))
	}
	return raw[8:], binary.BigEndian.Uint64(raw), nil
}

func (f *vaultFile) Replace(ctx context.Context, revision uint64, sealed []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", f.path, err)
		}
	}()
	f.mu.Lock()
	defer f.mu.Unlock()

	// 1. What is there must be what was built on.
	_, there, err := f.Load(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if there != revision {
		return fmt.Errorf("%w: it is at %d, not %d", ErrRevision, there, revision)
	}

	// 2. The new one, whole and on disk, before it has the name. A file at path is
	// never replaced by one that was made new.
	temp, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // nothing is left to remove after the rename
	_, err = temp.Write(append(binary.BigEndian.AppendUint64(nil, revision+1), sealed...))
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if revision == 0 {
		return errors.Join(os.Link(temp.Name(), f.path), syncPath(filepath.Dir(f.path)))
	}
	old, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := os.Rename(temp.Name(), f.path); err != nil {
		return err
	}
	if err := syncPath(filepath.Dir(f.path)); err != nil {
		return err
	}

	// 3. The old one is written over, since it has what was destroyed. Where disk or
	// file system write elsewhere instead, it stays until they use the room.
	info, err := old.Stat()
	if err != nil {
		return err
	}
	_, err = io.Copy(old, io.LimitReader(zeros{}, info.Size()))
	return errors.Join(err, old.Sync())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// PutBack makes the file of a vault, where there is none, from what
// [DataKeys.Sealed] gave.
func PutBack(ctx context.Context, path string, sealed []byte) error {
	if !bytes.HasPrefix(sealed, []byte(vaultMagic)) {
		return fmt.Errorf("putting back %s: what is given are no data keys", path)
	}
	return VaultFile(path).Replace(ctx, 0, sealed)
}
