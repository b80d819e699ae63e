package verifying

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"indeks/elm"
	"indeks/paper"
	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// receipt examines what is on the page once more, and answers with a record of that
// as a PDF.
func (s *Server) receipt(c echo.Context) error {
	web.NoStore(c)
	report, g, err := s.reexamine(c)
	if err != nil {
		return err
	}
	return s.writeReceipt(c, report, g.token)
}

// Receipt is what a program keeps of a verification: the report, of exactly which file,
// and by whom, with which program and by which list it was made.
type Receipt struct {
	FileSHA256 string        `json:"file_sha256"`
	Verifier   string        `json:"verifier,omitempty"`
	Program    string        `json:"program,omitempty"`
	TrustFile  *receiptTrust `json:"trust_file,omitempty"` // absent: nobody was vouched for
	Report     verifier.Wire `json:"report"`
}

type receiptTrust struct {
	Version  int       `json:"version"`
	Issued   time.Time `json:"issued"`
	SealedBy string    `json:"sealed_by,omitempty"`
}

// postReceipt is the receipt for programs, which give the file once more: what they have
// is examined again, so that a receipt says nothing that this verifier has not seen.
func (s *Server) postReceipt(c echo.Context) error {
	web.NoStore(c)
	body, err := readBody(c.Request(), nil)
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	asked, err := s.asked(c, body)
	if err != nil {
		return err
	}
	if asked.presentation || asked.options != (verifier.PresentationOptions{}) {
		return errNotOne // nobody's answer to a challenge stands in a receipt
	}
	report, err := s.examineOne(c.Request().Context(), asked.token)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Vary", "Accept")
	if accept := c.Request().Header.Get(echo.HeaderAccept); !strings.Contains(accept, echo.MIMEApplicationJSON) || strings.Contains(accept, "application/pdf") {
		return s.writeReceipt(c, report, asked.token)
	}
	lang := s.kit.Lang(c)
	r := Receipt{FileSHA256: digest(asked.token), Verifier: s.base, Program: s.program, Report: report.Wire(lang)}
	if t := s.trust; t != nil {
		r.TrustFile = &receiptTrust{Version: t.Version, Issued: t.Issued}
		if t.Sealed != nil {
			r.TrustFile.SealedBy = t.Sealed.Key
		}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing the receipt: %w", err)
	}
	c.Response().Header().Set("Content-Language", lang)
	return web.Blob(c, http.StatusOK, echo.MIMEApplicationJSON, raw)
}

