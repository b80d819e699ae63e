package issuing

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// requireKey lets nobody in without a key of the API.
func (s *server) requireKey(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		key, ok := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
		digest := sha256.Sum256([]byte(key))
		var client string
		var roles []Role
		for _, k := range s.KnownKeys() {
			if subtle.ConstantTimeCompare(digest[:], k.SHA256[:]) == 1 {
				client, roles = k.Name, k.roles()
			}
		}
		if !ok || client == "" {
			if err := s.wrongKeys.Take(web.Address(c)); err != nil {
				return err
			}
			c.Response().Header().Set("WWW-Authenticate", "Bearer")
			return &web.Problem{Status: http.StatusUnauthorized, Title: "API key needed", Detail: "send a known key as Authorization: Bearer KEY"}
		}
		c.Set(clientKey, client)
		c.Set(actorKey, "API "+client)
		c.Set(rolesKey, roles)
		c.SetRequest(c.Request().WithContext(store.Acting(c.Request().Context(), store.Actor{Name: actor(c), Request: web.RequestID(c)})))
		web.NoStore(c)
		return next(c)
	}
}

const (
	clientKey = "API client"
	rolesKey  = "roles of who asks"
	actorKey  = "actor"
)

// clientName is the name of the API key that came with a request.
func clientName(c echo.Context) string {
	name, _ := c.Get(clientKey).(string)
	return name
}

// actor is who asks, as the register keeps it.
func actor(c echo.Context) string {
	name, _ := c.Get(actorKey).(string)
	return name
}

// issueRequest is one learner to be given an award: the course as in a course
// file or by its id and version in the catalogue, the learner by the columns of
// a class list.
type issueRequest struct {
	Course        jsontext.Value    `json:"course"`
	CourseID      string            `json:"course_id"`
	CourseVersion string            `json:"course_version"`
	Learner       map[string]string `json:"learner"`
}

// postCredential issues one credential. The Idempotency-Key decides which
// request it is.
func (s *server) postCredential(c echo.Context) error {
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	var req issueRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Learner == nil {
		return missing("/learner", "expected the columns of a class list by their names")
	}
	course, err := s.courseOf(c, &req)
	if err != nil {
		return err
	}
	draft, _, err := issuer.ReadDraft(course, req.Learner)
	if err != nil {
		return problems(err, "/learner")
	}
	draft.RequestKey = key
	record, err := s.Issuer.Issue(c.Request().Context(), draft)
	if errors.Is(err, issuer.ErrNeedsApproval) {
		return s.propose(c, draft)
	}
	if errors.Is(err, issuer.ErrNeedsNameCheck) {
		return s.askName(c, draft)
	}
	if err != nil {
		return problems(err, "")
	}
	return s.answerIssued(c, record)
}

func requestKey(client, key string) store.Key {
	if raw, err := hex.DecodeString(key); err == nil && len(raw) == len(store.Key{}) {
		return store.Key(raw)
	}
	return sha256.Sum256(fmt.Appendf(nil, "%d:%s:%s", len(client), client, key))
}

// RecordView is a record as the API shows it. A credential that a client wrote
// has no course, no learner and no page.
type RecordView struct {
	ID           string            `json:"id"`
	PublicID     string            `json:"public_id"`
	Number       string            `json:"number"`
	State        store.State       `json:"state"`
	SealingTime  time.Time         `json:"sealing_time"`
	KeyID        string            `json:"key_id"`
	Course       string            `json:"course,omitempty"`
	Version      string            `json:"course_version,omitempty"`
	Title        string            `json:"title,omitempty"`
	GivenName    string            `json:"given_name,omitempty"`
	FamilyName   string            `json:"family_name,omitempty"`
	LearnerID    string            `json:"learner_id,omitempty"`
	AwardingDate string            `json:"awarding_date,omitempty"`
	Assessment   *AssessmentView   `json:"assessment,omitempty"`
	ValidUntil   time.Time         `json:"valid_until,omitzero"`
	Expired      bool              `json:"expired,omitzero"`
	Supersedes   string            `json:"supersedes,omitempty"`
	SupersededBy string            `json:"superseded_by,omitempty"`
	Links        map[string]string `json:"links,omitempty"`
	SHA256       map[string]string `json:"token_sha256"`
	Changes      []changeView      `json:"changes,omitempty"`
	Erasures     []ErasedView      `json:"erasures,omitempty"`
	ExternalID   string            `json:"external_id,omitempty"`
	Batch        string            `json:"batch,omitempty"`
}

