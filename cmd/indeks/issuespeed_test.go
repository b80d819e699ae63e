package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/examples"
	"indeks/issuer"
	"indeks/web/issuing"
)

// TestIssueSpeed measures the issuer's server over HTTP, as `make bench-issue-http` runs
// it, and says the figures: single credentials of the example course, payloads of 47 and
// 38 KB, for 32 clients that each ask for the next one when they have their answer; then
// one client that asks every tenth of a second while a batch runs. Server and clients
// share the machine.
func TestIssueSpeed(t *testing.T) {
	if os.Getenv("INDEKS_SPEED") == "" {
		t.Skip("a measurement: INDEKS_SPEED=1 makes it")
	}
	warm, single, batch, beside := 500, 5000, 5000, 1000
	if testing.Short() {
		single, batch = single/10, batch/10
	}
	v := newVictim(t, warm+single+batch+beside, "")
	h, err := openHouse(t.Context(), v.config, false)
	if err != nil {
		t.Fatal(err)
	}
	example := examples.Courses()[0]
	o, _, _, err := issuer.NewCatalogue(h.institution, h.store, nil).Put(t.Context(), example.Name, example.CourseJSON, issuer.Terms{Published: true})
	if err := errors.Join(err, h.close()); err != nil {
		t.Fatal(err)
	}
	v.courseID, v.courseVersion = o.ID, o.Version

	server := new(speedServer)
	_, log, _ := v.serveTo(t, func(p *os.Process) { server.process = p }, func(*http.Client) bool {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		defer client.CloseIdleConnections()
		class := v.class

		if ask32(t, v, client, class[:warm]); t.Failed() {
			return true
		}
		class = class[warm:]
		used := server.work(t)
		p := ask32(t, v, client, class[:single])
		class = class[single:]
		t.Logf("32 clients: %.0f/s, p50 %v, p99 %v, longest %v; %v of processor time each in the server", p.rate(), p.quantile(0.5), p.quantile(0.99), p.quantile(1),
			((server.work(t) - used) / time.Duration(single)).Round(time.Microsecond))

		list := v.list(t, filepath.Join(v.dir, "class.csv"), class[:batch])
		class = class[batch:]
		b := startBatch(t, v, client, list)
		used, begin := server.work(t), time.Now()
		var times []time.Duration
		for tick := time.NewTicker(100 * time.Millisecond); b.State == issuer.BatchRunning && len(times) < beside; <-tick.C {
			start := time.Now()
			askExample(t, v, client, class[len(times)])
			times = append(times, time.Since(start))
			v.api(t, client, "GET", "/batches/"+b.ID, nil, &b)
		}
		took := time.Since(begin)
		if b.State != issuer.BatchDone || b.Rows.Issued != batch {
			t.Fatalf("the batch is %s: %+v", b.State, b.Rows)
		}
		slices.Sort(times)
		p = pass{times: times, took: took}
		t.Logf("a batch of %d beside: %.0f/s, %v of processor time each in the server; one client that asks meanwhile, %d times: p50 %v, p99 %v, longest %v",
			batch, float64(batch)/took.Seconds(), ((server.work(t) - used) / time.Duration(batch+len(times))).Round(time.Microsecond), len(times), p.quantile(0.5), p.quantile(0.99), p.quantile(1))
		t.Logf("memory of the server at most: %d MB", server.peak(t))
		return true
	})
	if t.Failed() {
		t.Log(log)
	}
}

// ask32 has 32 clients ask for credentials of the example course.
func ask32(t *testing.T, v *victim, client *http.Client, class []*learner) pass {
	times := make([]time.Duration, len(class))
	var next atomic.Int64
	var clients sync.WaitGroup
	begin := time.Now()
	for range 32 {
		clients.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(class); n = int(next.Add(1)) - 1 {
				start := time.Now()
				askExample(t, v, client, class[n])
				times[n] = time.Since(start)
			}
		})
	}
	clients.Wait()
	took := time.Since(begin)
	slices.Sort(times)
	return pass{times: times, took: took}
}

func askExample(t *testing.T, v *victim, client *http.Client, l *learner) {
	body, err := json.Marshal(map[string]any{"course_id": v.courseID, "course_version": v.courseVersion, "learner": map[string]string{"given_name": "Ada", "family_name": l.family,
		"date_of_birth": "1990-01-01", "learner_id": l.id, "awarding_date": "2026-06-30"}})
	if err != nil {
		t.Error(err)
		return
	}
	var answer struct {
		Number string `json:"number"`
	}
	if v.api(t, client, "POST", "/credentials", body, &answer); answer.Number == "" {
		t.Errorf("learner %s has no number", l.id)
	}
}

// startBatch uploads a class list and has it issued.
func startBatch(t *testing.T, v *victim, client *http.Client, list string) (b issuing.BatchView) {
	raw, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	v.api(t, client, "POST", "/courses/"+v.courseID+"/batches", raw, &b)
	for b.State != issuer.BatchReady && !t.Failed() {
		time.Sleep(100 * time.Millisecond)
		v.api(t, client, "GET", "/batches/"+b.ID, nil, &b)
	}
	v.api(t, client, "POST", "/batches/"+b.ID+"/start", nil, &b)
	for b.State == issuer.BatchQueued {
		time.Sleep(10 * time.Millisecond)
		v.api(t, client, "GET", "/batches/"+b.ID, nil, &b)
	}
	return b
}

// api asks the API and reads its answer.
func (v *victim) api(t *testing.T, client *http.Client, method, path string, body []byte, into any) {
	req, err := http.NewRequest(method, v.config.Issuer.PublicBase+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+v.apiKey)
	if method == "POST" && path == "/credentials" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode < 300 {
		err = json.Unmarshal(raw, into)
	}
	if err != nil || resp.StatusCode >= 300 {
		t.Errorf("%s %s: %s: %.300s %v", method, path, resp.Status, raw, err)
	}
}
