package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"indeks/examples"
	"indeks/internal/processor"
	"indeks/internal/reference"
	"indeks/issuer"
	"indeks/keys"
	"indeks/web"
	"indeks/web/verifying"
)

// The figures of docs/benchmarks.md on verification over HTTP, made by
//
//	make bench-http
//
// Two servers are measured in turn on the same tokens: the program's verifier
// with all that it does (only its limits on rates and on the connections of one
// address are off), and a bare net/http server that checks the ES256 signature and
// nothing else. Each is a process of its own; the load comes from this one, by 8
// connections that are kept alive. What the load costs counts for both, so it is
// made as cheap as it can be: whole requests are ready beforehand, and of an
// answer only length and verdict are read.
const (
	speedTokens      = 10_000 // all different, each sent once a pass
	speedConnections = 8
	speedPasses      = 5
)

func TestSpeed(t *testing.T) {
	if os.Getenv("INDEKS_SPEED") == "" {
		t.Skip("takes minutes; make bench-http runs it")
	}
	b := setUpBench(t)
	b.start(t)
	award := b.award(t)
	issued := b.issue(t, "testdata/speed/course.json", nil)
	example := b.issue(t, "", &examples.Courses()[0])

	for _, run := range []struct {
		name    string
		payload []byte
		tokens  int
	}{
		{"5 KB", award, speedTokens},
		{"smallest course in one language", issued, speedTokens / 4},
		{"example in three languages", example, speedTokens / 10},
	} {
		b.compare(t, run.name, b.copies(t, run.payload, run.tokens))
		if testing.Short() {
			return
		}
	}
	b.latency(t, b.copies(t, award, speedTokens))

	sample := reference.Read(t, "reference", "samples", "ec", "Sample-MC-Annex1-signed.jsonld")
	many := slices.Repeat([][]byte{rawRequest(sample)}, 2000)
	p := send(t, b.indeks.address, many, `{"verdict":"`)
	t.Logf("EU sample of %d KB: %.0f/s, p99 %v", len(sample)/1000, p.rate(), p.quantile(0.99))
	t.Logf("memory of the verifier so far, at most: %d MB", b.indeks.peak(t))

	b.worst(t)
	t.Logf("memory of the verifier with 100 copies at once of each of the worst cases, at most: %d MB", b.indeks.peak(t))
}

// bench is an institution with its servers.
type bench struct {
	dir          string
	house        *house
	sealer       *keys.Sealer
	indeks, bare *speedServer
}

// setUpBench sets up an institution with status lists, and serves them from this
// process.
func setUpBench(t testing.TB) *bench {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: filepath.Join(t.TempDir(), "institution")}
	made, err := (&initCmd{Dir: b.dir, facts: examples.Institution(), Alg: "ES256", Listen: listener.Addr().String(), PublicBase: "http://" + listener.Addr().String(),
		VerifierListen: "127.0.0.1:0", VerifierBase: "http://localhost:8081"}).setUp(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	made.config.Limits.VerifyPerSecond, made.config.Limits.ConnectionsPerAddress = 0, 0 // all of the load comes from one address
	text, err := made.config.yaml()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(made.config.path(configName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if b.sealer, err = made.ring.Sealer(); err != nil {
		t.Fatal(err)
	}
	if b.house, err = openHouse(t.Context(), made.config, false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.house.serve(ctx, listener, secure{}) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, b.house.close()); err != nil {
			t.Error(err)
		}
	})
	b.issue(t, "testdata/speed/course.json", nil) // the first credential makes the lists
	return b
}

// start starts both servers.
func (b *bench) start(t *testing.T) {
	program := filepath.Join(t.TempDir(), "indeks")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v: %s", err, out)
	}
	b.indeks = startServer(t, exec.Command(program, "verifier", "--config", b.dir))
	bare := exec.Command(os.Args[0])
	point, err := b.sealer.Public().Key.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	bare.Env = append(os.Environ(), fmt.Sprintf("INDEKS_SPEED_KEY=%x", point))
	b.bare = startServer(t, bare)
}

