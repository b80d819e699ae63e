package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// pgSearchRow is a row of search.
type pgSearchRow struct {
	record                                         int64
	ends                                           int64
	number, awarded, course, version, batch, keyID string
	tokens                                         string // as an array of SQL
}

func (k *DataKeys) pgSearchRow(sequence int64, r *Record) pgSearchRow {
	row := pgSearchRow{record: sequence, number: r.Number, awarded: r.AwardingDate, course: r.Course, version: r.CourseVersion, batch: r.Batch, keyID: r.KeyID}
	if !r.ValidUntil.IsZero() {
		row.ends = r.ValidUntil.Unix()
	}
	var tokens []string
	for _, t := range k.searchTokens(r) {
		tokens = append(tokens, strconv.FormatInt(int64(t), 10))
	}
	row.tokens = "{" + strings.Join(tokens, ",") + "}"
	return row
}

// queueSearchRows writes rows of search that are not there.
func queueSearchRows(b *pgx.Batch, rows []pgSearchRow) {
	var records, ends []int64
	var numbers, awarded, courses, versions, batches, keyIDs, tokens []string
	for _, r := range rows {
		numbers = append(numbers, r.number)
		records, ends, tokens = append(records, r.record), append(ends, r.ends), append(tokens, r.tokens)
		awarded, courses, versions, batches, keyIDs = append(awarded, r.awarded), append(courses, r.course), append(versions, r.version), append(batches, r.batch), append(keyIDs, r.keyID)
	}
	b.Queue(`INSERT INTO search (record, number, awarded, ends, course, version, batch, key_id, tokens)
		SELECT r.record, r.number, r.awarded, r.ends, r.course, r.version, r.batch, r.key_id, r.tokens::bigint[]
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
			AS r (record, number, awarded, ends, course, version, batch, key_id, tokens)
		ON CONFLICT (record) DO NOTHING`, records, numbers, awarded, ends, courses, versions, batches, keyIDs, tokens)
}

func (s *postgresStore) Search(ctx context.Context, q Query, after string, limit int) (found []Record, next string, err error) {
	if err := q.validate(limit); err != nil {
		return nil, "", err
	}
	if s.keys == nil {
		return nil, "", fmt.Errorf("searching: %w", ErrDataKeys)
	}
	if err := s.fillSearch(ctx); err != nil {
		return nil, "", fmt.Errorf("searching: %w", err)
	}
	if found, next, err = s.search(ctx, &q, after, limit); err != nil {
		return nil, "", fmt.Errorf("searching: %w", err)
	}
	return found, next, nil
}

// planned has the server plan a query for what is asked: a plan for any name goes back
// through all records until fifty fit, a second where it is a rare one.
const planned = pgx.QueryExecModeCacheDescribe

func (s *postgresStore) search(ctx context.Context, q *Query, after string, limit int) (found []Record, next string, err error) {
	last := int64(1) << 62
	if after != "" {
		if last, err = s.sequenceOf(ctx, after); err != nil {
			return nil, "", fmt.Errorf("going on after %.100q: %w", after, err)
		}
	}
	where, args, span := q.sql(s.keys)
	recent := span != nil // and what was reserved lately is looked through first
	for {
		var rows []pgRow
		step, until := limit+1, int64(0) // those that fit from until on are taken now
		err := s.read(ctx, func(from querier) error {
			until = 0
			args := args
			given := func() []any { return slices.Concat([]any{planned, last, step, until}, args) }
			fits := "SELECT s.record FROM search s WHERE s.record < $1 AND s.record >= $3" + where
			fit := fits + " ORDER BY s.record DESC LIMIT $2"
			switch {
			case recent:
				// Whatever is asked, it is asked of a few.
				err := from.QueryRow(ctx, "SELECT coalesce(min(record), 0) FROM (SELECT record FROM search WHERE record < $1 ORDER BY record DESC LIMIT $2) lately", last, cmp.Or(s.config.recent, searchRecent)).Scan(&until)
				if err != nil {
					return err
				}
			case span != nil:
				// The server would go back from the last record until enough fit, as if those
				// of a span lay everywhere, and they lie together. As many as are wanted are
				// taken from the end of the span: the answer is among what was reserved since the
				// first of these. Of that, the index of the span alone says what lies in the span.
				few := cmp.Or(s.config.few, spanFew)
				among, err := sequencesOf(ctx, from, fits+" ORDER BY s."+span.column+" DESC, s.record DESC LIMIT $2", given()...)
				if err == nil && len(among) == step {
					until = slices.Min(among)
					among, err = sequencesOf(ctx, from, "SELECT s.record FROM search s WHERE s.record < $1 AND s.record >= $3"+span.where+" LIMIT $2",
						slices.Concat([]any{planned, last, few + 1, until}, args[:span.args])...)
				}
				if err != nil {
					return err
				}
				if len(among) <= few {
					fits += fmt.Sprintf(" AND s.record = ANY ($%d)", len(args)+4)
					args = append(slices.Clip(args), among)
				}
				fit = "SELECT f.record FROM (" + fits + " OFFSET 0) f ORDER BY f.record DESC LIMIT $2"
			}
			got, err := from.Query(ctx, `SELECT r.sequence, r.state, r.doc, NULL, NULL::bytea, NULL::bytea
				FROM (`+fit+`) fit JOIN records r ON r.sequence = fit.record ORDER BY fit.record DESC`, given()...)
			if err == nil {
				rows, err = pgx.CollectRows(got, scanRow)
			}
			return err
		})
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			last = row.sequence
			doc, err := openRecord(row.sequence, row.state, row.doc)
			if err != nil {
				continue // it is damaged, as whoever reads it is told
			}
			r, err := doc.open(s.keys)
			if err != nil && !errors.Is(err, ErrErased) || !q.matches(&r) {
				continue
			}
			if len(found) == limit {
				return found, found[limit-1].ID, nil
			}
			found = append(found, r)
		}
		switch {
		case len(rows) == step:
		case until > 0:
			last, recent = until, false
		default:
			return found, "", nil
		}
	}
}

