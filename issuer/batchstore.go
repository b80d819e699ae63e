package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/store"
)

// The documents of a batch. Those with rows, and the file of a list whose
// encoding is to be chosen, are removed some time after the batch has ended; results
// name nobody and stay.
const (
	kindBatch   = "batch"         // id: Batch
	kindOpen    = "batch-open"    // id of each batch that has not ended: nothing
	kindLink    = "batch-link"    // link: id
	kindRows    = "batch-rows"    // id/upload/chunk: []batchRow
	kindFile    = "batch-file"    // id/upload/part: bytes
	kindResults = "batch-results" // id/upload/chunk: []Result
)

const (
	rowsOfChunk = 500     // in one transaction
	bytesOfPart = 8 << 20 // of a file
	maxChanges  = 100     // of a batch that others change at the same time
)

// batchRow is a row as it is kept. The course of its draft is told by its place
// among those of the batch, -1: there is none.
type batchRow struct {
	Draft    Draft     `json:"draft"`
	Course   int       `json:"course,omitzero"`
	Problems []Problem `json:"problems,omitzero"`
}

// RowState is what is known of a row.
type RowState string

const (
	RowSound   RowState = "sound"   // checked, can be issued
	RowProblem RowState = "problem" // checked, cannot be issued
	RowIssued  RowState = "issued"
	RowKnown   RowState = "known" // issued before, by whatever way
	RowFailed  RowState = "failed"
)

// Result is what became of a row. It names nobody.
type Result struct {
	Row    int      `json:"row"` // 1-based line of the spreadsheet, or place among the drafts
	State  RowState `json:"state"`
	Number string   `json:"number,omitzero"` // of the certificate
	ID     string   `json:"id,omitzero"`     // of the credential
	Rule   string   `json:"rule,omitzero"`   // what was wrong: the id of the first problem, its column and what is expected
	Column string   `json:"column,omitzero"`
	Error  string   `json:"error,omitzero"`
}

func openDocument(id string, revision uint64) store.Document {
	return store.Document{Kind: kindOpen, ID: id, Revision: revision, Body: []byte("1")}
}

func linkDocument(b *Batch, revision uint64) store.Document {
	return store.Document{Kind: kindLink, ID: b.Link, Revision: revision, Body: []byte(b.ID)}
}

func partID(b *Batch, part int) string { return fmt.Sprintf("%s/%d/%05d", b.ID, b.Upload, part) }

func encode(v any) []byte {
	raw, err := json.Marshal(v, json.Deterministic(true), json.OmitZeroStructFields(true))
	if err != nil {
		panic(err) // unreachable: structs of strings, numbers and times
	}
	return raw
}

// put stores a batch over the revision it was read at, with other documents of it
// and what the audit log is told.
func (b *Batches) put(ctx context.Context, batch *Batch, with []store.Document, events ...store.Event) error {
	docs := append([]store.Document{{Kind: kindBatch, ID: batch.ID, Revision: batch.revision, Body: encode(batch)}}, with...)
	if err := b.c.Issuer.store.PutDocuments(ctx, docs, events...); err != nil {
		return fmt.Errorf("putting batch %s: %w", batch.ID, err)
	}
	batch.revision++
	return nil
}

// Get returns a batch, or store.ErrNotFound.
func (b *Batches) Get(ctx context.Context, id string) (Batch, error) {
	d, err := b.c.Issuer.store.Document(ctx, kindBatch, id)
	if err != nil {
		return Batch{}, err
	}
	return readBatch(d)
}

func readBatch(d store.Document) (Batch, error) {
	var batch Batch
	if err := json.Unmarshal(d.Body, &batch, json.RejectUnknownMembers(true)); err != nil {
		return Batch{}, fmt.Errorf("reading batch %s: %w", d.ID, err)
	}
	batch.revision = d.Revision
	return batch, nil
}

// ByLink returns the batch of a page, or store.ErrNotFound.
func (b *Batches) ByLink(ctx context.Context, link string) (Batch, error) {
	d, err := b.c.Issuer.store.Document(ctx, kindLink, link)
	if err != nil {
		return Batch{}, err
	}
	return b.Get(ctx, string(d.Body))
}

// List returns the newest batches, the newest first, at most so many.
func (b *Batches) List(ctx context.Context, most int) ([]Batch, error) {
	var list []Batch
	// Ids begin with the day, so a year at a time is read and the rest left.
	for year := b.c.Issuer.clock().Year(); year >= 2026 && len(list) < most; year-- {
		var found []Batch
		for d, err := range b.c.Issuer.store.Documents(ctx, kindBatch, strconv.Itoa(year), "") {
			if err != nil {
				return nil, err
			}
			batch, err := readBatch(d)
			if err != nil {
				return nil, err
			}
			found = append(found, batch)
		}
		slices.SortStableFunc(found, func(a, b Batch) int { return b.Created.Compare(a.Created) })
		list = append(list, found...)
	}
	return list[:min(len(list), most)], nil
}

