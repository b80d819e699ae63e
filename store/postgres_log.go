package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"indeks/merkle"
)

// grown is the tree of the log that a node has open, up to its size.
type grown struct {
	log  Log
	tree merkle.Builder
}

// pgLog is the log of this node within a transaction, with the entries that the
// transaction appends.
type pgLog struct {
	found   bool
	node    string
	name    string
	size    uint64
	entries []LogEntry
	docs    [][]byte // as they are kept, one for each
	grown   *grown   // with the entries, once they are queued
	before  *grown
}

func (s *postgresStore) author(ctx context.Context) author {
	return author{ActorOf(ctx), s.now().UTC().Truncate(time.Millisecond)}
}

// lookLog locks the row of the open log until the transaction ends.
func (s *postgresStore) lookLog(b *pgx.Batch) *pgLog {
	l := &pgLog{node: s.node}
	b.Queue("SELECT name, size FROM logs WHERE node = $1 AND open FOR NO KEY UPDATE", s.node).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&l.name, &l.size}, func() error { l.found = true; return nil })
		return err
	})
	return l
}

// know makes sure that the tree is known as it is in the database: it may have been
// written by another process under the same node's name. Where the node has no log
// that is open, as when it is new or the store was restored, it gets one.
func (l *pgLog) know(ctx context.Context, q querier, s *postgresStore) error {
	if known := s.queue.log; l.found && known != nil && l.name == known.log.Name && l.size == known.log.Size {
		l.before = known
		return nil
	}
	l.before = &grown{}
	if !l.found {
		b := &pgx.Batch{}
		var restored epoch
		queueEpoch(b, &restored)
		if err := q.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		if l.name = s.node; restored.Mark != "" { // a log of that name may have gone on after the backup
			l.name += "-" + restored.Mark
		}
		by := s.author(context.Background())
		l.before.log = Log{Name: l.name, Opened: by.at}
		_, err := l.enter(by, l.before.log.opened(), nil, nil)
		return err
	}
	var doc []byte
	if err := q.QueryRow(ctx, "SELECT doc FROM logs WHERE name = $1", l.name).Scan(&doc); err != nil {
		return err
	}
	if err := openJSON(bucketLogs, []byte(l.name), doc, &l.before.log); err != nil {
		return err
	}
	if l.before.log.Size != l.size {
		return fmt.Errorf("%w: log %s has %d entries beside its column, which says %d", ErrDamaged, l.name, l.before.log.Size, l.size)
	}
	tree, err := merkle.Resume(l.size, hashes(ctx, q, l.name))
	if err == nil {
		l.before.tree = *tree
	}
	return err
}

// enter appends an entry, see newEntry.
func (l *pgLog) enter(by author, ev Event, seal func(secret []byte) (*merkle.Sealing, error), digest func(secret []byte) (merkle.Hash, error)) (Place, error) {
	place := Place{l.name, l.size + uint64(len(l.entries))}
	e, doc, err := newEntry(place.Index, by.complete(ev), seal, digest)
	if err != nil {
		return Place{}, fmt.Errorf("appending to the audit log: %v", err)
	}
	l.entries = append(l.entries, e)
	l.docs = append(l.docs[:len(l.entries)-1], sealEntry(l.name, e, doc))
	return place, nil
}

// sealEntry is an entry as it is kept.
func sealEntry(log string, e LogEntry, doc []byte) []byte {
	return seal(bucketLogEntries, entryKey(log, e.Index), e.value(doc))
}

// queue writes the entries of a transaction. Where the first of them opens the log,
// there must be others: nothing but a write opens one.
func (l *pgLog) queue(b *pgx.Batch) error {
	switch {
	case l.found && len(l.entries) == 0:
		l.grown = l.before
		return nil
	case !l.found && len(l.entries) == 1:
		return nil
	}
	return l.write(b)
}

// write writes the entries, and the hashes that the tree gets by them.
func (l *pgLog) write(b *pgx.Batch) error {
	if !l.found {
		doc, err := sealJSON(bucketLogs, []byte(l.name), l.before.log)
		if err != nil {
			return err
		}
		b.Queue("INSERT INTO logs (name, node, open, size, doc) VALUES ($1, $2, true, 0, $3)", l.name, l.node, doc)
	}
	l.grown = &grown{l.before.log, l.before.tree}
	return l.grown.append(b, l.entries, l.docs[:len(l.entries)])
}

