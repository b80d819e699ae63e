package verifying

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"indeks/verifier"
	"indeks/web"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

//go:embed openapi.json
var openAPIDocument string

//go:embed vcapi.json
var vcAPIPart string

// description is the OpenAPI document of a server with or without the VC-API.
func description(vcAPI bool) []byte {
	if !vcAPI {
		return web.Description(openAPIDocument)
	}
	return web.Description(openAPIDocument, vcAPIPart)
}

func (s *Server) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, s.description)
}

// postVerification judges one credential, or one presentation. 4xx is only for a request that holds
// nothing to judge; whatever is wrong with a credential is in the report.
func (s *Server) postVerification(c echo.Context) error {
	web.NoStore(c)
	ctx := c.Request().Context()
	body := buffers.Get().(*[]byte)
	var err error
	if *body, err = readBody(c.Request(), (*body)[:0]); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	asked, err := s.asked(c, *body)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	var raw []byte
	if asked.presentation || verifier.IsPresentation(asked.token) {
		report, err := s.examinePresentation(ctx, asked.token, asked.options)
		if err != nil {
			return err
		}
		if raw, err = json.Marshal(report.Wire(lang)); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	} else {
		report, err := s.examine(ctx, asked.token)
		if err != nil {
			return err
		}
		// Nothing of the body is in the report, and nothing of the report is used when the
		// answer is written.
		defer giveBack(body)
		answer := buffers.Get().(*[]byte)
		defer giveBack(answer)
		*answer = report.AppendJSON((*answer)[:0], lang)
		report.Release()
		raw = *answer
	}
	c.Response().Header().Set("Content-Language", lang)
	return web.Blob(c, http.StatusOK, echo.MIMEApplicationJSON, raw)
}

// asked is what a body asks to be judged: JSON that says so, or the file itself.
func (s *Server) asked(c echo.Context, body []byte) (request, error) {
	ctx := c.Request().Context()
	asked := request{token: body}
	if isJSON(c.Request().Header.Get(echo.HeaderContentType)) {
		var err error
		if asked, err = readRequest(body); err != nil {
			return request{}, err
		}
		switch link := asked.link; {
		case link == "":
		case verifier.IsOffline(link):
			asked.token = []byte(link)
		case isPublicID(link):
			asked.token, err = s.verifier.LookUp(ctx, link)
		default:
			asked.token, err = s.verifier.FetchLink(ctx, link)
		}
		if err != nil {
			return request{}, err
		}
	}
	if len(asked.token) == 0 {
		return request{}, nothingToJudge("the body is empty", nil)
	}
	return asked, nil
}

// buffers are room for bodies and answers, which are as long as each other and done
// with when the handler returns.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func giveBack(buffer *[]byte) {
	if cap(*buffer) <= 64<<10 {
		buffers.Put(buffer)
	}
}

// readBody reads a body behind what is in buffer, into as much room as it says that
// it needs. Of one that is said to be large, the rest of the room is made when the
// bytes are there.
func readBody(r *http.Request, body []byte) ([]byte, error) {
	const first = 64 << 10
	said := int(min(max(r.ContentLength, 0), maxBody))
	body = slices.Grow(body, max(min(said, first)+1, 512)) // and one to see the end by
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		if body = body[:len(body)+n]; err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, err
		}
		if len(body) == cap(body) {
			room := 4 * cap(body)
			if cap(body) <= said {
				room = min(room, said+1)
			}
			body = append(make([]byte, 0, room), body...)
		}
	}
}

// request is what a program asks to be judged.
type request struct {
	token        []byte
	link         string
	presentation bool // it says so itself
	options      verifier.PresentationOptions
}

// readRequest reads {"credential": string|object}, {"link": string} or
// {"presentation": string|object, "challenge": string, "domain": string}. An
// object keeps the bytes in which it was sent, and is not judged here: repeated
// members inside it are for the report.
func readRequest(body []byte) (request, error) {
	const shape = `the body is not {"credential": string or object}, {"link": string} or {"presentation": string or object, "challenge": string, "domain": string}; send a file as it is with another content type`
	var asked request
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return request{}, nothingToJudge(shape, err)
	}
	seen := map[string]bool{}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return request{}, nothingToJudge(shape, err)
		}
		member := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return request{}, nothingToJudge(shape, err)
		}
		var text []byte
		if value.Kind() == '"' {
			if text, err = jsontext.AppendUnquote(nil, value); err != nil || len(text) == 0 {
				return request{}, nothingToJudge(member+" is empty or not text", err)
			}
		}
		given := asked.token != nil || asked.link != ""
		switch {
		case seen[member], given && (member == "credential" || member == "link" || member == "presentation"):
			return request{}, nothingToJudge("give one of credential, link and presentation, once", nil)
		case (member == "credential" || member == "presentation") && value.Kind() == '{':
			asked.token, asked.presentation = value.Clone(), member == "presentation"
		case text == nil:
			return request{}, nothingToJudge(shape, nil)
		case member == "credential" || member == "presentation":
			asked.token, asked.presentation = text, member == "presentation"
		case member == "link":
			asked.link = string(text)
		case member == "challenge":
			asked.options.Challenge = string(text)
		case member == "domain":
			asked.options.Domain = string(text)
		default:
			return request{}, nothingToJudge(shape, nil)
		}
		seen[member] = true
	}
	if end, err := d.ReadToken(); err != nil || end.Kind() != '}' {
		return request{}, nothingToJudge(shape, err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return request{}, nothingToJudge(shape, err)
	}
	if asked.token == nil && asked.link == "" {
		return request{}, nothingToJudge(shape, nil)
	}
	return asked, nil
}

func nothingToJudge(detail string, err error) *web.Problem {
	return &web.Problem{Type: "urn:indeks:problem:nothing-to-judge", Title: "Nothing to judge",
		Status: http.StatusBadRequest, Detail: detail, Err: err}
}

var _ examiner = (*verifier.Verifier)(nil)
