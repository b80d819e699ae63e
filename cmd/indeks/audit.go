package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/issuer"
	"indeks/store"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check the audit log against itself, the records and its heads."`
	Head   auditHeadCmd   `cmd:"" help:"Print the last signed head of the audit log."`
	List   auditListCmd   `cmd:"" help:"List events."`
	Export auditExportCmd `cmd:"" help:"Write events as JSON lines or CSV."`
}

func (*auditCmd) Help() string {
	return `Every change to the records is entered in the audit log in the same step: who, when, what and by which request.
The entries are the leaves of a tree. Its head is signed every five minutes and kept with the records and the
backups. Nothing can be removed, changed, swapped or cut off later without contradicting a head.
A running issuer server holds the records. In that case use GET /api/v1/audit and /log/1/checkpoint.`
}

// log opens the records to read their log.
func (f configFlag) log(ctx context.Context) (*auditLog, error) {
	records, err := f.read(ctx)
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("%w, or ask it: GET /api/v1/audit, GET /log", err)
	}
	if err != nil {
		return nil, err
	}
	inst, err := records.config.institution()
	if err != nil {
		return nil, errors.Join(err, records.Close())
	}
	return &auditLog{records, inst}, nil
}

type auditLog struct {
	*opened
	institution issuer.Institution
}

// named is the log with a name, the one that was opened last for "".
func (a *auditLog) named(ctx context.Context, name string) (store.Log, error) {
	logs, err := a.Logs(ctx)
	if err != nil {
		return store.Log{}, err
	}
	for i := range logs {
		if l := logs[len(logs)-1-i]; name == l.Name || name == "" && l.Closed.IsZero() {
			return l, nil
		}
	}
	return store.Log{}, fmt.Errorf("there is no audit log %q", name)
}

type auditVerifyCmd struct {
	configFlag
	serverFlag
	Head  []string `help:"Head that was kept elsewhere. Heads kept with the records and the backups are always compared." type:"existingfile" placeholder:"FILE"`
	Trust string   `help:"With --server: trust file that names the keys of whoever keeps the log. Default: the configured one." type:"existingfile" placeholder:"FILE"`
}

func (*auditVerifyCmd) Help() string {
	return `Reads the whole log and the whole register: each entry makes its leaf, the leaves make the tree, the tree has
every head that was signed, each head opens with the institution's keys, each record has its entries and each
entry its record. It changes nothing. Exit code 1 if anything contradicts.

With --server it verifies what a running issuer publishes, which anyone can do: the leaves make the tree, under the
head that is sealed with a key of the trust file, and under each head that was kept elsewhere. With the API key of
an auditor it also compares every event that the server shows with its leaf.

  indeks audit verify --config uni --head letter-of-march.jwt
  indeks audit verify --server https://credentials.uni.example --trust trust.json --head letter-of-march.jwt`
}

func (cmd *auditVerifyCmd) Run(ctx context.Context, con console) error {
	if cmd.Server != "" {
		return cmd.askServer(ctx, con)
	}
	log, err := cmd.log(ctx)
	if err != nil {
		return err
	}
	defer log.Close()

	// 1. The log, and the records against it.
	counted, done := countRecords(con, "verifying")
	found := store.Check(ctx, log.Store, counted.add)
	done()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("verifying the audit log: broken off after %d records: %w", counted.Load(), err)
	}

	// 2. Its heads, those that were kept elsewhere among them.
	given, err := log.config.headFiles().Read()
	if err != nil {
		return err
	}
	for _, file := range cmd.Head {
		token, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading the head: %w", err)
		}
		given = append(given, token)
	}
	wrong, opened := log.institution.CheckHeads(ctx, log.Store, log.ring, given)
	found = append(found, wrong...)

	// 3. What is said of it.
	logs, err := log.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range logs {
		under := "no head was signed yet"
		if head, err := log.LastHead(ctx, l.Name); err == nil {
			under = fmt.Sprintf("the last signed head has %d of them, of %s", head.Size, head.At.Format(time.RFC3339))
		}
		closed := ""
		if !l.Closed.IsZero() {
			closed = ", closed on " + l.Closed.Format(time.RFC3339)
		}
		fmt.Fprintf(con.out, "Log %s%s: %d entries; %s.\n", l.Name, closed, l.Size, under)
	}
	fmt.Fprintf(con.out, "Read %d records, opened %d heads, %d of which were kept elsewhere.\n", counted.Load(), opened, len(given))
	for _, err := range found {
		fmt.Fprintln(con.err, err)
	}
	if len(found) > 0 {
		return fmt.Errorf("verifying the audit log: %d findings; keep the file as it is, and the heads", len(found))
	}
	fmt.Fprintln(con.out, "Nothing contradicts the log.")
	return nil
}

