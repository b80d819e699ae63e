package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"indeks/accounts"
	"indeks/contexts"
	"indeks/issuer"
	"indeks/keys"
	"indeks/store"
	"indeks/verifier"
	"indeks/web"
	"indeks/web/issuing"
	"indeks/web/verifying"
)

// configFlag names the configuration; every command that works on an
// institution has it.
type configFlag struct {
	Config string `help:"The institution's folder, or its indeks.yaml." default:"." placeholder:"DIR"`
}

// open opens the institution that the flag names.
func (f configFlag) open(ctx context.Context) (*house, error) {
	c, err := readConfig(f.Config)
	if err != nil {
		return nil, err
	}
	return openHouse(ctx, c, false)
}

type issuerCmd struct {
	configFlag
	Listen string `help:"Address to listen on instead of the configured one."`
}

func (*issuerCmd) Help() string {
	return `Serves the API under /api/v1 (Authorization: Bearer KEY), the learners' pages and downloads at
links that cannot be guessed, the status lists, and the published keys (did.json, jwks.json,
jwt-vc-issuer). It finishes what an earlier run left reserved, signs the status lists again every
hour, and reads all records once a day to check the disk (/readyz shows what it found).
Press Ctrl-C to stop it. It answers open requests first.

  curl -H "Authorization: Bearer $KEY" -H "Idempotency-Key: row-1" -H "Content-Type: application/json" \
       -d @request.json http://localhost:8080/api/v1/credentials`
}

func (cmd *issuerCmd) Run(ctx context.Context, con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	if cmd.Listen != "" {
		c.Issuer.Listen = cmd.Listen
	}
	if c.traces, err = c.trace("issuer"); err != nil {
		return err
	}
	defer c.traces.Close()
	house, err := openHouse(ctx, c, false)
	if err != nil {
		return err
	}
	defer house.close()
	room := headroom(issuerRoom) // and not before, as opening the key file takes as much once
	defer runtime.KeepAlive(room)
	listener, err := web.Listen(c.Issuer.Listen)
	if err != nil {
		return fmt.Errorf("%w; --listen chooses another address", err)
	}
	with, err := c.secure("issuer", &c.Issuer.TLS, c.Issuer.PublicBase)
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Issuer of %s on %s, known as %s. Press Ctrl-C to stop.\n", house.institution.LegalName["en"], with.at(listener), c.Issuer.PublicBase)
	return house.serve(ctx, listener, with)
}

// house is an institution with its records and keys open.
type house struct {
	config      *Config
	institution issuer.Institution
	store       store.Store
	learners    *store.DataKeys
	ring        *keys.Ring
	disk        *store.Disk
	issuer      *issuer.Issuer
	demo        *issuing.Demo // nil: it is none
	heads       issuer.HeadFiles
	tells       bool // of heads, in the log
	letters     func(outcome string)
}

