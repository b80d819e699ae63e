package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"indeks/accounts"
	"indeks/store"
	"indeks/web/issuing"
)

type accountCmd struct {
	Add   accountAddCmd   `cmd:"" help:"Create an account and print its first password."`
	Reset accountResetCmd `cmd:"" help:"Give an account a new first password. This ends its one-time codes and sessions."`
	Roles accountRolesCmd `cmd:"" help:"Change the roles of an account, or close it."`
	List  accountListCmd  `cmd:"" help:"List all accounts."`
}

func (*accountCmd) Help() string {
	return `Local accounts, for people who sign in at the registrar's desk (/desk on the issuer server) with a password
and one-time codes. They are stored with the records, which a running issuer holds. Stop the issuer, or ask an
admin to use Accounts at the desk. The name of an account stays in the audit log for ever, so use the name of
a function or an internal name, not a person's. People who sign in through an OpenID Connect provider need none.`
}

// open opens the records as they are, for their accounts.
func (f configFlag) accounts(ctx context.Context) (*accounts.Accounts, func() error, error) {
	c, err := readConfig(f.Config)
	if err != nil {
		return nil, nil, err
	}
	_, learners, err := c.unlock(ctx)
	if err != nil {
		return nil, nil, err
	}
	records, err := c.openRecords(ctx, learners)
	if err != nil {
		return nil, nil, err
	}
	a, err := c.accounts(records)
	if err != nil {
		return nil, nil, errors.Join(err, records.Close())
	}
	return a, records.Close, nil
}

// with runs what changes accounts, and closes the records.
func (f configFlag) withAccounts(ctx context.Context, do func(*accounts.Accounts) error) error {
	a, closeRecords, err := f.accounts(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(a), closeRecords())
}

type accountAddCmd struct {
	configFlag
	Name  string         `arg:"" help:"Account name, such as registrar-2: a to z, 0 to 9, hyphens and full stops."`
	Role  []issuing.Role `help:"Roles of the account." enum:"registrar,approver,auditor,reviewer,admin" required:""`
	Shown string         `help:"Name that pages show for the person."`
}

func (cmd *accountAddCmd) Run(ctx context.Context, con console) error {
	return cmd.withAccounts(ctx, func(a *accounts.Accounts) error {
		password, err := a.Add(ctx, accounts.Account{Name: cmd.Name, Shown: cmd.Shown, Roles: names(cmd.Role)})
		if err == nil {
			fmt.Fprintf(con.out, "Account %s, first password, shown only once and valid for one week:\n  %s\n", cmd.Name, password)
		}
		return err
	})
}

type accountResetCmd struct {
	configFlag
	Name string `arg:"" help:"Account."`
}

func (cmd *accountResetCmd) Run(ctx context.Context, con console) error {
	return cmd.withAccounts(ctx, func(a *accounts.Accounts) error {
		password, err := a.Reset(ctx, cmd.Name)
		if err == nil {
			fmt.Fprintf(con.out, "Account %s, first password, shown only once and valid for one week:\n  %s\n", cmd.Name, password)
		}
		return err
	})
}

type accountRolesCmd struct {
	configFlag
	Name string         `arg:"" help:"Account."`
	Role []issuing.Role `help:"Roles of the account. Without any, the account is closed." enum:"registrar,approver,auditor,reviewer,admin"`
}

func (cmd *accountRolesCmd) Run(ctx context.Context, con console) error {
	return cmd.withAccounts(ctx, func(a *accounts.Accounts) error { return a.SetRoles(ctx, cmd.Name, names(cmd.Role)) })
}

type accountListCmd struct{ configFlag }

func (cmd *accountListCmd) Run(ctx context.Context, con console) error {
	return cmd.withAccounts(ctx, func(a *accounts.Accounts) error {
		list, err := a.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "ACCOUNT\tROLES\tSTATE\tNAME\n")
		for _, account := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", account.Name, strings.Join(account.Roles, " "), account.State(), account.Shown)
		}
		return w.Flush()
	})
}

// firstAccount makes the account with which the first person signs in.
func firstAccount(ctx context.Context, c *Config, learners *store.DataKeys) (password string, err error) {
	records, err := c.openRecords(ctx, learners)
	if err != nil {
		return "", err
	}
	a, err := c.accounts(records)
	if err == nil {
		password, err = a.Add(ctx, accounts.Account{Name: firstName, Roles: names([]issuing.Role{issuing.Admin})})
	}
	return password, errors.Join(err, records.Close())
}

const firstName = "admin"
