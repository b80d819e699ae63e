package issuing

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/paper"
	"indeks/store"
	"indeks/web"
)

// Signing in at the registrar's desk. A session is in a cookie that no script reads;
// every form has a token that only a page of the session has, beside what browsers
// themselves say of where a request comes from.

const (
	sessionKey   = "session"
	startPath    = "/desk"
	signInPath   = "/desk/sign-in"
	providerPath = "/desk/sign-in/provider"
	setUpPath    = "/desk/set-up"
	againPath    = "/desk/again"
	tokenField   = "token"
	beforeMost   = 600 // seconds that the cookie of a sign-in lasts
	problemRole  = "problem.role"
)

// ReturnPath is where a provider sends people back to, below the public address.
const ReturnPath = "/desk/sign-in/return"

// cookieName is that of a cookie. __Host- has browsers take it from this very host
// alone, over https.
func (s *server) cookieName(name string) string {
	if s.Kit.HTTPS {
		return "__Host-" + name
	}
	return name
}

func (s *server) setCookie(c echo.Context, name, value string, seconds int) {
	c.SetCookie(&http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: s.Kit.HTTPS, SameSite: http.SameSiteLaxMode})
}

func (s *server) readCookie(c echo.Context, name string) string {
	cookie, err := c.Cookie(s.cookieName(name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// The two cookies: that of a session lasts as long as the browser, and ends on the
// server; that before it ties a form, and the answer of a provider, to a browser.
const (
	cookieSession = "desk"
	cookieBefore  = "before"
)

// signedIn lets those in who have a session, and sends the others to sign in.
func (s *server) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		web.NoStore(c)
		session, err := s.Accounts.Session(c.Request().Context(), s.readCookie(c, cookieSession))
		if errors.Is(err, accounts.ErrSignedOut) {
			return s.redirect(c, signInPath, "next", s.here(c))
		}
		if err != nil {
			return err
		}
		if session.Enrolling && !slices.Contains(enrollingPaths, c.Path()) {
			return s.redirect(c, setUpPath)
		}
		if err := s.soundForm(c, session.ID); err != nil {
			return err
		}
		roles := make([]Role, 0, len(session.Account.Roles))
		for _, r := range session.Account.Roles {
			roles = append(roles, Role(r))
		}
		c.Set(sessionKey, &session)
		c.Set(clientKey, session.Account.Name)
		c.Set(actorKey, session.Account.Actor())
		c.Set(rolesKey, all(roles))
		c.SetRequest(c.Request().WithContext(store.Acting(c.Request().Context(), store.Actor{Name: session.Account.Actor(), Request: web.RequestID(c)})))
		return next(c)
	}
}

const signOutPath = "/desk/sign-out"

// enrollingPaths are all that is open to who has nothing but a first password.
var enrollingPaths = []string{setUpPath, setUpPath + "/code.svg", signOutPath, passkeyOfferPath, passkeyAddPath}

// soundForm refuses an unsafe request without the token of a form of whoever has
// secret in a cookie. Bodies that no form sends have none.
func (s *server) soundForm(c echo.Context, secret string) error {
	r := c.Request()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		if err := r.ParseMultipartForm(math.MaxInt64 / 2); err != nil { // all of it in memory, as the route's limit bounds: names stay out of temporary files
			if _, big := errors.AsType[*http.MaxBytesError](err); big {
				return err
			}
			return &web.Problem{Status: http.StatusBadRequest, Title: "No form", Err: err}
		}
	} else if err := r.ParseForm(); err != nil {
		if _, big := errors.AsType[*http.MaxBytesError](err); big {
			return err
		}
		return &web.Problem{Status: http.StatusBadRequest, Title: "No form", Err: err}
	}
	for _, values := range r.PostForm {
		if slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) { // nothing on record can be that
			return &web.Problem{Status: http.StatusBadRequest, Title: "A field of the form is no text in UTF-8"}
		}
	}
	if !accounts.SoundToken(secret, r.PostForm.Get(tokenField)) {
		return &web.Problem{Status: http.StatusForbidden, Title: "The form is not from a page of this session"}
	}
	return nil
}

