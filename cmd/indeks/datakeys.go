package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"indeks/keys"
	"indeks/store"
)

// dataKeysPurpose is what the secret of the data keys is derived for.
const dataKeysPurpose = "data keys of learners"

// dataKeysFile is where the data keys lie.
func (c *Config) dataKeysFile() string {
	if c.Issuer.DataKeysFile != "" {
		return c.path(c.Issuer.DataKeysFile)
	}
	return c.path(c.Issuer.StoreFile) + ".keys"
}

// unlock opens the key file, and with it the data keys of the records.
func (c *Config) unlock(ctx context.Context) (*keys.Ring, *store.DataKeys, error) {
	ring, err := c.ring()
	if err != nil {
		return nil, nil, err
	}
	learners, err := c.dataKeys(ctx, ring)
	return ring, learners, err
}

// dataKeys opens the data keys of the records. Where there are none and the records
// are of a version that had none, they are made: records that come from now on are
// under them, and those that are there after `indeks compact`.
func (c *Config) dataKeys(ctx context.Context, ring *keys.Ring) (*store.DataKeys, error) {
	secret, err := ring.Secret(dataKeysPurpose)
	if err != nil {
		return nil, err
	}
	path := c.dataKeysFile()
	vault := store.VaultFile(path)
	k, err := store.OpenDataKeys(ctx, vault, secret)
	if errors.Is(err, fs.ErrNotExist) {
		if c.inDatabase() {
			return nil, fmt.Errorf("opening %s: it is missing, and without it nobody can read what is personal in the records; put back its latest copy, which the other nodes have", path)
		}
		records := c.path(c.Issuer.StoreFile)
		under, err := store.UnderDataKeys(records, c.Issuer.StoreID)
		switch {
		case err != nil:
			return nil, err
		case under:
			return nil, fmt.Errorf("opening %s: it is missing, and without it nobody can read what is personal in %s; put back its latest copy, which lies beside the backups", path, records)
		}
		if k, err = store.CreateDataKeys(ctx, vault, secret); err != nil {
			return nil, err
		}
		slog.Warn("data keys are made: copy this file and that of the seal keys to another place, and run `indeks compact` to encrypt earlier records", "file", path)
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	return k, nil
}
