package issuing

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
)

// Class lists at the desk. Their page is that of package issuer's batches, as whoever
// has its link sees it; here it is done in the name of who is signed in.

// batchLine is a batch in a list.
type batchLine struct {
	Path, ID, Name, By string
	State              issuer.BatchState
	Tone, Icon         string
	Created            time.Time
	Counts             issuer.Counts
	Course             string
	Worked, Work       int
}

func lineOf(b issuer.Batch) batchLine {
	line := batchLine{Path: "/desk/batches/" + b.ID, ID: b.ID, Name: b.Name, By: b.By, State: b.State, Tone: batchTones[b.State].tone, Icon: batchTones[b.State].icon, Created: b.Created, Counts: b.Counts}
	if len(b.Courses) == 1 {
		line.Course = b.Courses[0].ID
	}
	line.Worked, line.Work = progressOf(b)
	return line
}

// progressOf is how many rows of a batch were worked on in its present state, of how many.
func progressOf(b issuer.Batch) (worked, work int) {
	if n := b.Counts; b.State != issuer.BatchChecking {
		return n.Issued + n.Known + n.Failed, n.Rows - n.Bad
	}
	return b.Counts.Checked, b.Counts.Rows
}

// batchesOnPage is how many batches a page lists.
const batchesOnPage = 100

func (s *server) getDeskBatches(c echo.Context) error {
	list, err := s.Batches.List(c.Request().Context(), batchesOnPage)
	if err != nil {
		return err
	}
	courses, err := s.awardable(c)
	if err != nil {
		return err
	}
	data := struct {
		Desk      *desk
		Lines     []batchLine
		Courses   []option
		Chosen    string
		Encodings []string
		NameDays  []int
	}{Desk: s.desk(c, "batches"), NameDays: s.nameDays(), Courses: courses, Chosen: c.QueryParam("course"), Encodings: issuer.Encodings()}
	for _, b := range list {
		data.Lines = append(data.Lines, lineOf(b))
	}
	return s.show(c, http.StatusOK, "batches", data)
}

// nameDays are for how long learners may be given to look at their names; none where no
// letter can be sent.
func (s *server) nameDays() []int {
	if !s.Issuer.Mailing() {
		return nil
	}
	return []int{7, 14, 30}
}

// postDeskBatches makes a batch of a list that was chosen, which is checked first.
func (s *server) postDeskBatches(c echo.Context) error {
	u, err := chosenList(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	b, err := s.Batches.Put(ctx, c.FormValue("course"), "", u)
	if errors.Is(err, store.ErrNotFound) {
		return errNoCourse
	}
	if err != nil {
		return listProblems(err)
	}
	if _, err := s.checked(ctx, b); err != nil {
		return err
	}
	return s.redirect(c, "/desk/batches/"+b.ID)
}

func (s *server) getDeskBatch(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	return s.showBatch(c, b, s.desk(c, "batches"))
}

func (s *server) postDeskBatch(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	if err := s.takeList(c, b); err != nil {
		return err
	}
	return s.redirect(c, "/desk/batches/"+b.ID)
}

func (s *server) postDeskStep(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	if err := s.takeStep(c, b); err != nil {
		return err
	}
	return s.redirect(c, "/desk/batches/"+b.ID)
}

// getDeskResults is the CSV, for registrars with the learners' pages.
func (s *server) getDeskResults(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	return s.writeResults(c, b, hasRole(c, Registrar), s.kit.Lang(c))
}
