package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"indeks/elm"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
)

// correct issues the correction of an award.
func (h *house) correct(t testing.TB, r store.Record, changed map[string]string, why Why) (store.Record, error) {
	t.Helper()
	d, err := h.Correction(t.Context(), r, changed, nil, why)
	if err != nil {
		return store.Record{}, err
	}
	return h.Issue(t.Context(), d)
}

// A class puts its course into the store once, however many of it begin at the same time;
// where it could not be put, the next one puts it.
func TestCourseIsKeptOnce(t *testing.T) {
	h := newHouse(t, nil)
	puts := 0 // under the lock of whoever keeps
	h.Issuer.store = putting{h.store, func() error {
		if puts++; puts == 1 {
			return errors.New("this disk is full")
		}
		return nil
	}}
	c := course(t, 0)
	failed := make(chan error, 20)
	var running sync.WaitGroup
	for range cap(failed) {
		running.Go(func() { failed <- h.keepCourse(t.Context(), c, c.text().sum) })
	}
	running.Wait()
	close(failed)
	errs := 0
	for err := range failed {
		if err != nil {
			errs++
		}
	}
	if errs != 1 || puts != 2 {
		t.Errorf("%d of 20 failed, and it was put %d times, want 1 and 2", errs, puts)
	}
}

// A correction says what the old one said but for what is changed, names it
// nowhere, and is the only one of the two in force.
func TestCorrection(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	d.RPL, d.RPLOutcomes, d.RPLEvidence = "part", []string{"1"}, "portfolio of 2025"
	d.IDVerification, d.LevelOverride, d.OverrideReason, d.OverrideBy = "supervised-id", 6, "by decision 7", "dean"
	d.AssessmentDate, d.Assessors = "2026-06-20", []string{"Vera Primer", "Ana Primer"}
	old, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(20 * time.Hour)
	fresh, err := h.correct(t, old, map[string]string{"grade": "10 (ten)"}, Why{Text: "a typing error", By: "registrar"})
	if err != nil {
		t.Fatal(err)
	}
	if fresh.ID == old.ID || fresh.Number == old.Number || fresh.Public == old.Public || fresh.Link == old.Link || fresh.Entries[0].Index == old.Entries[0].Index {
		t.Errorf("ids are used again: %+v", fresh)
	}
	if fresh.AwardingDate != old.AwardingDate || !fresh.SealingTime.Equal(h.now) || fresh.Supersedes == nil || fresh.Supersedes.ID != old.ID {
		t.Errorf("the new record: %+v", fresh)
	}
	if old, err = h.store.Get(t.Context(), old.ID); err != nil || !Replaced(old) || old.Changes[0].Code != CodeErrorInData || old.Changes[0].Reason != "a typing error" || old.Changes[0].Successor != fresh.ID {
		t.Errorf("the old record: %+v, %v", old, err)
	}

	// The register has how it was assessed, of which the credential says no more than the grade.
	assessed := &store.Assessment{Result: "9 (nine)", Date: "2026-06-20", Assessors: d.Assessors, PriorLearning: "part", Outcomes: []string{"1"}, Evidence: "portfolio of 2025"}
	if diff := cmp.Diff(assessed, old.Assessment); diff != "" {
		t.Errorf("the assessment on record (-want +got):\n%s", diff)
	}
	assessed.Result = "10 (ten)"
	if diff := cmp.Diff(assessed, fresh.Assessment); diff != "" {
		t.Errorf("the corrected assessment on record (-want +got):\n%s", diff)
	}

	// Form by form the same words, but for ids, times and the grade.
	for _, form := range []elm.Profile{elm.EDC, elm.VC2} {
		was, is := old.Forms[string(form)], fresh.Forms[string(form)]
		for _, trace := range []string{old.ID, old.Number, old.Public, old.Link, "typing error", "9 (nine)", "Vera Primer"} {
			if bytes.Contains(is.Payload, []byte(trace)) {
				t.Errorf("%s names %q of its predecessor", form, trace)
			}
		}
		if !bytes.Contains(is.Payload, []byte("10 (ten)")) {
			t.Errorf("%s lacks what was changed", form)
		}
		told := func(payload []byte) string {
			cred, err := elm.Parse(payload)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, s := range elm.Supplement(cred, "en") {
				for _, e := range s.Elements {
					if slices.Contains([]string{"M5", "valid", "confirm", "O3"}, e.ID) {
						continue // dates, number and grade
					}
					fmt.Fprintln(&b, e.ID, e.Values)
				}
			}
			return b.String()
		}
		if a, b := told(was.Payload), told(is.Payload); a != b {
			t.Errorf("%s says something else:\n%s\nthan\n%s", form, b, a)
		}
	}
	h.now = h.now.Add(time.Minute) // what a verifier knows of a list is no older
	if got := h.verify(t, fresh.Forms["vc2"].Token); got.State != verifier.StateValid {
		t.Errorf("the new one is %s", got.State)
	}
	if got := h.verify(t, old.Forms["vc2"].Token); got.State != verifier.Revoked {
		t.Errorf("the old one is %s", got.State)
	}

	// What was replaced is not corrected, the new one can be.
	if _, err := h.correct(t, old, map[string]string{"grade": "8"}, Why{}); !errors.Is(err, store.ErrState) {
		t.Errorf("correcting what was replaced: %v", err)
	}
	if _, err := h.correct(t, fresh, map[string]string{"family_name": "Šćepanović-Marić"}, Why{Code: CodeNameChange}); err != nil {
		t.Errorf("correcting the new one: %v", err)
	}
	h.checkStore(t)
}

