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
	"indeks/web"
)

// approvalLine is an approval in a list.
type approvalLine struct {
	issuer.Approval
	Path string
	Tone string
	Mine bool // asked for by who is signed in, who cannot decide on it
}

// toConfirm are accounts of which nobody has confirmed yet that they are another
// person's than who gave them their password, with whether who is signed in can.
type toConfirm struct {
	accounts.Account
	May bool
}

// unconfirmed are those, for who may confirm some.
func (s *server) unconfirmed(c echo.Context) (list []toConfirm, err error) {
	if !hasRole(c, Approver, Admin) {
		return nil, nil
	}
	ctx := c.Request().Context()
	all, err := s.Accounts.List(ctx)
	if err != nil {
		return nil, err
	}
	mine, err := s.Accounts.Persons(ctx, actor(c))
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if !a.Unconfirmed() {
			continue
		}
		theirs, err := s.Accounts.Persons(ctx, a.Actor())
		if err != nil {
			return nil, err
		}
		shared := slices.ContainsFunc(mine, func(one string) bool { return slices.Contains(theirs, one) })
		list = append(list, toConfirm{a, a.State() == "open" && !a.CodeUnset && !shared})
	}
	return list, nil
}

// postConfirmAccount has who is signed in say that an account is another person's.
func (s *server) postConfirmAccount(c echo.Context) error {
	err := s.Accounts.Confirm(c.Request().Context(), c.FormValue("name"), actor(c))
	switch {
	case errors.Is(err, accounts.ErrNotApart), errors.Is(err, accounts.ErrNotSetUp):
		return &web.Problem{Status: http.StatusConflict, Title: "The account cannot be confirmed", Detail: err.Error(), Err: err}
	case err != nil:
		return notFound(err, "No such account")
	}
	return s.redirect(c, "/desk/approvals", "done", "confirmed")
}

var approvalTones = map[issuer.ApprovalState]string{issuer.Waiting: "warn", issuer.Approved: "good", issuer.Done: "good", issuer.Failed: "bad", issuer.Rejected: "bad", issuer.Lapsed: ""}

func approvalLineOf(c echo.Context, a issuer.Approval) approvalLine {
	return approvalLine{a, "/desk/approvals/" + a.ID, approvalTones[a.State], a.AskedBy == actor(c)}
}

func (s *server) getDeskApprovals(c echo.Context) error {
	data := struct {
		Desk         *desk
		Open, Closed []approvalLine
		Confirm      []toConfirm
	}{Desk: s.desk(c, "approvals")}
	var err error
	if data.Confirm, err = s.unconfirmed(c); err != nil {
		return err
	}
	for _, closed := range []bool{false, true} {
		list := &data.Open
		if closed {
			list = &data.Closed
		}
		some, _, err := upTo(maxListed, s.Issuer.Approvals(c.Request().Context(), closed, ""))
		if err != nil {
			return err
		}
		for _, a := range some {
			*list = append(*list, approvalLineOf(c, a))
		}
		slices.SortStableFunc(*list, func(a, b approvalLine) int { return b.AskedAt.Compare(a.AskedAt) })
	}
	return s.show(c, http.StatusOK, "approvals", data)
}

// approvalData is the page of one approval.
type approvalData struct {
	Desk    *desk
	Line    approvalLine
	Title   elm.Value
	Learner []learnerField // as columns of a class list
	Data    struct {       // for the kit's supplement
		Supplement []elm.Section
		Claim      bool
	}
	Record   string // path of what was issued
	Corrects string // path of what it takes the place of
	May      bool   // who is signed in can decide
	Both     string // who could be both who asked and who is signed in
	NoReason bool
	Failed   []fault
}

func (s *server) approvalData(c echo.Context) (approvalData, error) {
	ctx, lang := c.Request().Context(), s.kit.Lang(c)
	a, err := s.Issuer.Approval(ctx, c.Param("id"))
	if err != nil {
		return approvalData{}, notFound(err, noApproval)
	}
	data := approvalData{Desk: s.desk(c, "approvals"), Line: approvalLineOf(c, a), Title: elm.Value{Text: a.Course}}
	if o, err := s.catalogue.Offer(ctx, a.Course, a.Version); err == nil {
		data.Title = o.Content.Title.In(lang)
	}
	_, cells, err := a.Learner()
	if err != nil {
		return data, err
	}
	for _, f := range issueColumns {
		if f.Value = cells[f.Name]; f.Value != "" {
			data.Learner = append(data.Learner, f)
		}
	}
	if data.Data.Supplement, err = s.Issuer.PreviewApproval(a, lang); err != nil {
		return data, err
	}
	if a.Credential != "" {
		data.Record = recordPath(a.Credential)
	}
	if a.Supersedes != "" {
		data.Corrects = recordPath(a.Supersedes)
	}
	if data.May = a.State == issuer.Waiting && hasRole(c, Approver) && !data.Line.Mine; data.May {
		err = s.Issuer.MayDecide(ctx, a, actor(c))
		if person, ok := errors.AsType[*issuer.OnePersonError](err); ok {
			data.May, data.Both = false, person.Name
		} else if err != nil {
			return data, err
		}
	}
	return data, nil
}

func (s *server) getDeskApproval(c echo.Context) error {
	data, err := s.approvalData(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "approval", data)
}

// postDeskApproval decides. The digest in the form is of what was on the page.
func (s *server) postDeskApproval(c echo.Context) error {
	data, err := s.approvalData(c)
	if err != nil {
		return err
	}
	ctx, id, done := c.Request().Context(), c.Param("id"), ""
	switch c.Param("decision") {
	case "approve":
		_, err = s.Issuer.Approve(ctx, id, c.FormValue("digest"), actor(c))
		done = "approved"
	case "reject":
		reason := strings.TrimSpace(c.FormValue("reason"))
		if reason == "" {
			data.NoReason = true
			return s.show(c, http.StatusUnprocessableEntity, "approval", data)
		}
		_, err = s.Issuer.Reject(ctx, id, reason, actor(c))
		done = "rejected"
	default:
		return echo.ErrNotFound
	}
	if found, ok := errors.AsType[*issuer.Problems](err); ok {
		data.Failed = s.faults(s.kit.Lang(c), found.List, false)
		return s.show(c, http.StatusUnprocessableEntity, "approval", data)
	}
	if err != nil {
		return notFound(err, noApproval)
	}
	return s.redirect(c, data.Line.Path, "done", done)
}
