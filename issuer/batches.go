package issuer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"indeks/store"
)

// Errors of batches, besides those of package store.
var (
	ErrBatchState    = errors.New("not possible in the batch's state")
	ErrBatchProblems = errors.New("the batch has rows with problems: repair the list, or leave them out")
	ErrBatchLimit    = errors.New("too many batches or rows wait already")
	ErrBatchGone     = errors.New("the rows of the batch are removed already")
)

// BatchState is where a batch is on its way.
type BatchState string

const (
	BatchNew       BatchState = "new"       // waits for its list
	BatchUnread    BatchState = "unread"    // waits until somebody says in which encoding the list is
	BatchChecking  BatchState = "checking"  // each row is tried without issuing it
	BatchReady     BatchState = "ready"     // every problem is known; waits for the start
	BatchApproval  BatchState = "approval"  // waits for another person's approval, as its course asks for
	BatchQueued    BatchState = "queued"    // waits for its turn
	BatchRunning   BatchState = "running"   // is being issued
	BatchPaused    BatchState = "paused"    // by hand, or by itself: see Why
	BatchCancelled BatchState = "cancelled" // ended; what was issued stays issued
	BatchDone      BatchState = "done"      // ended; what failed can be tried again
)

// Ended reports whether nothing happens any more by itself.
func (s BatchState) Ended() bool { return s == BatchCancelled || s == BatchDone }

// Reasons why a batch pauses by itself, or is cancelled by itself.
const (
	WhyCourse   = "course-changed"    // in the catalogue, since the list was checked
	WhyRefused  = "refused"           // our own verifier refused what was built, or the key is gone
	WhyOther    = "other-rows"        // are there than those that were approved
	WhyRejected = "approval-rejected" // or nobody decided in time
	WhyOld      = "old"               // nobody went on with it
)

