package store

import (
	"bytes"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"indeks/internal/postgres"
)

// TestPostgresMillion fills a database with synthetic records, awarded one day after the
// other over four years as a register's are, and says how long searches take: see make
// bench-million.
func TestPostgresMillion(t *testing.T) {
	if *million == 0 {
		t.Skip("takes minutes; make bench-million runs it, -million says with how many records")
	}
	server := postgres.Shared(t)
	c := PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: storeID, Keys: testKeys(), Node: "one"}
	if err := InitPostgres(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	fillPostgresMillion(t, c, *million)
	t.Logf("filled: %d records in %s", *million, time.Since(began).Round(time.Second))
	c.MaxConns = 1
	s := openDatabase(t, c)
	if err := FillSearch(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	var answers int // the process that does
	if err := s.pool.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&answers); err != nil {
		t.Fatal(err)
	}
	for _, kind := range millionQueries {
		const runs = 20
		var took []time.Duration
		most, worked := 0, processorTime()+processorTimeOf(t, answers)
		for n := range runs {
			q := kind.query(mathrand.IntN(*million))
			q.Now = now
			next := ""
			for page := range 2 { // the second is no dearer
				if n%2 > 0 && page > 0 || page > 0 && next == "" {
					break
				}
				began := time.Now()
				var found []Record
				var err error
				if found, next, err = s.Search(t.Context(), q, next, 50); err != nil {
					t.Fatalf("%s: %v", kind.name, err)
				}
				took, most = append(took, time.Since(began)), max(most, len(found))
			}
		}
		worked = (processorTime() + processorTimeOf(t, answers) - worked) / time.Duration(len(took))
		slices.Sort(took)
		t.Logf("search %-22s p50 %s, p99 %s, processor %s, %d found", kind.name, took[len(took)/2].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond), worked.Round(100*time.Microsecond), most)
	}
}

// processorTimeOf is what another process of this machine has used of processors.
func processorTimeOf(t *testing.T, pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // 100 ticks a second
}

// millionDay is when record n of a million was awarded.
func millionDay(n int) time.Time { return now.AddDate(0, 0, -1500 + n*1500 / *million) }

func millionNumber(n int) string { return fmt.Sprintf("MC-%d-%05d", millionDay(n).Year(), n) }

var millionQueries = []struct {
	name  string
	query func(n int) Query
}{
	{"number", func(n int) Query { return Query{Number: millionNumber(n)} }},
	{"numbers of a year", func(n int) Query { return Query{Number: millionNumber(n)[:8]} }},
	{"numbers of all years", func(int) Query { return Query{Number: "MC-"} }},
	{"beginning of a number", func(n int) Query { return Query{Number: millionNumber(n)[:9]} }},
	{"number that is not", func(n int) Query { return Query{Number: millionNumber(n) + "x"} }},
	{"year and name", func(n int) Query { return Query{Number: millionNumber(n)[:8], Name: "jovanovic"} }},
	{"year and rare name", func(n int) Query { return Query{Number: millionNumber(n)[:8], Name: millionName(n)} }},
	{"rare name", func(n int) Query { return Query{Name: millionName(n)} }},
	{"frequent name", func(int) Query { return Query{Name: "ana"} }},
	{"two frequent names", func(int) Query { return Query{Name: "ana jovanovic"} }},
	{"nobody", func(int) Query { return Query{Name: "xylander quux"} }},
	{"name and course", func(n int) Query { return Query{Name: "jovanovic", Course: fmt.Sprint("course-", n%40)} }},
	{"course", func(n int) Query { return Query{Course: fmt.Sprint("course-", n%40)} }},
	{"course and version", func(n int) Query { return Query{Course: fmt.Sprint("course-", n%40), Version: fmt.Sprint(n%3 + 1)} }},
	{"version", func(n int) Query { return Query{Version: fmt.Sprint(n%3 + 1)} }},
	{"version of few", func(int) Query { return Query{Version: "0"} }},
	{"version that is not", func(int) Query { return Query{Version: "none"} }},
	{"key of half", func(int) Query { return Query{KeyID: "did:web:uni.example#old"} }},
	{"key of few", func(int) Query { return Query{KeyID: "did:web:uni.example#lost"} }},
	{"key that is not", func(int) Query { return Query{KeyID: "none"} }},
	{"key and course", func(n int) Query {
		return Query{KeyID: "did:web:uni.example#old", Course: fmt.Sprint("course-", n%40)}
	}},
	{"a day", func(n int) Query { d := millionDay(n).Format(time.DateOnly); return Query{From: d, Until: d} }},
	{"until a day", func(n int) Query { return Query{Until: millionDay(n).Format(time.DateOnly)} }},
	{"from a day", func(n int) Query { return Query{From: millionDay(n).Format(time.DateOnly)} }},
	{"course and one month", func(n int) Query {
		d := millionDay(n)
		return Query{Course: fmt.Sprint("course-", n%40), From: d.Format(time.DateOnly), Until: d.AddDate(0, 1, 0).Format(time.DateOnly)}
	}},
	{"name and one year", func(n int) Query {
		d := millionDay(n)
		return Query{Name: "ana", From: d.AddDate(-1, 0, 0).Format(time.DateOnly), Until: d.Format(time.DateOnly)}
	}},
	{"batch", func(n int) Query { return Query{Batch: fmt.Sprint("batch-", n/500)} }},
	{"revoked", func(int) Query { return Query{State: Revoked} }},
	{"suspended", func(int) Query { return Query{State: Suspended} }},
	{"expired", func(int) Query { return Query{State: Expired} }},
	{"issued", func(int) Query { return Query{State: Issued} }},
	{"issued until a day", func(n int) Query { return Query{State: Issued, Until: millionDay(n).Format(time.DateOnly)} }},
	{"everything", func(int) Query { return Query{} }},
}

