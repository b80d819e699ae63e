package issuing

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// An import from a student system: drafts with ids of that system, in the columns
// of a class list.

// draftView is what became of one draft.
type draftView struct {
	Index      int         `json:"index"` // place in the request, from 0
	ExternalID string      `json:"external_id,omitempty"`
	Status     int         `json:"status"` // as of a request of its own: 201, 200 where it was issued before, 409, 422 ...
	Title      string      `json:"title,omitempty"`
	Detail     string      `json:"detail,omitempty"`
	Errors     []web.Field `json:"errors,omitempty"`
	Credential *RecordView `json:"credential,omitempty"`
}

// postDrafts issues drafts of another system: an array of objects, or one object a
// line. Each has an external_id, which makes it the same request for ever.
func (s *server) postDrafts(c echo.Context) error {
	texts, err := splitDrafts(c.Request().Body)
	if err != nil {
		return err
	}
	dry := c.QueryParam("dry_run") == "true"
	ctx := c.Request().Context()
	rows := make([]issuer.Row, len(texts))
	failed := make([]error, len(texts))
	seen := map[string]int{}
	reader := draftReader{s: s, client: clientName(c), courses: map[[2]string]*issuer.Course{}}
	for n, text := range texts {
		var id string
		rows[n].Draft, id, failed[n] = reader.read(ctx, text)
		rows[n].Draft.Row, rows[n].Draft.ExternalID = n+1, id
		if _, twice := seen[id]; twice && failed[n] == nil {
			failed[n] = &web.Problem{Status: http.StatusUnprocessableEntity, Title: notRight, Fields: []web.Field{{Pointer: "/external_id", Detail: "is there a second time: expected each once"}}}
		}
		seen[id] = n
		// What is no row's ends the request: all of it may be sent again.
		if failed[n] != nil && s.kit.Problem(problems(failed[n], "")).Status >= http.StatusInternalServerError {
			return failed[n]
		}
	}
	if len(texts) > s.DraftsAtOnce {
		for n, err := range failed {
			rows[n].Problems = draftProblems(rows[n].Draft.Row, err)
		}
		b, err := s.Batches.PutDrafts(ctx, rows, !dry)
		if err != nil {
			return listProblems(err)
		}
		return s.answerBatch(c, http.StatusAccepted, b)
	}

	views := make([]draftView, len(texts))
	var drafts []issuer.Draft
	var places []int
	var known []bool
	for n := range rows {
		views[n] = draftView{Index: n, ExternalID: rows[n].Draft.ExternalID}
		if failed[n] != nil {
			s.refuse(&views[n], failed[n])
			continue
		}
		if !dry {
			_, err := s.Store.Lookup(ctx, rows[n].Draft.RequestKey)
			drafts, places, known = append(drafts, rows[n].Draft), append(places, n), append(known, err == nil)
			continue
		}
		record, err := s.Issuer.Try(ctx, rows[n].Draft)
		switch {
		case err != nil:
			s.refuse(&views[n], s.explain(ctx, rows[n].Draft, err))
		case record != nil:
			s.answer(&views[n], http.StatusOK, *record)
		default:
			views[n].Status, views[n].Title = http.StatusOK, "Can be issued"
		}
	}
	done := 0
	for record, err := range s.Batches.IssueMany(ctx, drafts) {
		n := places[done]
		done++
		switch {
		case err == nil && known[done-1]:
			s.answer(&views[n], http.StatusOK, record)
		case errors.Is(err, issuer.ErrNeedsApproval):
			a, err := s.proposed(c, rows[n].Draft)
			if err != nil {
				s.refuse(&views[n], err)
				continue
			}
			views[n].Status, views[n].Title, views[n].Detail = http.StatusAccepted, "Waits for approval", approvalPath(a)
		case errors.Is(err, issuer.ErrNeedsNameCheck):
			check, err := s.askedName(c, rows[n].Draft)
			if err != nil {
				s.refuse(&views[n], err)
				continue
			}
			views[n].Status, views[n].Title, views[n].Detail = http.StatusAccepted, "Waits until the learner has looked at the name", nameCheckPath(check)
		case err != nil:
			s.refuse(&views[n], s.explain(ctx, rows[n].Draft, err))
		default:
			s.answer(&views[n], http.StatusCreated, record)
		}
	}
	return writeJSON(c, http.StatusOK, map[string]any{"drafts": views})
}

func (s *server) answer(v *draftView, status int, r store.Record) {
	view := s.recordView(r)
	v.Status, v.Credential = status, &view
}

// refuse says why a draft was not issued, as the answer to a request of its own would.
func (s *server) refuse(v *draftView, err error) {
	p := s.kit.Problem(problems(err, ""))
	v.Status, v.Title, v.Detail, v.Errors = p.Status, p.Title, p.Detail, p.Fields
}

