package issuing

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/merkle"
	"indeks/store"
	"indeks/web"
)

// logView is an audit log as everybody may see it: how large it is, and the last
// head that was signed of it.
type logView struct {
	Log    string    `json:"log"`
	Name   string    `json:"name"`
	Opened time.Time `json:"opened"`
	Closed time.Time `json:"closed,omitzero"`
	Size   uint64    `json:"size"`
	Head   *headView `json:"head,omitempty"`
}

type headView struct {
	Size   uint64      `json:"size"`
	Root   merkle.Hash `json:"root"`
	Signed time.Time   `json:"signed"`
	Key    string      `json:"key"`
}

func (s *server) getLogs(c echo.Context) error {
	ctx := c.Request().Context()
	logs, err := s.Store.Logs(ctx)
	if err != nil {
		return err
	}
	views := []logView{}
	for _, l := range logs {
		view := logView{Log: s.Institution.LogOrigin(l.Name), Name: l.Name, Opened: l.Opened, Closed: l.Closed, Size: l.Size}
		head, err := s.Store.LastHead(ctx, l.Name)
		switch {
		case err == nil:
			view.Head = &headView{head.Size, head.Root, head.At, head.KeyID}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		views = append(views, view)
	}
	return writeJSON(c, http.StatusOK, struct {
		Logs []logView `json:"logs"`
	}{views})
}

// getCheckpoint serves the last head of a log: the text of a C2SP tlog-checkpoint,
// sealed as a JWS by the institution.
func (s *server) getCheckpoint(c echo.Context) error {
	head, err := s.Store.LastHead(c.Request().Context(), c.Param("log"))
	if errors.Is(err, store.ErrNotFound) {
		return noLog()
	}
	if err != nil {
		return err
	}
	return public(c, "application/jwt", head.Token, "public, max-age=60")
}

// getTile serves hashes of a log's tree by their path in C2SP tlog-tiles. They say
// nothing of what was logged: each leaf holds a number that nobody can guess.
func (s *server) getTile(c echo.Context) error {
	ctx, name := c.Request().Context(), c.Param("log")
	logs, err := s.Store.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range logs {
		if l.Name != name {
			continue
		}
		tile, err := merkle.Tile(c.Param("*"), l.Size, func(places []int64) ([]merkle.Hash, error) { return s.Store.LogHashes(ctx, name, places) })
		if errors.Is(err, merkle.ErrNoTile) {
			return &web.Problem{Status: http.StatusNotFound, Title: "The tree has no such tile"}
		}
		if err != nil {
			return err
		}
		return public(c, echo.MIMEOctetStream, tile, "public, max-age=31536000, immutable")
	}
	return noLog()
}

func noLog() error {
	return &web.Problem{Status: http.StatusNotFound, Title: "No such log, or no head of it was signed yet"}
}

// getProof shows to who has a credential that it is on the audit log. Who asks
// must name the SHA-256 of its signature: the public id alone tells nothing more
// than it did.
func (s *server) getProof(c echo.Context) error {
	web.NoStore(c)
	seal, err := hex.DecodeString(c.QueryParam("seal"))
	if err != nil || len(seal) != 32 {
		return &web.Problem{Status: http.StatusBadRequest, Title: "The seal is missing", Detail: "seal is the SHA-256 of the signature's value, in hexadecimal"}
	}
	size := uint64(0)
	if text := c.QueryParam("size"); text != "" {
		if size, err = strconv.ParseUint(text, 10, 63); err != nil {
			return &web.Problem{Status: http.StatusBadRequest, Title: "Not a size of the log", Detail: "size is the number of entries under the head that the proof is to lead to"}
		}
	}
	id, err := pathID(c, "public")
	if err != nil {
		return err
	}
	p, err := s.Issuer.Proof(c.Request().Context(), id, [32]byte(seal), size)
	if errors.Is(err, issuer.ErrNotLogged) {
		return &web.Problem{Status: http.StatusNotFound, Title: "Not under such a head of the audit log", Detail: "a head is signed every few minutes"}
	}
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, p)
}

// Limits on one answer of getAudit: entries in it, and entries looked at.
const (
	maxEvents  = 1000
	maxScanned = 50_000
)

// getAudit lists entries of a log, from an index on. What does not match is passed
// over, but not without end: next is where to go on in any case.
func (s *server) getAudit(c echo.Context) error {
	ctx := c.Request().Context()
	wrong := func(name, detail string) error {
		return &web.Problem{Status: http.StatusBadRequest, Title: "Not a filter of the audit log", Fields: []web.Field{{Pointer: name, Detail: detail}}}
	}
	// 1. What is asked for.
	query := c.QueryParams()
	filter := store.EventFilter{Actor: query.Get("actor"), Object: query.Get("object")}
	for _, kind := range query["kind"] {
		if !filter.AddKind(kind) {
			return wrong("kind", "no such kind of event")
		}
	}
	for name, at := range map[string]*time.Time{"since": &filter.Since, "until": &filter.Until} {
		if text := query.Get(name); text != "" {
			var err error
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return wrong(name, "expected a time such as 2026-06-01T12:00:00Z")
			}
		}
	}
	from, limit := uint64(0), uint64(100)
	for name, n := range map[string]*uint64{"from": &from, "limit": &limit} {
		if text := query.Get(name); text != "" {
			var err error
			if *n, err = strconv.ParseUint(text, 10, 63); err != nil {
				return wrong(name, "expected a number")
			}
		}
	}
	if limit < 1 || limit > maxEvents {
		return wrong("limit", "expected 1 to 1000")
	}
	logs, err := s.Store.Logs(ctx)
	if err != nil {
		return err
	}
	var log store.Log
	for _, l := range logs {
		if name := query.Get("log"); name == l.Name || name == "" && l.Closed.IsZero() {
			log = l
		}
	}
	if log.Name == "" {
		return noLog()
	}

	// 2. As far as one answer goes.
	answer := struct {
		Log    string               `json:"log"`
		Size   uint64               `json:"size"`
		Events []issuer.LoggedEvent `json:"events"`
		Next   *uint64              `json:"next,omitempty"`
	}{Log: log.Name, Size: log.Size, Events: []issuer.LoggedEvent{}}
	for e, err := range s.Store.LogEntries(ctx, log.Name, from) {
		if err != nil {
			return err
		}
		if uint64(len(answer.Events)) == limit || e.Index-from >= maxScanned {
			next := e.Index
			answer.Next = &next
			break
		}
		if filter.Match(&e) {
			answer.Events = append(answer.Events, issuer.EventOf(&e))
		}
	}
	return writeJSON(c, http.StatusOK, answer)
}
