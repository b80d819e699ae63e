package issuer

import (
	"bytes"
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

	"indeks/elm"
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
// forms if it did nothing else: ES256 (RFC 7518 section 3.4), which is ECDSA over the
// SHA-256 of a signing input, by the standard library, on all processors; and the
// processor time of one. Without inputs it is ECDSA alone, over a hash that is there.
func bound(b *testing.B, inputs ...[]byte) (rate float64, each time.Duration) {
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
				for form := range 2 {
					if inputs != nil {
						hash = sha256.Sum256(inputs[form])
					}
					signature, err := ecdsa.SignASN1(rand.Reader, key, hash[:])
					if inputs != nil {
						hash = sha256.Sum256(inputs[form])
					}
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

// signingInputs are what the seals of a record are over (RFC 7515 section 5.1, RFC 7797
// section 3).
func signingInputs(b *testing.B, r store.Record) [][]byte {
	compact := r.Forms[string(elm.VC2)].Token
	_, header, ok := bytes.Cut(r.Forms[string(elm.EDC)].Token, []byte(`"protected":"`))
	header, _, ends := bytes.Cut(header, []byte(`"`))
	if !ok || !ends {
		b.Fatalf("no header in %.100q", r.Forms[string(elm.EDC)].Token)
	}
	return [][]byte{compact[:bytes.LastIndexByte(compact, '.')], slices.Concat(header, []byte("."), r.Forms[string(elm.EDC)].Payload)}
}

// BenchmarkIssueAll issues a class of 10 000: both forms, self-checked, durable. The
// payloads are 47 and 38 KB. Of what signing and verifying them alone would take it
// says both: of the tokens as they are, and of hashes that are there.
func BenchmarkIssueAll(b *testing.B) {
	n := 10_000
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
			var last store.Record
			for b.Loop() {
				b.StopTimer()
				h := newHouseIn(b, open, nil)
				h.Issuer.now = time.Now
				h.c.Now = time.Now
				before := processor.Time()
				b.StartTimer()
				for r, err := range h.IssueAll(b.Context(), drafts) {
					if err != nil {
						b.Fatal(err)
					}
					last = r
				}
				used += processor.Time() - before
			}
			rate, each := float64(n*b.N)/b.Elapsed().Seconds(), used/time.Duration(n*b.N)
			b.ReportMetric(rate, "credentials/s")
			b.ReportMetric(float64(each.Microseconds()), "processor_µs/credential")
			last.Join()
			for name, inputs := range map[string][][]byte{"ES256": signingInputs(b, last), "ECDSA": nil} {
				boundRate, boundEach := bound(b, inputs...)
				b.ReportMetric(100*rate/boundRate, "%_of_"+name)
				b.ReportMetric(100*float64(boundEach)/float64(each), "%_of_"+name+"_by_processor_time")
			}
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
