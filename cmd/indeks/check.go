package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"indeks/issuer"
	"indeks/store"
)

type checkCmd struct {
	configFlag
	Seals string `help:"Open the token of one record in this many; all or none." default:"100" placeholder:"N"`
	Store string `help:"File to read instead of the configured one, such as a copy." type:"existingfile" placeholder:"FILE"`
}

func (*checkCmd) Help() string {
	return `Reads every page of the store, every record with its hashes, the indexes and the status lists, and opens
tokens with the institution's published keys. It changes nothing. If anything is damaged, it names it and
the exit code is 1.

A running issuer server holds the records. It reads them itself once a day, and /readyz shows what it
found. Records in a database can be read while it runs. You need the passphrase of the key file.

  indeks check --config uni
  indeks check --config uni --seals all`
}

func (cmd *checkCmd) Run(ctx context.Context, con console) error {
	// 1. What is to be read, and with which keys.
	every, err := sealsFlag(cmd.Seals)
	if err != nil {
		return err
	}
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	ring, learners, err := c.unlock(ctx)
	if err != nil {
		return err
	}

	// 2. Opening a file reads every page; a database is read as it is at this instant.
	start := time.Now()
	path := c.recordsName()
	open := c.readRecords
	if cmd.Store != "" {
		path = cmd.Store
		open = func(_ context.Context, learners *store.DataKeys) (store.Store, error) {
			return store.ReadBolt(path, c.Issuer.StoreID, learners)
		}
	}
	records, err := open(ctx, learners)
	if err != nil {
		return err
	}
	defer records.Close()

	// 3. Everything in it.
	seals := issuer.NewSeals(ring.Entries(), every)
	counted, done := countRecords(con, "checking")
	var unrecorded atomic.Int64
	found := store.Check(ctx, records, counted.add, seals.Check, func(r store.Record) error {
		if r.Course != "" && r.Assessment == nil {
			unrecorded.Add(1)
		}
		return nil
	})
	done()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("checking %s: broken off after %d records: %w", path, counted.Load(), err)
	}
	for _, err := range found {
		fmt.Fprintln(con.err, err)
	}
	took := time.Since(start)
	fmt.Fprintf(con.out, "Read %d records in %s, opened %d tokens.\n", counted.Load(), took.Round(time.Millisecond), seals.Opened())
	if n := unrecorded.Load(); n > 0 {
		fmt.Fprintf(con.out, "For %d awards from an earlier version, it is not recorded how they were assessed.\n", n)
	}
	if len(found) > 0 {
		return fmt.Errorf("checking %s: %d findings; keep everything as it is and restore the last backup beside it", path, len(found))
	}
	fmt.Fprintln(con.out, "Nothing is damaged.")
	return nil
}

// sealsFlag reads a number, all or none.
func sealsFlag(s string) (every int, err error) {
	switch s {
	case "all":
		return 1, nil
	case "none":
		return 0, nil
	}
	if every, err = strconv.Atoi(s); err != nil || every < 0 {
		return 0, &exitError{exitUsage, fmt.Errorf("--seals %q: expected a number, all or none", s)}
	}
	return every, nil
}

// counter counts records, for [store.Check].
type counter struct {
	atomic.Int64
	bar *progressbar.ProgressBar
}

func (c *counter) add(store.Record) error {
	c.Add(1)
	return c.bar.Add(1)
}

// countRecords counts with a line on the terminal, which done takes away.
func countRecords(con console, doing string) (c *counter, done func()) {
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(con.err), progressbar.OptionSetDescription(doing),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetVisibility(isTerminal(con.err)), progressbar.OptionThrottle(100*time.Millisecond))
	return &counter{bar: bar}, func() { bar.Finish() }
}
