package issuing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/elm"
	"indeks/issuer"
	"indeks/paper"
	"indeks/store"
	"indeks/verifier"
	"indeks/web"
)

// shareDays are the ends that the form offers.
var shareDays = []int{7, 30, 90}

// pinsAtOnce bounds how many PINs are hashed at a time, each in 19 MiB.
const pinsAtOnce = 4

// shareView is a share as its owner sees it.
type shareView struct {
	Key                     string // hex
	Label, Purpose, LastDay string
	Shown                   []issuer.Part
	Created, Expires        time.Time
	Opens, MaxOpens         int
	PIN, Locked, Public     bool
	Over                    string // id of a text, "" while it lasts
	Link, LinkedIn, Badge   string // of a public page; Badge is a path here
	Embed                   string
}

// shareChoices is what the form of a private share has chosen.
type shareChoices struct {
	Show                           map[issuer.Part]bool
	Days                           int
	PIN, Opens, Label, Purpose, In string
	Whole, Download, Notify        bool
	More                           bool // something that is folded away
}

// choicesOf are those of a form; of none, what it begins with.
func choicesOf(form url.Values) shareChoices {
	if form == nil {
		return shareChoices{Show: map[issuer.Part]bool{"name": true, "outcomes": true}, Days: issuer.ShareDays}
	}
	made := shareChoices{Show: map[issuer.Part]bool{}, PIN: form.Get("pin"), Opens: form.Get("opens"), Label: form.Get("label"), Purpose: form.Get("purpose"), In: form.Get("in"),
		Whole: form.Get("whole") != "", Download: form.Get("download") != "", Notify: form.Get("notify") != ""}
	for _, part := range form["show"] {
		made.Show[issuer.Part(part)] = true
	}
	made.Days, _ = strconv.Atoi(form.Get("days"))
	made.More = made.Opens+made.Label+made.Purpose+made.In != "" || made.Download || made.Notify
	return made
}

// newShare is what the page says once of a link that was just made.
type newShare struct {
	Link, Expires string
	PIN           bool
	QR            template.HTML
}

func (s *server) shareView(r store.Record, share store.Share, title string) shareView {
	v := shareView{
		Key: hex.EncodeToString(share.Key[:]), Label: share.Label, Purpose: share.Purpose, LastDay: share.LastDay, Created: share.Created, Expires: share.Expires,
		Opens: share.Opens, MaxOpens: share.MaxOpens, PIN: share.PIN != "", Locked: share.PIN != "" && share.PINLeft == 0, Public: share.Public,
	}
	for _, part := range share.Shown {
		v.Shown = append(v.Shown, issuer.Part(part))
	}
	switch {
	case !share.Ended.IsZero():
		v.Over = "issuing.shares.ended"
	case web.Clock().After(share.Expires):
		v.Over = "issuing.shares.expired"
	case share.MaxOpens > 0 && share.Opens >= share.MaxOpens:
		v.Over = "issuing.shares.used"
	}
	if path := issuer.PublicPage(share); path != "" && v.Over == "" {
		v.Link = s.Institution.PublicBase + path
		v.Badge = path + "/badge.svg"
		v.LinkedIn = s.linkedIn(r, title, v.Link)
		v.Embed = `<a href="` + v.Link + `"><img src="` + v.Link + `/badge.svg" alt="` + template.HTMLEscapeString(title) + `" width="320" height="96"></a>`
	}
	return v
}

// linkedIn is the address that adds an award to a profile. It names the award and
// never the learner.
func (s *server) linkedIn(r store.Record, title, link string) string {
	q := url.Values{
		"startTask": {"CERTIFICATION_NAME"}, "name": {title}, "organizationName": {s.Institution.LegalName["en"]}, "certUrl": {link}, "certId": {r.Number},
	}
	if q.Get("organizationName") == "" {
		q.Set("organizationName", s.nameIn("en"))
	}
	if day, err := time.Parse(time.DateOnly, r.AwardingDate); err == nil {
		q.Set("issueYear", strconv.Itoa(day.Year()))
		q.Set("issueMonth", strconv.Itoa(int(day.Month())))
	}
	if !r.ValidUntil.IsZero() {
		q.Set("expirationYear", strconv.Itoa(r.ValidUntil.Year()))
		q.Set("expirationMonth", strconv.Itoa(int(r.ValidUntil.Month())))
	}
	return "https://www.linkedin.com/profile/add?" + q.Encode()
}

