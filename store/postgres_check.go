package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"indeks/status"
)

func (s *postgresStore) keptBits(ctx context.Context, list string) (*status.List, error) {
	var places []int32
	err := s.read(ctx, func(q querier) error {
		rows, err := q.Query(ctx, "SELECT place FROM bits WHERE list = $1 AND kept", list)
		if err == nil {
			places, err = pgx.CollectRows(rows, pgx.RowTo[int32])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return bitsAt(places)
}

func (s *postgresStore) identity(ctx context.Context) (id identity, err error) {
	var doc []byte
	err = s.read(ctx, func(q querier) error {
		return q.QueryRow(ctx, "SELECT doc FROM meta WHERE name = $1", string(identityKey)).Scan(&doc)
	})
	if err == nil {
		err = openJSON(bucketMeta, identityKey, doc, &id)
	}
	return id, err
}

// pgColumns is what stands beside the doc of a record, in columns and in rows of
// other tables.
type pgColumns struct {
	sequence                  int64
	id, public, number, state string
	link, external            *string
	key, doc                  []byte
	pending                   bool
	states                    []string
	payloads, tokens          []string // profiles
}

// everything calls each with every record, several at a time, and counts what it
// calls for. Of each it compares the columns and the rows of other tables with the doc.
// That a property leads to one record only is for constraints; that an index of the
// server leads to its rows is for pg_amcheck.
func (s *postgresStore) everything(ctx context.Context, t *tally, each func(checked)) error {
	type step struct {
		first   uint64
		rows    []pgColumns
		entries map[pgPlace]int64
	}
	t.expected = map[string]int64{"entries": 0, "pending": 0}
	steps := make(chan step)
	var group sync.WaitGroup
	for range readers() {
		group.Go(func() {
			for at := range steps {
				bodies, err := s.bodies(ctx, at.rows[0].sequence, at.rows[len(at.rows)-1].sequence)
				var issued map[Place]*LogEntry
				if err == nil {
					issued, err = s.issuedEntries(ctx, t.traces, at.rows)
				}
				for i := range at.rows {
					c := checked{err: err}
					if err == nil {
						c = s.check(ctx, t, &at.rows[i], at.entries, bodies[at.rows[i].sequence])
						if told := t.traces.issuedAt(c.id); told != nil {
							c.issued = issued[*told]
						}
					}
					c.number = at.first + uint64(i)
					each(c)
				}
			}
		})
	}
	defer group.Wait()
	defer close(steps)
	last := int64(-1)
	for first := uint64(0); ; {
		rows, entries, err := s.columns(ctx, last)
		if err != nil {
			return fmt.Errorf("going through the records: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		last = rows[len(rows)-1].sequence
		steps <- step{first, rows, entries}
		first += uint64(len(rows))
	}
}

// bodies are the payloads and tokens of records, as rows of wholeRecord, by sequence.
func (s *postgresStore) bodies(ctx context.Context, first, last int64) (found map[int64][]pgRow, err error) {
	err = s.read(ctx, func(q querier) error {
		found = map[int64][]pgRow{}
		rows, err := q.Query(ctx, `SELECT p.record, '', NULL::bytea, p.profile, p.body, t.body FROM payloads p
			LEFT JOIN tokens t ON t.record = p.record AND t.profile = p.profile WHERE p.record BETWEEN $1 AND $2`, first, last)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, scanRow)
		for _, row := range list {
			found[row.sequence] = append(found[row.sequence], row)
		}
		return err
	})
	return found, err
}

// issuedEntries are the entries of the logs that tell that records were issued. One that
// is missing or damaged is left out: whoever reads it alone is told why.
func (s *postgresStore) issuedEntries(ctx context.Context, t *traces, rows []pgColumns) (found map[Place]*LogEntry, err error) {
	var logs []string
	var indexes []int64
	for i := range rows {
		if told := t.issuedAt(rows[i].id); told != nil {
			logs, indexes = append(logs, told.Log), append(indexes, int64(told.Index))
		}
	}
	err = s.read(ctx, func(q querier) error {
		found = map[Place]*LogEntry{}
		rows, err := q.Query(ctx, "SELECT e.log, e.place, e.doc FROM unnest($1::text[], $2::bigint[]) AS told (log, place) JOIN log_entries e ON e.log = told.log AND e.place = told.place", logs, indexes)
		if err != nil {
			return err
		}
		var log string
		var index int64
		var doc []byte
		_, err = pgx.ForEachRow(rows, []any{&log, &index, &doc}, func() error {
			if e, err := openEntry(entryKey(log, uint64(index)), slices.Clone(doc)); err == nil {
				found[Place{log, uint64(index)}] = &e
			}
			return nil
		})
		return err
	})
	return found, err
}

// check reads a record and compares it with all that leads to it.
func (s *postgresStore) check(ctx context.Context, t *tally, r *pgColumns, places map[pgPlace]int64, bodies []pgRow) (c checked) {
	doc, err := openRecord(r.sequence, r.state, r.doc)
	if err != nil {
		return checked{err: err}
	}
	c.id = doc.ID
	c.record, c.err = doc.whole(s.keys, s.documentReader(ctx), bodies)
	report := func(format string, args ...any) {
		c.wrong = append(c.wrong, fmt.Errorf("record %s"+format, append([]any{doc.ID}, args...)...))
	}
	doc.check(s.keys, t, &c, report)
	if doc.ID != r.id || doc.Public != r.public || doc.Number != r.number ||
		string(doc.Blind[byKey.kind]) != string(r.key) || doc.blindText(byLink) != text(r.link) || doc.blindText(byExternalID) != text(r.external) {
		report(" is not where its columns lead")
	}
	if want := doc.listedStates(); !slices.Equal(want, r.states) {
		report(" is among those that are %q, and should be among %q", r.states, want)
	}
	if r.pending != (doc.State == Reserved && !doc.Erased(Register)) {
		report(" is %s; pending: %t", doc.State, r.pending)
	}
	for _, e := range doc.Entries {
		if places[pgPlace{e.List, e.Index}] != r.sequence {
			report(" is not where list %s, index %d leads", e.List, e.Index)
		}
	}
	entries := map[string]int64{"entries": int64(len(doc.Entries))}
	payloads, tokens := len(doc.Forms), len(doc.Forms)
	switch {
	case doc.Erased(Register):
		payloads, tokens = 0, 0
	case doc.State == Reserved:
		entries["pending"] = 1
		tokens = 0
	}
	if len(r.payloads) != payloads || len(r.tokens) != tokens {
		report(" is %s, its %d forms have %d payloads and %d tokens", doc.State, len(doc.Forms), len(r.payloads), len(r.tokens))
	}
	t.count(&doc, entries)
	return c
}

// checkIndexes looks for what no record calls for.
func (s *postgresStore) checkIndexes(ctx context.Context, t *tally) (found []error) {
	report := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	for table, want := range t.expected {
		var n int64
		err := s.read(ctx, func(q querier) error { return q.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n) })
		if err != nil {
			report("%w", err)
		} else if n != want {
			report("%q has %d rows, the records call for %d", table, n, want)
		}
	}
	s.checkDocuments(ctx, report)
	s.checkCourses(ctx, t.awarded, report)
	for key := range t.awarded {
		report("%q was awarded by a record and is not marked", key)
	}
	return found
}

// text is that of a column, "" where there is none.
func text(column *string) string {
	if column == nil {
		return ""
	}
	return *column
}

// pgPlace is an index of a list.
type pgPlace struct {
	list  string
	index uint64
}

// columns returns what stands beside the next records, and to which records their
// places in lists lead.
func (s *postgresStore) columns(ctx context.Context, last int64) (found []pgColumns, entries map[pgPlace]int64, err error) {
	err = s.read(ctx, func(q querier) error {
		rows, err := q.Query(ctx, `SELECT r.sequence, r.id, r.public, r.link, r.number, r.external, r.state, r.key, r.doc,
				EXISTS (SELECT 1 FROM pending p WHERE p.record = r.sequence), ARRAY(SELECT state FROM states s WHERE s.record = r.sequence ORDER BY 1),
				ARRAY(SELECT profile FROM payloads p WHERE p.record = r.sequence), ARRAY(SELECT profile FROM tokens t WHERE t.record = r.sequence)
			FROM records r WHERE r.sequence > $1 ORDER BY r.sequence LIMIT $2`, last, stepDocs)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, func(c pgx.CollectableRow) (r pgColumns, err error) {
			err = c.Scan(&r.sequence, &r.id, &r.public, &r.link, &r.number, &r.external, &r.state, &r.key, &r.doc, &r.pending, &r.states, &r.payloads, &r.tokens)
			return r, err
		})
		if err != nil {
			return err
		}
		var lists []string
		var places []int32
		for _, r := range found {
			if doc, err := openRecord(r.sequence, r.state, r.doc); err == nil {
				for _, e := range doc.Entries {
					lists, places = append(lists, e.List), append(places, int32(e.Index))
				}
			}
		}
		entries = map[pgPlace]int64{}
		rows, err = q.Query(ctx, `SELECT e.list, e.place, e.record FROM unnest($1::text[], $2::int[]) AS given (list, place) JOIN entries e ON e.list = given.list AND e.place = given.place`, lists, places)
		if err != nil {
			return err
		}
		var list string
		var index int32
		var record int64
		_, err = pgx.ForEachRow(rows, []any{&list, &index, &record}, func() error { entries[pgPlace{list, uint64(index)}] = record; return nil })
		return err
	})
	return found, entries, err
}

// checkDocuments reads every document once.
func (s *postgresStore) checkDocuments(ctx context.Context, report func(format string, args ...any)) {
	for lastKind, lastID := "", ""; ; {
		n, kind, id := 0, "", ""
		err := s.read(ctx, func(q querier) error {
			n = 0
			rows, err := q.Query(ctx, "SELECT kind, id, revision, doc FROM documents WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3", lastKind, lastID, stepRecords)
			if err != nil {
				return err
			}
			var revision int64
			var doc []byte
			_, err = pgx.ForEachRow(rows, []any{&kind, &id, &revision, &doc}, func() error {
				n++
				d, err := s.readDocument(kind, id, revision, doc)
				if errors.Is(err, ErrNotFound) {
					err = errKeyDestroyed
				}
				if err == nil {
					err = d.validate()
				}
				if err != nil {
					report("document %.40s %.60q: %w", kind, id, err)
				}
				return nil
			})
			return err
		})
		if err != nil {
			report("%w", err)
		}
		if err != nil || n < stepRecords {
			return
		}
		lastKind, lastID = kind, id
	}
}

// checkCourses compares the catalogue with itself and with what records were
// awarded under. That each version has a number of its own is for a constraint.
func (s *postgresStore) checkCourses(ctx context.Context, records map[string]bool, report func(format string, args ...any)) {
	all, err := s.courses(ctx, "c.text", "ORDER BY c.id, c.number")
	if err != nil {
		report("%w", err)
	}
	catalogue := map[string]Course{}
	for _, c := range all {
		catalogue[string(courseKey(c.ID, c.Version))] = c
		if c.Published && c.FirstPublished.IsZero() {
			report("course %s, version %s is published and never was", c.ID, c.Version)
		}
	}
	type mark struct {
		id, version string
		sum         []byte
	}
	var marks []mark
	err = s.read(ctx, func(q querier) error {
		rows, err := q.Query(ctx, "SELECT id, version, sha256 FROM awarded")
		if err == nil {
			marks, err = pgx.CollectRows(rows, func(c pgx.CollectableRow) (m mark, err error) {
				err = c.Scan(&m.id, &m.version, &m.sum)
				return m, err
			})
		}
		return err
	})
	for _, m := range marks {
		key := string(append(courseKey(m.id, m.version), m.sum...))
		if !records[key] {
			report("%q was not awarded by any record", key)
		}
		delete(records, key)
		if c, ok := catalogue[string(courseKey(m.id, m.version))]; ok && c.SHA256 != [32]byte(m.sum) {
			report("course %s, version %s is not what was awarded under it", m.id, m.version)
		}
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		report("%w", err)
	}
}
