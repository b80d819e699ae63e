package main

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"indeks/elm"
	"indeks/issuer"
	"indeks/mail"
)

// MailConfig is the mail server that letters to learners are handed to; without a
// host none are written. It signs for the domain (DKIM), and delivers.
type MailConfig struct {
	Host string `yaml:"host,omitempty"`
	Port int    `yaml:"port,omitempty"`
	// Security is starttls, tls (from the first byte), or none, to this machine alone.
	// The server's certificate is checked.
	Security mail.Security `yaml:"security,omitempty"`
	// CAFile is in PEM who vouches for it; "": those that the system trusts.
	CAFile string `yaml:"ca_file,omitempty"`
	// User logs in, with the password in PasswordFile.
	User         string `yaml:"user,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty"`
	// Hello is the name that the server is told; "": the host of issuer.public_base.
	Hello string `yaml:"hello,omitempty"`
	// From is the address that letters are from, and that reports of what could not be
	// delivered come to.
	From string `yaml:"from,omitempty"`
	// Contact is whom learners write to, and object to; "": From.
	Contact string `yaml:"contact,omitempty"`
	// PerMinute bounds the messages of all nodes together; 0: nothing does.
	PerMinute int `yaml:"per_minute,omitempty"`
	// GiveUp is after how long a letter that no server took is refused.
	GiveUp time.Duration `yaml:"give_up,omitempty"`
	// Objection is by language what letters say besides of how to object, such as the
	// time there is for it.
	Objection map[string]string `yaml:"objection,omitempty"`
}

// defaultMail is what the file leaves out.
var defaultMail = MailConfig{Port: 587, Security: mail.STARTTLS, PerMinute: 120, GiveUp: 72 * time.Hour}

// noLimit is more letters a minute than one connection carries.
const noLimit = 60_000

// check names the first key that makes no sense.
func (m *MailConfig) check() error {
	if m.Host == "" {
		if m.From != "" || m.User != "" || m.Contact != "" {
			return errors.New("host: it is missing")
		}
		return nil
	}
	server := mail.Server{Host: m.Host, Port: m.Port, Security: m.Security}
	if err := server.Check(); err != nil {
		return err
	}
	if (m.User == "") != (m.PasswordFile == "") {
		return errors.New("user: it comes with a password_file, and that with it")
	}
	for _, a := range []struct {
		key, text string
		needed    bool
	}{{"from", m.From, true}, {"contact", m.Contact, false}} {
		if _, err := mail.ParseAddress(a.text); err != nil && (a.needed || a.text != "") {
			return fmt.Errorf("%s: %q: %w", a.key, a.text, err)
		}
	}
	if m.PerMinute < 0 || m.PerMinute > noLimit {
		return fmt.Errorf("per_minute: %d is not 0 to %d", m.PerMinute, noLimit)
	}
	if m.GiveUp < time.Hour {
		return fmt.Errorf("give_up: %v is less than an hour", m.GiveUp)
	}
	for lang := range m.Objection {
		if !slices.Contains(elm.Languages(), lang) {
			return fmt.Errorf("objection: %q is not one of %s", lang, strings.Join(elm.Languages(), ", "))
		}
	}
	return nil
}

// post is how letters go out; nil where there is no mail server.
func (c *Config) post() (*issuer.Post, error) {
	m := c.Mail
	if m.Host == "" {
		return nil, nil
	}
	p := &issuer.Post{Server: mail.Server{Host: m.Host, Port: m.Port, Security: m.Security, User: m.User, Hello: m.Hello},
		PerMinute: cmp.Or(m.PerMinute, noLimit), GiveUp: m.GiveUp, Objection: m.Objection}
	p.From, _ = mail.ParseAddress(m.From) // check has read them
	p.Contact, _ = mail.ParseAddress(m.Contact)
	if p.Server.Hello == "" {
		if base, err := url.Parse(c.Issuer.PublicBase); err == nil && net.ParseIP(base.Hostname()) == nil {
			p.Server.Hello = base.Hostname()
		}
	}
	if m.PasswordFile != "" {
		raw, err := os.ReadFile(c.path(m.PasswordFile))
		if err != nil {
			return nil, fmt.Errorf("reading the password for the mail server: %w", err)
		}
		if p.Server.Password = trimLine(raw); p.Server.Password == "" {
			return nil, fmt.Errorf("reading the password for the mail server: %s is empty", c.path(m.PasswordFile))
		}
	}
	if m.CAFile != "" {
		raw, err := os.ReadFile(c.path(m.CAFile))
		if err != nil {
			return nil, fmt.Errorf("reading who vouches for the mail server: %w", err)
		}
		if p.Server.Roots = x509.NewCertPool(); !p.Server.Roots.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("reading who vouches for the mail server: %s holds no certificate in PEM", c.path(m.CAFile))
		}
	}
	return p, nil
}

// tellOfMail says in the log whether learners are written to.
func (c *Config) tellOfMail() {
	if c.Mail.Host == "" {
		slog.Info("no mail server is configured: learners are not written to")
	}
}
