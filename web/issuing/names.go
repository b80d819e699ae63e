package issuing

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// Learners look at the spelling of their name before an award is sealed: the page that
// asks them, and where registrars see what they said.

// NameCheckView is the check of a name as the API shows it.
type NameCheckView struct {
	ID         string                `json:"id"`
	State      issuer.NameCheckState `json:"state"`
	Course     string                `json:"course"`
	Version    string                `json:"course_version"`
	Digest     string                `json:"digest"`
	AskedBy    string                `json:"asked_by"`
	AskedAt    time.Time             `json:"asked_at"`
	Expires    time.Time             `json:"expires"`
	GivenName  string                `json:"given_name,omitempty"`
	FamilyName string                `json:"family_name,omitempty"`
	AnsweredAt time.Time             `json:"answered_at,omitzero"`
	Said       string                `json:"said,omitempty"`
	DecidedBy  string                `json:"decided_by,omitempty"`
	DecidedAt  time.Time             `json:"decided_at,omitzero"`
	Reason     string                `json:"reason,omitempty"`
	Credential string                `json:"credential,omitempty"`
	Approval   string                `json:"approval,omitempty"`
	Batch      string                `json:"batch,omitempty"`
}

func nameCheckViewOf(n issuer.NameCheck) NameCheckView {
	given, family := n.Name()
	return NameCheckView{ID: n.ID, State: n.State, Course: n.Course, Version: n.Version, Digest: n.Digest, AskedBy: n.AskedBy, AskedAt: n.AskedAt, Expires: n.Expires,
		GivenName: given, FamilyName: family, AnsweredAt: n.AnsweredAt, Said: n.Said, DecidedBy: n.DecidedBy, DecidedAt: n.DecidedAt, Reason: n.Reason,
		Credential: n.Credential, Approval: n.Approval, Batch: n.Batch}
}

func nameCheckPath(n issuer.NameCheck) string { return "/api/v1/name-checks/" + n.ID }

// askName answers a request whose learner is to look at the name first: 202, and where
// the check is found.
func (s *server) askName(c echo.Context, draft issuer.Draft) error {
	n, err := s.askedName(c, draft)
	if err != nil {
		return problems(err, "/learner")
	}
	c.Response().Header().Set("Location", nameCheckPath(n))
	return writeJSON(c, http.StatusAccepted, nameCheckViewOf(n))
}

func (s *server) askedName(c echo.Context, draft issuer.Draft) (issuer.NameCheck, error) {
	n, err := s.Issuer.AskName(c.Request().Context(), draft, actor(c))
	if err == nil && n.State == issuer.NameFailed {
		err = &web.Problem{Status: http.StatusConflict, Title: "It could not be issued", Detail: n.Reason + "; ask with another Idempotency-Key, or external_id"}
	}
	return n, err
}

const noNameCheck = "No such check of a name"

// getNameChecks lists what waits for learners, or did.
func (s *server) getNameChecks(c echo.Context) error {
	closed, err := wantsClosed(c)
	if err != nil {
		return err
	}
	some, more, err := upTo(maxListed, s.Issuer.NameChecks(c.Request().Context(), closed, c.QueryParam("after")))
	if err != nil {
		return err
	}
	list := struct {
		Checks []NameCheckView `json:"name_checks"`
		Next   string          `json:"next,omitempty"` // to ask with as after
	}{Checks: []NameCheckView{}}
	for _, n := range some {
		list.Checks = append(list.Checks, nameCheckViewOf(n))
	}
	if more {
		list.Next = some[maxListed-1].ID
	}
	return writeJSON(c, http.StatusOK, list)
}

func (s *server) getNameCheck(c echo.Context) error {
	n, err := s.Issuer.NameCheck(c.Request().Context(), c.Param("id"))
	if err != nil {
		return notFound(err, noNameCheck)
	}
	return writeJSON(c, http.StatusOK, nameCheckViewOf(n))
}

// postReleaseName issues a draft without its learner's word.
func (s *server) postReleaseName(c echo.Context) error {
	n, err := s.Issuer.ReleaseName(c.Request().Context(), c.Param("id"), actor(c))
	if err != nil {
		return notFound(err, noNameCheck)
	}
	return writeJSON(c, http.StatusOK, nameCheckViewOf(n))
}

func (s *server) postDropName(c echo.Context) error {
	reason, err := readReason(c, "say why; it is kept on record")
	if err != nil {
		return err
	}
	n, err := s.Issuer.DropName(c.Request().Context(), c.Param("id"), reason, actor(c))
	if err != nil {
		return notFound(err, noNameCheck)
	}
	return writeJSON(c, http.StatusOK, nameCheckViewOf(n))
}

// getName is the page on which a learner looks at a name.
func (s *server) getName(c echo.Context) error { return s.renderName(c, http.StatusOK, "") }

