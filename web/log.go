package web

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// A busy server writes thousands of lines a second that say of a request that all is
// well, or that it was too many. Each by a system call of its own costs as much as reading a small credential, so
// they go out together, at most a tenth of a second late. Everything else goes out
// at once and takes along what came before it, so lines keep their order. Killed with
// -9, a process loses what waited; nothing else in the log waits.
const (
	gatherTime  = 100 * time.Millisecond
	gatherBytes = 32 << 10
)

// requestLine is the message of the line that observe writes of each request.
const requestLine = "request"

// NewLogger returns a logger of text lines to w, and what writes the lines that still wait.
func NewLogger(w io.Writer) (l *slog.Logger, flush func()) {
	g := &gathered{to: w}
	g.timer = time.AfterFunc(gatherTime, g.flush)
	return slog.New(gathering{slog.NewTextHandler(g, nil), g}), g.flush
}

// gathering is a handler whose lines are gathered.
type gathering struct {
	slog.Handler
	lines *gathered
}

func (h gathering) Handle(ctx context.Context, line slog.Record) error {
	err := h.Handler.Handle(ctx, line)
	if line.Message != requestLine || line.Level > slog.LevelWarn {
		h.lines.flush()
	}
	return err
}

func (h gathering) WithAttrs(attrs []slog.Attr) slog.Handler {
	return gathering{h.Handler.WithAttrs(attrs), h.lines}
}

func (h gathering) WithGroup(name string) slog.Handler {
	return gathering{h.Handler.WithGroup(name), h.lines}
}

// gathered are the lines that wait.
type gathered struct {
	mu    sync.Mutex
	to    io.Writer
	text  []byte
	timer *time.Timer // runs while lines wait
}

func (g *gathered) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.text) == 0 {
		g.timer.Reset(gatherTime)
	}
	if g.text = append(g.text, line...); len(g.text) >= gatherBytes {
		g.write()
	}
	return len(line), nil
}

func (g *gathered) flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.write()
}

// write writes what waits. What a log cannot take is lost, as it is with any handler.
func (g *gathered) write() {
	if len(g.text) == 0 {
		return
	}
	g.timer.Stop()
	g.to.Write(g.text)
	g.text = g.text[:0]
}
