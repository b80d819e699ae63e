package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"indeks/elm"
	"indeks/examples"
	"indeks/status"
	"indeks/store"
	"indeks/verifier"
)

// checkStore holds what must be true of every store that an issuer wrote to:
// each issued record has both tokens, which open to the payloads that were
// reserved and are accepted; indexes, numbers and ids occur once; nothing is
// sealed that is not on record.
func (h *house) checkStore(t testing.TB) (issued, reserved int) {
	t.Helper()
	ctx := context.Background()
	used := map[string]string{}
	once := func(kind, what, id string) {
		if other, ok := used[kind+what]; ok {
			t.Errorf("%s %s belongs to %s and to %s", kind, what, other, id)
		}
		used[kind+what] = id
	}
	for r, err := range h.store.Records(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if r, err = h.store.Get(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
		once("number ", r.Number, r.ID)
		once("public id ", r.Public, r.ID)
		once("link ", r.Link, r.ID)
		once("key ", fmt.Sprintf("%x", r.Key), r.ID)
		for _, e := range r.Entries {
			once("index ", fmt.Sprint(e.List, " ", e.Index), r.ID)
		}
		if r.State == store.Reserved {
			reserved++
			continue
		}
		issued++
		for profile, form := range r.Forms {
			report := h.verify(t, form.Token)
			if report.Credential == nil || !bytes.Equal(report.Credential.Raw, form.Payload) {
				t.Errorf("%s as %s does not open to its payload: %s", r.ID, profile, report.State)
			}
			if r.State == store.Issued && report.Verdict != verifier.Valid {
				t.Errorf("%s as %s: %s %s", r.ID, profile, report.Verdict, report.State)
			}
		}
	}
	if errs := store.Check(ctx, h.store); len(errs) > 0 {
		t.Error(errors.Join(errs...))
	}
	return issued, reserved
}

func TestIssuedFormsAreValidAndComplete(t *testing.T) {
	h := newHouse(t, nil)
	for n, e := range examples.Courses() {
		c, warnings, err := ParseCourse(e.Name, e.CourseJSON)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range warnings {
			t.Errorf("%s: %s", e.Name, w)
		}
		drafts, warnings, err := ReadList(e.ListName, e.List, c, e.Encoding)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range warnings {
			t.Logf("%s: %s", e.ListName, w)
		}
		for _, d := range drafts {
			r, err := h.Issue(t.Context(), d)
			if err != nil {
				t.Fatalf("%s: %v", e.Name, err)
			}
			for profile, form := range r.Forms {
				report := h.verify(t, form.Token)
				if report.Verdict != verifier.Valid {
					t.Errorf("%s, %s: %s %s %+v", e.Name, profile, report.Verdict, report.State, report.Checks)
				}
				if missing := elm.Completeness(report.Credential).Missing; len(missing) > 0 {
					t.Errorf("%s, %s: missing %v", e.Name, profile, missing)
				}
				if n == 0 {
					t.Logf("%s: payload of %d bytes, token of %d", profile, len(form.Payload), len(form.Token))
				}
			}
		}
	}
	if issued, reserved := h.checkStore(t); issued != 9 || reserved != 0 {
		t.Errorf("%d issued and %d reserved, want 9 and 0", issued, reserved)
	}
}

func TestSameDraftIsTheSameRecord(t *testing.T) {
	h := newHouse(t, nil)
	first, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	again := draft(t)
	again.Row, again.Email = 7, "other@students.example"
	second, err := h.Issue(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID != second.ID || !bytes.Equal(first.Forms["vc2"].Token, second.Forms["vc2"].Token) {
		t.Error("a repeated draft was issued a second time")
	}
	changed := draft(t)
	changed.Grade = "10 (ten)"
	if _, err := h.Issue(t.Context(), changed); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a changed grade under the same key: %v, want ErrConflict", err)
	}
	h.checkStore(t)
}

func TestOneDraftAtOnceIsOneRecord(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	tokens := make([]string, 16)
	var all sync.WaitGroup
	for n := range tokens {
		all.Go(func() {
			r, err := h.Issue(t.Context(), d)
			if err != nil {
				t.Error(err)
				return
			}
			tokens[n] = string(r.Forms["vc2"].Token)
		})
	}
	all.Wait()
	if len(slices.Compact(tokens)) != 1 {
		t.Error("the same request was answered with different tokens")
	}
	if issued, reserved := h.checkStore(t); issued != 1 || reserved != 0 {
		t.Errorf("%d issued, %d reserved", issued, reserved)
	}
}

func TestNumbers(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	d.Number = "MC-2026-00001"
	if _, err := h.Issue(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	// The rule comes to the number that a row used, and goes on to the next.
	e := draft(t)
	e.LearnerID = "2"
	r, err := h.Issue(t.Context(), e)
	if err != nil || r.Number != "MC-2026-00002" {
		t.Errorf("number %q, %v; want MC-2026-00002", r.Number, err)
	}
	f := draft(t)
	f.LearnerID, f.Number = "3", "MC-2026-00002"
	_, err = h.Issue(t.Context(), f)
	var p *Problems
	if !errors.As(err, &p) || !errors.Is(err, ErrDraft) || p.List[0].Rule != "number-taken" {
		t.Errorf("a used number: %v", err)
	}
	h.checkStore(t)
}

func TestBatchKeepsOrderAndNumbers(t *testing.T) {
	h := newHouse(t, nil)
	drafts, _, err := ReadList("class-250.csv", examples.Class250(), course(t, 0), "")
	if err != nil {
		t.Fatal(err)
	}
	drafts = drafts[:40]
	n := 0
	for r, err := range h.IssueAll(t.Context(), drafts) {
		if err != nil {
			t.Fatal(err)
		}
		if r.FamilyName != drafts[n].FamilyName {
			t.Fatalf("result %d is for %s, want %s", n, r.FamilyName, drafts[n].FamilyName)
		}
		n++
		if want := fmt.Sprintf("MC-2026-%05d", n); r.Number != want {
			t.Errorf("number %s, want %s", r.Number, want)
		}
	}
	if issued, reserved := h.checkStore(t); n != len(drafts) || issued != n || reserved != 0 {
		t.Errorf("%d results, %d issued, %d reserved", n, issued, reserved)
	}
}

func TestBatchStopsWhenLeft(t *testing.T) {
	h := newHouse(t, nil)
	drafts := learners(t, 3*underWay)
	for _, err := range h.IssueAll(t.Context(), drafts) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	issued, _ := h.checkStore(t)
	if issued == 0 || issued > 2*underWay { // of three times as many
		t.Errorf("%d issued after the first result was enough", issued)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range h.IssueAll(ctx, drafts[100:]) {
		if err == nil {
			t.Error("issued after the context ended")
		}
	}
}

// crowd has whoever reserves wait until so many do.
type crowd struct {
	store.Store
	most    int
	waiting atomic.Int32
	all     chan struct{}
}

func (c *crowd) Reserve(ctx context.Context, r store.Record) (store.Record, error) {
	if int(c.waiting.Add(1)) == c.most {
		close(c.all)
	}
	select {
	case <-c.all:
	case <-ctx.Done():
	}
	return c.Store.Reserve(ctx, r)
}

// What no mould gives takes much memory, so fewer of a class are built and under way.
func TestWholeUnderWay(t *testing.T) {
	c := &crowd{most: wholeUnderWay, all: make(chan struct{})}
	h := newHouse(t, func(s store.Store) store.Store { c.Store = s; return c })
	var inside, most atomic.Int32
	h.c.Step = func(ctx context.Context, name string) (context.Context, func(error)) {
		if name == "forms" {
			for now, before := inside.Add(1), most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
			}
		}
		return ctx, func(err error) {
			if name == "commit" || err != nil && name == "reserve" { // and is drawn again
				inside.Add(-1)
			}
		}
	}
	h.open(t)
	drafts := learners(t, 2*wholeUnderWay)
	for n := range drafts {
		drafts[n].GivenName = "Ana @ Sava"
	}
	for _, err := range h.IssueAll(t.Context(), drafts) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := most.Load(); got != wholeUnderWay {
		t.Errorf("%d are built and under way at a time, want %d", got, wholeUnderWay)
	}
}

func TestRevocationShowsAndStays(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	state := func() verifier.State {
		h.now = h.now.Add(time.Minute) // past the ttl
		return h.verify(t, r.Forms["vc2"].Token).State
	}
	if _, err := h.Suspend(t.Context(), r.ID, Why{Text: "under review", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != verifier.Suspended {
		t.Errorf("after Suspend: %s", got)
	}
	if _, err := h.Reinstate(t.Context(), r.ID, Why{Text: "review ended", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != verifier.StateValid {
		t.Errorf("after Reinstate: %s", got)
	}
	if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "fraud", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != verifier.Revoked {
		t.Errorf("after Revoke: %s", got)
	}
	if _, err := h.Reinstate(t.Context(), r.ID, Why{Text: "please", By: "registrar"}); !errors.Is(err, store.ErrState) {
		t.Errorf("Reinstate after Revoke: %v, want ErrState", err)
	}
	if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "fraud", By: "registrar"}); err != nil {
		t.Errorf("Revoke again: %v", err)
	}
	h.now = h.now.Add(2 * ListValidity)
	h.open(t)
	if got := state(); got != verifier.Revoked {
		t.Errorf("after two days and a restart: %s", got)
	}
	h.checkStore(t)
}

// forgetful is a store that was restored from before a revocation.
type forgetful struct {
	store.Store
	forget bool
}

func (f *forgetful) Bits(ctx context.Context, id string) (*status.List, store.List, error) {
	bits, l, err := f.Store.Bits(ctx, id)
	if f.forget {
		bits = status.New()
	}
	return bits, l, err
}

func TestForgottenRevocationIsNeverPublished(t *testing.T) {
	var f *forgetful
	h := newHouse(t, func(s store.Store) store.Store { f = &forgetful{Store: s}; return f })
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "fraud", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	before, _, err := h.StatusList(t.Context(), r.Entries[0].List)
	if err != nil {
		t.Fatal(err)
	}
	f.forget = true
	h.now = h.now.Add(ListValidity)
	if _, _, err := h.StatusList(t.Context(), r.Entries[0].List); !errors.Is(err, ErrLostRevocation) {
		t.Errorf("StatusList: %v, want ErrLostRevocation", err)
	}
	if !strings.Contains(strings.Join(h.warns, "\n"), "ALARM") || !slices.Equal(h.ListsStopped(), []string{r.Entries[0].List}) {
		t.Errorf("nobody was alarmed: %q, %q", h.warns, h.ListsStopped())
	}
	if err := h.renew(t.Context(), false); !errors.Is(err, ErrLostRevocation) {
		t.Errorf("renewing: %v, want ErrLostRevocation", err)
	}
	f.forget = false
	_, l, err := h.store.Bits(t.Context(), r.Entries[0].List)
	if err != nil || !bytes.Equal(l.Published, before) {
		t.Errorf("the publication changed (%v)", err)
	}
}

func TestKeyRotationBetweenReserveAndSeal(t *testing.T) {
	for _, revoked := range []bool{false, true} {
		f := &faulty{failAt: -1}
		h := newHouse(t, func(s store.Store) store.Store { f.Store = s; return f })
		h.ownRing(t)
		f.failCommit = true
		if _, err := h.Issue(t.Context(), draft(t)); err == nil {
			t.Fatal("the commit did not fail")
		}
		f.failCommit = false
		old, err := h.ring.Sealer()
		if err != nil {
			t.Fatal(err)
		}
		h.now = h.now.Add(time.Hour)
		addKey(t, h.ring, h.now)
		if revoked {
			if err := h.ring.Revoke(old.Public().ID, h.now, "stolen"); err != nil {
				t.Fatal(err)
			}
		}
		h.open(t)
		issued, reserved := h.checkStore(t)
		if revoked && (issued != 0 || reserved != 1 || len(h.warns) == 0) {
			t.Errorf("revoked key: %d issued, %d reserved, warnings %q", issued, reserved, h.warns)
		}
		if !revoked && (issued != 1 || reserved != 0) {
			t.Errorf("retired key: %d issued, %d reserved, warnings %q", issued, reserved, h.warns)
		}
		r, err := h.Issue(t.Context(), draft(t))
		switch {
		case revoked && (err != nil || r.KeyID == old.Public().ID || r.State != store.Issued):
			t.Errorf("revoked key: asked for again, it is sealed with %s, %v", r.KeyID, err)
		case !revoked && (err != nil || r.KeyID != old.Public().ID):
			t.Errorf("retired key: sealed with %s, %v", r.KeyID, err)
		}
		if again, err := h.Issue(t.Context(), draft(t)); err != nil || again.ID != r.ID {
			t.Errorf("asked for once more, it is %s and not %s, %v", again.ID, r.ID, err)
		}
		other := draft(t)
		other.LearnerID = "other"
		if r, err := h.Issue(t.Context(), other); err != nil || r.KeyID == old.Public().ID {
			t.Errorf("after the rotation: %v, key %s", err, r.KeyID)
		}
	}
}

func TestStatusListsAreRenewed(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	list := r.Entries[0].List
	first, at, err := h.StatusList(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	if again, _, _ := h.StatusList(t.Context(), list); !bytes.Equal(first, again) {
		t.Error("a fresh list was signed again when it was only asked for")
	}
	if err := h.renew(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, renewed, _ := h.StatusList(t.Context(), list); !renewed.After(at) {
		t.Errorf("signed %v, not renewed after an hour", renewed)
	}
	// The clock is set back: the list does not get older for it.
	h.now = h.now.Add(-30 * time.Minute)
	if _, err := h.Revoke(t.Context(), r.ID, Why{Text: "fraud", By: "registrar"}); err != nil {
		t.Fatal(err)
	}
	if _, l, _ := h.store.Bits(t.Context(), list); l.ValidFrom.Before(at.Add(time.Hour)) {
		t.Errorf("published %v after %v", l.ValidFrom, at.Add(time.Hour))
	}
	if _, _, err := h.StatusList(t.Context(), "nowhere"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown list: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.RunStatusLists(ctx); err != nil {
		t.Errorf("RunStatusLists: %v", err)
	}
}

func TestFind(t *testing.T) {
	h := newHouse(t, nil)
	r, err := h.Issue(t.Context(), draft(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{r.Number, r.ID, strings.TrimPrefix(r.ID, credentialPrefix), r.Public, strings.ToLower(r.Public)} {
		if got, err := h.Find(t.Context(), what); err != nil || got.ID != r.ID {
			t.Errorf("Find(%q): %v", what, err)
		}
	}
	if _, err := h.Find(t.Context(), "MC-2026-99999"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown number: %v", err)
	}
}

func TestKeyMustFitTheInstitution(t *testing.T) {
	h := newHouse(t, nil)
	for name, change := range map[string]func(*Config){
		"another organization": func(c *Config) { c.Institution.OrganizationID = "VATRS-999999999" },
		"another DID":          func(c *Config) { c.Institution.DID = "did:web:other.example" },
		"expired certificate":  func(c *Config) { c.Now = func() time.Time { return noon.AddDate(10, 0, 0) } },
		"no country":           func(c *Config) { c.Institution.Country = "XXX" },
	} {
		c := h.c
		change(&c)
		if _, err := New(t.Context(), c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPreviewRecordsNothing(t *testing.T) {
	h := newHouse(t, nil)
	for _, profile := range []elm.Profile{elm.EDC, elm.VC2} {
		raw, err := h.Preview(draft(t), string(profile))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := elm.Parse(raw); err != nil {
			t.Error(err)
		}
	}
	if issued, reserved := h.checkStore(t); issued+reserved != 0 {
		t.Errorf("%d issued, %d reserved", issued, reserved)
	}
}

func TestBuildIsAFunctionOfItsArguments(t *testing.T) {
	inst, d := institution(t), draft(t)
	d.normalise()
	x := drawn{ID: credentialPrefix + newUUID(), Public: NewPublicID("SV"), Number: "1", At: noon,
		Entries: []store.Entry{{List: "r1", Index: 5, Purpose: status.Revocation}}}
	var last []byte
	for range 3 {
		cred, err := inst.credential(&d, x)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := cred.Encode(elm.EDC)
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && !bytes.Equal(raw, last) {
			t.Fatal("two builds differ")
		}
		last = raw
	}
}

// TestExternalID: it leads to the credential, is used once, and changes nothing in what is awarded.
func TestExternalID(t *testing.T) {
	h := newHouse(t, nil)
	d := draft(t)
	hash := d.RequestHash()
	content := d
	content.Course, content.Email, content.RPL = nil, "", "none"
	if hash != digest(struct {
		Draft  Draft
		Course string
	}{content, string(d.Course.canonical())}) {
		t.Error("the hash of a request is another one than records have")
	}
	d.ExternalID, d.Batch = "exam/2026/0001", "20260601-ABCDEF"
	if d.RequestHash() != hash {
		t.Error("how a draft came is part of its content")
	}
	r, err := h.Issue(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.store.ByExternalID(t.Context(), d.ExternalID); err != nil || got.ID != r.ID || got.Batch != d.Batch {
		t.Errorf("found %s of batch %q, %v", got.ID, got.Batch, err)
	}
	d.LearnerID += "1"
	if _, err := h.Issue(t.Context(), d); !errors.Is(err, store.ErrExternalTaken) {
		t.Errorf("another award: err = %v, want %v", err, store.ErrExternalTaken)
	}
}
