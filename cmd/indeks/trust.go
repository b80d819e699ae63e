package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/keys"
	"indeks/verifier"
)

type trustCmd struct {
	List   trustListCmd   `cmd:"" help:"List the issuers that the trust file vouches for."`
	Add    trustAddCmd    `cmd:"" help:"Add an issuer, or update its entry."`
	Remove trustRemoveCmd `cmd:"" help:"End trust in an issuer. What it sealed before stays valid."`
	Import trustImportCmd `cmd:"" help:"Import institutions from a table."`
	Head   trustHeadCmd   `cmd:"" help:"Keep a head of an issuer's audit log, as seen now."`
	Seal   trustSealCmd   `cmd:"" help:"Seal the trust file for verifiers that pin your key."`
}

func (*trustCmd) Help() string {
	return `The trust file says which issuers a verifier vouches for, with their keys, their accreditation and where
you know this from. You edit a plain file. Verifiers use it as it is or, better, sealed:

  indeks trust add issuer.json --trust trust.json --source "letter of the rectorate"
  indeks trust seal --config DIR --trust trust.json --out trust.jwt
  indeks verifier --config DIR --trust trust.jwt --trust-key=THUMBPRINT

History is kept: entries, keys and periods that have ended stay, because what counts is the date of the award.
A running verifier uses a new file once you restart it. docs/trust.md describes the members.`
}

// trustFlag names the trust file; --trust alone is enough where there is no
// configuration.
type trustFlag struct {
	configFlag
	Trust string `help:"Trust file instead of the configured one." type:"path" placeholder:"FILE"`
}

func (f trustFlag) config() (*Config, error) {
	path := f.Config
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, configName)
	}
	c := &Config{dir: "."}
	if _, err := os.Stat(path); f.Trust == "" || err == nil {
		if c, err = readConfig(f.Config); err != nil {
			return nil, err
		}
	}
	if f.Trust != "" {
		c.Verifier.TrustFile = f.Trust
	}
	if c.Verifier.TrustFile == "" {
		return nil, &exitError{exitUsage, errors.New("no trust file: the configuration names none, and --trust neither")}
	}
	return c, nil
}

// plain reads the plain trust file, with the bytes that it was read from. A
// sealed one is what was made of it, and not to be edited.
func (f trustFlag) plain() (path string, t *verifier.Trust, raw []byte, err error) {
	c, err := f.config()
	if err != nil {
		return "", nil, nil, err
	}
	path = c.path(c.Verifier.TrustFile)
	if raw, err = os.ReadFile(path); err != nil {
		return path, nil, nil, fmt.Errorf("reading the trust file: %w", err)
	}
	if verifier.IsSealedTrust(raw) {
		return path, nil, nil, fmt.Errorf("%s is sealed: name the plain file that it was made from with --trust, and seal that again", path)
	}
	if t, err = verifier.ParseTrust(raw); err != nil {
		return path, nil, nil, fmt.Errorf("reading the trust file %s: %w", path, err)
	}
	return path, t, raw, nil
}

// save writes a changed trust file as its next version.
func save(con console, path string, t *verifier.Trust, old []byte) error {
	renew(t, time.Now())
	if err := writeTrust(path, t, old); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Wrote %s, version %d, until %s. If verifiers need it sealed: indeks trust seal\n", path, t.Version, day(t.Expires))
	return nil
}

func printChange(w io.Writer, c verifier.TrustChange) {
	switch {
	case c.New:
		fmt.Fprintf(w, "+ %s\n", c.Issuer)
	case len(c.Lines) == 0:
		fmt.Fprintf(w, "= %s\n", c.Issuer)
	default:
		fmt.Fprintf(w, "~ %s\n", c.Issuer)
	}
	for _, line := range c.Lines {
		fmt.Fprintf(w, "    %s\n", line)
	}
}

type trustAddCmd struct {
	trustFlag
	File    string    `arg:"" help:"Entry (JSON), or the trust.json file that an institution publishes." type:"existingfile"`
	ID      string    `name:"id" help:"Which entry to use if FILE has several: DID or organisation identifier." placeholder:"DID"`
	Source  string    `help:"Where you know this from. Default: what the entry says." placeholder:"TEXT"`
	Checked time.Time `help:"When you checked it. Default with --source: today." format:"2006-01-02" placeholder:"2026-01-31"`
	Replace bool      `help:"Replace the old entry completely, including anything the new one does not mention."`
	DryRun  bool      `help:"Show what would change, without changing anything."`
}

