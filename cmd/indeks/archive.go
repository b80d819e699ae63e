package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"indeks/issuer"
	"indeks/store"
	"indeks/verifier"
)

type exportArchiveCmd struct {
	configFlag
	serverFlag
	Out         string   `help:"File to write. With --server, the server writes to archives in its backup folder." type:"path" placeholder:"FILE"`
	Recipient   []string `help:"Recipients to encrypt to (age1...). Default: those of the backups." placeholder:"age1..."`
	Clear       bool     `help:"Do not encrypt. Anyone who gets the file can read names and dates of birth."`
	PrivateKeys bool     `name:"private-keys" help:"Include the key file and the data keys, still encrypted. They are never in the clear."`
}

func (*exportArchiveCmd) Help() string {
	return `Writes one file (a tar, compressed with gzip and encrypted with age) that contains everything needed to read and
verify the register for decades without this program, and to import it again: all sealed credentials with their
records, the public keys with their periods, status lists, audit log, courses, batches, approvals, recognitions,
and the contexts and code lists that credentials use. The README.md in it explains how to check it with openssl
and jq. Its hashes are sealed with the institution's key.

Erasing data does not change an archive: write a new one and destroy the old one. If the records are in a file,
stop the issuer first, or have its server make the archive with --server.

  indeks export archive --config uni --recipient age1... --out uni.tar.gz.age
  indeks export archive --server http://localhost:8080 --api-key-file key
  age -d -i archive.key uni.tar.gz.age | tar -xz`
}

func (cmd *exportArchiveCmd) Run(ctx context.Context, con console) error {
	if cmd.Server != "" {
		return cmd.askServer(ctx, con)
	}
	// 1. From where, for whom.
	usage := func(text string) error { return &exitError{exitUsage, errors.New(text)} }
	if cmd.Out == "" {
		return usage("--out says where to write the archive")
	}
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	recipients := cmd.Recipient
	if len(recipients) == 0 {
		recipients = c.Backup.Recipients
	}
	switch {
	case cmd.Clear && (len(cmd.Recipient) > 0 || cmd.PrivateKeys):
		return usage("--clear does not go with --recipient or --private-keys")
	case cmd.Clear:
		recipients = nil
	case len(recipients) == 0:
		return usage("the archive names people: --recipient says to whom it is encrypted (indeks keys backup makes a key), --clear that it is not")
	}
	inst, err := c.institution()
	if err != nil {
		return err
	}
	records, err := cmd.read(ctx)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w, or have it make the archive: --server", err)
	}
	if err != nil {
		return err
	}
	defer records.Close()

	// 2. The archive.
	counted, done := countRecords(con, "archiving")
	a := issuer.Archive{Institution: inst, Ring: records.ring, Store: records.Store, Program: version(), At: time.Now().UTC().Truncate(time.Second), Each: counted.add}
	if cmd.PrivateKeys {
		if a.Private, err = c.privateFiles(); err != nil {
			return err
		}
	}
	m, err := a.Make(ctx, cmd.Out, recipients, func(ctx context.Context, ev store.Event) error {
		if err := records.Close(); err != nil {
			return err
		}
		return c.logEvent(ctx, records.learners, ev)
	})
	done()
	if err != nil {
		return err
	}
	sayArchive(con, cmd.Out, m)
	return nil
}

// archivesFolder is where the server puts archives, in the folder for backups.
const archivesFolder = "archives"

// archives is what makes archives for whoever asks the server.
func (h *house) archives() *issuer.ArchiveKeeper {
	c := h.config
	return &issuer.ArchiveKeeper{
		Archive: issuer.Archive{Institution: h.institution, Ring: h.ring, Program: version()},
		Open: func(ctx context.Context) (store.Store, func() error, error) {
			if c.inDatabase() {
				records, err := c.readRecords(ctx, h.learners)
				if err != nil {
					return nil, nil, err
				}
				return records, records.Close, nil
			}
			// A copy, as for a backup: a reader that takes its time holds no writer up.
			path := c.path(c.Issuer.StoreFile) + ".archiving"
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, nil, err
			}
			err := store.Copy(ctx, h.store, path)
			var records store.Store
			if err == nil {
				records, err = store.ReadBolt(path, c.Issuer.StoreID, h.learners)
			}
			if err != nil {
				return nil, nil, errors.Join(err, os.Remove(path))
			}
			return records, func() error { return errors.Join(records.Close(), os.Remove(path)) }, nil
		},
		Log: func(ctx context.Context, ev store.Event) error { return h.store.Append(ctx, ev) },
		Dir: filepath.Join(c.path(c.Backup.Dir), archivesFolder), Recipients: c.Backup.Recipients, Now: time.Now, Warn: slog.Warn,
	}
}