// fresh sends who has not shown lately who they are to do so, and back to the page.
func (s *server) fresh(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if session := sessionOf(c); !session.Enrolling && !s.Accounts.Fresh(session) {
			return s.redirect(c, againPath, "next", s.here(c))
		}
		return next(c)
	}
}

func sessionOf(c echo.Context) *accounts.Session {
	session, _ := c.Get(sessionKey).(*accounts.Session)
	return session
}

// here is the page that was asked for, to come back to; of a form without a page at
// its own address, the page above it.
func (s *server) here(c echo.Context) string {
	if c.Request().Method == http.MethodGet {
		return c.Request().URL.RequestURI()
	}
	at, pattern := c.Request().URL.EscapedPath(), c.Path()
	for !s.pages[pattern] && pattern != startPath {
		at, pattern = at[:strings.LastIndexByte(at, '/')], pattern[:strings.LastIndexByte(pattern, '/')]
	}
	return at
}

// ownPage is where to go next: a page of the desk, whatever was asked for.
func ownPage(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.ContainsAny(next, "\\\r\n\t") ||
		u.Path != startPath && !strings.HasPrefix(u.Path, startPath+"/") || path.Clean(u.Path) != u.Path {
		return startPath
	}
	return u.RequestURI()
}

// redirect leads to another page.
func (s *server) redirect(c echo.Context, to string, pairs ...string) error {
	return c.Redirect(http.StatusSeeOther, s.address(c, to, pairs...))
}

// address is that of another page, in the language that was chosen; pairs are names
// and values of its query.
func (s *server) address(c echo.Context, to string, pairs ...string) string {
	to, query, _ := strings.Cut(to, "?")
	values, _ := url.ParseQuery(query) // of our own pages
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	if lang := c.QueryParam("lang"); slices.Contains(s.kit.Languages(), lang) {
		values.Set("lang", lang)
	}
	if len(values) > 0 {
		to += "?" + values.Encode()
	}
	return to
}

// signInData is the page on which somebody signs in.
type signInData struct {
	Name          string // of the institution
	Next          string
	Token         string
	Typed         string // name of the account
	Failed        string // id of a text
	Local         bool   // there are local accounts
	Provider      string // path that leads to it, "": there is none
	ProviderName  string
	SignedOut     bool
	Demonstration []DemoAccount
}

// Demo is what a demonstration shows of itself on its first page and where somebody
// signs in.
type Demo struct {
	Accounts        []DemoAccount
	Learner, Verify string // addresses of a learner's page, and of what a printed code opens
}

// DemoAccount is an account whose password everybody may know.
type DemoAccount struct {
	Name, Password string
	Roles          []Role
}

func (s *server) getSignIn(c echo.Context) error {
	web.NoStore(c)
	if _, err := s.Accounts.Session(c.Request().Context(), s.readCookie(c, cookieSession)); err == nil {
		return s.redirect(c, ownPage(c.QueryParam("next")))
	}
	return s.showSignIn(c, http.StatusOK, signInData{Next: c.QueryParam("next"), SignedOut: c.QueryParam("done") == "signed-out", Failed: refusals[c.QueryParam("refused")].text})
}

func (s *server) showSignIn(c echo.Context, status int, data signInData) error {
	data.Name, data.ProviderName = s.name(c), s.ProviderName
	data.Local = !s.NoPasswords
	if s.Demo != nil {
		data.Demonstration = s.Demo.Accounts
	}
	data.Next = ownPage(data.Next)
	if s.Accounts.Provider != nil {
		data.Provider = s.address(c, providerPath, "next", data.Next)
	}
	data.Token = accounts.FormToken(s.before(c))
	return s.kit.Render(c, status, "signin", web.Page{NoStore: true, Failed: data.Failed != "", Scripts: s.passkeyScripts(data.Local), Data: data})
}

// before is the secret of the cookie before a session, which is set where there is none.
func (s *server) before(c echo.Context) string {
	secret := s.readCookie(c, cookieBefore)
	if len(secret) != len(accounts.NewSecret()) {
		secret = accounts.NewSecret()
	}
	s.setCookie(c, cookieBefore, secret, beforeMost)
	return secret
}

// enter gives a browser its session: a new one, whatever cookie it came with.
func (s *server) enter(c echo.Context, session *accounts.Session, next string) error {
	s.setCookie(c, cookieSession, session.ID, 0)
	s.setCookie(c, cookieBefore, "", -1)
	if session.Enrolling {
		next = setUpPath
	}
	return s.redirect(c, ownPage(next))
}

