package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"indeks/merkle"
	"indeks/status"
)

// RestorePostgres makes a database that was brought back from a backup of its
// cluster fit to take the place of the lost one, as Restore does with a file. No
// node may use it meanwhile (ErrLocked). It is one transaction, both checks among
// it: after an error the database is as it was.
func RestorePostgres(ctx context.Context, c PostgresConfig, how Restoration) (done Restored, err error) {
	if err := validNode(c.Node); err != nil {
		return Restored{}, fmt.Errorf("restoring: %w", err)
	}
	err = c.alone(ctx, "restoring", func(tx pgx.Tx) error {
		if _, err := readIdentity(ctx, tx, c.StoreID, " FOR UPDATE"); err != nil {
			return err
		}
		if err := c.nobodyElse(ctx, tx); err != nil {
			return err
		}
		// A store that sees what the transaction sees.
		s := &postgresStore{keys: c.Keys, node: c.Node, seen: make(chan *pgx.Conn, 1), readOnly: errors.New("it is being restored")}
		s.seen <- tx.Conn()
		if err := checkRestoring(ctx, s, true); err != nil {
			return err
		}
		r := &postgresRestoring{ctx: ctx, tx: tx, by: author{ActorOf(ctx), how.At.UTC().Round(0)}, keys: c.Keys, node: c.Node}
		if done, err = restore(r, c.Keys, how); err != nil {
			return err
		}
		if err := r.run(func(b *pgx.Batch) error { return r.log.write(b) }); err != nil {
			return err
		}
		return checkRestoring(ctx, s, false)
	})
	if err != nil {
		return Restored{}, err
	}
	return done, nil
}

