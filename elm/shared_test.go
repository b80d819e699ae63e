package elm

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"indeks/contexts"
	"indeks/internal/reference"
)

// samples returns the credentials among the reference files by name: the file
// itself, the payload of a sealed file, or the credential of an uploadable one,
// to which the two contexts are added where they are absent.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	reference := reference.Path(t, "reference")
	found := make(map[string][]byte)
	for _, folder := range []string{"samples", "shacl-cases", "ebsi-elm32/examples"} {
		err := filepath.WalkDir(filepath.Join(reference, folder), func(path string, entry fs.DirEntry, err error) error {
			name := filepath.Base(path)
			if err != nil || entry.IsDir() || strings.HasPrefix(name, "expected-") || name == "verdicts.json" {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(reference, path)
			if err != nil {
				return err
			}
			found[relative] = document(t, raw)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 30 {
		t.Fatalf("only %d samples", len(found))
	}
	return found
}

func document(t testing.TB, raw []byte) []byte {
	t.Helper()
	var file struct {
		Payload    string
		Credential json.RawMessage
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	switch {
	case file.Payload != "":
		return []byte(file.Payload)
	case file.Credential != nil:
		raw = file.Credential
	}
	if !bytes.Contains(raw, []byte(`"@context"`)) {
		i := bytes.IndexByte(raw, '{') + 1
		added := `"@context":["` + contexts.VC1 + `","` + contexts.EDCAP + `"],`
		raw = []byte("{" + added + string(raw[i:]))
	}
	return raw
}
