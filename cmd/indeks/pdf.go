package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

type pdfCmd struct {
	configFlag
	serverFlag
	Credential string `arg:"" help:"Certificate number, credential ID, or the ID printed below the QR code."`
	Out        string `help:"File to write; - is standard output." required:"" placeholder:"FILE"`
	Lang       string `help:"Language, such as en, hr or sr-Latn. Default: the credential's own." placeholder:"TAG"`
}

func (*pdfCmd) Help() string {
	return `Writes the certificate with its supplement and the sealed files attached to it. The learner gets the
same file from the page behind their link. The PDF itself can be verified. If there is room, it contains a
code that can be checked without a network, and the command prints its size.
A running issuer server holds the records. In that case use --server.

  indeks pdf MC-2026-00007 --out MC-2026-00007.pdf --lang hr
  indeks verify MC-2026-00007.pdf --trust trust.json`
}

func (cmd *pdfCmd) Run(ctx context.Context, con console) error {
	file, err := cmd.file(ctx, con.err)
	if err != nil {
		return err
	}
	if cmd.Out == "-" {
		_, err = con.out.Write(file)
	} else {
		err = os.WriteFile(cmd.Out, file, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the certificate: %w", err)
	}
	return nil
}

func (cmd *pdfCmd) file(ctx context.Context, told io.Writer) (file []byte, err error) {
	if cmd.Server != "" {
		path := "/api/v1/credentials/" + url.PathEscape(cmd.Credential) + "/certificate.pdf"
		if cmd.Lang != "" {
			path += "?lang=" + url.QueryEscape(cmd.Lang)
		}
		if err = cmd.ask(ctx, http.MethodGet, path, nil, &file); err != nil {
			return nil, err
		}
		cmd.tellOffline(ctx, told)
		return file, nil
	}
	house, err := cmd.open(ctx)
	if err != nil {
		return nil, err
	}
	defer house.close()
	record, err := house.issuer.Find(ctx, cmd.Credential)
	if err != nil {
		return nil, fmt.Errorf("looking up %q: %w", cmd.Credential, err)
	}
	printed, err := house.issuer.Certificate(ctx, record, cmd.Lang)
	if err != nil {
		return nil, err
	}
	if x := printed.Offline; x == nil {
		fmt.Fprintf(told, "indeks: without an offline code: %v\n", printed.NoOffline)
	} else {
		sayOffline(told, x.Version, x.Level, x.Told.Outcomes)
	}
	return printed.PDF, nil
}

func sayOffline(told io.Writer, version int, level string, outcomes bool) {
	without := ""
	if !outcomes {
		without = ", without the outcomes, for which there is no room"
	}
	fmt.Fprintf(told, "Offline code: version %d-%s%s\n", version, level, without)
}

// tellOffline asks the server how large the offline code of the certificate is. That it
// does not say so keeps no certificate back.
func (cmd *pdfCmd) tellOffline(ctx context.Context, told io.Writer) {
	query := url.Values{"chosen": {"1"}, "outcomes": {"1"}} // as on the certificate, issuer.PrintedChoice
	if cmd.Lang != "" {
		query.Set("texts", cmd.Lang)
	}
	var code struct {
		Version int    `json:"version"`
		Level   string `json:"level"`
		Told    struct {
			Outcomes bool `json:"outcomes"`
		} `json:"told"`
	}
	err := cmd.ask(ctx, http.MethodGet, "/api/v1/credentials/"+url.PathEscape(cmd.Credential)+"/offline?"+query.Encode(), nil, &code)
	no, refused := errors.AsType[*refusal](err)
	switch {
	case err == nil:
		sayOffline(told, code.Version, code.Level, code.Told.Outcomes)
	case refused && no.status == http.StatusConflict:
		fmt.Fprintf(told, "indeks: without an offline code: %s\n", no.said)
	default:
		fmt.Fprintf(told, "indeks: how large the offline code is, is not known: %v\n", err)
	}
}
