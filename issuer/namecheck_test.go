package issuer

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/examples"
	"indeks/internal/postbox"
	"indeks/store"
)

// asked is a draft of a course that asks learners about their names.
func asked(t testing.TB) Draft {
	d := draft(t)
	c := *d.Course
	c.NameCheckDays = 14
	d.Course, d.Email = &c, "ana@mail.example"
	return d
}

// A draft waits until its learner has said that the name is right; then exactly that is
// issued, once, and nothing personal is left of the check.
func TestNameCheck(t *testing.T) {
	h := newHouse(t, nil)
	box, carrier := h.mailing(t, postbox.Options{})
	d := asked(t)
	if _, err := h.Issue(t.Context(), d); !errors.Is(err, ErrNeedsNameCheck) {
		t.Fatalf("err = %v", err)
	}
	n, err := h.AskName(t.Context(), d, "registrar")
	if err != nil || n.State != NameWaiting || !n.Expires.Equal(noon.AddDate(0, 0, 14)) {
		t.Fatalf("%+v, %v", n, err)
	}
	if again, err := h.AskName(t.Context(), d, "registrar"); err != nil || again.Link != n.Link {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	other := d
	other.GivenName = "Somebody"
	other.RequestKey = d.Key(h.inst.DID)
	if _, err := h.AskName(t.Context(), other, "registrar"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another content under the same key: err = %v", err)
	}

	// The letter has the link, and of the draft the title alone.
	h.sendAll(t, carrier)
	sent := box.Messages()
	if len(sent) != 1 {
		t.Fatalf("%d letters", len(sent))
	}
	_, _, text := readLetterText(t, sent[0])
	link := regexp.MustCompile(`https://issuer\.school\.example/n/([0-9A-Z]{26})`).FindStringSubmatch(text)
	if link == nil || link[1] != n.Link || strings.Contains(text, d.FamilyName) || strings.Contains(text, "/h/") {
		t.Errorf("letter:\n%s", text)
	}
	if l, ok, err := h.NameLetter(t.Context(), n); err != nil || !ok || l.State != LetterSent {
		t.Errorf("letter %+v, %t, %v", l, ok, err)
	}

	// Right: issued, and the same request finds it.
	for range 2 {
		done, err := h.ConfirmName(t.Context(), strings.ToLower(n.Link))
		if errors.Is(err, store.ErrNotFound) {
			continue // the second time
		}
		if err != nil || done.State != NameIssued || done.Credential == "" || done.Draft != nil {
			t.Fatalf("%+v, %v", done, err)
		}
		n = done
	}
	r, err := h.Issue(t.Context(), d)
	if err != nil || r.ID != n.Credential || r.GivenName != d.GivenName {
		t.Errorf("%s, %v", r.ID, err)
	}
	closed, _, err := h.nameCheck(t.Context(), n.ID)
	if given, family := closed.Name(); err != nil || closed.State != NameIssued || given+family != "" || closed.Link != "" {
		t.Errorf("%+v, %v", closed, err)
	}
	if _, ok, err := h.NameLetter(t.Context(), n); ok || err != nil {
		t.Errorf("the letter is kept: %v", err)
	}
	for _, want := range []string{"approval-asked " + n.ID + " name check", "approval-given " + n.ID + " name check issued", "issued " + r.ID} {
		if !strings.Contains(h.logged(t), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	for _, secret := range []string{d.FamilyName, d.Email, link[1]} {
		if strings.Contains(h.logged(t), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// What is reported waits for the registrar, who drops it and asks anew, or issues it all
// the same; what nobody answers lapses.
func TestNameReported(t *testing.T) {
	h := newHouse(t, nil)
	_, carrier := h.mailing(t, postbox.Options{})
	ask := func(learner string) (Draft, NameCheck) {
		t.Helper()
		d := asked(t)
		d.LearnerID = learner
		n, err := h.AskName(t.Context(), d, "registrar")
		if err != nil {
			t.Fatal(err)
		}
		return d, n
	}
	d, n := ask("1")
	if _, err := h.ReportName(t.Context(), n.Link, " "); !errors.Is(err, ErrDraft) {
		t.Errorf("nothing said: err = %v", err)
	}
	reported, err := h.ReportName(t.Context(), n.Link, "With a č")
	if err != nil || reported.State != NameReported || reported.Said != "With a č" {
		t.Fatalf("%+v, %v", reported, err)
	}
	if _, err := h.Issue(t.Context(), d); !errors.Is(err, ErrNeedsNameCheck) {
		t.Errorf("reported: err = %v", err)
	}

	// 1. Asked anew with the right name, in its place: its old link is none any more.
	right := d
	right.RequestKey, right.FamilyName = d.Key(h.inst.DID), "Prava"
	anew, err := h.AskName(t.Context(), right, "registrar")
	if err != nil || anew.State != NameWaiting || anew.Link == n.Link || anew.ID != n.ID {
		t.Fatalf("%+v, %v", anew, err)
	}
	if _, err := h.NameCheckByLink(t.Context(), n.Link); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old link: err = %v", err)
	}
	if _, err := h.Issue(t.Context(), d); !errors.Is(err, ErrNeedsNameCheck) {
		t.Errorf("the old name: err = %v", err)
	}
	if done, err := h.ConfirmName(t.Context(), anew.Link); err != nil || done.State != NameIssued {
		t.Errorf("%+v, %v", done, err)
	}
	if r, err := h.Issue(t.Context(), right); err != nil || r.FamilyName != "Prava" {
		t.Errorf("%s, %v", r.FamilyName, err)
	}

	// 2. Dropped, with a letter that waits: it is not sent.
	_, n = ask("2")
	if _, err := h.DropName(t.Context(), n.ID, "left the course", "registrar"); err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	if _, err := h.ReleaseName(t.Context(), n.ID, "registrar"); !errors.Is(err, store.ErrState) {
		t.Errorf("released after it was dropped: err = %v", err)
	}

	// 3. Released without an answer.
	d, n = ask("3")
	if done, err := h.ReleaseName(t.Context(), n.ID, "registrar"); err != nil || done.State != NameIssued || done.DecidedBy != "registrar" {
		t.Errorf("%+v, %v", done, err)
	}

	// 4. Nobody answers; the same request asks again.
	d, n = ask("4")
	h.now = n.Expires.Add(time.Second)
	if _, err := h.ConfirmName(t.Context(), n.Link); !errors.Is(err, store.ErrState) {
		t.Errorf("too late: err = %v", err)
	}
	if err := h.finishNameChecks(t.Context()); err != nil {
		t.Fatal(err)
	}
	if closed, err := h.NameCheck(t.Context(), n.ID); err != nil || closed.State != NameLapsed || closed.Draft != nil {
		t.Errorf("%+v, %v", closed, err)
	}
	if again, err := h.AskName(t.Context(), d, "registrar"); err != nil || again.State != NameWaiting || again.Link == n.Link {
		t.Errorf("%+v, %v", again, err)
	}
	open, closed := 0, 0
	for _, list := range []bool{false, true} {
		for _, err := range h.NameChecks(t.Context(), list, "") {
			if err != nil {
				t.Fatal(err)
			}
			if list {
				closed++
			} else {
				open++
			}
		}
	}
	if open != 1 || closed != 3 {
		t.Errorf("%d open, %d closed", open, closed)
	}

	// 5. What is said goes on record each time, so it is not said without end.
	_, much := ask("much")
	for n := range reportsDaily + 1 {
		_, err := h.ReportName(t.Context(), much.Link, "no")
		if _, many := errors.AsType[*WaitError](err); many != (n == reportsDaily) || err != nil && !many {
			t.Errorf("report %d: err = %v", n+1, err)
		}
	}
}

// Where both are asked for, the name is looked at first, and who approves has the last word.
func TestNameCheckAndApproval(t *testing.T) {
	h := newHouse(t, nil)
	h.mailing(t, postbox.Options{})
	d := asked(t)
	d.Course.Approval = true
	n, err := h.AskName(t.Context(), d, "registrar")
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.ConfirmName(t.Context(), n.Link)
	if err != nil || done.State != NameApproval || done.Approval == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	a, err := h.Approval(t.Context(), done.Approval)
	if err != nil || a.AskedBy != "registrar" {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, err = h.Approve(t.Context(), a.ID, a.Digest, "approver"); err != nil || a.State != Done {
		t.Errorf("%+v, %v", a, err)
	}
}

// Nobody is asked who cannot be reached, or whose award is corrected; and what a crash
// left between the word and the seal is issued by the next start.
func TestNameCheckSkips(t *testing.T) {
	h := newHouse(t, nil)
	d := asked(t)
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Errorf("without a mail server: %v", err)
	}
	h.mailing(t, postbox.Options{})
	corrected, err := h.Correction(t.Context(), r, map[string]string{"given_name": "Prava"}, nil, Why{Code: "error-in-data", Text: "a test", By: "registrar"})
	if err == nil {
		_, err = h.Issue(t.Context(), corrected)
	}
	if err != nil {
		t.Errorf("a correction: %v", err)
	}
	none := asked(t)
	none.LearnerID, none.Email = "none", ""
	if _, err := h.Issue(t.Context(), none); err != nil {
		t.Errorf("without an address: %v", err)
	}

	d.LearnerID = "crash"
	n, err := h.AskName(t.Context(), d, "registrar")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.changeName(t.Context(), n.ID, func(n *NameCheck) (store.Event, error) {
		n.State = NameConfirmed
		return store.Event{Kind: store.KindApprovalGiven, Object: n.ID}, nil
	}); err != nil {
		t.Fatal(err)
	}
	h.open(t)
	if done, err := h.NameCheck(t.Context(), n.ID); err != nil || done.State != NameIssued {
		t.Errorf("after a restart: %+v, %v", done, err)
	}
}

// Whoever waits takes no number from those who do not, however often it is tried.
func TestNameCheckTakesNoNumber(t *testing.T) {
	h := newHouse(t, nil)
	h.mailing(t, postbox.Options{})
	drafts := make([]Draft, 4)
	for n := range drafts {
		drafts[n] = asked(t)
		if drafts[n].LearnerID, drafts[n].Number = fmt.Sprint(n), ""; n%2 == 1 {
			drafts[n].Email = ""
		}
	}
	var numbers []string
	for range 2 {
		for r, err := range h.IssueAll(t.Context(), drafts) {
			if err == nil {
				numbers = append(numbers, r.Number[len(r.Number)-5:])
			} else if !errors.Is(err, ErrNeedsNameCheck) {
				t.Fatal(err)
			}
		}
		drafts[1].LearnerID, drafts[3].LearnerID = "5", "6"
	}
	if want := []string{"00001", "00002", "00003", "00004"}; !slices.Equal(numbers, want) {
		t.Errorf("numbers %q", numbers)
	}
}

// What is right and cannot be issued any more keeps nothing of the draft in its reason.
func TestNameCheckThatFails(t *testing.T) {
	h := newHouse(t, nil)
	h.mailing(t, postbox.Options{})
	d := asked(t)
	d.Number = "Anić 7"
	n, err := h.AskName(t.Context(), d, "registrar")
	if err != nil {
		t.Fatal(err)
	}
	taken := draft(t)
	taken.LearnerID, taken.Number = "another", d.Number
	if _, err := h.Issue(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	if n, err = h.ConfirmName(t.Context(), n.Link); err != nil || n.State != NameFailed || !strings.Contains(n.Reason, "has already been used") || strings.Contains(n.Reason, "Anić") {
		t.Errorf("%+v, %v", n, err)
	}
}

// TestNameCheckFaults: whichever step of asking and of the learner's word fails, the award
// is sealed once or not yet, and never unless the word was given. With INDEKS_FAULTS=1 it
// is each step, otherwise some of them.
func TestNameCheckFaults(t *testing.T) { eachStore(t, testNameCheckFaults) }

func testNameCheckFaults(t *testing.T, open opener, stride int) {
	if os.Getenv("INDEKS_FAULTS") != "1" {
		stride = max(stride, 4)
	}
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprint("done=", done), func(t *testing.T) {
			t.Parallel()
			n := 1 - stride
			if done {
				n += stride / 2 // other steps
			}
			for clean := false; !clean; {
				if n += stride; n > 100 {
					t.Fatal("no run without a fault")
				}
				f := &faulty{done: done}
				h := newHouseIn(t, open, func(s store.Store) store.Store { f.Store = s; return f })
				h.mailing(t, postbox.Options{})
				f.calls, f.failAt = 0, n
				check, err := h.AskName(t.Context(), asked(t), "registrar")
				said := err == nil
				if said {
					_, err = h.ConfirmName(t.Context(), check.Link)
				}
				if clean = f.calls < n; clean && err != nil {
					t.Fatalf("without a fault: %v", err)
				}
				f.failAt = -1

				h.open(t)
				issued, reserved := h.checkStore(t)
				var state NameCheckState
				if said {
					now, err := h.NameCheck(t.Context(), check.ID)
					if err != nil {
						t.Fatal(err)
					}
					state = now.State
				}
				if reserved != 0 || (issued == 1) != (state == NameIssued) || issued > 1 {
					t.Errorf("fault %d: %d issued, %d reserved, the check is %q", n, issued, reserved, state)
				}
				// And all may be said again.
				if check, err = h.AskName(t.Context(), asked(t), "registrar"); err != nil {
					t.Fatalf("fault %d: asking again: %v", n, err)
				}
				if check.State == NameWaiting {
					if check, err = h.ConfirmName(t.Context(), check.Link); err != nil {
						t.Fatalf("fault %d: the word again: %v", n, err)
					}
				}
				if issued, reserved := h.checkStore(t); issued != 1 || reserved != 0 || check.State != NameIssued {
					t.Errorf("fault %d: %d issued, %d reserved, %s in the end", n, issued, reserved, check.State)
				}
			}
			t.Logf("%d faults", n-1)
		})
	}
}

// A batch says otherwise than its course whether its learners look at their names: for
// how long, or not at all.
func TestBatchSaysWhetherNamesAreChecked(t *testing.T) {
	h := newHouse(t, nil)
	quiet := newBatches(t, h, BatchConfig{})
	list := func(learner string, days *int) Upload {
		return Upload{Name: "class.csv", Data: []byte("given_name,family_name,date_of_birth,learner_id,email,awarding_date\nIva,Primer,2001-02-03," + learner + ",iva@mail.example,2026-06-30\n"), NameCheck: days}
	}
	days := func(n int) *int { return &n }
	if _, err := quiet.Put(t.Context(), quiet.course, "", list("S-0", days(7))); !errors.Is(err, ErrDraft) {
		t.Errorf("without a mail server: %v", err)
	}
	h.mailing(t, postbox.Options{})
	b := newBatches(t, h, BatchConfig{})
	var file map[string]any
	if err := json.Unmarshal(examples.Courses()[1].CourseJSON, &file); err != nil {
		t.Fatal(err)
	}
	file["name_check_days"] = 14
	raw, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	asks, _, _, err := NewCatalogue(h.c.Institution, h.store, h.c.Now).Put(t.Context(), "course", raw, Terms{Published: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, maxNameCheck + 1} {
		if _, err := b.Put(t.Context(), b.course, "", list("S-0", days(n))); !errors.Is(err, ErrDraft) {
			t.Errorf("%d days: %v", n, err)
		}
	}
	b.run(t)
	for _, c := range []struct {
		name, course string
		days         *int
		waits        int
	}{{"as a course that asks", asks.ID, nil, 14}, {"not", asks.ID, days(0), 0}, {"shorter", asks.ID, days(3), 3}, {"as a course that does not", b.course, nil, 0}, {"although it does not", b.course, days(7), 7}} {
		batch, err := b.Put(t.Context(), c.course, "", list(c.name, c.days))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		b.wait(t, batch.ID, BatchReady)
		if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
			t.Fatal(err)
		}
		batch = b.wait(t, batch.ID, BatchDone)
		if want := 1 - min(c.waits, 1); batch.Counts.Issued != want || batch.Counts.Failed != 1-want {
			t.Errorf("%s: %+v", c.name, batch.Counts)
		}
		waits := 0
		for n, err := range h.NameChecks(t.Context(), false, "") {
			if err != nil {
				t.Fatal(err)
			}
			waits = int(n.Expires.Sub(n.AskedAt).Hours() / 24)
			// What the learner has seen is issued, and is found by the same row of a list that asks nobody.
			if done, err := h.ConfirmName(t.Context(), n.Link); err != nil || done.State != NameIssued {
				t.Errorf("%s: %+v %v", c.name, done, err)
			}
			again, err := b.Put(t.Context(), c.course, "", list(c.name, days(0)))
			if err != nil {
				t.Fatal(err)
			}
			if again = b.wait(t, again.ID, BatchReady); again.Counts.Known != 1 {
				t.Errorf("%s, again: %+v", c.name, again.Counts)
			}
		}
		if waits != c.waits {
			t.Errorf("%s: waits %d days", c.name, waits)
		}
	}
}
