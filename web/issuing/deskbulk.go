package issuing

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// Changes of many credentials at the desk: what is meant, how many and who they are,
// the number typed in by hand, then how far it is. The API and the command line do the
// same.

const (
	bulkPath      = "/desk/bulk"
	bulkPreviewed = 50  // names on the page before anything is changed
	bulkListed    = 100 // changes, and class lists to choose from
	bulkRefresh   = 3   // seconds
)

// bulkActions are those of the page; to put new credentials in place of those that a key
// has sealed has a page of its own, below the keys.
var bulkActions = []struct {
	Action issuer.BulkAction
	to     store.State
}{{issuer.BulkSuspend, store.Suspended}, {issuer.BulkReinstate, store.Issued}, {issuer.BulkRevoke, store.Revoked}}

// bulkChoice is an action with the reasons that there are for it.
type bulkChoice struct {
	Action issuer.BulkAction
	Codes  []option // the value is the action and the code
}

// bulkData is the page on which a change of many is asked for.
type bulkData struct {
	Desk                   *desk
	Choices                []bulkChoice
	Courses, Batches, Keys []option
	What, Reason           string
	Since, Until           string // days
	All                    []issuer.Bulk
	countedBulk
}

// countedBulk is a change of many, counted before it begins.
type countedBulk struct {
	Asked  bool // it was counted
	Bulk   issuer.Bulk
	Count  issuer.BulkCount
	Lines  []recordLine
	More   int // that are not listed
	Failed []fault
	Text   string // id of a text of what is wrong
}

// bulkData is the page with what the form says, if it says something.
func (s *server) bulkData(c echo.Context) (bulkData, error) {
	ctx, lang, form := c.Request().Context(), s.kit.Lang(c), func(name string) string { return strings.TrimSpace(c.FormValue(name)) }
	data := bulkData{Desk: s.desk(c, "bulk"), What: form("what"), Reason: form("reason"), Since: form("since"), Until: form("until")}
	for _, a := range bulkActions {
		choice := bulkChoice{Action: a.Action}
		for _, code := range issuer.ReasonCodes(a.to) {
			what := string(a.Action) + " " + code
			choice.Codes = append(choice.Codes, option{what, s.kit.T(lang, "desk.code."+code, nil), what == data.What, ""})
		}
		data.Choices = append(data.Choices, choice)
	}
	offers, err := s.catalogue.Offers(ctx)
	if err != nil {
		return data, err
	}
	course, last := form("course"), ""
	for _, o := range offers {
		title := o.Content.Title.In(lang)
		if o.ID != last {
			data.Courses = append(data.Courses, option{o.ID, title.Text, o.ID == course, title.Lang})
			last = o.ID
		}
		of := o.ID + " " + o.Version
		data.Courses = append(data.Courses, option{of, title.Text + " · " + o.Version, of == course, title.Lang})
	}
	batches, err := s.Batches.List(ctx, bulkListed)
	if err != nil {
		return data, err
	}
	for _, b := range batches {
		data.Batches = append(data.Batches, option{b.ID, strings.TrimSpace(b.Name + " " + b.ID), b.ID == form("batch"), ""})
	}
	for _, e := range s.Issuer.Publication().Keys {
		data.Keys = append(data.Keys, option{e.Public.ID, e.Public.ID, e.Public.ID == form("key"), ""})
	}
	if data.All, err = s.Issuer.Bulks(ctx); err != nil {
		return data, err
	}
	slices.Reverse(data.All) // the newest first
	data.All = data.All[:min(len(data.All), bulkListed)]

	action, code, _ := strings.Cut(data.What, " ")
	data.Bulk = issuer.Bulk{Action: issuer.BulkAction(action), Code: code, Reason: data.Reason, By: actor(c), Select: issuer.Selection{Batch: form("batch"), Key: form("key")}}
	data.Bulk.Select.Course, data.Bulk.Select.Version, _ = strings.Cut(course, " ")
	for _, day := range []struct {
		text string
		at   *time.Time
		add  time.Duration
	}{{data.Since, &data.Bulk.Select.Since, 0}, {data.Until, &data.Bulk.Select.Until, 24*time.Hour - time.Nanosecond}} { // the whole of the last day
		if day.text == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, day.text)
		if err != nil {
			data.Text = "desk.bulk.day"
			continue
		}
		*day.at = at.Add(day.add)
	}
	return data, nil
}

