package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// ErrIdentity is returned by DecryptBackup where none of the identities opens
// the file.
var ErrIdentity = errors.New("encrypted to another key")

// NewBackupKey makes a key pair for backups, in the form of age-keygen: the
// identity file, which opens them and is kept elsewhere, and the recipient, to
// which they are encrypted and which is no secret.
func NewBackupKey() (identity []byte, recipient string, err error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, "", fmt.Errorf("making a key for backups: %w", err)
	}
	recipient = key.Recipient().String()
	return fmt.Appendf(nil, "# public key: %s\n%s\n", recipient, key), recipient, nil
}

// EncryptBackup returns a writer that encrypts to w, in the format of age, for
// each of the recipients (age1...), at least one. Nothing is whole before Close.
func EncryptBackup(w io.Writer, recipients []string) (io.WriteCloser, error) {
	list, err := age.ParseRecipients(strings.NewReader(strings.Join(recipients, "\n")))
	if err != nil {
		return nil, fmt.Errorf("reading the recipients of backups: %w", err)
	}
	out, err := age.Encrypt(w, list...)
	if err != nil {
		return nil, fmt.Errorf("encrypting a backup: %w", err)
	}
	return out, nil
}

// DecryptBackup reads what EncryptBackup wrote, with the content of an identity
// file. What is read before an error must not be used: a file that was cut or
// changed shows at the place where it was. ErrIdentity for another's key.
func DecryptBackup(r io.Reader, identity []byte) (io.Reader, error) {
	list, err := age.ParseIdentities(bytes.NewReader(identity))
	if err != nil {
		return nil, errors.New("reading the identity: it is no age identity file") // err could quote it
	}
	clear, err := age.Decrypt(r, list...)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, fmt.Errorf("decrypting: %w", ErrIdentity)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypting: %w", err)
	}
	return clear, nil
}

// IsEncrypted reports whether a file that begins so is one of age.
func IsEncrypted(start []byte) bool { return bytes.HasPrefix(start, []byte("age-encryption.org/")) }
