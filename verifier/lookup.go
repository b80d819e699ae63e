package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Public ids of printed QR codes are written in 26 symbols of base32 without I,
// L, O and U, which are easily misread.
const (
	publicAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	publicLength   = 26
)

const (
	lookUpTimeout = 3 * time.Second
	lookUpAtOnce  = 4
)

const acceptToken = "application/vc+jwt, application/jose+json;q=0.9, */*;q=0.1"

// LookUp asks the issuers of the trust file for the credential with the public
// id of a printed QR code (26 symbols, case-insensitive): those whose qr_prefix matches, else
// all, four at once, within 3 s. It returns the token unverified; where the
// credential was replaced, the issuer's word on that, which Verify knows as well.
//
// ErrNotFound where all of them answered and none knows the id, or where it is
// not an id at all; ErrUnavailable where one could not be asked.
func (v *Verifier) LookUp(ctx context.Context, public string) ([]byte, error) {
	// 1. An id, so that nothing else gets into a path.
	public = strings.ToUpper(public)
	if len(public) != publicLength || strings.Trim(public, publicAlphabet) != "" {
		return nil, ErrNotFound
	}

	// 2. Whom to ask: asking tells the issuer that this id was opened, so nobody
	// is asked without need.
	var named, all []*TrustedIssuer
	if v.trust != nil {
		for i := range v.trust.Issuers {
			e := &v.trust.Issuers[i]
			if e.CredentialsURL == "" {
				continue
			}
			all = append(all, e)
			if e.QRPrefix != "" && strings.HasPrefix(public, strings.ToUpper(e.QRPrefix)) {
				named = append(named, e)
			}
		}
	}
	if len(named) == 0 {
		named = all
	}

	// 3. Ask. All goroutines have ended on return.
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	var (
		mu      sync.Mutex
		token   []byte
		missing error
		wait    sync.WaitGroup
		slots   = make(chan struct{}, lookUpAtOnce)
	)
	for _, e := range named {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found, err := v.lookUpAt(ctx, e, public)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && token == nil:
				token = found
				cancel() // nobody else needs to hear of this id
			case err != nil && !isGone(err):
				missing = err
			}
		})
	}
	wait.Wait()

	// 4. Unknown to all is an answer, "could not ask" is not.
	switch {
	case token != nil:
		return token, nil
	case missing != nil:
		return nil, fmt.Errorf("looking up %s: %w: %w", public, ErrUnavailable, missing)
	}
	return nil, ErrNotFound
}

func (v *Verifier) lookUpAt(ctx context.Context, e *TrustedIssuer, public string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u, err := parseURL(e.CredentialsURL)
	if err != nil {
		return nil, err
	}
	token, err := v.get(ctx, u.JoinPath(public), "application/vc+jwt")
	if answer, ok := errors.AsType[answerError](err); ok && answer == http.StatusGone {
		if token, err := v.lookUpWithdrawal(ctx, e, u, public); err == nil {
			return token, nil
		}
	}
	return token, err
}

// FetchLink fetches a token from a link whose host belongs to an issuer of the
// trust file, or reads the public id from a QR link of any host and looks that
// up. It returns the token unverified.
//
// The host of a QR link is never asked: it may be a forger's, and a forger's
// page would say "valid". ErrForbidden for every other host that is not in the
// trust file; ErrNotFound and ErrUnavailable as [Verifier.LookUp].
func (v *Verifier) FetchLink(ctx context.Context, link string) ([]byte, error) {
	link = strings.TrimSpace(link)
	u, err := url.Parse(link)
	if err != nil {
		return nil, fmt.Errorf("fetching: %w: not a URL", ErrForbidden)
	}
	if public, ok := publicID(u); ok {
		return v.LookUp(ctx, public)
	}
	u.Fragment = "" // the reader's, never sent
	if _, err := parseURL(u.String()); err != nil {
		return nil, fmt.Errorf("fetching: %w: %w", ErrForbidden, err)
	}
	if !v.knows(u) {
		return nil, fmt.Errorf("fetching: %w: %s belongs to no issuer of the trust file", ErrForbidden, u.Host)
	}
	token, err := v.get(ctx, u, acceptToken)
	switch {
	case err == nil:
		return token, nil
	case isGone(err):
		return nil, fmt.Errorf("fetching: %w: %w", ErrNotFound, err)
	case errors.Is(err, ErrForbidden):
		return nil, fmt.Errorf("fetching: %w", err)
	}
	return nil, fmt.Errorf("fetching: %w: %w", ErrUnavailable, err)
}

// publicID reads the id from a QR link: /C/ and 26 symbols, in any case.
func publicID(u *url.URL) (string, bool) {
	scheme := strings.ToLower(u.Scheme)
	path := strings.ToUpper(strings.TrimSuffix(u.Path, "/"))
	public, ok := strings.CutPrefix(path, "/C/")
	if !ok || scheme != "https" && scheme != "http" || len(public) != publicLength || strings.Trim(public, publicAlphabet) != "" {
		return "", false
	}
	return public, true
}

// knows reports whether u leads to some issuer of the trust file.
func (v *Verifier) knows(u *url.URL) bool {
	if v.trust == nil {
		return false
	}
	for i := range v.trust.Issuers {
		if v.standing(&v.trust.Issuers[i]).places.own(u) {
			return true
		}
	}
	return false
}
