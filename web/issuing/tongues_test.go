package issuing

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// english finds what is left of English on a page in another language.
type english struct {
	only  map[string]map[string]bool // texts of ours in English that are none in a language, by language
	names []string                   // of persons, institutions and registers, which are in no language
}

func newEnglish(t *testing.T, names ...string) *english {
	t.Helper()
	e := &english{only: map[string]map[string]bool{}, names: names}
	texts := map[string]map[string]bool{} // by language
	for _, folder := range []string{"pages", "..", "../../elm"} {
		files, err := filepath.Glob(filepath.Join(folder, "locales", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var read map[string]any
			if err := json.Unmarshal(raw, &read); err != nil {
				t.Fatal(err)
			}
			lang := strings.TrimSuffix(filepath.Base(file), ".json")
			if texts[lang] == nil {
				texts[lang] = map[string]bool{}
			}
			for _, text := range read {
				if text, ok := text.(string); ok {
					texts[lang][text] = true
				}
			}
		}
	}
	for lang, own := range texts {
		e.only[lang] = maps.Clone(texts["en"])
		maps.DeleteFunc(e.only[lang], func(text string, _ bool) bool { return own[text] })
		if n := len(e.only[lang]); lang != "en" && n < 1000 {
			t.Fatalf("only %d texts are told from those of %s", n, lang)
		}
	}
	return e
}

// left are the texts of a page in a language that are English: those of ours, whatever the
// page says of their language, and those of others that it does not say it of.
func (e *english) left(t *testing.T, page, lang string) (left []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	look := func(text, in string) {
		for _, name := range e.names {
			text = strings.ReplaceAll(text, name, "")
		}
		text = strings.TrimSpace(text)
		// A single word that is marked as English is a code, or the name of English.
		if e.only[lang][text] && (in != "en" || strings.Contains(text, " ")) {
			left = append(left, text)
			return
		}
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && r != '_' }) {
			if in == lang && slices.Contains(englishWords, strings.ToLower(word)) {
				left = append(left, fmt.Sprintf("%q in: %s", word, text))
				return
			}
		}
	}
	var walk func(n *html.Node, in string)
	walk = func(n *html.Node, in string) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "script", "style", "code", "pre", "textarea", "title": // a title has one language, and names what is on the page
				return
			}
			for _, a := range n.Attr {
				if a.Key == "lang" {
					in = a.Val
				}
			}
			for _, a := range n.Attr {
				switch a.Key {
				case "title", "aria-label", "placeholder", "alt":
					look(a.Val, in)
				}
			}
		}
		if n.Type == html.TextNode {
			look(n.Data, in)
		}
		for c := range n.ChildNodes() {
			walk(c, in)
		}
	}
	walk(root, "")
	return left
}

// englishWords are words that none of our other languages has.
var englishWords = strings.Fields("the of and with is are for from that which this expected missing must has have without until")

// The test above can fail.
func TestEnglishIsFound(t *testing.T) {
	e := newEnglish(t, "School of Sava")
	for page, want := range map[string]int{
		`<html lang="de"><p>Verleiht die School of Sava</p><code>the and</code><p lang="en">the law of others</p>`: 0,
		`<html lang="de"><p>Records</p>`: 1, `<html lang="de"><p>one of <b>the</b> many</p>`: 2, `<html lang="de"><p lang="en">Needs attention</p><p lang="en">needs attention</p>`: 1, `<html lang="de"><input aria-label="Search for it">`: 1,
	} {
		if got := e.left(t, page, "de"); len(got) != want {
			t.Errorf("%s: %q, want %d", page, got, want)
		}
	}
}
