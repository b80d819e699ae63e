package issuing

import (
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// The API of the catalogue, for registrars. A course goes in and comes out as a
// course file; on what terms it is offered stands in the query.

// postCourse puts a version into the catalogue: 201 if it is new there, else 200.
func (s *server) postCourse(c echo.Context) error {
	raw, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	terms := issuer.Terms{From: c.QueryParam("from"), Until: c.QueryParam("until"), Published: true}
	switch c.QueryParam("published") {
	case "", "true":
	case "false":
		terms.Published = false
	default:
		return &web.Problem{Status: http.StatusUnprocessableEntity, Title: "Some of it is not right yet", Fields: []web.Field{{Pointer: "/published", Detail: `expected "true" or "false"`}}}
	}
	if err := s.keepsApproval(c, raw); err != nil {
		return err
	}
	o, added, warnings, err := s.catalogue.Put(c.Request().Context(), "course", raw, terms)
	if err != nil {
		return problems(err, "")
	}
	view := courseViewOf(o)
	for _, w := range warnings {
		view.Warnings = append(view.Warnings, web.Field{Pointer: w.Field, Detail: w.String()})
	}
	status := http.StatusOK
	if added {
		status = http.StatusCreated
		c.Response().Header().Set("Location", view.Links["file"])
	}
	return writeJSON(c, status, view)
}

// keepsApproval refuses a version that no longer asks for approval where the
// newest one does: who may not award alone may not do away with the rule alone.
func (s *server) keepsApproval(c echo.Context, raw []byte) error {
	if hasRole(c, Admin) {
		return nil
	}
	course, _, err := s.Institution.ParseCourse("course", raw)
	if err != nil {
		return nil // Put says what is wrong with it
	}
	newest, err := s.catalogue.Offer(c.Request().Context(), course.ID, "")
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case newest.Content.Approval && !course.Approval:
		return &web.Problem{Status: http.StatusForbidden, Title: "API key without the role for this", Detail: "only an admin puts a version that asks for no approval after one that does"}
	}
	return nil
}

// courseView is a version of a course as the API shows it.
type courseView struct {
	ID             string            `json:"id"`
	Version        string            `json:"version"`
	Title          issuer.Words      `json:"title"`
	State          issuer.OfferState `json:"state"`
	Published      bool              `json:"published"`
	Used           bool              `json:"used"` // a credential was awarded under it
	From           string            `json:"from,omitempty"`
	Until          string            `json:"until,omitempty"`
	Changed        time.Time         `json:"changed"`
	FirstPublished time.Time         `json:"first_published,omitzero"`
	SHA256         string            `json:"sha256"`
	Links          map[string]string `json:"links"`
	Warnings       []web.Field       `json:"warnings,omitempty"`
}

func courseViewOf(o issuer.Offer) courseView {
	v := courseView{ID: o.ID, Version: o.Version, Title: o.Content.Title, State: o.State, Published: o.Published, Used: o.Used, From: o.From, Until: o.Until,
		Changed: o.Changed, FirstPublished: o.FirstPublished, SHA256: hex.EncodeToString(o.SHA256[:]),
		Links: map[string]string{"file": "/api/v1/courses/" + o.ID + "/" + url.PathEscape(o.Version)}}
	if !o.FirstPublished.IsZero() {
		v.Links["page"] = o.Page
	}
	return v
}

func (s *server) getCourses(c echo.Context) error {
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	views := []courseView{}
	for _, o := range offers {
		views = append(views, courseViewOf(o))
	}
	return writeJSON(c, http.StatusOK, map[string]any{"courses": views})
}

// getCourse lists the versions of a course, the newest first.
func (s *server) getCourse(c echo.Context) error {
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	var views []courseView
	for _, o := range offers {
		if o.ID == c.Param("id") {
			views = append(views, courseViewOf(o))
		}
	}
	if views == nil {
		return errNoCourse
	}
	return writeJSON(c, http.StatusOK, map[string]any{"id": c.Param("id"), "versions": views})
}

// getCourseFile is one version as a course file.
func (s *server) getCourseFile(c echo.Context) error {
	o, err := s.offer(c, c.Param("id"), version(c))
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, o.Content.File())
}

// errNoCourse is what the catalogue says of a course that it does not have, or
// may not show.
var errNoCourse = &web.Problem{Status: http.StatusNotFound, Title: "No such course"}

// offer finds a version, published or not.
func (s *server) offer(c echo.Context, id, version string) (issuer.Offer, error) {
	o, err := s.catalogue.Offer(c.Request().Context(), id, version)
	if errors.Is(err, store.ErrNotFound) {
		err = errNoCourse
	}
	return o, err
}

// version is the version in the address. Echo leaves escapes in a parameter
// where the address has any that Go would not write itself.
func version(c echo.Context) string {
	raw := c.Param("version")
	if c.Request().URL.RawPath == "" || !strings.Contains(raw, "%") {
		return raw
	}
	if v, err := url.PathUnescape(raw); err == nil {
		return v
	}
	return raw
}

// courseOf is the course that a request to issue names: one of the catalogue, or
// the course itself.
func (s *server) courseOf(c echo.Context, req *issueRequest) (*issuer.Course, error) {
	refuse := func(pointer, detail string) error {
		return &web.Problem{Status: http.StatusUnprocessableEntity, Title: "Some of it is not right yet", Detail: "nothing was recorded", Fields: []web.Field{{Pointer: pointer, Detail: detail}}}
	}
	switch {
	case req.CourseID == "" && req.CourseVersion == "":
		course, _, err := s.Institution.ParseCourse("course", req.Course)
		return course, problems(err, "/course")
	case req.Course != nil:
		return nil, refuse("/course", "contradicts course_id: expected one of the two")
	case req.CourseID == "":
		return nil, refuse("/course_id", "is missing: expected the id of a course of the catalogue")
	case req.CourseVersion == "":
		// Not the newest one: the same request must mean the same tomorrow.
		return nil, refuse("/course_version", "is missing: expected the version to award")
	}
	o, err := s.offer(c, req.CourseID, req.CourseVersion)
	if errors.Is(err, errNoCourse) {
		return nil, refuse("/course_id", "the catalogue has no such version of such a course")
	}
	return o.Content, err
}
