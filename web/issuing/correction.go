package issuing

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// correctRequest says what is to be otherwise than in the award, and why.
type correctRequest struct {
	Code          string            `json:"code"`
	Reason        string            `json:"reason"`
	CourseVersion string            `json:"course_version"` // another version of the course, "": the one of the award
	Learner       map[string]string `json:"learner"`        // columns of a class list that say something else now
}

// postCorrection issues a credential in place of another, which is revoked. The
// Idempotency-Key says which request it is, as when issuing.
func (s *server) postCorrection(c echo.Context) error {
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	var req correctRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if strings.TrimSpace(req.Reason) == "" {
		return missing("/reason", "say why; it is kept on record")
	}
	ctx := c.Request().Context()
	old, err := s.find(c)
	if err != nil {
		return err
	}
	var course *issuer.Course
	if req.CourseVersion != "" {
		if course, err = s.courseOf(c, &issueRequest{CourseID: old.Course, CourseVersion: req.CourseVersion}); err != nil {
			return err
		}
	}
	draft, err := s.Issuer.Correction(ctx, old, req.Learner, course, issuer.Why{Code: req.Code, Text: req.Reason, By: actor(c)})
	if err != nil {
		return correctionProblems(err)
	}
	draft.RequestKey = key
	record, err := s.Issuer.Issue(ctx, draft)
	if errors.Is(err, issuer.ErrNeedsApproval) {
		return s.propose(c, draft)
	}
	if err != nil {
		return correctionProblems(err)
	}
	return s.answerIssued(c, record)
}

// correctionProblems names places of the request: the code stands beside the
// learner's columns.
func correctionProblems(err error) error {
	found, ok := errors.AsType[*issuer.Problems](err)
	if ok && len(found.List) > 0 && (found.List[0].Field == "code" || found.List[0].Field == "learner") {
		return problems(err, "")
	}
	return problems(err, "/learner")
}

// idempotencyKey is the key of a request to issue: 64 hexadecimal digits are the
// record's key itself, anything else is hashed together with the client's name.
func idempotencyKey(c echo.Context) (store.Key, error) {
	key := c.Request().Header.Get("Idempotency-Key")
	if key == "" || len(key) > 255 {
		return store.Key{}, &web.Problem{Status: http.StatusBadRequest, Title: "Idempotency-Key needed",
			Detail: "send a header Idempotency-Key of at most 255 characters; repeating a request with the same one is always safe"}
	}
	return requestKey(clientName(c), key), nil
}

func (s *server) answerIssued(c echo.Context, record store.Record) error {
	c.Response().Header().Set("Location", "/api/v1/credentials/"+record.ID)
	return writeJSON(c, http.StatusCreated, s.recordView(record))
}

// errReplaced is what the public gets in place of a credential whose place another
// one took: nothing of it, nor of whom it was about.
var errReplaced = &web.Problem{Status: http.StatusGone, Title: "Replaced by a new credential", Detail: "ask its holder for the new one"}

// getWithdrawal is the issuer's word on why a credential was revoked, where it
// tells. Verifiers ask by the UUID of the credential, or by the id below a code.
func (s *server) getWithdrawal(c echo.Context) error {
	web.NoStore(c)
	id := c.Param("public")
	if len(id) != publicLength && len(id) != uuidLength {
		return store.ErrNotFound
	}
	record, err := s.Issuer.Find(c.Request().Context(), id)
	if err != nil {
		return err
	}
	token, err := s.Issuer.Withdrawal(c.Request().Context(), record)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/withdrawal+jwt", token)
}

const (
	publicLength = 26
	uuidLength   = 36
)
