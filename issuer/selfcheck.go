package issuer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"indeks/alike"
	"indeks/contexts"
	"indeks/elm"
	"indeks/store"
	"indeks/verifier"
)

// selfCheck is the production verifier, trusting ourselves and nobody else. It
// is made anew when the keys of the ring change.
type selfCheck struct {
	mu       sync.Mutex
	ring     uint64 // its version that the verifiers were made of
	verifier *verifier.Verifier
	open     *verifier.Verifier // the same with open contexts, for statements
	today    *verifier.Verifier // the same that asks for status lists each time, for what is shown to people
	unlisted map[string]error   // why a list of ours could not be had when last asked for, by its id
}

// openContexts are those that statements may use.
var openContexts = sync.OnceValue(func() *contexts.Set { return contexts.Default().Open() })

// wholeOf is how many tokens are sealed for one that is read back as a whole
// although its payload came out of a mould.
const wholeOf = 100

// checkSealed asks for the one verdict that an employer must get, and compares
// the bytes that the verifier saw with those on record.
//
// What stands in a payload that came out of a mould was read and found good once
// for all of them. So of its token the verifier is asked everything else: header,
// seal, key, issuer, status and period. Of one in a hundred, drawn at random, and
// of what came from the records or was built by itself, it is asked everything.
func (i *Issuer) checkSealed(ctx context.Context, r *store.Record, profile elm.Profile, payload, token alike.Text, u unsealed) error {
	v, open, err := i.verifiers()
	if err != nil {
		return err
	}
	if profile == elm.Other || profile == otherProof {
		return checkStatement(open.Verify(ctx, token.Bytes()), payload)
	}
	var report *verifier.Report
	moulded := u.read != nil && u.payload.Equal(payload) && mathrand.IntN(wholeOf) > 0
	if moulded {
		report = v.VerifyContentUnchecked(ctx, token, payload, u.read)
	} else {
		report = v.Verify(ctx, token.Bytes())
	}
	if report.Verdict != verifier.Valid {
		// A list of ours that cannot be had is a failure of the store: what was
		// built may be right. Verifiers do not ask again for each credential.
		if err := i.unlisted(r.Entries); report.State == verifier.StatusUnchecked && err != nil {
			return err
		}
		return refused(report)
	}
	if report.ID != r.ID || !moulded && !payload.Equal(alike.Whole(report.Credential.Raw)) {
		return fmt.Errorf("%w: the sealed bytes are others than those on record", ErrRefused)
	}
	return nil
}

// refused says of a report why it is not the one that must be.
func refused(report *verifier.Report) error {
	why := ""
	for _, c := range report.Checks {
		if c.Result != verifier.Passed && c.Reason == report.Reason {
			why = c.Name + ": " + c.Message.String()
			break
		}
	}
	return fmt.Errorf("%w: %s (%s)", ErrRefused, report.State, why)
}

// unlisted is why one of the lists of entries could not be had when last asked for.
func (i *Issuer) unlisted(entries []store.Entry) error {
	i.self.mu.Lock()
	defer i.self.mu.Unlock()
	for _, e := range entries {
		if err := i.self.unlisted[e.List]; err != nil {
			return err
		}
	}
	return nil
}

// checkStatement asks what must be true of a statement, whose period and status
// are its author's: well-formed, exactly what is on record, and sealed by us.
func checkStatement(report *verifier.Report, payload alike.Text) error {
	for _, c := range report.Checks {
		if c.Result != verifier.Passed && slices.Contains([]string{verifier.CheckFormat, verifier.CheckSeal, verifier.CheckIssuer}, c.Name) {
			return fmt.Errorf("%w: %s: %s", ErrRefused, c.Name, c.Message)
		}
	}
	if !payload.Equal(alike.Whole(report.Credential.Raw)) {
		return fmt.Errorf("%w: the sealed bytes are others than those on record", ErrRefused)
	}
	return nil
}

func (i *Issuer) verifiers() (own, open *verifier.Verifier, err error) {
	version := i.ring.Version()
	i.self.mu.Lock()
	defer i.self.mu.Unlock()
	if i.self.verifier != nil && i.self.ring == version {
		return i.self.verifier, i.self.open, nil
	}
	at := i.now()
	config := verifier.Config{
		Trust: &verifier.Trust{
			// Of no day, since a clock that was ahead for a moment would date it for all
			// that this process seals.
			Version: 1, Issued: time.Unix(0, 0), Expires: at.AddDate(100, 0, 0),
			Issuers: []verifier.TrustedIssuer{i.TrustEntry()},
		},
		Fetch: &http.Client{Transport: ownLists{i}},
		// Nothing is asked over the network, so that a demo on loopback may pass.
		Policy: verifier.FetchPolicy{AllowLoopback: true},
		Now:    i.now,
	}
	if own, err = verifier.New(config); err != nil {
		return nil, nil, fmt.Errorf("making the verifier: %w", err)
	}
	config.ListAge = 1
	today, err := verifier.New(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making the verifier: %w", err)
	}
	config.ListAge, config.Contexts = 0, openContexts()
	if open, err = verifier.New(config); err != nil {
		return nil, nil, fmt.Errorf("making the verifier: %w", err)
	}
	i.self.verifier, i.self.open, i.self.today, i.self.ring = own, open, today, version
	return own, open, nil
}

// ownLists answers the verifier's requests for our status lists out of the
// store: they are what the server would answer, without a server or a network.
type ownLists struct{ issuer *Issuer }

func (o ownLists) RoundTrip(req *http.Request) (*http.Response, error) {
	list, ours := strings.CutPrefix(req.URL.String(), o.issuer.inst.listURL(""))
	if !ours {
		return nil, fmt.Errorf("asking for %s: not one of our status lists", req.URL)
	}
	token, _, err := o.issuer.StatusList(req.Context(), list)
	o.issuer.self.mu.Lock()
	if o.issuer.self.unlisted == nil {
		o.issuer.self.unlisted = map[string]error{}
	}
	o.issuer.self.unlisted[list] = err
	o.issuer.self.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/vc+jwt"}},
		Body:          io.NopCloser(bytes.NewReader(token)),
		ContentLength: int64(len(token)),
		Request:       req,
	}, nil
}
