package keys

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/alike"
)

// headerNames are the header parameters that mean something here or to
// libraries of others (RFC 7515, 7516, 7519, 7797, ETSI TS 119 182-1); a name
// that differs from one of them only in case is refused.
var headerNames = []string{
	"alg", "crit", "b64", "typ", "cty", "kid", "iss", "iat", "zip", "enc",
	"x5c", "x5t", "x5t#S256", "x5t#o", "x5u", "jwk", "jku", "sigX5ts",
	"sigT", "sigD", "adoTst", "srCms", "sigPl", "srAts", "sigPId", "etsiU",
}

// understood are the names that crit may hold: none in a compact token. adoTst
// is a time stamp over the payload inside the sealed header; it is passed over,
// and nothing is concluded from it. sigD, which would say that something other
// than the payload is signed, is not understood.
var understood = map[Form][]string{
	JWS:   {"b64", "sigT", "iat", "adoTst"},
	JAdES: {"b64", "sigT", "iat", "adoTst"},
}

// Values of typ and cty, without "application/", "" where absent. Tokens of
// other kinds (at+jwt, kb+jwt, vp+jwt) may be signed by the same keys and are
// no credentials (RFC 8725 section 3.11). The typ of a compact token tells its
// form, and which forms are read is for the caller of parse to say.
var (
	compactTyp = map[string]Form{"": VCJWT, "vc+jwt": VCJWT, "JWT": JWT, "vp+jwt": VPJWT, "dc+sd-jwt": SDJWT, "vc+sd-jwt": SDJWT, "trust+jwt": TrustJWT, "log-head+jwt": LogHead, "withdrawal+jwt": Withdrawal, "archive+jwt": ArchiveSeal}
	allowedTyp = map[Form][]string{
		VCJWT: {"", "vc+jwt"},
		JWT:   {"JWT"},
		VPJWT: {"vp+jwt"},
		SDJWT: {"dc+sd-jwt", "vc+sd-jwt"}, // the latter of VC-JOSE-COSE section 3.2.1, and of SD-JWT VC before
		JWS:   {"", "vc+jwt", "jose+json", "jose"},
		JAdES: {"", "vc+jwt", "jose+json", "jose"},

		TrustJWT: {"trust+jwt"},
		LogHead:  {"log-head+jwt"},

		Withdrawal: {"withdrawal+jwt"}, ArchiveSeal: {"archive+jwt"},
	}
	allowedCty = map[Form][]string{
		VCJWT: {"", "vc"},
		JWT:   {"", "vc"},
		VPJWT: {"", "vp"},
		SDJWT: {"", "vc"},
		JWS:   {"", "vc", "json", "octet-stream"},
		JAdES: {"", "vc", "json", "octet-stream"},

		TrustJWT: {"", "json"},
		LogHead:  {""},

		Withdrawal: {""}, ArchiveSeal: {""},
	}
)

// readLately are headers that passed readProtected, by their text: of tokens whose
// payload is known they are our own, and hundreds of them the same.
var readLately struct {
	sync.RWMutex
	headers map[headerText]Header
}

type headerText struct {
	text    string
	compact bool
}

const maxLately = 16

// headerOf is readProtected for a token of whose payload known is what the caller knows.
func headerOf(text []byte, compact bool, known *alike.Text) (Header, error) {
	if known == nil {
		return readProtected(text, compact)
	}
	readLately.RLock()
	h, ok := readLately.headers[headerText{string(text), compact}]
	readLately.RUnlock()
	if ok {
		return h, nil
	}
	h, err := readProtected(text, compact)
	if err == nil {
		readLately.Lock()
		if readLately.headers == nil || len(readLately.headers) >= maxLately {
			readLately.headers = map[headerText]Header{}
		}
		readLately.headers[headerText{string(text), compact}] = h
		readLately.Unlock()
	}
	return h, err
}

