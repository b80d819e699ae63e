package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"indeks/issuer"
	"indeks/store"
)

type issueCmd struct {
	configFlag
	Course   string `arg:"" help:"Course file (JSON)." type:"existingfile"`
	List     string `arg:"" help:"Class list (CSV or XLSX)." type:"existingfile"`
	Encoding string `help:"Encoding of a CSV file that does not state it." enum:",utf-8,windows-1250,windows-1251,windows-1252" default:""`
	DryRun   bool   `help:"Check the course and list and report every problem, without issuing anything."`
	Out      string `help:"Folder to write the sealed files to." type:"path" placeholder:"DIR"`
	PDF      bool   `name:"pdf" help:"Also write each certificate as a PDF next to its sealed files."`
}

func (*issueCmd) Help() string {
	return `First checks the course and the whole list, and reports every problem by row, column and what is expected.
Nothing is issued if there is a problem. Then issues to everyone, and prints the certificate number, the name
and the learner's own link. If you run it again, nothing is issued twice: the same learner, course, version
and date give the same credential.

The issuer server must not run on the same records at the same time. If it is running, use its API.

  indeks issue course.json list.csv --config uni --dry-run
  indeks issue course.json list.xlsx --config uni --out sealed/ --pdf`
}

func (cmd *issueCmd) Run(ctx context.Context, con console) error {
	drafts, err := cmd.drafts(con.err)
	if err != nil {
		return err
	}
	if cmd.DryRun {
		fmt.Fprintf(con.out, "%d learners, no problem that blocks. Nothing was issued.\n", len(drafts))
		return nil
	}
	if cmd.PDF && cmd.Out == "" {
		return &exitError{exitUsage, errors.New("--pdf needs --out, the folder to write into")}
	}
	house, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer house.close()
	room := headroom(commandRoom) // and not before, as opening the key file takes as much once
	defer runtime.KeepAlive(room)
	if cmd.Out != "" {
		if err := os.MkdirAll(cmd.Out, 0o700); err != nil {
			return fmt.Errorf("making the folder for the sealed files: %w", err)
		}
	}
	start := time.Now()
	done, failed, err := issueAll(con, house.issuer.IssueAll(ctx, drafts), drafts, func(r store.Record) error {
		fmt.Fprintf(con.out, "%s\t%s %s\t%s\n", r.Number, r.GivenName, r.FamilyName, house.issuer.LearnerURL(r))
		if cmd.Out == "" {
			return nil
		}
		if err := writeForms(cmd.Out, r); err != nil || !cmd.PDF {
			return err
		}
		return writePDF(ctx, cmd.Out, house.issuer, r)
	})
	fmt.Fprintf(con.err, "Issued %d of %d in %s.\n", done, len(drafts), time.Since(start).Round(time.Millisecond))
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d were not issued; run the same command again for them", failed, len(drafts))
	}
	return err
}

// drafts reads course and list; every problem goes to w.
func (cmd *issueCmd) drafts(w io.Writer) ([]issuer.Draft, error) {
	raw, err := os.ReadFile(cmd.Course)
	if err != nil {
		return nil, fmt.Errorf("reading the course: %w", err)
	}
	// A dry run needs no institution; one that is configured decides by which
	// country's rules the course is judged. Issuing names what is wrong with it.
	parse := issuer.ParseCourse
	if c, err := readConfig(cmd.Config); err == nil {
		if inst, err := c.institution(); err == nil {
			parse = inst.ParseCourse
		}
	}
	course, warnings, err := parse(filepath.Base(cmd.Course), raw)
	printWarnings(w, cmd.Course, warnings)
	if err != nil {
		return nil, err
	}
	if raw, err = os.ReadFile(cmd.List); err != nil {
		return nil, fmt.Errorf("reading the class list: %w", err)
	}
	drafts, warnings, err := issuer.ReadList(filepath.Base(cmd.List), raw, course, cmd.Encoding)
	printWarnings(w, cmd.List, warnings)
	return drafts, err
}

func printWarnings(w io.Writer, file string, warnings []issuer.Problem) {
	for _, p := range warnings {
		fmt.Fprintf(w, "%s: %s\n", filepath.Base(file), p)
	}
}

