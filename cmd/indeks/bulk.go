package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"indeks/issuer"
	"indeks/web/issuing"
)

type bulkCmd struct {
	Revoke    bulkRevokeCmd    `cmd:"" help:"Permanently revoke all credentials of a course, a batch or a key."`
	Suspend   bulkSuspendCmd   `cmd:"" help:"Put all credentials of a course, a batch or a key on hold."`
	Reinstate bulkReinstateCmd `cmd:"" help:"Lift the hold on all credentials of a course, a batch or a key."`
	List      bulkListCmd      `cmd:"" help:"List bulk changes."`
	Show      bulkShowCmd      `cmd:"" help:"Show the progress of a bulk change, and what failed in it."`
	Stop      bulkStopCmd      `cmd:"" help:"Stop a bulk change between two credentials."`
	Continue  bulkContinueCmd  `cmd:"" help:"Continue a bulk change that was stopped or interrupted by a crash."`
}

func (*bulkCmd) Help() string {
	return `Without --confirm, these commands count and change nothing. With the number that was counted, they make the change.
Each credential has its own event in the log, and the status lists show all changes within a minute. After a crash
a running issuer continues by itself. Without one, use "continue".

  indeks bulk revoke --batch 20260701-4F8K2Q --code awarded-in-error --reason "wrong list" --config uni
  indeks bulk revoke --batch 20260701-4F8K2Q --code awarded-in-error --reason "wrong list" --config uni --confirm 212`
}

// bulkFlags say which credentials are meant, and that it is meant.
type bulkFlags struct {
	configFlag
	serverFlag
	Reason  string `help:"Reason in your own words. It is kept on record." required:""`
	Confirm int    `help:"The number that was counted without this flag." default:"-1" placeholder:"N"`
}

// dayOrInstant reads a flag that takes either; "" is none.
func dayOrInstant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, &exitError{exitUsage, fmt.Errorf("%q is no day (2026-07-01) and no instant (2026-07-01T12:00:00Z)", text)}
}

type selectFlags struct {
	Course  string `help:"ID of a course." placeholder:"ID"`
	Version string `help:"Version of the course." placeholder:"VERSION"`
	Batch   string `help:"ID of a batch." placeholder:"ID"`
	Key     string `help:"ID of the key that sealed them, as shown by keys list." placeholder:"KEY"`
	Since   string `help:"Sealed at this time or later: a day, or a time in RFC 3339." placeholder:"TIME"`
	Until   string `help:"Sealed at this time or earlier." placeholder:"TIME"`

	unproven bool // of reissue alone
}

func (f selectFlags) selection() (issuer.Selection, error) {
	from, err := dayOrInstant(f.Since)
	if err != nil {
		return issuer.Selection{}, err
	}
	to, err := dayOrInstant(f.Until)
	return issuer.Selection{Course: f.Course, Version: f.Version, Batch: f.Batch, Key: f.Key, Since: from, Until: to, Unproven: f.unproven}, err
}

type bulkRevokeCmd struct {
	bulkFlags
	selectFlags
	Code string `help:"Reason, in one word: see revoke." placeholder:"CODE"`
}

func (cmd *bulkRevokeCmd) Run(ctx context.Context, con console) error {
	return cmd.change(ctx, con, issuer.BulkRevoke, cmd.selectFlags, cmd.Code)
}

type bulkSuspendCmd struct {
	bulkFlags
	selectFlags
	Code string `help:"Reason, in one word: see suspend." placeholder:"CODE"`
}

func (cmd *bulkSuspendCmd) Run(ctx context.Context, con console) error {
	return cmd.change(ctx, con, issuer.BulkSuspend, cmd.selectFlags, cmd.Code)
}

type bulkReinstateCmd struct {
	bulkFlags
	selectFlags
	Code string `help:"Reason, in one word: see reinstate." placeholder:"CODE"`
}

func (cmd *bulkReinstateCmd) Run(ctx context.Context, con console) error {
	return cmd.change(ctx, con, issuer.BulkReinstate, cmd.selectFlags, cmd.Code)
}

