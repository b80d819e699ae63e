package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// numbersFound are the certificate numbers of all that a query finds, in pages.
func numbersFound(t interface {
	Helper()
	Fatal(...any)
}, s Store, q Query, page int) []string {
	t.Helper()
	var numbers []string
	for after := ""; ; {
		found, next, err := s.Search(context.Background(), q, after, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found {
			numbers = append(numbers, r.Number)
		}
		if next == "" {
			return numbers
		}
		if len(found) != page || found[page-1].ID != next {
			t.Fatal("a page that is not full, and yet more")
		}
		after = next
	}
}

// searched fills a store with records that differ in all that can be asked for.
func searched(t testing.TB, s Store) {
	revocation, suspension := openLists(t, s)
	for n, edit := range []func(r *Record){
		func(r *Record) { r.GivenName, r.FamilyName = "Ђорђе", "Јовановић" },
		func(r *Record) { r.GivenName, r.FamilyName, r.LearnerID = "Djordje", "Jovanović-Petrov", "L 1" },
		func(r *Record) { r.GivenName, r.FamilyName, r.ExternalID = "Željka", "Čović", "exam/3" },
		func(r *Record) { r.GivenName, r.FamilyName, r.Batch = "Ѓорги", "Ќосев", "b1" },
		func(r *Record) { r.Course, r.CourseVersion, r.AwardingDate = "other", "2", "2026-01-31" },
		func(r *Record) { r.Course, r.CourseVersion, r.AwardingDate = "other", "3", "2026-02-01" },
		func(r *Record) { r.KeyID, r.ValidUntil = "did:web:uni.example#other", now.AddDate(0, 0, -1) },
		func(r *Record) { r.Number, r.ValidUntil = "OLD-1", now.AddDate(0, 0, 1) },
		func(r *Record) { r.Number, r.LearnerID = "OLD-12", "L 1" },
		func(r *Record) { r.GivenName, r.FamilyName = "", "" },
	} {
		r := draft(n, revocation, suspension)
		edit(&r)
		if n == 9 {
			if _, err := s.Reserve(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			continue
		}
		issue(t, s, r)
	}
	moveTo(t, s, 4, Suspended)
	moveTo(t, s, 5, Revoked)
}

var searches = []struct {
	query Query
	want  string // the last digit of the number of each draft, in the order of the answer
}{
	{Query{}, "9876543210"},
	{Query{Name: "jovanovic"}, "10"},
	{Query{Name: "JOVANOVIĆ"}, "10"},
	{Query{Name: "јован"}, "10"},
	{Query{Name: "đorđe"}, "10"},
	{Query{Name: "Djordje Jovanovic"}, "10"},
	{Query{Name: "jovanovic  dj"}, "10"},
	{Query{Name: "petrov"}, "1"},
	{Query{Name: "jovanović-petrov"}, "1"},
	{Query{Name: "petrovic"}, ""},
	{Query{Name: "ovanovic"}, ""},
	{Query{Name: "zeljka covic"}, "2"},
	{Query{Name: "жељка"}, "2"},
	{Query{Name: "Gjorgi Kosev"}, "3"},
	{Query{Name: "gorgi"}, "3"},
	{Query{Name: "z"}, "2"},
	{Query{Name: "primer"}, "87654"},
	{Query{LearnerID: "L 1"}, "81"},
	{Query{LearnerID: "L"}, ""},
	{Query{LearnerID: "L 1", Name: "djordje"}, "1"},
	{Query{ExternalID: "exam/3"}, "2"},
	{Query{Batch: "b1"}, "3"},
	{Query{Course: "other"}, "54"},
	{Query{Course: "other", Version: "3"}, "5"},
	{Query{Version: "2"}, "4"},
	{Query{Version: "3"}, "5"},
	{Query{Version: "3", Course: "data-stewardship"}, ""},
	{Query{Version: "2", KeyID: "did:web:uni.example#key"}, "4"},
	{Query{Version: "2", KeyID: "did:web:uni.example#other"}, ""},
	{Query{From: "2026-02-01", Until: "2026-02-28"}, "5"},
	{Query{Until: "2026-02-01"}, "54"},
	{Query{From: "2026-05-30", Course: "other"}, ""},
	{Query{From: "2026-05-30"}, "98763210"},
	{Query{From: "2026-01-31", Until: "2026-02-01", Number: "MC-2026-00005"}, "5"},
	{Query{Until: "2026-01-30"}, ""},
	{Query{KeyID: "did:web:uni.example#other"}, "6"},
	{Query{KeyID: "did:web:uni.example#other", Course: "other"}, ""},
	{Query{KeyID: "did:web:uni.example#other", Number: "MC-2026-0000"}, "6"},
	{Query{KeyID: "did:web:uni.example"}, ""},
	{Query{Number: "OLD"}, "87"},
	{Query{Number: "OLD-1"}, "87"},
	{Query{Number: "OLD-12"}, "8"},
	{Query{Number: "MC-2026-0000"}, "96543210"},
	{Query{Number: "MC-2026-0000", Name: "primer", State: Issued}, ""},
	{Query{Number: "MC-2026-0000", Name: "primer"}, "654"},
	{Query{State: Reserved}, "9"},
	{Query{State: Suspended}, "4"},
	{Query{State: Revoked}, "5"},
	{Query{State: Revoked, Name: "primer", Course: "other"}, "5"},
	{Query{State: Revoked, Number: "OLD"}, ""},
	{Query{State: Expired}, "6"},
	{Query{State: Expired, Number: "MC-2026"}, "6"},
	{Query{State: Expired, Until: "2026-05-29"}, ""},
	{Query{State: Issued}, "873210"},
	{Query{State: Erased}, ""},
}

// digits are the last ones of the drafts that a query of searches found.
func digits(numbers []string) string {
	var s strings.Builder
	for _, n := range numbers {
		switch n {
		case "OLD-1":
			n = "7"
		case "OLD-12":
			n = "8"
		}
		s.WriteString(n[len(n)-1:])
	}
	return s.String()
}

func testSearch(run func(name string, test func(t *testing.T, s Store))) {
	run("search", func(t *testing.T, s Store) {
		searched(t, s)
		for _, tt := range searches {
			tt.query.Now = now
			for _, page := range []int{1, 3, 100} {
				if got := digits(numbersFound(t, s, tt.query, page)); got != tt.want {
					t.Errorf("%+v in pages of %d: %q, want %q", tt.query, page, got, tt.want)
				}
			}
		}
		found, _, err := s.Search(t.Context(), Query{Number: "MC-2026-00002"}, "", 1)
		if err != nil || len(found) != 1 || found[0].FamilyName != "Čović" || found[0].Forms["edc"].Payload != nil || found[0].Forms["edc"].SHA256 == [32]byte{} {
			t.Errorf("found %+v, %v", found, err)
		}
		for name, tt := range map[string]struct {
			query Query
			after string
			limit int
			want  error
		}{
			"no name":           {Query{Name: " - "}, "", 1, ErrInvalid},
			"no date":           {Query{From: "2026-02-30"}, "", 1, ErrInvalid},
			"no state":          {Query{State: "lost"}, "", 1, ErrInvalid},
			"not UTF-8":         {Query{Course: "\xff"}, "", 1, ErrInvalid},
			"too long":          {Query{Number: strings.Repeat("x", maxKey+1)}, "", 1, ErrInvalid},
			"nothing":           {Query{}, "", 0, ErrInvalid},
			"too many":          {Query{}, "", maxFound + 1, ErrInvalid},
			"after what is not": {Query{}, "urn:credential:none", 1, ErrNotFound},
		} {
			if found, next, err := s.Search(t.Context(), tt.query, tt.after, tt.limit); !errors.Is(err, tt.want) || found != nil || next != "" {
				t.Errorf("%s: %d found, err = %v, want %v", name, len(found), err, tt.want)
			}
		}
	})

	run("search finds what going through all would", func(t *testing.T, s Store) {
		revocation, suspension := openLists(t, s)
		names := []string{"", "Ana", "Ања", "Anja-Marija", "Đurđa Ana", "O'Neil", "Ćirić", "Ciric", "Aleksandrović", "Aleksandrovski"}
		any := func(of ...string) string { return of[rand.IntN(len(of))] }
		var all []Record
		for n := range 60 {
			r := draft(n, revocation, suspension)
			r.GivenName, r.FamilyName, r.LearnerID = any(names...), any(names...), any("", "a", "b")
			r.Course, r.Batch, r.AwardingDate = any("c", "d"), any("", "x", "y"), any("2026-01-01", "2026-01-02", "2026-01-03")
			r.CourseVersion, r.KeyID = any("1", "2"), any("did:web:uni.example#key", "did:web:uni.example#other")
			r, err := s.Reserve(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		slices.Reverse(all)
		pick := func(t *rapid.T, from ...string) string { return rapid.SampledFrom(from).Draw(t, "value") }
		rapid.Check(t, func(t *rapid.T) {
			q := Query{Name: pick(t, "", "a", "an", "anja", "cir", "aleksandrov", "aleksandrovs", "marija an"), LearnerID: pick(t, "", "", "a"),
				Course: pick(t, "", "c"), Batch: pick(t, "", "", "x"), From: pick(t, "", "2026-01-02"), Until: pick(t, "", "2026-01-02"), Now: now,
				Number: pick(t, "", "", "MC-2026-000", "MC-2026-0001", "MC-2026-00023"), Version: pick(t, "", "", "2"), KeyID: pick(t, "", "", "did:web:uni.example#other")}
			var want []string
			for _, r := range all {
				if q.matches(&r) {
					want = append(want, r.Number)
				}
			}
			if got := numbersFound(t, s, q, 7); !slices.Equal(got, want) {
				t.Errorf("%+v: %v, want %v", q, got, want)
			}
		})
	})
}

// Without its file, with a damaged one or another's, a search finds the same, and
// the file is made good.
func TestSearchRowsAreMadeGood(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	searched(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path + searchSuffix)
	if err != nil || len(whole) != 11*rowSize {
		t.Fatalf("%d bytes of rows, %v", len(whole), err)
	}
	other := filled(t)
	func() {
		s := reopen(t, other)
		defer s.Close()
		if err := FillSearch(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}()
	foreign, err := os.ReadFile(other + searchSuffix)
	if err != nil {
		t.Fatal(err)
	}
	copy(foreign, whole[:16])
	foreign[20] ^= 1 // of other data keys
	for name, rows := range map[string][]byte{
		"none":          nil,
		"empty":         {},
		"cut":           whole[:4*rowSize+30],
		"another's":     foreign,
		"zeros":         append(slices.Clone(whole[:rowSize]), make([]byte, 20*rowSize)...),
		"flipped bytes": flipped(whole),
		"noise":         []byte(strings.Repeat("noise ", 2000)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.Remove(path + searchSuffix); err != nil {
				t.Fatal(err)
			}
			if rows != nil {
				if err := os.WriteFile(path+searchSuffix, rows, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, reading := range []bool{true, false} {
				s, err := openBolt(path, storeID, testKeys(), boltLimits{lock: 100 * time.Millisecond, read: reading})
				if err != nil {
					t.Fatal(err)
				}
				for _, tt := range searches {
					tt.query.Now = now
					if got := digits(numbersFound(t, s, tt.query, 4)); got != tt.want {
						t.Errorf("%+v: %q, want %q", tt.query, got, tt.want)
					}
				}
				if err := FillSearch(t.Context(), s); err != nil {
					t.Error(err)
				}
				s.Close()
			}
			after, err := os.ReadFile(path + searchSuffix)
			if diff := cmp.Diff(whole, after[:len(whole)]); err != nil || diff != "" {
				t.Errorf("the file is not made good: %v\n%s", err, diff)
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 2 {
		t.Errorf("files: %q", left)
	}
}

// flipped has a bit of each row changed, its checksum among it.
func flipped(rows []byte) []byte {
	rows = slices.Clone(rows)
	for n, at := 1, rowSize; at < len(rows); n, at = n+1, at+rowSize {
		rows[at+(n*17)%rowSize] ^= 0x10
	}
	return rows
}

// A row that a store has of a record says nothing to whoever lacks the data keys,
// and of two stores it says different things.
func TestSearchRowsAreBlind(t *testing.T) {
	r := canary(1)
	a, b := freshKeys(t).newRow(1, &r), freshKeys(t).newRow(1, &r)
	if a[0] == 0 && a[1] == 0 || string(a[32:]) == string(b[32:]) {
		t.Error("rows of two stores have the same bits")
	}
	if string(a[4:32]) != string(b[4:32]) {
		t.Error("what is not personal differs")
	}
}

// Of many rows, in blocks, the one of a record that is looked for is never left out, put
// there before the block was read or after, and few others are read.
func TestSearchBlocks(t *testing.T) {
	// Names are few here, so where by chance one has the bits of another, many rows are read
	// for nothing: with one set of keys in hundreds, and not with the next one, too.
	many := searchBlocks(t)
	if many != "" {
		many = searchBlocks(t)
	}
	if many != "" {
		t.Error(many)
	}
}

// searchBlocks says, with keys of its own, whether many more rows fit than are found.
func searchBlocks(t *testing.T) (many string) {
	keys := freshKeys(t)
	rows := &searchRows{path: filepath.Join(t.TempDir(), "rows"), head: searchRow{1}}
	defer rows.close()
	pick := func(from ...string) string { return from[rand.IntN(len(from))] }
	records := map[uint64]Record{}
	put := func() {
		for range 300 {
			n := uint64(rand.IntN(3*blockRows-1) + 1)
			if _, there := records[n]; there {
				continue
			}
			r := draft(int(n))
			r.GivenName, r.FamilyName = pick("Ana", "Marko", "Želj"), pick("Jovanović", "Jovanovski", "Aleksandropoulos", "Aleksandrović")
			r.Course, r.Batch, r.KeyID = pick("a", "b"), pick("", "x", "y"), pick("k", "l")
			r.AwardingDate = pick("", "2026-01-01", "2026-06-01")
			if rand.IntN(2) == 0 {
				r.ValidUntil = now.Add(time.Duration(rand.IntN(5)-2) * time.Hour)
			}
			records[n] = r
			row := keys.newRow(n, &r)
			rows.put(n, &row)
		}
	}
	put()
	for round := range 2 {
		read, found := 0, 0
		for range 100 {
			q := Query{Name: pick("", "ana", "jovanov", "jovanovic", "aleksandrov", "zel j"), Course: pick("", "a"), Batch: pick("", "x"), KeyID: pick("", "l"),
				From: pick("", "2026-03-01"), Until: pick("", "2026-04-01", "2026-12-31"), State: State(pick("", string(Issued), string(Expired))), Now: now}
			a := keys.asked(&q)
			for block := range uint64(3) {
				fit, missing := rows.mayBe(block, &a)
				for i := range uint64(blockRows) {
					r, there := records[block*blockRows+i]
					in := fit[i/64]&(1<<(i%64)) != 0
					if gone := missing[i/64]&(1<<(i%64)) != 0; gone == there || gone && !in {
						t.Fatalf("round %d, row %d: missing %t, read %t, and there %t", round, block*blockRows+i, gone, in, there)
					}
					r.State = Issued
					if there && in {
						read++
					}
					if there && q.matches(&r) {
						if found++; !in {
							t.Errorf("round %d: %+v leaves out %+v", round, q, r)
						}
					}
				}
			}
		}
		if read-found > found/20+50 {
			many = fmt.Sprintf("round %d: %d rows fit, of %d records that are found", round, read, found)
		}
		put() // after the blocks were read
	}
	return many
}

// What is erased is in the rows that are in memory no more than in the file.
func TestSearchForgets(t *testing.T) {
	keys := freshKeys(t)
	rows := &searchRows{path: filepath.Join(t.TempDir(), "rows"), head: searchRow{1}}
	defer rows.close()
	r := draft(7)
	row := keys.newRow(7, &r)
	rows.put(7, &row)
	a := keys.asked(&Query{Name: "primer"})
	for _, want := range []bool{true, false} {
		fit, missing := rows.mayBe(0, &a)
		if got := fit[0]&(1<<7) != 0; got != want || missing[0]&(1<<7) != 0 {
			t.Errorf("looked for by name: %t, want %t", got, want)
		}
		left := r
		left.GivenName, left.FamilyName = "", ""
		row = keys.newRow(7, &left)
		rows.put(7, &row)
	}
}

// benchmarkSearch looks for a rare and for a frequent name.
func BenchmarkSearch(b *testing.B) {
	s := reopen(b, initStore(b))
	const n = 2000
	for i := range n {
		r := draft(i)
		r.FamilyName = fmt.Sprint("Primer", i)
		if _, err := s.Reserve(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if found, _, err := s.Search(b.Context(), Query{Name: "primer7"}, "", 10); err != nil || len(found) != 10 {
			b.Fatal(len(found), err)
		}
	}
}
