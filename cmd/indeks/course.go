package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"indeks/issuer"
	"indeks/store"
)

type courseCmd struct {
	Put    coursePutCmd    `cmd:"" help:"Add a course to the catalogue, or change the terms on which it is there."`
	List   courseListCmd   `cmd:"" help:"List all courses in the catalogue with their versions."`
	Export courseExportCmd `cmd:"" help:"Write a course from the catalogue to a course file."`
}

func (*courseCmd) Help() string {
	return `The catalogue is public on the issuer server at /catalogue. A credential links to the version of the
course it was awarded under. That version never changes: any change needs a new version.

The issuer server must not run on the same records at the same time. If it is running, use its
API: POST /api/v1/courses.

  indeks course put course.json --config uni --from 2026-09-01
  indeks course export data-stewardship --config uni >course.json`
}

// catalogue opens the catalogue without any key: it seals nothing.
func (cmd configFlag) catalogue(ctx context.Context) (*issuer.Catalogue, store.Store, error) {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return nil, nil, err
	}
	inst, err := c.institution()
	if err != nil {
		return nil, nil, err
	}
	records, err := c.openRecords(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	return issuer.NewCatalogue(inst, records, nil), records, nil
}

type coursePutCmd struct {
	configFlag
	File  string `arg:"" help:"Course file (JSON)." type:"existingfile"`
	From  string `help:"First day it is offered." placeholder:"YYYY-MM-DD"`
	Until string `help:"Last day it is offered." placeholder:"YYYY-MM-DD"`
	Draft bool   `help:"Hide it from the public. A version that was once public is shown as withdrawn."`
}

func (cmd *coursePutCmd) Run(ctx context.Context, con console) error {
	raw, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("reading the course: %w", err)
	}
	catalogue, records, err := cmd.catalogue(ctx)
	if err != nil {
		return err
	}
	defer records.Close()
	o, added, warnings, err := catalogue.Put(ctx, filepath.Base(cmd.File), raw, issuer.Terms{From: cmd.From, Until: cmd.Until, Published: !cmd.Draft})
	printWarnings(con.err, cmd.File, warnings)
	if err != nil {
		return err
	}
	did := "is in the catalogue"
	if added {
		did = "is new in the catalogue"
	}
	fmt.Fprintf(con.out, "%s, version %s, %s: %s", o.ID, o.Version, did, string(o.State))
	if o.Published {
		fmt.Fprintf(con.out, ", %s", o.Page)
	}
	fmt.Fprintln(con.out)
	return nil
}

type courseListCmd struct{ configFlag }

func (cmd *courseListCmd) Run(ctx context.Context, con console) error {
	catalogue, records, err := cmd.catalogue(ctx)
	if err != nil {
		return err
	}
	defer records.Close()
	offers, err := catalogue.Offers(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "COURSE\tVERSION\tSTATE\tAWARDED\tFROM\tUNTIL\tTITLE\n")
	for _, o := range offers {
		awarded := "no"
		if o.Used {
			awarded = "yes"
		}
		title := o.Content.Title["en"]
		for _, words := range o.Content.Title {
			if title == "" {
				title = words
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.Version, string(o.State), awarded, o.From, o.Until, title)
	}
	return w.Flush()
}

type courseExportCmd struct {
	configFlag
	ID      string `arg:"" help:"ID of the course."`
	Version string `arg:"" optional:"" help:"Version. Default: the one added last."`
}

func (cmd *courseExportCmd) Run(ctx context.Context, con console) error {
	catalogue, records, err := cmd.catalogue(ctx)
	if err != nil {
		return err
	}
	defer records.Close()
	o, err := catalogue.Offer(ctx, cmd.ID, cmd.Version)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the catalogue has no course %q in that version; indeks course list shows all", cmd.ID)
	}
	if err != nil {
		return err
	}
	_, err = con.out.Write(o.Content.File())
	return err
}
