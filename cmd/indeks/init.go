package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"indeks/issuer"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

type initCmd struct {
	Dir            string `arg:"" help:"Folder to create. It must be empty or not exist."`
	Institution    string `help:"File with details of the institution (YAML or JSON). Flags such as --name override it." type:"existingfile" placeholder:"FILE"`
	Name           string `help:"Legal name in English."`
	Country        string `help:"Country code (ISO 3166-1 alpha-3)." placeholder:"SRB"`
	OrgID          string `help:"Organisation identifier, as in the seal certificate." placeholder:"VATRS-123456789"`
	Signatory      string `help:"Person responsible for awards. A course may name someone else."`
	Office         string `help:"Their position, such as Rector." placeholder:"OFFICE"`
	PublicBase     string `help:"URL of the issuer server." default:"http://localhost:8080"`
	VerifierBase   string `help:"URL of the verifier. Printed QR codes point to it." default:"http://localhost:8081"`
	Listen         string `help:"Address of the issuer server." default:"127.0.0.1:8080"`
	VerifierListen string `help:"Address of the verifier." default:"127.0.0.1:8081"`
	Database       string `help:"File with the URL of an empty PostgreSQL database to hold the records, instead of a file." type:"existingfile" placeholder:"FILE"`
	Node           string `help:"Name of this node among those that share the database: a to z and 0 to 9." default:"a"`
	Alg            string `help:"Algorithm of the first key." enum:"ES256,ES384,EdDSA,PS256,RS256" default:"ES256"`

	facts []byte // the institution's facts, where there is no file
}

func (*initCmd) Help() string {
	return `Creates in DIR:

  indeks.yaml   the configuration, the only file that you edit
  records.db    the store of everything issued: back it up (with --database: none)
  learners.keys the keys that encrypt personal data: without them no record can be read
  keys.age      the encrypted key file, with a first key and a self-signed seal certificate, and the secret
                that learners.keys is encrypted with
  passphrase    its passphrase, unless INDEKS_PASSPHRASE is set; for real use, keep it elsewhere
  api-keys      hashes of the API keys. The first key, an admin's, is printed only once, and so is the first
                password of the account admin, for the registrar's desk
  trust.json    the trust file for the verifier, which names this institution

For real use, import the institution's e-seal afterwards: indeks keys import FILE.p12

  indeks init uni --name "University of Sava" --country SRB --org-id VATRS-100000001 \
      --signatory "Prof. Vera Example" --office Rector \
      --public-base https://credentials.uni.example --verifier-base https://verify.uni.example`
}

// setUp is what init made.
type setUp struct {
	config   *Config
	apiKey   string
	password string // of the first account
	ring     *keys.Ring
}

