package accounts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"indeks/internal/authenticator"
	"indeks/store"
)

const here = "https://issuer.example"

func withPasskeys(t *testing.T) (*Accounts, *clock) {
	return newAccounts(t, func(c *Config) { c.Origin = here })
}

// keyed makes an account whose first password a passkey takes the place of.
func keyed(t *testing.T, a *Accounts, name string) (*authenticator.Passkey, Session) {
	t.Helper()
	first := must[string](t)(a.Add(t.Context(), Account{Name: name, Roles: []string{"registrar"}}))
	s := must[Session](t)(a.SignIn(t.Context(), name, first, "", "192.0.2.1"))
	passkey, answer := authenticator.Create(t, here, must[[]byte](t)(a.OfferPasskey(t.Context(), &s)), authenticator.Wrong{})
	return passkey, must[Session](t)(a.AddPasskey(t.Context(), s, "Laptop", answer))
}

// added gives an account that is set up a passkey.
func added(t *testing.T, a *Accounts, s Session, name string, wrong authenticator.Wrong) *authenticator.Passkey {
	t.Helper()
	s = must[Session](t)(a.Session(t.Context(), s.ID))
	passkey, answer := authenticator.Create(t, here, must[[]byte](t)(a.OfferPasskey(t.Context(), &s)), wrong)
	must[Session](t)(a.AddPasskey(t.Context(), s, name, answer))
	return passkey
}

func TestPasskeyInPlaceOfPasswordAndCode(t *testing.T) {
	a, at := withPasskeys(t)
	ctx := t.Context()
	passkey, s := keyed(t, a, "ana")
	if s.Enrolling || s.Account.State() != "open" || s.Account.Password != "" {
		t.Errorf("set up: %+v", s.Account)
	}
	got, err := a.SignInByPasskey(ctx, "browser", "", passkey.Sign(t, here, must[[]byte](t)(a.AskPasskey(ctx, "browser", "192.0.2.1", nil)), authenticator.Wrong{}), "192.0.2.1")
	if err != nil || got.Enrolling || got.Account.Name != "ana" || got.ID == s.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	if now := must[Session](t)(a.Session(ctx, got.ID)); now.Account.Passkeys[0].Used.IsZero() || now.Account.Passkeys[0].Name != "Laptop" {
		t.Errorf("%+v", now.Account.Passkeys)
	}

	// Once more who it is, for acts that want that.
	at.Time = at.Add(20 * time.Minute)
	got = must[Session](t)(a.Session(ctx, got.ID))
	asked := must[[]byte](t)(a.AskPasskey(ctx, "", "192.0.2.1", &got))
	next, err := a.ProveByPasskey(ctx, got, "", passkey.Sign(t, here, asked, authenticator.Wrong{}), "192.0.2.1")
	if err != nil || !a.Fresh(&next) || !next.doc.Expires.Equal(got.doc.Expires) {
		t.Errorf("%+v, %v", next, err)
	}
	if _, err := a.Session(ctx, got.ID); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the session before: %v", err)
	}
	other, _ := keyed(t, a, "iva")
	asked = must[[]byte](t)(a.AskPasskey(ctx, "", "192.0.2.1", &next))
	if _, err := a.ProveByPasskey(ctx, next, "", other.Sign(t, here, asked, authenticator.Wrong{}), "192.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Errorf("somebody else's: %v", err)
	}
	lines := strings.Join(events(t, a), "\n")
	for _, want := range []string{"added in place of the first password", "logged-in | account ana |  | passkey", "passkey, again", "log-in-refused | nobody | account iva | passkey: another account's"} {
		if !strings.Contains(lines, want) {
			t.Errorf("the log lacks %q:\n%s", want, lines)
		}
	}
	if strings.Contains(lines, "Laptop") {
		t.Error("the log names a person's device")
	}
}

