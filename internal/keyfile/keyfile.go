// Package keyfile is for tests alone: key files that open at once.
package keyfile

import (
	"bytes"
	"io"
	"os"

	"filippo.io/age"
)

// Lighten encrypts a key file anew, with little work for scrypt. Opening one costs 0.3 s
// of a processor by intent, and so does each change, which leaves the cost as it is;
// nothing that most tests promise rests on that.
func Lighten(path string, passphrase []byte) error {
	sealed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return err
	}
	clear, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		return err
	}
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return err
	}
	recipient.SetWorkFactor(4)
	var light bytes.Buffer
	w, err := age.Encrypt(&light, recipient)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, clear); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, light.Bytes(), 0o600)
}
