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

	"indeks/web/issuing"
)

type approvalsCmd struct {
	List    approvalsListCmd    `cmd:"" help:"List pending approvals, or past decisions."`
	Show    approvalsShowCmd    `cmd:"" help:"Show everything that will be issued."`
	Approve approvalsApproveCmd `cmd:"" help:"Approve a request. Exactly what it contains is issued."`
	Reject  approvalsRejectCmd  `cmd:"" help:"Reject a request."`
}

func (*approvalsCmd) Help() string {
	return `Awards of a course with "approval": true wait until someone other than the person who asked has looked at them.
The API key shows who decides, so these commands ask a running issuer server.

  indeks approvals list --server http://localhost:8080 --api-key-file my-key
  indeks approvals show ID --server http://localhost:8080 --api-key-file my-key
  indeks approvals approve ID --digest DIGEST --server http://localhost:8080 --api-key-file my-key`
}

// about is what an approval is about, in one word or two.
func about(a issuing.ApprovalView) string {
	switch {
	case a.Batch != "":
		return fmt.Sprintf("%d awards", a.Rows)
	case a.Supersedes != "":
		return "correction"
	}
	return "award"
}

// needServer is why a command cannot do without one.
func (f serverFlag) needServer() error {
	if f.Server != "" {
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("who decides is told by the API key: give --server and --api-key-file")}
}

type approvalsListCmd struct {
	serverFlag
	Closed bool `help:"List past decisions instead of pending approvals."`
}

func (cmd *approvalsListCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needServer(); err != nil {
		return err
	}
	state := "open"
	if cmd.Closed {
		state = "closed"
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "APPROVAL\tSTATE\tWHAT\tCOURSE\tASKED BY\tASKED\tUNTIL")
	for after := ""; ; {
		var answer struct {
			Approvals []issuing.ApprovalView `json:"approvals"`
			Next      string                 `json:"next"`
		}
		if err := cmd.ask(ctx, http.MethodGet, "/api/v1/approvals?state="+state+"&after="+url.QueryEscape(after), nil, &answer); err != nil {
			return err
		}
		for _, a := range answer.Approvals {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\t%s\t%s\t%s\n", a.ID, a.State, about(a), a.Course, a.Version, a.AskedBy, day(a.AskedAt), day(a.Expires))
		}
		if after = answer.Next; after == "" {
			return w.Flush()
		}
	}
}

type approvalsShowCmd struct {
	serverFlag
	ID string `arg:"" help:"ID of the approval."`
}

func (cmd *approvalsShowCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needServer(); err != nil {
		return err
	}
	var a issuing.ApprovalView
	if err := cmd.ask(ctx, http.MethodGet, "/api/v1/approvals/"+url.PathEscape(cmd.ID), nil, &a); err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	}
	line("approval", a.ID)
	line("state", string(a.State))
	line("what", about(a))
	line("course", a.Course+" "+a.Version)
	line("asked by", a.AskedBy+" on "+day(a.AskedAt))
	line("until", day(a.Expires))
	line("decided by", a.DecidedBy)
	line("reason", a.Reason)
	line("takes the place of", a.Supersedes)
	line("issued as", a.Credential)
	for _, name := range slices.Sorted(maps.Keys(a.Learner)) {
		line("  "+name, a.Learner[name])
	}
	for _, e := range a.Supplement {
		line("  "+e.Label, strings.Join(e.Values, " | "))
	}
	line("digest", a.Digest)
	if a.Batch != "" {
		line("its rows", "indeks batch show "+a.Batch+", and batch preview")
	}
	return w.Flush()
}

type approvalsApproveCmd struct {
	serverFlag
	ID     string `arg:"" help:"ID of the approval."`
	Digest string `help:"Digest printed by show, for what you have looked at." required:""`
}

func (cmd *approvalsApproveCmd) Run(ctx context.Context, con console) error {
	return cmd.decide(ctx, con, cmd.ID, "approve", map[string]string{"digest": cmd.Digest})
}

type approvalsRejectCmd struct {
	serverFlag
	ID     string `arg:"" help:"ID of the approval."`
	Reason string `help:"Reason. It is kept on record." required:""`
}

func (cmd *approvalsRejectCmd) Run(ctx context.Context, con console) error {
	return cmd.decide(ctx, con, cmd.ID, "reject", map[string]string{"reason": cmd.Reason})
}

func (f serverFlag) decide(ctx context.Context, con console, id, verb string, body map[string]string) error {
	if err := f.needServer(); err != nil {
		return err
	}
	var a issuing.ApprovalView
	if err := f.ask(ctx, http.MethodPost, "/api/v1/approvals/"+url.PathEscape(id)+"/"+verb, body, &a); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s is %s.", a.ID, a.State)
	if a.Credential != "" {
		fmt.Fprintf(con.out, " Issued as %s.", a.Credential)
	}
	fmt.Fprintln(con.out)
	return nil
}
