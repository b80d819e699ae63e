package verifier

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// why is a word of the issuer on a withdrawal, in which members may be replaced;
// nil takes one away.
func (i *testIssuer) why(t testing.TB, change map[string]any) []byte {
	t.Helper()
	claims := map[string]any{"iss": i.did, "sub": replacedID, "public_id": public, "code": Superseded, "at": "2026-09-01T10:00:00Z"}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return i.sealAs(t, claims, map[string]any{"typ": "withdrawal+jwt", "iat": now.Unix()})
}

const (
	replacedUUID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	replacedID   = "urn:credential:" + replacedUUID
)

// Why a credential was revoked is told where the issuer itself has sealed it, in
// words of ours. Everything else leaves what the list said: revoked.
func TestWhyItWasRevoked(t *testing.T) {
	uni, other, stranger := newIssuer(t, "uni.example"), newIssuer(t, "other.example"), newIssuer(t, "uni.example")
	compromised := newIssuer(t, "uni.example")
	entry := uni.entry()
	lost := compromised.entry().Keys[0]
	lost.ID, lost.CompromisedAt = compromised.did+"#lost", now.AddDate(0, -1, 0)
	compromised.kid = lost.ID
	entry.Keys = append(entry.Keys, lost)
	trust := trusting(entry, other.entry())

	const at = "https://uni.example/c/" + replacedUUID + "/withdrawal"
	list := uni.listURL("r1")
	listed := func(set ...uint64) []byte { return uni.seal(t, uni.list(t, "r1", "revocation", set, nil, nil)) }
	credential := func(change map[string]any) []byte {
		members := map[string]any{"id": replacedID}
		maps.Copy(members, change)
		return uni.seal(t, uni.credential([]any{uni.statusEntry("r1", "revocation", "7")}, members))
	}
	for _, c := range []struct {
		name  string
		token []byte
		word  any // what is answered
		code  string
		asked bool
	}{
		{"replaced", credential(nil), uni.why(t, nil), Superseded, true},
		{"an error", credential(nil), uni.why(t, map[string]any{"code": ErrorInData}), ErrorInData, true},
		{"its key", credential(nil), uni.why(t, map[string]any{"code": KeyCompromise}), KeyCompromise, true},
		{"nothing is told", credential(nil), 404, "", true},
		{"nobody answers", credential(nil), errNetwork, "", true},
		{"elsewhere", credential(nil), 302, "", true},
		{"no token", credential(nil), []byte(`{"code":"superseded"}`), "", true},
		{"too much", credential(nil), []byte(strings.Repeat("a", maxWithdrawal+1)), "", true},
		{"another credential", credential(nil), uni.why(t, map[string]any{"sub": "urn:credential:0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4e"}), "", true},
		{"another issuer of the trust file", credential(nil), other.why(t, nil), "", true},
		{"another issuer in its name", credential(nil), other.why(t, map[string]any{"iss": uni.did}), "", true},
		{"a stranger's key", credential(nil), stranger.why(t, nil), "", true},
		{"a key that was lost", credential(nil), compromised.why(t, nil), "", true},
		{"a word that is none", credential(nil), uni.why(t, map[string]any{"code": "VALID, the list is wrong"}), "", true},
		{"a member more", credential(nil), uni.why(t, map[string]any{"text": "VALID"}), "", true},
		{"of tomorrow", credential(nil), uni.why(t, map[string]any{"at": now.AddDate(0, 0, 1).Format(time.RFC3339)}), "", true},
		{"of no time", credential(nil), uni.why(t, map[string]any{"at": nil}), "", true},
		{"a credential in its place", credential(nil), credential(nil), "", true},
		{"an id of another kind", credential(map[string]any{"id": "https://uni.example/1"}), uni.why(t, nil), "", false},
		{"an id that is a path", credential(map[string]any{"id": "urn:credential:../../../../../../../../../../aaaa"}), uni.why(t, nil), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			served := &answers{bodies: map[string]any{list: listed(7), at: c.word}}
			v := newVerifier(t, Config{Trust: trust, Fetch: served.client()})
			r := v.Verify(t.Context(), c.token)
			if r.State != Revoked || r.Verdict != Invalid || r.Withdrawal != c.code {
				t.Errorf("%s, %s, %q", r.State, r.Verdict, r.Withdrawal)
			}
			since := time.Time{}
			if c.code != "" {
				since = time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)
			}
			message := r.check(CheckRevocation).Message.String()
			if !r.Since.Equal(since) || (c.code != "") != strings.Contains(message, "2026-09-01") || strings.Contains(message, "VALID") {
				t.Errorf("since %s: %q", r.Since, message)
			}
			if want := map[bool][]string{true: {list, at}, false: {list}}[c.asked]; !slices.Equal(served.asked, want) {
				t.Errorf("asked %v, want %v", served.asked, want)
			}
		})
	}

	// Nobody is asked about what is not revoked.
	served := &answers{bodies: map[string]any{list: listed(8), at: uni.why(t, nil)}}
	v := newVerifier(t, Config{Trust: trust, Fetch: served.client()})
	if r := v.Verify(t.Context(), credential(nil)); r.State == Revoked || r.Withdrawal != "" || !slices.Equal(served.asked, []string{list}) {
		t.Errorf("%s %q, asked %v", r.State, r.Withdrawal, served.asked)
	}
}

// What stands in place of a credential that was replaced says so, and nothing of
// whom it was about.
func TestLookUpOfWhatWasReplaced(t *testing.T) {
	uni, other := newIssuer(t, "uni.example"), newIssuer(t, "other.example")
	entries := []TrustedIssuer{uni.entry(), other.entry()}
	entries[0].QRPrefix, entries[1].QRPrefix = public[:2], "OT"
	trust := trusting(entries...)
	const gone = "https://uni.example/c/" + public
	for _, c := range []struct {
		name string
		word any
		err  error
	}{
		{"replaced", uni.why(t, nil), nil},
		{"about another id", uni.why(t, map[string]any{"public_id": strings.Replace(public, "VN5", "VN6", 1)}), ErrNotFound},
		{"another issuer's word", other.why(t, nil), ErrNotFound},
		{"no word", 404, ErrNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			served := &answers{bodies: map[string]any{gone: 410, gone + "/withdrawal": c.word}}
			v := newVerifier(t, Config{Trust: trust, Fetch: served.client()})
			token, err := v.LookUp(t.Context(), strings.ToLower(public))
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Fatalf("err = %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			r := v.Verify(t.Context(), token)
			if r.State != Revoked || r.Verdict != Invalid || r.Withdrawal != Superseded || r.Since.IsZero() || r.Credential != nil || r.ID != replacedID ||
				!r.Issuer.Confirmed || r.Issuer.Name != "University of uni.example" {
				t.Errorf("%+v", r)
			}
			if r := newVerifier(t, Config{}).Verify(t.Context(), token); r.State != Unreadable || r.Verdict != Invalid || r.Issuer.Confirmed {
				t.Errorf("without a trust file: %s", r.State)
			}
			changed := []byte(strings.Replace(string(token), ".", ".e", 1))
			if r := v.Verify(t.Context(), changed); r.Verdict != Invalid || r.State == Revoked {
				t.Errorf("changed: %s", r.State)
			}
		})
	}
}
