package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"indeks/elm"
	"indeks/verifier"
)

type verifyCmd struct {
	What          []string `arg:"" name:"file-or-url" help:"A file, a link (including the one in a QR code), the text of an offline QR code, or - for standard input. Several files, or a ZIP, are listed in a table."`
	Config        string   `help:"Folder or indeks.yaml with a verifier's settings." placeholder:"DIR"`
	Trust         string   `help:"Trust file with the issuers to vouch for." type:"path" placeholder:"FILE"`
	TrustKey      []string `help:"Key that must have sealed the trust file, as a thumbprint or a JWK." sep:"none" placeholder:"KEY"`
	DIDWeb        bool     `name:"did-web" help:"If nobody vouches for an issuer, ask its host whether it publishes the key."`
	AllowLoopback bool     `help:"Allow http to servers on this machine."`
	Challenge     string   `help:"What the wallet was asked to answer, for a presentation." placeholder:"TEXT"`
	Domain        string   `help:"Who a presentation must have been made for." placeholder:"TEXT"`
	JSON          bool     `name:"json" help:"Print the report in the form given by the API."`
	CSV           bool     `name:"csv" help:"Print the table as CSV."`
	Lang          string   `help:"Language of the supplement, such as en, hr or sr-Latn." default:"en"`
}

func (*verifyCmd) Help() string {
	return `Checks format, seal, issuer, revocation and expiry, and prints what is known. Accepts a sealed EDC file
(.jsonld), a PDF certificate (it checks the file inside, not the pages), a vc+jwt, a dc+sd-jwt of which the
holder shows a part, a JWT of VC Data Model 1.1, an Open Badge 3.0, an enveloped credential, the text of an
offline QR code, or a presentation of several. It tells them apart by their content. Without a trust file
nobody is vouched for.

Exit codes: 0 valid; 1 invalid, or not a credential; 2 wrong usage, or a file or link that cannot be read;
3 genuine as far as could be seen, but something could not be confirmed. For several files, or a ZIP, the
exit code is that of the worst result.

  indeks verify certificate.jsonld --trust trust.json
  curl -s https://credentials.uni.example/h/... | indeks verify - --json
  indeks verify applications.zip --trust trust.json --csv > table.csv`
}

func (cmd *verifyCmd) Run(ctx context.Context, con console) error {
	v, err := cmd.verifier()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var given []verifier.File
	for _, what := range cmd.What {
		content, err := cmd.read(ctx, what, con.in, v)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		given = append(given, verifier.NamedFile(what, content))
	}
	if len(given) == 1 && !given[0].Packed() && !cmd.CSV {
		return cmd.one(ctx, con.out, v, given[0])
	}
	return cmd.several(ctx, con, v, given)
}

// one prints all that is known of a credential, or of a presentation.
func (cmd *verifyCmd) one(ctx context.Context, out io.Writer, v *verifier.Verifier, file verifier.File) error {
	token, err := file.Read()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var wire any
	var verdict verifier.Verdict
	var show func()
	if verifier.IsPresentation(token) {
		p := v.VerifyPresentation(ctx, token, cmd.asked())
		verdict, wire, show = p.Verdict, p.Wire(cmd.Lang), func() { printPresentation(out, p, cmd.Lang) }
	} else {
		r := v.Verify(ctx, token)
		verdict, wire, show = r.Verdict, r.Wire(cmd.Lang), func() { printReport(out, r, cmd.Lang) }
	}
	if cmd.JSON {
		show = func() {}
		raw, err := json.Marshal(wire, jsontext.Multiline(true))
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		fmt.Fprintf(out, "%s\n", raw)
	}
	show()
	return exitFor(verdict)
}

func (cmd *verifyCmd) asked() verifier.PresentationOptions {
	return verifier.PresentationOptions{Challenge: cmd.Challenge, Domain: cmd.Domain}
}