// readProtected reads the protected header of one signature and holds it to
// every rule that needs no key.
func readProtected(text []byte, compact bool) (Header, error) {
	var h Header

	// 1. Strict JSON of limited size.
	if base64URL.DecodedLen(len(text)) > MaxHeader {
		return h, refuse(ErrTooLarge, "header of more than %d bytes", MaxHeader)
	}
	raw, err := decodeBase64URL(text)
	if err != nil {
		return h, refuse(ErrFormat, "protected header: %v", err)
	}
	members, ok := plainObject(raw)
	if !ok {
		if members, err = readObject(raw); err != nil {
			return h, refuse(ErrFormat, "protected header: %v", err)
		}
		if name := nearMiss(members, headerNames); name != "" {
			return h, refuse(ErrHeader, "%q differs only in case from a header parameter", name)
		}
	}
	for _, name := range []string{"zip", "sigD"} {
		if members[name] != nil {
			return h, refuse(ErrHeader, "%s is not allowed", name)
		}
	}

	// 2. The form, which the other rules depend on.
	b64 := true
	if v, ok := members["b64"]; ok {
		if v.Kind() != 't' && v.Kind() != 'f' {
			return h, refuse(ErrHeader, "b64 is not a boolean")
		}
		b64 = v.Kind() == 't'
	}
	switch {
	case compact && b64:
		h.Form = VCJWT
	case compact:
		return h, refuse(ErrHeader, "b64=false in a compact token") // RFC 7797 section 7
	case b64:
		h.Form = JWS
	default:
		h.Form = JAdES
	}
	if err := readCrit(members, h.Form); err != nil {
		return h, err
	}

	// 3. The algorithm. It is refused here and not when the signature is
	// checked, so that no resolver is asked for a key of alg "none".
	alg, ok := readString(members["alg"])
	if !ok {
		return h, refuse(ErrAlgorithm, "alg is missing or not a string")
	}
	h.Alg = Algorithm(alg)
	if _, ok := algorithms[h.Alg]; !ok {
		return h, refuse(ErrAlgorithm, "%.40q", alg)
	}

	// 4. What kind of token this is.
	var cty string
	for _, m := range []struct {
		name  string
		value *string
	}{{"typ", &h.Typ}, {"cty", &cty}, {"kid", &h.KeyID}, {"iss", &h.Issuer}} {
		v, ok := members[m.name]
		if !ok {
			continue
		}
		text, ok := readString(v)
		if !ok || len(text) == 0 {
			return h, refuse(ErrHeader, "%s is not a string with content", m.name)
		}
		*m.value = string(text)
	}
	h.Typ = strings.TrimPrefix(h.Typ, "application/") // RFC 7515 section 4.1.9
	if form, ok := compactTyp[h.Typ]; compact && ok {
		h.Form = form
	}
	if !slices.Contains(allowedTyp[h.Form], h.Typ) {
		return h, refuse(ErrHeader, "typ %.40q is not one that is read here", h.Typ)
	}
	if !slices.Contains(allowedCty[h.Form], strings.TrimPrefix(cty, "application/")) {
		return h, refuse(ErrHeader, "cty %.40q is not one that is read here", cty)
	}

	// 5. Certificates. A key in the header is never used; jku and x5u are
	// never fetched.
	_, h.HasJWK = members["jwk"]
	if v, ok := members["x5c"]; ok {
		if h.Chain, err = readChain(v); err != nil {
			return h, err
		}
	}
	if err := checkThumbprints(members, h); err != nil {
		return h, err
	}

	// 6. The claimed time of sealing.
	if h.SealedAt, err = readSealedAt(members, h.Form); err != nil {
		return h, err
	}
	return h, nil
}

// readCrit holds crit to RFC 7515 section 4.1.11 and RFC 7797 section 6: absent,
// or a list of distinct names that are present and understood; b64=false must
// be on it.
func readCrit(members map[string]jsontext.Value, form Form) error {
	v, ok := members["crit"]
	if !ok {
		if form == JAdES {
			return refuse(ErrHeader, "b64=false without crit")
		}
		return nil
	}
	var names []string
	if err := json.Unmarshal(v, &names); err != nil {
		return refuse(ErrHeader, "crit is not an array of strings")
	}
	if len(names) == 0 {
		return refuse(ErrHeader, "crit is empty")
	}
	for i, name := range names {
		switch {
		case slices.Contains(names[:i], name):
			return refuse(ErrHeader, "crit names %.40q twice", name)
		case !slices.Contains(understood[form], name):
			return refuse(ErrHeader, "crit names %.40q, which is not understood", name)
		case members[name] == nil:
			return refuse(ErrHeader, "crit names %.40q, which is not there", name)
		}
	}
	if form == JAdES && !slices.Contains(names, "b64") {
		return refuse(ErrHeader, "b64=false, which crit does not name")
	}
	return nil
}

