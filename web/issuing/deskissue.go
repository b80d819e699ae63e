package issuing

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/elm"
	"indeks/issuer"
)

// Issuing to one learner, and putting a new credential in place of one with a
// mistake: a form, then what it would say, then the credential.

// learnerField is one column of a class list as a field of a form.
type learnerField struct {
	Name, Type string
	Value      string
	Now        string // what a credential that is corrected says
	Empty      bool   // that is taken away
	Removable  bool   // it can be
	Needed     bool
	Failed     []fault
	Choices    []string // nil: anything
	Options    []option // those, as the page calls them
}

// issueColumns are the columns of a class list in the order of the form; those after
// the first moreColumns are seldom needed.
var issueColumns = []learnerField{
	{Name: "given_name", Type: "text", Needed: true}, {Name: "family_name", Type: "text", Needed: true}, {Name: "date_of_birth", Type: "date", Needed: true},
	{Name: "learner_id", Type: "text"}, {Name: "email", Type: "email"}, {Name: "grade", Type: "text"}, {Name: "awarding_date", Type: "date"}, {Name: "language", Type: "select"},
	{Name: "certificate_number", Type: "text"}, {Name: "id_verification", Type: "select", Choices: []string{"unsupervised", "supervised", "supervised-id", "unsupervised-id"}},
	{Name: "rpl", Type: "select", Choices: []string{"none", "part", "whole"}}, {Name: "rpl_outcomes", Type: "text"}, {Name: "rpl_evidence", Type: "text"}, {Name: "recognition", Type: "text"},
	{Name: "level_override", Type: "select", Choices: []string{"1", "2", "3", "4", "5", "6", "7", "8"}}, {Name: "override_reason", Type: "text"}, {Name: "override_by", Type: "text"},
	{Name: "assessment_date", Type: "date"}, {Name: "assessors", Type: "text"},
}

const moreColumns = 8

// issueData is the form, what is wrong with it, and what would be issued.
type issueData struct {
	Desk         *desk
	Courses      []option
	Course       *issuer.Course
	Title        elm.Value
	Fields, More []learnerField
	OpenMore     bool
	Request      string // makes it the same request however often it is sent
	Failed       []fault
	Warnings     []fault
	Known        string   // path of the record, where it was issued before
	Approval     bool     // another person decides
	Data         struct { // for the kit's supplement
		Supplement []elm.Section
		Claim      bool
	}
	Corrects *recordLine
	Codes    []string
	Code     string
	Reason   string
	NoReason bool
}

func (s *server) getDeskIssue(c echo.Context) error {
	if c.QueryParam("course") == "" {
		courses, err := s.awardable(c)
		if err != nil {
			return err
		}
		return s.show(c, http.StatusOK, "issue", issueData{Desk: s.desk(c, "issue"), Courses: courses})
	}
	data, err := s.issueForm(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "issue", data)
}

// awardable are the courses to choose from, by their current versions.
func (s *server) awardable(c echo.Context) (list []option, err error) {
	offers, err := s.catalogue.Offers(c.Request().Context())
	if err != nil {
		return nil, err
	}
	lang := s.kit.Lang(c)
	for _, o := range issuer.Current(offers) {
		title := o.Content.Title.In(lang)
		list = append(list, option{o.ID, title.Text + " (" + o.Version + ")", false, title.Lang})
	}
	return list, nil
}

// issueForm is the form with what was sent of it.
func (s *server) issueForm(c echo.Context) (issueData, error) {
	id, version := c.FormValue("course"), c.FormValue("version")
	offer, err := s.Batches.Offer(c.Request().Context(), id, version)
	if err != nil {
		return issueData{}, notFound(err, errNoCourse.Title)
	}
	data := issueData{Desk: s.desk(c, "issue"), Course: offer.Content, Title: offer.Content.Title.In(s.kit.Lang(c)), Request: c.FormValue("request")}
	if len(data.Request) != len(accounts.NewSecret()) {
		data.Request = accounts.NewSecret()
	}
	if data.Approval, err = s.Issuer.NeedsApproval(c.Request().Context(), offer.Content); err != nil {
		return data, err
	}
	data.fields(c, issueColumns, offer.Content)
	s.options(c, &data)
	return data, nil
}

