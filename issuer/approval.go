package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/store"
)

// Errors of approvals.
var (
	ErrNeedsApproval = errors.New("another person must approve it first")
	ErrSameActor     = errors.New("who asked for it cannot decide on it")
	ErrDecided       = errors.New("it was decided already")
	ErrApprovalEnded = errors.New("nobody decided on it in time")
	ErrOtherDraft    = errors.New("what waits is something else than what was looked at")
)

// ApprovalState is what became of what was asked for.
type ApprovalState string

const (
	Waiting  ApprovalState = "waiting"
	Approved ApprovalState = "approved" // of a batch; of a credential only until it is issued
	Done     ApprovalState = "issued"
	Failed   ApprovalState = "failed" // approved, and could not be issued
	Rejected ApprovalState = "rejected"
	Lapsed   ApprovalState = "expired" // nobody decided in time
)

// Approval is a draft, or a batch of them, that waits for another person than
// the one who asked for it, or did. What was asked for never changes: to change
// it is to ask again.
type Approval struct {
	ID      string        `json:"id"`
	State   ApprovalState `json:"state"`
	Course  string        `json:"course"`
	Version string        `json:"version"`
	Content string        `json:"content"` // SHA-256, in hexadecimal, of the course
	Digest  string        `json:"digest"`  // SHA-256, in hexadecimal, of exactly what would be issued

	AskedBy string    `json:"askedBy"`
	Askers  []string  `json:"askers,omitzero"` // who else could be that, as of then
	AskedAt time.Time `json:"askedAt"`
	Expires time.Time `json:"expires"`

	DecidedBy string    `json:"decidedBy,omitzero"`
	DecidedAt time.Time `json:"decidedAt,omitzero"`
	Reason    string    `json:"reason,omitzero"` // why it was rejected, or failed

	Batch      string `json:"batch,omitzero"`      // id, where it is one
	Rows       int    `json:"rows,omitzero"`       // of the batch
	Supersedes string `json:"supersedes,omitzero"` // id of the credential that it corrects
	Credential string `json:"credential,omitzero"` // id of what was issued

	// Draft is what is to be issued, as long as that is open: afterwards the record
	// has it, or nobody needs it. It lies under a data key of its own, which is destroyed
	// then, so that no backup has it either.
	Draft jsontext.Value `json:"draft,omitzero"`

	under, over string // data keys: that it lies under or is to, and that of the document it was read from
}

// Kinds of documents: what is open is few, what is closed is many.
const (
	kindApproval       = "approval"
	kindApprovalClosed = "approval-closed"
)

// approvalTime is how long an approval waits where the configuration does not say.
const approvalTime = 30 * 24 * time.Hour

// NeedsApproval reports whether awards of a course wait until another person
// than the one who asks has approved them: because its version says so, or the
// newest one in the catalogue does. So nobody gets round it by an older version, or
// by one that they write into the request.
func (i *Issuer) NeedsApproval(ctx context.Context, c *Course) (bool, error) {
	if c.Approval {
		return true, nil
	}
	return i.rules.needs(c.ID, func() (bool, error) {
		newest, err := i.store.Course(ctx, c.ID, "")
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("looking for the course in the catalogue: %w", err)
		}
		var rule struct {
			Approval bool `json:"approval"`
		}
		if err := json.Unmarshal(newest.JSON, &rule); err != nil {
			return false, fmt.Errorf("reading course %s, version %s: %w", newest.ID, newest.Version, err)
		}
		return rule.Approval, nil
	})
}

// approvalRules remembers for a second what the newest version of a course says
// about approval: reading it costs as much as a tenth of issuing. The zero value
// is ready for use.
type approvalRules struct {
	mu    sync.Mutex
	known map[string]approvalRule
}

type approvalRule struct {
	needed bool
	read   time.Time
}

func (r *approvalRules) needs(course string, read func() (bool, error)) (bool, error) {
	r.mu.Lock()
	known, ok := r.known[course]
	r.mu.Unlock()
	at := time.Now()
	if ok && at.Sub(known.read) < time.Second {
		return known.needed, nil
	}
	needed, err := read()
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= 1000 { // begin anew rather than keep count of use
		r.known = map[string]approvalRule{}
	}
	r.known[course] = approvalRule{needed, at}
	return needed, nil
}

