package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"indeks/elm"
	"indeks/status"
)

// maxStatusEntries bounds what one credential can make a verifier fetch.
const maxStatusEntries = 8

// Purposes of entries that inform and never decide (Bitstring Status List
// section 2.1).
const (
	purposeRefresh = "refresh"
	purposeMessage = "message"
)

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

// Problem types of Bitstring Status List section 3.5 and VC Data Model 2.0.
const (
	statusRetrieval    = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
	statusVerification = "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR"
	statusListLength   = "https://www.w3.org/ns/credentials/status-list#STATUS_LIST_LENGTH_ERROR"
	malformedValue     = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR"
	rangeError         = "https://www.w3.org/TR/vc-data-model#RANGE_ERROR"
)

// statusError is why a status could not be read.
type statusError struct {
	fault   error  // errEntry, errList or nil
	problem string // URL of the problem type
	why     Message
}

func (e *statusError) Error() string { return e.why.String() }

func (e *statusError) Unwrap() error { return e.fault }

// because is what a report says of an error of an answer.
func because(err error) Message {
	if broken, ok := errors.AsType[*statusError](err); ok {
		return broken.why
	}
	return revocationUnknown.Of() // unreachable: every one is
}

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
		c.fail("status_invalid", revocationUnreadable)
		c.Problem = malformedValue
		return
	case len(entries) > maxStatusEntries:
		c.fail("status_invalid", revocationTooMany, len(entries), maxStatusEntries)
		return
	case len(entries) == 0:
		c.pass(revocationNone)
		c.remark(remarkNotOffered)
		return
	case r.check(CheckFormat).Result != Passed && r.State != NotConforming:
		c.notMade("status_unavailable", revocationContent)
		return
	case !r.Issuer.Confirmed:
		c.notMade("status_unavailable", revocationOfNobody)
		return
	}

	// 2. Ask for all lists at once, in the time of one fetch: nobody waits for
	// eight servers that do not answer.
	questions, waits := make([]question, len(entries)), false
	for i := range entries {
		questions[i] = v.ask(ctx, r, &entries[i])
		waits = waits || questions[i].flight != nil && questions[i].flight.done != nil
	}
	if waits {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
	}

	// 3. Every answer, whatever the others said.
	var revoked, suspended, invalid, untold, unasked, asked bool
	for i := range questions {
		q := &questions[i]
		value, err := q.answer(ctx)
		informs := q.purpose == purposeRefresh || q.purpose == purposeMessage
		asked = asked || !informs
		if err != nil {
			c.remark(remarkPurpose, plain(q.purpose), because(err))
			// A list that informs decides nothing by being away, either.
			if informs && !errors.Is(q.err, errEntry) {
				continue
			}
			q.err = err
		}
		switch {
		case errors.Is(err, errEntry):
			invalid = true
		case errors.Is(err, errList):
			untold = true
		case err != nil:
			unasked = true
		case q.purpose == purposeMessage:
			c.remark(remarkStatus, q.message(value))
		case value == 0:
		case q.purpose == purposeRefresh:
			c.remark(remarkRenewed)
		case q.purpose == status.Revocation:
			revoked = true
		default:
			suspended = true
		}
	}

	// 4. The worst counts, in the order of the states.
	switch {
	case invalid:
		c.fail("status_invalid", revocationEntry)
		c.Problem = problemOf(questions, errEntry)
	case revoked:
		c.fail("revoked", revocationRevoked)
		if w, from, ok := v.askWithdrawal(ctx, r.Issuer.Trust, cred.ID, r.CheckedAt); ok {
			r.withdrawn(w)
			c.Source = from.String()
		}
	case suspended:
		c.fail("suspended", revocationSuspended)
	case unasked:
		c.notMade("status_unavailable", revocationUnknown)
		c.Problem = problemOf(questions, nil)
	case untold:
		c.notMade("status_invalid", revocationList)
		c.Problem = problemOf(questions, errList)
	case !asked:
		c.pass(revocationNone)
		c.remark(remarkNotOffered)
	default:
		c.pass(notRevoked)
	}
}

// question is a status entry that keeps its own rules, on its way to an answer.
type question struct {
	kind, purpose string
	index, size   uint64
	messages      []statusMessage
	err           error   // why it was not asked, or has no answer that counts
	flight        *flight // where it was asked
}

// problemOf is the problem type of the first entry with this fault.
func problemOf(questions []question, fault error) string {
	for _, q := range questions {
		if broken, ok := errors.AsType[*statusError](q.err); ok && broken.fault == fault {
			return broken.problem
		}
	}
	return ""
}

type statusMessage struct {
	status  uint64
	message string
}