// fillPostgresMillion puts the rows there that records leave behind which a search
// looks at, by COPY.
func fillPostgresMillion(t *testing.T, c PostgresConfig, n int) {
	s := openDatabase(t, c)
	type rows struct{ records, states, search [][]any }
	made := make(chan rows, 4)
	var makers sync.WaitGroup
	const step = 2000
	for worker := range readers() {
		makers.Go(func() {
			for first := worker * step; first < n; first += readers() * step {
				var r rows
				for i := first; i < min(first+step, n); i++ {
					record := millionRecord(i)
					doc, _, err := s.keys.protect(record)
					if err != nil {
						t.Error(err)
						return
					}
					if doc.State = Issued; i%1000 == 0 {
						doc.State = Revoked
					} else if i%10000 == 1 {
						doc.State = Suspended
					}
					sequence := int64(i + 1)
					kept, err := sealJSON(bucketRecords, sequenceKey(uint64(sequence)), doc)
					if err != nil {
						t.Error(err)
						return
					}
					r.records = append(r.records, []any{sequence, record.ID, doc.Blind[byKey.kind], record.Public, doc.blindText(byLink), record.Number, string(doc.State), kept})
					for _, state := range doc.listedStates() {
						r.states = append(r.states, []any{sequence, state})
					}
					row := s.keys.pgSearchRow(sequence, &record)
					r.search = append(r.search, []any{row.record, row.number, row.awarded, row.ends, row.course, row.version, row.batch, row.keyID, row.tokens})
				}
				made <- r
			}
		})
	}
	go func() { makers.Wait(); close(made) }()
	for r := range made {
		for _, table := range []struct {
			name    string
			columns []string
			rows    [][]any
		}{
			{"records", []string{"sequence", "id", "key", "public", "link", "number", "state", "doc"}, r.records},
			{"states", []string{"record", "state"}, r.states},
			{"search", []string{"record", "number", "awarded", "ends", "course", "version", "batch", "key_id", "tokens"}, r.search},
		} {
			if _, err := s.pool.CopyFrom(t.Context(), pgx.Identifier{table.name}, table.columns, pgx.CopyFromRows(table.rows)); err != nil {
				t.Error(err) // and the makers are heard to their end
			}
		}
	}
	for _, table := range []string{"search", "records", "states"} {
		if _, err := s.pool.Exec(t.Context(), "VACUUM (ANALYZE) "+table); err != nil {
			t.Error(err)
		}
	}
}

// millionRecord is record n of a million.
func millionRecord(n int) Record {
	r := draft(n)
	r.Number = millionNumber(n)
	r.GivenName, r.FamilyName = []string{"Ana", "Marko", "Željka", "Đorđe", "Ивана"}[n%5], []string{millionName(n), "Jovanović", millionName(n)}[n%3]
	r.Course, r.CourseVersion, r.Batch = fmt.Sprint("course-", n%40), fmt.Sprint(n*3 / *million + 1), fmt.Sprint("batch-", n/500)
	r.AwardingDate = millionDay(n).Format(time.DateOnly)
	switch { // an early key, and one of a few days
	case n < *million/2:
		r.KeyID = "did:web:uni.example#old"
	case n%5000 == 0:
		r.KeyID, r.CourseVersion = "did:web:uni.example#lost", "0"
	}
	if n%4 == 0 { // a quarter ends after two years
		r.ValidUntil = millionDay(n).AddDate(2, 0, 0).Truncate(time.Second)
	}
	return r
}
