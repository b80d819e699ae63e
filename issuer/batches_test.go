package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"indeks/examples"
	"indeks/internal/postbox"
	"indeks/store"
)

// classList is a list of n learners, none of whom is in another part.
func classList(part string, n int) []byte {
	var b strings.Builder
	b.WriteString("given_name,family_name,date_of_birth,learner_id,awarding_date,language\n")
	for i := range n {
		fmt.Fprintf(&b, "Ana,Anić,2001-03-14,%s-%05d,2026-06-30,en\n", part, i)
	}
	return []byte(b.String())
}

// batches are those of a house with a course in its catalogue. run runs them
// until stop.
type batches struct {
	*Batches
	*house
	course string
}

func newBatches(t *testing.T, h *house, c BatchConfig) *batches {
	t.Helper()
	c.Issuer, c.chunk = h.Issuer, 10
	b := &batches{Batches: NewBatches(c), house: h}
	o, _, _, err := NewCatalogue(h.c.Institution, h.store, h.c.Now).Put(t.Context(), "course", examples.Courses()[0].CourseJSON, Terms{Published: true})
	if err != nil {
		t.Fatal(err)
	}
	b.course = o.ID
	return b
}

func (b *batches) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// wait waits until a batch is in a state.
func (b *batches) wait(t *testing.T, id string, state BatchState) Batch {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		batch, err := b.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if batch.State == state {
			return batch
		}
		if time.Now().After(end) {
			t.Fatalf("batch %s is %s, not %s", id, batch.State, state)
		}
	}
}

// put uploads a list and waits for its check.
func (b *batches) put(t *testing.T, list []byte) Batch {
	t.Helper()
	batch, err := b.Put(t.Context(), b.course, "", Upload{Name: "list.csv", Data: list})
	if err != nil {
		t.Fatal(err)
	}
	return b.wait(t, batch.ID, BatchReady)
}

// results of a batch, and whether they and its counts agree with one another and with
// the records.
func (b *batches) results(t *testing.T, id string) (results []Result) {
	t.Helper()
	batch, err := b.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	got := Counts{Rows: batch.Counts.Rows, Checked: batch.Counts.Checked}
	for r, err := range b.Results(t.Context(), batch, 0) {
		if err != nil {
			t.Fatal(err)
		}
		*got.of(r.State)++
		results = append(results, r)
		if (r.State == RowIssued || r.State == RowKnown) != (r.Number != "") {
			t.Errorf("row %d is %s with number %q", r.Row, r.State, r.Number)
		}
		if r.Number == "" {
			continue
		}
		record, err := b.house.store.ByNumber(t.Context(), r.Number)
		if err != nil || record.State != store.Issued || record.ID != r.ID || r.State == RowIssued && record.Batch != id {
			t.Errorf("row %d: record %s of batch %q is %s, %v", r.Row, r.Number, record.Batch, record.State, err)
		}
	}
	if got != batch.Counts || len(results) != batch.Counts.Rows {
		t.Errorf("%d results are %+v, the batch counts %+v", len(results), got, batch.Counts)
	}
	return results
}

