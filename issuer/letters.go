package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/mail"
	"indeks/store"
)

// Errors of letters, besides those of packages store and mail.
var (
	ErrNoPost    = errors.New("not sent: no mail server configured")
	ErrNoAddress = errors.New("not sent: no e-mail address is known")
)

// LetterState is where a letter is on its way.
type LetterState string

const (
	LetterQueued  LetterState = "queued"
	LetterSending LetterState = "sending" // by one node, until its lease ends
	LetterSent    LetterState = "sent"    // the mail server has taken it
	LetterRefused LetterState = "refused" // by the mail server, or by nobody taken in time
	LetterBounced LetterState = "bounced" // taken, and reported as not delivered later
	LetterDropped LetterState = "dropped" // what it says was no longer so, or its code was over
)

// Letter is one letter to a learner. It is delivery data of its record, and goes with
// the address. The JSON names are those of the stored form.
type Letter struct {
	ID      string      `json:"id"` // of its message: day, a dot and what nobody can guess
	Record  string      `json:"record"`
	Kind    mail.Kind   `json:"kind"`
	Lang    string      `json:"lang"`
	State   LetterState `json:"state"`
	Created time.Time   `json:"created"`
	By      string      `json:"by,omitzero"`     // who had it sent, where somebody did
	Note    string      `json:"note,omitzero"`   // and why
	Reason  string      `json:"reason,omitzero"` // code, of what it tells
	At      time.Time   `json:"at"`              // when that happened
	Code    string      `json:"code,omitzero"`   // until it is sent
	Until   time.Time   `json:"until,omitzero"`  // of the code
	Label   string      `json:"label,omitzero"`

	To     string    `json:"to,omitzero"`    // where it was sent to last
	Tries  int       `json:"tries,omitzero"` // at which the server said something of this letter
	Next   time.Time `json:"next,omitzero"`  // when it is due, or the lease ends
	Sent   time.Time `json:"sent,omitzero"`
	Answer *Answer   `json:"answer,omitzero"` // why it is not sent, or came back
	// Trouble is the id of what lists it among those that somebody should look at.
	Trouble string `json:"trouble,omitzero"`
}

// Answer is what a mail system said.
type Answer struct {
	At     time.Time `json:"at"`
	Step   string    `json:"step"`            // what it was told: see mail.Failure; or "report", "none"
	Code   int       `json:"code,omitzero"`   // RFC 5321
	Status string    `json:"status,omitzero"` // RFC 3463
	Text   string    `json:"text,omitzero"`
}

// Documents beside the letters themselves, which are store.LetterKind. All of them
// lead to a letter by its id among the documents, and name nobody.
const (
	kindDue     = "letter-due"     // due/PRIORITY/TIME/LETTER: of those that wait
	kindMessage = "letter-message" // DAY/REST of the id: of those that were sent once, for letterKept
	kindTrouble = "letter-trouble" // TIME/LETTER: of those refused or bounced that nobody has sent again
)

// dueTime is the time in ids of kindDue and kindTrouble, in order.
const dueTime = "20060102T150405.000Z"

// place is the id of the letter among the documents.
func (l *Letter) place(deliveryID string) string { return deliveryID + "/" + l.ID }

// due is the id of what has the letter sent at Next. One-time codes come first:
// somebody waits for them.
func (l *Letter) due() string {
	priority := "1"
	if l.Kind == mail.Code {
		priority = "0"
	}
	return "due/" + priority + "/" + l.Next.UTC().Format(dueTime) + "/" + l.ID
}

// message is the id under which reports of delivery find the letter.
func (l *Letter) message() string { return strings.Replace(l.ID, ".", "/", 1) }

// letterDocuments are a letter that is new, and what has it sent.
func letterDocuments(r *store.Record, l *Letter) []store.Document {
	id := l.place(r.DeliveryID())
	return []store.Document{{Kind: store.LetterKind, ID: id, Body: encode(l)}, {Kind: kindDue, ID: l.due(), Body: []byte(id)}}
}

// newLetter is a letter about a record; ok is false where there is no mail server,
// or nobody to write to.
func (i *Issuer) newLetter(r *store.Record, kind mail.Kind, reason string, at time.Time) (l Letter, ok bool) {
	if i.post == nil || r.Email == "" || r.Course == "" {
		return Letter{}, false
	}
	now := i.now().UTC().Truncate(time.Millisecond)
	return Letter{ID: now.Format("20060102") + "." + NewPublicID(""), Record: r.ID, Kind: kind, Lang: i.letterLanguage(r), State: LetterQueued,
		Created: now, Next: now, Reason: reason, At: at.UTC()}, true
}

