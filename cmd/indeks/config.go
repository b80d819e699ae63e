package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"indeks/issuer"
	"indeks/keys"
	"indeks/verifier"
	"indeks/web"
)

// Config is everything that can be set, read strictly from DIR/indeks.yaml:
// unknown and repeated keys are refused. Relative paths are relative to that
// file. Secrets never stand in it; it names files that hold them.
type Config struct {
	// Institution is who issues. The verifier does not read it.
	Institution Institution `yaml:"institution"`
	Issuer      struct {
		// Listen is the address of the issuer's server.
		Listen string `yaml:"listen"`
		// TLS is its own certificate, where no proxy in front has one.
		TLS TLS `yaml:"tls,omitempty"`
		// MetricsListen is an address of its own for Prometheus, at /metrics; "": there
		// is none. It asks for no key, so it is not one that the world reaches.
		MetricsListen string `yaml:"metrics_listen,omitempty"`
		// PublicBase is the URL under which the world reaches it. The did:web, the
		// status lists and the learners' links are below it, so it must never change.
		PublicBase string `yaml:"public_base"`
		// StoreFile holds the issuance records; StoreID guards against opening another
		// institution's file.
		StoreFile string `yaml:"store_file,omitempty"`
		StoreID   string `yaml:"store_id"`
		// Database holds them instead, for several nodes.
		Database DatabaseConfig `yaml:"database,omitempty"`
		// DataKeysFile holds the keys under which what is personal in the records is
		// encrypted, beside them, as StoreFile.keys, if not said otherwise. It is itself
		// encrypted under a secret in KeysFile. WITHOUT EITHER OF THE TWO NO RECORD CAN BE
		// READ ANY MORE. Of it only the latest copy may be kept, or what was erased comes
		// back.
		DataKeysFile string `yaml:"data_keys_file,omitempty"`
		// KeysFile is the encrypted key file. Its passphrase comes from the
		// environment variable INDEKS_PASSPHRASE or from PassphraseFile.
		KeysFile       string `yaml:"keys_file"`
		PassphraseFile string `yaml:"passphrase_file,omitempty"`
		// APIKeysFile has a line "NAME SHA256-HEX ROLE..." for each API key. Roles are
		// registrar, which is meant where there is none, approver, auditor, reviewer and admin.
		APIKeysFile string `yaml:"api_keys_file"`
		// SignIn is how people sign in at the registrar's desk.
		SignIn SignIn `yaml:"sign_in,omitempty"`
		// ApprovalTime is how long an award waits for another person's approval; 0: 30 days.
		ApprovalTime time.Duration `yaml:"approval_time,omitempty"`
		// KeyApproval has another person confirm at the desk that a key is compromised,
		// before it is marked. Minutes count then, and the command line asks nobody.
		KeyApproval bool `yaml:"key_approval,omitempty"`
		// VCAPI serves /credentials/issue and /credentials/status of the VC-API, with
		// an API key: whoever has one can then seal any credential in the institution's
		// name, not only awards.
		VCAPI bool `yaml:"vc_api,omitempty"`
		// VCAPIForm is how it seals where a request does not say: vc+jwt (the default)
		// or data-integrity.
		VCAPIForm keys.Form `yaml:"vc_api_form,omitempty"`
		// ClockJump is how far the clock may be from the newest status list, such as
		// 168h, before nothing is signed until somebody confirms it; 0: any. A running
		// issuer signs one each hour; whoever issues by the command line now and then
		// sets it above the longest pause.
		ClockJump time.Duration `yaml:"clock_jump,omitempty"`
	} `yaml:"issuer"`
	Verifier struct {
		// Listen is the address of the verifier's server.
		Listen string `yaml:"listen"`
		// TLS is its own certificate, as the issuer's.
		TLS TLS `yaml:"tls,omitempty"`
		// MetricsListen is that for Prometheus, as the issuer's.
		MetricsListen string `yaml:"metrics_listen,omitempty"`
		// PublicBase is the URL that printed QR codes point at, so it must never change.
		PublicBase string `yaml:"public_base"`
		// TrustFile names the issuers that this verifier vouches for.
		TrustFile string `yaml:"trust_file"`
		// TrustKeys are the keys of whoever may seal the trust file: a JWK, or the
		// thumbprint with which a key id ends. With any, the file must be sealed by one of
		// them, and its version may not go back; without, it must be plain.
		TrustKeys []string `yaml:"trust_keys,omitempty"`
		// TrustSeenFile remembers the highest version of a sealed trust file; beside it, as
		// TrustFile.seen, if not said otherwise.
		TrustSeenFile string `yaml:"trust_seen_file,omitempty"`
		// AllowLoopback permits http to servers on this machine: for trying out only.
		AllowLoopback bool `yaml:"allow_loopback,omitempty"`
		// RequireAccreditation makes a passed accreditation check a condition of VALID.
		RequireAccreditation bool `yaml:"require_accreditation,omitempty"`
		// ResolveDIDWeb asks the hosts of issuers that are not in the trust file for their
		// keys. That confirms nobody; it tells a broken seal from a stranger's.
		ResolveDIDWeb bool `yaml:"resolve_did_web,omitempty"`
		// VCAPI serves /credentials/verify and /presentations/verify of the VC-API,
		// which say whether something conforms and is sealed soundly, by whomever.
		VCAPI bool `yaml:"vc_api,omitempty"`
	} `yaml:"verifier"`
	// Retention says how long data are kept.
	Retention RetentionConfig `yaml:"retention,omitempty"`
	// ReadOnly stops issuing and revoking; pages, downloads and status lists go on.
	ReadOnly bool `yaml:"read_only,omitempty"`
	// Disk says when issuing stops because the disk of the records fills up.
	Disk DiskConfig `yaml:"disk,omitempty"`
	// Backup is what the running issuer copies by itself.
	Backup BackupConfig `yaml:"backup,omitempty"`
	// Traces is for whoever looks at where time goes.
	Traces Traces `yaml:"traces,omitempty"`
	// Batches are class lists that are uploaded to the running issuer.
	Batches BatchesConfig `yaml:"batches,omitempty"`
	// Mail is how learners are written to.
	Mail MailConfig `yaml:"mail,omitempty"`
	// Limits bound what clients take of either server.
	Limits Limits `yaml:"limits"`

	dir    string            // of the file
	digest [sha256.Size]byte // of its bytes
	traces *web.Traces       // that the server of this process sends
}

