package issuing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/internal/markup"
	"indeks/store"
)

// browser keeps cookies as browsers do, and says of where its requests come from what
// they say.
type browser struct {
	t       *testing.T
	e       *echo.Echo
	cookies map[string]*http.Cookie
}

func newBrowser(t *testing.T, e *echo.Echo) *browser {
	return &browser{t, e, map[string]*http.Cookie{}}
}

func (b *browser) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "issuer.school.example"
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, cookie := range b.cookies {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	markup.Held(b.t, b.e).ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie
		}
	}
	return w
}

func (b *browser) get(path string) string {
	b.t.Helper()
	w := b.do(http.MethodGet, path, "")
	if w.Code != http.StatusOK {
		b.t.Fatalf("GET %s: %d to %q\n%s", path, w.Code, w.Header().Get("Location"), w.Body)
	}
	return w.Body.String()
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// post fills in a form on a page, and sends it with the token that is there.
func (b *browser) post(page, to string, pairs ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	token := formToken.FindStringSubmatch(b.get(page))
	if token == nil {
		b.t.Fatalf("no form on %s", page)
	}
	values := url.Values{"token": {token[1]}}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, to, values.Encode())
}

// newDesk is a server with an account of each role, and a browser that is signed in as
// the first of them.
func newDesk(t *testing.T, role Role, change ...func(*Config)) (b *browser, e *echo.Echo, records store.Store, people *accounts.Accounts) {
	t.Helper()
	e, records, _ = newEcho(t, change...)
	people = accounts.New(accounts.Config{Store: records, Cost: accounts.Cost{Memory: 8, Passes: 1, Threads: 1}})
	return signInAs(t, e, people, role), e, records, people
}

func signInAs(t *testing.T, e *echo.Echo, people *accounts.Accounts, role Role) *browser {
	t.Helper()
	password, err := people.Add(t.Context(), accounts.Account{Name: string(role), Roles: []string{string(role)}, CodeUnset: true})
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, e)
	if w := b.post("/desk/sign-in", "/desk/sign-in", "name", string(role), "password", password); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/desk" {
		t.Fatalf("signing in: %d to %q\n%s", w.Code, w.Header().Get("Location"), w.Body)
	}
	return b
}

// A session that is not used ends, which a page of the desk tells in time; whoever is
// there keeps it with one request, and nobody else does.
func TestSessionIsKept(t *testing.T) {
	b, e, _, _ := newDesk(t, Registrar)
	page := b.get("/desk")
	if !strings.Contains(page, `id="stay" role="alert" data-idle="1800" hidden`) || !strings.Contains(page, "/stay.js\"") {
		t.Error("nobody is told that a session ends")
	}
	if w := b.do(http.MethodGet, "/desk/stay", ""); w.Code != http.StatusNoContent {
		t.Errorf("staying: %d", w.Code)
	}
	if w := newBrowser(t, e).do(http.MethodGet, "/desk/stay", ""); w.Code != http.StatusSeeOther {
		t.Errorf("staying without a session: %d", w.Code)
	}
}

