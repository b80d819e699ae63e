package issuing

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// BatchView is a batch as the API shows it.
type BatchView struct {
	ID          string                  `json:"id"`
	State       issuer.BatchState       `json:"state"`
	Why         string                  `json:"why,omitempty"`   // it paused or was cancelled by itself
	Stuck       string                  `json:"stuck,omitempty"` // it cannot go on for now
	Courses     []batchCourse           `json:"courses"`
	File        string                  `json:"file,omitempty"`
	Defaults    map[string]string       `json:"defaults,omitempty"`
	NameCheck   *int                    `json:"name_check_days,omitempty"` // nil: as the course says
	By          string                  `json:"by"`
	Created     time.Time               `json:"created"`
	Started     time.Time               `json:"started,omitzero"`
	Ended       time.Time               `json:"ended,omitzero"`
	RowsRemoved time.Time               `json:"rows_removed,omitzero"`
	Rows        batchRows               `json:"rows"`
	LeaveOut    bool                    `json:"leave_out,omitempty"`
	Approval    string                  `json:"approval,omitempty"`
	PerSecond   float64                 `json:"rows_per_second,omitempty"`
	SecondsLeft int                     `json:"seconds_left,omitempty"`
	Problems    []ProblemView           `json:"problems,omitempty"`
	Warnings    []ProblemView           `json:"warnings,omitempty"`
	Encodings   []issuer.EncodingChoice `json:"encodings,omitempty"`
	Links       map[string]string       `json:"links"`
}

type batchCourse struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// batchRows counts the rows of a batch.
type batchRows struct {
	All          int `json:"all"`
	Checked      int `json:"checked"`
	Sound        int `json:"sound"`         // can be issued, or are still to be
	WithProblems int `json:"with_problems"` // cannot be issued
	IssuedBefore int `json:"issued_before"`
	Issued       int `json:"issued"`
	Failed       int `json:"failed"`
}

// ProblemView is one problem of a class list, by its cell.
type ProblemView struct {
	Row    int    `json:"row,omitempty"`
	Column string `json:"column,omitempty"` // header as written, or our name of the column
	Cell   string `json:"cell,omitempty"`
	Value  string `json:"value,omitempty"` // shortened
	Rule   string `json:"rule"`
	Detail string `json:"detail"` // in the language that was asked for, if there is a text of the rule
	lang   string // of Detail
}

// Lang is the language of the detail.
func (v ProblemView) Lang() string { return v.lang }

// problemViews are problems of a class list for a reader of a language.
func (s *server) problemViews(lang string, list []issuer.Problem) (views []ProblemView) {
	for _, p := range list {
		v := ProblemView{Row: p.Row, Column: p.Column, Cell: p.Cell, Value: p.Value, Rule: p.Rule, Detail: p.Want, lang: "en"}
		if text := s.ruleText(lang, p); text != "" {
			v.Detail, v.lang = text, lang
		}
		if v.Column == "" {
			v.Column = p.Field
		}
		views = append(views, v)
	}
	return views
}

// shownProblems is how many problems of a batch an answer has; its results have
// one of each row.
const shownProblems = 100

func (s *server) batchView(c echo.Context, b issuer.Batch) BatchView {
	n := b.Counts
	base := "/api/v1/batches/" + b.ID
	v := BatchView{ID: b.ID, State: b.State, Why: b.Why, Stuck: s.Batches.Stuck(b.ID), File: b.Name, Defaults: b.Defaults, NameCheck: b.NameCheck, By: b.By, Created: b.Created, Started: b.Started, Ended: b.Ended,
		RowsRemoved: b.Removed, LeaveOut: b.LeaveOut, Approval: b.Approval, PerSecond: float64(int(10*b.Rate())) / 10, SecondsLeft: int(b.Left().Seconds()), Encodings: b.Choices,
		Rows:  batchRows{n.Rows, n.Checked, n.Sound, n.Bad, n.Known, n.Issued, n.Failed},
		Links: map[string]string{"self": base, "results": base + "/results", "results_csv": base + "/results.csv", "previews": base + "/previews"}}
	for _, k := range b.Courses {
		v.Courses = append(v.Courses, batchCourse{k.ID, k.Version})
	}
	if b.Link != "" && hasRole(c, Registrar) { // whoever has its page can start it
		v.Links["page"] = s.batchPage(b)
	}
	return v
}

