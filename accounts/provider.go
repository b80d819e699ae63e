package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"golang.org/x/oauth2"

	"indeks/store"
)

// Provider is an OpenID Connect provider whose word is taken for who somebody is. It
// is asked for its metadata when somebody first signs in, so that the server starts
// without it. It is safe for concurrent use.
type Provider struct {
	Issuer       string // URL; its metadata must name the same
	ClientID     string
	ClientSecret string              // "": a public client, with PKCE alone
	Redirect     string              // where it sends people back to
	Scopes       []string            // nil: openid and profile
	RolesClaim   string              // whose values Roles has; with full stops for a member of a member, such as realm_access.roles; "": none
	Roles        map[string][]string // value of that claim to roles
	People       map[string][]string // subject to roles
	Now          func() time.Time    // nil: time.Now

	mu       sync.Mutex
	client   *http.Client
	known    *oidc.Provider
	namesIss bool // the provider says that its answers name it: RFC 9207
}

// algorithms are those that an id_token may be signed by: none that is symmetric, and
// not "none".
var algorithms = []string{oidc.RS256, oidc.PS256, oidc.ES256, oidc.ES384, oidc.EdDSA}

// discover returns the provider's metadata, asked for once.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	keys := &patient{now: p.Now}
	if keys.now == nil {
		keys.now = time.Now
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: keys, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	known, err := oidc.NewProvider(oidc.ClientContext(ctx, client), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: asking for its metadata: %w", ErrProvider, err)
	}
	var more struct {
		Keys     string `json:"jwks_uri"`
		NamesIss bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := known.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: reading its metadata: %w", ErrProvider, err)
	}
	keys.url.Store(&more.Keys)
	p.client, p.known, p.namesIss = client, known, more.NamesIss
	return known, nil
}

func (p *Provider) oauth(known *oidc.Provider) *oauth2.Config {
	scopes := p.Scopes
	if scopes == nil {
		scopes = []string{oidc.ScopeOpenID, "profile"}
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: known.Endpoint(), RedirectURL: p.Redirect, Scopes: scopes}
}

const kindFlow = "sign-in"

// flowTime is how long a sign-in may take at the provider.
const flowTime = 10 * time.Minute

// flow is a sign-in that was begun. It is used once.
type flow struct {
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE, RFC 7636
	Browser  string    `json:"browser"`  // place of the secret in the browser's cookie
	Next     string    `json:"next"`
	Began    time.Time `json:"began"`
	Again    string    `json:"again,omitzero"` // account that is to show once more who it is
}

