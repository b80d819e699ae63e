package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Course is one version of a course of the catalogue. What is in JSON is not
// looked at: to the store a version is its bytes and their hash.
type Course struct {
	ID        string    `json:"id"`
	Version   string    `json:"version"`
	JSON      []byte    `json:"-"`                // kept apart from the version; what was read is shared: do not change it
	From      string    `json:"from,omitzero"`    // YYYY-MM-DD, first day on which it is offered; "": always was
	Until     string    `json:"until,omitzero"`   // YYYY-MM-DD, last day; "": open
	Published bool      `json:"published"`        // the public may see it
	Changed   time.Time `json:"changed,omitzero"` // whole seconds, UTC

	// Set by the store.
	Number         int       `json:"number"` // 1, 2, ... in the order in which the versions of a course were first put
	SHA256         [32]byte  `json:"sha256"` // of JSON
	FirstPublished time.Time `json:"firstPublished,omitzero"`
	Used           bool      `json:"-"` // a record was awarded under it
}

// validate says with ErrInvalid why a course cannot be put.
func (c *Course) validate() error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("putting course %.100q: %w: %s", c.ID, ErrInvalid, fmt.Sprintf(format, args...))
	}
	if err := validCourseKey(c.ID, c.Version); err != nil {
		return fmt.Errorf("putting course %.100q: %w", c.ID, err)
	}
	if len(c.JSON) == 0 || len(c.JSON) > maxBlob {
		return invalid("%d bytes of JSON", len(c.JSON))
	}
	for _, day := range []string{c.From, c.Until} {
		if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
			return invalid("%.40q is no day", day)
		}
	}
	if c.Until != "" && c.Until < c.From {
		return invalid("offered from %s until %s", c.From, c.Until)
	}
	if c.Changed.IsZero() || !c.Changed.Equal(c.Changed.Truncate(time.Second)) || c.Changed.Location() != time.UTC {
		return invalid("time %v is not in whole seconds of UTC", c.Changed)
	}
	return nil
}

// validCourseKey holds what courseKey needs to be unambiguous.
func validCourseKey(id, version string) error {
	for _, s := range []string{id, version} {
		if err := validText(s); err != nil {
			return err
		}
		if s == "" || len(s) > maxKey || strings.ContainsRune(s, 0) {
			return fmt.Errorf("%w: course %.40q, version %.40q: not 1 to %d bytes without NUL", ErrInvalid, id, version, maxKey)
		}
	}
	return nil
}

// courseKey is the place of a version; with no version, the prefix of them all.
func courseKey(id, version string) []byte {
	key := append(append(make([]byte, 0, len(id)+len(version)+2+sha256.Size), id...), 0) // with room for awardedKey
	if version != "" {
		key = append(append(key, version...), 0)
	}
	return key
}

func (s *boltStore) PutCourse(ctx context.Context, c Course) (Course, error) {
	if err := c.validate(); err != nil {
		return Course{}, err
	}
	c.SHA256 = sha256.Sum256(c.JSON)
	packed := packPayload(c.JSON)
	var stored Course
	by := s.author(ctx)
	err := s.write(ctx, func(tx *bolt.Tx) (err error) {
		stored, err = putCourse(tx, by, c, packed)
		return err
	})
	if err != nil {
		return Course{}, fmt.Errorf("putting course %s, version %s: %w", c.ID, c.Version, err)
	}
	stored.JSON = c.JSON
	return stored, nil
}

// settle is what becomes of a version that is put: known is what is stored of it,
// nil for nothing, latest the highest number of its course, awarded the hashes of
// what records were awarded under by its name. Where changed is false, nothing is
// to be written.
func (c Course) settle(known *Course, latest int, awarded [][sha256.Size]byte) (settled Course, changed bool, err error) {
	// 1. What was awarded under does not change, also where it was awarded
	// before the course came into the catalogue.
	c.Used = len(awarded) > 0
	for _, sum := range awarded {
		if sum != c.SHA256 {
			return Course{}, false, ErrCourseUsed
		}
	}

	// 2. Is there anything to change?
	switch {
	case known == nil:
		c.Number, c.FirstPublished = latest+1, time.Time{}
	case known.SHA256 == c.SHA256 && known.From == c.From && known.Until == c.Until && known.Published == c.Published:
		settled = *known
		settled.Used = c.Used
		return settled, false, nil
	default:
		c.Number, c.FirstPublished = known.Number, known.FirstPublished
	}
	if c.Published && c.FirstPublished.IsZero() {
		c.FirstPublished = c.Changed
	}
	return c, true, nil
}