func (b *batches) records(t *testing.T) (n int) {
	t.Helper()
	for _, err := range b.house.store.Records(t.Context(), "") {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	return n
}

// TestBatch: from an upload to credentials, with nothing issued before the start,
// and the same rows known in another batch.
func TestBatch(t *testing.T) {
	b := newBatches(t, newHouse(t, nil), BatchConfig{})
	b.run(t)
	ctx := store.Acting(t.Context(), store.Actor{Name: "API sis"})
	batch, err := b.Put(ctx, b.course, "", Upload{Name: "list.csv", Data: classList("a", 123)})
	if err != nil {
		t.Fatal(err)
	}
	batch = b.wait(t, batch.ID, BatchReady)
	if want := (Counts{Rows: 123, Checked: 123, Sound: 123}); batch.Counts != want || b.records(t) != 0 || batch.By != "API sis" {
		t.Fatalf("checked: %+v by %s, %d records", batch.Counts, batch.By, b.records(t))
	}
	previews, err := b.Previews(t.Context(), batch)
	if err != nil || len(previews) != 3 || previews[0].Row != 2 || previews[0].Credential.Subject[0].Identifier == nil {
		t.Errorf("previews %+v, %v", previews, err)
	}
	if byLink, err := b.ByLink(t.Context(), batch.Link); err != nil || byLink.ID != batch.ID {
		t.Errorf("its page leads to %s, %v", byLink.ID, err)
	}
	if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
		t.Fatal(err)
	}
	batch = b.wait(t, batch.ID, BatchDone)
	if want := (Counts{Rows: 123, Checked: 123, Issued: 123}); batch.Counts != want || batch.Ended.IsZero() {
		t.Errorf("done: %+v", batch.Counts)
	}
	results := b.results(t, batch.ID)
	for n, r := range results {
		if r.Row != n+2 || n > 0 && results[n-1].Number >= r.Number {
			t.Fatalf("row %d has number %s", r.Row, r.Number)
		}
	}

	// The same rows, some of them, with others.
	second := b.put(t, append(classList("a", 70), classList("b", 1)[len("given_name,family_name,date_of_birth,learner_id,awarding_date,language\n"):]...))
	if want := (Counts{Rows: 71, Checked: 71, Sound: 1, Known: 70}); second.Counts != want {
		t.Errorf("known: %+v", second.Counts)
	}
	if r := b.results(t, second.ID)[3]; r.State != RowKnown || r.Number != results[3].Number {
		t.Errorf("row %d is %s as %s", r.Row, r.State, r.Number)
	}
	if _, err := b.Start(t.Context(), second.ID, false); err != nil {
		t.Fatal(err)
	}
	b.wait(t, second.ID, BatchDone)
	b.results(t, second.ID)
	if n := b.records(t); n != 124 {
		t.Errorf("%d records", n)
	}
	list, err := b.List(t.Context(), 10)
	if err != nil || len(list) != 2 {
		t.Errorf("%d batches, %v", len(list), err)
	}
}

