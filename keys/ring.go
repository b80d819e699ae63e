package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Errors of custody.
var (
	ErrPassphrase = errors.New("wrong passphrase")
	ErrNoKey      = errors.New("no key for sealing")

	// ErrRingChanged is of a change on top of a file that another process has written since.
	ErrRingChanged = errors.New("another process has changed it; open it again")

	// ErrRingOlder is of a file that lacks what the ring in memory has.
	ErrRingOlder = errors.New("it is an older one, or another institution's")
)

// generatedRSABits is the size of RSA keys made here.
const generatedRSABits = 3072

// Ring is the custody of an institution's keys: one encrypted file (age,
// scrypt recipient), replaced atomically at each change. Keys are never
// deleted: a retired or revoked key stays published with its periods.
//
// A Ring is safe for concurrent use. It holds the keys in memory and sees what
// another process writes later by [Ring.Refresh] alone; until then a change on top
// of such a file is refused.
type Ring struct {
	changing sync.Mutex // held while the file is read or written; taken before mu
	file     *ringFile
	seen     seenFile // by Refresh

	mu   sync.RWMutex
	keys []*ringKey // oldest first; an entry is replaced, never changed

	version atomic.Uint64 // goes up when keys change
}

// ringKey is one key with its secret.
type ringKey struct {
	kid         string
	did         string
	alg         Algorithm
	private     crypto.Signer
	chain       []*x509.Certificate // leaf first, without the root
	source      string
	created     time.Time
	retired     time.Time // zero: never
	compromised time.Time // zero: never
	reason      string
	active      bool       // the one that seals now, among those that are for logs or among those that are not
	log         bool       // seals heads of the audit log, and nothing else
	multiples   *multiples // of the public key, nil before precompute
	headers     *headers   // of seals made lately, nil before precompute
}

func (k *ringKey) public() *PublicKey {
	purpose := "assertionMethod"
	if k.log {
		purpose = LogPurpose
	}
	return &PublicKey{
		ID: k.kid, Controller: k.did, Alg: k.alg, Key: k.private.Public(),
		Purposes:  []string{purpose},
		NotBefore: k.created, NotAfter: k.retired, CompromisedAt: k.compromised,
		Certificate: k.chain[0], multiples: k.multiples,
	}
}

// precompute has all public keys of k share what they precompute.
func (k *ringKey) precompute() {
	p := k.public()
	p.Precompute()
	k.multiples = p.multiples
	k.headers = &headers{made: map[Form]protectedHeader{}}
}

// maySeal says why the key may not seal as of an instant. A retired key may
// still finish what was dated before it was retired; a compromised one may
// nothing, since its new seals could not be told from a thief's.
func (k *ringKey) maySeal(at time.Time) error {
	switch {
	case !k.compromised.IsZero():
		return fmt.Errorf("%w: it was compromised on %s", ErrNoKey, k.compromised.Format(time.RFC3339))
	case at.Before(k.created):
		return fmt.Errorf("%s is before its first use on %s", at.Format(time.RFC3339), k.created.Format(time.RFC3339))
	case !k.retired.IsZero() && at.After(k.retired):
		return fmt.Errorf("%s is after its last use on %s", at.Format(time.RFC3339), k.retired.Format(time.RFC3339))
	}
	return nil
}

// mayBe says why the key may not seal a form.
func (k *ringKey) mayBe(form Form) error {
	if k.log && form != LogHead {
		return fmt.Errorf("%w: it is for heads of the audit log", ErrNoKey)
	}
	return nil
}

// Entry is a key of the ring without its secret.
type Entry struct {
	Public  *PublicKey
	Created time.Time
	Source  string // "generated" or "pkcs12"
	Active  bool   // seals now; at most one
	Reason  string // given when revoked

	Chain []*x509.Certificate // leaf first, without the root; the leaf alone where it is self-signed
}

func (k *ringKey) entry() Entry {
	return Entry{Public: k.public(), Created: k.created, Source: k.source, Active: k.active, Reason: k.reason, Chain: slices.Clone(k.chain)}
}

// NewKey says which key to make.
type NewKey struct {
	Alg          Algorithm     // "" means ES256
	Organization string        // O of the seal certificate; required
	CommonName   string        // CN, "" means Organization; what is added says that it is not qualified
	Country      string        // C, ISO 3166-1 alpha-2
	OrgID        string        // organizationIdentifier, 2.5.4.97, e.g. "VATRS-100000001"
	ValidFor     time.Duration // of the certificate; 0 means 3 years
	Now          time.Time     // when the key may first seal; zero means the clock's time
}

// CreateRing writes a new, empty ring. It fails if path exists.
func CreateRing(path string, passphrase []byte) (*Ring, error) {
	file, err := createRingFile(path, passphrase)
	if err != nil {
		return nil, fmt.Errorf("creating key file %s: %w", path, err)
	}
	return &Ring{file: file}, nil
}

