package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"indeks/status"
)

// pgList is a list as it is stored, with what is kept beside its doc.
type pgList struct {
	listDoc      // Used, Closed and Published as they are now
	full    bool // closed because its limit is reached, and not by Restore
	bits    []int32
}

// queueLists reads lists without what they published. That a list is full is
// derived from what was given out: nobody has to close it, so no row is written by
// everybody who issues.
func queueLists(b *pgx.Batch, where string, args []any, each func(pgList) error) {
	queueListRows(b, "NULL::bytea, NULL::int[]", where, args, each)
}

func queueListRows(b *pgx.Batch, more, where string, args []any, each func(pgList) error) {
	b.Queue(`SELECT l.id, l.purpose, l.closed, l.sequence, l.doc, (SELECT coalesce(sum(u.n), 0)::bigint FROM used u WHERE u.list = l.id), `+more+` FROM lists l `+where, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			l, err := scanList(rows)
			if err == nil {
				err = each(l)
			}
			if err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

func scanList(rows pgx.Rows) (l pgList, err error) {
	var id, purpose string
	var closed bool
	var sequence, used int64
	var doc, published []byte
	if err := rows.Scan(&id, &purpose, &closed, &sequence, &doc, &used, &published, &l.bits); err != nil {
		return pgList{}, err
	}
	if err := openJSON(bucketLists, []byte(id), doc, &l.listDoc); err != nil {
		return pgList{}, err
	}
	if l.ID != id || l.Purpose != purpose || l.Sequence != uint64(sequence) {
		return pgList{}, fmt.Errorf("%w: the list %s is not what stands beside it: %s, published %d times", ErrDamaged, id, purpose, sequence)
	}
	l.Used, l.Published = uint64(used), published
	l.full = l.Used >= ListLimit
	l.Closed = closed || l.full
	return l, nil
}

// proven is the list with its token, if that is the one that was published.
func (l pgList) proven() (List, error) {
	if l.Sequence > 0 && sha256.Sum256(l.Published) != l.SHA256 {
		return List{}, fmt.Errorf("%w: the published list %s does not fit its hash", ErrDamaged, l.ID)
	}
	return l.List, nil
}

// lists reads lists with what they published, and their bits where they are asked for.
func (s *postgresStore) lists(ctx context.Context, bits bool, where string, args ...any) (found []pgList, err error) {
	more := "l.published, NULL::int[]"
	if bits { // by the same statement, so that what is published was set before
		more = "l.published, ARRAY(SELECT place FROM bits WHERE bits.list = l.id)"
	}
	err = s.read(ctx, func(q querier) error {
		found = nil
		b := &pgx.Batch{}
		queueListRows(b, more, where, args, func(l pgList) error { found = append(found, l); return nil })
		return q.SendBatch(ctx, b).Close()
	})
	return found, err
}

func (s *postgresStore) Lists(ctx context.Context) ([]List, error) {
	found, err := s.lists(ctx, false, "ORDER BY l.id")
	var lists []List
	for _, l := range found {
		var list List
		if list, err = l.proven(); err != nil {
			break
		}
		lists = append(lists, list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the status lists: %w", err)
	}
	return lists, nil
}

func (s *postgresStore) Bits(ctx context.Context, id string) (*status.List, List, error) {
	bits, list, err := s.bits(ctx, id)
	if err != nil {
		return nil, List{}, fmt.Errorf("reading status list %.40q: %w", id, err)
	}
	return bits, list, nil
}

func (s *postgresStore) bits(ctx context.Context, id string) (*status.List, List, error) {
	if !storable(id) {
		return nil, List{}, ErrNotFound
	}
	found, err := s.lists(ctx, true, "WHERE l.id = $1", id)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, List{}, err
	}
	list, err := found[0].proven()
	if err != nil {
		return nil, List{}, err
	}
	bits, err := bitsAt(found[0].bits)
	return bits, list, err
}

// bitsAt is a list with the bits at these places set.
func bitsAt(places []int32) (*status.List, error) {
	bits := status.New()
	for _, place := range places {
		if err := bits.Set(uint64(place), true); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err) // unreachable: a constraint holds places to the list
		}
	}
	return bits, nil
}

func (s *postgresStore) OpenList(ctx context.Context, purpose string, now time.Time) (List, error) {
	letter, err := listLetter(purpose)
	if err != nil {
		return List{}, err
	}
	list, err := s.openList(ctx, letter, purpose, now)
	if err != nil {
		return List{}, fmt.Errorf("opening a %s list: %w", purpose, err)
	}
	return list, nil
}

