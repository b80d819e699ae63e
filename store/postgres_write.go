package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// How often a write is begun anew. What the server broke off for the sake of
// others, and what ran into a row that another had just written, was not done.
const (
	maxBrokenOff = 5  // 40001, 40P01
	maxOvertaken = 20 // 23505
)

// write runs one transaction in two round trips, which appends nothing to the log. look queues what is read and
// locked, decide makes of it what is to be written; where that is nothing, or an
// error, nothing is; it may ask q, within the transaction. Both may run several
// times, and must forget what an earlier time found. With nil for look there is one
// round trip.
//
// An error that is no sentinel says whether anything may be there: once COMMIT is
// on its way, a lost connection leaves the outcome unknown, and only the server can
// tell, to whoever asks it by key. Nothing is repeated then. The connection is
// thrown away; the store goes on with others.
func (s *postgresStore) write(ctx context.Context, look func(b *pgx.Batch), decide func(q querier, b *pgx.Batch) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.mayWrite(); err != nil {
		return err
	}
	// From here on the outcome is waited for, whatever the caller does.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTimeout)
	defer cancel()
	brokenOff, overtaken, lost := 0, 0, 0
	for {
		sent, err := s.attempt(ctx, look, decide)
		code := errorCode(err)
		switch {
		case err == nil, isSentinel(err):
			return err
		case (code == "40001" || code == "40P01") && brokenOff < maxBrokenOff:
			brokenOff++
			time.Sleep(time.Duration(rand.IntN(1<<brokenOff)) * 5 * time.Millisecond)
		case code == "23505" && overtaken < maxOvertaken:
			overtaken++
		case !sent && lostConnection(err) && lost == 0 && ctx.Err() == nil: // a server that was started again
			lost++
		case sent && lostConnection(err):
			return fmt.Errorf("writing %s: %w: %w", s.name, errUnknown, withoutURL(err))
		case code == "25006": // a standby
			return fmt.Errorf("writing %s: %w: %w", s.name, ErrReadOnly, err)
		default:
			return fmt.Errorf("writing %s: nothing was written: %w", s.name, withoutURL(err))
		}
	}
}

var errUnknown = errors.New("outcome unknown")

// attempt is write once. sent reports whether COMMIT was on its way.
func (s *postgresStore) attempt(ctx context.Context, look func(b *pgx.Batch), decide func(q querier, b *pgx.Batch) error) (sent bool, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	b := &pgx.Batch{}
	b.Queue("BEGIN")
	if look != nil {
		look(b)
		if err := conn.SendBatch(ctx, b).Close(); err != nil {
			return false, errors.Join(err, rollback(ctx, conn))
		}
		b = &pgx.Batch{}
	}
	was := b.Len()
	if err := decide(conn, b); err != nil {
		return false, errors.Join(err, rollback(ctx, conn))
	}
	if b.Len() == was {
		return false, rollback(ctx, conn)
	}
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return errors.New("the server has taken it back") // unreachable: a statement would have failed before
		}
		return nil
	})
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return true, errors.Join(err, rollback(ctx, conn))
	}
	return true, nil
}

// rollback ends a transaction that wrote nothing, so that its connection can be
// used again. Where that does not work it is thrown away, and its locks with it.
func rollback(ctx context.Context, conn *pgxpool.Conn) error {
	if pg := conn.Conn().PgConn(); pg.IsClosed() || pg.TxStatus() == 'I' {
		return nil
	}
	if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
		conn.Conn().Close(ctx)
	}
	return nil
}

// lostConnection reports whether an error leaves it open what the server did: it
// is none that the server reported of a statement. One that ends the session, as
// when the server is stopped, may come after the commit.
func lostConnection(err error) bool {
	var reported *pgconn.PgError
	return !errors.As(err, &reported) || reported.Severity == "FATAL" || reported.Severity == "PANIC" || reported.Code == "40003"
}

// read runs what only reads, once more where the connection turns out to be dead, which
// may be after some of the rows: do begins anew each time.
func (s *postgresStore) read(ctx context.Context, do func(q querier) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.seen != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case conn := <-s.seen:
			defer func() { s.seen <- conn }()
			return s.readError(ctx, do(conn))
		}
	}
	err := do(s.pool)
	if err != nil && !isSentinel(err) && ctx.Err() == nil && lostConnection(err) && !errors.Is(err, pgx.ErrNoRows) {
		s.pool.Reset() // where one is dead, those that lie idle beside it are, too
		err = do(s.pool)
	}
	return s.readError(ctx, err)
}