// OpenRing decrypts a ring. ErrPassphrase where the passphrase is wrong;
// another error, wrapping fs.ErrNotExist where it applies, if the file is
// missing or damaged. It takes some tenths of a second, by intent: that is what
// each guess at a passphrase costs.
func OpenRing(path string, passphrase []byte) (*Ring, error) {
	file, list, err := openRingFile(path, passphrase)
	if err != nil {
		return nil, fmt.Errorf("opening key file %s: %w", path, err)
	}
	return &Ring{file: file, keys: list}, nil
}

// Add makes a key with a self-signed seal certificate and makes it the active one; the key
// that was active before is retired at the same instant. did is the issuer's
// DID; kid is did + "#" + thumbprint.
func (r *Ring) Add(did string, n NewKey) (Entry, error) {
	if n.Alg == "" {
		n.Alg = ES256
	}
	if n.ValidFor == 0 {
		n.ValidFor = 3 * 365 * 24 * time.Hour
	}
	n.Now = wholeSeconds(n.Now)
	private, err := generate(n.Alg)
	if err != nil {
		return Entry{}, fmt.Errorf("making a key: %w", err)
	}
	certificate, err := selfSign(n, private)
	if err != nil {
		return Entry{}, fmt.Errorf("making a seal certificate: %w", err)
	}
	return r.activate(&ringKey{
		did: did, alg: n.Alg, private: private, chain: []*x509.Certificate{certificate},
		source: "generated", created: n.Now,
	})
}

// Import takes key and certificates from a PKCS#12 file and makes it the active key.
//
// The algorithm follows from the key: ES256, ES384, EdDSA, and RS256 for RSA,
// with which European seals are made. ErrPassphrase where passphrase does not
// open the file. The certificate must be valid at now.
func (r *Ring) Import(did string, p12 []byte, passphrase string, now time.Time) (Entry, error) {
	now = wholeSeconds(now)
	secret, leaf, others, err := pkcs12.DecodeChain(p12, passphrase)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return Entry{}, fmt.Errorf("reading PKCS#12: %w", ErrPassphrase)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("reading PKCS#12: %w", err)
	}
	private, ok := secret.(crypto.Signer)
	if !ok {
		return Entry{}, fmt.Errorf("reading PKCS#12: keys of type %T are not allowed", secret)
	}
	alg, err := defaultAlgorithm(private.Public())
	if err != nil {
		return Entry{}, fmt.Errorf("reading PKCS#12: %w", err)
	}
	if err := checkSealCertificate(leaf, private.Public(), now); err != nil {
		return Entry{}, fmt.Errorf("reading PKCS#12: %w", err)
	}
	return r.activate(&ringKey{
		did: did, alg: alg, private: private, chain: orderChain(leaf, others),
		source: "pkcs12", created: now,
	})
}

// activate names a new key, retires the active one and writes the ring.
func (r *Ring) activate(k *ringKey) (Entry, error) {
	if !strings.HasPrefix(k.did, "did:") || strings.ContainsAny(k.did, "# \t\r\n") {
		return Entry{}, fmt.Errorf("adding a key: %q is not a DID", k.did)
	}
	k.kid = k.did + "#" + k.public().Thumbprint()
	k.active = true
	k.precompute()
	err := r.change(func(list []*ringKey) ([]*ringKey, error) {
		for i, old := range list {
			if old.kid == k.kid {
				return nil, fmt.Errorf("adding key %s: the ring has it already", k.kid)
			}
			if old.active && old.log == k.log {
				retired := *old
				retired.active, retired.retired = false, k.created
				list[i] = &retired
			}
		}
		return append(list, k), nil
	})
	if err != nil {
		return Entry{}, err
	}
	return k.entry(), nil
}

// AddLog makes a key that seals heads of the audit log from now on, and nothing
// else; the one that did so before is retired.
func (r *Ring) AddLog(did string, n NewKey) (Entry, error) {
	n.Alg = EdDSA
	n.ValidFor = 50 * 365 * 24 * time.Hour // nobody is shown the certificate
	n.Now = wholeSeconds(n.Now)
	private, err := generate(n.Alg)
	if err != nil {
		return Entry{}, fmt.Errorf("making a key: %w", err)
	}
	certificate, err := selfSign(n, private)
	if err != nil {
		return Entry{}, fmt.Errorf("making a certificate: %w", err)
	}
	return r.activate(&ringKey{
		did: did, alg: n.Alg, private: private, chain: []*x509.Certificate{certificate},
		source: "generated", created: n.Now, log: true,
	})
}

// Retire ends the use of a key for sealing; what it sealed stays good.
// ErrUnknownKey where the ring has no such key.
func (r *Ring) Retire(kid string, at time.Time) error {
	return r.replace(kid, func(k *ringKey) error {
		if !k.retired.IsZero() {
			return fmt.Errorf("retiring key %s: it was retired on %s", kid, k.retired.Format(time.RFC3339))
		}
		k.retired, k.active = wholeSeconds(at), false
		return nil
	})
}

