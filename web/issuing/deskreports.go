package issuing

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
)

// reportLine is what a learner says of an award, on the page.
type reportLine struct {
	issuer.LearnerReport
	Number, Path string // of the record
	Objection    bool   // to a hold or a revocation
}

// getDeskReports lists what learners say is wrong, the newest first.
func (s *server) getDeskReports(c echo.Context) error {
	return s.showReports(c, http.StatusOK, "", nil)
}

// showReports shows them, with what is wrong with an answer: the id of a text, or lines.
func (s *server) showReports(c echo.Context, status int, text string, failed []fault) error {
	ctx := c.Request().Context()
	data := struct {
		Desk         *desk
		Open, Closed []reportLine
		Text         string
		Failed       []fault
	}{Desk: s.desk(c, "reports"), Text: text, Failed: failed}
	list, err := s.Issuer.Reports(ctx, true)
	if err != nil {
		return err
	}
	for _, r := range list {
		line := reportLine{LearnerReport: r, Path: recordPath(r.Record), Objection: r.State == "suspended" || r.State == "revoked"}
		if !r.Closed.IsZero() {
			if len(data.Closed) < reportsOnPage {
				data.Closed = append(data.Closed, line)
			}
			continue
		}
		if record, err := s.Store.Get(ctx, r.Record); err == nil {
			line.Number = record.Number
		}
		data.Open = append(data.Open, line)
	}
	return s.show(c, status, "reports", data)
}

// reportsOnPage is how many reports that are answered a page lists.
const reportsOnPage = 50

// postDeskReport answers one, which the learner reads.
func (s *server) postDeskReport(c echo.Context) error {
	answer := strings.TrimSpace(c.FormValue("answer"))
	if answer == "" {
		return s.showReports(c, http.StatusUnprocessableEntity, "desk.reports.missing", nil)
	}
	_, err := s.Issuer.CloseReport(c.Request().Context(), c.Param("id"), answer, actor(c))
	if found, ok := errors.AsType[*issuer.Problems](err); ok {
		return s.showReports(c, http.StatusUnprocessableEntity, "", s.faults(s.kit.Lang(c), found.List, false))
	}
	if err != nil {
		return notFound(err, "No such report")
	}
	return s.redirect(c, "/desk/reports", "done", "report")
}