func (cmd *initCmd) Run(ctx context.Context, con console) error {
	made, err := cmd.setUp(ctx, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Made %s for %s.\n\nAPI key, shown only once:\n  %s\n\n", cmd.Dir, made.config.Institution.LegalName["en"], made.apiKey)
	fmt.Fprintf(con.out, "Account for the registrar's desk, %s/desk on the running issuer:\n  %s, first password %s, shown only once and valid for one week\n\n", made.config.Issuer.PublicBase, firstName, made.password)
	fmt.Fprintf(con.out, "The seal certificate is self-signed: a trial seal, not a qualified one.\n")
	if made.config.Issuer.PassphraseFile != "" {
		fmt.Fprintf(con.out, "The passphrase of the key file is stored next to it. For real use, move it elsewhere and set INDEKS_PASSPHRASE.\n")
	}
	fmt.Fprintf(con.out, "\nNext:\n  indeks issue --config %[1]s COURSE LIST\n  indeks issuer --config %[1]s\n  indeks verifier --config %[1]s\n", cmd.Dir)
	return nil
}

// setUp makes the folder. It works in a temporary folder beside it and renames
// that at the end, so that there is never half an institution.
func (cmd *initCmd) setUp(ctx context.Context, now time.Time) (*setUp, error) {
	// 1. What is asked for must be sound before anything is written.
	c, err := cmd.config()
	if err != nil {
		return nil, err
	}
	if err := emptyOrAbsent(cmd.Dir); err != nil {
		return nil, fmt.Errorf("setting up %s: %w", cmd.Dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(cmd.Dir)), 0o700); err != nil {
		return nil, fmt.Errorf("setting up %s: %w", cmd.Dir, err)
	}
	work, err := os.MkdirTemp(filepath.Dir(filepath.Clean(cmd.Dir)), ".indeks-init-")
	if err != nil {
		return nil, fmt.Errorf("setting up %s: %w", cmd.Dir, err)
	}
	defer os.RemoveAll(work)
	c.dir = work

	// 2. Secrets: passphrase, key, API key.
	pass := []byte(os.Getenv("INDEKS_PASSPHRASE"))
	if len(pass) == 0 {
		c.Issuer.PassphraseFile = "passphrase"
		pass = []byte(rand.Text())
		if err := os.WriteFile(c.path("passphrase"), append(pass, '\n'), 0o600); err != nil {
			return nil, fmt.Errorf("writing the passphrase: %w", err)
		}
	}
	inst, err := c.institution()
	if err != nil {
		return nil, err
	}
	ring, err := keys.CreateRing(c.path(c.Issuer.KeysFile), pass)
	if err != nil {
		return nil, err
	}
	if _, err := ring.Add(inst.DID, c.newKey(keys.Algorithm(cmd.Alg), now)); err != nil {
		return nil, err
	}
	if _, err := ring.AddLog(inst.DID, c.newKey("", now)); err != nil {
		return nil, err
	}
	apiKey, line := newAPIKey("first", []string{"admin"})
	if err := os.WriteFile(c.path(c.Issuer.APIKeysFile), []byte(line), 0o600); err != nil {
		return nil, fmt.Errorf("writing the API keys: %w", err)
	}

	// 3. The data keys, the store unless it is in a database, then what the verifier is told.
	secret, err := ring.Secret(dataKeysPurpose)
	if err != nil {
		return nil, err
	}
	learners, err := store.CreateDataKeys(ctx, store.VaultFile(c.dataKeysFile()), secret)
	if err != nil {
		return nil, err
	}
	if !c.inDatabase() {
		if err := store.InitBolt(c.path(c.Issuer.StoreFile), c.Issuer.StoreID, learners); err != nil {
			return nil, err
		}
	}
	trust := verifier.Trust{Version: 1, Issued: now.UTC().Truncate(time.Second), Expires: now.UTC().Truncate(time.Second).AddDate(1, 0, 0),
		Issuers: []verifier.TrustedIssuer{issuer.TrustEntry(inst, ring)}}
	raw, err := trust.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("writing the trust file: %w", err)
	}
	if err := os.WriteFile(c.path(c.Verifier.TrustFile), append(raw, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("writing the trust file: %w", err)
	}

	// 4. The configuration, and the folder appears whole.
	text, err := c.yaml()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.path(configName), text, 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	if c.inDatabase() { // last, since it is not in the folder that appears whole or not at all
		d, err := c.database(learners)
		if err == nil {
			err = store.InitPostgres(ctx, d)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := os.Remove(cmd.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("setting up %s: %w", cmd.Dir, err)
	}
	if err := os.Rename(work, cmd.Dir); err != nil {
		return nil, fmt.Errorf("setting up %s: %w", cmd.Dir, err)
	}
	if err := syncDir(filepath.Dir(filepath.Clean(cmd.Dir))); err != nil {
		return nil, fmt.Errorf("setting up %s: %w", cmd.Dir, err)
	}
	if c.dir, err = filepath.Abs(cmd.Dir); err != nil {
		return nil, err
	}
	if ring, err = keys.OpenRing(c.path(c.Issuer.KeysFile), pass); err != nil {
		return nil, err
	}
	password, err := firstAccount(ctx, c, learners)
	if err != nil {
		return nil, err
	}
	return &setUp{config: c, apiKey: apiKey, password: password, ring: ring}, nil
}

// config is the configuration that the flags and the institution's file ask for.
func (cmd *initCmd) config() (*Config, error) {
	c := &Config{Limits: defaultLimits}
	if cmd.Institution != "" {
		raw, err := os.ReadFile(cmd.Institution)
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("reading the institution's facts: %w", err)}
		}
		cmd.facts = raw
	}
	if cmd.facts != nil {
		if err := strictYAML(cmd.facts, &c.Institution); err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("reading the institution's facts %s: %w", cmd.Institution, err)}
		}
	}
	if cmd.Name != "" {
		c.Institution.LegalName = map[string]string{"en": cmd.Name}
	}
	if cmd.Country != "" {
		c.Institution.Country = cmd.Country
	}
	if cmd.OrgID != "" {
		c.Institution.OrganizationID = cmd.OrgID
	}
	if cmd.Signatory != "" {
		c.Institution.Signatory.Name = cmd.Signatory
	}
	if cmd.Office != "" {
		c.Institution.Signatory.Office = cmd.Office
	}
	if c.Institution.Provider == "" {
		c.Institution.Provider = "hei"
	}
	if c.Institution.QRPrefix == "" {
		c.Institution.QRPrefix = issuer.NewPublicID("")[:2]
	}
	c.Issuer.Listen, c.Issuer.PublicBase = cmd.Listen, cmd.PublicBase
	c.Issuer.StoreFile, c.Issuer.DataKeysFile, c.Issuer.StoreID = "records.db", "learners.keys", rand.Text()
	if cmd.Database != "" {
		file, err := filepath.Abs(cmd.Database)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		c.Issuer.StoreFile, c.Issuer.Database = "", DatabaseConfig{URLFile: file, Node: cmd.Node}
	}
	c.Issuer.KeysFile, c.Issuer.APIKeysFile = "keys.age", "api-keys"
	c.Verifier.Listen, c.Verifier.PublicBase, c.Verifier.TrustFile = cmd.VerifierListen, cmd.VerifierBase, "trust.json"
	c.Verifier.AllowLoopback = strings.HasPrefix(cmd.PublicBase, "http://")
	for flag, base := range map[string]string{"--public-base": cmd.PublicBase, "--verifier-base": cmd.VerifierBase} {
		if err := checkBase(base); err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("%s: %w", flag, err)}
		}
	}
	inst, err := c.institution()
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if err := inst.Validate(); err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("%w\nGive --name, --country, --org-id, --signatory and --office, or --institution FILE", err)}
	}
	return c, nil
}