// Depart begins a sign-in with the provider and returns the address to send the
// browser to. browser is a secret in its cookie, without which the answer is
// nobody's; next is for the caller, who gets it back. again, unless nil, is the
// session of who is to show once more who they are.
func (a *Accounts) Depart(ctx context.Context, browser, next string, again *Session) (string, error) {
	if a.Provider == nil {
		return "", ErrProvider
	}
	known, err := a.Provider.discover(ctx)
	if err != nil {
		return "", err
	}
	f := flow{Nonce: newID(), Verifier: oauth2.GenerateVerifier(), Browser: place(browser), Next: next, Began: a.now()}
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if again != nil {
		f.Again = again.Account.Name
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	body, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	state := newID()
	if err := a.Store.PutDocuments(ctx, []store.Document{{Kind: kindFlow, ID: place(state), Expires: f.Began.Add(flowTime), Body: body}}); err != nil {
		return "", fmt.Errorf("beginning a sign-in: %w", err)
	}
	return a.Provider.oauth(known).AuthCodeURL(state, options...), nil
}

// Return takes the answer that a browser brings back from the provider to a session.
// old, unless nil, is the session that it takes the place of.
//
// Errors: ErrFlow, ErrProvider, ErrNoRole; nothing tells a browser more.
func (a *Accounts) Return(ctx context.Context, browser string, answer url.Values, old *Session) (s Session, next string, err error) {
	refused := func(object string, why error) (Session, string, error) {
		result := why.Error()
		if err := a.logRefused(ctx, object, result[:min(len(result), 200)]); err != nil {
			return Session{}, "", fmt.Errorf("%w; it is not logged: %w", why, err)
		}
		return Session{}, "", why
	}
	if a.Provider == nil {
		return Session{}, "", ErrProvider
	}

	// 1. The sign-in that was begun, which is over with this. That of another browser
	// is nobody's: else who sends somebody a link has them signed in as themselves.
	d, err := a.Store.Document(ctx, kindFlow, place(answer.Get("state")))
	if err == nil {
		err = a.Store.PutDocuments(ctx, []store.Document{{Kind: kindFlow, ID: d.ID, Revision: d.Revision}})
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrRevision) {
		return refused("", ErrFlow)
	}
	if err != nil {
		return Session{}, "", fmt.Errorf("ending a sign-in: %w", err)
	}
	var f flow
	if err := json.Unmarshal(d.Body, &f); err != nil {
		return Session{}, "", fmt.Errorf("reading a sign-in: %w", err)
	}
	if !a.now().Before(d.Expires) || f.Browser != place(browser) || len(answer["state"]) > 1 {
		return refused("", ErrFlow)
	}
	if f.Again != "" && (old == nil || old.Account.Name != f.Again) {
		return refused("", ErrFlow)
	}

	// 2. Who answers, RFC 9207, and with what.
	known, err := a.Provider.discover(ctx)
	if err != nil {
		return Session{}, "", err
	}
	if iss := answer.Get("iss"); iss != a.Provider.Issuer && (iss != "" || a.Provider.namesIss) {
		return refused("", fmt.Errorf("%w: another provider answered", ErrFlow))
	}
	if answer.Get("code") == "" {
		return refused("", fmt.Errorf("%w: it answered without a code", ErrProvider))
	}

	// 3. The id_token: over TLS from the provider, for the code and what only we know.
	ctx = oidc.ClientContext(ctx, a.Provider.client)
	token, err := a.Provider.oauth(known).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		if _, told := errors.AsType[*oauth2.RetrieveError](err); told {
			return refused("", fmt.Errorf("%w: it takes no such code", ErrProvider))
		}
		return Session{}, "", fmt.Errorf("%w: exchanging the code: %w", ErrProvider, err)
	}
	raw, _ := token.Extra("id_token").(string)
	who, claims, err := a.read(ctx, known, raw, &f)
	if err != nil {
		return refused("", err)
	}

	// 4. The account of issuer and subject, and of nothing else: an e-mail address can
	// be another's tomorrow.
	account, at, err := a.of(ctx, who)
	if err != nil {
		return Session{}, "", err
	}
	if f.Again != "" && account.Name != f.Again {
		return refused(account.Actor(), fmt.Errorf("%w: somebody else signed in", ErrFlow))
	}
	roles := a.Provider.roles(who.Subject, claims)
	if len(roles) == 0 || !account.Closed.IsZero() {
		return refused(account.Actor(), ErrNoRole)
	}
	event := store.Event{Kind: store.KindLoggedIn, Actor: account.Actor(), Result: "provider"}
	if f.Again != "" {
		event.Result = "provider, again"
	}
	if !slices.Equal(account.Roles, roles) {
		event.Result += "; roles: " + strings.Join(roles, " ")
	}
	account.Roles, account.Shown = roles, shown(claims)

	// 5. The session, in place of an old one.
	s, err = a.begin(&account)
	if err != nil {
		return Session{}, "", err
	}
	if f.Again != "" {
		s.doc.Expires = old.doc.Expires // it lasts no longer
	}
	with := []store.Document{s.doc}
	if old != nil {
		with = append(with, store.Document{Kind: kindSession, ID: old.doc.ID, Revision: old.doc.Revision})
	}
	if err := a.put(ctx, at, &account, event, with...); err != nil {
		return Session{}, "", fmt.Errorf("signing in: %w", err)
	}
	s.doc.Revision++
	return s, f.Next, nil
}

