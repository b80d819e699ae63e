package issuing

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/keys"
	"indeks/store"
	"indeks/web"
)

// Keys and seals at the desk: which there are, that one is in wrong hands and since
// when, and a new credential for what cannot be confirmed any more because of that.

const keysPath = "/desk/keys"

// keyLine is a key in a list.
type keyLine struct {
	keys.Entry
	State, Tone string
	Until       time.Time // end of the certificate; zero: there is none
	Ending      bool
	Log         bool // seals the audit log, not credentials
}

// deskKeys are all keys, those for credentials first.
func (s *server) deskKeys() (lines []keyLine) {
	for _, e := range slices.Concat(s.Issuer.Publication().Keys, s.Issuer.LogKeys()) {
		line := keyLine{Entry: e, State: "kept", Log: slices.Contains(e.Public.Purposes, keys.LogPurpose)}
		if e.Public.Certificate != nil {
			line.Until = e.Public.Certificate.NotAfter
			line.Ending = e.Active && line.Until.Sub(web.Clock()) < sealEnds
		}
		switch {
		case !e.Public.CompromisedAt.IsZero():
			line.State, line.Tone = "compromised", "bad"
		case !e.Public.NotAfter.IsZero():
			line.State = "retired"
		case e.Active:
			line.State, line.Tone = "active", "good"
		}
		lines = append(lines, line)
	}
	return lines
}

// Path is where the key has pages of its own: its id ends with a thumbprint.
func (k keyLine) Path() string {
	_, thumbprint, _ := strings.Cut(k.Public.ID, "#")
	return keysPath + "/" + thumbprint
}

// deskKey is one of them, by the end of its path.
func (s *server) deskKey(thumbprint string) (keyLine, error) {
	for _, line := range s.deskKeys() {
		if line.Path() == keysPath+"/"+thumbprint {
			return line, nil
		}
	}
	return keyLine{}, &web.Problem{Status: http.StatusNotFound, Title: "No such key"}
}

// compromiseLine is what waits for another person, on the page.
type compromiseLine struct {
	issuer.Compromise
	Mine bool
	Both string // who could be both who asked and who is signed in
}

func (s *server) getDeskKeys(c echo.Context) error {
	ctx := c.Request().Context()
	data := struct {
		Desk    *desk
		Keys    []keyLine
		Waiting []compromiseLine
		Decides bool
		Lists   []store.List
	}{Desk: s.desk(c, "keys"), Keys: s.deskKeys(), Decides: hasRole(c, Approver, Admin)}
	for q, err := range s.Issuer.Compromises(ctx) {
		if err != nil {
			return err
		}
		line := compromiseLine{Compromise: q, Mine: q.AskedBy == actor(c)}
		if data.Decides && !line.Mine {
			err := s.Issuer.MayConfirmCompromise(ctx, q, actor(c))
			if person, ok := errors.AsType[*issuer.OnePersonError](err); ok {
				line.Both = person.Name
			} else if err != nil {
				return err
			}
		}
		data.Waiting = append(data.Waiting, line)
	}
	var err error
	if data.Lists, err = s.Store.Lists(ctx); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "keys", data)
}

// compromiseData is the page on which somebody says that a key is in wrong hands.
type compromiseData struct {
	Desk         *desk
	Key          keyLine
	Day, Time    string // UTC
	Reason       string
	Asked        bool // it was counted
	Count        issuer.SealCount
	Waits        bool // another person confirms it
	SeveralNodes bool
	Text         string // id of a text of what is wrong
}

func (s *server) compromiseData(c echo.Context) (data compromiseData, at time.Time, err error) {
	form := func(name string) string { return strings.TrimSpace(c.FormValue(name)) }
	data = compromiseData{Desk: s.desk(c, "keys"), Day: form("day"), Time: form("time"), Reason: form("reason"), Waits: s.Issuer.CompromisesWait(), SeveralNodes: s.SeveralNodes}
	if data.Key, err = s.deskKey(c.Param("key")); err != nil {
		return data, at, err
	}
	// Browsers leave the seconds out where they are nought.
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err = time.Parse(layout, data.Day+" "+data.Time); err == nil {
			break
		}
	}
	was := data.Key.Public.CompromisedAt
	if err != nil || at.After(web.Clock()) || !was.IsZero() && at.After(was) {
		data.Text = "desk.compromise.at.wrong"
	}
	return data, at, nil
}

func (s *server) getCompromise(c echo.Context) error {
	data, _, err := s.compromiseData(c)
	if err != nil {
		return err
	}
	data.Text = ""
	return s.show(c, http.StatusOK, "compromise", data)
}

