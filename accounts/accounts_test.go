package accounts

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/store"
)

// cheap is what a password costs in tests.
var cheap = Cost{Memory: 8, Passes: 1, Threads: 1}

// clock is a time that tests move.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newAccounts(t *testing.T, change ...func(*Config)) (*Accounts, *clock) {
	t.Helper()
	dir := t.TempDir()
	learners, err := store.CreateDataKeys(t.Context(), store.VaultFile(filepath.Join(dir, "learners.keys")), [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "records.db")
	if err := store.InitBolt(path, "test", learners); err != nil {
		t.Fatal(err)
	}
	records, err := store.OpenBolt(path, "test", learners)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	at := &clock{time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}
	c := Config{Store: records, Cost: cheap, Now: at.now}
	for _, f := range change {
		f(&c)
	}
	return New(c), at
}

// events are those of the log since the start, as "kind actor object result".
func events(t *testing.T, a *Accounts) (lines []string) {
	t.Helper()
	logs, err := a.Store.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logs {
		for e, err := range a.Store.LogEntries(t.Context(), l.Name, 0) {
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, strings.TrimSpace(strings.Join([]string{string(e.Kind), e.Actor, e.Object, e.Result}, " | ")))
		}
	}
	return lines
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// enrolled makes an account that has its own password and codes.
func enrolled(t *testing.T, a *Accounts, at *clock, name string, roles ...string) (secret []byte) {
	t.Helper()
	first := must[string](t)(a.Add(t.Context(), Account{Name: name, Roles: roles}))
	s := must[Session](t)(a.SignIn(t.Context(), name, first, "", "192.0.2.1"))
	must[Session](t)(a.Enrol(t.Context(), s, password, codeAt(s.Secret, at.Unix()/codeStep)))
	at.Time = at.Add(time.Minute)
	return s.Secret
}

const password = "tri šešira na stolu"

// Appendix D of RFC 4226 and appendix B of RFC 6238, SHA-1, of which the last six
// digits are shown.
func TestOneTimeCodesOfTheStandards(t *testing.T) {
	secret := []byte("12345678901234567890")
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := codeAt(secret, int64(i)); got != want {
			t.Errorf("HOTP of %d: %s, want %s", i, got, want)
		}
	}
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := codeAt(secret, at/codeStep); got != want {
			t.Errorf("TOTP at %d: %s, want %s", at, got, want)
		}
	}
}

func TestCodeIsGoodOnceAndForAMinuteAndAHalf(t *testing.T) {
	secret, now := newSecret(), time.Unix(1_800_000_000, 0)
	step := now.Unix() / codeStep
	for _, one := range []struct {
		name string
		code string
		last int64
		want int64
	}{
		{"this step", codeAt(secret, step), 0, step},
		{"with a space, as apps show it", codeAt(secret, step)[:3] + " " + codeAt(secret, step)[3:], 0, step},
		{"the step before", codeAt(secret, step-1), 0, step - 1},
		{"the next step", codeAt(secret, step+1), 0, step + 1},
		{"used already", codeAt(secret, step), step, 0},
		{"older than the last used", codeAt(secret, step-1), step, 0},
		{"none", "", 0, 0},
	} {
		// Codes of two steps are the same once in a million: then the later one counts.
		if got := stepOf(secret, one.code, now, one.last); got != one.want && codeAt(secret, got) != strings.ReplaceAll(one.code, " ", "") {
			t.Errorf("%s: step %d, want %d", one.name, got, one.want)
		}
	}
	if uri := KeyURI("School of Sava", "ana", []byte("12345678901234567890")); uri != "otpauth://totp/School%20of%20Sava:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=School%20of%20Sava" {
		t.Error(uri)
	}
	if text := SecretText([]byte("12345678901234567890")); text != "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" {
		t.Error(text)
	}
}

