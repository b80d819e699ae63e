package issuer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// approvable is a draft of a course that asks for approval.
func approvable(t testing.TB) Draft {
	d := draft(t)
	d.Course.Approval = true
	return d
}

func TestApproval(t *testing.T) {
	h := newHouse(t, nil)
	ctx, d := t.Context(), approvable(t)
	if _, err := h.Issue(ctx, d); !errors.Is(err, ErrNeedsApproval) {
		t.Fatalf("issuing alone: %v", err)
	}
	a, err := h.Propose(ctx, d, "API vera")
	if err != nil || a.State != Waiting || a.AskedBy != "API vera" || !a.Expires.Equal(noon.Add(30*24*time.Hour)) {
		t.Fatalf("%+v, %v", a, err)
	}
	if again, err := h.Propose(ctx, d, "API ivo"); err != nil || again.ID != a.ID || again.AskedBy != "API vera" {
		t.Errorf("asked for again: %+v, %v", again, err)
	}
	other := d
	other.Grade = "10"
	if _, err := h.Propose(ctx, other, "API vera"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the same request with another grade: %v", err)
	}
	wrong := d
	wrong.GivenName, wrong.LearnerID = "", "2021/0007"
	if _, err := h.Propose(ctx, wrong, "API vera"); !errors.Is(err, ErrDraft) {
		t.Errorf("without a name: %v", err)
	}

	// What the approver looks at is what is issued.
	sections, err := h.PreviewApproval(a, "en")
	if err != nil || !strings.Contains(fmt.Sprint(sections), "Šćepanović") {
		t.Errorf("preview: %v %v", sections, err)
	}
	if _, cells, err := a.Learner(); err != nil || cells["grade"] != "9 (nine)" || cells["date_of_birth"] != "1999-12-31" {
		t.Errorf("learner: %v %v", cells, err)
	}
	done, err := h.Approve(ctx, a.ID, a.Digest, "API ivo")
	if err != nil || done.State != Done || done.DecidedBy != "API ivo" || done.Draft != nil {
		t.Fatalf("%+v, %v", done, err)
	}
	r, err := h.Issue(ctx, d) // what is known is known
	if err != nil || r.ID != done.Credential || r.State != store.Issued || r.GivenName != "Đorđe" {
		t.Errorf("issued: %+v, %v", r, err)
	}
	if again, err := h.Propose(ctx, d, "API vera"); err != nil || again.State != Done {
		t.Errorf("asked for again when it is done: %+v, %v", again, err)
	}

	// Closed, it holds nothing of the learner any more.
	for doc, err := range h.store.Documents(ctx, kindApprovalClosed, "", "") {
		if err != nil || strings.Contains(string(doc.Body), "epanovi") || strings.Contains(string(doc.Body), "1999") {
			t.Errorf("closed: %s %v", doc.Body, err)
		}
	}
	var logged []store.Kind
	logs, err := h.store.Logs(ctx)
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	for e, err := range h.store.LogEntries(ctx, logs[0].Name, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Object == a.ID {
			logged = append(logged, e.Kind)
			if hex.EncodeToString(e.Digest[:]) != a.Digest {
				t.Errorf("logged %s of %x", e.Kind, e.Digest)
			}
		}
	}
	if want := []store.Kind{store.KindApprovalAsked, store.KindApprovalGiven}; !slices.Equal(logged, want) {
		t.Errorf("logged %v, want %v", logged, want)
	}
	for doc := range h.store.Documents(ctx, kindApproval, "", "") {
		t.Errorf("still open: %s", doc.Body)
	}
	h.checkStore(t)
}

