package issuing

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"indeks/contexts"
	"indeks/elm"
	"indeks/issuer"
	"indeks/store"
	"indeks/web"
)

// getToken is what verifiers get for the id of a printed QR code: the vc2 form,
// which holds no birth date, identifier or address. Whoever holds the paper may
// see it, so it is not cached by anybody else.
func (s *server) getToken(c echo.Context) error {
	record, err := s.Store.ByPublic(c.Request().Context(), strings.ToUpper(c.Param("public")))
	if err != nil {
		return err
	}
	if issuer.Replaced(record) {
		web.NoStore(c)
		return errReplaced
	}
	form := record.Forms[string(elm.VC2)]
	if form.Token == nil {
		return store.ErrNotFound // reserved only: there is no credential yet
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("Vary", "Accept")
	accept := c.Request().Header.Get("Accept")
	if proved, ok := record.Forms[string(issuer.ProvedAward)]; ok && !strings.Contains(accept, "vc+jwt") && strings.Contains(accept, "application/vc") {
		return c.Blob(http.StatusOK, "application/vc", proved.Token)
	}
	return c.Blob(http.StatusOK, "application/vc+jwt", form.Token)
}

// getStatusList serves a status list, as a token, or for those who ask for JSON
// with an embedded proof; where the key serves no cryptosuite, in an envelope
// (VCDM 2.0 section 4.13). Everybody gets the same bytes and may keep them for the
// list's ttl, so that nobody need ask about one credential.
func (s *server) getStatusList(c echo.Context) error {
	ctx, list := c.Request().Context(), c.Param("list")
	h, accept := c.Response().Header(), c.Request().Header.Get("Accept")
	token, validFrom, err := s.Issuer.StatusList(ctx, list)
	if errors.Is(err, store.ErrNotFound) {
		return &web.Problem{Status: http.StatusNotFound, Title: "No such status list"}
	}
	if err != nil {
		return err
	}
	h.Set("Vary", "Accept")
	h.Set("Last-Modified", validFrom.UTC().Format(http.TimeFormat))
	if strings.Contains(accept, "vc+jwt") || !strings.Contains(accept, "json") && !strings.Contains(accept, "application/vc") {
		return public(c, "application/vc+jwt", token, "public, max-age=30")
	}
	doc, validFrom, err := s.Issuer.StatusListDocument(ctx, list)
	if err != nil {
		return err
	}
	if doc == nil {
		if doc, err = json.Marshal(envelope(token)); err != nil {
			return err
		}
	}
	h.Set("Last-Modified", validFrom.UTC().Format(http.TimeFormat))
	media := echo.MIMEApplicationJSON
	if strings.Contains(accept, "application/vc") {
		media = "application/vc"
	}
	return public(c, media, doc, "public, max-age=30")
}

// enveloped is a token as an object (VCDM 2.0 section 4.13).
type enveloped struct {
	Context string `json:"@context"`
	ID      string `json:"id"`
	Type    string `json:"type"`
}

func envelope(token []byte) enveloped {
	return enveloped{contexts.VC2, "data:application/vc+jwt," + string(token), "EnvelopedVerifiableCredential"}
}

func (s *server) getDID(c echo.Context) error {
	doc, err := s.Issuer.Publication().DIDDocument()
	if err != nil {
		return err
	}
	return public(c, "application/did+json", doc, "public, max-age=300")
}

func (s *server) getJWKS(c echo.Context) error {
	doc, err := s.Issuer.Publication().JWKS()
	if err != nil {
		return err
	}
	return public(c, "application/jwk-set+json", doc, "public, max-age=300")
}

func (s *server) getJWTVCIssuer(c echo.Context) error {
	doc, err := s.Issuer.Publication().JWTVCIssuer()
	if err != nil {
		return err
	}
	return public(c, "application/json", doc, "public, max-age=300")
}

func (s *server) getELMContext(c echo.Context) error {
	return public(c, "application/ld+json", contexts.ELMDocument(), "public, max-age=31536000, immutable")
}

func (s *server) getCourseSchema(c echo.Context) error {
	return public(c, "application/schema+json", issuer.CourseSchema(), "public, max-age=3600")
}

//go:embed openapi.json
var openAPIDocument string

//go:embed batches.json
var batchesPart string

//go:embed letters.json
var lettersPart string

//go:embed keys.json
var keysPart string

//go:embed shares.json
var sharesPart string

//go:embed vcapi.json
var vcAPIPart string

// description is the OpenAPI document of a server with or without the VC-API.
func description(vcAPI bool) []byte {
	if !vcAPI {
		return web.Description(openAPIDocument, batchesPart, lettersPart, keysPart, sharesPart)
	}
	return web.Description(openAPIDocument, batchesPart, lettersPart, keysPart, sharesPart, vcAPIPart)
}

func (s *server) getDescription(c echo.Context) error {
	return public(c, echo.MIMEApplicationJSON, s.description, "public, max-age=300")
}

// public answers with a document that is the same for everybody and that pages
// of other sites may read.
func public(c echo.Context, contentType string, body []byte, cache string) error {
	digest := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(digest[:16]) + `"`
	h := c.Response().Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", cache)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if strings.Contains(c.Request().Header.Get("If-None-Match"), tag) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, contentType, body)
}

// conditions are those under which credentials can be issued and withdrawn, and
// their status told, and what was found of the records on disk: how many are
// damaged, not which.
func (s *server) conditions(ctx context.Context) []web.Condition {
	type values = map[string]any
	const text = "desk.condition."
	records := web.Condition{Name: "records", Needed: true, Holds: true}
	records.Say("read and written", text+"records.writable", nil)
	switch err := s.Store.Writable(); {
	case errors.Is(err, store.ErrDiskLow): // of use to all who do not issue
		records.Needed, records.Holds = false, false
		records.Say("no room on the disk: nothing is issued, revoking works", text+"records.full", nil)
	case err != nil && s.ReadOnly:
		records.Needed, records.Holds = false, false
		records.Say("read-only by configuration", text+"records.read-only", nil)
	case err != nil:
		records.Holds = false
		records.Say("read-only until the issuer is started again; the log says why", text+"records.stopped", nil)
	}
	lists := web.Condition{Name: "status lists", Holds: true}
	lists.Say("none yet", text+"status-lists.none", nil)
	switch until, err := s.Issuer.ListsUntil(ctx); {
	case err != nil:
		records.Needed, records.Holds, lists.Holds = true, false, false
		records.Say(illegible, text+"illegible", nil)
		lists.Say(illegible, text+"illegible", nil)
	case len(s.Issuer.ListsStopped()) > 0:
		stopped := strings.Join(s.Issuer.ListsStopped(), ", ")
		lists.Holds = false
		lists.Say("not published, because a revocation is missing from the records: "+stopped, text+"status-lists.stopped", values{"Lists": stopped})
	case !until.IsZero():
		lists.Holds = web.Clock().Before(until)
		lists.Say("valid until "+until.Format(time.RFC3339), text+"status-lists.until", values{"Until": until})
	}
	seal := web.Condition{Name: "seal", Needed: true}
	if until, err := s.Issuer.SealsUntil(); err == nil {
		seal.Holds = web.Clock().Before(until)
		seal.Say("certificate until "+until.UTC().Format(time.DateOnly), text+"seal.until", values{"Until": until})
	} else {
		seal.Say("no key seals", text+"seal.none", nil)
	}
	clock := web.Condition{Name: "clock", Holds: true}
	clock.Say("fits what is on record", text+"clock.fits", nil)
	if s.Issuer.CheckClock(ctx) != nil {
		clock.Holds = false
		clock.Say("contradicts what is on record: nothing is issued", text+"clock.contradicts", nil)
	}
	log := web.Condition{Name: "audit log"}
	if entries, until, err := s.Issuer.LogSigned(ctx); err == nil {
		log.Holds = web.Clock().Sub(until) < 3*issuer.HeadEvery
		log.Say(fmt.Sprintf("%d entries, signed until %s", entries, until.Format(time.RFC3339)), text+"audit-log.signed", values{"Entries": entries, "Until": until})
	} else {
		log.Say(illegible, text+"illegible", nil)
	}
	damage := web.Condition{Name: "inspection"}
	found := s.Issuer.Inspection()
	damage.Holds = found.Began.IsZero() || found.Damaged == 0
	figures := values{"Began": found.Began, "Ended": found.Ended, "Pages": found.Pages, "Records": found.Records, "Seals": found.Seals, "Damaged": found.Damaged}
	switch {
	case found.Began.IsZero():
		damage.Say("not begun yet", text+"inspection.none", nil)
	case found.Ended.IsZero():
		damage.Say(fmt.Sprintf("since %s, %d pages and %d records so far, %d damaged", found.Began.Format(time.RFC3339), found.Pages, found.Records, found.Damaged), text+"inspection.begun", figures)
	default:
		damage.Say(fmt.Sprintf("until %s, %d pages and %d records read, %d seals opened, %d damaged", found.Ended.Format(time.RFC3339), found.Pages, found.Records, found.Seals, found.Damaged), text+"inspection.ended", figures)
	}
	post := web.Condition{Name: "mail", Holds: true}
	post.Say("no mail server is configured", text+"mail.none", nil)
	switch held := s.Issuer.LettersHeld(); {
	case !held.IsZero():
		post.Holds = false
		post.Say("the mail server takes nothing since "+held.Format(time.RFC3339), text+"mail.held", values{"Since": held})
	case s.Issuer.Mailing():
		post.Say("letters go out", text+"mail.out", nil)
	}
	all := []web.Condition{records, seal, lists, clock, log, damage, post}
	if s.Disk != nil {
		room, percent := s.Disk.Room()
		disk := web.Condition{Name: "disk", Holds: room == store.RoomPlenty}
		disk.Say(fmt.Sprintf("%d %% free", percent), text+"disk.free", values{"Percent": percent})
		all = append(all, disk)
	}
	return all
}

// illegible is the detail of a condition that nothing can be read of.
const illegible = "not legible"