// putCourse stores a version; packed is its JSON as it is kept.
func putCourse(tx *bolt.Tx, by author, c Course, packed []byte) (Course, error) {
	key := courseKey(c.ID, c.Version)
	var known *Course
	latest := 0
	stored, err := getCourse(tx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		all, err := versions(tx, c.ID)
		if err != nil {
			return Course{}, err
		}
		if n := len(all); n > 0 {
			latest = all[n-1].Number
		}
	case err != nil:
		return Course{}, err
	default:
		known = &stored
	}
	c, changed, err := c.settle(known, latest, slices.Collect(awarded(tx, key)))
	if err != nil || !changed {
		return c, err
	}

	// All checks are made: see write.
	if err := tx.Bucket(bucketCourseTexts).Put(key, packed); err != nil {
		return Course{}, err
	}
	if err := putJSON(tx, bucketCourses, key, c); err != nil {
		return Course{}, err
	}
	_, err = by.logged(tx, c.event())
	return c, err
}

// event is what the log is told of a version that is put.
func (c *Course) event() Event {
	seen := "not published"
	if c.Published {
		seen = "published"
	}
	return Event{Kind: KindCoursePut, Object: c.ID, Result: fmt.Sprintf("version %.200s, %s", c.Version, seen), Digest: c.SHA256}
}

func (s *boltStore) Course(ctx context.Context, id, version string) (c Course, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		if err := validCourseKey(id, cmp.Or(version, "latest")); err != nil {
			return ErrNotFound
		}
		if version == "" {
			all, err := versions(tx, id)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return ErrNotFound
			}
			version = all[len(all)-1].Version
		}
		key := courseKey(id, version)
		if c, err = getCourse(tx, key); err != nil {
			return err
		}
		c.JSON, err = coursesLately.unpack(tx.Bucket(bucketCourseTexts).Get(key), c.SHA256)
		return err
	})
	if err != nil {
		return Course{}, fmt.Errorf("reading course %.100q, version %.100q: %w", id, version, err)
	}
	return c, nil
}

// courseTexts are the texts of courses that were read lately, whichever store they are
// of: each award asks for its course.
type courseTexts struct {
	mu    sync.RWMutex
	known map[[sha256.Size]byte]courseText
}

// courseText is a text and how it is kept.
type courseText struct{ json, packed []byte }

var coursesLately courseTexts

// maxCourseTexts bounds them, of some tens of KB each.
const maxCourseTexts = 128

// unpack returns the text of a course that has this hash, which nobody may change. It is
// unpacked and compared with its hash unless it is kept to the byte as the last time.
func (t *courseTexts) unpack(packed []byte, sum [sha256.Size]byte) ([]byte, error) {
	t.mu.RLock()
	known := t.known[sum]
	t.mu.RUnlock()
	if known.json != nil && bytes.Equal(known.packed, packed) {
		return known.json, nil
	}
	text, err := unpackPayload(packed, nil)
	if text, err = proven(text, err, sum); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= maxCourseTexts {
		t.known = map[[sha256.Size]byte]courseText{}
	}
	t.known[sum] = courseText{slices.Clip(text), bytes.Clone(packed)}
	return t.known[sum].json, nil
}

func (s *boltStore) Courses(ctx context.Context) (all []Course, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		all, err = versions(tx, "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the courses: %w", err)
	}
	return all, nil
}

