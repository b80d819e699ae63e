package accounts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/store"
)

// as acts under the name of an account.
func as(t *testing.T, name string) context.Context {
	return store.Acting(t.Context(), store.Actor{Name: name})
}

// Whoever gave an account its password could be it, and so could whoever gave them
// theirs, until a third one confirms the person.
func TestPersonsBehindAnAccount(t *testing.T) {
	a, at := newAccounts(t)
	persons := func(name string, want ...string) {
		t.Helper()
		if got := must[[]string](t)(a.Persons(t.Context(), name)); !slices.Equal(got, append([]string{name}, want...)) {
			t.Errorf("%s: %q", name, got)
		}
	}
	enrol := func(by, name string) {
		t.Helper()
		first := must[string](t)(a.Add(as(t, by), Account{Name: name, Roles: []string{"approver"}}))
		s := must[Session](t)(a.SignIn(t.Context(), name, first, "", name))
		must[Session](t)(a.Enrol(t.Context(), s, password, codeAt(s.Secret, at.Unix()/codeStep)))
	}
	enrol("command account add, uid 0", "admin")
	enrol("command account add, uid 0", "dean")
	enrol("account admin", "puppet")
	enrol("account puppet", "puppet-2")
	persons("account admin")
	persons("account puppet", "account admin")
	persons("account puppet-2", "account puppet", "account admin")
	persons("key of a program")
	persons("account nobody")

	for _, one := range []struct {
		name, by string
		want     error
	}{
		{"puppet-2", "account puppet-2", ErrNotApart},
		{"puppet-2", "account puppet", ErrNotApart},
		{"puppet-2", "account admin", ErrNotApart},
		{"admin", "account dean", store.ErrNotFound}, // there is nothing to confirm
		{"nobody", "account dean", store.ErrNotFound},
		{"puppet-2", "account dean", nil},
		{"puppet-2", "account dean", store.ErrNotFound}, // it is confirmed
	} {
		if err := a.Confirm(t.Context(), one.name, one.by); !errors.Is(err, one.want) {
			t.Errorf("%s confirms %s: %v", one.by, one.name, err)
		}
	}
	persons("account puppet-2")
	if lines := strings.Join(events(t, a), "\n"); !strings.Contains(lines, "role-changed | account dean | account puppet-2 | confirmed: another person than account puppet") {
		t.Errorf("the log:\n%s", lines)
	}

	// Another first password begins anew, and two who gave each other theirs are one.
	must[string](t)(a.Reset(as(t, "account admin"), "puppet-2"))
	persons("account puppet-2", "account admin")
	if err := a.Confirm(t.Context(), "puppet-2", "account dean"); !errors.Is(err, ErrNotSetUp) {
		t.Errorf("before it is set up: %v", err)
	}
	must[string](t)(a.Reset(as(t, "account puppet-2"), "admin"))
	at.Time = at.Add(time.Minute)
	persons("account admin", "account puppet-2")
	persons("account puppet-2", "account admin")
	if err := a.Confirm(t.Context(), "admin", "account puppet"); !errors.Is(err, ErrNotApart) && !errors.Is(err, ErrNotSetUp) {
		t.Errorf("one of a circle: %v", err)
	}
}
