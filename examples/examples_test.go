package examples

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

func TestJSONIsStrict(t *testing.T) {
	docs := map[string][]byte{"institution.json": Institution()}
	for _, c := range Courses() {
		docs[c.Name] = c.CourseJSON
	}
	if len(docs) != 4 {
		t.Fatalf("%d documents, want the institution and three courses", len(docs))
	}
	for name, raw := range docs {
		var doc map[string]any
		// Refuses duplicate members and invalid UTF-8 by default.
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every text for people is there in every language of its course, and the two
// Serbian scripts are what they are called.
func TestTextsAreCompleteAndInTheirScript(t *testing.T) {
	languages := map[string][]string{
		"data-stewardship/course.json":    {"en", "sr-Latn", "sr-Cyrl"},
		"cnc-operator/course.json":        {"en", "hr"},
		"community-first-aid/course.json": {"en", "sr-Latn", "sr-Cyrl"},
	}
	for _, c := range Courses() {
		var doc any
		if err := json.Unmarshal(c.CourseJSON, &doc); err != nil {
			t.Fatal(err)
		}
		walk(doc, "", func(at string, object map[string]any) {
			if object["en"] == nil || strings.HasSuffix(at, "/label") { // ESCO labels are as published
				return
			}
			if len(object) != len(languages[c.Name]) {
				t.Errorf("%s%s: %d languages, want %v", c.Name, at, len(object), languages[c.Name])
			}
			for _, lang := range languages[c.Name] {
				text, _ := object[lang].(string)
				cyrillic := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
				if text == "" || text != strings.TrimSpace(text) || cyrillic != (lang == "sr-Cyrl") {
					t.Errorf("%s%s/%s: %q", c.Name, at, lang, text)
				}
			}
		})
	}
}

// Nothing here may lead to, or write to, anybody who exists. The EU's concepts
// are names, not places to visit.
func TestHostsAreInvented(t *testing.T) {
	host := regexp.MustCompile(`(?:https?://|@)([^\s"/,;]+)`)
	all := [][]byte{Institution(), Class250()}
	for _, c := range Courses() {
		all = append(all, c.CourseJSON, c.List)
	}
	for _, raw := range all {
		for _, m := range host.FindAllSubmatch(raw, -1) {
			if name := string(m[1]); !strings.HasSuffix(name, ".example") && name != "data.europa.eu" {
				t.Errorf("host %q does not end in .example", name)
			}
		}
	}
}

func TestListsAreWhatTheyAreSaidToBe(t *testing.T) {
	courses := Courses()
	tests := []struct {
		name     string
		list     []byte
		comma    rune
		utf8     bool
		newline  string
		header   string
		learners int
		scripts  *unicode.RangeTable // some name is written in it
	}{
		{courses[0].ListName, courses[0].List, ',', true, "\n", "given_name", 3, unicode.Latin},
		{courses[1].ListName, courses[1].List, ';', false, "\r\n", "Ime", 3, unicode.Latin},
		{courses[2].ListName, courses[2].List, ',', true, "\n", "Име", 3, unicode.Cyrillic},
		{"class-250.csv", Class250(), ',', true, "\n", "given_name", 250, unicode.Cyrillic},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := utf8.Valid(tt.list); got != tt.utf8 {
				t.Fatalf("valid UTF-8: %v, want %v", got, tt.utf8)
			}
			if n, crlf := bytes.Count(tt.list, []byte("\n")), bytes.Count(tt.list, []byte("\r\n")); crlf != 0 && crlf != n || (crlf != 0) != (tt.newline == "\r\n") {
				t.Errorf("%d line ends, %d of them CRLF, want all %q", n, crlf, tt.newline)
			}
			r := csv.NewReader(bytes.NewReader(tt.list))
			r.Comma = tt.comma
			rows, err := r.ReadAll() // also wants the same number of cells in every row
			if err != nil {
				t.Fatal(err)
			}
			if len(rows)-1 != tt.learners || rows[0][0] != tt.header {
				t.Fatalf("%d learners below %q, want %d below %q", len(rows)-1, rows[0][0], tt.learners, tt.header)
			}
			ids, inScript := map[string]bool{}, false
			for i, row := range rows[1:] {
				inScript = inScript || strings.ContainsFunc(row[0], func(r rune) bool { return unicode.Is(tt.scripts, r) })
				if d, err := time.Parse(time.DateOnly, row[2]); err != nil || d.Year() < 1950 || d.Year() > 2008 {
					t.Errorf("row %d: birth date %q", i+2, row[2])
				}
				if row[0] == "" || row[1] == "" || row[3] == "" || ids[row[3]] {
					t.Errorf("row %d: a name is empty, or the learner id %q is empty or there twice", i+2, row[3])
				}
				ids[row[3]] = true
			}
			if !inScript {
				t.Error("no given name is in the script that this list is an example of")
			}
		})
	}
}

// In Windows-1250 the five letters of Croatian that Latin-1 does not have are
// single bytes; if the file were re-saved in another encoding, they would not be.
func TestCroatianListIsWindows1250(t *testing.T) {
	list := Courses()[1].List
	for letter, b := range map[string]byte{"č": 0xE8, "ć": 0xE6, "ž": 0x9E, "š": 0x9A, "đ": 0xF0, "Č": 0xC8, "Ž": 0x8E, "Š": 0x8A} {
		if bytes.IndexByte(list, b) < 0 {
			t.Errorf("%s (%#x) does not occur", letter, b)
		}
	}
}

func walk(v any, at string, visit func(at string, object map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(at, v)
		for k, w := range v {
			walk(w, at+"/"+k, visit)
		}
	case []any:
		for i, w := range v {
			walk(w, fmt.Sprintf("%s/%d", at, i), visit)
		}
	}
}
