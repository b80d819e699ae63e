package accounts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// fakeProvider is an OpenID Connect provider that says what a test wants.
type fakeProvider struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	at     *clock
	asked  atomic.Int32 // for keys
	claims func(map[string]any)
	sign   func(payload []byte) string // nil: as it should be
	nonce  string
	proof  string // code_challenge of the sign-in
	named  bool   // its metadata promises iss in answers
}

func newProvider(t *testing.T, at *clock) *fakeProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeProvider{key: key, at: at}
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": p.named})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if r.FormValue("code") != "the code" || base64.RawURLEncoding.EncodeToString(sum[:]) != p.proof {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		claims := map[string]any{"iss": p.URL, "sub": "248289761001", "aud": "indeks", "nonce": p.nonce, "exp": p.at.Add(time.Minute).Unix(), "iat": p.at.Unix(),
			"auth_time": p.at.Unix(), "name": "Ana", "realm_access": map[string]any{"roles": []string{"office", "other"}}}
		if p.claims != nil {
			p.claims(claims)
		}
		payload, _ := json.Marshal(claims)
		sign := p.sign
		if sign == nil {
			sign = func(payload []byte) string { return p.signed(t, "k1", payload) }
		}
		answer(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": sign(payload)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *fakeProvider) signed(t *testing.T, kid string, payload []byte) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: kid}}, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	object, err := signer.Sign(payload)
	if err != nil {
		t.Error(err)
		return ""
	}
	text, _ := object.CompactSerialize()
	return text
}

// config is a provider as it is configured.
func (p *fakeProvider) config(c *Config) {
	c.Provider = &Provider{Now: p.at.now, Issuer: p.URL, ClientID: "indeks", Redirect: "https://issuer.example/desk/sign-in/return", RolesClaim: "realm_access.roles",
		Roles: map[string][]string{"office": {"registrar"}}, People: map[string][]string{"7": {"auditor", "approver"}}}
}

// depart begins a sign-in and plays the browser at the provider.
func (p *fakeProvider) depart(t *testing.T, a *Accounts, browser string, again *Session) url.Values {
	t.Helper()
	to := must[string](t)(a.Depart(t.Context(), browser, "/desk/records", again))
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, p.URL+"/authorize?") {
		t.Fatalf("%s, %v", to, err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || q.Get("redirect_uri") != a.Provider.Redirect || len(q.Get("state")) < 43 {
		t.Fatalf("asked with %v", q)
	}
	p.nonce, p.proof = q.Get("nonce"), q.Get("code_challenge")
	return url.Values{"code": {"the code"}, "state": {q.Get("state")}, "iss": {p.URL}}
}

func withProvider(t *testing.T) (*Accounts, *clock, *fakeProvider) {
	at := &clock{}
	p := newProvider(t, at)
	a, real := newAccounts(t, p.config)
	at.Time = real.Time
	a.Now = at.now
	return a, at, p
}

func TestProviderSignsIn(t *testing.T) {
	a, _, p := withProvider(t)
	ctx := t.Context()
	s, next, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), nil)
	if err != nil || next != "/desk/records" || s.Enrolling || !slices.Equal(s.Account.Roles, []string{"registrar"}) || s.Account.Display() != "Ana" {
		t.Fatalf("%+v, %q, %v", s, next, err)
	}
	if got, err := a.Session(ctx, s.ID); err != nil || got.Account.Name != s.Account.Name {
		t.Errorf("%+v, %v", got, err)
	}
	if strings.Contains(s.Account.Name, "248289761001") {
		t.Error("the name in the audit log is the provider's number")
	}

	// Roles are those of the last sign-in; those of a person stand in the configuration.
	p.claims = func(c map[string]any) { c["sub"], c["name"] = "7", nil }
	other, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), &s)
	if err != nil || !slices.Equal(other.Account.Roles, []string{"approver", "auditor", "registrar"}) || other.Account.Name == s.Account.Name {
		t.Errorf("%+v, %v", other, err)
	}
	if _, err := a.Session(ctx, s.ID); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the session before: %v", err)
	}
	if _, err := a.SignIn(ctx, s.Account.Name, "", "", "192.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Errorf("a provider's account with a password: %v", err)
	}
	if err := a.SetRoles(ctx, other.Account.Name, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), nil); !errors.Is(err, ErrNoRole) {
		t.Errorf("a closed account: %v", err)
	}
}

