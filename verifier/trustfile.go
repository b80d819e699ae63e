package verifier

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/keys"
	"indeks/merkle"
)

// The trust file as it is written.
type trustFile struct {
	Version int          `json:"version"`
	Issued  time.Time    `json:"issued"`
	Expires time.Time    `json:"expires"`
	Issuers []trustEntry `json:"issuers"`
}

type trustEntry struct {
	ID               string            `json:"id,omitempty"`
	LegalName        map[string]string `json:"legal_name"`
	Country          string            `json:"country,omitempty"`
	Domains          []string          `json:"domains,omitempty"`
	ETERID           string            `json:"eter_id,omitempty"`
	DEQARID          string            `json:"deqar_id,omitempty"`
	NationalRegister *registerEntry    `json:"national_register,omitempty"`
	Provider         string            `json:"provider,omitempty"`
	Accredited       []accreditedEntry `json:"accredited,omitempty"`
	Keys             []keyEntry        `json:"keys,omitempty"`
	OrganizationID   string            `json:"x5c_organization_identifier,omitempty"`
	Anchors          []string          `json:"x5c_anchors,omitempty"`
	Granted          []grantedEntry    `json:"x5c_granted,omitempty"`
	CredentialsURL   string            `json:"credentials_url,omitempty"`
	QRPrefix         string            `json:"qr_prefix,omitempty"`
	StatusDelegates  []string          `json:"status_delegates,omitempty"`
	LogHeads         []headEntry       `json:"log_heads,omitempty"`
	Ended            string            `json:"ended,omitempty"`
	Successor        string            `json:"successor,omitempty"`
	Custodian        string            `json:"custodian,omitempty"`
	Source           string            `json:"source"`
	Checked          string            `json:"checked"`
}

