package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// walked are the chapters of docs/operations.md that the walk follows, in its order; of
// the others it cannot be followed without a name in the DNS, a mail server, a cluster of
// PostgreSQL or a wrong clock.
var walked = []string{"Install", "The first seal", "Whom the verifier trusts", "Both servers", "Issue", "Back up and restore", "The audit log", "The protocol book",
	"The archive", "Change keys", "A key is in wrong hands", "Upgrade", "Leave"}

// notWalked are blocks, by a word in them, that need what is not there.
var notWalked = []string{"mail:"}

// What the document asks of the machine, where the walk must not change it: files lie
// below a folder of its own, and there is one account.
var shims = map[string]string{
	"sudo":     `[ "$1" = -u ] && shift 2; exec "$@"`,
	"useradd":  ``,
	"groupadd": ``,
	"chown":    ``,
	"install": `args=(); while [ $# -gt 0 ]; do case "$1" in -o|-g) shift;; *) args+=("$1");; esac; shift; done
exec /usr/bin/install "${args[@]}"`,
	"make": `mkdir -p bin; cp "$WALK_PROGRAM" bin/indeks`,
	// Of a unit: what it starts, when it is ready, and how it is ended.
	"systemctl": `unit() {
    name=${1%.service}; pid=$WALK/run/$name.pid; log=$WALK/log/$name.log
    running() { [ -f "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; }
    case $2 in
    start) running && return
        for state in $(sed -n 's/^StateDirectory=//p' "$WALK/etc/systemd/system/$name.service"); do mkdir -p "$WALK/var/lib/$state"; done
        touch "$log"; from=$(wc -l < "$log")
        sh -c "echo \$\$ > '$pid'; exec $(sed -n 's/^ExecStart=//p' "$WALK/etc/systemd/system/$name.service")" >> "$log" 2>&1 &
        for i in $(seq 600); do
            tail -n +$((from+1)) "$log" | grep -q Ctrl-C && return
            [ "$i" -lt 20 ] || running || break
            sleep 0.1
        done
        echo "$name does not start:"; tail "$log"; exit 1;;
    stop) running || return 0
        kill "$(cat "$pid")"
        for i in $(seq 600); do running || return 0; sleep 0.1; done
        echo "$name does not end"; exit 1;;
    reload) kill -HUP "$(cat "$pid")"; sleep 1;;
    esac
}
verb=$1; shift
[ "$1" = --now ] && shift
case $verb in
daemon-reload) ;;
enable) for u; do unit "$u" start; done;;
restart) for u; do unit "$u" stop; unit "$u" start; done;;
*) for u; do unit "$u" "$verb"; done;;
esac`,
}

