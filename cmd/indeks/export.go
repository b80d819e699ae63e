package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"indeks/issuer"
	"indeks/merkle"
	"indeks/store"
)

type exportCmd struct {
	Book    bookCmd          `cmd:"" help:"Write the register of certificates (protocol book): a line for each certificate number."`
	Archive exportArchiveCmd `cmd:"" help:"Write everything to one file that can be read without this program, and imported by it."`
}

func (*exportCmd) Help() string {
	return `The export contains names: keep it as safe as the records. Each export is entered in the audit log. An
existing file is never overwritten. A running issuer server holds the records: stop it first.

  indeks export book --config uni --from 2026-01-01 --until 2026-12-31 --out book-2026.csv`
}

type bookCmd struct {
	configFlag
	From   string `help:"First awarding date." placeholder:"YYYY-MM-DD"`
	Until  string `help:"Last awarding date." placeholder:"YYYY-MM-DD"`
	Course string `help:"Only this course." placeholder:"ID"`
	BOM    bool   `name:"bom" help:"Start with a byte order mark, so that Excel recognises UTF-8."`
	Out    string `help:"File to write." required:"" type:"path" placeholder:"FILE"`
}

func (cmd *bookCmd) Run(ctx context.Context, con console) error {
	house, err := cmd.open(ctx)
	if err != nil {
		return err
	}
	defer house.close()
	lines := 0
	_, err = house.export(ctx, cmd.Out, "protocol book", func(w io.Writer) (string, error) {
		lines, err = issuer.WriteBook(ctx, w, house.store, issuer.Book{Course: cmd.Course, From: cmd.From, Until: cmd.Until, Now: time.Now(), Mark: cmd.BOM})
		return fmt.Sprintf("%d lines", lines), err
	})
	if errors.Is(err, store.ErrInvalid) {
		return &exitError{exitUsage, err}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s: %d lines. It contains names.\n", cmd.Out, lines)
	return nil
}

// export writes a file of what write says, for its owner alone. Under its name it is
// there in full, on disk and in the audit log, or not at all.
func (h *house) export(ctx context.Context, path, what string, write func(w io.Writer) (result string, err error)) (digest merkle.Hash, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("exporting to %s: %w", path, err)
		}
	}()
	if err := h.store.Writable(); err != nil { // nor would the log take it
		return merkle.Hash{}, err
	}
	if _, err := os.Lstat(path); err == nil {
		return merkle.Hash{}, os.ErrExist
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return merkle.Hash{}, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	sum := sha256.New()
	result, err := write(&hashing{ctx, file, sum})
	if err == nil {
		err = errors.Join(file.Sync(), file.Close())
	}
	if err != nil {
		return merkle.Hash{}, err
	}
	copy(digest[:], sum.Sum(nil))
	// The log comes first: nothing leaves the house that it does not tell of.
	if err := h.store.Append(ctx, store.Event{Kind: store.KindExported, Object: what, Result: result, Digest: digest}); err != nil {
		return merkle.Hash{}, err
	}
	// Link gives the name only if it is free.
	return digest, errors.Join(os.Link(file.Name(), path), syncDir(filepath.Dir(path)))
}

// hashing writes until ctx ends, and keeps the hash of what it wrote.
type hashing struct {
	ctx context.Context
	w   io.Writer
	sum hash.Hash
}

func (h *hashing) Write(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	h.sum.Write(p)
	return h.w.Write(p)
}
