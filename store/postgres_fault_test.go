package store

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"indeks/internal/postgres"
	"indeks/status"
)

// proxy stands between a store and its server and loses connections in the middle
// of a commit.
type proxy struct {
	server   string // socket
	listener net.Listener
	lose     atomic.Int32 // what happens to the next commit
	lost     atomic.Int32 // how often it happened
	rows     atomic.Int64 // how many rows the server's answers have yet before one is lost in the middle; 0: none is
}

// What a proxy does with a commit.
const (
	loseNothing = iota
	loseRequest // the server never hears of it
	loseAnswer  // it is done, and the client never hears of it
)

// newProxy returns a proxy before the shared server, and c as it is behind it.
func newProxy(t *testing.T, c PostgresConfig) (*proxy, PostgresConfig) {
	t.Helper()
	dir, err := os.MkdirTemp("", "proxy") // paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &proxy{server: postgres.Shared(t).Socket()}
	if p.listener, err = net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.listener.Close() })
	go func() {
		for {
			client, err := p.listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	c.URL = "postgres:///" + c.database(t) + "?user=postgres&host=" + dir
	return p, c
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var mute atomic.Bool // the client is told nothing any more
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close()
		for {
			m, err := message(server, true)
			if err != nil {
				return
			}
			if m[0] == 'D' && p.rows.Add(-1) == 0 {
				return
			}
			if m[0] == 'C' && strings.HasPrefix(string(m[5:]), "COMMIT") && mute.Load() {
				return // it is done
			}
			if !mute.Load() {
				client.Write(m)
			}
		}
	}()
	// The names under which COMMIT was prepared.
	commits := map[string]bool{}
	for first := true; ; first = false {
		m, err := message(client, !first)
		if err != nil {
			break
		}
		if !first {
			switch texts := strings.Split(string(m[5:]), "\x00"); {
			case m[0] == 'P' && len(texts) > 1 && texts[1] == "COMMIT":
				commits[texts[0]] = true
			case m[0] == 'B' && len(texts) > 1 && commits[texts[1]]:
				switch p.lose.Swap(loseNothing) {
				case loseRequest:
					p.lost.Add(1)
					return
				case loseAnswer:
					p.lost.Add(1)
					mute.Store(true)
				}
			}
		}
		if _, err := server.Write(m); err != nil {
			break
		}
	}
	if !mute.Load() {
		server.Close()
	}
	<-done
}

// message reads one message of the protocol: a type, but for the first one of a
// client, and a length that counts itself.
func message(from io.Reader, typed bool) ([]byte, error) {
	head := make([]byte, 5)
	if !typed {
		head = head[:4]
	}
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint32(head[len(head)-4:])) - 4
	if length < 0 || length > 64<<20 {
		return nil, errors.New("no message")
	}
	m := append(head, make([]byte, length)...)
	_, err := io.ReadFull(from, m[len(head):])
	return m, err
}