// Nobody gets an award past the second person.
func TestApprovalAttacks(t *testing.T) {
	ctx := context.Background()
	tamper := func(t *testing.T, h *house, id string, change func(a *Approval)) {
		t.Helper()
		doc, err := h.store.Document(ctx, kindApproval, id)
		if err != nil {
			t.Fatal(err)
		}
		var a Approval
		if err := json.Unmarshal(doc.Body, &a); err != nil {
			t.Fatal(err)
		}
		change(&a)
		if doc.Body, err = json.Marshal(a); err != nil {
			t.Fatal(err)
		}
		if err := h.store.PutDocuments(ctx, []store.Document{doc}); err != nil {
			t.Fatal(err)
		}
	}
	otherName := func(a *Approval) {
		a.Draft = []byte(strings.Replace(string(a.Draft), "Šćepanović", "Drugović", 1))
	}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, h *house, a Approval) error
		want error
	}{
		{"the same person", func(t *testing.T, h *house, a Approval) error {
			_, err := h.Approve(ctx, a.ID, a.Digest, "API vera")
			return err
		}, ErrSameActor},
		{"the same person rejects", func(t *testing.T, h *house, a Approval) error {
			_, err := h.Reject(ctx, a.ID, "no", "API vera")
			return err
		}, ErrSameActor},
		{"without having looked", func(t *testing.T, h *house, a Approval) error {
			_, err := h.Approve(ctx, a.ID, "", "API ivo")
			return err
		}, ErrOtherDraft},
		{"changed in the store", func(t *testing.T, h *house, a Approval) error {
			tamper(t, h, a.ID, otherName)
			_, err := h.Approve(ctx, a.ID, a.Digest, "API ivo")
			return err
		}, ErrOtherDraft},
		{"changed in the store, digest too", func(t *testing.T, h *house, a Approval) error {
			tamper(t, h, a.ID, func(a *Approval) {
				otherName(a)
				var d Draft
				if err := json.Unmarshal(a.Draft, &d); err != nil {
					t.Fatal(err)
				}
				_, a.Digest = d.asked()
			})
			_, err := h.Approve(ctx, a.ID, a.Digest, "API ivo")
			return err
		}, ErrOtherDraft},
		{"the approval of another draft", func(t *testing.T, h *house, a Approval) error {
			if _, err := h.Approve(ctx, a.ID, a.Digest, "API ivo"); err != nil {
				t.Fatal(err)
			}
			d := approvable(t)
			d.GivenName, d.LearnerID, d.Approval = "Mara", "2021/0999", a.ID
			_, err := h.Issue(ctx, d)
			return err
		}, ErrNeedsApproval},
		{"an approval that waits", func(t *testing.T, h *house, a Approval) error {
			d := approvable(t)
			d.Approval = a.ID
			_, err := h.Issue(ctx, d)
			return err
		}, ErrNeedsApproval},
		{"an approval that there is not", func(t *testing.T, h *house, a Approval) error {
			d := approvable(t)
			d.Approval = "none"
			_, err := h.Issue(ctx, d)
			return err
		}, store.ErrNotFound},
		{"the approval of a batch, another course", func(t *testing.T, h *house, _ Approval) error {
			d := approvable(t)
			b, err := h.ProposeBatch(ctx, "b1", d.Course, [32]byte{1}, 2, "API vera")
			if err == nil {
				_, err = h.Approve(ctx, b.ID, b.Digest, "API ivo")
			}
			if err != nil {
				t.Fatal(err)
			}
			d.Approval, d.Batch = b.ID, "b1"
			d.Course.Hours = "400"
			_, err = h.Issue(ctx, d)
			return err
		}, ErrNeedsApproval},
		{"the approval of another batch", func(t *testing.T, h *house, _ Approval) error {
			d := approvable(t)
			b, err := h.ProposeBatch(ctx, "b1", d.Course, [32]byte{1}, 2, "API vera")
			if err == nil {
				_, err = h.Approve(ctx, b.ID, b.Digest, "API ivo")
			}
			if err != nil {
				t.Fatal(err)
			}
			d.Approval, d.Batch = b.ID, "b2"
			_, err = h.Issue(ctx, d)
			return err
		}, ErrNeedsApproval},
		{"approved twice", func(t *testing.T, h *house, a Approval) error {
			if _, err := h.Approve(ctx, a.ID, a.Digest, "API ivo"); err != nil {
				t.Fatal(err)
			}
			_, err := h.Approve(ctx, a.ID, a.Digest, "API ivo")
			return err
		}, ErrDecided},
		{"approved after it was rejected", func(t *testing.T, h *house, a Approval) error {
			if got, err := h.Reject(ctx, a.ID, "the grade is wrong", "API ivo"); err != nil || got.State != Rejected || got.Reason != "the grade is wrong" {
				t.Fatal(got, err)
			}
			_, err := h.Approve(ctx, a.ID, a.Digest, "API eva")
			return err
		}, ErrDecided},
		{"approved too late", func(t *testing.T, h *house, a Approval) error {
			h.now = noon.Add(31 * 24 * time.Hour)
			_, err := h.Approve(ctx, a.ID, a.Digest, "API ivo")
			return err
		}, ErrApprovalEnded},
		{"an older version of the course", func(t *testing.T, h *house, _ Approval) error {
			d := draft(t)
			for n, approval := range []bool{false, true} {
				c := *d.Course
				c.Version, c.Approval = fmt.Sprint(n), approval
				if _, _, _, err := NewCatalogue(h.c.Institution, h.store, nil).Put(ctx, "course", c.canonical(), Terms{Published: true}); err != nil {
					t.Fatal(err)
				}
			}
			d.Course.Version = "0"
			_, err := h.Issue(ctx, d)
			return err
		}, ErrNeedsApproval},
		{"a version of their own", func(t *testing.T, h *house, _ Approval) error {
			d := draft(t)
			c := *d.Course
			c.Version, c.Approval = "1", true
			if _, _, _, err := NewCatalogue(h.c.Institution, h.store, nil).Put(ctx, "course", c.canonical(), Terms{Published: true}); err != nil {
				t.Fatal(err)
			}
			d.Course.Version = "mine"
			_, err := h.Issue(ctx, d)
			return err
		}, ErrNeedsApproval},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, nil)
			a, err := h.Propose(ctx, approvable(t), "API vera")
			if err != nil {
				t.Fatal(err)
			}
			before := 0
			if strings.HasPrefix(c.name, "approved twice") || c.name == "the approval of another draft" {
				before = 1
			}
			if err := c.do(t, h, a); !errors.Is(err, c.want) {
				t.Errorf("err = %v, want %v", err, c.want)
			}
			if issued, reserved := h.checkStore(t); issued != before || reserved != 0 {
				t.Errorf("%d issued, %d reserved, want %d", issued, reserved, before)
			}
		})
	}
}

