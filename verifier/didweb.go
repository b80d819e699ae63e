package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"indeks/keys"
)

const (
	// didAge is how long a DID document is used; a failure as well, so that a host
	// that does not answer is not asked by everybody who comes.
	didAge = time.Minute
	// maxDIDFlights bounds the hosts that are asked at the same time: whoever sends
	// a credential chooses them.
	maxDIDFlights = 8
	maxDIDsKnown  = 1000
)

var errBusy = errors.New("too many hosts are being asked for their keys")

// didCache holds the keys of DIDs that strangers named, each fetched once for
// all who ask meanwhile.
type didCache struct {
	mu    sync.Mutex
	known map[string]*didAnswer
}

// didAnswer is the keys of a DID or why they could not be had. The fields are
// set before done is closed, but for flying, which the cache's lock guards.
type didAnswer struct {
	done   chan struct{}
	flying bool
	until  time.Time
	keys   []keys.PublicKey
	err    error
}

// didWebKeys returns the keys that the host of a did:web publishes (did:web
// section 3.2). They prove that whoever runs the host has the key, and not who
// that is.
func (v *Verifier) didWebKeys(ctx context.Context, did string) ([]keys.PublicKey, error) {
	u, err := v.didWebURL(did)
	if err != nil {
		return nil, err
	}
	a, err := v.dids.ask(did, v.now(), func() ([]keys.PublicKey, error) {
		raw, err := v.getAtMost(context.WithoutCancel(ctx), u, "application/did+json, application/did, application/json;q=0.9", keys.MaxDIDDocument)
		if err != nil {
			return nil, err
		}
		return keys.ParseDIDDocument(raw, did)
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-a.done:
		return a.keys, a.err
	}
}

// ask returns what is known of a DID, or begins to fetch it.
func (c *didCache) ask(did string, now time.Time, fetch func() ([]keys.PublicKey, error)) (*didAnswer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.known[did]; a != nil && (a.flying || now.Before(a.until)) {
		return a, nil
	}
	flights := 0
	for known, a := range c.known {
		switch {
		case a.flying:
			flights++
		case !now.Before(a.until):
			delete(c.known, known)
		}
	}
	if flights >= maxDIDFlights || len(c.known) >= maxDIDsKnown {
		return nil, errBusy
	}
	if c.known == nil {
		c.known = make(map[string]*didAnswer)
	}
	a := &didAnswer{done: make(chan struct{}), flying: true, until: now.Add(didAge), err: errors.New("the host could not be asked")}
	c.known[did] = a
	go func() {
		defer func() {
			c.mu.Lock()
			a.flying = false
			c.mu.Unlock()
			close(a.done)
		}()
		a.keys, a.err = fetch()
	}()
	return a, nil
}

// didWebURL is where the document of a did:web lies. There is one way to write a
// DID: what keys.DIDWeb makes of the address must be the same.
func (v *Verifier) didWebURL(did string) (*url.URL, error) {
	rest, ok := strings.CutPrefix(did, "did:web:")
	if !ok {
		return nil, fmt.Errorf("%w: not a did:web", ErrForbidden)
	}
	segments := strings.Split(rest, ":")
	host := strings.Replace(segments[0], "%3A", ":", 1)
	scheme := "https://"
	if name, _, _ := strings.Cut(host, ":"); v.policy.AllowLoopback && isLoopbackHost(name) {
		scheme = "http://"
	}
	base := scheme + strings.Join(append([]string{host}, segments[1:]...), "/")
	if made, err := keys.DIDWeb(base); err != nil || made != did || strings.Contains(strings.Join(segments[1:], ""), "%") {
		return nil, fmt.Errorf("%w: not a did:web as it should be written", ErrForbidden)
	}
	if len(segments) == 1 {
		base += "/.well-known"
	}
	u, err := parseURL(base + "/did.json")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	if port := u.Port(); port != "" && port != "443" && scheme == "https://" {
		return nil, fmt.Errorf("%w: a stranger's port", ErrForbidden) // or open ones could be looked for
	}
	return u, v.policy.allows(u)
}

// publishes asks the host of the credential's issuer for the key that the seal
// names, where the operator wants that, and reports whether it has it; then the
// token can be opened by found. Nobody in the trust file is asked so: for them it
// is the only source of keys. Nor is anybody for a document that breaks a rule.
func (v *Verifier) publishes(ctx context.Context, payload []byte, found *resolver) bool {
	if !v.resolveDIDWeb || !strings.HasPrefix(found.kid, "did:web:") {
		return false
	}
	scratch := &Report{Checks: make([]Check, len(checkNames))}
	cred := v.checkFormat(scratch, payload, found.form)
	if cred == nil || scratch.check(CheckFormat).Result != Passed {
		return false
	}
	did := cred.Issuer.ID
	if !strings.HasPrefix(found.kid, did+"#") || v.named(cred) != nil {
		return false
	}
	list, err := v.didWebKeys(ctx, did)
	if err != nil {
		why := publicly(err)
		if unread, ok := errors.AsType[*keys.OpenError](err); ok {
			why = keysBroken.Of(Detail(unread.Detail))
		} else if errors.Is(err, errTooMuch) {
			why = fetchTooMuch.Of()
		} else if errors.Is(err, errBusy) {
			why = fetchBusy.Of()
		}
		found.unpublished = remarkKeysNotHad.Of(plain(did), why)
		return false
	}
	for i := range list {
		if list[i].ID == found.kid {
			found.published = &list[i]
			return true
		}
	}
	found.unpublished = remarkKeyUnpublished.Of(plain(did))
	return false
}

// domain is the evidence that a host publishes a key.
func domain(did string, now time.Time) Evidence {
	host, _, _ := strings.Cut(strings.TrimPrefix(did, "did:web:"), ":")
	host = plain(host)
	return Evidence{
		Level: "L1", Kind: EvidenceDomain, With: map[string]string{"Host": host},
		Fact:   "The host " + host + " publishes the key. Nobody here vouches for who is behind that host",
		Source: plain(did), Checked: day(now),
	}
}