// TestBatchWithProblems: nothing is issued while there are problems, unless they
// are left out; all of them are named.
func TestBatchWithProblems(t *testing.T) {
	b := newBatches(t, newHouse(t, nil), BatchConfig{})
	b.run(t)
	first := draft(t)
	first.Number = "USED-1"
	if _, err := b.Issue(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	list := "given_name,family_name,date_of_birth,learner_id,awarding_date,grade,certificate_number\n" +
		"Ana,Anić,2001-03-14,1,2026-06-30,,\n" +
		"Iva,,2001-02-31,2,2026-06-30,,\n" + // two problems
		"Una,Unić,2001-03-14,3,2026-07-05,,\n" + // awarded in the future
		"Mia,Mijić,2001-03-14,4,2026-06-30,,USED-1\n" +
		"Eva,Ević,2001-03-14,5,2026-06-30,,NEW-1\n" +
		"Ana,Anić,2001-03-14,1,2026-06-30,,\n" // the first again
	batch := b.put(t, []byte(list))
	if want := (Counts{Rows: 6, Checked: 6, Sound: 2, Bad: 4}); batch.Counts != want {
		t.Fatalf("checked: %+v", batch.Counts)
	}
	blocking, _, err := b.Problems(t.Context(), batch, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range blocking {
		got = append(got, fmt.Sprintf("%d %s %s", p.Row, p.Rule, p.Value))
	}
	want := []string{"3 date 2001-02-31", "3 empty ", "4 date-future 2026-07-05", "5 number-taken USED-1", "7 row-duplicate "}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q", got, want)
	}
	if _, err := b.Start(t.Context(), batch.ID, false); !errors.Is(err, ErrBatchProblems) {
		t.Errorf("started in spite of problems: %v", err)
	}
	if _, err := b.Start(t.Context(), batch.ID, true); err != nil {
		t.Fatal(err)
	}
	batch = b.wait(t, batch.ID, BatchDone)
	if want := (Counts{Rows: 6, Checked: 6, Issued: 2, Bad: 4}); batch.Counts != want {
		t.Errorf("done: %+v", batch.Counts)
	}
	for _, r := range b.results(t, batch.ID) {
		if strings.Contains(r.Error, "Ana") || strings.Contains(r.Error, "2001") {
			t.Errorf("a result quotes its row: %+v", r)
		}
	}

	// The same learner with another grade is another award of the same: for a person to decide.
	graded := b.put(t, []byte(strings.Replace(list[:strings.Index(list, "Iva")], "2026-06-30,,", "2026-06-30,5,", 1)))
	if r := b.results(t, graded.ID)[0]; r.Rule != "row-conflict" || !strings.Contains(r.Error, "MC-2026-") {
		t.Errorf("another grade: %+v", r)
	}
}

// TestBatchControl: each step by hand is possible in some states and in no others.
func TestBatchControl(t *testing.T) {
	h := newHouse(t, nil)
	b := newBatches(t, h, BatchConfig{})
	stop := b.run(t)
	batch, err := b.Open(t.Context(), b.course, "")
	if err != nil || batch.State != BatchNew || batch.Link == "" {
		t.Fatalf("%+v, %v", batch, err)
	}
	steps := map[string]func() (Batch, error){
		"start":  func() (Batch, error) { return b.Start(t.Context(), batch.ID, true) },
		"pause":  func() (Batch, error) { return b.Pause(t.Context(), batch.ID) },
		"resume": func() (Batch, error) { return b.Resume(t.Context(), batch.ID) },
		"retry":  func() (Batch, error) { return b.Retry(t.Context(), batch.ID) },
		"cancel": func() (Batch, error) { return b.Cancel(t.Context(), batch.ID) },
		"choose": func() (Batch, error) { return b.Choose(t.Context(), batch.ID, "windows-1250") },
		"upload": func() (Batch, error) {
			return b.Upload(t.Context(), batch.ID, Upload{Name: "a.csv", Data: classList("c", 3)})
		},
	}
	refused := func(state BatchState, names ...string) {
		t.Helper()
		for _, name := range names {
			if _, err := steps[name](); !errors.Is(err, ErrBatchState) {
				t.Errorf("%s while it is %s: %v", name, state, err)
			}
		}
	}
	step := func(name string, state BatchState) {
		t.Helper()
		if _, err := steps[name](); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.wait(t, batch.ID, state)
	}
	refused(BatchNew, "start", "pause", "resume", "retry", "choose")
	mixed, err := b.Upload(t.Context(), batch.ID, Upload{Name: "popis.csv", Data: []byte("ime;prezime;datum ro\xf0enja\n\x8aime;\xc8i\xe6;2001-03-14\n")})
	if err != nil || mixed.State != BatchUnread || len(mixed.Choices) < 2 || mixed.Choices[0].Encoding != "windows-1250" {
		t.Fatalf("%+v, %v", mixed, err)
	}
	refused(BatchUnread, "start", "pause", "resume", "retry")
	step("choose", BatchReady)
	rows, _, err := b.rows(t.Context(), must(b.Get(t.Context(), batch.ID)), 0, nil)
	if err != nil || len(rows) != 1 || rows[0].Draft.FamilyName != "Čić" {
		t.Fatalf("%+v, %v", rows, err)
	}
	step("upload", BatchReady) // another list in its place
	if got := must(b.Get(t.Context(), batch.ID)); got.Counts.Rows != 3 || got.Name != "a.csv" {
		t.Errorf("%+v", got)
	}
	stop()
	refused(BatchReady, "pause", "resume", "retry", "choose")
	step("start", BatchQueued)
	refused(BatchQueued, "start", "resume", "retry", "upload")
	step("pause", BatchPaused)
	refused(BatchPaused, "start", "pause", "retry", "upload")
	step("resume", BatchQueued)
	b.run(t)
	b.wait(t, batch.ID, BatchDone)
	refused(BatchDone, "start", "pause", "resume", "retry", "cancel", "upload")
	b.results(t, batch.ID)

	first := batch.ID
	batch = b.put(t, classList("d", 2))
	step("cancel", BatchCancelled)
	refused(BatchCancelled, "start", "pause", "resume", "retry", "cancel", "upload")
	if _, err := b.Pause(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such batch: %v", err)
	}

	// All that happened is told, and by whom.
	var told []string
	logs, err := h.store.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range h.store.LogEntries(t.Context(), logs[0].Name, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Object == first {
			told = append(told, string(e.Kind)+": "+e.Result)
		}
	}
	want := []string{"job-uploaded: 0 rows", "job-uploaded: 1 rows", "job-uploaded: 3 rows", "job-started: 3 rows, 0 left out", "job-paused: by hand", "job-started: resumed", "job-ended: done: 3 issued, 0 known, 0 failed, 0 left"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func must(b Batch, err error) *Batch {
	if err != nil {
		panic(err)
	}
	return &b
}

// failing fails some reservations for as long as it is told to.
type failing struct {
	store.Store
	err  atomic.Pointer[error]
	only func(store.Record) bool
}

func (f *failing) Reserve(ctx context.Context, r store.Record) (store.Record, error) {
	if err := f.err.Load(); err != nil && f.only(r) {
		return store.Record{}, *err
	}
	return f.Store.Reserve(ctx, r)
}

// TestBatchRetriesWhatFailed: rows that failed are tried again, and no others; what
// stops all rows stops the batch until it is over.
func TestBatchRetriesWhatFailed(t *testing.T) {
	var f *failing
	h := newHouse(t, func(s store.Store) store.Store {
		f = &failing{Store: s, only: func(r store.Record) bool { return strings.HasSuffix(r.LearnerID, "7") }}
		return f
	})
	b := newBatches(t, h, BatchConfig{})
	b.run(t)
	batch := b.put(t, classList("a", 60))
	taken := fmt.Errorf("reserving: %w", store.ErrExternalTaken)
	f.err.Store(&taken)
	if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
		t.Fatal(err)
	}
	batch = b.wait(t, batch.ID, BatchDone)
	if want := (Counts{Rows: 60, Checked: 60, Issued: 54, Failed: 6}); batch.Counts != want {
		t.Errorf("done: %+v", batch.Counts)
	}
	before := b.results(t, batch.ID)
	for range 2 { // once in vain
		if _, err := b.Retry(t.Context(), batch.ID); err != nil {
			t.Fatal(err)
		}
		b.wait(t, batch.ID, BatchDone)
		f.err.Store(nil)
	}
	for n, r := range b.results(t, batch.ID) {
		if r.State != RowIssued || before[n].State == RowIssued && before[n] != r {
			t.Errorf("row %d: %+v, before %+v", r.Row, r, before[n])
		}
	}
	if n := b.records(t); n != 60 {
		t.Errorf("%d records", n)
	}

	// Our own verifier refuses: a defect, for a person to look at before all rows burn.
	refused := fmt.Errorf("checking: %w", ErrRefused)
	f.err.Store(&refused)
	batch = b.put(t, classList("b", 25))
	if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
		t.Fatal(err)
	}
	batch = b.wait(t, batch.ID, BatchPaused)
	if batch.Why != WhyRefused || batch.Counts.Failed != 1 || batch.Counts.Sound != 15 {
		t.Errorf("refused: %s, %+v", batch.Why, batch.Counts)
	}
	f.err.Store(nil)
	if _, err := b.Resume(t.Context(), batch.ID); err != nil {
		t.Fatal(err)
	}
	b.wait(t, batch.ID, BatchDone)
	if _, err := b.Retry(t.Context(), batch.ID); err != nil {
		t.Fatal(err)
	}
	b.wait(t, batch.ID, BatchDone)
	b.results(t, batch.ID)

	// No room on the disk is nothing of a row's.
	full := fmt.Errorf("reserving: %w", store.ErrDiskLow)
	f.err.Store(&full)
	batch = b.put(t, classList("c", 10))
	if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
		t.Fatal(err)
	}
	for b.Stuck(batch.ID) != "disk" {
		time.Sleep(time.Millisecond)
	}
	f.err.Store(nil)
	if got := must(b.Get(t.Context(), batch.ID)); got.State != BatchRunning || got.Counts.Failed != 0 {
		t.Errorf("no room: %s, %+v", got.State, got.Counts)
	}
}