// openHouse opens keys and records and finishes what was left reserved. Where the
// clock is confirmed, it signs all status lists anew.
func openHouse(ctx context.Context, c *Config, clockConfirmed bool) (*house, error) {
	inst, err := c.institution()
	if err != nil {
		return nil, err
	}
	if err := inst.Validate(); err != nil {
		return nil, fmt.Errorf("reading the institution's facts in %s: %w", c.path(configName), err)
	}
	ring, learners, err := c.unlock(ctx)
	if err != nil {
		return nil, err
	}
	records, err := c.openRecords(ctx, learners)
	if err != nil {
		return nil, err
	}
	disk := c.disk()
	records = store.Guard(records, c.ReadOnly, disk)
	var mirror func(string, []byte) error
	if c.Backup.Dir != "" {
		mirror = issuer.MirrorLists(filepath.Join(c.path(c.Backup.Dir), "lists"))
	}
	h := &house{config: c, institution: inst, store: records, learners: learners, ring: ring, disk: disk, heads: c.headFiles(), letters: func(string) {}}
	heads, err := h.heads.Read()
	if err != nil {
		return nil, errors.Join(err, records.Close())
	}
	post, err := c.post()
	if err != nil {
		return nil, errors.Join(err, records.Close())
	}
	if post != nil {
		post.Count = func(outcome string) { h.letters(outcome) }
	}
	h.issuer, err = issuer.New(ctx, issuer.Config{Persons: accounts.New(accounts.Config{Store: records}).Persons, Post: post, Anchor: h.keepHead, Anchored: heads, Settings: c.digest, Institution: inst, Store: records, Ring: ring, Mirror: mirror, ApprovalTime: c.Issuer.ApprovalTime, KeyApproval: c.Issuer.KeyApproval, NewKey: c.newKey("", time.Time{}), TrustChanged: c.trustChanged, KeysChanged: c.keysChanged(records, learners), Warn: slog.Warn,
		ClockJump: cmp.Or(c.Issuer.ClockJump, math.MaxInt64), ClockConfirmed: clockConfirmed, Step: c.traces.Steps()})
	if err != nil {
		if !c.ReadOnly && errors.Is(records.Writable(), store.ErrReadOnly) { // a write of New failed
			err = fmt.Errorf("%w; run the same command again", err)
		}
		return nil, errors.Join(err, records.Close())
	}
	return h, nil
}

// headFiles are the folders in which the last head of the audit log is kept: beside
// the records, or this node's configuration, and, to outlive this machine, beside the backups.
func (c *Config) headFiles() issuer.HeadFiles {
	files := issuer.HeadFiles{filepath.Join(filepath.Dir(c.path(c.Issuer.StoreFile)), headsFolder)}
	if c.inDatabase() {
		files[0] = c.path(headsFolder)
	}
	if c.Backup.Dir != "" {
		files = append(files, filepath.Join(c.path(c.Backup.Dir), headsFolder))
	}
	return files
}

const headsFolder = "heads"

// keepHead keeps a head of the audit log, and puts it into the server's log, which
// leaves the machine in another way.
func (h *house) keepHead(head store.Head) error {
	written, err := h.heads.Write(head)
	if written && h.tells {
		slog.Info("head of the audit log", "log", head.Log, "size", head.Size, "root", head.Root.String(), "signed", head.At.Format(time.RFC3339), "key", head.KeyID)
	}
	return err
}

// lastHead is how long signing what was logged last may take.
const lastHead = 5 * time.Second

// close signs what was logged last, and closes the records.
func (h *house) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastHead)
	defer cancel()
	if err := h.issuer.SignHeads(ctx); err != nil {
		slog.Warn("the audit log is not signed to its end", "error", err)
	}
	return h.store.Close()
}