// letterLanguage is the language of the learner's document, where letters have it, else the
// institution's.
func (i *Issuer) letterLanguage(r *store.Record) string {
	var d Draft
	if r.Draft != nil {
		json.Unmarshal(r.Draft, &d) // one that cannot be read names no language
	}
	return mail.Language(append([]string{d.Language}, i.inst.Languages...)...)
}

// issuedLetter is what goes on record with a credential that is issued: the letter
// that brings its link.
func (i *Issuer) issuedLetter(r *store.Record) []store.Document {
	kind, reason := mail.Claim, ""
	if r.Supersedes != nil {
		kind, reason = mail.Replaced, r.Supersedes.Change.Code
	}
	l, ok := i.newLetter(r, kind, reason, r.SealingTime)
	if !ok {
		return nil
	}
	return letterDocuments(r, &l)
}

// noticeKinds are the letters that tell of a change, by the state after it.
var noticeKinds = map[store.State]mail.Kind{store.Revoked: mail.Revoked, store.Suspended: mail.Suspended, store.Issued: mail.Reinstated}

// notice is what goes on record with a change of a credential.
func (i *Issuer) notice(r *store.Record, c store.Change) []store.Document {
	l, ok := i.newLetter(r, noticeKinds[c.State], c.Code, c.At)
	if !ok {
		return nil
	}
	return letterDocuments(r, &l)
}

// changeNotice is notice for whoever has only the id of the record. What cannot be
// read is not written to.
func (i *Issuer) changeNotice(ctx context.Context, id string, c store.Change) ([]store.Document, error) {
	if i.post == nil {
		return nil, nil
	}
	r, err := i.store.Get(ctx, id)
	switch {
	case errors.Is(err, store.ErrErased), errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrDataKeys):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return i.notice(&r, c), nil
}

// Mailing reports whether there is a mail server.
func (i *Issuer) Mailing() bool { return i.post != nil }

// LettersOf returns the letters about a record, the oldest first.
func (i *Issuer) LettersOf(ctx context.Context, r store.Record) ([]Letter, error) {
	var list []Letter
	for d, err := range i.store.Documents(ctx, store.LetterKind, r.DeliveryID()+"/", "") {
		if err == nil {
			var l Letter
			l, err = readLetter(d)
			list = append(list, l)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the letters about %s: %w", r.ID, err)
		}
	}
	slices.SortStableFunc(list, func(a, b Letter) int { return a.Created.Compare(b.Created) })
	return list, nil
}

func readLetter(d store.Document) (l Letter, err error) {
	if err = json.Unmarshal(d.Body, &l, json.RejectUnknownMembers(true)); err != nil {
		err = fmt.Errorf("reading letter %s: %w: %w", d.ID, store.ErrDamaged, err)
	}
	return l, err
}

// SendAgain sends what the learner is to know of a record as it is: its link while it
// is issued, else that it is on hold or revoked. Where such a letter waits already,
// that is the one. Those that were refused or came back count as looked at.
// [ErrNoPost], [ErrNoAddress]; store.ErrErased where the address is erased.
func (i *Issuer) SendAgain(ctx context.Context, r store.Record, by, note string) (Letter, error) {
	l, with, err := i.againAsItIs(ctx, &r, by, note)
	if err != nil || with == nil {
		return l, err
	}
	if err := i.store.PutDocuments(ctx, with, l.asked()); err != nil {
		return Letter{}, fmt.Errorf("sending a letter again: %w", err)
	}
	i.rouseLetters()
	return l, nil
}

// asked tells the log that somebody has a letter sent again: who, says its actor.
func (l *Letter) asked() store.Event {
	return store.Event{Kind: store.KindSent, Object: l.Record, Result: string(l.Kind) + " " + string(LetterQueued)}
}

// againAsItIs is again for what the learner is to know of a record as it is, with the
// letter among what is put.
func (i *Issuer) againAsItIs(ctx context.Context, r *store.Record, by, note string) (l Letter, with []store.Document, err error) {
	kind, reason, at := mail.Claim, "", r.SealingTime
	if r.State != store.Issued && len(r.Changes) > 0 {
		last := r.Changes[len(r.Changes)-1]
		kind, reason, at = noticeKinds[r.State], last.Code, last.At
	}
	l, with, err = i.again(ctx, r, kind, reason, at, by, note)
	if err == nil && with != nil {
		with = append(with, letterDocuments(r, &l)...)
	}
	return l, with, err
}