// Cases A-oidc-state, A-oidc-iss-mixup and A-oidc-aud of the catalogue of attacks, and
// what else an answer must not be.
func TestAnswersThatAreRefused(t *testing.T) {
	with := func(name string, value any) func(*fakeProvider, url.Values) {
		return func(p *fakeProvider, _ url.Values) { p.claims = func(c map[string]any) { c[name] = value } }
	}
	asked := func(name string, values ...string) func(*fakeProvider, url.Values) {
		return func(_ *fakeProvider, q url.Values) { q[name] = values }
	}
	signed := func(sign func(p *fakeProvider, payload []byte) string) func(*fakeProvider, url.Values) {
		return func(p *fakeProvider, _ url.Values) {
			p.sign = func(payload []byte) string { return sign(p, payload) }
		}
	}
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, one := range []struct {
		name   string
		change func(*fakeProvider, url.Values)
		want   error
	}{
		{"no state", asked("state"), ErrFlow},
		{"a state of nobody", asked("state", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ErrFlow},
		{"a nonce of another sign-in", with("nonce", "another"), ErrFlow},
		{"no nonce", with("nonce", nil), ErrFlow},
		{"another PKCE verifier", func(p *fakeProvider, _ url.Values) { p.proof = "another" }, ErrProvider},
		{"no PKCE verifier was asked for", func(p *fakeProvider, _ url.Values) { p.proof = "" }, ErrProvider},
		{"two states", func(_ *fakeProvider, q url.Values) { q.Add("state", q.Get("state")) }, ErrFlow},
		{"another code", asked("code", "guessed"), ErrProvider},
		{"no code", asked("code"), ErrProvider},
		{"an error", func(_ *fakeProvider, q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, ErrProvider},
		{"the answer of another provider", asked("iss", "https://login.evil.example"), ErrFlow},
		{"no word on who answers, though promised", func(p *fakeProvider, q url.Values) { q.Del("iss") }, ErrFlow},
		{"an id_token of another provider", with("iss", "https://login.evil.example"), ErrProvider},
		{"an id_token for another client", with("aud", "other"), ErrProvider},
		{"one for several, and none says for whom", with("aud", []string{"indeks", "other"}), ErrProvider},
		{"one that another client asked for", with("azp", "other"), ErrProvider},
		{"one that is over", with("exp", 1), ErrProvider},
		{"nobody", with("sub", ""), ErrProvider},
		{"alg none", signed(func(_ *fakeProvider, payload []byte) string {
			return part(`{"alg":"none"}`) + "." + part(string(payload)) + "."
		}), ErrProvider},
		{"HS256 with the client's id", signed(func(_ *fakeProvider, payload []byte) string {
			signer, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("indeks", 8))}, nil)
			object, _ := signer.Sign(payload)
			text, _ := object.CompactSerialize()
			return text
		}), ErrProvider},
		{"the seal of a stranger", signed(func(p *fakeProvider, payload []byte) string {
			key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			return (&fakeProvider{key: key}).signed(nil, "k1", payload)
		}), ErrProvider},
		{"no id_token", signed(func(*fakeProvider, []byte) string { return "" }), ErrProvider},
		{"somebody without a role", with("realm_access", map[string]any{"roles": []string{"guest"}}), ErrNoRole},
		{"roles of another shape", with("realm_access", "office"), ErrNoRole},
		// A-oidc-email: an address is nobody, verified or not.
		{"the address of an admin", func(p *fakeProvider, _ url.Values) {
			p.claims = func(c map[string]any) {
				c["sub"], c["email"], c["email_verified"], c["realm_access"] = "1", "7", true, nil
			}
		}, ErrNoRole},
	} {
		t.Run(one.name, func(t *testing.T) {
			at := &clock{time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}
			p := newProvider(t, at)
			p.named = true
			a, _ := newAccounts(t, p.config)
			a.Now = at.now
			answer := p.depart(t, a, "browser", nil)
			one.change(p, answer)
			if s, _, err := a.Return(t.Context(), "browser", answer, nil); !errors.Is(err, one.want) {
				t.Errorf("%+v, %v", s, err)
			}
			refusals := 0
			for _, line := range events(t, a) {
				if strings.HasPrefix(line, "log-in-refused | nobody") {
					refusals++
				}
				if strings.HasPrefix(line, "logged-in") {
					t.Error(line)
				}
			}
			if refusals != 1 {
				t.Errorf("%d refusals logged", refusals)
			}
		})
	}
}

// A state is good once, in the browser that began, and for ten minutes.
func TestStateIsGoodOnceInItsBrowser(t *testing.T) {
	a, at, p := withProvider(t)
	ctx := t.Context()

	answer := p.depart(t, a, "browser", nil)
	if _, _, err := a.Return(ctx, "another browser", answer, nil); !errors.Is(err, ErrFlow) {
		t.Errorf("in another browser: %v", err)
	}
	if _, _, err := a.Return(ctx, "browser", answer, nil); !errors.Is(err, ErrFlow) {
		t.Errorf("after another browser: %v", err)
	}

	answer = p.depart(t, a, "browser", nil)
	results := make(chan error)
	for range 50 {
		go func() {
			_, _, err := a.Return(ctx, "browser", answer, nil)
			results <- err
		}()
	}
	in := 0
	for range 50 {
		if err := <-results; err == nil {
			in++
		} else if !errors.Is(err, ErrFlow) {
			t.Error(err)
		}
	}
	if in != 1 {
		t.Errorf("%d of 50 are in", in)
	}

	answer = p.depart(t, a, "browser", nil)
	at.Time = at.Add(flowTime)
	if _, _, err := a.Return(ctx, "browser", answer, nil); !errors.Is(err, ErrFlow) {
		t.Errorf("after ten minutes: %v", err)
	}
}

