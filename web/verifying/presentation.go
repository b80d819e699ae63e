package verifying

import (
	"context"
	"net/http"

	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// examinePresentation runs VerifyPresentation on one of the workers.
func (s *Server) examinePresentation(ctx context.Context, token []byte, o verifier.PresentationOptions) (report *verifier.PresentationReport, err error) {
	err = s.work(ctx, func(ctx context.Context) { report = s.verifier.VerifyPresentation(ctx, token, o) })
	return report, err
}

// examineOne examines a credential, or the one that a presentation holds.
func (s *Server) examineOne(ctx context.Context, token []byte) (*verifier.Report, error) {
	if !verifier.IsPresentation(token) {
		return s.examine(ctx, token)
	}
	p, err := s.examinePresentation(ctx, token, verifier.PresentationOptions{})
	if err != nil {
		return nil, err
	}
	if len(p.Credentials) != 1 {
		return nil, errNotOne
	}
	return p.Credentials[0], nil
}

// presentationView is what presentation.html shows.
type presentationView struct {
	Word, Sentence string
	Tone, Icon     string
	Holder         string
	Checks         []checkView
	Rows           []rowView
}

// renderPresentation shows the one credential of a presentation as if it had come
// alone, with the owner check; several, and what went wrong with the presentation
// itself, as a table. Nothing was asked of a wallet here, so no challenge.
func (s *Server) renderPresentation(c echo.Context, token []byte, again map[string]string) error {
	p, err := s.examinePresentation(c.Request().Context(), token, verifier.PresentationOptions{})
	if err != nil {
		return err
	}
	if len(p.Credentials) == 1 {
		return s.renderResult(c, p.Credentials[0], shown{full: true, again: again, file: digest(token)})
	}
	lang := s.kit.Lang(c)
	v := presentationView{
		Word: s.kit.T(lang, "presentation."+string(p.Verdict)+".word", nil), Sentence: s.kit.T(lang, "presentation."+string(p.Verdict)+".text", nil),
		Tone: "bad", Icon: "cross", Holder: p.Holder,
	}
	switch p.Verdict {
	case verifier.Valid:
		v.Tone, v.Icon = "good", "check"
	case verifier.Indeterminate:
		v.Tone, v.Icon = "warn", "question"
	}
	for _, check := range p.Checks {
		v.Checks = append(v.Checks, s.checkOf(check, lang))
	}
	for i, r := range p.Credentials {
		v.Rows = append(v.Rows, s.rowOf(r.Row(s.kit.T(lang, "presentation.number", map[string]any{"Number": i + 1}), lang), lang))
	}
	return s.kit.Render(c, http.StatusOK, "presentation", web.Page{Lang: lang, Tone: v.Tone, NoStore: true, Again: again, Data: v})
}

// rowView is a line of a table of credentials.
type rowView struct {
	verifier.Row
	Word, Tone, Why string
	Said            said
}

// rowOf adds the words of the first second.
func (s *Server) rowOf(row verifier.Row, lang string) rowView {
	state := row.State
	if _, ok := looks[state]; !ok {
		state = verifier.NotValid
	}
	v := rowView{Row: row, Word: s.kit.T(lang, "state."+string(state)+".word", map[string]any{"Date": ""}), Tone: looks[state].tone, Said: s.say(lang, row.Message)}
	v.Awarded = day(lang, row.Awarded)
	if id := "reason." + string(row.Reason); s.kit.HasText(id) {
		v.Why = s.kit.T(lang, id, nil)
	}
	return v
}