// opened yields the batches that have not ended.
func (b *Batches) opened(ctx context.Context) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for d, err := range b.c.Issuer.store.Documents(ctx, kindOpen, "", "") {
			var batch Batch
			if err == nil {
				batch, err = b.Get(ctx, d.ID)
			}
			if !yield(batch, err) {
				return
			}
		}
	}
}

// change edits a batch, as it then is, until nobody else has changed it
// meanwhile, and puts it with other documents of it in one transaction. An error of edit ends it. What marks the batches that have not
// ended changes with it, and the audit log is told.
func (b *Batches) change(ctx context.Context, id string, edit func(*Batch) error, with ...store.Document) (Batch, error) {
	for range maxChanges {
		batch, err := b.Get(ctx, id)
		if err != nil {
			return Batch{}, err
		}
		before := batch
		if err := edit(&batch); err != nil {
			return before, err
		}
		docs := slices.Clone(with)
		if before.State.Ended() != batch.State.Ended() {
			mark := openDocument(id, 0)
			if batch.State.Ended() {
				known, err := b.c.Issuer.store.Document(ctx, kindOpen, id)
				if err != nil {
					return Batch{}, err
				}
				mark = store.Document{Kind: kindOpen, ID: id, Revision: known.Revision}
			}
			docs = append(docs, mark)
		}
		err = b.put(ctx, &batch, docs, told(&before, &batch)...)
		if errors.Is(err, store.ErrRevision) {
			continue
		}
		return batch, err
	}
	return Batch{}, fmt.Errorf("changing batch %s: %w", id, store.ErrRevision)
}

// told is what the audit log is told of a change.
func told(before, after *Batch) (events []store.Event) {
	tell := func(kind store.Kind, result string) {
		events = append(events, store.Event{Kind: kind, Object: after.ID, Result: result})
	}
	c := after.Counts
	switch was, is := before.State, after.State; {
	case was == is:
	case is == BatchChecking && was == BatchPaused:
		tell(store.KindJobStarted, "checked again")
	case is == BatchUnread || is == BatchChecking:
		tell(store.KindJobUploaded, fmt.Sprintf("%d rows", c.Rows))
	case is == BatchQueued && was == BatchPaused:
		tell(store.KindJobStarted, "resumed")
	case is == BatchQueued && was == BatchDone:
		tell(store.KindJobStarted, fmt.Sprintf("again for the rows that failed: %d", c.Sound))
	case is == BatchApproval: // which tells of itself
	case is == BatchQueued:
		tell(store.KindJobStarted, fmt.Sprintf("%d rows, %d left out", c.Sound, c.Bad))
	case is == BatchPaused:
		tell(store.KindJobPaused, cmp.Or(after.Why, "by hand"))
	case is.Ended():
		tell(store.KindJobEnded, fmt.Sprintf("%s: %d issued, %d known, %d failed, %d left", is, c.Issued, c.Known, c.Failed, c.Sound))
	}
	if before.Removed != after.Removed {
		tell(store.KindErased, "rows of the batch")
	}
	return events
}

// putRows puts the rows of a batch's upload and returns how many chunks they are.
func (b *Batches) putRows(ctx context.Context, batch *Batch, rows []Row) (chunks int, err error) {
	for chunk := range slices.Chunk(rows, b.c.chunk) {
		kept := make([]batchRow, len(chunk))
		for i, r := range chunk {
			kept[i] = batchRow{Draft: r.Draft, Course: -1, Problems: r.Problems}
			if c := r.Draft.Course; c != nil {
				kept[i].Course = slices.IndexFunc(batch.Courses, func(k BatchCourse) bool { return k.ID == c.ID && k.Version == c.Version })
			}
			kept[i].Draft.Course = nil
		}
		err := b.c.Issuer.store.PutDocuments(ctx, []store.Document{{Kind: kindRows, ID: partID(batch, chunks), Body: encode(kept)}})
		if err != nil {
			return 0, fmt.Errorf("putting the rows of batch %s: %w", batch.ID, err)
		}
		chunks++
	}
	return chunks, nil
}

// putFile keeps the list itself until its encoding is known.
func (b *Batches) putFile(ctx context.Context, batch *Batch, data []byte) error {
	part := 0
	for bytes := range slices.Chunk(data, bytesOfPart) {
		if err := b.c.Issuer.store.PutDocuments(ctx, []store.Document{{Kind: kindFile, ID: partID(batch, part), Body: bytes}}); err != nil {
			return fmt.Errorf("putting the list of batch %s: %w", batch.ID, err)
		}
		part++
	}
	return nil
}

func (b *Batches) file(ctx context.Context, batch *Batch) (data []byte, err error) {
	for d, err := range b.c.Issuer.store.Documents(ctx, kindFile, fmt.Sprintf("%s/%d/", batch.ID, batch.Upload), "") {
		if err != nil {
			return nil, err
		}
		data = append(data, d.Body...)
	}
	return data, nil
}