// RetentionConfig says how long data are kept, counted in whole months from the
// sealing of a credential.
type RetentionConfig struct {
	// RegisterYears is after how many years the erasure of records is asked for, which
	// another person confirms; 0: they are kept for ever, as those of degrees are.
	RegisterYears int `yaml:"register_years,omitempty"`
	// DeliveryMonths is after how many months e-mail addresses and the links of learners'
	// pages are erased, by themselves; 0: never.
	DeliveryMonths int `yaml:"delivery_months,omitempty"`
}

// BackupConfig says where the running issuer makes backups, and how often.
type BackupConfig struct {
	// Dir is the folder they are written to, "" for none, and below it, in lists, each
	// status list as it is published. Another disk is better, another machine best:
	// copy them on from here.
	Dir string `yaml:"dir,omitempty"`
	// Every is the time between two, such as 1h. 0: only when the API is asked.
	Every time.Duration `yaml:"every,omitempty"`
	// Recipients (age1...) are whom they are encrypted to: `indeks keys backup`
	// makes one. Without any, names and dates of birth lie there in the clear.
	Recipients []string `yaml:"recipients,omitempty"`
	// Keep is how long they are kept: all of the last hours, then one for each day,
	// then one for each month. All 0: for ever.
	Keep issuer.Keep `yaml:"keep,omitempty"`
}

// defaultClockJump, too, is what the file leaves out.
const defaultClockJump = 7 * 24 * time.Hour

// defaultBackup is what the file leaves out.
var defaultBackup = BackupConfig{Every: time.Hour, Keep: issuer.Keep{Hours: 48, Days: 35, Months: 12}}

// DiskConfig says how much room the disk of the records must have. 0 switches a
// limit off.
type DiskConfig struct {
	// WarnPercent free is where the log says so; below StopPercent or StopMiB nothing
	// is issued any more, while revoking goes on.
	WarnPercent int   `yaml:"warn_percent"`
	StopPercent int   `yaml:"stop_percent"`
	StopMiB     int64 `yaml:"stop_mib"`
	// ReserveMiB is the size of a file beside the records that keeps room; it is
	// removed for the sake of revoking when there is none left.
	ReserveMiB int64 `yaml:"reserve_mib"`
}

// defaultDisk is what the file leaves out.
var defaultDisk = DiskConfig{WarnPercent: 20, StopPercent: 10, StopMiB: 1024, ReserveMiB: 64}

