package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
)

// wholeRecord reads a record with everything of it, a row for each form. The doc
// of the record stands in each: it is small.
const wholeRecord = `SELECT r.sequence, r.state, r.doc, p.profile, p.body, t.body
	FROM records r LEFT JOIN payloads p ON p.record = r.sequence LEFT JOIN tokens t ON t.record = p.record AND t.profile = p.profile `

// pgRow is one row of wholeRecord.
type pgRow struct {
	sequence       int64
	state          string
	doc            []byte
	profile        *string
	payload, token []byte
}

// find returns the whole of the record that has value in a column, or ErrNotFound.
func (s *postgresStore) find(ctx context.Context, column string, value any) (r Record, doc recordDoc, sequence int64, err error) {
	var found []pgRow
	err = s.read(ctx, func(q querier) (err error) {
		rows, err := q.Query(ctx, wholeRecord+"WHERE r."+column+" = $1", value)
		if err == nil {
			found, err = pgx.CollectRows(rows, scanRow)
		}
		return err
	})
	if err != nil {
		return Record{}, recordDoc{}, 0, err
	}
	if len(found) == 0 {
		return Record{}, recordDoc{}, 0, ErrNotFound
	}
	sequence = found[0].sequence
	if doc, err = openRecord(sequence, found[0].state, found[0].doc); err == nil {
		r, err = doc.whole(s.keys, s.documentReader(ctx), found)
	}
	return r, doc, sequence, err
}

func scanRow(row pgx.CollectableRow) (r pgRow, err error) {
	err = row.Scan(&r.sequence, &r.state, &r.doc, &r.profile, &r.payload, &r.token)
	return r, err
}

// openRecord reads the doc of a record, and holds the column beside it to it.
func openRecord(sequence int64, state string, stored []byte) (doc recordDoc, err error) {
	if err := openJSON(bucketRecords, sequenceKey(uint64(sequence)), stored, &doc); err != nil {
		return recordDoc{}, err
	}
	if string(doc.State) != state {
		return recordDoc{}, fmt.Errorf("%w: record %s is %s beside its column, which says %s", ErrDamaged, doc.ID, doc.State, state)
	}
	return doc, nil
}

func (s *postgresStore) documentReader(ctx context.Context) func(kind, id string) (Document, error) {
	return func(kind, id string) (Document, error) { return s.Document(ctx, kind, id) }
}

// whole returns doc with its payloads and tokens.
func (doc recordDoc) whole(keys *DataKeys, document func(kind, id string) (Document, error), found []pgRow) (Record, error) {
	payloads, tokens := map[string][]byte{}, map[string][]byte{}
	for _, row := range found {
		if row.profile != nil {
			payloads[*row.profile], tokens[*row.profile] = row.payload, row.token
		}
	}
	return doc.record(keys, document, func(profile string) (payload, token []byte) { return payloads[profile], tokens[profile] })
}

func (s *postgresStore) findText(ctx context.Context, column, value string) (Record, error) {
	err := ErrNotFound
	var r Record
	if storable(value) {
		r, _, _, err = s.find(ctx, column, value)
	} else if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return r, fmt.Errorf("looking for %s: %w", column, err)
	}
	return r, nil
}

// findBlind is findText for a column that has the entries of a blind index.
func (s *postgresStore) findBlind(ctx context.Context, column string, x index, value string) (Record, error) {
	if s.keys == nil {
		return Record{}, fmt.Errorf("looking for %s: %w", column, ErrDataKeys)
	}
	if value == "" {
		return Record{}, fmt.Errorf("looking for %s: %w", column, ErrNotFound)
	}
	return s.findText(ctx, column, hex.EncodeToString(s.keys.blind(x.kind, value)))
}

func (s *postgresStore) Lookup(ctx context.Context, key Key) (Record, error) {
	if s.keys == nil {
		return Record{}, fmt.Errorf("looking for a key: %w", ErrDataKeys)
	}
	r, _, _, err := s.find(ctx, "key", s.keys.blind(byKey.kind, string(key[:])))
	if err != nil {
		return r, fmt.Errorf("looking for a key: %w", err)
	}
	return r, nil
}

func (s *postgresStore) Get(ctx context.Context, id string) (Record, error) {
	return s.findText(ctx, "id", id)
}

func (s *postgresStore) ByPublic(ctx context.Context, public string) (Record, error) {
	return s.findText(ctx, "public", public)
}

func (s *postgresStore) ByLink(ctx context.Context, link string) (Record, error) {
	return s.findBlind(ctx, "link", byLink, link)
}

func (s *postgresStore) ByNumber(ctx context.Context, number string) (Record, error) {
	return s.findText(ctx, "number", number)
}

func (s *postgresStore) ByExternalID(ctx context.Context, external string) (Record, error) {
	return s.findBlind(ctx, "external", byExternalID, external)
}

