package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// ErrDataKeys is returned where what is personal cannot be read or written,
// because the data keys are not given or are not those of the store.
var ErrDataKeys = errors.New("the learners' data keys are missing, or those of another store")

// Class says what data are kept for. Each class of a record has a key of its own.
type Class string

const (
	// Register is what is kept as of degrees: who was awarded what, by whom, how
	// assessed, with the payloads and tokens.
	Register Class = "register"
	// Delivery is what served to hand it out: e-mail address and link.
	Delivery Class = "delivery"
	// Papers is what stands in documents.
	Papers Class = "papers"
)

// DataKeys are the keys under which a store keeps what is personal, one for each
// record and class, and that of the blind index. To destroy a key is to erase what is
// under it, in the store and in every copy that was ever made of it.
//
// What a caller may rely on:
//
//   - Keys are never in what a store's backups contain. They lie in a [Vault],
//     encrypted under a secret that is somewhere else again.
//   - A key is there for every record that will ever be, from the beginning. To put
//     a record on record writes nothing here, so no order of writes can lose a key,
//     and an old copy of the vault has the keys of all later records.
//   - Destroy is durable on nil. On an error the outcome is unknown; repeating is
//     safe. A destroyed key does not come back but with an older copy of the vault:
//     so of the vault only the latest copy is kept, and a store destroys again what
//     it knows to be erased.
//   - Whoever opened the vault earlier, in another process, may still have what was
//     destroyed since, in memory, until Refresh. It can put on record what is new.
//
// All methods are safe for concurrent use.
type DataKeys struct {
	vault  Vault
	secret [32]byte

	mu       sync.RWMutex
	content  vaultContent
	tree     *keyTree
	revision uint64
	kept     map[place]int // see crowded: how many secrets keepOnly left

	ciphersMu sync.Mutex
	ciphers   map[keyPath]cipher.AEAD // of keys used lately, with mu's tree
	before    map[keyPath]cipher.AEAD // and of those before them
	months    map[keyPath]keyNode     // of the places of a class and month, of which none is forgotten in that tree

	macs sync.Pool // [*blinder], with the key of the blind index, which stays
}

// Vault is where the data keys lie: a file, or a row of a database that is not
// backed up with the records.
type Vault interface {
	// Load returns what was put last, or an error wrapping fs.ErrNotExist.
	Load(ctx context.Context) (sealed []byte, revision uint64, err error)
	// Replace puts sealed in place of what has the given revision, 0: of nothing,
	// else ErrRevision, and makes an effort to leave no trace of what was there. It
	// is durable on nil.
	Replace(ctx context.Context, revision uint64, sealed []byte) error
}

// vaultContent is what a vault holds, decrypted.
type vaultContent struct {
	Version int       `json:"version"` // 1
	ID      string    `json:"id"`      // which a store remembers
	Index   []byte    `json:"index"`   // key of the blind index
	Tree    []byte    `json:"tree"`
	Erased  []Erasure `json:"erased"` // oldest first
}

// Erasure is what is remembered of one.
type Erasure struct {
	ID        string    `json:"id,omitzero"`    // of the record; "": of all of the month
	Class     Class     `json:"class"`          // Register takes Delivery with it
	Month     string    `json:"month,omitzero"` // of its sealing, YYYY-MM
	At        time.Time `json:"at"`
	Reason    string    `json:"reason,omitzero"` // legal basis; it stays, so it names nobody
	By        string    `json:"by,omitzero"`
	Confirmed string    `json:"confirmed,omitzero"` // by whom else
}

// places are those whose keys an erasure destroys.
func (e *Erasure) places() []place {
	if e.Class == Register {
		return []place{{Register, e.Month, e.ID}, {Delivery, e.Month, e.ID}}
	}
	return []place{{e.Class, e.Month, e.ID}}
}

// includes reports whether an erasure of all of a month makes it needless to remember another.
func (e *Erasure) includes(other *Erasure) bool {
	return e.ID == "" && e.Month == other.Month && other.ID != "" && (e.Class == other.Class || e.Class == Register && other.Class == Delivery)
}

