package verifier

import (
	"crypto"
	"crypto/x509"
	"net/url"
	"slices"
	"strings"
	"time"

	"indeks/keys"
)

// Trust is the operator's list of issuers: configured, never learnt from a
// credential. After Expires nobody on it is confirmed any more.
type Trust struct {
	Version int
	Issued  time.Time
	Expires time.Time
	Issuers []TrustedIssuer
	Sealed  *TrustSeal // by whom; nil for a plain file, which is whatever its writer wants

	raw    []byte          // as OpenTrust was given it; nil where it was not read
	sealer *keys.PublicKey // nil for a plain file
}

// File is the file as OpenTrust was given it, and the public JWK of the key that
// sealed it, nil for a plain one: for readers who check the seal themselves. Both are
// nil for a Trust that was not read by OpenTrust.
func (t *Trust) File() (raw, sealer []byte) {
	if t == nil || t.raw == nil {
		return nil, nil
	}
	if t.sealer != nil {
		sealer = t.sealer.JWK()
	}
	return t.raw, sealer
}

// TrustedIssuer is one entry of the trust file. It is known by its DID, by the
// organizationIdentifier of its seal certificates, or by both; whatever is
// found by either belongs to the same issuer.
type TrustedIssuer struct {
	ID               string            // DID, "" for an issuer that is known by its certificates only
	LegalName        map[string]string // language to name
	Country          string            // ISO 3166-1 alpha-2 or alpha-3
	Domains          []string          // hosts below which it may be asked; subdomains are included
	ETERID           string
	DEQARID          string
	NationalRegister *Register
	Provider         string // "hei" or "alternative"
	Accredited       []Accredited
	Keys             []keys.PublicKey // ID is unique in the whole file
	Refused          []RefusedKey
	OrganizationID   string              // x5c_organization_identifier
	Anchors          []*x509.Certificate // x5c_anchors: any CA (the issuing one where seals do not bring it), or a seal certificate itself
	Granted          []Granted           // x5c_granted
	CredentialsURL   string
	QRPrefix         string // two symbols
	StatusDelegates  []string
	LogHeads         []LogHead // log_heads
	Ended            string    // YYYY-MM-DD; what was sealed later is not vouched for
	Successor        string
	Custodian        string
	Source           string
	Checked          string // YYYY-MM-DD
}

// RefusedKey is a key of the trust file with which nothing may be sealed: for
// encryption, too short, of another algorithm. It stays known, so that a report
// says "not allowed" of it and not "unknown".
type RefusedKey struct {
	ID  string // kid
	Why error  // wraps keys.ErrKeyPolicy
	raw keyEntry
}

// Register is the institution's entry in a national register, dates as YYYY-MM-DD.
type Register struct{ Name, Number, From, To string }

// Accredited is a period of accreditation, dates as YYYY-MM-DD; To may be "".
type Accredited struct{ By, From, To, Source, URL string }

// Granted is the operator's word that an anchor stood on a trusted list (ETSI TS
// 119 612) as a service of type CA/QC with status granted. Dates as YYYY-MM-DD;
// To may be "".
type Granted struct {
	Anchor   string // SHA-256 of the certificate, hex
	From, To string
	Source   string // the list
	Checked  string
}

// Name is the legal name in lang, else in English, else in the first language by
// tag.
func (t *TrustedIssuer) Name(lang string) string {
	for _, tag := range []string{lang, "en"} {
		if name := t.LegalName[tag]; name != "" {
			return name
		}
	}
	var first string
	for tag := range t.LegalName {
		if first == "" || tag < first {
			first = tag
		}
	}
	return t.LegalName[first]
}

// ByDID finds the entry of a DID, nil where there is none.
func (t *Trust) ByDID(did string) *TrustedIssuer {
	if t == nil || did == "" {
		return nil
	}
	for i := range t.Issuers {
		if t.Issuers[i].ID == did {
			return &t.Issuers[i]
		}
	}
	return nil
}