// Two decide at the same time: one of them does.
func TestApprovalDecidedOnce(t *testing.T) {
	h := newHouse(t, nil)
	for n := range 10 {
		d := approvable(t)
		d.LearnerID = fmt.Sprint("L", n)
		a, err := h.Propose(t.Context(), d, "API vera")
		if err != nil {
			t.Fatal(err)
		}
		var approved, rejected error
		var both sync.WaitGroup
		both.Go(func() { _, approved = h.Approve(t.Context(), a.ID, a.Digest, "API ivo") })
		both.Go(func() { _, rejected = h.Reject(t.Context(), a.ID, "no", "API eva") })
		both.Wait()
		now, err := h.Approval(t.Context(), a.ID)
		if err != nil || (approved == nil) == (rejected == nil) || (approved == nil) != (now.State == Done) || (rejected == nil) != (now.State == Rejected) {
			t.Errorf("approved: %v, rejected: %v, it is %s, %v", approved, rejected, now.State, err)
		}
	}
	// Several approve the same.
	a, err := h.Propose(t.Context(), approvable(t), "API vera")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for n := range 6 {
		all.Go(func() {
			got, err := h.Approve(t.Context(), a.ID, a.Digest, fmt.Sprint("API ", n))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ids[got.Credential] = true
			} else if !errors.Is(err, ErrDecided) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(ids) != 1 {
		t.Errorf("%d credentials for one approval", len(ids))
	}
	h.checkStore(t)
}

// What lapsed may be asked for again; the sweep closes what nobody asks for.
func TestApprovalLapses(t *testing.T) {
	h := newHouse(t, nil)
	first, err := h.Propose(t.Context(), approvable(t), "API vera")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.now = h.now.Add(40 * 24 * time.Hour)
		if err := h.finishApprovals(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, err := h.Approval(t.Context(), first.ID); err != nil || a.State != Lapsed || a.Draft != nil {
			t.Errorf("%+v %v", a, err)
		}
		if a, err := h.Propose(t.Context(), approvable(t), "API vera"); err != nil || a.State != Waiting || !a.AskedAt.Equal(h.now) {
			t.Errorf("asked for anew: %+v %v", a, err)
		}
	}
	h.now = h.now.Add(40 * 24 * time.Hour) // and anew before anybody has closed it
	a, err := h.Propose(t.Context(), approvable(t), "API vera")
	if err != nil || a.State != Waiting {
		t.Fatalf("%+v %v", a, err)
	}
	if done, err := h.Approve(t.Context(), a.ID, a.Digest, "API ivo"); err != nil || done.State != Done {
		t.Errorf("%+v %v", done, err)
	}
}

// Whatever call to the store fails while one asks and another approves: nothing
// is issued that was not approved, and what was approved is issued once, by the
// next start if need be.
func TestApprovalFaults(t *testing.T) { eachStore(t, testApprovalFaults) }

func testApprovalFaults(t *testing.T, open opener, stride int) {
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprint("done=", done), func(t *testing.T) {
			t.Parallel()
			n := 1 - stride
			for clean := false; !clean; {
				if n += stride; n > 100 {
					t.Fatal("no run without a fault")
				}
				f := &faulty{done: done}
				h := newHouseIn(t, open, func(s store.Store) store.Store { f.Store = s; return f })
				f.calls, f.failAt = 0, n
				a, err := h.Propose(t.Context(), approvable(t), "API vera")
				if err == nil {
					_, err = h.Approve(t.Context(), a.ID, a.Digest, "API ivo")
				}
				if clean = f.calls < n; clean && err != nil {
					t.Fatalf("without a fault: %v", err)
				}
				f.failAt = -1

				h.open(t)
				issued, reserved := h.checkStore(t)
				var state ApprovalState
				var why string
				if a.ID != "" {
					now, err := h.Approval(t.Context(), a.ID)
					if err != nil {
						t.Fatal(err)
					}
					state, why = now.State, now.Reason
				}
				if reserved != 0 || (issued == 1) != (state == Done) || issued > 1 {
					t.Errorf("fault %d: %d issued, %d reserved, the approval is %q: %s", n, issued, reserved, state, why)
				}
				// And all may be said again.
				if a, err = h.Propose(t.Context(), approvable(t), "API vera"); err != nil {
					t.Fatalf("fault %d: asking again: %v", n, err)
				}
				if a.State == Waiting {
					if a, err = h.Approve(t.Context(), a.ID, a.Digest, "API ivo"); err != nil {
						t.Fatalf("fault %d: approving again: %v", n, err)
					}
				}
				if issued, reserved := h.checkStore(t); issued != 1 || reserved != 0 || a.State != Done {
					t.Errorf("fault %d: %d issued, %d reserved, %s in the end", n, issued, reserved, a.State)
				}
			}
			t.Logf("%d faults", n-1)
		})
	}
}

