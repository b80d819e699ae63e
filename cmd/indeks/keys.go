package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"indeks/issuer"
	"indeks/keys"
)

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Create a key with a self-signed certificate and seal with it from now on."`
	List   keysListCmd   `cmd:"" help:"List all keys with their periods."`
	Import keysImportCmd `cmd:"" help:"Import a key and certificate from a PKCS#12 file and seal with it from now on."`
	Retire keysRetireCmd `cmd:"" help:"Stop sealing with a key. What it has sealed stays valid."`
	Revoke keysRevokeCmd `cmd:"" help:"Mark a key as compromised. What it sealed can no longer be confirmed."`
	Log    keysLogCmd    `cmd:"" help:"Create a key that signs the audit log, and nothing else, from now on."`
	Backup keysBackupCmd `cmd:"" help:"Create a key that decrypts backups. It does not seal anything and is not part of the key file."`
	API    keysAPICmd    `cmd:"" name:"api" help:"Create an API key for a person or a program. It does not seal anything and is not part of the key file."`
}

func (*keysCmd) Help() string {
	return `Keys are never deleted. A retired key stays published with its period, so that what it sealed can be
verified for ever. A running issuer notices within 15 seconds that a key was compromised. It takes up other
changes then too, or when it is restarted. Verifiers learn of changes from the trust file, which these
commands write again next to the configuration.`
}

// What a running issuer makes of a change of its keys.
const (
	atStart  = "Start a running issuer again, for it to take that up."
	byItself = "A running issuer takes that up within 15 seconds; of several, the other nodes stop sealing with the key as soon, and want this key file."
)

// change opens the ring, does something to it, writes the trust file anew and says what
// a running issuer makes of it.
func (cmd configFlag) change(con console, then string, do func(c *Config, ring *keys.Ring, did string) (string, error)) error {
	c, inst, ring, err := readKeyed(cmd.Config)
	if err != nil {
		return err
	}
	said, err := do(c, ring, inst.DID)
	if err != nil {
		return err
	}
	fmt.Fprintln(con.out, said)
	if c.Verifier.TrustFile != "" {
		wrote, err := c.updateTrust(issuer.TrustEntry(inst, ring))
		if err != nil {
			return err
		}
		fmt.Fprintln(con.out, wrote)
	}
	fmt.Fprintln(con.out, then)
	return nil
}

type keysNewCmd struct {
	configFlag
	Alg string `help:"Algorithm." enum:"ES256,ES384,EdDSA,PS256,RS256" default:"ES256"`
}

func (cmd *keysNewCmd) Run(con console) error {
	return cmd.change(con, atStart, func(c *Config, ring *keys.Ring, did string) (string, error) {
		entry, err := ring.Add(did, c.newKey(keys.Algorithm(cmd.Alg), time.Now()))
		if err != nil {
			return "", err
		}
		return "Made " + entry.Public.ID + "; it seals from now on. Its certificate is self-signed, not qualified.", nil
	})
}

type keysLogCmd struct{ configFlag }

func (*keysLogCmd) Help() string {
	return `If others get hold of the key for credentials, verifiers only believe what it sealed if the audit log proves
that it is older, under a head signed by another key. So you need this key before that happens. Institutions
created with this version have one. Give the trust file to the verifiers again.`
}

func (cmd *keysLogCmd) Run(con console) error {
	return cmd.change(con, atStart, func(c *Config, ring *keys.Ring, did string) (string, error) {
		entry, err := ring.AddLog(did, c.newKey("", time.Now()))
		if err != nil {
			return "", err
		}
		return "Made " + entry.Public.ID + "; it signs the audit log from now on, and nothing else.", nil
	})
}

type keysListCmd struct{ configFlag }

func (cmd *keysListCmd) Run(con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	ring, err := c.ring()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tALG\tFROM\tUNTIL\tSTATE\tCERTIFICATE")
	for _, e := range slices.Concat(ring.Entries(), ring.LogEntries()) {
		state, until := "retired", day(e.Public.NotAfter)
		switch {
		case !e.Public.CompromisedAt.IsZero():
			state, until = "revoked", day(e.Public.CompromisedAt)
		case e.Active && slices.Contains(e.Public.Purposes, keys.LogPurpose):
			state = "signs the log"
		case e.Active:
			state = "seals"
		}
		certificate := "none"
		if crt := e.Public.Certificate; crt != nil {
			certificate = crt.Subject.CommonName + ", until " + day(crt.NotAfter)
			if keys.SelfSigned(crt) {
				certificate += ", self-signed"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Public.ID, e.Public.Alg, day(e.Created), until, state, certificate)
	}
	return w.Flush()
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02")
}

type keysImportCmd struct {
	configFlag
	File           string `arg:"" help:"PKCS#12 file (.p12, .pfx)." type:"existingfile"`
	PassphraseFile string `help:"File with its passphrase. Default: INDEKS_PKCS12_PASSPHRASE." type:"existingfile" placeholder:"FILE"`
}

func (cmd *keysImportCmd) Run(con console) error {
	p12, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the PKCS#12 file: %w", err)
	}
	pass := os.Getenv("INDEKS_PKCS12_PASSPHRASE")
	if cmd.PassphraseFile != "" {
		raw, err := os.ReadFile(cmd.PassphraseFile)
		if err != nil {
			return fmt.Errorf("reading the passphrase of the PKCS#12 file: %w", err)
		}
		pass = trimLine(raw)
	}
	return cmd.change(con, atStart, func(c *Config, ring *keys.Ring, did string) (string, error) {
		entry, err := ring.Import(did, p12, pass, time.Now())
		if err != nil {
			return "", fmt.Errorf("importing %s: %w", cmd.File, err)
		}
		id := keys.OrganizationIdentifier(entry.Public.Certificate)
		said := fmt.Sprintf("Imported %s (%s); it seals from now on.", entry.Public.ID, entry.Public.Certificate.Subject)
		if id != c.Institution.OrganizationID {
			said += fmt.Sprintf("\nWarning: its certificate names the organisation %q, the configuration %q: verifiers would refuse what it seals. Correct institution.organization_id.", id, c.Institution.OrganizationID)
		}
		return said, nil
	})
}

