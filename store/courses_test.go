package store

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

// awardUnder makes a draft one under a course.
func awardUnder(r *Record, id, version, json string) {
	r.Course, r.CourseVersion, r.CourseSHA256 = id, version, sha256.Sum256([]byte(json))
}

// testCourses is the part of the contract that the catalogue rests on.
func testCourses(run func(name string, test func(t *testing.T, s Store))) {
	put := func(t *testing.T, s Store, c Course) Course {
		t.Helper()
		if c.Changed.IsZero() {
			c.Changed = now
		}
		c, err := s.PutCourse(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	run("course kept as put", func(t *testing.T, s Store) {
		given := Course{ID: "c", Version: "1", JSON: []byte(`{"title":"Ц"}`), From: "2026-01-01", Until: "2026-12-31", Published: true, Changed: now}
		want := given
		want.Number, want.SHA256, want.FirstPublished = 1, sha256.Sum256(given.JSON), now
		if diff := cmp.Diff(want, put(t, s, given)); diff != "" {
			t.Errorf("put (-want +got):\n%s", diff)
		}
		for _, version := range []string{"1", ""} {
			if got, err := s.Course(t.Context(), "c", version); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("version %q (-want +got): %v\n%s", version, err, cmp.Diff(want, got))
			}
		}

		// The same again changes nothing, also at another time; a draft may change.
		again := given
		again.Changed = now.Add(time.Hour)
		if diff := cmp.Diff(want, put(t, s, again)); diff != "" {
			t.Errorf("put again (-want +got):\n%s", diff)
		}
		again.JSON = []byte(`{"title":"Č"}`)
		want.JSON, want.SHA256, want.Changed = again.JSON, sha256.Sum256(again.JSON), again.Changed
		put(t, s, again)
		if got, err := s.Course(t.Context(), "c", "1"); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("replaced (-want +got): %v\n%s", err, cmp.Diff(want, got))
		}
	})

	run("versions in order", func(t *testing.T, s Store) {
		for _, c := range []Course{{ID: "c-2", Version: "1"}, {ID: "c", Version: "2026"}, {ID: "c", Version: "10"}, {ID: "c", Version: "9"}, {ID: "c", Version: "2026", Published: true}} {
			c.JSON = []byte("{}")
			put(t, s, c)
		}
		all, err := s.Courses(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range all {
			if c.JSON != nil {
				t.Errorf("%s %s comes with its JSON", c.ID, c.Version)
			}
			got = append(got, c.ID+" "+c.Version)
		}
		if diff := cmp.Diff([]string{"c 2026", "c 10", "c 9", "c-2 1"}, got); diff != "" {
			t.Errorf("courses (-want +got):\n%s", diff)
		}
		if latest, err := s.Course(t.Context(), "c", ""); err != nil || latest.Version != "9" || latest.Number != 3 {
			t.Errorf("latest: %+v, %v", latest, err)
		}
	})

	run("withdrawn course stays", func(t *testing.T, s Store) {
		c := Course{ID: "c", Version: "1", JSON: []byte("{}")}
		if got := put(t, s, c); !got.FirstPublished.IsZero() {
			t.Errorf("a draft was published at %v", got.FirstPublished)
		}
		c.Published = true
		put(t, s, c)
		c.Published, c.Changed = false, now.Add(time.Hour)
		if got := put(t, s, c); got.Published || !got.FirstPublished.Equal(now) || !got.Changed.Equal(c.Changed) {
			t.Errorf("withdrawn: %+v", got)
		}
	})

	run("used version never changes", func(t *testing.T, s Store) {
		put(t, s, Course{ID: "c", Version: "1", JSON: []byte("{}")})
		put(t, s, Course{ID: "c", Version: "11", JSON: []byte("{}")})
		r := draft(1)
		awardUnder(&r, "c", "1", "{}")
		if _, err := s.Reserve(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte(`{"a":1}`), Changed: now}); !errors.Is(err, ErrCourseUsed) {
			t.Errorf("other content: err = %v, want %v", err, ErrCourseUsed)
		}
		// Its period may, and so may other versions.
		if got := put(t, s, Course{ID: "c", Version: "1", JSON: []byte("{}"), Until: "2026-12-31"}); !got.Used || got.Until != "2026-12-31" {
			t.Errorf("used version with another period: %+v", got)
		}
		if got := put(t, s, Course{ID: "c", Version: "11", JSON: []byte(`{"a":1}`)}); got.Used {
			t.Errorf("version that nobody has: %+v", got)
		}
	})

	run("record fits the catalogue", func(t *testing.T, s Store) {
		put(t, s, Course{ID: "c", Version: "1", JSON: []byte("{}")})
		other, silent, outside := draft(1), draft(2), draft(3)
		awardUnder(&other, "c", "1", `{"a":1}`)
		silent.Course, silent.CourseVersion = "c", "1"
		awardUnder(&outside, "c", "2", `{"a":1}`)
		for _, r := range []Record{other, silent} {
			if _, err := s.Reserve(t.Context(), r); !errors.Is(err, ErrCourseDiffers) {
				t.Errorf("%s: err = %v, want %v", r.ID, err, ErrCourseDiffers)
			}
		}
		// What was awarded before the course came into the catalogue binds it too.
		issue(t, s, outside)
		if _, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "2", JSON: []byte("{}"), Changed: now}); !errors.Is(err, ErrCourseUsed) {
			t.Errorf("put after an award from a file: err = %v, want %v", err, ErrCourseUsed)
		}
		if got := put(t, s, Course{ID: "c", Version: "2", JSON: []byte(`{"a":1}`)}); !got.Used {
			t.Error("the version awarded from a file is not used")
		}
	})

	run("course refused", func(t *testing.T, s Store) {
		for name, change := range map[string]func(*Course){
			"no id":           func(c *Course) { c.ID = "" },
			"no version":      func(c *Course) { c.Version = "" },
			"NUL":             func(c *Course) { c.ID = "c\x00d" },
			"long version":    func(c *Course) { c.Version = strings.Repeat("v", maxKey+1) },
			"no JSON":         func(c *Course) { c.JSON = nil },
			"no day":          func(c *Course) { c.From = "2026-02-30" },
			"dates reversed":  func(c *Course) { c.From, c.Until = "2026-02-02", "2026-02-01" },
			"no time":         func(c *Course) { c.Changed = time.Time{} },
			"part of seconds": func(c *Course) { c.Changed = now.Add(1) },
		} {
			c := Course{ID: "c", Version: "1", JSON: []byte("{}"), Changed: now}
			change(&c)
			if _, err := s.PutCourse(t.Context(), c); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: err = %v, want %v", name, err, ErrInvalid)
			}
		}
		r := draft(1)
		awardUnder(&r, "c", "", "{}")
		if _, err := s.Reserve(t.Context(), r); !errors.Is(err, ErrInvalid) {
			t.Errorf("record of no version: err = %v, want %v", err, ErrInvalid)
		}
		for _, id := range []string{"", "c", "c\x00"} {
			if _, err := s.Course(t.Context(), id, ""); !errors.Is(err, ErrNotFound) {
				t.Errorf("course %q: err = %v, want %v", id, err, ErrNotFound)
			}
		}
	})
}

