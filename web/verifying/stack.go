package verifying

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"indeks/elm"
	"indeks/verifier"
	"indeks/web"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

// maxStack is how many credentials are added up at most.
const maxStack = 50

// stackBody is the largest body with several credentials, where the
// configuration does not say otherwise.
const stackBody = 8 << 20

// stackWorkers is how many credentials of one request are examined at once, so
// that one stack leaves room in the queue for everybody else.
const stackWorkers = 4

// maxAgainStack is the largest stack, as base64, that its page carries along.
// It stands there twice: for another language, and for the answer.
const maxAgainStack = 512 << 10

// postStack adds up several credentials of one learner.
func (s *Server) postStack(c echo.Context) error {
	web.NoStore(c)
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	tokens, samePerson, err := readStackRequest(body)
	if err != nil {
		return err
	}
	reports, err := s.examineAll(c.Request().Context(), tokens)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	answer := struct {
		Stack   verifier.WireStack `json:"stack"`
		Reports []verifier.Wire    `json:"reports"` // in the order of the request
	}{Stack: verifier.Stack(reports, samePerson).Wire(lang)}
	for _, r := range reports {
		answer.Reports = append(answer.Reports, r.Wire(lang))
	}
	c.Response().Header().Set("Content-Language", lang)
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("writing the stack: %w", err)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, raw)
}

// examineAll examines credentials, a few at once; reports come in the order of
// tokens.
func (s *Server) examineAll(ctx context.Context, tokens [][]byte) ([]*verifier.Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reports := make([]*verifier.Report, len(tokens))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(stackWorkers, len(tokens)) {
		group.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					continue // one could not be examined, so there is no sum
				}
				report, err := s.examine(ctx, tokens[i])
				if err != nil {
					cancel(err)
				}
				reports[i] = report
			}
		})
	}
	for i := range tokens {
		next <- i
	}
	close(next)
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return reports, nil
}

// readStackRequest reads {"credentials": [string or object, ...], "same_person":
// bool}. As in readRequest, an object keeps the bytes in which it was sent.
func readStackRequest(body []byte) (tokens [][]byte, samePerson bool, err error) {
	wrong := func(err error) (_ [][]byte, _ bool, _ error) {
		return nil, false, nothingToJudge(`the body is not {"credentials": [string or object, ...], "same_person": true or false}`, err)
	}
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return wrong(err)
	}
	seen := map[string]bool{}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return wrong(err)
		}
		member := name.String()
		if seen[member] {
			return wrong(nil)
		}
		seen[member] = true
		switch member {
		case "credentials":
			if tokens, err = readCredentials(d); err != nil {
				return wrong(err)
			}
		case "same_person":
			answer, err := d.ReadToken()
			if err != nil || answer.Kind() != 't' && answer.Kind() != 'f' {
				return wrong(err)
			}
			samePerson = answer.Bool()
		default:
			return wrong(nil)
		}
	}
	if end, err := d.ReadToken(); err != nil || end.Kind() != '}' {
		return wrong(err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return wrong(err)
	}
	switch {
	case len(tokens) == 0:
		return nil, false, nothingToJudge("credentials is empty", nil)
	case len(tokens) > maxStack:
		return nil, false, tooMany()
	}
	return tokens, samePerson, nil
}

// readCredentials reads the array of credentials, one more than is allowed at
// most.
func readCredentials(d *jsontext.Decoder) (tokens [][]byte, err error) {
	switch open, err := d.ReadToken(); {
	case err != nil:
		return nil, err
	case open.Kind() != '[':
		return nil, errors.New("credentials is no array")
	}
	for d.PeekKind() != ']' {
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		switch {
		case len(tokens) > maxStack: // counted already
		case value.Kind() == '{':
			tokens = append(tokens, value.Clone())
		case value.Kind() == '"':
			text, err := jsontext.AppendUnquote(nil, value)
			if err != nil {
				return nil, fmt.Errorf("a credential is not text: %w", err)
			}
			if len(text) == 0 {
				return nil, errors.New("a credential is empty")
			}
			tokens = append(tokens, text)
		default:
			return nil, errors.New("a credential is neither string nor object")
		}
	}
	_, err = d.ReadToken()
	return tokens, err
}

func tooMany() *web.Problem {
	return &web.Problem{Type: "urn:indeks:problem:too-many-credentials", Title: "Too many credentials",
		Status: http.StatusUnprocessableEntity, Text: "too-many", Detail: fmt.Sprintf("at most %d credentials are added up", maxStack)}
}

// stackView is what stack.html shows.
type stackView struct {
	verifier.WireStack
	Rows  []stackRow // in the order of Items
	Ask   bool
	Again string // the tokens, "" where they are too large to carry along
}

// stackRow is an item with the first second of its credential.
type stackRow struct {
	verifier.WireItem
	Word, Tone string
	Holder     *elm.Value
	Birth      string // day and month, while the question is open
}

func (s *Server) renderStack(c echo.Context, tokens [][]byte, samePerson bool) error {
	reports, err := s.examineAll(c.Request().Context(), tokens)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	stack := verifier.Stack(reports, samePerson)
	v := stackView{WireStack: stack.Wire(lang), Ask: stack.Result == verifier.StackQuestion}
	for i, item := range v.Items {
		first := s.resultOf(stack.Items[i].Report, lang, true)
		row := stackRow{WireItem: item, Word: first.Word, Tone: first.Tone}
		row.Awarded = day(lang, item.Awarded)
		if first.Facts && !first.Claim {
			row.Holder = first.Holder
			if v.Ask {
				row.Birth = first.Birth
			}
		}
		v.Rows = append(v.Rows, row)
	}
	var again map[string]string
	var joined []string
	for _, token := range tokens {
		joined = append(joined, base64.RawURLEncoding.EncodeToString(token))
	}
	if text := strings.Join(joined, "."); len(text) <= maxAgainStack {
		v.Again = text
		again = map[string]string{"again": text}
		if samePerson {
			again["same_person"] = "1"
		}
	}
	return s.kit.Render(c, http.StatusOK, "stack", web.Page{Lang: lang, NoStore: true, Again: again, Data: v})
}