// A newcomer follows docs/operations.md word for word, with a class of INDEKS_WALK
// learners (make walk: 10 000): sets up, uploads, the program is killed in the middle
// of issuing, resumes, backs up, restores where there is nothing, exports, verifies, changes
// keys, upgrades and leaves. Every command must work as it is written.
func TestWalk(t *testing.T) {
	rows, err := strconv.Atoi(os.Getenv("INDEKS_WALK"))
	if err != nil {
		t.Skip("INDEKS_WALK is not set to the number of learners: make walk")
	}

	// 1. The machine: what the document calls the project's folder, and programs.
	root := t.TempDir()
	project := filepath.Join(root, "project")
	program := filepath.Join(root, "indeks")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, dir := range []string{"run", "log", "var/lib", "etc/systemd/system", "usr/local/bin", "shims", "project"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range shims {
		if err := os.WriteFile(filepath.Join(root, "shims", name), []byte("#!/bin/bash\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	where := strings.NewReplacer("/var/lib/indeks", root+"/var/lib/indeks", "/etc/indeks", root+"/etc/indeks", "/etc/systemd", root+"/etc/systemd",
		"/usr/local/bin", root+"/usr/local/bin", "127.0.0.1:8080", freePort(t), "127.0.0.1:8081", freePort(t))
	for _, dir := range []string{"docs", "examples"} {
		if err := os.CopyFS(filepath.Join(project, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	units, err := filepath.Glob(filepath.Join(project, "docs/run/*.service"))
	if err != nil || len(units) == 0 {
		t.Fatal(units, err)
	}
	for _, unit := range units {
		raw, err := os.ReadFile(unit)
		if err == nil {
			err = os.WriteFile(unit, []byte(where.Replace(string(raw))), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, name := range []string{"indeks-issuer", "indeks-verifier"} {
			if p := unitProcess(root, name); p != nil {
				p.Kill()
			}
		}
	})

	// 2. The document. Only the address that a server listens on is said beside it.
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	rehearsal := "" // what makes an e-seal
	for _, chapter := range strings.Split("\n"+string(raw), "\n## ")[1:] {
		name, text, _ := strings.Cut(chapter, "\n")
		if !slices.Contains(walked, name) {
			continue
		}
		for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
			block := m[1]
			if slices.ContainsFunc(notWalked, func(word string) bool { return strings.Contains(block, word) }) {
				continue
			}
			if strings.Contains(block, "openssl req") {
				rehearsal = block
			}
			if name == "Change keys" { // "make another as for the first seal"
				block = rehearsal + block
			}
			if strings.Contains(block, "batch put") {
				block = strings.Replace(block, "cp examples/data-stewardship/list.csv class.csv\n", "", 1)
				if err := os.WriteFile(filepath.Join(project, "class.csv"), walkClass(rows), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(block, "--confirm 812") { // as many as were counted in the step before
				m := regexp.MustCompile(`(?m)^(\d+) to reissue`).FindAllStringSubmatch(said.String(), -1)
				if m == nil {
					t.Fatal("nothing was counted")
				}
				if counted := m[len(m)-1][1]; counted == "0" {
					continue
				} else {
					block = strings.Replace(block, "812", counted, 1)
				}
			}
			block = where.Replace(strings.Replace(block, "--public-base https://credentials", "--listen 127.0.0.1:8080 --public-base https://credentials", 1))
			start := time.Now()
			cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", keepVariables(block))
			cmd.Dir = project
			cmd.Env = append(os.Environ(), "PATH="+filepath.Join(root, "shims")+":"+filepath.Join(root, "usr/local/bin")+":"+os.Getenv("PATH"), "WALK="+root, "WALK_PROGRAM="+program, "INDEKS_PASSPHRASE=", "INDEKS_API_KEY=")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.WaitDelay = time.Second // servers keep what they were started with
			err := cmd.Run()
			if err != nil && !(cmd.ProcessState.Success() && err == exec.ErrWaitDelay) {
				log, _ := os.ReadFile(filepath.Join(root, "log", "indeks-issuer.log"))
				t.Fatalf("%s: %v\n%s\n%s\n\nthe issuer:\n%s", name, err, block, out.String(), log[max(0, len(log)-3000):])
			}
			t.Logf("%s, %s:\n%s", name, time.Since(start).Round(time.Millisecond), shortened(out.String()))
			said.WriteString(out.String())
			if strings.Contains(block, "batch start") {
				killInTheMiddle(t, root, project, where)
			}
		}
	}

	// 3. What must have come of it: everybody, once.
	results, err := os.ReadFile(filepath.Join(project, "results.csv"))
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]bool{}
	for _, m := range regexp.MustCompile(`"(?:issued|known)","(MC-[0-9-]+)"`).FindAllStringSubmatch(string(results), -1) {
		numbers[m[1]] = true
	}
	if len(numbers) != rows {
		t.Errorf("%d numbers were given to %d learners", len(numbers), rows)
	}
	for _, want := range []string{
		fmt.Sprintf("of %d records; compared them", rows+3), // and those issued without a server
		fmt.Sprintf("Restored %s", root), "Nothing is damaged", "Nothing contradicts the log", "Nothing contradicts what is published", "Nothing contradicts.",
		fmt.Sprintf("book-2026.csv: %d lines", rows+3),
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("nobody said %q", want)
		}
	}
	t.Logf("%d learners", rows)
}

// keepVariables has a block know what those before it have set, as in the one terminal
// that somebody works in.
func keepVariables(block string) string {
	return "[ ! -f $WALK/variables ] || . $WALK/variables\n" + block + "\nfor v in PIN BATCH BACKUP ARCHIVE STOLEN; do declare -p $v 2>/dev/null || true; done > $WALK/variables\n"
}

// walkClass is a class list of so many learners who do not exist.
func walkClass(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("given_name,family_name,date_of_birth,learner_id,email,grade,assessment_date,assessors,awarding_date\n")
	for n := range rows {
		fmt.Fprintf(&b, "Ana,Primer,2001-02-%02d,W-%06d,w%d@students.example,%d,2026-06-20,Vera Primer,2026-06-30\n", 1+n%28, n, n, 6+n%5)
	}
	return b.Bytes()
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// unitProcess is the process of a unit, nil where there is none.
func unitProcess(root, name string) *os.Process {
	raw, err := os.ReadFile(filepath.Join(root, "run", name+".pid"))
	if err != nil {
		return nil
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil
	}
	p, err := os.FindProcess(pid)
	if err != nil || p.Signal(syscall.Signal(0)) != nil {
		return nil
	}
	return p
}

// killInTheMiddle kills the issuer while it works on the batch, and starts it again as
// its unit does.
func killInTheMiddle(t *testing.T, root, project string, where *strings.Replacer) {
	t.Helper()
	ask := func() string {
		cmd := exec.Command("bash", "-c", where.Replace(`indeks batch show "$(grep -o -m 1 '[0-9]\{8\}-[0-9A-Z]\{6\}' batch.txt | head -1)" --server http://127.0.0.1:8080 --api-key-file admin.key`))
		cmd.Dir = project
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(root, "usr/local/bin")+":"+os.Getenv("PATH"), "INDEKS_API_KEY=")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	var state string
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		state = ask()
		if m := regexp.MustCompile(`, ([0-9]+) issued,`).FindStringSubmatch(state); m != nil && m[1] != "0" {
			break
		}
	}
	p := unitProcess(root, "indeks-issuer")
	if p == nil {
		t.Fatalf("there is no issuer to be killed: %s", state)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	t.Logf("killed -9: %s", shortened(state))
	for unitProcess(root, "indeks-issuer") != nil {
		time.Sleep(20 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(root, "shims", "systemctl"), "start", "indeks-issuer")
	cmd.Env = append(os.Environ(), "WALK="+root)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil && err != exec.ErrWaitDelay {
		t.Fatalf("starting it again: %v\n%s", err, out)
	}
}

// shortened is the end of what was said.
func shortened(s string) string { return s[max(0, len(s)-1200):] }
