package issuer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"

	"indeks/keys"
	"indeks/status"
	"indeks/store"
)

// ErrBackupDiffers is returned by Unpack where a backup is not what its manifest
// says.
var ErrBackupDiffers = errors.New("the backup is not what its manifest says")

// Unpack decrypts the backup at path into a new file, flushed to disk, and
// compares both with the manifest beside it; os.ErrNotExist for the manifest is
// no error: then the zero Manifest is returned and nothing was compared. What
// is wrong leaves no file.
func Unpack(ctx context.Context, path string, identity []byte, to string) (m Manifest, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("unpacking %s: %w", path, err)
		}
	}()
	m, err = ReadManifest(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Manifest{}, err
	}
	in, err := os.Open(path)
	if err != nil {
		return Manifest{}, err
	}
	defer in.Close()

	// 1. Encrypted or not.
	sealed, plain := sha256.New(), sha256.New()
	all := io.TeeReader(reading{ctx, in}, sealed)
	start := make([]byte, 64)
	n, err := io.ReadFull(all, start)
	if err != nil {
		return Manifest{}, fmt.Errorf("it has %d bytes", n)
	}
	from := io.MultiReader(bytes.NewReader(start), all)
	if keys.IsEncrypted(start) {
		if identity == nil {
			return Manifest{}, errors.New("it is encrypted, and no identity is given")
		}
		if from, err = keys.DecryptBackup(from, identity); err != nil {
			return Manifest{}, err
		}
	}

	// 2. The store that is in it.
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Manifest{}, err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			os.Remove(to)
		}
	}()
	if _, err := io.Copy(io.MultiWriter(out, plain), from); err != nil {
		return Manifest{}, fmt.Errorf("it is damaged: %w", err)
	}
	if _, err := io.Copy(io.Discard, all); err != nil {
		return Manifest{}, err
	}
	if m.Version > 0 && (hex.EncodeToString(sealed.Sum(nil)) != m.SHA256 || hex.EncodeToString(plain.Sum(nil)) != m.Plain.SHA256) {
		return Manifest{}, ErrBackupDiffers
	}
	return m, out.Sync()
}

// UnpackKeys decrypts a copy of the data keys, for [store.PutBack].
func UnpackKeys(path string, identity []byte) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("unpacking the data keys: %w", err)
	}
	if !keys.IsEncrypted(raw) {
		return raw, nil
	}
	if identity == nil {
		return nil, fmt.Errorf("unpacking the data keys %s: they are encrypted, and no identity is given", path)
	}
	from, err := keys.DecryptBackup(bytes.NewReader(raw), identity)
	if err == nil {
		raw, err = io.ReadAll(from)
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking the data keys %s: %w", path, err)
	}
	return raw, nil
}

// Publication opens a status list that this institution has published, with the
// keys that it publishes: what stands in it was said by us.
func (i *Institution) Publication(ctx context.Context, entries []keys.Entry, token []byte) (store.Publication, error) {
	return i.publication(ctx, ownKeys(entries), token)
}

func (i *Institution) publication(ctx context.Context, own keys.Resolver, token []byte) (store.Publication, error) {
	token = bytes.TrimSpace(token)
	opened, err := keys.Open(ctx, token, own)
	if err != nil {
		return store.Publication{}, fmt.Errorf("opening the status list: %w", err)
	}
	var cred statusCredential
	if err := json.Unmarshal(opened.Payload, &cred); err != nil {
		return store.Publication{}, errors.New("opening the status list: what is sealed is no status list")
	}
	id, ours := strings.CutPrefix(cred.ID, i.listURL(""))
	switch {
	case !ours || id == "" || cred.Issuer != i.DID:
		return store.Publication{}, fmt.Errorf("opening the status list: %.200q is none of ours", cred.ID)
	case cred.Subject.StatusPurpose != status.Revocation && cred.Subject.StatusPurpose != status.Suspension:
		return store.Publication{}, fmt.Errorf("opening the status list %s: its purpose is %.40q", id, cred.Subject.StatusPurpose)
	case cred.ValidFrom.IsZero():
		return store.Publication{}, fmt.Errorf("opening the status list %s: it has no time", id)
	}
	bits, err := status.Decode(cred.Subject.EncodedList)
	if err != nil {
		return store.Publication{}, fmt.Errorf("opening the status list %s: %w", id, err)
	}
	return store.Publication{ID: id, Purpose: cred.Subject.StatusPurpose, Bits: bits, Token: token, ValidFrom: cred.ValidFrom}, nil
}

// MirrorLists writes status lists to a folder (ID.jwt), where a restoration finds
// what was revoked after the last backup. It is for Config.Mirror.
func MirrorLists(dir string) func(list string, token []byte) error {
	return func(list string, token []byte) error {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		path := filepath.Join(dir, list+".jwt")
		part := path + ".part"
		if err := writeSynced(part, token); err != nil {
			return err
		}
		return errors.Join(os.Rename(part, path), syncDir(dir))
	}
}
