package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	bolt "go.etcd.io/bbolt"
)

// BoltToPostgres copies the store in the file at path, which nobody uses, into an
// empty database (ErrExists): everything that is in it, as it is kept, so that the
// hashes and the data keys stay those they are. The log of the file is closed, and
// that of the node named in c goes on. The copy is checked, and compared record by
// record and document by document, before the one transaction ends that it is:
// after an error the database is empty. The file is only read.
func BoltToPostgres(ctx context.Context, path string, c PostgresConfig) (sum Summary, err error) {
	if err := validNode(c.Node); err != nil {
		return Summary{}, fmt.Errorf("migrating: %w", err)
	}
	old, err := openBolt(path, c.StoreID, c.Keys, boltLimits{lock: lockTimeout, read: true})
	if err != nil {
		return Summary{}, err
	}
	defer old.Close()
	err = c.alone(ctx, "creating", func(tx pgx.Tx) error {
		if err := empty(ctx, tx); err != nil {
			return err
		}
		for _, step := range migrations() {
			if _, err := tx.Exec(ctx, step, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		err := old.view(ctx, func(from *bolt.Tx) error {
			m := &migration{ctx: ctx, from: from, to: tx, c: c, by: author{ActorOf(ctx), time.Now().UTC().Truncate(time.Millisecond)}, awarded: map[string]bool{}}
			return m.all()
		})
		if err != nil {
			return err
		}
		s := &postgresStore{keys: c.Keys, node: c.Node, seen: make(chan *pgx.Conn, 1), readOnly: errors.New("it is being copied")}
		s.seen <- tx.Conn()
		sum, err = same(ctx, old, s)
		return err
	})
	if err != nil {
		return Summary{}, fmt.Errorf("migrating %s: %w", path, err)
	}
	return sum, nil
}

// migration copies from one transaction into the other.
type migration struct {
	ctx  context.Context
	from *bolt.Tx
	to   pgx.Tx
	c    PostgresConfig
	by   author

	awarded map[string]bool // what stands in awarded
}

func (m *migration) all() error {
	for _, step := range []func() error{m.meta, m.lists, m.records, m.blobs, m.series, m.courses, m.documents, m.logs} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// copy copies the entries of a bucket into a table, as the rows that are made of them.
func (m *migration) copy(table string, columns []string, bucket []byte, rows func(key, stored []byte) ([][]any, error)) error {
	cursor := m.from.Bucket(bucket).Cursor()
	key, stored := cursor.First()
	var ready [][]any
	made := int64(0)
	n, err := m.to.CopyFrom(m.ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		for len(ready) == 0 {
			if key == nil {
				return nil, nil
			}
			var err error
			if ready, err = rows(key, stored); err != nil {
				return nil, err
			}
			made += int64(len(ready))
			key, stored = cursor.Next()
		}
		row := ready[0]
		ready = ready[1:]
		return row, nil
	}))
	if err == nil && n != made {
		err = fmt.Errorf("%w: %d rows of %d", ErrDamaged, n, made)
	}
	if err != nil {
		return fmt.Errorf("copying %q: %w", bucket, err)
	}
	return nil
}

func (m *migration) meta() error {
	var id identity
	if err := getJSON(m.from, bucketMeta, identityKey, &id); err != nil {
		return err
	}
	id.Schema = len(migrations())
	doc, err := sealJSON(bucketMeta, identityKey, id)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	b.Queue("INSERT INTO meta (name, doc) VALUES ($1, $2)", string(identityKey), doc)
	if epoch := m.from.Bucket(bucketMeta).Get(epochKey); epoch != nil {
		b.Queue("INSERT INTO meta (name, doc) VALUES ($1, $2)", string(epochKey), epoch)
	}
	return m.to.SendBatch(m.ctx, b).Close()
}

func (m *migration) lists() error {
	return m.from.Bucket(bucketLists).ForEach(func(key, _ []byte) error {
		list, err := getList(m.from, string(key))
		if err != nil {
			return err
		}
		bits, err := getBits(m.from, list.ID)
		if err != nil {
			return err
		}
		kept, err := getKept(m.from, list.ID)
		if err != nil {
			return err
		}
		used, closed := list.Used, list.Closed
		list.Used, list.Closed = 0, false // which are kept beside it
		doc, err := sealJSON(bucketLists, key, &list)
		if err != nil {
			return err
		}
		b := &pgx.Batch{}
		b.Queue("INSERT INTO lists (id, purpose, closed, sequence, doc, published) VALUES ($1, $2, $3, $4, $5, $6)",
			list.ID, list.Purpose, closed, int64(list.Sequence), doc, m.from.Bucket(bucketPublished).Get(key))
		b.Queue("INSERT INTO used (list, node, n) VALUES ($1, $2, $3)", list.ID, m.c.Node, int64(used))
		var places []int32
		var keptToo []bool
		for index := range uint64(bits.Len()) {
			on, err1 := bits.Get(index)
			nobodys, err2 := kept.Get(index)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			if on {
				places, keptToo = append(places, int32(index)), append(keptToo, nobodys)
			}
		}
		b.Queue("INSERT INTO bits (list, purpose, place, kept) SELECT $1, $2, p.place, p.kept FROM unnest($3::int[], $4::boolean[]) AS p (place, kept)", list.ID, list.Purpose, places, keptToo)
		return m.to.SendBatch(m.ctx, b).Close()
	})
}

// doc reads a record of the file.
func (m *migration) doc(key, stored []byte) (doc recordDoc, err error) {
	if err := openJSON(bucketRecords, key, stored, &doc); err != nil {
		return recordDoc{}, err
	}
	if doc.clear() {
		return recordDoc{}, fmt.Errorf("%w: record %s is not under data keys: run `indeks compact` first", ErrInvalid, doc.ID)
	}
	return doc, nil
}

func (m *migration) records() error {
	orNull := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	err := m.copy("records", []string{"sequence", "id", "key", "public", "link", "number", "external", "state", "doc"}, bucketRecords, func(key, stored []byte) ([][]any, error) {
		doc, err := m.doc(key, stored)
		return [][]any{{int64(sequenceOfKey(key)), doc.ID, doc.Blind[byKey.kind], doc.Public, orNull(doc.blindText(byLink)), doc.Number, orNull(doc.blindText(byExternalID)), string(doc.State), stored}}, err
	})
	if err != nil {
		return err
	}
	if _, err := m.to.Exec(m.ctx, "SELECT setval('record_sequence', greatest(1, (SELECT coalesce(max(sequence), 0) FROM records) + 1), false)"); err != nil {
		return err
	}
	if err := m.copy("entries", []string{"list", "place", "purpose", "record"}, bucketRecords, func(key, stored []byte) (rows [][]any, err error) {
		doc, err := m.doc(key, stored)
		for _, e := range doc.Entries {
			rows = append(rows, []any{e.List, int32(e.Index), e.Purpose, int64(sequenceOfKey(key))})
		}
		return rows, err
	}); err != nil {
		return err
	}
	if err := m.copy("states", []string{"record", "state"}, bucketRecords, func(key, stored []byte) (rows [][]any, err error) {
		doc, err := m.doc(key, stored)
		for _, state := range doc.listedStates() {
			rows = append(rows, []any{int64(sequenceOfKey(key)), state})
		}
		return rows, err
	}); err != nil {
		return err
	}
	return m.copy("pending", []string{"record"}, bucketPending, func(key, _ []byte) ([][]any, error) {
		return [][]any{{int64(sequenceOfKey(key))}}, nil
	})
}

func (m *migration) blobs() error {
	blob := func(key, stored []byte) ([][]any, error) {
		return [][]any{{int64(sequenceOfKey(key[:8])), string(key[8:]), stored}}, nil
	}
	if err := m.copy("payloads", []string{"record", "profile", "body"}, bucketPayloads, blob); err != nil {
		return err
	}
	return m.copy("tokens", []string{"record", "profile", "body"}, bucketTokens, blob)
}

func (m *migration) series() error {
	return m.copy("series", []string{"name", "last"}, bucketSeries, func(name, stored []byte) ([][]any, error) {
		value, err := open(bucketSeries, name, stored)
		if err != nil {
			return nil, err
		}
		return [][]any{{string(name), int64(sequenceOfKey(value))}}, nil
	})
}

func (m *migration) courses() error {
	b := &pgx.Batch{}
	all, err := versions(m.from, "")
	if err != nil {
		return err
	}
	for _, c := range all {
		key := courseKey(c.ID, c.Version)
		b.Queue("INSERT INTO courses (id, version, number, doc, text) VALUES ($1, $2, $3, $4, $5)", c.ID, c.Version, c.Number, m.from.Bucket(bucketCourses).Get(key), m.from.Bucket(bucketCourseTexts).Get(key))
	}
	err = m.from.Bucket(bucketRecords).ForEach(func(key, stored []byte) error {
		doc, err := m.doc(key, stored)
		if err != nil || doc.awardedKey() == nil {
			return err
		}
		course := string(doc.awardedKey())
		if m.awarded[course] {
			return nil
		}
		m.awarded[course] = true
		b.Queue("INSERT INTO courses (id, version) VALUES ($1, $2) ON CONFLICT DO NOTHING", doc.Course, doc.CourseVersion)
		b.Queue("INSERT INTO awarded (id, version, sha256) VALUES ($1, $2, $3)", doc.Course, doc.CourseVersion, doc.CourseSHA256[:])
		return nil
	})
	if err != nil {
		return err
	}
	return m.to.SendBatch(m.ctx, b).Close()
}

func (m *migration) documents() error {
	return m.copy("documents", []string{"kind", "id", "revision", "doc"}, bucketDocuments, func(key, stored []byte) ([][]any, error) {
		d, err := readDocumentHead(key, stored)
		return [][]any{{d.Kind, d.ID, int64(d.Revision), stored}}, err
	})
}

func (m *migration) logs() error {
	// The node's own log is named as behind every database: see pgLog.know.
	restored, err := getEpoch(m.from)
	if err != nil {
		return err
	}
	own := m.c.Node
	if restored.Mark != "" {
		own += "-" + restored.Mark
	}

	// 1. The logs of the file take no more entries.
	var last Log
	err = m.from.Bucket(bucketLogs).ForEach(func(name, _ []byte) error {
		var log Log
		if err := getJSON(m.from, bucketLogs, name, &log); err != nil {
			return err
		}
		if log.Closed.IsZero() {
			log.Closed, last = m.by.at, log
		}
		doc, err := sealJSON(bucketLogs, name, log)
		if err != nil {
			return err
		}
		if log.Name == own {
			return fmt.Errorf("%w: the store has a log of the name %s: give the node another name", ErrInvalid, log.Name)
		}
		_, err = m.to.Exec(m.ctx, "INSERT INTO logs (name, node, open, size, doc) VALUES ($1, $1, false, $2, $3)", log.Name, int64(log.Size), doc)
		return err
	})
	if err != nil {
		return err
	}
	of := func(key, stored []byte) ([][]any, error) { // log, 0, number
		n := len(key) - 9
		if n < 0 {
			return nil, fmt.Errorf("%w: key %x of a log", ErrDamaged, key)
		}
		return [][]any{{string(key[:n]), int64(sequenceOfKey(key[n+1:])), stored}}, nil
	}
	for _, x := range []struct {
		table, number string
		bucket        []byte
	}{{"log_entries", "place", bucketLogEntries}, {"log_hashes", "place", bucketLogHashes}, {"log_heads", "size", bucketLogHeads}} {
		if err := m.copy(x.table, []string{"log", x.number, "doc"}, x.bucket, of); err != nil {
			return err
		}
	}

	// 2. The node's own begins.
	log := &pgLog{node: m.c.Node, name: own, before: &grown{log: Log{Name: own, Opened: m.by.at}}}
	for _, ev := range []Event{log.before.log.opened(), {Kind: KindImported, Object: last.Name, Result: fmt.Sprintf("the store in a file, whose log has %d entries", last.Size)}} {
		if _, err := log.enter(m.by, ev, nil, nil); err != nil {
			return err
		}
	}
	b := &pgx.Batch{}
	if err := log.write(b); err != nil {
		return err
	}
	return m.to.SendBatch(m.ctx, b).Close()
}

// same says why a copy is not what it was made of: it is checked as a whole, counted,
// and compared record by record and document by document.
func same(ctx context.Context, old, copied Store) (Summary, error) {
	if found := Check(ctx, copied); len(found) > 0 {
		return Summary{}, fmt.Errorf("checking the copy, %d findings: %w", len(found), errors.Join(found[:min(len(found), 20)]...))
	}
	want, err1 := Summarize(ctx, old)
	got, err2 := Summarize(ctx, copied)
	if err := errors.Join(err1, err2); err != nil {
		return Summary{}, err
	}
	want.Schema = got.Schema   // which a database counts for itself
	for n := range want.Logs { // they take no more entries, and the node has one of its own
		want.Logs[n].Closed = true
	}
	got.Logs = slices.DeleteFunc(got.Logs, func(l LogSummary) bool { return !l.Closed })
	if !reflect.DeepEqual(got, want) {
		return Summary{}, fmt.Errorf("%w: the copy holds %+v, the file %+v", ErrDamaged, got, want)
	}
	for listed, err := range old.Records(ctx, "") {
		if err != nil {
			return Summary{}, err
		}
		was, err1 := old.Get(ctx, listed.ID)
		is, err2 := copied.Get(ctx, listed.ID)
		if errors.Is(err1, ErrErased) && errors.Is(err2, ErrErased) {
			err1, err2 = nil, nil
		}
		if err := errors.Join(err1, err2); err != nil {
			return Summary{}, err
		}
		if !reflect.DeepEqual(was, is) {
			return Summary{}, fmt.Errorf("%w: the copy of record %s is another", ErrDamaged, listed.ID)
		}
	}
	return got, nil
}
