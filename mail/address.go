package mail

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ErrAddress is returned for what is no address that a letter could be sent to.
var ErrAddress = errors.New("not an e-mail address")

// Address is a mailbox as SMTP takes it (RFC 5321, section 4.1.2, and RFC 6531). It
// has neither a name nor anything that would end a header or a command.
type Address struct {
	Local  string // ASCII, or UTF-8 where the server must know SMTPUTF8
	Domain string // in ASCII: international names as A-labels (RFC 5890)
}

// Sizes of RFC 5321, section 4.5.3.1, in octets.
const (
	maxLocal   = 64
	maxAddress = 254 // a path has 256, with its brackets
)

// domains judges and converts domains as those that look names up do (RFC 5891,
// section 5), and holds labels to letters, digits and hyphens.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ParseAddress reads name@domain, and nothing around it. Quoted local parts,
// comments and addresses of machines ([192.0.2.1]) are [ErrAddress]: they are
// misspellings or worse where learners are written to.
func ParseAddress(s string) (Address, error) {
	refuse := func(why string) (Address, error) {
		return Address{}, fmt.Errorf("%w: %s", ErrAddress, why)
	}
	at := strings.LastIndexByte(s, '@')
	switch {
	case at < 0:
		return refuse("it has no @")
	case len(s) > 4*maxAddress || !utf8.ValidString(s):
		return refuse("it is too long, or not UTF-8")
	}
	local, domain := s[:at], s[at+1:]
	switch {
	case local == "" || len(local) > maxLocal:
		return refuse("what stands before the @ has not 1 to 64 bytes")
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return refuse("a dot is at the wrong place")
	case !strings.Contains(domain, "."):
		return refuse("its domain has no dot")
	}
	for _, r := range local {
		// Atoms of RFC 5322, section 3.2.3; of other scripts letters, marks and digits.
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)):
		case r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		default:
			return refuse(fmt.Sprintf("%q cannot stand before the @", r))
		}
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil || strings.HasSuffix(ascii, ".") || strings.Trim(ascii[strings.LastIndexByte(ascii, '.')+1:], "0123456789") == "" {
		return refuse("its domain is none")
	}
	a := Address{local, ascii}
	if len(a.String()) > maxAddress {
		return refuse("it has more than 254 bytes")
	}
	return a, nil
}

// String is the address as it stands in commands and headers.
func (a Address) String() string { return a.Local + "@" + a.Domain }

// international reports whether only a server that knows SMTPUTF8 takes it.
func (a Address) international() bool {
	return strings.ContainsFunc(a.Local, func(r rune) bool { return r >= utf8.RuneSelf })
}
