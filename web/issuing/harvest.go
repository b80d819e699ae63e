package issuing

import (
	"encoding/xml"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/web"
)

// What programs read of the catalogue: national registers, portals, feed readers.

// harvest is /catalogue.json. Its id and those of its entries never change.
type harvest struct {
	ID          string       `json:"id"`
	Institution institution  `json:"institution"`
	Courses     []harvestOne `json:"courses"`
}

type institution struct {
	ID             string            `json:"id"` // DID
	LegalName      map[string]string `json:"legal_name"`
	Country        string            `json:"country"`
	OrganizationID string            `json:"organization_id"`
	Provider       string            `json:"provider"`
	Homepage       string            `json:"homepage,omitempty"`
}

// harvestOne is one version of a course. A version that is no longer published
// stays, as withdrawn, so that whoever harvests changes learns of it.
type harvestOne struct {
	ID             string            `json:"id"`     // page of this version
	Course         string            `json:"course"` // page of the course
	CourseID       string            `json:"course_id"`
	Version        string            `json:"version"`
	State          issuer.OfferState `json:"state"`
	From           string            `json:"from,omitempty"`
	Until          string            `json:"until,omitempty"`
	Changed        time.Time         `json:"changed"`
	FirstPublished time.Time         `json:"first_published"`
	RegisterEntry  *registerEntry    `json:"registerEntry,omitempty"`
	Title          issuer.Words      `json:"title"`
	Description    issuer.Words      `json:"description,omitempty"`
	AwardingBody   issuer.Words      `json:"awarding_body"`
	AwardStatus    string            `json:"award_status"`
	AwardKind      string            `json:"award_kind"`
	EQF            int               `json:"eqf,omitzero"`
	NQF            string            `json:"nqf,omitempty"`
	Hours          string            `json:"hours"`
	Credits        []issuer.Credit   `json:"credits,omitempty"`
	Languages      []string          `json:"languages"`
	Fields         []string          `json:"fields,omitempty"`
	Mode           string            `json:"mode"`
	Forms          map[string]string `json:"forms"`
}

// registerEntry is the course's own entry in a national register, else that of
// the institution, under which a register files the course.
type registerEntry struct {
	Register string `json:"register"`
	Number   string `json:"number"`
	URL      string `json:"url,omitempty"` // of the institution where the entry is the institution's: that one is the register's to address
	Date     string `json:"date,omitempty"`
}

func (s *server) getCatalogueJSON(c echo.Context) error {
	since, err := sinceWhen(c.QueryParam("since"))
	if err != nil {
		return err
	}
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	inst := s.Institution
	doc := harvest{ID: inst.PublicBase + "/catalogue", Courses: []harvestOne{},
		Institution: institution{inst.DID, inst.LegalName, inst.Country, inst.OrganizationID, inst.Provider, inst.Homepage}}
	for _, o := range issuer.Public(offers) {
		if o.Since.Before(since) {
			continue
		}
		course := o.Content
		one := harvestOne{ID: o.Page, Course: s.catalogue.CoursePage(o.ID), CourseID: o.ID, Version: o.Version, State: o.State, From: o.From, Until: o.Until,
			Changed: o.Since, FirstPublished: o.FirstPublished, Title: course.Title, Description: course.Description, AwardingBody: inst.LegalName,
			AwardStatus: course.AwardStatus, AwardKind: course.AwardKind.Kind, Hours: course.Hours, Credits: course.Credits, Languages: course.Languages,
			Fields: course.Fields, Mode: course.Mode, Forms: map[string]string{}}
		// Without an entry of its own a course is filed under the institution's; one
		// that another body awards has none here.
		if r := course.RegisterEntry; r != nil {
			one.RegisterEntry = &registerEntry{r.Register, r.Number, r.URL, r.Date}
		} else if r := inst.Register; r.Number != "" && course.AwardingBody == nil {
			one.RegisterEntry = &registerEntry{r.Name, r.Number, inst.Homepage, r.From}
		}
		if course.AwardingBody != nil {
			one.AwardingBody = course.AwardingBody.LegalName
		}
		if course.Level != nil {
			one.EQF, one.NQF = course.Level.EQF, course.Level.NQF
		}
		for name, suffix := range map[string]string{"elm": ".jsonld", "schema_org": ".schema.json"} {
			one.Forms[name] = o.Page + suffix
		}
		doc.Courses = append(doc.Courses, one)
	}
	raw, err := json.Marshal(doc, jsontext.Multiline(true), json.Deterministic(true))
	if err != nil {
		return err
	}
	return public(c, echo.MIMEApplicationJSON, append(raw, '\n'), "public, max-age=300")
}

// sinceWhen reads a day or an instant (RFC 3339). Changes of the day itself count.
func sinceWhen(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &web.Problem{Status: http.StatusBadRequest, Title: "since is not a date", Detail: "expected YYYY-MM-DD, or an instant such as 2026-01-31T12:00:00Z"}
}

// feed is an Atom feed (RFC 4287).
type feed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []feedLink  `xml:"link"`
	Entries []feedEntry `xml:"entry"`
}

type feedLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type feedEntry struct {
	ID        string   `xml:"id"`
	Title     feedText `xml:"title"`
	Updated   string   `xml:"updated"`
	Published string   `xml:"published"`
	Link      feedLink `xml:"link"`
	Summary   feedText `xml:"summary"`
}

type feedText struct {
	Lang string `xml:"xml:lang,attr,omitempty"`
	Text string `xml:",chardata"`
}

// getFeed tells of every version that is offered or will be.
func (s *server) getFeed(c echo.Context) error {
	lang := s.kit.Lang(c)
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return err
	}
	page := s.Institution.PublicBase + "/catalogue"
	f := feed{Lang: lang, ID: page, Title: s.kit.T(lang, "catalogue.title", nil) + " · " + s.name(c), Author: s.name(c),
		Links: []feedLink{{"self", "application/atom+xml", page + "/feed.atom"}, {"alternate", "text/html", page}}}
	newest := time.Unix(0, 0).UTC()
	for _, o := range issuer.Public(offers) {
		if o.State != issuer.Offered && o.State != issuer.Upcoming {
			continue
		}
		if o.Since.After(newest) {
			newest = o.Since
		}
		title, lead := heading(o.Supplement(lang), &o)
		f.Entries = append(f.Entries, feedEntry{ID: o.Page, Title: feedText{title.Lang, title.Text}, Updated: o.Since.Format(time.RFC3339),
			Published: o.FirstPublished.Format(time.RFC3339), Link: feedLink{"alternate", "text/html", o.Page}, Summary: feedText{lead.Lang, lead.Text}})
	}
	f.Updated = newest.Format(time.RFC3339)
	raw, err := xml.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	c.Response().Header().Set("Vary", "Accept-Language")
	return public(c, "application/atom+xml; charset=utf-8", append([]byte(xml.Header), append(raw, '\n')...), "public, max-age=300")
}