// Institution is issuer.Institution as people write it.
type Institution struct {
	LegalName      map[string]string `yaml:"legal_name"`
	Country        string            `yaml:"country"` // ISO 3166-1 alpha-3
	Region         string            `yaml:"region,omitempty"`
	Address        string            `yaml:"address,omitempty"`
	Homepage       string            `yaml:"homepage,omitempty"`
	OrganizationID string            `yaml:"organization_id"` // as in the seal certificate, e.g. VATRS-123456789
	Provider       string            `yaml:"provider"`        // hei or alternative
	Register       struct {
		Name   string `yaml:"name"`
		Number string `yaml:"number"`
		From   string `yaml:"from,omitempty"`
		To     string `yaml:"to,omitempty"`
	} `yaml:"register,omitempty"`
	Languages  []string `yaml:"languages,omitempty"`
	QRPrefix   string   `yaml:"qr_prefix"` // two symbols that tell verifiers whom to ask
	NumberRule string   `yaml:"number_rule,omitempty"`
	// LevelMethod is how the level of a course is found from those of its outcomes
	// where the course does not say: majority (the default) or average.
	LevelMethod string `yaml:"level_method,omitempty"`
	// DataIntegrity adds to each award a form with an embedded proof of this
	// cryptosuite, which many wallets read: ecdsa-rdfc-2019 with an ES256 or ES384
	// key, eddsa-rdfc-2022 with an EdDSA key.
	DataIntegrity string `yaml:"data_integrity,omitempty"`
	// OpenBadges adds to each award a form that is an Open Badge 3.0.
	OpenBadges bool `yaml:"open_badges,omitempty"`
	Signatory  struct {
		Name   string `yaml:"name"`
		Office string `yaml:"office"`
	} `yaml:"signatory,omitempty"`
}

// configName is the one file of an institution's folder that people edit.
const configName = "indeks.yaml"

// readConfig reads the configuration file at path, or the one in the folder at
// path.
func readConfig(path string) (*Config, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, configName)
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the configuration: %s does not exist; `indeks init DIR` makes one, --config names it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c := &Config{Limits: defaultLimits, Backup: defaultBackup, Disk: defaultDisk, Traces: defaultTraces, Batches: defaultBatches, Mail: defaultMail}
	c.Issuer.ClockJump = defaultClockJump
	if err := strictYAML(raw, c); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	c.digest = sha256.Sum256(raw)
	if err := c.Limits.check(); err != nil {
		return nil, fmt.Errorf("reading %s: limits.%w", path, err)
	}
	if err := c.Traces.check(); err != nil {
		return nil, fmt.Errorf("reading %s: traces.%w", path, err)
	}
	if err := c.Batches.check(); err != nil {
		return nil, fmt.Errorf("reading %s: batches.%w", path, err)
	}
	if err := c.Mail.check(); err != nil {
		return nil, fmt.Errorf("reading %s: mail.%w", path, err)
	}
	if d := c.Disk; d.WarnPercent < 0 || d.StopPercent < 0 || d.StopMiB < 0 || d.ReserveMiB < 0 || d.WarnPercent > 100 || d.StopPercent > 100 || d.StopMiB > 1<<30 || d.ReserveMiB > 1<<30 {
		return nil, fmt.Errorf("reading %s: disk: percentages are 0 to 100, sizes 0 to %d MiB", path, 1<<30)
	}
	if b := c.Backup; b.Every < 0 || b.Keep.Hours < 0 || b.Keep.Days < 0 || b.Keep.Months < 0 {
		return nil, fmt.Errorf("reading %s: backup: every and keep are not negative", path)
	}
	if c.Issuer.ClockJump < 0 {
		return nil, fmt.Errorf("reading %s: issuer.clock_jump: it is not negative", path)
	}
	if err := c.Issuer.SignIn.check(); err != nil {
		return nil, fmt.Errorf("reading %s: issuer.sign_in.%w", path, err)
	}
	if c.Issuer.ApprovalTime < 0 {
		return nil, fmt.Errorf("reading %s: issuer.approval_time is not negative", path)
	}
	if err := c.checkRecords(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if r := c.Retention; r.RegisterYears < 0 || r.DeliveryMonths < 0 {
		return nil, fmt.Errorf("reading %s: retention: years and months are not negative", path)
	}
	if f := c.Issuer.VCAPIForm; f != "" && f != keys.VCJWT && f != keys.DataIntegrity {
		return nil, fmt.Errorf("reading %s: issuer.vc_api_form: %q is neither %s nor %s", path, f, keys.VCJWT, keys.DataIntegrity)
	}
	if c.dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	for name, base := range map[string]string{"issuer.public_base": c.Issuer.PublicBase, "verifier.public_base": c.Verifier.PublicBase} {
		if base == "" {
			continue // a verifier's own file says nothing of an issuer
		}
		if err := checkBase(base); err != nil {
			return nil, fmt.Errorf("reading %s: %s: %w", path, name, err)
		}
	}
	if err := c.Issuer.TLS.check(c.Issuer.PublicBase); err != nil {
		return nil, fmt.Errorf("reading %s: issuer.%w", path, err)
	}
	if err := c.Verifier.TLS.check(c.Verifier.PublicBase); err != nil {
		return nil, fmt.Errorf("reading %s: verifier.%w", path, err)
	}
	return c, nil
}