// read verifies an id_token, OpenID Connect Core section 3.1.3.7.
func (a *Accounts) read(ctx context.Context, known *oidc.Provider, raw string, f *flow) (*oidc.IDToken, map[string]any, error) {
	who, err := known.Verifier(&oidc.Config{ClientID: a.Provider.ClientID, SupportedSigningAlgs: algorithms, Now: a.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: the id_token: %w", ErrProvider, err)
	}
	var claims map[string]any
	if err := who.Claims(&claims); err != nil {
		return nil, nil, fmt.Errorf("%w: the id_token: %w", ErrProvider, err)
	}
	party, named := claims["azp"].(string)
	switch {
	case who.Nonce != f.Nonce:
		return nil, nil, fmt.Errorf("%w: the id_token is of another sign-in", ErrFlow)
	case named && party != a.Provider.ClientID, !named && len(who.Audience) > 1:
		return nil, nil, fmt.Errorf("%w: the id_token is for another client", ErrProvider)
	case who.Subject == "" || len(who.Subject) > 255:
		return nil, nil, fmt.Errorf("%w: the id_token names nobody", ErrProvider)
	}
	if at, _ := claims["auth_time"].(float64); f.Again != "" && time.Unix(int64(at), 0).Before(f.Began.Add(-skew)) {
		return nil, nil, fmt.Errorf("%w: nobody has signed in anew", ErrProvider)
	}
	return who, claims, nil
}

// skew is by how much the provider's clock may be behind ours.
const skew = time.Minute

// of finds the account of who signed in, or what it will be.
func (a *Accounts) of(ctx context.Context, who *oidc.IDToken) (Account, store.Document, error) {
	sum := sha256.Sum256([]byte(who.Issuer + "\x00" + who.Subject))
	name := "p-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	account, d, err := a.get(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return Account{Name: name, Issuer: who.Issuer, Subject: who.Subject, Created: a.now()}, store.Document{}, nil
	}
	if err != nil {
		return Account{}, d, fmt.Errorf("signing in: %w", err)
	}
	if account.Issuer != who.Issuer || account.Subject != who.Subject {
		return Account{}, d, fmt.Errorf("signing in: account %s is another's", name) // unreachable: 80 bits
	}
	return account, d, nil
}

// roles are those that the configuration gives somebody, sorted.
func (p *Provider) roles(subject string, claims map[string]any) (roles []string) {
	roles = append(roles, p.People[subject]...)
	value, ok := claims[p.RolesClaim]
	for rest := p.RolesClaim; !ok && rest != ""; {
		var first string
		first, rest, _ = strings.Cut(rest, ".")
		value = claims[first]
		claims, _ = value.(map[string]any)
	}
	values, _ := value.([]any)
	if one, ok := value.(string); ok { // some providers have one text, with spaces
		for word := range strings.FieldsSeq(one) {
			values = append(values, word)
		}
	}
	for _, v := range values {
		if text, ok := v.(string); ok {
			roles = append(roles, p.Roles[text]...)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// shown is what the provider calls somebody.
func shown(claims map[string]any) string {
	for _, name := range []string{"name", "preferred_username"} {
		if text, _ := claims[name].(string); text != "" {
			return text[:min(len(text), 80)]
		}
	}
	return ""
}

// mostAnswer is how much of an answer of the provider is read, and keysEvery how often
// it is asked for its keys: a token with a key id that nobody knows costs no more
// than one request, and leaves the keys that are known.
const (
	mostAnswer = 1 << 20
	keysEvery  = time.Minute
)

var errKeysAsked = errors.New("it was asked for its keys within the last minute")

// patient is a transport that asks for keys seldom.
type patient struct {
	now func() time.Time
	url atomic.Pointer[string] // of the keys

	mu    sync.Mutex
	asked time.Time // and answered
}

func (t *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	keys := t.url.Load()
	ofKeys := keys != nil && r.URL.String() == *keys
	if ofKeys {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !t.asked.IsZero() && t.now().Sub(t.asked) < keysEvery {
			return nil, errKeysAsked
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if ofKeys && answer.StatusCode == http.StatusOK {
		t.asked = t.now()
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, mostAnswer), answer.Body}
	return answer, nil
}