// privateFiles are the files with secrets that an archive may have: each is encrypted.
func (c *Config) privateFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, path := range map[string]string{"keys.age": c.path(c.Issuer.KeysFile), "learners.keys": c.dataKeysFile()} {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the private keys: %w", err)
		}
		files[name] = raw
	}
	return files, nil
}

func sayArchive(con console, path string, m issuer.ArchiveFile) {
	fmt.Fprintf(con.out, "%s: %d records, %d bytes, sha256 %s\n", path, m.Records, m.Bytes, m.SHA256)
	if len(m.Recipients) == 0 {
		fmt.Fprintln(con.out, "It is not encrypted: names and dates of birth can be read in it.")
	}
	if len(m.Private) > 0 {
		fmt.Fprintln(con.out, "It contains the seal keys and the data keys, encrypted with the passphrase of the key file. Keep the passphrase elsewhere.")
	}
}

// askServer has a running server make the archive and waits for it.
func (cmd *exportArchiveCmd) askServer(ctx context.Context, con console) error {
	if cmd.Out != "" || cmd.Recipient != nil || cmd.Clear || cmd.PrivateKeys {
		return &exitError{exitUsage, errors.New("a server writes to its own folder, to the recipients of its backups and without private keys: --server goes with no flag but --api-key-file")}
	}
	method := http.MethodPost
	for {
		var answer struct {
			Running  bool
			Error    string
			Archives []issuer.ArchiveFile
		}
		err := cmd.ask(ctx, method, "/api/v1/archives", nil, &answer)
		switch {
		case err != nil:
			return err
		case answer.Error != "" && !answer.Running:
			return fmt.Errorf("asking the issuer's server: it made no archive: %s", answer.Error)
		case !answer.Running && len(answer.Archives) > 0:
			sayArchive(con, answer.Archives[0].File, answer.Archives[0])
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

type archiveCmd struct {
	Verify archiveVerifyCmd `cmd:"" help:"Verify an archive: check hashes, seal, every credential, records, lists and log against each other."`
}

type archiveVerifyCmd struct {
	File     string   `arg:"" help:"Archive file." type:"existingfile"`
	Identity string   `help:"File with the key to decrypt it." type:"existingfile" placeholder:"KEYFILE"`
	Trust    string   `help:"Trust file that says whose keys they are. Without one, the keys in the archive are believed." type:"existingfile" placeholder:"FILE"`
	TrustKey []string `help:"Key that must have sealed the trust file, as a thumbprint or a JWK." sep:"none" placeholder:"KEY"`
	Work     string   `help:"Folder for temporary files, which take as much space as the register. Default: the system's temporary folder." type:"existingdir" placeholder:"DIR"`
}

func (*archiveVerifyCmd) Help() string {
	return `You do not need the institution or its folder. The verifier opens every token as of the day it was sealed,
without using the network. With --trust it also confirms that the keys belong to the institution. Temporary
files are encrypted with a key in memory and then removed. Exit code 1 if anything contradicts.

  indeks archive verify uni.tar.gz.age --identity archive.key --trust trust.json`
}

func (cmd *archiveVerifyCmd) Run(ctx context.Context, con console) error {
	var trust *verifier.Trust
	if cmd.Trust != "" {
		c := &Config{dir: "."}
		c.Verifier.TrustFile, c.Verifier.TrustKeys = cmd.Trust, cmd.TrustKey
		var err error
		if trust, err = c.trust(); err != nil {
			return err
		}
	}
	file, identity, err := openArchive(cmd.File, cmd.Identity)
	if err != nil {
		return err
	}
	defer file.Close()
	in, err := issuer.OpenArchive(file, identity)
	if err != nil {
		return err
	}
	counted, done := countRecords(con, "verifying")
	report, err := issuer.VerifyArchive(ctx, in, cmd.Work, trust, counted.add)
	done()
	if err != nil {
		return err
	}
	a := report.About
	fmt.Fprintf(con.out, "%s, as of %s: %d files with the hashes that are sealed with key %s.\n", a.Issuer, a.At.Format(time.RFC3339), report.Files, report.KeyID)
	fmt.Fprintf(con.out, "Opened %d tokens of %d records; compared them with %d status lists, %d courses and %d audit logs.\n", report.Tokens, a.Records, len(a.Lists), a.Courses, len(a.Logs))
	if report.Unproven > 0 {
		fmt.Fprintf(con.out, "%d tokens are sealed with a compromised key. Only believe those that a head of the audit log kept elsewhere proves to be older.\n", report.Unproven)
	}
	if trust == nil {
		fmt.Fprintln(con.out, "Whose keys these are was not checked. Use --trust to say whom to believe.")
	}
	for _, err := range report.Wrong {
		fmt.Fprintln(con.err, err)
	}
	if len(report.Wrong) > 0 {
		return fmt.Errorf("verifying %s: %d findings", cmd.File, len(report.Wrong))
	}
	fmt.Fprintln(con.out, "Nothing contradicts.")
	return nil
}

// openArchive opens the file of an archive, and reads what decrypts it.
func openArchive(path, identityFile string) (f *os.File, identity []byte, err error) {
	if identityFile != "" {
		if identity, err = os.ReadFile(identityFile); err != nil {
			return nil, nil, fmt.Errorf("reading the identity: %w", err)
		}
	}
	f, err = os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the archive: %w", err)
	}
	return f, identity, nil
}

type importCmd struct {
	Archive importArchiveCmd `cmd:"" help:"Restore a register from an archive, in an institution's folder that has no records."`
}

type importArchiveCmd struct {
	File        string   `arg:"" help:"Archive file." type:"existingfile"`
	Identity    string   `help:"File with the key to decrypt it." type:"existingfile" placeholder:"KEYFILE"`
	Into        string   `help:"The institution's folder, with indeks.yaml and the key file but no records." required:"" placeholder:"DIR"`
	Lists       []string `help:"The status lists as last published: files, folders or addresses. Use archive if nothing was published after the archive. Use none if they are lost: credentials revoked since then become valid again." required:"" sep:"none" placeholder:"FILE|DIR|URL|archive|none"`
	DataKeys    string   `name:"data-keys" help:"The latest copy of the data keys, if they are not in the folder. Use none if they are lost: data erased since the archive then comes back." placeholder:"FILE|none"`
	SkipNumbers uint64   `help:"Certificate numbers to skip in each series. Use more than were issued since the archive." default:"100000" placeholder:"N"`
}

func (*importArchiveCmd) Help() string {
	return `Never overwrites anything. The archive must belong to this institution and be sealed with a key from its key file,
which also decrypts its contents: put keys.age back first. What happened after the archive is not in it. As with
"indeks restore", none of that is undone or done twice: all status lists are closed, certificate numbers are
skipped, what was revoked since is taken from the published lists, and what was erased since is erased again.

Unlike a backup, an archive is not encrypted inside: if the data keys are lost, new ones are made.

  indeks import archive uni.tar.gz.age --identity archive.key --into uni --lists lists`
}

func (cmd *importArchiveCmd) Run(ctx context.Context, con console) error {
	// 1. An institution with its keys, and no records.
	c, inst, ring, err := readKeyed(cmd.Into)
	if err != nil {
		return err
	}
	path := c.path(c.Issuer.StoreFile)
	if c.inDatabase() {
		path = c.path("import.db")
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("importing: %s is there; move it away, this program does not", path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("importing: %w", err)
	}
	file, identity, err := openArchive(cmd.File, cmd.Identity)
	if err != nil {
		return err
	}
	defer file.Close()

	// 2. The data keys. Those of the folder are the latest.
	imported := false
	if _, err := os.Lstat(c.dataKeysFile()); errors.Is(err, fs.ErrNotExist) {
		defer func() {
			if !imported { // so that the next try asks for them again
				os.Remove(c.dataKeysFile())
			}
		}()
		if err := cmd.putDataKeys(ctx, c, identity); err != nil {
			return err
		}
	}
	secret, err := ring.Secret(dataKeysPurpose)
	if err != nil {
		return err
	}
	learners, err := store.OpenDataKeys(ctx, store.VaultFile(c.dataKeysFile()), secret)
	if errors.Is(err, fs.ErrNotExist) { // none, as was said
		learners, err = store.CreateDataKeys(ctx, store.VaultFile(c.dataKeysFile()), secret)
	}
	if err != nil {
		return fmt.Errorf("%w (%s)", err, c.dataKeysFile())
	}

	// 3. The archive, under another name until it is whole and safe to use.
	work := path + ".importing"
	if err := os.Remove(work); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("importing: %w", err)
	}
	defer os.Remove(work)
	in, err := issuer.OpenArchive(file, identity)
	if err != nil {
		return err
	}
	counted, done := countRecords(con, "importing")
	var made *store.Import
	trust := &verifier.Trust{Version: 1, Issued: time.Now(), Expires: time.Now().AddDate(1, 0, 0), Issuers: []verifier.TrustedIssuer{issuer.TrustEntry(inst, ring)}}
	found, err := issuer.ReadArchive(ctx, in, issuer.ArchiveReading{Trust: trust, Sums: filepath.Dir(path),
		Begin: func(about *issuer.ArchiveAbout) (*store.Import, error) {
			if about.Issuer != inst.DID {
				return nil, fmt.Errorf("it is the register of %s, and this is the house of %s", about.Issuer, inst.DID)
			}
			var err error
			made, err = store.NewImport(work, c.Issuer.StoreID, learners, about.Counters)
			return made, err
		},
		Record: func(r issuer.ArchivedTokens) error { return counted.add(r.Record) },
	})
	done()
	if err != nil && made != nil {
		err = errors.Join(err, made.Abandon())
	}
	if err == nil {
		err = made.Close()
	}
	if err != nil {
		return err
	}

	// 4. What happened since.
	how := store.Restoration{At: time.Now(), Numbers: cmd.SkipNumbers}
	switch {
	case len(cmd.Lists) == 1 && cmd.Lists[0] == "none":
		how.Forget = true
	case len(cmd.Lists) == 1 && cmd.Lists[0] == "archive":
		how.Lists = found.Lists
	default:
		if how.Lists, err = readLists(ctx, cmd.Lists, &inst, ring.Entries()); err != nil {
			return err
		}
	}
	if how.Heads, err = knownHeads(ctx, &inst, ring, c.headFiles()); err != nil {
		return err
	}
	restored, err := store.Restore(ctx, work, c.Issuer.StoreID, learners, how)
	if errors.Is(err, store.ErrListMissing) {
		return fmt.Errorf("%w: give it with --lists", err)
	}
	if err != nil {
		return err
	}

	// 5. The place, which is taken only if it is free.
	where := path
	if c.inDatabase() {
		where = c.recordsName()
		d, err := c.database(learners)
		if err != nil {
			return err
		}
		if _, err := store.BoltToPostgres(ctx, work, d); err != nil {
			return err
		}
	} else if err := errors.Join(os.Link(work, path), syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	if err := c.logEvent(ctx, learners, store.Event{Kind: store.KindImported, Object: "archive", Result: fmt.Sprintf("%d records as of %s", found.About.Records, found.About.At.Format(time.RFC3339))}); err != nil {
		return err
	}
	imported = true
	fmt.Fprintf(con.out, "Imported %s: %d records as of %s, with their hashes, sealed with key %s.\n", where, found.About.Records, found.About.At.Format(time.RFC3339), found.KeyID)
	if cmd.DataKeys == "none" {
		fmt.Fprintln(con.out, "WARNING: new data keys were made. WHAT WAS ERASED SINCE THE ARCHIVE IS THERE AGAIN: erase it again before the issuer is started.")
	}
	sayRestored(con.out, "archive", how, restored)
	fmt.Fprintf(con.out, "\nNext: indeks check --config %[1]s --seals all, then start the issuer.\n", cmd.Into)
	return nil
}

// putDataKeys puts the copy of the data keys that is given where they are looked for.
func (cmd *importArchiveCmd) putDataKeys(ctx context.Context, c *Config, identity []byte) error {
	switch cmd.DataKeys {
	case "":
		return &exitError{exitUsage, errors.New("importing: there are no data keys in the folder: --data-keys names their latest copy, or none where they are lost")}
	case "none":
		return nil
	}
	sealed, err := issuer.UnpackKeys(cmd.DataKeys, identity)
	if err != nil {
		return err
	}
	return store.PutBack(ctx, c.dataKeysFile(), sealed)
}
