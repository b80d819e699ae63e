package issuing

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"indeks/issuer"
	"indeks/mail"
	"indeks/store"
)

// LetterView is a letter as the API shows it. It has neither its link nor its code.
type LetterView struct {
	ID         string             `json:"id"`
	Credential string             `json:"credential"`
	Number     string             `json:"number,omitempty"` // of the certificate, in lists
	Kind       mail.Kind          `json:"kind"`
	State      issuer.LetterState `json:"state"`
	Language   string             `json:"language"`
	Created    time.Time          `json:"created"`
	By         string             `json:"by,omitempty"`
	Note       string             `json:"note,omitempty"`
	To         string             `json:"to,omitempty"`
	Tries      int                `json:"tries,omitzero"`
	Next       time.Time          `json:"next,omitzero"`
	Sent       time.Time          `json:"sent,omitzero"`
	Answer     *AnswerView        `json:"answer,omitempty"`
}

// AnswerView is why a letter is not sent yet, was refused, or came back.
type AnswerView struct {
	At     time.Time `json:"at"`
	Step   string    `json:"step"`
	Code   int       `json:"code,omitzero"`
	Status string    `json:"status,omitempty"`
	Text   string    `json:"text,omitempty"`
}

func letterViewOf(l issuer.Letter) LetterView {
	v := LetterView{ID: l.ID, Credential: l.Record, Kind: l.Kind, State: l.State, Language: l.Lang, Created: l.Created, By: l.By, Note: l.Note,
		To: l.To, Tries: l.Tries, Next: l.Next, Sent: l.Sent}
	if a := l.Answer; a != nil {
		v.Answer = &AnswerView{a.At, a.Step, a.Code, a.Status, a.Text}
	}
	return v
}

// LettersView is what a learner was told of a credential.
type LettersView struct {
	Credential string       `json:"credential"`
	Address    string       `json:"address,omitempty"`
	Said       string       `json:"said"` // how it stands, in a sentence
	Letters    []LetterView `json:"letters"`
}

func (s *server) getLettersOf(c echo.Context) error {
	record, err := s.find(c)
	if err != nil && !errors.Is(err, store.ErrErased) {
		return err
	}
	v := LettersView{Credential: record.ID, Address: record.Email, Letters: []LetterView{}}
	letters, err := s.Issuer.LettersOf(c.Request().Context(), record)
	if err != nil {
		return err
	}
	for _, l := range letters {
		v.Letters = append(v.Letters, letterViewOf(l))
	}
	switch {
	case record.Erased(store.Delivery):
		v.Said = "erased: neither the address nor what was sent there is known any more"
	case len(letters) > 0:
		last := letters[len(letters)-1]
		v.Said = string(last.State)
		if a := last.Answer; a != nil {
			v.Said += ": " + strings.TrimSpace(a.Status+" "+a.Text)
		}
	case !s.Issuer.Mailing():
		v.Said = issuer.ErrNoPost.Error()
	case record.Email == "":
		v.Said = issuer.ErrNoAddress.Error()
	default:
		v.Said = "not sent: it was issued before there was a mail server"
	}
	return writeJSON(c, http.StatusOK, v)
}

// postLetter sends again what the learner is to know.
func (s *server) postLetter(c echo.Context) error {
	var req struct {
		Note string `json:"note"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if err := tooLong("/note", req.Note); err != nil {
		return err
	}
	record, err := s.find(c)
	if err != nil {
		return err
	}
	l, err := s.Issuer.SendAgain(c.Request().Context(), record, actor(c), req.Note)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusAccepted, letterViewOf(l))
}

// postAddress puts another e-mail address in place of that of a credential.
func (s *server) postAddress(c echo.Context) error {
	var req struct {
		Email   string `json:"email"`
		Reason  string `json:"reason"`
		NewLink bool   `json:"new_link"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if strings.TrimSpace(req.Reason) == "" {
		return missing("/reason", "say how it was made sure that the learner asks for it; it is kept with the letter")
	}
	if err := tooLong("/reason", req.Reason); err != nil {
		return err
	}
	record, err := s.find(c)
	if err != nil {
		return err
	}
	record, err = s.Issuer.Readdress(c.Request().Context(), record, req.Email, req.NewLink, actor(c), req.Reason)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, s.recordView(record))
}

// QueueView is what waits to be sent, and what somebody should look at.
type QueueView struct {
	Configured bool         `json:"configured"`
	Waiting    int          `json:"waiting"`
	Oldest     time.Time    `json:"oldest,omitzero"`
	HeldSince  time.Time    `json:"held_since,omitzero"`
	Why        string       `json:"why,omitempty"`
	Troubles   []LetterView `json:"troubles"`
}

// mostTroubles is how many of them are shown.
const mostTroubles = 500

func (s *server) getLetters(c echo.Context) error {
	q, err := s.Issuer.LetterQueue(c.Request().Context())
	if err != nil {
		return err
	}
	troubles, err := s.Issuer.LetterTroubles(c.Request().Context(), mostTroubles)
	if err != nil {
		return err
	}
	v := QueueView{s.Issuer.Mailing(), q.Waiting, q.Oldest, q.Held, q.Why, []LetterView{}}
	for _, t := range troubles {
		l := letterViewOf(t.Letter)
		l.Number = t.Number
		v.Troubles = append(v.Troubles, l)
	}
	return writeJSON(c, http.StatusOK, v)
}

// UndeliveredRequest asks for letters that did not arrive to be sent again: first how
// many they are, then, with that number confirmed, that it is done.
type UndeliveredRequest struct {
	Course  string `json:"course,omitempty"`
	Batch   string `json:"batch,omitempty"`
	Note    string `json:"note,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Confirm *int   `json:"confirm,omitempty"`
}

// UndeliveredView is what a dry run finds, or what was done.
type UndeliveredView struct {
	Found  int `json:"found"` // to be given back as confirm
	Queued int `json:"queued"`
}

// postLetters sends again what did not arrive.
func (s *server) postLetters(c echo.Context) error {
	var req UndeliveredRequest
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if err := tooLong("/note", req.Note); err != nil {
		return err
	}
	ctx, of := c.Request().Context(), issuer.Undelivered{Course: req.Course, Batch: req.Batch}
	if req.DryRun {
		list, err := s.Issuer.Undelivered(ctx, of)
		if err != nil {
			return err
		}
		return writeJSON(c, http.StatusOK, UndeliveredView{Found: len(list)})
	}
	if req.Confirm == nil {
		return missing("/confirm", "ask with dry_run first, and give back the number that is found")
	}
	queued, err := s.Issuer.SendAllAgain(ctx, of, *req.Confirm, actor(c), req.Note)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusAccepted, UndeliveredView{*req.Confirm, queued})
}

// postReport takes a report of delivery, as it came to the mailbox of bounces. One
// that is about none of our letters is no mistake of whoever hands it on.
func (s *server) postReport(c echo.Context) error {
	raw, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	l, err := s.Issuer.TakeReport(c.Request().Context(), raw)
	if errors.Is(err, store.ErrNotFound) {
		return c.NoContent(http.StatusNoContent)
	}
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, letterViewOf(l))
}
