package issuer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"indeks/mail"
	"indeks/store"
)

const (
	letterLook  = 2 * time.Second     // for letters that others have queued
	letterLease = 15 * time.Minute    // longer than any try takes, and clocks of nodes are apart
	letterDrain = 8 * time.Second     // that a try under way has when the server ends
	letterKept  = 30 * 24 * time.Hour // for so long reports find their letter
	letterSweep = time.Hour

	firstHold, lastHold   = 15 * time.Second, 10 * time.Minute // between tries to reach the server
	firstRetry, lastRetry = 5 * time.Minute, 4 * time.Hour     // between tries of one letter
	firstCode             = 15 * time.Second                   // of a one-time code
)

// letterID is that of a letter of ours.
var letterID = regexp.MustCompile(`^[0-9]{8}\.[0-9A-Z]{26}$`)

// RunLetters sends letters until ctx ends, and returns nil then, after the one that
// is under way. Without a mail server it returns at once.
//
// Of the nodes that share a store one at a time has a letter: who takes it says so on
// record, until a lease ends, before the mail server is told of it, and says on
// record what came of it. So none is lost; one is sent twice only where the server's
// answer, or the record of it, was lost, or a node stood still in the middle for longer
// than its lease, and then with the same Message-ID.
func (i *Issuer) RunLetters(ctx context.Context) error {
	if i.post == nil {
		return nil
	}
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(letterDrain, stop) })()
	carrier := &mail.Carrier{Server: i.post.Server}
	defer carrier.Rest()
	var swept time.Time
	for ctx.Err() == nil {
		wait := letterLook
		if i.store.Writable() == nil {
			if time.Since(swept) > letterSweep {
				swept = time.Now()
				if err := i.sweepLetters(ctx); err != nil && ctx.Err() == nil {
					i.warn("what reports of delivery are told by is kept for too long", "error", err)
				}
			}
			var err error
			if wait, err = i.sendNext(ctx, sending, carrier); err != nil && ctx.Err() == nil {
				i.warn("letters are not sent for now", "error", err)
				wait = letterLook
			}
		}
		if wait <= 0 {
			continue
		}
		carrier.Rest()
		select {
		case <-ctx.Done():
		case <-i.letterWake:
		case <-time.After(wait):
		}
	}
	return nil
}

// sendNext sends the next letter that is due, and says how long to wait then.
func (i *Issuer) sendNext(ctx, sending context.Context, carrier *mail.Carrier) (wait time.Duration, err error) {
	// 1. Does the server take anything?
	i.holding.mu.Lock()
	held, until := !i.holding.since.IsZero(), i.holding.until
	i.holding.mu.Unlock()
	if now := i.now(); held && now.Before(until) {
		return min(letterLook, until.Sub(now)), i.giveUpLetters(ctx)
	}

	// 2. Take one: from here on it is ours, until the lease ends.
	d, l, m, err := i.takeLetter(ctx)
	if err != nil || m == nil {
		return letterLook, err
	}

	// 3. Not more than is allowed.
	for {
		wait, err := i.store.Take(ctx, "letters", 1, time.Minute/time.Duration(i.post.perMinute()))
		if err == nil && wait > 0 {
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-time.After(wait):
				continue
			}
		}
		if err != nil {
			l.Tries--
			return 0, errors.Join(err, i.putOff(context.WithoutCancel(ctx), d, l, l.Created))
		}
		break
	}

	// 4. Send it, and say what came of it. That goes on record also when the server ends.
	sent := carrier.Carry(sending, m)
	ctx = context.WithoutCancel(ctx)
	f, failed := errors.AsType[*mail.Failure](sent)
	if failed {
		l.Answer = &Answer{At: i.clock(), Step: f.Step, Code: f.Code, Status: f.Status, Text: f.Text}
		if f.Err != nil {
			l.Answer.Text = f.Err.Error()
		}
	}
	ended := failed && sending.Err() != nil && f.Outcome != mail.Unanswered // it is we who broke it off
	if !ended {
		i.hold(sent, failed && f.Outcome == mail.Held)
	}
	switch {
	case ended:
		l.Tries--
		return 0, i.putOff(ctx, d, l, l.Created)
	case sent == nil:
		l.Sent, l.Answer = i.clock(), nil
		return 0, i.settle(ctx, d, &l, LetterSent)
	case !failed: // it cannot be put into words
		l.Answer = &Answer{At: i.clock(), Step: "none", Text: sent.Error()}
		return 0, i.settle(ctx, d, &l, LetterRefused)
	case f.Outcome == mail.Refused:
		return 0, i.settle(ctx, d, &l, LetterRefused)
	case f.Outcome == mail.Held: // it is not about this letter, which stays where it was in the queue
		l.Tries--
		return 0, i.putOff(ctx, d, l, l.Created)
	}
	i.post.count("later")
	next := i.now().Add(l.retry())
	if end := l.end(i.post.giveUp()); next.After(end) {
		return 0, i.settle(ctx, d, &l, LetterRefused)
	}
	return 0, i.putOff(ctx, d, l, next)
}