func TestSignInWithPasswordAndCodes(t *testing.T) {
	e, records, log := newEcho(t)
	people := accounts.New(accounts.Config{Store: records, Cost: accounts.Cost{Memory: 8, Passes: 1, Threads: 1}})
	first, err := people.Add(t.Context(), accounts.Account{Name: "ana", Roles: []string{"registrar"}})
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, e)
	if w := b.do(http.MethodGet, "/desk/records?q=x&lang=hr", ""); w.Header().Get("Location") != "/desk/sign-in?lang=hr&next=%2Fdesk%2Frecords%3Fq%3Dx%26lang%3Dhr" {
		t.Errorf("to %q", w.Header().Get("Location"))
	}
	if w := b.post("/desk/sign-in", "/desk/sign-in", "name", "ana", "password", "mistyped"); w.Code != 401 || !strings.Contains(w.Body.String(), "do not match") || !strings.Contains(w.Body.String(), "<title>Error: Sign in") || strings.Contains(w.Body.String(), "mistyped") {
		t.Errorf("a wrong password: %d", w.Code)
	}
	if w := b.post("/desk/sign-in", "/desk/sign-in", "name", "ana", "password", first, "next", "/desk/records"); w.Header().Get("Location") != "/desk/set-up" {
		t.Fatalf("the first time: %d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, page := range []string{"/desk", "/desk/records"} { // nothing else before that
		if w := b.do(http.MethodGet, page, ""); w.Header().Get("Location") != "/desk/set-up" {
			t.Errorf("%s: %d to %q", page, w.Code, w.Header().Get("Location"))
		}
	}
	page := b.get("/desk/set-up")
	if w := b.do(http.MethodGet, "/desk/set-up/code.svg", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "otpauth://totp/Indeks%20issuer.school.example:ana?secret=") {
		t.Errorf("the code to scan: %d %s", w.Code, w.Body)
	}
	if !regexp.MustCompile(`>([A-Z2-7]{4} ){7}[A-Z2-7]{4}<`).MatchString(page) {
		t.Error("the secret does not stand on the page")
	}
	if w := b.post("/desk/set-up", "/desk/set-up", "password", "tri šešira na stolu", "repeated", "tri šešira", "code", "123456"); w.Code != 422 || !strings.Contains(w.Body.String(), "do not match") {
		t.Errorf("two passwords: %d", w.Code)
	}
	for _, secret := range []string{first, "tri šešira", b.cookies["__Host-desk"].Value} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// Case A-session-fix of the catalogue of attacks: a cookie that was there before is
// nobody's, and the new one is for this host alone, over https, out of reach of
// scripts.
func TestSessionIsNewAfterSignIn(t *testing.T) {
	b, e, _, people := newDesk(t, Registrar)
	set := b.cookies["__Host-desk"]
	if set == nil || !set.HttpOnly || !set.Secure || set.SameSite != http.SameSiteLaxMode || set.Path != "/" || set.Domain != "" || set.MaxAge != 0 {
		t.Errorf("%+v", set)
	}
	password, err := people.Add(t.Context(), accounts.Account{Name: "iva", Roles: []string{"auditor"}, CodeUnset: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, planted := range map[string]string{"one that nobody has": accounts.NewSecret(), "the session of somebody else": set.Value} {
		victim := newBrowser(t, e)
		victim.do(http.MethodGet, "/desk/sign-in", "")
		page := victim.get("/desk/sign-in")
		victim.cookies["__Host-desk"] = &http.Cookie{Name: "__Host-desk", Value: planted}
		victim.do(http.MethodPost, "/desk/sign-in", url.Values{"token": {formToken.FindStringSubmatch(page)[1]}, "name": {"iva"}, "password": {password}}.Encode())
		if got := victim.cookies["__Host-desk"].Value; got == planted || !strings.Contains(victim.get("/desk"), "iva") {
			t.Errorf("%s: the session goes on as %q", name, got)
		}
		attacker := newBrowser(t, e)
		attacker.cookies["__Host-desk"] = &http.Cookie{Name: "__Host-desk", Value: planted}
		if w := attacker.do(http.MethodGet, "/desk", ""); w.Code != http.StatusSeeOther {
			t.Errorf("%s: whoever planted it is in: %d", name, w.Code)
		}
	}
}

// Case A-csrf: a form of another site, a body that no form sends, a method that is
// hidden in a field.
func TestFormsOfOthersAreRefused(t *testing.T) {
	b, _, _, _ := newDesk(t, Registrar)
	token := formToken.FindStringSubmatch(b.get("/desk"))[1]
	for _, one := range []struct {
		name    string
		body    string
		headers []string
	}{
		{"cross-site", "token=" + token, []string{"Sec-Fetch-Site", "cross-site"}},
		{"same-site", "token=" + token, []string{"Sec-Fetch-Site", "same-site"}},
		{"another Origin, of a browser that says no more", "token=" + token, []string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}},
		{"Origin null", "token=" + token, []string{"Sec-Fetch-Site", "", "Origin", "null"}},
		{"a host that begins like ours", "token=" + token, []string{"Sec-Fetch-Site", "", "Origin", "https://issuer.school.example.evil.example"}},
		{"no token", "", nil},
		{"the token of another session", "token=" + accounts.FormToken(accounts.NewSecret()), nil},
		{"the token in the address", "", []string{"path", "?token=" + token}},
		{"JSON as text/plain", `{"token":"` + token + `"}`, []string{"Content-Type", "text/plain"}},
		{"JSON", `{"token":"` + token + `"}`, []string{"Content-Type", "application/json"}},
		{"a method in a field", "_method=GET&token=", []string{"X-HTTP-Method-Override", "GET"}},
	} {
		path := "/desk/sign-out"
		if len(one.headers) == 2 && one.headers[0] == "path" {
			path += one.headers[1]
		}
		if w := b.do(http.MethodPost, path, one.body, one.headers...); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", one.name, w.Code)
		}
	}
	if w := b.do(http.MethodPost, "/desk/sign-in", "name=registrar&password=x"); w.Code != http.StatusForbidden {
		t.Errorf("signing somebody in without a form: %d", w.Code)
	}
	if !strings.Contains(b.get("/desk"), "registrar") {
		t.Error("one of them signed out")
	}
	if w := b.do(http.MethodPost, "/desk/sign-out", "token="+token); w.Header().Get("Location") != "/desk/sign-in?done=signed-out" {
		t.Errorf("our own: %d", w.Code)
	}
	if w := b.do(http.MethodGet, "/desk", ""); w.Code != http.StatusSeeOther {
		t.Errorf("after signing out: %d", w.Code)
	}
}

// Case W-login-open-redirect: after signing in, only pages of the desk.
func TestNextIsOurOwnPage(t *testing.T) {
	for next, want := range map[string]string{
		"":                             "/desk",
		"/desk":                        "/desk",
		"/desk/records?q=a&lang=hr":    "/desk/records?q=a&lang=hr",
		"//evil.example":               "/desk",
		"//evil.example/desk":          "/desk",
		"/\\evil.example":              "/desk",
		"/desk/\\evil.example":         "/desk",
		"\\\\evil.example":             "/desk",
		"javascript:alert(1)":          "/desk",
		"https://evil.example/desk":    "/desk",
		"https:evil.example":           "/desk",
		"/desk/../../evil":             "/desk",
		"/desk//evil.example":          "/desk",
		"/desk.evil.example":           "/desk",
		"/deskevil":                    "/desk",
		"/h/secret":                    "/desk",
		"/desk\r\nSet-Cookie: a=b":     "/desk",
		"/desk/%2e%2e/%2e%2e/evil":     "/desk",
		"http://issuer.example@evil/d": "/desk",
		"%":                            "/desk",
	} {
		if got := ownPage(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

// Whoever has to sign in before a form counts comes back to a page that there is.
func TestFormsLeadBackToPages(t *testing.T) {
	e, _, _ := newEcho(t)
	for path, want := range map[string]string{"/desk/records": "/desk/records", "/desk/records/x%2Fy/revoke": "/desk/records/x%2Fy/revoke", "/desk/erasures/1/confirm": "/desk/erasures", "/desk/approvals/1/approve": "/desk/approvals/1",
		"/desk/accounts/add": "/desk/accounts", "/desk/batches/1/start": "/desk/batches/1", "/desk/backups": "/desk", "/desk/sign-out": "/desk"} {
		w := newBrowser(t, e).do(http.MethodPost, path, "")
		if got := w.Header().Get("Location"); got != "/desk/sign-in?next="+url.QueryEscape(want) {
			t.Errorf("%s leads back to %q", path, got)
		}
	}
}

// Signing out everywhere ends the sessions of an account in all browsers, and is in
// the log with its name.
func TestSignOutEverywhere(t *testing.T) {
	b, e, records, people := newDesk(t, Registrar)
	if err := people.SignOutEverywhere(t.Context(), "nobody"); err == nil {
		t.Error("nobody signed out")
	}
	other := newBrowser(t, e)
	other.cookies["__Host-desk"] = b.cookies["__Host-desk"]
	b.post("/desk", "/desk/sign-out", "everywhere", "true")
	if w := other.do(http.MethodGet, "/desk", ""); w.Code != http.StatusSeeOther {
		t.Errorf("another browser is in: %d", w.Code)
	}
	var kinds []string
	logs, err := records.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for entry, err := range records.LogEntries(t.Context(), logs[0].Name, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Actor == "account registrar" && entry.Request != "" {
			kinds = append(kinds, string(entry.Kind))
		}
	}
	if !slices.Equal(kinds, []string{"logged-in", "logged-out"}) {
		t.Errorf("%q", kinds)
	}
}

func TestAttemptsToSignInAreLimited(t *testing.T) {
	e, _, _ := newEcho(t)
	b := newBrowser(t, e)
	for range 80 {
		w := b.post("/desk/sign-in", "/desk/sign-in", "name", "ana", "password", "guessed")
		if w.Code == http.StatusTooManyRequests {
			if w.Header().Get("Retry-After") == "" {
				t.Error("it does not say when to try again")
			}
			return
		}
	}
	t.Error("80 attempts at once")
}

// The way to a provider and back: the answer counts in the browser that began, and
// what the provider says comes out as a session with the roles of the configuration.
func TestSignInWithAProvider(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var provider *httptest.Server
	nonce := ""
	provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			answer = map[string]any{"issuer": provider.URL, "authorization_endpoint": provider.URL + "/authorize", "token_endpoint": provider.URL + "/token", "jwks_uri": provider.URL + "/keys"}
		case "/keys":
			answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1"}}}
		case "/token":
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			claims, _ := json.Marshal(map[string]any{"iss": provider.URL, "sub": "7", "aud": "indeks", "nonce": nonce, "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "groups": []string{"office"}, "name": "Ana A."})
			object, err := signer.Sign(claims)
			if err != nil {
				t.Error(err)
				return
			}
			token, _ := object.CompactSerialize()
			answer = map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": token}
		}
		w.Header().Set("Content-Type", "application/json")
		raw, _ := json.Marshal(answer)
		w.Write(raw)
	}))
	t.Cleanup(provider.Close)
	e, _, _ := newEcho(t, func(c *Config) {
		c.ProviderName, c.NoPasswords = "The school's sign-in", true
		if c.Accounts != nil {
			c.Accounts.Provider = &accounts.Provider{Issuer: provider.URL, ClientID: "indeks", Redirect: "https://issuer.school.example" + ReturnPath, RolesClaim: "groups", Roles: map[string][]string{"office": {"registrar"}}}
		}
	})
	begin := func(b *browser) (answer string) {
		t.Helper()
		page := b.get("/desk/sign-in?next=/desk/records")
		if !strings.Contains(page, "The school&#39;s sign-in") || strings.Contains(page, `type="password"`) {
			t.Fatalf("the page: %s", page)
		}
		to, err := url.Parse(b.do(http.MethodGet, providerPath+"?next=/desk/records", "").Header().Get("Location"))
		if err != nil || to.Host != strings.TrimPrefix(provider.URL, "http://") {
			t.Fatalf("sent to %v, %v", to, err)
		}
		nonce = to.Query().Get("nonce")
		return ReturnPath + "?code=c&state=" + to.Query().Get("state")
	}
	b := newBrowser(t, e)
	w := b.do(http.MethodGet, begin(b), "", "Sec-Fetch-Site", "cross-site") // as browsers come from another site
	if to := w.Header().Get("Location"); to != "/desk/records" || !strings.Contains(b.get(to), "Ana A.") {
		t.Fatalf("%d to %q\n%s", w.Code, to, w.Body)
	}
	victim := newBrowser(t, e)
	victim.get("/desk/sign-in")
	if w := victim.do(http.MethodGet, begin(newBrowser(t, e)), ""); w.Header().Get("Location") != "/desk/sign-in?refused=flow" || victim.cookies["__Host-desk"] != nil {
		t.Errorf("somebody is signed in by the link of another: %d", w.Code)
	}
	if w := b.do(http.MethodGet, ReturnPath+"?error=access_denied&state=x", ""); !strings.Contains(newBrowser(t, e).get(w.Header().Get("Location")), "was not started in this browser") {
		t.Errorf("refused there: %d to %q", w.Code, w.Header().Get("Location"))
	}
	other := newBrowser(t, e)
	other.get("/desk/sign-in")
	token := accounts.FormToken(other.cookies["__Host-before"].Value)
	if w := other.do(http.MethodPost, "/desk/sign-in", "name=registrar&password=x&token="+token); w.Code != 401 {
		t.Errorf("a password where none is taken: %d", w.Code)
	}
}