// again draws up a letter that somebody asks for, and what is put with it: that
// earlier ones were looked at. with is nil where such a letter waits already.
func (i *Issuer) again(ctx context.Context, r *store.Record, kind mail.Kind, reason string, at time.Time, by, note string) (l Letter, with []store.Document, err error) {
	if err := CheckReason("note", note); err != nil {
		return Letter{}, nil, err
	}
	switch {
	case i.post == nil:
		return Letter{}, nil, ErrNoPost
	case r.Erased(store.Delivery):
		return Letter{}, nil, fmt.Errorf("sending a letter again: %w", store.ErrErased)
	case r.State == store.Reserved || Replaced(*r):
		return Letter{}, nil, fmt.Errorf("sending a letter again: %w: there is nothing to be told", store.ErrState)
	}
	l, ok := i.newLetter(r, kind, reason, at)
	if !ok {
		return Letter{}, nil, ErrNoAddress
	}
	l.By, l.Note = by, note
	with = []store.Document{}
	for d, err := range i.store.Documents(ctx, store.LetterKind, r.DeliveryID()+"/", "") {
		var known Letter
		if err == nil {
			known, err = readLetter(d)
		}
		switch {
		case err != nil:
			return Letter{}, nil, err
		case known.Kind == kind && (known.State == LetterQueued || known.State == LetterSending):
			return known, nil, nil
		case known.Trouble != "":
			with = append(with, store.Document{Kind: kindTrouble, ID: known.Trouble, Revision: 1})
			known.Trouble = ""
			d.Body = encode(&known)
			with = append(with, d)
		}
	}
	return l, with, nil
}

// Readdress puts another e-mail address in place of that of a record, and, where
// newLink says so, another link: then the old one, which somebody else may have
// read, leads nowhere. The link is sent to the new address, where there is a mail
// server. Whoever asks has made sure that the learner is who asked for it; note says
// how, and is kept with the letter. mail.ErrAddress; store.ErrErased where delivery
// data are erased.
func (i *Issuer) Readdress(ctx context.Context, r store.Record, email string, newLink bool, by, note string) (store.Record, error) {
	if _, err := mail.ParseAddress(email); err != nil {
		return store.Record{}, fmt.Errorf("changing the address: %w", err)
	}
	link := r.Link
	if newLink {
		link = NewPublicID("")
	}
	to := r
	to.Email, to.Link = email, link
	l, with, err := i.again(ctx, &to, mail.Claim, "", r.SealingTime, by, note)
	var beside []store.Document
	switch {
	case errors.Is(err, ErrNoPost), errors.Is(err, store.ErrState), err == nil && r.State != store.Issued:
		with = nil // there is nobody to send it, or nothing to be claimed
	case err != nil:
		return store.Record{}, err
	case with != nil:
		beside = letterDocuments(&to, &l)
	}
	changed, err := i.store.PutDelivery(ctx, r.ID, email, link, beside...)
	if err != nil {
		return store.Record{}, err
	}
	if len(with) > 0 { // what was in the way is settled; should it not be, it is only listed on
		if err := i.store.PutDocuments(ctx, with); err != nil {
			i.warn("letters are still listed that were sent again", "error", err)
		}
	}
	i.rouseLetters()
	return changed, nil
}

// SendCode sends a one-time code to the address of a record, before all other
// letters; it is not sent after until. [ErrNoPost], [ErrNoAddress].
func (i *Issuer) SendCode(ctx context.Context, r store.Record, code string, until time.Time) error {
	return i.sendNow(ctx, r, mail.Code, func(l *Letter) { l.Code, l.Until = code, until.UTC() })
}

// SendOpened tells the learner that a share of a record was opened for the first
// time; label is what the learner calls it, or "". [ErrNoPost], [ErrNoAddress].
func (i *Issuer) SendOpened(ctx context.Context, r store.Record, label string) error {
	return i.sendNow(ctx, r, mail.Opened, func(l *Letter) { l.Label = label })
}

