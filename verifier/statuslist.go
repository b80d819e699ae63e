package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"indeks/elm"
	"indeks/keys"
	"indeks/status"
)

const (
	// maxListAge is how long a list is used at most: a revocation shows within a
	// minute everywhere.
	maxListAge = 30 * time.Second
	// maxListBits bounds all lists that are kept, in bits: 64 MiB, or 4 000 lists
	// of the usual size.
	maxListBits = 8 * 64 << 20
)

// statusList is a list that was fetched and passed every check.
type statusList struct {
	bits      *status.List
	purposes  []string
	validFrom time.Time
	freshTill time.Time
}

// listKey tells lists apart: what is a good list in one issuer's name need not
// be one in another's.
type listKey struct{ issuer, address string }

// listCache holds the lists that were seen last. A list is used until its ttl
// ends and kept beyond, to refuse an older one later; a bad answer never
// replaces it.
type listCache struct {
	mu      sync.Mutex // guards all below
	kept    map[listKey]*statusList
	flights map[listKey]*flight
}

// flight is one fetch that several callers wait for; the fields are set before
// done is closed.
type flight struct {
	done   chan struct{}
	list   *statusList
	err    error
	gaveUp bool // the caller who fetched left early, which says nothing of the list
}

// get returns the list at u in the name of e, fetching it at most once for all
// who ask meanwhile. Errors in the list itself wrap errList; all others mean
// that it could not be had.
func (l *listCache) get(ctx context.Context, v *Verifier, e *TrustedIssuer, u *url.URL, address string) (*statusList, error) {
	key := listKey{e.ID + " " + e.OrganizationID, address}
	for {
		l.mu.Lock()
		kept := l.kept[key]
		if kept != nil && v.now().Before(kept.freshTill) {
			l.mu.Unlock()
			return kept, nil
		}
		f := l.flights[key]
		if f == nil {
			if l.flights == nil {
				l.flights, l.kept = make(map[listKey]*flight), make(map[listKey]*statusList)
			}
			f = &flight{done: make(chan struct{}), gaveUp: true}
			l.flights[key] = f
			l.mu.Unlock()
			l.fly(ctx, v, e, u, key, kept, f)
			return f.list, f.err
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
			if !f.gaveUp {
				return f.list, f.err
			}
		}
	}
}

// fly fetches for all who wait. Whatever happens, they are let go.
func (l *listCache) fly(ctx context.Context, v *Verifier, e *TrustedIssuer, u *url.URL, key listKey, kept *statusList, f *flight) {
	defer func() {
		l.mu.Lock()
		delete(l.flights, key)
		if f.list != nil {
			l.keep(key, f.list)
		}
		l.mu.Unlock()
		close(f.done)
	}()
	f.list, f.err = v.fetchList(ctx, e, u, key.address, kept)
	f.gaveUp = ctx.Err() != nil
}

// keep remembers a list, and forgets those that were fetched longest ago where
// all together are too large.
func (l *listCache) keep(key listKey, list *statusList) {
	l.kept[key] = list
	bits := 0
	for _, kept := range l.kept {
		bits += kept.bits.Len()
	}
	for bits > maxListBits {
		oldest := key
		for k, kept := range l.kept {
			if kept.freshTill.Before(l.kept[oldest].freshTill) {
				oldest = k
			}
		}
		bits -= l.kept[oldest].bits.Len()
		delete(l.kept, oldest)
	}
}

// fetchList fetches a list and holds it to everything that a credential is held
// to: seal, issuer, data model, period. kept is the list that was seen before,
// or nil.
func (v *Verifier) fetchList(ctx context.Context, e *TrustedIssuer, u *url.URL, address string, kept *statusList) (*statusList, error) {
	wrong := func(format string, args ...any) (*statusList, error) {
		return nil, fmt.Errorf("%w: it %s", errList, fmt.Sprintf(format, args...))
	}

	// 1. Fetch. Its age counts from when it was asked for.
	asked := v.now()
	token, err := v.get(ctx, u, "application/vc+jwt")
	switch {
	case errors.Is(err, errTooMuch):
		return wrong("is too large")
	case err != nil:
		return nil, fmt.Errorf("the list could not be fetched: %w", publicly(err))
	}

	// 2. Sealed by the same issuer, or by somebody who may do so for it.
	found := &resolver{trust: v.trust}
	opened, err := keys.Open(ctx, token, found)
	if err != nil {
		return wrong("is not sealed as it should be: %v", err)
	}
	report := &Report{CheckedAt: asked, Checks: make([]Check, len(checkNames))}
	cred := v.checkFormat(report, opened.Payload, opened.Form != keys.JAdES)
	if format := report.check(CheckFormat); cred == nil || format.Result != Passed {
		return wrong("is not a credential by its form: %s", format.Message)
	}
	sealer := v.checkSeal(report, opened, cred, found, token)
	if seal := report.check(CheckSeal); sealer == nil || seal.Result != Passed {
		return wrong("is not sealed by an issuer of the trust file: %s", seal.Message)
	}
	if sealer != e && (sealer.ID == "" || !slices.Contains(e.StatusDelegates, sealer.ID)) {
		return wrong("is sealed by another issuer")
	}

	// 3. The list that was asked for, and of today.
	if !slices.Contains(cred.Type, "BitstringStatusListCredential") {
		return wrong("is a credential of another type")
	}
	if cred.ID != address {
		return wrong("is another list than the one at this address")
	}
	if cred.Tree["credentialStatus"] != nil {
		return wrong("has a status of its own, which is not looked up")
	}
	from, until, err := period(cred)
	switch {
	case err != nil:
		return wrong("has no period of validity that can be read")
	case from.After(asked.Add(v.skew)):
		return wrong("is not valid yet")
	case !until.IsZero() && asked.Add(-v.skew).After(until):
		return wrong("is out of date")
	case kept != nil && from.Before(kept.validFrom):
		return wrong("is older than one that was seen before")
	}

	// 4. The bits.
	list := &statusList{validFrom: from, freshTill: asked.Add(maxListAge)}
	subject := listSubject(cred)
	if subject["type"] != "BitstringStatusList" {
		return wrong("holds no BitstringStatusList")
	}
	if id, ok := subject["id"]; ok {
		text, _ := id.(string)
		if list, _, _ := strings.Cut(text, "#"); list != address {
			return wrong("is about another list")
		}
	}
	switch purpose := subject["statusPurpose"].(type) {
	case string:
		list.purposes = []string{purpose}
	case []any:
		for _, p := range purpose {
			text, _ := p.(string)
			list.purposes = append(list.purposes, text)
		}
	}
	if ttl, ok := subject["ttl"]; ok {
		number, _ := ttl.(json.Number)
		ms, err := strconv.ParseUint(string(number), 10, 63)
		if err != nil {
			return wrong("has a ttl that is not a number of milliseconds")
		}
		list.freshTill = asked.Add(time.Duration(min(ms, uint64(maxListAge.Milliseconds()))) * time.Millisecond)
	}
	encoded, _ := subject["encodedList"].(string)
	if list.bits, err = status.Decode(encoded); err != nil {
		return wrong("cannot be decoded: %v", err)
	}
	return list, nil
}

// listSubject returns the one subject of a status list credential.
func listSubject(cred *elm.Credential) map[string]any {
	subject := cred.Tree["credentialSubject"]
	if list, ok := subject.([]any); ok && len(list) == 1 {
		subject = list[0]
	}
	object, _ := subject.(map[string]any)
	return object
}
