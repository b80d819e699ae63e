package verifier

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"indeks/keys"
)

// Evidence is a fact about the issuer with its source. Facts stand beside each
// other and are not added up: the level says of what kind a fact is.
//
//	L0  a key, and nobody knows whose
//	L1  a domain publishes the key, and nobody knows who is behind the domain
//	L2  the operator's trust file lists the issuer
//	L3  a certificate for the listed organisation, from an authority that the operator trusts
//	L4  that certificate states that it is a qualified one for electronic seals
type Evidence struct {
	Level   string
	Kind    string            // which fact, for pages in other languages
	With    map[string]string // what stands in the fact, by name; days as YYYY-MM-DD
	Fact    string            // in English
	Source  string
	Checked string // YYYY-MM-DD
}

// Kinds of evidence, with the names in With.
const (
	EvidenceKey         = "key"         // L0
	EvidenceDomain      = "domain"      // L1: Host: which publishes the key
	EvidenceSealed      = "sealed"      // L2: Version, Issued, Key: listed in a sealed trust file
	EvidencePlain       = "plain"       // L2: Version, Issued: listed in a trust file without a seal
	EvidenceRegister    = "register"    // L2: Register, Number
	EvidenceETER        = "eter"        // L2: Number
	EvidenceDEQAR       = "deqar"       // L2: Number
	EvidenceCertificate = "certificate" // L3: Organization, Authority
	EvidenceQualified   = "qualified"   // L4: states to be a qualified certificate for seals, key in a qualified device
	EvidenceStatements  = "statements"  // L3: Statements: states less, or by a law other than that of the Union
	EvidenceGranted     = "granted"     // L4: Authority, From: which the operator saw on a trusted list
)

// EvidenceKinds lists all of them.
var EvidenceKinds = []string{
	EvidenceKey, EvidenceDomain, EvidenceSealed, EvidencePlain, EvidenceRegister, EvidenceETER, EvidenceDEQAR,
	EvidenceCertificate, EvidenceQualified, EvidenceStatements, EvidenceGranted,
}

// standing is what follows from an entry of the trust file alone.
type standing struct {
	facts  []Evidence // who it is
	places places
}

// standing works it out once for each entry: a trust file does not change.
func (v *Verifier) standing(e *TrustedIssuer) *standing {
	known, ok := v.standings.Load(e)
	if !ok {
		known, _ = v.standings.LoadOrStore(e, &standing{slices.Clip(v.listed(e)), e.places()})
	}
	return known.(*standing)
}

// listed is what the trust file says of who an issuer is.
func (v *Verifier) listed(e *TrustedIssuer) []Evidence {
	var facts []Evidence
	fact := func(kind, source string, with map[string]string, format string, args ...any) {
		facts = append(facts, Evidence{Level: "L2", Kind: kind, With: with, Fact: fmt.Sprintf(format, args...), Source: source, Checked: e.Checked})
	}
	with := map[string]string{"Version": fmt.Sprint(v.trust.Version), "Issued": day(v.trust.Issued)}
	if s := v.trust.Sealed; s != nil {
		with["Key"] = s.Key
		fact(EvidenceSealed, e.Source, with, "Listed in the operator's trust file, version %s of %s, sealed with key %s", with["Version"], with["Issued"], s.Key)
	} else {
		fact(EvidencePlain, e.Source, with, "Listed in the operator's trust file, version %s of %s, which is not sealed", with["Version"], with["Issued"])
	}
	if n := e.NationalRegister; n != nil {
		fact(EvidenceRegister, n.Name, map[string]string{"Register": n.Name, "Number": n.Number}, "Entered in %s under %s", n.Name, n.Number)
	}
	if e.ETERID != "" {
		fact(EvidenceETER, "ETER", map[string]string{"Number": e.ETERID}, "Entered in the European Tertiary Education Register under %s", e.ETERID)
	}
	if e.DEQARID != "" {
		fact(EvidenceDEQAR, "DEQAR", map[string]string{"Number": e.DEQARID}, "Entered in the Database of External Quality Assurance Results under %s", e.DEQARID)
	}
	return facts
}

// certified is what a seal's certificate adds, whose paths lead to these anchors
// of the entry. What it states of being qualified is its authority's word; an
// operator who has looked at the trusted list says so in the trust file.
func (e *TrustedIssuer) certified(leaf *x509.Certificate, anchors []*x509.Certificate, at time.Time) []Evidence {
	authority := plain(authorityName(anchors[0]))
	organization := plain(e.OrganizationID)
	facts := []Evidence{{
		Level: "L3", Kind: EvidenceCertificate, With: map[string]string{"Organization": organization, "Authority": authority},
		Fact:   fmt.Sprintf("Sealed with a certificate for the organisation %s from an authority that the operator trusts, %s", organization, authority),
		Source: e.Source, Checked: e.Checked,
	}}
	q, err := keys.ReadQCStatements(leaf)
	switch {
	case err != nil || !q.Qualified && !q.Device && q.Types == nil:
		return facts
	case !q.ForSeals() || q.Laws != nil:
		text := statedBy(q)
		return append(facts, Evidence{
			Level: "L3", Kind: EvidenceStatements, With: map[string]string{"Statements": text},
			Fact:   "The certificate states of itself: " + text + ". That is less than, or other than, a qualified electronic seal of the European Union",
			Source: authority,
		})
	}
	facts = append(facts, Evidence{
		Level: "L4", Kind: EvidenceQualified,
		Fact:   "The certificate states that it is a qualified one for electronic seals, with its key in a qualified device. Whether its authority is on a trusted list was not asked",
		Source: authority,
	})
	on := at.UTC().Format(time.DateOnly)
	for _, g := range e.Granted {
		i := slices.IndexFunc(anchors, g.is)
		if i < 0 || on < g.From || g.To != "" && on > g.To {
			continue
		}
		name := plain(authorityName(anchors[i]))
		facts = append(facts, Evidence{
			Level: "L4", Kind: EvidenceGranted, With: map[string]string{"Authority": name, "From": g.From},
			Fact:   fmt.Sprintf("The operator saw %s on a trusted list, granted for qualified certificates since %s", name, g.From),
			Source: g.Source, Checked: g.Checked,
		})
		break
	}
	return facts
}

// is reports whether this is the certificate that was granted.
func (g Granted) is(c *x509.Certificate) bool {
	sum := sha256.Sum256(c.Raw)
	return strings.EqualFold(hex.EncodeToString(sum[:]), g.Anchor)
}

func authorityName(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}

// statedBy names QC statements by the words of ETSI EN 319 412-5.
func statedBy(q keys.QCStatements) string {
	var list []string
	if q.Qualified {
		list = append(list, "QcCompliance")
	}
	if q.Device {
		list = append(list, "QcSSCD")
	}
	if q.Types != nil {
		list = append(list, "QcType "+strings.Join(q.Types, " "))
	}
	if q.Laws != nil {
		list = append(list, "QcCClegislation "+strings.Join(q.Laws, " "))
	}
	return strings.Join(list, ", ")
}
