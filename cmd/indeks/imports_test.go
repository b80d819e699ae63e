package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// imports is the import map: which package may import which of ours, and which
// libraries live in it. Everything may use the standard library and
// go-json-experiment/json. Change it in the same commit as the code, so that
// the change is seen.
var imports = map[string]struct{ ours, libraries []string }{
	"internal/reference":     {nil, nil}, // for tests alone, as are the next eight
	"internal/contract":      {nil, []string{"github.com/getkin/kin-openapi", "github.com/google/go-cmp"}},
	"internal/markup":        {nil, []string{"golang.org/x/net/html"}},
	"internal/postgres":      {nil, nil},
	"internal/processor":     {nil, nil},
	"internal/keyfile":       {nil, []string{"filippo.io/age"}},
	"internal/postbox":       {nil, []string{"github.com/emersion/go-smtp", "github.com/emersion/go-sasl"}},
	"internal/authenticator": {nil, nil},
	"internal/chromium":      {[]string{"internal/reference"}, nil},
	"strictjson":             {nil, nil},
	"alike":                  {nil, nil},
	"contexts":               {[]string{"strictjson"}, []string{"github.com/piprate/json-gold"}},
	"status":                 {nil, nil},
	"merkle":                 {nil, []string{"golang.org/x/mod"}},
	"examples":               {nil, nil},
	"elm":                    {[]string{"contexts", "strictjson"}, []string{"golang.org/x/text/language"}},
	"keys":                   {[]string{"alike", "strictjson"}, []string{"github.com/go-jose/go-jose/v4", "filippo.io/age", "software.sslmate.com/src/go-pkcs12"}},
	"store":                  {[]string{"alike", "strictjson", "status", "merkle"}, []string{"go.etcd.io/bbolt", "github.com/jackc/pgx/v5", "golang.org/x/text/unicode/norm"}},
	"accounts":               {[]string{"store"}, []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "golang.org/x/crypto/argon2", "github.com/go-webauthn/webauthn"}},
	"paper":                  {[]string{"elm"}, []string{"github.com/skip2/go-qrcode", "github.com/makiuchi-d/gozxing", "github.com/go-fonts/dejavu", "golang.org/x/text"}},
	"mail":                   {[]string{"elm"}, []string{"golang.org/x/net/idna"}},
	"verifier":               {[]string{"alike", "contexts", "strictjson", "elm", "keys", "status", "merkle", "paper"}, nil},
	"issuer":                 {[]string{"alike", "contexts", "strictjson", "elm", "keys", "status", "merkle", "store", "verifier", "paper", "mail"}, []string{"golang.org/x/text", "github.com/santhosh-tekuri/jsonschema/v6"}},
	"web": {[]string{"elm"}, []string{"github.com/labstack/echo/v4", "github.com/nicksnyder/go-i18n/v2", "github.com/prometheus/client_golang", "golang.org/x/crypto/acme", "golang.org/x/text", "golang.org/x/time",
		"go.opentelemetry.io/otel", "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"}},
	"web/verifying": {[]string{"web", "verifier", "elm", "keys", "paper"}, []string{"github.com/labstack/echo/v4"}},
	"web/issuing":   {[]string{"web", "contexts", "elm", "keys", "status", "merkle", "store", "verifier", "paper", "mail", "issuer", "accounts"}, []string{"github.com/labstack/echo/v4"}},
	"cmd/indeks": {[]string{"contexts", "elm", "keys", "status", "merkle", "store", "verifier", "paper", "mail", "issuer", "accounts", "examples", "web", "web/verifying", "web/issuing"},
		[]string{"github.com/alecthomas/kong", "github.com/goccy/go-yaml", "github.com/schollz/progressbar/v3", "golang.org/x/sync", "golang.org/x/term"}},
}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{range .Imports}}{{.}} {{end}}`, "indeks/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], "indeks/")
		seen[name] = true
		allowed, ok := imports[name]
		if !ok {
			t.Errorf("package %s is not on the import map", name)
			continue
		}
		for _, path := range fields[1:] {
			first, _, _ := strings.Cut(path, "/")
			switch {
			case !strings.Contains(first, ".") && first != "indeks": // standard library
			case path == "github.com/go-json-experiment/json" || strings.HasPrefix(path, "github.com/go-json-experiment/json/"):
			case first == "indeks":
				if !slices.Contains(allowed.ours, strings.TrimPrefix(path, "indeks/")) {
					t.Errorf("%s imports %s", name, path)
				}
			case !slices.ContainsFunc(allowed.libraries, func(lib string) bool { return path == lib || strings.HasPrefix(path, lib+"/") }):
				t.Errorf("%s imports %s, whose home it is not", name, path)
			}
		}
	}
	for name := range imports {
		if !seen[name] {
			t.Errorf("package %s stands on the import map and is not there", name)
		}
	}
}

// What finds reference documents and what holds servers to their descriptions is
// for tests: no program is built from it.
func TestInternalIsForTestsAlone(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "indeks/cmd/indeks").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if strings.Contains(string(out), "indeks/internal/") {
		t.Error("the program depends on what is in internal")
	}
}

// The verifier holds no secret: nothing it is built from may reach records or
// the issuing of credentials.
func TestVerifierReachesNoRecords(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "indeks/web/verifying").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path := range strings.Lines(string(out)) {
		switch strings.TrimSpace(path) {
		case "indeks/store", "indeks/issuer", "indeks/accounts", "indeks/web/issuing", "go.etcd.io/bbolt", "github.com/jackc/pgx/v5":
			t.Errorf("web/verifying depends on %s", strings.TrimSpace(path))
		}
	}
}