func (*trustAddCmd) Help() string {
	return `If there is an entry with the same DID or organisation identifier, it is updated. Anything the new entry does
not mention stays, so keys and accreditation are never lost. A key never changes under its name. The file is
created if it does not exist. Compare the key IDs through a different channel from the one FILE came by.`
}

func (cmd *trustAddCmd) Run(con console) error {
	// 1. The entry.
	raw, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the entry: %w", err)
	}
	entries, err := verifier.ParseTrustEntries(raw)
	if err != nil {
		return fmt.Errorf("reading %s: %w", cmd.File, err)
	}
	var entry *verifier.TrustedIssuer
	switch {
	case cmd.ID != "":
		if entry = (&verifier.Trust{Issuers: entries}).Find(cmd.ID); entry == nil {
			return fmt.Errorf("%s has no entry %s", cmd.File, cmd.ID)
		}
	case len(entries) != 1:
		return &exitError{exitUsage, fmt.Errorf("%s has %d entries: --id names one", cmd.File, len(entries))}
	default:
		entry = &entries[0]
	}
	if cmd.Source != "" {
		entry.Source, entry.Checked = cmd.Source, day(time.Now())
	}
	if !cmd.Checked.IsZero() {
		entry.Checked = day(cmd.Checked)
	}

	// 2. The file, with the entry in it.
	path, t, old, err := cmd.plain()
	if errors.Is(err, fs.ErrNotExist) && path != "" {
		t, err = new(verifier.Trust), nil
	}
	if err != nil {
		return err
	}
	t.Witness(entry, time.Now())
	change, err := t.Put(*entry, cmd.Replace)
	if err != nil {
		return fmt.Errorf("adding %s: %w", cmd.File, err)
	}
	printChange(con.out, change)
	if cmd.DryRun || !change.New && len(change.Lines) == 0 {
		return nil
	}
	return save(con, path, t, old)
}

type trustHeadCmd struct {
	trustFlag
	File string `arg:"" help:"Head (JWS), as printed by indeks audit head or served by the issuer at /log/NAME/checkpoint." type:"existingfile"`
}

func (*trustHeadCmd) Help() string {
	return `Do this from time to time, for example every month. If others ever get hold of the issuer's keys, what it had
sealed before is still confirmed, because its log proves that it is older than a head seen before. What counts is
the time at which you keep the head, so a head from last year is worth no more than one from today.

  curl https://credentials.uni.example/log/1/checkpoint > head.jwt
  indeks trust head head.jwt --trust trust.json`
}

func (cmd *trustHeadCmd) Run(ctx context.Context, con console) error {
	token, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	path, t, old, err := cmd.plain()
	if err != nil {
		return err
	}
	change, err := t.SeeHead(ctx, token, time.Now())
	if err != nil {
		return err
	}
	printChange(con.out, change)
	if len(change.Lines) == 0 {
		return nil
	}
	return save(con, path, t, old)
}

type trustRemoveCmd struct {
	trustFlag
	Issuer    string    `arg:"" help:"DID or organisation identifier, as shown by trust list."`
	Ended     time.Time `help:"Its last day. Default: today." format:"2006-01-02" placeholder:"2026-01-31"`
	Successor string    `help:"Who is responsible for it from now on." placeholder:"NAME"`
	Custodian string    `help:"Who holds its records." placeholder:"NAME"`
	Delete    bool      `help:"Remove it completely: nothing it ever sealed is confirmed any more."`
}

func (cmd *trustRemoveCmd) Run(con console) error {
	path, t, old, err := cmd.plain()
	if err != nil {
		return err
	}
	e := t.Find(cmd.Issuer)
	if e == nil {
		return fmt.Errorf("%s has no entry %s", path, cmd.Issuer)
	}
	name := e.Name("en")
	if cmd.Delete {
		for i := range t.Issuers {
			if &t.Issuers[i] == e {
				t.Issuers = append(t.Issuers[:i], t.Issuers[i+1:]...)
				break
			}
		}
		fmt.Fprintf(con.out, "- %s: removed, with everything it ever sealed\n", name)
		return save(con, path, t, old)
	}
	ended := *e
	if cmd.Ended.IsZero() {
		cmd.Ended = time.Now()
	}
	ended.Ended, ended.Successor, ended.Custodian = day(cmd.Ended), cmd.Successor, cmd.Custodian
	change, err := t.Put(ended, false)
	if err != nil {
		return fmt.Errorf("ending %s: %w", cmd.Issuer, err)
	}
	printChange(con.out, change)
	fmt.Fprintln(con.out, "What it sealed until then stays valid. For a stolen key set compromised_at in the entry instead.")
	return save(con, path, t, old)
}