func (i *Issuer) sendNow(ctx context.Context, r store.Record, kind mail.Kind, fill func(*Letter)) error {
	if i.post == nil {
		return ErrNoPost
	}
	l, ok := i.newLetter(&r, kind, "", i.clock())
	if !ok {
		return ErrNoAddress
	}
	fill(&l)
	if err := i.store.PutDocuments(ctx, letterDocuments(&r, &l)); err != nil {
		return fmt.Errorf("queueing a letter of kind %s: %w", kind, err)
	}
	i.rouseLetters()
	return nil
}

// TakeReport reads a report about a message of ours (RFC 3464) and returns the letter
// that it is about. store.ErrNotFound where there is none, or none any more;
// mail.ErrReport.
func (i *Issuer) TakeReport(ctx context.Context, raw []byte) (Letter, error) {
	report, err := mail.ParseReport(raw)
	if err != nil {
		return Letter{}, err
	}
	if !letterID.MatchString(report.ID) {
		return Letter{}, fmt.Errorf("looking for the message of a report: %w", store.ErrNotFound)
	}
	known := Letter{ID: report.ID}
	index, err := i.store.Document(ctx, kindMessage, known.message())
	if err != nil {
		return Letter{}, err
	}
	for {
		d, err := i.store.Document(ctx, store.LetterKind, string(index.Body))
		if err != nil {
			return Letter{}, err
		}
		l, err := readLetter(d)
		if err != nil {
			return Letter{}, err
		}
		said := slices.IndexFunc(report.Recipients, func(r mail.ReportedRecipient) bool { return r.Action == "failed" })
		failed := said >= 0
		if !failed {
			said = slices.IndexFunc(report.Recipients, func(r mail.ReportedRecipient) bool { return r.Action == "delayed" })
		}
		if said < 0 || l.State == LetterBounced || l.State != LetterSent && !failed {
			return l, nil // nothing that anybody should look at
		}
		r := report.Recipients[said]
		l.Answer = &Answer{At: i.clock(), Step: "report", Status: r.Status, Text: r.Text}
		if !failed {
			d.Body = encode(&l)
			err = i.store.PutDocuments(ctx, []store.Document{d})
		} else {
			err = i.settle(ctx, d, &l, LetterBounced)
		}
		if !errors.Is(err, store.ErrRevision) { // else it has moved on meanwhile
			return l, err
		}
	}
}

// LetterQueue is what waits to be sent.
type LetterQueue struct {
	Waiting int
	Oldest  time.Time // since when the first of them is due; zero: none is
	Held    time.Time // since when the mail server takes nothing from this node; zero: it does
	Why     string    // it takes nothing, without a name or an address

	Troubles int // see LetterTroubles; those of erased addresses may be among them
}

// LetterQueue looks at the queue.
func (i *Issuer) LetterQueue(ctx context.Context) (q LetterQueue, err error) {
	now := i.now()
	for d, err := range i.store.Documents(ctx, kindDue, "due/", "") {
		if err != nil {
			return LetterQueue{}, err
		}
		q.Waiting++
		if at, ok := dueAt(d.ID); ok && !at.After(now) && (q.Oldest.IsZero() || at.Before(q.Oldest)) {
			q.Oldest = at
		}
	}
	for _, err := range i.store.Documents(ctx, kindTrouble, "", "") {
		if err != nil {
			return LetterQueue{}, err
		}
		q.Troubles++
	}
	i.holding.mu.Lock()
	defer i.holding.mu.Unlock()
	q.Held, q.Why = i.holding.since, i.holding.why
	return q, nil
}

// LettersHeld is since when the mail server takes nothing from this node; zero: it
// takes letters, as far as is known.
func (i *Issuer) LettersHeld() time.Time {
	i.holding.mu.Lock()
	defer i.holding.mu.Unlock()
	return i.holding.since
}

// dueAt is the time in an id of kindDue.
func dueAt(id string) (time.Time, bool) {
	parts := strings.Split(id, "/")
	if len(parts) != 4 {
		return time.Time{}, false
	}
	at, err := time.Parse(dueTime, parts[2])
	return at, err == nil
}

// holding is that the mail server takes nothing.
type holding struct {
	mu    sync.Mutex
	since time.Time // zero: it takes letters
	until time.Time // when it is asked again
	wait  time.Duration
	why   string
}

// rouseLetters tells RunLetters that there is something to do.
func (i *Issuer) rouseLetters() {
	select {
	case i.letterWake <- struct{}{}:
	default:
	}
}
