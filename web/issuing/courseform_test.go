package issuing

import (
	"html"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"indeks/examples"
	"indeks/issuer"
)

// notInForm are the fields of a course file that the form has no field for, with the
// reason. They stand in the file below the form, which keeps them.
var notInForm = map[string]string{
	"/outcomes/0/id":     "numbered by the form, so that those of learners with prior learning go on to fit",
	"/outcomes/0/esco/1": "the first skill of an outcome is in the form; more are seldom",
	"/credits/1":         "the first amount is in the form; more are for awards that count in two systems",
	"/onward_levels/0":   "one field for all of them",
	"/languages/0":       "one field for all of them",
	"/fields/0":          "one field for all of them",
}

// Every field of the course file is in the form, or stands on the list above.
func TestFormHasEachFieldOfACourse(t *testing.T) {
	n, words := 0, reflect.TypeFor[issuer.Words]()
	var walk func(typ reflect.Type, at string)
	walk = func(typ reflect.Type, at string) {
		if _, ok := specOf(at); ok {
			n++
			return
		}
		if _, ok := specOf(at + "/en"); ok && typ == words {
			n++
			return
		}
		if notInForm[at] != "" {
			return
		}
		switch typ.Kind() {
		case reflect.Pointer:
			walk(typ.Elem(), at)
		case reflect.Slice:
			walk(typ.Elem(), at+"/0")
		case reflect.Struct:
			for i := range typ.NumField() {
				name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				walk(typ.Field(i).Type, at+"/"+name)
			}
		default:
			t.Errorf("%s is neither in the form nor on the list", at)
		}
	}
	walk(reflect.TypeFor[issuer.Course](), "")
	if n < 90 {
		t.Errorf("only %d fields are in the form", n)
	}
	fields := 0
	for _, part := range courseSpec {
		fields += len(part.fields)
	}
	if fields > n {
		t.Errorf("the form has %d fields, of which the course file knows %d", fields, n)
	}
}

// What the form shows of a course is the course: sent as it is, nothing is lost of what
// the examples say, and what was emptied is gone.
func TestFormKeepsWhatACourseSays(t *testing.T) {
	b, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	for _, example := range examples.Courses() {
		var doc map[string]any
		if err := json.Unmarshal(example.CourseJSON, &doc); err != nil {
			t.Fatal(err)
		}
		page := b.post("/desk/courses/form", "/desk/courses/form", "step", "file", "file", string(example.CourseJSON)).Body.String()
		values := []string{"step", "check", "file", string(example.CourseJSON)}
		for _, field := range formInputs(page) {
			values = append(values, field[0], field[1])
		}
		w := b.post("/desk/courses/form", "/desk/courses/form", values...)
		var after map[string]any
		if err := json.Unmarshal([]byte(fileOf(t, w.Body.String())), &after); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(prune(doc), prune(after)) {
			t.Errorf("%s:\n%v\n%v", example.Name, doc, after)
		}
	}
	raw := string(examples.Courses()[0].CourseJSON)
	w := b.post("/desk/courses/form", "/desk/courses/form", "step", "check", "file", raw, "/activities/0/title/en", "Seminar", "/activities/0/hours", "10", "/awarding_body/legal_name/en", "Chamber", "/awarding_body/country", "SRB",
		"/signatory/name", "R. V.", "/signatory/office", "Rector", "/fields", "0613, 0322", "/quality_assurance/0/eqar", "true", "/description/en", "")
	got := fileOf(t, w.Body.String())
	for _, want := range []string{`"Seminar"`, `"Chamber"`, `"Rector"`, `"0322"`, `"eqar": true`} {
		if !strings.Contains(got, want) {
			t.Errorf("the file lacks %s", want)
		}
	}
	if page := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(page[strings.Index(page, `class="beside"`):], "Chamber") {
		t.Error("the credential beside the form does not grow with it")
	}
}

