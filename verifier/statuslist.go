package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"indeks/alike"
	"indeks/elm"
	"indeks/keys"
	"indeks/status"
	"indeks/strictjson"
)

// listKind is one of the two standards that a list may follow, by what an entry
// of it calls itself.
type listKind struct {
	credential, subject string // types
	decode              func(encodedList string) (*status.List, error)
}

var listKinds = map[string]listKind{
	"BitstringStatusListEntry": {"BitstringStatusListCredential", "BitstringStatusList", status.Decode},
	"StatusList2021Entry":      {"StatusList2021Credential", "StatusList2021", status.Decode2021},
}

// acceptedLists are the media types in which a list is asked for. What arrives is
// told by its content.
const acceptedLists = "application/vc+jwt, application/vc;q=0.8, application/json;q=0.7, */*;q=0.5"

// statusList is a list that was fetched and passed every check.
type statusList struct {
	kind      string // type of the entries that may point to it
	bits      *status.List
	purposes  []string
	size      uint64 // statusSize as the list states it, 0 where it does not
	validFrom time.Time
	freshTill time.Time
	token     []byte    // as it came
	asked     time.Time // when it was asked for
}

// fetchList fetches a list and holds it to everything that a credential is held
// to: seal, issuer, data model, period. address is u as the entry writes it, seen
// the validFrom of the newest list that was read here before. Every error is a
// *statusError.
func (v *Verifier) fetchList(ctx context.Context, e *TrustedIssuer, u *url.URL, address string, seen time.Time) (*statusList, error) {
	wrong := func(s *Sentence, values ...any) (*statusList, error) {
		return nil, &statusError{errList, statusVerification, Message{s, values}}
	}
	malformed := func(s *Sentence, values ...any) (*statusList, error) {
		return nil, &statusError{errList, malformedValue, Message{s, values}}
	}

	// 1. Fetch. Its age counts from when it was asked for.
	asked := v.now()
	token, err := v.get(ctx, u, acceptedLists)
	switch {
	case errors.Is(err, errTooMuch):
		return wrong(listTooLarge)
	case err != nil:
		return nil, &statusError{nil, statusRetrieval, listNotFetched.Of(publicly(err))}
	}

	// 2. Sealed by the same issuer, or by somebody who may do so for it.
	found := &resolver{trust: v.trust}
	opened, err := v.open(ctx, token, found)
	if errors.Is(err, keys.ErrNotSealed) {
		if inner, _, ok, broken := enveloped(token, typeEnveloped, "application/vc+jwt"); ok && broken.sentence == nil {
			token = inner
			opened, err = keys.Open(ctx, token, found)
		}
	}
	if err != nil {
		return wrong(listUnsealed, Detail(err.Error()))
	}
	if opened.Form == keys.SDJWT { // whoever passed it on could have kept something back
		return wrong(listConcealing)
	}
	report := &Report{CheckedAt: asked, Checks: make([]Check, len(checkNames))}
	cred := v.checkFormat(report, opened.Payload, opened.Form)
	// That a list has no learning achievement makes it no worse a list.
	if format := report.check(CheckFormat); cred == nil || format.Result != Passed && report.State != NotConforming {
		return wrong(listNoCredential, format.Message)
	}
	sealer := v.checkSeal(report, opened, cred, found, alike.Whole(token))
	if seal := report.check(CheckSeal); sealer == nil || seal.Result != Passed {
		return wrong(listSealOfNobody, seal.Message)
	}
	if sealer != e && (sealer.ID == "" || !slices.Contains(e.StatusDelegates, sealer.ID)) {
		return wrong(listSealOfOther)
	}

	// 3. The list that was asked for, and of today.
	list, subject := &statusList{freshTill: asked.Add(v.listAge), token: token, asked: asked}, listSubject(cred)
	for entry, kind := range listKinds {
		if slices.Contains(cred.Type, kind.credential) && subject["type"] == kind.subject {
			list.kind = entry
		}
	}
	if list.kind == "" {
		return wrong(listOtherType)
	}
	if cred.ID != address {
		return wrong(listOtherAddress)
	}
	if cred.Tree.Get("credentialStatus").Kind() > strictjson.Null || cred.Profile == elm.EDC && cred.Tree.Get("status").Kind() > strictjson.Null {
		return wrong(listWithStatus)
	}
	from, until, err := period(cred)
	switch {
	case err != nil:
		return wrong(listNoPeriod)
	case from.After(asked.Add(v.skew)):
		return wrong(listNotYet)
	case !until.IsZero() && asked.Add(-v.skew).After(until):
		return wrong(listOutOfDate)
	case from.Before(seen):
		return wrong(listOlder)
	}
	list.validFrom = from

	// 4. What it says of itself, then the bits.
	if list.purposes = texts(subject["statusPurpose"]); len(list.purposes) == 0 {
		return malformed(listNoPurpose)
	}
	if size, ok := subject["statusSize"]; ok {
		if list.size = positive(size); list.size == 0 {
			return malformed(listSize)
		}
	}
	if ttl, ok := subject["ttl"]; ok {
		number, _ := ttl.(json.Number)
		ms, err := strconv.ParseUint(string(number), 10, 63)
		if err != nil {
			return malformed(listTTL)
		}
		list.freshTill = asked.Add(time.Duration(min(ms, uint64(v.listAge.Milliseconds()))) * time.Millisecond)
	}
	encoded, _ := subject["encodedList"].(string)
	switch list.bits, err = listKinds[list.kind].decode(encoded); {
	case errors.Is(err, status.ErrLength):
		return nil, &statusError{errList, statusListLength, listTooShort.Of()}
	case err != nil:
		return malformed(listNotDecodable, Detail(err.Error()))
	}
	return list, nil
}

// StatusList returns a status list of an issuer of the trust file, by its DID, as the
// verifier itself would use it now, with how old it is: sealed, so that who is given it
// can check it anew. ErrForbidden where the issuer is not known or the list is not on a
// host of it; ErrUnavailable where there is no good list.
func (v *Verifier) StatusList(ctx context.Context, issuer, address string) (token []byte, age time.Duration, err error) {
	e := v.trust.ByDID(issuer)
	u, err := parseURL(address)
	if e == nil || err != nil || v.policy.allows(u) != nil || !v.ownsList(e, u) {
		return nil, 0, fmt.Errorf("fetching a status list: %w", ErrForbidden)
	}
	list, err := v.lists.ask(ctx, v, e, u, address).wait(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("fetching a status list: %w: %w", ErrUnavailable, err)
	}
	return list.token, max(v.now().Sub(list.asked), 0), nil
}

// listSubject returns the one subject of a status list credential.
func listSubject(cred *elm.Credential) map[string]any {
	subject := cred.Tree.Get("credentialSubject")
	if items := subject.Items(); len(items) == 1 {
		subject = &items[0].Value
	}
	object, _ := subject.Any().(map[string]any)
	return object
}

// texts reads a string, or an array of nothing but strings, else nil.
func texts(value any) (found []string) {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		for _, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil
			}
			found = append(found, text)
		}
	}
	return found
}

// positive reads a whole number above zero, else 0.
func positive(value any) uint64 {
	number, _ := value.(json.Number)
	n, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
