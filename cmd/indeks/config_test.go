package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// keysOf are all keys of a part of the configuration, each as the keys that lead
// to it.
func keysOf(t reflect.Type, under ...string) (list [][]string) {
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" {
			continue // not read
		}
		path := append(append([]string(nil), under...), name)
		list = append(list, path)
		if field.Type.Kind() == reflect.Struct {
			list = append(list, keysOf(field.Type, path...)...)
		}
	}
	return list
}

// Every key that is misspelt is refused by name: a limit or a path that is
// silently not the one that was meant shows when it is too late.
func TestEachMisspeltKeyIsRefused(t *testing.T) {
	all := keysOf(reflect.TypeFor[Config]())
	if len(all) < 60 {
		t.Fatalf("%d keys found", len(all))
	}
	dir := t.TempDir()
	for _, path := range all {
		last := path[len(path)-1]
		for _, wrong := range []string{last + "x", last[:len(last)-1], strings.ToUpper(last[:1]) + last[1:]} {
			text := ""
			for depth, name := range append(path[:len(path)-1:len(path)-1], wrong) {
				text += fmt.Sprintf("%s%s:\n", strings.Repeat("  ", depth), name)
			}
			file := filepath.Join(dir, configName)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := readConfig(file); err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s misspelt %s: %v", strings.Join(path, "."), wrong, err)
			}
		}
	}
}

// Every key is explained, with the value it has where it is left out, and no other
// is.
func TestEachKeyIsExplained(t *testing.T) {
	raw, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]string{} // to the default
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)` \\|([^|]*)\\| [^|]+ \\|$").FindAllStringSubmatch(string(raw), -1) {
		names := []string{m[1]}
		if strings.HasPrefix(m[1], "tls.") {
			names = []string{"issuer." + m[1], "verifier." + m[1]}
		}
		for _, name := range names {
			explained[name] = strings.Trim(m[2], " `")
		}
	}
	file := filepath.Join(t.TempDir(), configName)
	if err := os.WriteFile(file, []byte("read_only: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range keysOf(reflect.TypeFor[Config]()) {
		value := reflect.ValueOf(*c)
		for _, name := range path {
			for field := range value.Type().Fields() {
				if key, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); key == name {
					value = value.FieldByIndex(field.Index)
					break
				}
			}
		}
		if value.Kind() == reflect.Struct {
			continue
		}
		name := strings.Join(path, ".")
		text, ok := explained[name]
		if !ok {
			t.Errorf("docs/settings.md does not explain %s", name)
			continue
		}
		delete(explained, name)
		// Where the program has a value, it is the one that is written there.
		said, isTime := time.ParseDuration(text)
		if _, ok := value.Interface().(time.Duration); ok && isTime == nil {
			if value.Int() != 0 && time.Duration(value.Int()) != said {
				t.Errorf("%s is %v if left out, not %s", name, value, text)
			}
		} else if got := fmt.Sprint(value); !value.IsZero() && got != text {
			t.Errorf("%s is %s if left out, not %s", name, got, text)
		}
	}
	for name := range explained {
		t.Errorf("docs/settings.md explains %s, which there is not", name)
	}
}

// A sign-in that lets nobody in, or anybody, is refused before the server starts; the
// one in the documentation is read.
func TestSignInThatMakesNoSense(t *testing.T) {
	file := filepath.Join(t.TempDir(), configName)
	read := func(text string) (*Config, error) {
		if err := os.WriteFile(file, []byte("issuer:\n  sign_in:\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readConfig(file)
	}
	provider := func(lines ...string) string {
		return "    provider:\n      " + strings.Join(append([]string{"issuer: https://login.uni.example"}, lines...), "\n      ") + "\n"
	}
	for text, want := range map[string]string{
		"    provider_only: true\n":                           "there is no provider",
		"    idle: -1s\n":                                     "not negative",
		"    provider:\n      issuer: http://login.example\n": "not an https URL",
		provider():               "client_id is missing",
		provider("client_id: a"): "nobody could sign in",
		provider("client_id: a", "people: {a: [king]}"):                         "is none of",
		provider("client_id: a", "roles: {a: [admin]}"):                         "roles_claim is missing",
		provider("client_id: a", "people: {a: [admin]}", "scopes: [profile]"):   "lacks openid",
		provider("client_id: a", "people: {a: [admin]}", "client_secrets: hid"): "client_secrets",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "```yaml\nissuer:\n  sign_in:\n")
	example, _, ok := strings.Cut(example, "```")
	if c, err := read(example); !ok || err != nil || len(c.Issuer.SignIn.Provider.Roles) != 3 || len(c.Issuer.SignIn.Provider.People) != 1 {
		t.Errorf("the example of the documentation: %v", err)
	}
}
