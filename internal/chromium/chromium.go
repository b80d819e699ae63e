// Package chromium drives Debian's Chromium in tests, as a person would: by the
// roles and names of what is on a page, with a mouse and a keyboard. It notes what
// the browser asks of whom, and what it complains of. It is for tests alone.
//
// Start starts the browser, Visit gives somebody a profile of their own with one
// page. They speak the DevTools protocol on a pair of pipes, so that no port is
// open and the browser ends when the test does; what these tests need of it is too
// little for a library that holds all of it.
//
// Whatever fails ends the test. Nothing waits for a time: waits are for events and
// conditions, with a deadline that no machine under load reaches.
package chromium

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"indeks/internal/reference"
)

// deadline is how long anything is waited for.
const deadline = 2 * time.Minute

// flags start a browser that asks nobody anything by itself, and finds no host but
// this machine.
var flags = []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
	"--disable-sync", "--no-first-run", "--disable-dev-shm-usage", "--disable-breakpad", "--disable-extensions", "--mute-audio", "--hide-scrollbars", "--disable-popup-blocking",
	"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1", "--remote-debugging-pipe"}

// shell is the same browser without windows, tabs and what else is drawn around a page.
// Debian builds both from one source; these tests take half the processor time with it,
// and are the same without.
const shell = "chromium-headless-shell"

// Browser is a running browser.
type Browser struct {
	cmd   *exec.Cmd
	out   bytes.Buffer // what it prints, to be read after it ended
	ended chan struct{}

	write sync.Mutex
	to    io.Writer

	mu      sync.Mutex
	asked   int
	answers map[int]chan message
	pages   map[string]*Page // by session
	gone    bool
}

// message is one of the protocol: a call, its answer, or an event.
type message struct {
	ID        int             `json:"id,omitzero"`
	SessionID string          `json:"sessionId,omitzero"`
	Method    string          `json:"method,omitzero"`
	Params    json.RawMessage `json:"params,omitzero"`
	Result    json.RawMessage `json:"result,omitzero"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitzero"`
}

// Start starts a browser, which ends with the test. Where there is none the test is
// skipped, or fails, as package reference says.
func Start(t testing.TB) *Browser {
	t.Helper()
	program, err := exec.LookPath(shell)
	if err != nil {
		program = reference.Tool(t, "chromium", "chromium", "--version")
	}
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{cmd: exec.Command(program, append(flags, "--user-data-dir="+t.TempDir())...), ended: make(chan struct{}), to: to,
		answers: map[int]chan message{}, pages: map[string]*Page{}}
	b.cmd.ExtraFiles = []*os.File{in, out} // 3, from which it reads, and 4
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.out
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	read := make(chan struct{})
	go func() { b.read(from); from.Close(); close(read) }()
	go func() { b.cmd.Wait(); close(b.ended) }()
	t.Cleanup(func() {
		b.end(t)
		to.Close()
		<-read
	})
	return b
}

// end ends the browser with all its processes: first by asking, so that it ends its
// own, then whatever is left of its group.
func (b *Browser) end(t testing.TB) {
	b.call("", "Browser.close", nil, nil)
	select {
	case <-b.ended:
	case <-time.After(10 * time.Second):
	}
	group := b.cmd.Process.Pid
	syscall.Kill(-group, syscall.SIGKILL)
	<-b.ended
	for end := time.Now().Add(deadline); len(alive(group)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("processes of the browser are left: %v", alive(group))
			return
		}
	}
}

// alive lists the processes of a group that have not ended.
func alive(group int) (list []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		// Its name stands in parentheses and may hold anything; state, parent and group follow.
		rest := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(rest) > 2 && rest[2] == strconv.Itoa(group) && rest[0] != "Z" && rest[0] != "X" {
			list = append(list, path)
		}
	}
	return list
}

var errEnded = errors.New("the browser ended")

// call asks the browser, or the page of a session, and waits for the answer.
func (b *Browser) call(session, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	if params == nil {
		raw = []byte("{}")
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	if b.gone {
		b.mu.Unlock()
		return errEnded
	}
	b.asked++
	id := b.asked
	b.answers[id] = answer
	b.mu.Unlock()
	call, err := json.Marshal(message{ID: id, SessionID: session, Method: method, Params: raw})
	if err != nil {
		return err
	}
	b.write.Lock()
	_, err = b.to.Write(append(call, 0))
	b.write.Unlock()
	if err != nil {
		return fmt.Errorf("asking the browser: %w", err)
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return errEnded
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-time.After(deadline):
		return fmt.Errorf("%s: no answer in %v", method, deadline)
	}
}

// read hands out what the browser says until it ends.
func (b *Browser) read(from io.Reader) {
	for r := bufio.NewReaderSize(from, 1<<20); ; {
		raw, err := r.ReadBytes(0)
		if err != nil {
			break
		}
		var m message
		if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
			break
		}
		b.mu.Lock()
		answer, page := b.answers[m.ID], b.pages[m.SessionID]
		delete(b.answers, m.ID)
		b.mu.Unlock()
		switch {
		case answer != nil:
			answer <- m
		case m.Method == "Browser.downloadProgress": // of the browser as a whole: whose it is, its folder tells
			b.mu.Lock()
			for _, p := range b.pages {
				p.note(m)
			}
			b.mu.Unlock()
		case page != nil:
			page.note(m)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
	for _, answer := range b.answers {
		close(answer)
	}
	clear(b.answers)
}