func (s *server) batchPage(b issuer.Batch) string { return s.Institution.PublicBase + "/b/" + b.Link }

// answerBatch answers with a batch and what is wrong with its rows.
func (s *server) answerBatch(c echo.Context, status int, b issuer.Batch) error {
	v := s.batchView(c, b)
	blocking, warnings, err := s.Batches.Problems(c.Request().Context(), b, shownProblems)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	v.Problems, v.Warnings = s.problemViews(lang, blocking), s.problemViews(lang, append(b.Warnings, warnings...))
	if status == http.StatusCreated || status == http.StatusAccepted {
		c.Response().Header().Set("Location", v.Links["self"])
	}
	return writeJSON(c, status, v)
}

var errNoBatch = &web.Problem{Status: http.StatusNotFound, Title: "No such batch"}

// batch finds the batch that the path names.
func (s *server) batch(c echo.Context) (issuer.Batch, error) {
	b, err := s.Batches.Get(c.Request().Context(), c.Param("batch"))
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid) {
		err = errNoBatch
	}
	return b, err
}

// postBatch makes a batch of the class list in the body, or one that waits for
// its list where there is no body.
func (s *server) postBatch(c echo.Context) error {
	u, err := upload(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	var b issuer.Batch
	if len(u.Data) == 0 {
		b, err = s.Batches.Open(ctx, c.Param("id"), version(c))
	} else {
		b, err = s.Batches.Put(ctx, c.Param("id"), version(c), u)
	}
	if errors.Is(err, store.ErrNotFound) {
		return errNoCourse
	}
	if err != nil {
		return listProblems(err)
	}
	if b, err = s.checked(ctx, b); err != nil {
		return err
	}
	return s.answerBatch(c, http.StatusCreated, b)
}

// postList gives a batch that was not started its list, or another one.
func (s *server) postList(c echo.Context) error {
	u, err := upload(c)
	if err != nil {
		return err
	}
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	if b, err = s.Batches.Upload(c.Request().Context(), b.ID, u); err != nil {
		return listProblems(err)
	}
	if b, err = s.checked(c.Request().Context(), b); err != nil {
		return err
	}
	return s.answerBatch(c, http.StatusOK, b)
}

// upload reads a class list out of a request of the API.
func upload(c echo.Context) (issuer.Upload, error) {
	data, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return issuer.Upload{}, err
	}
	u := issuer.Upload{Name: "list", Data: data}
	u.Defaults = map[string]string{}
	for name, values := range c.QueryParams() {
		switch name {
		case "file":
			u.Name = values[0]
		case "encoding":
			u.Encoding = values[0]
		case "name_check_days":
			if u.NameCheck, err = daysOf(values[0]); err != nil {
				return issuer.Upload{}, err
			}
		default:
			u.Defaults[name] = values[0]
		}
	}
	return u, nil
}

// daysOf reads for how many days learners look at their names; "" is as the course says.
func daysOf(text string) (*int, error) {
	if text == "" {
		return nil, nil
	}
	days, err := strconv.Atoi(text)
	if err != nil {
		return nil, &web.Problem{Status: http.StatusUnprocessableEntity, Title: "Not a number of days", Detail: "name_check_days is a whole number"}
	}
	return &days, nil
}

// checkWait is for how long an answer waits until a batch is checked: that of a
// class is at once.
const checkWait = 3 * time.Second

func (s *server) checked(ctx context.Context, b issuer.Batch) (issuer.Batch, error) {
	for end := time.Now().Add(checkWait); b.State == issuer.BatchChecking && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return b, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		var err error
		if b, err = s.Batches.Get(ctx, b.ID); err != nil {
			return b, err
		}
	}
	return b, nil
}

// listProblems turns what is wrong with a class list into the fields of one
// answer, by row and column.
func listProblems(err error) error {
	found, ok := errors.AsType[*issuer.Problems](err)
	if !ok {
		return err
	}
	p := &web.Problem{Status: http.StatusUnprocessableEntity, Title: "The list cannot be read", Detail: "nothing was recorded", Err: err}
	for _, one := range found.List {
		if !one.Warn && len(p.Fields) < shownProblems {
			p.Fields = append(p.Fields, fieldOf(one, web.Field{Row: one.Row, Column: one.Column}))
		}
	}
	return p
}

