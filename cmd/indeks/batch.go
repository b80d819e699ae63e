package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"indeks/issuer"
	"indeks/store"
	"indeks/web"
	"indeks/web/issuing"
)

type batchCmd struct {
	Put     batchPutCmd     `cmd:"" help:"Upload a class list for a course in the catalogue, and report every problem in it."`
	Page    batchPageCmd    `cmd:"" help:"Create a page where someone can upload the list."`
	List    batchListCmd    `cmd:"" help:"List the newest batches."`
	Show    batchShowCmd    `cmd:"" help:"Show the progress of a batch and its problems."`
	Preview batchPreviewCmd `cmd:"" help:"Preview the credentials of some rows."`
	Start   batchStartCmd   `cmd:"" help:"Issue the rows of a batch."`
	Pause   batchPauseCmd   `cmd:"" help:"Pause a batch once the rows in progress are finished."`
	Resume  batchResumeCmd  `cmd:"" help:"Continue a paused batch."`
	Cancel  batchCancelCmd  `cmd:"" help:"Cancel a batch. Everything already issued stays issued."`
	Retry   batchRetryCmd   `cmd:"" help:"Try the failed rows again."`
	Results batchResultsCmd `cmd:"" help:"Write the result of each row as CSV."`
}

func (*batchCmd) Help() string {
	return `A batch turns a class list into credentials. The list is checked first, row by row, and nothing is issued
until you start it. After a crash or a restart it continues by itself. No row is issued twice, and a row that was
already issued from another list is recognised.

If the issuer server is running, it holds the records and the command asks it: at --server, or at the address in
the configuration, with the API key in --api-key-file or INDEKS_API_KEY. If it is not running, the command does the
work itself: start, resume and retry then end when the batch does.

  indeks batch put data-stewardship class.xlsx --config uni
  indeks batch start 20260701-4F8K2Q --config uni
  indeks batch results 20260701-4F8K2Q --config uni >results.csv`
}

// batchFlags lead to the server that holds the records, or to them.
type batchFlags struct {
	configFlag
	serverFlag
}

// reach has ask work, and reports whether it is this process that works on batches
// until leave is called.
func (f *batchFlags) reach(ctx context.Context) (own bool, leave func(), err error) {
	nothing := func() {}
	if f.Server != "" {
		return false, nothing, nil
	}
	c, err := readConfig(f.Config)
	if err != nil {
		return false, nothing, err
	}
	house, err := openHouse(ctx, c, false)
	if errors.Is(err, store.ErrLocked) {
		if key, _ := f.apiKey(); key == "" {
			return false, nothing, fmt.Errorf("%w, or ask it: give --api-key-file, or INDEKS_API_KEY", err)
		}
		f.Server = c.Issuer.PublicBase
		return false, nothing, nil
	}
	if err != nil {
		return false, nothing, err
	}
	batches := house.batches()
	key := rand.Text()
	server, err := issuing.New(issuing.Config{Issuer: house.issuer, Batches: batches, ListBody: math.MaxInt64, Disk: house.disk, ReadOnly: c.ReadOnly, Store: house.store, Institution: house.institution,
		APIKeys: []issuing.APIKey{{Name: "command line", SHA256: sha256.Sum256([]byte(key)), Roles: []issuing.Role{issuing.Registrar}}},
		Kit:     web.Config{Log: slog.New(slog.DiscardHandler), BodyMemory: math.MaxInt64, Timeout: math.MaxInt64}})
	if err != nil {
		return false, nothing, errors.Join(err, house.close())
	}
	f.Server, f.client = "http://issuer.localhost", &http.Client{Transport: inside{server, key}}
	work, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- batches.Run(work) }()
	return true, func() {
		stop()
		<-done
		house.close()
	}, nil
}

// inside asks a server in this process, as who has its key.
type inside struct {
	server http.Handler
	key    string
}

