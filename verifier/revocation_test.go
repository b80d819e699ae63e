package verifier

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"indeks/keys"
)

// Whatever is wrong with a status or its list, the credential is never valid:
// public verifiers of the field say "has not been revoked" in most of these.
func TestNoBadStatusIsValid(t *testing.T) {
	uni, other := newIssuer(t, "uni.example"), newIssuer(t, "other.example")
	evil := newIssuer(t, "uni.example") // same names, another key
	good := func(name string) []byte { return uni.seal(t, uni.list(t, name, "revocation", nil, nil, nil)) }
	sealed := func(set []uint64, document, subject map[string]any) []byte {
		return uni.seal(t, uni.list(t, "1", "revocation", set, document, subject))
	}
	entry := func(change ...any) []any { return []any{uni.statusEntry("1", "revocation", "5", change...)} }
	revoked := sealed([]uint64{5}, nil, nil)

	for name, c := range map[string]struct {
		status []any
		list   any // served at list 1
		state  State
	}{
		"list answers 500":               {entry(), 500, StatusUnchecked},
		"list answers 404":               {entry(), 404, StatusUnchecked},
		"list answers 302":               {entry(), 302, StatusUnchecked},
		"list host refuses":              {entry(), errNetwork, StatusUnchecked},
		"list is empty":                  {entry(), []byte{}, StatusUnchecked},
		"list is a page":                 {entry(), []byte("<html>not found</html>"), StatusUnchecked},
		"list is too large":              {entry(), make([]byte, maxFetched+1), StatusUnchecked},
		"list is not sealed":             {entry(), []byte(`{"@context":["https://www.w3.org/ns/credentials/v2"]}`), StatusUnchecked},
		"list seal is bad":               {entry(), evil.seal(t, uni.list(t, "1", "revocation", nil, nil, nil)), StatusUnchecked},
		"list by another issuer":         {entry(), other.seal(t, uni.list(t, "1", "revocation", nil, map[string]any{"issuer": other.did}, nil)), StatusUnchecked},
		"list in our name by another":    {entry(), other.seal(t, uni.list(t, "1", "revocation", nil, nil, nil)), StatusUnchecked},
		"list for another purpose":       {entry(), sealed(nil, nil, map[string]any{"statusPurpose": "suspension"}), NotValid},
		"list without purpose":           {entry(), sealed(nil, nil, map[string]any{"statusPurpose": 1}), StatusUnchecked},
		"list without any purpose":       {entry(), sealed(nil, nil, map[string]any{"statusPurpose": []any{}}), StatusUnchecked},
		"list with a purpose and more":   {entry(), sealed(nil, nil, map[string]any{"statusPurpose": []any{"revocation", 1}}), StatusUnchecked},
		"list with another id":           {entry(), good("2"), StatusUnchecked},
		"list without id":                {entry(), sealed(nil, map[string]any{"id": nil}, nil), StatusUnchecked},
		"list is a credential":           {entry(), uni.seal(t, uni.credential(nil, map[string]any{"id": uni.listURL("1")})), StatusUnchecked},
		"list with a status":             {entry(), sealed(nil, map[string]any{"credentialStatus": entry()}, nil), StatusUnchecked},
		"list of an unknown type":        {entry(), sealed(nil, map[string]any{"type": []any{"VerifiableCredential"}}, nil), StatusUnchecked},
		"list out of date":               {entry(), sealed(nil, map[string]any{"validUntil": "2026-09-30T00:00:00Z", "validFrom": "2026-09-01T00:00:00Z"}, nil), StatusUnchecked},
		"list whose seal has ended":      {entry(), sealed(nil, map[string]any{"exp": now.Unix() - 100}, nil), StatusUnchecked},
		"list whose seal begins later":   {entry(), sealed(nil, map[string]any{"nbf": now.Unix() + 100}, nil), StatusUnchecked},
		"list of tomorrow":               {entry(), sealed(nil, map[string]any{"validFrom": "2026-10-02T00:00:00Z"}, nil), StatusUnchecked},
		"list too short":                 {entry(), sealed(nil, nil, map[string]any{"encodedList": "uH4sIAAAAAAAC_2IYBaNgFIxYAAgAAP__Lq-17wAEAAA"}), StatusUnchecked},
		"list not encoded":               {entry(), sealed(nil, nil, map[string]any{"encodedList": 7}), StatusUnchecked},
		"list with odd ttl":              {entry(), sealed(nil, nil, map[string]any{"ttl": "soon"}), StatusUnchecked},
		"list with unknown terms":        {entry(), sealed(nil, map[string]any{"valid": true}, nil), StatusUnchecked},
		"index outside":                  {[]any{uni.statusEntry("1", "revocation", "131072")}, good("1"), NotValid},
		"index beyond 64 bits":           {[]any{uni.statusEntry("1", "revocation", "18446744073709551621")}, good("1"), NotValid},
		"index with sign":                {[]any{uni.statusEntry("1", "revocation", "+5")}, good("1"), NotValid},
		"index is a number":              {entry("statusListIndex", 5), good("1"), NotValid},
		"no index":                       {entry("statusListIndex", nil), good("1"), NotValid},
		"no purpose":                     {entry("statusPurpose", ""), good("1"), NotValid},
		"unknown purpose":                {entry("statusPurpose", "disposal"), good("1"), StatusUnchecked},
		"entry type is missing":          {entry("type", nil), good("1"), NotValid},
		"StatusList2021 with bit set":    {entry("type", "StatusList2021Entry"), revoked, NotValid}, // an undefined type
		"unknown entry type":             {[]any{map[string]any{"type": "https://vocab.example/Status"}}, good("1"), StatusUnchecked},
		"unknown entry before a revoked": {[]any{map[string]any{"type": "https://vocab.example/Status"}, entry()[0]}, revoked, Revoked},
		"unavailable before a revoked":   {[]any{uni.statusEntry("none", "revocation", "1"), entry()[0]}, revoked, Revoked},
		"broken before a revoked":        {[]any{uni.statusEntry("1", "revocation", "x"), entry()[0]}, revoked, NotValid},
		"clear before a revoked":         {[]any{uni.statusEntry("1", "revocation", "4"), entry()[0]}, revoked, Revoked},
		"size without messages":          {entry("statusSize", 2), good("1"), NotValid},
		"size out of bounds":             {entry("statusSize", 64), good("1"), NotValid},
		"message without messages":       {entry("statusPurpose", "message", "statusSize", 2), good("1"), NotValid},
		"no entries":                     {[]any{}, good("1"), NotValid},
		"nine entries":                   {[]any{entry()[0], entry()[0], entry()[0], entry()[0], entry()[0], entry()[0], entry()[0], entry()[0], entry()[0]}, good("1"), NotValid},
		"an entry that is text":          {[]any{entry()[0], "none"}, good("1"), NotValid},
		"list over http":                 {entry("statusListCredential", "http://uni.example/status/1"), good("1"), StatusUnchecked},
		"list on another host":           {entry("statusListCredential", "https://uni.example.evil.example/status/1"), good("1"), StatusUnchecked},
		"list on a trusted host":         {entry("statusListCredential", "https://other.example/status/1"), good("1"), StatusUnchecked},
		"list URL with user":             {entry("statusListCredential", "https://uni.example@evil.example/status/1"), good("1"), NotValid},
		"list URL is missing":            {entry("statusListCredential", nil), good("1"), NotValid},
		"revoked":                        {entry(), revoked, Revoked},
		"suspended":                      {[]any{uni.statusEntry("1", "suspension", "5")}, sealed([]uint64{5}, nil, map[string]any{"statusPurpose": "suspension"}), Suspended},
	} {
		t.Run(name, func(t *testing.T) {
			served := &answers{}
			served.set(uni.listURL("1"), c.list)
			served.set("https://other.example/status/1", good("1"))
			v := newVerifier(t, Config{Trust: trusting(uni.entry(), other.entry()), Fetch: served.client()})
			for _, entry := range c.status {
				if entry, ok := entry.(map[string]any); ok {
					for name, value := range entry {
						if value == nil {
							delete(entry, name)
						}
					}
				}
			}
			token := uni.seal(t, uni.credential(c.status, nil))
			r := v.Verify(t.Context(), token)
			coherent(t, r)
			if r.Verdict == Valid || r.State != c.state {
				t.Errorf("%s, state %s, not %s: %+v", r.Verdict, r.State, c.state, r.checks(CheckFormat, CheckRevocation))
			}
			for _, url := range served.asked {
				if !strings.HasPrefix(url, "https://uni.example/") {
					t.Errorf("asked for %s", url)
				}
			}
		})
	}
}

