package issuing

import (
	"cmp"
	"context"
	"encoding/base64"
	"html/template"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/verifier"
	"indeks/web"
)

// What a learner shows, as whoever has the link sees it.

// shownLooks is how a verdict on what is shown looks.
var shownLooks = map[verifier.State]look{
	verifier.StateValid: {"good", "check", "issuing.shown.valid"}, verifier.Suspended: {"warn", "pause", "issuing.shown.suspended"},
	verifier.Revoked: {"bad", "cross", "issuing.shown.revoked"}, verifier.Expired: {"warn", "clock", "issuing.shown.expired"},
	verifier.StatusUnchecked: {"none", "question", "issuing.shown.unknown"}, verifier.IssuerUnknown: {"bad", "alert", "issuing.shown.stranger"},
	verifier.NotValid: {"bad", "cross", "issuing.share.word.forged"},
}

// shownDoubt is how all other states look.
var shownDoubt = look{"none", "question", "issuing.shown.doubt"}

func shownLook(state verifier.State) look {
	if l, ok := shownLooks[state]; ok {
		return l
	}
	return shownDoubt
}

// shownWords are the ids of the words for a verdict where there is no room for a
// sentence.
var shownWords = map[verifier.State]string{
	verifier.StateValid: "desk.state.issued", verifier.Suspended: "desk.state.suspended", verifier.Revoked: "desk.state.revoked", verifier.Expired: "desk.state.expired",
	verifier.IssuerUnknown: "desk.recognitions.unconfirmed", verifier.NotValid: "desk.recognitions.unconfirmed",
}

func shownWord(state verifier.State) string { return cmp.Or(shownWords[state], "stack.provisional") }

// examine examines a sealed file: what we have sealed as everybody does who trusts us,
// anything else with the verifier that is configured.
func (s *server) examine(ctx context.Context, file []byte) (*verifier.Report, error) {
	report, err := s.Issuer.Examine(ctx, file)
	if err == nil && !report.Issuer.Confirmed && s.Verifier != nil {
		report = s.Verifier.Verify(ctx, file)
	}
	return report, err
}

// shownFile is a file that is handed out with a page, which holds it.
type shownFile struct {
	Name string
	Text string       // id of its label
	Data template.URL // of scheme data
}

// shownFiles are the files that come with what is shown.
func shownFiles(shown *issuer.Shown) (files []shownFile) {
	if shown == nil || !shown.Download {
		return nil
	}
	add := func(name, media, text string, data []byte) {
		files = append(files, shownFile{name, text, template.URL("data:" + media + ";base64," + base64.StdEncoding.EncodeToString(data))}) // ours: media types of this program
	}
	for _, f := range shown.Files {
		name, media := issuer.FileKind(f.Data)
		text := "issuing.shown.file.sealed"
		if media == "application/pdf" {
			text = "issuing.credential.pdf"
		}
		if shown.Token != "" {
			name = f.Name
		}
		add(name, media, text, f.Data)
	}
	if shown.Token != "" {
		add("credential.sd-jwt", "application/dc+sd-jwt", "issuing.shown.file", []byte(shown.Token))
	}
	return files
}

// renderShown shows what somebody chose to show, with what the verifier says now; shown
// is nil for a public page.
func (s *server) renderShown(c echo.Context, report *verifier.Report, shown *issuer.Shown) error {
	if report.Credential == nil { // the key of its seal is lost since
		return s.shareProblem(issuer.ErrShareEnded)
	}
	look := shownLook(report.State)
	supplement := elm.Supplement(report.Credential, s.kit.Lang(c))
	data := struct {
		Icon, State, Name string
		Title             elm.Value
		Holder            string
		Supplement        []elm.Section
		Claim             bool // nobody vouches for the issuer
		Whole, Other      bool // nothing was kept back; another institution has sealed it
		Files             []shownFile
		FilePath          string // of a public page
		Verifier          string
		Checked           time.Time
	}{look.icon, look.text, s.issuerName(c, report), title(supplement, ""), holderName(report.Credential), supplement, !report.Issuer.Confirmed, shown != nil && len(shown.Files) > 0, shown != nil && shown.Token == "",
		shownFiles(shown), "", s.Institution.VerifierBase, report.CheckedAt}
	if shown == nil {
		data.FilePath = c.Request().URL.Path + "/credential.sd-jwt"
	}
	return s.kit.Render(c, http.StatusOK, "shown", web.Page{Tone: look.tone, NoStore: true, Data: data})
}

