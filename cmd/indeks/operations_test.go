package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"indeks/internal/reference"
)

// parses reports why the program would not understand these arguments. Files
// need not be there.
func parses(args []string) error {
	parser, err := kong.New(new(commands), kong.Name("indeks"), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}),
		kong.BindTo(context.Background(), (*context.Context)(nil)),
		kong.NamedMapper("existingfile", kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
			var file string
			err := ctx.Scan.PopValueInto("file", &file)
			if target.Kind() == reflect.Slice {
				target.Set(reflect.Append(target, reflect.ValueOf(file)))
			} else {
				target.SetString(file)
			}
			return err
		})))
	if err != nil {
		return err
	}
	_, err = parser.Parse(args)
	return err
}

// Whoever runs Indeks by the document types nothing that the program does not
// know, and the files under docs/run start it with arguments that it takes.
func TestOperationsNameWhatThereIs(t *testing.T) {
	const docs = "../../docs"
	raw, err := os.ReadFile(filepath.Join(docs, "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "\\\n", " ")

	// 1. Commands.
	shell := ""
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		shell += m[1]
	}
	var lines []string
	for _, m := range regexp.MustCompile(`(?m)(?:^|[(] ?|sudo -u indeks )(?:bin/)?indeks ([^|>)\n]*)`).FindAllStringSubmatch(shell, -1) {
		lines = append(lines, m[1])
	}
	units, err := filepath.Glob(filepath.Join(docs, "run", "*.service"))
	if err != nil || len(units) != 2 {
		t.Fatal(units, err)
	}
	for _, unit := range units {
		raw, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/indeks (.*)$`).FindStringSubmatch(string(raw))
		if m == nil {
			t.Fatalf("%s starts something else", unit)
		}
		lines = append(lines, m[1])
	}
	image, err := os.ReadFile(filepath.Join(docs, "run", "Containerfile"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^CMD \[(.*)\]$`).FindStringSubmatch(string(image))
	if m == nil {
		t.Fatal("the Containerfile says not what to run")
	}
	lines = append(lines, strings.NewReplacer(`"`, "", ",", "").Replace(m[1]))
	if len(lines) < 20 {
		t.Fatalf("%d commands in the document: %q", len(lines), lines)
	}
	for _, line := range lines {
		if err := parses(words(line)); err != nil {
			t.Errorf("indeks %s: %v", line, err)
		}
	}
	if parses([]string{"issuer", "--confg", "x"}) == nil {
		t.Error("the test takes a flag that there is not")
	}

	// 2. Files of the project, and links to them.
	for _, m := range regexp.MustCompile(`\]\(([a-z./A-Z-]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(docs, m[1])); err != nil {
			t.Error(err)
		}
	}
	for _, m := range regexp.MustCompile(`(?:docs|examples)/[a-zA-Z/.-]+`).FindAllString(text+string(image), -1) {
		if _, err := os.Stat(filepath.Join("../..", m)); err != nil {
			t.Error(err)
		}
	}

	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
		c := new(Config)
		if err := strictYAML([]byte(m[1]), c); err != nil {
			t.Error(err)
		}
		for _, with := range []*TLS{&c.Issuer.TLS, &c.Verifier.TLS} {
			if err := with.check("https://credentials.uni.example"); err != nil {
				t.Error(err)
			}
		}
	}

	// 3. Settings of the verifier's own file, and what the issuer's is edited for.
	_, file, _ := strings.Cut(shell, "indeks.yaml <<END\n")
	file, _, _ = strings.Cut(file, "\nEND")
	if err := strictYAML([]byte(strings.Replace(file, "$PIN", "x", 1)), new(Config)); err != nil {
		t.Error(err)
	}
	c := &Config{Limits: defaultLimits}
	c.Issuer.PassphraseFile = "passphrase"
	made, err := c.yaml()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`s\|([^|]*)\|`).FindAllStringSubmatch(shell, -1) {
		if !strings.Contains(string(made), strings.ReplaceAll(m[1], `\`, "")) {
			t.Errorf("sed looks for %q in a configuration that has it not", m[1])
		}
	}
}

// words splits a line as the shell does that has no quotes but double ones.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

func TestUnitsAreSound(t *testing.T) {
	analyze := reference.Tool(t, "systemd", "systemd-analyze", "--version")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"indeks-issuer.service", "indeks-verifier.service"} {
		raw, err := os.ReadFile(filepath.Join("../../docs/run", name))
		if err != nil {
			t.Fatal(err)
		}
		own, err := os.ReadFile("../../docs/run/own-certificate.conf")
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, own...) // as systemd does with a file beside the unit
		// It looks for the program, which is not installed here.
		unit := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(raw), "/usr/local/bin/indeks", program)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", unit).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