// ByOrganization finds an entry by organizationIdentifier, nil where there is
// none. An organizationIdentifier matches with or without its VATxx-/NTRxx-
// prefix on the credential's side; an entry that matches in full goes first.
func (t *Trust) ByOrganization(id string) *TrustedIssuer {
	if t == nil || id == "" {
		return nil
	}
	var short *TrustedIssuer
	for i := range t.Issuers {
		switch e := &t.Issuers[i]; {
		case e.OrganizationID == id:
			return e
		case short == nil && sameOrganization(e.OrganizationID, id):
			short = e
		}
	}
	return short
}

// sameOrganization reports whether notation, as a credential writes it, names
// the organization with this organizationIdentifier (ETSI EN 319 412-1 section
// 5.1.4: three letters for the kind, two for the country, a hyphen, the number).
// Real files leave the prefix out: 17207834 for NTREE-17207834.
func sameOrganization(organizationID, notation string) bool {
	if organizationID == "" || notation == "" {
		return false
	}
	if organizationID == notation {
		return true
	}
	kind, number, ok := strings.Cut(organizationID, "-")
	return ok && len(kind) == 5 && (kind[:3] == "VAT" || kind[:3] == "NTR") && number == notation
}

// key finds a key by its exact kid, in whichever list of the entry it stands.
func (t *Trust) key(kid string) (*TrustedIssuer, *keys.PublicKey, *RefusedKey) {
	if t == nil || kid == "" {
		return nil, nil, nil
	}
	for i := range t.Issuers {
		e := &t.Issuers[i]
		for k := range e.Keys {
			if e.Keys[k].ID == kid {
				return e, &e.Keys[k], nil
			}
		}
		for k := range e.Refused {
			if e.Refused[k].ID == kid {
				return e, nil, &e.Refused[k]
			}
		}
	}
	return nil, nil, nil
}

// byKey finds the entry that lists this very key, under whatever name.
func (t *Trust) byKey(public crypto.PublicKey) (*TrustedIssuer, *keys.PublicKey) {
	if t == nil {
		return nil, nil
	}
	for i := range t.Issuers {
		e := &t.Issuers[i]
		for k := range e.Keys {
			if equalKeys(e.Keys[k].Key, public) {
				return e, &e.Keys[k]
			}
		}
	}
	return nil, nil
}

// byCertificate finds the entry for a seal certificate, by its
// organizationIdentifier in full: the prefix is optional in credentials only.
// It says nothing of who issued the certificate.
func (t *Trust) byCertificate(c *x509.Certificate) *TrustedIssuer {
	id := keys.OrganizationIdentifier(c)
	if t == nil || id == "" {
		return nil
	}
	i := slices.IndexFunc(t.Issuers, func(e TrustedIssuer) bool { return e.OrganizationID == id })
	if i < 0 {
		return nil
	}
	return &t.Issuers[i]
}

// places are the hosts that belong to an issuer, in lower case, and the ports that it
// names. Something elsewhere is never fetched in its name.
type places struct{ hosts, ports []string }

func (t *TrustedIssuer) places() (p places) {
	add := func(host string) { p.hosts = append(p.hosts, strings.ToLower(host)) }
	for _, domain := range t.Domains {
		add(domain)
	}
	if rest, ok := strings.CutPrefix(t.ID, "did:web:"); ok {
		host, _, _ := strings.Cut(rest, ":")
		if plain, err := url.PathUnescape(host); err == nil { // did:web section 3.2: the port's colon is percent-encoded
			host, port, _ := strings.Cut(plain, ":")
			add(host)
			p.ports = append(p.ports, port)
		}
	}
	if u, err := parseURL(t.CredentialsURL); err == nil {
		add(u.Hostname())
		p.ports = append(p.ports, u.Port())
	}
	return p
}

// owns reports whether u leads to one of the issuer's hosts, or a subdomain of
// one, at a port that it uses: links come from strangers, and whoever may choose
// the port can look for open ones.
func (t *TrustedIssuer) owns(u *url.URL) bool { return t.places().own(u) }

func (p places) own(u *url.URL) bool {
	if port := u.Port(); port != "" && port != "443" && !slices.Contains(p.ports, port) {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	return host != "" && slices.ContainsFunc(p.hosts, func(own string) bool {
		above, ok := strings.CutSuffix(host, own)
		return ok && (above == "" || own != "" && strings.HasSuffix(above, "."))
	})
}