// place says of what a key is. Keys of one month and class lie together, so that
// they can be destroyed at the price of one.
type place struct {
	class Class
	month string // YYYY-MM, "" where there is none
	name  string // "": all of the class and month
}

// Parts of a path in the tree, in bits.
const (
	classBits = 2
	monthBits = 12 // since the year 1970
	nameBits  = 64 // of a hash: two of a million records share a place with probability 10^-8
)

// placeBits is how far the places lie below the root.
const placeBits = classBits + monthBits + nameBits

var classCodes = map[Class]byte{Register: 0, Delivery: 1, Papers: 2}

// path of a place.
func (p place) path() (keyPath, error) {
	var path keyPath
	code, ok := classCodes[p.class]
	if !ok {
		return path, fmt.Errorf("%w: class %.40q", ErrInvalid, p.class)
	}
	month := 0
	if p.month != "" {
		t, err := time.Parse("2006-01", p.month)
		if month = (t.Year()-1970)*12 + int(t.Month()); err != nil || month < 1 || month >= 1<<monthBits {
			return path, fmt.Errorf("%w: month %.40q", ErrInvalid, p.month)
		}
	}
	const free = 8*len(path.bits) - placeBits // bits behind the last
	binary.BigEndian.PutUint16(path.bits[:], uint16(code)<<(monthBits+free)|uint16(month)<<free)
	path.length = classBits + monthBits
	if p.name != "" {
		var room [128]byte
		hash := sha256.Sum256(append(room[:0], p.name...))
		name := binary.BigEndian.Uint64(hash[:])
		path.bits[1] |= byte(name >> (nameBits - free))
		binary.BigEndian.PutUint64(path.bits[2:], name<<free)
		path.length = placeBits
	}
	return path, nil
}

// CreateDataKeys makes data keys for a new store in an empty vault. Whoever has
// both vault and secret can read what is personal.
func CreateDataKeys(ctx context.Context, v Vault, secret [32]byte) (*DataKeys, error) {
	k := &DataKeys{vault: v, secret: secret, tree: newKeyTree(), content: vaultContent{Version: 1, ID: rand.Text(), Index: make([]byte, 32)}}
	rand.Read(k.content.Index) // never fails (crypto/rand)
	if err := k.replace(ctx, k.tree, nil); err != nil {
		return nil, fmt.Errorf("making data keys: %w", err)
	}
	return k, nil
}

// OpenDataKeys opens those of a store. ErrDataKeys where the secret is another.
func OpenDataKeys(ctx context.Context, v Vault, secret [32]byte) (*DataKeys, error) {
	k := &DataKeys{vault: v, secret: secret}
	if err := k.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("opening data keys: %w", err)
	}
	return k, nil
}