// fields fills in the fields with what was sent.
func (d *issueData) fields(c echo.Context, columns []learnerField, course *issuer.Course) {
	for i, f := range columns {
		f.Value = strings.TrimSpace(c.FormValue(f.Name))
		if f.Name == "language" {
			f.Choices = nil
			for tag := range course.Title {
				f.Choices = append(f.Choices, tag)
			}
			slices.Sort(f.Choices)
		}
		if i < moreColumns {
			d.Fields = append(d.Fields, f)
		} else {
			d.More = append(d.More, f)
			d.OpenMore = d.OpenMore || f.Value != ""
		}
	}
}

// options names what can be chosen in the language of the page.
func (s *server) options(c echo.Context, d *issueData) {
	lang := s.kit.Lang(c)
	for _, list := range [][]learnerField{d.Fields, d.More} {
		for i := range list {
			for _, code := range list[i].Choices {
				list[i].Options = append(list[i].Options, option{code, s.choice(lang, code, code), code == list[i].Value, ""})
			}
		}
	}
}

// choice is what a page calls a code, or otherwise where there is no text for it.
func (s *server) choice(lang, code, otherwise string) string {
	if id := "desk.choice." + code; s.kit.HasText(id) {
		return s.kit.T(lang, id, nil)
	}
	return otherwise
}

// cells are the fields as the columns of a class list; of a correction those that say
// something else, "" where what is there is taken away.
func (d *issueData) cells() map[string]string {
	cells := map[string]string{}
	for _, f := range slices.Concat(d.Fields, d.More) {
		if f.Value != "" || f.Empty {
			cells[f.Name] = f.Value
		}
	}
	return cells
}

// fail puts what is wrong beside its fields, and all of it above them, in the language of
// the page where it has the text.
func (s *server) fail(c echo.Context, d *issueData, err error) bool {
	found, ok := errors.AsType[*issuer.Problems](err)
	if !ok {
		return false
	}
	lang := s.kit.Lang(c)
	for _, p := range found.List {
		if p.Warn {
			continue
		}
		is, label := s.ruleFault(lang, p, ""), ""
		words := s.ruleText(lang, p)
		if lang == "en" {
			words = p.Want
		}
		for _, list := range [][]learnerField{d.Fields, d.More} {
			for i := range list {
				if list[i].Name == strings.TrimPrefix(p.Field, "/") {
					if is.Field = list[i].Name; words != "" {
						is.Text, is.Lang, label = words, lang, s.kit.T(lang, "desk.column."+is.Field, nil)+": "
					}
					list[i].Failed = append(list[i].Failed, is)
				}
			}
		}
		is.Text = label + is.Text
		d.Failed = append(d.Failed, is)
		if is.Field != "" && slices.ContainsFunc(d.More, func(f learnerField) bool { return f.Failed != nil }) {
			d.OpenMore = true
		}
	}
	return true
}

func (s *server) postDeskIssue(c echo.Context) error {
	data, err := s.issueForm(c)
	if err != nil {
		return err
	}
	draft, warnings, err := issuer.ReadDraft(data.Course, data.cells())
	if s.fail(c, &data, err) {
		return s.show(c, http.StatusUnprocessableEntity, "issue", data)
	}
	if err != nil {
		return err
	}
	data.Warnings = s.faults(s.kit.Lang(c), warnings, true)
	draft.RequestKey = requestKey(actor(c), data.Request)
	return s.issueOrShow(c, data, draft)
}

