package keys

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// QCStatements are what a certificate states of itself in extension
// qcStatements (RFC 3739 section 3.2.6, ETSI EN 319 412-5). They are the word of
// who issued the certificate: whether that authority may say so stands on a
// trusted list, which nothing here asks.
type QCStatements struct {
	Qualified bool     // QcCompliance: a qualified certificate
	Device    bool     // QcSSCD: its key is kept in a qualified device
	Types     []string // QcType: what it is for, of "esign", "eseal", "web", else the OID
	Laws      []string // QcCClegislation: ISO 3166-1 alpha-2 of the countries whose law is meant; nil: that of the European Union
}

// ForSeals reports whether the certificate states all that makes a qualified
// electronic seal: qualified, for seals, key in a qualified device.
func (q QCStatements) ForSeals() bool {
	return q.Qualified && q.Device && slices.Contains(q.Types, "eseal")
}

// ETSI EN 319 412-5 sections 4.2 and 4.3, under 0.4.0.1862.1.
var (
	oidQCStatements = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}
	oidQCCompliance = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 1}
	oidQCDevice     = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 4}
	oidQCType       = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 6}
	oidQCLaw        = asn1.ObjectIdentifier{0, 4, 0, 1862, 1, 7}

	qcTypes = map[string]string{"0.4.0.1862.1.6.1": "esign", "0.4.0.1862.1.6.2": "eseal", "0.4.0.1862.1.6.3": "web"}
)

// ReadQCStatements reads the qcStatements of a certificate, which states nothing
// where the extension is absent. Of an extension with any error nothing is
// believed.
func ReadQCStatements(c *x509.Certificate) (QCStatements, error) {
	for _, extension := range c.Extensions { // x509 has refused an extension that is there twice
		if extension.Id.Equal(oidQCStatements) {
			q, err := parseQCStatements(extension.Value)
			if err != nil {
				return QCStatements{}, fmt.Errorf("reading qcStatements: %w", err)
			}
			return q, nil
		}
	}
	return QCStatements{}, nil
}

// parseQCStatements reads
//
//	QCStatements ::= SEQUENCE OF SEQUENCE { statementId OBJECT IDENTIFIER, statementInfo ANY OPTIONAL }
//
// Statements that are not known here are passed over, as RFC 3739 has it.
func parseQCStatements(der []byte) (QCStatements, error) {
	var q QCStatements
	var list []asn1.RawValue
	if err := exactly(der, &list); err != nil {
		return QCStatements{}, err
	}
	var seen []string
	for _, statement := range list {
		if statement.Class != asn1.ClassUniversal || statement.Tag != asn1.TagSequence || !statement.IsCompound {
			return QCStatements{}, errors.New("a statement is not a sequence")
		}
		var id asn1.ObjectIdentifier
		info, err := asn1.Unmarshal(statement.Bytes, &id)
		if err != nil {
			return QCStatements{}, err
		}
		if slices.Contains(seen, id.String()) {
			return QCStatements{}, fmt.Errorf("statement %s stands there twice", id)
		}
		seen = append(seen, id.String())
		switch {
		case id.Equal(oidQCCompliance):
			q.Qualified, err = true, absent(info)
		case id.Equal(oidQCDevice):
			q.Device, err = true, absent(info)
		case id.Equal(oidQCType):
			var types []asn1.ObjectIdentifier
			err = exactly(info, &types)
			for _, oid := range types {
				name := qcTypes[oid.String()]
				if name == "" {
					name = oid.String()
				}
				q.Types = append(q.Types, name)
			}
		case id.Equal(oidQCLaw):
			q.Laws, err = countries(info)
		}
		if err != nil {
			return QCStatements{}, fmt.Errorf("statement %s: %w", id, err)
		}
	}
	return q, nil
}

// exactly decodes one value with nothing after it.
func exactly(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows")
	}
	return err
}

func absent(info []byte) error {
	if len(info) > 0 {
		return errors.New("it has content, where none is defined")
	}
	return nil
}

// countries reads a SEQUENCE OF PrintableString of two capital letters. An empty
// one would mean the law of nowhere, and read as that of the Union.
func countries(der []byte) ([]string, error) {
	var list []asn1.RawValue
	if err := exactly(der, &list); err != nil {
		return nil, err
	}
	var codes []string
	for _, v := range list {
		if v.Class != asn1.ClassUniversal || v.Tag != asn1.TagPrintableString || v.IsCompound || !twoCapitals.Match(v.Bytes) {
			return nil, errors.New("not a list of country codes")
		}
		codes = append(codes, string(v.Bytes))
	}
	if len(codes) == 0 {
		return nil, errors.New("an empty list of countries")
	}
	return codes, nil
}