// readChain reads x5c: an array of certificates, standard base64 of DER, leaf
// first (RFC 7515 section 4.1.6). That the order is right shows later, when the
// first one's key verifies the signature.
func readChain(v jsontext.Value) ([]*x509.Certificate, error) {
	var list []string
	if err := json.Unmarshal(v, &list); err != nil {
		return nil, refuse(ErrHeader, "x5c is not an array of strings")
	}
	if len(list) == 0 {
		return nil, refuse(ErrHeader, "x5c is empty")
	}
	if len(list) > MaxCertificates {
		return nil, refuse(ErrTooLarge, "%d certificates, where at most %d are read", len(list), MaxCertificates)
	}
	chain := make([]*x509.Certificate, len(list))
	for i, text := range list {
		if strings.ContainsAny(text, "\r\n") {
			return nil, refuse(ErrHeader, "line break inside certificate %d of x5c", i+1)
		}
		der, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, refuse(ErrHeader, "certificate %d of x5c is not base64", i+1)
		}
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return nil, refuse(ErrHeader, "certificate %d of x5c: %v", i+1, err)
		}
		if costly(chain[i]) {
			return nil, refuse(ErrKeyPolicy, "certificate %d of x5c has an RSA key of more than %d bits", i+1, maxRSABits)
		}
	}
	return chain, nil
}

// checkThumbprints compares x5t#S256 and x5t#o with the leaf of x5c, where both
// are there. A JAdES signature must hold one of the two, so that the certificate
// is among what is signed (ETSI TS 119 182-1 section 5.1.7, 5.2.2).
func checkThumbprints(members map[string]jsontext.Value, h Header) error {
	var found bool
	compare := func(name, text string, hash crypto.Hash) error {
		digest, err := decodeBase64URL([]byte(text))
		if err != nil || len(digest) != hash.Size() {
			return refuse(ErrHeader, "%s is not a digest", name)
		}
		found = true
		if len(h.Chain) == 0 {
			return nil
		}
		sum := hash.New()
		sum.Write(h.Chain[0].Raw)
		if !bytes.Equal(sum.Sum(nil), digest) {
			return refuse(ErrHeader, "%s names another certificate than x5c", name)
		}
		return nil
	}

	if v, ok := members["x5t#S256"]; ok {
		text, _ := readString(v)
		if err := compare("x5t#S256", string(text), crypto.SHA256); err != nil {
			return err
		}
	}
	if v, ok := members["x5t#o"]; ok {
		var o struct {
			DigAlg string `json:"digAlg"`
			DigVal string `json:"digVal"`
		}
		hashes := map[string]crypto.Hash{"S384": crypto.SHA384, "S512": crypto.SHA512}
		if json.Unmarshal(v, &o) != nil || hashes[o.DigAlg] == 0 {
			return refuse(ErrHeader, "x5t#o without a known digest")
		}
		if err := compare("x5t#o", o.DigVal, hashes[o.DigAlg]); err != nil {
			return err
		}
	}
	if h.Form == JAdES && !found {
		return refuse(ErrHeader, "no digest of the seal certificate (x5t#S256) in a JAdES signature")
	}
	return nil
}

// readSealedAt reads the claimed time: iat in whole seconds since 1970, or the
// older sigT. One at most; exactly one in JAdES (ETSI TS 119 182-1 section 5.2.1).
func readSealedAt(members map[string]jsontext.Value, form Form) (time.Time, error) {
	iat, hasIAT := members["iat"]
	sigT, hasSigT := members["sigT"]
	switch {
	case hasIAT && hasSigT:
		return time.Time{}, refuse(ErrHeader, "both iat and sigT")
	case hasIAT:
		// 253402300799 is the last second of year 9999.
		seconds, err := strconv.ParseInt(string(iat), 10, 64)
		if err != nil || seconds < 0 || seconds > 253402300799 {
			return time.Time{}, refuse(ErrHeader, "iat is not a whole number of seconds")
		}
		return time.Unix(seconds, 0).UTC(), nil
	case hasSigT:
		const layout = "2006-01-02T15:04:05Z"
		text, _ := readString(sigT)
		at, err := time.Parse(layout, string(text))
		// Parse would accept fractions; and the zero time is that of a seal that
		// says no time.
		if err != nil || len(text) != len(layout) || at.IsZero() {
			return time.Time{}, refuse(ErrHeader, "sigT is not a time of the form YYYY-MM-DDThh:mm:ssZ")
		}
		return at, nil
	case form == JAdES:
		return time.Time{}, refuse(ErrHeader, "neither iat nor sigT in a JAdES signature")
	}
	return time.Time{}, nil
}

// certificateThumbprint is the x5t#S256 of a certificate.
func certificateThumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64URL.EncodeToString(sum[:])
}
