package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"indeks/contexts"
)

type vocabCmd struct {
	List   string   `arg:"" optional:"" help:"Name of a list. Without it, the names of all lists are printed."`
	Search []string `arg:"" optional:"" help:"Words to search for in codes and in labels of any language, ignoring case and accents."`
	Lang   string   `help:"Language of the labels, if they are translated: ${enum}." enum:"en,bs,cnr,de,hr,mk,sl,sq,sr-Latn,sr-Cyrl" default:"en"`
}

func (*vocabCmd) Help() string {
	return `Prints the controlled vocabularies that a credential can use. They are compiled in.

A code from a closed list that is not printed here is wrong. A code from an open list may have been added since.

  indeks vocab
  indeks vocab assessment
  indeks vocab isced-f software
  indeks vocab nqf noks nivo 7 --lang sr-Latn`
}

func (cmd *vocabCmd) Run(con console) error {
	if cmd.List == "" {
		return printLists(con.out)
	}
	about, ok := contexts.About(cmd.List)
	if !ok {
		return &exitError{exitUsage, fmt.Errorf("there is no list %q; the lists are %s", cmd.List, strings.Join(contexts.Lists(), ", "))}
	}
	text := strings.Join(cmd.Search, " ")
	found := contexts.Search(cmd.List, text, cmd.Lang, 0)
	if len(found) == 0 {
		return fmt.Errorf("nothing in the list of %s matches %q", about.Title, text)
	}
	fmt.Fprintf(con.out, "%s, %s\nscheme %s\n", about.Title, openOrClosed(about), about.Scheme)
	if about.Base != "" {
		fmt.Fprintf(con.out, "ids    %sCODE\n", about.Base)
	}
	table := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nCODE\tLABEL\n")
	for _, c := range found {
		label := "-"
		if len(c.Label) > 0 {
			label = c.In(cmd.Lang)
		}
		fmt.Fprintf(table, "%s\t%s\n", strings.TrimPrefix(c.ID, about.Base), label)
	}
	return table.Flush()
}

func printLists(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "LIST\tMEMBERS\t\tOF\n")
	for _, name := range contexts.Lists() {
		about, _ := contexts.About(name)
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", name, len(contexts.List(name)), openOrClosed(about), about.Title)
	}
	return table.Flush()
}

func openOrClosed(about contexts.ListInfo) string {
	if about.Closed {
		return "closed"
	}
	return "open"
}
