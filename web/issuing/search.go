package issuing

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

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
		Credentials []RecordView `json:"credentials"`
		Next        string       `json:"next,omitempty"` // to ask with as after
	}{Credentials: []RecordView{}, Next: next}
	for _, r := range found {
		answer.Credentials = append(answer.Credentials, s.recordView(r))
	}
	return writeJSON(c, http.StatusOK, answer)
}
