package issuing

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// The page of a batch, for whoever has its link: 26 symbols that nobody can guess.
// What is done on it is done in the name of who made the batch, so that four eyes
// stay four.

// shownOnPage is how many problems the page lists.
const shownOnPage = 50

// batchTones says how a state is shown: tone and icon.
var batchTones = map[issuer.BatchState]struct{ tone, icon string }{
	issuer.BatchNew: {"", "upload"}, issuer.BatchUnread: {"warn", "question"}, issuer.BatchChecking: {"", "clock"}, issuer.BatchReady: {"", "list"},
	issuer.BatchApproval: {"warn", "clock"}, issuer.BatchQueued: {"", "clock"}, issuer.BatchRunning: {"", "clock"}, issuer.BatchPaused: {"warn", "pause"},
	issuer.BatchCancelled: {"none", "cross"}, issuer.BatchDone: {"good", "check"},
}

// previewOnPage is the argument of the kit's supplement for one row.
type previewOnPage struct {
	Row  int
	Data struct {
		Supplement []elm.Section
		Claim      bool
	}
}

// byBatchLink finds the batch of a page.
func (s *server) byBatchLink(c echo.Context) (issuer.Batch, error) {
	web.NoStore(c)
	b, err := s.Batches.ByLink(c.Request().Context(), c.Param("link"))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid) {
		err = errNoBatch
	}
	return b, err
}

func (s *server) getBatchPage(c echo.Context) error {
	b, err := s.byBatchLink(c)
	if err != nil {
		return err
	}
	return s.showBatch(c, b, nil)
}

// showBatch renders the page of a batch, in the frame of the desk or, where d is nil,
// for whoever has its link.
func (s *server) showBatch(c echo.Context, b issuer.Batch, d *desk) error {
	ctx, lang := c.Request().Context(), s.kit.Lang(c)
	data := struct {
		Desk               *desk
		May                bool   // act on it
		Records            string // path of those issued
		Batch              issuer.Batch
		Icon, Name         string
		Title              elm.Value
		Stuck              string
		Worked, Work       int
		Rate               int
		Left               string
		Problems, Warnings []ProblemView
		More               int
		Previews           []previewOnPage
		MayUpload, Busy    bool
		Every              int // seconds after which the page looks again; 0: it does not
		Encodings          []string
		Languages          []string
		NameDays           []int // for how long learners may look at their names; none: it is not offered
	}{Desk: d, May: d == nil || d.Registrar, Records: s.address(c, "/desk/records", "batch", b.ID), Batch: b, Icon: batchTones[b.State].icon, Name: s.name(c), Stuck: s.Batches.Stuck(b.ID), Rate: int(b.Rate() + .5), Encodings: issuer.Encodings()}
	data.Worked, data.Work = progressOf(b)
	if left := b.Left(); left > 0 {
		data.Left = timeLeft(left)
	}
	data.Busy = slices.Contains([]issuer.BatchState{issuer.BatchChecking, issuer.BatchQueued, issuer.BatchRunning}, b.State)
	data.MayUpload = data.May && !b.Drafts && slices.Contains([]issuer.BatchState{issuer.BatchNew, issuer.BatchUnread, issuer.BatchReady}, b.State)
	if len(b.Courses) == 1 {
		o, err := s.Batches.Offer(ctx, b.Courses[0].ID, b.Courses[0].Version)
		if err != nil {
			return err
		}
		data.Title = o.Content.Title.In(lang)
		for tag := range o.Content.Title {
			data.Languages = append(data.Languages, tag)
		}
		slices.Sort(data.Languages)
	}
	if d != nil {
		data.NameDays = s.nameDays()
	}
	blocking, warnings, err := s.Batches.Problems(ctx, b, shownOnPage)
	if err != nil {
		return err
	}
	data.Problems, data.Warnings = s.problemViews(lang, blocking), s.problemViews(lang, append(b.Warnings, warnings...))
	if b.State == issuer.BatchReady || b.State == issuer.BatchApproval {
		previews, err := s.Batches.Previews(ctx, b)
		if err != nil {
			return err
		}
		for _, p := range previews {
			shown := previewOnPage{Row: p.Row}
			shown.Data.Supplement = elm.Supplement(p.Credential, lang)
			data.Previews = append(data.Previews, shown)
		}
	}
	if data.Busy {
		data.Every = 2
	} else if b.State == issuer.BatchApproval {
		data.Every = 15
	}
	page := web.Page{Tone: batchTones[b.State].tone, NoStore: true, Data: data}
	if data.Every > 0 {
		page.Scripts = []string{"live.js"} // which keeps a session too
	} else if d != nil {
		page.Scripts = []string{stay}
	}
	return s.kit.Render(c, http.StatusOK, "batch", page)
}