// A connection is lost in the middle of each kind of write, before the server knows
// of the commit and after: the error says that the outcome is unknown, nothing is
// repeated by itself, the next call tells the truth, and the store goes on.
func TestPostgresLosesConnection(t *testing.T) {
	for name, lose := range map[string]int32{"before the commit": loseRequest, "after the commit": loseAnswer} {
		t.Run(name, func(t *testing.T) {
			p, c := newProxy(t, newDatabase(t))
			s := openDatabase(t, c)
			list, err := s.OpenList(t.Context(), status.Revocation, now)
			if err != nil {
				t.Fatal(err)
			}
			var head Head
			for _, w := range []struct {
				name string
				do   func() error
				// again is what the same call is told where it was done already.
				again error
			}{
				{"OpenList", func() error { _, err := s.OpenList(t.Context(), status.Suspension, now); return err }, nil},
				{"Reserve", func() error { _, err := s.Reserve(t.Context(), draft(1, list)); return err }, nil},
				{"Commit", func() error { _, err := s.Commit(t.Context(), draft(1).ID, tokens(draft(1))); return err }, nil},
				{"Change", func() error {
					_, err := s.Change(t.Context(), draft(1).ID, Change{At: now, State: Revoked})
					return err
				}, nil},
				{"Numbers", func() error { _, err := s.Numbers(t.Context(), "MC", 1); return err }, nil},
				{"Publish", func() error { return s.Publish(t.Context(), list.ID, 1, []byte("t"), now) }, ErrSequence},
				{"PutCourse", func() error {
					_, err := s.PutCourse(t.Context(), Course{ID: "c", Version: "1", JSON: []byte("{}"), Changed: now})
					return err
				}, nil},
				{"PutDocuments", func() error {
					return s.PutDocuments(t.Context(), []Document{{Kind: "job", ID: "a", Body: []byte("x")}}, Event{Kind: KindJobStarted, Object: "a"})
				}, ErrRevision},
				{"PutHead", func() error {
					if head.Size == 0 {
						logs, err := s.Logs(t.Context())
						if err != nil {
							return err
						}
						head = Head{Log: logs[0].Name, Size: 1, At: now, KeyID: "k", Token: []byte("t")}
						entry, err := s.LogEntry(t.Context(), head.Log, 0)
						if err != nil {
							return err
						}
						head.Root = entry.Leaf
					}
					_, err := s.PutHead(t.Context(), head)
					return err
				}, nil},
			} {
				before := entryCount(t, s)
				p.lose.Store(lose)
				lost := p.lost.Load()
				err := w.do()
				if err == nil || isSentinel(err) || errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "outcome unknown") {
					t.Fatalf("%s: err = %v, want an unknown outcome", w.name, err)
				}
				if p.lost.Load() != lost+1 {
					t.Fatalf("%s: %d connections were lost", w.name, p.lost.Load()-lost)
				}
				if err := s.Writable(); err != nil {
					t.Errorf("%s: Writable after it: %v", w.name, err)
				}
				CheckStore(t, s)
				events := entryCount(t, s) - before
				want := uint64(1)
				if lose == loseRequest || w.name == "Numbers" || w.name == "PutHead" {
					want = 0
				}
				if events != want {
					t.Errorf("%s: %d events after it, want %d", w.name, events, want)
				}
				wantErr := w.again
				if lose == loseRequest {
					wantErr = nil
				}
				if err := w.do(); !errors.Is(err, wantErr) {
					t.Errorf("%s again: err = %v, want %v", w.name, err, wantErr)
				}
				if w.name != "Numbers" && w.name != "PutHead" && entryCount(t, s) != before+1 {
					t.Errorf("%s: %d events in the end", w.name, entryCount(t, s)-before)
				}
			}
			if first, err := s.Numbers(t.Context(), "MC", 1); err != nil || first != map[int32]uint64{loseRequest: 2, loseAnswer: 3}[lose] {
				t.Errorf("the next number is %d, %v", first, err)
			}
			CheckStore(t, s)
		})
	}
}

