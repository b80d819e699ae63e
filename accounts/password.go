package accounts

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Cost is what one guess at a password costs whoever has the hash: Argon2id, RFC
// 9106.
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// DefaultCost is the second choice of RFC 9106 section 4: 64 MiB, for machines that
// cannot give 2 GiB to a sign-in.
var DefaultCost = Cost{Memory: 64 << 10, Passes: 3, Threads: 4}

// drawn is the cost of passwords that were drawn: nobody tries out 100 bits, whatever
// one try costs.
var drawn = Cost{Memory: 64, Passes: 1, Threads: 1}

const (
	saltSize = 16
	hashSize = 32
)

// hash hashes a password into the PHC string format, so that a later cost leaves
// the earlier hashes as they are.
func (c Cost) hash(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	sum := argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Threads, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// Bounds of what a stored hash may cost: it is read from records that were restored,
// and must not take the machine with it.
const (
	mostMemory = 1 << 20 // KiB
	mostPasses = 64
)

// matches reports whether a password is the one that was hashed.
func matches(hash, password string) bool {
	var c Cost
	var version int
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false
	}
	if n, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &c.Memory, &c.Passes, &c.Threads); n != 4 || err != nil || version != argon2.Version {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || c.Passes < 1 || c.Passes > mostPasses || c.Memory > mostMemory || c.Threads < 1 {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != hashSize {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Threads, hashSize)
	return subtle.ConstantTimeCompare(got, want) == 1
}

// newPassword is one that nobody guesses and that can be read out: four groups of
// five symbols, 100 bits.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return text[0:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20]
}

// soundPassword holds what a person chooses to a length alone: NIST SP 800-63B
// section 3.1.1.2 advises against rules of composition.
func soundPassword(password, name string) error {
	if n := utf8.RuneCountInString(password); n < 12 || n > 128 || !utf8.ValidString(password) || strings.EqualFold(password, name) {
		return ErrPassword
	}
	return nil
}
