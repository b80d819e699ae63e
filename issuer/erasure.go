package issuer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// ErasureRequest is a wish to erase data of the register, which waits for another
// person than the one who has asked. The JSON names are those of the stored form.
type ErasureRequest struct {
	ID      string   `json:"id"`      // in order of time
	Records []string `json:"records"` // ids
	// Recognitions are ids of those that are erased too, see [Issuer.AskErasure].
	Recognitions []string  `json:"recognitions,omitzero"`
	Reason       string    `json:"reason"` // legal basis; it stays with what is left, so it names nobody
	AskedBy      string    `json:"askedBy"`
	Askers       []string  `json:"askers,omitzero"` // who else could be that, as of then
	AskedAt      time.Time `json:"askedAt"`
	Expires      time.Time `json:"expires"`
	ConfirmedBy  string    `json:"confirmedBy,omitzero"` // then it is carried out
	ConfirmedAt  time.Time `json:"confirmedAt,omitzero"`
}

// Count is of how many records and recognitions it is.
func (q *ErasureRequest) Count() int { return len(q.Records) + len(q.Recognitions) }

const kindErasure = "erasure"

// ErasureEnds is what whoever asks and whoever confirms is told.
const ErasureEnds = "Verification of these credentials ends: nothing can be issued again, shown or proven from the register, and no backup brings it back. What their holders keep is answered only by the status lists, which say what they said."

// ErasureWish is what somebody asks to be erased.
type ErasureWish struct {
	Records      []string // ids or numbers
	Learner      string   // all records of the one with this number; "": of nobody
	Recognitions []string // ids
	Reason       string   // legal basis
}

// AskErasure asks for the erasure of data of the register: of records, with the
// recognitions that no other record of their learners rests on, and of recognitions.
// Nothing is erased before ConfirmErasure. store.ErrNotFound where there is none.
func (i *Issuer) AskErasure(ctx context.Context, wish ErasureWish, by string) (ErasureRequest, error) {
	q := i.newErasure(strings.TrimSpace(wish.Reason), by)
	if q.Reason == "" {
		return ErasureRequest{}, fmt.Errorf("asking for an erasure: %w: without a legal reason", store.ErrInvalid)
	}
	if err := CheckReason("reason", q.Reason); err != nil {
		return ErasureRequest{}, err
	}
	var found []store.Record
	for _, what := range wish.Records {
		r, err := i.Find(ctx, what)
		if err != nil && !errors.Is(err, store.ErrErased) {
			return ErasureRequest{}, err
		}
		found = append(found, r)
	}
	if wish.Learner != "" {
		all, err := i.searchAll(ctx, store.Query{LearnerID: wish.Learner})
		if err != nil {
			return ErasureRequest{}, err
		}
		found = append(found, all...)
	}
	for _, r := range found {
		q.Records = append(q.Records, r.ID)
	}
	slices.Sort(q.Records)
	q.Records = slices.Compact(q.Records)
	for _, id := range wish.Recognitions {
		r, err := i.Recognition(ctx, id)
		if err != nil {
			return ErasureRequest{}, err
		}
		q.Recognitions = append(q.Recognitions, r.ID)
	}
	if q.Count() == 0 {
		return ErasureRequest{}, fmt.Errorf("asking for an erasure: %w", store.ErrNotFound)
	}
	if err := i.withRecognitions(ctx, &q, found); err != nil {
		return ErasureRequest{}, err
	}
	askers, err := i.personsOf(ctx, by)
	if err != nil {
		return ErasureRequest{}, err
	}
	if len(askers) > 1 {
		q.Askers = askers[1:]
	}
	return q, i.putErasure(ctx, q, 0, store.Event{Kind: store.KindApprovalAsked, Object: q.ID, Actor: by, Result: fmt.Sprintf("erasure of %d", q.Count())})
}

func (i *Issuer) newErasure(reason, by string) ErasureRequest {
	now := i.clock()
	return ErasureRequest{ID: now.Format("20060102") + "-" + NewPublicID("")[:publicSymbols/2], Reason: reason, AskedBy: by, AskedAt: now, Expires: now.Add(i.approvalTime)}
}

