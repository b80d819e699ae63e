package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/issuer"
	"indeks/status"
	"indeks/store"
	"indeks/verifier"
	"indeks/web/issuing"
)

// soak is the issuer's server under everything at once, and what it has acknowledged.
type soak struct {
	*victim
	until time.Time // no more is asked for
	known *verifier.Verifier

	class    atomic.Int64 // of the victim's, given out
	failures atomic.Int64

	mu      sync.Mutex
	people  []*person // who have a credential, in the order of acknowledgement
	took    map[string][]time.Duration
	lists   map[string]*status.List // the last one seen
	samples []sample
	batch   batchUnderWay
}

// person is who has a credential. What is asked for and not yet answered may be so.
type person struct {
	*learner
	public string
	state  store.State
	since  time.Time     // when that was acknowledged
	asked  []store.State // without an answer since
	busy   bool          // somebody is asking
}

// sample is what the server takes at a moment.
type sample struct {
	life         int
	memory, file int64 // bytes: its own memory, the file of records
	files        int
	recorded     int
}

type batchUnderWay struct {
	n    int
	part []*learner
	file []byte
	id   string
}

// The rates of the load, per second.
const (
	soakIssues   = 20
	soakChanges  = 2
	soakSearches = 10
	soakVerifies = 20
	soakLists    = 2
)

// shownWithin is how long after its acknowledgement a change may be unknown to a
// verifier: it is published at once, and who has a list keeps it for a minute.
const shownWithin = 90 * time.Second

// TestSoak has the program issue by its API and by batches, revoke, hold, reinstate,
// search, verify, publish and back up, all at once, while it is killed or told to end,
// again and again; in the end what was acknowledged is there, once, in its state, and
// everything adds up. INDEKS_SOAK says for how many minutes: see make soak.
func TestSoak(t *testing.T) {
	minutes, err := strconv.ParseFloat(os.Getenv("INDEKS_SOAK"), 64)
	if err != nil || minutes <= 0 {
		t.Skip("takes minutes; make soak MINUTES=n runs it")
	}
	t.Setenv("INDEKS_FAULTS", "1") // the program as it is built: it has to hear the word
	length := time.Duration(minutes * float64(time.Minute))
	s := &soak{victim: newVictim(t, int(length.Seconds()*soakIssues*1.5)+2000, ""), took: map[string][]time.Duration{}, lists: map[string]*status.List{}}
	s.config.Backup.Dir, s.config.Backup.Every = filepath.Join(filepath.Dir(s.dir), "backups"), time.Hour
	s.config.Limits.VerifyPerSecond = 0
	text, err := s.config.yaml()
	if err == nil {
		err = os.WriteFile(s.config.path(configName), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.known, err = s.config.newVerifier(); err != nil {
		t.Fatal(err)
	}
	s.until = time.Now().Add(length)

	// 1. Lives, each ended by a kill or by the word.
	lives, kills := 0, 0
	var readies []time.Duration
	for ; time.Now().Before(s.until) && !t.Failed(); lives++ {
		kill := lives%2 == 0
		lasts := time.Duration(rand.IntN(60)+20) * time.Second
		if most := length / 4; lasts > most {
			lasts = most
		}
		over := make(chan struct{})
		state, log, ready := s.serveTo(t, func(p *os.Process) {
			go func() {
				select {
				case <-time.After(lasts):
				case <-over:
					return
				}
				if kill {
					p.Kill()
				} else {
					p.Signal(syscall.SIGTERM)
				}
			}()
			go s.sample(p.Pid, lives, over)
		}, func(client *http.Client) bool { return s.life(t, client) })
		close(over)
		if ready > 0 {
			readies = append(readies, ready)
		}
		switch {
		case !state.Exited():
			kills++
		case state.ExitCode() != 0:
			t.Errorf("life %d ended with code %d", lives, state.ExitCode())
		}
		for _, sign := range []string{"ALARM", "panic", "goroutine "} {
			if strings.Contains(log, sign) {
				t.Errorf("life %d said %q:\n%s", lives, sign, log)
			}
		}
	}

	// 2. A last start finishes what is left; then all is there, once, in its state.
	state, log, _ := s.serveTo(t, func(*os.Process) {}, func(*http.Client) bool { return true })
	if state.Exited() {
		t.Errorf("the last start ended with code %d:\n%s", state.ExitCode(), log)
	}
	s.victim.check(t, true, true)
	s.checkStates(t)
	made, err := filepath.Glob(filepath.Join(s.config.Backup.Dir, "indeks-*.db"))
	if err != nil || len(made) == 0 {
		t.Fatalf("no backup was made: %v", err)
	}
	for _, args := range [][]string{{"check", "--seals", "all"}, {"audit", "verify"}, {"check", "--store", made[len(made)-1]}} {
		state, stderr := s.run(t, nil, func(string) {}, append(append([]string{s.program}, args...), "--config", s.dir)...)
		if state.ExitCode() != 0 {
			t.Errorf("indeks %s: code %d:\n%s", strings.Join(args, " "), state.ExitCode(), stderr)
		}
	}

	// 3. What it took.
	slices.Sort(readies)
	t.Logf("%d backups, the last of them checked", len(made))
	t.Logf("%d lives, %d of them killed; ready after %s, %s at most; %d credentials, %d requests without an answer", lives, kills,
		readies[len(readies)/2].Round(time.Millisecond), readies[len(readies)-1].Round(time.Millisecond), len(s.people), s.failures.Load())
	for what, took := range s.took {
		slices.Sort(took)
		t.Logf("%-10s %6d, p50 %s, p99 %s", what, len(took), took[len(took)/2].Round(100*time.Microsecond), took[len(took)*99/100].Round(100*time.Microsecond))
	}
	s.report(t)
}

// life asks for everything at once until the server is gone, or it was long enough,
// which it reports.
func (s *soak) life(t *testing.T, client *http.Client) bool {
	ctx, cancel := context.WithDeadline(t.Context(), s.until)
	defer cancel()
	var group sync.WaitGroup
	each := func(perSecond float64, work func() bool) {
		group.Go(func() {
			for tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond)); ; {
				select {
				case <-ctx.Done():
					tick.Stop()
					return
				case <-tick.C:
				}
				if !work() {
					cancel() // the server is gone
				}
			}
		})
	}
	for range 4 {
		each(soakIssues/4., func() bool { return s.issue(t, client) })
		each(soakVerifies/4., func() bool { return s.verify(t, client) })
	}
	each(soakChanges, func() bool { return s.change(t, client) })
	each(soakSearches, func() bool { return s.search(t, client) })
	each(soakLists, func() bool { return s.list(t, client) })
	each(2, func() bool { return s.issueBatch(t, client) })
	each(1./15, func() bool { return s.send(t, client, "backup", "POST", "/api/v1/backups", nil, &struct{}{}) })
	group.Wait()
	return !time.Now().Before(s.until)
}