// acting has what is done before anybody is known carry the number of the request.
func acting(c echo.Context) {
	c.SetRequest(c.Request().WithContext(store.Acting(c.Request().Context(), store.Actor{Request: web.RequestID(c)})))
}

func (s *server) postSignIn(c echo.Context) error {
	web.NoStore(c)
	acting(c)
	if err := s.soundForm(c, s.readCookie(c, cookieBefore)); err != nil {
		return err
	}
	name, next := strings.TrimSpace(c.FormValue("name")), c.FormValue("next")
	ctx := c.Request().Context()
	err := accounts.ErrRefused
	var session accounts.Session
	if !s.NoPasswords {
		session, err = s.Accounts.SignIn(ctx, name, c.FormValue("password"), c.FormValue("code"), web.Address(c))
	}
	if errors.Is(err, accounts.ErrRefused) {
		return s.showSignIn(c, http.StatusUnauthorized, signInData{Next: next, Typed: name, Failed: "signin.refused"})
	}
	if err != nil {
		return tooMany(err)
	}
	return s.replace(c, &session, next)
}

// replace gives a browser its session and ends that of somebody else at it.
func (s *server) replace(c echo.Context, session *accounts.Session, next string) error {
	ctx := c.Request().Context()
	if old, err := s.Accounts.Session(ctx, s.readCookie(c, cookieSession)); err == nil {
		if err := s.Accounts.SignOut(ctx, &old); err != nil {
			return err
		}
	}
	return s.enter(c, session, next)
}

// tooMany turns what says when to try again into a problem that does.
func tooMany(err error) error {
	if many, ok := errors.AsType[*accounts.TooManyError](err); ok {
		return &web.Problem{Status: http.StatusTooManyRequests, Title: "Too many attempts to sign in", Retry: max(1, int(math.Ceil(many.Wait.Seconds()))), Err: err}
	}
	return err
}

// getDepart sends a browser to the provider. It is a link and no form: browsers hold
// the redirects of a form to form-action, and a provider may send people on.
func (s *server) getDepart(c echo.Context) error {
	web.NoStore(c)
	acting(c)
	ctx := c.Request().Context()
	if err := s.Accounts.Attempt(ctx, web.Address(c)); err != nil {
		return tooMany(err)
	}
	var again *accounts.Session
	if session, err := s.Accounts.Session(ctx, s.readCookie(c, cookieSession)); err == nil && c.QueryParam("again") == "true" {
		again = &session
	}
	to, err := s.Accounts.Depart(ctx, s.before(c), ownPage(c.QueryParam("next")), again)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// refusals are why the way by the provider ended, by the word in the address.
var refusals = map[string]struct {
	is   error
	text string // id
}{"flow": {accounts.ErrFlow, "signin.flow"}, "role": {accounts.ErrNoRole, "signin.norole"}, "provider": {accounts.ErrProvider, "signin.provider.failed"}}

// getReturn takes the browser back from the provider.
func (s *server) getReturn(c echo.Context) error {
	web.NoStore(c)
	acting(c)
	ctx := c.Request().Context()
	if err := s.Accounts.Attempt(ctx, web.Address(c)); err != nil {
		return tooMany(err)
	}
	var old *accounts.Session
	if session, err := s.Accounts.Session(ctx, s.readCookie(c, cookieSession)); err == nil {
		old = &session
	}
	session, next, err := s.Accounts.Return(ctx, s.readCookie(c, cookieBefore), c.QueryParams(), old)
	for why, refusal := range refusals {
		if errors.Is(err, refusal.is) {
			s.log().Warn("sign-in with the provider refused", "err", err, "request", web.RequestID(c))
			return s.redirect(c, signInPath, "refused", why) // away from an address with a code in it
		}
	}
	if err != nil {
		return err
	}
	return s.enter(c, &session, next)
}

// setUpData is the page on which somebody sets up password and codes.
type setUpData struct {
	Name, Account string
	Token         string
	Secret        string
	Failed        string // id of a text
}

func (s *server) getSetUp(c echo.Context) error { return s.showSetUp(c, http.StatusOK, "") }

func (s *server) showSetUp(c echo.Context, status int, failed string) error {
	session := sessionOf(c)
	if !session.Enrolling {
		return s.redirect(c, startPath)
	}
	return s.kit.Render(c, status, "setup", web.Page{NoStore: true, Failed: failed != "", Scripts: s.passkeyScripts(true), Data: setUpData{s.name(c), session.Account.Name, session.Token(), accounts.SecretText(session.Secret), failed}})
}

// getSetUpCode is the secret of the codes for an app to scan.
func (s *server) getSetUpCode(c echo.Context) error {
	session := sessionOf(c)
	if !session.Enrolling {
		return echo.ErrNotFound
	}
	svg, err := paper.SVG(accounts.KeyURI("Indeks "+s.host(), session.Account.Name, session.Secret))
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "image/svg+xml", svg)
}

