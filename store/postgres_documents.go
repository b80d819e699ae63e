package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

func (s *postgresStore) PutDocuments(ctx context.Context, docs []Document, events ...Event) error {
	if err := validDocuments(docs, events); err != nil {
		return err
	}
	// In one order, so that two that put the same documents do not wait for each other.
	docs = slices.SortedFunc(slices.Values(docs), func(a, b Document) int {
		return strings.Compare(string(documentKey(a.Kind, a.ID)), string(documentKey(b.Kind, b.ID)))
	})
	var kinds, ids []string
	for _, d := range docs {
		kinds, ids = append(kinds, d.Kind), append(ids, d.ID)
	}
	d := &deed{}
	sealed := map[string][]byte{}
	for _, doc := range docs {
		if doc.Body != nil {
			doc.Revision++
			var err error
			if sealed[string(documentKey(doc.Kind, doc.ID))], err = doc.sealed(s.keys); err != nil {
				return err
			}
		}
		d.uses = append(d.uses, "document "+string(documentKey(doc.Kind, doc.ID)))
	}
	var stored map[string]uint64 // revisions
	d.look = func(b *pgx.Batch) {
		stored = map[string]uint64{}
		if len(docs) == 0 {
			return
		}
		b.Queue("SELECT kind, id, revision FROM documents WHERE (kind, id) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY kind, id FOR UPDATE", kinds, ids).Query(func(rows pgx.Rows) error {
			var kind, id string
			var revision int64
			_, err := pgx.ForEachRow(rows, []any{&kind, &id, &revision}, func() error {
				stored[string(documentKey(kind, id))] = uint64(revision)
				return nil
			})
			return err
		})
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		type rows struct {
			kinds, ids []string
			revisions  []int64
			docs       [][]byte
		}
		var added, changed, removed rows
		for _, d := range docs {
			if err := d.over(stored[string(documentKey(d.Kind, d.ID))]); err != nil {
				return err
			}
			to := &changed
			switch {
			case d.Body == nil:
				to = &removed
			case d.Revision == 0:
				to = &added
			}
			d.Revision++
			to.kinds, to.ids = append(to.kinds, d.Kind), append(to.ids, d.ID)
			if d.Body != nil {
				to.revisions, to.docs = append(to.revisions, int64(d.Revision)), append(to.docs, sealed[string(documentKey(d.Kind, d.ID))])
			}
		}
		// Those that are there are locked since they were looked at. One that is new,
		// and that another puts at the same time, is stopped by the key.
		if removed.kinds != nil {
			b.Queue("DELETE FROM documents WHERE (kind, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))", removed.kinds, removed.ids)
		}
		if changed.kinds != nil {
			b.Queue(`UPDATE documents d SET revision = new.revision, doc = new.doc FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) AS new (kind, id, revision, doc)
				WHERE d.kind = new.kind AND d.id = new.id`, changed.kinds, changed.ids, changed.revisions, changed.docs)
		}
		if added.kinds != nil {
			b.Queue("INSERT INTO documents (kind, id, revision, doc) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])", added.kinds, added.ids, added.revisions, added.docs)
		}
		for _, ev := range events {
			if _, err := log.enter(d.by, ev, nil, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return s.do(ctx, d)
}

// queueBeside puts documents that are not there yet.
func queueBeside(b *pgx.Batch, kept []keptDocument) {
	if len(kept) == 0 {
		return
	}
	var kinds, ids []string
	var revisions []int64
	var values [][]byte
	for _, d := range kept {
		kinds, ids, revisions, values = append(kinds, d.Kind), append(ids, d.ID), append(revisions, int64(d.Revision)), append(values, d.value)
	}
	b.Queue("INSERT INTO documents (kind, id, revision, doc) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT DO NOTHING", kinds, ids, revisions, values)
}

func (s *postgresStore) Document(ctx context.Context, kind, id string) (d Document, err error) {
	err = s.read(ctx, func(q querier) error {
		var revision int64
		var doc []byte
		if !storable(kind, id) {
			return ErrNotFound
		}
		err := q.QueryRow(ctx, "SELECT revision, doc FROM documents WHERE kind = $1 AND id = $2", kind, id).Scan(&revision, &doc)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err == nil {
			d, err = s.readDocument(kind, id, revision, doc)
		}
		return err
	})
	if err != nil {
		return Document{}, fmt.Errorf("reading %.40s %.60q: %w", kind, id, err)
	}
	return d, nil
}

// readDocument reads the doc of a document, and holds the column beside it to it.
func (s *postgresStore) readDocument(kind, id string, revision int64, doc []byte) (Document, error) {
	d, err := s.keys.openDocument(documentKey(kind, id), doc)
	if err == nil && d.Revision != uint64(revision) {
		return Document{}, fmt.Errorf("%w: %.40s %.60q has revision %d beside its column, which says %d", ErrDamaged, kind, id, d.Revision, revision)
	}
	return d, err
}

func (s *postgresStore) Documents(ctx context.Context, kind, prefix, after string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		s.documents(ctx, "kind = $1 AND starts_with(id, $2) AND id >= $2 AND id <= $3 AND id > $4", yield, kind, prefix, prefix+lastOfPrefix, after)
	}
}

// lastOfPrefix behind a prefix is no less than any id that begins so: an id has
// no more than 256 bytes.
var lastOfPrefix = strings.Repeat("\U0010FFFF", maxKey/4)

// documents yields documents in steps, with the last id as argument 4.
func (s *postgresStore) documents(ctx context.Context, where string, yield func(Document, error) bool, args ...any) {
	for _, arg := range args[:2] {
		if text := arg.(string); strings.ContainsRune(text, 0) || validText(text) != nil {
			return // no document has such an id
		}
	}
	for {
		type result struct {
			document Document
			err      error
		}
		var found []result
		n, size, last := 0, 0, ""
		err := s.read(ctx, func(q querier) error {
			found, n, size = nil, 0, 0
			// What comes after the first four megabytes is for the next step.
			rows, err := q.Query(ctx, `SELECT kind, id, revision, doc FROM (
					SELECT kind, id, revision, doc, sum(length(doc)) OVER (ORDER BY id) - length(doc) AS before FROM (
						SELECT kind, id, revision, doc FROM documents WHERE `+where+fmt.Sprintf(` ORDER BY id LIMIT %d
					) AS next
				) AS step WHERE before < %d ORDER BY id`, stepDocuments, stepBytes), args...)
			if err != nil {
				return err
			}
			var kind, id string
			var revision int64
			var doc []byte
			_, err = pgx.ForEachRow(rows, []any{&kind, &id, &revision, &doc}, func() error {
				d, err := s.readDocument(kind, id, revision, doc)
				if !errors.Is(err, ErrNotFound) { // or erased
					found = append(found, result{d, err})
				}
				n, size, last = n+1, size+len(doc), id
				return nil
			})
			return err
		})
		if err != nil {
			yield(Document{}, fmt.Errorf("going through the documents of kind %.40q: %w", args[0], err))
			return
		}
		for _, f := range found {
			if !yield(f.document, f.err) {
				return
			}
		}
		if n < stepDocuments && size < stepBytes {
			return
		}
		args[3] = last
	}
}
