// Package postgres starts a real PostgreSQL for tests: [Shared] is one for all
// tests of a process, [Server.Database] a database of a test's own.
package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL on a unix socket of its own. It listens to nobody else.
// It ends with the test's process, however that ends, and takes its files with it.
type Server struct {
	dir      string // data, socket and log
	bin      string // of its programs
	settings []string
	as       *syscall.Credential // nil: the test's own

	watch *exec.Cmd // the shell that waits for the test's end
	alive io.WriteCloser
}

var shared struct {
	sync.Once
	*Server
	err error
}

var names atomic.Int64 // of databases

// Shared returns the server of this process, started at the first call. Without
// PostgreSQL's programs the test is skipped by name, or fails where
// INDEKS_REQUIRE_TOOLS is set. Its files are in memory where there is a place for
// that: a killed server loses nothing by it, and flushing costs nothing. A short
// run starts none and skips the test.
func Shared(t testing.TB) *Server {
	t.Helper()
	notShort(t)
	shared.Do(func() {
		dir := "/dev/shm"
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			dir = os.TempDir()
		}
		shared.Server, shared.err = start(dir)
	})
	return have(t, shared.Server, shared.err)
}

// Start returns a server for one test, with its files on disk, and settings such
// as "max_connections=20" on top. It is stopped with the test, and skipped as
// [Shared] says.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	notShort(t)
	s, err := start(os.TempDir(), settings...)
	have(t, s, err)
	t.Cleanup(func() { s.end("") })
	return s
}

func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("PostgreSQL: not started in a short run (-short)")
	}
}

func have(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	switch {
	case errors.Is(err, errNone) && os.Getenv("INDEKS_REQUIRE_TOOLS") == "1":
		t.Fatal(err)
	case errors.Is(err, errNone):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return s
}

var errNone = errors.New("PostgreSQL is not installed (Debian: postgresql)")

// start makes a cluster in a new folder below parent and starts it.
func start(parent string, settings ...string) (s *Server, err error) {
	s = &Server{settings: settings}
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	// PostgreSQL refuses to run as root: then it is run as the account that its
	// package has made.
	if os.Geteuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNone, err)
		}
		uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	if s.dir, err = os.MkdirTemp(parent, "indeks-postgres-"); err != nil {
		return nil, err
	}
	if s.as != nil {
		if err := os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(s.dir))
		}
	}
	initdb := s.command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--data-checksums", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(s.dir))
	}
	return s, s.start()
}

// programs is the folder of the newest PostgreSQL that is installed.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", errNone
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	if s.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	return cmd
}

// watcher ends the server when the test's end of the pipe is closed, which the
// system does also where the test is killed.
const watcher = `dir=$1; shift; "$@" >>"$dir/log" 2>&1 & pid=$!; read -r word; kill -QUIT $pid 2>/dev/null; wait $pid; [ "$word" = keep ] || rm -rf "$dir"`

// start starts the server on its data, and waits until it answers.
func (s *Server) start() error {
	args := []string{"-c", watcher, "sh", s.dir, filepath.Join(s.bin, "postgres"), "-D", s.data(),
		"-c", "listen_addresses=", "-c", "unix_socket_directories=" + s.dir, "-c", "max_connections=300", "-c", "shared_buffers=64MB", "-c", "dynamic_shared_memory_type=mmap", "-c", "max_wal_size=1GB"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := s.command("sh", args...)
	alive, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	s.watch, s.alive = cmd, alive
	for limit := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err = s.query("postgres", "SELECT 1"); err == nil {
			return nil
		}
		if time.Now().After(limit) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return errors.Join(fmt.Errorf("starting PostgreSQL: %w: %s", err, log), s.end(""))
		}
	}
}

// end stops the server at once, as a crash would; "keep" as word leaves its files.
func (s *Server) end(word string) error {
	if word != "" {
		fmt.Fprintln(s.alive, word)
	}
	return errors.Join(s.alive.Close(), s.watch.Wait())
}

// URL of a database.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?host=" + url.QueryEscape(s.dir) + "&user=postgres"
}

// Socket is the path of the unix socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// Kill kills the server as nobody may stop it, and with it all its connections.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Restart starts a server that was killed, on what it has left behind.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	// The shell that watched it reports that it was killed.
	if err := s.end("keep"); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	// Its children end by themselves when they notice; until then they hold the
	// memory that a new server would share with them.
	for limit := time.Now().Add(time.Minute); s.inUse() && time.Now().Before(limit); {
		time.Sleep(5 * time.Millisecond)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// inUse reports whether a process works in the data.
func (s *Server) inUse() bool {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	return slices.ContainsFunc(links, func(link string) bool {
		dir, err := os.Readlink(link)
		return err == nil && dir == s.data()
	})
}

// Database makes a database for a test, empty or a copy of another one, and
// returns its name. It is removed with the test.
func (s *Server) Database(t testing.TB, copyOf string) (name string) {
	t.Helper()
	name = s.Template(t, copyOf)
	t.Cleanup(func() { s.query("postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return name
}

// Template makes a database that stays as long as the server.
func (s *Server) Template(t testing.TB, copyOf string) (name string) {
	t.Helper()
	name = fmt.Sprintf("test%d", names.Add(1))
	create := "CREATE DATABASE " + name
	if copyOf != "" {
		create += " TEMPLATE " + copyOf
	}
	s.Query(t, "postgres", create)
	return name
}

// Query has psql run SQL and returns what it prints: a line for each row.
func (s *Server) Query(t testing.TB, database, sql string) string {
	t.Helper()
	out, err := s.query(database, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// Refused has psql run SQL that must not do what it says, and returns why.
func (s *Server) Refused(t testing.TB, database, sql string) string {
	t.Helper()
	out, err := s.query(database, sql)
	if err == nil {
		t.Errorf("%s: done: %s", sql, out)
		return ""
	}
	return err.Error()
}

func (s *Server) query(database, sql string) (string, error) {
	cmd := exec.Command(filepath.Join(s.bin, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", s.dir, "-U", "postgres", "-d", database)
	cmd.Stdin = strings.NewReader(sql)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: psql is missing", errNone)
	} else if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n"), err
}