// ask holds an entry to its own rules and asks for its list.
func (v *Verifier) ask(ctx context.Context, r *Report, entry *elm.StatusEntry) question {
	q := question{purpose: entry.StatusPurpose, size: 1}
	wrong := func(s *Sentence, values ...any) question {
		q.err = &statusError{errEntry, malformedValue, Message{s, values}}
		return q
	}

	// 1. The entry's own rules.
	for _, name := range entry.Type {
		if _, ok := listKinds[name]; ok {
			q.kind = name
			break
		}
	}
	switch {
	case len(entry.Type) == 0:
		return wrong(entryType)
	case q.kind == "":
		q.err = &statusError{nil, statusVerification, entryOtherType.Of(entry.Type[0])}
		return q
	case q.purpose == "":
		return wrong(entryPurpose)
	case entry.ID != "" && entry.ID == entry.StatusListCredential:
		return wrong(entryID)
	}
	var err error
	if q.index, err = status.ParseIndex(entry.StatusListIndex); err != nil {
		return wrong(entryIndex, Detail(err.Error()))
	}
	if why := q.readSize(entry.Extra); why.sentence != nil {
		q.err = &statusError{errEntry, malformedValue, why}
		return q
	}
	if reference, ok := entry.Extra["statusReference"]; ok && !areURLs(texts(reference)) {
		return wrong(entryReference)
	}
	switch q.purpose {
	case status.Revocation, status.Suspension, purposeRefresh, purposeMessage:
	default:
		q.err = &statusError{nil, statusVerification, entryNotPurpose.Of()}
		return q
	}

	// 2. The list: at a host of the issuer, so that a credential cannot choose
	// whom we ask (attack 6).
	u, err := parseURL(entry.StatusListCredential)
	if err != nil {
		return wrong(entryAddress, Detail(err.Error()))
	}
	if err := v.policy.allows(u); err != nil {
		q.err = &statusError{nil, statusRetrieval, entryForbidden.Of(Detail(err.Error()))}
		return q
	}
	if !v.ownsList(r.Issuer.Trust, u) {
		q.err = &statusError{nil, statusRetrieval, entryHost.Of()}
		return q
	}
	q.flight = v.lists.ask(ctx, v, r.Issuer.Trust, u, entry.StatusListCredential)
	return q
}

// answer is the value that the list has for an entry, 0 where nothing is the
// matter, or a *statusError.
func (q *question) answer(ctx context.Context) (uint64, error) {
	if q.err != nil {
		return 0, q.err
	}
	list, err := q.flight.wait(ctx)
	switch {
	case err != nil:
		return 0, err
	case list.kind != q.kind:
		return 0, &statusError{errList, statusVerification, listOtherKind.Of()}
	case !slices.Contains(list.purposes, q.purpose):
		return 0, &statusError{errEntry, statusVerification, entryOtherUse.Of()}
	case list.size != 0 && list.size != q.size:
		return 0, &statusError{errList, statusVerification, listOtherSize.Of()}
	}
	// Long enough to hide one learner among the others; then the bits.
	length := uint64(list.bits.Len()) / q.size
	switch {
	case length < status.MinSize:
		return 0, &statusError{errList, statusListLength, listTooShortFor.Of(int(q.size))}
	case q.index >= length:
		return 0, &statusError{errEntry, rangeError, entryOutside.Of()}
	}
	var value uint64
	for bit := range q.size {
		on, err := list.bits.Get(q.index*q.size + bit)
		if err != nil {
			return 0, &statusError{errEntry, rangeError, entryOutside.Of()} // unreachable: the index is inside
		}
		value <<= 1
		if on {
			value |= 1
		}
	}
	return value, nil
}

// message is what the issuer sealed as the meaning of a value. It is meant for
// developers, so it stands among the remarks.
func (q *question) message(value uint64) string {
	for _, m := range q.messages {
		if m.status == value {
			return fmt.Sprintf("%s (0x%x)", plain(m.message), value)
		}
	}
	return fmt.Sprintf("0x%x", value)
}

// ownsList reports whether a list may be fetched in the issuer's name: from its
// own hosts, or from those of somebody who may keep its lists.
func (v *Verifier) ownsList(e *TrustedIssuer, u *url.URL) bool {
	if v.standing(e).places.own(u) {
		return true
	}
	return slices.ContainsFunc(e.StatusDelegates, func(did string) bool {
		delegate := v.trust.ByDID(did)
		return delegate != nil && v.standing(delegate).places.own(u)
	})
}

// maxStatusSize is more bits than any document has room for messages.
const maxStatusSize = 16

// readSize reads statusSize and statusMessage (section 2.1): default 1; above
// that every value needs its message. It returns what is wrong with them.
func (q *question) readSize(members elm.Extra) Message {
	if value, ok := members["statusSize"]; ok {
		if q.size = positive(value); q.size == 0 || q.size > maxStatusSize {
			return entrySize.Of(maxStatusSize)
		}
	}
	value, ok := members["statusMessage"]
	list, _ := value.([]any)
	if (ok || q.size > 1) && len(list) != 1<<q.size {
		return entryMessages.Of(int(q.size), 1<<q.size)
	}
	for _, item := range list {
		object, _ := item.(map[string]any)
		text, _ := object["status"].(string)
		message, isText := object["message"].(string)
		digits, hex := strings.CutPrefix(text, "0x")
		number, err := strconv.ParseUint(digits, 16, 64)
		if !hex || err != nil || number >= 1<<q.size || !isText {
			return entryMessage.Of()
		}
		q.messages = append(q.messages, statusMessage{number, message})
	}
	return Message{}
}

func areURLs(texts []string) bool {
	return len(texts) > 0 && !slices.ContainsFunc(texts, func(text string) bool {
		u, err := url.Parse(text)
		return err != nil || u.Scheme == ""
	})
}
