package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/keys"
	"indeks/verifier"
)

type verifyCmd struct {
	What          string   `arg:"" name:"file-or-url" help:"A file, a link (also the one behind a QR code), or - for standard input."`
	Config        string   `help:"Folder or indeks.yaml with a verifier's settings." placeholder:"DIR"`
	Trust         string   `help:"Trust file: the issuers to vouch for." type:"path" placeholder:"FILE"`
	TrustKey      []string `help:"Key that must have sealed the trust file: a thumbprint or a JWK." sep:"none" placeholder:"KEY"`
	DIDWeb        bool     `name:"did-web" help:"Ask the host of an issuer that nobody vouches for whether it publishes the key."`
	AllowLoopback bool     `help:"Permit http to servers on this machine."`
	JSON          bool     `name:"json" help:"Print the report as the API gives it."`
	Lang          string   `help:"Language of the supplement: en, hr, sr-Latn, sr-Cyrl." default:"en"`
}

func (*verifyCmd) Help() string {
	return `Checks format, seal, issuer, revocation and expiry, and prints what is known. Accepts a sealed EDC
file (.jsonld) or a vc+jwt, told apart by content. Without a trust file nobody is vouched for.

Exit codes: 0 valid; 1 invalid, also for what is no credential; 3 genuine as far as seen but something
could not be confirmed; 2 wrong usage, or a file or link that cannot be read.

  indeks verify certificate.jsonld --trust trust.json
  curl -s https://credentials.uni.example/h/... | indeks verify - --json`
}

func (cmd *verifyCmd) Run(ctx context.Context, con console) error {
	v, err := cmd.verifier()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	token, err := cmd.read(ctx, con.in, v)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	report := v.Verify(ctx, token)
	if cmd.JSON {
		out, err := json.Marshal(report.Wire(cmd.Lang), jsontext.Multiline(true))
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		fmt.Fprintf(con.out, "%s\n", out)
	} else {
		printReport(con.out, report, cmd.Lang)
	}
	switch report.Verdict {
	case verifier.Valid:
		return nil
	case verifier.Indeterminate:
		return &exitError{code: exitIndeterminate}
	}
	return &exitError{code: exitInvalid}
}

func (cmd *verifyCmd) verifier() (*verifier.Verifier, error) {
	c := new(Config)
	if cmd.Config != "" {
		var err error
		if c, err = readConfig(cmd.Config); err != nil {
			return nil, err
		}
	}
	if cmd.Trust != "" {
		c.Verifier.TrustFile = cmd.Trust
		if c.dir == "" {
			c.dir = "."
		}
	}
	if cmd.TrustKey != nil {
		c.Verifier.TrustKeys = cmd.TrustKey
	}
	c.Verifier.ResolveDIDWeb = c.Verifier.ResolveDIDWeb || cmd.DIDWeb
	c.Verifier.AllowLoopback = c.Verifier.AllowLoopback || cmd.AllowLoopback
	return c.newVerifier()
}

// read gets the token from where the argument says, at most one byte more than
// a token may have: the verifier itself says that it is too large.
func (cmd *verifyCmd) read(ctx context.Context, stdin io.Reader, v *verifier.Verifier) ([]byte, error) {
	if strings.HasPrefix(cmd.What, "https://") || strings.HasPrefix(cmd.What, "http://") ||
		strings.HasPrefix(cmd.What, "HTTPS://") || strings.HasPrefix(cmd.What, "HTTP://") {
		token, err := v.FetchLink(ctx, cmd.What)
		if errors.Is(err, verifier.ErrForbidden) && cmd.Trust == "" && cmd.Config == "" {
			return nil, fmt.Errorf("fetching the link: %w; name the issuer with --trust FILE", err)
		}
		if err != nil {
			return nil, fmt.Errorf("fetching the link: %w", err)
		}
		return token, nil
	}
	in := stdin
	if cmd.What != "-" {
		f, err := os.Open(cmd.What)
		if err != nil {
			return nil, fmt.Errorf("reading the credential: %w", err)
		}
		defer f.Close()
		in = f
	}
	token, err := io.ReadAll(io.LimitReader(in, keys.MaxToken+1))
	if err != nil {
		return nil, fmt.Errorf("reading the credential: %w", err)
	}
	return token, nil
}

// headlines are the words of the first second, in the terminal.
var headlines = map[verifier.State]string{
	verifier.Unreadable:      "NOT A CREDENTIAL",
	verifier.NoSeal:          "NOT SEALED: anybody could have written it",
	verifier.NotValid:        "NOT VALID",
	verifier.Revoked:         "REVOKED: the issuer withdrew it",
	verifier.IssuerUnknown:   "Issuer not confirmed: the seal fits a key that nobody vouches for",
	verifier.Unconfirmable:   "Cannot be confirmed",
	verifier.Suspended:       "On hold: ask the issuer",
	verifier.NotConforming:   "Sealed, but not a conforming European Digital Credential",
	verifier.StatusUnchecked: "Genuine, revocation not checked",
	verifier.Expired:         "Genuine, validity ended",
	verifier.NotYetValid:     "Not valid yet",
	verifier.StateValid:      "VALID",
}

func printReport(w io.Writer, r *verifier.Report, lang string) {
	fmt.Fprintf(w, "%s\n", headlines[r.State])
	if name := elm.Clean(r.Issuer.Name); name != "" {
		confirmed := "not confirmed"
		if r.Issuer.Confirmed {
			confirmed = "confirmed by the trust file"
		}
		fmt.Fprintf(w, "Issuer: %s (%s)\n", name, confirmed)
	}
	for _, fact := range r.Issuer.Evidence {
		fmt.Fprintf(w, "  %s  %s\n", fact.Level, elm.Clean(fact.Fact))
	}
	fmt.Fprintln(w)
	marks := map[verifier.Result]string{verifier.Passed: "passed", verifier.Failed: "FAILED", verifier.NotMade: "not made"}
	for _, c := range r.Checks {
		fmt.Fprintf(w, "  %-13s %-8s  %s\n", c.Name, marks[c.Result], elm.Clean(c.Message))
		for _, remark := range c.Remarks {
			fmt.Fprintf(w, "  %-13s %-8s  - %s\n", "", "", elm.Clean(remark))
		}
	}
	wire := r.Wire(lang)
	if len(wire.Supplement) > 0 {
		fmt.Fprintf(w, "\nSupplement\n")
	}
	for _, e := range wire.Supplement {
		for n, value := range e.Values {
			label := e.Label
			if n > 0 {
				label = ""
			}
			fmt.Fprintf(w, "  %-34s %s\n", label, value)
		}
	}
	if r.SHA256 != "" {
		fmt.Fprintf(w, "\nPayload SHA-256 %s\n", r.SHA256)
	}
}