type trustListCmd struct {
	trustFlag
	TrustKey []string `help:"Key that must have sealed it, as a thumbprint or a JWK." sep:"none" placeholder:"KEY"`
	JSON     bool     `name:"json" help:"Print the file as JSON, with who sealed it."`
}

func (cmd *trustListCmd) Run(con console) error {
	c, err := cmd.config()
	if err != nil {
		return err
	}
	if cmd.TrustKey != nil {
		c.Verifier.TrustKeys = cmd.TrustKey
	} else if raw, err := os.ReadFile(c.path(c.Verifier.TrustFile)); err == nil && !verifier.IsSealedTrust(raw) {
		c.Verifier.TrustKeys = nil // the plain file is the one to edit, also where verifiers pin a key
	}
	t, err := c.trust()
	if err != nil {
		return err
	}
	if cmd.JSON {
		out, err := json.Marshal(struct {
			Sealed *verifier.TrustSeal `json:"sealed"`
			Trust  *verifier.Trust     `json:"trust"`
		}{t.Sealed, t}, jsontext.Multiline(true), json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("listing the trust file: %w", err)
		}
		fmt.Fprintf(con.out, "%s\n", out)
		return nil
	}
	fmt.Fprintf(con.out, "%s\n\n", said(t, c.path(c.Verifier.TrustFile), time.Now()))
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHO\tDID\tORGANISATION\tKEYS\tACCREDITED\tSOURCE\tCHECKED")
	for i := range t.Issuers {
		e := &t.Issuers[i]
		name := e.Name("en")
		if e.Ended != "" {
			name += " (ended " + e.Ended + ")"
		}
		var seals, accredited []string
		for _, k := range e.Keys {
			seals = append(seals, keyPeriod(k))
		}
		for _, k := range e.Refused {
			seals = append(seals, shortKey(k.ID)+" refused")
		}
		if n := len(e.Anchors); n > 0 {
			seals = append(seals, fmt.Sprintf("certificates: %d", n))
		}
		for _, a := range e.Accredited {
			accredited = append(accredited, fmt.Sprintf("%s %s..%s", a.By, a.From, a.To))
		}
		// One line for each key and each period, beside each other.
		for line := 0; line == 0 || line < len(seals) || line < len(accredited); line++ {
			row := []string{"", "", "", at(seals, line), at(accredited, line), "", ""}
			if line == 0 {
				row[0], row[1], row[2], row[5], row[6] = name, orDash(e.ID), orDash(e.OrganizationID), e.Source, e.Checked
			}
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
	}
	return w.Flush()
}

func at(list []string, i int) string {
	switch {
	case i < len(list):
		return list[i]
	case i == 0:
		return "-"
	}
	return ""
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// keyPeriod is a key of the trust file and when it may seal.
func keyPeriod(k keys.PublicKey) string {
	text := fmt.Sprintf("%s %s %s..", shortKey(k.ID), k.Alg, day(k.NotBefore))
	if !k.NotAfter.IsZero() {
		text += day(k.NotAfter)
	}
	if !k.CompromisedAt.IsZero() {
		text += " COMPROMISED " + day(k.CompromisedAt)
	}
	return text
}

// shortKey is enough of a key id to tell the keys of one issuer apart.
func shortKey(id string) string {
	_, fragment, ok := strings.Cut(id, "#")
	if !ok {
		fragment = id
	}
	if len(fragment) > 12 {
		fragment = fragment[:12] + "..."
	}
	return "#" + fragment
}

type trustImportCmd struct {
	trustFlag
	File   string `arg:"" help:"Table (CSV, UTF-8, comma or semicolon)." type:"existingfile"`
	DryRun bool   `help:"Show what would change, without changing anything."`
}

func (*trustImportCmd) Help() string {
	return `For data about institutions from registers, such as exports from DEQAR, ETER or a national register. Rename
their columns first. Nothing is fetched. Columns (name, source and checked are required):

  did organization_id name name_TAG country domains deqar_id eter_id provider
  register_name register_number register_from register_to
  accredited_by accredited_from accredited_to accredited_source accredited_url source checked

A row belongs to the entry with the same did or organization_id, or else the same deqar_id or eter_id. It adds
to the entry and removes nothing. If a table has a fault, nothing is imported. For keys, use: indeks trust add`
}

func (cmd *trustImportCmd) Run(con console) error {
	path, t, old, err := cmd.plain()
	if err != nil {
		return err
	}
	table, err := os.Open(cmd.File)
	if err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	defer table.Close()
	changes, skipped, err := t.ImportCSV(table)
	if err != nil {
		return fmt.Errorf("importing %s; nothing was taken:\n%w", cmd.File, err)
	}
	for _, c := range changes {
		printChange(con.out, c)
	}
	for _, row := range skipped {
		fmt.Fprintf(con.out, "? %s\n", row)
	}
	fmt.Fprintf(con.out, "Entries that change: %d. Rows skipped: %d.\n", len(changes), len(skipped))
	if cmd.DryRun || len(changes) == 0 {
		return nil
	}
	return save(con, path, t, old)
}

type trustSealCmd struct {
	trustFlag
	Out  string `help:"File to write. Give this one to verifiers." required:"" type:"path" placeholder:"FILE"`
	Key  string `help:"Key ID from the key ring. Default: the one that seals now." placeholder:"KEY"`
	Days int    `help:"Days it is valid for. Seal it again before then." default:"90"`
}

func (*trustSealCmd) Help() string {
	return `Seals with a key from the key ring of --config and raises the version, also in the plain file. Verifiers
that pin the key refuse every other file and every older one. A short validity limits how long someone who
withholds the new file from a verifier can keep it in the past.`
}

func (cmd *trustSealCmd) Run(con console) error {
	// 1. What, and with what.
	if cmd.Days < 1 {
		return &exitError{exitUsage, errors.New("--days must be 1 or more")}
	}
	path, t, old, err := cmd.plain()
	if err != nil {
		return err
	}
	if path == cmd.Out {
		return &exitError{exitUsage, errors.New("--out is the plain file itself, which you need for the next change")}
	}
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	ring, err := c.ring()
	if err != nil {
		return err
	}
	var sealer *keys.Sealer
	if cmd.Key == "" {
		sealer, err = ring.Sealer()
	} else {
		sealer, err = ring.SealerFor(cmd.Key)
	}
	if err != nil {
		return fmt.Errorf("sealing the trust file: %w", err)
	}
	own, err := verifier.ParseTrustKey(sealer.Public().Thumbprint())
	if err != nil {
		return err // unreachable: keys of a ring have a thumbprint
	}

	// 2. The next version, also after the plain file was made anew.
	if last, err := os.ReadFile(cmd.Out); err == nil {
		if sealed, err := verifier.OpenTrust(last, []verifier.TrustKey{own}); err == nil {
			t.Version = max(t.Version, sealed.Version)
		}
	}
	now := time.Now()
	renew(t, now)
	t.Expires = t.Issued.AddDate(0, 0, cmd.Days)
	payload, err := t.MarshalJSON()
	if err != nil {
		return err
	}

	// 3. Seal, and read it as a verifier will. The plain file takes the version
	// first: one that is used up by a crash here is no harm, one that is used
	// twice is refused.
	token, err := sealer.Seal(payload, keys.TrustJWT, now)
	if err != nil {
		return fmt.Errorf("sealing the trust file: %w", err)
	}
	if t, err = verifier.OpenTrust(token, []verifier.TrustKey{own}); err != nil {
		return fmt.Errorf("reading what was sealed: %w", err)
	}
	if err := writeTrust(path, t, old); err != nil {
		return err
	}
	if err := replaceFile(cmd.Out, append(token, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the sealed trust file: %w", err)
	}
	fmt.Fprintf(con.out, "%s\nEach verifier's %s pins the key:\n\n  verifier:\n    trust_file: %s\n    trust_keys: [%s]\n", said(t, cmd.Out, now), configName, filepath.Base(cmd.Out), sealer.Public().Thumbprint())
	return nil
}
