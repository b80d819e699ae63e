package issuer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"indeks/alike"
	"indeks/internal/postgres"
	"indeks/status"
	"indeks/store"
)

var errFault = errors.New("injected fault")

// faulty fails the nth call to the store: without doing it, or after doing it.
type faulty struct {
	store.Store
	mu            sync.Mutex
	calls, failAt int
	done          bool // fail although it is done
	failCommit    bool
}

// call counts and says whether to fail before, and what to return after.
func (f *faulty) call() (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.calls != f.failAt {
		return nil, nil
	}
	if f.done {
		return nil, errFault
	}
	return errFault, nil
}

func (f *faulty) Lookup(ctx context.Context, k store.Key) (store.Record, error) {
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Lookup(ctx, k)
	return r, errors.Join(err, after)
}

func (f *faulty) Reserve(ctx context.Context, r store.Record) (store.Record, error) {
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Reserve(ctx, r)
	return r, errors.Join(err, after)
}

func (f *faulty) Commit(ctx context.Context, id string, tokens map[string]alike.Text, with ...store.Document) (store.Record, error) {
	if f.failCommit {
		return store.Record{}, errFault
	}
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Commit(ctx, id, tokens, with...)
	return r, errors.Join(err, after)
}

func (f *faulty) Course(ctx context.Context, id, version string) (store.Course, error) {
	before, after := f.call()
	if before != nil {
		return store.Course{}, before
	}
	c, err := f.Store.Course(ctx, id, version)
	return c, errors.Join(err, after)
}

func (f *faulty) Lists(ctx context.Context) ([]store.List, error) {
	before, after := f.call()
	if before != nil {
		return nil, before
	}
	l, err := f.Store.Lists(ctx)
	return l, errors.Join(err, after)
}

func (f *faulty) Pending(ctx context.Context) iter.Seq2[store.Record, error] {
	if before, after := f.call(); before != nil || after != nil {
		return func(yield func(store.Record, error) bool) { yield(store.Record{}, errFault) }
	}
	return f.Store.Pending(ctx)
}

func (f *faulty) Numbers(ctx context.Context, series string, n int) (uint64, error) {
	before, after := f.call()
	if before != nil {
		return 0, before
	}
	first, err := f.Store.Numbers(ctx, series, n)
	return first, errors.Join(err, after)
}

func (f *faulty) OpenList(ctx context.Context, purpose string, now time.Time) (store.List, error) {
	before, after := f.call()
	if before != nil {
		return store.List{}, before
	}
	l, err := f.Store.OpenList(ctx, purpose, now)
	return l, errors.Join(err, after)
}

func (f *faulty) Bits(ctx context.Context, id string) (*status.List, store.List, error) {
	before, after := f.call()
	if before != nil {
		return nil, store.List{}, before
	}
	bits, l, err := f.Store.Bits(ctx, id)
	return bits, l, errors.Join(err, after)
}

func (f *faulty) Publish(ctx context.Context, id string, sequence uint64, token []byte, validFrom time.Time) error {
	before, after := f.call()
	if before != nil {
		return before
	}
	return errors.Join(f.Store.Publish(ctx, id, sequence, token, validFrom), after)
}

func (f *faulty) Change(ctx context.Context, id string, c store.Change, with ...store.Document) (store.Record, error) {
	before, after := f.call()
	if before != nil {
		return store.Record{}, before
	}
	r, err := f.Store.Change(ctx, id, c, with...)
	return r, errors.Join(err, after)
}

func (f *faulty) PutDocuments(ctx context.Context, docs []store.Document, events ...store.Event) error {
	before, after := f.call()
	if before != nil {
		return before
	}
	return errors.Join(f.Store.PutDocuments(ctx, docs, events...), after)
}

func (f *faulty) Document(ctx context.Context, kind, id string) (store.Document, error) {
	before, after := f.call()
	if before != nil {
		return store.Document{}, before
	}
	d, err := f.Store.Document(ctx, kind, id)
	return d, errors.Join(err, after)
}

// TestEveryFault fails one call in turn, the first, the second, until a run
// passes without a fault. A run is a start, which finishes what an earlier process
// left reserved, an issuance and a revocation, which publishes. What fails is a
// call to the store, not done or done all the same; the signer, with an error or
// with another signature than that of the bytes; or the clock, which is wrong for
// one reading.
func TestEveryFault(t *testing.T) {
	eachStore(t, testEveryFault)
}

// eachStore runs a test of faults over a store in a file, each fault, and over one in
// a database, there each fault with INDEKS_FAULTS=1 and otherwise some of them.
func eachStore(t *testing.T, test func(t *testing.T, open opener, stride int)) {
	t.Run("bbolt", func(t *testing.T) {
		t.Parallel()
		test(t, boltStore, 1)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server, stride := postgres.Shared(t), 9
		if os.Getenv("INDEKS_FAULTS") == "1" {
			stride = 1
		}
		test(t, func(t testing.TB, learners *store.DataKeys) store.Store { return storeIn(t, server, learners) }, stride)
	})
}