// searchAll returns all that a query finds.
func (i *Issuer) searchAll(ctx context.Context, q store.Query) (all []store.Record, err error) {
	q.Now = i.now()
	for after := ""; ; {
		found, next, err := i.store.Search(ctx, q, after, 500)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

// putErasure writes a request over its revision; one of nothing is removed.
func (i *Issuer) putErasure(ctx context.Context, q ErasureRequest, revision uint64, events ...store.Event) error {
	doc := store.Document{Kind: kindErasure, ID: q.ID, Revision: revision}
	if q.Count() > 0 {
		doc.Body = encode(q)
	}
	if err := i.store.PutDocuments(ctx, []store.Document{doc}, events...); err != nil {
		return fmt.Errorf("writing erasure %s: %w", q.ID, err)
	}
	return nil
}

// Erasure returns a request that waits, or store.ErrNotFound.
func (i *Issuer) Erasure(ctx context.Context, id string) (ErasureRequest, error) {
	q, _, err := i.erasure(ctx, id)
	return q, err
}

func (i *Issuer) erasure(ctx context.Context, id string) (q ErasureRequest, revision uint64, err error) {
	err = store.ErrNotFound
	var doc store.Document
	if id != "" && len(id) <= 2*publicSymbols {
		doc, err = i.store.Document(ctx, kindErasure, id)
	}
	if err == nil {
		err = json.Unmarshal(doc.Body, &q, json.RejectUnknownMembers(true))
	}
	if err != nil {
		return ErasureRequest{}, 0, fmt.Errorf("reading erasure %.60q: %w", id, err)
	}
	return q, doc.Revision, nil
}

// Erasures yields the requests that wait, oldest first.
func (i *Issuer) Erasures(ctx context.Context) iter.Seq2[ErasureRequest, error] {
	return func(yield func(ErasureRequest, error) bool) {
		for doc, err := range i.store.Documents(ctx, kindErasure, "", "") {
			var q ErasureRequest
			if err == nil {
				err = json.Unmarshal(doc.Body, &q, json.RejectUnknownMembers(true))
			}
			if !yield(q, err) {
				return
			}
		}
	}
}

// ConfirmErasure erases what was asked for, of so many records and recognitions. It is
// durable once it is confirmed: what a crash leaves of it is done by [New].
//
// Errors: store.ErrNotFound; [ErrSameActor] for the one who asked; [ErrBulkCount]
// where it is another number; [ErrApprovalEnded].
func (i *Issuer) ConfirmErasure(ctx context.Context, id string, count int, by string) error {
	q, revision, err := i.erasure(ctx, id)
	switch {
	case err != nil:
		return err
	case q.ConfirmedBy != "":
		return i.finishErasure(ctx, q, revision)
	case count != q.Count():
		return fmt.Errorf("confirming erasure %s: %w: it is about %d", id, ErrBulkCount, q.Count())
	case i.now().After(q.Expires):
		return fmt.Errorf("confirming erasure %s: %w: it ended on %s", id, ErrApprovalEnded, q.Expires.Format(time.RFC3339))
	}
	if err := i.MayConfirm(ctx, q, by); err != nil {
		return fmt.Errorf("confirming erasure %s: %w", id, i.logRefused(ctx, id, by, err))
	}
	q.ConfirmedBy, q.ConfirmedAt = by, i.clock()
	if err := i.putErasure(ctx, q, revision, store.Event{Kind: store.KindApprovalGiven, Object: q.ID, Actor: by, Result: fmt.Sprintf("erasure of %d", q.Count())}); err != nil {
		return err
	}
	return i.finishErasure(ctx, q, revision+1)
}

// eraseStep is how many records are erased in one transaction.
const eraseStep = 500

// finishErasure carries out what is confirmed.
func (i *Issuer) finishErasure(ctx context.Context, q ErasureRequest, revision uint64) error {
	e := store.Erasure{Class: store.Register, At: q.ConfirmedAt, Reason: q.Reason, By: q.AskedBy, Confirmed: q.ConfirmedBy}
	months := map[string]bool{}
	for ids := range slices.Chunk(q.Records, eraseStep) {
		left, err := i.store.Erase(ctx, e, ids...)
		if err != nil {
			return fmt.Errorf("carrying out erasure %s: %w", q.ID, err)
		}
		for _, r := range left {
			months[r.SealingTime.Format("2006-01")] = true
		}
	}
	for _, id := range q.Recognitions {
		if err := i.eraseRecognition(ctx, id, e); err != nil {
			return fmt.Errorf("carrying out erasure %s: %w", q.ID, err)
		}
	}
	if q.AskedBy == ByRetention {
		i.forgetMonths(ctx, store.Register, months)
	}
	if err := i.keysChanged(ctx); err != nil {
		return fmt.Errorf("carrying out erasure %s: it is done here, but the copy of the data keys beside the backups is the old one, and brings it back: %w", q.ID, err)
	}
	return i.putErasure(ctx, ErasureRequest{ID: q.ID}, revision)
}

// RefuseErasure ends a request.
func (i *Issuer) RefuseErasure(ctx context.Context, id, reason, by string) error {
	if err := CheckReason("reason", reason); err != nil {
		return err
	}
	q, revision, err := i.erasure(ctx, id)
	if err != nil {
		return err
	}
	if q.ConfirmedBy != "" {
		return fmt.Errorf("refusing erasure %s: %w", id, ErrDecided)
	}
	return i.putErasure(ctx, ErasureRequest{ID: id}, revision, store.Event{Kind: store.KindApprovalRefused, Object: id, Actor: by, Result: fmt.Sprintf("%.100s", reason)})
}

// finishErasures carries out what was confirmed before a crash, and drops what
// nobody decided on in time.
func (i *Issuer) finishErasures(ctx context.Context) error {
	var failed []error
	for q, err := range i.Erasures(ctx) {
		var revision uint64
		if err == nil {
			q, revision, err = i.erasure(ctx, q.ID)
		}
		switch {
		case err != nil:
		case q.ConfirmedBy != "":
			err = i.finishErasure(ctx, q, revision)
		case i.now().After(q.Expires):
			err = i.putErasure(ctx, ErasureRequest{ID: q.ID}, revision, store.Event{Kind: store.KindApprovalRefused, Object: q.ID, Result: "lapsed"})
		}
		if err != nil && !errors.Is(err, store.ErrRevision) && !errors.Is(err, store.ErrNotFound) { // by another node meanwhile
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// EraseDelivery erases delivery data of a record at once: its e-mail address and the
// link of the learner's page, which is gone then.
func (i *Issuer) EraseDelivery(ctx context.Context, id, reason, by string) (store.Record, error) {
	if err := CheckReason("reason", reason); err != nil {
		return store.Record{}, err
	}
	left, err := i.store.Erase(ctx, store.Erasure{Class: store.Delivery, At: i.clock(), Reason: reason, By: by}, id)
	if err == nil {
		err = i.keysChanged(ctx)
	}
	if err != nil {
		return store.Record{}, fmt.Errorf("erasing delivery data: %w", err)
	}
	return left[0], nil
}

// Retention says how long data are kept.
type Retention struct {
	// RegisterYears is after how many years since its sealing the erasure of a record is
	// asked for, which another person must confirm; 0: records are kept for ever.
	RegisterYears int
	// DeliveryMonths is after how many months since its sealing the delivery data of a
	// record are erased, by themselves; 0: never.
	DeliveryMonths int
}

// ByRetention is who asks for what the rule of retention demands.
const ByRetention = "retention rule"

const retentionEvery = 24 * time.Hour

// RunRetention keeps the rule of retention, and the data keys small, once a day until ctx
// ends, and returns nil then.
func (i *Issuer) RunRetention(ctx context.Context, rule Retention) error {
	for {
		if err := errors.Join(i.finishErasures(ctx), i.retain(ctx, rule)); err != nil && ctx.Err() == nil {
			i.warn("data are kept longer than they should be", "error", err)
		}
		if err := store.ForgetUnused(ctx, i.store, i.clock().AddDate(0, -waitingMonths, 0).Format("2006-01")); err != nil && ctx.Err() == nil {
			i.warn("the data keys stay as large as erasures have made them", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retentionEvery):
		}
	}
}

// retain does what is due of a rule. Whole months are, so that their keys can be
// given up as one.
func (i *Issuer) retain(ctx context.Context, rule Retention) error {
	var failed []error
	month := time.Date(i.now().UTC().Year(), i.now().UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	if rule.DeliveryMonths > 0 {
		failed = append(failed, i.retainDelivery(ctx, month.AddDate(0, -rule.DeliveryMonths, 0)))
	}
	if rule.RegisterYears > 0 {
		failed = append(failed, i.retainRegister(ctx, month.AddDate(-rule.RegisterYears, 0, 0)))
	}
	return errors.Join(failed...)
}

// due yields the records that were sealed before a time and of which a class is not
// erased, after the last one that a class was done up to.
func (i *Issuer) due(ctx context.Context, c store.Class, before time.Time, after string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for r, err := range i.store.Records(ctx, after) {
			if err == nil && !r.SealingTime.Before(before) {
				return // those that follow are later, but for what a clock did
			}
			if err == nil && r.Erased(c) || errors.Is(err, store.ErrDamaged) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (i *Issuer) retainDelivery(ctx context.Context, before time.Time) error {
	after, revision, err := i.retainedUpTo(ctx, store.Delivery)
	if err != nil {
		return err
	}
	months := map[string]bool{}
	var step []string
	last := after
	flush := func() error {
		if len(step) == 0 {
			return nil
		}
		_, err := i.store.Erase(ctx, store.Erasure{Class: store.Delivery, At: i.clock(), Reason: "retention", By: ByRetention}, step...)
		step = nil
		return err
	}
	for r, err := range i.due(ctx, store.Delivery, before, after) {
		if err != nil {
			return err
		}
		months[r.SealingTime.Format("2006-01")] = true
		last = r.ID
		if step = append(step, r.ID); len(step) == eraseStep {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil || last == after {
		return err
	}
	i.forgetMonths(ctx, store.Delivery, months)
	if err := i.keysChanged(ctx); err != nil {
		return err
	}
	return i.store.PutDocuments(ctx, []store.Document{{Kind: kindRetention, ID: string(store.Delivery), Revision: revision, Body: []byte(last)}})
}

func (i *Issuer) retainRegister(ctx context.Context, before time.Time) error {
	for q, err := range i.Erasures(ctx) {
		if err != nil || q.AskedBy == ByRetention {
			return err // one is waiting
		}
	}
	q := i.newErasure("end of the retention period", ByRetention)
	var resting []store.Record
	for r, err := range i.due(ctx, store.Register, before, "") {
		if err != nil {
			return err
		}
		if r.Assessment != nil && r.Assessment.Recognition != "" {
			resting = append(resting, r)
		}
		if q.Records = append(q.Records, r.ID); len(q.Records) == retainAtOnce {
			break
		}
	}
	if q.Records == nil {
		return nil
	}
	slices.Sort(q.Records)
	if err := i.withRecognitions(ctx, &q, resting); err != nil {
		return err
	}
	return i.putErasure(ctx, q, 0, store.Event{Kind: store.KindApprovalAsked, Object: q.ID, Actor: ByRetention, Result: fmt.Sprintf("erasure of %d", q.Count())})
}

// retainAtOnce is of how many records the rule of retention asks for the erasure at a time.
const retainAtOnce = 10_000

// forgetMonths gives up the keys of months that are erased as a whole.
func (i *Issuer) forgetMonths(ctx context.Context, c store.Class, months map[string]bool) {
	for month := range months {
		if err := store.ForgetMonth(ctx, i.store, c, month); err != nil && !errors.Is(err, store.ErrState) && ctx.Err() == nil {
			i.warn("the data keys of a month are not given up as one", "month", month, "error", err)
		}
	}
}

const kindRetention = "retention"

// retainedUpTo is the id of the last record whose data of a class were erased by the
// rule of retention.
func (i *Issuer) retainedUpTo(ctx context.Context, c store.Class) (after string, revision uint64, err error) {
	doc, err := i.store.Document(ctx, kindRetention, string(c))
	if errors.Is(err, store.ErrNotFound) {
		return "", 0, nil
	}
	return string(doc.Body), doc.Revision, err
}