// A connection that is lost in the middle of an answer costs no document: what is read
// once more is read from where the first time began.
func TestPostgresReadsAnew(t *testing.T) {
	p, c := newProxy(t, newDatabase(t))
	s := openDatabase(t, c)
	const n = 40
	for i := range n {
		if err := s.PutDocuments(t.Context(), []Document{{Kind: "job", ID: fmt.Sprintf("%02d", i), Body: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	p.rows.Store(n / 2)
	seen := 0
	for d, err := range s.Documents(t.Context(), "job", "", "") {
		if err != nil || d.ID != fmt.Sprintf("%02d", seen) {
			t.Fatalf("document %d: %q, %v", seen, d.ID, err)
		}
		seen++
	}
	if seen != n || p.rows.Load() > 0 {
		t.Errorf("%d documents of %d, and %d rows before the connection was lost", seen, n, p.rows.Load())
	}
}

// The server is killed again and again while two nodes issue and revoke. All that
// was acknowledged is there, and nothing is half there.
func TestPostgresKilled(t *testing.T) {
	kills := 3
	if os.Getenv("INDEKS_FAULTS") == "1" {
		kills = 50
	}
	server := postgres.Start(t)
	c := PostgresConfig{URL: server.URL(server.Database(t, "")), StoreID: storeID, Keys: testKeys(), Node: "one", MaxConns: 8}
	if err := InitPostgres(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	nodes := []*postgresStore{openDatabase(t, c)}
	c.Node = "two"
	nodes = append(nodes, openDatabase(t, c))
	revocation, suspension := openLists(t, nodes[0])

	var mu sync.Mutex
	issued, revoked := map[string]bool{}, map[string]bool{}
	var next atomic.Int64
	for life := range kills {
		ctx, stop := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		began := make(chan struct{}, 1)
		for n, s := range nodes {
			for range 8 {
				workers.Go(func() {
					for ctx.Err() == nil {
						r := draft(int(next.Add(1)), revocation, suspension)
						_, err := s.Reserve(ctx, r)
						if err == nil {
							_, err = s.Commit(ctx, r.ID, tokens(r))
						}
						if err == nil {
							mu.Lock()
							issued[r.ID] = true
							mu.Unlock()
							select {
							case began <- struct{}{}:
							default:
							}
							if next.Load()%3 == 0 {
								if _, err = s.Change(ctx, r.ID, Change{At: now, State: Revoked}); err == nil {
									mu.Lock()
									revoked[r.ID] = true
									mu.Unlock()
								}
							}
						}
						if err != nil && isSentinel(err) {
							t.Errorf("node %d: %v", n, err)
							return
						}
						if err != nil {
							time.Sleep(5 * time.Millisecond) // the server is away
						}
					}
				})
			}
		}
		<-began
		time.Sleep(time.Duration(mathrand.IntN(100_000)) * time.Microsecond)
		server.Kill(t)
		stop()
		server.Restart(t)
		workers.Wait()

		// The same stores go on, with other connections.
		for r, err := range nodes[life%2].Pending(t.Context()) {
			if err == nil {
				_, err = nodes[life%2].Commit(t.Context(), r.ID, tokens(r))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if life%10 == 0 || life == kills-1 {
			CheckStore(t, nodes[0])
		}
		for id := range issued {
			if r, err := nodes[1].Get(t.Context(), id); err != nil || r.State == Reserved || revoked[id] && r.State != Revoked {
				t.Errorf("acknowledged record %s: %s, %v", id, r.State, err)
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d kills, %d records acknowledged, %d revoked", kills, len(issued), len(revoked))
}

// Ten thousand records are revoked at once on four nodes, while each publishes: no
// bit is lost, and each list that is published has all bits of the one before.
func TestPostgresRevokesAtOnce(t *testing.T) {
	records, workers := 300, 16
	if os.Getenv("INDEKS_FAULTS") == "1" {
		records, workers = 10_000, 64
	}
	c := newDatabase(t)
	var nodes []*postgresStore
	for n := range 4 {
		c.Node = fmt.Sprint("node", n)
		nodes = append(nodes, openDatabase(t, c))
	}
	revocation, suspension := openLists(t, nodes[0])
	each := func(do func(s *postgresStore, n int)) {
		var next atomic.Int64
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() {
				for {
					n := int(next.Add(1)) - 1
					if n >= records || t.Failed() {
						return
					}
					do(nodes[w%len(nodes)], n)
				}
			})
		}
		group.Wait()
	}
	each(func(s *postgresStore, n int) {
		r := draft(n, revocation, suspension)
		_, err := s.Reserve(t.Context(), r)
		if err == nil {
			_, err = s.Commit(t.Context(), r.ID, tokens(r))
		}
		if err != nil {
			t.Error(err)
		}
	})

	published := map[uint64]*status.List{} // by sequence
	var mu sync.Mutex
	started := time.Now()
	each(func(s *postgresStore, n int) {
		if _, err := s.Change(t.Context(), draft(n).ID, Change{At: now, State: Revoked}); err != nil {
			t.Error(err)
			return
		}
		if n%10 != 0 {
			return
		}
		for { // as a publisher does
			bits, l, err := s.Bits(t.Context(), revocation.ID)
			if err == nil {
				err = s.Publish(t.Context(), l.ID, l.Sequence+1, fmt.Appendf(nil, "%d", l.Sequence+1), now)
			}
			if errors.Is(err, ErrSequence) {
				continue
			}
			if err != nil {
				t.Error(err)
				return
			}
			if on, err := bits.Get(uint64(n)); !on || err != nil {
				t.Errorf("what was revoked before is not in list %d", l.Sequence+1)
			}
			mu.Lock()
			if published[l.Sequence+1] != nil {
				t.Errorf("sequence %d was published twice", l.Sequence+1)
			}
			published[l.Sequence+1] = bits
			mu.Unlock()
			return
		}
	})
	took := time.Since(started)
	for n := uint64(2); n <= uint64(len(published)); n++ {
		if published[n] == nil || published[n-1] == nil || !published[n].Covers(published[n-1]) {
			t.Errorf("list %d lacks a bit of the one before", n)
		}
	}
	bits, _, err := nodes[0].Bits(t.Context(), revocation.ID)
	if err != nil {
		t.Fatal(err)
	}
	for n := range records {
		if on, err := bits.Get(uint64(n)); !on || err != nil {
			t.Errorf("the bit of record %d is lost: %v", n, err)
		}
	}
	CheckStore(t, nodes[0])
	t.Logf("%d revoked on %d nodes in %v, %d lists published", records, len(nodes), took.Round(time.Millisecond), len(published))
}

var asNode = flag.String("as-node", "", "NAME WORKERS URL: node that this process is until its input ends: see TestPostgresNodeStopped")

// runNode issues, revokes and publishes with several workers, and prints what was
// acknowledged.
func runNode(as string) int {
	words := strings.SplitN(as, " ", 3)
	workers, err := strconv.Atoi(words[1])
	if err != nil {
		return 2
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s, err := openPostgres(ctx, PostgresConfig{URL: words[2], StoreID: storeID, Keys: testKeys(), Node: words[0], MaxConns: 16}, "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	var failed atomic.Bool
	// Whatever is no answer is tried again: the node was stopped, or another one.
	wrong := func(err error) bool {
		if err == nil || ctx.Err() != nil {
			return false
		}
		if isSentinel(err) {
			fmt.Fprintln(os.Stderr, words[0], err)
			failed.Store(true)
		}
		return true
	}
	issueOne := func(n uint64) {
		r := draft(int(n))
		for ctx.Err() == nil {
			revocation, err1 := s.OpenList(ctx, status.Revocation, now)
			suspension, err2 := s.OpenList(ctx, status.Suspension, now)
			if wrong(errors.Join(err1, err2)) {
				continue
			}
			index := mathrand.Uint64N(status.MinSize)
			r.Entries = []Entry{{revocation.ID, index, status.Revocation}, {suspension.ID, index, status.Suspension}}
			reserved, err := s.Reserve(ctx, r)
			if errors.Is(err, ErrIndexTaken) || errors.Is(err, ErrListFull) || wrong(err) {
				continue
			}
			if _, err := s.Commit(ctx, r.ID, tokens(reserved)); wrong(err) {
				continue // with the key of before: the reservation is taken over
			}
			break
		}
		if ctx.Err() != nil {
			return
		}
		say("issued %s", r.ID)
		for n%10 == 0 && ctx.Err() == nil {
			if _, err := s.Change(ctx, r.ID, Change{At: now, State: Revoked}); !wrong(err) && ctx.Err() == nil {
				say("revoked %s", r.ID)
				break
			}
		}
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil && !failed.Load() {
				first, err := s.Numbers(ctx, "n", 16)
				if wrong(err) || err != nil {
					continue
				}
				for n := first; n < first+16 && ctx.Err() == nil; n++ {
					issueOne(n)
				}
			}
		})
	}
	group.Go(func() {
		for ctx.Err() == nil {
			lists, err := s.Lists(ctx)
			if wrong(err) {
				continue
			}
			for _, l := range lists {
				_, l, err := s.Bits(ctx, l.ID)
				if err == nil {
					err = s.Publish(ctx, l.ID, l.Sequence+1, []byte("token"), now)
				}
				if err == nil {
					say("published %s %d", l.ID, l.Sequence+1)
				} else if !errors.Is(err, ErrSequence) {
					wrong(err)
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	group.Wait()
	if failed.Load() {
		return 1
	}
	return 0
}

// Four processes issue into the same lists, revoke and publish. One of them is
// stopped in the middle, for longer than the others would wait for it, and goes on:
// no index is used twice, nothing acknowledged is lost, no bit, no sequence twice.
func TestPostgresNodeStopped(t *testing.T) {
	nodes, workers, records, pause := 2, 8, 300, time.Second
	if os.Getenv("INDEKS_FAULTS") == "1" {
		nodes, workers, records, pause = 4, 64, 50_000, time.Minute
	}
	c := newDatabase(t)
	type node struct {
		cmd *exec.Cmd
		in  io.Closer
	}
	var all []node
	var mu sync.Mutex
	issued, revoked, published := map[string]bool{}, map[string]bool{}, map[string]bool{}
	half, enough := make(chan struct{}), make(chan struct{})
	var reading sync.WaitGroup
	for n := range nodes {
		cmd := exec.Command(os.Args[0], "-vault", testVault, "-as-node", fmt.Sprintf("node%d %d %s", n, workers, c.URL))
		cmd.Stderr = os.Stderr
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if err := errors.Join(err1, err2, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		all = append(all, node{cmd, in})
		reading.Go(func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				what, rest, _ := strings.Cut(lines.Text(), " ")
				mu.Lock()
				of := map[string]map[string]bool{"issued": issued, "revoked": revoked, "published": published}[what]
				if of == nil || of[rest] {
					t.Errorf("%s twice, or what is no line", lines.Text())
				} else {
					of[rest] = true
				}
				if what == "issued" && len(issued) == records/2 {
					close(half)
				}
				if what == "issued" && len(issued) == records {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	stopped := all[0].cmd.Process
	<-half
	if err := stopped.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	mu.Lock()
	before := len(issued)
	mu.Unlock()
	time.Sleep(pause)
	mu.Lock()
	meanwhile := len(issued) - before
	mu.Unlock()
	if err := stopped.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if meanwhile == 0 {
		t.Error("while one node was stopped the others did nothing")
	}
	<-enough
	for _, n := range all {
		n.in.Close()
	}
	reading.Wait()
	for _, n := range all {
		if err := n.cmd.Wait(); err != nil {
			t.Error(err)
		}
	}

	s := openDatabase(t, c)
	for r, err := range s.Pending(t.Context()) {
		if err == nil {
			_, err = s.Commit(t.Context(), r.ID, tokens(r))
		}
		if err != nil {
			t.Error(err)
		}
	}
	CheckStore(t, s) // which finds an index that is used twice and a bit that is lost
	states := map[string]State{}
	for r, err := range s.Records(t.Context(), "") {
		if err != nil {
			t.Error(err)
		}
		states[r.ID] = r.State
	}
	for id := range issued {
		if state := states[id]; state == "" || state == Reserved || revoked[id] && state != Revoked {
			t.Errorf("acknowledged record %s is %q", id, state)
		}
	}
	lists, err := s.Lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		for sequence := uint64(1); sequence < l.Sequence; sequence++ { // of the last the answer may have been lost
			if !published[fmt.Sprintf("%s %d", l.ID, sequence)] {
				t.Logf("list %s: nobody was told that he published %d", l.ID, sequence)
			}
		}
	}
	t.Logf("%d nodes of %d workers: %d acknowledged, %d revoked, %d lists published; one stopped for %v, %d acknowledged meanwhile; all in %v",
		nodes, workers, len(issued), len(revoked), len(published), pause, meanwhile, time.Since(began).Round(time.Millisecond))
}
