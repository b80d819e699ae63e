package store

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What here is PostgreSQL's alone, for whoever runs it on another engine that
// speaks the same protocol: the triggers (a function in plpgsql), the fillfactor
// and the storage of columns in the migrations; pg_class and pg_settings, by which
// an empty database and a safe one are known; nextval. The rest is plain SQL with
// arrays, ON CONFLICT, RETURNING and FOR UPDATE.

// PostgresConfig names a store in a PostgreSQL database that several nodes share.
type PostgresConfig struct {
	// URL of the database, postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full,
	// or the same as key=value. Another machine is only spoken to where its
	// certificate is checked.
	URL string
	// StoreID is the institution's id, as for bbolt.
	StoreID string
	// Keys are the learners' data keys. They lie in no database that is backed up with
	// this one; nil: what is personal cannot be read or written.
	Keys *DataKeys
	// Node is this node's name among all that share the database, and that of its
	// audit log: of a to z and 0 to 9, at most 32 of them. One that runs beside it
	// has another.
	Node string
	// MaxConns bounds the connections of this node; 0: 16.
	MaxConns int
	// Warn is told what an operator should know; nil: nobody.
	Warn func(msg string, args ...any)

	lock   time.Duration   // to wait for other nodes to end, where nobody else may be there; 0: lockTimeout
	recent int             // see searchRecent, which 0 is
	few    int             // see spanFew, which 0 is
	tracer pgx.QueryTracer // nil: nobody counts what is asked
}

// ErrUnsafe is returned by OpenPostgres where the server is set up to lose what it
// has acknowledged.
var ErrUnsafe = errors.New("the database may lose what it acknowledges")

// postgresHints say what to do, by error.
var postgresHints = map[error]string{
	ErrMissing:  "`indeks init --database` makes it, in an empty database",
	ErrForeign:  "check the URL of the database and the institution's configuration",
	ErrNewer:    "use the program that wrote it, or a later one",
	ErrOlder:    "stop all nodes and run `indeks migrate` once",
	ErrExists:   "choose an empty database",
	ErrLocked:   "stop all nodes",
	ErrDamaged:  "keep the database as it is and restore the last backup beside it",
	ErrDataKeys: "put back the latest copy of the data keys that belong to this store",
	ErrUnsafe:   "set it on in postgresql.conf",
}

// What every session is held to, unless the URL says otherwise: nobody waits long
// for a lock, and a node that is stopped in the middle of a transaction is cut off,
// so that the others go on.
var sessionSettings = map[string]string{
	"lock_timeout":                        "2s",
	"statement_timeout":                   "10s",
	"idle_in_transaction_session_timeout": "10s",
}

// outcomeTimeout is how long the answer to a write is waited for: longer than the
// server would take to give up. Then its outcome is unknown.
const outcomeTimeout = 30 * time.Second

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations are the steps from one schema of the database to the next, 1 first.
// They are run by no library: what one would bring is an order, which the names
// give, and a table of what was run, which the identity of a store is already, with
// its checksum and its refusal of what is newer.
var migrations = sync.OnceValue(func() []string {
	var steps []string
	for n := 1; ; n++ {
		raw, err := fs.ReadFile(migrationFiles, fmt.Sprintf("migrations/%d.sql", n))
		if err != nil {
			return steps
		}
		steps = append(steps, string(raw))
	}
})

// postgresStore is a Store in a PostgreSQL database. It is one of several nodes:
// nothing that another could change is remembered here.
type postgresStore struct {
	config PostgresConfig

	pool  *pgxpool.Pool
	keys  *DataKeys
	bases sync.Map       // see hasBases
	seen  chan *pgx.Conn // for ReadPostgres: connections in transactions that see one instant; else nil
	name  string         // host and database, for errors
	node  string
	warn  func(msg string, args ...any)
	now   func() time.Time

	closed   sync.Once
	mu       sync.Mutex
	readOnly error // why no write is taken

	queue   queue
	fresh   fresh    // what was reserved lately
	awarded sync.Map // awardedKey: true, what is known to stand in awarded for ever
}

