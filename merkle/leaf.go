package merkle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"
)

// Leaf is the leaf of an entry: the hash of what only the keeper of the log may
// see, and what a verifier may. The keeper's part holds a random number, so the
// hash tells nobody what he can guess.
func Leaf(kept Hash, said []byte) []byte {
	return append(append(make([]byte, 0, len(kept)+len(said)), kept[:]...), said...)
}

// Sealing is what the leaf of a credential says to verifiers: that these payloads
// were sealed.
type Sealing struct {
	Credential string          `json:"credential"` // its id
	KeyID      string          `json:"key"`
	At         time.Time       `json:"sealed"` // whole seconds, UTC
	Forms      map[string]Hash `json:"forms"`  // by form: see Commit
}

// JSON is the one text of a sealing, as json.Marshal with json.Deterministic writes it;
// written here, since there is one of every credential.
func (s *Sealing) JSON() ([]byte, error) {
	text, err := jsontext.AppendQuote(append(make([]byte, 0, 384), `{"credential":`...), s.Credential)
	if err == nil {
		text, err = jsontext.AppendQuote(append(text, `,"key":`...), s.KeyID)
	}
	if err == nil {
		text, err = s.At.AppendText(append(text, `,"sealed":"`...))
	}
	if err != nil {
		return nil, err
	}
	text = append(text, `","forms":{`...)
	var room [8]string
	forms := slices.AppendSeq(room[:0], maps.Keys(s.Forms))
	slices.Sort(forms)
	for n, form := range forms {
		if n > 0 {
			text = append(text, ',')
		}
		if text, err = jsontext.AppendQuote(text, form); err != nil {
			return nil, err
		}
		hash := s.Forms[form]
		text = append(base64.StdEncoding.AppendEncode(append(text, `:"`...), hash[:]), '"')
	}
	return append(text, "}}"...), nil
}

// ParseSealing reads what JSON wrote.
func ParseSealing(raw []byte) (*Sealing, error) {
	var s Sealing
	if err := json.Unmarshal(raw, &s, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("reading what was logged: %w", err)
	}
	return &s, nil
}

// Salt is what hides a form of a sealing from those who have another form: they
// know all of its payload but a date of birth, which is quickly guessed. It tells
// nothing of secret, the number in the keeper's part of the leaf.
func Salt(secret []byte, form string) Hash {
	var room [128]byte
	text := hex.AppendEncode(append(room[:0], "indeks form salt "...), secret)
	return sha256.Sum256(append(append(text, ' '), form...))
}

// Commit stands for a payload, whose SHA-256 is given, in Sealing.Forms.
func Commit(salt, payload Hash) Hash {
	var room [128]byte
	return sha256.Sum256(append(append(append(room[:0], "indeks form "...), salt[:]...), payload[:]...))
}

// Proof is what a verifier is given: a leaf, opened for one form, and the way from
// it to the root of a tree.
type Proof struct {
	Log    string `json:"log"`  // origin
	Said   []byte `json:"said"` // JSON of a Sealing, as base64
	Kept   Hash   `json:"kept"`
	Form   string `json:"form"`
	Salt   Hash   `json:"salt"`
	Index  uint64 `json:"index"`
	Size   uint64 `json:"size"`
	Hashes []Hash `json:"hashes"`
	Head   string `json:"head,omitzero"` // of that size, sealed; "" where there is none
}

// maxHashes is more than any tree is high.
const maxHashes = 64

// ErrProof is returned by Proof.Check.
var ErrProof = errors.New("the proof does not hold")

// Check says what was logged, if the payload with this SHA-256 stands in the leaf
// and the leaf in the tree with the proof's size and this root.
func (p *Proof) Check(root, payload Hash) (*Sealing, error) {
	s, err := ParseSealing(p.Said)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProof, err)
	}
	logged, ok := s.Forms[p.Form]
	switch {
	case !ok || Commit(p.Salt, payload) != logged:
		return nil, fmt.Errorf("%w: another payload was logged", ErrProof)
	case p.Index >= p.Size || p.Size > maxSize || len(p.Hashes) > maxHashes:
		return nil, fmt.Errorf("%w: leaf %d of %d", ErrProof, p.Index, p.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, int64(p.Size), root, int64(p.Index), LeafHash(Leaf(p.Kept, p.Said))); err != nil {
		return nil, fmt.Errorf("%w: it does not lead to the root", ErrProof)
	}
	return s, nil
}
