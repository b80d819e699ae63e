package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"indeks/keys"
	"indeks/store"
)

// DatabaseConfig names a PostgreSQL database that holds the records in place of a
// file, for one or several nodes.
type DatabaseConfig struct {
	// URLFile is a file with its URL, postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full,
	// or the same as key=value. Whoever can read it can write the records.
	URLFile string `yaml:"url_file,omitempty"`
	// Node is the name of this node, of a to z and 0 to 9: each that shares the
	// database has another. Its audit log is published under it.
	Node string `yaml:"node,omitempty"`
	// MaxConns bounds its connections; 16 if not said otherwise.
	MaxConns int `yaml:"max_conns,omitempty"`
}

// inDatabase reports whether the records are in a database.
func (c *Config) inDatabase() bool { return c.Issuer.Database.URLFile != "" }

// checkRecords says why it is not clear where the records are.
func (c *Config) checkRecords() error {
	d := c.Issuer.Database
	switch {
	case !c.inDatabase() && d == (DatabaseConfig{}):
		return nil
	case !c.inDatabase():
		return errors.New("issuer.database: url_file is missing")
	case c.Issuer.StoreFile != "":
		return errors.New("issuer: the records are in store_file or in a database, not in both")
	case d.MaxConns < 0 || d.MaxConns > 1000:
		return fmt.Errorf("issuer.database: max_conns: %d is not 0 to 1000", d.MaxConns)
	}
	return nil
}

// database is the database that the configuration names.
func (c *Config) database(learners *store.DataKeys) (store.PostgresConfig, error) {
	d := c.Issuer.Database
	raw, err := os.ReadFile(c.path(d.URLFile))
	if err != nil {
		return store.PostgresConfig{}, fmt.Errorf("reading the URL of the database: %w", err)
	}
	return store.PostgresConfig{URL: trimLine(raw), StoreID: c.Issuer.StoreID, Keys: learners, Node: d.Node, MaxConns: d.MaxConns, Warn: slog.Warn}, nil
}

// openRecords opens the records to work with them; with nil for the data keys, what
// is personal stays shut.
func (c *Config) openRecords(ctx context.Context, learners *store.DataKeys) (store.Store, error) {
	if !c.inDatabase() {
		return store.OpenBolt(c.path(c.Issuer.StoreFile), c.Issuer.StoreID, learners)
	}
	d, err := c.database(learners)
	if err != nil {
		return nil, err
	}
	s, err := store.OpenPostgres(ctx, d)
	if err == nil && learners != nil {
		// This node's copy of the data keys may be older than what others have erased.
		if err = store.Settle(ctx, s); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, err
}

// readRecords opens the records to read them, those in a database as they are at
// this instant.
func (c *Config) readRecords(ctx context.Context, learners *store.DataKeys) (store.Store, error) {
	if !c.inDatabase() {
		return store.ReadBolt(c.path(c.Issuer.StoreFile), c.Issuer.StoreID, learners)
	}
	d, err := c.database(learners)
	if err != nil {
		return nil, err
	}
	return store.ReadPostgres(ctx, d)
}

// opened are records to be read, with what opens what is personal in them.
type opened struct {
	config   *Config
	ring     *keys.Ring
	learners *store.DataKeys
	store.Store
}

// read opens the records of the configuration to read them.
func (f configFlag) read(ctx context.Context) (*opened, error) {
	c, err := readConfig(f.Config)
	if err != nil {
		return nil, err
	}
	ring, learners, err := c.unlock(ctx)
	if err != nil {
		return nil, err
	}
	records, err := c.readRecords(ctx, learners)
	if err != nil {
		return nil, err
	}
	return &opened{c, ring, learners, records}, nil
}

// recordsName is what messages call the records.
func (c *Config) recordsName() string {
	if c.inDatabase() {
		return "the database of " + c.path(c.Issuer.Database.URLFile)
	}
	return c.path(c.Issuer.StoreFile)
}

// disk is what watches the disk of the records, nil where they are in a database:
// its own host is to be watched.
func (c *Config) disk() *store.Disk {
	if c.inDatabase() {
		return nil
	}
	return &store.Disk{Dir: filepath.Dir(c.path(c.Issuer.StoreFile)), WarnPercent: c.Disk.WarnPercent, StopPercent: c.Disk.StopPercent,
		StopBytes: c.Disk.StopMiB << 20, Reserve: c.Disk.ReserveMiB << 20, Warn: slog.Warn}
}

// errDatabase is for what only a file can be subjected to.
func (c *Config) errDatabase(doing, instead string) error {
	if !c.inDatabase() {
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("%s: the records are in %s, which has means of its own: %s (docs/operations.md, \"Several nodes\")", doing, c.recordsName(), instead)}
}