// serve runs the issuer's server and its loop until ctx ends or one of them stops.
func (h *house) serve(ctx context.Context, listener net.Listener, with secure) error {
	apiKeys, err := openAPIKeys(h.config.path(h.config.Issuer.APIKeysFile), h.store.Append)
	if err != nil {
		return err
	}
	limits := h.config.Limits
	limits.limitMemory()
	if h.disk == nil {
		slog.Info("the records are in a database, whose disk is watched by its own host")
	} else if err := h.disk.Hold(); err != nil {
		slog.Warn("no room is kept for revoking on a full disk", "error", err)
	}
	var backups *issuer.Keeper
	switch b := h.config.Backup; {
	case b.Dir == "":
	case h.config.inDatabase():
		slog.Info("status lists are mirrored; the records are in a database and backed up by its own means", "dir", b.Dir)
	default:
		if len(b.Recipients) == 0 {
			slog.Warn("backups are not encrypted: backup.recipients names nobody", "dir", b.Dir)
		}
		backups = &issuer.Keeper{Backup: h.backup(), Dir: h.config.path(b.Dir), Every: b.Every, Keep: b.Keep, Warn: slog.Warn}
	}
	var archives *issuer.ArchiveKeeper
	if b := h.config.Backup; b.Dir != "" && len(b.Recipients) > 0 {
		archives = h.archives()
	}
	metrics, serveMetrics, err := newMetrics(h.config.Issuer.MetricsListen, &limits)
	if err != nil {
		return err
	}
	if records := h.config.path(h.config.Issuer.StoreFile); !h.config.inDatabase() {
		metrics.Gauge("indeks_store_bytes", "Size of the file of records.", func() float64 {
			info, err := os.Stat(records)
			if err != nil {
				return math.NaN()
			}
			return float64(info.Size())
		})
	}
	h.letters = metrics.Counter("indeks_letters_total", "Letters to learners, by what became of them: sent, later (it is tried again), refused, bounced.", "outcome")
	h.config.tellOfMail()
	batches := h.batches()
	kit := limits.kit(limits.issueRate())
	kit.Metrics, kit.Traces, kit.TLS = metrics, h.config.traces, with.tls
	with.measure(metrics)
	var examiner issuing.Examiner
	if v, err := h.config.newVerifier(); err == nil {
		examiner = v
	} else {
		slog.Warn("nothing is recognised, because there is no verifier", "error", err)
	}
	people, err := h.config.accounts(h.store)
	if err != nil {
		return err
	}
	signIn := &h.config.Issuer.SignIn
	settings, err := h.config.yaml() // what is secret stands in files that it names
	if err != nil {
		return err
	}
	server, err := issuing.New(issuing.Config{Accounts: people, ProviderName: signIn.Provider.Name, NoPasswords: signIn.ProviderOnly, Demo: h.demo, Settings: string(settings), Issuer: h.issuer, Verifier: examiner, Batches: batches, ListBody: limits.ListBody.orNone(), DraftsAtOnce: cmp.Or(limits.DraftsAtOnce, math.MaxInt), Backups: backups, Archives: archives, Disk: h.disk, ReadOnly: h.config.ReadOnly, SeveralNodes: h.config.inDatabase(), Store: h.store, Institution: h.institution, KnownKeys: apiKeys.now,
		WrongKeys: limits.wrongKeys(), VCAPI: h.config.Issuer.VCAPI, VCAPIForm: h.config.Issuer.VCAPIForm, Kit: kit})
	if err != nil {
		return err
	}
	h.tells = true
	g, ctx := errgroup.WithContext(ctx)
	serveWith(ctx, g, listener, h.config.traces.Handler(server), &limits, with)
	g.Go(func() error { return apiKeys.Run(ctx) })
	g.Go(func() error { return h.issuer.RunKeys(ctx) })
	g.Go(func() error { return h.issuer.RunLog(ctx) })
	g.Go(func() error { return serveMetrics(ctx) })
	g.Go(func() error { return h.issuer.RunStatusLists(ctx) })
	g.Go(func() error { return h.issuer.RunInspection(ctx) })
	g.Go(func() error { return batches.Run(ctx) })
	g.Go(func() error { return people.Run(ctx) })
	g.Go(func() error { return h.issuer.RunApprovals(ctx) })
	g.Go(func() error { return h.issuer.RunBulks(ctx) })
	g.Go(func() error { return h.issuer.RunShares(ctx) })
	g.Go(func() error { return h.issuer.RunLetters(ctx) })
	g.Go(func() error { h.keepErased(ctx); return nil })
	g.Go(func() error {
		return h.issuer.RunRetention(ctx, issuer.Retention{RegisterYears: h.config.Retention.RegisterYears, DeliveryMonths: h.config.Retention.DeliveryMonths})
	})
	if backups != nil {
		g.Go(func() error { return backups.Run(ctx) })
	}
	if archives != nil {
		g.Go(func() error { return archives.Run(ctx) })
	}
	return ended(g.Wait())
}

// settleEvery is how often a node looks for what others have erased.
const settleEvery = time.Minute

