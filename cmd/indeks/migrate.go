package main

import (
	"context"
	"errors"
	"fmt"

	"indeks/store"
)

type migrateCmd struct {
	Schema migrateSchemaCmd `cmd:"" default:"withargs" help:"Bring the database of the records up to date with this version of the program."`
}

func (*migrateCmd) Help() string {
	return `A newer program refuses records that an earlier one has kept in a database, until they are brought up to
date with this, once, while no node runs. It is one transaction. Records in a file are brought up to date
when they are opened.

  indeks migrate --config uni`
}

type migrateSchemaCmd struct{ configFlag }

func (cmd *migrateSchemaCmd) Run(ctx context.Context, con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	if !c.inDatabase() {
		return &exitError{exitUsage, errors.New("the records are in a file, which is brought up to date when it is opened")}
	}
	d, err := c.database(nil)
	if err != nil {
		return err
	}
	from, to, err := store.MigratePostgres(ctx, d)
	if err != nil {
		return err
	}
	if from == to {
		fmt.Fprintf(con.out, "The database is up to date: schema %d.\n", to)
	} else {
		fmt.Fprintf(con.out, "The database was of schema %d and is of schema %d now.\n", from, to)
	}
	return nil
}
