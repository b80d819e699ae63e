package issuing

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// The learner's page opens by its link. Where letters are sent, a device that is not
// known asks for a one-time code, on every address below the link.

const deviceCookie = "device"

var errNewDevice = &web.Problem{Status: http.StatusUnauthorized, Type: "urn:indeks:new-device", Title: "This device is not known", Detail: "open the learner's page in a browser and give the one-time code", Text: "issuing.device"}

// byOwner finds the award of a learner's link for whoever may open its page, else
// errNewDevice, with the award.
func (s *server) byOwner(c echo.Context) (store.Record, error) {
	r, err := s.byLink(c)
	if err != nil {
		return r, err
	}
	actsAsLearner(c)
	return r, s.knowsDevice(c, r)
}

// actsAsLearner says for the audit log that the learner does what is done: which one,
// the award says that it is done to.
func actsAsLearner(c echo.Context) {
	c.SetRequest(c.Request().WithContext(store.Acting(c.Request().Context(), store.Actor{Name: "learner", Request: web.RequestID(c)})))
}

func (s *server) knowsDevice(c echo.Context, r store.Record) error {
	if !s.Issuer.KnownDevices(r) {
		return nil
	}
	if cookie, err := c.Cookie(deviceCookie); err == nil {
		known, err := s.Issuer.KnowsDevice(r, cookie.Value)
		if known || err != nil {
			return err
		}
	}
	return errNewDevice
}

// wrongCode is what became of a code that opened nothing.
type wrongCode struct {
	Wrong   bool
	Minutes int // until one may be tried again, where there were too many, else 0
}

// renderDevice asks who opens the page.
func (s *server) renderDevice(c echo.Context, status int, r store.Record, before wrongCode) error {
	first, err := s.Issuer.Unopened(c.Request().Context(), r)
	if err != nil {
		return err
	}
	return s.kit.Render(c, status, "device", web.Page{NoStore: true, Failed: before != wrongCode{}, Data: struct {
		Name, Page, Address string
		First, Sent         bool
		wrongCode
	}{s.name(c), learnerPath(r), maskedAddress(r.Email), first, c.QueryParam("code") == "sent" || before.Wrong, before}})
}

// learnerPath is the learner's page.
func learnerPath(r store.Record) string { return "/h/" + r.Link }

// maskedAddress lets who knows an e-mail address recognise it, and nobody else.
func maskedAddress(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	_, size := firstRune(local)
	return local[:size] + "•••@" + domain
}

func firstRune(s string) (rune, int) {
	for n, r := range s {
		if n == 0 {
			return r, len(string(r))
		}
	}
	return 0, 0
}

// postDevice makes a device known: the first one, or one with a code, which it sends
// where it is asked to.
func (s *server) postDevice(c echo.Context) error {
	ctx := c.Request().Context()
	r, err := s.byLink(c)
	if err != nil {
		return err
	}
	if !s.Issuer.KnownDevices(r) {
		return c.Redirect(http.StatusSeeOther, learnerPath(r))
	}
	var device string
	switch c.FormValue("do") {
	case "first":
		device, err = s.Issuer.OpenFirst(ctx, r)
		if errors.Is(err, issuer.ErrCode) {
			return c.Redirect(http.StatusSeeOther, learnerPath(r))
		}
	case "ask":
		if err = s.Issuer.AskCode(ctx, r); err == nil {
			return c.Redirect(http.StatusSeeOther, learnerPath(r)+"?code=sent")
		}
	default:
		device, err = s.Issuer.OpenWithCode(ctx, r, strings.TrimSpace(c.FormValue("code")))
		wait, over := errors.AsType[*issuer.WaitError](err)
		switch {
		case over:
			c.Response().Header().Set("Retry-After", strconv.Itoa(int(wait.Wait/time.Second)+1))
			return s.renderDevice(c, http.StatusTooManyRequests, r, wrongCode{Minutes: int(wait.Wait/time.Minute) + 1})
		case errors.Is(err, issuer.ErrCode):
			return s.renderDevice(c, http.StatusUnauthorized, r, wrongCode{Wrong: true})
		}
	}
	if err != nil {
		return s.waiting(err)
	}
	c.SetCookie(&http.Cookie{Name: deviceCookie, Value: device, Path: learnerPath(r), MaxAge: int(issuer.DeviceTime() / time.Second),
		HttpOnly: true, Secure: s.Kit.HTTPS, SameSite: http.SameSiteLaxMode})
	return c.Redirect(http.StatusSeeOther, learnerPath(r))
}