type registerEntry struct {
	Name   string `json:"name"`
	Number string `json:"number"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

type accreditedEntry struct {
	By     string `json:"by"`
	From   string `json:"from"`
	To     string `json:"to,omitempty"`
	Source string `json:"source,omitempty"`
	URL    string `json:"url,omitempty"`
}

type grantedEntry struct {
	Anchor  string `json:"anchor"`
	From    string `json:"from"`
	To      string `json:"to,omitempty"`
	Source  string `json:"source"`
	Checked string `json:"checked"`
}

type headEntry struct {
	Log  string      `json:"log"`
	Size uint64      `json:"size"`
	Root merkle.Hash `json:"root"`
	Time time.Time   `json:"time"`
}

type keyEntry struct {
	JWK           jsontext.Value `json:"jwk"`
	Purposes      []string       `json:"purposes"`
	NotBefore     time.Time      `json:"not_before,omitzero"`
	NotAfter      time.Time      `json:"not_after,omitzero"`
	CompromisedAt time.Time      `json:"compromised_at,omitzero"`
}

// ParseTrust reads a trust file (JSON, version 1 of the format). Unknown and
// repeated members are refused, with a JSON Pointer.
func ParseTrust(raw []byte) (*Trust, error) {
	var file trustFile
	if err := json.Unmarshal(raw, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("reading trust file: %w", pointed(err))
	}
	t := &Trust{Version: file.Version, Issued: file.Issued, Expires: file.Expires}
	at := func(format string, args ...any) func(error) error {
		pointer := fmt.Sprintf(format, args...)
		return func(err error) error { return fmt.Errorf("reading trust file: at %s: %w", pointer, err) }
	}

	// 1. The file as a whole. A list without an end would be believed for ever.
	switch {
	case file.Version < 1:
		return nil, at("/version")(errors.New("must be a number from 1, raised with each change"))
	case file.Issued.IsZero():
		return nil, at("/issued")(errors.New("missing"))
	case !file.Expires.After(file.Issued):
		return nil, at("/expires")(errors.New("must be after issued"))
	}

	// 2. Each entry.
	var wrong jsontext.Pointer
	var err error
	if t.Issuers, wrong, err = parseEntries(file.Issuers); err != nil {
		return nil, at("/issuers%s", wrong)(err)
	}
	return t, nil
}

// ParseTrustEntries reads entries to put into a trust file: one alone, or those
// of a trust file, as an institution publishes it. It is as strict as
// [ParseTrust].
func ParseTrustEntries(raw []byte) ([]TrustedIssuer, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("reading trust entry: %w", pointed(err))
	}
	if members["issuers"] != nil {
		t, err := ParseTrust(raw)
		if err != nil {
			return nil, err
		}
		return t.Issuers, nil
	}
	var entry trustEntry
	if err := json.Unmarshal(raw, &entry, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("reading trust entry: %w", pointed(err))
	}
	list, wrong, err := parseEntries([]trustEntry{entry})
	if err != nil {
		return nil, fmt.Errorf("reading trust entry: at %s: %w", strings.TrimPrefix(string(wrong), "/0"), err)
	}
	return list, nil
}

// parseEntries checks entries. What names an issuer must name one only. Where it
// errs, wrong points to the place.
func parseEntries(entries []trustEntry) (list []TrustedIssuer, wrong jsontext.Pointer, err error) {
	seen := make(map[string]bool)
	once := func(kind, name string) error {
		if name == "" {
			return nil
		}
		if seen[kind+name] {
			return fmt.Errorf("%s %q stands in the file twice", kind, name)
		}
		seen[kind+name] = true
		return nil
	}
	for i, entry := range entries {
		e, member, err := entry.issuer()
		if err == nil {
			member = "id"
			err = once("issuer", e.ID)
		}
		if err == nil {
			member = "x5c_organization_identifier"
			err = once("organization", e.OrganizationID)
		}
		if err != nil {
			return nil, jsontext.Pointer(fmt.Sprintf("/%d/%s", i, member)), err
		}
		for k, entry := range entry.Keys {
			key, refused, err := entry.key(e.ID)
			switch {
			case err != nil:
			case refused != nil:
				err = once("key", refused.ID)
				e.Refused = append(e.Refused, *refused)
			default:
				err = once("key", key.ID)
				e.Keys = append(e.Keys, *key)
			}
			if err != nil {
				return nil, jsontext.Pointer(fmt.Sprintf("/%d/keys/%d", i, k)), err
			}
		}
		list = append(list, *e)
	}
	return list, "", nil
}

// pointed puts the JSON Pointer of an error of the JSON library in front.
func pointed(err error) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok && semantic.Err != nil {
		return fmt.Errorf("at %s: %w", pointer(semantic.JSONPointer), semantic.Err)
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("at %s: %w", pointer(syntax.JSONPointer), syntax.Err)
	}
	return err
}

func pointer(p jsontext.Pointer) string {
	if p == "" {
		return "the top"
	}
	return string(p)
}

// issuer checks an entry without its keys. Where it errs, wrong is the member.
func (entry *trustEntry) issuer() (e *TrustedIssuer, wrong string, err error) {
	e = &TrustedIssuer{
		ID: entry.ID, LegalName: entry.LegalName, Country: entry.Country, Domains: entry.Domains,
		ETERID: entry.ETERID, DEQARID: entry.DEQARID, NationalRegister: (*Register)(entry.NationalRegister), Provider: entry.Provider,
		OrganizationID: entry.OrganizationID, CredentialsURL: strings.TrimSuffix(entry.CredentialsURL, "/"),
		QRPrefix: strings.ToUpper(entry.QRPrefix), StatusDelegates: entry.StatusDelegates,
		Ended: entry.Ended, Successor: entry.Successor, Custodian: entry.Custodian,
		Source: entry.Source, Checked: entry.Checked,
	}
	switch {
	case e.ID == "" && e.OrganizationID == "":
		return nil, "id", errors.New("neither id nor x5c_organization_identifier says who this is")
	case e.ID != "" && !strings.HasPrefix(e.ID, "did:"):
		return nil, "id", errors.New("not a DID")
	case e.Name("en") == "":
		return nil, "legal_name", errors.New("missing")
	case e.Provider != "" && e.Provider != "hei" && e.Provider != "alternative":
		return nil, "provider", errors.New(`neither "hei" nor "alternative"`)
	case e.Source == "":
		return nil, "source", errors.New("missing: where does the operator know this from?")
	case e.QRPrefix != "" && (len(e.QRPrefix) != 2 || strings.Trim(e.QRPrefix, publicAlphabet) != ""):
		return nil, "qr_prefix", errors.New("not two symbols of the alphabet of public ids")
	}
	for i, domain := range e.Domains {
		if domain == "" || strings.ContainsAny(domain, "/:@*? ") {
			return nil, "domains/" + strconv.Itoa(i), errors.New("not a host name")
		}
	}
	if e.CredentialsURL != "" {
		if _, err := parseURL(e.CredentialsURL); err != nil {
			return nil, "credentials_url", err
		}
	}
	for i, a := range entry.Accredited {
		e.Accredited = append(e.Accredited, Accredited(a))
		if a.By == "" {
			return nil, "accredited/" + strconv.Itoa(i) + "/by", errors.New("missing")
		}
	}
	for i, g := range entry.Granted {
		e.Granted = append(e.Granted, Granted(g))
		if g.Source == "" {
			return nil, "x5c_granted/" + strconv.Itoa(i) + "/source", errors.New("missing: on which list was it seen?")
		}
	}
	for i, h := range entry.LogHeads {
		at := "log_heads/" + strconv.Itoa(i)
		head := LogHead(h)
		switch {
		case h.Time.IsZero():
			return nil, at + "/time", errors.New("missing: when was it seen?")
		case slices.ContainsFunc(e.LogHeads, func(o LogHead) bool { return o.Log == h.Log && o.Size == h.Size }):
			return nil, at, errors.New("the same size of a log twice")
		}
		if _, err := merkle.ParseHead(head.head().Text()); err != nil {
			return nil, at, err
		}
		e.LogHeads = append(e.LogHeads, head)
	}
	type date struct {
		at       string
		text     *string
		optional bool
	}
	var periods [][2]date
	period := func(at string, from *string, open bool, to *string) {
		periods = append(periods, [2]date{{at + "/from", from, open}, {at + "/to", to, true}})
	}
	dates := []date{{"checked", &e.Checked, false}, {"ended", &e.Ended, true}}
	for i := range e.Accredited {
		period("accredited/"+strconv.Itoa(i), &e.Accredited[i].From, false, &e.Accredited[i].To)
	}
	for i := range e.Granted {
		at := "x5c_granted/" + strconv.Itoa(i)
		period(at, &e.Granted[i].From, false, &e.Granted[i].To)
		dates = append(dates, date{at + "/checked", &e.Granted[i].Checked, false})
	}
	if n := e.NationalRegister; n != nil {
		register := Register(*n) // its dates are written anew
		e.NationalRegister = &register
		period("national_register", &register.From, true, &register.To)
	}
	for _, p := range periods {
		dates = append(dates, p[:]...)
	}
	for _, d := range dates {
		if *d.text == "" && d.optional {
			continue
		}
		if _, err := time.Parse(time.RFC3339, *d.text); err == nil {
			*d.text = (*d.text)[:len(time.DateOnly)] // the day as it is written, wherever that is
		}
		if _, err := time.Parse(time.DateOnly, *d.text); err != nil {
			return nil, d.at, errors.New("not a date of the form YYYY-MM-DD")
		}
	}
	for _, p := range periods {
		if from, to := *p[0].text, *p[1].text; to != "" && to < from {
			return nil, p[1].at, fmt.Errorf("before the beginning, %s", from)
		}
	}
	for i, text := range entry.Anchors {
		at := "x5c_anchors/" + strconv.Itoa(i)
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
			return nil, at, errors.New("not one PEM certificate")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, at, err
		}
		e.Anchors = append(e.Anchors, c)
	}
	for i, g := range e.Granted {
		if !slices.ContainsFunc(e.Anchors, g.is) {
			return nil, "x5c_granted/" + strconv.Itoa(i) + "/anchor", errors.New("not the SHA-256 (hex) of a certificate of x5c_anchors")
		}
	}
	return e, "", nil
}

// key reads a key of an entry. One that policy refuses comes back as such.
func (entry keyEntry) key(controller string) (*keys.PublicKey, *RefusedKey, error) {
	if len(entry.Purposes) == 0 {
		return nil, nil, errors.New("purposes are missing")
	}
	k, err := keys.ParseJWK(entry.JWK)
	if errors.Is(err, keys.ErrKeyPolicy) {
		var public struct {
			KeyID string `json:"kid"`
		}
		if json.Unmarshal(entry.JWK, &public) != nil || public.KeyID == "" {
			return nil, nil, errors.New("jwk without kid")
		}
		if hasSecret(entry.JWK) {
			return nil, nil, err // a secret in a file that is handed round is no key any more
		}
		return nil, &RefusedKey{ID: public.KeyID, Why: err, raw: entry}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if k.ID == "" {
		return nil, nil, errors.New("jwk without kid")
	}
	k.Controller, k.Purposes = controller, entry.Purposes
	k.NotBefore, k.NotAfter, k.CompromisedAt = entry.NotBefore, entry.NotAfter, entry.CompromisedAt
	k.Precompute()
	return k, nil, nil
}

func hasSecret(jwk []byte) bool {
	var members map[string]jsontext.Value
	return json.Unmarshal(jwk, &members) == nil &&
		slices.ContainsFunc([]string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"}, func(name string) bool { return members[name] != nil })
}

// MarshalJSON writes the trust file that ParseTrust reads.
func (t *Trust) MarshalJSON() ([]byte, error) {
	file := trustFile{Version: t.Version, Issued: t.Issued, Expires: t.Expires, Issuers: []trustEntry{}}
	for i := range t.Issuers {
		entry, err := t.Issuers[i].written()
		if err != nil {
			return nil, fmt.Errorf("writing trust file: %w", err)
		}
		file.Issuers = append(file.Issuers, *entry)
	}
	return json.Marshal(file, json.Deterministic(true), jsontext.WithIndent("  "))
}

// written is the entry as it stands in the file.
func (t *TrustedIssuer) written() (*trustEntry, error) {
	entry := &trustEntry{
		ID: t.ID, LegalName: t.LegalName, Country: t.Country, Domains: t.Domains,
		ETERID: t.ETERID, DEQARID: t.DEQARID, NationalRegister: (*registerEntry)(t.NationalRegister), Provider: t.Provider,
		OrganizationID: t.OrganizationID, CredentialsURL: t.CredentialsURL,
		QRPrefix: t.QRPrefix, StatusDelegates: t.StatusDelegates,
		Ended: t.Ended, Successor: t.Successor, Custodian: t.Custodian,
		Source: t.Source, Checked: t.Checked,
	}
	for _, a := range t.Accredited {
		entry.Accredited = append(entry.Accredited, accreditedEntry(a))
	}
	for _, g := range t.Granted {
		entry.Granted = append(entry.Granted, grantedEntry(g))
	}
	for _, h := range t.LogHeads {
		entry.LogHeads = append(entry.LogHeads, headEntry(h))
	}
	for _, k := range t.Keys {
		jwk := k.JWK()
		if jwk == nil {
			return nil, fmt.Errorf("key %q is of a kind that has no JWK", k.ID)
		}
		entry.Keys = append(entry.Keys, keyEntry{
			JWK: jwk, Purposes: k.Purposes, NotBefore: k.NotBefore, NotAfter: k.NotAfter, CompromisedAt: k.CompromisedAt,
		})
	}
	for _, k := range t.Refused {
		entry.Keys = append(entry.Keys, k.raw)
	}
	for _, c := range t.Anchors {
		entry.Anchors = append(entry.Anchors, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	}
	return entry, nil
}