// checkApproval returns ErrNeedsApproval unless the draft may be issued: its
// course asks for no approval, or it is exactly what was approved, or a row of
// the batch that was.
func (i *Issuer) checkApproval(ctx context.Context, d *Draft) error {
	needed, err := i.NeedsApproval(ctx, d.Course)
	if err != nil || !needed {
		return err
	}
	if d.Approval == "" {
		return ErrNeedsApproval
	}
	a, err := i.Approval(ctx, d.Approval)
	if err != nil {
		return err
	}
	fits := a.Batch != "" && a.Batch == d.Batch && a.Content == d.Course.digest()
	if a.Batch == "" {
		raw, sum := d.asked()
		fits = a.Digest == sum && (a.Draft == nil || slices.Equal(a.Draft, raw))
	}
	if a.State != Approved && a.State != Done || !fits {
		return fmt.Errorf("approval %s is of something else, or not given: %w", a.ID, ErrNeedsApproval)
	}
	return nil
}

// asked is a draft as it is kept while it waits, with its digest.
func (d *Draft) asked() (raw jsontext.Value, digest string) {
	content := *d
	content.Approval, content.Row = "", 0
	raw, err := json.Marshal(content, json.Deterministic(true))
	if err != nil {
		panic(err) // unreachable: texts that checkDraft has seen
	}
	sum := sha256.Sum256(raw)
	return raw, hex.EncodeToString(sum[:])
}

// digest is that of the course as it is on record with its awards.
func (c *Course) digest() string {
	sum := sha256.Sum256(c.kept())
	return hex.EncodeToString(sum[:])
}