// getCourse returns a version without its JSON, or ErrNotFound.
func getCourse(tx *bolt.Tx, key []byte) (c Course, err error) {
	if err := getJSON(tx, bucketCourses, key, &c); err != nil {
		return Course{}, err
	}
	for range awarded(tx, key) {
		c.Used = true
	}
	return c, nil
}

// versions returns the versions of a course, or of all for id "", by id and
// number, without their JSON.
func versions(tx *bolt.Tx, id string) ([]Course, error) {
	var all []Course
	var prefix []byte
	if id != "" {
		prefix = courseKey(id, "")
	}
	cursor := tx.Bucket(bucketCourses).Cursor()
	for key, _ := cursor.Seek(prefix); key != nil && bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
		c, err := getCourse(tx, key)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Course) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(a.Number, b.Number))
	})
	return all, nil
}

// awarded yields the hashes of the courses that records were awarded under by
// the name of a version. There is one at most where the version is in the
// catalogue.
func awarded(tx *bolt.Tx, key []byte) iter.Seq[[sha256.Size]byte] {
	return func(yield func([sha256.Size]byte) bool) {
		cursor := tx.Bucket(bucketAwarded).Cursor()
		for k, _ := cursor.Seek(key); bytes.HasPrefix(k, key); k, _ = cursor.Next() {
			if sum := k[len(key):]; len(sum) == sha256.Size && !yield([sha256.Size]byte(sum)) {
				return
			}
		}
	}
}

// awardedKey is what a record leaves in bucketAwarded, nil if it does not say
// what its course was.
func (r *Record) awardedKey() []byte {
	if r.CourseSHA256 == [32]byte{} {
		return nil
	}
	return append(courseKey(r.Course, r.CourseVersion), r.CourseSHA256[:]...)
}

// fitsCatalogue holds a record to the version that it names, where that is in
// the catalogue: readers of the credential are led to it.
func fitsCatalogue(tx *bolt.Tx, r *Record) error {
	if r.Course == "" || r.CourseVersion == "" {
		return nil
	}
	var c Course
	err := getJSON(tx, bucketCourses, courseKey(r.Course, r.CourseVersion), &c)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case c.SHA256 != r.CourseSHA256:
		return fmt.Errorf("course %s, version %s: %w", r.Course, r.CourseVersion, ErrCourseDiffers)
	}
	return nil
}

// checkCourses compares the courses with the records: each version is whole,
// what records were awarded under is marked, and a version of the catalogue is
// what was awarded under its name.
func checkCourses(tx *bolt.Tx, records map[string]bool, report func(format string, args ...any)) error {
	all, err := versions(tx, "")
	if err != nil {
		report("%w", err)
	}
	numbers := map[string]bool{}
	for _, c := range all {
		key := courseKey(c.ID, c.Version)
		text, err := unpackPayload(tx.Bucket(bucketCourseTexts).Get(key), nil)
		if _, err := proven(text, err, c.SHA256); err != nil {
			report("course %s, version %s: %w", c.ID, c.Version, err)
		}
		if number := fmt.Sprintf("%s %d", c.ID, c.Number); c.Number < 1 || numbers[number] {
			report("course %s, version %s has no number of its own", c.ID, c.Version)
		} else {
			numbers[number] = true
		}
		if c.Published && c.FirstPublished.IsZero() {
			report("course %s, version %s is published and never was", c.ID, c.Version)
		}
		for sum := range awarded(tx, key) {
			if sum != c.SHA256 {
				report("course %s, version %s is not what was awarded under it", c.ID, c.Version)
			}
		}
	}
	for name, bucket := range map[string][]byte{"version": bucketCourses, "text": bucketCourseTexts} {
		n := 0
		if err := tx.Bucket(bucket).ForEach(func(_, _ []byte) error { n++; return nil }); err != nil {
			return err
		}
		if n != len(all) {
			report("%d courses of the catalogue have %d entries of a %s", len(all), n, name)
		}
	}
	return tx.Bucket(bucketAwarded).ForEach(func(key, _ []byte) error {
		if !records[string(key)] {
			report("%q was not awarded by any record", key)
		}
		delete(records, string(key))
		return nil
	})
}