// A passkey is in place of the code too, and some accounts want both.
func TestPasskeyBesidesThePassword(t *testing.T) {
	a, at := withPasskeys(t)
	ctx := t.Context()
	secret := enrolled(t, a, at, "ana", "registrar")
	s := must[Session](t)(a.SignIn(ctx, "ana", password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"))
	passkey := added(t, a, s, "Key in the safe", authenticator.Wrong{})
	try := func(password string) error {
		at.Time = at.Add(time.Minute)
		asked := must[[]byte](t)(a.AskPasskey(ctx, "browser", "192.0.2.1", nil))
		_, err := a.SignInByPasskey(ctx, "browser", password, passkey.Sign(t, here, asked, authenticator.Wrong{}), "192.0.2.1")
		return err
	}
	for _, too := range []bool{false, true} {
		if err := a.WantPassword(ctx, "ana", too); err != nil {
			t.Fatal(err)
		}
		for _, one := range []struct {
			password string
			in       bool
		}{{"", !too}, {password, true}, {"tri šešira na stolici", false}} {
			if err := try(one.password); (err == nil) != one.in || err != nil && !errors.Is(err, ErrRefused) {
				t.Errorf("password too %v: with %q: %v", too, one.password, err)
			}
		}
	}
	// Password and code go on without it.
	if _, err := a.SignIn(ctx, "ana", password, codeAt(secret, at.Unix()/codeStep), "192.0.2.1"); err != nil {
		t.Errorf("password and code: %v", err)
	}
	if _, err := a.SignIn(ctx, "ana", password, "", "192.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Errorf("the password alone: %v", err)
	}
}

// What a device or a browser signs for somebody else is nobody's.
func TestPasskeysThatAreRefused(t *testing.T) {
	a, _ := withPasskeys(t)
	ctx := t.Context()
	passkey, mine := keyed(t, a, "ana")
	strange, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]authenticator.Wrong{
		"a page of another site":            {Origin: "https://issuer.example.evil.example"},
		"our page without TLS":              {Origin: "http://issuer.example"},
		"our host, another port":            {Origin: "https://issuer.example:8443"},
		"a name below ours":                 {Origin: "https://evil.issuer.example"},
		"a passkey for another name":        {RPID: "evil.example"},
		"a frame of another site":           {CrossOrigin: true},
		"what making one signs":             {Type: "webauthn.create"},
		"nobody asked who it is":            {Unverified: true},
		"nobody there":                      {Absent: true, Unverified: true},
		"another challenge":                 {Challenge: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"another account's handle":          {Handle: []byte("0123456789abcdef0123456789abcdef")},
		"another key":                       {Key: strange},
		"one that says it is synced by now": {Synced: true},
	} {
		asked := must[[]byte](t)(a.AskPasskey(ctx, "browser", name, nil))
		if s, err := a.SignInByPasskey(ctx, "browser", "", passkey.Sign(t, here, asked, wrong), name); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if name == "one that says it is synced by now" || name == "another account's handle" || name == "another key" {
			continue // there is none yet while one is made
		}
		offered := must[[]byte](t)(a.OfferPasskey(ctx, &mine))
		if wrong.Type != "" {
			wrong.Type = "webauthn.get"
		}
		_, answer := authenticator.Create(t, here, offered, wrong)
		if _, err := a.AddPasskey(ctx, mine, "x", answer); !errors.Is(err, ErrPasskey) {
			t.Errorf("making one, %s: %v", name, err)
		}
	}
	for _, answer := range []string{"", "null", "{}", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Repeat("[", 1<<17)} {
		if _, err := a.SignInByPasskey(ctx, "browser", "", []byte(answer), "192.0.2.9"); !errors.Is(err, ErrRefused) {
			t.Errorf("%.30q: %v", answer, err)
		}
		if _, err := a.AddPasskey(ctx, mine, "x", []byte(answer)); !errors.Is(err, ErrPasskey) {
			t.Errorf("making %.30q: %v", answer, err)
		}
	}
	for name, origin := range map[string]string{"no address": "", "an address without a name": "https://192.0.2.1", "no TLS": "http://issuer.example"} {
		if none := New(Config{Store: a.Store, Origin: origin}); none.Passkeys() {
			t.Error(name)
		} else if _, err := none.AskPasskey(ctx, "browser", "x", nil); !errors.Is(err, ErrNoPasskeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !New(Config{Store: a.Store, Origin: "http://localhost:8085"}).Passkeys() {
		t.Error("this machine, which browsers trust")
	}
}

// A challenge is good once, for five minutes, in the browser that asked, for what it was
// asked for.
func TestChallengeIsGoodOnce(t *testing.T) {
	a, at := withPasskeys(t)
	ctx := t.Context()
	passkey, mine := keyed(t, a, "ana")
	in := func(browser string, answer []byte) error {
		_, err := a.SignInByPasskey(ctx, browser, "", answer, rand.Text())
		return err
	}
	ask := func() []byte { return must[[]byte](t)(a.AskPasskey(ctx, "browser", rand.Text(), nil)) }

	answer := passkey.Sign(t, here, ask(), authenticator.Wrong{})
	if err := in("another browser", answer); !errors.Is(err, ErrRefused) {
		t.Errorf("in another browser: %v", err)
	}
	if err := in("browser", answer); !errors.Is(err, ErrRefused) {
		t.Errorf("after another browser: %v", err)
	}
	answer = passkey.Sign(t, here, ask(), authenticator.Wrong{})
	results := make(chan error)
	for range 20 {
		go func() { results <- in("browser", answer) }()
	}
	got := 0
	for range 20 {
		if err := <-results; err == nil {
			got++
		} else if !errors.Is(err, ErrRefused) {
			t.Error(err)
		}
	}
	if got != 1 {
		t.Errorf("%d of 20 are in", got)
	}
	answer = passkey.Sign(t, here, ask(), authenticator.Wrong{})
	at.Time = at.Add(ceremonyTime)
	if err := in("browser", answer); !errors.Is(err, ErrRefused) {
		t.Errorf("after five minutes: %v", err)
	}
	for name, offered := range map[string][]byte{"to show who it is": must[[]byte](t)(a.AskPasskey(ctx, "", "x", &mine)), "to make one": must[[]byte](t)(a.OfferPasskey(ctx, &mine))} {
		if err := in(mine.ID, passkey.Sign(t, here, offered, authenticator.Wrong{RPID: "issuer.example"})); !errors.Is(err, ErrRefused) {
			t.Errorf("one that was asked for %s: %v", name, err)
		}
	}
	_, answer = authenticator.Create(t, here, must[[]byte](t)(a.OfferPasskey(ctx, &mine)), authenticator.Wrong{})
	_, other := keyed(t, a, "iva")
	if _, err := a.AddPasskey(ctx, other, "x", answer); !errors.Is(err, ErrPasskey) {
		t.Errorf("an offer of another session: %v", err)
	}
}

// A count that goes back means that there may be two of a passkey: neither is taken from
// then on.
func TestCopiedPasskeyIsNotTaken(t *testing.T) {
	a, _ := withPasskeys(t)
	ctx := t.Context()
	passkey, s := keyed(t, a, "ana")
	in := func(p *authenticator.Passkey) error {
		asked := must[[]byte](t)(a.AskPasskey(ctx, "browser", rand.Text(), nil))
		_, err := a.SignInByPasskey(ctx, "browser", "", p.Sign(t, here, asked, authenticator.Wrong{}), rand.Text())
		return err
	}
	passkey.Count = 5
	if err := in(passkey); err != nil {
		t.Fatal(err)
	}
	twin := *passkey
	if err := in(passkey); err != nil {
		t.Fatal(err)
	}
	if err := in(&twin); !errors.Is(err, ErrRefused) {
		t.Errorf("its copy: %v", err)
	}
	if err := in(passkey); !errors.Is(err, ErrRefused) {
		t.Errorf("itself after its copy: %v", err)
	}
	known := must[[]Account](t)(a.List(ctx))[0].Passkeys[0]
	if known.Copied.IsZero() || !strings.Contains(strings.Join(events(t, a), "\n"), "passkey "+known.Short()+": its count went back") {
		t.Errorf("nobody is told: %+v", known)
	}
	if _, err := a.Session(ctx, s.ID); err != nil {
		t.Errorf("who is signed in: %v", err)
	}
}

func TestPasskeysAreSeveralAndRemoved(t *testing.T) {
	a, _ := withPasskeys(t)
	ctx := t.Context()
	first, s := keyed(t, a, "ana")
	if err := a.RemovePasskey(ctx, "ana", s.Account.Passkeys[0].Short()); !errors.Is(err, ErrLastPasskey) {
		t.Errorf("the only way in: %v", err)
	}
	if err := a.WantPassword(ctx, "ana", true); !errors.Is(err, ErrLastPasskey) {
		t.Errorf("a password that there is not: %v", err)
	}
	for _, name := range []string{"", " ", strings.Repeat("x", 61), "a\nb"} {
		if _, err := a.AddPasskey(ctx, s, name, nil); !errors.Is(err, ErrPasskeyName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	second := added(t, a, s, "Telefon", authenticator.Wrong{Synced: true})
	list := must[[]Account](t)(a.List(ctx))[0].Passkeys
	if len(list) != 2 || !list[1].Synced || list[0].Synced || slices.Equal(list[0].ID, list[1].ID) {
		t.Fatalf("%+v", list)
	}
	if err := a.RemovePasskey(ctx, "ana", list[0].Short()); err != nil {
		t.Fatal(err)
	}
	if err := a.RemovePasskey(ctx, "ana", list[0].Short()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("twice: %v", err)
	}
	for i, p := range []*authenticator.Passkey{first, second} {
		asked := must[[]byte](t)(a.AskPasskey(ctx, "browser", "x", nil))
		_, err := a.SignInByPasskey(ctx, "browser", "", p.Sign(t, here, asked, authenticator.Wrong{Synced: i == 1}), "x")
		if (err == nil) != (i == 1) {
			t.Errorf("passkey %d: %v", i, err)
		}
	}
	// Whoever lost the device gets a first password, and the device is nobody's.
	password := must[string](t)(a.Reset(ctx, "ana"))
	asked := must[[]byte](t)(a.AskPasskey(ctx, "browser", "y", nil))
	if _, err := a.SignInByPasskey(ctx, "browser", "", second.Sign(t, here, asked, authenticator.Wrong{Synced: true}), "y"); !errors.Is(err, ErrRefused) {
		t.Errorf("after a reset: %v", err)
	}
	if s := must[Session](t)(a.SignIn(ctx, "ana", password, "", "z")); !s.Enrolling {
		t.Error("nothing is to be set up")
	}
	for i := range mostPasskeys + 1 {
		if i == 0 {
			_, s = keyed(t, a, "iva")
			continue
		}
		_, answer := authenticator.Create(t, here, must[[]byte](t)(a.OfferPasskey(ctx, &s)), authenticator.Wrong{})
		if _, err := a.AddPasskey(ctx, s, fmt.Sprint(i), answer); (err == nil) != (i < mostPasskeys) {
			t.Errorf("passkey %d: %v", i, err)
		}
	}
}