// append queues entries of a log, docs as they are kept.
func (g *grown) append(b *pgx.Batch, entries []LogEntry, docs [][]byte) error {
	var places, runPlaces []int64
	var run []byte
	var runs [][]byte
	place := merkle.Places(g.log.Size)
	flush := func() {
		if len(run) > 0 {
			runPlaces, runs = append(runPlaces, int64(place)), append(runs, seal(bucketLogHashes, entryKey(g.log.Name, place), run))
			place, run = place+uint64(len(run)/len(merkle.Hash{})), nil
		}
	}
	for _, e := range entries {
		places = append(places, int64(e.Index))
		for _, h := range g.tree.Add(e.Leaf) {
			if run = append(run, h[:]...); len(run) == maxRun*len(h) {
				flush()
			}
		}
	}
	flush()
	g.log.Size = g.tree.Size()
	doc, err := sealJSON(bucketLogs, []byte(g.log.Name), g.log)
	if err != nil {
		return err
	}
	b.Queue("INSERT INTO log_entries (log, place, doc) SELECT $1, e.place, e.doc FROM unnest($2::bigint[], $3::bytea[]) AS e (place, doc)", g.log.Name, places, docs)
	b.Queue("INSERT INTO log_hashes (log, place, doc) SELECT $1, e.place, e.doc FROM unnest($2::bigint[], $3::bytea[]) AS e (place, doc)", g.log.Name, runPlaces, runs)
	b.Queue("UPDATE logs SET size = $2, doc = $3 WHERE name = $1", g.log.Name, int64(g.log.Size), doc)
	return nil
}

// validNode says with ErrInvalid what no node is called: its log is published
// under its name.
func validNode(node string) error {
	ok := node != "" && len(node) <= 32
	for _, c := range node {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9')
	}
	if !ok {
		return fmt.Errorf("%w: a node's name is of a to z and 0 to 9, at most 32 of them, not %.40q", ErrInvalid, node)
	}
	return nil
}

func (s *postgresStore) Append(ctx context.Context, events ...Event) error {
	return s.PutDocuments(ctx, nil, events...)
}

func (s *postgresStore) logs(ctx context.Context, where string, args ...any) (logs []Log, err error) {
	err = s.read(ctx, func(q querier) error {
		logs = nil
		rows, err := q.Query(ctx, "SELECT name, open, size, doc FROM logs "+where, args...)
		if err != nil {
			return err
		}
		var name string
		var open bool
		var size int64
		var doc []byte
		_, err = pgx.ForEachRow(rows, []any{&name, &open, &size, &doc}, func() error {
			var log Log
			if err := openJSON(bucketLogs, []byte(name), doc, &log); err != nil {
				return err
			}
			if log.Name != name || log.Closed.IsZero() != open || log.Size != uint64(size) {
				return fmt.Errorf("%w: log %s has %d entries beside its columns, which say %d", ErrDamaged, name, log.Size, size)
			}
			logs = append(logs, log)
			return nil
		})
		return err
	})
	return logs, err
}

func (s *postgresStore) Logs(ctx context.Context) ([]Log, error) {
	logs, err := s.logs(ctx, "ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("reading the logs: %w", err)
	}
	slices.SortStableFunc(logs, func(a, b Log) int { return a.Opened.Compare(b.Opened) })
	return logs, nil
}

func (s *postgresStore) LogEntry(ctx context.Context, log string, index uint64) (e LogEntry, err error) {
	err = s.read(ctx, func(q querier) error {
		if !storable(log) || index > 1<<62 {
			return ErrNotFound
		}
		var doc []byte
		err := q.QueryRow(ctx, "SELECT doc FROM log_entries WHERE log = $1 AND place = $2", log, int64(index)).Scan(&doc)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err == nil {
			e, err = openEntry(entryKey(log, index), doc)
		}
		return err
	})
	if err != nil {
		return LogEntry{}, fmt.Errorf("reading entry %d of log %.40q: %w", index, log, err)
	}
	return e, nil
}

