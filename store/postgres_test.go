package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"indeks/internal/postgres"
)

var template struct {
	sync.Once
	database string
}

// newDatabase makes a store in a database of its own and returns how to open it.
func newDatabase(t testing.TB) PostgresConfig {
	t.Helper()
	server := postgres.Shared(t)
	template.Do(func() {
		template.database = server.Template(t, "")
		if err := InitPostgres(context.Background(), PostgresConfig{URL: server.URL(template.database), StoreID: storeID, Keys: testKeys(), Node: "one"}); err != nil {
			t.Fatal(err)
		}
	})
	return PostgresConfig{URL: server.URL(server.Database(t, template.database)), StoreID: storeID, Keys: testKeys(), Node: "one", MaxConns: 8, recent: 3, few: 4}
}

// database is the name of the database.
func (c PostgresConfig) database(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

func openDatabase(t testing.TB, c PostgresConfig) *postgresStore {
	t.Helper()
	s, err := openPostgres(t.Context(), c, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestPostgres(t *testing.T) {
	postgres.Shared(t) // or all of it is skipped, and says so
	testStore(t, func(t *testing.T) Store { return openDatabase(t, newDatabase(t)) })
}

// What cannot be opened is refused with a sentence that names the database and
// what to do.
func TestOpenPostgresRefuses(t *testing.T) {
	server := postgres.Shared(t)
	database := func(sql string) PostgresConfig {
		c := newDatabase(t)
		if sql != "" {
			server.Query(t, c.database(t), sql)
		}
		return c
	}
	identityOf := func(id identity) string {
		doc, err := sealJSON(bucketMeta, identityKey, id)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`UPDATE meta SET doc = '\x%x' WHERE name = 'store'`, doc)
	}
	other := database("")
	other.StoreID = "other-1"
	others := database("")
	others.Keys = freshKeys(t)
	empty := PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: storeID, Keys: testKeys(), Node: "one"}
	foreign := PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: storeID, Keys: testKeys(), Node: "one"}
	server.Query(t, foreign.database(t), "CREATE TABLE meta (n int)")
	for name, tt := range map[string]struct {
		c    PostgresConfig
		want error
		hint string
	}{
		"no store":            {empty, ErrMissing, "indeks init"},
		"another's tables":    {foreign, ErrForeign, "URL"},
		"another institution": {other, ErrForeign, `"uni-4f2a", expected "other-1"`},
		"newer":               {database(identityOf(identity{Store: storeID, Schema: len(migrations()) + 1})), ErrNewer, "later"},
		"flipped byte":        {database(`UPDATE meta SET doc = set_byte(doc, 40, get_byte(doc, 40) # 1)`), ErrDamaged, "backup"},
		"other data keys":     {others, ErrDataKeys, "latest copy of the data keys"},
		"asynchronous commit": {database("DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET synchronous_commit = off'; END $$"), ErrUnsafe, "postgresql.conf"},
	} {
		s, err := OpenPostgres(t.Context(), tt.c)
		if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.hint) || !strings.Contains(fmt.Sprint(err), tt.c.database(t)) {
			t.Errorf("%s: err = %v, want %v with the database and %q", name, err, tt.want, tt.hint)
		}
		if s != nil {
			t.Errorf("%s: a store with an error", name)
			s.Close()
		}
	}
}

// InitPostgres never touches what is there, and of many at once one makes it.
func TestInitPostgresNeverReplaces(t *testing.T) {
	c := newDatabase(t)
	issue(t, openDatabase(t, c), draft(1))
	if err := InitPostgres(t.Context(), c); !errors.Is(err, ErrExists) {
		t.Errorf("over a store: err = %v", err)
	}
	if _, err := openDatabase(t, c).Get(t.Context(), draft(1).ID); err != nil {
		t.Error(err)
	}
	server := postgres.Shared(t)
	c.URL = server.URL(server.Database(t, ""))
	server.Query(t, c.database(t), "CREATE TABLE theirs (n int)")
	if err := InitPostgres(t.Context(), c); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "public.theirs") {
		t.Errorf("beside another's table: err = %v", err)
	}

	c.URL = server.URL(server.Database(t, ""))
	var made atomic.Int32
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := InitPostgres(t.Context(), c); err == nil {
				made.Add(1)
			} else if !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
	CheckStore(t, openDatabase(t, c))
}