func (s *server) getBatches(c echo.Context) error {
	list, err := s.Batches.List(c.Request().Context(), 100)
	if err != nil {
		return err
	}
	views := []BatchView{}
	for _, b := range list {
		views = append(views, s.batchView(c, b))
	}
	return writeJSON(c, http.StatusOK, map[string]any{"batches": views})
}

func (s *server) getBatch(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	return s.answerBatch(c, http.StatusOK, b)
}

// batchStep is what a registrar does with a batch, by the last part of the address.
type batchStep struct {
	do   func(b *issuer.Batches, ctx context.Context, id string, how stepOptions) (issuer.Batch, error)
	body bool // it has options
}

type stepOptions struct {
	LeaveOut bool   `json:"leave_out"`
	Encoding string `json:"encoding"`
}

var batchSteps = map[string]batchStep{
	"start": {func(b *issuer.Batches, ctx context.Context, id string, how stepOptions) (issuer.Batch, error) {
		return b.Start(ctx, id, how.LeaveOut)
	}, true},
	"encoding": {func(b *issuer.Batches, ctx context.Context, id string, how stepOptions) (issuer.Batch, error) {
		return b.Choose(ctx, id, how.Encoding)
	}, true},
	"pause": {func(b *issuer.Batches, ctx context.Context, id string, _ stepOptions) (issuer.Batch, error) {
		return b.Pause(ctx, id)
	}, false},
	"resume": {func(b *issuer.Batches, ctx context.Context, id string, _ stepOptions) (issuer.Batch, error) {
		return b.Resume(ctx, id)
	}, false},
	"cancel": {func(b *issuer.Batches, ctx context.Context, id string, _ stepOptions) (issuer.Batch, error) {
		return b.Cancel(ctx, id)
	}, false},
	"retry": {func(b *issuer.Batches, ctx context.Context, id string, _ stepOptions) (issuer.Batch, error) {
		return b.Retry(ctx, id)
	}, false},
}

func (s *server) postStep(name string) echo.HandlerFunc {
	step := batchSteps[name]
	return func(c echo.Context) error {
		var how stepOptions
		if step.body {
			if err := readOptions(c, &how); err != nil {
				return err
			}
		}
		b, err := s.batch(c)
		if err != nil {
			return err
		}
		if b, err = step.do(s.Batches, c.Request().Context(), b.ID, how); err != nil {
			return listProblems(err)
		}
		if b, err = s.checked(c.Request().Context(), b); err != nil {
			return err
		}
		return s.answerBatch(c, http.StatusOK, b)
	}
}

// readOptions reads a body that may be absent.
func readOptions(c echo.Context, into any) error {
	raw, err := io.ReadAll(c.Request().Body)
	if err != nil || len(raw) == 0 {
		return err
	}
	c.Request().Body = io.NopCloser(bytes.NewReader(raw))
	return readJSON(c, into)
}

// resultView is what became of a row. It names nobody but by the learner's own
// page, for those who may see it.
type resultView struct {
	Row    int             `json:"row"`
	State  issuer.RowState `json:"state"`
	Number string          `json:"number,omitempty"`
	ID     string          `json:"id,omitempty"`
	Rule   string          `json:"rule,omitempty"`
	Column string          `json:"column,omitempty"`
	Detail string          `json:"detail,omitempty"`
	Page   string          `json:"page,omitempty"`
}

func (s *server) resultView(ctx context.Context, r issuer.Result, links bool) (resultView, error) {
	v := resultView{Row: r.Row, State: r.State, Number: r.Number, ID: r.ID, Rule: r.Rule, Column: r.Column, Detail: r.Error}
	if links && r.ID != "" {
		record, err := s.Store.Get(ctx, r.ID)
		if err != nil {
			return v, err
		}
		if record.Link != "" {
			v.Page = s.Issuer.LearnerURL(record)
		}
	}
	return v, nil
}

// withLinks reports whether the learners' pages are asked for; only a registrar
// may have them.
func withLinks(c echo.Context) (bool, error) {
	if c.QueryParam("links") != "true" {
		return false, nil
	}
	if !hasRole(c, Registrar) {
		return false, &web.Problem{Status: http.StatusForbidden, Title: "The learners' pages are for registrars"}
	}
	return true, nil
}

