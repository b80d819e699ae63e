// Command indeks issues, stores, shares and verifies digital micro-credentials.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"indeks/store"
	"indeks/web"
)

// Exit codes. Those of `indeks verify` are a contract with scripts.
const (
	exitOK            = 0
	exitInvalid       = 1 // verify: invalid; other commands: it did not work
	exitUsage         = 2 // wrong arguments, or a file or link that cannot be read
	exitIndeterminate = 3 // verify: genuine as far as seen, something could not be confirmed
)

// commands is the whole command line. In the tags of commands, placeholder is
// what kong calls the word that --help shows for the value of a flag.
type commands struct {
	Demo      demoCmd      `cmd:"" help:"Try everything: issue the examples in a new folder, start both servers, and print links and a QR code."`
	Init      initCmd      `cmd:"" help:"Set up an institution in an empty folder."`
	Issuer    issuerCmd    `cmd:"" help:"Run the issuer server."`
	Verifier  verifierCmd  `cmd:"" help:"Run the verifier server. It does not open any records or keys."`
	Issue     issueCmd     `cmd:"" help:"Issue credentials for a course to everyone on a class list."`
	Batch     batchCmd     `cmd:"" help:"Check a class list and issue its credentials, as a job that survives restarts."`
	Course    courseCmd    `cmd:"" help:"Add courses to the public catalogue, list them and export them."`
	Verify    verifyCmd    `cmd:"" help:"Check whether a credential is genuine."`
	Revoke    revokeCmd    `cmd:"" help:"Permanently revoke a credential."`
	Correct   correctCmd   `cmd:"" help:"Replace a credential that has a mistake or an old name in it."`
	Suspend   suspendCmd   `cmd:"" help:"Put a credential on hold."`
	Reinstate reinstateCmd `cmd:"" help:"Lift a hold."`
	Bulk      bulkCmd      `cmd:"" help:"Revoke or put on hold many credentials: those of a course, a batch or a key."`
	Reissue   reissueCmd   `cmd:"" help:"Issue again the credentials that a compromised key sealed."`
	Pdf       pdfCmd       `cmd:"" help:"Write the certificate of a credential as a PDF."`
	Recognise recogniseCmd `cmd:"" name:"recognitions" help:"Recognise credentials awarded by other providers."`
	Approvals approvalsCmd `cmd:"" help:"Approve or reject awards waiting for a second person."`
	Account   accountCmd   `cmd:"" help:"Create, reset and list the accounts for the registrar's desk."`
	Find      findCmd      `cmd:"" help:"Find credentials on record."`
	Mail      mailCmd      `cmd:"" help:"Emails to learners: test the mail server, see what was sent, send again."`
	Erase     eraseCmd     `cmd:"" help:"Erase personal data: delivery data at once, data in the register by two people."`
	Check     checkCmd     `cmd:"" help:"Read all records and report which are damaged."`
	Backup    backupCmd    `cmd:"" help:"Make a checked and encrypted copy of all records, even while the issuer is running."`
	Restore   restoreCmd   `cmd:"" help:"Restore the records from a backup, without un-revoking anything."`
	Export    exportCmd    `cmd:"" help:"Write the register of certificates as a table, or the whole register as an archive."`
	Archive   archiveCmd   `cmd:"" help:"Verify an archive, anywhere."`
	Import    importCmd    `cmd:"" help:"Restore a register from an archive."`
	Compact   compactCmd   `cmd:"" help:"Rewrite the records without the space they no longer need."`
	Lists     listsCmd     `cmd:"" help:"Show the status lists, or sign them again by a clock that you confirm."`
	Migrate   migrateCmd   `cmd:"" help:"Bring records in a database up to date."`
	Audit     auditCmd     `cmd:"" help:"Verify, list and export the audit log."`
	Keys      keysCmd      `cmd:"" help:"Create, list, import, retire and revoke seal keys."`
	Trust     trustCmd     `cmd:"" help:"Manage whom a verifier vouches for: add, remove, list, import, seal."`
	Lint      lintCmd      `cmd:"" help:"Report what is missing or wrong in a credential or course, and where it belongs."`
	Schema    schemaCmd    `cmd:"" help:"Print the JSON Schema of a course file."`
	Vocab     vocabCmd     `cmd:"" help:"Print the controlled vocabularies, or search one."`
	JoseCose  joseCoseCmd  `cmd:"" name:"vc-jose-cose" help:"Seal and verify for the W3C test suite of VC-JOSE-COSE."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// exitError ends the program with a code and, where it has one, a message.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

// console is where a command reads and writes, so that tests can run it.
type console struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	// Little stays alive here and much is thrown away: with the usual target a
	// quarter of a batch's time goes into collecting it.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// run is the program without its process.
func run(ctx context.Context, args []string, con console) int {
	log, flush := web.NewLogger(con.err)
	defer flush()
	slog.SetDefault(log)
	var cli commands
	var helped bool
	parser, err := kong.New(&cli,
		kong.Name("indeks"),
		kong.Description("Digital micro-credentials: sealed by an institution, owned by the learner, verified by anyone.\n\nStart with `indeks demo`, or `indeks init DIR` for real use."),
		kong.Writers(con.out, con.err),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(con),
	)
	if err != nil {
		fmt.Fprintln(con.err, "indeks:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(con.err, "indeks: %v\nTry: indeks --help, or --help after a command.\n", err)
		return exitUsage
	}
	// What a command does is in its name in the audit log, and in that of the account
	// that runs it. The issuer's server writes for others.
	if name, _, _ := strings.Cut(parsed.Command(), " <"); name != "issuer" {
		acting := store.Acting(ctx, store.Actor{Name: fmt.Sprintf("command %s, uid %d", name, os.Getuid())})
		parsed.BindTo(acting, (*context.Context)(nil))
	}
	if err := parsed.Run(); err != nil {
		var exit *exitError
		if errors.As(err, &exit) {
			if exit.err != nil {
				fmt.Fprintln(con.err, "indeks:", exit.err)
			}
			return exit.code
		}
		fmt.Fprintln(con.err, "indeks:", strings.TrimRight(err.Error(), "\n"))
		return exitInvalid
	}
	return exitOK
}
