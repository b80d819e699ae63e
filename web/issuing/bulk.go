package issuing

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
)

// BulkRequest asks for a change of many credentials: first how many they are, then,
// with that number confirmed, for the change.
type BulkRequest struct {
	Action  issuer.BulkAction `json:"action"`
	Select  SelectionView     `json:"select"`
	Code    string            `json:"code,omitempty"`
	Reason  string            `json:"reason"`
	DryRun  bool              `json:"dry_run"`
	Confirm *int              `json:"confirm,omitempty"`
}

// SelectionView says which credentials are meant.
type SelectionView struct {
	Course  string    `json:"course,omitempty"`
	Version string    `json:"course_version,omitempty"`
	Batch   string    `json:"batch,omitempty"`
	Key     string    `json:"key,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`

	Unproven bool `json:"unproven,omitempty"`
}

// BulkView is a bulk change as the API shows it.
type BulkView struct {
	ID       string            `json:"id"`
	Action   issuer.BulkAction `json:"action"`
	Select   SelectionView     `json:"select"`
	Code     string            `json:"code"`
	Reason   string            `json:"reason"`
	By       string            `json:"by"`
	AskedAt  time.Time         `json:"asked_at"`
	State    issuer.BulkState  `json:"state"`
	Found    int               `json:"found"`
	Done     int               `json:"done"`
	Skipped  int               `json:"skipped"`
	Failed   int               `json:"failed"`
	EndedAt  time.Time         `json:"ended_at,omitzero"`
	Problems []bulkProblem     `json:"problems,omitempty"`
}

type bulkProblem struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

// BulkViewOf shows a bulk change.
func BulkViewOf(b issuer.Bulk) BulkView {
	v := BulkView{ID: b.ID, Action: b.Action, Select: SelectionView(b.Select), Code: b.Code, Reason: b.Reason, By: b.By, AskedAt: b.AskedAt, State: b.State,
		Found: b.Found, Done: b.Done, Skipped: b.Skipped, Failed: b.Failed, EndedAt: b.EndedAt}
	for _, p := range b.Problems {
		v.Problems = append(v.Problems, bulkProblem(p))
	}
	return v
}

// BulkCountView is what a dry run finds.
type BulkCountView struct {
	Found   int                 `json:"found"` // to be given back as confirm
	ByState map[store.State]int `json:"by_state"`
	Expired int                 `json:"expired"`
}

func (s *server) postBulk(c echo.Context) error {
	var req BulkRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	ctx := c.Request().Context()
	b := issuer.Bulk{Action: req.Action, Select: issuer.Selection(req.Select), Code: req.Code, Reason: req.Reason, By: actor(c)}
	if req.DryRun {
		count, err := s.Issuer.CountBulk(ctx, b)
		if err != nil {
			return problems(err, "")
		}
		return writeJSON(c, http.StatusOK, BulkCountView(count))
	}
	if req.Confirm == nil {
		return missing("/confirm", "ask with dry_run first, and give back the number that is found")
	}
	b, err := s.Issuer.StartBulk(ctx, b, *req.Confirm)
	if err != nil {
		return problems(err, "")
	}
	c.Response().Header().Set("Location", "/api/v1/bulk/"+b.ID)
	return writeJSON(c, http.StatusAccepted, BulkViewOf(b))
}

func (s *server) getBulks(c echo.Context) error {
	all, err := s.Issuer.Bulks(c.Request().Context())
	if err != nil {
		return err
	}
	list := struct {
		Bulk []BulkView `json:"bulk"`
	}{[]BulkView{}}
	for _, b := range all {
		b.Problems = nil
		list.Bulk = append(list.Bulk, BulkViewOf(b))
	}
	return writeJSON(c, http.StatusOK, list)
}

const noBulk = "No such bulk change"

func (s *server) getBulk(c echo.Context) error {
	b, err := s.Issuer.Bulk(c.Request().Context(), c.Param("id"))
	if err != nil {
		return notFound(err, noBulk)
	}
	return writeJSON(c, http.StatusOK, BulkViewOf(b))
}

func (s *server) postStopBulk(c echo.Context) error {
	b, err := s.Issuer.StopBulk(c.Request().Context(), c.Param("id"))
	if err != nil {
		return notFound(err, noBulk)
	}
	return writeJSON(c, http.StatusOK, BulkViewOf(b))
}

func (s *server) postContinueBulk(c echo.Context) error {
	b, err := s.Issuer.ContinueBulk(c.Request().Context(), c.Param("id"))
	if err != nil {
		return notFound(err, noBulk)
	}
	return writeJSON(c, http.StatusOK, BulkViewOf(b))
}