// postgresConfig reads a URL and adds what we hold every session to.
func (c PostgresConfig) pool() (*pgxpool.Config, string, error) {
	p, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, "", fmt.Errorf("reading the URL of the database: %w", withoutURL(err))
	}
	name := "postgres://" + net.JoinHostPort(p.ConnConfig.Host, strconv.Itoa(int(p.ConnConfig.Port))) + "/" + p.ConnConfig.Database
	if isSocket(p.ConnConfig.Host) {
		name = "postgres://" + p.ConnConfig.Host + "/" + p.ConnConfig.Database
	}
	// Names and passwords of a whole institution go over this connection.
	hosts := []*pgconn.FallbackConfig{{Host: p.ConnConfig.Host, TLSConfig: p.ConnConfig.TLSConfig}}
	for _, h := range append(hosts, p.ConnConfig.Fallbacks...) {
		if !isLocal(h.Host) && (h.TLSConfig == nil || h.TLSConfig.InsecureSkipVerify) {
			return nil, "", fmt.Errorf("opening %s: the certificate of %s would not be checked; add sslmode=verify-full to the URL, with sslrootcert if it is of an authority of your own", name, h.Host)
		}
	}
	for setting, value := range sessionSettings {
		if _, ok := p.ConnConfig.RuntimeParams[setting]; !ok {
			p.ConnConfig.RuntimeParams[setting] = value
		}
	}
	if _, ok := p.ConnConfig.RuntimeParams["application_name"]; !ok {
		p.ConnConfig.RuntimeParams["application_name"] = strings.TrimSuffix("indeks "+c.Node, " ")
	}
	p.ConnConfig.Tracer = c.tracer
	p.ConnConfig.ConnectTimeout = cmp.Or(p.ConnConfig.ConnectTimeout, 5*time.Second)
	p.MaxConns = int32(cmp.Or(c.MaxConns, 16))
	return p, name, nil
}

// withoutURL keeps a password out of messages.
func withoutURL(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		if inner := errors.Unwrap(parse); inner != nil {
			return inner
		}
		return errors.New("it is no URL of a database")
	}
	return err
}

func isSocket(host string) bool { return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") }

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return isSocket(host) || host == "localhost" || ip != nil && ip.IsLoopback()
}