func TestPasswordHashes(t *testing.T) {
	hash := cheap.hash("a password")
	for _, one := range []struct {
		hash, password string
		want           bool
	}{
		{hash, "a password", true},
		{hash, "a passwore", false},
		{hash, "", false},
		{"", "", false},
		{strings.Replace(hash, "argon2id", "argon2i", 1), "a password", false},
		{strings.Replace(hash, "v=19", "v=16", 1), "a password", false},
		{strings.Replace(hash, "m=8,", "m=99999999,", 1), "a password", false}, // takes no machine with it
		{strings.Replace(hash, "p=1", "p=0", 1), "a password", false},
		{hash[:len(hash)-4], "a password", false},
	} {
		if got := matches(one.hash, one.password); got != one.want {
			t.Errorf("%s with %q: %v", one.hash, one.password, got)
		}
	}
	if cheap.hash("a password") == hash {
		t.Error("two hashes with one salt")
	}
	if !matches("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"+"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x") == false {
		t.Error("a foreign hash matches")
	}
}

func TestFirstSignInSetsUpPasswordAndCodes(t *testing.T) {
	a, at := newAccounts(t)
	ctx := t.Context()
	first := must[string](t)(a.Add(ctx, Account{Name: "ana", Roles: []string{"registrar"}}))
	if _, err := a.Add(ctx, Account{Name: "ana", Roles: []string{"admin"}}); !errors.Is(err, ErrTaken) {
		t.Errorf("the same name: %v", err)
	}
	for _, name := range []string{"", "Ana", "ana b", "../x", strings.Repeat("a", 33), "1a"} {
		if _, err := a.Add(ctx, Account{Name: name, Roles: []string{"admin"}}); !errors.Is(err, ErrName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	s := must[Session](t)(a.SignIn(ctx, "ana", first, "", "192.0.2.1"))
	if !s.Enrolling || len(s.Secret) != secretSize {
		t.Fatalf("%+v", s)
	}
	code := func() string { return codeAt(s.Secret, at.Unix()/codeStep) }
	for _, bad := range []string{"short", first, strings.Repeat("x", 129)} {
		if _, err := a.Enrol(ctx, s, bad, code()); !errors.Is(err, ErrPassword) {
			t.Errorf("password %q: %v", bad, err)
		}
	}
	wrong := "000000"
	if wrong == code() {
		wrong = "000001"
	}
	if _, err := a.Enrol(ctx, s, password, wrong); !errors.Is(err, ErrCode) {
		t.Errorf("wrong code: %v", err)
	}
	next := must[Session](t)(a.Enrol(ctx, s, password, code()))
	if next.Enrolling || next.ID == s.ID {
		t.Errorf("after setting up: %+v", next)
	}
	if _, err := a.Session(ctx, s.ID); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the session of the first password: %v", err)
	}
	if _, err := a.Enrol(ctx, next, "another password", code()); err == nil {
		t.Error("who is set up sets up again")
	}
	if _, err := a.SignIn(ctx, "ana", first, "", "192.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Errorf("the first password again: %v", err)
	}
	got := events(t, a)
	for _, want := range []string{"role-changed | indeks | account ana | made: registrar", "logged-in | account ana |  | first password", "logged-in | account ana |  | own password and codes set up"} {
		if !slices.Contains(got, want) {
			t.Errorf("no event %q in %q", want, got)
		}
	}
}

func TestFirstPasswordEndsAfterAWeek(t *testing.T) {
	a, at := newAccounts(t)
	first := must[string](t)(a.Add(t.Context(), Account{Name: "ana", Roles: []string{"registrar"}}))
	at.Time = at.Add(temporary)
	if _, err := a.SignIn(t.Context(), "ana", first, "", "192.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestSignInNeedsAllThree(t *testing.T) {
	a, at := newAccounts(t)
	ctx := t.Context()
	secret := enrolled(t, a, at, "ana", "registrar")
	code := codeAt(secret, at.Unix()/codeStep)
	for i, one := range []struct{ name, name2, password, code string }{
		{"no such account", "iva", password, code},
		{"a name that cannot be", "'; drop", password, code},
		{"another password", "ana", password + "x", code},
		{"no password", "ana", "", code},
		{"no code", "ana", password, ""},
		{"an old code", "ana", password, codeAt(secret, at.Unix()/codeStep-5)},
		{"a password of a megabyte", "ana", strings.Repeat("x", 1<<20), code},
	} {
		if _, err := a.SignIn(ctx, one.name2, one.password, one.code, fmt.Sprintf("192.0.2.%d", i)); !errors.Is(err, ErrRefused) || err.Error() != ErrRefused.Error() {
			t.Errorf("%s: %v", one.name, err) // one text for all: nobody learns which was right
		}
	}
	s := must[Session](t)(a.SignIn(ctx, "ana", password, code, "192.0.2.1"))
	if again, err := a.Session(ctx, s.ID); err != nil || again.Account.Name != "ana" || again.Enrolling {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := a.SignIn(ctx, "ana", password, code, "192.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Errorf("the same code twice: %v", err)
	}
	for _, line := range events(t, a) {
		if strings.Contains(line, "drop") || strings.Contains(line, "iva") || strings.Contains(line, password) {
			t.Errorf("what was typed is logged: %q", line)
		}
	}
}

// A one-time code is one sign-in, however many come at the same time.
func TestCodeIsOneSignInOfMany(t *testing.T) {
	a, at := newAccounts(t)
	secret := enrolled(t, a, at, "ana", "registrar")
	code := codeAt(secret, at.Unix()/codeStep)
	results := make(chan error)
	for i := range 20 {
		go func() {
			_, err := a.SignIn(context.Background(), "ana", password, code, fmt.Sprintf("192.0.2.%d", i))
			results <- err
		}()
	}
	in := 0
	for range 20 {
		if err := <-results; err == nil {
			in++
		} else if !errors.Is(err, ErrRefused) {
			t.Error(err)
		}
	}
	if in != 1 {
		t.Errorf("%d of 20 are in", in)
	}
}

func TestSessionsEnd(t *testing.T) {
	for _, one := range []struct {
		name string
		end  func(t *testing.T, a *Accounts, at *clock, s Session)
	}{
		{"not used for half an hour", func(_ *testing.T, _ *Accounts, at *clock, _ Session) { at.Time = at.Add(30 * time.Minute) }},
		{"after twelve hours, however much it is used", func(t *testing.T, a *Accounts, at *clock, s Session) {
			for range 36 {
				at.Time = at.Add(20 * time.Minute)
				if _, err := a.Session(t.Context(), s.ID); err != nil && at.Sub(s.held.Began) < 12*time.Hour {
					t.Fatal(err)
				}
			}
		}},
		{"signed out", func(t *testing.T, a *Accounts, _ *clock, s Session) {
			if err := a.SignOut(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
		}},
		{"signed out with a stale copy", func(t *testing.T, a *Accounts, at *clock, s Session) {
			at.Time = at.Add(2 * time.Minute)
			must[Session](t)(a.Session(t.Context(), s.ID))
			if err := a.SignOut(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
		}},
		{"signed out everywhere", func(t *testing.T, a *Accounts, _ *clock, _ Session) {
			if err := a.SignOutEverywhere(t.Context(), "ana"); err != nil {
				t.Fatal(err)
			}
		}},
		{"the account is closed", func(t *testing.T, a *Accounts, _ *clock, _ Session) {
			if err := a.SetRoles(t.Context(), "ana", nil); err != nil {
				t.Fatal(err)
			}
		}},
		{"the password is reset", func(t *testing.T, a *Accounts, _ *clock, _ Session) { must[string](t)(a.Reset(t.Context(), "ana")) }},
	} {
		t.Run(one.name, func(t *testing.T) {
			a, at := newAccounts(t)
			secret := enrolled(t, a, at, "ana", "registrar")
			s := must[Session](t)(a.SignIn(t.Context(), "ana", password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"))
			one.end(t, a, at, s)
			if _, err := a.Session(t.Context(), s.ID); !errors.Is(err, ErrSignedOut) {
				t.Errorf("it goes on: %v", err)
			}
		})
	}
}

func TestSessionIDIsNotInTheStore(t *testing.T) {
	a, at := newAccounts(t)
	secret := enrolled(t, a, at, "ana", "registrar")
	s := must[Session](t)(a.SignIn(t.Context(), "ana", password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"))
	found := 0
	for d, err := range a.Store.Documents(t.Context(), kindSession, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		found++
		if strings.Contains(d.ID+string(d.Body), s.ID) {
			t.Error("the id of a session is in the store")
		}
	}
	if found != 2 { // that of setting up too
		t.Errorf("%d sessions", found)
	}
	for _, id := range []string{"", "x", NewSecret(), s.ID + "x", s.ID[:len(s.ID)-1]} {
		if _, err := a.Session(t.Context(), id); !errors.Is(err, ErrSignedOut) {
			t.Errorf("session %q: %v", id, err)
		}
	}
	if !SoundToken(s.ID, s.Token()) || SoundToken(NewSecret(), s.Token()) || SoundToken("", FormToken("")) || strings.Contains(s.Token(), s.ID) {
		t.Error("the token of forms")
	}
}

func TestProofIsFreshForTenMinutes(t *testing.T) {
	a, at := newAccounts(t)
	ctx := t.Context()
	secret := enrolled(t, a, at, "ana", "registrar")
	s := must[Session](t)(a.SignIn(ctx, "ana", password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"))
	at.Time = at.Add(10 * time.Minute)
	s = must[Session](t)(a.Session(ctx, s.ID))
	if a.Fresh(&s) {
		t.Error("fresh after ten minutes")
	}
	if _, err := a.Prove(ctx, s, "a wrong password", codeAt(secret, at.Unix()/codeStep), "192.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	next := must[Session](t)(a.Prove(ctx, s, password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"))
	if !a.Fresh(&next) || next.ID == s.ID || !next.doc.Expires.Equal(s.doc.Expires) {
		t.Errorf("%+v", next)
	}
	if _, err := a.Session(ctx, s.ID); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the session before: %v", err)
	}
}

func TestWhatIsOverIsRemoved(t *testing.T) {
	a, at := newAccounts(t)
	secret := enrolled(t, a, at, "ana", "registrar")
	must[Session](t)(a.SignIn(t.Context(), "ana", password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"))
	count := func() (n int) {
		for _, err := range a.Store.Documents(t.Context(), kindSession, "", "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if err := a.sweep(t.Context()); err != nil || count() != 2 { // that of enrolling too
		t.Errorf("%d, %v", count(), err)
	}
	at.Time = at.Add(13 * time.Hour)
	if err := a.sweep(t.Context()); err != nil || count() != 0 {
		t.Errorf("%d, %v", count(), err)
	}
}

func TestRolesChangeAtOnce(t *testing.T) {
	a, at := newAccounts(t)
	secret := enrolled(t, a, at, "ana", "registrar")
	s := must[Session](t)(a.SignIn(t.Context(), "ana", password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"))
	if err := a.SetRoles(t.Context(), "ana", []string{"auditor"}); err != nil {
		t.Fatal(err)
	}
	if s = must[Session](t)(a.Session(t.Context(), s.ID)); !slices.Equal(s.Account.Roles, []string{"auditor"}) {
		t.Errorf("%v", s.Account.Roles)
	}
	list := must[[]Account](t)(a.List(t.Context()))
	if len(list) != 1 || list[0].Name != "ana" || list[0].Actor() != "account ana" {
		t.Errorf("%+v", list)
	}
	if err := a.SetRoles(t.Context(), "iva", []string{"auditor"}); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

func TestAttemptsAreCounted(t *testing.T) {
	a, _ := newAccounts(t)
	ctx := t.Context()
	first := must[string](t)(a.Add(ctx, Account{Name: "ana", Roles: []string{"registrar"}, CodeUnset: true}))
	limited := func(err error) bool {
		many, ok := errors.AsType[*TooManyError](err)
		return ok && many.Wait > 0
	}
	tries := 0
	for err := error(ErrRefused); errors.Is(err, ErrRefused) && tries < 80; tries++ { // the store's clock goes on meanwhile
		if _, err = a.SignIn(ctx, "ana", "wrong", "", "192.0.2.1"); tries < attemptsByAddress && limited(err) || !limited(err) && !errors.Is(err, ErrRefused) {
			t.Fatalf("attempt %d: %v", tries, err)
		}
	}
	if tries == 80 {
		t.Errorf("one address has tried %d times", tries)
	}
	must[Session](t)(a.SignIn(ctx, "ana", first, "", "192.0.2.2")) // another address of hers
	for i := range attemptsByName {                                // one more is free each 36 s
		if _, err := a.SignIn(ctx, "ana", "wrong", "", fmt.Sprintf("198.51.100.%d", i)); !errors.Is(err, ErrRefused) {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	if _, err := a.SignIn(ctx, "ana", "wrong", "", "192.0.2.3"); !limited(err) {
		t.Errorf("from many addresses: %v", err)
	}
}