func (i inside) RoundTrip(req *http.Request) (*http.Response, error) {
	asked := req.Clone(req.Context())
	asked.Header.Set("Authorization", "Bearer "+i.key)
	asked.RemoteAddr, asked.RequestURI = "127.0.0.1:0", req.URL.RequestURI()
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	i.server.ServeHTTP(w, asked)
	return &http.Response{StatusCode: w.status, Status: fmt.Sprint(w.status, " ", http.StatusText(w.status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: req}, nil
}

// answer is an http.ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// cell writes a problem as other commands do.
func cell(p issuing.ProblemView) string {
	return issuer.Problem{Row: p.Row, Column: p.Column, Cell: p.Cell, Value: p.Value, Want: p.Detail}.String()
}

func batchCourses(b *issuing.BatchView) string {
	var all []string
	for _, c := range b.Courses {
		all = append(all, c.ID+" "+c.Version)
	}
	return strings.Join(all, ", ")
}

// wait waits until what this process or the server does for a batch is done, and
// shows how far it is.
func (f *batchFlags) wait(ctx context.Context, con console, b *issuing.BatchView, busy ...issuer.BatchState) error {
	is := func() bool { return slices.Contains(busy, b.State) }
	if !is() {
		return nil
	}
	bar := progressbar.NewOptions(b.Rows.All, progressbar.OptionSetWriter(con.err), progressbar.OptionSetDescription(string(b.State)), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetVisibility(isTerminal(con.err)), progressbar.OptionThrottle(100*time.Millisecond))
	defer bar.Finish()
	for is() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; batch %s goes on when the issuer runs, or with indeks batch show --wait", ctx.Err(), b.ID)
		case <-time.After(100 * time.Millisecond):
		}
		var now issuing.BatchView // afresh: an answer leaves out what no longer holds
		if err := f.ask(ctx, http.MethodGet, "/api/v1/batches/"+url.PathEscape(b.ID), nil, &now); err != nil {
			return err
		}
		*b = now
		bar.Describe(string(b.State))
		if b.State == issuer.BatchChecking {
			bar.Set(b.Rows.Checked)
		} else {
			bar.Set(b.Rows.Issued + b.Rows.IssuedBefore + b.Rows.Failed)
		}
	}
	return nil
}

// show prints a batch and what to do next.
func showBatch(con console, b *issuing.BatchView) {
	r := b.Rows
	fmt.Fprintf(con.out, "Batch %s of %s is %s.\n", b.ID, batchCourses(b), b.State)
	for _, c := range b.Encodings {
		if b.State != issuer.BatchUnread {
			break
		}
		fmt.Fprintf(con.out, "  in %s it reads %s\n", c.Encoding, strings.Join(c.Samples, ", "))
	}
	if r.All > 0 {
		fmt.Fprintf(con.out, "  %d rows: %d sound, %d with problems, %d issued before, %d issued, %d failed\n", r.All, r.Sound, r.WithProblems, r.IssuedBefore, r.Issued, r.Failed)
	}
	if b.PerSecond > 0 && !b.State.Ended() {
		fmt.Fprintf(con.out, "  %.0f rows a second, %s left\n", b.PerSecond, time.Duration(b.SecondsLeft)*time.Second)
	}
	for _, p := range b.Warnings {
		fmt.Fprintf(con.err, "  %s (warning)\n", cell(p))
	}
	for _, p := range b.Problems {
		fmt.Fprintf(con.err, "  %s\n", cell(p))
	}
	if more := r.WithProblems - len(b.Problems); more > 0 && len(b.Problems) >= 100 {
		fmt.Fprintf(con.err, "  and more: indeks batch results %s has one of each row\n", b.ID)
	}
	if b.Stuck != "" {
		fmt.Fprintf(con.out, "  it cannot continue for now (%s), but will by itself when it can\n", b.Stuck)
	}
	switch b.State {
	case issuer.BatchNew:
		fmt.Fprintf(con.out, "It is waiting for its list: %s\n", b.Links["page"])
	case issuer.BatchUnread:
		fmt.Fprintf(con.out, "The list does not state its encoding. Upload it again with --encoding, or choose it at %s\n", b.Links["page"])
	case issuer.BatchReady:
		leave := ""
		if r.WithProblems > 0 {
			leave = " --leave-out"
		}
		if r.Sound == 0 {
			fmt.Fprintf(con.out, "Nothing is issued, and no row can be. Correct the list and upload it at %s\n", b.Links["page"])
			break
		}
		fmt.Fprintf(con.out, "Nothing is issued yet. indeks batch start %s%s issues %d; its page: %s\n", b.ID, leave, r.Sound, b.Links["page"])
	case issuer.BatchApproval:
		fmt.Fprintf(con.out, "Another person must approve it: approval %s\n", b.Approval)
	case issuer.BatchPaused:
		if b.Why != "" {
			fmt.Fprintf(con.out, "It paused by itself: %s\n", b.Why)
		}
		fmt.Fprintf(con.out, "indeks batch resume %s goes on.\n", b.ID)
	case issuer.BatchDone:
		if r.Failed > 0 {
			fmt.Fprintf(con.out, "indeks batch results %s shows what failed, indeks batch retry %s tries it again.\n", b.ID, b.ID)
		}
	}
}

