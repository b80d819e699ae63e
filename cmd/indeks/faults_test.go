package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/examples"
	"indeks/internal/postgres"
	"indeks/internal/reference"
	"indeks/issuer"
	"indeks/store"
	"indeks/verifier"
	"indeks/web/issuing"
)

// These tests kill the program and fail its system calls while it issues. What
// it has acknowledged, by a line that it printed or an answer of its API, must be
// there afterwards, once, whole, and sealed. `make faults` runs them in full, with
// INDEKS_FAULTS=1, on the program as it is built; otherwise a small part runs on
// the commands in the test's own binary.

// victim is an institution with a class that is issued to while faults happen.
type victim struct {
	program, dir string
	config       *Config
	apiKey       string
	course       jsontext.Value
	courseID     string

	courseVersion string
	class         []*learner
	byName        map[string]*learner

	mu           sync.Mutex
	acknowledged int
	reached      map[int]chan struct{} // closed when so many are acknowledged
}

// learner is one of the class. number and revoked are what was acknowledged.
type learner struct {
	id, family, number string
	revoked            bool
}

func full() bool { return os.Getenv("INDEKS_FAULTS") == "1" }

// newVictim sets up an institution with a class of n, whose records are in the database
// that the file names, or in a file of their own for "".
func newVictim(t *testing.T, n int, database string) *victim {
	t.Helper()
	v := &victim{dir: filepath.Join(t.TempDir(), "uni"), byName: map[string]*learner{}, reached: map[int]chan struct{}{}}
	var err error
	if v.program, err = exec.LookPath("indeks"); err != nil { // the test's own binary, see TestMain
		t.Fatal(err)
	}
	if full() {
		v.program = filepath.Join(t.TempDir(), "indeks")
		if out, err := exec.Command("go", "build", "-trimpath", "-o", v.program, ".").CombinedOutput(); err != nil {
			t.Fatalf("building the program: %v: %s", err, out)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	made, err := (&initCmd{Dir: v.dir, facts: examples.Institution(), Alg: "ES256", Listen: address, PublicBase: "http://" + address, Database: database, Node: "a",
		VerifierListen: "127.0.0.1:0", VerifierBase: "http://localhost:8081"}).setUp(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.config, v.apiKey = made.config, made.apiKey
	v.config.Limits.IssuePerSecond, v.config.Limits.ConnectionsPerAddress = 0, 0 // all clients are this one
	text, err := v.config.yaml()
	if err == nil {
		err = os.WriteFile(v.config.path(configName), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := lightenKeyFile(v.dir); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/speed/course.json")
	if err != nil {
		t.Fatal(err)
	}
	v.course = raw
	h, err := openHouse(t.Context(), v.config, false)
	if err != nil {
		t.Fatal(err)
	}
	o, _, _, err := issuer.NewCatalogue(h.institution, h.store, nil).Put(t.Context(), "course", raw, issuer.Terms{Published: true})
	if err := errors.Join(err, h.close()); err != nil {
		t.Fatal(err)
	}
	v.courseID, v.courseVersion = o.ID, o.Version
	for i := range n {
		l := &learner{id: fmt.Sprintf("L%05d", i), family: "Learner"}
		for rest, k := i, 0; k < 3; rest, k = rest/26, k+1 {
			l.family += string(rune('a' + rest%26)) // a digit in a name is warned of
		}
		v.class = append(v.class, l)
		v.byName[l.family] = l
	}
	return v
}

// list writes a class list of part of the class.
func (v *victim) list(t *testing.T, path string, part []*learner) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("given_name,family_name,date_of_birth,learner_id,awarding_date,id_verification,language\n")
	for _, l := range part {
		fmt.Fprintf(&text, "Ada,%s,1990-01-01,%s,2026-06-30,supervised-id,en\n", l.family, l.id)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// acknowledge notes what the program said of a learner.
func (v *victim) acknowledge(t *testing.T, l *learner, number string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch l.number {
	case number:
	case "":
		l.number = number
		v.acknowledged++
		if c, ok := v.reached[v.acknowledged]; ok {
			close(c)
			delete(v.reached, v.acknowledged)
		}
	default:
		t.Errorf("learner %s was told number %s, then %s", l.id, l.number, number)
	}
}

// after is closed when n credentials are acknowledged.
func (v *victim) after(n int) <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := make(chan struct{})
	if v.acknowledged >= n {
		close(c)
	} else {
		v.reached[n] = c
	}
	return c
}

// missing are those of part who were told nothing yet.
func (v *victim) missing(part []*learner) (list []*learner) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range part {
		if l.number == "" {
			list = append(list, l)
		}
	}
	return list
}

// issueList issues to a class list by the command; each whole line that it prints
// is an acknowledgement. began is called with the process.
func (v *victim) issueList(t *testing.T, list string, began func(*os.Process), wrap ...string) (state *os.ProcessState, stderr string) {
	t.Helper()
	course := filepath.Join("testdata", "speed", "course.json")
	return v.run(t, began, func(line string) {
		fields := strings.Split(line, "\t")
		name := strings.TrimPrefix(fields[min(1, len(fields)-1)], "Ada ")
		if l := v.byName[name]; l != nil && len(fields) == 3 {
			v.acknowledge(t, l, fields[0])
		} else {
			t.Errorf("printed %q", line)
		}
	}, append(wrap, v.program, "issue", course, list, "--config", v.dir)...)
}

// run runs a command until it ends or is killed, and passes on each whole line.
func (v *victim) run(t *testing.T, began func(*os.Process), line func(string), args ...string) (*os.ProcessState, string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if began != nil {
		began(cmd.Process)
	}
	for r := bufio.NewReader(out); ; {
		text, err := r.ReadString('\n')
		if err != nil { // the rest of a line says nothing
			break
		}
		line(strings.TrimSuffix(text, "\n"))
	}
	cmd.Wait()
	return cmd.ProcessState, stderr.String()
}

// serve runs the issuer's server and has 16 clients ask for those of part that
// are missing, until it is killed or all have their answer. It returns how long
// it took until it was ready, 0 if it was killed before.
func (v *victim) serve(t *testing.T, part []*learner, began func(*os.Process)) (state *os.ProcessState, log string, ready time.Duration) {
	t.Helper()
	return v.serveTo(t, began, func(client *http.Client) bool {
		todo := v.missing(part)
		var next atomic.Int64
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				for {
					n := int(next.Add(1)) - 1
					if n >= len(todo) || !v.ask(t, client, todo[n]) {
						return
					}
				}
			})
		}
		clients.Wait()
		return len(v.missing(part)) == 0
	})
}

// serveTo runs the issuer's server for use, which reports whether it got all that it
// wanted.
func (v *victim) serveTo(t *testing.T, began func(*os.Process), use func(*http.Client) bool) (state *os.ProcessState, log string, ready time.Duration) {
	t.Helper()
	cmd := exec.Command(v.program, "issuer", "--config", v.dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	began(cmd.Process)
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	for base := v.config.Issuer.PublicBase; ready == 0; {
		if resp, err := client.Get(base + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				ready = time.Since(start)
				break
			}
		}
		select {
		case <-ended:
			return cmd.ProcessState, stderr.String(), 0
		case <-time.After(5 * time.Millisecond):
		}
	}

	if use(client) {
		cmd.Process.Kill()
	}
	<-ended
	return cmd.ProcessState, stderr.String(), ready
}

// ask asks the API to issue to a learner; false: there was no answer.
func (v *victim) ask(t *testing.T, client *http.Client, l *learner) bool {
	body, err := json.Marshal(map[string]any{"course": v.course, "learner": map[string]string{"given_name": "Ada", "family_name": l.family,
		"date_of_birth": "1990-01-01", "learner_id": l.id, "awarding_date": "2026-06-30", "id_verification": "supervised-id", "language": "en"}})
	if err != nil {
		t.Error(err)
		return false
	}
	req, err := http.NewRequest(http.MethodPost, v.config.Issuer.PublicBase+"/api/v1/credentials", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+v.apiKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "learner "+l.id)
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return false
	}
	var answer struct {
		Number string `json:"number"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || resp.StatusCode != http.StatusCreated || answer.Number == "" {
		t.Errorf("the API answered %s: %s", resp.Status, raw)
		return false
	}
	v.acknowledge(t, l, answer.Number)
	return true
}

// serveBatch runs the server and takes part through one batch, which earlier
// lives may have begun: uploaded, checked, started, issued as far as they came.
// What stands in its results is acknowledged.
func (v *victim) serveBatch(t *testing.T, part []*learner, list string, began func(*os.Process)) (state *os.ProcessState, log string, ready time.Duration) {
	t.Helper()
	raw, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	return v.serveTo(t, began, func(client *http.Client) bool {
		send := func(method, path string, body io.Reader, into any) bool {
			req, err := http.NewRequest(method, v.config.Issuer.PublicBase+"/api/v1"+path, body)
			if err != nil {
				t.Error(err)
				return false
			}
			req.Header.Set("Authorization", "Bearer "+v.apiKey)
			resp, err := client.Do(req)
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			if err != nil {
				return false
			}
			if err := json.Unmarshal(raw, into); err != nil || resp.StatusCode >= 300 {
				t.Errorf("%s %s: %s: %s", method, path, resp.Status, raw)
				return false
			}
			return true
		}
		seen := 0
		for {
			var all struct {
				Batches []issuing.BatchView `json:"batches"`
			}
			var b issuing.BatchView
			if !send("GET", "/batches", nil, &all) {
				return false
			}
			for _, known := range all.Batches { // an upload that was killed waits for its list for ever
				if known.Rows.All == len(part) && known.State != issuer.BatchCancelled {
					b = known
				}
			}
			switch b.State {
			case "":
				if !send("POST", "/courses/"+v.courseID+"/batches", bytes.NewReader(raw), &b) {
					return false
				}
			case issuer.BatchReady:
				if !send("POST", "/batches/"+b.ID+"/start", nil, &b) {
					return false
				}
			}
			for b.State == issuer.BatchRunning || b.State.Ended() {
				var page struct {
					Results []issuer.Result `json:"results"`
				}
				if !send("GET", fmt.Sprintf("/batches/%s/results?after=%d", b.ID, seen), nil, &page) {
					return false
				}
				for _, r := range page.Results {
					if r.Number == "" {
						break // and look again from here
					}
					v.acknowledge(t, part[r.Row-2], r.Number)
					seen = r.Row
				}
				if len(page.Results) == 0 || page.Results[len(page.Results)-1].Row != seen {
					break
				}
			}
			if b.State.Ended() {
				if left := len(v.missing(part)); left > 0 {
					t.Errorf("batch %s is done and %d are missing: %+v", b.ID, left, b.Rows)
				}
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// check is what must hold after every fault: nothing that was acknowledged is
// lost, nobody has two credentials, no number and no index of a status list is
// used twice, no record is half there. whole reads every payload and opens every
// token besides; ended says that nothing may still be reserved.
func (v *victim) check(t *testing.T, whole, ended bool) {
	t.Helper()
	s, err := configFlag{v.dir}.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	numbers, entries, learners := map[string]bool{}, map[store.Entry]bool{}, map[string]store.Record{}
	for r, err := range s.Records(t.Context(), "") {
		if err != nil {
			t.Error(err)
			continue
		}
		if numbers[r.Number] {
			t.Errorf("number %s is used twice", r.Number)
		}
		numbers[r.Number] = true
		for _, e := range r.Entries {
			if entries[e] {
				t.Errorf("list %s, index %d is used twice", e.List, e.Index)
			}
			entries[e] = true
		}
		if other, ok := learners[r.LearnerID]; ok {
			t.Errorf("learner %s has %s and %s", r.LearnerID, other.Number, r.Number)
		}
		learners[r.LearnerID] = r
		if ended && r.State == store.Reserved {
			t.Errorf("learner %s: the record is still %s", r.LearnerID, r.State)
		}
	}
	for _, l := range v.class {
		if r := learners[l.id]; l.number != "" && (r.Number != l.number || r.State == store.Reserved) {
			t.Errorf("learner %s was told number %s, on record is %q, %s", l.id, l.number, r.Number, r.State)
		} else if l.revoked && r.State != store.Revoked {
			t.Errorf("learner %s was told that number %s is revoked, on record it is %s", l.id, l.number, r.State)
		}
	}
	if !whole {
		return
	}
	for _, err := range store.Check(t.Context(), s.Store, issuer.NewSeals(s.ring.Entries(), 1).Check) {
		t.Error(err)
	}
}

// verifyAll verifies every token as an employer would, with the issuer's server
// running, and returns how many there were.
func (v *victim) verifyAll(t *testing.T) (tokens int) {
	t.Helper()
	listener, err := net.Listen("tcp", v.config.Issuer.Listen)
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), v.config, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.serve(ctx, listener, secure{}) }()
	verify, err := v.config.newVerifier()
	if err != nil {
		t.Fatal(err)
	}
	for r := range h.store.Records(t.Context(), "") {
		r, err := h.store.Get(t.Context(), r.ID)
		if err != nil {
			t.Error(err)
			continue
		}
		for profile, form := range r.Forms {
			tokens++
			if report := verify.Verify(t.Context(), form.Token); report.Verdict != verifier.Valid || report.ID != r.ID {
				t.Errorf("%s as %s: %s, %s", r.Number, profile, report.Verdict, report.State)
			}
		}
	}
	cancel()
	if err := errors.Join(<-done, h.close()); err != nil {
		t.Error(err)
	}
	return tokens
}

// The program is killed at random points while it issues to a class, half by a
// batch, a quarter by class lists and a quarter by its API, and started again until
// all have theirs.
func TestKilledWhileIssuing(t *testing.T) {
	t.Run("bbolt", func(t *testing.T) {
		if full() {
			killWhileIssuing(t, "", 10_000, 200, 10)
		} else {
			killWhileIssuing(t, "", 100, 3, 1)
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server := postgres.Shared(t)
		url := filepath.Join(t.TempDir(), "url")
		if err := os.WriteFile(url, []byte(server.URL(server.Database(t, ""))+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if full() {
			killWhileIssuing(t, url, 10_000, 200, 10)
		} else {
			killWhileIssuing(t, url, 24, 1, 1)
		}
	})
}

// killWhileIssuing issues to so many learners, a quarter of them by so many class lists.
func killWhileIssuing(t *testing.T, database string, learners, kills, lists int) {
	seed := rand.Uint64()
	if text := os.Getenv("INDEKS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("INDEKS_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	v := newVictim(t, learners, database)
	byBatch, byList, byAPI := v.class[:learners/2], v.class[learners/2:learners*3/4], v.class[learners*3/4:]
	batch := v.list(t, filepath.Join(t.TempDir(), "batch.csv"), byBatch)
	var parts [][]*learner
	var files []string
	for part := range slices.Chunk(byList, len(byList)/lists) {
		parts = append(parts, part)
		files = append(files, v.list(t, filepath.Join(t.TempDir(), fmt.Sprintf("list-%d.csv", len(files))), part))
	}

	// Where the program dies: when so many credentials are acknowledged, and a
	// moment later. Where that many are acknowledged already when it starts, it
	// dies somewhere in its start, or while it finishes what was left reserved.
	points := make([]int, kills)
	for i := range points {
		points[i] = random.IntN(learners)
	}
	slices.Sort(points)
	killed := 0
	var readies []time.Duration
	for life := 0; len(v.missing(v.class)) > 0; life++ {
		stop := func() {}
		// A chunk of a batch takes much longer than one credential.
		inBatch := len(v.missing(byBatch)) > 0 && (life%2 == 0 || len(v.missing(byList))+len(v.missing(byAPI)) == 0)
		within := 20_000
		if inBatch {
			within = 500_000
		}
		began := func(p *os.Process) {
			if killed >= len(points) {
				return
			}
			point, moment, starting := v.after(points[killed]), time.Duration(random.IntN(within))*time.Microsecond, time.Duration(random.IntN(400))*time.Millisecond
			select {
			case <-point:
				moment = starting
			default:
			}
			over := make(chan struct{})
			stop = func() { close(over) }
			go func() {
				select {
				case <-point:
				case <-over:
					return
				}
				select {
				case <-time.After(moment):
					p.Kill()
				case <-over:
				}
			}()
		}
		var state *os.ProcessState
		var stderr string
		if inBatch {
			var ready time.Duration
			if state, stderr, ready = v.serveBatch(t, byBatch, batch, began); ready > 0 {
				readies = append(readies, ready)
			}
		} else if len(v.missing(byAPI)) > 0 && (life%4 < 2 || len(v.missing(byList)) == 0) {
			var ready time.Duration
			if state, stderr, ready = v.serve(t, byAPI, began); ready > 0 {
				readies = append(readies, ready)
			}
		} else {
			at := slices.IndexFunc(parts, func(part []*learner) bool { return len(v.missing(part)) > 0 })
			state, stderr = v.issueList(t, files[at], began)
		}
		stop()
		if !state.Exited() {
			killed++
		} else if state.ExitCode() != 0 {
			t.Fatalf("the program ended by itself with code %d:\n%s", state.ExitCode(), stderr)
		}
		v.check(t, life%25 == 0, false)
		if t.Failed() {
			t.Fatalf("after life %d, with %d acknowledged", life, v.acknowledged)
		}
	}

	// A last start finishes what is left; then all is there, once, and valid.
	tokens := v.verifyAll(t)
	v.check(t, true, true)
	if tokens != 2*learners {
		t.Errorf("%d tokens for %d learners", tokens, learners)
	}
	slices.Sort(readies)
	if len(readies) == 0 {
		t.Fatal("the server was never ready")
	}
	t.Logf("%d acknowledged, %d kills, %d tokens valid; ready after %v (median) to %v of %d starts, without scrypt",
		v.acknowledged, killed, tokens, readies[len(readies)/2].Round(time.Millisecond), readies[len(readies)-1].Round(time.Millisecond), len(readies))
	if slowest := readies[len(readies)-1]; full() && slowest > 2*time.Second {
		t.Errorf("a start took %v, over 2 s", slowest)
	}
}

// faultPlan is which system calls fail, how, and at which of them.
type faultPlan struct {
	call, fault string
	at          []int // in the quick part
}

var faultPlans = []faultPlan{
	{"fdatasync", "error=EIO", []int{1, 4}},
	{"fdatasync", "error=ENOSPC", nil},
	{"fdatasync", "signal=KILL", []int{3}},
	{"pwrite64", "error=EIO", nil},
	{"pwrite64", "error=ENOSPC", []int{2}},
	{"pwrite64", "signal=KILL", []int{5}},
	{"ftruncate", "error=EIO", nil},
	{"ftruncate", "error=ENOSPC", []int{1}},
	{"ftruncate", "signal=KILL", nil},
}

// Each system call by which the store is written fails in turn, the first, the
// second, until a run passes without a fault, while the program issues to a class
// and while it revokes: the program says so and what to do, the store is whole, and
// the same command again does the rest.
func TestFailingSystemCalls(t *testing.T) {
	strace := reference.Tool(t, "strace", "strace", "-o", os.DevNull, "true")
	learners := 3
	if full() {
		learners = 64
	}
	v := newVictim(t, learners, "")
	list := v.list(t, filepath.Join(t.TempDir(), "list.csv"), v.class)
	issue := func(wrap ...string) (*os.ProcessState, string) { return v.issueList(t, list, nil, wrap...) }
	v.failCalls(t, strace, issue, func() {
		for _, l := range v.class {
			l.number = ""
		}
		v.acknowledged = 0
	})
	if left := v.missing(v.class); len(left) > 0 {
		t.Fatalf("%d are left", len(left))
	}

	l := v.class[1]
	revoke := func(wrap ...string) (*os.ProcessState, string) {
		return v.run(t, nil, func(string) { l.revoked = true }, append(wrap, v.program, "revoke", l.number, "--reason", "test", "--config", v.dir)...)
	}
	v.failCalls(t, strace, revoke, func() { l.revoked = false })
	if !l.revoked {
		t.Error("not revoked")
	}
}

// failCalls goes through the plans with a command, from the present store each
// time; reset forgets what was acknowledged since.
func (v *victim) failCalls(t *testing.T, strace string, command func(wrap ...string) (*os.ProcessState, string), reset func()) {
	t.Helper()
	path := v.config.path(v.config.Issuer.StoreFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	injected, unharmed := 0, 0
	for _, plan := range faultPlans {
		at := plan.at
		if full() {
			at = make([]int, 200)
			for i := range at {
				at[i] = i + 1
			}
		}
		for _, n := range at {
			if err := os.WriteFile(path, before, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(filepath.Dir(path), headsFolder)); err != nil { // or it would be refused as an older one
				t.Fatal(err)
			}
			reset()

			// 1. A run with the fault.
			trace := filepath.Join(t.TempDir(), "trace")
			state, stderr := command(strace, "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-o", trace, "-P", path,
				"-e", "trace="+plan.call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", plan.call, plan.fault, n))
			raw, err := os.ReadFile(trace)
			if err != nil {
				t.Fatal(err)
			}
			killed := !state.Exited()
			fault := killed || bytes.Contains(raw, []byte("(INJECTED)"))
			name := fmt.Sprintf("%s %s at %d", plan.call, plan.fault, n)
			switch {
			case killed && plan.fault != "signal=KILL", strings.Contains(stderr, "goroutine "):
				t.Errorf("%s: the program crashed (%s):\n%s", name, state, stderr)
			case killed:
			case fault && state.ExitCode() == exitOK && strings.Contains(stderr, "the audit log is not signed to its end"): // all else was done
			case fault && (state.ExitCode() != exitInvalid || !strings.Contains(stderr, path) || !strings.Contains(stderr, "run the same command again")):
				t.Errorf("%s: code %d, without the store's path or what to do:\n%s", name, state.ExitCode(), stderr)
			case !fault && state.ExitCode() != exitOK:
				t.Errorf("%s: no fault and code %d:\n%s", name, state.ExitCode(), stderr)
			}
			v.check(t, true, false)

			// 2. The same command again, without one.
			if state, stderr := command(); state.ExitCode() != exitOK {
				t.Errorf("%s, then without a fault: code %d:\n%s", name, state.ExitCode(), stderr)
			}
			v.check(t, true, true)
			if t.Failed() {
				t.FailNow()
			}
			if !fault {
				unharmed++
				break
			}
			injected++
		}
	}
	t.Logf("%d faults injected", injected)
	if full() && unharmed < len(faultPlans) {
		t.Errorf("%d of %d plans came to a run without a fault", unharmed, len(faultPlans))
	}
	if injected == 0 {
		t.Error("no fault was injected")
	}
}
