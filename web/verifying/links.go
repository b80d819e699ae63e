package verifying

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math"
	"net/http"
	"sync"
	"time"

	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// A link to a result is for a colleague: whoever has it can have the same file
// examined again, for an hour. What it leads to is kept in this process's memory and
// nowhere else, so that it ends with the process at the latest. The report is not kept:
// each who opens the link is told what is so then.
const (
	linkLife     = time.Hour
	maxLinks     = 500
	maxLinkBytes = 32 << 20 // of all files together; one has at most maxAgain
)

// keptRate is how many links one client may make: ten, and one more each six minutes.
var keptRate = web.Rate{PerSecond: 1.0 / 360, Burst: 10}

var (
	errNoResult = errors.New("no result has this address: its hour is over, it was ended, or the verifier was started anew")
	errNotKept  = &web.Problem{Type: "urn:indeks:problem:not-kept", Title: "Not kept", Status: http.StatusUnprocessableEntity, Detail: "too large, no credential, or a link already"}
)

// keptResults are the files that links lead to. The zero value has none.
type keptResults struct {
	rate *web.Limiter

	mu    sync.Mutex
	byID  map[string]keptResult
	bytes int
}

type keptResult struct {
	token []byte
	made  time.Time
	state verifier.State // when the link was made
	since time.Time      // of that state, where it is known
}

// add keeps a result for linkLife. Nobody's link is taken away for another one: where
// there is no room, the problem says when there will be.
func (k *keptResults) add(r keptResult) (id string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.byID) >= maxLinks || k.bytes+len(r.token) > maxLinkBytes {
		next := r.made
		for _, old := range k.byID {
			if old.made.Before(next) {
				next = old.made
			}
		}
		return "", &web.Problem{Status: http.StatusServiceUnavailable, Title: "Too many links", Text: "full-results",
			Retry: max(1, int(math.Ceil(next.Add(linkLife).Sub(r.made).Seconds())))}
	}
	if k.byID == nil {
		k.byID = map[string]keptResult{}
	}
	id = rand.Text() // 26 letters and digits, 130 bits
	r.token = bytes.Clone(r.token)
	k.byID[id] = r
	k.bytes += len(r.token)
	time.AfterFunc(linkLife, func() { k.end(id) })
	return id, nil
}

// find is what a link leads to.
func (k *keptResults) find(id string) (keptResult, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.byID[id]
	if !ok || web.Clock().Sub(r.made) >= linkLife {
		return keptResult{}, errNoResult
	}
	return r, nil
}

// end forgets what a link leads to.
func (k *keptResults) end(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bytes -= len(k.byID[id].token)
	delete(k.byID, id)
}

// resultLink is what the page of a result says of the link by which it was opened.
type resultLink struct {
	Address, Path string
	New           bool // to whoever made it
	Made, Until   time.Time
	Then          string // the answer when it was made
}

// postLink makes a link to a result that is on the page.
func (s *Server) postLink(c echo.Context) error {
	if err := s.kept.rate.Take(web.Address(c)); err != nil {
		return err
	}
	report, g, err := s.reexamine(c)
	if err != nil {
		return err
	}
	if g.kept != "" || len(g.token) > maxAgain || report.State == verifier.Unreadable { // a link to a link would outlast its hour
		return errNotKept
	}
	id, err := s.kept.add(keptResult{token: g.token, made: web.Clock(), state: report.State, since: report.Since})
	if err != nil {
		return err
	}
	to := "/r/" + id + "?made"
	if chosen := c.QueryParam("lang"); chosen != "" {
		to += "&lang=" + s.kit.Lang(c)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// resultByLink is what the link opens: the answer, without name and supplement, because
// programs that make previews open links as well.
func (s *Server) resultByLink(c echo.Context) error { return s.byLink(c, false) }

// resultByLinkInFull is for whoever asks for the rest. It is a POST, which such
// programs do not send.
func (s *Server) resultByLinkInFull(c echo.Context) error { return s.byLink(c, true) }

func (s *Server) byLink(c echo.Context, full bool) error {
	web.NoStore(c)
	id := c.Param("id")
	k, err := s.kept.find(id)
	if err != nil {
		return err
	}
	report, err := s.examineOne(c.Request().Context(), k.token)
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	_, made := c.QueryParams()["made"]
	by := shown{full: full, file: digest(k.token), link: &resultLink{
		Address: s.address(c) + "/r/" + id, Path: "/r/" + id, New: made,
		Made: k.made, Until: k.made.Add(linkLife), Then: s.word(lang, k.state, k.since),
	}}
	if full {
		by.again = map[string]string{"kept": id}
	}
	return s.renderResult(c, report, by)
}

// endLink ends a link, at once and for everybody. Whoever has it may: it harms nobody
// who could not ask for the file again.
func (s *Server) endLink(c echo.Context) error {
	web.NoStore(c)
	id := c.Param("id")
	s.kept.end(id)
	to := "/r/" + id // where it says that nothing is there any more
	if chosen := c.QueryParam("lang"); chosen != "" {
		to += "?lang=" + s.kit.Lang(c)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// address is the public URL of this server, as configured or as it was asked.
func (s *Server) address(c echo.Context) string {
	if s.base != "" {
		return s.base
	}
	return c.Scheme() + "://" + c.Request().Host
}
