package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"indeks/store"
	"indeks/web/issuing"
)

type eraseCmd struct {
	Delivery eraseDeliveryCmd `cmd:"" help:"Erase the email address and the learner's link of a credential at once."`
	Ask      eraseAskCmd      `cmd:"" help:"Ask for credentials to be erased from the register. Another person must confirm it."`
	List     eraseListCmd     `cmd:"" help:"List erasures waiting for another person."`
	Confirm  eraseConfirmCmd  `cmd:"" help:"Confirm an erasure that another person asked for. The credentials can no longer be verified."`
	Refuse   eraseRefuseCmd   `cmd:"" help:"Refuse an erasure that another person asked for."`
}

func (*eraseCmd) Help() string {
	return `Erased data is also erased in every backup, because its data keys are destroyed. For register data, a record
without names and files remains, which keeps its number and its place in the status lists. Erasing it takes
two people, identified by their API keys, so these commands ask a running issuer server.

  indeks erase delivery MC-2026-00001 --reason "the learner asks for it" --server http://localhost:8080
  indeks erase ask --credential MC-2026-00001 --reason "GDPR 17(1)(d)" --server http://localhost:8080
  indeks erase confirm ID --count 1 --verification-ends --server http://localhost:8080`
}

type eraseDeliveryCmd struct {
	serverFlag
	ID     string `arg:"" help:"Certificate number or ID."`
	Reason string `help:"Reason. It is kept on record, so it must not name anyone." required:""`
}

func (cmd *eraseDeliveryCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needServer(); err != nil {
		return err
	}
	var answer struct{ Number string }
	if err := cmd.ask(ctx, http.MethodPost, "/api/v1/credentials/"+url.PathEscape(cmd.ID)+"/erase-delivery", map[string]string{"reason": cmd.Reason}, &answer); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "The delivery data of %s is erased, and the learner's link no longer works.\n", answer.Number)
	return nil
}

type eraseAskCmd struct {
	serverFlag
	Credential  []string `help:"Certificate number or ID. May be given several times." sep:"none"`
	Learner     string   `help:"All credentials of the learner with this number."`
	Recognition []string `help:"ID of a recognition of another provider's credential. May be given several times. Recognitions that only these credentials rest on are erased with them." sep:"none"`
	Reason      string   `help:"Legal basis. It is kept on record, so it must not name anyone." required:""`
}

func (cmd *eraseAskCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needServer(); err != nil {
		return err
	}
	body := map[string]any{"reason": cmd.Reason}
	if cmd.Credential != nil {
		body["credentials"] = cmd.Credential
	}
	if cmd.Learner != "" {
		body["learner_id"] = cmd.Learner
	}
	if cmd.Recognition != nil {
		body["recognitions"] = cmd.Recognition
	}
	var q issuing.ErasureView
	if err := cmd.ask(ctx, http.MethodPost, "/api/v1/erasures", body, &q); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s is waiting for another person until %s: %d credentials, %d recognitions.\n%s\n", q.ID, day(q.Expires), len(q.Records), len(q.Recognitions), q.Warning)
	return nil
}

type eraseListCmd struct{ serverFlag }

func (cmd *eraseListCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needServer(); err != nil {
		return err
	}
	var answer struct {
		Erasures []issuing.ErasureView `json:"erasures"`
	}
	if err := cmd.ask(ctx, http.MethodGet, "/api/v1/erasures", nil, &answer); err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ERASURE\tCREDENTIALS\tRECOGNITIONS\tASKED BY\tUNTIL\tREASON")
	for _, q := range answer.Erasures {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", q.ID, len(q.Records), len(q.Recognitions), q.AskedBy, day(q.Expires), q.Reason)
	}
	return w.Flush()
}

type eraseConfirmCmd struct {
	serverFlag
	ID               string `arg:"" help:"ID of the erasure."`
	Count            int    `help:"Number of credentials and recognitions together, as shown by list." required:""`
	VerificationEnds bool   `help:"Confirm that you understand: these credentials can no longer be verified, and nothing can restore them."`
}

func (cmd *eraseConfirmCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needServer(); err != nil {
		return err
	}
	if !cmd.VerificationEnds {
		return &exitError{exitUsage, errors.New("verification of these credentials ends, and nothing brings it back: say --verification-ends")}
	}
	if err := cmd.ask(ctx, http.MethodPost, "/api/v1/erasures/"+url.PathEscape(cmd.ID)+"/confirm", map[string]any{"count": cmd.Count, "verification_ends": true}, nil); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s is carried out.\n", cmd.ID)
	return nil
}

type eraseRefuseCmd struct {
	serverFlag
	ID     string `arg:"" help:"ID of the erasure."`
	Reason string `help:"Reason. It is kept on record." required:""`
}

func (cmd *eraseRefuseCmd) Run(ctx context.Context, con console) error {
	if err := cmd.needServer(); err != nil {
		return err
	}
	if err := cmd.ask(ctx, http.MethodPost, "/api/v1/erasures/"+url.PathEscape(cmd.ID)+"/refuse", map[string]string{"reason": cmd.Reason}, nil); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s is refused.\n", cmd.ID)
	return nil
}

// keysChanged copies the data keys beside the backups when some were destroyed, so
// that no older copy brings back what is erased; nil where there are no backups.
func (c *Config) keysChanged(records store.Store, learners *store.DataKeys) func(ctx context.Context) error {
	if c.Backup.Dir == "" {
		return nil
	}
	b := c.backup(records, learners, nil)
	return func(ctx context.Context) error {
		_, err := b.CopyKeys(ctx, c.path(c.Backup.Dir))
		return err
	}
}
