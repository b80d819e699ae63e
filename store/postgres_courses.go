package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"
)

func (s *postgresStore) PutCourse(ctx context.Context, c Course) (Course, error) {
	if err := c.validate(); err != nil {
		return Course{}, err
	}
	c.SHA256 = sha256.Sum256(c.JSON)
	text := packPayload(c.JSON)
	var known *Course
	var latest int
	var sums [][32]byte
	var stored Course
	d := &deed{uses: []string{"course " + c.ID}}
	d.look = func(b *pgx.Batch) {
		known, latest, sums = nil, 0, nil
		// Who reserves under this name waits, and then sees what was put; who has
		// reserved under it is seen here.
		b.Queue("INSERT INTO courses (id, version) VALUES ($1, $2) ON CONFLICT DO NOTHING", c.ID, c.Version)
		b.Queue("SELECT doc FROM courses WHERE id = $1 AND version = $2 FOR UPDATE", c.ID, c.Version).QueryRow(func(row pgx.Row) error {
			var doc []byte
			if err := row.Scan(&doc); err != nil || doc == nil {
				return err
			}
			known = new(Course)
			return openJSON(bucketCourses, courseKey(c.ID, c.Version), doc, known)
		})
		b.Queue("SELECT coalesce(max(number), 0) FROM courses WHERE id = $1", c.ID).QueryRow(func(row pgx.Row) error { return row.Scan(&latest) })
		b.Queue("SELECT sha256 FROM awarded WHERE id = $1 AND version = $2", c.ID, c.Version).Query(func(rows pgx.Rows) error {
			var sum []byte
			_, err := pgx.ForEachRow(rows, []any{&sum}, func() error { sums = append(sums, [32]byte(sum)); return nil })
			return err
		})
	}
	d.decide = func(b *pgx.Batch, log *pgLog) error {
		var changed bool
		var err error
		if stored, changed, err = c.settle(known, latest, sums); err != nil || !changed {
			return err
		}
		doc, err := sealJSON(bucketCourses, courseKey(c.ID, c.Version), stored)
		if err != nil {
			return err
		}
		// Another version that takes the same number is stopped by the key.
		b.Queue("UPDATE courses SET number = $3, doc = $4, text = $5 WHERE id = $1 AND version = $2", c.ID, c.Version, stored.Number, doc, text)
		_, err = log.enter(d.by, stored.event(), nil, nil)
		return err
	}
	err := s.do(ctx, d)
	if err != nil {
		return Course{}, fmt.Errorf("putting course %s, version %s: %w", c.ID, c.Version, err)
	}
	stored.JSON = c.JSON
	return stored, nil
}

// courses reads versions, with their texts where they are asked for.
func (s *postgresStore) courses(ctx context.Context, text, rest string, args ...any) (all []Course, err error) {
	err = s.read(ctx, func(q querier) error {
		all = nil
		rows, err := q.Query(ctx, `SELECT c.id, c.version, c.number, c.doc, EXISTS (SELECT 1 FROM awarded a WHERE a.id = c.id AND a.version = c.version), `+text+`
			FROM courses c WHERE c.number IS NOT NULL `+rest, args...)
		if err != nil {
			return err
		}
		var id, version string
		var number int
		var doc, text []byte
		var used bool
		_, err = pgx.ForEachRow(rows, []any{&id, &version, &number, &doc, &used, &text}, func() error {
			var c Course
			if err := openJSON(bucketCourses, courseKey(id, version), doc, &c); err != nil {
				return err
			}
			if c.Number != number {
				return fmt.Errorf("%w: course %s, version %s has number %d beside its column, which says %d", ErrDamaged, id, version, c.Number, number)
			}
			c.Used = used
			if text != nil {
				if c.JSON, err = coursesLately.unpack(text, c.SHA256); err != nil {
					return fmt.Errorf("course %s, version %s: %w", id, version, err)
				}
			}
			all = append(all, c)
			return nil
		})
		return err
	})
	return all, err
}

func (s *postgresStore) Course(ctx context.Context, id, version string) (Course, error) {
	c, err := s.course(ctx, id, version)
	if err != nil {
		return Course{}, fmt.Errorf("reading course %.100q, version %.100q: %w", id, version, err)
	}
	return c, nil
}

func (s *postgresStore) course(ctx context.Context, id, version string) (Course, error) {
	if err := ctx.Err(); err != nil {
		return Course{}, err
	}
	if err := validCourseKey(id, cmp.Or(version, "latest")); err != nil {
		return Course{}, ErrNotFound
	}
	all, err := s.courses(ctx, "c.text", "AND c.id = $1 AND ($2 = '' OR c.version = $2) ORDER BY c.number DESC LIMIT 1", id, version)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Course{}, err
	}
	return all[0], nil
}

func (s *postgresStore) Courses(ctx context.Context) ([]Course, error) {
	all, err := s.courses(ctx, "NULL::bytea", "ORDER BY c.id, c.number")
	if err != nil {
		return nil, fmt.Errorf("reading the courses: %w", err)
	}
	return all, nil
}
