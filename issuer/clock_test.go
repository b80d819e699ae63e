package issuer

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"indeks/store"
	"indeks/verifier"
)

const years = 2 * 365 * 24 * time.Hour // less than the certificate of a key lasts

// alarms counts what an operator is woken for.
func (h *house) alarms() (n int) {
	for _, w := range h.warns {
		if strings.HasPrefix(w, "ALARM") {
			n++
		}
	}
	return n
}

// A clock that is far ahead of what is on record, or far behind it, dates
// nothing: neither a list nor a reservation. Once it is right, all goes on.
func TestWrongClockDatesNothing(t *testing.T) {
	for name, off := range map[string]time.Duration{"years ahead": years, "8 days ahead": 8 * 24 * time.Hour, "8 days behind": -8 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			ring := newRing(t, t.TempDir())
			addKey(t, ring, noon.AddDate(0, -1, 0)) // in use at all of these times
			h.ring, h.c.Ring = ring, ring
			h.open(t)
			one := draft(t)
			one.AwardingDate = "2026-06-20"
			first, err := h.Issue(t.Context(), one)
			if err != nil {
				t.Fatal(err)
			}
			lists, err := h.store.Lists(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			h.now = noon.Add(off)
			other := draft(t)
			other.LearnerID, other.AwardingDate = "other", "2026-06-20"
			for range 2 { // in a running issuer, and in one that starts
				if _, err := h.Issue(t.Context(), other); !errors.Is(err, ErrClock) {
					t.Errorf("Issue: %v, want ErrClock", err)
				}
				if err := h.renew(t.Context(), false); !errors.Is(err, ErrClock) {
					t.Errorf("renewing: %v, want ErrClock", err)
				}
				if _, err := h.Revoke(t.Context(), first.ID, Why{Text: "fraud", By: "registrar"}); !errors.Is(err, ErrClock) {
					t.Errorf("Revoke: %v, want ErrClock", err)
				}
				if h.alarms() != 1 {
					t.Errorf("%d alarms, want one: %q", h.alarms(), h.warns)
				}
				h.warns = nil
				h.open(t)
			}
			after, err := h.store.Lists(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for n, l := range after {
				if l.Sequence != lists[n].Sequence || !bytes.Equal(l.Published, lists[n].Published) {
					t.Errorf("list %s was signed as of %v", l.ID, l.ValidFrom)
				}
			}
			if issued, reserved := h.records(t); issued != 1 || reserved != 0 {
				t.Errorf("%d issued, %d reserved", issued, reserved)
			}

			h.now = noon.Add(time.Minute)
			if _, err := h.Issue(t.Context(), other); err != nil {
				t.Errorf("the clock is right again: %v", err)
			}
			// What was asked for meanwhile is on record, and asking again completes it.
			if _, err := h.Revoke(t.Context(), first.ID, Why{Text: "fraud", By: "registrar"}); err != nil {
				t.Error(err)
			}
			h.now = h.now.Add(time.Minute)
			if got := h.verify(t, first.Forms["vc2"].Token).State; got != verifier.Revoked {
				t.Errorf("revoked meanwhile: %s", got)
			}
		})
	}
}

// An issuer that stood still for long looks like one whose clock is wrong.
// Somebody says once that it is right.
func TestLongPauseIsConfirmedOnce(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	h.now = noon.AddDate(0, 6, 0)
	h.open(t)
	if _, _, err := h.StatusList(t.Context(), r.Entries[0].List); !errors.Is(err, ErrClock) {
		t.Errorf("StatusList: %v, want ErrClock", err)
	}
	h.c.ClockConfirmed = true
	h.open(t)
	h.c.ClockConfirmed = false
	h.now = h.now.Add(time.Hour)
	h.open(t)
	other := draft(t)
	other.LearnerID = "other"
	if _, err := h.Issue(t.Context(), other); err != nil {
		t.Error(err)
	}
	if got := h.verify(t, r.Forms["edc"].Token).State; got != verifier.StateValid {
		t.Errorf("state %s", got)
	}
	// A week is nothing to ask about, and how much is can be configured.
	h.now = h.now.Add(7 * 24 * time.Hour)
	if err := h.renew(t.Context(), false); err != nil {
		t.Error(err)
	}
	h.c.ClockJump = 90 * 24 * time.Hour
	h.now = h.now.Add(80 * 24 * time.Hour)
	h.open(t)
	if err := h.renew(t.Context(), false); err != nil {
		t.Error(err)
	}
}