// retry is how long to wait before the next try: longer each time, and not the same
// for all that were refused together.
func (l *Letter) retry() time.Duration {
	wait, last := firstRetry, lastRetry
	if l.Kind == mail.Code {
		wait, last = firstCode, firstRetry
	}
	for range l.Tries - 1 {
		if wait *= 3; wait >= last {
			wait = last
			break
		}
	}
	return wait + time.Duration(rand.Int64N(int64(wait/10)))
}

// end is when no more is tried.
func (l *Letter) end(giveUp time.Duration) time.Time {
	if l.Kind == mail.Code {
		return l.Until
	}
	return l.Created.Add(giveUp)
}

// takeLetter takes the first letter that is due, and puts it into words; m is nil
// where there is none.
func (i *Issuer) takeLetter(ctx context.Context) (d store.Document, l Letter, m *mail.Message, err error) {
	now := i.now()
	for _, priority := range []string{"due/0/", "due/1/"} {
		for mark, err := range i.store.Documents(ctx, kindDue, priority, "") {
			if err != nil {
				return store.Document{}, Letter{}, nil, err
			}
			if at, ok := dueAt(mark.ID); ok && at.After(now) {
				break
			}
			d, l, m, err := i.takeMarked(ctx, mark)
			if m != nil || err != nil && !errors.Is(err, store.ErrRevision) { // else another node was there first
				return d, l, m, err
			}
		}
	}
	return store.Document{}, Letter{}, nil, nil
}

