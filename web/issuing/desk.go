package issuing

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/issuer"
	"indeks/web"
)

// The registrar's desk: pages that do what the API does, by the same functions of
// package issuer and with the same roles, for people who have signed in.

// desk is what all of its pages have in common.
type desk struct {
	Institution string
	Who         string
	Roles       []Role
	Token       string // of forms
	Idle        int    // seconds without use after which nobody is signed in any more
	Places      []deskPlace
	Done        string // id of the text of what was just done, "": nothing
	Local       bool   // who is signed in has a password here
	Admin       bool
	Registrar   bool
	Approver    bool
}

// deskPlace is one place of the desk.
type deskPlace struct {
	Path, Text, Icon string
	Current          bool
}

// deskPlaces are all of them, with who may see them.
var deskPlaces = []struct {
	path, name, icon string
	roles            []Role
}{
	{"/desk", "today", "clock", readers},
	{"/desk/records", "records", "list", readers},
	{"/desk/issue", "issue", "file", []Role{Registrar}},
	{"/desk/batches", "batches", "upload", readers},
	{"/desk/approvals", "approvals", "check", readers},
	{"/desk/names", "names", "person", readers},
	{"/desk/reports", "reports", "bang", readers},
	{"/desk/courses", "courses", "book", courseReaders},
	{"/desk/recognitions", "recognitions", "passed", readers},
	{bulkPath, "bulk", "pause", []Role{Admin}},
	{"/desk/erasures", "erasures", "cross", readers},
	{"/desk/review", "review", "question", courseReaders},
	{"/desk/keys", "keys", "lock", readers},
	{"/desk/log", "log", "info", []Role{Auditor, Admin}},
	{"/desk/settings", "settings", "building", []Role{Auditor, Admin}},
	{"/desk/accounts", "accounts", "person", []Role{Admin}},
}

// desk is the frame of a page at a place.
func (s *server) desk(c echo.Context, place string) *desk {
	session := sessionOf(c)
	d := &desk{Institution: s.name(c), Who: session.Account.Display(), Token: session.Token(), Idle: int(s.Accounts.Idle.Seconds()), Local: session.Account.Local(),
		Admin: hasRole(c, Admin), Registrar: hasRole(c, Registrar), Approver: hasRole(c, Approver)}
	for _, r := range session.Account.Roles {
		d.Roles = append(d.Roles, Role(r))
	}
	for _, p := range deskPlaces {
		if hasRole(c, p.roles...) {
			d.Places = append(d.Places, deskPlace{p.path, "desk.place." + p.name, p.icon, p.name == place})
		}
	}
	if done := "desk.done." + c.QueryParam("done"); s.kit.HasText(done) {
		d.Done = done
	}
	return d
}

// fault is what is wrong with what was sent.
type fault struct {
	Text  string
	Lang  string // of Text
	Field string // id of the field that it is about, "": none
}

// stay is what keeps a session while somebody writes, and asks in time (WCAG 2.2.1).
const stay = "stay.js"

// show renders a page of the desk, on which names may stand.
func (s *server) show(c echo.Context, status int, page string, data any) error {
	return s.kit.Render(c, status, page, web.Page{NoStore: true, Failed: status >= 400, Data: data, Scripts: []string{stay}})
}

func (s *server) log() *slog.Logger {
	if s.Kit.Log != nil {
		return s.Kit.Log
	}
	return slog.Default()
}

// notice is one thing that wants attention, or is well.
type notice struct {
	Tone, Icon, Text string
	Path             string // where to go on, "": nowhere
}

// When something begins to want attention.
const (
	sealEnds    = 60 * 24 * time.Hour // before the certificate of the seal does
	backupLate  = 2                   // times the time between two
	listsEnding = 12 * time.Hour      // before the first status list does
)

// lettersOnPage is how many letters that came back the first page lists.
const lettersOnPage = 20

