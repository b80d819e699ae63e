package issuing

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/mail"
	"indeks/paper"
	"indeks/store"
	"indeks/web"
)

// Records at the desk: search, one record, and what is done with it.

// recordsOnPage is how many records a page lists.
const recordsOnPage = 50

// recordStates are those that can be looked for.
var recordStates = []store.State{store.Issued, store.Suspended, store.Revoked, store.Expired, store.Reserved, store.Erased}

// recordLine is a record in a list.
type recordLine struct {
	Path, Number, Name, Date string
	Title                    elm.Value
	State                    string
	Tone                     string
}

// stateTones says how a state is shown.
var stateTones = map[string]string{"issued": "good", "suspended": "warn", "revoked": "bad", "expired": "", "reserved": "", "erased": ""}

// stateOf is the state of a record as people look for it.
func stateOf(r store.Record) string {
	switch {
	case r.Erased(store.Register):
		return string(store.Erased)
	case r.Expired(web.Clock()):
		return string(store.Expired)
	}
	return string(r.State)
}

// recordLines are records in a language. What was awarded is called as its course in the
// catalogue is; the record has the name in English.
func (s *server) recordLines(ctx context.Context, lang string, records ...store.Record) ([]recordLine, error) {
	titles := map[string]elm.Value{} // by course and version
	lines := make([]recordLine, 0, len(records))
	for _, r := range records {
		course := r.Course + "/" + r.CourseVersion
		title, known := titles[course]
		if !known && r.Course != "" && !r.Erased(store.Register) {
			switch o, err := s.catalogue.Offer(ctx, r.Course, r.CourseVersion); {
			case err == nil:
				title = o.Content.Title.In(lang)
			case !errors.Is(err, store.ErrNotFound):
				return nil, err
			}
			titles[course] = title
		}
		if title.Text == "" && r.Title != "" {
			title = elm.Value{Text: r.Title, Lang: "en"}
		}
		state := stateOf(r)
		lines = append(lines, recordLine{recordPath(r.ID), r.Number, strings.TrimSpace(r.GivenName + " " + r.FamilyName), r.AwardingDate, title, state, stateTones[state]})
	}
	return lines, nil
}

// recordPath is the page of a record.
func recordPath(id string) string {
	return "/desk/records/" + url.PathEscape(strings.TrimPrefix(id, "urn:credential:"))
}

// searchFields are what the form of the search has.
var searchFields = []string{"q", "course", "state", "from", "until", "batch", "after"}

// getDeskRecords lists what was issued last, or by what stands in the address: never
// by a name, since addresses are kept by browsers and proxies.
func (s *server) getDeskRecords(c echo.Context) error {
	query := c.QueryParams()
	query.Del("q")
	return s.showRecords(c, query, nil)
}

// postDeskRecords finds records by words of a name, a number, or what else the form has.
func (s *server) postDeskRecords(c echo.Context) error {
	again := map[string]string{}
	for _, name := range append([]string{tokenField}, searchFields...) {
		if value := c.Request().PostForm.Get(name); value != "" {
			again[name] = value
		}
	}
	return s.showRecords(c, c.Request().PostForm, again)
}

// showRecords shows what a form asks for; again is what repeats it, nil for a page that
// has an address.
func (s *server) showRecords(c echo.Context, form url.Values, again map[string]string) error {
	ctx := c.Request().Context()
	data := struct {
		Desk          *desk
		Words, Course string
		State         string
		From, Until   string
		Batch         string
		States        []store.State
		Courses       []option
		Lines         []recordLine
		Next          map[string]string // fields of the form that leads on; nil: there is no more
		Failed        bool
		Asked         bool
	}{Desk: s.desk(c, "records"), Words: strings.TrimSpace(form.Get("q")), Course: form.Get("course"), State: form.Get("state"),
		From: form.Get("from"), Until: form.Get("until"), Batch: form.Get("batch"), States: recordStates}
	offers, err := s.catalogue.Offers(ctx)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	for _, o := range issuer.Current(offers) {
		title := o.Content.Title.In(lang)
		data.Courses = append(data.Courses, option{o.ID, title.Text, o.ID == data.Course, title.Lang})
	}

	q := store.Query{Course: data.Course, State: store.State(data.State), From: data.From, Until: data.Until, Batch: data.Batch, Now: web.Clock()}
	data.Asked = data.Words != "" || q != store.Query{Now: q.Now}
	// What was typed is a number or id that is there, else the beginning of one where
	// it has a digit, else a name.
	if data.Words != "" {
		record, err := s.Issuer.Find(ctx, data.Words)
		if err == nil || errors.Is(err, store.ErrErased) {
			return s.redirect(c, recordPath(record.ID))
		}
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrInvalid) {
			return err
		}
		q.Name = data.Words
		if strings.ContainsAny(data.Words, "0123456789") {
			q.Name, q.Number = "", data.Words
		}
	}
	found, next, err := s.Store.Search(ctx, q, form.Get("after"), recordsOnPage)
	if err == nil && len(found) == 0 && q.Number != "" {
		q.Number, q.LearnerID = "", data.Words
		found, next, err = s.Store.Search(ctx, q, form.Get("after"), recordsOnPage)
	}
	switch {
	case errors.Is(err, store.ErrInvalid):
		data.Failed = true
	case err != nil:
		return err
	}
	if data.Lines, err = s.recordLines(ctx, lang, found...); err != nil {
		return err
	}
	if next != "" {
		data.Next = map[string]string{"after": next}
		for _, name := range searchFields {
			if value := form.Get(name); value != "" && name != "after" {
				data.Next[name] = value
			}
		}
	}
	return s.kit.Render(c, http.StatusOK, "records", web.Page{NoStore: true, Failed: data.Failed, Again: again, Data: data, Scripts: []string{stay}})
}