// bareServer is the program to compare with: it checks the ES256 signature of what
// is posted, and nothing else.
func bareServer(key string) error {
	point, err := hex.DecodeString(key)
	if err != nil {
		return err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s,\n", listener.Addr())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := io.ReadAll(r.Body)
		end := bytes.LastIndexByte(token, '.')
		if err != nil || end < 0 {
			http.Error(w, "no token", http.StatusBadRequest)
			return
		}
		digest := sha256.Sum256(token[:end])
		signature, err := base64.RawURLEncoding.DecodeString(string(token[end+1:]))
		if err != nil || len(signature) != 64 || !ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
			http.Error(w, "invalid", http.StatusBadRequest)
			return
		}
		io.WriteString(w, `{"verdict":"valid"}`)
	}))
}

// award is a small credential with a complete supplement, in one language.
func (b *bench) award(t testing.TB) []byte {
	raw, err := os.ReadFile("testdata/speed/award.json")
	if err != nil {
		t.Fatal(err)
	}
	text := jsontext.Value(strings.NewReplacer("{base}", b.house.config.Issuer.PublicBase, "{did}", b.house.institution.DID).Replace(string(raw)))
	if err := text.Compact(); err != nil {
		t.Fatal(err)
	}
	return text
}

// issue issues one credential as the program does and returns its payload with places for what tells copies apart.
func (b *bench) issue(t testing.TB, courseFile string, example *examples.Course) []byte {
	name, list := "list.csv", []byte(nil)
	var course []byte
	var err error
	if example != nil {
		course, name, list = example.CourseJSON, example.ListName, example.List
	} else if course, err = os.ReadFile(courseFile); err == nil {
		list, err = os.ReadFile(filepath.Join(filepath.Dir(courseFile), name))
	}
	if err != nil {
		t.Fatal(err)
	}
	parsed, _, err := b.house.institution.ParseCourse("course", course)
	if err != nil {
		t.Fatal(err)
	}
	drafts, _, err := issuer.ReadList(name, list, parsed, "")
	if err != nil {
		t.Fatal(err)
	}
	record, err := b.house.issuer.Issue(t.Context(), drafts[0])
	if err != nil {
		t.Fatal(err)
	}
	index := strconv.FormatUint(record.Entries[0].Index, 10)
	text := string(record.Forms["vc2"].Payload)
	text = strings.ReplaceAll(text, record.ID, "{id}")
	text = strings.ReplaceAll(text, "#"+index+`"`, `#{index}"`)
	return []byte(strings.ReplaceAll(text, `"statusListIndex":"`+index+`"`, `"statusListIndex":"{index}"`))
}