// getDesk is the first page: what wants attention, and what is done daily.
func (s *server) getDesk(c echo.Context) error {
	if !hasRole(c, readers...) { // a reviewer, who sees nobody
		return s.redirect(c, "/desk/review")
	}
	ctx := c.Request().Context()
	data := struct {
		Desk     *desk
		Notices  []notice
		Batches  []batchLine
		Waiting  int
		Mine     int // of those that wait, asked for by who is signed in
		Erasures int
		Reports  int                    // of learners, not answered
		Names    int                    // that learners reported as wrong
		Letters  []issuer.LetterTrouble // that came back, for registrars
		Ends     []certificateEnd
	}{Desk: s.desk(c, "today")}

	for a, err := range s.Issuer.Approvals(ctx, false, "") {
		if err != nil {
			return err
		}
		if a.State == issuer.Waiting {
			data.Waiting++
			if a.AskedBy == actor(c) {
				data.Mine++
			}
		}
	}
	for _, err := range s.Issuer.Erasures(ctx) {
		if err != nil {
			return err
		}
		data.Erasures++
	}
	for n, err := range s.Issuer.NameChecks(ctx, false, "") {
		if err != nil {
			return err
		}
		if n.State == issuer.NameReported {
			data.Names++
		}
	}
	list, err := s.Batches.List(ctx, 20)
	if err != nil {
		return err
	}
	for _, b := range list {
		if !b.State.Ended() || b.Ended.After(web.Clock().Add(-24*time.Hour)) {
			data.Batches = append(data.Batches, lineOf(b))
		}
	}
	if data.Notices, err = s.notices(c); err != nil {
		return err
	}
	data.Ends = s.certificateEnds()
	reports, err := s.Issuer.Reports(ctx, false)
	if err != nil {
		return err
	}
	data.Reports = len(reports)
	if data.Desk.Registrar {
		if data.Letters, err = s.Issuer.LetterTroubles(ctx, lettersOnPage); err != nil {
			return err
		}
	}
	return s.show(c, http.StatusOK, "desk", data)
}

// certificateEnd says when something ends that must be renewed before.
type certificateEnd struct {
	Text, Path string
	At         time.Time
}

func (s *server) certificateEnds() (list []certificateEnd) {
	if until, err := s.Issuer.SealsUntil(); err == nil {
		list = append(list, certificateEnd{"desk.ends.seal", "/desk/keys", until})
	}
	if until := s.Kit.TLS.Until(); !until.IsZero() {
		list = append(list, certificateEnd{"desk.ends.tls", "/desk/settings", until})
	}
	return list
}

// notices says what of the server wants attention, the worst first.
func (s *server) notices(c echo.Context) (list []notice, err error) {
	ctx, lang, now := c.Request().Context(), s.kit.Lang(c), web.Clock()
	add := func(tone, icon, id, path string, pairs ...any) {
		args := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			args[pairs[i].(string)] = pairs[i+1]
		}
		list = append(list, notice{tone, icon, s.kit.T(lang, "desk.notice."+id, args), path})
	}
	for _, condition := range s.deskConditions(c) {
		switch {
		case condition.Holds:
		case condition.Name == "records" && s.ReadOnly:
			add("warn", "pause", "read-only", "/desk/settings")
		default:
			tone := "warn"
			if condition.Needed {
				tone = "bad"
			}
			add(tone, "alert", "condition."+strings.ReplaceAll(condition.Name, " ", "-"), "/desk/settings")
		}
	}
	switch until, err := s.Issuer.SealsUntil(); {
	case err != nil: // said above
	case until.Sub(now) < sealEnds:
		add("warn", "lock", "seal", "/desk/keys", "Date", web.Date(lang, until))
	}
	if s.Kit.TLS.Ending(now) {
		add("warn", "lock", "tls", "/desk/settings", "Date", web.Date(lang, s.Kit.TLS.Until()))
	}
	switch until, err := s.Issuer.ListsUntil(ctx); {
	case err != nil:
		return nil, err
	case !until.IsZero() && until.Sub(now) < listsEnding:
		add("warn", "clock", "lists", "/desk/keys", "Time", until.UTC().Format("15:04 UTC"))
	}
	mine := sessionOf(c).Account
	people := []accounts.Account{mine}
	if hasRole(c, Admin) {
		if people, err = s.Accounts.List(ctx); err != nil {
			return nil, err
		}
	}
	for _, a := range people {
		if slices.ContainsFunc(a.Passkeys, func(p accounts.Passkey) bool { return !p.Copied.IsZero() }) {
			path := "/desk/accounts"
			if a.Name == mine.Name {
				path = passkeysPath
			}
			add("bad", "key", "passkey", path, "Name", a.Name)
		}
	}
	if s.Backups != nil && !s.ReadOnly {
		_, failed, made, err := s.Backups.State()
		switch {
		case err != nil || failed != nil:
			add("bad", "alert", "backup.failed", "/desk/settings")
		case len(made) == 0:
			add("warn", "clock", "backup.none", "/desk/settings")
		case s.Backups.Every > 0 && now.Sub(made[0].At) > backupLate*s.Backups.Every:
			add("warn", "clock", "backup.late", "/desk/settings", "Date", web.Date(lang, made[0].At))
		}
	}
	slices.SortStableFunc(list, func(a, b notice) int { return strings.Compare(a.Tone, b.Tone) }) // bad, warn
	return list, nil
}