// deskRecord finds the record of a page. Of one that is erased what is left is shown.
func (s *server) deskRecord(c echo.Context) (store.Record, error) {
	record, err := s.find(c)
	if errors.Is(err, store.ErrErased) {
		err = nil
	}
	return record, err
}

// recordData is what the pages of one record have.
type recordData struct {
	Desk         *desk
	Line         recordLine
	Record       store.Record
	Statement    bool // of a client, without course and learner
	Page, Verify string
	Codes        []printedCode // on the certificate
	Supplement   []elm.Section
	Claim        bool // never: see the kit's supplement
	Supersedes   string
	SupersededBy string
	Letters      []issuer.Letter // for registrars, the newest first
	NotSent      string          // id of the text that says why there are none
	Acts         []string        // what can be done with it now
}

// printedCode is a QR code on the certificate of a record.
type printedCode struct {
	Text    string // id of what it is called
	Version int    // 1 to 40, 0: there is none
	Level   string
	Fewer   bool // the outcomes have no room in it
}

// printedCodes are those, where it has a certificate.
func (s *server) printedCodes(c echo.Context, r store.Record) ([]printedCode, error) {
	link, err := paper.LinkSymbol(s.Issuer.VerifyURL(r))
	if err != nil {
		return nil, err
	}
	codes := []printedCode{{"desk.code.online", link.Version, link.Level, false}, {Text: "desk.code.offline"}}
	made, err := s.Issuer.Extract(c.Request().Context(), r, issuer.PrintedChoice)
	switch {
	case errors.Is(err, issuer.ErrNoExtract): // on hold, revoked, or too much to say
	case err != nil:
		return nil, err
	default:
		codes[1].Version, codes[1].Level, codes[1].Fewer = made.Version, made.Level, !made.Told.Outcomes
	}
	return codes, nil
}

// recordActs are what a registrar does with a record, by the last part of its address.
var recordActs = map[string]recordAct{
	"revoke":    {to: store.Revoked, from: []store.State{store.Issued, store.Suspended}, do: (*issuer.Issuer).Revoke},
	"suspend":   {to: store.Suspended, from: []store.State{store.Issued}, do: (*issuer.Issuer).Suspend},
	"reinstate": {to: store.Issued, from: []store.State{store.Suspended}, do: (*issuer.Issuer).Reinstate},
	"letter":    {}, "address": {}, "erase-delivery": {}, "erase": {},
}

// actOrder is the order in which they are offered.
var actOrder = []string{"correct", "suspend", "reinstate", "revoke", "letter", "address", "erase-delivery", "erase"}

type recordAct struct {
	to   store.State
	from []store.State
	do   changeMethod
}

// actsOf are what can be done with a record.
func actsOf(r store.Record) (acts []string) {
	for _, name := range actOrder {
		act := recordActs[name]
		erased := r.Erased(store.Register)
		ok := false
		switch name {
		case "correct":
			ok = r.State == store.Issued && r.Course != "" && !erased
		case "letter", "address", "erase-delivery":
			ok = r.State != store.Reserved && r.Link != "" && !r.Erased(store.Delivery) && r.Course != ""
		case "erase":
			ok = r.State != store.Reserved && !erased
		default:
			for _, from := range act.from {
				ok = ok || from == r.State
			}
		}
		if ok {
			acts = append(acts, name)
		}
	}
	return acts
}