func testEveryFault(t *testing.T, open opener, stride int) {
	for _, kind := range []string{"store, not done", "store, done", "signer, no answer", "signer, wrong answer", "clock, two hours back", "clock, an hour ahead", "clock, years ahead"} {
		if stride > 1 && !strings.HasPrefix(kind, "store") {
			continue // other faults come before it is asked, or after
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			n := 1 - stride
			for clean := false; !clean; {
				if n += stride; n > 100 {
					t.Fatal("no run without a fault")
				}
				f := &faulty{done: kind == "store, done"}
				h := newHouseIn(t, open, func(s store.Store) store.Store { f.Store = s; return f })
				first, second := draft(t), draft(t)
				first.LearnerID = "2021/0122"
				f.failCommit = true
				if _, err := h.Issue(t.Context(), first); !errors.Is(err, errFault) {
					t.Fatal(err)
				}
				f.failCommit, f.calls = false, 0

				calls, failAt := &f.calls, &f.failAt // of the store
				what, how, _ := strings.Cut(kind, ", ")
				if what != "store" {
					calls, failAt = new(int), new(int)
				}
				*failAt = n
				fails := func() bool {
					*calls++
					return *calls == *failAt
				}
				switch what {
				case "signer":
					h.c.sign = func(use func() (alike.Text, error)) (alike.Text, error) {
						if !fails() {
							return use()
						}
						if how == "no answer" {
							return alike.Text{}, errFault
						}
						token, err := use()
						if err == nil {
							token.Rest = otherSignature(token.Rest)
						}
						return token, err
					}
				case "clock":
					off := map[string]time.Duration{"two hours back": -2 * time.Hour, "an hour ahead": time.Hour, "years ahead": 5 * 365 * 24 * time.Hour}[how]
					h.c.Now = func() time.Time {
						if fails() {
							return h.now.Add(off)
						}
						return h.now
					}
				}

				i, err := New(t.Context(), h.c)
				if err == nil {
					var r store.Record
					r, err = i.Issue(t.Context(), second)
					if err == nil {
						_, err = i.Revoke(t.Context(), r.ID, Why{Text: "fraud", By: "registrar"})
					}
				}
				if clean = *calls < n; clean && err != nil {
					t.Fatalf("without a fault: %v", err)
				}
				*failAt = -1

				// Whatever happened: a record for each at most, and a sealed one is right.
				issued, reserved := h.checkStore(t)
				if issued+reserved > 2 {
					t.Fatalf("fault %d: %d issued, %d reserved", n, issued, reserved)
				}
				before := map[string]string{}
				for r, err := range h.store.Records(t.Context(), "") {
					if err != nil {
						t.Fatal(err)
					}
					before[r.LearnerID] = r.ID
				}
				// A restart finishes what was reserved, or the same draft does.
				h.now = noon.Add(2 * time.Hour) // where the clock was ahead, what it dated is due by now
				h.c.Now = func() time.Time { return h.now }
				h.open(t)
				if _, reserved := h.checkStore(t); n%2 == 0 && reserved != 0 {
					t.Errorf("fault %d: New left %d reserved", n, reserved)
				}
				for _, d := range []Draft{first, second} {
					r, err := h.Issue(t.Context(), d)
					if err != nil {
						t.Fatalf("fault %d, same draft again: %v", n, err)
					}
					if id, ok := before[d.LearnerID]; ok && id != r.ID {
						t.Errorf("fault %d: a second record for one draft", n)
					}
					if r, err = h.Revoke(t.Context(), r.ID, Why{Text: "fraud", By: "registrar"}); err != nil || r.State != store.Revoked {
						t.Errorf("fault %d: revoking: %v", n, err)
					}
				}
				if issued, reserved := h.checkStore(t); issued != 2 || reserved != 0 {
					t.Errorf("fault %d: %d issued, %d reserved in the end", n, issued, reserved)
				}
			}
			t.Logf("%d faults", n-1)
		})
	}
}

// baseless fails to put what payloads have in common.
type baseless struct {
	store.Store
	err  error // nil: it does not
	done bool  // fail although it is done
}

func (s *baseless) PutDocuments(ctx context.Context, docs []store.Document, events ...store.Event) error {
	fails := s.err != nil && docs[0].Kind == "payload-base"
	if fails && !s.done {
		return s.err
	}
	err := s.Store.PutDocuments(ctx, docs, events...)
	if fails {
		err = errors.Join(err, s.err)
	}
	return err
}

// Without the base of a class, nothing is put on record that rests on it, nor anything
// else of the request: the same request is issued once it can be put, and rests on it.
func TestNoBase(t *testing.T) {
	for _, tt := range []baseless{{err: errFault}, {err: errFault, done: true}, {err: store.ErrReadOnly}} {
		t.Run(fmt.Sprintf("%v, done=%t", tt.err, tt.done), func(t *testing.T) {
			s := &baseless{}
			h := newHouse(t, func(real store.Store) store.Store { s.Store = real; return s })
			s.err, s.done = tt.err, tt.done
			if _, err := h.Issue(t.Context(), draft(t)); !errors.Is(err, tt.err) {
				t.Fatalf("err = %v, want %v", err, tt.err)
			}
			if _, err := h.Preview(draft(t), "edc"); err != nil {
				t.Errorf("a preview needs none: %v", err)
			}
			if issued, reserved := h.checkStore(t); issued+reserved > 0 {
				t.Errorf("%d issued, %d reserved", issued, reserved)
			}
			s.err = nil
			if _, err := h.Issue(t.Context(), draft(t)); err != nil {
				t.Fatal(err)
			}
			next := draft(t) // the first of a class is the mould of the others
			next.LearnerID = "2021/0122"
			r, err := h.Issue(t.Context(), next)
			if err != nil {
				t.Fatal(err)
			}
			if r, err = h.store.Get(t.Context(), r.ID); err != nil || r.Forms["edc"].Base == (store.Base{}) {
				t.Errorf("%v, kept by %s", err, r.Forms["edc"].Base)
			}
			h.checkStore(t)
		})
	}
}

// otherSignature changes the signature of a token in either form: its last
// symbol but some, so that the encoding stays one.
func otherSignature(token []byte) []byte {
	token = bytes.Clone(token)
	at := len(token) - 10 // vc+jwt: header.payload.signature; JAdES: {...,"signature":"..."}
	if token[at] == 'A' {
		token[at] = 'B'
	} else {
		token[at] = 'A'
	}
	return token
}
