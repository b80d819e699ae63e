package issuing

import (
	"encoding/xml"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"indeks/examples"
)

var auth = []string{"Authorization", "Bearer " + apiKey}

// fill puts the examples into the catalogue of a new server.
func fill(t *testing.T) (base string) {
	t.Helper()
	base, _ = newServer(t)
	for _, example := range examples.Courses() {
		if got := ask(t, "POST", base+"/api/v1/courses", string(example.CourseJSON), auth...); got.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", example.Name, got.status, got.body)
		}
	}
	return base
}

func TestAPICourses(t *testing.T) {
	base, _ := newServer(t)
	stewardship := string(examples.Courses()[0].CourseJSON)
	other := strings.Replace(stewardship, `"eqf": 7`, `"eqf": 6`, 1)
	slash := regexp.MustCompile(`"version": "[^"]*"`).ReplaceAllString(stewardship, `"version": "2027/1 б"`)
	learner := `"learner": {"given_name": "Ana", "family_name": "Primer", "date_of_birth": "2001-02-03", "awarding_date": "2026-06-30"}`
	issue := append([]string{"Idempotency-Key", "row-1"}, auth...)
	for _, tc := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"no key", "POST", "/courses", stewardship, nil, 401, "Bearer"},
		{"no key to read", "GET", "/courses", "", nil, 401, "Bearer"},
		{"none yet", "GET", "/courses", "", auth, 200, `"courses": []`},
		{"create as draft", "POST", "/courses?published=false&from=2026-01-01", stewardship, auth, 201, `"state": "draft"`},
		{"drafts have no page", "GET", "/../../catalogue/data-stewardship", "", nil, 404, ""},
		{"a draft changes", "POST", "/courses", other, auth, 200, `"used": false`},
		{"and back", "POST", "/courses?from=2026-01-01", stewardship, auth, 200, `"from": "2026-01-01"`},
		{"the same again", "POST", "/courses?from=2026-01-01", stewardship, auth, 200, `"published": true`},
		{"with a problem", "POST", "/courses", strings.Replace(stewardship, `"eqf": 7`, `"eqf": 9`, 1), auth, 422, "/level/eqf"},
		{"no JSON", "POST", "/courses", "course", auth, 422, "errors"},
		{"no day", "POST", "/courses?until=soon", stewardship, auth, 422, "/until"},
		{"published maybe", "POST", "/courses?published=maybe", stewardship, auth, 422, "/published"},
		{"list", "GET", "/courses", "", auth, 200, `"used": false`},
		{"versions", "GET", "/courses/data-stewardship", "", auth, 200, `"versions": [`},
		{"no such course", "GET", "/courses/astrology", "", auth, 404, "No such course"},
		{"no such version", "GET", "/courses/data-stewardship/1999", "", auth, 404, "No such course"},

		{"issue by id", "POST", "/credentials", `{"course_id": "data-stewardship", "course_version": "2026.1", ` + learner + `}`, issue, 201, `"course_version": "2026.1"`},
		{"issue by id again", "POST", "/credentials", `{"course_id": "data-stewardship", "course_version": "2026.1", ` + learner + `}`, issue, 201, `"course_version": "2026.1"`},
		{"the same as by file", "POST", "/credentials", `{"course": ` + stewardship + `, ` + learner + `}`, issue, 201, `"course_version": "2026.1"`},
		{"by id without version", "POST", "/credentials", `{"course_id": "data-stewardship", ` + learner + `}`, issue, 422, "/course_version"},
		{"by version without id", "POST", "/credentials", `{"course_version": "2026.1", ` + learner + `}`, issue, 422, "/course_id"},
		{"by id and file", "POST", "/credentials", `{"course_id": "data-stewardship", "course_version": "1", "course": {}, ` + learner + `}`, issue, 422, "/course"},
		{"by unknown id", "POST", "/credentials", `{"course_id": "astrology", "course_version": "1", ` + learner + `}`, issue, 422, "/course_id"},

		{"used", "GET", "/courses/data-stewardship", "", auth, 200, `"used": true`},
		{"a used version changes", "POST", "/courses", other, auth, 409, "does not change"},
		{"a used version is withdrawn", "POST", "/courses?published=false", stewardship, auth, 200, `"state": "withdrawn"`},
		{"and stays readable", "GET", "/../../catalogue/data-stewardship/2026.1", "", nil, 200, "withdrawn"},
		{"a version to be escaped", "POST", "/courses", slash, auth, 201, `/api/v1/courses/data-stewardship/2027%2F1%20%D0%B1`},
		{"its file", "GET", "/courses/data-stewardship/2027%2F1%20%D0%B1", "", auth, 200, `"2027/1 б"`},
		{"its page", "GET", "/../../catalogue/data-stewardship/2027%2F1%20%D0%B1", "", nil, 200, "2027/1 б"},
		{"its linked data", "GET", "/../../catalogue/data-stewardship/2027%2F1%20%D0%B1.jsonld", "", nil, 200, `/catalogue/data-stewardship/2027%2F1%20%D0%B1"`},
	} {
		got := ask(t, tc.method, base+strings.Replace("/api/v1"+tc.path, "/api/v1/../..", "", 1), tc.body, tc.headers...)
		if got.status != tc.status || !strings.Contains(got.body, tc.want) {
			t.Fatalf("%s: %d, want %d with %q:\n%s", tc.name, got.status, tc.status, tc.want, got.body)
		}
	}

	// What comes out goes in again, and changes nothing.
	file := ask(t, "GET", base+"/api/v1/courses/data-stewardship/2026.1", "", auth...)
	before := ask(t, "GET", base+"/api/v1/courses", "", auth...)
	if got := ask(t, "POST", base+"/api/v1/courses?published=false", file.body, auth...); got.status != 200 {
		t.Errorf("putting what was exported: %d %s", got.status, got.body)
	}
	if after := ask(t, "GET", base+"/api/v1/courses", "", auth...); after.body != before.body {
		t.Errorf("putting what was exported changed\n%s\nto\n%s", before.body, after.body)
	}
}

