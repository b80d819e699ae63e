package issuing

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
)

// Letters that did not arrive, at the desk: which of them can be sent again, of a course,
// of a class list or all, and how many they are, then all of them in one step.

const (
	lettersPath      = "/desk/letters"
	lettersPreviewed = 50 // on the page before they are sent again
)

// lettersData is the page.
type lettersData struct {
	Desk             *desk
	Of               issuer.Undelivered
	Courses, Batches []option
	Lines            []issuer.LetterTrouble
	Count            int // of those that can be sent again
	More             int // that are not listed
	Note             string
	Mailing          bool
	Text             string // id of a text of what is wrong
}

// lettersData is the page with what is asked for. All that did not arrive is looked
// through, so that the courses and class lists are those in which there is one.
func (s *server) lettersData(c echo.Context) (lettersData, error) {
	ctx, lang := c.Request().Context(), s.kit.Lang(c)
	data := lettersData{Desk: s.desk(c, ""), Of: issuer.Undelivered{Course: strings.TrimSpace(c.FormValue("course")), Batch: strings.TrimSpace(c.FormValue("batch"))},
		Note: strings.TrimSpace(c.FormValue("reason")), Mailing: s.Issuer.Mailing()}
	all, err := s.Issuer.Undelivered(ctx, issuer.Undelivered{})
	if err != nil {
		return data, err
	}
	offers, err := s.catalogue.Offers(ctx)
	if err != nil {
		return data, err
	}
	titles := map[string]option{}
	for _, o := range issuer.Current(offers) {
		title := o.Content.Title.In(lang)
		titles[o.ID] = option{Label: title.Text, Lang: title.Lang}
	}
	courses, batches := map[string]int{}, map[string]int{}
	for _, l := range all {
		courses[l.Course]++
		batches[l.Batch]++
		if data.Of.Course != "" && data.Of.Course != l.Course || data.Of.Batch != "" && data.Of.Batch != l.Batch {
			continue
		}
		if data.Count++; len(data.Lines) < lettersPreviewed {
			data.Lines = append(data.Lines, l)
		}
	}
	data.More = data.Count - len(data.Lines)
	for id, n := range courses {
		data.Courses = append(data.Courses, option{id, cmp.Or(titles[id].Label, id) + ": " + strconv.Itoa(n), id == data.Of.Course, titles[id].Lang})
	}
	delete(batches, "") // issued one by one
	for id, n := range batches {
		name := id
		if b, err := s.Batches.Get(ctx, id); err == nil {
			name = strings.TrimSpace(b.Name + " " + id)
		}
		data.Batches = append(data.Batches, option{id, name + ": " + strconv.Itoa(n), id == data.Of.Batch, ""})
	}
	for _, list := range [][]option{data.Courses, data.Batches} {
		slices.SortFunc(list, func(a, b option) int {
			return cmp.Or(strings.Compare(a.Label, b.Label), strings.Compare(a.Value, b.Value))
		})
	}
	return data, nil
}

func (s *server) getDeskLetters(c echo.Context) error {
	data, err := s.lettersData(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "letters", data)
}

// postDeskLetters sends them again, where they are as many as were seen.
func (s *server) postDeskLetters(c echo.Context) error {
	ctx := c.Request().Context()
	data, err := s.lettersData(c)
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(c.FormValue("count"))
	if err == nil && count > 0 {
		_, err = s.Issuer.SendAllAgain(ctx, data.Of, count, actor(c), data.Note)
	} else {
		err = issuer.ErrBulkCount
	}
	if errors.Is(err, issuer.ErrBulkCount) { // one came back meanwhile, or somebody else has sent some
		data.Text = "desk.letters.count.wrong"
		return s.show(c, http.StatusConflict, "letters", data)
	}
	if err != nil {
		return problems(err, "")
	}
	return s.redirect(c, lettersPath, "done", "letters")
}
