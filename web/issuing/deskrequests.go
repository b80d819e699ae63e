package issuing

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// Erasures, recognitions, and what a reviewer of quality sees.

// erasureLine is a request to erase, on the page.
type erasureLine struct {
	issuer.ErasureRequest
	Records []recordLink
	Mine    bool
	Both    string // who could be both who asked and who is signed in
}

type recordLink struct{ Path, Number string }

func (s *server) getDeskErasures(c echo.Context) error {
	return s.showErasures(c, http.StatusOK, "")
}

func (s *server) showErasures(c echo.Context, status int, failed string) error {
	ctx := c.Request().Context()
	data := struct {
		Desk   *desk
		Lines  []erasureLine
		Failed string // id of a text
	}{Desk: s.desk(c, "erasures"), Failed: failed}
	for q, err := range s.Issuer.Erasures(ctx) {
		if err != nil {
			return err
		}
		line := erasureLine{ErasureRequest: q, Mine: q.AskedBy == actor(c)}
		if hasRole(c, Approver) && !line.Mine {
			err := s.Issuer.MayConfirm(ctx, q, actor(c))
			if person, ok := errors.AsType[*issuer.OnePersonError](err); ok {
				line.Both = person.Name
			} else if err != nil {
				return err
			}
		}
		for _, id := range q.Records[:min(len(q.Records), 20)] {
			link := recordLink{recordPath(id), id}
			if r, err := s.Store.Get(ctx, id); err == nil {
				link.Number = r.Number
			}
			line.Records = append(line.Records, link)
		}
		data.Lines = append(data.Lines, line)
	}
	return s.show(c, status, "erasures", data)
}

func (s *server) postDeskErasure(c echo.Context) error {
	ctx, id := c.Request().Context(), c.Param("id")
	var err error
	done := c.Param("decision")
	switch done {
	case "confirm":
		count, _ := strconv.Atoi(c.FormValue("count")) // another number is refused
		if c.FormValue("verification_ends") != "true" {
			return s.showErasures(c, http.StatusUnprocessableEntity, "desk.erasures.unsaid")
		}
		err = s.Issuer.ConfirmErasure(ctx, id, count, actor(c))
	case "refuse":
		reason := strings.TrimSpace(c.FormValue("reason"))
		if reason == "" {
			return s.showErasures(c, http.StatusUnprocessableEntity, "desk.reason.missing")
		}
		err = s.Issuer.RefuseErasure(ctx, id, reason, actor(c))
	default:
		return echo.ErrNotFound
	}
	if err != nil {
		return notFound(problems(err, ""), noErasure)
	}
	return s.redirect(c, "/desk/erasures", "done", "erasure-"+done)
}

// recognitionsOnPage is how many recognitions a page lists.
const recognitionsOnPage = 100

func (s *server) getDeskRecognitions(c echo.Context) error {
	data := struct {
		Desk     *desk
		Lines    []issuer.Recognition
		Next     string
		Verifier bool
	}{Desk: s.desk(c, "recognitions"), Verifier: s.Verifier != nil}
	for r, err := range s.Issuer.Recognitions(c.Request().Context(), c.QueryParam("after")) {
		if err != nil {
			return err
		}
		if n := len(data.Lines); n == recognitionsOnPage {
			data.Next = s.address(c, "/desk/recognitions", "after", data.Lines[n-1].ID)
			break
		}
		data.Lines = append(data.Lines, r)
	}
	return s.show(c, http.StatusOK, "recognitions", data)
}

// postDeskRecognitions has the verifier look at a file that a learner brought.
func (s *server) postDeskRecognitions(c echo.Context) error {
	if s.Verifier == nil {
		return &web.Problem{Status: http.StatusConflict, Title: "No verifier is configured"}
	}
	file, _, err := c.Request().FormFile("file")
	if err != nil {
		return &web.Problem{Status: http.StatusBadRequest, Title: "No file", Err: err}
	}
	defer file.Close()
	raw, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	r, err := s.Issuer.Recognise(ctx, raw, s.Verifier.Verify(ctx, raw), actor(c))
	if err != nil {
		return err
	}
	return s.redirect(c, "/desk/recognitions/"+r.ID)
}

// recognitionData is the page of one recognition, with the form of a decision.
type recognitionData struct {
	Desk    *desk
	R       issuer.Recognition
	Courses []option
	Form    url.Values
	Failed  []fault
	Text    string // id of what is wrong besides
	Last    int
	Systems []string
}