// keepErased fills the index for searches where it is missing, and destroys the data
// keys of what other nodes erase, or could not be destroyed when it was, until ctx ends.
func (h *house) keepErased(ctx context.Context) {
	if err := store.FillSearch(ctx, h.store); err != nil && ctx.Err() == nil {
		slog.Warn("the index for searches is not filled: searches take their time", "error", err)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(settleEvery):
		}
		if err := store.Settle(ctx, h.store); err != nil && ctx.Err() == nil {
			slog.Warn("ALARM: data keys of what is erased are still there", "error", err)
		}
	}
}

// serveWith has a group serve h, with TLS, and its redirect where there is one.
func serveWith(ctx context.Context, g *errgroup.Group, l net.Listener, h http.Handler, limits *Limits, with secure) {
	if with.plain != nil {
		redirect := with.tls.Handler()
		g.Go(func() error { return web.Serve(ctx, with.plain, redirect, limits.connections(), nil) })
	}
	g.Go(func() error { return web.Serve(ctx, l, h, limits.connections(), with.tls) })
	g.Go(func() error { return with.tls.Run(ctx) })
}

// newMetrics returns metrics and what serves them on an address of their own, nil
// and nothing where there is no address.
func newMetrics(listen string, limits *Limits) (*web.Metrics, func(context.Context) error, error) {
	if listen == "" {
		return nil, func(context.Context) error { return nil }, nil
	}
	listener, err := web.Listen(listen)
	if err != nil {
		return nil, nil, fmt.Errorf("%w; metrics_listen in %s names it", err, configName)
	}
	m := web.NewMetrics()
	return m, func(ctx context.Context) error { return web.Serve(ctx, listener, m.Echo(), limits.connections(), nil) }, nil
}

// ended drops the error that says no more than that the program was asked to end.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// backup is how the records of the house are copied.
func (h *house) backup() issuer.Backup {
	return h.config.backup(h.store, h.learners, h.issuer.Publication().Keys)
}

func (c *Config) backup(records store.Store, learners *store.DataKeys, entries []keys.Entry) issuer.Backup {
	return issuer.Backup{Store: records, Learners: learners, Keys: entries, Work: c.path(c.Issuer.StoreFile) + ".copy", StoreID: c.Issuer.StoreID,
		Recipients: c.Backup.Recipients, Program: version(), Now: time.Now}
}

// readAPIKeys reads lines "NAME SHA256-HEX", or "NAME SHA256-HEX admin" for a key that may also run the
// server; empty lines and lines with # are comments. raw is what it has read.
func readAPIKeys(path string) (raw []byte, list []issuing.APIKey, err error) {
	if raw, err = os.ReadFile(path); err != nil {
		return nil, nil, fmt.Errorf("reading the API keys: %w", err)
	}
	for n, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		words := append(strings.Fields(line), "")
		sum, err := hex.DecodeString(words[1])
		key := issuing.APIKey{Name: words[0]}
		for _, word := range words[2:] {
			role := issuing.Role(word)
			if word != "" && !slices.Contains(issuing.Roles, role) {
				err = errors.New("no such role")
			} else if word != "" {
				key.Roles = append(key.Roles, role)
			}
		}
		if err != nil || len(sum) != 32 {
			return nil, nil, fmt.Errorf("reading the API keys: line %d of %s is not NAME and the SHA-256 of a key in hexadecimal, with or without roles out of %s", n+1, path, issuing.Roles)
		}
		key.SHA256 = [32]byte(sum)
		list = append(list, key)
	}
	return raw, list, nil
}

type verifierCmd struct {
	configFlag
	Trust    string   `help:"Trust file instead of the configured one." type:"path" placeholder:"FILE"`
	TrustKey []string `help:"Key that must have sealed it, instead of those configured, as a thumbprint or a JWK." sep:"none" placeholder:"KEY"`
	Listen   string   `help:"Address to listen on instead of the configured one."`
}

