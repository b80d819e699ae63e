package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/keys"
	"indeks/status"
	"indeks/store"
	"indeks/verifier"
)

// class issues n awards of example course c, in a batch.
func (h *house) class(t testing.TB, c, n int, batch string) []store.Record {
	t.Helper()
	var drafts []Draft
	for k := range n {
		d := draft(t)
		d.Course, d.Language, d.Batch = course(t, c), "", batch
		d.LearnerID = fmt.Sprint(batch, "/", c, "/", k)
		drafts = append(drafts, d)
	}
	var records []store.Record
	for r, err := range h.IssueAll(t.Context(), drafts) {
		if err != nil {
			t.Fatal(err)
		}
		r.Join()
		records = append(records, r)
	}
	return records
}

// states counts the records by state.
func (h *house) states(t testing.TB) map[store.State]int {
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

// sequence is how often the list of a purpose was published.
func (h *house) sequence(t testing.TB, purpose string) uint64 {
	t.Helper()
	l, err := h.store.OpenList(t.Context(), purpose, h.now)
	if err != nil {
		t.Fatal(err)
	}
	return l.Sequence
}

func TestBulk(t *testing.T) {
	h := newHouse(t, nil)
	first := h.class(t, 0, 20, "b1")
	h.class(t, 0, 10, "b2")
	h.class(t, 1, 5, "b1")
	key := first[0].KeyID
	if _, err := h.Suspend(t.Context(), first[0].ID, Why{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Revoke(t.Context(), first[1].ID, Why{Code: "misconduct"}); err != nil {
		t.Fatal(err)
	}
	c0, c1 := first[0].Course, course(t, 1).ID
	bulk := func(a BulkAction, s Selection) Bulk {
		return Bulk{Action: a, Select: s, Code: "", Reason: "decision 9", By: "API dean"}
	}

	// What is found, and nothing is changed by counting.
	before := h.states(t)
	for _, c := range []struct {
		bulk  Bulk
		found int
	}{
		{bulk(BulkRevoke, Selection{Course: c0}), 29},
		{bulk(BulkSuspend, Selection{Course: c0}), 28},
		{bulk(BulkRevoke, Selection{Batch: "b1"}), 24},
		{bulk(BulkRevoke, Selection{Batch: "b1", Course: c1}), 5},
		{bulk(BulkRevoke, Selection{Course: c0, Version: first[0].CourseVersion}), 29},
		{bulk(BulkRevoke, Selection{Course: c0, Version: "none"}), 0},
		{bulk(BulkRevoke, Selection{Key: key}), 34},
		{bulk(BulkRevoke, Selection{Key: key, Since: noon.Add(time.Second)}), 0},
		{bulk(BulkRevoke, Selection{Key: key, Until: noon.Add(-time.Second)}), 0},
		{bulk(BulkReissue, Selection{Key: key}), 33},
	} {
		if count, err := h.CountBulk(t.Context(), c.bulk); err != nil || count.Found != c.found {
			t.Errorf("%s %+v: found %+v, want %d, %v", c.bulk.Action, c.bulk.Select, count, c.found, err)
		}
	}
	if got := h.states(t); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("counting changed %v to %v", before, got)
	}

	// What is refused.
	other := bulk(BulkRevoke, Selection{Course: c0})
	other.Code = "under-review"
	nothing := bulk(BulkRevoke, Selection{Course: c0})
	nothing.Reason = " "
	for _, b := range []Bulk{
		bulk(BulkRevoke, Selection{}), bulk(BulkRevoke, Selection{Since: noon}), bulk(BulkRevoke, Selection{Version: "1", Batch: "b1"}),
		bulk(BulkRevoke, Selection{Key: "did:web:other#1"}), bulk(BulkReissue, Selection{Course: c0}), bulk("delete", Selection{Course: c0}), bulk(BulkReissue, Selection{Key: key}), other, nothing,
	} {
		if _, err := h.StartBulk(t.Context(), b, 0); !errors.Is(err, ErrDraft) {
			t.Errorf("%+v: err = %v", b, err)
		}
	}
	for _, confirmed := range []int{0, 28, 30, -1} {
		if _, err := h.StartBulk(t.Context(), bulk(BulkRevoke, Selection{Course: c0}), confirmed); !errors.Is(err, ErrBulkCount) {
			t.Errorf("%d confirmed: err = %v", confirmed, err)
		}
	}

	// All of a course: each once, with an event of its own, and the list once.
	published := h.sequence(t, status.Revocation)
	b, err := h.StartBulk(t.Context(), bulk(BulkRevoke, Selection{Course: c0}), 29)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Minute)
	h.class(t, 0, 3, "b3") // issued since: not meant
	var told []Bulk
	if err := h.RunBulk(t.Context(), b.ID, func(b Bulk) { told = append(told, b) }); err != nil {
		t.Fatal(err)
	}
	b, err = h.Bulk(t.Context(), b.ID)
	if err != nil || b.State != BulkDone || b.Found != 29 || b.Done != 29 || b.Skipped != 1 || b.Failed != 0 || b.EndedAt.IsZero() || len(told) == 0 {
		t.Errorf("%+v, %v", b, err)
	}
	if n := h.sequence(t, status.Revocation) - published; n != 1 {
		t.Errorf("the list was published %d times", n)
	}
	events := 0
	logs, err := h.store.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range h.store.LogEntries(t.Context(), logs[0].Name, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == store.KindRevoked {
			events++
		}
	}
	if events != 30 {
		t.Errorf("%d events of revoking", events)
	}
	for r, err := range h.store.Records(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		meant := r.Course == c0 && r.Batch != "b3"
		if (r.State == store.Revoked) != meant {
			t.Errorf("%s of %s in %s is %s", r.Number, r.Course, r.Batch, r.State)
		}
		if meant && r.ID != first[1].ID && (!strings.HasPrefix(r.Changes[len(r.Changes)-1].By, "API dean, bulk "+b.ID) || r.Changes[len(r.Changes)-1].Code != CodeOther) {
			t.Errorf("%s: %+v", r.Number, r.Changes)
		}
	}
	h.now = h.now.Add(time.Minute) // what a verifier knows of a list is no older
	if got := h.verify(t, first[5].Forms["vc2"].Token); got.State != verifier.Revoked {
		t.Errorf("it is %s for a verifier", got.State)
	}
	if _, err := h.StopBulk(t.Context(), b.ID); !errors.Is(err, ErrBulkState) {
		t.Errorf("stopping what is done: %v", err)
	}
	if all, err := h.Bulks(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	h.checkStore(t)
}

// Whatever call to the store fails, the next start goes on: in the end each is
// changed once, and the numbers add up.
func TestBulkFaults(t *testing.T) { eachStore(t, testBulkFaults) }

func testBulkFaults(t *testing.T, open opener, stride int) {
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprint("done=", done), func(t *testing.T) {
			t.Parallel()
			n := 0
			for clean := false; !clean; n += 3 * stride {
				f := &faulty{done: done}
				h := newHouseIn(t, open, func(s store.Store) store.Store { f.Store = s; return f })
				records := h.class(t, 2, 8, "b")
				b, err := h.StartBulk(t.Context(), Bulk{Action: BulkSuspend, Select: Selection{Batch: "b"}, Reason: "a test", By: "API dean"}, 8)
				if err != nil {
					t.Fatal(err)
				}
				f.calls, f.failAt = 0, n+1
				err = h.RunBulk(t.Context(), b.ID, nil)
				if clean = f.calls <= n; clean && err != nil {
					t.Fatalf("without a fault: %v", err)
				}
				f.failAt = -1
				h.open(t)
				if err := h.RunBulk(t.Context(), b.ID, nil); err != nil {
					t.Errorf("fault %d, started again: %v", n+1, err)
				}
				if b, err = h.Bulk(t.Context(), b.ID); err != nil || b.State != BulkDone || b.Done != 8 || b.Skipped+b.Failed != 0 {
					t.Errorf("fault %d: %+v, %v", n+1, b, err)
				}
				for _, r := range records {
					if now, err := h.store.Get(t.Context(), r.ID); err != nil || len(now.Changes) != 1 || now.State != store.Suspended {
						t.Errorf("fault %d: %+v, %v", n+1, now.Changes, err)
					}
				}
				h.now = h.now.Add(time.Minute)
				if got := h.verify(t, records[3].Forms["edc"].Token); got.State != verifier.Suspended {
					t.Errorf("fault %d: it is %s for a verifier", n+1, got.State)
				}
				h.checkStore(t)
			}
		})
	}
}

