package issuing

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/keys"
)

// KeyView is a key of the institution as the API shows it.
type KeyView struct {
	ID            string         `json:"id"`
	Key           string         `json:"key"` // its thumbprint, as in paths
	Algorithm     keys.Algorithm `json:"algorithm"`
	Seals         string         `json:"seals"` // "credentials" or "audit log"
	State         string         `json:"state"`
	Since         time.Time      `json:"since"`
	RetiredAt     time.Time      `json:"retired_at,omitzero"`
	CompromisedAt time.Time      `json:"compromised_at,omitzero"`
	Reason        string         `json:"reason,omitempty"`
	Certificate   time.Time      `json:"certificate_until,omitzero"`
}

func (k keyLine) view() KeyView {
	v := KeyView{ID: k.Public.ID, Key: strings.TrimPrefix(k.Path(), keysPath+"/"), Algorithm: k.Public.Alg, Seals: "credentials", State: k.State, Since: k.Created,
		RetiredAt: k.Public.NotAfter, CompromisedAt: k.Public.CompromisedAt, Reason: k.Reason, Certificate: k.Until}
	if k.Log {
		v.Seals = "audit log"
	}
	return v
}

func (s *server) getKeys(c echo.Context) error {
	list := struct {
		Keys []KeyView `json:"keys"`
	}{Keys: []KeyView{}}
	for _, line := range s.deskKeys() {
		list.Keys = append(list.Keys, line.view())
	}
	return writeJSON(c, http.StatusOK, list)
}

// SealCountView says what a key has sealed, as [issuer.SealCount] does.
type SealCountView struct {
	Before   int `json:"before"`
	After    int `json:"after"`
	Proven   int `json:"proven"`
	InForce  int `json:"in_force"`
	Unproven int `json:"unproven"`
}

// postKeyCompromise counts what a key has sealed before it became known to others and
// since, or marks it as compromised, or has that wait for another person.
func (s *server) postKeyCompromise(c echo.Context) error {
	var req struct {
		At     time.Time `json:"at"`
		Reason string    `json:"reason"`
		DryRun bool      `json:"dry_run"`
		Final  bool      `json:"never_seals_again"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	key, err := s.deskKey(c.Param("key"))
	if err != nil {
		return err
	}
	if req.At.IsZero() {
		return missing("/at", "say since when others may have had the key, as in 2026-01-31T09:30:00Z: minutes count")
	}
	ctx := c.Request().Context()
	if req.DryRun {
		count, err := s.Issuer.CountSeals(ctx, key.Public.ID, req.At)
		if err != nil {
			return err
		}
		return writeJSON(c, http.StatusOK, SealCountView(count))
	}
	if !req.Final {
		return missing("/never_seals_again", "true: it cannot be taken back; ask with dry_run first")
	}
	waits, err := s.Issuer.AskCompromise(ctx, key.Public.ID, req.At, req.Reason, actor(c))
	switch {
	case err != nil:
		return problems(err, "")
	case waits:
		c.Response().Header().Set("Location", compromisesPath)
		return c.NoContent(http.StatusAccepted)
	}
	if key, err = s.deskKey(c.Param("key")); err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, key.view())
}

const (
	compromisesPath = "/api/v1/compromises"
	noCompromise    = "No such mark of a key waits"
)

// CompromiseView is a mark that waits for another person.
type CompromiseView struct {
	ID      string    `json:"id"`
	KeyID   string    `json:"key_id"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	AskedBy string    `json:"asked_by"`
	AskedAt time.Time `json:"asked_at"`
	Expires time.Time `json:"expires"`
}

func compromiseViewOf(q issuer.Compromise) CompromiseView {
	return CompromiseView{q.ID, q.Key, q.At, q.Reason, q.AskedBy, q.AskedAt, q.Expires}
}

func (s *server) getCompromises(c echo.Context) error {
	list := struct {
		Compromises []CompromiseView `json:"compromises"`
	}{Compromises: []CompromiseView{}}
	for q, err := range s.Issuer.Compromises(c.Request().Context()) {
		if err != nil {
			return err
		}
		list.Compromises = append(list.Compromises, compromiseViewOf(q))
	}
	return writeJSON(c, http.StatusOK, list)
}

func (s *server) postConfirmCompromise(c echo.Context) error {
	var req struct {
		Final bool `json:"never_seals_again"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if !req.Final {
		return missing("/never_seals_again", "true: it cannot be taken back")
	}
	if err := s.Issuer.ConfirmCompromise(c.Request().Context(), c.Param("id"), actor(c)); err != nil {
		return notFound(problems(err, ""), noCompromise)
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) postRefuseCompromise(c echo.Context) error {
	reason, err := readReason(c, "say why; it is kept on record")
	if err != nil {
		return err
	}
	if err := s.Issuer.RefuseCompromise(c.Request().Context(), c.Param("id"), reason, actor(c)); err != nil {
		return notFound(err, noCompromise)
	}
	return c.NoContent(http.StatusNoContent)
}