func (s *postgresStore) LogEntries(ctx context.Context, log string, from uint64) iter.Seq2[LogEntry, error] {
	return func(yield func(LogEntry, error) bool) {
		s.eachEntry(ctx, "SELECT place, doc FROM log_entries WHERE log = $1 AND place >= $2 ORDER BY place LIMIT $3", log, from,
			func(index uint64, doc []byte) bool { return yield(openEntry(entryKey(log, index), doc)) },
			func(err error) { yield(LogEntry{}, fmt.Errorf("going through log %.40q: %w", log, err)) })
	}
}

// eachEntry gives the rows of a log from an index on, in steps, until each is false.
func (s *postgresStore) eachEntry(ctx context.Context, sql, log string, from uint64, each func(index uint64, doc []byte) bool, failed func(error)) {
	if !storable(log) || from > 1<<62 {
		return
	}
	for {
		var indexes []int64
		var docs [][]byte
		err := s.read(ctx, func(q querier) error {
			indexes, docs = nil, nil
			rows, err := q.Query(ctx, sql, log, int64(from), stepEntries)
			if err != nil {
				return err
			}
			var index int64
			var doc []byte
			_, err = pgx.ForEachRow(rows, []any{&index, &doc}, func() error {
				indexes, docs = append(indexes, index), append(docs, slices.Clone(doc))
				return nil
			})
			return err
		})
		if err != nil {
			failed(err)
			return
		}
		for n, doc := range docs {
			from = uint64(indexes[n]) + 1
			if !each(uint64(indexes[n]), doc) {
				return
			}
		}
		if len(docs) < stepEntries {
			return
		}
	}
}