// takeMarked takes the letter that a mark leads to. m is nil where it is not to be
// sent, which then is on record; store.ErrRevision where another node took it.
func (i *Issuer) takeMarked(ctx context.Context, mark store.Document) (d store.Document, l Letter, m *mail.Message, err error) {
	none := func(err error) (store.Document, Letter, *mail.Message, error) {
		return store.Document{}, Letter{}, nil, err
	}
	d, err = i.store.Document(ctx, store.LetterKind, string(mark.Body))
	if err == nil {
		l, err = readLetter(d)
	}
	switch {
	case errors.Is(err, store.ErrDamaged):
		i.warn("ALARM: a letter cannot be read, and is not sent", "letter", string(mark.Body), "error", err)
		fallthrough
	case errors.Is(err, store.ErrNotFound), // erased with the address
		err == nil && (l.due() != mark.ID || l.State != LetterQueued && l.State != LetterSending):
		mark.Body = nil
		return none(i.store.PutDocuments(ctx, []store.Document{mark}))
	case err != nil:
		return none(err)
	}
	r, err := i.letterRecord(ctx, &l)
	switch {
	case errors.Is(err, store.ErrDamaged) && i.now().Before(l.end(i.post.giveUp())):
		i.warn("a letter waits, because its record is damaged", "id", l.Record, "error", err)
		return none(i.putOff(ctx, d, l, i.now().Add(lastRetry)))
	case errors.Is(err, store.ErrDamaged): // and nobody has mended it
		return none(i.settle(ctx, d, &l, LetterRefused))
	case err != nil:
		return none(err) // erased, it would have taken the letter with it
	}

	// 1. Is it to be sent at all?
	now := i.now()
	to, err := mail.ParseAddress(r.Email)
	switch {
	case l.overtaken(&r, now):
		return none(i.settle(ctx, d, &l, LetterDropped))
	case err != nil:
		l.Answer = &Answer{At: i.clock(), Step: "none", Text: err.Error()}
		return none(i.settle(ctx, d, &l, LetterRefused))
	case now.After(l.end(i.post.giveUp())):
		return none(i.settle(ctx, d, &l, LetterRefused))
	}

	// 2. It is ours.
	first := l.To == ""
	old := store.Document{Kind: kindDue, ID: l.due(), Revision: 1}
	l.State, l.To, l.Next = LetterSending, to.String(), now.UTC().Add(letterLease).Truncate(time.Millisecond)
	l.Tries++
	d.Body = encode(&l)
	docs := []store.Document{d, old, {Kind: kindDue, ID: l.due(), Body: []byte(d.ID)}}
	if first {
		docs = append(docs, store.Document{Kind: kindMessage, ID: l.message(), Body: []byte(d.ID)})
	}
	if err := i.store.PutDocuments(ctx, docs); err != nil {
		return none(err)
	}
	d.Revision++
	return d, l, &mail.Message{ID: l.ID, From: i.post.From, To: to, Sender: named(i.inst.LegalName, l.Lang), ReplyTo: i.post.contact(), Date: l.Created, Letter: i.write(ctx, &l, &r)}, nil
}

// letterRecord is the record that a letter is about, or what stands for one before
// there is one.
func (i *Issuer) letterRecord(ctx context.Context, l *Letter) (store.Record, error) {
	id, check := strings.CutPrefix(l.Record, nameCheckRecord)
	if !check {
		return i.store.Get(ctx, l.Record)
	}
	n, err := i.NameCheck(ctx, id)
	return n.record(), err
}

// overtaken reports whether what a letter says is no longer so.
func (l *Letter) overtaken(r *store.Record, now time.Time) bool {
	switch l.Kind {
	case mail.Claim, mail.Replaced, mail.NameCheck:
		return r.State == store.Revoked
	case mail.Code:
		return now.After(l.Until)
	case mail.Revoked, mail.Suspended, mail.Reinstated:
		return noticeKinds[r.State] != l.Kind
	}
	return false
}

// write is what a letter is to say.
func (i *Issuer) write(ctx context.Context, l *Letter, r *store.Record) *mail.Letter {
	title := r.Title
	if c, err := i.courseOf(ctx, *r); err == nil {
		title = c.Title.In(l.Lang).Text
	}
	link := i.LearnerURL(*r)
	if l.Kind == mail.NameCheck {
		link = i.NameCheckURL(r.Link)
	}
	return &mail.Letter{Kind: l.Kind, Lang: l.Lang, Institution: named(i.inst.LegalName, l.Lang), Contact: i.post.contact().String(), Title: title,
		Link: link, At: l.At, Reason: l.Reason, Objection: i.post.Objection[l.Lang], Code: l.Code, Until: l.Until, Label: l.Label}
}

// named is a name in a language, else in English.
func named(names map[string]string, lang string) string {
	if name := names[lang]; name != "" {
		return name
	}
	return names["en"]
}

// putOff puts a letter of ours back into the queue.
func (i *Issuer) putOff(ctx context.Context, d store.Document, l Letter, next time.Time) error {
	old := store.Document{Kind: kindDue, ID: l.due(), Revision: 1}
	l.State, l.Next = LetterQueued, next.UTC().Truncate(time.Millisecond)
	d.Body = encode(&l)
	if err := i.store.PutDocuments(ctx, []store.Document{d, old, {Kind: kindDue, ID: l.due(), Body: []byte(d.ID)}}); err != nil {
		return fmt.Errorf("putting a letter back: %w", err)
	}
	return nil
}