// A store of schema 1, which had no courses, opens with all its records and
// takes courses from then on.
func TestUpgrade(t *testing.T) {
	path := initStore(t)
	s := reopen(t, path)
	old := draft(1)
	old.CourseVersion = "1"
	issue(t, s, old)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketCourses, bucketCourseTexts, bucketAwarded, bucketKept, bucketDocuments, bucketExternals, bucketStates, bucketLogs, bucketLogEntries, bucketLogHashes, bucketLogHeads} {
			if err := tx.DeleteBucket(name); err != nil {
				return err
			}
		}
		doc, key, err := byID.at(tx, []byte(old.ID))
		doc.Logged = nil
		return errors.Join(err, putJSON(tx, bucketRecords, key, doc), tx.Bucket(bucketMeta).Delete(logKey), putJSON(tx, bucketMeta, identityKey, identity{Store: storeID, Schema: 1}))
	})

	for range 2 { // upgraded, and opened again
		s = reopen(t, path)
		if got, err := s.Get(t.Context(), old.ID); err != nil || got.State != Issued {
			t.Errorf("record: %s, %v", got.State, err)
		}
		if _, err := s.PutCourse(t.Context(), Course{ID: old.Course, Version: "1", JSON: []byte("{}"), Changed: now}); err != nil {
			t.Error(err)
		}
		CheckStore(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