func (s *server) getShares(c echo.Context) error {
	r, err := s.byOwner(c)
	if err != nil {
		return err
	}
	return s.renderShares(c, http.StatusOK, r, nil, nil, nil)
}

// renderShares shows the shares of an award, with one that was just made, or a form that
// was not taken and why.
func (s *server) renderShares(c echo.Context, status int, r store.Record, made *newShare, refused url.Values, wrong []fault) error {
	list, err := s.Issuer.Shares(c.Request().Context(), r)
	if err != nil {
		return err
	}
	cred, err := elm.Parse(r.Forms[string(elm.EDC)].Payload)
	if err != nil {
		return err
	}
	award := title(elm.Supplement(cred, s.kit.Lang(c)), r.Title)
	data := struct {
		Page, Name  string
		Title       elm.Value
		Made        *newShare
		Wrong       []fault
		Open, Over  []shareView
		Parts       []issuer.Part
		Days        []int
		Form        shareChoices
		In          []option // languages, also where the page itself has no other
		MayShare    bool
		Mailing     bool
		MinPIN      int
		MaxPIN      int
		MaxDays     int
		MaxOpens    int
		AlwaysShown bool
	}{Page: learnerPath(r), Name: s.name(c), Title: award, Made: made, Wrong: wrong, Parts: issuer.Parts(), Days: shareDays, Form: choicesOf(refused),
		MayShare: r.State == store.Issued || r.State == store.Suspended, Mailing: s.Issuer.KnownDevices(r), MinPIN: issuer.MinPIN, MaxPIN: issuer.MaxPIN, MaxDays: issuer.MaxShareDays, MaxOpens: issuer.MaxOpens}
	for _, tag := range s.kit.Languages() {
		data.In = append(data.In, option{tag, web.LanguageName(tag), tag == data.Form.In, ""})
	}
	for _, share := range list {
		if v := s.shareView(r, share, award.Text); v.Over == "" {
			data.Open = append(data.Open, v)
		} else {
			data.Over = append(data.Over, v)
		}
	}
	return s.kit.Render(c, status, "shares", web.Page{NoStore: true, Failed: wrong != nil, Data: data, Scripts: []string{"copy.js"}})
}

