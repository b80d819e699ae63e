package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

func (s *postgresStore) Erase(ctx context.Context, e Erasure, ids ...string) ([]Record, error) {
	if err := e.validate(ids); err != nil {
		return nil, err
	}
	if s.keys == nil {
		return nil, fmt.Errorf("erasing: %w", ErrDataKeys)
	}
	if err := s.keys.room(len(ids)); err != nil {
		return nil, fmt.Errorf("erasing %d records: %w", len(ids), err)
	}
	defer s.fresh.clear()
	// 1. What is there; the keys go last, as settle does it after a crash in between.
	var found map[string]recordDoc
	var sequences map[string]int64
	d := &deed{}
	for _, id := range ids {
		d.uses = append(d.uses, "record "+id)
	}
	d.look = func(b *pgx.Batch) {
		found, sequences = map[string]recordDoc{}, map[string]int64{}
		if !storable(ids...) {
			return
		}
		b.Queue("SELECT sequence, state, doc FROM records WHERE id = ANY($1) ORDER BY sequence FOR UPDATE", ids).Query(func(rows pgx.Rows) error {
			var sequence int64
			var state string
			var stored []byte
			_, err := pgx.ForEachRow(rows, []any{&sequence, &state, &stored}, func() error {
				doc, err := openRecord(sequence, state, stored)
				found[doc.ID], sequences[doc.ID] = doc, sequence
				return err
			})
			return err
		})
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		for _, id := range ids {
			if _, ok := found[id]; !ok {
				return fmt.Errorf("%.100q: %w", id, ErrNotFound)
			}
		}
		for _, id := range ids {
			doc := found[id]
			if !doc.erase(e) {
				continue
			}
			found[id] = doc
			if err := queueErased(b, s.keys, sequences[id], &doc); err != nil {
				return err
			}
			if _, err := log.enter(d.by, e.event(id), nil, nil); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.do(ctx, d); err != nil {
		return nil, fmt.Errorf("erasing: %w", err)
	}

	// 2. Their keys, and with them every copy.
	var left []recordDoc
	for _, id := range ids {
		left = append(left, found[id])
	}
	return s.keys.destroyOf(ctx, left, e)
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
	b.Queue("DELETE FROM documents WHERE kind = ANY($1) AND starts_with(id, $2) AND id >= $2 AND id <= $3", deliveryKinds, doc.DeliveryID()+"/", doc.DeliveryID()+"/"+lastOfPrefix)
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
	forgotten, err := s.keys.beside([]Document{forgottenDocument(e)})
	if err != nil {
		return fmt.Errorf("erasing documents of kind %.40q: %w", kind, err)
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
		queueBeside(b, forgotten)
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
	s.fresh.clear()
	return s.keys.destroy(ctx, due)
}
