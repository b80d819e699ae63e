package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"indeks/issuer"
	"indeks/merkle"
	"indeks/store"
	"indeks/verifier"
)

// askServer verifies the audit logs that a running issuer publishes.
func (cmd *auditVerifyCmd) askServer(ctx context.Context, con console) error {
	// 1. Whom to believe, and what was kept elsewhere.
	c, err := readConfig(cmd.Config)
	if err != nil && cmd.Trust == "" {
		return &exitError{exitUsage, fmt.Errorf("--trust says whose keys seal the log: %w", err)}
	}
	var given [][]byte
	if err == nil {
		if given, err = c.headFiles().Read(); err != nil {
			return err
		}
	} else {
		c = &Config{dir: "."}
	}
	if cmd.Trust != "" {
		c.Verifier.TrustFile = cmd.Trust
	}
	trust, err := c.trust()
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
	key, err := cmd.apiKey()
	if err != nil {
		return err
	}

	// 2. What is published.
	var answer struct{ Logs []publishedLog }
	if err := cmd.ask(ctx, http.MethodGet, "/log", nil, &answer); err != nil {
		return err
	}
	var found []error
	compared := 0
	for _, l := range answer.Logs {
		heads := l.heads(ctx, trust, given)
		compared += len(heads)
		if err := cmd.verifyLog(ctx, con, trust, l, heads, key != ""); err != nil {
			if ctx.Err() != nil {
				return err
			}
			found = append(found, fmt.Errorf("log %s: %w", l.Name, err))
		}
	}
	for _, token := range given { // a log that the server no longer shows is a contradiction, too
		if h, _, err := openTrusted(ctx, trust, token); err != nil {
			found = append(found, err)
		} else if !shows(answer.Logs, h.Log) {
			found = append(found, fmt.Errorf("log %s: there is a head of it, and the server does not show it", h.Log))
		}
	}
	fmt.Fprintf(con.out, "Compared %d heads that were kept elsewhere.\n", compared)
	for _, err := range found {
		fmt.Fprintln(con.err, err)
	}
	if len(found) > 0 {
		return fmt.Errorf("verifying the audit log of %s: %d findings; keep the heads", cmd.Server, len(found))
	}
	fmt.Fprintln(con.out, "Nothing contradicts what is published.")
	return nil
}

// publishedLog is a log as GET /log tells of it.
type publishedLog struct {
	Log, Name string
	Size      uint64
	Head      *struct{ Size uint64 }
}

func shows(logs []publishedLog, name string) bool {
	for _, l := range logs {
		if l.Name == name {
			return true
		}
	}
	return false
}

// openTrusted opens a head with the keys of whoever of the trust file it is of.
func openTrusted(ctx context.Context, trust *verifier.Trust, token []byte) (h store.Head, origin string, err error) {
	err = errors.New("the trust file names nobody")
	for i := range trust.Issuers {
		e := &trust.Issuers[i]
		if h, err = issuer.OpenTrustedHead(ctx, e, token); err == nil {
			inst := issuer.Institution{PublicBase: strings.TrimSuffix(e.CredentialsURL, "/credentials")}
			return h, inst.LogOrigin(h.Log), nil
		}
	}
	return store.Head{}, "", err
}

// heads are those that are given of a log.
func (l *publishedLog) heads(ctx context.Context, trust *verifier.Trust, given [][]byte) (heads []store.Head) {
	for _, token := range given {
		if h, origin, err := openTrusted(ctx, trust, token); err == nil && origin == l.Log {
			heads = append(heads, h)
		}
	}
	return heads
}

// verifyLog makes the tree of a log anew from its leaves, and compares it with the heads.
func (cmd *auditVerifyCmd) verifyLog(ctx context.Context, con console, trust *verifier.Trust, l publishedLog, heads []store.Head, events bool) error {
	if l.Head == nil {
		fmt.Fprintf(con.out, "Log %s: %d entries; no head was signed yet.\n", l.Name, l.Size)
		return nil
	}
	path := "/log/" + url.PathEscape(l.Name)
	var token []byte
	if err := cmd.ask(ctx, http.MethodGet, path+"/checkpoint", nil, &token); err != nil {
		return err
	}
	last, origin, err := openTrusted(ctx, trust, token)
	if err != nil {
		return err
	}
	if origin != l.Log || last.Size < l.Head.Size {
		return fmt.Errorf("its checkpoint is of %s, size %d, and the server says %s, size %d", origin, last.Size, l.Log, l.Head.Size)
	}
	want := map[uint64]merkle.Hash{last.Size: last.Root}
	for _, h := range heads {
		switch root, ok := want[h.Size]; {
		case h.Size > last.Size:
			return fmt.Errorf("it was cut: a head of %s has %d entries, the published one %d", h.At.Format(time.RFC3339), h.Size, last.Size)
		case ok && root != h.Root:
			return fmt.Errorf("%w: two heads of size %d", store.ErrForked, h.Size)
		}
		want[h.Size] = h.Root
	}

	// 1. The leaves, and the root at each size that somebody has sealed.
	var tree merkle.Builder
	var leaves []merkle.Hash
	for tile := range merkle.Tiles(last.Size) {
		if !strings.HasPrefix(tile, "0/") {
			break // the rest follows from the leaves
		}
		var raw []byte
		if err := cmd.ask(ctx, http.MethodGet, path+"/tile/"+tile, nil, &raw); err != nil {
			return err
		}
		for ; len(raw) >= len(merkle.Hash{}); raw = raw[len(merkle.Hash{}):] {
			leaf := merkle.Hash(raw)
			tree.Add(leaf)
			if events {
				leaves = append(leaves, leaf)
			}
			if root, ok := want[tree.Size()]; ok && tree.Root() != root {
				return fmt.Errorf("%w: its leaves make another tree than the head of size %d", store.ErrForked, tree.Size())
			}
		}
	}
	if tree.Size() != last.Size {
		return fmt.Errorf("%d leaves are published of %d", tree.Size(), last.Size)
	}

	// 2. The events, for whom the server shows them to.
	shown := uint64(0)
	for next := uint64(0); events && next < last.Size; {
		var page struct {
			Events []issuer.LoggedEvent
			Next   *uint64
		}
		if err := cmd.ask(ctx, http.MethodGet, fmt.Sprintf("/api/v1/audit?log=%s&from=%d&limit=1000", url.QueryEscape(l.Name), next), nil, &page); err != nil {
			return err
		}
		for _, e := range page.Events {
			if e.Index >= last.Size { // signed at the next time
				continue
			}
			if e.Index != shown || e.Leaf != leaves[e.Index] {
				return fmt.Errorf("%w: event %d is not what its leaf stands for, or one before it is missing", store.ErrForked, e.Index)
			}
			shown++
		}
		if page.Next == nil {
			break
		}
		next = *page.Next
	}
	if events && shown != last.Size {
		return fmt.Errorf("%d events are shown of %d", shown, last.Size)
	}
	also := ""
	if events {
		also = fmt.Sprintf("; %d events fit their leaves", shown)
	}
	fmt.Fprintf(con.out, "Log %s: %d leaves make the tree of the head of %s, sealed with key %s%s.\n", l.Name, last.Size, last.At.Format(time.RFC3339), last.KeyID, also)
	return nil
}