func (s *server) recognitionData(c echo.Context) (recognitionData, error) {
	r, err := s.Issuer.Recognition(c.Request().Context(), c.Param("id"))
	if err != nil {
		return recognitionData{}, notFound(err, noRecognition)
	}
	data := recognitionData{Desk: s.desk(c, "recognitions"), R: r, Form: c.Request().PostForm, Last: len(r.Decisions), Systems: []string{"ECTS", "CSVET", "CSPK", "ECVET", "SCQF"}}
	data.Courses, err = s.awardable(c)
	return data, err
}

func (s *server) getDeskRecognition(c echo.Context) error {
	data, err := s.recognitionData(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "recognition", data)
}

// postDeskRecognition enters a decision: outcomes of the source one a line, those that
// are refused with the reason of all of them.
func (s *server) postDeskRecognition(c echo.Context) error {
	data, err := s.recognitionData(c)
	if err != nil {
		return err
	}
	form := func(name string) string { return strings.TrimSpace(c.FormValue(name)) }
	d := issuer.Decision{Date: form("date"), Decided: form("decided_by"), Procedure: form("procedure"), Reason: form("reason"), Despite: form("despite"), Appeal: form("appeal"), Course: form("course")}
	for _, list := range []struct {
		field      string
		recognised bool
	}{{"recognised", true}, {"refused", false}} {
		for line := range strings.Lines(c.FormValue(list.field)) {
			if line = strings.TrimSpace(line); line != "" {
				o := issuer.OutcomeDecision{Source: line, Recognised: list.recognised}
				if !list.recognised {
					o.Reason = form("refused_reason")
				}
				d.Outcomes = append(d.Outcomes, o)
			}
		}
	}
	if form("points") != "" || form("points_recognised") != "" {
		d.Credits = append(d.Credits, issuer.CreditDecision{System: form("system"), Points: form("points"), Recognised: form("points_recognised"), Reason: form("points_reason")})
	}
	last, err := strconv.Atoi(form("after"))
	if err != nil {
		return &web.Problem{Status: http.StatusBadRequest, Title: "No form", Err: err}
	}
	_, err = s.Issuer.Decide(c.Request().Context(), data.R.ID, d, last, actor(c))
	if found, ok := errors.AsType[*issuer.Problems](err); ok {
		data.Failed = s.faults(s.kit.Lang(c), found.List, false)
		return s.show(c, http.StatusUnprocessableEntity, "recognition", data)
	}
	if err != nil {
		return err
	}
	return s.redirect(c, "/desk/recognitions/"+data.R.ID, "done", "decided")
}

// postDeskRecognitionErase asks for the erasure of one, which another person confirms.
func (s *server) postDeskRecognitionErase(c echo.Context) error {
	data, err := s.recognitionData(c)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(c.FormValue("reason"))
	if reason == "" {
		data.Text = "desk.reason.missing"
		return s.show(c, http.StatusUnprocessableEntity, "recognition", data)
	}
	if _, err := s.Issuer.AskErasure(c.Request().Context(), issuer.ErasureWish{Recognitions: []string{data.R.ID}, Reason: reason}, actor(c)); err != nil {
		return err
	}
	return s.redirect(c, "/desk/erasures", "done", "erase")
}

// fewest is how many people a number must stand for to be shown to who sees nobody.
const fewest = 5

// reviewKept is how long sums are kept before they are counted anew.
const reviewKept = 10 * time.Minute

// sums are what became of the awards of a version of a course, by state, and of those
// that were withdrawn, by reason.
type sums struct {
	Course, Version string
	Title           string
	All             int
	States, Reasons map[string]int
}

// review counts the register, at most once in a while.
type review struct {
	mu   sync.Mutex
	at   time.Time
	sums []sums
}

func (s *server) reviewed(c echo.Context) ([]sums, time.Time, error) {
	s.review.mu.Lock()
	defer s.review.mu.Unlock()
	now := web.Clock()
	if !s.review.at.IsZero() && now.Sub(s.review.at) < reviewKept && now.Sub(s.review.at) >= 0 {
		return s.review.sums, s.review.at, nil
	}
	type version struct{ course, version string }
	found := map[version]*sums{}
	for r, err := range s.Store.Records(c.Request().Context(), "") {
		if errors.Is(err, store.ErrDamaged) {
			continue // the daily inspection tells of it
		}
		if err != nil {
			return nil, now, err
		}
		if r.Course == "" || r.State == store.Reserved {
			continue
		}
		one := found[version{r.Course, r.CourseVersion}]
		if one == nil {
			one = &sums{Course: r.Course, Version: r.CourseVersion, States: map[string]int{}, Reasons: map[string]int{}}
			found[version{r.Course, r.CourseVersion}] = one
		}
		one.All++
		one.States[stateOf(r)]++
		if n := len(r.Changes); n > 0 && r.State != store.Issued {
			one.Reasons[r.Changes[n-1].Code]++
		}
	}
	s.review.sums, s.review.at = nil, now
	for _, one := range found {
		s.review.sums = append(s.review.sums, *one)
	}
	slices.SortFunc(s.review.sums, func(a, b sums) int {
		return strings.Compare(a.Course+"\x00"+a.Version, b.Course+"\x00"+b.Version)
	})
	return s.review.sums, now, nil
}

