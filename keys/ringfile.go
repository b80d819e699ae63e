package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"
)

// workFactor is log2 of scrypt's cost for new files; 17 takes about 0.3 s and,
// for as long, 128 MB. Tests lower it.
var workFactor = 17

// maxWorkFactor bounds what a foreign file can make us compute.
const maxWorkFactor = 20

// maxRingFile bounds what is read; a key takes about 4 kB.
const maxRingFile = 16 << 20

// ringFile is the encrypted file of a ring. It is not safe for concurrent use.
type ringFile struct {
	path      string
	recipient *age.ScryptRecipient
	identity  *age.ScryptIdentity
	sum       [sha256.Size]byte // of the file as last read or written
	secret    []byte            // see Ring.Secret; nil in a file of an earlier version
}

const secretSize = 32

// ringJSON is what the file holds when decrypted.
type ringJSON struct {
	Version int       `json:"version"` // 2 with a secret, else 1
	Keys    []keyJSON `json:"keys"`
	Secret  []byte    `json:"secret,omitempty"`
}

type keyJSON struct {
	KID         string    `json:"kid"`
	DID         string    `json:"did"`
	Alg         Algorithm `json:"alg"`
	Active      bool      `json:"active"`
	Source      string    `json:"source"`
	Created     time.Time `json:"created"`
	Retired     time.Time `json:"retired,omitzero"`
	Compromised time.Time `json:"compromised,omitzero"`
	Reason      string    `json:"reason,omitempty"`
	Log         bool      `json:"log,omitempty"`
	PKCS8       []byte    `json:"pkcs8"`
	Chain       [][]byte  `json:"chain"` // DER, leaf first
}

func newRingFile(path string, passphrase []byte) (*ringFile, error) {
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, errors.New("the passphrase is empty")
	}
	recipient.SetWorkFactor(workFactor)
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, err // unreachable: only an empty one is refused
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	return &ringFile{path: path, recipient: recipient, identity: identity}, nil
}

// createRingFile writes a file with no keys. O_EXCL, not a rename, is what keeps
// an existing ring from being replaced.
func createRingFile(path string, passphrase []byte) (*ringFile, error) {
	f, err := newRingFile(path, passphrase)
	if err != nil {
		return nil, err
	}
	f.secret = newSecret()
	sealed, err := f.encrypt(nil)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := writeDurably(file, sealed); err != nil {
		os.Remove(path)
		return nil, err
	}
	f.sum = sha256.Sum256(sealed)
	return f, syncDirectory(path)
}

// openRingFile decrypts a file and checks that its keys, certificates and
// names belong together.
func openRingFile(path string, passphrase []byte) (*ringFile, []*ringKey, error) {
	f, err := newRingFile(path, passphrase)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := readBounded(path)
	if err != nil {
		return nil, nil, err
	}
	list, secret, err := f.decrypt(sealed)
	if err != nil {
		return nil, nil, err
	}
	f.took(sealed, secret)
	return f, list, nil
}

// decrypt reads the keys and the secret of a file.
func (f *ringFile) decrypt(sealed []byte) ([]*ringKey, []byte, error) {
	defer debug.FreeOSMemory() // a server does this seldom, and should not keep what scrypt took
	clear, err := age.Decrypt(bytes.NewReader(sealed), f.identity)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, nil, ErrPassphrase
	}
	if err != nil {
		return nil, nil, fmt.Errorf("not a key file, or damaged: %w", err)
	}
	raw, err := io.ReadAll(clear)
	if err != nil {
		return nil, nil, fmt.Errorf("damaged: %w", err)
	}
	return decodeKeys(raw)
}

// took is told what was read and is in use from now on. Who has encrypted the file by
// age at another cost keeps it: a change of keys is no occasion to change what opening
// them takes.
func (f *ringFile) took(sealed, secret []byte) {
	f.recipient.SetWorkFactor(workFactorOf(sealed))
	f.sum, f.secret = sha256.Sum256(sealed), secret
}

// workFactorOf reads the cost out of a file that was opened; its header is text, of
// which the second line is that of the passphrase (age-encryption.org/v1).
func workFactorOf(sealed []byte) int {
	if lines := bytes.SplitN(sealed, []byte("\n"), 3); len(lines) == 3 {
		if stanza := bytes.Fields(lines[1]); len(stanza) == 4 && string(stanza[1]) == "scrypt" {
			if n, err := strconv.Atoi(string(stanza[3])); err == nil {
				return n
			}
		}
	}
	return workFactor
}

func newSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails (crypto/rand)
	return secret
}

// write replaces the file: whatever happens, either the old or the new one is
// there in full. It refuses to drop what another process has written since.
func (f *ringFile) write(list []*ringKey) error {
	current, err := readBounded(f.path)
	if err != nil {
		return err
	}
	if sha256.Sum256(current) != f.sum {
		return ErrRingChanged
	}
	sealed, err := f.encrypt(list)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // nothing is left to remove after the rename
	if err := writeDurably(file, sealed); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), f.path); err != nil {
		return err
	}
	f.sum = sha256.Sum256(sealed)
	return syncDirectory(f.path)
}

func (f *ringFile) encrypt(list []*ringKey) ([]byte, error) {
	defer debug.FreeOSMemory() // as in openRingFile
	raw, err := encodeKeys(list, f.secret)
	if err != nil {
		return nil, err
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, f.recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

func encodeKeys(list []*ringKey, secret []byte) ([]byte, error) {
	file := ringJSON{Version: 1}
	if secret != nil {
		file.Version, file.Secret = 2, secret
	}
	for _, k := range list {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(k.private)
		if err != nil {
			return nil, err
		}
		entry := keyJSON{
			KID: k.kid, DID: k.did, Alg: k.alg, Active: k.active, Source: k.source,
			Created: k.created, Retired: k.retired, Compromised: k.compromised, Reason: k.reason, Log: k.log, PKCS8: pkcs8,
		}
		for _, c := range k.chain {
			entry.Chain = append(entry.Chain, c.Raw)
		}
		file.Keys = append(file.Keys, entry)
	}
	return json.Marshal(file)
}

func decodeKeys(raw []byte) ([]*ringKey, []byte, error) {
	var file ringJSON
	if err := json.Unmarshal(raw, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, nil, errors.New("the decrypted content is not a key ring") // err could quote a key
	}
	switch {
	case file.Version != 1 && file.Version != 2:
		return nil, nil, fmt.Errorf("key ring of version %d, where 1 and 2 are read", file.Version)
	case file.Version == 2 && len(file.Secret) != secretSize, file.Version == 1 && file.Secret != nil:
		return nil, nil, errors.New("its secret is none")
	}
	var list []*ringKey
	active := map[bool]int{} // by log
	for _, entry := range file.Keys {
		k, err := decodeKey(entry)
		if err != nil {
			return nil, nil, fmt.Errorf("key %s: %w", entry.KID, err)
		}
		if k.active {
			active[k.log]++
		}
		list = append(list, k)
	}
	if active[false] > 1 || active[true] > 1 {
		return nil, nil, errors.New("more than one active key")
	}
	return list, file.Secret, nil
}

func decodeKey(entry keyJSON) (*ringKey, error) {
	k := &ringKey{
		kid: entry.KID, did: entry.DID, alg: entry.Alg, active: entry.Active, source: entry.Source,
		created: entry.Created, retired: entry.Retired, compromised: entry.Compromised, reason: entry.Reason, log: entry.Log,
	}
	secret, err := x509.ParsePKCS8PrivateKey(entry.PKCS8)
	if err != nil {
		return nil, errors.New("its secret cannot be read")
	}
	k.private, _ = secret.(crypto.Signer)
	if k.private == nil {
		return nil, errors.New("its secret is not for signatures")
	}
	if err := fits(k.alg, k.private.Public()); err != nil {
		return nil, err
	}
	for _, der := range entry.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		k.chain = append(k.chain, c)
	}
	if len(k.chain) == 0 {
		return nil, errors.New("it has no certificate")
	}
	if err := checkSealCertificate(k.chain[0], k.private.Public(), k.created); err != nil {
		return nil, err
	}
	if k.kid != k.did+"#"+k.public().Thumbprint() {
		return nil, errors.New("it is not the key that its name says")
	}
	k.precompute()
	return k, nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxRingFile+1))
	if err == nil && len(raw) > maxRingFile {
		err = errors.New("too large for a key file")
	}
	return raw, err
}

// writeDurably writes, syncs and closes.
func writeDurably(file *os.File, raw []byte) error {
	_, err := file.Write(raw)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncDirectory makes the name of a new or renamed file durable.
func syncDirectory(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
