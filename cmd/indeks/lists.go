package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"indeks/issuer"
	"indeks/store"
)

type listsCmd struct {
	Show   listsShowCmd   `cmd:"" default:"withargs" help:"Show all status lists and when they were signed."`
	Resign listsResignCmd `cmd:"" help:"Sign all status lists again, dated by this machine's clock, which you confirm."`
}

func (*listsCmd) Help() string {
	return `Status lists show what is revoked or on hold. A running issuer signs them every hour and at each
change. Verifiers do not accept a list that is dated in the future or more than a day old.`
}

type listsShowCmd struct{ configFlag }

func (cmd *listsShowCmd) Run(ctx context.Context, con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	records, err := c.readRecords(ctx, nil)
	if err != nil {
		return err
	}
	defer records.Close()
	return showLists(ctx, con, records)
}

func showLists(ctx context.Context, con console, records store.Store) error {
	lists, err := records.Lists(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LIST\tPURPOSE\tENTRIES\tNUMBER\tSIGNED\tSTATE")
	for _, l := range lists {
		signed, state := l.ValidFrom.UTC().Format(time.RFC3339), "good"
		switch {
		case l.Sequence == 0:
			signed, state = "-", "never signed"
		case l.ValidFrom.After(now.Add(time.Minute)):
			state = "DATED AHEAD: verifiers refuse it"
		case now.After(l.ValidFrom.Add(issuer.ListValidity)):
			state = "ended: verifiers refuse it"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", l.ID, l.Purpose, l.Used, l.Sequence, signed, state)
	}
	return w.Flush()
}

type listsResignCmd struct {
	configFlag
	Date string `help:"Today's date, from a clock other than this machine's." required:"" placeholder:"YYYY-MM-DD"`
}

func (*listsResignCmd) Help() string {
	return `An issuer signs nothing while its clock is more than a week from the newest status list (issuer.clock_jump
in indeks.yaml), because what a wrong clock has dated cannot be undone. The clock may be right all the same, if
the issuer was stopped for that long or a wrong clock dated a list. Then confirm it once with this command. It
signs all lists again as of now, including those dated later. Verifiers accept them, unless their own clock was
wrong too: restart those. The issuer server must not be running.

A list that was dated ahead becomes valid for one day when that day comes, for anyone who kept it. Seal with
another key before then, as you must anyway when the certificate expires: a list that a retired key dates later
than its end is refused.

  indeks lists resign --config uni --date 2026-11-29`
}

func (cmd *listsResignCmd) Run(ctx context.Context, con console) error {
	date, err := time.Parse(time.DateOnly, cmd.Date)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("--date %q: expected a date such as 2026-11-29", cmd.Date)}
	}
	// Somewhere it is that day for 50 hours, from 14 before it is in UTC.
	if now := time.Now().UTC(); now.Sub(date.Add(11*time.Hour)).Abs() > 25*time.Hour {
		return fmt.Errorf("confirming the clock: it says %s, which is not %s; set it right first", now.Format(time.RFC3339), cmd.Date)
	}
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	house, err := openHouse(ctx, c, true)
	if err != nil {
		return err
	}
	defer house.close()
	return showLists(ctx, con, house.store)
}
