package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/internal/postbox"
	"indeks/mail"
	"indeks/store"
)

// mailed issues to n learners of a batch, each of whom has an address.
func (h *house) mailed(t testing.TB, batch string, n int) (list []store.Record) {
	t.Helper()
	for k := range n {
		d := draft(t)
		d.Batch, d.LearnerID, d.Email = batch, fmt.Sprintf("%s/%04d", batch, k), fmt.Sprintf("%s-%d@students.example", batch, k)
		r, err := h.Issue(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// The server refuses a recipient: that letter is listed with what was said, and the
// others go on. When what kept them back is put right, those of a class list or of a
// course go out again in one step, by their number, each in the log with who asked.
func TestSendAllAgain(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{Answer: func(step, arg string) error {
		if step == "RCPT" && !strings.HasPrefix(arg, "good") {
			return postbox.Refuse(550, [3]int{5, 7, 1}, "not from there")
		}
		return nil
	}})
	first, other, good := h.mailed(t, "first", lettersAtOnce+2), h.mailed(t, "other", 2), h.mailed(t, "good", 1)
	if err := h.SendOpened(t.Context(), first[0], ""); err != nil { // which is not sent again
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	count := func(of Undelivered, want int) (list []LetterTrouble) {
		t.Helper()
		list, err := h.Undelivered(t.Context(), of)
		if err != nil || len(list) != want {
			t.Fatalf("%d of %+v are left, want %d: %v", len(list), of, want, err)
		}
		return list
	}
	listed := count(Undelivered{}, len(first)+len(other))
	if l := listed[0]; l.State != LetterRefused || l.Answer.Status != "5.7.1" || l.Answer.Text != "not from there" || l.Number == "" {
		t.Errorf("listed: %+v, %+v", l, l.Answer)
	}
	if n := len(box.Messages()); n != 1 || h.letter(t, good[0]).State != LetterSent {
		t.Errorf("%d messages went on", n)
	}
	course := first[0].Course
	count(Undelivered{Course: course, Batch: "other"}, len(other))
	count(Undelivered{Course: "none"}, 0)

	// 1. Another number than was seen: nothing is done.
	ctx := store.Acting(t.Context(), store.Actor{Name: "registrar"})
	before := h.logged(t)
	for _, confirmed := range []int{0, len(first) - 1, len(first) + 1} {
		if n, err := h.SendAllAgain(ctx, Undelivered{Batch: "first"}, confirmed, "registrar", ""); n != 0 || !errors.Is(err, ErrBulkCount) {
			t.Errorf("confirmed %d: %d, %v", confirmed, n, err)
		}
	}
	if h.logged(t) != before {
		t.Error("the log has what was not done")
	}

	// 2. One of them is erased, of one the award is revoked, one is sent by itself.
	if _, err := h.EraseDelivery(ctx, first[0].ID, "asked for", "registrar"); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Second)
	if _, err := h.Revoke(ctx, first[1].ID, Why{Code: "misconduct", Text: "x", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SendAgain(ctx, first[2], "registrar", ""); err != nil {
		t.Fatal(err)
	}

	// 3. The others, when the server takes them.
	box.Change(func(string, string) error { return nil })
	want := len(first) - 2
	count(Undelivered{Batch: "first"}, want)
	n, err := h.SendAllAgain(ctx, Undelivered{Batch: "first"}, want, "registrar", "the server was mended")
	if err != nil || n != want-1 { // of the revoked one the notice waits already
		t.Fatalf("%d, %v", n, err)
	}
	h.sendAll(t, carrier)
	sent := map[string]int{}
	for _, m := range box.Messages() {
		sent[m.To]++
	}
	for _, r := range first[1:] {
		if sent[r.Email] != 1 {
			t.Errorf("%d letters to %s", sent[r.Email], r.Email)
		}
	}
	if sent[first[0].Email] != 0 || len(sent) != len(first) {
		t.Errorf("letters to %d addresses", len(sent))
	}
	if l := h.letter(t, first[3]); l.Note != "the server was mended" || l.By != "registrar" || l.Kind != mail.Claim {
		t.Errorf("on record: %+v", l)
	}
	log := h.logged(t)
	for _, r := range first[2:] {
		if said := "sent " + r.ID + " claim queued\n"; strings.Count(log, said) != 1 {
			t.Errorf("the log lacks %q", said)
		}
	}
	if strings.Contains(log, "students.example") || strings.Contains(log, "mended") {
		t.Error("the log has an address or a note")
	}
	count(Undelivered{Course: course}, len(other)+1)
}

// Each call to the store fails once while letters are sent again, not done and done, and
// asking again goes on: nobody is left out. Whose letter somebody else sends meanwhile
// holds up no other.
func TestSendAllAgainFaults(t *testing.T) {
	for _, done := range []bool{false, true} {
		for n := 1; ; n++ {
			f := &faulty{done: done}
			h := newHouse(t, func(s store.Store) store.Store { f.Store = s; return f })
			box, carrier := h.mailing(t, postbox.Options{Answer: func(step, _ string) error {
				if step == "RCPT" {
					return postbox.Refuse(550, [3]int{5, 7, 1}, "not from there")
				}
				return nil
			}})
			class := h.mailed(t, "a", 2)
			h.sendAll(t, carrier)
			box.Change(func(string, string) error { return nil })
			f.calls, f.failAt = 0, n
			h.SendAllAgain(t.Context(), Undelivered{}, 2, "registrar", "")
			calls := f.calls
			f.failAt = 0
			left, err := h.Undelivered(t.Context(), Undelivered{})
			if err == nil {
				_, err = h.SendAllAgain(t.Context(), Undelivered{}, len(left), "registrar", "")
			}
			if err != nil {
				t.Fatal(err)
			}
			h.sendAll(t, carrier)
			var to []string
			for _, m := range box.Messages() {
				to = append(to, m.To)
			}
			slices.Sort(to)
			if !slices.Equal(to, []string{class[0].Email, class[1].Email}) {
				t.Errorf("call %d, done %v: %q", n, done, to)
			}
			if n > calls {
				break
			}
		}
	}
}

// Two registrars ask at once: each learner gets one letter.
func TestSendAllAgainTwice(t *testing.T) {
	var inside func()
	h := newHouse(t, func(s store.Store) store.Store { return &between{Store: s, do: &inside} })
	box, carrier := h.mailing(t, postbox.Options{Answer: func(step, _ string) error {
		if step == "RCPT" {
			return postbox.Refuse(550, [3]int{5, 7, 1}, "not from there")
		}
		return nil
	}})
	class := h.mailed(t, "a", 3)
	h.sendAll(t, carrier)
	h.now = h.now.Add(time.Second)
	box.Change(func(string, string) error { return nil })
	inside = func() {
		if _, err := h.SendAgain(t.Context(), class[1], "another", ""); err != nil {
			t.Error(err)
		}
	}
	if n, err := h.SendAllAgain(t.Context(), Undelivered{}, 3, "registrar", ""); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	h.sendAll(t, carrier)
	if n := len(box.Messages()); n != 3 {
		t.Errorf("%d letters", n)
	}
	if l := h.letter(t, class[1]); l.By != "another" {
		t.Errorf("%+v", l)
	}
}

// between does something once, before the next documents are put.
type between struct {
	store.Store
	do *func()
}

func (b *between) PutDocuments(ctx context.Context, docs []store.Document, events ...store.Event) error {
	if do := *b.do; do != nil {
		*b.do = nil
		do()
	}
	return b.Store.PutDocuments(ctx, docs, events...)
}
