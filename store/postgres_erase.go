package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

func (s *postgresStore) Erase(ctx context.Context, id string, e Erasure) (Record, error) {
	if err := e.validate(); err != nil {
		return Record{}, fmt.Errorf("erasing %.100q: %w", id, err)
	}
	if s.keys == nil {
		return Record{}, fmt.Errorf("erasing %.100q: %w", id, ErrDataKeys)
	}
	// 1. What is there; its key goes last, as settle does it after a crash in between.
	var sequence int64
	var left recordDoc
	d := &deed{uses: []string{"record " + id}}
	d.look = func(b *pgx.Batch) {
		sequence = -1
		if !storable(id) {
			return
		}
		b.Queue("SELECT sequence, state, doc FROM records WHERE id = $1 FOR UPDATE", id).Query(func(rows pgx.Rows) error {
			var state string
			var stored []byte
			_, err := pgx.ForEachRow(rows, []any{&sequence, &state, &stored}, func() (err error) {
				left, err = openRecord(sequence, state, stored)
				return err
			})
			return err
		})
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		if sequence < 0 {
			return ErrNotFound
		}
		if !left.erase(e) {
			return nil
		}
		if err := queueErased(b, s.keys, sequence, &left); err != nil {
			return err
		}
		_, err := log.enter(d.by, e.event(id), nil, nil)
		return err
	}
	err := s.do(ctx, d)
	if err != nil {
		return Record{}, fmt.Errorf("erasing %.100q: %w", id, err)
	}

	// 2. Its key, and with it every copy.
	if err := s.keys.destroy(ctx, []Erasure{left.erasure(e)}); err != nil {
		return Record{}, fmt.Errorf("erasing %.100q: destroying its data key: outcome unknown: %w", id, err)
	}
	r, err := left.open(s.keys)
	if errors.Is(err, ErrErased) {
		err = nil
	}
	return r, err
}

// queueErased writes what is left of a record.
func queueErased(b *pgx.Batch, keys *DataKeys, sequence int64, doc *recordDoc) error {
	sealed, err := sealJSON(bucketRecords, sequenceKey(uint64(sequence)), doc)
	if err != nil {
		return err
	}
	b.Queue("UPDATE records SET link = NULL, doc = $2 WHERE sequence = $1", sequence, sealed)
	b.Queue("DELETE FROM states WHERE record = $1", sequence)
	b.Queue("INSERT INTO states (record, state) SELECT $1, unnest($2::text[])", sequence, doc.listedStates())
	if doc.Erased(Register) {
		for _, table := range []string{"tokens", "payloads", "pending", "search"} {
			b.Queue("DELETE FROM "+table+" WHERE record = $1", sequence)
		}
		queueSearchRows(b, []pgSearchRow{keys.pgSearchRow(sequence, &doc.Record)})
	}
	return nil
}

func (s *postgresStore) EraseDocuments(ctx context.Context, kind, id string) error {
	e, err := papers(kind, id)
	if err != nil {
		return err
	}
	if s.keys == nil {
		return fmt.Errorf("erasing documents of kind %.40q: %w", kind, ErrDataKeys)
	}
	const these = "kind = $1 AND (id = $2 OR starts_with(id, $2 || '/') AND id >= $2)"
	var found bool
	d := &deed{uses: []string{"documents " + e.ID}}
	d.look = func(b *pgx.Batch) {
		b.Queue("SELECT EXISTS (SELECT 1 FROM documents WHERE "+these+")", kind, id).QueryRow(func(row pgx.Row) error { return row.Scan(&found) })
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		if !found {
			return nil
		}
		b.Queue("DELETE FROM documents WHERE "+these, kind, id)
		_, err := log.enter(d.by, e.event(id), nil, nil)
		return err
	}
	if err = s.do(ctx, d); err == nil {
		err = s.keys.destroy(ctx, []Erasure{e})
	}
	if err != nil {
		return fmt.Errorf("erasing documents of kind %.40q: %w", kind, err)
	}
	return nil
}

func (s *postgresStore) settle(ctx context.Context) error {
	if s.keys == nil {
		return ErrDataKeys
	}
	var due []Erasure
	for last, more := int64(-1), true; more; {
		var rows []pgRow
		err := s.read(ctx, func(q querier) error {
			got, err := q.Query(ctx, `SELECT r.sequence, r.state, r.doc, NULL, NULL::bytea, NULL::bytea FROM records r
				WHERE r.sequence > $1 AND r.sequence IN (SELECT record FROM states WHERE state = ANY($2) AND record > $1) ORDER BY r.sequence LIMIT $3`, last, erasedStates, stepDocs)
			if err == nil {
				rows, err = pgx.CollectRows(got, scanRow)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			last = row.sequence
			doc, err := openRecord(row.sequence, row.state, row.doc)
			if err != nil {
				return err
			}
			due = append(due, doc.due(s.keys)...)
		}
		more = len(rows) == stepDocs
	}
	if len(due) == 0 {
		return nil
	}
	return s.keys.destroy(ctx, due)
}