type reissueCmd struct {
	bulkFlags
	Key   string `help:"ID of the key that is no longer safe, as shown by keys list." required:"" placeholder:"KEY"`
	Since string `help:"Sealed at this time or later: a day, or a time in RFC 3339." placeholder:"TIME"`

	Unproven bool `help:"Leave out credentials that the audit log proves to be older than the loss of the key: verifiers confirm them as they are."`
}

func (*reissueCmd) Help() string {
	return `Replaces each valid credential that the key has sealed: the same award, word for word, with new IDs and a new
number, sealed now with the key in use now. The old one is revoked in the same step, and the public can see that it
was replaced. Each old file is first opened and compared with the record.

Credentials that are on hold or have expired are left unchanged. Those that a client wrote itself are listed. First
make the new key and revoke the old one: indeks keys new, indeks keys revoke. Without --confirm it only counts.

  indeks reissue --key did:web:uni.example#abc --reason "laptop stolen on the train" --config uni --confirm 812`
}

func (cmd *reissueCmd) Run(ctx context.Context, con console) error {
	return cmd.change(ctx, con, issuer.BulkReissue, selectFlags{Key: cmd.Key, Since: cmd.Since, unproven: cmd.Unproven}, "")
}

// change counts, or does what was counted.
func (f bulkFlags) change(ctx context.Context, con console, action issuer.BulkAction, which selectFlags, code string) error {
	selection, err := which.selection()
	if err != nil {
		return err
	}
	b := issuer.Bulk{Action: action, Select: selection, Code: code, Reason: f.Reason, By: "command line"}
	if f.Server != "" {
		return f.askBulk(ctx, con, b)
	}
	house, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer house.close()
	if f.Confirm < 0 {
		count, err := house.issuer.CountBulk(ctx, b)
		if err != nil {
			return err
		}
		printCount(con, b, issuing.BulkCountView(count))
		return nil
	}
	if b, err = house.issuer.StartBulk(ctx, b, f.Confirm); err != nil {
		return err
	}
	return house.runBulk(ctx, con, b.ID)
}

// runBulk carries a bulk change out to its end.
func (h *house) runBulk(ctx context.Context, con console, id string) error {
	err := h.issuer.RunBulk(ctx, id, func(b issuer.Bulk) {
		fmt.Fprintf(con.err, "%d of %d done\n", b.Done, b.Found)
	})
	if err != nil {
		return fmt.Errorf("%w; indeks bulk continue %s goes on", err, id)
	}
	b, err := h.issuer.Bulk(ctx, id)
	if err != nil {
		return err
	}
	return printBulk(con, issuing.BulkViewOf(b))
}

func printCount(con console, b issuer.Bulk, a issuing.BulkCountView) {
	var states []string
	for _, state := range slices.Sorted(maps.Keys(a.ByState)) {
		states = append(states, fmt.Sprintf("%d %s", a.ByState[state], state))
	}
	fmt.Fprintf(con.out, "%d to %s", a.Found, b.Action)
	if len(states) > 0 {
		fmt.Fprintf(con.out, " (selected: %s; %d of those to %s have expired)", strings.Join(states, ", "), a.Expired, b.Action)
	}
	fmt.Fprintf(con.out, ". Nothing was changed. To do it, add --confirm %d\n", a.Found)
}

// printBulk says how a bulk change ended; what failed makes the command fail.
func printBulk(con console, a issuing.BulkView) error {
	fmt.Fprintf(con.out, "%s is %s: %d of %d done, %d skipped, %d failed.\n", a.ID, a.State, a.Done, a.Found, a.Skipped, a.Failed)
	for _, p := range a.Problems {
		fmt.Fprintf(con.out, "%s: %s\n", p.ID, p.Error)
	}
	if a.Failed > 0 {
		return &exitError{code: exitInvalid}
	}
	return nil
}

