package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"indeks/elm"
	"indeks/status"
)

// maxStatusEntries bounds what one credential can make a verifier fetch.
const maxStatusEntries = 8

// entryType is the one kind of status entry that is read (Bitstring Status List
// section 2.1).
const entryType = "BitstringStatusListEntry"

// What can be wrong with a status. An entry is part of what was sealed, so a
// credential whose entry breaks a rule breaks one itself. A list is not: whoever
// runs the issuer's server, or stands between, must not be able to turn genuine
// credentials into forged ones. A list that breaks a rule says nothing of any
// credential, neither "revoked" nor "not revoked". Every other error means that
// the list could not be had.
var (
	errEntry = errors.New("status entry breaks a rule")
	errList  = errors.New("status list breaks a rule")
)

// checkRevocation reads every status entry of a credential. The worst that is
// found counts: a later entry never makes good what an earlier one said, and
// what could not be asked is never "not revoked".
func (v *Verifier) checkRevocation(ctx context.Context, r *Report, cred *elm.Credential) {
	c := r.check(CheckRevocation)

	// 1. Is there anything to ask? A status member that the model could not read
	// is not "no status".
	entries := cred.StatusEntries()
	_, unread := cred.Extra["credentialStatus"]
	if _, ok := cred.Extra["status"]; ok && cred.Profile == elm.EDC {
		unread = true
	}
	switch {
	case unread:
		c.fail("status_invalid", "The status of this credential is not written in a form that can be read.")
		return
	case len(entries) > maxStatusEntries:
		c.fail("status_invalid", "It has %d status entries, where at most %d are read.", len(entries), maxStatusEntries)
		return
	case len(entries) == 0:
		c.pass("There is no status to ask for.")
		c.remark("the issuer offers no revocation for it")
		return
	case r.check(CheckFormat).Result != Passed && r.State != NotConforming:
		c.notMade("status_unavailable", "Not asked, because the content breaks a rule.")
		return
	case !r.Issuer.Confirmed:
		c.notMade("status_unavailable", "Not asked: status lists are fetched only for issuers that are confirmed.")
		return
	}

	// 2. Every entry, whatever the others said, in the time of one fetch: nobody
	// waits for eight servers that do not answer.
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var revoked, suspended, invalid, untold, unasked, asked bool
	for _, entry := range entries {
		set, err := v.readEntry(ctx, r, entry)
		asked = asked || entry.StatusPurpose == status.Revocation || entry.StatusPurpose == status.Suspension
		switch {
		case errors.Is(err, errEntry):
			invalid = true
		case errors.Is(err, errList):
			untold = true
		case err != nil:
			unasked = true
		case set && entry.StatusPurpose == status.Revocation:
			revoked = true
		case set:
			suspended = true
		}
		if err != nil {
			c.remark("%s: %s", plain(entry.StatusPurpose), plain(err.Error()))
		}
	}

	// 3. The worst counts, in the order of the states.
	switch {
	case invalid:
		c.fail("status_invalid", "Its status entry breaks a rule.")
	case revoked:
		c.fail("revoked", "The issuer has revoked it.")
	case suspended:
		c.fail("suspended", "The issuer has suspended it for the time being.")
	case unasked:
		c.notMade("status_unavailable", "Whether it was revoked could not be found out.")
	case untold:
		c.notMade("status_invalid", "Whether it was revoked could not be found out, because the issuer's list breaks a rule.")
	case !asked:
		c.pass("There is no status to ask for.")
		c.remark("the issuer offers no revocation for it")
	default:
		c.pass("The issuer has neither revoked nor suspended it.")
	}
}

// readEntry reports whether an entry says that the credential does not hold.
func (v *Verifier) readEntry(ctx context.Context, r *Report, entry elm.StatusEntry) (set bool, err error) {
	wrong := func(format string, args ...any) (bool, error) {
		return false, fmt.Errorf("%w: %s", errEntry, fmt.Sprintf(format, args...))
	}

	// 1. The entry's own rules.
	switch {
	case len(entry.Type) == 0:
		return wrong("entry without a type")
	case !slices.Contains(entry.Type, entryType):
		return false, fmt.Errorf("status of type %s is not read yet", entry.Type[0])
	case entry.StatusPurpose == "":
		return wrong("entry without a purpose")
	}
	index, err := status.ParseIndex(entry.StatusListIndex)
	if err != nil {
		return wrong("%v", err)
	}
	size, err := statusSize(entry)
	if err != nil {
		return wrong("%v", err)
	}
	switch entry.StatusPurpose {
	case status.Revocation, status.Suspension:
	case "refresh", "message":
		return false, nil // section 2.1: neither says that the credential does not hold
	default:
		return false, errors.New("a purpose that is not known here")
	}

	// 2. The list: at a host of the issuer, so that a credential cannot choose
	// whom we ask (attack 6).
	u, err := parseURL(entry.StatusListCredential)
	if err != nil {
		return wrong("statusListCredential: %v", err)
	}
	if err := v.policy.allows(u); err != nil {
		return wrong("statusListCredential: %v", err)
	}
	if !v.ownsList(r.Issuer.Trust, u) {
		return wrong("the list is on a host that is not the issuer's")
	}
	list, err := v.lists.get(ctx, v, r.Issuer.Trust, u, entry.StatusListCredential)
	if err != nil {
		return false, err
	}

	// 3. The list is about this, and long enough to hide one learner among the
	// others; then the bits.
	if !slices.Contains(list.purposes, entry.StatusPurpose) {
		return wrong("the list is for another purpose")
	}
	if uint64(list.bits.Len())/size < status.MinSize {
		return false, fmt.Errorf("%w: it is too short for entries of %d bits", errList, size)
	}
	if index >= uint64(list.bits.Len())/size {
		return wrong("the index lies outside the list")
	}
	for bit := range size {
		on, err := list.bits.Get(index*size + bit)
		if err != nil {
			return wrong("%v", err) // unreachable: the index is inside
		}
		set = set || on
	}
	return set, nil
}

// ownsList reports whether a list may be fetched in the issuer's name: from its
// own hosts, or from those of somebody who may keep its lists.
func (v *Verifier) ownsList(e *TrustedIssuer, u *url.URL) bool {
	if e.owns(u) {
		return true
	}
	return slices.ContainsFunc(e.StatusDelegates, func(did string) bool {
		delegate := v.trust.ByDID(did)
		return delegate != nil && delegate.owns(u)
	})
}

// statusSize reads statusSize and holds statusMessage to it (section 2.1):
// default 1; above that every value needs its message.
func statusSize(entry elm.StatusEntry) (uint64, error) {
	value, ok := entry.Extra["statusSize"]
	if !ok {
		return 1, nil
	}
	number, _ := value.(json.Number)
	var size uint64
	for size = 1; size <= 8; size++ {
		if string(number) == fmt.Sprint(size) {
			break
		}
	}
	messages, _ := entry.Extra["statusMessage"].([]any)
	switch {
	case size > 8:
		return 0, errors.New("statusSize is not a number from 1 to 8")
	case size > 1 && len(messages) != 1<<size:
		return 0, fmt.Errorf("statusSize %d without its %d messages", size, 1<<size)
	}
	return size, nil
}