// copies seals n credentials that differ in id, number, learner and place in the
// status lists, and returns the requests for them.
func (b *bench) copies(t testing.TB, payload []byte, n int) [][]byte {
	requests := make([][]byte, n)
	for i := range requests {
		text := strings.NewReplacer("{id}", fmt.Sprintf("urn:credential:%08x-0000-4000-8000-%012x", i, i*7919), "{number}", fmt.Sprintf("MC-2026-%05d", i),
			"{index}", strconv.Itoa(1000+i*13%100_000)).Replace(string(payload))
		token, err := b.sealer.Seal([]byte(text), keys.VCJWT, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		requests[i] = rawRequest(token)
	}
	return requests
}

// compare measures both servers in turn and says how the rates stand, and the
// times of processor, server and load together, on which the rates rest when
// nothing else runs on the machine.
func (b *bench) compare(t *testing.T, name string, requests [][]byte) {
	var rates, work [2][]float64
	var last pass
	for i := range speedPasses + 1 {
		for n, s := range []*speedServer{b.bare, b.indeks} {
			before := s.work(t) + processor.Time()
			last = send(t, s.address, requests, `{"verdict":"valid"`)
			if i > 0 { // the first pass of each fetches lists and warms up
				rates[n] = append(rates[n], last.rate())
				work[n] = append(work[n], float64((s.work(t)+processor.Time()-before)/time.Duration(len(requests)))/1000)
			}
		}
	}
	bare, ours := median(rates[0]), median(rates[1])
	t.Logf("%s (requests of %d bytes, %d tokens, medians of %d passes): %.0f/s, bare %.0f/s, ratio %.0f %%; processor time for a request %.0f µs, bare %.0f µs, ratio %.0f %%; p50 %v, p99 %v",
		name, len(requests[0]), len(requests), speedPasses, ours, bare, 100*ours/bare,
		median(work[1]), median(work[0]), 100*median(work[0])/median(work[1]), last.quantile(0.5), last.quantile(0.99))
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// work is the processor time that the process has used.
func (s *speedServer) work(t *testing.T) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	// proc(5): utime and stime are the 14th and 15th field, in ticks of 10 ms; the
	// 2nd is the name in brackets.
	var user, system int64
	if _, err := fmt.Sscanf(string(raw[bytes.LastIndexByte(raw, ')')+2:]), "%s %d %d %d %d %d %d %d %d %d %d %d %d", new(string), new(int), new(int), new(int), new(int), new(int),
		new(uint), new(uint), new(uint), new(uint), new(uint), &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// latency measures how long answers take at half of the rate that the server can
// keep, in several passes: whatever else runs on the machine for a moment is felt
// in one of them. Time counts from when a request was due, not from when it could
// be sent.
func (b *bench) latency(t *testing.T, requests [][]byte) {
	var p50, p99 []float64
	for part := range slices.Chunk(requests, len(requests)/speedPasses) {
		full := send(t, b.indeks.address, part, `{"verdict":"valid"`).rate()
		p := sendPaced(t, b.indeks.address, part, `{"verdict":"valid"`, time.Duration(2*float64(time.Second)/full))
		t.Logf("at half load (%.0f/s): p50 %v, p99 %v, max %v", p.rate(), p.quantile(0.5), p.quantile(0.99), p.quantile(1))
		p50, p99 = append(p50, p.quantile(0.5).Seconds()), append(p99, p.quantile(0.99).Seconds())
	}
	t.Logf("at half load, medians: p50 %.1f ms, p99 %.1f ms", 1000*median(p50), 1000*median(p99))
}

// worst sends 100 copies at once of each of the hostile cases that take longest,
// and of the largest ones.
func (b *bench) worst(t *testing.T) {
	var manifest struct {
		Cases []struct{ ID, File string }
	}
	if err := json.Unmarshal(reference.Read(t, "attacks", "manifest.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	type hostile struct {
		id      string
		request []byte
		took    time.Duration
	}
	var all []hostile
	for _, c := range manifest.Cases {
		r := rawRequest(reference.Read(t, "attacks", c.File))
		all = append(all, hostile{c.ID, r, send(t, b.indeks.address, [][]byte{r}, `{`).took})
	}
	slices.SortFunc(all, func(a, b hostile) int { return cmp.Compare(b.took, a.took) })
	chosen := slices.Clone(all[:5])
	slices.SortFunc(all, func(a, b hostile) int { return cmp.Compare(len(b.request), len(a.request)) })
	for _, h := range append(chosen, all[:5]...) {
		answered := make(map[int]int)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				status := exchange(t, b.indeks.address, h.request)
				mu.Lock()
				defer mu.Unlock()
				answered[status]++
			})
		}
		wg.Wait()
		t.Logf("100 copies of %s (%d bytes, %v alone): statuses %v, memory at most %d MB", h.id, len(h.request), h.took, answered, b.indeks.peak(t))
	}
}

// speedServer is a server in a process of its own.
type speedServer struct {
	process *os.Process
	address string // host and port
}

var listening = regexp.MustCompile(`http://([0-9.]+:[0-9]+),`)

// startServer starts a server that prints its address. Its log goes to a file.
func startServer(t *testing.T, cmd *exec.Cmd) *speedServer {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		log.Close()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			go io.Copy(io.Discard, out)
			return &speedServer{cmd.Process, found[1]}
		}
	}
	t.Fatalf("%s did not start", cmd.Path)
	return nil
}