// Batch is a class list, or drafts of another system, on the way to credentials.
// It names nobody: what does, lies in its rows, and is removed some time after
// it ended. The JSON names are those of the stored form.
type Batch struct {
	ID       string            `json:"id"`            // in order of days
	Link     string            `json:"link,omitzero"` // 26 symbols: its page; "" once the rows are removed
	State    BatchState        `json:"state"`
	Why      string            `json:"why,omitzero"`
	Courses  []BatchCourse     `json:"courses"` // of a list one; of drafts those that they name
	Drafts   bool              `json:"drafts,omitzero"`
	Name     string            `json:"name,omitzero"` // of the file; removed with the rows
	Defaults map[string]string `json:"defaults,omitzero"`
	// NameCheck is for how many days its learners look at their names first, 0: they do
	// not; nil: as the course says.
	NameCheck *int      `json:"nameCheck,omitzero"`
	By        string    `json:"by"`
	Created   time.Time `json:"created"`
	Changed   time.Time `json:"changed"` // of its state, by hand
	Started   time.Time `json:"started,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	Removed   time.Time `json:"removed,omitzero"` // its rows were

	Counts   Counts           `json:"counts"`
	LeaveOut bool             `json:"leaveOut,omitzero"` // issue the sound rows, not those with problems
	Start    bool             `json:"start,omitzero"`    // as soon as they are checked
	Digest   [32]byte         `json:"digest,omitzero"`   // of the rows that were sound when they were checked, and their courses
	Approval string           `json:"approval,omitzero"` // id of the approval
	Warnings []Problem        `json:"warnings,omitzero"` // about the file; removed with the rows
	Choices  []EncodingChoice `json:"choices,omitzero"`  // of BatchUnread; removed with the rows
	Previews []int            `json:"previews,omitzero"` // places of rows worth a look

	// How far it is. Marks are when how many rows were worked on, the newest last.
	Upload int       `json:"upload,omitzero"` // counts lists uploaded for it: rows belong to one
	Chunks int       `json:"chunks,omitzero"`
	Next   int       `json:"next,omitzero"` // chunk
	Marks  []Mark    `json:"marks,omitzero"`
	Node   string    `json:"node,omitzero"` // that works on it
	Seen   time.Time `json:"seen,omitzero"` // working

	revision uint64
}

// BatchCourse is a version of the catalogue as it was when rows were checked.
type BatchCourse struct {
	ID      string   `json:"id"`
	Version string   `json:"version"`
	SHA256  [32]byte `json:"sha256"`
}

// Counts of the rows of a batch. After the check Rows = Sound + Known + Bad; then
// rows go from Sound to Issued, Known or Failed.
type Counts struct {
	Rows    int `json:"rows"`
	Checked int `json:"checked"`
	Sound   int `json:"sound"`
	Bad     int `json:"bad"`   // with problems that block
	Known   int `json:"known"` // issued before, by whatever way
	Issued  int `json:"issued"`
	Failed  int `json:"failed"`
}

// Mark is how many rows were worked on at a time.
type Mark struct {
	At   time.Time `json:"at"`
	Rows int       `json:"rows"`
}

// worked is how many rows the present work has behind it.
func (b *Batch) worked() int {
	if b.State == BatchChecking {
		return b.Counts.Checked
	}
	return b.Counts.Issued + b.Counts.Known + b.Counts.Failed
}

// Rate is how many rows a second were worked on lately, 0 where that is not known.
func (b *Batch) Rate() float64 {
	if len(b.Marks) < 2 {
		return 0
	}
	first, last := b.Marks[0], b.Marks[len(b.Marks)-1]
	if took := last.At.Sub(first.At).Seconds(); took > 0 {
		return float64(last.Rows-first.Rows) / took
	}
	return 0
}

// Left is how long the present work will take at this rate, 0 where that is not known.
func (b *Batch) Left() time.Duration {
	left := b.Counts.Sound
	if b.State == BatchChecking {
		left = b.Counts.Rows - b.Counts.Checked
	}
	rate := b.Rate()
	if rate <= 0 || b.State != BatchChecking && b.State != BatchRunning {
		return 0
	}
	return time.Duration(float64(left) / rate * float64(time.Second)).Round(time.Second)
}

// BatchConfig is what batches work with. Zero values mean the defaults.
type BatchConfig struct {
	Issuer  *Issuer
	Node    string        // tells this process from others that work on the same store, the same after a restart
	Running int           // batches that are issued at a time; 0: 2
	Queued  int           // batches that have not ended; 0: 100
	Rows    int           // rows of all of those; 0: 500 000
	Cores   int           // on which they compute at a time; 0: half of all
	Keep    time.Duration // for which rows are kept after the end, or a batch that nobody starts; 0: 30 days

	chunk int // rows of one transaction, 0: 500; another number would not find the chunks of this one
}

// Batches takes class lists through a dry run to credentials: durable jobs, each
// of whose rows is issued once, whatever happens on the way. It is safe for
// concurrent use. [Batches.Run] does the work.
type Batches struct {
	c         BatchConfig
	catalogue *Catalogue
	pace      pace
	wake      chan struct{} // something may be there to be done

	reading chan struct{} // one list is read at a time: a list takes memory

	mu      sync.Mutex
	working map[string]bool   // ids of the batches that Run is at
	stuck   map[string]string // ids of those that it cannot go on with for now, and why
}

// NewBatches returns the batches in the issuer's store. It starts nothing.
func NewBatches(c BatchConfig) *Batches {
	c.Running, c.Queued, c.Rows = cmp.Or(c.Running, 2), cmp.Or(c.Queued, 100), cmp.Or(c.Rows, 500_000)
	c.Cores = cmp.Or(c.Cores, max(1, runtime.GOMAXPROCS(0)/2))
	c.Keep, c.chunk = cmp.Or(c.Keep, 30*24*time.Hour), cmp.Or(c.chunk, rowsOfChunk)
	return &Batches{c: c, catalogue: NewCatalogue(c.Issuer.inst, c.Issuer.store, c.Issuer.now), pace: make(pace, c.Cores),
		wake: make(chan struct{}, 1), reading: make(chan struct{}, 1), working: map[string]bool{}, stuck: map[string]string{}}
}

// Upload is a class list as it came.
type Upload struct {
	Name string // of the file, for people
	Data []byte
	ListOptions
	NameCheck *int // see [Batch]
}

// Open makes a batch that waits for its list: its page asks for one. version ""
// is the version that is offered.
//
// Errors: store.ErrNotFound where the catalogue has no such course, [ErrBatchLimit].
func (b *Batches) Open(ctx context.Context, course, version string) (Batch, error) {
	if err := b.room(ctx, 0); err != nil {
		return Batch{}, err
	}
	o, err := b.Offer(ctx, course, version)
	if err != nil {
		return Batch{}, err
	}
	return b.open(ctx, Batch{Courses: []BatchCourse{{o.ID, o.Version, o.SHA256}}})
}

// Put reads a class list and makes a batch of it, which is then checked row by
// row. Nothing is made of a list that cannot be read.
//
// Errors: as those of Open and Upload.
func (b *Batches) Put(ctx context.Context, course, version string, u Upload) (Batch, error) {
	o, err := b.Offer(ctx, course, version)
	if err != nil {
		return Batch{}, err
	}
	rows, warnings, choices, err := b.read(ctx, o.Content, u)
	if err != nil {
		return Batch{}, err
	}
	if err := b.room(ctx, len(rows)); err != nil {
		return Batch{}, err
	}
	batch, err := b.open(ctx, Batch{Courses: []BatchCourse{{o.ID, o.Version, o.SHA256}}})
	if err != nil {
		return Batch{}, err
	}
	return b.fill(ctx, batch.ID, u, rows, warnings, choices)
}

// Upload gives a batch that was not started its list, or another one.
//
// Errors: [*Problems] for a list that cannot be read, with all that is wrong in
// it; [ErrBatchState], [ErrBatchLimit]. A list whose encoding is to be chosen is
// no error: see [Batch].Choices and [Batches.Choose].
func (b *Batches) Upload(ctx context.Context, id string, u Upload) (Batch, error) {
	batch, err := b.Get(ctx, id)
	if err != nil {
		return Batch{}, err
	}
	if !slices.Contains([]BatchState{BatchNew, BatchUnread, BatchReady}, batch.State) || batch.Drafts {
		return Batch{}, ErrBatchState
	}
	o, err := b.Offer(ctx, batch.Courses[0].ID, batch.Courses[0].Version)
	if err != nil {
		return Batch{}, err
	}
	rows, warnings, choices, err := b.read(ctx, o.Content, u)
	if err != nil {
		return Batch{}, err
	}
	if err := b.room(ctx, len(rows)-batch.Counts.Rows); err != nil {
		return Batch{}, err
	}
	return b.fill(ctx, id, u, rows, warnings, choices)
}

// Choose says in which encoding the list of a batch is.
func (b *Batches) Choose(ctx context.Context, id, encoding string) (Batch, error) {
	batch, err := b.Get(ctx, id)
	if err != nil {
		return Batch{}, err
	}
	if batch.State != BatchUnread {
		return Batch{}, ErrBatchState
	}
	data, err := b.file(ctx, &batch)
	if err != nil {
		return Batch{}, err
	}
	if encoding == "" {
		encoding = "utf-8" // and not the same question again
	}
	return b.Upload(ctx, id, Upload{Name: batch.Name, Data: data, ListOptions: ListOptions{Encoding: encoding, Defaults: batch.Defaults}, NameCheck: batch.NameCheck})
}

// PutDrafts makes a batch of drafts of another system, each of which names its
// course. A draft's RequestKey says which request it is; those whose course is not
// known are rows with problems. With start those that are sound are issued
// as soon as all are checked.
func (b *Batches) PutDrafts(ctx context.Context, rows []Row, start bool) (Batch, error) {
	if len(rows) > maxRows {
		return Batch{}, &Problems{List: []Problem{{Rule: "list-size", Case: "rows", Figures: map[string]string{"Most": strconv.Itoa(maxRows)}, Want: fmt.Sprintf("there are %d drafts: expected at most %d", len(rows), maxRows)}}}
	}
	if err := b.room(ctx, len(rows)); err != nil {
		return Batch{}, err
	}
	batch := Batch{Drafts: true, Start: start}
	for i := range rows {
		c := rows[i].Draft.Course
		if c == nil || slices.ContainsFunc(batch.Courses, func(k BatchCourse) bool { return k.ID == c.ID && k.Version == c.Version }) {
			continue
		}
		batch.Courses = append(batch.Courses, BatchCourse{c.ID, c.Version, sha256.Sum256(c.kept())})
	}
	batch, err := b.open(ctx, batch)
	if err != nil {
		return Batch{}, err
	}
	return b.fill(ctx, batch.ID, Upload{}, rows, nil, nil)
}

// Offer is the version of a course that a batch is for, "" the one that is
// offered, or store.ErrNotFound.
func (b *Batches) Offer(ctx context.Context, course, version string) (Offer, error) {
	if version != "" {
		return b.catalogue.Offer(ctx, course, version)
	}
	offers, err := b.catalogue.Offers(ctx)
	if err != nil {
		return Offer{}, err
	}
	offers = slices.DeleteFunc(offers, func(o Offer) bool { return o.ID != course })
	if current := Current(offers); len(current) > 0 {
		return current[0], nil
	}
	return Offer{}, fmt.Errorf("finding course %.60q: %w", course, store.ErrNotFound)
}

// defaultColumns are those that a list may leave to whoever uploads it.
// maxNameCheck is the most days that a learner has to look at a name, as in the schema
// of courses.
const maxNameCheck = 60

var defaultColumns = []string{"awarding_date", "id_verification", "language"}

// read reads a list, one at a time. Without rows and error there are choices.
func (b *Batches) read(ctx context.Context, c *Course, u Upload) (rows []Row, warnings []Problem, choices []EncodingChoice, err error) {
	select {
	case b.reading <- struct{}{}:
		defer func() { <-b.reading }()
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	}
	for _, name := range slices.Sorted(maps.Keys(u.Defaults)) {
		if !slices.Contains(defaultColumns, name) {
			return nil, nil, nil, &Problems{List: []Problem{{Field: name, Rule: "column-unknown", Case: "default", Want: "is not a column that can be given for all: expected " + strings.Join(defaultColumns, ", "),
				Figures: map[string]string{"Columns": strings.Join(defaultColumns, ", ")}}}}
		}
	}
	if days := u.NameCheck; days != nil {
		p := Problem{Field: "name_check_days", Value: fmt.Sprint(*days), Rule: "name-check-days", Figures: map[string]string{"Most": strconv.Itoa(maxNameCheck)}}
		switch {
		case *days < 0 || *days > maxNameCheck:
			p.Want = fmt.Sprintf("is not a number of days: expected 0 to %d", maxNameCheck)
		case *days > 0 && !b.c.Issuer.Mailing():
			p.Case, p.Want = "no-mail", "asks learners by letter, and no mail server is configured: expected 0, or nothing"
		}
		if p.Want != "" { // or all would be issued without being asked
			return nil, nil, nil, &Problems{List: []Problem{p}}
		}
	}
	rows, warnings, err = ReadRows(u.Name, u.Data, c, u.ListOptions)
	if open, ok := errors.AsType[*EncodingError](err); ok {
		return nil, nil, open.Choices, nil
	}
	return rows, warnings, nil, err
}

// room is ErrBatchLimit where another batch with so many rows is too much.
func (b *Batches) room(ctx context.Context, rows int) error {
	batches, waiting := 0, 0
	for batch, err := range b.opened(ctx) {
		if err != nil {
			return err
		}
		batches++
		waiting += batch.Counts.Rows
	}
	if batches >= b.c.Queued || waiting+rows > b.c.Rows {
		return fmt.Errorf("%w: %d batches with %d rows", ErrBatchLimit, batches, waiting)
	}
	return nil
}

// newBatchID is a day and six symbols: short enough to be said on the telephone.
func newBatchID(at time.Time) string { return at.Format("20060102-") + NewPublicID("")[:6] }

// open puts a new batch.
func (b *Batches) open(ctx context.Context, batch Batch) (Batch, error) {
	now := b.c.Issuer.clock()
	batch.ID, batch.Link = newBatchID(now), NewPublicID("")
	batch.State, batch.By, batch.Created, batch.Changed = BatchNew, store.ActorOf(ctx).Name, now, now
	return batch, b.put(ctx, &batch, []store.Document{openDocument(batch.ID, 0), linkDocument(&batch, 0)})
}

// fill puts the rows of a list, then makes them those of the batch: until then
// they are nobody's, and removed with the batch.
func (b *Batches) fill(ctx context.Context, id string, u Upload, rows []Row, warnings []Problem, choices []EncodingChoice) (Batch, error) {
	// 1. An upload of its own, so that two at once do not mix.
	batch, err := b.change(ctx, id, func(batch *Batch) error {
		if !slices.Contains([]BatchState{BatchNew, BatchUnread, BatchReady}, batch.State) {
			return ErrBatchState
		}
		batch.Upload++
		return nil
	})
	if err != nil {
		return Batch{}, err
	}
	upload := batch.Upload
	chunks, err := b.putRows(ctx, &batch, rows)
	if err == nil && choices != nil {
		err = b.putFile(ctx, &batch, u.Data)
	}
	if err != nil {
		return Batch{}, err
	}

	// 2. The batch.
	batch, err = b.change(ctx, id, func(batch *Batch) error {
		if batch.Upload != upload || batch.State.Ended() {
			return ErrBatchState
		}
		batch.State, batch.Changed = BatchChecking, b.c.Issuer.clock()
		if choices != nil {
			batch.State = BatchUnread
		}
		batch.Name, batch.Defaults, batch.NameCheck, batch.Choices, batch.Warnings = shorten(u.Name), u.Defaults, u.NameCheck, choices, warnings
		batch.Counts, batch.Chunks, batch.Next, batch.Marks, batch.Digest = Counts{Rows: len(rows)}, chunks, 0, nil, [32]byte{}
		batch.Previews = previewPlaces(rows)
		return nil
	})
	if err != nil {
		return Batch{}, err
	}
	b.rouse()
	// 3. What was uploaded before is nobody's any more.
	if upload > 1 {
		err = b.removeRows(ctx, &batch, func(n int) bool { return n < upload }, kindRows, kindFile, kindResults)
	}
	return batch, err
}

// Start has a batch issued that was checked, or where its course asks for it
// proposes it to another person first. leaveOut says that rows with problems are
// not issued; without it they stand in the way.
//
// Errors: [ErrBatchProblems], [ErrBatchState].
func (b *Batches) Start(ctx context.Context, id string, leaveOut bool) (Batch, error) {
	batch, err := b.Get(ctx, id)
	if err != nil {
		return Batch{}, err
	}
	courses, _, _, err := b.courses(ctx, &batch)
	if err != nil {
		return Batch{}, err
	}
	needed := false
	for _, c := range courses {
		needs, err := b.c.Issuer.NeedsApproval(ctx, c)
		if err != nil {
			return Batch{}, err
		}
		needed = needed || needs
	}
	if needed && batch.Drafts { // an approval is of one course
		return Batch{}, fmt.Errorf("starting batch %s: %w", id, ErrNeedsApproval)
	}
	return b.move(ctx, id, func(now *Batch) error {
		if now.State != BatchReady || now.Digest != batch.Digest {
			return ErrBatchState
		}
		if now.Counts.Bad > 0 && !leaveOut {
			return ErrBatchProblems
		}
		now.State, now.LeaveOut, now.Started, now.Next, now.Marks = BatchQueued, leaveOut, b.c.Issuer.clock(), 0, nil
		if needed {
			a, err := b.c.Issuer.ProposeBatch(ctx, id, courses[0], now.Digest, now.Counts.Sound, store.ActorOf(ctx).Name)
			if err != nil {
				return err
			}
			now.State, now.Approval = BatchApproval, a.ID
		}
		return nil
	})
}

// Pause stops a batch after the rows that are being worked on.
func (b *Batches) Pause(ctx context.Context, id string) (Batch, error) {
	return b.move(ctx, id, func(batch *Batch) error {
		if batch.State != BatchQueued && batch.State != BatchRunning {
			return ErrBatchState
		}
		batch.State, batch.Why = BatchPaused, ""
		return nil
	})
}

// Resume goes on with a batch that was paused. One that paused because its course
// is another now is checked again.
func (b *Batches) Resume(ctx context.Context, id string) (Batch, error) {
	return b.move(ctx, id, func(batch *Batch) error {
		if batch.State != BatchPaused {
			return ErrBatchState
		}
		if batch.Why == WhyCourse { // what was found of its rows is worth nothing
			batch.State, batch.Next, batch.Counts = BatchChecking, 0, Counts{Rows: batch.Counts.Rows}
		} else {
			batch.State = BatchQueued
		}
		batch.Why, batch.Marks = "", nil
		return nil
	})
}

// Cancel ends a batch. What was issued stays issued.
func (b *Batches) Cancel(ctx context.Context, id string) (Batch, error) {
	return b.move(ctx, id, func(batch *Batch) error {
		if batch.State.Ended() {
			return ErrBatchState
		}
		batch.State, batch.Ended = BatchCancelled, b.c.Issuer.clock()
		return nil
	})
}

// Retry tries those rows of a batch once more that failed.
//
// Errors: [ErrBatchState], also where none failed; [ErrBatchGone].
func (b *Batches) Retry(ctx context.Context, id string) (Batch, error) {
	return b.move(ctx, id, func(batch *Batch) error {
		switch {
		case batch.State != BatchDone, batch.Counts.Failed == 0:
			return ErrBatchState
		case !batch.Removed.IsZero():
			return ErrBatchGone
		}
		batch.State, batch.Ended, batch.Next, batch.Marks = BatchQueued, time.Time{}, 0, nil
		batch.Counts.Sound += batch.Counts.Failed
		batch.Counts.Failed = 0
		return nil
	})
}

// move changes the state of a batch by hand.
func (b *Batches) move(ctx context.Context, id string, edit func(*Batch) error) (Batch, error) {
	batch, err := b.change(ctx, id, func(batch *Batch) error {
		if err := edit(batch); err != nil {
			return fmt.Errorf("batch %s is %s: %w", id, batch.State, err)
		}
		batch.Changed = b.c.Issuer.clock()
		return nil
	})
	if err == nil {
		b.rouse()
	}
	return batch, err
}

// rouse tells Run that there may be something to do.
func (b *Batches) rouse() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Waiting counts the batches that have not ended by their state, and those of
// their rows that are still to be worked on.
func (b *Batches) Waiting(ctx context.Context) (byState map[BatchState]int, rows int, err error) {
	byState = map[BatchState]int{}
	for batch, err := range b.opened(ctx) {
		if err != nil {
			return nil, 0, err
		}
		byState[batch.State]++
		rows += batch.Counts.Sound
	}
	return byState, rows, nil
}

// Stuck says why a batch does not go on for now though it is its turn, "" where it does:
// "read-only", "disk", "clock" or "error".
func (b *Batches) Stuck(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stuck[id]
}