// spanFew is how many records of a span are looked up singly, some microseconds each, rather
// than that the server is left to guess where they lie.
const spanFew = 10_000

// searchRecent is how many of the last records are looked through before the indexes are
// asked for a span: a few milliseconds, after which most who search have their answer.
const searchRecent = 2048

// sequencesOf are those of records that a question has as its answer.
func sequencesOf(ctx context.Context, q querier, sql string, args ...any) ([]int64, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// sequenceOf is that of the record with an id, or ErrNotFound.
func (s *postgresStore) sequenceOf(ctx context.Context, id string) (sequence int64, err error) {
	if !storable(id) {
		return 0, ErrNotFound
	}
	err = s.read(ctx, func(q querier) error {
		err := q.QueryRow(ctx, "SELECT sequence FROM records WHERE id = $1", id).Scan(&sequence)
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrNotFound
		}
		return err
	})
	return sequence, err
}

// span is what a query asks of a column that has an index of its own, in which records that
// were reserved together lie together: all between two values.
type span struct {
	column string
	where  string // of the condition, with the first arguments of all
	args   int    // how many
}

// sql is what a query asks of search (s), with arguments from $4 on; span is nil where it asks
// for none.
func (q *Query) sql(k *DataKeys) (where string, args []any, in *span) {
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)+3), 1)
		}
		where += " AND " + condition
	}
	lies := func(column, condition string, values ...any) {
		if and(condition, values...); in == nil || in.column == column {
			in = &span{column, where, len(args)}
		}
	}
	now := max(q.Now.Unix(), 0)
	if q.Number != "" {
		lies("number", "s.number >= ? AND s.number < ?", q.Number, q.Number+"\U0010ffff")
	}
	if q.From != "" {
		lies("awarded", "s.awarded >= ?", q.From)
	}
	if q.Until != "" {
		lies("awarded", "s.awarded <= ? AND s.awarded > ''", q.Until)
	}
	if q.State == Expired {
		lies("ends", "s.ends <> 0 AND s.ends < ?", now)
	}
	var tokens []int64
	for _, t := range q.tokens(k) {
		tokens = append(tokens, int64(t))
	}
	if tokens != nil {
		and("s.tokens @> ?::bigint[]", tokens)
	}
	for _, c := range []struct{ column, value string }{{"course", q.Course}, {"version", q.Version}, {"batch", q.Batch}, {"key_id", q.KeyID}} {
		if c.value != "" {
			and("s."+c.column+" = ?", c.value)
		}
	}
	switch q.State {
	case Reserved:
		and("s.record IN (SELECT record FROM pending)")
	case Suspended, Revoked, Erased:
		and("s.record IN (SELECT record FROM states WHERE state = ?)", string(q.State))
	case Issued:
		and(`(s.ends = 0 OR s.ends >= ?) AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.record = s.record)
			AND NOT EXISTS (SELECT 1 FROM states t WHERE t.record = s.record AND t.state IN ('suspended', 'revoked'))`, now)
	}
	return where, args, in
}

// fillSearch writes the rows of search that are missing, unless it is known that none is.
func (s *postgresStore) fillSearch(ctx context.Context) error {
	var filled bool
	err := s.read(ctx, func(q querier) error {
		return q.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM search_filled)").Scan(&filled)
	})
	if err != nil || filled {
		return err
	}
	if s.keys == nil {
		return ErrDataKeys
	}
	began := time.Now()
	for last, n := int64(-1), stepDocs; n == stepDocs; {
		var rows []pgRow
		err := s.read(ctx, func(q querier) error {
			got, err := q.Query(ctx, `SELECT r.sequence, r.state, r.doc, NULL, NULL::bytea, NULL::bytea FROM records r
				WHERE r.sequence > $1 AND NOT EXISTS (SELECT 1 FROM search s WHERE s.record = r.sequence) ORDER BY r.sequence LIMIT $2`, last, stepDocs)
			if err == nil {
				rows, err = pgx.CollectRows(got, scanRow)
			}
			return err
		})
		if err != nil {
			return err
		}
		var missing []pgSearchRow
		for _, row := range rows {
			last = row.sequence
			doc, err := openRecord(row.sequence, row.state, row.doc)
			if err != nil {
				continue // it is damaged, and found by nobody
			}
			r, err := doc.open(s.keys)
			if err != nil && !errors.Is(err, ErrErased) {
				return err
			}
			missing = append(missing, s.keys.pgSearchRow(row.sequence, &r))
		}
		n = len(rows)
		err = s.write(ctx, nil, func(_ querier, b *pgx.Batch) error {
			if len(missing) > 0 {
				queueSearchRows(b, missing)
			}
			if n < stepDocs {
				b.Queue("INSERT INTO search_filled (one) VALUES (true) ON CONFLICT DO NOTHING")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.warn("the index for searches was empty, as after a crash of the database, and is filled again", "took", time.Since(began).Round(time.Millisecond).String())
	return nil
}
