package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/issuer"
)

type recogniseCmd struct {
	Add    recognitionsAddCmd    `cmd:"" help:"Have another provider's credential verified, and keep what is found."`
	List   recognitionsListCmd   `cmd:"" help:"List what was verified and decided."`
	Show   recognitionsShowCmd   `cmd:"" help:"Print one, with report and decisions, as JSON."`
	Decide recognitionsDecideCmd `cmd:"" help:"Record a decision out of a file."`
	Export recognitionsExportCmd `cmd:"" help:"Print all of them as JSON, one on a line."`
}

func (*recogniseCmd) Help() string {
	return `A learner brings what another provider has awarded. Its digest and everything that the verifier finds are kept;
the file stays the learner's. A decision says of each outcome, and each amount of credits, whether it counts. An
award names it in its column recognition, and claims no outcome that was not recognised.

  indeks recognitions add brought.jsonld --config uni
  indeks recognitions decide ID decision.json --config uni`
}

// recognitionAnswer is a recognition as the API writes it.
type recognitionAnswer struct {
	ID         string                  `json:"id"`
	State      issuer.RecognitionState `json:"state"`
	Created    string                  `json:"created"`
	By         string                  `json:"by"`
	SHA256     string                  `json:"sha256"`
	Size       int                     `json:"size"`
	Credential string                  `json:"credential,omitempty"`
	Title      string                  `json:"title,omitempty"`
	Issuer     string                  `json:"issuer,omitempty"`
	Confirmed  bool                    `json:"issuer_confirmed"`
	Verdict    string                  `json:"verdict"`
	Standing   string                  `json:"standing"`
	Report     jsontext.Value          `json:"report,omitempty"`
	Decisions  []issuer.Decision       `json:"decisions"`
}

func recognitionAnswerOf(r issuer.Recognition) recognitionAnswer {
	return recognitionAnswer{ID: r.ID, State: r.State, Created: r.Created.Format("2006-01-02T15:04:05Z"), By: r.By, SHA256: r.SHA256, Size: r.Size, Credential: r.Credential,
		Title: r.Title, Issuer: r.Issuer, Confirmed: r.Confirmed, Verdict: r.Verdict, Standing: r.Standing, Report: r.Report, Decisions: append([]issuer.Decision{}, r.Decisions...)}
}

// print says what was found in a line or two.
func (a *recognitionAnswer) print(w io.Writer) {
	sure := "confirmed by the trust file"
	if !a.Confirmed {
		sure = "nobody in the trust file answers for it"
	}
	fmt.Fprintf(w, "%s is %s: %s, %s (%s). The verifier found it %s (%s).\n", a.ID, a.State, a.Title, a.Issuer, sure, a.Verdict, a.Standing)
}

type recognitionsAddCmd struct {
	configFlag
	serverFlag
	File string `arg:"" help:"The file as the learner has it." type:"existingfile"`
}

func (cmd *recognitionsAddCmd) Run(ctx context.Context, con console) error {
	file, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the credential: %w", err)
	}
	if cmd.Server != "" {
		var a recognitionAnswer
		if err := cmd.ask(ctx, http.MethodPost, "/api/v1/recognitions", bytes.NewReader(file), &a, "Content-Type", "application/octet-stream"); err != nil {
			return err
		}
		a.print(con.out)
		return nil
	}
	house, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer house.close()
	v, err := house.config.newVerifier()
	if err != nil {
		return err
	}
	r, err := house.issuer.Recognise(ctx, file, v.Verify(ctx, file), "command line")
	if err != nil {
		return err
	}
	a := recognitionAnswerOf(r)
	a.print(con.out)
	return nil
}

