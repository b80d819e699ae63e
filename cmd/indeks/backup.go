package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/issuer"
	"indeks/store"
)

type backupCmd struct {
	configFlag
	To         string   `help:"Folder or file to write to. Default: the configured folder." type:"path" placeholder:"DIR|FILE"`
	Recipient  []string `help:"Recipients to encrypt to (age1...). Default: those configured." placeholder:"age1..."`
	Server     string   `help:"Have a running issuer server make it, in its configured folder." placeholder:"URL"`
	APIKeyFile string   `name:"api-key-file" help:"File with an admin's API key, for --server. Default: INDEKS_API_KEY." type:"existingfile" placeholder:"FILE"`
}

func (*backupCmd) Help() string {
	return `Copies the records as they are at one moment, opens the copy, reads all of it, opens tokens with the
published keys, encrypts it, and writes a manifest next to it (FILE.json). The seal keys, the
configuration and the API keys are not in it: keep keys.age, its passphrase and indeks.yaml elsewhere.

A running issuer server holds the records. In that case use --server, or have the server make backups
itself (backup in indeks.yaml).

  indeks keys backup backup.key
  indeks backup --config uni --to /mnt/backups --recipient age1...
  indeks backup --server http://localhost:8080 --api-key-file key`
}

func (cmd *backupCmd) Run(ctx context.Context, con console) error {
	if cmd.Server != "" {
		return cmd.ask(ctx, con)
	}
	// 1. From where, to where, for whom.
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	if err := c.errDatabase("backing up", "pg_basebackup and pg_verifybackup"); err != nil {
		return err
	}
	if cmd.Recipient != nil {
		c.Backup.Recipients = cmd.Recipient
	}
	to := cmd.To
	if to == "" {
		if c.Backup.Dir == "" {
			return &exitError{exitUsage, errors.New("give --to, or backup.dir in " + configName)}
		}
		to = c.path(c.Backup.Dir)
		if err := os.MkdirAll(to, 0o700); err != nil {
			return fmt.Errorf("making the folder for backups: %w", err)
		}
	}
	ring, learners, err := c.unlock(ctx)
	if err != nil {
		return err
	}
	records, err := store.ReadBolt(c.path(c.Issuer.StoreFile), c.Issuer.StoreID, learners)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w, or have it make the backup: --server", err)
	}
	if err != nil {
		return err
	}
	defer records.Close()

	// 2. The backup.
	counted, done := countRecords(con, "checking the copy")
	b := c.backup(records, learners, ring.Entries())
	b.Whole, b.Each = true, counted.add
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, b.Name(time.Now()))
	}
	m, err := b.Make(ctx, to)
	done()
	if err != nil {
		return err
	}
	sayBackup(con.out, to, m)
	if err := records.Close(); err != nil {
		return err
	}
	return c.logEvent(ctx, learners, m.Event())
}

func sayBackup(w io.Writer, path string, m issuer.Manifest) {
	fmt.Fprintf(w, "%s: %d records, %d bytes, %d tokens opened, sha256 %s\n", path, m.Records, m.Bytes, m.Seals, m.SHA256)
	if len(m.Recipients) == 0 {
		fmt.Fprintln(w, "It is not encrypted: names and dates of birth can be read in it. --recipient encrypts.")
	}
}

// askAgain is how often a server is asked whether its backup is made.
const askAgain = 500 * time.Millisecond

// ask has a running server make the backup and waits for it.
func (cmd *backupCmd) ask(ctx context.Context, con console) error {
	if cmd.To != "" || cmd.Recipient != nil {
		return &exitError{exitUsage, errors.New("a server writes to its own folder and recipients: --to and --recipient do not go with --server")}
	}
	key := os.Getenv("INDEKS_API_KEY")
	if cmd.APIKeyFile != "" {
		raw, err := os.ReadFile(cmd.APIKeyFile)
		if err != nil {
			return fmt.Errorf("reading the API key: %w", err)
		}
		key = trimLine(raw)
	}
	method := http.MethodPost
	for {
		answer, err := askBackups(ctx, method, cmd.Server+"/api/v1/backups", key)
		switch {
		case err != nil:
			return fmt.Errorf("asking the issuer's server: %w", err)
		case answer.Error != "" && !answer.Running:
			return fmt.Errorf("asking the issuer's server: it made no backup: %s", answer.Error)
		case !answer.Running && len(answer.Backups) > 0:
			sayBackup(con.out, answer.Backups[0].File, answer.Backups[0])
			return nil
		}
		method = http.MethodGet
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

type backupAnswer struct {
	Running       bool
	Error         string
	Backups       []issuer.Manifest
	Title, Detail string // of a problem
}

func askBackups(ctx context.Context, method, url, key string) (answer backupAnswer, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return answer, &exitError{exitUsage, err}
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(raw, &answer, json.MatchCaseInsensitiveNames(true)); err != nil {
		return answer, fmt.Errorf("it answered %s with something that is not JSON", resp.Status)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return answer, fmt.Errorf("%s: %s", answer.Title, answer.Detail)
	}
	return answer, nil
}
