package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"indeks/internal/postbox"
	"indeks/issuer"
)

// The program is killed while it sends letters, at each command that it gives to the mail
// server, and goes on when it is started again: each letter arrives, none is another
// learner's, and twice comes only the one whose last word from the server was lost,
// under the same Message-ID.
func TestKilledWhileSending(t *testing.T) {
	kills := []int{2, 3, 4, 6} // the commands of each life: RCPT, DATA, MAIL of the next, its DATA
	letters := 6
	if full() {
		letters, kills = 300, nil
		for range 60 {
			kills = append(kills, 1+rand.IntN(15))
		}
	}
	v := newVictim(t, letters, "")
	var mu sync.Mutex
	var life *exec.Cmd
	var ended chan struct{} // closed when it is dead
	var to string           // whom the letter in flight is for
	left := 0               // commands until it is killed
	lost := map[string]int{}
	box := postbox.Start(t, postbox.Options{Answer: func(step, arg string) error {
		mu.Lock()
		defer mu.Unlock()
		if step == "RCPT" {
			to = arg
		}
		if left--; left == 0 && life != nil {
			life.Process.Kill()
			<-ended // so that nothing that is answered now is heard
			if step == "DATA" {
				lost[to]++
			}
		}
		return nil
	}})
	config, err := os.OpenFile(v.config.path(configName), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(config, "mail:\n  host: localhost\n  port: %d\n  security: none\n  from: registry@uni.example\n  per_minute: 60000\n", box.Port)
		err = errors.Join(err, config.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	list.WriteString("given_name,family_name,date_of_birth,learner_id,awarding_date,id_verification,language,email\n")
	for _, l := range v.class {
		fmt.Fprintf(&list, "Ada,%s,1990-01-01,%s,2026-06-30,supervised-id,en,%s@learners.example\n", l.family, l.id, strings.ToLower(l.id))
	}
	path := filepath.Join(t.TempDir(), "class.csv")
	if err := os.WriteFile(path, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	indeks(t, "issue", "testdata/speed/course.json", path, "--config", v.dir)

	// 1. Lives that end in the middle.
	for n, commands := range kills {
		cmd, dead := exec.Command(v.program, "issuer", "--config", v.dir), make(chan struct{})
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		mu.Lock()
		life, ended, left = cmd, dead, commands
		err := cmd.Start()
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		go func() { cmd.Wait(); close(dead) }()
		select {
		case <-dead:
		case <-time.After(2 * time.Minute):
			cmd.Process.Kill()
			t.Fatalf("life %d was not killed: %s", n, stderr.String())
		}
		if cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("life %d ended by itself: %s", n, stderr.String())
		}
	}
	mu.Lock()
	life = nil
	mu.Unlock()

	// 2. The last goes on, also with what the others had in hand when their time for it is
	// over.
	c, err := readConfig(v.dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHouse(t.Context(), c, false)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	post, err := c.post()
	if err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(time.Hour) }
	last, err := issuer.New(t.Context(), issuer.Config{Institution: h.institution, Store: h.store, Ring: h.ring, Post: post, Now: later, ClockJump: math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- last.RunLetters(ctx) }()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		q, err := last.LetterQueue(t.Context())
		if err != nil || time.Now().After(end) {
			t.Fatalf("%d letters wait, %v", q.Waiting, err)
		}
		if q.Waiting == 0 {
			if q.Troubles != 0 {
				t.Errorf("%d are refused", q.Troubles)
			}
			break
		}
	}
	stop()
	if err := <-sent; err != nil {
		t.Error(err)
	}

	// 3. What arrived.
	got, ids := map[string]int{}, map[string]string{}
	for _, m := range box.Messages() {
		_, id, _ := strings.Cut(string(m.Data), "\nMessage-ID: ")
		id, _, _ = strings.Cut(id, "\r\n")
		if got[m.To]++; id == "" || ids[m.To] != "" && ids[m.To] != id {
			t.Errorf("%s has two letters: %s, %s", m.To, ids[m.To], id)
		}
		ids[m.To] = id
	}
	for _, l := range v.class {
		address := strings.ToLower(l.id) + "@learners.example"
		if want := 1 + lost[address]; got[address] != want {
			t.Errorf("%s has the letter %d times, want %d", address, got[address], want)
		}
		delete(got, address)
	}
	if len(got) > 0 {
		t.Errorf("letters to others: %v", got)
	}
	if len(lost) == 0 {
		t.Error("it was never killed before it knew that a letter was taken")
	}
}
