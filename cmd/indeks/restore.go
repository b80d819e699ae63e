package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"indeks/issuer"
	"indeks/keys"
	"indeks/store"
)

type restoreCmd struct {
	From        string   `help:"The backup file. Its manifest is expected next to it." type:"existingfile" placeholder:"FILE"`
	Database    bool     `help:"The database with the records has already been restored by its own means. Only make it safe to use."`
	Identity    string   `help:"File with the key to decrypt it." type:"existingfile" placeholder:"KEYFILE"`
	DataKeys    string   `name:"data-keys" help:"The latest copy of the data keys. It is expected next to the backup, and not needed if they are still in the institution's folder." type:"existingfile" placeholder:"FILE"`
	Into        string   `help:"The institution's folder, with indeks.yaml and the key file but no records." required:"" placeholder:"DIR"`
	Lists       []string `help:"The status lists as last published: files, folders or addresses. Use none if they are lost: credentials revoked since the backup then become valid again." required:"" sep:"none" placeholder:"FILE|DIR|URL|none"`
	SkipNumbers uint64   `help:"Certificate numbers to skip in each series. Use more than were issued since the backup." default:"100000" placeholder:"N"`
}

func (*restoreCmd) Help() string {
	return `Replaces lost records with those in a backup, but never overwrites a file. What happened after the backup is
not in it. This command makes sure that none of that is undone or done twice:

  - All status lists are closed, and new ones are opened under IDs that were never used. Certificate numbers
    are skipped. So no place or number given out since then is given out again.
  - What was revoked or put on hold since then is taken from the status lists as last published. They
    are in the folder "lists" next to the backups, with anyone who mirrors the issuer's host, or in caches.
    To restore an older backup again, use a larger --skip-numbers.

  - What was erased since then stays erased: its data keys are destroyed, and its records become the remains
    of erased ones.

The signing keys are not in a backup. Put indeks.yaml, keys.age and api-keys back first. The latest copy of
the data keys is next to the backups.

Restore records in a database by the database's own means. Then use this command with --database to make them
safe before you start any node.

  indeks restore --from indeks-20260701T120000.000Z.db.age --identity backup.key --into uni --lists lists
  indeks restore --database --into uni --lists lists`
}

func (cmd *restoreCmd) Run(ctx context.Context, con console) error {
	// 1. An institution with its keys, and no records.
	c, inst, ring, err := readKeyed(cmd.Into)
	if err != nil {
		return err
	}
	path := c.path(c.Issuer.StoreFile)
	switch {
	case c.inDatabase() && (!cmd.Database || cmd.From != ""):
		return &exitError{exitUsage, fmt.Errorf("restoring: the records are in %s: bring it back by its own means, then give --database in place of --from (docs/operations.md, \"Several nodes\")", c.recordsName())}
	case !c.inDatabase() && (cmd.Database || cmd.From == ""):
		return &exitError{exitUsage, errors.New("restoring: the records are in a file: give --from")}
	case !c.inDatabase():
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("restoring: %s is there; move it away, this program does not", path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("restoring: %w", err)
		}
	}
	how := store.Restoration{At: time.Now(), Numbers: cmd.SkipNumbers, Forget: slices.Equal(cmd.Lists, []string{"none"})}
	if !how.Forget {
		if how.Lists, err = readLists(ctx, cmd.Lists, &inst, ring.Entries()); err != nil {
			return err
		}
	}
	if how.Heads, err = knownHeads(ctx, &inst, ring, append(c.headFiles(), filepath.Join(filepath.Dir(cmd.From), headsFolder))); err != nil {
		return err
	}
	var identity []byte
	if cmd.Identity != "" {
		if identity, err = os.ReadFile(cmd.Identity); err != nil {
			return fmt.Errorf("reading the identity: %w", err)
		}
	}

	// 2. The data keys. Those of the folder are the latest.
	var m issuer.Manifest
	if cmd.From != "" {
		if m, err = issuer.ReadManifest(cmd.From); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	file := c.dataKeysFile()
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		copied := cmd.DataKeys
		if copied == "" && m.DataKeys != "" {
			copied = filepath.Join(filepath.Dir(cmd.From), m.DataKeys)
		}
		if copied == "" {
			return errors.New("restoring: there are no data keys in the folder, and no manifest names their copy: give --data-keys")
		}
		sealed, err := issuer.UnpackKeys(copied, identity)
		if err != nil {
			return err
		}
		if err := store.PutBack(ctx, file, sealed); err != nil {
			return err
		}
	}
	secret, err := ring.Secret(dataKeysPurpose)
	if err != nil {
		return err
	}
	learners, err := store.OpenDataKeys(ctx, store.VaultFile(file), secret)
	if err != nil {
		return fmt.Errorf("%w (%s)", err, file)
	}

	// 3. The records: those in a database where they are, in one transaction,
	if c.inDatabase() {
		d, err := c.database(learners)
		if err != nil {
			return err
		}
		done, err := store.RestorePostgres(ctx, d, how)
		if errors.Is(err, store.ErrListMissing) {
			return fmt.Errorf("%w: give it with --lists, or --lists none if it is lost", err)
		}
		if err != nil {
			return err
		}
		cmd.say(con.out, c.recordsName(), m, how, done)
		return nil
	}
	// those of a file under another name until they are whole and safe to use.
	work := path + ".restoring"
	if err := os.Remove(work); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restoring: %w", err)
	}
	m, err = issuer.Unpack(ctx, cmd.From, identity, work)
	if err != nil {
		return err
	}
	defer os.Remove(work)
	done, err := store.Restore(ctx, work, c.Issuer.StoreID, learners, how)
	if errors.Is(err, store.ErrListMissing) {
		return fmt.Errorf("%w: give it with --lists, or --lists none if it is lost", err)
	}
	if err != nil {
		return err
	}

	// 4. The name, which Link gives only if it is free.
	if err := errors.Join(os.Link(work, path), syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	cmd.say(con.out, path, m, how, done)
	return nil
}