// writeReceipt answers with the receipt for people.
func (s *Server) writeReceipt(c echo.Context, report *verifier.Report, token []byte) error {
	lang := s.kit.Lang(c)
	r := s.resultOf(report, lang, true)
	r.FileSHA256 = digest(token)
	file, err := paper.PDFReceipt(s.receiptOf(&r, lang))
	if err != nil {
		return err
	}
	// Names of files go into logs and lists of downloads, so this one names nobody.
	c.Response().Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="verification-%s-%.8s.pdf"`, report.CheckedAt.UTC().Format("20060102T1504Z"), r.FileSHA256))
	c.Response().Header().Set("Content-Language", lang)
	return c.Blob(http.StatusOK, "application/pdf", file)
}

// receiptOf writes down what a page of a result says, without the supplement: that is
// the credential's, and stands in it.
func (s *Server) receiptOf(r *result, lang string) paper.Receipt {
	t := func(id string, args map[string]any) string { return s.kit.T(lang, id, args) }
	section := func(id string, elements ...elm.Element) (kept elm.Section) {
		kept = elm.Section{ID: id, Label: t(id, nil)}
		for _, e := range elements {
			if len(e.Values) > 0 {
				kept.Elements = append(kept.Elements, e)
			}
		}
		return kept
	}
	of := func(label string, values ...elm.Value) elm.Element {
		e := elm.Element{Label: t(label, nil)}
		for _, v := range values {
			if v.Text != "" {
				e.Values = append(e.Values, v)
			}
		}
		return e
	}
	text := func(label, value string) elm.Element { return of(label, elm.Value{Text: brief(value)}) }
	plain := func(v *elm.Value) elm.Value { // without details: they are the supplement's
		if v == nil {
			return elm.Value{}
		}
		return elm.Value{Text: brief(v.Text), Lang: v.Lang}
	}
	at := web.Date(lang, r.CheckedAt) + r.CheckedAt.UTC().Format(", 15:04:05 UTC")

	out := paper.Receipt{Lang: lang, At: r.CheckedAt, Title: t("receipt.title", nil), Is: t("receipt.is", nil), Tone: r.Tone,
		Word: elm.Value{Text: r.Word}, Says: []string{r.Sentence}, Foot: t("receipt.title", nil) + " · " + at}
	if r.Why != "" {
		out.Says = append(out.Says, r.Why)
	}
	if r.Claim {
		out.Says = append(out.Says, t("claim.warning", nil))
	}

	// 1. What was checked.
	issuer := elm.Value{Text: r.Issuer.Name, Lang: r.Issuer.NameLang}
	if !r.Issuer.Confirmed {
		issuer = elm.Value{Text: t("about.issuer.none", nil)}
	}
	if r.Issuer.Claimed != "" {
		issuer.Detail = []elm.Line{{Label: t("issuer.claimed", nil), Text: brief(r.Issuer.Claimed)}}
	}
	what := section("receipt.what")
	if r.Facts || r.Said {
		what = section("receipt.what", of("about.title", plain(r.Title)), of("receipt.holder", plain(r.Holder)), of("about.issuer", issuer), of("about.awarded", plain(r.Awarded)), text("identity.sealed", r.SealedAt))
	}
	what.Elements = append(what.Elements, section("receipt.what",
		text("identity.file", r.FileSHA256), text("identity.digest", r.SHA256), text("identity.id", r.ID), text("identity.form", string(r.Form))).Elements...)

	// 2. Every check, made or not.
	checks := section("checks.title")
	for _, check := range r.Checks {
		v := elm.Value{Text: check.Outcome + ": " + check.Sentence}
		message := check.Message
		if check.Result == verifier.Passed { // a page has no room for it
			message = s.say(lang, check.Check.Message)
		}
		if message.Text != "" && message.Text != check.Sentence {
			v.Detail = append(v.Detail, elm.Line{Text: message.Text})
		}
		if why := strings.TrimSpace(message.Why + " " + message.At); why != "" {
			v.Detail = append(v.Detail, elm.Line{Text: why})
		}
		if message.Detail != "" {
			v.Detail = append(v.Detail, elm.Line{Text: message.Detail, Lang: "en"})
		}
		if check.Source != "" {
			v.Detail = append(v.Detail, elm.Line{Label: t("checks.source", nil), Text: brief(check.Source)})
		}
		checks.Elements = append(checks.Elements, elm.Element{Label: check.Label, Values: []elm.Value{v}})
	}

	// 3. When, by whom, by which list; and what none of it proves. On paper the first of
	// these stand before the checks.
	verdict := []string{string(r.Verdict)}
	for _, more := range []string{string(r.State), string(r.Reason)} {
		if more != "" && !slices.Contains(verdict, more) {
			verdict = append(verdict, more)
		}
	}
	how := section("how.title", text("receipt.at", at), text("how.host", r.Base), text("how.program", r.Program), text("how.trust", r.TrustFile), text("how.verdict", strings.Join(verdict, ", ")))
	not := elm.Section{Label: t("proves.not", nil), Elements: []elm.Element{{Values: []elm.Value{
		{Text: t("proves.not.person", nil)}, {Text: t("proves.not.quality", nil)}, {Text: t("proves.not.recognition", nil)}}}}}
	out.Sections = []elm.Section{what, how, checks, not}
	return out
}

// brief is a text as a sheet has room for it. A credential may be made of one.
func brief(text string) string {
	const most = 1000 // bytes
	text = elm.Clean(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
