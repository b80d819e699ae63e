package issuing

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
)

// Courses at the desk: the list, and a version.

// courseLine is a version of a course in the list.
type courseLine struct {
	issuer.Offer
	Path, Tone  string
	Title       elm.Value
	Issue, List string // paths on which it is awarded, "": not by this version
}

var offerTones = map[issuer.OfferState]string{issuer.Offered: "good", issuer.Upcoming: "", issuer.Ended: "", issuer.Withdrawn: "warn", issuer.Unpublished: "warn"}

// coursePath is the page of a version.
func coursePath(o issuer.Offer) string {
	return "/desk/courses/" + url.PathEscape(o.ID) + "/" + url.PathEscape(o.Version)
}

func (s *server) courseLine(c echo.Context, o issuer.Offer, current bool) courseLine {
	line := courseLine{Offer: o, Path: coursePath(o), Title: o.Content.Title.In(s.kit.Lang(c)), Tone: offerTones[o.State]}
	if current && hasRole(c, Registrar) {
		line.Issue, line.List = s.address(c, "/desk/issue", "course", o.ID), s.address(c, "/desk/batches", "course", o.ID)
	}
	return line
}

func (s *server) getDeskCourses(c echo.Context) error {
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	data := struct {
		Desk  *desk
		Lines []courseLine
	}{Desk: s.desk(c, "courses")}
	current := issuer.Current(offers)
	for _, o := range offers {
		data.Lines = append(data.Lines, s.courseLine(c, o, slices.ContainsFunc(current, func(n issuer.Offer) bool { return n.ID == o.ID && n.Version == o.Version })))
	}
	return s.show(c, http.StatusOK, "courses", data)
}

func (s *server) getDeskCourse(c echo.Context) error {
	o, err := s.offer(c, c.Param("id"), version(c))
	if err != nil {
		return err
	}
	sketch := s.Institution.Sketch(o.Content.File(), s.kit.Lang(c))
	data := struct {
		Desk   *desk
		Line   courseLine
		Edit   string // path of the form
		Gate   []issuer.GateElement
		Public string
		Data   struct { // for the kit's supplement
			Supplement []elm.Section
			Claim      bool
		}
	}{Desk: s.desk(c, "courses"), Line: s.courseLine(c, o, true), Edit: s.address(c, "/desk/courses/form", "course", o.ID, "version", o.Version), Gate: sketch.Gate}
	if !o.FirstPublished.IsZero() {
		data.Public = strings.TrimPrefix(o.Page, s.Institution.PublicBase)
	}
	data.Data.Supplement = sketch.Sections
	return s.show(c, http.StatusOK, "deskcourse", data)
}
