package issuing

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// The API of shares is the learner's: what opens it is the learner's link, as a bearer
// token, and not a key of the institution, which shares nothing for anybody.

var errNoLink = &web.Problem{Status: http.StatusUnauthorized, Title: "No learner's link, or not one of ours", Detail: "Authorization: Bearer and the 26 symbols of the link of the learner's page"}

const learnerKey = "learner"

// requireLink lets those in who have the link of an award.
func (s *server) requireLink(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		web.NoStore(c)
		link, ok := strings.CutPrefix(c.Request().Header.Get(echo.HeaderAuthorization), "Bearer ")
		r, err := s.Store.ByLink(c.Request().Context(), link)
		if err == nil && (r.Forms[string(elm.EDC)].Token == nil || issuer.Replaced(r)) {
			err = store.ErrNotFound
		}
		if !ok || errors.Is(err, store.ErrNotFound) {
			if err := s.wrongKeys.Take(web.Address(c)); err != nil {
				return err
			}
			c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
			return errNoLink
		}
		if err == nil {
			err = s.knowsDevice(c, r)
		}
		if err != nil {
			return err
		}
		actsAsLearner(c)
		c.Set(learnerKey, r)
		return next(c)
	}
}

func learnerRecord(c echo.Context) store.Record { return c.Get(learnerKey).(store.Record) }

// ShareRequest is a share to be made.
type ShareRequest struct {
	Kind     string    `json:"kind"` // "private" (also if absent) or "public"
	Disclose []string  `json:"disclose"`
	Expires  time.Time `json:"expires"` // absent: in 30 days
	PIN      string    `json:"pin"`
	MaxOpens int       `json:"max_opens"`
	Label    string    `json:"label"`
	Purpose  string    `json:"purpose"`
	Download bool      `json:"download"`
	Notify   bool      `json:"notify"`
	Whole    bool      `json:"whole"` // with the sealed file and the certificate; disclose is then all
	Lang     string    `json:"lang"`  // of the page at first; absent: the reader's
}

// ShareView is a share as the API shows it to its owner.
type ShareView struct {
	ID       string    `json:"id"`
	URL      string    `json:"url,omitempty"` // whole: of a private one in the answer that makes it, and never again
	Kind     string    `json:"kind"`
	Disclose []string  `json:"disclose"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Ended    time.Time `json:"ended,omitzero"`
	PIN      bool      `json:"pin"`
	Locked   bool      `json:"locked"`
	Opens    int       `json:"opens"`
	MaxOpens int       `json:"max_opens,omitempty"`
	LastDay  string    `json:"last_day,omitempty"`
	Label    string    `json:"label,omitempty"`
	Purpose  string    `json:"purpose,omitempty"`
	Download bool      `json:"download"`
	Lang     string    `json:"lang,omitempty"`
}

func (s *server) shareWire(share store.Share) ShareView {
	v := ShareView{
		ID: hex.EncodeToString(share.Key[:]), Kind: "private", Disclose: append([]string{}, share.Shown...), Created: share.Created, Expires: share.Expires, Ended: share.Ended,
		PIN: share.PIN != "", Locked: share.PIN != "" && share.PINLeft == 0, Opens: share.Opens, MaxOpens: share.MaxOpens, LastDay: share.LastDay,
		Label: share.Label, Purpose: share.Purpose, Download: share.Download, Lang: share.Lang,
	}
	if share.Public {
		v.Kind = "public"
	}
	if path := issuer.PublicPage(share); path != "" {
		v.URL = s.Institution.PublicBase + path
	}
	return v
}

func (s *server) postAPIShare(c echo.Context) error {
	var req ShareRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Kind != "" && req.Kind != "private" && req.Kind != "public" {
		return missing("/kind", `expected "private" or "public"`)
	}
	terms, err := s.terms(c.Request().Context(), &req)
	if err != nil {
		return problems(err, "")
	}
	share, link, err := s.Issuer.Share(c.Request().Context(), learnerRecord(c), terms)
	if err != nil {
		return s.waiting(problems(err, ""))
	}
	view := s.shareWire(share)
	view.URL = s.Institution.PublicBase + link.Path()
	return writeJSON(c, http.StatusCreated, view)
}

func (s *server) getAPIShares(c echo.Context) error {
	list, err := s.Issuer.Shares(c.Request().Context(), learnerRecord(c))
	if err != nil {
		return err
	}
	views := make([]ShareView, len(list))
	for n, share := range list {
		views[n] = s.shareWire(share)
	}
	return writeJSON(c, http.StatusOK, map[string]any{"shares": views})
}

func (s *server) patchAPIShare(c echo.Context) error {
	var req struct {
		Expires time.Time `json:"expires"`
		Unlock  bool      `json:"unlock"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	key, err := shareKeyParam(c)
	if err != nil {
		return s.noShare(err)
	}
	if req.Expires.IsZero() && !req.Unlock {
		return missing("/expires", "expected another end, or unlock")
	}
	ctx, r := c.Request().Context(), learnerRecord(c)
	var share store.Share
	if req.Unlock {
		share, err = s.Issuer.UnlockShare(ctx, r, key)
	}
	if err == nil && !req.Expires.IsZero() {
		share, err = s.Issuer.ExtendShare(ctx, r, key, req.Expires)
	}
	if err != nil {
		return s.noShare(problems(err, ""))
	}
	return writeJSON(c, http.StatusOK, s.shareWire(share))
}

func (s *server) deleteAPIShare(c echo.Context) error {
	key, err := shareKeyParam(c)
	if err == nil {
		_, err = s.Issuer.EndShare(c.Request().Context(), learnerRecord(c), key)
	}
	if err != nil {
		return s.noShare(err)
	}
	return c.NoContent(http.StatusNoContent)
}

// noShare is how what cannot be done with a share is answered to its owner.
func (s *server) noShare(err error) error {
	if errors.Is(err, issuer.ErrShareEnded) {
		return s.shareProblem(err)
	}
	return notFound(err, "No such share")
}
