package issuer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"indeks/merkle"
	"indeks/store"
)

// The audit logs in an archive: entries, heads that were signed, and the tree.

// How many lines a file has.
const (
	entriesOfFile = 4096
	headsOfFile   = 2048
)

// entryFile is a line of log/NAME/entries/N.jsonl. The leaf is made of both texts.
type entryFile struct {
	Event string `json:"event"`
	Said  string `json:"said,omitempty"`
}

// logFile is log/NAME/log.json.
type logFile struct {
	store.Log
	Origin string      `json:"origin"`
	Root   merkle.Hash `json:"root,omitzero"`
}

func (a *Archive) logs(ctx context.Context, w *archiveWriter) error {
	logs, err := a.Store.Logs(ctx)
	if err != nil {
		return err
	}
	for _, l := range logs {
		folder := logFolder + l.Name + "/"
		read := func(places []int64) ([]merkle.Hash, error) { return a.Store.LogHashes(ctx, l.Name, places) }
		file := logFile{Log: l, Origin: a.Institution.LogOrigin(l.Name)}
		if l.Size > 0 {
			if file.Root, err = merkle.Root(l.Size, read); err != nil {
				return err
			}
		}
		if err := w.json(folder+"log.json", file); err != nil {
			return err
		}

		// 1. The entries.
		var lines []byte
		in, n := 0, 0
		each := func(file string, most int, v any) error {
			raw, err := json.Marshal(v, json.Deterministic(true))
			if err != nil {
				return err
			}
			lines = append(append(lines, raw...), '\n')
			if in++; in < most {
				return nil
			}
			body := lines
			lines, in, n = nil, 0, n+1
			return w.file(fmt.Sprintf("%s%s/%08d.jsonl", folder, file, n), body)
		}
		rest := func(file string) error {
			body := lines
			m := n + 1
			lines, in, n = nil, 0, 0
			if len(body) == 0 {
				return nil
			}
			return w.file(fmt.Sprintf("%s%s/%08d.jsonl", folder, file, m), body)
		}
		for e, err := range a.Store.LogEntries(ctx, l.Name, 0) {
			if err != nil {
				return err
			}
			if e.Index >= l.Size { // unreachable: the store does not change
				break
			}
			event, said := e.Kept()
			if !utf8.Valid(event) || !utf8.Valid(said) {
				return fmt.Errorf("%w: entry %d of log %s is no text", store.ErrDamaged, e.Index, l.Name)
			}
			if err := each("entries", entriesOfFile, entryFile{string(event), string(said)}); err != nil {
				return err
			}
		}
		if err := rest("entries"); err != nil {
			return err
		}

		// 2. The heads that were signed, the last one under the name that the servers give it.
		var last store.Head
		for h, err := range a.Store.Heads(ctx, l.Name, 0) {
			if err != nil {
				return err
			}
			last = h
			if err := each("heads", headsOfFile, h); err != nil {
				return err
			}
		}
		if err := rest("heads"); err != nil {
			return err
		}
		if last.Token != nil {
			if err := w.file(folder+"checkpoint", last.Token); err != nil {
				return err
			}
		}

		// 3. The tree, as it is published.
		for path := range merkle.Tiles(l.Size) {
			tile, err := merkle.Tile(path, l.Size, read)
			if err == nil {
				err = w.file(folder+"tile/"+path, tile)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *archiveReader) takeLog(name string, body []byte) error {
	log, file, _ := strings.Cut(strings.TrimPrefix(name, logFolder), "/")
	if file == "log.json" {
		if err := r.endLog(); err != nil {
			return err
		}
		r.log = logFile{} // or what this one does not say stays that of the one before
		if err := readJSON(body, &r.log); err != nil {
			return err
		}
		if r.log.Name != log || r.log.Origin != r.inst.LogOrigin(log) {
			return fmt.Errorf("%w: it is that of another log", ErrArchive)
		}
		r.inLog, r.heads, r.tiles, r.check = true, nil, [32]byte{}, nil
		return r.store.Log(r.log.Log)
	}
	if !r.inLog || r.log.Name != log {
		return fmt.Errorf("%w: log %s has not begun", ErrArchive, log)
	}
	switch kind, rest, _ := strings.Cut(file, "/"); kind {
	case "entries":
		return eachLine(body, func(line []byte) error {
			var e entryFile
			if err := readJSON(line, &e); err != nil {
				return err
			}
			return r.store.Entry([]byte(e.Event), []byte(e.Said))
		})
	case "heads":
		return eachLine(body, func(line []byte) error {
			var h store.Head
			if err := readJSON(line, &h); err != nil {
				return err
			}
			read, err := r.inst.openHead(r.ctx, r.own, h.Token)
			if err != nil {
				return err
			}
			if h.Log != log || read.Log != log || read.Size != h.Size || read.Root != h.Root || !read.At.Equal(h.At) {
				return fmt.Errorf("%w: the head of size %d says other than what is sealed", ErrArchive, h.Size)
			}
			r.heads = append(r.heads, h)
			return nil
		})
	case "checkpoint":
		r.check = body
	case "tile":
		r.tiles = tileSum(r.tiles, rest, body)
	default:
		return fmt.Errorf("%w: %s is no file of a log", ErrArchive, file)
	}
	return nil
}

// tileSum stands for all tiles up to one.
func tileSum(before [32]byte, path string, body []byte) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%x %s %x", before, path, sha256.Sum256(body)))
}

// endLog ends the log whose files were read, where there is one.
func (r *archiveReader) endLog() error {
	if !r.inLog {
		return nil
	}
	r.inLog = false
	doing := func(err error) error { return fmt.Errorf("log %s: %w", r.log.Name, err) }
	if n := len(r.heads); n > 0 {
		if !bytes.Equal(r.check, r.heads[n-1].Token) {
			return doing(fmt.Errorf("%w: its checkpoint is not the last head", ErrArchive))
		}
		r.found.Heads = append(r.found.Heads, r.check)
	}
	if err := r.store.EndLog(r.log.Log, r.log.Root, r.heads); err != nil {
		return doing(err)
	}
	var tiles [32]byte
	for path := range merkle.Tiles(r.log.Size) {
		tile, err := r.store.Tile(r.log.Name, path)
		if err != nil {
			return doing(err)
		}
		tiles = tileSum(tiles, path, tile)
	}
	if tiles != r.tiles {
		return doing(fmt.Errorf("%w: its tiles are not those of its entries", ErrArchive))
	}
	return nil
}
