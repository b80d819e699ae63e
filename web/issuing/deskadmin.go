package issuing

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// What the desk shows of the server itself: the audit log, settings, accounts.

// eventsOnPage is how many events of the log a page lists.
const eventsOnPage = 50

// logData is the page of the audit log, the newest first.
type logData struct {
	Desk     *desk
	Log      store.Log
	Head     store.Head // the last that was signed; size 0: none
	Events   []eventLine
	Kinds    []store.Kind
	Kind     string
	Actor    string
	Object   string
	Next     string // query of the next page
	Scanned  bool   // not to the end, because it is far
	Verdict  *issuer.LogVerdict
	Findings []said // what it found
	Broken   bool   // verifying took longer than a request may
}

func (s *server) getDeskLog(c echo.Context) error {
	data, err := s.logData(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "log", data)
}

func (s *server) logData(c echo.Context) (logData, error) {
	ctx, lang := c.Request().Context(), s.kit.Lang(c)
	data := logData{Desk: s.desk(c, "log"), Kinds: store.Kinds, Kind: c.QueryParam("kind"), Actor: strings.TrimSpace(c.QueryParam("actor")), Object: strings.TrimSpace(c.QueryParam("object"))}
	filter := store.EventFilter{Actor: data.Actor, Object: data.Object}
	if data.Kind != "" {
		filter.AddKind(data.Kind)
	}
	logs, err := s.Store.Logs(ctx)
	if err != nil {
		return data, err
	}
	for _, l := range logs {
		if l.Closed.IsZero() {
			data.Log = l
		}
	}
	if data.Log.Name == "" {
		return data, noLog()
	}
	if head, err := s.Store.LastHead(ctx, data.Log.Name); err == nil {
		data.Head = head
	} else if !errors.Is(err, store.ErrNotFound) {
		return data, err
	}

	// Backwards, in steps, as far as one page goes.
	end := data.Log.Size
	if before, err := strconv.ParseUint(c.QueryParam("before"), 10, 63); err == nil && before < end {
		end = before
	}
	const step = 500
	for first := end; first > 0 && len(data.Events) < eventsOnPage && end-first < maxScanned; {
		last := first
		first -= min(first, step)
		var found []eventLine
		for e, err := range s.Store.LogEntries(ctx, data.Log.Name, first) {
			if err != nil {
				return data, err
			}
			if e.Index >= last {
				break
			}
			if filter.Match(&e) {
				found = append(found, s.eventLine(c, lang, issuer.EventOf(&e)))
			}
		}
		slices.Reverse(found)
		data.Events = append(data.Events, found...)
		if first > 0 {
			data.Next = strconv.FormatUint(first, 10)
		} else {
			data.Next = ""
		}
	}
	if len(data.Events) > eventsOnPage {
		data.Events = data.Events[:eventsOnPage]
		data.Next = strconv.FormatUint(data.Events[eventsOnPage-1].Index, 10)
	}
	if data.Next != "" {
		query := c.Request().URL.Query()
		query.Set("before", data.Next)
		data.Next = "/desk/log?" + query.Encode()
	}
	return data, nil
}

// postDeskLog verifies the log, as far as a request goes.
func (s *server) postDeskLog(c echo.Context) error {
	data, err := s.logData(c)
	if err != nil {
		return err
	}
	v, err := s.Issuer.VerifyLog(c.Request().Context())
	if err != nil && c.Request().Context().Err() == nil {
		return err
	}
	data.Verdict, data.Broken = &v, err != nil
	for _, err := range v.Found {
		one := said{Detail: err.Error()}
		if f, ok := errors.AsType[*issuer.LogFinding](err); ok {
			one.Text = s.kit.T(s.kit.Lang(c), "desk.log.found."+f.Code, map[string]any{"Log": f.Log, "Size": f.Size})
		}
		data.Findings = append(data.Findings, one)
	}
	return s.kit.Render(c, http.StatusOK, "log", web.Page{NoStore: true, Failed: len(v.Found) > 0, Data: data, Scripts: []string{stay}})
}

// accountsData is the page of the accounts.
type accountsData struct {
	Desk     *desk
	Accounts []accounts.Account
	Roles    []Role
	Name     string // of the account whose first password is shown
	Password string
	Failed   string // id of a text
}

func (s *server) showAccounts(c echo.Context, status int, data accountsData) error {
	data.Desk, data.Roles = s.desk(c, "accounts"), Roles
	var err error
	if data.Accounts, err = s.Accounts.List(c.Request().Context()); err != nil {
		return err
	}
	return s.show(c, status, "accounts", data)
}

func (s *server) getDeskAccounts(c echo.Context) error {
	return s.showAccounts(c, http.StatusOK, accountsData{})
}

// postDeskAccount makes, resets or changes an account. Nobody changes their own: who
// could give themselves the roles of two would be two.
func (s *server) postDeskAccount(c echo.Context) error {
	ctx, name := c.Request().Context(), strings.TrimSpace(c.FormValue("name"))
	roles := slices.DeleteFunc(slices.Clone(c.Request().PostForm["role"]), func(r string) bool { return !slices.Contains(Roles, Role(r)) })
	if name == sessionOf(c).Account.Name {
		return s.showAccounts(c, http.StatusForbidden, accountsData{Failed: "desk.account.own"})
	}
	data, err := accountsData{Name: name}, error(nil)
	switch c.Param("do") {
	case "add":
		data.Password, err = s.Accounts.Add(ctx, accounts.Account{Name: name, Shown: strings.TrimSpace(c.FormValue("shown")), Roles: roles})
	case "reset":
		data.Password, err = s.Accounts.Reset(ctx, name)
	case "roles":
		err = s.Accounts.SetRoles(ctx, name, roles)
	case "close":
		err = s.Accounts.SetRoles(ctx, name, nil)
	default:
		return echo.ErrNotFound
	}
	for is, text := range map[error]string{accounts.ErrName: "desk.account.name.wrong", accounts.ErrTaken: "desk.account.taken", accounts.ErrNoRole: "desk.account.norole", store.ErrNotFound: "desk.account.none"} {
		if errors.Is(err, is) {
			return s.showAccounts(c, http.StatusUnprocessableEntity, accountsData{Failed: text})
		}
	}
	if err != nil {
		return err
	}
	if data.Password == "" {
		return s.redirect(c, "/desk/accounts", "done", "account")
	}
	return s.showAccounts(c, http.StatusOK, data) // shown once, so it is not led elsewhere
}