// several prints a table with a line for each credential.
func (cmd *verifyCmd) several(ctx context.Context, con console, v *verifier.Verifier, given []verifier.File) error {
	files, skipped, err := verifier.ReadBulk(given)
	if err != nil {
		return &exitError{exitInvalid, err}
	}
	if len(files) == 0 {
		return &exitError{exitUsage, errors.New("there is no file to verify")}
	}
	table := verifier.Table{Rows: []verifier.Row{}, Skipped: append([]string{}, skipped...)}
	for _, file := range files {
		table.Rows = append(table.Rows, v.Rows(ctx, file, cmd.asked(), cmd.Lang)...)
	}
	for _, name := range skipped {
		fmt.Fprintf(con.err, "indeks: not opened: %s\n", name)
	}
	switch {
	case cmd.CSV:
		if err := table.WriteCSV(con.out); err != nil {
			return err
		}
	case cmd.JSON:
		raw, err := json.Marshal(table, jsontext.Multiline(true))
		if err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
		fmt.Fprintf(con.out, "%s\n", raw)
	default:
		w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
		for _, row := range table.Rows {
			word, _, _ := strings.Cut(headlines[row.State], ":")
			fmt.Fprintln(w, strings.Join([]string{word, row.File, elm.Clean(row.Issuer), elm.Clean(row.Title), row.Awarded, string(row.Reason)}, "\t"))
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
	}
	worst := verifier.Valid
	for _, row := range table.Rows {
		if row.Verdict == verifier.Invalid || worst == verifier.Valid {
			worst = row.Verdict
		}
	}
	return exitFor(worst)
}

func exitFor(verdict verifier.Verdict) error {
	switch verdict {
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

// maxGiven bounds what is read of a file: a ZIP may be larger than a token, of
// which the verifier itself says that it is too large.
const maxGiven = 64 << 20

// read gets a file from where the argument says.
func (cmd *verifyCmd) read(ctx context.Context, what string, stdin io.Reader, v *verifier.Verifier) ([]byte, error) {
	if verifier.IsOffline(what) {
		return []byte(what), nil // the code itself: nobody is asked for it
	}
	if strings.HasPrefix(what, "https://") || strings.HasPrefix(what, "http://") ||
		strings.HasPrefix(what, "HTTPS://") || strings.HasPrefix(what, "HTTP://") {
		token, err := v.FetchLink(ctx, what)
		if errors.Is(err, verifier.ErrForbidden) && cmd.Trust == "" && cmd.Config == "" {
			return nil, fmt.Errorf("fetching the link: %w; name the issuer with --trust FILE", err)
		}
		if err != nil {
			return nil, fmt.Errorf("fetching the link: %w", err)
		}
		return token, nil
	}
	in := stdin
	if what != "-" {
		f, err := os.Open(what)
		if err != nil {
			return nil, fmt.Errorf("reading the credential: %w", err)
		}
		defer f.Close()
		in = f
	}
	token, err := io.ReadAll(io.LimitReader(in, maxGiven))
	if err != nil {
		return nil, fmt.Errorf("reading the credential: %w", err)
	}
	return token, nil
}

// headlines are the words of the first second, in the terminal.
var headlines = map[verifier.State]string{
	verifier.Unreadable:      "NOT A CREDENTIAL",
	verifier.NoSeal:          "NOT SEALED: anyone could have written it",
	verifier.NotValid:        "NOT VALID",
	verifier.Revoked:         "REVOKED: it no longer counts",
	verifier.IssuerUnknown:   "Issuer not confirmed: the seal matches a key that nobody vouches for",
	verifier.Unconfirmable:   "Cannot be confirmed",
	verifier.Suspended:       "On hold: ask the issuer",
	verifier.NotConforming:   "Sealed, but not a conforming European Digital Credential",
	verifier.StatusUnchecked: "Genuine, revocation not checked",
	verifier.Expired:         "Genuine, validity ended",
	verifier.NotYetValid:     "Not valid yet",
	verifier.StateValid:      "VALID",
}

// printPresentation prints what is known of a presentation, and then of each
// credential in it.
func printPresentation(w io.Writer, p *verifier.PresentationReport, lang string) {
	fmt.Fprintf(w, "PRESENTATION: %s, credentials in it: %d\n", p.Verdict, len(p.Credentials))
	if p.Holder != "" {
		fmt.Fprintf(w, "Holder: %s\n", elm.Clean(p.Holder))
	}
	fmt.Fprintln(w)
	printChecks(w, p.Checks)
	for i, r := range p.Credentials {
		fmt.Fprintf(w, "\nCredential %d\n", i+1)
		printReport(w, r, lang)
	}
}

func printChecks(w io.Writer, checks []verifier.Check) {
	marks := map[verifier.Result]string{verifier.Passed: "passed", verifier.Failed: "FAILED", verifier.NotMade: "not made"}
	for _, c := range checks {
		fmt.Fprintf(w, "  %-13s %-8s  %s\n", c.Name, marks[c.Result], elm.Clean(c.Message.String()))
		for _, remark := range c.Remarks {
			fmt.Fprintf(w, "  %-13s %-8s  - %s\n", "", "", elm.Clean(remark.String()))
		}
	}
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
	printChecks(w, r.Checks)
	wire := r.Wire(lang)
	if x := wire.Extract; x != nil {
		fmt.Fprintf(w, "\nThis is an extract from a printed code. It does not include: %s\nWhole credential, payload SHA-256 %s\n", strings.Join(x.NotTold, ", "), x.WholeSHA256)
	}
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
