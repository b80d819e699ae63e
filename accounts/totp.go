package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// One-time codes are those of RFC 6238 with what all authenticator apps take: SHA-1,
// six digits, steps of 30 seconds.
const (
	codeStep   = 30 // seconds
	codeSlack  = 1  // steps before and after, for clocks that differ
	secretSize = 20 // bytes; RFC 4226 section 4, R6
)

// newSecret draws the secret of an authenticator app.
func newSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret)
	return secret
}

// codeAt is the code of a step: HOTP of RFC 4226 section 5.3.
func codeAt(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[offset:])&0x7fffffff)%1_000_000)
}

// stepOf returns the step that a code belongs to, later than the last one that was
// used; 0 where it is none. A code is good once: RFC 6238 section 5.2.
func stepOf(secret []byte, code string, now time.Time, last int64) (found int64) {
	code = strings.ReplaceAll(code, " ", "")
	present := now.Unix() / codeStep
	for step := present - codeSlack; step <= present+codeSlack; step++ {
		if subtle.ConstantTimeCompare([]byte(codeAt(secret, step)), []byte(code)) == 1 && step > last {
			found = step
		}
	}
	return found
}

// SecretText is a secret as an app takes it typed in, in groups of four.
func SecretText(secret []byte) string {
	var groups []string
	for text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret); text != ""; text = text[min(4, len(text)):] {
		groups = append(groups, text[:min(4, len(text))])
	}
	return strings.Join(groups, " ")
}

// KeyURI is a secret as an app takes it from a QR code, by the form that Google
// Authenticator has set. where is shown in the app beside the account.
func KeyURI(where, account string, secret []byte) string {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	return "otpauth://totp/" + url.PathEscape(where) + ":" + url.PathEscape(account) + "?secret=" + text + "&issuer=" + url.PathEscape(where)
}
