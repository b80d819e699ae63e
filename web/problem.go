package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// Problem is an RFC 9457 problem. Clients read what they can act on; Err goes to the log.
type Problem struct {
	Type   string // URN or path, "" means about:blank
	Title  string
	Status int
	Detail string
	Fields []Field // what is wrong where
	Err    error

	// Text is for people: the page shows the texts Text+".title" and
	// Text+".text" in their language. "" means the status's own.
	Text  string
	Retry int // seconds after which to try again; 0: not said
}

// Field is one place that is wrong.
type Field struct {
	Pointer string `json:"pointer,omitempty"`
	Row     int    `json:"row,omitempty"`
	Column  string `json:"column,omitempty"`
	Detail  string `json:"detail"`

	// Say, unless nil, is what the page says in its language, in place of Detail and
	// without the place; "": it has no words for it.
	Say func(k *Kit, lang string) string `json:"-"`
}

// saidField is a field as the page shows it.
type saidField struct {
	Field
	Said string // in the language of the page, "": Detail stands in English
}

func (k *Kit) saidFields(lang string, fields []Field) (list []saidField) {
	for _, f := range fields {
		said := saidField{Field: f}
		if f.Say != nil {
			said.Said = f.Say(k, lang)
		}
		list = append(list, said)
	}
	return list
}

func (p *Problem) Error() string {
	text := p.Title
	if text == "" {
		text = http.StatusText(p.Status)
	}
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	if p.Err != nil {
		text += ": " + p.Err.Error()
	}
	return text
}

func (p *Problem) Unwrap() error { return p.Err }

// refuses reports whether the server has decided not to do it now: a bound held, behind
// which there is no error, or something is stopped, as it says once where it stops, and
// says when to ask again.
func (p *Problem) refuses() bool {
	return p.Status == http.StatusServiceUnavailable && (p.Err == nil || p.Retry > 0)
}

// Statuses maps the errors of the packages below to problems: the one table of
// HTTP statuses. A server adds rows for what it serves.
type Statuses []Row

// Row says which problem an error is.
type Row struct {
	Is     error
	Status int
	Type   string
	Title  string
	Text   string // as Problem.Text
	Retry  int    // as Problem.Retry
}

// kitRows are the errors that no server has to know. Those of a request that is
// too large or of a route that does not exist come as other types and stand in
// problemOf.
func kitRows() Statuses {
	return Statuses{
		{Is: errCrossOrigin, Status: http.StatusForbidden, Title: "Request from another site"},
		{Is: context.DeadlineExceeded, Status: http.StatusServiceUnavailable, Title: "Took too long"},
		{Is: context.Canceled, Status: statusClientClosed, Title: "Client closed the request"},
	}
}

// statusClientClosed is what logs say of a client that went away; nobody reads it.
const statusClientClosed = 499

// Map adds rows to the kit's table. An error that no row knows is 500 and says
// nothing. Map is called while a server is being built, not later.
func (k *Kit) Map(rows ...Row) { k.rows = append(k.rows, rows...) }

// Problem is the problem that an error is, for those who answer with several.
func (k *Kit) Problem(err error) *Problem { return k.problemOf(err) }

// problemOf finds the problem that an error is.
func (k *Kit) problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if big, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Problem{Status: http.StatusRequestEntityTooLarge, Title: "Request too large",
			Detail: fmt.Sprintf("at most %d bytes are read", big.Limit), Err: err}
	}
	for _, row := range k.rows {
		if errors.Is(err, row.Is) {
			return &Problem{Type: row.Type, Title: row.Title, Status: row.Status, Text: row.Text, Retry: row.Retry, Detail: row.Is.Error(), Err: err}
		}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return &Problem{Status: e.Code, Title: http.StatusText(e.Code), Err: err}
	}
	return &Problem{Status: http.StatusInternalServerError, Err: err}
}

// answerError is echo's error handler: a problem as JSON for programs, as a page
// for people.
func (k *Kit) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p := k.problemOf(err)
	NoStore(c)
	if p.Retry > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(p.Retry))
	}
	var failed error
	switch {
	case c.Request().Method == http.MethodHead:
		failed = c.NoContent(p.Status)
	case wantsJSON(c):
		failed = writeProblem(c, p)
	default:
		text := p.Text
		if text == "" {
			text = "problem." + strconv.Itoa(p.Status)
		}
		if !k.HasText(text + ".title") {
			text = "problem.other"
			if p.Status >= 500 {
				text = "problem.500"
			}
		}
		failed = k.Render(c, p.Status, "problem", Page{NoStore: true, Data: struct {
			*Problem
			Fields        []saidField
			Text, Request string
		}{p, k.saidFields(k.Lang(c), p.Fields), text, RequestID(c)}})
	}
	if failed != nil {
		k.log.Error("writing a problem", "err", failed, "request", RequestID(c))
	}
}

// wantsJSON reports whether a program asks: the API, or whoever accepts JSON and
// not HTML.
func wantsJSON(c echo.Context) bool {
	r := c.Request()
	accept := r.Header.Get("Accept")
	return c.Get(programsKey) != nil || strings.HasPrefix(r.URL.Path, "/api/") ||
		strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

const programsKey = "for programs"

// ForPrograms is middleware for routes outside /api/ that only programs ask:
// problems are JSON there, whatever the request accepts.
func ForPrograms(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Set(programsKey, true)
		return next(c)
	}
}

func writeProblem(c echo.Context, p *Problem) error {
	body := struct {
		Type    string  `json:"type"`
		Title   string  `json:"title"`
		Status  int     `json:"status"`
		Detail  string  `json:"detail,omitempty"`
		Request string  `json:"request,omitempty"`
		Errors  []Field `json:"errors,omitempty"`
	}{p.Type, p.Title, p.Status, p.Detail, RequestID(c), p.Fields}
	if body.Type == "" {
		body.Type = "about:blank"
	}
	if body.Title == "" {
		body.Title = http.StatusText(p.Status)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.Blob(p.Status, "application/problem+json", raw)
}

// logged is the error as the log may have it: the address that was asked stands
// in errors of net/http, and addresses here carry ids of credentials.
func logged(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Op + ": " + u.Err.Error()
	}
	return err.Error()
}