// newKey asks for a key whose certificate names the institution.
func (c *Config) newKey(alg keys.Algorithm, now time.Time) keys.NewKey {
	name := c.Institution.LegalName["en"]
	return keys.NewKey{Alg: alg, Organization: name, CommonName: name + " seal", Country: alpha2(c.Institution.OrganizationID), OrgID: c.Institution.OrganizationID, Now: now}
}

// alpha2 is the country of an organisation identifier such as VATRS-1 or NTRHR-1
// (ETSI EN 319 412-1 section 5.1.4), "" where it has none.
func alpha2(orgID string) string {
	if len(orgID) >= 6 && orgID[5] == '-' {
		return orgID[3:5]
	}
	return ""
}

// yaml writes the configuration with a word on what may be edited.
func (c *Config) yaml() ([]byte, error) {
	body, err := yaml.MarshalWithOptions(c, yaml.UseLiteralStyleIfMultiline(true), yaml.WithComment(yaml.CommentMap{
		"$.limits": []*yaml.Comment{yaml.HeadComment(
			" What clients may take of a server. 0 switches a limit off; nobody is exempt, this machine neither.",
			" Name the proxy that stands in front in reverse_proxies, or all its clients count as one.")},
	}))
	if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	head := "# Configuration of Indeks, read strictly: unknown keys are refused.\n" +
		"# Never change public_base, store_id or qr_prefix once something was issued:\n" +
		"# they stand in sealed credentials and on printed paper.\n"
	return append([]byte(head), body...), nil
}

// emptyOrAbsent refuses a folder that holds anything.
func emptyOrAbsent(dir string) error {
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(list) > 0:
		return fmt.Errorf("the folder is not empty (it holds %s); nothing was changed", list[0].Name())
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
