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

	"indeks/web/issuing"
)

type recogniseCmd struct {
	Add    recognitionsAddCmd    `cmd:"" help:"Verify another provider's credential and keep the result."`
	List   recognitionsListCmd   `cmd:"" help:"List what has been verified and decided."`
	Show   recognitionsShowCmd   `cmd:"" help:"Print a recognition, with its report and decisions, as JSON."`
	Decide recognitionsDecideCmd `cmd:"" help:"Record a decision from a file."`
	Export recognitionsExportCmd `cmd:"" help:"Print all recognitions as JSON, one per line."`
}

func (*recogniseCmd) Help() string {
	return `A learner brings a credential that another provider awarded. Its digest and everything the verifier finds are kept.
The file remains the learner's. A decision says for each outcome, and each amount of credits, whether it counts. An
award names it in its column recognition, and does not claim any outcome that was not recognised.

  indeks recognitions add brought.jsonld --config uni
  indeks recognitions decide ID decision.json --config uni`
}

// printRecognition says what was found in a line or two.
func printRecognition(w io.Writer, a issuing.RecognitionView) {
	sure := "confirmed by the trust file"
	if !a.Confirmed {
		sure = "nobody in the trust file answers for it"
	}
	fmt.Fprintf(w, "%s is %s: %s, %s (%s). The verifier found it %s (%s).\n", a.ID, a.State, a.Title, a.Issuer, sure, a.Verdict, a.Standing)
}

type recognitionsAddCmd struct {
	configFlag
	serverFlag
	File string `arg:"" help:"The learner's file." type:"existingfile"`
}

func (cmd *recognitionsAddCmd) Run(ctx context.Context, con console) error {
	file, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the credential: %w", err)
	}
	if cmd.Server != "" {
		var a issuing.RecognitionView
		if err := cmd.ask(ctx, http.MethodPost, "/api/v1/recognitions", bytes.NewReader(file), &a, "Content-Type", "application/octet-stream"); err != nil {
			return err
		}
		printRecognition(con.out, a)
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
	printRecognition(con.out, issuing.RecognitionViewOf(r))
	return nil
}

// recognitions goes through all of them, by a server or in the records.
func recognitions(ctx context.Context, f configFlag, s serverFlag, each func(issuing.RecognitionView) error) error {
	if s.Server == "" {
		house, err := f.open(ctx)
		if err != nil {
			return err
		}
		defer house.close()
		for r, err := range house.issuer.Recognitions(ctx, "") {
			if err == nil {
				err = each(issuing.RecognitionViewOf(r))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for after := ""; ; {
		var list struct {
			Recognitions []issuing.RecognitionView `json:"recognitions"`
			Next         string                    `json:"next"`
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
	err := recognitions(ctx, cmd.configFlag, cmd.serverFlag, func(a issuing.RecognitionView) error {
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
	return recognitions(ctx, cmd.configFlag, cmd.serverFlag, func(a issuing.RecognitionView) error {
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
	ID string `arg:"" help:"ID of the recognition."`
}

func (cmd *recognitionsShowCmd) Run(ctx context.Context, con console) error {
	var a issuing.RecognitionView
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
		a = issuing.RecognitionViewOf(r)
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
	ID   string `arg:"" help:"ID of the recognition."`
	File string `arg:"" help:"Decision as JSON, as described in docs/api.md: after, date, decided_by, procedure, reason, outcomes, credits ..." type:"existingfile"`
}

func (cmd *recognitionsDecideCmd) Run(ctx context.Context, con console) error {
	raw, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the decision: %w", err)
	}
	var d issuing.DecisionRequest
	if err := json.Unmarshal(raw, &d, json.RejectUnknownMembers(true)); err != nil {
		return &exitError{exitUsage, fmt.Errorf("reading the decision %s: %w", cmd.File, err)}
	}
	if d.After == nil {
		return &exitError{exitUsage, fmt.Errorf("reading the decision %s: after is missing: the number of the last decision that was seen, 0 for none", cmd.File)}
	}
	var a issuing.RecognitionView
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
		r, err := house.issuer.Decide(ctx, cmd.ID, d.Decision(), *d.After, "command line")
		if err != nil {
			return err
		}
		a = issuing.RecognitionViewOf(r)
	}
	last := a.Decisions[len(a.Decisions)-1]
	recognised := map[bool]int{}
	for _, o := range last.Outcomes {
		recognised[o.Recognised]++
	}
	fmt.Fprintf(con.out, "%s, decision %d: %d outcomes recognised, %d refused.\n", a.ID, last.Number, recognised[true], recognised[false])
	return nil
}