// issueAll runs a batch with progress; each is called for every issued record,
// in the order of the list. It stops at the first error that is not about one
// learner.
func issueAll(con console, results iter.Seq2[store.Record, error], drafts []issuer.Draft, each func(store.Record) error) (done, failed int, err error) {
	bar := progressbar.NewOptions(len(drafts), progressbar.OptionSetWriter(con.err), progressbar.OptionSetDescription("issuing"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetVisibility(isTerminal(con.err)), progressbar.OptionThrottle(100*time.Millisecond))
	defer bar.Finish()
	row := 0
	for record, err := range results {
		bar.Add(1)
		switch {
		case err == nil:
			done++
			record.Join()
			if err := each(record); err != nil {
				return done, failed, err
			}
		case errors.Is(err, issuer.ErrNeedsApproval), errors.Is(err, issuer.ErrNeedsNameCheck):
			return done, failed, fmt.Errorf("issuing: %w: ask a running issuer's server, where the API key says who asks", err)
		case errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrDiskLow), errors.Is(err, context.Canceled):
			return done, failed, fmt.Errorf("stopped after %d of %d: %w; run the same command again to go on", done, len(drafts), err)
		default:
			failed++
			fmt.Fprintf(con.err, "row %d: %v\n", drafts[row].Row, err)
		}
		row++
	}
	return done, failed, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// formFiles are the names under which people get the sealed forms.
var formFiles = map[string]string{"edc": ".jsonld", "vc2": ".vc.jwt", string(issuer.ProvedAward): ".vc.json", string(issuer.OpenBadge): ".badge.jwt"}

// writeForms writes the sealed files of a record; the names hold the public id,
// so that a folder of them tells nobody's name.
func writeForms(dir string, r store.Record) error {
	for name, form := range r.Forms {
		path := filepath.Join(dir, r.Public+formFiles[name])
		if err := os.WriteFile(path, form.Token, 0o600); err != nil {
			return fmt.Errorf("writing the sealed file: %w", err)
		}
	}
	return nil
}

// writePDF writes the certificate of a record beside its sealed files, in the
// credential's own language.
func writePDF(ctx context.Context, dir string, i *issuer.Issuer, r store.Record) error {
	printed, err := i.Certificate(ctx, r, "")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, r.Public+".pdf"), printed.PDF, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the certificate: %w", err)
	}
	return nil
}

// changeCmd revokes, suspends or reinstates, by the name it is called under.
type changeCmd struct {
	configFlag
	serverFlag
	Credential string `arg:"" help:"Certificate number, credential ID, or the ID printed below the QR code."`
	Code       string `help:"Reason: one word from the list below." placeholder:"CODE"`
	Reason     string `help:"Reason in your own words. It is kept on record and never shown to the public." required:""`
}

func (*changeCmd) Help() string {
	return `You cannot undo revoking. You can lift a hold with reinstate. Verifiers see the change within a minute.
A running issuer server holds the records. In that case use --server.

  indeks revoke MC-2026-00007 --code misconduct --reason "plagiarism found" --server http://localhost:8080 --api-key-file key

Codes of revoke: ` + strings.Join(issuer.ReasonCodes(store.Revoked), ", ") + `;
of suspend: ` + strings.Join(issuer.ReasonCodes(store.Suspended), ", ") + `; of reinstate: ` + strings.Join(issuer.ReasonCodes(store.Issued), ", ") + `.
The public is told of error-in-data, key-compromise and superseded, and of no other.`
}

func (cmd *changeCmd) run(ctx context.Context, con console, verb string) error {
	if cmd.Server != "" {
		var answer struct{ Number, State string }
		body := map[string]string{"code": cmd.Code, "reason": cmd.Reason}
		if err := cmd.ask(ctx, http.MethodPost, "/api/v1/credentials/"+url.PathEscape(cmd.Credential)+"/"+verb, body, &answer); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s is %s.\n", answer.Number, answer.State)
		return nil
	}
	house, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer house.close()
	record, err := house.issuer.Find(ctx, cmd.Credential)
	if err != nil {
		return fmt.Errorf("looking up %q: %w", cmd.Credential, err)
	}
	change := map[string]func(context.Context, string, issuer.Why) (store.Record, error){
		"revoke": house.issuer.Revoke, "suspend": house.issuer.Suspend, "reinstate": house.issuer.Reinstate}[verb]
	record, err = change(ctx, record.ID, issuer.Why{Code: cmd.Code, Text: cmd.Reason, By: "command line"})
	if _, ok := errors.AsType[*issuer.Problems](err); err != nil && !ok && !errors.Is(err, store.ErrState) && !errors.Is(err, issuer.ErrLostRevocation) {
		return fmt.Errorf("%w; run the same command again to make sure", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s is %s.\n", record.Number, record.State)
	return nil
}

type (
	revokeCmd    struct{ changeCmd }
	suspendCmd   struct{ changeCmd }
	reinstateCmd struct{ changeCmd }
)

func (cmd *revokeCmd) Run(ctx context.Context, con console) error { return cmd.run(ctx, con, "revoke") }
func (cmd *suspendCmd) Run(ctx context.Context, con console) error {
	return cmd.run(ctx, con, "suspend")
}
func (cmd *reinstateCmd) Run(ctx context.Context, con console) error {
	return cmd.run(ctx, con, "reinstate")
}

type schemaCmd struct{}

func (*schemaCmd) Run(con console) error {
	_, err := con.out.Write(issuer.CourseSchema())
	return err
}

type versionCmd struct{}

func (*versionCmd) Run(con console) error {
	fmt.Fprintln(con.out, version())
	return nil
}

// trimLine is the content of a file that holds one line.
func trimLine(raw []byte) string { return string(bytes.TrimRight(raw, "\r\n")) }