// send sends a request and reads its answer; false: there was none.
func (s *soak) send(t *testing.T, client *http.Client, what, method, path string, body []byte, into any) bool {
	req, err := http.NewRequest(method, s.config.Issuer.PublicBase+path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+s.apiKey)
	if bytes.HasPrefix(body, []byte("{")) {
		req.Header.Set("Content-Type", "application/json")
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		s.failures.Add(1)
		return false
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode == http.StatusServiceUnavailable { // it is told to end
		s.failures.Add(1)
		return false
	}
	s.mu.Lock()
	s.took[what] = append(s.took[what], time.Since(began))
	s.mu.Unlock()
	if text, ok := into.(*[]byte); ok {
		*text = raw
	} else if err = json.Unmarshal(raw, into); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	if resp.StatusCode >= 300 {
		t.Errorf("%s %s: %s: %s", method, path, resp.Status, raw)
	}
	return true
}

// next are those of the class who are next.
func (s *soak) next(n int) []*learner {
	last := int(s.class.Add(int64(n)))
	if last > len(s.victim.class) {
		return nil
	}
	return s.victim.class[last-n : last]
}

// has notes who has a credential now.
func (s *soak) has(l *learner, public string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people = append(s.people, &person{learner: l, public: public, state: store.Issued, since: time.Now()})
}

func (s *soak) issue(t *testing.T, client *http.Client) bool {
	part := s.next(1)
	if part == nil {
		return true
	}
	began := time.Now()
	if !s.ask(t, client, part[0]) { // whether it is on record nobody knows
		s.failures.Add(1)
		return false
	}
	s.mu.Lock()
	s.took["issue"] = append(s.took["issue"], time.Since(began))
	s.mu.Unlock()
	return s.note(t, client, part[0])
}

// note looks up the credential of a learner who was told its number.
func (s *soak) note(t *testing.T, client *http.Client, l *learner) bool {
	var r issuing.RecordView
	if !s.send(t, client, "look up", "GET", "/api/v1/credentials/"+l.number, nil, &r) {
		return false
	}
	s.has(l, r.PublicID)
	return true
}

// take takes somebody whom nobody else asks about, nil where there is none.
func (s *soak) take() *person {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range min(20, len(s.people)) {
		if p := s.people[rand.IntN(len(s.people))]; !p.busy {
			p.busy = true
			return p
		}
	}
	return nil
}

func (s *soak) release(p *person) {
	s.mu.Lock()
	p.busy = false
	s.mu.Unlock()
}

// change revokes, holds or reinstates.
func (s *soak) change(t *testing.T, client *http.Client) bool {
	p := s.take()
	if p == nil {
		return true
	}
	defer s.release(p)
	if len(p.asked) > 0 || p.state == store.Revoked {
		return true
	}
	verb, to := "suspend", store.Suspended
	switch {
	case p.state == store.Suspended && rand.IntN(2) == 0:
		verb, to = "reinstate", store.Issued
	case p.state == store.Suspended || rand.IntN(2) == 0:
		verb, to = "revoke", store.Revoked
	}
	p.asked = append(p.asked, to)
	var r issuing.RecordView
	if !s.send(t, client, verb, "POST", "/api/v1/credentials/"+p.number+"/"+verb, []byte(`{"reason":"a test"}`), &r) {
		return false
	}
	p.asked, p.state, p.since = nil, to, time.Now()
	if to == store.Revoked {
		s.victim.mu.Lock()
		p.revoked = true
		s.victim.mu.Unlock()
	}
	if r.State != to {
		t.Errorf("%s: it is %s after %s", p.number, r.State, verb)
	}
	return true
}

// search finds somebody, by number or by name.
func (s *soak) search(t *testing.T, client *http.Client) bool {
	p := s.take()
	if p == nil {
		return true
	}
	defer s.release(p)
	query := "number=" + url.QueryEscape(p.number)
	if rand.IntN(2) == 0 {
		query = "name=" + url.QueryEscape("ada "+p.family)
	}
	var found struct {
		Credentials []issuing.RecordView `json:"credentials"`
	}
	if !s.send(t, client, "search", "GET", "/api/v1/credentials?"+query, nil, &found) {
		return false
	}
	if !slices.ContainsFunc(found.Credentials, func(r issuing.RecordView) bool { return r.Number == p.number }) {
		t.Errorf("searching for %s finds %d, and not %s", query, len(found.Credentials), p.number)
	}
	return true
}

// verify has an employer's verifier look at somebody's credential.
func (s *soak) verify(t *testing.T, client *http.Client) bool {
	p := s.take()
	if p == nil {
		return true
	}
	defer s.release(p)
	var token []byte
	if !s.send(t, client, "fetch", "GET", "/credentials/"+p.public, nil, &token) {
		return false
	}
	began := time.Now()
	report := s.known.Verify(t.Context(), token)
	s.mu.Lock()
	s.took["verify"] = append(s.took["verify"], time.Since(began))
	s.mu.Unlock()
	want := map[store.State]verifier.Verdict{store.Issued: verifier.Valid, store.Suspended: verifier.Invalid, store.Revoked: verifier.Invalid}[p.state]
	if report.Verdict == verifier.Indeterminate { // its list could not be fetched: the server is gone
		return s.send(t, client, "alive", "GET", "/healthz", nil, new([]byte))
	}
	if len(p.asked) == 0 && time.Since(p.since) > shownWithin && report.Verdict != want || report.ID == "" {
		t.Errorf("%s is %s for %s, and a verifier says %s, %s", p.number, p.state, time.Since(p.since), report.Verdict, report.State)
	}
	return true
}

// list fetches the first revocation list: it never loses a bit.
func (s *soak) list(t *testing.T, client *http.Client) bool {
	s.mu.Lock()
	any := len(s.people) > 0
	s.mu.Unlock()
	if !any {
		return true
	}
	var token []byte
	if !s.send(t, client, "list", "GET", "/status/r1", nil, &token) {
		return false
	}
	var payload struct {
		Subject struct {
			List string `json:"encodedList"`
		} `json:"credentialSubject"`
	}
	parts := bytes.Split(token, []byte("."))
	raw, err := base64.RawURLEncoding.DecodeString(string(parts[min(1, len(parts)-1)]))
	if err == nil {
		err = json.Unmarshal(raw, &payload)
	}
	list, err2 := status.Decode(payload.Subject.List)
	if err != nil || err2 != nil {
		t.Errorf("list r1: %v, %v", err, err2)
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.lists["r1"]; before != nil && !list.Covers(before) {
		t.Error("list r1 has lost a bit")
	}
	s.lists["r1"] = list
	return true
}

// issueBatch takes a batch one step on, and begins the next one after it.
func (s *soak) issueBatch(t *testing.T, client *http.Client) bool {
	b := &s.batch
	if b.part == nil {
		size := 20 + b.n%50 // by which it is known again
		if b.part = s.next(size); b.part == nil {
			return true
		}
		raw, err := os.ReadFile(s.victim.list(t, filepath.Join(filepath.Dir(s.dir), "batch.csv"), b.part))
		if err != nil {
			t.Error(err)
			return true
		}
		b.file, b.id = raw, ""
	}
	var now issuing.BatchView
	if b.id == "" {
		var all struct {
			Batches []issuing.BatchView `json:"batches"`
		}
		if !s.send(t, client, "batches", "GET", "/api/v1/batches", nil, &all) {
			return false
		}
		for _, known := range all.Batches { // an upload that had no answer
			if known.Rows.All == len(b.part) && !known.State.Ended() {
				now = known
			}
		}
		if now.ID == "" && !s.send(t, client, "upload", "POST", "/api/v1/courses/"+s.courseID+"/batches", b.file, &now) {
			return false
		}
		b.id = now.ID
	}
	if !s.send(t, client, "batch", "GET", "/api/v1/batches/"+b.id, nil, &now) {
		return false
	}
	switch {
	case now.State == issuer.BatchReady:
		return s.send(t, client, "start", "POST", "/api/v1/batches/"+b.id+"/start", nil, &now)
	case !now.State.Ended():
		return true
	}
	var page struct {
		Results []issuer.Result `json:"results"`
	}
	if !s.send(t, client, "results", "GET", "/api/v1/batches/"+b.id+"/results", nil, &page) {
		return false
	}
	if len(page.Results) != len(b.part) {
		t.Errorf("batch %s of %d is %s with %d results", b.id, len(b.part), now.State, len(page.Results))
	}
	for i, r := range page.Results {
		if i >= len(b.part) || r.Number == "" {
			t.Errorf("batch %s, row %d: %+v", b.id, r.Row, r)
			continue
		}
		l := b.part[i]
		known := l.number != ""
		s.acknowledge(t, l, r.Number)
		if !known && !s.note(t, client, l) {
			return false
		}
	}
	b.n, b.part = b.n+1, nil
	return true
}

// checkStates holds the records to what was acknowledged of their states.
func (s *soak) checkStates(t *testing.T) {
	t.Helper()
	records, err := configFlag{s.dir}.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	for _, p := range s.people {
		r, err := records.ByNumber(t.Context(), p.number)
		if err != nil || r.State != p.state && !slices.Contains(p.asked, r.State) {
			t.Errorf("%s was told to be %s, on record it is %s: %v", p.number, p.state, r.State, err)
		}
	}
}

// sample looks at a process each second until its life is over.
func (s *soak) sample(pid, life int, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Second):
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		open, err2 := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		info, err3 := os.Stat(s.config.path(s.config.Issuer.StoreFile))
		_, own, found := strings.Cut(string(text), "RssAnon:")
		if err != nil || err2 != nil || err3 != nil || !found {
			continue // it has just ended
		}
		kilobytes, _ := strconv.ParseInt(strings.Fields(own)[0], 10, 64)
		s.mu.Lock()
		s.samples = append(s.samples, sample{life: life, memory: kilobytes << 10, file: info.Size(), files: len(open), recorded: len(s.people)})
		s.mu.Unlock()
	}
}

// maxSoakMemory and maxSoakFiles are more than the server may ever take.
const (
	maxSoakMemory = 512 << 20
	maxSoakFiles  = 500
)

// report says how memory, open files and the file of records have grown.
func (s *soak) report(t *testing.T) {
	t.Helper()
	if len(s.samples) == 0 {
		return
	}
	part := func(list []sample) (memory, file int64, files int) {
		for _, x := range list {
			memory, files, file = max(memory, x.memory), max(files, x.files), x.file
		}
		return memory, file, files
	}
	third := max(1, len(s.samples)/3)
	for i, name := range []string{"first", "second", "last"} {
		list := s.samples[min(i*third, len(s.samples)-1):min((i+1)*third, len(s.samples))]
		if len(list) == 0 {
			continue
		}
		memory, file, files := part(list)
		last := list[len(list)-1]
		t.Logf("%s third: memory %d MB at most, %d files open at most, records %d MB with %d credentials", name, memory>>20, files, file>>20, last.recorded)
	}
	if memory, _, files := part(s.samples); memory > maxSoakMemory || files > maxSoakFiles {
		t.Errorf("it took %d MB of memory and had %d files open", memory>>20, files)
	}
}