// Another machine is only spoken to where its certificate is checked, and no
// message has the password.
func TestPostgresURL(t *testing.T) {
	for url, ok := range map[string]bool{
		"postgres://u:secret@db.example/uni":                                  false,
		"postgres://u:secret@db.example/uni?sslmode=require":                  false,
		"postgres://u:secret@db.example/uni?sslmode=verify-ca":                false,
		"postgres://u:secret@db.example/uni?sslmode=verify-full":              true,
		"postgres://u:secret@db1.example,db2.example/uni?sslmode=verify-full": true,
		"postgres://u:secret@localhost,db2.example/uni":                       false,
		"postgres://u:secret@127.0.0.1/uni":                                   true,
		"host=/run/postgresql dbname=uni":                                     true,
		"postgres://u:secret@127.0.0.1:port/uni":                              false,
		"postgres://u:secret@127.0.0.1/uni?sslmode=sometimes":                 false,
	} {
		_, _, err := PostgresConfig{URL: url, Node: "one"}.pool()
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: err = %v", url, err)
		}
	}
}

// The database itself holds the program to what it promises.
func TestPostgresConstraints(t *testing.T) {
	server := postgres.Shared(t)
	c := newDatabase(t)
	s := openDatabase(t, c)
	revocation, suspension := openLists(t, s)
	for n := range 3 {
		issue(t, s, draft(n, revocation, suspension))
	}
	moveTo(t, s, 0, Revoked)
	moveTo(t, s, 1, Suspended)
	if err := s.Publish(t.Context(), revocation.ID, 1, []byte("token"), now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Numbers(t.Context(), "MC", 5); err != nil {
		t.Fatal(err)
	}
	if _, err := PutBase(t.Context(), s, [][]byte{[]byte("a"), []byte("b")}); err != nil {
		t.Fatal(err)
	}
	before := server.Query(t, c.database(t), "SELECT * FROM records, entries, bits, lists ORDER BY 1")
	for _, sql := range []string{
		"UPDATE records SET state = 'issued' WHERE state = 'revoked'",
		"UPDATE records SET state = 'reserved'",
		"UPDATE records SET number = number || 'x'",
		"UPDATE records SET state = 'lost'",
		"UPDATE entries SET place = place + 10",
		"UPDATE entries SET record = 1",
		"INSERT INTO entries SELECT list, place, purpose, record + 1 FROM entries",
		"INSERT INTO entries SELECT list, place + 20, 'suspension', record FROM entries WHERE list = 'r1'",
		"INSERT INTO entries SELECT list, place + 131072, purpose, record FROM entries",
		"INSERT INTO tokens SELECT record, 'none', body FROM tokens",
		"INSERT INTO tokens SELECT * FROM tokens",
		"DELETE FROM bits WHERE list = 'r1'",
		"UPDATE bits SET place = place + 1",
		"UPDATE lists SET sequence = 0, published = NULL WHERE id = 'r1'",
		"UPDATE lists SET purpose = 'suspension'",
		"UPDATE series SET last = 1",
		"DELETE FROM records", "DELETE FROM entries", "DELETE FROM lists", "DELETE FROM series", "DELETE FROM meta", "DELETE FROM awarded",
		"UPDATE documents SET revision = 2", "DELETE FROM documents WHERE kind = 'payload-base-copy'",
		"TRUNCATE records CASCADE", "TRUNCATE bits", "TRUNCATE entries", "TRUNCATE documents",
	} {
		if out := server.Refused(t, c.database(t), sql); !strings.Contains(out, "ERROR") {
			t.Errorf("%s: %s", sql, out)
		}
	}
	if after := server.Query(t, c.database(t), "SELECT * FROM records, entries, bits, lists ORDER BY 1"); after != before {
		t.Error("something was changed")
	}
}

// What was reserved is not read back to be sealed, and yet nothing is sealed of which the
// database has something else.
func TestPostgresComparesWhatWasReserved(t *testing.T) {
	server, c := postgres.Shared(t), newDatabase(t)
	s := openDatabase(t, c)
	revocation, suspension := openLists(t, s)
	for n, tt := range []struct {
		sql  string
		want error
	}{
		{"SELECT 1", nil},
		{"UPDATE payloads SET body = set_byte(body, 20, get_byte(body, 20) # 1) WHERE record = (SELECT max(sequence) FROM records) AND profile = 'edc'", ErrDamaged},
		{"DELETE FROM payloads WHERE record = (SELECT max(sequence) FROM records) AND profile = 'vc2'", ErrDamaged},
		{"UPDATE records SET doc = set_byte(doc, 40, get_byte(doc, 40) # 1) WHERE sequence = (SELECT max(sequence) FROM records)", ErrDamaged},
	} {
		r, err := s.Reserve(t.Context(), draft(n, revocation, suspension))
		if err != nil {
			t.Fatal(err)
		}
		if tt.want != nil {
			server.Query(t, c.database(t), "ALTER TABLE records DISABLE TRIGGER USER; ALTER TABLE payloads DISABLE TRIGGER USER; "+tt.sql)
		}
		if _, err := s.Commit(t.Context(), r.ID, tokens(r)); !errors.Is(err, tt.want) {
			t.Errorf("%s: err = %v, want %v", tt.sql, err, tt.want)
		}
	}
}

func BenchmarkPostgresIssue1(b *testing.B)  { benchmarkPostgresIssue(b, 1) }
func BenchmarkPostgresIssue32(b *testing.B) { benchmarkPostgresIssue(b, 32) }

func benchmarkPostgresIssue(b *testing.B, callers int) {
	server := postgres.Start(b)
	c := PostgresConfig{URL: server.URL(server.Database(b, "")), StoreID: storeID, Keys: testKeys(), Node: "one"}
	if err := InitPostgres(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	benchmarkIssue(b, openDatabase(b, c), callers)
}

// What is opened to be read is one instant, also while others write, and holds
// nobody up.
func TestReadPostgres(t *testing.T) {
	c := newDatabase(t)
	s := openDatabase(t, c)
	list, _ := openLists(t, s)
	issue(t, s, draft(1, list))
	seen, err := ReadPostgres(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Close()
	issue(t, s, draft(2, list))
	moveTo(t, s, 1, Revoked)
	CheckStore(t, seen)
	CheckStore(t, s)
	if r, err := seen.Get(t.Context(), draft(1).ID); err != nil || r.State != Issued {
		t.Errorf("changed since: %s, %v", r.State, err)
	}
	if _, err := seen.Get(t.Context(), draft(2).ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("issued since: %v", err)
	}
	if _, err := seen.Reserve(t.Context(), draft(3)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Reserve: err = %v", err)
	}
	if err := seen.Writable(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Writable: err = %v", err)
	}
	c.StoreID = "other-1"
	if s, err := ReadPostgres(t.Context(), c); !errors.Is(err, ErrForeign) || s != nil {
		t.Errorf("another institution: %v", err)
	}
}

// asking counts what a database is asked.
type asking struct{ atomic.Int64 }

func (a *asking) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	a.Add(1)
	return ctx
}

func (a *asking) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A check asks the database for many records and entries of the log at a time: with more
// records it asks no more often, as long as they fit into one step.
func TestPostgresCheckReadsInSteps(t *testing.T) {
	c := newDatabase(t)
	s := openDatabase(t, c)
	revocation, suspension := openLists(t, s)
	asked := map[int]int64{}
	for n := range 40 {
		issue(t, s, draft(n, revocation, suspension))
		if n != 4 && n != 39 {
			continue
		}
		a := &asking{}
		c.tracer = a
		seen, err := ReadPostgres(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		a.Store(0)
		if found := Check(t.Context(), seen); len(found) > 0 {
			t.Error(found)
		}
		asked[n] = a.Load()
		seen.Close()
	}
	if asked[4] != asked[39] || asked[4] == 0 {
		t.Errorf("of 5 records a check asks %d times, of 40 %d times", asked[4], asked[39])
	}
}

// An account that does not own the tables serves with the rights that
// docs/operations.md names, and can delete nothing of the register.
func TestPostgresRights(t *testing.T) {
	server := postgres.Shared(t)
	c := newDatabase(t)
	server.Query(t, c.database(t), `DO $$ BEGIN CREATE ROLE serves LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
		GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO serves;
		GRANT DELETE ON counters, documents, pending, states, search, bits, payloads, tokens TO serves;
		GRANT USAGE ON record_sequence TO serves`)
	c.URL = strings.Replace(c.URL, "user=postgres", "user=serves", 1)
	s := openDatabase(t, c)
	revocation, suspension := openLists(t, s)
	if _, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte("{}"), Changed: now}); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		r := draft(n, revocation, suspension)
		awardUnder(&r, "c", "1", "{}")
		issue(t, s, r)
	}
	for _, to := range []State{Suspended, Issued, Revoked} {
		moveTo(t, s, 1, to)
	}
	_, err1 := s.Numbers(t.Context(), "MC", 1)
	err2 := s.PutDocuments(t.Context(), []Document{{Kind: "job", ID: "a", Body: []byte("x")}})
	err3 := s.PutDocuments(t.Context(), []Document{{Kind: "job", ID: "a", Revision: 1}})
	err4 := s.Publish(t.Context(), revocation.ID, 1, []byte("token"), now)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Error(err)
	}
	CheckStore(t, s)
	for _, table := range []string{"records", "entries", "lists", "series", "meta", "awarded", "courses", "logs", "log_entries", "log_hashes", "log_heads", "used"} {
		if _, err := s.pool.Exec(t.Context(), "DELETE FROM "+table); errorCode(err) != "42501" {
			t.Errorf("deleting from %s: %v, want that there is no right to", table, err)
		}
	}
}