// A status that is there and says nothing is not "no status".
func TestANullStatusIsNotNone(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	token := uni.seal(t, uni.credential(nil, map[string]any{"credentialStatus": json.RawMessage("null")}))
	if r := newVerifier(t, Config{Trust: trusting(uni.entry())}).Verify(t.Context(), token); r.State != NotValid || r.Reason != "status_invalid" {
		t.Errorf("state %s, reason %s: %+v", r.State, r.Reason, r.checks(CheckRevocation))
	}
}

// checks picks some checks for a message.
func (r *Report) checks(names ...string) (found []Check) {
	for _, name := range names {
		found = append(found, *r.check(name))
	}
	return found
}

func TestGoodStatusIsValid(t *testing.T) {
	uni, keeper := newIssuer(t, "uni.example"), newIssuer(t, "keeper.example")
	served := &answers{}
	served.set(uni.listURL("1"), uni.seal(t, uni.list(t, "1", "", []uint64{4, 6}, nil, map[string]any{"statusPurpose": []any{"revocation", "suspension"}})))
	served.set(uni.listURL("2"), uni.seal(t, uni.list(t, "2", "revocation", nil, nil, map[string]any{"id": uni.listURL("2") + "#bits"})))
	served.set(uni.listURL("3"), uni.seal(t, uni.list(t, "3", "revocation", nil, nil, map[string]any{"id": "https://other.example/status#list"})))
	kept := keeper.list(t, "9", "revocation", []uint64{4, 6}, nil, nil)
	served.set(keeper.listURL("9"), keeper.seal(t, kept))
	entry := uni.entry()
	entry.StatusDelegates = []string{keeper.did}
	messages := []any{map[string]any{"status": "0x0", "message": "a"}, map[string]any{"status": "0x1", "message": "b"}, map[string]any{"status": "0x2", "message": "c"}, map[string]any{"status": "0x3", "message": "d"}}

	for name, entries := range map[string][]any{
		"no status":            nil,
		"both purposes":        {uni.statusEntry("1", "revocation", "5"), uni.statusEntry("1", "suspension", "7")},
		"kept by a delegate":   {keeper.statusEntry("9", "revocation", "5")},
		"last index":           {uni.statusEntry("1", "revocation", "131071")},
		"refresh beside":       {uni.statusEntry("1", "revocation", "5"), uni.statusEntry("none", "refresh", "5")},
		"messages beside":      {uni.statusEntry("1", "revocation", "5"), uni.statusEntry("none", "message", "5", "statusSize", 2, "statusMessage", messages)},
		"subject of any id":    {uni.statusEntry("3", "revocation", "5")},
		"list of another name": {uni.statusEntry("2", "revocation", "5")},
		"nothing to ask":       {uni.statusEntry("none", "refresh", "5")},
		"an id of its own":     {uni.statusEntry("1", "revocation", "5", "id", uni.listURL("1")+"#5")},
	} {
		r := newVerifier(t, Config{Trust: trusting(entry, keeper.entry()), Fetch: served.client()}).Verify(t.Context(), uni.seal(t, uni.credential(entries, nil)))
		coherent(t, r)
		if r.State != StateValid {
			t.Errorf("%s: state %s: %+v", name, r.State, r.Checks)
		}
	}
}