var highWater = regexp.MustCompile(`VmHWM:\s+([0-9]+) kB`)

// peak is the most memory that the process has used so far, in MB.
func (s *speedServer) peak(t *testing.T) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	kb, err := strconv.Atoi(string(highWater.FindSubmatch(raw)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}

// rawRequest is a whole request with a token.
func rawRequest(token []byte) []byte {
	head := fmt.Sprintf("POST /api/v1/verifications HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/vc+jwt\r\nContent-Length: %d\r\n\r\n", len(token))
	return append([]byte(head), token...)
}

// pass is one pass over all requests.
type pass struct {
	took  time.Duration
	times []time.Duration // of the answers, sorted
}

func (p pass) rate() float64 { return float64(len(p.times)) / p.took.Seconds() }

func (p pass) quantile(q float64) time.Duration {
	return p.times[int(q*float64(len(p.times)-1))].Round(10 * time.Microsecond)
}

// send sends each request once, as fast as they are answered.
func send(t *testing.T, address string, requests [][]byte, want string) pass {
	return sendPaced(t, address, requests, want, 0)
}

// sendPaced sends each request once, one every gap.
func sendPaced(t *testing.T, address string, requests [][]byte, want string, gap time.Duration) pass {
	t.Helper()
	p := pass{times: make([]time.Duration, len(requests))}
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range min(speedConnections, len(requests)) {
		wg.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			answers := bufio.NewReaderSize(c, 64<<10)
			var body []byte
			for {
				i := int(next.Add(1) - 1)
				if i >= len(requests) {
					return
				}
				due := start.Add(time.Duration(i) * gap)
				if gap == 0 {
					due = time.Now()
				}
				time.Sleep(time.Until(due))
				if _, err := c.Write(requests[i]); err != nil {
					t.Error(err)
					return
				}
				if body, err = readAnswer(answers, body); err != nil || !bytes.HasPrefix(body, []byte(want)) {
					t.Errorf("request %d: %v: %.300s", i, err, body)
					return
				}
				p.times[i] = time.Since(due)
			}
		})
	}
	wg.Wait()
	p.took = time.Since(start)
	if t.Failed() {
		t.FailNow()
	}
	slices.Sort(p.times)
	return p
}

// readAnswer reads an answer with a Content-Length of which nothing but the body
// matters, into the memory of the body before.
func readAnswer(r *bufio.Reader, body []byte) ([]byte, error) {
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 {
		return nil, errors.New("answer without a length")
	}
	body = slices.Grow(body[:0], length)[:length]
	_, err := io.ReadFull(r, body)
	return body, err
}

// exchange sends one request on a connection of its own and returns the status.
func exchange(t *testing.T, address string, request []byte) int {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	if _, err := c.Write(request); err != nil {
		t.Error(err)
		return 0
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer.StatusCode
}

// BenchmarkAnswer is what a request to the verifier costs apart from the
// network.
func BenchmarkAnswer(b *testing.B) {
	bench := setUpBench(b)
	config, err := readConfig(bench.dir)
	if err != nil {
		b.Fatal(err)
	}
	v, err := config.newVerifier()
	if err != nil {
		b.Fatal(err)
	}
	server, err := verifying.New(verifying.Config{Verifier: v, Kit: web.Config{Log: slog.New(slog.DiscardHandler)}})
	if err != nil {
		b.Fatal(err)
	}
	requests := bench.copies(b, bench.award(b), 100)
	i := 0
	for b.Loop() {
		i++
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(requests[i%len(requests)])))
		if err != nil {
			b.Fatal(err)
		}
		w := httptest.NewRecorder()
		server.Echo().ServeHTTP(w, r)
		if !bytes.HasPrefix(w.Body.Bytes(), []byte(`{"verdict":"valid"`)) {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
