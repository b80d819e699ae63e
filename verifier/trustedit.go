package verifier

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/keys"
	"indeks/merkle"
)

// TrustChange is what changed in one entry of a trust file.
type TrustChange struct {
	Issuer string // its name in English
	New    bool
	Lines  []string // member by member; none where nothing changed
}

// Find returns the entry with this DID or, in full, this organizationIdentifier;
// nil where there is none.
func (t *Trust) Find(id string) *TrustedIssuer {
	i := slices.IndexFunc(t.Issuers, func(e TrustedIssuer) bool { return id != "" && (e.ID == id || e.OrganizationID == id) })
	if i < 0 {
		return nil
	}
	return &t.Issuers[i]
}

// Put adds an entry, or brings what it says into the entry of the same DID or
// organizationIdentifier. What it does not mention stays: history is kept, and a
// key or a period of accreditation that is not named any more once was. With
// replace, the entry takes the place of the old one. Either way a key never
// changes under its name: whoever has taken over an institution's host would
// publish such an entry.
func (t *Trust) Put(e TrustedIssuer, replace bool) (TrustChange, error) {
	change := TrustChange{Issuer: e.Name("en")}
	old := t.Find(e.ID)
	if byNumber := t.Find(e.OrganizationID); old == nil {
		old = byNumber
	} else if byNumber != nil && byNumber != old {
		return change, fmt.Errorf("%s has the DID of %q and the organization identifier of %q", change.Issuer, old.Name("en"), byNumber.Name("en"))
	}
	if old == nil {
		t.Issuers = append(t.Issuers, e)
		change.New = true
		return change, nil
	}
	for _, k := range e.Keys {
		if i := slices.IndexFunc(old.Keys, func(listed keys.PublicKey) bool { return listed.ID == k.ID }); i >= 0 && !equalKeys(old.Keys[i].Key, k.Key) {
			return change, fmt.Errorf("%s: key %q is another one than the key listed under that name", change.Issuer, k.ID)
		}
	}
	for _, h := range e.LogHeads {
		if slices.ContainsFunc(old.LogHeads, func(listed LogHead) bool {
			return listed.Log == h.Log && listed.Size == h.Size && listed.Root != h.Root
		}) {
			return change, fmt.Errorf("%s: log %q has another head of size %d than the one that was seen: its history was written anew, ask the institution", change.Issuer, h.Log, h.Size)
		}
	}
	if !replace {
		e = old.with(e)
	}
	var err error
	if change.Lines, err = differences(old, &e); err != nil {
		return change, err
	}
	*old = e
	return change, nil
}

// Witness says of the heads of logs in an entry that is to be added that they are
// seen now: what the institution says of when they were made is its own word, and
// may be that of somebody who has its key. Heads that are listed already were seen
// when they were.
func (t *Trust) Witness(e *TrustedIssuer, now time.Time) {
	listed := t.Find(e.ID)
	if listed == nil {
		listed = t.Find(e.OrganizationID)
	}
	for i := range e.LogHeads {
		h := &e.LogHeads[i]
		h.Time = now.UTC().Truncate(time.Second)
		if listed == nil {
			continue
		}
		for _, was := range listed.LogHeads {
			if was.Log == h.Log && was.Size == h.Size && was.Root == h.Root {
				h.Time = was.Time
			}
		}
	}
}

// SeeHead adds a head that the institution has sealed to its entry, as seen now,
// and returns the entry's name with what changed. A key that became known to
// others seals none.
func (t *Trust) SeeHead(ctx context.Context, token []byte, now time.Time) (TrustChange, error) {
	for i := range t.Issuers {
		e := &t.Issuers[i]
		opened, err := keys.OpenLogHead(ctx, bytes.TrimSpace(token), issuerKeys{e})
		if errors.Is(err, keys.ErrUnknownKey) {
			continue
		}
		if err != nil {
			return TrustChange{}, fmt.Errorf("opening the head: %w", err)
		}
		head, err := merkle.ParseHead(opened.Payload)
		if err != nil {
			return TrustChange{}, fmt.Errorf("opening the head: %w", err)
		}
		if key := opened.Seals[0].Key; !key.CompromisedAt.IsZero() {
			return TrustChange{}, fmt.Errorf("opening the head: it is sealed with %s, which is compromised", key.ID)
		}
		seen := *e
		seen.LogHeads = []LogHead{{Log: head.Origin, Size: head.Size, Root: head.Root}}
		t.Witness(&seen, now)
		return t.Put(seen, false)
	}
	return TrustChange{}, errors.New("opening the head: it is sealed with no key that the trust file lists")
}