// explain names what differs where a draft was issued before with other content.
func (s *server) explain(ctx context.Context, d issuer.Draft, err error) error {
	list, conflict := errors.AsType[*issuer.Problems](err)
	conflict = conflict && len(list.List) == 1 && list.List[0].Rule == "row-conflict" || errors.Is(err, store.ErrConflict)
	if !conflict {
		return err
	}
	record, found := s.Issuer.ByExternalID(ctx, d.ExternalID)
	if found != nil {
		return err
	}
	p := &web.Problem{Status: http.StatusConflict, Title: "The external id was used with other content", Detail: "it is " + record.Number + "; correct that credential", Err: err}
	for _, column := range issuer.Differences(record, d) {
		p.Fields = append(p.Fields, web.Field{Pointer: "/" + column, Detail: "is not what it was"})
	}
	return p
}

// draftProblems is what stands in the way of a draft, as of a row.
func draftProblems(row int, err error) (list []issuer.Problem) {
	if err == nil {
		return nil
	}
	if found, ok := errors.AsType[*issuer.Problems](err); ok {
		for _, p := range found.List {
			p.Row = row
			list = append(list, p)
		}
		return list
	}
	p, ok := errors.AsType[*web.Problem](err)
	if !ok || len(p.Fields) == 0 {
		return []issuer.Problem{{Row: row, Rule: "draft", Want: err.Error()}}
	}
	for _, f := range p.Fields {
		list = append(list, issuer.Problem{Row: row, Field: strings.TrimPrefix(f.Pointer, "/"), Rule: "draft", Want: f.Detail})
	}
	return list
}

const notRight = "Some of it is not right yet"

// splitDrafts takes a body apart: an array, or objects one after the other.
func splitDrafts(body io.Reader) (texts []jsontext.Value, err error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	bad := func(err error) error {
		p := &web.Problem{Status: http.StatusBadRequest, Title: unexpected, Detail: "expected an array of drafts, or one draft a line", Err: err}
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			p.Fields = []web.Field{{Pointer: string(syntax.JSONPointer), Detail: "not well-formed JSON, or a member twice"}}
		}
		return p
	}
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if d.PeekKind() == '[' {
		if err := json.UnmarshalDecode(d, &texts); err != nil {
			return nil, bad(err)
		}
		if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
			return nil, bad(err)
		}
	} else {
		for {
			text, err := d.ReadValue()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, bad(err)
			}
			texts = append(texts, bytes.Clone(text))
		}
	}
	if len(texts) == 0 {
		return nil, bad(nil)
	}
	return texts, nil
}

// draftReader reads the drafts of one request; a course is looked up once.
type draftReader struct {
	s       *server
	client  string
	courses map[[2]string]*issuer.Course
}

// read reads a draft and the id of the other system.
func (r *draftReader) read(ctx context.Context, text jsontext.Value) (d issuer.Draft, id string, err error) {
	refuse := func(pointer, detail string) error {
		return &web.Problem{Status: http.StatusUnprocessableEntity, Title: notRight, Detail: "nothing was recorded", Fields: []web.Field{{Pointer: pointer, Detail: detail}}}
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil {
		return issuer.Draft{}, "", refuse("", "is no object")
	}
	cells := map[string]string{}
	for name, value := range members {
		switch value.Kind() {
		case 'n': // not given
		case '0':
			cells[name] = string(value)
		case '"':
			var s string
			if err := json.Unmarshal(value, &s); err != nil {
				return issuer.Draft{}, "", refuse("/"+name, "is no text")
			}
			cells[name] = s
		default:
			return issuer.Draft{}, "", refuse("/"+name, "expected a text")
		}
	}
	id, course, version := cells["external_id"], cells["course_id"], cells["course_version"]
	for _, name := range []string{"external_id", "course_id", "course_version"} {
		delete(cells, name)
	}
	if !issuer.ValidExternalID(id) {
		return issuer.Draft{}, "", refuse("/external_id", "expected the id of the award in your system, at most 200 characters")
	}
	if course == "" {
		return issuer.Draft{}, id, refuse("/course_id", "is missing: expected the id of a course of the catalogue")
	}
	if version == "" {
		// The same request means the same tomorrow: where it was issued, the version that it was issued under.
		record, err := r.s.Issuer.ByExternalID(ctx, id)
		if err == nil && record.Course == course {
			version = record.CourseVersion
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return issuer.Draft{}, id, err
		}
	}
	content, err := r.course(ctx, course, version)
	if errors.Is(err, store.ErrNotFound) {
		return issuer.Draft{}, id, refuse("/course_id", "the catalogue has no such version of such a course")
	}
	if err != nil {
		return issuer.Draft{}, id, err
	}
	d, _, err = issuer.ReadDraft(content, cells)
	d.Course, d.RequestKey = content, issuer.ExternalKey(r.client, id)
	return d, id, err
}

func (r *draftReader) course(ctx context.Context, id, version string) (*issuer.Course, error) {
	key := [2]string{id, version}
	if c, ok := r.courses[key]; ok {
		return c, nil
	}
	o, err := r.s.Batches.Offer(ctx, id, version)
	if err != nil {
		return nil, err
	}
	r.courses[key] = o.Content
	return o.Content, nil
}