type keysRetireCmd struct {
	configFlag
	Key string `arg:"" help:"Key ID, as shown by keys list."`
}

func (cmd *keysRetireCmd) Run(con console) error {
	return cmd.change(con, atStart, func(_ *Config, ring *keys.Ring, _ string) (string, error) {
		return "Retired " + cmd.Key + ". It stays published.", ring.Retire(cmd.Key, time.Now())
	})
}

type keysRevokeCmd struct {
	configFlag
	Key    string    `arg:"" help:"Key ID, as shown by keys list."`
	At     time.Time `help:"When it was compromised (RFC 3339). Default: now." placeholder:"2026-01-31T00:00:00Z"`
	Reason string    `help:"Reason, for the record." required:""`
}

func (cmd *keysRevokeCmd) Run(ctx context.Context, con console) error {
	if err := issuer.CheckReason("reason", cmd.Reason); err != nil {
		return err
	}
	at := cmd.At
	if at.IsZero() {
		at = time.Now()
	}
	return cmd.change(con, byItself, func(_ *Config, ring *keys.Ring, _ string) (string, error) {
		if slices.ContainsFunc(ring.LogEntries(), func(e keys.Entry) bool { return e.Public.ID == cmd.Key }) {
			return "Revoked " + cmd.Key + ". What it signed proves nothing any more. Make another one: indeks keys log", ring.Revoke(cmd.Key, at, cmd.Reason)
		}
		return "Revoked " + cmd.Key + ". Of what it sealed, verifiers confirm what the audit log proves to be older; issue the rest again with another key (indeks reissue).", ring.Revoke(cmd.Key, at, cmd.Reason)
	})
}

type keysBackupCmd struct {
	File string `arg:"" help:"File to write the secret to. It must not exist."`
}

func (*keysBackupCmd) Help() string {
	return `Only FILE can decrypt the backups that are encrypted to the printed recipient (age1...). Do not keep it on
this machine. Keep it in two other places. The age program can read it too.`
}

func (cmd *keysBackupCmd) Run(con console) error {
	identity, recipient, err := keys.NewBackupKey()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(cmd.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the key for backups: %w", err)
	}
	_, err = f.Write(identity)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the key for backups: %w", err)
	}
	fmt.Fprintln(con.out, recipient)
	return nil
}

type keysAPICmd struct {
	configFlag
	Name string   `arg:"" help:"Who uses it: a person or a program. It is recorded with everything done with the key."`
	Role []string `help:"Role: registrar (default), approver, auditor or admin. May be given several times." enum:"registrar,approver,auditor,admin" placeholder:"ROLE"`
}

func (*keysAPICmd) Help() string {
	return `Prints the key only once: the file of API keys contains only its digest. A running issuer accepts it within
seconds. A registrar issues and revokes, an approver decides on requests by others, an auditor reads, and
an admin can do everything a registrar can and what concerns the whole register.

  indeks keys api vera.primer --role approver --config uni`
}

func (cmd *keysAPICmd) Run(con console) error {
	if strings.ContainsFunc(cmd.Name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) || cmd.Name == "" || cmd.Name[0] == '#' {
		return &exitError{exitUsage, fmt.Errorf("the name of an API key is one word, not %q", cmd.Name)}
	}
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	path := c.path(c.Issuer.APIKeysFile)
	if _, _, err := readAPIKeys(path); err != nil {
		return err
	}
	key, line := newAPIKey(cmd.Name, cmd.Role)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("writing the API keys: %w", err)
	}
	last := make([]byte, 1) // people edit the file: its last line need not end
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the API keys: %w", err)
	}
	fmt.Fprintln(con.out, key)
	return nil
}

// newAPIKey draws a key of the API, and the line for the file of them.
func newAPIKey(name string, roles []string) (key, line string) {
	key = "indeks_" + rand.Text() + rand.Text()
	digest := sha256.Sum256([]byte(key))
	return key, strings.Join(append([]string{name, hex.EncodeToString(digest[:])}, roles...), " ") + "\n"
}
