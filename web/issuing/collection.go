package issuing

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/verifier"
	"indeks/web"
)

// The learner's page also keeps what other issuers have sealed, encrypted under a
// secret that the records have not: it stands in the part of a link that no browser
// sends, or in a cookie of this page alone, so that none of it needs a script.

const collectionCookie = "collection"

// collectedView is a credential of another issuer as its owner sees it.
type collectedView struct {
	issuer.Collected
	Tone, Word, Sentence string // ids of texts
}

// collectionPage is where the collection of a learner's page is.
func collectionPage(r store.Record) string { return learnerPath(r) + "/collection" }

// secretOf is the secret that a device sends, nil where there is none.
func secretOf(c echo.Context) []byte {
	cookie, err := c.Cookie(collectionCookie)
	if err != nil {
		return nil
	}
	secret, ok := issuer.ReadCollectionPart(cookie.Value)
	if !ok {
		return nil
	}
	return secret
}

// keepSecret has this device send a secret; nil ends that.
func (s *server) keepSecret(c echo.Context, r store.Record, secret []byte) {
	cookie := &http.Cookie{Name: collectionCookie, Value: issuer.CollectionPart(secret), Path: learnerPath(r), MaxAge: int(issuer.DeviceTime() / time.Second),
		HttpOnly: true, Secure: s.Kit.HTTPS, SameSite: http.SameSiteStrictMode}
	if secret == nil {
		cookie.MaxAge = -1
	}
	c.SetCookie(cookie)
}

func (s *server) getCollection(c echo.Context) error {
	r, err := s.byHolder(c)
	if err != nil {
		return err
	}
	return s.renderCollection(c, http.StatusOK, r, secretOf(c), "")
}

// byHolder is byOwner for what is not there once the award was replaced: the page of
// the new one has it.
func (s *server) byHolder(c echo.Context) (store.Record, error) {
	r, err := s.byOwner(c)
	if err == nil && issuer.Replaced(r) {
		err = errReplaced
	}
	return r, err
}

// notCollected shows it after what was not taken, which a text says.
func (s *server) notCollected(c echo.Context, r store.Record, text string) error {
	return s.renderCollection(c, http.StatusUnprocessableEntity, r, secretOf(c), s.kit.T(s.kit.Lang(c), text, nil))
}

// renderCollection shows the collection; wrong is what is wrong with what was sent, or "".
func (s *server) renderCollection(c echo.Context, status int, r store.Record, secret []byte, wrong string) error {
	open, closed, err := s.Issuer.Collection(c.Request().Context(), r, secret)
	if err != nil {
		return err
	}
	cred, err := elm.Parse(r.Forms[string(elm.EDC)].Payload)
	if err != nil {
		return err
	}
	data := struct {
		Page, Name string
		Own        elm.Value // this award
		Open       []collectedView
		Closed     int
		Link       string // of the collection, where the device has its secret
		Wrong      string
		Verifies   bool
		Days       []int
		Day        int
		Mailing    bool
		MinPIN     int
		MaxPIN     int
		MaxFile    int // MiB
		MaxKept    int
	}{Page: learnerPath(r), Name: s.name(c), Own: title(elm.Supplement(cred, s.kit.Lang(c)), r.Title), Closed: closed, Wrong: wrong, Verifies: s.Verifier != nil,
		Days: shareDays, Day: issuer.ShareDays, Mailing: s.Issuer.KnownDevices(r), MinPIN: issuer.MinPIN, MaxPIN: issuer.MaxPIN, MaxFile: issuer.MaxCollectedFile >> 20, MaxKept: store.MaxKept}
	for _, one := range open {
		look := shownLook(one.State)
		data.Open = append(data.Open, collectedView{one, look.tone, shownWord(one.State), look.text})
	}
	if secret != nil {
		data.Link = s.Institution.PublicBase + collectionPage(r) + "#" + issuer.CollectionPart(secret)
	}
	return s.kit.Render(c, status, "collection", web.Page{NoStore: true, Failed: data.Wrong != "", Data: data, Scripts: []string{"copy.js", "collection.js"}})
}

// collectProblems are the texts of what cannot be added.
var collectProblems = []struct {
	is   error
	text string
}{
	{issuer.ErrNotCollected, "issuing.collection.no"},
	{errNewDevice, "issuing.collection.code"},
	{verifier.ErrForbidden, "issuing.collection.stranger"},
	{verifier.ErrUnavailable, "issuing.collection.code"},
	{verifier.ErrNotFound, "issuing.collection.nothing"},
	{store.ErrNotFound, "issuing.collection.nothing"},
	{store.ErrTooMany, "issuing.collection.full"},
}

// postCollection adds a credential, by its link, its text or its file. The first one
// makes the secret.
func (s *server) postCollection(c echo.Context) error {
	r, err := s.byHolder(c)
	if err != nil {
		return err
	}
	secret := secretOf(c)
	made := secret == nil
	if made {
		secret = issuer.NewCollectionSecret()
	}
	if s.Verifier == nil {
		return &web.Problem{Status: http.StatusConflict, Title: "No verifier is configured"}
	}
	text := strings.TrimSpace(c.FormValue("text"))
	var file []byte
	if part, _, err := c.Request().FormFile("file"); err == nil {
		defer part.Close()
		if file, err = io.ReadAll(part); err != nil {
			return badForm(err)
		}
	}
	if len(file) == 0 && text == "" {
		return s.notCollected(c, r, "issuing.collection.none")
	}
	_, err = s.Issuer.Collect(c.Request().Context(), r, secret, s.kit.Lang(c), func(ctx context.Context) ([]byte, *verifier.Report, error) {
		if len(file) == 0 {
			var err error
			if file, err = s.sealedAt(ctx, c, text); err != nil {
				return nil, nil, err
			}
		}
		return file, s.Verifier.Verify(ctx, file), nil
	})
	for _, p := range collectProblems {
		if errors.Is(err, p.is) {
			return s.notCollected(c, r, p.text)
		}
	}
	if err != nil {
		return s.waiting(err)
	}
	if made {
		s.keepSecret(c, r, secret)
	}
	return c.Redirect(http.StatusSeeOther, collectionPage(r))
}

