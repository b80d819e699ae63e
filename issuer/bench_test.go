package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"indeks/internal/postgres"
	"indeks/internal/processor"
	"indeks/store"
)

// learners are n drafts of one class, all of one course as a class list has them.
func learners(t testing.TB, n int) []Draft {
	drafts := slices.Repeat([]Draft{draft(t)}, n)
	for i := range drafts {
		drafts[i].LearnerID = fmt.Sprint("2026/", i)
	}
	return drafts
}

// bound is how many credentials a second the machine could sign and verify in two
// forms if it did nothing else: ES256 by the standard library, on all processors; and
// the processor time of one.
func bound(b *testing.B) (rate float64, each time.Duration) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	var done atomic.Int64
	var running sync.WaitGroup
	begin, used := time.Now(), processor.Time()
	for range runtime.GOMAXPROCS(0) {
		running.Go(func() {
			hash := sha256.Sum256([]byte("a payload"))
			for time.Since(begin) < 2*time.Second {
				for range 2 {
					signature, err := ecdsa.SignASN1(rand.Reader, key, hash[:])
					if err != nil || !ecdsa.VerifyASN1(&key.PublicKey, hash[:], signature) {
						b.Error("a signature does not verify")
						return
					}
				}
				done.Add(1)
			}
		})
	}
	running.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds(), (processor.Time() - used) / time.Duration(done.Load())
}

// BenchmarkIssueAll issues a class of 5000: both forms, self-checked, durable. The
// payloads are 47 and 38 KB.
func BenchmarkIssueAll(b *testing.B) {
	n := 5000
	if testing.Short() {
		n = 1000
	}
	drafts := learners(b, n)
	room := make([]byte, 64<<20) // as the program has, see headroom in cmd/indeks
	defer runtime.KeepAlive(room)
	for name, open := range map[string]opener{
		"bbolt": boltStore,
		"postgres": func(t testing.TB, learners *store.DataKeys) store.Store {
			return storeIn(t, postgres.Start(t), learners) // with its files on disk
		},
	} {
		b.Run(name, func(b *testing.B) {
			var used time.Duration
			for b.Loop() {
				b.StopTimer()
				h := newHouseIn(b, open, nil)
				h.Issuer.now = time.Now
				h.c.Now = time.Now
				before := processor.Time()
				b.StartTimer()
				for _, err := range h.IssueAll(b.Context(), drafts) {
					if err != nil {
						b.Fatal(err)
					}
				}
				used += processor.Time() - before
			}
			rate, each := float64(n*b.N)/b.Elapsed().Seconds(), used/time.Duration(n*b.N)
			boundRate, boundEach := bound(b)
			b.ReportMetric(rate, "credentials/s")
			b.ReportMetric(float64(each.Microseconds()), "processor_µs/credential")
			b.ReportMetric(100*rate/boundRate, "%_of_signing_and_verifying")
			b.ReportMetric(100*float64(boundEach)/float64(each), "%_of_it_by_processor_time")
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
