package issuing

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/mail"
	"indeks/paper"
	"indeks/store"
	"indeks/web"
)

func (s *server) getHome(c echo.Context) error {
	return s.kit.Render(c, http.StatusOK, "home", web.Page{Data: struct {
		Institution issuer.Institution
		Name        string
		Demo        *Demo
	}{s.Institution, s.name(c), s.Demo}})
}

// name is the institution's name in the language of the request.
func (s *server) name(c echo.Context) string {
	names := s.Institution.LegalName
	for _, lang := range []string{s.kit.Lang(c), "en"} {
		if n := names[lang]; n != "" {
			return n
		}
	}
	for _, n := range names {
		return n
	}
	return s.Institution.DID
}

// byLink finds the award of a learner's link. A link that nobody was given, an
// award that is not sealed yet and a credential that is no award are the same 404.
func (s *server) byLink(c echo.Context) (store.Record, error) {
	web.NoStore(c)
	record, err := s.Store.ByLink(c.Request().Context(), c.Param("link"))
	if err == nil && record.Forms[string(elm.EDC)].Token == nil {
		err = store.ErrNotFound
	}
	return record, err
}

// look is how a state is shown: tone, icon and the id of its sentence.
type look struct{ tone, icon, text string }

var looks = map[store.State]look{
	store.Issued:    {"good", "check", "issuing.credential.issued"},
	store.Suspended: {"warn", "pause", "issuing.credential.suspended"},
	store.Revoked:   {"bad", "cross", "issuing.credential.revoked"},
}

// expired is how what has ended by itself is shown: it was earned all the same.
var expired = look{"warn", "clock", "issuing.credential.expired"}

func (s *server) getCredential(c echo.Context) error {
	record, err := s.byOwner(c)
	if err == errNewDevice {
		return s.renderDevice(c, http.StatusUnauthorized, record, wrongCode{})
	}
	if err != nil {
		return err
	}
	if issuer.Replaced(record) {
		return s.kit.Render(c, http.StatusGone, "replaced", web.Page{Tone: "bad", NoStore: true, Data: struct {
			Name string
			At   time.Time
		}{s.name(c), record.Changes[len(record.Changes)-1].At}})
	}
	// Whoever collects it by this link asks for the sealed file.
	c.Response().Header().Set("Vary", "Accept")
	if strings.Contains(c.Request().Header.Get("Accept"), "application/vc+jwt") {
		return c.Blob(http.StatusOK, "application/vc+jwt", record.Forms[string(elm.VC2)].Token)
	}
	// What the learner sees is read back from what was sealed, not from the record.
	cred, err := elm.Parse(record.Forms[string(elm.EDC)].Payload)
	if err != nil {
		return err
	}
	var since time.Time
	if n := len(record.Changes); n > 0 && record.State != store.Issued {
		since = record.Changes[n-1].At
	}
	supplement := elm.Supplement(cred, s.kit.Lang(c))
	look := looks[record.State]
	var renew string
	if record.Expired(web.Clock()) {
		look, since = expired, record.ValidUntil
		if o, err := s.catalogue.Offer(c.Request().Context(), record.Course, ""); err == nil && !o.FirstPublished.IsZero() {
			renew = s.catalogue.CoursePage(record.Course)
		}
	}
	// Why is said in words of ours alone, those of the letter: what a clerk wrote is for
	// the register.
	var reasonLabel, reason string
	why := issuer.PublicReason(record)
	if why != "" {
		why = "issuing.credential.why." + why
	} else if n := len(record.Changes); n > 0 && record.State != store.Issued {
		reasonLabel, reason = mail.Reason(s.kit.Lang(c), record.Changes[n-1].Code)
	}
	shares, err := s.Issuer.Shares(c.Request().Context(), record)
	if err != nil {
		return err
	}
	lasting := 0
	for _, share := range shares {
		if s.shareView(record, share, "").Over == "" {
			lasting++
		}
	}
	reports, err := s.Issuer.ReportsOf(c.Request().Context(), record)
	if err != nil {
		return err
	}
	answered, err := s.Issuer.Answered(c.Request().Context(), record)
	if err != nil {
		return err
	}
	verify := s.Issuer.VerifyURL(record)
	_, host, _ := strings.Cut(verify, "://")
	return s.kit.Render(c, http.StatusOK, "credential", web.Page{Tone: look.tone, NoStore: true, Data: struct {
		Record      store.Record
		Since       time.Time // since when it is no longer in force
		Renew       string    // page of the course, where what has ended may be earned anew
		Icon, State string
		Why         string
		Label       string // before Reason
		Reason      string
		Title       elm.Value
		Name        string
		Supplement  []elm.Section
		Claim       bool // never: the issuer itself says it
		Proved      bool // there is a form with an embedded proof
		Badge       bool // there is an Open Badge
		Verify      string
		Printed     string // what to type where a code cannot be scanned
		Shares      int    // that have not ended
		Reports     []issuer.LearnerReport
		Kept        bool // a report was just taken
		Object      bool // it is on hold or revoked, which can be objected to
		Mailing     bool // codes are asked for on new devices
		Answered    bool // the questions
	}{record, since, renew, look.icon, look.text, why, reasonLabel, reason, title(supplement, record.Title), s.name(c), supplement, false, downloads["credential.vc.json"].of(record), downloads["badge.jwt"].of(record), verify, strings.ToLower(strings.TrimSuffix(host, record.Public)) + record.Public,
		lasting, reports, c.QueryParam("report") == "kept", record.State == store.Suspended || record.State == store.Revoked, s.Issuer.KnownDevices(record), answered}})
}

