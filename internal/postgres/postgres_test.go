package postgres

import (
	"testing"
)

// What is committed outlives a kill, and databases are apart.
func TestKilled(t *testing.T) {
	s := Start(t)
	first := s.Database(t, "")
	s.Query(t, first, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	second := s.Database(t, first)
	s.Query(t, second, "UPDATE kept SET n = 8")
	for range 2 {
		s.Kill(t)
		s.Restart(t)
		if a, b := s.Query(t, first, "SELECT n FROM kept"), s.Query(t, second, "SELECT n FROM kept"); a != "7" || b != "8" {
			t.Errorf("after the kill: %q, %q", a, b)
		}
	}
}
