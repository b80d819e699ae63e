package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"indeks/issuer"
	"indeks/mail"
	"indeks/web/issuing"
)

type mailCmd struct {
	Test    mailTestCmd    `cmd:"" help:"Send a test message to see whether the mail server accepts it."`
	Queue   mailQueueCmd   `cmd:"" help:"Show emails waiting to be sent, and list those refused or returned."`
	Show    mailShowCmd    `cmd:"" help:"Show the emails sent to a learner about a credential."`
	Send    mailSendCmd    `cmd:"" help:"Send a learner the information about a credential again."`
	Again   mailAgainCmd   `cmd:"" help:"Send emails again that did not arrive, for a course, a batch or all."`
	Address mailAddressCmd `cmd:"" help:"Change the email address for a credential."`
	Report  mailReportCmd  `cmd:"" help:"Process a report about an email that could not be delivered."`
}

func (*mailCmd) Help() string {
	return `Emails to learners tell them the link to what was issued to them, and later changes. Set up the mail server
under mail in indeks.yaml. A running issuer sends the emails. Without one, nothing is sent.

  indeks mail test me@uni.example --config uni
  indeks mail queue --server http://localhost:8080 --api-key-file my-key
  indeks mail address MC-2026-00001 ana@mail.example --reason "identity card seen" --new-link --server http://localhost:8080`
}

// needIssuer is why these commands cannot do without one.
func (f serverFlag) needIssuer() error {
	if f.Server != "" {
		return nil
	}
	return &exitError{exitUsage, errors.New("a running issuer sends letters and knows what became of them: give --server and --api-key-file")}
}

type mailTestCmd struct {
	configFlag
	To   string `arg:"" help:"Email address."`
	Lang string `help:"Language of the message." placeholder:"TAG"`
}

func (cmd *mailTestCmd) Run(ctx context.Context, con console) error {
	to, err := mail.ParseAddress(cmd.To)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%q: %w", cmd.To, err)}
	}
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	post, err := c.post()
	if err != nil {
		return err
	}
	if post == nil {
		return fmt.Errorf("%w: mail.host in %s names one", issuer.ErrNoPost, c.path(configName))
	}
	carrier := mail.Carrier{Server: post.Server}
	defer carrier.Rest()
	err = carrier.Carry(ctx, post.Test(to, c.Institution.LegalName, time.Now(), append([]string{cmd.Lang}, c.Institution.Languages...)...))
	if f, ok := errors.AsType[*mail.Failure](err); ok && f.Text != "" {
		err = fmt.Errorf("%w: %s", err, f.Text)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s accepted the message to %s. Check the mailbox to see whether it arrives.\n", post.Server.Host, to)
	return nil
}

type mailQueueCmd struct{ serverFlag }

func (cmd *mailQueueCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needIssuer(); err != nil {
		return err
	}
	var q issuing.QueueView
	if err := cmd.ask(ctx, http.MethodGet, "/api/v1/letters", nil, &q); err != nil {
		return err
	}
	switch {
	case !q.Configured:
		fmt.Fprintln(con.out, "No mail server is set up, so nothing is sent.")
	case !q.HeldSince.IsZero():
		fmt.Fprintf(con.out, "The mail server has accepted nothing since %s: %s\n", q.HeldSince.Format(time.RFC3339), q.Why)
	}
	fmt.Fprintf(con.out, "%d waiting to be sent", q.Waiting)
	if !q.Oldest.IsZero() {
		fmt.Fprintf(con.out, ", the first since %s", q.Oldest.Format(time.RFC3339))
	}
	fmt.Fprintf(con.out, "; %d refused or returned.\n", len(q.Troubles))
	if len(q.Troubles) == 0 {
		return nil
	}
	return writeLetters(con.out, q.Troubles)
}

// writeLetters writes a table of letters.
func writeLetters(to io.Writer, letters []issuing.LetterView) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tLETTER\tTO\tSTATE\tWHEN\tANSWER")
	for _, l := range letters {
		when, said := l.Created, ""
		if !l.Sent.IsZero() {
			when = l.Sent
		}
		if a := l.Answer; a != nil {
			when, said = a.At, strings.Join(strings.Fields(orEmpty(a.Code)+" "+a.Status+" "+a.Text), " ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", orDash(l.Number), l.Kind, orDash(l.To), l.State, when.Format(time.RFC3339), said)
	}
	return w.Flush()
}

func orEmpty(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}

type mailShowCmd struct {
	serverFlag
	ID string `arg:"" help:"Certificate number or ID."`
}

func (cmd *mailShowCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needIssuer(); err != nil {
		return err
	}
	var v issuing.LettersView
	if err := cmd.ask(ctx, http.MethodGet, lettersOf(cmd.ID), nil, &v); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Address: %s\n%s\n", orDash(v.Address), v.Said)
	if len(v.Letters) == 0 {
		return nil
	}
	for i := range v.Letters {
		v.Letters[i].Number = cmd.ID
	}
	return writeLetters(con.out, v.Letters)
}