// title is that of the supplement, which has it in the language of the page.
func title(sections []elm.Section, otherwise string) elm.Value {
	for _, section := range sections {
		for _, e := range section.Elements {
			if e.ID == "M2" && len(e.Values) > 0 {
				return e.Values[0]
			}
		}
	}
	return elm.Value{Text: otherwise}
}

// download is one file of a learner's credential: a sealed form of it, or what
// body makes, in a language where it has one.
type download struct {
	contentType string
	form        string
	body        func(ctx context.Context, s *server, r store.Record, lang string) ([]byte, error)
	kept        bool // what body makes is a file to keep, not a part of the page
}

// downloads are the files under a learner's link, by name.
var downloads = map[string]download{
	"credential.jsonld":  {contentType: "application/ld+json", form: string(elm.EDC)},
	"credential.jwt":     {contentType: "application/vc+jwt", form: string(elm.VC2)},
	"credential.vc.json": {contentType: "application/vc", form: string(issuer.ProvedAward)},
	"badge.jwt":          {contentType: "application/jwt", form: string(issuer.OpenBadge)},
	"certificate.pdf": {contentType: "application/pdf", kept: true, body: func(ctx context.Context, s *server, r store.Record, lang string) ([]byte, error) {
		printed, err := s.Issuer.Certificate(ctx, r, lang)
		if err != nil {
			return nil, err
		}
		return printed.PDF, nil
	}},
	"qr.png": {contentType: "image/png", body: func(_ context.Context, s *server, r store.Record, _ string) ([]byte, error) {
		return paper.PNG(s.Issuer.VerifyURL(r), 8)
	}},
	"qr.svg": {contentType: "image/svg+xml", body: func(_ context.Context, s *server, r store.Record, _ string) ([]byte, error) {
		return paper.SVG(s.Issuer.VerifyURL(r))
	}},
}

// of reports whether a record has the file: the form with an embedded proof and
// the Open Badge are there only where the institution had chosen them.
func (d download) of(r store.Record) bool {
	_, ok := r.Forms[d.form]
	return ok || d.form == ""
}

func (s *server) getDownload(c echo.Context) error {
	record, err := s.byOwner(c)
	if err != nil {
		return err
	}
	if issuer.Replaced(record) {
		return errReplaced
	}
	file, ok := downloads[c.Param("file")]
	if !ok || !file.of(record) {
		return store.ErrNotFound
	}
	if file.form != "" || file.kept {
		nameFile(c, record, c.Param("file"))
	}
	if file.form != "" {
		return c.Blob(http.StatusOK, file.contentType, record.Forms[file.form].Token)
	}
	body, err := file.body(c.Request().Context(), s, record, s.kit.Lang(c))
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, file.contentType, body)
}

// nameFile names a file to keep by its certificate number: learners keep several.
func nameFile(c echo.Context, r store.Record, name string) {
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+fileName(r.Number)+"-"+name+`"`)
}

// fileName keeps of a certificate number what any file system takes.
func fileName(number string) string {
	out := []byte(number)
	for i, b := range out {
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-') {
			out[i] = '-'
		}
	}
	return string(out)
}
