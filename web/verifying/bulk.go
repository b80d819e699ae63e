package verifying

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"indeks/verifier"
	"indeks/web"

	"github.com/labstack/echo/v4"
)

// bulkBody is the largest body with many files, where the configuration does not
// say otherwise.
const bulkBody = 32 << 20

// A job holds the files that were sent until the last one is examined, and then
// nothing but its table, for a while.
const (
	maxRunning = 2
	maxJobs    = 20
	maxRows    = 5000 // of one table: a presentation has several lines
	jobTime    = 5 * time.Minute
	jobLife    = 15 * time.Minute
)

// tableRate is how many tables one client may have made: ten, and one more each three
// minutes. That is fewer than are kept, so that nobody can push out those of others.
var tableRate = web.Rate{PerSecond: 1.0 / 180, Burst: 10}

var (
	errNoJob   = errors.New("no table has this address: it was made too long ago, or never")
	errManyRow = fmt.Errorf("%w: more than %d credentials", verifier.ErrBulk, maxRows)
)

// jobs are the tables that are made and kept, oldest first. Whoever has the
// address of one may read it, so it cannot be guessed.
type jobs struct {
	rate *web.Limiter

	mu   sync.Mutex
	list []*job
}

type job struct {
	id, lang string
	made     time.Time
	total    int // files
	skipped  []string

	mu   sync.Mutex
	done int // files
	rows []verifier.Row
	err  error
	over bool
	by   string // address that it is made for, "" once it is over
}

// errOneTable is for an address for which a table is being made: a second one would keep
// everybody else waiting.
var errOneTable = &web.Problem{Status: http.StatusTooManyRequests, Title: "Another table is being made for your address", Text: "one-table", Retry: 10}

// mayMake is errOneTable where there is one.
func (k *jobs) mayMake(by string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.oneEach(by)
}

// oneEach is mayMake for who holds the lock.
func (k *jobs) oneEach(by string) error {
	if slices.ContainsFunc(k.list, func(j *job) bool { runs, of := j.runs(); return runs && of == by }) {
		return errOneTable
	}
	return nil
}

// add keeps a new job, and lets go of old ones. errOneTable; another problem where
// enough are running.
func (k *jobs) add(j *job) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = slices.DeleteFunc(k.list, func(old *job) bool { return j.made.Sub(old.made) > jobLife })
	if err := k.oneEach(j.by); err != nil {
		return err
	}
	running := 0
	for _, old := range k.list {
		if runs, _ := old.runs(); runs {
			running++
		}
	}
	if running == maxRunning {
		return &web.Problem{Status: http.StatusServiceUnavailable, Title: "Busy", Retry: 5}
	}
	if len(k.list) == maxJobs {
		k.list = slices.Delete(k.list, 0, 1)
	}
	j.id = rand.Text()
	k.list = append(k.list, j)
	return nil
}

// runs reports whether a table is being made, and for which address.
func (j *job) runs() (bool, string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.over, j.by
}

func (k *jobs) find(id string, now time.Time) (*job, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, j := range k.list {
		if j.id == id && now.Sub(j.made) <= jobLife {
			return j, nil
		}
	}
	return nil, errNoJob
}

func (j *job) table() (t verifier.Table, done int, over bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return verifier.Table{Rows: j.rows[:len(j.rows):len(j.rows)], Skipped: j.skipped}, j.done, j.over, j.err
}

func (j *job) add(rows []verifier.Row) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done++
	if j.rows = append(j.rows, rows...); len(j.rows) > maxRows {
		return errManyRow
	}
	return nil
}

// run examines the files, a few at once, in whatever order; lines come in the
// order of files. A worker is taken whenever one is free: files do not stand in the
// queue, where somebody may be waiting at a counter.
func (s *Server) run(ctx context.Context, files []verifier.File, lang string, done func([]verifier.Row) error) error {
	for i := 0; i < len(files); {
		part := files[i:min(i+stackWorkers, len(files))]
		rows := make([][]verifier.Row, len(part))
		errs := make([]error, len(part))
		var group sync.WaitGroup
		for n, file := range part {
			group.Go(func() {
				select {
				case s.workers <- struct{}{}:
					defer func() { <-s.workers }()
				case <-ctx.Done():
					errs[n] = ctx.Err()
					return
				}
				errs[n] = unpanicked(func() { rows[n] = s.verifier.Rows(ctx, file, verifier.PresentationOptions{}, lang) })
			})
		}
		group.Wait()
		for n := range part {
			if errs[n] == nil {
				errs[n] = done(rows[n])
			}
			if errs[n] != nil {
				return errs[n]
			}
		}
		i += len(part)
	}
	return nil
}