// terms are those of a share that the form or the API asks for.
func (s *server) terms(ctx context.Context, r *ShareRequest) (issuer.ShareTerms, error) {
	t := issuer.ShareTerms{Public: r.Kind == "public", Expires: r.Expires, MaxOpens: r.MaxOpens, Label: strings.TrimSpace(r.Label), Purpose: strings.TrimSpace(r.Purpose),
		Download: r.Download, Notify: r.Notify, Whole: r.Whole, Lang: r.Lang}
	for _, part := range r.Disclose {
		t.Show = append(t.Show, issuer.Part(part))
	}
	if r.PIN != "" {
		if !issuer.ValidPIN(r.PIN) {
			return t, &issuer.Problems{List: []issuer.Problem{{Field: "/pin", Rule: "share-pin", Want: fmt.Sprintf("expected %d to %d digits", issuer.MinPIN, issuer.MaxPIN)}}}
		}
		select {
		case s.pins <- struct{}{}:
			t.PIN = accounts.HashPIN(r.PIN)
			<-s.pins
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
	return t, nil
}

// shareForm reads the form of a share.
func shareForm(form url.Values) ShareRequest {
	r := ShareRequest{Kind: form.Get("kind"), Disclose: form["show"], PIN: strings.TrimSpace(form.Get("pin")), Label: form.Get("label"), Purpose: form.Get("purpose"),
		Download: form.Get("download") != "", Notify: form.Get("notify") != "", Whole: form.Get("whole") != "", Lang: form.Get("in")}
	if days, _ := strconv.Atoi(form.Get("days")); days > 0 && days <= issuer.MaxShareDays { // none is the default
		r.Expires = web.Clock().AddDate(0, 0, days)
	}
	if opens := strings.TrimSpace(form.Get("opens")); opens != "" {
		var err error
		if r.MaxOpens, err = strconv.Atoi(opens); err != nil {
			r.MaxOpens = -1 // refused: it was meant to have an end
		}
	}
	return r
}

// shareFaults are what is wrong with a form, in the language of the page where a person
// can have filled it in so.
func (s *server) shareFaults(lang string, found *issuer.Problems) (wrong []fault) {
	say := func(label, text string) { wrong = append(wrong, fault{Text: label + ": " + text, Lang: lang}) }
	label := func(name string) string { return s.kit.T(lang, "issuing.shares."+name, nil) }
	for _, p := range found.List {
		switch p.Rule {
		case "share-pin":
			say("PIN", s.kit.T(lang, "issuing.shares.pin.text", map[string]any{"Min": issuer.MinPIN, "Max": issuer.MaxPIN}))
		case "share-opens":
			say(label("opens"), fmt.Sprintf("1–%d", issuer.MaxOpens))
		case "share-text":
			say(label(strings.TrimPrefix(p.Field, "/")), s.kit.T(lang, "cell.cell-size", nil))
		default:
			wrong = append(wrong, s.ruleFault(lang, p, ""))
		}
	}
	return wrong
}

func (s *server) postShare(c echo.Context) error {
	r, err := s.byOwner(c)
	if err != nil {
		return err
	}
	if issuer.Replaced(r) {
		return errReplaced
	}
	form, err := c.FormParams()
	if err != nil {
		return badForm(err)
	}
	return s.makeShare(c, r, form, nil)
}

// makeShare makes a share of an award, or of another credential on its page, as a form
// says, and shows its link this once.
func (s *server) makeShare(c echo.Context, r store.Record, form url.Values, of *issuer.Collected) error {
	ctx := c.Request().Context()
	req := shareForm(form)
	terms, err := s.terms(ctx, &req)
	terms.Of = of
	var share store.Share
	var link issuer.ShareLink
	if err == nil {
		share, link, err = s.Issuer.Share(ctx, r, terms)
	}
	if found, ok := errors.AsType[*issuer.Problems](err); ok {
		wrong := s.shareFaults(s.kit.Lang(c), found)
		switch {
		case of != nil:
			return s.renderCollection(c, http.StatusUnprocessableEntity, r, secretOf(c), wrong[0].Text)
		case terms.Public:
			form = nil
		}
		return s.renderShares(c, http.StatusUnprocessableEntity, r, nil, form, wrong)
	}
	if err != nil {
		return s.waiting(err)
	}
	whole := s.Institution.PublicBase + link.Path()
	made := &newShare{Link: whole, Expires: web.Date(s.kit.Lang(c), share.Expires), PIN: share.PIN != ""}
	if code, err := paper.SVG(whole); err == nil {
		made.QR = template.HTML(code) // made by us of an address of ours
	}
	return s.renderShares(c, http.StatusCreated, r, made, nil, nil)
}

// badForm is a form that cannot be read.
func badForm(err error) error {
	return &web.Problem{Status: http.StatusBadRequest, Title: "The form cannot be read", Err: err}
}

func (s *server) postShareStep(c echo.Context) error {
	ctx := c.Request().Context()
	r, err := s.byOwner(c)
	if err != nil {
		return err
	}
	key, err := shareKeyParam(c)
	if err != nil {
		return err
	}
	switch c.Param("step") {
	case "end":
		_, err = s.Issuer.EndShare(ctx, r, key)
	case "extend":
		days, _ := strconv.Atoi(c.FormValue("days"))
		_, err = s.Issuer.ExtendShare(ctx, r, key, web.Clock().AddDate(0, 0, days))
	case "unlock":
		_, err = s.Issuer.UnlockShare(ctx, r, key)
	default:
		err = store.ErrNotFound
	}
	if err != nil {
		return s.noShare(problems(err, ""))
	}
	return c.Redirect(http.StatusSeeOther, learnerPath(r)+"/shares")
}

// shareKeyParam is the key of a share in a path: the digest of its id, which is no
// secret.
func shareKeyParam(c echo.Context) (key [32]byte, err error) {
	raw, err := hex.DecodeString(c.Param("share"))
	if err != nil || len(raw) != len(key) {
		return key, store.ErrNotFound
	}
	return [32]byte(raw), nil
}

// getShare is the page behind a private link: the same for every id, also for one
// that never was, so that what looks at links before people do learns nothing and
// counts for nothing.
func (s *server) getShare(c echo.Context) error {
	return s.kit.Render(c, http.StatusOK, "share", web.Page{NoStore: true, Scripts: []string{"share.js"}, Data: struct {
		Verifier string
		Parts    []issuer.Part
	}{s.Institution.VerifierBase, issuer.Parts()}})
}

// shareWords are the texts that the script of that page writes, by the ends of their
// ids.
var shareWords = []string{
	"busy", "trouble", "outcomes", "credits", "hours", "level", "degree", "assessment", "grade", "awarded", "until", "birth", "by", "quality", "left",
	"seal", "forged", "status", "unasked", "here", "part", "there",
}

// openRequest is what opens a private share.
type openRequest struct {
	SID string `json:"sid"`
	PIN string `json:"pin"`
}

// openAnswer is what it shows, still encrypted.
type openAnswer struct {
	Content []byte    `json:"content"`
	Expires time.Time `json:"expires"`
}

func (s *server) postOpenShare(c echo.Context) error {
	web.NoStore(c)
	var req openRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	share, err := s.openShare(c, req.SID, req.PIN)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, openAnswer{share.Content, share.Expires})
}

// openShare opens a share for whoever has its id and PIN.
func (s *server) openShare(c echo.Context, id, pin string) (store.Share, error) {
	var matches func(string) bool
	if pin = strings.TrimSpace(pin); pin != "" {
		matches = func(hash string) bool {
			s.pins <- struct{}{}
			defer func() { <-s.pins }()
			return accounts.PINMatches(hash, pin)
		}
	}
	share, err := s.Issuer.OpenShare(c.Request().Context(), strings.ToUpper(strings.TrimSpace(id)), matches)
	return share, s.shareProblem(err)
}

// What is not there any more and what never was are answered in the same words.
const textShareOver = "issuing.share.over"

// shareProblem is how a share that does not open is answered.
func (s *server) shareProblem(err error) error {
	if wrong, ok := errors.AsType[*issuer.PINError](err); ok {
		p := &web.Problem{Status: http.StatusUnauthorized, Type: "urn:indeks:pin", Title: "A PIN is asked for", Detail: fmt.Sprintf("%d tries are left", wrong.Left), Text: "issuing.share.pin", Err: err}
		if wrong.Given && wrong.Left == 0 {
			p.Type, p.Title, p.Text = "urn:indeks:pin-locked", "Too many wrong PINs: its owner has to unlock it", "issuing.share.locked"
		} else if wrong.Given {
			p.Type, p.Title = "urn:indeks:pin-wrong", "The PIN is wrong"
		}
		return p
	}
	switch {
	case errors.Is(err, issuer.ErrShareEnded):
		return &web.Problem{Status: http.StatusGone, Title: "Nothing is shown here any more", Text: textShareOver, Err: err}
	case errors.Is(err, store.ErrNotFound):
		return &web.Problem{Status: http.StatusNotFound, Title: "Nothing is shown here any more", Text: textShareOver, Err: err}
	}
	return s.waiting(err)
}

// postViewShare is for browsers without scripts: the whole link comes in a form, and
// what it shows is decrypted here and kept nowhere.
func (s *server) postViewShare(c echo.Context) error {
	web.NoStore(c)
	link, ok := parseShareLink(c.FormValue("link"))
	if !ok {
		return s.shareProblem(store.ErrNotFound)
	}
	share, err := s.openShare(c, link.ID, c.FormValue("pin"))
	if err != nil {
		return err
	}
	shown, err := issuer.DecryptShare(link, share.Content)
	if err != nil {
		return s.shareProblem(err)
	}
	report, err := s.examine(c.Request().Context(), shown.Sealed())
	if err != nil {
		return err
	}
	return s.renderShown(c, report, &shown)
}

// parseShareLink takes a private link apart, whatever stands before it.
func parseShareLink(text string) (issuer.ShareLink, bool) {
	before, fragment, ok := strings.Cut(strings.TrimSpace(text), "#")
	key, err := base64.RawURLEncoding.DecodeString(fragment)
	if !ok || err != nil || len(key) != 32 {
		return issuer.ShareLink{}, false
	}
	before, _, _ = strings.Cut(before, "?")
	id := strings.ToUpper(before[strings.LastIndexByte(before, '/')+1:])
	return issuer.ShareLink{ID: id, Key: key}, true
}

// publicShare finds a public page, with what it shows and what our verifier says of it.
func (s *server) publicShare(c echo.Context) (store.Record, []byte, *verifier.Report, error) {
	web.NoStore(c)
	r, token, report, err := s.Issuer.PublicShare(c.Request().Context(), c.Param("page"))
	return r, token, report, s.shareProblem(err)
}

func (s *server) getPublicPage(c echo.Context) error {
	_, _, report, err := s.publicShare(c)
	if err != nil {
		return err
	}
	return s.renderShown(c, report, nil)
}

func (s *server) getPublicFile(c echo.Context) error {
	_, token, _, err := s.publicShare(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="credential.sd-jwt"`)
	return c.Blob(http.StatusOK, "application/dc+sd-jwt", token)
}

// getBadge is a picture for other sites, which says whose award it is and whether it
// is in force; whoever wants to know more follows the link around it.
func (s *server) getBadge(c echo.Context) error {
	_, _, report, err := s.publicShare(c)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	ground, mark, text := "#12633a", "✓", "issuing.badge.valid"
	if report.Verdict != verifier.Valid {
		ground, mark, text = "#48556a", "–", "issuing.badge.invalid"
	}
	var b bytes.Buffer
	write := func(s string, most int) string {
		runes := []rune(s)
		if len(runes) > most {
			runes = append(runes[:most-1], '…')
		}
		var text bytes.Buffer
		xml.EscapeText(&text, []byte(string(runes))) // a Buffer takes all writes
		return text.String()
	}
	award := title(elm.Supplement(report.Credential, lang), "")
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="96" viewBox="0 0 320 96" role="img"><title>%s</title>`, write(award.Text, 200))
	fmt.Fprintf(&b, `<rect width="320" height="96" rx="12" fill="#fff"/><rect x=".5" y=".5" width="319" height="95" rx="11.5" fill="none" stroke="#c9d2df"/><path d="M12 0h52v96H12A12 12 0 0 1 0 84V12A12 12 0 0 1 12 0z" fill="%s"/>`, ground)
	fmt.Fprintf(&b, `<g font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif"><text x="32" y="58" font-size="28" font-weight="700" fill="#fff" text-anchor="middle">%s</text>`, mark)
	fmt.Fprintf(&b, `<text x="78" y="34" font-size="15" font-weight="700" fill="#152033">%s</text><text x="78" y="56" font-size="12.5" fill="#3d4a5f">%s</text><text x="78" y="78" font-size="11.5" fill="%s">%s</text></g></svg>`+"\n",
		write(award.Text, 24), write(s.name(c), 36), ground, write(s.kit.T(lang, text, nil), 40))
	h := c.Response().Header()
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // it is there to stand on other sites
	h.Set("Cache-Control", "no-cache, max-age=0")
	return c.Blob(http.StatusOK, "image/svg+xml", b.Bytes())
}

func (s *server) nameIn(lang string) string {
	if n := s.Institution.LegalName[lang]; n != "" {
		return n
	}
	for _, tag := range slices.Sorted(maps.Keys(s.Institution.LegalName)) {
		return s.Institution.LegalName[tag]
	}
	return s.Institution.DID
}
