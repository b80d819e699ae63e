package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"indeks/accounts"
	"indeks/examples"
	"indeks/issuer"
	"indeks/paper"
	"indeks/store"
	"indeks/web"
	"indeks/web/issuing"
)

type demoCmd struct {
	Dir            string `help:"Folder for the demo. An earlier demo there is replaced." default:"demo"`
	Listen         string `help:"Address of the issuer server." default:"127.0.0.1:8080"`
	VerifierListen string `help:"Address of the verifier." default:"127.0.0.1:8081"`
	Once           bool   `help:"Issue, print and exit, without starting the servers."`
}

func (*demoCmd) Help() string {
	return `You do not need a network or an account. The demo sets up a made-up institution in DIR, issues three example
micro-credentials and a class of 250, revokes one and puts one on hold, starts the issuer server and the
verifier, and prints links to open and a QR code. Press Ctrl-C to stop. Everything stays in DIR for you to look at.`
}

// demoMark is a file that only a demo's folder has, so that replacing it never
// takes anything else away.
const demoMark = "made-by-indeks-demo"

func (cmd *demoCmd) Run(ctx context.Context, con console) error {
	start := time.Now()
	// 1. Ports first: nothing is made if the servers cannot run.
	listen, err := listenBoth(cmd.Listen, cmd.VerifierListen)
	if err != nil {
		return err
	}
	defer listen.close()

	// 2. A fresh institution.
	if err := clearDemo(cmd.Dir); err != nil {
		return err
	}
	made, err := (&initCmd{Dir: cmd.Dir, facts: examples.Institution(), Alg: "ES256",
		Listen: listen.issuer.Addr().String(), PublicBase: base(listen.issuer),
		VerifierListen: listen.verifier.Addr().String(), VerifierBase: base(listen.verifier)}).setUp(ctx, time.Now())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(cmd.Dir, demoMark), nil, 0o600); err != nil {
		return fmt.Errorf("setting up the demo: %w", err)
	}
	if err := os.WriteFile(filepath.Join(cmd.Dir, "api-key"), []byte(made.apiKey+"\n"), 0o600); err != nil {
		return fmt.Errorf("setting up the demo: %w", err)
	}

	// A second person, for what nobody may do alone.
	approver, line := newAPIKey("second", []string{"approver", "auditor"})
	keys, err := os.OpenFile(made.config.path(made.config.Issuer.APIKeysFile), os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		_, err = keys.WriteString(line)
		err = errors.Join(err, keys.Close(), os.WriteFile(filepath.Join(cmd.Dir, "approver-key"), []byte(approver+"\n"), 0o600))
	}
	if err != nil {
		return fmt.Errorf("setting up the demo: %w", err)
	}

	// 3. Publish the courses and issue, as a registrar would.
	house, err := openHouse(ctx, made.config, false)
	if err != nil {
		return err
	}
	defer house.close()
	catalogue := issuer.NewCatalogue(house.institution, house.store, nil)
	for _, example := range examples.Courses() {
		if _, _, _, err := catalogue.Put(ctx, example.Name, example.CourseJSON, issuer.Terms{Published: true}); err != nil {
			return err
		}
	}
	shown, total, err := cmd.issue(ctx, con, house)
	if err != nil {
		return err
	}
	if shown.revoked.record, err = house.issuer.Revoke(ctx, shown.revoked.record.ID, issuer.Why{Text: "demo: withdrawn after an appeal", By: "demo"}); err != nil {
		return err
	}
	if shown.suspended.record, err = house.issuer.Suspend(ctx, shown.suspended.record.ID, issuer.Why{Text: "demo: under review", By: "demo"}); err != nil {
		return err
	}

	// 4. Who signs in, and what the first page leads to.
	if house.demo, err = cmd.demo(ctx, house, shown); err != nil {
		return err
	}

	// 5. Show it.
	if err := shown.print(con, house, total, time.Since(start)); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "\nFiles: %s (records, keys, the sealed files and some certificates as PDF in sealed/, API keys in api-key and approver-key)\n", cmd.Dir)
	if cmd.Once {
		return nil
	}
	serveVerifier, err := newVerifierServer(con, made.config, secure{})
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Serving. Press Ctrl-C to stop.\n")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return house.serve(ctx, listen.issuer, secure{}) })
	g.Go(func() error { return serveVerifier(ctx, listen.verifier) })
	return ended(g.Wait())
}