// issuerName is who sealed it, in the language of the request where that is us.
func (s *server) issuerName(c echo.Context, report *verifier.Report) string {
	if report.Issuer.DID == s.Institution.DID || report.Issuer.Name == "" {
		return s.name(c)
	}
	return report.Issuer.Name
}

// holderName is the learner's name, "" where it is not shown.
func holderName(cred *elm.Credential) string {
	if len(cred.Subject) == 0 {
		return ""
	}
	for _, one := range cred.Subject[0].FullName {
		if len(one.Values) > 0 {
			return one.Values[0]
		}
	}
	return ""
}

// examineRequest is what the page of a private link has decrypted, and asks about.
type examineRequest struct {
	SID  string `json:"sid"`
	File []byte `json:"file"`
}

// shownAnswer is what the verifier says of it, and the supplement, in the language of
// the page.
type shownAnswer struct {
	State      verifier.State `json:"state"`
	Tone       string         `json:"tone"`
	Icon       string         `json:"icon"`
	Sentence   string         `json:"sentence"`
	Title      shownText      `json:"title"`
	Holder     string         `json:"holder,omitempty"`
	Issuer     string         `json:"issuer"`
	Foreign    string         `json:"foreign,omitempty"` // in which languages texts stand that are not in this one
	Supplement []shownSection `json:"supplement"`
}

type shownSection struct {
	Label    string         `json:"label"`
	Elements []shownElement `json:"elements"`
}

type shownElement struct {
	Label  string      `json:"label"`
	Values []shownText `json:"values"`
}

type shownText struct {
	Text   string      `json:"text"`
	Lang   string      `json:"lang,omitempty"` // where it is not that of the page
	Link   string      `json:"link,omitempty"`
	Detail []shownText `json:"detail,omitempty"`
}

// postExamine answers the page of a private link, which has decrypted what is shown:
// the server is told what that is, and not the key, and keeps nothing of it.
func (s *server) postExamine(c echo.Context) error {
	web.NoStore(c)
	var req examineRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := s.Issuer.IsShared(ctx, req.SID); err != nil {
		return s.shareProblem(err)
	}
	report, err := s.examine(ctx, req.File)
	if err != nil {
		return err
	}
	if report.Credential == nil {
		return s.shareProblem(issuer.ErrShareEnded)
	}
	lang, look := s.kit.Lang(c), shownLook(report.State)
	supplement := elm.Supplement(report.Credential, lang)
	name := title(supplement, "")
	answer := shownAnswer{State: report.State, Tone: look.tone, Icon: look.icon, Sentence: s.kit.T(lang, look.text, nil), Title: shownText{Text: name.Text, Lang: name.Lang},
		Holder: holderName(report.Credential), Issuer: s.issuerName(c, report), Supplement: []shownSection{}}
	if others := web.OtherLanguages(supplement, lang); others != "" {
		answer.Foreign = s.kit.T(lang, "supplement.other-language", map[string]any{"Languages": others})
	}
	for _, section := range supplement {
		out := shownSection{Label: section.Label}
		for _, e := range section.Elements {
			element := shownElement{Label: e.Label, Values: []shownText{}}
			for _, v := range e.Values {
				text := shownText{Text: v.Text, Lang: v.Lang, Link: v.Link}
				for _, line := range v.Detail {
					detail := shownText{Text: line.Text, Lang: line.Lang}
					if line.Label != "" {
						detail.Text = line.Label + ": " + line.Text
					}
					text.Detail = append(text.Detail, detail)
				}
				element.Values = append(element.Values, text)
			}
			if len(element.Values) > 0 {
				out.Elements = append(out.Elements, element)
			}
		}
		answer.Supplement = append(answer.Supplement, out)
	}
	return writeJSON(c, http.StatusOK, answer)
}
