package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"indeks/internal/postbox"
	"indeks/internal/postgres"
	"indeks/mail"
	"indeks/store"
)

// mailing gives a house a mail server, and returns it with what carries letters there.
func (h *house) mailing(t testing.TB, o postbox.Options) (*postbox.Box, *mail.Carrier) {
	t.Helper()
	box := postbox.Start(t, o)
	h.c.Post = postTo(t, box)
	h.open(t)
	c := &mail.Carrier{Server: h.c.Post.Server}
	t.Cleanup(c.Rest)
	return box, c
}

func postTo(t testing.TB, box *postbox.Box) *Post {
	t.Helper()
	from, err := mail.ParseAddress("registry@school.example")
	if err != nil {
		t.Fatal(err)
	}
	return &Post{Server: mail.Server{Host: "127.0.0.1", Port: box.Port, Security: mail.Clear}, From: from, PerMinute: 60_000}
}

// sendAll sends what is due.
func (h *house) sendAll(t testing.TB, c *mail.Carrier) {
	t.Helper()
	for range 100 {
		wait, err := h.sendNext(t.Context(), t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if wait > 0 {
			return
		}
	}
	t.Fatal("there is no end of letters")
}

// letter returns the newest letter of a record.
func (h *house) letter(t testing.TB, r store.Record) Letter {
	t.Helper()
	list, err := h.LettersOf(t.Context(), r)
	if err != nil || len(list) == 0 {
		t.Fatalf("%d letters, %v", len(list), err)
	}
	return list[len(list)-1]
}

// readLetterText is the subject and all text of a message.
func readLetterText(t testing.TB, m postbox.Message) (h netmail.Header, subject, text string) {
	t.Helper()
	read, err := netmail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(read.Body)) // the boundaries with it
	if err != nil {
		t.Fatal(err)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return read.Header, subject, string(body)
}

func (h *house) logged(t testing.TB) (all string) {
	t.Helper()
	logs, err := h.store.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logs {
		for e, err := range h.store.LogEntries(t.Context(), l.Name, 0) {
			if err != nil {
				t.Fatal(err)
			}
			all += fmt.Sprintf("%s %s %s\n", e.Kind, e.Object, e.Result)
		}
	}
	return all
}

// What a learner is told, from issuing to revoking: one letter each, in the language of the
// document, with the link, and with nothing of the learner but the address. Neither
// the log, the warnings nor the file of records have address or link.
func TestLetters(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{DSN: true})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Issue(t.Context(), draft(t)); err != nil { // the same again
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	step := func(change func(context.Context, string, Why) (store.Record, error), code string) {
		t.Helper()
		h.now = h.now.Add(time.Hour)
		if _, err := change(t.Context(), r.ID, Why{Code: code, Text: "Canary of the clerk", By: "registrar"}); err != nil {
			t.Fatal(err)
		}
		if _, err := change(t.Context(), r.ID, Why{Code: code, Text: "again", By: "registrar"}); err != nil { // changes nothing
			t.Fatal(err)
		}
		h.sendAll(t, carrier)
	}
	step(h.Suspend, "under-review")
	step(h.Reinstate, "review-ended")
	step(h.Revoke, "misconduct")

	sent := box.Messages()
	want := []struct{ subject, text string }{
		{"Vaš mikrokredencijal: ", "Otvorite svoju stranicu"},
		{"Privremeno obustavljeno: ", "dodela se preispituje"},
		{"Ponovo važeće: ", "preispitivanje je završeno"},
		{"Opozvano: ", "utvrđena je povreda pravila ili se ispituje"},
	}
	if len(sent) != len(want) {
		t.Fatalf("%d messages, want %d", len(sent), len(want))
	}
	title := draft(t).Course.Title["sr-Latn"]
	if title == "" {
		title = draft(t).Course.Title.In("sr-Latn").Text
	}
	for n, w := range want {
		head, subject, text := readLetterText(t, sent[n])
		if subject != w.subject+title || !strings.Contains(text, w.text) || !strings.Contains(text, h.LearnerURL(r)) || sent[n].To != r.Email {
			t.Errorf("message %d to %s: %q\n%s", n, sent[n].To, subject, text)
		}
		if id := head.Get("Message-Id"); !letterID.MatchString(strings.TrimSuffix(strings.TrimPrefix(id, "<"), "@school.example>")) || sent[n].Envelope == "" || !strings.Contains(id, sent[n].Envelope) {
			t.Errorf("message %d: id %s, envelope %s", n, id, sent[n].Envelope)
		}
		for _, never := range []string{r.GivenName, r.FamilyName, "1999-12-31", "9 (nine)", r.LearnerID, r.Number, "Canary of the clerk"} {
			if strings.Contains(text, never) {
				t.Errorf("message %d says %q", n, never)
			}
		}
	}
	list, err := h.LettersOf(t.Context(), r)
	if err != nil || len(list) != len(want) {
		t.Fatalf("%d letters on record, %v", len(list), err)
	}
	for _, l := range list {
		if l.State != LetterSent || l.Sent.IsZero() || l.Tries != 1 || l.Answer != nil {
			t.Errorf("on record: %+v", l)
		}
	}
	log := h.logged(t)
	for _, said := range []string{"sent " + r.ID + " claim\n", "sent " + r.ID + " suspended\n", "sent " + r.ID + " reinstated\n", "sent " + r.ID + " revoked\n"} {
		if strings.Count(log, said) != 1 {
			t.Errorf("the log lacks %q:\n%s", said, log)
		}
	}
	for _, never := range []string{r.Email, r.Link} {
		if strings.Contains(log+strings.Join(h.warns, "\n"), never) {
			t.Errorf("log or warnings have %q", never)
		}
	}
	if q, err := h.LetterQueue(t.Context()); err != nil || q.Waiting != 0 || !q.Oldest.IsZero() {
		t.Errorf("queue: %+v, %v", q, err)
	}
}

// Without a mail server nothing waits, and whoever asks is told.
func TestNoMailServer(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := h.LettersOf(t.Context(), r); err != nil || len(list) != 0 {
		t.Errorf("%d letters, %v", len(list), err)
	}
	if _, err := h.SendAgain(t.Context(), r, "registrar", ""); !errors.Is(err, ErrNoPost) {
		t.Errorf("err = %v", err)
	}
	if err := h.SendCode(t.Context(), r, "123456", h.now.Add(time.Minute)); !errors.Is(err, ErrNoPost) {
		t.Errorf("err = %v", err)
	}
	if err := h.RunLetters(t.Context()); err != nil {
		t.Error(err)
	}
	// The address may be put right all the same.
	changed, err := h.Readdress(t.Context(), r, "new@mail.example", false, "registrar", "came by")
	if err != nil || changed.Email != "new@mail.example" || changed.Link != r.Link {
		t.Errorf("%+v, %v", changed.Email, err)
	}

	// With one, and without an address.
	_, carrier := h.mailing(t, postbox.Options{})
	d := draft(t)
	d.Email, d.LearnerID = "", "2021/0124"
	silent, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.SendAgain(t.Context(), silent, "registrar", ""); !errors.Is(err, ErrNoAddress) {
		t.Errorf("err = %v", err)
	}
	// What was issued before goes out when somebody asks for it, and not twice.
	for range 2 {
		if l, err := h.SendAgain(t.Context(), changed, "registrar", "asked by telephone"); err != nil || l.State != LetterQueued || l.By != "registrar" || l.Note != "asked by telephone" {
			t.Errorf("%+v, %v", l, err)
		}
	}
	h.sendAll(t, carrier)
	if list, err := h.LettersOf(t.Context(), changed); err != nil || len(list) != 1 || list[0].State != LetterSent || list[0].To != "new@mail.example" {
		t.Errorf("%+v, %v", list, err)
	}
}

// What the server answers decides what becomes of a letter.
func TestLetterOutcomes(t *testing.T) {
	h := newHouse(t, nil)
	var counted []string
	box, carrier := h.mailing(t, postbox.Options{})
	h.post.Count = func(outcome string) { counted = append(counted, outcome) }
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	answer := func(step string, err error) {
		box.Change(func(at, _ string) error {
			if at == step {
				return err
			}
			return nil
		})
	}

	// 1. Not now: later, and later each time, under one id.
	answer("RCPT", postbox.Refuse(451, [3]int{4, 7, 1}, "greylisted djordje@students.example"))
	for tries, least := range []time.Duration{5 * time.Minute, 15 * time.Minute, 45 * time.Minute} {
		h.sendAll(t, carrier)
		l := h.letter(t, r)
		if wait := l.Next.Sub(h.now); l.State != LetterQueued || l.Tries != tries+1 || wait < least || wait > least+least/10 || l.Answer.Code != 451 || l.Answer.Status != "4.7.1" {
			t.Errorf("after %d tries: %s, next in %v, %+v", l.Tries, l.State, wait, l.Answer)
		}
		h.sendAll(t, carrier) // which is too early
		if again := h.letter(t, r); again.Tries != l.Tries {
			t.Error("it was tried too early")
		}
		h.now = l.Next.Add(time.Second)
	}

	// 2. The answer is lost: sent again with the same id.
	answer("DATA", postbox.ErrLost)
	h.sendAll(t, carrier)
	if l := h.letter(t, r); l.State != LetterQueued || len(box.Messages()) != 1 {
		t.Errorf("%+v, %d messages", l, len(box.Messages()))
	}
	h.now = h.letter(t, r).Next.Add(time.Second)
	answer("", nil)
	h.sendAll(t, carrier)
	sent := box.Messages()
	if len(sent) != 2 {
		t.Fatalf("%d messages", len(sent))
	}
	first, _, _ := readLetterText(t, sent[0])
	second, _, _ := readLetterText(t, sent[1])
	if first.Get("Message-Id") != second.Get("Message-Id") || first.Get("Date") != second.Get("Date") {
		t.Errorf("two messages: %s, %s", first.Get("Message-Id"), second.Get("Message-Id"))
	}

	// 3. Never: listed, until somebody sends it again.
	answer("RCPT", postbox.Refuse(550, [3]int{5, 1, 1}, "no such user"))
	if _, err := h.SendAgain(t.Context(), r, "registrar", ""); err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	list, err := h.LetterTroubles(t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].State != LetterRefused || list[0].Number != r.Number || list[0].Answer.Text != "no such user" || list[0].To != r.Email {
		t.Errorf("%+v, %v", list, err)
	}
	if want := "sent " + r.ID + " claim refused 550 5.1.1\n"; !strings.Contains(h.logged(t), want) {
		t.Errorf("the log lacks %q:\n%s", want, h.logged(t))
	}
	h.now = h.now.Add(time.Second)
	if _, err := h.SendAgain(t.Context(), r, "registrar", ""); err != nil {
		t.Fatal(err)
	}
	if list, err := h.LetterTroubles(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("sent again, and still listed: %+v, %v", list, err)
	}

	// 4. The server takes nothing: the letter keeps its place, nothing is asked for a
	// while, and it goes on by itself.
	answer("MAIL", postbox.Refuse(550, [3]int{5, 7, 1}, "relaying denied"))
	opened := box.Opened()
	for range 3 {
		h.sendAll(t, carrier)
	}
	l := h.letter(t, r)
	q, err := h.LetterQueue(t.Context())
	if l.State != LetterQueued || l.Tries != 0 || q.Held.IsZero() || q.Waiting != 1 || err != nil || box.Opened() > opened+1 || h.warns[len(h.warns)-1] != "ALARM: the mail server takes nothing, letters wait" {
		t.Errorf("%+v, %+v, %v, %d connections, %q", l, q, err, box.Opened()-opened, h.warns)
	}
	answer("", nil)
	h.now = h.now.Add(firstHold + time.Second)
	h.sendAll(t, carrier)
	if q, err := h.LetterQueue(t.Context()); err != nil || !q.Held.IsZero() || h.letter(t, r).State != LetterSent {
		t.Errorf("%+v, %v, %+v", q, err, h.letter(t, r))
	}

	// 5. There is an end, also while the server takes nothing.
	answer("MAIL", postbox.Refuse(451, [3]int{4, 3, 0}, "down"))
	if _, err := h.SendAgain(t.Context(), r, "registrar", ""); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		h.sendAll(t, carrier)
		h.now = h.now.Add(time.Hour)
	}
	if l := h.letter(t, r); l.State != LetterRefused || !strings.Contains(l.Answer.Text+l.Answer.Status, "4.3.0") && !strings.Contains(l.Answer.Text, "within 72h") {
		t.Errorf("after 100 hours: %+v, %+v", l, l.Answer)
	}
	if got := strings.Join(counted, " "); got != "later later later later sent refused sent refused" {
		t.Errorf("counted: %s", got)
	}
	for _, w := range h.warns {
		if strings.Contains(w, r.Email) {
			t.Errorf("a warning names somebody: %s", w)
		}
	}
}

