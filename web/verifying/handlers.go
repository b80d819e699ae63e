package verifying

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"indeks/paper"
	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// maxAgain is the largest token that a result page carries along, so that it can
// be shown in another language.
const maxAgain = 256 << 10

func (s *Server) start(c echo.Context) error { return s.renderStart(c, http.StatusOK, false) }

func (s *Server) renderStart(c echo.Context, status int, empty bool) error {
	return s.kit.Render(c, status, "start", web.Page{Failed: empty, Data: struct {
		Host  string
		Empty bool
	}{s.host, empty}})
}

func (s *Server) proves(c echo.Context) error {
	return s.kit.Render(c, http.StatusOK, "proves", web.Page{Data: struct{ Host string }{s.host}})
}

func (s *Server) backToStart(c echo.Context) error {
	to := "/"
	if lang := c.QueryParam("lang"); lang != "" {
		to += "?lang=" + s.kit.Lang(c)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// verify examines what the form of the start page gives: a file, else a link or
// id, else pasted text. Several files are added up.
func (s *Server) verify(c echo.Context) error {
	given, err := readForm(c)
	if err != nil {
		return err
	}
	switch {
	case len(given.stack) > 0:
		return s.renderStack(c, given.stack, given.samePerson)
	case given.nothing():
		return s.renderStart(c, http.StatusBadRequest, true)
	case paper.IsPicture(given.token):
		return s.photo(c, given.token)
	}
	token, err := s.tokenOf(c.Request().Context(), given)
	if err != nil {
		return err
	}
	if verifier.IsPresentation(token) {
		return s.renderPresentation(c, token, given.again(token))
	}
	report, err := s.examine(c.Request().Context(), token)
	if err != nil {
		return err
	}
	if report.State == verifier.Unreadable && paper.IsPDF(token) {
		if found, err := s.scanned(c, token); found {
			return err
		}
	}
	return s.renderResult(c, report, shown{full: true, again: given.again(token), file: digest(token)})
}

// tokenOf is what was given, or what is at the link that was given.
func (s *Server) tokenOf(ctx context.Context, g given) ([]byte, error) {
	switch {
	case g.token != nil:
		return g.token, nil
	case g.kept != "":
		k, err := s.kept.find(g.kept)
		return k.token, err
	case isPublicID(g.link):
		return s.verifier.LookUp(ctx, g.link)
	}
	return s.verifier.FetchLink(ctx, g.link)
}

// again are the fields that give a token once more, nil where it is too large.
func again(token []byte) map[string]string {
	if len(token) > maxAgain {
		return nil
	}
	return map[string]string{"again": base64.RawURLEncoding.EncodeToString(token)}
}

// again are the fields that give the same once more. Whoever came by a link is given the
// link again and not the file, or it would outlast the hour.
func (g *given) again(token []byte) map[string]string {
	if g.kept != "" {
		return map[string]string{"kept": g.kept}
	}
	return again(token)
}

func digest(token []byte) string {
	sum := sha256.Sum256(token)
	return hex.EncodeToString(sum[:])
}

// errNotOne refuses what only the result of one credential has.
var errNotOne = &web.Problem{Type: "urn:indeks:problem:not-one", Title: "Not one credential", Status: http.StatusBadRequest, Detail: "give one credential"}

// reexamine examines once more what a page of a result carries along, and returns that
// with its token. Where it is nothing, or several, there is no such page: it is a problem.
func (s *Server) reexamine(c echo.Context) (report *verifier.Report, g given, err error) {
	if g, err = readForm(c); err != nil {
		return nil, g, err
	}
	if g.nothing() || len(g.stack) > 0 {
		return nil, g, errNotOne
	}
	ctx := c.Request().Context()
	if g.token, err = s.tokenOf(ctx, g); err != nil {
		return nil, g, err
	}
	report, err = s.examineOne(ctx, g.token)
	return report, g, err
}

// landing is what a printed QR code opens: the verdict, with neither the holder's
// name nor the supplement, because whoever passes by can scan a code.
func (s *Server) landing(c echo.Context) error { return s.byID(c, false) }

// holder is the same for whoever says that they hold the certificate. It is a
// POST, so that previews and crawlers do not say it for them.
func (s *Server) holder(c echo.Context) error { return s.byID(c, true) }

func (s *Server) byID(c echo.Context, full bool) error {
	ctx := c.Request().Context()
	id := c.Param("id")
	if !isPublicID(id) {
		return verifier.ErrNotFound // a mistyped id is answered like an unknown one, and no issuer is asked
	}
	token, err := s.verifier.LookUp(ctx, id)
	if err != nil {
		return err
	}
	report, err := s.examine(ctx, token)
	if err != nil {
		return err
	}
	if !full {
		return s.renderResult(c, report, shown{})
	}
	return s.renderResult(c, report, shown{full: true, again: map[string]string{"link": id}, file: digest(token)})
}

// isPublicID reports whether text looks like the id of a printed code: 26
// letters and digits.
func isPublicID(text string) bool {
	return len(text) == 26 && strings.IndexFunc(text, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
	}) < 0
}

// given is what a form gave: one of token, link, kept and stack, or nothing.
type given struct {
	token      []byte
	link       string
	kept       string   // id of a link to a result
	stack      [][]byte // two files or more
	samePerson bool     // the answer to the question of a stack
}

func (g *given) nothing() bool {
	return g.token == nil && g.link == "" && g.kept == "" && len(g.stack) == 0
}

// readForm reads the form part by part and in memory, because what net/http
// parses may go to a temporary file, and credentials are personal.
func readForm(c echo.Context) (given, error) {
	fields := map[string][]byte{}
	var files [][]byte
	parts, err := c.Request().MultipartReader()
	switch {
	case errors.Is(err, http.ErrNotMultipart):
		if err := c.Request().ParseForm(); err != nil {
			return given{}, badForm(err)
		}
		for name, values := range c.Request().PostForm {
			fields[name] = []byte(values[0])
		}
	case err != nil:
		return given{}, badForm(err)
	default:
		if files, err = readParts(parts, fields); err != nil {
			return given{}, badForm(err)
		}
	}

	// A file is examined byte for byte. White space around what was pasted is
	// the clipboard's, not the credential's.
	text := strings.TrimSpace(string(fields["text"]))
	link := strings.TrimSpace(string(fields["link"]))
	if len(files) == 0 && len(fields["again"]) > 0 {
		for part := range strings.SplitSeq(string(fields["again"]), ".") {
			token, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil {
				return given{}, badForm(err)
			}
			if files = append(files, token); len(files) > maxStack {
				break
			}
		}
	}
	switch {
	case len(files) > maxStack:
		return given{}, tooMany()
	case len(files) > 1:
		return given{stack: files, samePerson: len(fields["same_person"]) > 0}, nil
	case len(files) == 1:
		return given{token: files[0]}, nil
	case verifier.IsOffline(link):
		return given{token: []byte(link)}, nil
	case verifier.IsOffline(text):
		return given{token: []byte(text)}, nil
	case link != "":
		return given{link: link}, nil
	case strings.HasPrefix(text, "https://"), strings.HasPrefix(text, "http://"), isPublicID(text):
		return given{link: text}, nil
	case text != "":
		return given{token: []byte(text)}, nil
	case len(fields["kept"]) > 0:
		return given{kept: string(fields["kept"])}, nil
	}
	return given{}, nil
}

// readParts fills in the fields and returns the files that are not empty; a
// form field without a file chosen is a part as well.
func readParts(parts *multipart.Reader, fields map[string][]byte) (files [][]byte, err error) {
	for others := 0; others <= 8 && len(files) <= maxStack; { // the form has three fields, one of them with files
		part, err := parts.NextPart()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(io.LimitReader(part, maxBody))
		if err != nil {
			return nil, err
		}
		if len(value) == maxBody && paper.IsPicture(value) {
			rest, err := io.ReadAll(io.LimitReader(part, maxPhoto-maxBody))
			if err != nil {
				return nil, err
			}
			value = append(value, rest...)
		}
		if len(value) == maxBody || len(value) == maxPhoto {
			return nil, &http.MaxBytesError{Limit: int64(len(value))}
		}
		switch {
		case part.FormName() != "file":
			fields[part.FormName()] = value
			others++
		case len(value) > 0:
			files = append(files, value)
		default:
			others++
		}
	}
	if len(files) > maxStack {
		return nil, tooMany()
	}
	return nil, errors.New("too many parts")
}

func badForm(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*web.Problem](err); ok {
		return err
	}
	return &web.Problem{Status: http.StatusBadRequest, Title: "Form not readable", Err: fmt.Errorf("reading the form: %w", err)}
}

// isJSON reports whether a Content-Type is application/json.
func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}
