package issuing

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/verifier"
	"indeks/web"
)

// Examiner is the verifier that judges what other providers have sealed, and follows
// links to it, as [verifier.Verifier] does.
type Examiner interface {
	Verify(ctx context.Context, token []byte) *verifier.Report
	FetchLink(ctx context.Context, link string) ([]byte, error)
}

// maxFile is the largest file that a verifier reads, and some room around it.
const maxFile = 3 << 20

// RecognitionView is a recognition as the API shows it; decisions have the names
// under which they are given.
type RecognitionView struct {
	ID         string                  `json:"id"`
	State      issuer.RecognitionState `json:"state"`
	Created    time.Time               `json:"created"`
	By         string                  `json:"by"`
	SHA256     string                  `json:"sha256"`
	Size       int                     `json:"size"`
	Credential string                  `json:"credential,omitempty"`
	Title      string                  `json:"title,omitempty"`
	Issuer     string                  `json:"issuer,omitempty"`
	Confirmed  bool                    `json:"issuer_confirmed"`
	Verdict    string                  `json:"verdict"`
	Standing   string                  `json:"standing"`
	Report     jsontext.Value          `json:"report,omitempty"`
	Decisions  []issuer.Decision       `json:"decisions"`
	Erasure    *ErasedView             `json:"erasure,omitempty"`
}

// RecognitionViewOf shows a recognition.
func RecognitionViewOf(r issuer.Recognition) RecognitionView {
	v := RecognitionView{ID: r.ID, State: r.State, Created: r.Created, By: r.By, SHA256: r.SHA256, Size: r.Size, Credential: r.Credential, Title: r.Title,
		Issuer: r.Issuer, Confirmed: r.Confirmed, Verdict: r.Verdict, Standing: r.Standing, Report: r.Report, Decisions: r.Decisions}
	if e := r.Erasure; e != nil {
		v.Erasure = &ErasedView{e.At, e.Class, e.Reason, e.By, e.Confirmed}
	}
	if v.Decisions == nil {
		v.Decisions = []issuer.Decision{}
	}
	return v
}

// postRecognition has the verifier look at what another provider has sealed: the
// file itself, or JSON with the token or object as "credential".
func (s *server) postRecognition(c echo.Context) error {
	if s.Verifier == nil {
		return &web.Problem{Status: http.StatusConflict, Title: "No verifier is configured", Detail: "verifier.trust_file in the configuration names whom it trusts"}
	}
	file, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	if t, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type")); err == nil && t == echo.MIMEApplicationJSON {
		if file, err = sealedIn(file); err != nil {
			return err
		}
	}
	if len(file) == 0 {
		return missing("/credential", "send the file as it is, or its text as credential")
	}
	ctx := c.Request().Context()
	r, err := s.Issuer.Recognise(ctx, file, s.Verifier.Verify(ctx, file), actor(c))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/api/v1/recognitions/"+r.ID)
	return writeJSON(c, http.StatusCreated, RecognitionViewOf(r))
}

// sealedIn takes the token or object out of a JSON body.
func sealedIn(body []byte) ([]byte, error) {
	var req struct {
		Credential jsontext.Value `json:"credential"`
	}
	if err := json.Unmarshal(body, &req, json.RejectUnknownMembers(true)); err != nil {
		return nil, &web.Problem{Status: http.StatusBadRequest, Title: unexpected, Detail: "expected a member credential and no other", Err: err}
	}
	if req.Credential.Kind() != '"' {
		return req.Credential, nil
	}
	var text string
	err := json.Unmarshal(req.Credential, &text)
	return []byte(text), err
}

// maxRecognitions is how many one answer lists.
const maxRecognitions = 100

func (s *server) getRecognitions(c echo.Context) error {
	state := issuer.RecognitionState(c.QueryParam("state"))
	switch state {
	case "", issuer.RecognitionDraft, issuer.RecognitionDecided:
	default:
		return &web.Problem{Status: http.StatusBadRequest, Title: unexpectedQuery, Fields: []web.Field{{Pointer: "/state", Detail: `expected "draft" or "decided"`}}}
	}
	list := struct {
		Recognitions []RecognitionView `json:"recognitions"`
		Next         string            `json:"next,omitempty"` // to ask with as after
	}{Recognitions: []RecognitionView{}}
	for r, err := range s.Issuer.Recognitions(c.Request().Context(), c.QueryParam("after")) {
		if err != nil {
			return err
		}
		if state != "" && r.State != state {
			continue
		}
		if n := len(list.Recognitions); n == maxRecognitions {
			list.Next = list.Recognitions[n-1].ID
			break
		}
		r.Report = nil
		list.Recognitions = append(list.Recognitions, RecognitionViewOf(r))
	}
	return writeJSON(c, http.StatusOK, list)
}

const noRecognition = "No such recognition"

func (s *server) getRecognition(c echo.Context) error {
	r, err := s.Issuer.Recognition(c.Request().Context(), c.Param("id"))
	if err != nil {
		return notFound(err, noRecognition)
	}
	return writeJSON(c, http.StatusOK, RecognitionViewOf(r))
}

// DecisionRequest is a decision, with the number of the last one that was seen.
type DecisionRequest struct {
	After     *int                     `json:"after"`
	Date      string                   `json:"date"`
	Decided   string                   `json:"decided_by"`
	Procedure string                   `json:"procedure"`
	Reason    string                   `json:"reason"`
	Despite   string                   `json:"despite,omitempty"`
	Appeal    string                   `json:"appeal,omitempty"`
	Course    string                   `json:"course,omitempty"`
	Outcomes  []issuer.OutcomeDecision `json:"outcomes,omitempty"`
	Credits   []issuer.CreditDecision  `json:"credits,omitempty"`
}

// Decision is what is asked for.
func (r *DecisionRequest) Decision() issuer.Decision {
	return issuer.Decision{Date: r.Date, Decided: r.Decided, Procedure: r.Procedure, Reason: r.Reason,
		Despite: r.Despite, Appeal: r.Appeal, Course: r.Course, Outcomes: r.Outcomes, Credits: r.Credits}
}

func (s *server) postDecision(c echo.Context) error {
	var req DecisionRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.After == nil {
		return missing("/after", "give the number of the last decision that you have seen, 0 for none")
	}
	r, err := s.Issuer.Decide(c.Request().Context(), c.Param("id"), req.Decision(), *req.After, actor(c))
	if err != nil {
		return problems(notFound(err, noRecognition), "")
	}
	return writeJSON(c, http.StatusCreated, RecognitionViewOf(r))
}