// renderName shows it; wrong is the id of a text, or "". A link that never was and one
// that is over are the same 404: what was answered is on the learner's page then.
func (s *server) renderName(c echo.Context, status int, wrong string) error {
	web.NoStore(c)
	n, err := s.Issuer.NameCheckByLink(c.Request().Context(), c.Param("link"))
	if err == nil && n.State == issuer.NameLapsed {
		err = store.ErrNotFound
	}
	if err != nil {
		return s.noName(err)
	}
	given, family := n.Name()
	title := n.Title.In(s.kit.Lang(c))
	return s.kit.Render(c, status, "name", web.Page{NoStore: true, Failed: wrong != "", Data: struct {
		Path, Name, Given, Family string
		Title                     elm.Value
		Until                     time.Time
		State                     issuer.NameCheckState
		Wrong                     string
	}{"/n/" + n.Link, s.name(c), given, family, title, n.Expires, n.State, wrong}})
}

// noName is how a link is answered that leads to nothing, or to nothing any more.
func (s *server) noName(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrState) {
		return &web.Problem{Status: http.StatusNotFound, Title: "Nothing is asked here any more", Text: textShareOver, Err: err}
	}
	return s.waiting(err)
}

// postName takes what a learner says: that the name is right, or what is wrong.
func (s *server) postName(c echo.Context) error {
	web.NoStore(c)
	actsAsLearner(c)
	ctx, link := c.Request().Context(), c.Param("link")
	var err error
	said := issuer.NameConfirmed
	switch c.Param("answer") {
	case "right":
		_, err = s.Issuer.ConfirmName(ctx, link)
	case "wrong":
		said = issuer.NameReported
		_, err = s.Issuer.ReportName(ctx, link, c.FormValue("text"))
	default:
		return echo.ErrNotFound
	}
	if _, ok := errors.AsType[*issuer.Problems](err); ok {
		return s.renderName(c, http.StatusUnprocessableEntity, "issuing.name.missing")
	}
	if err != nil {
		return s.noName(err)
	}
	return s.kit.Render(c, http.StatusOK, "named", web.Page{NoStore: true, Tone: "good", Data: struct {
		Name string
		Said issuer.NameCheckState
	}{s.name(c), said}})
}

// nameLine is a check in a list of the desk.
type nameLine struct {
	issuer.NameCheck
	Title         elm.Value
	Given, Family string
	Tone          string
	Letter        issuer.LetterState // "": it is kept no more
	Record        string             // path of what was issued
	Decidable     bool
}

var nameTones = map[issuer.NameCheckState]string{issuer.NameReported: "bad", issuer.NameWaiting: "warn", issuer.NameIssued: "good", issuer.NameApproval: "warn", issuer.NameFailed: "bad"}

func (s *server) getDeskNames(c echo.Context) error { return s.showNames(c, http.StatusOK, "") }

func (s *server) showNames(c echo.Context, status int, wrong string) error {
	ctx, lang := c.Request().Context(), s.kit.Lang(c)
	data := struct {
		Desk         *desk
		Open, Closed []nameLine
		Wrong        string
	}{Desk: s.desk(c, "names"), Wrong: wrong}
	for _, closed := range []bool{false, true} {
		list := &data.Open
		if closed {
			list = &data.Closed
		}
		some, _, err := upTo(maxListed, s.Issuer.NameChecks(ctx, closed, ""))
		if err != nil {
			return err
		}
		for _, n := range some {
			line := nameLine{NameCheck: n, Title: n.Title.In(lang), Tone: nameTones[n.State], Decidable: n.State == issuer.NameWaiting || n.State == issuer.NameReported}
			line.Given, line.Family = n.Name()
			if n.Credential != "" {
				line.Record = recordPath(n.Credential)
			}
			if letter, ok, err := s.Issuer.NameLetter(ctx, n); err != nil {
				return err
			} else if ok {
				line.Letter = letter.State
			}
			*list = append(*list, line)
		}
		slices.SortStableFunc(*list, func(a, b nameLine) int { return b.AskedAt.Compare(a.AskedAt) })
	}
	return s.show(c, status, "names", data)
}

func (s *server) postDeskName(c echo.Context) error {
	ctx, id, done := c.Request().Context(), c.Param("id"), ""
	var err error
	switch c.Param("decision") {
	case "release":
		_, err = s.Issuer.ReleaseName(ctx, id, actor(c))
		done = "name-released"
	case "drop":
		reason := strings.TrimSpace(c.FormValue("reason"))
		if reason == "" {
			return s.showNames(c, http.StatusUnprocessableEntity, "desk.reason.missing")
		}
		_, err = s.Issuer.DropName(ctx, id, reason, actor(c))
		done = "name-dropped"
	default:
		return echo.ErrNotFound
	}
	if err != nil {
		return notFound(problems(err, ""), noNameCheck)
	}
	return s.redirect(c, "/desk/names", "done", done)
}