func TestBulkStops(t *testing.T) {
	h := newHouse(t, nil)
	h.class(t, 2, 6, "b")
	b, err := h.StartBulk(t.Context(), Bulk{Action: BulkRevoke, Select: Selection{Batch: "b"}, Reason: "a test", By: "API dean"}, 6)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = h.StopBulk(t.Context(), b.ID); err != nil || b.State != BulkStopped {
		t.Fatal(b, err)
	}
	if err := h.RunBulk(t.Context(), b.ID, nil); err != nil || h.states(t)[store.Revoked] != 0 {
		t.Errorf("what is stopped goes on: %v %v", h.states(t), err)
	}
	if b, err = h.ContinueBulk(t.Context(), b.ID); err != nil || b.State != BulkRunning {
		t.Fatal(b, err)
	}
	if err := h.RunBulk(t.Context(), b.ID, nil); err != nil || h.states(t)[store.Revoked] != 6 {
		t.Errorf("what goes on again: %v %v", h.states(t), err)
	}
}

// After a key was compromised each award in force gets a new credential, word for
// word the same; the old one is revoked. What needs a look is named.
// What an earlier version wrote in another order is issued again; what would be said in
// another way is not.
func TestReissueOfAnotherOrder(t *testing.T) {
	h := newHouse(t, nil)
	old, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range forms {
		other := jsontext.Value(bytes.Clone(old.Forms[string(f.profile)].Payload))
		if err := other.Canonicalize(); err != nil || bytes.Equal(other, old.Forms[string(f.profile)].Payload) {
			t.Fatalf("%s: no other order: %v", f.profile, err)
		}
		r := old
		r.ID = credentialPrefix + newUUID()
		renewed, err := h.renewedAward(&old, &r, f.profile, other)
		if err != nil || !bytes.Contains(renewed, []byte(r.ID)) {
			t.Errorf("%s: %v", f.profile, err)
		}
		list := bytes.Replace(other, []byte(`"type":"Note"`), []byte(`"type":["Note"]`), 1)
		if _, err := h.renewedAward(&old, &r, f.profile, list); bytes.Equal(list, other) || err == nil {
			t.Errorf("%s: what would be written otherwise is issued again", f.profile)
		}
	}
}