type batchPutCmd struct {
	batchFlags
	Course       string `arg:"" help:"ID of a course in the catalogue, or ID/VERSION. Without a version, the one on offer is used."`
	List         string `arg:"" help:"Class list (CSV or XLSX)." type:"existingfile"`
	Encoding     string `help:"Encoding of a CSV file that does not state it." enum:",utf-8,windows-1250,windows-1251,windows-1252" default:""`
	AwardingDate string `help:"Awarding date if the list does not give one." placeholder:"YYYY-MM-DD"`
	Language     string `help:"Language of the document if the list does not give one." placeholder:"TAG"`
	NameCheck    string `help:"Days that learners have to check the spelling of their name first; 0 means they are not asked. Default: as the course sets." placeholder:"DAYS" name:"name-check-days"`
	Start        bool   `help:"Issue it at once if no row has a problem."`
}

func (cmd *batchPutCmd) Run(ctx context.Context, con console) error {
	raw, err := os.ReadFile(cmd.List)
	if err != nil {
		return fmt.Errorf("reading the class list: %w", err)
	}
	if len(raw) == 0 {
		return errors.New("reading the class list: the file is empty")
	}
	own, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	query := url.Values{"file": {filepath.Base(cmd.List)}}
	for name, value := range map[string]string{"encoding": cmd.Encoding, "awarding_date": cmd.AwardingDate, "language": cmd.Language, "name_check_days": cmd.NameCheck} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var b issuing.BatchView
	if err := cmd.ask(ctx, http.MethodPost, coursePath(cmd.Course)+"/batches?"+query.Encode(), bytes.NewReader(raw), &b, "Content-Type", "application/octet-stream"); err != nil {
		return err
	}
	if err := cmd.wait(ctx, con, &b, issuer.BatchChecking); err != nil {
		return err
	}
	if cmd.Start && b.State == issuer.BatchReady && b.Rows.WithProblems == 0 {
		return cmd.step(ctx, con, own, b.ID, "start", nil)
	}
	showBatch(con, &b)
	if b.Rows.WithProblems > 0 {
		return &exitError{code: exitInvalid}
	}
	return nil
}

// coursePath is the address of a course or a version of it.
func coursePath(course string) string {
	id, version, ok := strings.Cut(course, "/")
	path := "/api/v1/courses/" + url.PathEscape(id)
	if ok {
		path += "/" + url.PathEscape(version)
	}
	return path
}

// step does something with a batch. Where this process works on batches, it stays
// until the batch has no more work for it.
func (f *batchFlags) step(ctx context.Context, con console, own bool, id, step string, body any) error {
	var b issuing.BatchView
	if err := f.ask(ctx, http.MethodPost, "/api/v1/batches/"+url.PathEscape(id)+"/"+step, body, &b); err != nil {
		return err
	}
	if own {
		if err := f.wait(ctx, con, &b, issuer.BatchChecking, issuer.BatchQueued, issuer.BatchRunning); err != nil {
			return err
		}
	}
	showBatch(con, &b)
	if b.State.Ended() && b.Rows.Failed > 0 {
		return &exitError{code: exitInvalid}
	}
	return nil
}

type batchPageCmd struct {
	batchFlags
	Course string `arg:"" help:"ID of a course in the catalogue, or ID/VERSION."`
}

func (cmd *batchPageCmd) Run(ctx context.Context, con console) error {
	_, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var b issuing.BatchView
	if err := cmd.ask(ctx, http.MethodPost, coursePath(cmd.Course)+"/batches", nil, &b); err != nil {
		return err
	}
	fmt.Fprintln(con.out, b.Links["page"])
	return nil
}

type batchListCmd struct{ batchFlags }