// issueOrShow shows what a draft would be, or where that was seen, issues it.
func (s *server) issueOrShow(c echo.Context, data issueData, draft issuer.Draft) error {
	ctx := c.Request().Context()
	if c.FormValue("step") != "issue" {
		if draft.Replaces == nil { // a correction is looked at as it is issued
			known, err := s.Issuer.Try(ctx, draft)
			if s.fail(c, &data, err) {
				return s.show(c, http.StatusUnprocessableEntity, "issue", data)
			}
			if err != nil && !errors.Is(err, issuer.ErrNeedsApproval) {
				return err
			}
			if known != nil {
				data.Known = recordPath(known.ID)
			}
		}
		payload, err := s.Issuer.Preview(draft, string(elm.EDC))
		if s.fail(c, &data, err) {
			return s.show(c, http.StatusUnprocessableEntity, "issue", data)
		}
		if err != nil {
			return err
		}
		cred, err := elm.Parse(payload)
		if err != nil {
			return err
		}
		data.Data.Supplement = elm.Supplement(cred, s.kit.Lang(c))
		return s.show(c, http.StatusOK, "issue", data)
	}
	record, err := s.Issuer.Issue(ctx, draft)
	if errors.Is(err, issuer.ErrNeedsApproval) {
		var a issuer.Approval
		if a, err = s.Issuer.Propose(ctx, draft, actor(c)); err == nil {
			return s.redirect(c, "/desk/approvals/"+a.ID, "done", "asked")
		}
	}
	if errors.Is(err, issuer.ErrNeedsNameCheck) {
		if _, err = s.askedName(c, draft); err == nil {
			return s.redirect(c, "/desk/names", "done", "name-asked")
		}
	}
	if s.fail(c, &data, err) {
		return s.show(c, http.StatusUnprocessableEntity, "issue", data)
	}
	if err != nil {
		return err
	}
	done := "issued"
	if draft.Replaces != nil {
		done = "corrected"
	}
	return s.redirect(c, recordPath(record.ID), "done", done)
}

// correctColumns are what a correction can say otherwise: all but the number, which is
// a new one.
var correctColumns = slices.DeleteFunc(slices.Clone(issueColumns), func(f learnerField) bool { return f.Name == "certificate_number" })

// correctForm is the form of a correction.
func (s *server) correctForm(c echo.Context) (issueData, recordData, error) {
	of, err := s.recordData(c)
	if err != nil {
		return issueData{}, of, err
	}
	r := of.Record
	data := issueData{Desk: of.Desk, Corrects: &of.Line, Codes: issuer.CorrectionCodes(), Code: c.FormValue("code"), Reason: strings.TrimSpace(c.FormValue("reason")), Request: c.FormValue("request")}
	if len(data.Request) != len(accounts.NewSecret()) {
		data.Request = accounts.NewSecret()
	}
	offer, err := s.catalogue.Offer(c.Request().Context(), r.Course, r.CourseVersion)
	if err != nil {
		return data, of, notFound(err, errNoCourse.Title)
	}
	data.Course, data.Title = offer.Content, offer.Content.Title.In(s.kit.Lang(c))
	if data.Approval, err = s.Issuer.NeedsApproval(c.Request().Context(), offer.Content); err != nil {
		return data, of, err
	}
	data.fields(c, correctColumns, offer.Content)
	s.options(c, &data)
	now, err := issuer.Cells(r)
	if err != nil {
		return data, of, err
	}
	for _, list := range [][]learnerField{data.Fields, data.More} {
		for i := range list {
			f := &list[i]
			f.Now = now[f.Name]
			if len(f.Options) > 0 {
				f.Now = s.choice(s.kit.Lang(c), f.Now, f.Now)
			}
			f.Removable, f.Needed = f.Now != "" && !f.Needed && f.Name != "awarding_date", false
			f.Empty = f.Now != "" && slices.Contains(c.Request().PostForm["empty"], f.Name)
			data.OpenMore = data.OpenMore || f.Empty
		}
	}
	return data, of, nil
}

func (s *server) getCorrect(c echo.Context) error {
	data, _, err := s.correctForm(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "issue", data)
}

func (s *server) postCorrect(c echo.Context) error {
	data, of, err := s.correctForm(c)
	if err != nil {
		return err
	}
	if data.Reason == "" {
		data.NoReason = true
		return s.show(c, http.StatusUnprocessableEntity, "issue", data)
	}
	draft, err := s.Issuer.Correction(c.Request().Context(), of.Record, data.cells(), nil, issuer.Why{Code: data.Code, Text: data.Reason, By: actor(c)})
	if s.fail(c, &data, err) {
		return s.show(c, http.StatusUnprocessableEntity, "issue", data)
	}
	if err != nil {
		return err
	}
	draft.RequestKey = requestKey(actor(c), data.Request)
	return s.issueOrShow(c, data, draft)
}
