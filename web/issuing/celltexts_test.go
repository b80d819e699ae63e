package issuing

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every rule that a class list can break, as the tests of package issuer show them, says
// in each language what is wrong.
func TestRulesOfListsHaveTexts(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("..", "..", "issuer", "testdata", "lists.golden"))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := os.ReadFile(filepath.Join("pages", "locales", "en.json")) // that the others have the same ids, the kit sees to
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+): `).FindAllStringSubmatch(string(golden), -1) {
		if m[1] == "error" { // no rule: what the whole came to
			continue
		}
		n++
		if !strings.Contains(string(texts), `"cell.`+m[1]+`": `) {
			t.Errorf("rule %s has no text", m[1])
		}
	}
	if n < 30 {
		t.Errorf("only %d problems are in the golden file", n)
	}
}
