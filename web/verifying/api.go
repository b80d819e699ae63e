package verifying

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"indeks/verifier"
	"indeks/web"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

//go:embed openapi.json
var openAPIDocument string

//go:embed vcapi.json
var vcAPIPaths string

// description is the OpenAPI document of a server with or without the VC-API.
func description(vcAPI bool) []byte {
	if !vcAPI {
		return web.Description(openAPIDocument)
	}
	return web.Description(openAPIDocument, vcAPIPaths)
}

func (s *Server) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, s.description)
}

// postVerification judges one credential. 4xx is only for a request that holds
// nothing to judge; whatever is wrong with a credential is in the report.
func (s *Server) postVerification(c echo.Context) error {
	web.NoStore(c)
	ctx := c.Request().Context()
	token, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if isJSON(c.Request().Header.Get(echo.HeaderContentType)) {
		var link string
		if token, link, err = readRequest(token); err != nil {
			return err
		}
		if link != "" {
			if isPublicID(link) {
				token, err = s.verifier.LookUp(ctx, link)
			} else {
				token, err = s.verifier.FetchLink(ctx, link)
			}
			if err != nil {
				return err
			}
		}
	}
	if len(token) == 0 {
		return nothingToJudge("the body is empty", nil)
	}
	report, err := s.examine(ctx, token)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	c.Response().Header().Set("Content-Language", lang)
	raw, err := json.Marshal(report.Wire(lang))
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(raw))) // else it goes out in chunks
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, raw)
}

// readRequest reads {"credential": string|object} or {"link": string}. A
// credential that is an object keeps the bytes in which it was sent, and is not
// judged here: repeated members inside it are for the report.
func readRequest(body []byte) (token []byte, link string, err error) {
	const shape = `the body is not {"credential": string or object} or {"link": string}; send a file as it is with another content type`
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, "", nothingToJudge(shape, err)
	}
	name, err := d.ReadToken()
	if err != nil || name.Kind() != '"' {
		return nil, "", nothingToJudge(shape, err)
	}
	member := name.String()
	value, err := d.ReadValue()
	if err != nil {
		return nil, "", nothingToJudge(shape, err)
	}
	value = value.Clone()
	if end, err := d.ReadToken(); err != nil || end.Kind() != '}' {
		return nil, "", nothingToJudge("give one of credential and link, once", err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, "", nothingToJudge(shape, err)
	}

	var text string
	if value.Kind() == '"' {
		raw, err := jsontext.AppendUnquote(nil, value)
		if err != nil || len(raw) == 0 {
			return nil, "", nothingToJudge(member+" is empty or not text", err)
		}
		text = string(raw)
	}
	switch {
	case member == "link" && text != "":
		return nil, text, nil
	case member == "credential" && text != "":
		return []byte(text), "", nil
	case member == "credential" && value.Kind() == '{':
		return value, "", nil
	}
	return nil, "", nothingToJudge(shape, nil)
}

func nothingToJudge(detail string, err error) *web.Problem {
	return &web.Problem{Type: "urn:indeks:problem:nothing-to-judge", Title: "Nothing to judge",
		Status: http.StatusBadRequest, Detail: detail, Err: err}
}

var _ examiner = (*verifier.Verifier)(nil)