func (cmd *batchListCmd) Run(ctx context.Context, con console) error {
	_, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var answer struct {
		Batches []issuing.BatchView `json:"batches"`
	}
	if err := cmd.ask(ctx, http.MethodGet, "/api/v1/batches", nil, &answer); err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BATCH\tCOURSE\tSTATE\tROWS\tPROBLEMS\tBEFORE\tISSUED\tFAILED\tBY")
	for _, b := range answer.Batches {
		r := b.Rows
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", b.ID, batchCourses(&b), b.State, r.All, r.WithProblems, r.IssuedBefore, r.Issued, r.Failed, b.By)
	}
	return w.Flush()
}

// oneBatch names one.
type oneBatch struct {
	batchFlags
	ID string `arg:"" help:"ID of the batch, as shown by list."`
}

type batchShowCmd struct {
	oneBatch
	Wait bool `help:"Wait until it has ended, or needs a person."`
}

func (cmd *batchShowCmd) Run(ctx context.Context, con console) error {
	_, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var b issuing.BatchView
	if err := cmd.ask(ctx, http.MethodGet, "/api/v1/batches/"+url.PathEscape(cmd.ID), nil, &b); err != nil {
		return err
	}
	if cmd.Wait {
		if err := cmd.wait(ctx, con, &b, issuer.BatchChecking, issuer.BatchQueued, issuer.BatchRunning); err != nil {
			return err
		}
	}
	showBatch(con, &b)
	return nil
}

type batchPreviewCmd struct {
	oneBatch
	Language string `help:"Language of the text between the values." default:"en" placeholder:"TAG"`
}

func (cmd *batchPreviewCmd) Run(ctx context.Context, con console) error {
	_, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var answer struct {
		Previews []struct {
			Row        int `json:"row"`
			Supplement []struct {
				Label  string   `json:"label"`
				Values []string `json:"values"`
			} `json:"supplement"`
		} `json:"previews"`
	}
	if err := cmd.ask(ctx, http.MethodGet, "/api/v1/batches/"+url.PathEscape(cmd.ID)+"/previews?lang="+url.QueryEscape(cmd.Language), nil, &answer); err != nil {
		return err
	}
	for _, p := range answer.Previews {
		fmt.Fprintf(con.out, "SPECIMEN of row %d: nothing of it is recorded or sealed.\n", p.Row)
		for _, e := range p.Supplement {
			fmt.Fprintf(con.out, "  %s: %s\n", e.Label, strings.Join(e.Values, "; "))
		}
	}
	return nil
}

type batchStartCmd struct {
	oneBatch
	LeaveOut bool `help:"Issue the rows without problems and leave out the rest."`
}

func (cmd *batchStartCmd) Run(ctx context.Context, con console) error {
	own, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return cmd.step(ctx, con, own, cmd.ID, "start", map[string]bool{"leave_out": cmd.LeaveOut})
}

type (
	batchPauseCmd  struct{ oneBatch }
	batchResumeCmd struct{ oneBatch }
	batchCancelCmd struct{ oneBatch }
	batchRetryCmd  struct{ oneBatch }
)

func (cmd *oneBatch) run(ctx context.Context, con console, step string) error {
	own, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return cmd.step(ctx, con, own, cmd.ID, step, nil)
}

func (cmd *batchPauseCmd) Run(ctx context.Context, con console) error {
	return cmd.run(ctx, con, "pause")
}
func (cmd *batchResumeCmd) Run(ctx context.Context, con console) error {
	return cmd.run(ctx, con, "resume")
}
func (cmd *batchCancelCmd) Run(ctx context.Context, con console) error {
	return cmd.run(ctx, con, "cancel")
}
func (cmd *batchRetryCmd) Run(ctx context.Context, con console) error {
	return cmd.run(ctx, con, "retry")
}

type batchResultsCmd struct {
	oneBatch
	Links bool `help:"Include links to the learners' own pages."`
	BOM   bool `name:"bom" help:"Start with a byte order mark, for spreadsheets that need one to recognise UTF-8."`
}

func (cmd *batchResultsCmd) Run(ctx context.Context, con console) error {
	_, leave, err := cmd.reach(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var file []byte
	query := url.Values{"links": {fmt.Sprint(cmd.Links)}, "bom": {fmt.Sprint(cmd.BOM)}}
	if err := cmd.ask(ctx, http.MethodGet, "/api/v1/batches/"+url.PathEscape(cmd.ID)+"/results.csv?"+query.Encode(), nil, &file); err != nil {
		return err
	}
	_, err = con.out.Write(file)
	return err
}