func (s *postgresStore) readError(ctx context.Context, err error) error {
	switch {
	case err == nil, isSentinel(err):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("reading %s: %w", s.name, withoutURL(err))
	}
}

// deed is one call that changes something. Those that wait share a transaction.
type deed struct {
	by   author
	uses []string // no other one of these shares its transaction

	reserve *reservation
	seal    *sealing
	// What is neither: look queues what is read and locked, decide what is written,
	// and tells the log of it last. Both may run several times.
	look   func(b *pgx.Batch)
	decide func(b *pgx.Batch, log *pgLog) error

	err  error
	done chan struct{} // closed when err is set
}

// How many deeds share a transaction at most, and how much of payloads and tokens,
// in bytes, before no more are taken in.
const (
	maxShare      = 128
	maxShareBytes = 8 << 20
)

// queue lets deeds share transactions: while one is under way the deeds that come
// in queue up, and the next one takes them all. A lone caller never waits for
// company. There is one at a time for each node, because each of them ends with the
// entries of the node's own log.
type queue struct {
	once sync.Once
	turn chan struct{}

	mu      sync.Mutex
	waiting []*deed
	log     *grown // the tree of the open log, of whoever has the turn; nil: not known
}

// do has a deed done and returns its outcome.
func (s *postgresStore) do(ctx context.Context, d *deed) error {
	if err := errors.Join(ctx.Err(), s.mayWrite()); err != nil {
		return err
	}
	q := &s.queue
	q.once.Do(func() { q.turn = make(chan struct{}, 1) })
	d.by, d.done = s.author(ctx), make(chan struct{})
	q.mu.Lock()
	q.waiting = append(q.waiting, d)
	q.mu.Unlock()
	for {
		select {
		case <-d.done:
			return d.err
		case q.turn <- struct{}{}:
			select {
			case <-d.done: // others' work is for others
			default:
				group := q.next()
				s.doTogether(context.WithoutCancel(ctx), group)
				for _, d := range group {
					close(d.done)
				}
			}
			<-q.turn
		}
	}
}

// next takes those from the queue that can share a transaction.
func (q *queue) next() (group []*deed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	used := map[string]bool{}
	size := 0
	q.waiting = slices.DeleteFunc(q.waiting, func(d *deed) bool {
		if len(group) == maxShare || size > maxShareBytes || slices.ContainsFunc(d.uses, func(u string) bool { return used[u] }) {
			return false
		}
		for _, u := range d.uses {
			used[u] = true
		}
		group, size = append(group, d), size+d.reserve.size()+d.seal.size()
		return true
	})
	return group
}

// doTogether does deeds in one transaction. Where they fail together, by something
// that is one's own, each is done alone. The caller has the turn.
func (s *postgresStore) doTogether(ctx context.Context, group []*deed) {
	err := s.tryTogether(ctx, group)
	if err == nil {
		return
	}
	if len(group) > 1 && !errors.Is(err, errUnknown) && (errorCode(err) != "" || isSentinel(err)) {
		for _, d := range group {
			s.doTogether(ctx, []*deed{d})
		}
		return
	}
	for _, d := range group {
		d.err = err // also where its answer was a sentinel: what that rests on may have changed
	}
}

func (s *postgresStore) tryTogether(ctx context.Context, group []*deed) error {
	// Where rows are locked, all nodes lock them in one order.
	slices.SortStableFunc(group, func(a, b *deed) int { return slices.Compare(a.uses, b.uses) })
	var look reservingLook
	var sealed sealingLook
	var log *pgLog
	err := s.write(ctx, func(b *pgx.Batch) {
		log = s.lookLog(b)
		look.queue(s, b, group)
		sealed.queue(b, group)
		for _, d := range group {
			if d.look != nil {
				d.look(b)
			}
		}
	}, func(q querier, b *pgx.Batch) error {
		if err := log.know(ctx, q, s); err != nil {
			return err
		}
		if err := look.decide(s, b, log, group); err != nil {
			return err
		}
		if err := sealed.decide(s.keys, b, log, group); err != nil {
			return err
		}
		for _, d := range group {
			if d.decide == nil {
				continue
			}
			mine, mark := &pgx.Batch{}, len(log.entries)
			if d.err = d.decide(mine, log); d.err == nil {
				b.QueuedQueries = append(b.QueuedQueries, mine.QueuedQueries...)
			} else if log.entries = log.entries[:mark]; !isSentinel(d.err) {
				return d.err
			}
		}
		return log.queue(b)
	})
	if err != nil {
		s.queue.log = nil
		return err
	}
	s.queue.log = log.grown
	look.done(s, group)
	return nil
}