func TestReissue(t *testing.T) {
	h := newHouse(t, nil)
	h.c.Institution.OpenBadges, h.c.Institution.DataIntegrity = true, "ecdsa-rdfc-2019"
	h.ownRing(t)
	old := h.class(t, 0, 4, "b")
	old = append(old, h.class(t, 1, 2, "b")...)
	expired := draft(t)
	expired.Course, expired.LearnerID, expired.AwardingDate = course(t, 0), "X", "2026-06-01"
	expired.Course.ValidMonths = 1
	last, err := h.Issue(t.Context(), expired)
	if err != nil {
		t.Fatal(err)
	}
	statement, err := h.IssueStatement(t.Context(), Statement{Credential: []byte(`{"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "issuer": "` + testDID + `", "credentialSubject": {"name": "Somebody"}}`), Form: keys.VCJWT})
	if err != nil {
		t.Fatal(err)
	}
	held, gone := old[0], old[1]
	if _, err := h.Suspend(t.Context(), held.ID, Why{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Revoke(t.Context(), gone.ID, Why{Code: "misconduct"}); err != nil {
		t.Fatal(err)
	}

	// The key is lost, and another one seals.
	lost := old[0].KeyID
	b := Bulk{Action: BulkReissue, Select: Selection{Key: lost}, Reason: "laptop stolen", By: "API dean"}
	if _, err := h.StartBulk(t.Context(), b, 6); !errors.Is(err, ErrDraft) {
		t.Errorf("while it still seals: %v", err)
	}
	h.now = h.now.Add(time.Hour)
	addKey(t, h.ring, h.now)
	if err := h.ring.Revoke(lost, h.now, "stolen"); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(20 * time.Hour)
	h.open(t)
	h.c.Institution.LegalName["en"] = "Renamed since" // which is not what was awarded
	count, err := h.CountBulk(t.Context(), b)
	if err != nil || count.Found != 6 || count.Expired != 1 || count.ByState[store.Suspended] != 1 {
		t.Fatalf("%+v %v", count, err)
	}
	if b, err = h.StartBulk(t.Context(), b, 6); err != nil {
		t.Fatal(err)
	}
	if err := h.RunBulk(t.Context(), b.ID, nil); err != nil {
		t.Fatal(err)
	}
	if b, err = h.Bulk(t.Context(), b.ID); err != nil || b.State != BulkDone || b.Done != 4 || b.Failed != 1 || b.Problems[0].ID != statement.ID {
		t.Errorf("%+v, %v", b, err)
	}

	told := func(payload []byte, parse func([]byte) (*elm.Credential, error)) string {
		cred, err := parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, s := range elm.Supplement(cred, "sr-Latn") {
			for _, e := range s.Elements {
				switch e.ID {
				case "valid", "confirm":
				case "M5": // the day of the award stays, that of issuing does not
					fmt.Fprintln(&text, e.Values[0].Text)
				default:
					fmt.Fprintln(&text, e.ID, e.Values)
				}
			}
		}
		return text.String()
	}
	h.now = h.now.Add(time.Minute)
	for _, was := range old[2:] {
		now, err := h.store.Get(t.Context(), was.ID)
		if err != nil || !Replaced(now) || now.Changes[0].Code != CodeKeyCompromise {
			t.Errorf("%s: %+v %v", was.Number, now.Changes, err)
			continue
		}
		is, err := h.store.Get(t.Context(), now.Changes[0].Successor)
		if err != nil || is.KeyID == lost || is.AwardingDate != was.AwardingDate || is.GivenName != was.GivenName || is.Number == was.Number || string(is.Draft) != string(was.Draft) || len(is.Forms) != len(was.Forms) {
			t.Errorf("%+v %v", is, err)
		}
		for form := range was.Forms {
			parse := elm.Parse
			if form == string(OpenBadge) {
				parse = elm.ParseJWT
			}
			if a, b := told(was.Forms[form].Payload, parse), told(is.Forms[form].Payload, parse); a != b || a == "" {
				t.Errorf("%s says\n%s\ninstead of\n%s", form, b, a)
			}
			if got := h.verify(t, is.Forms[form].Token); got.State != verifier.StateValid {
				t.Errorf("%s is %s", form, got.State)
			}
			if got := h.verify(t, was.Forms[form].Token); got.Verdict == verifier.Valid {
				t.Errorf("the old %s is %s", form, got.State)
			}
		}
	}
	for _, r := range []store.Record{held, gone, last, statement} {
		if now, err := h.store.Get(t.Context(), r.ID); err != nil || Replaced(now) {
			t.Errorf("%s was issued again: %v", r.Number, err)
		}
	}

	// Again, nothing is left but what needs a look; what was on hold follows when it is not any more.
	again := Bulk{Action: BulkReissue, Select: Selection{Key: lost}, Reason: "laptop stolen", By: "API dean"}
	if _, err := h.Reinstate(t.Context(), held.ID, Why{}); err != nil {
		t.Fatal(err)
	}
	count, err = h.CountBulk(t.Context(), again)
	if err != nil || count.Found != 3 {
		t.Fatalf("%+v %v", count, err)
	}
	if again, err = h.StartBulk(t.Context(), again, 3); err != nil {
		t.Fatal(err)
	}
	if err := h.RunBulk(t.Context(), again.ID, nil); err != nil {
		t.Fatal(err)
	}
	if again, err = h.Bulk(t.Context(), again.ID); err != nil || again.Done != 1 || again.Failed != 1 {
		t.Errorf("%+v %v", again, err)
	}
	for _, err := range store.Check(t.Context(), h.store, NewSeals(h.ring.Entries(), 1).Check) {
		t.Error(err)
	}
}