// askBulk lets a running server do it, and waits for the end.
func (f bulkFlags) askBulk(ctx context.Context, con console, b issuer.Bulk) error {
	req := issuing.BulkRequest{Action: b.Action, Select: issuing.SelectionView(b.Select), Code: b.Code, Reason: b.Reason, DryRun: f.Confirm < 0}
	if req.DryRun {
		var count issuing.BulkCountView
		if err := f.ask(ctx, http.MethodPost, "/api/v1/bulk", req, &count); err != nil {
			return err
		}
		printCount(con, b, count)
		return nil
	}
	req.Confirm = &f.Confirm
	var a issuing.BulkView
	if err := f.ask(ctx, http.MethodPost, "/api/v1/bulk", req, &a); err != nil {
		return err
	}
	for a.State == issuer.BulkRunning {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; it goes on: indeks bulk show %s", ctx.Err(), a.ID)
		case <-time.After(500 * time.Millisecond):
		}
		if err := f.ask(ctx, http.MethodGet, "/api/v1/bulk/"+url.PathEscape(a.ID), nil, &a); err != nil {
			return err
		}
		fmt.Fprintf(con.err, "%d of %d done\n", a.Done, a.Found)
	}
	return printBulk(con, a)
}

type bulkListCmd struct {
	configFlag
	serverFlag
}

func (cmd *bulkListCmd) Run(ctx context.Context, con console) error {
	var answer struct {
		Bulk []issuing.BulkView `json:"bulk"`
	}
	if cmd.Server != "" {
		if err := cmd.ask(ctx, http.MethodGet, "/api/v1/bulk", nil, &answer); err != nil {
			return err
		}
	} else {
		house, err := cmd.open(ctx)
		if err != nil {
			return err
		}
		defer house.close()
		all, err := house.issuer.Bulks(ctx)
		if err != nil {
			return err
		}
		for _, b := range all {
			answer.Bulk = append(answer.Bulk, issuing.BulkViewOf(b))
		}
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CHANGE\tACTION\tSTATE\tFOUND\tDONE\tSKIPPED\tFAILED\tBY")
	for _, b := range answer.Bulk {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", b.ID, b.Action, b.State, b.Found, b.Done, b.Skipped, b.Failed, b.By)
	}
	return w.Flush()
}

// bulkOneFlags name one bulk change.
type bulkOneFlags struct {
	configFlag
	serverFlag
	ID string `arg:"" help:"ID of the bulk change, as shown by list."`
}

type (
	bulkShowCmd     struct{ bulkOneFlags }
	bulkStopCmd     struct{ bulkOneFlags }
	bulkContinueCmd struct{ bulkOneFlags }
)

// one asks a server, or the records, for one bulk change.
func (f bulkOneFlags) one(ctx context.Context, con console, method, verb string, do func(*house) (issuer.Bulk, error)) error {
	if f.Server != "" {
		var a issuing.BulkView
		if err := f.ask(ctx, method, "/api/v1/bulk/"+url.PathEscape(f.ID)+verb, nil, &a); err != nil {
			return err
		}
		return printBulk(con, a)
	}
	house, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer house.close()
	b, err := do(house)
	if err != nil {
		return err
	}
	if verb == "/continue" {
		return house.runBulk(ctx, con, b.ID)
	}
	return printBulk(con, issuing.BulkViewOf(b))
}

func (cmd *bulkShowCmd) Run(ctx context.Context, con console) error {
	return cmd.one(ctx, con, http.MethodGet, "", func(h *house) (issuer.Bulk, error) { return h.issuer.Bulk(ctx, cmd.ID) })
}

func (cmd *bulkStopCmd) Run(ctx context.Context, con console) error {
	return cmd.one(ctx, con, http.MethodPost, "/stop", func(h *house) (issuer.Bulk, error) { return h.issuer.StopBulk(ctx, cmd.ID) })
}

func (cmd *bulkContinueCmd) Run(ctx context.Context, con console) error {
	return cmd.one(ctx, con, http.MethodPost, "/continue", func(h *house) (issuer.Bulk, error) { return h.issuer.ContinueBulk(ctx, cmd.ID) })
}