// strictYAML decodes one document and refuses unknown and repeated keys. The
// decoder's own errors show line, column and the offending source.
func strictYAML(raw []byte, into any) error {
	return yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(into)
}

// checkBase accepts an https URL without query and trailing slash, or http on
// this machine.
func checkBase(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return err
	case u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(base, "/"):
		return fmt.Errorf("%q is not a plain URL like https://credentials.uni.example, without a slash at the end", base)
	case u.Scheme == "https", u.Scheme == "http" && onThisMachine(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("%q must be https; http is for localhost only", base)
	}
}

func onThisMachine(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// path resolves a file name of the configuration.
func (c *Config) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}

// institution translates to what the issuer works with.
func (c *Config) institution() (issuer.Institution, error) {
	if c.Issuer.PublicBase == "" || c.Verifier.PublicBase == "" {
		return issuer.Institution{}, fmt.Errorf("reading %s: issuer.public_base and verifier.public_base are needed to issue", c.path(configName))
	}
	did, err := keys.DIDWeb(c.Issuer.PublicBase)
	if err != nil {
		return issuer.Institution{}, fmt.Errorf("issuer.public_base: %w", err)
	}
	i := c.Institution
	return issuer.Institution{
		DID: did, PublicBase: c.Issuer.PublicBase, VerifierBase: c.Verifier.PublicBase,
		LegalName: i.LegalName, Country: i.Country, Region: i.Region, Address: i.Address, Homepage: i.Homepage,
		OrganizationID: i.OrganizationID, Provider: i.Provider,
		Register: verifier.Register{Name: i.Register.Name, Number: i.Register.Number, From: i.Register.From, To: i.Register.To},
		QRPrefix: i.QRPrefix, Languages: i.Languages, NumberRule: i.NumberRule, LevelMethod: i.LevelMethod, DataIntegrity: i.DataIntegrity, OpenBadges: i.OpenBadges,
		Signatory: issuer.Signatory{Name: i.Signatory.Name, Office: i.Signatory.Office},
	}, nil
}

// passphrase of the key file: from the environment, else from the file that the
// configuration names. A final newline does not count.
func (c *Config) passphrase() ([]byte, error) {
	if p := os.Getenv("INDEKS_PASSPHRASE"); p != "" {
		return []byte(p), nil
	}
	if c.Issuer.PassphraseFile == "" {
		return nil, errors.New("reading the passphrase of the key file: set INDEKS_PASSPHRASE, or issuer.passphrase_file in " + configName)
	}
	raw, err := os.ReadFile(c.path(c.Issuer.PassphraseFile))
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase of the key file: %w", err)
	}
	p := bytes.TrimRight(raw, "\r\n")
	if len(p) == 0 {
		return nil, fmt.Errorf("reading the passphrase of the key file: %s is empty", c.path(c.Issuer.PassphraseFile))
	}
	return p, nil
}

// readKeyed reads a configuration, the institution that it names, and its keys.
func readKeyed(path string) (*Config, issuer.Institution, *keys.Ring, error) {
	c, err := readConfig(path)
	if err != nil {
		return nil, issuer.Institution{}, nil, err
	}
	inst, err := c.institution()
	if err != nil {
		return nil, issuer.Institution{}, nil, err
	}
	ring, err := c.ring()
	return c, inst, ring, err
}

// ring opens the key file.
func (c *Config) ring() (*keys.Ring, error) {
	pass, err := c.passphrase()
	if err != nil {
		return nil, err
	}
	return keys.OpenRing(c.path(c.Issuer.KeysFile), pass)
}