// nobodyElse waits for the nodes that use the database to end, for as long as a bbolt
// store is waited for: ErrLocked.
func (c PostgresConfig) nobodyElse(ctx context.Context, tx pgx.Tx) error {
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		var others int
		if _, err := tx.Exec(ctx, "SELECT pg_stat_clear_snapshot()"); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'indeks %'`).Scan(&others)
		if err != nil || others == 0 {
			return err
		}
		if time.Since(start) > cmp.Or(c.lock, lockTimeout) {
			return fmt.Errorf("%w: %d connections of nodes", ErrLocked, others)
		}
	}
}

// postgresRestoring is restoring in a database.
type postgresRestoring struct {
	ctx  context.Context
	tx   pgx.Tx
	by   author
	keys *DataKeys
	node string
	log  *pgLog // which has begun, and is written at the end
}

func (r *postgresRestoring) run(queue func(b *pgx.Batch) error) error {
	b := &pgx.Batch{}
	if err := queue(b); err != nil {
		return err
	}
	return r.tx.SendBatch(r.ctx, b).Close()
}

func (r *postgresRestoring) lists() (map[string]listDoc, error) {
	known := map[string]listDoc{}
	err := r.run(func(b *pgx.Batch) error {
		queueLists(b, "ORDER BY l.id", nil, func(l pgList) error { known[l.ID] = l.listDoc; return nil })
		return nil
	})
	return known, err
}

func (r *postgresRestoring) bits(list string) (*status.List, error) {
	rows, err := r.tx.Query(r.ctx, "SELECT place FROM bits WHERE list = $1", list)
	if err != nil {
		return nil, err
	}
	places, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, err
	}
	return bitsAt(places)
}

func (r *postgresRestoring) epoch() (e epoch, err error) {
	err = r.run(func(b *pgx.Batch) error { queueEpoch(b, &e); return nil })
	return e, err
}

func (r *postgresRestoring) setEpoch(e epoch) error {
	doc, err := sealJSON(bucketMeta, epochKey, e)
	if err == nil {
		_, err = r.tx.Exec(r.ctx, "INSERT INTO meta (name, doc) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc", string(epochKey), doc)
	}
	return err
}

func (r *postgresRestoring) nextLog(mark string, heads []Head) (string, error) {
	var logs []Log
	nodes := map[string]string{} // of those that are open
	rows, err := r.tx.Query(r.ctx, "SELECT name, node, open, doc FROM logs ORDER BY name")
	if err != nil {
		return "", err
	}
	var name, node string
	var open bool
	var doc []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &node, &open, &doc}, func() error {
		var log Log
		err := openJSON(bucketLogs, []byte(name), doc, &log)
		logs = append(logs, log)
		if open {
			nodes[name] = node
		}
		return err
	})
	if err != nil {
		return "", err
	}
	lost, seen, err := afterRestoring(heads, logs, func(log string) merkle.Reader { return hashes(r.ctx, r.tx, log) })
	if err != nil {
		return "", err
	}

	// The other nodes begin theirs with their first write: see pgLog.know.
	name = r.node + "-" + mark
	r.log = &pgLog{node: r.node, name: name, before: &grown{log: Log{Name: name, Opened: r.by.at}}}
	err = r.enter(r.log.before.log.opened())
	for _, log := range logs {
		if _, ok := nodes[log.Name]; !ok || err != nil {
			continue
		}
		if err = r.enter(restoredEvent(log, seen)); err != nil {
			break
		}
		log.Closed = r.by.at
		var doc []byte
		if doc, err = sealJSON(bucketLogs, []byte(log.Name), log); err == nil {
			_, err = r.tx.Exec(r.ctx, "UPDATE logs SET open = false, doc = $2 WHERE name = $1", log.Name, doc)
		}
	}
	for _, name := range lost {
		if err != nil {
			break
		}
		var doc []byte
		if doc, err = sealJSON(bucketLogs, []byte(name), Log{Name: name, Opened: r.by.at, Closed: r.by.at}); err == nil {
			_, err = r.tx.Exec(r.ctx, "INSERT INTO logs (name, node, open, size, doc) VALUES ($1, $1, false, 0, $2)", name, doc)
		}
	}
	return name, err
}

func (r *postgresRestoring) enter(ev Event) error {
	_, err := r.log.enter(r.by, ev, nil, nil)
	return err
}

func (r *postgresRestoring) closeList(list listDoc) error {
	_, err := r.tx.Exec(r.ctx, "UPDATE lists SET closed = true WHERE id = $1", list.ID)
	return err
}

func (r *postgresRestoring) addList(list listDoc) error {
	list.Closed = false // which is kept beside it
	return r.run(func(b *pgx.Batch) error { return queueNewList(b, list, true) })
}

func (r *postgresRestoring) skipNumbers(n uint64) error {
	_, err := r.tx.Exec(r.ctx, "UPDATE series SET last = last + $1", int64(n))
	return err
}

func (r *postgresRestoring) recordAt(list string, index uint64) (id string, err error) {
	err = r.tx.QueryRow(r.ctx, "SELECT r.id FROM entries e JOIN records r ON r.sequence = e.record WHERE e.list = $1 AND e.place = $2", list, int32(index)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return id, err
}

func (r *postgresRestoring) change(id string, c Change) error {
	var row pgRow
	if err := r.tx.QueryRow(r.ctx, "SELECT sequence, state, doc FROM records WHERE id = $1", id).Scan(&row.sequence, &row.state, &row.doc); err != nil {
		return err
	}
	doc, err := openRecord(row.sequence, row.state, row.doc)
	if err != nil {
		return err
	}
	moved, err := doc.move(r.keys, c)
	if err != nil || !moved {
		return err
	}
	return r.run(func(b *pgx.Batch) error { return queueChange(b, r.log, r.by, row.sequence, doc, c) })
}

func (r *postgresRestoring) keep(list string, strange *status.List) error {
	var places []int32
	for index := range uint64(strange.Len()) {
		if on, err := strange.Get(index); err == nil && on {
			places = append(places, int32(index))
		}
	}
	_, err := r.tx.Exec(r.ctx, `INSERT INTO bits (list, place, purpose, kept) SELECT l.id, p.place, l.purpose, true FROM lists l, unnest($2::int[]) AS p (place) WHERE l.id = $1
		ON CONFLICT (list, place) DO UPDATE SET kept = true`, list, places)
	return err
}

func (r *postgresRestoring) publish(list listDoc, token []byte, validFrom time.Time) error {
	return r.run(func(b *pgx.Batch) error { return queuePublication(b, list, token, validFrom) })
}

func (r *postgresRestoring) lackingKeys() (docs []recordDoc, err error) {
	for last, more := int64(-1), true; more; {
		rows, err := r.tx.Query(r.ctx, "SELECT sequence, state, doc FROM records WHERE sequence > $1 ORDER BY sequence LIMIT $2", last, stepDocs)
		if err != nil {
			return nil, err
		}
		n := 0
		var state string
		var stored []byte
		_, err = pgx.ForEachRow(rows, []any{&last, &state, &stored}, func() error {
			n++
			doc, err := openRecord(last, state, stored)
			if err == nil && doc.lacksKey(r.keys) {
				docs = append(docs, doc)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		more = n == stepDocs
	}
	return docs, nil
}

func (r *postgresRestoring) dropDocuments() error {
	for kind, id, more := "", "", true; more; {
		rows, err := r.tx.Query(r.ctx, "SELECT kind, id, doc FROM documents WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3", kind, id, stepRecords)
		if err != nil {
			return err
		}
		n := 0
		var doc []byte
		var papers [][2]string
		_, err = pgx.ForEachRow(rows, []any{&kind, &id, &doc}, func() error {
			n++
			if d, err := r.keys.openDocument(documentKey(kind, id), doc); errors.Is(err, ErrNotFound) || d.endsWithRestoration() {
				papers = append(papers, [2]string{kind, id})
			}
			return nil
		})
		for _, p := range papers {
			if err == nil {
				_, err = r.tx.Exec(r.ctx, "DELETE FROM documents WHERE kind = $1 AND id = $2", p[0], p[1])
			}
		}
		if err != nil {
			return err
		}
		more = n == stepRecords
	}
	return nil
}

func (r *postgresRestoring) erase(id string, e Erasure) error {
	var row pgRow
	if err := r.tx.QueryRow(r.ctx, "SELECT sequence, state, doc FROM records WHERE id = $1", id).Scan(&row.sequence, &row.state, &row.doc); err != nil {
		return err
	}
	doc, err := openRecord(row.sequence, row.state, row.doc)
	if err != nil || !doc.erase(e) {
		return err
	}
	if err := r.run(func(b *pgx.Batch) error { return queueErased(b, r.keys, row.sequence, &doc) }); err != nil {
		return err
	}
	return r.enter(e.event(id))
}