// getResults lists results, so many at a time.
func (s *server) getResults(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	links, err := withLinks(c)
	if err != nil {
		return err
	}
	after, most := 0, 1000
	for name, to := range map[string]*int{"after": &after, "limit": &most} {
		if text := c.QueryParam(name); text != "" {
			if *to, err = strconv.Atoi(text); err != nil || *to < 0 || *to > 10_000_000 {
				return &web.Problem{Status: http.StatusBadRequest, Title: unexpectedQuery, Fields: []web.Field{{Pointer: "/" + name, Detail: "expected a whole number"}}}
			}
		}
	}
	most = min(max(most, 1), 1000)
	answer := struct {
		Results []resultView `json:"results"`
		Next    int          `json:"next,omitempty"` // to be given as after, where there are more
	}{Results: []resultView{}}
	for r, err := range s.Batches.Results(c.Request().Context(), b, after) {
		if err != nil {
			return err
		}
		if len(answer.Results) == most {
			answer.Next = answer.Results[most-1].Row
			break
		}
		v, err := s.resultView(c.Request().Context(), r, links)
		if err != nil {
			return err
		}
		answer.Results = append(answer.Results, v)
	}
	return writeJSON(c, http.StatusOK, answer)
}

func (s *server) getResultsCSV(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	links, err := withLinks(c)
	if err != nil {
		return err
	}
	return s.writeResults(c, b, links, "")
}

// resultWords are the columns of the CSV of results, as programs read them, with the ids of
// the texts that head them where people do; stateWords are those of the states.
var (
	resultWords = [][2]string{{"row", "batch.result.row"}, {"state", "desk.record.state"}, {"number", "desk.record.number"}, {"id", "batch.result.id"},
		{"rule", "batch.result.rule"}, {"column", "batch.column"}, {"detail", "batch.wanted"}, {"page", "batch.result.page"}}
	stateWords = map[issuer.RowState]string{issuer.RowSound: "batch.sound", issuer.RowProblem: "batch.bad", issuer.RowIssued: "batch.issued", issuer.RowKnown: "batch.known", issuer.RowFailed: "batch.failed"}
)

// writeResults writes the results of a batch as a CSV that a spreadsheet may
// open: no cell of it is taken for a formula. Where it is downloaded from a page, lang is
// the language of the page; "" is for programs.
func (s *server) writeResults(c echo.Context, b issuer.Batch, links bool, lang string) error {
	h := c.Response().Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="batch-`+b.ID+`.csv"`)
	if c.QueryParam("bom") == "true" {
		if _, err := io.WriteString(c.Response(), "\ufeff"); err != nil {
			return err
		}
	}
	write := func(cells ...string) error {
		for i := range cells {
			cells[i] = issuer.AsCSV(cells[i])
		}
		_, err := io.WriteString(c.Response(), strings.Join(cells, ",")+"\r\n")
		return err
	}
	var head []string
	for _, column := range resultWords {
		if lang == "" {
			head = append(head, column[0])
		} else {
			head = append(head, s.kit.T(lang, column[1], nil))
		}
	}
	if !links {
		head = head[:len(head)-1]
	}
	if err := write(head...); err != nil {
		return err
	}
	for r, err := range s.Batches.Results(c.Request().Context(), b, 0) {
		if err != nil {
			return err
		}
		v, err := s.resultView(c.Request().Context(), r, links)
		if err != nil {
			return err
		}
		state := string(v.State)
		if lang != "" {
			state = s.kit.T(lang, stateWords[v.State], nil)
			v.Detail = cmp.Or(s.ruleText(lang, issuer.Problem{Rule: v.Rule}), v.Detail)
		}
		cells := []string{strconv.Itoa(v.Row), state, v.Number, v.ID, v.Rule, v.Column, v.Detail}
		if links {
			cells = append(cells, v.Page)
		}
		if err := write(cells...); err != nil {
			return err
		}
	}
	return nil
}

// previewView is a row as its credential will read.
type previewView struct {
	Row        int           `json:"row"`
	Specimen   bool          `json:"specimen"` // always: nothing of it is sealed
	Supplement []elementView `json:"supplement"`
}

func (s *server) getPreviews(c echo.Context) error {
	b, err := s.batch(c)
	if err != nil {
		return err
	}
	previews, err := s.Batches.Previews(c.Request().Context(), b)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	views := []previewView{}
	for _, p := range previews {
		views = append(views, previewView{p.Row, true, elementViews(elm.Supplement(p.Credential, lang))})
	}
	return writeJSON(c, http.StatusOK, map[string]any{"previews": views})
}
