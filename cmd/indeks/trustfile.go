package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/verifier"
)

// trust reads the configured trust file, nil where there is none.
func (c *Config) trust() (*verifier.Trust, error) {
	if c.Verifier.TrustFile == "" {
		return nil, nil
	}
	path := c.path(c.Verifier.TrustFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the trust file: %w", err)
	}
	pinned, err := c.pinned()
	if err != nil {
		return nil, err
	}
	t, err := verifier.OpenTrust(raw, pinned)
	switch {
	case errors.Is(err, verifier.ErrTrustUnsealed):
		return nil, fmt.Errorf("reading the trust file %s: %w; `indeks trust seal` seals it", path, err)
	case errors.Is(err, verifier.ErrTrustUnpinned):
		return nil, fmt.Errorf("reading the trust file %s: %w; name it in verifier.trust_keys, or with --trust-key", path, err)
	case err != nil:
		return nil, fmt.Errorf("reading the trust file %s: %w", path, err)
	case t.Sealed == nil:
		return t, nil
	}
	seen := c.Verifier.TrustSeenFile
	if seen == "" {
		seen = c.Verifier.TrustFile + ".seen"
	}
	if err := noStepBack(c.path(seen), t); err != nil {
		return nil, fmt.Errorf("reading the trust file %s: %w", path, err)
	}
	return t, nil
}

// pinned reads the keys that may seal the trust file.
func (c *Config) pinned() ([]verifier.TrustKey, error) {
	var list []verifier.TrustKey
	for i, text := range c.Verifier.TrustKeys {
		k, err := verifier.ParseTrustKey(text)
		if err != nil {
			return nil, fmt.Errorf("verifier.trust_keys, entry %d: %w", i+1, err)
		}
		list = append(list, k)
	}
	return list, nil
}

// trustSeen is the highest version of a sealed trust file that was believed, and
// the digest of what was sealed.
type trustSeen struct {
	Version int    `json:"version"`
	SHA256  string `json:"sha256"`
}

// noStepBack refuses a trust file that is older than one seen before, or another
// one of the same version, and remembers it otherwise: an old file with a good
// seal would bring back an issuer or a key that has been taken off since.
func noStepBack(path string, t *verifier.Trust) error {
	var last trustSeen
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the first one
	case err != nil:
		return fmt.Errorf("reading the version that was seen before: %w", err)
	default:
		if err := json.Unmarshal(raw, &last, json.RejectUnknownMembers(true)); err != nil {
			return fmt.Errorf("reading the version that was seen before: %s: %w", path, err)
		}
	}
	switch {
	case t.Version < last.Version:
		return fmt.Errorf("it is version %d, and version %d has been seen: an old file was put back. Where that is meant, remove %s", t.Version, last.Version, path)
	case t.Version == last.Version && t.Sealed.SHA256 != last.SHA256:
		return fmt.Errorf("it is another file of version %d than the one seen before. Seal it again, which raises the version", t.Version)
	case t.Version == last.Version:
		return nil
	}
	raw, err = json.Marshal(trustSeen{t.Version, t.Sealed.SHA256})
	if err != nil {
		return err // unreachable: a number and a string
	}
	if err := replaceFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("remembering version %d: %w; verifier.trust_seen_file names another place", t.Version, err)
	}
	return nil
}

// said is what an operator is told of a trust file when a verifier starts.
func said(t *verifier.Trust, path string, now time.Time) string {
	if t == nil {
		return "Trust file: none, so nobody is vouched for."
	}
	until := "until"
	if now.After(t.Expires) {
		until = "ENDED on"
	}
	text := fmt.Sprintf("Trust file %s: version %d of %s, issuers: %d, %s %s; ", path, t.Version, day(t.Issued), len(t.Issuers), until, day(t.Expires))
	if t.Sealed == nil {
		return text + "not sealed, so whoever can write it decides whom this verifier trusts."
	}
	return text + "sealed with " + t.Sealed.Key + "."
}

// renew makes a changed trust file the next one, for a year.
func renew(t *verifier.Trust, now time.Time) {
	t.Version++
	t.Issued = now.UTC().Truncate(time.Second)
	t.Expires = t.Issued.AddDate(1, 0, 0)
}

// writeTrust writes a plain trust file in place of the one that was read as old,
// nil where there was none. What it writes can be read again.
func writeTrust(path string, t *verifier.Trust, old []byte) error {
	raw, err := t.MarshalJSON()
	if err != nil {
		return err
	}
	if _, err := verifier.ParseTrust(raw); err != nil {
		return fmt.Errorf("writing the trust file: it would not be one any more: %w", err)
	}
	if current, err := os.ReadFile(path); !errors.Is(err, fs.ErrNotExist) && (err != nil || !bytes.Equal(current, old)) {
		return errors.Join(fmt.Errorf("writing the trust file: another program has changed %s meanwhile; nothing was written", path), err)
	}
	if err := replaceFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the trust file: %w", err)
	}
	return nil
}

// updateTrust brings the institution's own entry into the configured trust file,
// and says what it did. A sealed file is not ours to change: the entry is
// written beside it, for whoever seals it.
func (c *Config) updateTrust(entry verifier.TrustedIssuer) (string, error) {
	path := c.path(c.Verifier.TrustFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the trust file: %w", err)
	}
	if verifier.IsSealedTrust(raw) {
		own := verifier.Trust{Issuers: []verifier.TrustedIssuer{entry}}
		renew(&own, time.Now())
		path = filepath.Join(filepath.Dir(path), "issuer-entry.json")
		old, _ := os.ReadFile(path)
		if err := writeTrust(path, &own, old); err != nil {
			return "", err
		}
		return fmt.Sprintf("The trust file is sealed. Wrote this institution's entry to %s: give it to whoever seals the file (`indeks trust add`).", path), nil
	}
	t, err := verifier.ParseTrust(raw)
	if err != nil {
		return "", fmt.Errorf("reading the trust file %s: %w", path, err)
	}
	if _, err := t.Put(entry, false); err != nil {
		return "", fmt.Errorf("changing the trust file: %w", err)
	}
	renew(t, time.Now())
	if err := writeTrust(path, t, raw); err != nil {
		return "", err
	}
	return fmt.Sprintf("Wrote %s anew; give it to the verifiers.", path), nil
}

// trustChanged is updateTrust for a running issuer.
func (c *Config) trustChanged(entry verifier.TrustedIssuer) error {
	if c.Verifier.TrustFile == "" {
		return nil
	}
	wrote, err := c.updateTrust(entry)
	if err == nil {
		slog.Info("the keys have changed: give their entry to the verifiers", "trust", wrote)
	}
	return err
}

// replaceFile writes a file in one step: whatever happens, the old one or the
// new one is there in full.
func replaceFile(path string, raw []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // nothing is left to remove after the rename
	_, err = file.Write(raw)
	if err := errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
