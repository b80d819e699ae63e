package issuing

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// Bounds of one answer of a search.
const (
	foundDefault = 50
	foundMost    = 500
)

// searchParams are what can be asked for.
var searchParams = []string{"number", "name", "learner_id", "external_id", "course", "version", "from", "until", "batch", "key", "state", "after", "limit"}

// getRecords finds records by what the query says.
func (s *server) getRecords(c echo.Context) error {
	limit := foundDefault
	wrong := func(param, detail string) error {
		return &web.Problem{Status: http.StatusBadRequest, Title: unexpectedQuery, Fields: []web.Field{{Pointer: "/" + param, Detail: detail}}}
	}
	for param, values := range c.QueryParams() {
		if !slices.Contains(searchParams, param) || len(values) > 1 {
			return wrong(param, "unknown, or given twice")
		}
	}
	if text := c.QueryParam("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > foundMost {
			return wrong("limit", "expected a number from 1 to "+strconv.Itoa(foundMost))
		}
		limit = n
	}
	q := store.Query{Number: c.QueryParam("number"), Name: c.QueryParam("name"), LearnerID: c.QueryParam("learner_id"), ExternalID: c.QueryParam("external_id"),
		Course: c.QueryParam("course"), Version: c.QueryParam("version"), From: c.QueryParam("from"), Until: c.QueryParam("until"),
		Batch: c.QueryParam("batch"), KeyID: c.QueryParam("key"), State: store.State(c.QueryParam("state")), Now: web.Clock()}
	found, next, err := s.Store.Search(c.Request().Context(), q, c.QueryParam("after"), limit)
	if errors.Is(err, store.ErrInvalid) {
		return &web.Problem{Status: http.StatusBadRequest, Title: unexpectedQuery, Detail: "a date is YYYY-MM-DD, a name has a letter, a state is one of reserved, issued, suspended, revoked, expired, erased", Err: err}
	}
	if err != nil {
		return err
	}
	answer := struct {
		Credentials []recordView `json:"credentials"`
		Next        string       `json:"next,omitempty"` // to ask with as after
	}{Credentials: []recordView{}, Next: next}
	for _, r := range found {
		answer.Credentials = append(answer.Credentials, s.recordView(r))
	}
	return writeJSON(c, http.StatusOK, answer)
}

// erasureView is a request to erase as the API shows it.
type erasureView struct {
	ID      string    `json:"id"`
	Records []string  `json:"credentials"`
	Count   int       `json:"count"`
	Reason  string    `json:"reason"`
	AskedBy string    `json:"asked_by"`
	AskedAt time.Time `json:"asked_at"`
	Expires time.Time `json:"expires"`
	Warning string    `json:"warning"`
}

func erasureViewOf(q issuer.ErasureRequest) erasureView {
	return erasureView{q.ID, q.Records, len(q.Records), q.Reason, q.AskedBy, q.AskedAt, q.Expires, issuer.ErasureEnds}
}

// postErasure asks for an erasure of data of the register, which another person
// confirms.
func (s *server) postErasure(c echo.Context) error {
	var req struct {
		Credentials []string `json:"credentials"`
		LearnerID   string   `json:"learner_id"`
		Reason      string   `json:"reason"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Reason == "" {
		return missing("/reason", "say on what legal basis; it stays on record, so it names nobody")
	}
	if req.Credentials == nil && req.LearnerID == "" {
		return missing("/credentials", "say which, by ids or numbers, or give learner_id")
	}
	q, err := s.Issuer.AskErasure(c.Request().Context(), req.Credentials, req.LearnerID, req.Reason, actor(c))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/erasures/"+q.ID)
	return writeJSON(c, http.StatusAccepted, erasureViewOf(q))
}

func (s *server) getErasures(c echo.Context) error {
	list := struct {
		Erasures []erasureView `json:"erasures"`
	}{Erasures: []erasureView{}}
	for q, err := range s.Issuer.Erasures(c.Request().Context()) {
		if err != nil {
			return err
		}
		list.Erasures = append(list.Erasures, erasureViewOf(q))
	}
	return writeJSON(c, http.StatusOK, list)
}

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
		return noErasure(err)
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) postRefuseErasure(c echo.Context) error {
	var req struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Reason == "" {
		return missing("/reason", "say why; it is kept on record")
	}
	if err := s.Issuer.RefuseErasure(c.Request().Context(), c.Param("id"), req.Reason, actor(c)); err != nil {
		return noErasure(err)
	}
	return c.NoContent(http.StatusNoContent)
}

func noErasure(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return &web.Problem{Status: http.StatusNotFound, Title: "No such erasure waits", Err: err}
	}
	return err
}

// postEraseDelivery erases e-mail address and link at once.
func (s *server) postEraseDelivery(c echo.Context) error {
	var req struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Reason == "" {
		return missing("/reason", "say why; it stays on record, so it names nobody")
	}
	record, err := s.find(c)
	if err != nil {
		return err
	}
	if record, err = s.Issuer.EraseDelivery(c.Request().Context(), record.ID, req.Reason, actor(c)); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, s.recordView(record))
}
