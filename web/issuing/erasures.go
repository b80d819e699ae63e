package issuing

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
)

// ErasureView is a request to erase as the API shows it.
type ErasureView struct {
	ID           string    `json:"id"`
	Records      []string  `json:"credentials"`
	Recognitions []string  `json:"recognitions,omitempty"`
	Count        int       `json:"count"` // of both
	Reason       string    `json:"reason"`
	AskedBy      string    `json:"asked_by"`
	AskedAt      time.Time `json:"asked_at"`
	Expires      time.Time `json:"expires"`
	Warning      string    `json:"warning"`
}

func erasureViewOf(q issuer.ErasureRequest) ErasureView {
	return ErasureView{q.ID, append([]string{}, q.Records...), q.Recognitions, q.Count(), q.Reason, q.AskedBy, q.AskedAt, q.Expires, issuer.ErasureEnds}
}

// postErasure asks for an erasure of data of the register, which another person
// confirms.
func (s *server) postErasure(c echo.Context) error {
	var req struct {
		Credentials  []string `json:"credentials"`
		LearnerID    string   `json:"learner_id"`
		Recognitions []string `json:"recognitions"`
		Reason       string   `json:"reason"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Reason == "" {
		return missing("/reason", "say on what legal basis; it stays on record, so it names nobody")
	}
	if err := tooLong("/reason", req.Reason); err != nil {
		return err
	}
	if req.Credentials == nil && req.LearnerID == "" && req.Recognitions == nil {
		return missing("/credentials", "say which, by ids or numbers, or give learner_id or recognitions")
	}
	q, err := s.Issuer.AskErasure(c.Request().Context(), issuer.ErasureWish{Records: req.Credentials, Learner: req.LearnerID, Recognitions: req.Recognitions, Reason: req.Reason}, actor(c))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/erasures/"+q.ID)
	return writeJSON(c, http.StatusAccepted, erasureViewOf(q))
}

func (s *server) getErasures(c echo.Context) error {
	list := struct {
		Erasures []ErasureView `json:"erasures"`
	}{Erasures: []ErasureView{}}
	for q, err := range s.Issuer.Erasures(c.Request().Context()) {
		if err != nil {
			return err
		}
		list.Erasures = append(list.Erasures, erasureViewOf(q))
	}
	return writeJSON(c, http.StatusOK, list)
}

const noErasure = "No such erasure waits"

// postConfirmErasure erases what another one has asked for. Who confirms says how
// many credentials it is about, and that verification of them ends.
func (s *server) postConfirmErasure(c echo.Context) error {
	var req struct {
		Count            int  `json:"count"`
		VerificationEnds bool `json:"verification_ends"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if !req.VerificationEnds {
		return missing("/verification_ends", "true, for "+issuer.ErasureEnds)
	}
	if err := s.Issuer.ConfirmErasure(c.Request().Context(), c.Param("id"), req.Count, actor(c)); err != nil {
		return notFound(err, noErasure)
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) postRefuseErasure(c echo.Context) error {
	reason, err := readReason(c, "say why; it is kept on record")
	if err != nil {
		return err
	}
	if err := s.Issuer.RefuseErasure(c.Request().Context(), c.Param("id"), reason, actor(c)); err != nil {
		return notFound(err, noErasure)
	}
	return c.NoContent(http.StatusNoContent)
}

// postEraseDelivery erases e-mail address and link at once.
func (s *server) postEraseDelivery(c echo.Context) error {
	reason, err := readReason(c, "say why; it stays on record, so it names nobody")
	if err != nil {
		return err
	}
	record, err := s.find(c)
	if err != nil {
		return err
	}
	if record, err = s.Issuer.EraseDelivery(c.Request().Context(), record.ID, reason, actor(c)); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, s.recordView(record))
}