// Who asks and who decides are two persons: nobody who could be both is either, then or
// by now, and whoever tries is logged.
func TestApprovalIsByTwoPersons(t *testing.T) {
	behind := map[string][]string{"account puppet": {"account admin"}, "account twin": {"account admin"}}
	h := newHouse(t, nil)
	h.persons = func(_ context.Context, name string) ([]string, error) {
		return append([]string{name}, behind[name]...), nil
	}
	ctx := t.Context()
	for i, one := range []struct {
		asks, decides string
		both          string // "": they are two
		after         func()
	}{
		{"account admin", "account puppet", "account admin", nil},
		{"account puppet", "account admin", "account admin", nil},
		{"account puppet", "account twin", "account admin", nil},
		{"account puppet", "account dean", "", nil},
		{"account puppet", "account puppet", "account puppet", nil},
		{"account twin", "account admin", "account admin", func() { delete(behind, "account twin") }}, // confirmed after it asked
	} {
		d := approvable(t)
		d.LearnerID = fmt.Sprintf("2021/%04d", i)
		a, err := h.Propose(ctx, d, one.asks)
		if err != nil {
			t.Fatal(err)
		}
		q := h.newErasure("a court's order", one.asks)
		if one.after != nil {
			one.after()
		}
		_, err = h.Approve(ctx, a.ID, a.Digest, one.decides)
		var person *OnePersonError
		switch {
		case one.both == "":
			if err != nil {
				t.Errorf("%s after %s: %v", one.decides, one.asks, err)
			}
		case !errors.Is(err, ErrSameActor), one.asks != one.decides && (!errors.As(err, &person) || person.Name != one.both):
			t.Errorf("%s after %s: %v", one.decides, one.asks, err)
		}
		if _, err := h.Reject(ctx, a.ID, "no", one.decides); one.both != "" && !errors.Is(err, ErrSameActor) {
			t.Errorf("%s rejects what %s asked: %v", one.decides, one.asks, err)
		}
		if err := h.MayConfirm(ctx, ErasureRequest{AskedBy: one.asks, Askers: q.Askers}, one.decides); (err == nil) != (one.both == "") && one.after == nil {
			t.Errorf("an erasure, %s after %s: %v", one.decides, one.asks, err)
		}
	}
	refused := 0
	logs, err := h.store.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range h.store.LogEntries(ctx, logs[0].Name, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == store.KindApprovalRefused && strings.HasPrefix(e.Result, "not decided: account admin could be both") {
			refused++
		}
	}
	if refused != 8 {
		t.Errorf("%d refusals are logged", refused)
	}
}
