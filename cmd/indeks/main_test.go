package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"indeks": func() { os.Exit(run(context.Background(), os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr})) },
	})
}

// The scripts in testdata are what a registrar or an operator types, and what
// they are told.
func TestCommands(t *testing.T) {
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			env.Setenv("INDEKS_PASSPHRASE", "")
			return nil
		},
	})
}
