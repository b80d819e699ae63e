package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Of what is refused in an hour the log has the first few each, and the rest as how many,
// why and from when to when, once the hour is over or their owner signs in: nothing is
// lost, whoever tries how often, and at whichever node.
func TestRefusalsAreToldTogether(t *testing.T) {
	a, at := newAccounts(t)
	other := New(a.Config)
	ctx := t.Context()
	first := must[string](t)(a.Add(ctx, Account{Name: "ana", Roles: []string{"registrar"}, CodeUnset: true}))
	try := func(name string, n int) {
		t.Helper()
		for i := range n {
			at.Time = at.Add(time.Second)
			if _, err := []*Accounts{a, other}[i%2].SignIn(ctx, name, "wrong", "", fmt.Sprintf("198.51.100.%d", i)); !errors.Is(err, ErrRefused) {
				t.Fatalf("%s, attempt %d: %v", name, i, err)
			}
		}
	}
	refused := func() (lines []string) {
		for _, line := range events(t, a) {
			if rest, ok := strings.CutPrefix(line, "log-in-refused | nobody | "); ok {
				lines = append(lines, rest)
			}
		}
		return lines
	}
	try("ana", 30)
	try("nobody", 60)
	singly := slices.Repeat([]string{"account ana | password"}, refusedSingly)
	singly = append(singly, slices.Repeat([]string{" | no such account"}, refusedSingly)...)
	if got := refused(); !slices.Equal(got, singly) {
		t.Fatalf("the log has %q", got)
	}

	// Their owner signs in, and is told of before.
	must[Session](t)(other.SignIn(ctx, "ana", first, "", "192.0.2.1"))
	want := append(singly, "account ana | 20 more from 2026-06-01T09:00:11Z to 2026-06-01T09:00:30Z; password: 20")
	if got := refused(); !slices.Equal(got, want) {
		t.Errorf("after a sign-in the log has %q", got[len(singly):])
	}
	if all := events(t, a); !strings.HasPrefix(all[len(all)-1], "logged-in | account ana") {
		t.Errorf("the last is %q", all[len(all)-1])
	}

	// The hour is over, of one with the next attempt and of the other with nothing.
	try("ana", 3)
	if err := a.endRefused(ctx); err != nil || len(refused()) != len(want) {
		t.Errorf("before the hour is over: %v, %q", err, refused()[len(want):])
	}
	at.Time = at.Add(refusedTime)
	try("ana", 1)
	want = append(want, "account ana | 3 more from 2026-06-01T09:01:31Z to 2026-06-01T09:01:33Z; password: 3", "account ana | password")
	for range 2 {
		if err := a.endRefused(ctx); err != nil {
			t.Fatal(err)
		}
	}
	want = append(want, " | 50 more from 2026-06-01T09:00:41Z to 2026-06-01T09:01:30Z; no such account: 50")
	if got := refused(); !slices.Equal(got, want) {
		t.Errorf("after the hour the log has %q", got[len(singly):])
	}
	left := 0
	for _, err := range a.Store.Documents(ctx, kindRefused, shared, "") {
		if left++; err != nil {
			t.Fatal(err)
		}
	}
	if left != 1 {
		t.Errorf("%d hours are kept", left)
	}

	// A clock that is put back tells too.
	try("ana", refusedSingly+1)
	at.Time = at.Add(-2 * time.Hour)
	try("ana", 1)
	if got := refused(); !strings.Contains(strings.Join(got, "\n"), "account ana | 2 more from") {
		t.Errorf("after the clock was put back: %q", got[len(want):])
	}
}

// However many reasons there are, a line stays one of a bounded length.
func TestReasonsAreBounded(t *testing.T) {
	r := refusals{}
	now := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	for i := range refusedSingly + 100 {
		r.add(now, fmt.Sprint("why ", i))
	}
	rest := r.rest()
	if len(rest) != 1 || r.More != 100 || len(r.Whys) != refusedWhys+1 || r.Whys["other"] != 100-refusedWhys || !strings.Contains(rest[0].Result, "other: 84") {
		t.Errorf("%+v, %v", r, rest)
	}
}