// Where a list was dated years ahead before, everybody refuses it and nothing can
// be issued. The clock is confirmed, and all goes on: verifiers that were offered
// that list take the next one, whose date is earlier, and none forgets a revocation.
func TestListOfYearsAheadIsReplaced(t *testing.T) {
	h := newHouse(t, nil)
	h.ownRing(t)
	v, _, err := h.verifiers() // one that runs all the time, by the right clock
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	gone := draft(t)
	gone.LearnerID = "gone"
	revoked, err := h.Issue(t.Context(), gone)
	if err != nil {
		t.Fatal(err)
	}

	// As it was before the clock was looked at: signed by one that is years ahead.
	h.c.ClockJump, h.now = 10*years, noon.Add(years)
	h.open(t)
	if _, err := h.Revoke(t.Context(), revoked.ID, Why{Text: "fraud", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	lists, err := h.store.Lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	// The clock is right again, and the list is not.
	h.c.ClockJump, h.now = 0, noon.Add(time.Hour)
	h.open(t)
	reserving := draft(t)
	reserving.LearnerID = "next"
	if _, err := h.Issue(t.Context(), reserving); !errors.Is(err, ErrClock) || h.alarms() == 0 {
		t.Errorf("Issue: %v, want ErrClock and an alarm", err)
	}
	if got := v.Verify(t.Context(), r.Forms["vc2"].Token); got.State != verifier.StatusUnchecked {
		t.Errorf("by a list of the future: %s", got.State)
	}
	if issued, reserved := h.records(t); issued != 2 || reserved != 0 {
		t.Errorf("%d issued, %d reserved", issued, reserved)
	}

	// Confirmed.
	h.c.ClockConfirmed = true
	h.open(t)
	h.c.ClockConfirmed = false
	after, err := h.store.Lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n, l := range after {
		if l.Sequence != lists[n].Sequence+1 || !l.ValidFrom.Equal(h.now) {
			t.Errorf("list %s: number %d as of %v", l.ID, l.Sequence, l.ValidFrom)
		}
	}
	h.now = h.now.Add(time.Minute)
	for record, want := range map[string]verifier.State{string(r.Forms["vc2"].Token): verifier.StateValid, string(revoked.Forms["vc2"].Token): verifier.Revoked} {
		if got := v.Verify(t.Context(), []byte(record)).State; got != want {
			t.Errorf("after it was replaced: %s, want %s", got, want)
		}
	}
	h.open(t)
	if _, err := h.Issue(t.Context(), reserving); err != nil {
		t.Error(err)
	}
	if issued, reserved := h.checkStore(t); issued != 3 || reserved != 0 {
		t.Errorf("%d issued, %d reserved", issued, reserved)
	}
}

// A clock that was ahead for a moment, by less than what needs a confirmation, dates
// a list that nobody takes until then. Nothing is reserved that could not be sealed;
// revoking goes on, and the list is good when its time has come or somebody confirms
// the clock.
func TestListOfAnHourAhead(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		h := newHouse(t, nil)
		r, err := h.Issue(t.Context(), draft(t))
		if err != nil {
			t.Fatal(err)
		}
		h.now = noon.Add(2 * time.Hour)
		if err := h.renew(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		h.now = noon.Add(time.Minute)
		other := draft(t)
		other.LearnerID = "other"
		for range 3 {
			if _, err := h.Issue(t.Context(), other); !errors.Is(err, ErrClock) {
				t.Errorf("Issue: %v, want ErrClock", err)
			}
		}
		if h.CheckClock(t.Context()) == nil || h.alarms() != 1 {
			t.Errorf("%d alarms: %q", h.alarms(), h.warns)
		}
		if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "fraud", By: "registrar"}); err != nil {
			t.Errorf("revoking: %v", err)
		}
		if issued, reserved := h.records(t); issued != 1 || reserved != 0 {
			t.Errorf("%d issued, %d reserved", issued, reserved)
		}
		if confirmed {
			h.c.ClockConfirmed = true
			h.open(t)
			found := false
			for e, err := range h.store.LogEntries(t.Context(), "1", 0) {
				if err != nil {
					t.Fatal(err)
				}
				found = found || e.Kind == store.KindClockJumped
			}
			if !found {
				t.Error("that the clock was confirmed is not in the log")
			}
		} else {
			h.now = noon.Add(2 * time.Hour)
		}
		if _, err := h.Issue(t.Context(), other); err != nil {
			t.Error(err)
		}
		h.now = h.now.Add(time.Minute)
		if got := h.verify(t, r.Forms["vc2"].Token).State; got != verifier.Revoked {
			t.Errorf("state %s", got)
		}
	}
}

// What was left reserved when the clock went wrong waits, and does not keep the
// issuer from starting.
func TestPendingWaitsForTheClock(t *testing.T) {
	f := &faulty{failAt: -1}
	h := newHouse(t, func(s store.Store) store.Store { f.Store = s; return f })
	f.failCommit = true
	if _, err := h.Issue(t.Context(), draft(t)); !errors.Is(err, errFault) {
		t.Fatal(err)
	}
	f.failCommit = false
	h.now = noon.AddDate(1, 0, 0)
	h.open(t)
	if issued, reserved := h.records(t); issued != 0 || reserved != 1 {
		t.Errorf("%d issued, %d reserved", issued, reserved)
	}
	h.c.ClockConfirmed = true
	h.open(t)
	if issued, reserved := h.checkStore(t); issued != 1 || reserved != 0 {
		t.Errorf("confirmed: %d issued, %d reserved", issued, reserved)
	}
}

// records counts them without asking anybody for their status.
func (h *house) records(t *testing.T) (issued, reserved int) {
	t.Helper()
	for r, err := range h.store.Records(t.Context(), "") {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.State == store.Reserved:
			reserved++
		default:
			issued++
		}
	}
	return issued, reserved
}