// Revoke marks a key as compromised at an instant. It never seals again, not
// even by a Sealer that was handed out before. The instant may be moved later
// on, but only back in time. ErrUnknownKey where the ring has no such key.
func (r *Ring) Revoke(kid string, compromisedAt time.Time, reason string) error {
	compromisedAt = wholeSeconds(compromisedAt)
	return r.replace(kid, func(k *ringKey) error {
		if !k.compromised.IsZero() && !compromisedAt.Before(k.compromised) {
			return fmt.Errorf("revoking key %s: it is compromised since %s already", kid, k.compromised.Format(time.RFC3339))
		}
		k.compromised, k.reason, k.active = compromisedAt, reason, false
		return nil
	})
}

// Secret returns 32 bytes that lie in the ring and nowhere else, from which those
// of a purpose are derived: whoever has them has what other files are encrypted
// under. A ring of an earlier version is given some, and its file written; from
// then on an older copy of that file is not enough.
func (r *Ring) Secret(purpose string) ([32]byte, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.file.secret == nil {
		r.file.secret = newSecret()
		if err := r.file.write(r.keys); err != nil {
			r.file.secret = nil
			return [32]byte{}, fmt.Errorf("writing key file %s: %w", r.file.path, err)
		}
	}
	derived, err := hkdf.Key(sha256.New, r.file.secret, nil, purpose, 32)
	if err != nil {
		return [32]byte{}, fmt.Errorf("deriving a secret: %w", err) // unreachable: 32 bytes may be asked for
	}
	return [32]byte(derived), nil
}

// Entries lists all keys for credentials, newest first.
func (r *Ring) Entries() []Entry { return r.entries(false) }

// LogEntries lists all keys for heads of the audit log, newest first.
func (r *Ring) LogEntries() []Entry { return r.entries(true) }

func (r *Ring) entries(log bool) []Entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var entries []Entry
	for _, k := range slices.Backward(r.keys) {
		if k.log == log {
			entries = append(entries, k.entry())
		}
	}
	return entries
}

// Sealer returns a sealer with the active key for credentials, or ErrNoKey.
func (r *Ring) Sealer() (*Sealer, error) { return r.sealer(false) }

// LogSealer returns a sealer with the active key for heads of the audit log, or
// ErrNoKey.
func (r *Ring) LogSealer() (*Sealer, error) { return r.sealer(true) }

func (r *Ring) sealer(log bool) (*Sealer, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if k.active && k.log == log {
			return &Sealer{ring: r, kid: k.kid}, nil
		}
	}
	return nil, ErrNoKey
}

// SealerFor returns a sealer with a key of the ring that may still seal: an
// issuance that was reserved before a rotation is finished with the key of its
// record. ErrNoKey where the ring has no such key or it was revoked.
func (r *Ring) SealerFor(kid string) (*Sealer, error) {
	k := r.key(kid)
	if k == nil {
		return nil, fmt.Errorf("%w: %s is not in the ring", ErrNoKey, kid)
	}
	if err := k.maySeal(k.created); err != nil {
		return nil, err
	}
	return &Sealer{ring: r, kid: kid}, nil
}

// key returns a key of the ring, nil where there is none.
func (r *Ring) key(kid string) *ringKey {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if i := r.index(kid); i >= 0 {
		return r.keys[i]
	}
	return nil
}

func (r *Ring) index(kid string) int {
	return slices.IndexFunc(r.keys, func(k *ringKey) bool { return k.kid == kid })
}

// replace changes a copy of one key and writes the ring.
func (r *Ring) replace(kid string, change func(*ringKey) error) error {
	return r.change(func(list []*ringKey) ([]*ringKey, error) {
		i := r.index(kid)
		if i < 0 {
			return nil, fmt.Errorf("%w: %s is not in the ring", ErrUnknownKey, kid)
		}
		k := *list[i]
		if err := change(&k); err != nil {
			return nil, err
		}
		list[i] = &k
		return list, nil
	})
}

// change applies a change to a copy of the list and writes it. The ring in
// memory changes only after the file has, so it never says more than is durable.
func (r *Ring) change(f func([]*ringKey) ([]*ringKey, error)) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	list, err := f(slices.Clone(r.keys))
	if err != nil {
		return err
	}
	if err := r.file.write(list); err != nil {
		return fmt.Errorf("writing key file %s: %w", r.file.path, err)
	}
	r.use(list)
	return nil
}

// use has a list be the ring. The caller holds changing.
func (r *Ring) use(list []*ringKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.keys, list) {
		r.version.Add(1)
	}
	r.keys = list
}

// Version is another one after each change of the ring, in this process: who has read it
// before the entries need not read these again as long as it is the same.
func (r *Ring) Version() uint64 { return r.version.Load() }

// generate makes a key for an algorithm.
func generate(alg Algorithm) (crypto.Signer, error) {
	switch alg {
	case ES256, ES384:
		return ecdsa.GenerateKey(algorithms[alg].curve, rand.Reader)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case PS256, RS256:
		return rsa.GenerateKey(rand.Reader, generatedRSABits)
	}
	return nil, fmt.Errorf("%w: %q", ErrAlgorithm, alg)
}

// wholeSeconds cuts off fractions, which neither iat nor certificates carry.
func wholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		t = time.Now()
	}
	return t.UTC().Truncate(time.Second)
}