// Refresh reads what another process destroyed since.
func (k *DataKeys) Refresh(ctx context.Context) error {
	sealed, revision, err := k.vault.Load(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tree != nil && revision <= k.revision {
		return nil
	}
	raw, err := unsealVault(sealed, k.secret)
	if err != nil {
		return err
	}
	var content vaultContent
	if err := json.Unmarshal(raw, &content, json.RejectUnknownMembers(true)); err != nil || content.Version != 1 || len(content.Index) != 32 {
		return fmt.Errorf("%w: what is decrypted are no data keys of version 1", ErrDamaged) // err could quote them
	}
	tree, err := decodeKeyTree(content.Tree)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if k.tree != nil && content.ID != k.content.ID {
		return ErrDataKeys
	}
	k.use(content, tree, revision)
	return nil
}

// use makes content what is worked with. The caller has mu.
func (k *DataKeys) use(content vaultContent, tree *keyTree, revision uint64) {
	content.Tree = nil
	k.content, k.tree, k.revision = content, tree, revision
	k.ciphersMu.Lock()
	k.ciphers, k.before, k.months = map[keyPath]cipher.AEAD{}, nil, map[keyPath]keyNode{}
	k.ciphersMu.Unlock()
}

// replace writes the vault with another tree and more erasures, and works with
// them then. The caller has mu, or nobody else the keys.
func (k *DataKeys) replace(ctx context.Context, tree *keyTree, more []Erasure) error {
	content := k.content
	content.Tree = tree.encode()
	content.Erased = slices.DeleteFunc(slices.Clone(content.Erased), func(e Erasure) bool {
		return slices.ContainsFunc(more, func(m Erasure) bool { return m.includes(&e) })
	})
	content.Erased = append(content.Erased, more...)
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	sealed := sealVault(raw, k.secret)
	if len(sealed) > maxVault-8 { // it could be read by nobody
		return fmt.Errorf("the data keys would take %d MB by all that was erased lately, and at most %d can be read: erase the rest in some months", len(sealed)>>20, maxVault>>20)
	}
	if err := k.vault.Replace(ctx, k.revision, sealed); err != nil {
		return err
	}
	k.use(content, tree, k.revision+1)
	return nil
}

const vaultMagic = "indeks data keys 1\n"

// sealVault encrypts what a vault holds.
func sealVault(raw []byte, secret [32]byte) []byte {
	return newCipher(secret).Seal([]byte(vaultMagic), nil, raw, []byte(vaultMagic))
}

func unsealVault(sealed []byte, secret [32]byte) ([]byte, error) {
	if len(sealed) < len(vaultMagic) || string(sealed[:len(vaultMagic)]) != vaultMagic {
		return nil, fmt.Errorf("%w: it does not begin as data keys do", ErrDamaged)
	}
	raw, err := newCipher(secret).Open(nil, nil, sealed[len(vaultMagic):], []byte(vaultMagic))
	if err != nil {
		return nil, fmt.Errorf("%w: the secret of the key file is not theirs, or they are damaged", ErrDataKeys)
	}
	return raw, nil
}

// newCipher is AES-256-GCM with nonces drawn at random, which are put before the
// text: no key encrypts more than a few thousand of them.
func newCipher(key [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // unreachable: the key has 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // unreachable: the block has 16 bytes
	}
	return aead
}

// maxCiphers bounds how many are kept: reserving, sealing and committing a record
// come one after the other.
const maxCiphers = 1024

// maxMonths bounds the same of months.
const maxMonths = 64

// cipher returns that of a place, or ErrErased.
func (k *DataKeys) cipher(p place) (cipher.AEAD, error) {
	if k == nil {
		return nil, ErrDataKeys
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	k.mu.RLock() // also while it is kept, so that none is kept of what is destroyed meanwhile
	defer k.mu.RUnlock()
	k.ciphersMu.Lock()
	known, ok := k.ciphers[path]
	if !ok {
		known, ok = k.before[path]
	}
	k.ciphersMu.Unlock()
	if ok {
		return known, nil
	}
	key, ok := k.key(path)
	if !ok {
		return nil, ErrErased
	}
	aead := newCipher(key)
	k.ciphersMu.Lock()
	defer k.ciphersMu.Unlock()
	if len(k.ciphers) >= maxCiphers/2 { // those under way stay at hand
		k.ciphers, k.before = map[keyPath]cipher.AEAD{}, k.ciphers
	}
	k.ciphers[path] = aead
	return aead, nil
}

// key returns the key of a place; false where it is forgotten. The way to its month is
// gone once. The caller has mu.
func (k *DataKeys) key(path keyPath) ([sha256.Size]byte, bool) {
	month := path.first(classBits + monthBits)
	k.ciphersMu.Lock()
	node, ok := k.months[month]
	k.ciphersMu.Unlock()
	if !ok {
		secret, whole := k.tree.secret(month)
		if !whole {
			return k.tree.secret(path)
		}
		node = keyNode{month, secret}
		k.ciphersMu.Lock()
		if len(k.months) >= maxMonths {
			clear(k.months)
		}
		k.months[month] = node
		k.ciphersMu.Unlock()
	}
	return node.descend(path), true
}

// seal encrypts text under the key of a record, or of what else has a name, as one
// part of what is kept of it. ErrErased where that key was destroyed.
func (k *DataKeys) seal(p place, part string, text []byte) ([]byte, error) {
	aead, err := k.cipher(p)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, len(text)+aead.Overhead())
	return aead.Seal(sealed, nil, text, p.bound(part)), nil
}

// unseal is the inverse of seal.
func (k *DataKeys) unseal(p place, part string, sealed []byte) ([]byte, error) {
	aead, err := k.cipher(p)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nil, sealed, p.bound(part))
	if err != nil {
		return nil, fmt.Errorf("%w: %s does not fit its data key", ErrDamaged, part)
	}
	return text, nil
}

