package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/mail"
	"indeks/store"
)

// Where a course or a batch asks for it, the learner looks at the spelling of the name before the
// award is sealed: the draft waits, a letter brings the link of a page that shows it,
// and it is issued once the learner, or the registrar in the learner's place, has said
// that it is right. As with an approval, what is issued is exactly what was looked at.

// ErrNeedsNameCheck is a draft whose learner has not seen the name yet.
var ErrNeedsNameCheck = errors.New("the learner is to look at the name first")

// NameCheckState is where the check of a name stands.
type NameCheckState string

const (
	NameWaiting   NameCheckState = "waiting"
	NameReported  NameCheckState = "reported"  // it is wrong, says the learner; the registrar's turn
	NameConfirmed NameCheckState = "confirmed" // by the learner, and not issued yet
	NameReleased  NameCheckState = "released"  // by the registrar, and not issued yet
	NameIssued    NameCheckState = "issued"
	NameApproval  NameCheckState = "approval" // right, and proposed to another person
	NameFailed    NameCheckState = "failed"   // right, and could not be issued
	NameDropped   NameCheckState = "dropped"
	NameLapsed    NameCheckState = "expired" // nobody said anything in time
)

// open reports whether something is still to happen.
func (s NameCheckState) open() bool {
	return s == NameWaiting || s == NameReported || s == NameConfirmed || s == NameReleased
}

// NameCheck is a draft that waits until its learner has looked at the name, or did.
// The JSON names are those of the stored form.
type NameCheck struct {
	ID      string         `json:"id"`
	State   NameCheckState `json:"state"`
	Course  string         `json:"course"`
	Version string         `json:"version"`
	Title   Words          `json:"title"`
	Digest  string         `json:"digest"` // SHA-256, in hexadecimal, of exactly what would be issued

	AskedBy string    `json:"askedBy"`
	AskedAt time.Time `json:"askedAt"`
	Expires time.Time `json:"expires"`

	AnsweredAt time.Time `json:"answeredAt,omitzero"` // by the learner
	DecidedBy  string    `json:"decidedBy,omitzero"`  // the registrar
	DecidedAt  time.Time `json:"decidedAt,omitzero"`
	Reason     string    `json:"reason,omitzero"`     // why it was dropped, or failed
	Credential string    `json:"credential,omitzero"` // id of what was issued
	Approval   string    `json:"approval,omitzero"`   // id of the approval that it waits for then
	Batch      string    `json:"batch,omitzero"`

	// What is personal is kept while it is open; afterwards the record has it, or
	// nobody needs it.
	Said  string         `json:"said,omitzero"` // by the learner, of what is wrong
	Link  string         `json:"link,omitzero"` // 26 symbols, of the page
	Draft jsontext.Value `json:"draft,omitzero"`

	under string // data key that it lies under, or is to: see waiting.go
}

// Kinds of documents: what is open is few, what is closed is many. The third leads from
// SHA-256 of a link to what it is of.
const (
	kindNameCheck       = "name-check"
	kindNameCheckClosed = "name-check-closed"
	kindNameCheckLink   = "name-check-link"
)

const maxNameReport = 500 // characters

// nameCheckRecord is what the ids of records begin with that stand for a check: letters
// are about a record, and there is none yet.
const nameCheckRecord = "urn:name-check:"

// record stands for the check where its letter is drawn up and sent.
func (n *NameCheck) record() store.Record {
	r := store.Record{ID: nameCheckRecord + n.ID, SealingTime: n.AskedAt, State: store.Issued, Course: n.Course, CourseVersion: n.Version, Title: n.Title["en"], Link: n.Link, Draft: n.Draft}
	if d, err := n.draft(); err == nil {
		r.Email, r.GivenName, r.FamilyName = d.Email, d.GivenName, d.FamilyName
	}
	if n.State != NameWaiting {
		r.State = store.Revoked // nobody is to be asked any more
	}
	return r
}

func (n *NameCheck) draft() (d Draft, err error) {
	if err := json.Unmarshal(n.Draft, &d, json.RejectUnknownMembers(true)); err != nil {
		return Draft{}, fmt.Errorf("reading the draft of name check %s: %w", n.ID, store.ErrDamaged) // err could quote it
	}
	return d, nil
}