func lettersOf(id string) string { return "/api/v1/credentials/" + url.PathEscape(id) + "/letters" }

type mailSendCmd struct {
	serverFlag
	ID   string `arg:"" help:"Certificate number or ID."`
	Note string `help:"Reason. It is kept with the email."`
}

func (cmd *mailSendCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needIssuer(); err != nil {
		return err
	}
	var l issuing.LetterView
	if err := cmd.ask(ctx, http.MethodPost, lettersOf(cmd.ID), map[string]string{"note": cmd.Note}, &l); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "The email (%s) is waiting to be sent.\n", l.Kind)
	return nil
}

type mailAgainCmd struct {
	serverFlag
	Course  string `help:"ID of a course." placeholder:"ID"`
	Batch   string `help:"ID of a batch." placeholder:"ID"`
	Note    string `help:"Reason. It is kept with each email."`
	Confirm int    `help:"The number that was counted without this flag." default:"-1" placeholder:"N"`
}

func (*mailAgainCmd) Help() string {
	return `Without --confirm it counts and sends nothing. With the number that was counted, it sends one email to each
learner about the current state of the credential. "queue" lists them with the answers of the mail server.

  indeks mail again --batch 20260701-4F8K2Q --server http://localhost:8080 --confirm 212`
}

func (cmd *mailAgainCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needIssuer(); err != nil {
		return err
	}
	req := issuing.UndeliveredRequest{Course: cmd.Course, Batch: cmd.Batch, Note: cmd.Note, DryRun: cmd.Confirm < 0}
	if !req.DryRun {
		req.Confirm = &cmd.Confirm
	}
	var v issuing.UndeliveredView
	if err := cmd.ask(ctx, http.MethodPost, "/api/v1/letters", req, &v); err != nil {
		return err
	}
	if req.DryRun {
		fmt.Fprintf(con.out, "%d can be sent again. Nothing was sent. To do it, add --confirm %d\n", v.Found, v.Found)
	} else {
		fmt.Fprintf(con.out, "%d waiting to be sent.\n", v.Queued)
	}
	return nil
}

type mailAddressCmd struct {
	serverFlag
	ID      string `arg:"" help:"Certificate number or ID."`
	Email   string `arg:"" help:"The new address."`
	Reason  string `help:"How you made sure that the learner asked for it. It is kept with the email." required:""`
	NewLink bool   `help:"Replace the old link, which then stops working."`
}

func (cmd *mailAddressCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needIssuer(); err != nil {
		return err
	}
	var r issuing.RecordView
	if err := cmd.ask(ctx, http.MethodPost, "/api/v1/credentials/"+url.PathEscape(cmd.ID)+"/address", map[string]any{"email": cmd.Email, "reason": cmd.Reason, "new_link": cmd.NewLink}, &r); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "The address of %s has been changed.", r.Number)
	if cmd.NewLink {
		fmt.Fprint(con.out, " So has the link: the old one no longer works.")
	}
	fmt.Fprintln(con.out)
	return nil
}

type mailReportCmd struct {
	serverFlag
	File string `arg:"" help:"The whole message; - reads it from standard input."`
}

func (*mailReportCmd) Help() string {
	return `For a mail system that pipes messages to the bounce address into a program:

  bounces: "|/usr/local/bin/indeks mail report - --server http://localhost:8080 --api-key-file /etc/indeks/mail-key"

If the server does not answer, the exit code is 75, so that the mail system keeps the message and tries
again. Messages that are not reports are accepted and ignored.`
}

// exitTempFail has a mail system try again (sysexits.h, EX_TEMPFAIL).
const exitTempFail = 75

func (cmd *mailReportCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needIssuer(); err != nil {
		return err
	}
	from := con.in
	if cmd.File != "-" {
		file, err := os.Open(cmd.File)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("reading the report: %w", err)}
		}
		defer file.Close()
		from = file
	}
	raw, err := io.ReadAll(io.LimitReader(from, mail.MaxReport+1))
	if err != nil {
		return &exitError{exitTempFail, fmt.Errorf("reading the report: %w", err)}
	}
	if _, err := mail.ParseReport(raw); err != nil {
		fmt.Fprintln(con.out, "Left unchanged:", err)
		return nil
	}
	var answer []byte
	err = cmd.ask(ctx, http.MethodPost, "/api/v1/letters/reports", strings.NewReader(string(raw)), &answer, "Content-Type", "message/rfc822")
	if err != nil {
		return &exitError{exitTempFail, err}
	}
	if len(answer) == 0 {
		fmt.Fprintln(con.out, "Left unchanged: it is not about any of our emails, or it is about one that has been erased.")
		return nil
	}
	fmt.Fprintln(con.out, "Processed.")
	return nil
}