// count is a number as a reviewer sees it: hidden where it stands for few.
type count struct {
	Text   string // id of the text of what is counted
	Number int
	Hidden bool
}

func counted(text string, n int) count {
	return count{text, n, n < fewest && n > 0}
}

// reviewLine is one version of a course with its sums.
type reviewLine struct {
	Course, Version, Path string
	Title                 elm.Value
	All                   count
	States, Reasons       []count
}

// getDeskReview shows sums without a way to a person.
func (s *server) getDeskReview(c echo.Context) error {
	all, at, err := s.reviewed(c)
	if err != nil {
		return err
	}
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	data := struct {
		Desk    *desk
		At      time.Time
		Fewest  int
		Lines   []reviewLine
		Answers []answersLine
	}{Desk: s.desk(c, "review"), At: at, Fewest: fewest}
	lang := s.kit.Lang(c)
	for _, one := range all {
		line := reviewLine{Course: one.Course, Version: one.Version, Title: elm.Value{Text: one.Course}, All: counted("", one.All)}
		for _, o := range offers {
			if o.ID == one.Course && o.Version == one.Version {
				line.Title, line.Path = o.Content.Title.In(lang), coursePath(o)
			}
		}
		line.States = hide(one.States, "desk.state.")
		line.Reasons = hide(one.Reasons, "desk.code.")
		data.Lines = append(data.Lines, line)
	}
	if data.Answers, err = s.answersOf(c, offers); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "review", data)
}

// answersLine is what learners of a course have said of it, in sums.
type answersLine struct {
	Title          elm.Value
	Planned        string
	Hours, OfHours int    // the mean, and of how many
	Useful         string // the mean of 1 to 5, one decimal; "": too few
	OfUseful       int
}

// answersOf are the sums of courses that enough learners have answered about: of a
// question that fewer have, nothing is shown, not even how many.
func (s *server) answersOf(c echo.Context, offers []issuer.Offer) (list []answersLine, err error) {
	for _, o := range issuer.Current(offers) {
		sums, err := s.Issuer.Answers(c.Request().Context(), o.ID)
		if err != nil {
			return nil, err
		}
		if sums.OfHours == 0 && sums.OfUseful == 0 {
			continue
		}
		line := answersLine{Title: o.Content.Title.In(s.kit.Lang(c)), Planned: o.Content.Hours, OfHours: sums.OfHours, OfUseful: sums.OfUseful}
		if n := sums.OfHours; n > 0 {
			line.Hours = (2*sums.Hours + n) / (2 * n)
		}
		if n := sums.OfUseful; n > 0 {
			sum := 0
			for i, said := range sums.Useful {
				sum += (i + 1) * said
			}
			line.Useful = strconv.FormatFloat(float64(sum)/float64(n), 'f', 1, 64)
		}
		list = append(list, line)
	}
	return list, nil
}

// hide turns counts that add up into what may be shown of them: as many are hidden,
// the smallest first, as it takes that what is hidden stands for enough together and
// is not one number alone.
func hide(counts map[string]int, prefix string) (shown []count) {
	hidden, sum := 0, 0
	for name, n := range counts {
		if name == "" {
			name = issuer.CodeOther
		}
		one := counted(prefix+name, n)
		if one.Hidden {
			hidden, sum = hidden+1, sum+n
		}
		shown = append(shown, one)
	}
	slices.SortFunc(shown, func(a, b count) int {
		if a.Number != b.Number {
			return a.Number - b.Number
		}
		return strings.Compare(a.Text, b.Text)
	})
	for i := range shown {
		if one := &shown[i]; !one.Hidden && hidden > 0 && (hidden < 2 || sum < fewest) {
			one.Hidden = true
			hidden, sum = hidden+1, sum+one.Number
		}
	}
	slices.SortFunc(shown, func(a, b count) int { return strings.Compare(a.Text, b.Text) })
	return shown
}