// sealedAt is the credential that a text is, or leads to: a page of ours, or whatever
// link a verifier follows.
func (s *server) sealedAt(ctx context.Context, c echo.Context, text string) ([]byte, error) {
	if !strings.HasPrefix(strings.ToLower(text), "http") {
		return []byte(text), nil
	}
	if link, ours := strings.CutPrefix(text, s.Institution.PublicBase+"/h/"); ours {
		link, _, _ = strings.Cut(link, "#")
		link, _, _ = strings.Cut(link, "?")
		link, _, _ = strings.Cut(link, "/")
		other, err := s.Store.ByLink(ctx, link)
		if err != nil {
			return nil, err
		}
		if s.Issuer.KnownDevices(other) { // a cookie of that page would say so, which this one is not sent
			return nil, errNewDevice
		}
		if form := other.Forms[string(elm.EDC)]; form.Token != nil && !issuer.Replaced(other) {
			return form.Token, nil
		}
		return nil, store.ErrNotFound
	}
	return s.Verifier.FetchLink(ctx, text)
}

// postCollectionStep does one thing with the collection, or with one of it.
func (s *server) postCollectionStep(c echo.Context) error {
	ctx := c.Request().Context()
	r, err := s.byHolder(c)
	if err != nil {
		return err
	}
	secret := secretOf(c)
	switch c.Param("step") {
	case "open":
		given, ok := issuer.ReadCollectionPart(c.FormValue("link"))
		open, closed, err := s.Issuer.Collection(ctx, r, given)
		if err != nil {
			return err
		}
		if !ok || len(open) == 0 && closed > 0 {
			return s.notCollected(c, r, "issuing.collection.wrong")
		}
		s.keepSecret(c, r, given)
	case "forget":
		s.keepSecret(c, r, nil)
	case "remove":
		err = s.Issuer.Uncollect(ctx, r, c.FormValue("id"))
	case "clear":
		err = s.Issuer.UncollectClosed(ctx, r, secret)
	case "share":
		form, err := c.FormParams()
		if err != nil {
			return badForm(err)
		}
		one, err := s.collected(ctx, r, secret, form.Get("id"))
		if err != nil {
			return err
		}
		return s.makeShare(c, r, form, &one)
	default:
		err = echo.ErrNotFound
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, collectionPage(r))
}

// collected is one of the collection, by its id.
func (s *server) collected(ctx context.Context, r store.Record, secret []byte, id string) (issuer.Collected, error) {
	open, _, err := s.Issuer.Collection(ctx, r, secret)
	if err != nil {
		return issuer.Collected{}, err
	}
	n := slices.IndexFunc(open, func(one issuer.Collected) bool { return one.ID == id })
	if n < 0 {
		return issuer.Collected{}, store.ErrNotFound
	}
	return open[n], nil
}

// getCollected gives back a file as it was added.
func (s *server) getCollected(c echo.Context) error {
	r, err := s.byHolder(c)
	if err != nil {
		return err
	}
	one, err := s.collected(c.Request().Context(), r, secretOf(c), c.Param("id"))
	if err != nil {
		return err
	}
	name, media := issuer.FileKind(one.File)
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, media, one.File)
}

// stackRow is a credential of a stack, with the verdict on it.
type stackRow struct {
	verifier.WireItem
	Word, Tone string
	Holder     *elm.Value
}

// getStack shows what the award and the collection add up to, each examined now.
func (s *server) getStack(c echo.Context) error {
	r, err := s.byHolder(c)
	if err != nil {
		return err
	}
	ctx, lang := c.Request().Context(), s.kit.Lang(c)
	if err := s.Issuer.MayStack(ctx, r); err != nil {
		return s.waiting(err)
	}
	open, closed, err := s.Issuer.Collection(ctx, r, secretOf(c))
	if err != nil {
		return err
	}
	files := [][]byte{r.Forms[string(elm.EDC)].Token}
	for _, one := range open {
		files = append(files, one.File)
	}
	var reports []*verifier.Report
	for _, file := range files {
		report, err := s.examine(ctx, file)
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	// That they are one person's is the word of whoever keeps them here; those that
	// contradict each other are not united by it.
	stack := verifier.Stack(reports, true)
	data := struct {
		verifier.WireStack
		Page    string
		Rows    []stackRow
		Others  int
		Closed  int
		Mailing bool
	}{WireStack: stack.Wire(lang), Page: learnerPath(r), Others: len(open), Closed: closed, Mailing: s.Issuer.KnownDevices(r)}
	for _, item := range data.Items {
		row := stackRow{WireItem: item, Word: s.kit.T(lang, shownWord(item.State), nil), Tone: shownLook(item.State).tone}
		if day, err := time.Parse(time.DateOnly, item.Awarded); err == nil {
			row.Awarded = web.Date(lang, day)
		}
		data.Rows = append(data.Rows, row)
	}
	return s.kit.Render(c, http.StatusOK, "stack", web.Page{NoStore: true, Data: data})
}