// Case A-oidc-email: an account is the provider's number of somebody, whatever address
// they have today. Who comes with the address that an admin had is somebody else, and who
// comes with another one is who they were.
func TestAddressIsNobody(t *testing.T) {
	a, _, p := withProvider(t)
	ctx := t.Context()
	a.Provider.People["1"] = []string{"admin"}
	in := func(sub, address string, verified bool) Session {
		t.Helper()
		p.claims = func(c map[string]any) {
			c["sub"], c["email"], c["email_verified"] = sub, address, verified
		}
		s, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	admin := in("1", "head@school.example", true)
	moved := in("1", "other@school.example", true)
	if moved.Account.Name != admin.Account.Name || !slices.Contains(moved.Account.Roles, "admin") {
		t.Errorf("with another address: %+v", moved.Account)
	}
	for _, verified := range []bool{true, false} {
		if s := in("2", "head@school.example", verified); s.Account.Name == admin.Account.Name || slices.Contains(s.Account.Roles, "admin") {
			t.Errorf("with the admin's address, verified %v: %+v", verified, s.Account)
		}
	}
	// The same number at another provider is another person.
	if other, _, err := a.of(ctx, &oidc.IDToken{Issuer: "https://other.example", Subject: "1"}); err != nil || other.Name == admin.Account.Name {
		t.Errorf("%+v, %v", other, err)
	}
}

// Who is to show once more who they are is asked anew, and nobody else answers.
func TestProviderProvesAgain(t *testing.T) {
	a, at, p := withProvider(t)
	ctx := t.Context()
	s, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := at.Unix()
	at.Time = at.Add(20 * time.Minute)
	s = must[Session](t)(a.Session(ctx, s.ID))
	if a.Fresh(&s) {
		t.Error("fresh after twenty minutes")
	}

	p.claims = func(c map[string]any) { c["auth_time"] = began }
	if _, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", &s), &s); !errors.Is(err, ErrProvider) {
		t.Errorf("the provider remembered: %v", err)
	}
	p.claims = func(c map[string]any) { c["sub"] = "7" }
	if _, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", &s), &s); !errors.Is(err, ErrFlow) {
		t.Errorf("somebody else: %v", err)
	}
	p.claims = nil
	if _, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", &s), nil); !errors.Is(err, ErrFlow) {
		t.Errorf("without the session: %v", err)
	}
	next, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", &s), &s)
	if err != nil || !a.Fresh(&next) || !next.doc.Expires.Equal(s.doc.Expires) {
		t.Errorf("%+v, %v", next, err)
	}
}

// Case A-oidc-jwks: tokens with key ids that nobody knows cost one request, and the
// keys that are known go on.
func TestUnknownKeyIDsCostOneRequest(t *testing.T) {
	a, _, p := withProvider(t)
	ctx := t.Context()
	if _, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), nil); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		p.sign = func(payload []byte) string { return p.signed(t, fmt.Sprintf("kid %d", i), payload) }
		if _, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), nil); !errors.Is(err, ErrProvider) {
			t.Fatal(err)
		}
	}
	p.sign = nil
	if _, _, err := a.Return(ctx, "browser", p.depart(t, a, "browser", nil), nil); err != nil {
		t.Errorf("after the flood: %v", err)
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("asked for keys %d times", n)
	}
}

func TestProviderThatNamesAnotherIsNotUsed(t *testing.T) {
	a, _, p := withProvider(t)
	a.Provider.Issuer = p.URL + "/other"
	if _, err := a.Depart(t.Context(), "browser", "", nil); !errors.Is(err, ErrProvider) {
		t.Error(err)
	}
	a.Provider.Issuer = p.URL
	if _, err := a.Depart(t.Context(), "browser", "", nil); err != nil {
		t.Errorf("once it answers: %v", err)
	}
	none := New(Config{Store: a.Store, Cost: cheap})
	if _, err := none.Depart(t.Context(), "browser", "", nil); !errors.Is(err, ErrProvider) {
		t.Error(err)
	}
	if _, _, err := none.Return(t.Context(), "browser", url.Values{}, nil); !errors.Is(err, ErrProvider) {
		t.Error(err)
	}
}