// knownHeads are the heads of audit logs that are kept in folders.
func knownHeads(ctx context.Context, inst *issuer.Institution, ring *keys.Ring, files issuer.HeadFiles) (heads []store.Head, err error) {
	tokens, err := files.Read()
	if err != nil {
		return nil, err
	}
	for _, token := range tokens {
		h, err := inst.OpenHead(ctx, ring, token)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}

func (cmd *restoreCmd) say(w io.Writer, path string, m issuer.Manifest, how store.Restoration, done store.Restored) {
	if cmd.Database {
		fmt.Fprintf(w, "Made safe to use: %s.\n", path)
	} else if m.Version == 0 {
		fmt.Fprintf(w, "Restored %s. There is no manifest beside the backup: its hash was not compared.\n", path)
	} else {
		fmt.Fprintf(w, "Restored %s: %d records as of %s, as the manifest says.\n", path, m.Records, m.At.Format(time.RFC3339))
	}
	sayRestored(w, "backup", how, done)
	fmt.Fprintf(w, `
What was issued after the backup stays valid for whoever holds it, but these records do not have it: it has
no page, cannot be revoked here, and the same request issues it anew under another number. What was
reinstated since is suspended again. Sessions, one-time codes and shares have ended. Accounts, and the addresses
and links of learners, are those of the backup: close again who was closed since.

Next: indeks check --config %[1]s --seals all, then start the issuer.
`, cmd.Into)
}

// sayRestored says what was done so that nothing that happened since a copy is undone or
// done twice.
func sayRestored(w io.Writer, copied string, how store.Restoration, done store.Restored) {
	fmt.Fprintf(w, "\nClosed: status lists %s. The next ones end in -%s. Each series of certificate numbers skips %d.\n", strings.Join(done.Closed, ", "), done.Epoch, how.Numbers)
	if how.Forget {
		fmt.Fprintf(w, "WARNING: no published lists were given. WHAT WAS REVOKED OR SUSPENDED SINCE THE %s IS VALID AGAIN: revoke it again before the issuer is started.\n", strings.ToUpper(copied))
	} else {
		fmt.Fprintf(w, "From the published lists: %d revoked and %d suspended since the %s, %d bits of what was issued since", len(done.Revoked), len(done.Suspended), copied, done.Strange)
		if len(done.Added) > 0 {
			fmt.Fprintf(w, ", lists %s opened since", strings.Join(done.Added, ", "))
		}
		fmt.Fprintln(w, ".")
	}
	if done.Erased > 0 {
		fmt.Fprintf(w, "Erased again: %d records, of which something was erased since the %s.\n", done.Erased, copied)
	}
}

// Limits on what is fetched.
const (
	maxListToken = 3 << 20
	listTimeout  = 10 * time.Second
)

// readLists opens published status lists from files, folders and addresses.
// In a folder, what is not one of ours is an error: a list left out would be a
// revocation forgotten.
func readLists(ctx context.Context, from []string, inst *issuer.Institution, entries []keys.Entry) (lists []store.Publication, err error) {
	add := func(name string, token []byte, err error) error {
		var p store.Publication
		if err == nil {
			p, err = inst.Publication(ctx, entries, token)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		lists = append(lists, p)
		return nil
	}
	for _, name := range from {
		if strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://") {
			token, err := fetchList(ctx, name)
			if err := add(name, token, err); err != nil {
				return nil, err
			}
			continue
		}
		files := []string{name}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(name, "*.jwt")); err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			if len(files) == 0 {
				return nil, fmt.Errorf("reading %s: no status list (*.jwt) is in it", name)
			}
		}
		for _, file := range files {
			token, err := os.ReadFile(file)
			if err := add(file, token, err); err != nil {
				return nil, err
			}
		}
	}
	return lists, nil
}

func fetchList(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vc+jwt")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxListToken))
}