// Name is the name that is looked at, "" once it is closed.
func (n *NameCheck) Name() (given, family string) {
	d, err := n.draft()
	if err != nil {
		return "", ""
	}
	return d.GivenName, d.FamilyName
}

// NameCheckURL is the page of a check.
func (i *Issuer) NameCheckURL(link string) string { return i.inst.PublicBase + "/n/" + link }

// nameCheckID is the same for the same request, so that asking twice asks once.
func nameCheckID(key store.Key) string {
	sum := sha256.Sum256(append([]byte("name check "), key[:]...))
	return base32.NewEncoding(publicAlphabet).WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// asksForName reports whether the learner of a draft is to look at the name: the course
// asks for it, and a letter can be sent. A correction is what somebody has looked at.
func (i *Issuer) asksForName(d *Draft) bool {
	return d.nameCheckDays() > 0 && d.Replaces == nil && i.post != nil && d.Email != ""
}

// nameCheckDays is how long the draft waits for its learner, 0: not at all.
func (d *Draft) nameCheckDays() int {
	if d.NameCheck != nil {
		return *d.NameCheck
	}
	return d.Course.NameCheckDays
}

// checkName returns ErrNeedsNameCheck unless the draft may be issued: nobody is to look
// at the name, or it is exactly what was said to be right.
func (i *Issuer) checkName(ctx context.Context, d *Draft) error {
	if !i.asksForName(d) {
		return nil
	}
	n, _, err := i.nameCheck(ctx, nameCheckID(d.Key(i.inst.DID)))
	if errors.Is(err, store.ErrNotFound) {
		return ErrNeedsNameCheck
	}
	if err != nil {
		return err
	}
	if n.Digest != d.nameDigest() {
		return ErrNeedsNameCheck
	}
	switch n.State {
	case NameConfirmed, NameReleased, NameApproval, NameIssued:
		return nil
	}
	return ErrNeedsNameCheck
}

// nameDigest is that of what a learner is asked about, which is the same in whatever
// batch it stands.
func (d *Draft) nameDigest() string {
	content := *d
	content.Batch, content.NameCheck = "", nil
	_, digest := content.asked()
	return digest
}

// AskName has a draft wait until its learner has looked at the name, and queues the
// letter. Asking again for the same draft returns the check as it stands; one that
// lapsed, was dropped or reported begins anew. Errors are those of [Issuer.Issue],
// which could otherwise come only after it was looked at.
func (i *Issuer) AskName(ctx context.Context, d Draft, by string) (NameCheck, error) {
	doing := func(err error) error { return fmt.Errorf("asking a learner about the name: %w", err) }
	if err := i.checkDraft(&d, nil); err != nil {
		return NameCheck{}, err
	}
	if !i.asksForName(&d) {
		return NameCheck{}, doing(store.ErrState)
	}
	if _, _, err := i.courseInCatalogue(ctx, &d, sha256.Sum256(d.Course.kept())); err != nil {
		return NameCheck{}, err
	}
	if err := i.resolveRecognition(ctx, &d); err != nil {
		return NameCheck{}, err
	}
	for _, f := range forms {
		if _, err := i.Preview(d, string(f.profile)); err != nil {
			return NameCheck{}, err
		}
	}
	d.Row = 0
	raw, err := json.Marshal(d, json.Deterministic(true)) // with the approval of its batch
	if err != nil {
		return NameCheck{}, doing(err)
	}
	now := i.clock()
	n := NameCheck{ID: nameCheckID(d.Key(i.inst.DID)), State: NameWaiting, Course: d.Course.ID, Version: d.Course.Version, Title: d.Course.Title, Digest: d.nameDigest(), AskedBy: by, AskedAt: now,
		Expires: now.AddDate(0, 0, d.nameCheckDays()), Batch: d.Batch, Link: NewPublicID(""), Draft: raw}
	n.under = waitingKey(n.ID, now)
	known, docs, err := i.nameCheck(ctx, n.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return NameCheck{}, doing(err)
	case known.State == NameLapsed, known.State == NameDropped, known.State == NameReported && known.Digest != n.Digest:
	case known.Digest != n.Digest:
		return NameCheck{}, doing(store.ErrConflict)
	default:
		return known, nil
	}
	r := n.record()
	letter, ok := i.newLetter(&r, mail.NameCheck, "", now)
	if !ok {
		return NameCheck{}, doing(ErrNoAddress) // unreachable: asksForName has looked
	}
	letter.Until = n.Expires
	if old, err := i.store.Document(ctx, kindNameCheckLink, nameCheckLink(known.Link)); err == nil { // of what it takes the place of
		docs = append(docs, old)
	} else if !errors.Is(err, store.ErrNotFound) {
		return NameCheck{}, doing(err)
	}
	err = i.putNameCheck(ctx, n, docs, store.Event{Kind: store.KindApprovalAsked, Actor: by, Object: n.ID, Result: "name check"}, letterDocuments(&r, &letter)...)
	if errors.Is(err, store.ErrRevision) { // asked for by another at the same time
		n, _, err = i.nameCheck(ctx, n.ID)
	}
	if err != nil {
		return NameCheck{}, doing(err)
	}
	i.rouseLetters()
	return n, nil
}

// NameLetter is the letter that asks, as far as it is on its way; ok is false where it is
// kept no more.
func (i *Issuer) NameLetter(ctx context.Context, n NameCheck) (l Letter, ok bool, err error) {
	list, err := i.LettersOf(ctx, n.record())
	if err != nil || len(list) == 0 {
		return Letter{}, false, err
	}
	return list[len(list)-1], true, nil
}

// ConfirmName is the learner's word that the name is right: from then on it is durable
// that the draft may be issued, and it is issued, or waits for an approval. Where that
// cannot be now, it is tried again. store.ErrState for a check that is over.
func (i *Issuer) ConfirmName(ctx context.Context, link string) (NameCheck, error) {
	n, err := i.NameCheckByLink(ctx, link)
	if err != nil {
		return NameCheck{}, err
	}
	return i.passName(ctx, n.ID, func(n *NameCheck) (store.Event, error) {
		if n.State == NameConfirmed || n.State == NameReleased {
			return store.Event{}, nil
		}
		if n.State != NameWaiting && n.State != NameReported {
			return store.Event{}, store.ErrState
		}
		n.State, n.AnsweredAt = NameConfirmed, i.clock()
		return store.Event{Kind: store.KindApprovalGiven, Actor: "learner", Object: n.ID, Result: "name check"}, nil
	})
}

// ReleaseName has a draft issued without the learner's word, or despite it.
func (i *Issuer) ReleaseName(ctx context.Context, id, by string) (NameCheck, error) {
	return i.passName(ctx, id, func(n *NameCheck) (store.Event, error) {
		if n.State != NameWaiting && n.State != NameReported {
			return store.Event{}, store.ErrState
		}
		n.State, n.DecidedBy, n.DecidedAt = NameReleased, by, i.clock()
		return store.Event{Kind: store.KindApprovalGiven, Actor: by, Object: n.ID, Result: "name check released"}, nil
	})
}

// passName changes a check so that its draft may be issued, and issues it.
func (i *Issuer) passName(ctx context.Context, id string, change func(*NameCheck) (store.Event, error)) (NameCheck, error) {
	n, err := i.changeName(ctx, id, change)
	if err != nil {
		return NameCheck{}, err
	}
	done, err := i.finishNameCheck(store.Acting(ctx, store.Actor{Name: n.AskedBy, Request: store.ActorOf(ctx).Request}), n)
	if err != nil { // the word is given all the same
		i.warn("a draft is not issued whose name was looked at", "check", n.ID, "error", err)
		return n, nil
	}
	return done, nil
}

// changeName changes a check by a function, which may run several times.
func (i *Issuer) changeName(ctx context.Context, id string, change func(*NameCheck) (store.Event, error)) (NameCheck, error) {
	for {
		n, was, err := i.nameCheck(ctx, id)
		if err != nil {
			return NameCheck{}, err
		}
		event, err := change(&n)
		if err == nil && event.Kind != "" {
			if err = i.putNameCheck(ctx, n, was, event); !n.State.open() {
				n.Draft, n.Said, n.Link = nil, "", ""
			}
		}
		if errors.Is(err, store.ErrRevision) {
			continue
		}
		if err != nil {
			return NameCheck{}, fmt.Errorf("changing name check %s: %w", id, err)
		}
		return n, nil
	}
}

// ReportName is the learner's word that the name is wrong, and how. The draft waits for
// the registrar. [*Problems] for what is no text; store.ErrState for a check that is over;
// a [*WaitError] for too many, since each goes on record.
func (i *Issuer) ReportName(ctx context.Context, link, text string) (NameCheck, error) {
	text = strings.TrimSpace(text)
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxNameReport || strings.ContainsRune(text, 0) {
		return NameCheck{}, &Problems{List: []Problem{{Field: "/text", Rule: "report-text", Want: fmt.Sprintf("expected 1 to %d characters", maxNameReport)}}}
	}
	n, err := i.NameCheckByLink(ctx, link)
	if err != nil {
		return NameCheck{}, err
	}
	if err := i.take(ctx, "name report/"+n.ID, reportsDaily, 24*time.Hour); err != nil {
		return NameCheck{}, fmt.Errorf("keeping what is said of a name: %w", err)
	}
	return i.changeName(ctx, n.ID, func(n *NameCheck) (store.Event, error) {
		if n.State != NameWaiting && n.State != NameReported {
			return store.Event{}, store.ErrState
		}
		n.State, n.AnsweredAt, n.Said = NameReported, i.clock(), text
		return store.Event{Kind: store.KindApprovalRefused, Actor: "learner", Object: n.ID, Result: "name check reported"}, nil
	})
}

// DropName closes a check without issuing its draft. store.ErrState for one that is over.
func (i *Issuer) DropName(ctx context.Context, id, reason, by string) (NameCheck, error) {
	if err := CheckReason("reason", reason); err != nil {
		return NameCheck{}, err
	}
	return i.changeName(ctx, id, func(n *NameCheck) (store.Event, error) {
		if n.State != NameWaiting && n.State != NameReported {
			return store.Event{}, store.ErrState
		}
		n.State, n.DecidedBy, n.DecidedAt, n.Reason = NameDropped, by, i.clock(), reason
		return store.Event{Kind: store.KindApprovalRefused, Actor: by, Object: n.ID, Result: "name check dropped"}, nil
	})
}

// finishNameCheck issues a draft whose name was said to be right, or has it wait for
// the approval that its course asks for, too.
func (i *Issuer) finishNameCheck(ctx context.Context, n NameCheck) (NameCheck, error) {
	if n.State != NameConfirmed && n.State != NameReleased {
		return n, nil
	}
	d, err := n.draft()
	if err != nil {
		return NameCheck{}, err
	}
	r, err := i.Issue(ctx, d)
	var a Approval
	if errors.Is(err, ErrNeedsApproval) {
		a, err = i.Propose(ctx, d, n.AskedBy)
	}
	if err != nil && !errors.Is(err, ErrDraft) && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrState) {
		return NameCheck{}, err
	}
	failed := err
	return i.changeName(ctx, n.ID, func(n *NameCheck) (store.Event, error) {
		switch {
		case n.State != NameConfirmed && n.State != NameReleased: // another has finished it meanwhile
			return store.Event{}, nil
		case failed != nil:
			n.State, n.Reason = NameFailed, lastingReason(failed)
			return store.Event{Kind: store.KindApprovalRefused, Object: n.ID, Result: "name check failed"}, nil
		}
		// What waits for an approval is issued from there, and asks here whether the name
		// was looked at.
		n.State, n.Credential, n.Approval = NameIssued, r.ID, a.ID
		if a.ID != "" {
			n.State = NameApproval
		}
		return store.Event{Kind: store.KindApprovalGiven, Object: n.ID, Result: "name check " + string(n.State)}, nil
	})
}

// finishNameChecks issues what a crash left, and closes what nobody answered in time.
func (i *Issuer) finishNameChecks(ctx context.Context) error {
	var failed []error
	for n, err := range i.NameChecks(ctx, false, "") {
		if err == nil && n.under == "" { // an earlier version has put it, under a key that stays
			var doc store.Document
			if doc, err = i.store.Document(ctx, kindNameCheck, n.ID); err == nil {
				err = i.putWaiting(ctx, doc)
			}
		}
		switch {
		case err != nil:
		case n.State == NameLapsed:
			_, err = i.changeName(ctx, n.ID, func(n *NameCheck) (store.Event, error) {
				if n.State != NameLapsed {
					return store.Event{}, nil
				}
				return store.Event{Kind: store.KindApprovalRefused, Object: n.ID, Result: "name check lapsed"}, nil
			})
		default:
			_, err = i.finishNameCheck(store.Acting(ctx, store.Actor{Name: n.AskedBy}), n)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("name check %s: %w", n.ID, err))
		}
	}
	return errors.Join(failed...)
}
