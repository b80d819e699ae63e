package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"

	"indeks/merkle"
)

// ErrNoCopy is returned by Copy for a store that is not one file: its database
// has means of its own.
var ErrNoCopy = errors.New("the store is not one file that can be copied")

// Copy writes a store to a new file at path, as it was at one instant, and
// flushes it to disk. Others may read and write meanwhile: the file mapping is
// large enough from the start that no writer waits for this reader, so path
// must be on a disk of this machine and never a socket, lest the pages that
// writers give up pile up. A file at path is an error; what could not be
// finished is removed.
func Copy(ctx context.Context, s Store, path string) (err error) {
	b, ok := asBolt(s)
	if !ok {
		return fmt.Errorf("copying the store: %w", ErrNoCopy)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copying the store: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(path)
			err = fmt.Errorf("copying the store: %w", err)
		}
	}()
	err = b.view(ctx, func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(stopping{ctx, f})
		return err
	})
	return errors.Join(err, f.Sync(), f.Close())
}

// stopping writes until ctx ends.
type stopping struct {
	ctx context.Context
	w   io.Writer
}

func (s stopping) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.w.Write(p)
}

// Summary is what a store holds, in numbers.
type Summary struct {
	Store   string        `json:"store"`  // id of the institution
	Schema  int           `json:"schema"` // version of what the file holds
	Records int           `json:"records"`
	States  map[State]int `json:"states"`
	Lists   []ListSummary `json:"lists"`
	Logs    []LogSummary  `json:"logs"`
}

// LogSummary is how far an audit log is.
type LogSummary struct {
	Name   string      `json:"name"`
	Closed bool        `json:"closed"`
	Size   uint64      `json:"size"`
	Root   merkle.Hash `json:"root,omitzero"` // of its tree, unless that is empty
}

// ListSummary is how far a status list is.
type ListSummary struct {
	ID       string `json:"id"`
	Purpose  string `json:"purpose"`
	Used     uint64 `json:"used"`
	Closed   bool   `json:"closed"`
	Sequence uint64 `json:"sequence"`
}

// Summarize counts what is in a store. A record that cannot be read is an error.
func Summarize(ctx context.Context, s Store) (Summary, error) {
	sum := Summary{States: map[State]int{}, Lists: []ListSummary{}, Logs: []LogSummary{}}
	in := insideOf(s)
	all := s.Records(ctx, "")
	if in != nil {
		all = in.facts(ctx)
	}
	for r, err := range all {
		if err != nil {
			return Summary{}, fmt.Errorf("counting records: %w", err)
		}
		sum.Records++
		sum.States[r.State]++
	}
	lists, err := s.Lists(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("counting status lists: %w", err)
	}
	for _, l := range lists {
		sum.Lists = append(sum.Lists, ListSummary{l.ID, l.Purpose, l.Used, l.Closed, l.Sequence})
	}
	logs, err := s.Logs(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("reading how far the audit log is: %w", err)
	}
	for _, l := range logs {
		log := LogSummary{Name: l.Name, Closed: !l.Closed.IsZero(), Size: l.Size}
		if l.Size > 0 {
			if log.Root, err = merkle.Root(l.Size, func(places []int64) ([]merkle.Hash, error) { return s.LogHashes(ctx, l.Name, places) }); err != nil {
				return Summary{}, fmt.Errorf("reading how far the audit log is: %w", err)
			}
		}
		sum.Logs = append(sum.Logs, log)
	}
	if in != nil {
		var id identity
		id, err = in.identity(ctx)
		sum.Store, sum.Schema = id.Store, id.Schema
	}
	if err != nil {
		return Summary{}, fmt.Errorf("reading whose store it is: %w", err)
	}
	return sum, nil
}