func (s *postgresStore) openList(ctx context.Context, letter, purpose string, now time.Time) (List, error) {
	// Nearly always there is one, and reading waits for nobody.
	open := func(found []pgList) (List, bool, error) {
		for _, l := range found {
			if !l.Closed {
				list, err := l.proven()
				return list, true, err
			}
		}
		return List{}, false, nil
	}
	found, err := s.lists(ctx, false, "WHERE l.purpose = $1 ORDER BY l.id", purpose)
	if err != nil {
		return List{}, err
	}
	if list, ok, err := open(found); ok || err != nil {
		return list, err
	}
	var restored epoch
	var list List
	d := &deed{uses: []string{"purpose " + purpose}}
	d.look = func(b *pgx.Batch) {
		found = nil
		queueListRows(b, "l.published, NULL::int[]", "WHERE l.purpose = $1 ORDER BY l.id", []any{purpose}, func(l pgList) error { found = append(found, l); return nil })
		queueEpoch(b, &restored)
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		var ok bool
		if list, ok, err = open(found); ok || err != nil { // opened by another since
			return err
		}
		list = List{ID: listID(letter, len(found)+1, restored), Purpose: purpose, Opened: now.UTC().Truncate(time.Second)}
		if err := queueNewList(b, listDoc{List: list}, false); err != nil { // another node that opens the same number is stopped by the key
			return err
		}
		_, err := log.enter(d.by, Event{Kind: KindListOpened, Object: list.ID, Result: purpose}, nil, nil)
		return err
	}
	err = s.do(ctx, d)
	return list, err
}

func queueNewList(b *pgx.Batch, list listDoc, closed bool) error {
	doc, err := sealJSON(bucketLists, []byte(list.ID), &list)
	if err == nil {
		b.Queue("INSERT INTO lists (id, purpose, closed, sequence, doc) VALUES ($1, $2, $3, 0, $4)", list.ID, list.Purpose, closed, doc)
	}
	return err
}

// queueEpoch reads the last restoration; it is zero in a store that never was restored.
func queueEpoch(b *pgx.Batch, e *epoch) {
	*e = epoch{}
	b.Queue("SELECT doc FROM meta WHERE name = $1", string(epochKey)).QueryRow(func(row pgx.Row) error {
		var doc []byte
		err := row.Scan(&doc)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = openJSON(bucketMeta, epochKey, doc, e)
		}
		return err
	})
}

func (s *postgresStore) Publish(ctx context.Context, id string, sequence uint64, token []byte, validFrom time.Time) error {
	if err := validPublication(id, token, validFrom); err != nil {
		return err
	}
	var list listDoc
	d := &deed{uses: []string{"list " + id}}
	d.look = func(b *pgx.Batch) {
		list = listDoc{}
		if storable(id) {
			b.Queue("SELECT 1 FROM lists WHERE id = $1 FOR NO KEY UPDATE", id)
			queueLists(b, "WHERE l.id = $1", []any{id}, func(l pgList) error { list = l.listDoc; return nil })
		}
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		switch {
		case list.ID == "":
			return ErrNotFound
		case sequence != list.Sequence+1:
			return fmt.Errorf("%w: sequence %d after %d", ErrSequence, sequence, list.Sequence)
		}
		if err := queuePublication(b, list, token, validFrom); err != nil {
			return err
		}
		_, err := log.enter(d.by, Event{Kind: KindListPublished, Object: id, Result: fmt.Sprintf("sequence %d", sequence), Digest: sha256.Sum256(token)}, nil, nil)
		return err
	}
	err := s.do(ctx, d)
	if err != nil {
		return fmt.Errorf("publishing status list %.40q: %w", id, err)
	}
	return nil
}

// queuePublication publishes as the next of a list, whose row is locked since it was
// looked at: whoever was stopped since it read the bits, for a second or an hour,
// finds another sequence and publishes nothing.
func queuePublication(b *pgx.Batch, list listDoc, token []byte, validFrom time.Time) error {
	last := list.Sequence
	list.Sequence, list.ValidFrom, list.SHA256 = last+1, validFrom.UTC().Round(0), sha256.Sum256(token)
	list.Used, list.Closed, list.Published = 0, false, nil // which are kept beside it
	doc, err := sealJSON(bucketLists, []byte(list.ID), &list)
	if err == nil {
		b.Queue("UPDATE lists SET sequence = $2, doc = $3, published = $4 WHERE id = $1 AND sequence = $5", list.ID, int64(list.Sequence), doc, token, int64(last))
	}
	return err
}

func (s *postgresStore) Numbers(ctx context.Context, series string, n int) (first uint64, err error) {
	if err := validDraw(series, n); err != nil {
		return 0, err
	}
	var last int64
	err = ErrInvalid
	if storable(series) {
		var restored epoch
		err = s.write(ctx, func(b *pgx.Batch) { queueEpoch(b, &restored) }, func(_ querier, b *pgx.Batch) error {
			b.Queue(`INSERT INTO series (name, last) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET last = series.last + $3 RETURNING last`,
				series, int64(restored.Numbers)+int64(n), int64(n)).QueryRow(func(row pgx.Row) error { return row.Scan(&last) })
			return nil
		})
	}
	if err != nil {
		return 0, fmt.Errorf("drawing %d numbers of series %.40q: %w", n, series, err)
	}
	return uint64(last) - uint64(n) + 1, nil
}