func (s *postgresStore) Records(ctx context.Context, after string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		last := int64(-1)
		if after != "" {
			err := s.read(ctx, func(q querier) error {
				if !storable(after) {
					return ErrNotFound
				}
				err := q.QueryRow(ctx, "SELECT sequence FROM records WHERE id = $1", after).Scan(&last)
				if errors.Is(err, pgx.ErrNoRows) {
					err = ErrNotFound
				}
				return err
			})
			if err != nil {
				yield(Record{}, fmt.Errorf("going on after %s: %w", after, err))
				return
			}
		}
		s.each(ctx, `SELECT sequence, state, doc, NULL, NULL::bytea, NULL::bytea FROM records WHERE sequence > $1 ORDER BY sequence LIMIT $2`, last, stepDocs, yield,
			func(found []pgRow) (Record, error) {
				doc, err := openRecord(found[0].sequence, found[0].state, found[0].doc)
				if err != nil {
					return Record{}, err
				}
				r, err := doc.open(s.keys)
				if errors.Is(err, ErrErased) {
					err = nil
				}
				return r, err
			})
	}
}

func (s *postgresStore) facts(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s.each(ctx, `SELECT sequence, state, doc, NULL, NULL::bytea, NULL::bytea FROM records WHERE sequence > $1 ORDER BY sequence LIMIT $2`, -1, stepDocs, yield,
			func(found []pgRow) (Record, error) {
				doc, err := openRecord(found[0].sequence, found[0].state, found[0].doc)
				return doc.Record, err
			})
	}
}

func (s *postgresStore) Pending(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s.each(ctx, wholeRecord+`WHERE r.sequence IN (SELECT record FROM pending WHERE record > $1 ORDER BY record LIMIT $2) ORDER BY r.sequence`, -1, stepRecords, yield,
			func(found []pgRow) (Record, error) {
				doc, err := openRecord(found[0].sequence, found[0].state, found[0].doc)
				if err != nil {
					return Record{}, err
				}
				return doc.whole(s.keys, s.documentReader(ctx), found)
			})
	}
}

// each yields what make makes of the rows of each record with a sequence over last,
// in steps, between which it holds nothing.
func (s *postgresStore) each(ctx context.Context, sql string, last int64, step int, yield func(Record, error) bool, make func([]pgRow) (Record, error)) {
	for {
		var found []pgRow
		err := s.read(ctx, func(q querier) error {
			rows, err := q.Query(ctx, sql, last, step)
			if err == nil {
				found, err = pgx.CollectRows(rows, scanRow)
			}
			return err
		})
		if err != nil {
			yield(Record{}, fmt.Errorf("going through the records: %w", err))
			return
		}
		n := 0
		for len(found) > 0 {
			last = found[0].sequence
			end := 1
			for end < len(found) && found[end].sequence == last {
				end++
			}
			if !yield(make(found[:end])) {
				return
			}
			found = found[end:]
			n++
		}
		if n < step {
			return
		}
	}
}

func (s *postgresStore) Change(ctx context.Context, id string, c Change, with ...Document) (Record, error) {
	err := c.validate()
	var beside []keptDocument
	if err == nil {
		beside, err = s.keys.beside(with)
	}
	if err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	c.At = c.At.UTC().Round(0)
	var sequence int64
	var doc recordDoc
	d := &deed{uses: []string{"record " + id}}
	d.look = func(b *pgx.Batch) { queueLocked(b, id, &sequence, &doc) }
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		if sequence < 0 {
			return ErrNotFound
		}
		moved, err := doc.move(s.keys, c)
		if err != nil || !moved {
			return err
		}
		queueBeside(b, beside)
		return queueChange(b, log, d.by, sequence, doc, c)
	}
	if err := s.do(ctx, d); err != nil {
		return Record{}, fmt.Errorf("changing %.100q: %w", id, err)
	}
	if r, err := doc.open(s.keys); err == nil {
		return r, nil
	}
	return doc.Record, nil // it is changed, and need not be legible for that
}

// queueLocked reads and locks a record; the sequence of one that is not there is -1.
func queueLocked(b *pgx.Batch, id string, sequence *int64, doc *recordDoc) {
	*sequence = -1
	if !storable(id) {
		return
	}
	b.Queue("SELECT sequence, state, doc FROM records WHERE id = $1 FOR NO KEY UPDATE", id).Query(func(rows pgx.Rows) error {
		var state string
		var stored []byte
		_, err := pgx.ForEachRow(rows, []any{sequence, &state, &stored}, func() (err error) {
			*doc, err = openRecord(*sequence, state, stored)
			return err
		})
		return err
	})
}

// queueChange writes a record that has moved to another state, and its bits, and
// logs it.
func queueChange(b *pgx.Batch, log *pgLog, by author, sequence int64, doc recordDoc, c Change) error {
	sealed, err := sealJSON(bucketRecords, sequenceKey(uint64(sequence)), &doc)
	if err != nil {
		return err
	}
	b.Queue("UPDATE records SET state = $2, doc = $3 WHERE sequence = $1", sequence, string(doc.State), sealed)
	b.Queue("DELETE FROM states WHERE record = $1", sequence)
	b.Queue("INSERT INTO states (record, state) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING", sequence, doc.listedStates())
	for _, e := range doc.Entries {
		switch {
		case doc.Bit(e.Purpose):
			b.Queue("INSERT INTO bits (list, place, purpose, kept) VALUES ($1, $2, $3, false) ON CONFLICT DO NOTHING", e.List, int32(e.Index), e.Purpose)
		case e.Purpose != "revocation": // which is never cleared, whoever set it
			b.Queue("DELETE FROM bits WHERE list = $1 AND place = $2", e.List, int32(e.Index))
		}
	}
	ev, digest := doc.changed(c)
	_, err = log.enter(by, ev, nil, digest)
	return err
}
