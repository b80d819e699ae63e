package issuer

import (
	"context"
	"errors"
	"iter"
	"sync"

	"indeks/store"
)

// chunk is how many certificate numbers are drawn at a time. What a crash
// leaves unused of a chunk is lost.
const chunk = 256

// underWay is how many credentials of a class are under way at a time. A store writes what
// waits in one transaction, so the more are waiting, the fewer times a disk is flushed;
// and while half of them wait, the others must keep the processors busy.
const underWay = 512

// wholeUnderWay is how many of them are built and under way that no mould gives: these are
// whole in memory, some 300 KB each and much more while they are built.
const wholeUnderWay = 64

// IssueAll issues drafts concurrently and yields one result for each, in their
// order; of records that are issued just now payloads and tokens are in
// parts (store.Record.Join). It stops when ctx ends; what was yielded is durable. Numbers by the
// rule follow the order of the drafts, whose courses must not be changed meanwhile.
func (i *Issuer) IssueAll(ctx context.Context, drafts []Draft) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		type result struct {
			record store.Record
			err    error
		}
		type job struct {
			draft  Draft
			number string
			course *courseText
			done   chan result // takes one result without waiting
		}
		jobs, order, whole := make(chan job), make(chan chan result, underWay), make(chan struct{}, wholeUnderWay)

		var running sync.WaitGroup
		for range underWay {
			running.Go(func() {
				for j := range jobs {
					r, err := i.issue(ctx, j.draft, j.number, j.course, whole)
					j.done <- result{r, err}
				}
			})
		}
		running.Go(func() {
			defer close(jobs)
			defer close(order)
			courses := courseTexts{}
			for n := 0; n < len(drafts); n += chunk {
				part := drafts[n:min(n+chunk, len(drafts))]
				for k, number := range i.drawNumbers(ctx, part) {
					j := job{part[k], number, courses.of(part[k].Course), make(chan result, 1)}
					select {
					case order <- j.done:
					case <-ctx.Done():
						return
					}
					select {
					case jobs <- j:
					case <-ctx.Done():
						j.done <- result{err: ctx.Err()}
						return
					}
				}
			}
		})
		// The consumer may leave early: then nothing new begins, and what has
		// begun is waited for.
		defer running.Wait()
		defer stop()
		for done := range order {
			if r := <-done; !yield(r.record, r.err) {
				return
			}
		}
	}
}

// drawNumbers draws the numbers by the rule for those drafts that are new and
// have none, in their order, but for those that wait for their learner: they would
// leave a gap with each try. Where that fails, Issue draws again and names the error.
func (i *Issuer) drawNumbers(ctx context.Context, drafts []Draft) []string {
	numbers := make([]string, len(drafts))
	year := i.clock().Year()
	rules, wanting := map[*Course]numberRule{}, map[string][]int{}
	for k := range drafts {
		d := &drafts[k]
		if d.Course == nil || d.Number != "" {
			continue
		}
		if _, err := i.store.Lookup(ctx, d.Key(i.inst.DID)); errors.Is(err, store.ErrNotFound) && i.checkName(ctx, d) == nil {
			if _, ok := rules[d.Course]; !ok {
				rules[d.Course] = i.numberRule(d.Course)
			}
			series := rules[d.Course].series(year)
			wanting[series] = append(wanting[series], k)
		}
	}
	for series, places := range wanting {
		first, err := i.store.Numbers(ctx, series, len(places))
		if err != nil {
			continue
		}
		for n, k := range places {
			numbers[k] = rules[drafts[k].Course].number(year, first+uint64(n))
		}
	}
	return numbers
}
