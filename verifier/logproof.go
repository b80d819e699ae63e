package verifier

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/elm"
	"indeks/keys"
	"indeks/merkle"
)

// LogHead is a head of an issuer's audit log that the operator has seen: at that
// time the log was this tree. Whoever gets hold of the issuer's keys later cannot
// make another one of it.
type LogHead struct {
	Log  string // its origin
	Size uint64
	Root merkle.Hash
	Time time.Time // when the operator saw it, and never what the head says of itself
}

func (h LogHead) head() merkle.Head { return merkle.Head{Origin: h.Log, Size: h.Size, Root: h.Root} }

// Logged is what a log proves of a seal whose key became known to others later.
type Logged struct {
	Log    string
	Head   time.Time // of the head that proves it
	Pinned bool      // by the trust file; else another key of the issuer sealed the head
	Lost   time.Time // when the key became known to others
}

// lost is a seal that is good but for its key, which became known to others later
// than the seal says that it was made.
type lost struct {
	seal    keys.Seal
	key     *keys.PublicKey
	at      time.Time
	payload merkle.Hash
}

// Bounds on what is asked for one proof.
const (
	maxProof     = 64 << 10
	proofTimeout = 4 * time.Second
	maxPins      = 4
)

// checkLog asks the issuer to prove by its audit log that a seal is older than the
// loss of its key. The issuer's word is worth nothing here, since whoever has the
// key can speak in its name: what counts is a head from before the loss that the
// key could not seal, or that the operator saw at the time, and a way of hashes
// from this very payload to it.
func (v *Verifier) checkLog(ctx context.Context, r *Report, cred *elm.Credential, e *TrustedIssuer) {
	c, l := r.check(CheckSeal), r.lost
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()

	// 1. What the operator saw of the log before the loss, smallest first.
	var pins []LogHead
	for _, pin := range e.LogHeads {
		if pin.Time.Before(l.key.CompromisedAt) {
			pins = append(pins, pin)
		}
	}
	slices.SortFunc(pins, func(a, b LogHead) int { return cmp.Compare(a.Size, b.Size) })

	// 2. The first head over it, as the issuer says; then those that were seen.
	logged, why := v.logged(ctx, e, cred, l, 0, pins)
	for _, pin := range pins[:min(len(pins), maxPins)] {
		if logged != nil || ctx.Err() != nil {
			break
		}
		logged, _ = v.logged(ctx, e, cred, l, pin.Size, pins)
	}
	if logged == nil {
		c.remark(remarkLog, why)
		return
	}
	r.Logged = logged
	c.pass(sealLogged, e, string(l.seal.Alg), logged.Lost, logged.Head)
	if logged.Pinned {
		c.remark(remarkLogPinned, plain(logged.Log))
	} else {
		c.remark(remarkLogOtherKey, plain(logged.Log))
	}
}

// logged fetches a proof and says what it proves. size is that of the head to
// lead to, 0: the issuer chooses.
func (v *Verifier) logged(ctx context.Context, e *TrustedIssuer, cred *elm.Credential, l *lost, size uint64, pins []LogHead) (*Logged, Message) {
	if e.CredentialsURL == "" || cred.ID == "" {
		return nil, logNoAddress.Of()
	}
	base, err := parseURL(e.CredentialsURL)
	if err != nil {
		return nil, logNoAddress.Of() // unreachable: a trust file is read with its addresses
	}
	u := base.JoinPath(url.PathEscape(cred.ID), "proof")
	seal := sha256.Sum256(l.seal.Signature)
	query := url.Values{"seal": {hex.EncodeToString(seal[:])}}
	if size > 0 {
		query.Set("size", fmt.Sprint(size))
	}
	u.RawQuery = query.Encode()
	body, err := v.getAtMost(ctx, u, "application/json", maxProof)
	if isGone(err) {
		return nil, logNone.Of()
	}
	if err != nil {
		return nil, publicly(err)
	}
	var p merkle.Proof
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, logNoProof.Of()
	}
	return l.judge(ctx, &p, e, pins, v.skew)
}

// judge says what a proof proves, if it proves that the seal is older than the
// loss of its key.
func (l *lost) judge(ctx context.Context, p *merkle.Proof, e *TrustedIssuer, pins []LogHead, skew time.Duration) (*Logged, Message) {
	found := &Logged{Log: p.Log, Lost: l.key.CompromisedAt}

	// 1. A head that the operator saw, or one that another key has sealed.
	var root merkle.Hash
	if i := slices.IndexFunc(pins, func(pin LogHead) bool { return pin.Log == p.Log && pin.Size == p.Size }); i >= 0 {
		root, found.Head, found.Pinned = pins[i].Root, pins[i].Time, true
	} else {
		opened, err := keys.OpenLogHead(ctx, []byte(p.Head), issuerKeys{e})
		if err != nil {
			return nil, logUnsealed.Of()
		}
		head, err := merkle.ParseHead(opened.Payload)
		seal := opened.Seals[0]
		switch {
		case err != nil || head.Size != p.Size || head.Origin != p.Log:
			return nil, logOtherTree.Of()
		case seal.Key.ID == l.key.ID || equalKeys(seal.Key.Key, l.key.Key):
			return nil, logSameKey.Of()
		case !seal.Key.CompromisedAt.IsZero():
			return nil, logLostKey.Of()
		case seal.SealedAt.IsZero() || !seal.SealedAt.Before(l.key.CompromisedAt):
			return nil, logAfterLoss.Of()
		case seal.SealedAt.Add(skew).Before(seal.Key.NotBefore) || !seal.Key.NotAfter.IsZero() && seal.SealedAt.Add(-skew).After(seal.Key.NotAfter):
			return nil, logKeyNotInUse.Of()
		}
		root, found.Head = head.Root, seal.SealedAt
	}

	// 2. This payload, sealed with this key at this time, stands under it.
	said, err := p.Check(root, l.payload)
	switch {
	case err != nil:
		return nil, logBroken.Of(Detail(err.Error()))
	case said.KeyID != l.key.ID || !said.At.Equal(l.at.Truncate(time.Second)):
		return nil, logOtherSeal.Of()
	}
	return found, Message{}
}

// issuerKeys resolves the keys that the trust file lists for one issuer.
type issuerKeys struct{ e *TrustedIssuer }

func (k issuerKeys) Resolve(_ context.Context, h keys.Header) (*keys.PublicKey, error) {
	for i := range k.e.Keys {
		if k.e.Keys[i].ID == h.KeyID {
			return &k.e.Keys[i], nil
		}
	}
	return nil, keys.ErrUnknownKey
}
