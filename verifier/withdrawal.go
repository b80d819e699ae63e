package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/elm"
	"indeks/keys"
)

// Withdrawal is an issuer's own word on why it revoked a credential, sealed as
// [keys.Withdrawal]. A status list has one bit for each credential and no reason.
// So where the list says revoked, and only there, the issuer is asked, at its
// credentials_url, for ID/withdrawal: ID is the UUID of the credential, which
// nobody can guess who does not have it, or the public id below a printed code.
type Withdrawal struct {
	Issuer     string    `json:"iss"` // DID
	Credential string    `json:"sub"` // id
	Public     string    `json:"public_id"`
	Code       string    `json:"code"` // Superseded, ErrorInData or KeyCompromise
	At         time.Time `json:"at"`
}

// Codes of withdrawals, which are all that a reader is told: never a text that
// an issuer writes next to a verdict.
const (
	Superseded    = "superseded" // another one took its place: ask its holder
	ErrorInData   = "error-in-data"
	KeyCompromise = "key-compromise" // of the seal; nothing is held against the holder
)

var withdrawalSentences = map[string]*Sentence{
	Superseded: revokedReplaced, ErrorInData: revokedForError, KeyCompromise: revokedForKey,
}

const withdrawalPath = "withdrawal"

// isWithdrawal reports whether a token says of itself that it is one.
func isWithdrawal(token []byte) bool {
	_, err := keys.OpenWithdrawal(context.Background(), token, nobody{})
	return errors.Is(err, keys.ErrUnknownKey)
}

// nobody knows no key.
type nobody struct{}

func (nobody) Resolve(context.Context, keys.Header) (*keys.PublicKey, error) {
	return nil, keys.ErrUnknownKey
}

// openWithdrawal opens a token and returns what it says and who answers for it:
// an issuer of the trust file in whose own name it was sealed.
func (v *Verifier) openWithdrawal(ctx context.Context, token []byte, now time.Time) (w Withdrawal, seal keys.Seal, e *TrustedIssuer, err error) {
	found := &resolver{trust: v.trust}
	opened, err := keys.OpenWithdrawal(ctx, token, found)
	if err != nil {
		return w, seal, nil, err
	}
	if err := json.Unmarshal(opened.Payload, &w, json.RejectUnknownMembers(true)); err != nil {
		return w, seal, nil, fmt.Errorf("reading a withdrawal: %w", err)
	}
	seal = opened.Seals[0]
	// Only what the trust file vouches for: a key that names itself does not.
	by := v.judge(seal, &elm.Credential{Profile: elm.Other, Issuer: elm.Organisation{Ref: elm.Ref{ID: w.Issuer}}}, found, nil, now)
	switch {
	case by.reason != "" || by.unconfirmable || by.entry == nil:
		return w, seal, nil, errors.New("reading a withdrawal: it is not sealed by an issuer of the trust file in its own name")
	case withdrawalSentences[w.Code] == nil || w.At.IsZero() || w.At.After(now.Add(v.skew)) || w.Credential == "":
		return w, seal, nil, errors.New("reading a withdrawal: it does not say which credential, since when or why")
	}
	return w, seal, by.entry, nil
}

// askWithdrawal asks an issuer why it has revoked a credential. Whatever goes
// wrong, nothing is known then but that it is revoked.
func (v *Verifier) askWithdrawal(ctx context.Context, e *TrustedIssuer, id string, now time.Time) (w Withdrawal, from *url.URL, ok bool) {
	uuid, ours := strings.CutPrefix(id, "urn:credential:")
	if !ours || e == nil || e.CredentialsURL == "" || strings.Trim(uuid, "0123456789abcdefABCDEF-") != "" || len(uuid) != 36 {
		return w, nil, false
	}
	u, err := parseURL(e.CredentialsURL)
	if err != nil {
		return w, nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	u = u.JoinPath(uuid, withdrawalPath)
	token, err := v.getAtMost(ctx, u, acceptWithdrawal, maxWithdrawal)
	if err != nil {
		return w, nil, false
	}
	w, _, by, err := v.openWithdrawal(ctx, token, now)
	return w, u, err == nil && by == e && w.Credential == id
}

const (
	acceptWithdrawal = "application/withdrawal+jwt"
	maxWithdrawal    = 64 << 10
)

// lookUpWithdrawal asks for the word on a credential whose id is gone, and
// returns it as it came if it is about this id.
func (v *Verifier) lookUpWithdrawal(ctx context.Context, e *TrustedIssuer, u *url.URL, public string) ([]byte, error) {
	token, err := v.getAtMost(ctx, u.JoinPath(public, withdrawalPath), acceptWithdrawal, maxWithdrawal)
	if err != nil {
		return nil, err
	}
	w, _, by, err := v.openWithdrawal(ctx, token, v.now())
	switch {
	case err != nil:
		return nil, err
	case by != e || w.Public != public:
		return nil, errors.New("reading a withdrawal: it is about another credential")
	}
	return token, nil
}

// verifyWithdrawal judges what stands in place of a credential that was replaced.
// What it held, and of whom, is not there any more.
func (v *Verifier) verifyWithdrawal(ctx context.Context, r *Report, token []byte) *Report {
	w, seal, entry, err := v.openWithdrawal(ctx, token, r.CheckedAt)
	if err != nil {
		r.State = Unreadable
		r.check(CheckFormat).fail("malformed", formatWithdrawalOfNone)
		return r.conclude(v)
	}
	r.ID, r.SealedAt = w.Credential, seal.SealedAt
	r.check(CheckFormat).pass(formatWithdrawal)
	r.check(CheckSeal).pass(sealExact, entry, string(seal.Alg))
	v.checkIssuer(r, &elm.Credential{Profile: elm.Other, Issuer: elm.Organisation{Ref: elm.Ref{ID: w.Issuer}}}, entry)
	if r.Issuer.Confirmed {
		r.withdrawn(w)
	}
	return r.conclude(v)
}

// withdrawn tells why a credential was revoked.
func (r *Report) withdrawn(w Withdrawal) {
	r.check(CheckRevocation).fail("revoked", withdrawalSentences[w.Code], w.At)
	r.withdrawnAt, r.Withdrawal = w.At.UTC(), w.Code
}
