package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	bolt "go.etcd.io/bbolt"

	"indeks/internal/keyfile"
	"indeks/internal/postgres"
	"indeks/issuer"
	"indeks/store"
)

func TestMain(m *testing.M) {
	if key := os.Getenv("INDEKS_SPEED_KEY"); key != "" { // started by TestSpeed
		fmt.Fprintln(os.Stderr, bareServer(key))
		os.Exit(1)
	}
	testscript.Main(m, map[string]func(){
		"indeks": func() {
			code := run(context.Background(), os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr})
			if code == 0 && len(os.Args) > 2 && os.Args[1] == "init" {
				if err := lightenKeyFile(os.Args[2]); err != nil {
					fmt.Fprintln(os.Stderr, err)
					code = 1
				}
			}
			os.Exit(code)
		},
	})
}

// lightenKeyFile encrypts the key file of a new institution with little work for
// scrypt. Opening it costs 0.3 s of a processor by intent, at each start, and nothing
// that these tests promise rests on it.
func lightenKeyFile(dir string) error {
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	pass, err := c.passphrase()
	if err != nil {
		return err
	}
	return keyfile.Lighten(c.path(c.Issuer.KeysFile), pass)
}

// The scripts in testdata are what a registrar or an operator types, and what
// they are told.
func TestCommands(t *testing.T) {
	testCommands(t, "testdata", map[string]func(*testscript.TestScript, bool, []string){"setschema": setSchema, "signlists": signLists, "erase": erase})
}

// Those in testdata/database work with records in PostgreSQL: database FILE [OTHER]
// makes an empty database, or a copy of the one whose URL is in the file OTHER, and
// writes its URL to a file.
func TestDatabaseCommands(t *testing.T) {
	server := postgres.Shared(t)
	testCommands(t, filepath.Join("testdata", "database"), map[string]func(*testscript.TestScript, bool, []string){
		"database": func(ts *testscript.TestScript, _ bool, args []string) {
			other := ""
			if len(args) > 1 {
				u, err := url.Parse(strings.TrimSpace(ts.ReadFile(args[1])))
				ts.Check(err)
				other = strings.TrimPrefix(u.Path, "/")
			}
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(server.URL(server.Database(t, other))+"\n"), 0o600))
		},
	})
}

func testCommands(t *testing.T, dir string, commands map[string]func(*testscript.TestScript, bool, []string)) {
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  dir,
		Cmds: commands,
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			env.Setenv("INDEKS_PASSPHRASE", "")
			return nil
		},
	})
}

// schema1 are the buckets that the first stores had.
var schema1 = strings.Fields("meta records payloads tokens pending ids keys publics links numbers entries lists bits published series")

// setSchema makes of a store one of another schema, as an earlier or a later
// program would have left it: setschema FILE SCHEMA.
func setSchema(ts *testscript.TestScript, _ bool, args []string) {
	db, err := bolt.Open(ts.MkAbs(args[0]), 0o600, nil)
	ts.Check(err)
	defer db.Close()
	ts.Check(db.Update(func(tx *bolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		was := string(meta.Get([]byte("store"))[sha256.Size:])
		now := was[:strings.LastIndexByte(was, ':')+1] + args[1] + "}"
		sum := sha256.Sum256([]byte("meta 5 store" + now))
		if err := meta.Put([]byte("store"), append(sum[:], now...)); err != nil || args[1] != "1" {
			return err
		}
		var later [][]byte
		err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
			if !slices.Contains(schema1, string(name)) {
				later = append(later, bytes.Clone(name))
			}
			return nil
		})
		for _, name := range later {
			err = errors.Join(err, tx.DeleteBucket(name))
		}
		return err
	}))
}

// erase erases what the register says of a credential: erase DIR NUMBER.
func erase(ts *testscript.TestScript, _ bool, args []string) {
	house, err := configFlag{ts.MkAbs(args[0])}.open(context.Background())
	ts.Check(err)
	defer house.close()
	r, err := house.store.ByNumber(context.Background(), args[1])
	ts.Check(err)
	_, err = house.store.Erase(context.Background(), store.Erasure{Class: store.Register, At: time.Now(), Reason: "a test", By: "registrar", Confirmed: "officer"}, r.ID)
	ts.Check(err)
}

// signLists signs the status lists of an institution as a program did whose clock
// was off by so many hours: signlists DIR HOURS.
func signLists(ts *testscript.TestScript, _ bool, args []string) {
	c, err := readConfig(ts.MkAbs(args[0]))
	ts.Check(err)
	inst, err := c.institution()
	ts.Check(err)
	ring, err := c.ring()
	ts.Check(err)
	learners, err := c.dataKeys(context.Background(), ring)
	ts.Check(err)
	records, err := store.OpenBolt(c.path(c.Issuer.StoreFile), c.Issuer.StoreID, learners)
	ts.Check(err)
	defer records.Close()
	hours, err := strconv.Atoi(args[1])
	ts.Check(err)
	_, err = issuer.New(context.Background(), issuer.Config{Institution: inst, Store: records, Ring: ring, ClockConfirmed: true,
		Now: func() time.Time { return time.Now().Add(time.Duration(hours) * time.Hour) }})
	ts.Check(err)
}