// demo makes accounts whose passwords everybody sees, and ask for no code: one alone
// can do nothing that takes two.
func (cmd *demoCmd) demo(ctx context.Context, house *house, shown demoShown) (*issuing.Demo, error) {
	people, err := house.config.accounts(house.store)
	if err != nil {
		return nil, err
	}
	demo := &issuing.Demo{Learner: house.issuer.LearnerURL(shown.valid[0].record), Verify: house.issuer.VerifyURL(shown.valid[0].record)}
	for _, one := range []issuing.DemoAccount{
		{Name: "registrar", Roles: []issuing.Role{issuing.Registrar}},
		{Name: "approver", Roles: []issuing.Role{issuing.Approver, issuing.Auditor}},
		{Name: "quality", Roles: []issuing.Role{issuing.Reviewer}},
		{Name: "head", Roles: []issuing.Role{issuing.Admin}},
	} {
		if one.Password, err = people.Add(ctx, accounts.Account{Name: one.Name, Roles: names(one.Roles), CodeUnset: true}); err != nil {
			return nil, err
		}
		demo.Accounts = append(demo.Accounts, one)
	}
	return demo, nil
}

// issue issues the examples and the class; what is worth a link comes back.
func (cmd *demoCmd) issue(ctx context.Context, con console, house *house) (demoShown, int, error) {
	var shown demoShown
	total := 0
	sealed := filepath.Join(cmd.Dir, "sealed")
	if err := os.MkdirAll(sealed, 0o700); err != nil {
		return shown, 0, fmt.Errorf("setting up the demo: %w", err)
	}
	list := examples.Courses()
	list = append(list, examples.Course{Name: "class", CourseJSON: list[0].CourseJSON, ListName: "class-250.csv", List: examples.Class250()})
	for _, example := range list {
		course, _, err := house.institution.ParseCourse(example.Name, example.CourseJSON)
		if err != nil {
			return shown, 0, err
		}
		drafts, _, err := issuer.ReadList(example.ListName, example.List, course, example.Encoding)
		if err != nil {
			return shown, 0, err
		}
		var records []store.Record
		_, failed, err := issueAll(con, house.issuer.IssueAll(ctx, drafts), drafts, func(r store.Record) error {
			records = append(records, r)
			if err := writeForms(sealed, r); err != nil || example.Name == "class" {
				return err
			}
			return writePDF(ctx, sealed, house.issuer, r)
		})
		if err != nil {
			return shown, 0, err
		}
		if failed > 0 {
			return shown, 0, fmt.Errorf("%d credentials of the example %s were not issued", failed, example.Name)
		}
		total += len(records)
		if example.Name == "class" {
			shown.revoked, shown.suspended = demoLink{"revoked", records[0]}, demoLink{"on hold", records[1]}
			continue
		}
		shown.valid = append(shown.valid, demoLink{"valid", records[0]})
	}
	return shown, total, nil
}

// demoShown is what the table shows.
type demoShown struct {
	valid              []demoLink
	revoked, suspended demoLink
}

type demoLink struct {
	what   string
	record store.Record
}

func (s demoShown) print(con console, house *house, total int, took time.Duration) error {
	fmt.Fprintf(con.out, "Issued %d micro-credentials of %s in %s, each in two sealed forms, self-checked and on record.\n\n", total, house.institution.LegalName["en"], took.Round(10*time.Millisecond))
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "STATE\tCREDENTIAL\tEMPLOYER SCANS\tLEARNER OPENS\n")
	for _, l := range append(s.valid, s.revoked, s.suspended) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.what, l.record.Title, house.issuer.VerifyURL(l.record), house.issuer.LearnerURL(l.record))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "\nSTART HERE %s\nVerifier   %s\nCatalogue  %[1]s/catalogue\nDesk       %[1]s/desk, as registrar with the password %[3]s\n", house.config.Issuer.PublicBase, house.config.Verifier.PublicBase, house.demo.Accounts[0].Password)
	qr, err := paper.Terminal(house.issuer.VerifyURL(s.valid[0].record))
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "\n%s", qr)
	return nil
}

// bothListeners are the two servers' ports.
type bothListeners struct{ issuer, verifier net.Listener }

func listenBoth(issuerAddr, verifierAddr string) (bothListeners, error) {
	i, err := web.Listen(issuerAddr)
	if err != nil {
		return bothListeners{}, fmt.Errorf("%w; --listen chooses another address", err)
	}
	v, err := web.Listen(verifierAddr)
	if err != nil {
		return bothListeners{}, errors.Join(fmt.Errorf("%w; --verifier-listen chooses another address", err), i.Close())
	}
	return bothListeners{i, v}, nil
}

func (b bothListeners) close() {
	b.issuer.Close()
	b.verifier.Close()
}

// base is the URL of a listener on this machine.
func base(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://localhost:" + port
}

// clearDemo removes an earlier demo, and nothing else.
func clearDemo(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, demoMark)); errors.Is(err, fs.ErrNotExist) {
		return nil // init refuses a folder that holds anything
	} else if err != nil {
		return fmt.Errorf("looking at %s: %w", dir, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the earlier demo: %w", err)
	}
	return nil
}

// version is the module's, or the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value
		}
	}
	return v
}
