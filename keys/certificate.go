package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/alike"
)

// oidOrganizationIdentifier is subject attribute organizationIdentifier (X.520
// section 6.4.5; its values by ETSI EN 319 412-1 section 5.1.4).
var oidOrganizationIdentifier = asn1.ObjectIdentifier{2, 5, 4, 97}

// OrganizationIdentifier reads subject attribute 2.5.4.97 ("VATRS-...",
// "NTRHR-...") of a seal certificate, "" where it has none or more than one.
func OrganizationIdentifier(c *x509.Certificate) string {
	var found []string
	for _, attribute := range c.Subject.Names {
		if attribute.Type.Equal(oidOrganizationIdentifier) {
			text, _ := attribute.Value.(string)
			found = append(found, text)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// costly reports whether a signature by the key of c takes too long to check.
// Whoever sends a token may claim that such a certificate stands above its own,
// and paths are looked for through all of them: 60 000 bits cost five seconds.
func costly(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() > maxRSABits
}

// SelfSigned reports whether c is its own issuer.
func SelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// Words of a self-signed seal certificate, so that nobody who looks at it takes
// it for one of a trust service provider.
const (
	demoUnit   = "Self-signed demo seal - not a qualified certificate"
	demoSuffix = " (demo seal, not qualified)"
)

var (
	organizationIdentifier = regexp.MustCompile(`^[A-Z]{3}[A-Z]{2}-\S+$`)
	twoCapitals            = regexp.MustCompile(`^[A-Z]{2}$`) // ISO 3166-1 alpha-2
)

// selfSign makes a self-signed certificate for a seal: no CA, no policies, for
// digital signatures and content commitment only.
func selfSign(n NewKey, key crypto.Signer) (*x509.Certificate, error) {
	if n.Organization == "" {
		return nil, errors.New("organization is missing")
	}
	if n.Country != "" && !twoCapitals.MatchString(n.Country) {
		return nil, fmt.Errorf("country %q is not two capital letters (ISO 3166-1)", n.Country)
	}
	if n.OrgID != "" && !organizationIdentifier.MatchString(n.OrgID) {
		return nil, fmt.Errorf("organization identifier %q is not of the form VATRS-100000001", n.OrgID)
	}
	subject := pkix.Name{Organization: []string{n.Organization}, OrganizationalUnit: []string{demoUnit}}
	subject.CommonName = n.CommonName + demoSuffix
	if n.CommonName == "" {
		subject.CommonName = n.Organization + demoSuffix
	}
	if n.Country != "" {
		subject.Country = []string{n.Country}
	}
	if n.OrgID != "" {
		subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidOrganizationIdentifier, Value: n.OrgID}}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)), // positive, RFC 5280 section 4.1.2.2
		Subject:               subject,
		NotBefore:             n.Now,
		NotAfter:              n.Now.Add(n.ValidFor),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		BasicConstraintsValid: true, // and IsCA false
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// checkSealCertificate says why a certificate cannot be used to seal with key
// at an instant, nil where it can.
func checkSealCertificate(c *x509.Certificate, key crypto.PublicKey, now time.Time) error {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !ok || !public.Equal(key):
		return errors.New("the certificate is for another key")
	case c.IsCA:
		return errors.New("the certificate is one of a certification authority")
	case c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return errors.New("the certificate is not for signatures or seals (keyUsage)")
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return fmt.Errorf("the certificate is valid from %s to %s", c.NotBefore.Format(time.RFC3339), c.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// orderChain orders certificates from the leaf towards the root, which is left out:
// a verifier takes it from its own trust file. What does not belong is dropped.
func orderChain(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for len(chain) < MaxCertificates {
		last := chain[len(chain)-1]
		var next *x509.Certificate
		for _, c := range others {
			if bytes.Equal(c.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(c) == nil && !SelfSigned(c) {
				next = c
				break
			}
		}
		if next == nil {
			break
		}
		chain = append(chain, next)
	}
	return chain
}

// issuerSerial is the DER of IssuerSerial (RFC 5035 section 5), whose base64 is
// the kid of a JAdES signature (ETSI TS 119 182-1 section 5.1.4).
func issuerSerial(c *x509.Certificate) ([]byte, error) {
	return asn1.Marshal(struct {
		Issuer []asn1.RawValue // GeneralNames, of which one is directoryName [4]
		Serial *big.Int
	}{
		[]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: c.RawIssuer}},
		c.SerialNumber,
	})
}

// maxIntermediates is how many certificates are taken from xVals.
const maxIntermediates = 32

// Intermediates returns certificates from unsigned xVals of a JAdES token, for
// building paths only: anybody may have put them there. Of what cannot be read
// nothing is returned, nor of RSA keys over 8192 bits, and no more than 32 in all.
func Intermediates(token []byte) []*x509.Certificate {
	e, err := parse(alike.Whole(token), credentials, nil)
	if err != nil {
		return nil
	}
	var found []*x509.Certificate
	for _, s := range e.seals {
		for _, item := range unsignedProperties(s.etsiU) {
			if unsignedName(item) != "xVals" {
				continue
			}
			object := []byte(item)
			if text, ok := readString(item); ok {
				if object, err = decodeBase64URL(text); err != nil {
					continue
				}
			}
			var values struct {
				XVals []struct {
					X509Cert struct {
						Val string `json:"val"`
					} `json:"x509Cert"`
				} `json:"xVals"`
			}
			if json.Unmarshal(object, &values) != nil {
				continue
			}
			for _, v := range values.XVals {
				der, err := base64.StdEncoding.DecodeString(v.X509Cert.Val)
				if err != nil {
					continue
				}
				c, err := x509.ParseCertificate(der)
				if err != nil || costly(c) {
					continue
				}
				if found = append(found, c); len(found) == maxIntermediates {
					return found
				}
			}
		}
	}
	return found
}
