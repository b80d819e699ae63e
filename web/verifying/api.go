package verifying

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"indeks/verifier"
	"indeks/web"

	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

//go:embed openapi.json
var openAPIDocument []byte

func (s *Server) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, openAPIDocument)
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
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, raw)
}

// readRequest reads {"credential": string|object} or {"link": url}. A credential
// that is an object keeps the bytes in which it was sent.
func readRequest(body []byte) (token []byte, link string, err error) {
	var request struct {
		Credential jsontext.Value `json:"credential"`
		Link       *string        `json:"link"`
	}
	if err := strict.Unmarshal(body, &request, strict.RejectUnknownMembers(true)); err != nil {
		return nil, "", nothingToJudge(`the body is not {"credential": string or object} or {"link": string}; send a file as it is with another content type`, err)
	}
	switch kind := request.Credential.Kind(); {
	case (request.Link != nil) == (len(request.Credential) > 0):
		return nil, "", nothingToJudge("give either credential or link", nil)
	case request.Link != nil && *request.Link == "":
		return nil, "", nothingToJudge("link is empty", nil)
	case request.Link != nil:
		return nil, *request.Link, nil
	case kind == '{':
		return request.Credential, "", nil
	case kind == '"':
		var text string
		if err := strict.Unmarshal(request.Credential, &text); err != nil {
			return nil, "", nothingToJudge("credential is not a string", err)
		}
		return []byte(text), "", nil
	}
	return nil, "", nothingToJudge("credential is neither a string nor an object", nil)
}

func nothingToJudge(detail string, err error) *web.Problem {
	return &web.Problem{Type: "urn:indeks:problem:nothing-to-judge", Title: "Nothing to judge",
		Status: http.StatusBadRequest, Detail: detail, Err: err}
}

var _ examiner = (*verifier.Verifier)(nil)