func TestCataloguePages(t *testing.T) {
	base := fill(t)
	for _, tc := range []struct{ path, want, not string }{
		{"/", `href="/catalogue"`, ""},
		{"/catalogue", "3 courses", "<script"},
		{"/catalogue?lang=sr-Cyrl", "3 курса", "3 courses"},
		{"/catalogue?q=glodalice", "CNC", "First Aid"},
		{"/catalogue?q=glodalice&lang=hr", "1 program<", ""},
		{"/catalogue?level=7", "Data Stewardship", "CNC"},
		{"/catalogue?system=CSVET&min=2&max=9", "CNC", "Data Stewardship"},
		{"/catalogue?field=0715", "CNC", "First Aid"},
		{"/catalogue?language=HRV", "CNC", "First Aid"},
		{"/catalogue?mode=blended", "Data Stewardship", "CNC"},
		{"/catalogue?kind=supplementary", `<option value="supplementary" selected>`, "Data Stewardship"},
		{"/catalogue?q=%22%3E%3Cscript%3E", "No courses match", "<script"},
		{"/catalogue?level=high", "3 courses", ""},
		{"/catalogue?mode=online&lang=hr&q=a", `?lang=en&amp;mode=online&amp;q=a`, ""},
		{"/catalogue/data-stewardship", "Complaints and appeals</dt><dd><span>A complaint about an assessment goes to the dean", "Entry in a register"},
		{"/catalogue/data-stewardship", "https://www.university-of-sava.example/prior-learning", "Entry in a register"},
		{"/catalogue/data-stewardship", "This is not a short-cycle, bachelor&#39;s, master&#39;s or doctoral degree", "Prior learning: none"},
		{"/catalogue/data-stewardship?lang=sr-Latn", "Kako se upisati", "How to enrol"},
		{"/catalogue/cnc-operator?lang=sr-Latn", `lang="hr"`, ""}, // the course has no Serbian: another language, and said so
		{"/catalogue/cnc-operator", "How to enrol", "as the credential states"},
		{"/catalogue/cnc-operator/2026.1", `aria-current="true">2026.1`, ""},
		{"/catalogue/guide", "One ECTS credit stands for 25 to 30 hours", ""},
		{"/catalogue/guide?lang=hr", "Jedan ECTS bod", "Credits"},
		{"/catalogue/guide?lang=sr-Latn", "Jedan ESPB bod", "Credits"},
		{"/catalogue/guide?lang=sr-Cyrl", "Један ЕСПБ бод", "Credits"},
		{"/robots.txt", "Allow: /catalogue", ""},
	} {
		got := ask(t, "GET", base+tc.path, "")
		if got.status != 200 || !strings.Contains(got.body, tc.want) || tc.not != "" && strings.Contains(got.body, tc.not) {
			t.Errorf("%s: %d, want %q, not %q:\n%s", tc.path, got.status, tc.want, tc.not, got.body)
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s: policy %q", tc.path, policy)
		}
		if strings.HasPrefix(tc.path, "/catalogue") {
			tag := got.header.Get("ETag")
			if again := ask(t, "GET", base+tc.path, "", "If-None-Match", tag); tag == "" || again.status != http.StatusNotModified || again.body != "" {
				t.Errorf("%s with its ETag %q: %d", tc.path, tag, again.status)
			}
		}
	}
	for _, path := range []string{"/catalogue/astrology", "/catalogue/cnc-operator/1", "/catalogue/astrology.jsonld", "/catalogue/cnc-operator.xml"} {
		if got := ask(t, "GET", base+path, ""); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestCatalogueForPrograms(t *testing.T) {
	base := fill(t)
	for path, want := range map[string]string{
		"/catalogue/data-stewardship.jsonld":      `"LearningOpportunity"`,
		"/catalogue/data-stewardship.schema.json": `"https://schema.org"`,
	} {
		got := ask(t, "GET", base+path, "")
		var doc map[string]any
		if err := json.Unmarshal([]byte(got.body), &doc); err != nil || !strings.Contains(got.body, want) || got.header.Get("Content-Type") != "application/ld+json" {
			t.Errorf("%s: %v, %s\n%s", path, err, got.header.Get("Content-Type"), got.body)
		}
	}
	if links := ask(t, "GET", base+"/catalogue/data-stewardship", "").header.Values("Link"); len(links) != 2 || !strings.HasPrefix(links[0], "</catalogue/data-stewardship/2026.1.jsonld>") {
		t.Errorf("links %q", links)
	}
	read := func(query string) (doc struct {
		ID      string
		Courses []struct {
			ID            string `json:"id"`
			CourseID      string `json:"course_id"`
			State         string
			Changed       time.Time
			RegisterEntry *struct{ Register, Number, URL, Date string } `json:"registerEntry"`
		}
	}) {
		t.Helper()
		got := ask(t, "GET", base+"/catalogue.json"+query, "")
		if err := json.Unmarshal([]byte(got.body), &doc, json.MatchCaseInsensitiveNames(true)); err != nil || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%v: %s", err, got.body)
		}
		return doc
	}
	all := read("")
	if len(all.Courses) != 3 || all.Courses[0].ID != "https://issuer.school.example/catalogue/cnc-operator/2026.1" || all.Courses[0].RegisterEntry != nil {
		t.Errorf("all courses, the first of which another body awards: %+v", all)
	}
	if own := all.Courses[2]; own.CourseID != "data-stewardship" || own.RegisterEntry == nil || own.RegisterEntry.Number != "12" || own.RegisterEntry.Date != "2007-01-01" {
		t.Errorf("the institution's own course: %+v", own)
	}
	today, tomorrow := time.Now().UTC().Format(time.DateOnly), time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	if n := len(read("?since=" + today).Courses); n != 3 {
		t.Errorf("since today: %d", n)
	}
	if n := len(read("?since=" + tomorrow).Courses); n != 0 {
		t.Errorf("since tomorrow: %d", n)
	}
	if got := ask(t, "GET", base+"/catalogue.json?since=lately", ""); got.status != 400 {
		t.Errorf("since lately: %d", got.status)
	}

	// What is withdrawn is told, not left out; a feed has what is on offer.
	if got := ask(t, "POST", base+"/api/v1/courses?published=false", string(examples.Courses()[0].CourseJSON), auth...); got.status != 200 {
		t.Fatal(got.body)
	}
	states := map[string]string{}
	for _, c := range read("?since=" + today).Courses {
		states[c.CourseID] = c.State
	}
	if states["data-stewardship"] != "withdrawn" || states["cnc-operator"] != "offered" {
		t.Errorf("states %v", states)
	}
	for _, lang := range []string{"en", "sr-Cyrl"} {
		got := ask(t, "GET", base+"/catalogue/feed.atom?lang="+lang, "")
		var f struct {
			XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
			ID      string   `xml:"id"`
			Updated string   `xml:"updated"`
			Author  string   `xml:"author>name"`
			Entries []struct {
				ID      string `xml:"id"`
				Title   string `xml:"title"`
				Updated string `xml:"updated"`
			} `xml:"entry"`
		}
		if err := xml.Unmarshal([]byte(got.body), &f); err != nil || f.ID == "" || f.Author == "" || len(f.Entries) != 2 {
			t.Fatalf("feed: %v\n%s", err, got.body)
		}
		for _, e := range f.Entries {
			if _, err := time.Parse(time.RFC3339, e.Updated); err != nil || e.ID == "" || e.Title == "" || e.Updated > f.Updated {
				t.Errorf("entry %+v", e)
			}
		}
	}
}
