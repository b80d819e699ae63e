// Package reference finds what tests need that is not part of the repository:
// the reference documents, which tests read in place, and programs of other
// makers. It is for tests alone.
//
// A test that lacks one of them is skipped and names it, or fails, where the
// environment says that it must be there: INDEKS_REQUIRE_SHARED=1 for documents,
// INDEKS_REQUIRE_TOOLS=1 for programs.
package reference

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Path returns the path of a file or folder of the reference documents. Their
// folder is named by INDEKS_SHARED, ../shared if that is not set; a relative
// name counts from the project's root, wherever the test runs.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	dir := os.Getenv("INDEKS_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "shared")
	}
	path := filepath.Join(append([]string{FromRoot(t, dir)}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		missing(t, "INDEKS_REQUIRE_SHARED", "reference documents are absent: "+err.Error())
	}
	return path
}

// Read returns the content of a reference document.
func Read(t testing.TB, elem ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(Path(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Run runs a program of another maker and returns what it prints; debian is the
// package that has it. The test fails if the program does.
func Run(t testing.TB, debian, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(find(t, debian, program), args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}

// Tool returns the path of a program of another maker. It counts as missing also
// where probe, arguments that do nothing, fails: a machine may forbid what the
// program needs.
func Tool(t testing.TB, debian, program string, probe ...string) string {
	t.Helper()
	path := find(t, debian, program)
	if out, err := exec.Command(path, probe...).CombinedOutput(); err != nil {
		missing(t, "INDEKS_REQUIRE_TOOLS", program+" does not work here: "+err.Error()+": "+string(out))
	}
	return path
}

func find(t testing.TB, debian, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, "INDEKS_REQUIRE_TOOLS", program+" is not installed (Debian: "+debian+")")
	}
	return path
}

// FromRoot makes a path absolute that counts from the project's root, the
// nearest folder above the test that has a go.mod. "" stays "".
func FromRoot(t testing.TB, path string) string {
	t.Helper()
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return filepath.Join(root, path)
		}
		above := filepath.Dir(root)
		if above == root {
			t.Fatal("no go.mod above the test: its root is not known")
		}
		root = above
	}
}

func missing(t testing.TB, require, what string) {
	t.Helper()
	if os.Getenv(require) == "1" {
		t.Fatalf("%s, and %s=1 wants them", what, require)
	}
	t.Skip(what)
}