// settle puts on record how a letter ended, in l too, and tells the log, by the id of
// its record.
func (i *Issuer) settle(ctx context.Context, d store.Document, l *Letter, end LetterState) error {
	var docs []store.Document
	if l.State == LetterQueued || l.State == LetterSending {
		docs = append(docs, store.Document{Kind: kindDue, ID: l.due(), Revision: 1})
	}
	l.State, l.Next, l.Code = end, time.Time{}, ""
	said := string(l.Kind)
	if end != LetterSent {
		said += " " + string(end)
	}
	if end == LetterRefused && l.Answer == nil {
		l.Answer = &Answer{At: i.clock(), Step: "none", Text: "no server took it within " + i.post.giveUp().String()}
	}
	if a := l.Answer; a != nil && a.Code != 0 {
		said += fmt.Sprintf(" %d", a.Code)
	}
	if a := l.Answer; a != nil && a.Status != "" {
		said += " " + a.Status
	}
	if end == LetterRefused || end == LetterBounced {
		l.Trouble = i.now().UTC().Format(dueTime) + "/" + l.ID
		docs = append(docs, store.Document{Kind: kindTrouble, ID: l.Trouble, Body: []byte(d.ID)})
	}
	d.Body = encode(l)
	if err := i.store.PutDocuments(ctx, append(docs, d), store.Event{Kind: store.KindSent, Object: l.Record, Result: said}); err != nil {
		return fmt.Errorf("putting on record what became of a letter: %w", err)
	}
	if end != LetterDropped {
		i.post.count(string(end))
	}
	return nil
}

// hold notes whether the mail server takes letters at all.
func (i *Issuer) hold(err error, held bool) {
	h := &i.holding
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case held:
		if h.since.IsZero() {
			h.since, h.wait = i.clock(), firstHold
			i.warn("ALARM: the mail server takes nothing, letters wait", "error", err)
		}
		h.why, h.until = err.Error(), i.now().Add(h.wait)
		h.wait = min(2*h.wait, lastHold)
	case !h.since.IsZero():
		i.warn("the mail server takes letters again")
		h.since, h.until, h.why = time.Time{}, time.Time{}, ""
	}
}

// giveUpLetters ends what has waited for too long while the server takes nothing.
func (i *Issuer) giveUpLetters(ctx context.Context) error {
	now := i.now()
	oldest := now.Add(-i.post.giveUp()).UTC().Format("20060102")
	for mark, err := range i.store.Documents(ctx, kindDue, "due/", "") {
		if err != nil {
			return err
		}
		at, ok := dueAt(mark.ID)
		if !ok || at.After(now) || mark.ID[len(mark.ID)-len(oldest)-1-publicSymbols:][:len(oldest)] > oldest {
			continue
		}
		d, err := i.store.Document(ctx, store.LetterKind, string(mark.Body))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		var l Letter
		if err == nil {
			l, err = readLetter(d)
		}
		if errors.Is(err, store.ErrDamaged) {
			continue // which is said when its turn comes
		}
		if err != nil {
			return err
		}
		if l.due() == mark.ID && now.After(l.end(i.post.giveUp())) {
			err = i.settle(ctx, d, &l, LetterRefused)
		}
		if err != nil && !errors.Is(err, store.ErrRevision) {
			return err
		}
	}
	return nil
}

// sweepLetters forgets by what reports of delivery find letters, after a time.
func (i *Issuer) sweepLetters(ctx context.Context) error {
	last := i.now().Add(-letterKept).UTC().Format("20060102")
	var gone []store.Document
	remove := func() error {
		err := i.store.PutDocuments(ctx, gone)
		gone = nil
		return err
	}
	for d, err := range i.store.Documents(ctx, kindMessage, "", "") {
		if err != nil {
			return err
		}
		if d.ID[:len(last)] >= last {
			break
		}
		d.Body = nil
		if gone = append(gone, d); len(gone) == 100 {
			if err := remove(); err != nil {
				return err
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return remove()
}