// waiting makes of a WaitError the problem that says when to try again.
func (s *server) waiting(err error) error {
	if wait, ok := errors.AsType[*issuer.WaitError](err); ok {
		return &web.Problem{Status: http.StatusTooManyRequests, Title: "Too many requests", Retry: int(wait.Wait/time.Second) + 1, Err: err}
	}
	return err
}

// postLearnerReport takes what a learner says is wrong, or objects to.
func (s *server) postLearnerReport(c echo.Context) error {
	r, err := s.byOwner(c)
	if err != nil {
		return err
	}
	if _, err := s.Issuer.Report(c.Request().Context(), r, c.FormValue("text")); err != nil {
		return s.waiting(problems(err, ""))
	}
	return c.Redirect(http.StatusSeeOther, learnerPath(r)+"?report=kept#report")
}

// postAnswers takes what a learner says of the course, for its sums.
func (s *server) postAnswers(c echo.Context) error {
	r, err := s.byOwner(c)
	if err != nil {
		return err
	}
	hours, _ := strconv.Atoi(strings.TrimSpace(c.FormValue("hours"))) // none is no answer
	useful, _ := strconv.Atoi(c.FormValue("useful"))
	if err := s.Issuer.Answer(c.Request().Context(), r, hours, useful); err != nil {
		return problems(err, "")
	}
	return c.Redirect(http.StatusSeeOther, learnerPath(r)+"#answers")
}

// answersView is what the API says of the answers to a course.
type answersView struct {
	Least  int      `json:"least"` // a question that fewer have answered is left out
	Hours  *sumView `json:"hours,omitempty"`
	Useful []int    `json:"useful,omitempty"` // how many said 1 to 5
}

type sumView struct {
	Answers int `json:"answers"`
	Mean    int `json:"mean"` // rounded
}

func (s *server) getAnswers(c echo.Context) error {
	sums, err := s.Issuer.Answers(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	v := answersView{Least: issuer.LeastAnswers}
	if n := sums.OfHours; n > 0 {
		v.Hours = &sumView{n, (2*sums.Hours + n) / (2 * n)}
	}
	if sums.OfUseful > 0 {
		v.Useful = sums.Useful[:]
	}
	return writeJSON(c, http.StatusOK, v)
}

// reportView is a report as the API shows it.
type reportView struct {
	issuer.LearnerReport
	Number string `json:"certificate_number,omitempty"`
}

func (s *server) getReports(c echo.Context) error {
	web.NoStore(c)
	ctx := c.Request().Context()
	list, err := s.Issuer.Reports(ctx, c.QueryParam("closed") == "true")
	if err != nil {
		return err
	}
	views := make([]reportView, len(list))
	for n, report := range list {
		views[n] = reportView{LearnerReport: report}
		if r, err := s.Store.Get(ctx, report.Record); err == nil {
			views[n].Number = r.Number
		}
	}
	return writeJSON(c, http.StatusOK, map[string]any{"reports": views})
}

func (s *server) postCloseReport(c echo.Context) error {
	var body struct {
		Answer string `json:"answer"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	report, err := s.Issuer.CloseReport(c.Request().Context(), c.Param("id"), body.Answer, actor(c))
	if err != nil {
		return notFound(problems(err, ""), "No such report")
	}
	return writeJSON(c, http.StatusOK, reportView{LearnerReport: report})
}