// host is where the world reaches this server.
func (s *server) host() string {
	_, host, _ := strings.Cut(s.Institution.PublicBase, "://")
	return host
}

func (s *server) postSetUp(c echo.Context) error {
	session := sessionOf(c)
	if !session.Enrolling { // it is set up
		return s.redirect(c, startPath)
	}
	if c.FormValue("password") != c.FormValue("repeated") {
		return s.showSetUp(c, http.StatusUnprocessableEntity, "setup.repeated")
	}
	if err := s.Accounts.Attempt(c.Request().Context(), web.Address(c)); err != nil {
		return tooMany(err)
	}
	next, err := s.Accounts.Enrol(c.Request().Context(), *session, c.FormValue("password"), c.FormValue("code"))
	switch {
	case errors.Is(err, accounts.ErrPassword):
		return s.showSetUp(c, http.StatusUnprocessableEntity, "setup.password.wrong")
	case errors.Is(err, accounts.ErrCode):
		return s.showSetUp(c, http.StatusUnprocessableEntity, "setup.code.wrong")
	case errors.Is(err, accounts.ErrSignedOut):
		return s.redirect(c, signInPath)
	case err != nil:
		return err
	}
	return s.enter(c, &next, startPath)
}

// againData is the page on which somebody shows once more who they are.
type againData struct {
	Desk     *desk
	Next     string
	Provider string // path that leads to it
	Failed   string

	Password    bool // there is one
	PasswordToo bool // a passkey wants it too
}

func (s *server) getAgain(c echo.Context) error { return s.showAgain(c, http.StatusOK, "") }

func (s *server) showAgain(c echo.Context, status int, failed string) error {
	next, account := ownPage(c.FormValue("next")), &sessionOf(c).Account
	return s.kit.Render(c, status, "again", web.Page{NoStore: true, Failed: failed != "", Scripts: append(s.passkeyScripts(account.Local()), stay), Data: againData{s.desk(c, ""), next, s.address(c, providerPath, "again", "true", "next", next), failed, account.Password != "", account.PasswordToo}})
}

func (s *server) postAgain(c echo.Context) error {
	session := sessionOf(c)
	ctx, passkey := c.Request().Context(), c.FormValue("passkey")
	var next accounts.Session
	var err error
	failed := "signin.refused"
	if passkey == "" {
		next, err = s.Accounts.Prove(ctx, *session, c.FormValue("password"), c.FormValue("code"), web.Address(c))
	} else {
		failed = "signin.passkey.refused"
		next, err = s.Accounts.ProveByPasskey(ctx, *session, c.FormValue("password"), []byte(passkey), web.Address(c))
	}
	if errors.Is(err, accounts.ErrRefused) {
		return s.showAgain(c, http.StatusUnauthorized, failed)
	}
	if err != nil {
		return tooMany(err)
	}
	return s.enter(c, &next, c.FormValue("next"))
}

func (s *server) postSignOut(c echo.Context) error {
	session := sessionOf(c)
	var err error
	if c.FormValue("everywhere") == "true" {
		err = s.Accounts.SignOutEverywhere(c.Request().Context(), session.Account.Name)
	} else {
		err = s.Accounts.SignOut(c.Request().Context(), session)
	}
	if err != nil {
		return err
	}
	s.setCookie(c, cookieSession, "", -1)
	return s.redirect(c, signInPath, "done", "signed-out")
}