func (s *server) recordData(c echo.Context) (recordData, error) {
	r, err := s.deskRecord(c)
	if err != nil {
		return recordData{}, err
	}
	lines, err := s.recordLines(c.Request().Context(), s.kit.Lang(c), r)
	if err != nil {
		return recordData{}, err
	}
	data := recordData{Desk: s.desk(c, "records"), Line: lines[0], Record: r, Statement: r.Course == "" && !r.Erased(store.Register)}
	if !data.Statement && r.Link != "" {
		data.Page = s.Issuer.LearnerURL(r)
	}
	if !data.Statement && r.State != store.Reserved {
		data.Verify = s.Issuer.VerifyURL(r)
	}
	if payload := r.Forms[string(elm.EDC)].Payload; len(payload) > 0 && !data.Statement {
		cred, err := elm.Parse(payload)
		if err != nil {
			return data, err
		}
		data.Supplement = elm.Supplement(cred, s.kit.Lang(c))
	}
	if data.Supplement != nil && len(r.Forms[string(elm.VC2)].Token) > 0 {
		if data.Codes, err = s.printedCodes(c, r); err != nil {
			return data, err
		}
	}
	if r.Supersedes != nil {
		data.Supersedes = recordPath(r.Supersedes.ID)
	}
	for _, change := range r.Changes {
		if change.Successor != "" {
			data.SupersededBy = recordPath(change.Successor)
		}
	}
	if !hasRole(c, Registrar) {
		return data, nil
	}
	data.Acts = actsOf(r)
	if !s.Issuer.Mailing() {
		data.Acts = slices.DeleteFunc(data.Acts, func(act string) bool { return act == "letter" })
	}
	if data.Letters, err = s.Issuer.LettersOf(c.Request().Context(), r); err != nil {
		return data, err
	}
	slices.Reverse(data.Letters)
	if len(data.Letters) == 0 && r.Course != "" && !r.Erased(store.Delivery) {
		switch {
		case !s.Issuer.Mailing():
			data.NotSent = "desk.letters.off"
		case r.Email == "":
			data.NotSent = "desk.letters.nobody"
		}
	}
	return data, nil
}

func (s *server) getDeskRecord(c echo.Context) error {
	data, err := s.recordData(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "record", data)
}

// actData is the page on which something is done with a record.
type actData struct {
	recordData
	Act    string
	Codes  []string
	Code   string
	Reason string
	Email  string // another address
	Keep   bool   // of the link, which else leads nowhere any more
	Failed []fault
	Text   string // id of a text of what is wrong
}

// recordActOf is what the last part of the address says, where it can be done.
func (s *server) actData(c echo.Context) (actData, recordAct, error) {
	name := c.Param("act")
	act, ok := recordActs[name]
	if !ok {
		return actData{}, act, echo.ErrNotFound
	}
	of, err := s.recordData(c)
	if err != nil {
		return actData{}, act, err
	}
	data := actData{recordData: of, Act: name, Code: c.FormValue("code"), Reason: strings.TrimSpace(c.FormValue("reason")),
		Email: strings.TrimSpace(c.FormValue("email")), Keep: c.FormValue("keep") == "true"}
	if act.to != "" {
		data.Codes = issuer.ReasonCodes(act.to)
	}
	return data, act, nil
}

func (s *server) getRecordAct(c echo.Context) error {
	data, _, err := s.actData(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "act", data)
}

func (s *server) postRecordAct(c echo.Context) error {
	data, act, err := s.actData(c)
	if err != nil {
		return err
	}
	if data.Reason == "" && data.Act != "letter" {
		data.Text = "desk.reason.missing"
		return s.show(c, http.StatusUnprocessableEntity, "act", data)
	}
	ctx, id := c.Request().Context(), data.Record.ID
	switch data.Act {
	case "letter":
		_, err = s.Issuer.SendAgain(ctx, data.Record, actor(c), data.Reason)
	case "address":
		_, err = s.Issuer.Readdress(ctx, data.Record, data.Email, !data.Keep, actor(c), data.Reason)
		if errors.Is(err, mail.ErrAddress) {
			data.Text = "desk.address.wrong"
			return s.show(c, http.StatusUnprocessableEntity, "act", data)
		}
	case "erase-delivery":
		_, err = s.Issuer.EraseDelivery(ctx, id, data.Reason, actor(c))
	case "erase":
		if _, err = s.Issuer.AskErasure(ctx, issuer.ErasureWish{Records: []string{id}, Reason: data.Reason}, actor(c)); err == nil {
			return s.redirect(c, "/desk/erasures", "done", "erase")
		}
	default:
		_, err = act.do(s.Issuer, ctx, id, issuer.Why{Code: data.Code, Text: data.Reason, By: actor(c)})
	}
	if found, ok := errors.AsType[*issuer.Problems](err); ok {
		data.Failed = s.faults(s.kit.Lang(c), found.List, false)
		return s.show(c, http.StatusUnprocessableEntity, "act", data)
	}
	if err != nil {
		return err
	}
	return s.redirect(c, data.Line.Path, "done", data.Act)
}