// Nothing in a credential is fetched before its issuer is confirmed.
func TestNothingIsFetchedForStrangers(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	for name, trust := range map[string]*Trust{
		"no trust file": nil,
		"other issuers": trusting(newIssuer(t, "other.example").entry()),
		"expired":       {Version: 1, Expires: now.AddDate(0, 0, -1), Issuers: []TrustedIssuer{uni.entry()}},
	} {
		served := &answers{}
		v := newVerifier(t, Config{Trust: trust, Fetch: served.client()})
		r := v.Verify(t.Context(), uni.seal(t, uni.credential([]any{uni.statusEntry("1", "revocation", "5")}, nil)))
		coherent(t, r)
		if r.State != IssuerUnknown || served.count() != 0 {
			t.Errorf("%s: state %s after %v", name, r.State, served.asked)
		}
	}
}

func TestKeyPeriods(t *testing.T) {
	uni := newIssuer(t, "uni.example")
	at := func(text string) time.Time {
		when, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for name, c := range map[string]struct {
		key   func(*keys.PublicKey)
		state State
	}{
		"in use":                     {func(*keys.PublicKey) {}, StateValid},
		"retired later":              {func(k *keys.PublicKey) { k.NotAfter = at("2026-07-01") }, StateValid},
		"retired before":             {func(k *keys.PublicKey) { k.NotAfter = at("2026-06-01") }, NotValid},
		"not yet in use":             {func(k *keys.PublicKey) { k.NotBefore = at("2026-07-01") }, NotValid},
		"for other use":              {func(k *keys.PublicKey) { k.Purposes = []string{"authentication"} }, NotValid},
		"known to others later":      {func(k *keys.PublicKey) { k.CompromisedAt = at("2026-07-01") }, Unconfirmable},
		"known to others before":     {func(k *keys.PublicKey) { k.CompromisedAt = at("2026-06-01") }, NotValid},
		"of another algorithm":       {func(k *keys.PublicKey) { k.Alg = keys.EdDSA }, NotValid},
		"of a key that was replaced": {func(k *keys.PublicKey) { k.Key = &newIssuer(t, "x.example").key.PublicKey }, NotValid},
	} {
		entry := uni.entry()
		c.key(&entry.Keys[0])
		r := newVerifier(t, Config{Trust: trusting(entry)}).Verify(t.Context(), uni.seal(t, uni.credential(nil, nil)))
		coherent(t, r)
		if r.State != c.state {
			t.Errorf("%s: state %s, not %s: %+v", name, r.State, c.state, r.checks(CheckSeal))
		}
		if c.state != StateValid && r.Credential != nil {
			t.Errorf("%s: content left", name)
		}
	}
}