// What a letter says must be so when it is sent; what was erased is not.
func TestLettersOvertaken(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Suspend(t.Context(), r.ID, Why{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := h.SendCode(t.Context(), r, "402917", h.now.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	h.sendAll(t, carrier)
	sent := box.Messages()
	if len(sent) != 1 {
		t.Fatalf("%d messages, want the one that it is revoked", len(sent))
	}
	if _, subject, _ := readLetterText(t, sent[0]); !strings.HasPrefix(subject, "Opozvano: ") {
		t.Error(subject)
	}

	d := draft(t)
	d.LearnerID = "2021/0199"
	gone, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.EraseDelivery(t.Context(), gone.ID, "asked for", "registrar"); err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	if n := len(box.Messages()); n != 1 {
		t.Errorf("%d messages: one went to an address that is erased", n)
	}
	if q, err := h.LetterQueue(t.Context()); err != nil || q.Waiting != 0 {
		t.Errorf("%+v, %v", q, err)
	}
	if _, err := h.SendAgain(t.Context(), gone, "registrar", ""); err == nil {
		t.Error("sent to an address that is erased")
	}
}

// A letter that cannot be read is said so once, and the others go on.
func TestDamagedLetter(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	id := r.DeliveryID() + "/0"
	if err := h.store.PutDocuments(t.Context(), []store.Document{{Kind: store.LetterKind, ID: id, Body: []byte("{")}, {Kind: kindDue, ID: "due/1/20200101T000000.000Z/0", Body: []byte(id)}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.sendAll(t, carrier)
	}
	said := 0
	for _, w := range h.warns {
		if w == "ALARM: a letter cannot be read, and is not sent" {
			said++
		}
	}
	if q, err := h.LetterQueue(t.Context()); err != nil || q.Waiting != 0 || len(box.Messages()) != 1 || said != 1 {
		t.Errorf("%+v, %v, %d messages, said %d times", q, err, len(box.Messages()), said)
	}
}

// One-time codes go first, and their code stays nowhere.
func TestCodesGoFirst(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Second)
	if err := h.SendCode(t.Context(), r, "402917", h.now.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := h.SendOpened(t.Context(), r, "For the interview"); err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	var got []string
	for _, m := range box.Messages() {
		_, subject, text := readLetterText(t, m)
		got = append(got, strings.SplitN(subject, ":", 2)[0])
		if strings.Contains(text, "402917") != (subject == "Vaš jednokratni kod") {
			t.Errorf("%s: the code", subject)
		}
	}
	if want := "Vaš jednokratni kod|Vaš mikrokredencijal|Vaša veza za deljenje je otvorena"; strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
	list, err := h.LettersOf(t.Context(), r)
	for _, l := range list {
		if l.Code != "" || err != nil {
			t.Errorf("%+v, %v", l, err)
		}
	}
}

// A new credential in another one's place is one letter, and the old one none.
func TestReplacedLetter(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{})
	old, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	d, err := h.Correction(t.Context(), old, map[string]string{"family_name": "Novi"}, nil, Why{Code: CodeNameChange, Text: "x", By: "registrar"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	sent := box.Messages()
	if len(sent) != 2 {
		t.Fatalf("%d messages", len(sent))
	}
	if _, subject, text := readLetterText(t, sent[1]); !strings.HasPrefix(subject, "Vaš novi mikrokredencijal: ") || !strings.Contains(text, h.LearnerURL(r)) || strings.Contains(text, old.Link) || !strings.Contains(text, "promenilo se vaše ime") {
		t.Errorf("%s\n%s", subject, text)
	}
	if gone, err := h.Find(t.Context(), old.ID); err != nil {
		t.Error(err)
	} else if _, err := h.SendAgain(t.Context(), gone, "registrar", ""); !errors.Is(err, store.ErrState) {
		t.Errorf("of what is replaced: %v", err)
	}
}

// The registrar puts an address right: what waits goes there, the old link dies where
// that is asked for, and the log knows that it was done, not where to.
func TestReaddress(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Readdress(t.Context(), r, "no address", true, "registrar", ""); !errors.Is(err, mail.ErrAddress) {
		t.Errorf("err = %v", err)
	}
	ctx := store.Acting(t.Context(), store.Actor{Name: "API registry"})
	// The letter that waits is the one, and goes to the new address.
	first, err := h.Readdress(ctx, r, "first@mail.example", false, "API registry", "")
	if err != nil || first.Link != r.Link {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	h.now = h.now.Add(time.Second)
	second, err := h.Readdress(ctx, first, "second@mail.example", true, "API registry", "identity card seen")
	if err != nil || second.Link == r.Link {
		t.Fatalf("%q, %v", second.Link, err)
	}
	h.sendAll(t, carrier)
	sent := box.Messages()
	if len(sent) != 2 || sent[0].To != "first@mail.example" || sent[1].To != "second@mail.example" {
		t.Fatalf("%+v", sent)
	}
	if _, _, text := readLetterText(t, sent[1]); !strings.Contains(text, h.LearnerURL(second)) {
		t.Errorf("the new link is not in\n%s", text)
	}
	if _, err := h.store.ByLink(t.Context(), r.Link); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old link: %v", err)
	}
	if l := h.letter(t, second); l.Note != "identity card seen" || l.By != "API registry" {
		t.Errorf("%+v", l)
	}
	log := h.logged(t)
	for _, said := range []string{"readdressed " + r.ID + " address\n", "readdressed " + r.ID + " address and link\n"} {
		if !strings.Contains(log, said) {
			t.Errorf("the log lacks %q:\n%s", said, log)
		}
	}
	for _, never := range []string{"mail.example", second.Link, r.Link} {
		if strings.Contains(log, never) {
			t.Errorf("the log has %s", never)
		}
	}
}

// What comes back is told from the letter it is about, by an id that only who had
// the message knows.
func TestTakeReport(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{DSN: true})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	sample, err := os.ReadFile("../mail/testdata/reports/failed.eml")
	if err != nil {
		t.Fatal(err)
	}
	report := func(id, action string) []byte {
		return []byte(strings.NewReplacer("20260601.0123456789ABCDEFGHJKMNPQRS", id, "Action: failed", "Action: "+action).Replace(string(sample)))
	}
	id := box.Messages()[0].Envelope
	if _, err := h.TakeReport(t.Context(), []byte("Subject: hello\n\nThank you")); !errors.Is(err, mail.ErrReport) {
		t.Errorf("no report: %v", err)
	}
	for _, other := range []string{"20260601.0123456789ABCDEFGHJKMNPQRS", "x", strings.Repeat("9", 60), id[:len(id)-1]} {
		if _, err := h.TakeReport(t.Context(), report(other, "failed")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of %s: %v", other, err)
		}
	}
	for _, step := range []struct {
		action string
		state  LetterState
	}{{"delivered", LetterSent}, {"delayed", LetterSent}, {"failed", LetterBounced}, {"failed", LetterBounced}, {"delayed", LetterBounced}} {
		l, err := h.TakeReport(t.Context(), report(id, step.action))
		if err != nil || l.Record != r.ID {
			t.Fatalf("%s: %v", step.action, err)
		}
		if got := h.letter(t, r); got.State != step.state {
			t.Errorf("%s: %+v", step.action, got)
		}
	}
	list, err := h.LetterTroubles(t.Context(), 10)
	if err != nil || len(list) != 1 || list[0].Answer.Status != "5.1.1" || !strings.Contains(list[0].Answer.Text, "User unknown") {
		t.Errorf("%+v, %v", list, err)
	}
	if n := strings.Count(h.logged(t), "sent "+r.ID+" claim bounced 5.1.1\n"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, h.logged(t))
	}

	// After the address is erased nothing is known of it, nor listed.
	if _, err := h.EraseDelivery(t.Context(), r.ID, "asked for", "registrar"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.TakeReport(t.Context(), report(id, "failed")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of an erased letter: %v", err)
	}
	for range 2 {
		if list, err := h.LetterTroubles(t.Context(), 10); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	}
	h.now = h.now.Add(letterKept + 48*time.Hour)
	if err := h.sweepLetters(t.Context()); err != nil {
		t.Fatal(err)
	}
	for d := range h.store.Documents(t.Context(), kindMessage, "", "") {
		t.Errorf("%s is still kept", d.ID)
	}
}

// What a node had in hand when it was killed, another sends when its lease ends; and
// of a store that fails in the middle nothing is lost.
func TestLetterLease(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, m, err := h.takeLetter(t.Context()); m == nil || err != nil { // and is killed
		t.Fatal(err)
	}
	if _, _, m, err := h.takeLetter(t.Context()); m != nil || err != nil {
		t.Fatalf("taken by two: %v", err)
	}
	h.sendAll(t, carrier)
	if len(box.Messages()) != 0 || h.letter(t, r).State != LetterSending {
		t.Errorf("%d messages, %+v", len(box.Messages()), h.letter(t, r))
	}
	h.now = h.now.Add(letterLease + time.Second)
	h.sendAll(t, carrier)
	if l := h.letter(t, r); len(box.Messages()) != 1 || l.State != LetterSent || l.Tries != 2 {
		t.Errorf("%d messages, %+v", len(box.Messages()), l)
	}
}

// Each call to the store fails once, not done and done: every letter arrives, and
// one that arrives twice is the same.
func TestLetterFaults(t *testing.T) {
	for _, done := range []bool{false, true} {
		for n := 1; ; n++ {
			f := &faulty{done: done}
			h := newHouse(t, func(s store.Store) store.Store { f.Store = s; return f })
			box, carrier := h.mailing(t, postbox.Options{})
			r, err := h.Issue(t.Context(), draft(t))
			if err != nil {
				t.Fatal(err)
			}
			f.calls, f.failAt = 0, n
			for range 4 {
				h.sendNext(t.Context(), t.Context(), carrier)
				h.now = h.now.Add(letterLease + time.Second)
			}
			calls := f.calls
			f.failAt = 0
			h.sendAll(t, carrier)
			sent := box.Messages()
			if l := h.letter(t, r); len(sent) == 0 || l.State != LetterSent {
				t.Errorf("call %d, done %v: %d messages, %+v", n, done, len(sent), l)
			}
			for _, m := range sent[min(1, len(sent)):] {
				a, _, _ := readLetterText(t, sent[0])
				if b, _, _ := readLetterText(t, m); a.Get("Message-Id") != b.Get("Message-Id") {
					t.Errorf("call %d, done %v: two messages", n, done)
				}
			}
			if n > calls {
				break
			}
		}
	}
}

// Several nodes send from one store: each letter goes out once.
func TestNodesSendEachLetterOnce(t *testing.T) {
	h := newHouse(t, nil)
	testNodesSend(t, h, func(int) store.Store { return h.store })
}

// So it is where the store is a database, and each node has it open by itself.
func TestNodesSendFromPostgres(t *testing.T) {
	server := postgres.Shared(t)
	var c store.PostgresConfig
	h := newHouseIn(t, func(t testing.TB, learners *store.DataKeys) store.Store {
		c = store.PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: testDID, Node: "a", Keys: learners}
		if err := store.InitPostgres(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return openNode(t, c)
	}, nil)
	testNodesSend(t, h, func(n int) store.Store {
		c.Node = string(rune('b' + n))
		return openNode(t, c)
	})
}

func openNode(t testing.TB, c store.PostgresConfig) store.Store {
	t.Helper()
	s, err := store.OpenPostgres(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func testNodesSend(t *testing.T, h *house, open func(n int) store.Store) {
	box, _ := h.mailing(t, postbox.Options{})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	const letters = 40
	for range letters - 1 {
		if err := h.SendOpened(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var nodes sync.WaitGroup
	for n := range 4 {
		c := h.c
		c.Store, c.Now, c.Warn = open(n), func() time.Time { return noon.Add(time.Second) }, nil
		node, err := New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		nodes.Go(func() {
			if err := node.RunLetters(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if q, err := h.LetterQueue(t.Context()); err != nil || q.Waiting == 0 {
			break
		}
	}
	cancel()
	nodes.Wait()
	ids := map[string]int{}
	for _, m := range box.Messages() {
		head, _, _ := readLetterText(t, m)
		ids[head.Get("Message-Id")]++
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
	if len(ids) != letters {
		t.Errorf("%d letters, want %d", len(ids), letters)
	}
}

// A server that ends finishes the letter it has in hand, and takes no other.
func TestLettersDrain(t *testing.T) {
	h := newHouse(t, nil)
	reached, goOn := make(chan bool, 10), make(chan bool)
	box, _ := h.mailing(t, postbox.Options{Answer: func(step, _ string) error {
		if step == "DATA" {
			reached <- true
			<-goOn
		}
		return nil
	}})
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SendOpened(t.Context(), r, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.RunLetters(ctx) }()
	<-reached
	cancel()
	close(goOn)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	list, err := h.LettersOf(t.Context(), r)
	if err != nil || len(list) != 2 || len(box.Messages()) != 1 || list[0].State != LetterSent || list[1].State != LetterQueued {
		t.Errorf("%d messages, %+v, %v", len(box.Messages()), list, err)
	}
}

// Not more letters a minute than is allowed, whoever sends.
func TestLettersAMinute(t *testing.T) {
	h := newHouse(t, nil)
	_, carrier := h.mailing(t, postbox.Options{})
	h.post.PerMinute = 600
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := h.SendOpened(t.Context(), r, ""); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	h.sendAll(t, carrier)
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("4 letters in %v, want 100 ms between two", took)
	}
}

// Every reason that a clerk may give has words in letters.
func TestReasonsHaveWords(t *testing.T) {
	for _, c := range reasonCodes {
		if !mail.HasReason(c.code) {
			t.Errorf("letters have no words for the reason %s", c.code)
		}
	}
}
