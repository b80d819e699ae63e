package contexts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shared returns the path of a file of the shared reference data, which tests
// read in place.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("INDEKS_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("INDEKS_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skipf("no shared data: %v", err)
	}
	return path
}

func readShared(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(shared(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var references = map[string]string{
	VC1:      "reference/w3c/credentials-v1.jsonld",
	VC2:      "reference/w3c/credentials-v2.jsonld",
	StatusV1: "reference/w3c/status-list-v1.jsonld",
	EDCAP:    "reference/elm/edc-ap-context.jsonld",
}

// Each compiled-in context is the same JSON value as the published file, and
// that file is the one whose digests are written down.
func TestContextsEqualPublication(t *testing.T) {
	for url, name := range references {
		t.Run(url, func(t *testing.T) {
			data := readShared(t, name)
			var want, got any
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(Default().docs[url].bytes, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("context differs (-published +ours):\n%s", diff)
			}
			if diff := cmp.Diff(digestsOf(data), Default().docs[url].digests); diff != "" {
				t.Errorf("digests differ (-published +ours):\n%s", diff)
			}
			sum := sha256.Sum256(data)
			if got := PublishedDigest(url); got != hex.EncodeToString(sum[:]) {
				t.Errorf("PublishedDigest = %s", got)
			}
		})
	}
}