// approvalID is the same for the same request, so that asking twice asks once.
func approvalID(key store.Key) string {
	sum := sha256.Sum256(append([]byte("approval "), key[:]...))
	return base32.NewEncoding(publicAlphabet).WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// Propose has a draft wait for approval. Asking again for the same draft returns
// the approval as it stands. Errors are those of [Issuer.Issue], which could
// otherwise come only after it was approved.
func (i *Issuer) Propose(ctx context.Context, d Draft, by string) (Approval, error) {
	if err := i.checkDraft(&d, nil); err != nil {
		return Approval{}, err
	}
	if _, _, err := i.courseInCatalogue(ctx, &d, sha256.Sum256(d.Course.kept())); err != nil {
		return Approval{}, err
	}
	if err := i.checkReplaces(ctx, &d); err != nil {
		return Approval{}, err
	}
	if err := i.resolveRecognition(ctx, &d); err != nil {
		return Approval{}, err
	}
	for _, f := range forms {
		if _, err := i.Preview(d, string(f.profile)); err != nil {
			return Approval{}, err
		}
	}
	raw, sum := d.asked()
	a := Approval{ID: approvalID(d.Key(i.inst.DID)), Course: d.Course.ID, Version: d.Course.Version, Content: d.Course.digest(), Digest: sum, Draft: raw}
	if d.Replaces != nil {
		a.Supersedes = d.Replaces.ID
	}
	return i.propose(ctx, a, by)
}

// ProposeBatch has a batch wait for approval; digest is of exactly what would be
// issued, course and rows. Once it is Approved, drafts that name the approval and
// the batch are issued.
func (i *Issuer) ProposeBatch(ctx context.Context, batch string, c *Course, digest [sha256.Size]byte, rows int, by string) (Approval, error) {
	return i.propose(ctx, Approval{ID: approvalID(sha256.Sum256([]byte("batch " + batch))), Course: c.ID, Version: c.Version, Content: c.digest(),
		Digest: hex.EncodeToString(digest[:]), Batch: batch, Rows: rows}, by)
}

func (i *Issuer) propose(ctx context.Context, a Approval, by string) (Approval, error) {
	now := i.clock()
	a.State, a.AskedBy, a.AskedAt, a.Expires = Waiting, by, now, now.Add(i.approvalTime)
	askers, err := i.personsOf(ctx, by)
	if err != nil {
		return Approval{}, err
	}
	if len(askers) > 1 {
		a.Askers = askers[1:]
	}
	known, revision, err := i.approval(ctx, a.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && known.State == Lapsed:
		a.over = known.over
		switch err := i.putApproval(ctx, &a, revision); {
		case err == nil:
			return a, nil
		case !errors.Is(err, store.ErrRevision):
			return Approval{}, err
		}
		if known, err = i.Approval(ctx, a.ID); err != nil { // asked for by another at the same time
			return Approval{}, err
		}
	case err != nil:
		return Approval{}, err
	}
	if known.Digest != a.Digest {
		return Approval{}, fmt.Errorf("asking for approval %s again: %w", a.ID, store.ErrConflict)
	}
	return known, nil
}

// Approval returns one, open or closed, or store.ErrNotFound.
func (i *Issuer) Approval(ctx context.Context, id string) (Approval, error) {
	a, _, err := i.approval(ctx, id)
	return a, err
}

// approval also returns the revision of one that is open, 0 of one that is closed.
func (i *Issuer) approval(ctx context.Context, id string) (Approval, uint64, error) {
	if id == "" || len(id) > 2*publicSymbols {
		return Approval{}, 0, fmt.Errorf("looking for approval %.60q: %w", id, store.ErrNotFound)
	}
	for _, kind := range []string{kindApproval, kindApprovalClosed} {
		doc, err := i.store.Document(ctx, kind, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return Approval{}, 0, fmt.Errorf("reading approval %s: %w", id, err)
		}
		a, err := i.readApproval(doc)
		if kind == kindApprovalClosed {
			doc.Revision, a.over = 0, ""
		}
		return a, doc.Revision, err
	}
	return Approval{}, 0, fmt.Errorf("looking for approval %s: %w", id, store.ErrNotFound)
}

func (i *Issuer) readApproval(doc store.Document) (a Approval, err error) {
	if err := json.Unmarshal(doc.Body, &a, json.RejectUnknownMembers(true)); err != nil {
		return Approval{}, fmt.Errorf("reading approval %s: %w", doc.ID, err)
	}
	if a.State == Waiting && i.now().After(a.Expires) {
		a.State, a.Draft = Lapsed, nil
	}
	a.under, a.over = doc.Under, doc.DataKey()
	return a, nil
}

// Approvals yields those that are open, in no order of time, or those that are
// closed, starting after the id after.
func (i *Issuer) Approvals(ctx context.Context, closed bool, after string) iter.Seq2[Approval, error] {
	kind := kindApproval
	if closed {
		kind = kindApprovalClosed
	}
	return func(yield func(Approval, error) bool) {
		for doc, err := range i.store.Documents(ctx, kind, "", after) {
			var a Approval
			if err == nil {
				a, err = i.readApproval(doc)
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// putApproval writes one over a revision of it that is open, 0 for a new one; what
// is closed changes its kind, and the data key of what waited is destroyed.
func (i *Issuer) putApproval(ctx context.Context, asked *Approval, revision uint64) error {
	a := *asked
	open := a.State == Waiting || a.State == Approved && a.Batch == ""
	if !open {
		a.Draft, a.under = nil, ""
	} else if a.under == "" {
		a.under = waitingKey(a.ID, i.clock())
	}
	raw, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("writing approval %s: %w", a.ID, err)
	}
	var docs []store.Document
	if open {
		docs = append(docs, store.Document{Kind: kindApproval, ID: a.ID, Revision: revision, Under: a.under, Body: raw})
	} else {
		docs = append(docs, store.Document{Kind: kindApproval, ID: a.ID, Revision: revision}, store.Document{Kind: kindApprovalClosed, ID: a.ID, Body: raw})
	}
	// What had lapsed and is asked for anew is no longer closed.
	if old, err := i.store.Document(ctx, kindApprovalClosed, a.ID); err == nil {
		if open {
			docs = append(docs, store.Document{Kind: kindApprovalClosed, ID: a.ID, Revision: old.Revision})
		} else {
			docs[1].Revision = old.Revision
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("writing approval %s: %w", a.ID, err)
	}
	over := a.over
	if over == a.under {
		over = ""
	}
	if docs, err = forgotten(docs, over, i.clock()); err == nil {
		err = i.store.PutDocuments(ctx, docs, a.event()...)
	}
	if err != nil {
		return fmt.Errorf("writing approval %s: %w", a.ID, err)
	}
	i.forget(ctx, over)
	asked.under, asked.over = a.under, a.under
	return nil
}

// event is what the log is told when an approval is written. That what was
// approved is issued it is told with the record.
func (a *Approval) event() []store.Event {
	kind, by := store.KindApprovalRefused, a.DecidedBy
	switch {
	case a.State == Waiting:
		kind, by = store.KindApprovalAsked, a.AskedBy
	case a.State == Approved:
		kind = store.KindApprovalGiven
	case a.State == Done:
		return nil
	case a.State != Rejected:
		by = "" // the program itself: it lapsed, or failed
	}
	var digest [sha256.Size]byte
	hex.Decode(digest[:], []byte(a.Digest)) // it was written here
	return []store.Event{{Kind: kind, Actor: by, Object: a.ID, Result: string(a.State), Digest: digest}}
}

// Approve approves what waits, and issues exactly that: digest is of what the
// approver has looked at. A batch goes on by itself. It is durable once it is
// approved: what then is not issued because of a crash is issued by [New].
//
// Errors: store.ErrNotFound; [ErrDecided], [ErrApprovalEnded]; [ErrSameActor] for
// the one who asked, [*OnePersonError] among it; [ErrOtherDraft] where digest is another; those of
// [Issuer.Issue].
func (i *Issuer) Approve(ctx context.Context, id, digest, by string) (Approval, error) {
	a, revision, err := i.decidable(ctx, id, by)
	switch {
	case err != nil:
		return Approval{}, err
	case a.State == Approved && a.Digest == digest: // and not issued yet
		return i.finishApproval(ctx, a, revision)
	}
	// What waits is proven by itself, so that nobody who writes into the store gets
	// something else approved than what was looked at.
	sum := sha256.Sum256(a.Draft)
	if a.Digest != digest || a.Batch == "" && hex.EncodeToString(sum[:]) != digest {
		return Approval{}, fmt.Errorf("approving %s: %w", id, ErrOtherDraft)
	}
	a.State, a.DecidedBy, a.DecidedAt = Approved, by, i.clock()
	if err := i.putApproval(ctx, &a, revision); err != nil {
		return Approval{}, decidedSince(err)
	}
	if a.Batch != "" {
		return a, nil
	}
	return i.finishApproval(ctx, a, revision+1)
}

// Reject closes what waits without issuing it. Errors are those of [Issuer.Approve].
func (i *Issuer) Reject(ctx context.Context, id, reason, by string) (Approval, error) {
	if err := CheckReason("reason", reason); err != nil {
		return Approval{}, err
	}
	a, revision, err := i.decidable(ctx, id, by)
	if err == nil && a.State == Approved {
		err = ErrDecided
	}
	if err != nil {
		return Approval{}, err
	}
	a.State, a.DecidedBy, a.DecidedAt, a.Reason = Rejected, by, i.clock(), reason
	if err := i.putApproval(ctx, &a, revision); err != nil {
		return Approval{}, decidedSince(err)
	}
	a.Draft = nil
	return a, nil
}

// decidable returns what by may decide on.
func (i *Issuer) decidable(ctx context.Context, id, by string) (Approval, uint64, error) {
	a, revision, err := i.approval(ctx, id)
	switch {
	case err != nil:
	case a.State == Lapsed:
		err = fmt.Errorf("deciding on %s: %w: it ended on %s", id, ErrApprovalEnded, a.Expires.Format(time.RFC3339))
	case revision == 0:
		err = fmt.Errorf("deciding on %s: %w: it is %s", id, ErrDecided, a.State)
	default:
		if err = i.MayDecide(ctx, a, by); err != nil {
			err = fmt.Errorf("deciding on %s: %w", id, i.logRefused(ctx, id, by, err))
		}
	}
	return a, revision, err
}

// decidedSince says what it means that the document was changed since it was read.
func decidedSince(err error) error {
	if errors.Is(err, store.ErrRevision) {
		return fmt.Errorf("%w: %w", ErrDecided, err)
	}
	return err
}

// finishApproval issues what was approved and closes it.
func (i *Issuer) finishApproval(ctx context.Context, a Approval, revision uint64) (Approval, error) {
	var d Draft
	if err := json.Unmarshal(a.Draft, &d, json.RejectUnknownMembers(true)); err != nil {
		return Approval{}, fmt.Errorf("reading what was approved as %s: %w", a.ID, err)
	}
	d.Approval = a.ID
	r, err := i.Issue(ctx, d)
	switch {
	case err == nil:
		a.State, a.Credential = Done, r.ID
	case errors.Is(err, ErrDraft), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrState):
		// It will not be otherwise the next time: what was approved is no longer possible.
		a.State, a.Reason = Failed, lastingReason(err)
		if put := i.putApproval(ctx, &a, revision); put != nil && !errors.Is(put, store.ErrRevision) {
			return Approval{}, errors.Join(err, put)
		}
		return Approval{}, err
	default:
		return Approval{}, err
	}
	// Another may have finished it meanwhile: then it is closed with the same record.
	if err := i.putApproval(ctx, &a, revision); err != nil && !errors.Is(err, store.ErrRevision) {
		return Approval{}, err
	}
	a.Draft = nil
	return a, nil
}

// lastingReason is why a draft could not be issued, without what stands in it: the draft
// is forgotten, and the reason is kept for good.
func lastingReason(err error) string {
	var list *Problems
	if !errors.As(err, &list) {
		return err.Error()
	}
	without := Problems{In: list.In, List: slices.Clone(list.List)}
	for n := range without.List {
		without.List[n].Value = ""
	}
	return without.Error()
}

// finishApprovals issues what was approved and not issued because of a crash, and
// closes what nobody decided on in time.
func (i *Issuer) finishApprovals(ctx context.Context) error {
	var failed []error
	for doc, err := range i.store.Documents(ctx, kindApproval, "", "") {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		a, err := i.readApproval(doc)
		switch {
		case err != nil:
		case a.State == Lapsed:
			err = i.putApproval(ctx, &a, doc.Revision)
		case a.State == Approved:
			_, err = i.finishApproval(ctx, a, doc.Revision)
		case a.under == "": // an earlier version has put it, under a key that stays
			err = i.putWaiting(ctx, doc)
		}
		if err != nil && !errors.Is(err, store.ErrRevision) {
			failed = append(failed, fmt.Errorf("approval %s: %w", doc.ID, err))
		}
	}
	return errors.Join(failed...)
}

// RunApprovals closes what nobody decided on or answered in time, until ctx ends, and returns
// nil then.
func (i *Issuer) RunApprovals(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Hour):
		}
		if err := i.finishApprovals(ctx); err != nil && ctx.Err() == nil {
			i.warn("approvals are not finished", "error", err)
		}
		if err := i.finishNameChecks(ctx); err != nil && ctx.Err() == nil {
			i.warn("checks of names are not finished", "error", err)
		}
		if err := i.forgetMonthsOfWaiting(ctx); err != nil && ctx.Err() == nil {
			i.warn("the data keys of a month are not given up as one", "error", err)
		}
	}
}

// Learner is what waits as the columns of a class list, with the course; nil
// where nothing waits, or a batch does.
func (a *Approval) Learner() (*Course, map[string]string, error) {
	if a.Draft == nil {
		return nil, nil, nil
	}
	var d Draft
	if err := json.Unmarshal(a.Draft, &d, json.RejectUnknownMembers(true)); err != nil {
		return nil, nil, fmt.Errorf("reading what waits as %s: %w", a.ID, err)
	}
	cells := d.cells()
	for name, text := range cells {
		if text == "" {
			delete(cells, name)
		}
	}
	return d.Course, cells, nil
}

// PreviewApproval is what a credential would say that waits, in a language; nil
// where nothing waits, or a batch does.
func (i *Issuer) PreviewApproval(a Approval, lang string) ([]elm.Section, error) {
	if a.Draft == nil {
		return nil, nil
	}
	var d Draft
	if err := json.Unmarshal(a.Draft, &d, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("reading what waits as %s: %w", a.ID, err)
	}
	raw, err := i.Preview(d, string(elm.EDC))
	if err != nil {
		return nil, err
	}
	cred, err := elm.Parse(raw)
	if err != nil {
		return nil, err
	}
	return elm.Supplement(cred, lang), nil
}
