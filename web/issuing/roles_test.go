package issuing

import (
	"bufio"
	"crypto/sha256"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"indeks/issuer"
)

// TestRoutesAndRoles asks every route of the server as everybody there is:
// without a key, with one that is not known, and with a key of each role and of
// pairs of them. Who gets in stands in testdata/roles.txt; a route without a
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
			if role := Role(word); role != everybody && !slices.Contains(Roles, role) {
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

	// 3. Every route as everybody.
	e, _, _ := newEcho(t, func(c *Config) {
		c.VCAPI, c.Backups, c.APIKeys = true, &issuer.Keeper{Dir: t.TempDir()}, known
	})
	asked := 0
	for _, route := range routesOf(e) {
		allowed := table[route]
		if allowed == nil {
			t.Errorf("%s has no line in testdata/roles.txt", route)
			continue
		}
		delete(table, route)
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer(":id", "none", ":version", "1", ":public", "none", ":list", "r1", ":link", "none", ":file", "none", ":digest", "none", ":log", "none", "*", "none").Replace(path)
		for name, roles := range keys {
			r := httptest.NewRequest(method, path, strings.NewReader("{}"))
			if name != "" {
				r.Header.Set("Authorization", "Bearer "+name)
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			asked++
			in := slices.Contains(allowed, everybody) || slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(allowed, r) })
			want := 403
			if roles == nil {
				want = 401
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

const everybody Role = "everybody"
