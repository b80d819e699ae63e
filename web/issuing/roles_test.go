package issuing

import (
	"bufio"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"indeks/accounts"
	"indeks/internal/markup"
	"indeks/issuer"
)

// TestRoutesAndRoles asks every route of the server as everybody there is:
// without a key, with one that is not known, and with a key of each role and of
// pairs of them; those of the desk with an account of each, and its forms too
// without their token. Who gets in stands in testdata/roles.txt; a route without a
// line in it fails.
func TestRoutesAndRoles(t *testing.T) {
	// 1. The table.
	file, err := os.Open(filepath.Join("testdata", "roles.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table := map[string][]Role{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		route := words[0] + " " + words[1]
		if len(words) < 3 || table[route] != nil {
			t.Fatalf("line %q", lines.Text())
		}
		for _, word := range words[2:] {
			if role := Role(word); role != everybody && role != byLearner && !slices.Contains(Roles, role) {
				t.Fatalf("no such role in %q", lines.Text())
			}
			table[route] = append(table[route], Role(word))
		}
	}

	// 2. The keys.
	keys := map[string][]Role{"": nil, "unknown": nil, "old": {Registrar}} // the last stands in the file without a role
	var known []APIKey
	add := func(name string, roles ...Role) {
		known = append(known, APIKey{Name: name, SHA256: sha256.Sum256([]byte(name)), Roles: roles})
	}
	add("old")
	for i, a := range Roles {
		add(string(a), a)
		keys[string(a)] = []Role{a}
		for _, b := range Roles[:i] {
			name := string(a) + "+" + string(b)
			add(name, a, b)
			keys[name] = []Role{a, b}
		}
	}
	for name, roles := range keys {
		if slices.Contains(roles, Admin) {
			keys[name] = append(slices.Clone(roles), Registrar)
		}
	}

	// 3. The server, and an account of each.
	e, records, _ := newEcho(t, func(c *Config) {
		c.VCAPI, c.Backups, c.Archives, c.APIKeys = true, &issuer.Keeper{Dir: t.TempDir()}, &issuer.ArchiveKeeper{Dir: t.TempDir()}, known
	})
	people := accounts.New(accounts.Config{Store: records, Cost: accounts.Cost{Memory: 8, Passes: 1, Threads: 1}})
	sessions := map[string]accounts.Session{}
	for name, roles := range keys {
		if len(roles) > 0 {
			sessions[name] = newSession(t, people, strings.ReplaceAll(name, "+", "-"), roles...)
		}
	}

	// 4. Every route as everybody.
	asked := 0
	for _, route := range slices.Sorted(slices.Values(routesOf(e))) { // signing out ends the sessions: it comes after what else the desk has
		allowed := table[route]
		if allowed == nil {
			t.Errorf("%s has no line in testdata/roles.txt", route)
			continue
		}
		delete(table, route)
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer(":id", "none", ":version", "1", ":public", "none", ":list", "r1", ":link", "none", ":file", "none", ":digest", "none", ":log", "none", "*", "none").Replace(path)
		for name, roles := range keys {
			in := slices.Contains(allowed, everybody) || slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(allowed, r) })
			if strings.HasPrefix(path, "/desk") && !slices.Contains(allowed, everybody) {
				asked += askDesk(t, e, method, path, sessions[name], in)
				continue
			}
			r := httptest.NewRequest(method, path, strings.NewReader("{}"))
			if name != "" {
				r.Header.Set("Authorization", "Bearer "+name)
			}
			w := httptest.NewRecorder()
			markup.Held(t, e).ServeHTTP(w, r)
			asked++
			want := 403
			if roles == nil || slices.Contains(allowed, byLearner) {
				want = 401
			}
			if slices.Contains(allowed, everybody) && strings.HasPrefix(path, "/desk") {
				if w.Code >= 500 && w.Code != 502 { // no provider answers
					t.Errorf("%s with key %q: %d", route, name, w.Code)
				}
				continue // who may sign in is for TestSignIn
			}
			if in && (w.Code == 401 || w.Code == 403) || !in && w.Code != want {
				t.Errorf("%s with key %q: %d %s", route, name, w.Code, w.Body)
			}
		}
	}
	for route := range table {
		t.Errorf("testdata/roles.txt has %s, which is no route", route)
	}
	if asked < 400 {
		t.Errorf("%d requests", asked)
	}
}

const (
	everybody Role = "everybody"
	byLearner Role = "learner"
)

// newSession signs in a new account, without codes.
func newSession(t *testing.T, people *accounts.Accounts, name string, roles ...Role) accounts.Session {
	t.Helper()
	words := []string{}
	for _, r := range roles {
		words = append(words, string(r))
	}
	password, err := people.Add(t.Context(), accounts.Account{Name: name, Roles: words, CodeUnset: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := people.SignIn(t.Context(), name, password, "", name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// askDesk asks for a page of the desk: as nobody, who is sent to sign in, or with a
// session; forms with their token and without.
func askDesk(t *testing.T, e http.Handler, method, path string, s accounts.Session, in bool) (asked int) {
	t.Helper()
	for _, token := range []string{s.Token(), ""} {
		if token == "" && method == http.MethodGet || token != "" && path == signOutPath {
			continue
		}
		r := httptest.NewRequest(method, path, strings.NewReader("token="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if s.ID != "" {
			r.AddCookie(&http.Cookie{Name: "__Host-desk", Value: s.ID})
		}
		w := httptest.NewRecorder()
		markup.Held(t, e).ServeHTTP(w, r)
		asked++
		switch to := w.Header().Get("Location"); {
		case s.ID == "":
			if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/desk/sign-in?next=") {
				t.Errorf("%s %s as nobody: %d to %q", method, path, w.Code, to)
			}
		case token == "" && method != http.MethodGet, !in:
			if w.Code != http.StatusForbidden {
				t.Errorf("%s %s as %s, token %q: %d", method, path, s.Account.Name, token, w.Code)
			}
		case w.Code == 401 || w.Code == 403 || w.Code >= 500 || strings.HasPrefix(to, "/desk/sign-in"):
			if path != "/desk/again" || w.Code != 401 { // the password is missing
				t.Errorf("%s %s as %s: %d to %q %s", method, path, s.Account.Name, w.Code, to, w.Body)
			}
		}
	}
	return asked
}