// with returns the entry with what another one says in its place or beside it.
func (t *TrustedIssuer) with(e TrustedIssuer) TrustedIssuer {
	kept := *t
	for text, said := range map[*string]string{
		&kept.ID: e.ID, &kept.Country: e.Country, &kept.ETERID: e.ETERID, &kept.DEQARID: e.DEQARID, &kept.Provider: e.Provider,
		&kept.OrganizationID: e.OrganizationID, &kept.CredentialsURL: e.CredentialsURL, &kept.QRPrefix: e.QRPrefix,
		&kept.Ended: e.Ended, &kept.Successor: e.Successor, &kept.Custodian: e.Custodian, &kept.Source: e.Source, &kept.Checked: e.Checked,
	} {
		if said != "" {
			*text = said
		}
	}
	kept.LegalName = maps.Clone(t.LegalName)
	maps.Copy(kept.LegalName, e.LegalName)
	if e.NationalRegister != nil {
		kept.NationalRegister = e.NationalRegister
	}
	same := func(a, b string) bool { return a == b }
	kept.Domains = union(t.Domains, e.Domains, same)
	kept.StatusDelegates = union(t.StatusDelegates, e.StatusDelegates, same)
	kept.LogHeads = slices.Clone(t.LogHeads) // a head was seen when it was seen first
	for _, h := range e.LogHeads {
		if !slices.ContainsFunc(kept.LogHeads, func(listed LogHead) bool { return listed.Log == h.Log && listed.Size == h.Size }) {
			kept.LogHeads = append(kept.LogHeads, h)
		}
	}
	kept.Accredited = union(t.Accredited, e.Accredited, func(a, b Accredited) bool { return a.By == b.By && a.From == b.From })
	kept.Keys = union(t.Keys, e.Keys, func(a, b keys.PublicKey) bool { return a.ID == b.ID })
	for i, old := range t.Keys { // the first ones, in their order
		k := &kept.Keys[i]
		for at, before := range map[*time.Time]time.Time{&k.NotBefore: old.NotBefore, &k.NotAfter: old.NotAfter, &k.CompromisedAt: old.CompromisedAt} {
			if at.IsZero() {
				*at = before
			}
		}
	}
	kept.Refused = union(t.Refused, e.Refused, func(a, b RefusedKey) bool { return a.ID == b.ID })
	kept.Anchors = union(t.Anchors, e.Anchors, (*x509.Certificate).Equal)
	kept.Granted = union(t.Granted, e.Granted, func(a, b Granted) bool { return a.Anchor == b.Anchor && a.From == b.From })
	return kept
}

// union is the old list with its items replaced by those that are the same of
// said, and the others of said after them.
func union[T any](old, said []T, same func(a, b T) bool) []T {
	list := slices.Clone(old)
	for _, item := range said {
		if i := slices.IndexFunc(list, func(b T) bool { return same(b, item) }); i >= 0 {
			list[i] = item
		} else {
			list = append(list, item)
		}
	}
	return list
}

// differences tells two entries apart as they are written, member by member.
func differences(old, e *TrustedIssuer) ([]string, error) {
	var written [2]map[string]jsontext.Value
	for i, side := range []*TrustedIssuer{old, e} {
		entry, err := side.written()
		if err != nil {
			return nil, err
		}
		raw, err := json.Marshal(entry, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &written[i]); err != nil {
			return nil, err // unreachable: it was written here
		}
	}
	before, after := written[0], written[1]
	names := maps.Clone(before)
	maps.Copy(names, after)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, b := before[name], after[name]
		if bytes.Equal(a, b) {
			continue
		}
		var was, is []jsontext.Value
		if a.Kind() != '[' && b.Kind() != '[' || a != nil && json.Unmarshal(a, &was) != nil || b != nil && json.Unmarshal(b, &is) != nil {
			lines = append(lines, fmt.Sprintf("%s: %s -> %s", name, brief(a), brief(b)))
			continue
		}
		in := func(list []jsontext.Value, v jsontext.Value) bool {
			return slices.ContainsFunc(list, func(other jsontext.Value) bool { return bytes.Equal(v, other) })
		}
		for _, v := range was {
			if !in(is, v) {
				lines = append(lines, fmt.Sprintf("%s: - %s", name, brief(v)))
			}
		}
		for _, v := range is {
			if !in(was, v) {
				lines = append(lines, fmt.Sprintf("%s: + %s", name, brief(v)))
			}
		}
	}
	return lines, nil
}

// brief is a value in one line that a person reads.
func brief(v jsontext.Value) string {
	if v == nil {
		return "nothing"
	}
	text := []rune(string(v))
	if len(text) > 160 {
		return string(text[:160]) + " ..."
	}
	return string(text)
}