// postCompromise counts what the key has sealed before that time and since, or, once
// that was seen and said to be meant, marks the key.
func (s *server) postCompromise(c echo.Context) error {
	data, at, err := s.compromiseData(c)
	if err != nil {
		return err
	}
	if data.Text == "" && data.Reason == "" {
		data.Text = "desk.reason.missing"
	}
	if data.Text != "" {
		return s.show(c, http.StatusUnprocessableEntity, "compromise", data)
	}
	ctx, key := c.Request().Context(), data.Key.Public.ID
	mark := c.FormValue("step") == "mark"
	if sure := c.FormValue("sure") == "true"; !mark || !sure {
		// To count a million takes a minute, for which marking the key never waits.
		if data.Count, err = s.Issuer.CountSeals(ctx, key, at); err != nil {
			return err
		}
		data.Asked = true
		if !mark {
			return s.show(c, http.StatusOK, "compromise", data)
		}
		data.Text = "desk.erasures.unsaid"
		return s.show(c, http.StatusUnprocessableEntity, "compromise", data)
	}
	waits, err := s.Issuer.AskCompromise(ctx, key, at, data.Reason, actor(c))
	switch {
	case err != nil:
		return problems(err, "")
	case waits:
		return s.redirect(c, keysPath, "done", "compromise-asked")
	}
	if data.Key.Log {
		return s.redirect(c, keysPath, "done", "compromise")
	}
	return s.redirect(c, data.Key.Path()+"/reissue", "done", "compromise")
}

func (s *server) postCompromiseDecision(c echo.Context) error {
	ctx, id, by := c.Request().Context(), c.Param("id"), actor(c)
	switch c.Param("decision") {
	case "confirm":
		if err := s.Issuer.ConfirmCompromise(ctx, id, by); err != nil {
			return notFound(problems(err, ""), noCompromise)
		}
		return s.redirect(c, keysPath, "done", "compromise")
	case "refuse":
		reason := strings.TrimSpace(c.FormValue("reason"))
		if reason == "" {
			return &web.Problem{Status: http.StatusUnprocessableEntity, Title: notRight, Fields: []web.Field{{Pointer: "/reason", Detail: "say why; it is kept on record",
				Say: func(k *web.Kit, lang string) string { return k.T(lang, "desk.reason.missing", nil) }}}}
		}
		if err := s.Issuer.RefuseCompromise(ctx, id, reason, by); err != nil {
			return notFound(problems(err, ""), noCompromise)
		}
		return s.redirect(c, keysPath, "done", "compromise-refuse")
	}
	return echo.ErrNotFound
}

// reissueData is the page on which new credentials are asked for.
type reissueData struct {
	Desk   *desk
	Key    keyLine
	Seals  issuer.SealCount
	All    bool // also what the log proves
	Reason string
	countedBulk
}

func (s *server) reissueData(c echo.Context) (data reissueData, err error) {
	data = reissueData{Desk: s.desk(c, "keys"), All: c.FormValue("which") == "all", Reason: strings.TrimSpace(c.FormValue("reason"))}
	if data.Key, err = s.deskKey(c.Param("key")); err != nil {
		return data, err
	}
	at := data.Key.Public.CompromisedAt
	if data.Key.Log || at.IsZero() {
		return data, &web.Problem{Status: http.StatusConflict, Title: "The key is not one that sealed credentials and is marked as compromised"}
	}
	data.Seals, err = s.Issuer.CountSeals(c.Request().Context(), data.Key.Public.ID, at)
	return data, err
}

func (s *server) getReissue(c echo.Context) error {
	data, err := s.reissueData(c)
	if err != nil {
		return err
	}
	data.Reason = data.Key.Reason
	return s.show(c, http.StatusOK, "reissue", data)
}

// postReissue counts and names whose credentials are issued again, or, with the number
// typed in, begins with it: how far it is stands where all changes of many do.
func (s *server) postReissue(c echo.Context) error {
	data, err := s.reissueData(c)
	if err != nil {
		return err
	}
	if data.Reason == "" {
		data.Text = "desk.reason.missing"
		return s.show(c, http.StatusUnprocessableEntity, "reissue", data)
	}
	data.Bulk = issuer.Bulk{Action: issuer.BulkReissue, Select: issuer.Selection{Key: data.Key.Public.ID, Unproven: !data.All}, Reason: data.Reason, By: actor(c)}
	return s.countOrStart(c, "reissue", &data, &data.countedBulk)
}