// TestBatchGoesOnAfterARestart: wherever a process ends, the next one goes on, and
// every row is issued once.
func TestBatchGoesOnAfterARestart(t *testing.T) {
	h := newHouse(t, nil)
	b := newBatches(t, h, BatchConfig{})
	stop := b.run(t)
	batch, err := b.Put(t.Context(), b.course, "", Upload{Data: classList("a", 110)})
	if err != nil {
		t.Fatal(err)
	}
	starts := 0
	for {
		stop()
		b = newBatches(t, h, BatchConfig{}) // knows nothing but the store
		if batch, err = b.Get(t.Context(), batch.ID); err != nil {
			t.Fatal(err)
		}
		if batch.State == BatchReady {
			if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
				t.Fatal(err)
			}
		}
		if batch.State == BatchDone {
			break
		}
		stop = b.run(t)
		// Long enough to get anywhere, too short for a chunk at first.
		time.Sleep(time.Duration(1+5*starts) * time.Millisecond)
		starts++
	}
	if want := (Counts{Rows: 110, Checked: 110, Issued: 110}); batch.Counts != want {
		t.Errorf("after %d starts: %+v", starts, batch.Counts)
	}
	b.results(t, batch.ID)
	if n := b.records(t); n != 110 {
		t.Errorf("%d records", n)
	}
	for _, err := range store.Check(t.Context(), h.store) {
		t.Error(err)
	}
}