// recognitions goes through all of them, by a server or in the records.
func recognitions(ctx context.Context, f configFlag, s serverFlag, each func(recognitionAnswer) error) error {
	if s.Server == "" {
		house, err := f.open(ctx)
		if err != nil {
			return err
		}
		defer house.close()
		for r, err := range house.issuer.Recognitions(ctx, "") {
			if err == nil {
				err = each(recognitionAnswerOf(r))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for after := ""; ; {
		var list struct {
			Recognitions []recognitionAnswer `json:"recognitions"`
			Next         string              `json:"next"`
		}
		if err := s.ask(ctx, http.MethodGet, "/api/v1/recognitions?after="+url.QueryEscape(after), nil, &list); err != nil {
			return err
		}
		for _, a := range list.Recognitions {
			if err := each(a); err != nil {
				return err
			}
		}
		if after = list.Next; after == "" {
			return nil
		}
	}
}

type recognitionsListCmd struct {
	configFlag
	serverFlag
}

func (cmd *recognitionsListCmd) Run(ctx context.Context, con console) error {
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RECOGNITION\tSTATE\tDECISIONS\tFOUND\tISSUER\tTITLE")
	err := recognitions(ctx, cmd.configFlag, cmd.serverFlag, func(a recognitionAnswer) error {
		_, err := fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", a.ID, a.State, len(a.Decisions), a.Standing, a.Issuer, a.Title)
		return err
	})
	if err != nil {
		return err
	}
	return w.Flush()
}

type recognitionsExportCmd struct {
	configFlag
	serverFlag
}

func (cmd *recognitionsExportCmd) Run(ctx context.Context, con console) error {
	return recognitions(ctx, cmd.configFlag, cmd.serverFlag, func(a recognitionAnswer) error {
		if cmd.Server != "" { // lists leave out the report
			if err := cmd.ask(ctx, http.MethodGet, "/api/v1/recognitions/"+url.PathEscape(a.ID), nil, &a); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(a)
		if err == nil {
			_, err = con.out.Write(append(raw, '\n'))
		}
		return err
	})
}

type recognitionsShowCmd struct {
	configFlag
	serverFlag
	ID string `arg:"" help:"Id of the recognition."`
}

func (cmd *recognitionsShowCmd) Run(ctx context.Context, con console) error {
	var a recognitionAnswer
	if cmd.Server != "" {
		if err := cmd.ask(ctx, http.MethodGet, "/api/v1/recognitions/"+url.PathEscape(cmd.ID), nil, &a); err != nil {
			return err
		}
	} else {
		house, err := cmd.open(ctx)
		if err != nil {
			return err
		}
		defer house.close()
		r, err := house.issuer.Recognition(ctx, cmd.ID)
		if err != nil {
			return err
		}
		a = recognitionAnswerOf(r)
	}
	raw, err := json.Marshal(a, jsontext.Multiline(true))
	if err != nil {
		return err
	}
	_, err = con.out.Write(append(raw, '\n'))
	return err
}

type recognitionsDecideCmd struct {
	configFlag
	serverFlag
	ID   string `arg:"" help:"Id of the recognition."`
	File string `arg:"" help:"Decision as JSON, as docs/api.md has it: after, date, decided_by, procedure, reason, outcomes, credits ..." type:"existingfile"`
}

// decisionFields are the members of a decision that is asked for, with after.
type decisionFields struct {
	After     *int                     `json:"after"`
	Date      string                   `json:"date"`
	Decided   string                   `json:"decided_by"`
	Procedure string                   `json:"procedure"`
	Reason    string                   `json:"reason"`
	Despite   string                   `json:"despite,omitempty"`
	Appeal    string                   `json:"appeal,omitempty"`
	Course    string                   `json:"course,omitempty"`
	Outcomes  []issuer.OutcomeDecision `json:"outcomes,omitempty"`
	Credits   []issuer.CreditDecision  `json:"credits,omitempty"`
}

func (cmd *recognitionsDecideCmd) Run(ctx context.Context, con console) error {
	raw, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the decision: %w", err)
	}
	var d decisionFields
	if err := json.Unmarshal(raw, &d, json.RejectUnknownMembers(true)); err != nil {
		return &exitError{exitUsage, fmt.Errorf("reading the decision %s: %w", cmd.File, err)}
	}
	if d.After == nil {
		return &exitError{exitUsage, fmt.Errorf("reading the decision %s: after is missing: the number of the last decision that was seen, 0 for none", cmd.File)}
	}
	var a recognitionAnswer
	if cmd.Server != "" {
		if err := cmd.ask(ctx, http.MethodPost, "/api/v1/recognitions/"+url.PathEscape(cmd.ID)+"/decisions", d, &a); err != nil {
			return err
		}
	} else {
		house, err := cmd.open(ctx)
		if err != nil {
			return err
		}
		defer house.close()
		r, err := house.issuer.Decide(ctx, cmd.ID, issuer.Decision{Date: d.Date, Decided: d.Decided, Procedure: d.Procedure, Reason: d.Reason, Despite: d.Despite,
			Appeal: d.Appeal, Course: d.Course, Outcomes: d.Outcomes, Credits: d.Credits}, *d.After, "command line")
		if err != nil {
			return err
		}
		a = recognitionAnswerOf(r)
	}
	last := a.Decisions[len(a.Decisions)-1]
	recognised := map[bool]int{}
	for _, o := range last.Outcomes {
		recognised[o.Recognised]++
	}
	fmt.Fprintf(con.out, "%s, decision %d: %d outcomes recognised, %d refused.\n", a.ID, last.Number, recognised[true], recognised[false])
	return nil
}
