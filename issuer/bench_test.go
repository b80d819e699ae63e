package issuer

import (
	"fmt"
	"testing"
	"time"

	"indeks/internal/postgres"
	"indeks/store"
)

// learners are n drafts of one class.
func learners(t testing.TB, n int) []Draft {
	drafts := make([]Draft, n)
	for i := range drafts {
		drafts[i] = draft(t)
		drafts[i].LearnerID = fmt.Sprint("2026/", i)
	}
	return drafts
}

// BenchmarkIssueAll issues a class of 1000: both forms, self-checked, durable.
func BenchmarkIssueAll(b *testing.B) {
	const n = 1000
	drafts := learners(b, n)
	for name, open := range map[string]opener{
		"bbolt": boltStore,
		"postgres": func(t testing.TB, learners *store.DataKeys) store.Store {
			return storeIn(t, postgres.Start(t), learners) // with its files on disk
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				h := newHouseIn(b, open, nil)
				h.Issuer.now = time.Now
				h.c.Now = time.Now
				b.StartTimer()
				for _, err := range h.IssueAll(b.Context(), drafts) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "credentials/s")
		})
	}
}

// BenchmarkCheck reads a store of 2000 awards as `indeks check` does, with the
// tokens of each hundredth record opened, and of all.
func BenchmarkCheck(b *testing.B) {
	const n = 2000
	h := newHouse(b, nil)
	for _, err := range h.IssueAll(b.Context(), learners(b, n)) {
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, every := range []int{100, 1} {
		b.Run(fmt.Sprintf("seals=%d", every), func(b *testing.B) {
			for b.Loop() {
				if found := store.Check(b.Context(), h.store, NewSeals(h.ring.Entries(), every).Check); len(found) > 0 {
					b.Fatal(found)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	h := newHouse(b, nil)
	d := draft(b)
	for b.Loop() {
		if _, err := h.Preview(d, "vc2"); err != nil {
			b.Fatal(err)
		}
	}
}