func TestCorrectionRefuses(t *testing.T) {
	h := newHouse(t, nil)
	issue := func(n int) store.Record {
		d := draft(t)
		d.LearnerID = fmt.Sprint("L", n)
		r, err := h.Issue(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	grade := map[string]string{"grade": "10"}
	held := issue(1)
	if _, err := h.Suspend(t.Context(), held.ID, Why{}); err != nil {
		t.Fatal(err)
	}
	held, _ = h.store.Get(t.Context(), held.ID)
	gone := issue(2)
	if _, err := h.Revoke(t.Context(), gone.ID, Why{Code: "misconduct"}); err != nil {
		t.Fatal(err)
	}
	gone, _ = h.store.Get(t.Context(), gone.ID)
	good := issue(3)
	statement, err := h.IssueStatement(t.Context(), Statement{Credential: []byte(`{"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "issuer": "` + testDID + `", "credentialSubject": {"name": "Somebody"}}`), Form: keys.VCJWT})
	if err != nil {
		t.Fatal(err)
	}
	unknown := good
	unknown.CourseSHA256 = [32]byte{1}
	for _, c := range []struct {
		name    string
		record  store.Record
		changed map[string]string
		why     Why
		want    error
	}{
		{"on hold", held, grade, Why{}, store.ErrState},
		{"revoked", gone, grade, Why{}, store.ErrState},
		{"no award", statement, grade, Why{}, ErrNoCorrection},
		{"a course that nobody knows", unknown, grade, Why{}, ErrNoCorrection},
		{"nothing is changed", good, nil, Why{}, ErrDraft},
		{"no such column", good, map[string]string{"shoe_size": "43"}, Why{}, ErrDraft},
		{"a name taken away", good, map[string]string{"given_name": ""}, Why{}, ErrDraft},
		{"a date that is none", good, map[string]string{"date_of_birth": "1999-02-30"}, Why{}, ErrDraft},
		{"a number that was used", good, map[string]string{"certificate_number": good.Number}, Why{}, ErrDraft},
		{"misconduct", good, grade, Why{Code: "misconduct"}, ErrDraft},
		{"a change of name without a name", good, grade, Why{Code: CodeNameChange}, ErrDraft},
	} {
		if _, err := h.correct(t, c.record, c.changed, c.why); !errors.Is(err, c.want) {
			t.Errorf("%s: err = %v, want %v", c.name, err, c.want)
		}
	}
	if issued, reserved := h.checkStore(t); issued != 4 || reserved != 0 {
		t.Errorf("%d issued, %d reserved", issued, reserved)
	}
}

// Several correct the same at the same time, and others revoke it: one award
// stands in its place, or none.
func TestCorrectionsCompete(t *testing.T) {
	h := newHouse(t, nil)
	for round := range 6 {
		d := draft(t)
		d.LearnerID = fmt.Sprint("L", round)
		old, err := h.Issue(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		var ids []string
		for n := range 4 {
			all.Go(func() {
				d, err := h.Correction(t.Context(), old, map[string]string{"grade": fmt.Sprint(5 + n)}, nil, Why{})
				if err == nil {
					d.RequestKey = store.Key{byte(round), byte(n), 1}
					var r store.Record
					if r, err = h.Issue(t.Context(), d); err == nil {
						mu.Lock()
						ids = append(ids, r.ID)
						mu.Unlock()
					}
				}
				if err != nil && !errors.Is(err, store.ErrState) {
					t.Error(err)
				}
			})
		}
		var revoked error
		if round%2 == 1 {
			all.Go(func() { _, revoked = h.Revoke(t.Context(), old.ID, Why{Code: "misconduct"}) })
		}
		all.Wait()
		now, err := h.store.Get(t.Context(), old.ID)
		if err != nil || revoked != nil || now.State != store.Revoked || len(ids) > 1 || len(ids) == 1 && now.Changes[0].Successor != ids[0] || len(ids) == 0 && Replaced(now) || round%2 == 0 && len(ids) == 0 {
			t.Errorf("round %d: %v issued in place of %+v, %v %v", round, ids, now.Changes, revoked, err)
		}
	}
	h.checkStore(t)
}

// Whatever call to the store fails on the way: never is the old one revoked
// without the new one, never are both in force, and the same request finishes it.
func TestCorrectionFaults(t *testing.T) { eachStore(t, testCorrectionFaults) }

func testCorrectionFaults(t *testing.T, open opener, stride int) {
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
				old, err := h.Issue(t.Context(), draft(t))
				if err != nil {
					t.Fatal(err)
				}
				request := func() (store.Record, error) {
					d, err := h.Correction(t.Context(), old, map[string]string{"grade": "10"}, nil, Why{By: "registrar"})
					if err != nil {
						return store.Record{}, err
					}
					d.RequestKey = store.Key{7}
					return h.Issue(t.Context(), d)
				}
				f.calls, f.failAt = 0, n
				_, err = request()
				if clean = f.calls < n; clean && err != nil {
					t.Fatalf("without a fault: %v", err)
				}
				f.failAt = -1

				states := func() map[store.State]int {
					t.Helper()
					states := map[store.State]int{}
					for r, err := range h.store.Records(t.Context(), "") {
						if err != nil {
							t.Fatal(err)
						}
						states[r.State]++
					}
					return states
				}
				before := map[store.State]int{store.Issued: 1}
				between := map[store.State]int{store.Issued: 1, store.Reserved: 1}
				after := map[store.State]int{store.Issued: 1, store.Revoked: 1}
				if got := states(); !maps.Equal(got, before) && !maps.Equal(got, between) && !maps.Equal(got, after) {
					t.Errorf("fault %d: %v", n, got)
				}
				h.open(t) // a start finishes what was reserved
				if got := states(); !maps.Equal(got, before) && !maps.Equal(got, after) {
					t.Errorf("fault %d, started again: %v", n, got)
				}
				if maps.Equal(states(), before) {
					if _, err = request(); err != nil {
						t.Errorf("fault %d, asked again: %v", n, err)
					}
				}
				if got := states(); !maps.Equal(got, after) {
					t.Errorf("fault %d, in the end: %v", n, got)
				}
				h.now = h.now.Add(time.Minute) // what a verifier knows of a list is no older
				now, err := h.store.Get(t.Context(), old.ID)
				if err != nil || !Replaced(now) {
					t.Errorf("fault %d: %+v %v", n, now.Changes, err)
				}
				if got := h.verify(t, now.Forms["edc"].Token); got.State != verifier.Revoked {
					t.Errorf("fault %d: the published list says that the old one is %s", n, got.State)
				}
				h.checkStore(t)
			}
			t.Logf("%d faults", n-1)
		})
	}
}