func (*verifierCmd) Help() string {
	return `Serves the page where anyone can check a credential: by pasting it, uploading it or scanning a QR code.
It reads only the verifier's part of the configuration and the trust file. It does not open any records
or keys, and needs none of the issuer's files. Without a trust file it vouches for nobody.
Press Ctrl-C to stop it. It answers open requests first.`
}

func (cmd *verifierCmd) Run(ctx context.Context, con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	if cmd.Listen != "" {
		c.Verifier.Listen = cmd.Listen
	}
	if cmd.Trust != "" {
		c.Verifier.TrustFile = cmd.Trust
	}
	if cmd.TrustKey != nil {
		c.Verifier.TrustKeys = cmd.TrustKey
	}
	with, err := c.secure("verifier", &c.Verifier.TLS, c.Verifier.PublicBase)
	if err != nil {
		return err
	}
	if c.traces, err = c.trace("verifier"); err != nil {
		return err
	}
	defer c.traces.Close()
	server, err := newVerifierServer(con, c, with)
	if err != nil {
		return err
	}
	listener, err := web.Listen(c.Verifier.Listen)
	if err != nil {
		return fmt.Errorf("%w; --listen chooses another address", err)
	}
	fmt.Fprintf(con.out, "Verifier on %s, known as %s. Press Ctrl-C to stop.\n", with.at(listener), c.Verifier.PublicBase)
	return ended(server(ctx, listener))
}

// newVerifierServer prepares the verifier's server from its part of the
// configuration, and says whom it trusts by whose word.
func newVerifierServer(con console, c *Config, with secure) (func(context.Context, net.Listener) error, error) {
	v, err := c.newVerifier()
	if err != nil {
		return nil, err
	}
	var conformance *verifier.Verifier
	if c.Verifier.VCAPI {
		if conformance, err = c.newVerifierWith(contexts.Default().Open()); err != nil {
			return nil, err
		}
	}
	fmt.Fprintln(con.out, said(v.Trust(), c.path(c.Verifier.TrustFile), time.Now()))
	limits := c.Limits
	limits.limitMemory()
	metrics, serveMetrics, err := newMetrics(c.Verifier.MetricsListen, &limits)
	if err != nil {
		return nil, err
	}
	kit := limits.kit(limits.verifyRate())
	kit.Metrics, kit.Traces, kit.TLS = metrics, c.traces, with.tls
	with.measure(metrics)
	server, err := verifying.New(verifying.Config{Verifier: v, Conformance: conformance, Base: c.Verifier.PublicBase, Kit: kit, Program: "indeks " + version(), National: national,
		Body: limits.VerifyBody.orNone(), StackBody: limits.StackBody.orNone(), BulkBody: limits.BulkBody.orNone(), Workers: limits.workers(), Queue: limits.queue()})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, l net.Listener) error {
		room := headroom(verifierRoom)
		defer runtime.KeepAlive(room)
		g, ctx := errgroup.WithContext(ctx)
		serveWith(ctx, g, l, c.traces.Handler(server.Echo()), &limits, with)
		g.Go(func() error { return serveMetrics(ctx) })
		return g.Wait()
	}, nil
}

// newVerifier is the verifier that the configuration describes.
func (c *Config) newVerifier() (*verifier.Verifier, error) {
	return c.newVerifierWith(contexts.Default())
}

// newVerifierWith is the same with other contexts.
func (c *Config) newVerifierWith(set *contexts.Set) (*verifier.Verifier, error) {
	trust, err := c.trust()
	if err != nil {
		return nil, err
	}
	return verifier.New(verifier.Config{Trust: trust, Contexts: set, Policy: verifier.FetchPolicy{AllowLoopback: c.Verifier.AllowLoopback},
		RequireAccreditation: c.Verifier.RequireAccreditation, ResolveDIDWeb: c.Verifier.ResolveDIDWeb, Step: c.traces.Steps()})
}
