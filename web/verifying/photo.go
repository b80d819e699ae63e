package verifying

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"indeks/elm"
	"indeks/paper"
	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

const (
	maxPhoto  = 8 << 20 // bytes of the largest picture: as telephones make them
	maxPhotos = 8       // that are read or wait
)

// readPhoto reads the text of a code in a picture. One picture is read at a time: each
// takes much memory and a processor for a moment, and credentials come first. Nor do
// pictures wait in the queue of credentials: a few would fill it for minutes.
func (s *Server) readPhoto(ctx context.Context, file []byte) (text string, err error) {
	leave, err := join(s.photoQueue)
	if err != nil {
		return "", err
	}
	defer leave()
	select {
	case s.photos <- struct{}{}:
		defer func() { <-s.photos }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	panicked := unpanicked(func() { text, err = paper.ReadPhoto(file) })
	return text, errors.Join(panicked, err)
}

// A code of a certificate holds an address with the id, or is an offline code.
var (
	onlineCode = regexp.MustCompile(`(?i)^https?://([^/?#]+)(?:/[^?#]*)?/c/([0-9a-z]{26})$`)
	hostOfCode = regexp.MustCompile(`(?i)^https?://([^/?#]+)/`)
)

// photo checks the code in a picture.
func (s *Server) photo(c echo.Context, file []byte) error {
	text, err := s.readPhoto(c.Request().Context(), file)
	if err != nil {
		return err
	}
	return s.code(c, text)
}

// scanned checks the code on a page that was scanned into a PDF; found says whether
// there is one.
func (s *Server) scanned(c echo.Context, pdf []byte) (found bool, err error) {
	for _, picture := range paper.Scans(pdf) {
		text, err := s.readPhoto(c.Request().Context(), picture)
		switch {
		case err == nil:
			return true, s.code(c, text)
		case !errors.Is(err, paper.ErrNoCode) && !errors.Is(err, paper.ErrPicture):
			return true, err
		}
	}
	return false, nil
}

// code checks what a code says here, whatever host it names. Where that is another
// one, the page says which: a forger's code leads to a forger's page.
func (s *Server) code(c echo.Context, text string) error {
	ctx := c.Request().Context()
	text = strings.TrimSpace(text)
	other := func(host string) string {
		if host == "" || s.host == "" || strings.EqualFold(host, s.host) {
			return ""
		}
		return host
	}
	if verifier.IsOffline(text) {
		report, err := s.examine(ctx, []byte(text))
		if err != nil {
			return err
		}
		host := ""
		if m := hostOfCode.FindStringSubmatch(text); m != nil {
			host = other(m[1])
		}
		return s.renderResult(c, report, shown{full: true, again: again([]byte(text)), file: digest([]byte(text)), other: host})
	}
	id, host := text, ""
	if m := onlineCode.FindStringSubmatch(text); m != nil {
		id, host = m[2], other(m[1])
	}
	id = strings.ToUpper(id)
	switch {
	case !isPublicID(id):
		return s.renderScan(c, http.StatusUnprocessableEntity, elm.Clean(text))
	case host == "":
		to := "/C/" + id
		if chosen := c.QueryParam("lang"); chosen != "" {
			to += "?lang=" + s.kit.Lang(c)
		}
		return c.Redirect(http.StatusSeeOther, to)
	}
	token, err := s.verifier.LookUp(ctx, id)
	if err != nil {
		return err
	}
	report, err := s.examine(ctx, token)
	if err != nil {
		return err
	}
	return s.renderResult(c, report, shown{hold: "/C/" + id, other: host})
}

// scan is a scanner of our own: what a code leads to when a telephone opens it is up to
// whoever printed it.
func (s *Server) scan(c echo.Context) error { return s.renderScan(c, http.StatusOK, "") }

// renderScan shows the scanner, and the text of a code that is none of a certificate.
func (s *Server) renderScan(c echo.Context, status int, text string) error {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return s.kit.Render(c, status, "scan", web.Page{Scripts: []string{"offline/scan.js"}, Camera: true, NoStore: text != "", Failed: text != "",
		Data: struct{ Host, Other string }{s.host, text}})
}