func (s *postgresStore) LogHashes(ctx context.Context, log string, places []int64) ([]merkle.Hash, error) {
	var found []merkle.Hash
	err := s.read(ctx, func(q querier) (err error) {
		found, err = hashes(ctx, q, log)(places)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree of log %.40q: %w", log, err)
	}
	return found, nil
}

// hashes reads the hashes of a log's tree.
func hashes(ctx context.Context, q querier, log string) merkle.Reader {
	return func(places []int64) ([]merkle.Hash, error) {
		if !storable(log) {
			return nil, ErrNotFound
		}
		rows, err := q.Query(ctx, `SELECT place, doc FROM log_hashes WHERE log = $1 AND place IN (
				SELECT (SELECT max(h.place) FROM log_hashes h WHERE h.log = $1 AND h.place <= asked.place) FROM unnest($2::bigint[]) AS asked (place)
			) ORDER BY place`, log, places)
		if err != nil {
			return nil, err
		}
		type run struct {
			first  int64
			hashes []byte
		}
		var runs []run
		var first int64
		var doc []byte
		_, err = pgx.ForEachRow(rows, []any{&first, &doc}, func() error {
			hashes, err := open(bucketLogHashes, entryKey(log, uint64(first)), doc)
			runs = append(runs, run{first, slices.Clone(hashes)})
			return err
		})
		if err != nil {
			return nil, err
		}
		found := make([]merkle.Hash, len(places))
		for i, place := range places {
			n, exact := slices.BinarySearchFunc(runs, place, func(r run, place int64) int { return cmp.Compare(r.first, place) })
			if !exact {
				n--
			}
			size := int64(len(merkle.Hash{}))
			if n < 0 || (place-runs[n].first+1)*size > int64(len(runs[n].hashes)) {
				return nil, fmt.Errorf("%w: log %s has no hash at place %d", ErrDamaged, log, place)
			}
			copy(found[i][:], runs[n].hashes[(place-runs[n].first)*size:])
		}
		return found, nil
	}
}

func (s *postgresStore) Logged(ctx context.Context, id string) (p Place, err error) {
	err = s.read(ctx, func(q querier) error {
		if !storable(id) {
			return ErrNotFound
		}
		var sequence int64
		var state string
		var stored []byte
		err := q.QueryRow(ctx, "SELECT sequence, state, doc FROM records WHERE id = $1", id).Scan(&sequence, &state, &stored)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		doc, err := openRecord(sequence, state, stored)
		if err == nil && doc.Logged == nil {
			err = ErrNotFound
		}
		if err == nil {
			p = *doc.Logged
		}
		return err
	})
	if err != nil {
		return Place{}, fmt.Errorf("looking for %.100q in the logs: %w", id, err)
	}
	return p, nil
}

func (s *postgresStore) Places(ctx context.Context, ids []string) (places map[string]Place, err error) {
	err = s.read(ctx, func(q querier) error {
		places = map[string]Place{}
		rows, err := q.Query(ctx, "SELECT id, sequence, state, doc FROM records WHERE id = ANY ($1)", slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !storable(id) }))
		if err != nil {
			return err
		}
		var id, state string
		var sequence int64
		var stored []byte
		_, err = pgx.ForEachRow(rows, []any{&id, &sequence, &state, &stored}, func() error {
			doc, err := openRecord(sequence, state, stored)
			if err != nil {
				return fmt.Errorf("%.100q: %w", id, err)
			}
			if doc.Logged != nil {
				places[id] = *doc.Logged
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for %d credentials in the logs: %w", len(ids), err)
	}
	return places, nil
}

func (s *postgresStore) PutHead(ctx context.Context, h Head) (Head, error) {
	if err := h.validate(); err != nil {
		return Head{}, err
	}
	h, err := s.putHead(ctx, h)
	if err != nil {
		return Head{}, fmt.Errorf("putting a head of log %.40q: %w", h.Log, err)
	}
	return h, nil
}

func (s *postgresStore) putHead(ctx context.Context, h Head) (Head, error) {
	if !storable(h.Log) {
		return h, ErrNotFound
	}
	// What a log has does not change any more, so it may be read before.
	logs, err := s.logs(ctx, "WHERE name = $1", h.Log)
	if err == nil && len(logs) == 0 {
		err = ErrNotFound
	}
	if err == nil {
		err = h.of(logs[0], func(places []int64) ([]merkle.Hash, error) { return s.LogHashes(ctx, h.Log, places) })
	}
	if err != nil {
		return h, err
	}
	key := entryKey(h.Log, h.Size)
	doc, err := sealJSON(bucketLogHeads, key, h)
	if err != nil {
		return h, err
	}
	kept := h
	err = s.write(ctx, nil, func(_ querier, b *pgx.Batch) error {
		b.Queue("INSERT INTO log_heads (log, size, doc) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", h.Log, int64(h.Size), doc)
		b.Queue("SELECT doc FROM log_heads WHERE log = $1 AND size = $2", h.Log, int64(h.Size)).QueryRow(func(row pgx.Row) error {
			var stored []byte
			if err := row.Scan(&stored); err != nil {
				return err
			}
			kept = Head{}
			return openJSON(bucketLogHeads, key, stored, &kept)
		})
		return nil
	})
	return kept, err
}

func (s *postgresStore) Heads(ctx context.Context, log string, from uint64) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		failed := func(err error) { yield(Head{}, fmt.Errorf("going through the heads of log %.40q: %w", log, err)) }
		s.eachEntry(ctx, "SELECT size, doc FROM log_heads WHERE log = $1 AND size >= $2 ORDER BY size LIMIT $3", log, from,
			func(size uint64, doc []byte) bool {
				var h Head
				if err := openJSON(bucketLogHeads, entryKey(log, size), doc, &h); err != nil {
					failed(err)
					return false
				}
				return yield(h, nil)
			}, failed)
	}
}

func (s *postgresStore) LastHead(ctx context.Context, log string) (h Head, err error) {
	err = s.read(ctx, func(q querier) error {
		if !storable(log) {
			return ErrNotFound
		}
		var size int64
		var doc []byte
		err := q.QueryRow(ctx, "SELECT size, doc FROM log_heads WHERE log = $1 ORDER BY size DESC LIMIT 1", log).Scan(&size, &doc)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err == nil {
			h = Head{}
			err = openJSON(bucketLogHeads, entryKey(log, uint64(size)), doc, &h)
		}
		return err
	})
	if err != nil {
		return Head{}, fmt.Errorf("reading the last head of log %.40q: %w", log, err)
	}
	return h, nil
}