// InitPostgres makes a store for the institution named by c.StoreID in an empty
// database, else ErrExists: of what is there it touches nothing.
func InitPostgres(ctx context.Context, c PostgresConfig) error {
	if c.StoreID == "" {
		return errors.New("creating a store: it needs the institution's id")
	}
	if err := validNode(c.Node); err != nil {
		return fmt.Errorf("creating a store: %w", err)
	}
	return c.alone(ctx, "creating", func(tx pgx.Tx) error {
		// 1. Nothing of anybody is there.
		if err := empty(ctx, tx); err != nil {
			return err
		}

		// 2. The tables, and whose they are.
		for _, step := range migrations() {
			if _, err := tx.Exec(ctx, step, pgx.QueryExecModeSimpleProtocol); err != nil { // several statements
				return err
			}
		}
		doc, err := sealJSON(bucketMeta, identityKey, identity{c.StoreID, c.Keys.ID(), len(migrations())})
		if err != nil {
			return err
		}
		b := &pgx.Batch{}
		b.Queue("INSERT INTO meta (name, doc) VALUES ($1, $2)", string(identityKey), doc)
		b.Queue("INSERT INTO search_filled (one) VALUES (true)")

		// 3. The log of the node that will use it first.
		by := author{ActorOf(ctx), time.Now().UTC().Truncate(time.Millisecond)}
		log := &pgLog{node: c.Node, name: c.Node, before: &grown{log: Log{Name: c.Node, Opened: by.at}}}
		if _, err := log.enter(by, log.before.log.opened(), nil, nil); err != nil {
			return err
		}
		if err := log.write(b); err != nil {
			return err
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

// empty is ErrExists where a database has anything of anybody.
func empty(ctx context.Context, tx pgx.Tx) error {
	var found string
	err := tx.QueryRow(ctx, `
		SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'crdb_internal', 'pg_extension')
		AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
		ORDER BY 1 LIMIT 1`).Scan(&found)
	if err == nil {
		return fmt.Errorf("%w: it has %s", ErrExists, found)
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return nil
}

// MigratePostgres brings a store of an earlier version up to date, in one
// transaction, and reports from which schema to which. One that is up to date is
// left as it is. Nobody may use it meanwhile.
func MigratePostgres(ctx context.Context, c PostgresConfig) (from, to int, err error) {
	err = c.alone(ctx, "migrating", func(tx pgx.Tx) error {
		id, err := readIdentity(ctx, tx, c.StoreID, " FOR UPDATE")
		if err != nil {
			return err
		}
		from, to = id.Schema, len(migrations())
		for _, step := range migrations()[from:] {
			if _, err := tx.Exec(ctx, step, pgx.QueryExecModeSimpleProtocol); err != nil { // several statements
				return err
			}
		}
		doc, err := sealJSON(bucketMeta, identityKey, identity{c.StoreID, id.Keys, to})
		if err == nil {
			_, err = tx.Exec(ctx, "UPDATE meta SET doc = $2 WHERE name = $1", string(identityKey), doc)
		}
		return err
	})
	return from, to, err
}

// alone runs do in a transaction on a connection of its own, without the limits on
// time that serving has.
func (c PostgresConfig) alone(ctx context.Context, doing string, do func(tx pgx.Tx) error) error {
	config, name, err := c.pool()
	if err != nil {
		return err
	}
	for setting := range sessionSettings {
		config.ConnConfig.RuntimeParams[setting] = "0"
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, name, withoutURL(err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, do)
	switch code := errorCode(err); {
	case code == "42P07", code == "23505" && doing == "creating": // another has made it meanwhile
		err = fmt.Errorf("%w: %w", ErrExists, err)
	}
	if err != nil {
		return hinted(fmt.Errorf("%s %s: %w", doing, name, err), postgresHints)
	}
	return nil
}

// ReadPostgres opens a store as it is at this instant, to be read: it does not see
// what others write from now on. Every write is ErrReadOnly.
func ReadPostgres(ctx context.Context, c PostgresConfig) (Store, error) {
	c.MaxConns = runtime.GOMAXPROCS(0) + 1
	s, err := openPostgres(ctx, c, "0")
	if err != nil {
		return nil, err
	}
	s.readOnly = errors.New("it was opened to be read")
	s.seen = make(chan *pgx.Conn, c.MaxConns)
	snapshot := ""
	for range c.MaxConns {
		var conn *pgxpool.Conn
		if conn, err = s.pool.Acquire(ctx); err != nil {
			break
		}
		s.seen <- conn.Hijack()
	}
	for range len(s.seen) {
		conn := <-s.seen
		s.seen <- conn
		if err == nil {
			_, err = conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
		}
		switch {
		case err != nil:
		case snapshot == "":
			err = conn.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&snapshot)
		default:
			_, err = conn.Exec(ctx, "SET TRANSACTION SNAPSHOT '"+snapshot+"'")
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", s.name, withoutURL(err)), s.Close())
	}
	return s, nil
}

// OpenPostgres opens a store that InitPostgres made. One that is not there, of
// another institution, of another schema or on a server that may lose what it
// acknowledges is refused with a hint.
func OpenPostgres(ctx context.Context, c PostgresConfig) (Store, error) {
	s, err := openPostgres(ctx, c, "")
	if err != nil {
		return nil, err
	}
	return s, nil
}

// openPostgres opens a store; idle, unless "", is how long a transaction may be idle.
func openPostgres(ctx context.Context, c PostgresConfig, idle string) (*postgresStore, error) {
	if err := validNode(c.Node); err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	config, name, err := c.pool()
	if err != nil {
		return nil, err
	}
	if idle != "" {
		config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = idle
	}
	s := &postgresStore{config: c, keys: c.Keys, name: name, node: c.Node, warn: c.Warn, now: time.Now}
	if s.warn == nil {
		s.warn = func(string, ...any) {}
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, withoutURL(err))
	}
	if err := s.admit(ctx, c.StoreID); err != nil {
		s.pool.Close()
		return nil, hinted(fmt.Errorf("opening %s: %w", name, withoutURL(err)), postgresHints)
	}
	return s, nil
}

// admit says why the store may not be used.
func (s *postgresStore) admit(ctx context.Context, storeID string) error {
	if err := s.safe(ctx); err != nil {
		return err
	}
	id, err := readIdentity(ctx, s.pool, storeID, "")
	if err == nil && id.Schema < len(migrations()) {
		err = fmt.Errorf("%w: schema %d, this one works with %d", ErrOlder, id.Schema, len(migrations()))
	}
	if err == nil && s.keys != nil && id.Keys != s.keys.ID() {
		err = fmt.Errorf("%w: its records are under keys %s, these are %s", ErrDataKeys, id.Keys, s.keys.ID())
	}
	return err
}

// querier is what pools and transactions have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// readIdentity says whose store a database is, or with a sentinel that it is not
// one that this program may work with for storeID.
func readIdentity(ctx context.Context, q querier, storeID, lock string) (id identity, err error) {
	var doc []byte
	err = q.QueryRow(ctx, "SELECT doc FROM meta WHERE name = $1"+lock, string(identityKey)).Scan(&doc)
	switch {
	case errorCode(err) == "42P01": // no such table
		return identity{}, fmt.Errorf("%w: the database has none", ErrMissing)
	case errorCode(err) == "42703", errors.Is(err, pgx.ErrNoRows): // a table of that name, with other columns or empty
		return identity{}, fmt.Errorf("%w: not a store of Indeks", ErrForeign)
	case err != nil:
		return identity{}, err
	}
	if err := openJSON(bucketMeta, identityKey, doc, &id); err != nil {
		return identity{}, err
	}
	switch {
	case id.Store != storeID:
		return identity{}, fmt.Errorf("%w: it is that of %q, expected %q", ErrForeign, id.Store, storeID)
	case id.Schema > len(migrations()):
		return identity{}, fmt.Errorf("%w: schema %d, this one works with %d", ErrNewer, id.Schema, len(migrations()))
	case id.Schema < 1:
		return identity{}, fmt.Errorf("%w: schema %d", ErrDamaged, id.Schema) // unreachable: schema 1 is the first
	}
	return id, nil
}

// safe refuses a server that acknowledges what is not on disk.
func (s *postgresStore) safe(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')")
	if err != nil {
		return err
	}
	settings := map[string]string{}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error { settings[name] = value; return nil }); err != nil {
		return err
	}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if settings[name] == "off" {
			return fmt.Errorf("%w: %s is off", ErrUnsafe, name)
		}
	}
	if settings["data_checksums"] == "off" {
		s.warn("the database has no checksums: a page that the disk has changed is found only where a record's own hash fails; pg_checksums --enable adds them", "database", s.name)
	}
	return nil
}

// Close ends the use of the database. Writes under way are finished first.
func (s *postgresStore) Close() error {
	s.mu.Lock()
	if s.readOnly == nil {
		s.readOnly = errClosed
	}
	s.mu.Unlock()
	s.closed.Do(func() {
		for range cap(s.seen) {
			select {
			case conn := <-s.seen:
				conn.Close(context.Background())
			default:
			}
		}
		s.pool.Close() // which waits for those that are in use
	})
	return nil
}

var errClosed = errors.New("the store is closed")

// mayWrite is ErrReadOnly where this node takes no write.
func (s *postgresStore) mayWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readOnly != nil {
		return fmt.Errorf("writing %s: %w: %w", s.name, ErrReadOnly, s.readOnly)
	}
	return nil
}

// Writable asks the server: it may be away, or a standby that nobody has promoted.
func (s *postgresStore) Writable() error {
	if err := s.mayWrite(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var standby string
	if err := s.pool.QueryRow(ctx, "SHOW transaction_read_only").Scan(&standby); err != nil {
		return fmt.Errorf("asking %s: %w: %w", s.name, ErrReadOnly, withoutURL(err))
	}
	if standby == "on" {
		return fmt.Errorf("writing %s: %w: the server is a standby", s.name, ErrReadOnly)
	}
	return nil
}

// errorCode is the SQLSTATE of an error that the server reported, or "".
func errorCode(err error) string {
	var reported *pgconn.PgError
	if errors.As(err, &reported) {
		return reported.Code
	}
	return ""
}

// storable reports whether PostgreSQL's texts can hold a string; what they cannot is
// not there.
func storable(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return s == "" || strings.ContainsRune(s, 0) || validText(s) != nil })
}