// postBulkVerification examines several files while the program waits.
func (s *Server) postBulkVerification(c echo.Context) error {
	web.NoStore(c)
	given, err := readFiles(c)
	if err != nil {
		return err
	}
	files, skipped, err := verifier.ReadBulk(given)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return nothingToJudge("there is no file in it", nil)
	}
	leave, err := join(s.queue)
	if err != nil {
		return err
	}
	defer leave()
	lang := s.kit.Lang(c)
	j := &job{rows: []verifier.Row{}, skipped: append([]string{}, skipped...)}
	if err := s.run(c.Request().Context(), files, lang, j.add); err != nil {
		return err
	}
	table, _, _, _ := j.table()
	c.Response().Header().Set("Content-Language", lang)
	c.Response().Header().Set("Vary", "Accept")
	if strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/csv") {
		return writeCSV(c, table)
	}
	raw, err := json.Marshal(table)
	if err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, raw)
}

func writeCSV(c echo.Context, table verifier.Table) error {
	var out bytes.Buffer
	if err := table.WriteCSV(&out); err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="verdicts.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8; header=present", out.Bytes())
}

// readFiles reads the files of a form, or the one that is the body. They stay in
// memory, because what net/http parses may go to a temporary file, and credentials
// are personal.
func readFiles(c echo.Context) ([]verifier.File, error) {
	parts, err := c.Request().MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		if len(body) == 0 {
			return nil, nil
		}
		return []verifier.File{verifier.NamedFile("upload", body)}, nil
	}
	if err != nil {
		return nil, badForm(err)
	}
	var files []verifier.File
	for n := 0; n <= verifier.MaxBulkFiles; n++ {
		part, err := parts.NextPart()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, badForm(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, badForm(err)
		}
		if part.FormName() == "file" && len(content) > 0 {
			files = append(files, verifier.NamedFile(part.FileName(), content))
		}
	}
	return nil, fmt.Errorf("%w: more than %d files", verifier.ErrBulk, verifier.MaxBulkFiles)
}

// bulkView is what bulk.html shows.
type bulkView struct {
	Empty       bool
	Most        int
	Made        bool // there is a table, maybe not whole yet
	Done, Total int
	Over        bool
	Failed      bool
	Rows        []rowView
	Counts      []bulkCount
	Skipped     []string
	CSV         string
}

type bulkCount struct {
	Word, Tone string
	Count      int
}

func (s *Server) bulk(c echo.Context) error { return s.renderBulk(c, http.StatusOK, false) }

func (s *Server) renderBulk(c echo.Context, status int, empty bool) error {
	return s.kit.Render(c, status, "bulk", web.Page{Failed: empty, Data: bulkView{Empty: empty, Most: verifier.MaxBulkFiles}})
}

// postBulk starts a job and leads to its table.
func (s *Server) postBulk(c echo.Context) error {
	by := web.Address(c)
	if err := s.jobs.mayMake(by); err != nil { // before all is read
		return err
	}
	if err := s.jobs.rate.Take(by); err != nil {
		return err
	}
	given, err := readFiles(c)
	if err != nil {
		return err
	}
	files, skipped, err := verifier.ReadBulk(given)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return s.renderBulk(c, http.StatusBadRequest, true)
	}
	lang := s.kit.Lang(c)
	j := &job{lang: lang, made: time.Now(), total: len(files), skipped: skipped, by: by}
	if err := s.jobs.add(j); err != nil {
		return err
	}
	// The job outlives this request; what it holds of it are the files.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), jobTime)
	go func() {
		defer cancel()
		err := s.run(ctx, files, lang, j.add)
		j.mu.Lock()
		defer j.mu.Unlock()
		j.over, j.err, j.by = true, err, ""
	}()
	to := "/bulk/" + j.id
	if chosen := c.QueryParam("lang"); chosen != "" {
		to += "?lang=" + lang
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// bulkTable shows a job's table, or how far it is; until it is whole the page looks
// again.
func (s *Server) bulkTable(c echo.Context) error {
	j, err := s.jobs.find(c.Param("id"), time.Now())
	if err != nil {
		return err
	}
	lang := s.kit.Lang(c)
	table, done, over, failed := j.table()
	v := bulkView{Made: true, Done: done, Total: j.total, Over: over, Failed: failed != nil, Skipped: table.Skipped, CSV: "/bulk/" + j.id + "/table.csv"}
	page := web.Page{Lang: lang, NoStore: true}
	if !over {
		page.Scripts = []string{"live.js"}
	} else {
		for _, row := range table.Rows {
			line := s.rowOf(row, lang)
			v.Rows = append(v.Rows, line)
			i := slices.IndexFunc(v.Counts, func(known bulkCount) bool { return known.Word == line.Word })
			if i < 0 {
				i = len(v.Counts)
				v.Counts = append(v.Counts, bulkCount{Word: line.Word, Tone: line.Tone})
			}
			v.Counts[i].Count++
		}
	}
	page.Data = v
	return s.kit.Render(c, http.StatusOK, "bulk", page)
}

// bulkCSV is the same for spreadsheets.
func (s *Server) bulkCSV(c echo.Context) error {
	web.NoStore(c)
	j, err := s.jobs.find(c.Param("id"), time.Now())
	if err != nil {
		return err
	}
	table, _, over, _ := j.table()
	if !over {
		return errNoJob
	}
	return writeCSV(c, table)
}
