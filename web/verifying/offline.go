package verifying

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"indeks/elm"
	"indeks/paper"
	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// The page for offline codes. It verifies on the device: what it needs for that, the
// trust file, status lists and dictionaries, it is given here, and it sends nothing of
// a code.

// stateView is a state as the page says it.
type stateView struct{ State, Tone, Icon, Word, Text string }

// labelled is a text of the page by its id.
type labelled struct{ ID, Label string }

// offlineStates are those that the page can come to, with the texts of its own where
// those of a result would say more than a device can know.
var offlineStates = []struct {
	state      verifier.State
	look       verifier.State
	word, text string
}{
	{verifier.StateValid, verifier.StateValid, "", "offline.valid"},
	{"valid_irrevocable", verifier.StateValid, "state.valid.word", "state.valid.text.irrevocable"},
	{verifier.StatusUnchecked, verifier.StatusUnchecked, "offline.unchecked.word", "offline.unchecked"},
	{"status_never", verifier.StatusUnchecked, "offline.unchecked.word", "offline.never"},
	{verifier.Revoked, verifier.Revoked, "", ""},
	{verifier.Suspended, verifier.Suspended, "", ""},
	{verifier.Expired, verifier.Expired, "", ""},
	{verifier.NotYetValid, verifier.NotYetValid, "", ""},
	{verifier.Unconfirmable, verifier.Unconfirmable, "", ""},
	{verifier.IssuerUnknown, verifier.IssuerUnknown, "", "offline.unknown"},
	{"trust_old", verifier.IssuerUnknown, "state.issuer_unknown.word", "offline.trust-old"},
	{"no_trust", verifier.IssuerUnknown, "state.issuer_unknown.word", "offline.no-trust"},
	{verifier.NotValid, verifier.NotValid, "", ""},
	{verifier.Unreadable, verifier.Unreadable, "", "offline.unreadable"},
	{"newer", verifier.Unreadable, "offline.newer.word", "offline.newer"},
	{"not_understood", verifier.IssuerUnknown, "offline.not-understood.word", "offline.not-understood"},
}

// offlineFacts are what the page shows of an extract, in order; offlineSays are sentences
// that its script fills in.
var (
	offlineFacts = []string{"number", "awarding", "credits", "workload", "level", "form", "outcomes", "grade", "birth", "until", "id", "whole"}
	offlineSays  = []string{"ready", "not-ready", "trusted", "trusted-sealed", "no-list", "hours", "level", "asof", "ended"}
)

// offlineConcepts are those that an extract names without a label.
var offlineConcepts = []string{
	"http://data.europa.eu/snb/learning-assessment/729f3bed4b", "http://data.europa.eu/snb/learning-assessment/7813801c77",
	"http://data.europa.eu/snb/learning-assessment/9191af2ed9", "http://data.europa.eu/snb/learning-assessment/920fbb3cbe",
	"http://data.europa.eu/snb/learning-assessment/e92d221e4d", "http://data.europa.eu/snb/learning-assessment/ed4c557045",
	"urn:indeks:credit:csvet", "urn:indeks:credit:cspk", "urn:indeks:credit:scqf",
}

func (s *Server) offline(c echo.Context) error {
	lang := s.kit.Lang(c)
	t := func(id string, args map[string]any) string { return s.kit.T(lang, id, args) }
	var p struct {
		TrustKey  string // public JWK that must have sealed the trust file, "" for a plain one
		Facts     []labelled
		States    []stateView
		Says      []labelled
		Labels    []labelled
		Languages []labelled // what each is called
	}
	_, key := s.trust.File()
	p.TrustKey = string(key)
	for _, id := range offlineFacts {
		p.Facts = append(p.Facts, labelled{id, t("offline.fact."+id, nil)})
	}
	date := map[string]any{"Date": "{date}"}
	for _, o := range offlineStates {
		look, word, text := looks[o.look], o.word, o.text
		if word == "" {
			word = "state." + string(o.state) + ".word"
		}
		if text == "" {
			text = "state." + string(o.state) + ".text"
		}
		given := date
		if o.state == verifier.Revoked || o.state == verifier.Suspended {
			given = map[string]any{"Date": ""} // since when, no list says
		}
		p.States = append(p.States, stateView{string(o.state), look.tone, look.icon, t(word, given), t(text, date)})
	}
	for _, id := range offlineSays {
		p.Says = append(p.Says, labelled{id, t("offline.say."+id, map[string]any{"Date": "{date}", "Number": "{number}"})})
	}
	for _, id := range offlineConcepts {
		p.Labels = append(p.Labels, labelled{id, elm.Label(id, lang)})
	}
	for _, tag := range elm.Languages() {
		p.Languages = append(p.Languages, labelled{tag, elm.LanguageName(tag, lang)})
	}
	p.Labels = append(p.Labels, labelled{"http://data.europa.eu/snb/education-credit/6fcec5c5af", t("offline.ects", nil)})
	return s.kit.Render(c, http.StatusOK, "offline", web.Page{Lang: lang, Scripts: []string{"offline/page.js"}, Data: p})
}

// offlineWorker is the service worker. Its address has to lie where the page is, since
// it serves what lies below.
func (s *Server) offlineWorker(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Service-Worker-Allowed", "/q")
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'") // it is what the worker's own requests are held to
	h.Set("Cache-Control", "no-cache")
	return c.Blob(http.StatusOK, "text/javascript; charset=utf-8", s.kit.Static("offline/worker.js"))
}

// offlineTrust is the trust file as it was configured, sealed where it is.
func (s *Server) offlineTrust(c echo.Context) error {
	raw, _ := s.trust.File()
	if raw == nil {
		return echo.ErrNotFound
	}
	c.Response().Header().Set("Cache-Control", "no-cache")
	return c.Blob(http.StatusOK, "application/octet-stream", raw)
}

// offlineDictionary never changes.
func (s *Server) offlineDictionary(c echo.Context) error {
	id, err := strconv.ParseUint(c.Param("id"), 10, 8)
	if err != nil || paper.Dictionary(byte(id)) == nil {
		return echo.ErrNotFound
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.Blob(http.StatusOK, "application/octet-stream", paper.Dictionary(byte(id)))
}

// offlineList is a status list with its age in seconds. It is given whole: who asks
// does not say for which place in it.
func (s *Server) offlineList(c echo.Context) error {
	token, age, err := s.verifier.StatusList(c.Request().Context(), c.QueryParam("issuer"), c.QueryParam("url"))
	if err != nil {
		return err
	}
	raw, err := json.Marshal(struct {
		Age   float64 `json:"age"`
		Token string  `json:"token"`
	}{age.Seconds(), string(token)})
	if err != nil {
		return fmt.Errorf("writing a status list: %w", err)
	}
	web.NoStore(c)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, raw)
}