// bound is what a text is bound to, so that it is not taken for another's.
func (p place) bound(part string) []byte {
	text := make([]byte, 0, len(p.class)+len(p.month)+len(part)+len(p.name)+3)
	text = append(append(append(append(text, p.class...), ' '), p.month...), ' ')
	return append(append(append(text, part...), ' '), p.name...)
}

// blind is what stands in an index for a value that is personal, the same for the
// same value of a kind, and nothing to whoever lacks the keys.
func (k *DataKeys) blind(kind, value string) []byte {
	sum := k.blindSum(kind, value)
	return sum[:]
}

// blinder is an HMAC that has just begun, and room for a text.
type blinder struct {
	mac  hash.Hash
	room []byte
}

func (k *DataKeys) blindSum(kind, value string) (sum [sha256.Size]byte) {
	b, ok := k.macs.Get().(*blinder)
	if !ok {
		k.mu.RLock()
		b = &blinder{mac: hmac.New(sha256.New, k.content.Index)}
		k.mu.RUnlock()
	}
	b.room = append(append(append(b.room[:0], kind...), ' '), value...)
	b.mac.Write(b.room)
	clear(b.room) // which may be a name
	b.room = b.mac.Sum(b.room[:0])
	copy(sum[:], b.room)
	b.mac.Reset()
	k.macs.Put(b)
	return sum
}

// ID tells these keys from those of another store.
func (k *DataKeys) ID() string {
	if k == nil {
		return ""
	}
	return k.content.ID
}

// destroy destroys the keys of what is erased, and remembers it.
func (k *DataKeys) destroy(ctx context.Context, list []Erasure) error {
	if k == nil {
		return ErrDataKeys
	}
	for {
		err := k.destroyOnce(ctx, list)
		if !errors.Is(err, ErrRevision) {
			return err
		}
		if err := k.Refresh(ctx); err != nil { // another process destroyed something
			return err
		}
	}
}

// has reports whether a key is left of what an erasure destroys.
func (k *DataKeys) has(e Erasure) (bool, error) {
	if k == nil {
		return false, ErrDataKeys
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, p := range e.places() {
		path, err := p.path()
		if err != nil {
			return false, err
		}
		if k.tree.has(path) {
			return true, nil
		}
	}
	return false, nil
}

func (k *DataKeys) destroyOnce(ctx context.Context, list []Erasure) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	tree := k.tree.clone()
	var more []Erasure
	for _, e := range list {
		left := false
		for _, p := range e.places() {
			path, err := p.path()
			if err != nil {
				return err
			}
			left = tree.forget(path) || left
		}
		if left {
			more = append(more, e)
		}
	}
	if len(more) == 0 {
		return nil
	}
	return k.replace(ctx, tree, more)
}

// Erasures are all that were made, oldest first.
func (k *DataKeys) Erasures() []Erasure {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Clone(k.content.Erased)
}

// Sealed is what the vault holds, encrypted under its secret as it is there.
func (k *DataKeys) Sealed(ctx context.Context) ([]byte, error) {
	sealed, _, err := k.vault.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("copying the data keys: %w", err)
	}
	return sealed, nil
}
