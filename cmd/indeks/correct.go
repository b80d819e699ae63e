package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"indeks/issuer"
	"indeks/store"
)

type correctCmd struct {
	configFlag
	serverFlag
	Credential string            `arg:"" help:"Certificate number, credential ID, or the ID printed below the QR code."`
	Set        map[string]string `help:"Class list columns with new values, such as family_name=Novak. NAME= removes a value." placeholder:"NAME=TEXT" required:"" mapsep:"none"`
	Code       string            `help:"Reason: one word from the list below." placeholder:"CODE"`
	Reason     string            `help:"Reason in your own words. It is kept on record and never shown to the public." required:""`
	Request    string            `help:"Identifies the request, for --server, so that it can be sent again." placeholder:"KEY"`
	Out        string            `help:"Folder to write the new sealed files to, without --server." type:"path" placeholder:"DIR"`
}

func (*correctCmd) Help() string {
	return `Issues a new credential that is the same except for what you set, and revokes the old one in the same step.
The new one has its own number and IDs and does not mention the old one. The public sees that the old one was
replaced, but no longer sees a name. Give the learner the link to the new one.

  indeks correct MC-2026-00007 --set grade="10 (ten)" --reason "typing error in the minutes" --config uni
  indeks correct MC-2026-00007 --set family_name=Novak --code name-change --reason "marriage" --server http://localhost:8080

Codes: ` + strings.Join(issuer.CorrectionCodes(), ", ") + `. Default: the first.`
}

func (cmd *correctCmd) Run(ctx context.Context, con console) error {
	if cmd.Server != "" {
		return cmd.ask(ctx, con)
	}
	house, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer house.close()
	old, err := house.issuer.Find(ctx, cmd.Credential)
	if err != nil {
		return fmt.Errorf("looking up %q: %w", cmd.Credential, err)
	}
	draft, err := house.issuer.Correction(ctx, old, cmd.Set, nil, issuer.Why{Code: cmd.Code, Text: cmd.Reason, By: "command line"})
	if err != nil {
		return err
	}
	fresh, err := house.issuer.Issue(ctx, draft)
	switch {
	case errors.Is(err, issuer.ErrNeedsApproval):
		return fmt.Errorf("%w: ask a running issuer's server, where the API key says who asks", err)
	case errors.Is(err, store.ErrState), errors.Is(err, issuer.ErrDraft):
		return err
	case err != nil:
		return fmt.Errorf("%w; run the same command again to make sure", err)
	}
	fmt.Fprintf(con.out, "%s\t%s %s\t%s\n%s is revoked.\n", fresh.Number, fresh.GivenName, fresh.FamilyName, house.issuer.LearnerURL(fresh), old.Number)
	if cmd.Out != "" {
		return writeForms(cmd.Out, fresh)
	}
	return nil
}

// ask lets a running server do it.
func (cmd *correctCmd) ask(ctx context.Context, con console) error {
	request := cmd.Request
	if request == "" {
		request = rand.Text()
	}
	var answer struct {
		Number    string `json:"number"`
		GivenName string `json:"given_name"`
		Family    string `json:"family_name"`
		State     string `json:"state"`
		ID        string `json:"id"`
		Links     struct {
			Page string `json:"page"`
		} `json:"links"`
	}
	body := map[string]any{"code": cmd.Code, "reason": cmd.Reason, "learner": cmd.Set}
	if cmd.Code == "" {
		delete(body, "code")
	}
	err := cmd.serverFlag.ask(ctx, http.MethodPost, "/api/v1/credentials/"+url.PathEscape(cmd.Credential)+"/correct", body, &answer, "Idempotency-Key", request)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.final() {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w\nTo send the same request again add --request %s", err, request)
	}
	if answer.Number == "" {
		fmt.Fprintf(con.out, "It is waiting for approval: indeks approvals show %s\n", answer.ID)
		return nil
	}
	fmt.Fprintf(con.out, "%s\t%s %s\t%s\n", answer.Number, answer.GivenName, answer.Family, answer.Links.Page)
	return nil
}
