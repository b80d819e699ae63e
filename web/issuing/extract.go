package issuing

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/web"
)

// Offline codes: the learner chooses on a page what the code tells, and takes the
// picture; programs get its text.

// choiceOf reads what a code shall tell from the query; without one it is what the
// certificate's tells. Nothing in it is personal.
func choiceOf(c echo.Context) issuer.ExtractChoice {
	if c.QueryParam("chosen") == "" {
		return issuer.PrintedChoice
	}
	on := func(name string) bool { return c.QueryParam(name) != "" }
	return issuer.ExtractChoice{Lang: c.QueryParam("texts"), Second: on("second"), Outcomes: on("outcomes"), Grade: on("grade"), Birth: on("birth")}
}

// queryOf is a choice as choiceOf reads it.
func queryOf(x issuer.ExtractChoice) string {
	q := url.Values{"chosen": {"1"}}
	if x.Lang != "" {
		q.Set("texts", x.Lang)
	}
	for name, on := range map[string]bool{"second": x.Second, "outcomes": x.Outcomes, "grade": x.Grade, "birth": x.Birth} {
		if on {
			q.Set(name, "1")
		}
	}
	return "?" + q.Encode()
}

// getOffline is the page where a learner chooses.
func (s *server) getOffline(c echo.Context) error {
	record, err := s.byOwner(c)
	if err != nil {
		return err
	}
	if issuer.Replaced(record) {
		return errReplaced
	}
	asked := choiceOf(c)
	made, err := s.Issuer.Extract(c.Request().Context(), record, asked)
	if err != nil && !errors.Is(err, issuer.ErrNoExtract) {
		return err
	}
	cred, err := elm.Parse(record.Forms[string(elm.EDC)].Payload)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	p := struct {
		Title      elm.Value
		Made       *issuer.Extract // nil: there is none
		Asked      issuer.ExtractChoice
		Fewer      bool // it tells less than was asked
		Query      string
		Page       string // the learner's own
		Languages  []textLanguage
		Birth      bool // the credential has one
		Grade      bool
		Millimetre int // side on paper from which telephones read it
	}{Title: title(elm.Supplement(cred, lang), record.Title), Made: made, Asked: asked, Query: queryOf(asked), Page: "/h/" + record.Link}
	if made != nil {
		told := made.Told
		told.Lang = asked.Lang
		p.Fewer = told != asked
		p.Millimetre = (len(made.QR)*38 + 99) / 100 // 0.38 mm a module
	}
	p.Birth = len(cred.Subject) > 0 && cred.Subject[0].DateOfBirth != ""
	if len(cred.Subject) > 0 && len(cred.Subject[0].HasClaim) > 0 {
		claim := cred.Subject[0].HasClaim[0]
		for _, one := range claim.Title {
			p.Languages = append(p.Languages, textLanguage{one.Tag, web.LanguageName(one.Tag), one.Tag == asked.Lang})
		}
		for _, proof := range claim.ProvenBy {
			p.Grade = p.Grade || proof.Grade != nil
		}
	}
	return s.kit.Render(c, http.StatusOK, "offline", web.Page{Lang: lang, NoStore: true, Data: p})
}

// textLanguage is one in which a credential has its title.
type textLanguage struct {
	Tag, Name string
	Chosen    bool
}

// getOfflineFile is the picture of a code.
func (s *server) getOfflineFile(c echo.Context) error {
	record, err := s.byOwner(c)
	if err != nil {
		return err
	}
	if issuer.Replaced(record) {
		return errReplaced
	}
	made, err := s.Issuer.Extract(c.Request().Context(), record, choiceOf(c))
	if err != nil {
		return err
	}
	if c.Param("kind") == "png" {
		raw, err := made.PNG(8)
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "image/png", raw)
	}
	return c.Blob(http.StatusOK, "image/svg+xml", made.SVG(record.Number))
}

// getOfflineCode is a code for programs.
func (s *server) getOfflineCode(c echo.Context) error {
	record, err := s.find(c)
	if err != nil {
		return err
	}
	made, err := s.Issuer.Extract(c.Request().Context(), record, choiceOf(c))
	if err != nil {
		return err
	}
	type told struct {
		Second   bool `json:"second"`
		Outcomes bool `json:"outcomes"`
		Grade    bool `json:"grade"`
		Birth    bool `json:"birth"`
	}
	web.NoStore(c)
	return writeJSON(c, http.StatusOK, struct {
		Text    string `json:"text"`
		Token   string `json:"token"`
		Version int    `json:"version"`
		Level   string `json:"level"`
		Told    told   `json:"told"`
	}{made.Text, string(made.Token), made.Version, made.Level, told{made.Told.Second, made.Told.Outcomes, made.Told.Grade, made.Told.Birth}})
}
