package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// Bounds of what learners report.
const (
	maxReport     = 2000 // characters
	reportsDaily  = 5    // of one award, or one name
	maxReportList = 1000
)

// LearnerReport is what a learner says is wrong with an award, or objects to. It is
// delivery data of the record. The JSON names are those of the stored form.
type LearnerReport struct {
	ID     string      `json:"id"`
	Record string      `json:"record"`
	At     time.Time   `json:"at"`
	State  store.State `json:"state"` // of the record then: what is on hold or revoked is objected to
	Text   string      `json:"text"`
	Closed time.Time   `json:"closed,omitzero"`
	By     string      `json:"by,omitzero"`
	Answer string      `json:"answer,omitzero"` // which the learner reads
}

// kindReport leads from the id of a report to it, so that all can be listed.
const kindReport = "report-place"

// Report keeps what a learner says of an award for the registrar. [*Problems] for
// what is no text, [*WaitError] for too many.
func (i *Issuer) Report(ctx context.Context, r store.Record, text string) (LearnerReport, error) {
	text = strings.TrimSpace(text)
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxReport || strings.ContainsRune(text, 0) {
		return LearnerReport{}, &Problems{List: []Problem{{Field: "/text", Rule: "report-text", Want: fmt.Sprintf("expected 1 to %d characters", maxReport)}}}
	}
	if err := i.take(ctx, "report/"+r.ID, reportsDaily, 24*time.Hour); err != nil {
		return LearnerReport{}, fmt.Errorf("keeping a report: %w", err)
	}
	now := i.clock()
	report := LearnerReport{ID: now.Format("20060102T150405Z") + "-" + NewPublicID("")[:publicSymbols/2], Record: r.ID, At: now, State: r.State, Text: text}
	body, err := json.Marshal(report)
	if err != nil {
		return LearnerReport{}, err
	}
	id := r.DeliveryID() + "/" + report.ID
	return report, i.store.PutDocuments(ctx, []store.Document{{Kind: store.ReportKind, ID: id, Body: body}, {Kind: kindReport, ID: report.ID, Body: []byte(id)}})
}

func readReport(d store.Document) (r LearnerReport, err error) {
	if err := json.Unmarshal(d.Body, &r, json.RejectUnknownMembers(true)); err != nil {
		return LearnerReport{}, fmt.Errorf("reading a report: %w", store.ErrDamaged) // err could quote it
	}
	return r, nil
}

// ReportsOf are the reports about an award, the newest first.
func (i *Issuer) ReportsOf(ctx context.Context, r store.Record) (list []LearnerReport, err error) {
	for d, err := range i.store.Documents(ctx, store.ReportKind, r.DeliveryID()+"/", "") {
		var report LearnerReport
		if err == nil {
			report, err = readReport(d)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, report)
	}
	slices.Reverse(list)
	return list, nil
}

// Reports are those of all awards, the newest first, at most 1000; open alone, or
// with those that are closed.
func (i *Issuer) Reports(ctx context.Context, closed bool) ([]LearnerReport, error) {
	var places []store.Document
	for d, err := range i.store.Documents(ctx, kindReport, "", "") {
		if err != nil {
			return nil, fmt.Errorf("listing reports: %w", err)
		}
		places = append(places, d)
	}
	slices.Reverse(places)
	list := []LearnerReport{}
	for _, place := range places {
		d, err := i.store.Document(ctx, store.ReportKind, string(place.Body))
		if errors.Is(err, store.ErrNotFound) { // erased with the delivery data
			place.Body = nil
			if err := i.store.PutDocuments(ctx, []store.Document{place}); err != nil && !errors.Is(err, store.ErrRevision) && !errors.Is(err, store.ErrReadOnly) {
				return nil, fmt.Errorf("listing reports: %w", err)
			}
			continue
		}
		var report LearnerReport
		if err == nil {
			report, err = readReport(d)
		}
		if err != nil {
			return nil, fmt.Errorf("listing reports: %w", err)
		}
		if closed || report.Closed.IsZero() {
			if list = append(list, report); len(list) == maxReportList {
				break
			}
		}
	}
	return list, nil
}

// CloseReport ends a report with an answer, which the learner reads. ErrDecided where
// it is closed already.
func (i *Issuer) CloseReport(ctx context.Context, id, answer, by string) (LearnerReport, error) {
	doing := func(err error) error { return fmt.Errorf("closing a report: %w", err) }
	if !utf8.ValidString(answer) || utf8.RuneCountInString(answer) > maxReport {
		return LearnerReport{}, &Problems{List: []Problem{{Field: "/answer", Rule: "report-text", Want: fmt.Sprintf("expected up to %d characters", maxReport)}}}
	}
	place, err := i.store.Document(ctx, kindReport, id)
	if err != nil {
		return LearnerReport{}, doing(err)
	}
	d, err := i.store.Document(ctx, store.ReportKind, string(place.Body))
	if err != nil {
		return LearnerReport{}, doing(err)
	}
	report, err := readReport(d)
	if err == nil && !report.Closed.IsZero() {
		err = ErrDecided
	}
	if err != nil {
		return LearnerReport{}, doing(err)
	}
	report.Closed, report.By, report.Answer = i.clock(), by, answer
	if d.Body, err = json.Marshal(report); err == nil {
		err = i.store.PutDocuments(ctx, []store.Document{d})
	}
	if err != nil {
		return LearnerReport{}, doing(err)
	}
	return report, nil
}
