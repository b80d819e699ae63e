package issuing

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/store"
	"indeks/web"
)

// Passkeys: the one thing at the desk that needs a script, which asks for what the
// browser's device signs and sends it with an ordinary form. Password and codes are the
// way without.

const (
	passkeysPath     = "/desk/passkeys"
	passkeyOfferPath = passkeysPath + "/offer"
	passkeyAddPath   = passkeysPath + "/add"
)

// passkeyScripts are those of a page with passkeys, nil where this server takes none.
func (s *server) passkeyScripts(local bool) []string {
	if local && s.Accounts.Passkeys() {
		return []string{"passkey.js"}
	}
	return nil
}

// postSignInOffer gives a browser the challenge that a passkey signs to sign in.
func (s *server) postSignInOffer(c echo.Context) error {
	web.NoStore(c)
	acting(c)
	secret := s.readCookie(c, cookieBefore)
	if err := s.soundForm(c, secret); err != nil {
		return err
	}
	return s.askPasskey(c, secret, nil)
}

// postAgainOffer does so to show once more who is signed in.
func (s *server) postAgainOffer(c echo.Context) error { return s.askPasskey(c, "", sessionOf(c)) }

func (s *server) askPasskey(c echo.Context, browser string, again *accounts.Session) error {
	if s.NoPasswords {
		return noPasskeys()
	}
	options, err := s.Accounts.AskPasskey(c.Request().Context(), browser, web.Address(c), again)
	return s.answerOffer(c, options, err)
}

// postPasskeyOffer gives a browser what it needs to make a passkey.
func (s *server) postPasskeyOffer(c echo.Context) error {
	options, err := s.Accounts.OfferPasskey(c.Request().Context(), sessionOf(c))
	return s.answerOffer(c, options, err)
}

func (s *server) answerOffer(c echo.Context, options []byte, err error) error {
	if errors.Is(err, accounts.ErrNoPasskeys) {
		return noPasskeys()
	}
	if err != nil {
		return tooMany(err)
	}
	return c.JSONBlob(http.StatusOK, options)
}

func noPasskeys() error {
	return &web.Problem{Status: http.StatusConflict, Title: "This server takes no passkeys", Detail: accounts.ErrNoPasskeys.Error()}
}

func (s *server) postSignInPasskey(c echo.Context) error {
	web.NoStore(c)
	acting(c)
	secret := s.readCookie(c, cookieBefore)
	if err := s.soundForm(c, secret); err != nil {
		return err
	}
	next, err := c.FormValue("next"), accounts.ErrRefused
	var session accounts.Session
	if !s.NoPasswords {
		session, err = s.Accounts.SignInByPasskey(c.Request().Context(), secret, c.FormValue("password"), []byte(c.FormValue("passkey")), web.Address(c))
	}
	switch {
	case errors.Is(err, accounts.ErrNoPasskeys):
		return noPasskeys()
	case errors.Is(err, accounts.ErrRefused):
		return s.showSignIn(c, http.StatusUnauthorized, signInData{Next: next, Failed: "signin.passkey.refused"})
	case err != nil:
		return tooMany(err)
	}
	return s.replace(c, &session, next)
}

// passkeysData is the page on which people see by what they sign in.
type passkeysData struct {
	Desk    *desk
	Token   string
	Account accounts.Account
	Taken   bool // this server takes passkeys
	Failed  string
}

func (s *server) getPasskeys(c echo.Context) error { return s.showPasskeys(c, http.StatusOK, "") }

func (s *server) showPasskeys(c echo.Context, status int, failed string) error {
	session := sessionOf(c)
	if !session.Account.Local() {
		return s.redirect(c, startPath)
	}
	return s.kit.Render(c, status, "passkeys", web.Page{NoStore: true, Failed: failed != "", Scripts: append(s.passkeyScripts(true), stay), Data: passkeysData{s.desk(c, ""), session.Token(), session.Account, s.Accounts.Passkeys(), failed}})
}

// passkeyFailures are texts of what keeps a passkey from being set up or removed.
var passkeyFailures = map[error]string{accounts.ErrPasskeyName: "passkey.name.wrong", accounts.ErrPasskey: "passkey.failed", accounts.ErrLastPasskey: "passkey.last", store.ErrNotFound: "passkey.none"}

// postPasskey adds or removes a passkey of who is signed in, or has their password
// wanted with each.
func (s *server) postPasskey(do string) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, session := c.Request().Context(), sessionOf(c)
		name, next := session.Account.Name, *session
		var err error
		switch do {
		case "add":
			next, err = s.Accounts.AddPasskey(ctx, *session, c.FormValue("name"), []byte(c.FormValue("passkey")))
		case "remove":
			err = s.Accounts.RemovePasskey(ctx, name, c.FormValue("key"))
		case "password":
			err = s.Accounts.WantPassword(ctx, name, c.FormValue("too") == "true")
		}
		for is, text := range passkeyFailures {
			if errors.Is(err, is) {
				if session.Enrolling {
					return s.showSetUp(c, http.StatusUnprocessableEntity, text)
				}
				return s.showPasskeys(c, http.StatusUnprocessableEntity, text)
			}
		}
		switch {
		case errors.Is(err, accounts.ErrSignedOut):
			return s.redirect(c, signInPath)
		case errors.Is(err, accounts.ErrNoPasskeys):
			return noPasskeys()
		case err != nil:
			return err
		case session.Enrolling:
			return s.enter(c, &next, startPath)
		}
		return s.redirect(c, passkeysPath, "done", "passkey-"+do)
	}
}
