package issuer

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"indeks/internal/postbox"
	"indeks/store"
)

// inBackup says of documents whether a backup, opened with the data keys as they are now,
// has them, and that it tells a name to nobody without the keys.
func (h *house) inBackup(t *testing.T, backup string, docs ...store.Document) (there []bool) {
	t.Helper()
	raw, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	if d := draft(t); bytes.Contains(raw, []byte(d.FamilyName)) {
		t.Error("a name stands in the backup")
	}
	old, err := store.OpenBolt(backup, testDID, h.learners)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for _, d := range docs {
		_, err := old.Document(t.Context(), d.Kind, d.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		there = append(there, err == nil)
	}
	return there
}

func (h *house) backUp(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "backup.db")
	if err := store.Copy(t.Context(), h.store, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// What waited for an approval is in no backup any more once it is decided on, however.
func TestDecidedIsInNoBackup(t *testing.T) {
	h := newHouse(t, nil)
	var docs []store.Document
	var asked []Approval
	for n := range 4 {
		d := approvable(t)
		d.LearnerID = strings.Repeat("7", n+1)
		a, err := h.Propose(t.Context(), d, "API vera")
		if err != nil {
			t.Fatal(err)
		}
		asked, docs = append(asked, a), append(docs, store.Document{Kind: kindApproval, ID: a.ID})
	}
	backup := h.backUp(t)
	if got := h.inBackup(t, backup, docs...); !got[0] || !got[1] || !got[2] || !got[3] {
		t.Fatalf("before: %t", got)
	}
	done, err := h.Approve(t.Context(), asked[0].ID, asked[0].Digest, "API ivo")
	if err != nil || done.State != Done {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := h.Reject(t.Context(), asked[1].ID, "no", "API ivo"); err != nil {
		t.Fatal(err)
	}
	if got := h.inBackup(t, backup, docs...); got[0] || got[1] || !got[2] || !got[3] {
		t.Errorf("decided on two: %t", got)
	}
	h.now = asked[2].Expires.AddDate(0, 0, 1)
	if err := h.finishApprovals(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.inBackup(t, backup, docs...); got[2] || got[3] {
		t.Errorf("nobody decided: %t", got)
	}

	// It may be asked for anew, and the months that are over are given up as one.
	d := approvable(t)
	d.LearnerID = "777"
	again, err := h.Propose(t.Context(), d, "API vera")
	if err != nil || again.ID != asked[2].ID || again.State != Waiting {
		t.Fatalf("%+v, %v", again, err)
	}
	h.now = h.now.AddDate(0, 5, 0)
	if err := h.forgetMonthsOfWaiting(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, err := h.Approval(t.Context(), again.ID); err != nil || a.State != Lapsed {
		t.Errorf("what still is to be closed: %+v, %v", a, err)
	}
}

// So it is with what waited for its learner, and with the letter that asked.
func TestAskedIsInNoBackup(t *testing.T) {
	h := newHouse(t, nil)
	_, carrier := h.mailing(t, postbox.Options{})
	n, err := h.AskName(t.Context(), asked(t), "registrar")
	if err != nil {
		t.Fatal(err)
	}
	h.sendAll(t, carrier)
	docs := []store.Document{{Kind: kindNameCheck, ID: n.ID}}
	r := n.record()
	for d, err := range h.store.Documents(t.Context(), store.LetterKind, r.DeliveryID()+"/", "") {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
	backup := h.backUp(t)
	if got := h.inBackup(t, backup, docs...); len(got) != 2 || !got[0] || !got[1] {
		t.Fatalf("before: %t", got)
	}
	if _, err := h.ReportName(t.Context(), n.Link, "a letter is missing"); err != nil {
		t.Fatal(err)
	}
	second := h.backUp(t)
	if _, err := h.DropName(t.Context(), n.ID, "wrong", "registrar"); err != nil {
		t.Fatal(err)
	}
	for _, backup := range []string{backup, second} {
		if got := h.inBackup(t, backup, docs...); got[0] || got[1] {
			t.Errorf("dropped: %t", got)
		}
	}
	if again, err := h.AskName(t.Context(), asked(t), "registrar"); err != nil || again.State != NameWaiting {
		t.Errorf("asked for anew: %+v, %v", again, err)
	}
	if found := store.Check(t.Context(), h.store); len(found) > 0 {
		t.Error(found)
	}
}

// What an earlier version has put, under keys that stay, is put under one that goes, and
// what it has closed is in no backup any more either.
func TestWaitingOfAnEarlierVersion(t *testing.T) {
	h := newHouse(t, nil)
	a, err := h.Propose(t.Context(), approvable(t), "API vera")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	open := store.Document{Kind: kindApproval, ID: a.ID, Revision: 1}
	decided := store.Document{Kind: kindApproval, ID: "decided", Body: raw}
	done, err := h.store.Document(t.Context(), kindDone, "forget-decided")
	if err != nil {
		t.Fatal(err)
	}
	done.Body = nil
	put := func(docs ...store.Document) {
		t.Helper()
		if err := h.store.PutDocuments(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
	}
	put(open, done, decided)
	open.Revision, open.Body = 0, raw
	put(open)
	backup := h.backUp(t)
	closed, err := json.Marshal(Approval{ID: "decided", State: Rejected})
	if err != nil {
		t.Fatal(err)
	}
	put(store.Document{Kind: kindApproval, ID: "decided", Revision: 1}, store.Document{Kind: kindApprovalClosed, ID: "decided", Body: closed})
	if got := h.inBackup(t, backup, open, decided); !got[0] || !got[1] {
		t.Fatalf("before: %t", got)
	}

	h.open(t)
	if got := h.inBackup(t, backup, open, decided); got[0] || got[1] {
		t.Errorf("after a start: %t", got)
	}
	if a, err = h.Approval(t.Context(), a.ID); err != nil || a.State != Waiting || a.Draft == nil {
		t.Fatalf("what waited: %+v, %v", a, err)
	}
	if a, err = h.Approve(t.Context(), a.ID, a.Digest, "API ivo"); err != nil || a.State != Done {
		t.Errorf("%+v, %v", a, err)
	}
	if found := store.Check(t.Context(), h.store); len(found) > 0 {
		t.Error(found)
	}
}