// AssessmentView is how the learner came to the award, as the register keeps it.
type AssessmentView struct {
	Result        string   `json:"result,omitempty"`
	Date          string   `json:"date,omitempty"`
	Assessors     []string `json:"assessors,omitempty"`
	PriorLearning string   `json:"prior_learning"`
	Outcomes      []string `json:"outcomes,omitempty"`
	Evidence      string   `json:"evidence,omitempty"`
	Recognition   string   `json:"recognition,omitempty"`
}

// ErasedView is what was erased of a record.
type ErasedView struct {
	At        time.Time   `json:"at"`
	Class     store.Class `json:"class"`
	Reason    string      `json:"reason,omitempty"`
	By        string      `json:"by"`
	Confirmed string      `json:"confirmed_by,omitempty"`
}

type changeView struct {
	At     time.Time   `json:"at"`
	State  store.State `json:"state"`
	Code   string      `json:"code,omitempty"`
	Reason string      `json:"reason"`
	By     string      `json:"by"`
}

func (s *server) recordView(r store.Record) RecordView {
	v := RecordView{ID: r.ID, PublicID: r.Public, Number: r.Number, State: r.State, ExternalID: r.ExternalID, Batch: r.Batch, SealingTime: r.SealingTime, KeyID: r.KeyID,
		Course: r.Course, Version: r.CourseVersion, Title: r.Title, GivenName: r.GivenName, FamilyName: r.FamilyName,
		LearnerID: r.LearnerID, AwardingDate: r.AwardingDate, ValidUntil: r.ValidUntil, Expired: r.Expired(web.Clock()),
		SHA256: map[string]string{}}
	if a := r.Assessment; a != nil {
		v.Assessment = &AssessmentView{a.Result, a.Date, a.Assessors, a.PriorLearning, a.Outcomes, a.Evidence, a.Recognition}
	}
	if r.Supersedes != nil {
		v.Supersedes = r.Supersedes.ID
	}
	for _, e := range r.Erasures {
		v.Erasures = append(v.Erasures, ErasedView{e.At, e.Class, e.Reason, e.By, e.Confirmed})
	}
	if r.Course != "" && r.Link != "" {
		page := s.Issuer.LearnerURL(r)
		v.Links = map[string]string{"page": page, "verify": s.Issuer.VerifyURL(r)}
		for name, file := range downloads {
			if file.of(r) {
				v.Links[strings.ReplaceAll(name, ".", "_")] = page + "/" + name
			}
		}
	}
	for profile, form := range r.Forms {
		v.SHA256[profile] = hex.EncodeToString(form.SHA256[:])
	}
	for _, change := range r.Changes {
		v.Changes = append(v.Changes, changeView{change.At, change.State, change.Code, change.Reason, change.By})
		v.SupersededBy = change.Successor
	}
	return v
}

// find returns the record that the path names.
func (s *server) find(c echo.Context) (store.Record, error) {
	id, err := pathID(c, "id")
	if err != nil {
		return store.Record{}, err
	}
	return s.Issuer.Find(c.Request().Context(), id)
}

// pathID is the id of a credential in the path. It may hold slashes, which come
// escaped; the router unescapes only where none does.
func pathID(c echo.Context, name string) (string, error) {
	id := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return id, nil
	}
	id, err := url.PathUnescape(id)
	if err != nil {
		return "", store.ErrNotFound
	}
	return id, nil
}

func (s *server) getRecord(c echo.Context) error {
	record, err := s.find(c)
	if err != nil && !errors.Is(err, store.ErrErased) { // of which is shown what is left
		return err
	}
	return writeJSON(c, http.StatusOK, s.recordView(record))
}

// getCertificate prints a credential, in its own language unless ?lang= names
// another one.
func (s *server) getCertificate(c echo.Context) error {
	lang := c.QueryParam("lang")
	if lang != "" && !slices.Contains(elm.Languages(), lang) {
		return &web.Problem{Status: http.StatusBadRequest, Title: "No such language", Type: malformedValue, Detail: "lang is one of " + strings.Join(elm.Languages(), ", ")}
	}
	record, err := s.find(c)
	if err != nil {
		return err
	}
	printed, err := s.Issuer.Certificate(c.Request().Context(), record, lang)
	if err != nil {
		return err
	}
	nameFile(c, record, "certificate.pdf")
	return c.Blob(http.StatusOK, "application/pdf", printed.PDF)
}

