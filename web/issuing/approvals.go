package issuing

import (
	"iter"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/web"
)

// ApprovalView is an approval as the API shows it: what it is about and where it
// stands, and as long as it waits what would be issued.
type ApprovalView struct {
	ID         string               `json:"id"`
	State      issuer.ApprovalState `json:"state"`
	Course     string               `json:"course"`
	Version    string               `json:"course_version"`
	Digest     string               `json:"digest"`
	AskedBy    string               `json:"asked_by"`
	AskedAt    time.Time            `json:"asked_at"`
	Expires    time.Time            `json:"expires"`
	DecidedBy  string               `json:"decided_by,omitempty"`
	DecidedAt  time.Time            `json:"decided_at,omitzero"`
	Reason     string               `json:"reason,omitempty"`
	Batch      string               `json:"batch,omitempty"`
	Rows       int                  `json:"rows,omitzero"`
	Supersedes string               `json:"supersedes,omitempty"`
	Credential string               `json:"credential,omitempty"`
	Learner    map[string]string    `json:"learner,omitempty"`
	Supplement []elementView        `json:"supplement,omitempty"`
}

// elementView is one element of a supplement, as the verifier's API writes it.
type elementView struct {
	ID     string   `json:"id"`
	Label  string   `json:"label"`
	Values []string `json:"values"`
}

func approvalViewOf(a issuer.Approval) ApprovalView {
	return ApprovalView{ID: a.ID, State: a.State, Course: a.Course, Version: a.Version, Digest: a.Digest, AskedBy: a.AskedBy, AskedAt: a.AskedAt, Expires: a.Expires,
		DecidedBy: a.DecidedBy, DecidedAt: a.DecidedAt, Reason: a.Reason, Batch: a.Batch, Rows: a.Rows, Supersedes: a.Supersedes, Credential: a.Credential}
}

// propose answers a request that another person must approve: 202, and where the
// approval is found.
func (s *server) propose(c echo.Context, draft issuer.Draft) error {
	a, err := s.proposed(c, draft)
	if err != nil {
		return problems(err, "/learner")
	}
	c.Response().Header().Set("Location", approvalPath(a))
	return writeJSON(c, http.StatusAccepted, approvalViewOf(a))
}

func approvalPath(a issuer.Approval) string { return "/api/v1/approvals/" + a.ID }

// proposed has a draft wait for approval. The same request was perhaps decided
// against before, and does not wait then.
func (s *server) proposed(c echo.Context, draft issuer.Draft) (issuer.Approval, error) {
	a, err := s.Issuer.Propose(c.Request().Context(), draft, actor(c))
	if err == nil && (a.State == issuer.Rejected || a.State == issuer.Failed) {
		err = &web.Problem{Status: http.StatusConflict, Title: "It was decided already", Detail: string(a.State) + ": " + a.Reason + "; ask with another Idempotency-Key, or external_id"}
	}
	return a, err
}

// maxListed is how many one answer lists.
const maxListed = 100

// wantsClosed reports which half of a list is asked for: what waits, or what is over.
func wantsClosed(c echo.Context) (bool, error) {
	switch c.QueryParam("state") {
	case "", "open":
		return false, nil
	case "closed":
		return true, nil
	}
	return false, &web.Problem{Status: http.StatusBadRequest, Title: unexpectedQuery, Fields: []web.Field{{Pointer: "/state", Detail: `expected "open" or "closed"`}}}
}

// upTo is the beginning of a list, and whether there is more of it.
func upTo[T any](most int, list iter.Seq2[T, error]) (some []T, more bool, err error) {
	for one, err := range list {
		if err != nil {
			return nil, false, err
		}
		if len(some) == most {
			return some, true, nil
		}
		some = append(some, one)
	}
	return some, false, nil
}

// getApprovals lists what waits, or what was decided.
func (s *server) getApprovals(c echo.Context) error {
	closed, err := wantsClosed(c)
	if err != nil {
		return err
	}
	some, more, err := upTo(maxListed, s.Issuer.Approvals(c.Request().Context(), closed, c.QueryParam("after")))
	if err != nil {
		return err
	}
	list := struct {
		Approvals []ApprovalView `json:"approvals"`
		Next      string         `json:"next,omitempty"` // to ask with as after
	}{Approvals: []ApprovalView{}}
	for _, a := range some {
		list.Approvals = append(list.Approvals, approvalViewOf(a))
	}
	if more {
		list.Next = some[maxListed-1].ID
	}
	return writeJSON(c, http.StatusOK, list)
}

const unexpectedQuery = "The query is not the one expected here"

const noApproval = "No such approval"

func (s *server) getApproval(c echo.Context) error {
	a, err := s.Issuer.Approval(c.Request().Context(), c.Param("id"))
	if err != nil {
		return notFound(err, noApproval)
	}
	v := approvalViewOf(a)
	if _, v.Learner, err = a.Learner(); err != nil {
		return err
	}
	sections, err := s.Issuer.PreviewApproval(a, s.kit.Lang(c))
	if err != nil {
		return err
	}
	v.Supplement = elementViews(sections)
	return writeJSON(c, http.StatusOK, v)
}

func elementViews(sections []elm.Section) (views []elementView) {
	for _, section := range sections {
		for _, e := range section.Elements {
			view := elementView{ID: e.ID, Label: e.Label, Values: []string{}}
			for _, value := range e.Values {
				view.Values = append(view.Values, value.Line())
			}
			views = append(views, view)
		}
	}
	return views
}

// postApprove issues what waits. The digest says what the approver has looked at.
func (s *server) postApprove(c echo.Context) error {
	var req struct {
		Digest string `json:"digest"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Digest == "" {
		return missing("/digest", "give back the digest of what you have looked at")
	}
	a, err := s.Issuer.Approve(c.Request().Context(), c.Param("id"), req.Digest, actor(c))
	if err != nil {
		return problems(notFound(err, noApproval), "/learner")
	}
	return writeJSON(c, http.StatusOK, approvalViewOf(a))
}

func (s *server) postReject(c echo.Context) error {
	reason, err := readReason(c, "say why; it is kept on record")
	if err != nil {
		return err
	}
	a, err := s.Issuer.Reject(c.Request().Context(), c.Param("id"), reason, actor(c))
	if err != nil {
		return notFound(err, noApproval)
	}
	return writeJSON(c, http.StatusOK, approvalViewOf(a))
}
