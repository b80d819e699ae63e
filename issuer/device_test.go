package issuer

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"indeks/mail"
	"indeks/store"
)

// The first device opens the page by its link; each other one needs a code, which
// goes to the address and is good once, for a while and for a few tries.
func TestDevices(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if h.KnownDevices(r) {
		t.Error("a code is asked for, and nobody sends one")
	}
	from, err := mail.ParseAddress("registrar@school.example")
	if err != nil {
		t.Fatal(err)
	}
	h.c.Post = &Post{Server: mail.Server{Host: "127.0.0.1", Port: 1, Security: mail.Clear}, From: from}
	h.open(t)
	if nobody := r; !h.KnownDevices(r) {
		t.Error("no code is asked for")
	} else if nobody.Email = ""; h.KnownDevices(nobody) {
		t.Error("a code is asked for, and there is no address")
	}
	knows := func(r store.Record, device string, want bool) {
		t.Helper()
		if got, err := h.KnowsDevice(r, device); err != nil || got != want {
			t.Errorf("device %.12q: known %t, want %t: %v", device, got, want, err)
		}
	}
	// code is the one that was sent last.
	code := func() string {
		t.Helper()
		if err := h.AskCode(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		letters, err := h.LettersOf(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		last := ""
		for _, l := range letters {
			if l.Kind == mail.Code && !l.Until.Before(h.now.Add(codeTime)) {
				last = l.Code
			}
		}
		if len(last) != 6 {
			t.Fatalf("code %q", last)
		}
		h.now = h.now.Add(time.Second) // so that letters have an order
		return last
	}

	if first, err := h.Unopened(t.Context(), r); err != nil || !first {
		t.Errorf("unopened: %t, %v", first, err)
	}
	device, err := h.OpenFirst(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	knows(r, device, true)
	for _, other := range []string{"", "x", device + "A", strings.Repeat("A", len(device))} {
		knows(r, other, false)
	}
	if _, err := h.OpenFirst(t.Context(), r); !errors.Is(err, ErrCode) {
		t.Errorf("a second one is first: err = %v", err)
	}

	if _, err := h.OpenWithCode(t.Context(), r, "000000"); !errors.Is(err, ErrCode) {
		t.Errorf("none was sent: err = %v", err)
	}
	sent := code()
	wrong := "000000"
	if sent == wrong {
		wrong = "000001"
	}
	if _, err := h.OpenWithCode(t.Context(), r, wrong); !errors.Is(err, ErrCode) {
		t.Errorf("wrong: err = %v", err)
	}
	second, err := h.OpenWithCode(t.Context(), r, sent)
	if err != nil {
		t.Fatal(err)
	}
	knows(r, second, true)
	if _, err := h.OpenWithCode(t.Context(), r, sent); !errors.Is(err, ErrCode) {
		t.Errorf("used twice: err = %v", err)
	}
	sent = code()
	for range codeTries {
		if _, err := h.OpenWithCode(t.Context(), r, "no"+sent); !errors.Is(err, ErrCode) {
			t.Errorf("wrong: err = %v", err)
		}
	}
	if _, err := h.OpenWithCode(t.Context(), r, sent); !errors.Is(err, ErrCode) {
		t.Errorf("after too many tries: err = %v", err)
	}
	sent = code()
	h.now = h.now.Add(codeTime + time.Second)
	if _, err := h.OpenWithCode(t.Context(), r, sent); !errors.Is(err, ErrCode) {
		t.Errorf("too late: err = %v", err)
	}
	// Of codes there are only so many an hour, at whichever node they are asked for.
	var wait error
	for range codesHourly {
		if wait = h.AskCode(t.Context(), r); wait != nil {
			break
		}
	}
	if !isWait(wait) {
		t.Errorf("%d codes in an hour, and one more: err = %v", codesHourly, wait)
	}

	// Another link, and a long time, are as if nobody had opened it.
	moved := r
	moved.Link = NewPublicID("")
	knows(moved, device, false)
	if first, err := h.Unopened(t.Context(), moved); err != nil || !first {
		t.Errorf("another link: unopened %t, %v", first, err)
	}
	h.now = h.now.Add(DeviceTime())
	knows(r, device, false)

	// All of it goes with the delivery data.
	if _, err := h.store.Erase(t.Context(), store.Erasure{Class: store.Delivery, At: noon, By: "registrar"}, r.ID); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{store.DeviceKind, store.ReportKind} {
		for d := range h.store.Documents(t.Context(), kind, "", "") {
			t.Errorf("%s %s is left", kind, d.ID)
		}
	}
}

// What a learner reports is there for the registrar, a few times a day.
func TestReport(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", " \n", "\xff", strings.Repeat("ж", maxReport+1)} {
		if _, err := h.Report(t.Context(), r, text); err == nil {
			t.Errorf("%.20q is kept", text)
		}
	}
	first, err := h.Report(t.Context(), r, " The name is misspelled. ")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.CloseReport(t.Context(), first.ID, "Corrected.", "registrar"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CloseReport(t.Context(), first.ID, "again", "registrar"); !errors.Is(err, ErrDecided) {
		t.Errorf("closed twice: err = %v", err)
	}
	h.now = h.now.Add(time.Second)
	if _, err := h.Report(t.Context(), r, "It is still wrong."); err != nil {
		t.Fatal(err)
	}
	open, err1 := h.Reports(t.Context(), false)
	all, err2 := h.Reports(t.Context(), true)
	own, err3 := h.ReportsOf(t.Context(), r)
	if err := errors.Join(err1, err2, err3); err != nil || len(open) != 1 || len(all) != 2 || len(own) != 2 || all[1].Answer != "Corrected." || all[1].Text != "The name is misspelled." {
		t.Errorf("%v: %+v, %+v, %+v", err, open, all, own)
	}
	var wait error
	for range reportsDaily {
		if _, wait = h.Report(t.Context(), r, "once more"); wait != nil {
			break
		}
	}
	if !isWait(wait) {
		t.Errorf("more than %d a day: err = %v", reportsDaily, wait)
	}
	if _, err := h.store.Erase(t.Context(), store.Erasure{Class: store.Delivery, At: noon, By: "registrar"}, r.ID); err != nil {
		t.Fatal(err)
	}
	if left, err := h.Reports(t.Context(), true); err != nil || len(left) != 0 {
		t.Errorf("after the erasure: %+v, %v", left, err)
	}
}

// Of one link only so many codes are tried in a day, whichever they are: a new code gives
// back none, the right one is not looked at either, and another link begins anew.
func TestCodesAreTriedSoOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		start := time.Now()
		h.c.Now = func() time.Time { return noon.Add(time.Since(start)) }
		h.c.Post = &Post{Server: mail.Server{Host: "127.0.0.1", Port: 1, Security: mail.Clear}}
		h.open(t)
		r, err := h.Issue(t.Context(), draft(t))
		if err != nil {
			t.Fatal(err)
		}
		put := func(r store.Record, code string) { // as AskCode does, but for its letter
			t.Helper()
			d, err := h.deviceDocument(t.Context(), r, deviceCode)
			if err == nil {
				d.Body, d.Expires = encode(waitingCode{codeDigest(r, code), h.clock().Add(codeTime), codeTries}), h.clock().Add(codeTime)
				err = h.store.PutDocuments(t.Context(), []store.Document{d})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		tried, day := 0, time.Now().Add(24*time.Hour)
		for time.Now().Before(day) { // a stranger who asks again and again
			put(r, "123456")
			for range codeTries {
				_, err := h.OpenWithCode(t.Context(), r, "654321")
				if wait, over := errors.AsType[*WaitError](err); over && wait.Wait > time.Hour {
					t.Errorf("the next try is in %v", wait.Wait)
				} else if !over && errors.Is(err, ErrCode) {
					tried++
				} else if !over {
					t.Fatal(err)
				}
			}
			time.Sleep(12 * time.Minute)
		}
		if tried < 2*triesAtOnce-2 || tried > 2*triesAtOnce {
			t.Errorf("%d codes were tried in a day", tried)
		}
		for { // up to the last one that there is
			put(r, "123456")
			if _, err := h.OpenWithCode(t.Context(), r, "654321"); !errors.Is(err, ErrCode) {
				break
			}
		}
		put(r, "123456")
		if _, err := h.OpenWithCode(t.Context(), r, "123456"); !isWait(err) {
			t.Errorf("the right one, too early: err = %v", err)
		}
		moved := r
		moved.Link = NewPublicID("")
		put(moved, "123456")
		if _, err := h.OpenWithCode(t.Context(), moved, "123456"); err != nil {
			t.Errorf("another link: err = %v", err)
		}
		time.Sleep(time.Hour)
		put(r, "123456")
		if _, err := h.OpenWithCode(t.Context(), r, "123456"); err != nil {
			t.Errorf("the right one, in time: err = %v", err)
		}
	})
}