func (s *server) getDeskBulk(c echo.Context) error {
	data, err := s.bulkData(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "bulk", data)
}

// postDeskBulk counts and lists who is meant, or, with the number typed in, has it done.
func (s *server) postDeskBulk(c echo.Context) error {
	data, err := s.bulkData(c)
	if err != nil {
		return err
	}
	if data.Text != "" {
		return s.show(c, http.StatusUnprocessableEntity, "bulk", data)
	}
	if !slices.ContainsFunc(data.Choices, func(one bulkChoice) bool { return one.Action == data.Bulk.Action }) {
		data.Text = "desk.bulk.what.missing"
		return s.show(c, http.StatusUnprocessableEntity, "bulk", data)
	}
	return s.countOrStart(c, "bulk", &data, &data.countedBulk)
}

// countOrStart counts and lists who is meant, or, with the number typed in, has it done:
// how far it is stands where all changes of many do. data is that of the page, with counted
// in it.
func (s *server) countOrStart(c echo.Context, page string, data any, counted *countedBulk) error {
	ctx := c.Request().Context()
	refused := func(err error) error {
		if found, ok := errors.AsType[*issuer.Problems](err); ok {
			counted.Failed = s.faults(s.kit.Lang(c), found.List, false)
			return s.show(c, http.StatusUnprocessableEntity, page, data)
		}
		return err
	}
	count, first, err := s.Issuer.PreviewBulk(ctx, counted.Bulk, bulkPreviewed)
	if err != nil {
		return refused(err)
	}
	counted.Asked, counted.Count, counted.More = true, count, count.Found-len(first)
	if counted.Lines, err = s.recordLines(ctx, s.kit.Lang(c), first...); err != nil {
		return err
	}
	if c.FormValue("step") != "start" {
		return s.show(c, http.StatusOK, page, data)
	}
	typed, err := strconv.Atoi(strings.TrimSpace(c.FormValue("count")))
	if err != nil || typed != count.Found || typed == 0 {
		counted.Text = "desk.bulk.count.wrong"
		return s.show(c, http.StatusUnprocessableEntity, page, data)
	}
	b, err := s.Issuer.StartBulk(ctx, counted.Bulk, typed)
	if errors.Is(err, issuer.ErrBulkCount) { // something was issued or changed meanwhile
		counted.Text = "desk.bulk.count.wrong"
		return s.show(c, http.StatusConflict, page, data)
	}
	if err != nil {
		return refused(err)
	}
	return s.redirect(c, bulkPath+"/"+b.ID)
}

// getDeskBulkOne shows how far a change is; while it runs the page looks again by itself.
func (s *server) getDeskBulkOne(c echo.Context) error {
	b, err := s.Issuer.Bulk(c.Request().Context(), c.Param("id"))
	if err != nil {
		return notFound(err, noBulk)
	}
	data := struct {
		Desk   *desk
		Bulk   issuer.Bulk
		Worked int
		Every  int // seconds after which the page looks again; 0: it does not
	}{s.desk(c, "bulk"), b, b.Done + b.Skipped + b.Failed, 0}
	page := web.Page{NoStore: true, Scripts: []string{stay}}
	if b.State == issuer.BulkRunning {
		data.Every, page.Scripts = bulkRefresh, []string{"live.js"} // which keeps a session too
	}
	page.Data = data
	return s.kit.Render(c, http.StatusOK, "bulkone", page)
}

func (s *server) postDeskBulkOne(c echo.Context) error {
	move := map[string]func() (issuer.Bulk, error){
		"stop":     func() (issuer.Bulk, error) { return s.Issuer.StopBulk(c.Request().Context(), c.Param("id")) },
		"continue": func() (issuer.Bulk, error) { return s.Issuer.ContinueBulk(c.Request().Context(), c.Param("id")) },
	}[c.Param("step")]
	if move == nil {
		return echo.ErrNotFound
	}
	b, err := move()
	if err != nil {
		return notFound(err, noBulk)
	}
	return s.redirect(c, bulkPath+"/"+b.ID)
}