type auditHeadCmd struct {
	configFlag
	Log string `help:"Name of the log. Default: the one that entries are added to." placeholder:"NAME"`
}

func (*auditHeadCmd) Help() string {
	return `Prints the head as it was sealed (a JWS). Keep it somewhere that cannot be changed by anyone who can change the
records: with the operator of a verifier (indeks trust head), a notary, the ministry, or in print. Everything up to
it is then fixed. Later entries are signed when a command that writes ends, and every five minutes by the server.

  indeks audit head --config uni > head.jwt`
}

func (cmd *auditHeadCmd) Run(ctx context.Context, con console) error {
	log, err := cmd.log(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	l, err := log.named(ctx, cmd.Log)
	if err != nil {
		return err
	}
	head, err := log.LastHead(ctx, l.Name)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("no head of log %s was signed yet: start the issuer once", l.Name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(con.err, "Log %s: the head of %s has %d of %d entries, root %s, key %s.\n", l.Name, head.At.Format(time.RFC3339), head.Size, l.Size, head.Root, head.KeyID)
	fmt.Fprintf(con.out, "%s\n", head.Token)
	return nil
}

// eventFlags pick events.
type eventFlags struct {
	Log    string   `help:"Name of the log. Default: the one that entries are added to." placeholder:"NAME"`
	Kind   []string `help:"Only events of these kinds, such as issued or revoked." placeholder:"KIND"`
	Actor  string   `help:"Only events by exactly this person or program." placeholder:"NAME"`
	Object string   `help:"Only events about the object with this ID." placeholder:"ID"`
	Since  string   `help:"On or after this day or time (RFC 3339)." placeholder:"2026-01-31"`
	Until  string   `help:"Before this day or time." placeholder:"2026-01-31"`
	From   uint64   `help:"Number of the first entry to look at." placeholder:"N"`
}

func (f *eventFlags) filter() (store.EventFilter, error) {
	filter := store.EventFilter{Actor: f.Actor, Object: f.Object}
	for _, kind := range f.Kind {
		if !filter.AddKind(kind) {
			return filter, &exitError{exitUsage, fmt.Errorf("--kind %q: expected one of %s", kind, store.Kinds)}
		}
	}
	for text, at := range map[*string]*time.Time{&f.Since: &filter.Since, &f.Until: &filter.Until} {
		var err error
		if *at, err = dayOrInstant(*text); err != nil {
			return filter, err
		}
	}
	return filter, nil
}

// each gives every event that is picked to do.
func (f *eventFlags) each(ctx context.Context, log *auditLog, do func(issuer.LoggedEvent) error) (store.Log, int, error) {
	filter, err := f.filter()
	if err != nil {
		return store.Log{}, 0, err
	}
	l, err := log.named(ctx, f.Log)
	if err != nil {
		return store.Log{}, 0, err
	}
	n := 0
	for e, err := range log.LogEntries(ctx, l.Name, f.From) {
		if err != nil {
			return l, n, err
		}
		if filter.Match(&e) {
			n++
			if err := do(issuer.EventOf(&e)); err != nil {
				return l, n, err
			}
		}
	}
	return l, n, ctx.Err()
}

type auditListCmd struct {
	configFlag
	eventFlags
	Last int `help:"Show only this many of the latest events; 0 shows all." default:"100" placeholder:"N"`
}

func (cmd *auditListCmd) Run(ctx context.Context, con console) error {
	log, err := cmd.log(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	var shown []issuer.LoggedEvent
	l, n, err := cmd.each(ctx, log, func(e issuer.LoggedEvent) error {
		if shown = append(shown, e); cmd.Last > 0 && len(shown) > 2*cmd.Last {
			shown = append(shown[:0], shown[len(shown)-cmd.Last:]...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if cmd.Last > 0 && len(shown) > cmd.Last {
		shown = shown[len(shown)-cmd.Last:]
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENTRY\tTIME\tEVENT\tABOUT\tRESULT\tBY\tREQUEST")
	for _, e := range shown {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Index, e.At.Format(time.RFC3339), e.Kind, orDash(e.Object), orDash(e.Result), e.Actor, orDash(e.Request))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(con.err, "%d of %d events, out of %d entries of log %s.\n", len(shown), n, l.Size, l.Name)
	return nil
}

type auditExportCmd struct {
	configFlag
	eventFlags
	Format string `help:"jsonl: one JSON object per line; csv: for a spreadsheet." enum:"jsonl,csv" default:"jsonl"`
	Out    string `help:"File to write. It must not exist. Default: standard output." type:"path" placeholder:"FILE"`
}

func (*auditExportCmd) Help() string {
	return `The export itself is logged as an event. An entry identifies people only by the number or key used for them
inside the institution, and credentials by their IDs.

  indeks audit export --config uni --since 2026-01-01 --until 2027-01-01 --format csv --out 2026.csv`
}

func (cmd *auditExportCmd) Run(ctx context.Context, con console) (err error) {
	log, err := cmd.log(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	to := con.out
	if cmd.Out != "" {
		f, err := os.OpenFile(cmd.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("exporting events: %w", err)
		}
		defer f.Close()
		to = f
	}
	l, n, err := cmd.write(ctx, log, to)
	if err != nil {
		return fmt.Errorf("exporting events: %w", err)
	}
	if err := log.Close(); err != nil {
		return err
	}
	fmt.Fprintf(con.err, "%d events of log %s.\n", n, l.Name)
	return log.config.logEvent(ctx, log.learners, store.Event{Kind: store.KindExported, Object: "audit log " + l.Name, Result: fmt.Sprintf("%d events as %s", n, cmd.Format)})
}

func (cmd *auditExportCmd) write(ctx context.Context, log *auditLog, to io.Writer) (store.Log, int, error) {
	w := bufio.NewWriter(to)
	one := func(e issuer.LoggedEvent) error {
		raw, err := json.Marshal(e, json.Deterministic(true))
		if err != nil {
			return err
		}
		_, err = w.Write(append(raw, '\n'))
		return err
	}
	if cmd.Format == "csv" {
		fmt.Fprint(w, "entry,at,kind,actor,request,object,result,digest,program,leaf\r\n")
		one = func(e issuer.LoggedEvent) error {
			_, err := fmt.Fprintf(w, "%d,%s,%s,%s,%s,%s,%s,%s,%s,%s\r\n", e.Index, e.At.Format(time.RFC3339Nano), e.Kind,
				issuer.AsCSV(e.Actor), issuer.AsCSV(e.Request), issuer.AsCSV(e.Object), issuer.AsCSV(e.Result), e.Digest, issuer.AsCSV(e.Program), issuer.AsCSV(e.Leaf.String()))
			return err
		}
	}
	l, n, err := cmd.each(ctx, log, one)
	return l, n, errors.Join(err, w.Flush())
}

// logEvent puts an event into the audit log that tells of what was done beside the
// records.
func (c *Config) logEvent(ctx context.Context, learners *store.DataKeys, ev store.Event) error {
	records, err := c.openRecords(ctx, learners)
	if err != nil {
		return fmt.Errorf("logging it: %w", err)
	}
	if err := errors.Join(records.Append(ctx, ev), records.Close()); err != nil {
		return fmt.Errorf("logging it: %w", err)
	}
	return nil
}