// A correction waits for approval where the course asks for it, and the old award
// is in force until then.
func TestCorrectionIsApproved(t *testing.T) {
	h := newHouse(t, nil)
	a, err := h.Propose(t.Context(), approvable(t), "API vera")
	if err == nil {
		a, err = h.Approve(t.Context(), a.ID, a.Digest, "API ivo")
	}
	if err != nil {
		t.Fatal(err)
	}
	old, err := h.store.Get(t.Context(), a.Credential)
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.Correction(t.Context(), old, map[string]string{"grade": "10"}, nil, Why{By: "API vera"})
	if err != nil {
		t.Fatal(err)
	}
	d.RequestKey = store.Key{9}
	if _, err := h.Issue(t.Context(), d); !errors.Is(err, ErrNeedsApproval) {
		t.Fatalf("corrected alone: %v", err)
	}
	if a, err = h.Propose(t.Context(), d, "API vera"); err != nil || a.Supersedes != old.ID {
		t.Fatalf("%+v %v", a, err)
	}
	if now, err := h.store.Get(t.Context(), old.ID); err != nil || now.State != store.Issued {
		t.Errorf("the old one is %s while the new one waits, %v", now.State, err)
	}
	if a, err = h.Approve(t.Context(), a.ID, a.Digest, "API ivo"); err != nil || a.State != Done {
		t.Fatalf("%+v %v", a, err)
	}
	if now, err := h.store.Get(t.Context(), old.ID); err != nil || !Replaced(now) || now.Changes[0].Successor != a.Credential {
		t.Errorf("%+v %v", now, err)
	}
	h.checkStore(t)
}

// Our word on a withdrawal opens with our key and says what may be said.
func TestWithdrawal(t *testing.T) {
	h := newHouse(t, nil)
	old, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Withdrawal(t.Context(), old); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of what is in force: %v", err)
	}
	if _, err := h.correct(t, old, map[string]string{"given_name": "Đorđa"}, Why{Code: CodeNameChange, Text: "court decision 3"}); err != nil {
		t.Fatal(err)
	}
	if old, err = h.store.Get(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		token, err := h.Withdrawal(t.Context(), old)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := keys.OpenWithdrawal(t.Context(), token, ownKeys(h.ring.Entries()))
		if want := fmt.Sprintf(`{"iss":"%s","sub":"%s","public_id":"%s","code":"superseded","at":"2026-07-01T12:00:00Z"}`, testDID, old.ID, old.Public); err != nil || string(opened.Payload) != want {
			t.Errorf("%s, want %s, %v", opened.Payload, want, err)
		}
	}
	other := draft(t)
	other.LearnerID = "L2"
	r, err := h.Issue(t.Context(), other)
	if err == nil {
		r, err = h.Revoke(t.Context(), r.ID, Why{Code: "misconduct", Text: "plagiarism"})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Withdrawal(t.Context(), r); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of misconduct: %v", err)
	}
}