// TestBatchOfAChangedCourse: what was checked and shown is what is issued.
func TestBatchOfAChangedCourse(t *testing.T) {
	b := newBatches(t, newHouse(t, nil), BatchConfig{})
	stop := b.run(t)
	batch := b.put(t, classList("a", 5))
	stop()
	catalogue := NewCatalogue(b.house.c.Institution, b.house.store, b.house.c.Now)
	other := strings.Replace(string(examples.Courses()[0].CourseJSON), `"hours": "`, `"hours": "1`, 1)
	if _, _, _, err := catalogue.Put(t.Context(), "course", []byte(other), Terms{Published: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if batch = b.wait(t, batch.ID, BatchPaused); batch.Why != WhyCourse || b.records(t) != 0 {
		t.Errorf("paused for %q, %d records", batch.Why, b.records(t))
	}
	if _, err := b.Resume(t.Context(), batch.ID); err != nil {
		t.Fatal(err)
	}
	batch = b.wait(t, batch.ID, BatchReady) // again for a person to look at
	if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
		t.Fatal(err)
	}
	b.wait(t, batch.ID, BatchDone)
	b.results(t, batch.ID)
}

// TestBatchLimits: so many wait and no more; a list that cannot be read leaves nothing behind.
func TestBatchLimits(t *testing.T) {
	b := newBatches(t, newHouse(t, nil), BatchConfig{Queued: 2, Rows: 10})
	put := func(n int) error {
		_, err := b.Put(t.Context(), b.course, "", Upload{Data: classList("a", n)})
		return err
	}
	if err := put(11); !errors.Is(err, ErrBatchLimit) {
		t.Errorf("too many rows: %v", err)
	}
	if _, err := b.Put(t.Context(), b.course, "", Upload{Data: []byte("x;y\n1;2\n")}); !errors.As(err, new(*Problems)) {
		t.Errorf("no list: %v", err)
	}
	if _, err := b.Put(t.Context(), b.course, "", Upload{Data: classList("a", 1), ListOptions: ListOptions{Defaults: map[string]string{"grade": "5"}}}); !errors.As(err, new(*Problems)) {
		t.Errorf("a grade for all: %v", err)
	}
	if _, err := b.Put(t.Context(), "astrology", "", Upload{Data: classList("a", 1)}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no such course: %v", err)
	}
	if list, err := b.List(t.Context(), 10); len(list) != 0 || err != nil {
		t.Errorf("left behind: %+v, %v", list, err)
	}
	for _, n := range []int{6, 3} {
		if err := put(n); err != nil {
			t.Error(err)
		}
	}
	if err := put(1); !errors.Is(err, ErrBatchLimit) {
		t.Errorf("too many batches: %v", err)
	}
	list, err := b.List(t.Context(), 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := b.Cancel(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := put(1); err != nil {
		t.Errorf("one was cancelled: %v", err)
	}
}

// TestBatchRowsAreRemoved: nothing that names anybody outlives its time; what became of the rows does.
func TestBatchRowsAreRemoved(t *testing.T) {
	h := newHouse(t, nil)
	b := newBatches(t, h, BatchConfig{Keep: 24 * time.Hour})
	b.run(t)
	done := b.put(t, classList("a", 51))
	if _, err := b.Start(t.Context(), done.ID, false); err != nil {
		t.Fatal(err)
	}
	done = b.wait(t, done.ID, BatchDone)
	waiting := b.put(t, classList("b", 3))
	unread, err := b.Put(t.Context(), b.course, "", Upload{Name: "Ana Anić.csv", Data: []byte("ime;prezime;datum ro\xf0enja\n")})
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(25 * time.Hour)
	if err := b.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{kindRows, kindFile, kindLink, kindOpen} {
		for d := range h.store.Documents(t.Context(), kind, "", "") {
			t.Errorf("%s %s is still there", kind, d.ID)
		}
	}
	for id, state := range map[string]BatchState{done.ID: BatchDone, waiting.ID: BatchCancelled, unread.ID: BatchCancelled} {
		got := must(b.Get(t.Context(), id))
		if got.State != state || got.Removed.IsZero() || got.Name != "" || got.Link != "" || got.Choices != nil {
			t.Errorf("%+v", got)
		}
	}
	if n := len(b.results(t, done.ID)); n != 51 {
		t.Errorf("%d results", n)
	}
	if _, err := b.ByLink(t.Context(), done.Link); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("its page is still there: %v", err)
	}
	if err := b.sweep(t.Context()); err != nil { // there is nothing to do
		t.Error(err)
	}
}

// TestBatchPace: however many rows are under way, no more than so many compute.
func TestBatchPace(t *testing.T) {
	ctx := withPace(t.Context(), make(pace, 2))
	var at, most atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			paced(ctx, func() (int, error) {
				n := at.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				time.Sleep(time.Millisecond)
				at.Add(-1)
				return 0, nil
			})
		})
	}
	all.Wait()
	if most.Load() != 2 {
		t.Errorf("%d at a time", most.Load())
	}
	ended, cancel := context.WithCancel(withPace(t.Context(), make(pace)))
	cancel()
	if _, err := paced(ended, func() (int, error) { t.Error("it ran"); return 0, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestTextOfACell: no spreadsheet takes it for a formula (ASVS 1.2.10).
func TestTextOfACell(t *testing.T) {
	for text, want := range map[string]string{
		"": `""`, "Ana": `"Ana"`, `a "b"`: `"a ""b"""`, "=1+1": `"'=1+1"`, "+1": `"'+1"`, "-1": `"'-1"`, "@SUM": `"'@SUM"`, "\t=1": "\"'\t=1\"", "\r=1": "\"'\r=1\"", "＝1": `"'＝1"`,
		"a\nb": "\"a\nb\"", "5-6": `"5-6"`,
	} {
		if got := AsCSV(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestBatchThatNeedsApproval: it waits for another person, who approves exactly its rows.
func TestBatchThatNeedsApproval(t *testing.T) {
	h := newHouse(t, nil)
	b := newBatches(t, h, BatchConfig{})
	stop := b.run(t)
	strict := strings.Replace(string(examples.Courses()[0].CourseJSON), `"version": "`, `"approval": true, "version": "strict-`, 1)
	if _, _, _, err := NewCatalogue(h.c.Institution, h.store, h.c.Now).Put(t.Context(), "course", []byte(strict), Terms{Published: true}); err != nil {
		t.Fatal(err)
	}
	asked := store.Acting(t.Context(), store.Actor{Name: "API one"})
	start := func() Batch {
		t.Helper()
		batch := b.put(t, classList(rand.Text(), 12))
		batch, err := b.Start(asked, batch.ID, false)
		if err != nil || batch.State != BatchApproval || batch.Approval == "" {
			t.Fatalf("started: %s, %v", batch.State, err)
		}
		return batch
	}
	batch := start()
	a, err := h.Approval(t.Context(), batch.Approval)
	if err != nil || a.Batch != batch.ID || a.Rows != 12 || a.AskedBy != "API one" {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := h.Approve(t.Context(), a.ID, a.Digest, "API one"); !errors.Is(err, ErrSameActor) {
		t.Errorf("approved by who asked: %v", err)
	}
	if b.records(t) != 0 {
		t.Error("issued before it was approved")
	}
	if _, err := h.Approve(t.Context(), a.ID, a.Digest, "API two"); err != nil {
		t.Fatal(err)
	}
	b.wait(t, batch.ID, BatchDone)
	b.results(t, batch.ID)
	if b.records(t) != 12 {
		t.Errorf("%d records", b.records(t))
	}

	batch = start()
	if _, err := h.Reject(t.Context(), batch.Approval, "not yet", "API two"); err != nil {
		t.Fatal(err)
	}
	if batch = b.wait(t, batch.ID, BatchCancelled); batch.Why != WhyRejected {
		t.Errorf("rejected: %q", batch.Why)
	}

	// Rows that were changed behind its back since it was approved.
	batch = start()
	a, err = h.Approval(t.Context(), batch.Approval)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := h.Approve(t.Context(), a.ID, a.Digest, "API two"); err != nil {
		t.Fatal(err)
	}
	d, err := h.store.Document(t.Context(), kindRows, partID(&batch, 1))
	if err != nil {
		t.Fatal(err)
	}
	d.Body = []byte(strings.Replace(string(d.Body), "Anić", "Anićev", 1))
	if err := h.store.PutDocuments(t.Context(), []store.Document{d}); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if batch = b.wait(t, batch.ID, BatchPaused); batch.Why != WhyOther || b.records(t) != 12 {
		t.Errorf("other rows: %q, %d records", batch.Why, b.records(t))
	}
}

// TestBatchOfDrafts: what another system sends in bulk is issued without another call, and
// what is wrong with one draft is its own matter.
func TestBatchOfDrafts(t *testing.T) {
	h := newHouse(t, nil)
	b := newBatches(t, h, BatchConfig{})
	b.run(t)
	o, err := b.Batches.catalogue.Offer(t.Context(), b.course, "")
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	for n := range 25 {
		d := draft(t)
		d.Course, d.Row, d.LearnerID, d.ExternalID = o.Content, n+1, fmt.Sprint("L", n), fmt.Sprint("exam/", n)
		d.RequestKey = digest([]any{"external", n})
		rows = append(rows, Row{Draft: d})
	}
	rows[3] = Row{Draft: Draft{Row: 4, ExternalID: "exam/3"}, Problems: []Problem{{Row: 4, Field: "course_id", Rule: "course-unknown", Want: "is not in the catalogue"}}}
	batch, err := b.PutDrafts(t.Context(), rows, true)
	if err != nil {
		t.Fatal(err)
	}
	batch = b.wait(t, batch.ID, BatchDone)
	if want := (Counts{Rows: 25, Checked: 25, Issued: 24, Bad: 1}); batch.Counts != want {
		t.Errorf("%+v", batch.Counts)
	}
	b.results(t, batch.ID)
	if r, err := h.store.ByExternalID(t.Context(), "exam/24"); err != nil || r.Batch != batch.ID {
		t.Errorf("exam/24: batch %q, %v", r.Batch, err)
	}
	// Again, as a system does that got no answer: nothing is issued twice.
	again, err := b.PutDrafts(t.Context(), rows, true)
	if err != nil {
		t.Fatal(err)
	}
	again = b.wait(t, again.ID, BatchDone)
	if want := (Counts{Rows: 25, Checked: 25, Known: 24, Bad: 1}); again.Counts != want {
		t.Errorf("again: %+v", again.Counts)
	}
}

// TestBatchThatAsksForNames: rows whose learners have not looked at their names yet are
// failed, and are issued once they have and somebody tries again; what cannot be asked is
// a row's own matter and stops no other.
func TestBatchThatAsksForNames(t *testing.T) {
	h := newHouse(t, nil)
	h.mailing(t, postbox.Options{})
	b := newBatches(t, h, BatchConfig{})
	b.run(t)
	asking := strings.Replace(string(examples.Courses()[0].CourseJSON), `"version": "`, `"name_check_days": 14, "version": "asking-`, 1)
	if _, _, _, err := NewCatalogue(h.c.Institution, h.store, h.c.Now).Put(t.Context(), "course", []byte(asking), Terms{Published: true}); err != nil {
		t.Fatal(err)
	}
	list := func(family string) []byte {
		return []byte("given_name,family_name,date_of_birth,learner_id,awarding_date,language,email\n" +
			"Ana," + family + ",2001-03-14,1,2026-06-30,en,ana@mail.example\n" +
			"Iva,Ivić,2001-03-14,2,2026-06-30,en,iva@mail.example\n" +
			"Eva,Ević,2001-03-14,3,2026-06-30,en,\n")
	}
	start := func(family string) Batch {
		t.Helper()
		batch := b.put(t, list(family))
		if _, err := b.Start(t.Context(), batch.ID, false); err != nil {
			t.Fatal(err)
		}
		return b.wait(t, batch.ID, BatchDone)
	}
	retry := func(id string) Batch {
		t.Helper()
		if _, err := b.Retry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return b.wait(t, id, BatchDone)
	}
	rules := func(id string) (list []string) {
		t.Helper()
		for _, r := range b.results(t, id) {
			list = append(list, string(r.State)+" "+r.Rule)
		}
		return list
	}

	batch := start("Anić")
	if want := []string{"failed name-check", "failed name-check", "issued "}; !slices.Equal(rules(batch.ID), want) {
		t.Errorf("started: %q", rules(batch.ID))
	}
	var checks []NameCheck
	for n, err := range h.NameChecks(t.Context(), false, "") {
		if err != nil || n.Batch != batch.ID {
			t.Fatalf("%+v, %v", n, err)
		}
		checks = append(checks, n)
	}
	if len(checks) != 2 {
		t.Fatalf("%d checks", len(checks))
	}
	if retry(batch.ID).Counts.Failed != 2 {
		t.Errorf("tried again too early: %q", rules(batch.ID))
	}

	// The same list in another batch, and one with another name, while the answer is awaited.
	for family, want := range map[string][]string{"Anić": {"failed name-check", "failed name-check", "known "}, "Prava": {"failed row-conflict", "failed name-check", "known "}} {
		if other := start(family); !slices.Equal(rules(other.ID), want) {
			t.Errorf("once more, %s: %q", family, rules(other.ID))
		}
	}

	for _, n := range checks {
		if done, err := h.ConfirmName(t.Context(), n.Link); err != nil || done.State != NameIssued {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	if want := []string{"issued ", "issued ", "issued "}; !slices.Equal(rules(retry(batch.ID).ID), want) || b.records(t) != 3 {
		t.Errorf("tried again: %q, %d records", rules(batch.ID), b.records(t))
	}
}