// rows returns a chunk of the rows of a batch, with their courses where courses
// are given.
func (b *Batches) rows(ctx context.Context, batch *Batch, chunk int, courses []*Course) ([]batchRow, uint64, error) {
	d, err := b.c.Issuer.store.Document(ctx, kindRows, partID(batch, chunk))
	if err != nil {
		return nil, 0, err
	}
	var rows []batchRow
	if err := json.Unmarshal(d.Body, &rows, json.RejectUnknownMembers(true)); err != nil {
		return nil, 0, fmt.Errorf("reading the rows of batch %s: %w", batch.ID, err)
	}
	for i := range rows {
		if at := rows[i].Course; at >= 0 && at < len(courses) {
			rows[i].Draft.Course = courses[at]
		}
		rows[i].Draft.Batch, rows[i].Draft.Approval, rows[i].Draft.NameCheck = batch.ID, batch.Approval, batch.NameCheck
	}
	return rows, d.Revision, nil
}

// results returns those of a chunk; none, before it was checked.
func (b *Batches) results(ctx context.Context, batch *Batch, chunk int) ([]Result, uint64, error) {
	d, err := b.c.Issuer.store.Document(ctx, kindResults, partID(batch, chunk))
	if errors.Is(err, store.ErrNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	var results []Result
	if err := json.Unmarshal(d.Body, &results, json.RejectUnknownMembers(true)); err != nil {
		return nil, 0, fmt.Errorf("reading the results of batch %s: %w", batch.ID, err)
	}
	return results, d.Revision, nil
}

// Results yields what became of the rows of a batch, in their order, after a row.
// Rows that were not checked yet have none.
func (b *Batches) Results(ctx context.Context, batch Batch, after int) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		for chunk := range batch.Chunks {
			results, _, err := b.results(ctx, &batch, chunk)
			if err != nil {
				yield(Result{}, err)
				return
			}
			if len(results) > 0 && results[len(results)-1].Row <= after {
				continue
			}
			for _, r := range results {
				if r.Row > after && !yield(r, nil) {
					return
				}
			}
		}
	}
}

// Problems returns the problems of the rows of a batch, at most so many, those
// that block before the warnings. They quote the rows, and are removed with them.
func (b *Batches) Problems(ctx context.Context, batch Batch, most int) (blocking, warnings []Problem, err error) {
	if !batch.Removed.IsZero() {
		return nil, nil, nil
	}
	for chunk := range batch.Chunks {
		rows, _, err := b.rows(ctx, &batch, chunk, nil)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range rows {
			for _, p := range r.Problems {
				if p.Warn && len(warnings) < most {
					warnings = append(warnings, p)
				} else if !p.Warn {
					blocking = append(blocking, p)
				}
			}
		}
		if len(blocking) >= most {
			return blocking[:most], nil, nil
		}
	}
	return blocking, warnings[:min(len(warnings), most-len(blocking))], nil
}

// removeRows removes the documents of some kinds of those uploads of a batch that
// which names by their number.
func (b *Batches) removeRows(ctx context.Context, batch *Batch, which func(upload int) bool, kinds ...string) error {
	for _, kind := range kinds {
		var gone []store.Document
		remove := func() error {
			if len(gone) == 0 {
				return nil
			}
			err := b.c.Issuer.store.PutDocuments(ctx, gone)
			gone = nil
			return err
		}
		for d, err := range b.c.Issuer.store.Documents(ctx, kind, batch.ID+"/", "") {
			if err != nil {
				return err
			}
			upload, _, _ := strings.Cut(strings.TrimPrefix(d.ID, batch.ID+"/"), "/")
			if n, err := strconv.Atoi(upload); err != nil || !which(n) {
				continue
			}
			d.Body = nil
			if gone = append(gone, d); len(gone) == 100 {
				if err := remove(); err != nil {
					return err
				}
			}
		}
		if err := remove(); err != nil {
			return fmt.Errorf("removing the rows of batch %s: %w", batch.ID, err)
		}
	}
	return nil
}

// remove removes all that names anybody, with the page.
func (b *Batches) remove(ctx context.Context, batch Batch, at time.Time) error {
	for _, kind := range []string{kindRows, kindFile} {
		if err := b.c.Issuer.store.EraseDocuments(ctx, kind, batch.ID); err != nil {
			return fmt.Errorf("removing the rows of batch %s: %w", batch.ID, err)
		}
	}
	var with []store.Document
	if link, err := b.c.Issuer.store.Document(ctx, kindLink, batch.Link); err == nil {
		link.Body = nil
		with = append(with, link)
	}
	_, err := b.change(ctx, batch.ID, func(batch *Batch) error {
		batch.Removed, batch.Link, batch.Name, batch.Warnings, batch.Choices, batch.Previews = at, "", "", nil, nil, nil
		return nil
	}, with...)
	return err
}