// changeMethod is Revoke, Suspend or Reinstate.
type changeMethod func(i *issuer.Issuer, ctx context.Context, id string, why issuer.Why) (store.Record, error)

func (s *server) postChange(change changeMethod) echo.HandlerFunc {
	return func(c echo.Context) error {
		var req struct {
			Code   string `json:"code"`
			Reason string `json:"reason"`
		}
		if err := readJSON(c, &req); err != nil {
			return err
		}
		if strings.TrimSpace(req.Reason) == "" {
			return missing("/reason", "say why; it is kept on record")
		}
		record, err := s.find(c)
		if err != nil && !errors.Is(err, store.ErrErased) { // whose place in the lists goes on
			return err
		}
		if record, err = change(s.Issuer, c.Request().Context(), record.ID, issuer.Why{Code: req.Code, Text: req.Reason, By: actor(c)}); err != nil {
			return problems(err, "")
		}
		return writeJSON(c, http.StatusOK, s.recordView(record))
	}
}

// problems turns what package issuer found into the fields of one answer; base
// is where in the request it was looking. Everything else stays as it is.
func problems(err error, base string) error {
	found, ok := errors.AsType[*issuer.Problems](err)
	if !ok {
		return err
	}
	p := &web.Problem{Status: http.StatusUnprocessableEntity, Title: "Some of it is not right yet", Detail: "nothing was recorded", Err: err}
	for _, one := range found.List {
		if one.Warn {
			continue
		}
		// Field is a pointer into a course, or the name of a learner's column.
		pointer := base + "/" + strings.TrimPrefix(one.Field, "/")
		p.Fields = append(p.Fields, fieldOf(one, web.Field{Pointer: pointer}))
	}
	return p
}

const unexpected = "The body is not the JSON expected here"

// missing is a body without a member that every such body has.
func missing(pointer, detail string) error {
	return &web.Problem{Status: http.StatusBadRequest, Title: unexpected, Fields: []web.Field{{Pointer: pointer, Detail: detail}}}
}

// notFound names what there is none of, where err says so.
func notFound(err error, title string) error {
	if errors.Is(err, store.ErrNotFound) {
		return &web.Problem{Status: http.StatusNotFound, Title: title, Err: err}
	}
	return err
}

// readReason reads a body that has a reason and nothing else; want says what for.
func readReason(c echo.Context, want string) (string, error) {
	var req struct {
		Reason string `json:"reason"`
	}
	if err := readJSON(c, &req); err != nil {
		return "", err
	}
	if req.Reason == "" {
		return "", missing("/reason", want)
	}
	return req.Reason, tooLong("/reason", req.Reason)
}

// tooLong is a body with words that are kept and are too many, nil where they are not.
func tooLong(pointer, words string) error {
	if issuer.CheckReason(pointer, words) == nil {
		return nil
	}
	return missing(pointer, fmt.Sprintf("is longer than %d characters, or no text", issuer.MaxReason))
}

// readJSON reads the body strictly: no unknown and no repeated member.
func readJSON(c echo.Context, into any) error {
	raw, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into, json.RejectUnknownMembers(true)); err != nil {
		p := &web.Problem{Status: http.StatusBadRequest, Title: unexpected, Err: err}
		switch bad := err.(type) {
		case *json.SemanticError:
			p.Fields = []web.Field{{Pointer: string(bad.JSONPointer), Detail: "an unknown member, or a value of another type than expected"}}
		case *jsontext.SyntacticError:
			p.Fields = []web.Field{{Pointer: string(bad.JSONPointer), Detail: fmt.Sprintf("not well-formed JSON, or a member twice, at byte %d", bad.ByteOffset)}}
		}
		return p
	}
	return nil
}

func writeJSON(c echo.Context, status int, v any) error {
	raw, err := json.Marshal(v, jsontext.Multiline(true), json.Deterministic(true))
	if err != nil {
		return err
	}
	return c.Blob(status, echo.MIMEApplicationJSON, append(raw, '\n'))
}