var (
	formInput  = regexp.MustCompile(`(?s)<(input|select|textarea)[^>]* name="(/[^"]*)"(?: value="([^"]*)")?[^>]*>(?:(.*?)</(?:select|textarea)>)?`)
	formChosen = regexp.MustCompile(`<option value="([^"]*)" selected>`)
)

// formInputs are names and values of the fields of the course on a page, but for the file.
func formInputs(page string) (list [][2]string) {
	for _, m := range formInput.FindAllStringSubmatch(page, -1) {
		value := m[3]
		if strings.HasPrefix(m[0], "<select") {
			value = ""
			if chosen := formChosen.FindStringSubmatch(m[0]); chosen != nil {
				value = chosen[1]
			}
		} else if strings.HasPrefix(m[0], "<textarea") {
			value = m[4]
		} else if strings.Contains(m[0], `type="checkbox"`) && !strings.Contains(m[0], " checked") {
			continue
		}
		list = append(list, [2]string{m[2], html.UnescapeString(value)})
	}
	return list
}

func fileOf(t *testing.T, page string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `<textarea id="file"`)
	if !ok {
		t.Fatal("there is no file on the page")
	}
	_, rest, _ = strings.Cut(rest, ">")
	raw, _, _ := strings.Cut(rest, "</textarea>")
	return html.UnescapeString(raw)
}

// A correction changes what the form of an award has, takes away what is there, and says
// in the reader's language what is wrong.
func TestDeskCorrectionTakesAway(t *testing.T) {
	b, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	page := award(t, b, "grade", "9", "learner_id", "2021/0007")
	form := b.get(page + "/correct")
	if !strings.Contains(form, `name="empty" value="grade"`) || strings.Contains(form, `name="empty" value="email"`) {
		t.Error("what is there cannot be taken away, or what is not can")
	}
	w := b.post(page+"/correct", page+"/correct?lang=hr", "code", "error-in-data", "reason", "it was another one's", "empty", "date_of_birth", "step", "check")
	if got := w.Body.String(); w.Code != http.StatusUnprocessableEntity || strings.Contains(got, "the cell is empty") || !strings.Contains(got, "prazn") {
		t.Errorf("without a date of birth: %d %s", w.Code, failures(got))
	}
	w = b.post(page+"/correct", page+"/correct", "code", "error-in-data", "reason", "it was another one's", "empty", "grade", "step", "issue")
	to, _, _ := strings.Cut(w.Header().Get("Location"), "?")
	if !strings.HasPrefix(to, "/desk/records/") || to == page {
		t.Fatalf("corrected: %d %s", w.Code, failures(w.Body.String()))
	}
	if form := b.get(to + "/correct"); strings.Contains(form, `name="empty" value="grade"`) || !strings.Contains(form, `name="empty" value="learner_id"`) {
		t.Error("the grade is still there, or more is gone")
	}
}

// What can be chosen in the forms is called by words in each language, not by codes.
func TestChoicesHaveWords(t *testing.T) {
	b, _, records, _ := newDesk(t, Registrar)
	withCourses(t, records)
	for lang, want := range map[string][]string{"en": {"outside its formal programmes", "majority of the outcomes"}, "de": {"außerhalb formaler Programme", "Fertigkeit"}} {
		page := b.get("/desk/courses/form?lang=" + lang)
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s lacks %q", lang, text)
			}
		}
	}
	if page := b.get("/desk/issue?course=community-first-aid&lang=de"); !strings.Contains(page, `<option value="part">ein Teil</option>`) {
		t.Error("the form of one learner has codes")
	}
	codes := map[string]bool{"ECTS": true, "CSVET": true, "CSPK": true, "ECVET": true, "SCQF": true}
	texts, err := os.ReadFile(filepath.Join("pages", "locales", "en.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range courseSpec {
		for _, field := range part.fields {
			for _, code := range field.choices {
				if field.list == "" && !codes[code] && !strings.Contains(string(texts), `"desk.choice.`+code+`"`) {
					t.Errorf("%s has no word", code)
				}
			}
		}
	}
}
