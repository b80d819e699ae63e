package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"indeks/store"
)

type migrateCmd struct {
	Schema         migrateSchemaCmd `cmd:"" default:"withargs" help:"Bring the database of the records up to date with this version of the program."`
	BoltToPostgres migrateBoltCmd   `cmd:"" name:"bolt-to-postgres" help:"Copy the records from the file into an empty database."`
}

func (*migrateCmd) Help() string {
	return `A newer version refuses records that an earlier one kept in a database until you bring them up to date
with this command, once, while no node is running. It is one transaction. Records in a file are brought
up to date when they are opened.

  indeks migrate --config uni
  indeks migrate bolt-to-postgres --config uni --database url --node a`
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
		fmt.Fprintf(con.out, "The database had schema %d and now has schema %d.\n", from, to)
	}
	return nil
}

type migrateBoltCmd struct {
	configFlag
	Database string `help:"File with the URL of an empty PostgreSQL database." required:"" type:"existingfile" placeholder:"FILE"`
	Node     string `help:"Name of this node among those that will share the database: a to z and 0 to 9." default:"a"`
}

func (*migrateBoltCmd) Help() string {
	return `Copies everything: records with their payloads, tokens and hashes, status lists, courses, documents, the
audit log with its signed heads. The copy is checked and compared record by record before it can be used.
The file is only read. Stop the issuer server first. Then put the two lines it prints into indeks.yaml, and
move the file away: two stores that continue from one would give out the same places twice.`
}

func (cmd *migrateBoltCmd) Run(ctx context.Context, con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	if c.inDatabase() {
		return &exitError{exitUsage, errors.New("the records are in a database already")}
	}
	_, learners, err := c.unlock(ctx)
	if err != nil {
		return err
	}
	file, err := filepath.Abs(cmd.Database)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	from, keysFile := c.path(c.Issuer.StoreFile), c.dataKeysFile()
	c.Issuer.Database = DatabaseConfig{URLFile: file, Node: cmd.Node}
	d, err := c.database(learners)
	if err != nil {
		return err
	}
	sum, err := store.BoltToPostgres(ctx, from, d)
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, `Copied %d records and %d status lists, compared one by one.

Now, in %s under issuer, put in place of store_file:
  data_keys_file: %s
  database: {url_file: %s, node: %s}
and move %s away, so that nothing goes on from it.
`, sum.Records, len(sum.Lists), c.path(configName), keysFile, file, cmd.Node, from)
	return nil
}
