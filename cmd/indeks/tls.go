package main

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"indeks/web"
)

// TLS says by which certificate a server proves whose it is. Without any it speaks
// HTTP in the clear, for a proxy in front.
type TLS struct {
	// CertFile and KeyFile are PEM: the certificate with those that lead to the
	// authority's, and its key. They are read anew within seconds when they change.
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
	// ACME has an authority asked for a certificate, in place of files.
	ACME ACME `yaml:"acme,omitempty"`
	// HTTPListen is an address, of port 80 for the world, at which readers are led to
	// public_base, and which answers ACME's http-01; "": there is none.
	HTTPListen string `yaml:"http_listen,omitempty"`
}

// ACME is an authority that gives out certificates by RFC 8555. The certificate is
// for the host of public_base.
type ACME struct {
	// AcceptTerms must be true: you have read the authority's terms, and accept them.
	AcceptTerms bool `yaml:"accept_terms,omitempty"`
	// CacheDir holds the account and the certificates with their keys. The server
	// writes to it, and makes it.
	CacheDir string `yaml:"cache_dir,omitempty"`
	// Email is where the authority may write to.
	Email string `yaml:"email,omitempty"`
	// Directory is the URL of the authority's directory, that of Let's Encrypt if not
	// said otherwise; CAFile has in PEM who vouches for its host, where that is not
	// known to the system.
	Directory string `yaml:"directory,omitempty"`
	CAFile    string `yaml:"ca_file,omitempty"`
	// AccountID and AccountKeyFile are of an account that the institution has with
	// the authority already, as the authority gave them out (external account
	// binding). The file holds the key in base64url.
	AccountID      string `yaml:"account_id,omitempty"`
	AccountKeyFile string `yaml:"account_key_file,omitempty"`
}

// check names the first key that makes no sense. base is the server's public one.
func (t *TLS) check(base string) error {
	if *t == (TLS{}) {
		return nil
	}
	u, err := url.Parse(base)
	a := &t.ACME
	byName := a.AcceptTerms || a.CacheDir != "" || a.Email != "" || a.Directory != "" || a.CAFile != "" || a.AccountID != "" || a.AccountKeyFile != ""
	switch {
	case err != nil || u.Scheme != "https":
		return fmt.Errorf("tls: public_base is %q, and must begin with https:// where the server has a certificate", base)
	case byName && t.CertFile+t.KeyFile != "":
		return errors.New("tls.acme: cert_file and key_file are set too; a certificate is in files or from an authority")
	case byName:
		return a.check(u)
	case t.CertFile == "" && t.KeyFile == "":
		return errors.New("tls.http_listen: it leads to a server with a certificate: set cert_file and key_file, or acme")
	case t.CertFile == "":
		return errors.New("tls.cert_file: key_file is set, and this is missing")
	case t.KeyFile == "":
		return errors.New("tls.key_file: cert_file is set, and this is missing")
	}
	return nil
}

func (a *ACME) check(base *url.URL) error {
	_, notAName := netip.ParseAddr(base.Hostname())
	directory, err := url.Parse(a.Directory)
	switch {
	case !a.AcceptTerms:
		return errors.New("tls.acme.accept_terms: it must be true: read the authority's terms, and say that you accept them")
	case a.CacheDir == "":
		return errors.New("tls.acme.cache_dir: name a folder that the server may write to")
	case a.Email != "" && (strings.Count(a.Email, "@") != 1 || strings.ContainsAny(a.Email, " :,<>\r\n")):
		return fmt.Errorf("tls.acme.email: %q is not an address like operator@uni.example", a.Email)
	case a.Directory != "" && (err != nil || directory.Scheme != "https" || directory.Host == ""):
		return fmt.Errorf("tls.acme.directory: %q is not a URL that begins with https://", a.Directory)
	case (a.AccountID == "") != (a.AccountKeyFile == ""):
		return errors.New("tls.acme.account_id: it and account_key_file go together")
	case notAName == nil || !strings.Contains(base.Hostname(), "."):
		return fmt.Errorf("tls.acme: public_base names %s, for which no authority gives a certificate: a name like credentials.uni.example is needed", base.Hostname())
	}
	return nil
}

// secure is what one server listens with: by which certificate, and the address in
// the clear beside it. Both may be nil.
type secure struct {
	tls   *web.TLS
	plain net.Listener
}

// secure prepares TLS for the server called name, issuer or verifier, whose public
// base is base. Its errors name the key.
func (c *Config) secure(name string, t *TLS, base string) (s secure, err error) {
	wrong := func(key string, err error) (secure, error) {
		return secure{}, fmt.Errorf("%s.tls.%s in %s: %w", name, key, configName, err)
	}
	switch a := &t.ACME; {
	case t.CertFile != "":
		if s.tls, err = web.FileTLS(c.path(t.CertFile), c.path(t.KeyFile), base, slog.Default()); err != nil {
			return wrong("cert_file and key_file", err)
		}
	case a.AcceptTerms:
		acme := web.ACME{Directory: a.Directory, Email: a.Email, Cache: c.path(a.CacheDir), KeyID: a.AccountID}
		if a.CAFile != "" {
			raw, err := os.ReadFile(c.path(a.CAFile))
			if err != nil {
				return wrong("acme.ca_file", err)
			}
			if acme.Roots = x509.NewCertPool(); !acme.Roots.AppendCertsFromPEM(raw) {
				return wrong("acme.ca_file", fmt.Errorf("%s has no certificate in PEM", c.path(a.CAFile)))
			}
		}
		if a.AccountKeyFile != "" {
			raw, err := os.ReadFile(c.path(a.AccountKeyFile))
			if err != nil {
				return wrong("acme.account_key_file", err)
			}
			if acme.MACKey, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(trimLine(raw), "=")); err != nil || len(acme.MACKey) == 0 {
				return wrong("acme.account_key_file", fmt.Errorf("%s holds no key in base64url", c.path(a.AccountKeyFile)))
			}
		}
		if s.tls, err = web.ACMETLS(acme, base, slog.Default()); err != nil {
			return wrong("acme.cache_dir", err)
		}
	}
	if t.HTTPListen != "" {
		if s.plain, err = web.Listen(t.HTTPListen); err != nil {
			return wrong("http_listen", err)
		}
	}
	return s, nil
}

// at is where the server is on this machine.
func (s secure) at(l net.Listener) string {
	switch {
	case s.tls == nil:
		return "http://" + l.Addr().String()
	case s.plain == nil:
		return "https://" + l.Addr().String()
	}
	return "https://" + l.Addr().String() + ", to which http://" + s.plain.Addr().String() + " leads"
}

// measure adds when the certificate ends to what Prometheus reads.
func (s secure) measure(m *web.Metrics) {
	if s.tls == nil {
		return
	}
	m.Gauge("indeks_tls_expires_timestamp_seconds", "When the certificate of the server ends.", func() float64 {
		if until := s.tls.Until(); !until.IsZero() {
			return float64(until.Unix())
		}
		return math.NaN()
	})
}