// timeLeft is a time in signs that all our languages have: 40 s, 3 min, 2 h 5 min.
func timeLeft(d time.Duration) string {
	minutes := int(math.Ceil(d.Minutes()))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d\u00a0s", int(d.Seconds()))
	case minutes < 60:
		return fmt.Sprintf("%d\u00a0min", minutes)
	}
	return fmt.Sprintf("%d\u00a0h %d\u00a0min", minutes/60, minutes%60)
}

// postBatchPage takes a list that was chosen on the page.
func (s *server) postBatchPage(c echo.Context) error {
	b, err := s.byBatchLink(c)
	if err != nil {
		return err
	}
	r := c.Request()
	if err := r.ParseMultipartForm(s.ListBody); err != nil { // all of it in memory: names stay out of temporary files
		if _, big := errors.AsType[*http.MaxBytesError](err); big {
			return err
		}
		return &web.Problem{Status: http.StatusBadRequest, Title: "No form", Err: err}
	}
	byItsMaker(c, b)
	if err := s.takeList(c, b); err != nil {
		return err
	}
	return s.backToBatch(c)
}

// byItsMaker has what whoever has the link does be done in the name of who made the
// batch.
func byItsMaker(c echo.Context, b issuer.Batch) {
	c.SetRequest(c.Request().WithContext(store.Acting(c.Request().Context(), store.Actor{Name: b.By, Request: web.RequestID(c)})))
}

// takeList gives a batch the list that was chosen in a form.
func (s *server) takeList(c echo.Context, b issuer.Batch) error {
	u, err := chosenList(c)
	if err != nil {
		return err
	}
	if sessionOf(c) == nil { // whoever has the link chooses a list, and not how it is issued
		u.NameCheck = b.NameCheck
	}
	ctx := c.Request().Context()
	if b, err = s.Batches.Upload(ctx, b.ID, u); err != nil {
		return listProblems(err)
	}
	_, err = s.checked(ctx, b)
	return err
}

// chosenList is the list that was chosen in a form, which was read already.
func chosenList(c echo.Context) (issuer.Upload, error) {
	r := c.Request()
	file, header, err := r.FormFile("file")
	if err != nil {
		return issuer.Upload{}, &web.Problem{Status: http.StatusBadRequest, Title: "No file", Err: err}
	}
	defer file.Close()
	raw, err := io.ReadAll(file)
	if err != nil {
		return issuer.Upload{}, err
	}
	u := issuer.Upload{Name: header.Filename, Data: raw}
	u.Encoding, u.Defaults = r.PostFormValue("encoding"), map[string]string{}
	for _, name := range []string{"awarding_date", "language"} {
		if value := r.PostFormValue(name); value != "" {
			u.Defaults[name] = value
		}
	}
	u.NameCheck, err = daysOf(r.PostFormValue("name_check_days"))
	return u, err
}

// postBatchStep takes a step on the page.
func (s *server) postBatchStep(c echo.Context) error {
	b, err := s.byBatchLink(c)
	if err != nil {
		return err
	}
	byItsMaker(c, b)
	if err := s.takeStep(c, b); err != nil {
		return err
	}
	return s.backToBatch(c)
}

// takeStep takes the step with a batch that the last part of the address names.
func (s *server) takeStep(c echo.Context, b issuer.Batch) error {
	step, ok := batchSteps[c.Param("step")]
	if !ok {
		return errNoBatch
	}
	ctx := c.Request().Context()
	how := stepOptions{LeaveOut: c.FormValue("leave_out") == "true", Encoding: c.FormValue("encoding")}
	b, err := step.do(s.Batches, ctx, b.ID, how)
	if err != nil {
		return listProblems(err)
	}
	_, err = s.checked(ctx, b)
	return err
}

// backToBatch leads back to the page, so that loading it again repeats nothing.
func (s *server) backToBatch(c echo.Context) error {
	to := "/b/" + c.Param("link")
	if lang := c.QueryParam("lang"); slices.Contains(s.kit.Languages(), lang) {
		to += "?lang=" + lang
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// getBatchPageResults is the CSV without the learners' pages: who has the link of
// a batch need not be a registrar.
func (s *server) getBatchPageResults(c echo.Context) error {
	b, err := s.byBatchLink(c)
	if err != nil {
		return err
	}
	return s.writeResults(c, b, false, s.kit.Lang(c))
}
